"""Brings another version of a program into the catalog, and everything that follows from it."""

from __future__ import annotations

import re
import shutil
import tempfile
from collections.abc import Callable
from pathlib import Path

from labs.engines.programs import catalog, go_modules
from labs.engines.runtime.files import write_at_once
from labs.engines.usermode import kernel_source
from labs.errors import CommandFailed, EngineError, NotSupported
from versions.go import Go, Release
from versions.project import CATALOG, Project, go_version, numbers

__all__ = ["KERNEL", "newest_patch", "raise_version"]

KERNEL = "kernel"
GUIDE = 'Read "Raise a version" in CONTRIBUTING.md'


def raise_version(project: Project, go: Go, name: str, version: str, *, minor: bool = False) -> list[str]:
    """Make a version the course's. Nothing is changed when it is refused.

    Args:
        project: whose files are changed.
        go: finds the modules.
        name: of an entry in the catalog, or ``kernel``.
        version: with or without the leading v; the present one only brings the other files to it.
        minor: another minor version may be taken as well.

    Returns:
        The files that are changed, as paths within the project.

    Raises:
        NotSupported: there is no such program or version, or it needs more than another number.
        EngineError: what it is made of is not to be had, or does not go together with what there is.
    """
    version = version.removeprefix("v")
    if name == KERNEL:
        return _raise_kernel(project, version)
    item = _item(project, name)
    if not version:
        raise NotSupported(f"No version of {name} is named.", f"Say `make version NAME={name} VERSION=...`.")
    if not re.fullmatch(r"\d+\.\d+\.\d+", version):
        raise NotSupported(f"{version} is no full version of {name}.", f"Name one with three numbers: {item.version}.")
    if not minor and version.split(".")[:2] != [item.major, item.minor]:
        raise NotSupported(
            f"{name} {version} is another minor version than {item.version} and may need more than a new number.",
            f"{GUIDE}, then say MINOR=yes as well.",
        )
    release = go.release(item.go_module, version)
    if release is None:
        known = newest_patch(go, item)
        raise NotSupported(
            f"{name} has no version {version}.", f"The newest of {item.major}.{item.minor} is {known}." if known else ""
        )
    with tempfile.TemporaryDirectory() as folder:
        draft = Path(folder) / "project"
        _copy(project, draft)
        _change(Project(draft), go, name, version, release)
        return _take_over(draft, project.root)


def newest_patch(go: Go, item: catalog.CatalogItem) -> str:
    """The newest version with the minor version that the catalog has; empty where the proxy lists none.

    Args:
        go: asks the module proxy.
        item: of the catalog; one of the course's own programs has no other versions.
    """
    if not item.go_module:
        return ""
    found = [version for version in go.versions(item.go_module) if version.split(".")[:2] == [item.major, item.minor]]
    return max(found, key=numbers, default="")


def _item(project: Project, name: str) -> catalog.CatalogItem:
    items = project.items()
    known = [item.name for item in items.values() if item.go_module]
    if name not in items:
        raise NotSupported(
            f"The catalog has no {name}." if name else "No program is named.",
            f"Name one of {', '.join([*known, KERNEL])}.",
        )
    if name not in known:
        raise NotSupported(
            f"{name} is the course's own program, so no version of it is published.",
            f"Change its number in {CATALOG} together with its source.",
        )
    return items[name]


def _change(draft: Project, go: Go, name: str, version: str, release: Release) -> None:
    old = draft.items()[name]
    file = draft.catalog_of(old)
    _edit(file, lambda text: _with_entry(text, name, "version", version))
    if old.released:
        _edit(file, lambda text: _with_entry(text, name, "released", release.time))
    item = draft.items()[name]
    go_mod = draft.build_of(item).go_mod
    _edit(go_mod, lambda text: _with_modules(text, item))
    _follow_release(go, go_mod.parent, item, release)
    go.tidy(go_mod.parent)
    _require_others(draft, item, go_mod)
    needed = go_version(go_mod.read_text(encoding="utf-8"))
    if numbers(needed) > numbers(draft.minimum_go()):
        _edit(draft.root / CATALOG, lambda text: _with_entry(text, "toolchain", "minimum", needed))
    for place in draft.places():
        _edit(draft.root / place.file, place.corrected)
    if left := draft.disagreements():
        raise EngineError(f"{name} {version} does not come out everywhere: {left[0]}", f"{GUIDE}.")


def _with_entry(text: str, table: str, key: str, value: str) -> str:
    """A catalog's text with another value. Comments and order stay, which a TOML library would not keep."""
    pattern = rf'^(\[{re.escape(table)}\]\n(?:(?!\[).*\n)*?{key} = )"[^"]*"'
    changed, count = re.subn(pattern, lambda match: f'{match[1]}"{value}"', text, flags=re.M)
    if not count:
        raise EngineError(f"The catalog's [{table}] has no {key}.", "Add it by hand.")
    return changed


