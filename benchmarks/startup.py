"""How fast the engines are and what memory they take, measured on a course of its own."""

from __future__ import annotations

import io
import os
import statistics
import time
from collections.abc import Callable, Sequence
from contextlib import closing, suppress
from dataclasses import asdict, dataclass

import psutil
from rich.console import Console
from rich.table import Table

from labs import engines
from labs.engines.base import CourseOptions, Engine
from labs.engines.managed import ManagedEngine
from labs.engines.runtime.privileges import require_root
from labs.engines.runtime.reporter import Reporter
from labs.engines.runtime.state import State
from labs.errors import NotSupported
from labs.waiting import wait_for_pods, wait_for_rollout, wait_gone

__all__ = ["Row", "measure", "show"]

COURSE = "labs-bench"
"""No name that a person would give; a course of it that was left by a killed measurement is removed."""
IDLE = 30  # seconds
RECIPE = {  # seconds or MB, as measured when the engines were tried out by hand on two busy cores
    "warm up to node Ready": "< 8",
    "Deployment of 3 pods": "3 (of 2 containers)",
    "rolling update of 3 replicas": "2.8",
    "first container": "0.33-0.37",
    "whole course": "< 550",
    "idle, of one core": "< 10",
}


@dataclass(frozen=True)
class Row:
    """One figure of an engine.

    Attributes:
        unit: of the values.
        values: all that were taken.
        goal: what is aimed at, or an earlier figure.
    """

    engine: str
    what: str
    unit: str
    values: tuple[float, ...]
    goal: str = ""

    def as_dict(self) -> dict:
        """The same as plain JSON values, with the median."""
        return {**asdict(self), "median": statistics.median(self.values)}


def measure(runs: int, kinds: Sequence[str]) -> list[Row]:
    """Take every figure ``runs`` times for each engine, on a course that is removed afterwards.

    Args:
        runs: how often.
        kinds: ``host``, ``usermode`` or both, which then take turns.

    Raises:
        NotSupported: one is none of these.
        LabsError: one does not start here.
    """
    if any(_managed(kind).needs_root for kind in kinds):
        require_root("benchmarks")
    values: dict[tuple[str, str, str], list[float]] = {}
    for _ in range(runs):
        for kind in kinds:
            _take(kind, values)
    return [Row(*key, tuple(taken), RECIPE.get(key[1], "")) for key, taken in values.items()]


def _managed(kind: str) -> type[ManagedEngine]:
    engine = engines.kind(kind)
    if not issubclass(engine, ManagedEngine):
        raise NotSupported(f"The engine {kind} is none that the course starts.", "Choose host, usermode or both.")
    return engine


def _take(kind: str, values: dict[tuple[str, str, str], list[float]]) -> None:
    """Take every figure of one engine once."""

    def note(what: str, value: float, unit: str = "s") -> None:
        values.setdefault((kind, what, unit), []).append(value)

    os.environ["LABS_NAME"] = COURSE
    state = State.of(COURSE, system=os.geteuid() == 0)
    with state.lock():
        if state.exists:
            engines.of(state).remove()
        try:
            engine = _up(state, kind, "cold", note)
            _docker(engine, note)
            _kubernetes(engine, note)
            _check(note)
            for name, megabytes in _memory(engine).items():
                note(name, megabytes, "MB")
            note("idle, of one core", _idle(engine), "%")
            _timed("stop", note, engine.halt)
            engine = _up(state, kind, "warm", note)
            _timed("down", note, engine.remove)
        finally:
            if state.exists:
                engines.of(state).remove()


def show(rows: list[Row], console: Console) -> None:
    """Print the figures as a table."""
    table = Table(box=None, pad_edge=False, title=f"{os.cpu_count()} cores, kernel {os.uname().release}")
    for column in ("engine", "", "median", "least", "most", "goal or trial"):
        table.add_column(column, justify="left" if column in ("engine", "") else "right")
    kinds = list(dict.fromkeys(row.engine for row in rows))
    for row in sorted(rows, key=lambda row: [r.what for r in rows].index(row.what)):  # engines beside each other
        digits = 0 if row.unit == "MB" else 2
        figures = [f"{f(row.values):.{digits}f}" for f in (statistics.median, min, max)]
        table.add_row(
            row.engine if len(kinds) > 1 else "", row.what, f"{figures[0]} {row.unit}", *figures[1:], row.goal
        )
    console.print(table)


Note = Callable[..., None]


def _timed(what: str, note: Note, work: Callable[[], object]) -> None:
    began = time.monotonic()
    work()
    note(what, time.monotonic() - began)


