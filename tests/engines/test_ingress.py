"""What `labs enable ingress` starts: hosts, paths, TLS, and what is answered for what is not there."""

from __future__ import annotations

import json
from collections.abc import Iterator

import pytest

from labs.engines.cluster.ingress import HTTP_PORT, HTTPS_PORT
from labs.kube.kubectl import kubectl
from labs.waiting import wait_for
from tests.engines.courses import Course
from tests.engines.manifests import as_text, deployment, service

pytestmark = [pytest.mark.engine, pytest.mark.outside]

PLACE = "doors"


def rule(host: str, name: str, path: str = "/", kind: str = "Prefix") -> dict:
    backend = {"service": {"name": name, "port": {"number": 80}}}
    return {"host": host, "http": {"paths": [{"path": path, "pathType": kind, "backend": backend}]}}


def ingress(name: str, *rules: dict, annotations: dict | None = None, **spec: object) -> dict:
    return {
        "apiVersion": "networking.k8s.io/v1",
        "kind": "Ingress",
        "metadata": {"name": name, "annotations": annotations or {}},
        "spec": {"rules": [*rules], **spec},
    }


class World:
    """Two web servers that tell their versions, behind Services."""

    def __init__(self, here: Course) -> None:
        self.here = here
        here.kubectl("create", "namespace", PLACE)
        servers = [deployment("one", "labs/web:1"), deployment("two", "labs/web:2")]
        services = [service("one"), service("two"), service("nobody")]
        here.kubectl("apply", "-n", PLACE, "-f", "-", input=as_text(*servers, *services))
        for name in ("one", "two"):
            here.kubectl("rollout", "status", "-n", PLACE, f"deployment/{name}", "--timeout=60s")

    def apply(self, *objects: dict) -> None:
        self.here.kubectl("apply", "-n", PLACE, "-f", "-", input=as_text(*objects))

    def asks(self, host: str, path: str = "/version", *options: str, port: int = HTTP_PORT) -> str:
        """What is answered, and the status."""
        scheme = "https" if port == HTTPS_PORT else "http"
        url = f"{scheme}://{host}:{port}{path}"
        curl = (
            "curl",
            "-ksS",
            "-m",
            "3",
            "--resolve",
            f"{host}:{port}:127.0.0.1",
            "-w",
            " %{http_code}",
            *options,
            url,
        )
        return " ".join(self.here.run(*curl).stdout.split())

    def answers(self, host: str, expected: str, path: str = "/version", *options: str, port: int = HTTP_PORT) -> None:
        seen = ""

        def is_there() -> bool:
            nonlocal seen
            seen = self.asks(host, path, *options, port=port)
            return seen == expected

        wait_for(is_there, 20, what=f"{host}{path} to answer {expected}", state=lambda: seen)


@pytest.fixture(scope="module")
def world(course) -> Iterator[World]:
    here = Course(course.name)
    here.must("up", "--quiet")
    told = here.must("enable", "ingress")
    assert f"http://localhost:{HTTP_PORT}" in told
    world = World(here)
    yield world
    here.kubectl("delete", "namespace", PLACE, "--wait=false")
    here.must("disable", "ingress")
    assert "ingress" not in here.kubectl("get", "namespaces", "-o", "name")


@pytest.fixture(autouse=True)
def forgotten(world) -> Iterator[None]:
    yield
    world.here.kubectl("delete", "ingress", "-n", PLACE, "--all")


def test_hosts_and_paths(world):
    one, two = rule("one.example", "one"), rule("two.example", "two")
    exact = rule("one.example", "two", "/version", "Exact")
    world.apply(ingress("hosts", one, two, exact), ingress("star", rule("*.wild.example", "two")))
    world.answers("two.example", "2 200")
    world.answers("one.example", "2 200")  # the exact path goes first
    world.answers("any.wild.example", "2 200")
    assert world.asks("one.example", "/").endswith("200")
    assert world.asks("wild.example").endswith("404")
    assert world.asks("nobody.example").endswith("404")
    found = json.loads(world.here.kubectl("get", "ingress", "-n", PLACE, "hosts", "-o", "json"))
    assert found["spec"]["ingressClassName"] == "nginx", "the class that is the default was filled in"
    wait_for(lambda: "127.0.0.1" in world.here.kubectl("get", "ingress", "-n", PLACE, "hosts"), 20, what="an address")


def test_a_service_that_nobody_stands_behind(world):
    world.apply(ingress("empty", rule("empty.example", "nobody"), rule("typo.example", "missing")))
    wait_for(lambda: world.asks("empty.example").endswith("503"), 20, what="503 for a Service without pods")
    assert world.asks("typo.example").endswith("503")


def test_tls(world, tmp_path):
    made = world.here.run(
        *("openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", "/CN=safe.example"),
        *("-addext", "subjectAltName=DNS:safe.example"),
        *("-keyout", tmp_path / "key", "-out", tmp_path / "crt"),
    )
    assert made.returncode == 0, made.stdout
    world.here.kubectl(
        "create", "secret", "tls", "-n", PLACE, "safe", f"--cert={tmp_path}/crt", f"--key={tmp_path}/key"
    )
    world.apply(ingress("tls", rule("safe.example", "one"), tls=[{"hosts": ["safe.example"], "secretName": "safe"}]))
    world.answers("safe.example", "1 200", port=HTTPS_PORT)
    trusting = ("--cacert", str(tmp_path / "crt"))
    url = f"https://safe.example:{HTTPS_PORT}/version"
    seen = world.here.run("curl", "-sS", "--resolve", f"safe.example:{HTTPS_PORT}:127.0.0.1", *trusting, url)
    assert seen.stdout.strip() == "1", "the Secret's own certificate"
    assert world.asks("safe.example").endswith("308"), "plain HTTP leads there"


def test_the_annotations_of_ingress_nginx(world):
    rewrite = {"nginx.ingress.kubernetes.io/rewrite-target": "/$2", "nginx.ingress.kubernetes.io/use-regex": "true"}
    path = rule("old.example", "two", "/shop(/|$)(.*)", "ImplementationSpecific")
    world.apply(ingress("old", path, annotations=rewrite))
    world.answers("old.example", "2 200", "/shop/version")


def test_twice_is_once_and_another_name_is_a_sentence(world):
    world.here.must("enable", "ingress", "--quiet")
    refused = world.here.labs("enable", "mesh")
    assert refused.returncode != 0
    assert "There is: ingress." in refused.stdout


def test_kubectl_says_what_is_typed_on_every_page(world):
    command = ("create", "ingress", "typed", "-n", PLACE, "--rule=typed.example/*=two:80")
    done = world.here.run(kubectl(), f"--kubeconfig={world.here.engine.kubeconfig}", *command)
    assert done.returncode == 0, done.stdout
    world.answers("typed.example", "2 200")
