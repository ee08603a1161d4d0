"""Lesson 02's world, whose answers are containers; and lesson 00's first."""

from __future__ import annotations

import copy
import json
from collections.abc import Mapping
from typing import Any

from labs.checks.facts import Stated
from tests.checks.generated.other_meaning import Wrong
from tests.checks.generated.same_meaning import Form
from tests.checks.generated.worlds import LessonWorld, Objects, Task

CONFIG = ("Image", "Cmd", "Env", "User", "Labels", "Entrypoint", "WorkingDir")
ROADS = ("made and started", "made twice", "renamed afterwards")


class DockerWorld(LessonWorld):
    """A lesson whose exercises are answered by containers. Args: as `LessonWorld`."""

    every = 2

    def begin(self) -> None:
        """Remove all containers but those that the lesson's cells have started, and start these again."""
        if not self._built:
            self._before = {item.id for item in self._containers()}
        for item in self._containers():
            if item.id not in self._before:
                item.remove(force=True)
        self._set_up()
        self._built = True

    def _containers(self) -> list[Any]:
        return self.lab.clients.docker.containers.list(all=True, ignore_removed=True)

    def captured(self) -> Objects:
        """The containers, as Docker's API would make them."""
        found = {}
        for item in self._containers():
            attrs = item.attrs
            spec = {name: attrs["Config"].get(name) for name in CONFIG} | {"HostConfig": attrs["HostConfig"]}
            spec = json.loads(json.dumps(spec))
            spec["HostConfig"].pop("LogConfig", None)
            key = ("Container", item.name, "")
            found[key] = {"kind": "Container", "metadata": {"name": item.name, "namespace": ""}, "spec": spec}
        return found

    def _settle(self, seconds: int) -> None:
        """Checks wait long enough for containers."""

    def _forms(self, task: Task) -> dict[str, Form]:
        stated = {
            fact.name for fact in task.facts if isinstance(fact, Stated) and not fact.field and fact.is_name_stated
        }
        known = {
            "another name": _renamed(stated),
            "more variables and labels": _labelled,
            "less memory": _less_memory,
            "one more port": _more_ports,
            "a restart policy": _restarted,
            "the image by its id": self._by_id,
            "half a processor": _slowed,
            "loopback only": _on_loopback,
        }
        apart = task.play.forms or {}
        return {n: f for n, f in known.items() if n not in apart and f(copy.deepcopy(task.answer))}

    def roads(self, task: Task) -> list[str]:
        return list(ROADS)

    def _send(self, task: Task, objects: Objects, road: str) -> None:
        ours = {key[1] for key in task.answer} | {f"{key[1]}-odd" for key in task.answer}
        for _ in range(2 if road == ROADS[1] else 1):
            for item in self._containers():
                if item.name in ours:
                    item.remove(force=True)
            for item in objects.values():
                self._start(item["metadata"]["name"], item["spec"], later=road == ROADS[2])

    def _start(self, name: str, spec: Mapping[str, Any], *, later: bool) -> None:
        from docker.errors import APIError

        api = self.lab.clients.docker.api
        try:
            made = api.create_container_from_config(spec, name=f"{name}-odd" if later else name)
            api.start(made["Id"])
            if later:
                api.rename(made["Id"], name)
        except APIError as error:
            raise AssertionError(str(error)) from error

    def _send_wrong(self, task: Task, wrong: Wrong) -> None:
        self._send(task, wrong.objects, ROADS[0])
        if wrong.patch:
            (_, name, _), change = wrong.patch
            container = self.lab.clients.docker.containers.get(name)
            if change is None:
                container.remove(force=True)
            else:
                container.stop(timeout=1)

    def _by_id(self, objects: Objects) -> bool:
        for item in objects.values():
            item["spec"]["Image"] = self.lab.clients.docker.images.get(item["spec"]["Image"]).id
        return bool(objects)


def _renamed(stated: set[str]) -> Form:
    def form(objects: Objects) -> bool:
        changed = False
        for key, item in objects.items():
            if key[1] not in stated:
                item["metadata"]["name"], changed = f"{key[1]}-odd", True
        return changed

    return form


def _labelled(objects: Objects) -> bool:
    for item in objects.values():
        item["spec"]["Env"] = [*(item["spec"]["Env"] or []), "TEAM=night-shift"]
        item["spec"]["Labels"] = {"com.example.why": "an exercise"}
    return bool(objects)


def _less_memory(objects: Objects) -> bool:
    changed = False
    for item in objects.values():
        if memory := item["spec"]["HostConfig"].get("Memory"):
            item["spec"]["HostConfig"] |= {"Memory": memory - 2**20, "MemorySwap": -1}
            changed = True
    return changed


def _more_ports(objects: Objects) -> bool:
    changed = False
    for item in objects.values():
        if bound := item["spec"]["HostConfig"].get("PortBindings"):
            bound["9102/tcp"], changed = [{"HostIp": "", "HostPort": "8099"}], True
    return changed


def _restarted(objects: Objects) -> bool:
    for item in objects.values():
        item["spec"]["HostConfig"]["RestartPolicy"] = {"Name": "on-failure", "MaximumRetryCount": 3}
    return bool(objects)


def _slowed(objects: Objects) -> bool:
    for item in objects.values():
        item["spec"]["HostConfig"]["NanoCpus"] = 500_000_000
    return bool(objects)


def _on_loopback(objects: Objects) -> bool:
    changed = False
    for item in objects.values():
        for bound in (item["spec"]["HostConfig"].get("PortBindings") or {}).values():
            for each in bound or []:
                each["HostIp"], changed = "127.0.0.1", True
    return changed
