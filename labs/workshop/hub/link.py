"""A learner's link to the course's network: a cable of its own to the switch's host, not a port of the switch.

::

    this host ── br0 .254      seat1 ══ eth0 .101   (a learner's machine)
    nodes     ── br0 .11 ...   seat2 ══ eth0 .102
    control plane  br0 .1

Root in a machine may give it any address. On a cable of its own that has no effect: packets from any other address
than the learner's are dropped, and the way leads to the API server, the nodes, the registry and this host only: neither
to another learner nor to what a published port of theirs serves.
"""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress

from labs.engines.host.network import FORWARD, Network
from labs.engines.programs.system_programs import find_program
from labs.engines.runtime.command import run
from labs.errors import CommandFailed

__all__ = ["address", "connect"]

FIRST_ADDRESS = 100
TABLE = 100


def address(network: Network, number: int) -> str:
    """A learner's address.

    Args:
        number: of the learner's account (`labs.workshop.hub.accounts.Account`).
    """
    return network.address(FIRST_ADDRESS + number)


def connect(network: Network, number: int, pid: int, nodes: Sequence[str]) -> None:
    """Lay the cable to a machine that has just been made.

    Args:
        network: the course's.
        number: of the learner's account (`labs.workshop.hub.accounts.Account`).
        pid: the machine's first process.
        nodes: the nodes' addresses.

    Raises:
        CommandFailed: a command of `ip` has failed.
    """
    port, mine, switch = f"learner{number}", address(network, number), network.enter()
    reached = [network.docker, network.host, *nodes]
    with suppress(CommandFailed):  # one of a machine that has ended; under load the kernel takes it away much later
        run([*switch, find_program("ip"), "link", "delete", port])
    with suppress(CommandFailed):
        run([*switch, find_program("ip"), "rule", "delete", "iif", port])
    commands = [
        f"link add {port} type veth peer name eth0 netns {pid}",
        f"link set {port} up",
        f"route replace {mine}/32 dev {port}",
        *(f"route replace {each}/32 dev br0 table {TABLE}" for each in reached),
        f"route replace prohibit default table {TABLE}",
        f"rule add iif {port} lookup {TABLE}",
    ]
    run([*switch, find_program("ip"), "-batch", "-"], input="\n".join(commands) + "\n")
    settings = {f"conf/{port}/rp_filter": 1, "conf/br0/proxy_arp": 1, "neigh/br0/proxy_delay": 0}
    script = [FORWARD, *(f"echo {value} > /proc/sys/net/ipv4/{name}" for name, value in settings.items())]
    run([*switch, "sh", "-ec", "\n".join(script)])
    inside = [find_program("nsenter"), f"--net=/proc/{pid}/ns/net", "--"]
    commands = [
        "link set lo up",
        f"address replace {mine}/32 dev eth0",
        "link set eth0 up",
        f"route replace {network.control_plane} dev eth0",
        f"route replace default via {network.control_plane} dev eth0",
    ]
    run([*inside, find_program("ip"), "-batch", "-"], input="\n".join(commands) + "\n")
    run([*inside, "sh", "-ec", f"{FORWARD}\necho 1 > /proc/sys/net/ipv4/conf/eth0/route_localnet"])
