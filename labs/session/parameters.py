"""A lesson's parameters, as papermill or the learner has set them: of the kind that its cells can use."""

from __future__ import annotations

import ast
import json
import re
from collections.abc import Mapping
from typing import Any

from labs.curriculum import lessons
from labs.errors import LabsError

__all__ = ["require_usable"]

_CELL = re.compile(r'^# %% tags=\["parameters"\].*\n((?:(?!# %%).*\n)*)', re.MULTILINE)
_KINDS: dict[type, str] = {str: "a text", list: "a list", dict: "a mapping", bool: "a truth value", int: "a number"}
_KINDS |= {float: _KINDS[int], type(None): "nothing"}


def require_usable(lesson: str, values: Mapping[str, Any]) -> None:
    """Refuse a parameter of another kind than the lesson's own value for it: cells far below would fail at it.

    Args:
        lesson: its number, such as ``"02"``.
        values: the names in the notebook, parameters among them.

    Raises:
        LabsError: one is of another kind.
    """
    for name, usual in _defaults(lesson).items():
        value = values.get(name, usual)
        if _kind(value) == _kind(usual):
            continue
        raise LabsError(
            f"The parameter {name} is {value!r} ({_kind(value)}), and lesson {lesson} takes {_kind(usual)}, such as "
            f"{usual!r}.",
            f"Correct it in the first code cell, and run that again. {_for_papermill(name, usual)}",
        )


def _defaults(lesson: str) -> dict[str, Any]:
    """The literals in the lesson's cell of parameters; none where it is no lesson of the course."""
    try:
        source = lessons.lesson(lesson).path.read_text(encoding="utf-8")
        cell = _CELL.search(source)
        statements = ast.parse(cell[1]).body if cell else []
    except (LabsError, OSError, ValueError, SyntaxError):
        return {}
    found = {}
    for each in statements:
        if isinstance(each, ast.Assign) and isinstance(each.targets[0], ast.Name):
            found[each.targets[0].id] = ast.literal_eval(each.value)
    return found


def _kind(value: Any) -> str:
    return _KINDS.get(type(value), type(value).__name__)


def _for_papermill(name: str, usual: Any) -> str:
    """How papermill is given a value of this kind: ``-p`` makes a number of what looks like one."""
    if isinstance(usual, str):
        return f"papermill keeps a text with `-r {name} TEXT`."
    if isinstance(usual, list | dict):
        return f"papermill takes it as YAML: `-y '{name}: {json.dumps(usual)}'`."
    return f"With papermill: `-p {name} {usual!r}`."
