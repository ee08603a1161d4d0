"""A machine that has nothing: namespaces over a bare root, in which a person's commands run with a bare environment."""

from __future__ import annotations

import shlex
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path

import psutil

from labs.engines.runtime.process_identity import children
from labs.engines.runtime.user_folders import cache_folder
from labs.waiting import wait_for
from tests.bare import root
from tests.conftest import labs
from tests.wheels import ROOT, files, wheels

__all__ = ["LEARNER", "ROOT_USER", "Bare", "Machine", "Person", "bare", "prepare"]

BUILT = ("bin", "kernel")
"""What the cache holds that is the same on every Linux, and takes minutes to build."""
OF_SYSTEM = ("disks", "images", "packages")
"""What it holds that is made of a Debian's own packages."""
WHEELS = "/opt/wheels"
PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
NO_RIGHTS = "--no-new-privs --bounding-set=-all --inh-caps=-all --ambient-caps=-all"


@dataclass(frozen=True)
class Person:
    """Whose commands run. Attributes: ``uid``; ``home``."""

    uid: int
    home: str

    def command(self, command: str, env: dict[str, str]) -> list[str]:
        """A shell command in the course's folder, with this environment and nothing else; only root has a right."""
        env = {"HOME": self.home, "PATH": PATH, "LANG": "C.UTF-8", **env}
        who = f"setpriv --reuid={self.uid} --regid={self.uid} --clear-groups {NO_RIGHTS}".split() if self.uid else []
        script = f"cd {shlex.quote(self.home)}/course && {command}"
        return [*who, "env", "-i", *(f"{key}={value}" for key, value in env.items()), "bash", "-c", script]


ROOT_USER = Person(0, "/root")
LEARNER = Person(1234, "/home/learner")


@dataclass
class Bare:
    """A root of its own on the disk, with a copy of this project in somebody's home folder.

    Attributes:
        folder: for the root and all that a machine needs beside it.
        person: whose home it is.
        suite: Debian's name of the system.
        warm: whether what takes long to build or to fetch is there already, see `prepare`.
    """

    folder: Path
    person: Person
    suite: str
    warm: bool
    env: dict[str, str] = field(default_factory=root.network)

    @property
    def root(self) -> Path:
        return self.folder / "root"

    @property
    def home(self) -> Path:
        return self.root / self.person.home.lstrip("/")

    @property
    def course(self) -> Path:
        return self.home / "course"

    def fill(self) -> None:
        """Make the root, its person and their copy of the project."""
        root.unpack(self.suite, self.root)
        if self.person is LEARNER:
            add = ["useradd", "--create-home", f"--uid={LEARNER.uid}", "--shell=/bin/bash", "learner"]
            subprocess.run(["chroot", self.root, *add], check=True)
        for name in files():
            target = self.course / name
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(ROOT / name, target)
        if self.warm:
            self.env |= {"PIP_NO_INDEX": "1", "PIP_FIND_LINKS": WHEELS}
        subprocess.run(["chown", "-R", f"{self.person.uid}:{self.person.uid}", self.home], check=True)

    def cache_mounts(self) -> str:
        """Shell lines that show this machine's cache and wheels, of which nothing can change."""
        if not self.warm:
            return ""
        version = ["chroot", ".", "python3", "-c", "import platform; print(platform.python_version())"]
        python = subprocess.run(version, cwd=self.root, capture_output=True, text=True, check=True).stdout.strip()
        lines = [f"mkdir -p {self.root}{WHEELS}", f"mount --bind {wheels(python)} {self.root}{WHEELS}"]
        same = f"VERSION_CODENAME={self.suite}\n" in Path("/etc/os-release").read_text()
        for name in (*BUILT, *(OF_SYSTEM if same else ())):
            if not (cache_folder() / name).exists():
                continue
            upper, target = self.folder / "layers" / name, self.home / ".cache/kube-labs" / name
            layers = f"lowerdir={cache_folder() / name},upperdir={upper}/upper,workdir={upper}/work"
            # the change of the owner copies no content
            lines += [
                f"mkdir -p {upper}/upper {upper}/work {target}",
                f"mount -t overlay -o metacopy=on,{layers} overlay {target}",
            ]
        lines.append(f"chown -R {self.person.uid}:{self.person.uid} {self.home}/.cache")
        return "\n".join(lines)


