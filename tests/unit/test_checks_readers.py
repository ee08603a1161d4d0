"""What checks read of pods, ports, amounts and owners, from objects that no cluster has."""

from __future__ import annotations

from types import SimpleNamespace

import pytest
from kubernetes import client

from labs.checks import core
from labs.checks.readers import (
    configuration,
    endpoints,
    ownership,
    pod_containers,
    services,
    starting,
    volumes,
    workloads,
)
from labs.checks.readers.containers import Program, container_of, images_of, port_number, probe_path, target_text
from labs.checks.readers.quantities import amount, is_amount
from labs.errors import NotYet

LAB = SimpleNamespace(namespace="lab-09", port=lambda number: number)
HELPER = client.V1Container(name="helper", image="labs/shell:1", command=["sleep", "infinity"])
BESIDE = client.V1Container(name="beside", image="labs/shell:1", restart_policy="Always", command=["sleep", "infinity"])
BEFORE = client.V1Container(name="before", image="weather:1", args=["store"])  # ends before the others start
FRONT, STORE = Program("weather:1", "front", is_default=True), Program("weather:1", "store")


def meta(
    name: str, uid: str = "", owner: str = "", labels: dict[str, str] | None = None, **more
) -> client.V1ObjectMeta:
    reference = client.V1OwnerReference(api_version="v1", kind="ReplicaSet", name="any", uid=owner, controller=True)
    return client.V1ObjectMeta(
        name=name, uid=uid or name, labels=labels, owner_references=[reference] if owner else None, **more
    )


def deployment(*containers: client.V1Container, volumes=None, labels=None, name: str = "web") -> client.V1Deployment:
    labels = labels or {"app": name}
    pod = client.V1PodSpec(containers=list(containers), init_containers=[BEFORE, BESIDE], volumes=volumes)
    template = client.V1PodTemplateSpec(metadata=client.V1ObjectMeta(labels=labels), spec=pod)
    selector = client.V1LabelSelector(match_labels=labels)
    return client.V1Deployment(
        metadata=meta(name), spec=client.V1DeploymentSpec(replicas=2, selector=selector, template=template)
    )


def container(name: str, image: str = "weather:1", args=None, **more) -> client.V1Container:
    return client.V1Container(name=name, image=image, args=args, **more)


def pod(name: str, owner: str = "", *, ready: bool = True, restarts: int = 0, spec=None) -> client.V1Pod:
    condition = client.V1PodCondition(type="Ready", status=str(ready))
    running = client.V1ContainerState(running=client.V1ContainerStateRunning())
    status = client.V1ContainerStatus(
        name="web", image="labs/web:1", image_id="", ready=ready, restart_count=restarts, state=running,
        last_state=client.V1ContainerState(),
    )  # fmt: skip
    return client.V1Pod(
        metadata=meta(name, owner=owner, labels={"app": "web"}),
        spec=spec or client.V1PodSpec(containers=[container("web", "labs/web:1")]),
        status=client.V1PodStatus(phase="Running", conditions=[condition], container_statuses=[status]),
    )


@pytest.mark.parametrize(
    ("containers", "program", "name"),
    [
        ([HELPER, container("a", "labs/web:1")], Program("labs/web:1"), "a"),
        ([container("a", "labs/web:1"), HELPER], Program("labs/web:1"), "a"),
        ([HELPER, container("a", "registry:5000/lab/weather:1")], STORE, "a"),
        ([HELPER, container("a", "labs/web:9")], Program("labs/web:2"), "a"),  # the tag is what is wrong
        ([container("a", args=["store"]), container("b", args=["front", "--store=http://store:8000"])], FRONT, "b"),
        ([container("a", args=["front", "--store=http://store:8000"]), container("b", args=["store"])], STORE, "b"),
        ([container("a", command=["sleep", "1"]), container("b")], FRONT, "b"),  # the image's own program
        ([HELPER, container("a", command=["sh", "-c", "python3 /app/store.py"])], STORE, "a"),
        ([HELPER, container("a", "busybox", ["sh", "-c", "date; sleep 5"])], Program("labs/web:1", "date"), "a"),
        ([HELPER, container("keeper", "labs/shell:1", ["sleep", "9"])], Program("labs/shell:1", "sleep", "keeper"),
         "keeper"),
        ([HELPER, container("a")], Program("none:1"), "helper"),
    ],
)  # fmt: skip
def test_a_sidecar_is_not_taken_for_the_application(containers, program, name):
    assert container_of(deployment(*containers), program).name == name


def test_the_application_may_be_a_sidecar_that_runs_on():
    work = deployment(container("a"))
    assert container_of(work, Program("labs/shell:1", "sleep", "beside")).name == "beside"
    assert images_of(work) == "weather:1 and labs/shell:1"


def test_a_pod_has_its_containers_itself():
    spec = client.V1PodSpec(containers=[HELPER, container("a", args=["store"])])
    assert container_of(client.V1Pod(metadata=meta("p"), spec=spec), STORE).name == "a"