def _up(state: State, kind: str, start: str, note: Note) -> ManagedEngine:
    began = time.monotonic()
    engine = _managed(kind).create(state, name=COURSE, options=CourseOptions(nodes=1))
    reporter = Reporter(quiet=True)
    with reporter:
        engine.up(reporter)
    note(f"{start} up to Docker Engine", reporter.seconds["Docker Engine"])
    note(f"{start} up to node Ready", reporter.seconds["nodes"])
    note(f"{start} up, names resolving", time.monotonic() - began)
    return engine


def _docker(engine: Engine, note: Note) -> None:
    import docker

    with closing(docker.DockerClient(base_url=engine.docker_host)) as client:
        _timed("first container", note, lambda: client.containers.run("labs/shell:1", "true", remove=True))
        dockerfile = b'FROM labs/python:3\nRUN echo \'print(1)\' > /app.py\nCMD ["python3", "/app.py"]\n'
        _timed("image build", note, lambda: client.images.build(fileobj=io.BytesIO(dockerfile), tag="bench:1"))


def _kubernetes(engine: Engine, note: Note) -> None:
    from kubernetes import client, config

    config.load_kube_config(str(engine.kubeconfig))
    core, apps = client.CoreV1Api(), client.AppsV1Api()
    container = {
        "name": "web",
        "image": "labs/web:1",
        "readinessProbe": {"httpGet": {"path": "/healthz", "port": 80}, "periodSeconds": 1},
    }
    pod = {"metadata": {"name": "first", "labels": {"app": "first"}}, "spec": {"containers": [container]}}

    def first_pod() -> None:
        core.create_namespaced_pod("default", pod)
        wait_for_pods(core, "default", "app=first", 1, 60)

    _timed("first pod", note, first_pod)
    labels = {"app": "web"}
    deployment = {
        "metadata": {"name": "web"},
        "spec": {
            "replicas": 3,
            "selector": {"matchLabels": labels},
            "template": {"metadata": {"labels": labels}, "spec": {"containers": [container]}},
        },
    }

    def three_pods() -> None:
        apps.create_namespaced_deployment("default", deployment)
        wait_for_rollout(apps, "web", "default", 60)

    def update() -> None:
        image = {"spec": {"template": {"spec": {"containers": [{"name": "web", "image": "labs/web:2"}]}}}}
        apps.patch_namespaced_deployment("web", "default", image)
        wait_for_rollout(apps, "web", "default", 60)

    _timed("Deployment of 3 pods", note, three_pods)
    _timed("rolling update of 3 replicas", note, update)
    core.delete_namespaced_pod("first", "default", grace_period_seconds=0)
    wait_gone(lambda: core.read_namespaced_pod("first", "default"), 30)


def _check(note: Note) -> None:
    from labs import checks
    from labs.session.opening import lab_of

    lab = lab_of("04")
    _timed("verdict of a check", note, lambda: checks.run("ex-04-1", lab))
    lab.cleanup()


def _idle(engine: ManagedEngine) -> float:
    """How much of one core the course takes while nobody asks anything of it, in percent."""
    from kubernetes import client

    client.AppsV1Api().delete_namespaced_deployment("web", "default")
    wait_gone(lambda: client.AppsV1Api().read_namespaced_deployment("web", "default"), 30)
    time.sleep(IDLE / 3)  # its pods end
    before, began = _cpu_seconds(engine), time.monotonic()
    time.sleep(IDLE)
    return 100 * (_cpu_seconds(engine) - before) / (time.monotonic() - began)


def _cpu_seconds(engine: ManagedEngine) -> float:
    total = 0.0
    for process in _processes(engine):
        with suppress(psutil.Error, OSError):
            times = process.cpu_times()
            total += times.user + times.system
    return total


def _processes(engine: ManagedEngine) -> set[psutil.Process]:
    """Every process of a course, containers' too."""
    return {p for marked in engine.processes.marked() for p in [marked, *marked.children(recursive=True)]}


def _memory(engine: ManagedEngine) -> dict[str, float]:
    """Megabytes of each component (proportional set size: shared pages are divided among those that share them)."""
    found = {}
    for component in engine.status():
        pid = engine.processes.component(component.name).pid  # of a kernel of its own, that is all
        if pid:
            found[component.name] = psutil.Process(pid).memory_full_info().pss / 2**20
    total = 0
    for process in _processes(engine):
        with suppress(psutil.Error, OSError):
            total += process.memory_full_info().pss
    found["whole course"] = total / 2**20
    return found
