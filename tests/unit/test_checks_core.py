"""Checks: what they raise, what they say, and what becomes of faults."""

from __future__ import annotations

import importlib
import sys
import time
from types import SimpleNamespace

import pytest
import urllib3
from docker.errors import DockerException, NotFound
from hypothesis import given
from hypothesis import strategies as st
from kubernetes.client.exceptions import ApiException

from labs import checks
from labs.checks import core, registry
from labs.errors import CouldNotCheck, EngineError, LabsError, NotRunning, NotYet

OWN = SimpleNamespace(seat=None, is_managed=False)
LAB = SimpleNamespace(uses_kubernetes=False, namespace="lab-94", engine=OWN)


@pytest.fixture
def register(monkeypatch):
    """Registers a function as ex-94-1, for one test."""
    monkeypatch.setattr(registry, "_registry", {})

    def register(function):
        return checks.check("ex-94-1", title="A thing", covers=("T1",), why="Things are.")(function)

    return register


def raising(error):
    def check_thing_raises(lab):
        raise error

    return check_thing_raises


def test_passed(register):
    register(lambda lab: None)
    verdict = checks.run("ex-94-1", LAB)
    assert verdict.passed
    assert verdict.error() is None
    assert str(verdict) == "✔ ex-94-1 passed: A thing\n  why       Things are."


def test_not_yet(register):
    register(lambda lab: checks.expect([], expected="1 thing", observed="2", try_="Look at `it`."))
    verdict = checks.run("ex-94-1", LAB)
    assert (verdict.status, verdict.passed) == ("not yet", False)
    assert str(verdict).splitlines() == [
        "✘ ex-94-1 not yet: A thing",
        "  expected  1 thing",
        "  observed  2",
        "  try       Look at `it`.",
    ]
    error = verdict.error()
    assert isinstance(error, NotYet)
    assert str(error) == "expected 1 thing; observed 2. Look at `it`."


def test_the_check_gets_the_lab(register):
    seen = []
    register(seen.append)
    checks.run("ex-94-1", LAB)
    assert seen == [LAB]


@pytest.mark.parametrize(
    ("error", "because"),
    [
        (NotRunning("No course is up.", "`labs up`."), "No course is up."),
        (EngineError("The node is broken."), "The node is broken."),
        (CouldNotCheck("It hides."), "It hides."),
        (ApiException(status=503, reason="Unavailable"), "The API server failed: Unavailable."),
        (ApiException(status=401), "does not know who is asking"),
        (ApiException(status=403, reason="Forbidden"), "Not allowed"),
        (DockerException("Error while fetching server API version: ..."), "Docker does not answer."),
        (KeyError("typo"), "The check itself failed (KeyError: 'typo')"),
    ],
    ids=lambda value: type(value).__name__,
)
def test_faults_are_no_verdict_about_the_answer(register, error, because):
    register(raising(error))
    verdict = checks.run("ex-94-1", LAB)
    assert verdict.status == "could not check"
    assert because in verdict.observed
    assert isinstance(verdict.error(), CouldNotCheck)
    assert "expected" not in str(verdict)


def test_an_api_server_that_is_gone(register):
    from kubernetes import client

    configuration = client.Configuration()
    configuration.host = "http://127.0.0.1:1"
    configuration.retries = urllib3.Retry(0)
    api = client.CoreV1Api(client.ApiClient(configuration))
    register(lambda lab: api.read_namespaced_pod("web", lab.namespace))
    verdict = checks.run("ex-94-1", LAB)
    assert (verdict.status, verdict.observed) == ("could not check", "The API server does not answer.")
    assert "labs status" in verdict.try_


@pytest.mark.parametrize("error", [ApiException(status=404, reason="Not Found"), "docker"], ids=str)
def test_a_404_that_a_check_forgot_is_not_yet(register, error, docker_404):
    register(raising(docker_404 if error == "docker" else error))
    verdict = checks.run("ex-94-1", LAB)
    assert (verdict.status, verdict.expected) == ("not yet", "A thing")


@pytest.fixture
def docker_404():
    import requests

    response = requests.Response()
    response.status_code = 404
    return NotFound("404", response=response, explanation="No such container: web")


def test_expect_returns_what_is_there():
    assert checks.expect("a match", expected="it", observed="none") == "a match"
    with pytest.raises(NotYet, match="expected it; observed none"):
        checks.expect(None, expected="it", observed="none")


def test_found_turns_a_404_into_not_yet(docker_404):
    def read():
        raise docker_404

    with pytest.raises(NotYet, match=r'expected a container "web"; observed none'):
        checks.found(read, expected='a container "web"')
    assert checks.found(lambda: "it", expected="it") == "it"


def test_found_passes_other_errors_on():
    with pytest.raises(ApiException):
        checks.found(lambda: (_ for _ in ()).throw(ApiException(status=500)), expected="it")


class Core:
    """The one call that tells whether the lesson's namespace is there."""

    def __init__(self, answer):
        self.answer = answer

    def read_namespace(self, name):
        if isinstance(self.answer, Exception):
            raise self.answer
        return SimpleNamespace(status=SimpleNamespace(phase=self.answer))


@pytest.mark.parametrize(
    ("answer", "expected", "observed"),
    [
        ("Active", "1 thing", "none"),
        ("Terminating", "the lesson's namespace lab-94", "it is being deleted"),
        (ApiException(status=404), "the lesson's namespace lab-94", "it is gone"),
        (ApiException(status=500), "1 thing", "none"),
    ],
    ids=str,
)
def test_a_namespace_that_the_learner_deleted_is_told(register, answer, expected, observed):
    there = SimpleNamespace(core=Core(answer))
    lab = SimpleNamespace(uses_kubernetes=True, namespace="lab-94", clients=there, engine=OWN)
    register(lambda lab: checks.expect(False, expected="1 thing", observed="none"))
    verdict = checks.run("ex-94-1", lab)
    assert (verdict.status, verdict.expected, verdict.observed) == ("not yet", expected, observed)


