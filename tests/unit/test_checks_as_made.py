"""Readers of what an exercise leaves alone and of what it states, on made-up objects: no engine is asked."""

from __future__ import annotations

from base64 import b64encode
from copy import deepcopy
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import yaml
from kubernetes import client

from labs.checks import lesson_01, lesson_05, lesson_07
from labs.checks.readers import as_made, docker_stated, stated
from labs.curriculum import lessons
from labs.errors import NotYet
from labs.exam.papers.first import checks as first

DEFAULTS = {"replicas": 1, "strategy": {"type": "RollingUpdate"}, "progressDeadlineSeconds": 600}
TRY = "Bring it back."


class Refused(Exception):
    status = 403


class Cluster:
    """An API server with one Deployment, Service and Secret; a dry run adds defaults as the real one does."""

    def __init__(self, refuses: type[Exception] | None = None) -> None:
        self.live: dict[str, Any] = {}
        self.refuses, self.asked = refuses, []
        api = SimpleNamespace()
        for kind in ("deployment", "service", "secret"):
            setattr(api, f"read_namespaced_{kind}", lambda name, namespace, kind=kind: self.live[kind])
            setattr(
                api, f"create_namespaced_{kind}", lambda ns, body, dry_run, kind=kind: self.dry(kind, body, dry_run)
            )
        self.clients = SimpleNamespace(core=api, apps=api)
        self.namespace = "lab-05"

    def dry(self, kind: str, body: dict[str, Any], dry_run: str) -> Any:
        assert dry_run == "All"
        self.asked.append(body["metadata"]["name"])
        if self.refuses:
            raise self.refuses
        return stored(kind, body)


def stored(kind: str, body: dict[str, Any]) -> Any:
    """What the server keeps of a body: a model of the client's."""
    body = deepcopy(body)
    metadata = client.V1ObjectMeta(name=body["metadata"]["name"], labels=body["metadata"].get("labels"), uid="7")
    if kind == "secret":
        return client.V1Secret(metadata=metadata, data=body["data"], type="Opaque")
    if kind == "service":
        ports = [
            {"targetPort": port["port"], "protocol": "TCP", "nodePort": 30001} | port for port in body["spec"]["ports"]
        ]
        spec = {"type": "ClusterIP", "clusterIP": "10.0.0.7"} | body["spec"] | {"ports": ports}
        return client.V1Service(metadata=metadata, spec=spec)
    return client.V1Deployment(metadata=metadata, spec=DEFAULTS | body["spec"])


def tower(**changes: Any) -> dict[str, Any]:
    container = {"name": "store", "image": "weather:1", "args": ["store"]} | changes.pop("container", {})
    return as_made.one_container("tower", {"app": "tower"}, container, own={"app": "tower"}, **changes)


SERVICE = {
    "kind": "Service",
    "metadata": {"name": "api"},
    "spec": {"selector": {"app": "api"}, "ports": [{"port": 80}]},
}


def told(cluster: Cluster, declared: dict[str, Any]) -> str:
    with pytest.raises(NotYet) as seen:
        as_made.expect_as_made(cluster, declared, TRY)  # type: ignore[arg-type]
    assert seen.value.expected == f"the {declared['kind']} {declared['metadata']['name']} as it was"
    assert seen.value.try_ == TRY
    return seen.value.observed


@pytest.mark.parametrize("refuses", [None, Refused])
def test_what_was_left_alone_passes_with_all_that_the_server_adds(refuses):
    cluster = Cluster(refuses)
    cluster.live["deployment"] = stored("deployment", tower())
    live = cluster.live["deployment"]
    live.metadata.labels["seen"] = "yes"
    live.spec.template.metadata.annotations = {"kubectl.kubernetes.io/restartedAt": "now"}
    assert as_made.expect_as_made(cluster, tower(), TRY) is live
    assert cluster.asked == ["tower-asked"]
    cluster.live["service"] = stored("service", SERVICE)
    as_made.expect_as_made(cluster, SERVICE, TRY)


