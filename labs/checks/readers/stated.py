"""Facts that an exercise states of a container, an image or a Service, whatever else is free."""

from __future__ import annotations

import re
from typing import Any

from labs.checks.core import expect
from labs.checks.readers.containers import command_text, is_image
from labs.checks.readers.workloads import name_of

__all__ = ["expect_container", "expect_type"]


def expect_container(container: Any, where: str, *, image: str, runs: str = "", pattern: str = "") -> None:
    """A container comes from an image, and runs a program.

    Args:
        container: the container, as a pod's spec has it.
        where: what a verdict calls it, such as ``"the container writer"``.
        image: such as ``"labs/shell:1"``.
        runs: the command line that the exercise states; any when empty.
        pattern: what of it must be there, however it is started; ``runs`` itself when empty.

    Raises:
        NotYet: it does not.
    """
    expect(
        is_image(container.image, image),
        expected=f"{where} with the image {image}",
        observed=container.image,
        try_="A container's command and mounts are fixed in a pod: delete the pod, and make it again.",
    )
    words = command_text(container)
    wanted = pattern or rf"(?<![\w./-])(?:/\S*/)?{re.escape(runs)}(?![\w./-])"
    expect(
        not runs or re.search(wanted, words),
        expected=f"{where} to run `{runs}`",
        observed=f"`{words}`" if words else "the image's own program",
        try_="`kubectl explain pod.spec.containers.command`; what runs already can only be made again.",
    )


def expect_type(service: Any, wanted: str) -> None:
    """A Service is of the type that the exercise states. Raises NotYet."""
    expect(
        service.spec.type == wanted,
        expected=f"the Service {name_of(service)} of type {wanted}",
        observed=f"type {service.spec.type}",
        try_="`kubectl explain service.spec.type` lists the types.",
    )
