"""What a process in a container may do, read where the kernel says it, and told in the words of a verdict."""

from __future__ import annotations

import re
from typing import Any, NamedTuple

from labs.checks.context import CheckContext
from labs.checks.core import expect
from labs.checks.readers.containers import all_containers
from labs.checks.readers.pod_containers import log_of, run_in
from labs.checks.readers.workloads import name_of
from labs.errors import CouldNotCheck

__all__ = ["Rights", "expect_locked", "expect_no_host", "is_non_root_asked", "last_error", "rights_in"]

LOOK = "cat /proc/self/status; echo; grep ' / ' /proc/self/mounts"
FIELDS = ("Uid", "Gid", "Groups", "CapEff", "CapBnd", "NoNewPrivs", "Seccomp")
FIXED = "A pod's `securityContext` is fixed once it is made: delete the pod, and make it again."
NAMES = re.findall(
    r"\w+",
    "CHOWN DAC_OVERRIDE DAC_READ_SEARCH FOWNER FSETID KILL SETGID SETUID SETPCAP LINUX_IMMUTABLE NET_BIND_SERVICE "
    "NET_BROADCAST NET_ADMIN NET_RAW IPC_LOCK IPC_OWNER SYS_MODULE SYS_RAWIO SYS_CHROOT SYS_PTRACE SYS_PACCT SYS_ADMIN "
    "SYS_BOOT SYS_NICE SYS_RESOURCE SYS_TIME SYS_TTY_CONFIG MKNOD LEASE AUDIT_WRITE AUDIT_CONTROL SETFCAP MAC_OVERRIDE "
    "MAC_ADMIN SYSLOG WAKE_ALARM BLOCK_SUSPEND AUDIT_READ PERFMON BPF CHECKPOINT_RESTORE",
)  # capabilities(7), by their bits


class Rights(NamedTuple):
    """What a container's processes may do.

    Attributes:
        uid: the user's number.
        gid: the group's.
        groups: all other groups.
        effective: the names of the capabilities in force, without ``CAP_``.
        bounding: of those that a process could ever get.
        no_new_privs: whether no program gains rights.
        seccomp: 0 for no filter, 2 for one.
        is_root_read_only: whether the root filesystem is.
    """

    uid: int
    gid: int
    groups: frozenset[int]
    effective: tuple[str, ...]
    bounding: tuple[str, ...]
    no_new_privs: bool
    seccomp: int
    is_root_read_only: bool


def rights_in(lab: CheckContext, pod: str, container: str) -> Rights:
    """The rights of what runs in a container: a process that joins it gets the same.

    Args:
        lab: the lesson's lab.
        pod: the pod's name.
        container: the container's.

    Raises:
        CouldNotCheck: no command could be run in it, or it says nothing.
    """
    said = run_in(lab, pod, container, LOOK)
    lines = dict(re.findall(r"^(\w+):\s*(.*)$", said, re.MULTILINE))
    options = re.findall(r"^\S+ / \S+ (\S+)", said, re.MULTILINE)
    if not options or any(field not in lines for field in FIELDS):
        raise CouldNotCheck(
            f"The container {container} of {pod} does not tell its rights.", "Does it run? `kubectl get pods` tells."
        )
    return Rights(
        int(lines["Uid"].split()[1]),
        int(lines["Gid"].split()[1]),
        frozenset(int(group) for group in lines["Groups"].split()),
        _names(lines["CapEff"]),
        _names(lines["CapBnd"]),
        lines["NoNewPrivs"] == "1",
        int(lines["Seccomp"]),
        "ro" in options[-1].split(","),
    )


def _names(mask: str) -> tuple[str, ...]:
    bits = int(mask, 16)
    return tuple(name for bit, name in enumerate(NAMES) if bits >> bit & 1)


def _told(names: tuple[str, ...]) -> str:
    if len(names) == len(NAMES):
        return "all"
    return f"{len(names)}: {', '.join(names[:3])}, ..." if len(names) > 3 else ", ".join(names) or "none"


def expect_locked(rights: Rights, where: str, try_: str = FIXED) -> None:
    """A container is not root, has no capabilities, gains no rights, cannot write to its root, and is filtered.

    Args:
        rights: as `rights_in` reads them.
        where: what a verdict calls it, such as ``"the container store of gauge"``.
        try_: how such a field is changed here.

    Raises:
        NotYet: one of the locks is open.
    """
    expect(rights.uid, expected=f"{where} not as root", observed="it runs as root, user 0", try_=f"`runAsUser`. {try_}")
    expect(
        not rights.effective and not rights.bounding,
        expected=f"no capabilities in {where}, in force or in the bounding set",
        observed=f"CapEff: {_told(rights.effective)}; CapBnd: {_told(rights.bounding)}",
        try_=f"Which field drops them all, and at which level does it stand (`kubectl explain`)? {try_}",
    )
    expect(
        rights.no_new_privs,
        expected=f"no program in {where} to gain rights (NoNewPrivs: 1)",
        observed="NoNewPrivs: 0",
        try_=f"`kubectl explain pod.spec.containers.securityContext` has a field for it. {try_}",
    )
    expect(
        rights.seccomp == 2,
        expected=f"a seccomp filter for {where} (Seccomp: 2)",
        observed=f"Seccomp: {rights.seccomp}",
        try_=f"`kubectl explain pod.spec.securityContext.seccompProfile`. {try_}",
    )
    expect(
        rights.is_root_read_only,
        expected=f"a read-only root filesystem of {where}",
        observed="it is mounted rw",
        try_=f"What must be written gets a volume. {try_}",
    )


def expect_no_host(spec: Any, where: str, try_: str = "Find the one right that is missing, and give that.") -> None:
    """No container of a pod is privileged, and none gets the node's folders, processes or network.

    Args:
        spec: the pod's, or a template's.
        where: what a verdict calls it, such as ``"the pod gauge"``.
        try_: what to try when it does.

    Raises:
        NotYet: it does.
    """
    open_doors = [
        f"the container {c.name} is privileged"
        for c in all_containers(spec)
        if c.security_context and c.security_context.privileged
    ]
    open_doors += [f"the volume {v.name} is a hostPath" for v in spec.volumes or [] if v.host_path]
    fields = {"hostPID": spec.host_pid, "hostIPC": spec.host_ipc, "hostNetwork": spec.host_network}
    open_doors += [f"{field}: true" for field, value in fields.items() if value]
    expect(not open_doors, expected=f"{where} without rights on the node", observed="; ".join(open_doors), try_=try_)


def is_non_root_asked(spec: Any, container: Any) -> bool:
    """Whether the kubelet starts a container only if it is not root; the container's word stands before the pod's."""
    for context in (container.security_context, spec.security_context):
        if context and context.run_as_non_root is not None:
            return bool(context.run_as_non_root)
    return False


def last_error(lab: CheckContext, pod: Any, container: str) -> str:
    """The last line of a container's log that tells an error of Python's; empty when there is none."""
    lines = re.findall(r"^\w*Error: .*$", log_of(lab, pod, container, tail_lines=60), re.MULTILINE)
    return f"{lines[-1]} (in the log of {name_of(pod)})" if lines else ""
