"""Checks of lesson 12: requests and limits, an autoscaler with a budget, a Deployment that a quota refuses its pods."""

from __future__ import annotations

from typing import Any

from labs.checks.context import CheckContext, ScopedContext
from labs.checks.core import check, expect, settle
from labs.checks.facts import Kept, Stated, states
from labs.checks.readers.containers import Program, command_text, container_of, is_image, pod_spec, working_containers
from labs.checks.readers.disruptions import allowed, budget_text, budgets, covers
from labs.checks.readers.namespaces import here
from labs.checks.readers.quantities import amount
from labs.checks.readers.resources import FIELDS, asked, expect_amount, expect_no_limit, refusal
from labs.checks.readers.starting import newest_pods
from labs.checks.readers.workloads import (
    deployment,
    expect_image,
    expect_ready,
    expect_replicas,
    expect_rolled_out,
    labels_text,
    live_pods,
    matches,
    name_of,
    pod_labels,
)
from labs.errors import NotYet

IMAGE, SHELL = "weather:1", "labs/shell:1"
STORE, METRICS = Program(IMAGE, "store", "store"), Program(SHELL, "sleep", "metrics")
PRODUCER, PAGE = Program(IMAGE, "producer", "producer"), Program(IMAGE, "front", "weather", is_default=True)
KEEPER = Program(IMAGE, "python3", "keeper")
BALLAST = "40000000"
LEAST, MOST, PERCENT = 2, 5, 60
SLOW = 60  # seconds: an autoscaler looks every 15, and a pod has to start
MADE = "The cell above the exercise makes it again."
BAY_QUOTA = {"requests.cpu": "700m", "limits.memory": "800Mi", "pods": "6"}
BAY_LIMITS = {
    "max": {"memory": "128Mi"},
    "default_request": {"cpu": "300m", "memory": "32Mi"},
    "default": {"memory": "32Mi"},
}


@states(
    Stated("Deployment", "gauge"),
    Stated("Deployment", "sender"),
    Stated("Deployment", "sender", "requests.cpu", "50m", ("500m",)),
    Stated("Deployment", "sender", "requests.memory", "32Mi", ("32M", "64Mi")),
    Stated("Deployment", "sender", "limits.memory", "128Mi", ("128M", "64Mi")),
)
@check(
    "ex-12-1",
    title="A guaranteed gauge, and a sender with room above",
    covers=("D4.4",),
    why="Where each container's limits of CPU and memory equal its requests, the pod is Guaranteed; else Burstable.",
)
def check_resources_stated(lab: CheckContext) -> None:
    gauge = deployment(lab, "gauge", MADE)
    wanted = ((STORE, {"cpu": "100m", "memory": "64Mi"}), (METRICS, {"cpu": "50m", "memory": "32Mi"}))
    for program, amounts in wanted:
        container = container_of(gauge, program)
        _expect_program(gauge, container, program)
        for resource, quantity in amounts.items():
            expect_amount(gauge, container, "requests", resource, quantity)
    sender = deployment(lab, "sender", MADE)
    producer = container_of(sender, PRODUCER)
    _expect_program(sender, producer, PRODUCER)
    expect_amount(sender, producer, "requests", "cpu", "50m")
    expect_amount(sender, producer, "requests", "memory", "32Mi")
    expect_amount(sender, producer, "limits", "memory", "128Mi")
    expect_no_limit(sender, producer, "cpu")
    _expect_class(lab, "gauge", "Guaranteed", "Each container needs limits of CPU and memory, and equal requests.")
    _expect_class(lab, "sender", "Burstable", "Its requests are lower than its limits, or there are none.")


@states(
    Stated("Deployment", "page"),
    Stated("Deployment", "page", "requests.cpu", "100m", ("50m",)),
    Stated("HorizontalPodAutoscaler", "page"),
    Stated("HorizontalPodAutoscaler", "page", "spec.minReplicas", 2, (1,)),
    Stated("HorizontalPodAutoscaler", "page", "spec.maxReplicas", 5, (4,)),
    Stated("HorizontalPodAutoscaler", "page", "target.averageUtilization", 60, (80,)),
    Stated("PodDisruptionBudget", "page", "spec.maxUnavailable", 1, (2,), text="**one**", is_name_stated=False),
)
@check(
    "ex-12-2",
    title="A page with an autoscaler and a budget",
    covers=("D2.2", "D4.4"),
    why="The autoscaler measures against the request; the budget counts what may be away, so it fits any number.",
)
def check_page_scaled(lab: CheckContext) -> None:
    page = deployment(lab, "page", MADE)
    expect_image(page, IMAGE)
    container = container_of(page, PAGE)
    expect_amount(page, container, "requests", "cpu", "100m")
    for other in working_containers(pod_spec(page)):
        expect(
            asked(other, "cpu") is not None,
            expected="a CPU request in each container of page, or the autoscaler cannot count",
            observed=f"{other.name} has none",
            try_=FIELDS,
        )
    _expect_scaler(lab, container)
    _expect_budget(lab, page)

    def scaled() -> bool:
        replicas = deployment(lab, "page").spec.replicas or 0
        return expect(
            replicas >= LEAST,
            expected=f"{LEAST} pods of page or more",
            observed=f"replicas: {replicas}",
            try_="`kubectl describe hpa page` shows what it does; it looks every 15 seconds.",
        )

    settle(scaled, timeout=SLOW)
    expect_ready(lab, "page", LEAST, at_least=True)


