"""What "done" means in lesson 02: containers, images, networks and volumes on Docker Engine."""

from __future__ import annotations

from datetime import datetime
from functools import partial
from statistics import mean
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from labs.checks import check, clients, expect, found, settle
from labs.checks.context import CheckContext
from labs.checks.facts import Kept, Stated, states
from labs.checks.readers.docker_containers import (
    bindings,
    comes_from,
    containers,
    environment_of,
    health_of,
    how_it_ended,
    named,
    networks_of,
)
from labs.checks.readers.docker_ports import body_of, publishing
from labs.checks.readers.docker_stated import expect_based_on, expect_left_alone
from labs.checks.readers.local_ports import address, expect_ports_forwarded
from labs.errors import NotYet, Timeout
from labs.waiting import wait_for_http

if TYPE_CHECKING:
    from docker.models.containers import Container


MIB = 2**20
ROOT = {"", "0", "root"}
PAGE_PORT, STORE_PORT, FIRST_FRONT_PORT, FRONT_PORT = 8021, 8020, 8023, 8025
NETWORK = "weather-net"


@states(
    Stated("Container", "weather-page-2", is_name_stated=False),
    Stated("Container", "weather-page-2", "Image", "labs/web:2", ("labs/web:1", "labs/shell:1")),
    Stated("Container", "weather-page-2", "HostPort", "8021", ("8029",)),
    Stated("Container", "weather-page-2", "Memory", 64 * 2**20, (128 * 2**20, 0), "64 MiB"),
)
@check(
    "ex-02-1",
    title="A second page on port 8021 that may use 64 MiB",
    covers=("T3",),
    why="A published port leads from the machine into the container's own network namespace, where nginx has its port "
    "80, and the limit is a number in the container's cgroup.",
)
def check_page_published(lab: CheckContext) -> None:
    container, inside = publishing(lab, PAGE_PORT)
    version = body_of(lab, container, PAGE_PORT, "/version", advice=advice_for_port(container, inside, 80)).strip()
    expect(
        version == "2",
        expected=f"{lab.url(PAGE_PORT)}/version to answer 2",
        observed=f"{version[:40]!r} from {named(container)}",
        try_="The version is the image's tag: is it `labs/web:2` that runs?",
    )
    if not comes_from(lab, container, "labs/web:2"):
        expect_based_on(lab, container.attrs["Image"], "labs/web:2")
    expect_memory(container, 64)


@states(
    Stated("Container", "weather-worker", is_name_stated=False),
    Stated("Container", "weather-worker", "User", "1000", ("0", "root"), "not as root"),
    Stated("Container", "weather-worker", "Memory", 128 * 2**20, (256 * 2**20, 0), "128 MiB"),
    Stated("Container", "weather-worker", "NetworkMode", "weather-net", ("bridge", "none")),
    Stated(
        "Container",
        "weather-worker",
        "Env",
        "STORE=http://weather-store:8000",
        ("STORE=http://weather-store",),
        "STORE",
    ),
    Stated("Container", "weather-worker", "Image", "weather-worker:1", ("labs/python:3", "weather-front:1")),
)
@check(
    "ex-02-2",
    title="A worker that keeps the mean of the readings",
    covers=("T3", "D1.1"),
    why="The image holds the program and Python; the address of the store came from outside, through the environment, "
    "and on a network of your own the store's name leads to it.",
)
def check_worker_running(lab: CheckContext) -> None:
    found(
        lambda: clients(lab).docker.images.get("weather-worker:1"),
        expected="an image weather-worker:1",
        try_='`docker build --tag weather-worker:1 ...`, or `build("worker", "weather-worker:1")` in the notebook.',
    )
    worker = running_worker(lab)
    expect_based_on(lab, worker.attrs["Image"], "labs/python:3")
    expect(
        worker.attrs["Config"]["User"].split(":")[0] not in ROOT,
        expected="a worker that does not run as root",
        observed=f"{named(worker)} runs as root",
        try_="`USER` in the Dockerfile says as whom; build again and replace the container after that.",
    )
    expect_memory(worker, 128)
    networks = networks_of(worker)
    expect(
        NETWORK in networks,
        expected=f"a worker on the network {NETWORK}",
        observed=f"{named(worker)} is on {', '.join(networks) or 'none'}",
        try_="A container's networks are in `docker inspect`; section 11 says which one `weather-store` is on.",
    )
    settle(lambda: expect_current_mean(lab))
    settle(lambda: expect_asking(lab))


