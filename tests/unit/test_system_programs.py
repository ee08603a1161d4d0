"""Programs that the course runs on this system are found: in the system's folders, or in the cache with a wrapper."""

from __future__ import annotations

import re
import shutil
import subprocess
from pathlib import Path

import psutil
import pytest

from labs.engines.programs import debian_packages, system_programs
from labs.errors import NotSupported
from labs.waiting import wait_for

CARRIED = ("setpriv", "unshare")


@pytest.fixture
def bare(tmp_path, monkeypatch) -> Path:
    """A system with none of the programs, and an empty cache, which it gives."""
    monkeypatch.setenv("LABS_CACHE", str(tmp_path / "cache"))
    monkeypatch.setenv("PATH", str(tmp_path / "nothing"))
    monkeypatch.setattr(system_programs, "ADMINISTRATORS", "")
    return tmp_path / "cache"


@pytest.fixture
def carried(bare) -> Path:
    """The same, with programs and libraries of this system in the cache, as if they had been unpacked from packages."""
    tree = bare / "packages/system-0123"
    for name in CARRIED:
        program = Path(shutil.which(name, path="/usr/bin:/bin"))
        (tree / "usr/bin").mkdir(parents=True, exist_ok=True)
        shutil.copy(program, tree / "usr/bin")
        for library in re.findall(r"=> (\S+) \(", subprocess.check_output(["/usr/bin/ldd", program], text=True)):
            if "libc.so" not in library:
                place = tree / "usr/lib" / Path(library).parent.name
                place.mkdir(parents=True, exist_ok=True)
                shutil.copy(library, place)
    system_programs._write_wrappers(tree)
    debian_packages.note_unpacked(system_programs.LABEL, list(system_programs.OF_PACKAGES), tree)
    return bare


def test_users_without_the_administrators_folders_on_their_path(monkeypatch):
    monkeypatch.setenv("PATH", "/usr/bin:/bin")
    assert Path(system_programs.find_program("pivot_root")).parent.name == "sbin"


def test_program_that_is_nowhere(bare):
    with pytest.raises(NotSupported, match="nsenter is neither installed") as told:
        system_programs.find_program("nsenter")
    assert "apt-get install util-linux" in told.value.todo


def test_system_that_has_all_fetches_nothing(tmp_path, monkeypatch):
    monkeypatch.setenv("LABS_CACHE", str(tmp_path / "cache"))
    system_programs.ensure(("sh", "unshare"))
    assert not (tmp_path / "cache").exists()


def test_nothing_to_fetch_them_with(bare):
    with pytest.raises(NotSupported, match="makes ip from Debian's packages"):
        system_programs.ensure(("ip",))


def test_wrapper_works_where_the_cache_was_moved_to(carried, monkeypatch):
    moved = carried.rename(carried.with_name("a cache elsewhere"))
    monkeypatch.setenv("LABS_CACHE", str(moved))
    program = system_programs.find_program("setpriv")
    assert Path(program).is_relative_to(moved)
    said = subprocess.check_output([program, "--no-new-privs", "/usr/bin/env"], text=True, env={"MINE": "a b"})
    assert "MINE=a b" in said.splitlines()
    assert "LD_LIBRARY_PATH" not in said


def test_wrapper_takes_the_libraries_of_the_cache(carried):
    program = system_programs.find_program("setpriv")
    said = subprocess.check_output(
        [program, "--version"], text=True, env={"LD_DEBUG": "libs"}, stderr=subprocess.STDOUT
    )
    if "libcap-ng" not in said:
        pytest.skip("this system's setpriv needs no library")
    assert re.search(rf"calling init: {re.escape(str(carried))}.*libcap-ng", said)


def test_process_has_the_programs_name(carried):
    """`Processes` waits for it, to know the program's child from those of a shell."""
    with subprocess.Popen([system_programs.find_program("unshare"), "--fork", "/bin/sleep", "30"]) as parent:
        process = psutil.Process(parent.pid)
        child = wait_for(process.children, timeout=10, what="the child")[0]
        names = ("unshare", "sleep")  # the child's comes a moment after it was made, with its program
        wait_for(lambda: (process.name(), child.name()) == names, timeout=10, what=f"the names {names}")
        child.kill()


def test_systems_own_program_comes_first(carried, tmp_path):
    (tmp_path / "nothing").mkdir()
    own = tmp_path / "nothing/setpriv"
    own.write_text("#!/bin/sh\n")
    own.chmod(0o755)
    assert system_programs.find_program("setpriv") == str(own)
