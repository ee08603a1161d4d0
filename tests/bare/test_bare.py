"""The README's two commands on a Debian that has what the README asks for, and nothing else."""

from __future__ import annotations

import json
import os
import re
import signal
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

import pytest

from labs.curriculum import lessons
from labs.waiting import wait_for
from tests.bare.machine import LEARNER, ROOT_USER, Bare, Machine, Person, bare, prepare
from tests.bare.root import SUITES
from tests.engines.machine_now import snapshot

pytestmark = [pytest.mark.engine, pytest.mark.outside]
NBVAL = (
    ".venv/bin/pytest -q -p no:python -p no:cacheprovider -Wdefault --nbval-lax --nbval-cell-timeout=600 "
    "--override-ini=addopts="
)
SOLVED = lessons.with_fact("docker-only")
FIRST = ("00",)  # where every run of the tests tries it: the others run on the same engine there
STAYS = re.compile(
    r"course/(\.venv|kube_labs\.egg-info|build)/|(.*/)?__pycache__/"
    r"|\.cache/(kube-labs|pip)/"
    r"|\.local/share/(kube-labs/|jupyter/)|\.ipython/|\.jupyter/"
)
"""What may be new in the home folder afterwards: what `make` installed, the cache, the progress, and Jupyter's own."""

SHARED = ("links and addresses", "routes", "firewall", "cgroups", "kernel")
"""What a machine has in common with this system."""


@dataclass(frozen=True)
class Row:
    """One machine. Attributes: ``suite``, ``person``; ``engine``, which it should take; ``warm``, as `Bare` has it."""

    suite: str
    person: Person
    engine: str
    warm: bool

    def __str__(self) -> str:
        who = "root" if self.person is ROOT_USER else "no rights"
        return f"{SUITES[self.suite]}, {who}, {'built before' if self.warm else 'empty cache'}"


EACH_TIME = (Row("trixie", ROOT_USER, "host", True),)
"""What every run of the tests tries; `make test-all` tries all. The Binder session is one without rights, each time."""
ROWS = [
    pytest.param(row, marks=[] if row in EACH_TIME else pytest.mark.slow, id=str(row))
    for warm in (True, False)
    for suite in SUITES
    for row in (Row(suite, ROOT_USER, "host", warm), Row(suite, LEARNER, "usermode", warm))
]


@pytest.mark.timeout(3600)
@pytest.mark.parametrize("row", ROWS)
def test_two_commands(row: Row):
    if row.warm:
        prepare(row.engine)
    with bare(row.suite, row.person, warm=row.warm) as made, Machine.over(made) as machine:
        own = made.root / "etc/docker/daemon.json"  # a Docker of its own has settings that no course can use
        own.parent.mkdir()
        own.write_text('{"data-root": "/nowhere", "log-level": "debug"}')
        before, files = state(machine), files_of(made)
        with made_lab(machine) as lab:
            lab.wait_until_up(timeout=900 if row.warm else 2400)
            assert json.loads(machine.must(".venv/bin/labs status --json"))["engine"] == row.engine
            with urllib.request.urlopen(f"{lab.address}/api", timeout=10) as answer:
                assert b'"version"' in answer.read()
            lab.step("a page from a pod", fetch_page)
            for number in FIRST if row in EACH_TIME else SOLVED:
                lab.step(f"solved lesson {number}", lambda m, n=number: solve(m, n))
        assert "Traceback" not in lab.said()
        assert "✗" not in lab.said()
        assert f"engine {row.engine}" in lab.log()
        machine.must("make down")
        nothing_left(machine, before)
        left = sorted({str(path) for path, *_ in files_of(made) ^ files if not stays(made, path)})
        assert not left, "\n".join(left)


