"""A course as a person at a terminal meets it: through the command `labs`."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

from labs.engines.runtime.state import State
from labs.kube.kubectl import kubectl
from labs.waiting import wait_for

LABS = (sys.executable, "-m", "labs.cli")


class Course:
    """A course by its name, up or not. Args: ``name``; ``env``, what differs from this process's environment."""

    def __init__(self, name: str, **env: str) -> None:
        self.name = name
        self.env = {**os.environ, **env, "LABS_NAME": name, "COLUMNS": "200"}

    def labs(self, *arguments: str, timeout: float = 300, **env: str) -> subprocess.CompletedProcess:
        """Run the command, and return what it printed on both streams and its status."""
        return self.run(*LABS, *arguments, timeout=timeout, **env)

    def run(self, *argv: str | Path, timeout: float = 300, input: str = "", **env: str) -> subprocess.CompletedProcess:
        """Run any program in the course's environment."""
        return subprocess.run(
            self.command(*argv),
            input=input,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            timeout=timeout,
            env={**self.env, **env},
            check=False,
        )

    def command(self, *argv: str | Path) -> list[str]:
        """The command line that runs a program as the person whose course it is."""
        return [str(word) for word in argv]

    def must(self, *arguments: str, **env: str) -> str:
        """Run the command, which must succeed, and return what it printed."""
        done = self.labs(*arguments, **env)
        assert done.returncode == 0, done.stdout
        return done.stdout

    def remove(self) -> None:
        """Remove the course, if anything is left of it."""
        if State.of(self.name, system=True).folder.exists():
            self.must("down")

    def begin_up(self, *options: str) -> subprocess.Popen:
        """Start `labs up` in a process group of its own; its progress can be read line by line."""
        return subprocess.Popen(
            self.command(*LABS, "up", *options),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            env=self.env,
            start_new_session=True,
        )

    def components(self) -> dict[str, dict]:
        """What `labs status` tells of each component, by its name; read without starting another Python."""
        return {part.name: part.as_dict() for part in self.engine.status()}

    def pids(self) -> dict[str, int]:
        """The process of each component."""
        return {name: part["pid"] for name, part in self.components().items()}

    def states(self) -> dict[str, str]:
        """The state of each component."""
        return {name: part["state"] for name, part in self.components().items()}

    def has_record(self) -> bool:
        """Whether `labs up` has written down that it makes this course, of which `labs down` then knows."""
        return State.of(self.name, system=True).exists

    @property
    def engine(self):
        """The engine, for a course of this process's own state folder."""
        from labs import engines

        return engines.current(self.name)

    def kubectl(self, *arguments: str, input: str = "") -> str:
        """Run kubectl as the course's administrator; it must succeed."""
        done = self.run(kubectl(), f"--kubeconfig={self.engine.kubeconfig}", *arguments, input=input)
        assert done.returncode == 0, done.stdout
        return done.stdout


def kill(pid: int) -> None:
    """End a process as a crash does, and wait until it has ended."""
    os.kill(pid, signal.SIGKILL)
    wait_for(lambda: has_ended(pid), timeout=10, what=f"the process {pid} to end", interval=0.02)


def kill_group(process: subprocess.Popen) -> None:
    """End a process that leads a group, with all of the group, as a crash does."""
    os.killpg(process.pid, signal.SIGKILL)
    process.wait()
    process.stdout.close()


def kill_after(course: Course, step: str, *options: str) -> None:
    """Start `labs up`, and end it as a crash does right when a step has ended."""
    process = course.begin_up(*options)
    for line in process.stdout:
        if f"✓ {step} (" in line:
            break
    else:
        raise AssertionError(f"there is no step {step!r}")
    kill_group(process)


def has_ended(pid: int) -> bool:
    """Whether a process is gone, or only waits for its parent to notice."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] == "Z"
    except (FileNotFoundError, ProcessLookupError):
        return True


def is_plain(words: str) -> bool:
    """Whether a message is for people: a cross, a sentence, and no traceback."""
    return "Traceback" not in words and words.lstrip().startswith("✗") and words.strip().splitlines()[0].endswith(".")
