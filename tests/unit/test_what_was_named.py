"""The engine `attached` keeps to what the user has named, and remembers it."""

from __future__ import annotations

from types import SimpleNamespace

import docker
import pytest
import yaml

from labs.engines.attached import engine as attached
from labs.engines.attached.engine import AttachedEngine
from labs.engines.attached.node_containers import node_containers
from labs.engines.base import CourseOptions
from labs.engines.runtime.state import State
from labs.errors import NotSupported

FIRST = {"context": "kind-a", "docker": "unix:///a.sock", "registry": "localhost:5001"}


def copy(context: str, kubeconfig: str) -> str:
    """A kubeconfig that tells where it was taken from."""
    context = {"name": context, "context": {"cluster": f"{context} of {kubeconfig}"}}
    return yaml.safe_dump({"current-context": context["name"], "contexts": [context]})


@pytest.fixture
def create(tmp_path, monkeypatch):
    monkeypatch.delenv("DOCKER_HOST", raising=False)
    monkeypatch.setattr(attached, "copy_of_context", copy)
    state = State(tmp_path / "course")

    def make(**named: str) -> AttachedEngine:
        return AttachedEngine.create(state, name="trial", options=CourseOptions(**named))

    return make


@pytest.mark.parametrize("again", [{}, {"context": "kind-a"}, {"registry": "localhost:5001"}, {"kubeconfig": "other"}])
def test_what_was_named_is_remembered(create, again):
    create(**FIRST)
    engine = create(**again)
    assert (engine.context, engine.docker_host, engine.registry) == tuple(FIRST.values())


def test_registry_may_be_named_later(create):
    create(context="kind-a")
    assert create(registry="localhost:5002").registry == "localhost:5002"


def test_environment_does_not_lead_a_course_to_another_docker(create, monkeypatch):
    create(**FIRST)
    monkeypatch.setenv("DOCKER_HOST", "unix:///b.sock")
    assert create(context="kind-a").docker_host == "unix:///a.sock"


@pytest.mark.parametrize("other", [{"context": "kind-b"}, {"docker": "unix:///b.sock"}])
def test_course_does_not_change_sides(create, other):
    create(**FIRST)
    with pytest.raises(NotSupported, match="is attached to"):
        create(**other)


def test_copy_that_a_killed_command_did_not_write_is_made(create):
    engine = create(**FIRST)
    engine.kubeconfig.unlink()
    create()
    assert engine.kubeconfig.read_text() == copy("kind-a", "")


class Docker:
    """A Docker that runs one container, called kind-control-plane."""

    def __init__(self) -> None:
        self.containers = self

    def get(self, name: str):
        if name != "kind-control-plane":
            raise docker.errors.NotFound(name)
        networks = {"kind": {"IPAddress": "172.18.0.2", "GlobalIPv6Address": ""}}
        return SimpleNamespace(name=name, attrs={"NetworkSettings": {"Networks": networks}})


@pytest.mark.parametrize(
    ("nodes", "count"),
    [
        ({"kind-control-plane": {"172.18.0.2"}}, 1),
        ({"kind-control-plane": {"10.0.0.9"}}, 0),
        ({"kind-control-plane": {"172.18.0.2"}, "worker": {"172.18.0.3"}}, 0),
    ],
)
def test_container_is_a_node_only_when_it_has_its_address(nodes, count):
    assert len(node_containers(Docker(), nodes)) == count
