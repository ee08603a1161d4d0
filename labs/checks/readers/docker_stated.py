"""What an exercise states of images and of containers that it leaves alone, on Docker Engine."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING

from labs.checks.context import CheckContext
from labs.checks.core import clients, expect
from labs.checks.readers.docker_containers import bindings, containers, environment_of, how_it_ended, named, networks_of

if TYPE_CHECKING:
    from docker.models.containers import Container

__all__ = ["expect_based_on", "expect_left_alone"]


def expect_based_on(lab: CheckContext, image: str, base: str) -> None:
    """An image begins with the layers of another, or is that one.

    Args:
        lab: the lesson's lab.
        image: its name or id.
        base: the other's name.

    Raises:
        NotYet: it does not.
    """
    images = clients(lab).docker.images
    own, others = ((images.get(name).attrs.get("RootFS") or {}).get("Layers") or [] for name in (image, base))
    expect(
        own[: len(others)] == others,
        expected=f"an image based on {base}",
        observed="one that begins with other layers",
        try_="`FROM` in its Dockerfile says what an image is based on; `docker history` lists its layers.",
    )


def expect_left_alone(
    lab: CheckContext,
    name: str,
    *,
    port: tuple[int, int],
    network: str,
    environment: Mapping[str, str] | None = None,
    volumes: Mapping[str, str] | None = None,
    try_: str,
) -> None:
    """A container that the lesson has started still runs as it was started.

    Args:
        lab: the lesson's lab.
        name: its name.
        port: a port inside, and the port outside that leads to it.
        network: the one network that it is on.
        environment: variables that it was given.
        volumes: the name of a volume for each path.
        try_: what to try when it was changed.

    Raises:
        NotYet: it is gone, or something differs.
    """
    container = next((item for item in containers(lab) if item.name == name), None)
    expected = f"{name} as it was"
    found = expect(container, expected=expected, observed=f"no container {name}", try_=try_)
    changed = list(_changes(found, port, network, environment or {}, volumes or {}))
    expect(not changed, expected=expected, observed="; ".join(changed), try_=try_)


def _changes(
    container: Container,
    port: tuple[int, int],
    network: str,
    environment: Mapping[str, str],
    volumes: Mapping[str, str],
) -> Iterator[str]:
    if container.status != "running":
        yield how_it_ended(container)
    if port not in bindings(container):
        yield f"{named(container)} does not publish its port {port[0]} as {port[1]}"
    if set(networks_of(container)) != {network}:
        there = ", ".join(sorted(networks_of(container))) or "no network"
        yield f"{named(container)} is on {there}, not on {network} only"
    given = environment_of(container)
    yield from (
        f"{key} of {named(container)} is {given.get(key, 'not set')}, was {value}"
        for key, value in environment.items()
        if given.get(key) != value
    )
    mounted = {mount["Destination"]: mount.get("Name") for mount in container.attrs.get("Mounts") or []}
    yield from (
        f"{named(container)} has {mounted.get(path) or 'nothing'} at {path}, not the volume {volume}"
        for path, volume in volumes.items()
        if mounted.get(path) != volume
    )
