"""Checks of lesson 05, ConfigMaps and Secrets."""

from __future__ import annotations

import json
import re
from base64 import b64encode
from functools import partial
from typing import Any

from labs.checks.context import CheckContext
from labs.checks.core import check, expect, settle
from labs.checks.facts import ANY, Free, Kept, Stated, states
from labs.checks.readers.as_made import expect_as_made, one_container
from labs.checks.readers.configuration import command_line, expect_taken, mounts, older, variables
from labs.checks.readers.services import answer, expect_selected, node_port_service
from labs.checks.readers.settings import decoded, expect_hidden, keys_of, settings_object, token_of, value_of
from labs.checks.readers.starting import expect_not_crashing, expect_started, last_line
from labs.checks.readers.stated import expect_type
from labs.checks.readers.weather import (
    FIELDS,
    FOLDER,
    FRONT,
    IMAGE,
    PRODUCER,
    RESTART,
    STORE,
    expect_setting,
    post_status,
)
from labs.checks.readers.workloads import deployment, expect_image, name_of, wait_for_ending_pods
from labs.errors import NotYet

CHANGED = " was changed after the pod had started"
MADE = "The cells above the exercise make it."
THEIRS = "Leave the other team's store alone; run the cells above the exercise again."
HARBOUR = "harbour-42"  # the token of exercise 3's store


@states(
    Stated("ConfigMap", "roof"),
    Stated("ConfigMap", "roof", "data", "Roof", ("roof", "Roof ")),
    Stated("ConfigMap", "roof", "data", "fahrenheit", ("celsius", "Fahrenheit")),
    Stated("Deployment", "roof"),
    Stated("Deployment", "roof", "containers.image", "weather:1"),
    Free("Deployment", "roof", "spec.replicas", 2),
    Stated("Service", "roof"),
    Stated("Service", "roof", "spec.type", "NodePort", ("LoadBalancer",)),
    Stated("Service", "roof", "ports.port", 80, (8080,)),
    Stated("Service", "roof", "ports.targetPort", 8080, (80, 8000)),
    Stated("Service", "roof", "ports.nodePort", 30051, (30059,)),
    Stated("Service", "roof", "spec.selector", others=("front",), text=""),
)
@check(
    "ex-05-1",
    title="A second front, with settings of its own",
    covers=("T6", "D4.5"),
    why="The pod takes the values when it starts; the same image runs with any ConfigMap.",
)
def check_roof_configured(lab: CheckContext) -> None:
    roof = deployment(
        lab,
        "roof",
        f"`kubectl get deployments -n {lab.namespace}` lists yours. If `kubectl apply` refused an `unknown "
        "field`, that field stands too high or too deep in the YAML.",
    )
    expect_image(roof, IMAGE)
    settings_object(lab, "ConfigMap", "roof")
    expect_started(lab, "roof")
    try:
        door = node_port_service(lab, "roof", port=80, target=8080, node_port=30051, workloads=(roof,))
        expect_type(door, "NodePort")
        expect_selected(door, roof)
        for setting, wanted in (("title", "Roof"), ("unit", "fahrenheit")):
            settle(partial(expect_setting, lab, 30051, roof, setting, wanted, origin="roof"))
    except NotYet:
        expect_not_crashing(lab, roof)  # what crashes at once has counted as started for a moment
        raise


@states(
    Stated("Secret", "archive"),
    Stated("Deployment", "archive"),
    Stated("Deployment", "archive", "volumeMounts.mountPath", "/etc/weather", ("/etc/wether", "/etc")),
    Stated("Deployment", "archivist"),
    Stated("Deployment", "gate"),
    Stated("ConfigMap", "gate"),
    Stated("ConfigMap", "gate", "data", ANY, ("<h1>Archive</h1>", "<h1>archive</h1>{count}", "{count}"), "page.html"),
)
@check(
    "ex-05-2",
    title="A store that asks for a token, and a front with a page of its own",
    covers=("T6", "D4.5", "D4.6"),
    why="Both sides take the token from one Secret; the page is a file that no image holds.",
)
def check_archive_closed(lab: CheckContext) -> None:
    archive, archivist, gate = (deployment(lab, name, MADE) for name in ("archive", "archivist", "gate"))
    token = token_of(lab, "archive")
    expect_hidden(lab, "archive", token)
    for item in (archive, archivist):
        expect_started(lab, name_of(item))
    settle(lambda: _expect_closed(lab, archive))
    settle(lambda: _expect_opened(lab, token))
    _expect_arriving(lab, archivist)
    _expect_page(lab, gate)


