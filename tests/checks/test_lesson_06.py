"""Lesson 06's checks: the reference solutions and other right ones pass, wrong ones get the words that help."""

from __future__ import annotations

from functools import partial

import pytest

from labs import checks
from labs.waiting import wait_for
from tests.checks.learner import HELPER, apply, judge_wrong, other_namespace, remove, sh, without_api_server

pytestmark = pytest.mark.engine

ALL = ("ex-06-1", "ex-06-2", "ex-06-3")


class World:
    """The lesson before an exercise."""

    def __init__(self, cells) -> None:
        self.cells, self.lab = cells, cells.open()
        self.other = other_namespace(self.lab)
        cells.set_up("ex-06-2")  # nothing but what all build on

    def forget(self) -> None:
        """Remove all answers: what comes next may have the same names."""
        core, own = self.lab.clients.core, self.lab.namespace
        remove(self.lab, "deployment", "replica_set")
        for namespace in (own, self.other):
            remove(self.lab, "pod", namespace=namespace, grace_period_seconds=0)
            remove(self.lab, "persistent_volume_claim", namespace=namespace)

        def left() -> list[str]:
            things = [*core.list_namespaced_pod(own).items, *core.list_namespaced_persistent_volume_claim(own).items]
            return [thing.metadata.name for thing in things]

        wait_for(lambda: not left(), timeout=60, what="the answers to be gone", state=lambda: ", ".join(left()))

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
    return World(cells_of("06"))


@pytest.fixture
def world(lesson):
    lesson.forget()
    return lesson


# Exercise 1: the buffer
def buffer(store: str = "", reader: str = "", volumes: str = "") -> str:
    """A pod as a learner would write it: the mounts of both containers, and the volumes."""
    return apply(f"""
apiVersion: v1
kind: Pod
metadata: {{name: buffer}}
spec:
  containers:
  - {{name: store, image: "weather:1", args: [store], volumeMounts: [{store or "{name: d, mountPath: /data}"}]}}
  - name: reader
    image: labs/shell:1
    command: [sleep, infinity]
    volumeMounts: [{reader or "{name: d, mountPath: /inbox, readOnly: true}"}]
  volumes: [{volumes or "{name: d, emptyDir: {}}"}]
""")


READY = "kubectl wait --for=condition=Ready pod/{} --timeout=20s\n"
UNTIL = "for i in $(seq 50); do {} && break; done\n"  # the store answers a moment after it has started
SEND = UNTIL.format("kubectl exec {} -- wget -qO- --post-data=21.5 localhost:8000/readings 2>/dev/null")
TO_BUFFER = READY.format("buffer") + SEND.format("buffer -c store")
ANSWERS = UNTIL.format("kubectl exec buffer -c store -- wget -qO- localhost:8000/healthz 2>/dev/null")
AGAIN = "kubectl wait --for=jsonpath='{.status.containerStatuses[?(@.name==\"store\")].restartCount}'=1 pod/buffer\n"
CRASH = "kubectl exec buffer -c store -- kill 1\n" + AGAIN
NEXT_SECOND = "now=$(date +%s); until [ $(date +%s) -gt $now ]; do :; done\n"  # files' times know no smaller unit
NATIVE = apply("""
apiVersion: v1
kind: Pod
metadata: {name: buffer, labels: {made: otherwise}}
spec:
  securityContext: {fsGroup: 1000}
  containers:
  - {name: reader, image: "labs/shell:1", command: [sh, -c, "exec sleep infinity"],
     volumeMounts: [{name: box, mountPath: /inbox/, readOnly: true}]}
  - {name: store, image: "weather:1", args: [store], volumeMounts: [{name: box, mountPath: /data/}]}
  volumes: [{name: box, emptyDir: {medium: Memory, sizeLimit: 1Mi}}]
""")


HELPED = buffer().replace(
    "  containers:\n",
    f"""  initContainers:
  - {{name: before, image: "weather:1", command: ["true"]}}
  containers:
  - {HELPER}
""",
)


