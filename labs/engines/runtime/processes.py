"""Daemons of a course: started apart from this process, found again by the mark in their environment."""

from __future__ import annotations

import json
import os
import signal
import subprocess
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path

import psutil

from labs.engines.runtime.component import Component
from labs.engines.runtime.left_running import leave_running
from labs.engines.runtime.process_identity import children, identity, is_process
from labs.engines.runtime.state import ID_VARIABLE as MARK
from labs.engines.runtime.state import State
from labs.errors import EngineError, Timeout
from labs.waiting import wait_for

__all__ = ["GONE", "MARK", "Processes"]

COMPONENT = "LABS_COMPONENT"
"""The environment variable that names the component which a process belongs to; its helpers inherit it."""

GONE = (psutil.Error, FileNotFoundError, ProcessLookupError)
"""What is raised of a process that ends while it is looked at; psutil lets the last two through at times."""


class Processes:
    """The daemons of one course.

    Args:
        state: its folder.
        course_id: its mark.
    """

    def __init__(self, state: State, course_id: str) -> None:
        self.state, self.course_id = state, course_id

    def start(
        self,
        name: str,
        argv: Sequence[str | Path],
        *,
        via: Sequence[str | Path] = (),
        env: Mapping[str, str] | None = None,
        forks: bool = False,
    ) -> int:
        """Start a daemon unless it runs, and return its process id.

        Args:
            name: the component's name.
            argv: the program and its arguments, as a person should see them.
            via: the program that puts it in its place (``nsenter ...``); it must end in an exec.
            env: what to add to a minimal environment.
            forks: ``via`` stays as the parent of the daemon, as ``nsenter --pid`` does.
        """
        current = self.component(name)
        if current.state == "running" and current.pid:
            return current.pid
        log = self.log(name)
        self.state.make_folder(log.parent, mode=0o755)
        arguments = [str(word) for word in argv]
        unrecorded = self._unrecorded(name, arguments)
        if unrecorded:
            self._note(name, unrecorded, arguments)
            return unrecorded
        with log.open("ab") as output:
            child = subprocess.Popen(
                [*(str(word) for word in via), *arguments],
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                env={
                    "PATH": os.defpath,
                    "LANG": "C.UTF-8",
                    **(env or {}),
                    MARK: self.course_id,
                    COMPONENT: name,
                },
                start_new_session=True,
                cwd="/",
                umask=0o022,
            )
        leave_running(child)
        pid = _only_child(child, str(via[0])) if forks else child.pid
        self._note(name, pid, arguments)
        return pid

    def component(self, name: str) -> Component:
        """The state of a daemon."""
        entry = _read(self._file(name))
        if not entry:
            return Component(name, "stopped", log=self.log(name))
        pid = entry["pid"]
        if _alive(pid, entry):
            return Component(name, "running", pid, entry["argv"], self.log(name), memory=_memory(pid))
        state = "failed" if entry["wanted"] else "stopped"
        return Component(name, state, None, entry["argv"], self.log(name), "ended by itself" if entry["wanted"] else "")

    def started_at(self, name: str) -> float:
        """When a daemon that runs was started, in seconds of the epoch by the clock of now; 0 when it does not run."""
        pid = self.component(name).pid
        with suppress(*GONE):
            return psutil.Process(pid).create_time() if pid else 0.0
        return 0.0

    def log(self, name: str) -> Path:
        """The file that a daemon writes to."""
        return self.state.folder / "log" / f"{name.replace('/', '-')}.log"

    def tail(self, name: str, lines: int) -> str:
        """The last lines of a daemon's log."""
        try:
            with self.log(name).open("rb") as file:
                file.seek(max(0, os.fstat(file.fileno()).st_size - lines * 2000))
                return "\n".join(file.read().decode(errors="replace").splitlines()[-lines:])
        except FileNotFoundError:
            return ""

    def stop(self, name: str, *, timeout: float = 10) -> None:
        """Ask a daemon to end; kill it when it has not after ``timeout`` seconds."""
        component, entry = self.component(name), _read(self._file(name))
        if entry:
            self._write(name, {**entry, "wanted": False})
        if component.pid:
            _end([component.pid], timeout)

    def kill(self, name: str) -> None:
        """End a daemon as a crash does: it is still wanted, and counts as failed."""
        pid = self.component(name).pid
        if pid:
            _kill([pid], 5)

    def mark_unwanted(self) -> None:
        """Note that no daemon is wanted any more."""
        for file in (self.state.folder / "run").glob("*.json"):
            entry = _read(file)
            if entry:
                self._write(entry["name"], {**entry, "wanted": False})

    def check_alive(self, name: str) -> None:
        """Raise EngineError with the last words of a daemon that has ended."""
        if self.component(name).state != "running":
            last_lines = self.tail(name, 3) or "it wrote nothing"
            raise EngineError(f"{name} ended while starting: {last_lines}", f"`labs logs {name}` shows all it wrote.")

    def marked(self, name: str = "") -> list[psutil.Process]:
        """Every process on this machine that carries the course's mark, recorded or not.

        Args:
            name: only those of this component.
        """
        found = []
        wanted = {f"{MARK}={self.course_id}".encode()} | ({f"{COMPONENT}={name}".encode()} if name else set())
        for pid in psutil.pids():
            with suppress(*GONE, PermissionError):
                environ = Path(f"/proc/{pid}/environ").read_bytes()
                if wanted <= set(environ.split(b"\0")) and pid != os.getpid():
                    found.append(psutil.Process(pid))
        return found

    def end_all(self, name: str = "", *, timeout: float = 3) -> None:
        """Kill every process of the course, and wait until they are gone.

        Args:
            name: only those of this component.
            timeout: seconds to wait after each attempt.

        Raises:
            EngineError: one does not end.
        """
        for _ in range(5):
            left = self.marked(name)
            if not left:
                return
            _kill([p.pid for p in left], timeout)
        raise EngineError(
            f"{len(left)} processes of the course do not end, such as {left[0]}.",
            "A process in the middle of a disk operation cannot be killed: try `labs down` again in a minute.",
        )

    def _file(self, name: str) -> Path:
        return self.state.folder / "run" / f"{name.replace('/', '-')}.json"

    def _unrecorded(self, name: str, arguments: list[str]) -> int | None:
        """The daemon, should it have been started by a command that was killed before it could write that down."""
        for process in self.marked(name):
            with suppress(*GONE):
                if process.cmdline() == arguments:
                    return process.pid
        return None

    def _note(self, name: str, pid: int, arguments: list[str]) -> None:
        self._write(name, {"pid": pid, "identity": identity(pid), "argv": arguments, "wanted": True})

    def _write(self, name: str, entry: dict) -> None:
        self.state.make_folder("run")
        self.state.write_file(self._file(name), json.dumps({"name": name, **entry}), mode=0o644)


