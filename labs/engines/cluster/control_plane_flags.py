"""Where a control plane runs, and the command lines that its components have there."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from labs.engines.cluster.addresses import SERVICE_CIDR

__all__ = ["EGRESS", "HEALTH_PORTS", "PORTS", "USER", "Site", "arguments", "egress_selection"]

EGRESS = "egress.json"
"""The file, beside the certificates, that gives the API server its way to the nodes."""
USER = 64042
"""The user id of the control plane when root starts it: nobody else's, so it touches nothing but its own files."""
PORTS = {
    "kube-apiserver": 6443,
    "etcd": 2379,
    "etcd-peer": 2380,
    "etcd-metrics": 2381,
    "kube-controller-manager": 10257,
    "kube-scheduler": 10259,
}
"""What the components listen on where nobody else does."""
HEALTH_PORTS = ("kube-controller-manager", "kube-scheduler")
"""The components whose port serves nothing but their health and metrics."""


@dataclass(frozen=True)
class Site:
    """Where a control plane runs, and how it is reached.

    Attributes:
        address: where the API server listens, for this host.
        inside: the address at which nodes and pods reach it.
        node: gives the address of a node by its index, which counts from 1.
        enter: gives the command that puts a process into its place.
        user: the user and group id that the components run as; None for the caller's own.
        ports: as `PORTS`.
        egress: the Unix socket of a proxy through which nodes, pods and Services are reached; None for the direct way.
        flags: further ones by component, which win over those that it has.
    """

    address: str
    inside: str
    node: Callable[[int], str]
    enter: Callable[[], list[str]] = list
    user: int | None = None
    ports: Mapping[str, int] = field(default_factory=lambda: PORTS)
    egress: Path | None = None
    flags: Mapping[str, Sequence[str]] = field(default_factory=dict)


def arguments(component: str, folder: Path, site: Site) -> list[str]:
    """The command line of a component.

    Args:
        component: such as ``kube-apiserver``.
        folder: where its certificates and kubeconfigs lie.
        site: where it runs.
    """
    lines = {
        "etcd": _etcd,
        "kube-apiserver": _apiserver,
        "kube-controller-manager": _controller_manager,
        "kube-scheduler": _scheduler,
    }
    return [*lines[component](folder, site), *site.flags.get(component, ())]


def egress_selection(socket: Path) -> str:
    """The way to nodes, pods and Services through a proxy, as the API server reads it.

    Args:
        socket: the proxy's.
    """
    connection = {"proxyProtocol": "HTTPConnect", "transport": {"uds": {"udsName": str(socket)}}}
    selection = {
        "apiVersion": "apiserver.k8s.io/v1beta1",
        "kind": "EgressSelectorConfiguration",
        "egressSelections": [{"name": "cluster", "connection": connection}],
    }
    return json.dumps(selection)


def _etcd(f: Path, site: Site) -> list[str]:
    ports = site.ports
    return [
        f"--data-dir={f}/etcd",
        f"--listen-client-urls=https://127.0.0.1:{ports['etcd']}",
        f"--advertise-client-urls=https://127.0.0.1:{ports['etcd']}",
        f"--listen-peer-urls=http://127.0.0.1:{ports['etcd-peer']}",
        f"--listen-metrics-urls=http://127.0.0.1:{ports['etcd-metrics']}",
        f"--cert-file={f}/etcd.crt",
        f"--key-file={f}/etcd.key",
        f"--trusted-ca-file={f}/ca.crt",
        "--client-cert-auth",
        "--unsafe-no-fsync",  # a lesson's objects need not survive a power cut; every write would wait for the disk
        "--snapshot-count=5000",
        "--log-level=warn",
    ]


def _apiserver(f: Path, site: Site) -> list[str]:
    egress = [f"--egress-selector-config-file={f}/{EGRESS}"] if site.egress else []
    return [
        *egress,
        f"--bind-address={site.address}",
        f"--advertise-address={site.inside}",
        f"--secure-port={site.ports['kube-apiserver']}",
        f"--etcd-servers=https://127.0.0.1:{site.ports['etcd']}",
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


def _controller_manager(f: Path, site: Site) -> list[str]:
    return [
        *_client(f, "kube-controller-manager"),
        f"--secure-port={site.ports['kube-controller-manager']}",
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


def _scheduler(f: Path, site: Site) -> list[str]:
    return [
        *_client(f, "kube-scheduler"),
        f"--secure-port={site.ports['kube-scheduler']}",
        "--bind-address=127.0.0.1",
        "--leader-elect=false",
        f"--cert-dir={f}",
        "--profiling=false",
    ]


def _client(f: Path, component: str) -> list[str]:
    path = f / f"{component}.kubeconfig"
    return [f"--kubeconfig={path}", f"--authentication-kubeconfig={path}", f"--authorization-kubeconfig={path}"]
