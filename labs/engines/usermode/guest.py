"""A machine without a privilege: a Linux kernel that runs as one ordinary process."""

from __future__ import annotations

import http.client
import json
import os
import secrets
import shutil
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path

from labs.engines.programs.node_tools import Tools
from labs.engines.runtime.files import is_noexec
from labs.engines.runtime.processes import Processes
from labs.engines.runtime.state import State
from labs.engines.runtime.unix_http import UnixConnection
from labs.engines.runtime.user_folders import cache_folder
from labs.engines.usermode.agent_client import AgentClient
from labs.engines.usermode.disk import GuestDisk
from labs.errors import EngineError, NotSupported, Timeout
from labs.waiting import wait_for

__all__ = ["AGENT", "INIT", "KERNEL", "SWITCH", "Guest", "memory_folder"]

KERNEL, SWITCH, AGENT = "kernel", "network", "guest-agent"
"""The kernel and its network on the host, as components; the program inside that starts and ends others for us."""
INIT = Path(__file__).with_name("init.sh")
ADDRESS, GATEWAY, HOST = "192.168.127.2", "192.168.127.1", "192.168.127.254"
"""gvproxy's: the guest, the way out and name server, the host's own 127.0.0.1. All of it is inside of one process."""
PROGRAMS = "/run/bin"
"""Where the guest finds the iptables that its kernel serves best."""
AGENT_PORT, DOCKER_PORT = 1, 2375
DOCKER_SOCKET = "/run/docker.sock"
MTU = 65000  # no wire limits it, and each packet costs a switch between two processes
MEMORY = 768
"""MiB of the guest, of which it takes from the host what it has ever touched."""
LOST = "failed to wait for stub"
"""The kernel's words when a process that runs one of its programs was killed from outside."""
LOG_BEGIN = "log.begin"
"""The file that says where in the kernel's log its last start is."""


