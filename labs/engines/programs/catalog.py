"""The catalog of what the engines are made of: `catalog.toml` as objects."""

from __future__ import annotations

import platform
import tomllib
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path

from labs.errors import NotSupported

__all__ = ["Build", "CatalogItem", "Wheel", "add", "architecture", "builds", "docker", "item_of", "items",
           "kernel_release", "kernel_source", "toolchain", "wheel"]  # fmt: skip

FILES = [Path(__file__).with_name("catalog.toml")]


@dataclass(frozen=True)
class CatalogItem:
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
        version_flag: the argument with which a program prints its version; empty where one on PATH is not trusted.
        go_module: the Go module whose version this is; empty for the course's own programs.
        go_siblings: other modules of the same release, as regular expressions, with the version that it gives them.
        released: when the version was published, where a program is to tell that.
        revision: raised when what the course adds to the program changes while its version does not.
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
    go_module: str = ""
    go_siblings: dict[str, str] = field(default_factory=dict, hash=False)
    released: str = ""
    revision: str = ""

    @property
    def edition(self) -> str:
        """The version, with the revision where there is one: what is kept in the cache is kept under it."""
        return f"{self.version}-{self.revision}" if self.revision else self.version

    @property
    def major(self) -> str:
        """The first number of the version."""
        return self.version.split(".")[0]

    @property
    def minor(self) -> str:
        """The second number of the version; empty where it has none."""
        return ".".join(self.version.split(".")[1:2])

    @property
    def patch(self) -> str:
        """What follows the second number; empty where nothing does."""
        return ".".join(self.version.split(".")[2:])

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
        folder: where its catalog lies.
        module: the folder in that one whose go.mod and go.sum pin what it is made of.
        tags: build tags, separated by commas.
        nice: how far it yields to other programs while it is built, from 0 to 19.
    """

    name: str
    package: str
    ldflags: str
    folder: Path
    module: str = "go"
    tags: str = ""
    nice: int = 0

    @property
    def go_mod(self) -> Path:
        """The file that pins what it is made of."""
        return self.folder / self.module / "go.mod"


def architecture() -> str:
    """This machine's architecture as Go and Kubernetes name it.

    Raises:
        NotSupported: there are no programs for it.
    """
    architectures = {"x86_64": "amd64", "AMD64": "amd64", "aarch64": "arm64", "arm64": "arm64"}
    try:
        return architectures[platform.machine()]
    except KeyError:
        raise NotSupported(
            f"The engines are not made for {platform.machine()} processors.",
            "Attach to a cluster elsewhere: `labs up --context NAME --docker HOST`.",
        ) from None


@cache
def _raw() -> dict:
    """The content of all catalogs that are known, as one."""
    return _read(FILES)


def _read(files: Sequence[Path]) -> dict:
    whole: dict = {"go": {}}
    for file in files:
        content = tomllib.loads(file.read_text(encoding="utf-8"))
        whole["go"] |= {name: {**entry, "folder": file.parent} for name, entry in content.pop("go").items()}
        whole |= content
    return whole


def add(file: Path) -> None:
    """Know the programs of a further catalog, too: what only makers use is in no learner's.

    Args:
        file: as ours.
    """
    if file not in FILES:
        FILES.append(file)
        _raw.cache_clear()


def items(*files: Path) -> dict[str, CatalogItem]:
    """Every set of programs, by name.

    Args:
        files: the catalogs that are read instead of those that are known.
    """
    return {
        name: CatalogItem(name=name, **{**entry, "programs": tuple(entry["programs"])})
        for name, entry in (_read(files) if files else _raw()).items()
        if "programs" in entry
    }


def item_of(program: str) -> CatalogItem:
    """The set that a program belongs to."""
    return next(item for item in items().values() if program in item.programs)


def builds(*files: Path) -> dict[str, Build]:
    """Every executable that can be built, by name; ``ldflags`` have the versions of what it holds filled in.

    Args:
        files: the catalogs that are read instead of those that are known.
    """
    versions = items(*files)
    return {
        name: Build(name=name, **{**entry, "ldflags": entry["ldflags"].format_map(versions)})
        for name, entry in (_read(files) if files else _raw())["go"].items()
    }


def toolchain() -> dict:
    """The oldest Go that builds them, and the PyPI wheel that brings one.

    The Go is ``minimum``; of the wheel there are its name (``wheel``), its ``version``, and by architecture the
    ``bytes`` and ``sha256`` of its file.
    """
    return _raw()["toolchain"]


@dataclass(frozen=True)
class Wheel:
    """A wheel of the package index that holds a program.

    Attributes:
        name: of the package.
        version: that is pinned.
        bytes: of its file, by architecture.
        sha256: of its file, by architecture.
    """

    name: str
    version: str
    bytes: dict[str, int]
    sha256: dict[str, str]


def wheel(section: str) -> Wheel:
    """The wheel that a section of the catalog names.

    Args:
        section: such as ``toolchain``.
    """
    entry = _raw()[section]
    return Wheel(entry["wheel"], entry["version"], entry["bytes"], entry["sha256"])


def kernel_release() -> dict[str, str]:
    """Where the user-mode kernel is published: a folder's address (``release``), a pinned ``sha256``."""
    return _raw()["kernel"]


def docker() -> dict:
    """Where Docker's own programs come from.

    The ``suite`` of Debian whose packages they are, and by program the oldest version that will do (``minimum``).
    """
    return _raw()["docker"]


def kernel_source() -> str:
    """The version of Debian's source package that the user-mode kernel is built from, such as ``7.2.13-1``."""
    return _raw()["kernel"]["source"]
