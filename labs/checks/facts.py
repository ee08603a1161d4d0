"""What an exercise's brief states, declared beside its check.

A check reads live state in its own words, and so can forget a fact of the brief or ask for more than it says. Here
each fact stands once, as data. Tests compare it with everything else that says the same: the brief's text has to name
it; the reference solution has to have it; an answer in which it alone is different has to be refused, and one in which
only other things are different has to pass (``tests/checks/generated``)::

    @states(
        Stated("Deployment", "web"),
        Stated("Deployment", "web", "image", "labs/web:1"),
        Kept("Service", "web", {"spec": {"type": "ClusterIP"}}),
        Free("Deployment", "web", "spec.replicas", 2),
    )
    @check("ex-04-1", title="A Deployment with a page", covers=("T5",))
    def check_deployment_ready(lab): ...
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, TypeVar

__all__ = ["ANY", "Fact", "Free", "Kept", "Stated", "facts_of", "states"]

FunctionT = TypeVar("FunctionT", bound=Callable[..., Any])
ANY = object()
"""Whatever stands there: for a value that the learner chooses, and that something else depends on."""


@dataclass(frozen=True)
class Fact:
    """About one object.

    Attributes:
        kind: such as ``Deployment``; ``Container`` for one of Docker's.
        name: the object's.
    """

    kind: str
    name: str


@dataclass(frozen=True)
class Stated(Fact):
    """The object must be there; or, with a field, a value must stand in it.

    Attributes:
        field: the keys that lead to the value, the last ones suffice and indexes are left out: ``ports.nodePort``.
        value: what stands there; `ANY` for whatever does.
        others: plausible wrong values; a test makes one up when there is none.
        text: how the brief says it, when not as the value; empty when it says it in no one word.
        is_name_stated: False when the object's name is the learner's to choose; it is the reference solution's then.
    """

    field: str = ""
    value: Any = ANY
    others: tuple[Any, ...] = ()
    text: str | None = None
    is_name_stated: bool = True


@dataclass(frozen=True)
class Kept(Fact):
    """The object is there before the exercise and must stay as it is.

    Attributes:
        change: a change that must be refused, as a JSON merge patch (RFC 7386).
        deletion: whether its deletion must be refused as well.
    """

    change: dict[str, Any]
    deletion: bool = True


@dataclass(frozen=True)
class Free(Fact):
    """The brief leaves open what stands there, and something might take it for stated.

    Attributes:
        field: the keys that lead to it, from the top: ``spec.replicas``.
        value: another value than the reference solution's, which must pass.
    """

    field: str
    value: Any


def states(*facts: Fact) -> Callable[[FunctionT], FunctionT]:
    """Declare the facts of the brief that a function checks.

    Args:
        facts: in the order in which the brief names them.
    """

    def declare(function: FunctionT) -> FunctionT:
        function.__dict__["facts"] = facts
        return function

    return declare


def facts_of(function: Callable[..., Any]) -> tuple[Fact, ...]:
    """The facts that a check's function declares; none when it declares none.

    Args:
        function: a `Check`'s, or a drill task's.
    """
    return getattr(function, "facts", ())
