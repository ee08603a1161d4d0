"""Where a learner stands, as data; and the engines' state in a few words."""

from __future__ import annotations

import json
import re
import time

import pytest

from labs.curriculum import lessons
from labs.engines.runtime.component import Component
from labs.engines.runtime.reporter import Reporter, Startup, read_startup
from labs.errors import LabsError, NotRunning
from labs.jupyter import engine_state
from labs.progress import store
from labs.progress.summary import standing

WEIGHTS = {"D1": 20, "D2": 20, "D3": 15, "D4": 25, "D5": 20}  # percent, of the public curriculum v1.35


@pytest.fixture(autouse=True)
def file(tmp_path, monkeypatch):
    path = tmp_path / "progress.json"
    monkeypatch.setenv("LABS_PROGRESS", str(path))
    return path


def test_newcomer_begins_with_the_first_exercise():
    found = standing()
    assert found["next"] == {"lesson": "00", "exercise": "ex-00-1", "notebook": "00_start_here.ipynb"}
    assert found["solved"] == 0
    assert found["count"] == sum(lesson["count"] for lesson in found["lessons"]) > 20
    assert found["problem"] == ""


def test_is_plain_json():
    found = standing()
    assert json.loads(json.dumps(found)) == found


def test_each_lesson_has_its_title_its_minutes_and_its_exercises():
    for lesson in standing()["lessons"]:
        assert lesson["title"] != lesson["notebook"].removesuffix(".ipynb")
        assert 5 <= lesson["minutes"] <= 240
        assert lesson["count"] == len(lesson["exercises"]) > 0


def test_solved_exercises_count_in_lesson_domain_and_topic():
    store.record("ex-00-1")
    store.record("ex-04-1")
    found = standing()
    assert found["next"]["exercise"] == "ex-00-2"
    assert [row["number"] for row in found["lessons"] if row["solved"]] == ["00", "04"]
    assert next(row for row in found["topics"] if row["id"] == "T5")["solved"] == 1
    assert next(row for row in found["domains"] if row["id"] == "D2")["solved"] == 1


def test_domains_weigh_as_the_exam_does():
    assert {row["id"]: row["weight"] for row in standing()["domains"]} == WEIGHTS
    assert [row["id"] for row in standing()["topics"]] == [f"T{k}" for k in range(1, 9)]


def test_nothing_is_next_when_all_is_solved():
    for lesson in standing()["lessons"]:
        for exercise in lesson["exercises"]:
            store.record(exercise["id"])
    found = standing()
    assert found["next"] is None
    assert found["solved"] == found["count"]


def test_damaged_progress_is_told_and_counts_nothing(file):
    file.write_text("{")
    found = standing()
    assert "is not a progress file" in found["problem"]
    assert found["solved"] == 0


def test_changed_lesson_is_read_again(project):
    assert standing()["lessons"][0]["title"] == "Run a thing"
    path = project / "notebooks/src/94_run_thing.py"
    time.sleep(0.01)
    path.write_text(path.read_text().replace("# # Run a thing", "# # Run another"))
    assert standing()["lessons"][0]["title"] == "Run another"
    assert standing()["lessons"][0]["minutes"] is None


def started(*, running=True, done=(), error="", fractions=None, failed=None, skipped=None, **steps: str) -> Startup:
    return Startup(running, dict(steps), list(done), error, 1, fractions or {}, failed or {}, skipped or {})


def components(**states: str) -> list[Component]:
    return [Component(name, state) for name, state in states.items()]


def test_start_tells_the_step_that_is_least_far():
    found = engine_state.describe(started(a="x", b="y", c="", fractions={"a": 0.9, "b": 0.433}), [])
    assert (found["state"], found["brief"]) == ("starting", "b 43 %")
    assert [step["percent"] for step in found["steps"]] == [90, 43, None]


def test_start_tells_when_docker_lessons_can_begin():
    found = engine_state.describe(started(done=["Docker Engine", "images in Docker"], nodes=""), [])
    assert found["brief"] == "starting"
    assert "Lessons 00 and 02 can begin" in found["todo"]


DOCKER = ["Docker Engine", "images in Docker"]
NO_PAUSE = {"failed": {"pause": "It broke. Repair it."}, "skipped": {"nodes": "pause", "add-ons": "pause"}}


def test_start_at_work_tells_what_failed_and_what_can_be_done():
    found = engine_state.describe(started(done=DOCKER, registry="", **NO_PAUSE), [])
    assert found["state"] == "starting"
    assert found["brief"] == "starting; pause failed"
    assert "Docker is ready. Kubernetes will not come." in found["sentence"]
    assert found["todo"].startswith("Lessons 00 and 02 can begin.")
    assert found["failed"] == [{"name": "pause", "detail": "It broke. Repair it."}]
    assert found["skipped"] == ["nodes", "add-ons"]


