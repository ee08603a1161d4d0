"""Lessons on the machine of somebody who has set everything for other work: nothing of it reaches them."""

from __future__ import annotations

import shlex
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.engines.courses import LABS, Course
from tests.engines.unprivileged import UID, Unprivileged, somebody
from tests.notebooks.each_lesson import CELL_TIMEOUT
from tests.other_work import Machine

pytestmark = [pytest.mark.engine, pytest.mark.timeout(1800)]

LOCALES = {
    "C": {"LC_ALL": "C"},
    "C without Python's help": {"LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"},
    "EUC-KR": {"LC_ALL": "ko_KR.eucKR", "PYTHONUTF8": "0"},
}
USERMODE = pytest.param("usermode", marks=pytest.mark.slow)
Run = Callable[..., subprocess.CompletedProcess[str]]


class OnMachine(Course):
    """A course of ours on a learner's machine. Args: ``name``, the course's.

    Attributes:
        mounts: lines of a shell script that make the machine.
    """

    mounts = ""

    def command(self, *argv: str | Path) -> list[str]:
        script = f"set -e\n{self.mounts}exec {shlex.join(str(word) for word in argv)}"
        return ["unshare", "--mount", "--propagation", "private", "--", "sh", "-c", script]


@pytest.fixture(scope="module")
def person(course) -> Iterator[Unprivileged]:
    """Somebody without any right, whose course is up."""
    with somebody() as one:
        yield one


@pytest.fixture(scope="session")
def locales(tmp_path_factory) -> Path:
    """A folder with the locale ko_KR.eucKR, made here; empty where the system cannot make it."""
    folder = tmp_path_factory.mktemp("locales")
    if shutil.which("localedef"):
        argv = ["localedef", "--no-archive", "-i", "ko_KR", "-f", "EUC-KR", str(folder / "ko_KR.eucKR")]
        subprocess.run(argv, capture_output=True, check=False)
    for each in (folder, *folder.rglob("*"), *folder.parents[:2]):
        each.chmod(each.stat().st_mode | (0o055 if each.is_dir() else 0o044))
    return folder


@pytest.fixture
def machine(request, course, locales) -> Iterator[tuple[Machine, Run]]:
    """A learner's machine with an engine and a locale, and what runs a command on it."""
    engine, locale = request.param
    settings = {**LOCALES[locale], "LOCPATH": str(locales)}
    if "ko_KR.eucKR" in settings.values() and not (locales / "ko_KR.eucKR/LC_CTYPE").exists():
        pytest.skip("this system cannot make ko_KR.eucKR")
    here = OnMachine(course.name) if engine == "host" else request.getfixturevalue("person")
    folder = Path(tempfile.mkdtemp(prefix="labs-other-work-"))
    folder.chmod(0o755)
    learners = Machine(folder, 0 if engine == "host" else UID, settings)

    def run(*argv: str | Path) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            here.command(*learners.command(*argv)),
            env=learners.environment(here.env),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            encoding="utf-8",
            errors="replace",
            check=False,
        )

    before, here.mounts = here.mounts, learners.mounts
    yield learners, run
    here.mounts = before
    shutil.rmtree(folder)


def nbval(notebook: str) -> list[str]:
    argv = [sys.executable, "-m", "pytest", "-q", "-p", "no:python", "-p", "no:cacheprovider", "--nbval-lax"]
    argv += [f"--nbval-cell-timeout={CELL_TIMEOUT}", "--override-ini=addopts=", "-Wdefault"]
    return [*argv, notebook]


@pytest.mark.parametrize(
    "machine", [("host", "EUC-KR"), ("host", "C without Python's help"), ("host", "C")], indirect=True
)
@pytest.mark.parametrize("lesson", ["02_run_containers", "05_configure_applications"])
def test_solved_notebook_passes_on_a_machine_set_for_other_work(machine, lesson):
    _, run = machine
    done = run(*nbval(f"solutions/{lesson}.ipynb"))
    assert done.returncode == 0, done.stdout[-6000:]


@pytest.mark.parametrize("machine", [("host", "EUC-KR")], indirect=True)
def test_machine(machine):
    learners, run = machine
    asked = "import labs, locale, os, pathlib; print(ascii([labs.__file__, str(pathlib.Path.home()), locale.getencoding(), os.umask(0)]))"
    print(run(sys.executable, "-c", asked).stdout)
    print(run("sh", "-c", "df -h $TMPDIR; ls -la ~ . $TMPDIR; id; env | grep -v PATH").stdout)
