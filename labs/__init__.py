"""A hands-on course on containers and Kubernetes.

A lesson starts with::

    from labs import open_lab
    lab = open_lab("04")

Importing this package imports no Docker and no Kubernetes client: what needs them is loaded when it is first used.
"""

from importlib import import_module
from typing import Any

__all__ = ["__version__", "open_lab"]


def __getattr__(name: str) -> Any:
    """Load a public name when it is first used (PEP 562)."""
    if name == "open_lab":
        return import_module("labs.session.opening").open_lab
    if name == "__version__":
        return import_module("importlib.metadata").version("kube-labs")
    raise AttributeError(f"module 'labs' has no attribute {name!r}")
