"""What a person does on a page of JupyterLab, and what the page says meanwhile."""

from __future__ import annotations

import os
import re
from pathlib import Path

from playwright.sync_api import ConsoleMessage, Error, Locator, Page, Request, Response, expect

__all__ = [
    "cell",
    "cell_output",
    "complaints",
    "kernel_status",
    "restart_kernel",
    "run_all",
    "run_cell",
    "shot",
    "shots_folder",
    "view_in",
    "wait_kernel",
    "watch",
    "zoom",
]

HARMLESS: dict[str, str] = {
    "Could not restore the debugger state: Canceled future": "it asked the kernel that was just being restarted",
}
"""Complaints of JupyterLab's own, as regular expressions, each with the reason why it is nobody's fault."""
_STATUS = "() => window.jupyterapp?.shell.currentWidget?.sessionContext?.kernelDisplayStatus ?? 'none'"
_NUMBERED = re.compile(r"^\[\d+\]:$")


def watch(page: Page) -> None:
    """Collect what goes wrong on a page, in ``page.complaints``. ``page.allowed`` is a list of regular expressions: a
    test that kills a kernel or a server appends what it expects."""
    page.complaints, page.allowed = [], []

    def on_console(message: ConsoleMessage) -> None:
        # a failed request is told better by itself
        if message.type == "error" and not message.text.startswith("Failed to load resource"):
            page.complaints.append(f"console: {message.text} ({message.location.get('url', '')})")

    def on_response(response: Response) -> None:
        if response.status >= 400:
            page.complaints.append(f"{response.status}: {response.request.method} {response.url}")

    def on_failed(request: Request) -> None:
        if "ERR_ABORTED" not in (request.failure or ""):  # which is what leaving a page does to them
            page.complaints.append(f"{request.failure}: {request.method} {request.url}")

    page.on("console", on_console)
    page.on("pageerror", lambda error: page.complaints.append(f"error: {error.stack or error.message}"))
    page.on("response", on_response)
    page.on("requestfailed", on_failed)
    page.on("crash", lambda: page.complaints.append("the page crashed"))


def complaints(page: Page) -> list[str]:
    """What went wrong on a page and is not allowed there."""
    allowed = [*HARMLESS, *page.allowed]
    return [said for said in page.complaints if not any(re.search(pattern, said) for pattern in allowed)]


def shots_folder() -> Path:
    """The folder of screenshots: ``$LABS_SHOTS``, else ``build/shots``."""
    folder = Path(os.environ.get("LABS_SHOTS") or Path(__file__).parents[2] / "build" / "shots")
    folder.mkdir(parents=True, exist_ok=True)
    return folder


def zoom(page: Page, factor: float) -> None:
    """Zoom as a browser does: the same window, in which fewer and larger pixels of CSS have room."""
    size = page.viewport_size
    assert size is not None
    metrics = {
        "deviceScaleFactor": factor,
        "mobile": False,
        **{k: round(size[k] / factor) for k in ("width", "height")},
    }
    page.context.new_cdp_session(page).send("Emulation.setDeviceMetricsOverride", metrics)


def shot(page: Page, name: str) -> Path:
    """Keep a picture of what the page shows now, as ``NAME.png``."""
    plain = re.sub(r"[^\w.-]+", "-", name).strip("-")
    path = shots_folder() / f"{plain}.png"
    page.screenshot(path=path, animations="disabled")
    return path


def cell(page: Page, index: int) -> Locator:
    """A code cell of the open notebook; texts are not counted, and -1 is the last one."""
    return page.locator(".jp-NotebookPanel:not(.lm-mod-hidden) .jp-CodeCell").nth(index)


def cell_output(page: Page, index: int) -> Locator:
    """The outputs of a code cell, all of them in one element."""
    return cell(page, index).locator(".jp-Cell-outputArea")


def view_in(page: Page, index: int) -> Locator:
    """The view that a code cell shows."""
    return cell_output(page, index).locator(".kl")


def run_cell(page: Page, index: int, timeout: float = 60) -> Locator:
    """Run a code cell from the keyboard, and wait until it has ended.

    Args:
        page: with a notebook.
        index: which code cell.
        timeout: limit, in seconds; 0 does not wait.

    Returns:
        Its outputs, see `cell_output`.
    """
    which = cell(page, index)
    prompt = which.locator(".jp-InputArea-prompt")
    which.scroll_into_view_if_needed()
    prompt.click()
    # After a restart, the number may be the one that it had before: what JupyterLab writes over this is the new one.
    prompt.evaluate("node => { node.textContent = '' }")
    page.keyboard.press("Control+Enter")
    if timeout:
        expect(prompt).to_have_text(_NUMBERED, timeout=timeout * 1000)
    return cell_output(page, index)


def run_all(page: Page, timeout: float = 120) -> None:
    """Run every cell by the menu, and wait until the kernel has nothing left to do. An error ends it early."""
    page.evaluate("() => { window.jupyterapp.commands.execute('notebook:run-all-cells') }")  # resolved when all has run
    _settle(page, timeout)


def restart_kernel(page: Page, timeout: float = 60) -> None:
    """Restart the notebook's kernel by the menu, say yes, and wait until it is idle. Limit in seconds."""
    page.get_by_role("menuitem", name="Kernel", exact=True).click()
    page.locator(".lm-Menu-itemLabel").get_by_text("Restart Kernel…", exact=True).click()
    page.locator(".jp-Dialog .jp-mod-accept").click()
    page.locator(".jp-Dialog").wait_for(state="detached")
    _settle(page, timeout)


def kernel_status(page: Page) -> str:
    """What the open notebook's kernel does: ``idle``, ``busy``, ``starting``, ``dead``, ...; ``none`` without one."""
    return page.evaluate(_STATUS)


def wait_kernel(page: Page, status: str = "idle", timeout: float = 60) -> None:
    """Wait until the open notebook's kernel has this status, see `kernel_status`. Limit in seconds."""
    try:
        page.wait_for_function(f"status => ({_STATUS})() === status", arg=status, timeout=timeout * 1000)
    except Error as error:
        raise AssertionError(f"The kernel is {kernel_status(page)}, not {status}, after {timeout:g} s.") from error


def _settle(page: Page, timeout: float) -> None:
    """Wait until no cell waits or runs, and the kernel is idle."""
    # a command's first effect may come a turn of the event loop later
    page.evaluate("() => new Promise(resolve => setTimeout(resolve, 100))")
    running = page.locator(".jp-NotebookPanel:not(.lm-mod-hidden) .jp-InputArea-prompt", has_text="[*]")
    expect(running).to_have_count(0, timeout=timeout * 1000)
    wait_kernel(page, "idle", timeout)
