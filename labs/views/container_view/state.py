"""How a container is, in a word, and why: what `docker ps` and `docker inspect` say, put together."""

from __future__ import annotations

import signal
from typing import Any, NamedTuple

__all__ = ["ContainerState", "exit_in_words", "health_of", "mounts_of", "networks_of", "ports_of", "state_of"]


class ContainerState(NamedTuple):
    """A container in a word.

    Attributes:
        mark: ``good``, ``wait``, ``bad``, ``gone`` or ``done``, as the front end draws it.
        word: such as ``running`` or ``exited with code 137``.
        why: a sentence, or empty.
    """

    mark: str
    word: str
    why: str


def exit_in_words(code: int, *, oom_killed: bool = False) -> str:
    """What an exit code says, as a sentence; the convention for 125 and more is Docker's and the shell's."""
    if oom_killed:
        return "The Linux kernel killed it: it wanted more memory than its limit allows."
    special = {
        0: "Its program ended by itself, and reported success.",
        126: "The command was found, but cannot be executed.",
        127: "The command was not found in the image.",
        137: "128 + 9, SIGKILL: docker kill, or docker stop after its grace period, or the machine ran out of memory.",
        143: "128 + 15, SIGTERM: it was asked to end, as docker stop does.",
    }
    if code in special:
        return special[code]
    if 128 < code < 128 + signal.NSIG:
        try:
            return f"128 + {code - 128}: a signal ended it, {signal.Signals(code - 128).name}."
        except ValueError:
            return f"128 + {code - 128}: a signal ended it."
    return "Its program reported an error; its log may say more."


def state_of(attrs: dict[str, Any]) -> ContainerState:
    """How a container is.

    Args:
        attrs: as ``docker inspect`` gives them.
    """
    state = attrs["State"]
    status, code = state.get("Status", ""), state.get("ExitCode", 0)
    error, is_oom = state.get("Error", ""), bool(state.get("OOMKilled"))
    ended = error or exit_in_words(code, oom_killed=is_oom)
    if status == "paused":
        return ContainerState("wait", "paused", "Its processes are frozen, and keep their memory.")
    if status == "restarting":
        return ContainerState("bad", f"restarting; it exited with code {code}", ended)
    if status == "running":
        return _running(attrs, is_oom)
    if status == "created":
        return ContainerState("bad" if error else "wait", "created, never started", error)
    if status in {"removing", "dead"}:
        return ContainerState("gone", status, error)
    killed = " (OOM-killed)" if is_oom else ""
    return ContainerState("bad" if code or is_oom else "done", f"exited with code {code}{killed}", ended)


def _running(attrs: dict[str, Any], is_oom: bool) -> ContainerState:
    health = attrs["State"].get("Health", {}).get("Status", "")
    restarts = attrs.get("RestartCount", 0)
    why = f"It was restarted {restarts} times." if restarts > 1 else "It was restarted once." if restarts else ""
    if is_oom:
        why = "The kernel killed one of its processes, for lack of memory. " + why
    if health in {"", "none"}:
        return ContainerState("good", "running", why.strip())
    mark = {"healthy": "good", "unhealthy": "bad"}.get(health, "wait")
    word = "not checked yet" if health == "starting" else health
    return ContainerState(mark, f"running, {word}", why.strip())


def health_of(attrs: dict[str, Any]) -> str:
    """What the last probe of a health check said, in a sentence; empty without a health check."""
    health = attrs["State"].get("Health") or {}
    if not health or health.get("Status") == "none":
        return ""
    log = health.get("Log") or []
    if not log:
        return f"{health.get('Status')}; no probe has ended yet"
    output = " ".join((log[-1].get("Output") or "").split())
    last = f"last probe: exit code {log[-1].get('ExitCode')}" + (f", {output[:300]}" if output else ", no output")
    streak = health.get("FailingStreak", 0)
    return f"{health.get('Status')}; {last}" + (f"; {streak} failed in a row" if streak else "")


def ports_of(attrs: dict[str, Any]) -> list[str]:
    """Ports, published or only exposed, one sentence each."""
    lines = []
    for inside, outside in ((attrs.get("NetworkSettings") or {}).get("Ports") or {}).items():
        at = dict.fromkeys(f"{o.get('HostIp') or '0.0.0.0'}:{o['HostPort']}" for o in outside or [])
        lines.append(f"{', '.join(at)} → {inside}" if at else f"{inside}: exposed, published nowhere")
    return lines


def networks_of(attrs: dict[str, Any]) -> list[str]:
    """Networks with the container's addresses and the names that it has there."""
    lines = []
    short = attrs["Id"][:12]
    for name, of in ((attrs.get("NetworkSettings") or {}).get("Networks") or {}).items():
        at = [address for address in (of.get("IPAddress"), of.get("GlobalIPv6Address")) if address]
        aliases = [alias for alias in of.get("Aliases") or [] if alias != short]
        known = f", known as {', '.join(aliases)}" if aliases else ""
        lines.append(f"{name}: {', '.join(at) or 'no address'}{known}")
    return lines


def mounts_of(attrs: dict[str, Any]) -> list[str]:
    """Mounts: from where, to where, and whether they can be written."""
    lines = []
    for mount in attrs.get("Mounts") or []:
        source = mount.get("Name") or mount.get("Source") or ""
        lines.append(f"{mount['Type']} {source} → {mount['Destination']}" + ("" if mount.get("RW") else ", read-only"))
    tmpfs = (attrs.get("HostConfig") or {}).get("Tmpfs") or {}
    return [*lines, *(f"tmpfs (in memory) → {path}" for path in tmpfs)]
