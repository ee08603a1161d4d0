"""The commands `labs workshop`: for an instructor, on a cluster that they name."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console
from rich.markup import escape
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn
from rich.table import Table

from labs.workshop import objects
from labs.workshop.objects import LESSONS
from labs.workshop.seat import SEATS
from labs.workshop.serve_command import serve

if TYPE_CHECKING:  # a client is imported where it is used, so that `labs --help` stays quick
    from labs.workshop.cluster import Cluster
    from labs.workshop.room import Place, Room, Rules

__all__ = ["app"]

app = typer.Typer(help="Workshops: thirty learners on one cluster.", no_args_is_help=True)
console = Console()

Workshop = Annotated[str, typer.Option(help="The workshop's name.", envvar="LABS_WORKSHOP")]
Context = Annotated[str, typer.Option(help="The kubeconfig context of its cluster.", envvar="LABS_WORKSHOP_CONTEXT")]
Kubeconfig = Annotated[str, typer.Option(help="The kubeconfig that holds it.", envvar="LABS_WORKSHOP_KUBECONFIG")]
Own = Annotated[bool, typer.Option("--own", help="Its cluster is the one that `labs up` started here.")]
Lessons = Annotated[str, typer.Option(help="Which lessons learners get namespaces for.")]
Out = Annotated[Path | None, typer.Option(help="The folder for the learners' kubeconfigs.")]
Hours = Annotated[float, typer.Option(min=0.2, help="How long the kubeconfigs are good for.")]
Registry = Annotated[str, typer.Option(help="A registry that learners push to and nodes pull from.")]
Address = Annotated[str, typer.Option(help="Where the cluster's node ports answer.")]
Server = Annotated[str, typer.Option(help="The API server's URL as learners reach it, if not as you do.")]
Docker = Annotated[str, typer.Option(help="A Docker Engine (a DOCKER_HOST) that all share, or none.")]
Secrets = Annotated[str, typer.Option(help="The namespace of a JupyterHub that gets the kubeconfigs, as Secrets.")]
Pods = Annotated[int, typer.Option(min=1, help="Pods that a learner may have in a lesson.")]

USUAL, ALL = "workshop", ",".join(LESSONS)


@app.command()
def provision(  # noqa: PLR0917  (every one is an option)
    learners: Annotated[Path, typer.Option(help="The roster: CSV with a column `name`.")],
    workshop: Workshop = USUAL,
    context: Context = "",
    kubeconfig: Kubeconfig = "",
    own: Own = False,
    lessons: Lessons = ALL,
    out: Out = None,
    hours: Hours = 12,
    registry: Registry = "",
    address: Address = "localhost",
    server: Server = "",
    pods: Pods = int(objects.QUOTA["pods"]),
    secrets: Secrets = "",
) -> None:
    """Give each learner namespaces, a quota, rights and a kubeconfig. Doing it again goes on where it ended."""
    from labs.workshop import hub_secrets
    from labs.workshop.roster import read_roster

    roster = read_roster(learners)
    rules = _rules(lessons, registry, address, server, {**objects.QUOTA, "pods": str(pods)})
    with _room(workshop, context, kubeconfig, own) as room:
        if secrets:
            hub_secrets.see_that_it_fits(room.cluster, room.name, secrets)
        with _progress("Learners", len(roster)) as step:
            room.provision(roster, rules, step)
        places = [place for place in room.places() if place.learner in roster]
        _hand_out(room, places, rules, out, hours, secrets)


@app.command("list")
def list_(workshop: Workshop = USUAL, context: Context = "", kubeconfig: Kubeconfig = "", own: Own = False) -> None:
    """Show the learners and how far they are."""
    with _room(workshop, context, kubeconfig, own) as room:
        table = Table("seat", "learner", "id", "lessons", "open", "solved", "checks")
        for place in room.places():
            done = place.report.get("exercises") or {}
            solved = sum("passed" in item for item in done.values())
            tries = sum(item.get("tries", 0) for item in done.values())
            lessons, opened = " ".join(place.lessons), str(place.report.get("lesson", ""))
            table.add_row(
                str(place.number), place.shown, place.learner.id, lessons, opened, str(solved or ""), str(tries or "")
            )
        console.print(table)


@app.command()
def extend(  # noqa: PLR0917
    workshop: Workshop = USUAL,
    context: Context = "",
    kubeconfig: Kubeconfig = "",
    own: Own = False,
    out: Out = None,
    hours: Hours = 12,
    secrets: Secrets = "",
) -> None:
    """Write new kubeconfigs for all learners, good for some hours from now."""
    from labs.workshop import hub_secrets

    with _room(workshop, context, kubeconfig, own) as room:
        places = room.places()
        if secrets:
            hub_secrets.see_that_it_fits(room.cluster, room.name, secrets)
        _hand_out(room, places, room.rules(), out, hours, secrets)


@app.command()
def reset(  # noqa: PLR0917
    learner: Annotated[str, typer.Argument(help="The id or the name.")],
    workshop: Workshop = USUAL,
    context: Context = "",
    kubeconfig: Kubeconfig = "",
    own: Own = False,
    lessons: Annotated[str, typer.Option(help="Only these lessons, such as 04; all by default.")] = "",
) -> None:
    """Make a learner's namespaces anew, with quota and rights; solved exercises stay solved."""
    with _room(workshop, context, kubeconfig, own) as room:
        for line in room.reset(learner, [one for one in lessons.split(",") if one]):
            say(line)


