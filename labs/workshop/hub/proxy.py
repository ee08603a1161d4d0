"""The proxy in front of the hub and all learners' servers, a process of its own: without the hub, everybody goes on.

The table of routes and the hub's way to change it are those of the package configurable-http-proxy. What passes between
browsers and servers does not go through that package's handlers: they send binary messages of kernels as text, do not
say which WebSocket protocol was chosen nor that the other side has closed, and keep whole downloads in memory. Here a
connection serves one request: its head says where it leads, and from then on bytes are passed as they come.
"""

from __future__ import annotations

import asyncio
import os
import sys
from contextlib import suppress
from datetime import UTC, datetime
from urllib.parse import urlsplit

from configurable_http_proxy.configproxy import PythonProxy
from tornado.httpserver import HTTPServer

__all__ = ["Gate", "Table", "main", "rewritten"]

USER = 64043
"""The user id of the proxy: nobody else's."""
PATIENCE = 30
"""Seconds for a browser to send a request's head, and for a server to take a connection."""
LARGEST_HEAD = 1 << 16
CHUNK = 1 << 16
FORWARDED = ("x-forwarded-proto", "x-forwarded-host")
AWAY = b"""HTTP/1.1 503 Service Unavailable\r\nContent-Type: text/html\r\nConnection: close\r\n\r\n<!doctype html>
<meta http-equiv="refresh" content="3">
<title>One moment</title>
<p>The workshop's server is not there at the moment. This page tries again by itself; nothing of yours is lost."""


class Table(PythonProxy):
    """The routes; when one was used last is told in UTC, as the hub understands it."""

    def update_last_activity(self, prefix: str) -> None:
        """Note that a route is in use.

        Args:
            prefix: the route's.
        """
        if self._routes.get(prefix):
            self._routes.update(prefix, {"last_activity": datetime.now(UTC)})


class Gate:
    """Where browsers connect.

    Args:
        table: the routes.
    """

    def __init__(self, table: Table) -> None:
        self.table = table

    async def pass_on(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Serve one connection."""
        try:
            await self._pass_on(reader, writer)
        except (OSError, EOFError, asyncio.LimitOverrunError, TimeoutError):  # either side has gone, or talks no HTTP
            pass
        finally:
            writer.close()

    async def _pass_on(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = await asyncio.wait_for(reader.readuntil(b"\r\n\r\n"), PATIENCE)
        path = urlsplit(head.split(b" ", 2)[1].decode("latin-1")).path
        route = self.table.target_for_req(None, path)
        target = urlsplit(route["target"])
        try:
            opening = asyncio.open_connection(target.hostname, target.port)
            back, forth = await asyncio.wait_for(opening, PATIENCE)
        except (OSError, TimeoutError):
            writer.write(AWAY)
            await writer.drain()
            return
        forth.write(rewritten(head, writer.get_extra_info("peername")[0]))
        there = asyncio.create_task(self._copy(reader, forth, route["prefix"]))
        try:
            await self._copy(back, writer, route["prefix"])
        finally:
            there.cancel()
            forth.close()
            with suppress(asyncio.CancelledError, OSError):
                await there

    async def _copy(self, source: asyncio.StreamReader, sink: asyncio.StreamWriter, prefix: str) -> None:
        while chunk := await source.read(CHUNK):
            self.table.update_last_activity(prefix)
            sink.write(chunk)
            await sink.drain()


def rewritten(head: bytes, address: str) -> bytes:
    """A request's head as the server behind must read it.

    Args:
        head: as it came, the empty line at its end included.
        address: whose connection it came on.
    """
    first, *lines = head[:-4].split(b"\r\n")
    headers = [(line.partition(b":")[0].strip().lower().decode("latin-1"), line) for line in lines]
    names = {name for name, _ in headers}
    kept = [line for name, line in headers if name not in ("connection", "keep-alive")]
    kept.append(b"X-Forwarded-For: " + address.encode())  # after what a web server in front has said
    if not names & set(FORWARDED):
        kept.append(b"X-Forwarded-Proto: http")
    kept.append(b"Connection: Upgrade" if "upgrade" in names else b"Connection: close")
    return b"\r\n".join([first, *kept, b"", b""])


async def serve(bind: str, port: int, api_port: int, hub: str) -> None:
    """Serve until the process is stopped.

    Args:
        bind: the address on which browsers connect.
        port: the port.
        api_port: the port, on 127.0.0.1, for the hub.
        hub: where all leads that no route is for.
    """
    table = Table({"default_target": hub, "auth_token": os.environ["CONFIGPROXY_AUTH_TOKEN"]})
    server = await asyncio.start_server(Gate(table).pass_on, bind, port, limit=LARGEST_HEAD)
    HTTPServer(table.api_app).listen(api_port, "127.0.0.1")
    if os.geteuid() == 0:
        os.setgroups([])
        os.setgid(USER)
        os.setuid(USER)
    await server.serve_forever()


def main() -> None:
    """Arguments: address and port for browsers, the port for the hub's orders, the hub's address."""
    bind, port, api_port, hub = sys.argv[1:]
    asyncio.run(serve(bind, int(port), int(api_port), hub))


if __name__ == "__main__":
    main()
