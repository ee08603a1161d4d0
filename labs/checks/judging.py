"""From what a check raises to a verdict: not yet, or an engine that could not be asked."""

from __future__ import annotations

from typing import TypeVar

from labs.checks.context import CheckContext
from labs.checks.registry import Check, find
from labs.checks.verdict import COULD_NOT_CHECK, NOT_YET, PASSED, Verdict
from labs.errors import CouldNotCheck, EngineError, NotRunning, NotYet
from labs.explain import explain
from labs.waiting import http_status

__all__ = ["judge", "run"]

ContextT = TypeVar("ContextT", bound=CheckContext)

APART = ("docker", "registry", "ports")  # pods live without them; readers look at `ports` where they ask one


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
    """Check live state by a check that need not be registered.

    Args:
        item: the check.
        lab: what it gets.

    Returns:
        The verdict, as `run` gives it.
    """
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
        phase = lab.clients.core.read_namespace(lab.namespace).status.phase
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
