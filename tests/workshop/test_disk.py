"""A learner's disk: as large as was said, kept when it is unmounted, and with room for who has filled it."""

from __future__ import annotations

import os
import shutil

import pytest

from labs.engines.host.mounts import mounted_below, unmount_below
from labs.engines.programs import system_programs
from labs.errors import LabsError
from labs.workshop.hub import disk
from labs.workshop.hub.disk import LearnerDisk

pytestmark = pytest.mark.engine


@pytest.fixture
def make(tmp_path):
    if os.geteuid():
        pytest.skip("only root mounts files")
    folder = tmp_path / "with a space"
    folder.mkdir()

    def made(gigabytes: int) -> LearnerDisk:
        one = LearnerDisk(folder / "disks/anna.img", folder / "anna/disk", gigabytes)
        one.mount()
        return one

    made.folder = folder
    yield made
    unmount_below(folder)
    assert not mounted_below(folder)


def test_what_is_on_it_stays_and_it_grows(make):
    one = make(1)
    (one.mount_point / "work").write_text("mine")
    assert one.image.stat().st_blocks * 512 < 200 << 20, "it takes room as it is filled"
    make(1)
    assert list(mounted_below(make.folder)) == [one.mount_point], "it is mounted once"
    unmount_below(make.folder)
    assert not list(one.mount_point.iterdir())
    make(2)
    assert (one.mount_point / "work").read_text() == "mine"
    assert shutil.disk_usage(one.mount_point).total > 1.8 * (1 << 30)
    unmount_below(make.folder)
    make(1)
    assert shutil.disk_usage(one.mount_point).total > 1.8 * (1 << 30), "it never shrinks"


def test_who_has_filled_it_finds_room(make):
    one = make(1)
    with pytest.raises(OSError, match="No space left"):
        (one.mount_point / "big").write_bytes(b"x" * (1 << 30))
    make(1)
    assert shutil.disk_usage(one.mount_point).free >= 60 << 20
    (one.mount_point / "big").unlink()
    make(1)
    assert (one.mount_point / "kept-back").exists(), "for the next time"


def test_a_torn_file_is_told_with_the_way_out(make):
    one = LearnerDisk(make.folder / "disks/anna.img", make.folder / "anna/disk", 1)
    one.image.parent.mkdir()
    one.image.write_bytes(b"torn")
    with pytest.raises(LabsError, match="cannot be used") as told:
        one.mount()
    assert "--disk 0" in told.value.todo


def test_no_disk_without_a_limit(make):
    assert not make(0).mount_point.exists()


def test_a_system_without_the_programs_is_told_before(monkeypatch, tmp_path):
    monkeypatch.setenv("PATH", "/nowhere")
    monkeypatch.setenv("LABS_CACHE", str(tmp_path))
    monkeypatch.setattr(system_programs, "ADMINISTRATORS", "")
    with pytest.raises(
        LabsError, match="losetup, mount from Debian's packages, and this machine has no apt-get"
    ) as told:
        disk.require_disks()
    assert "--disk 0" in told.value.todo
