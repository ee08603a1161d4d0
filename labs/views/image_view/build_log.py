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
    steps: dict[str, BuildStep] = {}
    stages: list[str] = []
    for line in text.splitlines():
        found = PLAIN.match(line.strip())
        if not found:
            continue
        if found[5] and found[1] not in steps:
            if found[2] not in stages:
                stages.append(found[2])
            verdict = "from" if found[5].upper().startswith("FROM ") else "ran"
            steps[found[1]] = BuildStep(len(steps) + 1, found[5], verdict, stage=stages.index(found[2]))
        elif (step := steps.get(found[1])) and found[6] and step.verdict == "ran":
            step.verdict = {"C": "cached", "E": "failed"}.get(found[6][0], step.verdict)
    return list(steps.values())


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
    if steps[-1].verdict == "failed":
        notes.append(f"The build failed at step {steps[-1].number}, {steps[-1].line}.")
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
