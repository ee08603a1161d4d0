"""Drill papers, one folder each: tasks (`tasks.toml`), the world they begin in (YAML), checks (`checks.py`)."""

from __future__ import annotations

import importlib
import tomllib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from importlib.resources import files
from types import ModuleType
from typing import TYPE_CHECKING, Any

from labs.checks.context import ScopedContext
from labs.checks.core import Check
from labs.errors import LabsError

if TYPE_CHECKING:
    from labs.session.lab import Lab

__all__ = ["Paper", "Stage", "Task", "paper", "papers"]


@dataclass(frozen=True)
class Task:
    """One task of a paper.

    Attributes:
        number: from 1.
        title: the state it asks for, as a noun.
        domain: such as ``D3``.
        weight: in percent.
        namespace: the short name of the namespace that it names.
        text: what to do, as the exam words it; Markdown with `Paper.fill`'s placeholders.
        solution: a quick way, as a terminal takes it, with the same placeholders.
        function: its check; takes a `ScopedContext`.
    """

    number: int
    title: str
    domain: str
    weight: int
    namespace: str
    text: str
    solution: str
    function: Callable[[ScopedContext], Any]

    def check(self, name: str) -> Check[ScopedContext]:
        """The task as a check.

        Args:
            name: the drill's.
        """
        return Check(f"{name}-{self.number}", self.title, (self.domain,), "", self.function)


@dataclass(frozen=True)
class Stage:
    """One step of making the world.

    Attributes:
        manifest: what to apply.
        ready: Deployments to wait for.
    """

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
        files: what tasks ask for in the drill's folder; removed at the start.
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
    files: tuple[str, ...] = ()

    def task(self, number: int) -> Task:
        """One task.

        Raises:
            LabsError: there is none of this number.
        """
        if number not in range(1, len(self.tasks) + 1):
            raise LabsError(f"There is no task {number!r}.", f"There are 1 to {len(self.tasks)}.")
        return self.tasks[number - 1]

    def fill(self, text: str, lab: Lab, facts: Mapping[str, str]) -> str:
        """A text with its placeholders filled in: ``@web@`` with this lab's namespace web, ``@code@`` with a fact."""
        for name in self.namespaces:
            text = text.replace(f"@{name}@", f"{lab.namespace}-{name}")
        for name, value in facts.items():
            text = text.replace(f"@{name}@", value)
        return text


def papers() -> list[str]:
    """The names of all papers."""
    return sorted(folder.name for folder in files(__name__).iterdir() if (folder / "tasks.toml").is_file())


def _check(checks: ModuleType, item: dict[str, Any]) -> Callable[[ScopedContext], Any]:
    """The function that a task names; its name is taken out of the task's entry."""
    name = item.pop("check")
    if not hasattr(checks, name):
        raise LabsError(f"The task {item['title']!r} names the check {name}, which {checks.__name__} does not have.")
    return getattr(checks, name)


def paper(name: str) -> Paper:
    """One paper by its name, such as ``"first"``.

    Raises:
        LabsError: there is none.
    """
    if name not in papers():
        raise LabsError(f"There is no drill {name!r}.", f"There is {', '.join(papers())}.")
    folder = files(__name__) / name
    content = tomllib.loads((folder / "tasks.toml").read_text(encoding="utf-8"))
    checks = importlib.import_module(f"{__name__}.{name}.checks")
    tasks = [
        Task(number, function=_check(checks, item), **item) for number, item in enumerate(content["task"], start=1)
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
        files=tuple(content.get("files", ())),
    )
