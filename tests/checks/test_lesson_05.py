"""Lesson 05's checks: the reference solutions and other right ones pass, wrong ones get the words that help."""

from __future__ import annotations

import re
from functools import partial

import pytest

from labs import checks
from labs.checks import lesson_05
from labs.checks.readers.starting import last_line
from labs.checks.readers.workloads import deployment
from labs.waiting import wait_for, wait_for_http
from tests.checks.learner import apply, helped, judge_wrong, other_namespace, remove, sh, without_api_server

pytestmark = pytest.mark.engine

ALL = ("ex-05-1", "ex-05-2", "ex-05-3")
PORTS = {"ex-05-1": [30051], "ex-05-2": [30052, 30053], "ex-05-3": [30054]}


class World:
    """The lesson before an exercise."""

    def __init__(self, cells) -> None:
        self.cells, self.lab = cells, cells.open()
        self.other = other_namespace(self.lab)
        cells.set_up("ex-05-1")  # nothing but what all build on

    def forget(self) -> None:
        """Remove all answers; that their pods still end disturbs nobody."""
        remove(self.lab, "deployment", "replica_set", "service", "secret")
        remove(self.lab, "pod", grace_period_seconds=1)
        remove(self.lab, "config_map")
        remove(self.lab, "config_map", namespace=self.other)

    def run(self, exercise_id: str, script: str, words: str = "") -> checks.Verdict:
        """Judge what a script does; ``words`` are those of the verdict on a wrong one."""
        self.cells.set_up(exercise_id)
        sh(script)
        if script.endswith(READY):
            self.wait(exercise_id)
        ask = partial(checks.run, exercise_id, self.lab)
        return judge_wrong(self.lab, ask, words.split("|")) if words else ask()

    def wait(self, exercise_id: str) -> None:
        """Wait until the programs have started to speak, on a machine that has much else to do."""
        for port in PORTS[exercise_id]:
            wait_for_http(f"{self.lab.url(port)}/healthz")
        if name := {"ex-05-2": "archivist", "ex-05-3": "sensor"}.get(exercise_id):
            wait_for(
                lambda: re.search(": sent|401", last_line(self.lab, deployment(self.lab, name), lesson_05.PRODUCER))
            )


@pytest.fixture(scope="module")
def lesson(cells_of):
    return World(cells_of("05"))


@pytest.fixture
def world(lesson):
    lesson.forget()
    return lesson


def patch(name: str, container: str, fields: str, volume: str = "") -> str:
    """``kubectl patch`` of a Deployment: fields of its container, and a volume."""
    volumes = f"volumes: [{volume}], " if volume else ""
    spec = f"{volumes}containers: [{{name: {container}, {fields}}}]"
    return f"kubectl patch deployment {name} -p 'spec: {{template: {{spec: {{{spec}}}}}}}'\n"


def mounted(name: str, container: str, source: str, path: str = "/etc/weather") -> str:
    """A Deployment mounts a ConfigMap or a Secret."""
    return patch(name, container, f"volumeMounts: [{{name: v, mountPath: {path}}}]", f"{{name: v, {source}}}")


ALONE = """timeout 60 bash -c 'until [ $(kubectl get pods -l app=tower -o name | wc -l) = 1 ]; do :; done'\n"""
READY = "kubectl rollout status deployment >/dev/null\n"  # of all that there are


def told(text: str, by: str = "pods") -> str:
    """Wait until the kubelet has said so, in the state of a pod or among the events."""
    return f"""timeout 30 bash -c 'until kubectl get {by} -o yaml | grep -q "{text}"; do :; done'\n"""


# Exercise 1: the roof
MAP = "kubectl create configmap roof --from-literal=TITLE=Roof --from-literal=UNIT=fahrenheit\n"
FRONT = "kubectl create deployment roof --image=weather:1\n"
PORT = "kubectl create service nodeport roof --tcp=80:8080 --node-port=30051\n"
ENV = "kubectl set env deployment/roof --from=configmap/roof\n"
SMALL = MAP.replace("TITLE", "title").replace("UNIT", "unit")
FROM = "envFrom: [{configMapRef: {name: roof}}]"


