"""What a learner has on the server: machine, Docker Engine, home folder, and the way into the cluster."""

from __future__ import annotations

import errno
import os
import socket
from contextlib import closing, suppress
from functools import cached_property
from pathlib import Path

from labs.engines.cluster.docker_engine import REGISTRY_PORT, DockerEngine
from labs.engines.cluster.images import assemble
from labs.engines.programs import command_line
from labs.engines.runtime.command import run
from labs.engines.runtime.process_identity import children
from labs.engines.runtime.reporter import Reporter
from labs.engines.runtime.state import State
from labs.errors import CommandFailed, LabsError
from labs.jupyter import command
from labs.waiting import wait_for
from labs.workshop.hub.accounts import VISITOR, Account, Workshop
from labs.workshop.hub.home import populate_home
from labs.workshop.hub.link import address, connect
from labs.workshop.hub.machine import LearnerMachine, ResourceLimits

__all__ = ["JUPYTER_PORT", "LearnerServer"]

JUPYTER_PORT = 8888
CONTEXT = "workshop"


class LearnerServer:
    """What a learner's server needs.

    Args:
        workshop: the workshop.
        account: whose server.
        limits: what the learner may use.
    """

    def __init__(self, workshop: Workshop, account: Account, limits: ResourceLimits) -> None:
        self.workshop, self.account, self.limits = workshop, account, limits
        self.engine = workshop.engine
        self.processes = self.engine.processes
        self.component = f"jupyter/{account.name}"
        self.folder = State(self.engine.folder / "learners" / account.name)
        self.disk, self.home = workshop.disk(account), workshop.home(account)

    @cached_property
    def tools(self):
        """The node's programs."""
        return self.engine.tools(Reporter(quiet=True).begin("tools"))

    @property
    def address(self) -> str:
        """Where the learner's server listens."""
        return address(self.engine.network, self.account.number)

    def prepare(self) -> None:
        """Make all of it but the Jupyter server, or what of that is missing.

        Raises:
            LabsError
        """
        settings = {
            "context": CONTEXT,
            "docker": self.environment()["DOCKER_HOST"],
            "registry": self.registry,
            "nodes": list(self.engine.nodes),
        }
        self.disk.mount()
        kubeconfig = self.workshop.kubeconfig(self.account.name).read_text(encoding="utf-8")
        try:
            populate_home(self.home, self.account.user, settings, kubeconfig)
        except OSError as error:
            if error.errno != errno.ENOSPC:
                raise
            raise LabsError(
                f"The disk of {self.account.name} is full.",
                f"The instructor starts `labs workshop serve` again with `--disk {self.disk.gigabytes + 2}`.",
            ) from error
        machine, fresh = self.machine(), False
        if machine.pid is None:
            self.processes.end_all(self.component)  # it would hold the ended machine's network
            nodes = [self.engine.network.node(i) for i in range(1, self.engine.record.nodes + 1)]
            fresh = machine.start({"node1": nodes[0]})
            self.limits.apply(machine.group)
            connect(self.engine.network, self.account.number, machine.require_pid(), nodes)
        step = Reporter(quiet=True).begin("Docker Engine")
        docker = self.docker(machine)
        docker.start(self.engine.dockerd(step))
        docker.load(assemble.base_images(step))
        if fresh:
            self._lead_node_ports(machine)

    def start(self, env: dict[str, str], argv: list[str]) -> None:
        """Start the learner's Jupyter server.

        Args:
            env: what the hub gives it.
            argv: its command line.
        """
        machine = self.machine()
        variables = {**env, **self.environment(), **machine.visit_env()}
        self.processes.start(self.component, argv, via=machine.visit(), env=variables)

    def wait_started(self) -> None:
        """Wait until the learner's Jupyter server answers.

        Raises:
            EngineError: it ended.
            Timeout: it does not answer in time.
        """

        def answers() -> bool:
            self.processes.check_alive(self.component)
            with suppress(OSError), closing(socket.create_connection((self.address, JUPYTER_PORT), timeout=2)):
                return True
            return False

        wait_for(answers, timeout=120, what=f"{self.account.name}'s server to answer")

    def stop(self) -> None:
        """End the learner's Jupyter server, with its kernels; machine and containers stay."""
        outer = self.processes.component(self.component).pid
        if outer:
            for inner in children(outer):  # the outer one passes no signal on
                try:
                    run(["kill", "-TERM", str(inner)])
                except CommandFailed:
                    continue
        self.processes.stop(self.component, timeout=3)

    @property
    def runs(self) -> bool:
        return self.processes.component(self.component).state == "running"

    def machine(self) -> LearnerMachine:
        """The learner's machine, started or not."""
        return LearnerMachine(
            self.account,
            record=self.engine.record,
            state=State(self.disk.mount_point) if self.disk.is_limited else self.engine.state,
            processes=self.processes,
            binds=self._binds(),
            tools=self.tools,
        )

    def docker(self, machine: LearnerMachine) -> DockerEngine:
        """The learner's Docker Engine."""
        return DockerEngine(
            machine,
            self.folder,
            self.tools,
            dns=self.engine.network.host,
            component=f"docker/{self.account.name}",
            group=VISITOR,
            insecure=[self.registry.partition("/")[0]],
            mirror=f"http://{self.registry.partition('/')[0]}",
        )

    @property
    def registry(self) -> str:
        """The class's image registry, with the learner's own prefix."""
        return f"{self.engine.network.docker}:{REGISTRY_PORT}/{self.account.name}"

    def environment(self) -> dict[str, str]:
        """What makes the course's programs find all this: they are attached to it."""
        settings = command.environment()
        if docker := command_line.docker_folder():
            settings["PATH"] = f"{docker}{os.pathsep}{settings['PATH']}"
        return {
            **settings,
            "HOME": str(self.home),
            "USER": self.account.name,
            "LOGNAME": self.account.name,
            "SHELL": "/bin/bash",
            "TMPDIR": str(self.home / ".tmp"),
            "LABS_STATE": str(self.home / ".labs"),
            "LABS_NAME": "default",
            "LABS_PROGRESS": str(self.home / "progress.json"),
            "DOCKER_HOST": f"unix://{self.folder.folder}/docker/run/docker.sock",
            "KUBECONFIG": str(self.home / ".labs/default/kubeconfig"),
        }

    def _binds(self) -> list[tuple[Path, str, str]]:
        first, user = self.account.first_user, self.account.user
        # the socket's folder is the learner's; the machine's root may write there, as it may wherever its users may
        store = State(self.disk.mount_point) if self.disk.is_limited else self.folder
        data = store.make_folder("docker/data", mode=0o710, uid=first, gid=first)
        sockets = self.folder.make_folder("docker/run", mode=0o700, uid=user, gid=user)
        programs = self.folder.make_folder("docker/bin")
        binds = [(data, "/var/lib/docker", "rw"), (sockets, "/run/labs", "rw"), (programs, "/opt/kube-labs-bin", "ro")]
        return [*binds, *self.tools.binds]

    def _lead_node_ports(self, machine: LearnerMachine) -> None:
        """Let `localhost:30041` mean the node's port, as it does for who learns alone."""
        node = self.engine.network.node(1)
        for rule in (
            f"OUTPUT -d 127.0.0.0/8 -p tcp --dport 30000:32767 -j DNAT --to-destination {node}",
            "POSTROUTING -s 127.0.0.0/8 -o eth0 -j MASQUERADE",
        ):
            machine.run(["iptables", "-t", "nat", "-I", *rule.split()], env=self.tools.env)
