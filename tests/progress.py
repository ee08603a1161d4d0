"""What a long run of tests is at, once a minute, and how long each test took.

`tests/run.sh` sets these variables; without the first nothing of this happens:

- ``LABS_TEST_PHASE``: what this run of pytest is called, such as ``lessons``;
- ``LABS_TEST_MESSAGES``: the open file descriptor to write messages to, such as ``3``; while a test runs, pytest keeps
  what goes to its own output;
- ``LABS_TEST_TIMES``: the file to append each test's seconds to, and whether it failed, one JSON object a line, for
  `tests/run_summary.py`.
"""

from __future__ import annotations

import json
import os
import threading
import time
from pathlib import Path

import pytest

__all__ = ["Progress", "register"]

INTERVAL = 60  # seconds between two messages
SHOWN = 4  # tests named in a message


class Progress:
    """A plugin of pytest.

    Args:
        phase: the run's name.
        messages: the file descriptor for messages.
        times: the file for each test's seconds, or None.
        interval: seconds between two messages.
    """

    def __init__(self, phase: str, messages: int, times: Path | None, interval: float = INTERVAL) -> None:
        self.phase, self.messages, self.times, self.interval = phase, messages, times, interval
        self.total = self.done = self.failed = 0
        self.running: dict[str, float] = {}  # tests at work, and when they began
        self.seconds: dict[str, float] = {}  # of those that have not ended: set-up and call, so far
        self.failures: set[str] = set()
        self.over = threading.Event()

    def pytest_sessionstart(self) -> None:
        self._say("begins")
        threading.Thread(target=self._report, name="progress of the tests", daemon=True).start()

    def pytest_collection_finish(self, session: pytest.Session) -> None:
        self.total = len(session.items) or self.total

    @pytest.hookimpl(optionalhook=True)
    def pytest_xdist_node_collection_finished(self, node: object, ids: list[str]) -> None:
        self.total = len(ids)

    def pytest_runtest_logstart(self, nodeid: str) -> None:
        self.running[nodeid] = time.monotonic()

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        self.seconds[report.nodeid] = self.seconds.get(report.nodeid, 0.0) + report.duration
        self.failed += report.failed
        if report.failed:
            self.failures.add(report.nodeid)

    def pytest_runtest_logfinish(self, nodeid: str) -> None:
        self.running.pop(nodeid, None)
        self.done += 1
        seconds = self.seconds.pop(nodeid, 0.0)
        if self.times:
            failed = nodeid in self.failures
            line = json.dumps({"phase": self.phase, "test": nodeid, "seconds": round(seconds, 2), "failed": failed})
            with self.times.open("a", encoding="utf-8") as file:
                file.write(f"{line}\n")

    def pytest_sessionfinish(self) -> None:
        self.over.set()

    def _report(self) -> None:
        while not self.over.wait(self.interval):
            self._say(self.message())

    def message(self) -> str:
        """How far the run is, and what it is at."""
        now = time.monotonic()
        running = sorted(self.running.copy().items(), key=lambda item: item[1])
        names = [f"{test} ({now - began:.0f} s)" for test, began in running[:SHOWN]]
        failed = f", {self.failed} failed" if self.failed else ""
        return f"{self.done} of {self.total or '?'} tests done{failed}; now {', '.join(names) or 'collecting'}"

    def _say(self, words: str) -> None:
        os.write(self.messages, f"[{time.strftime('%H:%M:%S')}] {self.phase}: {words}\n".encode())


def register(config: pytest.Config) -> None:
    """Add the plugin where `tests/run.sh` wants it, and never in a worker of pytest-xdist.

    Args:
        config: pytest's.
    """
    phase, times = os.environ.get("LABS_TEST_PHASE", ""), os.environ.get("LABS_TEST_TIMES", "")
    messages = int(os.environ.get("LABS_TEST_MESSAGES", "2"))
    if phase and not hasattr(config, "workerinput"):
        config.pluginmanager.register(Progress(phase, messages, Path(times).absolute() if times else None))
