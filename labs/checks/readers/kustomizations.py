"""What checks read of a learner's kustomizations: what they render to, and whether the cluster has it."""

from __future__ import annotations

from collections.abc import Iterable
from copy import deepcopy
from pathlib import Path
from typing import Any

from labs.checks.context import CheckContext
from labs.checks.core import expect
from labs.checks.readers.manifests import expect_nothing_to_do, expect_reached, objects_of, run_kubectl
from labs.checks.readers.namespaces import here
from labs.errors import NotYet

__all__ = ["expect_applied", "rendered", "rendered_one"]

READ = {  # where a client reads a kind, and what it calls it
    "ConfigMap": ("core", "config_map"),
    "Deployment": ("apps", "deployment"),
    "Secret": ("core", "secret"),
    "Service": ("core", "service"),
}


def rendered(lab: CheckContext, folder: Path, called: str) -> dict[str, dict[str, Any]]:
    """The objects that a kustomization gives, each under its kind and name, as ``kubectl apply -k`` makes them.

    Args:
        lab: the lesson's lab.
        folder: the one with the kustomization.
        called: what a verdict calls the folder.

    Raises:
        NotYet: there is no kustomization, or `kubectl` cannot render it.
        CouldNotCheck: the API server does not answer.
    """
    done = run_kubectl(lab, "create", "--dry-run=client", "--validate=false", "-o=json", f"-k={folder}")
    if done.returncode and "no objects passed to" not in done.stderr:
        said = done.stderr.strip().replace(f"{folder.resolve()}", called).replace(str(folder), called)
        expect_reached(lab, said)
        raise NotYet(
            f"a kustomization in {called} that `kubectl kustomize` renders",
            f"it says: {said.removeprefix('error: ')[:300]}",
            "`kubectl kustomize` of the folder shows the same. Patches and replicas use the base's names.",
        )
    return {f"{item['kind']} {item['metadata']['name']}": item for item in objects_of(done.stdout)}


def rendered_one(objects: dict[str, dict[str, Any]], kind: str, name: str, called: str) -> dict[str, Any]:
    """One of the objects of `rendered`. Raises NotYet, which lists the others, when it is not among them."""
    return expect(
        objects.get(f"{kind} {name}"),
        expected=f"a {kind} {name} from {called}",
        observed=", ".join(sorted(objects)) or "no objects at all",
        try_=f"`kubectl kustomize` of {called}: does `resources` name it, and does its name come out right?",
    )


def expect_applied(
    lab: CheckContext, items: Iterable[dict[str, Any]], called: str, *, where: str, gone: str, try_: str
) -> None:
    """The cluster has some definitions, in every field that they name.

    Args:
        lab: the lesson's lab.
        items: ConfigMaps, Deployments, Secrets and Services; others are left out.
        called: what a verdict calls the place where they are defined.
        where: the same in a word or two, beside a field's value.
        gone: what to try when one is not there.
        try_: what to try when one is different.

    Raises:
        NotYet: an object is not there or differs.
    """
    for item in items:
        if item.get("kind") not in READ:
            continue
        api, method = READ[item["kind"]]
        name = item["metadata"]["name"]
        live = here(lab, method, name, api=api, called=f"the {item['kind']} {name} of {called}", try_=gone)
        asked = deepcopy(item)
        asked["metadata"].pop("namespace", None)
        for port in (asked.get("spec") or {}).get("ports") or []:
            port.pop("nodePort", None)  # it is taken, by the live one
        expect_nothing_to_do(lab, asked, live, called, where=where, try_=try_)
