"""Teaching notes: in the source, in no notebook, on a page an instructor can print."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from typer.testing import CliRunner

from labs.authoring import notebooks, teaching_notes
from labs.authoring.teaching_notes import notes_of, page, stated_minutes
from labs.cli.main import app
from labs.curriculum.lessons import lesson, lessons
from labs.errors import LabsError
from tests.unit.sample_lesson import SAMPLE, write_lesson

ROOT = Path(__file__).parents[2]
A_PAGE = 600  # words
SPOKEN = ("**Ask**", "**Show**", "**Say**", "**Draw**", "**Mistakes**")
EVERY = pytest.mark.parametrize("item", lessons(), ids=lambda item: item.name)
NOTE = '\n# %% [markdown] tags=["teaching"] minutes=2\n# - **Ask**: is it one?\n'
ABOUT_EXERCISE = '\n# %% [markdown] tags=["teaching"] minutes=3 exercise="ex-94-1"\n# - **Mistakes**: many.\n'


@pytest.fixture
def noted(project):
    """The sample lesson with two notes."""
    text = SAMPLE.replace("# A thing is a thing.\n", f"# A thing is a thing.\n{NOTE}")
    write_lesson(project, text.replace("when* it does.\n", f"when* it does.\n{ABOUT_EXERCISE}"))
    return lesson("94")


def test_notes_are_in_no_notebook(noted):
    def cells(item):
        return [notebooks.learner_notebook(item), notebooks.solved_notebook(item)]

    with_notes = cells(noted)
    write_lesson(noted.path.parents[2])
    assert with_notes == cells(lesson("94"))


def test_notes_come_in_order_with_their_sections(noted):
    assert [(note.section, note.minutes, note.exercise) for note in notes_of(noted)] == [
        ("A thing", 2, ""),
        ("Exercise 1: a thing", 3, "ex-94-1"),
    ]
    text = page(noted)
    assert text.startswith("# Teaching lesson 94: Run a thing\n\n*About 5 minutes. Minutes are estimates")
    sections = ["## 0:00 A thing (2 min)", "## 0:02 Exercise 1: a thing (3 min)"]
    assert re.findall(r"^## .*", text, re.MULTILINE) == sections


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        (" minutes=2", "", "does not say its minutes"),
        ("minutes=2", 'minutes="2"', "does not say its minutes"),
        ("# # Run a thing", "# Run a thing", "before any heading"),
        ("About 5 minutes", "Soon", "how long"),
    ],
)
def test_a_note_that_cannot_be_used_is_named(noted, old, new, message):
    text = noted.path.read_text().replace(old, new)
    if message == "before any heading":
        text = text.replace("# ## A thing", "# A thing")
    noted.path.write_text(text)
    with pytest.raises(LabsError, match=message):
        page(lesson("94"))


def test_headings_in_code_are_none():
    assert teaching_notes.headings("# a\n\n```\n# b\n```\n\n### c\n#### d") == [(1, "a"), (3, "c")]


def test_the_command_prints_or_writes(noted, tmp_path):
    run = CliRunner().invoke
    assert run(app, ["notes", "94"]).output == page(noted) + "\n"
    assert run(app, ["notes", "--out", str(tmp_path / "new")]).exit_code == 0
    assert (tmp_path / "new" / "94_run_thing.md").read_text() == page(noted)


@EVERY
def test_minutes_add_up_to_what_the_lesson_says(item):
    assert abs(sum(note.minutes for note in notes_of(item)) - stated_minutes(item)) <= 2
    row = next(line for line in (ROOT / "README.md").read_text().splitlines() if f"notebooks/{item.name}.ipynb" in line)
    assert row.rstrip(" |").endswith(f"| {stated_minutes(item)}")


@EVERY
def test_notes_fit_a_page_and_say_what_to_do(item):
    first, *others = notes_of(item)
    assert first.section == item.title
    assert all(word in first.text for word in ("**Before**", "**Cut**"))
    assert [note.section for note in others if not any(word in note.text for word in SPOKEN)] == []
    assert sum(len(note.text.split()) for note in (first, *others)) <= A_PAGE


@EVERY
def test_each_exercise_has_mistakes_that_were_seen(item):
    """Words in italics are of a verdict, and the tests of the lesson's checks provoke it."""
    about = {note.exercise: note.text for note in notes_of(item) if note.exercise}
    assert list(about) == item.exercise_ids
    seen = " ".join((ROOT / "tests" / "checks" / f"test_lesson_{item.number}.py").read_text().split())
    for exercise_id, text in about.items():
        mistakes = text.partition("**Mistakes**")[2].partition("\n- ")[0]
        quoted = re.findall(r"(?<![*\w])\*([^*]+)\*(?!\*)", " ".join(mistakes.split()))
        assert quoted, exercise_id
        assert [words for words in quoted if words not in seen] == [], exercise_id
