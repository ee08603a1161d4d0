"""`python -m versions`: what `make version`, `make kubernetes` and the scheduled workflow call."""

from __future__ import annotations

from typing import Annotated

import typer
from rich.console import Console

from labs.cli.main import run
from labs.engines.programs import catalog, go_toolchain
from labs.engines.runtime.reporter import Reporter
from labs.errors import LabsError
from versions import raising
from versions.go import Go
from versions.project import Project, numbers

app = typer.Typer(
    help="Raise the versions of what the course is made of.", no_args_is_help=True, pretty_exceptions_enable=False
)
console = Console(soft_wrap=True, highlight=False, markup=False)


@app.command("raise")
def raise_(
    name: Annotated[str, typer.Argument(help="An entry of the catalog, such as etcd, or `kernel`.")],
    version: Annotated[str, typer.Argument(help="Such as 3.7.3.")],
    minor: Annotated[bool, typer.Option("--minor", help="Another minor version may be taken, too.")] = False,
) -> None:
    """Make a version the course's, in all files."""
    project = Project()
    with console.status("Fetching modules, which takes some minutes"):
        changed = raising.raise_version(project, _go(), name, version, minor=minor)
    for file in changed:
        console.print(f"changed: {file}")
    if not changed:
        console.print("All files have it already.")
    for hint in _hints(changed):
        console.print(hint)


@app.command()
def check() -> None:
    """Say which files disagree with the catalog; exit status 1 when any does."""
    disagreements = Project().disagreements()
    for line in disagreements:
        console.print(line)
    if disagreements:
        raise typer.Exit(1)


@app.command()
def newest() -> None:
    """Raise everything to its newest patch version, and print what was raised as Markdown."""
    project, go = Project(), _go()
    for item in project.items().values():
        try:
            if line := _raised(project, go, item):
                console.print(f"- {line}")
        except LabsError as error:  # the others may be raised all the same
            console.print(f"- {item.name} stays at {item.version}: {error}")


def _raised(project: Project, go: Go, item: catalog.CatalogItem) -> str:
    version = raising.newest_patch(go, item)
    if not version or numbers(version) <= numbers(item.version):
        return ""
    changed = raising.raise_version(project, go, item.name, version)
    return f"{item.name} {item.version} → {version}: {' '.join([f'{len(changed)} files.', *_hints(changed)])}"


def _hints(changed: list[str]) -> list[str]:
    """What a person still has to do."""
    hints = [f"Compare {file} with what its first line names." for file in changed if file.endswith(".yaml")]
    if "pyproject.toml" in changed:
        hints.append("Run `make lock`.")
    return hints


def _go() -> Go:
    with Reporter(quiet=True) as reporter:
        return Go(go_toolchain.ensure_go(reporter.begin("Go")))


if __name__ == "__main__":
    run(app)
