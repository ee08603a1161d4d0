"""Files that are whole or not there, after a full disk and after a power cut as well; folders that forbid programs."""

from __future__ import annotations

import os
import secrets
from pathlib import Path

__all__ = ["flush", "forbids_programs", "write_at_once"]


def forbids_programs(folder: Path) -> bool:
    """Whether a folder lies on a disk that is mounted ``noexec``."""
    return bool(os.statvfs(folder).f_flag & os.ST_NOEXEC)


def flush(path: Path) -> None:
    """Have a file, or the names in a folder, on the disk: what is renamed earlier may be empty after a power cut."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


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
