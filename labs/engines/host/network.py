"""The course's own network: a switch in a network namespace; machines, control plane and this host are linked to it.

::

    host ── labs<id> .254 ─┐
    docker     eth0 .2 ────┤ br0 .1 (control plane)
    node1      eth0 .11 ───┤
    node2      eth0 .12 ───┘

On the host there is one link with one address and nothing else: no firewall rule, no forwarding, no other route.
"""

from __future__ import annotations

import ipaddress
import os
from collections.abc import Sequence
from contextlib import suppress

from labs.engines.cluster.addresses import pod_cidr
from labs.engines.host import netlink
from labs.engines.programs.system_programs import find_program
from labs.engines.runtime.command import run
from labs.engines.runtime.processes import Processes
from labs.engines.runtime.state import Record
from labs.errors import CommandFailed, EngineError
from labs.waiting import wait_for

__all__ = ["HOLDER", "Network", "choose_subnet"]

CANDIDATES = [ipaddress.IPv4Network(each) for each in ("10.213.0.0/16", "172.29.0.0/16", "198.18.0.0/16")]
"""Where the course's network may lie; the last is for benchmarks (RFC 2544), which no company's routes cover."""
NODES_AT = 10
HOLDER = "network"
"""The component that keeps the switch's network namespace."""
FORWARD = "echo 1 > /proc/sys/net/ipv4/ip_forward"


def choose_subnet(record: Record) -> str:
    """A /24 that no route and no address of this host overlaps: the recorded one if it is in use or still free.

    Raises:
        EngineError: none is free.
    """
    return _choose(record, netlink.routes(), netlink.addresses())


def _choose(record: Record, routes: Sequence[dict], addresses: Sequence[dict]) -> str:
    """The same from the routes and addresses."""
    link = Network.link_name(record)
    ours = [info["local"] for entry in addresses if entry.get("ifname") == link for info in entry.get("addr_info", [])]
    if record.subnet and any(ipaddress.ip_address(one) in ipaddress.ip_network(record.subnet) for one in ours):
        return record.subnet  # a course that runs keeps its addresses, even if a VPN has brought others since
    taken = [
        ipaddress.ip_network(route["dst"], strict=False)
        for route in routes
        if route["dst"] != "default" and route.get("dev") != link and route.get("type") != "broadcast"
    ]
    taken = [network for network in taken if network.prefixlen > 1]  # two halves are a VPN's way to say default
    taken += [
        ipaddress.ip_network(f"{info['local']}/{info['prefixlen']}", strict=False)
        for entry in addresses
        if entry.get("ifname") != link
        for info in entry.get("addr_info", [])
    ]
    order = [ipaddress.IPv4Network(record.subnet)] if record.subnet else []
    for candidate in CANDIDATES:
        subnets = list(candidate.subnets(new_prefix=24))
        first = int(record.id, 16) % len(subnets)
        order += [*subnets[first:], *subnets[:first]]
    for subnet in order:
        if not any(subnet.overlaps(other) for other in taken):
            return str(subnet)
    raise EngineError(
        f"No free network was found within {', '.join(map(str, CANDIDATES))}.",
        "Remove a route that covers one of them, such as a VPN's, and run `labs up` again.",
    )


