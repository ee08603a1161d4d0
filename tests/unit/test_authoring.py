"""Lesson source to notebooks."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys

import nbformat
import pytest
from hypothesis import given
from hypothesis import strategies as st
from nbclient import NotebookClient

from labs.authoring import notebooks
from labs.curriculum import lessons
from labs.errors import LabsError
from tests.unit.sample_lesson import SAMPLE, write_lesson

LEARNER, SOLVED = "notebooks/94_run_thing.ipynb", "notebooks/solutions/94_run_thing.ipynb"


def notebook(project, path):
    return nbformat.read(project / path, as_version=4)


def cell_with(found, text):
    return next(cell for cell in found.cells if text in cell.source)


def edit(project, old, new):
    assert old in SAMPLE
    write_lesson(project, SAMPLE.replace(old, new))


def record_by_hand(project):
    """What `record` stores, without an engine."""
    found = notebook(project, SOLVED)
    cell = cell_with(found, "lab.check")
    output = nbformat.v4.new_output("display_data", {"text/plain": "passed"})
    notebooks._store(cell, [output], 7)
    nbformat.write(found, project / SOLVED)
    notebooks.build()


def test_build_writes_both_notebooks_and_then_nothing(project):
    assert [str(change) for change in notebooks.build()] == [f"{LEARNER}: missing", f"{SOLVED}: missing"]
    assert notebooks.build() == []
    assert notebooks.build(check=True) == []
    for path in (LEARNER, SOLVED):
        nbformat.validate(notebook(project, path))


def test_check_writes_nothing(project):
    assert len(notebooks.build(check=True)) == 2
    assert not (project / LEARNER).exists()


def test_learner_gets_neither_solution_nor_hint_nor_output(project):
    notebooks.build()
    text = (project / LEARNER).read_text()
    assert "sum(values)" not in text
    assert "less than four" not in text
    assert "SOLUTION" not in text
    learner = notebook(project, LEARNER)
    assert cell_with(learner, "your answer").source == "values = [1, 2]\n# your answer\nthing"
    assert 'lab.hint("ex-94-1")' in cell_with(learner, "### Exercise 1").source
    assert all(
        cell.outputs == [] and cell.execution_count is None for cell in learner.cells if cell.cell_type == "code"
    )


def test_solved_has_the_solution_without_its_markers(project):
    notebooks.build()
    solved = notebook(project, SOLVED)
    assert cell_with(solved, "sum(").source == "values = [1, 2]\nthing = sum(values)\nthing"
    assert "less than four" not in (project / SOLVED).read_text()
    assert "lab.hint" not in (project / SOLVED).read_text()


def test_shell_lines_and_magics_come_out_as_ipython_wants_them(project):
    notebooks.build()
    sources = [cell.source for cell in notebook(project, LEARNER).cells]
    assert "!echo {NAME}" in sources
    assert "%%bash\necho hello" in sources


def test_tags_survive_and_metadata_names_no_version(project):
    notebooks.build()
    learner = notebook(project, LEARNER)
    assert cell_with(learner, "NAME =").metadata.tags == ["parameters"]
    assert learner.metadata == {
        "kernelspec": {"display_name": "Python 3 (ipykernel)", "language": "python", "name": "python3"},
        "language_info": {"name": "python"},
    }


def test_ids_are_the_same_in_both_and_do_not_move_with_other_cells(project):
    notebooks.build()
    before = {cell.source: cell.id for cell in notebook(project, LEARNER).cells}
    assert [c.id for c in notebook(project, LEARNER).cells] == [c.id for c in notebook(project, SOLVED).cells]
    assert len(set(before.values())) == len(before)
    edit(project, '# %% tags=["parameters"]', '# %% [markdown]\n# A new cell.\n\n# %% tags=["parameters"]')
    notebooks.build()
    after = {cell.source: cell.id for cell in notebook(project, LEARNER).cells}
    assert before.items() <= after.items()


def test_equal_cells_have_different_ids(project):
    write_lesson(project, SAMPLE + "\n# %%\n1 + 1\n\n# %%\n1 + 1\n")
    notebooks.build()
    ids = [cell.id for cell in notebook(project, LEARNER).cells]
    assert len(ids) == len(set(ids))


def test_bytes_are_the_same_in_another_process(project):
    notebooks.build()
    before = (project / LEARNER).read_bytes(), (project / SOLVED).read_bytes()
    shutil.rmtree(project / "notebooks" / "solutions")
    (project / LEARNER).unlink()
    subprocess.run([sys.executable, "-c", "from labs.authoring import notebooks; notebooks.build()"], check=True)
    assert ((project / LEARNER).read_bytes(), (project / SOLVED).read_bytes()) == before


def test_check_names_the_cell_that_differs(project):
    notebooks.build()
    edit(project, "A thing is a thing.", "A thing is another thing.")
    assert str(notebooks.build(check=True)[0]) == f"{LEARNER}: cell 4 ('## A thing') differs from its source"


@pytest.mark.parametrize("damage", ["", "not json", '{"cells": []}'])
def test_damaged_notebooks_are_named_and_built_anew(project, damage):
    notebooks.build()
    good = (project / SOLVED).read_text()
    (project / SOLVED).write_text(damage)
    assert [change.path.name for change in notebooks.build(check=True)] == ["94_run_thing.ipynb"]
    notebooks.build()
    assert (project / SOLVED).read_text() == good


def test_hand_edited_notebooks_are_found(project):
    notebooks.build()
    found = notebook(project, LEARNER)
    found.cells[-1].source += "\n# edited"
    nbformat.write(found, project / LEARNER)
    assert "differs" in str(notebooks.build(check=True)[0])


def test_outputs_that_a_learner_saved_are_found(project):
    notebooks.build()
    found = notebook(project, LEARNER)
    cell_with(found, "NAME").execution_count = 3
    nbformat.write(found, project / LEARNER)
    assert len(notebooks.build(check=True)) == 1


def test_notebooks_without_a_source_are_named_not_removed(project):
    notebooks.build()
    (project / "notebooks" / "95_old.ipynb").write_text("{}")
    assert [str(c) for c in notebooks.build()] == ["notebooks/95_old.ipynb: has no source; rename or delete it"]
    assert (project / "notebooks" / "95_old.ipynb").exists()


def test_only_some_lessons(project):
    write_lesson(project, name="95_run_other.py")
    assert {change.path.stem for change in notebooks.build(only="95")} == {"95_run_other"}
    with pytest.raises(LabsError, match="no lesson '96'"):
        notebooks.build(only=["96"])


def test_recorded_verdicts_stay_while_their_cell_is_unchanged(project):
    notebooks.build()
    record_by_hand(project)
    assert notebooks.build(check=True) == []
    edit(project, "A thing is a thing.", "Another sentence.")
    notebooks.build()
    cell = cell_with(notebook(project, SOLVED), "lab.check")
    assert cell.metadata.tags == ["check", "nbval-check-output"]
    assert cell.outputs[0].data == {"text/plain": "passed"}
    assert cell.execution_count == 7 - 1  # its place among the code cells, as if run from the top


def test_recorded_verdicts_go_when_their_cell_changes(project):
    notebooks.build()
    record_by_hand(project)
    edit(project, 'lab.check("ex-94-1")', 'lab.check("ex-94-1")  # now')
    notebooks.build()
    cell = cell_with(notebook(project, SOLVED), "lab.check")
    assert (cell.outputs, cell.execution_count, cell.metadata.tags) == ([], None, ["check"])


def test_learner_never_gets_recorded_verdicts(project):
    notebooks.build()
    record_by_hand(project)
    assert "passed" not in (project / LEARNER).read_text()


def test_record_names_the_cell_that_fails(project):
    edit(project, 'lab = open_lab("94", kubernetes=False)', "raise KeyError('no such thing')")
    with pytest.raises(LabsError, match=r"(?s)94 does not run.*no such thing"):
        notebooks.record("94")


def test_record_wants_one_verdict_per_check_cell(project):
    edit(project, 'lab = open_lab("94", kubernetes=False)', "from unittest.mock import Mock\nlab = Mock()")
    with pytest.raises(LabsError, match="more or less than its verdict"):
        notebooks.record("94")


def test_record_stores_the_verdicts_only(project):
    double = "class Lab:\n    def check(self, id):\n        display('passed')\n    def cleanup(self): ...\n"
    edit(project, 'lab = open_lab("94", kubernetes=False)', f"{double}lab = Lab()")
    assert [change.reason for change in notebooks.record("94")] == ["missing", "missing", "verdicts recorded"]
    solved = notebook(project, SOLVED)
    with_outputs = [cell.source for cell in solved.cells if cell.cell_type == "code" and cell.outputs]
    assert with_outputs == ['lab.check("ex-94-1")']
    assert notebooks.build(check=True) == []
    assert notebooks.record("94") == []


@pytest.mark.parametrize("path", [LEARNER, SOLVED])
def test_notebooks_run(project, path):
    edit(project, 'lab = open_lab("94", kubernetes=False)', "from unittest.mock import MagicMock as M\nlab = M()")
    write_lesson(project, (project / "notebooks/src/94_run_thing.py").read_text().replace("\nthing\n", "\n"))
    notebooks.build()
    NotebookClient(notebook(project, path), timeout=60, kernel_name="python3").execute()


@pytest.mark.parametrize(
    ("cell", "stub"),
    [
        ("### BEGIN SOLUTION\nx = 1\n### END SOLUTION", "# your answer"),
        ("if y:\n    ### BEGIN SOLUTION\n    x = 1\n    ### END SOLUTION", "if y:\n    ...  # your answer"),
        ("%%bash\n### BEGIN SOLUTION\nls\n### END SOLUTION", "%%bash\n# your answer"),
        ("# a\n### BEGIN SOLUTION\nx = 1\n\ny = 2\n### END SOLUTION\n# b", "# a\n# your answer\n# b"),
        (
            "### BEGIN SOLUTION\na\n### END SOLUTION\nb\n### BEGIN SOLUTION\nc\n### END SOLUTION",
            "# your answer\nb\n# your answer",
        ),
    ],
)
def test_stub(cell, stub):
    assert lessons.without_solution(cell) == stub


@pytest.mark.parametrize(
    "cell",
    [
        "### BEGIN SOLUTION\nx = 1",
        "x = 1\n### END SOLUTION",
        "### END SOLUTION\nx = 1\n### BEGIN SOLUTION",
        "### BEGIN SOLUTION\n### BEGIN SOLUTION\nx = 1\n### END SOLUTION",
        "### BEGIN SOLUTION\nx = 1\n### END SOLUTION\n### END SOLUTION",
    ],
)
def test_markers_must_come_in_pairs(cell):
    with pytest.raises(LabsError, match="pairs"):
        lessons.without_solution(cell)


LINE = st.sampled_from(["x = 1", "", "    y = 2", "# note", "!ls", "print('é')"])


@given(st.lists(LINE), st.lists(LINE, min_size=1), st.lists(LINE))
def test_both_forms_keep_what_is_around_the_solution(before, solution, after):
    cell = "\n".join([*before, lessons.BEGIN, *solution, lessons.END, *after])
    assert lessons.without_solution(cell) == "\n".join([*before, "# your answer", *after]).rstrip("\n")
    assert lessons.with_solution(cell) == "\n".join([*before, *solution, *after]).rstrip("\n")


def test_a_cell_that_is_not_python_is_named(project):
    edit(project, "values = [1, 2]", "values = [1, 2")
    with pytest.raises(LabsError, match=r"94_run_thing\.py: the cell that starts with 'values"):
        notebooks.build()


def test_exercise(project):
    found = notebooks.exercise("ex-94-1")
    assert found.brief.startswith("### Exercise 1")
    assert found.hints == ("It is a number.", "It is more than two.", "It is less than four.")
    assert found.solution == "values = [1, 2]\nthing = sum(values)\nthing"


@pytest.mark.parametrize(
    ("exercise_id", "message"),
    [("ex-94-2", "has no exercise ex-94-2"), ("ex-95-1", "no lesson '95'"), ("thing", "is no exercise")],
)
def test_unknown_exercise(project, exercise_id, message):
    with pytest.raises(LabsError, match=message):
        notebooks.exercise(exercise_id)


def test_lesson_names_and_numbers(project):
    assert [(lesson.number, lesson.title) for lesson in lessons.lessons()] == [("94", "Run a thing")]
    write_lesson(project, name="94_run_other.py")
    with pytest.raises(LabsError, match="same number"):
        lessons.lessons()
    (project / "notebooks" / "src" / "94_run_other.py").rename(project / "notebooks" / "src" / "Notes.py")
    with pytest.raises(LabsError, match="no name for a lesson"):
        lessons.lessons()


def test_a_project_without_lessons(tmp_path, monkeypatch):
    monkeypatch.setenv("LABS_ROOT", str(tmp_path))
    with pytest.raises(LabsError, match="LABS_ROOT"):
        lessons.root()


def test_the_notebooks_of_this_project_are_as_their_sources_give_them():
    assert notebooks.build(check=True) == []


def test_notebooks_are_plain_json_with_a_last_newline(project):
    notebooks.build()
    text = (project / LEARNER).read_text(encoding="utf-8")
    assert text.endswith("}\n")
    assert json.loads(text)["nbformat_minor"] == 5
