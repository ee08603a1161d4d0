"""Every lesson keeps the house rules of a lesson's shape."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from statistics import median

import pytest

from labs import checks
from labs.curriculum.lessons import Lesson, lessons, tags, with_solution
from labs.errors import LabsError
from tests.unit.sample_lesson import SAMPLE, write_lesson

MAX_LINES, MEDIAN_LINES = 15, 6
MAX_WORDS, MAX_OPENING_WORDS = 150, 250
MAX_EXERCISES, HINTS = 3, 3
OPENING = ("you will do", "you will learn", "you need", "minutes")
CLOSING = ("recap", "in practice", "next", "clean up")


def code_lines(source: str) -> int:
    """Lines of a cell that are neither empty nor comments."""
    lines = with_solution(source).splitlines()
    return sum(bool(line.strip()) and not line.lstrip().startswith("#") for line in lines)


def without_code(markdown: str) -> str:
    """Markdown without code blocks and drawings."""
    return re.sub(r"```.*?```|<svg.*?</svg>", "", markdown, flags=re.DOTALL)


def words(markdown: str) -> int:
    """Words of prose: without code blocks, drawings, tables and pictures."""
    lines = without_code(markdown).splitlines()
    return sum(len(line.split()) for line in lines if not line.lstrip().startswith(("|", "![")))


def problems(lesson: Lesson) -> Iterator[str]:
    """What in a lesson breaks the rules, one sentence each."""
    cells = lesson.notebook.cells
    code = [cell for cell in cells if cell.cell_type == "code"]
    prose = [cell for cell in cells if cell.cell_type == "markdown" and not {"hint", "teaching"} & set(tags(cell))]
    yield from title_problems(lesson, prose)
    yield from size_problems(code, prose)
    yield from parameter_problems(code)
    yield from exercise_problems(lesson)
    text = "\n".join(cell.source for cell in prose[1:]).lower()
    yield from (f"nothing is called {part!r}" for part in CLOSING if part not in text)
    sources = [cell.source for cell in code]
    if not any(f'lab = open_lab("{lesson.number}"' in source for source in sources):
        yield f'no cell says `lab = open_lab("{lesson.number}")`'
    if not sources or "lab.cleanup()" not in sources[-1]:
        yield "the last code cell is not `lab.cleanup()`"
    yield from (f"a cell of comments only: {source[:40]!r}" for source in sources if runs_nothing(source))
    yield from ("a cell sleeps; labs.waiting waits" for source in sources if re.search(r"\bsleep\(", source))


def runs_nothing(source: str) -> bool:
    """Whether a ``%%bash`` cell has no line but comments: its lines were commented once too often in the source."""
    magic, _, body = source.partition("\n")
    return magic.startswith("%%bash") and all(line.startswith("#") or not line.strip() for line in body.splitlines())


def title_problems(lesson: Lesson, prose: list) -> Iterator[str]:
    opening = prose[0].source if prose else ""
    verb = lesson.name.split("_")[1]
    if not opening.startswith("# "):
        yield "the first cell has no H1"
    elif opening.split()[1].lower().rstrip(",:") != verb:
        yield f"the H1 does not start with the file name's verb, {verb!r}"
    if verb.endswith("ing") or (verb.endswith("s") and not verb.endswith("ss")):
        yield f"{verb!r} is no verb in the imperative"
    if len(re.findall(r"^# ", "\n".join(without_code(cell.source) for cell in prose), re.MULTILINE)) > 1:
        yield "there is more than one H1"
    yield from (f"the opening does not say {part!r}" for part in OPENING if part not in opening.lower())


def size_problems(code: list, prose: list) -> Iterator[str]:
    lengths = [code_lines(cell.source) for cell in code]
    if lengths and median(lengths) > MEDIAN_LINES:
        yield f"the median code cell has {median(lengths)} lines"
    for cell, length in zip(code, lengths, strict=True):
        if length > MAX_LINES:
            yield f"{length} lines in the cell {cell.source.splitlines()[0]!r}"
    for position, cell in enumerate(prose):
        if words(cell.source) > (MAX_WORDS if position else MAX_OPENING_WORDS):
            yield f"{words(cell.source)} words in the cell {cell.source.splitlines()[0]!r}"


def parameter_problems(code: list) -> Iterator[str]:
    cells = [cell for cell in code if "parameters" in tags(cell)]
    if len(cells) != 1 or cells[0] is not code[0]:
        yield "the first code cell is not the one and only parameters cell"
    for cell in cells:
        for statement in ast.parse(cell.source).body:
            try:
                ast.literal_eval(statement.value)
            except (AttributeError, ValueError):
                yield f"a parameter is not a literal: {ast.unparse(statement)}"


def exercise_problems(lesson: Lesson) -> Iterator[str]:
    cells, ids = lesson.notebook.cells, lesson.exercise_ids
    if not 1 <= len(ids) <= MAX_EXERCISES:
        yield f"{len(ids)} exercises"
    if ids != [f"ex-{lesson.number}-{k}" for k in range(1, len(ids) + 1)]:
        yield f"the exercises are not numbered from ex-{lesson.number}-1: {ids}"
    marked = {cell.metadata["exercise"] for cell in cells if "exercise" in cell.metadata}
    yield from (f"{exercise_id} has no answer cell" for exercise_id in sorted(marked - set(ids)))
    for exercise_id in ids:
        roles = [
            role
            for cell in cells
            for role in tags(cell)
            if role != "teaching"
            if cell.metadata.get("exercise") == exercise_id or cell.source == f'lab.check("{exercise_id}")'
        ]
        if roles != ["exercise", *["hint"] * HINTS, "answer", "check"]:
            yield f"{exercise_id} is not brief, three hints, answer, check, in this order: {', '.join(roles)}"
        elif not lesson.exercise(exercise_id).solution.strip():
            yield f"{exercise_id} has no solution"
    checked = sum("check" in tags(cell) for cell in cells)
    if checked != len(ids):
        yield f"{checked} cells are tagged `check`, for {len(ids)} exercises"
    for cell in cells:
        if ("answer" in tags(cell)) != ("### BEGIN SOLUTION" in cell.source):
            yield "a solution region outside of an answer cell, or an answer cell without"


@pytest.mark.parametrize("lesson", lessons(), ids=lambda lesson: lesson.name)
def test_lesson_keeps_the_house_rules(lesson):
    assert list(problems(lesson)) == []


@pytest.mark.parametrize("lesson", lessons(), ids=lambda lesson: lesson.name)
def test_each_exercise_has_a_check_and_each_check_an_exercise(lesson):
    assert [check.id for check in checks.checks_of(lesson.number)] == lesson.exercise_ids
    for check in checks.checks_of(lesson.number):
        assert check.covers, f"{check.id} covers nothing of the curriculum"
        assert check.why, f"{check.id} does not say why the solution works"
        assert re.fullmatch(r"check_[a-z0-9]+(_[a-z0-9]+)+", check.function.__name__), "check_<noun>_<state>"


def linted(tmp_path, text: str) -> list[str]:
    return list(problems(Lesson("94", write_lesson(tmp_path, text))))


def test_sample_keeps_the_rules(tmp_path):
    assert linted(tmp_path, SAMPLE) == []


@pytest.mark.parametrize(
    ("old", "new", "problem"),
    [
        ("# # Run a thing", "# # A thing", "does not start with the file name's verb"),
        ("# # Run a thing", "# ## Run a thing", "no H1"),
        ("# ## A thing", "# # A thing", "more than one H1"),
        ("About 5 minutes", "Soon", "'minutes'"),
        ("# ## Recap", "# ## Summary", "'recap'"),
        (' tags=["parameters"]', "", "parameters cell"),
        ('NAME = "web"', "NAME = open", "not a literal"),
        ("# A thing is a thing.", "# " + "word " * 151, "words in the cell"),
        ("values = [1, 2]", "\n".join(f"a{i} = {i}" for i in range(16)), "lines in the cell"),
        ('open_lab("94"', 'open_lab("93"', "open_lab"),
        ("lab.cleanup()", "lab.reset()", "last code cell"),
        ("values = [1, 2]", "import time; time.sleep(1)", "sleeps"),
        ('# %% tags=["check"]\nlab.check("ex-94-1")', "", "0 cells are tagged `check`"),
        ('lab.check("ex-94-1")', 'lab.check("ex-94-2")', "brief, three hints"),
        ("# It is more than two.", '# It is.\n\n# %% [markdown] tags=["hint"] exercise="ex-94-1"\n# A', "three hints"),
        ("thing = sum(values)\n", "", "has no solution"),
        ("### BEGIN SOLUTION\nthing = sum(values)\n### END SOLUTION\n", "", "answer cell without"),
        ('tags=["answer"] exercise="ex-94-1"', 'tags=["answer"] exercise="ex-93-1"', "not numbered"),
        ('tags=["answer"] exercise="ex-94-1"', 'exercise="ex-94-1"', "has no answer cell"),
    ],
)
def test_lint_finds(tmp_path, old, new, problem):
    assert old in SAMPLE
    text = SAMPLE.replace("values = [1, 2]\n", "", 1) if problem == "has no solution" else SAMPLE
    text = text.replace("thing\n\n# %% tags", "\n# %% tags") if problem == "has no solution" else text
    found = linted(tmp_path, text.replace(old, new))
    assert any(problem in line for line in found), found


def test_broken_solution_markers_are_an_error(tmp_path):
    with pytest.raises(LabsError, match="pairs"):
        linted(tmp_path, SAMPLE.replace("### END SOLUTION\n", ""))
