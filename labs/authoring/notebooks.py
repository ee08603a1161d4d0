"""Lesson source to notebooks: the learner's (no solutions, no hints, no outputs) and the solved one.

Teaching notes are in neither of them: see `labs.authoring.teaching_notes`.

Derived notebooks are the same bytes wherever and whenever they are built: cell ids come from the lesson's number and
the cell's content, the metadata names no version, and nothing is executed. Only `record` executes a notebook, to store
the verdicts of its checks, which nbval then compares.
"""

from __future__ import annotations

import ast
import hashlib
import os
import tempfile
from collections import Counter
from collections.abc import Iterable
from copy import deepcopy
from pathlib import Path
from typing import NamedTuple

import nbformat
from nbformat import NotebookNode
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook

from labs.authoring.teaching_notes import TAG as TEACHING
from labs.curriculum.lessons import Lesson, exercise, lesson, lessons, root, tags, with_solution, without_solution
from labs.errors import LabsError

__all__ = ["Change", "build", "exercise", "learner_notebook", "record", "solved_notebook"]

METADATA = {
    "kernelspec": {"display_name": "Python 3 (ipykernel)", "language": "python", "name": "python3"},
    "language_info": {"name": "python"},
}
COMPARED = "nbval-check-output"
FOR_MAKERS = ("facts", "setup")
"""What cells say of a lesson to its tests and to `lab.reset`: it stays in the source."""
HINT_NOTE = '*Stuck? `lab.hint("{id}")` in a cell of your own shows a hint.*'


class Change(NamedTuple):
    """A derived file that differed from what its source gives.

    Attributes:
        path: relative to the project's folder.
        reason: in what it differed.
    """

    path: Path
    reason: str

    def __str__(self) -> str:
        return f"{self.path}: {self.reason}"


def build(check: bool = False, only: str | Iterable[str] | None = None) -> list[Change]:
    """Derive the notebooks from their sources.

    Args:
        check: change nothing, only tell what differs.
        only: lesson numbers, such as ``"04"``; all by default.

    Returns:
        What was changed, or with ``check`` what would be; empty when all is as it should be.

    Raises:
        LabsError: a source cannot be read, or a cell of it would not parse in one of the notebooks.
    """
    wanted = {only} if isinstance(only, str) else set(only or [])
    chosen = [lesson(number) for number in sorted(wanted)] if wanted else lessons()
    changes = []
    for item in chosen:
        for path, notebook in (
            (learner_path(item), learner_notebook(item)),
            (solved_path(item), solved_notebook(item, recorded=_read(solved_path(item)))),
        ):
            text = _text(notebook)
            old = path.read_text(encoding="utf-8") if path.exists() else None
            if old == text:
                continue
            changes.append(Change(path.relative_to(root()), _difference(old, notebook)))
            if not check:
                path.parent.mkdir(parents=True, exist_ok=True)
                path.write_text(text, encoding="utf-8")
    return changes if wanted else changes + _orphans(chosen)


def learner_path(item: Lesson) -> Path:
    """Where the learner's notebook of a lesson is."""
    return root() / "notebooks" / f"{item.name}.ipynb"


def solved_path(item: Lesson) -> Path:
    """Where the solved notebook of a lesson is."""
    return root() / "notebooks" / "solutions" / f"{item.name}.ipynb"


def learner_notebook(item: Lesson) -> NotebookNode:
    """The notebook that a learner opens: no solutions, no hints, no outputs."""
    cells = []
    for cell_id, cell in _cells(item):
        source = without_solution(cell.source)
        if "exercise" in tags(cell):
            source = f"{source}\n\n{HINT_NOTE.format(id=cell.metadata.get('exercise'))}"
        cells.append(_cell(item, cell_id, cell, source))
    return new_notebook(cells=cells, metadata=deepcopy(METADATA))


def solved_notebook(item: Lesson, recorded: NotebookNode | None = None) -> NotebookNode:
    """The notebook with the reference solutions, which nbval and papermill run.

    Args:
        item: the lesson.
        recorded: a solved notebook with recorded verdicts; each is kept while its cell is unchanged.
    """
    known = {c.id: c for c in recorded.cells if c.cell_type == "code" and c.outputs} if recorded else {}
    cells = [_cell(item, cell_id, cell, with_solution(cell.source)) for cell_id, cell in _cells(item)]
    for position, cell in enumerate((c for c in cells if c.cell_type == "code"), start=1):
        old = known.get(cell.id)
        if "check" in tags(cell) and old is not None and old.source == cell.source:
            _store(cell, old.outputs, position)
    return new_notebook(cells=cells, metadata=deepcopy(METADATA))


