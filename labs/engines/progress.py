"""How long things take and how far they are, shown to whoever waits: a live table, plain lines, or nothing."""

from __future__ import annotations

import json
import os
import sys
import time
from collections.abc import Callable, Mapping
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from dataclasses import dataclass, field
from graphlib import TopologicalSorter
from pathlib import Path
from threading import Event, Lock

import psutil
from rich.console import Console
from rich.progress import BarColumn, Progress, SpinnerColumn, TextColumn, TimeElapsedColumn

from labs.engines.identity import identity, is_process

__all__ = ["Cancelled", "Reporter", "Startup", "Step", "Task", "read_startup", "run_tasks"]


class Cancelled(Exception):
    """Another task failed, so this one need not go on."""


@dataclass(frozen=True)
class Startup:
    """How far a `labs up` is, or how it ended.

    Attributes:
        running: whether it still is at work.
        steps: what it does now, with details.
        done: what it has done.
        error: the sentence that it ended with; empty when there was none.
        pid: its process.
        fractions: how much is done (0 to 1) of those steps that know.
    """

    running: bool
    steps: dict[str, str]
    done: list[str]
    error: str
    pid: int
    fractions: dict[str, float] = field(default_factory=dict)

    def __str__(self) -> str:
        return ", ".join(f"{name} ({detail})" if detail else name for name, detail in self.steps.items())


def read_startup(file: Path) -> Startup | None:
    """What the last `labs up` of a course told of itself, or None."""
    try:
        told = json.loads(file.read_text())
        running = not told["ended"] and is_process(told["pid"], told.get("identity", ""), told["born"])
        fractions = told.get("fractions", {})  # none in the file of an older version
        return Startup(running, told["steps"], told["done"], told["error"], told["pid"], fractions)
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return None


class Step:
    """What one task tells of itself. Args: ``reporter``, ``name``."""

    def __init__(self, reporter: Reporter, name: str) -> None:
        self.reporter, self.name = reporter, name

    def update(self, detail: str, fraction: float | None = None) -> None:
        """Say what is done now, and how much of the step is done (0 to 1) where that is known.

        Raises:
            Cancelled: another task failed.
        """
        if self.reporter.cancelled.is_set():
            raise Cancelled
        self.reporter.changed(self.name, detail, fraction)


