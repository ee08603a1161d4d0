"""The course's folder on this machine, and the record of what it may have made.

Everything that a course makes outside its folder (processes, namespaces, cgroups, one network link) has a name or a
mark derived from the course's ``id``. The id is written down before the first of them is made, so if anything ends a
start-up in the middle, `labs down` knows what to look for.
"""

from __future__ import annotations

import errno
import json
import os
import re
import secrets
import shutil
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field, fields
from pathlib import Path

from filelock import FileLock
from filelock import Timeout as LockTimeout
from platformdirs import user_state_path

from labs.engines.runtime.files import flush
from labs.engines.runtime.user_folders import APP, in_home, owner
from labs.errors import EngineError, LabsError

__all__ = ["ID_VARIABLE", "Record", "State", "course_name", "list_courses"]

SYSTEM_STATE = Path("/var/lib") / APP
ID_VARIABLE = "LABS_COURSE_ID"
"""The environment variable that every daemon of a course carries; its value is the course's id."""


def course_name(name: str | None = None) -> str:
    """The course's name: the argument, else ``$LABS_NAME``, else ``default``.

    Raises:
        LabsError: the name is not made of letters, digits and, between them, dashes; it becomes a label's value.
    """
    name = name or os.environ.get("LABS_NAME") or "default"
    if not re.fullmatch(r"[A-Za-z0-9]([A-Za-z0-9-]{0,30}[A-Za-z0-9])?", name):
        raise LabsError(
            f"{name!r} is no name for a course.",
            "Use up to 32 letters, digits and dashes, with a letter or digit at both ends.",
        )
    return name


def _roots() -> list[Path]:
    """Where courses of this user may lie.

    Daemons that run as other users must be able to walk to the folder, which a home folder does not allow; so a course
    of root's lies under /var/lib, as daemons' data does.
    """
    override = os.environ.get("LABS_STATE")
    if override:
        return [Path(override).expanduser().absolute()]
    return [SYSTEM_STATE / str(owner()[0]), in_home("LABS_STATE", lambda: user_state_path(APP))]


def list_courses() -> list[State]:
    """Every course of this user that has a folder on this machine."""
    found: dict[str, State] = {}
    for root in _roots():
        if root.is_dir():
            for folder in sorted(root.iterdir()):
                if (folder / State.RECORD).exists():
                    found.setdefault(folder.name, State(folder))
    return list(found.values())


@dataclass
class Record:
    """What is written down before a course makes anything.

    Attributes:
        name: the course's name.
        id: eight hexadecimal digits in every name that the course gives outside its folder.
        engine: ``host``, ``usermode`` or ``attached``.
        nodes: number of Kubernetes nodes.
        subnet: the link's network, such as ``10.213.7.0/24``; empty where there is none.
        settings: what only this engine understands.
    """

    name: str
    id: str = field(default_factory=lambda: secrets.token_hex(4))
    engine: str = "host"
    nodes: int = 1
    subnet: str = ""
    settings: dict = field(default_factory=dict)


