"""etcd, kube-apiserver, kube-controller-manager and kube-scheduler: ordinary processes without any privilege."""

from __future__ import annotations

import ssl
import urllib.error
import urllib.request
from collections.abc import Mapping, Sequence
from pathlib import Path

from labs.engines.cluster import load_balancer
from labs.engines.cluster.certificates import Authority, Pair, key_pair, kubeconfig
from labs.engines.cluster.control_plane_flags import EGRESS, HEALTH_PORTS, Site, arguments, egress_selection
from labs.engines.cluster.images.archive_files import link_or_copy
from labs.engines.programs.system_programs import find_program
from labs.engines.runtime.processes import Processes
from labs.engines.runtime.sockets import listens
from labs.engines.runtime.state import State
from labs.engines.runtime.user_folders import owner
from labs.errors import EngineError
from labs.waiting import wait_for

__all__ = ["COMPONENTS", "ControlPlane"]

COMPONENTS = ("etcd", "kube-apiserver", "kube-controller-manager", "kube-scheduler")
FOLDER = "control-plane"
KUBELET_KUBECONFIG = "kubelet.kubeconfig"
POLICIES_KUBECONFIG = "network-policies.kubeconfig"
POLICIES_USER = "kube-labs:network-policies"  # its rights are in manifests/network-policies.yaml


