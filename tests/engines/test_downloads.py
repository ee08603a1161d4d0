"""A release is used only when it is exactly what its publisher describes; a Go only when it is new enough."""

from __future__ import annotations

import hashlib
import io
import tarfile

import pytest

from labs.engines import gobuild
from labs.engines.catalog import Item
from labs.engines.download import BadDownload, Unreachable, fetch_release
from labs.engines.progress import Reporter
from tests.publisher import publisher

pytestmark = pytest.mark.engine

PROGRAM = b"#!/bin/sh\necho the program\n" * 5000


@pytest.fixture
def site(tmp_path, monkeypatch):
    """A publisher: its folder and its address."""
    monkeypatch.setenv("no_proxy", "127.0.0.1")
    folder = tmp_path / "site"
    folder.mkdir()
    with publisher(folder) as (address, _):
        yield folder, address


def published(site, name: str, content: bytes, *, checksum: str | None = None, **more: str) -> Item:
    """A release whose checksum lies beside it."""
    folder, address = site
    (folder / name).write_bytes(content)
    (folder / "SHA256SUMS").write_text(f"{checksum or hashlib.sha256(content).hexdigest()}  {name}\n")
    return Item("tool", "1.0", ("tool",), "tool", f"{address}/{name}", f"{address}/SHA256SUMS", **more)


def fetch(item: Item, target) -> None:
    fetch_release(item, "tool", target, Reporter(quiet=True).began("tool"), timeout=3)


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
        fetch(Item("tool", "1.0", ("tool",), "tool", f"{address}/tool", f"{address}/sums"), tmp_path / "tool")


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
    assert gobuild.find_go() == (tmp_path / "go" if usable else None)
