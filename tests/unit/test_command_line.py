"""A learner's command `docker`: the course's own, this machine's where that is as good, else the release's."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from labs.engines.programs import command_line, debian_packages, debian_suite, docker_programs, node_tools
from labs.engines.programs.docker_programs import COMMAND, PLUGINS
from labs.engines.runtime.reporter import Reporter
from labs.errors import EngineError
from tests.unit.test_docker_programs import OLD, SAID, program


@pytest.fixture
def cache(tmp_path, monkeypatch) -> Path:
    """An empty cache, on a machine without a `docker`."""
    monkeypatch.setenv("LABS_CACHE", str(tmp_path / "cache"))
    monkeypatch.setenv("PATH", str(tmp_path / "bin"))
    monkeypatch.delenv(docker_programs.VARIABLE, raising=False)
    monkeypatch.setattr(command_line, "SYSTEM_PLUGINS", (tmp_path / "plugins",))
    packages = tmp_path / "cache/packages"
    packages.mkdir(parents=True)
    return packages


def unpacked(cache: Path) -> Path:
    """The course's own command, in the cache."""
    tree = cache / "docker-command-0"
    for place in COMMAND.programs:
        program(tree / place, SAID[Path(place).name])
    versions = ", ".join(f'"{Path(place).name}": "99.0"' for place in COMMAND.programs)
    (tree / "versions.json").write_text(f"{{{versions}}}")
    debian_packages.note_unpacked(COMMAND.label, COMMAND.names, tree)
    return tree


def of_release(cache: Path) -> Path:
    """The tools of this system's release, with an older Docker and what else is among them."""
    tree = cache / "tools-0"
    for name in ("docker", "ps"):
        program(tree / "usr/bin" / name, OLD)
    debian_packages.note_unpacked("programs", node_tools.PACKAGES, tree)
    return tree


def test_there_may_be_none(cache):
    assert command_line.docker_folder() is None


def test_the_courses_own_comes_with_its_plugins(cache, monkeypatch):
    tree = unpacked(cache)
    of_release(cache)
    folder = command_line.docker_folder()
    assert folder == tree / "usr/bin"
    monkeypatch.setenv("PATH", f"{folder}{os.pathsep}/usr/bin:/bin")
    assert command_line.plugin_folders() == [tree / PLUGINS]
    assert command_line.docker_folder() == folder  # it is on PATH, and not taken for the machine's


def test_the_releases_serves_and_brings_nothing_else_onto_the_path(cache):
    of_release(cache)
    folder = command_line.docker_folder()
    assert [path.name for path in folder.iterdir()] == ["docker"]
    assert docker_programs.reported(folder / "docker") == "20.10.24"


@pytest.mark.parametrize(
    ("said", "plugins", "taken"),
    [
        (SAID["docker"], ("docker-buildx", "docker-compose"), True),
        (SAID["docker"], ("docker-buildx",), False),
        (OLD, ("docker-buildx", "docker-compose"), False),
    ],
)
def test_this_machines_is_taken_where_it_is_as_good(cache, monkeypatch, said, plugins, taken):
    tree, machine = unpacked(cache), cache.parents[1]
    program(machine / "bin/docker", said)
    monkeypatch.setenv("PATH", f"{machine}/bin:/usr/bin:/bin")
    for name in plugins:
        program(machine / "plugins" / name, "")
    assert command_line.docker_folder() == (None if taken else tree / "usr/bin")


def test_what_cannot_be_had_stops_nothing_and_is_not_asked_for_again(cache, monkeypatch, capfd):
    asked = []

    def nothing(*arguments, **_):
        asked.append(arguments)
        raise EngineError("No way to the archive.", "")

    monkeypatch.setattr(debian_suite, "download_alone", nothing)
    monkeypatch.setattr(debian_packages, "unpack_programs", nothing)
    for _ in range(2):
        command_line.ensure(Reporter().begin("docker command"))
    assert len(asked) == 2  # once for each
    assert "The command `docker` is missing: No way to the archive." in capfd.readouterr().err
    assert command_line.completion() is None
