"""The course's network lies where nothing of the user's does, and stays there while it is in use."""

from __future__ import annotations

import ipaddress

import pytest

from labs.engines.host.network import Network, _choose
from labs.engines.runtime.state import Record
from labs.errors import EngineError


def routes(*networks: str) -> list[dict]:
    return [{"dst": "default", "dev": "eth0"}, *({"dst": network, "dev": "tun0"} for network in networks)]


def chosen(record: Record, *networks: str, addresses=()) -> ipaddress.IPv4Network:
    return ipaddress.ip_network(_choose(record, routes(*networks), addresses))


def test_free_one_is_chosen_and_kept():
    record = Record(name="trial")
    record.subnet = str(chosen(record))
    assert record.subnet.startswith("10.213.")
    assert str(chosen(record)) == record.subnet


@pytest.mark.parametrize("taken", [["10.0.0.0/8"], ["10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16"]])
def test_way_around_a_companys_routes(taken):
    found = chosen(Record(name="trial"), *taken)
    assert not any(found.overlaps(ipaddress.ip_network(one)) for one in taken)


def test_vpn_that_takes_everything_is_a_default_route():
    assert chosen(Record(name="trial"), "0.0.0.0/1", "128.0.0.0/1").prefixlen == 24


def test_course_that_runs_keeps_its_network_when_a_vpn_comes():
    record = Record(name="trial", subnet="10.213.7.0/24")
    link = {"ifname": Network.link_name(record), "addr_info": [{"local": "10.213.7.254", "prefixlen": 24}]}
    assert str(chosen(record, "10.0.0.0/8", addresses=[link])) == record.subnet
    assert str(chosen(record, "10.0.0.0/8")) != record.subnet


def test_no_network_is_free():
    with pytest.raises(EngineError, match="No free network") as caught:
        chosen(Record(name="trial"), "10.0.0.0/8", "172.16.0.0/12", "198.0.0.0/8")
    assert "VPN" in caught.value.todo
