"""The rollout view without a cluster: limits, history, axis, words, and the request stream against a small server."""

from __future__ import annotations

import http.server
import json
import threading
import time
from types import SimpleNamespace

import pytest

from labs.views.rollout_view.counts import Counts, RolloutLimits, count, limits_of
from labs.views.rollout_view.history import Clock, History, Sample, span_of, thin
from labs.views.rollout_view.requests import Answer, Pace, RequestStream, ask
from labs.views.rollout_view.view import RolloutView
from labs.views.rollout_view.wording import condition_of, differ, in_words, is_complete, tag_of, troubles_of, version_of

THREE = RolloutLimits(3, 1, 0)


def deployment(replicas=3, *, image="labs/web:1", revision="1", strategy=None, status=None, uid="d", **spec):
    template = {"spec": {"containers": [{"name": "web", "image": image}]}}
    full = {"updatedReplicas": replicas, "replicas": replicas, "availableReplicas": replicas, "observedGeneration": 1}
    return {
        "metadata": {
            "name": "front",
            "uid": uid,
            "generation": 1,
            "annotations": {"deployment.kubernetes.io/revision": revision},
        },
        "spec": {"replicas": replicas, "strategy": strategy or {}, "template": template, **spec},
        "status": full if status is None else status,
    }


def replica_set(uid, revision, image, replicas, owner="d"):
    return {
        "metadata": {
            "name": f"front-{uid}",
            "uid": uid,
            "annotations": {"deployment.kubernetes.io/revision": str(revision)},
            "ownerReferences": [{"controller": True, "kind": "Deployment", "name": "front", "uid": owner}],
        },
        "spec": {"replicas": replicas, "template": {"spec": {"containers": [{"image": image}]}}},
    }


def pod(name, owner, *, ready=True, deleted=False, waiting="", since="2020-01-01T00:00:00Z"):
    metadata = {
        "name": name,
        "uid": name,
        "ownerReferences": [{"controller": True, "kind": "ReplicaSet", "name": f"front-{owner}", "uid": owner}],
    }
    if deleted:
        metadata["deletionTimestamp"] = since
    ready_condition = {"type": "Ready", "status": str(ready), "lastTransitionTime": since}
    status = {"phase": "Running" if ready else "Pending", "conditions": [ready_condition]}
    if waiting:
        status["containerStatuses"] = [{"state": {"waiting": {"reason": waiting, "message": "not found"}}}]
    return {"metadata": metadata, "spec": {"containers": []}, "status": status}


@pytest.mark.parametrize(
    ("replicas", "surge", "unavailable", "most", "fewest"),
    [
        (3, "25%", "25%", 4, 3),
        (4, "25%", "25%", 5, 3),
        (10, "30%", "25%", 13, 8),
        (3, 1, 0, 4, 3),
        (3, 0, 2, 3, 1),
        (3, "0%", "25%", 3, 2),  # both are 0 then, and nothing could move
        (2, 0, 5, 2, 0),
        (200, "1%", "1%", 202, 198),
        (0, "25%", "25%", 0, 0),
        (7, "100%", "100%", 14, 0),
    ],
)
def test_limits_are_rounded_as_kubernetes_does(replicas, surge, unavailable, most, fewest):
    strategy = {"type": "RollingUpdate", "rollingUpdate": {"maxSurge": surge, "maxUnavailable": unavailable}}
    limits = limits_of(deployment(replicas, strategy=strategy))
    assert (limits.most, limits.fewest, limits.recreate) == (most, fewest, False)


def test_limits_of_recreate_and_of_defaults():
    assert limits_of(deployment(strategy={"type": "Recreate"})) == RolloutLimits(3, 0, 3, recreate=True)
    assert limits_of(deployment()) == THREE


def test_pods_that_are_deleted_or_ended_do_not_count():
    pods = [pod("a", "x"), pod("b", "x", ready=False), pod("c", "x", deleted=True), pod("d", "y")]
    pods.append(pod("e", "y") | {"status": {"phase": "Failed"}})
    assert count(pods, deployment()) == {"x": Counts(2, 1, 1), "y": Counts(1, 1, 1)}


