"""The command `labs workshop serve`."""

from __future__ import annotations

import csv
import ipaddress
import re
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from labs.errors import LabsError

__all__ = ["serve"]

console = Console()
LOOPBACK = "127.0.0.1"


def serve(  # noqa: PLR0917  (every one is an option)
    learners: Annotated[Path | None, typer.Option(help="The list: a CSV file with a column `name`.")] = None,
    instructor: Annotated[
        list[str] | None, typer.Option(help="Somebody who may enter all learners' servers; may be given several times.")
    ] = None,
    port: Annotated[int, typer.Option(min=1, max=65535, help="The port for browsers.")] = 8000,
    bind: Annotated[str, typer.Option(help="The address for browsers; anything but 127.0.0.1 wants TLS.")] = LOOPBACK,
    memory: Annotated[int, typer.Option(min=512, help="Megabytes for each learner.")] = 1536,
    processes: Annotated[int, typer.Option(min=256, help="Processes and threads for each learner.")] = 1024,
    cull: Annotated[int, typer.Option(min=0, help="End a Jupyter server idle for so many minutes; 0: never.")] = 0,
    nodes: Annotated[int | None, typer.Option(min=1, max=4, help="Nodes of the cluster, 110 pods each.")] = None,
    stop: Annotated[bool, typer.Option("--stop", help="End it all; homes, images and objects stay.")] = False,
    remove: Annotated[bool, typer.Option("--remove", help="End it all, and remove it with the homes.")] = False,
) -> None:
    """Serve a class from this machine: JupyterHub, one cluster for all, a Docker Engine for each. Ctrl-C ends it."""
    from labs.engines.lifecycle import need_root
    from labs.workshop.hub import server
    from labs.workshop.hub.workshop import Workshop

    if stop or remove:
        need_root()
        workshop = Workshop()
        (workshop.remove if remove else workshop.stop)()
        console.print("The workshop is removed." if remove else "The workshop is stopped; its homes are kept.")
        return
    if learners is None:
        raise LabsError("Nobody is on the list.", "Name it: `labs workshop serve --learners roster.csv`.")
    workshop = server.start(
        names_in(learners),
        [checked(name) for name in instructor or ()],
        bind=bind,
        port=port,
        memory=memory,
        processes=processes,
        cull_minutes=cull,
        nodes=nodes,
    )
    address = f"http://{bind}:{port}/"
    tell(address, bind, server.hand_out(workshop, address), workshop.folder / "homes")
    try:
        server.watch(workshop)
    except KeyboardInterrupt:
        console.print("Stopping: everybody's servers, Docker Engines and the cluster. Homes are kept.")
        workshop.stop()


def tell(address: str, bind: str, sheet: Path, homes: Path) -> None:
    """Say what was started, and what to keep in mind of it."""
    say = console.print
    say(f"The workshop is open at {address}", highlight=False)
    say(f"Names and codes, to print and cut: {sheet}", highlight=False, soft_wrap=True)
    say(f"Homes: {homes}", highlight=False, soft_wrap=True)
    if not ipaddress.ip_address(bind).is_loopback:
        say(
            "[yellow]![/yellow] No TLS: whoever shares the network reads codes and notebooks. "
            "Put a web server with a certificate in front, and leave out `--bind`.",
            soft_wrap=True,
        )
    say(
        "Each learner is root in a Docker machine of their own and nobody on this server. All share its kernel, "
        "its disk (no limit) and the cluster's nodes: it keeps a class apart, not attackers.",
        soft_wrap=True,
    )


def names_in(file: Path) -> list[str]:
    """The names in a list of learners.

    Args:
        file: a CSV file; its column ``name`` counts, without one the first column.

    Raises:
        LabsError: there is no such file, nobody in it, or somebody whose name cannot be used.
    """
    try:
        rows = list(csv.reader(file.read_text(encoding="utf-8-sig").splitlines()))
    except OSError as error:
        raise LabsError(f"The list {file} cannot be read: {error.strerror}.", "Check the path.") from error
    rows = [[cell.strip() for cell in row] for row in rows if any(cell.strip() for cell in row)]
    column = 0
    if rows and "name" in [cell.lower() for cell in rows[0]]:
        column = [cell.lower() for cell in rows.pop(0)].index("name")
    names = [checked(row[column]) for row in rows if len(row) > column]
    if not names:
        raise LabsError(f"Nobody is on the list {file}.", "Write one name a line.")
    return names


def checked(name: str) -> str:
    """A learner's name, which becomes that of namespaces and folders. Raises LabsError when it cannot."""
    if not re.fullmatch(r"[a-z]([a-z0-9-]{0,28}[a-z0-9])?", name):
        raise LabsError(
            f"{name!r} cannot be a learner's name.",
            "Use up to 30 small letters, digits and dashes, beginning with a letter: they become names in the cluster.",
        )
    return name
