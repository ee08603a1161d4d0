"""The tree in a notebook: old and new values, and arrow keys that belong to the tree while it has the focus."""

from __future__ import annotations

import pytest
from playwright.sync_api import expect

from tests.browser.pages import run_cell, shot, view_in, zoom

pytestmark = [pytest.mark.engine, pytest.mark.timeout(300), pytest.mark.usefixtures("lab")]
LESSON = "80"
OPEN = f"from labs import open_lab, views\nlab = open_lab({LESSON!r}, quiet=True)"
MAKE = "kubectl create deployment front --image=labs/web:1 --replicas=2"
LONG = ".".join(["a" * 60] * 4) + ".bbbbbbbbb"


def test_scale_shows_old_and_new_and_what_is(jupyter):
    page = jupyter.notebook(
        [
            f"{OPEN}\n!{MAKE}\nviews.tree(lab, 'deploy/front')",
            "!kubectl scale deployment front --replicas=3",
        ]
    )
    run_cell(page, 0)
    view = view_in(page, 0)
    expect(view.locator(".ko-pairs")).to_contain_text("2 ready", timeout=60000)
    run_cell(page, 1)
    replicas = view.locator("[data-path='spec.replicas']")
    expect(replicas).to_have_attribute("aria-label", "replicas: was 2, is 3")
    expect(replicas.locator(".ko-changed")).to_have_text("3")
    expect(view.locator(".ko-pairs")).to_contain_text("3 ready", timeout=60000)
    expect(replicas.locator("s")).to_have_text("2")  # the status that followed has not taken it away
    expect(view.locator("[data-path='metadata.managedFields']")).to_have_count(0)
    shot(page, "tree-scaled")


def test_arrow_keys_move_and_fold(jupyter, lab):
    page = jupyter.notebook([f"{OPEN}\n!kubectl create configmap c --from-literal=a=1\nviews.tree(lab, 'cm/c')", "1"])
    run_cell(page, 0)
    view = view_in(page, 0)
    rows = view.get_by_role("treeitem")
    view.locator("[tabindex='0'][role=treeitem]").focus()
    page.keyboard.press("Home")
    expect(rows.first).to_be_focused()
    page.keyboard.press("ArrowDown")
    page.keyboard.press("ArrowDown")
    metadata = view.locator("[data-path='metadata']")
    data = view.locator("[data-path='data']")
    for _ in range(10):
        if metadata.evaluate("node => node === document.activeElement"):
            break
        page.keyboard.press("ArrowDown")
    expect(metadata).to_be_focused()
    expect(metadata).to_have_attribute("aria-expanded", "true")
    page.keyboard.press("ArrowLeft")
    expect(metadata).to_have_attribute("aria-expanded", "false")
    expect(view.locator("[data-path='metadata.name']")).to_have_count(0)
    page.keyboard.press("ArrowRight")
    page.keyboard.press("ArrowRight")
    expect(view.locator("[data-path='metadata.name']")).to_be_focused()
    page.keyboard.press("ArrowLeft")
    expect(metadata).to_be_focused()
    page.keyboard.press("Enter")
    expect(metadata).to_have_attribute("aria-expanded", "false")
    expect(data).to_have_attribute("aria-expanded", "true")
    expect(page.locator(".jp-Notebook.jp-mod-editMode")).to_have_count(0)  # Enter was the tree's


def test_values_of_a_secret_never_reach_the_page(jupyter):
    make = "!kubectl create secret generic key --from-literal=password=hunter2 -o yaml --save-config > /dev/null"
    page = jupyter.notebook([f"{OPEN}\n{make}\nviews.tree(lab, 'secret/key')"])
    run_cell(page, 0)
    view = view_in(page, 0)
    expect(view.locator("[data-path='data.password']")).to_contain_text("(hidden, 7 bytes)")
    annotations = view.locator("[data-path='metadata.annotations']")
    annotations.click()
    expect(view.locator("[data-path^='metadata.annotations.']")).to_contain_text("hidden")
    for secret in ("aHVudGVyMg", "hunter2"):
        expect(view).not_to_contain_text(secret)


def test_three_routes_side_by_side_in_the_dark_at_125_percent(jupyter):
    page = jupyter.notebook(
        [
            f"{OPEN}\nfrom copy import deepcopy\n"
            "a = {'kind': 'Pod', 'metadata': {'name': 'ü-日本'}, 'spec': {'x': 1, 'same': [{'name': 'n', 'v': 1}]}}\n"
            f"b = deepcopy(a); b['spec']['x'] = '{LONG}'\nviews.tree(lab, Python=a, kubectl=b, YAML=a)"
        ]
    )
    run_cell(page, 0)
    view = view_in(page, 0)
    expect(view).to_contain_text("they differ in 1 field")
    expect(view).to_contain_text("as given")
    expect(view.locator("[data-path='spec.same']")).to_have_attribute("aria-expanded", "false")
    row = view.locator("[data-path='spec.x']")
    expect(row.locator(".ko-changed")).to_have_text(["≠", LONG])  # of three, the odd one is coloured
    expect(row.locator("> span").last).to_have_text("1")
    expect(view.locator("[data-path='kind'] > span")).to_have_text(["kind", "=", "Pod", "Pod", "Pod"])
    page.evaluate("() => window.jupyterapp.commands.execute('apputils:change-theme', {theme: 'JupyterLab Dark'})")
    zoom(page, 1.25)
    assert view.evaluate("node => node.scrollWidth <= node.clientWidth")
    shot(page, "tree-side-by-side-dark")
    page.evaluate("() => window.jupyterapp.commands.execute('apputils:change-theme', {theme: 'JupyterLab Light'})")
