"""What the cluster runs as pods so that lessons find names, volumes and metrics."""

from __future__ import annotations

from pathlib import Path

from labs.engines.programs import catalog
from labs.engines.runtime.command import run
from labs.kube.kubectl import direct, kubectl_for

__all__ = ["ADDONS", "apply"]

ADDONS = ("coredns", "local-path-provisioner", "metrics-server")
MANIFESTS = Path(__file__).with_name("manifests")


def apply(kubeconfig: Path) -> None:
    """Apply the manifests of all add-ons.

    Raises:
        CommandFailed
    """
    versions = {name: item.version for name, item in catalog.items().items()}
    texts = []
    for name in ADDONS:
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
