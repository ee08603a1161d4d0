"""A publisher of releases: a web server on this machine."""

from __future__ import annotations

import functools
import http.server
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

__all__ = ["publisher"]


class Handler(http.server.SimpleHTTPRequestHandler):
    """Serves a folder; of what lies in a folder, or is a file, called ``truncated`` it announces more than it sends."""

    def send_header(self, keyword, value):
        if keyword == "Content-Length" and "/truncated" in self.path and not self.path.endswith(".sha256"):
            value = str(int(value) + 1000)
        super().send_header(keyword, value)

    def log_message(self, *_):
        self.server.asked.append(self.path)


@contextmanager
def publisher(folder: Path) -> Iterator[tuple[str, list[str]]]:
    """Serve a folder; give its address, and the list of what it was asked for."""
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), functools.partial(Handler, directory=str(folder)))
    server.asked = []
    threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
    try:
        yield f"http://127.0.0.1:{server.server_port}", server.asked
    finally:
        server.shutdown()
        server.server_close()
