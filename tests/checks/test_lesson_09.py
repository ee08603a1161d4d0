"""Lesson 09's checks: the reference solutions and other right ones pass, wrong ones get the words that help."""

from __future__ import annotations

import pytest

from labs import checks
from tests.checks.learner import HELPER, apply, sh, without_api_server

pytestmark = pytest.mark.engine

ALL = ("ex-09-1", "ex-09-2", "ex-09-3")


class World:
    """The lesson before an exercise."""

    def __init__(self, cells) -> None:
        self.cells, self.lab = cells, cells.open()

    def forget(self) -> None:
        """Remove all answers: what comes next may have the same names."""
        sh("""
kubectl delete cronjobs,jobs,daemonsets,statefulsets --all
kubectl delete pods -l 'app notin (store)' --force --grace-period=0
kubectl delete pvc --all
kubectl delete service vault --ignore-not-found""")

    def run(self, exercise_id: str, script: str) -> checks.Verdict:
        self.cells.set_up(exercise_id)
        sh(script)
        return checks.run(exercise_id, self.lab)


@pytest.fixture(scope="module")
def lesson(cells_of):
    return World(cells_of("09"))


@pytest.fixture
def world(lesson):
    lesson.forget()
    return lesson


SIDECARS = """initContainers: [{name: before, image: "labs/shell:1", command: ["true"]},
     {name: beside, image: "labs/shell:1", restartPolicy: Always, command: [sleep, infinity]}],"""
DONE = "kubectl wait --for=condition=Complete job/{} --timeout=50s\n"
FAILED = "kubectl wait --for=condition=Failed job/{} --timeout=50s\n"


# Exercise 1: the census
FIELDS = "completions: 5, parallelism: 2, completionMode: Indexed, backoffLimit: 3, activeDeadlineSeconds: 60, "
FIELDS += "ttlSecondsAfterFinished: 3600"
ECHO = '[sh, -c, "echo station $JOB_COMPLETION_INDEX"]'


def census(fields: str = FIELDS, command: str = ECHO, image: str = "labs/shell:1", pod: str = "") -> str:
    """The Job as a learner would write it: its own fields, its command, more fields of its pods."""
    return apply(f"""
apiVersion: batch/v1
kind: Job
metadata: {{name: census}}
spec:
  {{{fields},
  template: {{spec: {{restartPolicy: Never, {pod}
     containers: [{{name: main, image: "{image}", command: {command}}}]}}}}}}
""")


def without(field: str) -> str:
    """The Job's fields without one of them."""
    return ", ".join(part for part in FIELDS.split(", ") if not part.startswith(field))


GENERATED = """
kubectl create job census --image=labs/shell:1 --dry-run=client -o yaml -- sh -c 'echo hello; printf "station %s" $N' |
  kubectl patch --local -f - -o yaml --type=merge -p '{"spec": {"completions": 5, "parallelism": 2,
    "completionMode": "Indexed", "backoffLimit": 3, "activeDeadlineSeconds": 60, "ttlSecondsAfterFinished": 3600}}' |
  kubectl patch --local -f - -o yaml --type=json -p '[{"op": "add", "path": "/spec/template/spec/containers/0/env",
    "value": [{"name": "N", "valueFrom": {"fieldRef": {"fieldPath":
    "metadata.annotations['"'batch.kubernetes.io/job-completion-index'"']"}}}]}]' |
  kubectl apply --server-side -f -
"""
GENERATED = GENERATED.replace("""['"'""", """['"'"'""").replace("""'"']""", """'"'"']""")
IN_VAIN = census(command='[sh, -c, "exit 1"]').replace("backoffLimit: 3", "backoffLimit: 0")


# Exercise 2: thermometer and report
def thermometer(more: str = "tolerations: [{operator: Exists}],", station: str = "", args: str = "[producer]") -> str:
    station = station or "valueFrom: {fieldRef: {fieldPath: spec.nodeName}}"
    return apply(f"""
apiVersion: apps/v1
kind: DaemonSet
metadata: {{name: thermometer}}
spec:
  selector: {{matchLabels: {{app: thermometer}}}}
  template:
    metadata: {{labels: {{app: thermometer}}}}
    spec:
      {{{more} terminationGracePeriodSeconds: 1,
      containers: [{{name: main, image: "weather:1", args: {args}, env: [{{name: STATION, {station}}}]}}]}}
""")


CLOCK = 'schedule: "30 2 * * *", timeZone: Europe/Berlin, concurrencyPolicy: Forbid, '
CLOCK += "successfulJobsHistoryLimit: 2, failedJobsHistoryLimit: 4"
ASK = "[wget, -qO-, 'store:8000/readings']"


