"""Official releases: downloaded, compared with the checksum that their publisher gives, refused when they differ."""

from __future__ import annotations

import errno
import hashlib
import http.client
import re
import shutil
import tarfile
import tempfile
import urllib.error
import urllib.request
import zlib
from pathlib import Path

from labs.engines.programs.catalog import CatalogItem
from labs.engines.runtime.files import flush
from labs.engines.runtime.reporter import Step
from labs.errors import EngineError

__all__ = ["BadDownload", "Unreachable", "fetch_release"]

BLOCK = 1 << 20


class Unreachable(EngineError):
    """Nothing answers at the address: another source may."""


class BadDownload(EngineError):
    """What came is not what its publisher describes."""


def fetch_release(item: CatalogItem, program: str, target: Path, step: Step, *, timeout: float = 15) -> None:
    """Download one program of a release.

    Args:
        item: the set it belongs to.
        program: its name.
        target: where it is put when, and only when, its checksum is right. The caller keeps others from its folder.
        step: reports how far it is.
        timeout: seconds without an answer.

    Raises:
        Unreachable: the release or its checksum cannot be fetched.
        BadDownload: it is truncated or altered.
    """
    address = item.expand(item.release, program)
    name = address.rsplit("/", 1)[-1]
    expected = item.sha256 or _published(item.expand(item.checksum, program), name, timeout)
    for left in target.parent.glob(".download-*"):  # of a command that was killed
        shutil.rmtree(left, ignore_errors=True)
    with tempfile.TemporaryDirectory(dir=target.parent, prefix=".download-") as folder:
        file = Path(folder) / name
        observed = _save(address, file, step, timeout)
        if observed != expected:
            raise BadDownload(
                f"The download {name} is damaged: its SHA-256 is {observed[:12]}..., published is {expected[:12]}...",
                "It was thrown away; run `labs up` again, or use another network.",
            )
        if item.member:
            file = _extract(file, item.expand(item.member, program), Path(folder) / "member")
        file.chmod(0o755)
        flush(file)
        file.rename(target)


def _extract(archive: Path, member: str, target: Path) -> Path:
    try:
        with tarfile.open(archive) as opened:
            source = opened.extractfile(member)
            if source is None:
                raise KeyError("it is no file")
            with source, target.open("wb") as sink:
                shutil.copyfileobj(source, sink)
    except (tarfile.TarError, zlib.error, EOFError, KeyError) as error:
        raise BadDownload(f"{archive.name} does not hold {member}: {error}.", "It can be built instead.") from error
    return target


def _published(address: str, name: str, timeout: float) -> str:
    """The checksum in a file that holds one alone, or lines of ``checksum  name``."""
    try:
        with urllib.request.urlopen(address, timeout=timeout) as answer:
            text = answer.read(BLOCK).decode(errors="replace")
    except (OSError, ValueError, http.client.HTTPException) as error:
        raise Unreachable(f"{address} does not answer: {error}.", "The programs can be built instead.") from error
    for line in text.splitlines():
        match = re.fullmatch(r"([0-9a-f]{64})(?:\s+\*?(\S+))?", line.strip())
        if match and match[2] in (None, name):
            return match[1]
    raise BadDownload(f"{address} holds no checksum of {name}.", "The programs can be built instead.")


def _save(address: str, file: Path, step: Step, timeout: float) -> str:
    digest = hashlib.sha256()
    try:
        with urllib.request.urlopen(address, timeout=timeout) as answer, file.open("wb") as sink:
            total = int(answer.headers.get("Content-Length") or 0)
            done = 0
            while block := answer.read(BLOCK):
                sink.write(block)
                digest.update(block)
                done += len(block)
                step.update(f"{file.name}: {done >> 20} MB", done / total if total else None)
    except urllib.error.URLError as error:
        raise Unreachable(
            f"{address} does not answer: {error.reason}.", "The programs can be built instead."
        ) from error
    except (OSError, http.client.HTTPException) as error:
        if getattr(error, "errno", None) == errno.ENOSPC:
            raise
        raise Unreachable(f"The download {file.name} broke off: {error}.", "Run `labs up` again.") from error
    if total and done != total:
        raise BadDownload(
            f"The download {file.name} is truncated: {done} of {total} bytes came.", "Run `labs up` again."
        )
    return digest.hexdigest()
