"""Ports that containers publish, or would if they ran."""

from __future__ import annotations

from types import SimpleNamespace

import pytest

from labs.checks.readers import docker_ports
from labs.checks.readers.docker_containers import bindings
from labs.errors import NotYet


def container(wanted: str, actual: str = "", *, status: str = "exited") -> SimpleNamespace:
    attrs = {
        "HostConfig": {"PortBindings": {"80/tcp": [{"HostIp": "", "HostPort": wanted}]}},
        "NetworkSettings": {"Ports": {"80/tcp": [{"HostIp": "0.0.0.0", "HostPort": actual}]} if actual else {}},
        "State": {"Status": status, "ExitCode": 0},
    }
    return SimpleNamespace(name="page", status=status, attrs=attrs, logs=lambda **_: b"", reload=lambda: None)


@pytest.mark.parametrize(
    ("wanted", "actual", "ports"),
    [
        ("8022", "", {8022}),
        ("8022-8024", "", {8022, 8023, 8024}),  # ended: it has none of them, and would get one
        ("8022-8024", "8023", {8023}),
        ("", "", {0}),
        ("", "32768", {32768}),
    ],
)
def test_port_range_empty_or_ended(wanted, actual, ports):
    assert set(bindings(container(wanted, actual))) == {(80, port) for port in ports}


def test_ended_container_with_a_range_of_ports_is_told_in_a_sentence(monkeypatch):
    monkeypatch.setattr(docker_ports, "containers", lambda lab: [container("8020-8030")])
    with pytest.raises(NotYet) as caught:
        docker_ports.publishing(SimpleNamespace(), 8023)
    assert "container page ended with status 0" in str(caught.value)
