"""What checks read of ConfigMaps, Secrets and the containers that take values from them."""

from __future__ import annotations

import binascii
import re
from base64 import b64decode
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any, NamedTuple

from labs.checks.context import CheckContext
from labs.checks.core import clients, expect, found
from labs.checks.readers.containers import (
    ANY,
    Program,
    container_of,
    pod_spec,
    statuses_of,
    words_of,
    working_containers,
)
from labs.checks.readers.namespaces import elsewhere
from labs.checks.readers.ownership import is_owned_by, replica_sets_of
from labs.checks.readers.pod_containers import log_of
from labs.checks.readers.workloads import deployment, expect_rolled_out, is_ready, name_of, pods_of
from labs.errors import NotYet
from labs.waiting import http_status

__all__ = [
    "Source",
    "command_line",
    "decoded",
    "expect_not_crashing",
    "expect_started",
    "expect_taken",
    "keys_of",
    "last_line",
    "mounts",
    "newest_pods",
    "older",
    "settings_object",
    "value_of",
    "variables",
]

SURVIVED = timedelta(seconds=15)  # after a crash, what has run so long is not crashing any more


class Source(NamedTuple):
    """Where a container's variable comes from: ``kind`` is ConfigMap, Secret or Deployment; ``value`` is there now."""

    kind: str
    name: str
    key: str
    value: str | None

    def __str__(self) -> str:
        return (
            "written into the Deployment" if self.kind == "Deployment" else f"{self.kind} {self.name}, key {self.key}"
        )


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
        if _read(lab, kind, absent[2]):
            return f"{absent[0]}{by_now}", True
        if places := _elsewhere(lab, kind, absent[2]):
            where = f"there is one in the namespace {places[0]}, where this pod cannot see it"
            return f"{absent[0]} in {lab.namespace}; {where}", False
        there = [name_of(item) for item in _list(lab, kind) if name_of(item) != "kube-root-ca.crt"]
        return f"{absent[0]}; {lab.namespace} has {', '.join(there) or 'none'}", False
    if lost := re.search(r"couldn't find key (\S+) in (ConfigMap|Secret) [^/]+/([^\s,]+)", message):
        item = _read(lab, lost[2], lost[3])
        held = keys_of(item) if item else []
        instead = f"; its keys are {', '.join(held) or 'none'}"
        is_there = lost[1] in held
        return f"{lost[0]}{by_now if is_there else instead}", is_there
    return message, False


def variables(lab: CheckContext, workload: Any, program: Program = ANY) -> dict[str, Source]:
    """The variables that a Deployment gives a container, each with its source and the value there now.

    Args:
        lab: the lesson's lab.
        workload: the Deployment.
        program: says which container, as for `container_of`.
    """
    container, result = container_of(workload, program), {}
    for many in container.env_from or []:
        kind, ref = ("ConfigMap", many.config_map_ref) if many.config_map_ref else ("Secret", many.secret_ref)
        item = _read(lab, kind, ref.name)
        for key in keys_of(item) if item else ():
            result[f"{many.prefix or ''}{key}"] = Source(kind, ref.name, key, value_of(item, key))
    for one in container.env or []:
        origin = one.value_from
        ref = origin and (origin.config_map_key_ref or origin.secret_key_ref)
        if ref:
            kind = "ConfigMap" if origin.config_map_key_ref else "Secret"
            item = _read(lab, kind, ref.name)
            result[one.name] = Source(kind, ref.name, ref.key, item and value_of(item, ref.key))
        else:
            result[one.name] = Source("Deployment", name_of(workload), "", one.value)
    return result


def expect_taken(workload: Any, variable: str, source: Source) -> None:
    """A variable's value does not stand in the Deployment. Raises NotYet."""
    kind = "Secret" if variable == "TOKEN" else "ConfigMap"
    expect(
        source.kind == kind,
        expected=f"{variable} of {name_of(workload)} from a {kind}",
        observed=str(source),
        try_="`kubectl explain pod.spec.containers.env.valueFrom`",
    )


