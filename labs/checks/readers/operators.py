"""What a check tries with an operator: an object is made, changed and deleted, and its Deployment has to follow."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from labs.checks.context import CheckContext
from labs.checks.core import clients, expect, settle
from labs.checks.readers.kinds import Kind
from labs.checks.readers.workloads import deployment, expect_rolled_out, live_pods, pods_of
from labs.errors import NotYet
from labs.waiting import http_status

__all__ = ["Follower", "expect_operator", "expect_right", "expect_wrong"]

PATIENCE = 12  # seconds for an operator that tries again after some
UP = 40  # seconds for pods
COMPLAINTS = ("forbidden", "Error", "error", "failed")


def expect_operator(lab: CheckContext, name: str) -> str:
    """An operator's Deployment is up.

    Args:
        lab: the lesson's lab.
        name: the Deployment's.

    Returns:
        Its pods' ServiceAccount.

    Raises:
        NotYet: it is not, or has more pods than one, or none.
    """
    item = deployment(lab, name)
    expect(
        item.spec.replicas == 1,
        expected=f"one pod of {name}",
        observed=f"replicas: {item.spec.replicas}",
        try_="Two would work against each other.",
    )
    expect_rolled_out(lab, name)
    return item.spec.template.spec.service_account_name or "default"


def expect_right(lab: CheckContext, account: str, verb: str, resource: str, group: str = "") -> None:
    """A ServiceAccount may do something in the lesson's namespace. Raises NotYet."""
    expect(
        _may(lab, account, verb, resource, group),
        expected=f"the ServiceAccount {account} to {verb} {resource}",
        observed="it may not",
        try_=f"`kubectl auth can-i {verb} {resource} --as=system:serviceaccount:{lab.namespace}:{account}`",
    )


def expect_wrong(lab: CheckContext, account: str, verb: str, resource: str, told: str) -> None:
    """A ServiceAccount may not do something in the lesson's namespace.

    Args:
        lab: the lesson's lab.
        account: the ServiceAccount's name.
        verb: such as ``get``.
        resource: such as ``secrets``.
        told: completes "the ServiceAccount ...".

    Raises:
        NotYet: it may.
    """
    expect(
        not _may(lab, account, verb, resource),
        expected="no more rights than the operator needs",
        observed=f"the ServiceAccount {account} {told}",
        try_="`kubectl get rolebindings,clusterrolebindings -o wide | grep` its name: take away what is too much.",
    )


def _may(lab: CheckContext, account: str, verb: str, resource: str, group: str = "") -> bool:
    from kubernetes import client

    user = f"system:serviceaccount:{lab.namespace}:{account}"
    groups = ["system:serviceaccounts", f"system:serviceaccounts:{lab.namespace}", "system:authenticated"]
    attributes = {"namespace": lab.namespace, "verb": verb, "resource": resource, "group": group}
    body = {"spec": {"user": user, "groups": groups, "resourceAttributes": attributes}}
    return client.AuthorizationV1Api(clients(lab).api).create_subject_access_review(body).status.allowed


