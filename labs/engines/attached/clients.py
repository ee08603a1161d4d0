"""The ways to a cluster and to a Docker Engine that the course did not start; one that does not answer is named."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

from labs.engines.runtime.command import run
from labs.errors import CommandFailed, EngineError
from labs.kube import docker_output
from labs.kube.kubectl import kubectl_for, own_settings

if TYPE_CHECKING:
    import docker

__all__ = ["Kubectl", "connect_docker"]


def connect_docker(docker_host: str) -> docker.DockerClient:
    """A client of the Docker Engine at ``docker_host``.

    Raises:
        EngineError: it does not answer.
    """
    import docker

    try:
        return docker_output.connect(docker_host, 60)
    except docker.errors.DockerException as error:
        raise EngineError(
            f"No Docker Engine answers at {docker_host}: {error}.", "Name it: `labs up --docker HOST`."
        ) from error


class Kubectl:
    """kubectl for one cluster.

    Args:
        kubeconfig: the course's own.
        context: what the user calls the cluster.
    """

    def __init__(self, kubeconfig: Path, context: str) -> None:
        self.kubeconfig, self.context = kubeconfig, context

    def run(self, *arguments: str) -> str:
        """What kubectl prints.

        Raises:
            EngineError: the cluster does not answer as it should.
        """
        try:
            return self._run(*arguments)
        except CommandFailed as error:
            raise EngineError(
                f"The cluster of {self.context!r} does not answer as it should: {error.what}",
                f"See whether `kubectl --context {self.context} get nodes` works.",
            ) from error

    def may(self, verb: str, resource: str) -> bool:
        """Whether the user may do this; no as well where the cluster does not answer."""
        try:
            return self._run("auth", "can-i", verb, resource).strip() == "yes"
        except CommandFailed:
            return False

    def nodes(self) -> list[dict[str, Any]]:
        """The cluster's Node objects.

        Raises:
            EngineError: as `run`.
        """
        items: list[dict[str, Any]] = json.loads(self.run("get", "nodes", "-o", "json"))["items"]
        return items

    def _run(self, *arguments: str) -> str:
        return run([*kubectl_for(self.kubeconfig), "--request-timeout=15s", *arguments], env=own_settings(), timeout=60)
