"""Lesson 07's checks: the reference solutions and other right ones pass, wrong ones get the words that help."""

from __future__ import annotations

from functools import partial

import pytest
from kubernetes import client

from labs import checks
from labs.checks import lesson_07
from labs.errors import NotYet
from tests.checks.learner import HELPER, apply, judge_wrong, other_namespace, remove, sh, without_api_server

pytestmark = pytest.mark.engine

ALL = ("ex-07-1", "ex-07-2", "ex-07-3")


class World:
    """The lesson before an exercise."""

    def __init__(self, cells) -> None:
        self.cells, self.lab = cells, cells.open()
        cells.set_up("ex-07-2")
        self.other = other_namespace(self.lab)

    def before(self, exercise_id: str, script: str = "") -> None:
        """Remove all answers but a Deployment that the script makes again; make what the exercise starts from."""
        fronts = {"garden-front": FRONT, "forecast": FORECAST}
        gone = ["harbour-front", *(name for name, made in fronts.items() if made not in script)]
        chosen = f"app in ({', '.join(gone)})"
        remove(self.lab, "deployment", label_selector=chosen)
        remove(self.lab, "pod", label_selector=chosen, grace_period_seconds=1)
        remove(self.lab, "service", field_selector="metadata.name!=store")
        remove(self.lab, "service", namespace=self.other)
        if exercise_id != "ex-07-2":  # it builds on the store alone, which stays
            self.cells.set_up(exercise_id, shell_lines=False)

    def run(self, exercise_id: str, script: str, words: str = "") -> checks.Verdict:
        """Judge what a script does; ``words`` are those of the verdict on a wrong one."""
        self.before(exercise_id, script)
        sh(script)
        ask = partial(checks.run, exercise_id, self.lab)
        return judge_wrong(self.lab, ask, words.split("|")) if words else ask()


@pytest.fixture(autouse=True)
def busy(monkeypatch):
    """On a machine with other work, a front's first answer may take longer."""
    monkeypatch.setattr(lesson_07, "ANSWERS_IN", 20)


@pytest.fixture(scope="module")
def world(cells_of):
    return World(cells_of("07"))


def service(name: str, selector: str, ports: str, more: str = "type: ClusterIP") -> str:
    return apply(f"""
apiVersion: v1
kind: Service
metadata: {{name: {name}}}
spec: {{{more}, selector: {{{selector}}}, ports: [{{{ports}}}]}}
""")


def front(name: str, store: str = "", *, replicas: int = 1, path="/ready", port="http", more: str = "") -> str:
    """A front with a probe, as a learner would write it."""
    return apply(f"""
apiVersion: apps/v1
kind: Deployment
metadata: {{name: {name}, labels: {{app: {name}}}}}
spec:
  replicas: {replicas}
  selector: {{matchLabels: {{app: {name}}}}}
  template:
    metadata: {{labels: {{app: {name}, pipeline: weather}}}}
    spec:
      containers:
      - name: front
        image: "weather:1"
        {f'env: [{{name: STORE, value: "{store}"}}]' if store else 'args: ["front"]'}
        ports: [{{name: http, containerPort: 8080}}]
        {more or f"readinessProbe: {{httpGet: {{path: {path}, port: {port}}}, periodSeconds: 1}}"}
""")


def ready(name: str) -> str:
    return f"kubectl rollout status deployment/{name} --timeout=30s\n"


