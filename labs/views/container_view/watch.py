"""One container as it is now, by its name; and while it runs, what it uses and its processes."""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Callable
from contextlib import closing, suppress
from datetime import datetime
from typing import Any

from labs.views.container_view import namespaces
from labs.views.container_view.stats import memory_used
from labs.views.framework.context import EngineContext, ViewContext
from labs.views.framework.docker_watch import DockerFeed, Streams, connect, reason

__all__ = ["ContainerFeed"]

EVERY = 2  # samples, one a second, between two looks at the processes
STALLED = 10  # seconds without a sample; Docker sends one each second
MINUTE = 60  # samples, one a second
AGAIN = 1  # seconds until a broken stream of samples is requested again


class ContainerFeed(DockerFeed):
    """A container that may come, go and come again.

    Attributes:
        attrs: as ``docker inspect`` gives them; None while there is no such container.
        gone: what became of the last one of that name, as a sentence; else empty.
        sampler: what is measured of it; the last one stays when it has ended.
        proc: the /proc of Docker's machine, where it can be read.
        remapped: whether Docker maps users.
    """

    # `exec_*` is left out: health checks would wake us each second
    _KINDS = ("create", "start", "die", "oom", "pause", "unpause", "rename", "destroy", "restart", "update")
    EVENTS = {"type": ["container", "network"], "event": [*_KINDS, "health_status", "connect", "disconnect"]}  # noqa: RUF012

    def __init__(
        self, lab: EngineContext, on_change: Callable[[], None], name: str, before: ContainerFeed | None
    ) -> None:
        """Begin.

        Args:
            lab: as of the base class.
            on_change: as of the base class.
            name: the container's.
            before: what the view knew when it was hidden.
        """
        self.attrs: dict[str, Any] | None = None
        self.gone: str = before.gone if before else ""
        self.sampler: Sampler | None = before.sampler if before else None
        self.proc: namespaces.Proc | None = None
        self.remapped = False
        self._context, self._name = lab, name
        self._id: str = before._id if before else ""
        self._now_running = ("", 0)
        super().__init__(lab, on_change)

    def close(self) -> None:
        super().close()
        if self.sampler:
            self.sampler.stop()

    def concerns(self, event: dict[str, Any]) -> bool:
        actor = event.get("Actor") or {}
        about = actor.get("Attributes") or {}
        is_ours = bool(self._id) and self._id in {actor.get("ID"), about.get("container")}
        has_name = about.get("name") == self._name
        if is_ours and event.get("Action") == "rename":
            self.gone = f"It was renamed to {about.get('name', '')} at {_now()}."
        elif (is_ours or has_name) and event.get("Action") == "destroy":
            self.gone = f"It was removed at {_now()}."
        return is_ours or has_name

    def read(self, client: Any) -> None:
        attrs = self._inspect(client)
        if attrs is None and self._id and not self.gone:
            self.gone = f"It went at {_now()}, or while nobody looked."
        if attrs is not None:
            self.gone = ""
        self._id = attrs["Id"] if attrs else ""
        run = (self._id, attrs["State"]["Pid"] if attrs else 0)
        if run[1] and run != self._now_running:
            self.remapped = any("name=userns" in o for o in client.info().get("SecurityOptions") or [])
            self.proc = namespaces.find_proc(*run, self._docker_pid())
        self.attrs, self._now_running = attrs, run
        self._sample_while_running()

    def look_again(self, client: Any) -> None:
        """Read only the state: a probe of a health check that changes nothing sends no event."""
        attrs = self._inspect(client)
        if attrs and attrs["Id"] == self._id:
            self.attrs = attrs

    def _inspect(self, client: Any) -> dict[str, Any] | None:
        from docker.errors import NotFound

        try:
            attrs = client.api.inspect_container(self._name)
        except NotFound:
            return None
        # the beginning of an id is found as well, but a view shows what has exactly this name
        return attrs if attrs["Name"] == f"/{self._name}" else None

    def _docker_pid(self) -> int | None:
        with suppress(Exception):  # an engine without that component, or one that is being set up again
            return self._context.engine.component("docker").pid
        return None

    def _sample_while_running(self) -> None:
        if self.sampler and self.sampler.run != self._now_running:
            self.sampler.stop()
        if not self._now_running[1] or (self.sampler and self.sampler.is_measuring):
            return
        self.sampler = Sampler(self, self._lab, self._now_running, self._on_change)
        if self._streams.stopped.is_set():  # closed meanwhile
            self.sampler.stop()


