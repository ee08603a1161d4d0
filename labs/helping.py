"""What a learner is shown who asks for help: hints, one after the other, and solutions."""

from __future__ import annotations

from labs import lessons
from labs.display import Shown
from labs.errors import LabsError

__all__ = ["hint", "solution"]


def hint(exercise_id: str, number: int) -> Shown:
    """A hint for an exercise.

    Args:
        exercise_id: such as ``"ex-04-1"``.
        number: which, from 1; of more than there are, the last one.

    Raises:
        LabsError: there is no such exercise, or no hint for it.
    """
    hints = lessons.exercise(exercise_id).hints
    solved = f'`lab.solution("{exercise_id}")` shows the solution.'
    if not hints:
        raise LabsError(f"There is no hint for {exercise_id}.", solved)
    number = min(number, len(hints))
    title, text = f"Hint {number} of {len(hints)}", hints[number - 1].strip()
    after = solved if number == len(hints) else "Run the cell again for more."
    return Shown(f"{title}: {text}\n({after})", markdown=f"**{title}**\n\n{text}\n\n*{after}*")


def solution(exercise_id: str) -> Shown:
    """The reference solution of an exercise. Raises LabsError when there is no such exercise."""
    code = lessons.exercise(exercise_id).solution
    return Shown(code, markdown=f"**One solution of {exercise_id}**\n\n```python\n{code}\n```")
