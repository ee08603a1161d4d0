"""What the command prints, on terminals and in files that have fewer characters than Unicode."""

from __future__ import annotations

import codecs
import sys

__all__ = ["print_everywhere"]

_PLAIN = {"✓": "+", "✗": "x", "→": "->", "●": "*", "○": "o", "…": "...", "·": "-"}
_HANDLER = "labs-plain"


def print_everywhere() -> None:
    """Let no character end the command: one that the locale's encoding lacks is printed as ASCII that stands for it.

    Encodings that have all of them, such as UTF-8, print as before.
    """
    codecs.register_error(_HANDLER, _plain)
    for stream in (sys.stdout, sys.stderr):
        if hasattr(stream, "reconfigure"):  # a test's stream or none at all, as under pythonw, is left alone
            stream.reconfigure(errors=_HANDLER)


def _plain(error: UnicodeError) -> tuple[str | bytes, int]:
    """What stands for the first of the characters that could not be encoded, and where to go on."""
    if not isinstance(error, UnicodeEncodeError):
        raise error
    character = error.object[error.start]
    if "\udc80" <= character <= "\udcff":  # a byte of a file's name that is no text: as Python's `surrogateescape`
        return bytes([ord(character) - 0xDC00]), error.start + 1
    return _PLAIN.get(character) or character.encode("ascii", "backslashreplace").decode(), error.start + 1
