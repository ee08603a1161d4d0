"""A clone is the same everywhere, with the settings of Git for Windows as well."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]


def git(folder: Path, *arguments: str) -> bytes:
    settings = ("-c", "safe.directory=*", "-c", "user.name=anna", "-c", "user.email=anna@example.org")
    return subprocess.run(["git", *settings, "-C", folder, *arguments], capture_output=True, check=True).stdout


@pytest.fixture(scope="module")
def tracked() -> list[str]:
    """The files that belong to the project."""
    if not shutil.which("git") or not (ROOT / ".git").exists():
        pytest.skip("this is no clone")
    names = git(ROOT, "ls-files", "-z").decode().split("\0")
    return [name for name in names if name and (ROOT / name).is_file()]


def test_a_clone_that_would_convert_line_ends_has_the_same_bytes(tmp_path, tracked):
    origin, clone = tmp_path / "origin", tmp_path / "clone"
    for name in tracked:
        (origin / name).parent.mkdir(parents=True, exist_ok=True)
        (origin / name).write_bytes((ROOT / name).read_bytes())
    git(tmp_path, "init", "--quiet", str(origin))
    git(origin, "add", "--all", "--force")
    git(origin, "commit", "--quiet", "--message=all", "--no-verify")
    git(
        tmp_path, "-c", "core.autocrlf=true", "clone", "--quiet", "--config=core.autocrlf=true", str(origin), str(clone)
    )
    assert git(clone, "config", "core.autocrlf").strip() == b"true"
    changed = [name for name in tracked if (clone / name).read_bytes() != (ROOT / name).read_bytes()]
    assert changed == []
    assert git(clone, "status", "--porcelain") == b""


def test_line_ends_of_text_are_linux_own(tracked):
    rows = [line.split(None, 3) for line in git(ROOT, "ls-files", "--eol").decode().splitlines()]
    assert {row[-1] for row in rows if row[0] in ("i/crlf", "i/mixed")} == set()


def test_pictures_are_not_converted(tracked):
    pictures = [name for name in tracked if name.endswith(".png")]
    told = git(ROOT, "check-attr", "text", "--", *pictures).decode().splitlines()
    assert told
    assert all(line.endswith(": text: unset") for line in told)
