"""A timed drill: tasks worded as the exam's, a clock, and a score by domain.

A drill is used so::

    drill = Drill(lab, "first")
    drill.start()     # sets up the world, shows the tasks, starts the clock
    drill.score()     # whenever you like
    drill.stop()      # stops the clock; from now on drill.explain(3) and drill.solution(3) tell
"""

from __future__ import annotations

import os
import random
import subprocess
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from labs.checks import core
from labs.checks.context import ScopedContext
from labs.checks.verdict import COULD_NOT_CHECK, Verdict
from labs.curriculum.topics import DOMAINS
from labs.display import RichOutput, say, show, table
from labs.errors import EngineError, LabsError
from labs.exam.attempt import Attempt
from labs.exam.papers import Paper, Task, paper
from labs.progress import store
from labs.session import cleanup
from labs.session.lab import Lab
from labs.waiting import wait_for_rollout

__all__ = ["Drill"]

SETTLE = 3  # seconds that live state gets to settle when a score is asked for


class Drill:
    """A drill in a lesson's lab.

    Args:
        lab: the lesson's lab.
        name: the drill's, such as ``"first"``; or a paper.
        clock: gives the time in seconds; for tests.

    Raises:
        LabsError: there is no such drill.
    """

    def __init__(self, lab: Lab, name: str | Paper = "first", clock: Callable[[], float] = time.time) -> None:
        self.lab, self._clock = lab, clock
        self.paper = name if isinstance(name, Paper) else paper(name)

    def __repr__(self) -> str:
        return f"Drill({self.paper.name!r}, {len(self.paper.tasks)} tasks, {self.paper.minutes} minutes)"

    def start(self, restart: bool = False) -> None:
        """Set up the world, show the tasks, start the clock. While the clock runs, only show the tasks again.

        Args:
            restart: begin again, also while the clock runs; what you have made is removed.

        Raises:
            EngineError: a part of the world could not be made.
            Timeout: it was not ready in time.
        """
        current = Attempt.read(self._file)
        if current and not restart and not current.played and not current.is_over(self._clock()):
            say("The drill goes on. `drill.start(restart=True)` begins again, with a new world.")
        else:
            self._begin(played=False)
        self.tasks()

    def tasks(self) -> None:
        """Show the tasks and the clock."""
        current = self._current()
        paper, blocks = self.paper, []
        for task in paper.tasks:
            namespace = paper.fill(f"@{task.namespace}@", self.lab, {})
            head = f"Task {task.number} · {task.weight} % · {DOMAINS[task.domain][0]} · namespace `{namespace}`"
            blocks.append((head, " ".join(self._fill(task.text, current).split())))
        title = f"{paper.title}: {len(blocks)} tasks, {paper.minutes} minutes, {paper.enough} % pass"
        folder = f"The drill's folder is `{self.lab.folder}`."
        clock = current.text(self._clock())
        show(
            RichOutput(
                "\n\n".join([title, folder, *(f"{head}\n{text}" for head, text in blocks), clock]),
                markdown="\n\n".join([f"**{title}**", folder, *(f"**{h}**\n\n{t}" for h, t in blocks), f"`{clock}`"]),
            )
        )

    def results(self) -> dict[int, bool]:
        """Which tasks are passed now, by number.

        Raises:
            CouldNotCheck: a task could not be checked.
        """
        verdicts = self._judge_all(self._current())
        unknown = next((verdict.error() for verdict in verdicts.values() if _is_unknown(verdict)), None)
        if unknown:
            raise unknown
        return {number: verdict.passed for number, verdict in verdicts.items()}

    def score(self) -> None:
        """Look at the state of all tasks now (a few seconds), and show the score by task and by domain.

        The best score within the time is kept with your progress. What could not be checked counts nothing in it.

        Raises:
            CouldNotCheck: no task could be checked.
        """
        current = self._current()
        verdicts = self._judge_all(current)
        self._keep(self._show_score(current, verdicts), current, in_time=not current.is_over(self._clock()))

    def stop(self) -> None:
        """Stop the clock and show the score. From now on `explain` and `solution` tell, and nothing is recorded.

        Raises:
            CouldNotCheck: no task could be checked; the clock goes on.
        """
        current, now = self._current(), self._clock()
        verdicts = self._judge_all(current)
        in_time = not current.is_over(now)
        current.stop(now)
        current.write(self._file)
        self._keep(self._show_score(current, verdicts), current, in_time=in_time)

    def explain(self, number: int) -> None:
        """Show what the check of a task expected and observed. Only when the clock has stopped.

        Args:
            number: the task's.

        Raises:
            LabsError: the clock runs, or there is no such task.
        """
        task, current = self.paper.task(number), self._ended()
        with core.patience(SETTLE):
            show(self._judge(task, current))

    def solution(self, number: int) -> None:
        """Show a quick way to solve a task, as you would type it. Only when the clock has stopped.

        Args:
            number: the task's.

        Raises:
            LabsError: the clock runs, or there is no such task.
        """
        task, current = self.paper.task(number), self._ended()
        code = self._fill(task.solution, current).strip()
        show(RichOutput(code, markdown=f"**A quick way for task {number}: {task.title}**\n\n```bash\n{code}\n```"))

    def play(self) -> None:
        """Begin in a new world and have the course type its own solutions, without showing them (about a minute).

        Raises:
            LabsError: one of them is not right, or it is your turn and the clock runs.
        """
        before = Attempt.read(self._file)
        if before and not before.played and not before.is_over(self._clock()):
            raise LabsError("Your drill still runs.", "`drill.stop()` ends it; after that the course plays.")
        self._begin(played=True)
        current = self._current()
        for task in self.paper.tasks:
            began = time.monotonic()
            self._type(self._fill(task.solution, current))
            with core.patience(60):
                verdict = self._judge(task, current)
            if not verdict.passed:
                raise LabsError(f"The course's own solution of task {task.number} does not pass: {verdict}")
            say(f"{task.number:>2}  {task.title:<46} {time.monotonic() - began:4.1f} s")
        current.stop(self._clock())
        current.write(self._file)
        self._show_score(current, self._judge_all(current))

    # The world

    def _begin(self, *, played: bool) -> None:
        lab, paper = self.lab, self.paper
        names = [f"{lab.namespace}-{name}" for name in paper.namespaces]
        say(f"Setting up the namespaces {', '.join(names)} (about half a minute) ...")
        self._file.unlink(missing_ok=True)
        for file in paper.files:
            Path(lab.folder, file).unlink(missing_ok=True)
        core_api, labels = lab.clients.core, lab._namespace_labels
        for name in [name for name in names if cleanup.remove_namespace(core_api, name, labels)]:
            cleanup.wait_namespace_gone(core_api, name)
        for name in names:
            cleanup.ensure_namespace(core_api, name, labels)
        facts = {"code": str(random.randint(1000, 9999))}
        for stage in paper.stages:
            self._type("kubectl apply -f -", paper.fill(stage.manifest, lab, facts))
            for deployment in stage.ready:
                namespace, _, name = deployment.partition("/")
                wait_for_rollout(lab.clients.apps, name, f"{lab.namespace}-{namespace}")
        Attempt(self._clock(), paper.minutes, played=played, facts=facts).write(self._file)

    def _type(self, script: str, stdin: str = "") -> None:
        """Run a script as the learner's terminal would. Raises EngineError."""
        done = subprocess.run(
            ["bash", "-ec", script],
            input=stdin,
            cwd=self.lab.folder,
            env={**os.environ, "KUBECONFIG": str(self.lab.kubeconfig)},
            capture_output=True,
            encoding="utf-8",
            errors="replace",
            check=False,
        )
        if done.returncode:
            raise EngineError(f"The drill's world refused a command: {done.stderr.strip()[-300:]}")

    # The score

    def _judge(self, task: Task, current: Attempt) -> Verdict:
        context = ScopedContext(self.lab, f"{self.lab.namespace}-{task.namespace}", current.facts)
        return core.judge(task.check(self.paper.name), context)

    def _judge_all(self, current: Attempt) -> dict[int, Verdict]:
        """All at once: a check that waits for live state to settle does not hold up the others.

        Raises:
            CouldNotCheck: none of them could be checked.
        """
        _ = self.lab.clients  # made once, not by each thread
        with core.patience(SETTLE), ThreadPoolExecutor(max_workers=5) as pool:
            verdicts = list(pool.map(lambda task: self._judge(task, current), self.paper.tasks))
        unknown = [error for verdict in verdicts if _is_unknown(verdict) and (error := verdict.error())]
        if unknown and len(unknown) == len(verdicts):
            raise unknown[0]
        return {task.number: verdict for task, verdict in zip(self.paper.tasks, verdicts, strict=True)}

    def _show_score(self, current: Attempt, verdicts: dict[int, Verdict]) -> int:
        """Show the score, and return it in percent."""
        tasks, title = self.paper.tasks, self.paper.title
        passed = {number for number, verdict in verdicts.items() if verdict.passed}
        percent = sum(task.weight for task in tasks if task.number in passed)
        rows = [(str(t.number), t.title, t.domain, f"{t.weight} %", _state(verdicts[t.number])) for t in tasks]
        show(table(rows, ("task", "", "domain", "weight", "state"), title=f"{title}, by task"))
        domains = []
        for domain, (name, _) in DOMAINS.items():
            own = [t for t in tasks if t.domain == domain]
            reached, whole = sum(t.weight for t in own if t.number in passed), sum(t.weight for t in own)
            domains.append((domain, name, f"{reached} of {whole} %"))
        show(table(domains, ("", "domain", "reached"), title=f"{title}, by domain"))
        for task in tasks:
            if _is_unknown(verdict := verdicts[task.number]):
                say(f"Task {task.number} ({task.weight} %) could not be checked, and counts nothing: {verdict.error()}")
        word = "enough" if percent >= self.paper.enough else "not enough"
        say(f"{percent} %: {word} ({self.paper.enough} % pass). {current.text(self._clock())}")
        return percent

    def _keep(self, percent: int, current: Attempt, *, in_time: bool) -> None:
        """Remember a score of the learner's own that was reached in time."""
        if not percent or current.played or not in_time:
            return
        try:
            store.record_drill(self.paper.name, percent, current.used(self._clock()))
        except (LabsError, OSError) as error:
            say(f"Your score could not be saved: {error}")

    # The attempt

    @property
    def _file(self) -> Path:
        return self.lab.folder / f"drill-{self.paper.name}.json"

    def _current(self) -> Attempt:
        current = Attempt.read(self._file)
        if current is None:
            raise LabsError("The drill has not begun.", "`drill.start()` sets up its world and starts the clock.")
        return current

    def _ended(self) -> Attempt:
        current = self._current()
        if not current.is_over(self._clock()):
            left = self.paper.minutes - current.used(self._clock())
            raise LabsError(f"The clock still runs: {left:.0f} minutes left.", "`drill.stop()` stops it.")
        return current

    def _fill(self, text: str, current: Attempt) -> str:
        return self.paper.fill(text, self.lab, current.facts)


def _is_unknown(verdict: Verdict) -> bool:
    return verdict.status == COULD_NOT_CHECK


def _state(verdict: Verdict) -> str:
    if _is_unknown(verdict):
        return COULD_NOT_CHECK
    return "passed" if verdict.passed else "not passed"
