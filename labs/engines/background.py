"""`labs up` beside JupyterLab, which opens as soon as a learner can begin."""

from __future__ import annotations

import subprocess
import sys
import time
from pathlib import Path

from labs import engines
from labs.engines import choice
from labs.engines.base import STARTUP
from labs.engines.runtime.left_running import leave_running
from labs.engines.runtime.privileges import as_root
from labs.engines.runtime.reporter import Cancelled, Reporter, Startup, read_startup
from labs.engines.runtime.state import State, course_name
from labs.engines.runtime.user_folders import make_cache_folder
from labs.errors import EngineError, LabsError
from labs.waiting import wait_for

__all__ = ["up_in_background"]


def up_in_background(*, patience: float = 3600) -> LabsError | None:
    """Start the course and return as soon as the Docker lessons can begin; the rest goes on by itself.

    Args:
        patience: seconds to wait for the Docker Engine.

    Returns:
        What a learner should know when a part has failed, and others work; None when none has failed so far.

    Raises:
        LabsError: it has ended, and neither Docker nor Kubernetes works.
    """
    name = course_name()
    state = State.of(name, system=True)
    command = [sys.executable, "-m", "labs.cli", "--name", name, "up"]
    chosen = choice.choose(state.read() if state.exists else None)
    needs_root = engines.kind(chosen.kind).needs_root
    argv = as_root(command) if needs_root else command  # root for this alone: JupyterLab is the user's
    began = time.time()
    log = make_cache_folder() / "up.log"
    with log.open("w", encoding="utf-8") as output:
        child = subprocess.Popen(
            argv,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            start_new_session=argv == command,
            process_group=None if argv == command else 0,  # sudo remembers a password for one session only
        )
    leave_running(child)

    def startup() -> Startup | None:
        file = State.of(name, system=True).folder / STARTUP
        return read_startup(file) if _newer(file, began) else None

    with Reporter() as reporter:
        reporter.say(str(chosen))
        step = reporter.begin("Docker Engine")

        def usable() -> bool:
            now = startup()
            if now:
                step.update(str(now)[:100])
            return child.poll() is not None or bool(now and now.docker_works)

        wait_for(usable, timeout=patience, what="the Docker Engine", interval=0.3)
        now = startup()
        works = bool(now and (now.docker_works or now.kubernetes_works))
        if child.poll() and not works:
            reporter.end("Docker Engine", Cancelled())  # the error below says the rest
            raise EngineError(
                _last_error(log.read_text(encoding="utf-8", errors="replace")), f"All it said is in {log}."
            )
        reporter.end("Docker Engine", None)
    return _warning(now) if now else None


def _warning(startup: Startup) -> LabsError | None:
    """What has failed, for a person who can begin all the same."""
    if not startup.failed:
        return None
    part, reason = next(iter(startup.failed.items()))
    works = "Docker works" if startup.docker_works else "Kubernetes works"
    rest = ", ".join([*list(startup.failed)[1:], *startup.skipped])
    what = f"{works}, but {part} failed: {reason}"
    return LabsError(
        what + (f" Not there because of that: {rest}." if rest else ""),
        "The course page tells which lessons can be done; `labs up` in a terminal goes on where the start stopped.",
    )


def _last_error(text: str) -> str:
    """The sentence with which `labs up` has ended."""
    marked = [line for line in text.splitlines() if line.startswith("✗ ")]
    last = [*text.strip().splitlines(), *marked][-1:]
    return last[0].removeprefix("✗ ") if last else "`labs up` was ended before it had said why."


def _newer(file: Path, moment: float) -> bool:
    return file.exists() and file.stat().st_mtime >= moment - 1
