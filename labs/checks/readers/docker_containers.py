"""What checks read of containers on Docker Engine, and the words in which they tell it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from labs.checks.context import CheckContext
from labs.checks.core import clients

if TYPE_CHECKING:
    from docker.models.containers import Container


__all__ = [
    "bindings",
    "comes_from",
    "containers",
    "environment_of",
    "health_of",
    "how_it_ended",
    "named",
    "networks_of",
]


def comes_from(lab: CheckContext, container: Container, reference: str) -> bool:
    """Whether a container was made from an image, under this name or another."""
    attrs = container.attrs
    if attrs["Config"]["Image"] in {reference, f"docker.io/library/{reference}"}:
        return True
    tagged = clients(lab).docker.images.list(name=reference)
    return attrs["Image"] in {image.id for image in tagged}


def containers(lab: CheckContext) -> list[Container]:
    """All containers, the running ones first."""
    everything = clients(lab).docker.containers.list(all=True, ignore_removed=True)
    return sorted(everything, key=lambda container: container.status != "running")


def bindings(container: Container) -> Iterator[tuple[int, int]]:
    """The port inside and the port outside of each published TCP port, also of a container that has ended."""
    wanted: dict[str, Any] = container.attrs["HostConfig"].get("PortBindings") or {}
    actual: dict[str, Any] = container.attrs["NetworkSettings"].get("Ports") or {}
    for inside, outsides in {**wanted, **{k: v for k, v in actual.items() if v}}.items():
        number, _, protocol = inside.partition("/")
        if protocol in {"", "tcp"}:
            yield from {(int(number), port) for outside in outsides or [] for port in _ports(outside["HostPort"])}


def _ports(text: str) -> range:
    """What a container asks for: a port, a range such as ``8000-8010`` of which it gets one, or any (0)."""
    first, _, last = text.partition("-")
    return range(int(first or 0), int(last or first or 0) + 1)


def health_of(container: Container) -> str:
    """Docker's word on a container's health."""
    container.reload()
    return (container.attrs["State"].get("Health") or {}).get("Status", "without a health check")


def how_it_ended(container: Container) -> str:
    """Such as ``container web ended with status 137, out of memory``."""
    state = container.attrs["State"]
    if state["Status"] == "created":
        return f"{named(container)} was made, but never started"
    memory = ", out of memory" if state.get("OOMKilled") else ""
    return f"{named(container)} ended with status {state['ExitCode']}{memory}"


def named(container: Container) -> str:
    """How verdicts call a container."""
    return f"container {container.name}"


def environment_of(container: Container) -> dict[str, str]:
    """The environment that a container was made with, its image's included."""
    return dict(item.partition("=")[::2] for item in container.attrs["Config"]["Env"] or [])


def networks_of(container: Container) -> dict[str, str]:
    """The networks that a container is on, and its address on each."""
    return {name: each["IPAddress"] for name, each in container.attrs["NetworkSettings"]["Networks"].items()}
