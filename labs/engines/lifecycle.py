"""Up, stop and down: which engine, under which lock, and with whose rights."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import time
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

import psutil

from labs import engines
from labs.engines.base import STARTUP
from labs.engines.progress import Reporter, Startup, read_startup
from labs.engines.state import State, cache_folder, course_name, owner
from labs.errors import EngineError, NotRunning, NotSupported
from labs.waiting import wait_for

__all__ = ["down", "need_root", "prepare", "stop", "sudo", "up", "up_in_background"]

PREPARED = "labs-prepare"
"""The course that `labs prepare` makes and removes; no name that a person would give."""
KEPT = (
    "LABS_NAME",
    "LABS_STATE",
    "LABS_CACHE",
    "LABS_NO_DOWNLOAD",
    "LANG",
    "PATH",
    "TERM",
    "DOCKER_HOST",
    "KUBECONFIG",
    *("http_proxy", "https_proxy", "no_proxy", "all_proxy", "HTTP_PROXY", "HTTPS_PROXY", "NO_PROXY", "ALL_PROXY"),
    *("SSL_CERT_FILE", "SSL_CERT_DIR", "PIP_INDEX_URL", "PIP_CERT", "GOPROXY", "GOSUMDB", "GOPRIVATE"),
)
"""What sudo would forget of the user's environment: the course's own settings, and the way to the internet."""


def up(
    *,
    nodes: int | None = None,
    engine: str = "",
    context: str = "",
    kubeconfig: str = "",
    docker: str = "",
    registry: str = "",
    quiet: bool = False,
) -> None:
    """Start the course or what of it does not run.

    Args:
        nodes: how many nodes the course shall have; None for one, or for as many as it has.
        engine: ``host``, ``usermode`` or ``attached``; empty chooses.
        context: attach to this kubeconfig context.
        kubeconfig: the file that holds it; empty for kubectl's usual places.
        docker: attach to this Docker Engine.
        registry: a registry that both of them reach.
        quiet: show no progress.

    Raises:
        LabsError: it could not be started; what was begun is kept for the next try.
    """
    name = course_name()
    known = State.of(name, system=True)
    existing = known.read().engine if known.exists else ""
    kind = engine or ("attached" if context or docker else existing or _chosen())
    course = engines.kind(kind)
    if existing and kind != existing:
        raise NotSupported(
            f"The course {name!r} has the engine {existing!r} already, not {kind!r}.",
            "Run `labs down` first, or choose another course: `labs --name NAME up`.",
        )
    if kind == "attached":
        if nodes is not None:
            raise NotSupported(
                "The nodes of a cluster that the course did not start are not its own to add or to take away.",
                "Leave out `--nodes`.",
            )
        state = State.of(name, system=False)
        with state.lock(), Reporter(quiet=quiet) as reporter:
            course.create(
                state, name=name, context=context, kubeconfig=kubeconfig, docker=docker, registry=registry
            ).up(reporter)
        return
    if kind == "host":
        need_root()
    state = State.of(name, system=os.geteuid() == 0)
    try:
        with state.lock(), Reporter(quiet=quiet) as reporter:
            course.create(state, name=name, nodes=nodes).up(reporter)
    finally:
        _give_back(cache_folder())


def prepare(*, engine: str = "", quiet: bool = False) -> None:
    """Fetch and build all that courses need, so that they start in seconds and without a network.

    Args:
        engine: ``host`` or ``usermode``; empty chooses.
        quiet: show no progress.

    Raises:
        LabsError: something could not be fetched or built; the next try goes on from there.
    """
    kind = engine or _chosen()
    if kind == "attached":
        raise NotSupported("An attached cluster needs nothing beforehand.", "`labs up --context NAME` attaches to it.")
    course = engines.kind(kind)
    if kind == "host":
        need_root()
    state = State.of(PREPARED, system=os.geteuid() == 0)
    try:
        with state.lock(), Reporter(quiet=quiet) as reporter:
            if state.exists:  # of one that was killed
                engines.of(state).remove()
            prepared = course.create(state, name=PREPARED)
            try:
                prepared.prepare(reporter)
            finally:
                prepared.remove()
    finally:
        _give_back(cache_folder())


def _chosen() -> str:
    """The engine for who named none: the quickest that this user may run. Raises NotSupported."""
    try:
        trial = _as_root(["unshare", "--mount", "--net", "true"])
    except NotSupported:
        if not sys.platform.startswith("linux"):
            raise
        return "usermode"
    return "host" if _succeeds(trial) else "usermode"


def _succeeds(argv: Sequence[str]) -> bool:
    """Whether a command ends well. In a container, root may not make namespaces."""
    return subprocess.run(argv, capture_output=True, check=False).returncode == 0


def _give_back(folder: Path) -> None:
    """Under sudo: what root put into the user's cache shall be the user's."""
    uid, gid = owner()
    if uid == os.getuid():
        return
    for path in [folder, *folder.rglob("*")]:
        with suppress(OSError):
            if path.lstat().st_uid == 0:
                os.chown(path, uid, gid, follow_symlinks=False)


def up_in_background(*, patience: float = 3600) -> None:
    """Start the course and return as soon as the Docker lessons can begin; the rest goes on by itself.

    Args:
        patience: seconds to wait for the Docker Engine.

    Raises:
        LabsError: it could not be started.
    """
    name = course_name()
    state = State.of(name, system=True)
    command = [sys.executable, "-m", "labs.cli", "--name", name, "up"]
    kind = state.read().engine if state.exists else _chosen()
    argv = _as_root(command) if kind == "host" else command  # root for this alone: JupyterLab shall be the user's
    began = time.time()
    log = cache_folder() / "up.log"
    log.parent.mkdir(parents=True, exist_ok=True)
    with log.open("w") as output:
        child = subprocess.Popen(
            argv,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            start_new_session=argv == command,
            process_group=None if argv == command else 0,  # sudo remembers a password for one session only
        )
    with Reporter() as reporter:
        step = reporter.began("Docker Engine")

        def usable() -> bool:
            startup = read_startup(state.folder / STARTUP) if _newer(state.folder / STARTUP, began) else None
            if startup:
                step.update(str(startup)[:100])
            if child.poll() is not None:
                return True
            return bool(startup) and {"Docker Engine", "base images"} <= set(startup.done)

        wait_for(usable, timeout=patience, what="the Docker Engine", interval=0.3)
        reporter.ended("Docker Engine", None)
    if child.poll():
        raise EngineError(_last_error(log.read_text(errors="replace")), f"All it said is in {log}.")


def _last_error(text: str) -> str:
    """The sentence with which `labs up` has ended."""
    marked = [line for line in text.splitlines() if line.startswith("✗ ")]
    last = [*text.strip().splitlines(), *marked][-1:]
    return last[0].removeprefix("✗ ") if last else "`labs up` was ended before it had said why."


def _newer(file: Path, moment: float) -> bool:
    return file.exists() and file.stat().st_mtime >= moment - 1


def stop() -> None:
    """Stop the course and keep what it holds. Raises NotRunning when there is none."""
    state = State.of(course_name(), system=True)
    if not state.exists:
        raise NotRunning("There is no course to stop.", "`labs up` starts one.")
    record = state.read()
    if record.engine == "attached":
        return
    if record.engine == "host":
        need_root()
    with state.lock():
        engines.of(state, record).halt()


def down() -> bool:
    """Remove the course with all that it started; return whether there was one."""
    state = State.of(course_name(), system=True)
    if not state.folder.is_dir():
        return False
    if not state.exists:  # begun or removed in part; nothing but the folder is left
        if not os.access(state.folder.parent, os.W_OK):
            need_root()
        with state.lock():
            state.remove()
        return True
    record = state.recover()
    if record.engine == "host":
        need_root()
    if record.engine != "attached":
        _interrupt(read_startup(state.folder / STARTUP))
    with state.lock(patience=10):
        engines.of(state, record).remove()
    return True


def _interrupt(startup: Startup | None) -> None:
    """End a `labs up` that is at work, with the compilers and package managers that it has started. The daemons stay:
    they are another process group, and are ended by their mark."""
    if startup is None or not startup.running:
        return
    with suppress(psutil.Error, OSError):
        process = psutil.Process(startup.pid)
        helpers = [
            child for child in process.children(recursive=True) if os.getsid(child.pid) == os.getsid(startup.pid)
        ]
        for each in [process, *helpers]:
            each.kill()
        process.wait(5)


def need_root() -> None:
    """Go on as root: nothing to do when we are, else start this command again under a sudo that asks no password.

    Raises:
        NotSupported: we are not root and cannot become it, or this is not Linux.
    """
    command = [sys.executable, "-m", "labs.cli", *sys.argv[1:]]
    argv = _as_root(command)
    if argv != command:
        sys.stdout.flush()
        os.execv(argv[0], argv)


def _as_root(argv: list[str]) -> list[str]:
    """A command with root's rights: as it is when we are root. Raises NotSupported."""
    if not sys.platform.startswith("linux"):
        raise NotSupported(
            "The engines run on Linux only.",
            "Attach to Docker Desktop, kind or minikube: `labs up --context NAME --docker HOST`.",
        )
    return argv if os.geteuid() == 0 else sudo(argv)


def sudo(argv: Sequence[str]) -> list[str]:
    """A command with root's rights, without asking for a password.

    Raises:
        NotSupported: there is no sudo, or it would ask.
    """
    program = shutil.which("sudo")
    if program and subprocess.run([program, "-n", "true"], capture_output=True, check=False).returncode == 0:
        kept = [f"{key}={os.environ[key]}" for key in KEPT if key in os.environ]
        if "XDG_CACHE_HOME" in os.environ and "LABS_CACHE" not in os.environ:
            kept.append(f"LABS_CACHE={cache_folder()}")
        return [program, "-n", *kept, *argv]
    raise NotSupported(
        "The engine `host` needs root's rights, and neither is this root nor does sudo work without a password.",
        "Run `sudo -v` first, or use `labs up --engine usermode`, which needs none.",
    )
