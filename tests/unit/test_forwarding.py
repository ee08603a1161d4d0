"""Connections that the forwarder to localhost passes on."""

from __future__ import annotations

import asyncio
import gc
import os
import socket
from contextlib import suppress

from labs.engines.cluster import port_forwarder
from labs.engines.cluster.port_forwarder import STATE, Forwarder
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
