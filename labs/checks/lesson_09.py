"""Checks of lesson 09: Jobs, CronJobs, DaemonSets and StatefulSets."""

from __future__ import annotations

from typing import Any

from labs.checks.context import CheckContext
from labs.checks.core import check, clients, expect, settle
from labs.checks.facts import Free, Kept, Stated, states
from labs.checks.readers.as_made import expect_as_made
from labs.checks.readers.containers import Program, container_of, runs
from labs.checks.readers.jobs import cron_job, expect_complete, expect_field, job, logs_of
from labs.checks.readers.namespaces import here
from labs.checks.readers.ownership import is_owned_by
from labs.checks.readers.pod_containers import run_in
from labs.checks.readers.pods import is_ready, reasons
from labs.checks.readers.schedules import times_of
from labs.checks.readers.stated import expect_container
from labs.checks.readers.stateful_sets import expect_all_ready, expect_claims, expect_own_claim, pods_by_number
from labs.checks.readers.workloads import expect_image, expect_replicas, name_of, pods_of

CENSUS = Program("labs/shell:1", "echo")
PRODUCER, STORE = Program("weather:1", "producer"), Program("weather:1", "store")
REPORT = Program("labs/shell:1", "wget")
FILL = Program("labs/shell:1")
STATIONS, COPIES = 5, 2
DATA, SIZE = "/data", "20Mi"
EDIT = "`kubectl edit cronjob report`; `kubectl explain cronjob.spec` has the names of the fields."
MADE = "The three cells above the exercise make it."
VAULT = {  # the Service, as the setup makes it
    "kind": "Service",
    "metadata": {"name": "vault", "labels": {"app": "vault"}},
    "spec": {
        "clusterIP": "None",
        "selector": {"app": "vault"},
        "ports": [{"name": "8000", "port": 8000, "protocol": "TCP", "targetPort": 8000}],
    },
}


@states(
    Stated("Job", "census"),
    Stated("Job", "census", "containers.image", "labs/shell:1"),
    Stated("Job", "census", "spec.completions", STATIONS, (4, 6), "five"),
    Stated("Job", "census", "spec.parallelism", 2, (1, 5), "two at a time"),
    Stated("Job", "census", "spec.completionMode", "Indexed", ("NonIndexed",), "indexed"),
    Stated("Job", "census", "spec.backoffLimit", 3, (6, 0)),
    Stated("Job", "census", "spec.activeDeadlineSeconds", 60, (600,)),
    Stated("Job", "census", "spec.ttlSecondsAfterFinished", 3600, (60,)),
)
@check(
    "ex-09-1",
    title="Five stations visited by an indexed Job, two at a time",
    covers=("D1.2",),
    why="Each pod had its own number, and the Job counts numbers that ended well, not pods.",
)
def check_census_complete(lab: CheckContext) -> None:
    census = job(lab, "census")
    expect_image(census, CENSUS.image, "A Job's template cannot be changed: delete the Job, and make it again.")
    expect_field(census, "completions", STATIONS)
    expect_field(census, "parallelism", 2, "`kubectl explain job.spec.parallelism`; this field may be changed later.")
    mode = census.spec.completion_mode or "NonIndexed"
    expect(
        mode == "Indexed",
        expected="an indexed Job census, whose pods have a number each",
        observed=f"completionMode: {mode}",
        try_="`kubectl explain job.spec.completionMode`; it cannot be changed, so the Job is made again.",
    )
    for field, limit in (("backoffLimit", 3), ("activeDeadlineSeconds", 60), ("ttlSecondsAfterFinished", 3600)):
        expect_field(census, field, limit)
    census = expect_complete(lab, "census")
    wanted = [f"station {number}" for number in range(STATIONS)]
    said = sorted(line for text in logs_of(lab, census, CENSUS) for line in text.splitlines())
    expect(
        set(wanted) <= set(said),
        expected=f"{wanted[0]} to {wanted[-1]} in the logs of the Job census",
        observed=", ".join(said)[:120] or "nothing",
        try_="`kubectl logs -l job-name=census` shows them. Only a shell fills in a variable: `sh -c '...'`.",
    )


