"""Which parts of a lesson stand on which slide, and which are said: the rule, and nothing of how it looks.

A heading begins a slide. Shown are the first sentences of a section, lists, tables, pictures, commands, code cells that
cover an item of the curriculum (in a lesson without any, all but its first ones), misconceptions without their answers,
and the sentences that lead to one of these. An exercise is shown whole, its answer never. All other prose is said: it
goes to the speaker's notes, below the teaching notes of its section.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field, replace

from labs.authoring.slides.blocks import Block, code_block, markdown_blocks, to_html
from labs.authoring.teaching_notes import TAG as TEACHING
from labs.authoring.teaching_notes import clock
from labs.curriculum.lessons import Lesson, tags

__all__ = ["Slide", "slides_of"]

HEIGHT = 540  # pixels below a slide's title
FIRST_WORDS, LEADING_WORDS = 45, 30
NOT_SHOWN = {"hint", "answer", "check", "parameters"}
LEFT_OUT = "Clean up"
CROWDED = 1.3  # times HEIGHT, so that an exercise, or a first paragraph and its code, stay together: the page shrinks
_SENTENCE = re.compile(r"(?:(?<=[.?!])|(?<=[.?!][*\")]))\s+(?=[^a-z\s])")


@dataclass
class Slide:
    """One slide.

    Attributes:
        kind: title, section or exercise.
        title: HTML.
        above: the title of the section that a subsection or an exercise belongs to, HTML.
        shown: the blocks on it.
        notes: what is said, HTML.
    """

    kind: str
    title: str
    above: str = ""
    shown: list[Block] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)


@dataclass
class _Section:
    """A heading and what stands below it, each block with whether it is shown."""

    kind: str
    title: str
    above: str = ""
    teaching: list[str] = field(default_factory=list)
    blocks: list[tuple[Block, bool]] = field(default_factory=list)


def slides_of(item: Lesson) -> list[Slide]:
    """A lesson's slides.

    Raises:
        LabsError: the source cannot be read.
    """
    return [slide for section in _sections(item) if section.title != LEFT_OUT for slide in _packed(section)]


def _sections(item: Lesson) -> list[_Section]:
    found: list[_Section] = []
    above, begins = "", 0.0
    for cell in item.notebook.cells:
        if NOT_SHOWN & set(tags(cell)):
            continue
        if TEACHING in tags(cell):
            minutes = cell.metadata.get("minutes", 0)
            if found:
                when = f"<p><b>{clock(begins)}, {minutes:g} min</b></p>\n"
                found[-1].teaching.append(when + to_html(cell.source))
            begins += minutes
        elif cell.cell_type == "code":
            if found and (cell.metadata.get("covers") or (found[-1].kind != "title" and not _covers(item))):
                _lead(found[-1])
                found[-1].blocks.append((code_block(re.sub(r"\n{3,}", "\n\n", cell.source)), True))
        else:
            for block in markdown_blocks(cell.source):
                if block.kind == "heading" and block.level <= 3:
                    above = block.html if block.level < 3 else above
                    exercise = "exercise" in tags(cell) and block.level == 3
                    kind = "exercise" if exercise else "title" if block.level == 1 else "section"
                    found.append(_Section(kind, block.html, above if block.level == 3 else ""))
                elif found:
                    _add(found[-1], block, whole="exercise" in tags(cell))
    return found


def _covers(item: Lesson) -> bool:
    return any(cell.cell_type == "code" and cell.metadata.get("covers") for cell in item.notebook.cells)


def _add(section: _Section, block: Block, whole: bool) -> None:
    if whole:
        section.blocks.append((block, True))
    elif block.kind != "paragraph":
        _lead(section)
        section.blocks.append((block, True))
    elif not any(shown for _, shown in section.blocks):
        section.blocks += _split(block, FIRST_WORDS)
    elif block.text.startswith("**Misconception**"):
        claim, *answer = _split(block, 1)  # no sentence of the answer leads to what comes next
        section.blocks += [claim, *((replace(rest, kind="answer"), False) for rest, _ in answer)]
    else:
        section.blocks.append((block, False))


def _lead(section: _Section) -> None:
    """Show the last sentences before a block that is shown; of *what happened*, which answers, only a pointer to it."""
    if not section.blocks or section.blocks[-1][1] or section.blocks[-1][0].kind == "answer":
        return
    block = section.blocks.pop()[0]
    sentences = _SENTENCE.split(block.text)
    most = 1 if block.text.startswith("**What happened") else LEADING_WORDS
    count = 0
    while count < len(sentences) and len(" ".join(sentences[-count - 1 :]).split()) <= most:
        count += 1
    if not count and sentences[-1].endswith(":"):
        count = 1
    while count and (sentences[-count].startswith("(") or _cuts(sentences[-count:])):
        count -= 1
    said, shown = " ".join(sentences[: len(sentences) - count]), " ".join(sentences[len(sentences) - count :])
    section.blocks += [(_paragraph(text), text is shown) for text in (said, shown) if text]


def _cuts(sentences: list[str]) -> bool:
    """Whether brackets begin in sentences and end elsewhere, or the other way round."""
    text = " ".join(sentences)
    return text.count(")") != text.count("(")


def _split(block: Block, words: int) -> Iterator[tuple[Block, bool]]:
    """The first sentences of a paragraph, at least one, shown; the rest, said."""
    sentences = _SENTENCE.split(block.text)
    count = 1
    while count < len(sentences) and len(" ".join(sentences[: count + 1]).split()) <= words:
        count += 1
    while count > 1 and _cuts(sentences[:count]):
        count -= 1
    yield _paragraph(" ".join(sentences[:count])), True
    if sentences[count:]:
        yield _paragraph(" ".join(sentences[count:])), False


def _paragraph(text: str) -> Block:
    return next(markdown_blocks(text))


def _packed(section: _Section) -> list[Slide]:
    """A section's slides: as many as its blocks need; a paragraph stays with what it leads to."""
    slides = [Slide(section.kind, section.title, section.above, notes=[*section.teaching])]
    room = HEIGHT
    for position, (block, shown) in enumerate(section.blocks):
        slide = slides[-1]
        if not shown:
            slide.notes.append(block.html)
            continue
        after, after_shown = section.blocks[position + 1] if position + 1 < len(section.blocks) else (block, False)
        leads = after_shown and block.kind == "paragraph" != after.kind
        needed = block.height + (after.height if leads else 0)
        only_begun = block.kind != "paragraph" and all(other.kind == "paragraph" for other in slide.shown)
        more = HEIGHT * (CROWDED - 1) if only_begun or section.kind == "exercise" else 0
        if slide.shown and (slide.kind == "title" or needed > room + more):
            kind = "section" if section.kind == "title" else section.kind
            slide, room = Slide(kind, section.title, section.above), HEIGHT
            slides.append(slide)
        slide.shown.append(block)
        room -= block.height
    return slides
