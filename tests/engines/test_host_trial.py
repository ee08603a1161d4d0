"""What the engine `host` is made of, tried out on this machine with more and with fewer rights."""

from __future__ import annotations

import json
import os
import shutil
import sys
from pathlib import Path

import pytest

from tests.engines.courses import LABS, Course

pytestmark = [
    pytest.mark.engine,
    pytest.mark.skipif(os.geteuid() != 0, reason="rights can be given up only by who has them"),
]

ATTEMPT = """
import json
from labs.engines import choice; from labs.engines.host import trial as host_trial
trial = host_trial.attempt()
print(json.dumps([trial.fault, trial.words, trial.links, str(choice.choose(None))]))
"""


@pytest.fixture
def trying(course_name, tmp_path):
    """Tries it with a command before it; folders of the trial lie in one of the test's own, and none may stay."""
    who = Course(f"{course_name}-trial", LABS_STATE=str(tmp_path / "state"))

    def attempt(*before: str, **env: str) -> tuple[str, str, bool, str]:
        done = who.run(*before, sys.executable, "-c", ATTEMPT, **env)
        assert done.returncode == 0, done.stdout
        assert not list(tmp_path.rglob(".trial*"))
        return tuple(json.loads(done.stdout.splitlines()[-1]))

    return attempt


def test_root_can(trying):
    assert trying() == ("", "", True, "Engine host: you are root.")


def test_missing_ip_is_no_reason_against_it(trying):
    program = Path(shutil.which("ip") or "").resolve()
    hide = f'mount --bind /dev/null {program}; exec "$@"'
    before = ["unshare", "--mount", "--propagation=private", "sh", "-c", hide, "sh"] if program.is_file() else []
    assert trying(*before) == ("", "", False, "Engine host: you are root.")


def test_namespaces_that_are_refused(trying):
    fault, words, _, sentence = trying("setpriv", "--bounding-set=-sys_admin", "--inh-caps=-all", "--")
    assert (fault, words) == ("namespaces", "unshare: unshare failed: Operation not permitted")
    assert sentence.startswith("Engine usermode: this system refuses new namespaces (unshare: ")


def test_links_that_are_refused(trying):
    fault, words, *_ = trying("setpriv", "--bounding-set=-net_admin", "--inh-caps=-all", "--")
    assert (fault, words) == ("links", "RTNETLINK answers: Operation not permitted")


def test_course_is_told_why_it_gets_what_it_gets(course_name, tmp_path):
    who = Course(f"{course_name}-trial", LABS_STATE=str(tmp_path / "state"))
    done = who.run("setpriv", "--bounding-set=-sys_admin", "--inh-caps=-all", "--", *LABS, "doctor")
    told = " ".join(done.stdout.split())
    assert "this system refuses new namespaces (unshare: unshare failed: Operation not permitted)" in told
    assert "modprobe" not in told
