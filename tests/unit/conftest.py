"""Fixtures of the unit tests."""

import pytest

from tests.unit.sample_lesson import write_lesson


@pytest.fixture
def project(tmp_path, monkeypatch):
    """A project folder with the sample lesson, 94, in it."""
    write_lesson(tmp_path)
    monkeypatch.setenv("LABS_ROOT", str(tmp_path))
    return tmp_path
