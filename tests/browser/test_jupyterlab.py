"""JupyterLab as `labs lab` starts it: a lesson opens and runs, and nobody comes in without the token."""

from __future__ import annotations

import urllib.error
import urllib.request

import pytest
from playwright.sync_api import expect

from tests.browser.pages import cell_output, kernel_status, restart_kernel, run_all, run_cell, shot, wait_kernel

pytestmark = [pytest.mark.engine, pytest.mark.timeout(300)]


def test_first_lesson_opens_and_runs(jupyter):
    page = jupyter.open("00_start_here")
    run_cell(page, 0)
    run_cell(page, 1)
    run_cell(page, 2)
    expect(cell_output(page, 2)).to_contain_text("running")
    shot(page, "00_start_here")


def test_cells_run_alone_and_together_before_and_after_restart(jupyter):
    page = jupyter.notebook(["print(6 * 7)", "import time; time.sleep(1); 'late'", "sum(range(10))"])
    expect(run_cell(page, 0)).to_have_text("42")
    restart_kernel(page)
    expect(run_cell(page, 0)).to_have_text("42")
    run_cell(page, 1, timeout=0)
    wait_kernel(page, "busy")
    wait_kernel(page, "idle")
    run_all(page)
    assert kernel_status(page) == "idle"
    expect(cell_output(page, 1)).to_contain_text("late")
    expect(cell_output(page, -1)).to_contain_text("45")


def test_console_errors_fail_unless_allowed(jupyter):
    page = jupyter.page()
    with page.expect_event("pageerror"), page.expect_event("response", lambda it: it.status == 404):
        page.evaluate("() => { console.error('on purpose'); setTimeout(() => { throw new Error('thrown') }) }")
        page.evaluate("() => fetch('/no/such/page')")
    said = "\n".join(jupyter.complaints())
    for expected in ("on purpose", "thrown", "404: GET"):
        assert expected in said
    page.allowed += ["on purpose", "thrown", "404: GET .*/no/such/page"]
    assert not jupyter.complaints()


@pytest.mark.parametrize("path", ["lab", "api/contents", "api/kernels"])
def test_token_is_required(jupyter, path):
    try:
        with urllib.request.urlopen(jupyter.url + path, timeout=30) as answer:
            where, status = answer.url, answer.status
    except urllib.error.HTTPError as error:
        where, status = error.url, error.code
    assert status == 403 or "/login" in where
