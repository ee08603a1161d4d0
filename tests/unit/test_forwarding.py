"""Connections that the forwarder to localhost passes on."""

from __future__ import annotations

import asyncio
import gc
import json
import os
import socket
import subprocess
import sys
from contextlib import suppress

import pytest

from labs.engines.cluster import port_forwarder
from labs.engines.cluster.port_forwarder import CONFIG, STATE, Forwarder
from labs.engines.runtime.component import Component

RUNNING = Component(port_forwarder.COMPONENT, "running")


def open_files() -> int:
    return len(os.listdir("/proc/self/fd"))


async def echo(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    writer.write(await reader.read())
    await writer.drain()
    writer.close()


async def ask(port: int, words: bytes) -> bytes:
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(words)
    writer.write_eof()
    answer = await reader.read()
    writer.close()
    await writer.wait_closed()
    return answer


def test_finished_connections_are_closed(tmp_path):
    (tmp_path / STATE).parent.mkdir()
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]

    async def trial() -> int:
        server = await asyncio.start_server(echo, "127.0.0.1", 0)
        far = server.sockets[0].getsockname()[1]
        forwarder = Forwarder(tmp_path, {"nodes": ["127.0.0.1"]})
        await forwarder.update("kubernetes", {port: lambda: forwarder.to_nodes(far)})
        before = open_files()
        for _ in range(20):
            assert await ask(port, b"words") == b"words"
        await asyncio.sleep(0.2)
        left = open_files() - before
        server.close()
        await forwarder.update("kubernetes", {})
        return left

    gc.disable()  # which would close them some day
    try:
        assert asyncio.run(trial()) <= 2
    finally:
        gc.enable()


def test_full_disk_does_not_end_the_forwarding(tmp_path):
    forwarder = Forwarder(tmp_path, {"nodes": []})  # there is no folder for its state
    asyncio.run(forwarder.update("kubernetes", {}))


def test_the_registrys_port_is_taken_as_soon_as_it_is_free_and_never_reported(tmp_path, monkeypatch):
    (tmp_path / STATE).parent.mkdir()
    monkeypatch.setattr(port_forwarder, "RETRY", 0.05)
    other = socket.create_server(("127.0.0.1", 0))
    port = other.getsockname()[1]

    async def trial() -> bytes:
        registry = await asyncio.start_server(echo, "127.0.0.1", 0)
        forwarder = Forwarder(tmp_path, {"nodes": ["127.0.0.1"]})
        await forwarder.update("registry", {port: lambda: forwarder.to_nodes(registry.sockets[0].getsockname()[1])})
        assert not port_forwarder.with_detail(RUNNING, tmp_path).detail  # another course may have it
        trying = asyncio.create_task(forwarder.retry())
        other.close()
        while not forwarder.servers:
            await asyncio.sleep(0.05)
        trying.cancel()
        answer = await ask(port, b"words")
        registry.close()
        await forwarder.update("registry", {})
        return answer

    assert asyncio.run(trial()) == b"words"
    assert not port_forwarder.with_detail(RUNNING, tmp_path).detail


async def question(port: int) -> bytes:
    """The answer to a question about the address of ``example.org``; a closed port refuses it."""
    asking = b"\7\7" + b"\1\0" + b"\0\1" + bytes(6) + b"\7example\3org\0" + b"\0\1" + b"\0\1"
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as client:
        client.settimeout(1)
        client.connect(("127.0.0.1", port))
        for _ in range(100):
            with suppress(OSError):
                client.send(asking)
                return await asyncio.to_thread(client.recv, 512)
            await asyncio.sleep(0.05)
    return b""


def test_names_are_answered_as_soon_as_another_program_leaves_the_port(tmp_path, monkeypatch):
    (tmp_path / STATE).parent.mkdir()
    other = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    other.bind(("127.0.0.1", 0))
    port = other.getsockname()[1]
    monkeypatch.setattr(port_forwarder, "NAMES", port)
    monkeypatch.setattr(port_forwarder, "RETRY", 0.05)

    async def trial() -> bytes:
        forwarder = Forwarder(tmp_path, {"nodes": [], "name_server": "127.0.0.1"})
        await forwarder.serve_names()
        await forwarder.update("docker", {})
        assert "names of the outside" in port_forwarder.with_detail(RUNNING, tmp_path).detail
        trying = asyncio.create_task(forwarder.retry())
        other.close()
        try:
            return await question(port)
        finally:
            trying.cancel()
            if forwarder.name_server:
                forwarder.name_server.close()

    answer = asyncio.run(trial())
    assert answer[:2] == b"\7\7"
    assert answer[3] & 15 == 3  # NXDOMAIN
    assert not port_forwarder.with_detail(RUNNING, tmp_path).detail


def test_name_server_whose_socket_was_lost_is_opened_again(tmp_path, monkeypatch):
    (tmp_path / STATE).parent.mkdir()
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    monkeypatch.setattr(port_forwarder, "NAMES", port)
    monkeypatch.setattr(port_forwarder, "RETRY", 0.05)

    async def trial() -> bytes:
        forwarder = Forwarder(tmp_path, {"nodes": [], "name_server": "127.0.0.1"})
        await forwarder.serve_names()
        trying = asyncio.create_task(forwarder.retry())
        forwarder.name_server.abort()
        try:
            return await question(port)
        finally:
            trying.cancel()
            forwarder.name_server.close()

    assert asyncio.run(trial())[3] & 15 == 3  # NXDOMAIN


PART_ENDS = """
import asyncio, sys
from pathlib import Path
from labs.engines.cluster.port_forwarder import Forwarder, _serve

def ends(self, *_):
    raise {error}

setattr(Forwarder, {part!r}, ends)
asyncio.run(_serve(Path(sys.argv[1])))
"""


@pytest.mark.parametrize(
    ("part", "error"),
    [
        ("watch_docker", "SystemExit('no more')"),
        ("watch_kubernetes", "MemoryError('no more')"),
        ("_enter_docker", "OSError('no more')"),
        ("retry", "OSError('no more')"),
    ],
)
def test_no_part_ends_while_the_forwarder_runs(tmp_path, part, error):
    """Else its state would be running, and the ports of one kind dead until somebody removes the course."""
    (tmp_path / STATE).parent.mkdir()
    nowhere = str(tmp_path / "nowhere")
    config = {"nodes": [], "docker_socket": nowhere, "api": "127.0.0.1:1"}
    config |= dict.fromkeys(("ca", "certificate", "key"), nowhere)
    config |= {"docker_pid": os.getpid()} if part == "_enter_docker" else {}
    (tmp_path / CONFIG).write_text(json.dumps(config), encoding="utf-8")
    argv = [sys.executable, "-c", PART_ENDS.format(part=part, error=error), str(tmp_path)]
    done = subprocess.run(argv, capture_output=True, check=False, encoding="utf-8", timeout=60)
    assert done.returncode == 1
    assert "no more" in done.stderr  # `labs logs ports` has it
