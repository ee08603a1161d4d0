"""Whether a Service leads where it should: to which pods, to which port of theirs, and from where."""

from __future__ import annotations

import urllib.error
import urllib.request
from http.client import HTTPException
from typing import Any

from labs.checks.context import CheckContext
from labs.checks.core import clients, expect, settle
from labs.checks.readers.containers import pod_spec, port_number, target_text, words_of, working_containers
from labs.checks.readers.local_ports import address, expect_ports_forwarded
from labs.checks.readers.ownership import is_owned_by, owner_of, owners_of_pods
from labs.checks.readers.services import expect_selected
from labs.checks.readers.workloads import live_pods, matches, name_of, selector_text

__all__ = ["expect_behind", "expect_leads", "expect_open", "page"]


def expect_open(door: Any, node_port: int) -> None:
    """A Service answers at a node port. Raises NotYet."""
    name = name_of(door)
    expect(
        door.spec.type in {"NodePort", "LoadBalancer"},
        expected=f"the Service {name} to answer at node port {node_port}",
        observed=f"its type is {door.spec.type}, which answers only inside the cluster",
        try_="`kubectl explain service.spec.type` lists the types.",
    )
    found = [port.node_port for port in door.spec.ports or []]
    expect(
        node_port in found,
        expected=f"the Service {name} to answer at node port {node_port}",
        observed=f"node port {', '.join(map(str, found))}",
        try_="A node port can be chosen: `nodePort` in the Service's `ports`.",
    )


def expect_leads(
    lab: CheckContext, item: Any, workload: Any, port: int | None, listens: int, *, named: str | None = None
) -> None:
    """A Service leads to the pods of a Deployment, to nobody else, and to the port where they listen.

    Args:
        lab: the lesson's lab.
        item: the Service.
        workload: the Deployment.
        port: the Service's own port; None for any.
        listens: the pods' port.
        named: the name by which the Service must call it; None when it may be a number.

    Raises:
        NotYet: it does not.
    """
    expect_selected(item, workload)
    _expect_nobody_else(lab, item, workload)
    name, ports = name_of(item), item.spec.ports or []
    mine = [p for p in ports if port in (None, p.port)]
    expect(
        mine,
        expected=f"the Service {name} to answer at port {port}",
        observed=f"port {', '.join(str(p.port) for p in ports) or 'none'}",
        try_=f"`kubectl describe service {name}`: `Port` is where the Service answers, `TargetPort` where the pods do.",
    )
    containers = working_containers(pod_spec(workload))
    targets = [p.target_port or p.port for p in mine]
    expect(
        any(port_number(target, containers) == listens for target in targets),
        expected=f"the Service {name} to lead to port {listens} of the pods, where the program listens",
        observed="; ".join(f"targetPort {target_text(target, workload)}" for target in targets),
        try_=f"`kubectl describe service {name}` shows `TargetPort`, `kubectl logs deployment/{name_of(workload)}` "
        "the port that the program listens on.",
    )
    expect(
        named in {None, *targets},
        expected=f"the Service {name} to call the pods' port by its name, {named}",
        observed=f"targetPort: {', '.join(map(str, targets))}",
        try_="`targetPort` takes the name of a port in the pods' `ports`.",
    )


def _expect_nobody_else(lab: CheckContext, item: Any, workload: Any) -> None:
    wanted = (item.spec.selector or {}).items()
    pods = [pod for pod in live_pods(lab) if wanted <= (pod.metadata.labels or {}).items()]
    uids = owners_of_pods(lab, workload)
    strangers = [pod for pod in pods if not is_owned_by(pod, uids) and not _is_alike(pod, workload)]
    owners = sorted({_called(pod, workload) for pod in strangers})
    expect(
        not strangers,
        expected=f"the Service {name_of(item)} to lead to the pods of {name_of(workload)} only",
        observed=f"its selector {selector_text(item.spec.selector)} matches {', '.join(owners)} too",
        try_="`kubectl get pods --show-labels`: which label do only the right pods carry?",
    )


def _is_alike(pod: Any, workload: Any) -> bool:
    """Whether a pod that a Deployment does not own might be one of its own: an earlier one left it, for example."""
    if not matches(workload.spec.selector, pod.metadata.labels or {}):
        return False
    programs = {(c.image, *words_of(c)) for c in working_containers(pod_spec(workload))}
    return any((c.image, *words_of(c)) in programs for c in working_containers(pod.spec))


def _called(pod: Any, workload: Any) -> str:
    """What a verdict calls a pod: by its label ``app`` if that tells it from the Deployment's, else by its name."""
    app = (pod.metadata.labels or {}).get("app")
    own = (workload.spec.template.metadata.labels or {}).get("app")
    return app if app and owner_of(pod) and app != own else name_of(pod)


def expect_behind(lab: CheckContext, item: Any, count: int) -> None:
    """So many ready addresses are in a Service's EndpointSlices. Raises NotYet."""
    from kubernetes import client

    discovery = client.DiscoveryV1Api(clients(lab).api)
    which = f"kubernetes.io/service-name={name_of(item)}"

    def state() -> bool:
        slices = discovery.list_namespaced_endpoint_slice(lab.namespace, label_selector=which).items
        ready = {e.addresses[0] for part in slices for e in part.endpoints or [] if e.conditions.ready}
        expect(
            len(ready) == count,
            expected=f"{count} ready pods behind the Service {name_of(item)}",
            observed=f"{len(ready)}",
            try_=f"`kubectl get endpointslices -l {which}`, and `kubectl get pods`: are they ready?",
        )
        return True

    settle(state)


def page(lab: CheckContext, node_port: int) -> str:
    """What a browser would see at a node port, an error included. Raises CouldNotCheck."""
    base = address(lab, node_port)
    if base is None:
        return "no answer"
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    try:
        with opener.open(f"{base}/", timeout=5) as reply:
            return reply.read(1000).decode(errors="replace").strip()
    except urllib.error.HTTPError as error:
        return f"status {error.code}: {error.read(300).decode(errors='replace').strip()}"
    except (OSError, HTTPException):
        expect_ports_forwarded(lab, node_port)
        return "no answer"
