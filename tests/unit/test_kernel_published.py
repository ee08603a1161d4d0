"""How the user-mode kernel is given away: as a wheel, and as a release file, under its licence."""

from __future__ import annotations

import base64
import csv
import hashlib
import io
import os
import subprocess
import zipfile

import pytest
from typer.testing import CliRunner

from labs.cli.main import app
from labs.engines.runtime.user_folders import cache_folder
from labs.engines.usermode import kernel, kernel_release, prebuilt_kernel
from labs.errors import EngineError, NotSupported
from tests.unit.sample_kernel import given, install, program

pytestmark = pytest.mark.usefixtures("kernels")

CACHE = cache_folder() / "kernel"  # the real one; what is tested has another


def test_wheel_is_what_its_record_says(tmp_path):
    wheel = kernel_release.write_wheel(given(tmp_path), tmp_path / "wheels")
    assert wheel.name == f"kube_labs_kernel-7.2.13+{prebuilt_kernel.digest()}-py3-none-linux_x86_64.whl"
    with zipfile.ZipFile(wheel) as archive:
        info = f"kube_labs_kernel-7.2.13+{prebuilt_kernel.digest()}.dist-info"
        rows = list(csv.reader(io.StringIO(archive.read(f"{info}/RECORD").decode())))
        assert sorted(row[0] for row in rows) == sorted(archive.namelist())
        for name, checksum, size in rows[:-1]:
            content = archive.read(name)
            observed = base64.urlsafe_b64encode(hashlib.sha256(content).digest()).decode().rstrip("=")
            assert (checksum, size) == (f"sha256={observed}", str(len(content)))
        assert rows[-1] == [f"{info}/RECORD", "", ""]
        executable = [entry.filename for entry in archive.infolist() if entry.external_attr >> 16 & 0o111]
        assert executable == ["kube_labs_kernel/kube-labs-kernel"]
        assert archive.read("kube_labs_kernel/kernel.config") == prebuilt_kernel.CONFIG.read_bytes()
        licence = archive.read(f"{info}/licenses/GPL-2.0.txt").decode()
        metadata = archive.read(f"{info}/METADATA").decode()
    assert "GNU GENERAL PUBLIC LICENSE\n                       Version 2" in licence
    assert "License-Expression: GPL-2.0-only\n" in metadata
    assert "source package `linux`, version 7.2.13-1, binary package linux-source-7.2" in metadata


def test_same_kernel_gives_the_same_wheel(tmp_path):
    first = kernel_release.write_wheel(given(tmp_path), tmp_path / "first")
    again = given(tmp_path / "elsewhere")
    os.utime(again.path, (1, 1))
    assert kernel_release.write_wheel(again, tmp_path / "second").read_bytes() == first.read_bytes()


@pytest.mark.parametrize(
    ("content", "platform_tag"),
    [
        (b"\0GLIBC_2.2.5\0GLIBC_2.34\0GLIBC_2.4\0", "manylinux_2_34_x86_64"),
        (b"\0GLIBC_2.2.5\0", "manylinux_2_2_x86_64"),
        (b"static", "linux_x86_64"),
    ],
)
def test_wheel_names_the_c_library_it_needs(content, platform_tag):
    assert kernel_release._platform(content) == platform_tag


def test_real_kernel_becomes_a_wheel(tmp_path, monkeypatch):
    real = max(CACHE.glob(f"linux-*-{prebuilt_kernel.digest()}"), key=lambda path: path.stat().st_mtime, default=None)
    if real is None:
        pytest.skip("no kernel has been built on this machine")
    version = subprocess.run([real, "--version"], capture_output=True, text=True, check=True).stdout.strip()
    wheel = kernel_release.write_wheel(kernel_release.describe(real, f"{version}-1"), tmp_path / "wheels")
    assert "manylinux_2_" in wheel.name
    monkeypatch.syspath_prepend(install(wheel, tmp_path / "site"))
    assert kernel.find().read_bytes() == real.read_bytes()
    assert prebuilt_kernel.version_of(kernel.find()) == version


def test_release_comes_with_its_licence_and_source(tmp_path):
    name = prebuilt_kernel.release_name()
    files = kernel_release.write_release(given(tmp_path), tmp_path / "release")
    assert [file.name for file in files] == [name, f"{name}.sha256", f"{name}.txt"]
    assert files[1].read_text() == f"{hashlib.sha256(files[0].read_bytes()).hexdigest()}  {name}\n"
    notice = files[2].read_text()
    assert "version 7.2.13-1" in notice
    assert "CONFIG_NF_NAT=y" in notice
    assert "GNU GENERAL PUBLIC LICENSE" in notice


@pytest.mark.parametrize(
    ("debian", "what", "error"),
    [
        ("", {}, EngineError),
        ("7.2.1-1", {}, EngineError),
        ("7.2.13-1; rm", {}, EngineError),
        ("7.2.13-1", {"without": "CONFIG_VETH"}, NotSupported),
        ("7.2.13-1", {"version": "6.1.1"}, NotSupported),
    ],
)
def test_kernel_is_not_given_away_without_what_others_need(tmp_path, debian, what, error):
    with pytest.raises(error) as caught:
        kernel_release.describe(program(tmp_path / "built", **what), debian)
    assert caught.value.what.endswith(".")
    assert caught.value.todo.endswith(".")


def test_command_packs_what_was_built_here(tmp_path, kernels):
    """And not what somebody else built, whose source nobody noted."""
    program(tmp_path / "bin/kube-labs-kernel", version="9.9.9")
    here = program(kernels / f"linux-7.2-{prebuilt_kernel.digest()}")
    (kernels / f"{here.name}.source").write_text("7.2.13-1\n")
    done = CliRunner().invoke(app, ["kernel", "--wheel", str(tmp_path / "out"), "--release", str(tmp_path / "out")])
    assert done.exit_code == 0, done.output
    assert sorted(file.name for file in (tmp_path / "out").iterdir()) == [
        prebuilt_kernel.release_name(),
        f"{prebuilt_kernel.release_name()}.sha256",
        f"{prebuilt_kernel.release_name()}.txt",
        f"kube_labs_kernel-7.2.13+{prebuilt_kernel.digest()}-py3-none-linux_x86_64.whl",
    ]


def test_command_alone_tells_which_kernel_is_used(tmp_path):
    used = program(tmp_path / "bin/kube-labs-kernel")
    done = CliRunner().invoke(app, ["kernel"])
    assert str(used) in done.output.replace("\n", "")
