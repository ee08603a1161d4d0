"""What "done" means in lesson 03: objects, their labels and owners, and a pod that nobody schedules."""

from __future__ import annotations

import re
from typing import Any

from labs.checks.context import CheckContext
from labs.checks.core import check, clients, expect, settle
from labs.checks.facts import Free, Kept, Stated, states
from labs.checks.readers.as_made import expect_as_made, one_container
from labs.checks.readers.containers import Program, command_text, container_of
from labs.checks.readers.ownership import owner_of
from labs.checks.readers.pods import counted, is_ready
from labs.checks.readers.services import service
from labs.checks.readers.workloads import (
    deployment,
    expect_image,
    expect_ready,
    expect_replicas,
    labels_text,
    live_pods,
    pods_of,
    selector_text,
)
from labs.errors import NotYet

WORKER_LABELS = {"app": "worker", "pipeline": "weather"}
WORKER_COMMAND = 'sh -c "while true; do date; sleep 5; done"'
FRONTS = 2
NODE_LABEL = "disk"


@states(
    Stated("Deployment", "worker"),
    Stated("Deployment", "worker", "spec.replicas", 2, (1, 3), "two"),
    Stated("Deployment", "worker", "containers.image", "labs/shell:1"),
    Stated(
        "Deployment",
        "worker",
        "containers.command",
        "while true; do date; sleep 5; done",
        ("while true; do date; sleep 50; done", "while true; do hostname; sleep 5; done", "date; sleep 5"),
    ),
    Stated("Deployment", "worker", "labels.app", "worker", ("helper",)),
    Stated("Deployment", "worker", "labels.pipeline", "weather", ("rain",)),
)
@check(
    "ex-03-1",
    title="A Deployment that keeps two labelled workers",
    covers=("T4",),
    why="The selector says which pods the Deployment counts as its own, and the template says what each new pod looks "
    "like, labels included.",
)
def check_worker_labelled(lab: CheckContext) -> None:
    worker = deployment(lab, "worker")
    expect_image(worker, "labs/shell:1")
    expect_replicas(worker, 2)

    def all_labelled() -> bool:
        pods = pods_of(lab, worker)
        bare = [pod for pod in pods if not WORKER_LABELS.items() <= (pod.metadata.labels or {}).items()]
        expect(
            pods and not bare,
            expected="every pod of the Deployment to carry app=worker and pipeline=weather",
            observed=f"{len(bare)} of {counted(pods)} without, such as one with {labels_text(bare[0].metadata.labels)}"
            if bare
            else "no pod",
            try_="Pods get the labels of `spec.template.metadata`; the Deployment's own stay on it. "
            "`kubectl get pods --show-labels` lists them.",
        )
        return True

    in_template = WORKER_LABELS.items() <= (worker.spec.template.metadata.labels or {}).items()
    settle(lambda: pods_of(lab, worker), timeout=5)
    settle(all_labelled, timeout=10 if in_template else 0)
    expect(
        in_template,
        expected="both labels in the Deployment's template",
        observed=f"the template has {labels_text(worker.spec.template.metadata.labels)}; the pods got theirs by hand",
        try_="The next pod comes from the template: put both labels into `spec.template.metadata.labels`.",
    )
    expect_ready(lab, "worker", 2)
    expect_dates_written(worker)


def expect_dates_written(worker: Any) -> None:
    """The pods run a shell's loop of `date` and `sleep 5`, however it is spelled."""
    text = command_text(container_of(worker, Program("labs/shell:1", "date")))
    loop = re.search(r"sh\b.* -\w*c .*\b(?:while|until|for)\b(.*)\bdone\b", text)
    expect(
        loop and all(re.search(rf"\b{word}\b", loop[1]) for word in ("date", "sleep 5s?")),
        expected=f"pods that run `{WORKER_COMMAND}`",
        observed=f"`{text}`" if text else "no command: they run what the image says",
        try_="`kubectl logs deployment/worker` shows what a pod writes; `command` in the template says what it runs.",
    )


@states(
    Kept("Deployment", "front", {"spec": {"replicas": 3}}),
    Kept("Deployment", "front", {"spec": {"template": {"metadata": {"labels": {"track": "odd"}}}}}),
)
@check(
    "ex-03-2",
    title="A front pod that runs on without an owner, and one in its place",
    covers=("T4",),
    why="With another label the pod was no longer matched by the ReplicaSet's selector: the ReplicaSet let go of it, "
    "counted one too few, and made a new one. The Service's selector does not match it either: it gets no visitors.",
)
def check_pod_released(lab: CheckContext) -> None:
    front = deployment(lab, "front", try_="The first cells of the lesson make it: run them again.")

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
            else f"{counted(owned)} of the front, each owned by a ReplicaSet",
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
    expect_replicas(front, FRONTS)
    first = front.spec.template.spec.containers[0]
    made = one_container("front", {"app": "front"}, {"name": first.name, "image": first.image}, replicas=FRONTS)
    expect_as_made(lab, made, "Leave the Deployment as section 1 made it: what is to change is what one pod carries.")
    expect_ready(lab, "front", FRONTS)
    expect_no_visitors(lab)


