"""The commands `labs workshop rehearse` and `load`: simulated learners try what real ones will do."""

from __future__ import annotations

from contextlib import ExitStack
from pathlib import Path
from typing import Annotated

import typer
from rich.markup import escape
from rich.table import Table

from labs.engines.seat import SEATS
from labs.workshop.cli.options import (
    ALL,
    Address,
    Context,
    Docker,
    Kubeconfig,
    Lessons,
    Own,
    Pods,
    Registry,
    Server,
    console,
    named_cluster,
    progress,
    room_rules,
    say,
)
from labs.workshop.room import manifests

__all__ = ["load", "rehearse"]


def rehearse(  # noqa: PLR0917
    context: Context = "",
    kubeconfig: Kubeconfig = "",
    own: Own = False,
    lessons: Lessons = ALL,
    docker: Docker = "",
    registry: Registry = "",
    address: Address = "localhost",
    server: Server = "",
    pods: Pods = int(manifests.QUOTA["pods"]),
    patience: Annotated[int, typer.Option(min=10, help="Seconds that cells wait for anything.")] = 120,
    out: Annotated[Path, typer.Option(help="The folder for the notebooks that were run.")] = Path("rehearsal"),
) -> None:
    """Run every lesson's solution in a seat of its own, the evening before, and tell what would fail."""
    from labs.workshop.trial.crowd import crowd
    from labs.workshop.trial.rehearsal import rehearse as run

    docker, registry = _shared(own, docker, registry)
    rules = room_rules(lessons, registry, address, server, {**manifests.QUOTA, "pods": str(pods)})
    table = Table("lesson", "", "seconds", "pods", "memory asked for", "what would fail, or is short")
    with (
        named_cluster(context, kubeconfig, own) as cluster,
        crowd(cluster, ["rehearsal"], rules, docker) as (room, joined),
        progress("Lessons", len(rules.lessons)) as step,
    ):
        found = run(room, joined[0], rules.lessons, out, patience=patience, began=step)
    for one in found:
        pods_used, memory = ("/".join(one.used.get(name, ("?", "?"))) for name in ("pods", "requests.memory"))
        issues = "; ".join([*([one.failure] if one.failure else []), *one.tight])
        table.add_row(one.lesson, "✗" if one.failure else "✓", f"{one.seconds:.0f}", pods_used, memory, escape(issues))
    console.print(table)
    say(f"The notebooks as they ran are in {out}.")
    raise typer.Exit(1 if any(one.failure for one in found) else 0)


def load(  # noqa: PLR0917
    learners: Annotated[int, typer.Option(min=1, max=SEATS, help="How many work at once.")] = 30,
    context: Context = "",
    kubeconfig: Kubeconfig = "",
    own: Own = False,
    lessons: Lessons = ALL,
    think: Annotated[float, typer.Option(min=0, help="Seconds of thought before a cell, on average.")] = 8,
    docker: Docker = "",
    registry: Registry = "",
    address: Address = "localhost",
) -> None:
    """Let simulated learners work through lessons at once, on real engines, and tell what they had to wait for."""
    from labs.workshop.trial.crowd import crowd
    from labs.workshop.trial.load import measure

    docker, registry = _shared(own, docker, registry)
    rules = room_rules(lessons, registry, address, "", manifests.QUOTA)
    with named_cluster(context, kubeconfig, own) as cluster, ExitStack() as stack:
        names = [f"learner{number:02}" for number in range(1, learners + 1)]
        with progress("Joining", learners) as step:
            room, joined = stack.enter_context(crowd(cluster, names, rules, docker, step, workshop="load"))
        found = measure(room, joined, rules.lessons, think, say)
        for failure in found.failures:
            say(f"✗ {failure}")
        table = Table("figure", "value")
        for row in found.rows():
            table.add_row(*row)
        console.print(table)
    raise typer.Exit(1 if found.failures or found.refused else 0)


def _shared(own: bool, docker: str, registry: str) -> tuple[str, str]:
    """The Docker Engine and the registry that all share.

    On a course's own cluster they are that course's, unless others are named.
    """
    if docker or not own:
        return docker or "none", registry
    from labs import engines

    course = engines.current()
    return course.docker_host, registry or course.registry or ""
