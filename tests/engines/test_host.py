"""What the engine `host` gives, seen from outside."""

from __future__ import annotations

import io
import json
import re
import socket
import stat

import pytest

from labs.engines.cluster.images.assemble import BASE
from labs.engines.programs import binaries, catalog
from labs.kube.kubectl import kubectl
from labs.waiting import wait_for, wait_for_http, wait_for_pods
from tests.engines.machine_now import listening
from tests.engines.manifests import as_text, claim, deployment, pod, service

pytestmark = pytest.mark.engine

PORT, LOCAL_PORT, NODE_PORT = 8900, 8901, 30900


def logs_of(core, namespace: str, name: str) -> str:
    """What a pod has written when it has succeeded."""
    wait_for(
        lambda: core.read_namespaced_pod(name, namespace).status.phase == "Succeeded",
        timeout=60,
        what=f"the pod {name} to succeed",
        state=lambda: core.read_namespaced_pod(name, namespace).status.phase,
    )
    return core.read_namespaced_pod_log(name, namespace)


def test_second_up_starts_nothing(here):
    before = here.pids()
    here.must("up", "--quiet")
    assert here.pids() == before


def test_status_is_told_as_json_too(here, engine):
    told = json.loads(here.must("status", "--json"))
    assert told["docker_host"] == engine.docker_host
    now = json.loads(json.dumps([part.as_dict() for part in engine.status()]))
    for part in (*told["components"], *now):
        part.pop("memory")  # it changes from one moment to the next
    assert told["components"] == now


def test_base_images_are_in_docker_and_on_every_node(here, docker_client):
    assert set(BASE) <= {tag for image in docker_client.images.list() for tag in image.tags}

    def on_node(node: dict) -> set[str]:
        # an image whose tag another one has taken since has no name: null
        images = node["status"]["images"]
        return {name.removeprefix("docker.io/") for image in images for name in image["names"] or ()}

    def on_all() -> bool:
        return all(
            set(BASE) <= on_node(node) for node in json.loads(here.kubectl("get", "nodes", "-o", "json"))["items"]
        )

    wait_for(on_all, timeout=60, what="the node to report the base images", interval=1)


def test_published_container_ports_answer_on_localhost(docker_client):
    docker_client.containers.run("labs/web:1", detach=True, labels=["test"], ports={"80/tcp": PORT})
    docker_client.containers.run(
        "labs/web:1", detach=True, labels=["test"], ports={"80/tcp": ("127.0.0.1", LOCAL_PORT)}
    )
    for port in (PORT, LOCAL_PORT):
        wait_for_http(f"http://localhost:{port}/")


def test_published_port_is_closed_when_its_container_is_gone(docker_client):
    container = docker_client.containers.run("labs/web:1", detach=True, labels=["test"], ports={"80/tcp": PORT})
    wait_for_http(f"http://localhost:{PORT}/")
    container.remove(force=True)

    def is_closed() -> bool:
        with socket.socket() as client:
            return client.connect_ex(("127.0.0.1", PORT)) != 0

    wait_for(is_closed, timeout=10, what="the port to close")


def test_names_resolve_and_node_ports_answer(here, core, namespace):
    """A Service is reached by its name from a pod, and by its NodePort from this machine."""
    here.kubectl(
        "-n", namespace, "apply", "-f", "-", input=as_text(deployment("web", "labs/web:2"), service("web", NODE_PORT))
    )
    wait_for_pods(core, namespace, "app=web", 1)
    wait_for_http(f"http://localhost:{NODE_PORT}/")
    asking = pod("ask", "labs/shell:1", "wget -qO- http://web && nslookup web | grep web.$NAMESPACE")
    asking["spec"]["containers"][0]["env"] = [{"name": "NAMESPACE", "value": namespace}]
    here.kubectl("-n", namespace, "apply", "-f", "-", input=as_text(asking))
    said = logs_of(core, namespace, "ask")
    assert "2" in said
    assert f"web.{namespace}.svc.cluster.local" in said


@pytest.fixture
def built(docker_client):
    """An image that was built a moment ago, and that no registry has."""
    recipe = b"FROM labs/shell:1\nRUN echo made by a learner > /made\nCMD cat /made\n"
    image, _ = docker_client.images.build(fileobj=io.BytesIO(recipe), tag="test-built:1", rm=True)
    yield image
    docker_client.images.remove(image.id, force=True)


def test_built_image_runs_in_a_pod_after_load(here, core, namespace, built):
    assert here.engine.load_image("test-built:1") == "test-built:1"
    here.kubectl("-n", namespace, "apply", "-f", "-", input=as_text(pod("own", "test-built:1", pull="Never")))
    assert logs_of(core, namespace, "own") == "made by a learner\n"


