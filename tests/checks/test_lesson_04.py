"""Lesson 04's checks: the reference solutions and other right ones pass, wrong ones get the words that help."""

from __future__ import annotations

from functools import partial

import pytest

from labs import checks
from labs.waiting import wait_for_http
from tests.checks.learner import HELPER, helped, judge_wrong, other_namespace, remove, sh, without_api_server

pytestmark = pytest.mark.engine

ALL = ("ex-04-1", "ex-04-2", "ex-04-3")


class World:
    """The lesson before an exercise."""

    def __init__(self, cells) -> None:
        self.cells, self.lab = cells, cells.open()
        self.other = other_namespace(self.lab)
        for exercise_id in ("ex-04-1", "ex-04-2"):  # names that the solutions use
            cells.set_up(exercise_id)

    def forget(self) -> None:
        """Remove all answers; that their pods still end disturbs nobody."""
        remove(self.lab, "deployment", "replica_set", "service")
        remove(self.lab, "pod", grace_period_seconds=1)
        remove(self.lab, "deployment", namespace=self.other)

    def run(self, exercise_id: str, script: str, words: str = "") -> checks.Verdict:
        """Judge what a script does; ``words`` are those of the verdict on a wrong one."""
        self.cells.set_up(exercise_id)
        sh(script)
        return self.judge(exercise_id, words)

    def judge(self, exercise_id: str, words: str = "") -> checks.Verdict:
        ask = partial(checks.run, exercise_id, self.lab)
        return judge_wrong(self.lab, ask, words.split("|")) if words else ask()


@pytest.fixture(scope="module")
def lesson(cells_of):
    return World(cells_of("04"))


@pytest.fixture
def world(lesson):
    lesson.forget()
    return lesson


def deployment(name: str, labels: str, image: str, replicas: int, more: str = "") -> str:
    """``kubectl apply`` of a Deployment as a learner would write it."""
    return f"""kubectl apply -f - <<END
apiVersion: apps/v1
kind: Deployment
metadata: {{name: {name}}}
spec:
  replicas: {replicas}
  {more or "minReadySeconds: 0"}
  selector: {{matchLabels: {{{labels}}}}}
  template:
    metadata: {{labels: {{{labels}}}}}
    spec: {{containers: [{{name: web, image: "{image}"}}]}}
END
"""


def service(name: str, selector: str, ports: str) -> str:
    return f"""kubectl apply -f - <<END
apiVersion: v1
kind: Service
metadata: {{name: {name}}}
spec: {{type: NodePort, selector: {{{selector}}}, ports: [{{{ports}}}]}}
END
"""


READY = "kubectl rollout status deployment\n"  # of all that there are

# Exercise 1: the store
CREATE = "kubectl create deployment store --image=labs/web:1 --replicas=4\n"
LIMITS = """kubectl patch deployment store -p 'spec: {strategy: {rollingUpdate: {maxSurge: 1, maxUnavailable: 0}}}'\n"""
BACK = "kubectl set image deployment/store web=labs/web:1\n"
UPDATE = "kubectl set image deployment/store web=labs/web:2\n"
PERCENT = 'strategy: {rollingUpdate: {maxSurge: "25%", maxUnavailable: "10%"}}'

APPLY = deployment("store", "role: db", "labs/web:1", 4, PERCENT)
RECREATE = """kubectl patch deployment store -p 'spec: {strategy: {type: Recreate, rollingUpdate: null}}'\n"""

RESTART = "kubectl rollout restart deployment/store\n"

# Exercise 2: the worker
STABLE = deployment("worker-stable", "app: worker, track: stable", "labs/web:1", 3)
CANARY = deployment("worker-canary", "app: worker, track: canary", "labs/web:2", 1)
PORT = "port: 80, nodePort: 30041"
IN_FRONT = service("worker", "app: worker", PORT)
BY_NAME = service("worker", "app: worker", f"{PORT}, targetPort: http")
GENERATED = """
kubectl create deployment worker-stable --image=labs/web:1 --replicas=3
kubectl create deployment worker-canary --image=labs/web:2
for name in worker-stable worker-canary; do
  kubectl patch deployment $name -p 'spec: {template: {metadata: {labels: {part: worker}}}}'
done
kubectl create service nodeport worker --tcp=80 --node-port=30041
kubectl set selector service worker part=worker
"""
NOTHING_SHARED = f"""
kubectl create deployment worker-stable --image=labs/web:1 --replicas=3
kubectl create deployment worker-canary --image=labs/web:2
kubectl create service nodeport worker --tcp=80 --node-port=30041
{READY}"""
TO_STABLE = "kubectl set selector service worker app=worker-stable\n"


