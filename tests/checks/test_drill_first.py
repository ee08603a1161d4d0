"""The first drill on the real cluster: its own solutions score all, other right ones as much, wrong ones nothing."""

from __future__ import annotations

import socket
import threading
from contextlib import suppress
from functools import partial
from http.server import HTTPServer, SimpleHTTPRequestHandler

import pytest

from labs import open_lab
from labs.errors import Timeout
from labs.exam.drill import Drill
from labs.waiting import wait_for
from tests.checks.learner import HELPER, apply, helped, judge_wrong, sh

pytestmark = pytest.mark.engine

INGEST, WEB, OPS = (f"kubectl -n lab-08-{name}" for name in ("ingest", "web", "ops"))
COURIER = """
apiVersion: v1
kind: Pod
metadata: {name: courier}
spec:
  terminationGracePeriodSeconds: 1
  volumes: [{name: shared, emptyDir: {medium: Memory}}]
  initContainers:
  - name: writer
    image: labs/shell:1
    restartPolicy: Always
    command: [sh, -c, 'while true; do date >> /shared/log; sleep 1; done']
    volumeMounts: [{name: shared, mountPath: /shared}]
  containers:
  - name: reader
    image: labs/shell:1
    command: [sh, -c, 'exec tail -F /shared/log']
    volumeMounts: [{name: shared, mountPath: /shared}]
"""
KEEPER = """
apiVersion: v1
kind: PersistentVolumeClaim
metadata: {name: readings}
spec: {accessModes: [ReadWriteOnce], resources: {requests: {storage: 50Mi}}}
---
apiVersion: v1
kind: Pod
metadata: {name: keeper}
spec:
  terminationGracePeriodSeconds: 1
  volumes: [{name: data, persistentVolumeClaim: {claimName: readings}}]
  containers:
  - {name: keeper, image: "labs/shell:1", command: [sleep, infinity], volumeMounts: [{name: data, mountPath: /data}]}
"""
CANARY = """
apiVersion: apps/v1
kind: Deployment
metadata: {name: api-canary}
spec:
  replicas: 1
  selector: {matchLabels: {app: api, track: canary}}
  template:
    metadata: {labels: {app: api, track: canary}}
    spec: {containers: [{name: web, image: "labs/web:2"}]}
"""
CLAIM = "persistentVolumeClaim: {claimName: readings}"
THREE = f"{WEB} scale deployment api --replicas=3\n"
PROBE = "{httpGet: {path: /healthz, port: 80}, periodSeconds: 5}"
SECRET = f"{OPS} create secret generic door --from-literal=token=sesame-CODE\n"
UNDO = f"{WEB} rollout undo deployment/page\n"
MOUNT = "volumes: [{name: door, secret: {secretName: door}}]"


PORTS = "ports: [{name: http, containerPort: 80}]"
NAMED = "{httpGet: {path: healthz, port: http}, periodSeconds: 5}"
IN_BYTES = KEEPER.replace("50Mi", "52428800").replace("  containers:\n", f"  containers:\n  - {HELPER}\n")
SETTINGS = f"{INGEST} create configmap feed --from-literal=UNIT=celsius --from-literal=INTERVAL=5\n"
FROM_FEED = f"{INGEST} set env deployment/feeder -c feeder --from=configmap/feed\n"


def rolled(kubectl: str, name: str) -> str:
    return f"{kubectl} rollout status deployment/{name} --timeout=40s\n"


def within(kubectl: str, manifest: str) -> str:
    return apply(manifest).replace("kubectl", kubectl, 1)


def container(kubectl: str, name: str, field: str, pod: str = "", of: str = "web") -> str:
    """A patch of a Deployment's container, and of its pod's spec."""
    more = f", {pod}" if pod else ""
    patch = f"spec: {{template: {{spec: {{containers: [{{name: {of}, {field}}}]{more}}}}}}}"
    return f"{kubectl} patch deployment {name} --patch '{patch}'\n"


def probe(text: str, kind: str = "readinessProbe") -> str:
    return container(OPS, "mirror", f"{kind}: {text}")


