"""NetworkPolicies hold: what they say, from a pod's first packet on, for connections that go on, and through faults."""

from __future__ import annotations

import subprocess
import threading
from collections.abc import Callable, Iterator

import pytest

from labs.engines.cluster.addresses import POD_CIDR
from labs.kube.kubectl import kubectl
from labs.waiting import wait_for, wait_for_pods
from tests.engines.courses import Course
from tests.engines.manifests import as_text, pod, service

pytestmark = pytest.mark.engine

HERE, THERE = "policies", "policies-there"
AGENT = "network-policies/node1"
SLEEP = "trap exit TERM; while :; do sleep 1 & wait; done"
WEB = {"matchLabels": {"app": "web"}}
FRIEND = {"podSelector": {"matchLabels": {"app": "friend"}}}
ELSEWHERE = {"namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": THERE}}}
NO_FRIEND = {"podSelector": {"matchExpressions": [{"key": "app", "operator": "NotIn", "values": ["friend"]}]}}
PODS = {"podSelector": {}}
ALL = {"friend", "stranger", "outsider"}
NODE_PORT = 30079

Policy = dict[str, object]


def policy(name: str = "one", selector: object = WEB, **spec: object) -> Policy:
    """A policy in the first namespace; ``ingress`` and ``egress`` also say which types it has."""
    types = [each.capitalize() for each in ("ingress", "egress") if each in spec]
    return {
        "apiVersion": "networking.k8s.io/v1",
        "kind": "NetworkPolicy",
        "metadata": {"name": name},
        "spec": {"podSelector": selector, "policyTypes": types, **spec},
    }


def port(number: object, **more: object) -> dict:
    return {"port": number, **more}


def block(*but: str) -> dict:
    """The addresses of all pods but some."""
    return {"ipBlock": {"cidr": POD_CIDR, "except": [*but]}}


