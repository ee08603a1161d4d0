"""A program that tells of itself what a user-mode kernel tells: finding and packing one asks no more."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from labs.engines.usermode import kernel_release, prebuilt_kernel

__all__ = ["given", "install", "program"]


def program(path: Path, *, version: str = "7.2.13", without: str = "none") -> Path:
    """A program that tells the wanted configuration as a kernel does, or lacks a line of it."""
    config = "\n".join(line for line in prebuilt_kernel.CONFIG.read_text().splitlines() if without not in line)
    told = f"#\n# Linux/um {version} Kernel Configuration\n#\n{config}\n"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(f"#!/bin/sh\n[ \"$1\" = --showconfig ] || exit 1\nexec /bin/cat <<'END'\n{told}END\n")
    path.chmod(0o755)
    return path


def given(tmp_path: Path) -> kernel_release.Published:
    """A kernel that may be given away."""
    return kernel_release.describe(program(tmp_path / "built"), "7.2.13-1")


def install(wheel: Path, target: Path) -> Path:
    """Install a wheel as a learner does, into a folder of its own."""
    pip = [sys.executable, "-m", "pip", "install", "--quiet", "--no-deps", "--no-index"]
    subprocess.run([*pip, "--disable-pip-version-check", "--target", target, wheel], check=True)
    return target
