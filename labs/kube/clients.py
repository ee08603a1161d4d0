"""The course's own clients: those that open, check and reset a lesson. A learner's cells make theirs themselves."""

from __future__ import annotations

from functools import cached_property
from pathlib import Path
from typing import Any

import docker
from kubernetes import client, config

from labs.kube import docker_output

__all__ = ["Clients"]

TIMEOUT = 10


class Clients:
    """Docker and Kubernetes clients that give up after a few seconds; each is made when it is first used.

    Args:
        docker_host: as in ``DOCKER_HOST``.
        kubeconfig: the file to read; its current context is used.
    """

    def __init__(self, docker_host: str, kubeconfig: Path) -> None:
        self.docker_host, self.kubeconfig = docker_host, kubeconfig

    @cached_property
    def api(self) -> client.ApiClient:
        """What all Kubernetes clients share; also turns models into plain dictionaries."""
        configuration = client.Configuration()
        config.load_kube_config(
            config_file=str(self.kubeconfig), client_configuration=configuration, persist_config=False
        )
        configuration.retries = 1  # a kept connection may have gone with the API server's last process
        return _ImpatientApiClient(configuration)

    @cached_property
    def core(self) -> client.CoreV1Api:
        return client.CoreV1Api(self.api)

    @cached_property
    def apps(self) -> client.AppsV1Api:
        return client.AppsV1Api(self.api)

    @cached_property
    def batch(self) -> client.BatchV1Api:
        return client.BatchV1Api(self.api)

    @cached_property
    def networking(self) -> client.NetworkingV1Api:
        return client.NetworkingV1Api(self.api)

    @cached_property
    def rbac(self) -> client.RbacAuthorizationV1Api:
        return client.RbacAuthorizationV1Api(self.api)

    @cached_property
    def storage(self) -> client.StorageV1Api:
        return client.StorageV1Api(self.api)

    @cached_property
    def autoscaling(self) -> client.AutoscalingV2Api:
        return client.AutoscalingV2Api(self.api)

    @cached_property
    def policy(self) -> client.PolicyV1Api:
        return client.PolicyV1Api(self.api)

    @cached_property
    def docker(self) -> docker.DockerClient:
        return docker_output.connect(self.docker_host, 6 * TIMEOUT)


class _ImpatientApiClient(client.ApiClient):
    """A client whose calls end after `TIMEOUT` seconds unless they say otherwise; the stock one waits forever."""

    def call_api(self, *args: Any, **kwargs: Any) -> Any:
        if kwargs.get("_request_timeout") is None:
            kwargs["_request_timeout"] = TIMEOUT
        return super().call_api(*args, **kwargs)
