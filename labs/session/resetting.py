"""The way back to a lesson's start: what it made is removed, what it stopped is started, its namespace is made."""

from __future__ import annotations

import shutil
from typing import TYPE_CHECKING

from labs.curriculum import lessons
from labs.display import say
from labs.engines.docker_cleanup import remove_docker_objects
from labs.errors import NotSupported
from labs.session import assigned_namespace, cleanup

if TYPE_CHECKING:
    from labs.session.lab import Lab

__all__ = ["clean_up", "ensure_namespace", "setup_cells"]


def clean_up(lab: Lab) -> None:
    """Remove all that a lesson made on the cluster, on Docker and in its folder.

    Raises:
        NotRunning: the engine does not answer.
        LabsError: the namespace belongs to somebody else.
        Timeout: the namespace was not deleted in time.
    """
    shutil.rmtree(lab.kubeconfig.with_name("files"), ignore_errors=True)
    _start_components(lab)
    if lab.uses_kubernetes:
        core, marks = lab.clients.core, lab._namespace_labels
        for line in (
            assigned_namespace.empty(lab.clients.api, lab.namespace)
            if lab.engine.seat
            else cleanup.remove_cluster_objects(core, lab.namespace, marks, lab.labels)
        ):
            say(line)
    if lab.engine.has_docker:
        for line in remove_docker_objects(lab.clients.docker, lab.labels):
            say(line)


def ensure_namespace(lab: Lab) -> None:
    """Make the lesson's namespace unless it is there; one that an instructor gave must be.

    Raises:
        LabsError: it belongs to somebody else, or there is none for this learner.
        Timeout: it was not usable in time.
    """
    if lab.engine.seat:
        assigned_namespace.require_namespace(lab.clients.core, lab.namespace)
    else:
        cleanup.ensure_namespace(lab.clients.core, lab.namespace, lab._namespace_labels)


def setup_cells(lab: Lab, exercise_id: str) -> list[str]:
    """The cells that an exercise builds on, with the learner's own node ports.

    Raises:
        LabsError: the lesson has no such exercise.
    """
    lesson = lessons.lesson(lab.lesson)
    sources = [*lesson.opening, *lesson.setup(exercise_id)]
    return [lab.engine.seat.personal(source) for source in sources] if lab.engine.seat else sources


def _start_components(lab: Lab) -> None:
    """Start what the lesson stopped: without a controller manager, for one, no namespace would ever go."""
    for component in lab.components():
        if component.state == "running":
            continue
        try:
            lab.engine.start(component.name)
        except NotSupported:
            continue
        say(f"Started {component.name}.")
