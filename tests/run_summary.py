"""Print the slowest tests of a run of `tests/run.sh`, and those that passed at a second try only.

Both come from the file that `tests/progress.py` wrote.
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path

__all__ = ["failures", "table", "unsteady"]

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


def unsteady(lines: list[str]) -> str:
    """The tests that failed and then passed, as a list; empty when there are none.

    Args:
        lines: JSON objects with ``phase``, ``test`` and ``failed``, in the order of the run.
    """
    failed: set[str] = set()
    passed_later = []
    for row in (json.loads(line) for line in lines if line.strip()):
        if row["failed"]:
            failed.add(row["test"])
        elif row["test"] in failed:
            passed_later.append(f"  {row['phase']}  {row['test']}")
    if not passed_later:
        return ""
    head = "Passed at the second try only. What failed at the first stands above, and is a fault to find:"
    return "\n".join([head, *passed_later])


def failures(lines: list[str], phase: str) -> list[str]:
    """The tests that failed, each once.

    Args:
        lines: as `unsteady` takes them.
        phase: of this phase of the run.
    """
    rows = [json.loads(line) for line in lines if line.strip()]
    return list(dict.fromkeys(row["test"] for row in rows if row["failed"] and row["phase"] == phase))


def main() -> None:
    """Print the summary, or with ``--failed=PHASE`` the tests of a phase that failed, one a line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--failed", metavar="PHASE")
    parser.add_argument("file", type=Path)
    options = parser.parse_args()
    lines = options.file.read_text(encoding="utf-8").splitlines() if options.file.exists() else []
    if options.failed is not None:
        for test in failures(lines, options.failed):
            print(test)
        return
    print(table(lines))
    if told := unsteady(lines):
        print(f"\n{told}")


if __name__ == "__main__":
    main()
