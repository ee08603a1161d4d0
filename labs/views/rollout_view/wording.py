"""A rollout in words: how the Deployment is, what hangs, and the whole picture as text."""

from __future__ import annotations

import re
from typing import Any

from labs.views.rollout_view.counts import RolloutLimits

__all__ = [
    "ABOVE",
    "BELOW",
    "LAST_KNOWN",
    "OTHERWISE",
    "REVISION",
    "as_text",
    "condition_of",
    "differ",
    "images_of",
    "in_words",
    "is_complete",
    "limits_in_words",
    "revision_of",
    "tag_of",
    "troubles_of",
    "version_of",
    "was_of",
]

REVISION = "deployment.kubernetes.io/revision"
"""The annotation in which a Deployment and its ReplicaSets have their revision."""
_WAS = "deployment.kubernetes.io/revision-history"
"""The annotation in which a ReplicaSet has the revisions that it was before, with commas between them."""

# The Deployment keeps the numbers that it asks of its ReplicaSets within the limits; pods follow a moment later.
ABOVE = "briefly more: some were to go and not yet deleted"
BELOW = "fewer: pods were lost that the rollout did not take"
LAST_KNOWN = "as last known: "
OTHERWISE = (
    "The answers changed without a new revision: the pods read something that changed, or the Service chose other pods."
)


def is_complete(deployment: dict[str, Any]) -> bool:
    """Whether the rollout is over, by the rule of `kubectl rollout status`."""
    spec, status = deployment.get("spec", {}), deployment.get("status", {})
    wanted = spec.get("replicas", 1)
    has_seen = status.get("observedGeneration", 0) >= deployment["metadata"].get("generation", 0)
    numbers = (status.get(key, 0) for key in ("updatedReplicas", "replicas", "availableReplicas"))
    return has_seen and all(number == wanted for number in numbers)


def condition_of(deployment: dict[str, Any], was: str = "") -> tuple[str, str]:
    """How a Deployment is: a mark (``good``, ``wait``, ``bad``, ``gone``) and a sentence.

    Args:
        deployment: as the API server gives it.
        was: the revision that its present one was before it came back; empty for a new one.
    """
    spec, status = deployment.get("spec", {}), deployment.get("status", {})
    wanted, updated = spec.get("replicas", 1), status.get("updatedReplicas", 0)
    if deployment["metadata"].get("deletionTimestamp"):
        return "gone", "being deleted"
    if spec.get("paused"):
        waits = f"{updated} of {wanted} pods have its present template" if updated != wanted else "nothing waits"
        return "wait", f"paused: changes of the template start nothing until it is resumed; {waits}"
    if is_complete(deployment):
        return "good", _complete(deployment, wanted, was)
    return _under_way(status, f"{updated} of {wanted} pods are new, {status.get('availableReplicas', 0)} available")


def _complete(deployment: dict[str, Any], wanted: int, was: str) -> str:
    if not wanted:
        return "scaled to 0: no pods are wanted"
    revision = deployment["metadata"].get("annotations", {}).get(REVISION, "?")
    back = f"revision {was} is back, now called {revision}; " if was else ""
    return f"complete: {back}{wanted} of {wanted} pods are of revision {revision} and available"


def _under_way(status: dict[str, Any], so_far: str) -> tuple[str, str]:
    conditions = {c["type"]: c for c in status.get("conditions", [])}
    progress, failure = conditions.get("Progressing", {}), conditions.get("ReplicaFailure", {})
    if progress.get("status") == "False":
        why = f"{progress.get('reason', '')}: {progress.get('message', '')}"
        return (
            "bad",
            f"gave up: {why} Nothing is rolled back by itself: repair the template, "
            f"or `kubectl rollout undo`; {so_far}",
        )
    if failure.get("status") == "True":
        return "bad", f"{failure.get('reason', '')}: {failure.get('message', '')} ({so_far})"
    old = status.get("replicas", 0) - status.get("updatedReplicas", 0)
    rest = f"; {old} old {'one is' if old == 1 else 'ones are'} still there" if old > 0 else ""
    short = conditions.get("Available", {}).get("status") == "False"
    return "wait", f"in progress: {so_far}{rest}" + ("; fewer are available than should be" if short else "")


