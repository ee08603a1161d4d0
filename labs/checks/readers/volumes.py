"""What checks read of volumes, claims and the files in them, and the words in which they tell it."""

from __future__ import annotations

from typing import Any

from labs.checks.context import CheckContext
from labs.checks.core import clients, expect, settle
from labs.checks.readers.containers import ANY, Program, container_of, working_containers
from labs.checks.readers.namespaces import here
from labs.checks.readers.quantities import amount
from labs.checks.readers.workloads import name_of
from labs.errors import NotYet

__all__ = [
    "default_classes",
    "expect_asked_for",
    "expect_claim_mounted",
    "expect_claim_named",
    "kind_of",
    "mounted",
    "read_claim",
    "read_pod",
]

DEFAULT_CLASS = "storageclass.kubernetes.io/is-default-class"
MODES = (["ReadWriteOnce"], ["ReadWriteOncePod"])  # for one node


def read_pod(lab: CheckContext, name: str) -> Any:
    """A pod that the exercise asks for. Raises NotYet, which says where else there is one."""
    try_ = f"`kubectl get pods -n {lab.namespace}` lists yours."
    return here(lab, "pod", name, called=f"a pod {name}", try_=try_, again=_again(lab))


def read_claim(lab: CheckContext, name: str) -> Any:
    """A claim that the exercise asks for, not one that is being deleted. Raises NotYet, as `read_pod`."""
    try_ = "`kubectl get pvc` lists yours."
    claim = here(lab, "persistent_volume_claim", name, called=f"a claim {name}", try_=try_, again=_again(lab))
    expect(
        claim.metadata.deletion_timestamp is None,
        expected=f"a claim {name} to stay",
        observed="it was deleted, and goes as soon as no pod uses it",
        try_="Let it go (delete the pod that uses it), then make it again.",
    )
    return claim


def _again(lab: CheckContext) -> str:
    return f"A pod can use only what is in its own namespace. Make it again with `-n {lab.namespace}`, or without `-n`."


def mounted(spec: Any, where: str, container: str | None, path: str) -> tuple[Any, Any]:
    """The volume that a container (any, when None) mounts at a path, and the mount. Raises NotYet."""
    volumes = {volume.name: volume for volume in spec.volumes or []}
    chosen = [c for c in working_containers(spec) if container in (None, c.name)]
    mounts = [mount for c in chosen for mount in c.volume_mounts or [] if mount.name in volumes]
    for mount in mounts:
        if mount.mount_path.rstrip("/") == path:
            return volumes[mount.name], mount
    others = [m for m in mounts if not m.mount_path.startswith("/var/run/secrets")]
    seen = ", ".join(f"{m.name} is mounted at {m.mount_path}" for m in others)
    unused = [name for name in volumes if not name.startswith("kube-api-access-")]
    if not seen:
        seen = f"the volume {unused[0]} is not mounted there" if unused else "no volume at all"
    raise NotYet(
        f"a volume mounted at {path} in {where}{f', container {container}' if container else ''}",
        seen,
        "`volumes` says which folders there are, `volumeMounts` in a container where it sees them.",
    )


def kind_of(volume: Any) -> str:
    """Which kind a volume is, spelled as in YAML, such as ``emptyDir``."""
    return next(
        volume.attribute_map[field] for field in volume.attribute_map if field != "name" and getattr(volume, field)
    )


def expect_claim_mounted(lab: CheckContext, workload: Any, path: str, program: Program = ANY) -> None:
    """A Deployment's pods mount the claim that has its name, and may write there.

    Args:
        lab: the lesson's lab.
        workload: the Deployment.
        path: where they mount it.
        program: says which container does, as for `container_of`.

    Raises:
        NotYet: they do not.
    """
    name = name_of(workload)
    spec = workload.spec.template.spec
    which = container_of(workload, program).name if len(working_containers(spec)) > 1 else None
    volume, mount = mounted(spec, f"the Deployment {name}", which, path)
    ends = {
        "emptyDir": "an emptyDir, which ends with the pod",
        "ephemeral": "an ephemeral claim, which ends with the pod",
        "hostPath": "a hostPath, a folder of one node's that nobody claimed",
    }
    source = volume.persistent_volume_claim
    expect(
        source,
        expected=f"the claim {name} at {path} of the Deployment {name}",
        observed=ends.get(kind_of(volume), f"a volume of the kind {kind_of(volume)}"),
        try_="`kubectl explain pod.spec.volumes.persistentVolumeClaim`",
    )
    _expect_own_claim(lab, workload, [source.claim_name], f" at {path}")
    expect(
        not (mount.read_only or source.read_only),
        expected=f"a mount at {path} through which the store can write",
        observed="it is read-only",
        try_="`kubectl explain pod.spec.containers.volumeMounts`",
    )


