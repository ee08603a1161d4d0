"""Asks Go about modules: which versions there are, and what a go.mod needs besides."""

from __future__ import annotations

import json
import os
import re
import tempfile
from dataclasses import dataclass
from pathlib import Path

from labs.engines.programs.go_toolchain import go_environment
from labs.engines.runtime.command import run
from labs.engines.runtime.user_folders import cache_folder
from labs.errors import CommandFailed, EngineError

__all__ = ["Go", "Release"]

UNKNOWN = re.compile(r"unknown revision|not available|no matching versions|404 Not Found|410 Gone|invalid version")
"""What a module proxy and Go say of a version that does not exist."""


@dataclass(frozen=True)
class Release:
    """A version of a Go module.

    Attributes:
        version: as a go.mod has it.
        time: when it was published.
        go_mod: its go.mod, which Go makes up where it has none.
    """

    version: str
    time: str
    go_mod: str


@dataclass(frozen=True)
class Go:
    """The program ``go``.

    Args:
        program: its path.
    """

    program: Path

    def release(self, module: str, version: str) -> Release | None:
        """A version of a module, or None where there is none.

        Args:
            module: its path.
            version: without the leading v.

        Raises:
            EngineError: the module proxy cannot be asked.
        """
        try:
            found = json.loads(self._run("list", "-m", "-json", f"{module}@v{version}"))
        except CommandFailed as error:
            if UNKNOWN.search(error.output):
                return None
            raise _no_answer(module, error) from error
        return Release(found["Version"], found.get("Time", ""), Path(found["GoMod"]).read_text(encoding="utf-8"))

    def versions(self, module: str) -> list[str]:
        """The versions of a module that the proxy lists, without the leading v, oldest first; previews are left out.

        Args:
            module: its path.

        Raises:
            EngineError: the module proxy cannot be asked.
        """
        try:
            listed = self._run("list", "-m", "-versions", module)
        except CommandFailed as error:
            raise _no_answer(module, error) from error
        plain = (word.removesuffix("+incompatible").removeprefix("v") for word in listed.split()[1:])
        return [version for version in plain if re.fullmatch(r"\d+\.\d+\.\d+", version)]

    def source(self, module: str, version: str) -> Path:
        """The folder with a module's files.

        Args:
            module: its name.
            version: as a go.mod has it.
        """
        try:
            return Path(json.loads(self._run("mod", "download", "-json", f"{module}@{version}", timeout=900))["Dir"])
        except CommandFailed as error:
            raise _no_answer(module, error) from error

    def edit(self, folder: Path, *words: str) -> None:
        """Change a go.mod.

        Args:
            folder: where it is.
            words: the arguments of `go mod edit`.
        """
        if words:
            self._run("mod", "edit", *words, cwd=folder)

    def tidy(self, folder: Path) -> None:
        """Bring a go.mod and its go.sum to what is needed.

        Args:
            folder: where they are, with the sources.

        Raises:
            EngineError: a module is not to be had, or needs a newer Go.
        """
        try:
            self._run("mod", "tidy", cwd=folder, timeout=1800)
        except CommandFailed as error:
            raise EngineError(
                f"`go mod tidy` finds no versions that go together: {_last_line(error)}",
                "Raise first what it names; where it is Go, `[toolchain]` in the catalog.",
            ) from error

    def _run(self, *words: str, cwd: Path | None = None, timeout: float = 120) -> str:
        cache = cache_folder()
        cache.mkdir(parents=True, exist_ok=True)
        environment = {
            **{name: value for name, value in os.environ.items() if name not in ("GOFLAGS", "GOWORK")},
            **go_environment(),
            "GOMODCACHE": str(cache / "go-mod"),
            "GOCACHE": str(cache / "go-build"),
        }
        with tempfile.TemporaryDirectory() as nowhere:  # a go.mod above would have a say
            return run([self.program, *words], cwd=cwd or Path(nowhere), env=environment, timeout=timeout)


def _last_line(error: CommandFailed) -> str:
    lines = [line.strip() for line in error.output.splitlines() if line.strip() and "downloading" not in line]
    return lines[-1] if lines else error.what


def _no_answer(module: str, error: CommandFailed) -> EngineError:
    return EngineError(
        f"The versions of {module} could not be asked for: {_last_line(error)}", "Check the network, and GOPROXY."
    )
