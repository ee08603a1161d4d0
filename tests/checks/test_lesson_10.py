"""Lesson 10's checks: the reference solutions and other right ones pass, wrong ones get the words that help."""

from __future__ import annotations

import pytest

from labs import checks
from tests.checks.learner import HELPER, apply, sh, without_api_server

pytestmark = pytest.mark.engine

ALL = ("ex-10-1", "ex-10-2", "ex-10-3")


class World:
    """The lesson before an exercise."""

    def __init__(self, cells) -> None:
        self.cells, self.lab = cells, cells.open()
        for exercise_id in ALL:  # the images; all three stand beside each other
            cells.set_up(exercise_id)

    def forget(self) -> None:
        """Remove all answers; the vault stays."""
        sh("""
kubectl delete jobs --all --wait=false
kubectl delete deployment beacon depot --ignore-not-found --wait=false
kubectl delete pods -l app!=vault --force --grace-period=0 2>/dev/null
kubectl delete pod desk -n default --ignore-not-found --force --grace-period=0""")

    def run(self, exercise_id: str, script: str) -> checks.Verdict:
        self.begin(exercise_id)
        sh(script)
        return checks.run(exercise_id, self.lab)

    def begin(self, exercise_id: str) -> None:
        only = {"ex-10-1": ["depot"], "ex-10-2": ["vault", "nginx.conf"], "ex-10-3": ["beacon"]}[exercise_id]
        self.cells.set_up(exercise_id, only)


@pytest.fixture(scope="module")
def lesson(cells_of):
    return World(cells_of("10"))


@pytest.fixture
def world(lesson):
    lesson.forget()
    return lesson


# Exercise 1: the desk
UNTIL = "until curl -sSf {}/healthz; do sleep 1; done"
WAITS = '{{name: wait, image: "labs/shell:1", command: [sh, -c, "{}"]}}'
ASK = WAITS.format(UNTIL.format("http://depot:8000"))
MOUNT = "volumeMounts: [{name: site, mountPath: /site}]"
TEXT = "echo '<h1>Desk</h1> {count} readings' > /site/page.html"
WRITE = f'{{name: page, image: "labs/shell:1", command: [sh, -c, "{TEXT}"], {MOUNT}}}'
FRONT_ARGS = '[front, "--store=http://depot:8000"]'


def desk(
    *before: str,
    args: str = FRONT_ARGS,
    folder: str = "/etc/weather",
    volume: str = "emptyDir: {}",
    image: str = "weather:1",
    beside: str = "",
) -> str:
    """A pod as a learner would write it: its init containers, and what is different."""
    return apply(f"""
apiVersion: v1
kind: Pod
metadata: {{name: desk}}
spec:
  terminationGracePeriodSeconds: 1
  volumes: [{{name: site, {volume}}}]
  initContainers: [{", ".join(before or (ASK, WRITE))}]
  containers:
  {beside}
  - {{name: front, image: "{image}", args: {args}, volumeMounts: [{{name: site, mountPath: {folder}}}]}}
""")


ON = "kubectl scale deployment depot --replicas=1\nkubectl rollout status deployment/depot --timeout=60s >/dev/null\n"
READY = "kubectl wait pod {} --for=condition=Ready --timeout=60s >/dev/null\n"
INIT_RUNS = """kubectl wait pod desk --timeout=30s >/dev/null \\
  --for=jsonpath='{.status.initContainerStatuses[0].state.running.startedAt}'
"""
BOTH = (
    '{name: all, image: "labs/shell:1", command: [sh, -c, "while ! wget -q -O- http://depot:8000/healthz;'
    f' do sleep 0.5; done; {TEXT}"], {MOUNT}}}'
)
BY_PYTHON = (
    '{name: wait, image: "weather:1", command: [sh, -c, "until python3 -c \\"import urllib.request as r;'
    " r.urlopen('http://depot:8000/healthz')\\\"; do sleep 1; done\"]}"
)
RETRY = (
    '{name: wait, image: "labs/shell:1",'
    " args: [curl, -sSf, --retry, '99', --retry-delay, '1', --retry-all-errors, 'http://depot:8000/healthz']}"
)
GENERATED = """
kubectl run desk --image=weather:1 --dry-run=client -o yaml -- front --store=http://depot:8000 |
  kubectl patch --local -f - -o yaml --type=json -p '[
{"op": "add", "path": "/spec/volumes", "value": [{"name": "v", "emptyDir": {"medium": "Memory"}}]},
{"op": "add", "path": "/spec/containers/0/volumeMounts", "value": [{"name": "v", "mountPath": "/etc/weather/"}]},
{"op": "add", "path": "/spec/initContainers", "value": [
  {"name": "page", "image": "weather:1", "command": ["sh", "-c",
    "echo \\"<h1>Desk</h1> {count} readings so far\\" > /v/page.html"],
   "volumeMounts": [{"name": "v", "mountPath": "/v"}], "securityContext": {"runAsUser": 0}},
  {"name": "wait", "image": "labs/shell:1", "command": ["sh", "-c",
    "for i in $(seq 60); do nc -w 1 depot 8000 < /dev/null && exit; sleep 1; done; exit 1"]}]}]' | kubectl apply -f -
"""

