"""A lesson's world, in which one answer to each of its exercises is tried at a time: they share their waits."""

from __future__ import annotations

import copy
import json
import random
import re
import subprocess
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field

from labs import checks
from labs.checks.core import find
from labs.checks.facts import Fact, facts_of
from labs.checks.verdict import NOT_YET, PASSED, Verdict
from tests.checks.generated.objects import Key, Object, captured, key_of
from tests.checks.generated.other_meaning import Wrong, wrongs
from tests.checks.generated.plays import Play, play_of
from tests.checks.generated.routes import FILES, ROUTES, kubectl, send
from tests.checks.generated.same_meaning import Form, forms
from tests.checks.learner import Cells

__all__ = ["LessonWorld", "Task", "Trial", "is_as_it_should", "said"]

Objects = dict[Key, Object]
KINDS = (
    "deployments,statefulsets,daemonsets,replicasets,services,secrets,persistentvolumeclaims,jobs,cronjobs,"
    "ingresses,networkpolicies"
)
BUILDS = ("images.build", "load_image(")
PLAIN = "documents applied"
REFUSED = re.compile(r" is invalid: |\((?:BadRequest|Forbidden|Invalid)\)|4\d\d Client Error|500 Server Error")
"""How the API server and Docker say that they do not take an object."""

WAIT_ENDED = "pods,persistentvolumeclaims"


@dataclass
class Trial:
    """One answer to one exercise.

    Attributes:
        name: what is odd or wrong about it.
        send: makes the cluster have it.
        is_right: what the verdict should be.
        words: one of them must stand in the verdict on a wrong one.
    """

    name: str
    send: Callable[[], None]
    is_right: bool
    words: tuple[str, ...] = ()


@dataclass
class Task:
    """An exercise with its reference answer.

    Attributes:
        id: the exercise's.
        facts: of its brief.
        play: what belongs to an answer beside its objects.
        there: the objects before.
        answer: those that the reference solution made or changed.
        gone: those that it deleted.
    """

    id: str
    facts: tuple[Fact, ...]
    play: Play
    there: Objects
    answer: Objects
    gone: list[Key] = field(default_factory=list)