def gate(path: str = "/etc/door", pod: str = MOUNT) -> str:
    return container(OPS, "gate", f"volumeMounts: [{{name: door, mountPath: {path}}}]", pod, of="gate")


@pytest.fixture(scope="module")
def drill(course, tmp_path_factory):
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("LABS_PROGRESS", str(tmp_path_factory.mktemp("progress") / "progress.json"))
        lab = open_lab("08", quiet=True)
        found = Drill(lab, "first")
        found.start(restart=True)
        yield found
        lab.cleanup()


# What brings a task back to its start: what was made is deleted; what was changed is deleted and applied again.
CLEAN = {
    1: f"{INGEST} delete pod courier --ignore-not-found --now; {WEB} delete pod courier --ignore-not-found --now",
    2: f"{INGEST} delete pod keeper --ignore-not-found --now; {INGEST} delete pvc readings --ignore-not-found",
    4: f"{WEB} delete deployment api-canary --ignore-not-found; {WEB} delete service api",
    5: "rm -f error.txt",
    6: f"{OPS} delete deployment mirror",
    7: f"{INGEST} delete configmap feed --ignore-not-found; {INGEST} delete deployment feeder",
    8: f"{OPS} delete secret door doors --ignore-not-found; {OPS} delete deployment gate",
    9: f"{WEB} delete service shop --ignore-not-found",
    10: f"{WEB} delete service search",
}
CHANGED = {3, 4, 6, 7, 8, 10}


@pytest.fixture
def judged(drill):
    """Runs what a learner would type, and judges one task; then brings the task back to its start."""
    done = []

    def judge(number: int, script: str, wait: float = 0, words: str = ""):
        """Args: ``wait``, seconds in which what was made may become ready; ``words`` of the verdict on a wrong one."""
        done.append(number)
        current = drill._current()
        sh(f"cd {drill.lab.folder}\n{script.replace('CODE', current.facts['code'])}")
        task = drill.paper.task(number)
        ask = partial(drill._judge, task, current)
        if words:
            return judge_wrong(drill.lab, ask, [words])
        seen = [ask()]
        with suppress(Timeout):
            wait_for(lambda: seen[-1].passed or seen.append(ask()), timeout=wait, interval=1)
        return seen[-1]

    yield judge
    for number in done:
        sh(f"cd {drill.lab.folder}\n{CLEAN.get(number, 'true')}")
        for stage in drill.paper.stages if number in CHANGED else ():
            sh(apply(drill.paper.fill(stage.manifest, drill.lab, drill._current().facts)))


def test_an_untouched_drill_scores_nothing(drill):
    assert not any(drill.results().values())


RIGHT = [
    (1, within(INGEST, COURIER)),
    (2, within(INGEST, KEEPER.replace("accessModes: [", "storageClassName: local-path, accessModes: ["))),
    (2, within(INGEST, IN_BYTES)),
    (3, container(WEB, "page", 'image: "labs/web:1", env: [{name: MOTTO, value: sun}]')),
    (4, within(WEB, CANARY) + THREE),
    (5, f"{OPS} logs feed -c forwarder | sed -n 2p > error.txt\n"),
    (6, probe(PROBE)),
    (6, container(OPS, "mirror", f"{PORTS}, readinessProbe: {NAMED}") + helped("mirror", OPS) + rolled(OPS, "mirror")),
    (7, f"printf 'UNIT=celsius\\nINTERVAL=5\\n' | {INGEST} create configmap feed --from-env-file=/dev/stdin\n"
     + container(INGEST, "feeder", "envFrom: [{configMapRef: {name: feed}}]", of="feeder")),
    (8, SECRET + gate(pod="volumes: [{name: door, projected: {sources: [{secret: {name: door}}]}}]")),
    (7, SETTINGS + helped("feeder", INGEST, more=True) + FROM_FEED + rolled(INGEST, "feeder")),
    (8, SECRET + gate() + helped("gate", OPS, more=True) + rolled(OPS, "gate")),
    (9, container(WEB, "shop", PORTS) + rolled(WEB, "shop")
     + f"{WEB} create service nodeport shop --tcp=8080:http --node-port=30083\n"),
    (9, f"{WEB} expose deployment shop --port=8080 --target-port=80 --type=NodePort "
        f"--overrides='{{\"spec\": {{\"ports\": [{{\"port\": 8080, \"targetPort\": 80, \"nodePort\": 30083}}]}}}}'\n"),
    (10, f"{WEB} delete service search\n{WEB} create service nodeport search --tcp=80:80 --node-port=30084\n"),
]  # fmt: skip


