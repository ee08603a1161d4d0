"""A small web server: functions that return a status and a text, one for each method."""

import signal
import sys
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer


def serve(port, get, post=None):
    """Answer GET and POST until SIGTERM; `get(path)` and `post(path, body, headers)` return a status and a text."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self):
            self.answer(*get(self.path))

        def do_POST(self):
            if post is None:
                return self.answer(405, "nothing to post here\n")
            length = int(self.headers.get("Content-Length", 0))
            return self.answer(*post(self.path, self.rfile.read(length).decode(), self.headers))

        def answer(self, status, text):
            body = text.encode()
            self.send_response(status)
            self.send_header("Content-Type", "text/html" if text.startswith("<") else "text/plain")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, format, *arguments):
            print(self.client_address[0], format % arguments, flush=True)

    stop_at_once()
    print(f"listening on port {port}", flush=True)
    ThreadingHTTPServer(("", port), Handler).serve_forever()


def stop_at_once():
    """End on SIGTERM, which process 1 of a container would ignore."""
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