# Exercises 2 and 3: stores on claims
def claim(name: str, size: str = "200Mi", more: str = "", mode: str = "ReadWriteOnce") -> str:
    return apply(f"""
apiVersion: v1
kind: PersistentVolumeClaim
metadata: {{name: {name}}}
spec: {{accessModes: [{mode}], resources: {{requests: {{storage: {size}}}}}{more}}}
""")


def deployment(name: str, volume: str = "", mount: str = "/data", spec: str = "strategy: {type: Recreate}") -> str:
    """A Deployment as a learner would write it, on a claim of its name unless another volume is given."""
    volume = volume or f"persistentVolumeClaim: {{claimName: {name}}}"
    return apply(f"""
apiVersion: apps/v1
kind: Deployment
metadata: {{name: {name}}}
spec:
  {spec}
  selector: {{matchLabels: {{app: {name}}}}}
  template:
    metadata: {{labels: {{app: {name}}}}}
    spec:
      containers:
      - {{name: main, image: "weather:1", args: [store], volumeMounts: [{{name: d, mountPath: {mount}}}]}}
      volumes: [{{name: d, {volume}}}]
""")


ROLLED = "kubectl rollout status deployment/{} --timeout=40s\n"
NEW_POD = "kubectl delete pod -l app={} --grace-period=1\n"


def used(name: str) -> str:
    """Send a reading, then delete the pod."""
    return ROLLED.format(name) + SEND.format(f"deployment/{name}") + NEW_POD.format(name) + ROLLED.format(name)


ARCHIVE, CLAIM = deployment("archive"), claim("archive")
OWN_POD = claim("archive", mode="ReadWriteOncePod", size="1Gi")
NO_SURGE = "strategy: {rollingUpdate: {maxSurge: 0, maxUnavailable: 1}}"
GENERATED = (
    CLAIM
    + """
kubectl create deployment archive --image=weather:1 --dry-run=client -o yaml |
  kubectl patch --local -f - -o yaml --type=json -p '[
{"op": "add", "path": "/spec/template/spec/volumes", "value": [{"name": "v", "persistentVolumeClaim":
  {"claimName": "archive"}}]},
{"op": "add", "path": "/spec/template/spec/containers/0/args", "value": ["store"]},
{"op": "add", "path": "/spec/template/spec/containers/0/volumeMounts", "value": [{"name": "v", "mountPath": "/data",
  "subPath": "archive"}]},
{"op": "replace", "path": "/spec/strategy", "value": {"type": "Recreate"}}]' | kubectl apply -f -
"""
)
CLOSED = ARCHIVE.replace(
    "      containers:",
    """      initContainers:
      - {name: mode, image: "labs/shell:1", command: [chmod, "700", /data],
         volumeMounts: [{name: d, mountPath: /data}]}
      containers:""",
)


BESIDE = ARCHIVE.replace("      containers:\n", f"      containers:\n      - {HELPER}\n")
READ_BESIDE = BESIDE.replace('infinity"]', 'infinity"], "volumeMounts": [{"name": "d", "mountPath": "/data"}]')


def patch(**replaced: str) -> str:
    """Change the logbook's Deployment: claimName, mountPath."""
    paths = {"claimName": "volumes/0/persistentVolumeClaim", "mountPath": "containers/0/volumeMounts/0"}
    steps = [
        f'{{"op": "replace", "path": "/spec/template/spec/{paths[field]}/{field}", "value": "{value}"}}'
        for field, value in replaced.items()
    ]
    return f"kubectl patch deployment logbook --type=json -p '[{', '.join(steps)}]'\n"


UNSCHEDULED = "kubectl wait --for=condition=PodScheduled=false pod -l app=logbook\n"
CLASS = "kubectl delete pvc logbook\n" + claim("logbook", "50Mi")
REPAIR = CLASS + patch(claimName="logbook", mountPath="/data")
AGAIN = "kubectl delete deployment/logbook pvc/logbook\n" + claim("logbook", "50Mi") + deployment("logbook")

