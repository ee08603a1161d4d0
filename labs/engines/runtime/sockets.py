"""Which process listens on which port, as the kernel reports it."""

from __future__ import annotations

import os
from contextlib import suppress
from pathlib import Path

__all__ = ["listens"]

_LISTEN = "0A"  # a socket's state in /proc/net/tcp, see proc_net_tcp(5)


def listens(pid: int, port: int) -> bool:
    """Whether a process itself listens on a TCP port over IPv4, and not another one that has the same network.

    Args:
        pid: the process; its open files must be readable to us. One that has ended listens on nothing.
        port: its number.
    """
    process = Path(f"/proc/{pid}")
    with suppress(OSError):
        rows = [line.split() for line in (process / "net/tcp").read_text(encoding="utf-8").splitlines()[1:]]
        here = {f"socket:[{row[9]}]" for row in rows if row[1].endswith(f":{port:04X}") and row[3] == _LISTEN}
        for file in os.listdir(process / "fd") if here else ():
            with suppress(FileNotFoundError):  # closed meanwhile
                if os.readlink(process / "fd" / file) in here:
                    return True
    return False
