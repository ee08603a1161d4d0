"""Lesson 12's checks: the reference solutions and other right ones pass, wrong ones get the words that help."""

from __future__ import annotations

import pytest

from labs import checks
from tests.checks.learner import assert_told, judge_wrong, sh, without_api_server

pytestmark = pytest.mark.engine

ALL = ("ex-12-1", "ex-12-2", "ex-12-3")
REMOVED = "kubectl delete hpa,pdb --all >/dev/null\nkubectl delete hpa -n default page --ignore-not-found"


class World:
    """The lesson before an exercise."""

    def __init__(self, cells) -> None:
        self.cells, self.lab = cells, cells.open()
        for exercise_id in ALL:
            cells.set_up(exercise_id)

    def begin(self, exercise_id: str) -> None:
        """Make an exercise's objects again, without an answer."""
        sh(REMOVED)
        if exercise_id == "ex-12-3":  # the two cells are the exercise's alone
            self.cells.set_up(exercise_id, ["BAY =", "name: bay"])
        else:
            self.cells.set_up(exercise_id, ["name: gauge", "deployment page"])

    def run(self, exercise_id: str, script: str) -> checks.Verdict:
        self.begin(exercise_id)
        sh(script, timeout=150)
        return checks.run(exercise_id, self.lab)

    def run_wrong(self, exercise_id: str, script: str, words: list[str]) -> checks.Verdict:
        self.begin(exercise_id)
        sh(script, timeout=150)
        return judge_wrong(self.lab, lambda: checks.run(exercise_id, self.lab), words)


@pytest.fixture(scope="module")
def world(cells_of):
    return World(cells_of("12"))


def gives(deployment: str, container: str, amounts: str) -> str:
    return f"kubectl set resources deployment {deployment} -c {container} {amounts}\n"


# Exercise 1
STORE = gives("gauge", "store", "--limits=cpu=100m,memory=64Mi")
METRICS = gives("gauge", "metrics", "--limits=cpu=50m,memory=32Mi")
SENDER = gives("sender", "producer", "--requests=cpu=50m,memory=32Mi --limits=memory=128Mi")
OTHER_UNITS = (
    gives("gauge", "store", "--requests=cpu=0.1,memory=67108864 --limits=cpu=0.1,memory=65536Ki")
    + METRICS
    + gives("sender", "producer", "--requests=cpu=0.05,memory=32768Ki --limits=memory=131072Ki")
)
SIDECAR = (
    """kubectl patch deployment sender -p '{"spec": {"template": {"spec": {"containers": [
  {"name": "aside", "image": "labs/shell:1", "command": ["sleep", "infinity"]}]}}}}'\n"""
    + STORE
    + METRICS
    + SENDER
)

# Exercise 2
REQUEST = "kubectl set resources deployment page --requests=cpu=100m\n"
SCALER = "kubectl autoscale deployment page --min=2 --max=5 --cpu=60%\n"
BUDGET = "kubectl create pdb any --selector=app=page --max-unavailable=1\n"


def scaler(target: str) -> str:
    return f"""kubectl apply -f - <<'END'
apiVersion: autoscaling/v2
kind: HorizontalPodAutoscaler
metadata: {{name: page}}
spec:
  scaleTargetRef: {{apiVersion: apps/v1, kind: Deployment, name: page}}
  minReplicas: 2
  maxReplicas: 5
  metrics: [{target}]
END
"""


# Exercise 3
BUOYS = "buoys -n lab-12-bay"
LIMIT = gives(BUOYS, "store", "--limits=memory=64Mi")
KEEPER = gives(BUOYS, "keeper", "--requests=cpu=20m,memory=64Mi --limits=memory=96Mi")

RIGHT = {
    "1 limits only": ("ex-12-1", STORE + METRICS + SENDER),
    "1 other units": ("ex-12-1", OTHER_UNITS),
    "1 one container more": ("ex-12-1", SIDECAR),
    "2 kubectl": ("ex-12-2", REQUEST + SCALER + BUDGET),
    "2 an absolute target": (
        "ex-12-2",
        BUDGET
        + scaler("{type: Resource, resource: {name: cpu, target: {type: AverageValue, averageValue: 60m}}}")
        + REQUEST,
    ),
    "2 percent, the container's CPU": (
        "ex-12-2",
        "kubectl create pdb any --selector='app in (page)' --max-unavailable=20%\n"
        + REQUEST.replace("100m", "0.1")
        + scaler(
            "{type: ContainerResource, containerResource: {name: cpu, container: weather,"
            " target: {type: Utilization, averageUtilization: 60}}}"
        ),
    ),
    "3 one by one": ("ex-12-3", LIMIT + KEEPER),
    "3 as much as fits": (
        "ex-12-3",
        f"kubectl scale deployment {BUOYS} --replicas=0\n"
        + gives(BUOYS, "store", "--limits=memory=128Mi")
        + gives(BUOYS, "keeper", "--requests=cpu=100m --limits=memory=100M")
        + f"kubectl scale deployment {BUOYS} --replicas=3\n",
    ),
    "3 made again": (
        "ex-12-3",
        f"kubectl get deployment {BUOYS} -o yaml > /tmp/buoys-$$.yaml\nkubectl delete deployment {BUOYS}\n"
        "kubectl set resources -f /tmp/buoys-$$.yaml --local -o yaml --requests=cpu=10m --limits=memory=80Mi"
        " | sed '/resourceVersion:/d; /uid:/d' | kubectl create -f -\nrm /tmp/buoys-$$.yaml\n",
    ),
}

