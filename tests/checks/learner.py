"""A learner, as the tests of checks need one: runs the cells of a lesson, and types into a terminal."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from labs import lessons


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


def start_anew(course: Any) -> None:
    """Start those anew that would wait up to a minute before they ask an API server again that they have lost."""
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
        start_anew(course)


class Cells:
    """Runs the cells of a lesson's source in one namespace, as a kernel would, without the exercises' answers.

    Args:
        number: the lesson, such as ``"02"``.

    Attributes:
        namespace: what the cells have defined.
    """

    def __init__(self, number: str) -> None:
        self.number, self.namespace, self._done = number, {"__name__": "__main__"}, 0
        self._cells = [cell for cell in lessons.lesson(number).notebook.cells if cell.cell_type == "code"]

    def run_to(self, exercise_id: str, skip: tuple[str, ...] = ()) -> None:
        """Run what has not been run yet of the cells above an exercise's answer.

        Args:
            exercise_id: such as ``"ex-02-1"``.
            skip: cells with one of these texts are left out: slow ones that the exercise does not build on.
        """
        for position, cell in enumerate(self._cells):
            if cell.metadata.get("exercise") == exercise_id:
                self._done = max(self._done, position)
                return
            if position < self._done or {"answer", "check"} & set(lessons.tags(cell)):
                continue
            if not any(text in cell.source for text in skip):
                self.run(cell.source)

    def solve(self, exercise_id: str) -> None:
        """Run the reference solution of an exercise."""
        self.run(lessons.exercise(exercise_id).solution)

    def run(self, source: str) -> Any:
        """Run one cell; of the cell magics, ``%%writefile`` and ``%%time``."""
        magic, _, body = source.partition("\n")
        if magic.startswith("%%writefile "):
            path = eval(f"f{magic.split(maxsplit=1)[1]!r}", self.namespace)  # as IPython fills in {names}
            Path(path).write_text(f"{body}\n", encoding="utf-8")
        else:
            exec(body if magic == "%%time" else source, self.namespace)
