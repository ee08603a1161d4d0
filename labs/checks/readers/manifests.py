"""What checks read of definition files, and what the API server says of them."""

from __future__ import annotations

import json
import re
import subprocess
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

from labs.checks.context import CheckContext
from labs.checks.core import clients, expect
from labs.checks.readers.workloads import name_of
from labs.errors import CouldNotCheck, NotYet
from labs.explain.base import AGAIN
from labs.kube.kubectl import kubectl_for, own_settings
from labs.kube.object_diff import differences, spec_of

__all__ = [
    "declared_in",
    "expect_accepted",
    "expect_nothing_to_do",
    "expect_reached",
    "objects_of",
    "read_text",
    "run_kubectl",
]

ASKED, PATIENCE = "-asked", 10  # a name's ending; seconds
OBJECTS = "`name` is indented below `metadata`; a line `---` separates objects."
NOT_REACHED = re.compile(
    r"dial tcp|connection refused|connection reset|i/o timeout|handshake timeout|Client\.Timeout|unexpected EOF"
    r"|memcache\.go|Unable to connect to the server|ServiceUnavailable|currently unable to handle|etcdserver"
)
STDIN = '"STDIN": '  # where kubectl begins to quote the server


def read_text(path: Path, expected: str, try_: str) -> str:
    """A file's text; what is not UTF-8 in it is replaced. Raises NotYet when there is none."""
    try:
        return path.read_text(encoding="utf-8", errors="replace")
    except OSError as error:
        raise NotYet(expected, f"no file {path.name} in {path.parent}", try_) from error


def declared_in(lab: CheckContext, path: Path) -> dict[str, dict[str, Any]]:
    """The objects that a file declares, each under its kind and name, as ``kubectl apply -f`` reads it.

    Kind List is opened, and an object without a namespace gets the lesson's.

    Args:
        lab: the lesson's lab.
        path: the file.

    Raises:
        NotYet: there is no such file, or kubectl does not understand it.
        CouldNotCheck: the API server does not answer.
    """
    text = read_text(path, f"a file {path.name} in `folder`", f"A cell `%%writefile {{folder}}/{path.name}` writes it.")
    done = run_kubectl(lab, "create", "--dry-run=client", "--validate=false", "-o=json", f"-f={path}")
    if done.returncode and "no objects passed to" not in done.stderr:
        raise _not_understood(lab, path, text, done.stderr.strip().replace(str(path), path.name))
    objects = list(objects_of(done.stdout))
    for item in objects:
        expect(
            item.get("kind") and (item.get("metadata") or {}).get("name"),
            expected=_objects_in(path),
            observed=str(item)[:80],
            try_=OBJECTS,
        )
    return {f"{item['kind']} {item['metadata']['name']}": item for item in objects}


def _objects_in(path: Path) -> str:
    return f"objects in {path.name}, each with apiVersion, kind, and a name in its metadata"


def objects_of(text: str) -> Iterator[dict[str, Any]]:
    """The objects that kubectl prints as JSON, one after the other or as a List. Args: ``text``, what it printed."""
    decoder, rest = json.JSONDecoder(), text.strip()
    while rest:
        item, end = decoder.raw_decode(rest)
        rest = rest[end:].lstrip()
        yield from item["items"] if item.get("kind") == "List" else [item]


def _not_understood(lab: CheckContext, path: Path, text: str, said: str) -> NotYet:
    """Why kubectl does not understand a file. PyYAML only says more exactly where, when it stumbles as well."""
    import yaml

    if "error parsing" in said:
        words, line = said.rpartition("yaml: ")[2], ""
        try:
            list(yaml.compose_all(text, Loader=yaml.BaseLoader))
        except yaml.YAMLError as error:
            mark = getattr(error, "problem_mark", None)
            words, line = getattr(error, "problem", None) or words, f" (line {mark.line + 1})" if mark else ""
        todo = "Look at that line and at the one above it: the indentation, a tab, a colon."
        return NotYet(f"YAML in {path.name}", f"{words}{line}", todo)
    if "unable to decode" in said:
        with suppress(yaml.YAMLError):
            for document in yaml.load_all(text, Loader=yaml.BaseLoader):
                metadata = document.get("metadata") if isinstance(document, dict) else None
                if document and not (isinstance(metadata, dict) and document.get("kind") and metadata.get("name")):
                    return NotYet(_objects_in(path), str(document)[:80], OBJECTS)
        return NotYet(_objects_in(path), f"kubectl says: {said}", OBJECTS)
    expect_reached(lab, said)
    return NotYet(f"objects in {path.name} that the API server takes", f"it says: {said}", _todo(said))


