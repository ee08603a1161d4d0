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

from labs.engines.runtime.command import run
from labs.engines.runtime.files import write_at_once
from labs.engines.runtime.user_folders import cache_folder
from labs.errors import CommandFailed, EngineError, NotSupported

__all__ = [
    "can_fetch",
    "download",
    "fetch_lists",
    "libraries",
    "lock",
    "note_unpacked",
    "options",
    "unpack",
    "unpack_into",
    "unpack_programs",
    "unpacked",
]


def options(*, whole: bool) -> list[str]:
    """apt's own folders, moved into ours.

    With ``whole``, apt takes this system for empty, so that a package comes with all that it needs; else it comes with
    what is missing here.
    """
    folder = _folder()
    moved = {
        "Dir::State::Lists": folder / "lists",
        "Dir::Cache": folder / "apt",
        "Dir::Log": folder / "apt",
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


def _apt_alone() -> FileLock:
    """What to hold while apt is at work: two tasks of one `labs up` may want it at once, and it keeps no lock here."""
    return FileLock(_folder() / ".apt.lock")


def _stamp() -> Path:
    """The file whose age is that of the package lists; it is there only when all of them came."""
    return _folder() / "lists" / "fetched"


def can_fetch() -> bool:
    """Whether this system has what packages are fetched and unpacked with."""
    return bool(shutil.which("apt-get") and shutil.which("dpkg-deb"))


def fetch_lists(purpose: str) -> None:
    """Fetch the system's package lists into the cache, unless they are less than a day old.

    Args:
        purpose: what the course makes of the packages, for the refusal.

    Raises:
        NotSupported: this is no Debian or Ubuntu.
        EngineError: no package source answers.
    """
    if not can_fetch():
        raise NotSupported(
            f"The course makes {purpose} from Debian's packages, and this machine has no apt-get and dpkg-deb.",
            "Install both (many systems offer them), or use a machine with Debian or Ubuntu.",
        )
    with _apt_alone():
        stamp = _stamp()
        if stamp.exists() and time.time() - stamp.stat().st_mtime < 24 * 3600:
            return
        try:
            run(["apt-get", *options(whole=False), "-o", "APT::Update::Error-Mode=any", "update"], timeout=300)
        except CommandFailed as error:  # one dead source of many is no reason to stop, but the next command asks again
            if not list(stamp.parent.glob("*Packages*")):
                raise EngineError(
                    f"The package lists cannot be fetched: {error.what}", "Check the network, then run `labs up` again."
                ) from error
        else:
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
    archives = _folder() / "archives"
    try:
        with _apt_alone():
            plan = run(["apt-get", *ours, "install", "--print-uris", "-qq", "-y", *names], timeout=120)
            files = sorted(match for match in re.findall(r"^'\S+' (\S+\.deb) \d+", plan, re.M))
            if any(not (archives / file).exists() for file in files):
                run(["apt-get", *ours, "install", "--download-only", "-qq", "-y", *names], timeout=900)
            # what is in the folder of archives already is not in the plan of URIs
            wanted = run(["apt-get", *ours, "install", "--simulate", "-qq", "-y", *names], timeout=120)
    except CommandFailed as error:
        _stamp().unlink(missing_ok=True)  # lists that name what is no longer there would fail again
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
        name: the folder's name; a digest of the packages is added.

    Returns:
        The folder, complete.
    """
    digest = hashlib.sha256("\n".join(deb.name for deb in debs).encode()).hexdigest()[:12]
    target = cache_folder() / "packages" / f"{name}-{digest}"
    with FileLock(target.parent / ".unpack.lock"):
        if target.exists():
            return target
        for left in target.parent.glob(".unpack-*"):  # of a command that was killed
            shutil.rmtree(left, ignore_errors=True)
        with tempfile.TemporaryDirectory(dir=target.parent, prefix=".unpack-") as temporary:
            unpack_into(Path(temporary) / "tree", debs).rename(target)
    return target


def unpack_into(tree: Path, debs: Sequence[Path]) -> Path:
    """Unpack packages into a folder of the caller's.

    Args:
        tree: the folder, which is made.
        debs: the ``.deb`` files.

    Returns:
        The folder.

    Raises:
        EngineError: a package is damaged, or the disk is full.
    """
    tree.mkdir()
    for deb in debs:
        try:
            run(["dpkg-deb", "-x", deb, tree], timeout=600)  # a slow machine is no damaged package
        except CommandFailed as error:
            deb.unlink(missing_ok=True)
            raise EngineError(
                f"The package {deb.name} is damaged or the disk is full: {error.what}",
                "It is fetched again by the next `labs up`; see that some gigabytes are free.",
            ) from error
    tree.chmod(0o755)
    return tree


def unpack_programs(purpose: str, names: Sequence[str], folder: str) -> Path:
    """Fetch packages and unpack them with all libraries that they may need.

    The cache may be taken to a system that has fewer. The C library must be the one that the system's own loader
    belongs to.

    Args:
        purpose: what they are, for the refusal.
        names: Debian package names.
        folder: the name of the folder in the cache; a digest of the packages is added.

    Returns:
        The folder, complete.

    Raises:
        NotSupported: this is no Debian or Ubuntu.
        EngineError: they could not be fetched.
    """

    def is_wanted(deb: Path) -> bool:
        name = deb.name.split("_")[0]
        return name in names or (name.startswith("lib") and not name.startswith(("libc6", "libc-", "libperl")))

    fetch_lists(purpose)
    return unpack([deb for deb in download(names, whole=True) if is_wanted(deb)], folder)


def libraries(tree: Path) -> list[Path]:
    """The folders with libraries in unpacked packages.

    Args:
        tree: as `unpack` returned it.
    """
    return [path for part in ("usr/lib", "lib") for path in sorted((tree / part).glob("*-linux-gnu*"))]


def lock(label: str = "tools") -> FileLock:
    """What to hold from the look at what is unpacked until that is noted: each set of packages is made once.

    Args:
        label: what the set is for; nobody waits for another one.
    """
    return FileLock(_folder() / f".{label}.lock")


def unpacked(label: str, names: Sequence[str]) -> Path | None:
    """The folder of packages that `note_unpacked` has noted under the same label and names, or None."""
    note = _note(label, names)
    try:
        tree = note.parent / json.loads(note.read_text(encoding="utf-8"))
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
