"""What "done" means in lesson 03: objects, their labels and owners, and a pod that nobody schedules."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from labs.checks import check, clients, expect, found, settle
from labs.errors import NotYet

if TYPE_CHECKING:
    from labs.lab import Lab

WORKER_LABELS = {"app": "worker", "pipeline": "weather"}
FRONTS = 2
NODE_LABEL = "disk"


@check(
    "ex-03-1",
    title="A Deployment that keeps two labelled workers",
    covers=("T4",),
    why="The selector says which pods the Deployment counts as its own, and the template says what each new pod looks "
    "like, labels included.",
)
def check_worker_labelled(lab: Lab) -> None:
    deployment = deployment_named(lab, "worker")
    expect_image(deployment, "labs/shell:1")
    wanted = deployment.spec.replicas
    expect(
        wanted == 2,
        expected="a Deployment that asks for 2 pods",
        observed=f"it asks for {wanted}",
        try_="`kubectl scale` changes `spec.replicas`.",
    )

    def all_labelled() -> bool:
        pods = pods_of(lab, deployment)
        bare = [pod for pod in pods if not WORKER_LABELS.items() <= (pod.metadata.labels or {}).items()]
        expect(
            pods and not bare,
            expected="every pod of the Deployment to carry app=worker and pipeline=weather",
            observed=f"{len(bare)} of {count(pods)} without, such as one with {told(bare[0].metadata.labels)}"
            if bare
            else "no pod",
            try_="Pods get the labels of `spec.template.metadata`; the Deployment's own stay on it. "
            "`kubectl get pods --show-labels` lists them.",
        )
        return True

    in_template = WORKER_LABELS.items() <= (deployment.spec.template.metadata.labels or {}).items()
    settle(lambda: pods_of(lab, deployment), timeout=5)
    settle(all_labelled, timeout=10 if in_template else 0)
    expect(
        in_template,
        expected="both labels in the Deployment's template",
        observed=f"the template has {told(deployment.spec.template.metadata.labels)}; the pods got theirs by hand",
        try_="The next pod comes from the template: put both labels into `spec.template.metadata.labels`.",
    )
    expect_ready(lab, "worker", 2)


@check(
    "ex-03-2",
    title="A front pod that runs on without an owner, and one in its place",
    covers=("T4",),
    why="With another label the pod was no longer matched by the ReplicaSet's selector: the ReplicaSet let go of it, "
    "counted one too few, and made a new one. The Service's selector let go of it too, so it gets no visitors.",
)
def check_pod_released(lab: Lab) -> None:
    front = deployment_named(lab, "front", try_="The first cells of the lesson make it: run them again.")

    def released() -> bool:
        orphans = [pod for pod in live_pods(lab) if owner_of(pod) is None]
        made = [pod for pod in orphans if (pod.metadata.generate_name or "").startswith("front-")]
        by_hand = [p.metadata.name for p in orphans if "front" in p.metadata.name and p not in made]
        owned = [pod for pod in pods_of(lab, front) if owner_of(pod)]
        expect(
            made,
            expected="a running pod that the front's ReplicaSet made and no longer owns",
            observed=f'a pod "{by_hand[0]}" that no ReplicaSet ever made'
            if by_hand
            else f"{count(owned)} of the front, each owned by a ReplicaSet",
            try_="Which label does the ReplicaSet's selector ask for? `kubectl get replicaset -o wide` shows it, "
            "`kubectl get pods --show-labels` what the pods carry.",
        )
        stopped = [pod.metadata.name for pod in made if pod.status.phase != "Running"]
        expect(
            len(stopped) < len(made),
            expected="the pod without an owner to go on running",
            observed=f"it is {made[0].status.phase}",
            try_="`kubectl describe pod` tells what ended it.",
        )
        return True

    settle(released, timeout=3)
    expect(
        front.spec.replicas == FRONTS,
        expected=f"the Deployment to ask for {FRONTS} pods, as before",
        observed=f"it asks for {front.spec.replicas}",
        try_=f"`kubectl scale deployment front --replicas={FRONTS}`.",
    )
    expect_ready(lab, "front", FRONTS)


@check(
    "ex-03-3",
    title="A producer that gets a node and runs",
    covers=("T4", "D3.5"),
    why="A pod names the scheduler that it waits for, and one that does not exist never comes; and the scheduler that "
    "does exist only takes nodes which carry every label that the pod's `nodeSelector` asks for.",
)
def check_producer_running(lab: Lab) -> None:
    deployment = deployment_named(
        lab, "producer", try_="The cell above your answer deploys it; mend it rather than replace it by a pod."
    )
    expect_nodes_untouched(lab)
    expect(
        deployment.spec.replicas,
        expected="a Deployment that asks for 1 pod",
        observed="it asks for 0",
        try_="`kubectl scale deployment producer --replicas=1`.",
    )
    asked = deployment.spec.template.spec

    def current() -> list[Any]:
        """The pods of the template as it is now: while a Deployment rolls out, those of the one before are left."""
        pods = [pod.spec for pod in pods_of(lab, deployment)]
        return [s for s in pods if (s.scheduler_name, s.node_selector) == (asked.scheduler_name, asked.node_selector)]

    # After the API server or etcd was away, the scheduler comes back to its work within some seconds.
    settle(lambda: any(spec.node_name for spec in current()), timeout=10 if known_scheduler(asked) else 2)
    if not any(is_ready(pod) or pod.spec.node_name for pod in pods_of(lab, deployment)):
        raise unscheduled([pod for pod in pods_of(lab, deployment) if pod.spec.scheduler_name == asked.scheduler_name])
    expect_ready(lab, "producer", 1, at_least=True)


def known_scheduler(spec: Any) -> bool:
    return spec.scheduler_name in (None, "default-scheduler")


def unscheduled(pods: list[Any]) -> NotYet:
    """Why pods have no node, as their verdict."""
    conditions = [c for pod in pods for c in pod.status.conditions or [] if c.type == "PodScheduled"]
    if not pods:
        return NotYet("a pod of producer", "none", "`kubectl describe deployment producer` ends with what happened.")
    if not conditions:
        return NotYet(
            "a pod with a node",
            "it is Pending, and no scheduler has looked at it: it has no events",
            "Which scheduler does the pod wait for? Compare its `schedulerName` with that of a front pod.",
        )
    reason = (conditions[-1].message or conditions[-1].reason or "no reason").split(". ")[0].rstrip(".")
    return NotYet(
        "a pod with a node",
        f"the scheduler has looked, and found none: {reason}",
        "What does the pod ask of a node? `kubectl explain pod.spec.nodeSelector`, and compare with "
        "`kubectl get nodes --show-labels`.",
    )


def expect_nodes_untouched(lab: Lab) -> None:
    """No node carries the label that the broken producer asks for. Who may not list nodes may not label them."""
    try:
        nodes = clients(lab).core.list_node(label_selector=NODE_LABEL).items
    except Exception as error:
        if getattr(error, "status", None) != 403:
            raise
        return
    expect(
        not nodes,
        expected="the nodes as they were",
        observed=f"a label {NODE_LABEL!r} on {', '.join(node.metadata.name for node in nodes)}",
        try_=f"`kubectl label node NAME {NODE_LABEL}-` takes it off; then change what the pod asks for.",
    )


def deployment_named(lab: Lab, name: str, try_: str = "") -> Any:
    """The lesson's Deployment of this name; where there is none, the verdict tells what there is instead."""
    apps = clients(lab).apps

    def elsewhere() -> str:
        try:
            found_ones = apps.list_deployment_for_all_namespaces(field_selector=f"metadata.name={name}").items
        except Exception as error:
            if getattr(error, "status", None) != 403:  # on a shared cluster one sees only one's own
                raise
            found_ones = []
        places = sorted(item.metadata.namespace for item in found_ones)
        return f"one in namespace {places[0]}" if places else "none"

    try:
        return found(lambda: apps.read_namespaced_deployment(name, lab.namespace), expected="")
    except NotYet:
        raise NotYet(
            f'a Deployment "{name}" in namespace {lab.namespace}',
            elsewhere(),
            try_ or "`kubectl get deployments` lists those of the lesson.",
        ) from None