class Network:
    """The switch of one course.

    Args:
        record: the course's record, with its subnet.
        processes: the course's processes.
    """

    def __init__(self, record: Record, processes: Processes) -> None:
        self.record, self.processes = record, processes

    @staticmethod
    def link_name(record: Record) -> str:
        """The name of the only link that the course makes on the host."""
        return f"labs{record.id}"

    def address(self, number: int) -> str:
        """The address with this number in the course's subnet."""
        return str(ipaddress.ip_network(self.record.subnet)[number])

    @property
    def control_plane(self) -> str:
        return self.address(1)

    @property
    def host(self) -> str:
        return self.address(254)

    @property
    def docker(self) -> str:
        return self.address(2)

    def node(self, index: int) -> str:
        """The address of a node; ``index`` counts from 1."""
        return self.address(NODES_AT + index)

    def enter(self) -> list[str]:
        """The command that runs another one in the switch's network namespace."""
        pid = self.processes.component(HOLDER).pid
        if pid is None:
            raise EngineError("The course's network is down.", "`labs up` starts it.")
        return [find_program("nsenter"), f"--net=/proc/{pid}/ns/net", "--"]

    def start(self) -> bool:
        """Make the switch and the host's link to it, unless they exist; return whether they are new."""
        link = self.link_name(self.record)
        if self.processes.component(HOLDER).state == "running":
            if self.control_plane in self._batch(["address show"]) and netlink.has_link(link):
                self._raise_link(link)  # a start that was killed may have made it and no more
                return False
            self.processes.stop(HOLDER)
        if netlink.has_link(link):
            with suppress(OSError):  # it has just gone with the other end
                netlink.delete_link(link)
        self.processes.start(HOLDER, ["sleep", "infinity"], via=[find_program("unshare"), "--net", "--"])
        wait_for(self._is_apart, timeout=5, what="the course's network namespace", interval=0.01)
        self._batch(
            [
                "link set lo up",
                "link add br0 type bridge",
                f"address add {self.control_plane}/24 dev br0",
                "link set br0 up",
                f"link add host type veth peer name {link} netns {os.getpid()}",
                "link set host master br0",
                "link set host up",
            ]
        )
        self._raise_link(link)
        return True

    def _raise_link(self, link: str) -> None:
        try:
            commands = f"address replace {self.host}/24 dev {link}\nlink set {link} up\n"
            run([find_program("ip"), "-batch", "-"], input=commands)
        except CommandFailed as error:
            raise EngineError(
                f"This host's link to the course's network could not be made: {error.what}", "Run `labs doctor`."
            ) from error

    def attach(self, pid: int, name: str, address: str) -> None:
        """Give a machine a link to the switch and a default route, unless it has them.

        Args:
            pid: the machine's first process.
            name: the machine's name.
            address: its address.
        """
        port = f"to-{name}"
        inside = [find_program("nsenter"), f"--net=/proc/{pid}/ns/net", "--"]
        has_port = f"{port}@" in self._batch(["link show"])
        has_link = "eth0@" in run([*inside, find_program("ip"), "-brief", "link", "show"])
        if has_port and has_link:
            if "default" in run([*inside, find_program("ip"), "-4", "route", "show"]):  # what is made last
                return
        else:
            # one end alone is of a network or machine that has ended; under load the kernel takes it away much later,
            # or just now
            with suppress(CommandFailed):
                if has_link:
                    run([*inside, find_program("ip"), "link", "delete", "eth0"])
                if has_port:
                    self._batch([f"link delete {port}"])
            self._batch(
                [
                    f"link add {port} type veth peer name eth0 netns {pid}",
                    f"link set {port} master br0",
                    f"link set {port} up",
                ]
            )
        commands = [
            "link set lo up",
            f"address replace {address}/24 dev eth0",
            "link set eth0 up",
            f"route replace default via {self.control_plane}",
        ]
        run([*inside, find_program("ip"), "-batch", "-"], input="\n".join(commands) + "\n")
        run([*inside, "sh", "-c", FORWARD])

    def route_pods(self, nodes: Sequence[int]) -> None:
        """Lead to every node's pods from the control plane and from the other machines, which go through it."""
        self._batch([f"route replace {pod_cidr(i)} via {self.node(i)}" for i in nodes])
        run([*self.enter(), "sh", "-c", FORWARD])

    @property
    def load_balancers(self) -> str:
        """The addresses that Services of type LoadBalancer get, as a network."""
        return str(list(ipaddress.ip_network(self.record.subnet).subnets(new_prefix=26))[2])

    def take_load_balancers(self, pid: int) -> None:
        """Have a machine take what is sent to the addresses of LoadBalancers; what kube-proxy knows goes on from there.

        Args:
            pid: the machine's first process.
        """
        route = f"route replace local {self.load_balancers} dev lo"
        run([find_program("nsenter"), f"--net=/proc/{pid}/ns/net", "--", find_program("ip"), *route.split()])

    def _is_apart(self) -> bool:
        pid = self.processes.component(HOLDER).pid
        return pid is not None and os.stat(f"/proc/{pid}/ns/net").st_ino != os.stat("/proc/self/ns/net").st_ino

    def _batch(self, commands: Sequence[str]) -> str:
        return run([*self.enter(), find_program("ip"), "-batch", "-"], input="\n".join(commands) + "\n")