# Exercise 2: the survey
CONF = "volumes: [{name: conf, secret: {secretName: gate}}]"
PROBE = "startupProbe: {httpGet: {path: /healthz, port: 9000}, periodSeconds: 1, failureThreshold: 60}"
GATE = (
    '{name: gate, NATIVEimage: "labs/web:1", command: [nginx, -c, /etc/gate/nginx.conf, -g, "daemon off;"], '
    f"{PROBE}, volumeMounts: [{{name: conf, mountPath: /etc/gate}}]}}"
)
NATIVE = GATE.replace("NATIVE", "restartPolicy: Always, ")
LOOP = "for t in 18.0 18.5 19.0; do curl -sSf -d $t localhost:9000/readings || exit 1; done"
SENDER = f'{{name: sender, image: "labs/shell:1", command: [sh, -c, "{LOOP}"]}}'


def survey(
    before: str = NATIVE, containers: str = SENDER, volumes: str = CONF, policy: str = "Never", job: str = ""
) -> str:
    """A Job as a learner would write it."""
    return apply(f"""
apiVersion: batch/v1
kind: Job
metadata: {{name: survey}}
spec:
  backoffLimit: 0
  {job}
  template:
    spec:
      restartPolicy: {policy}
      {volumes}
      initContainers: [{before}]
      containers: [{containers}]
""")


DONE = "kubectl wait job survey --for=condition=Complete --timeout=60s >/dev/null\n"
FAILED = "kubectl wait job survey --for=condition=Failed --timeout=60s >/dev/null\n"
BEFORE = '{name: before, image: "labs/shell:1", command: ["true"]}'
BESIDE = '{name: beside, restartPolicy: Always, image: "labs/shell:1", command: [sleep, infinity]}'
BY_EXEC = NATIVE.replace(
    PROBE, "startupProbe: {exec: {command: [sh, -c, 'wget -qO- localhost:9000/healthz']}, periodSeconds: 1}"
)
BY_SOCKET = NATIVE.replace(PROBE, "startupProbe: {tcpSocket: {port: 9000}, periodSeconds: 1}")
BY_VARIABLE = (
    '{name: sender, image: "labs/shell:1", env: [{name: TO, value: "http://127.0.0.1:9000/readings"}],'
    ' args: [sh, -ec, "for t in 18.0 18.5 19.0; do wget -nv -O- --post-data=$t $TO; done"]}'
)
PROJECTED = "volumes: [{name: conf, projected: {sources: [{secret: {name: gate}}]}}]"
DIRECT = SENDER.replace("curl -sSf", "curl -sSf -H 'Authorization: Bearer harbour-42'").replace(
    "localhost:9000", "vault:8000"
)

# Exercise 3: the beacon
DATA = "volumeMounts: [{name: data, mountPath: /data}]"
STORE = f'{{name: store, image: "weather:1", args: [store], {DATA}}}'
FRONT = '{name: front, image: "weather:1", args: [front, "--store=http://localhost:8000"]}'
JOURNAL = (
    '{name: journal, image: "labs/shell:1", command: [tail, -F, /in/readings],'
    " volumeMounts: [{name: data, mountPath: /in}]}"
)
WAIT = (
    '{name: wait, image: "labs/shell:1", command: [sh, -c, "until curl -sSf localhost:8000/healthz; do sleep 1; done"]}'
)


