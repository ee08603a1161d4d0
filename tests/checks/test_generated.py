"""Answers that nobody thought of: made from each brief's facts, right ones and wrong ones, tried on the real engines.

`make test` tries a sample, another one after each change to the checks or to what makes these answers;
`make test-all` tries all. Both print what was tried.
"""

from __future__ import annotations

import random
from collections.abc import Iterator
from itertools import zip_longest
from pathlib import Path

import pytest

from labs import checks
from labs.checks import core
from labs.curriculum import lessons
from tests.checks.generated.docker_world import DockerWorld
from tests.checks.generated.drill_world import DrillWorld
from tests.checks.generated.worlds import LessonWorld, Trial, is_as_it_should, said

pytestmark = pytest.mark.engine

WORLDS = {"02": DockerWorld}
"""Lessons in which an answer is something else than objects in the cluster."""
EXEMPT = {"ex-00-1", "ex-00-3", "ex-16-1", "ex-16-2", "ex-16-3", "ex-17-1"}
"""A container in a lesson of the cluster's, and the engine itself: tried by hand in test_lesson_00. A door that the
walls of ex-17-2 shut, in the one world that all answers share: tried in test_lesson_17. A kind, a file of
manifests and a program that reconciles, which are no objects in the lesson's namespace: tried in test_lesson_16."""
LESSONS = [lesson.number for lesson in lessons.lessons()]
MIXED = 6
"""Right answers of several forms at once, beside those of one form each, in the run of all."""

IMPATIENT = 5
"""Seconds that wrong answers get to settle; right ones get their whole time."""

SAMPLED = 2
"""Lessons of which a run of the tests tries a sample."""

TRIED = ["02", "04", "05"]
"""The lessons of which all answers have got the right verdict in a run of all; the others follow."""


def chance() -> random.Random:
    """The same for the same checks and the same generator: what has nothing to do with them changes no sample."""
    judges, generator = Path(checks.__file__).parent, Path(__file__).parent / "generated"
    files = sorted([*judges.rglob("*.py"), *generator.glob("*.py")])
    return random.Random(b"".join(file.read_bytes() for file in files))


@pytest.fixture
def world_of(cells_of):
    """``world_of("05")``: the world of a lesson's exercises; ``world_of("first")``: a drill's."""

    worlds = []

    def world(number: str) -> LessonWorld:
        if number not in LESSONS:
            worlds.append(DrillWorld("08", number))
        else:
            ids = [each for each in lessons.lesson(number).exercise_ids if each not in EXEMPT]
            worlds.append(WORLDS.get(number, LessonWorld)(cells_of(number), ids))
        return worlds[-1]

    yield world
    for each in worlds:
        each.close()


def rounds(trials: dict[str, list[Trial]]) -> Iterator[dict[str, Trial]]:
    """One trial of each exercise at a time."""
    for row in zip_longest(*trials.values()):
        yield {exercise_id: trial for exercise_id, trial in zip(trials, row, strict=True) if trial}


class Table:
    """What was tried. Each verdict is printed, and at the end a row an exercise: how many were tried, and judged so."""

    def __init__(self) -> None:
        self.counts: dict[str, list[int]] = {}
        self.misjudged: list[str] = []

    def add(self, exercise_id: str, trial: Trial, verdict) -> None:
        row = self.counts.setdefault(exercise_id, [0, 0, 0, 0])
        fine = is_as_it_should(trial, verdict)
        row[0 if trial.is_right else 2] += 1
        row[1 if trial.is_right else 3] += fine
        if not fine:
            kind = "right, refused" if trial.is_right else "wrong, not refused in the words that help"
            self.misjudged.append(f"{exercise_id}: {kind}: {trial.name}: {said(verdict)}")
        print(exercise_id, "ok" if fine else "MISJUDGED", trial.name, said(verdict), sep=" | ", flush=True)

    def __str__(self) -> str:
        head = f"{'exercise':<12} right tried / accepted   wrong tried / refused"
        lines = [f"{e:<12} {a:>11} / {b:<8} {c:>13} / {d}" for e, (a, b, c, d) in self.counts.items()]
        return "\n".join([head, *lines, *self.misjudged])


def tried(world: LessonWorld, trials: dict[str, list[Trial]]) -> Table:
    """Try all, round by round."""
    table = Table()
    for row in rounds(trials):
        for exercise_id, verdict in world.play(row).items():
            table.add(exercise_id, row[exercise_id], verdict)
    print(table)
    return table


@pytest.mark.parametrize("number", sorted(chance().sample(TRIED, SAMPLED)))
def test_a_sample_of_answers_gets_the_right_verdict(world_of, number):
    seed, world = chance(), world_of(number)
    right = {each: [trial for trial in [world.mixed(each, seed)] if trial] for each in world.tasks}
    wrong = {each: seed.sample(found := world.wrongs(each), min(1, len(found))) for each in world.tasks}
    table = tried(world, right)
    with core.patience(IMPATIENT):
        refused = tried(world, wrong)
    assert not table.misjudged + refused.misjudged


@pytest.mark.slow
@pytest.mark.timeout(7200)
@pytest.mark.parametrize("number", [*LESSONS, "first"])
def test_all_answers_get_the_right_verdict(world_of, number):
    seed, world = chance(), world_of(number)
    mixed = {each: [trial for _ in range(MIXED) if (trial := world.mixed(each, seed))] for each in world.tasks}
    table = tried(world, {each: world.rights(each) + mixed[each] for each in world.tasks})
    with core.patience(IMPATIENT):
        refused = tried(world, {each: world.wrongs(each) for each in world.tasks})
    assert not table.misjudged + refused.misjudged