@states(
    Stated("Deployment", "sensor"),
    Stated("Secret", "sensor"),
    Stated("Secret", "sensor", "data.token", ANY, ("aGFyYm91cg==",), ""),
    Kept("Deployment", "tower", {"spec": {"template": {"spec": {"volumes": None}}}}),
    Kept("Secret", "tower", {"data": {"token": "aGFyYm91cg=="}}),
)
@check(
    "ex-05-3",
    title="The sensor, repaired",
    covers=("T6", "D4.5", "D4.6"),
    why="Each name and key exists, the token is encoded once, and the unit is where the program looks for it.",
    symptom="the sensor's log does not end with a reading from the north, in fahrenheit, that the untouched tower took",
)
def check_sensor_repaired(lab: CheckContext) -> None:
    tower = deployment(lab, "tower", f"Leave it in place. {MADE}")
    sensor = deployment(lab, "sensor", f"Keep it. {MADE}")
    seen = post_status(lab, 30054)
    expect(
        seen == 401,
        expected="the store tower to answer 401 to a POST without token, as before",
        observed=f"status {seen}",
        try_=THEIRS,
    )
    _expect_tower_kept(lab, tower)
    expect_started(lab, "sensor")
    for variable, source in variables(lab, sensor, PRODUCER).items():
        if variable in {"STATION", "UNIT", "TOKEN"}:
            expect_taken(sensor, variable, source)
    for word in command_line(sensor, PRODUCER):
        expect(
            not re.match(r"--(station|unit|token)=(?!\$\()", word),
            expected="station, unit and token in ConfigMaps and Secrets",
            observed=f"the argument {word.partition('=')[0]}=... in the Deployment sensor",
            try_="Take the argument out, and let the program find the setting.",
        )
    settle(lambda: _expect_sending(lab, sensor))
    _expect_received(lab, sensor)


def _expect_closed(lab: CheckContext, archive: Any) -> bool:
    expected = "localhost:30052/readings to answer 401 to a POST without token, with the token as a file"
    seen = post_status(lab, 30052)
    files = ", ".join(mounts(archive, "Secret", "archive", STORE)) or "no path"
    variable = variables(lab, archive, STORE).get("TOKEN")
    expect(
        seen == 401,
        expected=expected,
        observed=f"status {seen}; archive mounts the Secret at {files}",
        try_=f"The program reads the file {FOLDER}/token. {FIELDS.format('archive')}",
    )
    expect(
        files != "no path",
        expected=expected,
        observed=f"401, but archive mounts the Secret at no path{'; it has a variable TOKEN' if variable else ''}",
        try_="`kubectl explain pod.spec.volumes.secret`",
    )
    return True


def _expect_opened(lab: CheckContext, token: str) -> bool:
    seen = post_status(lab, 30052, token)
    expect(
        seen == 201,
        expected="the store archive to take what comes with the Secret's token",
        observed=f"status {seen}: it knows another token",
        try_="After a change of the Secret a mounted folder follows within a minute or two; what else, says section 5.",
    )
    return True


def _expect_arriving(lab: CheckContext, archivist: Any) -> None:
    """The archive's readings become more."""
    wait_for_ending_pods(lab, archivist)  # one that is replaced still sends
    first = len(answer(lab, 30052, "/readings").split())

    def more() -> bool:
        if len(answer(lab, 30052, "/readings").split()) > first:
            return True
        line = last_line(lab, archivist, PRODUCER)
        why = _why_refused(lab, archivist) if "401" in line else ""
        try_ = "`kubectl logs deployment/archivist`, and how a program gets its token."
        sources = variables(lab, archivist, PRODUCER).values()
        told = [*command_line(archivist, PRODUCER), *(str(source.value) for source in sources)]
        if not any("archive:" in word for word in told):
            why, try_ = "; nothing names the archive to it", "Look at the container's `args`: they did before."
        raise NotYet("the archivist's readings to arrive in the archive", f"none; its log says {line!r}{why}", try_)

    settle(more)