def expect_image(deployment: Any, image: str) -> None:
    """The Deployment's first container comes from the image."""
    observed = deployment.spec.template.spec.containers[0].image
    expect(
        observed.removeprefix("docker.io/") == image or observed.endswith(f"/{image}"),
        expected=f"pods from the image {image}",
        observed=f"pods from {observed}",
        try_="`kubectl set image`, or `spec.template.spec.containers` in the YAML.",
    )


def expect_ready(lab: Lab, name: str, wanted: int, *, at_least: bool = False) -> None:
    """The Deployment comes to its number of ready pods."""

    def ready_pods() -> int:
        deployment = clients(lab).apps.read_namespaced_deployment(name, lab.namespace)
        return sum(is_ready(pod) for pod in pods_of(lab, deployment) if owner_of(pod))

    def enough(ready: int) -> bool:
        return ready >= wanted if at_least else ready == wanted

    seen: list[int] = []

    def steady() -> bool:
        """The last three looks agree: a container that crashes at once counts as ready for a moment."""
        seen.append(ready_pods())
        return len(seen) >= 3 and all(enough(ready) for ready in seen[-3:])

    settle(steady, interval=0.5)
    ready = min(seen[-3:])
    expect(
        enough(ready),
        expected=f"{wanted} ready pods of the Deployment {name}" if wanted > 1 else f"a ready pod of {name}",
        observed=f"{ready} ready{states(lab, name)}",
        try_="`kubectl get pods` shows the state of each, `kubectl describe pod NAME` how it came to it.",
    )


