"""Which container publishes a port of this machine, and what it answers there."""

from __future__ import annotations

from typing import TYPE_CHECKING

from labs.checks import core
from labs.checks.context import CheckContext
from labs.checks.core import expect
from labs.checks.readers.docker_containers import bindings, containers, how_it_ended, named
from labs.checks.readers.local_ports import address, expect_ports_forwarded
from labs.errors import NotYet, Timeout
from labs.waiting import wait_for_http

if TYPE_CHECKING:
    from docker.models.containers import Container

__all__ = ["body_of", "publishing"]


def publishing(lab: CheckContext, port: int) -> tuple[Container, int]:
    """The running container that publishes a port of the machine, however it was made, and the port it leads to inside.

    Raises:
        NotYet: there is none; the message says how the last one ended.
    """
    wanted = [(item, inside) for item in containers(lab) for inside, outside in bindings(item) if outside == port]
    expected = f"a running container that publishes port {port}"
    if not wanted:
        for reverse, outside in [(c, out) for c in containers(lab) for back, out in bindings(c) if back == port]:
            raise NotYet(
                expected,
                f"{named(reverse)} publishes its port {port} as {outside}",
                f"Is it the other way round? From outside to inside is `--publish {port}:...`, in Python "
                f'`{{".../tcp": {port}}}`.',
            )
        raise NotYet(
            expected, "no container publishes it", "`docker ps` lists what is published, such as `8022->80/tcp`."
        )
    container, inside = wanted[0]
    expect(
        container.status == "running",
        expected=expected,
        observed=how_it_ended(container),
        try_=f"`docker logs {container.name}` shows its last words.",
    )
    return container, inside


def body_of(lab: CheckContext, container: Container, port: int, path: str, advice: str) -> str:
    """What a published port answers.

    Raises:
        NotYet: nothing, or no success.
        CouldNotCheck: the engine carries no requests, or not this course has the port.
    """
    expected, base = f"an answer from {lab.url(port)}{path}", address(lab, port)
    if base is None:
        raise NotYet(expected, f"no answer, from {named(container)}", advice)
    try:
        return wait_for_http(f"{base}{path}", timeout=core.PATIENCE)
    except Timeout as error:
        expect_ports_forwarded(lab, port)
        seen = error.what.partition("last seen: ")[2].rstrip(".")
        seen = seen if seen.startswith("status") else "no answer"  # else it is how a library words a closed connection
        raise NotYet(expected, f"{seen}, from {named(container)}", advice) from error
