"""Lesson 03's checks: the reference solutions and other right ones pass, wrong ones get the words that help."""

from __future__ import annotations

import re

import pytest

from labs import checks
from labs.curriculum import lessons
from tests.checks.learner import HELPER, apply, sh, without_api_server

pytestmark = pytest.mark.engine

WORKER = """
apiVersion: apps/v1
kind: Deployment
metadata: {name: worker, labels: {app: worker, pipeline: weather}}
spec:
  replicas: 2
  selector: {matchLabels: {app: worker}}
  template:
    metadata: {labels: {app: worker, pipeline: weather}}
    spec:
      terminationGracePeriodSeconds: 0
      containers:
      - {name: date, image: "labs/shell:1", command: [sh, -c, "while true; do date; sleep 5; done"]}
"""
BY_GENERATOR = """
kubectl create deployment worker --image=labs/shell:1 --replicas=2 --dry-run=client -o json \
    -- sh -c 'while true; do date; sleep 5; done' |
kubectl patch -f - --local --type=json -o json -p \
    '[{"op": "add", "path": "/spec/template/metadata/labels/pipeline", "value": "weather"}]' | kubectl apply -f -
"""
HELPED = WORKER.replace("      containers:\n", f"      containers:\n      - {HELPER}\n")
LEFTOVER = """
apiVersion: apps/v1
kind: ReplicaSet
metadata: {name: leftover}
spec:
  replicas: 2
  selector: {matchLabels: {app: worker, made: before}}
  template:
    metadata: {labels: {app: worker, pipeline: weather, made: before}}
    spec:
      terminationGracePeriodSeconds: 0
      containers:
      - {name: date, image: "labs/shell:1", command: [sh, -c, "while true; do date; sleep 5; done"]}
"""
WITHOUT_SHELL = WORKER.replace('sh, -c, "while true; do date; sleep 5; done"', '"while true; do date; sleep 5; done"')
BY_ARGS = """      - name: date
        image: labs/shell:1
        command: [/bin/sh, -c]
        args:
        - |
          while :
          do
            date
            sleep 5
          done
"""
FRONT = "kubectl create deployment front --image=labs/web:1 --replicas=2; kubectl rollout status deployment front"
SERVICE = "kubectl expose deployment front --type=NodePort --port=80"
HASH = "$(kubectl get replicasets -l app=front -o jsonpath='{.items[0].metadata.labels.pod-template-hash}')"
STAYING = '{{range .items}}{{if not .metadata.deletionTimestamp}}pod/{{.metadata.name}}{{"\\n"}}{{end}}{{end}}'
ONE = f"$(kubectl get pods -l app=front -o go-template='{STAYING}' | head -n 1)"  # not one that an earlier answer ended


def remove(selector: str) -> None:
    """Remove an answer at once: there is no need to wait for its containers."""
    sh(f"kubectl delete deployments,replicasets,pods --force --selector {selector}")


def broken_producer() -> str:
    """The manifest that the lesson hands out."""
    return lessons.lesson("03").setup("ex-03-3")[-1].removeprefix("%%bash\n")


@pytest.fixture(scope="module")
def cells(cells_of):
    cells = cells_of("03")
    cells.open()
    sh(FRONT)
    sh(SERVICE)
    return cells


@pytest.fixture
def verdict(cells):
    """Runs a script, or the reference solution, and returns the verdict of a check."""

    def given(check_id: str, answer: str = "") -> str:
        if answer == "the reference":
            pods = cells.namespace["core"].list_namespaced_pod("lab-03", label_selector="app=front").items
            cells.namespace["suspect"] = next(p.metadata.name for p in pods if p.metadata.deletion_timestamp is None)
            cells.solve(check_id)
        else:
            sh(answer)
        return str(checks.run(check_id, cells.namespace["lab"]))

    return given