class Machine:
    """What runs over a root. Args: ``bare``, the root; ``process``, the outer one."""

    def __init__(self, bare: Bare, process: subprocess.Popen) -> None:
        self.bare, self.process = bare, process

    def run(self, command: str, *, person: Person | None = None, timeout: float = 900, **env: str):
        """Run a shell command in the course's folder to its end; its output holds both streams."""
        return subprocess.run(
            self._argv(command, person, env), stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT, text=True, errors="replace", timeout=timeout, check=False,
        )  # fmt: skip

    def must(self, command: str, *, timeout: float = 900, **env: str) -> str:
        """Run a shell command that must succeed, and return its output."""
        done = self.run(command, timeout=timeout, **env)
        assert done.returncode == 0, f"{command}: {done.stdout[-6000:]}"
        return done.stdout

    def begin(self, command: str, output: Path, **env: str) -> subprocess.Popen:
        """Begin a shell command, whose output goes to a file of this system."""
        with output.open("w") as file:
            return subprocess.Popen(
                self._argv(command, None, env), stdin=subprocess.DEVNULL, stdout=file, stderr=subprocess.STDOUT
            )

    def processes(self) -> dict[int, str]:
        """What runs in it beside its init: command lines by process ids of this system's count."""
        namespace, found = self._namespace(self.init), {}
        for process in psutil.process_iter():
            with suppress(psutil.Error, OSError):
                if self._namespace(process.pid) == namespace and process.status() != psutil.STATUS_ZOMBIE:
                    found[process.pid] = " ".join(process.cmdline()) or process.name()
        return {pid: words for pid, words in found.items() if pid != self.init and "sleep infinity" not in words}

    def mounts(self) -> list[str]:
        """The mounts that it sees."""
        return Path(f"/proc/{self.init}/mounts").read_text().splitlines()

    @property
    def init(self) -> int:
        """Its first process, in this system's count."""
        return next(iter(children(self.process.pid)))

    @staticmethod
    def _namespace(pid: int) -> str:
        return str(Path(f"/proc/{pid}/ns/pid").readlink())

    def _argv(self, command: str, person: Person | None, env: dict[str, str]) -> list[str]:
        words = (person or self.bare.person).command(command, {**self.bare.env, **env})
        return ["nsenter", f"--target={self.init}", "--mount", "--pid", "--", *words]

    @classmethod
    @contextmanager
    def over(cls, bare: Bare, mounts: str = "") -> Iterator[Machine]:
        """Start a machine; when it ends, so does all that runs in it.

        Args:
            bare: its root.
            mounts: more lines of a shell script, run in the root's folder before it becomes the root.
        """
        # `pivot_root`, not `chroot`: a mount namespace is entered at its real root. The init reaps what no other does
        script = f"""
            set -e
            mount --bind {bare.root} {bare.root}
            {bare.cache_mounts()}
            cd {bare.root}
            mount -t proc proc proc
            mount --rbind /sys sys
            mount --rbind /dev dev
            {mounts}
            mkdir -p .old && pivot_root . .old && cd / && umount -l .old
            exec sh -c 'rmdir .old; sleep infinity & echo up; wait'
        """
        unshare = ["unshare", "--mount", "--propagation=private", "--pid", "--fork", "--kill-child"]
        process = subprocess.Popen([*unshare, "--", "sh", "-c", script], stdout=subprocess.PIPE, text=True)
        with process:
            try:
                assert process.stdout.readline() == "up\n", "the machine did not start"
                yield cls(bare, process)
            finally:
                process.kill()


@cache
def prepare(engine: str) -> None:
    """Build and fetch into this machine's cache what a warm root finds there. Args: ``engine``, for which."""
    done = labs("prepare", "--engine", engine, "--quiet", timeout=3600)
    assert done.returncode == 0, done.stdout


@contextmanager
def bare(suite: str, person: Person, *, warm: bool) -> Iterator[Bare]:
    """A root of its own, which is removed afterwards."""
    folder = Path(tempfile.mkdtemp(dir="/var/tmp", prefix="labs-bare-"))
    folder.chmod(0o755)
    try:
        made = Bare(folder, person, suite, warm)
        made.fill()
        yield made
    finally:
        wait_for(lambda: _removed(folder), timeout=30, what=f"{folder} to be free", interval=0.5)


def _removed(folder: Path) -> bool:
    with suppress(OSError):
        shutil.rmtree(folder)
    return not folder.exists()
