"""What a node's policy agent (`programs/go/policies`) says of itself."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from labs.engines.cluster.node import POLICIES
from labs.engines.runtime.component import Component

__all__ = ["NOT_ENFORCED", "with_detail"]

NOT_ENFORCED = "NetworkPolicies are not enforced here"
"""The agent's own words, in its log, where the kernel does not let packets wait for it."""


def with_detail(component: Component, last_line: Callable[[], str]) -> Component:
    """The agent with what it says of itself; any other component as it is.

    Args:
        component: of the engine's.
        last_line: reads that of its log.
    """
    if component.state != "running" or not component.name.startswith(f"{POLICIES}/"):
        return component
    _, found, why = last_line().partition(NOT_ENFORCED)
    return replace(component, detail=f"{found}{why}")
