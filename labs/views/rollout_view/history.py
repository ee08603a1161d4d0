"""What happened in a rollout: counts of pods and answers over time, and an axis that can stand still."""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Iterable
from typing import Any, NamedTuple

from labs.views.rollout_view.counts import Counts, RolloutLimits
from labs.views.rollout_view.requests import Answer

__all__ = ["SETTLED", "Clock", "History", "Sample", "span_of", "thin"]

SETTLED, UNSETTLED = 5.0, 20.0  # seconds without a change after which the axis stands still
BEFORE = 1.5  # seconds that are kept from before the change
AFTER = 2.0  # seconds that a finished picture shows after the last change
SHORT = 1.0  # seconds; shorter gaps are not mentioned
SAMPLES, ANSWERS, OUTCOMES = 2000, 1500, 12  # what is kept at most
NEW_AMONG = 20  # an answer that was not among so many last ones is news
LATELY = 8  # answers
SPANS = (8, 10, 12, 15, 20, 25, 30, 40, 50, 60, 80, 100, 120, 150, 200, 250, 300, 400, 500, 600, 800, 1000)


class Sample(NamedTuple):
    """The pods from one moment on.

    Attributes:
        t: seconds on the axis.
        counts: by the ReplicaSet's uid.
        limits: those in force.
    """

    t: float
    counts: dict[str, Counts]
    limits: RolloutLimits

    @property
    def total(self) -> int:
        return sum(c.has for c in self.counts.values())

    @property
    def available(self) -> int:
        return sum(c.available for c in self.counts.values())


class Clock:
    """Seconds on the axis: they pass while something happens, and stand still when nothing has for a while.

    Attributes:
        last: when something changed last, in seconds of the real clock.
        patience: for how many seconds without a change time goes on.
        gaps: where time was left out, as pairs of seconds on the axis and seconds left out.
    """

    def __init__(self, now: float) -> None:
        self.last, self.patience = now, SETTLED
        self.gaps: deque[tuple[float, float]] = deque(maxlen=20)
        self._left_out = now

    def at(self, now: float) -> float:
        """The axis at a moment of the real clock, which must not lie before the last change."""
        return min(max(now, self.last), self.last + self.patience) - self._left_out

    def runs(self, now: float) -> bool:
        return now < self.last + self.patience

    def touch(self, now: float, patience: float) -> float:
        """Something changed.

        Args:
            patience: from now on, in seconds.

        Returns:
            Where on the axis.
        """
        over = now - self.last - self.patience
        if over > 0:
            if over >= SHORT:
                self.gaps.append((self.at(now), over))
            self._left_out += over
        self.last, self.patience = max(now, self.last), patience
        return self.at(now)