def report(fields: str = CLOCK, command: str = ASK, job: str = "", image: str = "labs/shell:1") -> str:
    """The CronJob as a learner would write it: its own fields, its command, more fields of its Jobs."""
    return apply(f"""
apiVersion: batch/v1
kind: CronJob
metadata: {{name: report}}
spec:
  {{{fields},
  jobTemplate: {{spec: {{{job} template: {{spec: {{restartPolicy: OnFailure,
     containers: [{{name: main, image: "{image}", command: {command}}}]}}}}}}}}}}
""")


NOW = "kubectl create job report-now --from=cronjob/report\n"
READY = "kubectl rollout status daemonset/thermometer --timeout=40s\n"
STATIONS, REPORT = thermometer() + READY, report() + NOW + DONE.format("report-now")
BY_EFFECT = "tolerations: [{operator: Exists, effect: NoSchedule}, {operator: Exists, effect: NoExecute}],"
OTHERWISE = report(
    CLOCK.replace("30 2 * * *", "30 02 * * ?") + ", startingDeadlineSeconds: 600",
    "[sh, -c, 'wget -q -O - http://store.lab-09:8000/readings']",
    job="backoffLimit: 2, ttlSecondsAfterFinished: 600,",
)
BY_SERVER = """
kubectl create cronjob report --image=labs/shell:1 --schedule='30 2 * * *' --dry-run=client -o yaml \\
  -- wget -qO- store:8000/readings | kubectl apply --server-side -f -
kubectl patch cronjob report -p 'spec: {timeZone: Europe/Berlin, concurrencyPolicy: Forbid}'
kubectl patch cronjob report -p 'spec: {successfulJobsHistoryLimit: 2, failedJobsHistoryLimit: 4, suspend: false}'
kubectl create job report-now --from=cronjob/report --dry-run=client -o yaml | kubectl apply -f -
"""


# Exercise 3: the vault
REMOVED = "kubectl delete statefulset vault\nkubectl delete pvc -l app=vault\n"
FILLED = "kubectl get job fill -o yaml | sed '/uid: /d' | kubectl replace --force -f -\n" + DONE.format("fill")
ALL_READY = "kubectl rollout status statefulset/vault --timeout=50s\n"


def vault(
    *,
    name: str = "vault",
    mount: str = "/data",
    size: str = "20Mi",
    storage: str = "",
    replicas: int = 2,
    more: str = "",
    spec: str = "",
    claim: str = "data",
) -> str:
    """The StatefulSet as a learner would write it."""
    return apply(f"""
apiVersion: apps/v1
kind: StatefulSet
metadata: {{name: vault}}
spec:
  {{serviceName: {name}, replicas: {replicas}, {spec} selector: {{matchLabels: {{app: vault}}}},
   template: {{metadata: {{labels: {{app: vault}}}}, spec: {{{more} terminationGracePeriodSeconds: 1, containers: [
     {{name: main, image: "weather:1", args: [store], volumeMounts: [{{name: {claim}, mountPath: {mount}}}]}}]}}}},
   volumeClaimTemplates: [{{metadata: {{name: {claim}}},
    spec: {{{storage} accessModes: [ReadWriteOnce], resources: {{requests: {{storage: {size}}}}}}}}}]}}
""")


SERVICE = "kubectl create service clusterip vault --tcp=8000\n"

RIGHT = {
    "1 YAML, on failure": ("ex-09-1", census().replace("Never", "OnFailure") + DONE.format("census")),
    "1 sidecars": (
        "ex-09-1",
        census(pod=f"{SIDECARS} terminationGracePeriodSeconds: 1,") + DONE.format("census"),  # `sleep` heeds no signal
    ),
    "1 a helper first": (
        "ex-09-1",
        census().replace("containers: [", f"containers: [{HELPER.replace('sleep', 'true')}, ") + DONE.format("census"),
    ),
    "1 generated, server-side": ("ex-09-1", GENERATED + DONE.format("census")),
    "2 YAML": ("ex-09-2", STATIONS + REPORT),
    "2 by effect, a sidecar, other words": (
        "ex-09-2",
        thermometer(BY_EFFECT + SIDECARS) + READY + OTHERWISE + NOW + DONE.format("report-now"),
    ),
    "2 a helper first, server-side": (
        "ex-09-2",
        thermometer().replace("containers: [", f"containers: [{HELPER}, ") + READY + BY_SERVER,
    ),
    "3 YAML": ("ex-09-3", REMOVED + vault() + ALL_READY + FILLED),
    "3 in parallel, a class, a sidecar": (
        "ex-09-3",
        REMOVED
        + vault(
            storage="storageClassName: local-path,", spec="podManagementPolicy: Parallel,", more=SIDECARS, claim="box"
        )
        + ALL_READY
        + FILLED,
    ),
    "3 repaired in two steps": (
        "ex-09-3",
        """
kubectl patch statefulset vault --type=json -p '[
  {"op": "replace", "path": "/spec/template/spec/containers/0/volumeMounts/0/mountPath", "value": "/data/"}]'
kubectl get statefulset vault -o yaml | sed 's/: vaults/: vault/; s/: fast/: local-path/' > /tmp/labs-09-vault.yaml
"""
        + REMOVED
        + "kubectl replace --force -f /tmp/labs-09-vault.yaml\nrm /tmp/labs-09-vault.yaml\n"
        + ALL_READY
        + FILLED,
    ),
}

