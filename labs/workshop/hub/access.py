"""A way into the cluster for everybody: what `labs workshop provision` gives, with this server's registry."""

from __future__ import annotations

from contextlib import closing

from labs.engines.cluster.docker_engine import REGISTRY_PORT
from labs.workshop.hub.accounts import Workshop
from labs.workshop.room.cluster import Cluster
from labs.workshop.room.room import Room
from labs.workshop.room.roster import Learner
from labs.workshop.room.rules import Rules

__all__ = ["ROOM", "grant"]

ROOM = "class"
"""The workshop's name in the cluster, for `labs workshop list --own --workshop class` and the like."""

HOURS = 24 * 14


def grant(workshop: Workshop, learners: list[Learner], lessons: list[str]) -> None:
    """Provision namespaces and write everybody's kubeconfig again.

    Args:
        workshop: the workshop.
        learners: everybody, instructors too.
        lessons: such as ``["03", "04"]``.

    Raises:
        LabsError: there are more than node ports, or the cluster refused.
    """
    rules = Rules(lessons=lessons, registry=f"{workshop.engine.network.docker}:{REGISTRY_PORT}")
    with closing(Cluster(workshop.engine.kubeconfig.read_text(encoding="utf-8"))) as cluster:
        room = Room(cluster, ROOM)
        room.provision(learners, rules)
        ids = {learner.id for learner in learners}
        for member in room.members():
            if member.learner.id in ids:
                file = workshop.kubeconfig(member.learner.id)
                text, _ = room.kubeconfig_of(room.seat_of(member, rules), rules, HOURS)
                workshop.state.make_folder(file.parent, mode=0o700)
                workshop.state.write_file(file, text)
