"""How a learner's session begins: `open_lab("04")`."""

from __future__ import annotations

import re

from labs import engines
from labs.curriculum import lessons
from labs.display import install_error_messages, quiet_logs, say
from labs.errors import LabsError
from labs.session import progress_report
from labs.session.classic_builder import guard_builds
from labs.session.lab import Lab

__all__ = ["lab_of", "open_lab"]


def open_lab(lesson: str, *, namespace: str | None = None, kubernetes: bool = True, quiet: bool = False) -> Lab:
    """Start or continue a lesson. Calling it again is fine, also after a kernel restart.

    Args:
        lesson: its number, such as ``"04"``.
        namespace: the namespace to use; ``lab-04`` by default, or what the workshop gives.
        kubernetes: False for a lesson that needs Docker only, and so may start before the cluster is up.
        quiet: do not tell that the lab is open.

    Returns:
        The lab. From now on ``docker.from_env()``, ``kubernetes.config.load_kube_config()`` and ``!kubectl`` in this
        process mean the course's engines and the lab's namespace.

    Raises:
        NotRunning: no course is up, or its API server does not answer.
        LabsError: the lesson's number is malformed, or the namespace belongs to somebody else.
    """
    install_error_messages()
    quiet_logs()
    if not re.fullmatch(r"[0-9]{2}", lesson):
        raise LabsError(f"{lesson!r} is no lesson.", 'A lesson has two digits: `open_lab("04")`.')
    engine = engines.current()
    usual = engine.seat.namespace(lesson) if engine.seat else f"lab-{lesson}"
    lab = Lab(lesson, engine, namespace or usual, uses_kubernetes=kubernetes)
    lab.enter()
    progress_report.opened(lab)
    if not quiet:
        if engine.has_docker:
            guard_builds()
        where = f", namespace {lab.namespace}" if kubernetes else ""
        course = f"course {engine.name} ({engine.kind})"
        say(f"Lesson {lesson} is open: {course}{where}. `lab.reset()` brings it to its start.")
        if ended := [part.name for part in lab.components() if part.state != "running"]:
            say(f"Not running: {', '.join(ended)}. `labs up` in a terminal starts what is missing.")
        if engine.seat:
            say(progress_report.SHOWN)
    return lab


def lab_of(lesson: str) -> Lab:
    """The lab of a lesson as its notebook opens it, but silently: for the command line and for tests.

    Args:
        lesson: its number, such as ``"04"``.

    Raises:
        NotRunning: as `open_lab`.
        LabsError: there is no such lesson, or as `open_lab`.
    """
    return open_lab(lesson, kubernetes=lessons.lesson(lesson).uses_kubernetes, quiet=True)