class World:
    """A web server, and who asks it: two pods beside it and one in another namespace."""

    def __init__(self, here: Course) -> None:
        self.here = here
        for namespace in (HERE, THERE):
            here.kubectl("create", "namespace", namespace)
        web = pod("web", "labs/web:1", restartPolicy="Always")
        web["spec"]["containers"][0]["ports"] = [{"name": "page", "containerPort": 80}]
        web["spec"]["containers"][0]["readinessProbe"] = {"httpGet": {"path": "/", "port": 80}, "periodSeconds": 1}
        web["spec"]["containers"][0]["readinessProbe"]["failureThreshold"] = 1
        asking = [pod(name, "labs/shell:1", SLEEP, restartPolicy="Always") for name in ("friend", "stranger")]
        here.kubectl("apply", "-n", HERE, "-f", "-", input=as_text(web, service("web", NODE_PORT), *asking))
        here.kubectl("apply", "-n", THERE, "-f", "-", input=as_text(pod("outsider", "labs/shell:1", SLEEP)))
        for namespace in (HERE, THERE):
            here.kubectl("wait", "-n", namespace, "--for=condition=Ready", "pods", "--all", "--timeout=60s")
        self.address = {
            name: here.kubectl("get", "pod", "-n", space, name, "-o", "jsonpath={.status.podIP}").strip()
            for name, space in {"web": HERE, "friend": HERE, "stranger": HERE, "outsider": THERE}.items()
        }

    def remove(self) -> None:
        self.here.kubectl("delete", "namespace", HERE, THERE)

    def apply(self, *policies: Policy) -> None:
        self.here.kubectl("apply", "-n", HERE, "-f", "-", input=as_text(*policies))

    def forget(self) -> None:
        self.here.kubectl("delete", "networkpolicies", "-n", HERE, "--all")

    def runs(self, name: str, script: str) -> bool:
        """Whether a shell script in a pod ends well."""
        namespace = THERE if name == "outsider" else HERE
        return self.here.run(*self.shell(namespace, name, script), timeout=30).returncode == 0

    def shell(self, namespace: str, name: str, script: str) -> list[str]:
        """The command that runs a shell script in a pod."""
        config = f"--kubeconfig={self.here.engine.kubeconfig}"
        return [kubectl(), config, "exec", "-n", namespace, name, "--", "sh", "-c", script]

    def reaches(self, name: str, where: str = "") -> bool:
        """Whether a pod gets an answer: from the server's address, or from ``where``."""
        return self.runs(name, f"curl -sS -m 1 -o /dev/null http://{where or self.address['web']}/")

    def who_reaches(self, where: str = "") -> set[str]:
        found: dict[str, bool] = {}
        threads = [
            threading.Thread(target=lambda name=name: found.update({name: self.reaches(name, where)})) for name in ALL
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        return {name for name, reached in found.items() if reached}


@pytest.fixture(scope="module")
def whole_world(course) -> Iterator[World]:
    here = Course(course.name)
    here.must("up", "--quiet")
    world = World(here)
    yield world
    world.remove()


@pytest.fixture
def world(whole_world) -> Iterator[World]:
    yield whole_world
    whole_world.forget()


INGRESS: dict[str, tuple[Callable[[World], list[Policy]], set[str]]] = {
    "all denied": (lambda _: [policy(ingress=[])], set()),
    "all denied in the namespace": (lambda _: [policy(selector={}, ingress=[])], set()),
    "one rule without peers": (lambda _: [policy(ingress=[{}])], ALL),
    "one pod": (lambda _: [policy(ingress=[{"from": [FRIEND]}])], {"friend"}),
    "one namespace": (lambda _: [policy(ingress=[{"from": [ELSEWHERE]}])], {"outsider"}),
    "one pod or one namespace": (lambda _: [policy(ingress=[{"from": [FRIEND, ELSEWHERE]}])], {"friend", "outsider"}),
    "one pod in one namespace": (lambda _: [policy(ingress=[{"from": [{**FRIEND, **ELSEWHERE}]}])], set()),
    "all pods of its namespace": (lambda _: [policy(ingress=[{"from": [PODS]}])], {"friend", "stranger"}),
    "all namespaces": (lambda _: [policy(ingress=[{"from": [{"namespaceSelector": {}}]}])], ALL),
    "the port": (lambda _: [policy(ingress=[{"ports": [port(80)]}])], ALL),
    "another port": (lambda _: [policy(ingress=[{"ports": [port(81)]}])], set()),
    "the port by name": (lambda _: [policy(ingress=[{"from": [FRIEND], "ports": [port("page")]}])], {"friend"}),
    "a name that no port has": (lambda _: [policy(ingress=[{"ports": [port("side")]}])], set()),
    "a range of ports": (lambda _: [policy(ingress=[{"ports": [port(79, endPort=81)]}])], ALL),
    "another protocol": (lambda _: [policy(ingress=[{"ports": [port(80, protocol="UDP")]}])], set()),
    "an expression": (lambda _: [policy(ingress=[{"from": [NO_FRIEND]}])], {"stranger"}),
    "a block with an exception": (
        lambda world: [policy(ingress=[{"from": [block(f"{world.address['stranger']}/32")]}])],
        {"friend", "outsider"},
    ),
    "two policies add up": (
        lambda _: [policy(ingress=[{"from": [FRIEND]}]), policy("two", ingress=[{"from": [ELSEWHERE]}])],
        {"friend", "outsider"},
    ),
    "one that selects nobody": (lambda _: [policy(selector={"matchLabels": {"app": "none"}}, ingress=[])], ALL),
}


@pytest.mark.parametrize(("policies", "expected"), INGRESS.values(), ids=INGRESS)
def test_who_may_enter(world, policies, expected):
    world.apply(*policies(world))
    wait_for(lambda: world.who_reaches() == expected, 5, what=f"{sorted(expected)} to reach the server, and no other")
    assert world.who_reaches(f"web.{HERE}") == expected, "by the Service's name"


DNS = {"ports": [port(53, protocol="UDP"), port(53, protocol="TCP")]}
EGRESS: dict[str, tuple[list[dict], dict[str, bool]]] = {
    "nothing": ([], {"ip": False, "name": False, "api": False}),
    "names only": ([DNS], {"ip": False, "name": False, "api": False}),
    "names and the server": ([DNS, {"to": [{"podSelector": WEB}]}], {"ip": True, "name": True, "api": False}),
    "the server without names": ([{"to": [{"podSelector": WEB}]}], {"ip": True, "name": False, "api": False}),
    "its port elsewhere": ([DNS, {"to": [ELSEWHERE], "ports": [port(80)]}], {"ip": False, "name": False, "api": False}),
    "all": ([{}], {"ip": True, "name": True, "api": True}),
}


@pytest.mark.parametrize(("rules", "expected"), EGRESS.values(), ids=EGRESS)
def test_where_one_may_go(world, rules, expected):
    world.apply(policy(selector=FRIEND["podSelector"], egress=rules))
    api = "curl -ksS -m 1 -o /dev/null https://10.96.0.1/version"

    def seen() -> dict[str, bool]:
        return {"ip": world.reaches("friend"), "name": world.reaches("friend", "web"), "api": world.runs("friend", api)}

    wait_for(lambda: seen() == expected, 15, what=f"{expected} for the friend")
    assert world.reaches("stranger"), "the policy is another pod's"


def test_a_port_of_the_node_is_a_door_as_well_and_probes_go_on(world):
    url = f"http://localhost:{NODE_PORT}/"
    curl = ("curl", "-sS", "-m", "2", "-o", "/dev/null", url)
    wait_for(lambda: world.here.run(*curl).returncode == 0, 20, what="the page on localhost")
    world.apply(policy(ingress=[]))
    wait_for(lambda: world.here.run(*curl).returncode != 0, 5, what="the page to be denied")
    is_ready = "jsonpath={.status.conditions[?(@.type=='Ready')].status}"
    assert world.here.kubectl("get", "pod", "-n", HERE, "web", "-o", is_ready).strip() == "True"
    world.forget()
    wait_for(lambda: world.here.run(*curl).returncode == 0, 5, what="the page again")


def test_a_pod_is_covered_before_its_first_packet(world):
    """Eight pods at once, each of which asks as soon as it runs, and again and again."""
    world.apply(policy(ingress=[{"from": [FRIEND]}]))
    wait_for(lambda: not world.reaches("stranger"), 5, what="the policy to hold")
    script = (
        f"for i in 1 2 3 4 5 6; do curl -s -m 1 -o /dev/null http://{world.address['web']}/ && echo through; done; true"
    )
    fresh = [pod(f"fresh-{number}", "labs/shell:1", script) for number in range(8)]
    friends = [pod(f"friend-{number}", "labs/shell:1", script) for number in range(2)]
    for each in friends:
        each["metadata"]["labels"]["app"] = "friend"
    world.here.kubectl("apply", "-n", HERE, "-f", "-", input=as_text(*fresh, *friends))
    names = [each["metadata"]["name"] for each in (*fresh, *friends)]
    words = ("wait", "-n", HERE, "--for=jsonpath={.status.phase}=Succeeded", "--timeout=90s")
    world.here.kubectl(*words, *(f"pod/{name}" for name in names))
    through = {name: world.here.kubectl("logs", "-n", HERE, name).count("through") for name in names}
    world.here.kubectl("delete", "-n", HERE, "--grace-period=0", "--force", *(f"pod/{name}" for name in names))
    assert through == {each["metadata"]["name"]: 0 for each in fresh} | {"friend-0": 6, "friend-1": 6}


def test_what_goes_on_ends_when_it_is_forbidden(world):
    ask = "while :; do printf 'GET / HTTP/1.1\\r\\nHost: web\\r\\n\\r\\n'; sleep 0.2; done"
    script = f"{ask} | nc {world.address['web']} 80"
    command = world.shell(HERE, "stranger", script)
    asking = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, encoding="utf-8")
    answers: list[str] = []

    def read() -> None:
        assert asking.stdout
        for line in asking.stdout:
            if line.startswith("HTTP/1.1 200"):
                answers.append(line)

    reading = threading.Thread(target=read, daemon=True)
    reading.start()
    try:
        wait_for(lambda: len(answers) > 3, 20, what="answers on one connection")
        world.apply(policy(ingress=[{"from": [FRIEND]}]))
        wait_for(lambda: not world.reaches("stranger"), 5, what="the policy to hold")
        seen = len(answers)
        assert world.who_reaches() == {"friend"}  # takes a second, in which there were five answers
        assert len(answers) <= seen + 1, "the connection goes on"
    finally:
        world.runs("stranger", "pkill nc; true")
        asking.kill()
        reading.join()
        asking.communicate()