def roof(container: str, pod: str = "") -> str:
    """``kubectl apply`` of the roof's Deployment, as a learner would write it."""
    return apply(f"""
apiVersion: apps/v1
kind: Deployment
metadata: {{name: roof}}
spec:
  selector: {{matchLabels: {{app: roof}}}}
  template:
    metadata: {{labels: {{app: roof}}}}
    spec:
      {pod or "restartPolicy: Always"}
      containers: [{{name: front, image: "weather:1", args: [front], {container}}}]
""")


RENAMED = roof(
    "env: [{name: TITLE, valueFrom: {configMapKeyRef: {name: roof, key: title}}},"
    " {name: UNIT, valueFrom: {configMapKeyRef: {name: roof, key: unit}}}]"
)
MISPLACED = roof("stdin: false", FROM.replace("envFrom", "env")).replace("apply -f", "apply --validate=false -f")
WRITTEN = roof("env: [{name: TITLE, value: Roof}, {name: UNIT, value: fahrenheit}]")

# Exercise 2: the archive
SECRET = "kubectl create secret generic archive --from-literal=token=old-papers\n"
FILE = mounted("archive", "store", "secret: {secretName: archive}")
TOKEN = "kubectl set env deployment/archivist --from=secret/archive\n"
PAGE = "kubectl create configmap gate --from-literal='page.html=<h1>Archive</h1>{count}'\n"
SHOWN = mounted("gate", "front", "configMap: {name: gate}")
PROJECTED = mounted("archive", "store", "projected: {sources: [{secret: {name: archive}}]}")
BY_FILE = mounted("archivist", "producer", "secret: {secretName: archive}")
CLOSED = SECRET + FILE + TOKEN


def forgets(name: str, program: str) -> str:
    """A container replaced as a whole, without the address of its store."""
    return patch(name, program, f"args: [{program}]") + READY + "true\n"  # what it says now is not waited for


# Exercise 3: the sensor
NAMED = patch("sensor", "producer", "envFrom: [{configMapRef: {name: sensor-names}}]")
KEYED = patch("sensor", "producer", "env: [{name: TOKEN, valueFrom: {secretKeyRef: {name: sensor, key: token}}}]")
ONCE = "kubectl patch secret sensor -p 'stringData: {token: harbour-42}'\n"
LYING = patch("sensor", "producer", "volumeMounts: [{name: files, mountPath: /etc/weather}]")
OTHER_WAY = """
kubectl create configmap sensor-name --from-literal=STATION=north --from-literal=UNIT=fahrenheit
kubectl create secret generic sensor --from-literal=TOKEN=harbour-42 --dry-run=client -o yaml | kubectl replace -f -
"""
THERE = '"--store=http://store:8000"'
OTHER_STORE = """
kubectl create deployment store --image=weather:1 --dry-run=client -o yaml |
  sed 's/image: weather:1/image: weather:1\\n        args: [store]/' | kubectl apply -f -
kubectl create service clusterip store --tcp=8000
kubectl rollout status deployment/store
"""
THEIR_SECRET = NAMED + "kubectl set env deployment/sensor --from=secret/tower\n" + LYING

