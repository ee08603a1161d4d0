"""The lessons as parameters of a test."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

import pytest

from labs.curriculum import lessons

CELL_TIMEOUT = 180  # seconds; nbval's own default is over half an hour


def each_lesson(each_time: Collection[str] | None = None) -> list[Any]:
    """Every lesson, with the marks that it needs.

    Args:
        each_time: those that every run of the tests tries, where `make test-all` tries all; all of them when not given.
    """

    def marks(lesson: lessons.Lesson) -> list[pytest.MarkDecorator]:
        alone = [pytest.mark.alone] if "stops-components" in lesson.facts else []
        slow = [pytest.mark.slow] if each_time is not None and lesson.number not in each_time else []
        return alone + slow

    return [pytest.param(lesson, marks=marks(lesson), id=lesson.number) for lesson in lessons.lessons()]
