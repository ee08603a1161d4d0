"""The commands `labs workshop ...`."""

from __future__ import annotations

import typer

from labs.workshop.serve_command import serve

__all__ = ["app"]

app = typer.Typer(help="For who teaches: many learners at the same time.", no_args_is_help=True)
app.command()(serve)
