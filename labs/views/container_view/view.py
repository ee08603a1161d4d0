"""The container view: one container from both sides, live: state, namespaces, limits, processes, mounts, networks."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from labs.views.container_view import namespaces, stats
from labs.views.container_view.state import health_of, mounts_of, networks_of, ports_of, state_of
from labs.views.container_view.watch import ContainerFeed
from labs.views.framework.context import EngineContext
from labs.views.framework.view import View

__all__ = ["ContainerView", "container"]

MANY = 40  # processes; more are counted only
UNREADABLE = (
    "Docker's machine does not let this notebook read /proc (it is another machine, or this account is not root): "
    "there are no numbers, and whose a namespace is, is what Docker was told."
)


def container(lab: EngineContext, name: Any) -> ContainerView:
    """Show one container: state, namespaces, use of its limits, processes from both sides, mounts and networks; live.

    It follows the name: a container that is replaced by another one of that name is shown when it comes.

    Args:
        lab: the lesson, from `open_lab`.
        name: such as ``"weather-store"``, or a container of docker-py.
    """
    return ContainerView(lab, name if isinstance(name, str) else name.name)


class ContainerView(View):
    """See `container`."""

    FOLDER = Path(__file__).parent
    TITLE = "Container"

    def __init__(self, lab: EngineContext, name: str) -> None:
        self._context, self._container = lab, name.removeprefix("/")
        super().__init__(lab, f"Container {self._container}")

    def begin(self) -> None:
        self._feed = ContainerFeed(self._context, self.changed, self._container, getattr(self, "_feed", None))
        self.hold("docker", self._feed)

    def draw(self) -> dict[str, Any]:
        if not self._feed.is_filled:
            return dict(self.picture)
        attrs, sampler = self._feed.attrs, self._feed.sampler
        if attrs is None:
            why = self._feed.gone or "It is shown when there is one."
            word = f"there is no container {self._container}" + (" any more" if self._feed.gone else "")
            return {"summary": word, "here": False, "mark": "gone", "word": word, "why": why}
        state = state_of(attrs)
        running = bool(attrs["State"].get("Running"))
        ours = sampler if sampler and sampler.run[0] == attrs["Id"] else None
        proc = self._feed.proc if running else None
        numbers = proc.namespaces(attrs["State"]["Pid"]) if proc else None
        config = attrs["Config"]
        sample, measured = _shown(attrs, ours)
        bars = stats.usage_of(sample, attrs, ours.peak if ours else 0)
        stats.add_traces(bars, ours.past if ours else [], attrs)
        processes = ours.processes if ours and running else []
        return {
            "summary": state.word,
            "over": state.mark in {"bad", "done", "gone"} and not running,
            "here": True,
            "mark": state.mark,
            "word": state.word,
            "why": state.why,
            "problem": ours.problem if ours else "",
            "health": health_of(attrs),
            "id": attrs["Id"][:12],
            "image": config.get("Image", ""),
            "command": " ".join([attrs.get("Path", ""), *(attrs.get("Args") or [])]).strip(),
            "policy": ((attrs.get("HostConfig") or {}).get("RestartPolicy") or {}).get("Name") or "no",
            "pid": attrs["State"].get("Pid") or 0,
            "running": running,
            "bars": bars,
            "measured": measured,
            "namespaces": namespaces.namespaces(attrs, numbers, remapped=self._feed.remapped),
            "unreadable": UNREADABLE if running and not numbers else "",
            "processes": processes[:MANY],
            "more": max(len(processes) - MANY, 0),
            "one_sided": ours.one_sided if ours and running else "",
            "mounts": mounts_of(attrs),
            "networks": networks_of(attrs),
            "ports": ports_of(attrs),
        }

    def to_text(self, picture: dict[str, Any]) -> str:
        head = picture["word"] + (f": {picture['why']}" if picture["why"] else "")
        if not picture["here"]:
            return head
        lines = [head, f"image {picture['image']}, command {' '.join(picture['command'].split())}"]
        lines += [f"health: {picture['health']}"] if picture["health"] else []
        lines += [f"{b['name']:6}  {b['value']}  of  {b['limit']}" for b in picture["bars"]]
        lines += [picture["measured"]] if picture["measured"] else []
        lines += ["namespace  container   machine     whose"]
        lines += [
            f"{n['kind']:9}  {n['own'] or '–':<10}  {n['host'] or '–':<10}  {n['whose']}" for n in picture["namespaces"]
        ]
        lines += [picture["unreadable"]] if picture["unreadable"] else []
        if picture["processes"]:
            lines += ["PID on the machine  PID in the container  command"]
            lines += [f"{p['pid']:<18}  {p['inner'] or '–':<20}  {p['command']}" for p in picture["processes"]]
            lines += [f"and {picture['more']} more"] if picture["more"] else []
        lines += [picture["one_sided"]] if picture["one_sided"] else []
        for title, key in (("mount", "mounts"), ("network", "networks"), ("port", "ports")):
            lines += [f"{title} {line}" for line in picture[key]]
        return "\n".join(lines)


def _shown(attrs: dict[str, Any], sampler: Any) -> tuple[dict[str, Any], str]:
    """The sample for the bars, and what it is where it is not what is used now."""
    if not sampler or not sampler.sample:
        waits = attrs["State"].get("Running")
        return {}, "Docker has not sent a first sample yet." if waits else "It is not measured: it is not running."
    if attrs["State"].get("Running"):
        return sampler.sample, ""
    if attrs["State"].get("OOMKilled") and sampler.past:  # the last one may have come when its memory was free again
        most = max((sample for _, sample in sampler.past), key=lambda sample: stats.memory_used(sample) or 0)
        return most, "It is not running. This is the last sample before the kernel killed it."
    return sampler.sample, "It is not running. This is the last sample of it."