def test_built_image_runs_in_a_pod_after_push(here, core, namespace, built):
    name = f"{here.engine.registry}/test-built:1"
    built.tag(name)
    answers = built.client.images.push(name, stream=True, decode=True)
    assert not [line for line in answers if "error" in line]
    here.kubectl("-n", namespace, "apply", "-f", "-", input=as_text(pod("own", name, pull="Always")))
    assert logs_of(core, namespace, "own") == "made by a learner\n"


def test_claim_is_bound_and_its_data_outlives_the_pod(here, core, namespace):
    volume = {
        "volumes": [{"name": "data", "persistentVolumeClaim": {"claimName": "data"}}],
        "mounts": [{"name": "data", "mountPath": "/data"}],
    }
    writer = pod("writer", "labs/shell:1", "echo kept > /data/word", **volume)
    here.kubectl("-n", namespace, "apply", "-f", "-", input=as_text(claim("data"), writer))
    logs_of(core, namespace, "writer")
    assert core.read_namespaced_persistent_volume_claim("data", namespace).status.phase == "Bound"
    here.kubectl("-n", namespace, "delete", "pod", "writer")
    here.kubectl(
        "-n", namespace, "apply", "-f", "-", input=as_text(pod("reader", "labs/shell:1", "cat /data/word", **volume))
    )
    assert logs_of(core, namespace, "reader") == "kept\n"


def test_top_shows_what_nodes_use(here, engine):
    def rows() -> list[str]:
        done = here.run(kubectl(), "top", "nodes", "--no-headers", KUBECONFIG=str(engine.kubeconfig))
        return done.stdout.splitlines() if done.returncode == 0 else []

    found = wait_for(rows, timeout=60, what="`kubectl top nodes` to answer", interval=1)
    assert [row.split()[0] for row in found] == engine.nodes


def test_programs_report_their_true_version(here):
    kubernetes = catalog.items()["kubernetes"]
    versions = json.loads(here.kubectl("version", "-o", "json"))
    assert versions["serverVersion"]["gitVersion"] == f"v{kubernetes.version}"
    nodes = json.loads(here.kubectl("get", "nodes", "-o", "json"))["items"]
    assert {n["status"]["nodeInfo"]["kubeletVersion"] for n in nodes} == {f"v{kubernetes.version}"}
    for item in (kubernetes, catalog.items()["etcd"]):
        for program in item.programs:
            assert item.version in here.run(binaries.find(program), item.version_flag).stdout


@pytest.mark.parametrize("program", ["coredns", "metrics-server", "registry"])
def test_add_ons_report_their_true_version(here, program):
    flag = {"coredns": "-version"}.get(program, "--version")
    assert catalog.item_of(program).version in here.run(binaries.find(program), flag).stdout


def test_keys_are_readable_by_their_owner_only(engine):
    secret = [p for p in engine.folder.glob("*") if "kubeconfig" in p.name]
    secret += [
        p
        for f in ("control-plane", "nodes")
        for p in (engine.folder / f).rglob("*")
        if p.suffix in (".key", ".kubeconfig")
    ]
    assert len(secret) > 10
    modes = {p.name: stat.filemode(p.stat().st_mode) for p in secret}
    assert set(modes.values()) == {"-rw-------"}, modes


def test_servers_of_this_machines_network_listen_on_loopback_only(engine):
    """All others listen in network namespaces of the course's."""
    ours = {process.pid for process in engine.processes.marked()}
    assert {address for pid, address in listening() if pid in ours} <= {"127.0.0.1"}


def test_killed_component_counts_as_failed_until_it_is_started(here, engine):
    engine.kill("registry")
    assert here.states()["registry"] == "failed"
    engine.start("registry")
    assert here.states()["registry"] == "running"


def test_memory_of_each_component_is_known(here):
    told = {name: part["memory"] for name, part in here.components().items() if name != "network"}
    assert all(memory > 1 << 20 for memory in told.values()), told


def test_containers_of_any_user_find_python_compiled(docker_client):
    """Anyone who may not write into the image would compile what they import at each start."""
    ask = ["python3", "-v", "-c", "import http.server, json, urllib.request, threading"]
    said = docker_client.containers.run("labs/python:3", ask, labels=["test"], remove=True, user="1000", stderr=True)
    imported = said.decode()
    assert "matches /usr/lib/python3" in imported
    assert not re.search(r"code object from '/usr/lib[^']*\.py'", imported), "something was compiled at the start"


def test_names_of_the_outside_are_unknown_at_once(here, docker_client):
    """No container waits for a name server that there is not."""
    ask = ["sh", "-c", "cat /etc/resolv.conf; nslookup example.org; true"]
    said = docker_client.containers.run("labs/shell:1", ask, labels=["test"], remove=True).decode()
    assert "NXDOMAIN" in said, here.components()["ports"]