def beacon(*containers: str, before: str = "", volumes: str = "{name: data, emptyDir: {}}") -> str:
    """The Deployment as a learner would write it again."""
    return "kubectl delete deployment beacon\n" + apply(f"""
apiVersion: apps/v1
kind: Deployment
metadata: {{name: beacon}}
spec:
  selector: {{matchLabels: {{app: beacon}}}}
  template:
    metadata: {{labels: {{app: beacon}}}}
    spec:
      terminationGracePeriodSeconds: 1
      volumes: [{volumes}]
      initContainers: [{before}]
      containers: [{", ".join(containers or (STORE, FRONT, JOURNAL))}]
""")


ROLLED = "kubectl rollout status deployment/beacon --timeout=60s >/dev/null\n"
SEND = """for i in $(seq 50); do
  pod=$(kubectl get pods -l app=beacon --sort-by=.metadata.creationTimestamp -o name | tail -n 1)
  kubectl exec $pod -c store -- wget -qO- --post-data=21.5 localhost:8000/readings 2>/dev/null && break
done\n"""
USED = ROLLED + SEND


def patch(*steps: str) -> str:
    """``kubectl patch`` of the beacon's pods, in JSON's form."""
    return f"kubectl patch deployment beacon --type=json -p '[{', '.join(steps)}]'\n"


POD = "/spec/template/spec"
NO_WAIT = f'{{"op": "remove", "path": "{POD}/initContainers"}}'
PORT = f'{{"op": "remove", "path": "{POD}/containers/1/args/2"}}'
OTHER_PORT = f'{{"op": "replace", "path": "{POD}/containers/1/args/2", "value": "--port=8080"}}'
VOLUME = f'{{"op": "replace", "path": "{POD}/containers/2/volumeMounts/0/name", "value": "data"}}'
FIRST = f'{{"op": "add", "path": "{POD}/containers/0", "value": {HELPER}}}'
NATIVE_STORE = STORE.replace("{name: store,", "{name: store, restartPolicy: Always,")
NATIVE_JOURNAL = JOURNAL.replace("{name: journal,", "{name: journal, restartPolicy: Always,").replace(": /in}", ": /x}")
TWO_PODS = "kubectl run store-2 --image=weather:1 -- store\n"

RIGHT = {
    "1 YAML, the pod first": ("ex-10-1", desk() + INIT_RUNS + ON + READY.format("desk")),
    "1 depot first": ("ex-10-1", ON + desk() + READY.format("desk")),
    "1 one init container for both": ("ex-10-1", desk(BOTH) + INIT_RUNS + ON + READY.format("desk")),
    "1 generated, page first, nc": ("ex-10-1", GENERATED + ON + READY.format("desk")),
    "1 curl tries again by itself": ("ex-10-1", desk(WRITE, RETRY) + ON + READY.format("desk")),
    "1 it fails until depot answers": (
        "ex-10-1",
        desk('{name: wait, image: "labs/shell:1", command: [curl, -sSf, "http://depot:8000/healthz"]}', WRITE)
        + ON
        + READY.format("desk"),
    ),
    "1 Python asks": ("ex-10-1", desk(BY_PYTHON, WRITE) + ON + READY.format("desk")),
    "1 others before and beside": (
        "ex-10-1",
        desk(BEFORE, ASK, BESIDE, WRITE, beside=f"- {HELPER}") + ON + READY.format("desk"),
    ),
    "2 YAML": ("ex-10-2", survey() + DONE),
    "2 exec probe, others before": ("ex-10-2", survey(before=f"{BEFORE}, {BESIDE}, {BY_EXEC}") + DONE),
    "2 socket probe, projected": ("ex-10-2", survey(before=BY_SOCKET, volumes=PROJECTED) + DONE),
    "2 store in a variable, wget": ("ex-10-2", survey(containers=BY_VARIABLE, job="completions: 2") + DONE),
    "3 patched": ("ex-10-3", patch(NO_WAIT, PORT, VOLUME) + USED),
    "3 one after the other, another helper first": (
        "ex-10-3",
        patch(NO_WAIT) + patch(OTHER_PORT) + patch(VOLUME, FIRST) + USED,
    ),
    "3 native store, wait stays": (
        "ex-10-3",
        beacon(FRONT, JOURNAL, before=f"{NATIVE_STORE}, {WAIT}") + USED,
    ),
    "3 native journal": (
        "ex-10-3",
        beacon(STORE, FRONT, before=NATIVE_JOURNAL.replace("/in/readings", "/x/readings")) + USED,
    ),
}

