"""The small core of all checks.

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

import importlib
import importlib.util
import pkgutil
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

from labs.checks.context import CheckContext
from labs.checks.verdict import COULD_NOT_CHECK, NOT_YET, PASSED, Verdict
from labs.curriculum.lessons import EXERCISE_ID
from labs.errors import CouldNotCheck, EngineError, LabsError, NotRunning, NotYet
from labs.explain import explain
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
ContextT = TypeVar("ContextT", bound=CheckContext)
FunctionT = TypeVar("FunctionT", bound=Callable[[CheckContext], Any])

PATIENCE = 10.0  # seconds that live state gets to settle
APART = ("docker", "registry", "ports")  # pods live without them; readers look at `ports` where they ask one
_registry: dict[str, Check[CheckContext]] = {}


@dataclass(frozen=True)
class Check(Generic[ContextT]):
    """A registered check.

    Attributes:
        id: the exercise's id, such as ``ex-04-1``.
        title: what the exercise asks for, as a noun.
        covers: ids of the curriculum.
        why: why the solution works, one sentence.
        function: takes the lab, as a `CheckContext` or more; returns when the exercise is solved.
        is_about_engine: whether the exercise is about the engine's parts, so that one that is down is a wrong answer.
        is_repair: whether finding the cause is the exercise: a learner who checks is first told that it is not solved.
    """

    id: str
    title: str
    covers: tuple[str, ...]
    why: str
    function: Callable[[ContextT], Any]
    is_about_engine: bool = False
    is_repair: bool = False


def check(
    check_id: str,
    *,
    title: str,
    covers: Iterable[str],
    why: str = "",
    is_about_engine: bool = False,
    is_repair: bool = False,
) -> Callable[[FunctionT], FunctionT]:
    """Register a function as the check of an exercise.

    Args:
        check_id: such as ``ex-04-1``.
        title: what the exercise asks for, as a noun: "A Deployment with three ready replicas".
        covers: ids of the curriculum, such as ``("T5", "D2.2")``.
        why: why the solution works, one sentence, shown after a pass.
        is_about_engine: whether the exercise is about the engine's parts themselves.
        is_repair: whether the exercise is to find a cause, which the first verdict must not tell.

    Raises:
        ValueError: the id is malformed or taken.
    """
    if not EXERCISE_ID.fullmatch(check_id):
        raise ValueError(f"{check_id!r} is no exercise id; ex-04-1 is one")

    def register(function: FunctionT) -> FunctionT:
        known = _registry.get(check_id)
        if known and (known.function.__module__, known.function.__qualname__) != (
            function.__module__,
            function.__qualname__,
        ):
            raise ValueError(f"{check_id} is checked twice: {known.function.__qualname__}, {function.__qualname__}")
        _registry[check_id] = Check(check_id, title, tuple(covers), why, function, is_about_engine, is_repair)
        return function

    return register


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
    """Give live state more or less time than usual, in every check that runs meanwhile. Args: ``seconds``."""
    global PATIENCE  # noqa: PLW0603  (checks in threads must see it, too)
    usual, PATIENCE = PATIENCE, seconds
    try:
        yield
    finally:
        PATIENCE = usual


def clients(lab: CheckContext) -> Clients:
    """The course's clients: ``.core``, ``.apps``, ``.batch``, ``.networking``, ``.rbac``, ``.storage``, ``.docker``."""
    return lab.clients


def find(check_id: str) -> Check[CheckContext]:
    """The check of an exercise; its lesson's module is imported.

    Raises:
        LabsError: there is none.
    """
    match = EXERCISE_ID.fullmatch(check_id)
    if match:
        _load(match[1])
    if check_id not in _registry:
        known = ", ".join(f"`{c.id}`" for c in checks_of(match[1])) if match else ""
        raise LabsError(
            f"There is no exercise {check_id!r}.", f"There is {known}." if known else "An id looks like ex-04-1."
        )
    return _registry[check_id]


def checks_of(lesson: str) -> list[Check[CheckContext]]:
    """The checks of a lesson such as ``"04"``, in order; empty when it has none."""
    _load(lesson)
    return [_registry[check_id] for check_id in sorted(_registry) if check_id.startswith(f"ex-{lesson}-")]


