"""A guest's disk: an image of its own, or what differs from a template that holds the images already."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Iterable
from pathlib import Path

from labs.engines.docker_engine import archive_mark
from labs.engines.files import flush
from labs.engines.processes import run
from labs.engines.state import State, cache_folder
from labs.engines.tools import Tools
from labs.errors import EngineError

__all__ = ["Disk", "template"]

BYTES = 24 << 30  # sparse
IMAGE, MARKS = "disk.img", "marks"
MARKED = "*ed-labs-*"
"""The notes of which images were loaded (`DockerEngine.load`) and imported (`Node.import_images`)."""


class Disk:
    """The disk of one course. Args: ``state``, the course's folder."""

    def __init__(self, state: State) -> None:
        self.state = state
        self.folder = state.folder / "guest"
        self.own, self.changes, self.link = (self.folder / name for name in (IMAGE, "disk.cow", "template"))

    def ready(self, tools: Tools) -> str:
        """Make the disk unless there is one, and return what the kernel is told of it.

        Raises:
            EngineError: the template that it is based on is gone.
            CommandFailed: it could not be made.
        """
        if self.own.exists():
            return str(self.own)
        base = self.link.readlink() if self.link.is_symlink() else None
        if self.changes.exists() and base and not base.exists():
            raise EngineError(
                f"The course's disk is made of {base}, which is gone.",
                "`labs down` removes what is left of it; `labs up` then makes a new one.",
            )
        if base is None or not base.exists():
            base = template()
            if base is None:
                _format(self.own, tools)
                return str(self.own)
            self._take_marks(base.parent / MARKS)
            self.link.unlink(missing_ok=True)
            self.link.symlink_to(base)
        return f"{self.changes},{base}"  # the kernel makes the first when it is missing

    def _take_marks(self, marks: Path) -> None:
        for mark in marks.glob(f"*/{MARKED}"):
            folder = self.state.make_folder("docker" if mark.parent.name == "docker" else f"nodes/{mark.parent.name}")
            shutil.copyfile(mark, folder / mark.name)

    def make(self, tools: Tools) -> None:
        """Make an empty disk that is based on no template."""
        self.state.make_folder(self.folder, mode=0o700)
        _format(self.own, tools)

    def template_has(self, archives: Iterable[Path]) -> bool:
        """Whether there is a template, and these image archives are on it."""
        base = template()
        if base is None:
            return False
        marks = {mark.name.partition("-")[2]: mark.read_text() for mark in (base.parent / MARKS).glob(f"*/{MARKED}")}
        return all(marks.get(archive.stem) == archive_mark(archive) for archive in archives)

    def keep_as_template(self) -> Path:
        """Put a copy of the disk of a course that has been stopped into the cache, for the courses to come."""
        root = cache_folder() / "disks"
        root.mkdir(parents=True, exist_ok=True)
        folder = Path(tempfile.mkdtemp(dir=root, prefix=".draft-"))
        run(["cp", "--sparse=always", self.own, folder / IMAGE], timeout=600)
        flush(folder / IMAGE)
        (folder / IMAGE).chmod(0o444)
        for source in (self.state.folder / "docker", *(self.state.folder / "nodes").iterdir()):
            (folder / MARKS / source.name).mkdir(parents=True)
            for mark in source.glob(MARKED):
                shutil.copyfile(mark, folder / MARKS / source.name / mark.name)
        folder.chmod(0o755)
        made = int((folder / IMAGE).stat().st_mtime)
        return folder.rename(root / str(made)) / IMAGE


def template() -> Path | None:
    """The newest template, or None."""
    found = sorted((cache_folder() / "disks").glob(f"[0-9]*/{IMAGE}"))
    return found[-1] if found else None


def _format(disk: Path, tools: Tools) -> None:
    draft = disk.with_suffix(".part")
    with draft.open("wb") as file:
        file.truncate(BYTES)
    options = "lazy_itable_init=1,lazy_journal_init=1,nodiscard"  # the file is all zeros, as those would make it
    run(
        ["mkfs.ext4", "-q", "-F", "-m", "0", "-i", "65536", "-O", "^metadata_csum", "-E", options, draft],
        env=tools.outside(),
    )
    draft.replace(disk)
