"""The facts beside each check: every exercise and task has them, and the brief's text names each."""

from __future__ import annotations

import re
from functools import cache

import pytest

from labs.checks.core import all_checks
from labs.checks.facts import ANY, Fact, Stated, facts_of
from labs.curriculum import lessons
from labs.exam.papers import paper, papers


def briefs() -> dict[str, tuple[str, tuple[Fact, ...]]]:
    """The text and the facts of every exercise and of every task."""
    exercises = {c.id: (brief_of(c.id), facts_of(c.function)) for c in all_checks() if not c.is_about_engine}
    tasks = {f"{n}-{t.number}": (t.text, facts_of(t.function)) for n in papers() for t in paper(n).tasks}
    return exercises | tasks


def brief_of(exercise_id: str) -> str:
    """The exercise's own text, and the cells that make what it begins with."""
    lesson = lesson_of(exercise_id[3:5])
    return "\n".join([lesson.exercise(exercise_id).brief, *lesson.setup(exercise_id)])


@cache
def lesson_of(number: str) -> lessons.Lesson:
    return lessons.lesson(number)


BRIEFS = briefs()


@pytest.mark.parametrize("name", BRIEFS)
def test_has_facts(name):
    assert BRIEFS[name][1], "declare the facts of its brief beside its check: labs/checks/facts.py"


@pytest.mark.parametrize("name", BRIEFS)
def test_its_text_names_each_fact(name):
    text, facts = BRIEFS[name]
    plain = re.sub(r"\s+", " ", text.replace("\n# ", " "))
    free = {fact.name for fact in facts if isinstance(fact, Stated) and not fact.is_name_stated}
    lacking = [word for fact in facts for word in words_of(fact) if word not in plain and word not in free]
    assert not lacking, f"the brief does not name {lacking}"


def words_of(fact: Fact) -> list[str]:
    """What the text must hold."""
    if not isinstance(fact, Stated):
        return []
    value = fact.text if fact.text is not None else "" if fact.value is ANY or not fact.field else str(fact.value)
    return [fact.name, value]
