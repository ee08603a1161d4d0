import pytest
from tests.browser.pages import run_all, shot, wait_kernel
pytestmark = [pytest.mark.engine, pytest.mark.timeout(580)]

def test_lesson(jupyter):
    page = jupyter.open("solutions/09_run_workloads") if (jupyter.folder / "solutions").exists() else jupyter.open("09_run_workloads")
    run_all(page, timeout=400_000) if False else None
    page.evaluate("() => window.jupyterapp.commands.execute('notebook:run-all-cells')")
    wait_kernel(page, "busy", 60)
    wait_kernel(page, "idle", 420)
    shot(page, "end")
    for name, text in (("jobs", "When the work fails"), ("cron", "A CronJob makes Jobs"), ("tree","count the levels"), ("tick","The number in such a name"), ("daemon", "A DaemonSet is on every node"), ("stateful", "each pod is somebody"), ("ex1","count the stations"), ("choose","Which to choose, and why")):
        try:
            page.evaluate("""(text) => { const cells = [...document.querySelectorAll('.jp-Cell')]; const c = cells.find(c => c.textContent.includes(text)); c && c.scrollIntoView({block: 'start'}); }""", text)
            page.wait_for_timeout(1500)
            page.evaluate("""(text) => { const cells = [...document.querySelectorAll('.jp-Cell')]; const c = cells.find(c => c.textContent.includes(text)); c && c.scrollIntoView({block: 'start'}); }""", text)
            page.wait_for_timeout(800)
        finally:
            shot(page, name)