def test_labels_that_change_are_seen(world):
    world.apply(policy(ingress=[{"from": [{"podSelector": {"matchLabels": {"role": "guest"}}}]}]))
    wait_for(lambda: world.who_reaches() == set(), 5, what="nobody to reach the server")
    world.here.kubectl("label", "pod", "-n", HERE, "stranger", "role=guest")
    try:
        wait_for(lambda: world.who_reaches() == {"stranger"}, 5, what="the guest to reach the server")
    finally:
        world.here.kubectl("label", "pod", "-n", HERE, "stranger", "role-")
    wait_for(lambda: world.who_reaches() == set(), 5, what="nobody to reach the server again")


def test_without_its_agent_a_node_lets_nothing_new_through_and_up_mends_it(world):
    world.apply(policy(ingress=[{"from": [FRIEND]}]))
    wait_for(lambda: world.who_reaches() == {"friend"}, 5, what="the policy to hold")
    world.here.must("component", "kill", AGENT)
    wait_for(lambda: world.here.states()[AGENT] == "failed", 10, what="the agent to be seen as failed")
    assert world.who_reaches() == set()
    assert world.here.labs("status").returncode == 3
    world.here.must("up", "--quiet")
    wait_for(lambda: world.who_reaches() == {"friend"}, 10, what="the policy to hold again")


