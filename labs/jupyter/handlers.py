"""What JupyterLab's pages ask of the course: only with the server's token or cookie, and never in the server's loop."""

from __future__ import annotations

import json
import os
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

from jupyter_server.base.handlers import APIHandler
from jupyter_server.utils import url_path_join
from tornado import web
from tornado.ioloop import IOLoop

from labs import engines
from labs.curriculum import lessons
from labs.errors import LabsError
from labs.jupyter.engine_state import CachedCall, engine_state
from labs.progress import store
from labs.progress.summary import standing
from labs.session import hints

__all__ = ["handlers"]

LARGEST = 1 << 20  # bytes; a progress file has some thousand
ENGINE_SECONDS = 1.5  # a page asks every two seconds at most


def handlers(base_url: str, root_dir: str) -> list[tuple]:
    """What Tornado routes: ``kube-labs/engine``, ``standing``, ``help`` and ``progress``.

    Args:
        base_url: the server's.
        root_dir: the folder that the file browser shows, from which a page names notebooks.
    """
    cached = CachedCall(engine_state, ENGINE_SECONDS)
    routes: dict[str, tuple] = {
        "engine": (EngineHandler, {"ask": cached}),
        "standing": (StandingHandler, {"root_dir": root_dir}),
        "help": (HelpHandler,),
        "progress": (ProgressHandler,),
    }
    return [(url_path_join(base_url, "kube-labs", name), *route) for name, route in routes.items()]


class CourseHandler(APIHandler):
    """Answers with JSON; an error of the course's is an answer with the keys ``what`` and ``todo``."""

    async def answer(self, function: Callable[[], Any]) -> None:
        """Run a function in a thread, and send what it returns."""
        try:
            found = await IOLoop.current().run_in_executor(None, function)
        except (LabsError, OSError) as error:
            self.set_status(400)
            found = {"what": getattr(error, "what", str(error)), "todo": getattr(error, "todo", "")}
        self.set_header("Cache-Control", "no-store")
        self.finish(json.dumps(found))


class EngineHandler(CourseHandler):
    """The engines' state."""

    def initialize(self, ask: Callable[[], dict]) -> None:
        """Take what tells the state.

        Args:
            ask: tells the state.
        """
        self.ask = ask

    @web.authenticated
    async def get(self) -> None:
        """As `labs.jupyter.engine_state.engine_state` tells it."""
        await self.answer(self.ask)


class StandingHandler(CourseHandler):
    """What is solved and what is next."""

    def initialize(self, root_dir: str) -> None:
        """Take the folder that lessons are in.

        Args:
            root_dir: the folder that the file browser shows.
        """
        self.root_dir = root_dir

    @web.authenticated
    async def get(self) -> None:
        """As `labs.progress.summary.standing` tells it, with ``folder``: the notebooks' place in the file browser."""
        await self.answer(lambda: {**standing(), "folder": notebooks_in(self.root_dir)})


class HelpHandler(CourseHandler):
    """Hints and solutions, for a page that need not have a kernel."""

    @web.authenticated
    async def get(self) -> None:
        """Of ``?exercise=ex-04-1`` the hint ``&number=2``, or without a number the solution."""
        exercise_id, number = self.get_query_argument("exercise"), self.get_query_argument("number", "")
        await self.answer(lambda: hint_or_solution(exercise_id, number))


class ProgressHandler(CourseHandler):
    """The progress file: to take along, and to bring back."""

    @web.authenticated
    async def get(self) -> None:
        """The file as a download."""
        self.set_header("Content-Disposition", 'attachment; filename="progress.json"')
        await self.answer(progress_file)

    @web.authenticated
    async def post(self) -> None:
        """Merge the body, a progress file, into the learner's own; answers ``{"new": ["ex-04-1"]}``."""
        body = self.request.body
        await self.answer(lambda: {"new": merge(body)})


def notebooks_in(root_dir: str) -> str | None:
    """The folder of the notebooks as the file browser calls it: empty for its root, None when they are not in it.

    Args:
        root_dir: the folder that the file browser shows; it may hold a copy of them, as in a learner's home on a hub.
    """
    folder, root = (lessons.root() / "notebooks").resolve(), Path(root_dir).expanduser().resolve()
    if folder.is_relative_to(root):
        return folder.relative_to(root).as_posix().removeprefix(".")
    known = [f"{lesson.name}.ipynb" for lesson in lessons.lessons()]
    copies = [place for place in ("", "notebooks") if any((root / place / name).exists() for name in known)]
    return copies[0] if copies else None


def hint_or_solution(exercise_id: str, number: str) -> dict[str, Any]:
    """A hint or the solution, Markdown.

    Args:
        exercise_id: such as ``ex-04-1``.
        number: which hint, from 1; of more than there are, the last one; empty for the solution.

    Raises:
        LabsError: there is no such exercise or no hint for it.
    """
    try:
        seat = engines.current().seat
    except LabsError:  # help is there before the engines are
        seat = None
    if not number:
        code = hints.solution_text(exercise_id, seat)
        return {"title": f"One solution of {exercise_id}", "markdown": f"```python\n{code}\n```"}
    if not number.isdecimal():
        raise LabsError(f"There is no hint {number} for {exercise_id}.", "Hints are counted from 1.")
    hint = hints.chosen_hint(exercise_id, int(number), seat)
    return {"title": hint.title, "markdown": hint.text, "number": hint.number, "count": hint.count}


def progress_file() -> dict[str, Any]:
    """The content of the progress file.

    Raises:
        LabsError: it is damaged.
    """
    passed = store.load()
    source = store.path()
    return json.loads(source.read_text(encoding="utf-8")) if source.exists() else {"version": 1, "passed": passed}


def merge(body: bytes) -> list[str]:
    """Add a progress file's content to the learner's own, and return what is new.

    Args:
        body: the file.

    Raises:
        LabsError: it is not a progress file, or too large to be one.
        OSError: the learner's own cannot be written.
    """
    refusal = LabsError(
        "This is not a progress file of this course.", "Choose the `progress.json` that you downloaded."
    )
    if len(body) > LARGEST:
        raise refusal
    handle, name = tempfile.mkstemp(suffix=".json")
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(body)
        try:
            store.load(Path(name))
            store.drills(Path(name))
        except LabsError:
            raise refusal from None  # its own words name a file that the learner never saw
        return store.merge(Path(name))
    finally:
        Path(name).unlink()
