"""Removes what lessons have made in a cluster and in a Docker Engine that the course did not start."""

from __future__ import annotations

from contextlib import closing
from pathlib import Path

from labs.engines.attached.clients import Kubectl, connect_docker
from labs.engines.docker_cleanup import remove_docker_objects
from labs.errors import EngineError, LabsError

__all__ = ["remove_containers", "remove_namespaces"]


def remove_namespaces(kubectl: Kubectl, label: str, folder: Path) -> None:
    """Delete the lessons' namespaces and PersistentVolumes; does not wait until they are gone.

    Args:
        kubectl: for the cluster.
        label: the course's, which all that lessons make carries.
        folder: the course's, named in the error.

    Raises:
        EngineError: the cluster does not answer, or refuses.
    """
    try:
        selector = f"app.kubernetes.io/managed-by=labs,labs/course={label}"
        kubectl.run("delete", "namespaces", "--selector", selector, "--wait=false")
        if kubectl.may("delete", "persistentvolumes"):  # else no lesson could have made one
            kubectl.run("delete", "persistentvolumes", "--selector", f"labs.course={label}", "--wait=false")
    except LabsError as error:
        raise EngineError(
            f"The lessons' namespaces cannot be removed: {error.what}",
            f"Make the cluster reachable and run `labs down` again; if it is gone for good, delete {folder}.",
        ) from error


def remove_containers(docker_host: str, label: str, folder: Path) -> None:
    """Remove the lessons' containers, images, networks and volumes.

    Args:
        docker_host: where the Docker Engine answers.
        label: the course's, which all that lessons make carries.
        folder: the course's, named in the error.

    Raises:
        EngineError: Docker does not answer, or refuses.
    """
    try:
        with closing(connect_docker(docker_host)) as client:
            list(remove_docker_objects(client, {"labs.course": label}))
    except Exception as error:
        raise EngineError(
            f"The lessons' containers cannot be removed: {error}",
            f"Make that Docker reachable and run `labs down` again; if it is gone for good, delete {folder}.",
        ) from error
