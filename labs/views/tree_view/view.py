"""The tree of an object's fields, live: asked for and is, old and new; or of several objects side by side."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from typing import Any

from labs.errors import LabsError
from labs.kube.object_diff import differences, spec_of
from labs.views.framework.context import ViewContext
from labs.views.framework.resource_names import ResourceName, parse_name
from labs.views.framework.view import View
from labs.views.tree_view.model import asked_and_is, grow, masked, set_by

__all__ = ["ComparisonView", "TreeView", "tree"]

# What changes without anybody's wish; that the rest changes begins a new chapter.
_STATE = ("status", "metadata.resourceVersion", "metadata.managedFields", "metadata.generation")
_BOOKKEEPING = ("metadata.resourceVersion", "metadata.managedFields")
_MACHINE = "metadata.annotations.deployment"


def tree(lab: ViewContext, *things: Any, ignore: tuple[str, ...] = (), **named_things: Any) -> View:
    """Show an object's fields as a tree: what is asked for and what is, who set what, and what changed; live.

    Several objects are compared by what they ask for, as `Lab.same` does, side by side. Values of Secrets are hidden.

    Args:
        lab: the lesson, from `open_lab`.
        things: a kind and name as for kubectl, such as ``"deployment/front"``, which need not exist yet; or objects:
            client models, dictionaries, YAML or JSON text, which are called object 1, object 2 and so on.
        ignore: paths to leave out of a comparison, such as ``("metadata.name",)``.
        named_things: objects by what to call them, such as ``Python=..., YAML=...``.

    Raises:
        LabsError: nothing to show, no such kind, or a text that is not one object.
    """
    if len(things) == 1 and not named_things and _is_name(things[0]):
        return TreeView(lab, parse_name(things[0]))
    all_things = {f"object {i}": thing for i, thing in enumerate(things, start=1)} | named_things
    if not all_things:
        raise LabsError("There is nothing to show.", 'Name an object, such as "deployment/front", or pass one.')
    objects = {name: masked(thing) for name, thing in all_things.items()}
    if len(objects) == 1:
        return TreeView(None, next(iter(objects.values())))
    return ComparisonView(objects, ignore)


class TreeView(View):
    """One object. See `tree`."""

    FOLDER = Path(__file__).parent
    TITLE = "Object"

    def __init__(self, lab: ViewContext | None, what: ResourceName | dict[str, Any]) -> None:
        """Begin.

        Args:
            lab: as for `tree`.
            what: an object's name, or a `masked` object that stays as it is.
        """
        self._what = what
        self._now: dict[str, Any] | None = None if isinstance(what, ResourceName) else what
        self._before = self._now  # as it was before the last wish
        self._since = ""
        if isinstance(what, ResourceName):
            title = str(what)
        else:
            meta = what.get("metadata") or {}
            title = f"{what.get('kind', 'Object')} {meta.get('name', '')}".strip()
        super().__init__(lab, title)

    def begin(self) -> None:
        if isinstance(self._what, ResourceName):
            self.follow(self._what.resource, fields=f"metadata.name={self._what.name}")

    def draw(self) -> dict[str, Any]:
        state = "given"
        if isinstance(self._what, ResourceName):
            found = self.objects(self._what.resource)
            if found:
                self._update({"apiVersion": self._what.api_version, "kind": self._what.kind, **found[0]})
            state = "here" if found else "deleted" if self._now else "absent"
        if self._now is None or self._before is None:
            note = f"There is no {self._what} yet. It appears here when it is made."
            return {"mode": "one", "summary": "not made yet", "note": note, "pairs": [], "tree": None}
        root = grow([self._before, self._now])
        by = set_by(self._now)
        _mark(root, by)
        pairs = list(asked_and_is(self._now))
        changed = _changed(self._before, self._now, self._since)
        waits = [f"{p['what']}: asked for {p['asked']}, is {p['is']}" for p in pairs if p["mark"] != "good"]
        summary = (
            "deleted" if state == "deleted" else waits[0] if waits else "what was asked for is there" if pairs else ""
        )
        summary += f"; {changed}" if changed else ""
        note = f"{self._what} is deleted. This is how it was last." if state == "deleted" else ""
        return {
            "mode": "one",
            "summary": summary.lstrip("; "),
            "note": note,
            "pairs": pairs,
            "tree": root,
            "given": state == "given",
        }

    def _update(self, thing: dict[str, Any]) -> None:
        """Take in a version. Old values are those before the last wish, so that they stay while the status follows."""
        new = masked(thing)
        old = self._now
        if old == new:
            return
        is_other = old is not None and old["metadata"]["uid"] != new["metadata"]["uid"]
        if old is None or is_other:
            self._before, self._since = new, f"{datetime.now():%H:%M:%S}"
        elif any(not path.startswith((*_STATE, _MACHINE)) for path, *_ in differences(old, new)):
            self._before, self._since = old, f"{datetime.now():%H:%M:%S}"
        self._now = new

    def to_text(self, picture: dict[str, Any]) -> str:
        lines = [line for line in (picture["summary"], picture["note"]) if line]
        lines += [f"{p['what']}: asked for {p['asked']}, is {p['is']}" for p in picture["pairs"]]
        if picture["tree"]:
            lines += _tree_lines(picture["tree"], 0)
        return "\n".join(lines)


class ComparisonView(View):
    """Several objects side by side. See `tree`."""

    FOLDER = Path(__file__).parent
    TITLE = "Objects side by side"

    def __init__(self, objects: dict[str, dict[str, Any]], ignore: tuple[str, ...] = ()) -> None:
        """Begin.

        Args:
            objects: `masked`, by what to call each.
            ignore: as for `tree`.
        """
        self._objects, self._ignore = objects, ignore
        super().__init__(None, " / ".join(objects))

    def draw(self) -> dict[str, Any]:
        specs = {name: spec_of(thing) for name, thing in self._objects.items()}
        for field in ("apiVersion", "kind"):  # the items of a list come without
            known = next((spec[field] for spec in specs.values() if field in spec), None)
            for spec in specs.values():
                if known is not None:
                    spec.setdefault(field, known)
        root = grow(list(specs.values()))
        filled = {path for spec in specs.values() for path, by in set_by(spec).items() if by == "default"}
        _leave_out(root, self._ignore, filled)
        count = sum(1 for _ in _differing(root))
        defaults = _count_filled(root)
        summary = f"they differ in {_many(count, 'field')}" if count else "they ask for the same"
        summary += f"; {_many(defaults, 'default')} written in one only" if defaults else ""
        return {
            "mode": "several", "summary": summary, "note": "", "names": list(specs), "pairs": [], "tree": root,
            "given": True,
        }  # fmt: skip

    def to_text(self, picture: dict[str, Any]) -> str:
        lines = [picture["summary"]]
        for node in _differing(picture["tree"]):
            each = (f"{name}: {_value(node, i)}" for i, name in enumerate(picture["names"]))
            lines.append(f"{node['id']}: {'; '.join(each)}")
        return "\n".join(lines)


def _is_name(thing: Any) -> bool:
    return isinstance(thing, str) and "\n" not in thing and "{" not in thing and ":" not in thing


def _mark(node: dict[str, Any], by: dict[str, str]) -> None:
    """Tell who set each field, and what is only bookkeeping."""
    if node["id"].startswith(_BOOKKEEPING):
        node["differs"] = False
    node["by"] = by.get(node["id"], "")
    for child in node["below"]:
        _mark(child, by)
    if node["below"]:
        node["differs"] = any(child["differs"] for child in node["below"])


def _leave_out(node: dict[str, Any], ignored: tuple[str, ...], filled: set[str]) -> None:
    """Drop ignored fields; a default that only some versions spell out makes no difference."""
    node["below"] = [child for child in node["below"] if child["id"] not in ignored]
    node["by"] = ""
    if node["id"] in filled and None in node["texts"]:
        node["by"], node["differs"] = "default", False
        return
    for child in node["below"]:
        _leave_out(child, ignored, filled)
    if None not in node["texts"] and (node["below"] or "" in node["texts"]):
        node["differs"] = any(child["differs"] for child in node["below"])


def _count_filled(node: dict[str, Any]) -> int:
    return (node.get("by") == "default") + sum(_count_filled(child) for child in node["below"])


def _many(n: int, noun: str) -> str:
    return f"{n} {noun}{'s'[: n != 1]}"


def _changed(before: dict[str, Any], now: dict[str, Any], since: str) -> str:
    """What changed since the last wish: what was asked for, and what the cluster wrote because of it."""
    paths = [path for path, *_ in differences(before, now) if not path.startswith(_BOOKKEEPING)]
    wishes = [path for path in paths if not path.startswith((*_STATE, _MACHINE))]
    rest = len(paths) - len(wishes)
    if not wishes:
        return f"{_many(rest, 'field')} written by the cluster since {since}" if rest else ""
    asked = wishes[0] if len(wishes) == 1 else f"{len(wishes)} fields"
    followed = f", and then {_many(rest, 'field')} of the cluster's own" if rest else ""
    return f"{asked} changed at {since}{followed}"


def _differing(node: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """The fields that differ: the outermost that some version lacks, else the innermost."""
    if not node["differs"]:
        return
    if node["below"] and None not in node["texts"]:
        for child in node["below"]:
            yield from _differing(child)
    else:
        yield node


def _value(node: dict[str, Any], index: int) -> str:
    text = node["texts"][index]
    return "(none)" if text is None else text or f"({_many(len(node['below']), 'field')})"


def _tree_lines(node: dict[str, Any], depth: int) -> list[str]:
    lines = []
    for child in node["below"]:
        if child["id"] == "metadata.managedFields":
            continue
        old, new = child["texts"]
        by = f"  ({child['by']})" if child.get("by") else ""
        if child["differs"] and not child["below"]:
            value = f"{'(none)' if old is None else old} → {'(none)' if new is None else new}"
        else:
            value = (new if new is not None else "(removed)") or ""
        lines.append(f"{'  ' * depth}{child['key']}: {value}".rstrip() + by)
        lines += _tree_lines(child, depth + 1)
    return lines
