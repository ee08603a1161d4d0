"""Programs that are meant to outlive the command that started them."""

from __future__ import annotations

import atexit
import subprocess
from contextlib import suppress

__all__ = ["leave_running"]

_children: list[subprocess.Popen] = []


@atexit.register
def _let_go() -> None:
    for child in _children:
        if child.poll() is None:
            child.returncode = 0  # nobody waits for it any more: else Python warns here too


def leave_running(child: subprocess.Popen) -> None:
    """Keep hold of a program that nobody waits for, and reap those started before that have ended meanwhile.

    Python takes a ``Popen`` that is dropped while its program runs for a mistake, and warns of it.

    Args:
        child: the program that was started.
    """
    _children.append(child)
    for other in list(_children):
        if other.poll() is not None:
            with suppress(ValueError):  # another thread has removed it
                _children.remove(other)