@pytest.mark.slow
def test_policies_hold_between_nodes(world):
    world.here.must("up", "--quiet", "--nodes", "2")
    try:
        far = {name: pod(name, "labs/shell:1", SLEEP, nodeName="node2") for name in ("far-friend", "far-stranger")}
        far["far-friend"]["metadata"]["labels"]["app"] = "friend"
        world.here.kubectl("apply", "-n", HERE, "-f", "-", input=as_text(*far.values()))
        for name in far:
            world.here.kubectl("wait", "-n", HERE, "--for=condition=Ready", f"pod/{name}", "--timeout=60s")
        assert world.reaches("far-stranger")
        world.apply(policy(ingress=[{"from": [FRIEND]}]))
        wait_for(lambda: not world.reaches("far-stranger"), 5, what="the policy to hold from afar")
        assert world.reaches("far-friend")
        world.apply(policy("two", FRIEND["podSelector"], egress=[DNS]))
        wait_for(lambda: not world.reaches("far-friend"), 5, what="the policy to hold on the other node")
    finally:
        world.here.kubectl("delete", "pod", "-n", HERE, "far-friend", "far-stranger", "--ignore-not-found", "--now")
        world.here.must("up", "--quiet", "--nodes", "1")


@pytest.mark.slow
def test_a_course_that_starts_again_is_not_in_the_open(world, core):
    """What a pod asks again and again, while its node comes back, never gets through; the addresses are others then."""
    world.apply(policy(ingress=[{"from": [FRIEND]}]))
    script = "while :; do curl -s -m 1 -o /dev/null http://web/ && echo through; sleep 0.1; done"
    asking = pod("asking", "labs/shell:1", script, restartPolicy="Always")
    world.here.kubectl("apply", "-n", HERE, "-f", "-", input=as_text(asking))
    wait_for_pods(core, HERE, "app=asking", 1, 60)
    world.here.must("restart")
    wait_for(lambda: world.reaches("friend", "web"), 90, what="the friend to reach the server again")
    wait_for_pods(core, HERE, "app=asking", 1, 90)
    assert not world.reaches("stranger", "web")
    for previous in ([], ["--previous"]):
        assert "through" not in world.here.kubectl("logs", "-n", HERE, "asking", *previous)
    world.here.kubectl("delete", "pod", "-n", HERE, "asking", "--now")