class ControlPlane:
    """The control plane of one course.

    Args:
        state: the course's folder.
        processes: the course's processes.
        site: where it runs.
        node_names: the nodes that will join.
    """

    def __init__(self, state: State, processes: Processes, site: Site, node_names: Sequence[str]) -> None:
        self.state, self.processes, self.site, self.node_names = state, processes, site, node_names
        self.folder = state.folder / FOLDER

    @property
    def server(self) -> str:
        """The API server's address, from this host."""
        return f"https://{self.site.address}:{self.site.ports['kube-apiserver']}"

    @property
    def server_inside(self) -> str:
        """The API server's address, from a node."""
        return f"https://{self.site.inside}:{self.site.ports['kube-apiserver']}"

    @property
    def _owner(self) -> tuple[int, int]:
        """User and group id of what the components read and write; -1 leaves the caller's."""
        return (-1, -1) if self.site.user is None else (self.site.user, self.site.user)

    @property
    def kubeconfig(self) -> Path:
        """The administrator's kubeconfig, which belongs to the person at the keyboard."""
        return self.state.folder / "kubeconfig"

    def issue(self, context: str) -> None:
        """Make the certificates and kubeconfigs.

        Authorities and the tokens' key stay when they exist, so that what was signed before a restart stays valid; the
        rest is made again, since addresses may have changed.
        """
        self._make_folder(FOLDER)
        authority = self._authority("ca", "kubernetes-ca")
        front_proxy = self._authority("front-proxy-ca", "kubernetes-front-proxy-ca")
        if not all((self.folder / name).exists() for name in ("sa.key", "sa.pub")):
            self._store("sa", key_pair(), public=".pub")
        hosts = ["localhost", "127.0.0.1", self.site.address, self.site.inside, "10.96.0.1", "kubernetes",
                 "kubernetes.default", "kubernetes.default.svc", "kubernetes.default.svc.cluster.local"]  # fmt: skip
        self._store("apiserver", authority.issue("kube-apiserver", hosts=hosts))
        self._store("etcd", authority.issue("etcd", hosts=["localhost", "127.0.0.1"]))
        self._store("etcd-client", authority.issue("kube-apiserver-etcd-client"))
        self._store("kubelet-client", authority.issue("kube-apiserver-kubelet-client", groups=["system:masters"]))
        # may read Services, and give addresses to those of type LoadBalancer
        self._store("ports", authority.issue("system:kube-proxy", groups=[load_balancer.GROUP]))
        self._store("front-proxy-client", front_proxy.issue("front-proxy-client"))

        for component in ("kube-controller-manager", "kube-scheduler"):
            self._write(f"{component}.kubeconfig", self._kubeconfig(authority, f"system:{component}"))
        inside = self.server_inside
        self.state.write_file("proxy.kubeconfig", self._kubeconfig(authority, "system:kube-proxy", server=inside))
        self._issue_policies(authority)
        for node in self.node_names:
            self._issue_node(node, authority)
        uid, gid = owner()
        admin = self._kubeconfig(authority, "kubernetes-admin", ["system:masters"], name=context)
        self.state.write_file(self.kubeconfig, admin, uid=uid, gid=gid)
        self.state.write_file("ca.crt", authority.pair.certificate, mode=0o644)

    def issue_new_nodes(self) -> None:
        """Make the certificates of nodes that have none: they join a control plane that runs."""
        if not (self.state.folder / POLICIES_KUBECONFIG).exists():  # of a course that an older version has started
            self._issue_policies(self._authority("ca", "kubernetes-ca"))
        for node in self.node_names:
            if not (self.state.folder / "nodes" / node / KUBELET_KUBECONFIG).exists():
                self._issue_node(node, self._authority("ca", "kubernetes-ca"))

    def _issue_policies(self, authority: Authority) -> None:
        config = self._kubeconfig(authority, POLICIES_USER, server=self.server_inside)
        self.state.write_file(POLICIES_KUBECONFIG, config)

    def _issue_node(self, node: str, authority: Authority) -> None:
        folder = self.state.make_folder(f"nodes/{node}", mode=0o700)
        address = self.site.node(self.node_names.index(node) + 1)
        serving = authority.issue(f"system:node:{node}", groups=["system:nodes"], hosts=[node, address])
        self.state.write_file(folder / "kubelet.crt", serving.certificate)
        self.state.write_file(folder / "kubelet.key", serving.key)
        self.state.write_file(folder / "ca.crt", authority.pair.certificate)
        config = self._kubeconfig(authority, f"system:node:{node}", ["system:nodes"], server=self.server_inside)
        self.state.write_file(folder / KUBELET_KUBECONFIG, config)  # last: it says that the others are there

    def _kubeconfig(
        self, authority: Authority, user: str, groups: Sequence[str] = (), *, name: str = "kube-labs", server: str = ""
    ) -> str:
        return kubeconfig(
            name=name,
            server=server or self.server,
            authority=authority.pair.certificate,
            pair=authority.issue(user, groups=groups),
            user=user,
        )

    def start_component(self, component: str, programs: Mapping[str, Path]) -> None:
        """Start one component."""
        binary = self.state.make_folder("bin", mode=0o755) / component
        link_or_copy(programs[component], binary)
        if component == "etcd":
            self._make_folder(f"{FOLDER}/etcd")
        if self.site.egress:
            self._write(EGRESS, egress_selection(self.site.egress))
        user, identity = self.site.user, []
        if user is not None:
            identity = [find_program("setpriv"), f"--reuid={user}", f"--regid={user}", "--clear-groups",
                        "--no-new-privs", "--bounding-set=-all", "--inh-caps=-all", "--"]  # fmt: skip
        self.processes.start(
            component,
            [binary, *arguments(component, self.folder, self.site)],
            via=[*self.site.enter(), *identity],
            env={"PATH": "/usr/sbin:/usr/bin:/sbin:/bin", "HOME": str(self.folder)},
        )

    def wait_started(self, component: str) -> None:
        """Wait until a component that was started alone does its work.

        Raises:
            LabsError
        """
        if component in HEALTH_PORTS:
            self.wait_listening(component)
        elif self.processes.component("kube-apiserver").state == "running":
            self.wait_ready()

    def wait_listening(self, component: str, timeout: float = 20) -> None:
        """Wait until kube-controller-manager or kube-scheduler serves its health, and so works.

        Raises:
            LabsError
        """

        def listening() -> bool:
            self.processes.check_alive(component)
            pid = self.processes.component(component).pid
            return pid is not None and listens(pid, self.site.ports[component])

        wait_for(listening, timeout=timeout, what=f"{component} to answer", hint=f"`labs logs {component}` shows why.")

    def wait_ready(self, timeout: float = 60) -> None:
        """Wait until the API server says that it is ready.

        Raises:
            EngineError
        """

        def ready() -> bool:
            for component in ("etcd", "kube-apiserver"):
                self.processes.check_alive(component)
            return self.is_ready()

        try:
            wait_for(ready, timeout=timeout, what="the API server to be ready", interval=0.1)
        except EngineError:
            raise
        except Exception as error:
            last_lines = self.processes.tail("kube-apiserver", 2)
            raise EngineError(
                f"The API server is not ready after {timeout:.0f} s: {last_lines}",
                "`labs logs kube-apiserver` shows all it wrote.",
            ) from error

    def is_ready(self) -> bool:
        """Whether the API server says that it is ready."""
        trust = ssl.create_default_context(cafile=self.state.folder / "ca.crt")
        direct = urllib.request.build_opener(
            urllib.request.ProxyHandler({}), urllib.request.HTTPSHandler(context=trust)
        )
        try:
            with direct.open(f"{self.server}/readyz", timeout=2) as answer:
                return answer.status == 200
        except (OSError, ValueError):
            return False

    def _authority(self, file: str, name: str) -> Authority:
        certificate, key = self.folder / f"{file}.crt", self.folder / f"{file}.key"
        if certificate.exists() and key.exists():
            return Authority(name, Pair(certificate.read_bytes(), key.read_bytes()))
        authority = Authority(name)
        self._store(file, authority.pair)
        return authority

    def _store(self, name: str, pair: Pair, *, public: str = ".crt") -> None:
        self._write(f"{name}.key", pair.key)
        self._write(f"{name}{public}", pair.certificate)

    def _make_folder(self, name: str) -> None:
        uid, gid = self._owner
        self.state.make_folder(name, mode=0o700, uid=uid, gid=gid)

    def _write(self, name: str, content: str | bytes) -> None:
        uid, gid = self._owner
        self.state.write_file(self.folder / name, content, uid=uid, gid=gid)
