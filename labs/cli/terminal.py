"""What JupyterLab opens as a terminal: bash, in which docker and kubectl mean the course's engines.

It is no lesson's: `labs shell 04` there goes on into one, with its namespace and folder. Whatever is wrong with the
course, there is a terminal: `labs up` and `labs doctor` are typed into it.
"""

from __future__ import annotations

import os
import shutil

from labs import engines
from labs.cli.shell import become_bash, start_file
from labs.errors import LabsError
from labs.session.kernel_environment import set_environment, write_kubeconfig

__all__ = ["main"]


def main() -> None:
    """Become that bash, or the user's shell where there is none."""
    start = ""
    try:
        engine = engines.current()
        kubeconfig = engine.folder / "lessons/terminal/kubeconfig"
        if engine.kubeconfig.exists():
            write_kubeconfig(engine, kubeconfig, None)
        set_environment(engine, kubeconfig)
        start = start_file()
    except LabsError as error:
        print(f"{error.what} Until then, docker and kubectl here are your own; open another terminal afterwards.")
    except Exception as error:  # a terminal is what it is repaired in
        print(f"This terminal does not know the course ({error}); `labs doctor` may say more.")
    bash = shutil.which("bash")
    if bash and start:
        become_bash(bash, start)
    shell = bash or os.environ.get("SHELL") or "/bin/sh"
    os.execv(shell, [shell])


if __name__ == "__main__":
    main()
