"""The commands `labs workshop`: for an instructor, on a cluster that they name."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.table import Table

from labs.workshop.cli.options import (
    ALL,
    HOURS,
    USUAL,
    Address,
    Context,
    Hours,
    Kubeconfig,
    Lessons,
    Out,
    Own,
    Pods,
    Registry,
    Secrets,
    Server,
    Workshop,
    console,
    named_room,
    progress,
    room_rules,
    say,
)
from labs.workshop.cli.serve_command import serve
from labs.workshop.cli.trial_commands import load, rehearse
from labs.workshop.room import manifests

if TYPE_CHECKING:  # a client is imported where it is used, so that `labs --help` stays quick
    from labs.workshop.room.members import Member
    from labs.workshop.room.room import Room
    from labs.workshop.room.rules import Rules

__all__ = ["app"]

app = typer.Typer(help="Workshops: thirty learners on one cluster.", no_args_is_help=True)


@app.command()
def provision(  # noqa: PLR0917  (every one is an option)
    learners: Annotated[Path, typer.Option(help="The roster: CSV with a column `name`.")],
    workshop: Workshop = USUAL,
    context: Context = "",
    kubeconfig: Kubeconfig = "",
    own: Own = False,
    lessons: Lessons = ALL,
    out: Out = None,
    hours: Hours = HOURS,
    registry: Registry = "",
    address: Address = "localhost",
    server: Server = "",
    pods: Pods = int(manifests.QUOTA["pods"]),
    secrets: Secrets = "",
) -> None:
    """Give each learner namespaces, a quota, rights and a kubeconfig. Doing it again goes on where it ended."""
    from labs.workshop.room import hub_secrets
    from labs.workshop.room.roster import read_roster

    roster = read_roster(learners)
    rules = room_rules(lessons, registry, address, server, {**manifests.QUOTA, "pods": str(pods)})
    with named_room(workshop, context, kubeconfig, own) as room:
        if secrets:
            hub_secrets.require_hub_namespace(room.cluster, room.name, secrets)
        with progress("Learners", len(roster)) as step:
            room.provision(roster, rules, step)
        members = [member for member in room.members() if member.learner in roster]
        _hand_out(room, members, rules, out, hours, secrets)


@app.command("list")
def list_(workshop: Workshop = USUAL, context: Context = "", kubeconfig: Kubeconfig = "", own: Own = False) -> None:
    """Show the learners and how far they are."""
    with named_room(workshop, context, kubeconfig, own) as room:
        table = Table("seat", "learner", "id", "lessons", "open", "solved", "checks")
        for member in room.members():
            done = member.report.get("exercises") or {}
            solved = sum("passed" in item for item in done.values())
            tries = sum(item.get("tries", 0) for item in done.values())
            lessons, opened = " ".join(member.lessons), str(member.report.get("lesson", ""))
            table.add_row(
                str(member.number),
                member.shown,
                member.learner.id,
                lessons,
                opened,
                str(solved or ""),
                str(tries or ""),
            )
        console.print(table)


@app.command()
def extend(  # noqa: PLR0917
    workshop: Workshop = USUAL,
    context: Context = "",
    kubeconfig: Kubeconfig = "",
    own: Own = False,
    out: Out = None,
    hours: Hours = HOURS,
    secrets: Secrets = "",
) -> None:
    """Write new kubeconfigs for all learners, good for some hours from now."""
    from labs.workshop.room import hub_secrets

    with named_room(workshop, context, kubeconfig, own) as room:
        members = room.members()
        if secrets:
            hub_secrets.require_hub_namespace(room.cluster, room.name, secrets)
        _hand_out(room, members, room.rules(), out, hours, secrets)


@app.command()
def reset(  # noqa: PLR0917
    learner: Annotated[str, typer.Argument(help="The id or the name.")],
    workshop: Workshop = USUAL,
    context: Context = "",
    kubeconfig: Kubeconfig = "",
    own: Own = False,
    lessons: Annotated[str, typer.Option(help="Only these lessons, such as 04; all by default.")] = "",
) -> None:
    """Make a learner's namespaces again, with quota and rights; solved exercises stay solved."""
    with named_room(workshop, context, kubeconfig, own) as room:
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
    with named_room(workshop, context, kubeconfig, own) as room:
        members = room.members()
        if not yes:
            typer.confirm(f"Remove the workshop {workshop!r} with the work of {len(members)} learners?", abort=True)
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
    from labs.jupyter import command as jupyter_command
    from labs.workshop.room import instructor_page as watching

    with named_room(workshop, context, kubeconfig, own) as room:
        room.members()  # says so when there is no such workshop
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
    from labs.workshop.report import report as reports

    with named_room(workshop, context, kubeconfig, own) as room:
        content, folder = reports.collect(room), out or Path(f"{workshop}-report")
    with progress("Reports", len(content["learners"]) + 1) as step:
        pages = reports.write(content, folder, step)
    say(f"The class's report is {pages[0]}, learners' are beside it; data.json is what they were made of.")


for command in (rehearse, load, serve):
    app.command()(command)


def _hand_out(  # noqa: PLR0917
    room: Room, members: list[Member], rules: Rules, out: Path | None, hours: float, secrets: str
) -> None:
    from labs.workshop.room.handout import hand_out

    folder = out or Path(f"{room.name}-kubeconfigs")
    with progress("Kubeconfigs", len(members)) as step:
        end = hand_out(room, members, rules, hours, folder, secrets, step)
    count, until = len(members), f"{end:%Y-%m-%d %H:%M} UTC"
    if secrets:
        say(f"{count} kubeconfigs are in {secrets!r}, good until {until}; access codes are in {folder}/codes.csv.")
        return
    say(f"{count} kubeconfigs are in {folder}, good until {until}. With theirs, a learner runs:")
    say("  labs up --context workshop --kubeconfig FILE --docker none")