def mounts(workload: Any, kind: str, name: str = "", program: Program = ANY) -> Iterator[str]:
    """The paths at which a container mounts a ConfigMap or a Secret.

    Args:
        workload: the Deployment.
        kind: ``"ConfigMap"`` or ``"Secret"``.
        name: the object's; any of them when empty.
        program: says which container, as for `container_of`.
    """
    pod = workload.spec.template.spec
    volumes = set()
    for volume in pod.volumes or []:
        parts = [volume, *(volume.projected.sources or [] if volume.projected else [])]
        for part in parts:
            source = part.config_map if kind == "ConfigMap" else part.secret
            if source and name in {"", getattr(source, "secret_name", None), getattr(source, "name", None)}:
                volumes.add(volume.name)
    chosen = container_of(workload, program).volume_mounts or []
    return (mount.mount_path for mount in chosen if mount.name in volumes)


def older(lab: CheckContext, workload: Any, source: Source, program: Program = ANY) -> bool:
    """Whether a container started before its variable's source was last changed; both times are whole seconds."""
    item = _read(lab, source.kind, source.name)
    changes = [entry.time for entry in (item.metadata.managed_fields if item else None) or [] if entry.time]
    starts = [
        status.state.running.started_at
        for pod in newest_pods(lab, workload)
        for status in statuses_of(pod)
        if status.state.running and status.name == container_of(pod, program).name
    ]
    return bool(changes and starts) and min(starts) <= max(changes)


def settings_object(lab: CheckContext, kind: str, name: str) -> Any:
    """A ConfigMap or Secret that the exercise asks for. Raises NotYet, which says what there is instead."""
    item = _read(lab, kind, name)
    if item is None:
        other = "Secret" if kind == "ConfigMap" else "ConfigMap"
        places = _elsewhere(lab, kind, name)
        observed, try_ = "none", f"`kubectl get {kind.lower()}s -n {lab.namespace}` lists yours."
        if places:
            observed = f"none there, but one in the namespace {places[0]}"
            try_ = f"A pod sees those of its own namespace only: make it with `-n {lab.namespace}`, or without `-n`."
        elif _read(lab, other, name):
            observed, try_ = f"none, but a {other} {name}", "What is the difference between the two kinds for?"
        raise NotYet(f"a {kind} {name} in the namespace {lab.namespace}", observed, try_)
    return item


def _read(lab: CheckContext, kind: str, name: str) -> Any:
    """A ConfigMap or a Secret; None when there is none."""
    core = clients(lab).core
    read = core.read_namespaced_config_map if kind == "ConfigMap" else core.read_namespaced_secret
    try:
        return read(name, lab.namespace)
    except Exception as error:
        if http_status(error) == 404:
            return None
        raise


def _list(lab: CheckContext, kind: str) -> list[Any]:
    core = clients(lab).core
    items = core.list_namespaced_config_map if kind == "ConfigMap" else core.list_namespaced_secret
    return items(lab.namespace).items


def _elsewhere(lab: CheckContext, kind: str, name: str) -> list[str]:
    return elsewhere(lab, "config_map" if kind == "ConfigMap" else "secret", name)


def keys_of(item: Any) -> list[str]:
    return sorted(item.data or {})


def value_of(item: Any, key: str) -> str | None:
    """A key's text; that of a Secret is decoded once."""
    value = (item.data or {}).get(key)
    is_secret = not hasattr(item, "binary_data")
    return b64decode(value).decode(errors="replace") if value is not None and is_secret else value


def command_line(workload: Any, program: Program = ANY) -> list[str]:
    """The words of a container's command line, as far as the Deployment sets them. Args: as `container_of`."""
    return words_of(container_of(workload, program))


def decoded(text: str | None) -> str:
    """What base64 says; empty for what is none."""
    try:
        return b64decode((text or "").strip(), validate=True).decode().strip()
    except (binascii.Error, ValueError):
        return ""


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
