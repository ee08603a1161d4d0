"""etcd, kube-apiserver, kube-controller-manager and kube-scheduler: ordinary processes without any privilege."""

from __future__ import annotations

import ssl
import urllib.error
import urllib.request
from collections.abc import Mapping, Sequence
from pathlib import Path

from labs.engines.certificates import Authority, Pair, key_pair, kubeconfig
from labs.engines.docker_engine import link_or_copy
from labs.engines.network import SERVICE_CIDR, Network
from labs.engines.processes import Processes
from labs.engines.state import State, owner
from labs.errors import EngineError
from labs.waiting import wait_for

__all__ = ["COMPONENTS", "ControlPlane"]

COMPONENTS = ("etcd", "kube-apiserver", "kube-controller-manager", "kube-scheduler")
USER = 64042
"""The user id of the control plane when root starts it: nobody else's, so it touches nothing but its own files."""
API_PORT = 6443
HEALTH_PORTS = {"kube-controller-manager": 10257, "kube-scheduler": 10259}
FOLDER = "control-plane"
KUBELET_KUBECONFIG = "kubelet.kubeconfig"


class ControlPlane:
    """The control plane of one course.

    Args:
        state: the course's folder.
        processes: the course's processes.
        network: the course's network.
        node_names: the nodes that will join.
    """

    def __init__(self, state: State, processes: Processes, network: Network, node_names: Sequence[str]) -> None:
        self.state, self.processes, self.network, self.node_names = state, processes, network, node_names
        self.folder = state.folder / FOLDER

    @property
    def server(self) -> str:
        """The API server's address."""
        return f"https://{self.network.control_plane}:{API_PORT}"

    @property
    def kubeconfig(self) -> Path:
        """The administrator's kubeconfig, which belongs to the person at the keyboard."""
        return self.state.folder / "kubeconfig"

    def issue(self, context: str) -> None:
        """Make the certificates and kubeconfigs. Authorities and the tokens' key stay when they exist, so that what
        was signed before a restart stays valid; the rest is made anew, since addresses may have changed."""
        self.state.make_folder(FOLDER, mode=0o700, uid=USER, gid=USER)
        authority = self._authority("ca", "kubernetes-ca")
        front_proxy = self._authority("front-proxy-ca", "kubernetes-front-proxy-ca")
        if not all((self.folder / name).exists() for name in ("sa.key", "sa.pub")):
            self._store("sa", key_pair(), public=".pub")
        hosts = ["localhost", "127.0.0.1", self.network.control_plane, "10.96.0.1", "kubernetes", "kubernetes.default",
                 "kubernetes.default.svc", "kubernetes.default.svc.cluster.local"]  # fmt: skip
        self._store("apiserver", authority.issue("kube-apiserver", hosts=hosts))
        self._store("etcd", authority.issue("etcd", hosts=["localhost", "127.0.0.1"]))
        self._store("etcd-client", authority.issue("kube-apiserver-etcd-client"))
        self._store("kubelet-client", authority.issue("kube-apiserver-kubelet-client", groups=["system:masters"]))
        self._store("ports", authority.issue("system:kube-proxy"))  # may read Services, which is all that is needed
        self._store("front-proxy-client", front_proxy.issue("front-proxy-client"))

        for component in ("kube-controller-manager", "kube-scheduler"):
            self._write(f"{component}.kubeconfig", self._kubeconfig(authority, f"system:{component}"))
        self.state.write_file("proxy.kubeconfig", self._kubeconfig(authority, "system:kube-proxy"))
        for node in self.node_names:
            self._issue_node(node, authority)
        uid, gid = owner()
        admin = self._kubeconfig(authority, "kubernetes-admin", ["system:masters"], name=context)
        self.state.write_file(self.kubeconfig, admin, uid=uid, gid=gid)
        self.state.write_file("ca.crt", authority.pair.certificate, mode=0o644)

    def issue_new_nodes(self) -> None:
        """Make the certificates of nodes that have none: they join a control plane that runs."""
        for node in self.node_names:
            if not (self.state.folder / "nodes" / node / KUBELET_KUBECONFIG).exists():
                self._issue_node(node, self._authority("ca", "kubernetes-ca"))

    def _issue_node(self, node: str, authority: Authority) -> None:
        folder = self.state.make_folder(f"nodes/{node}", mode=0o700)
        address = self.network.node(self.node_names.index(node) + 1)
        serving = authority.issue(f"system:node:{node}", groups=["system:nodes"], hosts=[node, address])
        self.state.write_file(folder / "kubelet.crt", serving.certificate)
        self.state.write_file(folder / "kubelet.key", serving.key)
        self.state.write_file(folder / "ca.crt", authority.pair.certificate)
        config = self._kubeconfig(authority, f"system:node:{node}", ["system:nodes"])
        self.state.write_file(folder / KUBELET_KUBECONFIG, config)  # last: it says that the others are there

    def _kubeconfig(
        self, authority: Authority, user: str, groups: Sequence[str] = (), *, name: str = "kube-labs"
    ) -> str:
        return kubeconfig(
            name=name,
            server=self.server,
            authority=authority.pair.certificate,
            pair=authority.issue(user, groups=groups),
            user=user,
        )

    def start_component(self, component: str, programs: Mapping[str, Path]) -> None:
        """Start one component."""
        binary = self.state.make_folder("bin", mode=0o755) / component
        link_or_copy(programs[component], binary)
        arguments = getattr(self, "_" + component.removeprefix("kube-").replace("-", "_"))()
        identity = ["setpriv", f"--reuid={USER}", f"--regid={USER}", "--clear-groups", "--no-new-privs",
                    "--bounding-set=-all", "--inh-caps=-all"]  # fmt: skip
        self.processes.start(
            component,
            [binary, *arguments],
            via=[*self.network.enter(), *identity, "--"],
            env={"PATH": "/usr/sbin:/usr/bin:/sbin:/bin", "HOME": str(self.folder)},
        )

    def wait_listening(self, component: str, timeout: float = 20) -> None:
        """Wait until kube-controller-manager or kube-scheduler serves its health, and so works. Raises LabsError."""
        port = f":{HEALTH_PORTS[component]:04X} "

        def listening() -> bool:
            self.processes.check_alive(component)
            table = Path(f"/proc/{self.processes.component(component).pid}/net/tcp").read_text()
            return any(port in line and " 0A " in line for line in table.splitlines())

        wait_for(listening, timeout=timeout, what=f"{component} to answer", hint=f"`labs logs {component}` shows why.")

    def wait_ready(self, timeout: float = 60) -> None:
        """Wait until the API server says that it is ready. Raises EngineError."""

        def ready() -> bool:
            for component in ("etcd", "kube-apiserver"):
                self.processes.check_alive(component)
            return self.is_ready()

        try:
            wait_for(ready, timeout=timeout, what="the API server to be ready", interval=0.1)
        except EngineError:
            raise
        except Exception as error:
            words = self.processes.tail("kube-apiserver", 2)
            raise EngineError(
                f"The API server is not ready after {timeout:.0f} s: {words}",
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

    def _etcd(self) -> list[str]:
        f = self.folder
        self.state.make_folder(f"{FOLDER}/etcd", mode=0o700, uid=USER, gid=USER)
        return [
            f"--data-dir={f}/etcd",
            "--listen-client-urls=https://127.0.0.1:2379",
            "--advertise-client-urls=https://127.0.0.1:2379",
            "--listen-peer-urls=http://127.0.0.1:2380",
            "--listen-metrics-urls=http://127.0.0.1:2381",
            f"--cert-file={f}/etcd.crt",
            f"--key-file={f}/etcd.key",
            f"--trusted-ca-file={f}/ca.crt",
            "--client-cert-auth",
            "--unsafe-no-fsync",  # a lesson's objects need not survive a power cut; every write would wait for the disk
            "--snapshot-count=5000",
            "--log-level=warn",
        ]

    def _apiserver(self) -> list[str]:
        f = self.folder
        return [
            f"--bind-address={self.network.control_plane}",
            f"--advertise-address={self.network.control_plane}",
            f"--secure-port={API_PORT}",
            "--etcd-servers=https://127.0.0.1:2379",
            f"--etcd-cafile={f}/ca.crt",
            f"--etcd-certfile={f}/etcd-client.crt",
            f"--etcd-keyfile={f}/etcd-client.key",
            f"--client-ca-file={f}/ca.crt",
            f"--tls-cert-file={f}/apiserver.crt",
            f"--tls-private-key-file={f}/apiserver.key",
            f"--kubelet-certificate-authority={f}/ca.crt",
            f"--kubelet-client-certificate={f}/kubelet-client.crt",
            f"--kubelet-client-key={f}/kubelet-client.key",
            "--kubelet-preferred-address-types=InternalIP",
            f"--service-account-key-file={f}/sa.pub",
            f"--service-account-signing-key-file={f}/sa.key",
            "--service-account-issuer=https://kubernetes.default.svc.cluster.local",
            f"--requestheader-client-ca-file={f}/front-proxy-ca.crt",
            "--requestheader-allowed-names=front-proxy-client",
            "--requestheader-username-headers=X-Remote-User",
            "--requestheader-group-headers=X-Remote-Group",
            "--requestheader-extra-headers-prefix=X-Remote-Extra-",
            f"--proxy-client-cert-file={f}/front-proxy-client.crt",
            f"--proxy-client-key-file={f}/front-proxy-client.key",
            "--enable-aggregator-routing=true",  # no kube-proxy runs where the API server does
            "--authorization-mode=Node,RBAC",
            "--enable-admission-plugins=NodeRestriction",
            f"--service-cluster-ip-range={SERVICE_CIDR}",
            "--allow-privileged=true",
            "--profiling=false",
        ]

    def _controller_manager(self) -> list[str]:
        f = self.folder
        return [
            *self._client("kube-controller-manager"),
            "--bind-address=127.0.0.1",
            "--leader-elect=false",
            "--use-service-account-credentials",
            f"--service-account-private-key-file={f}/sa.key",
            f"--root-ca-file={f}/ca.crt",
            f"--cluster-signing-cert-file={f}/ca.crt",
            f"--cluster-signing-key-file={f}/ca.key",
            f"--cert-dir={f}",
            "--profiling=false",
            # a stopped node is noticed within a lesson, not after the five minutes that suit a data centre
            "--node-monitor-grace-period=20s",
        ]

    def _scheduler(self) -> list[str]:
        return [
            *self._client("kube-scheduler"),
            "--bind-address=127.0.0.1",
            "--leader-elect=false",
            f"--cert-dir={self.folder}",
            "--profiling=false",
        ]

    def _client(self, component: str) -> list[str]:
        path = self.folder / f"{component}.kubeconfig"
        return [f"--kubeconfig={path}", f"--authentication-kubeconfig={path}", f"--authorization-kubeconfig={path}"]

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

    def _write(self, name: str, content: str | bytes) -> None:
        self.state.write_file(self.folder / name, content, uid=USER, gid=USER)
