"""What views use of a lab (`labs.session.lab.Lab`), or of what an instructor looks at in its place."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:  # both take a moment to import
    from labs.engines.base import Engine
    from labs.kube.clients import Clients

__all__ = ["EngineContext", "ViewContext"]


class ViewContext(Protocol):
    """What every view may use.

    Attributes:
        namespace: the namespace that is shown unless a view names another.
        kubeconfig: the file that leads to the cluster; views of one cluster share their watches by it.
        clients: clients of the cluster and of Docker. They follow a course that was set up again, so a view asks for
            them each time.
    """

    @property
    def namespace(self) -> str: ...

    @property
    def kubeconfig(self) -> Path: ...

    @property
    def clients(self) -> Clients: ...


class EngineContext(ViewContext, Protocol):
    """What a view of a container may use as well.

    Attributes:
        engine: for the process of Docker itself.
    """

    @property
    def engine(self) -> Engine: ...
