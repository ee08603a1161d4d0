"""The rollout view: pods of each ReplicaSet over time between their limits, and what users were answered meanwhile."""

from __future__ import annotations

import json
import threading
import time
from pathlib import Path
from typing import Any

from labs.views.framework.context import ViewContext
from labs.views.framework.pod_state import newest_warnings, owner_of, state_of
from labs.views.framework.view import View
from labs.views.rollout_view.answers import answers_in
from labs.views.rollout_view.counts import Counts, count, limits_of
from labs.views.rollout_view.history import SETTLED, History, Sample, span_of, thin
from labs.views.rollout_view.replica_sets import ReplicaSets
from labs.views.rollout_view.requests import Answer, Pace, RequestStream
from labs.views.rollout_view.wording import (
    ABOVE,
    BELOW,
    LAST_KNOWN,
    OTHERWISE,
    as_text,
    condition_of,
    differ,
    in_words,
    is_complete,
    limits_in_words,
    troubles_of,
)

__all__ = ["RolloutView", "rollout"]

QUICK, SLOW = 0.1, 2.0  # seconds between two requests, while something happens and when nothing does
AFTERWARDS = 2.0  # seconds for which requests stay quick after the last change
TICK = 0.25  # seconds between two pictures in which only time has passed
LISTS = ("deployments", "replicasets", "pods")  # what must have been read before anything can be said


def rollout(lab: ViewContext, name: str, *, url: str = "") -> RolloutView:
    """Show a Deployment's rollouts: old and new pods over time, their limits, and the answers meanwhile; live.

    Args:
        lab: the lesson, from `open_lab`.
        name: the Deployment's; it need not exist yet.
        url: where the Service answers with its version, such as ``lab.url(30040) + "/version"``; asked all the time.
    """
    return RolloutView(lab, name, url)