class History:
    """All of it, bounded.

    Attributes:
        clock: the axis.
        start: where on the axis the rollout began; None before the first that was seen to begin.
        samples, answers: what is drawn.
        outcomes: how often each answer came since the start.
        low, high: the fewest available pods and the most pods since the limits could be kept; None before.
        deleted: where on the axis the Deployment was deleted; None while it is there.
        unseen: from where to where on the axis the pods were not known, as no API server answered.
    """

    def __init__(self, now: float) -> None:
        self.clock = Clock(now)
        self.start: float | None = None
        self.samples: deque[Sample] = deque(maxlen=SAMPLES)
        self.answers: deque[tuple[float, Answer]] = deque(maxlen=ANSWERS)
        self.outcomes: Counter[Answer] = Counter()
        self.low: int | None = None
        self.high: int | None = None
        self.deleted: float | None = None
        self.unseen: deque[tuple[float, float]] = deque(maxlen=20)
        self._recent: deque[Answer] = deque(maxlen=NEW_AMONG)
        self._last_words: Any = None

    def add_sample(
        self,
        now: float,
        counts: dict[str, Counts],
        limits: RolloutLimits,
        *,
        settled: bool,
        words: Any = "",
        deleted: bool = False,
    ) -> bool:
        """Note how it is.

        Args:
            now: seconds of the real clock.
            counts: pods by ReplicaSet's uid.
            limits: those in force.
            settled: whether there is nothing to wait for.
            words: anything else that counts as a change when it changes.
            deleted: whether the Deployment is gone or going: then no limit is in force.

        Returns:
            Whether anything changed.
        """
        last = self.samples[-1] if self.samples else None
        is_same = last is not None and (last.counts, last.limits) == (counts, limits)
        if is_same and self._last_words == words:
            return False
        t = self.clock.touch(now, SETTLED if settled else UNSETTLED)
        if last is not None and last.limits != limits:
            self.low = self.high = None
        self._last_words = words
        if not deleted:
            self.deleted = None
        elif self.deleted is None:
            self.deleted = t
        if not is_same:
            self.samples.append(Sample(t, dict(counts), limits))
            if not deleted:
                self._extremes(self.samples[-1])
        return True

    def begin_rollout(self, now: float) -> None:
        """The template changed: forget all but the last seconds, and start counting again."""
        self.start = self.clock.touch(now, UNSETTLED)
        kept_from = self.start - BEFORE
        while len(self.samples) > 1 and self.samples[1].t <= kept_from:
            self.samples.popleft()
        while self.answers and self.answers[0][0] < kept_from:
            self.answers.popleft()
        self.unseen = deque((span for span in self.unseen if span[1] > kept_from), maxlen=20)
        self.clock.gaps = deque((gap for gap in self.clock.gaps if kept_from < gap[0] < self.start), maxlen=20)
        self.outcomes.clear()
        self._recent.clear()
        self.low = self.high = None
        if self.samples:
            self._extremes(self.samples[-1])

    def add_answer(self, now: float, answer: Answer) -> None:
        """Note an answer. One that is news sets time going again."""
        runs = self.clock.runs(now)
        if answer not in self._recent and (self._recent or answer.failed):
            self.clock.touch(now, self.clock.patience)
            runs = True
        self._recent.append(answer)
        if answer not in self.outcomes and len(self.outcomes) >= OUTCOMES:
            answer = Answer("other reasons" if answer.failed else "other answers", answer.failed)
        self.outcomes[answer] += 1
        if runs:
            self.answers.append((self.clock.at(now), answer))

    @property
    def lately(self) -> set[str]:
        """The texts of the last answers."""
        return {answer.text for answer in list(self._recent)[-LATELY:]}

    def _extremes(self, sample: Sample) -> None:
        """A limit counts once it was reached: pods that were never there are not missing."""
        available, total = sample.available, sample.total
        if self.low is not None or available >= sample.limits.fewest:
            self.low = available if self.low is None else min(self.low, available)
        if self.high is not None or total <= sample.limits.most:
            self.high = total if self.high is None else max(self.high, total)


def span_of(history: History, now: float) -> tuple[float, float]:
    """From where to where the axis goes, in its own seconds.

    It grows by steps; when it stands still, it ends soon after the last change.
    """
    first = history.samples[0].t if history.samples else 0.0
    if history.start is not None:
        first = max(first, history.start - BEFORE)
    clock = history.clock
    t = clock.at(now)
    if not clock.runs(now):
        # of one that hangs, all of the time is kept: it shows who was served meanwhile
        end = clock.at(clock.last) + (AFTER if clock.patience == SETTLED else clock.patience)
        return first, max(end, first + 4)
    return first, first + next((span for span in SPANS if span >= t - first), t - first)


def thin(samples: Iterable[Sample], first: float, last: float, pieces: int = 150) -> list[Sample]:
    """Fewer samples that look the same: of each piece of the axis the last, and those with the most and the fewest."""
    samples = list(samples)
    if len(samples) <= pieces:
        return samples
    groups: dict[int, list[Sample]] = {}
    for sample in samples:
        groups.setdefault(int((sample.t - first) / max(last - first, 0.001) * pieces), []).append(sample)
    kept = []
    for group in groups.values():
        chosen = {id(group[-1]), id(max(group, key=lambda s: s.total)), id(min(group, key=lambda s: s.available))}
        kept += [sample for sample in group if id(sample) in chosen]
    return kept
