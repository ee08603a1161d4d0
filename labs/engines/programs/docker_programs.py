"""Docker's own programs, from the packages of a newer Debian: its engine for machines, its command line for learners.

Go programs ask little of the C library, so those of Debian testing run on older systems as they are; the catalog says
which versions will do. What Docker calls (runc, iptables, an init) and libraries stay those of this system's release.
"""

from __future__ import annotations

import hashlib
import json
import os
import re
import shutil
import tempfile
import time
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

from labs.engines.programs import catalog, debian_packages, debian_suite
from labs.engines.runtime.command import run
from labs.engines.runtime.files import write_at_once
from labs.engines.runtime.reporter import Step
from labs.engines.runtime.user_folders import cache_folder
from labs.errors import EngineError, LabsError

__all__ = ["COMMAND", "ENGINE", "VARIABLE", "DockerPackages", "DockerUnavailable", "ensure", "find", "is_current",
           "is_packaged", "missed", "reported", "version_of"]  # fmt: skip

VARIABLE = "LABS_DOCKERD"
"""The environment variable that, set to ``packaged``, leaves the work to the Docker of this system's own release."""
DAY = 24 * 3600
LATER = "`labs up` tries it again a day later."
LEFT_OUT = ("usr/share", "etc", "usr/lib/systemd", "usr/lib/containerd", "usr/lib/cni", "usr/bin/docker-init")
"""Documentation, settings of a system that runs them as services, programs of its makers' tests, a link to an init."""
VERSION = re.compile(r"(?<![\w./])v?([0-9]+(?:\.[0-9]+)+)")
NOTE = "versions.json"


class DockerUnavailable(EngineError):
    """A current Docker cannot be had here; the one of this system's release serves."""


@dataclass(frozen=True)
class DockerPackages:
    """Packages that are fetched and unpacked together.

    Attributes:
        label: names their folder in the cache.
        names: Debian's.
        programs: what is asked for its version, as places in the folder.
    """

    label: str
    names: tuple[str, ...]
    programs: tuple[str, ...]


ENGINE = DockerPackages("docker-engine", ("docker.io", "containerd"), ("usr/sbin/dockerd", "usr/bin/containerd"))
PLUGINS = "usr/libexec/docker/cli-plugins"
COMMAND = DockerPackages(
    "docker-command",
    ("docker-cli", "docker-buildx", "docker-compose"),
    ("usr/bin/docker", f"{PLUGINS}/docker-buildx", f"{PLUGINS}/docker-compose"),
)


def is_packaged() -> bool:
    """Whether the user wants the Docker of this system's own release."""
    return os.environ.get(VARIABLE) == "packaged"


def reported(program: str | Path, env: Mapping[str, str] | None = None) -> str:
    """The version that one of Docker's programs tells of itself, such as ``28.5.2``.

    Args:
        program: its path.
        env: the environment that it needs to start.

    Raises:
        CommandFailed: it does not start here.
        EngineError: it tells none.
    """
    is_plugin = Path(program).name.startswith("docker-")
    said = run([program, "version" if is_plugin else "--version"], env=env, timeout=60)
    found = VERSION.search(said)
    if found is None:
        raise EngineError(f"{program} tells no version: {said.strip()[:80]}", "`labs up` uses another one.")
    return found[1]


def is_current(program: str, version: str) -> bool:
    """Whether a version is as new as the catalog asks for.

    Args:
        program: its name, such as ``dockerd``.
        version: as `reported` returns it.
    """
    return _numbers(version) >= _numbers(catalog.docker()["minimum"][program])


def find(packages: DockerPackages) -> Path | None:
    """The folder in the cache with these packages' programs, all of them current; else None."""
    tree = debian_packages.unpacked(packages.label, packages.names)
    if tree is None or is_packaged():
        return None
    versions = _versions(tree)
    names = [Path(place).name for place in packages.programs]
    return tree if all(name in versions and is_current(name, versions[name]) for name in names) else None


def version_of(tree: Path, program: str) -> str:
    """The version of a program in such a folder. Args: ``tree``, as `find` returns it; ``program``, its name."""
    return _versions(tree).get(program, "")


