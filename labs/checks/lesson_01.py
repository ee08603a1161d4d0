"""Checks of lesson 01, infrastructure as code: definition files, and what the cluster has of them."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

from labs.checks.context import CheckContext
from labs.checks.core import check, clients, expect, found, settle
from labs.checks.facts import Kept, Stated, states
from labs.checks.readers.as_made import one_container
from labs.checks.readers.containers import Program, container_of, words_of
from labs.checks.readers.manifests import declared_in, expect_accepted, expect_nothing_to_do, read_text
from labs.checks.readers.pod_containers import expect_environment
from labs.checks.readers.workloads import (
    deployment,
    expect_image,
    expect_ready,
    expect_replicas,
    expect_rolled_out,
    labels_text,
    name_of,
    pod_labels,
)
from labs.errors import NotYet
from labs.kube.object_diff import differences, spec_of

IMAGE = "weather:1"
STATIONS = ("north", "south", "east")
LABEL = "part-of=stations"
LAST_APPLIED = "kubectl.kubernetes.io/last-applied-configuration"
TAGS = "Is there such an image? The lesson built weather:1."


@states(
    Stated("ConfigMap", "store-settings"),
    Stated("ConfigMap", "store-settings", "data.DATA", "/tmp", ("/temp",)),
    Stated("Deployment", "store"),
    Stated("Deployment", "store", "spec.replicas", 1, (2,)),
    Stated("Deployment", "store", "containers.image", "weather:1"),
    Stated("Deployment", "store", "containers.args", "store", ("front",)),
    Stated("Deployment", "store", "labels.app", "store", ("shop",)),
    Stated("Deployment", "store", "labels.tier", "data", ("date",)),
)
@check(
    "ex-01-1",
    title="The store, declared in a file",
    covers=("T2",),
    why="The file says what should be, and the record says the same: applied again, it finds nothing to do.",
)
def check_store_declared(lab: CheckContext) -> None:
    declared = declared_in(lab, lab.folder / "store.yaml")
    missing = {"ConfigMap store-settings", "Deployment store"} - declared.keys()
    expect(
        not missing,
        expected="a ConfigMap store-settings and a Deployment store in store.yaml",
        observed=f"only {', '.join(declared)}" if declared else "no object in it",
        try_="A line `---` separates two objects in one file.",
    )
    for item in declared.values():
        expect_accepted(lab, item, "store.yaml")
    todo = "`kubectl apply -f` of the file tells what becomes of each object."
    store, settings = deployment(lab, "store", todo), _config_map(lab, "store-settings", todo)
    _expect_applied(settings, "ConfigMap")
    _expect_applied(store, "Deployment")
    _expect_data(settings, {"DATA": "/tmp"})
    expect_image(store, IMAGE, TAGS)
    expect_replicas(store, 1, "Change `replicas` in the file, and apply it again.")
    _expect_program(store, "store")
    _expect_labels(store, {"app": "store", "tier": "data"}, declared["Deployment store"])
    expect_rolled_out(lab, "store")
    _expect_not_written(store, "DATA", "store-settings")
    expect_environment(lab, store, {"DATA": "/tmp"}, Program(IMAGE, "store"))
    expect_nothing_to_do(lab, declared["ConfigMap store-settings"], settings, "store.yaml")
    expect_nothing_to_do(lab, declared["Deployment store"], store, "store.yaml")
    expect_ready(lab, "store", 1)


@states(
    Kept("Deployment", "south", {"spec": {"replicas": 3}}),
    Kept("ConfigMap", "south", {"data": {"UNIT": "kelvin"}}),
)
@check(
    "ex-01-2",
    title="The stations, as their file declares them",
    covers=("T2",),
    why="apply changed only what differed from the file. What no file names, only you could find, by its label.",
    symptom="the cluster has something more, less or other than stations.yaml declares",
)
def check_stations_repaired(lab: CheckContext) -> None:
    again = "Run the two cells above the exercise (again): they make the morning."
    were = json.loads(read_text(lab.folder / "before.json", "the stations after their night", again))
    declared = declared_in(lab, lab.folder / "stations.yaml")
    _expect_file_kept(declared, again)
    todo = "`kubectl diff -f` of the file shows what it declares and the cluster has not."
    for name in STATIONS:
        station, settings = deployment(lab, name, todo), _config_map(lab, name, todo)
        _expect_same_object(station, "Deployment", were)
        _expect_same_object(settings, "ConfigMap", were)
        _expect_data(settings, {"UNIT": "celsius"})
        expect_replicas(station, 1)
    settle(lambda: _expect_no_others(lab))
    for name in STATIONS:  # in words of `kubectl diff`
        expect_nothing_to_do(lab, declared[f"ConfigMap {name}"], _config_map(lab, name), "stations.yaml")
        expect_nothing_to_do(lab, declared[f"Deployment {name}"], deployment(lab, name), "stations.yaml")
    for name in STATIONS:
        expect_rolled_out(lab, name)


@states(
    Stated("ConfigMap", "worker-settings"),
    Stated("ConfigMap", "worker-settings", "data.INTERVAL", "5", ("50",)),
    Stated("ConfigMap", "worker-settings", "data.QUIET", "on", ("true",)),
    Stated("Deployment", "worker"),
    Stated("Deployment", "worker", "spec.replicas", 2, (1, 3), "two"),
    Stated("Deployment", "worker", "containers.args", "worker", ("front",)),
    Stated("Deployment", "worker", "labels.app", "worker", ("workers",)),
)
@check(
    "ex-01-3",
    title="The worker's definition, repaired",
    covers=("T2",),
    why="Indentation says where a line belongs, quotes say whether it is text: now the server reads what was meant.",
    symptom="there are no two running pods with both settings, made of files that `kubectl apply` accepts",
)
def check_worker_repaired(lab: CheckContext) -> None:
    try:
        worker = deployment(lab, "worker")
        settings = _config_map(lab, "worker-settings")
    except NotYet as missing:
        _accepted_files(lab)
        todo = "The files in the folder could be applied as they are; have they been?"
        raise NotYet(missing.expected, missing.observed, todo) from missing
    _expect_data(settings, {"INTERVAL": "5", "QUIET": "on"})
    expect_image(worker, IMAGE, TAGS)
    expect_replicas(worker, 2)
    _expect_program(worker, "worker")
    _expect_labels(worker, {"app": "worker"}, _worker_declared(lab))
    expect_rolled_out(lab, "worker")
    expect_environment(lab, worker, {"INTERVAL": "5", "QUIET": "on"}, Program(IMAGE, "worker"))
    expect_ready(lab, "worker", 2)
    _expect_files_repaired(lab, {"ConfigMap": settings, "Deployment": worker})


def _expect_applied(thing: Any, kind: str) -> None:
    fields = thing.metadata.managed_fields or []
    makers = sorted({field.manager for field in fields if field.operation == "Update" and not field.subresource})
    expect(
        LAST_APPLIED in (thing.metadata.annotations or {}) or any(field.operation == "Apply" for field in fields),
        expected=f"the {kind} {name_of(thing)}, made or taken over by `kubectl apply`",
        observed=f"made by an order ({', '.join(makers) or 'nobody knows whose'}), never applied",
        try_="Apply the file; a warning about a missing annotation then only says what happened.",
    )


def _expect_file_kept(declared: dict[str, dict[str, Any]], try_: str) -> None:
    labels = {"metadata": {"labels": {"part-of": "stations"}}}
    for name in STATIONS:
        container = {"name": "weather", "image": IMAGE, "args": ["producer", f"--station={name}"]}
        made = one_container(name, {"station": name}, container)
        kinds = {"ConfigMap": labels | {"data": {"UNIT": "celsius"}}, "Deployment": labels | {"spec": made["spec"]}}
        for kind, parts in kinds.items():
            item = declared.get(f"{kind} {name}", {})
            changed = [d for d in differences(parts, item) if d[1] is not None]
            expect(
                not changed,
                expected=f"stations.yaml as it was, with the {kind} {name}",
                observed="; ".join(f"{path}: {there or 'not in it'}" for path, _, there in changed),
                try_=f"The file was right; bring the cluster to the file, not the file to the cluster. {try_}",
            )


def _expect_same_object(thing: Any, kind: str, were: dict[str, str]) -> None:
    name = f"{kind} {name_of(thing)}"
    expect(
        thing.metadata.uid == were.get(name, thing.metadata.uid),
        expected=f"the {name} that was there in the morning",
        observed=f"another one of that name, made at {thing.metadata.creation_timestamp:%H:%M:%S}: "
        "the first was deleted",
        try_="Run the two cells above the exercise again, and this time change what is there.",
    )


def _expect_no_others(lab: CheckContext) -> bool:
    core, apps = clients(lab).core, clients(lab).apps
    lists = {"Deployment": apps.list_namespaced_deployment, "ConfigMap": core.list_namespaced_config_map}
    others, unlabelled = [], False
    for kind, listed in lists.items():
        for item in listed(lab.namespace).items:
            labelled = (item.metadata.labels or {}).get("part-of") == "stations"
            if (labelled or name_of(item) == "west") and name_of(item) not in STATIONS:
                others.append(f"{kind} {name_of(item)}")
                unlabelled = unlabelled or not labelled
    expect(
        not others,
        expected="no station that stations.yaml does not declare",
        observed=f"also {', '.join(others)}",
        try_="Without its label it is only harder to find: `kubectl get deployments,configmaps` lists all there is."
        if unlabelled
        else f"`kubectl diff` compares only what a file names; `kubectl get ... -l {LABEL}` lists all.",
    )
    return True


def _config_map(lab: CheckContext, name: str, try_: str = "") -> Any:
    return found(
        lambda: clients(lab).core.read_namespaced_config_map(name, lab.namespace),
        expected=f"a ConfigMap {name} in the namespace {lab.namespace}",
        try_=try_ or f"`kubectl get configmaps -n {lab.namespace}` lists yours.",
    )


def _expect_data(settings: Any, wanted: dict[str, str]) -> None:
    data = settings.data or {}
    for key, value in wanted.items():
        expect(
            data.get(key) == value,
            expected=f"{key}: {value!r} in the ConfigMap {name_of(settings)}",
            observed=f"{data[key]!r}"
            if key in data
            else f"no {key} in it ({', '.join(sorted(data)) or 'it is empty'})",
            try_=f"`kubectl get configmap {name_of(settings)} -o yaml` shows its data.",
        )


def _expect_program(item: Any, program: str) -> None:
    arguments = words_of(container_of(item, Program(IMAGE, program)))
    words = [word for argument in arguments for word in argument.split()]
    programs = [word for word in words if not word.startswith("-") and "://" not in word]
    expect(
        any(re.match(rf"(\S*/)?{program}", word) for word in programs),
        expected=f"args: [{program}] in the container of {name_of(item)}",
        observed=f"{arguments}" if arguments else "neither args nor a command: then the image starts the front",
        try_="`args` belongs to the container: the same indentation as `image`.",
    )


def _expect_labels(item: Any, wanted: dict[str, str], declared: dict[str, Any]) -> None:
    """The pods' labels; when the file has them and the cluster has not, it is because a selector cannot be changed."""
    labels, in_file = pod_labels(item), spec_of(declared).get("spec") or {}
    try_ = "Pods get the labels of `spec.template.metadata`, not those of the Deployment itself."
    selector = (in_file.get("selector") or {}).get("matchLabels")
    template = ((in_file.get("template") or {}).get("metadata") or {}).get("labels") or {}
    if wanted.items() <= template.items() and selector != (item.spec.selector.match_labels or {}):
        try_ = (
            "The file is right, but a Deployment's selector cannot be changed: "
            f"`kubectl delete deployment {name_of(item)}`, then apply again."
        )
    expect(
        wanted.items() <= labels.items(),
        expected=f"the labels {labels_text(wanted)} on the pods of {name_of(item)}",
        observed=labels_text(labels),
        try_=try_,
    )


