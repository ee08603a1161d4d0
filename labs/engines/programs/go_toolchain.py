"""The Go that builds what cannot be downloaded: one on PATH, or that of a PyPI wheel in the course's cache."""

from __future__ import annotations

import os
import re
import shutil
from pathlib import Path

from filelock import FileLock

from labs.engines.programs import catalog, wheels
from labs.engines.runtime.command import run
from labs.engines.runtime.reporter import Step
from labs.engines.runtime.user_folders import cache_folder
from labs.errors import CommandFailed, EngineError

__all__ = ["ensure_go", "fetch_go", "find_go", "go_environment", "version_of"]


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
    try:
        wheels.fetch(catalog.wheel("toolchain"), _in_cache().parents[2], step)
    except wheels.NotFetched as error:
        raise EngineError(
            f"There is no Go {toolchain['minimum']} or newer here, and {error.what}",
            "Check the network and run `labs up` again, or install Go.",
        ) from error
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
        "GOENV": os.environ.get("GOENV") or str(wheels.settings_folder() / "go/env"),
        "GOTOOLCHAIN": "local",
        "XDG_CONFIG_HOME": str(cache_folder() / "go-config"),
    }


def _in_cache() -> Path:
    """The wheel's Go. It lies inside of the Python package ``go``; ``bin/go`` is a Python program that calls it."""
    return cache_folder() / f"go-toolchain-{catalog.toolchain()['version']}" / "go" / "bin" / "go"


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