@pytest.mark.parametrize(
    ("done", "running", "words"),
    [
        (DOCKER, "docker registry", "Docker and the registry run: lessons 00 and 02 can be done."),
        (DOCKER, "docker", "Docker runs: lessons 00 and 02 can be done."),
        (["nodes"], "kube-apiserver", "Kubernetes runs. Docker does not"),
        ([*DOCKER, "nodes"], "docker kube-apiserver", "Docker and Kubernetes run, but"),
        (DOCKER, "", "Neither Docker nor Kubernetes runs"),
        ([], "docker registry kube-apiserver", "Docker and Kubernetes run, but"),  # a second start, of what ran before
    ],
)
def test_start_that_ended_tells_what_works(done, running, words):
    states = {name: "running" if name in running.split() else "stopped" for name in ("docker", "registry")}
    states["kube-apiserver"] = "running" if "kube-apiserver" in running else "stopped"
    found = engine_state.describe(started(running=False, done=done, **NO_PAUSE), components(**states))
    assert found["state"] == "fault"
    assert words in found["sentence"]
    assert "`labs up` in a terminal goes on where it stopped; nothing is lost." in found["todo"]
    assert found["failed"][0]["name"] == "pause"


def test_lessons_that_need_docker_only_are_named_as_they_are():
    assert lessons.docker_lessons() == "lessons 00 and 02"


@pytest.mark.parametrize("lesson", lessons.lessons(), ids=lambda lesson: lesson.number)
def test_lesson_opens_its_lab_as_its_facts_say(lesson):
    first = re.search(r"open_lab\(([^)]*)\)", lesson.path.read_text())[1]
    assert ("kubernetes=False" in first) == ("docker-only" in lesson.facts)


def test_facts_that_there_are_not_are_refused(tmp_path):
    source = tmp_path / "09_limit_resources.py"
    source.write_text('# %% [markdown] facts="binder quick"\n# # Limit resources\n')
    with pytest.raises(LabsError, match="facts quick, which there are not"):
        _ = lessons.Lesson("09", source).facts
    source.write_text("# %% [markdown]\n# # Limit resources\n")
    assert lessons.Lesson("09", source).facts == frozenset()


@pytest.mark.parametrize(
    ("startup", "parts", "state", "words"),
    [
        (None, {"docker": "running"}, "ready", "are running"),
        (started(running=False, error="No disk."), {"docker": "running"}, "ready", "are running"),
        (started(running=False, error="No disk."), {"docker": "stopped"}, "fault", "No disk."),
        (None, {"docker": "stopped", "etcd": "stopped"}, "stopped", "nothing of it is lost"),
        (None, {"docker": "running", "etcd": "failed"}, "fault", "Ended by itself: etcd."),
        (None, {"docker": "running", "etcd": "stopped"}, "fault", "Stopped: etcd."),
    ],
)
def test_states(startup, parts, state, words):
    found = engine_state.describe(startup, components(**parts))
    assert found["state"] == state
    assert words in found["sentence"]
    assert bool(found["todo"]) == (state != "ready")


@pytest.mark.parametrize(
    ("error", "state", "words"),
    [
        (NotRunning("The course is not up.", "Run this cell again."), "absent", "`labs up`"),
        (LabsError("The record is damaged.", "`labs down` helps."), "fault", "`labs down` helps."),
        (RuntimeError("what"), "fault", "`labs status`"),
    ],
)
def test_whatever_happens_is_a_state(monkeypatch, error, state, words):
    def current():
        raise error

    monkeypatch.setattr(engine_state.engines, "current", current)
    found = engine_state.engine_state()
    assert found["state"] == state
    assert words in found["todo"]


def test_start_tells_the_file_how_far_its_steps_are(tmp_path):
    file = tmp_path / "startup.json"
    with Reporter(quiet=True) as reporter:
        reporter.record_to(file)
        reporter.begin("build").update("halfway", 0.5)
        reporter.begin("other")
        reporter.end("other", None)  # what has ended is written at once
        assert read_startup(file).fractions == {"build": 0.5}
        reporter.end("build", None)
    assert read_startup(file).fractions == {}


def test_answer_is_good_for_a_while():
    asked = []
    cached = engine_state.CachedCall(lambda: {"n": len(asked.append(1) or asked)}, 60)
    assert (cached(), cached()) == ({"n": 1}, {"n": 1})
    cached.seconds = -1
    assert cached() == {"n": 2}
