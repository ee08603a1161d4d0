"""What the kernel knows of this system's network, asked directly: that needs no program, which may not be here yet."""

from __future__ import annotations

import ipaddress
import socket
from typing import TYPE_CHECKING

from labs.errors import EngineError

if TYPE_CHECKING:
    from pyroute2 import IPRoute

__all__ = ["addresses", "delete_link", "has_link", "routes"]

TYPES = {1: "unicast", 2: "local", 3: "broadcast"}
"""The usual kinds of routes, by the numbers of linux/rtnetlink.h."""


def routes() -> list[dict]:
    """The IPv4 routes of all tables, each with the fields ``dst``, ``dev`` and ``type`` as `ip -json` names them.

    Raises:
        EngineError: the kernel does not answer.
    """
    found = []
    with _kernel() as kernel:
        names = _names(kernel)
        for route in kernel.get_routes(family=socket.AF_INET):
            address, length = route.get("dst") or "0.0.0.0", route["dst_len"]
            found.append(
                {
                    "dst": f"{ipaddress.IPv4Address(address)}/{length}" if length else "default",
                    "type": TYPES.get(route["type"], str(route["type"])),
                    **({"dev": names.get(index, "")} if (index := route.get("oif")) else {}),
                }
            )
    return found


def addresses() -> list[dict]:
    """The IPv4 addresses, in the fields ``ifname`` and ``addr_info`` as `ip -json` names them.

    Raises:
        EngineError: the kernel does not answer.
    """
    with _kernel() as kernel:
        names = _names(kernel)
        return [
            {
                "ifname": names.get(entry["index"], ""),
                "addr_info": [{"local": entry.get("local") or entry.get("address"), "prefixlen": entry["prefixlen"]}],
            }
            for entry in kernel.get_addr(family=socket.AF_INET)
        ]


def has_link(name: str) -> bool:
    """Whether this process's network has a link of this name.

    /sys/class/net does not tell: it shows the network in which /sys was mounted, which may be another one.
    """
    return name in (found for _, found in socket.if_nameindex())


def delete_link(name: str) -> None:
    """Take a network link away.

    Args:
        name: the link's.

    Raises:
        OSError: the kernel refuses, as when it is away already.
    """
    from pyroute2 import NetlinkError

    index = socket.if_nametoindex(name)
    try:
        with _kernel() as kernel:
            kernel.link("del", index=index)
    except NetlinkError as error:
        raise OSError(error.code, str(error), name) from error


def _kernel() -> IPRoute:
    from pyroute2 import IPRoute  # slow to import, and does not exist on Windows

    try:
        return IPRoute()
    except OSError as error:
        raise EngineError(
            f"This system's kernel does not tell its routes and addresses: {error}.", "Run `labs doctor`."
        ) from error


def _names(kernel: IPRoute) -> dict[int, str]:
    """The links' names by their numbers."""
    return {link["index"]: link.get("ifname") for link in kernel.get_links()}