class Sampler:
    """What a running container uses; its thread ends with the container.

    Attributes:
        run: the container's id and first process: together they mean one run of it.
        problem: why there are no samples, as a clause; empty while there are.
        sample: the last one of ``docker stats``.
        peak: the most memory seen in a sample, in bytes.
        past: the samples of the last minute, each with when it came (`time.monotonic`).
        processes: as `namespaces.pair` returns them.
        one_sided: why the container's own numbers are not known; empty when they are.
    """

    def __init__(
        self, feed: ContainerFeed, lab: ViewContext, run: tuple[str, int], on_change: Callable[[], None]
    ) -> None:
        self.run, self.problem, self.one_sided = run, "", ""
        self.sample: dict[str, Any] = {}
        self.peak = 0
        self.past: deque[tuple[float, dict[str, Any]]] = deque(maxlen=MINUTE)
        self.processes: list[dict[str, Any]] = []
        self._feed, self._lab, self._on_change = feed, lab, on_change
        self._seen: list[dict[str, Any]] | None = None
        self._streams = Streams()
        threading.Thread(target=self._run, name="watch docker stats", daemon=True).start()

    def stop(self) -> None:
        """End it at once. What it measured stays."""
        self._streams.stop()
        self.problem = ""

    @property
    def is_measuring(self) -> bool:
        return not self._streams.stopped.is_set()

    def _run(self) -> None:
        while self.is_measuring:
            try:
                with closing(connect(self._lab)) as client:
                    self._measure(client)
            except Exception as error:  # the container has ended, or Docker has; the feed finds out which
                if self.is_measuring:
                    self.problem = self.problem or f"{reason(error)} (since {_now()})"
                    self._on_change()
            self._streams.stopped.wait(AGAIN)

    def _measure(self, client: Any) -> None:
        with self._streams.stream(client, f"/containers/{self.run[0]}/stats", STALLED, stream="true") as samples:
            for number, sample in enumerate(samples):
                if not self.is_measuring:
                    return
                if (sample.get("pids_stats") or {}).get("current") or not self.sample:  # empty ones follow its end
                    self.sample, self.problem = sample, ""
                    self.peak = max(self.peak, memory_used(sample) or 0)
                    self.past.append((time.monotonic(), sample))
                if number % EVERY == 0:
                    self._look(client)
                self._on_change()

    def _look(self, client: Any) -> None:
        from docker.errors import APIError

        if self._feed.attrs and self._feed.attrs["State"].get("Health"):
            self._feed.look_again(client)
        with suppress(APIError):  # it has ended, or Docker's machine has no ps
            host = namespaces.table_of(client.api.top(self.run[0]))
            if host != self._seen:
                self._compare(client, host)

    def _compare(self, client: Any, host: list[dict[str, Any]]) -> None:
        proc, listed = self._feed.proc, []
        inner = {row["pid"]: proc.inner_pid(row["pid"]) for row in host} if proc else None
        config = (self._feed.attrs or {}).get("HostConfig") or {}
        if inner is None and config.get("PidMode") == "host":
            inner = {row["pid"]: row["pid"] for row in host}
        self.one_sided = ""
        if inner is None:
            listed = self._ask_inside(client)
        self.processes, self._seen = namespaces.pair(host, inner, listed), host

    def _ask_inside(self, client: Any) -> list[dict[str, Any]]:
        """What `ps` in the container tells: only where /proc is out of reach, and only after a change."""
        container = client.containers.get(self.run[0])
        if container.status == "paused":
            self.one_sided = "The container is paused: no ps can run in it."
            return []
        for command in (["ps", "-ef"], ["ps"]):
            done = container.exec_run(command)
            if done.exit_code == 0:
                table = namespaces.table_of_text(done.output.decode(errors="replace"))
                return [row for row in table if row["command"].strip() != " ".join(command)]
        self.one_sided = "Docker's /proc cannot be read from here, and the image has no ps."
        return []


def _now() -> str:
    return f"{datetime.now():%H:%M:%S}"
