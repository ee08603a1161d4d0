"""Lesson 00's checks: the reference solutions and other right ones pass, wrong ones get the words that help."""

from __future__ import annotations

import pytest

from labs import checks
from tests.checks.learner import restart_clients, sh

pytestmark = [pytest.mark.engine, pytest.mark.alone]

RUN = "docker_client.containers.run"
HELLO = '["echo", "hello from a container"]'


@pytest.fixture(scope="module")
def cells(cells_of):
    cells = cells_of("00")
    cells.open()
    cells.set_up("ex-00-2")
    yield cells
    cells.namespace["lab"].cleanup()


@pytest.fixture
def verdict(cells):
    """Runs Python, a shell's lines that start with ``!``, or the reference, and returns the verdict of a check."""

    def given(check_id: str, answer: str) -> str:
        if answer == "the reference":
            cells.solve(check_id)
        elif answer.startswith("!"):
            sh(answer[1:])
        else:
            cells.run(answer)
        return str(checks.run(check_id, cells.namespace["lab"]))

    return given


@pytest.mark.parametrize(
    ("answer", "words"),
    [
        ("", ["expected  a container named hello-00", "observed  none", "lab.hint"]),
        (f'{RUN}("labs/shell:1", {HELLO}, name="hello-00", remove=True)', ["observed  none"]),
        (f'{RUN}("labs/web:1", {HELLO}, name="hello-00")', ["the image labs/shell:1", "observed  one from labs/web:1"]),
        (f'{RUN}("labs/shell:1", ["echo", "hello"], name="hello-00")', ["what it printed", "observed  'hello'"]),
        (f'{RUN}("labs/shell:1", ["true"], name="hello-00")', ["observed  nothing printed", "remove(force=True)"]),
        ("the reference", ["passed", "until it is removed"]),
        (f'{RUN}("labs/shell:1", "echo well, hello from a container!", name="hello-00", detach=True)', ["passed"]),
        (
            'c = docker_client.containers.create("labs/shell:1", ["sh", "-c", "echo hello from a container; sleep 9"], '
            'name="hello-00"); c.start()',
            ["passed"],
        ),
    ],
)
def test_container(cells, verdict, answer, words):
    try:
        found = verdict("ex-00-1", answer)
    finally:
        for container in cells.namespace["docker_client"].containers.list(all=True, filters={"name": "^hello-00$"}):
            container.remove(force=True)
    assert all(word in found for word in words), found


@pytest.mark.parametrize(
    ("answer", "words"),
    [
        ("", ['a ConfigMap "settings" in namespace lab-00', "observed  none", "-n lab-00"]),
        ("!kubectl create configmap setings --from-literal=unit=celsius", ["observed  only setings"]),
        (
            "!kubectl create configmap settings -n default --from-literal=unit=celsius --from-literal=station=roof",
            ["in namespace lab-00", "observed  none there, but one in the namespace default", "-n lab-00"],
        ),
        ("!kubectl create configmap settings", ["unit set to celsius", "observed  the settings none"]),
        ("!kubectl create configmap settings --from-literal=unit=kelvin", ["observed  unit is 'kelvin'"]),
        ("!kubectl create configmap settings --from-literal=unit=celsius", ["named station", "the settings unit"]),
        ("the reference", ["passed", "any other client now reads it"]),
        ("!kubectl create configmap settings --from-literal=unit=celsius --from-literal=station=roof", ["passed"]),
        (
            "!printf 'apiVersion: v1\\nkind: ConfigMap\\nmetadata: {name: settings}\\n"
            "data: {unit: celsius, station: roof}'"
            " | kubectl apply -f -",
            ["passed"],
        ),
        (
            "!labs shell 00 kubectl create configmap settings --from-literal=unit=celsius --from-literal=station=roof",
            ["passed"],
        ),
    ],
)
def test_settings(verdict, answer, words):
    try:
        found = verdict("ex-00-2", answer)
    finally:
        sh("kubectl delete configmap settings setings --ignore-not-found")
        sh("kubectl delete configmap settings -n default --ignore-not-found")
    assert all(word in found for word in words), found


@pytest.mark.parametrize(
    ("answer", "words"),
    [
        ("", ["every part of the course to run", "observed  registry stopped", "`labs status`"]),
        ('lab.engine.start("kube-scheduler")', ["observed  registry stopped"]),
        ("!labs status || true", ["observed  registry stopped"]),
        ("the reference", ["passed", "starts the difference"]),
        ('lab.engine.start("registry")', ["passed"]),
        ("!labs up --quiet", ["passed"]),
    ],
)
def test_course(course, verdict, answer, words):
    course.stop("registry")
    try:
        found = verdict("ex-00-3", answer)
    finally:
        course.start("registry")
    assert all(word in found for word in words), found


@pytest.mark.parametrize(
    ("check_id", "component", "words"),
    [
        ("ex-00-1", "docker", "Docker does not answer"),
        ("ex-00-2", "kube-apiserver", "The API server does not answer"),
    ],
)
def test_without_its_engine_nothing_is_judged(course, cells, check_id, component, words):
    course.stop(component)
    try:
        found = str(checks.run(check_id, cells.namespace["lab"]))
    finally:
        course.start(component)
        if component == "kube-apiserver":
            restart_clients(course)
    assert "could not check" in found, found
    assert words in found, found