@pytest.mark.parametrize(("number", "script"), RIGHT, ids=[str(number) for number, _ in RIGHT])
def test_other_right_solutions_pass(judged, number, script):
    verdict = judged(number, script, wait=60)
    assert verdict.passed, verdict


WRONG = [
    (1, "true", "a Pod courier"),
    (1, within(INGEST, COURIER.replace("name: writer", "name: write")), "reader"),
    (1, within(INGEST, COURIER.replace("{name: shared, mountPath: /shared}]\n  cont",
                                       "{name: shared, mountPath: /share}]\n  cont")), "no volume there"),
    (1, within(INGEST, COURIER.replace("tail -F", "tail -f")), "exec tail -f /shared/log"),
    (1, within(WEB, COURIER), "a Pod courier in the namespace lab-08-ingest"),
    (1, within(INGEST, COURIER.replace(">> /shared/log", ">> /tmp/log")), "the container writer to run `sh -c"),
    (1, within(INGEST, COURIER.replace("date >>", "echo tick >>")), "the container writer to run `sh -c"),
    (1, within(INGEST, COURIER.replace("sleep 1;", "sleep 10;")), "sleep 10; done"),
    (1, within(INGEST, COURIER.replace("reader\n    image: labs/shell:1", "reader\n    image: labs/web:1")),
     "the container reader with the image"),
    (1, within(INGEST, COURIER.replace("while true", "sleep 600; while true")), "lines of `date` in the log"),
    (2, within(INGEST, KEEPER.replace("[sleep, infinity]", "[tail, -f, /dev/null]")), "`tail -f /dev/null`"),
    (2, within(INGEST, KEEPER.replace("labs/shell:1", "labs/web:2")), "observed labs/web:2"),
    (2, within(INGEST, KEEPER.replace("50Mi", "50M")), "50M, ReadWriteOnce"),
    (2, within(INGEST, KEEPER.replace("spec: {acc", "spec: {storageClassName: fast, acc")), "Pending"),
    (2, within(INGEST, KEEPER.replace(CLAIM, "emptyDir: {}")), "not this claim"),
    (3, f"{WEB} set image deployment/page web=labs/web:1", "MOTTO=rain"),
    (3, f"{WEB} rollout pause deployment/page; {WEB} rollout resume deployment/page", "labs/web:9"),
    (4, within(WEB, CANARY), "replicas: 4"),
    (4, within(WEB, CANARY.replace("web:2", "web:1")) + THREE, "labs/web:1"),
    (4, within(WEB, CANARY.replace("app: api", "app: api-canary")) + THREE, "its selector is app=api"),
    (4, within(WEB, CANARY) + THREE
        + f"{WEB} patch service api --patch 'spec: {{ports: [{{port: 80, targetPort: 8080}}]}}'",
     "spec.ports[0].targetPort: 8080, was 80"),
    (5, f"{OPS} logs feed -c forwarder > error.txt", "3 lines"),
    (5, f"{OPS} logs feed --all-containers --timestamps | grep ERROR > error.txt", "1 lines: '20"),
    (6, probe(PROBE, "livenessProbe"), "observed none"),
    (6, probe(PROBE.replace("/healthz", "/health")), "GET /health on port 80"),
    (6, probe(PROBE.replace("/healthz", "/healthz/")), "GET /healthz/ on port 80"),
    (6, probe("{tcpSocket: {port: 80}, periodSeconds: 5}"), "one of another kind"),
    (6, probe("{httpGet: {path: /healthz, port: 80}}"), "every 10 seconds"),
    (7, f"{INGEST} create configmap feed --from-literal=UNIT=celsius", "UNIT=celsius"),
    (7, f"{INGEST} create configmap feed --from-literal=UNIT=celsius --from-literal=INTERVAL=5\n"
        f"{INGEST} set env deployment/feeder UNIT=celsius INTERVAL=5", "no variable from it"),
    (7, f"{INGEST} create configmap feed --from-literal=UNIT=celsius --from-literal=INTERVAL=5\n"
        f"{INGEST} set env deployment/feeder --from=configmap/feed --prefix=FEED_", "FEED_INTERVAL"),
    (7, SETTINGS + helped("feeder", INGEST) + FROM_FEED.replace("-c feeder", "-c helper"), "no variable from it"),
    (8, SECRET, "no volume"),
    (8, SECRET.replace("sesame-CODE", "$(printf sesame-CODE | base64)") + gate(), "token: c2VzYW1l"),
    (8, SECRET + gate("/etc/door/token"), "in /etc/door/token of the running container"),
    (8, SECRET.replace("door", "doors") + gate(pod="volumes: [{name: door, secret: {secretName: doors}}]"),
     "a Secret door"),
    (9, f"{WEB} expose deployment shop --port=8080 --target-port=80", "node port none"),
    (9, f"{WEB} create service nodeport shop --tcp=8080:web --node-port=30083", "a name that no port of shop has"),
    (9, f"{WEB} create service nodeport shop --tcp=80:80 --node-port=30083", "port 80, the pods' port 80"),
    (10, f"{WEB} set selector service search app=search", "localhost:30084"),
    (10, f"{WEB} patch service search --patch 'spec: {{ports: [{{port: 80, targetPort: 80}}]}}'", "app=serach"),
    (9, f"{WEB} create service loadbalancer shop --tcp=8080:80\n"
        f"{WEB} patch service shop --patch 'spec: {{ports: [{{port: 8080, nodePort: 30083}}]}}'", "type LoadBalancer"),
    (10, f"{WEB} scale deployment search --replicas=2", "2 pods"),
    (10, f"{WEB} set image deployment/search web=labs/web:1\n"
         f"{WEB} delete service search\n{WEB} create service nodeport search --tcp=80:80 --node-port=30084\n",
     "containers[0].image: labs/web:1, was labs/web:2"),
]  # fmt: skip


