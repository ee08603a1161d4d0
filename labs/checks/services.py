"""What checks read of Services, and what answers behind them."""

from __future__ import annotations

import urllib.error
import urllib.request
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from labs.checks.core import expect
from labs.checks.places import here
from labs.checks.workloads import labels_text, name_of, pod_labels, selector_text
from labs.errors import CouldNotCheck, NotYet, Timeout
from labs.waiting import wait_for_http

if TYPE_CHECKING:
    from labs.lab import Lab

__all__ = ["answer", "expect_ports_forwarded", "expect_selected", "node_port_service", "post_status", "service"]


def service(lab: Lab, name: str, try_: str = "") -> Any:
    """A Service that the exercise asks for. Raises NotYet, which says where else there is one."""
    try_ = try_ or f"`kubectl get services -n {lab.namespace}` lists yours."
    return here(lab, "service", name, called=f"a Service {name}", try_=try_)


def node_port_service(lab: Lab, name: str, *, port: int, target: int | str, node_port: int) -> Any:
    """A Service that leads from a node port to a port of pods.

    Args:
        lab: the lesson's lab.
        name: the Service's.
        port: its own port.
        target: the pods' port, a number or a name.
        node_port: the port on the node, as the lesson names it.

    Raises:
        NotYet: there is none, or its ports are others.
    """
    node_port = lab.port(node_port)
    item = service(lab, name)
    ports = [(p.port, p.target_port or p.port, p.node_port) for p in item.spec.ports or []]
    expect(
        (port, target, node_port) in ports,
        expected=f"the Service {name} with port {port}, the pods' port {target} and node port {node_port}",
        observed=", ".join(f"port {p}, the pods' port {t}, node port {n or 'none'}" for p, t, n in ports) or "no port",
        try_=f"`kubectl describe service -n {lab.namespace} {name}` shows `Type`, `Port`, `TargetPort` and `NodePort`.",
    )
    return item


def expect_selected(item: Any, workload: Any) -> None:
    """A Service's selector matches the pods of a Deployment (or the like). Raises NotYet."""
    wanted, labels = item.spec.selector or {}, pod_labels(workload)
    expect(
        wanted and wanted.items() <= labels.items(),
        expected=f"the Service {name_of(item)} to select the pods of {name_of(workload)} ({labels_text(labels)})",
        observed=f"its selector is {selector_text(wanted)}",
        try_="Every pair in a Service's selector must be among the pod's labels; fewer pairs select more pods.",
    )


def answer(lab: Lab, port: int, path: str = "/", try_: str = "") -> str:
    """What answers at a path of a node port, now.

    Args:
        lab: the lesson's lab.
        port: on localhost.
        path: such as ``"/version"``.
        try_: what to try when nothing does.

    Raises:
        NotYet: nothing does; the verdict says what came instead.
        CouldNotCheck: the engine carries no requests.
    """
    return _or_verdict(
        lab,
        lambda: wait_for_http(f"{lab.url(port)}{path}", timeout=2),
        expected=f"an answer at localhost:{port}{path}",
        try_=try_ or f"`kubectl describe service -n {lab.namespace}` lists `Endpoints`: the pods behind it.",
    )


def post_status(lab: Lab, port: int, token: str = "") -> int:
    """The status that a store gives to a POST, under a path that no reading has.

    Args:
        lab: the lesson's lab.
        port: on localhost.
        token: sent with it; none when empty.

    Raises:
        NotYet: nothing answers.
        CouldNotCheck: the engine carries no requests.
    """
    answer(lab, port, "/healthz")
    headers = {"Authorization": f"Bearer {token}"} if token else {}
    request = urllib.request.Request(f"{lab.url(port)}/checks", b"checked", headers)
    try:
        with urllib.request.build_opener(urllib.request.ProxyHandler({})).open(request, timeout=5) as reply:
            return reply.status
    except urllib.error.HTTPError as error:
        return error.code
    except OSError as error:
        expect_ports_forwarded(lab)
        raise NotYet(f"an answer at localhost:{port}", "none", "`kubectl get pods` shows whether it runs.") from error


def _or_verdict(lab: Lab, ask: Callable[[], str], *, expected: str, try_: str) -> str:
    try:
        return ask()
    except Timeout as error:
        expect_ports_forwarded(lab)
        _, _, seen = error.what.rstrip(".").partition("last seen: ")
        observed = seen if seen.startswith("status") else "none"
        raise NotYet(expected, observed, try_) from error


def expect_ports_forwarded(lab: Lab) -> None:
    """No answer says nothing about the exercise while the engine itself does not carry requests.

    Raises:
        CouldNotCheck: what carries requests to node ports does not run.
    """
    for component in lab.engine.status():
        if component.name.split("/")[0] in {"ports", "kube-proxy"} and component.state != "running":
            raise CouldNotCheck(f"{component.name} does not run, so no node port answers.", "`labs up` starts it.")
