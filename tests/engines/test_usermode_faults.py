"""What may happen to the engine `usermode`: it is survived, or told in one plain sentence with what to do."""

from __future__ import annotations

import os
import shlex
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import closing, suppress
from http.client import HTTPException
from pathlib import Path
from uuid import uuid4

import docker
import psutil
import pytest
from kubernetes import client, config

from labs.errors import LabsError
from labs.waiting import wait_for, wait_for_http, wait_for_pods
from tests.engines.courses import LABS, is_plain, kill, kill_after
from tests.engines.manifests import as_text, deployment
from tests.engines.unprivileged import UID, Unprivileged, processes_of, somebody

pytestmark = [pytest.mark.engine, pytest.mark.slow, pytest.mark.timeout(900)]

ENVIRONMENT = {"PATH": "/usr/sbin:/usr/bin:/sbin:/bin"}
STATE_BYTES = 1300 << 20
LOCK = "import fcntl, sys; file = open(sys.argv[1], 'r+b'); fcntl.lockf(file, fcntl.LOCK_EX); print('held'); input()"


@pytest.fixture(scope="module")
def person(course) -> Iterator[Unprivileged]:
    """Somebody whose course is up, on a small disk; the session's course has built what they need."""
    with somebody("disks", state_bytes=STATE_BYTES) as one:
        yield one


@pytest.fixture
def here(person) -> Unprivileged:
    person.mounts = ""
    if not person.has_record() or set(person.states().values()) != {"running"}:  # an earlier test left it so
        person.must("up", "--quiet", "--engine", "usermode")
    return person


@pytest.fixture
def stopped(person) -> Unprivileged:
    person.mounts = ""
    if processes_of(UID):
        person.must("stop")
    return person


@pytest.fixture
def image(stopped) -> Path:
    """The disk of a course that has been stopped."""
    return stopped.folder / "state/usermode/guest/disk.img"


def works(here: Unprivileged) -> None:
    """All runs, a container can be started, and a pod is."""
    assert set(here.states().values()) == {"running"}
    engine = here.engine
    with closing(docker.DockerClient(base_url=engine.docker_host, timeout=60)) as docker_client:
        assert docker_client.containers.run("labs/shell:1", "echo it works", remove=True) == b"it works\n"
    namespace = f"test-{uuid4().hex[:6]}"
    here.kubectl("create", "namespace", namespace)
    here.kubectl("-n", namespace, "apply", "-f", "-", input=as_text(deployment("web", "labs/web:1")))
    core = client.CoreV1Api(config.new_client_from_config(str(engine.kubeconfig)))
    wait_for_pods(core, namespace, "app=web", 1, timeout=90)
    here.kubectl("delete", "namespace", namespace, "--wait=false")


def in_guest(here: Unprivileged, *words: str) -> str:
    return here.engine.guest.run(words, env=ENVIRONMENT)


# --- a part


def test_docker_works_without_what_runs_pods(stopped):
    programs = stopped.folder / "cache/bin"
    hidden = {path: stopped.folder / f"hidden-{n}" for n, path in enumerate(sorted(programs.rglob("pause-*")))}
    for path, place in hidden.items():
        path.rename(place)
    go = stopped.folder / "tmp/go"
    go.write_text("#!/bin/sh\n[ $1 != env ] || { echo go1.99.0; exit; }\nexit 1\n")
    go.chmod(0o755)
    try:
        path = f"{go.parent}:{os.environ['PATH']}"
        done = stopped.labs("up", PATH=path, LABS_NO_DOWNLOAD="1", PIP_NO_INDEX="1")
        assert done.returncode == 2
        assert "  ✗ pause (" in done.stdout
        assert "Not done because of that: pause on the nodes, nodes, add-ons" in done.stdout
        with closing(docker.DockerClient(base_url=stopped.engine.docker_host, timeout=60)) as docker_client:
            docker_client.containers.run("labs/web:1", detach=True, name="part", ports={"80/tcp": 8919})
            wait_for_http("http://localhost:8919/")
            docker_client.containers.get("part").remove(force=True)
        states = stopped.states()
        assert {name for name, state in states.items() if state == "running"} >= {"docker", "registry", "ports"}
        assert "Docker works: lessons 00 and 02 can be done." in stopped.labs("status").stdout
    finally:
        go.unlink()
        for path, place in hidden.items():
            shutil.rmtree(path, ignore_errors=True)
            place.rename(path)
    stopped.must("up", "--quiet")
    works(stopped)