@states(
    Stated("DaemonSet", "thermometer"),
    Stated("DaemonSet", "thermometer", "containers.image", "weather:1"),
    Stated("DaemonSet", "thermometer", "containers.args", "producer", ("worker",)),
    Stated("DaemonSet", "thermometer", "tolerations.operator", "Exists", text="whatever taints"),
    Stated("DaemonSet", "thermometer", "fieldRef.fieldPath", "spec.nodeName", ("metadata.name",), "name of"),
    Stated("CronJob", "report"),
    Stated("CronJob", "report", "containers.image", "labs/shell:1"),
    Stated("CronJob", "report", "spec.schedule", "30 2 * * *", ("30 14 * * *", "30 2 * * 1"), "02:30"),
    Stated("CronJob", "report", "spec.timeZone", "Europe/Berlin", ("Europe/London", "Etc/UTC")),
    Stated("CronJob", "report", "spec.concurrencyPolicy", "Forbid", ("Allow", "Replace"), "is left out"),
    Stated("CronJob", "report", "spec.successfulJobsHistoryLimit", 2, (3, 1)),
    Stated("CronJob", "report", "spec.failedJobsHistoryLimit", 4, (1, 3)),
    Stated("CronJob", "report", "spec.suspend", False, (True,), "nothing is suspended"),
    Stated("Job", "report-now"),
    Free("CronJob", "report", "spec.startingDeadlineSeconds", 300),
)
@check(
    "ex-09-2",
    title="A thermometer on every node, a report each night, and one now",
    covers=("D1.2",),
    why="The nodes are the DaemonSet's number, and a toleration of everything lets none object; the Job by hand came "
    "from the same template as those of the nights to come.",
)
def check_nights_planned(lab: CheckContext) -> None:
    _expect_on_every_node(lab)
    report = cron_job(lab, "report")
    _expect_by_the_clock(report)
    template = report.spec.job_template
    expect_container(
        container_of(template, REPORT),
        "the CronJob report",
        image=REPORT.image,
        runs="wget -qO- store:8000/readings",
        pattern=r"wget .*\bstore(\.\S+)?:8000/readings\b",
    )
    now = job(lab, "report-now", "`kubectl create job --help` has an example of a Job made from a CronJob.")
    expect(
        is_owned_by(now, {report.metadata.uid}),
        expected="a Job report-now that is owned by the CronJob report, since it was made from it",
        observed=_owners(now),
        try_="`kubectl create job --help`; a Job that is there already must be deleted first.",
    )
    expect_complete(lab, "report-now")


@states(
    Stated("StatefulSet", "vault"),
    Stated("StatefulSet", "vault", "spec.serviceName", "vault", ("vaults",), ""),
    Stated("StatefulSet", "vault", "spec.replicas", COPIES, (1, 3)),
    Stated("StatefulSet", "vault", "volumeMounts.mountPath", DATA, ("/date",)),
    Stated("StatefulSet", "vault", "requests.storage", SIZE, ("50Mi", "10Mi")),
    Stated("Job", "fill"),
    Kept("Service", "vault", {"spec": {"selector": {"app": "vaults"}}}),
)
@check(
    "ex-09-3",
    title="The vault, repaired and filled",
    covers=("D1.2", "D1.4", "D3.5"),
    why="The claims are of a class that exists, the Service gives each pod its name, and the mount is where the store "
    "writes; the Job was made again.",
    symptom="fill is not complete, or a store of the vault does not keep its reading on a claim of its own",
)
def check_vault_repaired(lab: CheckContext) -> None:
    vault = here(lab, "stateful_set", "vault", api="apps", called="a StatefulSet vault", try_=MADE)
    expect_image(vault, STORE.image)
    expect_replicas(vault, COPIES)
    expect_as_made(lab, VAULT, f"It was to stay as it is. {MADE}")
    expect_claims(lab, vault, COPIES, SIZE)
    expect_all_ready(lab, vault, COPIES)
    _expect_names(lab, vault)
    for pod in pods_by_number(lab, vault):
        expect_own_claim(pod, DATA, STORE)
    fill = expect_complete(lab, "fill", MADE)
    expect_image(fill, FILL.image)
    for number, pod in enumerate(pods_by_number(lab, vault)):
        _expect_reading(lab, pod, f"3{number}.5")