def part(name, state="running"):
    return SimpleNamespace(name=name, state=state)


@pytest.mark.parametrize(
    ("parts", "status", "observed"),
    [
        ([part("kube-scheduler")], "not yet", "none"),
        ([part("kube-scheduler", "failed")], "could not check", "kube-scheduler does not run, so what was seen says"),
        (
            [part("etcd", "stopped"), part("kubelet/node1", "failed")],
            "could not check",
            "etcd and kubelet/node1 do",
        ),
        ([part("registry", "stopped"), part("ports", "failed"), part("docker", "failed")], "not yet", "none"),
    ],
)
def test_a_part_that_is_down_may_keep_a_right_answer_from_working(register, parts, status, observed):
    there = SimpleNamespace(core=Core("Active"))
    engine = SimpleNamespace(seat=None, is_managed=True, status=lambda: parts)
    lab = SimpleNamespace(uses_kubernetes=True, namespace="lab-94", clients=there, engine=engine)
    item = register(lambda lab: checks.expect(False, expected="1 thing", observed="none"))
    verdict = checks.run("ex-94-1", lab)
    assert (verdict.status, observed in verdict.observed) == (status, True), verdict
    about = core.Check("ex-94-1", "A thing", (), "", item, is_about_engine=True)
    assert core.judge(about, lab).status == "not yet"


@pytest.mark.parametrize("check_id", ["ex-94-2", "ex-93-1", "ex-4-1", "thing", ""])
def test_unknown_exercise(register, check_id):
    register(lambda lab: None)
    with pytest.raises(LabsError, match="There is no exercise"):
        checks.run(check_id, LAB)


def test_unknown_exercise_of_a_lesson_names_its_exercises(register):
    register(lambda lab: None)
    with pytest.raises(LabsError, match="There is `ex-94-1`"):
        checks.find("ex-94-2")


@pytest.mark.parametrize("check_id", ["ex-4-1", "ex-94-10", "EX-94-1"])
def test_malformed_ids_are_refused(check_id):
    with pytest.raises(ValueError, match="is no exercise id"):
        checks.check(check_id, title="A thing", covers=())


def test_two_checks_of_one_exercise_are_refused(register):
    register(lambda lab: None)

    def check_other_thing(lab): ...

    with pytest.raises(ValueError, match="checked twice"):
        register(check_other_thing)


def test_lesson_modules_are_loaded_when_asked_for(tmp_path, monkeypatch):
    monkeypatch.setattr(registry, "_registry", {})
    source = """
from labs.checks import check
for k in (2, 1):
    @check(f"ex-93-{k}", title=f"Thing {k}", covers=("T1",))
    def check_thing(lab, k=k): ...
    check_thing.__qualname__ += str(k)
"""
    (tmp_path / "lesson_93.py").write_text(source)
    monkeypatch.setattr(importlib.import_module("labs.checks"), "__path__", [str(tmp_path)])
    monkeypatch.delitem(sys.modules, "labs.checks.lesson_93", raising=False)
    assert [check.title for check in checks.checks_of("93")] == ["Thing 1", "Thing 2"]
    assert [check.id for check in checks.all_checks()] == ["ex-93-1", "ex-93-2"]
    assert checks.find("ex-93-2").covers == ("T1",)
    monkeypatch.delitem(sys.modules, "labs.checks.lesson_93")


def test_settle_returns_the_first_true_value():
    values = iter([0, None, 3])
    assert checks.settle(lambda: next(values), interval=0.01) == 3


def test_settle_returns_the_last_value():
    start = time.monotonic()
    assert checks.settle(lambda: [], timeout=0.1, interval=0.02) == []
    assert time.monotonic() - start < 1


def test_settle_gives_not_yet_a_chance():
    outcomes = iter([NotYet("a", "b"), NotYet("a", "b"), "settled"])

    def value():
        outcome = next(outcomes)
        if isinstance(outcome, Exception):
            raise outcome
        return outcome

    assert checks.settle(value, interval=0.01) == "settled"
    with pytest.raises(NotYet):
        checks.settle(raising_value, timeout=0.05, interval=0.01)


def raising_value():
    raise NotYet("a", "b")


def test_html_escapes_and_marks_code():
    verdict = checks.Verdict("ex-94-1", "A <b>", "not yet", "`x` & 1", "<script>", "")
    html = verdict._repr_html_()
    assert "<script>" not in html
    assert "<code>x</code> &amp; 1" in html
    assert "A &lt;b&gt;" in html
    assert ">try<" not in html


@given(st.text(), st.sampled_from(["passed", "not yet", "could not check"]))
def test_the_same_verdict_gives_the_same_bytes_in_both_forms(text, status):
    first, second = (checks.Verdict("ex-94-1", text, status, text, text, text, text) for _ in range(2))
    assert str(first) == str(second) == repr(first)
    assert first._repr_html_() == second._repr_html_()
    assert " at 0x" not in str(checks.Verdict("ex-94-1", "A thing", status))


def test_as_dict_for_scripts():
    assert checks.Verdict("ex-94-1", "A thing", "passed", why="So.").as_dict() == {
        "check_id": "ex-94-1", "title": "A thing", "status": "passed",
        "expected": "", "observed": "", "try_": "", "why": "So.",
    }  # fmt: skip