def _expect_page(lab: CheckContext, gate: Any) -> None:
    page = value_of(settings_object(lab, "ConfigMap", "gate"), "page.html") or ""
    held = ", ".join(keys_of(settings_object(lab, "ConfigMap", "gate"))) or "none"
    expected = "a ConfigMap gate whose page.html holds <h1>Archive</h1> and {count}"
    expect(
        page, expected=expected, observed=f"its keys: {held}", try_="With `--from-file` a file's name becomes the key."
    )
    lacking = [part for part in ("<h1>Archive</h1>", "{count}") if part not in page]
    expect(not lacking, expected=expected, observed=f"no {' and no '.join(lacking)} in it", try_="Look at its `data`.")
    expect_started(lab, "gate")
    paths = ", ".join(mounts(gate, "ConfigMap", "gate", FRONT)) or "no path"

    def shown() -> bool:
        store = str(json.loads(answer(lab, 30053, "/settings")).get("store"))
        expect(
            "archive" in store,
            expected="gate to show the archive's readings",
            observed=f"it asks {store}",
            try_="Look at the container's `args`: they named the store before.",
        )
        text = answer(
            lab, 30053, "/", "`kubectl logs deployment/gate` tells: a page may hold no braces but known names."
        )
        expect(
            "<h1>Archive</h1>" in text,
            expected="your page at localhost:30053",
            observed=f"{text.strip()[:60]!r}; gate mounts the ConfigMap at {paths}",
            try_=f"The program reads the file page.html in the folder {FOLDER}.",
        )
        return True

    settle(shown)


def _expect_sending(lab: CheckContext, sensor: Any) -> bool:
    """The sensor's last line tells of a reading that the store took, from the north, in fahrenheit."""
    expected = "a line such as `north: sent 68.4` at the end of the sensor's log"
    line = last_line(lab, sensor, PRODUCER)
    refused = _why_refused(lab, sensor, HARBOUR) if "401" in line else ""
    try_ = RESTART if refused.endswith(CHANGED) else "Decode the token once, and look at it."
    expect(not refused, expected=expected, observed=f"{line!r}{refused}", try_=try_)
    sent = expect(
        re.search(r"(\S+): sent ([-.\d]+)", line),
        expected=expected,
        observed=repr(line),
        try_="`kubectl logs deployment/sensor` shows the lines before.",
    )
    expect(
        sent[1] == "north",
        expected=expected,
        observed=f"{line!r}: the station is {sent[1]}",
        try_=f"The program reads the variable STATION or the file {FOLDER}/station.",
    )
    paths = [p for name in ("sensor-files", "sensor-names") for p in mounts(sensor, "ConfigMap", name, PRODUCER)]
    expect(
        float(sent[2]) > 40,
        expected=expected,
        observed=f"{line!r}, which is celsius; ConfigMaps are mounted at {', '.join(paths) or 'no path'}",
        try_=f"The program reads the variable UNIT or the file {FOLDER}/unit, letter by letter.",
    )
    return True


def _expect_tower_kept(lab: CheckContext, tower: Any) -> None:
    """The other team's store and its Secret are as the lesson's cells make them."""
    token = {"token": b64encode(HARBOUR.encode()).decode()}
    expect_as_made(lab, {"kind": "Secret", "metadata": {"name": "tower"}, "data": token}, THEIRS)
    container = {"name": "store", "image": tower.spec.template.spec.containers[0].image, "args": ["store"]}
    expect_image(tower, IMAGE, THEIRS)
    container["volumeMounts"] = [{"name": "token", "mountPath": FOLDER}]
    volumes, own = [{"name": "token", "secret": {"secretName": "tower"}}], {"app": "tower"}
    expect_as_made(lab, one_container("tower", own, container, own=own, volumes=volumes), THEIRS)


def _expect_received(lab: CheckContext, sensor: Any) -> None:
    """It is tower that the sensor sends to: it is told so, or the readings there become more."""
    words = command_line(sensor, PRODUCER)
    told = [*words, *(str(source.value) for source in variables(lab, sensor, PRODUCER).values())]
    if any(re.search(rf"//tower(\.{lab.namespace}(\.svc\S*)?)?(?=[:/]|$)", word) for word in told):
        return
    wait_for_ending_pods(lab, sensor)  # one that is replaced still sends
    first = len(answer(lab, 30054, "/readings").split())

    def more() -> bool:
        expect(
            len(answer(lab, 30054, "/readings").split()) > first,
            expected="the sensor's readings to arrive in the store tower",
            observed=f"none; the sensor's command line: {' '.join(words) or 'none of its own'}",
            try_="Look at the container's `args`: they named the store before.",
        )
        return True

    settle(more)


def _why_refused(lab: CheckContext, producer: Any, right: str = "") -> str:
    """Why a store answers 401 to a producer, as the end of a sentence."""
    source = variables(lab, producer, PRODUCER).get("TOKEN")
    if not source:
        is_file = FOLDER in mounts(producer, "Secret", program=PRODUCER)
        return "" if is_file else f"; {name_of(producer)} has no variable TOKEN"
    if right and source.value != right:
        if decoded(source.value) == right:
            return f"; {source} is in base64 twice: decoded once it is still base64"
        return f"; {source} holds another token than tower's"
    return f"; {source}{CHANGED}" if older(lab, producer, source, PRODUCER) else f"; {source}"
