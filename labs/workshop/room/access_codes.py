"""Access codes: short enough to be typed from a sheet of paper, long enough not to be guessed."""

from __future__ import annotations

import hmac
import secrets
import time

__all__ = ["Attempts", "is_code", "new_code"]

LETTERS = "abcdefghjkmnpqrstuvwxyz23456789"
"""Without those that look alike on paper: i, l, o, 0, 1."""


def new_code(groups: int = 2) -> str:
    """A new code.

    Args:
        groups: of four letters; two, such as ``kq7m-x2vd``, are one of 850 thousand million.
    """
    return "-".join("".join(secrets.choice(LETTERS) for _ in range(4)) for _ in range(groups))


def is_code(typed: str, code: str) -> bool:
    """Whether a typed text is the code; capitals, spaces and dashes do not matter. It takes the same time for any text.

    Args:
        typed: what somebody entered.
        code: as `new_code` made it.
    """
    return hmac.compare_digest(_plain(typed).encode(), _plain(code).encode())


def _plain(text: str) -> str:
    return "".join(text.lower().replace("-", "").split())


class Attempts:
    """Recent wrong codes, by name and address.

    Who sits elsewhere is not locked out by somebody who guesses: only the same address has to wait for the same name.

    Args:
        at_most: wrong codes that are taken at once.
        seconds: after which one of them is forgotten.
    """

    def __init__(self, at_most: int = 8, seconds: float = 60) -> None:
        self.at_most, self.seconds = at_most, seconds
        self._failed: dict[tuple[str, str], list[float]] = {}

    def too_many(self, name: str, address: str) -> bool:
        """Whether this address has to wait before it may try a code for this name again."""
        return len(self._recent((name, address))) >= self.at_most

    def failed(self, name: str, address: str) -> None:
        """Note a wrong code."""
        now = time.monotonic()
        for key in [key for key, times in self._failed.items() if now - times[-1] > self.seconds]:
            del self._failed[key]  # a client may send any names and addresses
        self._failed[name, address] = [*self._recent((name, address)), now]

    def _recent(self, key: tuple[str, str]) -> list[float]:
        since = time.monotonic() - self.seconds
        return [moment for moment in self._failed.get(key, []) if moment > since]
