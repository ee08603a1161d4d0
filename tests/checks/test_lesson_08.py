"""Lesson 08's checks: the reference solutions and other right ones pass, wrong ones get the words that help."""

from __future__ import annotations

from functools import partial

import pytest

from labs import checks
from labs.curriculum import lessons
from tests.checks.learner import HELPER, apply, helped, judge_wrong, remove, sh

pytestmark = pytest.mark.engine

ALL = ("ex-08-1", "ex-08-2", "ex-08-3")
N = "kubectl -n lab-08-night"


class World:
    """The lesson before an exercise."""

    def __init__(self, cells) -> None:
        self.cells, self.lab = cells, cells.open()
        cells.set_up("ex-08-1")  # nothing but what all build on

    def forget(self) -> None:
        """Remove all answers; that their pods still end disturbs nobody."""
        for namespace in ("lab-08", "lab-08-night"):
            remove(self.lab, "deployment", "service", "job", "config_map", namespace=namespace)
            remove(self.lab, "pod", namespace=namespace, grace_period_seconds=1)

    def run(self, exercise_id: str, script: str, words: str = "", patience: float = 5) -> checks.Verdict:
        """Judge what a script does; ``words`` are those of the verdict on a wrong one."""
        self.cells.set_up(exercise_id)
        sh(script)
        ask = partial(checks.run, exercise_id, self.lab)
        return judge_wrong(self.lab, ask, [words], patience) if words else ask()


def solution(exercise_id: str) -> str:
    """The reference solution, as a terminal takes it."""
    return lessons.exercise(exercise_id).solution.partition("\n")[2]


@pytest.fixture(scope="module")
def lesson(cells_of):
    return World(cells_of("08"))


@pytest.fixture
def world(lesson):
    lesson.forget()
    return lesson


@pytest.mark.parametrize("exercise_id", ALL)
def test_reference_solution_passes(world, exercise_id):
    verdict = world.run(exercise_id, solution(exercise_id))
    assert verdict.passed, verdict
    assert verdict.why


@pytest.mark.parametrize("exercise_id", ALL)
def test_untouched_exercise_is_not_solved(world, exercise_id, impatient):
    verdict = world.run(exercise_id, "true")
    assert verdict.status == "not yet", verdict
    assert verdict.try_


BOARD = """
apiVersion: v1
kind: ConfigMap
metadata: {name: board}
data: {TITLE: Night}
---
apiVersion: apps/v1
kind: Deployment
metadata: {name: board}
spec:
  replicas: 2
  selector: {matchLabels: {app: board}}
  template:
    metadata: {labels: {app: board}}
    spec:
      containers:
      - {name: web, image: "labs/web:2", envFrom: [{configMapRef: {name: board}}]}
"""

GATE = f"{N} create deployment gate --image=labs/web:2 --replicas=2\n"
SERVICE = f"{N} create service nodeport gate --tcp=80:80 --node-port=30081\n"
TALLY = f"{N} create job tally --image=labs/shell:1 -- seq 1 5\n"
JOB = f"""
apiVersion: batch/v1
kind: Job
metadata: {{name: tally}}
spec:
  template:
    spec:
      restartPolicy: Never
      containers:
      - {HELPER.replace("sleep", "echo")}
      - {{name: tally, image: "labs/shell:1", command: [seq, "1", "5"]}}
"""
EXPOSED = f"""{N} expose deployment gate --port=80 --type=NodePort
{N} patch service gate --type=json --patch '[{{op: replace, path: /spec/ports/0/nodePort, value: 30081}}]'
"""
MOVED = f"""{apply(BOARD).replace("kubectl", N)}
kubectl delete deployment,configmap board
"""
REPAIRED = """
kubectl set image deployment/front front=weather:1
cd "$(mktemp -d)"
kubectl get deployment front -o yaml > front.yaml
sed -i '/resourceVersion:/d; s/stor:8000/store:8000/; s/port: 80$/port: 8080/' front.yaml
kubectl replace -f front.yaml
kubectl delete service store
kubectl expose deployment store --port=8000
kubectl rollout status deployment/front --timeout=60s
"""
RENAMED = """
kubectl set image deployment/front front=weather:1
kubectl patch deployment front --type=json --patch '[
  {op: replace, path: /spec/template/spec/containers/0/readinessProbe/httpGet/port, value: 8080}]'
kubectl create service clusterip stor --tcp=8000:8000
kubectl set selector service stor app=store
kubectl rollout status deployment/front --timeout=60s
"""


@pytest.mark.parametrize(
    ("exercise_id", "script"),
    [
        ("ex-08-1", GATE + EXPOSED + TALLY),
        ("ex-08-1", GATE + helped("gate", N) + SERVICE + apply(JOB).replace("kubectl", N, 1)
         + f"{N} wait --for=condition=Complete job/tally --timeout=30s\n"
         + f"{N} rollout status deployment/gate --timeout=40s\n"),
        ("ex-08-1", GATE + SERVICE + TALLY.replace("seq 1 5", "sh -c 'for k in 1 2 3 4 5; do echo $k; done'")),
        ("ex-08-1", "kubectl config set-context --current --namespace=lab-08-night\n"
         + (GATE + SERVICE + TALLY).replace(" -n lab-08-night", "")
         + "kubectl config set-context --current --namespace=lab-08"),
        ("ex-08-2", MOVED),
        ("ex-08-2", MOVED.replace("envFrom: [{configMapRef: {name: board}}]",
                                  "env: [{name: TITLE, valueFrom: {configMapKeyRef: {name: board, key: TITLE}}}]")),
        ("ex-08-2", MOVED + helped("board", N) + f"{N} rollout status deployment/board --timeout=40s\n"),
        ("ex-08-3", solution("ex-08-3") + "\n" + helped("front")
         + "kubectl rollout status deployment/front --timeout=40s\n"),
        ("ex-08-3", REPAIRED),
        ("ex-08-3", RENAMED),
    ],
)  # fmt: skip
def test_other_right_solutions_pass(world, exercise_id, script):
    verdict = world.run(exercise_id, script)
    assert verdict.passed, verdict


