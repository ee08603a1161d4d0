"""A parameter that the lesson cannot use is refused in a sentence when it opens, not by a traceback far below."""

from __future__ import annotations

import pytest

from labs.curriculum import lessons
from labs.errors import LabsError
from labs.session.parameters import _defaults, require_usable


@pytest.mark.parametrize(
    ("lesson", "values", "what", "todo"),
    [
        ("02", {"READINGS": 3}, "READINGS is 3 (a number), and lesson 02 takes a list, such as [", "-y 'READINGS:"),
        ("02", {"MEMORY": 64}, "MEMORY is 64 (a number), and lesson 02 takes a text, such as '64m'", "-r MEMORY TEXT"),
        ("03", {"FRONT_IMAGE": None}, "FRONT_IMAGE is None (nothing), and lesson 03 takes a text", "-r FRONT_IMAGE"),
        ("05", {"TOKEN": 4711}, "TOKEN is 4711 (a number), and lesson 05 takes a text", "-r TOKEN TEXT"),
        ("05", {"NODE_PORT": "30050"}, "NODE_PORT is '30050' (a text), and lesson 05", "-p NODE_PORT 30050"),
        ("04", {"REQUESTS": True}, "REQUESTS is True (a truth value), and lesson 04 takes a number", "-p REQUESTS 40"),
    ],
)  # fmt: skip
def test_a_parameter_of_another_kind(lesson, values, what, todo):
    with pytest.raises(LabsError) as refused:
        require_usable(lesson, values)
    assert what in refused.value.what
    assert todo in refused.value.todo


@pytest.mark.parametrize(
    ("lesson", "values"),
    [
        ("02", {}),
        ("02", {"READINGS": [1, 2], "MEMORY": "32m"}),
        ("04", {"TIMEOUT": 7.5}),
        ("03", {"FRONTS": 3}),  # as `papermill -p FRONTS 3` sets it: the lesson's own cell sets it later
        ("99", {"READINGS": 3}),
    ],
)
def test_parameters_that_can_be_used(lesson, values):
    require_usable(lesson, values)


def test_every_lessons_parameters_are_known():
    for lesson in lessons.lessons():
        cell = next(cell for cell in lesson.notebook.cells if "parameters" in cell.metadata.get("tags", []))
        there: dict = {}
        exec(cell.source, there)
        assert _defaults(lesson.number) == {name: there[name] for name in there if name != "__builtins__"}
        assert _defaults(lesson.number)
