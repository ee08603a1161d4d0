"""What checks see inside of a running container."""

from __future__ import annotations

import time
from typing import Any

from labs.checks.context import CheckContext
from labs.checks.core import clients, expect, settle
from labs.checks.readers.containers import ANY, Program, container_of
from labs.checks.readers.pods import is_ready, reasons
from labs.checks.readers.workloads import name_of, pods_of
from labs.errors import CouldNotCheck, NotYet
from labs.explain import explain
from labs.waiting import http_status

__all__ = ["expect_environment", "log_of", "run_in", "run_in_ready"]

PATIENCE = 10  # seconds for a command


def run_in(lab: CheckContext, pod: str, container: str, command: str) -> str:
    """What a shell command prints in a container, as ``kubectl exec`` runs it; both streams.

    Raises:
        CouldNotCheck: the container does not run, the command did not end in time, or the engine did not run it.
    """
    from kubernetes import client
    from kubernetes.client.exceptions import ApiException
    from kubernetes.stream import stream

    # `stream` changes the client that it is given while it runs, and checks may run in threads
    core = client.CoreV1Api(client.ApiClient(clients(lab).api.configuration))
    words = {"command": ["sh", "-c", command], "stdout": True, "stderr": True, "_request_timeout": PATIENCE}
    where, began = f"in the container {container} of {pod}", time.monotonic()
    try:
        said = stream(core.connect_get_namespaced_pod_exec, pod, lab.namespace, container=container, **words).strip()
    except ApiException as error:
        if error.status:
            raise
        cause = explain(error)  # never the client's own words: they quote the whole handshake
        if cause and cause.fault:
            raise CouldNotCheck(cause.what, cause.todo) from error
        raise CouldNotCheck(
            f"No command could be run {where}{f': {cause.what}' if cause else '.'}",
            "Does it run? `kubectl get pods` tells. Then check again.",
        ) from error
    if time.monotonic() - began >= PATIENCE:  # the client then returns what it has, which may be nothing
        raise CouldNotCheck(f"A command {where} did not end within {PATIENCE} s.", "The machine is busy: check again.")
    return said


def log_of(lab: CheckContext, pod: Any, container: str, **options: Any) -> str:
    """What a container has written; empty as long as it has not started.

    Args:
        lab: the lesson's lab.
        pod: the pod. Of one with several containers the API server tells no log without a container's name.
        container: its name.
        options: as ``read_namespaced_pod_log`` takes them, such as ``tail_lines``.
    """
    core = clients(lab).core
    try:
        return core.read_namespaced_pod_log(name_of(pod), lab.namespace, container=container, **options) or ""
    except Exception as error:
        if http_status(error) == 400:  # "is waiting to start"
            return ""
        raise


def run_in_ready(lab: CheckContext, workload: Any, command: str, program: Program = ANY) -> str:
    """What a shell command prints in a container of a ready pod of a Deployment (or the like).

    Args:
        lab: the lesson's lab.
        workload: the Deployment.
        command: for ``sh -c``.
        program: says which container, as for `container_of`.

    Raises:
        NotYet: no pod of it is ready, or the one that was has just ended.
        CouldNotCheck: as `run_in`.
    """
    pods = pods_of(lab, workload)
    pod = next((pod for pod in pods if is_ready(pod)), None)
    if pod is None:
        raise _not_ready(workload, reasons(pods))
    try:
        return run_in(lab, name_of(pod), container_of(pod, program).name, command)
    except CouldNotCheck:
        _expect_running(lab, workload)
        raise


def _expect_running(lab: CheckContext, workload: Any) -> None:
    """Nothing was said in a container: has it ended? One that does counts as ready for a moment. Raises NotYet."""
    if why := settle(lambda: reasons(pods_of(lab, workload))):
        raise _not_ready(workload, why)


def _not_ready(workload: Any, why: str) -> NotYet:
    name = name_of(workload)
    try_ = "`kubectl get pods` shows the state of each"
    if " ended" in why:
        try_ += f", `kubectl logs deployment/{name}` what it said last"
    return NotYet(f"a ready pod of {name}", f"none{why}", f"{try_}.")


def expect_environment(lab: CheckContext, workload: Any, wanted: dict[str, str], program: Program = ANY) -> None:
    """A container of a running pod really has settings in its environment, wherever they come from. Raises NotYet."""
    said = run_in_ready(lab, workload, "env", program)
    if not said:  # the command ended with its container
        _expect_running(lab, workload)
    seen = dict(line.split("=", 1) for line in said.splitlines() if "=" in line)
    look = f"`kubectl exec -n {lab.namespace} deployment/{name_of(workload)} -- env` shows it."
    for key, value in wanted.items():
        expect(
            seen.get(key) == value,
            expected=f"{key}={value} in the environment of the pods of {name_of(workload)}",
            observed=f"{key}={seen[key]}" if key in seen else f"no {key} in it",
            try_=f"{look} It is read once, when a pod starts.",
        )
