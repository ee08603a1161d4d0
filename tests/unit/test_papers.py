"""Every drill's paper: its weights, its texts, what lesson 08 says of it. `test_drill.py` has the mechanics."""

from __future__ import annotations

import re
from types import SimpleNamespace

import pytest

from labs.curriculum.lessons import root
from labs.curriculum.topics import DOMAINS
from labs.errors import LabsError
from labs.exam.drill import Drill
from labs.exam.papers import paper, papers

NUMBERS = {"eight": 8, "nine": 9, "ten": 10, "eleven": 11, "twelve": 12, "fifteen": 15, "twenty": 20}


@pytest.fixture
def lab(tmp_path):
    return SimpleNamespace(namespace="lab-08", folder=tmp_path)


@pytest.mark.parametrize("name", papers())
def test_a_paper_weighs_as_the_exam_does(name):
    found = paper(name)
    for domain, (_, weight) in DOMAINS.items():
        assert sum(task.weight for task in found.tasks if task.domain == domain) == weight, f"the tasks of {domain}"
    assert sum(weight for _, weight in DOMAINS.values()) == 100
    assert {task.namespace for task in found.tasks} == set(found.namespaces)


@pytest.mark.parametrize("name", papers())
def test_a_paper_is_whole(name, lab):
    found = paper(name)
    texts = [text for task in found.tasks for text in (task.text, task.solution)]
    texts += [stage.manifest for stage in found.stages]
    for text in texts:
        assert text.strip()
        assert "@" not in found.fill(text, lab, {"code": "1234"}).replace("${@", "")
    assert all(f"-n @{task.namespace}@" in task.solution for task in found.tasks)


def test_lesson_08_says_how_long_the_first_drill_is():
    found = paper("first")
    text = (root() / "notebooks/src/08_prepare_exam.py").read_text(encoding="utf-8")
    stated = re.search(r"a drill of (\w+) tasks in (\d+) minutes", text)
    assert stated
    assert (NUMBERS[stated[1]], int(stated[2])) == (len(found.tasks), found.minutes)


def test_a_drill_that_is_not_there(lab):
    with pytest.raises(LabsError, match="There is first"):
        Drill(lab, "none-of-this-name")
