"""The ranges of addresses that clusters use, the same on every engine."""

from __future__ import annotations

import ipaddress

__all__ = ["POD_CIDR", "SERVICE_CIDR", "pod_cidr"]

SERVICE_CIDR = "10.96.0.0/16"
POD_CIDR = "10.244.0.0/16"


def pod_cidr(index: int) -> str:
    """The range of a node's pods.

    Args:
        index: of the node, from 1.
    """
    return str(list(ipaddress.ip_network(POD_CIDR).subnets(new_prefix=24))[index])