def states(lab: Lab, name: str) -> str:
    """What the unready pods of a Deployment are doing, as the end of a sentence."""
    deployment = clients(lab).apps.read_namespaced_deployment(name, lab.namespace)
    reasons = set()
    for pod in pods_of(lab, deployment):
        if is_ready(pod):
            continue
        containers = pod.status.container_statuses or []
        waits = [s.state.waiting.reason for s in containers if s.state.waiting and s.state.waiting.reason]
        ends = [end for s in containers if (end := s.state.terminated or s.last_state.terminated)]
        ended = [f"ended with status {end.exit_code}" for end in ends]
        reasons.add([*waits, *ended, pod.status.phase][0])
    return f", others {', '.join(sorted(reasons))}" if reasons else ""


def pods_of(lab: Lab, deployment: Any) -> list[Any]:
    """The live pods that a Deployment's selector matches."""
    labels = deployment.spec.selector.match_labels or {}
    return live_pods(lab, ",".join(f"{key}={value}" for key, value in labels.items()))


def live_pods(lab: Lab, selector: str = "") -> list[Any]:
    """The lesson's pods that are not being deleted."""
    pods = clients(lab).core.list_namespaced_pod(lab.namespace, label_selector=selector).items
    return [pod for pod in pods if pod.metadata.deletion_timestamp is None]


def owner_of(pod: Any) -> str | None:
    """The kind of a pod's controller."""
    return next((owner.kind for owner in pod.metadata.owner_references or [] if owner.controller), None)


def is_ready(pod: Any) -> bool:
    return any(c.type == "Ready" and c.status == "True" for c in pod.status.conditions or [])


def count(pods: list[Any]) -> str:
    return f"{len(pods)} pod{'s'[: len(pods) != 1]}"


def told(labels: dict[str, str] | None) -> str:
    return ", ".join(f"{k}={v}" for k, v in (labels or {}).items() if k != "pod-template-hash") or "no labels"
