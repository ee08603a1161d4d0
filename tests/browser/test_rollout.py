"""The rollout view in a real JupyterLab on a real cluster: an update, one that hangs, and the way back."""

from __future__ import annotations

import re
from collections.abc import Iterator

import pytest
from playwright.sync_api import Locator, Page, expect

from tests.browser.pages import run_cell, shot

pytestmark = [pytest.mark.engine, pytest.mark.timeout(300)]

LESSON, PORT = "75", 30715
# The sleep lets the nodes hear that a pod is to end before it stops listening: without it, a request may be lost.
MANIFEST = f"""
apiVersion: apps/v1
kind: Deployment
metadata: {{name: front}}
spec:
  replicas: 3
  progressDeadlineSeconds: 5
  selector: {{matchLabels: {{app: front}}}}
  strategy: {{rollingUpdate: {{maxSurge: 1, maxUnavailable: 0}}}}
  template:
    metadata: {{labels: {{app: front}}}}
    spec:
      containers:
      - name: web
        image: labs/web:1
        readinessProbe: {{httpGet: {{path: /healthz, port: 80}}, periodSeconds: 1}}
        lifecycle: {{preStop: {{sleep: {{seconds: 3}}}}}}
---
apiVersion: v1
kind: Service
metadata: {{name: front}}
spec:
  type: NodePort
  selector: {{app: front}}
  ports: [{{port: 80, nodePort: {PORT}}}]
"""
OPEN = f"from labs import open_lab, views\nlab = open_lab({LESSON!r}, quiet=True)\nlab.reset()"
SHOW = f"view = views.rollout(lab, 'front', url=lab.url({PORT}) + '/version')\nview"
MAKE = f"%%bash\nkubectl apply -f - <<END{MANIFEST}END\nkubectl rollout status deployment/front"
UPDATE = "!kubectl set image deployment/front web=labs/web:2\n!kubectl rollout status deployment/front"
HANG = "!kubectl set image deployment/front web=labs/web:none"
UNDO = "!kubectl rollout undo deployment/front\n!kubectl rollout status deployment/front"
CELLS = [OPEN, SHOW, MAKE, UPDATE, HANG, UNDO, "print(view)", "lab.cleanup()"]
SHOWN, PRINTED = 1, 6


@pytest.fixture
def page(jupyter) -> Iterator[Page]:
    page = jupyter.notebook(CELLS)
    run_cell(page, 0, 120)
    yield page
    run_cell(page, len(CELLS) - 1, 120)


def words(page: Page, *expected: str) -> str:
    """The view's text, printed again until it says what is expected."""
    for _ in range(40):
        text = run_cell(page, PRINTED).inner_text()
        if all(re.search(pattern, text) for pattern in expected):
            return text
        page.wait_for_timeout(500)
    raise AssertionError(f"Expected {expected} in\n{text}")


def begin(page: Page) -> Locator:
    view = run_cell(page, SHOWN).locator(".kl")
    expect(view).to_contain_text("no Deployment front yet")
    run_cell(page, 2, 120)
    expect(view).to_contain_text("complete: 3 of 3 pods are of revision 1")
    words(page, "“1” ")
    return view


def test_update_keeps_its_limits_and_loses_no_request(page):
    view = begin(page)
    run_cell(page, 3, 120)
    expect(view).to_contain_text("complete: 3 of 3 pods are of revision 2")
    text = words(page, r"“1” \d+, “2” \d\d; 0 failed")
    assert "most since the change: 4 (kept)" in text
    assert "fewest since the change: 3 (kept)" in text
    rows = view.locator(".kr-below table").first.locator("tbody tr")
    expect(rows.nth(0)).to_contain_text(re.compile(r"2 \(now\)front-\w+-?\w*labs/web:2333"))
    expect(rows.nth(1)).to_contain_text("labs/web:1000")
    expect(view).to_contain_text("‖ finished", timeout=15_000)
    expect(view.locator(".kl-state")).to_contain_text("live")
    still = view.locator("svg").first.inner_html()
    page.wait_for_timeout(3000)
    # answers are still counted, and nothing else moves
    assert re.sub(r"\d+ × ", "", view.locator("svg").first.inner_html()) == re.sub(r"\d+ × ", "", still)
    view.scroll_into_view_if_needed()
    shot(page, "rollout-update")
    page.set_viewport_size({"width": 800, "height": 900})
    page.wait_for_function(
        "() => { const view = document.querySelector('.kl'); return view.scrollWidth <= view.clientWidth + 1 }"
    )
    view.scroll_into_view_if_needed()
    shot(page, "rollout-narrow")


def test_update_that_hangs_says_why_and_is_undone(page):
    view = begin(page)
    run_cell(page, 4)
    reason = view.locator("details", has_text=re.compile("ErrImagePull|ImagePullBackOff"))
    expect(reason).to_be_visible(timeout=30_000)
    expect(reason.locator("p").first).to_be_hidden()
    reason.locator("summary").focus()
    page.keyboard.press("Enter")
    expect(reason.locator("p").first).to_contain_text("labs/web:none")
    expect(view).to_contain_text("without progress Kubernetes has reported ProgressDeadlineExceeded", timeout=30_000)
    text = words(page, "ProgressDeadlineExceeded", "rollout undo", "ImagePull")
    assert "fewest since the change: 3 (kept)" in text
    assert "; 0 failed" in text
    view.scroll_into_view_if_needed()
    shot(page, "rollout-hangs")
    run_cell(page, 5, 120)
    expect(view).to_contain_text("complete: revision 1 is back, now called 3")
    expect(view.locator("details")).to_have_count(0)
    words(page, "3 now", "; 0 failed")
    view.scroll_into_view_if_needed()
    shot(page, "rollout-undone")


def test_answers_are_told_apart_by_shape_and_the_view_ends_with_its_namespace(page):
    view = begin(page)
    run_cell(page, 3, 120)
    words(page, "“1” ", "“2” ")
    lanes = view.locator("svg text", has_text=re.compile("× “[12]”"))
    expect(lanes).to_have_count(2)
    signs = lanes.locator("xpath=..").locator("path")
    assert signs.nth(0).get_attribute("d") != signs.nth(1).get_attribute("d")
    run_cell(page, len(CELLS) - 1, 120)
    expect(view).to_contain_text("The Deployment was deleted.", timeout=30_000)
    expect(view.locator("svg text.kl-bad").first).to_be_visible(timeout=30_000)
