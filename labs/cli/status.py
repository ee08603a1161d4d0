"""What `labs status` prints."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator

from rich.console import Console
from rich.markup import escape
from rich.table import Table

from labs import engines
from labs.curriculum.lessons import docker_lessons
from labs.engines.choice import WHY
from labs.engines.other_courses import shared_localhost
from labs.engines.runtime.reporter import Startup

__all__ = ["show_status", "what_failed"]

FULL = 64 << 20  # bytes free on a disk on which daemons soon end


def show_status(console: Console, *, as_json: bool = False) -> bool:
    """Print what runs; return whether all of it does, and no start is at work.

    Args:
        console: where to.
        as_json: for programs.

    Raises:
        NotRunning: no course is up.
    """
    engine = engines.current()
    startup = engine.startup()
    components = engine.status()
    why = engine.record.settings.get(WHY, "")
    starting = startup if startup and startup.running else None
    works = all(component.state == "running" for component in components) and not (startup and startup.failed)
    runs = works and not starting
    if as_json:
        summary = {
            "course": engine.name,
            "engine": engine.kind,
            "docker_host": engine.docker_host,
            "kubeconfig": str(engine.kubeconfig),
            "why": why,
            "is_starting": starting is not None,
            "starting": starting.steps if starting else {},
            "failed": startup.failed if startup else {},
            "skipped": startup.skipped if startup else {},
            "components": [component.as_dict() for component in components],
        }
        print(json.dumps(summary, indent=2))
        return runs
    table = Table(box=None, pad_edge=False)
    for column in ("component", "state", "pid", ""):
        table.add_column(column)
    marks = {"running": "[green]● running", "stopped": "[yellow]○ stopped", "failed": "[red]✗ failed"}
    for component in components:
        table.add_row(component.name, marks[component.state], str(component.pid or ""), component.detail)
    console.print(
        f"Course [bold]{engine.name}[/bold], engine {engine.kind}" + escape(f": {why}." if why else ""), highlight=False
    )
    console.print(table)
    if others := shared_localhost(engine.name):
        console.print(escape(others), highlight=False, soft_wrap=True)
    if starting:
        console.print(f"Being started: {str(starting) or 'nearly done'}.")
    elif startup and startup.error and not startup.failed:
        console.print(escape(f"The last `labs up` ended with: {startup.error}"), highlight=False)
    for line in what_failed(startup) if startup else ():
        console.print(escape(line), highlight=False, soft_wrap=True)
    if starting and not starting.failed:
        return False
    if not runs:
        if (free := shutil.disk_usage(engine.folder).free) < FULL:
            console.print(
                f"The disk has {free >> 20} MB free at {engine.folder}: free a gigabyte first.", highlight=False
            )
        console.print("`labs up` starts what does not run and goes on where a start stopped; nothing is lost by it.")
        console.print("`labs logs NAME` shows why something ended.")
        return False
    console.print(f"Docker:      export DOCKER_HOST={engine.docker_host}", soft_wrap=True, highlight=False)
    console.print(f"Kubernetes:  export KUBECONFIG={engine.kubeconfig}", soft_wrap=True, highlight=False)
    return True


def what_failed(startup: Startup) -> Iterator[str]:
    """What of a start failed and what works all the same, a line each.

    Args:
        startup: at work or ended.
    """
    for name, reason in startup.failed.items():
        yield f"✗ {name}: {reason}"
        if lost := [step for step, cause in startup.skipped.items() if cause == name]:
            yield f"  Not there because of that: {', '.join(lost)}."
    if startup.failed and startup.docker_works and not startup.kubernetes_works:
        yield f"Docker works: {docker_lessons()} can be done."
    elif startup.failed and startup.kubernetes_works and not startup.docker_works:
        yield "Kubernetes works; what needs Docker does not."
