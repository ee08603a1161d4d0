"""What checks read of kinds that a learner has added, and of objects of any kind, as dictionaries."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any
from uuid import uuid4

from labs.checks.context import CheckContext
from labs.checks.core import clients, expect, found, settle
from labs.checks.readers.manifests import expect_reached, run_kubectl
from labs.errors import NotYet
from labs.waiting import http_status

__all__ = ["Kind", "definition"]

REFUSED = {400, 422}
GONE = 404


def definition(lab: CheckContext, plural: str, group: str) -> Any:
    """A CustomResourceDefinition that the exercise asks for, when the API server has taken it into service.

    Args:
        lab: the lesson's lab.
        plural: of its kind.
        group: its API group.

    Raises:
        NotYet: there is none; the verdict names one of the same plural in another group. Or its names are in use.
    """
    from kubernetes import client

    extensions, name = client.ApiextensionsV1Api(clients(lab).api), f"{plural}.{group}"
    others = [i.metadata.name for i in extensions.list_custom_resource_definition().items]
    like = [other for other in others if other != name and (plural in other or other.endswith(f".{group}"))]

    def state() -> Any:
        item = found(
            lambda: extensions.read_custom_resource_definition(name),
            expected=f"a CustomResourceDefinition {name}",
            observed=f"none, but {', '.join(like)}" if like else "none",
            try_="`kubectl get crds` lists them. A CRD's name is its plural, a dot, its group.",
        )
        conditions = {c.type: c for c in item.status.conditions or []} if item.status else {}
        accepted = conditions.get("Established")
        why = "; ".join(c.message for c in conditions.values() if c.status == "False" and c.message)
        expect(
            accepted and accepted.status == "True",
            expected=f"{name} in service",
            observed=why or "it is not yet",
            try_=f"`kubectl describe crd {name}`, at the end.",
        )
        return item

    return settle(state)


@dataclass(frozen=True)
class Kind:
    """Objects of one kind in a lesson's namespace.

    Args:
        lab: the lesson's lab.
        group: the API group.
        plural: such as ``alarms``.
        kind: such as ``Alarm``.
        version: such as ``v1``.
    """

    lab: CheckContext
    group: str
    plural: str
    kind: str
    version: str = "v1"

    @property
    def _custom(self) -> Any:
        from kubernetes import client

        return client.CustomObjectsApi(clients(self.lab).api)

    @property
    def _place(self) -> tuple[str, str, str, str]:
        return self.group, self.version, self.lab.namespace, self.plural

    def named(self, name: str, called: str = "") -> dict[str, Any]:
        """An object that the exercise asks for.

        Args:
            name: its name.
            called: what a verdict calls it; its kind and name when empty.

        Raises:
            NotYet: there is none in the lesson's namespace.
        """
        return found(
            lambda: self._custom.get_namespaced_custom_object(*self._place, name),
            expected=f"{called or f'a {self.kind} {name}'} in the namespace {self.lab.namespace}",
            try_=f"`kubectl get {self.plural} -n {self.lab.namespace}` lists yours.",
        )

    def read(self, name: str) -> dict[str, Any] | None:
        """An object, or None when there is none."""
        try:
            return self._custom.get_namespaced_custom_object(*self._place, name)
        except Exception as error:
            if http_status(error) == GONE:
                return None
            raise

    def every(self) -> list[dict[str, Any]]:
        """All objects of the kind."""
        return self._custom.list_namespaced_custom_object(*self._place)["items"]

    def asked(self, spec: dict[str, Any]) -> tuple[dict[str, Any], str]:
        """What would be stored for an object with a spec; and what the API server objects to, empty when nothing."""
        try:
            return self._custom.create_namespaced_custom_object(
                *self._place, self._body("asked", spec), dry_run="All"
            ), ""
        except Exception as error:
            if http_status(error) in REFUSED:
                return {}, message_of(error)
            raise

    @contextmanager
    def probe(self, spec: dict[str, Any]) -> Iterator[str]:
        """An object of our own, which ends with the block. Yields its name."""
        name = f"probe-{uuid4().hex[:6]}"
        self._custom.create_namespaced_custom_object(*self._place, self._body(name, spec))
        try:
            yield name
        finally:
            self.delete(name)

    def patch(self, name: str, change: dict[str, Any]) -> dict[str, Any]:
        """Change an object by a merge patch. Returns it."""
        return self._custom.patch_namespaced_custom_object(*self._place, name, change)

    def patch_status(self, name: str, change: dict[str, Any]) -> dict[str, Any] | None:
        """Change an object's status by a merge patch. Returns it; None where the status is no resource of its own."""
        try:
            return self._custom.patch_namespaced_custom_object_status(*self._place, name, {"status": change})
        except Exception as error:
            if http_status(error) == GONE:
                return None
            raise

    def delete(self, name: str) -> None:
        """Delete an object; one that is gone already is fine."""
        try:
            self._custom.delete_namespaced_custom_object(*self._place, name)
        except Exception as error:
            if http_status(error) != GONE:
                raise

    def shown(self, name: str) -> dict[str, str]:
        """What `kubectl get` shows of an object: the text below each heading.

        Raises:
            NotYet: it shows nothing.
        """
        seen = run_kubectl(self.lab, "get", f"{self.plural}.{self.group}", name)
        if seen.returncode:
            expect_reached(self.lab, seen.stderr)
        lines = seen.stdout.splitlines()
        if len(lines) < 2:
            raise NotYet(f"`kubectl get {self.plural}` to show one", seen.stderr.strip() or "nothing", "")
        heads = lines[0].split("  ")
        starts = [lines[0].index(head.strip()) for head in heads if head.strip()]
        ends = [*starts[1:], None]
        return {lines[0][a:b].strip(): lines[1][a:b].strip() for a, b in zip(starts, ends, strict=True)}

    def _body(self, name: str, spec: dict[str, Any]) -> dict[str, Any]:
        metadata = {"name": name, "namespace": self.lab.namespace}
        return {"apiVersion": f"{self.group}/{self.version}", "kind": self.kind, "metadata": metadata, "spec": spec}


def message_of(error: Exception) -> str:
    """What the API server says in an error of the client's."""
    try:
        return str(json.loads(getattr(error, "body", "") or "{}").get("message") or error)
    except ValueError:
        return str(error)
