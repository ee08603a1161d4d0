"""The cluster that an instructor named, and the few requests that a workshop makes to it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from kubernetes import client
from kubernetes.client.exceptions import ApiException

from labs import engines
from labs.engines.attached.kubeconfig_context import copy_of_context
from labs.errors import LabsError, NotSupported
from labs.explain import explain
from labs.kube.clients import Clients

__all__ = ["Cluster", "translate_errors"]

MANAGER = "labs-workshop"
KINDS = {
    "Namespace": ("CoreV1Api", "namespace"),
    "ConfigMap": ("CoreV1Api", "namespaced_config_map"),
    "Secret": ("CoreV1Api", "namespaced_secret"),
    "ServiceAccount": ("CoreV1Api", "namespaced_service_account"),
    "ResourceQuota": ("CoreV1Api", "namespaced_resource_quota"),
    "LimitRange": ("CoreV1Api", "namespaced_limit_range"),
    "NetworkPolicy": ("NetworkingV1Api", "namespaced_network_policy"),
    "Role": ("RbacAuthorizationV1Api", "namespaced_role"),
    "RoleBinding": ("RbacAuthorizationV1Api", "namespaced_role_binding"),
    "ClusterRole": ("RbacAuthorizationV1Api", "cluster_role"),
    "ClusterRoleBinding": ("RbacAuthorizationV1Api", "cluster_role_binding"),
    "ValidatingAdmissionPolicy": ("AdmissionregistrationV1Api", "validating_admission_policy"),
    "ValidatingAdmissionPolicyBinding": ("AdmissionregistrationV1Api", "validating_admission_policy_binding"),
}
"""The kinds that a workshop is made of, and how the client's methods name them."""


class Cluster:
    """A cluster, by the context that the user named.

    Attributes:
        clients: the Kubernetes clients.
        kubeconfig: a kubeconfig that holds nothing but that context; gone when the cluster is closed.
        text: what it holds.
    """

    def __init__(self, text: str) -> None:
        """Take a kubeconfig.

        Args:
            text: the file's.
        """
        self.text = text
        self._folder = TemporaryDirectory(prefix="labs-workshop-")
        self.kubeconfig = Path(self._folder.name) / "config"
        self.kubeconfig.touch(mode=0o600)
        self.kubeconfig.write_text(text, encoding="utf-8")
        self.clients = Clients("", self.kubeconfig)

    def close(self) -> None:
        """Forget the kubeconfig."""
        self._folder.cleanup()

    @classmethod
    def named(cls, context: str = "", kubeconfig: str = "", *, own: bool = False) -> Cluster:
        """The cluster that was named.

        Args:
            context: a kubeconfig context.
            kubeconfig: the file that holds it; empty for kubectl's usual places.
            own: the cluster that the course has started on this machine.

        Raises:
            LabsError: none was named, or there is no such context.
        """
        if own == bool(context):
            raise NotSupported(
                "Which cluster is the workshop's was not said, and the current context is never taken by itself.",
                "Name it by `--context NAME`, or take the one of `labs up` by `--own`.",
            )
        if not own:
            return cls(copy_of_context(context, kubeconfig))
        file = engines.current().kubeconfig
        if not file.exists():
            raise NotSupported("The course's own cluster is not up.", "`labs up` starts it.")
        return cls(file.read_text(encoding="utf-8"))

    def apply(self, thing: dict[str, Any]) -> None:
        """Make or change an object, by server-side apply: twice is as good as once.

        Args:
            thing: its YAML.
        """
        method, where = self._method("patch", thing["kind"], thing["metadata"])
        method(*where, thing, field_manager=MANAGER, force=True, _content_type="application/apply-patch+yaml")

    def delete(self, kind: str, name: str, namespace: str = "") -> bool:
        """Delete an object of one of `KINDS`; return whether there was one."""
        method, where = self._method("delete", kind, {"name": name, "namespace": namespace})
        try:
            method(*where)
        except ApiException as error:
            if error.status != 404:
                raise
            return False
        return True

    def _method(self, verb: str, kind: str, metadata: dict[str, Any]) -> tuple[Any, tuple[str, ...]]:
        group, words = KINDS[kind]
        where = (metadata["name"], *([metadata["namespace"]] if words.startswith("namespaced_") else []))
        return getattr(getattr(client, group)(self.clients.api), f"{verb}_{words}"), where


@contextmanager
def translate_errors(doing: str) -> Iterator[None]:
    """Turn a client's error into two sentences.

    Args:
        doing: what was tried, after "could not".
    """
    try:
        yield
    except LabsError:
        raise
    except Exception as error:
        explanation = explain(error)
        if explanation is None:
            raise
        raise LabsError(f"The workshop could not {doing}: {explanation.what}", explanation.todo) from error