WRONG = {
    "1 nothing": ("ex-09-1", "true", "a Job census in the namespace lab-09|none"),
    "1 only generated": (
        "ex-09-1",
        "kubectl create job census --image=labs/shell:1 -- date",
        "completions: 5 in the spec of census itself|completions: 1|cannot be changed",
    ),
    "1 one at a time": ("ex-09-1", census(without("parallelism")), "parallelism: 2|parallelism: 1"),
    "1 not indexed": (
        "ex-09-1",
        census(without("completionMode")),
        "an indexed Job census|completionMode: NonIndexed",
    ),
    "1 default limit": ("ex-09-1", census(without("backoffLimit")), "backoffLimit: 3|backoffLimit: 6"),
    "1 deadline of the pod": (
        "ex-09-1",
        census(without("activeDeadlineSeconds"), pod="activeDeadlineSeconds: 60,"),
        "activeDeadlineSeconds: 60|no activeDeadlineSeconds there",
    ),
    "1 stays": ("ex-09-1", census(without("ttl")), "ttlSecondsAfterFinished: 3600|no ttlSecondsAfterFinished there"),
    "1 another image": (
        "ex-09-1",
        census(image="labs/web:1") + DONE.format("census"),
        "the Job census with the image labs/shell:1|labs/web:1|make it again",
    ),
    "1 without a shell": (
        "ex-09-1",
        census(command='[echo, "station $JOB_COMPLETION_INDEX"]') + DONE.format("census"),
        "station 0 to station 4|station $JOB_COMPLETION_INDEX|Only a shell",
    ),
    "1 from one": (
        "ex-09-1",
        census(command='[sh, -c, "echo station $((JOB_COMPLETION_INDEX + 1))"]') + DONE.format("census"),
        "station 0 to station 4|station 1, station 2",
    ),
    "1 fails": (
        "ex-09-1",
        census(command='[sh, -c, "exit 7"]'),
        "the Job census complete|main ended with status 7|kubectl logs -l job-name=census",
    ),
    "1 suspended": (
        "ex-09-1",
        census(f"{FIELDS}, suspend: true"),
        "the Job census complete|suspended; 0 pods active",
    ),
    "1 a helper that goes on": (
        "ex-09-1",
        census().replace("containers: [", f"containers: [{HELPER}, "),
        "the Job census complete|2 pods active",
    ),
    "2 nothing": ("ex-09-2", "true", "a DaemonSet thermometer in the namespace lab-09|none"),
    "2 a Deployment": (
        "ex-09-2",
        "kubectl create deployment thermometer --image=weather:1",
        "a DaemonSet thermometer in the namespace lab-09|none",
    ),
    "2 the front": ("ex-09-2", thermometer(args="[front]"), "to run the producer|['front']"),
    "2 no tolerations": ("ex-09-2", thermometer(""), "that tolerate every taint|its template tolerates: none"),
    "2 one taint": (
        "ex-09-2",
        thermometer("tolerations: [{key: node-role.kubernetes.io/control-plane, operator: Exists}],"),
        "that tolerate every taint|node-role.kubernetes.io/control-plane Exists any effect",
    ),
    "2 one effect": (
        "ex-09-2",
        thermometer("tolerations: [{operator: Exists, effect: NoSchedule}],"),
        "that tolerate every taint|any key Exists NoSchedule",
    ),
    "2 no node": (
        "ex-09-2",
        thermometer("tolerations: [{operator: Exists}], nodeSelector: {place: outside},"),
        "a ready pod of thermometer on each node|on none|nodeSelector",
    ),
    "2 no such image": (
        "ex-09-2",
        thermometer().replace("weather:1", "weather:9"),
        "the DaemonSet thermometer with the image weather:1|weather:9",
    ),
    "2 a name typed in": (
        "ex-09-2",
        thermometer(station="value: node") + READY,
        "STATION to be the name of its node|STATION=node|fieldRef",
    ),
    "2 the pod's name": (
        "ex-09-2",
        thermometer(station="valueFrom: {fieldRef: {fieldPath: metadata.name}}") + READY,
        "STATION to be the name of its node|STATION=thermometer-",
    ),
    "2 no CronJob": ("ex-09-2", STATIONS, "a CronJob report in the namespace lab-09|none"),
    "2 minute and hour": (
        "ex-09-2",
        STATIONS + report(CLOCK.replace("30 2", "2 3")) + NOW,
        "at 02:30 each day|schedule: 2 3 * * *|minute, hour",
    ),
    "2 on Sundays": (
        "ex-09-2",
        STATIONS + report(CLOCK.replace("* * *", "* * 0")),
        "at 02:30 each day|schedule: 30 2 * * 0",
    ),
    "2 no zone": (
        "ex-09-2",
        STATIONS + report(CLOCK.replace("timeZone: Europe/Berlin, ", "")),
        "the time zone Europe/Berlin|no timeZone",
    ),
    "2 another zone": (
        "ex-09-2",
        STATIONS + report(CLOCK.replace("Berlin", "London")),
        "the time zone Europe/Berlin|timeZone: Europe/London",
    ),
    "2 replaced": (
        "ex-09-2",
        STATIONS + report(CLOCK.replace("Forbid", "Replace")),
        "concurrencyPolicy: Forbid|concurrencyPolicy: Replace",
    ),
    "2 history": (
        "ex-09-2",
        STATIONS + report(CLOCK.replace("Limit: 4", "Limit: 1")),
        "failedJobsHistoryLimit: 4|failedJobsHistoryLimit: 1",
    ),
    "2 suspended": ("ex-09-2", STATIONS + report(f"{CLOCK}, suspend: true"), "that makes Jobs|it is suspended"),
    "2 Jobs suspended": ("ex-09-2", STATIONS + report(job="suspend: true,"), "that makes Jobs|it is suspended"),
    "2 another address": (
        "ex-09-2",
        STATIONS + report(command="[wget, -qO-, 'store:8000/means']"),
        "the CronJob report to run `wget -qO- store:8000/readings`|store:8000/means",
    ),
    "2 no Job": ("ex-09-2", STATIONS + report(), "a Job report-now in the namespace lab-09|none|made from a CronJob"),
    "2 not from it": (
        "ex-09-2",
        STATIONS + report() + "kubectl create job report-now --image=labs/shell:1 -- wget -qO- store:8000/readings",
        "owned by the CronJob report|owned by nobody",
    ),
    "2 the Job fails": (
        "ex-09-2",
        STATIONS
        + report(command="[wget, -qO-, '-T1', 'store:8000/readings', '-O/none/x']", job="backoffLimit: 0,")
        + NOW,
        "the Job report-now complete|failed",
    ),
    "3 nothing": ("ex-09-3", "true", "claims of the class local-path|by the template data of the class fast"),
    "3 claims left": (
        "ex-09-3",
        "kubectl delete statefulset vault\n" + vault(),
        "claims of the class local-path|the claim data-vault-0 of the class fast|stay when their StatefulSet goes",
    ),
    "3 the wrong name": (
        "ex-09-3",
        REMOVED + vault(name="vaults") + ALL_READY,
        "to answer at vault-0.vault:8000|serviceName is vaults|cannot be changed",
    ),
    "3 the Service renamed": (
        "ex-09-3",
        REMOVED
        + vault(name="vaults")
        + ALL_READY
        + "kubectl delete service vault\nkubectl create service clusterip vaults --clusterip=None --tcp=8000\n",
        "the Service vault in the namespace lab-09|none|The three cells above",
    ),
    "3 the Service with an address": (
        "ex-09-3",
        "kubectl delete service vault\n" + SERVICE + REMOVED + vault() + ALL_READY,
        "the Service vault as it was|spec.clusterIP",
    ),
    "3 mount left": (
        "ex-09-3",
        REMOVED + vault(mount="/date") + ALL_READY + FILLED,
        "mounted at /data in the pod vault-0, container main|data is mounted at /date",
    ),
    "3 an emptyDir": (
        "ex-09-3",
        REMOVED
        + vault(mount="/other}, {name: e, mountPath: /data", more="volumes: [{name: e, emptyDir: {}}],")
        + ALL_READY
        + FILLED,
        "the claim of vault-0 at /data|the volume e, which is no claim",
    ),
    "3 one store": ("ex-09-3", REMOVED + vault(replicas=1), "replicas: 2|replicas: 1"),
    "3 bigger": ("ex-09-3", REMOVED + vault(size="50Mi"), "claims that ask for 20Mi|50Mi"),
    "3 not filled": (
        "ex-09-3",
        REMOVED + vault() + ALL_READY,
        "the Job fill complete|Failed: BackoffLimitExceeded|kubectl logs -l job-name=fill",
    ),
    "3 emptied": (
        "ex-09-3",
        REMOVED + vault() + ALL_READY + FILLED + "kubectl exec vault-1 -- rm /data/readings",
        "the reading 31.5 in vault-1|none|make the Job again",
    ),
    "3 class that is not there": (
        "ex-09-3",
        REMOVED + vault(storage="storageClassName: '',"),
        "claims of the class local-path|of the class that has no name",
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
