"""Checks of lesson 04, Deployments."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from labs.checks.core import check, clients, expect, found, settle
from labs.errors import CouldNotCheck, NotYet, Timeout
from labs.waiting import wait_for_http

if TYPE_CHECKING:
    from labs.lab import Lab

OLD, NEW = "labs/web:1", "labs/web:2"
PATIENCE = 10  # seconds that live state gets to settle
TAGS = "The tags there are: `labs/web:1` and `labs/web:2`."


@check(
    "ex-04-1",
    title="The store, updated to version 2 without ever lacking a pod",
    covers=("T5", "D2.2"),
    why="With maxUnavailable 0 an old pod goes only when a new one is ready; the old ReplicaSet stays as the way back.",
)
def check_store_updated(lab: Lab) -> None:
    store = _deployment(lab, "store")
    _expect_image(store, NEW)
    _expect_replicas(store, 4)
    _expect_limits(store, surge=1, unavailable=0)
    _expect_rolled_out(lab, "store")
    _expect_history(lab, store)


@check(
    "ex-04-2",
    title="A canary that takes a quarter of the worker's requests",
    covers=("T5", "D2.1"),
    why="The Service spreads requests over all four pods; each Deployment counts only its own.",
)
def check_canary_answering(lab: Lab) -> None:
    stable, canary = _deployment(lab, "worker-stable"), _deployment(lab, "worker-canary")
    for deployment, image, replicas in ((stable, OLD, 3), (canary, NEW, 1)):
        _expect_image(deployment, image)
        _expect_replicas(deployment, replicas)
    for one, other in ((stable, canary), (canary, stable)):
        labels = _pod_labels(other)
        expect(
            not _matches(one.spec.selector, labels),
            expected="selectors that tell the two Deployments' pods apart",
            observed=f"the selector of {_name(one)} matches the pods of {_name(other)} too: {_text(labels)}",
            try_="Give the pods a second label that differs, and add it to the selectors. "
            "A selector cannot be changed: delete the Deployment and make it again.",
        )
    for deployment in (stable, canary):
        _expect_rolled_out(lab, _name(deployment))
    service = _service(lab, "worker", 30041)
    for deployment in (stable, canary):
        _expect_selected(service, deployment)
    _expect_answers(lab, 30041, {"1", "2"})


@check(
    "ex-04-3",
    title="The producer's release, repaired",
    covers=("T5", "D2.1", "D2.2"),
    why="The rollout goes on, the image exists, and the Service selects the pods that run now.",
)
def check_producer_repaired(lab: Lab) -> None:
    made = "The two cells above the exercise make it."
    producer = _deployment(lab, "producer", made)
    expect(
        not producer.spec.paused,
        expected="a rollout that goes on",
        observed="the rollout of producer is paused",
        try_="`kubectl rollout --help` lists what undoes a pause.",
    )
    expect(
        _image(producer) != OLD,
        expected=f"the Deployment producer with the image {NEW}",
        observed=f"{OLD}: that is yesterday's version, which serves again but is not the release",
        try_="The way is forward: set the image that was meant.",
    )
    _expect_image(producer, NEW)
    _expect_replicas(producer, 3)
    _expect_rolled_out(lab, "producer")
    _expect_history(lab, producer, f"Keep the Deployment. {made}")
    service = _service(lab, "producer", 30042)
    _expect_selected(service, producer)
    _expect_answers(lab, 30042, {"2"})


def _deployment(lab: Lab, name: str, try_: str = "") -> Any:
    """A Deployment that the exercise asks for; when it is not there, say where else it is."""
    try:
        return found(
            lambda: clients(lab).apps.read_namespaced_deployment(name, lab.namespace),
            expected=f"a Deployment {name} in the namespace {lab.namespace}",
            try_=try_ or f"`kubectl get deployments -n {lab.namespace}` lists yours.",
        )
    except NotYet as missing:
        for place in _other_namespaces(lab, name):
            raise NotYet(
                missing.expected,
                f"none there, but one in the namespace {place}",
                f"Make it again with `-n {lab.namespace}`, or without `-n`.",
            ) from missing
        raise


def _other_namespaces(lab: Lab, name: str) -> list[str]:
    try:
        items = clients(lab).apps.list_deployment_for_all_namespaces(field_selector=f"metadata.name={name}").items
    except Exception as error:
        if getattr(error, "status", None) == 403:  # a shared cluster: nobody may look everywhere
            return []
        raise
    return [item.metadata.namespace for item in items]


def _expect_image(deployment: Any, image: str) -> None:
    expect(
        _image(deployment) == image,
        expected=f"the Deployment {_name(deployment)} with the image {image}",
        observed=_image(deployment),
        try_=f"`kubectl set image deployment/{_name(deployment)} ...` changes it. {TAGS}",
    )


def _expect_replicas(deployment: Any, count: int) -> None:
    expect(
        deployment.spec.replicas == count,
        expected=f"replicas: {count} in the Deployment {_name(deployment)}",
        observed=f"replicas: {deployment.spec.replicas}",
        try_=f"`kubectl scale deployment {_name(deployment)} --replicas=...`",
    )


def _expect_limits(deployment: Any, *, surge: int, unavailable: int) -> None:
    strategy, replicas = deployment.spec.strategy, deployment.spec.replicas
    expected = f"at least {replicas - unavailable} pods available and at most {replicas + surge} in all in an update"
    expect(
        strategy.type == "RollingUpdate",
        expected=expected,
        observed=f"the strategy {strategy.type}, which ends all old pods before it starts new ones",
        try_="`kubectl explain deployment.spec.strategy`",
    )
    limits = strategy.rolling_update
    most_extra = _pods_of(limits.max_surge, replicas, round_up=True)
    most_missing = _pods_of(limits.max_unavailable, replicas, round_up=False)
    expect(
        (most_extra, most_missing) == (surge, unavailable),
        expected=expected,
        observed=f"at least {replicas - most_missing} available and at most {replicas + most_extra} in all "
        f"(maxUnavailable {limits.max_unavailable}, maxSurge {limits.max_surge})",
        try_="`kubectl explain deployment.spec.strategy.rollingUpdate` tells how percentages are rounded.",
    )


def _expect_rolled_out(lab: Lab, name: str) -> None:
    """All its pods are of the present template and ready; else the verdict says what they wait for."""

    def state() -> bool:
        deployment = _deployment(lab, name)
        wanted, status = deployment.spec.replicas, deployment.status
        ready = (status.updated_replicas, status.replicas, status.available_replicas) == (wanted,) * 3
        if ready and (status.observed_generation or 0) >= deployment.metadata.generation:
            return True
        missing = _waiting(lab, deployment) or (" (the rollout is paused)" if deployment.spec.paused else "")
        raise NotYet(
            f"{wanted} ready pods of {name}, all with {_image(deployment)}",
            f"{status.updated_replicas or 0} with it, {status.available_replicas or 0} ready in all{missing}",
            f"`kubectl get pods` and `kubectl describe deployment {name}` show what it waits for.",
        )

    settle(state, PATIENCE)


def _waiting(lab: Lab, deployment: Any) -> str:
    """Why pods of a Deployment do not start, such as ``; ImagePullBackOff: labs/web:9``."""
    selector = ",".join(f"{k}={v}" for k, v in (deployment.spec.selector.match_labels or {}).items())
    pods = clients(lab).core.list_namespaced_pod(lab.namespace, label_selector=selector).items
    states = [(s, s.state.waiting) for pod in pods for s in pod.status.container_statuses or []]
    reasons = {f"{waiting.reason}: {status.image}" for status, waiting in states if waiting}
    return f"; {', '.join(sorted(reasons))}" if reasons else ""


def _expect_history(lab: Lab, deployment: Any, try_: str = "") -> None:
    """A ReplicaSet of the old version still belongs to the Deployment."""
    owned = [
        item
        for item in clients(lab).apps.list_namespaced_replica_set(lab.namespace).items
        if any(owner.uid == deployment.metadata.uid for owner in item.metadata.owner_references or [])
    ]
    images = sorted({_image(item) for item in owned})
    expect(
        OLD in images,
        expected=f"a ReplicaSet with {OLD} in the history of {_name(deployment)}",
        observed=f"only {', '.join(images) or 'nothing'} in it",
        try_=try_ or f"Start with {OLD}, then change the image of the same Deployment; do not make it anew.",
    )


def _service(lab: Lab, name: str, node_port: int) -> Any:
    service = found(
        lambda: clients(lab).core.read_namespaced_service(name, lab.namespace),
        expected=f"a Service {name} in the namespace {lab.namespace}",
        try_=f"`kubectl get services -n {lab.namespace}` lists yours.",
    )
    ports = [(port.port, port.target_port or port.port, port.node_port) for port in service.spec.ports or []]
    expect(
        (80, 80, node_port) in ports,
        expected=f"the Service {name} with port 80, the pods' port 80 and node port {node_port}",
        observed=", ".join(f"port {p}, the pods' port {t}, node port {n or 'none'}" for p, t, n in ports) or "no port",
        try_=f"`kubectl describe service {name}` shows `Type`, `Port`, `TargetPort` and `NodePort`.",
    )
    return service


def _expect_selected(service: Any, deployment: Any) -> None:
    wanted, labels = service.spec.selector or {}, _pod_labels(deployment)
    expect(
        wanted and wanted.items() <= labels.items(),
        expected=f"the Service {_name(service)} to select the pods of {_name(deployment)} ({_text(labels)})",
        observed=f"its selector is {_text(wanted)}",
        try_="Every pair in a Service's selector must be among the pod's labels; fewer pairs select more pods.",
    )


def _expect_answers(lab: Lab, port: int, wanted: set[str]) -> None:
    def state() -> bool:
        seen = _answers(lab, port, wanted)
        expect(
            seen == wanted,
            expected=f"{_versions(wanted)} to answer at localhost:{port}",
            observed=_versions(seen),
            try_="`kubectl get pods --show-labels` shows which pods the Service's selector matches.",
        )
        return True

    settle(state, PATIENCE)


def _answers(lab: Lab, port: int, wanted: set[str]) -> set[str]:
    """The versions that answer; 60 requests miss a quarter of the pods less than once in 10 million times."""
    seen: set[str] = set()
    for asked in range(60):
        try:
            seen.add(wait_for_http(f"{lab.url(port)}/version", timeout=2).strip())
        except Timeout as error:
            _expect_ports_forwarded(lab)
            raise NotYet(
                f"an answer at localhost:{port}/version",
                "none",
                "`kubectl describe service` lists `Endpoints`: the pods behind it.",
            ) from error
        if seen >= wanted and asked >= 10:
            break
    return seen


def _expect_ports_forwarded(lab: Lab) -> None:
    """No answer says nothing about the exercise while the engine itself does not carry requests."""
    for component in lab.engine.status():
        if component.name.split("/")[0] in {"ports", "kube-proxy"} and component.state != "running":
            raise CouldNotCheck(f"{component.name} does not run, so no node port answers.", "`labs up` starts it.")


def _matches(selector: Any, labels: dict[str, str]) -> bool:
    """Whether a label selector matches labels: Kubernetes' documentation, "Labels and Selectors"."""
    by_operator = {
        "In": lambda r: labels.get(r.key) in r.values,
        "NotIn": lambda r: labels.get(r.key) not in r.values,
        "Exists": lambda r: r.key in labels,
        "DoesNotExist": lambda r: r.key not in labels,
    }
    pairs = (selector.match_labels or {}).items()
    return pairs <= labels.items() and all(by_operator[r.operator](r) for r in selector.match_expressions or [])


def _pods_of(limit: Any, replicas: int, *, round_up: bool) -> int:
    """A number of pods or a percentage, as a number of pods: surge is rounded up, unavailable down."""
    text = str(limit)
    if not text.endswith("%"):
        return int(text)
    return (int(text[:-1]) * replicas + (99 if round_up else 0)) // 100


def _image(thing: Any) -> str:
    return thing.spec.template.spec.containers[0].image


def _pod_labels(deployment: Any) -> dict[str, str]:
    return deployment.spec.template.metadata.labels or {}


def _name(thing: Any) -> str:
    return thing.metadata.name


def _text(labels: dict[str, str]) -> str:
    return ",".join(f"{key}={value}" for key, value in sorted(labels.items())) or "empty"


def _versions(versions: set[str]) -> str:
    return " and ".join(f"version {version}" for version in sorted(versions))
