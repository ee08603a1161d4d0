"""A learner, as the tests of checks need one: runs the cells of a lesson, and types into a terminal."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from IPython.core.interactiveshell import InteractiveShell
from traitlets.config import Config

from labs.curriculum import lessons


def sh(script: str, timeout: float = 60) -> str:
    """Run what a learner would type into a terminal.

    Args:
        script: lines of bash; the first one that fails ends it.
        timeout: limit, in seconds.

    Returns:
        What it printed, on both streams.
    """
    done = subprocess.run(
        ["bash", "-e"],
        input=script,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=timeout,
        check=False,
    )
    assert done.returncode == 0, done.stdout
    return done.stdout


def apply(manifest: str) -> str:
    """The command that applies a manifest."""
    return f"kubectl apply -f - <<'END'\n{manifest.strip()}\nEND\n"


HELPER = '{"name": "helper", "image": "labs/shell:1", "command": ["sleep", "infinity"]}'
SIDECARS = """{"op": "add", "path": "/spec/template/spec/initContainers", "value": [
  {"name": "before", "image": "labs/shell:1", "command": ["true"]},
  {"name": "beside", "image": "labs/shell:1", "restartPolicy": "Always", "command": ["sleep", "infinity"]}]},
"""


def helped(name: str, kubectl: str = "kubectl", *, more: bool = False) -> str:
    """The command that puts a container before the first one of a Deployment, which no check may mind.

    Args:
        name: the Deployment's.
        kubectl: with its options, such as ``-n``.
        more: whether it gets an init container and a native sidecar, too.
    """
    return f"""{kubectl} patch deployment {name} --type=json -p '[
{{"op": "add", "path": "/spec/template/spec/containers/0", "value": {HELPER}}},
{SIDECARS if more else ""}{{"op": "add", "path": "/spec/template/spec/terminationGracePeriodSeconds", "value": 1}}]'
"""


def restart_clients(course: Any) -> None:
    """Restart those that would wait up to a minute before they ask an API server again that they have lost."""
    for name in ("kube-controller-manager", "kube-scheduler", "kubelet/node1", "kube-proxy/node1"):
        course.stop(name)
        course.start(name)
    sh("""kubectl --namespace kube-system rollout restart deployment/coredns
kubectl --namespace kube-system rollout status deployment/coredns --timeout=60s""")


@contextmanager
def without_api_server(course: Any) -> Iterator[None]:
    """A course whose API server is down meanwhile. Args: ``course``, its engine."""
    course.stop("kube-apiserver")
    try:
        yield
    finally:
        course.start("kube-apiserver")
        restart_clients(course)


class Cells:
    """Runs the cells of a lesson's source as a kernel would, magics and all.

    Args:
        number: the lesson, such as ``"02"``.

    Attributes:
        namespace: what the cells have defined.
    """

    def __init__(self, number: str) -> None:
        config = Config()
        config.HistoryManager.enabled = False
        self.shell = InteractiveShell(config=config)
        self.lesson, self.namespace = lessons.lesson(number), self.shell.user_ns
        self._shared: set[str] = set()

    def open(self) -> Any:
        """Run the cells that open the lab, and return it."""
        for source in self.lesson.opening:
            self.run(source)
        return self.namespace["lab"]

    def set_up(self, exercise_id: str, only: Sequence[str] = (), *, shell_lines: bool = True) -> None:
        """Make what an exercise builds on. Cells that others build on as well are run the first time only.

        Args:
            exercise_id: such as ``"ex-02-1"``.
            only: of its cells, those that hold one of these texts.
            shell_lines: whether lines that begin with ``!`` are run.
        """
        others = [source for e in self.lesson.exercise_ids if e != exercise_id for source in self.lesson.setup(e)]
        for source in self.lesson.setup(exercise_id):
            if source in self._shared or (only and not any(text in source for text in only)):
                continue
            if source in others and not only:
                self._shared.add(source)
            lines = [line for line in source.splitlines() if shell_lines or not line.startswith("!")]
            self.run("\n".join(lines))

    def solve(self, exercise_id: str) -> None:
        """Run the reference solution of an exercise."""
        self.run(lessons.exercise(exercise_id).solution)

    def run(self, source: str) -> None:
        """Run one cell."""
        self.shell.run_cell(source).raise_error()
