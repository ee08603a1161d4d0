"""The kernel's source, as Debian packages it: fetched without a change to the system's package sources."""

from __future__ import annotations

import re
from pathlib import Path

from labs.engines.programs import catalog, debian_packages, debian_suite
from labs.engines.runtime.command import run
from labs.errors import CommandFailed, EngineError

__all__ = ["choose", "fetch", "mirror", "offered", "replacement"]

SUITE = "sid"
"""Stable Debian's kernels are older than what is wanted; newer sources build with its compiler all the same."""


def fetch(folder: Path, oldest: tuple[int, int]) -> tuple[Path, str]:
    """Fetch the kernel source that the catalog names into a folder, or what Debian has in its place.

    apt verifies its signature and checksum.

    Args:
        folder: where to.
        oldest: the oldest version that will do, such as ``(6, 16)``.

    Returns:
        An archive ``linux-source-VERSION.tar.xz``, and the Debian package's version, such as ``7.2.13-1``.

    Raises:
        NotSupported: this is no Debian.
        EngineError: there is no such source, or it could not be fetched.
    """
    debian_packages.fetch_lists("the user-mode kernel")
    options = debian_suite.options(folder, mirror(), SUITE)
    try:
        name, version = choose(_offered(options), catalog.kernel_source(), oldest)
        run(["apt-get", *options, "download", f"{name}={version}"], cwd=folder, timeout=900)
        package = next(folder.glob(f"{name}_*.deb"))
        run(["dpkg-deb", "-x", package, folder / "package"], timeout=300)
    except CommandFailed as error:
        raise EngineError(
            f"The kernel's source could not be fetched: {error.what}",
            "Check the network and the free disk space, then run `labs up` again.",
        ) from error
    package.unlink()
    return next((folder / "package/usr/src").glob("linux-source-*.tar.xz")), version


def offered(folder: Path) -> list[tuple[str, str]]:
    """The kernel sources that Debian has now.

    Args:
        folder: an empty one, for apt's files.

    Returns:
        Each package's name and version, such as ``("linux-source-7.2", "7.2.13-1")``; of one name the newest first.

    Raises:
        NotSupported: this is no Debian.
        CommandFailed: no mirror answers.
    """
    return _offered(debian_suite.options(folder, mirror(), SUITE))


def _offered(options: list[str]) -> list[tuple[str, str]]:
    run(["apt-get", *options, "update"], timeout=300)
    found = run(["apt-cache", *options, "search", "--names-only", r"^linux-source-[0-9.]+$"], timeout=60)
    names = re.findall(r"^(linux-source-[0-9.]+) ", found, re.M)
    listed = run(["apt-cache", *options, "madison", *names], timeout=60) if names else ""
    return re.findall(r"^\s*(linux-source-[0-9.]+) \|\s*(\S+) \|", listed, re.M)


def choose(offers: list[tuple[str, str]], wanted: str, oldest: tuple[int, int]) -> tuple[str, str]:
    """Choose the kernel source to build from: the wanted one, else the newest of its series, else the newest of all.

    Args:
        offers: as `offered` returns them.
        wanted: the version in the catalog.
        oldest: the oldest version that will do.

    Returns:
        The package's name and version.

    Raises:
        EngineError: all are too old.
    """
    series = f"linux-source-{'.'.join(wanted.split('.')[:2])}"
    if (series, wanted) in offers:
        return series, wanted
    fit = [offer for offer in offers if _numbers(offer[0]) >= oldest]
    same_series = [offer for offer in fit if offer[0] == series]
    if not fit:
        raise EngineError(
            f"Debian has no kernel source of version {oldest[0]}.{oldest[1]} or newer.",
            "Name a user-mode kernel of yours in LABS_KERNEL.",
        )
    return same_series[0] if same_series else max(fit, key=lambda offer: _numbers(offer[0]))


def replacement(version: str) -> str:
    """Why a kernel is built from another source than the catalog's, as a sentence; empty where it is that one.

    Args:
        version: of the source that was fetched.
    """
    wanted = catalog.kernel_source()
    if version == wanted:
        return ""
    series = version.split(".")[:2] == wanted.split(".")[:2]
    which = "the newest of the same series" if series else "the newest there is"
    return f"Debian's archive does not have Linux {wanted} any more, so the kernel is built from {version}, {which}."


def _numbers(name: str) -> tuple[int, ...]:
    return tuple(map(int, name.removeprefix("linux-source-").split(".")))


def mirror() -> str:
    """The mirror of Debian that this system uses.

    Raises:
        NotSupported: it is not Debian.
    """
    return debian_suite.mirror(
        "The user-mode kernel is built from Debian's kernel source",
        "Name a user-mode kernel in LABS_KERNEL: one that was built elsewhere runs here too.",
    )
