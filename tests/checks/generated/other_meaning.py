"""Another meaning that looks the same: what a check must refuse. Each changes one fact of the brief alone."""

from __future__ import annotations

import copy
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from labs.checks.facts import ANY, Fact, Kept, Stated
from tests.checks.generated.objects import Key, Object, leaves, pod_of, reaches

Objects = dict[Key, Object]
OTHER_IMAGE = {
    "labs/web:1": "labs/web:2",
    "labs/web:2": "labs/web:1",
    "labs/shell:1": "labs/web:1",
    "weather:1": "labs/web:1",
}


@dataclass
class Wrong:
    """One wrong answer.

    Attributes:
        name: what is wrong.
        objects: what is applied.
        words: one of them must stand in the verdict.
        patch: object and merge patch that are sent afterwards; None deletes the object.
        more: other objects that are there as well.
        is_setting: whether it is in what pods read when they start.
    """

    name: str
    objects: Objects
    words: tuple[str, ...]
    patch: tuple[Key, Object | None] | None = None
    more: list[Object] = field(default_factory=list)
    is_setting: bool = False


def wrongs(answer: Objects, facts: tuple[Fact, ...], there: Objects) -> Iterator[Wrong]:
    """All wrong answers that the facts make from an answer.

    Args:
        answer: the objects of the reference solution.
        facts: of the exercise.
        there: the objects that the exercise begins with.

    Raises:
        AssertionError: the reference solution does not have a fact, which so is none.
    """
    for fact in facts:
        if isinstance(fact, Kept):
            key = _find(fact, there)
            yield Wrong(f"{fact.kind} {fact.name} changed", answer, (fact.name,), (key, fact.change))
            if fact.deletion:
                yield Wrong(f"{fact.kind} {fact.name} deleted", answer, (fact.name,), (key, None))
        elif isinstance(fact, Stated) and fact.field:
            yield from _other_values(fact, answer)
        elif isinstance(fact, Stated):
            yield from _other_objects(fact, answer, there, _words(fact, facts))


def _find(fact: Fact, objects: Objects) -> Key:
    keys = [key for key in objects if key[:2] == (fact.kind, fact.name)]
    assert keys, f"no {fact.kind} {fact.name} among {sorted(objects)}"
    return keys[0]


def _other_values(fact: Stated, answer: Objects) -> Iterator[Wrong]:
    key = _find(fact, answer)
    places = [
        (path, value)
        for path, _, _, value in leaves(answer[key])
        if reaches(path, fact.field)
        and (fact.value is ANY or (value == fact.value and type(value) is type(fact.value)))
    ]
    assert places, f"the reference solution does not state {fact}"
    for other in fact.others or (_made_up(fact.value),):
        objects = copy.deepcopy(answer)
        for path, holder, name, value in list(leaves(objects[key])):
            if (path, value) in places:
                holder[name] = other
        words = (str(other), fact.name) if fact.value is ANY else (str(fact.value), str(other), fact.name)
        is_setting = fact.kind in {"ConfigMap", "Secret"}
        yield Wrong(f"{fact.kind} {fact.name}, {fact.field}: {other!r}", objects, words, is_setting=is_setting)


def _made_up(value: Any) -> Any:
    if isinstance(value, bool):
        return not value
    if isinstance(value, int):
        return value + 1
    return OTHER_IMAGE.get(value, f"{value}x")


def _words(fact: Stated, facts: tuple[Fact, ...]) -> tuple[str, ...]:
    """What a verdict calls an object that is missing: its name, or, where that is free, what the brief states of it."""
    if fact.is_name_stated:
        return (fact.name,)
    of_it = [each for each in facts if isinstance(each, Stated) and each.field and each.name == fact.name]
    return tuple(str(each.value) for each in of_it)


def _other_objects(fact: Stated, answer: Objects, there: Objects, words: tuple[str, ...]) -> Iterator[Wrong]:
    """Left out, under another name, in another namespace; a Deployment without pods beside somebody else's pods."""
    key = _find(fact, there | answer)
    if key in there:  # it is kept, not made: an exercise that wants it gone would not state it
        yield Wrong(f"{fact.kind} {fact.name} deleted", answer, words, (key, None))
    else:
        yield Wrong(f"no {fact.kind} {fact.name}", {k: v for k, v in answer.items() if k != key}, words)
        if not fact.is_name_stated:
            return
        objects = copy.deepcopy(answer)
        item = objects.pop(key)
        item["metadata"]["name"] = f"{fact.name}-1"
        yield Wrong(f"{fact.kind} {fact.name} called {fact.name}-1", {**objects, key: item}, words)
        if fact.kind in {"Container", "File"}:  # they are in no namespace
            return
        if not any(port.get("nodePort") for port in item.get("spec", {}).get("ports", [])):
            objects = copy.deepcopy(answer)
            objects[key]["metadata"]["namespace"] = "default"
            yield Wrong(f"{fact.kind} {fact.name} in default", objects, words)
    if fact.kind == "Deployment" and key in answer:
        objects = copy.deepcopy(answer)
        objects[key]["spec"]["replicas"] = 0
        pod = copy.deepcopy(pod_of(answer[key]))
        assert pod
        stranger = {"apiVersion": "v1", "kind": "Pod", "metadata": pod["metadata"], "spec": pod["spec"]}
        stranger["metadata"] |= {"name": f"{fact.name}-stranger", "namespace": key[2]}
        yield Wrong(f"{fact.kind} {fact.name} without pods, a stranger in their place", objects, words, more=[stranger])
