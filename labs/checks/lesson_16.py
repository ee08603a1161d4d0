"""Checks of lesson 16, kinds and operators: objects are offered to the API server, and stations to the operator."""

from __future__ import annotations

import json
import subprocess
from typing import Any

from labs.checks.context import CheckContext
from labs.checks.core import check, expect, settle
from labs.checks.facts import Free, Stated, states
from labs.checks.readers.kinds import Kind, definition
from labs.checks.readers.manifests import declared_in, expect_reached, objects_of, run_kubectl
from labs.checks.readers.operators import Follower, expect_operator, expect_right, expect_wrong
from labs.checks.readers.schedules import times_of

ALARM = {"station": "probe", "above": 30}
RULE = "below must be less than above"
SCHEMA = "`kubectl get crd stations.{} -o yaml` has a schema that works; compare the indentation."


@states(
    Stated("CustomResourceDefinition", "alarms", "names.kind", "Alarm"),
    Stated("CustomResourceDefinition", "alarms", "names.shortNames", "alm"),
    Stated("CustomResourceDefinition", "alarms", "default", "warning"),
    Stated("CustomResourceDefinition", "alarms", "message", RULE),
)
@check(
    "ex-16-1",
    title="A kind of your own, with rules",
    covers=("D4.1",),
    why="The schema is asked whenever an alarm is stored: it refuses, fills in the default, and drops what it does not "
    "know.",
)
def check_alarms_defined(lab: CheckContext) -> None:
    group = _group(lab)
    _expect_names(definition(lab, "alarms", group), group)
    alarms = Kind(lab, group, "alarms", "Alarm")
    _expect_taken(alarms, ALARM, "an alarm without below", **ALARM, level="warning")
    most = {**ALARM, "below": 10, "level": "page"}
    _expect_taken(alarms, most, "an alarm with all four fields", **most)
    for spec, what in (
        ({"above": 30}, "an alarm without station"),
        ({"station": "probe"}, "an alarm without above"),
        ({**ALARM, "station": 7}, "an alarm whose station is a number"),
        ({**ALARM, "above": "high"}, "an alarm with above: high"),
        ({**ALARM, "above": 30.5}, "an alarm with above: 30.5"),
        ({**ALARM, "level": "loud"}, "an alarm with level: loud"),
    ):
        _expect_refused(alarms, spec, what)
    for below in (30, 40):
        said = _expect_refused(alarms, {**ALARM, "below": below}, f"an alarm above 30 and below {below}")
        expect(
            RULE in said,
            expected=f"the refusal to say: {RULE}",
            observed=said,
            try_="A rule in CEL brings its own `message`.",
        )
    with alarms.probe(ALARM) as name:
        _expect_status(alarms, name)
        _expect_column(alarms, name)