def all_checks() -> list[Check[CheckContext]]:
    """The checks of all lessons, in order."""
    package = importlib.import_module("labs.checks")
    numbers = sorted(m.name[-2:] for m in pkgutil.iter_modules(package.__path__) if m.name.startswith("lesson_"))
    return [item for number in numbers for item in checks_of(number)]


def run(check_id: str, lab: CheckContext) -> Verdict:
    """Check an exercise against live state.

    Args:
        check_id: such as ``ex-04-1``.
        lab: the lesson's lab.

    Returns:
        The verdict. What a check raises becomes one: `NotYet` and an object that does not exist are "not yet"; an
        engine that does not answer, and a check that fails by itself, are "could not check".

    Raises:
        LabsError: there is no such exercise.
    """
    verdict, seat = judge(find(check_id), lab), lab.engine.seat
    if not seat:
        return verdict
    return Verdict(**{name: seat.personal(text) for name, text in verdict.as_dict().items()})


def judge(item: Check[ContextT], lab: ContextT) -> Verdict:
    """Check live state by a check that need not be registered. Args and Returns: as `run`."""
    try:
        item.function(lab)
    except NotYet as error:
        if gone := _namespace_gone(lab):
            return _verdict(item, NOT_YET, *gone)
        if not item.is_about_engine and (down := _parts_down(lab)):
            return _verdict(item, COULD_NOT_CHECK, "", *down)
        return _verdict(item, NOT_YET, error.expected, error.observed, error.try_)
    except (CouldNotCheck, NotRunning, EngineError) as error:
        return _verdict(item, COULD_NOT_CHECK, "", error.what, error.todo)
    except Exception as error:
        return _explained(item, lab, error)
    return Verdict(item.id, item.title, PASSED, why=item.why)


def _explained(item: Check, lab: CheckContext, error: Exception) -> Verdict:
    explanation = explain(error)
    if explanation and not explanation.fault and http_status(error) == 404:
        expected, observed, try_ = _namespace_gone(lab) or (item.title, explanation.what.rstrip("."), explanation.todo)
        return _verdict(item, NOT_YET, expected, observed, try_)
    if explanation:
        return _verdict(item, COULD_NOT_CHECK, "", explanation.what, explanation.todo)
    what = f"The check itself failed ({type(error).__name__}: {error}), which says nothing about your answer."
    return _verdict(item, COULD_NOT_CHECK, "", what, "Run it again; if it fails again, please report it.")


def _verdict(item: Check, status: str, expected: str, observed: str, try_: str) -> Verdict:
    return Verdict(item.id, item.title, status, expected, observed, try_, item.why)


def _namespace_gone(lab: CheckContext) -> tuple[str, str, str] | None:
    """What to tell when the learner has deleted the lesson's own namespace; None when it is there."""
    if not lab.uses_kubernetes:
        return None
    try:
        phase = clients(lab).core.read_namespace(lab.namespace).status.phase
    except Exception as error:
        if http_status(error) != 404:
            return None
        phase = ""
    if phase == "Active":
        return None
    state = "it is being deleted" if phase else "it is gone"
    return (
        f"the lesson's namespace {lab.namespace}",
        state,
        "`lab.reset()` makes it again; then start from the first cell.",
    )


def _parts_down(lab: CheckContext) -> tuple[str, str] | None:
    """What to tell when a part of the cluster does not run, which alone may keep a right answer from working."""
    if not lab.uses_kubernetes or not lab.engine.is_managed:
        return None
    parts = [part for part in lab.engine.status() if part.name not in APART]
    down = [part.name for part in parts if part.state != "running"]
    if not down:
        return None
    what = f"{' and '.join(down)} {'does' if len(down) == 1 else 'do'} not run"
    return f"{what}, so what was seen says nothing about your answer.", "`labs up` starts what is missing; check again."


def _load(lesson: str) -> None:
    name = f"labs.checks.lesson_{lesson}"
    if importlib.util.find_spec(name):
        importlib.import_module(name)
