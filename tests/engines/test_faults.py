"""Whatever goes wrong is told in a sentence, and nothing is lost or left."""

from __future__ import annotations

import shutil
import socket
import sys
from pathlib import Path

import pytest

from labs.engines.runtime.state import State
from labs.engines.runtime.user_folders import cache_folder
from labs.waiting import wait_for, wait_for_http
from tests.engines.courses import LABS, Course, is_plain, kill_group
from tests.engines.machine_now import differences, snapshot
from tests.engines.manifests import as_text, service

pytestmark = pytest.mark.engine

PORT, NODE_PORT = 8902, 30902
NOBODY = ("setpriv", "--reuid=65534", "--regid=65534", "--clear-groups", "--")


def test_second_up_waits_for_the_first_and_then_two_courses_side_by_side(here, another, docker_client):
    process = another.begin_up()
    next(line for line in process.stdout if "✓ network (" in line)
    refused = another.labs("stop")
    second = another.labs("up")
    rest, _ = process.communicate(timeout=200)
    assert refused.returncode == 2
    assert is_plain(refused.stdout)
    assert "Another `labs` command is changing the course" in refused.stdout
    assert process.returncode == 0, rest
    assert second.returncode == 0, second.stdout
    assert "✓ another `labs up`" in second.stdout

    assert set(here.states().values()) == set(another.states().values()) == {"running"}
    assert here.engine.record.subnet != another.engine.record.subnet
    for course in (here, another):  # the same number in both: localhost has it once
        course.kubectl("apply", "-f", "-", input=as_text(service("same", NODE_PORT)))
        wait_for(
            lambda course=course: str(NODE_PORT) in course.components()["ports"]["detail"],
            timeout=10,
            what="the port to be told",
        )
    assert f"localhost:{NODE_PORT} is taken by another program" in another.must("status")
    here.kubectl("delete", "service", "same")
    wait_for(
        lambda: "taken" not in another.components()["ports"]["detail"], timeout=20, what="the other course to get it"
    )


def test_port_taken_by_another_program_is_told_and_comes_back(here, docker_client):
    with socket.create_server(("127.0.0.1", PORT)):
        docker_client.containers.run(
            "labs/web:1", detach=True, labels=["test"], ports={"80/tcp": PORT, "81/tcp": PORT + 1}
        )
        told = f"localhost:{PORT} is taken by another program"
        wait_for(lambda: told in here.must("status"), timeout=10, what="the taken port to be told")
        here.must("up", "--quiet")  # no reason to fail
    wait_for_http(f"http://localhost:{PORT}/")
    assert told not in here.must("status")


def test_record_that_cannot_be_read(another):
    before = snapshot(another.name)
    process = another.begin_up()
    next(line for line in process.stdout if "✓ network (" in line)
    kill_group(process)
    file = State.of(another.name, system=True).folder / State.RECORD
    for content, command in (("", "status"), ("{", "status"), ("[]", "up"), ('{"id": 1}', "stop")):
        file.write_text(content)
        done = another.labs(command)
        assert done.returncode == 2
        assert is_plain(done.stdout)
        assert f"The course's record {file} cannot be read" in done.stdout
    another.must("down")
    wait_until_as_before(before, another.name)


def wait_until_as_before(before: dict[str, list[str]], name: str) -> None:
    """Wait until nothing of a course is left. Args: ``before``, a snapshot; ``name``, the course's."""

    def left() -> dict[str, list[str]]:
        return differences(before, snapshot(name))

    wait_for(lambda: not left(), timeout=10, what="nothing to be left", state=lambda: str(left()))


def on_a_small_disk(course: Course, folder: Path, megabytes: int, command: str, **env: str):
    """Run a shell command where ``folder`` is a disk of its own, which nobody else sees and which goes with it."""
    script = f"mount -t tmpfs -o size={megabytes}m tmpfs {folder} && {command}"
    return course.run("unshare", "--mount", "--propagation=private", "sh", "-c", script, **env)


def test_disk_too_small_for_a_build(another, tmp_path):
    link = f"ln -s {cache_folder() / 'packages'} {tmp_path}"
    up = " ".join([*LABS, "up", "--quiet"])
    done = on_a_small_disk(another, tmp_path, 64, f"{link} && {up}", LABS_CACHE=str(tmp_path), LABS_NO_DOWNLOAD="1")
    assert done.returncode == 2
    assert is_plain(done.stdout)
    assert "MB free" in done.stdout
    assert "LABS_CACHE" in done.stdout


def test_disk_that_becomes_full_while_the_course_starts(another, tmp_path):
    before = snapshot(another.name)
    labs = " ".join(LABS)
    command = f"{labs} up --quiet; echo status $?; {labs} down; echo status $?; ls -A {tmp_path}"
    done = on_a_small_disk(another, tmp_path, 40, command, LABS_STATE=str(tmp_path))
    up, _, down = done.stdout.partition("status 2")
    assert is_plain(up)
    assert any(words in up.lower() for words in ("disk became full", "no space left"))
    assert down.split("\n", 1)[1] == "The course is removed.\nstatus 0\n"
    wait_until_as_before(before, another.name)


@pytest.fixture
def nobody(course_name) -> Course:
    """A person without any right on this machine."""
    person = Course(f"{course_name}-nobody", HOME="/nonexistent")
    if person.run(*NOBODY, sys.executable, "-c", "import labs.cli.main").returncode:
        pytest.skip("others than root may not read this environment")
    if shutil.which("sudo") and person.run(*NOBODY, "sudo", "-n", "true").returncode == 0:
        pytest.skip("here, everybody may become root")
    return person


@pytest.mark.parametrize(
    ("command", "status"), [("up --engine host", 2), ("status", 2), ("stop", 2), ("doctor", 3), ("down", 0)]
)
def test_neither_root_nor_sudo(nobody, command, status):
    done = nobody.run(*NOBODY, *LABS, *command.split())
    assert done.returncode == status, done.stdout
    assert "Traceback" not in done.stdout
    if command.startswith("up"):
        assert is_plain(done.stdout)
        assert "needs root's rights" in done.stdout


def test_what_nobody_foresaw_is_told_in_sentences_too(course_name):
    done = Course(course_name, LABS_STATE="/dev/null/folder").labs("up")
    assert done.returncode == 2
    assert is_plain(done.stdout)


def test_course_with_an_impossible_name():
    done = Course("a/b").labs("up")
    assert done.returncode == 2
    assert is_plain(done.stdout)
