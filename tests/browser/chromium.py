"""Chromium: this system's, else Debian's package unpacked into the course's cache."""

from __future__ import annotations

import os
import shutil
from dataclasses import dataclass, field
from pathlib import Path

from labs.errors import NotSupported

__all__ = ["Program", "find", "named"]

NAMES = ("chromium", "chromium-browser", "google-chrome")


@dataclass(frozen=True)
class Program:
    """A browser that can be started. Attributes: ``path``, the program; ``env``, the environment that it needs."""

    path: Path
    env: dict[str, str] = field(default_factory=lambda: dict(os.environ))


def named() -> str:
    """What the user has named: a program, or ``packaged`` for the one from Debian's package; else nothing."""
    return os.environ.get("LABS_CHROMIUM", "")


def find() -> Program:
    """The browser that $LABS_CHROMIUM names, else the first one on PATH."""
    for name in [named()] if named() else NAMES:
        found = shutil.which(name)
        if found:
            return Program(Path(found))
    raise NotSupported(f"There is none of {', '.join(NAMES)} on PATH.", "Install one.")
