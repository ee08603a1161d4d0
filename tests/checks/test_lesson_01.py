"""Lesson 01's checks: the reference solutions and other right ones pass, wrong ones get the words that help."""

from __future__ import annotations

import json
from functools import partial

import pytest
import yaml

from labs import checks
from tests.checks.learner import HELPER, judge_wrong, other_namespace, remove, sh, without_api_server

pytestmark = pytest.mark.engine

ALL = ("ex-01-1", "ex-01-2", "ex-01-3")


class World:
    """The lesson before an exercise."""

    def __init__(self, cells) -> None:
        self.cells, self.lab = cells, cells.open()
        self.other = other_namespace(self.lab)

    def begin(self, exercise_id: str) -> None:
        """The world as the exercise finds it; what an answer left is removed, its pods may still end."""
        remove(self.lab, "deployment")
        remove(self.lab, "pod", grace_period_seconds=1)
        remove(self.lab, "config_map")
        remove(self.lab, "deployment", "config_map", namespace=self.other)
        (self.lab.folder / "store.yaml").unlink(missing_ok=True)
        self.cells.set_up(exercise_id)

    def answer(self, exercise_id: str, script: str, words: str = "") -> checks.Verdict:
        """Judge what a script does; ``words`` are those of the verdict on a wrong one."""
        self.begin(exercise_id)
        sh(f"cd {self.lab.folder}\n{script}")
        ask = partial(checks.run, exercise_id, self.lab)
        return judge_wrong(self.lab, ask, words.split("|")) if words else ask()


@pytest.fixture(scope="module")
def world(cells_of):
    return World(cells_of("01"))


# Exercise 1: the store
STORE = """\
apiVersion: v1
kind: ConfigMap
metadata: {name: store-settings}
data: {DATA: /tmp}
---
apiVersion: apps/v1
kind: Deployment
metadata: {name: store}
spec:
  replicas: 1
  selector: {matchLabels: {app: store}}
  template:
    metadata: {labels: {app: store, tier: data}}
    spec:
      containers:
      - name: store
        image: weather:1
        args: [store]
        env:
        - name: DATA
          valueFrom: {configMapKeyRef: {name: store-settings, key: DATA}}
"""
ENV = STORE[STORE.index("        env:") :]


def file(text: str) -> str:
    return f"cat > store.yaml <<'END'\n{text}END\n"


def declared(*changes: tuple[str, str], how: str = "kubectl apply -f store.yaml") -> str:
    """Write store.yaml with changes to it, and apply it; an error of kubectl's is the learner's to read."""
    text = STORE
    for old, new in changes:
        assert old in text
        text = text.replace(old, new)
    return f"{file(text)}{how} || true\n"


APPLY = declared()
READY = "kubectl rollout status deployment\n"
FROM_ALL = (ENV, "        envFrom: [{configMapRef: {name: store-settings}}]\n")
BY_HAND = """
kubectl create configmap store-settings --from-literal=DATA=/tmp
kubectl create deployment store --image=weather:1
"""
# What kubectl reads and PyYAML does not: a list in JSON with tabs; 12:30 and = as texts; a comment that is no UTF-8
LIST = {"apiVersion": "v1", "kind": "List", "items": list(yaml.safe_load_all(STORE))}
ODD = STORE.replace("{DATA: /tmp}", "{DATA: /tmp, OPEN: 12:30, SIGN: =}")
KOREAN = f"printf '# \\307\\321\\261\\333\\n' > store.yaml\n{file(ODD).replace('cat >', 'cat >>')}"
INDENT = (ENV, "".join(f"{line[2:]}\n" for line in ENV.splitlines()))

# Exercise 2: the stations
LEFTOVER = "kubectl delete deployment,configmap west\n"
BRING_BACK = "kubectl apply -f stations.yaml\n"
ORDERS = """
kubectl scale deployment north south east --replicas=1
for name in north south east; do
  kubectl create configmap $name --from-literal=UNIT=celsius || kubectl patch configmap $name -p 'data: {UNIT: celsius}'
done
"""
LABELLED = "kubectl label --overwrite configmap north south east part-of=stations\n"

# Exercise 3: the worker
SETTINGS = 'sed -i \'s/: 5/: "5"/; s/: on/: "on"/\' worker/settings.yaml\n'
TAB = "sed -i 's/^\\t/        /' worker/worker.yaml\n"
NUMBER = "sed -i 's/\"2\"/2/' worker/worker.yaml\n"
MATCH = "sed -i 's/workers/worker/' worker/worker.yaml\n"
DEEPER = "sed -i 's/^ *envFrom/        envFrom/' worker/worker.yaml\n"
SEND = "kubectl apply -f worker || true\n"
REPAIRED = SETTINGS + TAB + NUMBER + MATCH + DEEPER
ONE_BY_ONE = """
kubectl create configmap worker-settings --from-literal=INTERVAL=5 --from-literal=QUIET=on
kubectl create deployment worker --image=weather:1 --replicas=2 --dry-run=client -o yaml | \
  sed 's/image: weather:1/image: weather:1\\n        args: [worker]/' | kubectl apply -f -
kubectl set env deployment/worker --from=configmap/worker-settings
"""

