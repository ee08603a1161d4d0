"""The course page, the engines in the status bar and the buttons beside the checks, in a real JupyterLab."""

from __future__ import annotations

import json
import re
from collections.abc import Callable

import pytest

pytest.importorskip("playwright")
from playwright.sync_api import Page, Route, expect

from tests.browser.pages import shot

pytestmark = pytest.mark.engine

LESSON = "04_roll_out_deployments"
STARTING = {
    "state": "starting",
    "brief": "Kubernetes programs 43 %",
    "sentence": "Docker is ready, Kubernetes is starting.",
    "todo": "Lessons 00 and 02 can begin.",
    "steps": [{"name": "Kubernetes programs", "detail": "building", "percent": 43}],
    "done": ["Docker Engine"],
    "course": "views",
    "kind": "host",
    "id": "0a1b2c3d",
}
IN_PART = {
    **STARTING,
    "state": "fault",
    "brief": "pause failed; Docker works",
    "sentence": "Docker and the registry run: lessons 00 and 02 can be done. Kubernetes does not run.",
    "todo": "`labs up` in a terminal goes on where it stopped; nothing is lost.",
    "steps": [],
    "failed": [{"name": "pause", "detail": "The Go modules could not be fetched. Check the network."}],
    "skipped": ["nodes", "add-ons"],
    "kind": "usermode",
    "why": "Engine usermode: you are not root, and there is no sudo.",
}
READY = {**STARTING, "state": "ready", "brief": "ready", "sentence": "All is running.", "todo": "", "steps": []}
ABSENT = {**READY, "state": "absent", "brief": "not running", "sentence": "The course is not up.", "id": "", "kind": ""}


def answer(page: Page, name: str, told: Callable[[], dict]) -> list[str]:
    """Let the server's handler answer what the test says; gives the methods and addresses that were asked."""
    asked = []

    def fulfil(route: Route) -> None:
        asked.append(f"{route.request.method} {route.request.url}")
        route.fulfill(status=200, content_type="application/json", body=json.dumps(told()))

    page.route(re.compile(rf"/kube-labs/{name}(\?|$)"), fulfil)
    return asked


def standing(page: Page, *passed: str) -> dict:
    """What the server tells, as if these exercises and no others were solved."""
    found = page.evaluate("fetch('/kube-labs/standing').then(reply => reply.json())")
    for lesson in found["lessons"]:
        for exercise in lesson["exercises"]:
            exercise["passed"] = "2026-01-01T00:00:00+00:00" if exercise["id"] in passed else None
        lesson["solved"] = sum(exercise["passed"] is not None for exercise in lesson["exercises"])
    return {**found, "solved": len(passed)}


def row(page: Page, exercise: str):
    return page.locator(".kl-row").filter(has=page.get_by_role("button", name=f"Check: {exercise}"))


def test_lab_opens_on_the_course_page(jupyter):
    page = jupyter.page()
    expect(page.get_by_role("heading", name="Containers and Kubernetes")).to_be_visible()
    expect(page.locator(".kl-engine")).to_contain_text("Engines ready")
    expect(page.locator(".kl-table").first.locator("tbody tr")).to_have_count(len(standing(page)["lessons"]))
    expect(page.locator(".kl-next")).to_contain_text("▶ next")
    expect(page.get_by_role("button", name="Engines: ready")).to_be_visible()
    page.close()


def test_notebook_that_was_named_is_in_front(jupyter):
    page = jupyter.open(LESSON)
    expect(page.locator(".kl-row").first).to_be_attached(timeout=30_000)  # cells below are made when there is time
    expect(page.get_by_role("tab", name="Course")).to_have_count(1)
    expect(page.get_by_role("heading", name="Containers and Kubernetes, on real engines")).to_be_hidden()
    page.get_by_role("button", name="Engines: ready").click()
    expect(page.get_by_role("heading", name="Containers and Kubernetes, on real engines")).to_be_visible()
    page.close()


