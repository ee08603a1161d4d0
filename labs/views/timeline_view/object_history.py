"""The history of one object: what was ever seen of it and of what it owns, gathered while the cluster changes."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Any

from labs.kube.object_diff import differences
from labs.views.framework.pod_state import owner_of
from labs.views.framework.resource_names import RESOURCES, ResourceName
from labs.views.timeline_view.deletion import SOMEBODY, SOMETHING, UNRECORDED, kept_until
from labs.views.timeline_view.event_wording import describe_event, seconds, writer
from labs.views.timeline_view.fact import Fact
from labs.views.timeline_view.facts import API, fact_of_event, facts_of

__all__ = ["ObjectHistory"]

NOT_A_WISH = re.compile(
    r"(apiVersion|kind|status|spec\.nodeName|metadata\.(?!labels|annotations)|metadata\.annotations\.(deployment|kubectl)\.)"
)
MANY = 5000  # facts that are kept; repeated ones count as one

Things = Mapping[str, list[dict[str, Any]]]


class ObjectHistory:
    """What happened to an object and to those that it owns, as far as it was ever seen.

    Attributes:
        facts: what was seen, by key, unordered.
        state: ``absent``, ``here`` or ``deleted``.
        root: the object as it is now; None while there is none.
        pods: those of it that there are now.
    """

    def __init__(self, name: ResourceName) -> None:
        """Begin.

        Args:
            name: the object.
        """
        self.name = name
        self.facts: dict[tuple[Any, ...], Fact] = {}
        self.root: dict[str, Any] | None = None
        self.pods: list[dict[str, Any]] = []
        self.state = "absent"
        self._known: dict[str, tuple[str, str, str]] = {}  # uid: kind, name, owner's uid
        self._here: dict[str, dict[str, Any]] = {}
        self._going: set[str] = set()  # uids of those that are being deleted
        self._ready: dict[tuple[str, str], bool] = {}  # of each slice and target, as last seen

    def update(self, things: Things, events: Iterable[dict[str, Any]], now: float) -> None:
        """Take in what there is now.

        Args:
            things: objects by resource, as `labs.views.framework.resource_names.RESOURCES` calls it.
            events: of the namespace.
            now: the time, in seconds since 1970.
        """
        family = self._family(things)
        here = {thing["metadata"]["uid"]: thing for _, thing in family}
        self._going = {uid for uid, thing in here.items() if thing["metadata"].get("deletionTimestamp")}
        for uid in self._here.keys() - here.keys():
            self._gone(uid, now)
        for kind, thing in family:
            meta = thing["metadata"]
            self._known[meta["uid"]] = kind, meta["name"], owner_of(thing)[2]
            is_service = self.name.kind == "Service"
            for fact in facts_of(kind, thing):
                # a Service's history is about who gets requests, a pod's ends there
                if (kind != "EndpointSlice" or is_service) and (
                    kind != "Pod" or not is_service or fact.step in {"ready", "unready"}
                ):
                    self._add(fact)
            if kind != "EndpointSlice" and not (kind == "Pod" and is_service):
                self._keep(kind, thing, things)
                self._change(kind, self._here.get(meta["uid"]), thing, now)
        self._here = here
        self._collect()
        self.pods = [thing for kind, thing in family if kind == "Pod"]
        self.root = next((t for k, t in family if (k, t["metadata"]["name"]) == self.name[1:]), None)
        self._add_events(list(events))
        for kind, piece in family:
            if kind == "EndpointSlice":
                self._endpoints(piece)
        self.state = "here" if self.root else "deleted" if self.facts else "absent"

    def _family(self, things: Things) -> list[tuple[str, dict[str, Any]]]:
        """The object and what belongs to it, each with its kind.

        That is what it owns, what that owns, the slices in which its pods are, and pods that use a claim.
        """
        everything = [(RESOURCES[resource].kind, thing) for resource, found in things.items() for thing in found]
        chosen = [(k, t) for k, t in everything if (k, t["metadata"]["name"]) == self.name[1:]]
        uids = {thing["metadata"]["uid"] for _, thing in chosen}
        for _ in range(2):  # CronJob, Job, Pod is the longest chain
            for kind, thing in everything:
                uid = thing["metadata"]["uid"]
                if owner_of(thing)[2] in uids and uid not in uids:
                    uids.add(uid)
                    chosen.append((kind, thing))
        behind = {uid for kind, thing in chosen if kind == "EndpointSlice" for uid in _targets(thing)}
        had_ours = {slice_uid for slice_uid, _ in self._ready}  # an empty slice, too, tells who gets no more requests
        for kind, thing in everything:
            uid = thing["metadata"]["uid"]
            is_slice_of_ours = kind == "EndpointSlice" and (uid in had_ours or bool(_targets(thing) & uids))
            is_user = self.name.kind == "PersistentVolumeClaim" and self.name.name in _claims(thing)
            if uid not in uids and (is_slice_of_ours or (kind == "Pod" and (uid in behind or is_user))):
                chosen.append((kind, thing))
        return chosen

    def _add_events(self, events: list[dict[str, Any]]) -> None:
        of_uid: dict[str, list[dict[str, Any]]] = {}
        by_name: dict[tuple[str, str], str] = {}
        for event in sorted(events, key=lambda e: e["metadata"].get("creationTimestamp") or ""):
            involved = event["involvedObject"]
            of_uid.setdefault(involved.get("uid", ""), []).append(event)
            by_name[involved.get("kind", ""), involved.get("name", "")] = involved.get("uid", "")
        root = self.name.kind, self.name.name
        if not any(known[:2] == root for known in self._known.values()) and root in by_name:
            self._known[by_name[root]] = (
                *root,
                "",
            )  # it was deleted before anybody looked: its events stay for an hour
        heard: set[str] = set()
        while ahead := self._known.keys() - heard:  # an owner's events name what it has made
            for uid in ahead:
                heard.add(uid)
                kind, _, group = self._known[uid]
                if kind == "Pod" and self.name.kind == "Service":
                    continue
                for event in of_uid.get(uid, ()):
                    self._add(fact_of_event(event, group, self._named_in(event, by_name)))
        for uid, (kind, name, owner) in self._known.items():
            for event in of_uid.get(owner, ()) if owner not in self._known else ():  # it has made or deleted this one
                if describe_event(event).about == (kind, name):
                    self._add(fact_of_event(event, owner, (kind, name, uid)))

    def _named_in(self, event: dict[str, Any], by_name: Mapping[tuple[str, str], str]) -> tuple[str, str, str] | None:
        """Kind, name and uid of the object that a controller's event names, be it there or gone."""
        about, owner = describe_event(event).about, event["involvedObject"].get("uid", "")
        if about is None:
            return None
        uid = next((u for u, known in self._known.items() if known == (*about, owner)), "") or by_name.get(about, "")
        if uid:
            self._known.setdefault(uid, (*about, owner))
        return (*about, uid or f"{about[1]} of {owner}")

    def _add(self, fact: Fact | None) -> None:
        if fact is None:
            return
        known = self.facts.get(fact.key)
        if known is None:
            if len(self.facts) < MANY:
                self.facts[fact.key] = fact
            return
        if fact.weight >= known.weight:
            known.who, known.did, known.mark = fact.who, fact.did or known.did, fact.mark
            known.detail, known.weight = fact.detail or known.detail, fact.weight
        if fact.exact or (not known.exact and fact.at < known.at):
            known.at, known.exact = fact.at, fact.exact
        known.tally.update(fact.tally)
        known.last = max(known.last, fact.last)
        known.group = known.group or fact.group
        if fact.turn >= 0:  # an object's fields tell this, its events do not
            known.container, known.turn, known.goes_on = fact.container, fact.turn, fact.goes_on

    def _change(self, kind: str, before: dict[str, Any] | None, thing: dict[str, Any], now: float) -> None:
        """What was changed while we looked: which fields, from what to what. The record keeps only who and when."""
        if before is None or before["metadata"].get("resourceVersion") == thing["metadata"].get("resourceVersion"):
            return
        found = [d for d in differences(before, thing) if not NOT_A_WISH.match(d[0])]
        old = before["metadata"].get("managedFields") or []
        fresh = [e for e in thing["metadata"].get("managedFields") or [] if e not in old]
        by: list[tuple[str, dict[str, Any]]] = [(writer(e["manager"], e.get("subresource", "")), e) for e in fresh]
        # a writer that loses a field has another entry, too, but an old one; that of `kubectl scale` has no time
        author, entry = max(by, key=lambda b: (bool(b[0]), seconds(b[1].get("time")) or now), default=("", {}))
        if not found or not author:  # a controller's own changes are told by its events
            return
        at = seconds(entry.get("time")) or now
        detail = "\n".join(f"{path}: {_value(kind, a)} → {_value(kind, b)}" for path, a, b in found[:20])
        path, a, b = found[0]
        short = len(found) == 1 and not isinstance(a or b, dict | list)
        did = f"changed {path.rsplit('.', 1)[-1]}"
        did += (
            f" from {_value(kind, a)} to {_value(kind, b)}"
            if short
            else f" and {len(found) - 1} more" * (len(found) > 1)
        )
        meta, group = thing["metadata"], owner_of(thing)[2]
        self._add(Fact(
            (meta["uid"], "changed", author, at), at, author, did, kind, meta["name"], meta["uid"], "changed",
            detail=detail, exact=False, weight=3, group=group,
        ))  # fmt: skip

    def _gone(self, uid: str, now: float) -> None:
        kind, name, group = self._known[uid]
        if kind == "EndpointSlice" or (kind == "Pod" and self.name.kind == "Service"):
            return
        if (uid, "deleted") not in self.facts:  # it had nothing to wait for
            did = "deleted it"
            self._add(Fact(
                (uid, "deleted"), now, SOMETHING if group else SOMEBODY, did, kind, name, uid, "deleted",
                mark="gone", detail=UNRECORDED, group=group,
            ))  # fmt: skip
        did = "removed it from the record"
        self._add(Fact((uid, "gone"), now, API, did, kind, name, uid, "gone", mark="gone", weight=3, group=group))

    def _collect(self) -> None:
        """What has no owner any more was not deleted by a person, unless an event of its controller says otherwise."""
        for (uid, step, *_), fact in self.facts.items():
            owner = fact.group
            is_orphan = owner in self._known and (owner not in self._here or owner in self._going)
            if step == "deleted" and uid == fact.uid and fact.who in {SOMEBODY, SOMETHING} and is_orphan:
                grace = fact.did.partition(";")[2]
                fact.who = "garbage collector"
                fact.did = "deletes it, as its owner is deleted" + (f";{grace}" if grace else "")
                fact.detail = "It looks for objects whose owner (metadata.ownerReferences) is no more."

    def _keep(self, kind: str, thing: dict[str, Any], things: Things) -> None:
        """Why an object that was deleted is still there."""
        meta, name = thing["metadata"], thing["metadata"]["name"]
        users = [pod for pod in things.get("pods", ()) if kind == "PersistentVolumeClaim" and name in _claims(pod)]
        for finalizer in meta.get("finalizers") or [] if meta.get("deletionTimestamp") else []:
            key, at = (meta["uid"], "kept", finalizer), seconds(meta["deletionTimestamp"])
            did = kept_until(finalizer, users)
            detail = f"Its finalizer {finalizer} is taken away then; until that, it is only marked as deleted."
            self._add(Fact(
                key, at, API, did, kind, name, meta["uid"], "kept",
                mark="wait", detail=detail, group=owner_of(thing)[2],
            ))  # fmt: skip

    def _endpoints(self, piece: dict[str, Any]) -> None:
        """Who gets a Service's requests, and since when."""
        meta = piece["metadata"]
        service = (meta.get("labels") or {}).get("kubernetes.io/service-name", "?")
        written = max((seconds(e.get("time")) for e in meta.get("managedFields") or []), default=0.0)
        written = written or seconds(meta.get("creationTimestamp"))
        now_ready = {
            (e.get("targetRef") or {}).get("uid", ""): (e.get("conditions") or {}).get("ready", True)
            for e in piece.get("endpoints") or []
        }
        here = {uid for uid in now_ready if uid in self._known}
        before = {target for slice_uid, target in self._ready if slice_uid == meta["uid"]}
        for target in here | before:
            ready, was = now_ready.get(target, False), self._ready.get((meta["uid"], target))
            if ready == bool(was) and was is not None:
                continue
            self._ready[meta["uid"], target] = ready
            if not ready and not was:
                continue  # it was never added
            at = written
            if ready and was is None:  # the slice tells only of its last change; a pod is added when it is ready
                since = seconds(_ready_since(self._here.get(target)))
                at = max(since, seconds(meta.get("creationTimestamp"))) if 0 < since <= written else written
            kind, name, group = self._known[target]
            did = (
                f"sends it requests to Service {service}"
                if ready
                else f"sends it no more requests to Service {service}"
            )
            step, mark = ("endpoint", "good") if ready else ("endpoint gone", "gone")
            key = meta["uid"], target, step, at
            who = "endpoint slice controller"
            self._add(Fact(key, at, who, did, kind, name, target, step, mark=mark, group=group))


def _targets(piece: dict[str, Any]) -> set[str]:
    return {(e.get("targetRef") or {}).get("uid", "") for e in piece.get("endpoints") or []}


def _claims(pod: dict[str, Any]) -> set[str]:
    """The names of the claims that a pod uses."""
    volumes = (pod.get("spec") or {}).get("volumes") or []
    return {volume["persistentVolumeClaim"]["claimName"] for volume in volumes if "persistentVolumeClaim" in volume}


def _ready_since(pod: dict[str, Any] | None) -> str:
    conditions = ((pod or {}).get("status") or {}).get("conditions") or []
    return next((c.get("lastTransitionTime") or "" for c in conditions if c["type"] == "Ready"), "")


def _value(kind: str, value: Any) -> str:
    if kind == "Secret":
        return "(hidden)"
    text = "nothing" if value is None else str(value)
    return text if len(text) <= 80 else f"{text[:79]}…"
