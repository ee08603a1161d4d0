"""The timeline in a notebook: failures with their reason one key away, and what was seen of what is gone."""

from __future__ import annotations

import json

import pytest
from playwright.sync_api import expect

from tests.browser.pages import run_cell, shot, view_in

pytestmark = [pytest.mark.engine, pytest.mark.timeout(300), pytest.mark.usefixtures("lab")]
LESSON = "76"
OPEN = f"from labs import open_lab, views\nlab = open_lab({LESSON!r}, quiet=True)"
MAKE = "kubectl create deployment front --image=labs/web:1 --replicas=2"
PROBE = {"httpGet": {"path": "/no", "port": 80}, "periodSeconds": 1}
PROBED = {"spec": {"containers": [{"name": "web", "image": "labs/web:1", "readinessProbe": PROBE}]}}


def test_failing_probe_turns_red_and_tells_why_by_keyboard(jupyter):
    run = f"!kubectl run web --image=labs/web:1 --overrides='{json.dumps(PROBED)}'"
    page = jupyter.notebook([f"{OPEN}\nviews.timeline(lab, 'po/web')", run])
    run_cell(page, 0)
    view = view_in(page, 0)
    expect(view).to_contain_text("There is no Pod web yet")
    run_cell(page, 1)
    row = view.locator("tr[data-mark='bad']", has_text="readiness probe failed").first
    expect(row).to_be_visible(timeout=60000)
    expect(view).not_to_contain_text("There is no Pod")
    expect(view.locator("tbody tr").first).to_contain_text("kubectl run")
    why = row.get_by_role("button", name="readiness probe failed")
    why.press("Enter")
    expect(view.locator(".kt-said")).to_contain_text("HTTP probe failed with statuscode: 404")
    expect(why).to_have_attribute("aria-expanded", "true")
    shot(page, "timeline-probe")
    why.press(" ")
    expect(view.locator(".kt-said")).to_have_count(0)
    expect(view).to_contain_text("time)", timeout=60000)


def test_deleted_pod_leaves_its_story(jupyter):
    page = jupyter.notebook(
        [
            f"{OPEN}\n!kubectl run web --image=labs/web:1\nviews.timeline(lab, 'pod/web')",
            "!kubectl delete pod web --grace-period=1",
        ]
    )
    run_cell(page, 0)
    view = view_in(page, 0)
    expect(view).to_contain_text("reports it ready", timeout=60000)
    run_cell(page, 1)
    expect(view).to_contain_text("Pod web is deleted. This is what was seen of it.", timeout=60000)
    expect(view).to_contain_text("removed it from the record")
    expect(view).to_contain_text("started container web")
    shot(page, "timeline-deleted")


def test_story_of_a_deployment_goes_from_the_client_to_the_service(jupyter):
    page = jupyter.notebook(
        [
            f"{OPEN}\nviews.timeline(lab, 'deploy/front')",
            f"!{MAKE}\n!kubectl expose deployment front --port=80",
        ]
    )
    run_cell(page, 0)
    run_cell(page, 1)
    view = view_in(page, 0)
    expect(view).to_contain_text("sends it requests to Service front", timeout=60000)
    who = view.locator(".kt-who").all_inner_texts()
    order = ["kubectl create", "deployment controller", "replicaset controller", "scheduler", "kubelet node1"]
    assert [who.index(name) for name in order] == sorted(who.index(name) for name in order)
    view.get_by_role("button", name="text").press("Enter")
    expect(view.locator("pre")).to_contain_text("kubectl create")
