"""Two courses on one machine: each port of localhost answers for one of them, and that is said before it matters."""

from __future__ import annotations

import io
import json
from collections.abc import Callable, Iterator

import pytest
from rich.console import Console

from labs.cli.status import show_status
from labs.engines.cluster import port_forwarder
from labs.engines.other_courses import on_localhost, shared_localhost
from labs.engines.runtime.processes import Processes
from labs.engines.runtime.state import Record, State
from labs.session import opening


@pytest.fixture
def courses(tmp_path, monkeypatch) -> Iterator[Callable[..., State]]:
    """Makes a course whose forwarder runs and answers on some ports; ``None``: it does not run."""
    monkeypatch.setenv("LABS_STATE", str(tmp_path / "state"))
    monkeypatch.setenv("LABS_PROGRESS", str(tmp_path / "progress.json"))
    monkeypatch.setenv("LABS_NAME", "mine")
    running = []

    def make(name: str, ports: list[int] | None) -> State:
        state = State.of(name, system=True)
        state.write(Record(name=name, engine="host", subnet="10.213.250.0/24"))
        state.make_folder("run")
        if ports is not None:
            processes = Processes(state, state.read().id)
            processes.start(port_forwarder.COMPONENT, ["tail", "-f", "/dev/null"])
            running.append(processes)
            state.write_file(port_forwarder.STATE, json.dumps({"listening": ports, "problems": {}}))
        return state

    yield make
    for processes in running:
        processes.end_all()


def test_a_course_alone_has_localhost_to_itself(courses):
    courses("mine", [8021])
    courses("stopped", None)
    assert on_localhost("mine") == {}
    assert shared_localhost("mine") == ""


def test_another_course_and_its_ports_are_named(courses):
    courses("mine", [8021])
    courses("other", [8022, 30040])
    assert on_localhost("mine") == {"other": {8022, 30040}}
    said = shared_localhost("mine")
    assert said.startswith("The course other runs on this machine, too.")
    assert "had it first, now 8022 for other, 30040 for other: do the same lesson in one of them at a time" in said


def test_several_other_courses_are_named(courses):
    for name in ("a", "b", "c"):
        courses(name, [])
    assert shared_localhost("mine").startswith("The courses a, b and c run on this machine, too. A port of localhost")


def test_a_course_that_cannot_be_read_is_passed_over(courses):
    damaged = courses("damaged", [8022])
    (damaged.folder / State.RECORD).write_text("{", encoding="utf-8")
    assert on_localhost("mine") == {}


def test_status_tells_of_the_other_course(courses):
    courses("mine", [])
    courses("other", [])
    console = Console(file=io.StringIO(), width=200)
    show_status(console)
    assert "The course other runs on this machine, too" in console.file.getvalue()


@pytest.mark.parametrize(
    ("ports", "told"),
    [([8021, 8030, 30025], "localhost:8021, 30025 answers for the course other"), ([8030, 30040], ""), ([], "")],
)
def test_a_lesson_says_which_of_its_ports_answer_for_another_course(courses, capsys, ports, told):
    courses("mine", [])
    courses("other", ports)
    opening.open_lab("02", kubernetes=False)
    said = capsys.readouterr().out
    assert "Lesson 02 is open" in said
    assert ("answers for the course" in said) == bool(told)
    assert told in said
    assert ("`labs --name other reset 02`" in said) == bool(told)
