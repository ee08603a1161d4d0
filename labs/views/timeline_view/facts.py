"""What objects and events tell of the past: one fact for each step that some component took."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from labs.views.framework.managed_fields import few, leaves_of
from labs.views.framework.pod_state import owner_of
from labs.views.timeline_view.deletion import UNRECORDED, who_asked
from labs.views.timeline_view.event_wording import (
    component,
    container_of,
    controller_of,
    describe_event,
    seconds,
    writer,
)
from labs.views.timeline_view.fact import BAD, SAID_BY_EVENT, SAID_BY_STATE, Fact

__all__ = ["API", "fact_of_event", "facts_of"]

API = "API server"
NODE = "volume.kubernetes.io/selected-node"  # the annotation by which the scheduler tells a provisioner where


def facts_of(kind: str, thing: dict[str, Any]) -> Iterator[Fact]:
    """What an object's own fields tell.

    Args:
        kind: which lists leave out.
        thing: as in the API.
    """
    meta, status = thing["metadata"], thing.get("status") or {}
    common = {"kind": kind, "name": meta["name"], "uid": meta["uid"], "group": owner_of(thing)[2]}
    yield from _written(thing, common)
    if kind == "Pod":
        yield from _of_pod(thing, status, common)
    elif kind == "Deployment":
        yield from _of_deployment(status, common)
    elif kind == "Job":
        yield from _of_job(status, common)
    elif kind == "PersistentVolumeClaim":
        yield from _of_claim(thing, common)
    if meta.get("deletionTimestamp"):
        grace = meta.get("deletionGracePeriodSeconds") or 0
        who, did = who_asked(status, is_owned=bool(common["group"]))
        did += f"; it has {grace} s to end" if grace else ""
        at = seconds(meta["deletionTimestamp"]) - grace
        yield Fact(
            (meta["uid"], "deleted"), at, who, did, step="deleted", mark="gone", detail=UNRECORDED, **common
        )  # fmt: skip


def fact_of_event(event: dict[str, Any], group: str, about: tuple[str, str, str] | None = None) -> Fact | None:
    """What an event tells; None if other traces tell the same.

    Args:
        event: as the API server gives it.
        group: the uid of the owner of the object that it is about.
        about: kind, name and uid of the object that its message names, where it does.
    """
    step, did, _ = describe_event(event)
    if not step:
        return None
    involved, series = event["involvedObject"], event.get("series") or {}
    first = event.get("eventTime") or event.get("firstTimestamp") or event["metadata"].get("creationTimestamp")
    last = series.get("lastObservedTime") or event.get("lastTimestamp") or first
    kind, name, of = about or (involved["kind"], involved["name"], involved.get("uid", ""))
    if about and step != "scaled":
        group = involved.get("uid", "")
    message = (event.get("message") or "").strip()
    mark = _MARKS.get(step) or ("bad" if step in BAD or event.get("type") == "Warning" else "none")
    if (step in {"created", "deleted", "scheduled"} and about is not None) or step == "scheduled":
        key: tuple[Any, ...] = (of, step)  # these happen once, and other traces tell of them, too
    elif step in {"complete", "failed"}:
        key = of, step  # a condition tells the same
    elif step == "unscheduled":
        key = (of, step, message)  # each try has an event of its own
    else:
        key = (of, step, did)
    tally = {(SAID_BY_EVENT, event["metadata"].get("uid") or first): series.get("count") or event.get("count") or 1}
    if step in {"created", "deleted", "scheduled"}:
        tally, last = {}, first  # once each; an event that stands for many counts the others
    return Fact(
        key, seconds(first), component(event), did, kind, name, of, step,
        mark=mark, detail=message, exact=bool(event.get("eventTime")), last=seconds(last), weight=SAID_BY_EVENT,
        tally=tally, group=group, container=container_of(event),
    )  # fmt: skip


_MARKS = {
    "unexpected": "none",
    "complete": "done",
    "deleted": "gone",
    "killing": "gone",
    "back-off": "wait",
    "pull back-off": "wait",
}


def _written(thing: dict[str, Any], common: dict[str, Any]) -> Iterator[Fact]:
    """That it was created, and who changed which fields since."""
    meta = thing["metadata"]
    owner, made = owner_of(thing)[0], seconds(meta.get("creationTimestamp"))
    entries = sorted(meta.get("managedFields") or [], key=lambda e: seconds(e.get("time")) or made)
    writers = [(e, writer(e["manager"], e.get("subresource", ""))) for e in entries]
    writers = [(e, who) for e, who in writers if who]
    first = next((who for e, who in writers if e.get("time") and seconds(e["time"]) <= made + 1), "")
    # of several writes by `kubectl apply` only the last is kept
    first = first or next((who for _, who in writers if who == "kubectl apply"), "")
    is_controllers = any(not writer(e["manager"]) and not e.get("subresource") for e in entries)
    if common["kind"] == "Node":
        first = f"kubelet {common['name']}"  # which registers itself
    who = (
        controller_of(owner)
        if owner and (is_controllers or not first)
        else first or (writers[0][1] if writers else "a client")
    )
    yield Fact((meta["uid"], "created"), made, who, "created", step="created", **common)
    for entry, author in writers:
        at = seconds(entry.get("time"))
        if not at or at <= made + (1 if author == first else 0) or entry.get("subresource") == "status":
            continue
        fields = list(leaves_of(entry.get("fieldsV1") or {}))
        did = "applied it again" if author == "kubectl apply" else f"changed {few(fields)}"
        key = meta["uid"], "changed", author, at
        yield Fact(key, at, author, did, step="changed", detail="Fields: " + ", ".join(fields), **common)


def _of_pod(pod: dict[str, Any], status: dict[str, Any], common: dict[str, Any]) -> Iterator[Fact]:
    uid, node = common["uid"], (pod.get("spec") or {}).get("nodeName", "")
    kubelet = f"kubelet {node}".strip()
    conditions = {c["type"]: c for c in status.get("conditions") or []}
    scheduled, ready = conditions.get("PodScheduled", {}), conditions.get("Ready", {})
    if scheduled.get("status") == "True" and node:
        at = seconds(scheduled.get("lastTransitionTime"))
        yield Fact((uid, "scheduled"), at, "scheduler", f"assigned it to {node}", step="scheduled", **common)
    elif scheduled.get("reason") == "Unschedulable":
        at, why = seconds(scheduled.get("lastTransitionTime")), scheduled.get("message", "")
        key = uid, "unscheduled", why
        yield Fact(key, at, "scheduler", "found no node for it", step="unscheduled", mark="bad", detail=why, **common)
    first = (pod.get("spec") or {}).get("initContainers") or []
    turns = {c["name"]: turn for turn, c in enumerate(first)}
    to_end = {c["name"] for c in first if c.get("restartPolicy") != "Always"}
    leaving = bool(pod["metadata"].get("deletionTimestamp"))
    for container in [*(status.get("initContainerStatuses") or []), *(status.get("containerStatuses") or [])]:
        name = container["name"]
        more = {"container": name, "turn": turns.get(name, len(first)) if first else -1, "goes_on": name not in to_end}
        yield from _of_container(container, kubelet, leaving, common | more)
    at, begun = (seconds(c.get("lastTransitionTime")) for c in (ready, conditions.get("Initialized", {})))
    if ready.get("status") == "True":
        yield Fact((uid, "ready", at), at, kubelet, "reports it ready", step="ready", mark="good", **common)
    elif ready.get("reason") == "ContainersNotReady" and at > begun + 1:  # else it never was ready
        did, why = "reports it not ready", ready.get("message", "")
        yield Fact((uid, "unready", at), at, kubelet, did, step="unready", mark="bad", detail=why, **common)
    if status.get("phase") == "Failed" and status.get("reason"):
        yield Fact(
            (uid, "failed"), at, kubelet, f"reports it failed: {status['reason']}",
            step="failed", mark="bad", detail=status.get("message", ""), **common,
        )  # fmt: skip


def _of_container(container: dict[str, Any], kubelet: str, leaving: bool, common: dict[str, Any]) -> Iterator[Fact]:
    uid, name = common["uid"], container["name"]
    for state in (container.get("lastState") or {}, container.get("state") or {}):
        run, end = state.get("running"), state.get("terminated")
        started = seconds((run or end or {}).get("startedAt"))
        if started > 1:  # 1970: it never started
            did = f"started container {name}"
            tally = {(SAID_BY_STATE, started): 1}
            yield Fact(
                (uid, "started", did), started, kubelet, did, step="started", tally=tally, last=started, **common
            )
        if end and seconds(end.get("finishedAt")) > 1 and started > 1:
            at, code, reason = seconds(end["finishedAt"]), end.get("exitCode"), end.get("reason", "")
            suffix = "" if reason in {"Error", "Completed", ""} else f" ({reason})"
            mark = "done" if code == 0 else "gone" if leaving else "bad"
            did = f"container {name} ended with exit code {code}{suffix}"
            key, tally = (uid, "ended", did), {(SAID_BY_STATE, at): 1}
            detail = f"{reason} {end.get('message', '')}".strip()
            step = "last end" if leaving else "ended"
            yield Fact(key, at, kubelet, did, step=step, mark=mark, detail=detail, tally=tally, last=at, **common)


def _of_deployment(status: dict[str, Any], common: dict[str, Any]) -> Iterator[Fact]:
    uid, who = common["uid"], "deployment controller"
    for condition in status.get("conditions") or []:
        why, reason = condition.get("message", ""), condition.get("reason", "")
        at = seconds(condition.get("lastTransitionTime"))
        match condition["type"], condition["status"], reason:
            case "Progressing", "True", "NewReplicaSetAvailable":
                at = seconds(condition.get("lastUpdateTime")) or at
                key = uid, "complete", why
                yield Fact(
                    key, at, who, "reports the rollout complete", step="complete", mark="good", detail=why, **common
                )
            case "Progressing", "False", _:
                did = f"reports no progress ({reason})"
                yield Fact((uid, "failed", at), at, who, did, step="failed", mark="bad", detail=why, **common)
            case "ReplicaFailure", "True", _:
                did = "could not have a pod made"
                yield Fact((uid, "uncreated", why), at, who, did, step="uncreated", mark="bad", detail=why, **common)


def _of_job(status: dict[str, Any], common: dict[str, Any]) -> Iterator[Fact]:
    for condition in status.get("conditions") or []:
        if condition["status"] != "True" or condition["type"] not in {"Complete", "Failed", "Suspended"}:
            continue
        at, word, why = seconds(condition.get("lastTransitionTime")), condition["type"], condition.get("message", "")
        step = {"Complete": "complete", "Failed": "failed"}.get(word, "changed")
        did = {"Complete": "reports it complete", "Failed": "reports it failed"}.get(word, "suspended it")
        mark = {"Complete": "done", "Failed": "bad"}.get(word, "wait")
        key = common["uid"], step
        yield Fact(key, at, "job controller", did, step=step, mark=mark, detail=why, **common)


def _of_claim(claim: dict[str, Any], common: dict[str, Any]) -> Iterator[Fact]:
    """The node that the scheduler chose for its volume, and that it has one: no event tells either."""
    meta, uid = claim["metadata"], common["uid"]
    node = (meta.get("annotations") or {}).get(NODE, "")
    volume = (claim.get("spec") or {}).get("volumeName", "")
    for entry in meta.get("managedFields") or []:
        at, fields = seconds(entry.get("time")), entry.get("fieldsV1") or {}
        if node and f"f:{NODE}" in ((fields.get("f:metadata") or {}).get("f:annotations") or {}):
            did = f"chose {node}, where the pod that uses it is to run"
            yield Fact((uid, "node chosen", node), at, "scheduler", did, step="node chosen", **common)
        if volume and "f:volumeName" in (fields.get("f:spec") or {}):
            did, why = "bound it to its volume", f"Volume: {volume}"
            who = writer(entry["manager"]) or "persistentvolume controller"
            yield Fact((uid, "bound"), at, who, did, step="bound", mark="good", detail=why, **common)
