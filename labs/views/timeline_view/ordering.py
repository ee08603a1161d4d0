"""Facts as rows: causes before effects within one second, and like steps of several objects in one row."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import replace
from datetime import UTC, datetime
from itertools import pairwise
from typing import Any

from labs.views.timeline_view.event_wording import lane_of
from labs.views.timeline_view.fact import RANK, Fact

__all__ = ["in_order", "rows_of"]

QUIET = 3  # seconds without a failed probe before a pod was deleted, after which we take it that it was ready
AFTER = 1e-5  # seconds by which an effect is put behind its cause within one second
ROOM = 0.01  # seconds kept free at both ends of a second, for what is put before and behind an exact time in it
MANY = 300  # rows
# what follows from a step, for anyone who meets it for the first time
MEANINGS = {
    "probe Startup": "Its container has until the probe's last allowed failure; then the kubelet restarts it.",
    "probe Readiness": "As long as it fails, the pod gets no requests from Services. Nothing is restarted.",
    "probe Liveness": "When it has failed as often in a row as its threshold says, the kubelet restarts the container.",
}
STARTING = {"pulling", "pulled", "unpulled", "made", "unmade", "started", "unstarted", "probe Startup"}
LATE = 3  # seconds by which we see a change after its effects, at most


def in_order(facts: Iterable[Fact]) -> list[tuple[float, Fact]]:
    """Put facts in order: by time, and within one second by cause and effect.

    Most times have whole seconds; the scheduler's have microseconds. So each object's steps are put behind each other
    in their natural order, and those of a controller before what it causes.

    Args:
        facts: in any order.

    Returns:
        Each with the time, in seconds since 1970, at which it is put.
    """
    facts = _seen_in_time(list(facts))
    turns = {(f.uid, f.container): f for f in facts if f.turn >= 0}
    facts.sort(key=lambda f: (int(f.at), _place(f, turns.get((f.uid, f.container))), f.at, f.did, f.name))
    put = {f.key: _with_room(f) for f in facts}
    seconds: dict[int, list[Fact]] = {}
    for fact in facts:
        seconds.setdefault(int(fact.at), []).append(fact)
    for within in seconds.values():
        _order_objects(within, put)
        _order_scaling(within, put)
        _order_owners(within, put)
        _order_ending(within, put)
    return sorted(((put[f.key], f) for f in facts), key=lambda pair: (pair[0], pair[1].rank, lane_of(pair[1].who)))


def _place(fact: Fact, container: Fact | None) -> tuple[int, int, int]:
    """A step's natural place among those of its object.

    A pod's containers start in turn, each init container after the end of the one before; the last one to start ends
    first.

    Args:
        fact: the step.
        container: a step that tells the turn of the container that it is about; None where no container has one.
    """
    if container is None:
        return fact.rank, 0, 0
    if fact.step in STARTING or (fact.step == "ended" and not container.goes_on):
        return RANK["pulling"], container.turn, fact.rank
    return fact.rank, -container.turn, 0


def _with_room(fact: Fact) -> float:
    """A fact's time, with room before and behind it.

    Exact ones are moved towards the middle of their second, which changes no order.
    """
    second = int(fact.at)
    if fact.exact or fact.at != second:
        return second + ROOM + (fact.at - second) * (1 - 2 * ROOM)
    if fact.kind == "Pod":  # before it, there must be room for what its owner did
        return second + ROOM / 2
    # a claim is served when a pod needs it, and then the pod goes on
    return second + (ROOM * 0.6 if fact.kind == "PersistentVolumeClaim" and fact.step != "created" else 0)


def _seen_in_time(facts: list[Fact]) -> list[Fact]:
    """Some wishes are recorded without a time (`kubectl scale`), and we see them after their first effects."""
    corrected = []
    for fact in facts:
        is_seen = fact.step == "changed" and not fact.exact and fact.at % 1
        effects = [f.at for f in facts if is_seen and f.step == "scaled" and f.group == fact.uid]
        near = [int(at) for at in effects if fact.at - LATE < at <= fact.at]
        corrected.append(replace(fact, at=min([int(fact.at), *near])) if is_seen else fact)
    return corrected


def _order_objects(within: list[Fact], put: dict[Any, float]) -> None:
    """Each object's steps, one behind the other; and what came before an exact time did so just before."""
    of_object: dict[str, list[Fact]] = {}
    for fact in within:
        of_object.setdefault(fact.uid, []).append(fact)
    for steps in of_object.values():
        for earlier, later in pairwise(steps):
            put[later.key] = max(put[later.key], put[earlier.key] + AFTER)
        exact = next((i for i, f in enumerate(steps) if f.exact), 0)
        for back in range(1, exact + 1):
            put[steps[exact - back].key] = put[steps[exact].key] - back * AFTER