class State:
    """A course's folder.

    Args:
        folder: it need not exist yet.
    """

    RECORD = "course.json"
    COPY = "course.copy.json"
    """For `labs down` only, should the record be damaged."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    @classmethod
    def of(cls, name: str, *, system: bool) -> State:
        """The folder of the course ``name``: the one that exists, else where a new one belongs.

        Args:
            name: the course's name.
            system: whether a new course's daemons run as root and others, so that it lies under /var/lib.
        """
        roots = _roots()
        for root in roots:
            if (root / name / cls.RECORD).exists():
                return cls(root / name)
        return cls((roots[0] if system or len(roots) == 1 else roots[1]) / name)

    @property
    def exists(self) -> bool:
        return (self.folder / self.RECORD).exists()

    def read(self) -> Record:
        """The record.

        Raises:
            EngineError: there is none, or it cannot be read.
        """
        try:
            return self._parse(self.RECORD)
        except FileNotFoundError:
            raise EngineError(f"There is no course in {self.folder}.", "`labs up` makes one.") from None
        except (ValueError, TypeError, AttributeError, OSError) as error:
            raise EngineError(
                f"The course's record {self.folder / self.RECORD} cannot be read: {error}.",
                "`labs down` removes the course with all that it started.",
            ) from error

    def recover(self) -> Record:
        """The record, from its copy when it is damaged.

        Raises:
            EngineError: neither can be read.
        """
        try:
            return self.read()
        except EngineError as damage:
            try:
                return self._parse(self.COPY)
            except (ValueError, TypeError, AttributeError, OSError):
                raise EngineError(
                    damage.what,
                    f'Put the line `"id": ...` right: it is the {ID_VARIABLE} in the environment of its processes.',
                ) from damage

    def _parse(self, file: str) -> Record:
        raw = json.loads((self.folder / file).read_text(encoding="utf-8"))
        names = {f.name for f in fields(Record)}
        return Record(**{k: v for k, v in raw.items() if k in names})

    def write(self, record: Record) -> None:
        """Store the record so that it is on the disk when this returns, or not changed at all."""
        self.make_folder(self.folder, mode=0o711)
        for file in (self.COPY, self.RECORD):
            self.write_file(file, json.dumps(asdict(record), indent=2) + "\n", mode=0o644, durable=True)

    def make_folder(self, path: Path | str, *, mode: int = 0o711, uid: int = -1, gid: int = -1) -> Path:
        """A folder in the course's folder, with all above it."""
        path = self.folder / path
        for folder in [parent for parent in reversed(path.parents) if not parent.exists()]:
            folder.mkdir(exist_ok=True)
            folder.chmod(0o755 if folder in self.folder.parents else 0o711)  # whatever our umask: other users walk here
        path.mkdir(exist_ok=True, mode=0o711)
        path.chmod(mode)
        if uid >= 0:
            os.chown(path, uid, gid)
        return path

    def write_file(
        self,
        path: Path | str,
        content: str | bytes,
        *,
        mode: int = 0o600,
        uid: int = -1,
        gid: int = -1,
        durable: bool = False,
    ) -> Path:
        """Write a file at once or not at all, never readable by others before its mode is set."""
        path = self.folder / path
        temporary = path.with_name(f".{path.name}.{secrets.token_hex(3)}")
        descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode)
        try:
            with os.fdopen(descriptor, "wb") as file:
                file.write(content.encode() if isinstance(content, str) else content)
                os.fchmod(descriptor, mode)
                if uid >= 0:
                    os.fchown(descriptor, uid, gid)
                if durable:
                    file.flush()
                    os.fsync(descriptor)
            temporary.replace(path)
        except BaseException:
            temporary.unlink(missing_ok=True)
            raise
        if durable:
            flush(path.parent)
        return path

    @contextmanager
    def lock(self, *, patience: float = 0) -> Iterator[None]:
        """Keep a second `labs` from changing this course meanwhile.

        Args:
            patience: seconds to wait for another one to end.

        Raises:
            EngineError: another one is at it.
        """
        if not self.folder.parent.exists():
            self.make_folder(self.folder.parent, mode=0o755)
        path = self.folder.parent / f".{self.folder.name}.lock"
        lock = FileLock(path)
        try:
            lock.acquire(timeout=patience)
        except LockTimeout:
            raise EngineError(
                f"Another `labs` command is changing the course {self.folder.name!r} right now.",
                "Wait until it has ended; `labs status` shows how far it is.",
            ) from None
        try:
            yield
        finally:
            if not self.folder.exists():
                path.unlink(missing_ok=True)
                self._remove_empty_parents()
            lock.release()

    def remove(self) -> None:
        """Delete the folder. The record and its copy go last.

        The kubeconfig goes first: open notebooks copy it into the folder whenever their copy is missing, which would
        put new files where we delete. One that is just at it is outlived by trying again.
        """
        (self.folder / "kubeconfig").unlink(missing_ok=True)
        for left in reversed(range(5)):
            try:
                self._empty()
                return
            except OSError as error:
                if error.errno != errno.ENOTEMPTY or not left:
                    raise
                time.sleep(0.2)

    def _empty(self) -> None:
        if not self.folder.is_dir():
            return
        for child in self.folder.iterdir():
            if child.name in (self.RECORD, self.COPY):
                continue
            if child.is_dir() and not child.is_symlink():
                shutil.rmtree(child)
            else:
                child.unlink()
        for name in (self.COPY, self.RECORD):
            (self.folder / name).unlink(missing_ok=True)
        self.folder.rmdir()

    def _remove_empty_parents(self) -> None:
        if os.environ.get("LABS_STATE"):  # a folder of the user's
            return
        for parent in self.folder.parents:
            if APP not in parent.parts:
                return
            try:
                parent.rmdir()
            except OSError:  # there are other courses
                return
