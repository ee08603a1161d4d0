"""Bringing a lesson to where an exercise starts: the cells that it builds on are run, without what they print."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from labs.display import in_notebook
from labs.errors import LabsError
from labs.explain import explain

__all__ = ["going_on_in", "namespace_of", "run_cells"]

_namespaces: dict[str, str] = {}  # of lessons whose cells are just run for a learner


@contextmanager
def going_on_in(lesson: str, namespace: str) -> Iterator[None]:
    """Let the cells that open a lesson go on in the namespace in which the learner has opened it.

    Args:
        lesson: such as ``"04"``.
        namespace: that of the learner's lab.
    """
    _namespaces[lesson] = namespace
    try:
        yield
    finally:
        del _namespaces[lesson]


def namespace_of(lesson: str) -> str | None:
    """The namespace in which cells that are just run are to open a lesson; None for the usual one."""
    return _namespaces.get(lesson)


def run_cells(sources: Sequence[str]) -> Iterator[str]:
    """Run cells as a notebook does: in the one whose kernel this is, else in a shell of this process.

    Args:
        sources: what the cells hold, magics included.

    Yields:
        A line of progress before each cell.

    Raises:
        LabsError: a cell failed; those after it were not run.
    """
    from IPython.utils.capture import capture_output  # IPython is there already, or is needed now

    shell = in_notebook() or _own_shell()
    for position, source in enumerate(sources, start=1):
        yield f"  {position}/{len(sources)}  {_first_line(source)}"
        with capture_output():  # a traceback as well: it is told in a sentence
            result = shell.run_cell(source, store_history=False)
        if error := result.error_before_exec or result.error_in_exec:
            explanation = explain(error)
            told = explanation.what if explanation else f"{type(error).__name__}: {error}"
            raise LabsError(
                f"This cell failed: {told[:500]}",
                "`labs status` tells whether everything runs. Or `lab.reset()`, then the lesson from its first cell.",
            ) from error


def _own_shell() -> Any:
    from IPython.core.interactiveshell import InteractiveShell
    from traitlets.config import Config

    config = Config()
    config.HistoryManager.enabled = False  # the learner did not type these cells
    return InteractiveShell.instance(config=config)


def _first_line(source: str) -> str:
    lines = [line for line in source.splitlines() if line.strip()]
    return next((line for line in lines if not line.startswith(("import ", "from "))), lines[0])[:80]
