"""Those of the commands `labs` for who makes or teaches the course: notebooks, notes, slides, figures, the kernel."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console

if TYPE_CHECKING:
    from labs.lessons import Lesson

__all__ = ["bench", "bench_scale", "build", "coverage", "kernel", "notes", "slides"]

console = Console()
AsJson = Annotated[bool, typer.Option("--json", help="Print JSON for a script to read.")]
Numbers = Annotated[list[str] | None, typer.Argument(metavar="[NN]...", help="Lessons, such as 04; all by default.")]


def build(
    check: Annotated[
        bool, typer.Option("--check", help="Only tell whether the notebooks are what the sources give.")
    ] = False,
    record: Annotated[str, typer.Option(help="Run a lesson on the engines and store its checks' outputs.")] = "",
) -> None:
    """Make the notebooks from notebooks/src."""
    from labs import authoring

    if record:
        authoring.record(record)
        return
    changed = authoring.build(check=check)
    for path in changed:
        console.print(f"{'differs' if check else 'wrote'}: {path}", highlight=False)
    if check and changed:
        console.print("Run `labs build` and commit what it writes.")
        raise typer.Exit(1)


def coverage(as_json: AsJson = False) -> None:
    """Show which lesson teaches what of the curriculum; exit status 1 when a founding topic has a gap."""
    from labs import coverage as curriculum

    items, unknown = curriculum.cover()
    missing = [*curriculum.gaps(items), *unknown]
    if as_json:
        print(json.dumps({"items": [item.as_dict() for item in items.values()], "missing": missing}, indent=2))
    else:
        console.print(curriculum.table(items))
        for line in missing:
            console.print(f"[red]✗[/red] {line}", highlight=False)
    if missing:
        raise typer.Exit(1)


def notes(
    numbers: Numbers = None,
    out: Annotated[Path | None, typer.Option(help="Write a file for each lesson into this folder.")] = None,
) -> None:
    """Print the teaching notes of lessons as Markdown: timing, what to ask and show, usual mistakes, what to cut."""
    from labs import teaching

    for item in _chosen(numbers):
        text = teaching.page(item)
        if out:
            print(_written(out / f"{item.name}.md", text))
        else:
            print(text)


def slides(
    numbers: Numbers = None,
    out: Annotated[Path, typer.Option(help="The folder for them.")] = Path("build/slides"),
) -> None:
    """Make a deck of slides of each lesson: one HTML file that needs no network, with the notes for who speaks."""
    from labs.slides import deck

    for item in _chosen(numbers):
        print(_written(out / f"{item.name}.html", deck(item)))


def bench(
    runs: Annotated[int, typer.Option(min=1, max=20, help="How often each figure is taken.")] = 3,
    engine: Annotated[list[str], typer.Option(help="host, usermode, or both in turns.")] = ["host"],  # noqa: B006
    as_json: AsJson = False,
) -> None:
    """Measure start-up, containers, pods, checks and memory on a course of its own, and print a table."""
    from labs import bench as benchmark

    rows = benchmark.measure(runs, engine)
    if as_json:
        print(json.dumps([row.as_dict() for row in rows], indent=2))
    else:
        benchmark.show(rows, console)


def bench_scale(  # noqa: PLR0917  (every one is an option)
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
    from labs import scale
    from labs.engines.progress import Reporter

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


def kernel(
    wheel: Annotated[Path | None, typer.Option(help="Write a wheel of it into this folder.")] = None,
    release: Annotated[Path | None, typer.Option(help="Write it with its checksum into this folder.")] = None,
    source: Annotated[str, typer.Option(help="The version of Debian's source it was built from, if not noted.")] = "",
) -> None:
    """Find the kernel of the engine `usermode`, or build it; pack it for machines that shall not build it."""
    from labs.engines.progress import Reporter, run_tasks
    from labs.engines.usermode import kernel as kernels
    from labs.engines.usermode import publish

    got = []
    wanted = kernels.built if wheel or release else kernels.ensure
    with Reporter() as reporter:
        run_tasks({"user-mode kernel": ((), lambda step: got.append(wanted(step)))}, reporter)
    written = list(got)
    if wheel or release:
        given = publish.describe(got[0], source or kernels.source_of(got[0]))
        written = [publish.write_wheel(given, wheel)] if wheel else []
        written += publish.write_release(given, release) if release else []
    for path in written:
        print(path)


def _chosen(numbers: list[str] | None) -> list[Lesson]:
    from labs.lessons import lesson, lessons

    return [lesson(number) for number in numbers] if numbers else lessons()


def _written(path: Path, text: str) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")
    return path