class Guest(AgentClient):
    """The kernel of one course, and what runs in it.

    Args:
        state: the course's folder.
        processes: the course's processes on the host.
        node: the machine's host name.
    """

    def __init__(self, state: State, processes: Processes, node: str) -> None:
        super().__init__(state.folder / "guest")
        self.state, self.processes, self.node = state, processes, node
        self.daemons = self  # as a `Machine` has: who knows of what runs in it

    def start(self, programs: Mapping[str, Path], tools: Tools) -> str:
        """Start the kernel unless it runs, and wait until its agent answers.

        Args:
            programs: the paths of ``linux``, ``gvproxy`` and ``guest-agent``.
            tools: the node's programs.

        Returns:
            What a person should know of its disk when it was damaged, else nothing.

        Raises:
            EngineError: it did not start.
            NotSupported: no folder is fit for its memory.
        """
        running = all(self.processes.component(name).state == "running" for name in (SWITCH, KERNEL))
        if running and not self.is_degraded() and self.answers():
            return ""
        self.end()
        self.state.make_folder(self.folder, mode=0o700)
        self.state.make_folder(self.folder / "log", mode=0o755)
        self._write_settings(tools, programs[AGENT])
        environment = {"TMPDIR": str(memory_folder(self.state.make_folder("guest/memory", mode=0o700)))}
        disk = GuestDisk(self.state)
        disk.ensure(tools)
        self.processes.start(
            SWITCH,
            [
                programs["gvproxy"],
                f"-listen-bess=unixpacket://{self.folder}/net.sock",
                f"-services=unix://{self.folder}/api.sock",
                "-ssh-port=-1",
                f"-mtu={MTU}",
            ],
        )
        wait_for((self.folder / "api.sock").exists, timeout=10, what="the guest's network", interval=0.02)
        self._expose(self.socket, AGENT_PORT)
        self.state.write_file(self.folder / LOG_BEGIN, str(len(self._log())), mode=0o644)
        self.processes.start(KERNEL, self._command_line(programs["linux"], disk.path), env=environment)
        try:
            wait_for(self._ready, timeout=60, what="the kernel to start its first programs", interval=0.05)
        except (EngineError, Timeout) as error:
            raise EngineError(
                f"The user-mode kernel did not start: {self._last_words() or error}",
                "`labs logs kernel` shows all it wrote; `labs doctor` tells what this system lacks.",
            ) from error
        self.state.make_folder("docker/run", mode=0o700)
        self._expose(self.state.folder / "docker/run/docker.sock", DOCKER_PORT)
        return disk.note

    def end(self) -> None:
        """End all that runs, and the kernel; what lies on its disk is complete."""
        if self.processes.component(KERNEL).state == "running":
            with suppress(OSError, EngineError, http.client.HTTPException):
                self.call("POST", "/power-off", timeout=5)
            with suppress(Timeout):
                wait_for(
                    lambda: self.processes.component(KERNEL).state != "running", timeout=10, what="", interval=0.05
                )
        for name in (KERNEL, SWITCH):
            self.processes.stop(name, timeout=1)
            self.processes.end_all(name)
        for socket in ("net.sock", "api.sock", "agent.sock"):
            (self.folder / socket).unlink(missing_ok=True)

    def _command_line(self, linux: Path, disk: Path) -> list[str | Path]:
        return [
            linux,
            f"mem={MEMORY}M",
            "root=hostfs",  # a name for the kubelet, which refuses a mount without one
            "rootfstype=hostfs",
            "rootflags=/",
            "ro",
            "init=/bin/sh",  # installed from a wheel, a script is no program
            f"LABS_STATE={self.state.folder}",
            f"ubd0={disk}",
            "seccomp=on",
            f"uml_dir={self.folder}",
            "umid=uml",
            f"vec0:transport=bess,dst={self.folder}/net.sock,depth=128,gro=1,mtu={MTU}",
            "con=null",
            "con0=null,fd:1",
            "quiet",
            "--",
            INIT,
        ]

    def _write_settings(self, tools: Tools, agent: Path) -> None:
        self.state.write_file(self.folder / "token", secrets.token_hex(16))
        images = cache_folder() / "images"
        images.mkdir(parents=True, exist_ok=True)
        settings = {
            "PREFIX": tools.prefix or "",
            "TOOLS_PATH": tools.env["PATH"],
            "TOOLS_LIBRARIES": tools.env.get("LD_LIBRARY_PATH", ""),
            "TOOLS_XTABLES": tools.env.get("XTABLES_LIBDIR", ""),
            "INIT": tools.init,
            "ADDRESS": ADDRESS,
            "GATEWAY": GATEWAY,
            "AGENT_PORT": AGENT_PORT,
            "DOCKER_PORT": DOCKER_PORT,
            "DOCKER_SOCKET": DOCKER_SOCKET,
            "IMAGES": images,
            "NODE": self.node,
            "AGENT": agent,
        }
        self.state.make_folder("bin", mode=0o755)
        self.state.make_folder(f"nodes/{self.node}", mode=0o700)
        lines = [f"{key}='{value}'" for key, value in settings.items()]
        self.state.write_file(self.folder / "env", "\n".join(lines) + "\n", mode=0o644)

    def _ready(self) -> bool:
        self.processes.check_alive(KERNEL)
        self.processes.check_alive(SWITCH)
        return self.answers()

    def _last_words(self) -> str:
        """What the kernel or its first program said last, without the registers and addresses of a panic."""
        lines = self._output_since_start().split("Kernel panic")[0].splitlines()
        return next((line.strip() for line in reversed(lines) if line.strip() and "dmesg(1)" not in line), "")

    def is_degraded(self) -> bool:
        """Whether the kernel has lost the process that runs one of its programs, as when memory is short here.

        The kernel goes on, but that program neither works nor ends.
        """
        return LOST in self._output_since_start()

    def _output_since_start(self) -> str:
        """What the kernel has written since it was started."""
        try:
            begin = int((self.folder / LOG_BEGIN).read_text(encoding="utf-8"))
        except (OSError, ValueError):
            begin = 0
        return self._log()[begin:].decode(errors="replace")

    def _log(self) -> bytes:
        file = self.processes.log(KERNEL)
        return file.read_bytes() if file.exists() else b""

    def _expose(self, socket: Path, port: int) -> None:
        """Have the network pass connections to a socket on to a port of the guest."""
        connection = UnixConnection(str(self.folder / "api.sock"))
        body = {"local": str(socket), "remote": f"tcp://{ADDRESS}:{port}", "protocol": "unix"}
        try:
            connection.request("POST", "/services/forwarder/expose", json.dumps(body))
            answer = connection.getresponse()
            text = answer.read().decode(errors="replace")
        finally:
            connection.close()
        if answer.status != 200:
            raise EngineError(f"The guest's network refused {socket}: {text.strip()}", "Run `labs up` again.")


def memory_folder(*own: Path) -> Path:
    """Where a kernel keeps its memory: in a file that it maps and executes, and that has no name.

    Args:
        own: folders of the course, preferred to those that all share; most systems have one in memory.

    Raises:
        NotSupported: none is fit.
    """
    places = [Path("/dev/shm"), *own, Path(os.environ.get("TMPDIR", "/tmp")), Path("/var/tmp"), cache_folder()]
    fit = [place for place in places if os.access(place, os.W_OK) and not is_noexec(place)]
    if not fit:
        raise NotSupported(
            "The user-mode kernel's memory must be executable, and each of these folders is mounted `noexec` or may "
            f"not be written: {', '.join(str(place) for place in places)}.",
            "Set TMPDIR to a folder on another disk.",
        )
    return next((place for place in fit if shutil.disk_usage(place).free > MEMORY << 20), fit[0])
