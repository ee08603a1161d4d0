"""A private Docker Engine in a machine of its own, and the image registry beside it."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping, Sequence
from contextlib import closing, suppress
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from labs.engines.cluster.images.archive_files import archive_mark, link_or_copy, tags_by_archive
from labs.engines.cluster.machine import Machine
from labs.engines.programs import catalog
from labs.engines.programs.docker_programs import is_current
from labs.engines.programs.node_tools import Tools
from labs.engines.runtime.component import Component
from labs.engines.runtime.state import State
from labs.engines.runtime.user_folders import owner
from labs.errors import CommandFailed, EngineError
from labs.kube import docker_output
from labs.waiting import wait_for

if TYPE_CHECKING:
    import docker

__all__ = ["DOCKER", "REGISTRY", "REGISTRY_PORT", "DockerEngine", "docker_archive", "with_version"]

PATIENCE = 120  # seconds for an answer: a disk that is slow may take long with an image

DOCKER = "docker"
REGISTRY = "registry"
REGISTRY_PORT = 5000
VERSION = "docker/version.json"
STAND_INS = "stand-ins"
"""The file that names the archive which the registry takes images of docker.io from."""


REGISTRY_CONFIG = """\
version: 0.1
log: {level: warn, accesslog: {disabled: true}}
storage:
  filesystem: {rootdirectory: /var/lib/registry}
  delete: {enabled: true}