WRONG = {
    "1 nothing": ("ex-12-1", "true", "requests.cpu: 100m in the container store of gauge|asks for no cpu"),
    "1 one of two": ("ex-12-1", STORE + SENDER, "metrics asks for no cpu"),
    "1 requests only": (
        "ex-12-1",
        (STORE + METRICS).replace("--limits", "--requests") + SENDER,
        "pods of gauge of the class Guaranteed|its class is Burstable",
    ),
    "1 M for Mi": ("ex-12-1", STORE.replace("Mi", "M"), "asks for 64M of memory|Mi 1024 times 1024"),
    "1 m for Mi": ("ex-12-1", STORE.replace("64Mi", "64m"), "asks for 64m of memory|thousandths of a byte"),
    "1 a CPU limit": (
        "ex-12-1",
        STORE + METRICS + SENDER.replace("--limits=", "--limits=cpu=1,"),
        "no limit of cpu in the container producer|limits.cpu: 1",
    ),
    "1 no memory limit": (
        "ex-12-1",
        STORE + METRICS + gives("sender", "producer", "--requests=cpu=50m,memory=32Mi"),
        "limits.memory: 128Mi|limits.memory: none",
    ),
    "2 nothing": ("ex-12-2", "true", "requests.cpu: 100m|requests.cpu: none"),
    "2 no autoscaler": ("ex-12-2", REQUEST + BUDGET, "a HorizontalPodAutoscaler page in the namespace lab-12|none"),
    "2 another target": (
        "ex-12-2",
        REQUEST + BUDGET + SCALER.replace("deployment page", "deployment gauge --name=page"),
        "the target Deployment gauge",
    ),
    "2 from one": ("ex-12-2", REQUEST + BUDGET + SCALER.replace("min=2", "min=1"), "minReplicas: 1, maxReplicas: 5"),
    "2 another percentage": ("ex-12-2", REQUEST + BUDGET + SCALER.replace("60%", "80%"), "at 60 %|80 %"),
    "2 no budget": ("ex-12-2", REQUEST + SCALER, "no PodDisruptionBudget"),
    "2 one must stay": (
        "ex-12-2",
        REQUEST + SCALER + BUDGET.replace("max-unavailable", "min-available"),
        "of 3 pods it lets 2 go",
    ),
    "2 two must stay": (
        "ex-12-2",
        REQUEST + SCALER + BUDGET.replace("max-unavailable=1", "min-available=2"),
        "of 2 pods it lets 0 go",
    ),
    "2 a selector with a slip": (
        "ex-12-2",
        REQUEST + SCALER + BUDGET.replace("app=page", "app=pages"),
        "covers no pod of page, its selector is app=pages",
    ),
    "2 two budgets": (
        "ex-12-2",
        REQUEST + SCALER + BUDGET + BUDGET.replace("pdb any", "pdb two"),
        "one PodDisruptionBudget for the pods of page|any (maxUnavailable: 1) and two",
    ),
    "3 nothing": ("ex-12-3", "true", "its ReplicaSet is refused a pod|maximum memory usage per Container is 128Mi"),
    "3 the limit only": ("ex-12-3", LIMIT, "3 ready pods of buoys|exceeded quota: bay"),
    "3 no memory": (
        "ex-12-3",
        LIMIT + gives(BUOYS, "keeper", "--requests=cpu=20m"),
        "keeper was OOMKilled|who has set it",
    ),
    "3 a larger quota": (
        "ex-12-3",
        'kubectl patch quota bay -n lab-12-bay -p \'{"spec": {"hard": {"requests.cpu": "4"}}}\'\n',
        "the ResourceQuota bay as it was|requests.cpu 4",
    ),
    "3 no LimitRange": ("ex-12-3", "kubectl delete limitrange bay -n lab-12-bay", "the LimitRange bay|none"),
    "3 no lighthouse": (
        "ex-12-3",
        "kubectl delete pod lighthouse -n lab-12-bay --grace-period=1",
        "the pod lighthouse|none",
    ),
    "3 one buoy": (
        "ex-12-3",
        LIMIT + KEEPER + f"kubectl scale deployment {BUOYS} --replicas=1",
        "replicas: 3 in the Deployment buoys|replicas: 1",
    ),
    "3 no ballast": (
        "ex-12-3",
        """kubectl patch deployment buoys -n lab-12-bay -p '{"spec": {"template": {"spec": {"containers": [
  {"name": "keeper", "command": ["python3", "-c", "import time; time.sleep(99999)"]}]}}}}'""",
        "the keeper with its command",
    ),
}


@pytest.mark.parametrize("exercise_id", ALL)
def test_reference_solution_passes(world, exercise_id):
    world.begin(exercise_id)
    world.cells.solve(exercise_id)
    verdict = checks.run(exercise_id, world.lab)
    assert verdict.passed, verdict


@pytest.mark.parametrize(("exercise_id", "script"), RIGHT.values(), ids=RIGHT)
def test_right_answers_pass(world, exercise_id, script):
    verdict = world.run(exercise_id, script)
    assert verdict.passed, verdict


@pytest.mark.parametrize(("exercise_id", "script", "words"), WRONG.values(), ids=WRONG)
def test_wrong_answers_get_the_words_that_help(world, exercise_id, script, words):
    told = words.split("|")
    verdict = world.run_wrong(exercise_id, script, told)
    assert_told(verdict, told)


@pytest.mark.slow  # as in 17
@pytest.mark.alone
def test_api_server_down_is_no_wrong_answer(course, world):
    with without_api_server(course):
        verdicts = [checks.run(exercise_id, world.lab) for exercise_id in ALL]
    assert [verdict.status for verdict in verdicts] == ["could not check"] * 3, verdicts
