"""What the tests of all lessons' checks begin with."""

from __future__ import annotations

from typing import Any

import pytest
from ipywidgets import Widget

from labs.checks import core
from tests.checks.learner import Cells


@pytest.fixture
def impatient(monkeypatch):
    """Checks do not wait for what will not come."""
    monkeypatch.setattr(core, "PATIENCE", 2.5)


@pytest.fixture(scope="module")
def cells_of(course, tmp_path_factory):
    """``cells_of("02")``: a lesson's cells. The lesson is cleaned up before and after."""
    opened: list[Any] = []

    def cells(number: str) -> Cells:
        from labs import open_lab

        lab = open_lab(number, kubernetes=number not in {"00", "02"}, quiet=True)
        lab.cleanup()
        opened.append(lab)
        return Cells(number)

    yield cells
    Widget.close_all()  # the views that the cells opened: their watches would go on in this process
    for lab in opened:
        lab.cleanup()
