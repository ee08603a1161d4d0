"""The command `labs workshop serve`."""

from __future__ import annotations

import ipaddress
import shutil
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from labs.errors import LabsError
from labs.workshop.cli.options import ALL, Lessons, chosen_lessons

__all__ = ["serve"]

console = Console()
LOOPBACK = "127.0.0.1"


def serve(  # noqa: PLR0917  (every one is an option)
    learners: Annotated[Path | None, typer.Option(help="The roster: CSV with a column `name`.")] = None,
    instructor: Annotated[
        list[str] | None, typer.Option(help="Somebody who may enter all learners' servers; may be given several times.")
    ] = None,
    port: Annotated[int, typer.Option(min=1, max=65535, help="The port for browsers.")] = 8000,
    bind: Annotated[str, typer.Option(help="The address for browsers; anything but 127.0.0.1 wants TLS.")] = LOOPBACK,
    memory: Annotated[int, typer.Option(min=512, help="Megabytes for each learner.")] = 1536,
    processes: Annotated[int, typer.Option(min=256, help="Processes and threads for each learner.")] = 1024,
    disk: Annotated[
        int, typer.Option(min=0, help="Gigabytes for each learner, used as they fill; it can grow. 0: no limit.")
    ] = 8,
    cull: Annotated[int, typer.Option(min=0, help="End a Jupyter server idle for so many minutes; 0: never.")] = 0,
    nodes: Annotated[
        int | None, typer.Option(min=1, max=4, help="Nodes of the cluster; by default, one for eight learners.")
    ] = None,
    lessons: Lessons = ALL,
    stop: Annotated[bool, typer.Option("--stop", help="End it all; homes, images and objects stay.")] = False,
    remove: Annotated[bool, typer.Option("--remove", help="End it all, and remove it with the homes.")] = False,
) -> None:
    """Serve a class from this machine: JupyterHub, one cluster for all, a Docker Engine for each. Ctrl-C ends it."""
    from labs.engines.runtime.privileges import require_root
    from labs.workshop.hub import server
    from labs.workshop.hub.accounts import Workshop
    from labs.workshop.room.roster import Learner, id_of, read_roster

    if stop or remove:
        require_root()
        workshop = Workshop()
        (workshop.remove if remove else workshop.stop)()
        console.print("The workshop is removed." if remove else "The workshop is stopped; its homes are kept.")
        return
    if learners is None:
        raise LabsError("Nobody is on the list.", "Name it: `labs workshop serve --learners roster.csv`.")
    workshop = server.start(
        read_roster(learners),
        [Learner(id_of(name), name) for name in instructor or ()],
        lessons=chosen_lessons(lessons),
        bind=bind,
        port=port,
        memory=memory,
        processes=processes,
        disk=disk,
        cull_minutes=cull,
        nodes=nodes,
    )
    address = f"http://{bind}:{port}/"
    print_summary(address, bind, server.hand_out(workshop, address), len(workshop.accounts()) * disk, workshop.folder)
    try:
        server.watch(workshop)
    except KeyboardInterrupt:
        console.print("Stopping: everybody's servers, Docker Engines and the cluster. Homes are kept.")
        workshop.stop()


def print_summary(address: str, bind: str, sheet: Path, disks: int, folder: Path) -> None:
    """Say what was started, and what to keep in mind of it.

    Args:
        disks: gigabytes of all when full.
    """
    say = console.print
    say(f"The workshop is open at {address}", highlight=False)
    say(f"Names and codes, to print and cut: {sheet}", highlight=False, soft_wrap=True)
    free = shutil.disk_usage(folder).free >> 30
    if disks > free:
        say(f"[yellow]![/yellow] All disks together hold {disks} GB when they are full; {free} GB are free here.")
    if not ipaddress.ip_address(bind).is_loopback:
        say(
            "[yellow]![/yellow] No TLS: anyone who shares the network reads codes and notebooks. "
            "Put a web server with a certificate in front, and leave out `--bind`.",
            soft_wrap=True,
        )
    shared = (
        "its kernel and the cluster's nodes" if disks else "its kernel, its disk (no limit) and the cluster's nodes"
    )
    say(
        f"Each learner is root in a Docker machine of their own and nobody on this server. All share {shared}: "
        "it keeps a class apart, not attackers.",
        soft_wrap=True,
    )
