"""Builds programs from Go modules whose versions and checksums `go/go.mod` and `go/go.sum` pin."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import tempfile
import time
from collections import deque
from pathlib import Path

from labs.engines import catalog
from labs.engines.processes import run
from labs.engines.progress import Step
from labs.engines.state import cache_folder
from labs.errors import CommandFailed, EngineError

__all__ = ["build", "find_go"]

MODULE = Path(__file__).with_name("go")
NEEDED_BYTES = 6 << 30
COMPILING = 0.85  # of a build's time; the rest is linking, which tells nothing of itself


def find_go() -> Path | None:
    """A Go on PATH or in the cache that is new enough, or None."""
    for candidate in (shutil.which("go"), _wheel_folder() / "bin" / "go"):
        if candidate and Path(candidate).exists() and _is_new_enough(Path(candidate)):
            return Path(candidate)
    return None


def build(name: str, target: Path, step: Step) -> None:
    """Build one executable.

    Args:
        name: of the build in the catalog.
        target: the executable's path; it appears when it is complete.
        step: is told how far the build is.

    Raises:
        EngineError: there is no Go, no network, not enough disk, or the build failed.
        Cancelled: another task failed.
    """
    wanted = catalog.builds()[name]
    free = shutil.disk_usage(target.parent).free
    if free < NEEDED_BYTES:
        raise EngineError(
            f"The disk has {free >> 20} MB free at {target.parent}, and a build needs about {NEEDED_BYTES >> 30} GB.",
            "Free some, or set LABS_CACHE to a folder on another disk.",
        )
    go = find_go() or _fetch_go(step)
    environment = _environment(target.parent)
    step.update("fetching the modules")
    total = len(_run([go, "list", "-deps", wanted.package], environment, timeout=900).splitlines())
    with tempfile.TemporaryDirectory(dir=target.parent, prefix=".build-") as folder:
        file = Path(folder) / name
        argv = [go, "build", "-v", "-trimpath", "-mod=readonly", "-o", file]
        argv += ["-ldflags", f"-s -w {wanted.ldflags}", wanted.package]
        _compile([str(word) for word in argv], environment, total, step)
        file.rename(target)


def _compile(argv: list[str], environment: dict[str, str], total: int, step: Step) -> None:
    """Run ``go build -v``, which names each package that it compiles."""
    last: deque[str] = deque(maxlen=15)
    began, seen = time.monotonic(), 0
    with subprocess.Popen(
        argv, cwd=MODULE, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True
    ) as compiler:
        try:
            for line in compiler.stderr:
                last.append(line.rstrip())
                if re.fullmatch(r"[\w.\-/~]+", line.strip()):
                    seen += 1
                    fraction = min(COMPILING * seen / total, COMPILING)
                    left = (time.monotonic() - began) * (1 / fraction - 1)
                    step.update(f"{seen} of at most {total} packages, about {left / 60:.0f} min left", fraction)
        except BaseException:
            compiler.kill()
            raise
    if compiler.returncode:
        text = "\n".join(last)
        if "no space left" in text:
            raise EngineError(
                f"The disk became full while {argv[-1]} was built.",
                "Free some gigabytes, then run `labs up` again: what was compiled is kept.",
            )
        raise EngineError(
            f"{argv[-1]} could not be built: {text[-600:]}",
            "Check the network and run `labs up` again: what was compiled is kept.",
        )


def _run(argv: list[str | Path], environment: dict[str, str], timeout: float) -> str:
    try:
        return run(argv, env=environment, timeout=timeout, cwd=MODULE)
    except CommandFailed as error:
        raise EngineError(
            f"The Go modules could not be fetched: {error.what}", "Check the network, then run `labs up` again."
        ) from error


def _environment(folder: Path) -> dict[str, str]:
    """The user's environment, with Go's caches in ours and nothing that changes what is built."""
    kept = {k: v for k, v in os.environ.items() if not k.startswith("GO") or k in ("GOPROXY", "GOSUMDB", "GOPRIVATE")}
    cache = cache_folder()
    temporary = folder / "tmp"
    temporary.mkdir(exist_ok=True)
    return {
        **kept,
        "CGO_ENABLED": "0",
        "GOCACHE": str(cache / "go-build"),
        "GOMODCACHE": str(cache / "go-mod"),
        "GOTMPDIR": str(temporary),
        "GOTOOLCHAIN": "local",
        "GOFLAGS": "-buildvcs=false",
        "HOME": os.environ.get("HOME", str(cache)),
    }


def _is_new_enough(go: Path) -> bool:
    try:
        found = re.search(r"go(\d+(?:\.\d+)*)", run([go, "env", "GOVERSION"], timeout=20))
    except CommandFailed:
        return False

    def numbers(version: str) -> list[int]:
        return [int(part) for part in version.split(".")]

    return bool(found) and numbers(found[1]) >= numbers(catalog.toolchain()["minimum"])


def _wheel_folder() -> Path:
    return cache_folder() / "go-toolchain"


def _fetch_go(step: Step) -> Path:
    """Put the Go of a PyPI wheel into the cache."""
    minimum, wheel = catalog.toolchain()["minimum"], catalog.toolchain()["wheel"]
    step.update(f"no Go {minimum} or newer here: fetching the wheel {wheel}")
    folder = _wheel_folder()
    try:
        run(
            [sys.executable, "-m", "pip", "install", "-q", "--target", folder, "--upgrade", f"{wheel}>={minimum}"],
            timeout=600,
        )
    except CommandFailed as error:
        raise EngineError(
            f"There is no Go {minimum} or newer here, and the wheel {wheel} could not be fetched: {error.what}",
            "Install Go, or put Kubernetes' programs on PATH (conda-forge has them), then run `labs up` again.",
        ) from error
    found = find_go()
    if found is None:
        raise EngineError(f"The wheel {wheel} holds no Go that runs here.", "Install Go, then run `labs up` again.")
    return found
