"""The kernel's source, as Debian packages it: fetched without a change to the system's package sources."""

from __future__ import annotations

import re
from pathlib import Path

from labs.engines import packages
from labs.engines.processes import run
from labs.errors import CommandFailed, EngineError, NotSupported

__all__ = ["fetch"]

KEYRING = Path("/usr/share/keyrings/debian-archive-keyring.gpg")
SUITE = "sid"
"""Stable Debian's kernels are older than what is wanted; newer sources build with its compiler all the same."""


def fetch(folder: Path, oldest: tuple[int, int]) -> tuple[Path, str]:
    """Fetch the newest kernel source into a folder; apt verifies its signature and checksum.

    Args:
        folder: where to.
        oldest: the oldest version that will do, such as ``(6, 16)``.

    Returns:
        An archive ``linux-source-VERSION.tar.xz``, and the Debian package's version, such as ``7.2.13-1``.

    Raises:
        NotSupported: this is no Debian.
        EngineError: there is no such source, or it could not be fetched.
    """
    packages.fetch_lists("the user-mode kernel")
    options = _options(folder, _mirror())
    try:
        run(["apt-get", *options, "update"], timeout=300)
        found = run(["apt-cache", *options, "search", "--names-only", r"^linux-source-[0-9.]+$"], timeout=60)
        versions = [tuple(map(int, v.split("."))) for v in re.findall(r"^linux-source-([0-9.]+) ", found, re.M)]
        newest = max((version for version in versions if version >= oldest), default=None)
        if newest is None:
            raise EngineError(
                f"Debian has no kernel source of version {oldest[0]}.{oldest[1]} or newer.",
                "Name a user-mode kernel of yours in LABS_KERNEL.",
            )
        name = f"linux-source-{'.'.join(map(str, newest))}"
        run(["apt-get", *options, "download", name], cwd=folder, timeout=900)
        package = next(folder.glob(f"{name}_*.deb"))
        run(["dpkg-deb", "-x", package, folder / "package"], timeout=300)
    except CommandFailed as error:
        raise EngineError(
            f"The kernel's source could not be fetched: {error.what}",
            "Check the network and the free disk space, then run `labs up` again.",
        ) from error
    package.unlink()
    return next((folder / "package/usr/src").glob("linux-source-*.tar.xz")), package.name.split("_")[1]


def _mirror() -> str:
    """The mirror of Debian that this system uses."""
    wanted = "$(ORIGIN) $(SUITE) $(REPO_URI)"
    targets = run(["apt-get", *packages.options(whole=False), "indextargets", "--format", wanted], timeout=60)
    for line in targets.splitlines():
        origin, suite, address = line.split(" ", 2)
        if origin == "Debian" and "security" not in suite:
            return address
    raise NotSupported(
        "The user-mode kernel is built from Debian's kernel source, and this system has no package source of Debian's.",
        "Name a user-mode kernel in LABS_KERNEL: one that was built elsewhere runs here too.",
    )


def _options(folder: Path, mirror: str) -> list[str]:
    """apt's own files, in a folder of ours."""
    for name in ("lists/partial", "apt", "archives/partial"):
        (folder / name).mkdir(parents=True)
    (folder / "status").touch()
    sources = folder / "sources.list"
    sources.write_text(f"deb [signed-by={KEYRING}] {mirror} {SUITE} main\n")
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
        "Acquire::Retries": "3",
    }
    return [word for key, value in moved.items() for word in ("-o", f"{key}={value}")]
