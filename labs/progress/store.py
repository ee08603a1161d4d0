"""Which exercises were solved and how drills went: one small file that a learner can carry to another machine."""

from __future__ import annotations

import json
import os
import tempfile
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from filelock import FileLock
from platformdirs import user_data_path

from labs.errors import LabsError

__all__ = ["drills", "load", "merge", "path", "record", "record_drill", "reset"]

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
    return dict(sorted(_read(source or path())["passed"].items()))


def drills(source: Path | None = None) -> dict[str, dict[str, Any]]:
    """The best try at each drill: its ``percent``, the ``minutes`` it took, and ``at``, an ISO 8601 time in UTC.

    Args:
        source: the file to read; the learner's own by default.

    Raises:
        LabsError: the file is not a progress file.
    """
    return dict(sorted(_read(source or path()).get("drills", {}).items()))


def _read(source: Path) -> dict[str, Any]:
    """The content of a progress file; empty when there is no file. Files without drills are from before there were."""
    try:
        content = json.loads(source.read_text(encoding="utf-8"))
        passed, tried = content["passed"], content.get("drills", {})
        if (
            content["version"] != VERSION
            or not all(isinstance(k, str) and isinstance(v, str) for k, v in passed.items())
            or not all(isinstance(v["percent"] + v["minutes"], int | float) and v["at"] for v in tried.values())
        ):
            raise ValueError("another version")
    except FileNotFoundError:
        return {"passed": {}}
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise LabsError(
            f"{source} is not a progress file of this course.",
            "Rename or remove it; solved exercises are recorded again.",
        ) from error
    return content


def record(check_id: str) -> None:
    """Remember that an exercise was solved; the first time counts.

    Raises:
        LabsError: the existing file is not a progress file. It is left as it is.
        OSError: the file cannot be written.
    """
    _add({check_id: datetime.now(UTC).isoformat(timespec="seconds")})


def record_drill(name: str, percent: int, minutes: float) -> None:
    """Remember how a drill went, if it went better than before; of two equal scores the quicker is the better.

    Args:
        name: the drill's, such as ``"first"``.
        percent: of its weights.
        minutes: that it took.

    Raises:
        LabsError, OSError: as `record`.
    """
    at = datetime.now(UTC).isoformat(timespec="seconds")
    _add({}, {name: {"percent": percent, "minutes": round(minutes, 1), "at": at}})


def merge(source: Path) -> list[str]:
    """Bring the progress of another machine here; the earlier time of each exercise is kept, and the better drill.

    Args:
        source: a progress file, such as a downloaded one.

    Returns:
        The exercises that are new here.

    Raises:
        LabsError: ``source`` does not exist or is not a progress file.
    """
    if not source.exists():
        raise LabsError(f"There is no file {source}.", "`labs progress` shows where this machine's is.")
    return _add(load(source), drills(source))


def reset(lesson: str | None = None) -> None:
    """Forget solved exercises.

    Args:
        lesson: only this lesson's, such as ``"04"``; all, drills too, by default.
    """
    with _lock():
        if lesson is None:
            _write({}, {})
        else:
            _write({k: v for k, v in load().items() if not k.startswith(f"ex-{lesson}-")}, drills())


def _add(found: dict[str, str], tried: dict[str, dict[str, Any]] | None = None) -> list[str]:
    with _lock():
        known, best = load(), drills()
        new = sorted(found.keys() - known.keys())
        earlier = {k: min(v, known.get(k, v)) for k, v in found.items()}
        better = {k: v for k, v in (tried or {}).items() if k not in best or _rank(v) > _rank(best[k])}
        if earlier.items() - known.items() or better:
            _write({**known, **earlier}, {**best, **better})
    return new


def _rank(tried: dict[str, Any]) -> tuple[float, float]:
    return tried["percent"], -tried["minutes"]


def _lock() -> FileLock:
    path().parent.mkdir(parents=True, exist_ok=True)
    return FileLock(path().with_name(f".{path().name}.lock"), timeout=10)  # hidden: the folder may be the learner's


def _write(passed: dict[str, str], tried: dict[str, dict[str, Any]]) -> None:
    """Replace the file in one step, so that a reader never sees half of it."""
    content: dict[str, Any] = {"version": VERSION, "passed": dict(sorted(passed.items()))}
    if tried:
        content["drills"] = dict(sorted(tried.items()))
    text = json.dumps(content, indent=1) + "\n"
    handle, name = tempfile.mkstemp(dir=path().parent, prefix=".progress-")
    try:
        with os.fdopen(handle, "w", encoding="utf-8") as file:
            file.write(text)
        os.replace(name, path())
    except BaseException:
        Path(name).unlink(missing_ok=True)
        raise