def test_lesson_opens_by_keyboard(jupyter):
    page = jupyter.page()
    link = page.get_by_role("button", name="Roll out Deployments", exact=True)
    link.focus()
    page.keyboard.press("Enter")
    expect(page.get_by_role("tab", name=re.compile(LESSON[:8]))).to_be_visible()
    page.close()


def test_start_is_shown_and_asked_for_often_then_rarely(jupyter):
    page = jupyter.page()
    told = [STARTING]
    asked = answer(page, "engine", lambda: told[0])
    page.reload()
    expect(page.locator(".kl-engine li")).to_contain_text("43 %")
    expect(page.get_by_role("button", name="Engines: Kubernetes programs 43 %")).to_be_visible()
    told[0] = READY
    expect(page.get_by_role("button", name="Engines: ready")).to_be_visible(timeout=10_000)
    before = len(asked)
    page.wait_for_timeout(6_000)  # in which a start would have been asked for three times
    assert len(asked) == before
    page.close()


def test_part_that_failed_is_shown_with_what_works(jupyter):
    page = jupyter.page()
    told = [{**IN_PART, "state": "starting", "steps": STARTING["steps"], "brief": "starting; pause failed"}]
    answer(page, "engine", lambda: told[0])
    page.reload()
    engine = page.locator(".kl-engine")
    expect(engine).to_contain_text("Engines starting: a part failed")
    expect(engine).to_contain_text("✗ pause: The Go modules could not be fetched.")
    expect(engine).to_contain_text("43 %")
    told[0] = IN_PART
    expect(engine).to_contain_text("Engines: a part failed", timeout=10_000)
    expect(engine).to_contain_text("lessons 00 and 02 can be done")
    expect(engine).to_contain_text("Not there because of that: nodes, add-ons.")
    expect(engine).to_contain_text("Engine usermode: you are not root, and there is no sudo.")
    expect(engine.get_by_role("button", name="Open a terminal")).to_be_visible()
    expect(page.get_by_role("button", name="Engines: pause failed; Docker works")).to_be_visible()
    shot(page, "a-part-failed")
    page.close()


def test_hidden_page_asks_nothing(jupyter):
    page = jupyter.page()
    asked = answer(page, "engine", lambda: STARTING)
    page.reload()
    expect(page.locator(".kl-engine li")).to_contain_text("43 %")
    page.evaluate("Object.defineProperty(document, 'hidden', {value: true, configurable: true})")
    page.wait_for_timeout(3_000)  # a round that was under way ends
    before = len(asked)
    page.wait_for_timeout(5_000)
    assert len(asked) == before
    page.evaluate("delete document.hidden; document.dispatchEvent(new Event('visibilitychange'))")
    page.wait_for_timeout(1_000)
    assert len(asked) > before
    page.close()


def test_kernel_whose_course_is_gone(jupyter):
    page = jupyter.open(LESSON)
    expect(page.get_by_role("button", name="Engines: ready")).to_be_visible()
    answer(page, "engine", lambda: ABSENT)
    page.evaluate("document.dispatchEvent(new Event('visibilitychange'))")  # as when its tab is chosen again
    expect(page.get_by_role("button", name="this kernel's course is gone")).to_be_visible()
    page.close()


def test_page_follows_what_is_solved(jupyter):
    page = jupyter.page()
    solved: list[str] = []
    whole = standing(page)
    answer(page, "standing", lambda: whole)
    page.reload()
    expect(page.locator(".kl-next")).to_contain_text("Start here")
    solved += [exercise["id"] for exercise in whole["lessons"][0]["exercises"]]
    page.unroute_all()
    whole = standing(page, *solved) | {"next": {"lesson": "01", "exercise": "ex-01-1", "notebook": "01.ipynb"}}
    answer(page, "standing", lambda: whole)
    page.evaluate("document.dispatchEvent(new Event('visibilitychange'))")
    expect(page.locator(".kl-next")).to_contain_text("Declare infrastructure")
    expect(page.locator(".kl-table").first.locator("tbody tr").first).to_contain_text("✓ solved")
    expect(page.locator(".kl-table").first.locator("tbody tr").first).to_contain_text("3 of 3")
    page.close()


