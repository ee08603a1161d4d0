"""Which check belongs to which exercise."""

from __future__ import annotations

import importlib
import importlib.util
import pkgutil
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

from labs.checks.context import CheckContext
from labs.curriculum.lessons import EXERCISE_ID
from labs.errors import LabsError

__all__ = ["Check", "all_checks", "check", "checks_of", "find"]

ContextT = TypeVar("ContextT", bound=CheckContext)
FunctionT = TypeVar("FunctionT", bound=Callable[[CheckContext], Any])

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
        symptom: where finding the cause is the exercise, what a learner who checks is told first; else empty.
    """

    id: str
    title: str
    covers: tuple[str, ...]
    why: str
    function: Callable[[ContextT], Any]
    is_about_engine: bool = False
    symptom: str = ""


def check(
    check_id: str,
    *,
    title: str,
    covers: Iterable[str],
    why: str = "",
    is_about_engine: bool = False,
    symptom: str = "",
) -> Callable[[FunctionT], FunctionT]:
    """Register a function as the check of an exercise.

    Args:
        check_id: such as ``ex-04-1``.
        title: what the exercise asks for, as a noun: "A Deployment with three ready replicas".
        covers: ids of the curriculum, such as ``("T5", "D2.2")``.
        why: why the solution works, one sentence, shown after a pass.
        is_about_engine: whether the exercise is about the engine's parts themselves.
        symptom: where finding the cause is the exercise, what the first verdict tells instead of it: how it shows that
            the exercise is not solved, completing "observed ...".

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
        _registry[check_id] = Check(check_id, title, tuple(covers), why, function, is_about_engine, symptom)
        return function

    return register


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


def _load(lesson: str) -> None:
    name = f"labs.checks.lesson_{lesson}"
    if importlib.util.find_spec(name):
        importlib.import_module(name)
