"""Sizes as people write them."""

from __future__ import annotations

__all__ = ["size_in_words"]


def size_in_words(size: int) -> str:
    """A size in Docker's decimal units.

    Args:
        size: in bytes.
    """
    for unit, factor in (("GB", 1e9), ("MB", 1e6), ("kB", 1e3)):
        if size >= factor:
            return f"{size / factor:.1f} {unit}" if unit != "GB" else f"{size / factor:.2f} GB"
    return f"{size} B"