def _expect_on_every_node(lab: CheckContext) -> None:
    name = "thermometer"
    try_ = f"`kubectl get daemonsets -n {lab.namespace}` lists yours."
    item = here(lab, "daemon_set", name, api="apps", called=f"a DaemonSet {name}", try_=try_)
    expect_image(item, PRODUCER.image)
    container = container_of(item, PRODUCER)
    expect(
        runs(container, PRODUCER),
        expected=f"the container of {name} to run the producer",
        observed=f"args: {container.args or 'none'}, command: {container.command or 'none'}",
        try_="`args` says which of the image's programs runs.",
    )
    expect(
        _tolerates_all(item.spec.template.spec.tolerations or []),
        expected=f"pods of {name} that tolerate every taint",
        observed=_tolerations(item.spec.template.spec.tolerations or []),
        try_="`kubectl explain daemonset.spec.template.spec.tolerations.operator`; what is left empty matches all.",
    )
    nodes = [name_of(node) for node in clients(lab).core.list_node().items]

    def state() -> dict[str, Any]:
        pods = pods_of(lab, item)
        ready = {pod.spec.node_name: pod for pod in pods if is_ready(pod)}
        expect(
            set(nodes) <= ready.keys(),
            expected=f"a ready pod of {name} on each node: {', '.join(nodes)}",
            observed=f"on {', '.join(sorted(ready)) or 'none'}{reasons(pods)}",
            try_=f"`kubectl get daemonset {name}`: compare DESIRED with the number of nodes; a nodeSelector may leave "
            "some out.",
        )
        return ready

    for node, pod in settle(state).items():
        seen = run_in(lab, name_of(pod), container_of(pod, PRODUCER).name, "echo $STATION")
        expect(
            seen == node,
            expected=f"STATION to be the name of its node, {node}, in the pod {name_of(pod)}",
            observed=f"STATION={seen}" if seen else "no STATION",
            try_="`kubectl explain pod.spec.containers.env.valueFrom.fieldRef`; section 6 has it.",
        )


def _tolerates_all(tolerations: list[Any]) -> bool:
    """Whether any taint of a person's is tolerated: without a key, for both effects that keep a pod away or end it."""
    general = [t for t in tolerations if not t.key and t.operator == "Exists" and t.toleration_seconds is None]
    effects = {t.effect for t in general}
    return None in effects or {"NoSchedule", "NoExecute"} <= effects


def _tolerations(tolerations: list[Any]) -> str:
    described = [f"{t.key or 'any key'} {t.operator or 'Equal'} {t.effect or 'any effect'}" for t in tolerations]
    return f"its template tolerates: {'; '.join(described) or 'none'}"


def _expect_by_the_clock(report: Any) -> None:
    expect(
        times_of(report.spec.schedule) == times_of("30 2 * * *"),
        expected="the CronJob report to run at 02:30 each day",
        observed=f"schedule: {report.spec.schedule}",
        try_="The five fields are minute, hour, day, month, weekday.",
    )
    expect(
        report.spec.time_zone == "Europe/Berlin",
        expected="the schedule in the time zone Europe/Berlin",
        observed=f"timeZone: {report.spec.time_zone}" if report.spec.time_zone else "no timeZone",
        try_=EDIT,
    )
    expect_field(report, "concurrencyPolicy", "Forbid", EDIT)
    expect_field(report, "successfulJobsHistoryLimit", 2, EDIT)
    expect_field(report, "failedJobsHistoryLimit", 4, EDIT)
    expect(
        not report.spec.suspend and not report.spec.job_template.spec.suspend,
        expected="a CronJob report that makes Jobs",
        observed="it is suspended",
        try_=EDIT,
    )


def _owners(item: Any) -> str:
    owners = [f"{owner.kind} {owner.name}" for owner in item.metadata.owner_references or []]
    return f"owned by {' and '.join(owners) or 'nobody'}"


def _expect_names(lab: CheckContext, vault: Any) -> None:
    """Each pod answers at its name in DNS."""
    asking = pods_by_number(lab, vault)[0]
    container = container_of(asking, STORE).name

    def state() -> bool:
        for number in range(COPIES):
            host = f"vault-{number}.vault"
            seen = run_in(lab, name_of(asking), container, f"timeout 3 wget -qO- http://{host}:8000/hostname")
            expect(
                seen == f"vault-{number}",
                expected=f"the pod vault-{number} to answer at {host}:8000",
                observed=f"no such answer; serviceName is {vault.spec.service_name}, and the Service here is vault",
                try_="`kubectl explain statefulset.spec.serviceName`; it cannot be changed; make the set again.",
            )
        return True

    settle(state)


def _expect_reading(lab: CheckContext, pod: Any, wanted: str) -> None:
    container = container_of(pod, STORE).name
    seen = run_in(lab, name_of(pod), container, "timeout 3 wget -qO- localhost:8000/readings").split()
    expect(
        wanted in seen,
        expected=f"the reading {wanted} in {name_of(pod)}",
        observed=", ".join(seen[:5]) or "none",
        try_="The Job `fill` sends it: make the Job again, when the stores answer.",
    )