def test_progress_goes_and_comes(jupyter, tmp_path):
    page = jupyter.page()
    with page.expect_download() as download:
        page.get_by_role("button", name="Download progress").click()
    download.value.save_as(tmp_path / "progress.json")
    assert json.loads((tmp_path / "progress.json").read_text())["version"] == 1
    headers = []

    def merged(route: Route) -> None:
        headers.append(route.request.headers)
        route.fulfill(status=200, content_type="application/json", body='{"new": ["ex-04-1"]}')

    page.route("**/kube-labs/progress*", merged)  # anyone who runs this test keeps their own progress as it is
    page.locator(".kl-page input[type=file]").set_input_files(tmp_path / "progress.json")
    expect(page.get_by_text("Added: ex-04-1")).to_be_visible()
    assert headers[0].get("x-xsrftoken")
    page.close()


def test_check_before_the_lab_is_open_is_a_sentence(jupyter):
    page = jupyter.open(LESSON)
    own = row(page, "ex-04-1")
    own.get_by_role("button", name="Check").click()
    expect(own).to_contain_text('first run the cell with lab = open_lab("04"')
    expect(page.locator(".jp-Notebook")).not_to_contain_text("Traceback")
    expect(page.locator(".jp-Notebook")).not_to_contain_text("NameError")
    page.close()


def test_hints_and_solution_leave_the_notebook_as_it_is(jupyter):
    page = jupyter.open(LESSON)
    own = row(page, "ex-04-1")
    path = "/".join(filter(None, ["/api/contents", standing(page)["folder"], f"{LESSON}.ipynb"]))
    before = page.evaluate(f"fetch('{path}').then(reply => reply.json())")
    saved = []
    own.get_by_role("button", name="Hint").focus()
    page.keyboard.press("Enter")  # JupyterLab would begin to edit the cell
    expect(own).to_contain_text("Hint 1 of 3")
    own.get_by_role("button", name="Hint").click()
    expect(own).to_contain_text("Hint 2 of 3")
    own.get_by_role("button", name="Solution").click()
    page.get_by_role("button", name="Not yet").click()
    expect(own).to_contain_text("Hint 2 of 3")
    own.get_by_role("button", name="Solution").click()
    page.get_by_role("button", name="Show it").click()
    expect(own.locator("pre")).to_contain_text("client.V1Deployment")
    own.get_by_role("button", name="Hide").click()
    expect(own.locator("pre")).to_have_count(0)

    def save(route: Route) -> None:
        if route.request.method != "PUT":
            return route.continue_()
        saved.append(route.request.post_data_json["content"])
        return route.fulfill(status=200, content_type="application/json", body=json.dumps({**before, "content": None}))

    page.route(re.compile("/api/contents/"), save)  # what would be saved, and nothing is
    expect(own.get_by_role("button", name="Check")).to_be_focused()
    page.keyboard.press("Control+s")  # JupyterLab's, in a row as well
    page.wait_for_timeout(2_000)
    assert saved[0]["cells"] == before["content"]["cells"]
    page.close()


def test_check_tells_the_verdict(jupyter):
    page = jupyter.open("00_start_here")
    page.locator(".jp-CodeCell", has_text="open_lab(").first.click()
    page.keyboard.press("Escape")
    page.get_by_role("menuitem", name="Run", exact=True).click()
    page.get_by_text("Run All Above Selected Cell").click()
    page.keyboard.press("Shift+Enter")
    expect(page.locator(".jp-Notebook")).to_contain_text("Lesson 00 is open", timeout=60_000)
    own = row(page, "ex-00-2")
    own.get_by_role("button", name="Check").click()
    cell = page.locator(".jp-CodeCell", has=own)
    expect(cell.locator(".jp-OutputArea")).to_contain_text(re.compile("not yet|passed"), timeout=60_000)
    expect(cell).not_to_contain_text("Traceback")
    page.close()
