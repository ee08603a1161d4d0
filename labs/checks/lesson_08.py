"""Checks of lesson 08, the exam."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

from labs.checks.context import CheckContext, ScopedContext
from labs.checks.core import check, clients, expect, found, settle
from labs.checks.facts import Kept, Stated, states
from labs.checks.readers.as_made import expect_as_made, one_container
from labs.checks.readers.configuration import variables
from labs.checks.readers.containers import Program, container_of, probe_path
from labs.checks.readers.pod_containers import expect_environment, log_of
from labs.checks.readers.pods import reasons
from labs.checks.readers.services import answer, expect_selected, node_port_service
from labs.checks.readers.workloads import (
    deployment,
    expect_image,
    expect_ready,
    expect_replicas,
    expect_rolled_out,
    labels_text,
    pods_of,
)
from labs.waiting import http_status

OTHER = "night"  # the lesson's second namespace, after its own name and a dash
BOARD, FRONT = Program("labs/web:2", name="web"), Program("weather:1", "front", is_default=True)
TALLY = Program("labs/shell:1", "seq", name="tally")
MESS = "The cell above the exercise makes it."


@states(
    Stated("Deployment", "gate"),
    Stated("Deployment", "gate", "containers.image", "labs/web:2"),
    Stated("Deployment", "gate", "spec.replicas", 2, (1, 3)),
    Stated("Service", "gate"),
    Stated("Service", "gate", "ports.nodePort", 30081, (30089,)),
    Stated("Service", "gate", "ports.port", 80, (8080,)),
    Stated("Service", "gate", "ports.targetPort", 80, (8080,)),
    Stated("Service", "gate", "spec.selector", others=("door",), text=""),
    Stated("Job", "tally"),
    Stated("Job", "tally", "containers.image", "labs/shell:1"),
    Stated("Job", "tally", "containers.command", "5", ("6",)),
)
@check(
    "ex-08-1",
    title="Three objects made by generators, in the namespace that the task names",
    covers=("T1", "D1.2", "D5.2"),
    why="A generator knows the fields that you would have to look up; `-n` put each object where the task wants it.",
)
def check_objects_generated(lab: CheckContext) -> None:
    other = ScopedContext(lab, f"{lab.namespace}-{OTHER}", {})
    gate = deployment(other, "gate")
    expect_image(gate, "labs/web:2")
    expect_replicas(gate, 2)
    door = node_port_service(other, "gate", port=80, target=80, node_port=30081, workloads=(gate,))
    expect_selected(door, gate)
    settle(lambda: _expect_job_done(other, "tally", ["1", "2", "3", "4", "5"]))
    expect_rolled_out(other, "gate")
    settle(lambda: answer(other, 30081, "/version"))


@states(
    Stated("Deployment", "board"),
    Stated("Deployment", "board", "containers.image", "labs/web:2"),
    Stated("Deployment", "board", "spec.replicas", 2, (1, 3)),
    Stated("ConfigMap", "board"),
    Stated("ConfigMap", "board", "data.TITLE", "Night", ("Day", "night")),
    Kept("Deployment", "desk", {"spec": {"replicas": 2}}),
)
@check(
    "ex-08-2",
    title="The board, moved to the namespace where it belongs",
    covers=("T1", "D4.5", "D2.2"),
    why="No object can change its namespace: a move is a copy without what the server had added, and a deletion.",
)
def check_board_moved(lab: CheckContext) -> None:
    other = ScopedContext(lab, f"{lab.namespace}-{OTHER}", {})
    copy = f"A copy: `kubectl get deployment board -o yaml`, edit, `kubectl create -n {other.namespace} -f ...`."
    board = deployment(other, "board", again=copy)
    data = found(
        lambda: clients(other).core.read_namespaced_config_map("board", other.namespace).data,
        expected=f"a ConfigMap board in the namespace {other.namespace}",
        try_="A Deployment does not bring along what it reads: `kubectl get configmaps -A`.",
    )
    expect(
        (data or {}).get("TITLE") == "Night",
        expected="TITLE: Night in the ConfigMap board",
        observed=labels_text(data),
        try_=f"`kubectl get configmap board -n {other.namespace} -o yaml`",
    )
    expect_image(board, "labs/web:2")
    expect_replicas(board, 2)
    sources = variables(other, board, BOARD)
    title = sources.get("TITLE")
    expect(
        title and (title.kind, title.name) == ("ConfigMap", "board"),
        expected="the Deployment board to read TITLE from the ConfigMap board, as it did before",
        observed=f"TITLE {title}" if title else _without_title(sources),
        try_="Copy the whole Deployment; then change only what the task names.",
    )
    left = [kind for kind, read in _readers(lab).items() if _exists(partial(read, "board", lab.namespace))]
    expect(
        not left,
        expected=f"nothing called board in the namespace {lab.namespace}",
        observed=f"the {' and the '.join(left)}",
        try_=f"`kubectl delete ... -n {lab.namespace}`: a copy leaves the first one where it is.",
    )
    remade = f"`kubectl create deployment desk -n {lab.namespace} --image=labs/web:1`"
    desk = deployment(lab, "desk", f"It was not to be moved or deleted. {remade} makes it again.")
    expect_replicas(desk, 1)
    app = {"app": "desk"}
    made = one_container("desk", app, {"name": "web", "image": "labs/web:1"}, own=app)
    expect_as_made(lab, made, f"It was to be left where it is. {remade} makes it again, when it is deleted.")
    expect_rolled_out(other, "board")
    expect_environment(other, board, {"TITLE": "Night"}, BOARD)


@states(
    Stated("Deployment", "front"),
    Stated("Deployment", "front", "containers.image", "weather:1"),
    Stated("Deployment", "front", "httpGet.path", "/ready", ("/", "/healthz")),
    Stated("Deployment", "front", "containers.args", "--store=http://store:8000", ("--store=http://store",), ""),
    Stated("Service", "store"),
    Stated("Service", "store", "ports.targetPort", 8000, (80,)),
)
@check(
    "ex-08-3",
    title="The pipeline, repaired",
    covers=("T1", "D3.5", "D3.2", "D5.2"),
    why="Each fault showed elsewhere: the pod's state, its events, the front's own words, the Service's target port.",
    symptom="localhost:30082 does not show the number of readings, from two ready Deployments",
)
def check_pipeline_repaired(lab: CheckContext) -> None:
    for name in ("store", "front"):
        expect_image(deployment(lab, name, MESS), "weather:1", "`kubectl describe pod` tells which image is missing.")
    front = deployment(lab, "front")
    expect(
        front.metadata.generation > 1,  # the server counts the changes of an object's spec, from 1
        expected="the Deployment front that was there, repaired",
        observed="one that was made again: its spec was never changed",
        try_=f"{MESS} Run it again, and change what it made.",
    )
    probe = container_of(front, FRONT).readiness_probe
    expect(
        probe and probe.http_get and probe_path(probe.http_get) == "/ready",
        expected="the front's readiness probe, GET /ready",
        observed=f"GET {probe.http_get.path}" if probe and probe.http_get else "none",
        try_="Repair it; without it the Service sends requests to a front that has no store.",
    )
    expect_ready(lab, "store", 1)
    expect_ready(lab, "front", 1)
    page = answer(lab, 30082, "/")
    expect(
        "readings" in page,
        expected="the number of readings at localhost:30082",
        observed=repr(page[:80]),
        try_="`kubectl logs deploy/front` and `kubectl get service front` tell who answers there.",
    )


def _without_title(sources: dict) -> str:
    return f"no TITLE, but {', '.join(sorted(sources))}" if sources else "a container without any variable"


def _expect_job_done(context: ScopedContext, name: str, lines: list[str]) -> bool:
    job = found(
        lambda: clients(context).batch.read_namespaced_job(name, context.namespace),
        expected=f"a Job {name} in the namespace {context.namespace}",
        try_="`kubectl get jobs -A` lists all.",
    )
    expect_image(job, TALLY.image, "A Job's template cannot be changed: delete it and make it again.")
    pods = pods_of(context, job)
    expect(
        any(c.type == "Complete" and c.status == "True" for c in job.status.conditions or []),
        expected=f"the Job {name} complete",
        observed=f"{job.status.active or 0} pods active, {job.status.failed or 0} failed{reasons(pods)}",
        try_=f"`kubectl describe job {name} -n {context.namespace}` and its pod's log show why.",
    )
    done = [pod for pod in pods if pod.status.phase == "Succeeded"]
    texts = [log_of(context, pod, container_of(pod, TALLY).name) for pod in done]
    expect(
        any(text.split() == lines for text in texts),
        expected=f"{', '.join(lines)} in the log of the Job {name}",
        observed=repr(texts[0][:60]) if texts else "no pod of it any more",
        try_="What follows `--` is the command; a Job's template cannot be changed: delete it and make it again.",
    )
    return True


def _readers(lab: CheckContext) -> dict:
    return {
        "Deployment": clients(lab).apps.read_namespaced_deployment,
        "ConfigMap": clients(lab).core.read_namespaced_config_map,
    }


def _exists(read: Callable[[], Any]) -> bool:
    try:
        return bool(read())
    except Exception as error:
        if http_status(error) == 404:
            return False
        raise