@pytest.mark.parametrize(
    ("changes", "observed"),
    [
        ({"replicas": 2}, "spec.replicas: 2, was 1"),
        ({"container": {"image": "weather:2"}}, "spec.template.spec.containers[0].image: weather:2, was weather:1"),
        ({"container": {"args": ["front"]}}, "spec.template.spec.containers[0].args[0]: front, was store"),
        ({"pod_labels": {"tier": "data"}}, "spec.template.metadata.labels.tier: data, was none"),
        (
            {"volumes": [{"name": "v", "emptyDir": {}}]},
            "spec.template.spec.volumes: [{'emptyDir': {}, 'name': 'v'}], was none",
        ),
    ],
)
def test_a_changed_deployment_is_told_by_its_field(changes, observed):
    cluster = Cluster()
    cluster.live["deployment"] = stored("deployment", tower(**changes))
    assert told(cluster, tower()) == observed


def test_a_field_that_nobody_declared_is_compared_with_the_servers_default():
    cluster = Cluster()
    ports = [{"port": 80, "targetPort": 8080}]
    cluster.live["service"] = stored("service", SERVICE | {"spec": SERVICE["spec"] | {"ports": ports}})
    assert told(cluster, SERVICE) == "spec.ports[0].targetPort: 8080, was 80"


def test_where_the_server_refuses_to_say_only_declared_fields_count():
    cluster = Cluster(Refused)
    ports = [{"port": 81, "targetPort": 8080}]
    cluster.live["service"] = stored("service", SERVICE | {"spec": SERVICE["spec"] | {"ports": ports}})
    assert told(cluster, SERVICE) == "spec.ports[0].port: 81, was 80"


def test_an_engine_that_does_not_answer_is_no_verdict():
    cluster = Cluster(ConnectionError)
    cluster.live["service"] = stored("service", SERVICE)
    with pytest.raises(ConnectionError):
        as_made.expect_as_made(cluster, SERVICE, TRY)


def test_a_secret_is_compared_without_telling_its_value():
    cluster, right = Cluster(), {"token": b64encode(b"harbour-42").decode()}
    declared = {"kind": "Secret", "metadata": {"name": "tower"}, "data": right}
    cluster.live["secret"] = stored("secret", declared)
    as_made.expect_as_made(cluster, declared, TRY)
    cluster.live["secret"].data = {"token": b64encode(b"other").decode()}
    assert told(cluster, declared) == "data.token: another value"
    assert not cluster.asked


def test_the_drills_world_declares_what_stays():
    declared = as_made.declared_world(first.WORLD, "Service", "api")
    assert declared["spec"] == {"selector": {"app": "api"}, "ports": [{"port": 80}]}
    assert as_made.declared_world(first.WORLD, "Deployment", "search")["spec"]["replicas"] == 1


def container(*command: str, image: str = "labs/shell:1") -> Any:
    return client.V1Container(name="c", image=image, command=list(command[:1]), args=list(command[1:]))


@pytest.mark.parametrize(
    "words",
    [
        ("sleep", "infinity"),
        ("/bin/sleep", "infinity"),
        ("sh", "-c", "exec sleep  infinity"),
        ("sh", "-c", "sleep infinity;"),
    ],
)
@pytest.mark.parametrize("image", ["labs/shell:1", "docker.io/labs/shell:1", "registry:5000/labs/shell:1"])
def test_a_stated_command_is_found_however_it_is_started(words, image):
    stated.expect_container(container(*words, image=image), "it", image="labs/shell:1", runs="sleep infinity")


@pytest.mark.parametrize(
    ("found", "expected", "observed"),
    [
        (container("sleep", "10"), "it to run `sleep infinity`", "`sleep 10`"),
        (container("tail", "-f", "/dev/null"), "it to run `sleep infinity`", "`tail -f /dev/null`"),
        (container(), "it to run `sleep infinity`", "the image's own program"),
        (container("sleep", "infinity", image="labs/web:1"), "it with the image labs/shell:1", "labs/web:1"),
    ],
)
def test_another_command_or_image_is_told(found, expected, observed):
    with pytest.raises(NotYet) as seen:
        stated.expect_container(found, "it", image="labs/shell:1", runs="sleep infinity")
    assert (seen.value.expected, seen.value.observed) == (expected, observed)