@states(
    Stated("Deployment", "board", "spec.selector.matchLabels.app", "board"),
    Stated("Ingress", "board", "rules.host", "board.localhost"),
    Stated("Ingress", "board", "paths.path", "/today"),
    Stated("HorizontalPodAutoscaler", "board"),
    Stated("CronJob", "report"),
    Stated("Station", "beach", "spec.place", "East Beach"),
    Free("CronJob", "report", "spec.successfulJobsHistoryLimit", 1),
)
@check(
    "ex-16-2",
    title="Old manifests, in versions of today",
    covers=("D3.1",),
    why="A kind is served by the groups and versions that `api-resources` lists, and each has its own fields.",
)
def check_manifests_current(lab: CheckContext) -> None:
    path, group = lab.folder / "current.yaml", _group(lab)
    declared = expect(
        declared_in(lab, path),
        expected="objects in current.yaml",
        observed="none",
        try_="`old.yaml` beside it has four.",
    )
    done = run_kubectl(lab, "apply", "--dry-run=server", "-o=json", f"-f={path}")
    if done.returncode:
        expect_reached(lab, done.stderr)
    _expect_no_complaint(done)
    would = {(item["kind"], item["metadata"]["name"]): item for item in objects_of(done.stdout)}
    for kind, name, reader, facts in (
        ("Deployment", "board", Kind(lab, "apps", "deployments", "Deployment"), _deployment),
        ("Ingress", "board", Kind(lab, "networking.k8s.io", "ingresses", "Ingress"), _ingress),
        (
            "HorizontalPodAutoscaler",
            "board",
            Kind(lab, "autoscaling", "horizontalpodautoscalers", "HorizontalPodAutoscaler", "v2"),
            _autoscaler,
        ),
        ("CronJob", "report", Kind(lab, "batch", "cronjobs", "CronJob"), _cron_job),
        ("Station", "beach", Kind(lab, group, "stations", "Station"), _station),
    ):
        item = would.get((kind, name))
        here = ", ".join(sorted(f"{k} {n}" for k, n in would)) or "nothing"
        asked = expect(
            item,
            expected=f"a {kind} {name} in current.yaml",
            observed=f"it has {here}",
            try_="Two objects in a file are separated by a line `---`.",
        )
        facts(asked, "in current.yaml")
        facts(reader.named(name), "in the cluster")
    _expect_replicas(lab, declared["Deployment board"])


@states(
    Stated("Deployment", "station-operator"),
    Stated("Deployment", "station-NAME", is_name_stated=False),
)
@check(
    "ex-16-3",
    title="An operator that makes, follows, heals and lets go",
    covers=("D4.1",),
    why="Its Role lets it apply Deployments, it reads the field that the schema has, and owner references clean up.",
    symptom="a station that this check made, changed and deleted did not get what it should",
)
def check_operator_reconciles(lab: CheckContext) -> None:
    group = _group(lab)
    definition(lab, "stations", group)
    account = expect_operator(lab, "station-operator")
    stations = Kind(lab, group, "stations", "Station")
    spec = {"place": "Probe Hill", "sensors": 2, "unit": "fahrenheit", "interval": 7}
    with Follower(lab, stations, "station-operator").following(spec) as follower:
        follower.expect_child(replicas=2, STATION="Probe Hill", UNIT="fahrenheit", INTERVAL="7")
        follower.expect_status(ready=2)
        follower.change({"sensors": 1, "interval": 9})
        follower.expect_child(replicas=1, STATION="Probe Hill", UNIT="fahrenheit", INTERVAL="9")
        follower.expect_healed()
        follower.expect_gone()
    expect_wrong(lab, account, "get", "secrets", "may read Secrets")
    expect_wrong(lab, account, "create", "pods", "may make pods")
    expect_right(lab, account, "patch", "deployments", "apps")


def _group(lab: CheckContext) -> str:
    return f"{lab.namespace}.weather.example"


# Exercise 1
def _expect_names(item: Any, group: str) -> None:
    names = item.spec.names
    look = "`kubectl explain crd.spec.names`; a kind and a scope can only be set when a definition is made."
    expect(names.kind == "Alarm", expected="the kind Alarm", observed=f"the kind {names.kind}", try_=look)
    expect(
        item.spec.scope == "Namespaced",
        expected="alarms that lie in namespaces (scope: Namespaced)",
        observed=f"scope: {item.spec.scope}",
        try_=look,
    )
    expect(
        "alm" in (names.short_names or []),
        expected="the short name alm",
        observed=", ".join(names.short_names or []) or "no short name",
        try_="`shortNames` is a list.",
    )
    served = [version.name for version in item.spec.versions if version.served]
    expect(
        "v1" in served,
        expected=f"the version v1 of alarms.{group}, served",
        observed=f"served: {', '.join(served) or 'none'}",
        try_="`kubectl explain crd.spec.versions`",
    )


