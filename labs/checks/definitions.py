"""What checks read of definition files, and what the API server says of them."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path
from typing import TYPE_CHECKING, Any

from labs.checks.core import clients, expect
from labs.checks.workloads import name_of
from labs.engines.addons import kubectl_for
from labs.errors import NotYet
from labs.objects import differences, spec_of

if TYPE_CHECKING:
    from labs.lab import Lab

__all__ = ["declared_in", "expect_accepted", "expect_nothing_to_do", "read_text"]

ASKED, PATIENCE = "-asked", 10  # a name's ending; seconds
STDIN = '"STDIN": '  # where kubectl begins to quote the server


def read_text(path: Path, expected: str, try_: str) -> str:
    try:
        return path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise NotYet(expected, f"no file {path.name} in {path.parent}", try_) from error


def declared_in(path: Path) -> dict[str, dict[str, Any]]:
    """The objects that a file declares, each under its kind and name."""
    import yaml

    text = read_text(path, f"a file {path.name} in `folder`", f"A cell `%%writefile {{folder}}/{path.name}` writes it.")
    try:
        documents = [document for document in yaml.safe_load_all(text) if document is not None]
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        raise NotYet(
            f"YAML in {path.name}",
            f"{getattr(error, 'problem', None) or error}{f' (line {mark.line + 1})' if mark else ''}",
            "Look at that line and at the one above it: the indentation, a tab, a colon.",
        ) from error
    for document in documents:
        metadata = document.get("metadata") if isinstance(document, dict) else None
        expect(
            isinstance(metadata, dict) and document.get("kind") and metadata.get("name"),
            expected=f"objects in {path.name}, each with apiVersion, kind, and a name in its metadata",
            observed=str(document)[:80],
            try_="`name` is indented below `metadata`; a line `---` separates objects.",
        )
    return {f"{item['kind']} {item['metadata']['name']}": item for item in documents}


def expect_accepted(lab: Lab, item: dict[str, Any], source: str) -> None:
    """The API server would take a definition in the lesson's namespace; else the verdict says what it objects to."""
    place = item["metadata"].get("namespace", lab.namespace)
    expect(
        place == lab.namespace,
        expected=f"the {item['kind']} {item['metadata']['name']} in the namespace {lab.namespace}",
        observed=f"{source} asks for the namespace {place}",
        try_=f"Without `namespace` in its metadata, an object goes to {lab.namespace}.",
    )
    _asked(lab, item, source)


def _asked(lab: Lab, item: dict[str, Any], source: str) -> dict[str, Any]:
    """What the API server would store for a definition. `kubectl` asks, so that a refusal reads as the learner's.

    It asks under another name, which need not be free.
    """
    named = {**item, "metadata": {**item["metadata"], "name": f"{item['metadata']['name']}{ASKED}"}}
    command = [*kubectl_for(lab.kubeconfig), "create", "--dry-run=server", "--validate=strict", "-o=json", "-f=-"]
    done = subprocess.run(
        [*command, f"--namespace={lab.namespace}", f"--request-timeout={PATIENCE}s"],
        input=json.dumps(named, default=str),
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode == 0:
        return json.loads(done.stdout)
    said = done.stderr.strip().replace(ASKED, "")
    clients(lab).core.read_namespace(lab.namespace)  # is it the server that does not answer?
    raise NotYet(
        f"a {item['kind']} in {source} that the API server takes",
        f"it says: {said.partition(STDIN)[2] or said}",
        _todo(said),
    )


def _todo(said: str) -> str:
    if ("cannot unmarshal number" in said and "type string" in said) or "cannot unmarshal bool" in said:
        return "It wants a text there, and found something else: what do quotes say?"
    if "cannot unmarshal string" in said:
        return "It wants a number there, and found a text: what do quotes say?"
    return "Go to the place it names. `kubectl explain` shows which field belongs where, and its type."


def expect_nothing_to_do(lab: Lab, item: dict[str, Any], live: Any, source: str) -> None:
    """All that a definition says, the cluster has. What it does not mention does not count: so ``kubectl apply``."""
    wanted = spec_of(_asked(lab, item, source))
    wanted["metadata"].pop("name")
    found_differences = [d for d in differences(wanted, spec_of(live)) if d[1] is not None]
    expect(
        not found_differences,
        expected=f"the {item['kind']} {name_of(live)} as {source} has it",
        observed="; ".join(f"{path}: {there}, in the file {said}" for path, said, there in found_differences[:3]),
        try_="`kubectl diff -f` of the file shows it, too. Which of the two is right?",
    )
