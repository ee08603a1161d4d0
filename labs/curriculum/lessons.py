"""Reading lesson sources: `notebooks/src/NN_verb_object.py`, the only form that is edited by hand."""

from __future__ import annotations

import importlib
import os
import re
import sys
from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING

from labs.errors import LabsError

if TYPE_CHECKING:
    from nbformat import NotebookNode

__all__ = [
    "FACTS",
    "Exercise",
    "Lesson",
    "docker_lessons",
    "exercise",
    "lesson",
    "lessons",
    "root",
    "tags",
    "with_fact",
    "with_solution",
    "without_solution",
]

FACTS = {
    "docker-only": "its lab opens while there is no cluster",
    "stops-components": "it stops parts of the engine, so nothing else may use the course meanwhile",
    "default-namespace": "it, or a wrong answer to it, puts objects into the namespace `default`",
    "shared-cluster": "it needs no more rights than a workshop gives, and makes nothing outside its namespace",
    "binder": "each run of the tests tries it in a Binder session",
}
"""What the first line of a lesson's source may say of it: ``# %% [markdown] facts="docker-only binder"``."""
BEGIN, END = "### BEGIN SOLUTION", "### END SOLUTION"
STUB = "# your answer"
EXERCISE_ID = re.compile(r"ex-([0-9]{2})-([0-9])")
_FACTS = re.compile(r'# %% \[markdown\].* facts="([^"]*)"')
_FILE = re.compile(r"([0-9]{2})_[a-z0-9_]+\.py")
_REGION = re.compile(rf"^([ \t]*){BEGIN}[ \t]*\n(.*?)^[ \t]*{END}[ \t]*$\n?", re.MULTILINE | re.DOTALL)


@dataclass(frozen=True)
class Exercise:
    """One exercise of a lesson.

    Attributes:
        id: such as ``ex-04-1``.
        brief: its text, Markdown.
        hints: from the vaguest to the plainest, Markdown.
        solution: the reference solution, Python as a cell holds it.
    """

    id: str
    brief: str
    hints: tuple[str, ...]
    solution: str


@dataclass(frozen=True)
class Lesson:
    """One lesson source.

    Args:
        number: such as ``"04"``.
        path: the source's.
    """

    number: str
    path: Path

    @property
    def name(self) -> str:
        """The file name without its ending."""
        return self.path.stem

    @cached_property
    def notebook(self) -> NotebookNode:
        """The source as a notebook, solutions and hints included.

        Raises:
            LabsError: the source cannot be read.
        """
        try:
            return _jupytext().reads(self.path.read_text(encoding="utf-8"), fmt="py:percent")
        except (OSError, UnicodeDecodeError, ValueError, SyntaxError) as error:
            raise LabsError(f"{self.path.name} cannot be read as a py:percent notebook: {error}.") from error

    @property
    def title(self) -> str:
        """The text of the first H1."""
        for cell in self.notebook.cells:
            if cell.cell_type == "markdown" and (found := re.search(r"^# (.+)$", cell.source, re.MULTILINE)):
                return found[1].strip()
        return self.name

    @cached_property
    def facts(self) -> frozenset[str]:
        """Which of `FACTS` hold, as the source's first line says.

        Raises:
            LabsError: the source cannot be read, or names a fact that there is not.
        """
        try:
            with self.path.open(encoding="utf-8") as source:
                stated = _FACTS.match(source.readline())
        except (OSError, UnicodeDecodeError) as error:
            raise LabsError(f"{self.path.name} cannot be read: {error}.") from error
        facts = frozenset(stated[1].split()) if stated else frozenset()
        if unknown := facts - FACTS.keys():
            raise LabsError(
                f"{self.path.name} states the facts {', '.join(sorted(unknown))}, which there are not.",
                f"Choose from: {', '.join(FACTS)}.",
            )
        return facts

    @property
    def uses_kubernetes(self) -> bool:
        """Whether the lesson opens its lab with a cluster."""
        return "docker-only" not in self.facts

    @property
    def exercise_ids(self) -> list[str]:
        """The ids of its exercises, in the order of their answer cells."""
        return list(dict.fromkeys(c.metadata.get("exercise", "") for c in self.notebook.cells if "answer" in tags(c)))

    def exercise(self, exercise_id: str) -> Exercise:
        """One exercise.

        Raises:
            LabsError: the lesson has no such exercise.
        """
        if exercise_id not in self.exercise_ids:
            known = ", ".join(f"`{known}`" for known in self.exercise_ids) or "no exercise"
            raise LabsError(f"Lesson {self.number} has no exercise {exercise_id}.", f"It has {known}.")
        cells = [c for c in self.notebook.cells if c.metadata.get("exercise") == exercise_id]
        return Exercise(
            id=exercise_id,
            brief="\n\n".join(c.source for c in cells if "exercise" in tags(c)),
            hints=tuple(c.source for c in cells if "hint" in tags(c)),
            solution="\n\n".join(with_solution(c.source) for c in cells if "answer" in tags(c)),
        )

    @property
    def opening(self) -> list[str]:
        """The code cells up to the one that opens the lab, on which all others build."""
        sources = [cell.source for cell in self.notebook.cells if cell.cell_type == "code"]
        last = next((i for i, source in enumerate(sources) if "open_lab(" in source), -1)
        return sources[: last + 1]

    def setup(self, exercise_id: str) -> list[str]:
        """The code cells that an exercise builds on beside `opening`, in their order.

        Each says so in its first line: ``# %% setup="ex-04-3"``, or several ids with spaces between them.

        Raises:
            LabsError: the lesson has no such exercise.
        """
        self.exercise(exercise_id)
        cells = [cell for cell in self.notebook.cells if cell.cell_type == "code"]
        return [cell.source for cell in cells if exercise_id in cell.metadata.get("setup", "").split()]


