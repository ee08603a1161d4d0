"""Live views: pictures of what the engines do, in a cell, with a text form for everything that shows no widgets."""

from __future__ import annotations

from importlib import import_module
from typing import Any

__all__ = ["cluster", "container", "image", "progress", "rollout", "room", "timeline", "tree"]

# a module of a view's own name would take its place in this package once it was imported
_HOMES = {
    "cluster": "labs.views.cluster_view.view",
    "container": "labs.views.container_view.view",
    "image": "labs.views.image_view.view",
    "progress": "labs.views.progress_view.view",
    "rollout": "labs.views.rollout_view.view",
    "room": "labs.workshop.room.view",
    "timeline": "labs.views.timeline_view.view",
    "tree": "labs.views.tree_view.view",
}


def __getattr__(name: str) -> Any:
    """Import a view when it is first used: the widgets' packages take half a second."""
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(_HOMES[name]), name)
