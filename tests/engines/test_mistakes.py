"""What a learner reads after the mistakes that are really made: the engine's own words, and what to do."""

from __future__ import annotations

import pytest

from labs.errors import LabsError, Timeout
from labs.explain import explain
from labs.waiting import wait_for_pods
from tests.engines.manifests import as_text, pod

pytestmark = pytest.mark.engine


def build(client, folder, dockerfile: str) -> None:
    (folder / "Dockerfile").write_text(dockerfile)
    client.images.build(path=str(folder), rm=True, labels={"test": ""})


@pytest.mark.parametrize(
    ("dockerfile", "what", "todo"),
    [
        ("FROM labs/pyhton:3", "there is no image labs/pyhton:3", "Is the name after FROM right?"),
        ("FROM labs/python:3\nRUN pip install requests", "pip: not found", "no way to the internet"),
        ("FORM labs/python:3", "unknown instruction: FORM", "begins with FROM"),
        ("FROM labs/python:3\nRUN --mount=type=cache,target=/c true", "requires BuildKit", "`!docker build --tag"),
        ("FROM labs/python:3\nCOPY wroker.py /app/", "COPY failed", "COPY reaches only files in the folder"),
    ],
)
def test_of_a_dockerfile(docker_client, tmp_path, dockerfile, what, todo):
    with pytest.raises(Exception) as caught:  # noqa: PT011
        build(docker_client, tmp_path, dockerfile)
    found = explain(caught.value)
    assert what in found.what
    assert todo in found.todo
    assert not found.fault


@pytest.mark.parametrize(
    ("options", "what", "todo"),
    [
        ({"network": "weather-nte"}, "network weather-nte not found", "networks.list()"),
        ({"mem_limit": "64"}, "Minimum memory limit", "`64m` is 64 MiB"),
        ({"mem_limit": "64q"}, "specify the units", "`64m` is 64 MiB"),
        ({"volumes": ["weather data:/data"]}, "invalid characters", "Names have no spaces"),
        ({"image": "labs/shel:1"}, "no image labs/shel:1", "Is the name right?"),
        ({"command": "ehco"}, "no program 'ehco'", "spelled right"),
    ],
)
def test_of_a_container(docker_client, options, what, todo):
    with pytest.raises(Exception) as caught:  # noqa: PT011
        docker_client.containers.run(**{"image": "labs/shell:1", "command": "true", "labels": ["test"], **options})
    found = explain(caught.value)
    assert what in found.what
    assert todo in found.todo


def test_of_a_registry_that_does_not_run_yet(engine, docker_client):
    name = f"{engine.registry}/web"
    engine.stop("registry")
    try:
        with pytest.raises(Exception) as caught:  # noqa: PT011
            docker_client.images.pull(name, "gone")
    finally:
        engine.start("registry")
    found = explain(caught.value)
    assert found.what == f"No registry answers at {engine.registry}, so {name}:gone cannot be pulled."
    assert "whether it is still being built or has ended" in found.todo
    assert found.fault


@pytest.mark.parametrize("kind", ["containers", "volumes"])
def test_of_a_name(docker_client, kind):
    with pytest.raises(Exception) as caught:  # noqa: PT011
        getattr(docker_client, kind).get("nope")
    assert f"{kind}.list(" in explain(caught.value).todo


def test_waiting_in_a_namespace_that_is_gone_ends_at_once(core):
    with pytest.raises(LabsError, match="namespace lab-nope is gone") as caught:
        wait_for_pods(core, "lab-nope", "app=web", 1, timeout=60)
    assert "lab.reset()" in caught.value.todo
    assert wait_for_pods(core, "lab-nope", "app=web", 0, timeout=60) == []


def test_waiting_for_fewer_pods_than_there_are_names_them(here, core, namespace):
    both = [pod(name, "labs/shell:1", "tail -f /dev/null") for name in ("one", "two")]
    for each in both:
        each["metadata"]["labels"] = {"app": "web"}
    here.kubectl("apply", "-n", namespace, "-f", "-", input=as_text(*both))
    wait_for_pods(core, namespace, "app=web", 2, 30)
    with pytest.raises(Timeout, match=r"2 pods \(one, two\), 2 Ready"):
        wait_for_pods(core, namespace, "app=web", 1, timeout=1)
