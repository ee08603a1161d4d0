"""A name server for containers' questions about the outside, to which they have no way."""

from __future__ import annotations

import asyncio
from typing import Any, cast

__all__ = ["NoSuchName"]


class NoSuchName(asyncio.DatagramProtocol):
    """A name server that knows no name: so a container's question about the outside fails at once, not after 20 s."""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        # asyncio's own transport for datagrams is no subclass of DatagramTransport before Python 3.12
        self.transport = cast("asyncio.DatagramTransport", transport)

    def datagram_received(self, data: bytes, address: tuple[str | Any, int]) -> None:
        end = data.find(b"\0", 12) + 5  # one question: labels, a zero, type and class (RFC 1035, 4.1)
        if len(data) >= end > 16:
            header = data[:2] + b"\x81\x83" + b"\0\1" + bytes(6)  # answer, recursion done, NXDOMAIN; no records
            self.transport.sendto(header + data[12:end], address)