@pytest.mark.parametrize(
    ("script", "right"),
    [
        ("while true; do date >> /shared/log; sleep 1; done", True),
        ("while :; do date >>/shared/log && sleep 1s; done", True),
        ("while true; do date; sleep 1; done >> /shared/log", True),
        ("while true\ndo\n  date >> '/shared/log'\n  sleep 1\ndone", True),
        ("while true; do date >> /shared/log; sleep 10; done", False),
        ("while true; do date >> /shared/logs; sleep 1; done", False),
        ("while true; do date >> /tmp/log; sleep 1; done", False),
        ("while true; do echo hi >> /shared/log; sleep 1; done", False),
        ("date >> /shared/log; sleep infinity", False),
    ],
)
def test_the_writer_of_the_first_drill(script, right):
    found = container("sh", "-c", script)
    if right:
        stated.expect_container(found, "it", image="labs/shell:1", runs=first.WRITES, pattern=first.LOOP)
    else:
        with pytest.raises(NotYet):
            stated.expect_container(found, "it", image="labs/shell:1", runs=first.WRITES, pattern=first.LOOP)


def test_a_service_of_another_type():
    door = client.V1Service(metadata=client.V1ObjectMeta(name="shop"), spec=client.V1ServiceSpec(type="LoadBalancer"))
    with pytest.raises(NotYet, match="LoadBalancer"):
        stated.expect_type(door, "NodePort")
    stated.expect_type(door, "LoadBalancer")


def images(**layers: list[str]) -> Any:
    found = {name: SimpleNamespace(attrs={"RootFS": {"Layers": own}}) for name, own in layers.items()}
    docker = SimpleNamespace(images=SimpleNamespace(get=found.__getitem__))
    return SimpleNamespace(clients=SimpleNamespace(docker=docker))


def test_what_an_image_is_based_on():
    lab = images(base=["a", "b"], built=["a", "b", "c"], other=["a", "x", "c"])
    docker_stated.expect_based_on(lab, "built", "base")
    docker_stated.expect_based_on(lab, "base", "base")
    with pytest.raises(NotYet, match="based on base"):
        docker_stated.expect_based_on(lab, "other", "base")
    with pytest.raises(NotYet):
        docker_stated.expect_based_on(lab, "base", "built")


def store(**changes: Any) -> Any:
    attrs = {
        "HostConfig": {"PortBindings": {"8000/tcp": [{"HostPort": "8020"}]}},
        "NetworkSettings": {"Ports": {}, "Networks": {"weather-net": {"IPAddress": "10.1.0.2"}}},
        "Config": {"Env": ["STORE=http://weather-store:8000"]},
        "Mounts": [{"Destination": "/data", "Name": "weather-data"}],
        "State": {"Status": "exited", "ExitCode": 0},
    } | changes.pop("attrs", {})
    return SimpleNamespace(**({"name": "weather-store", "status": "running", "attrs": attrs} | changes))


@pytest.mark.parametrize(
    ("found", "observed"),
    [
        (store(), ""),
        (store(name="another"), "no container weather-store"),
        (store(status="exited"), "container weather-store ended with status 0"),
        (store(attrs={"Mounts": []}), "container weather-store has nothing at /data, not the volume weather-data"),
        (
            store(attrs={"Config": {"Env": []}}),
            "STORE of container weather-store is not set, was http://weather-store:8000",
        ),
        (
            store(attrs={"HostConfig": {"PortBindings": {"8000/tcp": [{"HostPort": "8029"}]}}}),
            "container weather-store does not publish its port 8000 as 8020",
        ),
        (
            store(
                attrs={"NetworkSettings": {"Networks": {"bridge": {"IPAddress": ""}, "weather-net": {"IPAddress": ""}}}}
            ),
            "container weather-store is on bridge, weather-net, not on weather-net only",
        ),
    ],
)
def test_a_container_that_was_to_be_left_alone(found, observed):
    docker = SimpleNamespace(containers=SimpleNamespace(list=lambda **_: [found]))
    lab: Any = SimpleNamespace(clients=SimpleNamespace(docker=docker))

    def look() -> None:
        docker_stated.expect_left_alone(
            lab,
            "weather-store",
            port=(8000, 8020),
            network="weather-net",
            environment={"STORE": "http://weather-store:8000"},
            volumes={"/data": "weather-data"},
            try_=TRY,
        )

    if not observed:
        look()
        return
    with pytest.raises(NotYet) as seen:
        look()
    assert (seen.value.expected, seen.value.observed) == ("weather-store as it was", observed)