def expect_no_visitors(lab: CheckContext) -> None:
    """The Service `front` leads to no pod without an owner. How many there are does not matter."""
    item = service(lab, "front", "The cells of section 5 make it: run them again.")
    wanted = (item.spec.selector or {}).items()
    free = [pod for pod in live_pods(lab) if owner_of(pod) is None]
    visited = [pod for pod in free if wanted and wanted <= (pod.metadata.labels or {}).items()]
    expect(
        not visited,
        expected="a Service front that does not lead to a pod without an owner",
        observed=f"its selector is {selector_text(item.spec.selector)}, and {visited[0].metadata.name}, which has no "
        f"owner, carries {labels_text(visited[0].metadata.labels)}"
        if visited
        else "none",
        try_="Which of the pod's labels do both ask for, the ReplicaSet and the Service? "
        "`kubectl get endpointslices` lists the addresses behind the Service.",
    )


@states(
    Stated("Deployment", "producer"),
    Stated("Deployment", "producer", "spec.schedulerName", "default-scheduler", ("fast-scheduler", "slow"), ""),
    Stated("Deployment", "producer", "spec.replicas", 1, (0,), "one pod"),
    Free("Deployment", "producer", "spec.replicas", 2),
)
@check(
    "ex-03-3",
    title="A producer that gets a node and runs",
    covers=("T4", "D3.5"),
    why="A pod names the scheduler that it waits for, and one that does not exist never comes; and the scheduler that "
    "does exist only takes nodes which carry every label that the pod's `nodeSelector` asks for.",
    symptom="the Deployment producer has no ready pod that a next one would follow",
)
def check_producer_running(lab: CheckContext) -> None:
    producer = deployment(
        lab, "producer", try_="The cell above your answer deploys it; repair it rather than replace it by a pod."
    )
    expect_nodes_untouched(lab)
    expect(
        producer.spec.replicas,
        expected="a Deployment that asks for 1 pod",
        observed="it asks for 0",
        try_="`kubectl scale deployment producer --replicas=1`.",
    )
    asked = producer.spec.template.spec

    def current() -> list[Any]:
        """The pods of the template as it is now: while a Deployment rolls out, those of the one before are left."""
        pods = [pod.spec for pod in pods_of(lab, producer)]
        return [s for s in pods if (s.scheduler_name, s.node_selector) == (asked.scheduler_name, asked.node_selector)]

    # After the API server or etcd was away, the scheduler comes back to its work within some seconds.
    settle(lambda: any(spec.node_name for spec in current()), timeout=10 if known_scheduler(asked) else 2)
    if not any(is_ready(pod) or pod.spec.node_name for pod in pods_of(lab, producer)):
        raise unscheduled([pod for pod in pods_of(lab, producer) if pod.spec.scheduler_name == asked.scheduler_name])
    expect_ready(lab, "producer", 1, at_least=True)
    expect(
        known_scheduler(asked) or asked.node_name,
        expected="a template whose next pod gets a node, too",
        observed=f"it waits for the scheduler {asked.scheduler_name}; the pod that runs got its node by hand",
        try_="The next pod comes from the template: `kubectl get deployment producer -o yaml`, "
        "and look at `spec.template.spec`.",
    )
    expect_place_for_next(lab, asked.node_selector or {})


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


def expect_place_for_next(lab: CheckContext, wanted: dict[str, str]) -> None:
    """Some node still carries what the template asks for: one that did so for a while got a pod that stays."""
    try:
        nodes = clients(lab).core.list_node().items
    except Exception as error:
        if getattr(error, "status", None) != 403:
            raise
        return
    expect(
        any(wanted.items() <= (node.metadata.labels or {}).items() for node in nodes),
        expected="a template whose next pod gets a node, too",
        observed=f"its nodeSelector asks for {labels_text(wanted)}, which no node carries now; the pod that runs got "
        "its node while one did",
        try_="The next pod comes from the template: `kubectl get deployment producer -o yaml`, "
        "and look at `spec.template.spec`.",
    )


def expect_nodes_untouched(lab: CheckContext) -> None:
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
