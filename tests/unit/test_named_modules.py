"""A module that a text names (a command line, a notebook, a docstring) is there: no import fails for such a name, so
nobody else would notice."""

from __future__ import annotations

import importlib
import re
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
OTHERS = {"labs.course", "labs.lesson", "labs.log", "labs.conflist", "labs.checks.lesson_93", "labs.checks.lesson_"}
"""Labels, files, a logger; and a lesson that a test makes up."""
KINDS = ("*.py", "*.ipynb", "*.md", "*.sh", "*.js", "*.yml", "*.toml")
IMPORTS = re.compile(r"from (labs[\w.]*|benchmarks[\w.]*|versions[\w.]*) import ((?:\w+(?: as \w+)?(?:, )?)+)")
NAMES = re.compile(r"\blabs(?:\.[a-z_0-9]+)+\b")


def is_there(name: str) -> bool:
    """Whether a dotted name leads to a module, or to something in one."""
    parts = name.split(".")
    for length in range(len(parts), 0, -1):
        try:
            thing = importlib.import_module(".".join(parts[:length]))
        except ImportError:
            continue
        for part in parts[length:]:
            if not hasattr(thing, part):
                return False
            thing = getattr(thing, part)
        return True
    return False


def test_every_folder_of_modules_is_a_package():
    """import-linter does not see one without an ``__init__.py``, so that its layers would not hold there."""
    folders = {path.parent for path in (ROOT / "labs").rglob("*.py") if path.parent.name != "templates"}
    assert [str(folder.relative_to(ROOT)) for folder in folders if not (folder / "__init__.py").exists()] == []


@pytest.mark.parametrize("kind", KINDS)
def test_modules_that_texts_name_are_there(kind):
    listed = ["git", "ls-files", "--cached", "--others", "--exclude-standard", kind]
    try:
        files = subprocess.run(listed, cwd=ROOT, capture_output=True, text=True, check=True).stdout.splitlines()
    except (OSError, subprocess.CalledProcessError):
        pytest.skip("this is no checkout of git's")
    wrong = set()
    for file in (each for each in files if (ROOT / each).is_file() and Path(each).name != Path(__file__).name):
        text = (ROOT / file).read_text(encoding="utf-8", errors="ignore")
        named = set(NAMES.findall(text)) - OTHERS
        for module, names in IMPORTS.findall(text):
            named |= {f"{module}.{name.split(' as ')[0].strip()}" for name in names.split(",") if name.strip()}
        wrong |= {(file, name) for name in named - {"labs.nothing"} if not is_there(name)}
    assert sorted(wrong) == []
