"""How long things take and how far they are, shown to anyone who waits: a live table, plain lines, or nothing."""

from __future__ import annotations

import json
import os
import sys
import time
from dataclasses import dataclass, field
from pathlib import Path
from threading import Event, Lock

import psutil
from rich.console import Console
from rich.progress import BarColumn, Progress, SpinnerColumn, TaskID, TextColumn, TimeElapsedColumn

from labs.engines.runtime.process_identity import identity, is_process
from labs.errors import LabsError

__all__ = ["Cancelled", "Reporter", "Startup", "Step", "read_startup", "time_left"]


GUESSED_FROM = 0.05
"""How much of a step must be done before the rest is guessed: a first package once foretold two and a half hours."""
DOCKER_READY = {"Docker Engine", "images in Docker"}
"""The steps of a start after which the lessons that need Docker only can begin."""


class Cancelled(Exception):
    """Nothing comes of this task any more: what it leads to has failed, or the start was interrupted."""


@dataclass(frozen=True)
class Startup:
    """How far a `labs up` is, or how it ended.

    Attributes:
        running: whether it still is at work.
        steps: what it does now, with details.
        done: what it has done.
        error: what failed first, in its sentences; empty when nothing did.
        pid: its process.
        fractions: how much is done (0 to 1) of those steps that know.
        failed: each step that failed, with its sentences.
        skipped: each step that was not begun or not ended because of one that failed, with the name of that one.
    """

    running: bool
    steps: dict[str, str]
    done: list[str]
    error: str
    pid: int
    fractions: dict[str, float] = field(default_factory=dict)
    failed: dict[str, str] = field(default_factory=dict)
    skipped: dict[str, str] = field(default_factory=dict)

    def __str__(self) -> str:
        return ", ".join(f"{name} ({detail})" if detail else name for name, detail in self.steps.items())

    @property
    def docker_works(self) -> bool:
        """Whether the lessons that need Docker only can begin."""
        return set(self.done) >= DOCKER_READY

    @property
    def kubernetes_works(self) -> bool:
        """Whether the nodes are there."""
        return "nodes" in self.done

    def why_not(self, step: str) -> str:
        """Why a step will not come: what failed, in its sentences; empty when it may still come or has come."""
        cause = self.skipped.get(step, step)
        return f"{cause}: {self.failed[cause]}" if cause in self.failed else ""


def read_startup(file: Path) -> Startup | None:
    """What the last `labs up` of a course told of itself, or None."""
    try:
        content = json.loads(file.read_text(encoding="utf-8"))
        running = not content["ended"] and is_process(content["pid"], content.get("identity", ""), content["born"])
        # an older version's file has none of these
        more = {key: content.get(key, {}) for key in ("fractions", "failed", "skipped")}
        return Startup(running, content["steps"], content["done"], content["error"], content["pid"], **more)
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return None


def time_left(began: float, fraction: float) -> str:
    """How long a step will go on, as words that follow a count; empty while too little is done for a guess.

    Args:
        began: when it began, by `time.monotonic`.
        fraction: how much of it is done, 0 to 1.
    """
    if fraction < GUESSED_FROM:
        return ""
    minutes = (time.monotonic() - began) * (1 / fraction - 1) / 60
    return f", about {max(1, round(minutes))} min left"


class Step:
    """What one task reports of itself.

    Args:
        reporter: shows it.
        name: the task's.

    Attributes:
        cancelled: set when this task need not go on.
    """

    def __init__(self, reporter: Reporter, name: str) -> None:
        self.reporter, self.name, self.cancelled = reporter, name, Event()

    def update(self, detail: str, fraction: float | None = None) -> None:
        """Say what is done now, and how much of the step is done (0 to 1) where that is known.

        Raises:
            Cancelled: the task need not go on.
        """
        if self.cancelled.is_set() or self.reporter.cancelled.is_set():
            raise Cancelled
        self.reporter.update(self.name, detail, fraction)