def test_pods_are_available_after_min_ready_seconds():
    young = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())
    counts = count([pod("a", "x"), pod("b", "x", since=young)], deployment(minReadySeconds=30))
    assert counts == {"x": Counts(2, 2, 1)}


def test_axis_stands_still_and_goes_on():
    clock = Clock(100.0)
    assert clock.touch(101.0, 5) == 1.0
    assert [clock.at(t) for t in (103, 106, 160)] == [3.0, 6.0, 6.0]
    assert clock.runs(105)
    assert not clock.runs(107)
    assert clock.touch(160.0, 5) == 6.0
    assert list(clock.gaps) == [(6.0, 54.0)]
    assert clock.at(162.0) == 8.0


def see(history, now, *, settled=False, limits=THREE, **counts):
    found = {uid: Counts(has, ready, ready) for uid, (has, ready) in counts.items()}
    return history.add_sample(now, found, limits, settled=settled)


def test_history_of_a_rolling_update():
    history = History(0.0)
    assert see(history, 0.0, settled=True, old=(3, 3))
    assert not see(history, 1.0, settled=True, old=(3, 3))
    history.add_answer(2.0, Answer("1", failed=False))
    history.begin_rollout(60.0)
    assert not history.outcomes
    see(history, 60.1, old=(3, 3), new=(1, 0))
    see(history, 61.0, old=(3, 3), new=(1, 1))
    see(history, 61.1, old=(2, 2), new=(1, 1))
    history.add_answer(61.2, Answer("2", failed=False))
    history.add_answer(61.3, Answer("connection refused", failed=True))
    assert (history.low, history.high) == (3, 4)
    assert history.start == 5.0
    assert history.outcomes.total() == 2
    first, last = span_of(history, 62.0)
    assert first == 3.5
    assert last >= 7.0
    see(history, 62.0, settled=True, new=(3, 3))
    first, last = span_of(history, 500.0)
    assert (first, last) == (3.5, 9.0)  # two seconds after the last change, however late one looks


def test_a_finished_picture_of_one_that_hangs_keeps_all_of_its_time():
    history = History(0.0)
    see(history, 0.0, settled=True, old=(3, 3))
    history.begin_rollout(10.0)
    see(history, 11.0, old=(3, 3), new=(1, 0))
    first, last = span_of(history, 200.0)
    assert (first, last) == (3.5, 26.0)


def test_a_limit_counts_once_it_was_reached():
    history = History(0.0)
    see(history, 0.0, new=(3, 0))
    assert (history.low, history.high) == (None, 3)
    see(history, 1.0, new=(3, 3))
    see(history, 2.0, new=(2, 2))
    assert history.low == 2
    see(history, 3.0, new=(2, 2), limits=RolloutLimits(6, 2, 0))
    assert history.low is None


def test_answers_that_are_news_set_time_going():
    history = History(0.0)
    see(history, 0.0, settled=True, old=(3, 3))
    for second in range(1, 40):
        history.add_answer(float(second), Answer("1", failed=False))
    assert not history.clock.runs(40.0)
    assert len(history.answers) < 10
    history.add_answer(40.0, Answer("2", failed=False))
    assert history.clock.runs(41.0)


def test_history_is_bounded():
    history = History(0.0)
    for i in range(5000):
        see(history, i / 10, new=(i % 200, i % 7))
        history.add_answer(i / 10, Answer(str(i), failed=bool(i % 2)))
    assert len(history.samples) <= 2000
    assert len(history.answers) <= 1500
    assert len(history.outcomes) <= 14
    assert history.outcomes.total() == 5000


def test_thinned_samples_keep_the_extremes():
    samples = [Sample(i / 100, {"a": Counts(3, 3, 3)}, THREE) for i in range(5000)]
    samples[1234] = Sample(12.34, {"a": Counts(9, 3, 3)}, THREE)
    samples[4321] = Sample(43.21, {"a": Counts(3, 0, 0)}, THREE)
    kept = thin(samples, 0.0, 50.0)
    assert len(kept) <= 450
    assert max(s.total for s in kept) == 9
    assert min(s.available for s in kept) == 0
    assert kept == sorted(kept, key=lambda s: s.t)


