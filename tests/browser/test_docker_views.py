"""The views on Docker in a notebook: layers, cache hits, a container at its limit, and one that comes again."""

from __future__ import annotations

import re
from contextlib import suppress

import pytest
from docker.errors import APIError, NotFound
from playwright.sync_api import expect

from labs.session.opening import open_lab
from tests.browser.pages import cell_output, run_cell, shot, zoom

pytestmark = [pytest.mark.engine, pytest.mark.timeout(300)]
OPEN = (
    "from labs import open_lab, views\nlab = open_lab('84', kubernetes=False, quiet=True)\nclient = lab.clients.docker"
)
BUILD = r"""
folder = lab.folder
(folder / "Dockerfile").write_text("FROM labs/python:3\nRUN mkdir /data\nCOPY x.py /app/x.py\nUSER 1000\n")
(folder / "x.py").write_text("1")
client.images.build(path=str(folder), tag="view-weather:1", labels=lab.labels, rm=True)
(folder / "x.py").write_text("2")
_, log = client.images.build(path=str(folder), tag="view-weather:2", labels=lab.labels, rm=True)
views.image(lab, "view-weather:2", "view-weather:1", log=log)
"""
EAT = "import time\nhoard = []\nwhile True:\n    hoard.append(b'x' * (4 * 2**20))\n    time.sleep(0.2)"


@pytest.fixture(autouse=True)
def lab(course):
    lab = open_lab("84", kubernetes=False, quiet=True)
    lab.reset()
    yield lab
    for name in ("view-web",):
        with suppress(NotFound, APIError):
            lab.clients.docker.containers.get(name).remove(force=True)
    lab.cleanup()


def run(lab, image: str = "labs/web:1", command=None, **options):
    client = lab.clients.docker
    return client.containers.run(image, command, name="view-web", detach=True, labels=lab.labels, **options)


def test_shared_layers_and_cache_hits(jupyter, lab):
    page = jupyter.notebook([OPEN, BUILD])
    run_cell(page, 0)
    view = run_cell(page, 1).locator(".kl")
    new, old = view.locator(".kl-im-stack").all()
    expect(new.locator(".kl-im-shared")).to_have_count(3)  # two of the base image, and the folder
    expect(old.locator(".kl-im-shared")).to_have_count(3)
    step = new.locator("[aria-label^='COPY x.py']")
    expect(step).to_contain_text("ran again")
    expect(new.locator("[aria-label^='RUN mkdir']")).to_contain_text("from the cache")
    expect(old).not_to_contain_text("from the cache")  # the log tells of the first image only
    expect(view).to_contain_text(
        "The first that did not: step 3 of 6, COPY x.py /app/x.py: a file that it copies has changed"
    )
    step.focus()
    page.keyboard.press("Enter")
    expect(view.locator(".kl-detail")).to_contain_text("sha256:")
    shot(page, "image")
    lab.clients.docker.images.get("labs/web:1").tag("view-weather:2")
    expect(new).to_contain_text("the name was moved")
    lab.clients.docker.images.remove("view-weather:1")
    expect(old).to_contain_text("removed at")
    lab.clients.docker.images.remove("view-weather:2", noprune=True)
    expect(new).to_contain_text("gone")


def test_container_reaches_its_limit_and_is_told_as_oom_killed(jupyter, lab):
    page = jupyter.notebook([f"{OPEN}\nviews.container(lab, 'view-web')"])
    view = run_cell(page, 0).locator(".kl")
    expect(view).to_contain_text("there is no container view-web")
    run(lab, "labs/python:3", ["python3", "-c", EAT], mem_limit="64m", memswap_limit="64m")
    expect(view).to_contain_text("of its limit, 64 MiB", timeout=15000)
    expect(view.locator("tr", has_text="memory").locator("polyline")).to_be_visible(timeout=15000)
    shot(page, "container-eats")
    expect(view).to_contain_text("exited with code 137 (OOM-killed)", timeout=30000)
    expect(view).to_contain_text("wanted more memory than its limit allows")
    expect(view).to_contain_text("the last sample before the kernel killed it")
    expect(view.locator("tr", has_text="memory").first).to_contain_text(re.compile(r"[1-6]\d(\.\d)? MiB of its limit"))
    shot(page, "container-oom")


def test_container_from_both_sides_goes_and_comes_again(jupyter, lab):
    page = jupyter.notebook([f"{OPEN}\nviews.container(lab, 'view-web')"])
    web = run(lab)
    view = run_cell(page, 0).locator(".kl")
    row = view.locator("tr", has_text="nginx: master")
    expect(row.locator("td").nth(1)).to_have_text("1", timeout=15000)
    expect(view.locator("tr", has_text="process numbers")).to_contain_text("its own")
    page.evaluate("() => window.jupyterapp.commands.execute('apputils:change-theme', {theme: 'JupyterLab Dark'})")
    zoom(page, 1.25)
    expect(page.locator("body[data-jp-theme-light='false']")).to_have_count(1)
    shot(page, "container-dark-125")
    web.pause()
    expect(view).to_contain_text("paused")
    web.unpause()
    expect(view).not_to_contain_text("paused")
    web.rename("view-other")
    expect(view).to_contain_text("It was renamed to view-other")
    web.rename("view-web")
    expect(view).to_contain_text("running")
    web.remove(force=True)
    expect(view).to_contain_text("It was removed at")
    run(lab, "labs/web:2")
    expect(view).to_contain_text("labs/web:2")
    expect(row.locator("td").nth(1)).to_have_text("1", timeout=15000)
    view.get_by_role("button", name="text").click()
    expect(cell_output(page, 0).locator("pre")).to_contain_text("PID on the machine")
