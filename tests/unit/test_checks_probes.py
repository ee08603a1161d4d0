"""What checks read of probes: how long they take, and what they ask, however it is spelled."""

from __future__ import annotations

from typing import Any

import pytest
from kubernetes import client

from labs.checks.readers.probes import expect_acts_within, expect_asks, seconds_to_act, seconds_to_start
from labs.errors import NotYet


def probe(**fields: Any) -> client.V1Probe:
    return client.V1Probe(**fields)


def get(port: int | str, path: str | None = "/healthz") -> client.V1Probe:
    return probe(http_get=client.V1HTTPGetAction(port=port, path=path))


def run(*command: str) -> client.V1Probe:
    return probe(_exec=client.V1ExecAction(command=list(command)))


def container(readiness: client.V1Probe | None = None, name: str = "store", **fields: Any) -> client.V1Container:
    ports = [client.V1ContainerPort(name="api", container_port=8000)]
    return client.V1Container(name=name, readiness_probe=readiness, ports=ports, **fields)


def ask(asked: client.V1Container, *others: client.V1Container, **more: Any) -> Any:
    spec = client.V1PodSpec(containers=[asked, *others])
    return expect_asks(spec, asked, "readinessProbe", 8000, ("/healthz",), **more)


@pytest.mark.parametrize(
    ("fields", "seconds"),
    [
        ({}, 30),
        ({"period_seconds": 5, "failure_threshold": 2}, 10),
        ({"period_seconds": 2, "failure_threshold": 2, "timeout_seconds": 10}, 20),
    ],
)
def test_a_probe_acts_after_period_times_threshold_unless_its_questions_take_longer(fields, seconds):
    assert seconds_to_act(probe(**fields)) == seconds


def test_a_delay_counts_at_the_start():
    assert seconds_to_start(probe(initial_delay_seconds=20, period_seconds=2, failure_threshold=30)) == 80


@pytest.mark.parametrize(
    "right",
    [
        get(8000),
        get("api"),
        get(8000, "healthz"),
        get(8000, "/healthz?full=1"),
        run("wget", "-qO-", "localhost:8000/healthz"),
        run("sh", "-c", "curl -sSf --max-time 10 http://127.0.0.1:8000/healthz"),
    ],
)
def test_any_spelling_is_right(right):
    assert ask(container(right)) is right


def test_a_connection_is_enough_only_where_nothing_can_hang():
    listens = container(probe(tcp_socket=client.V1TCPSocketAction(port="api")))
    assert ask(listens, connection=True)
    with pytest.raises(NotYet, match="by a connection, which a program that hangs takes, too"):
        ask(listens)


@pytest.mark.parametrize(
    ("wrong", "words"),
    [
        (get(8080), "it asks port 8080, path /healthz"),
        (get(8000, None), "path /"),
        (get("web"), "no port of it has this name"),
        (run("wget", "-qO-", "localhost:8080/healthz"), "it runs `wget -qO- localhost:8080/healthz`"),
        (run("true"), "it runs `true`"),
        (probe(), "it asks nothing"),
    ],
)
def test_what_else_it_asks_is_told(wrong, words):
    with pytest.raises(NotYet) as refused:
        ask(container(wrong))
    assert words in refused.value.observed


def test_what_is_there_in_its_place_is_told():
    with pytest.raises(NotYet, match="no readinessProbe; the container helper has one"):
        ask(container(), container(get(8000), name="helper"))
    with pytest.raises(NotYet, match="no readinessProbe; it has a livenessProbe"):
        ask(container(liveness_probe=get(8000)))


def test_a_timeout_longer_than_the_period_is_told():
    slow = container(probe(period_seconds=2, failure_threshold=2, timeout_seconds=10))
    with pytest.raises(NotYet, match=r"20 s: .*timeoutSeconds 10, which is longer than the period"):
        expect_acts_within(slow, "readinessProbe", most=10, deed="gets no requests")
