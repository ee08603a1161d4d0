"""A learner's machine: as a machine of the engine `host`, but its root is nobody on this server."""

from __future__ import annotations

import shutil
import stat
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

from labs.curriculum import lessons
from labs.engines.host.namespace_machine import CGROUPS, Bind, NamespaceMachine, cgroup_path, program_environment
from labs.engines.programs import docker_programs
from labs.engines.programs.node_tools import Tools
from labs.engines.programs.system_programs import wrappers
from labs.engines.runtime.processes import Processes
from labs.engines.runtime.state import Record, State
from labs.workshop.hub.accounts import VISITOR, Account

__all__ = ["LearnerMachine", "ResourceLimits"]


class ResourceLimits:
    """What a learner may use of the server, with Docker, Jupyter and all they start.

    Args:
        memory: megabytes.
        processes: how many at a time, threads included.
    """

    def __init__(self, memory: int = 1536, processes: int = 1024) -> None:
        self.memory, self.processes = memory, processes

    def apply(self, group: str) -> None:
        """Set them.

        Args:
            group: a cgroup's path, such as ``/labs-0a1b2c3d/learner-anna``.
        """
        values = {
            "memory.limit_in_bytes": self.memory << 20,
            "memory.max": self.memory << 20,
            "memory.swap.max": 0,
            "pids.max": self.processes,
        }
        # a learner's share of the processor needs no setting: groups side by side weigh the same
        for hierarchy in [CGROUPS, *CGROUPS.iterdir()]:
            folder = hierarchy / group.lstrip("/")
            for name, value in values.items():
                if (folder / name).exists():
                    (folder / name).write_text(str(value), encoding="utf-8")


class LearnerMachine(NamespaceMachine):
    """One learner's machine.

    Args:
        account: whose.
        record: the course's record.
        state: the course's folder.
        processes: the course's processes.
        binds: what it sees of this server besides the copy-on-write view.
        tools: the node's programs.
    """

    def __init__(
        self,
        account: Account,
        *,
        record: Record,
        state: State,
        processes: Processes,
        binds: Sequence[Bind],
        tools: Tools,
    ) -> None:
        name = f"learner-{account.name}"
        super().__init__(name, record=record, state=state, processes=processes, binds=binds, init=tools.init)
        self.account, self.tools = account, tools
        self.group = f"{cgroup_path(record)}/{name}"

    def start(self, hosts: Mapping[str, str]) -> bool:
        """As `NamespaceMachine.start`; what an earlier machine's root has changed of the system is gone."""
        if self.pid is None:
            self.stop()
            for layer in ("upper", "work"):
                shutil.rmtree(self.state.folder / "machines" / self.name / layer, ignore_errors=True)
        return super().start(hosts)

    @property
    def _cgroup(self) -> str:  # below the one that has the limits, whose files the machine's root must not own
        return f"{self.group}/machine"

    def _env(self, folder: Path, hosts: Mapping[str, str]) -> dict[str, str]:
        return {**super()._env(folder, hosts), "MACHINE_USERS": str(self.account.first_user)}

    def visit(self) -> list[str]:
        """The command that runs another one beside the machine: as the learner, with its network."""
        return [*self.enter()[:-1], "visit"]

    def visit_env(self) -> dict[str, str]:
        """What `visit` needs in its environment."""
        shown = shown_folders(self.tools)
        init = str(self.tools.init)
        if self.tools.prefix:
            init = init.replace("/opt/kube-labs", str(self.tools.prefix), 1)
        return {
            **program_environment(),
            "MACHINE_PID": str(self.require_pid()),
            "MACHINE_CGROUP": f"{self.group}/jupyter",
            "MACHINE_SELF": self.enter()[1],
            "MACHINE_FOLDER": str(self.state.make_folder(f"machines/{self.name}")),
            "MACHINE_INIT": init,
            "MACHINE_VISITOR": str(VISITOR),
            "MACHINE_SHOWN": "\n".join(map(str, shown)),
            "MACHINE_CLOSED": "\n".join(map(str, closed_folders(shown))),
        }


def shown_folders(tools: Tools) -> list[Path]:
    """What of this server a learner's Jupyter server needs: Python, what is installed, the course, an init.

    Args:
        tools: the node's programs.
    """
    programs = wrappers()
    docker = docker_programs.find(docker_programs.COMMAND)
    ours = [
        *(folder for folder, _ in tools.folders),
        *([programs.parent] if programs else []),
        *([docker] if docker else []),
    ]
    folders = [Path(sys.base_prefix), Path(sys.prefix), lessons.root(), *ours]
    wanted = {folder.resolve() for folder in folders}
    return sorted(folder for folder in wanted if not any(other in folder.parents for other in wanted))


def closed_folders(folders: Sequence[Path]) -> list[Path]:
    """The outermost folder above each that is closed to others.

    Args:
        folders: which others need.
    """
    closed = set()
    for folder in folders:
        for above in [*reversed(folder.parents), folder]:
            if not above.stat().st_mode & stat.S_IXOTH:
                closed.add(above)
                break
    return sorted(closed)
