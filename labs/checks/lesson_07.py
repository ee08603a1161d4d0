"""Checks of lesson 07, Services."""

from __future__ import annotations

import ipaddress
import json
import re
from typing import Any
from urllib.parse import urlsplit

from labs.checks.context import CheckContext
from labs.checks.core import check, clients, expect, settle
from labs.checks.facts import Free, Kept, Stated, states
from labs.checks.readers.as_made import expect_as_made, one_container
from labs.checks.readers.containers import Program, container_of, port_number, probe_path
from labs.checks.readers.endpoints import expect_behind, expect_leads, expect_open, page
from labs.checks.readers.services import answer, service
from labs.checks.readers.starting import newest_pods
from labs.checks.readers.stated import expect_type
from labs.checks.readers.workloads import deployment, expect_image, expect_replicas, expect_rolled_out, name_of, pods_of
from labs.errors import NotYet

IMAGE = "weather:1"
FRONT = Program(IMAGE, "front", is_default=True)
STORE_PORT, FRONT_PORT = 8000, 8080
ANSWERS_IN = 5  # seconds from a container's start to its first answer
GARDEN = {"name": "STORE", "value": "http://garden-store:8000"}  # what the garden's producer is given
GIVEN = "The cell above the exercise makes it."


@states(
    Stated("Service", "garden-store"),
    Stated("Service", "garden-store", "spec.selector", others=("garden-front",), text=""),
    Stated("Service", "garden-store", "ports.targetPort", 8000, (8080,), ""),
    Stated("Deployment", "garden-front"),
    Stated("Deployment", "garden-front", "containers.image", "weather:1"),
    Stated("Deployment", "garden-front", "containers.args", "front", ("store",)),
    Stated("Deployment", "garden-front", "containers.env", "http://garden-store:8000", ("http://store:8000",), "STORE"),
    Free("Deployment", "garden-front", "spec.replicas", 2),
    Stated("Service", "garden-front"),
    Stated("Service", "garden-front", "ports.nodePort", 30071, (30079,)),
    Stated("Service", "garden-front", "ports.targetPort", 8080, (80, 8000)),
    Stated("Service", "garden-front", "spec.selector", others=("garden-store",), text=""),
    Kept("Deployment", "garden-store", {"spec": {"replicas": 2}}),
    Kept("Deployment", "garden-producer", {"spec": {"template": {"metadata": {"labels": {"more": "x"}}}}}),
)
@check(
    "ex-07-1",
    title="The garden's pipeline, wired by name and open at 30071",
    covers=("T8", "D5.2"),
    why="Both programs know only the name garden-store; whichever pod is behind it today, the name leads there.",
)
def check_garden_connected(lab: CheckContext) -> None:
    store = deployment(lab, "garden-store", GIVEN)
    for program, more in (("store", {}), ("producer", {"env": [GARDEN]})):
        _expect_left(lab, f"garden-{program}", program, more)
    expect_leads(lab, service(lab, "garden-store"), store, STORE_PORT, STORE_PORT)
    front = deployment(lab, "garden-front")
    expect_image(front, IMAGE)
    _expect_front_ready(lab, front, "garden-store")
    _expect_store_named(lab, front, "garden-store")
    door = service(lab, "garden-front")
    expect_open(door, lab.port(30071))
    expect_leads(lab, door, front, None, FRONT_PORT)
    _expect_readings(lab, 30071, "garden")


@states(
    Stated("Deployment", "forecast"),
    Stated("Deployment", "forecast", "spec.replicas", 3, (2, 4), "three"),
    Stated("Deployment", "forecast", "containers.image", "weather:1"),
    Stated("Deployment", "forecast", "containers.args", "front", ("store",)),
    Stated("Deployment", "forecast", "httpGet.path", "/ready", ("/", "/healthz")),
    Stated("Service", "forecast"),
    Stated("Service", "forecast", "spec.type", "NodePort", ("LoadBalancer",)),
    Stated("Service", "forecast", "ports.port", 80, (8080,)),
    Stated("Service", "forecast", "ports.nodePort", 30072, (30079,)),
    Stated("Service", "forecast", "ports.targetPort", "http", (8080,)),
    Stated("Service", "forecast", "spec.selector", others=("store", "front"), text=""),
    Stated("Service", "forecast-each"),
    Stated("Service", "forecast-each", "ports.port", 80, (8080,)),
    Stated("Service", "forecast-each", "ports.targetPort", "http", (8080,)),
    Stated("Service", "forecast-each", "spec.selector", others=("store", "front"), text=""),
)
@check(
    "ex-07-2",
    title="Two Services in front of the forecast's ready pods",
    covers=("T8", "D5.2", "D3.2"),
    why="A Service is a question about labels, so two may ask the same one; readiness decides for both who answers, "
    "and the port's name leads both to wherever the program listens.",
)
def check_forecast_ready(lab: CheckContext) -> None:
    front = deployment(lab, "forecast")
    expect_image(front, IMAGE)
    expect_replicas(front, 3)
    _expect_probe(front)
    _expect_front_ready(lab, front, "store")
    door, each = service(lab, "forecast"), service(lab, "forecast-each")
    expect(
        each.spec.cluster_ip == "None",
        expected="the Service forecast-each without an address of its own (clusterIP: None)",
        observed=f"type {each.spec.type} with the address {each.spec.cluster_ip}, one for all pods",
        try_="`kubectl explain service.spec.clusterIP`. It cannot be changed: delete the Service and make it again.",
    )
    expect_open(door, lab.port(30072))
    expect_type(door, "NodePort")
    for item in (door, each):
        expect_leads(lab, item, front, 80, FRONT_PORT, named="http")
        expect_behind(lab, item, 3)
    answer(lab, 30072)