def test_an_image_is_looked_for_in_all_containers():
    workloads.expect_image(deployment(HELPER, container("a", "labs/web:2")), "labs/web:2", "try")
    with pytest.raises(NotYet) as error:
        workloads.expect_image(deployment(HELPER, container("a", "labs/web:1")), "labs/web:2", "try")
    assert error.value.observed == "labs/shell:1 and labs/web:1"


PORTS = [client.V1ContainerPort(name="http", container_port=8080), client.V1ContainerPort(container_port=80)]


@pytest.mark.parametrize(("port", "number"), [(8080, 8080), ("8080", 8080), ("http", 8080), ("web", None)])
def test_a_port_is_a_number_or_a_name(port, number):
    assert port_number(port, [HELPER, container("a", ports=PORTS)]) == number


@pytest.mark.parametrize(("path", "asked"), [(None, "/"), ("ready", "/ready"), ("/ready", "/ready"), ("/r/", "/r/")])
def test_a_probes_path_begins_with_a_slash(path, asked):
    assert probe_path(client.V1HTTPGetAction(path=path, port=80)) == asked


def test_a_target_port_is_told_with_what_it_means():
    work = deployment(HELPER, container("a", ports=PORTS))
    assert [target_text(port, work) for port in (80, "http", "web")] == [
        "80", "http, which is port 8080", "web, a name that no port of web has; its names are http",
    ]  # fmt: skip


def node_port(monkeypatch, target, workloads=()):
    port = client.V1ServicePort(port=80, target_port=target, node_port=30091)
    item = client.V1Service(metadata=meta("web"), spec=client.V1ServiceSpec(ports=[port], selector={"app": "web"}))
    monkeypatch.setattr(services, "service", lambda *_: item)
    return services.node_port_service(LAB, "web", port=80, target=8080, node_port=30091, workloads=workloads)


NAMED, UNNAMED = deployment(HELPER, container("a", ports=PORTS)), deployment(container("a"), name="other")


@pytest.mark.parametrize("target", [8080, "8080", "http"])
def test_a_service_may_name_its_target_port(monkeypatch, target):
    assert node_port(monkeypatch, target, (NAMED,))


@pytest.mark.parametrize(
    ("target", "work", "told"),
    [
        (80, (NAMED,), "the pods' port 80, node port 30091"),
        ("http", (), "the pods' port http, node port 30091"),
        ("http", (NAMED, UNNAMED), "the pods' port http, a name that no port of other has, node port"),
        ("web", (NAMED,), "the pods' port web, a name that no port of web has; its names are http, node port"),
    ],
)
def test_a_service_to_another_port_is_told(monkeypatch, target, work, told):
    with pytest.raises(NotYet) as error:
        node_port(monkeypatch, target, work)
    assert told in error.value.observed


@pytest.mark.parametrize(
    ("one", "other"),
    [("50Mi", "52428800"), ("50Mi", 52428800), ("50Mi", "51200Ki"), ("250m", "0.25"), ("1k", "1e3"), ("1", "1000m"),
     ("50Mi", "52428800e0"), ("2", "2.0")],
)  # fmt: skip
def test_an_amount_is_the_same_in_other_units(one, other):
    assert amount(one) == amount(other)
    assert is_amount(other, one)


@pytest.mark.parametrize(("one", "other"), [("50Mi", "50M"), ("50Mi", "49Mi"), ("250m", "0.2"), ("1", None)])
def test_another_amount_is_another(one, other):
    assert not is_amount(other, one)


@pytest.fixture
def cluster(monkeypatch):
    """A cluster of two ReplicaSets and some pods."""
    sets = [
        client.V1ReplicaSet(
            metadata=meta(name, owner=owner, annotations={ownership.REVISION: revision}),
            spec=client.V1ReplicaSetSpec(selector=client.V1LabelSelector()),
        )
        for name, owner, revision in (("new", "web", "10"), ("old", "web", "9"), ("left", "another", "1"))
    ]
    pods = [pod("p1", "new"), pod("p2", "new"), pod("p3", "old"), pod("p4", "left"), pod("p5")]
    held = SimpleNamespace(sets=sets, pods=pods, asked=[])

    def log(name, namespace, **options):
        held.asked.append((name, options))
        return held.log(name)

    held.log = lambda name: f"{name}\n"
    held.core = SimpleNamespace(
        list_namespaced_pod=lambda *_, **__: SimpleNamespace(items=held.pods), read_namespaced_pod_log=log
    )
    held.apps = SimpleNamespace(list_namespaced_replica_set=lambda *_: SimpleNamespace(items=held.sets))
    for module in (workloads, ownership, pod_containers, configuration):
        monkeypatch.setattr(module, "clients", lambda _: held, raising=False)
    return held


def names(things) -> list[str]:
    return [thing.metadata.name for thing in things]


def test_pods_belong_to_whom_they_name_as_their_owner(cluster):
    work = deployment(container("web"))
    assert names(ownership.replica_sets_of(LAB, work)) == ["old", "new"]
    assert names(workloads.pods_of(LAB, work)) == ["p1", "p2", "p3"]
    assert names(starting.newest_pods(LAB, work)) == ["p1", "p2"]