@pytest.mark.parametrize(("number", "script", "words"), WRONG, ids=[f"{n}-{w[:20]}" for n, _, w in WRONG])
def test_wrong_solutions_do_not(judged, number, script, words):
    verdict = judged(number, script, words=words)
    assert verdict.status == "not yet", verdict
    told = f"expected {verdict.expected}; observed {verdict.observed}"
    assert words in told, verdict
    assert verdict.try_


class OverIPv6(HTTPServer):
    address_family = socket.AF_INET6


HALF = f"{WEB} set selector service search app=search"  # its target port is still one where nothing listens


def test_another_program_on_localhost_solves_nothing(judged, impatient):
    """As `python3 -m http.server` does, which may get ::1 while the course has 127.0.0.1."""
    with suppress(OSError), OverIPv6(("::1", 30084), SimpleHTTPRequestHandler) as other:  # not every machine has IPv6
        threading.Thread(target=other.serve_forever, daemon=True).start()
        try:
            verdict = judged(10, HALF)
        finally:
            other.shutdown()
        assert verdict.status == "not yet", verdict
        assert "localhost:30084" in verdict.expected, verdict


def test_a_container_at_the_node_port_solves_nothing(drill, judged, impatient):
    containers, ports = drill.lab.clients.docker.containers, drill.lab.engine.local_ports
    squatter = containers.run("labs/web:1", name="squatter", detach=True, ports={"80/tcp": 30084})
    try:
        wait_for(lambda: 30084 in ports().of_docker, what="the course to lead the port to the container")
        verdict = judged(10, HALF)
    finally:
        squatter.remove(force=True)
    assert verdict.status == "could not check", verdict
    assert "container squatter publishes port 30084" in verdict.observed, verdict


def test_its_own_solutions_score_all(drill, capsys):
    drill.stop()
    drill.play()
    assert "100 %: enough" in capsys.readouterr().out
    assert all(drill.results().values())
