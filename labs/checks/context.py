"""What a check gets: a lesson's namespace and clients, and little else of the lab."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:  # both take a moment to import
    from labs.engines.base import Engine
    from labs.kube.clients import Clients

__all__ = ["CheckContext", "ScopedContext"]


class CheckContext(Protocol):
    """What a check may use of a lab (`labs.session.lab.Lab`).

    Attributes:
        namespace: the namespace in which the exercise is done, in full.
        uses_kubernetes: False for a lesson that needs Docker only, and so has no namespace in a cluster.
        engine: the engine, for its components and for the learner's seat.
        clients: clients that give up after a few seconds.
        kubeconfig: the lesson's own; its context's namespace is the lesson's.
        folder: a folder for the lesson's own files, such as a manifest.
    """

    @property
    def namespace(self) -> str: ...

    @property
    def uses_kubernetes(self) -> bool: ...

    @property
    def engine(self) -> Engine: ...

    @property
    def clients(self) -> Clients: ...

    @property
    def kubeconfig(self) -> Path: ...

    @property
    def folder(self) -> Path: ...

    def url(self, port: int) -> str:
        """The address of a published container port or a NodePort."""

    def port(self, node_port: int) -> int:
        """The node port to use for one that the exercise names."""


class ScopedContext:
    """A check's context in another namespace of the lesson: what a drill's tasks get.

    Args:
        context: the lesson's; all but the namespace is as it has it.
        namespace: the other namespace, in full.
        facts: what only this attempt knows, such as a number in a log.
    """

    def __init__(self, context: CheckContext, namespace: str, facts: Mapping[str, str]) -> None:
        self._context, self.namespace, self.facts = context, namespace, dict(facts)

    @property
    def uses_kubernetes(self) -> bool:
        return self._context.uses_kubernetes

    @property
    def engine(self) -> Engine:
        return self._context.engine

    @property
    def clients(self) -> Clients:
        return self._context.clients

    @property
    def kubeconfig(self) -> Path:
        return self._context.kubeconfig

    @property
    def folder(self) -> Path:
        return self._context.folder

    def url(self, port: int) -> str:
        return self._context.url(port)

    def port(self, node_port: int) -> int:
        return self._context.port(node_port)