RIGHT = {
    "1 YAML": ("ex-06-1", buffer() + TO_BUFFER + CRASH),
    "1 in memory, other order": ("ex-06-1", NATIVE + TO_BUFFER + CRASH),
    "1 a sidecar first": ("ex-06-1", HELPED + TO_BUFFER + CRASH),
    "2 a sidecar first": (
        "ex-06-2",
        CLAIM
        + BESIDE
        + ROLLED.format("archive")
        + SEND.format("deployment/archive -c main")
        + NEW_POD.format("archive")
        + ROLLED.format("archive"),
    ),
    "2 in bytes": ("ex-06-2", claim("archive", size="209715200") + ARCHIVE + used("archive")),
    "2 YAML": ("ex-06-2", CLAIM + ARCHIVE + used("archive")),
    "2 generated, subPath": ("ex-06-2", GENERATED + used("archive")),
    "2 one pod, no surge": ("ex-06-2", OWN_POD + deployment("archive", spec=NO_SURGE) + used("archive")),
    "3 patched": ("ex-06-3", REPAIR + used("logbook")),
    "3 made again": ("ex-06-3", AGAIN + used("logbook")),
}

WRONG = {
    "1 nothing": ("ex-06-1", "true", "a pod buffer in the namespace lab-06|none"),
    "1 elsewhere": (
        "ex-06-1",
        buffer().replace("apply", "apply -n lab-06-other"),
        "one in the namespace lab-06-other|-n lab-06",
    ),
    "1 one container": (
        "ex-06-1",
        "kubectl run buffer --image=weather:1 -- store",
        "two containers in the pod buffer|its containers: buffer",
    ),
    "1 wrong path": (
        "ex-06-1",
        buffer(store="{name: d, mountPath: /date}"),
        "mounted at /data in the pod buffer, container store|d is mounted at /date|volumeMounts",
    ),
    "1 not mounted": (
        "ex-06-1",
        buffer(reader="{name: e, mountPath: /other}", volumes="{name: d, emptyDir: {}}, {name: e, emptyDir: {}}"),
        "mounted at /inbox in the pod buffer, container reader|e is mounted at /other",
    ),
    "1 two folders": (
        "ex-06-1",
        buffer(
            reader="{name: e, mountPath: /inbox, readOnly: true}",
            volumes="{name: d, emptyDir: {}}, {name: e, emptyDir: {}}",
        ),
        "one volume that both containers mount|store mounts d, reader mounts e",
    ),
    "1 hostPath": (
        "ex-06-1",
        buffer(volumes="{name: d, hostPath: {path: /tmp/labs-06-test, type: DirectoryOrCreate}}"),
        "an emptyDir at /data|kind hostPath",
    ),
    "1 may write": (
        "ex-06-1",
        buffer(reader="{name: d, mountPath: /inbox}"),
        "through which it cannot write|reader may write in /inbox",
    ),
    "1 may write elsewhere": (
        "ex-06-1",
        buffer(reader="{name: d, mountPath: /inbox, readOnly: true}, {name: d, mountPath: /rw}"),
        "through which it cannot write|reader may write in /rw|volumeMounts",
    ),
    "1 not ended": ("ex-06-1", buffer() + TO_BUFFER, "ended and started again|0 restarts of store"),
    "1 no such image": (
        "ex-06-1",
        buffer().replace("weather:1", "weather:9"),
        "both containers running|weather:9",
    ),
    "1 another command": (
        "ex-06-1",
        buffer().replace("[sleep, infinity]", '[sh, -c, "while :; do sleep 9; done"]') + TO_BUFFER + CRASH,
        "the container reader to run `sleep infinity`|while :",
    ),
    "1 another image": (
        "ex-06-1",
        buffer().replace("image: labs/shell:1", "image: weather:1") + TO_BUFFER + CRASH,
        "the container reader with the image labs/shell:1|weather:1",
    ),
    "1 nothing sent": (
        "ex-06-1",
        buffer() + READY.format("buffer") + ANSWERS + CRASH + ANSWERS,
        "readings in the store of buffer|it has none|sends one",
    ),
    "1 sent too late": (
        "ex-06-1",
        buffer() + TO_BUFFER + "kubectl exec buffer -c store -- rm /data/readings\n" + CRASH + NEXT_SECOND + TO_BUFFER,
        "older than its container|written at|First send",
    ),
    "2 nothing": ("ex-06-2", "true", "a Deployment archive in the namespace lab-06|none"),
    "2 front": (
        "ex-06-2",
        CLAIM + ARCHIVE.replace("args: [store]", "args: [front]") + ROLLED.format("archive"),
        "to answer on port 8000|no answer|args",
    ),
    "2 no volume": (
        "ex-06-2",
        "kubectl create deployment archive --image=weather:1",
        "a volume mounted at /data in the Deployment archive|no volume at all",
    ),
    "2 emptyDir": (
        "ex-06-2",
        deployment("archive", "emptyDir: {}"),
        "the claim archive at /data|an emptyDir, which ends with the pod",
    ),
    "2 hostPath": (
        "ex-06-2",
        deployment("archive", "hostPath: {path: /tmp/labs-06-test, type: DirectoryOrCreate}"),
        "the claim archive at /data|a hostPath",
    ),
    "2 mistyped claim": (
        "ex-06-2",
        CLAIM + deployment("archive", "persistentVolumeClaim: {claimName: archiv}"),
        "the claim archiv; the claims here are: archive|claimName",
    ),
    "2 claim elsewhere": (
        "ex-06-2",
        CLAIM.replace("apply", "apply -n lab-06-other") + ARCHIVE,
        "a claim archive in the namespace lab-06|one in the namespace lab-06-other|own namespace",
    ),
    "2 wrong path": (
        "ex-06-2",
        CLAIM + deployment("archive", mount="/date"),
        "mounted at /data in the Deployment archive|d is mounted at /date",
    ),
    "2 mounted in a sidecar": (
        "ex-06-2",
        CLAIM + READ_BESIDE.replace("mountPath: /data", "mountPath: /date"),
        "mounted at /data in the Deployment archive, container main|d is mounted at /date",
    ),
    "2 missing class": (
        "ex-06-2",
        claim("archive", more=", storageClassName: fast") + ARCHIVE,
        "the class 'fast': there is local-path|delete the claim",
    ),
    "2 no class": ("ex-06-2", claim("archive", more=", storageClassName: ''") + ARCHIVE, "an empty storageClassName"),
    "2 too small": ("ex-06-2", claim("archive", size="200M") + ARCHIVE, "at least 200Mi|observed  200M"),
    "2 for many nodes": (
        "ex-06-2",
        claim("archive", mode="ReadWriteMany") + ARCHIVE,
        "the claim archive for one node|ReadWriteMany",
    ),
    "2 two pods": ("ex-06-2", CLAIM + ARCHIVE + "kubectl scale deployment archive --replicas=2", "replicas: 1|2"),
    "2 rolling": (
        "ex-06-2",
        CLAIM + deployment("archive", spec="replicas: 1"),
        "ends the old pod before|RollingUpdate (maxSurge 25%)",
    ),
    "2 rolling without surge": (
        "ex-06-2",
        CLAIM + deployment("archive", spec=NO_SURGE),
        "ends the old pod before|RollingUpdate (maxSurge 0): the new pod may start while the old one is still ending",
    ),
    "2 claim being deleted": (
        "ex-06-2",
        CLAIM + ARCHIVE + ROLLED.format("archive") + "kubectl delete pvc archive --wait=false",
        "it was deleted, and goes as soon as no pod uses it",
    ),
    "2 read-only": (
        "ex-06-2",
        CLAIM + deployment("archive", mount="/data, readOnly: true"),
        "through which the store can write|read-only",
    ),
    "2 no rights": (
        "ex-06-2",
        CLAIM + CLOSED + ROLLED.format("archive"),
        "allowed to write in /data|uid=1000|drwx------|group",
    ),
    "2 nothing sent": ("ex-06-2", CLAIM + ARCHIVE + ROLLED.format("archive"), "readings in the store|it has none"),
    "2 pod not deleted": (
        "ex-06-2",
        CLAIM + ARCHIVE + ROLLED.format("archive") + NEXT_SECOND + SEND.format("deployment/archive"),
        "older than its pod|written at",
    ),
    "3 nothing": ("ex-06-3", UNSCHEDULED, "the claim logbok; the claims here are: logbook|Pending: |claimName"),
    "3 path only": ("ex-06-3", patch(mountPath="/data"), "the claim logbok; the claims here are: logbook"),
    "3 class kept": (
        "ex-06-3",
        patch(claimName="logbook", mountPath="/data"),
        "the class 'fast': there is local-path|cannot be changed",
    ),
    "3 name only": ("ex-06-3", patch(claimName="logbook"), "the class 'fast': there is local-path|cannot be changed"),
    "3 class only": ("ex-06-3", CLASS, "the claim logbok; the claims here are: logbook"),
    "3 no claim": (
        "ex-06-3",
        CLASS + "kubectl delete deployment logbook\n" + deployment("logbook", "emptyDir: {}"),
        "the claim logbook of the Deployment logbook|no claim; its volumes are of the kind emptyDir",
    ),
    "3 path kept": (
        "ex-06-3",
        CLASS + patch(claimName="logbook") + ROLLED.format("logbook"),
        "mounted at /data in the Deployment logbook|data is mounted at /date",
    ),
    "3 bigger": ("ex-06-3", REPAIR.replace("50Mi", "60Mi") + ROLLED.format("logbook"), "of its size, 50Mi|60Mi"),
    "3 smaller": (
        "ex-06-3",
        REPAIR.replace("50Mi", "5Mi"),
        "at least 50Mi|observed  5Mi",
    ),
}


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