ONE_FILE = """
(cat worker/settings.yaml; echo; echo ---; cat worker/worker.yaml) > both.yaml
mv both.yaml worker/settings.yaml
rm worker/worker.yaml
"""

RIGHT = {
    "1 apply": ("ex-01-1", APPLY + READY),
    "1 server-side, envFrom": (
        "ex-01-1",
        declared(FROM_ALL, how="kubectl apply --server-side -f store.yaml") + READY,
    ),
    "1 a sidecar first": (
        "ex-01-1",
        declared(("      containers:\n", f"      containers:\n      - {HELPER}\n")) + READY,
    ),
    "1 made by hand, then taken over": (
        "ex-01-1",
        "kubectl create configmap store-settings --from-literal=DATA=/tmp\n" + APPLY + READY,
    ),
    "1 a list in JSON with tabs": (
        "ex-01-1",
        file(json.dumps(LIST, indent="\t") + "\n") + "kubectl apply -f store.yaml\n" + READY,
    ),
    "1 odd values, a comment in CP949": ("ex-01-1", KOREAN + "kubectl apply -f store.yaml\n" + READY),
    "2 leftover first": ("ex-01-2", LEFTOVER + BRING_BACK + READY),
    "2 server-side": (
        "ex-01-2",
        "kubectl apply --server-side --force-conflicts -f stations.yaml\nkubectl delete -f west.yaml\n" + READY,
    ),
    "2 with commands": ("ex-01-2", ORDERS + LABELLED + LEFTOVER + READY),
    "3 sed": ("ex-01-3", REPAIRED + SEND + READY),
    "3 one file for both": ("ex-01-3", REPAIRED + ONE_FILE + SEND + READY),
}

