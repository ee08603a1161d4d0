"""Simulated learners in a workshop of their own, which is removed when they have left."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

from labs.workshop.room.cluster import Cluster
from labs.workshop.room.room import Room
from labs.workshop.room.roster import Learner
from labs.workshop.room.rules import Rules
from labs.workshop.trial.simulated_learner import SimulatedLearner

__all__ = ["crowd"]

JOINING = 4  # at a time: each is a Python program that starts


@contextmanager
def crowd(
    cluster: Cluster,
    names: list[str],
    rules: Rules,
    docker: str,
    began: Callable[[str], None] = lambda _: None,
    *,
    workshop: str = "rehearsal",
) -> Iterator[tuple[Room, list[SimulatedLearner]]]:
    """Provision a workshop, let its learners join, and remove everything at the end.

    Args:
        cluster: the one that the instructor named.
        names: the learners'.
        rules: the room's.
        docker: a value for DOCKER_HOST that all share, or ``none``.
        began: called with each learner's name when they join; from threads.
        workshop: its name; no workshop with real learners may have it.

    Raises:
        LabsError: the cluster refused, or a learner could not join.
    """
    room = Room(cluster, workshop)
    learners = [Learner(name, f"{name} (simulated)") for name in names]
    with TemporaryDirectory(prefix="labs-crowd-") as folder:

        def join(learner: Learner) -> SimulatedLearner:
            began(learner.name)
            seat = room.seat(learner.id, rules)
            text, _ = room.kubeconfig_of(seat, rules, hours=12)
            one = SimulatedLearner(seat, text, Path(folder) / learner.id, docker)
            one.join()
            return one

        try:
            room.provision(learners, rules)
            with ThreadPoolExecutor(JOINING) as pool:
                joined = list(pool.map(join, learners))
            yield room, joined
            with ThreadPoolExecutor(JOINING) as pool:
                list(pool.map(SimulatedLearner.leave, joined))
        finally:
            room.remove()