@app.command()
def remove(
    workshop: Workshop = USUAL,
    context: Context = "",
    kubeconfig: Kubeconfig = "",
    own: Own = False,
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask.")] = False,
) -> None:
    """Remove a workshop from its cluster, with everything that learners made in it."""
    with _room(workshop, context, kubeconfig, own) as room:
        places = room.places()
        if not yes:
            typer.confirm(f"Remove the workshop {workshop!r} with the work of {len(places)} learners?", abort=True)
        say(f"Removed {room.remove()} namespaces. Kubeconfigs that were handed out are good for nothing now.")


@app.command()
def watch(  # noqa: PLR0917
    workshop: Workshop = USUAL,
    context: Context = "",
    kubeconfig: Kubeconfig = "",
    own: Own = False,
    page: Annotated[bool, typer.Option("--page", help="A page without code, by Voilà, instead of JupyterLab.")] = False,
    port: Annotated[int, typer.Option(help="The port, on this machine only.")] = 8890,
    out: Annotated[Path | None, typer.Option(help="The folder for the notebook.")] = None,
) -> None:
    """Show the room live: who is at which exercise, since when, and what most get wrong."""
    from labs import jupyter_command
    from labs.workshop import watch as watching

    with _room(workshop, context, kubeconfig, own) as room:
        room.places()  # says so when there is no such workshop
    named = {"workshop": workshop, "context": context, "kubeconfig": kubeconfig, "own": own}
    notebook = watching.write_notebook(out or Path(f"{workshop}-room"), named)
    argv = watching.command(notebook.absolute(), port, page=page)
    if not page:  # Voilà would load what was made for JupyterLab, and complain
        os.environ.update(jupyter_command.environment())
    os.execv(argv[0], argv)


@app.command()
def report(
    workshop: Workshop = USUAL,
    context: Context = "",
    kubeconfig: Kubeconfig = "",
    own: Own = False,
    out: Annotated[Path | None, typer.Option(help="The folder for the reports.")] = None,
) -> None:
    """Write what was learnt: a notebook and a page for the class, and for each learner."""
    from labs.workshop import report as reports

    with _room(workshop, context, kubeconfig, own) as room:
        content, folder = reports.collect(room), out or Path(f"{workshop}-report")
    with _progress("Reports", len(content["learners"]) + 1) as step:
        pages = reports.write(content, folder, step)
    say(f"The class's report is {pages[0]}, learners' are beside it; data.json is what they were made of.")


@app.command()
def rehearse(  # noqa: PLR0917
    context: Context = "",
    kubeconfig: Kubeconfig = "",
    own: Own = False,
    lessons: Lessons = ALL,
    docker: Docker = "none",
    registry: Registry = "",
    address: Address = "localhost",
    server: Server = "",
    pods: Pods = int(objects.QUOTA["pods"]),
    patience: Annotated[int, typer.Option(min=10, help="Seconds that cells wait for anything.")] = 120,
    out: Annotated[Path, typer.Option(help="The folder for the notebooks that were run.")] = Path("rehearsal"),
) -> None:
    """Run every lesson's solution in a seat of its own, the evening before, and tell what would fail."""
    from labs.workshop.crowd import crowd
    from labs.workshop.rehearsal import rehearse as run

    rules = _rules(lessons, registry, address, server, {**objects.QUOTA, "pods": str(pods)})
    table = Table("lesson", "", "seconds", "pods", "memory asked for", "what would fail, or is short")
    with (
        _cluster(context, kubeconfig, own) as cluster,
        crowd(cluster, ["rehearsal"], rules, docker) as (room, joined),
        _progress("Lessons", len(rules.lessons)) as step,
    ):
        found = run(room, joined[0], rules.lessons, out, patience=patience, began=step)
    for one in found:
        pods_used, memory = ("/".join(one.used.get(name, ("?", "?"))) for name in ("pods", "requests.memory"))
        said = "; ".join([*([one.failure] if one.failure else []), *one.tight])
        table.add_row(one.lesson, "✗" if one.failure else "✓", f"{one.seconds:.0f}", pods_used, memory, escape(said))
    console.print(table)
    say(f"The notebooks as they ran are in {out}.")
    raise typer.Exit(1 if any(one.failure for one in found) else 0)


