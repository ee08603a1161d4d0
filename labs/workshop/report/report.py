"""After a workshop: what was learnt, by exercise, topic and exam domain, for the class and for each learner.

The notebooks in `templates` call the functions here and show what they return; papermill runs them, nbconvert makes
pages of them.
"""

from __future__ import annotations

import json
import re
import statistics
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from labs import checks
from labs.curriculum.topics import DOMAINS, curriculum
from labs.display import RichOutput, table
from labs.progress.summary import share
from labs.workshop.room.members import Member
from labs.workshop.room.overview import exercises_of as columns_of
from labs.workshop.room.overview import solving_times, wrong_answers
from labs.workshop.room.room import Room
from labs.workshop.room.roster import Learner
from labs.workshop.trial.simulated_learner import QUIET_KERNEL

__all__ = ["collect", "exercises", "exercises_of", "heading", "learners", "load", "topics", "write"]

TEMPLATES = Path(__file__).with_name("templates")


def collect(room: Room) -> dict[str, Any]:
    """All that reports are made of, as plain JSON values; it can be kept when the workshop is removed.

    Raises:
        LabsError: there is no such workshop.
    """
    learners = [
        {"id": p.learner.id, "name": p.learner.name, "number": p.number, "lessons": p.lessons, "report": p.report}
        for p in room.members()
    ]
    return {"workshop": room.name, "made": datetime.now(UTC).isoformat(timespec="minutes"), "learners": learners}


def write(content: dict[str, Any], folder: Path, began: Callable[[str], None] = lambda _: None) -> list[Path]:
    """Make the reports: a notebook and a page for the class and for each learner.

    Args:
        content: from `collect`.
        folder: where to; made when it is not there. It holds names and results: it is for its owner only.
        began: called with the name of each report.

    Returns:
        The pages.

    Raises:
        OSError: the folder cannot be written.
    """
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    data = folder / "data.json"
    data.write_text(json.dumps(content, ensure_ascii=False, indent=1), encoding="utf-8")
    began("the class")
    pages = [_run("class", folder / "class.ipynb", {"data": str(data)})]
    for learner in content["learners"]:
        began(learner["name"])
        path = folder / f"learner-{learner['id']}.ipynb"
        pages.append(_run("learner", path, {"data": str(data), "learner": learner["id"]}))
    return pages


def _run(template: str, path: Path, parameters: dict[str, str]) -> Path:
    import jupytext
    import papermill
    from nbconvert import HTMLExporter

    source = jupytext.read(TEMPLATES / f"{template}.py")
    source.metadata.kernelspec = {"name": "python3", "display_name": "Python 3", "language": "python"}
    jupytext.write(source, path, fmt="ipynb")
    papermill.execute_notebook(str(path), str(path), parameters, progress_bar=False, extra_arguments=QUIET_KERNEL)
    body, _ = HTMLExporter(exclude_input=True, exclude_output_prompt=True).from_filename(str(path))
    page = path.with_suffix(".html")
    page.write_text(body, encoding="utf-8")
    return page


# what the notebooks call


def load(path: str) -> dict[str, Any]:
    """The data that `write` has put beside the notebook.

    Args:
        path: the file's.
    """
    return json.loads(Path(path).read_text(encoding="utf-8"))


def heading(content: dict[str, Any], learner: str = "") -> RichOutput:
    """Which workshop, who, and how much was solved.

    Args:
        content: what `write` has put beside the notebook.
        learner: an id, empty for the class.
    """
    members = _members(content, learner)
    count = sum(len(columns_of(member.lessons)) for member in members)
    solved = sum(len(_passed(member)) for member in members)
    who = members[0].shown if learner else f"{len(members)} learners"
    text = f"{who}, workshop {content['workshop']}, {content['made'][:10]}: {solved} of {count} exercises solved."
    return RichOutput(text, markdown=f"**{text}**")