def record(number: str, timeout: float = 600) -> list[Change]:
    """Run a solved notebook on the engines that are up, and store the verdicts of its checks for nbval to compare.

    Args:
        number: the lesson, such as ``"04"``.
        timeout: limit for one cell, in seconds.

    Returns:
        As `build`.

    Raises:
        LabsError: a cell failed, or a check cell did not end in one passed verdict.
    """
    from nbclient import NotebookClient  # only developers need it
    from nbclient.exceptions import CellExecutionError, CellTimeoutError, DeadKernelError

    item = lesson(number)
    changes = build(only=number)
    notebook, path = solved_notebook(item), solved_path(item)
    folder = {"metadata": {"path": str(path.parent)}}
    client = NotebookClient(notebook, timeout=timeout, kernel_name="python3", resources=folder, record_timing=False)
    with tempfile.TemporaryDirectory() as scratch:
        try:
            client.execute(env={**os.environ, "LABS_PROGRESS": str(Path(scratch) / "progress.json")})
        except (CellExecutionError, CellTimeoutError, DeadKernelError) as error:
            raise LabsError(f"Lesson {number} does not run: {error}") from error
    notebook.metadata = nbformat.from_dict(METADATA)  # the kernel has put its version there
    for position, cell in enumerate((c for c in notebook.cells if c.cell_type == "code"), start=1):
        outputs, cell.outputs, cell.execution_count = cell.outputs, [], None
        if "check" in tags(cell):
            if [o.output_type for o in outputs] != ["display_data"]:
                raise LabsError(f"Check cell {position} of lesson {number} shows more or less than its verdict.")
            _store(cell, outputs, position)
    if _text(notebook) != path.read_text(encoding="utf-8"):
        path.write_text(_text(notebook), encoding="utf-8")
        changes.append(Change(path.relative_to(root()), "verdicts recorded"))
    return changes


def _cells(item: Lesson) -> list[tuple[str, NotebookNode]]:
    """The cells of both notebooks, each with its id: the same in both, and unmoved when another cell changes."""
    seen: Counter[str] = Counter()
    cells = []
    for cell in item.notebook.cells:
        if {"hint", TEACHING} & set(tags(cell)):
            continue
        digest = hashlib.sha256(f"{item.number}\0{cell.cell_type}\0{cell.source}".encode()).hexdigest()[:12]
        cells.append((f"{item.number}-{digest}-{seen[digest]}", cell))
        seen[digest] += 1
    return cells


def _cell(item: Lesson, cell_id: str, cell: NotebookNode, source: str) -> NotebookNode:
    metadata = {key: deepcopy(value) for key, value in cell.metadata.items() if key not in FOR_MAKERS}
    if cell.cell_type != "code":
        return new_markdown_cell(source, id=cell_id, metadata=metadata)
    _require_syntax(item, source)
    return new_code_cell(source, id=cell_id, metadata=metadata)


def _require_syntax(item: Lesson, source: str) -> None:
    from IPython.core.inputtransformer2 import TransformerManager  # slow, and only developers need it

    try:
        ast.parse(TransformerManager().transform_cell(source))
    except SyntaxError as error:
        first = source.splitlines()[0] if source else ""
        raise LabsError(
            f"{item.path.name}: the cell that starts with {first!r} is not Python: {error.msg}.", "Repair its source."
        ) from error


def _store(cell: NotebookNode, outputs: list[NotebookNode], position: int) -> None:
    """Keep outputs with a cell and have nbval compare them; it compares only cells with an execution count."""
    cell.outputs, cell.execution_count = outputs, position
    cell.metadata["tags"] = [*(t for t in tags(cell) if t != COMPARED), COMPARED]


def _read(path: Path) -> NotebookNode | None:
    try:
        return nbformat.read(path, as_version=4)
    except (OSError, ValueError, nbformat.reader.NotJSONError, nbformat.ValidationError):
        return None  # it is built again


def _text(notebook: NotebookNode) -> str:
    nbformat.validate(notebook)
    return nbformat.writes(notebook, version=4) + "\n"


def _difference(old: str | None, new: NotebookNode) -> str:
    """Where a derived notebook differs from what it should be, in a few words."""
    if old is None:
        return "missing"
    try:
        cells = nbformat.reads(old, as_version=4).cells
    except Exception:  # of any kind: it is not a notebook
        return "not a notebook"
    for position, (a, b) in enumerate(zip(cells, new.cells, strict=False), start=1):
        if a != b:
            first = b.source.splitlines()[0] if b.source else ""
            return f"cell {position} ({first[:60]!r}) differs from its source"
    return f"{len(cells)} cells instead of {len(new.cells)}" if len(cells) != len(new.cells) else "metadata differs"


def _orphans(known: list[Lesson]) -> list[Change]:
    """Notebooks in the folders of derived files that no source gives; they are named, never removed."""
    names = {f"{item.name}.ipynb" for item in known}
    folders = (root() / "notebooks", root() / "notebooks" / "solutions")
    paths = sorted(path for folder in folders for path in folder.glob("[0-9][0-9]_*.ipynb") if path.name not in names)
    return [Change(path.relative_to(root()), "has no source; rename or delete it") for path in paths]
