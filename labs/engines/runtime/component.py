"""One daemon of an engine, as others see it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

__all__ = ["Component"]


@dataclass(frozen=True)
class Component:
    """One daemon of an engine.

    Attributes:
        name: such as ``kube-apiserver`` or ``kubelet/node1``.
        state: ``running``, ``stopped`` (nobody started it or it was told to stop) or ``failed`` (it ended by itself).
        pid: its process, as the kernel that it runs on counts them; None when it does not run, or elsewhere.
        memory: the bytes of memory that it has, those shared with others included; None where nobody knows.
        argv: the command line it was started with.
        log: the file that it writes to, or None.
        detail: a remark for a person.
    """

    name: str
    state: str
    pid: int | None = None
    argv: Sequence[str] = ()
    log: Path | None = None
    detail: str = ""
    memory: int | None = None

    def as_dict(self) -> dict:
        """The same as plain JSON values."""
        return {k: str(v) if isinstance(v, Path) else v for k, v in asdict(self).items()}