class Lab:
    """`make lab` at work. Args: ``machine``; ``output``, the file of what it says."""

    def __init__(self, machine: Machine, output: Path) -> None:
        self.machine, self.output = machine, output
        self.process = machine.begin("make lab", output)
        self.began = time.monotonic()
        self.steps: dict[str, float] = {}

    @property
    def address(self) -> str:
        """JupyterLab's, as it prints it; nothing before that."""
        found = re.search(r"http://(?:localhost|127\.0\.0\.1):\d+", self.said())
        return found[0] if found else ""

    def said(self) -> str:
        return self.output.read_text(errors="replace")

    def log(self) -> str:
        """What `labs up` has said meanwhile."""
        with suppress(OSError):
            return (self.machine.bare.home / ".cache/kube-labs/up.log").read_text(errors="replace")
        return ""

    def wait_until_up(self, timeout: float) -> None:
        """Wait for JupyterLab, and for all that `labs status` knows."""
        self.step("JupyterLab", lambda _: self._wait(lambda: self.address, timeout))
        self.step("all", lambda _: self._wait(self._all_up, timeout))

    def step(self, name: str, work) -> None:
        """Do a step, and note when it ended."""
        work(self.machine)
        self.steps[name] = time.monotonic() - self.began

    def _wait(self, condition, timeout: float) -> None:
        def there() -> bool:
            assert self.process.poll() is None, "`make lab` has ended"
            assert "✗" not in self.log(), "`labs up` has failed"
            return condition()

        wait_for(there, timeout=timeout, what="`make lab`", interval=1)

    def _all_up(self) -> bool:
        done = self.machine.run(".venv/bin/labs status --json")
        return done.returncode == 0

    def end(self) -> None:
        """End JupyterLab, and with it `make lab`."""
        for pid, words in self.machine.processes().items():
            if "jupyter-lab" in words:
                os.kill(pid, signal.SIGTERM)
        with suppress(Exception):
            self.process.wait(20)
        self.process.kill()

    def __str__(self) -> str:
        times = "".join(f"  {seconds:5.0f} s  {name}\n" for name, seconds in self.steps.items())
        return f"{times}--- make lab\n{self.said()[-3000:]}\n--- labs up\n{self.log()[-6000:]}"


@contextmanager
def made_lab(machine: Machine) -> Iterator[Lab]:
    """`make lab` at work; nothing of its course is left afterwards, whatever happens."""
    lab = Lab(machine, machine.bare.folder / "make-lab.log")
    try:
        yield lab
    except BaseException:
        print(lab)
        lab.end()
        print(machine.run(".venv/bin/labs down").stdout)
        raise
    print(lab)
    lab.end()


def fetch_page(machine: Machine) -> None:
    """A first pod, as a learner makes one in a terminal."""
    kubectl = ".venv/bin/labs shell 04 kubectl"
    machine.must(f"{kubectl} run bare --image=labs/web:1")
    machine.must(f"{kubectl} wait --for=condition=Ready pod/bare --timeout=60s")
    assert "Hello from web 1" in machine.must(f"{kubectl} get --raw /api/v1/namespaces/lab-04/pods/bare:80/proxy/")


def solve(machine: Machine, number: str) -> None:
    """A solved lesson runs, and gives the recorded verdicts."""
    machine.must(f"{NBVAL} notebooks/solutions/{number}_*.ipynb", timeout=900)


def state(machine: Machine) -> dict[str, list[str]]:
    """What could be left in the machine, and of it on this system; network namespaces end with their processes."""
    found = snapshot("default")
    return {
        **{kind: found[kind] for kind in SHARED},
        "mounts": machine.mounts(),
        "processes": list(machine.processes().values()),
    }


def nothing_left(machine: Machine, before: dict[str, list[str]]) -> None:
    """What the kernel removes a moment later is waited for. Other courses on this system may have ended meanwhile."""

    def left() -> dict[str, list[str]]:
        new = {kind: sorted(set(lines) - set(before[kind])) for kind, lines in state(machine).items()}
        return {kind: lines for kind, lines in new.items() if lines}

    wait_for(lambda: not left(), timeout=10, what="the machine to be as it was", state=lambda: str(left()), interval=1)


def files_of(made: Bare) -> set[tuple[Path, int, int]]:
    """The files of a root, with what tells whether they were changed."""
    found = set()
    for folder, _, names in os.walk(made.root):
        for name in names:
            path = Path(folder, name)
            stat = path.lstat()
            found.add((path.relative_to(made.root), stat.st_size, stat.st_mtime_ns))
    return found


def stays(made: Bare, path: Path) -> bool:
    """Whether a file is one of those that may be new."""
    home = Path(made.person.home.lstrip("/"))
    return path.is_relative_to(home) and bool(STAYS.match(str(path.relative_to(home))))