def _read(file: Path) -> dict:
    """What is known of a daemon; nothing when the file is not there, or came out of a power cut empty."""
    try:
        return json.loads(file.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}


def _only_child(parent: subprocess.Popen[bytes], program: str) -> int:
    """The process that a program which forks once has become; the parent itself when it ended before."""

    def child() -> int | None:
        if parent.poll() is not None:
            return parent.pid
        with suppress(*GONE):
            if psutil.Process(parent.pid).name() == "nsenter":  # before, it is a shell whose children are others
                return next(iter(children(parent.pid)), None)
        return None

    return wait_for(child, timeout=10, what=f"{program} to start its program", interval=0.01)


def _alive(pid: int, entry: dict) -> bool:
    """Whether the process still is the one that was started, and has not ended."""
    with suppress(*GONE):
        return (
            is_process(pid, entry.get("identity", ""), entry.get("born", 0.0))
            and psutil.Process(pid).status() != psutil.STATUS_ZOMBIE
        )
    return False


def _memory(pid: int) -> int | None:
    with suppress(*GONE):
        return psutil.Process(pid).memory_info().rss
    return None


def _end(pids: list[int], timeout: float) -> None:
    for pid in pids:
        try:
            os.kill(pid, signal.SIGTERM)
        except ProcessLookupError:
            continue
    if not _gone(pids, timeout):
        _kill(pids, 5)


def _kill(pids: list[int], timeout: float) -> None:
    for pid in pids:
        try:
            os.kill(pid, signal.SIGKILL)
        except ProcessLookupError:
            continue
    _gone(pids, timeout)


def _gone(pids: list[int], timeout: float) -> bool:
    def ended() -> bool:
        return not any(_running(pid) for pid in pids)

    try:
        return bool(wait_for(ended, timeout=timeout, what="processes to end", interval=0.02))
    except Timeout:
        return False


def _running(pid: int) -> bool:
    with suppress(ChildProcessError):
        os.waitpid(pid, os.WNOHANG)  # reap where it is our child
    with suppress(*GONE):
        # a zombie has ended; but as long as it has other threads, they hold its files and the ports that it has
        return psutil.Process(pid).status() != psutil.STATUS_ZOMBIE or len(os.listdir(f"/proc/{pid}/task")) > 1
    return False