@states(
    Stated("Container", "weather-front-2", is_name_stated=False),
    Stated("Container", "weather-front-2", "Image", "weather-front:1", ("labs/web:1",)),
    Stated("Container", "weather-front-2", "HostPort", "8025", ("8029",)),
    Stated("Container", "weather-front-2", "NetworkMode", "weather-net", ("bridge",), ""),
    Stated("Container", "weather-front-2", "Env", "STORE=http://weather-store:8000", ("STORE=http://store:8000",), ""),
    Kept("Container", "weather-store", {"State": "stopped"}),
    Kept("Container", "weather-front", {"State": "stopped"}),
)
@check(
    "ex-02-3",
    title="A repaired front on port 8025",
    covers=("T3",),
    why="The published port leads to the one on which the front listens, and the store has a name on their common "
    "network; ports and environment are fixed when a container is made, so it was replaced, and the image kept.",
    symptom="localhost:8025 does not show the number of readings from a healthy container, or a constraint is not met",
)
def check_front_repaired(lab: CheckContext) -> None:
    front, inside = publishing(lab, FRONT_PORT)
    expect(
        comes_from(lab, front, "weather-front:1"),
        expected=f"a container of weather-front:1 on port {FRONT_PORT}",
        observed=f"{named(front)} of {front.attrs['Config']['Image']}",
        try_="The image is fine as it is: only the way it was started is wrong.",
    )
    advice = advice_for_port(front, inside, 8080) if inside != 8080 else advice_for_store(front)
    body = body_of(lab, front, FRONT_PORT, "/", advice=advice).strip()
    expect(
        "readings so far" in body,
        expected="the number of readings",
        observed=repr(body[:60]),
        try_=f"`docker logs {front.name}` shows what the front did.",
    )
    expect_first_front_kept(lab, front)
    expect(
        settle(lambda: health_of(front) == "healthy"),
        expected=f"a healthy container on port {FRONT_PORT}",
        observed=f"{named(front)} is {health_of(front)}",
        try_="The last entry of `State.Health.Log` in `docker inspect` says what its health check saw.",
    )


def running_worker(lab: CheckContext) -> Container:
    """The running container of weather-worker:1.

    Raises:
        NotYet: there is none; the message says how the last one ended.
    """
    workers = [item for item in containers(lab) if comes_from(lab, item, "weather-worker:1")]
    running = [item for item in workers if item.status == "running"]
    if running:
        return running[0]
    expected = "a running container of weather-worker:1"
    if not workers:
        raise NotYet(expected, "none was started from it", "`docker run --detach ...`, in the background.")
    last = [line for line in workers[0].logs(tail=5).decode(errors="replace").splitlines() if line.strip()]
    observed = how_it_ended(workers[0]) + (f" with the last words {last[-1].strip()[:100]!r}" if last else "")
    advice = f" {advice_for_store(workers[0])}" if last and "Error" in last[-1] else ""  # not: it cannot be started
    raise NotYet(expected, observed, f"`docker logs {workers[0].name}` shows all of them.{advice}")


def expect_current_mean(lab: CheckContext) -> bool:
    """Expect that the store's last mean is the mean of its readings, and that the worker runs.

    Raises:
        NotYet: it is not; or the worker has ended, or the store does not answer.
    """
    worker = running_worker(lab)
    readings, means = (stored(lab, path) for path in ("readings", "means"))
    expect(
        readings,
        expected="readings in the store",
        observed="none",
        try_="`produce(*READINGS)`, from section 9, sends some.",
    )
    current = f"{mean(map(float, readings)):.2f}"
    expect(
        means and float(means[-1]) == float(current),
        expected=f"the last line of {lab.url(STORE_PORT)}/means to be {current}",
        observed=means[-1] if means else "no mean at all",
        try_=f"`docker logs {worker.name}` shows what it does. The name `weather-store` is known on weather-net only, "
        "and its port there is 8000.",
    )
    return True


