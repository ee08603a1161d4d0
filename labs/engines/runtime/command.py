"""Run a program to its end."""

from __future__ import annotations

import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path

from labs.errors import CommandFailed

__all__ = ["run"]


def run(
    argv: Sequence[str | Path],
    *,
    input: str | bytes | None = None,
    env: Mapping[str, str] | None = None,
    timeout: float = 60,
    cwd: Path | None = None,
) -> str:
    """Run a program to its end and return what it printed, without its warnings (standard error).

    Args:
        argv: the program and its arguments.
        input: what it reads.
        env: its environment, instead of ours.
        timeout: seconds.
        cwd: its working folder.

    Raises:
        CommandFailed: it ended with an error, could not be started or took too long.
    """
    arguments = [str(word) for word in argv]
    try:
        done = subprocess.run(
            arguments,
            input=input.encode() if isinstance(input, str) else input,
            stdin=subprocess.DEVNULL if input is None else None,
            capture_output=True,
            env=dict(env) if env is not None else None,
            timeout=timeout,
            cwd=cwd,
            check=False,
        )
    except subprocess.TimeoutExpired as error:
        raise CommandFailed(arguments, -1, f"no end after {timeout:.0f} s\n") from error
    except OSError as error:
        raise CommandFailed(arguments, 127, str(error)) from error
    output = done.stdout.decode(errors="replace")
    if done.returncode:
        raise CommandFailed(arguments, done.returncode, f"{output}\n{done.stderr.decode(errors='replace')}")
    return output
