"""What the cluster runs so that lessons find names, volumes and metrics, and policies hold."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from labs.engines.cluster.node import POLICIES
from labs.engines.programs import catalog
from labs.engines.runtime.command import run
from labs.kube.kubectl import direct, kubectl_for

__all__ = ["ADDONS", "PODS", "RIGHTS", "apply"]

PODS = ("coredns", "local-path-provisioner", "metrics-server")
"""Those that run as pods, each of an image of its own."""

ADDONS = (*PODS, POLICIES)
"""All that is built for them."""

RIGHTS = (POLICIES, "load-balancer")
"""What runs beside the cluster and needs no more than rights in it."""

MANIFESTS = Path(__file__).with_name("manifests")


def apply(kubeconfig: Path, names: Sequence[str]) -> None:
    """Apply manifests, with the catalog's versions in them.

    Args:
        kubeconfig: the administrator's.
        names: of the manifests.

    Raises:
        CommandFailed
    """
    versions = {name: item.version for name, item in catalog.items().items()}
    texts = []
    for name in names:
        text = (MANIFESTS / f"{name}.yaml").read_text(encoding="utf-8")
        for program, version in versions.items():
            text = text.replace(f"@{program}@", version)
        texts.append(text)
    run(
        [*kubectl_for(kubeconfig), "apply", "--server-side", "--force-conflicts", "-f", "-"],
        input="\n---\n".join(texts),
        env=direct(),
        timeout=60,
    )
