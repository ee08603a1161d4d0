"""What is in a cluster now: lists kept true by watches, shared by all views, each in a thread of its own."""

from __future__ import annotations

import json
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import suppress
from datetime import datetime
from typing import Any

from labs.views.framework.context import ViewContext
from labs.views.framework.resource_names import RESOURCES
from labs.waiting import http_status

__all__ = ["Subscription", "disconnect", "json_lines", "subscribe"]

PROGRAMMING_ERRORS = (AttributeError, LookupError, NameError, TypeError)
WATCH = 300  # seconds after which the API server ends a watch, and we list again
SILENCE = 100  # seconds; the API server sends a bookmark about every minute, so more means that it is gone
RETRY = (0.3, 5.0)  # seconds between two tries, from the first to the longest


class Subscription:
    """One view's hold on a list. `subscribe` makes it.

    Attributes:
        problem: why the list is not up to date, as a clause; empty while it is.
    """

    def __init__(self, feed: _Feed, on_change: Callable[[], None]) -> None:
        self._feed, self._on_change = feed, on_change

    @property
    def problem(self) -> str:
        return self._feed.problem

    @property
    def is_filled(self) -> bool:
        """Whether the list was read at least once."""
        return self._feed.is_filled

    def items(self) -> list[dict[str, Any]]:
        """The objects as plain dictionaries, ordered by name. They are shared: do not change them."""
        return self._feed.items()

    def wait(self, timeout: float = 5) -> None:
        """Wait until the list was read once or could not be read.

        Args:
            timeout: in seconds.
        """
        self._feed.tried.wait(timeout)

    def close(self) -> None:
        """Let go of the list; the watch ends with its last subscriber."""
        with _lock:
            self._feed.subscribers.discard(self._on_change)
            if not self._feed.subscribers and _feeds.get(self._feed.key) is self._feed:
                del _feeds[self._feed.key]
                self._feed.stop()


_feeds: dict[tuple[str, ...], _Feed] = {}
_lock = threading.Lock()


def subscribe(
    lab: ViewContext, resource: str, on_change: Callable[[], None], *, namespace: str = "", fields: str = ""
) -> Subscription:
    """Watch a resource.

    Args:
        lab: the lesson, whose clients are asked; they follow a course that was set up again.
        resource: one of `RESOURCES`, such as ``"pods"``.
        on_change: called from a thread after each change; must return at once.
        namespace: another one than the lesson's.
        fields: a field selector, such as ``"metadata.name=web"``.

    Raises:
        KeyError: there is no such resource in `RESOURCES`.
    """
    if resource not in RESOURCES:
        raise KeyError(f"no view can follow {resource!r} yet: it has no line in `RESOURCES`")
    where = (namespace or lab.namespace) if RESOURCES[resource].is_namespaced else ""
    key = (str(lab.kubeconfig), resource, where, fields)
    with _lock:
        feed = _feeds.get(key)
        if feed is None:
            feed = _feeds[key] = _Feed(key, lambda: lab.clients.api)
        feed.subscribers.add(on_change)
    return Subscription(feed, on_change)


class _Feed:
    """A list, and the thread that keeps it true."""

    def __init__(self, key: tuple[str, ...], api: Callable[[], Any]) -> None:
        self.key, self._api = key, api
        self.subscribers: set[Callable[[], None]] = set()
        self.problem = ""
        self.is_filled = False
        self.tried = threading.Event()
        self._objects: dict[str, dict[str, Any]] = {}
        self._stopped = threading.Event()
        self._response: Any = None
        threading.Thread(target=self._run, name=f"watch {' '.join(key[1:])}", daemon=True).start()

    def items(self) -> list[dict[str, Any]]:
        return sorted(self._objects.values(), key=lambda o: (o["metadata"]["name"], o["metadata"]["uid"]))

    def stop(self) -> None:
        self._stopped.set()
        response = self._response
        if response is not None:
            disconnect(response)

    def _run(self) -> None:
        pause = RETRY[0]
        while not self._stopped.is_set():
            try:
                version = self._list()
                pause = RETRY[0]
                self._watch(version)
            except Exception as error:  # of any kind: the view says so, and the next attempt may succeed
                if self._stopped.is_set():
                    return
                if http_status(error) == 410:  # the version has left etcd's history: list again, silently
                    continue
                if not self.problem:
                    self.problem = f"{_reason(error)} (since {datetime.now():%H:%M:%S})"
                self.tried.set()
                self._tell()
                self._stopped.wait(pause)
                pause = min(pause * 2, RETRY[1])

    def _list(self) -> str:
        response = self._ask((3, 20))
        found = json.loads(response.data)
        self._objects = {item["metadata"]["uid"]: item for item in found["items"]}
        self.problem, self.is_filled = "", True
        self.tried.set()
        self._tell()
        return found["metadata"]["resourceVersion"]

    def _watch(self, version: str) -> None:
        response = self._response = self._ask(
            (3, SILENCE), watch=True, resource_version=version, allow_watch_bookmarks=True, timeout_seconds=WATCH
        )
        try:
            if self._stopped.is_set():  # while the request was on its way, when there was nothing to hang up
                return
            for change in json_lines(response):
                if self._stopped.is_set():
                    return
                kind, thing = change["type"], change["object"]
                if kind == "ERROR":
                    raise _Refused(thing.get("code", 0), thing.get("message", "the watch ended"))
                if kind == "BOOKMARK":
                    continue
                if kind == "DELETED":
                    self._objects.pop(thing["metadata"]["uid"], None)
                else:
                    self._objects[thing["metadata"]["uid"]] = thing
                self._tell()
        finally:
            self._response = None
            response.close()

    def _ask(self, timeout: tuple[float, float], **query: Any) -> Any:
        """Ask the API server; the answer is left unread. Raises what the client raises, and `_Refused`."""
        from kubernetes import client

        _, name, namespace, fields = self.key
        resource = RESOURCES[name]
        if fields:
            query["field_selector"] = fields
        ask = getattr(getattr(client, resource.api)(self._api()), resource.method)
        answer = ask(*([namespace] if namespace else []), **query, _preload_content=False, _request_timeout=timeout)
        if not 200 <= answer.status <= 299:
            raise _Refused(answer.status, answer.reason or "")
        return answer

    def _tell(self) -> None:
        for on_change in list(self.subscribers):
            on_change()


class _Refused(Exception):
    """The API server said no, or ended a watch. Args: ``status`` as in HTTP, and a ``message``."""

    def __init__(self, status: int, message: str) -> None:
        super().__init__(message)
        self.status = status


def json_lines(response: Any) -> Iterator[dict[str, Any]]:
    """The JSON lines of a watch, each as soon as it is whole."""
    left = b""
    for chunk in response.stream(amt=None, decode_content=False):
        *whole, left = (left + chunk).split(b"\n")
        for line in whole:
            if line.strip():
                yield json.loads(line)


def disconnect(response: Any) -> None:
    """End a request from another thread: closing alone would leave the reader waiting."""
    with suppress(Exception):
        response.connection.sock.shutdown(socket.SHUT_RDWR)
    with suppress(Exception):
        response._fp.fp.raw._sock.shutdown(socket.SHUT_RDWR)


def _reason(error: Exception) -> str:
    """Why a list is not true, in a clause."""
    status = http_status(error)
    if status == 403:
        return "this account may not watch here"
    if status == 404:
        return "there is no such namespace"
    if isinstance(error, PROGRAMMING_ERRORS):  # waiting will not help
        return f"the course has a fault here: {type(error).__name__}: {error}"
    return "the API server does not answer"
