"""Lists that are read again whenever a stream of events says that something has changed."""

from __future__ import annotations

import http.client
import json
import time
from collections.abc import Callable, Iterable
from contextlib import suppress
from typing import Any

__all__ = ["ask_json", "follow"]


def ask_json(connection: http.client.HTTPConnection, path: str, *, change: Any = None) -> Any:
    """What is answered to a question.

    Args:
        connection: to a server of JSON; it is closed.
        path: what to ask for.
        change: what to change there, as a merge patch (RFC 7396); None asks only.

    Raises:
        OSError: another status than 200.
    """
    try:
        if change is None:
            connection.request("GET", path)
        else:
            connection.request("PATCH", path, json.dumps(change), {"Content-Type": "application/merge-patch+json"})
        answer = connection.getresponse()
        if answer.status != 200:
            raise OSError(f"{path}: {answer.status}")
        return json.loads(answer.read())
    finally:
        connection.close()


def follow(connect: Callable[[], http.client.HTTPConnection], path: str, changed: Callable[[], None]) -> None:
    """List, then list again whenever a line arrives on a stream; forever, across ended connections.

    Args:
        connect: a new connection to the server.
        path: of the stream.
        changed: lists; what it raises begins all again.
    """
    while True:
        with suppress(Exception):
            connection = connect()
            try:
                connection.request("GET", path)
                stream = connection.getresponse()
                changed()
                for _ in _lines(stream):
                    changed()
            finally:
                connection.close()
        time.sleep(0.3)


def _lines(stream: http.client.HTTPResponse) -> Iterable[bytes]:
    while line := stream.readline():
        yield line
