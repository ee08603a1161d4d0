"""What Docker has now: read once, and again after each event that concerns it; in a thread with a client of its own."""

from __future__ import annotations

import json
import threading
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from datetime import datetime
from typing import Any, ClassVar

from labs.kube import docker_output
from labs.views.framework.context import ViewContext
from labs.views.framework.watch import disconnect, json_lines

__all__ = ["DockerFeed", "Streams", "connect"]

PATIENCE = 5  # seconds for an answer; Docker's first one to a question is never far
SILENCE = 20  # seconds without an event after which we ask: a frozen Docker keeps its connections
RETRY = (0.3, 3.0)  # seconds between two tries, from the first to the longest


def connect(lab: ViewContext) -> Any:
    """A Docker client for one thread; it follows a course that was set up again.

    Args:
        lab: the lesson.

    Raises:
        docker.errors.DockerException: Docker does not answer.
    """
    return docker_output.connect(lab.clients.docker_host, PATIENCE)


class Streams:
    """Answers of Docker that do not end, and a way to end them from another thread."""

    def __init__(self) -> None:
        self.stopped = threading.Event()
        self._open: set[Any] = set()

    @contextmanager
    def stream(self, client: Any, path: str, silence: float, **query: str) -> Iterator[Iterator[dict[str, Any]]]:
        """Ask Docker for a stream of JSON lines. The client's own set no limit, or cannot be closed.

        Args:
            client: a Docker client of this thread.
            path: such as ``"/events"``.
            silence: seconds without a byte after which the stream raises.
            query: the query's parameters.

        Raises:
            requests.exceptions.RequestException: Docker refused or did not answer.
        """
        api = client.api
        url = f"{api.base_url}/v{api.api_version}{path}"
        with closing(api.get(url, params=query, stream=True, timeout=(PATIENCE, silence))) as response:
            response.raise_for_status()
            self._open.add(response.raw)
            if self.stopped.is_set():  # it was stopped while we asked, and did not know this response
                disconnect(response.raw)
            try:
                yield json_lines(response.raw)
            finally:
                self._open.discard(response.raw)

    def stop(self) -> None:
        """End every stream, at once; nobody is waited for."""
        self.stopped.set()
        for response in list(self._open):
            disconnect(response)


class DockerFeed(ABC):
    """One thread that keeps something of Docker up to date; a view holds it as it holds a subscription.

    Attributes:
        problem: why it is not up to date, as a clause; empty while it is.
        is_filled: whether it was read at least once.
    """

    EVENTS: ClassVar[dict[str, list[str]]]  # the filters of `docker events`

    def __init__(self, lab: ViewContext, on_change: Callable[[], None]) -> None:
        """Begin.

        Args:
            lab: the lesson.
            on_change: called from a thread after each change.
        """
        self.problem, self.is_filled = "", False
        self._lab, self._on_change = lab, on_change
        self._tried = threading.Event()
        self._streams = Streams()
        threading.Thread(target=self._run, name=f"watch docker {type(self).__name__}", daemon=True).start()

    # for subclasses

    @abstractmethod
    def read(self, client: Any) -> None:
        """Read everything again. Raises what the client raises when Docker does not answer."""

    @abstractmethod
    def concerns(self, event: dict[str, Any]) -> bool:
        """Whether an event means that everything must be read again."""

    # for views

    def wait(self, timeout: float = 5) -> None:
        """Wait until it was read once or could not be read.

        Args:
            timeout: in seconds.
        """
        self._tried.wait(timeout)

    def close(self) -> None:
        """End it at once."""
        self._streams.stop()

    def _run(self) -> None:
        from urllib3.exceptions import ReadTimeoutError

        pause = RETRY[0]
        while not self._streams.stopped.is_set():
            try:
                with closing(connect(self._lab)) as client:
                    filters = json.dumps(self.EVENTS)
                    with self._streams.stream(client, "/events", SILENCE, filters=filters) as events:
                        self._read(client)
                        pause = RETRY[0]
                        for event in events:
                            if self.concerns(event):
                                self._read(client)
                self._streams.stopped.wait(RETRY[0])
            except ReadTimeoutError:  # no event for a while: whether Docker is well, the next reading will tell
                continue
            except Exception as error:  # of any kind: the view says so, and the next attempt may succeed
                if self._streams.stopped.is_set():
                    return
                self.problem = self.problem or f"{reason(error)} (since {datetime.now():%H:%M:%S})"
                self._tried.set()
                self._on_change()
                self._streams.stopped.wait(pause)
                pause = min(pause * 2, RETRY[1])

    def _read(self, client: Any) -> None:
        self.read(client)
        if self._streams.stopped.is_set():
            return
        self.problem, self.is_filled = "", True
        self._tried.set()
        self._on_change()


def reason(error: Exception) -> str:
    """Why Docker could not be asked, in a clause."""
    status = getattr(getattr(error, "response", None), "status_code", None)
    return f"Docker refused ({status}: {error})" if status else "Docker does not answer"
