"""The poll loops."""

from __future__ import annotations

import http.server
import threading
import time
from itertools import count

import pytest
import requests
from docker.errors import NotFound
from kubernetes import client
from kubernetes.client.exceptions import ApiException

from labs.errors import Timeout
from labs.waiting import last_events, wait_for, wait_for_http, wait_for_pods, wait_for_rollout, wait_gone


def test_returns_the_true_value_at_once():
    start = time.monotonic()
    assert wait_for(lambda: "done", timeout=5) == "done"
    assert time.monotonic() - start < 0.2


def test_asks_until_it_holds():
    asked = count(1)
    assert wait_for(lambda: next(asked) > 3, timeout=5, interval=0.01) is True
    assert next(asked) == 5


def test_asks_at_least_once():
    assert wait_for(lambda: True, timeout=0)


def test_time_out_tells_what_state_and_hint():
    with pytest.raises(Timeout) as caught:
        wait_for(lambda: False, 0.05, what="the moon", hint="Look up.", state=lambda: "cloudy", interval=0.01)
    assert str(caught.value) == "Waited 0.05 s for the moon; last seen: cloudy. Look up."


def test_a_state_that_cannot_be_read_does_not_hide_the_time_out():
    with pytest.raises(Timeout, match=r"last seen: unknown \(ZeroDivisionError\)"):
        wait_for(lambda: False, 0, state=lambda: str(1 / 0))


def test_an_error_of_the_condition_ends_the_waiting():
    with pytest.raises(ZeroDivisionError):
        wait_for(lambda: 1 / 0, timeout=5)


def test_never_waits_much_longer_than_its_limit():
    start = time.monotonic()
    with pytest.raises(Timeout):
        wait_for(lambda: False, timeout=0.1, interval=30)
    assert time.monotonic() - start < 1


def docker_not_found():
    response = requests.Response()
    response.status_code = 404
    return NotFound("no such container", response=response)


@pytest.mark.parametrize("error", [ApiException(status=404), docker_not_found()], ids=["kubernetes", "docker"])
def test_gone_is_a_404_of_either_client(error):
    def read():
        raise error

    wait_gone(read, timeout=0)


def test_gone_passes_other_errors_on():
    def read():
        raise ApiException(status=403)

    with pytest.raises(ApiException):
        wait_gone(read, timeout=5)


def test_not_gone():
    with pytest.raises(Timeout, match="for the pod to go"):
        wait_gone(lambda: "still here", timeout=0, what="the pod to go")


class Answers:
    """What a client's methods answer, one after the other; the last one forever. No API is imitated beyond that."""

    def __init__(self, **methods):
        for name, answers in methods.items():
            queue = list(answers)
            setattr(self, name, lambda *_, queue=queue, **__: queue.pop(0) if len(queue) > 1 else queue[0])


def deployment(
    *, generation=1, observed=1, replicas=3, updated=3, total=3, available=3, reason="NewReplicaSetAvailable"
):
    status = client.V1DeploymentStatus(
        observed_generation=observed,
        updated_replicas=updated,
        replicas=total,
        available_replicas=available,
        conditions=[client.V1DeploymentCondition(type="Progressing", status="True", reason=reason)],
    )
    spec = client.V1DeploymentSpec(
        replicas=replicas, selector=client.V1LabelSelector(), template=client.V1PodTemplateSpec()
    )
    return client.V1Deployment(
        metadata=client.V1ObjectMeta(name="web", generation=generation), spec=spec, status=status
    )


DONE = deployment()


@pytest.mark.parametrize(
    "before",
    [
        deployment(generation=2),  # the controller has not seen the change: the status is of the old revision
        deployment(updated=1),
        deployment(total=4),
        deployment(available=2),
        deployment(observed=None, updated=None, total=None, available=None),
    ],
)
def test_rollout_waits_as_kubectl_does(before):
    assert wait_for_rollout(Answers(read_namespaced_deployment=[before, DONE]), "web", "lab-04", timeout=5) is DONE


def test_rollout_to_nothing():
    nothing = deployment(replicas=0, updated=None, total=None, available=None)
    assert wait_for_rollout(Answers(read_namespaced_deployment=[nothing]), "web", "lab-04", timeout=0) is nothing