@pytest.mark.parametrize(("exercise_id", "script", "words"), WRONG.values(), ids=WRONG)
def test_wrong_answers_are_told_what_was_seen(world, exercise_id, script, words):
    verdict = world.run(exercise_id, script, words)
    assert verdict.status == "not yet", verdict
    assert [word for word in words.split("|") if word not in str(verdict)] == [], verdict
    assert verdict.try_, "there is one thing to look at"


def test_cleanup_removes_volumes_that_lie_in_no_namespace(world):
    """Those that carry the lesson's labels, and those that a claim of the lesson leaves behind."""
    core, keep = world.lab.clients.core, {"persistentVolumeReclaimPolicy": "Retain"}
    spec = {"capacity": {"storage": "1Gi"}, "accessModes": ["ReadWriteOnce"], "storageClassName": "by-hand"}
    spec |= keep | {"hostPath": {"path": "/tmp/labs-06-test"}}
    labelled = {"metadata": {"name": "labs-06-labelled", "labels": world.lab.labels}, "spec": spec}
    strangers = {"metadata": {"name": "labs-06-strangers"}, "spec": spec}
    core.create_persistent_volume(labelled)
    core.create_persistent_volume(strangers)
    try:
        sh(CLAIM + ARCHIVE + ROLLED.format("archive"))
        left = core.read_namespaced_persistent_volume_claim("archive", world.lab.namespace).spec.volume_name
        core.patch_persistent_volume(left, {"spec": keep})
        world.lab.reset()
        names = {volume.metadata.name for volume in core.list_persistent_volume().items}
        assert not names & {"labs-06-labelled", left}
        assert "labs-06-strangers" in names
    finally:
        core.delete_persistent_volume("labs-06-strangers")


@pytest.mark.slow  # as in 00
@pytest.mark.alone
def test_api_server_down_is_no_wrong_answer(course, world):
    with without_api_server(course):
        verdicts = [checks.run(exercise_id, world.lab) for exercise_id in ALL]
    assert [verdict.status for verdict in verdicts] == ["could not check"] * 3, verdicts