@pytest.mark.parametrize(
    ("answer", "words"),
    [
        ("", ["expected  a Deployment worker in the namespace lab-03", "observed  none"]),
        (apply(WORKER), ["passed"]),
        (apply(WORKER.replace("replicas: 2", "replicas: 1")), ["replicas: 2", "observed  replicas: 1"]),
        (apply(WORKER.replace("labs/shell:1", "labs/web:1")), ["labs/shell:1", "observed  labs/web:1"]),
        (
            apply(WORKER.replace("{labels: {app: worker, pipeline: weather}}", "{labels: {app: worker}}")),
            ["to carry app=worker and pipeline=weather", "one with app=worker", "`spec.template.metadata`"],
        ),
        (
            apply(WORKER.replace("{labels: {app: worker, pipeline: weather}}", "{labels: {app: worker}}"))
            + "kubectl rollout status deployment worker; kubectl label pods -l app=worker pipeline=weather",
            ["both labels in the Deployment's template", "the pods got theirs by hand", "The next pod comes from"],
        ),
        (apply(WORKER.replace("while true", "if false").replace("done", "fi")), ["2 ready pods", " ready; "]),
        (
            f"kubectl apply --namespace=default -f - <<'END'\n{WORKER.replace('replicas: 2', 'replicas: 0')}\nEND",
            ["observed  none there, but one in the namespace default"],
        ),
        (
            apply(WITHOUT_SHELL),
            ["0 ready; ", 'date did not start: exec: "while true; do date; sleep 5; done": executable file not found'],
        ),
        (
            apply(WORKER.replace('"while true; do date; sleep 5; done"', "sleep infinity")),
            ["pods that run `sh -c", "observed  `sh -c sleep infinity`", "`kubectl logs deployment/worker`"],
        ),
        (apply(WORKER.replace("sleep 5", "sleep 50")), ["sleep 5; done", "sleep 50; done", "kubectl logs"]),
        (apply(WORKER[: WORKER.index("      - {name")] + BY_ARGS), ["passed"]),
        (apply(HELPED), ["passed"]),
        (apply(HELPED.replace("sleep 5", "sleep 50")), ["sleep 5; done", "sleep 50; done"]),
        (apply(LEFTOVER) + apply(WORKER), ["passed"]),
        ("kubectl run worker --image=labs/shell:1 --labels=app=worker,pipeline=weather -- date", ["observed  none"]),
        (BY_GENERATOR, ["passed"]),
        ("the reference", ["passed", "the template says"]),
    ],
)
def test_worker(verdict, answer, words):
    try:
        found = verdict("ex-03-1", answer)
    finally:
        sh("kubectl delete replicaset leftover --ignore-not-found")
        remove("app=worker")
        sh("kubectl delete deployment worker --namespace=default --ignore-not-found")
    assert all(word in found for word in words), found


@pytest.mark.parametrize(
    ("answer", "words"),
    [
        ("", ["a running pod that the front's ReplicaSet made and no longer owns", "2 pods of the front, each owned"]),
        (f"kubectl label {ONE} suspect=yes", ["each owned by a ReplicaSet", "`kubectl get pods --show-labels`"]),
        (f"kubectl delete {ONE} --now", ["each owned by a ReplicaSet"]),
        ("kubectl run front-suspect --image=labs/web:1", ['"front-suspect" that no ReplicaSet ever made']),
        (
            f"kubectl label {ONE} app=looked-at --overwrite; kubectl scale deployment front --replicas=1",
            ["replicas: 2", "observed  replicas: 1"],
        ),
        (f"kubectl label {ONE} app=looked-at --overwrite", ["passed"]),
        (f"kubectl label {ONE} app-", ["passed"]),
        (
            f"kubectl set selector service front app=front,pod-template-hash={HASH}; "
            f"kubectl patch {ONE} -p " + """'{"metadata": {"labels": {"pod-template-hash": null}}}'""",
            ["passed", "the ReplicaSet let go of it"],
        ),
        (
            f"kubectl label {ONE} pod-template-hash-",
            ["does not lead to a pod without an owner", "its selector is app=front, and front-", "carries app=front"],
        ),
        (f"kubectl label {ONE} app=one --overwrite; kubectl label {ONE} app=another --overwrite", ["passed"]),
        (f"kubectl label {ONE} app-; kubectl delete service front", ["a Service front", "section 5"]),
        (
            f"kubectl patch deployment front -p 'spec: {{minReadySeconds: 1}}'; kubectl label {ONE} app-",
            ["the Deployment front as it was", "spec.minReadySeconds: 1, was none"],
        ),
        ("the reference", ["passed"]),
        ("kubectl delete deployment front --now", ["a Deployment front", "first cells"]),
    ],
)
def test_front_pod(verdict, answer, words):
    found = verdict("ex-03-2", answer)
    sh("kubectl delete pods --force -l '!pod-template-hash'; kubectl delete pods --force -l 'app!=front'")
    sh(f"kubectl get deployment front || ({FRONT}); kubectl scale deployment front --replicas=2")
    sh("kubectl patch deployment front -p 'spec: {minReadySeconds: null}'")
    sh("kubectl rollout status deployment front --timeout=20s")
    sh(f"kubectl get service front || {SERVICE}; kubectl set selector service front app=front")
    assert all(word in found for word in words), found


