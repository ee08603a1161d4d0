"""What the probes of a container ask, and how long they take to act; however they are spelled."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

from labs.checks.core import expect
from labs.checks.readers.containers import port_number, probe_path, working_containers

__all__ = ["expect_acts_within", "expect_asks", "expect_startup", "probe_of", "seconds_to_act", "seconds_to_start"]

KINDS = {"startupProbe": "startup_probe", "readinessProbe": "readiness_probe", "livenessProbe": "liveness_probe"}
EXPLAIN = "`kubectl explain pod.spec.containers.{}` names the fields."


def probe_of(container: Any, kind: str) -> Any:
    """A container's probe, or None.

    Args:
        container: one of a spec's.
        kind: as a manifest calls it: ``readinessProbe``.
    """
    return getattr(container, KINDS[kind])


def seconds_to_act(probe: Any) -> int:
    """How long a program that hangs is left alone: a question that waits longer than the period delays the next."""
    return (probe.failure_threshold or 3) * max(probe.period_seconds or 10, probe.timeout_seconds or 1)


def seconds_to_start(probe: Any) -> int:
    """How long a startup probe is patient, by the rule of Kubernetes' documentation: period times threshold."""
    return (probe.initial_delay_seconds or 0) + (probe.failure_threshold or 3) * (probe.period_seconds or 10)


def expect_asks(
    spec: Any, container: Any, kind: str, port: int, paths: Sequence[str] = (), *, connection: bool = False
) -> Any:
    """A container has a probe, and it asks what the brief means: by HTTP, by a connection, or by a command.

    Args:
        spec: the pod's, whose other containers a wrong answer may have given the probe.
        container: the one that needs it.
        kind: such as ``readinessProbe``.
        port: where the program listens.
        paths: those that tell; any when empty.
        connection: whether it is enough that somebody listens. A program that hangs still takes connections.

    Returns:
        The probe.

    Raises:
        NotYet: there is none, or it asks something else.
    """
    probe = probe_of(container, kind)
    wanted = f"a {kind} of the container {container.name} that asks {_where(port, paths)}"
    expect(
        probe,
        expected=wanted,
        observed=f"no {kind}{_instead(spec, container, kind)}",
        try_=f"Which probe does what? Section 3 has a table. {EXPLAIN.format(kind)}",
    )
    asked = _asked(probe, container)
    try_ = f"`kubectl logs -c {container.name}` shows the port where the program listens. {EXPLAIN.format(kind)}"
    if probe._exec:
        words = " ".join(probe._exec.command or [])
        ports = set(re.findall(r"(?::|\s|-p)(\d{2,5})\b", words)) & {"80", "8000", "8080", "9000", str(port)}
        expect(not ports or str(port) in ports, expected=wanted, observed=asked, try_=try_)
        expect(not paths or any(path in words for path in paths), expected=wanted, observed=asked, try_=try_)
        return probe
    target = probe.http_get or probe.tcp_socket or probe.grpc
    expect(target and port_number(target.port, [container]) == port, expected=wanted, observed=asked, try_=try_)
    if probe.http_get:
        path = probe_path(probe.http_get).split("?")[0]
        expect(not paths or path in paths, expected=wanted, observed=asked, try_="What does the program answer there?")
    else:
        expect(
            connection,
            expected=wanted,
            observed=f"{asked}, by a connection, which a program that hangs takes, too",
            try_=EXPLAIN.format(f"{kind}.httpGet"),
        )
    return probe


def expect_acts_within(container: Any, kind: str, *, most: int, least: int = 0, deed: str) -> None:
    """A readiness or liveness probe acts in time, and not too soon.

    Args:
        container: which has the probe.
        kind: such as ``livenessProbe``.
        most: seconds.
        least: seconds.
        deed: what it does: ``"is restarted"``.

    Raises:
        NotYet: it does not; the verdict tells the numbers.
    """
    probe = probe_of(container, kind)
    seconds = seconds_to_act(probe)
    bounds = f"after {most} s at most" + (f", and not before {least} s" if least else "")
    timeout = probe.timeout_seconds or 1
    late = (
        f", timeoutSeconds {timeout}, which is longer than the period" if timeout > (probe.period_seconds or 10) else ""
    )
    expect(
        least <= seconds <= most,
        expected=f"{container.name}, when it does not answer, {deed} {bounds}",
        observed=f"{seconds} s: the {kind} has periodSeconds {probe.period_seconds or 10}, "
        f"failureThreshold {probe.failure_threshold or 3}{late}",
        try_="It acts after periodSeconds × failureThreshold; a question may take timeoutSeconds.",
    )


def expect_startup(container: Any, *, least: int, most: int | None = None) -> None:
    """A start may take some time before a container is given up. Raises NotYet; times are in seconds."""
    probe = probe_of(container, "startupProbe")
    seconds = seconds_to_start(probe)
    bounds = f"at least {least} s" + (f" and {most} s at most" if most else "")
    expect(
        least <= seconds and (most is None or seconds <= most),
        expected=f"a startupProbe that gives {container.name} {bounds}",
        observed=f"{seconds} s: periodSeconds {probe.period_seconds or 10}, failureThreshold "
        f"{probe.failure_threshold or 3}",
        try_="It gives up after periodSeconds × failureThreshold; a program that is up sooner waits for nothing.",
    )


def _where(port: int, paths: Sequence[str]) -> str:
    return f"{' or '.join(paths)} at port {port}" if paths else f"port {port}"


def _asked(probe: Any, container: Any) -> str:
    """What a probe asks, as a verdict tells it."""
    if probe._exec:
        return f"it runs `{' '.join(probe._exec.command or [])[:80]}`"
    target = probe.http_get or probe.tcp_socket or probe.grpc
    if target is None:
        return "it asks nothing"
    number = port_number(target.port, [container])
    named = "" if str(target.port).isdecimal() else f" ({target.port}: {number or 'no port of it has this name'})"
    where = f"port {target.port if str(target.port).isdecimal() else number}{named}"
    how = f", path {probe_path(probe.http_get)}" if probe.http_get else ""
    return f"it asks {where}{how}"


def _instead(spec: Any, container: Any, kind: str) -> str:
    """What a learner may have taken for the probe that is missing."""
    others = [c.name for c in working_containers(spec) if c is not container and probe_of(c, kind)]
    if others:
        return f"; the container {' and '.join(others)} has one"
    liveness = container.liveness_probe
    if kind == "startupProbe" and liveness and liveness.initial_delay_seconds:
        return f"; the livenessProbe waits {liveness.initial_delay_seconds} s at each start, however long it takes"
    there = [name for name in KINDS if probe_of(container, name)]
    return f"; it has a {' and a '.join(there)}" if there else ""
