"""The kinds that a lesson has added to the cluster: they lie in no namespace, so their group says whose they are."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress
from functools import partial
from typing import Any

from kubernetes import client
from kubernetes.client.exceptions import ApiException

from labs.waiting import wait_gone

__all__ = ["definitions_of", "release_objects", "remove_definitions"]


def definitions_of(api: client.ApiClient, namespace: str) -> list[Any]:
    """The CustomResourceDefinitions whose API group is a lesson's own, as ``lab-16.weather.example`` is of ``lab-16``.

    Args:
        api: the client.
        namespace: the lesson's own, such as ``lab-16``.

    Returns:
        None where we may not look: then no lesson could have made one.
    """
    try:
        items = client.ApiextensionsV1Api(api).list_custom_resource_definition().items
    except ApiException as error:
        if error.status == 403:
            return []
        raise
    return [item for item in items if item.spec.group.startswith(f"{namespace}.")]


def release_objects(api: client.ApiClient, definitions: list[Any]) -> None:
    """Delete all objects of some kinds, and take away their finalizers: who would have done so may be gone.

    Args:
        api: the client.
        definitions: the kinds' CustomResourceDefinitions.
    """
    custom = client.CustomObjectsApi(api)
    for item in definitions:
        version = next((v.name for v in item.spec.versions if v.served), None)
        if version is None:  # nobody can ask for its objects; they go with it
            continue
        where = (item.spec.group, version)
        plural, is_namespaced = item.spec.names.plural, item.spec.scope == "Namespaced"
        kind = "namespaced" if is_namespaced else "cluster"
        for metadata in (thing["metadata"] for thing in _objects(custom, *where, plural)):
            place = [*where, *([metadata["namespace"]] if is_namespaced else []), plural, metadata["name"]]
            with suppress(ApiException):  # it went by itself
                getattr(custom, f"delete_{kind}_custom_object")(*place)
                if metadata.get("finalizers"):
                    change = {"metadata": {"finalizers": None}}
                    getattr(custom, f"patch_{kind}_custom_object")(*place, change)


def remove_definitions(api: client.ApiClient, definitions: list[Any], timeout: float = 60) -> Iterator[str]:
    """Remove kinds from the cluster.

    Args:
        api: the client.
        definitions: their CustomResourceDefinitions.
        timeout: limit, in seconds.

    Yields:
        What was done, one sentence.

    Raises:
        Timeout: one is still there: an object of it is held.
    """
    extensions = client.ApiextensionsV1Api(api)
    for item in definitions:
        try:
            extensions.delete_custom_resource_definition(item.metadata.name)
        except ApiException as error:
            if error.status != 404:
                raise
    for item in definitions:
        name = item.metadata.name
        wait_gone(
            partial(extensions.read_custom_resource_definition, name),
            timeout,
            what=f"the CustomResourceDefinition {name} to be deleted",
            hint=f"`kubectl get {name} -A` shows what is left of it; a finalizer may hold an object.",
        )
    if definitions:
        yield f"Removed {len(definitions)} CustomResourceDefinition{'s'[: len(definitions) != 1]}."


def _objects(custom: client.CustomObjectsApi, group: str, version: str, plural: str) -> list[dict[str, Any]]:
    try:
        return custom.list_cluster_custom_object(group, version, plural)["items"]
    except ApiException as error:
        if error.status in {403, 404}:  # 404: its definition is on its way out
            return []
        raise
