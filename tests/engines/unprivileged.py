"""A person without a single right on this machine, whose course is the engine `usermode`."""

from __future__ import annotations

import os
import shlex
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from labs.engines.runtime.reporter import Reporter
from labs.engines.runtime.state import State
from labs.engines.runtime.user_folders import cache_folder
from labs.engines.usermode import dockerd, kernel
from labs.engines.usermode.engine import UsermodeEngine
from tests.engines.courses import Course, kill

UID = 64043
SETPRIV = (
    f"setpriv --reuid={UID} --regid={UID} --clear-groups --no-new-privs "
    "--bounding-set=-all --inh-caps=-all --ambient-caps=-all"
)
NEEDED = (Path(sys.base_prefix), Path(sys.prefix), Path(__file__).parents[2])


class Unprivileged(Course):
    """A course of theirs. Args: ``name``; ``folder``, which others may enter, for all that is theirs.

    Attributes:
        mounts: lines of a shell script that change what they see of this machine.
    """

    mounts = ""

    def __init__(self, name: str, folder: Path) -> None:
        self.folder = folder
        environment = {"HOME": "home", "LABS_CACHE": "cache", "LABS_STATE": "state", "TMPDIR": "tmp"}
        super().__init__(name, **{key: str(folder / value) for key, value in environment.items()})
        self.env = {k: v for k, v in self.env.items() if not k.startswith(("XDG_", "SUDO_", "LABS_KERNEL"))}

    def prepare(self, *more: str) -> None:
        """Give them a cache in which everything is built already. Args: further folders of ours for it."""
        step = Reporter(quiet=True).begin("programs")
        kernel.ensure(step)
        dockerd.ensure(step)
        for name in ("home", "state", "tmp", "cache"):
            (self.folder / name).mkdir()
        for name in ("bin", "images", "packages", "kernel", *more):
            if (cache_folder() / name).exists():
                shutil.copytree(cache_folder() / name, self.folder / "cache" / name, symlinks=True)
        subprocess.run(["chown", "-R", f"{UID}:{UID}", self.folder], check=True)

    def command(self, *argv: str | Path) -> list[str]:
        """A program runs as this person, who sees of this machine what everybody does, and this project."""
        words = shlex.join(str(word) for word in argv)
        script = f"set -e\n{_uncovered()}{self.mounts}cd {shlex.quote(str(self.folder))}\nexec {SETPRIV} {words}"
        return ["unshare", "--mount", "--propagation", "private", "--", "sh", "-c", script]

    @property
    def engine(self) -> UsermodeEngine:
        return UsermodeEngine(State(self.folder / "state" / self.name))

    def has_record(self) -> bool:
        return State(self.folder / "state" / self.name).exists

    def remove(self) -> None:
        """Remove the course, if anything is left of it."""
        if self.has_record():
            self.must("down")


@contextmanager
def somebody(*more: str, state_bytes: int = 0) -> Iterator[Unprivileged]:
    """A person whose course is up; nothing of it is left afterwards.

    Args:
        more: folders of our cache that theirs must have beside what a start needs.
        state_bytes: how large the disk is on which their courses lie; 0 for that of all their files.
    """
    folder = Path(tempfile.mkdtemp(prefix="labs-unprivileged-"))
    folder.chmod(0o755)
    one = Unprivileged("usermode", folder)
    state = folder / "state"
    try:
        one.prepare(*more)
        if state_bytes:
            options = f"size={state_bytes},uid={UID},gid={UID},mode=755"
            subprocess.run(["mount", "-t", "tmpfs", "-o", options, "tmpfs", state], check=True)
        one.must("up", "--quiet", "--engine", "usermode")
        yield one
        one.remove()
    finally:
        for pid in processes_of(UID):
            kill(pid)
        if state.is_mount():
            subprocess.run(["umount", "--lazy", state], check=True)
        shutil.rmtree(folder)


def _uncovered() -> str:
    """Commands that show the needed folders also where a folder above them is closed to others, as /root is."""
    closed: dict[Path, list[Path]] = {}
    for needed in NEEDED:
        for above in reversed(needed.parents):
            if not above.stat().st_mode & 0o001:
                closed.setdefault(above, []).append(needed)
                break
    lines = []
    for above, below in closed.items():
        cover = "/mnt"
        lines.append(f"mount -t tmpfs -o mode=755 tmpfs {cover}")
        for needed in below:
            inside = f"{cover}/{needed.relative_to(above)}"
            lines += [
                f"mkdir -p {shlex.quote(inside)}",
                f"mount --bind {shlex.quote(str(needed))} {shlex.quote(inside)}",
            ]
        lines.append(f"mount --rbind {cover} {shlex.quote(str(above))}")
    return "".join(f"{line}\n" for line in lines)


def rights_of(pid: int) -> dict[str, str]:
    """What the kernel says of a process's rights."""
    lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    told = dict(line.split(":\t", 1) for line in lines if ":\t" in line)
    return {key: told[key] for key in ("Uid", "CapPrm", "CapEff", "CapBnd", "NoNewPrivs")}


def processes_of(uid: int) -> list[int]:
    """Every process of a user."""
    found = []
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            try:
                if entry.stat().st_uid == uid and os.readlink(entry / "exe"):
                    found.append(int(entry.name))
            except OSError:
                continue
    return found
