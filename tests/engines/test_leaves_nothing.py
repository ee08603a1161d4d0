"""After `labs down` the machine is as it was before `labs up`, whatever has happened in between."""

from __future__ import annotations

import os
import signal
import subprocess

import pytest

from labs.engines.host.startup import HostStartup
from labs.engines.runtime.user_folders import cache_folder
from labs.waiting import wait_for
from tests.engines.courses import Course, has_ended, kill_after, kill_group
from tests.engines.machine_now import differences, snapshot

pytestmark = pytest.mark.engine

STEPS = tuple(HostStartup(None).tasks())
IN_EVERY_RUN = ("network", "control plane", "images on the nodes")


@pytest.fixture
def before(another: Course) -> dict[str, list[str]]:
    return snapshot(another.name)


def assert_nothing_left(before: dict[str, list[str]], course: Course) -> None:
    """Nothing has come and nothing is missing; what the kernel removes a moment later is waited for."""
    wait_for(
        lambda: not differences(before, snapshot(course.name)),
        timeout=10,
        what="the machine to be as it was",
        state=lambda: str(differences(before, snapshot(course.name))),
        interval=1,
    )


@pytest.mark.parametrize(
    "step", [pytest.param(step, marks=[] if step in IN_EVERY_RUN else [pytest.mark.slow]) for step in STEPS]
)
def test_kill_at_the_end_of_a_step_then_down(another, before, step):
    kill_after(another, step)
    another.must("down")
    assert_nothing_left(before, another)


def test_kill_as_soon_as_there_is_a_record_then_down(another, before):
    process = another.begin_up()
    wait_for(another.has_record, timeout=20, what="the record to be written", interval=0.001)
    kill_group(process)
    another.must("down")
    assert_nothing_left(before, another)


def test_down_while_up_is_at_work(another, before):
    process = another.begin_up()
    next(line for line in process.stdout if "✓ network (" in line)
    another.must("down")
    process.communicate(timeout=20)
    assert_nothing_left(before, another)


def test_a_whole_life_with_a_killed_up_and_a_crash_of_all(another, before, tmp_path):
    """The machine afterwards, and the files of the user who has a cluster and a Docker of their own. What the killed
    command had started goes on or is started again; and a crash of everything, as of a machine that loses its power,
    is nothing else than a stop."""
    files = [tmp_path / "mine.yaml", tmp_path / ".kube/config", tmp_path / ".docker/config.json"]
    for file in files:
        file.parent.mkdir(exist_ok=True)
        file.write_text("{}\n")
    theirs = Course(another.name, HOME=str(tmp_path), KUBECONFIG=str(files[0]), LABS_CACHE=str(cache_folder()))
    stamps = [file.stat().st_mtime_ns for file in files]
    process = theirs.begin_up()
    next(line for line in process.stdout if "✓ control plane (" in line)
    process.kill()  # its children live on
    process.communicate(timeout=60)
    theirs.must("up")
    assert set(theirs.states().values()) == {"running"}
    assert differences(before, snapshot(another.name)), "a snapshot that never differs shows nothing"
    crash(theirs)
    assert "running" not in theirs.states().values()
    theirs.must("up")
    assert set(theirs.states().values()) == {"running"}
    theirs.must("down")
    assert_nothing_left(before, theirs)
    assert [file.stat().st_mtime_ns for file in files] == stamps
    assert sorted(path.name for path in tmp_path.rglob("*") if path.is_file()) == sorted(f.name for f in files)


def crash(course: Course) -> None:
    """End every process of the course at once, and remove its cgroups, as a reboot does."""
    from labs.engines.host.namespace_machine import remove_cgroups

    engine = course.engine
    pids = [process.pid for process in engine.processes.marked()]
    for pid in pids:
        try:
            os.kill(pid, signal.SIGKILL)
        except ProcessLookupError:
            continue
    wait_for(lambda: all(has_ended(pid) for pid in pids), timeout=20, what="all processes to end")
    link = engine.network.link_name(engine.record)
    subprocess.run(["ip", "link", "delete", link], capture_output=True, check=False)
    remove_cgroups(engine.record)