# Exercise 1: the garden
EXPOSE = "kubectl expose deployment garden-store --port=8000\n"
FRONT = """kubectl create deployment garden-front --image=weather:1 --dry-run=client -o yaml | kubectl apply -f -
kubectl set env deployment/garden-front STORE=http://garden-store:8000
"""
DOOR = "kubectl create service nodeport garden-front --tcp=80:8080 --node-port=30071\n"
LEADS = service("garden-store", "app: garden-store", "port: 8000")
BY_ARGUMENT = """
apiVersion: apps/v1
kind: Deployment
metadata: {name: garden-front, labels: {app: garden-front}}
spec:
  selector: {matchLabels: {part: garden-door}}
  template:
    metadata: {labels: {part: garden-door}}
    spec:
      containers:
      - {name: web, image: "weather:1", args: [front, "--store=http://garden-store.lab-07.svc.cluster.local"]}
"""
TWO_PORTS = """
apiVersion: v1
kind: Service
metadata: {name: garden-store}
spec:
  selector: {app: garden-store, pipeline: garden}
  ports: [{name: old, port: 8000}, {name: short, port: 80, targetPort: 8000}]
"""
# applied, so that the next answer that is applied takes it away again
LACKING = """kubectl create deployment garden-front --image=weather:1 --dry-run=client -o json |
kubectl patch -f - --local --type=json -o json -p '[{"op": "add",
"path": "/spec/template/spec/containers/0/envFrom", "value": [{"configMapRef": {"name": "absent"}}]}]' |
kubectl apply -f -
for i in $(seq 60); do kubectl get pods | grep -q CreateContainerConfigError && break; sleep 0.5; done
"""
OTHER_DOOR = service("garden-front", "part: garden-door", "port: 8080, nodePort: 30071", "type: LoadBalancer")


def asking(url: str) -> str:
    """The whole of exercise 1, with this STORE."""
    return EXPOSE + FRONT.replace("http://garden-store:8000", url) + ready("garden-front") + DOOR


# Exercise 2: the forecast
FORECAST = front("forecast", replicas=3)
NAMED = "port: 80, targetPort: http"
HELPED = front("forecast", replicas=3, path="ready").replace(
    "      containers:\n", f"      containers:\n      - {HELPER}\n"
)
OUTSIDE = service("forecast", "app: forecast", f"{NAMED}, nodePort: 30072", "type: NodePort")
EACH = service("forecast-each", "app: forecast", NAMED, 'clusterIP: "None"')
BY_KUBECTL = """
kubectl expose deployment forecast --port=80 --target-port=http --type=NodePort
kubectl patch service forecast -p '{"spec": {"ports": [{"port": 80, "nodePort": 30072}]}}'
kubectl expose deployment forecast --name=forecast-each --port=80 --target-port=http --cluster-ip=None
"""
GUESSED = 'kubectl create service clusterip forecast-each --tcp=80:http --clusterip="None"\n'

# Exercise 3: the harbour
PROBE = """kubectl patch deployment harbour-front --type=json -p '[{"op": "replace",
"path": "/spec/template/spec/containers/0/readinessProbe/httpGet/path", "value": "/ready"}]'
"""
URL = "kubectl set env deployment/harbour-front STORE=http://harbour-store:8000\n"
SELECT = "kubectl set selector service harbour-store app=harbour-store\n"
TARGET = """kubectl patch service harbour-store -p '{"spec": {"ports": [{"port": 8000, "targetPort": 8000}]}}'\n"""
AGAIN = "kubectl delete service harbour-store\nkubectl expose deployment harbour-store --port=8000\n"
FAILED_503 = "for i in $(seq 60); do kubectl get events | grep -q 'statuscode: 503' && break; sleep 0.5; done\n"
UNPROBED = """kubectl patch deployment harbour-front --type=json -p '[{"op": "remove",
"path": "/spec/template/spec/containers/0/readinessProbe"}]'
"""

