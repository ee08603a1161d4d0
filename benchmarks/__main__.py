"""`python -m benchmarks`: what makers measure; a learner's course has none of it."""

from __future__ import annotations

import json
from typing import Annotated

import typer
from rich.console import Console

from labs.cli.main import run

app = typer.Typer(help="Measure what the course's engines take.", no_args_is_help=True, pretty_exceptions_enable=False)
console = Console()
AsJson = Annotated[bool, typer.Option("--json", help="Print JSON for a script to read.")]


@app.command()
def startup(
    runs: Annotated[int, typer.Option(min=1, max=20, help="How often each figure is taken.")] = 3,
    engine: Annotated[list[str], typer.Option(help="host, usermode, or both in turns.")] = ["host"],  # noqa: B006
    as_json: AsJson = False,
) -> None:
    """Measure start-up, containers, pods, checks and memory on a course of its own, and print a table."""
    from benchmarks import startup as benchmark

    rows = benchmark.measure(runs, engine)
    if as_json:
        print(json.dumps([row.as_dict() for row in rows], indent=2))
    else:
        benchmark.show(rows, console)


@app.command("scale")
def scale_(  # noqa: PLR0917  (every one is an option)
    learners: Annotated[int, typer.Option(min=1, max=5000, help="How many have a namespace.")] = 300,
    working: Annotated[int, typer.Option(help="How many of them have a Deployment; all by itself.")] = 0,
    active: Annotated[int, typer.Option(help="How many of those roll out in the lesson; one in ten by itself.")] = 0,
    lesson: Annotated[float, typer.Option(min=1, help="How long the lesson takes, in seconds.")] = 60,
    workers: Annotated[int, typer.Option(min=1, max=64, help="How many requests are sent at once.")] = 8,
    patience: Annotated[
        float, typer.Option(min=1, help="How long to wait for the cluster each time, in seconds.")
    ] = 600,
    flag: Annotated[
        list[str], typer.Option(help="A component's, such as kube-scheduler:--kube-api-qps=200; again for more.")
    ] = [],  # noqa: B006
    as_json: AsJson = False,
) -> None:
    """Simulate a workshop with KWOK's fake nodes on a control plane of its own, and print what that took."""
    from benchmarks import scale
    from labs.engines.runtime.reporter import Reporter

    working = min(working or learners, learners)
    plan = scale.Plan(learners, working, min(active or -(-working // 10), working), lesson, workers, patience)
    with Reporter() as reporter:
        figures = scale.measure(plan, scale.flags_of(flag), reporter)
    if as_json:
        print(json.dumps([figure.as_dict() for figure in figures], indent=2))
    else:
        scale.show(
            figures, console, f"{plan.learners:,} learners, {plan.working:,} with Deployments, {plan.active:,} active"
        )


if __name__ == "__main__":
    run(app)
