"""The `labs` commands for people who make or teach the course: notebooks, notes, slides, coverage, the kernel."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console

if TYPE_CHECKING:
    from labs.curriculum.lessons import Lesson

__all__ = ["build", "coverage", "kernel", "notes", "slides"]

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
    from labs.authoring import notebooks

    if record:
        notebooks.record(record)
        return
    changed = notebooks.build(check=check)
    for path in changed:
        console.print(f"{'differs' if check else 'wrote'}: {path}", highlight=False)
    if check and changed:
        console.print("Run `labs build` and commit what it writes.")
        raise typer.Exit(1)


def coverage(as_json: AsJson = False) -> None:
    """Show which lesson teaches what of the curriculum; exit status 1 when a founding topic has a gap."""
    from labs.authoring import coverage as curriculum

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
    from labs.authoring import teaching_notes

    for item in _chosen(numbers):
        text = teaching_notes.page(item)
        if out:
            print(_written(out / f"{item.name}.md", text))
        else:
            print(text)


def slides(
    numbers: Numbers = None,
    out: Annotated[Path, typer.Option(help="The folder for them.")] = Path("build/slides"),
) -> None:
    """Make a deck of slides of each lesson: one HTML file that needs no network, with the notes for who speaks."""
    from labs.authoring.slides import deck

    for item in _chosen(numbers):
        print(_written(out / f"{item.name}.html", deck(item)))


def kernel(
    wheel: Annotated[Path | None, typer.Option(help="Write a wheel of it into this folder.")] = None,
    release: Annotated[Path | None, typer.Option(help="Write it with its checksum into this folder.")] = None,
    source: Annotated[str, typer.Option(help="The version of Debian's source it was built from, if not noted.")] = "",
) -> None:
    """Find the kernel of the engine `usermode`, or build it; pack it for machines that must not build it."""
    from labs.engines.runtime.reporter import Reporter
    from labs.engines.runtime.tasks import run_tasks
    from labs.engines.usermode import kernel as kernels
    from labs.engines.usermode import kernel_release

    got = []
    wanted = kernels.built if wheel or release else kernels.ensure
    with Reporter() as reporter:
        run_tasks({"user-mode kernel": ((), lambda step: got.append(wanted(step)))}, reporter)
    written = list(got)
    if wheel or release:
        origin = kernel_release.describe(got[0], source or kernels.source_of(got[0]))
        written = [kernel_release.write_wheel(origin, wheel)] if wheel else []
        written += kernel_release.write_release(origin, release) if release else []
    for path in written:
        print(path)


def _chosen(numbers: list[str] | None) -> list[Lesson]:
    from labs.curriculum.lessons import lesson, lessons

    return [lesson(number) for number in numbers] if numbers else lessons()


def _written(path: Path, text: str) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")
    return path