http: {addr: ":5000"}
"""


class DockerEngine:
    """dockerd and the registry of one course.

    Args:
        machine: where they run.
        state: the course's folder.
        tools: the node's programs.
        dns: the name server for what is no container's name.
        listen: what dockerd listens on, as the machine sees it; it must lead to `socket`.
        containerd: the socket of a containerd that it shares; empty for one of its own.
        programs: the folder that the machine sees as /opt/kube-labs-bin.
        component: what dockerd is called among the course's daemons.
        group: the group id, as the machine counts, that its socket is for; None for `owner` of this system.
        insecure: image registries that it may use without a certificate.
        mirror: what is asked for images of docker.io first: the registry beside it, unless another is named.
    """

    def __init__(
        self,
        machine: Machine,
        state: State,
        tools: Tools,
        *,
        dns: str,
        listen: str = "unix:///run/labs/docker.sock",
        containerd: str = "",
        programs: str = "docker/bin",
        component: str = DOCKER,
        group: int | None = None,
        insecure: Sequence[str] = (),
        mirror: str = f"http://127.0.0.1:{REGISTRY_PORT}",
    ) -> None:
        self.machine, self.state, self.tools, self.dns = machine, state, tools, dns
        self.listen, self.containerd, self.programs = listen, containerd, programs
        self.component, self.group, self.insecure, self.mirror = component, group, insecure, mirror

    @staticmethod
    def binds(state: State, tools: Tools) -> list[tuple[Path, str, str]]:
        """What the machine must see of the host."""
        uid, gid = owner()
        return [
            (state.make_folder("docker/data", mode=0o710), "/var/lib/docker", "rw"),
            (state.make_folder("docker/registry"), "/var/lib/registry", "rw"),
            (state.make_folder("docker/run", mode=0o700, uid=uid, gid=gid), "/run/labs", "rw"),
            (state.make_folder("docker/bin"), "/opt/kube-labs-bin", "ro"),
            *tools.binds,
        ]

    @property
    def socket(self) -> Path:
        return self.state.folder / "docker/run/docker.sock"

    @property
    def docker_host(self) -> str:
        return f"unix://{self.socket}"

    def start(self, program: Path | None = None) -> None:
        """Start dockerd unless it runs, and wait until it answers.

        Args:
            program: a dockerd of the course's own; None for the one among the tools.

        Raises:
            EngineError: it did not start.
        """
        dockerd = "dockerd"
        if program:
            link_or_copy(program, self.state.folder / self.programs / "dockerd")
            dockerd = "/opt/kube-labs-bin/dockerd"
        self.machine.spawn(
            self.component,
            [
                dockerd,
                f"--host={self.listen}",
                *([f"--containerd={self.containerd}"] if self.containerd else []),
                "--data-root=/var/lib/docker",
                "--exec-root=/run/docker",
                "--pidfile=/run/docker.pid",
                "--userland-proxy=false",
                "--ip6tables=false",  # no container has such an address, and each rule is a program that runs
                *self._runtime(),
                f"--dns={self.dns}",
                f"--registry-mirror={self.mirror}",
                "--log-level=warn",
                *([] if self.group is None else [f"--group={self.group}"]),
                *(f"--insecure-registry={each}" for each in self.insecure),
            ],
            env={**self.tools.env, "DOCKER_INSECURE_NO_IPTABLES_RAW": "1"},  # no other machine reaches containers
        )
        try:
            wait_for(self._answers, timeout=60, what="the Docker Engine to answer", interval=0.05)
        except EngineError:
            raise
        except Exception as error:
            raise EngineError(
                f"The Docker Engine did not start: {self.machine.daemons.tail(self.component, 2) or error}",
                "`labs logs docker` shows what it wrote; `labs doctor` tells what this system lacks.",
            ) from error
        if self.group is None:
            os.chown(self.socket, *owner())
        self._note_version()

    def _note_version(self) -> None:
        """Write down which Docker runs, and why no newer one, for `labs status`."""
        with closing(self.client()) as client:
            version = client.version()["Version"]
        note = {"version": version, "why_old": self.tools.why_old}
        self.state.write_file(VERSION, json.dumps(note), mode=0o644)

    def _runtime(self) -> list[str]:
        name = Path(self.tools.runtime).name
        return [] if name == "runc" else [f"--add-runtime={name}={self.tools.runtime}", f"--default-runtime={name}"]

    def start_registry(self, program: Path) -> None:
        """Start the image registry unless it runs."""
        folder = self.state.folder / self.programs
        link_or_copy(program, folder / "registry")
        self.state.write_file(folder / "registry.yml", REGISTRY_CONFIG, mode=0o644)
        self.machine.spawn(
            REGISTRY,
            ["/opt/kube-labs-bin/registry", "serve", "/opt/kube-labs-bin/registry.yml"],
            env={**self.tools.env, "OTEL_TRACES_EXPORTER": "none", "STANDINS": f"/opt/kube-labs-bin/{STAND_INS}"},
        )

    def offer(self, archives: Sequence[Path]) -> None:
        """Have the registry answer for images of the first archive, under the names that these have.

        Args:
            archives: of the cache; the others have layers that the first leaves out.
        """
        inside = []
        for archive in archives:
            path = self.machine.archive_path_inside(archive)
            if path is None:
                link_or_copy(archive, self.state.folder / self.programs / archive.name)
                path = f"/opt/kube-labs-bin/{archive.name}"
            inside.append(path)
        pointer, text = self.state.folder / self.programs / STAND_INS, "\n".join(inside)
        # the registry reads them again whenever this is written
        if not pointer.exists() or pointer.read_text(encoding="utf-8") != text:
            self.state.write_file(pointer, text, mode=0o644)
        for old in pointer.parent.glob(f"{STAND_INS}-*.tar"):  # of an earlier version of the course
            if old.name != archives[0].name:
                old.unlink()

    def load(self, archives: Mapping[str, Path]) -> None:
        """Load the image archives whose tags Docker does not have, or has of other bytes."""
        with closing(self.client()) as client:
            have = {tag for image in client.images.list() for tag in image.tags}
            for archive, tags in tags_by_archive(archives).items():
                mark = self.state.folder / "docker" / f"loaded-{archive.stem}"
                if not tags <= have or not mark.exists() or mark.read_text(encoding="utf-8") != archive_mark(archive):
                    self._load(client, archive)
                    mark.write_text(archive_mark(archive), encoding="utf-8")

    def _load(self, client: docker.DockerClient, archive: Path) -> None:
        """Load one archive of the cache, the short way where there is one."""
        inside = self.machine.archive_path_inside(archive)
        if inside:
            command = ["docker", f"--host={self.listen}", "load", "--quiet", "--input", inside]
            with suppress(CommandFailed):  # a system may have dockerd without its command
                self.machine.run(command, env=self.tools.env, timeout=300)
                return
        with archive.open("rb") as file:
            client.images.load(file)

    def client(self) -> docker.DockerClient:
        """A client of the docker package."""
        return docker_output.connect(self.docker_host, PATIENCE)

    def _answers(self) -> bool:
        self.machine.daemons.check_alive(self.component)
        try:
            with closing(self.client()) as client:  # asks for the version at once
                return bool(client.ping())
        except Exception:  # any refusal means: not yet; after a crash the old socket is still there
            return False


def with_version(component: Component, folder: Path) -> Component:
    """A component as it is; where it is Docker, and older than the course asks for, with a remark that says so.

    Args:
        component: one of the course's.
        folder: the course's.
    """
    if component.name != DOCKER or component.state != "running" or component.detail:
        return component
    try:
        note = json.loads((folder / VERSION).read_text(encoding="utf-8"))
        version, why = note["version"], note["why_old"]
        if is_current("dockerd", version.partition("+")[0]):
            return component
    except (OSError, ValueError, KeyError, TypeError):  # a course that an older version of ours has started
        return component
    oldest = catalog.docker()["minimum"]["dockerd"]
    because = f": {why}" if why else ""
    return replace(component, detail=f"{version}, older than the {oldest} that lessons are written for{because}")


def docker_archive(docker_host: str, reference: str) -> bytes:
    """An image of Docker's as an archive.

    Args:
        docker_host: a value for ``DOCKER_HOST``.
        reference: the image's name.

    Raises:
        EngineError: Docker does not answer, or has no such image.
    """
    import docker

    try:
        client = docker_output.connect(docker_host, PATIENCE)
    except docker.errors.DockerException as error:
        raise EngineError("The Docker Engine does not answer.", "`labs up` starts what does not run.") from error
    with closing(client):
        try:
            return b"".join(client.images.get(reference).save(named=reference))
        except docker.errors.ImageNotFound:
            have = sorted(tag for image in client.images.list() for tag in image.tags)
            raise EngineError(
                f"Docker has no image {reference!r}.", f"Build it first; Docker has: {', '.join(have) or 'none'}."
            ) from None
