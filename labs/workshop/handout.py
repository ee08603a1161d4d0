"""What an instructor hands out: a kubeconfig for each learner, or, with a JupyterHub, an access code."""

from __future__ import annotations

import csv
import io
from collections.abc import Callable
from datetime import datetime
from pathlib import Path

from labs.workshop import hub_secrets
from labs.workshop.room import Place, Room, Rules

__all__ = ["hand_out"]


def hand_out(  # noqa: PLR0917
    room: Room, places: list[Place], rules: Rules, hours: float, folder: Path, namespace: str, began: Callable
) -> datetime:
    """Make kubeconfigs, and put them into files or into the hub's Secrets.

    Args:
        room: the workshop.
        places: whose.
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
    for place in places:
        began(place.learner.name)
        texts[place.learner.id], end = room.kubeconfig_of(room.seat_of(place, rules), rules, hours)
        ends.append(end)
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    if namespace:
        codes = hub_secrets.store(room.cluster, room.name, namespace, texts)
        rows = [(place.learner.name, place.learner.id, codes[place.learner.id]) for place in places]
        _write(folder / "codes.csv", _table(("name", "id", "code"), rows))
    else:
        for learner, text in texts.items():
            _write(folder / f"{learner}.kubeconfig", text)
    return min(ends)


def _table(header: tuple[str, ...], rows: list[tuple[str, ...]]) -> str:
    text = io.StringIO()
    csv.writer(text, lineterminator="\n").writerows([header, *rows])
    return text.getvalue()


def _write(file: Path, text: str) -> None:
    file.touch(mode=0o600)
    file.write_text(text, encoding="utf-8")
