"""The command `labs`."""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.markup import escape

from labs.cli import makers
from labs.cli.status import show_status
from labs.cli.streams import print_everywhere
from labs.engines.runtime.unexpected_errors import explain_unexpected
from labs.errors import LabsError
from labs.workshop.cli.commands import app as workshop

__all__ = ["app", "main", "run"]

app = typer.Typer(
    help="Real Docker and real Kubernetes for the course's lessons.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)
console = Console()
AsJson = Annotated[bool, typer.Option("--json", help="Print JSON for a script to read.")]


@app.callback()
def course(
    name: Annotated[
        str, typer.Option("--name", help="Which course, where there are several.", envvar="LABS_NAME")
    ] = "",
) -> None:
    """Choose the course that the command is about."""
    from labs.engines.runtime.state import course_name

    os.environ["LABS_NAME"] = course_name(name)


@app.command()
def up(  # noqa: PLR0917  (every one is an option)
    nodes: Annotated[
        int | None, typer.Option(min=1, max=4, help="How many nodes to have; of too many, the last ones end.")
    ] = None,
    engine: Annotated[str, typer.Option(help="host, usermode or attached; chosen by itself.")] = "",
    context: Annotated[str, typer.Option(help="Attach to the cluster of this kubeconfig context.")] = "",
    kubeconfig: Annotated[
        str, typer.Option(help="The kubeconfig that holds it.", envvar="LABS_ATTACH_KUBECONFIG")
    ] = "",
    docker: Annotated[str, typer.Option(help="Attach to this Docker Engine (a DOCKER_HOST), or none.")] = "",
    registry: Annotated[str, typer.Option(help="An image registry that Docker and the cluster share.")] = "",
    quiet: Annotated[bool, typer.Option("--quiet", "-q", help="Show no progress.")] = False,
) -> None:
    """Start Docker and Kubernetes, or what of them does not run."""
    from labs.engines import lifecycle

    lifecycle.up(
        nodes=nodes,
        engine=engine,
        context=context,
        kubeconfig=kubeconfig,
        docker=docker,
        registry=registry,
        quiet=quiet,
    )
    if not quiet:
        show_status(console, as_json=False)


@app.command()
def prepare(
    engine: Annotated[str, typer.Option(help="host or usermode; chosen by itself.")] = "",
    quiet: Annotated[bool, typer.Option("--quiet", "-q", help="Show no progress.")] = False,
) -> None:
    """Fetch and build everything beforehand: a later `labs up` takes seconds and needs no network."""
    from labs.engines import lifecycle

    lifecycle.prepare(engine=engine, quiet=quiet)
    console.print("Everything is prepared: `labs up` now needs no network.")


@app.command()
def lab(
    notebook: Annotated[str, typer.Argument(help="A notebook to open, such as 04_roll_out_deployments.")] = "",
) -> None:
    """Start the engines and JupyterLab, which opens on the course page as soon as the Docker lessons can begin."""
    from labs.curriculum import lessons
    from labs.engines.background import up_in_background
    from labs.engines.other_courses import shared_localhost
    from labs.jupyter import command as jupyter_command

    if warning := up_in_background():
        _print_error(warning, mark="[yellow]![/yellow]")
    if others := shared_localhost(os.environ["LABS_NAME"]):
        console.print(escape(others), highlight=False, soft_wrap=True)
    console.print(
        "JupyterLab starts. The status bar tells how far the engines are: Kubernetes may still be on its way."
    )
    folder = lessons.root() / "notebooks"
    argv = jupyter_command.command(folder, notebook)
    os.environ.update(jupyter_command.environment())
    os.execv(argv[0], argv)


@app.command()
def down() -> None:
    """Stop everything and remove it; what was fetched or built stays in the cache."""
    from labs.engines import lifecycle

    console.print("The course is removed." if lifecycle.down() else "There was no course to remove.")


@app.command()
def stop() -> None:
    """Stop everything, and keep images, containers and objects for the next `labs up`."""
    from labs.engines import lifecycle

    lifecycle.stop()
    console.print("The course is stopped; `labs up` starts it again.")


@app.command()
def restart() -> None:
    """Stop everything and start it again."""
    from labs.engines import lifecycle

    lifecycle.stop()
    lifecycle.up()


@app.command()
def status(as_json: AsJson = False) -> None:
    """Show what runs; exit status 3 when a part does not, or is still being started."""
    if not show_status(console, as_json=as_json):
        raise typer.Exit(3)


@app.command()
def logs(
    component: Annotated[str, typer.Argument(help="Such as docker, kube-apiserver or kubelet/node1.")],
    lines: Annotated[int, typer.Option("-n", "--lines", min=1)] = 50,
) -> None:
    """Show what a component wrote last."""
    from labs import engines

    print(engines.current().logs(component, lines))


@app.command(hidden=True)
def component(action: str, name: str) -> None:
    """Start, stop or kill one component: what a notebook without root's rights asks for."""
    from labs import engines

    engine = engines.current()
    {"start": engine.start, "stop": engine.stop, "kill": engine.kill}[action](name)


@app.command()
def load(image: Annotated[str, typer.Argument(help="Such as web:1.")]) -> None:
    """Copy an image from Docker into every node."""
    from labs import engines
    from labs.engines.runtime.image_reference import with_tag

    engines.current().load_image(with_tag(image))


@app.command()
def images() -> None:
    """List the images that are there without a network: the course's own, and those by their usual names."""
    from rich.table import Table

    from labs.engines.cluster.images import assemble, stand_ins

    table = Table(box=None, pad_edge=False)
    for column in ("image", "what it is"):
        table.add_column(column)
    for tag, what in assemble.DESCRIBED.items():
        table.add_row(tag, what)
    for name, what in stand_ins.listed().items():
        table.add_row(f"{name.removeprefix('library/')}, any tag", f"{what}, standing in for docker.io/{name}")
    console.print(table)


@app.command()
def enable(
    extra: Annotated[str, typer.Argument(help="ingress or helm.")],
    quiet: Annotated[bool, typer.Option("--quiet", "-q", help="Show no progress.")] = False,
) -> None:
    """Switch on what only some want: an Ingress controller in the cluster, the command helm."""
    from labs.engines import lifecycle

    console.print(lifecycle.enable(extra, quiet=quiet), highlight=False, soft_wrap=True)


@app.command()
def disable(extra: Annotated[str, typer.Argument(help="ingress.")]) -> None:
    """Switch off what `labs enable` has switched on."""
    from labs.engines import lifecycle

    lifecycle.disable(extra)
    console.print(f"{extra} is switched off.")


@app.command()
def doctor(as_json: AsJson = False) -> None:
    """Say what this machine can run, what is missing, and how to repair it."""
    from labs.engines.doctor import report as diagnosis

    findings = diagnosis.examine()
    if as_json:
        print(json.dumps([finding.as_dict() for finding in findings], indent=2))
    else:
        diagnosis.show(findings, console)
    if not diagnosis.runnable(findings):
        raise typer.Exit(3)


@app.command()
def check(check_id: Annotated[str, typer.Argument(help="Such as ex-04-1.")]) -> None:
    """Check an exercise; exit status 1 when it is not solved yet, 2 when it could not be checked."""
    from labs import checks
    from labs.progress import store as solved
    from labs.session import progress_report
    from labs.session.opening import lab_of

    checks.find(check_id)  # says so when there is no such exercise
    opened = lab_of(check_id.split("-")[1])
    verdict = checks.run(check_id, opened)
    progress_report.checked(opened, verdict)
    if verdict.status == "passed":
        solved.record(check_id)
    print(verdict)
    raise typer.Exit({"passed": 0, "not yet": 1}.get(verdict.status, 2))


@app.command(context_settings={"ignore_unknown_options": True})
def shell(
    lesson: Annotated[str, typer.Argument(help="Such as 05.")],
    command: Annotated[list[str] | None, typer.Argument(help="Run this instead of a shell.")] = None,
) -> None:
    """Open a shell in which docker, kubectl and the namespace are a lesson's."""
    from labs.cli.shell import enter

    enter(lesson, command or ())


@app.command()
def reset(
    lesson: Annotated[str, typer.Argument(help="Such as 04.")],
    to: Annotated[str, typer.Option(help="An exercise, such as ex-04-3: make what it builds on.")] = "",
) -> None:
    """Bring a lesson to its start, or to where an exercise starts."""
    from labs.session.opening import lab_of

    lab_of(lesson).reset(to=to)
    if to:
        print(
            f'Its objects are there. For the names that its cells define, run `lab.reset(to="{to}")` in the notebook.'
        )


@app.command()
def progress(
    merge: Annotated[
        Path | None, typer.Option(help="Add what this file holds, such as one from another machine.")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Show which exercises were solved, and the file that keeps them."""
    from labs.progress import store as solved

    if merge:
        solved.merge(merge)
    passed = solved.load()
    if as_json:
        print(json.dumps(passed, indent=2))
        return
    for check_id, when in passed.items():
        console.print(f"✓ {check_id}  {when}", highlight=False)
    for name, best in solved.drills().items():
        console.print(f"drill {name}: {best['percent']} % in {best['minutes']} minutes", highlight=False)
    console.print(f"{len(passed)} solved; kept in {solved.path()}", highlight=False, soft_wrap=True)


for command in (
    makers.build,
    makers.notes,
    makers.slides,
    makers.coverage,
    makers.kernel,
):
    app.command()(command)
app.add_typer(workshop, name="workshop")


def main() -> None:
    """Run the command `labs`."""
    run(app)


def run(command: typer.Typer) -> None:
    """Run a command line; an error of ours is two lines, not a traceback.

    Args:
        command: what to run.
    """
    print_everywhere()
    try:
        command(standalone_mode=True)
    except LabsError as error:
        _print_error(error)
        sys.exit(2)
    except KeyboardInterrupt:
        console.print("Interrupted. `labs up` goes on where it was; `labs down` removes what was begun.")
        sys.exit(130)
    except Exception as error:  # nobody foresaw it; a person still gets sentences
        _print_error(explain_unexpected(error))
        sys.exit(2)


def _print_error(error: LabsError, mark: str = "[red]✗[/red]") -> None:
    console.print(f"{mark} {escape(error.what)}", highlight=False, soft_wrap=True)
    if error.todo:
        console.print(f"  → {escape(error.todo)}", highlight=False, soft_wrap=True)