def progressing(status, reason, message):
    return {"type": "Progressing", "status": status, "reason": reason, "message": message}


@pytest.mark.parametrize(
    ("change", "mark", "words"),
    [
        ({}, "good", "complete: 3 of 3"),
        ({"replicas": 0}, "good", "scaled to 0"),
        ({"paused": True}, "wait", "nothing waits"),
        ({"paused": True, "status": {"replicas": 3, "updatedReplicas": 0}}, "wait", "0 of 3 pods have its present"),
        ({"status": {"replicas": 4, "updatedReplicas": 1, "availableReplicas": 3}}, "wait", "3 old ones are still"),
        (
            {"status": {"conditions": [progressing("False", "ProgressDeadlineExceeded", "It has timed out.")]}},
            "bad",
            "gave up: ProgressDeadlineExceeded: It has timed out.",
        ),
        (
            {
                "status": {
                    "conditions": [
                        {"type": "ReplicaFailure", "status": "True", "reason": "FailedCreate", "message": "quota"}
                    ]
                }
            },
            "bad",
            "FailedCreate: quota",
        ),
    ],
)
def test_condition_in_words(change, mark, words):
    said = condition_of(deployment(**change))
    assert said[0] == mark
    assert words in said[1]


def test_a_change_that_the_controller_has_not_seen_is_not_complete():
    late = deployment()
    late["metadata"]["generation"] = 2
    assert not is_complete(late)


def test_answers_find_their_replica_set_only_when_it_is_clear():
    sets = [{"id": "b", "image": "labs/web:2"}, {"id": "a", "image": "host:5000/labs/web:v1"}]
    assert version_of("2", sets) == "b"
    assert version_of("version 1", sets) == "a"
    assert version_of("12", sets) == ""
    assert version_of("2", [*sets, {"id": "c", "image": "labs/web:2"}]) == ""
    assert tag_of("host:5000/labs/web") == ""


def test_same_troubles_are_told_once():
    bad = {"set": "front-b", "word": "ImagePullBackOff", "why": "not found"}
    told = troubles_of([{"name": f"p{i}", **bad} for i in range(30)])
    assert [(t["count"], len(t["pods"])) for t in told] == [(30, 12)]


class Held:
    """A subscription's double: a list that a test changes."""

    def __init__(self, items):
        self.list, self.problem, self.is_filled = items, "", True

    def items(self):
        return self.list

    def wait(self, timeout=0):
        pass

    def close(self):
        pass


@pytest.fixture
def cluster(monkeypatch):
    """What the API server would say, by resource, and a view of it that a test paints by itself."""
    held = {key: Held([]) for key in ("deployments", "replicasets", "pods", "events")}

    def follow(self, resource, **_):
        self._subscriptions[resource] = held[resource]

    monkeypatch.setattr(RolloutView, "follow", follow)
    made = []

    def view(url=""):
        made.append(RolloutView(SimpleNamespace(namespace="lab-04"), "front", url))
        return made[-1]

    yield SimpleNamespace(**held, view=view)
    for one in made:
        one.close()


