"""A Binder session: the course's image in a container with less than mybinder.org gives, without a privilege or a
network, on the project's own dockerd."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import closing

import docker
import pytest

from labs.authoring import notebooks
from labs.curriculum import lessons
from labs.waiting import wait_for
from tests.binder import image
from tests.conftest import labs

pytestmark = [pytest.mark.engine, pytest.mark.outside, pytest.mark.timeout(1800)]
COURSE = "/home/jovyan/course"


class Session:
    """A running container of the image. Args: ``container``."""

    def __init__(self, container) -> None:
        self.container = container

    def run(self, command: str) -> tuple[int, str]:
        """Run a shell command in it, as the learner; its status and output."""
        done = self.container.exec_run(["sh", "-c", command], workdir=COURSE, user="1000")
        return done.exit_code, done.output.decode(errors="replace")

    def must(self, command: str) -> str:
        """Run a shell command that must succeed, and return its output."""
        status, output = self.run(command)
        assert status == 0, output[-6000:]
        return output

    def said(self) -> str:
        """What the start-up has said so far."""
        return self.run("cat ~/.cache/kube-labs/up.log")[1]


@pytest.fixture(scope="module")
def session(course) -> Iterator[Session]:
    prepared = labs("prepare", "--engine", "usermode", "--quiet", timeout=1500)
    assert prepared.returncode == 0, prepared.stdout
    with closing(docker.DockerClient(base_url=course.docker_host, timeout=900)) as client:
        image.build(client, print)
        container = client.containers.run(image.TAG, detach=True, **image.LIMITS)
        began = time.monotonic()
        try:
            session = Session(container)
            wait_for(
                lambda: any(word in session.said() for word in ("Kubernetes: ", "✗")),
                timeout=600,
                what="the session's engines",
                state=session.said,
            )
            print(f"engines ready {time.monotonic() - began:.0f} s after the container's start")
            yield session
        finally:
            print(container.logs().decode(errors="replace")[-2000:])
            container.remove(force=True)
            client.images.remove(image.TAG, force=True)
            client.images.prune()


def test_engines_start_by_themselves(session):
    assert "✗" not in session.said()
    status = session.must("labs status")
    assert "engine usermode" in status
    assert "stopped" not in status
    assert "failed" not in status


def test_jupyterlab_is_there_and_keeps_its_token(session):
    assert session.must("curl -sf http://127.0.0.1:8888/api").startswith('{"version"')
    assert session.must("curl -s -o /dev/null -w '%{http_code}' http://127.0.0.1:8888/api/contents") == "403"


def test_nothing_has_a_privilege_or_a_network(session):
    rights = session.must(
        "cat /proc/[0-9]*/status 2>/dev/null | grep -E '^(CapEff|CapBnd|NoNewPrivs|Seccomp):' | sort -u"
    )
    assert set(rights.split("\n")) == {
        "", "CapBnd:\t0000000000000000", "CapEff:\t0000000000000000", "NoNewPrivs:\t1", "Seccomp:\t2"
    }  # fmt: skip
    assert session.must("ls /sys/class/net").split() == ["lo"]


@pytest.mark.parametrize(
    "lesson",
    [
        pytest.param(lesson, marks=[] if "binder" in lesson.facts else pytest.mark.slow, id=lesson.number)
        for lesson in lessons.lessons()
    ],
)
def test_solved_notebook_passes_nbval(session, lesson):
    notebook = notebooks.solved_path(lesson).relative_to(lessons.root())
    session.must(
        "python -m pytest -q -p no:python -p no:cacheprovider -Wdefault --nbval-lax --nbval-cell-timeout=600 "
        f"--override-ini=addopts= {notebook}"
    )


def test_memory_was_enough(session):
    session.container.reload()
    assert not session.container.attrs["State"]["OOMKilled"]
    killed = session.must(
        "cat /sys/fs/cgroup/memory/memory.oom_control /sys/fs/cgroup/memory.events 2>/dev/null || true"
    )
    assert "oom_kill 0" in killed


@pytest.mark.slow  # tests of the engine `usermode` try it as well, and are slow, too
def test_killed_kernel_comes_back(session):
    session.must("pkill -KILL -f '[u]bd0='")  # not this shell, which would match as well
    status, told = session.run("labs status")
    assert status == 3
    assert "`labs up` starts what does not run" in told
    session.must("labs up --quiet")
    session.must("labs status")


def test_down_ends_every_process(session):
    session.must("labs down")

    def left() -> list[str]:
        return [line for line in session.must("ps -eo args").splitlines() if "uml" in line or "kube-labs" in line]

    wait_for(lambda: not left(), timeout=20, what="the last of them to be reaped", state=lambda: str(left()))