FIX = solution("ex-08-3").replace("kubectl rollout status deployment/front --timeout=60s", "")
DONE = f"{N} wait --for=condition=Complete job/tally --timeout=60s\n"
COPIED = "\n".join(
    line for line in solution("ex-08-2").splitlines() if "create configmap" not in line and "rollout" not in line
)


def changed(step: str) -> str:
    """A patch of the front's Deployment."""
    place = "/spec/template/spec/containers/0/readinessProbe"
    return f"kubectl patch deployment front --type=json --patch '[{{{step.replace('PROBE', place)}}}]'\n"


@pytest.mark.parametrize(
    ("exercise_id", "script", "words"),
    [
        ("ex-08-1", (GATE + SERVICE).replace(" -n lab-08-night", ""), "none there, but one in the namespace lab-08"),
        ("ex-08-1", GATE.replace("web:2", "web:1"), "labs/web:1"),
        ("ex-08-1", GATE.replace(" --replicas=2", ""), "replicas: 1"),
        ("ex-08-1", GATE + f"{N} expose deployment gate --port=80", "node port none"),
        ("ex-08-1", GATE + SERVICE.replace("80:80", "80:8080"), "the pods' port 8080"),
        ("ex-08-1", GATE + SERVICE, "a Job tally"),
        ("ex-08-1", GATE + SERVICE + TALLY.replace("seq 1 5", "seq 5 1") + DONE, "in the log of the Job tally"),
        ("ex-08-1", GATE + SERVICE + TALLY.replace("labs/shell:1", "labs/web:2"), "the Job tally with the image"),
        ("ex-08-1", GATE + SERVICE + f"{N} create job tally --image=labs/shell:1 -- sq 1 5", "the Job tally complete"),
        ("ex-08-2", MOVED.replace("kubectl delete deployment,configmap board", ""), "the Deployment and the ConfigMap"),
        ("ex-08-2", MOVED + "kubectl delete deployment desk", "a Deployment desk"),
        ("ex-08-2", MOVED + "kubectl set image deployment/desk web=labs/web:2",
         "containers[0].image: labs/web:2, was labs/web:1"),
        ("ex-08-2", MOVED.replace("replicas: 2", "replicas: 1"), "replicas: 1"),
        ("ex-08-2", MOVED.replace("TITLE: Night", "TITLE: Day"), "TITLE=Day"),
        ("ex-08-2", MOVED.replace(", envFrom: [{configMapRef: {name: board}}]", ""), "without any variable"),
        ("ex-08-2", MOVED.replace("envFrom: [{configMapRef: {name: board}}]", "env: [{name: TITLE, value: Night}]"),
         "TITLE written into the Deployment"),
        ("ex-08-2", MOVED.replace("{TITLE: Night}", "{TITLE: Day}")
         + f"{N} rollout status deployment/board --timeout=60s\n"
         + f"{N} patch configmap board --patch 'data: {{TITLE: Night}}'", "observed TITLE=Day"),
        ("ex-08-2", COPIED, "a ConfigMap board in the namespace lab-08-night"),
        ("ex-08-3", FIX.replace("front=weather:1", "front=weather:3"), "weather:3"),
        ("ex-08-3", FIX.replace("port, value: 8080", "port, value: 80"), "front runs but is not ready"),
        ("ex-08-3", FIX.replace("store:8000", "stor:8000"), "front runs but is not ready"),
        ("ex-08-3", FIX.replace("value: 8000", "value: 8001"), "front runs but is not ready"),
        ("ex-08-3", REPAIRED.replace("replace -f", "replace --force -f"), "one that was made again"),
        ("ex-08-3", FIX + changed("op: remove, path: PROBE"), "none"),
        ("ex-08-3", FIX + changed("op: replace, path: PROBE/httpGet/path, value: /healthz"), "GET /healthz"),
        ("ex-08-3", FIX + "kubectl set selector service front app=store", "localhost:30082"),
    ],
)  # fmt: skip
def test_wrong_solutions_get_the_words_that_help(world, exercise_id, script, words):
    verdict = world.run(exercise_id, script, words, patience=12 if exercise_id == "ex-08-3" else 5)
    assert verdict.status == "not yet", verdict
    told = f"expected {verdict.expected}; observed {verdict.observed}"
    assert words in told, verdict
    assert verdict.try_


def test_tips_name_the_namespace_and_keep_to_the_task(world, impatient):
    gate = world.run("ex-08-1", GATE.replace(" --replicas=2", ""))
    assert "scale -n lab-08-night" in gate.try_
    board = world.run("ex-08-2", "true")
    assert "get deployment board" in board.try_, board
    desk = world.run("ex-08-2", MOVED + "kubectl delete deployment desk")
    assert "create deployment desk" in desk.try_, desk


def test_cleanup_removes_all_namespaces_of_the_lesson_and_no_other(world):
    sh("kubectl create namespace lab-08-strange --dry-run=client -o yaml | kubectl apply -f -")
    world.lab.cleanup()
    names = [item.metadata.name for item in world.lab.clients.core.list_namespace().items]
    sh("kubectl delete namespace lab-08-strange --wait=false")
    assert [name for name in names if name.startswith("lab-08")] == ["lab-08-strange"]