WRONG = {
    "1 nothing": ("ex-10-1", "true", "a pod desk in the namespace lab-10|none"),
    "1 elsewhere": ("ex-10-1", desk().replace("apply", "apply -n default"), "one in the namespace default|-n lab-10"),
    "1 another image": ("ex-10-1", desk(image="labs/web:1"), "with the image weather:1|labs/web:1"),
    "1 it sleeps": (
        "ex-10-1",
        desk('{name: nap, image: "labs/shell:1", command: [sleep, "3"]}', WRITE) + ON,
        "no init container asks depot; its init containers: nap and page|until",
    ),
    "1 the front waits": (
        "ex-10-1",
        desk(WRITE, args='["front", "--store=http://depot:8000"]') + ON,
        "no init container asks depot; its init containers: page",
    ),
    "1 a sidecar": (
        "ex-10-1",
        desk(ASK.replace("{name: wait,", "{name: wait, restartPolicy: Always,"), WRITE) + ON,
        "wait is a sidecar: the next container does not wait for its end|restartPolicy",
    ),
    "1 it ends in any case": (
        "ex-10-1",
        desk(ASK.replace("; do sleep 1; done", " || true; do sleep 1; done"), WRITE) + READY.format("desk") + ON,
        "wait to end only when depot answers|it ended at|although nobody answers",
    ),
    "1 depot is off": ("ex-10-1", desk() + INIT_RUNS, "Init:0/2: wait runs|depot is at 0 replicas|logs desk -c wait"),
    "1 the name mistyped": (
        "ex-10-1",
        desk(ASK.replace("//depot:8000", "//depott:8000"), WRITE) + ON + INIT_RUNS,
        "Init:0/2: wait runs, and says|resolve host",
    ),
    "1 the page elsewhere": (
        "ex-10-1",
        desk(ASK, WRITE.replace(f", {MOUNT}", "").replace("/site/", "/tmp/")) + ON + READY.format("desk"),
        "page.html is not there|mount one volume",
    ),
    "1 writing fails": (
        "ex-10-1",
        desk(ASK, WRITE.replace(f", {MOUNT}", "")) + ON,
        "the pod desk to be ready|page ended with status 1|logs desk -c NAME",
    ),
    "1 another page": (
        "ex-10-1",
        desk(ASK, WRITE.replace("<h1>Desk", "<h1>Garden")) + ON + READY.format("desk"),
        "the front to show your page, with <h1>Desk</h1>|Garden",
    ),
    "1 no count": (
        "ex-10-1",
        desk(ASK, WRITE.replace("{count}", "many")) + ON + READY.format("desk"),
        "how many readings there are|many readings|{count}",
    ),
    "1 wrong folder": (
        "ex-10-1",
        desk(folder="/etc/wether") + ON,
        "mounted at /etc/weather|site is mounted at /etc/wether",
    ),
    "1 another store": (
        "ex-10-1",
        "kubectl create service clusterip store --tcp=8000 --dry-run=client -o yaml |"
        " kubectl set selector --local -f - app=depot -o yaml | kubectl apply -f -\n"
        + desk(args="[front]")
        + ON
        + READY.format("desk"),
        "its store at http://depot:8000|it asks 'http://store:8000 (default)'",
    ),
    "2 nothing": ("ex-10-2", "true", "a Job survey in the namespace lab-10|none"),
    "2 no ambassador": (
        "ex-10-2",
        survey(before="", volumes="") + FAILED,
        "an ambassador with the image labs/web:1|the images labs/shell:1",
    ),
    "2 classic": (
        "ex-10-2",
        survey(before="", containers=f"{GATE.replace('NATIVE', '')}, {SENDER}"),
        "gate to be a native sidecar|stands under `containers`|ends only when all of them have",
    ),
    "2 an init container": (
        "ex-10-2",
        survey(before=GATE.replace("NATIVE", "").replace(f"{PROBE}, ", "")),
        "gate to be a native sidecar|must end before sender starts",
    ),
    "2 no probe": ("ex-10-2", survey(before=NATIVE.replace(f"{PROBE}, ", "")), "a startupProbe of gate|none"),
    "2 ready, not started": (
        "ex-10-2",
        survey(before=NATIVE.replace("startupProbe", "readinessProbe")),
        "a startupProbe of gate|a readinessProbe does not hold the next container back",
    ),
    "2 asked directly": (
        "ex-10-2",
        survey(containers=DIRECT) + DONE,
        "sender to send to localhost:9000|it names harbour-42 and vault",
    ),
    "2 another port": (
        "ex-10-2",
        survey(containers=SENDER.replace(":9000", ":8000")) + FAILED,
        "sender to send to localhost:9000|localhost:8000",
    ),
    "2 the probe asks another port": (
        "ex-10-2",
        survey(before=NATIVE.replace("port: 9000", "port: 80")),
        "the Job survey to be complete|0 pods succeeded|gate runs but is not ready",
    ),
    "2 not set up": (
        "ex-10-2",
        survey(before=NATIVE.replace(", volumeMounts: [{name: conf, mountPath: /etc/gate}]", "")),
        "gate to mount the Secret gate|none",
    ),
    "2 one reading": (
        "ex-10-2",
        survey(containers=SENDER.replace("18.0 18.5 19.0", "18.0")) + DONE,
        "gate to pass on 3 readings|its log has 1",
    ),
    "2 on failure": ("ex-10-2", survey(policy="OnFailure") + DONE, "restartPolicy: Never|restartPolicy: OnFailure"),
    "2 the vault opened": (
        "ex-10-2",
        "kubectl set env deployment/vault TOKEN-\n" + survey() + DONE,
        "the Deployment vault as it was|Leave the other team's store alone",
    ),
    "3 nothing": (
        "ex-10-3",
        "timeout 60 bash -c 'until kubectl logs deploy/beacon -c wait 2>/dev/null | grep -q curl; do :; done'",
        "Init: wait has not ended|Failed to connect to localhost|Whom does wait ask",
    ),
    "3 only the wait": ("ex-10-3", patch(NO_WAIT), "a ready pod of beacon|ended with status 1"),
    "3 no volume": (
        "ex-10-3",
        patch(NO_WAIT, PORT) + USED,
        "the log of journal to show each reading, such as 21.5|store mounts data and journal mounts tmp",
    ),
    "3 nothing sent": (
        "ex-10-3",
        patch(NO_WAIT, PORT, VOLUME) + ROLLED,
        "a reading in the store of beacon|it has none",
    ),
    "3 another port of the store": (
        "ex-10-3",
        beacon(STORE.replace("[store]", '[store, "--port=8001"]'), FRONT, JOURNAL) + ROLLED,
        "the store to answer at port 8000|no answer",
    ),
    "3 the front asks elsewhere": (
        "ex-10-3",
        TWO_PODS
        + "kubectl expose pod store-2 --name=store --port=8000 --dry-run=client -o yaml | kubectl apply -f -\n"
        + beacon(STORE, FRONT.replace(', "--store=http://localhost:8000"', ""), JOURNAL)
        + USED,
        "the front to|readings",
    ),
    "3 split": (
        "ex-10-3",
        beacon(STORE, JOURNAL) + ROLLED,
        "store, front and journal as three containers in the pod of beacon|no front|store and journal",
    ),
}


