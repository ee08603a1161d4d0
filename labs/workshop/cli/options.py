"""What the commands `labs workshop` have in common: their options, the cluster that is named, and progress."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn

if TYPE_CHECKING:  # a client is imported where it is used, so that `labs --help` stays quick
    from labs.workshop.room.cluster import Cluster
    from labs.workshop.room.room import Room
    from labs.workshop.room.rules import Rules

__all__ = [
    "ALL",
    "HOURS",
    "USUAL",
    "Address",
    "Context",
    "Docker",
    "Hours",
    "Kubeconfig",
    "Lessons",
    "Out",
    "Own",
    "Pods",
    "Registry",
    "Secrets",
    "Server",
    "Workshop",
    "chosen_lessons",
    "console",
    "named_cluster",
    "named_room",
    "progress",
    "room_rules",
    "say",
]

console = Console()

Workshop = Annotated[str, typer.Option(help="The workshop's name.", envvar="LABS_WORKSHOP")]
Context = Annotated[str, typer.Option(help="The kubeconfig context of its cluster.", envvar="LABS_WORKSHOP_CONTEXT")]
Kubeconfig = Annotated[str, typer.Option(help="The kubeconfig that holds it.", envvar="LABS_WORKSHOP_KUBECONFIG")]
Own = Annotated[bool, typer.Option("--own", help="Its cluster is the one that `labs up` started here.")]
Lessons = Annotated[str, typer.Option(help="Lessons that learners get namespaces for; by default, all that can be.")]
Out = Annotated[Path | None, typer.Option(help="The folder for the learners' kubeconfigs.")]
Hours = Annotated[float, typer.Option(min=0.2, help="How long the kubeconfigs are good for.")]
Registry = Annotated[str, typer.Option(help="A registry that learners push to and nodes pull from.")]
Address = Annotated[str, typer.Option(help="Where the cluster's node ports answer.")]
Server = Annotated[str, typer.Option(help="The API server's URL as learners reach it, if not as you do.")]
Docker = Annotated[str, typer.Option(help="A Docker Engine for all (a DOCKER_HOST), or none; of --own, the course's.")]
Secrets = Annotated[str, typer.Option(help="The namespace of a JupyterHub that gets the kubeconfigs, as Secrets.")]
Pods = Annotated[int, typer.Option(min=1, help="Pods that a learner may have in a lesson.")]

USUAL, ALL = "workshop", ""
HOURS = 24  # provisioned in the evening, kubeconfigs are still good at the end of the next day's class


def say(text: str) -> None:
    """Print a line as it is."""
    console.print(text, highlight=False, markup=False, soft_wrap=True)


def room_rules(lessons: str, registry: str, address: str, server: str, quota: dict[str, str]) -> Rules:
    """The rules of a room, from options.

    Args:
        lessons: with commas between them.
        registry, address, server, quota: as of `Rules`.
    """
    from labs.workshop.room.rules import Rules

    return Rules(chosen_lessons(lessons), quota, address, registry, server)


def chosen_lessons(numbers: str) -> list[str]:
    """Lessons by their numbers with commas between them; all that a shared cluster can hold where none is named.

    Raises:
        LabsError: there is no such lesson.
    """
    from labs.curriculum import lessons

    chosen = [number.strip() for number in numbers.split(",") if number.strip()]
    for number in chosen:
        lessons.lesson(number)  # says so when there is no such lesson
    return chosen or lessons.with_fact("shared-cluster")


@contextmanager
def named_room(workshop: str, context: str, kubeconfig: str, own: bool) -> Iterator[Room]:
    """The workshop of this name on the cluster that is named, as of `Cluster.named`."""
    from labs.workshop.room.room import Room

    with named_cluster(context, kubeconfig, own) as cluster:
        yield Room(cluster, workshop)


@contextmanager
def named_cluster(context: str, kubeconfig: str, own: bool) -> Iterator[Cluster]:
    """The cluster that is named, as of `Cluster.named`; its clients are closed at the end."""
    from labs.workshop.room.cluster import Cluster

    cluster = Cluster.named(context, kubeconfig, own=own)
    try:
        yield cluster
    finally:
        cluster.close()


@contextmanager
def progress(what: str, total: int) -> Iterator[Callable[[str], None]]:
    """A bar that goes on by one with each call of what it gives.

    Args:
        what: what is counted.
        total: how many.
    """
    columns = (TextColumn(f"{what:12}"), BarColumn(), MofNCompleteColumn(), TextColumn("{task.description}"))
    with Progress(*columns, console=console, transient=True) as bar:
        task = bar.add_task("", total=total)

        def step(name: str) -> None:
            bar.update(task, advance=1, description=name)

        yield step
