"""Which engine is taken, and the reason that is told for it."""

from __future__ import annotations

import os
import stat
import subprocess

import pytest

from labs.engines import choice
from labs.engines.doctor import host as host_doctor
from labs.engines.doctor.finding import MISSING, OK
from labs.engines.host import trial as host_trial
from labs.engines.host.trial import Trial
from labs.engines.runtime.state import Record

REFUSED = Trial("namespaces", "unshare: unshare failed: Operation not permitted")
NO_LINKS = Trial("links", "Error: Unknown device type.")
NO_OVERLAY = Trial("overlay", "mount: unknown filesystem type 'overlay'.")
SUDO = {
    "asks": (
        "echo 'sudo: a password is required' >&2; exit 1",
        "sudo asks for a password (sudo: a password is required)",
    ),
    "refuses": ("echo 'joe is not in the sudoers file.' >&2; exit 1", "sudo refuses (joe is not in the sudoers file.)"),
    "grants": ("exit 0", ""),
}


@pytest.fixture
def person(monkeypatch, tmp_path):
    """Makes this user somebody who is not root, and whose sudo is a script."""

    def become(script: str = "") -> None:
        monkeypatch.setattr(os, "geteuid", lambda: 1000)
        monkeypatch.setenv("PATH", f"{tmp_path}:/usr/bin:/bin" if script else str(tmp_path))
        if script:
            program = tmp_path / "sudo"
            program.write_text(f"#!/bin/sh\n{script}\n")
            program.chmod(program.stat().st_mode | stat.S_IXUSR)

    return become


@pytest.fixture
def trial(monkeypatch):
    """Says what the trial has shown."""
    return lambda shown: monkeypatch.setattr(host_trial, "attempt", lambda: shown)


@pytest.mark.parametrize("case", ["asks", "refuses"])
def test_sudo_that_gives_no_rights_is_quoted(person, case):
    script, words = SUDO[case]
    person(script)
    chosen = choice.choose(None)
    assert chosen.kind == "usermode"
    assert str(chosen).startswith(f"Engine usermode: you are not root, and {words}.")
    assert ("run `sudo -v`, then `labs down` and `labs up`." in str(chosen)) == (case == "asks")


def test_nobody_without_sudo_is_told_to_use_it(person):
    person()
    assert str(choice.choose(None)) == "Engine usermode: you are not root, and there is no sudo."


def test_sudo_without_a_password_is_told(person, trial):
    person(SUDO["grants"][0])
    trial(Trial())
    assert str(choice.choose(None)) == "Engine host: sudo gives you root's rights without a password."


@pytest.mark.parametrize(
    ("shown", "sentence"),
    [
        (
            REFUSED,
            "Engine usermode: this system refuses new namespaces (unshare: unshare failed: Operation not permitted), "
            "as in a container without --privileged.",
        ),
        (
            NO_LINKS,
            "Engine usermode: this system makes no links between network namespaces (Error: Unknown device type.).",
        ),
    ],
)
def test_what_the_system_said_is_told(monkeypatch, trial, shown, sentence):
    monkeypatch.setattr(choice, "refusal", str)
    trial(shown)
    assert str(choice.choose(None)) == sentence


def test_engine_that_was_named_or_is_there_is_not_tried(monkeypatch):
    monkeypatch.setattr(host_trial, "attempt", lambda: pytest.fail("it was tried"))
    assert str(choice.choose(None, "usermode")) == "Engine usermode: you named it."
    record = Record("a", engine="usermode", settings={choice.WHY: "you named it"})
    for wanted in ("", "usermode"):
        told = str(choice.choose(record, wanted))
        assert told == "Engine usermode, as this course has had since it was made: you named it."
    older = Record("a", engine="host")
    assert str(choice.choose(older)) == "Engine host, as this course has had since it was made."


@pytest.mark.parametrize(
    ("shown", "todo"),
    [
        (REFUSED, "labs up --engine usermode   # or start this container with --privileged"),
        (NO_LINKS, "sudo modprobe veth bridge"),
        (NO_OVERLAY, "sudo modprobe overlay"),
        (Trial("links", "RTNETLINK answers: Operation not permitted"), REFUSED.todo),
    ],
)
def test_doctor_says_what_the_system_said_and_what_fits(trial, shown, todo):
    trial(shown)
    (finding,) = host_doctor._kernel()
    assert (finding.level, finding.todo) == (MISSING, todo)
    assert shown.words in finding.observed


def test_doctor_minds_no_missing_ip(trial):
    trial(Trial(links=False))
    (finding,) = host_doctor._kernel()
    assert (finding.level, finding.observed) == (OK, "namespaces, overlay file systems can be made")


def test_script_is_a_shells():
    subprocess.run(["sh", "-n", host_trial.SCRIPT], check=True)
