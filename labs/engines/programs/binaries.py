"""Finds the engines' programs: on PATH, in the cache, as a release, or built from Go modules, in that order."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterable
from pathlib import Path

from filelock import FileLock

from labs.engines.programs import catalog, download, go_build, go_modules
from labs.engines.runtime.reporter import Step
from labs.engines.runtime.user_folders import cache_folder
from labs.errors import CommandFailed

__all__ = ["ensure", "find", "folder_of", "must_be_built"]


def folder_of(item: catalog.CatalogItem) -> Path:
    """The cache's folder for one version of a set of programs."""
    return cache_folder() / "bin" / f"{item.name}-{item.edition}"


def find(program: str) -> Path | None:
    """A program that can be used as it is: of the right version on PATH, else in the cache, else None."""
    item = catalog.item_of(program)
    on_path = shutil.which(program) if item.version_flag else None
    if on_path and _has_version(Path(on_path), item):
        return Path(on_path)
    cached = folder_of(item) / program
    return cached if cached.exists() else None


def ensure(programs: Iterable[str], step: Step) -> dict[str, Path]:
    """Every program's path; what is missing is downloaded or built.

    Args:
        programs: names from the catalog.
        step: reports how far it is.

    Raises:
        EngineError: one can neither be downloaded nor built.
    """
    found = {}
    for program in programs:
        path = find(program)
        if path is None:
            item = catalog.item_of(program)
            folder = folder_of(item)
            folder.mkdir(parents=True, exist_ok=True)
            with FileLock(cache_folder() / "bin" / f".{item.go}.lock"):  # a second course may be building it now
                path = find(program) or _make(item, program, step)
        found[program] = path
    return found


def must_be_built(programs: Iterable[str]) -> bool:
    """Whether one of the programs is missing here and has no release to download.

    Args:
        programs: names from the catalog.
    """
    return any(find(program) is None and not catalog.item_of(program).release for program in programs)


def _make(item: catalog.CatalogItem, program: str, step: Step) -> Path:
    target = folder_of(item) / program
    if item.release and not os.environ.get("LABS_NO_DOWNLOAD"):
        try:
            step.update(f"looking for the release of {program}")
            download.fetch_release(item, program, target, step)
        except download.Unreachable:
            os.environ["LABS_NO_DOWNLOAD"] = "unreachable"  # do not wait for it once a program
        except download.BadDownload as error:
            step.reporter.console.print(f"  {error.what} It is built instead.", highlight=False)
        else:
            return target
    # one executable may hold several sets of programs
    versions = "-".join(i.edition for i in catalog.items().values() if i.go == item.go)
    bundle = cache_folder() / "bin" / "built" / f"{item.go}-{versions}"
    bundle.parent.mkdir(exist_ok=True)
    if not bundle.exists():
        go_build.build(item.go, bundle, step)
    for name in item.programs:
        link = folder_of(item) / name
        link.unlink(missing_ok=True)
        link.symlink_to(os.path.relpath(bundle, link.parent))  # so that the cache may be moved, and copied once
    return target


def _has_version(path: Path, item: catalog.CatalogItem) -> bool:
    """Whether a program reports the catalog's minor version: 1.37 for 1.37.2."""
    try:
        return go_modules.reports(path, item, minor=True)
    except CommandFailed:
        return False
