"""Tests that open the same lesson run one after the other: each cleans up the lesson's namespace when it ends."""

from __future__ import annotations

import pytest

from tests.conftest import LESSON


@pytest.mark.parametrize(
    "test",
    [
        "tests/checks/test_lesson_09.py::test_reference_passes[ex-09-1]",
        "tests/checks/test_lesson_09.py::test_other_right_answers_pass[1 sidecars]",
        "tests/checks/test_generated.py::test_a_sample_of_answers_gets_the_right_verdict[09]",
        "tests/notebooks/test_solved.py::test_solved_notebook_passes_nbval[09]",
        "tests/notebooks/test_starting_points.py::test_reset_to_an_exercise[09]",
        "tests/notebooks/test_other_work.py::test_solved_notebook_passes_on_a_machine_set_for_other_work[09-host]",
    ],
)
def test_a_lesson_is_known_by_the_name_of_its_tests(test):
    found = LESSON.match(test)
    assert found, "it would run beside the lesson's other tests"
    assert "09" in (found[1], found[2])


def test_tasks_of_a_drill_are_no_lessons():
    assert not LESSON.match("tests/checks/test_drill_first.py::test_wrong_solutions_do_not[10-app=serach]")
