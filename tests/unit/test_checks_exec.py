"""Commands that checks run in containers: what goes wrong on the way is no answer, and is told in a sentence."""

from __future__ import annotations

from types import SimpleNamespace

import kubernetes.stream
import pytest
from kubernetes import client
from kubernetes.client.exceptions import ApiException

from labs.checks import core
from labs.checks.readers import pod_containers
from labs.checks.readers.pod_containers import run_in
from labs.errors import CouldNotCheck

HEADERS = "{'audit-id': '74f5', 'cache-control': 'no-cache, private', 'content-length': '201'}"
RAW = ("Handshake", "-+-", "audit-id", "dial tcp", "Errno", "_ssl.c", "HTTPSConnectionPool", "{")


def handshake(status: str, message: str) -> ApiException:
    return ApiException(status=0, reason=f'Handshake status {status} -+-+- {HEADERS} -+-+- {{"message":"{message}"}}')


@pytest.fixture
def run(monkeypatch):
    """``run(error)``: what a check makes of an error of the client's, or of what a command prints."""
    api = SimpleNamespace(configuration=client.Configuration())
    lab = SimpleNamespace(namespace="lab-94", clients=SimpleNamespace(api=api), uses_kubernetes=False)

    def run(outcome):
        def stream(*_, **__):
            if isinstance(outcome, Exception):
                raise outcome
            return outcome

        monkeypatch.setattr(kubernetes.stream, "stream", stream)
        return run_in(lab, "web-1", "web", "env")

    return run


@pytest.mark.parametrize(
    ("error", "what"),
    [
        (
            handshake("500 Internal Server Error", "error dialing backend: dial tcp 10.9.0.2:10250: i/o timeout"),
            "The API server does not reach the kubelet",
        ),
        (handshake("503 Service Unavailable", "apiserver is shutting down"), "The API server failed: apiserver is"),
        (handshake("401 Unauthorized", "Unauthorized"), "does not know who is asking"),
        (
            handshake("404 Not Found", "pods web-1 not found"),
            "be run in the container web of web-1: Not",
        ),
        (handshake("500 Internal Server Error", "container not found (web)"), "of web-1: container not found (web)"),
        (ApiException(status=0, reason="[Errno 111] Connection refused"), "The API server does not answer."),
        (ApiException(status=0, reason="Connection to remote host was lost."), "The API server does not answer."),
        (ApiException(status=0, reason="[SSL: BAD] bad record (_ssl.c:2580)"), "The API server does not answer."),
    ],
)
def test_faults_on_the_way(run, error, what):
    with pytest.raises(CouldNotCheck) as could_not:
        run(error)
    verdict = core.judge(core.Check("ex-94-1", "A thing", (), "", lambda _: run(error)), None)
    assert what in could_not.value.what
    assert (verdict.status, verdict.observed) == ("could not check", could_not.value.what)
    assert not [raw for raw in RAW if raw in f"{could_not.value}"]
    assert could_not.value.todo


def test_what_a_command_prints(run):
    assert run("UNIT=celsius\n") == "UNIT=celsius"


def test_a_command_that_did_not_end_has_said_nothing(run, monkeypatch):
    monkeypatch.setattr(pod_containers, "PATIENCE", 0)
    with pytest.raises(CouldNotCheck, match="did not end within"):
        run("")
