"""What "done" means in lesson 00: a container, a ConfigMap, and a course whose parts all run."""

from __future__ import annotations

from labs.checks import check, clients, expect, found, settle
from labs.checks.context import CheckContext
from labs.checks.facts import ANY, Stated, states
from labs.checks.readers.namespaces import elsewhere

NAME, IMAGE, WORDS = "hello-00", "labs/shell:1", "hello from a container"


@states(
    Stated("Container", "hello-00"),
    Stated("Container", "hello-00", "Image", "labs/shell:1"),
    Stated("Container", "hello-00", "Cmd", "hello from a container", ("hello",)),
)
@check(
    "ex-00-1",
    title="A container that said hello",
    covers=("T3",),
    why="Docker keeps a container that has ended, with its name, settings and output, until it is removed.",
)
def check_container_greeted(lab: CheckContext) -> None:
    container = found(
        lambda: clients(lab).docker.containers.get(NAME),
        expected=f"a container named {NAME}",
        observed="none",
        try_='`lab.hint("ex-00-1")` in a cell of your own is there for this.',
    )
    image = container.attrs["Config"]["Image"]

    def is_tagged() -> bool:
        made_from = container.image
        return made_from is not None and made_from.id == clients(lab).docker.images.get(IMAGE).id

    expect(
        image == IMAGE or is_tagged(),
        expected=f"a container from the image {IMAGE}",
        observed=f"one from {image}",
        try_=f"Remove {NAME}, and make it again from the other image; the image comes first in `run`.",
    )
    printed = settle(lambda: (text := container.logs().decode(errors="replace").strip()) and WORDS in text and text, 3)
    printed = printed or container.logs().decode(errors="replace").strip()
    expect(
        WORDS in printed,
        expected=f"{WORDS!r} in what it printed",
        observed=repr(printed[:60]) if printed else "nothing printed",
        try_=f'A name can be taken once: `docker_client.containers.get("{NAME}").remove(force=True)`, '
        "then run your cell again.",
    )


@states(
    Stated("ConfigMap", "settings"),
    Stated("ConfigMap", "settings", "data.unit", "celsius", ("Celsius", "fahrenheit")),
    Stated("ConfigMap", "settings", "data.station", ANY, ("",), "station"),
)
@check(
    "ex-00-2",
    title="A ConfigMap with two settings",
    covers=("D4.5",),
    why="Whichever client sent it, the API server has stored one object; any other client now reads it.",
)
def check_settings_stored(lab: CheckContext) -> None:
    places = elsewhere(lab, "config_map", "settings")
    config_map = found(
        lambda: clients(lab).core.read_namespaced_config_map("settings", lab.namespace),
        expected=f'a ConfigMap "settings" in namespace {lab.namespace}',
        observed=f"none there, but one in the namespace {places[0]}" if places else other_config_maps(lab),
        try_=f"Make it again with `-n {lab.namespace}`."
        if places
        else f"`kubectl get configmaps -n {lab.namespace}` lists those of the lesson.",
    )
    data = config_map.data or {}
    expect(
        data.get("unit") == "celsius",
        expected="unit set to celsius",
        observed=f"unit is {data['unit']!r}" if "unit" in data else f"the settings {listed(data)}",
        try_="`kubectl get configmap settings -o yaml` shows what it holds; `kubectl edit` or a new one changes it.",
    )
    expect(
        data.get("station", "").strip(),
        expected="a setting named station",
        observed=f"the settings {listed(data)}",
        try_="One `--from-literal` for each setting, or one line each under `data`.",
    )


@check(
    "ex-00-3",
    title="A course whose parts all run",
    covers=("T2",),
    why="`labs up` compares what should run with what does, and starts the difference: run it as often as you like. "
    "Kubernetes works by the same idea.",
    is_about_engine=True,
)
def check_course_complete(lab: CheckContext) -> None:
    def missing() -> list[str]:
        return [f"{part.name} {part.state}" for part in lab.engine.status() if part.state != "running"]

    settle(lambda: not missing(), timeout=2)
    down = missing()
    expect(
        not down,
        expected="every part of the course to run",
        observed=", ".join(down),
        try_="`labs status` shows all parts; its last line says what starts those that are missing.",
    )


def other_config_maps(lab: CheckContext) -> str:
    """The lesson's ConfigMaps that were made by hand or program, not by Kubernetes, as they read after "observed"."""
    items = clients(lab).core.list_namespaced_config_map(lab.namespace).items
    names = sorted(item.metadata.name for item in items if item.metadata.name != "kube-root-ca.crt")
    return f"only {', '.join(names)}" if names else "none"


def listed(data: dict[str, str]) -> str:
    return ", ".join(sorted(data)) or "none"
