"""Requests to an API server as plain JSON over the Kubernetes client's connections, each of them timed."""

from __future__ import annotations

import json
import threading
import time
from collections import defaultdict
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path

from labs.errors import EngineError

__all__ = ["METADATA", "Api", "Watch"]

METADATA = "application/json;as=PartialObjectMetadataList;g=meta.k8s.io;v=v1"
"""What to accept for a list without the objects' content."""


class Api:
    """An API server.

    Args:
        kubeconfig: the administrator's.
        connections: how many requests at once have a connection each.

    Attributes:
        samples: seconds that answers took, by what was asked.
        received: the size of the last answer in bytes, by what was asked.
    """

    def __init__(self, kubeconfig: Path, connections: int) -> None:
        from kubernetes import client, config

        configuration = client.Configuration()
        config.load_kube_config(str(kubeconfig), client_configuration=configuration)
        configuration.connection_pool_maxsize = connections
        self.host, self.files = configuration.host, (configuration.cert_file, configuration.key_file)
        self._pool = client.ApiClient(configuration).rest_client.pool_manager  # no models: they take our processor
        self.samples: dict[str, list[float]] = defaultdict(list)
        self.received: dict[str, int] = {}

    def send(
        self, verb: str, path: str, body: dict | None = None, *, what: str = "", user: str = "", accept: str = ""
    ) -> dict:
        """Ask, and return the answer.

        Args:
            verb: of HTTP.
            path: what for, with the query.
            body: an object, or for PATCH a merge patch.
            what: as what to count it; the verb when not given.
            user: the service account that asks; the administrator, whom no limit holds back, when not given.
            accept: in which form the answer is wanted.

        Raises:
            EngineError: the answer is an error.
        """
        patch = "merge-patch+json" if verb == "PATCH" else "json"
        headers = {"Content-Type": f"application/{patch}", "Accept": accept or "application/json"}
        if user:
            headers |= {"Impersonate-User": user, "Impersonate-Group": "system:serviceaccounts"}
        text = None if body is None else json.dumps(body)
        began = time.perf_counter()
        answer = self._pool.request(verb, self.host + path, body=text, headers=headers, timeout=120)
        self.samples[what or verb].append(time.perf_counter() - began)
        self.received[what or verb] = len(answer.data)
        if answer.status >= 300:
            raise EngineError(f"{verb} {path} was answered with {answer.status}: {answer.data.decode()[:300]}")
        return json.loads(answer.data)

    def count(self, resource: str, group: str = "api/v1") -> int:
        """How many objects there are of a kind, in all namespaces.

        Raises:
            EngineError
        """
        found = self.send("GET", f"/{group}/{resource}?limit=1", what="count", accept=METADATA)
        return len(found["items"] or ()) + found["metadata"].get("remainingItemCount", 0)

    def lines(self, path: str) -> Iterator[bytes]:
        """The answer's lines, as they come."""
        answer = self._pool.request("GET", self.host + path, preload_content=False, timeout=None)
        rest = b""
        for chunk in answer.stream(1 << 16):
            *whole, rest = (rest + chunk).split(b"\n")
            yield from whole


class Watch(threading.Thread):
    """Follows objects from now on, until this process ends; a watch that the API server ended is restarted.

    Args:
        api: where they are.
        path: of a list, with a query.
        on_object: gets each object that has changed, in this thread.

    Attributes:
        begun: how often the API server was asked for it.
    """

    def __init__(self, api: Api, path: str, on_object: Callable[[dict], None]) -> None:
        super().__init__(daemon=True, name=f"watch {path}")
        self.api, self.path, self.on_object, self.begun = api, path, on_object, 0
        self._ended = False
        self._version = self._newest()

    def end(self) -> None:
        """Ask for nothing more."""
        self._ended = True

    def run(self) -> None:
        while not self._ended:
            self.begun += 1
            with suppress(Exception):  # no matter what ended it, it goes on where it was
                self._follow()

    def _newest(self) -> str:
        found = self.api.send("GET", f"{self.path}&limit=1", what="count", accept=METADATA)
        return found["metadata"]["resourceVersion"]

    def _follow(self) -> None:
        query = f"&watch=1&allowWatchBookmarks=true&resourceVersion={self._version}"
        for line in self.api.lines(self.path + query):
            event = json.loads(line)
            if event["type"] == "ERROR":  # such as "too old": what came meanwhile is lost
                self._version = self._newest()
                return
            self._version = event["object"]["metadata"]["resourceVersion"]
            if event["type"] != "BOOKMARK":
                self.on_object(event["object"])
