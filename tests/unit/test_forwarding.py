"""Connections that the forwarder to localhost passes on."""

from __future__ import annotations

import asyncio
import gc
import os
import socket

from labs.engines.ports import STATE, Forwarder


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
        return open_files() - before

    gc.disable()  # which would close them some day
    try:
        assert asyncio.run(trial()) <= 2
    finally:
        gc.enable()


def test_full_disk_does_not_end_the_forwarding(tmp_path):
    forwarder = Forwarder(tmp_path, {"nodes": []})  # there is no folder for its state
    asyncio.run(forwarder.update("kubernetes", {}))
