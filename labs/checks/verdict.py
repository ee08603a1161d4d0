"""What a check found, as text and as HTML. The same state gives the same bytes: no times, no ids."""

from __future__ import annotations

from dataclasses import asdict, dataclass, replace
from html import escape

from labs.errors import CouldNotCheck, LabsError, NotYet

__all__ = ["COULD_NOT_CHECK", "NOT_YET", "PASSED", "Verdict"]

PASSED, NOT_YET, COULD_NOT_CHECK = "passed", "not yet", "could not check"

_MARK = {PASSED: "✔", NOT_YET: "✘", COULD_NOT_CHECK: "⚠"}
# JupyterLab's own colours, so that both of its themes work; the fallbacks are for other front ends.
_COLOUR = {
    PASSED: "var(--jp-success-color1, #2e7d32)",
    NOT_YET: "var(--jp-warn-color1, #b26a00)",
    COULD_NOT_CHECK: "var(--jp-error-color1, #c62828)",
}


@dataclass(frozen=True)
class Verdict:
    """What a check found.

    Attributes:
        check_id: such as ``ex-04-1``.
        title: what the exercise asks for, as a noun: "A Deployment with three ready replicas".
        status: ``passed``, ``not yet`` or ``could not check``.
        expected: what the check looks for; empty when passed.
        observed: what it found instead; for ``could not check``, what went wrong.
        try_: one thing to look at or to do.
        why: why the solution works; shown when passed.
    """

    check_id: str
    title: str
    status: str
    expected: str = ""
    observed: str = ""
    try_: str = ""
    why: str = ""

    @property
    def passed(self) -> bool:
        return self.status == PASSED

    @property
    def headline(self) -> str:
        """One line without details."""
        return f"{_MARK[self.status]} {self.check_id} {self.status}: {self.title}"

    def without_cause(self, symptom: str) -> Verdict:
        """The same where finding the cause is the exercise.

        Args:
            symptom: what shows that it is not solved, completing "observed ...".
        """
        return replace(
            self,
            expected=f"{self.title[:1].lower()}{self.title[1:]}",
            observed=symptom,
            try_="Look for the cause yourself: what do `get`, `describe`, `inspect` and `logs` show? "
            "Checked once more without a change, this says what was seen.",
        )

    def error(self) -> LabsError | None:
        """The error that stands for this verdict in a program; None when passed."""
        if self.passed:
            return None
        if self.status == COULD_NOT_CHECK:
            return CouldNotCheck(self.observed, self.try_)
        return NotYet(self.expected, self.observed, self.try_)

    def as_dict(self) -> dict[str, str]:
        """The same as plain JSON values."""
        return asdict(self)

    def __str__(self) -> str:
        return "\n".join([self.headline, *(f"  {label:<8}  {text}" for label, text in self._details())])

    __repr__ = __str__

    def _details(self) -> list[tuple[str, str]]:
        details = [("expected", self.expected), ("observed", self.observed), ("try", self.try_)]
        if self.passed:
            details = [("why", self.why)]
        elif self.status == COULD_NOT_CHECK:
            details = [("because", self.observed), ("try", self.try_)]
        return [(label, text) for label, text in details if text]

    def _repr_html_(self) -> str:
        rows = "".join(
            f"<tr><td style='text-align:left;vertical-align:top;opacity:.75'>{label}</td>"
            f"<td style='text-align:left;white-space:pre-wrap'>{_inline(text)}</td></tr>"
            for label, text in self._details()
        )
        details = f"<table style='margin:.3em 0 0 0'>{rows}</table>" if rows else ""
        return (
            f"<div role='status' style='border-left:.3em solid {_COLOUR[self.status]};padding:.4em .8em'>"
            f"<b>{_MARK[self.status]} {self.status}</b> · {_inline(self.title)} "
            f"<span style='opacity:.6'>{self.check_id}</span>{details}</div>"
        )


def _inline(text: str) -> str:
    """Text as HTML, with `code` in backquotes as code."""
    parts = escape(text).split("`")
    if len(parts) % 2 == 0:
        return "`".join(parts)
    return "".join(f"<code>{part}</code>" if i % 2 else part for i, part in enumerate(parts))
