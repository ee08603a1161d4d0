"""A part that cannot be had stops only what needs it, and says so; once it can be had, `labs up` does the rest."""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import docker
import pytest

from labs.authoring import notebooks
from labs.curriculum import lessons
from labs.engines.runtime.user_folders import cache_folder
from labs.waiting import wait_for, wait_for_http
from tests.engines.courses import Course, kill_group
from tests.engines.manifests import as_text, deployment, service
from tests.notebooks.each_lesson import CELL_TIMEOUT

pytestmark = pytest.mark.engine

PORT, NODE_PORT = 8917, 30917
NO_GO = """#!/bin/sh
[ "$1" != env ] || { echo go1.99.0; exit; }
echo "the module proxy does not answer" >&2
exit 1
"""
BACKGROUND = "from labs.engines.background import up_in_background as up; print(up())"
HELD = """#!/bin/sh
[ "$1" != env ] || { echo go1.99.0; exit; }
exec tail -f /dev/null
"""
STATE = "from labs.jupyter.engine_state import engine_state as state; print(state()['sentence'], state()['todo'])"
OPEN = "from labs.session.opening import open_lab; open_lab({!r}, kubernetes={})"


def cache_without(programs: tuple[str, ...], folder: Path) -> Path:
    """A cache with all that ours has but some programs, which are neither there nor to be built there."""
    for source in cache_folder().iterdir():
        if source.is_dir() and source.name not in ("bin", "go-build", "go-mod", "go-toolchain"):
            (folder / source.name).symlink_to(source)
    for part in ("bin", "bin/built"):
        (folder / part).mkdir()
        for source in (cache_folder() / part).iterdir():
            if not source.name.startswith((*programs, "built", ".")):
                (folder / part / source.name).symlink_to(source)
    return folder


@contextmanager
def second_course(name: str, folder: Path, *, without: tuple[str, ...], go: str) -> Iterator[Course]:
    """A course, not up, on a machine where programs are missing. Args: ``go``, what runs to build them."""
    for each in ("cache", "path"):
        (folder / each).mkdir()
    program = folder / "path" / "go"
    program.write_text(go)
    program.chmod(0o755)
    found = Course(
        f"{name}-c",
        LABS_CACHE=str(cache_without(without, folder / "cache")),
        LABS_NO_DOWNLOAD="1",
        PIP_NO_INDEX="1",
        PATH=f"{program.parent}:{os.environ['PATH']}",
    )
    found.remove()
    yield found
    found.remove()


@pytest.fixture
def lacking(course, course_name, tmp_path) -> Iterator[Course]:
    """A second course, not up, on a machine where the program `pause` cannot be had."""
    with second_course(course_name, tmp_path, without=("pause",), go=NO_GO) as found:
        yield found


@pytest.fixture
def compiling(course, course_name, tmp_path) -> Iterator[Course]:
    """A second course that is being started: Kubernetes is compiled for as long as the test goes on."""
    without = ("kubernetes", "etcd", "kube-bundle")
    with second_course(course_name, tmp_path, without=without, go=HELD) as found:
        process = found.begin_up()
        yield found
        kill_group(process)


def test_docker_works_without_what_runs_pods(lacking):
    up = lacking.labs("up")
    assert up.returncode == 2, up.stdout
    assert "Traceback" not in up.stdout
    assert up.stdout.startswith("Engine host: ")
    assert "  ✗ pause (" in up.stdout
    assert "\n✗ The Go modules could not be fetched" in up.stdout  # the last word, in a sentence
    assert "the module proxy does not answer. Not done because of that: pause on the nodes, nodes, add-ons" in up.stdout
    assert "The next `labs up` goes on where this one stopped." in up.stdout

    with closing(docker.DockerClient(base_url=lacking.engine.docker_host, timeout=60)) as client:
        client.containers.run("labs/web:1", detach=True, ports={"80/tcp": PORT}, restart_policy={"Name": "always"})
        wait_for_http(f"http://localhost:{PORT}/")
        name = f"{lacking.engine.registry}/web"
        client.images.get("labs/web:1").tag(name, "mine")
        assert '"error"' not in client.images.push(name, "mine")

    status = lacking.labs("status")
    assert status.returncode == 3
    assert ", engine host: " in status.stdout.splitlines()[0]  # and why
    assert "✗ pause: The Go modules could not be fetched" in status.stdout
    assert "Not there because of that: pause on the nodes, nodes, add-ons" in status.stdout
    assert "Docker works: lessons 00 and 02 can be done." in status.stdout

    done = lacking.run(sys.executable, "-c", OPEN.format("02", False))
    assert "Lesson 02 is open" in done.stdout, done.stdout
    began = time.monotonic()
    refused = lacking.run(sys.executable, "-c", OPEN.format("04", True))
    assert "Kubernetes is not there, because a part failed. pause: The Go modules" in refused.stdout
    assert time.monotonic() - began < 20  # it does not wait for what will not come

    opened = lacking.run(sys.executable, "-c", BACKGROUND)  # as `labs lab` does
    assert "Docker works, but pause failed: The Go modules" in opened.stdout, opened.stdout
    wait_for(lambda: not lacking.engine.startup().running, timeout=60, what="`labs up` in the background to end")

    lacking.must("stop")
    assert "pause" not in lacking.labs("status").stdout  # of a course that was stopped, the last start says nothing

    whole = Course(lacking.name)
    whole.must("up", "--quiet")
    assert set(whole.states().values()) == {"running"}
    assert "pause" not in whole.must("status")
    whole.kubectl("apply", "-f", "-", input=as_text(deployment("web", "labs/web:1"), service("web", NODE_PORT)))
    whole.kubectl("rollout", "status", "deployment/web", "--timeout=60s")
    wait_for_http(f"http://localhost:{NODE_PORT}/")
    wait_for_http(f"http://localhost:{PORT}/")  # the container that ran before


@pytest.mark.timeout(900)
def test_docker_lessons_do_not_wait_until_kubernetes_is_compiled(compiling, tmp_path):
    """As on a first start, where that takes minutes: ports on localhost and the registry come with Docker."""
    needed = {"images in Docker", "ports on localhost", "registry"}

    def has_docker() -> bool:
        startup = compiling.engine.startup() if compiling.has_record() else None
        return bool(startup) and needed <= set(startup.done)

    wait_for(has_docker, timeout=300, what="Docker, its ports and the registry")
    lesson = lessons.lesson("02")
    argv = [sys.executable, "-m", "pytest", "-q", "-p", "no:python", "-p", "no:cacheprovider", "--nbval-lax"]
    argv += [f"--nbval-cell-timeout={CELL_TIMEOUT}", "--override-ini=addopts=", "-Wdefault"]
    done = compiling.run(*argv, notebooks.solved_path(lesson), timeout=600, LABS_PROGRESS=str(tmp_path / "progress"))
    assert done.returncode == 0, done.stdout[-6000:]

    assert "Kubernetes programs" in compiling.engine.startup().steps  # all that time
    told = compiling.run(sys.executable, "-c", STATE).stdout
    assert told == "Docker is ready, Kubernetes is starting. Lessons 00 and 02 can begin.\n"
    assert set(compiling.components()) - {"network", "docker", "registry", "containerd/node1", "ports"} == {
        name for name, state in compiling.states().items() if state == "stopped"
    }
