"""When a CronJob runs: two schedules may be spelled otherwise and mean the same."""

from __future__ import annotations

__all__ = ["times_of"]

MONTHS = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")
DAYS = ("sun", "mon", "tue", "wed", "thu", "fri", "sat")
# https://kubernetes.io/docs/concepts/workloads/controllers/cron-jobs/#schedule-syntax
FIELDS: tuple[tuple[int, int, tuple[str, ...]], ...] = (
    (0, 59, ()),
    (0, 23, ()),
    (1, 31, ()),
    (1, 12, MONTHS),
    (0, 6, DAYS),
)
MACROS = {
    "@yearly": "0 0 1 1 *",
    "@annually": "0 0 1 1 *",
    "@monthly": "0 0 1 * *",
    "@weekly": "0 0 * * 0",
    "@daily": "0 0 * * *",
    "@midnight": "0 0 * * *",
    "@hourly": "0 * * * *",
}


def times_of(schedule: str) -> tuple[frozenset[int], ...] | None:
    """Minutes, hours, days, months and weekdays at which a schedule runs.

    Args:
        schedule: as a CronJob holds it, such as ``"30 2 * * *"`` or ``"@daily"``.

    Returns:
        Five sets; None for a schedule of another form.
    """
    fields = MACROS.get(schedule.strip().lower(), schedule).split()
    if len(fields) != len(FIELDS):
        return None
    try:
        return tuple(_values(field, *bounds) for field, bounds in zip(fields, FIELDS, strict=True))
    except ValueError:
        return None


def _values(field: str, low: int, high: int, names: tuple[str, ...]) -> frozenset[int]:
    found: set[int] = set()
    for part in field.split(","):
        span, _, step = part.partition("/")
        first, dash, last = span.partition("-")
        if first in {"*", "?"}:
            begin, end = low, high
        else:
            begin = _number(first, low, names)
            end = _number(last, low, names) if dash else high if step else begin
        found |= set(range(begin, end + 1, int(step or 1)))
    return frozenset(found)


def _number(text: str, low: int, names: tuple[str, ...]) -> int:
    word = text.lower()
    return names.index(word) + low if word in names else int(word)