def expect_claim_named(lab: CheckContext, workload: Any, more: str = "") -> None:
    """A Deployment's pods name the claim that has its name, wherever they mount it.

    Args:
        lab: the lesson's lab.
        workload: the Deployment.
        more: what else was observed, when they name another.

    Raises:
        NotYet: they do not.
    """
    volumes = workload.spec.template.spec.volumes or []
    named = [volume.persistent_volume_claim.claim_name for volume in volumes if volume.persistent_volume_claim]
    expect(
        named,
        expected=f"the claim {name_of(workload)} of the Deployment {name_of(workload)}",
        observed=f"no claim; its volumes are of the kind {', '.join(kind_of(v) for v in volumes) or 'none'}",
        try_="`kubectl explain pod.spec.volumes.persistentVolumeClaim`",
    )
    _expect_own_claim(lab, workload, named, more=more)


def _expect_own_claim(lab: CheckContext, workload: Any, named: list[str], where: str = "", more: str = "") -> None:
    name = name_of(workload)
    claims = clients(lab).core.list_namespaced_persistent_volume_claim(lab.namespace).items
    there = ", ".join(sorted(name_of(claim) for claim in claims)) or "none"
    expect(
        name in named,
        expected=f"the claim {name}{where} of the Deployment {name}",
        observed=f"the claim {' and '.join(named)}; the claims here are: {there}{more}",
        try_="A pod finds its claim by `claimName`, letter by letter.",
    )


def expect_asked_for(lab: CheckContext, claim: Any, size: str) -> None:
    """A claim asks for storage of the default class, for one node, and got it.

    Args:
        lab: the lesson's lab.
        claim: the PersistentVolumeClaim.
        size: how much at least, such as ``"200Mi"``.

    Raises:
        NotYet: it asks for something else, or waits.
    """
    name, spec = name_of(claim), claim.spec
    asked = (spec.resources.requests or {}).get("storage", "0")
    modes = ", ".join(spec.access_modes or []) or "none"
    classes = clients(lab).storage.list_storage_class().items
    known = [name_of(item) for item in classes]
    default = _default_of(classes)
    chosen = spec.storage_class_name
    there = f"there is {', '.join(known) or 'none'}" if chosen and chosen not in known else "which is not the default"
    expect(
        chosen in default or (chosen is None and not default),
        expected=f"the claim {name} of the class {' or '.join(default)}, the default",
        observed=f"the class {chosen!r}: {there}" if chosen else "an empty storageClassName: no class",
        try_="A claim's class cannot be changed: delete the claim and make it again.",
    )
    expect(
        amount(asked) >= amount(size),
        expected=f"the claim {name} to ask for at least {size}",
        observed=asked,
        try_="This class cannot grow a claim: delete it and make it again, with another `resources.requests.storage`.",
    )
    expect(
        spec.access_modes in MODES,
        expected=f"the claim {name} for one node",
        observed=f"{modes}{_last_words(lab, claim)}",
        try_="Section 9 has a table of access modes. A claim's cannot be changed: delete the claim and make it again.",
    )

    def bound() -> bool:
        now = read_claim(lab, name)
        expect(
            now.status.phase == "Bound",
            expected=f"the claim {name} to be bound to a volume",
            observed=f"{now.status.phase}{_last_words(lab, now)}",
            try_=f"`kubectl describe pvc {name}` ends with what it waits for.",
        )
        return True

    settle(bound)


def default_classes(lab: CheckContext) -> list[str]:
    """The names of the StorageClasses that a claim gets which names none: one, rarely none or several."""
    return _default_of(clients(lab).storage.list_storage_class().items)


def _default_of(classes: list[Any]) -> list[str]:
    return [name_of(item) for item in classes if (item.metadata.annotations or {}).get(DEFAULT_CLASS) == "true"]


def _last_words(lab: CheckContext, claim: Any) -> str:
    """What the newest event of a claim that is not bound says."""
    if claim.status.phase == "Bound":
        return ""
    events = clients(lab).core.list_namespaced_event(
        lab.namespace, field_selector=f"involvedObject.uid={claim.metadata.uid}"
    )
    newest = sorted(events.items, key=lambda e: (e.type == "Warning", str(e.last_timestamp or e.event_time)))
    return f"; {newest[-1].message.split('. ')[0]}" if newest else ""