def _expect_taken(alarms: Kind, spec: dict[str, Any], what: str, **kept: Any) -> None:
    def state() -> bool:
        made, said = alarms.asked(spec)
        expect(
            not said,
            expected=f"{what} to be taken: {json.dumps(spec)}",
            observed=f"it is refused: {said}",
            try_="May the rule be asked when below is not there? `has(self.below)` says whether it is.",
        )
        stored = made.get("spec") or {}
        for field, value in kept.items():
            default = field not in spec
            where = "its `default` stands" if default else "the field stands"
            told = "is not filled in" if default else "is dropped"
            expect(
                stored.get(field) == value,
                expected=f"{field}: {value} in {what}",
                observed=f"spec.{field} {told}" if field not in stored else f"{field}: {stored[field]}",
                try_=f"In the schema {where} below `spec.properties`. {SCHEMA.format(alarms.group)}",
            )
        return True

    settle(state)


def _expect_refused(alarms: Kind, spec: dict[str, Any], what: str) -> str:
    _, said = alarms.asked(spec)
    return expect(
        said,
        expected=f"{what} to be refused",
        observed=f"it is taken: {json.dumps(spec)}",
        try_="`type`, `required`, `enum` and rules stand in the schema of `spec`: beside its `properties`, or in them.",
    )


def _expect_status(alarms: Kind, name: str) -> None:
    apart = "`subresources: {status: {}}` stands in the version, beside its `schema`."
    after = alarms.patch_status(name, {"firing": True})
    expect(
        after is not None,
        expected="a status that is written apart",
        observed="alarms have no subresource status",
        try_=apart,
    )
    expect(
        (after or {}).get("status", {}).get("firing") is True,
        expected="a status with firing: true to be kept",
        observed="status.firing is dropped",
        try_="The schema needs `status` beside `spec`, with a boolean `firing`.",
    )
    try:
        wrong = alarms.patch_status(name, {"firing": "yes"})
    except Exception as error:
        if getattr(error, "status", 0) not in {400, 422}:
            raise
    else:
        expect(
            (wrong or {}).get("status", {}).get("firing") != "yes",
            expected="a boolean firing in the status",
            observed="firing: yes, a text, is taken",
            try_="`type: boolean`",
        )


def _expect_column(alarms: Kind, name: str) -> None:
    seen = alarms.shown(name)
    look = "`kubectl get alarms`, and `additionalPrinterColumns` in the version."
    expect(
        "ABOVE" in seen,
        expected="a column ABOVE in `kubectl get alarms`",
        observed=f"the columns {', '.join(seen)}",
        try_=look,
    )
    expect(
        seen["ABOVE"] == "30",
        expected="the number above in the column ABOVE",
        observed=f"the column ABOVE shows {seen['ABOVE'] or 'nothing'} for an alarm above 30",
        try_=f"A jsonPath begins at the object, with a dot: what leads to the number? {look}",
    )


# Exercise 2
def _expect_no_complaint(done: subprocess.CompletedProcess[str]) -> None:
    expect(
        not done.returncode,
        expected="objects in current.yaml that the API server takes",
        observed=f"it says: {done.stderr.strip()[-400:]}",
        try_="Go to the place it names. `kubectl explain` shows the fields of the version that you chose.",
    )
    old = [line.strip() for line in done.stderr.splitlines() if "deprecated" in line]
    expect(
        not old,
        expected="versions that are not deprecated",
        observed=" ".join(old)[:300],
        try_="The warning names the version to use; `kubectl api-versions` lists those that are served.",
    )


def _same(seen: Any, wanted: Any, what: str, where: str, try_: str = "") -> None:
    expect(
        seen == wanted,
        expected=f"{what}: {wanted} {where}",
        observed=f"{what}: {seen if seen is not None else 'none'}",
        try_=try_ or "`old.yaml` says what it should be; `kubectl explain` where it belongs today.",
    )


def _container(spec: dict[str, Any], image: str, what: str, where: str) -> None:
    images = [c.get("image") for c in spec["containers"]]
    expect(image in images, expected=f"the image {image} of {what} {where}", observed=", ".join(images), try_="")


