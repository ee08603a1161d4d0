"""Whether this system lets root make what the engine `host` is made of, tried out for real; nothing of it stays."""

from __future__ import annotations

import os
import subprocess
from dataclasses import dataclass
from pathlib import Path

from labs.engines.runtime.privileges import as_root
from labs.engines.runtime.state import SYSTEM_STATE

__all__ = ["Trial", "attempt"]

SCRIPT = Path(__file__).with_name("trial.sh")
SECONDS = 20
NOUNS = {
    "namespaces": "this system refuses new namespaces",
    "links": "this system makes no links between network namespaces",
    "overlay": "this system mounts no overlay file system",
}
MODULES = {"links": "veth bridge", "overlay": "overlay"}
REFUSALS = ("operation not permitted", "permission denied")


@dataclass(frozen=True)
class Trial:
    """What the trial has shown.

    Attributes:
        fault: what could not be made: ``namespaces``, ``links`` or ``overlay``; empty when all could.
        words: what the system said to that.
        links: whether links were tried; that needs the program `ip`.
    """

    fault: str = ""
    words: str = ""
    links: bool = True

    @property
    def is_refused(self) -> bool:
        """Whether the system may be able to, but does not let us."""
        return any(words in self.words.lower() for words in REFUSALS)

    @property
    def sentence(self) -> str:
        """The fault in words, with the system's own, as a sentence without its full stop."""
        return f"{NOUNS[self.fault]} ({self.words})"

    @property
    def excuse(self) -> str:
        """The end of such a sentence: where this is so."""
        return ", as in a container without --privileged" if self.is_refused else ""

    @property
    def todo(self) -> str:
        """What helps; empty when there is no fault."""
        if not self.fault:
            return ""
        if not self.is_refused and self.fault in MODULES:
            return f"sudo modprobe {MODULES[self.fault]}"
        return "labs up --engine usermode   # or start this container with --privileged"


def attempt() -> Trial:
    """Make namespaces, links between them and an overlay file system, with root's rights.

    Raises:
        NotSupported: we are not root and cannot become it, or this is not Linux.
    """
    folder = next(each for each in (SYSTEM_STATE, *SYSTEM_STATE.parents) if each.is_dir())
    if os.environ.get("LABS_STATE"):
        state = Path(os.environ["LABS_STATE"]).expanduser().absolute()
        folder = next(each for each in (state, *state.parents) if each.is_dir())
    command = as_root(["sh", str(SCRIPT), str(folder)])
    try:
        done = subprocess.run(
            command,
            capture_output=True,
            encoding="utf-8",
            errors="replace",
            timeout=SECONDS,
            check=False,
            stdin=subprocess.DEVNULL,
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        return Trial("namespaces", str(error))
    tried = done.stdout.split()
    if done.returncode == 0:
        return Trial(links="links" in tried)
    printed = [line.strip() for line in done.stderr.splitlines() if line.strip()]
    return Trial(tried[-1] if tried else "namespaces", printed[-1] if printed else f"status {done.returncode}")