def test_view_before_while_and_after_a_deployment(cluster):
    view = cluster.view()
    assert "no Deployment front yet" in str(view)
    cluster.deployments.list = [deployment()]
    cluster.replicasets.list = [replica_set("a", 1, "labs/web:1", 3)]
    cluster.pods.list = [pod(f"a{i}", "a") for i in range(3)]
    view.paint()
    assert "complete: 3 of 3" in view.text
    cluster.deployments.list = [deployment(image="labs/web:9", revision="2", status={"replicas": 4})]
    cluster.replicasets.list = [replica_set("a", 1, "labs/web:1", 3), replica_set("b", 2, "labs/web:9", 1)]
    cluster.pods.list = [*cluster.pods.list, pod("b0", "b", ready=False, waiting="ImagePullBackOff")]
    cluster.pods.list.append(pod("a9", "a", deleted=True))
    view.paint()
    text = view.text
    said = view.picture["summary"]
    assert said.startswith("revision 2 hangs: ImagePullBackOff; revision 1 still serves, with 3 pods; in progress")
    assert view.picture["notes"] == ["The way back: `kubectl rollout undo deployment/front --to-revision=1`"]
    assert "ImagePullBackOff: 1 of front-b: The image could not be fetched; the kubelet waits" in text
    assert "not found" in text
    assert "most since the change: 4 (kept)" in text
    assert "fewest since the change: 3 (kept)" in text
    assert "2 now" in text
    assert "3 (+1 ending)" in text
    assert [s["revision"] for s in view.picture["sets"]] == ["2", "1"]
    assert [counts for *_, counts in view.picture["steps"]][-1] == [[1, 0, 0], [3, 3, 3]]
    json.dumps(view.picture)
    cluster.deployments.list = cluster.replicasets.list = cluster.pods.list = []
    view.paint()
    assert view.picture["summary"] == "The Deployment was deleted."
    assert view.picture["deleted"] is not None
    assert (view.picture["low"], view.picture["low_verdict"]) == (3, ""), "no limit is in force any more"
    assert not view.notice
    cluster.deployments.list = [deployment(uid="another")]
    view.paint()
    assert view.picture["deleted"] is None


def test_lists_that_were_not_read_say_nothing(cluster):
    cluster.deployments.list = [deployment()]
    view = cluster.view()
    view._on_message(view, {"shown": "here"}, [])
    view._on_message(view, {"hidden": "here"}, [])
    cluster.deployments.list, cluster.deployments.is_filled = [], False
    view._on_message(view, {"shown": "here"}, [])
    view.paint()
    assert "complete" in view.text
    cluster.deployments.list, cluster.deployments.is_filled = [deployment()], True
    view.paint()
    assert view.picture["start"] is None


def test_requests_are_drawn_on_while_the_api_server_is_gone(cluster, monkeypatch):
    monkeypatch.setattr("labs.views.rollout_view.view.RequestStream", lambda *_: SimpleNamespace(end=lambda: None))
    cluster.deployments.list = [deployment()]
    cluster.replicasets.list = [replica_set("a", 1, "labs/web:1", 3)]
    cluster.pods.list = [pod(f"a{i}", "a") for i in range(3)]
    view = cluster.view("http://localhost/version")
    view._on_answer(Answer("1", failed=False))
    view.paint()
    before = view.picture
    assert (before["asked"], before["known"]) == (1, None)
    cluster.pods.problem = "the API server does not answer"
    cluster.pods.list = []
    for _ in range(2):
        view._on_answer(Answer("connection refused", failed=True))
        view.paint()
    assert "the API server does not answer" in view.notice
    assert (view.picture["asked"], view.picture["failed"], view.picture["known"]) == (3, 2, before["now"])
    assert {key: view.picture[key] for key in ("sets", "steps")} == {key: before[key] for key in ("sets", "steps")}
    assert view.picture["summary"] == f"as last known: {before['summary']}"
    assert "the answers go on" in view.text
    cluster.pods.problem = ""
    view.paint()
    assert view.picture["known"] is None
    assert view.picture["sets"][0]["has"] == 0


def test_nothing_is_drawn_that_will_not_be_shown(cluster, monkeypatch):
    # no thread asks for pictures: one that had begun before there was a problem would be drawn, and rightly so
    monkeypatch.setattr("labs.views.rollout_view.view.RequestStream", lambda *_: SimpleNamespace(end=lambda: None))
    cluster.deployments.list = [deployment()]
    view = cluster.view()
    monkeypatch.setattr(view, "draw", lambda: pytest.fail("drawn for nothing"))
    cluster.pods.problem = "the API server does not answer"
    view.paint()
    assert "does not answer" in view.notice
    assert "complete" in view.text


