"""Drill papers. One is tasks (`first.toml`), the world they begin in (`first*.yaml`), and their checks (`first.py`)."""

from __future__ import annotations

import importlib
import tomllib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from importlib.resources import files
from typing import TYPE_CHECKING, Any

from labs.checks.core import Check
from labs.errors import LabsError

if TYPE_CHECKING:
    from labs.lab import Lab

__all__ = ["DOMAINS", "Paper", "Place", "Stage", "Task", "paper", "papers"]

#: The exam's domains with their weights in percent: the public curriculum v1.35 of the CNCF.
DOMAINS = {
    "D1": ("Application Design and Build", 20),
    "D2": ("Application Deployment", 20),
    "D3": ("Observability and Maintenance", 15),
    "D4": ("Environment, Configuration and Security", 25),
    "D5": ("Services and Networking", 20),
}


@dataclass(frozen=True)
class Task:
    """One task of a paper.

    Attributes:
        number: from 1.
        title: the state it asks for, as a noun.
        domain: such as ``D3``.
        weight: in percent.
        namespace: the short name of the namespace that it names.
        text: what to do, as the exam words it; Markdown with `Paper.fill`'s places.
        solution: a quick way, as a terminal takes it, with the same places.
        function: its check; takes a `Place`.
    """

    number: int
    title: str
    domain: str
    weight: int
    namespace: str
    text: str
    solution: str
    function: Callable[[Place], Any]

    def check(self, name: str) -> Check:
        """The task as a check. Args: ``name``, the drill's."""
        return Check(f"{name}-{self.number}", self.title, (self.domain,), "", self.function)


@dataclass(frozen=True)
class Stage:
    """One step of making the world. Attributes: ``manifest``, what to apply; ``ready``, Deployments to wait for."""

    manifest: str
    ready: tuple[str, ...]


@dataclass(frozen=True)
class Paper:
    """The tasks of a drill and the world they begin in.

    Attributes:
        name: such as ``first``.
        title: what to call it.
        minutes: the time there is.
        enough: percent that pass.
        namespaces: short names; their full names begin with the lesson's.
        stages: how the world is made.
        tasks: in order.
    """

    name: str
    title: str
    minutes: int
    enough: int
    namespaces: tuple[str, ...]
    stages: tuple[Stage, ...]
    tasks: tuple[Task, ...]

    def task(self, number: int) -> Task:
        """One task. Raises LabsError: there is none of this number."""
        if number not in range(1, len(self.tasks) + 1):
            raise LabsError(f"There is no task {number!r}.", f"There are 1 to {len(self.tasks)}.")
        return self.tasks[number - 1]

    def fill(self, text: str, lab: Lab, facts: Mapping[str, str]) -> str:
        """A text with its places filled in: ``@web@`` with the namespace web of this lab, ``@code@`` with a fact."""
        for name in self.namespaces:
            text = text.replace(f"@{name}@", f"{lab.namespace}-{name}")
        for name, value in facts.items():
            text = text.replace(f"@{name}@", value)
        return text


class Place:
    """A lab as seen from another of its namespaces: what a task's check gets.

    Args:
        lab: the lesson's lab; all that is not said here is as it has it.
        namespace: the task's namespace, in full.
        facts: what only this try knows, such as a number in a log.
    """

    def __init__(self, lab: Lab, namespace: str, facts: Mapping[str, str]) -> None:
        self._lab, self.namespace, self.facts = lab, namespace, dict(facts)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._lab, name)


def papers() -> list[str]:
    """The names of all papers."""
    return sorted(file.name.removesuffix(".toml") for file in files(__name__).iterdir() if file.name.endswith(".toml"))


def paper(name: str) -> Paper:
    """One paper by its name, such as ``"first"``.

    Raises:
        LabsError: there is none.
    """
    if name not in papers():
        raise LabsError(f"There is no drill {name!r}.", f"There is {', '.join(papers())}.")
    folder = files(__name__)
    content = tomllib.loads((folder / f"{name}.toml").read_text(encoding="utf-8"))
    checks = importlib.import_module(f"{__name__}.{name}")
    tasks = [
        Task(number, function=getattr(checks, item.pop("check")), **item)
        for number, item in enumerate(content["task"], start=1)
    ]
    stages = [
        Stage((folder / stage["manifest"]).read_text(encoding="utf-8"), tuple(stage["ready"]))
        for stage in content["stage"]
    ]
    return Paper(
        name=name,
        title=content["title"],
        minutes=content["minutes"],
        enough=content["enough"],
        namespaces=tuple(content["namespaces"]),
        stages=tuple(stages),
        tasks=tuple(tasks),
    )
