"""Docker's own programs: of a newer Debian, by the version that each tells; else this release's, with a sentence."""

from __future__ import annotations

import json
import shutil
import subprocess
from pathlib import Path

import pytest

from labs.engines.cluster.docker_engine import VERSION, with_version
from labs.engines.doctor import report
from labs.engines.doctor.finding import REMARK
from labs.engines.programs import catalog, debian_packages, debian_suite, docker_programs, node_tools
from labs.engines.programs.docker_programs import ENGINE, DockerUnavailable
from labs.engines.runtime.component import Component
from labs.engines.runtime.reporter import Reporter
from labs.errors import CommandFailed, EngineError, NotSupported

SAID = {
    "dockerd": "Docker version 28.5.2+dfsg4, build 3ef3c07c883be49a2e8097bcf6d2952fce1d70eb",
    "docker": "Docker version 28.5.2+dfsg4, build 3ef3c07c883be49a2e8097bcf6d2952fce1d70eb",
    "containerd": "containerd github.com/containerd/containerd/v2 2.1.9~ds1 ",
    "docker-buildx": "github.com/docker/buildx 0.29.1+ds1 0.29.1+ds1-4",
    "docker-compose": "Docker Compose version 2.40.3-3",
}
DOCKERD = {
    "usr/sbin/dockerd": SAID["dockerd"],
    "usr/lib/cni/cni-bridge-fp": "of a test",
    "usr/bin/docker-init": "",
    "usr/share/doc/docker.io/README": "long",
}
CONTAINERD = {"usr/bin/containerd": SAID["containerd"]}
OLD = "Docker version 20.10.24+dfsg1, build 297e128"


def program(path: Path, said: str, status: int = 0) -> Path:
    """A program that says something, whatever it is asked."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(f"#!/bin/sh\necho '{said}'\nexit {status}\n")
    path.chmod(0o755)
    return path


def package(folder: Path, name: str, files: dict[str, str], status: int = 0) -> Path:
    """A real package of such programs."""
    tree = folder / name
    for place, said in files.items():
        program(tree / place, said, status)
    control = f"Package: {name}\nVersion: 1\nArchitecture: all\nMaintainer: nobody <no@bo.dy>\nDescription: a test\n"
    (tree / "DEBIAN").mkdir()
    (tree / "DEBIAN/control").write_text(control)
    subprocess.run(["dpkg-deb", "--build", tree, folder / f"{name}_1_all.deb"], check=True, capture_output=True)
    return folder / f"{name}_1_all.deb"


@pytest.fixture(autouse=True)
def cache(tmp_path, monkeypatch) -> Path:
    monkeypatch.setenv("LABS_CACHE", str(tmp_path / "cache"))
    monkeypatch.delenv(docker_programs.VARIABLE, raising=False)
    return tmp_path / "cache"


@pytest.fixture
def archive(tmp_path, monkeypatch):
    """Debian's archive: gives a function that puts packages into it, and counts how often it is asked."""
    if not shutil.which("dpkg-deb"):
        pytest.skip("there is no dpkg-deb here")
    asked: list[str] = []
    debs: list[Path] = []

    def download(packages, suite, archives, what):
        asked.append(suite)
        if not debs:
            raise CommandFailed(["apt-get", "update"], 100, "Could not resolve 'deb.debian.org'")
        return debs

    def offer(dockerd: str = SAID["dockerd"], status: int = 0) -> list[str]:
        folder = tmp_path / f"archive-{len(debs)}"
        debs[:] = [
            package(folder, "docker.io", {**DOCKERD, "usr/sbin/dockerd": dockerd}, status),
            package(folder, "containerd", CONTAINERD),
        ]
        return asked

    monkeypatch.setattr(debian_suite, "download_alone", download)
    offer.asked = asked
    return offer


def ensure(*, patient: bool = True) -> Path:
    return docker_programs.ensure(ENGINE, Reporter(quiet=True).begin("tools"), patient=patient)


