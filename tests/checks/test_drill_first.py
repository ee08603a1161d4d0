"""The first drill on the real cluster: its own solutions score all, other right ones as much, wrong ones nothing."""

from __future__ import annotations

import pytest

from labs import open_lab
from labs.checks import core
from labs.drill import Drill
from labs.drills import Place
from tests.checks.learner import apply, sh

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
        found.start(anew=True)
        yield found
        lab.cleanup()


# What brings a task back to its start: what was made is deleted; what was changed is deleted and applied again.
CLEAN = {
    1: f"{INGEST} delete pod courier --ignore-not-found --now; {WEB} delete pod courier --ignore-not-found --now",
    2: f"{INGEST} delete pod keeper --ignore-not-found --now; {INGEST} delete pvc readings --ignore-not-found",
    4: f"{WEB} delete deployment api-canary --ignore-not-found",
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

    def judge(number: int, script: str):
        done.append(number)
        current = drill._current()
        sh(f"cd {drill.lab.folder}\n{script.replace('CODE', current.facts['code'])}")
        task = drill.paper.task(number)
        return core.judge(task.check("first"), Place(drill.lab, f"lab-08-{task.namespace}", current.facts))

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
    (3, container(WEB, "page", 'image: "labs/web:1", env: [{name: MOTTO, value: sun}]')),
    (4, within(WEB, CANARY) + THREE),
    (5, f"{OPS} logs feed -c forwarder | sed -n 2p > error.txt\n"),
    (6, probe(PROBE)),
    (7, f"printf 'UNIT=celsius\\nINTERVAL=5\\n' | {INGEST} create configmap feed --from-env-file=/dev/stdin\n"
     + container(INGEST, "feeder", "envFrom: [{configMapRef: {name: feed}}]", of="feeder")),
    (8, SECRET + gate(pod="volumes: [{name: door, projected: {sources: [{secret: {name: door}}]}}]")),
    (9, f"{WEB} expose deployment shop --port=8080 --target-port=80 --type=NodePort "
        f"--overrides='{{\"spec\": {{\"ports\": [{{\"port\": 8080, \"targetPort\": 80, \"nodePort\": 30083}}]}}}}'\n"),
    (10, f"{WEB} delete service search\n{WEB} create service nodeport search --tcp=80:80 --node-port=30084\n"),
]  # fmt: skip


@pytest.mark.parametrize(("number", "script"), RIGHT, ids=[str(number) for number, _ in RIGHT])
def test_other_right_solutions_pass(judged, number, script):
    verdict = judged(number, script)
    assert verdict.passed, verdict


WRONG = [
    (1, "true", "a Pod courier"),
    (1, within(INGEST, COURIER.replace("name: writer", "name: write")), "reader"),
    (1, within(INGEST, COURIER.replace("{name: shared, mountPath: /shared}]\n  cont",
                                       "{name: shared, mountPath: /share}]\n  cont")), "no volume there"),
    (1, within(INGEST, COURIER.replace("tail -F", "tail -f")), "exec tail -f /shared/log"),
    (1, within(WEB, COURIER), "a Pod courier in the namespace lab-08-ingest"),
    (2, within(INGEST, KEEPER.replace("50Mi", "50M")), "50M, ReadWriteOnce"),
    (2, within(INGEST, KEEPER.replace("spec: {acc", "spec: {storageClassName: fast, acc")), "Pending"),
    (2, within(INGEST, KEEPER.replace(CLAIM, "emptyDir: {}")), "not this claim"),
    (3, f"{WEB} set image deployment/page web=labs/web:1", "MOTTO=rain"),
    (3, f"{WEB} rollout pause deployment/page; {WEB} rollout resume deployment/page", "labs/web:9"),
    (4, within(WEB, CANARY), "replicas: 4"),
    (4, within(WEB, CANARY.replace("web:2", "web:1")) + THREE, "labs/web:1"),
    (4, within(WEB, CANARY.replace("app: api", "app: api-canary")) + THREE, "its selector is app=api"),
    (5, f"{OPS} logs feed -c forwarder > error.txt", "3 lines"),
    (5, f"{OPS} logs feed --all-containers --timestamps | grep ERROR > error.txt", "1 lines: '20"),
    (6, probe(PROBE, "livenessProbe"), "observed none"),
    (6, probe(PROBE.replace("/healthz", "/health")), "GET /health on port 80"),
    (6, probe("{tcpSocket: {port: 80}, periodSeconds: 5}"), "one of another kind"),
    (6, probe("{httpGet: {path: /healthz, port: 80}}"), "every 10 seconds"),
    (7, f"{INGEST} create configmap feed --from-literal=UNIT=celsius", "UNIT=celsius"),
    (7, f"{INGEST} create configmap feed --from-literal=UNIT=celsius --from-literal=INTERVAL=5\n"
        f"{INGEST} set env deployment/feeder UNIT=celsius INTERVAL=5", "no variable from it"),
    (7, f"{INGEST} create configmap feed --from-literal=UNIT=celsius --from-literal=INTERVAL=5\n"
        f"{INGEST} set env deployment/feeder --from=configmap/feed --prefix=FEED_", "FEED_INTERVAL"),
    (8, SECRET, "no volume"),
    (8, SECRET.replace("sesame-CODE", "$(printf sesame-CODE | base64)") + gate(), "token: c2VzYW1l"),
    (8, SECRET + gate("/etc/door/token"), "in /etc/door/token of the running container"),
    (8, SECRET.replace("door", "doors") + gate(pod="volumes: [{name: door, secret: {secretName: doors}}]"),
     "a Secret door"),
    (9, f"{WEB} expose deployment shop --port=8080 --target-port=80", "node port none"),
    (9, f"{WEB} create service nodeport shop --tcp=80:80 --node-port=30083", "port 80, the pods' port 80"),
    (10, f"{WEB} set selector service search app=search", "localhost:30084"),
    (10, f"{WEB} patch service search --patch 'spec: {{ports: [{{port: 80, targetPort: 80}}]}}'", "app=serach"),
    (10, f"{WEB} scale deployment search --replicas=2", "2 pods"),
]  # fmt: skip


@pytest.mark.parametrize(("number", "script", "words"), WRONG, ids=[f"{n}-{w[:20]}" for n, _, w in WRONG])
def test_wrong_solutions_do_not(judged, number, script, words, impatient):
    verdict = judged(number, script)
    assert verdict.status == "not yet", verdict
    told = f"expected {verdict.expected}; observed {verdict.observed}"
    assert words in told, verdict
    assert verdict.try_


def test_its_own_solutions_score_all(drill, capsys):
    drill.stop()
    drill.play()
    assert "100 %: enough" in capsys.readouterr().out
    assert all(drill.results().values())
