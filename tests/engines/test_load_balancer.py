"""Services of type LoadBalancer get an address that answers: on this machine, in containers and in pods."""

from __future__ import annotations

import json

import pytest

from labs.waiting import wait_for, wait_for_pods
from tests.engines.courses import Course
from tests.engines.manifests import as_text, deployment, pod, service

pytestmark = pytest.mark.engine


def balancer(name: str, app: str) -> dict:
    made = service(name)
    made["spec"] |= {"type": "LoadBalancer", "selector": {"app": app}}
    return made


def address(here: Course, namespace: str, name: str) -> str:
    """The address that a Service has got; empty before."""
    found = json.loads(here.kubectl("get", "service", "-n", namespace, name, "-o", "json"))
    return "".join(each["ip"] for each in found["status"]["loadBalancer"].get("ingress", []))


def test_an_address_that_answers(here, core, docker_client, namespace):
    asks = pod("asks", "labs/shell:1", "sleep 600")
    two = [balancer("one", "web"), balancer("other", "web")]
    here.kubectl("apply", "-n", namespace, "-f", "-", input=as_text(deployment("web", "labs/web:1"), asks, *two))
    found = {
        name: wait_for(lambda name=name: address(here, namespace, name), 20, what="an address")
        for name in ("one", "other")
    }
    assert len({*found.values()}) == 2
    for app in ("web", "asks"):
        wait_for_pods(core, namespace, f"app={app}", 1, 60)

    url = f"http://{found['one']}/version"
    curl = ["curl", "-sS", "-m", "5", url]
    wait_for(lambda: here.run(*curl).stdout.strip() == "1", 20, what=f"{url} to answer on this machine")
    assert here.kubectl("exec", "-n", namespace, "asks", "--", *curl).strip() == "1"
    container = docker_client.containers.run("labs/shell:1", curl, labels=["test"], detach=True)
    assert container.wait()["StatusCode"] == 0, container.logs()
    assert container.logs().strip() == b"1"

    here.kubectl("patch", "service", "-n", namespace, "one", "-p", '{"spec": {"type": "ClusterIP"}}')
    wait_for(lambda: not address(here, namespace, "one"), 10, what="the address to be taken back")
    assert here.run(*curl).returncode != 0
    here.kubectl("delete", "service", "-n", namespace, "one")
    here.kubectl("apply", "-n", namespace, "-f", "-", input=as_text(balancer("next", "web")))
    wait_for(lambda: address(here, namespace, "next") == found["one"], 20, what="the address to be given again")
