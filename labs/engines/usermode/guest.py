"""A machine without a privilege: a Linux kernel that runs as one ordinary process, and the door into it."""

from __future__ import annotations

import http.client
import json
import os
import secrets
import shutil
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path

from labs.engines.ports import UnixConnection
from labs.engines.processes import Processes
from labs.engines.state import State, cache_folder
from labs.engines.tools import Tools
from labs.engines.usermode.disk import Disk
from labs.engines.usermode.door import Door
from labs.errors import EngineError, Timeout
from labs.waiting import wait_for

__all__ = ["AGENT", "KERNEL", "SWITCH", "Guest"]

KERNEL, SWITCH, AGENT = "kernel", "network", "guest-agent"
"""The kernel and its network on the host, as components; the program inside that does what it is told."""
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


class Guest(Door):
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

    def start(self, programs: Mapping[str, Path], tools: Tools) -> None:
        """Start the kernel unless it runs, and wait until it does what it is told.

        Args:
            programs: the paths of ``linux``, ``gvproxy`` and ``guest-agent``.
            tools: the node's programs.

        Raises:
            EngineError: it did not start.
        """
        running = all(self.processes.component(name).state == "running" for name in (SWITCH, KERNEL))
        if running and self.answers():
            return
        self.end()
        self.state.make_folder(self.folder, mode=0o700)
        self.state.make_folder(self.folder / "log", mode=0o755)
        self._write_settings(tools, programs[AGENT])
        disk = Disk(self.state).ensure(tools)
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
        environment = {"TMPDIR": self._memory_folder()}
        self.processes.start(KERNEL, self._command_line(programs["linux"], disk), env=environment)
        try:
            wait_for(self._ready, timeout=60, what="the kernel to start its first programs", interval=0.05)
        except (EngineError, Timeout) as error:
            raise EngineError(
                f"The user-mode kernel did not start: {self._last_words() or error}",
                "`labs logs kernel` shows all it wrote; `labs doctor` tells what this system lacks.",
            ) from error
        self.state.make_folder("docker/run", mode=0o700)
        self._expose(self.state.folder / "docker/run/docker.sock", DOCKER_PORT)

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

    def _memory_folder(self) -> str:
        """Where the kernel keeps its memory: a file, mapped and executed."""
        shared = Path("/dev/shm")
        with suppress(OSError):
            flags = os.statvfs(shared)
            if not flags.f_flag & os.ST_NOEXEC and shutil.disk_usage(shared).free > MEMORY << 20:
                return str(shared)
        return str(self.state.make_folder("guest/memory", mode=0o700))

    def _ready(self) -> bool:
        self.processes.check_alive(KERNEL)
        self.processes.check_alive(SWITCH)
        return self.answers()

    def _last_words(self) -> str:
        """What the kernel or its first program said last, without the registers and addresses of a panic."""
        lines = self.processes.tail(KERNEL, 60).split("Kernel panic")[0].splitlines()
        return next((line.strip() for line in reversed(lines) if line.strip() and "dmesg(1)" not in line), "")

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
