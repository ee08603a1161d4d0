"""A context of a kubeconfig that the user named, taken out of it."""

from __future__ import annotations

import json
from pathlib import Path

import yaml

from labs.engines.runtime.command import run
from labs.errors import CommandFailed, NotSupported
from labs.kube.kubectl import kubectl, own_settings

__all__ = ["copy_of_context"]


def copy_of_context(context: str, kubeconfig: str) -> str:
    """The named context alone, with its certificates in it.

    Args:
        context: its name.
        kubeconfig: the file that holds it; empty for kubectl's usual places.

    Returns:
        A kubeconfig as text.

    Raises:
        NotSupported: there is no such file or context, or it cannot be read.
    """
    files = [f"--kubeconfig={Path(kubeconfig).expanduser()}"] if kubeconfig else []
    if kubeconfig and not Path(kubeconfig).expanduser().exists():
        raise NotSupported(f"There is no kubeconfig {kubeconfig}.", "Check the path.")
    view = [kubectl(), *files, "config", "view", "--raw", "--flatten", "-o", "json"]
    try:
        config = json.loads(run(view, env=own_settings()))
    except CommandFailed as error:
        raise NotSupported(f"Your kubeconfig cannot be read: {error.what}", "Check the file.") from error
    names = [entry["name"] for entry in config.get("contexts") or []]
    if context not in names:
        raise NotSupported(
            f"There is no context {context!r}" + (f" in {kubeconfig}." if kubeconfig else " in your kubeconfig."),
            f"There are: {', '.join(names) or 'none'}.",
        )
    wanted = next(entry for entry in config["contexts"] if entry["name"] == context)
    return yaml.safe_dump(
        {
            "apiVersion": "v1",
            "kind": "Config",
            "clusters": [c for c in config["clusters"] if c["name"] == wanted["context"]["cluster"]],
            "users": [u for u in config["users"] if u["name"] == wanted["context"]["user"]],
            "contexts": [wanted],
            "current-context": context,
        }
    )
