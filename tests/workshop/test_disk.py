"""A learner's disk: as large as was said, kept when it is unmounted, and with room for who has filled it."""

from __future__ import annotations

import os
import shutil

import pytest

from labs.engines.mounts import mounted_below, unmount_below
from labs.errors import LabsError
from labs.workshop.hub import disk
from labs.workshop.hub.disk import Disk

pytestmark = pytest.mark.engine


@pytest.fixture
def make(tmp_path):
    if os.geteuid():
        pytest.skip("only root mounts files")
    folder = tmp_path / "with a space"
    folder.mkdir()

    def made(gigabytes: int) -> Disk:
        one = Disk(folder / "disks/anna.img", folder / "anna/disk", gigabytes)
        one.mount()
        return one

    made.folder = folder
    yield made
    unmount_below(folder)
    assert not mounted_below(folder)


def test_what_is_on_it_stays_and_it_grows(make):
    one = make(1)
    (one.place / "work").write_text("mine")
    assert one.image.stat().st_blocks * 512 < 200 << 20, "it takes room as it is filled"
    make(1)
    assert list(mounted_below(make.folder)) == [one.place], "it is mounted once"
    unmount_below(make.folder)
    assert not list(one.place.iterdir())
    make(2)
    assert (one.place / "work").read_text() == "mine"
    assert shutil.disk_usage(one.place).total > 1.8 * (1 << 30)
    unmount_below(make.folder)
    make(1)
    assert shutil.disk_usage(one.place).total > 1.8 * (1 << 30), "it never shrinks"


def test_who_has_filled_it_finds_room(make):
    one = make(1)
    with pytest.raises(OSError, match="No space left"):
        (one.place / "big").write_bytes(b"x" * (1 << 30))
    make(1)
    assert shutil.disk_usage(one.place).free >= 60 << 20
    (one.place / "big").unlink()
    make(1)
    assert (one.place / "kept-back").exists(), "for the next time"


def test_a_torn_file_is_told_with_the_way_out(make):
    one = Disk(make.folder / "disks/anna.img", make.folder / "anna/disk", 1)
    one.image.parent.mkdir()
    one.image.write_bytes(b"torn")
    with pytest.raises(LabsError, match="cannot be used") as told:
        one.mount()
    assert "--disk 0" in told.value.todo


def test_no_disk_without_a_limit(make):
    assert not make(0).place.exists()


def test_a_system_without_the_programs_is_told_before(monkeypatch):
    monkeypatch.setattr(disk, "PATH", "/nowhere")
    with pytest.raises(LabsError, match="losetup is missing") as told:
        disk.see_that_it_works()
    assert "--disk 0" in told.value.todo
