"""Which Service of type LoadBalancer gets which address."""

from __future__ import annotations

import pytest

from labs.engines.cluster.load_balancer import missing, pool

POOL = ["10.0.0.1", "10.0.0.2", "10.0.0.3"]


def service(name: str, *given: str, kind: str = "LoadBalancer", **spec: str) -> dict:
    status = {"loadBalancer": {"ingress": [{"ip": ip} for ip in given]} if given else {}}
    return {
        "metadata": {"namespace": "default", "name": name},
        "spec": {"type": kind, **spec},
        "status": status,
    }


@pytest.mark.parametrize(
    ("services", "expected"),
    [
        ([service("a")], {"a": "10.0.0.1"}),
        ([service("a", "10.0.0.1"), service("b")], {"b": "10.0.0.2"}),
        ([service("a"), service("b")], {"a": "10.0.0.1", "b": "10.0.0.2"}),
        ([service("a", kind="NodePort"), service("b", kind="ClusterIP")], {}),
        ([service("a", loadBalancerClass="example.com/other")], {}),
        ([service("a"), service("b", loadBalancerIP="10.0.0.1")], {"a": "10.0.0.2", "b": "10.0.0.1"}),
        ([service("a", loadBalancerIP="192.0.2.1")], {}),
        ([service("a", *POOL), service("b")], {}),
        # one that is no LoadBalancer any more, as long as its status says so, has its address
        ([service("a", "10.0.0.1", kind="ClusterIP"), service("b")], {"b": "10.0.0.2"}),
    ],
    ids=["first", "next", "two", "other types", "another's class", "a wish", "a wish outside", "none free", "changed"],
)
def test_who_gets_which(services, expected):
    assert missing(services, POOL) == {("default", name): address for name, address in expected.items()}


def test_no_pool_no_address():
    assert missing([service("a")], []) == {}


def test_pool():
    addresses = pool("10.213.7.128/26")
    assert (addresses[0], addresses[-1], len(addresses)) == ("10.213.7.129", "10.213.7.190", 62)
