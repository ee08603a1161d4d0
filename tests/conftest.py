"""Fixtures that every kind of test shares."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest
from filelock import FileLock

from tests import progress

LESSON = re.compile(r"tests/checks/test_lesson_([0-9]{2})|tests/(?:notebooks/|checks/test_generated).*\[([0-9]{2})")


def pytest_configure(config: pytest.Config) -> None:
    progress.register(config)


def labs(*arguments: str, name: str | None = None, timeout: float = 900, **env: str) -> subprocess.CompletedProcess:
    """Run the command `labs` as a person would, and return what it printed (both streams) and its status."""
    words = [sys.executable, "-m", "labs.cli", *(["--name", name] if name else []), *arguments]
    return subprocess.run(
        words,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=timeout,
        env={**os.environ, **env},
        check=False,
    )


@pytest.fixture(scope="session")
def course():
    """A course on this machine's real engines: the one that $LABS_NAME names, else one called ``test``."""
    name = os.environ.setdefault("LABS_NAME", "test")
    # workers of pytest-xdist come at the same time, and none knows when the others have ended: `tests/run.sh` does
    with FileLock(Path(tempfile.gettempdir()) / f"labs-tests-{name}.lock"):
        existed = labs("status", name=name).returncode in (0, 3)  # 3: it is there, and a part of it does not run
        done = labs("up", "--quiet", name=name, timeout=2400)
    assert done.returncode == 0, done.stdout
    from labs import engines
    from labs.kube import docker_output

    docker_output.mend()  # the tests' own clients lose output as well
    yield engines.current(name)
    if not existed and "PYTEST_XDIST_WORKER" not in os.environ:
        done = labs("down", name=name)
        assert done.returncode == 0, done.stdout


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log):
    """Let no two tests of a lesson run at a time, with pytest-xdist: they share its namespace and its ports.

    A scheduler of our own: pytest-xdist 3.8 does not see its marks of groups with pytest 9.2.
    """
    from xdist.scheduler import LoadScopeScheduling

    from labs.curriculum.lessons import with_fact

    in_default = with_fact("default-namespace")

    class ByLesson(LoadScopeScheduling):
        def _split_scope(self, nodeid: str) -> str:
            found = LESSON.match(nodeid)
            if not found:  # the drill is lesson 08's; all others are alone
                return "08" if nodeid.startswith("tests/checks") else nodeid
            number = found[1] or found[2]
            return "default" if number in in_default else number

    return ByLesson(config, log)


TALKS_TO_ENGINES = (
    # the clients of Docker and Kubernetes leave pooled connections, and Jupyter's its event loops, to the collector
    "default::ResourceWarning",
    # what a library's destructor raises, at whatever test the collector comes by
    "default::pytest.PytestUnraisableExceptionWarning",
    # a library's call to its own old name says nothing of ours; under a name of ours it still is an error
    "default::DeprecationWarning",
    "default::PendingDeprecationWarning",
    r"error::DeprecationWarning:(labs|tests|benchmarks)\b",
)


@pytest.hookimpl(trylast=True)
def pytest_sessionfinish(session: pytest.Session) -> None:
    """What libraries left open around engines goes with the process: after the last test it is nobody's failure."""
    if any(not item.nodeid.startswith("tests/unit/") for item in session.items):
        sys.unraisablehook = lambda _: None


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Let libraries warn where real engines are at work; a thread that dies still fails its test there."""
    for item in items:
        if not item.nodeid.startswith("tests/unit/"):
            for filtered in TALKS_TO_ENGINES:
                item.add_marker(pytest.mark.filterwarnings(filtered))
