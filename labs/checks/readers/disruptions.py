"""What PodDisruptionBudgets allow: which pods they cover, and how many of so many may go at a time."""

from __future__ import annotations

import math
from typing import Any

from labs.checks.context import CheckContext
from labs.checks.core import clients
from labs.checks.readers.workloads import matches

__all__ = ["allowed", "budget_text", "budgets", "covers"]


def budgets(lab: CheckContext) -> list[Any]:
    """The PodDisruptionBudgets of the lesson's namespace."""
    return clients(lab).policy.list_namespaced_pod_disruption_budget(lab.namespace).items


def covers(budget: Any, labels: dict[str, str] | None) -> bool:
    """Whether a budget covers a pod with these labels; an empty selector covers all, none at all no pod."""
    return budget.spec.selector is not None and matches(budget.spec.selector, labels or {})


def allowed(budget: Any, pods: int) -> int:
    """How many of so many healthy pods a budget lets go; percentages are rounded up, as the controller does.

    Args:
        budget: a PodDisruptionBudget.
        pods: how many its pods' owner wants, all of them healthy.
    """
    most, least = budget.spec.max_unavailable, budget.spec.min_available
    if most is not None:
        return min(_count(most, pods), pods)
    return max(pods - _count(1 if least is None else least, pods), 0)


def budget_text(budget: Any) -> str:
    """A budget as a verdict tells it: ``page (minAvailable: 1)``."""
    most, least = budget.spec.max_unavailable, budget.spec.min_available
    rule = f"maxUnavailable: {most}" if most is not None else f"minAvailable: {1 if least is None else least}"
    return f"{budget.metadata.name} ({rule})"


def _count(value: Any, pods: int) -> int:
    text = str(value)
    return math.ceil(int(text[:-1]) * pods / 100) if text.endswith("%") else int(text)
