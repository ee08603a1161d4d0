"""Images by the names that everyone types, without a network: in Docker, in pods, and what is not there."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from labs.kube import docker_output
from labs.waiting import wait_for
from tests.engines.courses import Course

pytestmark = [pytest.mark.engine, pytest.mark.outside]  # the first time, Debian's packages are fetched

PLACE = "names"
IMAGES = {
    "web": "nginx:1.27",
    "plain": "nginxinc/nginx-unprivileged",
    "apache": "docker.io/library/httpd:2.4-alpine",
    "kept": "redis:7",
    "cache": "memcached",
    "tool": "busybox:1.36",
    "linux": "ubuntu",
}
STAYS = {"tool", "linux"}
"""Those that would end at once."""


@pytest.fixture(scope="module")
def here(course) -> Iterator[Course]:
    here = Course(course.name)
    here.must("up", "--quiet")
    here.kubectl("create", "namespace", PLACE)
    for name, image in IMAGES.items():
        command = ["--", "sleep", "600"] if name in STAYS else []
        here.kubectl("run", name, "-n", PLACE, f"--image={image}", *command)
    for name, port in (("web", 80), ("plain", 8080), ("apache", 80)):
        here.kubectl("expose", "pod", name, "-n", PLACE, f"--port={port}")
    here.kubectl("wait", "pods", "--all", "-n", PLACE, "--for=condition=Ready", "--timeout=90s")
    yield here
    here.kubectl("delete", "namespace", PLACE, "--wait=false")


def inside(here: Course, pod: str, script: str) -> str:
    return here.kubectl("exec", "-n", PLACE, pod, "--", "sh", "-c", script)


def test_servers_serve_as_their_models_do(here):
    ask = "wget -T 5 -qO- "
    assert "Welcome to nginx!" in inside(here, "tool", f"{ask} http://web")
    assert "Welcome to nginx!" in inside(here, "tool", f"{ask} http://plain:8080")
    assert "It works!" in inside(here, "tool", f"{ask} http://apache")
    assert inside(here, "kept", "redis-cli set a b && redis-cli get a").split() == ["OK", "b"]
    assert "11211" in inside(here, "cache", "id")


def test_nginx_takes_servers_from_conf_d_and_has_curl(here):
    """As in the official image, a file in conf.d is a part of `http {}`."""
    server = "server { listen 81; location / { return 200 mine; } }"
    inside(here, "web", f"echo '{server}' > /etc/nginx/conf.d/own.conf && nginx -s reload")
    wait_for(lambda: "mine" in inside(here, "web", "curl -s localhost:81 || true"), 20, what="the new server")
    assert "GET / " in here.kubectl("logs", "-n", PLACE, "web")


def test_tools_do_what_scripts_expect_of_them(here):
    assert inside(here, "tool", "printenv HOME").strip() == "/root"
    assert "no" in inside(here, "tool", "printenv NO_SUCH_NAME || echo no")
    # Debian 12's busybox dies here, which a test of a wall would take for a refusal
    assert inside(here, "tool", "wget -T 2 -qO- http://10.255.255.1 2>/dev/null; echo $?").strip() == "1"
    assert inside(here, "linux", "bash -c 'echo ${BASH_VERSION%%.*}'").strip() == "5"


def test_pods_that_run_to_their_end(here):
    here.kubectl("run", "pi", "-n", PLACE, "--image=perl:5.34.0", "--restart=Never", "--",
                 "perl", "-Mbignum=bpi", "-wle", "print bpi(30)")  # fmt: skip
    here.kubectl("run", "said", "-n", PLACE, "--image=python:3.12", "--restart=Never", "--", "python", "-c", "print(7)")
    for pod, expected in (("pi", "3.14159265358979323846264338328"), ("said", "7")):
        here.kubectl("wait", "pod", pod, "-n", PLACE, "--for=jsonpath={.status.phase}=Succeeded", "--timeout=60s")
        assert here.kubectl("logs", "-n", PLACE, pod).strip() == expected


def test_docker_pulls_them_as_well(here):
    client = docker_output.connect(here.engine.docker_host, 60)
    try:
        image = client.images.pull("nginx", tag="1.27-alpine")
        assert "standing in for docker.io/library/nginx" in image.labels["org.opencontainers.image.description"]
        said = client.containers.run("busybox", ["echo", "here"], remove=True)
        assert said == b"here\n"
    finally:
        client.close()


def test_what_is_not_there_is_said_at_once(here):
    here.kubectl("run", "missing", "-n", PLACE, "--image=quay.io/nobody/nothing:8")

    def told() -> bool:
        return "quay.io/nobody/nothing:8: not found" in here.kubectl("describe", "pod", "-n", PLACE, "missing")

    wait_for(told, 20, what="the node to say that there is no such image")


def test_they_are_listed(here):
    told = here.must("images")
    assert "nginx, any tag" in told
    assert "standing in for docker.io/library/nginx" in " ".join(told.split())


def test_helm_reaches_the_registry(here, tmp_path):
    here.must("enable", "helm")
    folder = next(folder for folder in here.engine.command_folders() if (folder / "helm").exists())
    own = {f"HELM_{name}_HOME": str(tmp_path / name) for name in ("CONFIG", "CACHE", "DATA")}
    registry = here.engine.local_registry

    def helm(*words: str) -> str:
        done = here.run(folder / "helm", *words, **own, KUBECONFIG=str(here.engine.kubeconfig))
        assert done.returncode == 0, done.stdout
        return done.stdout

    helm("create", str(tmp_path / "shop"))
    helm("package", str(tmp_path / "shop"), "--destination", str(tmp_path))
    helm("push", str(tmp_path / "shop-0.1.0.tgz"), f"oci://{registry}/charts", "--plain-http")
    chart = (f"oci://{registry}/charts/shop", "--plain-http", "-n", PLACE)
    helm("install", "shop", *chart, "--wait", "--timeout=90s")  # `helm create` wants nginx
    assert "deployed" in helm("list", "-n", PLACE)
    helm("uninstall", "shop", "-n", PLACE, "--wait")