def root() -> Path:
    """The project's folder: ``$LABS_ROOT``, else where this package was installed from.

    Raises:
        LabsError: there are no lessons there.
    """
    override = os.environ.get("LABS_ROOT")
    folder = Path(override) if override else Path(__file__).resolve().parents[2]
    if not (folder / "notebooks" / "src").is_dir():
        raise LabsError(
            f"There are no lessons in {folder}.", "Set LABS_ROOT to the project's folder, the one with `notebooks`."
        )
    return folder


def lessons() -> list[Lesson]:
    """All lessons, ordered by number.

    Raises:
        LabsError: a file's name is not ``NN_verb_object.py``, or two have one number.
    """
    found: dict[str, Lesson] = {}
    for path in sorted((root() / "notebooks" / "src").glob("*.py")):
        match = _FILE.fullmatch(path.name)
        if not match:
            raise LabsError(f"{path.name} is no name for a lesson.", "Name it NN_verb_object.py, in small letters.")
        if match[1] in found:
            raise LabsError(
                f"{path.name} and {found[match[1]].path.name} have the same number.", "Renumber one of them."
            )
        found[match[1]] = Lesson(match[1], path)
    return list(found.values())


def with_fact(fact: str) -> list[str]:
    """The numbers of the lessons of which one of `FACTS` holds.

    Raises:
        LabsError: as `lessons` and `Lesson.facts`.
    """
    return [item.number for item in lessons() if fact in item.facts]


def docker_lessons() -> str:
    """The lessons that need Docker only, in words such as ``lessons 00 and 02``."""
    try:
        *others, last = with_fact("docker-only")
    except (LabsError, ValueError):  # a package without its lessons
        return "lessons that need only Docker"
    return f"lessons {', '.join(others)} and {last}" if others else f"lesson {last}"


def lesson(number: str) -> Lesson:
    """One lesson by its number, such as ``"04"``.

    Raises:
        LabsError: there is no such lesson.
    """
    known = lessons()
    for candidate in known:
        if candidate.number == number:
            return candidate
    raise LabsError(f"There is no lesson {number!r}.", f"There are {', '.join(c.number for c in known) or 'none'}.")


def exercise(exercise_id: str) -> Exercise:
    """One exercise by its id, such as ``"ex-04-1"``, read from its lesson's source.

    Raises:
        LabsError: there is no such exercise.
    """
    match = EXERCISE_ID.fullmatch(exercise_id)
    if not match:
        raise LabsError(f"{exercise_id!r} is no exercise.", "Exercises are called `ex-04-1`: lesson 04, exercise 1.")
    return lesson(match[1]).exercise(exercise_id)


def tags(cell: NotebookNode) -> list[str]:
    """A cell's tags."""
    return cell.metadata.get("tags", [])


def with_solution(source: str) -> str:
    """A cell's source with the reference solution and without the markers.

    Raises:
        LabsError: the markers do not come in pairs.
    """
    return _replace_regions(source, lambda match: match[2]).rstrip("\n")


def without_solution(source: str) -> str:
    """A cell's source as the learner gets it: ``# your answer`` in place of each solution, in a block with a ``...``.

    Raises:
        LabsError: the markers do not come in pairs.
    """
    return _replace_regions(source, _stub).rstrip("\n")


def _stub(match: re.Match) -> str:
    indent = match[1]
    return f"{indent}...  {STUB}\n" if indent else f"{STUB}\n"


def _jupytext() -> ModuleType:
    """The package jupytext, without the three seconds that its import may take.

    Nearly all of them go to `jsonschema`, which compiles a grammar for a format that no notebook uses if it finds the
    optional package `rfc3987_syntax` (as JupyterLab's dependencies make it do). A learner asks for a hint and waits.
    """
    absent = "rfc3987_syntax" not in sys.modules and "jsonschema" not in sys.modules
    if absent:
        # None is how Python marks a module that cannot be imported; typeshed knows modules only
        sys.modules["rfc3987_syntax"] = None  # type: ignore[assignment]
    try:
        return importlib.import_module("jupytext")
    finally:
        if absent:
            del sys.modules["rfc3987_syntax"]


def _replace_regions(source: str, replacement: Callable[[re.Match[str]], str]) -> str:
    replaced = _REGION.sub(replacement, source)
    if BEGIN in replaced or END in replaced or any(BEGIN in match[2] for match in _REGION.finditer(source)):
        raise LabsError(f"`{BEGIN}` and `{END}` do not come in pairs.", "Give each its own line, one after the other.")
    return replaced
