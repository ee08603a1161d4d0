"""The disk that `labs prepare` keeps: the next course starts on a copy of it, and knows what is on it."""

from __future__ import annotations

from pathlib import Path

import pytest

from labs.engines.cluster.images.archive_files import archive_mark
from labs.engines.runtime.state import State
from labs.engines.usermode.disk import GuestDisk, template_has

SIZE = 64 << 20


@pytest.fixture
def archives(tmp_path) -> list[Path]:
    """Two image archives."""
    found = [tmp_path / "labs-web-1.tar", tmp_path / "labs-pause-1.tar"]
    for path in found:
        path.write_bytes(path.name.encode())
    return found


@pytest.fixture
def prepared(tmp_path, monkeypatch, archives) -> GuestDisk:
    """A disk that was kept: mostly holes, with the first image in Docker and both on the node."""
    monkeypatch.setenv("LABS_CACHE", str(tmp_path / "cache"))
    state = State(tmp_path / "first")
    disk = GuestDisk(state)
    state.make_folder(disk.folder)
    with disk.path.open("wb") as file:
        file.truncate(SIZE)
        file.seek(SIZE // 2)
        file.write(b"an image")
    marks = [("docker", "loaded", archives[:1]), ("nodes/node1", "imported", archives)]
    for folder, word, of in marks:
        for archive in of:
            (state.make_folder(folder) / f"{word}-{archive.stem}").write_text(archive_mark(archive))
    disk.keep_as_template()
    return disk


def test_next_course_starts_on_a_copy_and_knows_what_is_on_it(prepared, tmp_path, archives):
    state = State(tmp_path / "second")
    disk = GuestDisk(state)
    state.make_folder(disk.folder)
    disk.ensure(tools=None)  # which make an empty disk, and are not asked
    assert disk.path.read_bytes() == prepared.path.read_bytes()
    assert disk.path.stat().st_blocks * 512 < SIZE // 4  # a copy with its holes
    assert (state.folder / "docker/loaded-labs-web-1").read_text() == archive_mark(archives[0])
    assert (state.folder / "nodes/node1/imported-labs-pause-1").read_text() == archive_mark(archives[1])


def test_template_of_older_images_is_told_from_one_of_these(prepared, archives):
    assert template_has(archives)
    archives[1].write_bytes(b"other bytes")
    assert not template_has(archives)


def test_without_a_template_there_is_nothing_on_it(tmp_path, monkeypatch, archives):
    monkeypatch.setenv("LABS_CACHE", str(tmp_path / "empty"))
    assert not template_has(archives)


def test_new_template_takes_the_place_of_the_old(prepared, tmp_path):
    left = tmp_path / "cache/disks/.draft-of-a-killed-command"
    left.mkdir()
    prepared.path.write_bytes(b"newer")
    prepared.keep_as_template()
    assert [folder.name for folder in (tmp_path / "cache/disks").iterdir()] == ["with-images"]
    disk = GuestDisk(State(tmp_path / "third"))
    disk.state.make_folder(disk.folder)
    disk.ensure(tools=None)
    assert disk.path.read_bytes() == b"newer"
