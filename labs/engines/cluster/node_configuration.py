"""What containerd, its network, the kubelet and kube-proxy of a node are told."""

from __future__ import annotations

from typing import Any

from labs.engines.cluster.addresses import POD_CIDR
from labs.engines.programs.node_tools import Tools

__all__ = ["LEASES", "SANDBOXES", "SOCKET", "containerd", "kubelet", "network", "proxy"]

CLUSTER_DNS = "10.96.0.10"
CONTAINERD_STATE = "/run/containerd"
SOCKET = f"{CONTAINERD_STATE}/containerd.sock"
SANDBOXES = f"{CONTAINERD_STATE}/io.containerd.runtime.v2.task/k8s.io"
"""Where containerd keeps a folder for each pod's sandbox while it runs."""

NETWORK, LEASES_OF_ALL = "kube-labs", "/run/cni"
LEASES = f"{LEASES_OF_ALL}/{NETWORK}"
"""Where CNI's host-local keeps a file for each address, with whose it is."""


def containerd(tools: Tools) -> str:
    """The file config.toml of containerd.

    Args:
        tools: the node's programs.
    """
    return f"""\
version = 2
root = "/var/lib/containerd"
state = "{CONTAINERD_STATE}"
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
BinaryName = "{tools.runtime}"
[plugins."io.containerd.grpc.v1.cri".cni]
bin_dir = "{tools.cni}"
conf_dir = "/etc/kubernetes/cni"
[plugins."io.containerd.grpc.v1.cri".registry]
config_path = "/etc/kubernetes/registries"
"""


def network(pods: str) -> dict[str, Any]:
    """The list of CNI plugins that give a pod its network.

    Args:
        pods: the addresses of the node's pods, such as ``10.244.1.0/24``.
    """
    return {
        "cniVersion": "0.4.0",
        "name": NETWORK,
        "plugins": [
            {
                "type": "ptp",
                "ipMasq": False,  # kube-proxy masquerades what must be
                "mtu": 1500,
                "ipam": {
                    "type": "host-local",
                    "dataDir": LEASES_OF_ALL,
                    "ranges": [[{"subnet": pods}]],
                    "routes": [{"dst": "0.0.0.0/0"}],
                },
            },
            {"type": "portmap", "capabilities": {"portMappings": True}},
        ],
    }


def kubelet(address: str) -> dict[str, Any]:
    """The kubelet's configuration.

    Args:
        address: the node's.
    """
    return {
        "apiVersion": "kubelet.config.k8s.io/v1beta1",
        "kind": "KubeletConfiguration",
        "authentication": {"x509": {"clientCAFile": "/etc/kubernetes/ca.crt"}, "anonymous": {"enabled": False}},
        "tlsCertFile": "/etc/kubernetes/kubelet.crt",
        "tlsPrivateKeyFile": "/etc/kubernetes/kubelet.key",
        "address": address,
        "clusterDNS": [CLUSTER_DNS],
        "clusterDomain": "cluster.local",
        "containerRuntimeEndpoint": f"unix://{SOCKET}",
        "cgroupDriver": "cgroupfs",
        "failCgroupV1": False,
        "failSwapOn": False,
        "cgroupsPerQOS": True,  # without, `kubectl patch --subresource resize` ends the kubelet for good
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


def proxy(name: str) -> dict[str, Any]:
    """The configuration of kube-proxy.

    Args:
        name: the node's.
    """
    return {
        "apiVersion": "kubeproxy.config.k8s.io/v1alpha1",
        "kind": "KubeProxyConfiguration",
        "mode": "iptables",
        "clientConnection": {"kubeconfig": "/etc/kubernetes/proxy.kubeconfig"},
        "hostnameOverride": name,
        "clusterCIDR": POD_CIDR,
        # these would change settings of the whole kernel, which are not ours
        "conntrack": {"maxPerCore": 0, "min": 0, "tcpEstablishedTimeout": "0s", "tcpCloseWaitTimeout": "0s"},
        "iptables": {"minSyncPeriod": "100ms", "syncPeriod": "30s"},
    }
