"""What this system lacks comes from real Debian packages, and works: for other users too, and wherever the cache is."""

from __future__ import annotations

import json
import os
import re
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from labs.engines.programs import command_line, docker_programs, node_tools, system_programs
from labs.engines.runtime.processes import Processes
from labs.engines.runtime.reporter import Reporter, Step
from labs.engines.runtime.state import Record, State
from labs.engines.usermode import compiler

pytestmark = [pytest.mark.engine, pytest.mark.outside]

LACKING = {
    *(name for names in system_programs.OF_PACKAGES.values() for name in names),
    *("gcc", "cc", "c99", "cpp", "ld", "as", "ar", "strip", "m4", *compiler.HELPERS),
}
NOBODY = 65534
PROGRAM = '#include <stdio.h>\nint main(void) { puts("it runs"); return 0; }\n'


@pytest.fixture
def cache(monkeypatch) -> Iterator[Path]:
    """An empty cache that others may enter, on a machine without what its packages bring."""
    with tempfile.TemporaryDirectory() as folder:
        Path(folder).chmod(0o755)
        programs, found = Path(folder, "bin"), Path(folder, "cache")
        for each in (programs, found):
            each.mkdir(mode=0o755)
        for program in (each for place in ("/usr/sbin", "/usr/bin", "/sbin", "/bin") for each in Path(place).iterdir()):
            if program.name not in LACKING and not (programs / program.name).is_symlink():
                (programs / program.name).symlink_to(program)
        monkeypatch.setenv("LABS_CACHE", str(found))
        monkeypatch.setenv("PATH", str(programs))
        monkeypatch.setattr(system_programs, "ADMINISTRATORS", "")
        yield found


@pytest.fixture
def step() -> Step:
    return Reporter(quiet=True).begin("trial")


def fetched(step: Step) -> None:
    """All of them, under a mask that lets no other user in."""
    before = os.umask(0o077)
    try:
        system_programs.ensure(system_programs.FOR_MACHINES + system_programs.FOR_DISKS, step)
    finally:
        os.umask(before)


def test_programs_of_machines_and_disks(cache, step, tmp_path, monkeypatch):
    fetched(step)
    for name in system_programs.FOR_MACHINES + system_programs.FOR_DISKS:
        assert Path(system_programs.find_program(name)).is_relative_to(cache)
    moved = cache.rename(cache.with_name("moved"))
    for folder in (moved, moved / "packages"):
        folder.chmod(0o755)  # these are the user's, and closed if they say so
    monkeypatch.setenv("LABS_CACHE", str(moved))
    ip = system_programs.find_program("ip")
    links = subprocess.check_output([ip, "-json", "link"], user=NOBODY if os.geteuid() == 0 else None)
    assert "lo" in {link["ifname"] for link in json.loads(links)}
    disk = tmp_path / "disk"
    with disk.open("wb") as file:
        file.truncate(16 << 20)
    for name, *options in (["mkfs.ext4", "-q"], ["e2fsck", "-f", "-p"], ["resize2fs"]):
        subprocess.run([system_programs.find_program(name), *options, disk], check=True, capture_output=True)


@pytest.mark.skipif(os.geteuid() != 0, reason="only root enters a namespace")
def test_daemon_behind_nsenter_is_found_and_has_no_library_path_of_ours(cache, step, tmp_path):
    fetched(step)
    processes = Processes(State(tmp_path / "course"), Record(name="trial").id)
    try:
        via = [system_programs.find_program("nsenter"), "--pid=/proc/self/ns/pid", "--"]
        daemon = psutil.Process(processes.start("trial", ["sleep", "60"], via=via, forks=True))
        assert daemon.cmdline() == ["sleep", "60"]
        assert daemon.parent().name() == "nsenter"
        assert "LD_LIBRARY_PATH" not in daemon.environ()
    finally:
        processes.end_all()


@pytest.mark.skipif(os.geteuid() != 0, reason="only root tries the system's firewall")
def test_docker_of_a_newer_debian(cache, step):
    before = os.umask(0o077)
    try:
        tools = node_tools.find_tools(step)
        command_line.ensure(step)
    finally:
        os.umask(before)
    if tools.docker is None:
        assert tools.why_old  # an archive out of reach is said
        pytest.skip(tools.why_old)
    for folder in (cache, cache / "packages"):
        folder.chmod(0o755)
    found = [
        *(tools.docker / place for place in docker_programs.ENGINE.programs),
        command_line.docker_folder() / "docker",
    ]
    for program in found:
        version = subprocess.check_output([program, "--version"], text=True, env=tools.outside(), user=NOBODY)
        assert re.search(r" [0-9]+\.[0-9]+", version)
    assert command_line.completion().is_relative_to(cache)
    assert (tools.prefix / "labs-bin/docker-init").exists()
    assert not (tools.prefix / "usr/sbin/dockerd").exists()  # nothing is fetched twice


def test_compiler(cache, step, tmp_path):
    assert compiler.lacking() == ["gcc", *compiler.HELPERS]
    environment = compiler.environment(tmp_path, step)
    (tmp_path / "hello.c").write_text(PROGRAM)
    (tmp_path / "Makefile").write_text("hello: hello.c\n\tgcc -O2 -o $@ $<\n\tstrip $@\n")
    subprocess.run(["make", "-C", tmp_path, "hello"], env=environment, check=True, capture_output=True)
    assert subprocess.check_output([tmp_path / "hello"], text=True) == "it runs\n"
    linked = subprocess.check_output(["gcc", "-static", "-o", "fixed", "hello.c"], env=environment, cwd=tmp_path)
    assert linked == b""
    assert subprocess.check_output([tmp_path / "fixed"], text=True) == "it runs\n"
    for program in ("flex", "bison", "bc", "xz"):
        subprocess.run([program, "--version"], env=environment, check=True, capture_output=True)
    (tmp_path / "grammar.y").write_text("%token A\n%%\nstart: A;\n")
    subprocess.run(["bison", "grammar.y"], env=environment, cwd=tmp_path, check=True)
