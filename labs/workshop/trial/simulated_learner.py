"""A learner made of code: runs a lesson's solved notebook in a room, as the learner on that seat would."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import nbformat
from nbclient import NotebookClient
from nbclient.exceptions import CellExecutionError

from labs.authoring import notebooks
from labs.curriculum import lessons
from labs.engines.seat import Seat
from labs.errors import LabsError

__all__ = ["QUIET_KERNEL", "Run", "SimulatedLearner", "personal_notebook"]

EXERCISE = re.compile(r"ex-[0-9]{2}-[0-9]+")
COLOUR = re.compile(r"\x1b\[[0-9;]*m")
QUIET_KERNEL = ["--IPKernelApp.log_level=40"]
"""What a kernel is started with: it would warn on our terminal that it talks by TCP, which stays on this machine."""

CELL_TIMEOUT = 300  # seconds
FIRST_LINE = 200  # characters told of an error


@dataclass
class Run:
    """How a lesson went.

    Attributes:
        lesson: such as ``"04"``.
        seconds: how long it took, think time included.
        failures: what went wrong, a sentence each.
        verdicts: of each check its seconds, waiting for live state included.
        cells: how many cells ran.
    """

    lesson: str
    seconds: float = 0.0
    failures: list[str] = field(default_factory=list)
    verdicts: list[float] = field(default_factory=list)
    cells: int = 0


def personal_notebook(path: Path, seat: Seat | None) -> Any:
    """A notebook with the node ports of a seat.

    Args:
        path: the notebook.
        seat: None leaves it as it is.

    Returns:
        The notebook, as nbformat has it.
    """
    notebook = nbformat.read(path, as_version=4)
    if seat:
        for cell in notebook.cells:
            cell.source = seat.personal(cell.source)
    return notebook


class SimulatedLearner:
    """One learner, with a folder of their own in place of a home.

    Args:
        seat: theirs.
        kubeconfig: the text of theirs.
        folder: for all that they keep.
        docker: a value for DOCKER_HOST, or ``none``.
    """

    def __init__(self, seat: Seat, kubeconfig: str, folder: Path, docker: str) -> None:
        self.seat, self._folder, self._docker = seat, folder, docker
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        self._file = folder / "kubeconfig"
        self._file.touch(mode=0o600)
        self._file.write_text(kubeconfig, encoding="utf-8")
        self.environment = {
            **os.environ,
            "LABS_NAME": "workshop",
            "LABS_STATE": str(folder / "state"),
            "LABS_PROGRESS": str(folder / "progress.json"),
            "KUBECONFIG": os.devnull,
        }

    def labs(self, *arguments: str) -> None:
        """Run a command as this learner.

        Raises:
            LabsError: it failed; holds what it printed.
        """
        done = subprocess.run(
            [sys.executable, "-m", "labs.cli", *arguments],
            env=self.environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            encoding="utf-8",
            errors="replace",
            timeout=300,
            check=False,
        )
        if done.returncode:
            raise LabsError(f"{self.seat.learner}: `labs {arguments[0]}`: {done.stdout.strip()}")

    def join(self) -> None:
        """Do what a learner does first.

        Raises:
            LabsError
        """
        self.labs("up", "--quiet", "--context", "workshop", "--kubeconfig", str(self._file), "--docker", self._docker)

    def leave(self) -> None:
        """Forget the cluster; what was made in it stays.

        Raises:
            LabsError
        """
        self.labs("down")

    def run_by_papermill(self, notebook: Path, done: Path, patience: int) -> str:
        """Run a notebook as it is.

        Args:
            notebook: the one to run; it stays as it is.
            done: what papermill writes.
            patience: the notebook's parameter ``TIMEOUT``, in seconds.

        Returns:
            What went wrong first; empty when nothing did.
        """
        argv = [sys.executable, "-m", "papermill", str(notebook), str(done), "--cwd", str(self._folder)]
        argv += ["--no-progress-bar", "--execution-timeout", str(CELL_TIMEOUT), "-p", "TIMEOUT", str(patience)]
        ran = subprocess.run(
            argv,
            env=self.environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            encoding="utf-8",
            errors="replace",
            check=False,
        )
        if ran.returncode == 0:
            return ""
        cells = nbformat.read(done, as_version=4).cells if done.exists() else []
        for number, cell in enumerate(cells):
            if any(output.output_type == "error" for output in cell.get("outputs", [])):
                return f"cell {number}: {first_line(cell)}"
        return ran.stdout.strip().splitlines()[-1][:FIRST_LINE] if ran.stdout.strip() else "papermill failed"

    async def work_through(self, lesson: str, think: Callable[[Any], Awaitable[None]]) -> Run:
        """Run a lesson's solved notebook, each check also before its answer: then it has to say "not yet".

        Args:
            lesson: such as ``"04"``.
            think: awaited before each cell, which it is given.
        """
        run, began = Run(lesson), time.monotonic()
        notebook = personal_notebook(notebooks.solved_path(lessons.lesson(lesson)), self.seat)
        where = {"metadata": {"path": str(self._folder)}}
        client = NotebookClient(notebook, timeout=CELL_TIMEOUT, resources=where, extra_arguments=QUIET_KERNEL)
        checks = {exercise_of(c): (i, c) for i, c in enumerate(notebook.cells) if is_a(c, "check")}
        async with client.async_setup_kernel(env=self.environment):
            for number, cell in enumerate(notebook.cells):
                if cell.cell_type != "code":
                    continue
                await think(cell)
                if is_a(cell, "answer"):
                    await self._check(client, run, *checks[cell.metadata["exercise"]], passes=False)
                if is_a(cell, "check"):
                    await self._check(client, run, number, cell, passes=True)
                    continue
                run.cells += 1
                try:
                    await client.async_execute_cell(cell, number)
                except CellExecutionError:
                    run.failures.append(f"lesson {lesson}, cell {number}: {first_line(cell)}")
        run.seconds = time.monotonic() - began
        return run

    async def _check(self, client: NotebookClient, run: Run, number: int, cell: Any, *, passes: bool) -> None:
        began = time.monotonic()
        try:
            await client.async_execute_cell(cell, number)
            outcome = "passed"
        except CellExecutionError:
            outcome = first_line(cell)
        except TimeoutError:
            outcome = f"no verdict in {CELL_TIMEOUT} s"
        run.verdicts.append(time.monotonic() - began)
        wanted = "passed" if passes else "not yet"
        if wanted not in outcome:
            run.failures.append(f"{exercise_of(cell)} should say {wanted!r} and said: {outcome}")


def is_a(cell: Any, tag: str) -> bool:
    """Whether a cell has a tag such as ``check``."""
    return tag in cell.metadata.get("tags", [])


def exercise_of(check: Any) -> str:
    """The exercise that a check cell is about."""
    found = EXERCISE.search(check.source)
    return found[0] if found else ""


def first_line(cell: Any) -> str:
    """What a cell's error says: our messages say it in their first line, Python's tracebacks in their last one."""
    error = next((output for output in cell.outputs if output.output_type == "error"), None)
    if error is None:
        return "it failed without a word"
    lines = [line.strip() for line in COLOUR.sub("", "\n".join(error.traceback)).splitlines() if line.strip()]
    is_ours = lines and not any("Traceback" in line for line in lines)
    return (lines[0] if is_ours else f"{error.ename}: {error.evalue}")[:FIRST_LINE]
