"""The roads by which an answer's objects reach the cluster."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Callable, Iterable

import yaml

from tests.checks.generated.objects import Key, Object, captured, key_of

Objects = dict[Key, Object]
Route = Callable[[list[Object]], None]


def kubectl(*words: str, data: str = "", check: bool = True) -> str:
    """Run kubectl.

    Raises:
        AssertionError: it failed; the message is what it said.
    """
    done = subprocess.run(
        ["kubectl", *words], input=data, capture_output=True, text=True, encoding="utf-8", check=False
    )
    assert not check or done.returncode == 0, f"kubectl {' '.join(words)}: {done.stderr}\n{data[:2000]}"
    return done.stdout


def _list(items: Iterable[Object]) -> str:
    return json.dumps({"apiVersion": "v1", "kind": "List", "items": list(items)})


def _documents(items: Iterable[Object]) -> str:
    return "\n---\n".join(json.dumps(item) for item in items)


def _apply(items: list[Object]) -> None:
    kubectl("apply", "-f", "-", data=_documents(items))


def _apply_list_backwards(items: list[Object]) -> None:
    kubectl("apply", "-f", "-", data=_list(reversed(items)))


def _apply_twice(items: list[Object]) -> None:
    for _ in range(2):
        _apply(items)


def _apply_on_server(items: list[Object]) -> None:
    kubectl("apply", "--server-side", "--force-conflicts", "-f", "-", data=_documents(items))


def _create(items: list[Object]) -> None:
    kubectl("create", "-f", "-", data=_list(items))


ROUTES: dict[str, Route] = {
    "documents applied": _apply,
    "a List applied, last object first": _apply_list_backwards,
    "applied twice": _apply_twice,
    "applied by the server": _apply_on_server,
    "created": _create,
}
"""For objects that are new. What was there before is replaced: by whichever way, its fields are the answer's then."""

SETTINGS = ("ConfigMap", "Secret")

FILES: dict[str, Callable[[list[Object]], str]] = {
    "documents applied": _documents,
    "a List": _list,
    "YAML with a comment in Korean": lambda items: "# 날씨\n" + "---\n".join(yaml.safe_dump(item) for item in items),
}
"""Ways to write a file that is to be applied."""


def send(objects: Objects, route: str) -> None:
    """Make the cluster have an answer's objects.

    Args:
        objects: the answer's.
        route: a name of `ROUTES`.
    """
    there = captured(sorted({item["metadata"]["namespace"] for item in objects.values()}))
    new = [item for item in objects.values() if key_of(item) not in there]
    changed = [item for item in objects.values() if key_of(item) in there and there[key_of(item)] != item]
    # a container takes its variables once, when it starts: a setting that is changed after its pod is another answer
    for item in changed:
        if item["kind"] in SETTINGS:
            _replace(item)
    if new:
        ROUTES[route](new)
    for item in changed:
        if item["kind"] not in SETTINGS:
            _replace(item)


def _replace(item: Object) -> None:
    """Replace an object; one whose change is not allowed is deleted and made again, as a learner would."""
    done = subprocess.run(
        ["kubectl", "replace", "-f", "-"],
        input=json.dumps(item),
        capture_output=True,
        text=True,
        encoding="utf-8",
        check=False,
    )
    if done.returncode:
        kubectl("replace", "--force", "--grace-period=1", "--timeout=60s", "-f", "-", data=json.dumps(item))