def _order_scaling(within: list[Fact], put: dict[Any, float]) -> None:
    """A ReplicaSet grows before its new pods are created; it shrinks when a pod of another one is ready."""
    made: dict[str, list[float]] = {}
    for fact in within:
        if fact.step == "created":
            made.setdefault(fact.group, []).append(put[fact.key])
    for fact in sorted((f for f in within if f.step == "scaled"), key=lambda f: int(_sizes(f)[0])):
        old, new = _sizes(fact)
        if new > old:
            below = sorted(made.get(fact.uid, []))[: new - old]
            made[fact.uid] = sorted(made.get(fact.uid, []))[new - old :]
            put[fact.key] = below[0] - AFTER / 2 if below else put[fact.key]
    shrinking = sorted(
        (f for f in within if f.step == "scaled" and _sizes(f)[1] < _sizes(f)[0]), key=_sizes, reverse=True
    )
    ready = sorted((put[f.key], f.group) for f in within if f.step == "ready")
    for fact in shrinking:
        put[fact.key] = max([put[fact.key], *[t + AFTER / 2 for t, group in ready[:1] if group != fact.uid]])
        ready = ready[1:]
        ended = {f.uid for f in within if f.step == "deleted" and f.group == fact.uid}
        for other in within:
            if other.uid in ended and other.rank >= RANK["deleted"]:
                put[other.key] = max(put[other.key], put[fact.key] + (other.rank - RANK["deleted"] + 1) * AFTER)


def _order_owners(within: list[Fact], put: dict[Any, float]) -> None:
    """What somebody asks for comes before what controllers make of it; completion comes after the work."""
    for wish in within:
        if wish.step == "changed":
            for effect in within:
                if effect.group == wish.uid and effect.step in {"created", "scaled"}:
                    put[effect.key] = max(put[effect.key], put[wish.key] + (effect.rank + 1) * AFTER)
    for fact in within:
        if fact.step == "uncreated":
            asked = [put[f.key] for f in within if f.step == "scaled" and fact.uid in {f.uid, f.group}]
            put[fact.key] = max([put[fact.key], *[t + AFTER / 10 for t in asked]])
    done = [put[f.key] for f in within if f.step in {"ready", "scaled", "ended"}]
    for fact in within:
        if fact.step in {"complete", "failed"} and fact.kind != "Pod" and done:
            put[fact.key] = max(put[fact.key], max(done) + AFTER)


def _order_ending(within: list[Fact], put: dict[Any, float]) -> None:
    """A pod that is asked to end stops answering its probes: what fails in that second comes after the asking."""
    asked = {fact.uid: put[fact.key] for fact in within if fact.step == "deleted"}
    for fact in within:
        if fact.uid in asked and (fact.step.startswith("probe ") or fact.step == "unready"):
            put[fact.key] = max(put[fact.key], asked[fact.uid] + AFTER / 2)


def _sizes(fact: Fact) -> tuple[int, int]:
    """From how many pods to how many a ReplicaSet was scaled."""
    found = [int(n) for n in re.findall(r"\d+", fact.did)]
    return (found[0], found[1]) if len(found) == 2 else (0, sum(found[:1]))