@app.command()
def load(  # noqa: PLR0917
    learners: Annotated[int, typer.Option(min=1, max=SEATS, help="How many work at once.")] = 30,
    context: Context = "",
    kubeconfig: Kubeconfig = "",
    own: Own = False,
    lessons: Lessons = ALL,
    think: Annotated[float, typer.Option(min=0, help="Seconds of thought before a cell, on average.")] = 8,
    docker: Docker = "none",
    registry: Registry = "",
    address: Address = "localhost",
) -> None:
    """Let simulated learners work through lessons at once, on real engines, and tell what they had to wait for."""
    from labs.workshop.crowd import crowd
    from labs.workshop.load import measure

    rules = _rules(lessons, registry, address, "", objects.QUOTA)
    with _cluster(context, kubeconfig, own) as cluster, ExitStack() as stack:
        names = [f"learner{number:02}" for number in range(1, learners + 1)]
        with _progress("Joining", learners) as step:
            room, joined = stack.enter_context(crowd(cluster, names, rules, docker, step, workshop="load"))
        found = measure(room, joined, rules.lessons, think, say)
        for failure in found.failures:
            say(f"✗ {failure}")
        table = Table("figure", "value")
        for row in found.rows():
            table.add_row(*row)
        console.print(table)
    raise typer.Exit(1 if found.failures or found.refused else 0)


app.command()(serve)


def say(text: str) -> None:
    """Print a line as it is."""
    console.print(text, highlight=False, markup=False, soft_wrap=True)


def _hand_out(  # noqa: PLR0917
    room: Room, places: list[Place], rules: Rules, out: Path | None, hours: float, secrets: str
) -> None:
    from labs.workshop.handout import hand_out

    folder = out or Path(f"{room.name}-kubeconfigs")
    with _progress("Kubeconfigs", len(places)) as step:
        end = hand_out(room, places, rules, hours, folder, secrets, step)
    until = f"{end:%Y-%m-%d %H:%M} UTC"
    if secrets:
        say(
            f"{len(places)} kubeconfigs are in {secrets!r}, good until {until}; access codes are in {folder}/codes.csv."
        )
        return
    say(f"{len(places)} kubeconfigs are in {folder}, good until {until}. With theirs, a learner runs:")
    say("  labs up --context workshop --kubeconfig FILE --docker none")


def _rules(lessons: str, registry: str, address: str, server: str, quota: dict[str, str]) -> Rules:
    from labs import lessons as course
    from labs.workshop.room import Rules

    chosen = [lesson.strip() for lesson in lessons.split(",") if lesson.strip()]
    for lesson in chosen:
        course.lesson(lesson)  # says so when there is no such lesson
    return Rules(chosen, quota, address, registry, server)


@contextmanager
def _room(workshop: str, context: str, kubeconfig: str, own: bool) -> Iterator[Room]:
    from labs.workshop.room import Room

    with _cluster(context, kubeconfig, own) as cluster:
        yield Room(cluster, workshop)


@contextmanager
def _cluster(context: str, kubeconfig: str, own: bool) -> Iterator[Cluster]:
    from labs.workshop.cluster import Cluster

    cluster = Cluster.named(context, kubeconfig, own=own)
    try:
        yield cluster
    finally:
        cluster.close()


@contextmanager
def _progress(what: str, total: int) -> Iterator:
    columns = (TextColumn(f"{what:12}"), BarColumn(), MofNCompleteColumn(), TextColumn("{task.description}"))
    with Progress(*columns, console=console, transient=True) as progress:
        task = progress.add_task("", total=total)

        def step(name: str) -> None:
            progress.update(task, advance=1, description=name)

        yield step
