"""The engine `usermode`, as a person without a single right has it: what works on `host` works, and faults are told."""

from __future__ import annotations

import io
from collections.abc import Callable, Iterator
from contextlib import closing
from uuid import uuid4

import docker
import pytest

from labs.engines.programs import catalog
from labs.waiting import wait_for, wait_for_http, wait_for_pods
from tests.engines.courses import is_plain, kill
from tests.engines.manifests import as_text, deployment

# The same behaviour, asked of this module's course.
from tests.engines.test_host import (  # noqa: F401
    built,
    test_base_images_are_in_docker_and_on_every_node,
    test_built_image_runs_in_a_pod_after_load,
    test_built_image_runs_in_a_pod_after_push,
    test_claim_is_bound_and_its_data_outlives_the_pod,
    test_keys_are_readable_by_their_owner_only,
    test_killed_component_counts_as_failed_until_it_is_started,
    test_memory_of_each_component_is_known,
    test_names_of_the_outside_are_unknown_at_once,
    test_names_resolve_and_node_ports_answer,
    test_published_container_ports_answer_on_localhost,
    test_published_port_is_closed_when_its_container_is_gone,
    test_second_up_starts_nothing,
    test_top_shows_what_nodes_use,
)
from tests.engines.unprivileged import UID, Unprivileged, processes_of, rights_of, somebody

pytestmark = [pytest.mark.engine, pytest.mark.slow, pytest.mark.timeout(900)]


@pytest.fixture(scope="module")
def person(course) -> Iterator[Unprivileged]:
    """Somebody whose course is up; the session's course has built what they need."""
    with somebody() as one:
        yield one


@pytest.fixture
def here(person) -> Unprivileged:
    if set(person.states().values()) != {"running"}:  # an earlier test failed half-way
        person.must("up", "--quiet")
    return person


def test_nothing_of_it_has_a_privilege(here):
    running = processes_of(UID)
    assert {here.engine.processes.component(name).pid for name in ("kernel", "network", "etcd")} <= set(running)
    for pid in running:
        assert rights_of(pid) == {
            "Uid": f"{UID}\t{UID}\t{UID}\t{UID}",
            "CapPrm": "0" * 16,
            "CapEff": "0" * 16,
            "CapBnd": "0" * 16,
            "NoNewPrivs": "1",
        }


def test_limits_hold(docker_client):
    greedy = ["python3", "-c", "hoard = b'x' * (200 * 2**20)"]
    limits = {"mem_limit": "64m", "memswap_limit": "64m"}
    eater = docker_client.containers.run("labs/python:3", greedy, detach=True, labels=["test"], **limits)
    assert eater.wait()["StatusCode"] == 137
    eater.reload()
    assert eater.attrs["State"]["OOMKilled"]


def test_docker_is_the_one_that_is_built(docker_client):
    assert docker_client.version()["Version"] == catalog.items()["dockerd"].version


def test_limits_of_a_running_container_change(docker_client):
    sleeper = docker_client.containers.run("labs/shell:1", "sleep 300", mem_limit="32m", detach=True, labels=["test"])
    sleeper.update(mem_limit="48m", memswap_limit="48m")
    assert sleeper.exec_run("cat /sys/fs/cgroup/memory.max").output.strip() == str(48 << 20).encode()


def test_components_stop_and_start(here, engine):
    engine.stop("kubelet/node1")
    assert here.states()["kubelet/node1"] == "stopped"
    engine.start("kubelet/node1")
    assert here.states()["kubelet/node1"] == "running"
    assert "kubelet" in engine.logs("kubelet/node1", 200)


def test_doors_are_closed_to_containers(docker_client):
    """Who runs in a container does not get at dockerd or at the agent."""
    ask = "for port in 1 2375; do curl -sS -m 3 http://192.168.127.2:$port/_ping 2>&1; done; true"
    said = docker_client.containers.run("labs/shell:1", ["sh", "-c", ask], labels=["test"], remove=True).decode()
    assert "OK" not in said
    assert "token" not in said


def test_containers_reach_nothing_of_the_host(here, docker_client):
    """Neither what listens on its loopback, nor the network that it is in."""
    port = here.engine.record.settings["ports"]["etcd-metrics"]
    wait_for_http(f"http://127.0.0.1:{port}/health")
    ask = f"curl -sS -m 20 http://192.168.127.254:{port}/health 2>&1; curl -sS -m 20 http://192.168.127.1/ 2>&1; true"
    said = docker_client.containers.run("labs/shell:1", ["sh", "-c", ask], labels=["test"], remove=True).decode()
    assert said.count("Couldn't connect") == 2, said


@pytest.fixture
def kept(here, docker_client, core) -> Iterator[Callable[[], None]]:
    """Things that must survive, and a look at them."""
    docker_client.images.build(fileobj=io.BytesIO(b"FROM labs/shell:1\nRUN echo kept > /kept\n"), tag="kept:1", rm=True)
    namespace = f"test-kept-{uuid4().hex[:6]}"
    here.kubectl("create", "namespace", namespace)
    here.kubectl("-n", namespace, "apply", "-f", "-", input=as_text(deployment("web", "labs/web:1")))

    def look() -> None:
        wait_for_pods(core, namespace, "app=web", 1, timeout=120)
        with closing(docker.DockerClient(base_url=here.engine.docker_host, timeout=60)) as client:
            assert client.containers.run("kept:1", "cat /kept", remove=True) == b"kept\n"

    look()
    yield look
    here.kubectl("delete", "namespace", namespace, "--wait=false")
    docker_client.images.remove("kept:1", force=True)  # a crash may bring a container back that was removed just before


@pytest.mark.parametrize("victim", ["kernel", "network"])
def test_killed_kernel_comes_back_with_what_it_held(here, kept, victim):
    kill(here.engine.processes.component(victim).pid)
    wait_for(lambda: here.states()[victim] == "failed", timeout=10, what=f"{victim} to be seen as failed")
    told = here.labs("status")
    assert told.returncode == 3
    assert "`labs up` starts what does not run" in told.stdout
    here.must("up", "--quiet")
    assert set(here.states().values()) == {"running"}
    kept()


def test_stop_keeps_everything_and_ends_every_process(here, kept):
    here.must("stop")
    assert not processes_of(UID)
    here.must("up", "--quiet")
    kept()


def test_one_node_only(here):
    done = here.labs("up", "--nodes", "2")
    assert done.returncode == 2
    assert is_plain(done.stdout)


def test_down_leaves_nothing(here):
    here.must("down")
    assert not processes_of(UID)
    assert not list((here.folder / "state").iterdir())
    assert not list((here.folder / "tmp").iterdir())
    here.must("up", "--quiet", "--engine", "usermode")
    wait_for_http(f"http://127.0.0.1:{here.engine.record.settings['ports']['etcd-metrics']}/health")
