"""What checks see inside of a running container."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from labs.checks.core import clients, expect, settle
from labs.checks.workloads import is_ready, name_of, pods_of, reasons
from labs.errors import CouldNotCheck, NotYet

if TYPE_CHECKING:
    from labs.lab import Lab

__all__ = ["expect_environment", "run_in", "run_in_ready"]

PATIENCE = 10  # seconds for a command


def run_in(lab: Lab, pod: str, container: str, command: str) -> str:
    """What a shell command prints in a container, as ``kubectl exec`` runs it; both streams.

    Raises:
        CouldNotCheck: the container does not run.
    """
    from kubernetes import client
    from kubernetes.client.exceptions import ApiException
    from kubernetes.stream import stream

    # `stream` changes the client that it is given while it runs, and checks may run in threads
    core = client.CoreV1Api(client.ApiClient(clients(lab).api.configuration))
    words = {"command": ["sh", "-c", command], "stdout": True, "stderr": True, "_request_timeout": PATIENCE}
    try:
        return stream(core.connect_get_namespaced_pod_exec, pod, lab.namespace, container=container, **words).strip()
    except ApiException as error:
        if error.status:
            raise
        raise CouldNotCheck(
            f"No command could be run in the container {container} of {pod}: {error.reason}.",
            "Does it run? `kubectl get pods` tells. Then check again.",
        ) from error


def run_in_ready(lab: Lab, workload: Any, command: str) -> str:
    """What a shell command prints in the first container of a ready pod of a Deployment (or the like).

    Raises:
        NotYet: no pod of it is ready, or the one that was has just ended.
        CouldNotCheck: as `run_in`.
    """
    pods = pods_of(lab, workload)
    pod = next((pod for pod in pods if is_ready(pod)), None)
    if pod is None:
        raise _not_ready(workload, reasons(pods))
    try:
        return run_in(lab, name_of(pod), pod.spec.containers[0].name, command)
    except CouldNotCheck:
        _expect_running(lab, workload)
        raise


def _expect_running(lab: Lab, workload: Any) -> None:
    """Nothing was said in a container: has it ended? One that does counts as ready for a moment. Raises NotYet."""
    if why := settle(lambda: reasons(pods_of(lab, workload))):
        raise _not_ready(workload, why)


def _not_ready(workload: Any, why: str) -> NotYet:
    name = name_of(workload)
    try_ = "`kubectl get pods` shows the state of each"
    if " ended" in why:
        try_ += f", `kubectl logs deployment/{name}` what it said last"
    return NotYet(f"a ready pod of {name}", f"none{why}", f"{try_}.")


def expect_environment(lab: Lab, workload: Any, wanted: dict[str, str]) -> None:
    """A running pod really has settings in its environment, wherever they come from. Raises NotYet."""
    said = run_in_ready(lab, workload, "env")
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
