"""Which exercises were solved: one small file that a learner can carry to another machine."""

from __future__ import annotations

import json
import os
import tempfile
from datetime import UTC, datetime
from pathlib import Path

from filelock import FileLock
from platformdirs import user_data_path

from labs.errors import LabsError

__all__ = ["load", "merge", "path", "record", "reset"]

VERSION = 1


def path() -> Path:
    """The progress file: ``$LABS_PROGRESS``, else ``progress.json`` in the user's data folder."""
    override = os.environ.get("LABS_PROGRESS")
    return Path(override) if override else user_data_path("kube-labs") / "progress.json"


def load(source: Path | None = None) -> dict[str, str]:
    """Solved exercises and when each was first solved.

    Args:
        source: the file to read; the learner's own by default.

    Returns:
        Check ids and ISO 8601 times in UTC, ordered by id; empty when there is no file.

    Raises:
        LabsError: the file is not a progress file.
    """
    source = source or path()
    try:
        content = json.loads(source.read_text(encoding="utf-8"))
        passed = content["passed"]
        if content["version"] != VERSION or not all(
            isinstance(k, str) and isinstance(v, str) for k, v in passed.items()
        ):
            raise ValueError("another version")
    except FileNotFoundError:
        return {}
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise LabsError(
            f"{source} is not a progress file of this course.",
            "Rename or remove it; solved exercises are recorded anew.",
        ) from error
    return dict(sorted(passed.items()))


def record(check_id: str) -> None:
    """Remember that an exercise was solved; the first time counts.

    Raises:
        LabsError: the existing file is not a progress file. It is left as it is.
        OSError: the file cannot be written.
    """
    _add({check_id: datetime.now(UTC).isoformat(timespec="seconds")})


def merge(source: Path) -> list[str]:
    """Bring the progress of another machine here; the earlier time of each exercise is kept.

    Args:
        source: a progress file, such as a downloaded one.

    Returns:
        The exercises that are new here.

    Raises:
        LabsError: ``source`` does not exist or is not a progress file.
    """
    if not source.exists():
        raise LabsError(f"There is no file {source}.", "`labs progress` shows where this machine's is.")
    return _add(load(source))


def reset(lesson: str | None = None) -> None:
    """Forget solved exercises.

    Args:
        lesson: only this lesson's, such as ``"04"``; all by default.
    """
    with _lock():
        _write({} if lesson is None else {k: v for k, v in load().items() if not k.startswith(f"ex-{lesson}-")})


def _add(found: dict[str, str]) -> list[str]:
    with _lock():
        known = load()
        new = sorted(found.keys() - known.keys())
        earlier = {k: min(v, known.get(k, v)) for k, v in found.items()}
        if earlier.items() - known.items():
            _write({**known, **earlier})
    return new


def _lock() -> FileLock:
    path().parent.mkdir(parents=True, exist_ok=True)
    return FileLock(f"{path()}.lock", timeout=10)


def _write(passed: dict[str, str]) -> None:
    """Replace the file in one step, so that a reader never sees half of it."""
    text = json.dumps({"version": VERSION, "passed": dict(sorted(passed.items()))}, indent=1) + "\n"
    handle, name = tempfile.mkstemp(dir=path().parent, prefix=".progress-")
    try:
        with os.fdopen(handle, "w", encoding="utf-8") as file:
            file.write(text)
        os.replace(name, path())
    except BaseException:
        Path(name).unlink(missing_ok=True)
        raise