def test_paused_change_begins_its_rollout_when_it_is_resumed(cluster):
    cluster.deployments.list = [deployment()]
    view = cluster.view()
    assert view.picture["start"] is None
    cluster.deployments.list = [deployment(image="labs/web:2", paused=True)]
    view.paint()
    changed = view.picture["start"]
    assert changed is not None
    time.sleep(0.05)
    cluster.deployments.list = [deployment(image="labs/web:2")]
    view.paint()
    assert view.picture["start"] > changed


def test_five_revisions_and_two_hundred_replicas_with_odd_names(cluster):
    name = "größe-🚀-" + "x" * 200
    cluster.deployments.list = [deployment(200, revision="5", status={"replicas": 200})]
    view = cluster.view()
    for i in range(5):
        made = replica_set(str(i), i + 1, f"labs/{name}:{i}", 40)
        cluster.replicasets.list = [*cluster.replicasets.list, made]
        for k in range(40):
            cluster.pods.list = [*cluster.pods.list, pod(f"p{i}-{k}", str(i), ready=k % 2 == 0)]
            view.changed()
    began = time.perf_counter()
    view.paint()
    assert time.perf_counter() - began < 0.5
    assert len(view.picture["sets"]) == 5
    assert len({s["look"] for s in view.picture["sets"]}) == 5
    assert len(view.picture["steps"]) <= 450
    assert len(json.dumps(view.picture)) < 100_000
    assert name in view.text


def test_recreate_says_so(cluster):
    cluster.deployments.list = [deployment(strategy={"type": "Recreate"})]
    assert "Recreate: all old pods end before a new one begins" in cluster.view().text


class Site(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        status, body = {"/version": (200, "2\n"), "/long": (200, "ü" * 500), "/empty": (200, "")}.get(
            self.path, (503, "no")
        )
        self.send_response(status)
        self.end_headers()
        self.wfile.write(body.encode())

    def log_message(self, *_):
        pass


@pytest.fixture
def site(monkeypatch):
    monkeypatch.setenv("http_proxy", "http://127.0.0.1:9")  # must not be asked
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Site)
    threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    server.server_close()


def test_ask(site):
    assert ask(f"{site}/version") == Answer("2", failed=False)
    assert len(ask(f"{site}/long").text) == 40
    assert ask(f"{site}/empty") == Answer("(an empty answer)", failed=False)
    assert ask(site) == Answer("HTTP 503 Service Unavailable", failed=True)
    assert ask("http://127.0.0.1:9/") == Answer("connection refused", failed=True)
    assert ask("ftp://x").failed
    assert ask("http://127.0.0.1:x/").failed


def test_stream_keeps_its_pace_hurries_and_ends(site):
    answers, ticks, pace = [], [], [Pace(60, 60)]
    stream = RequestStream(f"{site}/version", lambda: pace[0], answers.append, lambda: ticks.append(1))
    time.sleep(0.3)
    assert len(answers) == 1
    pace[0] = Pace(0.05, 0.1)
    stream.hurry()
    time.sleep(0.6)
    assert 5 <= len(answers) <= 13
    assert len(ticks) >= 3
    stream.end()
    time.sleep(0.1)
    known = len(answers)
    time.sleep(0.2)
    assert len(answers) == known


def test_view_asks_until_it_is_closed(cluster, site):
    cluster.deployments.list = [deployment()]
    view = cluster.view(f"{site}/version")
    deadline = time.monotonic() + 5
    while "“2”" not in view.text and time.monotonic() < deadline:
        time.sleep(0.05)
    assert f"answers of {site}/version since the view was opened: “2”" in view.text
    view.close()
    assert not [t for t in threading.enumerate() if t.name == f"requests to {site}/version" and _outlives(t)]


def _outlives(thread):
    thread.join(3)
    return thread.is_alive()


def test_time_without_an_api_server_stays_marked_when_it_is_back(cluster, monkeypatch):
    now = [100.0]
    monkeypatch.setattr("labs.views.rollout_view.view.time.monotonic", lambda: now[0])
    cluster.deployments.list = [deployment()]
    cluster.replicasets.list = [replica_set("a", 1, "labs/web:1", 3)]
    cluster.pods.list = [pod(f"a{i}", "a") for i in range(3)]
    view = cluster.view()
    view.paint()
    cluster.pods.problem = "the API server does not answer"
    now[0] += 1
    view.paint()
    assert view.picture["known"] == 0
    now[0] += 2
    cluster.pods.problem = ""
    view.paint()
    assert (view.picture["known"], view.picture["unseen"]) == (None, [[0, 3]])
    assert "for 3 s no API server answered" in view.text


