"""Debian packages unpacked into the course's cache: used without being installed.

Of the system's package state only the sources and keys are read, and nothing is written: no service is started, no
firewall touched, and it works without root.
"""

from __future__ import annotations

import hashlib
import json
import re
import shutil
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

from filelock import FileLock

from labs.engines.files import write_at_once
from labs.engines.processes import run
from labs.engines.state import cache_folder
from labs.errors import CommandFailed, EngineError, NotSupported

__all__ = ["download", "fetch_lists", "lock", "note_unpacked", "options", "unpack", "unpacked"]


def options(*, whole: bool) -> list[str]:
    """apt's own folders, moved into ours. With ``whole``, apt takes this system for empty, so that a package comes with
    all that it needs; else it comes with what is missing here."""
    folder = _folder()
    moved = {
        "Dir::State::Lists": folder / "lists",
        "Dir::Cache": folder / "apt",
        "Dir::Cache::archives": folder / "archives",
        "Debug::NoLocking": "true",
        "APT::Sandbox::User": "root",
        "APT::Install-Recommends": "false",
        "APT::Get::List-Cleanup": "false",
        "Acquire::Languages": "none",
        "Acquire::Retries": "3",
    }
    if whole:
        status = folder / "empty-status"
        status.touch()
        moved["Dir::State::status"] = status
    return [word for key, value in moved.items() for word in ("-o", f"{key}={value}")]


def _folder() -> Path:
    folder = cache_folder() / "packages"
    for name in ("lists/partial", "apt", "archives/partial"):
        (folder / name).mkdir(parents=True, exist_ok=True)
    return folder


def fetch_lists(purpose: str) -> None:
    """Fetch the system's package lists into the cache, unless they are less than a day old.

    Args:
        purpose: what the course makes of the packages, for the refusal.

    Raises:
        NotSupported: this is no Debian or Ubuntu.
        EngineError: no package source answers.
    """
    if not shutil.which("apt-get") or not shutil.which("dpkg-deb"):
        raise NotSupported(
            f"The course makes {purpose} from Debian's packages, and this machine has no apt-get and dpkg-deb.",
            "Install both (many systems offer them), or use a machine with Debian or Ubuntu.",
        )
    folder = _folder()
    stamp = folder / "lists" / "fetched"
    if stamp.exists() and time.time() - stamp.stat().st_mtime < 24 * 3600:
        return
    try:
        run(["apt-get", *options(whole=False), "update"], timeout=300)
    except CommandFailed as error:  # one dead source of many is no reason to stop
        if not list((folder / "lists").glob("*Packages*")):
            raise EngineError(
                f"The package lists cannot be fetched: {error.what}", "Check the network, then run `labs up` again."
            ) from error
    stamp.touch()


def download(names: Sequence[str], *, whole: bool) -> list[Path]:
    """Download packages with what they depend on; apt verifies signatures and checksums.

    Args:
        names: Debian package names.
        whole: also what this machine has already, for a root file system of its own.

    Returns:
        The ``.deb`` files, sorted by name.

    Raises:
        EngineError: a package does not exist or could not be fetched.
    """
    ours = options(whole=whole)
    try:
        plan = run(["apt-get", *ours, "install", "--print-uris", "-qq", "-y", *names], timeout=120)
        files = sorted(match for match in re.findall(r"^'\S+' (\S+\.deb) \d+", plan, re.M))
        archives = _folder() / "archives"
        if any(not (archives / file).exists() for file in files):
            run(["apt-get", *ours, "install", "--download-only", "-qq", "-y", *names], timeout=900)
        # what is in the folder of archives already is not in the plan of URIs
        wanted = run(["apt-get", *ours, "install", "--simulate", "-qq", "-y", *names], timeout=120)
    except CommandFailed as error:
        raise EngineError(
            f"Debian packages could not be fetched ({', '.join(names[:3])}, ...): {error.what}",
            "Check the network and the free disk space, then run `labs up` again.",
        ) from error
    found = []
    for name, version in re.findall(r"^Inst (\S+) (?:\[\S+\] )?\((\S+)", wanted, re.M):
        matches = sorted(archives.glob(f"{name.split(':')[0]}_{version.replace(':', '%3a')}_*.deb"))
        if not matches:
            raise EngineError(f"apt-get did not bring {name} {version}.", "Run `labs up` again.")
        found.append(matches[0])
    return sorted(found)


def unpack(debs: Sequence[Path], name: str) -> Path:
    """Unpack packages into a folder of the cache, once.

    Args:
        debs: the ``.deb`` files.
        name: the folder's name; a digest of the packages is added. The caller keeps others from doing the same.

    Returns:
        The folder, complete.
    """
    digest = hashlib.sha256("\n".join(deb.name for deb in debs).encode()).hexdigest()[:12]
    target = cache_folder() / "packages" / f"{name}-{digest}"
    if target.exists():
        return target
    for left in target.parent.glob(".unpack-*"):  # of a command that was killed; the caller holds the lock
        shutil.rmtree(left, ignore_errors=True)
    with tempfile.TemporaryDirectory(dir=target.parent, prefix=".unpack-") as temporary:
        tree = Path(temporary) / "tree"
        tree.mkdir()
        for deb in debs:
            try:
                run(["dpkg-deb", "-x", deb, tree], timeout=120)
            except CommandFailed as error:
                deb.unlink(missing_ok=True)
                raise EngineError(
                    f"The package {deb.name} is damaged or the disk is full: {error.what}",
                    "It is fetched again by the next `labs up`; see that some gigabytes are free.",
                ) from error
        tree.chmod(0o755)
        tree.rename(target)
    return target


def lock() -> FileLock:
    """What to hold while packages are unpacked: all go into one folder."""
    return FileLock(_folder() / ".tools.lock")


def unpacked(label: str, names: Sequence[str]) -> Path | None:
    """The folder of packages that `note_unpacked` has noted, or None. Args: as there."""
    note = _note(label, names)
    try:
        tree = note.parent / json.loads(note.read_text())
    except (OSError, ValueError, TypeError):
        return None
    return tree if tree.is_dir() else None


def note_unpacked(label: str, names: Sequence[str], tree: Path) -> None:
    """Note where packages were unpacked, so that they are found again without asking apt.

    Args:
        label: what they are for, such as ``programs``.
        names: Debian package names; other ones make another note.
        tree: the folder, as `unpack` returned it.
    """
    write_at_once(_note(label, names), json.dumps(tree.name))


def _note(label: str, names: Sequence[str]) -> Path:
    digest = hashlib.sha256(" ".join(names).encode()).hexdigest()[:8]
    return cache_folder() / "packages" / f"{label}-{digest}.json"