def named(manifest: str) -> str:
    """A Deployment whose port has a name, and whose first container is a sidecar."""
    ports = "ports: [{name: http, containerPort: 80}]"
    return manifest.replace("containers: [{name: web,", f"containers: [{HELPER}, {{name: web, {ports},")


# Exercise 3: the producer
RESUME = "kubectl rollout resume deployment/producer\n"
REPAIR = "kubectl set image deployment/producer web=labs/web:2\n"
SELECT = "kubectl set selector service producer app=producer\n"
BY_HAND = "kubectl label pods -l app=producer release=one --overwrite\n"
NEARLY = "kubectl set selector service producer app=produce\n"
APPLIED = deployment("producer", "app: producer", "labs/web:2", 3, "paused: false").replace(
    "metadata: {labels: {app: producer}}", "metadata: {labels: {app: producer, release: two}}"
) + service("producer", "app: producer, release: two", "port: 80, nodePort: 30042, name: '80'")

RIGHT = {
    "1 kubectl": ("ex-04-1", CREATE + LIMITS + READY + UPDATE + READY),
    "1 YAML, percentages": (
        "ex-04-1",
        APPLY + READY + APPLY.replace("labs/web:1", "labs/web:2") + READY,
    ),
    "1 limits last": ("ex-04-1", CREATE + UPDATE + LIMITS + READY),
    "1 restarted, then from version 1 again": (
        "ex-04-1",
        CREATE + LIMITS + UPDATE + READY + RESTART + READY + BACK + READY + UPDATE + READY,
    ),
    "1 a sidecar first": ("ex-04-1", CREATE + helped("store") + READY + UPDATE + LIMITS + READY),
    "2 YAML": ("ex-04-2", IN_FRONT + STABLE + CANARY + READY),
    "2 a sidecar first, the port by name": ("ex-04-2", BY_NAME + named(STABLE) + named(CANARY) + READY),
    "2 kubectl, own label": ("ex-04-2", GENERATED + READY),
    "3 kubectl": ("ex-04-3", REPAIR + RESUME + SELECT + READY),
    "3 YAML, pinned again": ("ex-04-3", APPLIED + READY),
}  # fmt: skip