RIGHT = {
    "1 kubectl": ("ex-05-1", MAP + FRONT + ENV + PORT + READY),
    "1 YAML, envFrom": ("ex-05-1", MAP + roof(FROM) + PORT + READY),
    "1 keys in small letters, renamed": ("ex-05-1", SMALL + RENAMED + PORT + READY),
    "1 ConfigMap last": ("ex-05-1", roof(FROM) + PORT + MAP),
    "1 a sidecar first, the port by name": (
        "ex-05-1",
        MAP
        + roof(f"{FROM}, ports: [{{name: http, containerPort: 8080}}]")
        + helped("roof", more=True)
        + PORT.replace(":8080", ":http")
        + READY,
    ),
    "2 sidecars first": (
        "ex-05-2",
        CLOSED + PAGE + SHOWN + helped("archive") + helped("archivist") + helped("gate") + READY,
    ),
    "2 kubectl": ("ex-05-2", CLOSED + PAGE + SHOWN + READY),
    "2 projected, both by file": ("ex-05-2", SECRET + PROJECTED + BY_FILE + PAGE + SHOWN + READY),
    "3 kubectl": ("ex-05-3", NAMED + ONCE + KEYED + LYING + READY),
    "3 sidecars": ("ex-05-3", NAMED + ONCE + KEYED + LYING + helped("sensor", more=True) + READY),
    "3 objects fitted to the Deployment": ("ex-05-3", OTHER_WAY + READY),
    "3 the tower's own Secret": ("ex-05-3", THEIR_SECRET + READY),
}

