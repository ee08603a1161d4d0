"""What all explanations share."""

from __future__ import annotations

import traceback
from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

__all__ = ["AGAIN", "REOPEN", "Explainer", "Explanation", "frames_of", "package_of", "raised_by", "sentence"]

AGAIN = "`labs status` in a terminal shows what has ended, `labs up` starts what is missing; then run this cell again."
REOPEN = "Run the cell with `open_lab(...)` again, and `config.load_kube_config()` after it."


class Explanation(NamedTuple):
    """An error in plain words.

    Attributes:
        what: what happened.
        todo: what to do about it; may be empty.
        fault: whether the engine is at fault rather than the one who asked.
    """

    what: str
    todo: str = ""
    fault: bool = False


Explainer = tuple[type[BaseException], Callable[[Any], Explanation | None]]
"""A type of errors, and what explains an error of it, or leaves it as it is."""


def frames_of(error: BaseException) -> Iterator[tuple[dict[str, Any], dict[str, Any]]]:
    """The globals and locals of the frames that an error came through, the outermost first."""
    return ((frame.f_globals, frame.f_locals) for frame, _ in traceback.walk_tb(error.__traceback__))


def package_of(module_globals: dict[str, Any]) -> str:
    """The top-level package of a frame's module; ``__main__`` for a cell."""
    return str(module_globals.get("__name__", "")).split(".", maxsplit=1)[0]


def raised_by(error: BaseException) -> str:
    """The client that an error came through: ``docker``, ``kubernetes`` or nothing."""
    packages = {package_of(module) for module, _ in frames_of(error)}
    return next((name for name in ("docker", "kubernetes") if name in packages), "")


def sentence(text: str) -> str:
    """The text with a full stop unless it ends with a mark."""
    text = text.strip()
    return text if text.endswith((".", "!", "?", ")")) else f"{text}."