# --- the disk


def test_disk_of_another_session(stopped, image):
    with subprocess.Popen([sys.executable, "-uc", LOCK, image], stdin=-1, stdout=-1) as other:
        other.stdout.readline()
        done = stopped.labs("up", "--quiet")
        other.communicate(b"\n")
    assert done.returncode == 2
    assert is_plain(done.stdout)
    assert f"is in use by another program, process {other.pid} (" in done.stdout


def test_disk_whose_first_block_is_torn_is_mended(stopped, image):
    with image.open("r+b") as file:
        file.write(bytes(4096))
    assert "was damaged and has been repaired" in " ".join(stopped.must("up").split())
    assert "has been repaired" in stopped.components()["kernel"]["detail"]
    works(stopped)


def test_disk_beyond_repair_is_set_aside_and_objects_stay(here):
    here.kubectl("create", "configmap", "kept")
    with closing(docker.DockerClient(base_url=here.engine.docker_host)) as docker_client:
        docker_client.images.get("labs/shell:1").tag("lost", "1")
    here.must("stop")
    image = here.folder / "state/usermode/guest/disk.img"
    os.truncate(image, 100 << 20)
    told = " ".join(here.must("up").split())
    assert "was damaged beyond repair" in told
    assert "disk.damaged.img" in told
    assert image.with_name("disk.damaged.img").exists()
    here.kubectl("get", "configmap", "kept")
    with (
        closing(docker.DockerClient(base_url=here.engine.docker_host)) as docker_client,
        pytest.raises(docker.errors.ImageNotFound),
    ):
        docker_client.images.get("lost:1")
    works(here)
    image.with_name("disk.damaged.img").unlink()


def test_full_disk_is_told_and_all_comes_back(here):
    filling = here.folder / "state/filling"
    with filling.open("wb") as file, suppress(OSError):
        while True:
            file.write(bytes(1 << 20))
    script = "for i in $(seq 20); do dd if=/dev/urandom of=/var/lib/big$i bs=1M count=4 conv=fsync; done; sync"
    with suppress(LabsError, OSError):  # the kernel may end meanwhile
        in_guest(here, "sh", "-c", script)
    wait_for(lambda: "failed" in here.states().values(), timeout=60, what="something to have ended")
    status = " ".join(here.labs("status").stdout.split())
    assert "MB free" in status
    done = here.labs("up", "--quiet")
    assert done.returncode == 2
    assert is_plain(done.stdout)
    assert any(words in done.stdout for words in ("disk became full", "MB free"))
    filling.unlink()
    here.must("up", "--quiet")
    works(here)


def noexec(*folders: str | Path) -> str:
    return "".join(f"mount --bind {folder} {folder}\nmount -o remount,bind,noexec {folder}\n" for folder in folders)


def test_folders_for_temporary_files_that_forbid_programs(stopped):
    stopped.mounts = noexec(stopped.folder / "tmp", "/dev/shm", "/var/tmp")
    stopped.must("up", "--quiet")
    works(stopped)


@pytest.mark.parametrize(("folder", "variable"), [("cache", "LABS_CACHE"), ("state", "LABS_STATE")])
def test_folders_of_programs_that_forbid_programs(person, folder, variable):
    person.mounts = noexec(person.folder / folder)
    done = person.labs("up", "--quiet")
    assert done.returncode == 2
    assert is_plain(done.stdout)
    assert "`noexec`" in done.stdout
    assert variable in done.stdout


# --- time, memory and those who call


def test_limited_memory_is_told(person):
    done = person.run("sh", "-c", f"ulimit -v 4000000; {shlex.join(LABS)} up --quiet")
    assert done.returncode == 2
    assert is_plain(done.stdout)
    assert "`ulimit -v unlimited`" in done.stdout


def lag(here: Unprivileged) -> float:
    return time.time() - float(in_guest(here, "date", "+%s.%N"))


def node_is_ready(here: Unprivileged) -> bool:
    return "True" in here.kubectl("get", "nodes", "-o", "jsonpath={..conditions[?(@.type=='Ready')].status}")