def lane(text, count, look=None, failed=False):
    return {"text": text, "count": count, "look": look, "failed": failed}


@pytest.mark.parametrize(
    ("lanes", "lately", "same_revision", "said"),
    [
        ([lane("1 blue", 9, look=0), lane("1 green", 3, look=0)], {"1 green"}, False, True),
        ([lane("blue", 9), lane("green", 3)], {"green"}, True, True),
        ([lane("blue", 9), lane("green", 3)], {"green"}, False, False),  # those of two revisions
        ([lane("pod-a", 9), lane("pod-b", 8)], {"pod-a", "pod-b"}, True, False),  # each pod says its name
        ([lane("1", 9, look=0), lane("2", 9, look=1)], {"2"}, False, False),
        ([lane("1", 9, look=0), lane("cut off", 9, failed=True)], {"cut off"}, True, False),
        ([], set(), True, False),
    ],
)
def test_other_answers_of_the_same_revision_are_noticed(lanes, lately, same_revision, said):
    assert differ(lanes, lately, same_revision=same_revision) is said


@pytest.mark.parametrize(
    ("old_ready", "new_ready", "said"),
    [(3, 0, "revision 1 still serves, with 3 pods"), (0, 1, "1 of its pods serve"), (0, 0, "no pod serves")],
)
def test_what_hangs_and_who_serves(old_ready, new_ready, said):
    sets = [
        {"current": True, "name": "front-b", "revision": "2", "was": "", "ready": new_ready},
        {"current": False, "name": "front-a", "revision": "1", "was": "", "ready": old_ready},
    ]
    trouble = {"set": "front-b", "word": "CrashLoopBackOff"}
    stuck = {"type": "Progressing", "status": "False", "reason": "ProgressDeadlineExceeded"}
    thing = deployment(status={"conditions": [stuck], "updatedReplicas": 1, "replicas": 4})
    mark, headline, notes = in_words(thing, sets, [trouble])
    assert (mark, headline) == ("bad", f"revision 2 hangs: CrashLoopBackOff; {said}")
    assert "After 600 s without progress" in notes[0]
    assert [note for note in notes if "--to-revision=1" in note] == notes[1:]
    assert len(notes) == 1 + bool(old_ready)
    assert "hangs" not in in_words(thing, sets, [{**trouble, "set": "front-a"}])[1], "the old pods' trouble"


def test_revision_that_came_back_says_so(cluster):
    back = replica_set("a", 3, "labs/web:1", 3)
    back["metadata"]["annotations"]["deployment.kubernetes.io/revision-history"] = "1"
    cluster.deployments.list = [deployment(revision="3")]
    cluster.replicasets.list = [back]
    cluster.pods.list = [pod(f"a{i}", "a") for i in range(3)]
    view = cluster.view()
    view.paint()
    assert view.picture["summary"].startswith("complete: revision 1 is back, now called 3; 3 of 3 pods")
    assert "3 now, was 1" in view.text


def test_time_in_which_nobody_was_asked(cluster, monkeypatch):
    now = [100.0]
    monkeypatch.setattr("labs.views.rollout_view.view.time.monotonic", lambda: now[0])
    monkeypatch.setattr("labs.views.rollout_view.view.RequestStream", lambda *_: SimpleNamespace(end=lambda: None))
    cluster.deployments.list = [deployment()]
    cluster.replicasets.list = [replica_set("a", 1, "labs/web:1", 3)]
    view = cluster.view("http://localhost/version")
    view.paint()
    for seconds in (4.5, 0.1, 0.1):
        now[0] += seconds
        view._on_answer(Answer("1", failed=False))
    view.paint()
    assert view.picture["unasked"] == [[0, 4.5]]
