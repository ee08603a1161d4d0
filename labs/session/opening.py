"""How a learner's session begins: `open_lab("04")`."""

from __future__ import annotations

import re

from labs import engines
from labs.curriculum import lessons
from labs.display import in_notebook, install_error_messages, quiet_logs, say
from labs.engines import other_courses
from labs.errors import LabsError
from labs.kube import docker_output
from labs.session import progress_report
from labs.session.classic_builder import guard_builds
from labs.session.lab import Lab
from labs.session.parameters import require_usable
from labs.session.starting_point import namespace_of

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
        LabsError: the lesson's number is malformed, a parameter of the notebook is of another kind than the lesson can
            use, or the namespace belongs to somebody else.
    """
    install_error_messages()
    quiet_logs()
    if not re.fullmatch(r"[0-9]{2}", lesson):
        raise LabsError(f"{lesson!r} is no lesson.", 'A lesson has two digits: `open_lab("04")`.')
    if shell := in_notebook():
        require_usable(lesson, shell.user_ns)
    engine = engines.current()
    usual = engine.seat.namespace(lesson) if engine.seat else f"lab-{lesson}"
    lab = Lab(lesson, engine, namespace or namespace_of(lesson) or usual, uses_kubernetes=kubernetes)
    lab.enter()
    progress_report.opened(lab)
    if not quiet:
        if engine.has_docker:
            guard_builds()
            docker_output.mend()
        where = f", namespace {lab.namespace}" if kubernetes else ""
        course = f"course {engine.name} ({engine.kind})"
        say(f"Lesson {lesson} is open: {course}{where}. `lab.reset()` brings it to its start.")
        if ended := [part.name for part in lab.components() if part.state != "running"]:
            startup = engine.startup()
            if startup and startup.running:
                say(f"Still being started: {', '.join(ended)}. `labs status` in a terminal tells how far it is.")
            else:
                say(f"Not running: {', '.join(ended)}. `labs up` in a terminal starts what is missing.")
        if engine.seat:
            say(progress_report.SHOWN)
        elif engine.local_ports() and (taken := _taken_ports(lesson, engine.name)):
            say(taken)
    return lab


def _taken_ports(lesson: str, course: str) -> str:
    """What to say when another course answers on ports of localhost that this lesson is about to use; or nothing."""
    first = 10 * int(lesson[-1])  # lessons do not meet: 8020 to 8029 are lesson 02's, and so are 30020 to 30029
    own = {base + first + n for base in (8000, 30000) for n in range(10)}
    told = []
    for other, ports in other_courses.on_localhost(course).items():
        if taken := ", ".join(str(port) for port in sorted(own & ports)):
            told.append(
                f"localhost:{taken} answers for the course {other}, so nothing of this lesson can answer there. "
                f"`labs --name {other} reset {lesson}` in a terminal ends what has it."
            )
    return " ".join(told)


def lab_of(lesson: str) -> Lab:
    """The lab of a lesson as its notebook opens it, but silently: for the command line and for tests.

    Args:
        lesson: its number, such as ``"04"``.

    Raises:
        NotRunning: as `open_lab`.
        LabsError: there is no such lesson, or as `open_lab`.
    """
    return open_lab(lesson, kubernetes=lessons.lesson(lesson).uses_kubernetes, quiet=True)
