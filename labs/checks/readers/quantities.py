"""Amounts of storage, memory and CPU, which Kubernetes writes in many units."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

__all__ = ["amount", "is_amount"]


def amount(quantity: Any) -> Decimal:
    """A quantity of Kubernetes as a number: ``50Mi`` and ``52428800`` are the same, and so are ``250m`` and ``0.25``.

    Args:
        quantity: as an object holds it; nothing counts as zero.

    Raises:
        ValueError: it is no quantity.
    """
    from kubernetes.utils import parse_quantity

    return parse_quantity(quantity or 0)


def is_amount(quantity: Any, wanted: str) -> bool:
    """Whether a quantity is there and is the one that a brief names, in whichever unit."""
    return quantity is not None and amount(quantity) == amount(wanted)
