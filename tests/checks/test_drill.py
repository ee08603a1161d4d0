"""A drill's world on the real cluster, with a small paper: made, looked at, made again, removed."""

from __future__ import annotations

from pathlib import Path

import pytest

from labs import open_lab
from labs.checks.context import ScopedContext
from labs.checks.core import clients, expect, found
from labs.errors import EngineError
from labs.exam.drill import Drill
from labs.exam.papers import Paper, Stage, Task
from labs.progress import store
from tests.checks.learner import sh

pytestmark = pytest.mark.engine

YARD = "lab-08-yard"
FIRST = """
apiVersion: apps/v1
kind: Deployment
metadata: {name: page, namespace: "@yard@"}
spec:
  selector: {matchLabels: {app: page}}
  template:
    metadata: {labels: {app: page}}
    spec: {containers: [{name: web, image: "labs/web:1"}]}
"""
SECOND = """
apiVersion: v1
kind: ConfigMap
metadata: {name: number, namespace: "@yard@"}
data: {code: "@code@"}
"""


def check_mark(context: ScopedContext) -> None:
    mark = found(
        lambda: clients(context).core.read_namespaced_config_map("mark", context.namespace), expected="a ConfigMap mark"
    )
    code = context.facts["code"]
    expect((mark.data or {}).get("code") == code, expected=f"code: {code}", observed=str(mark.data))


def check_note(context: ScopedContext) -> None:
    expect(Path(context.folder, "note.txt").is_file(), expected="a file note.txt", observed="none")


SOLUTIONS = "kubectl -n @yard@ create configmap mark --from-literal=code=@code@", "echo @code@ > note.txt"
SMALL = Paper(
    name="small",
    title="Small drill",
    minutes=5,
    enough=60,
    namespaces=("yard",),
    stages=(Stage(FIRST, ("yard/page",)), Stage(SECOND, ())),
    tasks=(
        Task(1, "A mark", "D4", 60, "yard", "Copy the code @code@.", SOLUTIONS[0], check_mark),
        Task(2, "A note", "D3", 40, "yard", "Write a note.", SOLUTIONS[1], check_note),
    ),
    files=("note.txt",),
)


@pytest.fixture
def lab(course, tmp_path, monkeypatch):
    monkeypatch.setenv("LABS_PROGRESS", str(tmp_path / "progress.json"))
    opened = open_lab("08", quiet=True)
    yield opened
    opened.cleanup()


def test_a_world_is_made_judged_made_again_and_removed(lab, capsys):
    drill, core = Drill(lab, SMALL), lab.clients.core
    Path(lab.folder, "note.txt").write_text("of another attempt", encoding="utf-8")
    drill.start()
    code = drill._current().facts["code"]
    assert lab.clients.apps.read_namespaced_deployment("page", YARD).status.ready_replicas == 1
    assert core.read_namespaced_config_map("number", YARD).data == {"code": code}
    assert f"Copy the code {code}." in capsys.readouterr().out
    assert drill.results() == {1: False, 2: False}

    sh(f"kubectl -n {YARD} create configmap mark --from-literal=code={code}")
    drill.score()
    assert "60 %: enough" in capsys.readouterr().out
    assert store.drills()["small"]["percent"] == 60

    drill.start(restart=True)
    names = {item.metadata.name for item in core.list_namespaced_config_map(YARD).items}
    assert names - {"kube-root-ca.crt"} == {"number"}
    drill.stop()
    drill.play()
    assert all(drill.results().values())
    lab.cleanup()
    assert YARD not in {item.metadata.name for item in core.list_namespace().items if item.status.phase == "Active"}


def test_a_world_that_the_cluster_refuses_is_told(lab):
    wrong = Stage("apiVersion: v1\nkind: Pood\nmetadata: {name: a}\n", ())
    drill = Drill(lab, Paper("broken", "Broken drill", 5, 60, ("yard",), (wrong,), SMALL.tasks))
    with pytest.raises(EngineError, match="no matches for kind"):
        drill.start()
