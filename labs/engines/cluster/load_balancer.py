"""Addresses for Services of type LoadBalancer: who gets which, and how the API server is told."""

from __future__ import annotations

import http.client
import ipaddress
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from labs.engines.cluster.followed import ask_json

__all__ = ["GROUP", "missing", "pool", "tell"]

GROUP = "kube-labs:load-balancer"
"""Whose members may write a Service's status; see manifests/load-balancer.yaml."""


def pool(network: str) -> list[str]:
    """The addresses of a network that may be given out.

    Args:
        network: such as ``10.213.7.128/26``.
    """
    return [str(address) for address in ipaddress.ip_network(network).hosts()]


def missing(services: Sequence[Mapping[str, Any]], addresses: Sequence[str]) -> dict[tuple[str, str], str]:
    """The Services that want an address and have none, and which each gets; who finds none free is not there.

    Args:
        services: as the API server lists them.
        addresses: that may be given out.

    Returns:
        Addresses by namespace and name.
    """
    asking: dict[tuple[str, str], str] = {}
    taken = set()
    for service in services:
        spec, status = service["spec"], service.get("status", {}).get("loadBalancer", {})
        given = [each["ip"] for each in status.get("ingress") or [] if "ip" in each]
        taken.update(given)
        # another class is another controller's
        if spec.get("type") == "LoadBalancer" and not given and not spec.get("loadBalancerClass"):
            name = service["metadata"]["namespace"], service["metadata"]["name"]
            asking[name] = spec.get("loadBalancerIP", "")
    free = [address for address in addresses if address not in taken]
    found = {}
    for name, wish in sorted(asking.items(), key=lambda item: not item[1]):  # who names an address goes first
        address = wish if wish in free else "" if wish else next(iter(free), "")
        if address:
            free.remove(address)
            found[name] = address
    return found


def tell(connect: Callable[[], http.client.HTTPConnection], name: tuple[str, str], address: str) -> None:
    """Write an address into a Service's status.

    Args:
        connect: a connection to the API server, of a member of `GROUP`.
        name: the Service's namespace and name.
        address: that it gets.

    Raises:
        OSError: the API server refused.
    """
    status = {"loadBalancer": {"ingress": [{"ip": address, "ipMode": "VIP"}]}}
    path = f"/api/v1/namespaces/{name[0]}/services/{name[1]}/status"
    ask_json(connect(), path, change={"status": status})
