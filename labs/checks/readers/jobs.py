"""What checks read of Jobs and CronJobs, and the words in which they tell it."""

from __future__ import annotations

from typing import Any

from labs.checks.context import CheckContext
from labs.checks.core import expect, settle
from labs.checks.readers.containers import ANY, Program, container_of
from labs.checks.readers.namespaces import here
from labs.checks.readers.pod_containers import log_of
from labs.checks.readers.pods import reasons
from labs.checks.readers.workloads import name_of, pods_of
from labs.errors import NotYet

__all__ = ["cron_job", "expect_complete", "expect_field", "job", "logs_of"]

AGAIN = "Most of a Job cannot be changed: delete it, and make it again."


def job(lab: CheckContext, name: str, try_: str = "") -> Any:
    """A Job that the exercise asks for. Raises NotYet, which says where else there is one."""
    try_ = try_ or f"`kubectl get jobs -n {lab.namespace}` lists yours."
    return here(lab, "job", name, api="batch", called=f"a Job {name}", try_=try_)


def cron_job(lab: CheckContext, name: str) -> Any:
    """A CronJob that the exercise asks for. Raises NotYet, which says where else there is one."""
    try_ = f"`kubectl get cronjobs -n {lab.namespace}` lists yours."
    return here(lab, "cron_job", name, api="batch", called=f"a CronJob {name}", try_=try_)


def expect_field(item: Any, field: str, wanted: Any, try_: str = AGAIN) -> None:
    """A field of a Job's or a CronJob's own spec has the value that the brief names.

    Args:
        item: the Job or CronJob.
        field: spelled as in YAML, such as ``backoffLimit``.
        wanted: the value.
        try_: what to try when it has another.

    Raises:
        NotYet: it has another, or none.
    """
    attribute = next(name for name, spelled in item.spec.attribute_map.items() if spelled == field)
    seen = getattr(item.spec, attribute)
    expect(
        seen == wanted,
        expected=f"{field}: {wanted} in the spec of {name_of(item)} itself",
        observed=f"{field}: {seen}" if seen is not None else f"no {field} there",
        try_=try_,
    )


def expect_complete(lab: CheckContext, name: str, try_: str = "") -> Any:
    """A Job comes to its end, and ended well.

    Args:
        lab: the lesson's lab.
        name: the Job's.
        try_: what to try when it is not there.

    Returns:
        The Job.

    Raises:
        NotYet: it failed, waits or goes on; the verdict says what its pods do.
    """

    def ended() -> Any:
        item = job(lab, name, try_)
        if _condition(item, "Complete") or _condition(item, "Failed"):
            return item
        raise _incomplete(lab, item)

    item = settle(ended)  # one that has failed stays so: nothing to wait for
    if _condition(item, "Failed"):
        raise _incomplete(lab, item)
    return item


def _condition(item: Any, kind: str) -> Any:
    return next((c for c in item.status.conditions or [] if (c.type, c.status) == (kind, "True")), None)


def _incomplete(lab: CheckContext, item: Any) -> NotYet:
    name, status, failed = name_of(item), item.status, _condition(item, "Failed")
    ended = f"Failed: {failed.reason}; " if failed else "suspended; " if item.spec.suspend else ""
    counted = f"{status.active or 0} pods active, {status.succeeded or 0} ended well, {status.failed or 0} failed"
    return NotYet(
        f"the Job {name} complete",
        f"{ended}{counted}{reasons(pods_of(lab, item))}",
        f"`kubectl describe job {name}` ends with what it did; "
        f"`kubectl logs -l job-name={name}` shows what its pods said.",
    )


def logs_of(lab: CheckContext, item: Any, program: Program = ANY) -> list[str]:
    """What the pods of a Job that ended well have written, without the space around it.

    Args:
        lab: the lesson's lab.
        item: the Job.
        program: says which container, as for `container_of`.
    """
    done = [pod for pod in pods_of(lab, item) if pod.status.phase == "Succeeded"]
    return [log_of(lab, pod, container_of(pod, program).name).strip() for pod in done]