@pytest.mark.parametrize("name", SAID)
def test_each_program_is_asked_for_its_version(tmp_path, name):
    version = docker_programs.reported(program(tmp_path / name, SAID[name]))
    assert version in SAID[name]
    assert len(version.split(".")) == 3
    assert docker_programs.is_current(name, version)


def test_a_program_that_tells_no_version_is_none(tmp_path):
    with pytest.raises(EngineError, match="tells no version: hello"):
        docker_programs.reported(program(tmp_path / "dockerd", "hello"))


@pytest.mark.parametrize(
    ("version", "current"), [("20.10.24", False), ("27.5.1", False), ("28.0", True), ("28.0.1", True), ("100.0", True)]
)
def test_versions_are_numbers(version, current):
    assert docker_programs.is_current("dockerd", version) is current


def test_what_is_unpacked_once_is_found_and_not_asked_for_again(archive):
    archive()
    tree = ensure()
    assert docker_programs.find(ENGINE) == tree == ensure()
    assert archive.asked == [catalog.docker()["suite"]]
    assert docker_programs.version_of(tree, "dockerd") == "28.5.2"
    found = {str(path.relative_to(tree)) for path in tree.rglob("*") if path.is_file()}
    assert found == {"usr/sbin/dockerd", "usr/bin/containerd", "versions.json"}


def test_the_cache_may_move(archive, cache, monkeypatch):
    archive()
    ensure()
    moved = cache.rename(cache.with_name("elsewhere"))
    monkeypatch.setenv("LABS_CACHE", str(moved))
    assert docker_programs.find(ENGINE).is_relative_to(moved)


@pytest.mark.parametrize(
    ("said", "status", "why"),
    [(OLD, 0, "has dockerd 20.10.24, which is too old"), ("GLIBC_2.41 not found", 1, "GLIBC_2.41 not found")],
)
def test_what_is_too_old_or_does_not_start_is_not_used(archive, cache, said, status, why):
    archive(said, status)
    with pytest.raises(DockerUnavailable, match=why):
        ensure()
    assert docker_programs.find(ENGINE) is None
    assert why in docker_programs.missed(ENGINE)
    assert not list((cache / "packages").glob("docker-engine-[0-9a-f]*[!n]"))


def test_an_archive_out_of_reach_is_asked_once_a_day_while_there_is_another_docker(archive):
    for _ in range(3):
        with pytest.raises(DockerUnavailable, match=r"Could not resolve 'deb\.debian\.org'"):
            ensure()
    assert len(archive.asked) == 1
    archive()
    ensure(patient=False)
    assert docker_programs.missed(ENGINE) == ""


def test_a_minimum_that_was_raised_asks_again(archive, monkeypatch):
    archive()
    ensure()
    raised = {**catalog.docker(), "minimum": {**catalog.docker()["minimum"], "dockerd": "29.0"}}
    monkeypatch.setattr(catalog, "docker", lambda: raised)
    assert docker_programs.find(ENGINE) is None
    with pytest.raises(DockerUnavailable, match="too old"):
        ensure()
    assert len(archive.asked) == 2


def test_who_wants_the_releases_docker_gets_it(archive, monkeypatch):
    archive()
    ensure()
    monkeypatch.setenv(docker_programs.VARIABLE, "packaged")
    assert docker_programs.find(ENGINE) is None
    with pytest.raises(DockerUnavailable, match="says `packaged`"):
        ensure()


# -- this system's own ------------------------------------------------------------------------------------------------


@pytest.fixture
def system(tmp_path, monkeypatch):
    """A system that has all of the node's programs; gives a function that sets what its dockerd says."""
    folder = tmp_path / "system"
    for name in (*node_tools.PROGRAMS, "runc", "tini-static"):
        program(folder / name, SAID.get(name, ""))
    for name in node_tools.CNI_PLUGINS:
        program(folder / "cni" / name, "")
    monkeypatch.setattr(node_tools, "SYSTEM_PATH", str(folder))
    monkeypatch.setattr(node_tools, "CNI_FOLDERS", (folder / "cni",))
    return lambda said, status=0: program(folder / "dockerd", said, status)


