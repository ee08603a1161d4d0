"""The HTML of a deck: slides, speaker's notes, style and player in one file.

nbconvert's reveal.js exporter is not used: its page loads reveal.js, RequireJS, jQuery, MathJax, Mermaid and a font
from two servers, each to be fetched and embedded, and it lays out cells where the rule in
`labs.authoring.slides.layout` lays out blocks. What a deck needs of a player is a hundred lines.
"""

from __future__ import annotations

import base64
import mimetypes
import re
from html import escape, unescape
from pathlib import Path

from labs.authoring.slides.layout import Slide, slides_of
from labs.curriculum.lessons import Lesson
from labs.errors import LabsError

__all__ = ["deck"]

_HERE = Path(__file__).parent
_SOURCE = re.compile(r'(<img\b[^>]*?\bsrc=")(?!data:)([^"]*)"')
_PAGE = """\
<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy"
 content="default-src 'none'; img-src data:; style-src 'unsafe-inline'; script-src 'unsafe-inline'">
<meta name="viewport" content="width=device-width">
<title>{number} {title}</title>
<style>
{style}
</style>
</head>
<body>
<main>
{slides}
</main>
<nav aria-label="Slides">
<button id="back" aria-label="Back">◀</button><span id="where"></span><button id="on" aria-label="On">▶</button>
<button id="speaker" title="Speaker's notes in a window of their own (S)">Notes</button>
</nav>
<script>
{player}
</script>
</body>
</html>
"""
_SLIDE = """\
<section class="slide {kind}" id="slide-{position}">
<header>{above}<h2>{title}</h2></header>
<div class="shown">
{shown}
</div>
<footer>Lesson {number} · {position}</footer>
<aside class="notes" hidden>
{notes}
</aside>
</section>"""


def deck(item: Lesson) -> str:
    """A lesson as an HTML page of slides of 1280 by 720, with its teaching notes and prose as speaker's notes.

    Raises:
        LabsError: the lesson cannot be read, or a picture in it is missing or on another server.
    """
    slides = "\n".join(_slide(item, slide, position) for position, slide in enumerate(slides_of(item), start=1))
    return _PAGE.format(
        number=item.number,
        title=escape(item.title),
        style=(_HERE / "deck.css").read_text(encoding="utf-8"),
        player=(_HERE / "deck.js").read_text(encoding="utf-8"),
        slides=_embedded(slides, item.path.parent.parent),
    )


def _slide(item: Lesson, slide: Slide, position: int) -> str:
    return _SLIDE.format(
        kind=slide.kind if slide.shown else "divider",
        number=item.number,
        position=position,
        above=f'<p class="above">{slide.above}</p>' if slide.above else "",
        title=slide.title,
        shown="\n".join(f'<div class="{block.kind}">{block.html}</div>' for block in slide.shown),
        notes="\n".join(slide.notes),
    )


def _embedded(html: str, folder: Path) -> str:
    """HTML with its pictures inside; paths are relative to the notebooks' folder."""

    def inside(match: re.Match) -> str:
        name = unescape(match[2])
        path = folder / name
        if "://" in name or not path.is_file():
            raise LabsError(f"The picture {name} is not in the course.", "Put it into the folder `notebooks`.")
        kind = mimetypes.guess_type(path.name)[0] or "application/octet-stream"
        return f'{match[1]}data:{kind};base64,{base64.b64encode(path.read_bytes()).decode()}"'

    return _SOURCE.sub(inside, html)