def _with_modules(text: str, item: catalog.CatalogItem) -> str:
    """A go.mod's text with the modules of the release that the catalog names."""
    for module, version in go_modules.pinned(text):
        wanted = go_modules.version_in_release(item, module)
        if wanted and go_modules.mismatches(item, [(item.go_module, f"v{item.version}"), (module, version)]):
            suffix = "+incompatible" if version.endswith("+incompatible") else ""
            text = re.sub(rf"(?<=\s){re.escape(module)} {re.escape(version)}(?=\s)", f"{module} {wanted}{suffix}", text)
    return text


def _follow_release(go: Go, folder: Path, item: catalog.CatalogItem, release: Release) -> None:
    """Take over what a release says of its own modules and does not pass on to those that use it."""
    staging = set(re.findall(r"^\s*(\S+) => \./staging/", release.go_mod, re.M))  # Kubernetes' own, there as folders
    if staging:
        replaced = set(re.findall(r"^\s*(?:replace )?(\S+) => ", (folder / "go.mod").read_text(encoding="utf-8"), re.M))
        needed = {module for module, _ in go_modules.pinned(release.go_mod)} & staging
        gone = {module for module in replaced - staging if go_modules.version_in_release(item, module)}
        new = {module: go_modules.version_in_release(item, module) for module in needed - replaced}
        go.edit(folder, *(f"-dropreplace={module}" for module in sorted(gone)),
                *(f"-replace={module}={module}@{version}" for module, version in sorted(new.items())))  # fmt: skip
    if release.version.endswith("+incompatible"):  # it has no go.mod; moby's vendor.mod says what it was built with
        vendored = go.source(item.go_module, release.version) / "vendor.mod"
        if vendored.exists():
            pinned = go_modules.pinned(vendored.read_text(encoding="utf-8").partition("\nexclude")[0])
            go.edit(folder, *(f"-require={module}@{version}" for module, version in pinned))


def _require_others(draft: Project, item: catalog.CatalogItem, go_mod: Path) -> None:
    """Refuse a version whose needs raise another program that the same go.mod pins."""
    pinned = go_modules.pinned(go_mod.read_text(encoding="utf-8"))
    for other in draft.items().values():
        wrong = go_modules.mismatches(other, pinned) if draft.build_of(other).go_mod == go_mod else []
        if wrong and other.name == item.name:
            raise EngineError(f"Something else needs another {item.name}: go.mod has {wrong[0]}.", f"{GUIDE}.")
        if wrong:
            raise EngineError(
                f"{item.name} {item.version} needs another {other.name}: go.mod has {wrong[0]}.",
                f"Raise {other.name} first.",
            )


def _raise_kernel(project: Project, version: str) -> list[str]:
    file = project.root / CATALOG
    with tempfile.TemporaryDirectory() as folder:
        try:
            offers = kernel_source.offered(Path(folder))
        except CommandFailed as error:
            raise EngineError(f"Debian's kernels could not be asked for: {error.what}", "Check the network.") from error
    if version not in [debian for _, debian in offers]:
        raise NotSupported(
            f"Debian has no kernel source of version {version or '(none was named)'}.",
            f"It has {', '.join(debian for _, debian in offers) or 'none'}.",
        )
    return [CATALOG] if _edit(file, lambda text: _with_entry(text, KERNEL, "source", version)) else []


def _edit(file: Path, change: Callable[[str], str]) -> bool:
    """Change a file's text; whether it is another one then."""
    before = file.read_text(encoding="utf-8")
    after = change(before)
    if after != before:
        write_at_once(file, after)
    return after != before


def _files(project: Project) -> set[str]:
    """What a version may change, and what Go reads to find out."""
    modules = {project.build_of(item).go_mod.parent for item in project.items().values()}
    sources = {file for folder in modules for file in folder.rglob("*") if file.is_file()}
    texts = {place.file for place in project.places()}
    return {project.relative(file) for file in [*project.catalogs, *sources]} | texts


def _copy(project: Project, target: Path) -> None:
    for name in _files(project):
        (target / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(project.root / name, target / name)


def _take_over(draft: Path, root: Path) -> list[str]:
    """Write what has changed in a copy; returns the paths."""
    changed = []
    for file in sorted(path for path in draft.rglob("*") if path.is_file()):
        name = file.relative_to(draft).as_posix()
        text = file.read_text(encoding="utf-8")
        if not (root / name).exists() or (root / name).read_text(encoding="utf-8") != text:
            write_at_once(root / name, text)
            changed.append(name)
    return changed