class RolloutView(View):
    """See `rollout`."""

    FOLDER = Path(__file__).parent
    TITLE = "Rollout"

    def __init__(self, lab: ViewContext, name: str, url: str = "") -> None:
        """Begin, with what `rollout` takes."""
        self._deployment, self._url = name, url
        self._history = History(time.monotonic())
        self._lock = threading.RLock()
        self._stream: RequestStream | None = None
        self._template = ""  # the uid and the template that were seen last
        self._is_held = False  # a template changed while the Deployment was paused
        self._last: dict[str, Any] | None = None  # the Deployment as it was last
        self._sets = ReplicaSets()
        self._unseen_from: float | None = None  # where on the axis the API server was heard last, while it is not
        super().__init__(lab, f"Rollout of {name}")

    def begin(self) -> None:
        self.follow("deployments", fields=f"metadata.name={self._deployment}")
        self.follow("replicasets")
        self.follow("pods")
        self.follow("events", fields="type=Warning")
        self._stream = RequestStream(self._url, self._pace, self._on_answer, self._tick)

    def end(self) -> None:
        if self._stream is not None:
            self._stream.end()

    def changed(self) -> None:
        """Note how it is before a picture is due: between two pictures, a quick rollout makes several steps."""
        with self._lock:
            was_quick = self._pace().requests == QUICK
            self._take_sample(time.monotonic())
            is_quick = self._pace().requests == QUICK
        if is_quick and not was_quick and self._stream is not None:
            self._stream.hurry()
        super().changed()

    def draw(self) -> dict[str, Any]:
        with self._lock:
            now = time.monotonic()
            self._take_sample(now)
            if self._unseen_from is not None:
                self._history.unseen.append((self._unseen_from, self._history.clock.at(now)))
                self._unseen_from = None
            return self._picture(now)

    def draw_stale(self, picture: dict[str, Any]) -> dict[str, Any]:
        """Requests need no API server: they go on, beside the pods as they were last known."""
        if not picture["limits"]:
            return picture
        with self._lock:
            if self._unseen_from is None:
                self._unseen_from = picture["now"]
            summary = picture["summary"].removeprefix(LAST_KNOWN)
            answers = answers_in(self._history, time.monotonic(), picture["sets"])
            return {**picture, "summary": LAST_KNOWN + summary, "known": self._unseen_from, **answers}

    def to_text(self, picture: dict[str, Any]) -> str:
        return as_text(picture)

    # what the threads bring

    def _objects(self, key: str) -> list[dict[str, Any]]:
        """As `objects`; empty while the view is being begun or ended."""
        subscription = self._subscriptions.get(key)
        return subscription.items() if subscription else []

    def _take_sample(self, now: float) -> None:
        if not self.is_filled(*LISTS):
            return
        deployment = next(iter(self._objects("deployments")), None)
        if deployment is None:
            if self._last is not None and self._history.samples:
                self._template = "deleted"
                counts, limits = count(self._pods(), self._last), self._history.samples[-1].limits
                self._history.add_sample(now, counts, limits, settled=True, words="deleted", deleted=True)
            else:
                self._template = self._template or "none yet"
            return
        self._last = deployment
        uid, limits = deployment["metadata"]["uid"], limits_of(deployment)
        self._sets.note(thing for thing in self._objects("replicasets") if owner_of(thing)[2] == uid)
        self._track_template(now, deployment)
        is_settled = is_complete(deployment) or deployment["spec"].get("paused", False)
        counts = count(self._pods(), deployment)
        is_going = bool(deployment["metadata"].get("deletionTimestamp"))
        words = condition_of(deployment)
        self._history.add_sample(now, counts, limits, settled=is_settled, words=words, deleted=is_going)

    def _track_template(self, now: float, deployment: dict[str, Any]) -> None:
        """Begin a rollout with another template, with a new Deployment, and when one is resumed after a change."""
        spec = deployment["spec"]
        template = deployment["metadata"]["uid"] + json.dumps(spec["template"], sort_keys=True)
        is_first, is_new = not self._template, template != self._template
        self._template = template
        if spec.get("paused"):
            self._is_held = self._is_held or (is_new and not is_first)
        is_resumed = self._is_held and not spec.get("paused")
        if is_resumed or (is_new and not is_first):
            self._history.begin_rollout(now)
        if is_resumed:
            self._is_held = False

    def _pods(self) -> list[dict[str, Any]]:
        """The Deployment's pods. One may be seen before its ReplicaSet is: then its label tells."""
        mine = []
        for pod in self._objects("pods"):
            kind, name, uid = owner_of(pod)
            label = pod["metadata"].get("labels", {}).get("pod-template-hash", "")
            if uid in self._sets or (kind == "ReplicaSet" and label and name == f"{self._deployment}-{label}"):
                mine.append(pod)
        return mine

    def _pace(self) -> Pace:
        clock, now = self._history.clock, time.monotonic()
        if self._last is None:
            return Pace(0, SLOW)
        quick_for = AFTERWARDS if clock.patience == SETTLED else clock.patience
        return Pace(QUICK if now < clock.last + quick_for else SLOW, TICK if clock.runs(now) else SLOW)

    def _on_answer(self, answer: Answer) -> None:
        with self._lock:
            now = time.monotonic()
            was_still = not self._history.clock.runs(now)
            self._history.add_answer(now, answer)
        if was_still:
            super().changed()

    def _tick(self) -> None:
        self.changed()

    # the picture

    def _picture(self, now: float) -> dict[str, Any]:
        deployment, history = self._last, self._history
        if deployment is None:
            said = f"There is no Deployment {self._deployment} yet; it appears here when it is made."
            if not self.is_filled(*LISTS):
                said = f"Whether there is a Deployment {self._deployment} could not be read yet."
            return {"summary": said, "mark": "none", "sets": [], "limits": None}
        is_gone = self.is_filled(*LISTS) and not self._objects("deployments")
        first, last = span_of(history, now)
        samples = [s for s in history.samples if s.t <= last]
        samples = thin([*[s for s in samples if s.t <= first][-1:], *[s for s in samples if s.t > first]], first, last)
        here = {thing["metadata"]["uid"] for thing in self._objects("replicasets")}
        drawn = {uid for sample in samples for uid, counts in sample.counts.items() if counts.has}
        sets, resting = self._sets.lines(here, drawn, self._pods(), deployment, is_gone=is_gone)
        limits, troubles = limits_of(deployment), self._troubles(deployment)
        most_why, fewest_why = limits_in_words(limits)
        notes: list[str]
        if is_gone:
            mark, said, notes = "gone", "The Deployment was deleted.", []
        else:
            mark, said, notes = in_words(deployment, sets, troubles)
        answers, same = answers_in(history, now, sets), history.start is None
        is_otherwise = mark == "good" and differ(answers["lanes"], history.lately, same_revision=same)
        return {
            "summary": said,
            "mark": mark,
            "over": is_gone,
            "start": None if history.start is None else round(history.start, 2),
            "known": None,
            "limits": {
                "most": limits.most,
                "fewest": limits.fewest,
                "most_why": most_why,
                "fewest_why": fewest_why,
                "recreate": limits.recreate,
            },
            "low": history.low,
            "high": history.high,
            "low_verdict": BELOW if history.low is not None and history.low < limits.fewest else "",
            "high_verdict": ABOVE if history.high is not None and history.high > limits.most else "",
            "sets": sets,
            "resting": resting,
            "steps": [_step(sample, sets) for sample in samples],
            "troubles": troubles,
            "url": self._url,
            "since": "the change" if history.start is not None else "the view was opened",
            "deleted": None if history.deleted is None else round(history.deleted, 2),
            "unseen": [[round(a, 2), round(b, 2)] for a, b in history.unseen if b > first],
            "notes": [*notes, *([OTHERWISE] if is_otherwise else [])],
            **answers,
        }

    def _troubles(self, deployment: dict[str, Any]) -> list[dict[str, Any]]:
        warnings = newest_warnings(self._objects("events"))
        bad = []
        for pod in self._pods():
            state = state_of(pod, warnings.get(pod["metadata"]["uid"], ""))
            if state.mark == "bad":
                bad.append(
                    {"name": pod["metadata"]["name"], "set": owner_of(pod)[1], "word": state.word, "why": state.why}
                )
        return troubles_of(bad)


def _step(sample: Sample, sets: list[dict[str, Any]]) -> list[Any]:
    """A sample as the front end reads it: when, the limits, and of each set how many it has, ready and available."""
    counts = [sample.counts.get(s["id"], Counts(0, 0, 0)) for s in sets]
    return [round(sample.t, 3), sample.limits.fewest, sample.limits.most, [list(c) for c in counts]]