def _worker_files(lab: CheckContext) -> list[Path]:
    """The files that `kubectl apply -f` of the folder takes."""
    return [path for path in sorted((lab.folder / "worker").glob("*")) if path.suffix in {".json", ".yaml", ".yml"}]


def _accepted_files(lab: CheckContext) -> dict[str, tuple[dict[str, Any], str]]:
    """The worker's objects as the files have them, each with its file's name. Raises NotYet: one is still broken."""
    accepted = {}
    for path in _worker_files(lab):
        for name, item in declared_in(lab, path).items():
            expect_accepted(lab, item, path.name)
            accepted[name] = item, path.name
    return accepted


def _expect_files_repaired(lab: CheckContext, objects: Mapping[str, Any]) -> None:
    """The files declare what the cluster has: it is them that were to be repaired.

    Args:
        lab: the lesson's lab.
        objects: those of the cluster, by kind.
    """
    accepted = _accepted_files(lab)
    for kind, live in objects.items():
        name = f"{kind} {name_of(live)}"
        expect(
            name in accepted,
            expected=f"the {name} in a file of the folder worker",
            observed=", ".join(accepted) or "no object in them",
            try_="The cluster has it; the files were to be repaired. The two cells above the exercise write them.",
        )
        expect_nothing_to_do(lab, accepted[name][0], live, accepted[name][1])


def _worker_declared(lab: CheckContext) -> dict[str, Any]:
    """The worker's Deployment as the files have it; empty while they cannot be read."""
    for path in _worker_files(lab):
        with suppress(NotYet):
            if item := declared_in(lab, path).get("Deployment worker"):
                return item
    return {}


def _expect_not_written(item: Any, variable: str, name: str) -> None:
    container = container_of(item, Program(IMAGE, "store"))
    own = [each for each in container.env or [] if each.name == variable]
    expect(
        not any(each.value for each in own),
        expected=f"{variable} taken from the ConfigMap {name}",
        observed=f"{variable} written into the Deployment {name_of(item)}: a second truth beside the ConfigMap",
        try_="`kubectl explain deployment.spec.template.spec.containers.env.valueFrom`",
    )
