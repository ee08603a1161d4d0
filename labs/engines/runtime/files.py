"""Files that are whole or not there, after a full disk and after a power cut as well; folders that forbid programs."""

from __future__ import annotations

import os
import secrets
import stat
from contextlib import suppress
from pathlib import Path

__all__ = ["flush", "is_noexec", "make_readable", "write_at_once"]


def is_noexec(folder: Path) -> bool:
    """Whether a folder lies on a disk that is mounted ``noexec``."""
    return bool(os.statvfs(folder).f_flag & os.ST_NOEXEC)


def flush(path: Path) -> None:
    """Have a file, or the names in a folder, on the disk: what is renamed earlier may be empty after a power cut."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def make_readable(folder: Path) -> None:
    """Let others read a folder and all in it, as they may where no umask like 077 was set when it was made.

    Docker keeps a file's mode, so that users of an image could else not read what was copied into it.

    Args:
        folder: what is not ours in it, or is on a disk that nobody may write, stays as it is.
    """
    for path in (folder, *folder.rglob("*")):
        with suppress(OSError):
            if path.is_symlink():
                continue
            mode = stat.S_IMODE(path.stat().st_mode)
            wanted = mode | (0o055 if path.is_dir() else 0o044)
            if mode != wanted:
                path.chmod(wanted)


def write_at_once(path: Path, content: str | bytes) -> None:
    """Write a file at once or, on a full disk, not at all."""
    draft = path.with_name(f".{path.name}.{secrets.token_hex(3)}")
    try:
        draft.write_bytes(content.encode() if isinstance(content, str) else content)
        flush(draft)
        draft.replace(path)
    except BaseException:
        draft.unlink(missing_ok=True)
        raise
