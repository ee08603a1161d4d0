"""Which versions a go.mod gives to Go modules and a built program holds; what the catalog does not name is refused.

A program is stored under the version in the catalog, and many tell one that the linker wrote into them: neither shows
what they were made of.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from pathlib import Path

from labs.engines.programs import catalog
from labs.engines.programs.go_toolchain import go_environment
from labs.engines.runtime.command import run
from labs.errors import CommandFailed, EngineError

__all__ = ["in_program", "mismatches", "pinned", "reports", "require_catalog_modules", "require_catalog_program",
           "version_in_release"]  # fmt: skip

Versions = list[tuple[str, str]]
"""Modules, each with a version; one module may have several."""

UNRELEASED = re.compile(r"v0\.0\.0(-.*)?")
"""No version of a release: the placeholder for what is replaced, or the name of a commit."""


def pinned(go_mod: str) -> Versions:
    """Every version that a go.mod requires of a module or puts in its place.

    Args:
        go_mod: the file's text.
    """
    found = []
    for line in go_mod.splitlines():
        words = line.partition("//")[0].split()
        if words[:1] in (["require"], ["replace"]):
            words = words[1:]
        if "=>" in words:  # what stands behind the arrow is what is built
            words = words[words.index("=>") + 1 :]
        if len(words) == 2 and words[1].startswith("v"):
            found.append((words[0], words[1]))
    return found


def in_program(program: Path, go: Path) -> Versions:
    """The modules that are linked into a program, as Go notes them in it.

    Args:
        program: what `go build` made.
        go: a Go.

    Raises:
        CommandFailed: it is no such program.
    """
    found: Versions = []
    for line in run([go, "version", "-m", program], env=go_environment(), timeout=60).splitlines():
        match line.split():
            case ["mod" | "dep", module, version, *_]:
                found.append((module, version))
            case ["=>", module, version, *_]:
                found[-1] = (module, version)
    return found


def mismatches(item: catalog.CatalogItem, versions: Iterable[tuple[str, str]]) -> list[str]:
    """What of some modules' versions is not what the catalog names.

    Args:
        item: of the catalog.
        versions: as `pinned` and `in_program` return them.

    Returns:
        A half sentence for each, such as ``k8s.io/api v0.37.1 instead of v0.37.2``; none for a program of ours.
    """
    if not item.go_module:
        return []
    wrong, there = [], False
    for module, version in versions:
        wanted, itself = version_in_release(item, module), module == item.go_module
        there = there or itself
        if not itself and UNRELEASED.fullmatch(version):  # such as k8s.io/utils, which has no releases
            continue
        if wanted and version.removesuffix("+incompatible") != wanted:
            wrong.append(f"{module} {version} instead of {wanted}")
    return list(dict.fromkeys(wrong)) if there else [f"no {item.go_module}, whose version it is"]


def version_in_release(item: catalog.CatalogItem, module: str) -> str:
    """The version that a module has in the release which the catalog names; empty where it is none of that release."""
    if module == item.go_module:
        return f"v{item.version}"
    for pattern, version in item.go_siblings.items():
        if re.fullmatch(pattern, module):
            return version.format(version=item.version, major=item.major, minor=item.minor, patch=item.patch)
    return ""


def require_catalog_modules(build: catalog.Build) -> None:
    """Refuse a build whose go.mod would make something else than the catalog names.

    Raises:
        EngineError: it would.
    """
    versions = pinned(build.go_mod.read_text(encoding="utf-8"))
    for item in _items_of(build):
        if wrong := mismatches(item, versions):
            raise EngineError(
                f"{build.go_mod} has {_few(wrong)}, and the catalog names {item.name} {item.version}.",
                f"Bring both together with `make version NAME={item.name} VERSION={item.version}`, "
                "or install the course again.",
            )


def require_catalog_program(program: Path, build: catalog.Build, go: Path) -> None:
    """Refuse a program that was just built when it holds, or tells, another version than the catalog names.

    Args:
        program: what was built; names of it are put beside it.
        build: what it is.
        go: a Go.

    Raises:
        EngineError: it does, or does not run here.
    """
    todo = "It is not kept; run `labs up` again, and report it if it stays."
    try:
        versions = in_program(program, go)
        for item in _items_of(build):
            if wrong := mismatches(item, versions):
                raise EngineError(f"{build.name} was built with {_few(wrong)}.", todo)
            if item.version_flag and not reports(_called(program, item.programs[0]), item):
                raise EngineError(f"{item.programs[0]} was built and does not tell version {item.version}.", todo)
    except CommandFailed as error:
        raise EngineError(f"{build.name} was built and does not run here: {error.what}", todo) from error


def reports(program: Path, item: catalog.CatalogItem, *, minor: bool = False) -> bool:
    """Whether a program tells the catalog's version of itself.

    Args:
        program: one of the item's.
        item: it has a ``version_flag``.
        minor: another patch version will do: 1.37.1 for 1.37.2.

    Raises:
        CommandFailed: it does not run.
    """
    words = [word.rstrip(",").removeprefix("v") for word in run([program, item.version_flag], timeout=60).split()]
    if minor:
        return any(word.startswith(f"{item.major}.{item.minor}.") for word in words)
    return item.version in words


def _called(program: Path, name: str) -> Path:
    """One executable may hold several programs, and picks one by the name that it is called by."""
    link = program.with_name(name)
    if link != program:
        link.unlink(missing_ok=True)
        link.symlink_to(program.name)
    return link


def _items_of(build: catalog.Build) -> list[catalog.CatalogItem]:
    return [item for item in catalog.items().values() if item.go == build.name]


def _few(wrong: list[str]) -> str:
    more = f" and {len(wrong) - 2} more" if len(wrong) > 2 else ""
    return f"{', '.join(wrong[:2])}{more}"