@states(
    Stated("Service", "harbour-store"),
    Stated("Service", "harbour-store", "spec.selector", others=("harbor-store", "harbour-front"), text=""),
    Stated("Service", "harbour-store", "ports.targetPort", 8000, (80,), ""),
    Stated("Deployment", "harbour-front"),
    Stated("Deployment", "harbour-front", "httpGet.path", "/ready", ("/", "/healthz", "/readyz")),
    Stated("Deployment", "harbour-front", "containers.env", "http://harbour-store:8000", ("http://store:8000",), ""),
)
@check(
    "ex-07-3",
    title="The harbour's chain, repaired from end to end",
    covers=("T8", "D5.2", "D3.5"),
    why="Name, selector, port and readiness: each link of the chain now leads to the next, and only there.",
    symptom="localhost:30073 does not show the harbour's page with readings, or a constraint is not met",
)
def check_harbour_repaired(lab: CheckContext) -> None:
    front = deployment(lab, "harbour-front", GIVEN)
    store = deployment(lab, "harbour-store", GIVEN)
    deployment(lab, "harbour-producer", GIVEN)
    _expect_probe(front, _last_failure(lab, front))
    _expect_store_named(lab, front, "harbour-store")
    expect_leads(lab, service(lab, "harbour-store", GIVEN), store, STORE_PORT, STORE_PORT)
    expect_rolled_out(lab, "harbour-store")
    expect_rolled_out(lab, "harbour-front")
    door = service(lab, "harbour-front", GIVEN)
    expect_open(door, lab.port(30073))
    expect_leads(lab, door, front, None, FRONT_PORT)
    _expect_readings(lab, 30073, "harbour")


def _expect_left(lab: CheckContext, name: str, program: str, more: dict[str, Any]) -> None:
    """A Deployment of the garden is as the lesson's cell makes it."""
    there = deployment(lab, name, GIVEN)
    expect_image(there, IMAGE)
    image = there.spec.template.spec.containers[0].image
    container, app = {"name": name, "image": image, "args": [program], **more}, {"app": name}
    made = one_container(name, app, container, own=app, pod_labels={"pipeline": "garden"})
    expect_as_made(lab, made, f"Leave the two Deployments that run. {GIVEN}")


def _expect_probe(front: Any, failure: str = "") -> None:
    """A front's pods count as ready only while /ready answers."""
    container = container_of(front, FRONT)
    probe, name = container.readiness_probe, name_of(front)
    expected = f"a readiness probe in {name} that asks for /ready at port {FRONT_PORT}"
    expect(probe, expected=expected, observed="no readiness probe", try_="`kubectl explain pod.spec.containers`")
    if probe._exec and any("/ready" in word for word in probe._exec.command or []):
        return
    expect(
        probe.http_get,
        expected=expected,
        observed="a probe of another kind",
        try_="`kubectl explain pod.spec.containers.readinessProbe.httpGet`",
    )
    get = probe.http_get
    expect(
        (probe_path(get), port_number(get.port, [container])) == ("/ready", FRONT_PORT),
        expected=expected,
        observed=f"it asks for {get.path or '/'} at port {get.port}{failure}",
        try_=f"`kubectl describe deployment {name}` shows it as `Readiness`; what does the front answer there?",
    )


def _last_failure(lab: CheckContext, workload: Any) -> str:
    """What the kubelet last said of a failing readiness probe: ``; HTTP probe failed with statuscode: 404``.

    Pods of older templates may have failed at another probe.
    """
    pods = {name_of(pod) for pod in newest_pods(lab, workload)}
    place = f"{{{container_of(workload, FRONT).name}}}"  # as in spec.containers{front}
    events = clients(lab).core.list_namespaced_event(lab.namespace, field_selector="reason=Unhealthy").items
    events.sort(key=lambda event: str(event.last_timestamp or event.event_time or ""))
    about = [(event.involved_object, event.message or "") for event in events]
    mine = [said for thing, said in about if thing.name in pods and (thing.field_path or "").endswith(place)]
    messages = [said for said in mine if "Readiness" in said]
    return f"; {messages[-1].removeprefix('Readiness probe failed: ').strip()[:120]}" if messages else ""


