"""A guest's disk: an image file, made from a template on which the base images are already where there is one."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Iterable
from pathlib import Path

from labs.engines.cluster.images.archive_files import archive_mark
from labs.engines.programs.node_tools import Tools
from labs.engines.runtime.command import run
from labs.engines.runtime.files import flush
from labs.engines.runtime.state import State
from labs.engines.runtime.user_folders import cache_folder
from labs.engines.usermode.disk_repair import Damaged, lock_image, repair
from labs.errors import CommandFailed, EngineError

__all__ = ["GuestDisk", "template_has"]

BYTES = 24 << 30  # sparse
IMAGE, TEMPLATE, MARKS = "disk.img", "disk.tar", "marks"
DAMAGED, NOTE = "disk.damaged.img", "disk.note"
MARKED = "*ed-labs-*"
"""The notes of which images were loaded (`DockerEngine.load`) and imported (`Node.import_images`)."""


class GuestDisk:
    """The disk of one course.

    Args:
        state: the course's folder.
    """

    def __init__(self, state: State) -> None:
        self.state = state
        self.folder = state.folder / "guest"
        self.path = self.folder / IMAGE

    @property
    def note(self) -> str:
        """What a person should know of the disk since the kernel was started; mostly nothing."""
        file = self.folder / NOTE
        return file.read_text(encoding="utf-8") if file.exists() else ""

    def ensure(self, tools: Tools) -> None:
        """Put the disk right; where there is none, make it from the template, else empty.

        One that is beyond repair is set aside for a new one, since the cluster's objects do not lie on it: they stay,
        while `labs down` would lose them as well.

        Raises:
            EngineError: another program has the disk, or the host's is full.
        """
        if self.path.exists():
            (self.folder / NOTE).unlink(missing_ok=True)
            if note := self._repaired(tools):
                self.state.write_file(self.folder / NOTE, note)
        if not self.path.exists():
            for left in self.folder.glob(".disk-*"):  # of a start that was killed
                shutil.rmtree(left)
            try:
                template = _template()
                self._unpack(template) if template else self.format(tools)
            except CommandFailed as error:
                raise EngineError(
                    f"The disk of the user-mode kernel could not be made: {error.what}",
                    "Free a gigabyte, then run `labs up` again.",
                ) from error

    def _repaired(self, tools: Tools) -> str:
        """Repair the disk or set it aside, and return what a person should know of that."""
        with lock_image(self.path):
            try:
                return repair(self.path, tools.outside())
            except Damaged:
                course = self.state.folder
                for mark in (*course.glob(f"docker/{MARKED}"), *course.glob(f"nodes/*/{MARKED}")):
                    mark.unlink()
                aside = self.path.replace(self.folder / DAMAGED)
        return (
            "the disk was damaged beyond repair: the cluster's objects are kept, images, containers and volumes of "
            f"yours are not; it lies beside the new one as {aside.name}"
        )

    def format(self, tools: Tools) -> None:
        """Make an empty disk.

        Raises:
            CommandFailed
        """
        draft = self.path.with_suffix(".part")
        with draft.open("wb") as file:
            file.truncate(BYTES)
        options = "lazy_itable_init=1,lazy_journal_init=1,nodiscard"  # the file is all zeros, as those would make it
        argv = ["mkfs.ext4", "-q", "-F", "-m", "0", "-i", "65536", "-O", "^metadata_csum", "-E", options]
        run([*argv, draft], env=tools.outside())
        draft.replace(self.path)

    def _unpack(self, template: Path) -> None:
        with tempfile.TemporaryDirectory(dir=self.folder, prefix=".disk-") as folder:
            run(["tar", "-xSf", template / TEMPLATE, "-C", folder], timeout=600)
            for mark in (template / MARKS).glob(f"*/{MARKED}"):
                place = "docker" if mark.parent.name == "docker" else f"nodes/{mark.parent.name}"
                shutil.copyfile(mark, self.state.make_folder(place) / mark.name)
            (Path(folder) / IMAGE).replace(self.path)

    def keep_as_template(self) -> None:
        """Put the disk of a course that has been stopped into the cache, for the courses to come.

        It becomes an archive, since a copy in a container image would not be sparse.

        Raises:
            CommandFailed
        """
        root = _root()
        root.mkdir(parents=True, exist_ok=True)
        for left in root.iterdir():  # older ones, and of a command that was killed; the caller holds the lock
            shutil.rmtree(left)
        draft = Path(tempfile.mkdtemp(dir=root, prefix=".draft-"))
        for source in (self.state.folder / "docker", *(self.state.folder / "nodes").iterdir()):
            (draft / MARKS / source.name).mkdir(parents=True)
            for mark in source.glob(MARKED):
                shutil.copyfile(mark, draft / MARKS / source.name / mark.name)
        run(["tar", "-cSf", draft / TEMPLATE, "-C", self.folder, IMAGE], timeout=600)
        flush(draft / TEMPLATE)
        draft.chmod(0o755)
        draft.rename(root / "with-images")


def template_has(archives: Iterable[Path]) -> bool:
    """Whether there is a template, and these image archives are on it."""
    template = _template()
    if template is None:
        return False
    marks = {
        mark.name.partition("-")[2]: mark.read_text(encoding="utf-8") for mark in (template / MARKS).glob(f"*/{MARKED}")
    }
    return all(marks.get(archive.stem) == archive_mark(archive) for archive in archives)


def _root() -> Path:
    return cache_folder() / "disks"


def _template() -> Path | None:
    template = _root() / "with-images"
    return template if template.is_dir() else None
