"""How the pods of a Deployment start, and what of their configuration keeps them from it."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from typing import Any

from labs.checks.context import CheckContext
from labs.checks.core import clients, found
from labs.checks.readers.containers import ANY, Program, container_of, pod_spec, words_of, working_containers
from labs.checks.readers.ownership import is_owned_by, replica_sets_of
from labs.checks.readers.pod_containers import log_of
from labs.checks.readers.pods import is_ready
from labs.checks.readers.settings import keys_of, list_settings, read_settings, settings_elsewhere
from labs.checks.readers.workloads import deployment, expect_rolled_out, name_of, pods_of
from labs.errors import NotYet

__all__ = ["expect_not_crashing", "expect_started", "last_line", "newest_pods"]

SURVIVED = timedelta(seconds=15)  # after a crash, what has run so long is not crashing any more


def expect_started(lab: CheckContext, name: str) -> None:
    """All pods of a Deployment are of its present template and ready; what they lack is said in words of configuration.

    Raises:
        NotYet: they are not. When the missing object is there by now, the kubelet first gets the time to look again.
    """
    for is_last in (False, True):
        try:
            return expect_rolled_out(lab, name)
        except NotYet as late:
            lacking = [lack for pod in newest_pods(lab, deployment(lab, name)) if (lack := _lack(lab, pod))]
            if not lacking:
                raise
            told, is_there = _cause(lab, lacking[0])
            if is_last or not is_there:
                raise NotYet(
                    late.expected, told, f"`kubectl describe pods` shows it among the events of {name}."
                ) from late
    return None


def expect_not_crashing(lab: CheckContext, workload: Any) -> None:
    """No container of a Deployment's pods ends with an error and is started again, in vain. Raises NotYet."""
    statuses = [s for pod in newest_pods(lab, workload) for s in pod.status.container_statuses or []]
    containers = {c.name: c for c in working_containers(pod_spec(workload))}
    for status in statuses:
        now = status.state
        end = now.terminated or status.last_state.terminated
        if not end or not end.exit_code:
            continue
        if now.running and datetime.now(UTC) - now.running.started_at > SURVIVED:
            continue
        line = words_of(containers[status.name]) if status.name in containers else []
        raise NotYet(
            f"a pod of {name_of(workload)} that keeps running",
            f"its container {status.name} ended with status {end.exit_code}, restarts: {status.restart_count}; "
            f"its command line: {' '.join(line) or 'none of its own'}",
            f"`kubectl logs deployment/{name_of(workload)}` tells why it ends; `args` say which program it is to run.",
        )


def newest_pods(lab: CheckContext, workload: Any) -> list[Any]:
    """A Deployment's live pods of its current template: what older ones lack or log may have been repaired."""
    present = {item.metadata.uid for item in replica_sets_of(lab, workload)[-1:]}
    return [pod for pod in pods_of(lab, workload) if is_owned_by(pod, present)]


def _lack(lab: CheckContext, pod: Any) -> str:
    """What a pod misses, in the kubelet's words: from its container's state, else from the events of its volumes."""
    if is_ready(pod):
        return ""
    for status in pod.status.container_statuses or []:
        waiting, ended = status.state.waiting, status.state.terminated or status.last_state.terminated
        if waiting and waiting.reason == "CreateContainerConfigError":
            return waiting.message or ""
        for told in ((waiting and waiting.message) or "", (ended and ended.message) or ""):
            if absent := re.search(r'exec: "[^"]+": executable file not found', told):
                return f"{absent[0]}: `command` replaces the image's own program, `args` are its arguments"
    chosen = f"involvedObject.name={name_of(pod)},reason=FailedMount"
    events = clients(lab).core.list_namespaced_event(lab.namespace, field_selector=chosen).items
    return next((event.message for event in reversed(events)), "")


def _cause(lab: CheckContext, message: str) -> tuple[str, bool]:
    """The kubelet's message with what is there instead, and whether what it missed is there by now."""
    by_now = "; it is there by now, and the kubelet looks again in a few seconds"
    if absent := re.search(r'(configmap|secret) "([^"]+)" not found', message):
        kind = {"configmap": "ConfigMap", "secret": "Secret"}[absent[1]]
        if read_settings(lab, kind, absent[2]):
            return f"{absent[0]}{by_now}", True
        if places := settings_elsewhere(lab, kind, absent[2]):
            where = f"there is one in the namespace {places[0]}, where this pod cannot see it"
            return f"{absent[0]} in {lab.namespace}; {where}", False
        there = [name_of(item) for item in list_settings(lab, kind) if name_of(item) != "kube-root-ca.crt"]
        return f"{absent[0]}; {lab.namespace} has {', '.join(there) or 'none'}", False
    if lost := re.search(r"couldn't find key (\S+) in (ConfigMap|Secret) [^/]+/([^\s,]+)", message):
        item = read_settings(lab, lost[2], lost[3])
        held = keys_of(item) if item else []
        instead = f"; its keys are {', '.join(held) or 'none'}"
        is_there = lost[1] in held
        return f"{lost[0]}{by_now if is_there else instead}", is_there
    return message, False


def last_line(lab: CheckContext, workload: Any, program: Program = ANY) -> str:
    """The last line in a container's log, of a Deployment's pod of the present template; empty when there is none.

    Args:
        lab: the lesson's lab.
        workload: the Deployment.
        program: says which container, as for `container_of`.
    """
    pods = newest_pods(lab, workload)
    if not pods:
        return ""
    lines = found(
        lambda: log_of(lab, pods[-1], container_of(pods[-1], program).name, tail_lines=1),
        expected=f"a pod of {name_of(workload)}",
    )
    return lines.strip()
