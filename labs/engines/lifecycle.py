"""Up, stop and down: which engine, under which lock, and with whose rights."""

from __future__ import annotations

import os
from contextlib import suppress
from pathlib import Path

import psutil

from labs import engines
from labs.engines import choice
from labs.engines.base import STARTUP, CourseOptions, Engine
from labs.engines.programs import command_line
from labs.engines.runtime.privileges import require_root
from labs.engines.runtime.reporter import Reporter, Startup, read_startup
from labs.engines.runtime.state import State, course_name
from labs.engines.runtime.user_folders import cache_folder, make_cache_folder, owner
from labs.errors import NotRunning, NotSupported
from labs.waiting import wait_for

__all__ = ["disable", "down", "enable", "prepare", "stop", "up"]

PREPARED = "labs-prepare"
"""The course that `labs prepare` makes and removes; no name that a person would give."""
PATIENCE = 3600
"""Seconds in which another `labs up` may end, as one that builds everything."""


def up(
    *,
    nodes: int | None = None,
    engine: str = "",
    context: str = "",
    kubeconfig: str = "",
    docker: str = "",
    registry: str = "",
    quiet: bool = False,
) -> None:
    """Start the course or what of it does not run.

    Args:
        nodes: as in `labs.engines.base.CourseOptions`, and so the next four.
        context: to attach to.
        kubeconfig: that holds it.
        docker: to attach to.
        registry: that both of them reach.
        engine: ``host``, ``usermode`` or ``attached``; empty chooses.
        quiet: show no progress.

    Raises:
        LabsError: it could not be started; what was begun is kept for the next try.
    """
    name = course_name()
    existing = State.of(name, system=True)
    record = existing.read() if existing.exists else None
    options = CourseOptions(nodes, context, kubeconfig, docker, registry)
    chosen = choice.choose(record, engine, options)
    course = engines.kind(chosen.kind)
    if record and chosen.kind != record.engine:
        raise NotSupported(
            f"The course {name!r} has the engine {record.engine!r} already, not {chosen.kind!r}.",
            "Run `labs down` first, or choose another course: `labs --name NAME up`.",
        )
    if course.needs_root:
        require_root()
    make_cache_folder()
    state = course.state_of(name)
    try:
        with Reporter(quiet=quiet) as waiting:
            has_waited = _wait_for_other(state, waiting)
        with state.lock(patience=10 if has_waited else 0), Reporter(quiet=quiet) as reporter:
            reporter.say(str(chosen))
            started = course.create(state, name=name, options=options)
            _note(chosen, started, state)
            started.up(reporter)
    finally:
        if course.is_managed:
            _give_back(cache_folder())


def _wait_for_other(state: State, reporter: Reporter) -> bool:
    """Let another `labs up` of this course end, and return whether there was one.

    It may be one that goes on after JupyterLab was closed; what it did not do is done by this one.

    Args:
        state: the course's folder.
        reporter: shows how far the other one is.

    Raises:
        Timeout: it did not end.
    """

    def other() -> Startup | None:
        startup = read_startup(state.folder / STARTUP)
        return startup if startup and startup.running else None

    if not other():
        return False
    step = reporter.begin("another `labs up`")

    def has_ended() -> bool:
        startup = other()
        step.update(str(startup or "")[:100])
        return startup is None

    wait_for(has_ended, timeout=PATIENCE, what="another `labs up` of this course to end", interval=0.3)
    reporter.end("another `labs up`", None)
    return True


def prepare(*, engine: str = "", quiet: bool = False) -> None:
    """Fetch and build all that courses need, so that they start in seconds and without a network.

    Args:
        engine: ``host`` or ``usermode``; empty chooses.
        quiet: show no progress.

    Raises:
        LabsError: something could not be fetched or built; the next try goes on from there.
    """
    chosen = choice.choose(None, engine)
    course = engines.kind(chosen.kind)
    if not course.is_managed:
        raise NotSupported("An attached cluster needs nothing beforehand.", "`labs up --context NAME` attaches to it.")
    if course.needs_root:
        require_root()
    make_cache_folder()
    state = course.state_of(PREPARED)
    try:
        with state.lock(), Reporter(quiet=quiet) as reporter:
            reporter.say(str(chosen))
            if state.exists:  # of one that was killed
                engines.of(state).remove()
            prepared = course.create(state, name=PREPARED)
            try:
                prepared.prepare(reporter)
            finally:
                prepared.remove()
    finally:
        _give_back(cache_folder())