def expect_asking(lab: CheckContext) -> bool:
    """Expect that the store's log has the worker's questions: the mean may be an earlier worker's.

    Raises:
        NotYet: it has not; or the worker has ended.
    """
    worker, (store, _) = running_worker(lab), publishing(lab, STORE_PORT)
    started = worker.attrs["State"]["StartedAt"]  # such as 2022-09-01T10:11:12.123456789Z
    since = datetime.fromisoformat(f"{started[:19]}+00:00").timestamp() + float(f"0{started[19:].rstrip('Z')}")
    asked = {line.split(" ", 1)[0] for line in store.logs(since=since, tail=400).decode(errors="replace").splitlines()}
    expect(
        asked & set(networks_of(worker).values()),
        expected=f"the worker to ask {named(store)} for readings",
        observed=f"no question from {named(worker)} since it was started: the mean is an earlier worker's",
        try_=f"`docker top {worker.name}` shows which program it runs. {advice_for_store(worker)}",
    )
    return True


def expect_first_front_kept(lab: CheckContext, front: Container) -> None:
    """Expect that the front of section 12 is as it was, and that the second one is of the same image. Raises NotYet."""
    again = "Run the cells of section 12 again, from the one that writes `front.py` to the one that starts the front."
    first = [item for item in containers(lab) if (8080, FIRST_FRONT_PORT) in bindings(item)]
    expect(
        first,
        expected=f"weather-front as it was, its port 8080 published as {FIRST_FRONT_PORT}",
        observed=f"no container publishes a port 8080 as {FIRST_FRONT_PORT}",
        try_=f"The second front needs a name of its own. {again}",
    )
    expect(
        front.attrs["Image"] == first[0].attrs["Image"],
        expected="the image weather-front:1 as it was",
        observed=f"{named(front)} is of another build of it than {named(first[0])}",
        try_=f"The image is fine as it is: only the way it was started is wrong. {again}",
    )
    url, data = {"STORE": "http://weather-store:8000"}, {"/data": "weather-data"}
    left = partial(expect_left_alone, lab, network=NETWORK)
    left(str(first[0].name), port=(8080, FIRST_FRONT_PORT), environment=url, try_=f"Leave it alone. {again}")
    again = "The cell of section 11 that starts it on weather-net makes it again."
    left("weather-store", port=(8000, STORE_PORT), volumes=data, try_=f"Leave it alone. {again}")


def stored(lab: CheckContext, path: str) -> list[str]:
    """The lines of one kind in the store."""
    silent = NotYet(
        f"the store to answer at {lab.url(STORE_PORT)}",
        "no answer",
        "Run the cell of section 11 that starts `weather-store` on weather-net again.",
    )
    base = address(lab, STORE_PORT)
    if base is None:
        raise silent
    try:
        return wait_for_http(f"{base}/{path}", timeout=3).split()
    except Timeout as error:
        expect_ports_forwarded(lab, STORE_PORT)
        raise silent from error


def advice_for_port(container: Container, inside: int, listens_on: int) -> str:
    """The one thing to look at when a published port does not answer."""
    if inside != listens_on:
        return (
            f"It leads to port {inside} in the container. On which port does the program listen? `docker ps` shows "
            "what its image says of that (by `EXPOSE`, section 7)."
        )
    return f"`docker logs {container.name}` shows whether the program is up."


def advice_for_store(container: Container) -> str:
    """The one thing to look at when a worker or a front does not reach the store."""
    store, networks = environment_of(container).get("STORE", ""), networks_of(container)
    if not store:
        return "It reads the store's URL from `STORE`, which is not set."
    if "://" not in store:
        return f"`STORE` is {store}, and a URL begins with `http://`."
    host = urlsplit(store).hostname or ""
    if host in {"localhost", "127.0.0.1"}:
        return f"`STORE` is {store}, and in a container `localhost` is the container itself."
    if NETWORK not in networks:
        place = f"It is on the network {', '.join(networks) or 'none'}"
        if host.replace(".", "").isdigit():
            return f"{place}, and `STORE` is the address {store}. Which network is the store on, and at which address?"
        return f"{place}. Which network knows the name in `STORE`, {store}?"
    return f"`STORE` is {store}: is the name right, the port the store's own, and does `weather-store` run?"


def expect_memory(container: Container, mebibytes: int) -> None:
    """Expect a memory limit of at most so many MiB."""
    limit = container.attrs["HostConfig"]["Memory"]
    expect(
        0 < limit <= mebibytes * MIB,
        expected=f"a memory limit of at most {mebibytes} MiB",
        observed=f"{named(container)} has {f'{limit / MIB:g} MiB' if limit else 'no limit'}",
        try_="Section 3 sets a limit when the container is made (`--memory` on a command line); replace the container.",
    )
