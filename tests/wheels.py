"""The project's files, and wheels of all that it installs, for a system that is not this one."""

from __future__ import annotations

import hashlib
import shutil
import subprocess
import sys
from pathlib import Path

from filelock import FileLock
from packaging.requirements import Requirement

from labs.engines.runtime.user_folders import cache_folder

__all__ = ["ROOT", "files", "wheels"]

ROOT = Path(__file__).parents[1]


def files() -> list[str]:
    """The files that a commit of everything here would hold, relative to the project's folder."""
    argv = ["git", "ls-files", "--cached", "--others", "--exclude-standard", "-z"]
    listed = subprocess.run(argv, cwd=ROOT, capture_output=True, text=True, check=True).stdout.split("\0")
    return [name for name in listed if name and (ROOT / name).exists()]


def wheels(python: str) -> Path:
    """A folder of the cache with the wheels that requirements.lock names, and those that build this project.

    Args:
        python: the version for which, such as ``3.11.2``.
    """
    locked = _locked(python)
    folder = cache_folder() / "wheels"
    target = folder / f"{python}-{hashlib.sha256(locked.encode()).hexdigest()[:12]}"
    folder.mkdir(parents=True, exist_ok=True)
    with FileLock(folder / f".{python}.lock"):
        if target.exists():
            return target
        for other in folder.glob(f"{python}-*"):  # of another lock
            shutil.rmtree(other)
        draft = folder / f".{target.name}"
        draft.mkdir(exist_ok=True)
        lock = draft / "requirements.lock"
        lock.write_text(locked)
        pip = [sys.executable, "-m", "pip", "download", "--quiet", "--dest", draft, "--only-binary", ":all:"]
        pip += ["--python-version", python, "--implementation", "cp", "--no-deps"]
        subprocess.run([*pip, "--require-hashes", "-r", lock], check=True)
        subprocess.run([*pip, "setuptools>=77"], check=True)
        draft.rename(target)
    return target


def _locked(python: str) -> str:
    """The lines of requirements.lock that count for a Python; pip would take those of the one it runs on."""
    requirements = (ROOT / "requirements.lock").read_text().replace("\\\n", " ").splitlines()
    environment = {"python_version": ".".join(python.split(".")[:2]), "python_full_version": python}
    kept = []
    for line in requirements:
        requirement = line.partition(" --hash")[0]
        if line[:1].isalnum():
            marker = Requirement(requirement).marker
            if marker is None or marker.evaluate(environment):
                kept.append(line.replace(requirement.partition(" ;")[2], "").replace(" ;", ""))
    return "\n".join(kept)
