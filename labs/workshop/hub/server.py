"""Starting and watching what a workshop's server consists of: the cluster, the proxy, the hub."""

from __future__ import annotations

import os
import socket
import sys
from collections.abc import Sequence
from contextlib import closing, suppress
from pathlib import Path

from labs.curriculum.lessons import with_fact
from labs.engines import lifecycle
from labs.engines.runtime.privileges import require_root
from labs.engines.runtime.state import State, course_name
from labs.errors import LabsError, NotSupported, Timeout
from labs.waiting import wait_for, wait_for_http
from labs.workshop.hub.access import grant
from labs.workshop.hub.accounts import Workshop
from labs.workshop.hub.disk import require_disks
from labs.workshop.room.roster import Learner

__all__ = ["HUB", "PROXY", "hand_out", "nodes_for", "start", "watch"]

HUB = "hub"
PROXY = "hub-proxy"
CONFIG = Path(__file__).with_name("jupyterhub_config.py")


def nodes_for(learners: int, there: int = 1) -> int:
    """How many nodes a class needs: lessons have up to twelve pods at a time for each learner, and a node takes 110.

    Args:
        learners: how many there are.
        there: how many nodes there are already; none is taken away.
    """
    return max(there, min(4, -(-learners // 8)))


def _nodes_there() -> int:
    state = State.of(course_name(), system=True)
    return state.read().nodes if state.exists else 1


def start(
    learners: Sequence[Learner],
    instructors: Sequence[Learner] = (),
    *,
    lessons: Sequence[str] | None = None,
    bind: str = "127.0.0.1",
    port: int = 8000,
    memory: int = 1536,
    processes: int = 1024,
    disk: int = 8,
    cull_minutes: int = 0,
    nodes: int | None = None,
) -> Workshop:
    """Start all that learners need to sign in, or what of it does not run; their own servers are made when they do.

    Args:
        learners: those on the list.
        instructors: those who may enter all servers.
        lessons: those that everybody gets a namespace for; all that a shared cluster can hold by default.
        bind: the address on which browsers reach the server.
        port: the port.
        memory: megabytes for each learner, Docker and kernels included.
        processes: for each learner, threads included.
        disk: gigabytes for each learner, home and images together; 0 for no limit.
        cull_minutes: after how many idle ones a learner's Jupyter server ends; 0 for never.
        nodes: of the cluster; None for `nodes_for` the learners.

    Raises:
        LabsError: something does not start.
    """
    need_packages()
    require_root()
    if disk:
        require_disks()
    lifecycle.up(engine="host", nodes=nodes or nodes_for(len(learners), _nodes_there()))
    workshop = Workshop()
    workshop.invite([one.id for one in learners], [one.id for one in instructors])
    known = workshop.settings()
    host = workshop.engine.network.host
    workshop.settings(
        bind=bind,
        port=port,
        memory=memory,
        processes=processes,
        disk=disk,
        cull_minutes=cull_minutes,
        # who is signed in keeps these addresses, so they stay
        hub_port=known.get("hub_port") or free_port(host),
        proxy_api_port=known.get("proxy_api_port") or free_port("127.0.0.1"),
    )
    everybody = {one.id: one for one in (*learners, *instructors)}
    grant(workshop, list(everybody.values()), list(lessons or with_fact("shared-cluster")))
    engine = workshop.engine
    for component in (HUB, PROXY):  # with a list or an address of before
        engine.processes.stop(component)
    start_proxy(workshop)
    start_hub(workshop)
    return workshop


def need_packages() -> None:
    """Raise NotSupported where JupyterHub is not installed."""
    try:
        import configurable_http_proxy  # noqa: F401
        import jupyterhub  # noqa: F401
    except ImportError:
        raise NotSupported(
            "JupyterHub is not installed.", "Install what a workshop's server needs: `pip install -e '.[workshop]'`."
        ) from None


def start_proxy(workshop: Workshop) -> None:
    """Start the proxy unless it runs.

    Raises:
        LabsError
    """
    settings, processes = workshop.settings(), workshop.engine.processes
    hub = f"http://{workshop.engine.network.host}:{settings['hub_port']}"
    where = [settings["bind"], str(settings["port"]), str(settings["proxy_api_port"]), hub]
    processes.start(
        PROXY,
        [sys.executable, "-m", "labs.workshop.hub.proxy", *where],
        env={**_environment(workshop), "CONFIGPROXY_AUTH_TOKEN": settings["proxy_token"]},
    )
    address = ("127.0.0.1" if settings["bind"] == "0.0.0.0" else settings["bind"], settings["port"])

    def answers() -> bool:
        processes.check_alive(PROXY)
        with suppress(OSError), closing(socket.create_connection(address, timeout=1)):
            return True
        return False

    wait_for(answers, timeout=20, what="the proxy to answer")


def start_hub(workshop: Workshop) -> None:
    """Start the hub unless it runs, and wait until it answers.

    Raises:
        LabsError
    """
    settings, processes = workshop.settings(), workshop.engine.processes
    argv = [sys.executable, "-m", "jupyterhub", f"--config={CONFIG}"]
    processes.start(HUB, argv, env=_environment(workshop))
    url = f"http://{workshop.engine.network.host}:{settings['hub_port']}/hub/health"

    def answers() -> bool:
        processes.check_alive(HUB)
        with suppress(Timeout):
            return wait_for_http(url, timeout=0) is not None
        return False

    try:
        wait_for(answers, timeout=90, what="the hub to answer")
    except Timeout as error:
        raise LabsError(f"{error.what} It wrote: {processes.tail(HUB, 3)}", "`labs logs hub` shows more.") from error


def watch(workshop: Workshop) -> None:
    """Start hub and proxy again when one of them ends by itself; return when they are stopped.

    Raises:
        LabsError: one does not start again.
        KeyboardInterrupt: Ctrl-C was pressed.
    """
    processes = workshop.engine.processes

    def stopped() -> bool:
        states = {name: processes.component(name).state for name in (HUB, PROXY)}
        if states[PROXY] == "failed":
            start_proxy(workshop)
            processes.kill(HUB)  # which tells a proxy of all routes when it starts, and of changes afterwards
            start_hub(workshop)
        elif states[HUB] == "failed":
            start_hub(workshop)
        return "stopped" in states.values()

    wait_for(stopped, timeout=float("inf"), what="the end of the workshop", interval=1)


def hand_out(workshop: Workshop, address: str) -> Path:
    """Write the sheet with everybody's name and code, to be cut into strips.

    Args:
        address: for the browser.
    """
    lines = [
        f"{one.name}{' (instructor)' if one.admin else ''}\n    {address}\n    name {one.name}   code {one.code}\n"
        for one in workshop.accounts().values()
    ]
    return workshop.state.write_file("hand-out.txt", f"{'- ' * 30}\n".join(lines))


def free_port(address: str) -> int:
    """A port that nobody listens on.

    Args:
        address: of the machine, at which.
    """
    with closing(socket.socket()) as trial:
        trial.bind((address, 0))
        return trial.getsockname()[1]


def _environment(workshop: Workshop) -> dict[str, str]:
    kept = ("LABS_STATE", "LABS_CACHE", "LABS_ROOT", "LABS_DOCKERD", "HOME", "PATH", "SUDO_UID", "SUDO_GID")
    return {"LABS_NAME": workshop.name, **{key: os.environ[key] for key in kept if key in os.environ}}
