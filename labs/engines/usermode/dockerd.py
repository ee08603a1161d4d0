"""The guest's dockerd: one that starts no further process of its own for each container, as Debian 12's does."""

from __future__ import annotations

import os
from pathlib import Path

from labs.engines.programs import binaries
from labs.engines.runtime.reporter import Step
from labs.errors import EngineError

__all__ = ["VARIABLE", "ensure"]

VARIABLE = "LABS_DOCKERD"
"""The environment variable that, set to ``packaged``, leaves the work to the dockerd among the node's programs."""


def ensure(step: Step) -> Path | None:
    """The dockerd in the cache; where there is none it is built, once.

    Args:
        step: reports how far it is.

    Returns:
        None where the one among the node's programs serves: it is wanted, or no other can be built here.
    """
    if os.environ.get(VARIABLE) == "packaged":
        return None
    try:
        return binaries.ensure(["dockerd"], step)["dockerd"]
    except EngineError as error:
        message = f"  {error.what} The packaged dockerd is used, which takes longer to start a container."
        step.reporter.console.print(message, highlight=False, markup=False)
        return None
