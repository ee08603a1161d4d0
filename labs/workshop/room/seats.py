"""Which learner of a workshop has which seat, and whether the cluster has room for its namespaces."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from kubernetes import client

from labs.engines.seat import MANAGED_BY, SEATS, Seat
from labs.errors import LabsError
from labs.workshop.room.members import Member
from labs.workshop.room.roster import Learner
from labs.workshop.room.rules import Rules

__all__ = ["assign_seats", "require_free_names", "seat_numbered"]


def assign_seats(
    workshop: str, learners: Sequence[Learner], rules: Rules, known: Mapping[str, Member]
) -> dict[str, Seat]:
    """Seats by learner: everyone keeps the one they have; those who are new get the first free ones.

    Args:
        workshop: its name.
        learners: those who want one.
        rules: the room's.
        known: those who have one, by their ids.

    Raises:
        LabsError: there are too few.
    """
    taken = {one: member.number for one, member in known.items()}
    free = iter(number for number in range(1, SEATS + 1) if number not in taken.values())
    seats = {}
    for learner in learners:
        number = taken.get(learner.id) or next(free, 0)
        if not number:
            raise LabsError(
                f"One cluster has seats for {SEATS} learners: the lessons' node ports are used up then.",
                "Share the roster out over several clusters.",
            )
        seats[learner.id] = seat_numbered(workshop, learner.id, number, rules)
    return seats


def seat_numbered(workshop: str, learner: str, number: int, rules: Rules) -> Seat:
    """The seat of a number.

    Args:
        workshop: its name.
        learner: whose it is, by the id.
        number: from 1.
        rules: the room's.
    """
    registry = f"{rules.registry}/{learner}" if rules.registry else ""
    return Seat(workshop, learner, number, rules.address, registry)


def require_free_names(core: client.CoreV1Api, workshop: str, seats: Iterable[Seat], lessons: Sequence[str]) -> None:
    """No namespace that a workshop needs belongs to anything else.

    Args:
        core: the client.
        workshop: its name, which is a namespace, too.
        seats: the learners'.
        lessons: such as ``["02", "04"]``.

    Raises:
        LabsError: one does, or its name would be too long.
    """
    existing = {n.metadata.name: n.metadata.labels or {} for n in core.list_namespace().items}
    wanted = {workshop: "", **{seat.namespace(lesson): seat.learner for seat in seats for lesson in lessons}}
    for name, learner in wanted.items():
        if len(name) > 63:
            raise LabsError(f"The namespace {name!r} would be longer than 63 characters.", "Give a shorter id.")
        marks = {**MANAGED_BY, "labs/workshop": workshop, **({"labs/learner": learner} if learner else {})}
        if name in existing and not marks.items() <= existing[name].items():
            raise LabsError(
                f"The cluster has a namespace {name!r} that is not this workshop's, so nothing was made.",
                "Choose another name: `--workshop NAME`.",
            )