class Reporter:
    """Shows steps on a terminal as a table that moves, elsewhere as one line when a step begins and ends.

    Args:
        quiet: show nothing.

    Attributes:
        seconds: when each step that has ended did so, in seconds after the reporter was made.
        cancelled: set when no step need go on any more.
        error: what failed first, in its sentences.
        failed: each step that failed, with its sentences.
        skipped: each step that will not be done because of one that failed, with the name of that one.
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
        self._details: dict[str, str] = {}
        self._fractions: dict[str, float] = {}
        self._done: list[str] = []
        self._ended = False
        self.error = ""
        self.failed: dict[str, str] = {}
        self.skipped: dict[str, str] = {}
        self._steps: dict[str, Step] = {}
        self._lock = Lock()
        self._ids: dict[str, TaskID] = {}
        self._began: dict[str, float] = {}
        self._shown_at: dict[str, float] = {}
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
                        "steps": self._details,
                        "fractions": self._fractions,
                        "done": self._done,
                        "error": self.error,
                        "failed": self.failed,
                        "skipped": self.skipped,
                        "ended": self._ended,
                    }
                ),
                encoding="utf-8",
            )
            temporary.chmod(0o644)  # it is root's under sudo, and read by the person at the keyboard
            temporary.replace(self._file)
        except OSError:  # a full disk is reported by the task that needs the room
            temporary.unlink(missing_ok=True)

    def say(self, line: str) -> None:
        """Show a line of text, as it is."""
        self.console.print(line, highlight=False, markup=False, soft_wrap=True)

    def begin(self, name: str) -> Step:
        """A step begins."""
        with self._lock:
            self._details[name] = ""
            self._began[name] = time.monotonic()
            self._ids[name] = self._progress.add_task(name, total=None, detail="")
            step = self._steps[name] = Step(self, name)
            self._record()
        return step

    def skip(self, name: str, cause: str) -> None:
        """A step will not be done because another one, ``cause``, has failed; it ends soon if it has begun."""
        with self._lock:
            self.skipped[name] = cause
            if name in self._steps:
                self._steps[name].cancelled.set()
            self._record(force=True)

    def update(self, name: str, detail: str, fraction: float | None) -> None:
        """A step is further."""
        with self._lock:
            self._details[name] = detail
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
        if not self.live and now - self._shown_at.get(name, self._began[name]) > 20:  # a sign of life in a log
            self._shown_at[name] = now
            self.console.print(f"  {name}: {detail}", highlight=False)

    def end(self, name: str, error: BaseException | None) -> None:
        """A step has ended."""
        is_fault = error is not None and not isinstance(error, Cancelled)
        with self._lock:
            self._details.pop(name, None)
            self._fractions.pop(name, None)
            if error is None:
                self._done.append(name)
            elif is_fault:
                message = f"{error.sentence} {error.todo}".strip() if isinstance(error, LabsError) else str(error)
                self.failed[name] = message
                self.error = self.error or message
            if not isinstance(error, Cancelled):  # it came to its end although nothing may come of it
                self.skipped.pop(name, None)
            self._record(force=True)
        self.seconds[name] = time.monotonic() - self._start
        seconds = time.monotonic() - self._began[name]
        word = "done" if error is None else "failed" if is_fault else "not needed any more"
        self._progress.update(self._ids[name], total=1.0, completed=0.0 if error else 1.0, detail=word)
        if self.live and is_fault:
            self.say(f"✗ {name}")
        elif not self.live and not isinstance(error, Cancelled):
            self.console.print(f"  {'✗' if error else '✓'} {name} ({seconds:.1f} s)", highlight=False)
        if is_fault:
            what, todo = (error.what, error.todo) if isinstance(error, LabsError) else (str(error), "")
            for line in (what, f"→ {todo}" if todo else ""):
                if line:
                    self.say(f"    {line}")
