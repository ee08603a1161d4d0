"""How many learners a control plane carries: a workshop on KWOK's fake nodes. No lesson meets one of them."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping, Sequence
from contextlib import closing

from benchmarks.scale.figures import Figure, show
from benchmarks.scale.workshop import Plan, SimulatedWorkshop
from labs import engines
from labs.engines.runtime.reporter import Reporter, Step
from labs.engines.runtime.state import State
from labs.engines.runtime.tasks import run_tasks
from labs.errors import LabsError

__all__ = ["Figure", "Plan", "flags_of", "measure", "show"]

COURSE = "labs-scale"
"""No name that a person would give; a course of it that was left by a killed measurement is removed."""
SPARE = 10  # pods of a node that others take: DaemonSets', those of rollouts


def flags_of(words: Sequence[str]) -> dict[str, list[str]]:
    """Flags by component.

    Args:
        words: such as ``kube-scheduler:--kube-api-qps=200``.

    Raises:
        LabsError: one is not of that form.
    """
    from labs.engines.cluster.control_plane import COMPONENTS

    found: dict[str, list[str]] = {}
    for word in words:
        component, _, flag = word.partition(":")
        if component not in COMPONENTS or not flag.startswith("--"):
            raise LabsError(f"{word!r} names no flag.", f"Write COMPONENT:--FLAG=VALUE, of {', '.join(COMPONENTS)}.")
        found.setdefault(component, []).append(flag)
    return found


def measure(plan: Plan, flags: Mapping[str, Sequence[str]], reporter: Reporter) -> list[Figure]:
    """Simulate one workshop on a control plane of its own, which is removed afterwards.

    Args:
        plan: what is simulated.
        flags: further flags of the components, by name.
        reporter: shows how far it is.

    Returns:
        What was measured. What did not end within the plan's patience says so.

    Raises:
        LabsError: the control plane does not start here.
    """
    from benchmarks.scale.api import Api
    from benchmarks.scale.simulation import PODS, Simulation

    figures: list[Figure] = []
    state = State.of(COURSE, system=os.geteuid() == 0)
    with state.lock():
        if state.exists:
            engines.of(state).remove()
        try:
            simulation = Simulation(state, COURSE, flags)
            _step(reporter, "control plane", simulation.start)
            api = Api(simulation.plane.kubeconfig, plan.workers + 4)
            nodes = -(-3 * plan.working // (PODS - SPARE))
            _step(reporter, f"{nodes} fake nodes", lambda step: simulation.add_nodes(api, nodes, step))
            with closing(SimulatedWorkshop(simulation, api, plan, figures)) as workshop:
                _step(reporter, "provision", workshop.provision)
                _step(reporter, "all begin", workshop.begin_work)
                _step(reporter, "lesson", workshop.teach)
                _step(reporter, "nobody asks", workshop.rest)
                _step(reporter, "delete", workshop.remove)
        finally:
            if state.exists:
                engines.of(state).remove()
    return figures


def _step(reporter: Reporter, name: str, work: Callable[[Step], None]) -> None:
    run_tasks({name: ((), work)}, reporter)