RIGHT = {
    "1 kubectl": ("ex-07-1", EXPOSE + FRONT + ready("garden-front") + DOOR),
    "1 YAML, other labels, full name, two ports": (
        "ex-07-1",
        apply(TWO_PORTS) + apply(BY_ARGUMENT) + OTHER_DOOR + ready("garden-front"),
    ),
    "2 YAML": ("ex-07-2", FORECAST + OUTSIDE + EACH + ready("forecast")),
    "2 a sidecar first, the probe's path without a slash": ("ex-07-2", HELPED + OUTSIDE + EACH + ready("forecast")),
    "2 kubectl, the probe's port by number": (
        "ex-07-2",
        front("forecast", replicas=3, port="8080") + BY_KUBECTL + ready("forecast"),
    ),
    "3 kubectl": ("ex-07-3", PROBE + URL + SELECT + TARGET + ready("harbour-front")),
    "3 Service made again, port in full": (
        "ex-07-3",
        AGAIN
        + PROBE
        + URL.replace("harbour-store:8000", "harbour-store.lab-07:8000")
        + ready("harbour-front"),
    ),
}  # fmt: skip

WRONG = {
    "1 nothing": ("ex-07-1", "true", "a Service garden-store in the namespace lab-07|none"),
    "1 a second producer": (
        "ex-07-1",
        "kubectl scale deployment garden-producer --replicas=2",
        "the Deployment garden-producer as it was|spec.replicas: 2, was 1|Leave the two",
    ),
    "2 LoadBalancer": (
        "ex-07-2",
        FORECAST + OUTSIDE.replace("type: NodePort", "type: LoadBalancer") + EACH + ready("forecast"),
        "the Service forecast of type NodePort|type LoadBalancer",
    ),
    "1 elsewhere": (
        "ex-07-1",
        "kubectl create service clusterip garden-store --tcp=8000 -n lab-07-other",
        "one in the namespace lab-07-other|-n lab-07",
    ),
    "1 label mismatch": (
        "ex-07-1",
        LEADS.replace("app: garden-store", "app: garden"),
        "select the pods of garden-store (app=garden-store,pipeline=garden)|its selector is app=garden|Every pair",
    ),
    "1 selects the whole garden": (
        "ex-07-1",
        LEADS.replace("app: garden-store", "pipeline: garden"),
        "to the pods of garden-store only|pipeline=garden matches garden-producer too|do only the right pods carry",
    ),
    "1 wrong targetPort": (
        "ex-07-1",
        EXPOSE.replace("8000", "8000 --target-port=80"),
        "lead to port 8000 of the pods|targetPort 80|the program listens on",
    ),
    "1 wrong port": (
        "ex-07-1",
        EXPOSE.replace("8000", "80 --target-port=8000"),
        "the Service garden-store to answer at port 8000|observed  port 80",
    ),
    "1 unknown port name": (
        "ex-07-1",
        LEADS.replace("8000", "8000, targetPort: http"),
        "targetPort http, a name that no port of garden-store has",
    ),
    "1 no front": ("ex-07-1", EXPOSE, "a Deployment garden-front"),
    "1 no such tag": (
        "ex-07-1",
        EXPOSE + FRONT.replace("weather:1", "weather:v1"),
        "image weather:1|weather:v1",
    ),
    "1 name mistyped": (
        "ex-07-1",
        asking("http://gardenstore:8000"),
        "asks http://gardenstore:8000, and there is no such Service|kubectl get services",
    ),
    "1 other namespace": (
        "ex-07-1",
        asking("http://garden-store.default:8000"),
        "looks in the namespace default|The namespace is lab-07",
    ),
    "1 a command in place of an argument": (
        "ex-07-1",
        EXPOSE + FRONT.replace("yaml |", "yaml -- front |"),
        "a ready pod of garden-front|0 ready in all",
    ),
    "1 newest version stuck": (
        "ex-07-1",
        asking("http://garden-store:8000")
        + LACKING,
        "a ready pod of garden-front|of its newest version|CreateContainerConfigError",
    ),
    "1 ClusterIP": (
        "ex-07-1",
        EXPOSE + FRONT + ready("garden-front") + "kubectl expose deployment garden-front --port=80 --target-port=8080",
        "node port 30071|its type is ClusterIP, which answers only inside",
    ),
    "1 any node port": (
        "ex-07-1",
        EXPOSE + FRONT + ready("garden-front") + DOOR.replace("30071", "30079"),
        "node port 30071|observed  node port 30079|can be chosen",
    ),
    "1 front's wrong targetPort": (
        "ex-07-1",
        EXPOSE + FRONT + ready("garden-front") + DOOR.replace("80:8080", "80"),
        "lead to port 8080 of the pods|targetPort 80",
    ),
    "2 nothing": ("ex-07-2", "true", "a Deployment forecast"),
    "2 one": ("ex-07-2", front("forecast"), "replicas: 3|replicas: 1"),
    "2 a probe with another path, beside a sidecar": (
        "ex-07-2",
        HELPED.replace("path: ready", "path: /ready/"),
        "it asks for /ready/ at port http",
    ),
    "2 a pod of another program": (
        "ex-07-2",
        FORECAST + ready("forecast") + "kubectl run stranger --image=labs/web:1 --labels=app=forecast\n"
        + OUTSIDE + EACH,
        "to the pods of forecast only|its selector app=forecast matches stranger too",
    ),
    "2 no probe": ("ex-07-2", front("forecast", replicas=3, more="tty: false"), "asks for /ready|no readiness probe"),
    "2 wrong path": ("ex-07-2", front("forecast", replicas=3, path="/ready.html"), "it asks for /ready.html"),
    "2 wrong probe port": ("ex-07-2", front("forecast", replicas=3, port="80"), "it asks for /ready at port 80"),
    "2 probe of TCP": (
        "ex-07-2",
        front("forecast", replicas=3, more="readinessProbe: {tcpSocket: {port: 8080}}"),
        "a probe of another kind",
    ),
    "2 store not found": (
        "ex-07-2",
        front("forecast", "http://stor:8000", replicas=3),
        "forecast asks http://stor:8000, and there is no such Service",
    ),
    "2 one door": ("ex-07-2", FORECAST + ready("forecast") + OUTSIDE, "a Service forecast-each"),
    "2 not headless": (
        "ex-07-2",
        FORECAST + ready("forecast") + OUTSIDE + EACH.replace('clusterIP: "None"', "type: ClusterIP"),
        "without an address of its own|type ClusterIP with the address|cannot be changed",
    ),
    "2 by number": (
        "ex-07-2",
        FORECAST + ready("forecast") + OUTSIDE.replace("http", "8080") + EACH,
        "by its name, http|targetPort: 8080",
    ),
    "2 guessed selector": (
        "ex-07-2",
        FORECAST + ready("forecast") + OUTSIDE + GUESSED,
        "Service forecast-each to select the pods of forecast|its selector is app=forecast-each",
    ),
    "2 selects all": (
        "ex-07-2",
        FORECAST + ready("forecast") + OUTSIDE.replace("app: forecast", "pipeline: weather") + EACH,
        "to the pods of forecast only|pipeline=weather matches front, store too",
    ),
    "3 nothing": ("ex-07-3", "true", "asks for /ready at port 8080|it asks for /readyz at port 8080"),
    "3 probe removed": ("ex-07-3", UNPROBED + URL + SELECT + TARGET, "no readiness probe"),
    "3 only the probe": (
        "ex-07-3",
        PROBE,
        "asks http://harbour-store.harbour:8000, which looks in the namespace harbour",
    ),
    "3 selector left": ("ex-07-3", PROBE + URL + TARGET, "select the pods of harbour-store|app=harbor-store"),
    "3 port left": ("ex-07-3", PROBE + URL + SELECT, "lead to port 8000 of the pods|targetPort 80"),
    "3 the whole harbour": (
        "ex-07-3",
        PROBE + URL + TARGET + SELECT.replace("app=harbour-store", "pipeline=harbour"),
        "pipeline=harbour matches harbour-front, harbour-producer too",
    ),
    "3 no producer": (
        "ex-07-3",
        "kubectl scale deployment harbour-producer --replicas=0\nkubectl delete pod -l app=harbour-store\n"
        + PROBE + URL + SELECT + TARGET + ready("harbour-front"),
        "with readings|0 readings|harbour-producer --tail=1",
    ),
}  # fmt: skip


