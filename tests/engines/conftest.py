"""Fixtures of the tests on real engines."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import closing

import docker
import pytest
from kubernetes import client, config

from tests.engines.courses import Course


@pytest.fixture
def here(course) -> Course:
    """The session's course, with all of it running."""
    here = Course(course.name)
    if set(here.states().values()) != {"running"}:  # an earlier test failed half-way
        here.must("up", "--quiet")
    return here


@pytest.fixture
def engine(here):
    return here.engine


@pytest.fixture
def docker_client(engine) -> Iterator[docker.DockerClient]:
    """A client of the course's Docker; containers labelled ``test`` are removed at the end."""
    with closing(docker.DockerClient(base_url=engine.docker_host, timeout=60)) as found:
        yield found
        for container in found.containers.list(all=True, filters={"label": "test"}):
            container.remove(force=True)


@pytest.fixture
def core(engine) -> client.CoreV1Api:
    return client.CoreV1Api(config.new_client_from_config(str(engine.kubeconfig)))


@pytest.fixture
def namespace(here, request) -> Iterator[str]:
    """A namespace of the test's own."""
    name = request.node.originalname.replace("_", "-").lower()[:60]
    here.kubectl("create", "namespace", name)
    yield name
    here.kubectl("delete", "namespace", name, "--wait=false")


@pytest.fixture
def another(course_name) -> Iterator[Course]:
    """A second course, not up; it is removed at the end, whatever has happened to it."""
    second = Course(f"{course_name}-b")
    second.remove()
    yield second
    second.remove()


@pytest.fixture(scope="session")
def course_name() -> str:
    return os.environ.get("LABS_NAME") or "test"
