"""Where an exercise starts: the cells that it builds on, and no others."""

from __future__ import annotations

import pytest
from IPython.core.interactiveshell import InteractiveShell

from labs.authoring import notebooks
from labs.curriculum import lessons
from labs.errors import LabsError
from labs.session.starting_point import run_cells

SOURCE = """
# %% [markdown] facts="binder"
# # Limit resources

# %% tags=["parameters"]
SIZE = 4

# %%
from labs import open_lab

lab = open_lab("09")

# %% setup="ex-09-1 ex-09-2"
def doubled(number):
    return 2 * number

# %%
raise SystemExit("a cell that no exercise builds on")

# %% language="bash" setup="ex-09-2"
# echo "printed, and not seen"

# %% [markdown] tags=["exercise"] exercise="ex-09-1"
# ### Exercise 1: double it

# %% tags=["answer"] exercise="ex-09-1"
### BEGIN SOLUTION
answer = doubled(SIZE)
### END SOLUTION

# %% [markdown] tags=["exercise"] exercise="ex-09-2"
# ### Exercise 2: double it again

# %% tags=["answer"] exercise="ex-09-2"
### BEGIN SOLUTION
answer = doubled(answer)
### END SOLUTION
"""


@pytest.fixture
def lesson(tmp_path):
    path = tmp_path / "09_limit_resources.py"
    path.write_text(SOURCE.lstrip())
    return lessons.Lesson("09", path)


@pytest.fixture
def shell():
    yield InteractiveShell.instance()
    InteractiveShell.clear_instance()


def first_lines(sources):
    return [source.splitlines()[0] for source in sources]


def test_an_exercise_builds_on_the_cells_that_name_it_and_on_those_that_open_the_lab(lesson):
    assert first_lines(lesson.opening) == ["SIZE = 4", "from labs import open_lab"]
    assert first_lines(lesson.setup("ex-09-1")) == ["def doubled(number):"]
    assert first_lines(lesson.setup("ex-09-2")) == ["def doubled(number):", "%%bash"]
    with pytest.raises(LabsError, match="Lesson 09 has no exercise ex-09-3"):
        lesson.setup("ex-09-3")


def test_what_cells_say_to_makers_is_in_no_notebook(lesson):
    for notebook in (notebooks.learner_notebook(lesson), notebooks.solved_notebook(lesson)):
        assert not [cell for cell in notebook.cells if {"setup", "facts"} & set(cell.metadata)]


def test_cells_run_one_by_one_and_what_they_print_is_left_out(shell, capfd):
    lines = list(run_cells(["size = 4", "%%bash\necho printed", "def doubled(number):\n    return 2 * number"]))
    assert lines == ["  1/3  size = 4", "  2/3  %%bash", "  3/3  def doubled(number):"]
    assert shell.user_ns["doubled"](shell.user_ns["size"]) == 8
    assert "printed" not in capfd.readouterr().out


@pytest.mark.parametrize(
    ("cell", "words"),
    [
        ("print('so far')\n1 / 0", "ZeroDivisionError: division by zero"),
        ("def broken(:", "SyntaxError"),
        ("%%bash\necho no such thing >&2\nfalse", "The command ended with status 1"),
    ],
)
def test_a_cell_that_fails_ends_it_and_says_what_happened(shell, cell, words):
    with pytest.raises(LabsError, match="This cell failed: ") as raised:
        list(run_cells([cell, "later = True"]))
    assert words in raised.value.what
    assert "`lab.reset()`" in raised.value.todo
    assert "later" not in shell.user_ns


@pytest.mark.parametrize("lesson", lessons.lessons(), ids=lambda lesson: lesson.number)
def test_cells_name_exercises_that_there_are_and_facts_stand_in_the_first(lesson):
    first, *others = lesson.notebook.cells
    named = {exercise_id for cell in others for exercise_id in cell.metadata.get("setup", "").split()}
    assert named <= set(lesson.exercise_ids)
    assert not [cell.source for cell in others if "facts" in cell.metadata]
    assert set(first.metadata.get("facts", "").split()) == lesson.facts


@pytest.mark.parametrize("lesson", lessons.lessons(), ids=lambda lesson: lesson.number)
def test_no_exercise_builds_on_what_ends_a_lesson(lesson):
    assert "open_lab(" in lesson.opening[-1]
    sources = [source for exercise_id in lesson.exercise_ids for source in lesson.setup(exercise_id)]
    assert not any("lab.cleanup()" in source for source in sources)
