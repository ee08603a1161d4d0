"""A terminal that means the course: for those who practise in a shell, as the exam wants it."""

from __future__ import annotations

import os
import shlex
import shutil
import sys
from collections.abc import Sequence

from labs.engines.programs import command_line
from labs.session.kernel_environment import environment_lines
from labs.session.opening import lab_of

__all__ = ["become_bash", "enter", "start_file"]

# Read by bash after the user's own start-up file, and not kept anywhere.
START = """
[ -f ~/.bashrc ] && . ~/.bashrc
export PATH="$LABS_PATH"
{environment}
umask {umask:03o}
{prompt}
alias k=kubectl
declare -F _init_completion >/dev/null || [ ! -f {completion} ] || . {completion}
if declare -F _init_completion >/dev/null; then
    . <(kubectl completion bash)
    complete -o default -F __start_kubectl k
    ! command -v docker >/dev/null || . <(docker completion bash 2>/dev/null)
fi
"""


def start_file(place: str = "") -> str:
    """What bash reads at its start: the user's own start-up file, then what is the lesson's whatever that file has set.

    Args:
        place: what the prompt begins with; the user's own prompt stays when it is empty.
    """
    os.umask(umask := os.umask(0o022))
    return START.format(
        prompt=f"PS1='({place}) \\w \\$ '" if place else "",
        environment=environment_lines(),
        umask=umask,
        completion=shlex.quote(str(command_line.completion() or "/nowhere")),
    )


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
    become_bash(bash, start_file(place))


def become_bash(bash: str, start: str) -> None:
    """Become an interactive bash.

    Args:
        bash: its path.
        start: what it reads at its start.
    """
    os.environ["LABS_PATH"] = os.environ["PATH"]  # the user's start-up file may set another
    reading, writing = os.pipe()
    os.write(writing, start.encode())
    os.close(writing)
    os.set_inheritable(reading, True)
    sys.stdout.flush()
    os.execv(bash, [bash, "--rcfile", f"/dev/fd/{reading}", "-i"])
