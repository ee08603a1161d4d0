"""Schedules that are spelled otherwise and mean the same are the same to a check."""

from __future__ import annotations

import pytest

from labs.checks.readers.schedules import times_of

NIGHT = times_of("30 2 * * *")


@pytest.mark.parametrize(
    "schedule", ["30 2 * * *", " 30  02 * * ? ", "30 2 1-31 1-12 0-6", "30 2 */1 JAN-DEC sun-SAT", "30,30 2 * * *"]
)
def test_the_same_times(schedule):
    assert times_of(schedule) == NIGHT


@pytest.mark.parametrize(
    "schedule", ["2 30 * * *", "30 14 * * *", "30 2 * * 1-5", "30 2 1 * *", "*/30 2 * * *", "@daily", "30 2 * * mon"]
)
def test_other_times(schedule):
    assert times_of(schedule) != NIGHT


def test_steps_ranges_and_macros():
    assert times_of("*/20 8-16/4 * * *")[:2] == ({0, 20, 40}, {8, 12, 16})
    assert times_of("50/5 0 * * *")[0] == {50, 55}
    assert times_of("@hourly") == times_of("0 * * * *")


@pytest.mark.parametrize("schedule", ["", "* * * *", "a b c d e", "@reboot"])
def test_what_is_no_schedule(schedule):
    assert times_of(schedule) is None
