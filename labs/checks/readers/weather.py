"""What checks read of the side project's programs: the store, the front and the producer of readings."""

from __future__ import annotations

import json
import urllib.error
import urllib.request
from http.client import HTTPException
from typing import Any

from labs.checks.context import CheckContext
from labs.checks.core import expect
from labs.checks.readers.configuration import expect_taken, older, variables
from labs.checks.readers.containers import Program
from labs.checks.readers.local_ports import address, expect_ports_forwarded
from labs.checks.readers.services import answer
from labs.checks.readers.workloads import name_of
from labs.errors import NotYet

__all__ = ["FIELDS", "FOLDER", "FRONT", "IMAGE", "PRODUCER", "RESTART", "STORE", "expect_setting", "post_status"]

IMAGE, FOLDER = "weather:1", "/etc/weather"
FRONT, STORE, PRODUCER = Program(IMAGE, "front", is_default=True), Program(IMAGE, "store"), Program(IMAGE, "producer")
RESTART = "A container gets its variables once, when it starts. `kubectl rollout restart --help`"
FIELDS = "`kubectl get deployment {} -o yaml`: look at `env`, `envFrom` and `volumeMounts`."


def expect_setting(lab: CheckContext, port: int, front: Any, setting: str, wanted: str, *, origin: str) -> bool:
    """A front has a setting, from its environment; else the verdict says where the way ends.

    Args:
        lab: the lesson's lab.
        port: the front's, on localhost.
        front: its Deployment.
        setting: ``"title"`` or ``"unit"``.
        wanted: its value.
        origin: the ConfigMap that it comes from.

    Returns:
        True.

    Raises:
        NotYet: it has not.
    """
    text = answer(lab, port, "/settings")
    try:
        seen = str(json.loads(text)[setting])
    except (ValueError, TypeError, KeyError):
        raise NotYet(
            f"the front's settings at localhost:{port}/settings", repr(text[:60]), "Which program runs?"
        ) from None
    variable = setting.upper()
    taken = variables(lab, front, FRONT)
    source = taken.get(variable)
    if seen == f"{wanted} (environment)" and source:
        expect_taken(front, variable, source)
        if source.value == wanted:
            expect(
                source.name == origin,
                expected=f"{variable} from the ConfigMap {origin}",
                observed=str(source),
                try_=FIELDS.format(name_of(front)),
            )
            return True
    name = name_of(front)
    if not taken:
        why, try_ = "; the container has neither env nor envFrom", FIELDS.format(name)
    elif not source:
        why = f"; the container's variables are {', '.join(sorted(taken))}, and none is {variable}"
        try_ = "A variable is called as in the container's `env`, or with `envFrom` as the key; capitals count."
    elif source.value != wanted:
        why, try_ = f"; {variable} is {source}, which says {source.value!r}", "`kubectl describe configmap` shows keys."
    elif not seen.endswith(("(argument)", "(file)")) and older(lab, front, source, FRONT):
        why, try_ = f"; {source} says {wanted}, but the pod started before that was changed", RESTART
    else:
        why, try_ = "", "Section 1 tells in which order the programs look for a setting."
    raise NotYet(f"{setting}: {wanted} (environment)", f"{setting}: {seen}{why}", try_)


def post_status(lab: CheckContext, port: int, token: str = "") -> int:
    """The status that a store gives to a POST, under a path that no reading has.

    Args:
        lab: the lesson's lab.
        port: on localhost.
        token: sent with it; none when empty.

    Raises:
        NotYet: nothing answers.
        CouldNotCheck: as `answer`.
    """
    answer(lab, port, "/healthz")
    expected, try_ = f"an answer at localhost:{port}", "`kubectl get pods` shows whether it runs."
    base = address(lab, port)
    if base is None:
        raise NotYet(expected, "none", try_)
    headers = {"Authorization": f"Bearer {token}"} if token else {}
    request = urllib.request.Request(f"{base}/checks", b"checked", headers)
    try:
        with urllib.request.build_opener(urllib.request.ProxyHandler({})).open(request, timeout=5) as reply:
            return reply.status
    except urllib.error.HTTPError as error:
        return error.code
    except (OSError, HTTPException) as error:
        expect_ports_forwarded(lab, port)
        raise NotYet(expected, "none", try_) from error