WRONG = {
    "1 nothing": ("ex-05-1", "true", "a Deployment roof in the namespace lab-05|unknown field"),
    "1 no ConfigMap": ("ex-05-1", WRITTEN + PORT + READY, "a ConfigMap roof in the namespace lab-05|observed  none"),
    "1 ConfigMap elsewhere": (
        "ex-05-1",
        MAP.replace("create", "create -n lab-05-other") + roof(FROM) + PORT,
        "one in the namespace lab-05-other|own namespace only",
    ),
    "1 a Secret": (
        "ex-05-1",
        MAP.replace("configmap", "secret generic") + roof(FROM.replace("configMapRef", "secretRef")) + PORT,
        "none, but a Secret roof",
    ),
    "1 mistyped name": (
        "ex-05-1",
        MAP + roof(FROM.replace("roof", "rooof")) + PORT + told("rooof.* not found"),
        'configmap "rooof" not found; lab-05 has roof|describe pods',
    ),
    "1 mistyped key": (
        "ex-05-1",
        MAP + RENAMED + PORT + told("find key title"),
        "couldn't find key title|its keys are TITLE, UNIT",
    ),
    "1 names in small letters": (
        "ex-05-1",
        SMALL + roof(FROM) + PORT + READY,
        "title: Weather (default)|variables are title, unit, and none is TITLE|capitals",
    ),
    "1 env in the pod": (
        "ex-05-1",
        MAP + MISPLACED + PORT + READY,
        "title: Weather (default); the container has neither env nor envFrom",
    ),
    "1 written into the Deployment": (
        "ex-05-1",
        MAP + WRITTEN + PORT + READY,
        "TITLE of roof from a ConfigMap|written into the Deployment",
    ),
    "1 values of another ConfigMap": (
        "ex-05-1",
        MAP + MAP.replace("configmap roof", "configmap attic") + roof(FROM.replace("roof", "attic")) + PORT + READY,
        "TITLE from the ConfigMap roof|ConfigMap attic, key TITLE",
    ),
    "1 not restarted": (
        "ex-05-1",
        MAP.replace("Roof", "Rof")
        + roof(FROM)
        + PORT
        + READY
        + "kubectl patch configmap roof -p 'data: {TITLE: Roof}'",
        "title: Rof (environment)|says Roof, but the pod started before|gets its variables once",
    ),
    "1 keys repaired, not restarted": (
        "ex-05-1",
        SMALL + roof(FROM) + PORT + READY + f"kubectl delete configmap roof\n{MAP}",
        "title: Weather (default)|says Roof, but the pod started before|gets its variables once",
    ),
    "1 wrong value": (
        "ex-05-1",
        MAP.replace("fahrenheit", "Fahrenheit") + roof(FROM) + PORT + READY,
        "unit: fahrenheit (environment)|Fahrenheit|ConfigMap roof, key UNIT, which says 'Fahrenheit'",
    ),
    "1 a command": (
        "ex-05-1",
        MAP + FRONT.rstrip() + " -- front\n" + PORT + told("executable file not found"),
        'exec: "front": executable file not found|`command`|`args`',
    ),
    "1 another program": (
        "ex-05-1",
        MAP + roof(FROM).replace("args: [front]", "args: [roof]") + PORT + told("restartCount: 1"),
        "roof|ended with status|observed",
    ),
    "1 a port's name that no container has": (
        "ex-05-1",
        MAP + roof(FROM) + helped("roof") + READY + PORT.replace(":8080", ":http"),
        "the pods' port 8080 and node port 30051|the pods' port http, a name that no port of roof has",
    ),
    "1 written into the Deployment, beside a sidecar": (
        "ex-05-1",
        MAP + WRITTEN + helped("roof") + PORT + READY,
        "TITLE of roof from a ConfigMap|written into the Deployment",
    ),
    "1 wrong targetPort": (
        "ex-05-1",
        MAP + roof(FROM) + READY + PORT.replace(":8080", ""),
        "the pods' port 8080 and node port 30051|the pods' port 80",
    ),
    "2 nothing": ("ex-05-2", "true", "a Secret archive in the namespace lab-05|none"),
    "2 the token in a ConfigMap": (
        "ex-05-2",
        SECRET.replace("secret generic", "configmap") + mounted("archive", "store", "configMap: {name: archive}"),
        "a Secret archive|none, but a ConfigMap archive",
    ),
    "2 the token in a ConfigMap, too": (
        "ex-05-2",
        CLOSED + "kubectl create configmap gate --from-literal=token=old-papers",
        "in the Secret archive only|ConfigMap gate",
    ),
    "2 the token in the Deployment": (
        "ex-05-2",
        SECRET + FILE + "kubectl set env deployment/archivist TOKEN=old-papers",
        "Deployment archivist",
    ),
    "2 end of line": (
        "ex-05-2",
        "kubectl create secret generic archive --from-literal=token=$'old-papers\\n'",
        "without spaces and ends of lines|\\n'|echo -n",
    ),
    "2 another key": ("ex-05-2", SECRET.replace("=token", "=TOKEN"), "a key token|its keys: TOKEN"),
    "2 mounted elsewhere": (
        "ex-05-2",
        SECRET + FILE.replace("/etc/weather", "/etc/wether") + TOKEN + READY,
        "status 201; archive mounts the Secret at /etc/wether",
    ),
    "2 by environment": (
        "ex-05-2",
        SECRET + TOKEN.replace("archivist", "archive") + TOKEN + READY,
        "token as a file|401, but archive mounts the Secret at no path; it has a variable TOKEN",
    ),
    "2 Secret of that name missing": (
        "ex-05-2",
        SECRET + FILE.replace("secretName: archive", "secretName: archiv") + told("archiv.* not found", "events"),
        'secret "archiv" not found; lab-05 has archive',
    ),
    "2 archivist without token": (
        "ex-05-2",
        SECRET + FILE + READY,
        "401: Unauthorized|archivist has no variable TOKEN",
    ),
    "2 page under another name": (
        "ex-05-2",
        CLOSED + PAGE.replace("page.html", "index.html") + SHOWN + READY,
        "its keys: index.html",
    ),
    "2 page at the file's path": (
        "ex-05-2",
        CLOSED + PAGE + SHOWN.replace("/etc/weather", "/etc/weather/page.html") + READY,
        "your page at localhost:30053|mounts the ConfigMap at /etc/weather/page.html",
    ),
    "2 gate forgets its store": (
        "ex-05-2",
        CLOSED + PAGE + SHOWN + READY + forgets("gate", "front"),
        "the archive's readings|it asks http://store:8000|args",
    ),
    "2 archivist forgets its store": (
        "ex-05-2",
        CLOSED + READY + forgets("archivist", "producer"),
        "readings to arrive|nothing names the archive|args",
    ),
    "3 nothing": (
        "ex-05-3",
        told("sensor-name.* not found"),
        'configmap "sensor-name" not found; lab-05 has sensor-files, sensor-names',
    ),
    "3 name repaired": ("ex-05-3", NAMED + told("find key TOKEN"), "couldn't find key TOKEN|its keys are token"),
    "3 key repaired": (
        "ex-05-3",
        NAMED + KEYED + READY,
        "401: Unauthorized|Secret sensor, key token is in base64 twice|Decode",
    ),
    "3 not restarted": (
        "ex-05-3",
        NAMED + KEYED + READY + ONCE,
        "401: Unauthorized|Secret sensor, key token was changed after the pod had started",
    ),
    "3 in celsius": (
        "ex-05-3",
        NAMED + ONCE + KEYED + READY,
        "which is celsius; ConfigMaps are mounted at /etc/wether",
    ),
    "3 no station": (
        "ex-05-3",
        patch("sensor", "producer", "envFrom: []") + ONCE + KEYED + LYING + READY,
        "the station is nowhere|variable STATION",
    ),
    "3 unit written into the Deployment": (
        "ex-05-3",
        NAMED + ONCE + KEYED + "kubectl set env deployment/sensor UNIT=fahrenheit\n" + READY,
        "UNIT of sensor from a ConfigMap|written into the Deployment",
    ),
    "3 the store opened": (
        "ex-05-3",
        patch("tower", "store", "volumeMounts: [{mountPath: /etc/weather, $patch: delete}]")
        + READY.replace("deployment", "deployment/tower")
        + ALONE,
        "401 to a POST without token, as before|status 201|alone",
    ),
    "3 another store": (
        "ex-05-3",
        OTHER_STORE + NAMED + ONCE + KEYED + LYING + patch("sensor", "producer", f"args: [producer, {THERE}]") + READY,
        "to arrive in the store tower|--store=http://store:8000|args",
    ),
    "3 two towers": (
        "ex-05-3",
        NAMED + ONCE + KEYED + LYING + "kubectl scale deployment tower --replicas=2\n" + READY,
        "the Deployment tower as it was|spec.replicas: 2, was 1|alone",
    ),
    "3 the tower's Secret fitted": (
        "ex-05-3",
        ONCE.replace("sensor", "tower").replace("harbour-42", "aGFyYm91ci00Mg==") + NAMED + KEYED + LYING + READY,
        "the Secret tower as it was|data.token: another value|alone",
    ),
}