def expect_accepted(lab: CheckContext, item: dict[str, Any], source: str) -> None:
    """The API server would take a definition in the lesson's namespace; else the verdict says what it objects to."""
    place = item["metadata"].get("namespace", lab.namespace)
    expect(
        place == lab.namespace,
        expected=f"the {item['kind']} {item['metadata']['name']} in the namespace {lab.namespace}",
        observed=f"{source} asks for the namespace {place}",
        try_=f"Without `namespace` in its metadata, an object goes to {lab.namespace}.",
    )
    _asked(lab, item, source)


def _asked(lab: CheckContext, item: dict[str, Any], source: str) -> dict[str, Any]:
    """What the API server would store for a definition. `kubectl` asks, so that a refusal reads as the learner's.

    It asks under another name, which need not be free.
    """
    named = {**item, "metadata": {**item["metadata"], "name": f"{item['metadata']['name']}{ASKED}"}}
    done = run_kubectl(
        lab,
        "create",
        "--dry-run=server",
        "--validate=strict",
        "-o=json",
        "-f=-",
        f"--namespace={lab.namespace}",
        stdin=json.dumps(named),
    )
    if done.returncode == 0:
        return json.loads(done.stdout)
    said = done.stderr.strip().replace(ASKED, "")
    expect_reached(lab, said)
    raise NotYet(
        f"a {item['kind']} in {source} that the API server takes",
        f"it says: {said.partition(STDIN)[2] or said}",
        _todo(said),
    )


def run_kubectl(lab: CheckContext, *arguments: str, stdin: str | None = None) -> subprocess.CompletedProcess[str]:
    """Run kubectl as the lesson does, with none of the user's settings; who asks looks at its exit status.

    Args:
        lab: the lesson's lab.
        arguments: its words.
        stdin: what it reads.
    """
    return subprocess.run(
        [*kubectl_for(lab.kubeconfig), *arguments, f"--request-timeout={PATIENCE}s"],
        input=stdin,
        env=own_settings(),
        capture_output=True,
        encoding="utf-8",
        errors="replace",
        check=False,
    )


def expect_reached(lab: CheckContext, said: str) -> None:
    """What kubectl complains of is the answer of an API server that works, not that there is none.

    Raises:
        CouldNotCheck: no server answered kubectl.
        Exception: nor does it answer the client now.
    """
    clients(lab).core.read_namespace(lab.namespace)
    if NOT_REACHED.search(said):
        raise CouldNotCheck("The API server did not answer kubectl.", AGAIN)


def _todo(said: str) -> str:
    if ("cannot unmarshal number" in said and "type string" in said) or "cannot unmarshal bool" in said:
        return "It wants a text there, and found something else: what do quotes say?"
    if "cannot unmarshal string" in said:
        return "It wants a number there, and found a text: what do quotes say?"
    return "Go to the place it names. `kubectl explain` shows which field belongs where, and its type."


def expect_nothing_to_do(
    lab: CheckContext, item: dict[str, Any], live: Any, source: str, *, where: str = "the file", try_: str = ""
) -> None:
    """All that a definition says, the cluster has. What it does not mention does not count: so ``kubectl apply``.

    Args:
        lab: the lesson's lab.
        item: the definition.
        live: the object.
        source: what a verdict calls the place of the definition.
        where: the same in one word, beside a field's value.
        try_: what to try when they differ.

    Raises:
        NotYet: they differ; the verdict names the first fields.
    """
    wanted = spec_of(_asked(lab, item, source))
    wanted["metadata"].pop("name")
    found_differences = [d for d in differences(wanted, spec_of(live)) if d[1] is not None]
    expect(
        not found_differences,
        expected=f"the {item['kind']} {name_of(live)} as {source} has it",
        observed="; ".join(f"{path}: {there}, in {where} {said}" for path, said, there in found_differences[:3]),
        try_=try_ or "`kubectl diff -f` of the file shows it, too. Which of the two is right?",
    )
