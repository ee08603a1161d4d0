"""A stream of requests to one address, and who answered each: what a user of the Service would see meanwhile."""

from __future__ import annotations

import http.client
import socket
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from typing import NamedTuple
from urllib.parse import urlsplit

__all__ = ["Answer", "Pace", "RequestStream", "ask"]

LIMIT = 2.0  # seconds for one request
LETTERS = 40  # of an answer; a version is short, and a page of HTML would not fit the picture
BYTES = 400


class Answer(NamedTuple):
    """What came back.

    Attributes:
        text: the answer's first line, cut; of a failed request, the reason.
        failed: whether a user would have seen an error.
    """

    text: str
    failed: bool


class Pace(NamedTuple):
    """How often: seconds between two requests (0: none now), and between two calls of ``on_tick``."""

    requests: float
    ticks: float


class RequestStream:
    """Asks again and again in a daemon thread, until `end`. It never prints."""

    def __init__(
        self, url: str, pace: Callable[[], Pace], on_answer: Callable[[Answer], None], on_tick: Callable[[], None]
    ) -> None:
        """Begin.

        Args:
            url: of ``http``; empty for ticks without requests.
            pace: asked before each wait.
            on_answer: called from the thread with each answer.
            on_tick: called from the thread, for what depends on time that passes.
        """
        self._url, self._pace, self._on_answer, self._on_tick = url, pace, on_answer, on_tick
        self._wake, self._ended = threading.Event(), False
        threading.Thread(target=self._run, name=f"requests to {url or 'nobody'}", daemon=True).start()

    def hurry(self) -> None:
        """Ask for the pace again, now: it may have become quicker."""
        self._wake.set()

    def end(self) -> None:
        """Stop; returns at once, and nothing is reported from then on."""
        self._ended = True
        self._wake.set()

    def _run(self) -> None:
        asked = ticked = float("-inf")
        while not self._ended:
            pace, now = self._pace(), time.monotonic()
            if self._url and pace.requests and now >= asked + pace.requests:
                asked = now
                answer = ask(self._url)
                if not self._ended:
                    self._on_answer(answer)
            elif now >= ticked + pace.ticks:
                ticked = now
                self._on_tick()
            else:
                due = asked + pace.requests if self._url and pace.requests else now + pace.ticks
                self._wake.wait(max(min(due, ticked + pace.ticks) - now, 0.01))
                self._wake.clear()


def ask(url: str, limit: float = LIMIT) -> Answer:
    """Ask once, with a new connection and past every proxy: a kept one would stay with the pod that it first reached.

    Args:
        url: an address with ``http``.
        limit: in seconds, for the connection and for each part of the answer.
    """
    connection = None
    try:
        parts = urlsplit(url)
        if parts.scheme != "http" or not parts.hostname:
            return Answer("not an address of http", failed=True)
        connection = http.client.HTTPConnection(parts.hostname, parts.port, timeout=limit)
        path = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
        connection.request("GET", path, headers={"Connection": "close", "User-Agent": "labs"})
        response = connection.getresponse()
        text = _line(response.read1(BYTES))
        if response.status >= 400:
            return Answer(f"HTTP {response.status} {response.reason}".strip(), failed=True)
        return Answer(text or "(an empty answer)", failed=False)
    except Exception as error:  # of any kind: the user had no answer
        return Answer(_reason(error), failed=True)
    finally:
        if connection is not None:
            with suppress(Exception):
                connection.close()


def _line(body: bytes) -> str:
    """The first line with something on it, as far as it can be shown."""
    lines = (line.strip() for line in body.decode("utf-8", "replace").splitlines())
    text = "".join(c if c.isprintable() else "�" for c in next(filter(None, lines), ""))
    return text if len(text) <= LETTERS else text[: LETTERS - 1] + "…"


def _reason(error: Exception) -> str:
    match error:
        case TimeoutError():
            return f"no answer in {LIMIT:g} s"
        case ConnectionRefusedError():
            return "connection refused"
        case ConnectionResetError() | http.client.RemoteDisconnected() | BrokenPipeError():
            return "connection cut off"
        case socket.gaierror():
            return "no such host"
        case OSError(strerror=str(said)):
            return said[:LETTERS].lower()
    return type(error).__name__
