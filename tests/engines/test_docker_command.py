"""The Docker that runs, and a lesson's command `docker`: current, with BuildKit and Compose, for the course alone."""

from __future__ import annotations

import json
import select
import shutil
import sys
import time
from pathlib import Path

import pytest
from ptyprocess import PtyProcess

from labs.engines.programs import docker_programs
from labs.engines.runtime.user_folders import cache_folder
from tests.engines.courses import LABS

pytestmark = pytest.mark.engine

NEWER = """\
FROM labs/shell:1
COPY --chmod=754 word /word
RUN <<EOF
echo one > /one
echo two > /two
EOF
RUN --mount=type=cache,target=/c echo kept > /c/x && cat /c/x > /three
"""
COMPOSE = """\
services:
  page:
    build: .
    image: labs-test-page:1
    ports: ["8029:80"]
    healthcheck: {test: ["CMD", "wget", "-q", "-O", "/dev/null", "http://localhost/"], interval: 1s}
"""


@pytest.fixture
def others(tmp_path) -> dict[str, str]:
    """A learner whose own settings of Docker are for other work: the environment that leads to them."""
    home = tmp_path / "home"
    (home / ".docker").mkdir(parents=True)
    (home / ".docker/config.json").write_text('{"credsStore": "no-such-helper", "currentContext": "other"}')
    return {"HOME": str(home), "DOCKER_HOST": "tcp://elsewhere:2375", "DOCKER_BUILDKIT": "0",
            "LABS_CACHE": str(cache_folder())}  # fmt: skip


def lesson(here, *command: str | Path, **env: str) -> str:
    """Run a command as `labs shell 02` does; it must succeed."""
    return here.must("shell", "02", *map(str, command), **env)


def test_docker_is_current_and_nobody_says_otherwise(here, docker_client):
    version = docker_client.version()["Version"].partition("+")[0]
    assert docker_programs.is_current("dockerd", version)
    assert here.components()["docker"]["detail"] == ""
    assert json.loads((here.engine.folder / "docker/version.json").read_text())["why_old"] == ""


def test_the_command_is_the_courses_and_asks_the_courses_docker(here, docker_client, others):
    assert docker_client.info()["ID"] in lesson(here, "docker", "info", "--format", "{{.ID}}", **others)
    where = lesson(here, "sh", "-c", "command -v docker", **others).strip()
    assert where == f"{here.engine.command_folders()[0]}/docker"
    assert json.loads(Path(others["HOME"], ".docker/config.json").read_text())["credsStore"] == "no-such-helper"


def test_builds_know_what_only_buildkit_knows(here, docker_client, tmp_path, others):
    (tmp_path / "Dockerfile").write_text(NEWER)
    (tmp_path / "word").write_text("hello\n")
    lesson(here, "docker", "build", "--tag", "labs-test-kit:1", "--label", "test", tmp_path, **others)
    said = docker_client.containers.run(
        "labs-test-kit:1", ["sh", "-c", "ls -l /word; cat /one /two /three"], remove=True, labels=["test"]
    )
    assert said.decode().split()[0] == "-rwxr-xr--"
    assert said.decode().split()[-3:] == ["one", "two", "kept"]
    docker_client.images.remove("labs-test-kit:1")


def test_a_file_that_is_missing_is_named(here, tmp_path):
    (tmp_path / "Dockerfile").write_text("FROM labs/shell:1\nCOPY nothere /\n")
    done = here.labs("shell", "02", "docker", "build", str(tmp_path))
    assert done.returncode
    assert '"/nothere": not found' in done.stdout


def test_compose_builds_waits_and_ends(here, docker_client, tmp_path, others):
    (tmp_path / "Dockerfile").write_text("FROM labs/web:1\nRUN echo composed > /usr/share/nginx/html/index.html\n")
    (tmp_path / "compose.yaml").write_text(COMPOSE)
    compose = ("docker", "compose", "--project-name", "labs-test", "--file", tmp_path / "compose.yaml")
    try:
        lesson(here, *compose, "up", "--detach", "--build", "--wait", **others)
        assert "composed" in lesson(here, "docker", "exec", "labs-test-page-1", "wget", "-qO-", "http://localhost/")
    finally:
        lesson(here, *compose, "down", "--rmi", "all", **others)
    assert not docker_client.containers.list(all=True, filters={"name": "labs-test-page"})


class Terminal:
    """A terminal at which somebody types. Args: ``argv``, what runs in it; ``env``, its environment."""

    def __init__(self, argv: list[str], env: dict[str, str]) -> None:
        self.process = PtyProcess.spawn(argv, dimensions=(40, 150), env=env)

    def until(self, words: str, timeout: float = 60) -> str:
        """What is shown until some words are, which must come."""
        shown, end = "", time.monotonic() + timeout
        while words not in shown:
            assert time.monotonic() < end, f"{words!r} did not come: {shown[-1000:]!r}"
            if select.select([self.process.fd], [], [], 0.2)[0]:
                shown += self.process.read(65536).decode(errors="replace")
        return shown

    def type(self, keys: str) -> None:
        self.process.write(keys.encode())


@pytest.fixture(params=["shell", "terminal"])
def terminal(request, here, others):
    """The shell of a lesson, and what JupyterLab opens; both of a learner without any start-up file."""
    if not shutil.which("bash"):
        pytest.skip("there is no bash here")
    argv = [*LABS, "shell", "02"] if request.param == "shell" else [sys.executable, "-m", "labs.cli.terminal"]
    made = Terminal(argv, {**here.env, **others, "TERM": "dumb"})
    yield made
    made.process.terminate(force=True)


def test_words_are_completed_in_terminals(here, terminal):
    terminal.type("echo it is ''up\n")
    terminal.until("it is up")
    for typed, completed in (("docker netw", "docker network"), ("kubectl descr", "kubectl describe"),
                             ("k descr", "k describe"), ("docker compose pul", "docker compose pull")):  # fmt: skip
        terminal.type(f"{typed}\t")
        terminal.until(completed)
        terminal.type("\x15")
    terminal.type("docker info --format 'is ''{{.Name}}'; echo $KUBECONFIG\n")
    assert str(here.engine.folder) in terminal.until("/kubeconfig")


def test_a_terminal_without_a_course_is_one_all_the_same(here, tmp_path):
    env = {**here.env, "LABS_NAME": "no-such-course", "TERM": "dumb", "HOME": str(tmp_path)}
    terminal = Terminal([sys.executable, "-m", "labs.cli.terminal"], env)
    assert "No course 'no-such-course' is up" in terminal.until("docker and kubectl here are your own")
    terminal.type("echo still ''there\n")
    terminal.until("still there")
    terminal.process.terminate(force=True)
