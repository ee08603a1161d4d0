"""One JupyterLab and one Chromium for all tests here; each test has pages of its own.

def test_it(jupyter):
    page = jupyter.notebook(["1 + 1"])
    expect(run_cell(page, 0)).to_have_text("2")
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import nbformat
import pytest
from playwright.sync_api import Browser, BrowserContext, Page, expect, sync_playwright

from labs.errors import LabsError
from labs.session.lab import Lab
from labs.session.opening import open_lab
from tests.browser import chromium
from tests.browser.pages import complaints, shot, wait_kernel, watch
from tests.browser.server import Server

VIEWPORT = {"width": 1400, "height": 1000}
expect.set_options(timeout=30_000)  # a page takes that long where other tests want the processor, too
_numbers = itertools.count(1)


class Jupyter:
    """A test's JupyterLab.

    Attributes:
        url: its address, with a slash at the end and without the token.
        token: what a request must carry.
        folder: the folder that it serves.
        pages: the pages that the test has opened.
    """

    def __init__(self, server: Server, context: BrowserContext) -> None:
        self.url, self.token, self.folder = server.url, server.token, server.folder
        self.pages: list[Page] = []
        self._server, self._context = server, context

    def ask(self, path: str) -> Any:
        """What the server's REST API answers. Args: ``path``, such as ``kube-labs/standing``."""
        return self._server.ask(path)

    def page(self, path: str = "", prepare: Callable[[Page], Any] = lambda page: None) -> Page:
        """A fresh page on JupyterLab, with an empty workspace and the sidebars folded away.

        Args:
            path: what to open there, such as ``tree/00_start_here.ipynb``.
            prepare: called before anything is loaded, say to answer requests.
        """
        workspace = f"test-{next(_numbers)}"
        layout = {"left": {"collapsed": True}, "right": {"collapsed": True}}
        data = {"data": {"layout-restorer:data": layout}, "metadata": {"id": workspace}}
        self._server.ask(f"lab/api/workspaces/{workspace}", "PUT", data)
        page = self._context.new_page()
        watch(page)
        self.pages.append(page)
        prepare(page)
        page.goto(f"{self.url}lab/workspaces/{workspace}/{path}?token={self.token}")
        page.wait_for_function("() => window.jupyterapp?.restored.then(() => true)")
        return page

    def open(self, notebook: str) -> Page:
        """A fresh page on a notebook, with its kernel idle. Args: ``notebook``, such as ``00_start_here``."""
        page = self.page(f"tree/{notebook.removesuffix('.ipynb')}.ipynb")
        page.locator(".jp-NotebookPanel .jp-Cell").first.wait_for()
        wait_kernel(page, "idle", 90)
        return page

    def notebook(self, cells: Sequence[str]) -> Page:
        """Write a notebook with these code cells, and open it as `open` does."""
        name = f"test-{next(_numbers)}"
        written = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(source) for source in cells])
        written.metadata.kernelspec = {"name": "python3", "display_name": "Python 3", "language": "python"}
        nbformat.write(written, self.folder / f"{name}.ipynb")
        return self.open(name)

    def block(self, address: str) -> None:
        """Let no page of this test load what has this address. Args: ``address``, a glob pattern."""
        self._context.route(address, lambda route: route.abort())

    def close(self, page: Page) -> None:
        """Close a page, and end its kernel as a server that was restarted would."""
        page.close()
        self._server.end_sessions()

    def complaints(self) -> list[str]:
        """What went wrong on the pages and is not allowed there."""
        return [said for page in self.pages for said in complaints(page)]


@pytest.fixture(scope="package")
def chromium_program() -> chromium.Program:
    """The browser; without one, and without a way to one, the tests are skipped, unless it was named."""
    try:
        return chromium.find()
    except LabsError as error:
        if chromium.named():
            raise
        pytest.skip(f"There is no Chromium. {error.what} {error.todo}")


@pytest.fixture(scope="package")
def browser(chromium_program) -> Iterator[Browser]:
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=chromium_program.path,
            env=chromium_program.env,
            args=["--disable-dev-shm-usage"],  # containers have 64 MB of it
        )
        yield browser
        browser.close()


@pytest.fixture(scope="package")
def server(course, tmp_path_factory) -> Iterator[Server]:
    server = Server(tmp_path_factory.mktemp("jupyter"))
    yield server
    server.close()


@pytest.fixture
def jupyter(browser, server) -> Iterator[Jupyter]:
    """A JupyterLab on the session's course, see `Jupyter`. Its kernels end with the test."""
    context = browser.new_context(viewport=VIEWPORT, color_scheme="light", locale="en-US")
    yield Jupyter(server, context)
    context.close()
    server.end_sessions()


@pytest.fixture
def lab(course, request) -> Iterator[Lab]:
    """The lesson whose number the test's module calls ``LESSON``, with nothing in it; gone after the test."""
    lab = open_lab(request.module.LESSON, quiet=True)
    lab.reset()
    yield lab
    lab.cleanup()


@pytest.hookimpl(wrapper=True)
def pytest_pyfunc_call(pyfuncitem: pytest.Function):
    """After a test: what its pages complained about fails it, and a failure leaves pictures of its pages."""
    jupyter: Jupyter | None = pyfuncitem.funcargs.get("jupyter")
    if jupyter is None:
        return (yield)
    try:
        result = yield
        said = jupyter.complaints()
        assert not said, "The page complained:\n" + "\n".join(said)
    except BaseException:
        print(*_pictures(jupyter, f"failed-{pyfuncitem.name}"), sep="\n")
        raise
    return result


def _pictures(jupyter: Jupyter, name: str) -> Iterator[Path | str]:
    for number, page in enumerate(jupyter.pages, 1):
        try:
            yield shot(page, f"{name}-{number}")
        except Exception as error:  # the browser is gone, say: the test's own failure counts
            yield f"no picture of page {number}: {error}"