def _expect_front_ready(lab: CheckContext, front: Any, store: str) -> None:
    """All pods of a front are ready; one that is not may wait for its store: the verdict tells what is wrong there."""
    try:
        expect_rolled_out(lab, name_of(front))
    except NotYet:
        _expect_store_named(lab, front, store)
        raise


def _expect_store_named(lab: CheckContext, front: Any, store: str) -> None:
    """A front asks its store by the name of a Service that is there."""
    asked: list[str | None] = [None]

    def known() -> bool:
        asked[0] = _store_url(lab, front)
        return asked[0] is not None or not _starting(lab, front)

    settle(known, ANSWERS_IN)
    url = asked[0]
    if url is None:  # no front runs: other checks say why
        return
    seen = f"{name_of(front)} asks {url}"

    def wrong(why: str, try_: str) -> NotYet:
        expected = f"{name_of(front)} to ask the Service {store} of this namespace by its name"
        return NotYet(expected, f"{seen}{why}", try_)

    try:
        parts = urlsplit(url)
        host, port = parts.hostname or "", parts.port or 80
    except ValueError as error:
        raise wrong(f", which is no URL: {error}", "A URL looks like http://NAME:PORT.") from error
    if parts.scheme != "http":
        raise wrong(", which does not begin with http://", "A URL looks like http://NAME:PORT.")
    if _is_address(host):
        raise wrong(": an address, not a name", "A Service's name is a name in DNS.")
    name, _, rest = host.partition(".")
    namespace = rest.split(".")[0] or lab.namespace
    if namespace != lab.namespace:
        raise wrong(
            f", which looks in the namespace {namespace}",
            f"The namespace is {lab.namespace}; within it the Service's name alone is enough.",
        )
    here = {name_of(s): [p.port for p in s.spec.ports or []] for s in _services(lab)}
    if name != store:
        what = "another Service" if name in here else "and there is no such Service"
        raise wrong(f", {what}", "`STORE` is a setting of the front: compare it with `kubectl get services`.")
    if store in here and port not in here[store]:
        ports = ", ".join(map(str, here[store]))
        raise wrong(f", port {port}; the Service answers at {ports}", "A URL without a port means port 80.")


def _store_url(lab: CheckContext, front: Any) -> str | None:
    """The store's URL that the newest pod of a front uses, wherever it has it from; None when it does not tell."""
    from kubernetes.client.exceptions import ApiException

    pod = _newest(lab, front)
    if pod is None or not pod.status.pod_ip:
        return None
    try:  # through the API server: an unready pod answers too
        reply = clients(lab).core.connect_get_namespaced_pod_proxy_with_path(
            f"{name_of(pod)}:{FRONT_PORT}", lab.namespace, "settings", _preload_content=False
        )
        return json.loads(reply.data)["store"].rpartition(" (")[0]
    except (ApiException, ValueError, KeyError):
        return None


def _newest(lab: CheckContext, workload: Any) -> Any:
    return max(pods_of(lab, workload), key=lambda pod: pod.metadata.creation_timestamp, default=None)


def _starting(lab: CheckContext, workload: Any) -> bool:
    """Whether the newest pod may answer in a moment: it runs, or is on its way without a complaint."""
    pod = _newest(lab, workload)
    if pod is None:
        return True
    states = [status.state for status in pod.status.container_statuses or []]
    return all(s.running or (s.waiting and s.waiting.reason == "ContainerCreating") for s in states)


def _services(lab: CheckContext) -> list[Any]:
    return clients(lab).core.list_namespaced_service(lab.namespace).items


def _is_address(host: str) -> bool:
    try:
        ipaddress.ip_address(host)
    except ValueError:
        return False
    return True


def _expect_readings(lab: CheckContext, node_port: int, pipeline: str) -> None:
    """The front's page at a node port shows readings."""

    def state() -> bool:
        seen = page(lab, node_port)
        expected = f"the front's page at localhost:{node_port} with readings"
        look = f"`kubectl describe service {pipeline}-front` lists `Endpoints`: the pods behind it."
        match = expect(re.search(r"(\d+) readings", seen), expected=expected, observed=seen[:160], try_=look)
        expect(
            match[1] != "0",
            expected=expected,
            observed="0 readings",
            try_=f"`kubectl logs deployment/{pipeline}-producer --tail=1`: are they sent?",
        )
        return True

    settle(state)
