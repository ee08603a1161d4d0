"""Every solved notebook runs on the real engines and gives the recorded verdicts; every learner's notebook fails at
exactly its checks, each time with a friendly line."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import nbformat
import pytest
from nbclient import NotebookClient

from labs.authoring import notebooks
from tests.notebooks.each_lesson import CELL_TIMEOUT, each_lesson

pytestmark = pytest.mark.engine


@pytest.fixture(autouse=True)
def own_progress(tmp_path, monkeypatch):
    monkeypatch.setenv("LABS_PROGRESS", str(tmp_path / "progress.json"))


@pytest.mark.timeout(900)
@pytest.mark.parametrize("lesson", each_lesson())
def test_solved_notebook_passes_nbval(course, lesson):
    argv = [sys.executable, "-m", "pytest", "-q", "-p", "no:python", "-p", "no:cacheprovider", "--nbval-lax"]
    argv += [f"--nbval-cell-timeout={CELL_TIMEOUT}", "--override-ini=addopts=", "-Wdefault"]
    argv += [str(notebooks.solved_path(lesson))]
    done = subprocess.run(argv, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False)
    assert done.returncode == 0, done.stdout[-6000:]


@pytest.mark.timeout(900)
@pytest.mark.parametrize("lesson", each_lesson({"02", "04"}))
def test_untouched_notebook_fails_at_exactly_its_checks(course, lesson):
    path = notebooks.learner_path(lesson)
    notebook = nbformat.read(path, as_version=4)
    client = NotebookClient(
        notebook, timeout=CELL_TIMEOUT, allow_errors=True, resources={"metadata": {"path": str(Path(path).parent)}}
    )
    client.execute(env=dict(os.environ))
    failed = {cell.id: errors(cell) for cell in notebook.cells if cell.cell_type == "code" and errors(cell)}
    checks = {cell.id for cell in notebook.cells if "check" in cell.metadata.get("tags", [])}
    assert set(failed) == checks, {key: value for key, value in failed.items() if key not in checks}
    for lines in failed.values():
        text = "\n".join(lines)
        assert "Traceback" not in text
        assert "expected" in text
        assert "observed" in text


@pytest.mark.parametrize("lesson", each_lesson())
def test_solved_notebook_has_recorded_verdicts_to_compare(lesson):
    notebook = nbformat.read(notebooks.solved_path(lesson), as_version=4)
    checks = [cell for cell in notebook.cells if "check" in cell.metadata.get("tags", [])]
    compared = [c for c in checks if c.outputs and "nbval-check-output" in c.metadata.tags]
    assert len(compared) == len(checks) > 0, f"run `labs build --record {lesson.number}`"


def errors(cell) -> list[str]:
    return [line for output in cell.outputs if output.output_type == "error" for line in output.traceback]
