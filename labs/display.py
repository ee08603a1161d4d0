"""Showing things in a notebook, and as plain text everywhere else; errors as a sentence instead of a traceback."""

from __future__ import annotations

import html
import os
import sys
import traceback
from collections.abc import Sequence
from types import TracebackType
from typing import Any

from labs.errors import LabsError

__all__ = [
    "RichOutput",
    "in_notebook",
    "install_error_messages",
    "quiet_logs",
    "say",
    "show",
    "show_last_traceback",
    "table",
]

MORE = "lab.traceback() shows where"


class RichOutput:
    """Something to show, in several forms of which a front end picks the richest it knows.

    Args:
        text: the form that always works.
        markdown: the same as Markdown; may be empty.
        html: the same as HTML; may be empty.
    """

    def __init__(self, text: str, *, markdown: str = "", html: str = "") -> None:
        self.forms = {"text/plain": text, "text/markdown": markdown, "text/html": html}

    def __str__(self) -> str:
        return self.forms["text/plain"]

    __repr__ = __str__

    def _repr_mimebundle_(self, **_: Any) -> dict[str, str]:
        return {kind: form for kind, form in self.forms.items() if form}


def in_notebook() -> Any:
    """The running IPython shell, or None; IPython is not imported for the question."""
    ipython = sys.modules.get("IPython")
    return ipython.get_ipython() if ipython else None


def show(thing: Any) -> None:
    """Show an object: as one display output in IPython, as its text elsewhere."""
    if in_notebook():
        from IPython.display import display  # only where IPython runs already

        display(thing)
    else:
        print(thing, flush=True)


def say(text: str) -> None:
    """Tell one line of progress."""
    print(text, flush=True)


def table(rows: Sequence[tuple[str, ...]], header: tuple[str, ...], title: str = "") -> RichOutput:
    """A small table.

    Args:
        rows: texts, as many in each row as in the header.
        header: what the columns are called.
        title: one line above it.
    """
    widths = [max(len(row[i]) for row in [header, *rows]) for i in range(len(header))]
    lines = ["  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)) for row in [header, *rows]]
    text = "\n".join(line.rstrip() for line in ([title] if title else []) + lines)
    head = "".join(f"<th style='text-align:left'>{html.escape(cell)}</th>" for cell in header)
    body = "".join(
        f"<tr>{''.join(f'<td style=text-align:left>{html.escape(cell)}</td>' for cell in row)}</tr>" for row in rows
    )
    caption = f"<p><b>{html.escape(title)}</b></p>" if title else ""
    return RichOutput(text, html=f"{caption}<table><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>")


def install_error_messages() -> None:
    """Show errors of the clients and of the course as what happened and what to do, instead of as a traceback.

    The cell still fails, for nbval, papermill and "Run All" alike. Does nothing outside of IPython, and nothing when
    ``$LABS_TRACEBACKS`` is set, as it is where the course itself is tested.
    """
    shell = in_notebook()
    if shell is None or os.environ.get("LABS_TRACEBACKS"):
        return
    from labs.explain import EXPLAINED  # imports both clients

    shell.set_custom_exc(EXPLAINED, _show_error)


def quiet_logs() -> None:
    """Keep what urllib3 warns of and logs as warnings out of cells: the error that follows says it better."""
    import logging
    import warnings

    warnings.filterwarnings("ignore", "URLs without a scheme", FutureWarning)
    logging.getLogger("urllib3.connectionpool").setLevel(logging.ERROR)


def show_last_traceback() -> None:
    """Print the full traceback of the last error that a cell ended with."""
    error = getattr(sys, "last_value", None)
    if error is None:
        say("No cell has ended with an error yet.")
    else:
        say("".join(traceback.format_exception(error)).rstrip())


def _show_error(
    shell: Any, kind: type[BaseException], error: BaseException, trace: TracebackType, tb_offset: int | None = None
) -> None:
    """IPython's hook for exceptions (``set_custom_exc``)."""
    sys.last_type, sys.last_value, sys.last_traceback = kind, error, trace  # as IPython does: `%tb` and pdb look there
    lines = error_lines(error, shell.user_ns)
    if lines is None:
        shell.showtraceback((kind, error, trace), tb_offset=tb_offset)
    else:
        shell._showtraceback(kind, error, lines)  # the documented hook leaves the showing to its handler


def error_lines(error: BaseException, cell_globals: dict[str, Any]) -> list[str] | None:
    """What a learner sees of an error; None for one that is best shown as Python shows it.

    Args:
        error: an exception with its traceback.
        cell_globals: the namespace in which cells run, to find the line of the cell.
    """
    from labs.explain import explain  # imports both clients

    if isinstance(error, LabsError) and error.one_line:
        return [error.one_line]
    explanation = explain(error)
    if explanation is None:
        return None
    lines = [explanation.what]
    if explanation.todo:
        lines.append(f"  → {explanation.todo}")
    if not isinstance(error, LabsError):
        line = next((n for frame, n in traceback.walk_tb(error.__traceback__) if frame.f_globals is cell_globals), None)
        lines.append(f"  (line {line} of the cell; {MORE})" if line else f"  ({MORE})")
    return lines
