"""What "done" means: one module per lesson, such as `labs.checks.lesson_04`, over the small `labs.checks.core`."""

from labs.checks.core import Check, Clients, all_checks, check, checks_of, clients, expect, find, found, run, settle
from labs.checks.verdict import COULD_NOT_CHECK, NOT_YET, PASSED, Verdict

__all__ = [
    "COULD_NOT_CHECK",
    "NOT_YET",
    "PASSED",
    "Check",
    "Clients",
    "Verdict",
    "all_checks",
    "check",
    "checks_of",
    "clients",
    "expect",
    "find",
    "found",
    "run",
    "settle",
]