def ensure(
    packages: DockerPackages, step: Step, *, env: Callable[[], Mapping[str, str] | None] = lambda: None, patient: bool
) -> Path:
    """The same; what is missing is fetched and unpacked, once, and each program is asked for its version.

    Args:
        packages: `ENGINE` or `COMMAND`.
        step: reports how far it is.
        env: gives the environment that the programs need to start on this system, once they are there.
        patient: do not ask the archive again within a day after it failed, since there is a Docker to go on with.

    Raises:
        DockerUnavailable: they cannot be fetched, do not start here or are too old.
    """
    with debian_packages.lock(packages.label):
        if tree := find(packages):
            return tree
        if is_packaged():
            raise DockerUnavailable(f"{VARIABLE} says `packaged`.", f"Unset {VARIABLE}, then run `labs up` again.")
        note = _missed(packages)
        if patient and note.exists() and time.time() - note.stat().st_mtime < DAY:
            raise DockerUnavailable(missed(packages), LATER)
        try:
            tree = _fetch(packages, step, env)
        except (LabsError, OSError) as error:
            why = error.what if isinstance(error, LabsError) else str(error)
            write_at_once(note, json.dumps(why))
            raise DockerUnavailable(why, LATER) from error
        note.unlink(missing_ok=True)
        return tree


def missed(packages: DockerPackages) -> str:
    """Why current ones could not be had when they were last tried; empty where they could, or were not tried.

    Args:
        packages: `ENGINE` or `COMMAND`.
    """
    try:
        return json.loads(_missed(packages).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return ""


def _missed(packages: DockerPackages) -> Path:
    return cache_folder() / "packages" / f"{packages.label}-missed.json"


def _fetch(packages: DockerPackages, step: Step, env: Callable[[], Mapping[str, str] | None]) -> Path:
    suite = catalog.docker()["suite"]
    target = cache_folder() / "packages"
    for left in target.glob(f".{packages.label}-*"):  # of a command that was killed
        if left.is_dir():
            shutil.rmtree(left, ignore_errors=True)
    # what a program that was ended had begun may still write there
    with tempfile.TemporaryDirectory(dir=target, prefix=f".{packages.label}-", ignore_cleanup_errors=True) as temporary:
        step.update(f"fetching {packages.names[0]} of Debian {suite}")
        debs = debian_suite.download_alone(packages.names, suite, Path(temporary, "archives"), "Docker")
        step.update("unpacking Docker")
        tree = Path(temporary, "tree")
        tree.mkdir()
        with ThreadPoolExecutor(2) as pool:
            list(pool.map(lambda deb: _unpack(deb, tree), debs))
        for place in LEFT_OUT:
            path = tree / place
            if path.is_dir():
                shutil.rmtree(path)
            else:
                path.unlink(missing_ok=True)
        tree.chmod(0o755)  # other users run them, whatever our umask
        needs = env()
        versions = {Path(place).name: reported(tree / place, needs) for place in packages.programs}
        if old := [f"{name} {version}" for name, version in versions.items() if not is_current(name, version)]:
            raise EngineError(f"Debian {suite} has {', '.join(old)}, which is too old.", "Nothing need be done.")
        write_at_once(tree / NOTE, json.dumps(versions))
        (tree / NOTE).chmod(0o644)
        digest = hashlib.sha256("\n".join(deb.name for deb in debs).encode()).hexdigest()[:12]
        home = target / f"{packages.label}-{digest}"
        if not home.exists():  # else a start was killed before it was noted, and a course may run it
            tree.rename(home)
    debian_packages.note_unpacked(packages.label, packages.names, home)
    return home


def _unpack(deb: Path, tree: Path) -> None:
    """Unpack a package. Several at a time: `dpkg-deb` takes one processor, and most of its time to decompress."""
    run(["dpkg-deb", "--extract", deb, tree], timeout=900)


def _versions(tree: Path) -> dict[str, str]:
    try:
        return json.loads((tree / NOTE).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}


def _numbers(version: str) -> tuple[int, ...]:
    return tuple(map(int, version.split(".")))
