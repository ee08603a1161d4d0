"""A dockerd of the tests' own whose builds have this machine's network; the course's containers have none."""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress
from pathlib import Path

import docker

from labs.engines.programs.node_tools import find_tools
from labs.engines.runtime.command import run
from labs.engines.runtime.reporter import Reporter
from labs.waiting import wait_for
from tests.bare import root

__all__ = ["base_image", "engine"]

NO_NETWORK_OF_ITS_OWN = ("--bridge=none", "--iptables=false", "--ip6tables=false", "--ip-forward=false")
CGROUP = "labs-binder-build"


@contextmanager
def engine() -> Iterator[docker.DockerClient]:
    """A client of a dockerd in this machine's own network namespace, of which nothing is left afterwards."""
    tools = find_tools(Reporter(quiet=True).begin("tools"))
    settings = Path("/etc/docker")  # where a dockerd puts a key, whatever it is told
    had_settings = settings.exists()
    with tempfile.TemporaryDirectory(dir="/var/tmp", prefix="labs-docker-") as folder:
        socket = f"unix://{folder}/docker.sock"
        places = [f"--host={socket}", f"--data-root={folder}/data", f"--exec-root={folder}/run"]
        # its containerd, and what that starts, end with its PID namespace, and its mounts with the other one
        apart = ["unshare", "--mount", "--propagation=private", "--pid", "--fork", "--kill-child", "--mount-proc"]
        with open(f"{folder}/log", "w") as log:
            process = subprocess.Popen(
                [*apart, "dockerd", *places, f"--pidfile={folder}/pid", f"--cgroup-parent=/{CGROUP}",
                 *NO_NETWORK_OF_ITS_OWN, "--log-level=warn"],
                env={**os.environ, **tools.outside()}, stdout=log, stderr=subprocess.STDOUT,
            )  # fmt: skip
        try:
            wait_for(
                lambda: _answers(socket, process),
                timeout=60,
                what="the dockerd of this test",
                state=Path(folder, "log").read_text,
            )
            with closing(docker.DockerClient(base_url=socket, timeout=3600)) as client:
                yield client
        finally:
            process.kill()
            process.wait()
            if not had_settings:
                shutil.rmtree(settings, ignore_errors=True)
            wait_for(_no_cgroup, timeout=10, what=f"the cgroup {CGROUP} to be empty")


def base_image(client: docker.DockerClient, suite: str, name: str) -> None:
    """Import a bare root as an image whose build steps find the way to the internet.

    Args:
        client: of the Docker Engine.
        suite: Debian's name of the system, such as ``bookworm``.
        name: the image's.
    """
    with tempfile.TemporaryDirectory(dir="/var/tmp", prefix="labs-bare-") as folder:
        root.unpack(suite, Path(folder, "root"))
        run(["tar", "-cf", f"{folder}/root.tar", "--numeric-owner", "-C", f"{folder}/root", "."], timeout=300)
        repository, _, tag = name.partition(":")
        client.api.import_image_from_file(
            f"{folder}/root.tar",
            repository=repository,
            tag=tag,
            changes=[f"ENV {key}={value}" for key, value in root.network().items()],
        )


def _no_cgroup() -> bool:
    """Whether nothing is left of the cgroups of its builds; what is empty is removed."""
    tops = [*Path("/sys/fs/cgroup").glob(CGROUP), *Path("/sys/fs/cgroup").glob(f"*/{CGROUP}")]
    for top in tops:
        for each in [*sorted(top.rglob("*/"), reverse=True), top]:
            with suppress(OSError):
                each.rmdir()
    return not any(top.exists() for top in tops)


def _answers(socket: str, process: subprocess.Popen) -> bool:
    assert process.poll() is None, "dockerd has ended"
    try:
        with closing(docker.DockerClient(base_url=socket)) as client:
            return client.ping()
    except docker.errors.DockerException:
        return False