def test_rollout_that_takes_too_long_tells_how_far_it_came():
    apps = Answers(read_namespaced_deployment=[deployment(updated=2, total=4, available=1)])
    with pytest.raises(Timeout, match="last seen: 2 of 3 updated, 1 available, 2 old left") as caught:
        wait_for_rollout(apps, "web", "lab-04", timeout=0)
    assert "kubectl describe deployment web -n lab-04" in caught.value.todo


def test_rollout_that_kubernetes_gave_up_is_not_waited_for():
    apps = Answers(read_namespaced_deployment=[deployment(updated=1, available=0, reason="ProgressDeadlineExceeded")])
    start = time.monotonic()
    with pytest.raises(Timeout, match="gave up"):
        wait_for_rollout(apps, "web", "lab-04", timeout=30)
    assert time.monotonic() - start < 5


def pod(name, *, ready=True, going=False):
    return client.V1Pod(
        metadata=client.V1ObjectMeta(name=name, deletion_timestamp="2026-01-01T00:00:00Z" if going else None),
        spec=client.V1PodSpec(containers=[client.V1Container(name="web")]),
        status=client.V1PodStatus(conditions=[client.V1PodCondition(type="Ready", status=str(ready))]),
    )


def pods(*items):
    return client.V1PodList(items=list(items))


def test_pods_are_counted_ready_and_staying():
    core = Answers(
        list_namespaced_pod=[
            pods(),
            pods(pod("a")),
            pods(pod("a"), pod("b", ready=False)),
            pods(pod("a"), pod("b"), pod("c")),
            pods(pod("c", going=True), pod("b"), pod("a")),
        ]
    )
    found = wait_for_pods(core, "lab-04", "app=web", 2, timeout=5)
    assert [p.metadata.name for p in found] == ["a", "b"]


def test_no_pods_left():
    assert wait_for_pods(Answers(list_namespaced_pod=[pods(pod("a")), pods()]), "lab-04", "app=web", 0, timeout=5) == []


def test_pods_that_do_not_come():
    core = Answers(list_namespaced_pod=[pods(pod("a"), pod("b", ready=False))])
    with pytest.raises(Timeout, match=r"3 Ready pods that match app=web; last seen: 2 pods, 1 Ready"):
        wait_for_pods(core, "lab-04", "app=web", 3, timeout=0)


def test_last_events_are_the_newest_warnings():
    def event(reason, minute):
        about = client.V1ObjectReference(kind="Pod", name="web-1")
        when = f"2026-01-01T00:{minute:02}:00Z"
        return client.CoreV1Event(
            metadata=client.V1ObjectMeta(name=reason), involved_object=about, reason=reason, message=f"{reason}!",
            last_timestamp=when,
        )  # fmt: skip

    listed = client.CoreV1EventList(items=[event("C", 3), event("A", 1), event("B", 2)])
    assert last_events(Answers(list_namespaced_event=[listed]), "lab-04", limit=2) == [
        "B pod/web-1: B!",
        "C pod/web-1: C!",
    ]


@pytest.fixture
def server():
    """A real HTTP server that answers 503 twice, then "ready"."""

    class Handler(http.server.BaseHTTPRequestHandler):
        asked = count(1)

        def do_GET(self):
            self.send_response(200 if next(Handler.asked) > 2 else 503)
            self.end_headers()
            self.wfile.write(b"ready\n")

        def log_message(self, *_):
            pass

    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler) as running:
        thread = threading.Thread(target=running.serve_forever, args=(0.01,))
        thread.start()
        yield f"http://127.0.0.1:{running.server_port}/"
        running.shutdown()
        thread.join()


def test_http(server, monkeypatch):
    monkeypatch.setenv("http_proxy", "http://127.0.0.1:1")
    assert wait_for_http(server, expect="ready", timeout=10) == "ready\n"


def test_http_with_another_answer(server):
    with pytest.raises(Timeout, match=r"to answer with 'v2'; last seen: (the answer 'ready\\n'|status 503)"):
        wait_for_http(server, expect="v2", timeout=0.5)


def test_http_that_nobody_answers():
    with pytest.raises(Timeout, match="Connection refused"):
        wait_for_http("http://127.0.0.1:1/", timeout=0)