def enable(extra: str, *, quiet: bool = False) -> str:
    """Start what a cluster has only where somebody wants it, or fetch a command.

    Args:
        extra: ``ingress`` or ``helm``.
        quiet: show no progress.

    Returns:
        Where it is reached, as a sentence.

    Raises:
        LabsError
    """
    if extra == command_line.HELM:
        return _fetch_helm(quiet)
    engine = engines.current()
    if engine.needs_root:
        require_root()
    make_cache_folder()
    try:
        with engine.state.lock(), Reporter(quiet=quiet) as reporter:
            return engine.enable(extra, reporter)
    finally:
        _give_back(cache_folder())


def disable(extra: str) -> None:
    """Remove what `enable` has started.

    Args:
        extra: as there.

    Raises:
        LabsError
    """
    if extra == command_line.HELM:
        raise NotSupported(
            "Helm is a command in the course's cache, and nothing of it runs.",
            f"It is in {command_line.helm_folder()}.",
        )
    engine = engines.current()
    if engine.needs_root:
        require_root()
    with engine.state.lock():
        engine.disable(extra)


def _fetch_helm(quiet: bool) -> str:
    """Helm talks to whatever cluster there is, so it needs none here."""
    make_cache_folder()
    try:
        with Reporter(quiet=quiet) as reporter:
            command_line.ensure_helm(reporter.begin("Helm"))
            reporter.end("Helm", None)
    finally:
        _give_back(cache_folder())
    return "The command `helm` is there, in notebooks and in terminals of the course."


def _note(chosen: choice.Choice, started: Engine, state: State) -> None:
    """Keep with a new course why it has its engine, for `labs status` and the course page."""
    if started.is_managed and not chosen.existing:
        started.record.settings[choice.WHY] = chosen.why
        state.write(started.record)


def _give_back(folder: Path) -> None:
    """Under sudo: what root put into the user's cache must belong to the user."""
    uid, gid = owner()
    if uid == os.getuid():
        return
    for path in [folder, *folder.rglob("*")]:
        with suppress(OSError):
            if path.lstat().st_uid == 0:
                os.chown(path, uid, gid, follow_symlinks=False)


def stop() -> None:
    """Stop the course and keep what it holds.

    Raises:
        NotRunning: there is none.
    """
    state = State.of(course_name(), system=True)
    if not state.exists:
        raise NotRunning("There is no course to stop.", "`labs up` starts one.")
    record = state.read()
    if engines.kind(record.engine).needs_root:
        require_root()
    with state.lock():
        engines.of(state, record).halt()
        # what failed in a start says nothing of a course that is stopped
        (state.folder / STARTUP).unlink(missing_ok=True)


def down() -> bool:
    """Remove the course with all that it started; return whether there was one."""
    state = State.of(course_name(), system=True)
    if not state.folder.is_dir():
        return False
    if not state.exists:  # begun or removed in part; nothing but the folder is left
        if not os.access(state.folder.parent, os.W_OK):
            require_root()
        with state.lock():
            state.remove()
        return True
    record = state.recover()
    if engines.kind(record.engine).needs_root:
        require_root()
    _interrupt(read_startup(state.folder / STARTUP))
    with state.lock(patience=10):
        engines.of(state, record).remove()
    return True


def _interrupt(startup: Startup | None) -> None:
    """End a `labs up` that is at work, with the compilers and package managers that it has started.

    The daemons stay: they are another process group, and are ended by their mark.
    """
    if startup is None or not startup.running:
        return
    with suppress(psutil.Error, OSError):
        process = psutil.Process(startup.pid)
        helpers = [
            child for child in process.children(recursive=True) if os.getsid(child.pid) == os.getsid(startup.pid)
        ]
        for each in [process, *helpers]:
            each.kill()
        process.wait(5)
