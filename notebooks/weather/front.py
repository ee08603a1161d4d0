"""The front: shows what the store has. /settings tells each setting and where it comes from."""

import json
import socket
from pathlib import Path

from client import lines
from settings import FOLDER, setting, value
from web import serve

PAGE = "{title}: {count} readings, mean {mean} {unit}\n"
SETTINGS = {"title": "Weather", "unit": "celsius", "store": "http://store:8000", "port": "8080"}


def get(path):
    if path == "/healthz":
        return 200, "ok\n"
    if path == "/hostname":
        return 200, f"{socket.gethostname()}\n"
    if path == "/settings":
        found = {name: setting(name, default) for name, default in SETTINGS.items()}
        return 200, json.dumps({name: f"{value} ({source})" for name, (value, source) in found.items()}) + "\n"
    if path not in {"/", "/ready"}:
        return 404, f"there is no {path} here\n"
    try:
        readings, means = lines("readings"), lines("means")
    except OSError as error:
        return 503, f"no answer from {value('store', SETTINGS['store'])}: {error}\n"
    if path == "/ready":
        return 200, "ready\n"
    page = Path(FOLDER, "page.html")
    text = page.read_text() if page.is_file() else PAGE
    mean = means[-1] if means else "unknown"
    words = {name: value(name, default) for name, default in SETTINGS.items()}
    return 200, text.format(count=len(readings), mean=mean, **words)


serve(int(value("port", "8080")), get)
