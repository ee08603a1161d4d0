"""A drill's world: its tasks are tried as a lesson's exercises are, all of them at a time."""

from __future__ import annotations

import subprocess
from pathlib import Path

from labs import open_lab
from labs.checks import core
from labs.checks.context import ScopedContext
from labs.checks.facts import Fact, facts_of
from labs.checks.verdict import Verdict
from labs.exam.drill import Drill
from tests.checks.generated.plays import Play
from tests.checks.generated.worlds import LessonWorld, Objects, Task

FOLDER_KIND = "File"


class DrillWorld(LessonWorld):
    """A drill whose tasks are tried.

    Args:
        lesson: the lesson in which the drill is done.
        name: the paper's.
    """

    def __init__(self, lesson: str, name: str) -> None:
        self.lab = open_lab(lesson, quiet=True)
        self.drill = Drill(self.lab, name)
        self.ids = [f"{name}-{task.number}" for task in self.drill.paper.tasks]
        self.tasks = {}
        self._learn()

    def begin(self) -> None:
        self.drill.start(restart=True)
        Path(self.lab.folder, "error.txt").unlink(missing_ok=True)

    def captured(self) -> Objects:
        """The objects in the drill's namespaces, and the file that a task asks for."""
        file = Path(self.lab.folder, "error.txt")
        found = super().captured()
        if file.is_file():
            item = {
                "kind": FOLDER_KIND,
                "metadata": {"name": file.name, "namespace": ""},
                "text": file.read_text("utf-8"),
            }
            found[FOLDER_KIND, file.name, ""] = item
        return found

    def namespaces(self) -> list[str]:
        return [f"{self.lab.namespace}-{name}" for name in self.drill.paper.namespaces]

    def solve(self, exercise_id: str) -> None:
        task, current = self._paper_task(exercise_id), self.drill._current()
        script = self.drill.paper.fill(task.solution, self.lab, current.facts)
        subprocess.run(["bash", "-e"], input=script, text=True, encoding="utf-8", cwd=self.lab.folder, check=True)

    def judge(self, exercise_id: str) -> Verdict:
        task, current = self._paper_task(exercise_id), self.drill._current()
        context = ScopedContext(self.lab, f"{self.lab.namespace}-{task.namespace}", current.facts)
        return core.judge(task.check("drill"), context)

    def play_of(self, exercise_id: str) -> Play:
        return Play()

    def facts(self, exercise_id: str) -> tuple[Fact, ...]:
        return facts_of(self._paper_task(exercise_id).function)

    def _paper_task(self, exercise_id: str):
        return self.drill.paper.task(int(exercise_id.rpartition("-")[2]))

    def _send(self, task: Task, objects: Objects, road: str) -> None:
        files = {key: item for key, item in objects.items() if item["kind"] == FOLDER_KIND}
        for item in files.values():
            Path(self.lab.folder, item["metadata"]["name"]).write_text(item["text"], encoding="utf-8")
        super()._send(task, {key: item for key, item in objects.items() if key not in files}, road)
