"""Packages of another Debian than this system's: fetched without a change to the system's package sources."""

from __future__ import annotations

import time
from collections.abc import Sequence
from pathlib import Path

from labs.engines.programs import debian_packages
from labs.engines.runtime.command import run
from labs.engines.runtime.user_folders import cache_folder
from labs.errors import CommandFailed, EngineError, NotSupported

__all__ = ["KEYRING", "download_alone", "mirror", "options"]

DAY = 24 * 3600  # seconds

KEYRING = Path("/usr/share/keyrings/debian-archive-keyring.gpg")
"""Debian's keys; those of a stable Debian sign the newer suites as well."""


def mirror(purpose: str, todo: str) -> str:
    """The mirror of Debian that this system uses.

    Args:
        purpose: what it is needed for, as the beginning of a sentence, for the refusal.
        todo: what to do where there is none.

    Raises:
        NotSupported: this system is not Debian.
        CommandFailed: there is no apt-get.
    """
    for origin, suite, address in _targets("$(ORIGIN) $(SUITE) $(REPO_URI)"):
        if origin == "Debian" and "security" not in suite:
            return address
    # nobody has fetched lists yet, and only they tell the origin; apt compares Debian's signature all the same
    for site, address in _targets("$(SITE) $(REPO_URI)", "--no-release-info"):
        if site.rstrip("/").endswith("/debian"):
            return address
    raise NotSupported(f"{purpose}, and this system has no package source of Debian's.", todo)


def _targets(wanted: str, *flags: str) -> list[list[str]]:
    """Words about each package source of this system's. Args: ``wanted``, in apt's form; ``flags``, for apt."""
    argv = ["apt-get", *debian_packages.options(whole=False), "indextargets", *flags, "--format", wanted]
    return [words for line in run(argv, timeout=60).splitlines() if len(words := line.split()) == len(wanted.split())]


def options(folder: Path, mirror: str, suite: str) -> list[str]:
    """apt's own files, in a folder of ours, in which it knows one suite and takes this system for empty.

    Args:
        folder: where they lie.
        mirror: its address.
        suite: such as ``sid``.
    """
    for name in ("lists/partial", "apt", "archives/partial"):
        (folder / name).mkdir(parents=True, exist_ok=True)
    (folder / "status").touch()
    sources = folder / "sources.list"
    sources.write_text(f"deb [signed-by={KEYRING}] {mirror} {suite} main\n", encoding="utf-8")
    moved = {
        "Dir::Etc::sourcelist": sources,
        "Dir::Etc::sourceparts": "-",
        "Dir::State::Lists": folder / "lists",
        "Dir::State::status": folder / "status",
        "Dir::Cache": folder / "apt",
        "Dir::Cache::archives": folder / "archives",
        "Debug::NoLocking": "true",
        "APT::Sandbox::User": "root",
        "Acquire::Languages": "none",
        "Acquire::IndexTargets::deb::DEP-11::DefaultEnabled": "false",  # 5 MB about programs with windows
        "Acquire::Retries": "3",
    }
    return [word for key, value in moved.items() for word in ("-o", f"{key}={value}")]


def download_alone(names: Sequence[str], suite: str, archives: Path, what: str) -> list[Path]:
    """Download packages by themselves: with what they depend on, they would bring that suite's C library.

    Args:
        names: Debian package names.
        suite: such as ``testing``.
        archives: the folder, which is made, that they go into.
        what: they are, as the beginning of a sentence, for the refusal.

    Returns:
        The ``.deb`` files, the largest first.

    Raises:
        EngineError: they cannot be had.
        NotSupported: this system is not Debian.
    """
    purpose = f"{what} is taken from Debian {suite}"
    if not debian_packages.can_fetch():
        raise EngineError(f"{purpose}, and there is no apt-get and dpkg-deb.", "Install both.")
    site = mirror(purpose, "That of this system's own release serves.")
    folder = cache_folder() / "packages" / "docker-suite"
    archives.mkdir()
    with debian_packages.lock("docker-suite"):
        # there is another one to go on with: who is off the network must not wait long to hear that
        quick = [word for scheme in ("http", "https") for word in ("-o", f"Acquire::{scheme}::Timeout=15")]
        argv = ["apt-get", *options(folder, site, suite), *quick, "-o", "Acquire::Retries=1"]
        stamp = folder / "fetched"
        if not stamp.exists() or time.time() - stamp.stat().st_mtime > DAY:
            run([*argv, "-o", "APT::Update::Error-Mode=any", "update"], timeout=300)
            stamp.touch()
        try:
            run([*argv, "download", *names], cwd=archives, timeout=900)
        except CommandFailed:
            stamp.unlink(missing_ok=True)  # lists that name what is no longer there would fail again
            raise
    return sorted(archives.glob("*.deb"), key=lambda deb: -deb.stat().st_size)
