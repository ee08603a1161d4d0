"""Names of images, completed as Docker completes them."""

from __future__ import annotations

__all__ = ["with_tag"]


def with_tag(reference: str) -> str:
    """A reference with its tag: ``latest`` where it names none.

    Args:
        reference: such as ``web``, ``web:1`` or ``registry:5000/team/web``; one with a digest stays as it is.
    """
    name = reference.rpartition("/")[2]
    return reference if ":" in name or "@" in name else f"{reference}:latest"
