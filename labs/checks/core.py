"""What a check is written with: `expect`, `found`, `settle`, `clients`; `registry` and `judging` are offered with them.

A check looks at live state, accepts any route to it, and either returns (passed), raises `NotYet` through `expect`, or
fails for a reason that is the engine's, which is never a wrong answer::

    @check("ex-04-1", title="A Deployment with three ready replicas", covers=("T5", "D2.2"),
           why="The Deployment's ReplicaSet keeps three pods running when one is deleted.")
    def check_deployment_ready(lab):
        deployment = found(lambda: clients(lab).apps.read_namespaced_deployment("web", lab.namespace),
                           expected='a Deployment "web"', try_="`kubectl get deployments`")
        ready = deployment.status.ready_replicas or 0
        expect(ready == 3, expected="3 ready replicas", observed=f"{ready} ready", try_="`kubectl get pods`")
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TypeVar

from labs.checks.context import CheckContext
from labs.checks.judging import judge, run
from labs.checks.registry import Check, all_checks, check, checks_of, find
from labs.errors import NotYet
from labs.kube.clients import Clients
from labs.waiting import http_status

__all__ = [
    "Check",
    "Clients",
    "all_checks",
    "check",
    "checks_of",
    "clients",
    "expect",
    "find",
    "found",
    "judge",
    "patience",
    "run",
    "settle",
]

T = TypeVar("T")

PATIENCE = 10.0  # seconds that live state gets to settle


def expect(condition: T | None, *, expected: str, observed: str, try_: str = "") -> T:
    """State what must hold.

    Args:
        condition: true when it does; or what must be there, such as a match, which may be None.
        expected: completes "expected ...", without a full stop: "3 ready replicas".
        observed: completes "observed ...", without a full stop: "1 ready".
        try_: one sentence on what to look at or to do. Never the solution.

    Returns:
        The condition, which is true.

    Raises:
        NotYet: it does not hold.
    """
    if not condition:
        raise NotYet(expected, observed, try_)
    return condition


def found(read: Callable[[], T], *, expected: str, observed: str = "none", try_: str = "") -> T:
    """Read an object that the exercise asks for.

    Args:
        read: reads it with either client, such as ``lambda: clients(lab).docker.containers.get("web")``.
        expected: as for `expect`; said when the object does not exist.
        observed: as for `expect`.
        try_: as for `expect`.

    Raises:
        NotYet: the client answered 404.
    """
    try:
        return read()
    except Exception as error:
        if http_status(error) == 404:
            raise NotYet(expected, observed, try_) from error
        raise


def settle(value: Callable[[], T], timeout: float | None = None, interval: float = 0.25) -> T:
    """Give live state a moment to settle: a learner checks right after acting.

    Args:
        value: asked again and again. `NotYet` counts as "not yet settled".
        timeout: limit, in seconds; `PATIENCE` when not given.
        interval: time between two questions, in seconds.

    Returns:
        The first true value, or the last one when the limit has passed.

    Raises:
        NotYet: the last question raised it.
    """
    limit = time.monotonic() + (PATIENCE if timeout is None else timeout)
    while True:
        last_chance = time.monotonic() + interval > limit
        try:
            current = value()
        except NotYet:
            if last_chance:
                raise
        else:
            if current or last_chance:
                return current
        time.sleep(interval)


@contextmanager
def patience(seconds: float) -> Iterator[None]:
    """Give live state more or less time than usual, in every check that runs meanwhile.

    Args:
        seconds: how long `settle` asks when it is not told otherwise.
    """
    global PATIENCE  # noqa: PLW0603  (checks in threads must see it, too)
    usual, PATIENCE = PATIENCE, seconds
    try:
        yield
    finally:
        PATIENCE = usual


def clients(lab: CheckContext) -> Clients:
    """The course's clients: ``.core``, ``.apps``, ``.batch``, ``.autoscaling``, ``.docker`` and the other ones."""
    return lab.clients
