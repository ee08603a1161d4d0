"""What checks read of Deployments (or the like) and of the pods that they own."""

from __future__ import annotations

from typing import Any

from labs.checks.context import CheckContext
from labs.checks.core import clients, expect, settle
from labs.checks.readers.containers import ANY, Program, container_of, images_of, is_image, statuses_of
from labs.checks.readers.namespaces import here
from labs.checks.readers.ownership import is_owned_by, owner_of, owners_of_pods
from labs.checks.readers.pods import is_ready, reasons
from labs.errors import NotYet

__all__ = [
    "deployment",
    "expect_image",
    "expect_ready",
    "expect_replicas",
    "expect_rolled_out",
    "image_of",
    "labels_text",
    "live_pods",
    "matches",
    "name_of",
    "owner_of",
    "pod_labels",
    "pods_of",
    "selector_text",
    "wait_for_ending_pods",
]

LOOKS = 4  # that must agree: a container that crashes at once counts as ready for a moment
BETWEEN_LOOKS = 0.5  # seconds


def deployment(lab: CheckContext, name: str, try_: str = "", again: str = "") -> Any:
    """A Deployment that the exercise asks for.

    Args:
        lab: the lesson's lab.
        name: the Deployment's.
        try_: what to try when it does not exist.
        again: what to try when another namespace has one.

    Raises:
        NotYet: there is none in the lesson's namespace; the verdict says where else there is one.
    """
    return here(
        lab,
        "deployment",
        name,
        api="apps",
        called=f"a Deployment {name}",
        try_=try_ or f"`kubectl get deployments -n {lab.namespace}` lists yours.",
        again=again,
    )


def expect_image(workload: Any, image: str, try_: str = "") -> None:
    """A container of a Deployment (or the like) comes from an image. Raises NotYet."""
    expect(
        is_image(image_of(workload, Program(image)), image),
        expected=f"the {_kind(workload)} {name_of(workload)} with the image {image}",
        observed=images_of(workload),
        try_=try_
        or f"`kubectl set image -n {_place(workload)} {_kind(workload).lower()}/{name_of(workload)} ...` changes it.",
    )


def expect_replicas(workload: Any, count: int, try_: str = "") -> None:
    """A Deployment (or the like) asks for a number of pods. Raises NotYet."""
    expect(
        workload.spec.replicas == count,
        expected=f"replicas: {count} in the {_kind(workload)} {name_of(workload)}",
        observed=f"replicas: {workload.spec.replicas}",
        try_=try_
        or f"`kubectl scale -n {_place(workload)} {_kind(workload).lower()} {name_of(workload)} --replicas=...`",
    )


def expect_rolled_out(lab: CheckContext, name: str) -> None:
    """All pods of a Deployment are of its present template and ready. Raises NotYet, which says what they wait for."""

    def state() -> bool:
        item = deployment(lab, name)
        wanted, status = item.spec.replicas, item.status
        ready = (status.updated_replicas, status.replicas, status.available_replicas) == (wanted,) * 3
        if ready and (status.observed_generation or 0) >= item.metadata.generation:
            return True
        waiting = reasons(pods_of(lab, item)) or (" (the rollout is paused)" if item.spec.paused else "")
        pods = f"{wanted} ready pods" if wanted != 1 else "a ready pod"
        raise NotYet(
            f"{pods} of {name}{', all' if wanted != 1 else ''} with {images_of(item)}, of its newest version",
            f"{status.updated_replicas or 0} with it, {status.available_replicas or 0} ready in all{waiting}",
            _last_words(lab, name, waiting)
            or f"`kubectl get pods -n {lab.namespace}` shows the state of each, "
            "the end of `kubectl describe pod NAME` how it came to it.",
        )

    settle(state)


def expect_ready(lab: CheckContext, name: str, wanted: int, *, at_least: bool = False) -> None:
    """A Deployment comes to its number of ready pods, and keeps it for some looks.

    Args:
        lab: the lesson's lab.
        name: the Deployment's.
        wanted: how many.
        at_least: whether more are as good.

    Raises:
        NotYet: it does not; the verdict says what the others do.
    """
    seen: list[tuple[int, dict[str, int]]] = []

    def look() -> tuple[int, dict[str, int]]:
        pods = pods_of(lab, deployment(lab, name))
        return sum(is_ready(pod) for pod in pods), _restarts(pods)

    def enough(ready: int) -> bool:
        return ready >= wanted if at_least else ready == wanted

    def steady() -> bool:
        seen.append(look())
        last = seen[-LOOKS:]
        is_enough = len(last) == LOOKS and all(enough(ready) for ready, _ in last)
        return is_enough and not _started_again([restarts for _, restarts in last])

    is_steady = settle(steady, interval=BETWEEN_LOOKS)
    counts = [ready for ready, _ in seen[-LOOKS:]]
    ready = min((count for count in counts if not enough(count)), default=min(counts))
    pods = pods_of(lab, deployment(lab, name))
    has_ended = _started_again([restarts for _, restarts in seen] + [_restarts(pods)])
    waiting = reasons(pods) or ("; its containers end and are started again" if has_ended else "")
    expect(
        is_steady,
        expected=f"{wanted} ready pods of the Deployment {name}" if wanted > 1 else f"a ready pod of {name}",
        observed=f"{ready} ready{waiting}",
        try_=_last_words(lab, name, waiting)
        or f"`kubectl get pods -n {lab.namespace}` shows the state of each, "
        "`kubectl describe pod NAME` how it came to it.",
    )


