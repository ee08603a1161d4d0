"""What a learner is shown who asks for help: hints, one after the other, and solutions."""

from __future__ import annotations

from dataclasses import dataclass

from labs.curriculum import lessons
from labs.display import RichOutput
from labs.engines.seat import Seat
from labs.errors import LabsError

__all__ = ["Hint", "chosen_hint", "hint", "solution", "solution_text"]


@dataclass(frozen=True)
class Hint:
    """One of an exercise's hints.

    Attributes:
        number: from 1.
        count: how many there are.
        text: Markdown.
    """

    number: int
    count: int
    text: str

    @property
    def title(self) -> str:
        """Such as ``Hint 1 of 3``."""
        return f"Hint {self.number} of {self.count}"


def chosen_hint(exercise_id: str, number: int, seat: Seat | None = None) -> Hint:
    """A hint for an exercise.

    Args:
        exercise_id: such as ``"ex-04-1"``.
        number: which, from 1; of more than there are, the last one.
        seat: the learner's in a workshop, with node ports of their own.

    Raises:
        LabsError: there is no such exercise, or no hint for it.
    """
    hints = lessons.exercise(exercise_id).hints
    if not hints:
        raise LabsError(f"There is no hint for {exercise_id}.", f'`lab.solution("{exercise_id}")` shows the solution.')
    number = min(max(number, 1), len(hints))
    return Hint(number, len(hints), _for(seat, hints[number - 1].strip()))


def hint(exercise_id: str, number: int, seat: Seat | None = None) -> RichOutput:
    """As `chosen_hint`, to be shown in a notebook or a terminal, with a word on what comes after it."""
    chosen = chosen_hint(exercise_id, number, seat)
    solved = f'`lab.solution("{exercise_id}")` shows the solution.'
    after = solved if chosen.number == chosen.count else "Run the cell again for more."
    title, text = chosen.title, chosen.text
    return RichOutput(f"{title}: {text}\n({after})", markdown=f"**{title}**\n\n{text}\n\n*{after}*")


def solution_text(exercise_id: str, seat: Seat | None = None) -> str:
    """The reference solution of an exercise, Python; takes and raises what `chosen_hint` does."""
    return _for(seat, lessons.exercise(exercise_id).solution)


def solution(exercise_id: str, seat: Seat | None = None) -> RichOutput:
    """As `solution_text`, to be shown in a notebook or a terminal."""
    code = solution_text(exercise_id, seat)
    return RichOutput(code, markdown=f"**One solution of {exercise_id}**\n\n```python\n{code}\n```")


def _for(seat: Seat | None, text: str) -> str:
    return seat.personal(text) if seat else text