@states(
    Stated("Deployment", "buoys"),
    Kept("ResourceQuota", "bay", {"spec": {"hard": {"requests.cpu": "4"}}}),
    Kept("LimitRange", "bay", {"spec": {"limits": [{"type": "Container", "max": {"memory": "1Gi"}}]}}),
    Kept("Pod", "lighthouse", {"metadata": {"labels": {"app": "buoys"}}}),
)
@check(
    "ex-12-3",
    title="Three buoys under the bay's quota",
    covers=("D4.3", "D4.4"),
    why="The store's limit fits the LimitRange; the keeper states what it needs, so no default is in the way.",
    symptom="the Deployment buoys does not have its three ready pods, or the bay is not as it was",
)
def check_buoys_running(lab: CheckContext) -> None:
    bay = ScopedContext(lab, f"{lab.namespace}-bay", {})
    _expect_bay(bay)
    buoys = deployment(bay, "buoys", f"Keep it. {MADE}")
    store, keeper = container_of(buoys, STORE), container_of(buoys, KEEPER)
    _expect_program(buoys, store, STORE)
    expect(
        BALLAST in command_text(keeper).replace("_", "") and is_image(keeper.image, IMAGE),
        expected="the keeper with its command, which holds 40 MB, and its image",
        observed=f"{keeper.image}, `{command_text(keeper)[:70] or 'no command'}`",
        try_=f"What it needs it needs: give it the memory. {MADE}",
    )
    expect_replicas(buoys, 3)
    try:
        expect_rolled_out(bay, "buoys")
        expect_ready(bay, "buoys", 3)
    except NotYet as late:
        told = refusal(bay, deployment(bay, "buoys"))
        if told:
            raise NotYet(
                late.expected,
                f"{late.observed}; its ReplicaSet is refused a pod: {told}",
                f"`kubectl describe replicaset -n {bay.namespace}` and `kubectl describe quota,limitrange -n "
                f"{bay.namespace}`. A rollout needs room beside the old pods.",
            ) from late
        if killed := _killed(bay):
            raise NotYet(
                late.expected,
                f"{late.observed}; {killed} was OOMKilled: it took more memory than its limit",
                "Which limit does its pod have, and who has set it?",
            ) from late
        raise


def _expect_program(workload: Any, container: Any, program: Program) -> None:
    expect(
        is_image(container.image, program.image)
        and (program.word in command_text(container) or container.name == program.name),
        expected=f"the container {program.name} of {name_of(workload)} with the image {program.image}",
        observed=f"{container.name}: {container.image}, `{command_text(container)[:60]}`",
        try_=f"Keep it. {MADE}",
    )


def _expect_class(lab: CheckContext, name: str, wanted: str, try_: str) -> None:
    """The pods of a Deployment have a QoS class. Its template would give it to new ones; it is these that count."""
    expect_rolled_out(lab, name)
    pods = newest_pods(lab, deployment(lab, name))
    classes = {pod.status.qos_class for pod in pods}
    expect(
        classes == {wanted},
        expected=f"pods of {name} of the class {wanted}",
        observed=f"its class is {' and '.join(sorted(map(str, classes))) or 'unknown: there is no pod'}",
        try_=try_,
    )


# Exercise 2
def _expect_scaler(lab: CheckContext, container: Any) -> None:
    item = here(
        lab,
        "horizontal_pod_autoscaler",
        "page",
        api="autoscaling",
        called="a HorizontalPodAutoscaler page",
        try_="`kubectl autoscale --help`",
    )
    spec, look = item.spec, "`kubectl describe hpa page`, and `kubectl edit hpa page`."
    target = spec.scale_target_ref
    expect(
        (target.kind, target.name) == ("Deployment", "page") and (target.api_version or "").startswith("apps/"),
        expected="the autoscaler's target to be the Deployment page, of apps/v1",
        observed=f"the target {target.kind} {target.name}, of {target.api_version or 'no version'}",
        try_=look,
    )
    bounds = (spec.min_replicas or 1, spec.max_replicas)
    expect(
        bounds == (LEAST, MOST),
        expected=f"minReplicas: {LEAST}, maxReplicas: {MOST}",
        observed=f"minReplicas: {bounds[0]}, maxReplicas: {bounds[1]}",
        try_=look,
    )
    metrics = spec.metrics or []
    seen = [_percent(metric, container) for metric in metrics]
    expect(
        seen == [PERCENT],
        expected=f"one metric, the CPU of the pods, at {PERCENT} % of the request",
        observed=", ".join(f"{p} %" if p else "another one" for p in seen) or "no metric",
        try_=look,
    )


