"""Attached to a cluster and a Docker that somebody else runs: here another course's, as if a stranger's."""

from __future__ import annotations

import json
import sys

import pytest
import yaml

from labs.waiting import wait_for
from tests.engines.courses import Course, is_plain

pytestmark = pytest.mark.engine

LESSON = """
import docker
from labs import open_lab
lab = open_lab("42")
docker.from_env().containers.run("labs/shell:1", "sleep 600", name="learners", labels=lab.labels, detach=True)
"""
OWNERS = "owners-own"


@pytest.fixture
def guest(here, engine, tmp_path, docker_client):
    """Somebody with nothing but a kubeconfig and a DOCKER_HOST."""
    one = Course(f"{here.name}-guest", HOME=str(tmp_path), LABS_STATE=str(tmp_path / "state"), KUBECONFIG="/dev/null")
    yield one
    one.labs("down")


@pytest.fixture
def attach(engine) -> list[str]:
    """The options that name the stranger's cluster and Docker."""
    return ["--context", engine.context, "--kubeconfig", str(engine.kubeconfig), "--docker", engine.docker_host]


@pytest.fixture
def owners(here, docker_client):
    """What the cluster's owner has, and nobody else may touch."""
    here.kubectl("create", "namespace", OWNERS)
    docker_client.containers.run("labs/shell:1", "sleep 600", name=OWNERS, labels=["test"], detach=True)
    yield
    here.kubectl("delete", "namespace", OWNERS, "--wait=false")


def namespaces(here: Course) -> dict[str, dict]:
    """The labels of every namespace that is not on its way out."""
    items = json.loads(here.kubectl("get", "namespaces", "-o", "json"))["items"]
    return {n["metadata"]["name"]: n["metadata"]["labels"] for n in items if n["status"]["phase"] == "Active"}


def test_lesson_in_a_strangers_cluster(here, guest, attach, owners, docker_client):
    """Only what has the course's label is made, and only that is removed."""
    before = namespaces(here)
    guest.must("up", "--quiet", *attach)
    assert namespaces(here) == before
    done = guest.run(sys.executable, "-c", LESSON)
    assert done.returncode == 0, done.stdout
    made = {name: labels for name, labels in namespaces(here).items() if name not in before}
    assert list(made) == ["lab-42"]
    assert made["lab-42"]["app.kubernetes.io/managed-by"] == "labs"
    assert made["lab-42"]["labs/course"].startswith(f"{guest.name}-")  # and its id: others may attach as well

    assert "Kubernetes" in guest.must("status")
    guest.must("up", "--quiet")  # it remembers what was named
    guest.must("down")
    wait_for(lambda: namespaces(here) == before, timeout=60, what="the lesson's namespace to be removed")
    assert OWNERS in namespaces(here)
    assert [c.name for c in docker_client.containers.list()] == [OWNERS]
    assert set(here.states().values()) == {"running"}
    assert not (guest.run("ls", "-A", guest.env["LABS_STATE"]).stdout)


def test_components_of_a_stranger_are_not_stopped(guest, attach):
    guest.must("up", "--quiet", *attach)
    for action in ("stop", "kill"):
        done = guest.labs("component", action, "kube-apiserver")
        assert done.returncode == 2
        assert is_plain(done.stdout)
    guest.must("stop")
    assert guest.labs("status").returncode == 0


@pytest.mark.parametrize(
    ("option", "value", "words"),
    [
        ("--context", "nope", "There is no context 'nope'"),
        ("--kubeconfig", "/nowhere/config", "There is no kubeconfig /nowhere/config"),
        ("--docker", "unix:///nowhere/docker.sock", "No Docker Engine answers at unix:///nowhere/docker.sock"),
    ],
)
def test_what_was_named_does_not_exist(guest, attach, option, value, words):
    attach[attach.index(option) + 1] = value
    done = guest.labs("up", "--quiet", *attach)
    assert done.returncode == 2
    assert words in done.stdout
    assert is_plain(done.stdout)
    assert not guest.run("find", guest.env["LABS_STATE"], "-type", "f").stdout.strip()


def test_user_who_may_not_create_namespaces(here, engine, guest, attach, tmp_path):
    here.kubectl("create", "serviceaccount", "visitor")
    try:
        config = yaml.safe_load(engine.kubeconfig.read_text())
        config["users"][0]["user"] = {"token": here.kubectl("create", "token", "visitor").strip()}
        file = tmp_path / "visitor.yaml"
        file.write_text(yaml.safe_dump(config))
        attach[attach.index("--kubeconfig") + 1] = str(file)
        done = guest.labs("up", "--quiet", *attach)
    finally:
        here.kubectl("delete", "serviceaccount", "visitor")
    assert done.returncode == 2
    assert "you may not create namespaces" in done.stdout
    assert is_plain(done.stdout)
    assert not guest.run("find", guest.env["LABS_STATE"], "-type", "f").stdout.strip()


def test_course_of_one_engine_is_not_made_into_another(here, attach):
    done = here.labs("up", *attach)
    assert done.returncode == 2
    assert "has the engine 'host' already" in done.stdout
    assert is_plain(done.stdout)
