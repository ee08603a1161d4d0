"""Views in a notebook: live while cells run, readable for everybody, and never in the way."""

from __future__ import annotations

import pytest
from playwright.sync_api import expect

from labs.waiting import wait_for
from tests.browser.pages import cell, restart_kernel, run_cell, shot, view_in, zoom

pytestmark = [pytest.mark.engine, pytest.mark.timeout(300), pytest.mark.usefixtures("lab")]
LESSON = "97"
OPEN = f"from labs import open_lab, views\nlab = open_lab({LESSON!r}, quiet=True)"
WEB = "kubectl create deployment front --image=labs/web:1 --replicas=2"
BROKEN = "kubectl create deployment broken --image=labs/nothing:1"


def test_cluster_changes_while_a_cell_runs_and_tells_why(jupyter):
    page = jupyter.notebook(
        [
            f"{OPEN}\nviews.cluster(lab)",
            f"!{WEB}\n!kubectl expose deployment front --port=80\nimport time; time.sleep(20)",
        ]
    )
    run_cell(page, 0)
    view = view_in(page, 0)
    expect(view).to_contain_text("live")
    expect(view).to_contain_text("no pods yet")
    run_cell(page, 1, timeout=0)
    expect(view.locator("[aria-label^='Pod front-'][aria-label$='ready']")).to_have_count(2, timeout=15000)
    expect(view.locator("path.kl-link.kl-good")).to_have_count(2, timeout=15000)
    expect(cell(page, 1).locator(".jp-InputArea-prompt")).to_have_text("[*]:")  # the cell still runs
    shot(page, "cluster-live")


def test_reason_is_one_click_or_key_away_in_the_dark_at_125_percent(jupyter):
    page = jupyter.notebook([f"{OPEN}\nviews.cluster(lab)", f"!{BROKEN}"])
    run_cell(page, 0)
    run_cell(page, 1)
    view = view_in(page, 0)
    pod = view.locator("[aria-label^='Pod broken-'][aria-label*='ImagePull']")
    expect(pod).to_have_count(1, timeout=60000)
    page.evaluate("() => window.jupyterapp.commands.execute('apputils:change-theme', {theme: 'JupyterLab Dark'})")
    expect(page.locator("body[data-jp-theme-light='false']")).to_have_count(1)
    zoom(page, 1.25)
    pod.focus()
    page.keyboard.press("Enter")
    about = view.locator(".kl-detail")
    expect(about).to_contain_text("labs/nothing:1")
    shot(page, "cluster-reason-dark")
    expect(about).to_be_visible()
    page.keyboard.press(" ")
    expect(about).to_have_count(0)
    page.evaluate("() => window.jupyterapp.commands.execute('apputils:change-theme', {theme: 'JupyterLab Light'})")


def test_text_form_is_a_button_away(jupyter, lab):
    page = jupyter.notebook([f"{OPEN}\nviews.cluster(lab)"])
    run_cell(page, 0)
    view = view_in(page, 0)
    view.get_by_role("button", name="text").press("Enter")
    expect(view.locator("pre")).to_contain_text("0 of 0 pods ready\nnode node1: Ready")


def test_cell_run_again_closes_its_former_view_and_two_cells_have_two(jupyter):
    again = f"{OPEN}\nshown = views.cluster(lab)\nshown"
    ask = "import threading\nprint(first.live, shown.live, str(threading.enumerate()).count('(watch ') > 5)"
    page = jupyter.notebook([again, "first = shown", "views.cluster(lab)", ask])
    for index in (0, 1, 2, 0):
        run_cell(page, index)
    expect(run_cell(page, 3)).to_have_text("False True True")
    expect(page.locator(".kl")).to_have_count(2)
    expect(page.locator(".kl-state", has_text="live")).to_have_count(2)


def test_removed_output_ends_the_watches(jupyter):
    count = (
        "import threading, time\ntime.sleep(1)\nprint(sum(t.name.startswith('watch ') for t in threading.enumerate()))"
    )
    page = jupyter.notebook([f"{OPEN}\nviews.cluster(lab)", count])
    run_cell(page, 0)
    expect(view_in(page, 0)).to_contain_text("live")
    expect(run_cell(page, 1)).not_to_have_text("0")
    page.evaluate("() => window.jupyterapp.commands.execute('notebook:clear-all-cell-outputs')")
    run_cell(page, 1)
    expect(run_cell(page, 1)).to_have_text("0")


def test_restarted_kernel_leaves_the_last_picture_and_says_so(jupyter):
    page = jupyter.notebook([f"{OPEN}\nviews.cluster(lab)", f"!{WEB}"])
    run_cell(page, 0)
    run_cell(page, 1)
    view = view_in(page, 0)
    expect(view).to_contain_text("2 of 2 pods ready", timeout=30000)
    restart_kernel(page)
    expect(view).to_contain_text("kernel no longer has this view")
    expect(view).to_contain_text("2 of 2 pods ready")
    run_cell(page, 0)
    expect(view_in(page, 0)).not_to_contain_text("no longer")
    expect(view_in(page, 0)).to_contain_text("2 of 2 pods ready")


def test_notebook_opened_again_shows_the_last_picture(jupyter):
    page = jupyter.notebook([f"{OPEN}\nviews.cluster(lab)", f"!{WEB}"])
    run_cell(page, 0)
    run_cell(page, 1)
    expect(view_in(page, 0)).to_contain_text("2 of 2 pods ready", timeout=30000)
    name = page.evaluate("() => window.jupyterapp.shell.currentWidget.context.path")
    page.evaluate("() => window.jupyterapp.commands.execute('docmanager:save')")
    jupyter.close(page)
    page = jupyter.open(name)
    view = view_in(page, 0)
    expect(view).to_contain_text("kernel no longer has this view")
    expect(view).to_contain_text("2 of 2 pods ready")
    shot(page, "cluster-reopened")


def test_without_a_widget_manager_there_is_the_text(jupyter):
    jupyter.block("**/extensions/@jupyter-widgets/**")
    page = jupyter.notebook([f"{OPEN}\nviews.cluster(lab)"])
    page.allowed += ["ERR_FAILED", "^console: "]  # JupyterLab says in many ways that an extension is not there
    expect(run_cell(page, 0)).to_contain_text("Namespace lab-97\n0 of 0 pods ready")


@pytest.mark.parametrize("leave", ["close", "reload"])
def test_page_that_is_left_without_notice_lets_go_of_its_views(jupyter, leave):
    seen = jupyter.folder / "seen"
    watch = (
        "import pathlib, threading, time\ndef note():\n    while True:\n"
        "        pathlib.Path('seen').write_text(f'{len(view._seen_by)} {view._begun}')\n        time.sleep(0.2)\n"
        "threading.Thread(target=note, daemon=True).start()"
    )
    page = jupyter.notebook([f"{OPEN}\nview = views.cluster(lab)\nview", watch])
    run_cell(page, 0)
    expect(view_in(page, 0)).to_contain_text("live")
    run_cell(page, 1)
    wait_for(
        lambda: seen.exists() and seen.read_text() == "1 True", 20, what="the view to be seen", state=seen.read_text
    )
    if leave == "close":
        page.close(run_before_unload=True)
        wait_for(lambda: seen.read_text() == "0 False", 20, what="the watches to end", state=seen.read_text)
    else:
        page.evaluate("() => window.jupyterapp.commands.execute('docmanager:save')")
        page.reload()
        expect(view_in(page, 0)).to_contain_text("live", timeout=60_000)
        wait_for(lambda: seen.read_text() == "1 True", 20, what="one place alone", state=seen.read_text)