def test_pods_of_a_job_name_it_themselves(cluster):
    cluster.pods.append(pod("p6", "tally"))
    spec = client.V1JobSpec(template=client.V1PodTemplateSpec())
    assert names(workloads.pods_of(LAB, client.V1Job(metadata=meta("tally"), spec=spec))) == ["p6"]


def test_a_service_must_not_lead_to_another_program(cluster, monkeypatch):
    monkeypatch.setattr(endpoints, "live_pods", workloads.live_pods)
    item = client.V1Service(metadata=meta("web"), spec=client.V1ServiceSpec(selector={"app": "web"}))
    endpoints._expect_nobody_else(LAB, item, deployment(container("web", "labs/web:1")))
    with pytest.raises(NotYet) as error:
        endpoints._expect_nobody_else(LAB, item, deployment(container("web", "labs/web:2")))
    assert "matches p4, p5 too" in error.value.observed


def test_a_log_is_asked_for_by_the_containers_name(cluster):
    spec = client.V1PodSpec(containers=[HELPER, container("a", args=["store"])])
    cluster.pods = [pod("p1", "new", spec=spec)]
    assert starting.last_line(LAB, deployment(container("a")), STORE) == "p1"
    assert cluster.asked == [("p1", {"container": "a", "tail_lines": 1})]


def test_a_container_that_has_not_started_has_said_nothing(cluster):
    def refuse(_):
        raise client.ApiException(status=400, reason="Bad Request")

    cluster.log = refuse
    assert pod_containers.log_of(LAB, pod("p1"), "web") == ""


def ready(monkeypatch, looks, wanted=2):
    """Pods as seen look by look; the last stays."""
    monkeypatch.setattr(workloads, "deployment", lambda *_: deployment(container("web")))
    seen = iter(looks[:-1])
    monkeypatch.setattr(workloads, "pods_of", lambda *_: next(seen, looks[-1]))
    monkeypatch.setattr(workloads, "BETWEEN_LOOKS", 0.01)
    monkeypatch.setattr(core, "PATIENCE", 0.3)
    workloads.expect_ready(LAB, "web", wanted)


def test_as_many_ready_pods_as_asked_for_pass(monkeypatch):
    ready(monkeypatch, [[], [pod("p1")], [pod("p1"), pod("p2", restarts=7)]])


def test_too_many_pods_are_told_without_a_reason(monkeypatch):
    with pytest.raises(NotYet) as error:
        ready(monkeypatch, [[pod(name, restarts=1) for name in "abcd"]])
    assert error.value.observed == "4 ready"


def test_a_container_that_was_seen_to_start_again_is_told(monkeypatch):
    with pytest.raises(NotYet) as error:
        ready(monkeypatch, [[pod("a", restarts=1)], [pod("a", restarts=2)]])
    assert error.value.observed == "1 ready; its containers end and are started again"


def test_a_pod_in_anothers_place_is_no_restart(monkeypatch):
    with pytest.raises(NotYet) as error:
        ready(monkeypatch, [[pod("a")], [pod("b", restarts=3)]])
    assert error.value.observed == "1 ready"


SECRET = client.V1Volume(name="s", secret=client.V1SecretVolumeSource(secret_name="door"))
CLAIM = client.V1Volume(name="c", persistent_volume_claim=client.V1PersistentVolumeClaimVolumeSource(claim_name="web"))


def mount(name: str, path: str) -> client.V1VolumeMount:
    return client.V1VolumeMount(name=name, mount_path=path)


def test_settings_are_those_of_the_application():
    env = [client.V1EnvVar(name="MOTTO", value="sun")]
    work = deployment(HELPER, container("a", args=["store"], env=env, volume_mounts=[mount("s", "/x")]),
                      volumes=[SECRET])  # fmt: skip
    assert list(configuration.variables(LAB, work, STORE)) == ["MOTTO"]
    assert list(configuration.mounts(work, "Secret", "door", STORE)) == ["/x"]
    assert configuration.command_line(work, STORE) == ["store"]


def test_a_volume_at_a_sidecars_path_is_not_the_applications(monkeypatch):
    held = SimpleNamespace(items=[client.V1PersistentVolumeClaim(metadata=meta("web"))])
    core_api = SimpleNamespace(list_namespaced_persistent_volume_claim=lambda _: held)
    monkeypatch.setattr(volumes, "clients", lambda _: SimpleNamespace(core=core_api))
    helper = container("helper", "labs/shell:1", ["sleep", "9"], volume_mounts=[mount("c", "/data")])
    own = container("a", args=["store"], volume_mounts=[mount("c", "/data/")])
    volumes.expect_claim_mounted(LAB, deployment(helper, own, volumes=[CLAIM]), "/data", STORE)
    own.volume_mounts = [mount("c", "/date")]
    with pytest.raises(NotYet) as error:
        volumes.expect_claim_mounted(LAB, deployment(helper, own, volumes=[CLAIM]), "/data", STORE)
    assert error.value.expected == "a volume mounted at /data in the Deployment web, container a"
    assert error.value.observed == "c is mounted at /date"
