"""What the tests of all lessons' checks begin with."""

from __future__ import annotations

from typing import Any

import pytest
from ipywidgets import Widget

from labs.checks import core
from labs.session.opening import lab_of
from tests.checks.learner import Cells


@pytest.fixture
def impatient(monkeypatch):
    """Checks wait less long for what will not come: as long as what does come may take on a busy machine."""
    monkeypatch.setattr(core, "PATIENCE", 5)


@pytest.fixture(scope="module")
def cells_of(course, tmp_path_factory):
    """``cells_of("02")``: a lesson's cells. The lesson is cleaned up before and after."""
    opened: list[Any] = []

    def cells(number: str) -> Cells:
        lab = lab_of(number)
        lab.cleanup()
        opened.append(lab)
        return Cells(number)

    yield cells
    Widget.close_all()  # the views that the cells opened: their watches would go on in this process
    for lab in opened:
        lab.cleanup()
