"""docs/settings.md lists every environment variable of the course, and no other."""

from __future__ import annotations

import re
from pathlib import Path

ROOT = Path(__file__).parents[2]
PLACES = ("labs", "setup", "binder", "workshop", "benchmarks", "tests")
ENDINGS = {".py", ".sh", ".toml", ".yaml", ".yml", ".go", ""}
NAME = re.compile(r"\bLABS_[A-Z]+(?:_[A-Z]+)*\b")


def names(text: str) -> set[str]:
    return set(NAME.findall(text))


def test_every_variable_is_listed_and_every_listed_one_is_used():
    files = [ROOT / "Makefile"]
    for place in PLACES:
        files += [
            file
            for file in (ROOT / place).rglob("*")
            # not what a build left, and not what this very test names
            if file.is_file() and file.suffix in ENDINGS and not {"prepared", "__pycache__"} & set(file.parts)
        ]
    used = set().union(*(names(file.read_text(encoding="utf-8", errors="replace")) for file in files))
    rows = re.findall(r"^\| `(LABS_[A-Z_]+)` \|", (ROOT / "docs/settings.md").read_text(encoding="utf-8"), re.M)
    assert len(rows) == len(set(rows))
    assert used == set(rows)
