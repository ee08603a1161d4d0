"""Print the slowest tests of a run of `tests/run.sh`, from the file that `tests/progress.py` wrote."""

from __future__ import annotations

import json
import sys
from pathlib import Path

__all__ = ["table"]

COUNT = 20


def table(lines: list[str], count: int = COUNT) -> str:
    """The slowest tests as a table.

    Args:
        lines: JSON objects with ``phase``, ``test`` and ``seconds``.
        count: how many tests, at most.
    """
    rows = sorted((json.loads(line) for line in lines if line.strip()), key=lambda row: -row["seconds"])
    if not rows:
        return "No test has run."
    width = max(len(row["phase"]) for row in rows)
    shown = [f"{row['seconds']:8.1f} s  {row['phase']:{width}}  {row['test']}" for row in rows[:count]]
    total = sum(row["seconds"] for row in rows)
    return "\n".join([f"The slowest {len(shown)} of {len(rows)} tests, which took {total:.0f} s in sum:", *shown])


if __name__ == "__main__":
    file = Path(sys.argv[1])
    print(table(file.read_text(encoding="utf-8").splitlines() if file.exists() else []))
