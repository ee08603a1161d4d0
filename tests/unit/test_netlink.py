"""What the kernel tells of the network is what `ip` tells of it."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys

import pytest

from labs.engines.host import netlink

IP = shutil.which("ip", path=f"{os.environ['PATH']}:/usr/sbin:/sbin")
needs_ip = pytest.mark.skipif(IP is None, reason="there is no `ip` to compare with")


def ip(*words: str) -> list[dict]:
    return json.loads(subprocess.run([IP, "-json", "-4", *words], capture_output=True, check=True).stdout)


def plain(route: dict) -> tuple[str, str, str]:
    """`ip` leaves out a length of 32 and the usual kind."""
    return route["dst"].removesuffix("/32"), route.get("dev", ""), route.get("type", "unicast")


@needs_ip
def test_routes():
    assert sorted(map(plain, netlink.routes())) == sorted(map(plain, ip("route", "show", "table", "all")))


@needs_ip
def test_addresses():
    theirs = [(e["ifname"], i["local"], i["prefixlen"]) for e in ip("address") if e for i in e["addr_info"]]
    ours = [(e["ifname"], i["local"], i["prefixlen"]) for e in netlink.addresses() for i in e["addr_info"]]
    assert sorted(ours) == sorted(theirs)


def test_link_that_is_away():
    with pytest.raises(OSError, match="no interface"):
        netlink.delete_link("no-such-link")


IN_A_NAMESPACE = """
import os, subprocess, sys
from labs.engines.host import netlink
os.environ["PATH"] += ":/usr/sbin:/sbin"
subprocess.run("ip link add one type veth peer name other && ip address add 10.1.2.3/24 dev one && ip link set one up "
               "&& ip route add 10.7.0.0/16 via 10.1.2.9 onlink dev one && ip route add blackhole 10.8.0.0/16",
               shell=True, check=True)
told = {route["dst"]: route for route in netlink.routes()}
assert told["10.7.0.0/16"]["dev"] == "one", told
assert "dev" not in told["10.8.0.0/16"], told
assert netlink.addresses() == [{"ifname": "one", "addr_info": [{"local": "10.1.2.3", "prefixlen": 24}]}]
assert netlink.has_link("one") and not os.path.exists("/sys/class/net/one")  # /sys is the other network's
netlink.delete_link("one")
assert not netlink.has_link("one") and "one" not in subprocess.check_output(["ip", "link"], text=True)
"""


@needs_ip
@pytest.mark.skipif(os.geteuid() != 0, reason="only root makes links")
def test_link_is_taken_away():
    subprocess.run(["unshare", "--net", sys.executable, "-c", IN_A_NAMESPACE], check=True)
