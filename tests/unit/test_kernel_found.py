"""Where the user-mode kernel comes from: named, on PATH, in a wheel, in the cache, as a release, or built."""

from __future__ import annotations

import hashlib
import os
import subprocess
from pathlib import Path

import pytest

from labs.engines.doctor import usermode
from labs.engines.programs import catalog
from labs.engines.runtime.reporter import Reporter
from labs.engines.usermode import compiler, kernel, kernel_release, kernel_source, prebuilt_kernel
from labs.errors import NotSupported
from tests.publisher import publisher
from tests.unit.sample_kernel import given, install, program

pytestmark = pytest.mark.usefixtures("kernels")

OTHER = "01234567"


def ensure() -> Path:
    return kernel.ensure(Reporter(quiet=True).begin("kernel"))


def assert_it_would_be_built() -> None:
    """There is no compiler on this machine, and nothing to fetch one with."""
    with pytest.raises(NotSupported, match="the user-mode kernel from Debian's packages"):
        ensure()


def test_named_kernel_wins(tmp_path, monkeypatch):
    program(tmp_path / "bin/kube-labs-kernel")
    named = program(tmp_path / "mine", version="5.0.0")
    monkeypatch.setenv("LABS_KERNEL", str(named))
    assert kernel.find() == named


@pytest.mark.parametrize("name", ["kube-labs-kernel", "linux.uml"])
def test_kernel_on_path_is_used_when_it_has_all_that_is_needed(tmp_path, kernels, name):
    cached = program(kernels / f"linux-7.2-{prebuilt_kernel.digest()}")
    there = program(tmp_path / "bin" / name, without="CONFIG_NF_NAT")
    assert kernel.find() == cached
    program(there, version="6.15.9")
    assert kernel.find() == cached
    program(there, version="6.16.1")
    assert kernel.find() == there


def test_program_on_path_that_is_no_kernel_is_left_alone(tmp_path):
    (tmp_path / "bin/linux.uml").write_text("no program")
    (tmp_path / "bin/linux.uml").chmod(0o755)
    assert kernel.find() is None


def test_installed_wheel_comes_before_the_cache(tmp_path, kernels, monkeypatch):
    program(kernels / f"linux-7.2-{prebuilt_kernel.digest()}")
    target = install(kernel_release.write_wheel(given(tmp_path), tmp_path / "wheels"), tmp_path / "site")
    monkeypatch.syspath_prepend(target)
    assert kernel.find() == target / "kube_labs_kernel/kube-labs-kernel"
    assert os.access(kernel.find(), os.X_OK)
    assert prebuilt_kernel.version_of(kernel.find()) == "7.2.13"
    assert prebuilt_kernel.unused_wheel() == ""


def test_wheel_of_another_configuration_is_refused(tmp_path, kernels, monkeypatch):
    with monkeypatch.context() as before:
        before.setattr(prebuilt_kernel, "digest", lambda: OTHER)
        wheel = kernel_release.write_wheel(given(tmp_path), tmp_path / "wheels")
    monkeypatch.syspath_prepend(install(wheel, tmp_path / "site"))
    assert kernel.find() is None
    words = [finding.observed for finding in usermode.examine()]
    assert words[0] == (
        f"The installed wheel kube_labs_kernel has a kernel of the configuration {OTHER}, "
        f"and {prebuilt_kernel.digest()} is wanted."
    )
    assert_it_would_be_built()
    cached = program(kernels / f"linux-7.2-{prebuilt_kernel.digest()}")
    assert kernel.find() == cached


def test_wheel_whose_kernel_was_removed_is_refused(tmp_path, monkeypatch):
    target = install(kernel_release.write_wheel(given(tmp_path), tmp_path / "wheels"), tmp_path / "site")
    (target / "kube_labs_kernel/kube-labs-kernel").unlink()
    monkeypatch.syspath_prepend(target)
    assert kernel.find() is None
    assert "is incomplete" in prebuilt_kernel.unused_wheel()


