"""A build's log: which steps came from the cache, which ran again, and from which one on."""

from __future__ import annotations

import copy
import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

__all__ = ["BuildStep", "entries", "in_words", "steps_of"]

STEP = re.compile(r"Step (\d+)/(\d+) : (.*)")
RESULT = re.compile(r"\s*---> ([0-9a-f]{6,64})\s*$")
PLAIN = re.compile(r"#(\d+) (?:\[([^\]]*?)(\d+)/(\d+)\] (.+)|(CACHED|DONE \S+|ERROR.*))\s*$")  # BuildKit's own log

UNNAMED = re.compile(r"stage-(\d+) ")


@dataclass
class BuildStep:
    """One line of a Dockerfile, as a build took it.

    Attributes:
        number: counted from 1.
        line: such as ``COPY store.py /app/store.py``.
        verdict: ``cached``, ``ran``, ``failed``, or ``from``, which only names an image.
        image: the beginning of the id of the image that the step gave; empty where the log does not tell.
        stage: counted from 0.
    """

    number: int
    line: str
    verdict: str = "ran"
    image: str = ""
    stage: int = 0


def entries(log: Iterable[Any] | None) -> list[Any]:
    """A log as a list, and a generator of the client's left as it was, so that it can still be read by others.

    Args:
        log: what ``client.images.build`` returned second, or a list of it, or lines of text.
    """
    if log is None:
        return []
    if isinstance(log, str):
        return log.splitlines()
    if hasattr(log, "__next__") and hasattr(log, "__copy__"):  # itertools.tee, which docker-py returns
        log = copy.copy(log)
    return list(log)


def steps_of(log: list[Any]) -> list[BuildStep]:
    """The steps of a build.

    Args:
        log: see `entries`; dictionaries of the classic builder, or lines of either builder.
    """
    text = "".join(e.get("stream", "") if isinstance(e, dict) else f"{e}\n" for e in log)
    steps = _classic(text) or _buildkit(text)
    if steps and any(isinstance(e, dict) and "error" in e for e in log):
        steps[-1].verdict = "failed"
    return steps


def _classic(text: str) -> list[BuildStep]:
    steps: list[BuildStep] = []
    stage = -1
    for line in text.splitlines():
        if found := STEP.match(line):
            is_from = found[3].upper().startswith("FROM ")
            stage += is_from
            steps.append(BuildStep(int(found[1]), found[3].strip(), "from" if is_from else "ran", stage=max(stage, 0)))
        elif steps and "---> Using cache" in line:
            steps[-1].verdict = "cached"
        elif steps and (found := RESULT.match(line)):
            steps[-1].image = found[1]
    return steps


def _buildkit(text: str) -> list[BuildStep]:
    """BuildKit's log: it works at several steps and stages at once, and names what is cached in any order."""
    steps: dict[str, BuildStep] = {}
    places: dict[str, int] = {}  # of a step in its stage, as the brackets say
    stages: list[str] = []
    for line in text.splitlines():
        found = PLAIN.match(line.strip())
        if not found:
            continue
        if found[5] and found[1] not in steps:
            if found[2] not in stages:
                stages.append(found[2])
            verdict = "from" if found[5].upper().startswith("FROM ") else "ran"
            steps[found[1]] = BuildStep(0, found[5], verdict, stage=stages.index(found[2]))
            places[found[1]] = int(found[3])
        elif (step := steps.get(found[1])) and found[6] and step.verdict == "ran":
            step.verdict = {"C": "cached", "E": "failed"}.get(found[6][0], step.verdict)
    order = _in_order(stages)
    for step in steps.values():
        step.stage = order[stages[step.stage]]
    ordered = [steps[key] for key in sorted(steps, key=lambda key: (steps[key].stage, places[key]))]
    for number, step in enumerate(ordered, 1):
        step.number = number
    return ordered


def _in_order(stages: list[str]) -> dict[str, int]:
    """Each stage's place in the Dockerfile: one without a name tells it, the others follow as the log names them."""
    told = {stage: int(found[1]) for stage in stages if (found := UNNAMED.match(stage))}
    free = (place for place in range(len(stages) + max(told.values(), default=0) + 1) if place not in told.values())
    order = {stage: told.get(stage, -1) for stage in stages}
    for stage in stages:
        if stage not in told:
            order[stage] = next(free)
    return order


def in_words(steps: list[BuildStep]) -> list[str]:
    """What a build took from the cache, and why not more, in sentences."""
    done = [step for step in steps if step.verdict != "from"]
    if not done:
        return []
    cached = [step for step in done if step.verdict == "cached"]
    hits = len(cached) or "none"
    notes = [f"Of the {len(done)} steps besides FROM, which names the base, {hits} came from the cache."]
    if len(cached) == len(done):
        return ["All steps came from the cache: neither a line nor a copied file has changed since an earlier build."]
    missed = next(step for step in done if step.verdict != "cached")
    notes.append(f"The first that did not: step {missed.number} of {len(steps)}, {missed.line}: {_why(missed, steps)}.")
    later = [step for step in done if step.number > missed.number and step.stage == missed.stage]
    if later and not any(step.verdict == "cached" for step in later):
        notes.append("Every later step begins with the image of the step before it, so all of them ran again.")
    if failed := next((step for step in steps if step.verdict == "failed"), None):
        notes.append(f"The build failed at step {failed.number}, {failed.line}.")
    return notes


def _why(missed: BuildStep, steps: list[BuildStep]) -> str:
    word = missed.line.split(maxsplit=1)[0].upper()
    before = [step for step in steps if step.number < missed.number and step.stage == missed.stage]
    if word in {"COPY", "ADD"} and "--from=" in missed.line:
        return "what it copies out of the other stage was not built like this before, or the line is new"
    if word in {"COPY", "ADD"}:
        return "a file that it copies has changed, or the line is new"
    if all(step.verdict == "from" for step in before):
        return "this line was not yet run on this base image"
    return "this line is new, or has changed"