@pytest.mark.parametrize("exercise_id", ALL)
def test_reference_passes(world, exercise_id):
    world.before(exercise_id)
    world.cells.solve(exercise_id)
    verdict = checks.run(exercise_id, world.lab)
    assert verdict.passed, verdict


@pytest.mark.parametrize(("exercise_id", "script"), RIGHT.values(), ids=RIGHT)
def test_other_right_answers_pass(world, exercise_id, script):
    verdict = world.run(exercise_id, script)
    assert verdict.passed, verdict


@pytest.mark.parametrize(("exercise_id", "script", "words"), WRONG.values(), ids=WRONG)
def test_wrong_answers_are_told_what_was_seen(world, exercise_id, script, words):
    verdict = world.run(exercise_id, script, words)
    assert verdict.status == "not yet", verdict
    assert [word for word in words.split("|") if word not in str(verdict)] == [], verdict
    assert verdict.try_, "there is one thing to look at"


def test_a_failure_is_that_of_the_newest_version(world, impatient):
    verdict = world.run("ex-07-3", PROBE + FAILED_503 + PROBE.replace('"/ready"', '"/readyz"'))
    assert "it asks for /readyz at port 8080" in str(verdict), verdict
    assert "statuscode: 503" not in str(verdict), verdict


def a_front(**container) -> client.V1Deployment:
    """A Deployment that only this process knows."""
    pod = client.V1PodSpec(containers=[client.V1Container(name="front", **container)])
    spec = client.V1DeploymentSpec(
        selector=client.V1LabelSelector(match_labels={"app": "nobody"}), template=client.V1PodTemplateSpec(spec=pod)
    )
    return client.V1Deployment(metadata=client.V1ObjectMeta(name="front"), spec=spec)


