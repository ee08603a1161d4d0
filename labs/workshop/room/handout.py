"""What an instructor hands out: a kubeconfig for each learner, or, with a JupyterHub, an access code."""

from __future__ import annotations

import csv
import io
from collections.abc import Callable, Sequence
from datetime import datetime
from pathlib import Path

from labs.workshop.room import hub_secrets
from labs.workshop.room.members import Member
from labs.workshop.room.room import Room
from labs.workshop.room.rules import Rules

__all__ = ["hand_out"]


def hand_out(  # noqa: PLR0917
    room: Room, members: list[Member], rules: Rules, hours: float, folder: Path, namespace: str, began: Callable
) -> datetime:
    """Make kubeconfigs, and put them into files or into the hub's Secrets.

    Args:
        room: the workshop.
        members: whose.
        rules: the room's.
        hours: how long they are to be good for.
        folder: for files that only their owner can read: the kubeconfigs, or `codes.csv`.
        namespace: the hub's; empty where there is none.
        began: called with each learner's name when their turn has come.

    Returns:
        When the first of them ends.

    Raises:
        LabsError: the cluster refused.
    """
    texts, ends = {}, []
    for member in members:
        began(member.learner.name)
        texts[member.learner.id], end = room.kubeconfig_of(room.seat_of(member, rules), rules, hours)
        ends.append(end)
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    if namespace:
        codes = hub_secrets.store(room.cluster, room.name, namespace, texts)
        rows = [(member.learner.name, member.learner.id, codes[member.learner.id]) for member in members]
        _write(folder / "codes.csv", _table(("name", "id", "code"), rows))
    else:
        for learner, text in texts.items():
            _write(folder / f"{learner}.kubeconfig", text)
    return min(ends)


def _table(header: tuple[str, ...], rows: Sequence[tuple[str, ...]]) -> str:
    text = io.StringIO()
    csv.writer(text, lineterminator="\n").writerows([header, *rows])
    return text.getvalue()


def _write(file: Path, text: str) -> None:
    file.touch(mode=0o600)
    file.write_text(text, encoding="utf-8")
