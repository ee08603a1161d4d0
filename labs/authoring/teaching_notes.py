"""Teaching notes: what an instructor needs in a room, kept beside the cells that it is about.

A note is a Markdown cell of a lesson's source with the tag ``teaching`` and its ``minutes``. It stands under the
heading of its section, and one about an exercise names it. Neither of the two notebooks has it.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from labs.curriculum.lessons import Lesson, tags
from labs.errors import LabsError

__all__ = ["TAG", "Note", "clock", "headings", "notes_of", "page", "stated_minutes"]

TAG = "teaching"
ESTIMATED = (
    "Minutes are estimates: 180 words and 20 lines of code a minute, the measured running times, and for exercises "
    "what a first reader guessed. No room was timed. There are no breaks in them."
)
_HEADING = re.compile(r"^(#{1,3}) (.+?)\s*$", re.MULTILINE)
_FENCED = re.compile(r"^```.*?^```", re.MULTILINE | re.DOTALL)
_STATED = re.compile(r"\babout (\d+) minutes", re.IGNORECASE)


@dataclass(frozen=True)
class Note:
    """What an instructor needs for one section or exercise.

    Attributes:
        section: the heading under which it stands.
        minutes: how long the section takes, up to the next one with a note.
        exercise: such as ``ex-04-1``, or empty.
        text: Markdown.
    """

    section: str
    minutes: float
    exercise: str
    text: str


def notes_of(item: Lesson) -> list[Note]:
    """A lesson's teaching notes, in the order of its sections.

    Raises:
        LabsError: a note does not say its minutes, or stands before any heading.
    """
    found, section = [], ""
    for cell in item.notebook.cells:
        if TAG in tags(cell):
            minutes = cell.metadata.get("minutes")
            first = cell.source.splitlines()[0] if cell.source else ""
            if not section:
                raise LabsError(f"{item.path.name}: a note before any heading: {first!r}.", "Move it below one.")
            if not isinstance(minutes, int | float) or isinstance(minutes, bool):
                raise LabsError(
                    f"{item.path.name}: the note {first!r} does not say its minutes.",
                    'Its cell begins `# %% [markdown] tags=["teaching"] minutes=5`.',
                )
            found.append(Note(section, minutes, cell.metadata.get("exercise", ""), cell.source))
        elif cell.cell_type == "markdown" and "hint" not in tags(cell) and (titles := headings(cell.source)):
            section = titles[-1][1]
    return found


def headings(markdown: str) -> list[tuple[int, str]]:
    """The headings in a Markdown text, each with its level, 1 to 3."""
    return [(len(match[1]), match[2]) for match in _HEADING.finditer(_FENCED.sub("", markdown))]


def stated_minutes(item: Lesson) -> int:
    """How many minutes a lesson's opening says that it takes.

    Raises:
        LabsError: it does not say it.
    """
    match = _STATED.search(item.notebook.cells[0].source if item.notebook.cells else "")
    if not match:
        raise LabsError(f"{item.path.name} does not say how long it takes.", "Its first cell says `about 40 minutes`.")
    return int(match[1])


def page(item: Lesson) -> str:
    """A lesson's teaching notes as Markdown, to print: each section with the minute at which it begins.

    Raises:
        LabsError: as `notes_of` and `stated_minutes`.
    """
    parts = [f"# Teaching lesson {item.number}: {item.title}", f"*About {stated_minutes(item)} minutes. {ESTIMATED}*"]
    begins, section = 0.0, ""
    for note in notes_of(item):
        if note.section not in (item.title, section):
            parts.append(f"## {clock(begins)} {note.section} ({note.minutes:g} min)")
        parts.append(note.text)
        begins, section = begins + note.minutes, note.section
    return "\n\n".join(parts) + "\n"


def clock(minutes: float) -> str:
    """Minutes since the beginning as hours and minutes, such as ``1:05``."""
    return f"{int(minutes) // 60}:{int(minutes) % 60:02}"
