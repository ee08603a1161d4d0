"""What checks read of NetworkPolicies: which speak for a pod, and what in them a learner may not have meant."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from labs.checks.context import CheckContext
from labs.checks.core import clients
from labs.checks.readers.workloads import matches, name_of
from labs.waiting import http_status

__all__ = ["EGRESS", "INGRESS", "policies_of", "policies_text", "too_wide"]

INGRESS, EGRESS = "Ingress", "Egress"
BETWEEN = "Within an item all conditions hold, between items one is enough: look at the dashes."


def policies_of(lab: CheckContext, pod: Any, direction: str) -> list[Any]:
    """The policies of a pod's namespace that select it for a direction.

    Args:
        lab: the lesson's lab.
        pod: the pod.
        direction: `INGRESS` or `EGRESS`.
    """
    items = clients(lab).networking.list_namespaced_network_policy(pod.metadata.namespace).items
    labels = pod.metadata.labels or {}
    return [item for item in items if matches(_selector(item), labels) and direction in _types(item)]


def policies_text(lab: CheckContext, pod: Any, direction: str) -> str:
    """The policies that speak for a pod, as the end of a sentence: ``policies that select store for Ingress: a, b``."""
    found = policies_of(lab, pod, direction)
    if found:
        return f"policies that select {name_of(pod)} for {direction}: {', '.join(map(_with_ports, found))}"
    return f"no policy selects {name_of(pod)} for {direction}{_elsewhere(lab, pod)}"


def too_wide(policies: Sequence[Any], port: int, stated_port: int) -> tuple[str, str]:
    """What about policies lets in, or out, more than was meant, and what to look at; empty when nothing is seen.

    Args:
        policies: those that select the pod, with rules for a direction.
        port: the port at which a connection came through.
        stated_port: the port that the brief allows.
    """
    for item in policies:
        for rule in [*(item.spec.ingress or []), *(item.spec.egress or [])]:
            peers = getattr(rule, "_from", None) or getattr(rule, "to", None) or []
            side = "to" if hasattr(rule, "to") else "from"
            if not peers and not rule.ports:
                return (
                    f"{name_of(item)} has a rule without {side} and ports, which is true of everybody",
                    "An empty list of rules, `[]`, allows nobody; a rule without conditions, `[{}]`, everybody.",
                )
            if not peers and stated_port in [p.port for p in rule.ports]:
                return f"{name_of(item)} has a rule without {side}, which is true of everybody", f"Say `{side}` whom."
            if any(p.namespace_selector and not p.pod_selector for p in peers) and any(
                p.pod_selector and not p.namespace_selector for p in peers
            ):
                return f"in {name_of(item)}, podSelector and namespaceSelector stand in two list items", BETWEEN
            if port != stated_port and not rule.ports:
                return f"a rule of {name_of(item)} names no port", f"`ports` stands beside `{side}`, in the same rule."
    return "", ""


def _selector(item: Any) -> Any:
    from kubernetes import client

    return item.spec.pod_selector or client.V1LabelSelector()


def _types(item: Any) -> Sequence[str]:
    return item.spec.policy_types or []


def _with_ports(item: Any) -> str:
    """A policy's name, with the ports that it names: ``store (port 8000)``."""
    rules = [*(item.spec.ingress or []), *(item.spec.egress or [])]
    ports = sorted({str(p.port) for rule in rules for p in rule.ports or [] if p.port is not None})
    return f"{name_of(item)} (port {', '.join(ports)})" if ports else name_of(item)


def _elsewhere(lab: CheckContext, pod: Any) -> str:
    """Where else there are policies: those of another selector, or of the namespace `default`."""
    namespace = pod.metadata.namespace
    here = clients(lab).networking.list_namespaced_network_policy(namespace).items
    if here:
        selected = "; ".join(f"{name_of(item)} selects {_selector_text(item)}" for item in here[:3])
        return f" ({selected})"
    try:
        there = clients(lab).networking.list_namespaced_network_policy("default").items
    except Exception as error:
        if http_status(error) == 403:
            return ""
        raise
    return f"; the namespace default has {', '.join(map(name_of, there))}" if there and namespace != "default" else ""


def _selector_text(item: Any) -> str:
    labels = _selector(item).match_labels or {}
    return ", ".join(f"{key}={value}" for key, value in labels.items()) or "others"
