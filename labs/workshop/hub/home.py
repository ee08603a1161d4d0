"""A learner's home folder: written with the learner's rights, for what lies in it may lead anywhere."""

from __future__ import annotations

import ctypes
import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path

from labs.curriculum import lessons
from labs.engines.runtime.state import Record, State
from labs.engines.seat import Seat

__all__ = ["as_user", "populate_home"]


def populate_home(home: Path, user: int, settings: dict, kubeconfig: str) -> None:
    """Make the home, or what of it is missing: a notebook that is there is never written again.

    Args:
        home: the folder.
        user: the learner's user and group id.
        settings: of the course's record, as the engine `attached` understands them.
        kubeconfig: the way into the cluster; the learner's seat in it gives the notebooks their node ports.

    Raises:
        OSError: the learner has made it impossible.
    """
    State(home.parent).make_folder(home, mode=0o700, uid=user, gid=user)
    source = lessons.root() / "notebooks"  # which the learner may not be able to read
    files = [file for file in (*source.glob("*.ipynb"), *(source / "weather").rglob("*")) if file.is_file()]
    seat = Seat.of_kubeconfig(kubeconfig)
    contents = {file.relative_to(source): _for(seat, file) for file in files}
    with as_user(user):
        (home / ".tmp").mkdir(exist_ok=True, mode=0o700)
        for name, content in contents.items():
            (home / name).parent.mkdir(exist_ok=True, parents=True)
            if not os.path.lexists(home / name):
                (home / name).write_bytes(content)
        _attach(home / ".labs/default", {**settings, "seat": seat and asdict(seat)}, kubeconfig.encode())


def _for(seat: Seat | None, file: Path) -> bytes:
    if seat is None or file.suffix != ".ipynb":
        return file.read_bytes()
    return seat.personal(file.read_text(encoding="utf-8")).encode()


@contextmanager
def as_user(user: int) -> Iterator[None]:
    """Let this thread, and no other, reach files as a user of another id does.

    Args:
        user: the user and group id.
    """
    libc = ctypes.CDLL(None)
    libc.setfsgid(user)
    libc.setfsuid(user)  # the kernel takes root's rights over files from the thread with it, and gives them back below
    try:
        yield
    finally:
        libc.setfsuid(0)
        libc.setfsgid(0)


def _attach(folder: Path, settings: dict, kubeconfig: bytes) -> None:
    """What `labs up --context workshop --docker ...` would write."""
    (folder / "lessons").mkdir(parents=True, exist_ok=True, mode=0o700)
    course = State(folder)
    known = course.read() if course.exists else Record(name="default", engine="attached", nodes=0)
    record = Record(**{**asdict(known), "settings": {**known.settings, **settings}})
    files = {name: json.dumps(asdict(record), indent=2).encode() for name in (State.COPY, State.RECORD)}
    for name, content in {**files, "kubeconfig": kubeconfig}.items():
        path = folder / name
        if not path.exists() or path.read_bytes() != content:  # its time tells open lessons that it has changed
            course.write_file(path, content)
