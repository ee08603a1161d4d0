"""What answers on localhost counts only when the course leads there; all else could not be checked."""

from __future__ import annotations

import json
from functools import partial
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from types import SimpleNamespace

import pytest

from labs.checks.readers import local_ports
from labs.checks.readers.local_ports import address, expect_ports_forwarded
from labs.checks.readers.services import answer
from labs.engines.runtime.component import Component
from labs.engines.runtime.local_ports import LocalPorts, read_local_ports
from labs.errors import CouldNotCheck, NotYet

RUNNING = Component("ports", "running")
TAKEN = "error while attempting to bind on address ('127.0.0.1', 30084): address already in use"


def container(name, *, port=8021, status="running", host="0.0.0.0"):
    published = {"80/tcp": [{"HostIp": host, "HostPort": str(port)}], "81/tcp": None}
    return SimpleNamespace(name=name, status=status, attrs={"NetworkSettings": {"Ports": published}})


class Lab:
    """A lab whose Service has a node port 30084, and whose forwarder is as the test says."""

    namespace = "lab-94"

    def __init__(self, *ports, node_port=30084, protocol="TCP", containers=(), parts=(RUNNING,)):
        said, last = iter(ports), ports[-1]
        service = SimpleNamespace(spec=SimpleNamespace(ports=[SimpleNamespace(node_port=node_port, protocol=protocol)]))
        self.engine = SimpleNamespace(local_ports=lambda: next(said, last), status=lambda: parts)
        services = SimpleNamespace(items=[service])
        everything = SimpleNamespace(list=lambda **_: list(containers))
        self.clients = SimpleNamespace(
            core=SimpleNamespace(list_namespaced_service=lambda _: services),
            docker=SimpleNamespace(containers=everything),
        )

    def url(self, port):
        return f"http://localhost:{port}"


ports = partial(LocalPorts, True)
LEADS, NOTHING = ports(frozenset({8021, 30084})), ports()


@pytest.fixture(autouse=True)
def impatient(monkeypatch):
    monkeypatch.setattr(local_ports, "LATE", 0.8)


def test_the_course_leads_there():
    assert address(Lab(LEADS), 30084) == "http://127.0.0.1:30084"
    assert address(Lab(LEADS), 8021) == "http://127.0.0.1:8021"


def test_an_engine_without_a_forwarder_is_asked_as_the_lesson_does():
    assert address(Lab(None), 30084) == "http://localhost:30084"


def test_a_forwarder_that_is_a_little_late():
    assert address(Lab(NOTHING, NOTHING, NOTHING, LEADS), 30084) == "http://127.0.0.1:30084"


@pytest.mark.parametrize(
    ("state", "said", "todo"),
    [
        (ports(problems={30084: TAKEN}), "Another program, or another course, has localhost:30084", "ss -ltnp"),
        (ports(problems={30084: "bind: permission denied"}), "at localhost:30084: permission denied.", "labs status"),
        (NOTHING, "does not lead localhost:30084 on yet", "Check again"),
        (
            ports(frozenset({30084}), frozenset({30084})),
            "The container web publishes port 30084, so localhost:30084 leads there and to no Service",
            "docker ps",
        ),
    ],
)
def test_whose_answer_it_would_be_is_told(state, said, todo):
    with pytest.raises(CouldNotCheck) as could_not:
        address(Lab(state, containers=[container("web", port=30084)]), 30084)
    assert said in could_not.value.what
    assert "attempting" not in could_not.value.what
    assert todo in could_not.value.todo


@pytest.mark.parametrize(("port", "what"), [(30084, "no node port"), (8021, "no published port")])
def test_a_forwarder_that_does_not_run(port, what):
    lab = Lab(LocalPorts(False), containers=[container("web")], parts=[Component("ports", "failed")])
    with pytest.raises(CouldNotCheck, match=f"ports does not run, so {what} answers"):
        address(lab, port)


def test_published_ports_do_not_hang_on_the_cluster():
    lab = Lab(LEADS, parts=[RUNNING, Component("kube-proxy/node1", "stopped")])
    expect_ports_forwarded(lab, 8021)
    with pytest.raises(CouldNotCheck, match="kube-proxy/node1 does not run"):
        expect_ports_forwarded(lab, 30084)


@pytest.mark.parametrize(
    "lab",
    [
        Lab(ports(problems={30084: TAKEN}), node_port=30085),
        Lab(NOTHING, protocol="UDP"),
        Lab(ports(frozenset({30084}), frozenset({30084})), node_port=None),
    ],
    ids=["another node port", "UDP", "a container's"],
)
def test_what_no_service_wants_is_not_answered_by_the_course(lab):
    assert address(lab, 30084) is None
    with pytest.raises(NotYet, match="an answer at localhost:30084/; observed none"):
        answer(lab, 30084)


@pytest.mark.parametrize(
    "one", [container("web", status="exited"), container("web", host="::"), container("web", port=8022)]
)
def test_what_no_container_publishes_is_not_answered_by_the_course(one):
    assert address(Lab(NOTHING, containers=[one]), 8021) is None


class Hello(BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_response(200)
        self.end_headers()
        self.wfile.write(b"2\n")

    def log_message(self, *_):
        pass


def test_another_programs_answer_does_not_count():
    with ThreadingHTTPServer(("127.0.0.1", 0), Hello) as other:
        Thread(target=other.serve_forever, daemon=True).start()
        port = other.server_port
        try:
            assert port >= local_ports.FIRST_NODE_PORT, "Linux gives such ports by default"
            assert answer(Lab(ports(frozenset({port})), node_port=port), port) == "2\n"
            with pytest.raises(CouldNotCheck, match=f"localhost:{port}"):
                answer(Lab(ports(problems={port: TAKEN}), node_port=port), port)
        finally:
            other.shutdown()


def test_what_the_forwarder_has_written(tmp_path):
    file = tmp_path / "ports.state"
    assert read_local_ports(RUNNING, file) == LocalPorts(True)
    assert read_local_ports(Component("ports", "stopped"), file) == LocalPorts(False)
    file.write_text(json.dumps({"listening": [8021, 30084], "docker": [8021], "problems": {"30051": "in use"}}))
    found = read_local_ports(RUNNING, file)
    assert found == LocalPorts(True, frozenset({8021, 30084}), frozenset({8021}), {30051: "in use"})
    assert read_local_ports(Component("ports", "failed"), file) == LocalPorts(False)
