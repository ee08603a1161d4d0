"""Which engine a course gets, and why: in words that `labs up`, `labs status` and the course page show."""

from __future__ import annotations

import os
import sys
from dataclasses import dataclass

from labs.engines.base import DEFAULTS, CourseOptions
from labs.engines.host import trial as host_trial
from labs.engines.runtime.privileges import as_root, refusal
from labs.engines.runtime.state import Record
from labs.engines.runtime.user_folders import owner

__all__ = ["WHY", "Choice", "choose", "in_sentences"]

HOST, USERMODE, ATTACHED = "host", "usermode", "attached"
WHY = "why"
"""The key in the record's settings under which the reason is kept."""


@dataclass(frozen=True)
class Choice:
    """An engine with the reason for it.

    Attributes:
        kind: ``host``, ``usermode`` or ``attached``.
        why: the reason, as it reads after a colon: without the final full stop of its last sentence.
        existing: whether the course has had it before; then ``why`` may be empty.
    """

    kind: str
    why: str
    existing: bool = False

    def __str__(self) -> str:
        return in_sentences(self.kind, self.why, existing=self.existing)


def in_sentences(kind: str, why: str, *, existing: bool = False) -> str:
    """An engine and the reason for it as one or two sentences; the arguments are the attributes of `Choice`."""
    since = ", as this course has had since it was made" if existing else ""
    return f"Engine {kind}{since}: {why}." if why else f"Engine {kind}{since}."


def choose(record: Record | None, wanted: str = "", options: CourseOptions = DEFAULTS) -> Choice:
    """The engine for a course.

    Args:
        record: the course's, when it exists already: it keeps its engine.
        wanted: the engine that the user named; empty for the one that the options name, else for the quickest one that
            this user may run.
        options: what else the user asks.

    Raises:
        NotSupported: this is not Linux, and no engine was named.
    """
    wanted = wanted or (ATTACHED if options.names_other else "")
    if record and wanted in ("", record.engine):
        return Choice(record.engine, record.settings.get(WHY, ""), existing=True)
    if wanted:
        named = "you named a cluster or a Docker Engine" if wanted == ATTACHED else "you named it"
        return Choice(wanted, named)
    if not sys.platform.startswith("linux"):
        as_root([])  # says what works elsewhere
    if os.geteuid() and (why := refusal()):
        faster = "`host` would be about twice as fast: run `sudo -v`, then `labs down` and `labs up`"
        return Choice(USERMODE, f"you are not root, and {why}" + (f". {faster}" if "password" in why else ""))
    trial = host_trial.attempt()
    if trial.fault:
        return Choice(USERMODE, f"{trial.sentence}{trial.excuse}")
    has_sudo = os.geteuid() or owner()[0]  # under sudo, the person at the keyboard is not root
    return Choice(HOST, "sudo gives you root's rights without a password" if has_sudo else "you are root")
