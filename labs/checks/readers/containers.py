"""Which container of a pod a brief means, wherever it stands in the list, and what its ports and probes ask for."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Any, NamedTuple

__all__ = [
    "ANY",
    "Program",
    "all_containers",
    "command_text",
    "container_of",
    "images_of",
    "is_image",
    "pod_spec",
    "port_number",
    "probe_path",
    "runs",
    "statuses_of",
    "target_text",
    "words_of",
    "working_containers",
]


class Program(NamedTuple):
    """What a brief says of a container. Empty is what it does not say.

    Attributes:
        image: such as ``weather:1``.
        word: a word of the command line, such as ``store``.
        name: the container's name.
        is_default: whether the image runs it without any word.
    """

    image: str = ""
    word: str = ""
    name: str = ""
    is_default: bool = False


ANY = Program()


def container_of(thing: Any, program: Program = ANY) -> Any:
    """The container that a brief means; a sidecar may stand before it or after it.

    Args:
        thing: a Deployment (or the like), or a pod.
        program: what the brief says of the container.

    Returns:
        The container that agrees with most of it: with the image first, then with the program, then with the image's
        name without its tag, then with the container's name. The first one of equals.
    """

    def agreement(container: Any) -> tuple[bool, bool, bool, bool]:
        image = container.image or ""
        return (
            bool(program.image) and is_image(image, program.image),
            runs(container, program),
            bool(program.image) and is_image(_without_tag(image), _without_tag(program.image)),
            bool(program.name) and container.name == program.name,
        )

    return max(working_containers(pod_spec(thing)), key=agreement)


def pod_spec(thing: Any) -> Any:
    """The spec of a pod, or that in the template of a Deployment (or the like)."""
    template = getattr(thing.spec, "template", None)
    return template.spec if template else thing.spec


def working_containers(spec: Any) -> list[Any]:
    """The containers that run as long as the pod does: also init containers that are sidecars."""
    sidecars = [c for c in spec.init_containers or [] if c.restart_policy == "Always"]
    return [*spec.containers, *sidecars]


def all_containers(spec: Any) -> list[Any]:
    """The containers of a pod's spec, also those that end before the others start."""
    return [*spec.containers, *(spec.init_containers or [])]


def statuses_of(pod: Any) -> list[Any]:
    """The states of a pod's containers, also of its init containers."""
    return [*(pod.status.init_container_statuses or []), *(pod.status.container_statuses or [])]


def words_of(container: Any) -> list[str]:
    """The words of a container's command line, as far as its spec sets them."""
    return [*(container.command or []), *(container.args or [])]


def command_text(container: Any) -> str:
    """A container's command line in one line, as far as its spec sets it."""
    return " ".join(" ".join(words_of(container)).split())


def runs(container: Any, program: Program) -> bool:
    """Whether a container's command line names the program: as a word, or as a file such as ``/app/store.py``."""
    words = [part for text in words_of(container) for part in re.split(r"[\s\"';|&()]+", text) if part]
    if not words:
        return program.is_default
    files = [word.rpartition("/")[2].removesuffix(".py") for word in words if "://" not in word]
    return bool(program.word) and program.word in files


def is_image(image: str, wanted: str) -> bool:
    """Whether an image is the one that a brief names, whichever registry it comes from."""
    return image.removeprefix("docker.io/") == wanted or image.endswith(f"/{wanted}")


def _without_tag(image: str) -> str:
    return re.sub(r"(:[^:/@]*)?(@.*)?$", "", image)


def images_of(workload: Any) -> str:
    """The images of all containers in a template, as a verdict tells them."""
    return " and ".join(dict.fromkeys(container.image for container in working_containers(pod_spec(workload))))


def port_number(port: Any, containers: Iterable[Any]) -> int | None:
    """The number of a port that a Service or a probe gives by number or by name.

    Args:
        port: a number, digits, or a name.
        containers: those whose ports have names: the pod's for a Service, the one that is probed for a probe.

    Returns:
        None when no port has this name.
    """
    if str(port).isdecimal():
        return int(port)
    names = _names_of(containers)
    return names.get(port)


def target_text(port: Any, workload: Any) -> str:
    """A Service's target port as a verdict tells it: a name with what it means to the pods of a Deployment."""
    containers = working_containers(pod_spec(workload))
    number = port_number(port, containers)
    if str(port).isdecimal():
        return str(port)
    if number is not None:
        return f"{port}, which is port {number}"
    names = _names_of(containers)
    known = f"; its names are {', '.join(sorted(names))}" if names else ""
    return f"{port}, a name that no port of {workload.metadata.name} has{known}"


def _names_of(containers: Iterable[Any]) -> dict[str, int]:
    ports = [port for container in containers for port in container.ports or [] if port.name]
    return {port.name: port.container_port for port in reversed(ports)}  # the first of a name counts


def probe_path(get: Any) -> str:
    """The path that an HTTP probe asks for. The kubelet puts a slash before it; one at the end is part of the path."""
    path = get.path or "/"
    return path if path.startswith("/") else f"/{path}"
