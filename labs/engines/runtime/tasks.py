"""The tasks of a start: each as soon as what it needs is done; one that fails stops only what needs it."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from graphlib import TopologicalSorter

from labs.engines.runtime.reporter import Cancelled, Reporter, Step
from labs.engines.runtime.unexpected_errors import explain_unexpected
from labs.errors import EngineError, LabsError

__all__ = ["PartFailed", "Task", "run_tasks"]

Task = tuple[tuple[str, ...], Callable[[Step], object]]
"""What must be done before, and the work, of whose answer nothing is made."""


class PartFailed(EngineError):
    """Some tasks failed; those that need none of them were done.

    Args:
        failed: each task that failed, with its error; the first one first.
        skipped: each task that was not done because of one of them, with that one's name.
    """

    def __init__(self, failed: Mapping[str, LabsError], skipped: Mapping[str, str]) -> None:
        (name, first), *others = failed.items()
        what, todo = [first.sentence], [first.todo]
        if skipped:
            what.append(f"Not done because of that: {', '.join(skipped)}.")
        what += [f"{other} failed as well: {error.sentence}" for other, error in others]
        todo.append("The next `labs up` goes on where this one stopped.")
        super().__init__(" ".join(what), " ".join(filter(None, todo)))
        self.part, self.failed, self.skipped = name, dict(failed), dict(skipped)


def run_tasks(
    tasks: Mapping[str, Task], reporter: Reporter, *, goals: Collection[str] | None = None, workers: int = 8
) -> None:
    """Do the tasks, each as soon as those before it are done.

    When one fails, those that need it are skipped. So is what has no use any more: a task that only leads to skipped
    ones, such as the build of a program for a step that will not come.

    Args:
        tasks: by their names.
        reporter: shows each.
        goals: the tasks that are of use by themselves; None for those that no other one needs.
        workers: how many at once.

    Raises:
        PartFailed: at least one failed; all that does not need it is done.
        LabsError: the only one there is has failed.
        KeyboardInterrupt: none is begun any more; those that had begun are told to end.
    """
    plan = _Plan(tasks, goals)
    running: dict[Future, str] = {}

    def work(name: str) -> None:
        step = reporter.begin(name)
        try:
            tasks[name][1](step)
        except Exception as error:
            failure = error if isinstance(error, LabsError | Cancelled) else explain_unexpected(error)
            reporter.end(name, failure)
            raise failure from error
        except BaseException as error:
            reporter.end(name, error)
            raise
        reporter.end(name, None)

    with ThreadPoolExecutor(workers) as pool:
        try:
            while True:
                running.update({pool.submit(work, name): name for name in plan.begin()})
                if not running:
                    break
                # an interrupt that comes just before a wait without a limit would be noticed only after it
                ended, _ = wait(running, timeout=1, return_when=FIRST_COMPLETED)
                for future in ended:
                    name, error = running.pop(future), future.exception()
                    if error is None:
                        plan.done(name)
                    elif isinstance(error, LabsError):
                        for other in plan.fail(name, error):
                            reporter.skip(other, plan.skipped[other])
                    elif not isinstance(error, Cancelled):
                        raise error
        except BaseException:
            reporter.cancelled.set()
            raise
    if plan.failed:
        raise PartFailed(plan.failed, plan.skipped) if len(tasks) > 1 else plan.failed.popitem()[1]


class _Plan:
    """What may begin, and what need not. Args: ``tasks``, ``goals``, as `run_tasks` takes them.

    Attributes:
        failed: each task that failed, with its error.
        skipped: each task that need not be done any more, with the name of the failed one.
    """

    def __init__(self, tasks: Mapping[str, Task], goals: Collection[str] | None = None) -> None:
        self.needs = {name: set(before) for name, (before, _) in tasks.items()}
        TopologicalSorter(self.needs).prepare()  # refuses a circle
        self._waiting = list(tasks)
        self._done: set[str] = set()
        self.failed: dict[str, LabsError] = {}
        self.skipped: dict[str, str] = {}
        self._after = {name: self._all_after(name) for name in tasks}
        self._goals = {name for name in tasks if not self._after[name]} if goals is None else set(goals)

    def _all_after(self, name: str) -> set[str]:
        """Every task that needs this one, directly or by way of others."""
        direct = {other for other, needs in self.needs.items() if name in needs}
        return direct.union(*(self._all_after(other) for other in direct))

    def begin(self) -> list[str]:
        """The tasks that may begin now, each once."""
        ready = [name for name in self._waiting if name not in self.skipped and self.needs[name] <= self._done]
        self._waiting = [name for name in self._waiting if name not in ready]
        return ready

    def done(self, name: str) -> None:
        """A task is done."""
        self._done.add(name)
        self.skipped.pop(name, None)

    def fail(self, name: str, error: LabsError) -> list[str]:
        """A task has failed; return what need not be done any more because of that."""
        self.failed[name] = error
        self.skipped.pop(name, None)
        lost = [other for other in self.needs if self._is_open(other) and other in self._after[name]]
        self.skipped |= dict.fromkeys(lost, name)
        useless = [other for other in self.needs if self._is_open(other) and self._is_useless(other)]
        self.skipped |= dict.fromkeys(useless, name)
        return lost + useless

    def _is_open(self, name: str) -> bool:
        return name not in self._done and name not in self.failed and name not in self.skipped

    def _is_useless(self, name: str) -> bool:
        goals = self._goals & {name, *self._after[name]}
        return all(goal in self.failed or goal in self.skipped for goal in goals)
