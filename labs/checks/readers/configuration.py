"""What containers take from ConfigMaps and Secrets: variables, mounted folders, command lines."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, NamedTuple

from labs.checks.context import CheckContext
from labs.checks.core import expect
from labs.checks.readers.containers import ANY, Program, container_of, statuses_of, words_of
from labs.checks.readers.settings import keys_of, read_settings, value_of
from labs.checks.readers.starting import newest_pods
from labs.checks.readers.workloads import name_of

__all__ = ["Source", "command_line", "expect_taken", "mounts", "older", "variables"]


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
        item = read_settings(lab, kind, ref.name)
        for key in keys_of(item) if item else ():
            result[f"{many.prefix or ''}{key}"] = Source(kind, ref.name, key, value_of(item, key))
    for one in container.env or []:
        origin = one.value_from
        ref = origin and (origin.config_map_key_ref or origin.secret_key_ref)
        if ref:
            kind = "ConfigMap" if origin.config_map_key_ref else "Secret"
            item = read_settings(lab, kind, ref.name)
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
    item = read_settings(lab, source.kind, source.name)
    changes = [entry.time for entry in (item.metadata.managed_fields if item else None) or [] if entry.time]
    starts = [
        status.state.running.started_at
        for pod in newest_pods(lab, workload)
        for status in statuses_of(pod)
        if status.state.running and status.name == container_of(pod, program).name
    ]
    return bool(changes and starts) and min(starts) <= max(changes)


def command_line(workload: Any, program: Program = ANY) -> list[str]:
    """The words of a container's command line, as far as the Deployment sets them.

    Args:
        workload: the Deployment.
        program: says which container, as for `container_of`.
    """
    return words_of(container_of(workload, program))
