"""How the course starts JupyterLab; the tests in a browser start it the same way."""

from __future__ import annotations

import os
import sys
from pathlib import Path

from labs import jupyter

__all__ = ["command", "environment"]

_PROGRAM = Path(sys.executable).with_name("jupyter-lab")


def command(folder: Path, *first: Path) -> list[str]:
    """The command line of JupyterLab with the course's settings.

    Args:
        folder: the folder that it serves.
        first: the notebook that opens first, if any.
    """
    flags = [f"--LabApp.app_settings_dir={jupyter.FOLDER}"]
    flags += ["--allow-root"] if hasattr(os, "geteuid") and os.geteuid() == 0 else []
    flags += ['--ServerApp.terminado_settings={"shell_command": ["bash"]}']  # a login shell would forget PATH
    return [str(_PROGRAM), *flags, f"--notebook-dir={folder}", *map(str, first)]


def environment() -> dict[str, str]:
    """What JupyterLab needs of its environment: where the course's own parts of it are, and a PATH in which notebooks
    find `labs`, `kubectl` and what else is installed beside Python."""
    return {**jupyter.environment(), "PATH": f"{_PROGRAM.parent}{os.pathsep}{os.environ.get('PATH', os.defpath)}"}
