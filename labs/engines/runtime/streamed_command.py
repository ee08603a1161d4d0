"""Long programs whose lines tell how far they are."""

from __future__ import annotations

import subprocess
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from pathlib import Path

import psutil

__all__ = ["follow"]


def follow(
    argv: Sequence[str], *, cwd: Path, env: Mapping[str, str], on_line: Callable[[str], None]
) -> tuple[int, str]:
    """Run a program to its end; an exception meanwhile ends it with all that it has started.

    Args:
        argv: the program and its arguments.
        cwd: its working folder.
        env: its environment.
        on_line: is given each line that it prints, on either stream.

    Returns:
        Its exit status and its last lines.
    """
    last: deque[str] = deque(maxlen=15)
    with subprocess.Popen(
        argv,
        cwd=cwd,
        env=env,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        encoding="utf-8",
        errors="replace",
    ) as program:
        assert program.stdout is not None, "it is a pipe"
        try:
            for line in program.stdout:
                last.append(line.rstrip())
                on_line(line.rstrip())
        except BaseException:
            with suppress(psutil.Error, OSError):
                for helper in psutil.Process(program.pid).children(recursive=True):
                    helper.kill()
            program.kill()
            raise
    return program.returncode, "\n".join(last)
