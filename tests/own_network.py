"""Runs a command where localhost is nobody else's: ``python tests/own_network.py COMMAND...``.

In networks of their own, courses whose tests publish the same ports on localhost run side by side. It needs root, and
nothing of the outside is reached from there.
"""

from __future__ import annotations

import ctypes
import os
import sys

from pyroute2 import IPRoute

CLONE_NEWNET = 0x40000000  # linux/sched.h; os.unshare comes with Python 3.12


def main() -> None:
    """Enter the new network, take its loopback up, and become the command."""
    if ctypes.CDLL(None, use_errno=True).unshare(CLONE_NEWNET):
        sys.exit(f"This system gives no network of its own: {os.strerror(ctypes.get_errno())}.")
    with IPRoute() as kernel:
        kernel.link("set", index=kernel.link_lookup(ifname="lo")[0], state="up")
    os.execvp(sys.argv[1], sys.argv[1:])


if __name__ == "__main__":
    main()
