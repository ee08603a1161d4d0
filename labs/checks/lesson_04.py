"""Checks of lesson 04, Deployments."""

from __future__ import annotations

from typing import Any

from labs.checks.context import CheckContext
from labs.checks.core import check, expect, settle
from labs.checks.facts import Stated, states
from labs.checks.readers.containers import Program, is_image
from labs.checks.readers.ownership import replica_sets_of, revision_of
from labs.checks.readers.services import answer, expect_selected, node_port_service
from labs.checks.readers.stated import expect_type
from labs.checks.readers.workloads import (
    deployment,
    expect_image,
    expect_replicas,
    expect_rolled_out,
    image_of,
    labels_text,
    matches,
    name_of,
    pod_labels,
    pods_of,
)

OLD, NEW = "labs/web:1", "labs/web:2"
WEB = Program(NEW)  # or what has its name and another tag
TAGS = "The tags there are: `labs/web:1` and `labs/web:2`."


@states(
    Stated("Deployment", "store"),
    Stated("Deployment", "store", "containers.image", "labs/web:2", ("labs/shell:1", "labs/web:3")),
    Stated("Deployment", "store", "spec.replicas", 4, (3, 5)),
    Stated("Deployment", "store", "rollingUpdate.maxSurge", 1, (2, "50%"), "at most 5"),
    Stated("Deployment", "store", "rollingUpdate.maxUnavailable", 0, (1, "25%"), "at least"),
)
@check(
    "ex-04-1",
    title="The store at version 2, set so that no update lacks a pod",
    covers=("T5", "D2.2"),
    why="With maxUnavailable 0 an old pod goes only when a new one is ready, in every update from now on; the old "
    "ReplicaSet stays as the way back.",
)
def check_store_updated(lab: CheckContext) -> None:
    store = deployment(lab, "store")
    _expect_version(store, NEW)
    expect_replicas(store, 4)
    _expect_limits(store, surge=1, unavailable=0)
    expect_rolled_out(lab, "store")
    _expect_history(lab, store)
    _expect_undo(lab, store)


@states(
    Stated("Deployment", "worker-stable"),
    Stated("Deployment", "worker-stable", "spec.replicas", 3, (4, 2)),
    Stated("Deployment", "worker-stable", "containers.image", "labs/web:1"),
    Stated("Deployment", "worker-canary"),
    Stated("Deployment", "worker-canary", "spec.replicas", 1, (2, 3)),
    Stated("Deployment", "worker-canary", "containers.image", "labs/web:2"),
    Stated("Service", "worker"),
    Stated("Service", "worker", "spec.type", "NodePort", ("LoadBalancer", "ClusterIP")),
    Stated("Service", "worker", "ports.port", 80, (8080,)),
    Stated("Service", "worker", "ports.nodePort", 30041, (30049,)),
    Stated("Service", "worker", "spec.selector", others=("nobody",), text=""),
)
@check(
    "ex-04-2",
    title="A canary that takes a quarter of the worker's requests",
    covers=("T5", "D2.1"),
    why="The Service spreads requests over all four pods; each Deployment counts only its own.",
)
def check_canary_answering(lab: CheckContext) -> None:
    stable, canary = deployment(lab, "worker-stable"), deployment(lab, "worker-canary")
    for each, image, replicas in ((stable, OLD, 3), (canary, NEW, 1)):
        _expect_version(each, image)
        expect_replicas(each, replicas)
    for one, other in ((stable, canary), (canary, stable)):
        labels = pod_labels(other)
        expect(
            not matches(one.spec.selector, labels),
            expected="selectors that tell the two Deployments' pods apart",
            observed=f"the selector of {name_of(one)} matches the pods of {name_of(other)} too: {labels_text(labels)}",
            try_="Give the pods a second label that differs, and add it to the selectors. "
            "A selector cannot be changed: delete the Deployment and make it again.",
        )
    expect(
        pod_labels(stable).items() & pod_labels(canary).items(),
        expected="a label that the templates of both Deployments have in common, for the Service to select",
        observed="none: "
        + ", ".join(f"the pods of {name_of(each)} get {labels_text(pod_labels(each))}" for each in (stable, canary)),
        try_="Put one label more into both templates; a second one that differs keeps the two apart.",
    )
    for each in (stable, canary):
        expect_rolled_out(lab, name_of(each))
    service = node_port_service(lab, "worker", port=80, target=80, node_port=30041, workloads=(stable, canary))
    expect_type(service, "NodePort")
    for each in (stable, canary):
        expect_selected(service, each)
    _expect_answers(lab, 30041, {"1", "2"})