def test_a_systems_current_docker_is_taken(system):
    system(SAID["dockerd"])
    tools = node_tools.system_tools()
    assert (tools.prefix, tools.docker, tools.why_old) == (None, None, "")


@pytest.mark.parametrize(("said", "status"), [(OLD, 0), ("", 0), (SAID["dockerd"], 1)])
def test_a_systems_old_or_broken_docker_is_not(system, said, status):
    system(said, status)
    assert node_tools.system_tools() is None


def test_a_systems_old_docker_is_taken_by_who_wants_it(system, monkeypatch):
    system(OLD)
    monkeypatch.setenv(docker_programs.VARIABLE, "packaged")
    assert "this system has dockerd 20.10.24" in node_tools.system_tools().why_old


# -- what is said -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("version", "why", "detail"),
    [
        ("28.5.2+dfsg4", "", ""),
        ("20.10.24+dfsg1", "no way", "20.10.24+dfsg1, older than the 28.0 that lessons are written for: no way"),
        ("20.10.24+dfsg1", "", "20.10.24+dfsg1, older than the 28.0 that lessons are written for"),
        ("dev", "", ""),
    ],
)
def test_status_says_what_docker_is_old_and_why(tmp_path, version, why, detail):
    (tmp_path / VERSION).parent.mkdir()
    (tmp_path / VERSION).write_text(json.dumps({"version": version, "why_old": why}))
    assert with_version(Component("docker", "running"), tmp_path).detail == detail
    assert with_version(Component("docker", "stopped"), tmp_path).detail == ""
    assert with_version(Component("registry", "running"), tmp_path).detail == ""
    assert with_version(Component("docker", "running"), tmp_path / "of an older course").detail == ""


def test_doctor_says_that_docker_is_old_and_why(archive, cache, monkeypatch):
    monkeypatch.setattr(report, "system_tools", lambda **_: None)
    (cache / "packages/tools-0").mkdir(parents=True)
    debian_packages.note_unpacked("programs", node_tools.PACKAGES, cache / "packages/tools-0")
    assert list(report._old_docker()) == []  # not tried yet
    with pytest.raises(DockerUnavailable):
        ensure()
    (finding,) = report._old_docker()
    assert (finding.level, finding.engine) == (REMARK, "host")
    assert "may be older than the 28.0" in finding.observed
    assert "Could not resolve" in finding.observed
    assert report._docker(own_kernel=False) == "in the cache"
    archive()
    ensure(patient=False)
    assert list(report._old_docker()) == []
    assert report._docker(own_kernel=False) == "28.5.2, in the cache"


# -- Debian's mirror --------------------------------------------------------------------------------------------------

TOLD = "Debian bookworm-security http://a/debian-security\nNode bookworm http://b/\nDebian bookworm http://c/debian\n"
SITES = "http://a/debian-security/ http://a/debian-security\nhttp://c/debian/ http://c/debian\n"


@pytest.mark.parametrize(
    ("told", "sites", "address"), [(TOLD, SITES, "http://c/debian"), ("", SITES, "http://c/debian")]
)
def test_mirror_is_debians_before_its_lists_are_there_as_well(monkeypatch, told, sites, address):
    monkeypatch.setattr(debian_suite, "run", lambda argv, **_: sites if "--no-release-info" in argv else told)
    assert debian_suite.mirror("Docker", "") == address


def test_another_system_has_no_mirror_of_debian(monkeypatch):
    ubuntu = "http://archive.ubuntu.com/ubuntu/ http://archive.ubuntu.com/ubuntu\n"
    monkeypatch.setattr(debian_suite, "run", lambda argv, **_: ubuntu if "--no-release-info" in argv else "")
    with pytest.raises(NotSupported, match="has no package source of Debian's"):
        debian_suite.mirror("Docker is taken from Debian testing", "")
