"""Removes what a lesson made in Docker."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import docker
from docker.errors import APIError

__all__ = ["remove_docker_objects"]


def remove_docker_objects(engine: docker.DockerClient, labels: dict[str, str]) -> Iterator[str]:
    """Remove containers, images, networks and volumes that carry all of the labels.

    Args:
        engine: the client.
        labels: such as ``{"labs.course": "default", "labs.lesson": "04"}``.

    Yields:
        One line for each kind of which something was removed, and for each object that something else still uses.
    """
    ours: dict[str, str | list[str] | bool] = {"label": [f"{key}={value}" for key, value in labels.items()]}
    kinds: dict[str, tuple[list[Any], Callable[[Any], None]]] = {
        "container": (
            engine.containers.list(all=True, filters=ours, ignore_removed=True),
            lambda container: container.remove(force=True, v=True),
        ),
        "network": (engine.networks.list(filters=ours), lambda network: network.remove()),
        "volume": (engine.volumes.list(filters=ours), lambda volume: volume.remove()),
        "image": (engine.images.list(filters=ours), lambda image: _remove_image(engine, image)),
    }
    for kind, (objects, remove) in kinds.items():
        removed = 0
        for item in objects:
            try:
                remove(item)
            except APIError as error:
                if error.status_code == 404:  # gone with another one
                    continue
                if error.is_server_error():
                    raise
                name = ", ".join(item.tags) or item.short_id if kind == "image" else item.name
                yield f"Left: the {kind} {name}, which something outside this lesson uses ({error.explanation})."
            else:
                removed += 1
        if removed:
            yield f"Removed {removed} {kind}{'s'[: removed != 1]}."


def _remove_image(engine: docker.DockerClient, image: Any) -> None:
    for reference in image.tags or [image.id]:
        engine.images.remove(reference)