def test_newest_kernel_of_our_configuration_is_taken_from_the_cache(kernels):
    for age, name in (
        (3, f"linux-6.19-{prebuilt_kernel.digest()}"),
        (2, f"linux-7.2-{prebuilt_kernel.digest()}"),
        (1, f"linux-7.2-{OTHER}"),
    ):
        os.utime(program(kernels / name), (1e9 - age, 1e9 - age))
    (kernels / f"linux-7.2-{prebuilt_kernel.digest()}.source").write_text("7.2.13-1\n")
    assert kernel.find() == kernels / f"linux-7.2-{prebuilt_kernel.digest()}"
    assert kernel.source_of(kernel.find()) == "7.2.13-1"


@pytest.fixture
def site(tmp_path, monkeypatch):
    """The folder that a publisher serves, its address as LABS_KERNEL_RELEASE, and what it was asked for."""
    folder = tmp_path / "published"
    kernel_release.write_release(given(tmp_path), folder)
    with publisher(folder) as (address, asked):
        monkeypatch.setenv("LABS_KERNEL_RELEASE", f"{address}/")
        yield folder, address, asked


def test_release_is_used_and_kept(kernels, site):
    folder, _, asked = site
    found = ensure()
    assert found == kernels / f"linux-7.2.13-{prebuilt_kernel.digest()}"
    assert found.read_bytes() == (folder / prebuilt_kernel.release_name()).read_bytes()
    assert os.access(found, os.X_OK)
    before = list(asked)
    assert ensure() == kernel.find() == found
    assert asked == before == [f"/{prebuilt_kernel.release_name()}.sha256", f"/{prebuilt_kernel.release_name()}"]


def test_doctor_tells_of_the_release(site):
    assert [finding.level for finding in usermode.examine()] == ["remark"]
    assert f"downloaded from {site[1]}/{prebuilt_kernel.release_name()}" in next(usermode.examine()).observed


def spoil_checksum(folder: Path) -> None:
    (folder / f"{prebuilt_kernel.release_name()}.sha256").write_text(f"{'0' * 64}  {prebuilt_kernel.release_name()}\n")


def spoil_file(folder: Path) -> None:
    with (folder / prebuilt_kernel.release_name()).open("ab") as file:
        file.write(b"#")


def cut(folder: Path) -> None:
    file = folder / prebuilt_kernel.release_name()
    file.write_bytes(file.read_bytes()[:-100])


def remove_checksum(folder: Path) -> None:
    (folder / f"{prebuilt_kernel.release_name()}.sha256").unlink()


def publish_another(folder: Path) -> None:
    file = program(folder / prebuilt_kernel.release_name(), without="CONFIG_OVERLAY_FS")
    checksum = hashlib.sha256(file.read_bytes()).hexdigest()
    (folder / f"{prebuilt_kernel.release_name()}.sha256").write_text(f"{checksum}  {prebuilt_kernel.release_name()}\n")


@pytest.mark.parametrize("spoil", [spoil_checksum, spoil_file, cut, remove_checksum, publish_another])
def test_wrong_release_is_never_used(kernels, site, spoil):
    spoil(site[0])
    assert_it_would_be_built()
    assert [file.name for file in kernels.iterdir()] == [".kernel.lock"]


def test_truncated_release_is_never_used(kernels, site, tmp_path, monkeypatch):
    kernel_release.write_release(given(tmp_path), site[0] / "truncated")
    monkeypatch.setenv("LABS_KERNEL_RELEASE", f"{site[1]}/truncated")
    assert_it_would_be_built()
    assert f"/truncated/{prebuilt_kernel.release_name()}" in site[2]
    assert [file.name for file in kernels.iterdir()] == [".kernel.lock"]


def test_server_that_does_not_answer_is_no_failure(monkeypatch, capsys):
    monkeypatch.setenv("LABS_KERNEL_RELEASE", "http://127.0.0.1:9")
    with pytest.raises(NotSupported):
        kernel.ensure(Reporter().begin("kernel"))
    told = " ".join(capsys.readouterr().err.split())
    assert "does not answer" in told
    assert "The kernel is built instead." in told


