"""What the course adds to JupyterLab: an extension of its pages (`labextensions`) and one of its server (`handlers`).

Jupyter finds both in this folder, as it is and with nothing to build or to copy, when JUPYTER_PATH and
JUPYTER_CONFIG_PATH name it: `labs lab` sets them, and so does the image for Binder.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

__all__ = ["environment"]

FOLDER = Path(__file__).parent


def environment(current: Mapping[str, str] | None = None) -> dict[str, str]:
    """The two variables with which Jupyter finds this folder, before all that they name already.

    Args:
        current: the environment to add to; this process' by default.
    """
    current = os.environ if current is None else current
    found = {}
    for name in ("JUPYTER_PATH", "JUPYTER_CONFIG_PATH"):
        others = [path for path in current.get(name, "").split(os.pathsep) if path and path != str(FOLDER)]
        found[name] = os.pathsep.join([str(FOLDER), *others])
    return found


def _jupyter_server_extension_points() -> list[dict[str, str]]:
    """How Jupyter Server finds the extension."""
    return [{"module": "labs.jupyter"}]


def _load_jupyter_server_extension(server: Any) -> None:
    """How Jupyter Server loads it. Args: ``server``, the running `jupyter_server.serverapp.ServerApp`."""
    from labs.jupyter.handlers import handlers  # needs Jupyter, which the rest of the course does not

    server.web_app.add_handlers(".*$", handlers(server.web_app.settings["base_url"], server.root_dir))
