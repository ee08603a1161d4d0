"""What a container uses of what it may use, computed from `docker stats` as Docker's own command line does."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from labs.views.framework.units import size_in_words

__all__ = ["add_traces", "cpu_percent", "limits_of", "memory_used", "usage_of"]


def cpu_percent(sample: dict[str, Any]) -> float | None:
    """Use of processors since the sample before, where 100 is one whole processor; None in the first sample.

    The rule is that of docker/cli, ``calculateCPUPercentUnix``.
    """
    now, before = sample.get("cpu_stats") or {}, sample.get("precpu_stats") or {}
    if "system_cpu_usage" not in now or not before.get("system_cpu_usage"):
        return None
    used = now["cpu_usage"]["total_usage"] - before["cpu_usage"]["total_usage"]
    system = now["system_cpu_usage"] - before["system_cpu_usage"]
    count = now.get("online_cpus") or len(now["cpu_usage"].get("percpu_usage") or []) or 1
    return used / system * count * 100 if system > 0 and used > 0 else 0.0


def memory_used(sample: dict[str, Any]) -> int | None:
    """Bytes of memory without the page cache that the kernel can take back; None where Docker counts none.

    The rule is that of docker/cli, ``calculateMemUsageUnixNoCache``: cgroup v1 has ``total_inactive_file``, v2
    ``inactive_file``.
    """
    memory = sample.get("memory_stats") or {}
    if "usage" not in memory:
        return None
    stats = memory.get("stats") or {}
    for name in ("total_inactive_file", "inactive_file"):
        if name in stats:
            return memory["usage"] - stats[name] if stats[name] < memory["usage"] else memory["usage"]
    return memory["usage"]


def limits_of(attrs: dict[str, Any]) -> dict[str, Any]:
    """What a container may use.

    Args:
        attrs: as ``docker inspect`` gives them.

    Returns:
        ``memory`` in bytes, ``cpus`` in processors, ``pids`` in processes; 0 where nothing is limited.
    """
    config = attrs.get("HostConfig") or {}
    cpus = (config.get("NanoCpus") or 0) / 1e9
    if not cpus and (config.get("CpuQuota") or 0) > 0:
        cpus = config["CpuQuota"] / (config.get("CpuPeriod") or 100_000)
    return {"memory": config.get("Memory") or 0, "cpus": cpus, "pids": max(config.get("PidsLimit") or 0, 0)}


def usage_of(sample: dict[str, Any], attrs: dict[str, Any], peak: int = 0) -> list[dict[str, Any]]:
    """Bars of use against limits.

    Args:
        sample: one of ``docker stats``.
        attrs: as ``docker inspect`` gives them.
        peak: the most memory seen, in bytes.

    Returns:
        For memory, CPU and pids: ``name``, ``value`` and ``limit`` as text, ``share`` and ``peak`` of the limit from 0
        to 1 (None without a limit), ``mark``.
    """
    limits = limits_of(attrs)
    return [_memory(sample, limits["memory"], peak), _cpu(sample, limits["cpus"]), _pids(sample, limits["pids"])]


def add_traces(bars: list[dict[str, Any]], past: Sequence[tuple[float, dict[str, Any]]], attrs: dict[str, Any]) -> None:
    """Add to each bar how it was in the minute before the last sample.

    Args:
        bars: as of `usage_of`. Each gets ``trace``, pairs of seconds before the last sample and a value (bytes, percent
            or processes), and ``trace_top``, the limit in the same unit, or where there is none, the most.
        past: samples with the time in seconds at which each came, oldest first.
        attrs: as ``docker inspect`` gives them.
    """
    limits = limits_of(attrs)
    last = past[-1][0] if past else 0.0
    values = (
        (memory_used, limits["memory"]),
        (cpu_percent, limits["cpus"] * 100),
        (lambda sample: (sample.get("pids_stats") or {}).get("current"), limits["pids"]),
    )
    for bar, (value_of, limit) in zip(bars, values, strict=True):
        found = [(last - at, value_of(sample)) for at, sample in past]
        bar["trace"] = [[round(ago, 1), round(value, 1)] for ago, value in found if value is not None and ago <= 60]
        bar["trace_top"] = limit or max((value for _, value in bar["trace"]), default=0) * 1.1


def _bar(name: str, value: str, limit: str, share: float | None, peak: float = 0) -> dict[str, Any]:
    share = None if share is None else round(min(share, 1), 3)
    mark = "good" if share is None or share < 0.75 else "wait" if share < 0.95 else "bad"
    return {"name": name, "value": value, "limit": limit, "share": share, "peak": round(min(peak, 1), 3), "mark": mark}


def _memory(sample: dict[str, Any], limit: int, peak: int) -> dict[str, Any]:
    used = memory_used(sample)
    if used is None:
        return _bar(
            "memory", "not counted here" if sample else "not measured", _bytes(limit) if limit else "no limit", None
        )
    if not limit:
        machine = (sample.get("memory_stats") or {}).get("limit") or 0
        return _bar(
            "memory", _bytes(used), "no limit" + (f"; the machine has {_bytes(machine)}" if machine else ""), None
        )
    return _bar("memory", _bytes(used), _bytes(limit), used / limit, peak / limit)


def _cpu(sample: dict[str, Any], limit: float) -> dict[str, Any]:
    percent = cpu_percent(sample)
    throttled = _throttled(sample)
    usage = (
        ("measuring" if sample else "not measured")
        if percent is None
        else f"{percent:.0f} % of one processor"
        if percent >= 1
        else "idle"
    )
    usage += f"; slowed down in {throttled}" if throttled else ""
    if not limit:
        return _bar("CPU", usage, "no limit", None)
    plural = "" if limit == 1 else "s"
    return _bar("CPU", usage, f"{limit:g} processor{plural}", (percent or 0) / (limit * 100))


def _throttled(sample: dict[str, Any]) -> str:
    """In how many of the kernel's periods since the last sample the container was held back."""
    now, before = ((sample.get(key) or {}).get("throttling_data") or {} for key in ("cpu_stats", "precpu_stats"))
    held = now.get("throttled_periods", 0) - before.get("throttled_periods", 0)
    periods = now.get("periods", 0) - before.get("periods", 0)
    return f"{held} of {periods} periods" if before.get("periods") and 0 < held <= periods else ""


def _pids(sample: dict[str, Any], limit: int) -> dict[str, Any]:
    count = (sample.get("pids_stats") or {}).get("current")
    usage = "not counted here" if sample else "not measured"
    if count is not None:
        usage = f"{count} processes and threads" if count != 1 else "1 process"
    share = count / limit if limit and count is not None else None
    return _bar("pids", usage, str(limit) if limit else "no limit", share)


def _bytes(size: int) -> str:
    """Memory in binary units, as limits are given; files are told in decimal ones."""
    for unit, factor in (("GiB", 2**30), ("MiB", 2**20), ("KiB", 2**10)):
        if size >= factor:
            return f"{size / factor:.1f} {unit}".replace(".0 ", " ")
    return size_in_words(size)