def _percent(metric: Any, container: Any) -> Any:
    """The target of a metric as a percentage of the container's CPU request; None when it measures something else."""
    source = metric.resource or metric.container_resource
    if source is None or source.name != "cpu" or getattr(source, "container", container.name) != container.name:
        return None
    if source.target.average_utilization is not None:
        return source.target.average_utilization
    value = source.target.average_value
    return None if value is None else int(100 * amount(value) / amount(asked(container, "cpu")))


def _expect_budget(lab: CheckContext, page: Any) -> None:
    labels = pod_labels(page)
    every = budgets(lab)
    mine = [budget for budget in every if covers(budget, labels)]
    others = "; ".join(f"{budget_text(b)} covers no pod of page, its selector is {_selector(b)}" for b in every)
    expect(
        mine,
        expected="a PodDisruptionBudget for the pods of page",
        observed=others or "no PodDisruptionBudget",
        try_=f"The pods carry {labels_text(labels)}; `kubectl create pdb --help`.",
    )
    expect(
        len(mine) == 1,
        expected="one PodDisruptionBudget for the pods of page: with two, every eviction is an error",
        observed=" and ".join(map(budget_text, mine)),
        try_="`kubectl delete pdb` removes the one that you do not want.",
    )
    budget = mine[0]
    for pods in range(LEAST, MOST + 1):
        expect(
            allowed(budget, pods) == 1,
            expected="a PodDisruptionBudget that lets one pod of page go, of 2 as of 5",
            observed=f"{budget_text(budget)}: of {pods} pods it lets {allowed(budget, pods)} go",
            try_="Is it the number that must stay, or the number that may be away?",
        )
    strangers = [p for p in live_pods(lab) if covers(budget, p.metadata.labels) and not _is_of(page, p)]
    expect(
        not strangers,
        expected="a PodDisruptionBudget for the pods of page, and no others",
        observed=f"it covers {', '.join(map(name_of, strangers[:3]))} as well; its selector is {_selector(budget)}",
        try_=f"The pods of page carry {labels_text(labels)}.",
    )


def _is_of(page: Any, pod: Any) -> bool:
    return matches(page.spec.selector, pod.metadata.labels or {})


def _selector(budget: Any) -> str:
    selector = budget.spec.selector
    if selector is None:
        return "missing"
    return "with matchExpressions" if selector.match_expressions else labels_text(selector.match_labels)


# Exercise 3
def _expect_bay(bay: CheckContext) -> None:
    """Quota, LimitRange and lighthouse are as the lesson's cell makes them."""
    keep = f"Leave it alone; what has to change is the Deployment. {MADE}"
    quota = here(bay, "resource_quota", "bay", called="the ResourceQuota bay", try_=keep)
    hard = quota.spec.hard or {}
    is_kept = {k: amount(v) for k, v in hard.items()} == {k: amount(v) for k, v in BAY_QUOTA.items()}
    expect(
        is_kept and not (quota.spec.scopes or quota.spec.scope_selector),
        expected="the ResourceQuota bay as it was: " + ", ".join(f"{k} {v}" for k, v in BAY_QUOTA.items()),
        observed=", ".join(f"{k} {v}" for k, v in hard.items()) or "nothing in it",
        try_=keep,
    )
    limits = here(bay, "limit_range", "bay", called="the LimitRange bay", try_=keep).spec.limits
    item = limits[0]
    seen = {field: getattr(item, field) or {} for field in BAY_LIMITS}
    is_same = all(
        {k: amount(v) for k, v in seen[field].items()} == {k: amount(v) for k, v in wanted.items()}
        for field, wanted in BAY_LIMITS.items()
    )
    expect(
        len(limits) == 1 and item.type == "Container" and is_same and not item.min,
        expected="the LimitRange bay as it was: 128Mi at most, and its defaults",
        observed="; ".join(f"{field}: {values}" for field, values in seen.items()),
        try_=keep,
    )
    lighthouse = here(bay, "pod", "lighthouse", called="the pod lighthouse", try_=keep)
    cpu, labels = asked(lighthouse.spec.containers[0], "cpu"), lighthouse.metadata.labels or {}
    expect(
        amount(cpu) == amount("100m") and not labels and not lighthouse.metadata.deletion_timestamp,
        expected="the pod lighthouse as it was, with its 100m of CPU and no labels",
        observed=f"requests.cpu: {cpu}, {labels_text(labels)}",
        try_=keep,
    )


def _killed(bay: CheckContext) -> str:
    """A container of the newest pods that the kernel has killed for its memory; empty when there is none."""
    for pod in newest_pods(bay, deployment(bay, "buoys")):
        for status in pod.status.container_statuses or []:
            ends = (status.state.terminated, status.last_state.terminated if status.last_state else None)
            if any(end and end.reason == "OOMKilled" for end in ends):
                return status.name
    return ""
