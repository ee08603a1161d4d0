"""How the course starts JupyterLab; the tests in a browser start it the same way."""

from __future__ import annotations

import os
import sys
from pathlib import Path

from labs import jupyter

__all__ = ["command", "environment"]

_PROGRAM = Path(sys.executable).with_name("jupyter-lab")


def command(folder: Path, notebook: str = "") -> list[str]:
    """The command line of JupyterLab with the course's settings.

    Args:
        folder: the folder that it serves.
        notebook: what opens first, such as ``04_roll_out_deployments``; the course page by default.
    """
    flags = [f"--LabApp.app_settings_dir={jupyter.FOLDER}"]
    flags += ["--allow-root"] if hasattr(os, "geteuid") and os.geteuid() == 0 else []
    # not as a file to open: then the address that is printed, for a browser elsewhere, would not name it
    flags += [f"--LabApp.default_url=/lab/tree/{notebook.removesuffix('.ipynb')}.ipynb"] if notebook else []
    return [str(_PROGRAM), *flags, f"--notebook-dir={folder}"]


def environment() -> dict[str, str]:
    """What JupyterLab needs of its environment.

    Where the course's own parts of it are, and a PATH in which notebooks find `labs`, `kubectl` and what else is
    installed beside Python. Its files, and those that cells open, are UTF-8 whatever the locale.
    """
    path = f"{_PROGRAM.parent}{os.pathsep}{os.environ.get('PATH', os.defpath)}"
    return {**jupyter.environment(), "PATH": path, "PYTHONUTF8": "1"}