class Follower:
    """A probe and the Deployment that an operator makes for it.

    Args:
        lab: the lesson's lab.
        kind: the probe's.
        operator: the operator's Deployment.
    """

    def __init__(self, lab: CheckContext, kind: Kind, operator: str) -> None:
        self.lab, self.kind, self.operator = lab, kind, operator
        self.name = self.child = ""

    @contextmanager
    def following(self, spec: dict[str, Any]) -> Iterator[Follower]:
        """Make the probe; it and what was made for it end with the block."""
        with self.kind.probe(spec) as self.name:
            self.child = f"station-{self.name}"
            try:
                yield self
            finally:
                self.kind.delete(self.name)
                self._delete_child()

    def expect_child(self, *, replicas: int, **env: str) -> None:
        """The Deployment comes to a number of pods and to variables.

        Args:
            replicas: how many.
            env: the variables.

        Raises:
            NotYet: it does not; the verdict has the last complaint in the operator's log.
        """

        def state() -> bool:
            item = self._read()
            called = f"a Deployment {self.child} for the Station {self.name}"
            if item is None:
                raise NotYet(called, f"none{self._complaint()}", f"`kubectl logs deployment/{self.operator} --tail=5`")
            expect(
                item.spec.replicas == replicas,
                expected=f"replicas: {replicas} in {self.child}, as many as its station has sensors",
                observed=f"{item.spec.replicas} of {replicas} replicas{self._complaint()}",
                try_="Which field of the station does the operator read? `kubectl explain station.spec`",
            )
            seen = {v.name: v.value for c in item.spec.template.spec.containers for v in c.env or []}
            for key, value in env.items():
                expect(
                    seen.get(key) == value,
                    expected=f"{key}: {value} in {self.child}",
                    observed=f"{key} is {seen.get(key) or 'not there'}",
                    try_="Release 2 tells the place, and follows each change.",
                )
            return True

        settle(state, timeout=self._patience())

    def expect_status(self, *, ready: int) -> None:
        """The probe's status comes to a number of ready pods. Raises NotYet."""

        def state() -> bool:
            status = (self.kind.read(self.name) or {}).get("status") or {}
            item = self._read()
            return expect(
                status.get("ready") == ready,
                expected=f"status.ready: {ready} in the Station {self.name}",
                observed=f"{status.get('ready', 'none')}; {(item and item.status.ready_replicas) or 0} pods are ready"
                f"{self._complaint()}",
                try_=f"`kubectl get pods`, then `kubectl logs deployment/{self.operator} --tail=5`.",
            )

        settle(state, timeout=max(self._patience(), UP))

    def change(self, spec: dict[str, Any]) -> None:
        """Change the probe's spec."""
        self.kind.patch(self.name, {"spec": spec})

    def expect_healed(self) -> None:
        """The Deployment comes back when it was deleted. Raises NotYet."""
        before = self._read()
        self._delete_child()

        def state() -> bool:
            item = self._read()
            return expect(
                item is not None and before is not None and item.metadata.uid != before.metadata.uid,
                expected=f"{self.child} to come back after it was deleted",
                observed=f"it does not{self._complaint()}",
                try_=f"`kubectl logs deployment/{self.operator} --tail=5`",
            )

        settle(state, timeout=self._patience())

    def expect_gone(self) -> None:
        """The Deployment goes when the probe does. Raises NotYet."""
        self.kind.delete(self.name)

        def state() -> bool:
            item = self._read()
            owners = item.metadata.owner_references if item is not None else None
            why = "its owner is another object" if owners else "nothing says whose it is"
            return expect(
                item is None or item.metadata.deletion_timestamp is not None,
                expected=f"{self.child} to go with its station",
                observed=f"it is still there after its station was deleted; {why}",
                try_="`kubectl get deployment NAME -o yaml`: what stands in `metadata.ownerReferences`?",
            )

        settle(state, timeout=self._patience())

    def _patience(self) -> float:
        from labs.checks import core

        return max(core.PATIENCE, PATIENCE) if core.PATIENCE >= 5 else 5

    def _read(self) -> Any:
        try:
            return clients(self.lab).apps.read_namespaced_deployment(self.child, self.lab.namespace)
        except Exception as error:
            if http_status(error) == 404:
                return None
            raise

    def _delete_child(self) -> None:
        try:
            clients(self.lab).apps.delete_namespaced_deployment(self.child, self.lab.namespace)
        except Exception as error:
            if http_status(error) != 404:
                raise

    def _complaint(self) -> str:
        """The last line of the operator's log that names what it may not, or what failed; else nothing."""
        lines: list[str] = []
        for pod in pods_of(self.lab, deployment(self.lab, self.operator)) or live_pods(
            self.lab, f"app={self.operator}"
        ):
            try:
                text = clients(self.lab).core.read_namespaced_pod_log(
                    pod.metadata.name, self.lab.namespace, tail_lines=40
                )
            except Exception as error:
                if http_status(error) in {400, 404}:  # it has not started, or is gone
                    continue
                raise
            lines += [line for line in text.splitlines() if self.name in line or "forbidden" in line]
        wrong = [line for line in lines if any(word in line for word in COMPLAINTS)]
        return f"; its log says: {wrong[-1][-260:]}" if wrong else ""
