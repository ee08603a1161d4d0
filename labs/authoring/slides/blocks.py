"""A Markdown text or a code cell as blocks: what may stand on a slide, each with its HTML and about its height."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from html import escape
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from markdown_it import MarkdownIt
    from markdown_it.token import Token

__all__ = ["Block", "code_block", "markdown_blocks", "to_html"]

KINDS = {
    "heading_open": "heading",
    "paragraph_open": "paragraph",
    "bullet_list_open": "list",
    "ordered_list_open": "list",
    "table_open": "table",
    "blockquote_open": "list",
    "fence": "code",
    "code_block": "code",
}
LINE, CHARACTERS = 38, 74  # pixels, and the widest font's characters in a line of a slide
ROW, ROW_CHARACTERS = 44, 90
CODE_LINE, CODE_CHARACTERS = 27, 100
PICTURE = 370
_LANGUAGES = {"Dockerfile": "docker", "py": "python", "yaml": "yaml", "html": "html"}
_MAGIC = re.compile(r"%%(bash|writefile)\b(.*)")


@dataclass(frozen=True)
class Block:
    """A piece of a slide.

    Attributes:
        kind: heading, paragraph, list, table, code, picture or other.
        text: its Markdown; of a code cell, its source.
        html: how it looks.
        height: about how many pixels high it is on a slide of 1280 by 720.
        level: of a heading, 1 to 6.
    """

    kind: str
    text: str
    html: str
    height: int = 0
    level: int = 0


def markdown_blocks(markdown: str) -> Iterator[Block]:
    """The blocks of a Markdown text, in its order."""
    parser, lines = _parser(), markdown.splitlines()
    tokens = parser.parse(markdown)
    for group in _top_level(tokens):
        kind = KINDS.get(group[0].type, "other")
        first, last = group[0].map or (0, 0)
        text = "\n".join(lines[first:last]).strip()
        if kind == "heading":
            yield Block(kind, group[1].content, parser.renderInline(group[1].content), level=int(group[0].tag[1]))
            continue
        if kind == "paragraph" and text.startswith(("<img", "![")):
            kind = "picture"
        yield Block(kind, text, parser.renderer.render(group, parser.options, {}), _height(kind, text))


def code_block(source: str) -> Block:
    """A code cell as a block."""
    return Block("code", source, _highlighted(source, _language(source)), _height("code", source))


def to_html(markdown: str) -> str:
    """A Markdown text as HTML, its links as plain text: what they lead to does not travel with a slide."""
    return _parser().render(markdown)


@cache
def _parser() -> MarkdownIt:
    from markdown_it import MarkdownIt  # only who makes slides needs it

    parser = MarkdownIt("commonmark", {"html": True, "highlight": lambda code, name, _: _highlighted(code, name)})
    for rule in ("link_open", "link_close"):
        parser.add_render_rule(rule, lambda *_: "")
    return parser.enable("table")


def _top_level(tokens: list[Token]) -> Iterator[list[Token]]:
    group, depth = [], 0
    for token in tokens:
        group.append(token)
        depth += token.nesting
        if not depth:
            yield group
            group = []


def _highlighted(code: str, language: str) -> str:
    from pygments import highlight
    from pygments.formatters import HtmlFormatter
    from pygments.lexers import get_lexer_by_name
    from pygments.util import ClassNotFound

    try:
        lexer = get_lexer_by_name({"console": "bash"}.get(language, language) or "text", stripnl=False)
    except ClassNotFound:
        return f"<pre>{escape(code.rstrip())}</pre>"
    return f"<pre>{highlight(code.rstrip(), lexer, HtmlFormatter(nowrap=True)).rstrip()}</pre>"


def _language(source: str) -> str:
    magic = _MAGIC.match(source)
    if not magic:
        return "python"
    name = magic[2].strip().rpartition("/")[2]
    return "bash" if magic[1] == "bash" else _LANGUAGES.get(name, _LANGUAGES.get(name.rpartition(".")[2], "text"))


def _height(kind: str, text: str) -> int:
    """About how high a block is. It need not be exact: the page shrinks what does not fit."""
    if kind == "picture":
        return PICTURE
    lines = text.splitlines()
    if kind == "code":
        return CODE_LINE * sum(_wrapped(line, CODE_CHARACTERS) for line in lines) + 40
    if kind == "table":
        return ROW * sum(_wrapped(line, ROW_CHARACTERS) for line in lines if set(line) - set("|-: ")) + 20
    if kind == "list":
        items = re.split(r"^(?=\s*(?:[-*]|\d+\.) )", text, flags=re.MULTILINE)
        return sum(LINE * _wrapped(" ".join(item.split()), CHARACTERS) + 6 for item in items if item.strip()) + 20
    return LINE * _wrapped(" ".join(lines), CHARACTERS) + 20


def _wrapped(line: str, width: int) -> int:
    return max(1, -(-len(line) // width))
