"""What an error of a client means to a learner: one sentence of what happened, one of what to do.

A message keeps the client's own words as far as it can: a learner meets the same words later, outside this course.
"""

from __future__ import annotations

from labs.errors import LabsError
from labs.explain import of_docker, of_kubernetes, of_others
from labs.explain.base import Explainer, Explanation

__all__ = ["EXPLAINED", "Explanation", "explain"]

_EXPLAINERS: list[Explainer] = [
    (LabsError, lambda error: Explanation(error.what, error.todo)),
    *of_kubernetes.EXPLAINERS,
    *of_docker.EXPLAINERS,
    *of_others.EXPLAINERS,
]

#: The types of which at least some errors are explained.
EXPLAINED: tuple[type[BaseException], ...] = tuple(kind for kind, _ in _EXPLAINERS)


def explain(error: BaseException) -> Explanation | None:
    """An error in plain words; None for one that is best shown as Python shows it.

    Args:
        error: any exception, best with its traceback, which shows which client raised it and in which namespace.
    """
    for kind, explainer in _EXPLAINERS:
        if isinstance(error, kind):
            return explainer(error)
    return None
