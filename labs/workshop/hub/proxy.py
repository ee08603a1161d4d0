"""The proxy in front of the hub and all learners' servers: configurable-http-proxy in Python, a process of its own.

Used as it is, it would serve no kernel to a browser: it does not answer which of the offered WebSocket protocols was
chosen. It would also serve ten requests at a time, end each after 20 seconds and pass on no message above 10 MB.
"""

from __future__ import annotations

import encodings.idna  # noqa: F401  (loaded while this may read Python's folder)
import os
import sys
from functools import partial
from typing import Any

from configurable_http_proxy import handlers
from configurable_http_proxy.configproxy import PythonProxy
from configurable_http_proxy.handlers import ProxyHandler
from tornado.httpclient import AsyncHTTPClient
from tornado.httpserver import HTTPServer
from tornado.ioloop import IOLoop
from tornado.web import Application
from tornado.websocket import websocket_connect

__all__ = ["main"]

LARGEST = 512 << 20
"""Bytes of an upload, a download or a message. All of it is in memory for a moment."""
AT_ONCE = 1000
PATIENCE = 3600
USER = 64043
"""The user id of the proxy: nobody else's."""


class Handler(ProxyHandler):
    """Passes the chosen WebSocket protocol on."""

    def select_subprotocol(self, subprotocols: list[str]) -> str | None:
        """What the server behind has chosen. Args: ``subprotocols``, what the browser has offered."""
        return self.ws_client.selected_subprotocol if self.ws_client else None

    def _get_proxy_request(self, url: str) -> Any:
        # each half of the way compresses, or not, by itself
        self.request.headers.pop("Sec-WebSocket-Extensions", None)
        return super()._get_proxy_request(url)


def main() -> None:
    """Serve for ever. Arguments: address and port to listen on, the port of its own API, the hub's address."""
    bind, port, api_port, hub = sys.argv[1:]
    handlers.websocket_connect = partial(websocket_connect, max_message_size=LARGEST)  # it has no setting for that
    AsyncHTTPClient.configure(None, max_clients=AT_ONCE, max_buffer_size=LARGEST, max_body_size=LARGEST)
    proxy = PythonProxy(
        {
            "default_target": hub,
            "error_target": f"{hub}/hub/error",
            "auth_token": os.environ["CONFIGPROXY_AUTH_TOKEN"],
            "proxy_timeout": PATIENCE,
        }
    )
    application = Application([(r"/(.*)", Handler, {"proxy": proxy})], websocket_max_message_size=LARGEST)
    HTTPServer(application, max_buffer_size=LARGEST, max_body_size=LARGEST).listen(int(port), bind)
    HTTPServer(proxy.api_app).listen(int(api_port), "127.0.0.1")
    if os.geteuid() == 0:
        os.setgroups([])
        os.setgid(USER)
        os.setuid(USER)
    IOLoop.current().start()


if __name__ == "__main__":
    main()