PATCH = "kubectl patch deployment producer -p "
REPAIRED = '\'{"spec": {"template": {"spec": {"schedulerName": null, "nodeSelector": null}}}}\''
WRONG_IMAGE = REPAIRED.replace("null}", 'null, "containers": [{"name": "producer", "image": "labs/shell:2"}]}')
SCHEDULER = '\'{"spec": {"template": {"spec": {"schedulerName": "default-scheduler"}}}}\''
HOST = REPAIRED.replace('"nodeSelector": null', '"nodeSelector": {"disk": null, "kubernetes.io/os": "linux"}')
SELECTOR = '\'{"spec": {"template": {"spec": {"nodeSelector": null}}}}\''


@pytest.mark.parametrize(
    ("answer", "words"),
    [
        ("", ["no scheduler has looked at it: it has no events", "`schedulerName`"]),
        (PATCH + SELECTOR, ["no scheduler has looked at it"]),
        (
            PATCH + SCHEDULER,
            ["the scheduler has looked, and found none: 0/", "`kubectl explain pod.spec.nodeSelector`"],
        ),
        (
            f"{PATCH}{SCHEDULER}; kubectl label nodes --all disk=nvme",
            ["the nodes as they were", "a label 'disk' on node1", "disk-`"],
        ),
        (
            f"{PATCH}{SCHEDULER}; kubectl label nodes --all disk=nvme; "
            "kubectl rollout status deployment producer; kubectl label nodes --all disk-",
            ["a template whose next pod gets a node", "asks for disk=nvme, which no node carries now", "spec.template"],
        ),
        (f"{PATCH}{HOST}", ["passed"]),
        ("kubectl scale deployment producer --replicas=0", ["observed  it asks for 0"]),
        (
            "kubectl delete deployment producer; kubectl run producer --image=labs/shell:1 -- tail -f /dev/null",
            ["a Deployment producer", "rather than replace it by a pod"],
        ),
        (PATCH + WRONG_IMAGE, ["a ready pod of producer", "observed  0 ready; "]),
        (PATCH + REPAIRED, ["passed", "every label that the pod's `nodeSelector` asks for"]),
        ("producer without faults", ["passed"]),
        ("the reference", ["passed"]),
    ],
)
def test_producer(verdict, answer, words):
    sh(broken_producer())
    if answer == "producer without faults":
        lines = (line for line in broken_producer().splitlines() if not re.search("schedulerName|nodeSelector", line))
        answer = "kubectl delete deployment producer --now; " + "\n".join(lines)
    try:
        found = verdict("ex-03-3", answer)
    finally:
        sh("kubectl label nodes --all disk-; kubectl delete deployment producer --ignore-not-found")
        remove("app=producer")
        remove("run=producer")
    assert all(word in found for word in words), found


@pytest.mark.slow  # as in 00
@pytest.mark.alone
def test_without_api_server_nothing_is_judged(course, cells):
    with without_api_server(course):
        found = [str(checks.run(check.id, cells.namespace["lab"])) for check in checks.checks_of("03")]
    assert len(found) == 3
    assert all("could not check" in text and "The API server does not answer" in text for text in found), found
