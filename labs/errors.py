"""The errors that the course raises: what happened in one sentence, what to do in another."""

__all__ = [
    "CommandFailed",
    "CouldNotCheck",
    "EngineError",
    "LabsError",
    "NotRunning",
    "NotSupported",
    "NotYet",
    "Timeout",
]


class LabsError(Exception):
    """Base of every error that a learner may see.

    Args:
        what: one sentence that says what happened.
        todo: one sentence that says what to do about it; may be empty.

    Attributes:
        one_line: what a cell shows instead of both where the rest has been shown already; empty for both.
    """

    one_line = ""

    def __init__(self, what: str, todo: str = "") -> None:
        super().__init__(what, todo)
        self.what = what
        self.todo = todo

    def __str__(self) -> str:
        return f"{self.what} {self.todo}".strip()

    @property
    def sentence(self) -> str:
        """What happened, with a full stop also where it ends with a program's own words."""
        return self.what if self.what.endswith((".", "!", "?", "`")) else f"{self.what}."

    def _render_traceback_(self) -> list[str]:
        """IPython's hook: in a notebook an error of ours is its message, without a traceback."""
        return [self.what, *([f"  → {self.todo}"] if self.todo else [])]


class NotRunning(LabsError):
    """No course is up on this machine, or a part of it has ended."""


class NotSupported(LabsError):
    """This engine or this machine cannot do what was asked."""


class EngineError(LabsError):
    """A Docker or Kubernetes component did not do what it was told."""


class CommandFailed(EngineError):
    """A program that an engine ran ended with an error.

    Args:
        argv: the program and its arguments.
        returncode: its exit status.
        output: what it printed, standard error included.
    """

    def __init__(self, argv: list[str], returncode: int, output: str, todo: str = "") -> None:
        last = next((line for line in reversed(output.strip().splitlines()) if line.strip()), "nothing printed")
        super().__init__(f"`{' '.join(argv[:3])} ...` ended with status {returncode}: {last.strip()}", todo)
        self.argv, self.returncode, self.output = argv, returncode, output


class Timeout(LabsError):
    """A condition did not come true in time."""


class NotYet(LabsError):
    """An exercise is not solved yet.

    Args:
        expected: what the check looks for.
        observed: what it found instead.
        try_: one thing to look at or to do.
    """

    def __init__(self, expected: str, observed: str, try_: str = "") -> None:
        super().__init__(f"expected {expected}; observed {observed}.", try_)
        self.expected, self.observed, self.try_ = expected, observed, try_


class CouldNotCheck(LabsError):
    """A check could not reach the engine, so it says nothing about the answer."""
