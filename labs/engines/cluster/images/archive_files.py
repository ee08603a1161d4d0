"""Image archives as files: which is which, and one copy where one is enough."""

from __future__ import annotations

import os
import shutil
from collections.abc import Mapping
from pathlib import Path
from threading import Lock

__all__ = ["archive_mark", "link_or_copy", "tags_by_archive"]

_LINKING = Lock()


def archive_mark(archive: Path) -> str:
    """What shows whether an archive is the one that was loaded before."""
    stat = archive.stat()
    return f"{stat.st_size}-{int(stat.st_mtime)}"  # a copy in a container image keeps no fraction


def tags_by_archive(archives: Mapping[str, Path]) -> dict[Path, set[str]]:
    """The tags of each image archive, since an image may have several.

    Args:
        archives: by their tags.
    """
    found: dict[Path, set[str]] = {}
    for tag, archive in archives.items():
        found.setdefault(archive, set()).add(tag)
    return found


def link_or_copy(source: Path, target: Path) -> None:
    """Make ``target`` the same file as ``source``, or as a copy beside it where ``source`` lies on another disk.

    Names of one program in a folder share one copy, so that they share its memory as well.
    """
    with _LINKING:  # tasks of one start use the same folder
        source = source.resolve()
        stat = source.stat()
        copy = target.with_name(f".{stat.st_ino}-{stat.st_mtime_ns}.copy")
        whole = [file for file in (source, copy) if file.exists() and file.stat().st_size == stat.st_size]
        if target.exists() and any(target.samefile(file) for file in whole):
            return
        draft = target.with_name(f".{target.name}.draft")
        draft.unlink(missing_ok=True)
        try:
            os.link(source, draft)
        except OSError:
            if copy not in whole:
                shutil.copy2(source, draft)
                draft.replace(copy)
            os.link(copy, draft)
        draft.replace(target)
        for unused in target.parent.glob(".*.copy"):
            if unused.stat().st_nlink == 1:
                unused.unlink()
