"""What `labs status` prints."""

from __future__ import annotations

import json
import shutil

from rich.console import Console
from rich.table import Table

from labs import engines

__all__ = ["show_status"]

FULL = 64 << 20  # bytes free on a disk on which daemons soon end


def show_status(console: Console, *, as_json: bool = False) -> bool:
    """Print what runs; return whether all of it does.

    Args:
        console: where to.
        as_json: for programs.

    Raises:
        NotRunning: no course is up.
    """
    engine = engines.current()
    startup = engine.startup()
    components = engine.status()
    if as_json:
        summary = {
            "course": engine.name,
            "engine": engine.kind,
            "docker_host": engine.docker_host,
            "kubeconfig": str(engine.kubeconfig),
            "starting": startup.steps if startup and startup.running else {},
            "components": [component.as_dict() for component in components],
        }
        print(json.dumps(summary, indent=2))
        return all(component.state == "running" for component in components)
    table = Table(box=None, pad_edge=False)
    for column in ("component", "state", "pid", ""):
        table.add_column(column)
    marks = {"running": "[green]● running", "stopped": "[yellow]○ stopped", "failed": "[red]✗ failed"}
    for component in components:
        table.add_row(component.name, marks[component.state], str(component.pid or ""), component.detail)
    console.print(f"Course [bold]{engine.name}[/bold], engine {engine.kind}")
    console.print(table)
    if startup and startup.running:
        console.print(f"Being started: {startup}.")
    elif startup and startup.error:
        console.print(f"The last `labs up` ended with: {startup.error}", highlight=False)
    if any(component.state != "running" for component in components):
        if (free := shutil.disk_usage(engine.state).free) < FULL:
            console.print(
                f"The disk has {free >> 20} MB free at {engine.state}: free a gigabyte first.", highlight=False
            )
        console.print("`labs up` starts what does not run; `labs logs NAME` shows why something ended.")
        return False
    console.print(f"Docker:      export DOCKER_HOST={engine.docker_host}", soft_wrap=True, highlight=False)
    console.print(f"Kubernetes:  export KUBECONFIG={engine.kubeconfig}", soft_wrap=True, highlight=False)
    return True
