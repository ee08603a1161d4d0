"""What a learner is shown who asks for help: hints, one after the other, and solutions."""

from __future__ import annotations

from labs import lessons
from labs.display import Shown
from labs.errors import LabsError
from labs.workshop.seat import Seat

__all__ = ["hint", "solution"]


def hint(exercise_id: str, number: int, seat: Seat | None = None) -> Shown:
    """A hint for an exercise.

    Args:
        exercise_id: such as ``"ex-04-1"``.
        number: which, from 1; of more than there are, the last one.
        seat: the learner's in a workshop, with node ports of their own.

    Raises:
        LabsError: there is no such exercise, or no hint for it.
    """
    hints = lessons.exercise(exercise_id).hints
    solved = f'`lab.solution("{exercise_id}")` shows the solution.'
    if not hints:
        raise LabsError(f"There is no hint for {exercise_id}.", solved)
    number = min(number, len(hints))
    title, text = f"Hint {number} of {len(hints)}", _for(seat, hints[number - 1].strip())
    after = solved if number == len(hints) else "Run the cell again for more."
    return Shown(f"{title}: {text}\n({after})", markdown=f"**{title}**\n\n{text}\n\n*{after}*")


def solution(exercise_id: str, seat: Seat | None = None) -> Shown:
    """The reference solution of an exercise. Args: as of `hint`. Raises LabsError when there is no such exercise."""
    code = _for(seat, lessons.exercise(exercise_id).solution)
    return Shown(code, markdown=f"**One solution of {exercise_id}**\n\n```python\n{code}\n```")


def _for(seat: Seat | None, text: str) -> str:
    return seat.personal(text) if seat else text
