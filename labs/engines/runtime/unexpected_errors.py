"""What a person at a terminal reads of an error that nobody foresaw."""

from __future__ import annotations

import errno
import traceback

from labs.errors import LabsError

__all__ = ["explain_unexpected"]

NO_SPACE = "no space left on device"


def explain_unexpected(error: Exception) -> LabsError:
    """An error that nobody foresaw as two sentences; its traceback is kept in the course's log, else in the cache."""
    if getattr(error, "errno", None) == errno.ENOSPC or NO_SPACE in str(error).lower():  # here, or where Docker is
        name = getattr(error, "filename", None)
        where = f" while {name} was written" if name else ""
        return LabsError(f"The disk became full{where}.", "Free some gigabytes, then run the command again.")
    if isinstance(error, PermissionError):
        return LabsError(
            f"You may not change {error.filename or 'what this needs'}: {error.strerror}.",
            "Run it as the user who started the course, or as root.",
        )
    if getattr(error, "errno", None) == errno.EROFS:
        return LabsError(
            f"{getattr(error, 'filename', None) or 'What this needs'} is on a disk that nobody may write.",
            "Set LABS_CACHE and LABS_STATE to folders of yours.",
        )
    return LabsError(
        f"Something unexpected happened: {type(error).__name__}: {str(error).rstrip('.')}.", _keep_details(error)
    )


def _keep_details(error: Exception) -> str:
    from labs.engines.runtime.state import State, course_name  # here: keeps `labs --help` quick
    from labs.engines.runtime.user_folders import cache_folder

    for place in (lambda: State.of(course_name(), system=True).folder, cache_folder):
        try:
            folder = place()
            log = folder / "log" / "labs.log"
            if folder.is_dir():
                log.parent.mkdir(exist_ok=True)
                with log.open("a", encoding="utf-8", errors="replace") as file:
                    file.write("".join(traceback.format_exception(error)) + "\n")
                return f"Details are in {log}."
        except (OSError, LabsError):
            continue
    return "`labs doctor` tells what this machine lacks."