def rows_of(facts: Iterable[Fact]) -> dict[str, Any]:
    """Facts as plain data, as the front end draws them.

    Steps that one component took within one second, alike for several objects, are one row. What happened often has a
    row for the first time and one for the last.

    Args:
        facts: in any order.

    Returns:
        ``rows``; the components as ``lanes``; ``began``, a time of day; ``lasted``; ``more``, how many are left out.
    """
    ordered = in_order(each for fact in facts for each in _first_and_last(fact))
    if not ordered:
        return {"rows": [], "lanes": [], "began": "", "lasted": "", "more": 0}
    folded: list[list[Fact]] = []
    latest: dict[str, int] = {}  # the row of each object's last step
    open_rows: dict[tuple[Any, ...], int] = {}
    for at, fact in ordered:
        alike = int(at), fact.who, fact.did, fact.kind, fact.mark, fact.count > 1
        row = open_rows.get(alike, -1)
        if row <= latest.get(fact.uid, -1) or row < latest.get(fact.group, -1):  # it would come before its own cause
            row = open_rows[alike] = len(folded)
            folded.append([])
        folded[row].append(fact)
        latest[fact.uid] = row
    zero = int(ordered[0][0])
    lanes = sorted({f.who for _, f in ordered}, key=lambda who: (lane_of(who), who))
    tones = {who: lane_of(who) for who in lanes}
    recovered = _recovered([fact for _, fact in ordered])
    rows = [_row(alike, zero, lanes, recovered) | {"tone": tones[alike[0].who]} for alike in folded]
    return {
        "rows": rows[-MANY:],
        "lanes": lanes,
        "began": datetime.fromtimestamp(zero, UTC).astimezone().strftime("%H:%M:%S"),
        "lasted": _span(int(ordered[-1][0]) - zero),
        "more": max(0, len(rows) - MANY),
    }


def _first_and_last(fact: Fact) -> list[Fact]:
    if fact.count == 1 or int(fact.last) <= int(fact.at):
        return [fact]
    again = replace(fact, key=(*fact.key, "again"), at=fact.last, exact=False)
    return [replace(fact, tally={}, last=fact.at), again]


def _row(alike: list[Fact], zero: int, lanes: list[str], recovered: set[tuple[Any, ...]]) -> dict[str, Any]:
    first = alike[0]
    second, count = int(first.at) - zero, max(f.count for f in alike)
    again = f"the {_ordinal(count)} time" if count > 1 else ""
    names = list(dict.fromkeys(f.name for f in alike))
    about = f"{first.kind} {names[0]}" if len(names) == 1 else f"{len(names)} {first.kind}s"
    mark = "wait" if first.mark == "bad" and all(f.key in recovered for f in alike) else first.mark
    return {
        "id": " ".join(map(str, first.key)),
        "second": second,
        "at": _span(second),
        "lane": lanes.index(first.who),
        "who": first.who,
        "did": first.did,
        "about": about,
        "again": again,
        "mark": mark,
        "detail": [
            {
                "name": f"{f.kind} {f.name}",
                "when": _when(f),
                "text": f.detail,
                "meaning": MEANINGS.get(f.step, ""),
                "again": f.count if f.count > 1 else 0,
            }
            for f in alike
        ],
    }


def _ordinal(n: int) -> str:
    ending = "th" if n % 100 in {11, 12, 13} else {1: "st", 2: "nd", 3: "rd"}.get(n % 10, "th")
    return f"{n}{ending}"


def _recovered(facts: list[Fact]) -> set[tuple[Any, ...]]:
    """Troubles that ended well: a probe that fails while a program starts, or ends, is no failure."""
    ready = {f.uid: f.at for f in facts if f.step == "ready"}
    deleted = {f.uid: f.at for f in facts if f.step == "deleted"}
    scheduled = {f.uid for f in facts if f.step == "scheduled"}
    return {
        f.key
        for f in facts
        if (f.step == "unscheduled" and f.uid in scheduled)
        or (
            f.step in {"probe Startup", "probe Readiness"}
            and (
                ready.get(f.uid, 0) >= int(f.last or f.at)
                or deleted.get(f.uid, 0) > (f.last or f.at) + QUIET
                or int(deleted.get(f.uid, f.at + 1)) <= f.at  # it is being ended
            )
        )
    }


def _span(seconds: int) -> str:
    if abs(seconds) < 120:
        return f"{seconds} s"
    minutes, rest = divmod(seconds, 60)
    return f"{minutes} min {rest} s" if minutes < 60 else f"{minutes // 60} h {minutes % 60} min"


def _when(fact: Fact) -> str:
    moment = datetime.fromtimestamp(fact.at, UTC).astimezone()
    return moment.strftime("%H:%M:%S.%f")[:-3] if fact.exact else moment.strftime("%H:%M:%S")
