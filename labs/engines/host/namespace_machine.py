"""A machine of a course: namespaces in which daemons find a system of their own, over a view of this one."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import suppress
from functools import partial
from pathlib import Path

import psutil

from labs.engines.programs.node_tools import INITS
from labs.engines.programs.system_programs import wrappers
from labs.engines.runtime.command import run
from labs.engines.runtime.process_identity import children
from labs.engines.runtime.processes import GONE, Processes
from labs.engines.runtime.state import Record, State
from labs.errors import EngineError
from labs.waiting import wait_for

__all__ = ["Bind", "NamespaceMachine", "cgroup_path", "program_environment", "remove_cgroups"]

SCRIPT = Path(__file__).with_name("namespace_machine.sh")
CGROUPS = Path("/sys/fs/cgroup")

Bind = tuple[Path, str, str]
"""A folder or file of the host, where the machine sees it, and ``rw`` or ``ro``."""


def cgroup_path(record: Record) -> str:
    """The cgroup, in every hierarchy, under which all of the course's machines lie."""
    return f"/labs-{record.id}"


class NamespaceMachine:
    """One machine.

    Args:
        name: its host name.
        record: the course's record.
        state: the course's folder.
        processes: the course's processes.
        binds: what it sees of the host besides the copy-on-write view.
        init: a small init program, as the machine sees it.
    """

    def __init__(
        self, name: str, *, record: Record, state: State, processes: Processes, binds: Sequence[Bind], init: Path
    ) -> None:
        self.name, self.record, self.state, self.processes = name, record, state, processes
        self.binds, self.init = binds, init
        self.component = f"machine/{name}"
        self.daemons = processes

    def start(self, hosts: Mapping[str, str]) -> bool:
        """Make the machine unless it runs; return whether it is new.

        Args:
            hosts: names and addresses for its /etc/hosts.
        """
        if self.pid is not None:
            return False
        self.stop()  # the rest of one that is just ending
        self.processes.end_all(self.component)  # or of one whose start was killed before it was written down
        remove_cgroups(self.record, self.name)
        folder = self.state.make_folder(f"machines/{self.name}")
        self.processes.start(
            self.component, ["unshare", "..."], via=["sh", SCRIPT, "enter"], env=self._env(folder, hosts)
        )
        try:
            wait_for(self._ready, timeout=20, what=f"the machine {self.name}", interval=0.02)
        except Exception as error:
            raise EngineError(
                f"The machine {self.name} did not start: {self.processes.tail(self.component, 2) or error}",
                "`labs doctor` tells what this system lacks.",
            ) from error
        return True

    @property
    def pid(self) -> int | None:
        """The machine's first process, in the host's count."""
        outer = self.processes.component(self.component).pid
        if outer is None:
            return None
        for child in children(outer):
            with suppress(*GONE):
                if psutil.Process(child).name() in INITS:
                    return child
        return None

    @property
    def root(self) -> Path:
        """The machine's file system, as root on the host sees it."""
        return Path(f"/proc/{self.require_pid()}/root")

    def enter(self) -> list[str]:
        """The command that runs another one in this machine."""
        return ["sh", str(SCRIPT), "run"]

    def env(self) -> dict[str, str]:
        """What ``enter`` needs in its environment."""
        return {"MACHINE_CGROUP": self._cgroup, "MACHINE_PID": str(self.require_pid()), **program_environment()}

    def run(
        self, argv: Sequence[str | Path], *, env: Mapping[str, str], input: bytes | None = None, timeout: float = 60
    ) -> str:
        """Run a program in the machine to its end.

        Raises:
            CommandFailed
        """
        return run([*self.enter(), *argv], env={**env, **self.env()}, input=input, timeout=timeout)

    def spawn(self, component: str, argv: Sequence[str | Path], *, env: Mapping[str, str]) -> int:
        """Start a daemon in the machine."""
        return self.processes.start(component, argv, via=self.enter(), env={**env, **self.env()}, forks=True)

    def archive_path_inside(self, archive: Path) -> str | None:
        """Where the machine sees an image archive of the cache; None where it does not."""
        return None

    def offer(self, name: str, script: str) -> None:
        """Put a program into the machine's PATH; it lies in the machine's own layer, so this system is not changed."""
        folder = self.root / "usr/local/sbin"
        folder.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(script, encoding="utf-8")
        (folder / name).chmod(0o755)

    def stop(self) -> None:
        """End the machine: the kernel kills its processes and removes its mounts, links and namespaces."""
        self.processes.stop(self.component, timeout=5)

    @property
    def _cgroup(self) -> str:
        return f"{cgroup_path(self.record)}/{self.name}"

    def require_pid(self) -> int:
        """The machine's first process.

        Raises:
            EngineError: it is down.
        """
        pid = self.pid
        if pid is None:
            raise EngineError(f"The machine {self.name} is down.", "`labs up` starts what is missing.")
        return pid

    def _ready(self) -> bool:
        self.processes.check_alive(self.component)
        return self.pid is not None

    def _env(self, folder: Path, hosts: Mapping[str, str]) -> dict[str, str]:
        return {
            "MACHINE_NAME": self.name,
            "MACHINE_FOLDER": str(folder),
            "MACHINE_CGROUP": self._cgroup,
            "MACHINE_BINDS": "\n".join(f"{source}\t{target}\t{mode}" for source, target, mode in self.binds),
            "MACHINE_HOSTS": "\n".join(f"{address} {name}" for name, address in hosts.items()),
            "MACHINE_INIT": str(self.init),
            "MACHINE_SELF": str(SCRIPT),
            **program_environment(),
            "PATH": "/usr/sbin:/usr/bin:/sbin:/bin",
        }


def program_environment() -> dict[str, str]:
    """Where the script finds the programs of the cache; it takes the system's own before."""
    folder = wrappers()
    return {"MACHINE_PROGRAMS": str(folder)} if folder else {}


def remove_cgroups(record: Record, machine: str = "") -> None:
    """Remove every cgroup of the course, or those of one machine; its processes must have ended.

    Raises:
        Timeout: a process is still in one.
    """
    roots = [CGROUPS, *(child for child in CGROUPS.iterdir() if child.is_dir())] if CGROUPS.is_dir() else []
    for root in roots:
        top = root / cgroup_path(record).lstrip("/") / machine
        if not top.is_dir():
            continue
        folders = sorted((p for p in top.rglob("*") if p.is_dir()), key=lambda p: len(p.parts), reverse=True)
        for folder in [*folders, top]:
            wait_for(
                partial(_rmdir, folder),
                timeout=5,
                what=f"the cgroup {folder} to be empty",
                hint="A process in the middle of a disk operation cannot be killed: try again in a minute.",
                interval=0.02,
            )


def _rmdir(folder: Path) -> bool:
    with suppress(OSError):
        folder.rmdir()
    return not folder.exists()