class Reporter:
    """Shows steps on a terminal as a table that moves, elsewhere as one line when a step begins and ends.

    Args:
        quiet: show nothing.

    Attributes:
        seconds: when each step that has ended did so, in seconds after the reporter was made.
    """

    def __init__(self, *, quiet: bool = False) -> None:
        self.quiet, self.cancelled = quiet, Event()
        # in a notebook's cell, `!` gives a terminal that cannot move its cursor
        self.live = not quiet and sys.stderr.isatty() and "JPY_PARENT_PID" not in os.environ
        if hasattr(sys.stderr, "reconfigure"):  # a locale without ✓ is no reason to fail
            sys.stderr.reconfigure(errors="replace")
        self.console = Console(stderr=True, quiet=quiet)
        self.seconds: dict[str, float] = {}
        self._start = time.monotonic()
        self._file: Path | None = None
        self._recorded = 0.0
        self._told: dict[str, str] = {}
        self._fractions: dict[str, float] = {}
        self._done: list[str] = []
        self._ended = False
        self.error = ""
        self._lock, self._ids, self._began, self._said = Lock(), {}, {}, {}
        self._progress = Progress(
            SpinnerColumn(finished_text="[green]✓"),
            TextColumn("{task.description}"),
            BarColumn(bar_width=20),
            TextColumn("{task.fields[detail]}"),
            TimeElapsedColumn(),
            console=self.console,
            disable=not self.live,
        )

    def __enter__(self) -> Reporter:
        self._progress.start()
        return self

    def __exit__(self, *_: object) -> None:
        with self._lock:
            self._ended = True
            self._record(force=True)
        self._progress.stop()

    def record_to(self, file: Path) -> None:
        """Keep how far everything is in a file as well, for `labs status` in another terminal."""
        self._file = file

    def _record(self, *, force: bool = False) -> None:
        now = time.monotonic()
        if self._file is None or (not force and now - self._recorded < 1):
            return
        self._recorded = now
        temporary = self._file.with_suffix(f".{os.getpid()}.part")
        try:
            temporary.write_text(
                json.dumps(
                    {
                        "pid": os.getpid(),
                        "identity": identity(os.getpid()),
                        "born": psutil.Process().create_time(),
                        "steps": self._told,
                        "fractions": self._fractions,
                        "done": self._done,
                        "error": self.error,
                        "ended": self._ended,
                    }
                )
            )
            temporary.chmod(0o644)  # it is root's under sudo, and read by the person at the keyboard
            temporary.replace(self._file)
        except OSError:  # a full disk is reported by whoever needs the room
            temporary.unlink(missing_ok=True)

    def began(self, name: str) -> Step:
        """A step begins."""
        with self._lock:
            self._told[name] = ""
            self._began[name] = time.monotonic()
            self._ids[name] = self._progress.add_task(name, total=None, detail="")
        return Step(self, name)

    def changed(self, name: str, detail: str, fraction: float | None) -> None:
        """A step is further."""
        with self._lock:
            self._told[name] = detail
            self._fractions.pop(name, None)
            if fraction is not None:
                self._fractions[name] = round(fraction, 3)
            self._record()
        self._progress.update(
            self._ids[name],
            detail=detail,
            total=None if fraction is None else 1.0,
            completed=fraction or 0.0,
        )
        now = time.monotonic()
        if not self.live and now - self._said.get(name, self._began[name]) > 20:  # a sign of life in a log
            self._said[name] = now
            self.console.print(f"  {name}: {detail}", highlight=False)

    def ended(self, name: str, error: BaseException | None) -> None:
        """A step has ended."""
        with self._lock:
            self._told.pop(name, None)
            self._fractions.pop(name, None)
            if error is None:
                self._done.append(name)
            elif not isinstance(error, Cancelled):
                self.error = str(error)
            self._record(force=True)
        self.seconds[name] = time.monotonic() - self._start
        seconds = time.monotonic() - self._began[name]
        word = "failed" if error else "done"
        self._progress.update(self._ids[name], total=1.0, completed=0.0 if error else 1.0, detail=word)
        if not self.live and not isinstance(error, Cancelled):
            self.console.print(f"  {'✗' if error else '✓'} {name} ({seconds:.1f} s)", highlight=False)


Task = tuple[tuple[str, ...], Callable[[Step], None]]
"""What must be done before, and the work."""


def run_tasks(tasks: Mapping[str, Task], reporter: Reporter, *, workers: int = 6) -> None:
    """Do the tasks, each as soon as those before it are done.

    Args:
        tasks: by their names.
        reporter: is told of each.
        workers: how many at once.

    Raises:
        Exception: the first that a task raised; tasks that had begun are let end, none is begun any more.
    """
    order = TopologicalSorter({name: before for name, (before, _) in tasks.items()})
    order.prepare()
    running: dict[Future, str] = {}
    failure: BaseException | None = None

    def work(name: str) -> None:
        step = reporter.began(name)
        try:
            tasks[name][1](step)
        except BaseException as error:
            reporter.ended(name, error)
            raise
        reporter.ended(name, None)

    with ThreadPoolExecutor(workers) as pool:
        try:
            while order.is_active():
                if failure is None:
                    running.update({pool.submit(work, name): name for name in order.get_ready()})
                if not running:
                    break
                done, _ = wait(running, return_when=FIRST_COMPLETED)
                for future in done:
                    name = running.pop(future)
                    error = future.exception()
                    if error is None:
                        order.done(name)
                    elif failure is None or isinstance(failure, Cancelled):
                        failure = error
                        reporter.cancelled.set()
        except BaseException:
            reporter.cancelled.set()
            raise
    if failure is not None:
        raise failure
