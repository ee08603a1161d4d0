"""Installs the course into `.venv`, and shows how far it is: what `make` runs first, with nothing but a bare Python."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import time
from collections import deque
from pathlib import Path

ROOT = Path(__file__).parents[1]
FOLDER = ROOT / ".venv"
LOCK = ROOT / "requirements.lock"
QUIET_SECONDS = 15  # between two lines in a log, where nothing can be written over


class Progress:
    """One line that is written over on a terminal, a line now and then elsewhere."""

    def __init__(self) -> None:
        self.live, self.at = sys.stderr.isatty(), 0.0

    def show(self, text: str, *, last: bool = False) -> None:
        if self.live:
            print(f"\r\033[K{text}", end="\n" if last else "", file=sys.stderr, flush=True)
        elif last or time.monotonic() - self.at > QUIET_SECONDS:
            print(text, file=sys.stderr, flush=True)
            self.at = time.monotonic()


def main() -> int:
    progress = Progress()
    began = time.monotonic()
    progress.show("Installing the course into .venv (a minute or two, once)")
    last: deque[str] = deque(maxlen=6)
    if not (_make_environment(last)
            and _pip(["--require-hashes", "-r", str(LOCK)], progress, last)
            and _pip(["--no-deps", "-e", str(ROOT)], progress, last)):  # fmt: skip
        progress.show("✗ The course could not be installed. The last lines were:", last=True)
        print(*(f"    {line}" for line in last), sep="\n", file=sys.stderr)
        print("  → Check the network and the free disk space (1 GB), then run `make` again.", file=sys.stderr)
        return 1
    progress.show(f"Installed into .venv ({time.monotonic() - began:.0f} s).", last=True)
    return 0


def _make_environment(last: deque[str]) -> bool:
    """Make the virtual environment, or complete the one that is there; return whether it is there.

    Args:
        last: gets the last lines that are written.
    """
    if Path(sys.prefix) == FOLDER:  # it is active, and this program runs in it
        return True
    if not _is_of_use():
        shutil.rmtree(FOLDER, ignore_errors=True)
    made = subprocess.run(
        [sys.executable, "-m", "venv", FOLDER],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        encoding="utf-8",
        errors="replace",
        check=False,
    )
    last.extend(made.stdout.splitlines())
    return made.returncode == 0


def _is_of_use() -> bool:
    """Whether the environment runs, lies where it was made, and is of this Python."""
    asked = "import sys; print(*sys.version_info[:2])"
    try:
        found = subprocess.run(
            [FOLDER / "bin/python", "-c", asked], capture_output=True, encoding="utf-8", errors="replace", check=True
        ).stdout
        # its programs name the folder that it was made in; other tools than `venv` do not note it
        notes = (FOLDER / "pyvenv.cfg").read_text(encoding="utf-8").splitlines()
        made_here = all(note.endswith(f" {FOLDER}") for note in notes if note.startswith("command = "))
    except (OSError, subprocess.CalledProcessError):
        return False
    return made_here and found.split() == [str(number) for number in sys.version_info[:2]]


def _pip(arguments: list[str], progress: Progress, last: deque[str]) -> bool:
    """Run `pip install`; return whether it did. Args: ``last``, gets the last lines that pip writes."""
    total = sum(line[:1].isalnum() for line in LOCK.read_text(encoding="utf-8").splitlines())
    argv = [FOLDER / "bin/python", "-m", "pip", "install", "--disable-pip-version-check", "--progress-bar=off"]
    seen = 0
    with subprocess.Popen(
        [*argv, *arguments],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        encoding="utf-8",
        errors="replace",
        env={**os.environ, "PIP_USER": "0"},  # which a user may have set for all, and no virtual environment takes
    ) as pip:
        for line in pip.stdout:
            last.append(line.rstrip())
            if line.startswith(("Collecting ", "Processing ")):  # the latter where wheels lie in a folder
                seen += 1
                progress.show(f"Installing into .venv: fetching {seen} of at most {total} packages")
            elif line.startswith("Installing collected"):
                progress.show(f"Installing into .venv: unpacking {seen} packages")
    return pip.returncode == 0


if __name__ == "__main__":
    sys.exit(main())