def test_clock_is_right_after_an_hour_of_sleep(here):
    in_guest(here, "date", "-s", f"@{time.time() - 3600:.0f}")
    here.must("status")
    assert abs(lag(here)) < 2
    wait_for(lambda: node_is_ready(here), timeout=40, what="the node to be Ready")
    works(here)


def test_processes_that_were_halted_go_on(here):
    running = processes_of(UID)
    for pid in running:
        os.kill(pid, signal.SIGSTOP)
    time.sleep(40)
    for pid in running:
        os.kill(pid, signal.SIGCONT)
    wait_for(lambda: node_is_ready(here), timeout=60, what="the node to be Ready")
    here.must("up", "--quiet")
    assert abs(lag(here)) < 2
    works(here)


def test_program_in_the_guest_that_is_killed_from_outside(here):
    kernel = psutil.Process(here.engine.processes.component("kernel").pid)
    kill(max(kernel.children(), key=lambda each: each.memory_info().rss).pid)
    wait_for(lambda: here.states()["kernel"] == "failed", timeout=30, what="the loss to be seen")
    assert "killed from outside" in " ".join(here.labs("status").stdout.split())
    here.must("up", "--quiet")
    works(here)


def test_client_that_is_killed_leaves_nothing_that_hangs(here):
    guest = here.engine.guest
    call = f"""
from pathlib import Path
from labs.engines.usermode.agent_client import AgentClient
agent = AgentClient(Path({str(guest.folder)!r}))
agent.run(["sh", "-c", "sleep 1234 & sleep 1234; true"], env={ENVIRONMENT}, timeout=99)
"""

    def asleep() -> list[str]:
        return in_guest(here, "sh", "-c", "pgrep -fx 'sleep 1234' || true").split()

    with subprocess.Popen([sys.executable, "-c", call]) as caller:
        wait_for(lambda: len(asleep()) == 2, timeout=20, what="the programs to start")
        caller.kill()
    wait_for(lambda: not asleep(), timeout=5, what="the programs to end")

    call = f"""
import docker
docker.DockerClient(base_url={here.engine.docker_host!r}).containers.run("labs/shell:1", "sleep 1000", name="held")
"""
    with closing(docker.DockerClient(base_url=here.engine.docker_host, timeout=60)) as docker_client:
        with subprocess.Popen([sys.executable, "-c", call]) as caller:
            wait_for(
                lambda: [each.name for each in docker_client.containers.list()] == ["held"],
                timeout=20,
                what="the container to run",
            )
            caller.kill()
        docker_client.containers.get("held").remove(force=True)
    works(here)


def test_ports_of_the_control_plane_taken_meanwhile(stopped):
    before = dict(stopped.engine.record.settings["ports"])
    with socket.create_server(("127.0.0.1", before["kube-apiserver"])):
        stopped.must("up", "--quiet")
        after = stopped.engine.record.settings["ports"]
        assert after["kube-apiserver"] != before["kube-apiserver"]
        assert f"127.0.0.1:{after['kube-apiserver']}" in stopped.engine.kubeconfig.read_text()
        works(stopped)


# --- down, whatever the state


def is_gone(person: Unprivileged) -> bool:
    return not processes_of(UID) and not list((person.folder / "state").iterdir())


def network_killed(here: Unprivileged) -> None:
    kill(here.engine.processes.component("network").pid)


def agent_killed(here: Unprivileged) -> None:
    with suppress(OSError, HTTPException):  # it cannot answer
        in_guest(here, "pkill", "-KILL", "guest-agent")
    assert not here.engine.guest.answers()


def test_down_while_the_kernel_is_halted(here):
    os.kill(here.engine.processes.component("kernel").pid, signal.SIGSTOP)
    began = time.monotonic()
    status = here.labs("status")
    assert status.returncode == 3
    assert "the guest does not answer" in " ".join(status.stdout.split())
    here.must("down")
    assert is_gone(here)
    assert time.monotonic() - began < 30


@pytest.mark.parametrize(
    ("step", "fault"), [("user-mode kernel", None), ("guest", agent_killed), ("containerd", network_killed)]
)
def test_down_after_a_start_that_was_killed(person, step, fault):
    person.mounts = ""
    kill_after(person, step, "--engine", "usermode")
    if fault:
        fault(person)
    assert person.labs("status").returncode == 3
    person.must("down")
    assert is_gone(person)
