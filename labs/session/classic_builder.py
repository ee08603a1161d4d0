"""What the Python client's builds cannot do, refused instead of done wrong without a word.

`client.images.build` asks for Docker's classic builder. That one takes `RUN <<EOF` for a command of its own, runs none
of the lines, and reports success. Nothing in Docker tells of it, so no error could be explained afterwards: the call is
looked at before it goes out, and refused with the client's own error. Every other call stays as the client makes it.
"""

from __future__ import annotations

import functools
import os
import re
from pathlib import Path
from typing import Any

__all__ = ["guard_builds", "heredoc_in"]

CONTINUED = re.compile(r"\\[ \t]*\n")
INSTRUCTION = re.compile(r"\s*(?:ONBUILD\s+)?(RUN|COPY|ADD)\s(.*)", re.I)
WORD = re.compile(r"(?:^|\s)\d*<<(-?)([\"']?)([A-Za-z_][\w.]*)\2(?=\s|$)")


def guard_builds() -> None:
    """Have the client of this process refuse a build of which the classic builder would leave lines out."""
    from docker.api.build import BuildApiMixin

    original = BuildApiMixin.build
    if hasattr(original, "__wrapped__"):
        return

    @functools.wraps(original)
    def build(self: Any, *args: Any, **kwargs: Any) -> Any:
        if found := heredoc_in(_dockerfile(*args, **kwargs)):
            from docker.errors import BuildError

            raise BuildError(
                f"`client.images.build` asks for the classic builder, which does not know `{found}` and would leave "
                "its lines out",
                iter(()),
            )
        return original(self, *args, **kwargs)

    BuildApiMixin.build = build  # type: ignore[method-assign]


def heredoc_in(dockerfile: str) -> str:
    """The first instruction of a Dockerfile whose lines stand below it, such as ``RUN <<EOF``; empty where none does.

    Args:
        dockerfile: its text.
    """
    lines = CONTINUED.sub(" ", dockerfile.replace("\r\n", "\n")).splitlines()
    for number, line in enumerate(lines):
        instruction = INSTRUCTION.fullmatch(line)
        if instruction is None:
            continue
        for tabs, _, word in WORD.findall(instruction[2]):
            ends = (below.lstrip("\t") if tabs else below for below in lines[number + 1 :])
            if word in ends:
                return f"{instruction[1].upper()} <<{word}"
    return ""


def _dockerfile(path: Any = None, *_: Any, **kwargs: Any) -> str:
    """The text of the Dockerfile that a build's arguments name; empty where it is elsewhere or not there."""
    file, name = kwargs.get("fileobj"), kwargs.get("dockerfile") or "Dockerfile"
    if file is not None:
        if kwargs.get("custom_context") or not file.seekable():
            return ""
        where = file.tell()
        text = file.read()
        file.seek(where)
        return text.decode(errors="replace") if isinstance(text, bytes) else str(text)
    try:
        return Path(os.path.join(path or "", name)).read_text(encoding="utf-8", errors="replace")
    except (OSError, TypeError, ValueError):
        return ""  # the client says what is wrong with it
