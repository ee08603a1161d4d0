"""A workshop of its own for these tests: three learners' worth of real Docker, one of them the instructor's."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from labs.engines.host.mounts import mounted_below
from labs.waiting import wait_for
from labs.workshop.hub.accounts import Workshop
from labs.workshop.hub.server import free_port
from tests.conftest import labs
from tests.workshop.browser import Browser, Kernel


@dataclass
class Room:
    """The workshop and its address."""

    workshop: Workshop
    address: str

    def browser(self, name: str) -> Browser:
        """A browser in which somebody has signed in."""
        browser = Browser(self.address)
        assert browser.sign_in(name, self.workshop.account(name).code) == 200
        return browser

    def at_work(self, name: str) -> Browser:
        """A browser in which somebody's server is open."""
        browser = self.browser(name)
        browser.open_server()
        return browser

    def kernel(self, name: str) -> Kernel:
        """A new kernel of somebody's."""
        return self.at_work(name).new_kernel()


@pytest.fixture(scope="session")
def room(tmp_path_factory) -> Iterator[Room]:
    if os.geteuid():
        pytest.skip("a workshop's server needs root")
    pytest.importorskip("jupyterhub")
    name = f"{os.environ.get('LABS_NAME', 'test')}-class"
    labs("workshop", "serve", "--remove", name=name, LABS_NAME=name)  # what an interrupted run has left
    folder: Path = tmp_path_factory.mktemp("class")
    roster, port = folder / "roster.csv", free_port("127.0.0.1")
    roster.write_text("name,mail\nanna,anna@example.org\nben,\n")
    arguments = ["workshop", "serve", "--learners", str(roster), "--instructor", "mia", "--port", str(port)]
    arguments += ["--disk", "1"]
    with (folder / "serve.log").open("w") as log:
        words = [sys.executable, "-m", "labs.cli", "--name", name, *arguments]
        serve = subprocess.Popen(words, stdout=log, stderr=subprocess.STDOUT, env={**os.environ, "LABS_NAME": name})

    def is_open() -> bool:
        told = (folder / "serve.log").read_text()
        assert serve.poll() is None, told
        return "is open at" in told

    try:
        wait_for(is_open, timeout=240, what="the workshop to open")
        room = Room(Workshop(name), f"http://127.0.0.1:{port}")
        state = room.workshop.engine.folder
        yield room
    finally:
        done = labs("workshop", "serve", "--remove", name=name, LABS_NAME=name)
        serve.wait(30)
    assert done.returncode == 0, done.stdout
    assert not Workshop(name).folder.exists()
    assert not mounted_below(state)