@pytest.mark.parametrize("exercise_id", ALL)
def test_reference_passes(world, exercise_id):
    world.cells.set_up(exercise_id)
    world.cells.solve(exercise_id)
    world.wait(exercise_id)
    verdict = checks.run(exercise_id, world.lab)
    assert verdict.passed, verdict


@pytest.mark.parametrize(("exercise_id", "script"), RIGHT.values(), ids=RIGHT)
def test_other_right_answers_pass(world, exercise_id, script):
    verdict = world.run(exercise_id, script)
    assert verdict.passed, verdict


def test_what_crashes_is_told_before_its_service(world, monkeypatch):
    """Also when the container counted as started, as one that crashes at once does for a moment."""
    sh(MAP + roof(FROM).replace("args: [front]", "args: [roof]") + PORT + told("restartCount: 1"))
    monkeypatch.setattr(lesson_05, "expect_started", lambda *_: None)
    verdict = checks.run("ex-05-1", world.lab)
    assert verdict.status == "not yet", verdict
    words = ("a pod of roof that keeps running", "front ended with status", "its command line: roof", "kubectl logs")
    assert [word for word in words if word not in str(verdict)] == [], verdict


@pytest.mark.parametrize(
    "script", [OTHER_WAY, ONCE + KEYED + NAMED + LYING], ids=["objects fitted", "Deployment repaired"]
)
def test_the_mess_comes_back(world, impatient, script):
    world.cells.set_up("ex-05-3")
    sh(script)
    verdict = world.run("ex-05-3", told("sensor-name.* not found"))
    assert 'configmap "sensor-name" not found; lab-05 has sensor-files, sensor-names' in str(verdict), verdict


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
