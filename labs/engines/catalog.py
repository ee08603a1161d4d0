"""The catalog of what the engines are made of: `catalog.toml` as objects."""

from __future__ import annotations

import platform
import tomllib
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from labs.errors import NotSupported

__all__ = ["Build", "Item", "architecture", "builds", "item_of", "items", "kernel_release", "toolchain"]

FILE = Path(__file__).with_name("catalog.toml")


@dataclass(frozen=True)
class Item:
    """A set of programs of one version.

    Attributes:
        name: such as ``kubernetes``.
        version: without the leading v.
        programs: the executables' names.
        go: the build that makes them.
        release: address of the official file, or empty.
        checksum: address of its SHA-256.
        member: the program's place, where the file is an archive.
        sha256: a pinned checksum, or empty.
        version_flag: the argument with which a program tells its version; empty where one on PATH is not trusted.
        makers_only: no learner's course needs it.
    """

    name: str
    version: str
    programs: tuple[str, ...]
    go: str
    release: str = ""
    checksum: str = ""
    member: str = ""
    sha256: str = ""
    version_flag: str = ""
    makers_only: bool = False

    def expand(self, text: str, program: str) -> str:
        """Fill version, architecture and program into an address."""
        return text.format(version=self.version, arch=architecture(), program=program)


@dataclass(frozen=True)
class Build:
    """One executable that ``go build`` makes.

    Attributes:
        name: of the build.
        package: what is built.
        ldflags: for the linker, such as the version that it is to tell.
        module: the folder whose go.mod and go.sum pin what it is made of.
        tags: build tags, separated by commas.
    """

    name: str
    package: str
    ldflags: str
    module: str = "go"
    tags: str = ""


def architecture() -> str:
    """This machine's architecture as Go and Kubernetes name it.

    Raises:
        NotSupported: there are no programs for it.
    """
    known = {"x86_64": "amd64", "AMD64": "amd64", "aarch64": "arm64", "arm64": "arm64"}
    try:
        return known[platform.machine()]
    except KeyError:
        raise NotSupported(
            f"The engines are not made for {platform.machine()} processors.",
            "Attach to a cluster elsewhere: `labs up --context NAME --docker HOST`.",
        ) from None


@cache
def _raw() -> dict:
    return tomllib.loads(FILE.read_text())


def items() -> dict[str, Item]:
    """Every set of programs, by name."""
    return {
        name: Item(name=name, **{**entry, "programs": tuple(entry["programs"])})
        for name, entry in _raw().items()
        if "programs" in entry
    }


def item_of(program: str) -> Item:
    """The set that a program belongs to."""
    return next(item for item in items().values() if program in item.programs)


def builds() -> dict[str, Build]:
    """Every executable that can be built, by name."""
    return {name: Build(name=name, **entry) for name, entry in _raw()["go"].items()}


def toolchain() -> dict[str, str]:
    """The oldest Go that builds them (``minimum``) and the PyPI wheel that brings one (``wheel``)."""
    return _raw()["toolchain"]


def kernel_release() -> dict[str, str]:
    """Where the user-mode kernel is published: a folder's address (``release``), a pinned ``sha256``."""
    return _raw()["kernel"]