WRONG = {
    "1 nothing": ("ex-01-1", "true", "a file store.yaml|no file store.yaml"),
    "1 by hand, no file": ("ex-01-1", BY_HAND, "a file store.yaml"),
    "1 not applied": ("ex-01-1", file(STORE), "a Deployment store in the namespace lab-01|none|kubectl apply"),
    "1 by hand, with a file": ("ex-01-1", file(STORE) + BY_HAND, "made by an order (kubectl-create)|never applied"),
    "1 only one object": ("ex-01-1", file(STORE.partition("---")[0]), "only ConfigMap store-settings|`---`"),
    "1 one document for two": ("ex-01-1", file(STORE.replace("---\n", "")), "only Deployment store|`---`"),
    "1 sent elsewhere": (
        "ex-01-1",
        declared(how="kubectl apply -n lab-01-other -f store.yaml"),
        "in the namespace lab-01|one in the namespace lab-01-other",
    ),
    "1 meant for elsewhere": (
        "ex-01-1",
        declared(("{name: store}", "{name: store, namespace: lab-01-other}")),
        "namespace lab-01|asks for the namespace lab-01-other",
    ),
    "1 tab": ("ex-01-1", declared(("        args", "\targs")), "YAML in store.yaml|'\\t'|(line 18)"),
    "1 env beside the containers": ("ex-01-1", declared(INDENT), 'unknown field "spec.template.spec.env"'),
    "1 no such kind": (
        "ex-01-1",
        declared(("apiVersion: apps/v1", "apiVersion: v1")),
        "objects in store.yaml that the API server takes|no matches for kind",
    ),
    "1 list of nothing": ("ex-01-1", file("hello\n"), "objects in store.yaml|hello"),
    "1 label mismatch": (
        "ex-01-1",
        declared(("{app: store, tier", "{app: stor, tier")),
        "`selector` does not match template `labels`",
    ),
    "1 label missing": ("ex-01-1", declared((", tier: data", "")) + READY, "app=store,tier=data|app=store"),
    "1 label on the Deployment": (
        "ex-01-1",
        declared((", tier: data", ""), ("{name: store}", "{name: store, labels: {tier: data}}")),
        "tier=data on the pods|not those of the Deployment",
    ),
    "1 no such tag": ("ex-01-1", declared(("weather:1", "weather:v1")), "image weather:1|weather:v1"),
    "1 no args": ("ex-01-1", declared(("        args: [store]\n", "")), "args: [store]|starts the front"),
    "1 another program": (
        "ex-01-1",
        declared(("[store]", "[front, '--store=http://store:8000']")),
        "args: [store]|front",
    ),
    "1 replicas": ("ex-01-1", declared(("replicas: 1", "replicas: 2")), "replicas: 1|replicas: 2"),
    "1 replicas, told as declared": (
        "ex-01-1",
        declared(("replicas: 1", "replicas: 2")),
        "replicas: 2|Change `replicas` in the file",
    ),
    "1 other value": ("ex-01-1", declared(("DATA: /tmp", "DATA: /data")), "DATA: '/tmp'|'/data'"),
    "1 key missing": (
        "ex-01-1",
        declared(("key: DATA", "key: data")),
        "a ready pod of store|CreateContainerConfigError",
    ),
    "1 no setting": ("ex-01-1", declared((ENV, "")) + READY, "DATA=/tmp in the environment|no DATA"),
    "1 value written twice": (
        "ex-01-1",
        declared((ENV, "        env: [{name: DATA, value: /tmp}]\n")) + READY,
        "DATA taken from the ConfigMap|written into the Deployment store|valueFrom",
    ),
    "1 selector repaired in the file": (
        "ex-01-1",
        declared(("{app: store}}", "{app: stor}}"), ("{app: store, tier", "{app: stor, tier")) + APPLY,
        "app=store,tier=data on the pods|app=stor|cannot be changed|kubectl delete deployment store",
    ),
    "1 pod older than the setting": (
        "ex-01-1",
        declared(("DATA: /tmp", "DATA: /data")) + READY + APPLY,
        "DATA=/tmp in the environment|DATA=/data|when a pod starts",
    ),
    "1 file went on": (
        "ex-01-1",
        APPLY + READY + file(STORE.replace("  replicas: 1", "  minReadySeconds: 3\n  replicas: 1")),
        "as store.yaml has it|spec.minReadySeconds: None, in the file 3",
    ),
    "2 nothing": ("ex-01-2", "true", "kubectl"),
    "2 only applied": ("ex-01-2", BRING_BACK, "does not declare|also Deployment west, ConfigMap west|-l part-of"),
    "2 half of the leftover": (
        "ex-01-2",
        BRING_BACK + "kubectl delete deployment west",
        "also ConfigMap west",
    ),
    "2 label taken off": (
        "ex-01-2",
        BRING_BACK + "kubectl label deployment,configmap west part-of-",
        "also Deployment west",
    ),
    "2 label taken off by the file": (
        "ex-01-2",
        BRING_BACK + "kubectl label -f west.yaml part-of-",
        "no station that stations.yaml does not declare|also Deployment west, ConfigMap west|Without its label",
    ),
    "2 all made again": (
        "ex-01-2",
        "kubectl delete deployment,configmap -l part-of=stations\n" + BRING_BACK,
        "that was there in the morning|another one of that name|the first was deleted",
    ),
    "2 replaced by force": (
        "ex-01-2",
        "kubectl replace --force -f stations.yaml\n" + LEFTOVER,
        "another one of that name",
    ),
    "2 one more copy": (
        "ex-01-2",
        BRING_BACK + LEFTOVER + "kubectl scale deployment south --replicas=2",
        "replicas: 1 in the Deployment south|replicas: 2",
    ),
    "2 file bent": (
        "ex-01-2",
        "sed -i s/celsius/fahrenheit/ stations.yaml\n" + BRING_BACK,
        "stations.yaml as it was|data.UNIT: fahrenheit|bring the cluster to the file",
    ),
    "2 deleted and gone": ("ex-01-2", BRING_BACK + "kubectl delete deployment east", "a Deployment east in|none"),
    "2 file bent elsewhere": (
        "ex-01-2",
        "sed -i s/weather:1/weather:2/ stations.yaml\n" + BRING_BACK,
        "stations.yaml as it was|containers[0].image: weather:2|bring the cluster to the file",
    ),
    "2 another image": (
        "ex-01-2",
        BRING_BACK + LEFTOVER + "kubectl set image deployment/south weather=labs/web:1",
        "the Deployment south as stations.yaml has it|labs/web:1, in the file weather:1|kubectl diff",
    ),
    "2 with commands, without the label": (
        "ex-01-2",
        ORDERS + "kubectl label configmap north south east part-of-\n" + LEFTOVER,
        "the ConfigMap north as stations.yaml has it|metadata.labels: None|part-of",
    ),
    "3 nothing": (
        "ex-01-3",
        "true",
        "that the API server takes|cannot unmarshal number into|of type string|wants a text",
    ),
    "3 with commands, the files still broken": (
        "ex-01-3",
        ONE_BY_ONE + READY,
        "a ConfigMap in settings.yaml that the API server takes|cannot unmarshal number into",
    ),
    "3 repaired, then a file thrown out": (
        "ex-01-3",
        REPAIRED + SEND + "rm worker/settings.yaml\n" + READY,
        "the ConfigMap worker-settings in a file of the folder worker|Deployment worker",
    ),
    "3 tab left": ("ex-01-3", SETTINGS + SEND, "YAML in worker.yaml|'\\t'|line 13"),
    "3 number as text": ("ex-01-3", SETTINGS + TAB + SEND, "cannot unmarshal string into|of type int32|wants a number"),
    "3 envFrom left": ("ex-01-3", SETTINGS + TAB + NUMBER + SEND, 'unknown field "spec.template.spec.envFrom"'),
    "3 labels left": ("ex-01-3", SETTINGS + TAB + NUMBER + DEEPER + SEND, "`selector` does not match template"),
    "3 repaired, not sent": ("ex-01-3", REPAIRED, "a Deployment worker in the namespace lab-01|none|have they been"),
    "3 selector bent": (
        "ex-01-3",
        SETTINGS + TAB + NUMBER + DEEPER + "sed -i 's/app: worker}/app: workers}/' worker/worker.yaml\n" + SEND,
        "app=worker on the pods|app=workers",
    ),
    "3 yes for on": (
        "ex-01-3",
        REPAIRED + 'sed -i \'s/"on"/"true"/\' worker/settings.yaml\n' + SEND,
        "QUIET: 'on'|'true'",
    ),
    "3 setting thrown out": (
        "ex-01-3",
        REPAIRED + "sed -i /envFrom/d worker/worker.yaml\n" + SEND + READY,
        "INTERVAL=5 in the environment|no INTERVAL",
    ),
    "3 args thrown out": (
        "ex-01-3",
        REPAIRED + "sed -i /args/d worker/worker.yaml\n" + SEND,
        "args: [worker]|the front",
    ),
    "3 one": ("ex-01-3", REPAIRED + "sed -i 's/: 2/: 1/' worker/worker.yaml\n" + SEND, "replicas: 2|replicas: 1"),
}


