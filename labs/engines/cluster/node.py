"""One Kubernetes node: containerd, kubelet, kube-proxy and network policies in a machine of its own."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from pathlib import Path

import yaml

from labs.engines.cluster import node_configuration
from labs.engines.cluster.addresses import POD_CIDR, pod_cidr
from labs.engines.cluster.control_plane import POLICIES_KUBECONFIG
from labs.engines.cluster.docker_engine import REGISTRY_PORT
from labs.engines.cluster.images.archive_files import archive_mark, link_or_copy, tags_by_archive
from labs.engines.cluster.machine import Machine, NodeNetwork
from labs.engines.cluster.node_configuration import LEASES, SANDBOXES, SOCKET
from labs.engines.programs.node_tools import Tools
from labs.engines.runtime.state import State
from labs.errors import CommandFailed, EngineError
from labs.waiting import wait_for

__all__ = ["COMPONENTS", "POLICIES", "Node", "node_name"]

POLICIES = "network-policies"
COMPONENTS = ("containerd", "kubelet", "kube-proxy", POLICIES)
NODE_PROGRAMS = ("iptables", "iptables-save", "ctr")
PROCESSES = 2000  # in a container: enough for any program, too few for a fork bomb to take the machine
CTR = ("ctr", "--address", SOCKET, "--namespace", "k8s.io")
UNPACK = (*CTR, "images", "import")
IMPORT = (*UNPACK, "--no-unpack")


def node_name(index: int) -> str:
    """The name of a node; ``index`` counts from 1."""
    return f"node{index}"


class Node:
    """One node of one course.

    Args:
        index: counts from 1.
        machine: where it runs.
        state: the course's folder.
        network: the course's network.
        tools: the node's programs.
    """

    def __init__(self, index: int, machine: Machine, state: State, network: NodeNetwork, tools: Tools) -> None:
        self.index, self.machine, self.state, self.network, self.tools = index, machine, state, network, tools
        self.name = node_name(index)
        self.folder = state.folder / "nodes" / self.name

    @staticmethod
    def binds(name: str, state: State, tools: Tools) -> list[tuple[Path, str, str]]:
        """What the machine must see of the host."""
        folder = f"nodes/{name}"
        return [
            (state.make_folder(folder, mode=0o700), "/etc/kubernetes", "ro"),
            (state.make_folder(f"{folder}/containerd"), "/var/lib/containerd", "rw"),
            (state.make_folder(f"{folder}/kubelet"), "/var/lib/kubelet", "rw"),
            (state.make_folder(f"{folder}/pod-logs"), "/var/log/pods", "rw"),
            (state.make_folder(f"{folder}/volumes"), "/opt/local-path-provisioner", "rw"),
            (state.make_folder("bin", mode=0o755), "/opt/kube-labs-bin", "ro"),
            *tools.binds,
        ]

    def start_containerd(self) -> None:
        """Start containerd unless it runs, and wait until it answers.

        Raises:
            EngineError
        """
        self._write_containerd()
        self._write_base_spec()
        self._offer_programs()
        self.machine.spawn(
            f"containerd/{self.name}", ["containerd", "--config=/etc/kubernetes/containerd.toml"], env=self.tools.env
        )

        def answers() -> bool:
            self.machine.daemons.check_alive(f"containerd/{self.name}")
            try:  # a socket alone may be left of one that was killed
                self.machine.run([*CTR, "version"], env=self.tools.env)
            except CommandFailed:
                return False
            return True

        self._wait(answers, "containerd", 30)

    def _offer_programs(self) -> None:
        """Who looks at the node from a pod (``kubectl debug node/...``, ``chroot /host``) finds these on PATH."""
        if not self.tools.prefix:
            return
        settings = " ".join(f"{key}={value}" for key, value in self.tools.env.items())
        for name in NODE_PROGRAMS:
            self.machine.offer(name, f'#!/bin/sh\nexec env {settings} {name} "$@"\n')

    def start_kubelet(self, programs: Mapping[str, Path]) -> None:
        """Start the kubelet unless it runs."""
        self._write_kubelet()
        link_or_copy(programs["kubelet"], self.state.folder / "bin/kubelet")
        self.machine.spawn(
            f"kubelet/{self.name}",
            [
                "/opt/kube-labs-bin/kubelet",
                "--config=/etc/kubernetes/kubelet.yaml",
                "--kubeconfig=/etc/kubernetes/kubelet.kubeconfig",
                f"--hostname-override={self.name}",
                f"--node-ip={self.network.node(self.index)}",
                "--root-dir=/var/lib/kubelet",
                "--cert-dir=/var/lib/kubelet/pki",
            ],
            env=self.tools.env,
        )

    def start_proxy(self, programs: Mapping[str, Path]) -> None:
        """Start kube-proxy unless it runs."""
        self._write_proxy()
        link_or_copy(programs["kube-proxy"], self.state.folder / "bin/kube-proxy")
        self.machine.spawn(
            f"kube-proxy/{self.name}",
            ["/opt/kube-labs-bin/kube-proxy", "--config=/etc/kubernetes/kube-proxy.yaml"],
            env=self.tools.env,
        )

    def start_policies(self, programs: Mapping[str, Path]) -> None:
        """Start what enforces NetworkPolicies unless it runs."""
        kubeconfig = (self.state.folder / POLICIES_KUBECONFIG).read_text(encoding="utf-8")
        self.state.write_file(self.folder / POLICIES_KUBECONFIG, kubeconfig)
        link_or_copy(programs[POLICIES], self.state.folder / "bin" / POLICIES)
        self.machine.spawn(
            f"{POLICIES}/{self.name}",
            [
                f"/opt/kube-labs-bin/{POLICIES}",
                f"--kubeconfig=/etc/kubernetes/{POLICIES_KUBECONFIG}",
                f"--node-pods={pod_cidr(self.index)}",
                f"--all-pods={POD_CIDR}",
                f"--leases={LEASES}",
                f"--sandboxes={SANDBOXES}",
            ],
            env=self.tools.env,
        )

    def start_component(self, component: str, programs: Mapping[str, Path]) -> None:
        """Start one of `COMPONENTS`."""
        if component == "containerd":
            self.start_containerd()
        elif component == "kubelet":
            self.start_kubelet(programs)
        elif component == POLICIES:
            self.start_policies(programs)
        else:
            self.start_proxy(programs)

    def import_images(self, archives: Mapping[str, Path], *, unpack: bool = False) -> None:
        """Put the image archives into containerd whose tags it does not have, or has of other bytes.

        Args:
            archives: by their tags.
            unpack: now rather than when a first pod needs one.

        Raises:
            CommandFailed: containerd refused one.
        """
        names = self.machine.run([*CTR, "images", "list", "--quiet"], env=self.tools.env).split()
        have = {name.removeprefix("docker.io/") for name in names}
        for archive, tags in tags_by_archive(archives).items():
            mark = self.folder / f"imported-{archive.stem}"
            if tags <= have and mark.exists() and mark.read_text(encoding="utf-8") == archive_mark(archive):
                continue
            self._import(archive, unpack)
            mark.write_text(archive_mark(archive), encoding="utf-8")

    def _import(self, archive: Path, unpack: bool) -> None:
        """Put one image archive of the cache into containerd."""
        inside = self.machine.archive_path_inside(archive)
        if inside is None:
            self.import_bytes(archive.read_bytes())
        else:
            self.machine.run([*(UNPACK if unpack else IMPORT), inside], env=self.tools.env, timeout=300)

    def import_bytes(self, archive: bytes) -> None:
        """Put one image archive into containerd.

        Raises:
            CommandFailed
        """
        self.machine.run([*IMPORT, "-"], env=self.tools.env, input=archive, timeout=300)

    def _wait(self, condition: Callable[[], bool], what: str, timeout: float) -> None:
        try:
            wait_for(condition, timeout=timeout, what=what, interval=0.05)
        except EngineError:
            raise
        except Exception as error:
            last_lines = self.machine.daemons.tail(f"{what}/{self.name}", 2)
            raise EngineError(
                f"{what} on {self.name} did not start: {last_lines or error}",
                f"`labs logs {what}/{self.name}` shows all it wrote.",
            ) from error

    def _write_base_spec(self) -> None:
        """What containerd begins each container's description with: its usual one, and a limit of processes."""
        spec = json.loads(self.machine.run(["ctr", "oci", "spec"], env=self.tools.env))
        spec["process"].pop("rlimits", None)  # `ctr` has lower ones than containerd has for the kubelet
        spec["linux"].setdefault("resources", {})["pids"] = {"limit": PROCESSES}
        self.state.write_file(self.folder / "base-spec.json", json.dumps(spec))

    def _write_containerd(self) -> None:
        self.state.write_file(self.folder / "containerd.toml", node_configuration.containerd(self.tools))
        self.state.make_folder(self.folder / "cni")
        network = json.dumps(node_configuration.network(pod_cidr(self.index)), indent=2)
        self.state.write_file(self.folder / "cni/10-kube-labs.conflist", network)
        server = f"http://{self.network.docker}:{REGISTRY_PORT}"
        # `_default`: whichever registry an image's name means, this one is asked, and says at once what it has not
        self.state.make_folder(self.folder / "registries/_default")
        self.state.write_file(
            self.folder / "registries/_default/hosts.toml",
            f'server = "{server}"\n[host."{server}"]\ncapabilities = ["pull", "resolve"]\n',
        )

    def _write_kubelet(self) -> None:
        config = node_configuration.kubelet(self.network.node(self.index))
        self.state.write_file(self.folder / "kubelet.yaml", yaml.safe_dump(config, sort_keys=False))

    def _write_proxy(self) -> None:
        config = node_configuration.proxy(self.name)
        self.state.write_file(self.folder / "kube-proxy.yaml", yaml.safe_dump(config, sort_keys=False))
        proxy = (self.state.folder / "proxy.kubeconfig").read_text(encoding="utf-8")
        self.state.write_file(self.folder / "proxy.kubeconfig", proxy)