def in_words(
    deployment: dict[str, Any], sets: list[dict[str, Any]], troubles: list[dict[str, Any]]
) -> tuple[str, str, list[str]]:
    """How a Deployment is: a mark and a headline as of `condition_of`, and sentences on what hangs and what to do.

    Args:
        deployment: as the API server gives it.
        sets: those of the picture, newest first.
        troubles: as of `troubles_of`.
    """
    mark, said = condition_of(deployment, next((s["was"] for s in sets if s["current"]), ""))
    why, back = _hanging(deployment["metadata"]["name"], sets, troubles) if mark in {"wait", "bad"} else ("", "")
    if not why:
        return mark, said, []
    given_up = _gave_up(deployment)
    return mark, why if given_up else f"{why}; {said}", [*filter(None, (given_up, back))]


def _hanging(name: str, sets: list[dict[str, Any]], troubles: list[dict[str, Any]]) -> tuple[str, str]:
    """Why a rollout makes no progress, who serves meanwhile, and the way back; empty when no new pod is in trouble."""
    current = next((s for s in sets if s["current"]), None)
    trouble = next((t for t in troubles if current and t["set"] == current["name"]), None)
    if current is None or trouble is None:
        return "", ""
    head = f"revision {current['revision']} hangs: {trouble['word']}"
    serving = next((s for s in sets if not s["current"] and s["ready"]), None)
    if serving is None:
        return (f"{head}; {current['ready']} of its pods serve" if current["ready"] else f"{head}; no pod serves"), ""
    pods = f"{serving['ready']} pod{'s' * (serving['ready'] != 1)}"
    back = f"kubectl rollout undo deployment/{name} --to-revision={serving['revision']}"
    return f"{head}; revision {serving['revision']} still serves, with {pods}", f"The way back: `{back}`"


def differ(lanes: list[dict[str, Any]], lately: set[str], *, same_revision: bool) -> bool:
    """Whether pods of one revision answer otherwise than before.

    Args:
        lanes: the picture's.
        lately: the texts of the last answers; where pods answer each with its own name, there are several.
        same_revision: whether no rollout began meanwhile, so that answers of unknown origin are of one revision, too.
    """
    good = [lane for lane in lanes if not lane["failed"] and lane["count"]]
    now = next((lane for lane in good if {lane["text"]} == lately), None)
    if now is None or (now["look"] is None and not same_revision):
        return False
    return sum(lane["look"] == now["look"] for lane in good) > 1


def limits_in_words(limits: RolloutLimits) -> tuple[str, str]:
    """Where the two limits come from: the most pods there may be, and the fewest that must be available."""
    if limits.recreate:
        return f"{limits.replicas} replicas (Recreate)", "Recreate: all old pods end before a new one begins"
    return f"{limits.replicas} + maxSurge {limits.surge}", f"{limits.replicas} − maxUnavailable {limits.unavailable}"