STORES = {
    "http://store:8000": "asks http://store:8000, another Service",
    "http://garden-store": "asks http://garden-store, port 80; the Service answers at 8000",
    "http://10.96.0.7:8000": "an address, not a name",
    "garden-store:8000": "does not begin with http://",
    "http://garden-store:80OO": "is no URL",
}


@pytest.mark.parametrize(("url", "words"), STORES.items())
def test_wrong_url_of_the_store_is_told(world, monkeypatch, url, words):
    sh("kubectl create service clusterip garden-store --tcp=8000 --dry-run=client -o yaml | kubectl apply -f -")
    monkeypatch.setattr(lesson_07, "_store_url", lambda lab, front: url)
    with pytest.raises(NotYet, match="garden-store of this namespace by its name") as seen:
        lesson_07._expect_store_named(world.lab, a_front(), "garden-store")
    assert words in seen.value.observed
    assert seen.value.try_


def test_a_program_may_be_the_probe():
    asks = client.V1Probe(_exec=client.V1ExecAction(command=["wget", "-q", "http://localhost:8080/ready"]))
    lesson_07._expect_probe(a_front(readiness_probe=asks))


@pytest.mark.slow  # as in 00
@pytest.mark.alone
def test_api_server_down_is_no_wrong_answer(course, world):
    with without_api_server(course):
        verdicts = [checks.run(exercise_id, world.lab) for exercise_id in ALL]
    assert [verdict.status for verdict in verdicts] == ["could not check"] * 3, verdicts


@pytest.mark.alone
def test_port_forwarder_down_is_no_wrong_answer(course, world, impatient):
    assert world.run("ex-07-2", FORECAST + OUTSIDE + EACH + ready("forecast")).passed
    course.stop("ports")
    try:
        verdict = checks.run("ex-07-2", world.lab)
    finally:
        course.start("ports")
    assert verdict.status == "could not check", verdict
