"""Systems that are odd in one respect: what the course does on them, or says."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator

import pytest

from tests.bare.machine import LEARNER, Bare, Machine, Person, bare, prepare

pytestmark = [pytest.mark.engine, pytest.mark.outside, pytest.mark.timeout(900)]
UNKNOWN = Person(4242, LEARNER.home)
"""A user id that no file knows, as containers of some clusters have it."""


def test_no_venv():
    """`make` says in words what is missing."""
    with bare("bookworm", LEARNER, warm=False) as made:
        purge = ["chroot", made.root, "dpkg", "--purge", "python3-venv", "python3.11-venv"]
        subprocess.run(purge, check=True, capture_output=True)
        with Machine.over(made) as machine:
            done = machine.run("make lab")
    assert done.returncode != 0
    assert "venv" in done.stdout
    assert "Traceback" not in done.stdout


@pytest.fixture(scope="module")
def installed() -> Iterator[Bare]:
    """A bare Debian 12 on which the course is installed; who uses it has no rights."""
    prepare("usermode")
    with bare("bookworm", LEARNER, warm=True) as made:
        with Machine.over(made) as machine:
            machine.must("make .venv/bin/labs")
        yield made


@pytest.mark.slow
@pytest.mark.parametrize(
    ("person", "mounts"),
    [
        pytest.param(LEARNER, "mount -t tmpfs -o noexec,mode=1777 tmpfs tmp", id="/tmp is noexec"),
        pytest.param(
            LEARNER,
            "mount --rbind home home; mount -t tmpfs -o mode=1777 tmpfs tmp; mkdir -p .old; mount -o remount,bind,ro .",
            id="the system is read-only",
        ),
        pytest.param(UNKNOWN, f"chown -R {UNKNOWN.uid}:{UNKNOWN.uid} home/learner", id="a user without a name"),
    ],
)
def test_course_starts(installed: Bare, person: Person, mounts: str):
    with Machine.over(installed, mounts) as machine:
        try:
            done = machine.run(".venv/bin/labs up", person=person)
            assert done.returncode == 0, done.stdout
            status = machine.run(".venv/bin/labs status", person=person)
            assert status.returncode == 0, status.stdout
            assert "engine usermode" in status.stdout
        finally:
            down = machine.run(".venv/bin/labs down", person=person)
        assert down.returncode == 0, down.stdout
        assert not machine.processes()
