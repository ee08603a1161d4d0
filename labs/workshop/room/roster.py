"""Who takes part: a CSV file as a spreadsheet or a registration form gives it."""

from __future__ import annotations

import csv
import hashlib
import re
import unicodedata
from collections import defaultdict
from dataclasses import dataclass
from pathlib import Path

from labs.errors import LabsError

__all__ = ["LONGEST", "Learner", "id_of", "read_roster"]

LONGEST = 40  # characters of an id: with the workshop's and the lesson's names it stays below a namespace's 63
NAME_COLUMNS = ("name", "learner", "full name", "participant")
ID = re.compile(r"[a-z0-9]([a-z0-9-]*[a-z0-9])?")


@dataclass(frozen=True)
class Learner:
    """One who takes part.

    Attributes:
        id: what their namespaces are named after: lowercase letters, digits and ``-``.
        name: as it is shown.
    """

    id: str
    name: str


def id_of(name: str) -> str:
    """A name as part of a namespace's name: the same name always gives the same id.

    Args:
        name: in any script; one without Latin letters becomes a short hash.
    """
    name = unicodedata.normalize("NFC", " ".join(name.split()))
    latin = unicodedata.normalize("NFKD", name).encode("ascii", "ignore").decode().lower()
    slug = re.sub(r"[^a-z0-9]+", "-", latin).strip("-")
    digest = hashlib.sha256(name.casefold().encode()).hexdigest()[:6]
    if not slug:
        return f"learner-{digest}"
    return slug if len(slug) <= LONGEST else f"{slug[: LONGEST - 7].rstrip('-')}-{digest}"


def read_roster(path: Path) -> list[Learner]:
    """Read a roster.

    The file is CSV in UTF-8, with commas, semicolons or tabs. One column is called *name*; another one, *id*, may give
    ids. A file of one column needs no header. Empty lines are passed over.

    Args:
        path: the file.

    Returns:
        The learners in the file's order.

    Raises:
        LabsError: it cannot be read, or two learners would have the same id; the message names every such line.
    """
    rows = [(number, row) for number, row in _rows(path) if any(cell.strip() for cell in row)]
    if not rows:
        raise LabsError(f"{path} names nobody.", "Write a header `name`, and one learner on each line.")
    header = [cell.strip().casefold() for cell in rows[0][1]]
    name_at = next((header.index(title) for title in NAME_COLUMNS if title in header), None)
    if name_at is None and len(header) > 1:
        raise LabsError(f"{path} has no column `name`.", f"Its first line is: {', '.join(rows[0][1])}.")
    id_at = header.index("id") if "id" in header else None
    return _learners(path, rows if name_at is None else rows[1:], name_at or 0, id_at)


def _rows(path: Path) -> list[tuple[int, list[str]]]:
    try:
        text = path.read_bytes().decode("utf-8-sig")
    except OSError as error:
        raise LabsError(f"{path} cannot be read: {error.strerror}.", "Check the path.") from None
    except UnicodeDecodeError:
        raise LabsError(f"{path} is not UTF-8.", "Save it as `CSV UTF-8` in your spreadsheet.") from None
    first = next((line for line in text.splitlines() if line.strip()), "")
    delimiter = max(",;\t", key=first.count)
    reader = csv.reader(text.splitlines(), delimiter=delimiter)
    try:
        return [(reader.line_num, row) for row in reader]
    except csv.Error as error:
        raise LabsError(f"{path} is no CSV file: line {reader.line_num}: {error}.", "Export it again.") from None


def _learners(path: Path, rows: list[tuple[int, list[str]]], name_at: int, id_at: int | None) -> list[Learner]:
    found: list[Learner] = []
    lines: dict[str, list[str]] = defaultdict(list)
    problems = []
    for number, row in rows:
        cells = [unicodedata.normalize("NFC", " ".join(cell.split())) for cell in row]
        name = cells[name_at] if name_at < len(cells) else ""
        stated_id = cells[id_at] if id_at is not None and id_at < len(cells) else ""
        if not name and not stated_id:
            problems.append(f"line {number} has no name")
            continue
        learner = Learner(stated_id.lower() or id_of(name), name or stated_id)
        if not ID.fullmatch(learner.id) or len(learner.id) > LONGEST:
            problems.append(f"line {number}: the id {stated_id!r} is not up to {LONGEST} of a-z, 0-9 and -")
            continue
        found.append(learner)
        lines[learner.id].append(f"{name} (line {number})")
    problems += [f"{' and '.join(who)} would share the id {one!r}" for one, who in lines.items() if len(who) > 1]
    if problems:
        raise LabsError(
            f"{path}: {'; '.join(problems)}.", "Repair these lines; a column `id` tells apart who has the same name."
        )
    if not found:
        raise LabsError(f"{path} names nobody.", "Write one learner on each line, below the header.")
    return found