class LessonWorld:
    """A lesson whose exercises are tried.

    Args:
        cells: the lesson's cells; the lesson was cleaned up.
        ids: the exercises to try.
    """

    every = 4
    """Of the wrong answers, one in so many is tried before a right one."""

    def __init__(self, cells: Cells, ids: list[str]) -> None:
        self.cells, self.lab = cells, cells.open()
        self.ids = ids
        self._built = False
        self.tasks: dict[str, Task] = {}
        self._learn()

    def _learn(self) -> None:
        """Find out what each reference solution changes; each touches objects of its own."""
        self.begin()
        for exercise_id in self.ids:
            play, before = self.play_of(exercise_id), self.captured()
            self.solve(exercise_id)
            self._play_after(play)
            after = self.captured()
            answer = {key: item for key, item in after.items() if before.get(key) != item}
            gone = sorted(before.keys() - after.keys())
            self.tasks[exercise_id] = Task(exercise_id, self.facts(exercise_id), play, before, answer, gone)
        self._settle(60)
        for exercise_id in self.ids:
            verdict = self.judge(exercise_id)
            assert verdict.passed, f"the reference solution: {verdict}"

    # What other worlds do otherwise

    def begin(self) -> None:
        """Remove all answers, and make what the exercises start from."""
        for namespace in self.namespaces():
            where = ("-n", namespace)
            kubectl(*where, "delete", KINDS, "--all", "--wait=false")
            kubectl(*where, "delete", "pods", "--all", "--grace-period=1", "--wait=false")
            maps = kubectl(*where, "get", "configmaps", "-o", "name").split()
            if mine := [name for name in maps if not name.endswith("kube-root-ca.crt")]:
                kubectl(*where, "delete", *mine)
        for namespace in self.namespaces():
            kubectl("-n", namespace, "wait", "--for=delete", WAIT_ENDED, "--all", "--timeout=60s", check=False)
        self._remove_strays()
        self._set_up(without=BUILDS if self._built else ())
        self._built = True

    def _set_up(self, without: Sequence[str] = ()) -> None:
        """Run the cells that the exercises start from, each once, without lines that hold one of some words."""
        for source in dict.fromkeys(source for each in self.ids for source in self.cells.lesson.setup(each)):
            self.cells.run("\n".join(x for x in source.splitlines() if not any(word in x for word in without)))

    def close(self) -> None:
        """Remove what was put elsewhere than into the lesson's namespaces, which the next test removes."""
        self._remove_strays()

    def _remove_strays(self) -> None:
        """Remove what was put into the namespace `default` on purpose."""
        for kind, name, namespace in {key for task in self.tasks.values() for key in task.answer}:
            if kind not in {"File", "Container"} and namespace != "default":
                kubectl("-n", "default", "delete", kind.lower(), name, "--ignore-not-found", "--wait=false")

    def captured(self) -> Objects:
        return captured(self.namespaces())

    def solve(self, exercise_id: str) -> None:
        """Run the reference solution."""
        self.cells.solve(exercise_id)

    def judge(self, exercise_id: str) -> Verdict:
        return checks.run(exercise_id, self.lab)

    def facts(self, exercise_id: str) -> tuple[Fact, ...]:
        return facts_of(find(exercise_id).function)

    def play_of(self, exercise_id: str) -> Play:
        return play_of(exercise_id)

    def roads(self, task: Task) -> list[str]:
        """How an answer's objects may be sent; the plainest first."""
        return list(FILES if task.play.files else ROUTES)

    def namespaces(self) -> list[str]:
        """The lesson's own, and those that its cells make."""
        found = kubectl("get", "namespaces", "-o", "name").split()
        names = [name.removeprefix("namespace/") for name in found]
        return [name for name in names if name == self.lab.namespace or name.startswith(f"{self.lab.namespace}-")]

    # Answers

    def rights(self, exercise_id: str) -> list[Trial]:
        """Each form alone, each road alone, and a wrong try before."""
        task = self.tasks[exercise_id]
        if task.play.acts:
            return []
        roads = self.roads(task)
        made = [self._right(task, {name: form}, roads[0]) for name, form in self._forms(task).items()]
        made += [self._right(task, {}, road) for road in roads]
        for wrong in list(wrongs(task.answer, task.facts, task.there))[:: self.every]:
            if wrong.patch is None and all(
                namespace != "default" for _, _, namespace in map(key_of, wrong.objects.values())
            ):
                made.append(self._right(task, {}, roads[0], wrong))
        return made

    def mixed(self, exercise_id: str, chance: random.Random) -> Trial | None:
        """Several forms at once, by a road of chance."""
        task = self.tasks[exercise_id]
        if task.play.acts:
            return None
        known = self._forms(task)
        names = chance.sample(sorted(known), min(len(known), chance.randint(2, 5)))
        road = chance.choice(sorted(self.roads(task)))
        return self._right(task, {name: known[name] for name in names}, road)

    def wrongs(self, exercise_id: str) -> list[Trial]:
        """Each fact of the brief changed alone."""
        task = self.tasks[exercise_id]

        def trial(wrong: Wrong) -> Trial:
            return Trial(wrong.name, lambda: self._send_wrong(task, wrong), is_right=False, words=wrong.words)

        return [trial(wrong) for wrong in wrongs(task.answer, task.facts, task.there)]

    def play(self, round_: Mapping[str, Trial]) -> dict[str, Verdict | str]:
        """Try one answer to each of some exercises, all in one world.

        Returns:
            The verdicts; a text where the answer could not be given, as when the API server refuses it.
        """
        self.begin()
        verdicts: dict[str, Verdict | str] = {}
        for exercise_id, trial in round_.items():
            try:
                trial.send()
            except AssertionError as error:
                verdicts[exercise_id] = str(error)
        self._settle(60 if all(trial.is_right for trial in round_.values()) else 5)
        for exercise_id in round_:
            if exercise_id not in verdicts:
                self._play_after(self.tasks[exercise_id].play)
                verdicts[exercise_id] = self.judge(exercise_id)
        return verdicts

    def _settle(self, seconds: int) -> None:
        """Wait until what was sent runs, on a machine that has much else to do; or so long."""
        limit = f"--timeout={seconds}s"
        ready = {
            "Deployment": ("rollout", "status"),
            "StatefulSet": ("rollout", "status"),
            "DaemonSet": ("rollout", "status"),
            "Job": ("wait", "--for=condition=Complete"),
            "Pod": ("wait", "--for=condition=Ready"),
        }
        for kind, name, namespace in sorted({key for task in self.tasks.values() for key in task.answer}):
            if kind in ready:
                kubectl("-n", namespace, *ready[kind], f"{kind.lower()}/{name}", limit, check=False)

    def _forms(self, task: Task) -> dict[str, Form]:
        apart = task.play.forms or {}
        return {name: form for name, form in forms(task.answer, task.facts, task.there).items() if name not in apart}

    def _right(self, task: Task, chosen: Mapping[str, Form], road: str, wrong: Wrong | None = None) -> Trial:
        objects = copy.deepcopy(task.answer)
        for form in chosen.values():
            form(objects)

        def answer() -> None:
            if wrong:
                with suppress(AssertionError):  # what is refused at once is a wrong try as well
                    self._send(task, wrong.objects, PLAIN)
            self._send(task, objects, road)
            if wrong and wrong.is_setting:
                self._restart(objects)

        name = " + ".join([*chosen, *([f"after: {wrong.name}"] if wrong else []), f"[{road}]"])
        return Trial(name, answer, is_right=True)

    def _send(self, task: Task, objects: Objects, road: str) -> None:
        if task.play.acts:
            self.solve(task.id)
            return
        for kind, name, namespace in task.gone:
            kubectl("-n", namespace, "delete", kind.lower(), name, "--ignore-not-found", "--grace-period=1")
        if task.play.first:
            new, old = task.play.first
            send({key: json.loads(json.dumps(item).replace(new, old)) for key, item in objects.items()}, road)
            for kind, name, namespace in objects:
                if kind == "Deployment":
                    kubectl("-n", namespace, "rollout", "status", f"deployment/{name}", "--timeout=40s", check=False)
        if task.play.files:
            for path, kinds in task.play.files.items():
                text = FILES[road]([item for item in objects.values() if item["kind"] in kinds])
                (self.lab.folder / path).write_text(text, encoding="utf-8")
                kubectl("apply", "-f", str(self.lab.folder / path))
            return
        send(objects, road)

    def _restart(self, objects: Objects) -> None:
        """Start the pods again that take a setting when they start only."""
        for kind, name, namespace in objects:
            if kind == "Deployment":
                kubectl("-n", namespace, "rollout", "restart", f"deployment/{name}")

    def _send_wrong(self, task: Task, wrong: Wrong) -> None:
        self._send(task, wrong.objects, PLAIN)
        if wrong.more:
            send({key_of(item): item for item in wrong.more}, PLAIN)
        if wrong.patch:
            (kind, name, namespace), change = wrong.patch
            if change is None:
                kubectl("-n", namespace, "delete", kind.lower(), name, "--grace-period=1")
            else:
                kubectl("-n", namespace, "patch", kind.lower(), name, "--type=merge", "-p", json.dumps(change))

    def _play_after(self, play: Play) -> None:
        if play.after:
            command = {"input": play.after, "capture_output": True, "text": True, "encoding": "utf-8"}
            subprocess.run(["bash"], **command, timeout=240, check=False)


def said(verdict: Verdict | str) -> str:
    """What was seen of an answer, in one line."""
    return " / ".join(str(verdict).split("\n"))


def is_as_it_should(trial: Trial, verdict: Verdict | str) -> bool:
    """Whether a verdict is right. A wrong answer may be refused by the server itself, but not lost on the way to it."""
    if isinstance(verdict, str):
        return not trial.is_right and bool(REFUSED.search(verdict))
    if trial.is_right:
        return verdict.status == PASSED
    return verdict.status == NOT_YET and any(word in str(verdict) for word in trial.words)
