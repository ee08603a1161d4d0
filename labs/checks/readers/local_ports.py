"""Where checks ask a port of this machine, and whether what answers there is this course's.

The course's forwarder listens on 127.0.0.1 for published container ports and for NodePorts. Another program, or another
course, may have a port first: then its answer says nothing about the exercise.
"""

from __future__ import annotations

from typing import NoReturn

from labs.checks.context import CheckContext
from labs.checks.core import clients, settle
from labs.checks.readers.docker_containers import containers, named
from labs.errors import CouldNotCheck

__all__ = ["address", "expect_ports_forwarded"]

FIRST_NODE_PORT = 30000
LATE = 10  # seconds that the forwarder may be late on a busy machine, whatever patience a check has


def address(lab: CheckContext, port: int, *, namespace: str = "") -> str | None:
    """Where to ask a published container port or a NodePort, so that only this course can answer.

    A port that an object of the course wants gets a moment until the course listens there. An engine that leads nothing
    to localhost, such as an attached one, is asked where the lesson asks it.

    Args:
        lab: the lesson's lab.
        port: its number, as the lesson names it.
        namespace: where the Service is that wants a NodePort; the lesson's own when empty.

    Returns:
        The beginning of a URL, such as ``http://127.0.0.1:30051``; None when neither a container nor a Service wants
        this port, so that nothing of the course answers there.

    Raises:
        CouldNotCheck: another program has the port, or the course does not listen there although an object wants it.
    """
    if lab.engine.local_ports() is None:
        return lab.url(port)
    own = f"http://127.0.0.1:{port}"  # not localhost, which another program may have as ::1
    if _is_led(lab, port):
        return own
    if not _is_wanted(lab, port, namespace or lab.namespace):
        return None
    expect_ports_forwarded(lab, port)
    if settle(lambda: _is_led(lab, port), timeout=LATE):
        return own
    _refuse(lab, port)


def expect_ports_forwarded(lab: CheckContext, port: int) -> None:
    """No answer says nothing about the exercise while the engine itself does not carry requests.

    Args:
        lab: the lesson's lab.
        port: the port that does not answer.

    Raises:
        CouldNotCheck: what carries requests there does not run.
    """
    carriers = {"ports", "kube-proxy"} if port >= FIRST_NODE_PORT else {"ports"}
    what = "node port" if port >= FIRST_NODE_PORT else "published port"
    for component in lab.engine.status():
        if component.name.split("/")[0] in carriers and component.state != "running":
            raise CouldNotCheck(f"{component.name} does not run, so no {what} answers.", "`labs up` starts it.")


def _is_led(lab: CheckContext, port: int) -> bool:
    """Whether the course listens, and leads to what the check asks about: a container, or from 30000 on a node port."""
    ports = lab.engine.local_ports()
    if not ports or not ports.is_running or port not in ports.listening:
        return False
    return port < FIRST_NODE_PORT or port not in ports.of_docker


def _is_wanted(lab: CheckContext, port: int, namespace: str) -> bool:
    if port < FIRST_NODE_PORT:
        return bool(_publishers(lab, port))
    services = clients(lab).core.list_namespaced_service(namespace).items
    ports = [p for service in services for p in service.spec.ports or []]
    return any(p.node_port == port and p.protocol in {None, "TCP"} for p in ports)


def _publishers(lab: CheckContext, port: int) -> list[str]:
    """The running containers that publish a TCP port, as the forwarder sees it: not those on IPv6 only."""
    names = []
    for container in containers(lab):
        inside = (container.attrs["NetworkSettings"].get("Ports") or {}) if container.status == "running" else {}
        outside = [place for key, places in inside.items() if key.endswith("/tcp") for place in places or []]
        if any(place["HostPort"] == str(port) and ":" not in place.get("HostIp", "") for place in outside):
            names.append(named(container))
    return names


def _refuse(lab: CheckContext, port: int) -> NoReturn:
    """Say who has a port that an object of the course wants. Raises CouldNotCheck."""
    ports = lab.engine.local_ports()
    problem = ports.problems.get(port, "") if ports else ""
    if "in use" in problem.lower():
        raise CouldNotCheck(
            f"Another program, or another course, has localhost:{port}, so this course cannot answer there.",
            f"`ss -ltnp 'sport = :{port}'` shows which program it is; end it, then check again.",
        )
    if problem:
        raise CouldNotCheck(
            f"The course could not listen at localhost:{port}: {problem.rpartition(': ')[2]}.",
            "`labs status` shows what `ports` says.",
        )
    if ports and port in ports.of_docker and port >= FIRST_NODE_PORT:
        holders = " and the ".join(_publishers(lab, port)) or "container of Docker that has just ended"
        raise CouldNotCheck(
            f"The {holders} publishes port {port}, so localhost:{port} leads there and to no Service.",
            "`docker ps` shows it; remove it, then check again.",
        )
    raise CouldNotCheck(
        f"The course does not lead localhost:{port} on yet, though an object wants it.",
        "Check again in a few seconds; `labs status` shows where `ports` listens.",
    )