@pytest.mark.parametrize("exercise_id", ALL)
def test_reference_passes(world, exercise_id):
    world.begin(exercise_id)
    world.cells.solve(exercise_id)
    verdict = checks.run(exercise_id, world.lab)
    assert verdict.passed, verdict


@pytest.mark.parametrize(("exercise_id", "script"), RIGHT.values(), ids=RIGHT)
def test_other_right_answers_pass(world, exercise_id, script):
    verdict = world.answer(exercise_id, script)
    assert verdict.passed, verdict


@pytest.mark.parametrize(("exercise_id", "script", "words"), WRONG.values(), ids=WRONG)
def test_wrong_answers_are_told_what_was_seen(world, exercise_id, script, words):
    verdict = world.answer(exercise_id, script, words)
    assert verdict.status == "not yet", verdict
    assert [word for word in words.split("|") if word not in str(verdict)] == [], verdict
    assert verdict.try_, "there is one thing to look at"


@pytest.mark.parametrize(
    ("exercise_id", "script", "name"),
    [
        ("ex-01-1", declared(("[store]", "[stores]")), "store"),
        ("ex-01-3", REPAIRED + "sed -i 's/args: .worker./args: [workers]/' worker/worker.yaml\n" + SEND, "worker"),
    ],
    ids=["1 no such program", "3 no such program"],
)
def test_a_program_that_ends_is_no_engine_that_does_not_answer(world, exercise_id, script, name):
    """Its pods count as ready for a moment, each time that they are started again."""
    for verdict in (world.answer(exercise_id, script), checks.run(exercise_id, world.lab)):
        assert verdict.status == "not yet", verdict
        for words in (f"of {name}", " end", f"`kubectl logs deployment/{name}`"):
            assert words in str(verdict), verdict


@pytest.mark.slow  # as in 00
@pytest.mark.alone
def test_api_server_down_is_no_wrong_answer(course, world):
    world.begin("ex-01-2")
    world.answer("ex-01-1", file(STORE))
    with without_api_server(course):
        verdicts = [checks.run(exercise_id, world.lab) for exercise_id in ALL]
    assert [verdict.status for verdict in verdicts] == ["could not check"] * 3, verdicts


def test_night_differs_each_time_and_spares_one_of_each_kind(world):
    """The cells before exercise 2 leave what the exercise says: three differences, and one object too many."""
    world.begin("ex-01-2")
    told = sh(f"cd {world.lab.folder}; kubectl diff -f stations.yaml || true; kubectl get deployments,configmaps")
    assert told.count("\n+++ ") == 3, told
    assert "deployment.apps/west" in told
