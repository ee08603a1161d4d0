"""Lessons on the machine of somebody who has set everything for other work: nothing of it reaches them."""

from __future__ import annotations

import shlex
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from labs.engines.runtime.files import make_readable
from labs.engines.runtime.user_folders import cache_folder
from tests.engines.courses import LABS, Course
from tests.engines.unprivileged import UID, Unprivileged, somebody
from tests.notebooks.each_lesson import CELL_TIMEOUT
from tests.other_work import Machine

pytestmark = [pytest.mark.engine, pytest.mark.timeout(1800)]

ASCII = {"LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"}
KOREAN = {"LC_ALL": "ko_KR.eucKR", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"}
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


@pytest.fixture(scope="module")
def korean() -> Iterator[Path]:
    """A folder with the locale ko_KR.eucKR, made here."""
    folder = Path(tempfile.mkdtemp(prefix="labs-locales-"))
    if shutil.which("localedef"):
        argv = ["localedef", "--no-archive", "-i", "ko_KR", "-f", "EUC-KR", str(folder / "ko_KR.eucKR")]
        subprocess.run(argv, capture_output=True, check=False)
    make_readable(folder)
    yield folder
    shutil.rmtree(folder)


@pytest.fixture
def machine(request, course) -> Iterator[tuple[Machine, Run]]:
    """A learner's machine with an engine and a locale, and what runs a command on it."""
    engine, settings = request.param
    if settings is KOREAN:
        settings = {**settings, "LOCPATH": str(request.getfixturevalue("korean"))}
        if not Path(settings["LOCPATH"], "ko_KR.eucKR/LC_CTYPE").exists():
            pytest.skip("this system cannot make ko_KR.eucKR")
    here = (
        OnMachine(course.name, LABS_CACHE=str(cache_folder()))
        if engine == "host"
        else request.getfixturevalue("person")
    )
    folder = Path(tempfile.mkdtemp(prefix="labs-other-work-"))
    folder.chmod(0o755)
    uid, encoding = 0 if engine == "host" else UID, "euc_kr" if "LOCPATH" in settings else "utf-8"
    learners = Machine(folder, uid, settings, encoding)

    def run(*argv: str | Path) -> subprocess.CompletedProcess[str]:
        here.mounts = learners.mounts
        return subprocess.run(
            here.command(*learners.command(*argv)),
            env=learners.environment(here.env),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            encoding=encoding,
            errors="replace",
            check=False,
        )

    yield learners, run
    here.mounts = ""
    shutil.rmtree(folder)


def rows(*lessons: tuple[str, str, dict[str, str]]) -> list[Any]:
    """Parameters: a lesson on a machine; all but the first is slow. The lesson's number stands first in the id."""
    return [
        pytest.param(lesson, (engine, locale), id=f"{lesson[:2]}-{engine}", marks=pytest.mark.slow if number else ())
        for number, (lesson, engine, locale) in enumerate(lessons)
    ]


@pytest.mark.parametrize(
    ("lesson", "machine"),
    rows(
        ("02_run_containers", "host", ASCII),
        ("05_configure_applications", "host", KOREAN),
        ("02_run_containers", "usermode", KOREAN),
        ("05_configure_applications", "usermode", ASCII),
    ),
    indirect=["machine"],
)
def test_solved_notebook_passes_on_a_machine_set_for_other_work(machine, lesson):
    learners, run = machine
    found = run(sys.executable, "-c", "import labs, os; print(os.path.samefile(labs.__path__[0], '../labs'))").stdout
    assert found == "True\n", found  # the clone's own, in its folder with spaces and Korean letters
    argv = [sys.executable, "-m", "pytest", "-q", "-p", "no:python", "-p", "no:cacheprovider", "--nbval-lax"]
    argv += [f"--nbval-cell-timeout={CELL_TIMEOUT}", "--override-ini=addopts=", "-Wdefault"]
    done = run(*argv, f"solutions/{lesson}.ipynb")
    assert done.returncode == 0, done.stdout[-6000:]
    assert (learners.home / ".docker/config.json").exists()


@pytest.mark.parametrize("home", ["open", "closed"])
@pytest.mark.parametrize(
    ("machine", "status", "words"),
    [
        pytest.param(("host", ASCII), 0, "running", id="host"),
        # the clone's folder has spaces, which that engine refuses in a sentence
        pytest.param(("usermode", KOREAN), 2, "a path with a space", id="usermode", marks=pytest.mark.slow),
    ],
    indirect=["machine"],
)
def test_commands_on_such_a_machine(machine, status, words, home):
    learners, run = machine
    if home == "closed":
        learners.close_home()
    for command, ended, said in (("doctor", 0, "limit"), ("up", status, words), ("status", 0, "export KUBECONFIG=")):
        done = run(*LABS, command)
        assert done.returncode == ended, done.stdout
        assert said in done.stdout
        assert "Traceback" not in done.stdout
        assert "unexpected" not in done.stdout
