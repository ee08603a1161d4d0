"""A terminal that means the course: for whoever practises in a shell, as the exam wants it."""

from __future__ import annotations

import os
import shutil
import sys
from collections.abc import Sequence

from labs.lab import lab_of

__all__ = ["enter"]

# Read by bash after the user's own start-up file, and not kept anywhere.
START = """
[ -f ~/.bashrc ] && . ~/.bashrc
export PATH="$LABS_PATH"
PS1='({place}) \\w \\$ '
alias k=kubectl
if declare -F _init_completion >/dev/null; then
    . <(kubectl completion bash)
    complete -o default -F __start_kubectl k
fi
"""


def enter(lesson: str, command: Sequence[str] = ()) -> None:
    """Become a shell, in the lesson's folder, or a command, for which Docker, kubectl and the namespace are a lesson's.

    Args:
        lesson: its number, such as ``"05"``.
        command: a program with its arguments; a shell when empty.

    Raises:
        NotRunning: no course is up.
        LabsError: there is no such lesson.
    """
    lab = lab_of(lesson)
    if command:
        os.execvp(command[0], list(command))
    os.chdir(lab.folder)
    place = lab.namespace if lab.uses_kubernetes else f"lesson {lesson}"
    bash = shutil.which("bash")
    if bash is None:
        shell = os.environ.get("SHELL", "/bin/sh")
        os.execv(shell, [shell])
    os.environ["LABS_PATH"] = os.environ["PATH"]  # the user's start-up file may set another
    reading, writing = os.pipe()
    os.write(writing, START.replace("{place}", place).encode())
    os.close(writing)
    os.set_inheritable(reading, True)
    sys.stdout.flush()
    os.execv(bash, [bash, "--rcfile", f"/dev/fd/{reading}", "-i"])
