"""Each exercise can be begun without what stands above it: `lab.reset(to=...)`, the reference solution, the check."""

from __future__ import annotations

import os

import pytest
from nbclient import NotebookClient
from nbformat.v4 import new_code_cell, new_notebook

from tests.notebooks.each_lesson import CELL_TIMEOUT, each_lesson

pytestmark = pytest.mark.engine


@pytest.mark.timeout(900)
@pytest.mark.parametrize("lesson", each_lesson({"04"}))
def test_reference_solution_passes_from_where_its_exercise_starts(course, lesson, tmp_path):
    sources = ["from labs.session.opening import lab_of"]
    for exercise_id in lesson.exercise_ids:
        opened = f'lab_of("{lesson.number}")' if len(sources) == 1 else "lab"
        sources += [
            f'{opened}.reset(to="{exercise_id}")',
            lesson.exercise(exercise_id).solution,
            f'lab.check("{exercise_id}")',
        ]
    notebook = new_notebook(cells=[new_code_cell(source) for source in [*sources, "lab.cleanup()"]])
    client = NotebookClient(notebook, timeout=CELL_TIMEOUT, resources={"metadata": {"path": str(tmp_path)}})
    client.execute(env={**os.environ, "LABS_PROGRESS": str(tmp_path / "progress.json")})
