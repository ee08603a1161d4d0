"""A newer busybox than this system's packages have, for what is broken in those."""

from __future__ import annotations

import tempfile
from pathlib import Path

from labs.engines.programs import catalog, debian_packages, debian_suite
from labs.errors import LabsError

__all__ = ["newer"]


def newer() -> bytes:
    """The program, which needs no library; empty where it cannot be had: there is this system's own to go on with."""
    with tempfile.TemporaryDirectory() as folder:
        try:
            suite = catalog.docker()["suite"]
            debs = debian_suite.download_alone(["busybox-static"], suite, Path(folder, "debs"), "busybox")
            return (debian_packages.unpack_into(Path(folder, "tree"), debs) / "usr/bin/busybox").read_bytes()
        except (LabsError, OSError):
            return b""
