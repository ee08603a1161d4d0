"""What checks read of Services, and what answers behind them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from labs.checks.context import CheckContext
from labs.checks.core import expect
from labs.checks.readers.containers import pod_spec, port_number, target_text, working_containers
from labs.checks.readers.local_ports import address, expect_ports_forwarded
from labs.checks.readers.namespaces import here
from labs.checks.readers.workloads import labels_text, name_of, pod_labels, selector_text
from labs.errors import NotYet, Timeout
from labs.waiting import wait_for_http

__all__ = ["answer", "expect_selected", "node_port_service", "service"]


def service(lab: CheckContext, name: str, try_: str = "") -> Any:
    """A Service that the exercise asks for. Raises NotYet, which says where else there is one."""
    try_ = try_ or f"`kubectl get services -n {lab.namespace}` lists yours."
    return here(lab, "service", name, called=f"a Service {name}", try_=try_)


def node_port_service(
    lab: CheckContext, name: str, *, port: int, target: int | str, node_port: int, workloads: Sequence[Any] = ()
) -> Any:
    """A Service that leads from a node port to a port of pods.

    Args:
        lab: the lesson's lab.
        name: the Service's.
        port: its own port.
        target: the pods' port, a number or a name.
        node_port: the port on the node, as the lesson names it.
        workloads: the Deployments to whose pods it leads; they say which number a port's name means.

    Raises:
        NotYet: there is none, or its ports are others.
    """
    node_port = lab.port(node_port)
    item = service(lab, name)
    ports = [(p.port, p.target_port or p.port, p.node_port) for p in item.spec.ports or []]

    def told(seen: Any) -> str:
        others = [workload for workload in workloads if not _leads([workload], seen, target)]
        return target_text(seen, others[0]) if others else str(seen)

    expect(
        any((p, n) == (port, node_port) and _leads(workloads, t, target) for p, t, n in ports),
        expected=f"the Service {name} with port {port}, the pods' port {target} and node port {node_port}",
        observed=", ".join(f"port {p}, the pods' port {told(t)}, node port {n or 'none'}" for p, t, n in ports)
        or "no port",
        try_=f"`kubectl describe service -n {lab.namespace} {name}` shows `Type`, `Port`, `TargetPort` and `NodePort`.",
    )
    return item


def _leads(workloads: Sequence[Any], seen: Any, target: int | str) -> bool:
    """Whether a target port is the wanted one, to the pods of all these Deployments."""
    numbers = [port_number(seen, working_containers(pod_spec(workload))) for workload in workloads]
    return str(seen) == str(target) or (bool(numbers) and all(number == target for number in numbers))


def expect_selected(item: Any, workload: Any) -> None:
    """A Service's selector matches the pods of a Deployment (or the like). Raises NotYet."""
    wanted, labels = item.spec.selector or {}, pod_labels(workload)
    expect(
        wanted and wanted.items() <= labels.items(),
        expected=f"the Service {name_of(item)} to select the pods of {name_of(workload)} ({labels_text(labels)})",
        observed=f"its selector is {selector_text(wanted)}",
        try_="Every pair in a Service's selector must be among the pod's labels; fewer pairs select more pods.",
    )


def answer(lab: CheckContext, port: int, path: str = "/", try_: str = "") -> str:
    """What answers at a path of a node port, now.

    Args:
        lab: the lesson's lab.
        port: on localhost.
        path: such as ``"/version"``.
        try_: what to try when nothing does.

    Raises:
        NotYet: nothing does; the verdict says what came instead.
        CouldNotCheck: the engine carries no requests, or not this course has the port.
    """
    expected = f"an answer at localhost:{port}{path}"
    try_ = try_ or f"`kubectl describe service -n {lab.namespace}` lists `Endpoints`: the pods behind it."
    base = address(lab, port)
    if base is None:
        raise NotYet(expected, "none", try_)
    try:
        return wait_for_http(f"{base}{path}", timeout=2)
    except Timeout as error:
        expect_ports_forwarded(lab, port)
        address(lab, port)  # does the course still listen there?
        _, _, seen = error.what.rstrip(".").partition("last seen: ")
        observed = seen if seen.startswith("status") else "none"
        raise NotYet(expected, observed, try_) from error
