"""One Kubernetes node: containerd, kubelet and kube-proxy in a machine of its own."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from pathlib import Path

import yaml

from labs.engines.cluster.addresses import POD_CIDR, pod_cidr
from labs.engines.cluster.docker_engine import REGISTRY_PORT
from labs.engines.cluster.images.archive_files import archive_mark, link_or_copy, tags_by_archive
from labs.engines.cluster.machine import Machine, NodeNetwork
from labs.engines.programs.node_tools import Tools
from labs.engines.runtime.state import State
from labs.errors import CommandFailed, EngineError
from labs.waiting import wait_for

__all__ = ["COMPONENTS", "Node", "node_name"]

COMPONENTS = ("containerd", "kubelet", "kube-proxy")
CLUSTER_DNS = "10.96.0.10"
SOCKET = "/run/containerd/containerd.sock"
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

    def start_component(self, component: str, programs: Mapping[str, Path]) -> None:
        """Start ``containerd``, ``kubelet`` or ``kube-proxy``."""
        if component == "containerd":
            self.start_containerd()
        elif component == "kubelet":
            self.start_kubelet(programs)
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
        """What containerd begins each container's description with: its usual one, and a limit of processes.

        The kubelet's own limit (``podPidsLimit``) belongs to the cgroups of pods, which this node does without.
        """
        spec = json.loads(self.machine.run(["ctr", "oci", "spec"], env=self.tools.env))
        spec["process"].pop("rlimits", None)  # `ctr` has lower ones than containerd has for the kubelet
        spec["linux"].setdefault("resources", {})["pids"] = {"limit": PROCESSES}
        self.state.write_file(self.folder / "base-spec.json", json.dumps(spec))

    def _write_containerd(self) -> None:
        config = f"""\
version = 2
root = "/var/lib/containerd"
state = "/run/containerd"
# btrfs, zfs, aufs and devmapper would only log that they do not work here
disabled_plugins = ["io.containerd.snapshotter.v1.btrfs", "io.containerd.snapshotter.v1.zfs",
  "io.containerd.snapshotter.v1.aufs", "io.containerd.snapshotter.v1.devmapper", "io.containerd.internal.v1.opt"]
[grpc]
address = "{SOCKET}"
[plugins."io.containerd.grpc.v1.cri"]
sandbox_image = "labs/pause:1"
restrict_oom_score_adj = true # without CAP_SYS_RESOURCE a negative score cannot be set
disable_apparmor = true
enable_unprivileged_ports = true
enable_unprivileged_icmp = true
[plugins."io.containerd.grpc.v1.cri".containerd.runtimes.runc]
runtime_type = "io.containerd.runc.v2"
base_runtime_spec = "/etc/kubernetes/base-spec.json"
[plugins."io.containerd.grpc.v1.cri".containerd.runtimes.runc.options]
BinaryName = "{self.tools.runtime}"
[plugins."io.containerd.grpc.v1.cri".cni]
bin_dir = "{self.tools.cni}"
conf_dir = "/etc/kubernetes/cni"
[plugins."io.containerd.grpc.v1.cri".registry]
config_path = "/etc/kubernetes/registries"
"""
        self.state.write_file(self.folder / "containerd.toml", config)
        self.state.make_folder(self.folder / "cni")
        network = {
            "cniVersion": "0.4.0",
            "name": "kube-labs",
            "plugins": [
                {
                    "type": "ptp",
                    "ipMasq": False,  # kube-proxy masquerades what must be
                    "mtu": 1500,
                    "ipam": {
                        "type": "host-local",
                        "dataDir": "/run/cni",
                        "ranges": [[{"subnet": pod_cidr(self.index)}]],
                        "routes": [{"dst": "0.0.0.0/0"}],
                    },
                },
                {"type": "portmap", "capabilities": {"portMappings": True}},
            ],
        }
        self.state.write_file(self.folder / "cni/10-kube-labs.conflist", json.dumps(network, indent=2))
        server = f"http://{self.network.docker}:{REGISTRY_PORT}"
        for registry in (f"localhost:{REGISTRY_PORT}", f"{self.network.docker}:{REGISTRY_PORT}"):
            self.state.make_folder(self.folder / "registries" / registry)
            self.state.write_file(
                self.folder / "registries" / registry / "hosts.toml",
                f'server = "{server}"\n[host."{server}"]\ncapabilities = ["pull", "resolve"]\n',
            )

    def _write_kubelet(self) -> None:
        config = {
            "apiVersion": "kubelet.config.k8s.io/v1beta1",
            "kind": "KubeletConfiguration",
            "authentication": {"x509": {"clientCAFile": "/etc/kubernetes/ca.crt"}, "anonymous": {"enabled": False}},
            "tlsCertFile": "/etc/kubernetes/kubelet.crt",
            "tlsPrivateKeyFile": "/etc/kubernetes/kubelet.key",
            "address": self.network.node(self.index),
            "clusterDNS": [CLUSTER_DNS],
            "clusterDomain": "cluster.local",
            "containerRuntimeEndpoint": f"unix://{SOCKET}",
            "cgroupDriver": "cgroupfs",
            "failCgroupV1": False,
            "failSwapOn": False,
            "cgroupsPerQOS": False,
            "enforceNodeAllocatable": [],
            "podLogsDir": "/var/log/pods",
            "configMapAndSecretChangeDetectionStrategy": "Watch",
            # how often a pod's mounted ConfigMaps are looked at; a minute by default, and a lesson waits for it
            "syncFrequency": "10s",
            "registerNode": True,
            "nodeStatusUpdateFrequency": "5s",
            "serializeImagePulls": False,
            # a lesson shows what the next attempt brings, without waiting five minutes for it
            "crashLoopBackOff": {"maxContainerRestartPeriod": "60s"},
            "featureGates": {"KubeletCrashLoopBackOffMax": True},
            "imageGCHighThresholdPercent": 100,  # base images cannot be pulled again
            "evictionHard": {"memory.available": "50Mi", "nodefs.available": "1%", "imagefs.available": "1%"},
        }
        self.state.write_file(self.folder / "kubelet.yaml", yaml.safe_dump(config, sort_keys=False))

    def _write_proxy(self) -> None:
        config = {
            "apiVersion": "kubeproxy.config.k8s.io/v1alpha1",
            "kind": "KubeProxyConfiguration",
            "mode": "iptables",
            "clientConnection": {"kubeconfig": "/etc/kubernetes/proxy.kubeconfig"},
            "hostnameOverride": self.name,
            "clusterCIDR": POD_CIDR,
            # these would change settings of the whole kernel, which are not ours
            "conntrack": {"maxPerCore": 0, "min": 0, "tcpEstablishedTimeout": "0s", "tcpCloseWaitTimeout": "0s"},
            "iptables": {"minSyncPeriod": "100ms", "syncPeriod": "30s"},
        }
        self.state.write_file(self.folder / "kube-proxy.yaml", yaml.safe_dump(config, sort_keys=False))
        proxy = (self.state.folder / "proxy.kubeconfig").read_text(encoding="utf-8")
        self.state.write_file(self.folder / "proxy.kubeconfig", proxy)
