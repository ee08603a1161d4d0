"""Nodes join a course that runs, and leave it again; the others do not notice."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from labs.waiting import wait_for, wait_for_pods
from tests.engines.courses import Course, kill_after
from tests.engines.machine_now import snapshot
from tests.engines.manifests import as_text, deployment, pod

pytestmark = pytest.mark.engine


@pytest.fixture
def one_node_after(here):
    yield
    here.must("up", "--quiet", "--nodes", "1")


def ready_nodes(here: Course) -> list[str]:
    def is_ready(node: dict) -> bool:
        return any(c["type"] == "Ready" and c["status"] == "True" for c in node["status"]["conditions"])

    items = json.loads(here.kubectl("get", "nodes", "-o", "json"))["items"]
    return [node["metadata"]["name"] for node in items if is_ready(node)]


def without_ports(pids: dict[str, int]) -> dict[str, int]:
    """All but the forwarder to localhost, which is started again when there are other nodes to lead to."""
    return {name: pid for name, pid in pids.items() if name != "ports"}


@pytest.mark.usefixtures("one_node_after")
def test_node_joins_serves_and_leaves(here, core, namespace):
    before = without_ports(here.pids())
    here.must("up", "--quiet", "--nodes", "2")
    here.must("up", "--quiet")  # without a number the course keeps its nodes
    assert ready_nodes(here) == ["node1", "node2"]
    assert before.items() <= here.pids().items(), "what ran was started again"

    guest = pod("guest", "labs/web:1", nodeName="node2")
    here.kubectl("apply", "-n", namespace, "-f", "-", input=as_text(guest))
    address = wait_for_pods(core, namespace, "app=guest", 1, 60)[0].status.pod_ip
    asks = pod("asks", "labs/shell:1", f"curl -sS -m 5 http://{address}/version", nodeName="node1")
    here.kubectl("apply", "-n", namespace, "-f", "-", input=as_text(asks))
    wait_for(lambda: core.read_namespaced_pod("asks", namespace).status.phase == "Succeeded", 30, what="an answer")

    web = deployment("web", "labs/web:1")
    web["spec"]["template"]["spec"]["nodeSelector"] = {"kubernetes.io/hostname": "node2"}
    here.kubectl("apply", "-n", namespace, "-f", "-", input=as_text(web))
    wait_for_pods(core, namespace, "app=web", 1, 60)
    unpinned = '{"spec": {"template": {"spec": {"nodeSelector": null}}}}'
    here.kubectl("cordon", "node1")
    here.kubectl("patch", "-n", namespace, "deployment", "web", "-p", unpinned)
    here.kubectl("rollout", "-n", namespace, "status", "deployment/web", "--timeout=30s")
    here.kubectl("uncordon", "node1")

    here.must("up", "--quiet", "--nodes", "1")
    assert ready_nodes(here) == ["node1"]
    assert without_ports(here.pids()) == before
    assert wait_for_pods(core, namespace, "app=web", 1, 60)[0].spec.node_name == "node1"
    assert not any("node2" in line for lines in snapshot(here.name).values() for line in lines)
    assert not [path for folder in ("nodes", "machines") for path in (here.engine.folder / folder).glob("node2*")]


@pytest.mark.usefixtures("one_node_after")
@pytest.mark.parametrize(
    "step", ["control plane", *(pytest.param(s, marks=pytest.mark.slow) for s in ("network", "containerd", "nodes"))]
)
def test_killed_while_a_node_joins_or_leaves_the_next_up_ends_it(here, step):
    before = without_ports(here.pids())
    kill_after(here, step, "--nodes", "2")
    here.must("up", "--quiet")
    assert ready_nodes(here) == ["node1", "node2"]
    assert set(here.states().values()) == {"running"}
    assert before.items() <= here.pids().items()

    here.engine.machine("node2", ()).stop()  # as if `labs` had been killed in the middle of taking it away
    here.kubectl("delete", "node", "node2")
    here.must("up", "--quiet", "--nodes", "1")
    assert ready_nodes(here) == ["node1"]
    assert set(here.states().values()) == {"running"}


def test_node_that_left_while_the_api_server_was_away_is_forgotten_and_a_foreign_one_is_not(here):
    for name in ("node7", "somebodys"):
        here.kubectl(
            "apply", "-f", "-", input=json.dumps({"apiVersion": "v1", "kind": "Node", "metadata": {"name": name}})
        )
    here.must("up", "--quiet")
    known = here.kubectl("get", "nodes", "-o", "name").split()
    here.kubectl("delete", "node", "somebodys")
    assert known == ["node/node1", "node/somebodys"]


def test_programs_of_the_node_are_found_through_its_root(here, core, namespace):
    """As lessons look at kube-proxy's rules: from a pod that sees the node's file system; the host has none of it."""
    eye = pod(
        "eye",
        "labs/shell:1",
        "chroot /host iptables-save -t nat",
        hostNetwork=True,
        mounts=[{"name": "host", "mountPath": "/host"}],
        volumes=[{"name": "host", "hostPath": {"path": "/"}}],
    )
    eye["spec"]["containers"][0]["securityContext"] = {"privileged": True}
    here.kubectl("apply", "-n", namespace, "-f", "-", input=as_text(eye))
    phase = wait_for(
        lambda: (found := core.read_namespaced_pod("eye", namespace).status.phase) in ("Succeeded", "Failed") and found,
        30,
        what="the rules",
    )
    rules = core.read_namespaced_pod_log("eye", namespace)
    assert phase == "Succeeded", rules
    assert "KUBE-SVC-" in rules
    own = here.engine.machine("node1", ()).root / "usr/local/sbin/iptables-save"
    outside = Path("/usr/local/sbin/iptables-save")
    assert not own.exists() or not outside.exists() or own.read_text() != outside.read_text()