@pytest.mark.parametrize(("name", "value"), [("LABS_KERNEL_RELEASE", ""), ("LABS_NO_DOWNLOAD", "1")])
def test_nothing_is_contacted_when_that_is_wished(site, monkeypatch, name, value):
    monkeypatch.setenv(name, value)
    assert_it_would_be_built()
    assert site[2] == []


def test_nothing_is_published_yet():
    assert prebuilt_kernel.release() is None


def test_another_server_that_did_not_answer_says_nothing_of_ours(site, monkeypatch):
    monkeypatch.setenv("LABS_NO_DOWNLOAD", "unreachable")
    assert ensure()


def test_pinned_checksum_is_the_catalogs_files(kernels, site, monkeypatch):
    entry = {"release": site[1], "sha256": "0" * 64}
    monkeypatch.setattr(catalog, "kernel_release", lambda: entry)
    assert_it_would_be_built()
    monkeypatch.delenv("LABS_KERNEL_RELEASE")
    assert_it_would_be_built()
    entry["sha256"] = hashlib.sha256((site[0] / prebuilt_kernel.release_name()).read_bytes()).hexdigest()
    assert ensure().parent == kernels


def test_another_folder_has_checksums_of_its_own(site, monkeypatch):
    monkeypatch.setattr(catalog, "kernel_release", lambda: {"release": "http://127.0.0.1:9", "sha256": "0" * 64})
    assert ensure()


# a source that builds as the kernel's does, with the same programs, and makes something else of it
MAKEFILE = """\
allnoconfig:
\tcp $(KCONFIG_ALLCONFIG) .config
linux:
\t@echo "  CC      init/main.o"
\tcp /bin/true linux
"""


def test_built_kernel_comes_with_a_note_of_its_source(kernels, tmp_path, monkeypatch, capsys):
    monkeypatch.setenv("PATH", os.defpath)
    monkeypatch.setattr(compiler, "HELPERS", {"make": "make", "xz": "xz-utils"})
    if missing := compiler.lacking():
        pytest.skip(f"nothing can be built here without {', '.join(missing)}")

    def fetch(folder: Path, _: object) -> tuple[Path, str]:
        tree = folder / "linux-source-7.2"
        tree.mkdir()
        (tree / "Makefile").write_text(MAKEFILE)
        archive = folder / "linux-source-7.2.tar.xz"
        subprocess.run(["tar", "-C", folder, "-cJf", archive, "--remove-files", tree.name], check=True)
        return archive, "7.2.13-1"

    monkeypatch.setattr(kernel_source, "fetch", fetch)
    monkeypatch.setattr(catalog, "kernel_source", lambda: "7.2.12-1")
    built = kernel.ensure(Reporter().begin("kernel"))
    assert "does not have Linux 7.2.12-1 any more, so the kernel is built from 7.2.13-1" in " ".join(
        capsys.readouterr().err.split()
    )
    assert built == kernels / f"linux-7.2-{prebuilt_kernel.digest()}" == kernel.find()
    assert kernel.source_of(built) == "7.2.13-1"
    assert not list(kernels.glob(".build-*"))


def test_kernel_is_built_elsewhere_when_its_makefiles_would_not_work(kernels, tmp_path, monkeypatch):
    assert kernel._build_folder() == kernels
    monkeypatch.setenv("LABS_CACHE", str(tmp_path / "a home/cache"))
    (tmp_path / "a home/cache/kernel").mkdir(parents=True)
    elsewhere = kernel._build_folder()
    assert " " not in str(elsewhere)
    assert os.access(elsewhere, os.W_OK)
    monkeypatch.setattr(kernel, "is_noexec", lambda _: True)
    with pytest.raises(NotSupported, match="a home"):
        kernel._build_folder()