# What the lessons' own cells make is what their checks hold to be untouched.


def cell(lesson: str, exercise_id: str, part: str) -> str:
    return next(source for source in lessons.lesson(lesson).setup(exercise_id) if part in source)


class Apps:
    """A client that keeps the Deployments which a lesson's cell makes."""

    def __init__(self, cluster: Cluster) -> None:
        self.cluster = cluster

    def replace_namespaced_deployment(self, name: str, namespace: str, body: dict[str, Any]) -> None:
        self.cluster.live["deployment"] = stored("deployment", body)


def test_the_tower_that_lesson_05_makes_is_untouched():
    cluster = Cluster()
    names = {"apps": Apps(cluster), "lab": cluster, "client": client, "IMAGE": "weather:1", "TIMEOUT": 1}
    names["wait_for_rollout"] = lambda *_: None
    exec(cell("05", "ex-05-3", "def run("), names)
    exec(cell("05", "ex-05-3", 'run("store", "tower"'), names)
    token = {"token": b64encode(b"harbour-42").decode()}
    cluster.live["secret"] = stored("secret", {"metadata": {"name": "tower"}, "data": token})
    assert "secret generic tower --from-literal=token=harbour-42" in cell("05", "ex-05-3", "secret generic tower")
    lesson_05._expect_tower_kept(cluster, cluster.live["deployment"])  # type: ignore[arg-type]
    cluster.live["deployment"].spec.template.spec.volumes[0].secret.secret_name = "other"
    with pytest.raises(NotYet, match="secretName: other, was tower"):
        lesson_05._expect_tower_kept(cluster, cluster.live["deployment"])  # type: ignore[arg-type]


def test_the_garden_that_lesson_07_makes_is_untouched():
    cluster, made = Cluster(), []
    names: dict[str, Any] = {"apply": made.append, "lab": cluster, "apps": None, "IMAGE": "weather:1", "TIMEOUT": 1}
    names |= {
        "wait_for_rollout": lambda *_: None,
        "wait_for_pods": lambda *_: [SimpleNamespace(metadata=SimpleNamespace(name=""))],
    }
    names |= {"core": None, "wait_for": lambda *_, **__: None}
    exec(cell("07", "ex-07-1", "def run("), names)
    source = cell("07", "ex-07-1", 'run("garden-store"')
    exec("\n".join(line for line in source.splitlines() if not line.startswith("!")), names)
    for body, (program, more) in zip(made, (("store", {}), ("producer", {"env": [lesson_07.GARDEN]})), strict=True):
        cluster.live["deployment"] = stored("deployment", body)
        lesson_07._expect_left(cluster, f"garden-{program}", program, more)  # type: ignore[arg-type]


def objects_in(path: Path) -> dict[str, Any]:
    """What `declared_in` reads with kubectl, which wants a server."""
    found = yaml.safe_load_all(path.read_text(encoding="utf-8"))
    return {f"{item['kind']} {item['metadata']['name']}": item for item in found}


def test_the_stations_that_lesson_01_writes_are_as_they_were(tmp_path):
    template = cell("01", "ex-01-2", "station.yaml\n").partition("\n")[2]
    path = tmp_path / "stations.yaml"
    path.write_text("---\n".join(f"{template}\n".replace("NAME", name) for name in lesson_01.STATIONS))
    lesson_01._expect_file_kept(objects_in(path), "")
    path.write_text(path.read_text().replace("--station=south", "--station=west"))
    with pytest.raises(NotYet, match=r"with the Deployment south.*args\[1\]: --station=west"):
        lesson_01._expect_file_kept(objects_in(path), "")


@pytest.mark.parametrize(
    ("args", "right"),
    [
        (["store"], True),
        (["sh", "-c", "exec python3 /app/store.py"], True),
        (["front", "--store=http://store:8000"], False),
        (["front", "http://store:8000"], False),
        ([], False),
    ],
)
def test_the_program_of_lesson_01(args, right):
    item = stored("deployment", tower(container={"args": args}))
    if right:
        lesson_01._expect_program(item, "store")
    else:
        with pytest.raises(NotYet):
            lesson_01._expect_program(item, "store")
