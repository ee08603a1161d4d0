"""The store: keeps lines of text in files. POST /readings adds a line, GET /readings returns all of them."""

import socket
from pathlib import Path

from settings import value
from web import serve


def file_of(path):
    return Path(value("data", "/data"), Path(path).name)


def get(path):
    if path == "/healthz":
        return 200, "ok\n"
    if path == "/hostname":
        return 200, f"{socket.gethostname()}\n"
    file = file_of(path)
    return 200, file.read_text() if file.is_file() else ""


def post(path, body, headers):
    token = value("token")
    if token and headers.get("Authorization") != f"Bearer {token}":
        return 401, "the token is missing or wrong\n"
    with file_of(path).open("a") as file:
        file.write(f"{body}\n")
    return 201, "stored\n"


serve(int(value("port", "8000")), get, post)