def _restarts(pods: list[Any]) -> dict[str, int]:
    """How often each container of some pods was started again."""
    return {f"{pod.metadata.uid}/{status.name}": status.restart_count for pod in pods for status in statuses_of(pod)}


def _started_again(looks: list[dict[str, int]]) -> bool:
    """Whether one container was started again between the first and the last of some looks at `_restarts`."""
    first: dict[str, int] = {}
    for restarts in looks:
        first = {**restarts, **first}
        if any(first[container] < count for container, count in restarts.items()):
            return True
    return False


def _last_words(lab: CheckContext, name: str, waiting: str) -> str:
    """Where a program that ends by itself has said why; empty when none does."""
    ends = "ended with status" in waiting or "containers end" in waiting
    return f"`kubectl logs deployment/{name}` in the namespace {lab.namespace} shows its last words." if ends else ""


def live_pods(lab: CheckContext, selector: str = "") -> list[Any]:
    """The lesson's pods that are not being deleted.

    Args:
        lab: the lesson's lab.
        selector: such as ``"app=web"``; all pods when empty.
    """
    pods = clients(lab).core.list_namespaced_pod(lab.namespace, label_selector=selector).items
    return [pod for pod in pods if pod.metadata.deletion_timestamp is None]


def pods_of(lab: CheckContext, workload: Any) -> list[Any]:
    """The live pods that a Deployment (or the like) owns: another's may carry the same labels."""
    owners = owners_of_pods(lab, workload)
    return [pod for pod in live_pods(lab) if is_owned_by(pod, owners)]


def wait_for_ending_pods(lab: CheckContext, workload: Any, timeout: float = 35) -> None:
    """Let pods that a workload has replaced end: until then they work on, and what they do is not the new ones' doing.

    They are found by their labels: a workload that was made again does not own the pods of the one before.

    Args:
        lab: the lesson.
        workload: a Deployment or the like.
        timeout: limit, in seconds; pods have 30 to end unless they ask for another time.
    """

    def ended() -> bool:
        pods = clients(lab).core.list_namespaced_pod(lab.namespace).items
        return not any(
            pod.metadata.deletion_timestamp and matches(workload.spec.selector, pod.metadata.labels or {})
            for pod in pods
        )

    settle(ended, timeout=timeout)


def matches(selector: Any, labels: dict[str, str]) -> bool:
    """Whether a label selector matches labels, by the rules of Kubernetes' documentation, "Labels and Selectors"."""
    by_operator = {
        "In": lambda r: labels.get(r.key) in r.values,
        "NotIn": lambda r: labels.get(r.key) not in r.values,
        "Exists": lambda r: r.key in labels,
        "DoesNotExist": lambda r: r.key not in labels,
    }
    pairs = (selector.match_labels or {}).items()
    return pairs <= labels.items() and all(by_operator[r.operator](r) for r in selector.match_expressions or [])


def pod_labels(workload: Any) -> dict[str, str]:
    """The labels of the template of a Deployment (or the like)."""
    return workload.spec.template.metadata.labels or {}


def image_of(workload: Any, program: Program = ANY) -> str:
    """The image of the container that a brief means, in a Deployment (or the like).

    Args:
        workload: the Deployment.
        program: says which container, as for `container_of`.
    """
    return container_of(workload, program).image


def name_of(thing: Any) -> str:
    """An object's name."""
    return thing.metadata.name


def labels_text(labels: dict[str, str] | None) -> str:
    """Labels as a verdict tells them: ``app=web,tier=front``, or ``no labels``; the hash of a template is left out."""
    pairs = sorted((labels or {}).items())
    return ",".join(f"{key}={value}" for key, value in pairs if key != "pod-template-hash") or "no labels"


def selector_text(pairs: dict[str, str] | None) -> str:
    """A Service's selector as a verdict tells it."""
    return labels_text(pairs) if pairs else "empty"


def _place(workload: Any) -> str:
    return workload.metadata.namespace


def _kind(workload: Any) -> str:
    return workload.kind or type(workload).__name__.removeprefix("V1")
