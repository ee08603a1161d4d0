"""The engines' state in the few words that fit on a page: starting, ready, stopped, at fault, or not there."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from threading import Lock
from typing import Any

from labs import engines
from labs.curriculum.lessons import docker_lessons
from labs.engines.choice import WHY, in_sentences
from labs.engines.runtime.component import Component
from labs.engines.runtime.reporter import Startup
from labs.errors import LabsError, NotRunning

__all__ = ["CachedCall", "describe", "engine_state"]

GOES_ON = "When the start has ended, `labs up` in a terminal tries the rest again; nothing is lost."


def engine_state() -> dict[str, Any]:
    """The state of this process' course, as plain JSON values; never raises.

    Returns:
        A dictionary::

            {"state": "starting",       # or "ready", "stopped", "fault", "absent"
             "brief": "Kubernetes programs 43 %",        # fits into a status bar
             "sentence": "...", "todo": "...",           # what there is, and what to do; todo may be empty
             "steps": [{"name": "Kubernetes programs", "detail": "...", "percent": 43}],    # percent may be None
             "done": ["network"],                        # steps that are done
             "failed": [{"name": "pause", "detail": "..."}],     # steps that failed, and why
             "skipped": ["nodes"],                       # steps that will not be done because of them
             "course": "default", "kind": "host",        # empty when there is no course
             "why": "Engine host: you are root.",        # which engine it is and why; empty when nobody knows
             "id": "0a1b2c3d"}                           # another one when the course was set up again
    """
    try:
        engine = engines.current()
        startup = engine.startup()
        # while it starts the file tells all: to ask components that are just coming up costs time and says less
        components = [] if startup and startup.running else engine.status()
    except NotRunning as error:
        return _absent(error)
    except LabsError as error:
        return _state("fault", "fault", error.what, error.todo)
    except Exception as error:  # a page that shows nothing helps nobody
        what = f"The state of the engines cannot be told ({type(error).__name__}: {error})."
        return _state("fault", "fault", what, "`labs status` in a terminal may say more.")
    why = engine.record.settings.get(WHY, "")
    whose = {"course": engine.name, "kind": engine.kind, "id": engine.record.id}
    whose["why"] = in_sentences(engine.kind, why) if why else ""
    return {**describe(startup, components), **whose}


def describe(startup: Startup | None, components: Sequence[Component]) -> dict[str, Any]:
    """What the last start and the components come to, as `engine_state` gives it but without the course's own.

    Args:
        startup: how far the last `labs up` is, or how it ended.
        components: the state of each; not looked at while a start is at work.
    """
    if startup and (startup.running or startup.failed):
        return _starting(startup) if startup.running else _in_part(startup, components)
    failed = [c.name for c in components if c.state == "failed"]
    stopped = [c.name for c in components if c.state == "stopped"]
    if not failed and not stopped:
        return _state("ready", "ready", "Docker and Kubernetes are running.", "")
    if len(stopped) == len(components):
        if startup and startup.error:
            return _state("fault", "fault", f"The last start ended with: {startup.error}", "`labs up` tries again.")
        return _state(
            "stopped", "stopped", "The course is stopped; nothing of it is lost.", "`labs up` starts it again."
        )
    if failed:
        why = f"`labs up` starts what is missing; `labs logs {failed[0]}` shows why it ended."
        return _state("fault", f"fault: {_list(failed)}", f"Ended by itself: {', '.join(failed)}.", why)
    sentence = f"Stopped: {', '.join(stopped)}. All else is running."
    todo = "If no lesson asked you to stop it: `labs up` starts what is missing."
    return _state("fault", f"{_list(stopped)} stopped", sentence, todo)


def _starting(startup: Startup) -> dict[str, Any]:
    steps: list[dict[str, Any]] = [
        {"name": name, "detail": detail, "percent": _percent(startup.fractions.get(name))}
        for name, detail in startup.steps.items()
    ]
    known = [step for step in steps if step["percent"] is not None]
    slowest = min(known, key=lambda step: step["percent"], default=None)
    brief = f"{slowest['name']} {slowest['percent']} %" if slowest else "starting"
    docker, kubernetes = startup.docker_works, startup.kubernetes_works
    sentence = "Docker is ready, Kubernetes is starting." if docker else "Docker and Kubernetes are starting."
    can_begin = f"{docker_lessons().capitalize()} can begin."
    todo = can_begin if docker else "You can read meanwhile; cells that need them wait."
    if startup.failed:
        brief = f"{brief}; {_list(list(startup.failed))} failed"
        no_docker, no_kubernetes = startup.why_not("images in Docker"), startup.why_not("nodes")
        sentences = [_word("Docker", docker, no_docker), _word("Kubernetes", kubernetes, no_kubernetes)]
        sentence = f"A part failed; what does not need it goes on. {' '.join(sentences)}"
        todo = f"{can_begin} {GOES_ON}" if docker else GOES_ON
    return _state("starting", brief, sentence, todo, steps=steps, done=startup.done, **_failed(startup))


def _word(name: str, works: bool, lost: str) -> str:
    return f"{name} is ready." if works else f"{name} will not come." if lost else f"{name} is starting."


def _in_part(startup: Startup, components: Sequence[Component]) -> dict[str, Any]:
    """A start that has ended with a part that failed."""
    running = {part.name for part in components if part.state == "running"}
    docker = "docker" in running and not startup.why_not("images in Docker")
    cluster = {part.name for part in components if part.name.startswith(("kube-apiserver", "kubelet/"))}
    kubernetes = bool(cluster) and cluster <= running
    todo = "`labs up` in a terminal goes on where it stopped; nothing is lost."
    if docker and kubernetes:
        sentence = "Docker and Kubernetes run, but a part of the last start failed."
    elif docker:
        which = "Docker and the registry run" if "registry" in running else "Docker runs"
        sentence = f"{which}: {docker_lessons()} can be done. Kubernetes does not run, because a part failed."
    elif kubernetes:
        sentence = "Kubernetes runs. Docker does not, because a part failed."
    else:
        sentence = "Neither Docker nor Kubernetes runs, because a part failed."
    if ended := [part.name for part in components if part.state == "failed"]:
        sentence += f" Ended by itself: {', '.join(ended)}."
    brief = f"{_list(list(startup.failed))} failed{'; Docker works' if docker and not kubernetes else ''}"
    return _state("fault", brief, sentence, todo, done=startup.done, **_failed(startup))


def _failed(startup: Startup) -> dict[str, Any]:
    failed = [{"name": name, "detail": words} for name, words in startup.failed.items()]
    return {"failed": failed, "skipped": list(startup.skipped)}


def _percent(fraction: float | None) -> int | None:
    return None if fraction is None else round(100 * min(max(fraction, 0), 1))


def _list(names: list[str]) -> str:
    return names[0] if len(names) == 1 else f"{names[0]} and {len(names) - 1} more"


def _absent(error: NotRunning) -> dict[str, Any]:
    todo = "`labs up` in a terminal starts it; then run the notebook's cells again from the top."
    return _state("absent", "not running", error.what, todo)


def _state(state: str, brief: str, sentence: str, todo: str, **more: Any) -> dict[str, Any]:
    summary = {"state": state, "brief": brief, "sentence": sentence, "todo": todo}
    lists: dict[str, list[Any]] = {"steps": [], "done": [], "failed": [], "skipped": []}
    return {**summary, **lists, "course": "", "kind": "", "id": "", "why": "", **more}


class CachedCall:
    """A function whose answer is reused for a while, so that several open pages cost no more than one.

    Args:
        function: without arguments; only one thread runs it at a time.
        seconds: how long an answer is good.
    """

    def __init__(self, function: Callable[[], dict[str, Any]], seconds: float) -> None:
        self.function, self.seconds = function, seconds
        self._lock, self._at = Lock(), 0.0
        self._answer: dict[str, Any] | None = None

    def __call__(self) -> dict[str, Any]:
        with self._lock:
            if self._answer is None or time.monotonic() - self._at > self.seconds:
                self._answer = self.function()
                self._at = time.monotonic()
            return self._answer