@pytest.mark.parametrize("exercise_id", ALL)
def test_reference_passes(world, exercise_id):
    world.begin(exercise_id)
    world.cells.solve(exercise_id)
    verdict = checks.run(exercise_id, world.lab)
    assert verdict.passed, verdict


@pytest.mark.parametrize(("exercise_id", "script"), RIGHT.values(), ids=RIGHT)
def test_other_right_answers_pass(world, exercise_id, script):
    verdict = world.run(exercise_id, script)
    assert verdict.passed, verdict


@pytest.mark.parametrize(("exercise_id", "script", "words"), WRONG.values(), ids=WRONG)
def test_wrong_answers_are_told_what_was_seen(world, impatient, exercise_id, script, words):
    verdict = world.run(exercise_id, script)
    assert verdict.status == "not yet", verdict
    assert [word for word in words.split("|") if word not in str(verdict)] == [], verdict
    assert verdict.try_, "there is one thing to look at"


@pytest.mark.slow  # as in 00 and 03; who lost it many times asks again after up to a minute only
@pytest.mark.alone
def test_api_server_down_is_no_wrong_answer(course, world):
    with without_api_server(course):
        verdicts = [checks.run(exercise_id, world.lab) for exercise_id in ALL]
    assert [verdict.status for verdict in verdicts] == ["could not check"] * 3, verdicts
