"""The room on an instructor's screen: who is where, who may be stuck, and one learner from close by."""

from __future__ import annotations

import json
import socket
import subprocess
import sys
from contextlib import closing
from datetime import UTC, datetime, timedelta

import pytest
from playwright.sync_api import expect

from labs.session.progress_report import KEY
from labs.waiting import wait_for_http
from labs.workshop.room.cluster import Cluster
from labs.workshop.room.room import Room
from labs.workshop.room.roster import Learner, id_of
from labs.workshop.room.rules import Rules
from tests.browser.pages import run_cell, shot, view_in

pytestmark = [pytest.mark.engine, pytest.mark.timeout(300)]
NAMES = ["Ada Lovelace", "Grace Hopper", "José Núñez", "李雷", "Katherine Johnson", "A" * 60, "Edsger W. Dijkstra"]
OPEN = (
    "from labs import views\nfrom labs.workshop.room.cluster import Cluster\nfrom labs.workshop.room.room import Room\n"
    "room = Room(Cluster.named(own=True), 'seen')\nviews.room(room)"
)


def ago(minutes: float) -> str:
    return (datetime.now(UTC) - timedelta(minutes=minutes)).isoformat(timespec="seconds")


def passed(minutes: float, tries: int = 1) -> dict:
    return {"status": "passed", "tries": tries, "last": ago(minutes), "passed": ago(minutes)}


def wrong(tries: int, observed: str = "2 ready") -> dict:
    return {"status": "not yet", "tries": tries, "last": ago(1), "expected": "3 ready replicas", "observed": observed}


@pytest.fixture(scope="module")
def room(course):
    room = Room(Cluster.named(own=True), "seen")
    room.provision([Learner(id_of(name), name) for name in NAMES], Rules(lessons=["03", "04"]))
    yield room
    room.remove()


def tell(room: Room, name: str, **report) -> None:
    """What the learner's notebook would have told."""
    seat = room.seat(name)
    room.clients.core.patch_namespaced_config_map(seat.report, room.name, {"data": {KEY: json.dumps(report)}})


def test_who_is_where_and_who_may_be_stuck(jupyter, room):
    third = {f"ex-03-{n}": passed(60 - n) for n in (1, 2, 3)}
    tell(room, NAMES[0], lesson="04", since=ago(12), exercises=third | {"ex-04-1": passed(4, 2)})
    tell(room, NAMES[1], lesson="04", since=ago(14), exercises=third | {"ex-04-1": wrong(4)})
    tell(room, NAMES[2], lesson="04", since=ago(6), exercises=third | {"ex-04-1": wrong(1)})
    tell(room, NAMES[3], lesson="03", since=ago(30), exercises={"ex-03-1": passed(29)})
    tell(room, NAMES[4], lesson="04", since=ago(2), exercises=third, hidden=True)
    page = jupyter.notebook([OPEN])
    run_cell(page, 0)
    view = view_in(page, 0)
    expect(view.locator(".kl-summary")).to_have_text("5 of 7 have begun; 14 of 42 exercises solved; 2 may be stuck")
    row = view.locator("tr", has_text="Grace Hopper")
    expect(row).to_contain_text("14 min")
    expect(row).to_contain_text("may be stuck")
    expect(view).to_contain_text("seat 5")
    expect(view).not_to_contain_text("Katherine")
    expect(view.locator(".km-wrong")).to_contain_text("2 ×")
    row.get_by_role("button", name="Grace Hopper, ex-04-1: not yet, checked 4 times").press("Enter")
    expect(view.locator(".kl-detail")).to_contain_text("observed 2 ready")
    shot(page, "room")
    view.get_by_role("button", name="show those who may be stuck first").click()
    expect(view.locator("tbody tr").first).to_contain_text("李雷")
    tell(room, NAMES[1], lesson="04", since=ago(14), exercises=third | {"ex-04-1": passed(0, 5)})
    expect(row).not_to_contain_text("may be stuck", timeout=3000)
    expect(view.locator(".kl-summary")).to_contain_text("15 of 42")


def test_the_room_as_a_page(browser, course, room, tmp_path):
    """Voilà runs the notebook by itself; a learner's objects are one choice away."""
    with closing(socket.socket()) as trial:
        trial.bind(("127.0.0.1", 0))
        port = trial.getsockname()[1]
    argv = [sys.executable, "-m", "labs.cli", "--name", course.name, "workshop", "watch", "--own", "--workshop", "seen"]
    argv += ["--page", "--port", str(port), "--out", str(tmp_path)]
    page = browser.new_page(viewport={"width": 1200, "height": 1000})
    with subprocess.Popen(argv, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as server:
        try:
            wait_for_http(f"http://127.0.0.1:{port}/voila/static/voila.js", timeout=60)
            page.goto(f"http://127.0.0.1:{port}/", timeout=90000)
            grid = page.locator(".kl", has_text="have begun")
            expect(grid).to_contain_text("Grace Hopper", timeout=60000)
            expect(page.locator("code", has_text="Cluster.named")).to_have_count(0)
            page.locator("select").first.select_option(label="Grace Hopper")
            expect(page.locator(".kl", has_text="Namespace seen-grace-hopper-0")).to_be_visible(timeout=30000)
            shot(page, "room-page")
        finally:
            page.close()
            server.terminate()