WRONG = {
    "1 nothing": ("ex-04-1", "true", "a Deployment store in the namespace lab-04|none"),
    "1 elsewhere": (
        "ex-04-1",
        CREATE.replace("create", "create -n lab-04-other"),
        "one in the namespace lab-04-other|-n lab-04",
    ),
    "1 no such tag": ("ex-04-1", CREATE + UPDATE.replace(":2", ":v2"), "image labs/web:2|labs/web:v2|tags there are"),
    "1 not updated": ("ex-04-1", CREATE + LIMITS, "image labs/web:2|observed  labs/web:1"),
    "1 three": ("ex-04-1", CREATE.replace("=4", "=3") + LIMITS + UPDATE, "replicas: 4|replicas: 3"),
    "1 default limits": ("ex-04-1", CREATE + UPDATE, "at least 4 pods|at least 3 available|maxUnavailable 25%|rounded"),
    "1 Recreate": (
        "ex-04-1",
        CREATE + RECREATE + UPDATE,
        "at most 5|strategy Recreate",
    ),
    "1 made with version 2": (
        "ex-04-1",
        CREATE.replace(":1", ":2") + LIMITS + READY,
        "labs/web:1 in the history|only labs/web:2",
    ),
    "1 paused": (
        "ex-04-1",
        CREATE + LIMITS + READY + "kubectl rollout pause deployment/store\n" + UPDATE,
        "4 ready pods of store|0 with it, 4 ready in all (the rollout is paused)",
    ),
    "1 restarted": (
        "ex-04-1",
        CREATE + LIMITS + READY + UPDATE + READY + RESTART + READY,
        "labs/web:1 one `kubectl rollout undo` away|from revision 3 to 2, that is labs/web:2|the last but one",
    ),
    "2 nothing shared": (
        "ex-04-2",
        NOTHING_SHARED,
        "a label that the templates of both Deployments have in common|worker-stable get app=worker-stable|into both",
    ),
    "2 nothing shared, one selected": ("ex-04-2", NOTHING_SHARED + TO_STABLE, "have in common|none: |second one"),
    "2 one Deployment": ("ex-04-2", STABLE + IN_FRONT, "a Deployment worker-canary"),
    "2 overlapping selectors": (
        "ex-04-2",
        STABLE.replace(", track: stable", "") + CANARY + IN_FRONT,
        "the selector of worker-stable matches the pods of worker-canary too|cannot be changed",
    ),
    "2 canary of version 1": ("ex-04-2", STABLE + CANARY.replace(":2", ":1"), "canary with the image labs/web:2"),
    "2 half and half": ("ex-04-2", STABLE.replace(": 3", ": 1") + CANARY, "replicas: 3 in the Deployment worker"),
    "2 exposed one": (
        "ex-04-2",
        STABLE + CANARY + service("worker", "app: worker, track: stable", PORT) + READY,
        "select the pods of worker-canary (app=worker,track=canary)|selector is app=worker,track=stable",
    ),
    "2 no Service": ("ex-04-2", STABLE + CANARY + READY, "a Service worker in the namespace lab-04|none"),
    "2 wrong targetPort": (
        "ex-04-2",
        STABLE + CANARY + service("worker", "app: worker", f"{PORT}, targetPort: 8080") + READY,
        "node port 30041|the pods' port 8080|TargetPort",
    ),
    "2 a port's name in one only": (
        "ex-04-2",
        BY_NAME + named(STABLE) + CANARY + READY,
        "the pods' port http, a name that no port of worker-canary has|TargetPort",
    ),
    "2 LoadBalancer": (
        "ex-04-2",
        STABLE + CANARY + IN_FRONT.replace("type: NodePort", "type: LoadBalancer") + READY,
        "the Service worker of type NodePort|type LoadBalancer",
    ),
    "2 wrong node port": (
        "ex-04-2",
        STABLE + CANARY + IN_FRONT.replace("30041", "30049") + READY,
        "node port 30041|the pods' port 80, node port 30049",
    ),
    "3 nothing": ("ex-04-3", "true", "rollout of producer is paused|kubectl rollout --help"),
    "3 only resumed": ("ex-04-3", RESUME, "image labs/web:2|labs/web:v2|tags there are"),
    "3 rolled back": ("ex-04-3", RESUME + "kubectl rollout undo deployment/producer", "yesterday's version|forward"),
    "3 selector kept": ("ex-04-3", REPAIR + RESUME + READY, "select the pods of producer|app=producer,release=one"),
    "3 relabelled by hand": (
        "ex-04-3",
        REPAIR + RESUME + READY + BY_HAND,
        "select every pod that producer makes (app=producer,release=two)|got it by hand|The next pod comes from",
    ),
    "3 mistyped selector": ("ex-04-3", REPAIR + RESUME + NEARLY + READY, "its selector is app=produce|Every pair"),
    "3 made again": (
        "ex-04-3",
        "kubectl delete deployment producer\n" + APPLIED + READY,
        "labs/web:1 in the history of producer|only labs/web:2|Keep the Deployment",
    ),
}  # fmt: skip


@pytest.mark.parametrize("exercise_id", ALL)
def test_reference_passes(world, exercise_id):
    world.cells.set_up(exercise_id)
    world.cells.solve(exercise_id)
    verdict = checks.run(exercise_id, world.lab)
    assert verdict.passed, verdict


@pytest.mark.parametrize(("exercise_id", "script"), RIGHT.values(), ids=RIGHT)
def test_other_right_answers_pass(world, exercise_id, script):
    verdict = world.run(exercise_id, script)
    assert verdict.passed, verdict
    assert "without ever" not in str(verdict), "live state does not tell what was there before"


@pytest.mark.parametrize(("exercise_id", "script", "words"), WRONG.values(), ids=WRONG)
def test_wrong_answers_are_told_what_was_seen(world, exercise_id, script, words):
    verdict = world.run(exercise_id, script, words)
    assert verdict.status == "not yet", verdict
    assert [word for word in words.split("|") if word not in str(verdict)] == [], verdict
    assert verdict.try_, "there is one thing to look at"


@pytest.mark.slow  # as in 00
@pytest.mark.alone
def test_api_server_down_is_no_wrong_answer(course, world):
    with without_api_server(course):
        verdicts = [checks.run(exercise_id, world.lab) for exercise_id in ALL]
    assert [verdict.status for verdict in verdicts] == ["could not check"] * 3, verdicts


@pytest.mark.alone
def test_port_forwarder_down_is_no_wrong_answer(course, world, impatient):
    sh(STABLE + CANARY + IN_FRONT + READY)
    wait_for_http("http://localhost:30041/version")  # the test before has restarted what the forwarder follows
    assert checks.run("ex-04-2", world.lab).passed
    course.stop("ports")
    try:
        verdict = checks.run("ex-04-2", world.lab)
    finally:
        course.start("ports")
    assert verdict.status == "could not check", verdict
