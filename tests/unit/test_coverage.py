"""Every founding topic is explained, shown and practised, and nothing is covered that the curriculum does not have."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from labs.authoring import coverage
from labs.curriculum import topics
from labs.curriculum.lessons import Lesson
from tests.unit.sample_lesson import SAMPLE, write_lesson

CURRICULUM = """\
[T1]
title = "a topic"
[T1.points]
one = "a point"
two = "another"
["D1.1"]
title = "an item of CKAD"
"""


@pytest.fixture
def curriculum(tmp_path) -> Path:
    path = tmp_path / "curriculum.toml"
    path.write_text(CURRICULUM)
    return path


def marked(tmp_path, *marks: tuple[str, str]) -> Lesson:
    """A lesson whose cells of a kind are marked: ``("markdown", "T1.one")``."""
    cells = [f'# %% {"[markdown] " if kind == "markdown" else ""}covers="{ids}"\n# 1\n1\n' for kind, ids in marks]
    return Lesson("94", write_lesson(tmp_path, SAMPLE + "\n" + "\n".join(cells)))


def test_every_founding_topic_is_covered():
    items, _ = coverage.cover()
    assert coverage.gaps(items) == []


def test_lessons_and_checks_name_only_what_the_curriculum_has():
    _, unknown = coverage.cover()
    assert unknown == []


def test_readme_says_how_many_items_have_an_exercise():
    items, _ = coverage.cover()
    of_exam = [item for item in items.values() if item.id.startswith("D")]
    practised = [item for item in of_exam if item.practised]
    readme = re.sub(r"\s+", " ", (Path(__file__).parents[2] / "README.md").read_text())
    assert practised == of_exam
    assert f"the {len(of_exam)} items of the CKAD curriculum, each of which has an exercise" in readme


def test_curriculum_has_both_lists_whole():
    items = topics.curriculum()
    assert [i for i in items if re.fullmatch(r"T\d", i)] == [f"T{k}" for k in range(1, 9)]
    assert sum(bool(re.fullmatch(r"D\d\.\d", i)) for i in items) == 24


def test_point_covers_its_topic(tmp_path, curriculum):
    items, unknown = coverage.cover([marked(tmp_path, ("markdown", "T1.one T1.two"), ("code", "T1.one"))], curriculum)
    assert unknown == []
    assert (items["T1"].explained, items["T1"].shown) == (["94"], ["94"])
    assert coverage.gaps(items) == [
        "No exercise practises T1, a topic.",
        "No cell shows T1.two, another, on a live engine.",
    ]


def test_unknown_ids_are_named(tmp_path, curriculum):
    _, unknown = coverage.cover([marked(tmp_path, ("code", "T1.three T9"))], curriculum)
    assert unknown == [f"A cell of lesson 94 covers {i}, which is not in the curriculum." for i in ("T1.three", "T9")]
