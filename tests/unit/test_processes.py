"""Daemons are found again, whatever the clock, a killed command or a power cut did to what was written down."""

from __future__ import annotations

import os
import platform
import socket
import sys

import psutil
import pytest

from labs.engines.runtime.command import run
from labs.engines.runtime.processes import Processes
from labs.engines.runtime.sockets import listens
from labs.engines.runtime.state import Record, State
from labs.errors import CommandFailed
from labs.waiting import wait_for

DAEMON = ["sleep", "60"]


@pytest.fixture
def processes(tmp_path):
    made = Processes(State(tmp_path / "course"), Record(name="trial").id)
    yield made
    made.end_all()


def test_warnings_do_not_spoil_what_a_program_prints():
    assert run(["sh", "-c", "echo warning >&2; echo '{}'"]) == "{}\n"


def test_failure_tells_the_programs_last_words():
    with pytest.raises(CommandFailed, match="status 3: it broke") as caught:
        run(["sh", "-c", "printf half; echo it broke >&2; exit 3"])
    assert "half" in caught.value.output


def test_daemon_runs_on_when_the_clock_is_set(processes, monkeypatch):
    pid = processes.start("trial", DAEMON)
    real = psutil.Process.create_time
    monkeypatch.setattr(psutil.Process, "create_time", lambda self: real(self) + 3600)
    assert processes.component("trial").state == "running"
    assert processes.start("trial", DAEMON) == pid
    assert processes.started_at("trial") > 3600


def test_daemon_of_a_command_that_was_killed_is_taken_not_started_twice(processes):
    pid = processes.start("trial", DAEMON)
    (processes.state.folder / "run/trial.json").unlink()
    assert processes.component("trial").state == "stopped"
    assert processes.start("trial", DAEMON) == pid
    assert [p.pid for p in processes.marked()] == [pid]


LEAVES_A_THREAD = """
import ctypes, os, signal, socket, sys, threading, time
held = socket.create_server(("127.0.0.1", int(sys.argv[1])))
told = threading.Event()
def rest():
    told.wait(); time.sleep(0.7); os._exit(0)
def leave(*_):
    told.set(); ctypes.CDLL(None).syscall(int(sys.argv[2]), 0)  # exit(2): of this thread only
threading.Thread(target=rest).start()
signal.signal(signal.SIGTERM, leave)
while True: time.sleep(0.05)
"""


def test_stop_waits_for_the_last_thread_which_holds_the_ports(processes):
    """As a Go program ends on a busy machine: the first thread is a zombie already, the others end a moment later."""
    port, number = free_port(), {"x86_64": "60", "aarch64": "93"}[platform.machine()]
    pid = processes.start("trial", [sys.executable, "-c", LEAVES_A_THREAD, str(port), number])
    wait_for(lambda: listens(pid, port), timeout=20, what="the program to listen")
    assert not listens(os.getpid(), port)
    processes.stop("trial")
    assert not listens(pid, port)
    socket.create_server(("127.0.0.1", port)).close()


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as trial:
        return trial.getsockname()[1]


def test_only_one_components_processes_are_ended(processes):
    pids = {name: processes.start(name, DAEMON) for name in ("one", "other")}
    processes.end_all("one")
    assert [p.pid for p in processes.marked()] == [pids["other"]]


def test_empty_record_of_a_daemon_stops_nobody(processes):
    processes.start("trial", DAEMON)
    (processes.state.folder / "run/trial.json").write_text("")
    assert processes.component("trial").state == "stopped"
    processes.mark_unwanted()
    processes.stop("trial")


def test_other_users_can_read_what_a_daemon_writes_whatever_the_umask(processes):
    before = os.umask(0o077)
    try:
        processes.start("trial", ["sh", "-c", 'umask; exec "$@"', "sh", *DAEMON])
    finally:
        os.umask(before)
    told = wait_for(lambda: processes.tail("trial", 1), timeout=20, what="the daemon's umask", interval=0.02)
    assert told == "0022"
