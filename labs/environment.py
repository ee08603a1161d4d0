"""Pointing this process, and the programs it starts, at the course: nothing of the user's is read or written."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import kubernetes.config.kube_config
import yaml

from labs.display import say
from labs.engines.base import Engine
from labs.errors import NotRunning, Timeout
from labs.waiting import wait_for

__all__ = ["set_environment", "wait_for_startup", "write_kubeconfig"]


def wait_for_startup(engine: Engine, timeout: float = 60) -> None:
    """Let a `labs up` that is at work finish the nodes.

    Args:
        engine: the engine.
        timeout: limit, in seconds.

    Raises:
        NotRunning: it takes longer; the message tells how far it is.
    """

    def usable() -> bool:
        startup = engine.startup()
        return startup is None or not startup.running or "nodes" in startup.done

    if usable():
        return
    say("Kubernetes is still starting; this cell waits for it.")
    try:
        wait_for(usable, timeout=timeout, what="Kubernetes")
    except Timeout:
        raise NotRunning(
            f"Kubernetes is still starting: {engine.startup()}.",
            "Lessons 00 and 02 need only Docker; run this cell again when `labs status` shows the cluster running.",
        ) from None


def write_kubeconfig(engine: Engine, path: Path, namespace: str | None) -> None:
    """Write a copy of the course's kubeconfig, readable by its owner only.

    Args:
        engine: the engine.
        path: where to; replaced in one step.
        namespace: the default namespace of the course's context; when None, the one that the copy has already, if any.
    """
    namespace = namespace or _namespace_in(path, engine.context)
    content = yaml.safe_load(engine.kubeconfig.read_text(encoding="utf-8"))
    content["current-context"] = engine.context
    for context in content["contexts"]:
        if context["name"] == engine.context and namespace:
            context["context"]["namespace"] = namespace
    path.parent.mkdir(parents=True, exist_ok=True)
    draft = path.with_name(f"{path.name}.{os.getpid()}")
    with open(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w", encoding="utf-8") as file:
        yaml.safe_dump(content, file)
    draft.replace(path)


def _namespace_in(path: Path, context: str) -> str | None:
    """The default namespace that a kubeconfig gives to a context: a terminal may not take it from an open notebook."""
    try:
        contexts = yaml.safe_load(path.read_text(encoding="utf-8"))["contexts"]
        return next(c["context"].get("namespace") for c in contexts if c["name"] == context)
    except (OSError, ValueError, yaml.YAMLError, LookupError, TypeError, AttributeError, StopIteration):
        return None


def set_environment(engine: Engine, kubeconfig: Path) -> None:
    """Make Docker's and Kubernetes' clients and command lines mean the course's engines.

    Args:
        engine: the engine.
        kubeconfig: what KUBECONFIG shall name. It need not exist: then it means no cluster, never the user's own.
    """
    os.environ["DOCKER_HOST"] = engine.docker_host
    os.environ["KUBECONFIG"] = str(kubeconfig)
    # The Python client reads KUBECONFIG once, when it is imported.
    kubernetes.config.kube_config.KUBE_CONFIG_DEFAULT_LOCATION = str(kubeconfig)
    os.environ.pop("DOCKER_CONTEXT", None)  # the command line would follow it rather than DOCKER_HOST
    if engine.docker_host.startswith("unix://"):
        for name in ("DOCKER_TLS_VERIFY", "DOCKER_CERT_PATH"):  # of another engine
            os.environ.pop(name, None)
    programs = str(Path(sys.prefix) / "bin")
    paths = [path for path in os.environ.get("PATH", os.defpath).split(os.pathsep) if path != programs]
    os.environ["PATH"] = os.pathsep.join([programs, *paths])
    here = ("localhost", "127.0.0.1", "::1", *getattr(engine, "local_addresses", ()))
    for name in ("NO_PROXY", "no_proxy"):  # published ports and the course's cluster are not behind a proxy
        hosts = [host for host in os.environ.get(name, "").split(",") if host]
        os.environ[name] = ",".join([*hosts, *(h for h in here if h not in hosts)])