def _deployment(item: dict[str, Any], where: str) -> None:
    spec = item["spec"]
    _same(spec["template"]["metadata"].get("labels", {}).get("app"), "board", "the pods' label app", where)
    _container(spec["template"]["spec"], "labs/web:1", "board", where)


def _expect_replicas(lab: CheckContext, declared: dict[str, Any]) -> None:
    """Two pods, or as many as the autoscaler likes; a file may also leave the number to it."""
    stated = declared["spec"].get("replicas")
    _same(2 if stated is None else stated, 2, "replicas of board", "in current.yaml")

    def state() -> bool:
        count = Kind(lab, "apps", "deployments", "Deployment").named("board")["spec"].get("replicas", 1)
        return expect(
            2 <= count <= 4,
            expected="replicas: 2 of board in the cluster",
            observed=f"replicas: {count}",
            try_="The autoscaler looks every fifteen seconds; `kubectl describe hpa board` shows what it says.",
        )

    settle(state, timeout=40 if stated is None else None)


def _ingress(item: dict[str, Any], where: str) -> None:
    entries = [
        (rule.get("host"), path.get("path"), path.get("pathType"), path["backend"].get("service") or {})
        for rule in item["spec"].get("rules") or []
        for path in (rule.get("http") or {}).get("paths") or []
    ]
    mine = [entry for entry in entries if entry[:2] in {("board.localhost", "/today"), ("board.localhost", "/today/")}]
    seen = "; ".join(f"{host}{path}" for host, path, *_ in entries) or "no rule"
    expect(mine, expected=f"a rule for board.localhost and /today {where}", observed=seen, try_="")
    kind, service = mine[0][2:]
    expect(
        kind != "Exact",
        expected=f"/today and all below it, {where}",
        observed=f"pathType: {kind}",
        try_="What did a path mean when there was no `pathType`? The brief says: all below it, too.",
    )
    _same(service.get("name"), "board", "the Service behind /today", where)
    _same((service.get("port") or {}).get("number"), 8080, "the port behind /today", where)


def _autoscaler(item: dict[str, Any], where: str) -> None:
    spec, target = item["spec"], item["spec"]["scaleTargetRef"]
    expect(
        (target.get("apiVersion"), target.get("kind"), target.get("name")) == ("apps/v1", "Deployment", "board"),
        expected=f"scaleTargetRef of apps/v1, Deployment, board {where}",
        observed=", ".join(str(target.get(key)) for key in ("apiVersion", "kind", "name")),
        try_="The reference has an apiVersion, too, and nobody checks it when it is stored.",
    )
    _same(spec.get("minReplicas", 1), 2, "minReplicas of board", where)
    _same(spec.get("maxReplicas"), 4, "maxReplicas of board", where)
    found = spec.get("targetCPUUtilizationPercentage")  # autoscaling/v1
    for metric in spec.get("metrics") or []:
        resource = metric.get("resource") or {}
        if resource.get("name") == "cpu":
            found = (resource.get("target") or {}).get("averageUtilization")
    _same(found, 70, "the CPU's averageUtilization of board", where)


def _cron_job(item: dict[str, Any], where: str) -> None:
    spec = item["spec"]
    expect(
        times_of(spec.get("schedule", "")) == times_of("0 6 * * *"),
        expected=f"the schedule `0 6 * * *` of report {where}",
        observed=f"`{spec.get('schedule')}`",
        try_="The five fields are minute, hour, day, month, weekday.",
    )
    _same(bool(spec.get("suspend")), False, "suspend of report", where)
    _container(spec["jobTemplate"]["spec"]["template"]["spec"], "labs/shell:1", "report", where)


def _station(item: dict[str, Any], where: str) -> None:
    _same((item.get("spec") or {}).get("place"), "East Beach", "the place of beach", where, "A place has a name.")
