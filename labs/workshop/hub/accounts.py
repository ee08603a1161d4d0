"""A workshop's folder on the server: who may sign in, and what outlives the engines (homes, codes, the database)."""

from __future__ import annotations

import json
import secrets
import shutil
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from functools import cached_property
from pathlib import Path

from labs import engines
from labs.engines.host.engine import HostEngine
from labs.engines.runtime.state import State, course_name
from labs.errors import LabsError, NotRunning
from labs.workshop.hub.disk import LearnerDisk
from labs.workshop.room.access_codes import new_code

__all__ = ["VISITOR", "Account", "Workshop"]

FIRST_USER = 2_000_000_000
"""Where the learners' user ids begin: above what distributions, container engines and directories give out."""
USERS_EACH = 100_000
VISITOR = 1000
"""The learner's own user id, counted in their range."""
MOST = 100
"""Addresses, each learner's is one of the course's network, reach no further."""
ACCOUNTS = "accounts.json"
SETTINGS = "settings.json"


@dataclass(frozen=True)
class Account:
    """What belongs to one learner.

    Attributes:
        name: the learner's, made of letters, digits and dashes.
        number: counts from 1, and stays the learner's however the list changes.
        code: what the learner signs in with.
        admin: whether this is an instructor.
    """

    name: str
    number: int
    code: str
    admin: bool = False

    @property
    def first_user(self) -> int:
        """The user id, on the server, of who is root in the learner's machine."""
        return FIRST_USER + USERS_EACH * self.number

    @property
    def user(self) -> int:
        """The user and group id, on the server, of the learner."""
        return self.first_user + VISITOR


class Workshop:
    """The workshop of one course.

    Args:
        name: the course's; ``$LABS_NAME`` by default.
    """

    def __init__(self, name: str | None = None) -> None:
        self.name = course_name(name)
        course = State.of(self.name, system=True).folder
        self.state = State(course.with_name(f"{course.name}.workshop"))  # no course has a dot in its name
        self.folder = self.state.folder

    @property
    def exists(self) -> bool:
        return (self.folder / ACCOUNTS).exists()

    @cached_property
    def engine(self) -> HostEngine:
        """The engine for all.

        Raises:
            NotRunning: it is not there.
            LabsError: it is another one than `host`.
        """
        engine = engines.current(self.name)
        if not isinstance(engine, HostEngine):
            raise LabsError(
                f"The course {self.name!r} has the engine {engine.kind!r}; a class needs the engine `host`.",
                "Choose another course: `labs --name NAME workshop serve ...`.",
            )
        return engine

    def accounts(self) -> dict[str, Account]:
        """Everybody who may sign in, by name."""
        return {name: account for name, account in self._known().items() if account.code}

    def _known(self) -> dict[str, Account]:
        """Everybody who was ever on the list; who has left it has no code."""
        try:
            return {
                entry["name"]: Account(**entry)
                for entry in json.loads((self.folder / ACCOUNTS).read_text(encoding="utf-8"))
            }
        except FileNotFoundError:
            return {}

    def account(self, name: str) -> Account:
        """One learner's.

        Raises:
            LabsError: there is none of this name.
        """
        try:
            return self.accounts()[name]
        except KeyError:
            raise LabsError(f"{name!r} is not on the list.", "Add the name, and start `serve` again.") from None

    def invite(self, learners: Sequence[str], instructors: Sequence[str] = ()) -> dict[str, Account]:
        """Give everybody on the list an account; who has one keeps it, with the code.

        Args:
            learners: their names.
            instructors: those who may enter the learners' servers as well.

        Raises:
            LabsError: there are more than a server has addresses for.
        """
        known = self._known()
        accounts: dict[str, Account] = {}
        for name in dict.fromkeys([*learners, *instructors]):
            used = {account.number for account in (*known.values(), *accounts.values())}
            number = known[name].number if name in known else min(set(range(1, MOST + 2)) - used)
            code = (known[name].code if name in known else "") or new_code()
            accounts[name] = Account(name, number, code, name in instructors)
        if any(account.number > MOST for account in accounts.values()):
            raise LabsError(f"More than {MOST} learners were on the list.", "Use one server for each class.")
        # who has left the list keeps the number, with the home folder, and cannot sign in
        left = [Account(**{**asdict(account), "code": ""}) for name, account in known.items() if name not in accounts]
        self.state.make_folder(self.folder)
        entries = [asdict(account) for account in (*accounts.values(), *left)]
        self.state.write_file(ACCOUNTS, json.dumps(entries, indent=2), durable=True)
        return accounts

    def settings(self, **changes: object) -> dict:
        """What the hub and its proxy were started with.

        Args:
            changes: by name.
        """
        try:
            current = json.loads((self.folder / SETTINGS).read_text(encoding="utf-8"))
        except FileNotFoundError:
            current = {"proxy_token": secrets.token_hex(32)}
        wanted = {**current, **changes}
        if wanted != current or not (self.folder / SETTINGS).exists():
            self.state.make_folder(self.folder)
            self.state.write_file(SETTINGS, json.dumps(wanted, indent=2))
        return wanted

    def disk(self, account: Account) -> LearnerDisk:
        """A learner's disk, mounted or not."""
        mount_point = self.engine.folder / "learners" / account.name / "disk"
        return LearnerDisk(self.folder / "disks" / f"{account.name}.img", mount_point, self.settings().get("disk", 0))

    def home(self, account: Account) -> Path:
        """A learner's home folder: on their disk, or where it has been since a time without disks."""
        disk, kept = self.disk(account), self.folder / "homes" / account.name
        return disk.mount_point / "home" if disk.is_limited and not kept.exists() else kept

    def kubeconfig(self, name: str) -> Path:
        """The file that lets a learner into the cluster, with a context called ``workshop``."""
        return self.folder / "kubeconfigs" / f"{name}.kubeconfig"

    def stop(self) -> None:
        """End the hub, all learners' servers, Docker Engines, and the cluster; keep homes, images and objects."""
        try:
            engine = self.engine
        except NotRunning:
            return
        with engine.state.lock(patience=10):
            engine.halt()

    def remove(self) -> None:
        """Remove all that the workshop made, homes included.

        Raises:
            LabsError: a process does not end.
        """
        try:
            engine = self.engine
        except NotRunning:
            pass
        else:
            with engine.state.lock(patience=10):
                engine.remove()
        if self.folder.is_dir():
            shutil.rmtree(self.folder)
