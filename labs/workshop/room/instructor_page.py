"""The instructor's view as a notebook, and as a page that needs no click."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

from labs.errors import NotSupported
from labs.jupyter import command as jupyter_command

__all__ = ["command", "write_notebook"]

TEMPLATE = Path(__file__).with_name("templates") / "room.py"


def write_notebook(folder: Path, parameters: dict[str, Any]) -> Path:
    """Write the room's notebook.

    Args:
        folder: where to; made when it is not there.
        parameters: ``workshop``, ``context``, ``kubeconfig`` and ``own``, as the commands take them.
    """
    import jupytext
    import papermill

    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    notebook = jupytext.read(TEMPLATE)
    notebook.metadata.kernelspec = {"name": "python3", "display_name": "Python 3", "language": "python"}
    path = folder / "room.ipynb"
    jupytext.write(notebook, path, fmt="ipynb")
    papermill.execute_notebook(str(path), str(path), parameters, prepare_only=True, progress_bar=False)
    return path


def command(notebook: Path, port: int, *, page: bool) -> list[str]:
    """The command line of what shows it.

    Args:
        notebook: from `write_notebook`.
        port: to listen on, at 127.0.0.1.
        page: as a page that Voilà runs by itself, without code; else in JupyterLab.

    Raises:
        NotSupported: Voilà is not installed.
    """
    if not page:
        return [*jupyter_command.command(notebook.parent, notebook.name), f"--ServerApp.port={port}"]
    program = Path(sys.executable).with_name("voila")
    if not program.exists():
        raise NotSupported("Voilà, which shows a notebook as a page, is not installed.", "`pip install voila` does it.")
    return [str(program), str(notebook), f"--port={port}", "--Voila.ip=127.0.0.1", "--show_tracebacks=True"]
