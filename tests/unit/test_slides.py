"""Slides: what stands on them, what is said, and that they need no server."""

from __future__ import annotations

import re
from html import unescape

import pytest
from typer.testing import CliRunner

from labs.authoring import notebooks
from labs.authoring.slides import deck
from labs.authoring.slides.blocks import code_block, markdown_blocks, to_html
from labs.authoring.slides.layout import HEIGHT, slides_of
from labs.authoring.teaching_notes import notes_of
from labs.cli.main import app
from labs.curriculum.lessons import Lesson, exercise, lesson, lessons
from labs.errors import LabsError
from tests.unit.sample_lesson import SAMPLE, write_lesson

EVERY = pytest.mark.parametrize("item", lessons(), ids=lambda item: item.name)
ELSEWHERE = re.compile(r"""(?:\b(?:src|href|action)\s*=\s*["']?|url\(\s*["']?|@import\s+["']?)(?:https?:)?//""", re.I)
SECTION = """\
# ## A thing
#
# A thing is a thing. It is what it is.
#
# Nobody is to see this sentence, which is long enough to be said and not shown, since it has more words than a slide
# has room for. Look at the [list](https://example.org/list):
#
# - an item
#
# **Misconception**: "a thing is nothing." It is something.
#
# Now do it.

# %% [markdown] tags=["teaching"] minutes=2
# - **Ask**: is it one?
"""


@pytest.fixture
def item(project) -> Lesson:
    """The sample lesson with a section that has all that the rule tells apart."""
    write_lesson(project, SAMPLE.replace("# ## A thing\n#\n# A thing is a thing.\n", SECTION))
    return lesson("94")


def plain(html: str) -> str:
    return unescape(re.sub(r"<[^>]*>", "", html))


def parts(html: str) -> tuple[str, str]:
    """A deck's text: what is shown, and the speaker's notes."""
    notes = re.findall(r'<aside class="notes" hidden>(.*?)</aside>', html, re.DOTALL)
    shown = re.findall(r"<header>(.*?)<footer>", html, re.DOTALL)
    return plain("\n".join(shown)), plain("\n".join(notes))


def test_headings_begin_slides_and_the_end_is_left_out(item):
    assert [(slide.kind, slide.title, slide.above) for slide in slides_of(item)] == [
        ("title", "Run a thing", ""),
        ("section", "A thing", ""),
        ("exercise", "Exercise 1: a thing", "A thing"),
        ("section", "Recap", ""),
    ]


def test_what_is_shown_and_what_is_said(item):
    shown, said = parts(deck(item))
    for words in (
        "It is what it is.",
        "Look at the list:",
        "an item",
        '"a thing is nothing."',
        "Now do it.",
        "Make thing hold 3.",
    ):
        assert words in shown
        assert words not in said
    for words in ("Ask: is it one?", "Nobody is to see this sentence", "It is something."):
        assert words in said
        assert words not in shown
    assert said.index("0:00, 2 min") < said.index("Ask") < said.index("Nobody"), "teaching notes come first"


def test_neither_answer_nor_hint_nor_check_is_in_a_deck(item):
    text = plain(deck(item))
    for words in ("sum(values)", "SOLUTION", "less than four", "lab.check"):
        assert words not in text


def test_code_is_shown_that_covers_the_curriculum(item):
    assert "echo {NAME}" in plain(deck(item)), "none covers anything, so all is shown"
    item.path.write_text(item.path.read_text().replace("# %%\n# %%bash", '# %% covers="T1"\n# %%bash'))
    text = plain(deck(lesson("94")))
    assert "echo hello" in text
    assert "echo {NAME}" not in text


def test_a_full_section_goes_on_on_another_slide(item):
    items = "\n".join(f"#\n# {'word ' * 60}:\n#\n# - item {number}, {'word ' * 70}" for number in range(4))
    item.path.write_text(item.path.read_text().replace("# - an item\n", f"# - an item\n{items}\n"))
    things = [slide for slide in slides_of(lesson("94")) if slide.title == "A thing"]
    assert len(things) > 1
    assert all(sum(block.height for block in slide.shown) <= 1.3 * HEIGHT for slide in things)
    assert things[0].notes


def test_pictures_travel_inside(item):
    text = item.path.read_text().replace("# - an item\n", "# - an item\n#\n# ![dot](dot.png)\n")
    item.path.write_text(text)
    with pytest.raises(LabsError, match=r"dot\.png is not in the course"):
        deck(lesson("94"))
    (item.path.parents[1] / "dot.png").write_bytes(b"dot")
    assert 'src="data:image/png;base64,ZG90"' in deck(lesson("94"))
    item.path.write_text(text.replace("dot.png", "https://example.org/dot.png"))
    with pytest.raises(LabsError, match="is not in the course"):
        deck(lesson("94"))


def test_blocks():
    text = '# h\n\np\n\n| a |\n|---|\n| b |\n\n```console\n$ ls\n```\n\n> q\n\n1. one\n\n<img alt="x"\nsrc="data:,">'
    found = list(markdown_blocks(text))
    assert [block.kind for block in found] == ["heading", "paragraph", "table", "code", "list", "list", "picture"]
    assert found[0].level == 1
    assert all(block.height > 0 for block in found[1:])


def test_links_lead_nowhere_and_code_is_escaped():
    assert to_html("see [it](https://example.org)") == "<p>see it</p>\n"
    assert "&lt;b&gt;" in code_block("%%bash\necho '<b>'").html
    assert "&lt;b&gt;" in to_html("```no-language\n<b>\n```")


def test_the_command_writes_decks(item, tmp_path):
    result = CliRunner().invoke(app, ["slides", "94", "--out", str(tmp_path / "decks")])
    assert result.exit_code == 0, result.output
    assert (tmp_path / "decks" / "94_run_thing.html").read_text() == deck(item)


@EVERY
def test_each_lessons_deck(item):
    html = deck(item)
    assert not ELSEWHERE.search(html)
    assert html.count("<img") == html.count('src="data:')
    shown, said = parts(html)
    for note in notes_of(item):
        assert plain(to_html(note.text)).strip() in said
    for exercise_id in item.exercise_ids:
        assert plain(to_html(exercise(exercise_id).brief.partition("\n")[0])).strip() in shown


@EVERY
def test_no_deck_has_a_line_of_a_solution(item):
    known = "\n".join(cell.source for cell in notebooks.learner_notebook(item).cells)
    text = plain(deck(item))
    for exercise_id in item.exercise_ids:
        lines = {line.strip() for line in exercise(exercise_id).solution.splitlines()}
        own = [line for line in lines if len(line) > 12 and line not in known]
        assert own
        assert [line for line in own if line in text] == []