def troubles_of(pods: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Pods in trouble, those with the same state and reason together.

    Args:
        pods: with ``name``, ``set``, ``word`` and ``why``; each in trouble.
    """
    groups: dict[tuple[str, str], dict[str, Any]] = {}
    for pod in pods:
        group = groups.setdefault((pod["set"], pod["word"]), {**pod, "pods": []})
        group["pods"].append(pod["name"])
    return [
        {"set": g["set"], "word": g["word"], "why": g["why"], "pods": g["pods"][:12], "count": len(g["pods"])}
        for g in groups.values()
    ]


def _gave_up(deployment: dict[str, Any]) -> str:
    """That nobody waits for a rollout any more, as a sentence; empty while it is waited for."""
    conditions = (deployment.get("status") or {}).get("conditions") or []
    if not any(c["type"] == "Progressing" and c["status"] == "False" for c in conditions):
        return ""
    seconds = deployment["spec"].get("progressDeadlineSeconds", 600)
    return (
        f"After {seconds} s without progress Kubernetes has reported `ProgressDeadlineExceeded`. "
        "It goes on trying, and rolls nothing back by itself."
    )


def was_of(replica_set: dict[str, Any]) -> str:
    """The revision that a ReplicaSet had before its present one; empty if it never was the present one before."""
    former = replica_set["metadata"].get("annotations", {}).get(_WAS, "")
    return former.rpartition(",")[2]


def revision_of(replica_set: dict[str, Any]) -> int:
    """A ReplicaSet's revision; 0 while it has none."""
    return int(replica_set["metadata"].get("annotations", {}).get(REVISION, 0))


def images_of(replica_set: dict[str, Any]) -> list[str]:
    """The images of a ReplicaSet's template."""
    return [c["image"] for c in replica_set["spec"]["template"]["spec"]["containers"]]


def tag_of(image: str) -> str:
    """An image's tag, such as ``1`` of ``labs/web:1``; empty without one."""
    last = image.split("@", maxsplit=1)[0].rsplit("/", 1)[-1]
    return last.partition(":")[2]


def version_of(answer: str, sets: list[dict[str, Any]]) -> str:
    """The uid of the one ReplicaSet of those with pods whose image's tag is a word of an answer; empty if unclear."""
    versions = {word.removeprefix("v") for word in re.findall(r"[\w.-]+", answer)}
    fitting = [s["id"] for s in sets if (tag := tag_of(s["image"]).removeprefix("v")) and tag in versions]
    return fitting[0] if len(fitting) == 1 else ""


def as_text(picture: dict[str, Any]) -> str:
    """The whole picture as text, for all that shows no pictures."""
    if not picture["sets"] and not picture["limits"]:
        return picture["summary"]
    caveats = ["pods as they were last known; the answers go on"] if picture["known"] is not None else []
    lines = [picture["summary"], *caveats, *_limits(picture)]
    rows = [("revision", "ReplicaSet", "image", "wanted", "pods", "ready")]
    for s in picture["sets"]:
        ending = f" (+{s['ending']} ending)" if s["ending"] else ""
        now = (" now" if s["current"] else "") + (f", was {s['was']}" if s["was"] else "")
        row = s["revision"] + now, s["name"], s["image"], str(s["wants"]), f"{s['has']}{ending}", str(s["ready"])
        rows.append(row)
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    for row in rows:
        lines.append("  " + "  ".join(map(str.ljust, row, widths)).rstrip())
    if picture["resting"]:
        lines.append(f"  at rest, as ways back: {', '.join(picture['resting'])}")
    lines += [f"{t['word']}: {t['count']} of {t['set']}: {t['why']}" for t in picture["troubles"]]
    unseen = sum(b - a for a, b in picture["unseen"])
    lines += [f"for {unseen:.0f} s no API server answered, so the pods of then are not known"] if unseen >= 1 else []
    return "\n".join([*lines, *_answers(picture), *picture["notes"]])


def _limits(picture: dict[str, Any]) -> list[str]:
    limits = picture["limits"]
    if not limits:
        return []
    most = f"{limits['most']} pod" + "s" * (limits["most"] != 1)
    lines = [f"at most {most} ({limits['most_why']}); most since {picture['since']}: {_seen(picture, 'high')}"]
    if limits["recreate"]:
        return [*lines, limits["fewest_why"]]
    return [
        *lines,
        f"at least {limits['fewest']} available ({limits['fewest_why']}); "
        f"fewest since {picture['since']}: {_seen(picture, 'low')}",
    ]


def _seen(picture: dict[str, Any], key: str) -> str:
    number, verdict = picture[key], picture[f"{key}_verdict"]
    return "not reached yet" if number is None else f"{number} ({verdict or 'kept'})"


def _answers(picture: dict[str, Any]) -> list[str]:
    if not picture["url"]:
        return []
    good = [f"“{lane['text']}” {lane['count']}" for lane in picture["lanes"] if not lane["failed"] and lane["count"]]
    bad = [f"{lane['text']}: {lane['count']}" for lane in picture["lanes"] if lane["failed"] and lane["count"]]
    failed = picture["failed"]
    line = f"answers of {picture['url']} since {picture['since']}: {', '.join(good) or 'none'}; {failed} failed"
    return [line + (f" ({'; '.join(bad)})" if bad else "")]
