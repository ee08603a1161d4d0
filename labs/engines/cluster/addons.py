"""What the cluster runs so that lessons find names, volumes and metrics, and policies hold."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from labs.engines.cluster.node import POLICIES
from labs.engines.programs import catalog
from labs.engines.runtime.command import run
from labs.kube.kubectl import direct, kubectl_for

__all__ = ["ADDONS", "PODS", "RIGHTS", "apply", "manifests"]

PODS = ("coredns", "local-path-provisioner", "metrics-server")
"""Those that run as pods, each of an image of its own."""

ADDONS = (*PODS, POLICIES)
"""All that is built for them."""

RIGHTS = (POLICIES, "load-balancer")
"""What runs beside the cluster and needs no more than rights in it."""

MANIFESTS = Path(__file__).with_name("manifests")


def manifests(names: Sequence[str], **values: object) -> str:
    """Manifests as one text, with the catalog's versions in them.

    Args:
        names: of the manifests.
        values: what else stands in them between two ``@``, by its name there.
    """
    values = {name: item.version for name, item in catalog.items().items()} | values
    text = "\n---\n".join((MANIFESTS / f"{name}.yaml").read_text(encoding="utf-8") for name in names)
    for name, value in values.items():
        text = text.replace(f"@{name}@", str(value))
    return text


def apply(kubeconfig: Path, text: str) -> None:
    """Apply manifests.

    Args:
        kubeconfig: the administrator's.
        text: as `manifests` returns it.

    Raises:
        CommandFailed
    """
    command = [*kubectl_for(kubeconfig), "apply", "--server-side", "--force-conflicts", "-f", "-"]
    run(command, input=text, env=direct(), timeout=60)