def exercises(content: dict[str, Any]) -> RichOutput:
    """Each exercise: who solved it, in what time, and what was not yet right."""
    members = _members(content)
    mistakes = wrong_answers(members)
    rows = []
    for exercise, title in columns_of(sorted({lesson for member in members for lesson in member.lessons})):
        solved = [member for member in members if exercise in _passed(member)]
        times = [solving_times(member.report) for member in solved]
        minutes = [taken[exercise] for taken in times if exercise in taken]
        tries = [member.report["exercises"][exercise].get("tries", 0) for member in solved]
        mistake = next((m for m in mistakes if m["exercise"] == exercise), None)
        most = f"{mistake['count']} × expected {mistake['expected']}, observed {mistake['observed']}" if mistake else ""
        share = f"{len(solved)} of {len(members)}"
        rows.append((exercise, title, share, _median(minutes), _median(tries), most))
    return table(rows, ("exercise", "what it asks for", "solved", "minutes", "checks", "not yet right"))


def exercises_of(content: dict[str, Any], learner: str) -> RichOutput:
    """One learner's exercises.

    Args:
        learner: the id.
    """
    (member,) = _members(content, learner)
    done, times = member.report.get("exercises") or {}, solving_times(member.report)
    rows = []
    for exercise, title in columns_of(member.lessons):
        item = done.get(exercise, {})
        state = "solved" if exercise in _passed(member) else "not yet" if item else "not begun"
        minutes = f"{times[exercise]:.0f}" if exercise in times else ""
        rows.append((exercise, title, state, minutes, str(item.get("tries", "") or "")))
    return table(rows, ("exercise", "what it asks for", "", "minutes", "checks"))


def topics(content: dict[str, Any], learner: str = "") -> RichOutput:
    """Each exam domain and topic: how much of it is solved.

    Args:
        content: the data.
        learner: an id: of the whole course's exercises, since what is open is worth practising. Empty for the class: of
            its lessons' exercises, all learners together.
    """
    members = _members(content, learner)
    lessons_taught = {lesson for member in members for lesson in member.lessons}
    practised = [check for check in checks.all_checks() if learner or check.id.split("-")[1] in lessons_taught]
    titles = {item.id: item.title for item in curriculum().values() if re.fullmatch(r"T[0-9]", item.id)}
    items = [(id_, title, f"{weight} %") for id_, (title, weight) in DOMAINS.items()]
    items += [(id_, title, "") for id_, title in titles.items()]
    rows = []
    for id_, title, weight in items:
        found = [share(id_, practised, _passed(member)) for member in members]
        solved, count = sum(item["solved"] for item in found), sum(item["count"] for item in found)
        if count:
            rows.append((id_, title, weight, f"{_bar(solved / count)} {solved} of {count}"))
    return table(rows, ("", "domain or topic", "of the exam", "solved"))


def learners(content: dict[str, Any]) -> RichOutput:
    """One line for each learner."""
    rows = []
    for member in _members(content):
        times = solving_times(member.report)
        tries = sum(item.get("tries", 0) for item in (member.report.get("exercises") or {}).values())
        solved = f"{len(_passed(member))} of {len(columns_of(member.lessons))}"
        rows.append((member.shown, solved, f"{sum(times.values()):.0f}" if times else "", str(tries or "")))
    return table(rows, ("learner", "solved", "minutes at exercises", "checks"))


def _members(content: dict[str, Any], learner: str = "") -> list[Member]:
    return [
        Member(Learner(item["id"], item["name"]), item["number"], item["lessons"], item["report"])
        for item in content["learners"]
        if not learner or item["id"] == learner
    ]


def _passed(member: Member) -> dict[str, str]:
    done = member.report.get("exercises") or {}
    known = {exercise for exercise, _ in columns_of(member.lessons)}
    return {k: v["passed"] for k, v in done.items() if k in known and v.get("passed")}


def _median(values: list[float]) -> str:
    return f"{statistics.median(values):.0f}" if values else ""


def _bar(share: float, width: int = 10) -> str:
    full = round(share * width)
    return "█" * full + "░" * (width - full)