@states(
    Stated("Deployment", "producer"),
    Stated("Deployment", "producer", "containers.image", "labs/web:2"),
    Stated("Deployment", "producer", "spec.replicas", 3, (2, 4), "three"),
    Stated("Service", "producer"),
    Stated("Service", "producer", "ports.nodePort", 30042, (30049,)),
    Stated("Service", "producer", "spec.selector", others=("one", "nobody"), text=""),
)
@check(
    "ex-04-3",
    title="The producer's release, repaired",
    covers=("T5", "D2.1", "D2.2"),
    why="The rollout goes on, the image exists, and the Service selects the pods that run now.",
    symptom="localhost:30042/version does not answer 2 from three pods, or would not any more when a pod is replaced",
)
def check_producer_repaired(lab: CheckContext) -> None:
    made = "The two cells above the exercise make it."
    producer = deployment(lab, "producer", made)
    expect(
        not producer.spec.paused,
        expected="a rollout that goes on",
        observed="the rollout of producer is paused",
        try_="`kubectl rollout --help` lists what undoes a pause.",
    )
    expect(
        not is_image(image_of(producer, WEB), OLD),
        expected=f"the Deployment producer with the image {NEW}",
        observed=f"{OLD}: that is yesterday's version, which serves again but is not the release",
        try_="The way is forward: set the image that was meant.",
    )
    _expect_version(producer, NEW)
    expect_replicas(producer, 3)
    expect_rolled_out(lab, "producer")
    _expect_history(lab, producer, f"Keep the Deployment. {made}")
    service = node_port_service(lab, "producer", port=80, target=80, node_port=30042, workloads=(producer,))
    _expect_labels_from_template(lab, service, producer)
    expect_selected(service, producer)
    _expect_answers(lab, 30042, {"2"})


def _expect_version(item: Any, image: str) -> None:
    expect_image(item, image, f"`kubectl set image deployment/{name_of(item)} ...` changes it. {TAGS}")


def _expect_limits(item: Any, *, surge: int, unavailable: int) -> None:
    strategy, replicas = item.spec.strategy, item.spec.replicas
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


def _expect_history(lab: CheckContext, item: Any, try_: str = "") -> None:
    """A ReplicaSet of the old version still belongs to the Deployment."""
    images = sorted({image_of(each, Program(OLD)) for each in replica_sets_of(lab, item)})
    expect(
        any(is_image(image, OLD) for image in images),
        expected=f"a ReplicaSet with {OLD} in the history of {name_of(item)}",
        observed=f"only {', '.join(images) or 'nothing'} in it",
        try_=try_ or f"Start with {OLD}, then change the image of the same Deployment; do not create it again.",
    )


def _expect_undo(lab: CheckContext, item: Any) -> None:
    """An undo goes to the revision before the last, and that is the old version."""
    before, last = replica_sets_of(lab, item)[-2:]
    seen = image_of(before, WEB)
    expect(
        is_image(seen, OLD),
        expected=f"{OLD} one `kubectl rollout undo` away",
        observed=f"an undo would go from revision {revision_of(last)} to {revision_of(before)}, that is {seen}",
        try_=f"`kubectl rollout history deployment/{name_of(item)}` lists revisions; an undo goes to the last but one.",
    )


def _expect_labels_from_template(lab: CheckContext, service: Any, item: Any) -> None:
    """The pods that a Service selects did not get their labels by hand."""
    wanted = (service.spec.selector or {}).items()
    selected = [pod for pod in pods_of(lab, item) if wanted <= pod.metadata.labels.items()]
    expect(
        not selected or wanted <= pod_labels(item).items(),
        expected=f"the Service {name_of(service)} to select every pod that {name_of(item)} makes "
        f"({labels_text(pod_labels(item))})",
        observed=f"its selector is {labels_text(service.spec.selector)}; the pods that carry it got it by hand",
        try_="The next pod comes from the template, without it: compare `spec.template.metadata.labels`.",
    )


def _expect_answers(lab: CheckContext, port: int, wanted: set[str]) -> None:
    def state() -> bool:
        seen = _answers(lab, port, wanted)
        expect(
            seen == wanted,
            expected=f"{_versions(wanted)} to answer at localhost:{port}",
            observed=_versions(seen),
            try_="`kubectl get pods --show-labels` shows which pods the Service's selector matches.",
        )
        return True

    settle(state)


def _answers(lab: CheckContext, port: int, wanted: set[str]) -> set[str]:
    """The versions that answer; 60 requests miss a quarter of the pods less than once in 10 million times."""
    seen: set[str] = set()
    for asked in range(60):
        seen.add(answer(lab, port, "/version").strip())
        if seen >= wanted and asked >= 10:
            break
    return seen


def _pods_of(limit: Any, replicas: int, *, round_up: bool) -> int:
    """A number of pods or a percentage, as a number of pods: surge is rounded up, unavailable down."""
    text = str(limit)
    if not text.endswith("%"):
        return int(text)
    return (int(text[:-1]) * replicas + (99 if round_up else 0)) // 100


def _versions(versions: set[str]) -> str:
    return " and ".join(f"version {version}" for version in sorted(versions))
