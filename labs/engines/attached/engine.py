"""The engine `attached`: a cluster and a Docker Engine that somebody else runs and the user has named."""

from __future__ import annotations

import os
from collections.abc import Callable
from contextlib import closing
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Self

from labs.engines.attached.clients import Kubectl, connect_docker
from labs.engines.attached.kubeconfig_context import copy_of_context
from labs.engines.attached.node_containers import import_into, node_containers
from labs.engines.attached.removal import remove_containers, remove_namespaces
from labs.engines.base import DEFAULTS, CourseOptions, Engine
from labs.engines.cluster.images import assemble
from labs.engines.cluster.images.archive_files import tags_by_archive
from labs.engines.programs import command_line
from labs.engines.runtime.component import Component
from labs.engines.runtime.reporter import Reporter, Step
from labs.engines.runtime.state import Record, State
from labs.engines.runtime.tasks import Task, run_tasks
from labs.engines.seat import Seat
from labs.errors import EngineError, LabsError, NotSupported, Timeout
from labs.waiting import wait_for

if TYPE_CHECKING:
    import docker
    from docker.models.images import Image

__all__ = ["NO_DOCKER", "AttachedEngine"]

NO_DOCKER = "none"
DEFAULT_DOCKER = "unix:///var/run/docker.sock"


class AttachedEngine(Engine):
    """Docker and Kubernetes that are not ours.

    Nothing is made in the cluster here; lessons make namespaces with the course's label, and remove only those.
    The user's kubeconfig is read once, and a copy that holds nothing but the named context is kept.

    Args:
        state: the course's folder.
        record: its record; read from the folder when not given.
    """

    kind = "attached"
    is_managed = False

    def __init__(self, state: State, record: Record | None = None) -> None:
        self.record = record or state.read()
        self.state, self.folder, self.name = state, state.folder, self.record.name
        settings = self.record.settings
        self.context: str = settings["context"]
        self.has_docker = settings["docker"] != NO_DOCKER
        self.nodes: list[str] = settings["nodes"]
        self._kubectl = Kubectl(self.kubeconfig, self.context)
        self.seat = Seat(**settings["seat"]) if settings.get("seat") else None
        self.registry: str | None = settings["registry"] or (self.seat and self.seat.registry) or None

    @property
    def docker_host(self) -> str:
        # without one, no program may fall back to a Docker that nobody named
        docker: str = self.record.settings["docker"]
        return docker if self.has_docker else f"unix://{self.folder}/no-docker.sock"

    @property
    def kubeconfig(self) -> Path:
        return self.folder / "kubeconfig"

    @classmethod
    def create(cls, state: State, *, name: str, options: CourseOptions = DEFAULTS) -> Self:
        """Write down what the user named, or take what was named before.

        Args:
            state: the course's folder.
            name: the course's name.
            options: where empty, what was named before counts; then, for Docker, ``DOCKER_HOST`` and its default.

        Raises:
            LabsError: there is no such context, nothing was named, or the options ask for nodes.
        """
        if options.nodes is not None:
            raise NotSupported(
                "The nodes of a cluster that the course did not start are not its own to add or to take away.",
                "Leave out `--nodes`.",
            )
        context, kubeconfig, docker, registry = options.context, options.kubeconfig, options.docker, options.registry
        record = state.read() if state.exists else Record(name=name, engine=cls.kind, settings={"nodes": []})
        earlier = record.settings
        has_copy = (state.folder / "kubeconfig").exists()
        if has_copy and earlier.get("context") and not (context or kubeconfig or docker or registry):
            return cls(state)
        needs_copy = bool(context or kubeconfig or not has_copy)
        context = context or earlier.get("context", "")
        if not context:
            raise NotSupported(
                "No cluster was named, and the course never takes the current context by itself.",
                "Name one: `labs up --context NAME`; `kubectl config get-contexts` lists them.",
            )
        docker = docker or earlier.get("docker") or os.environ.get("DOCKER_HOST") or DEFAULT_DOCKER
        registry = registry or earlier.get("registry", "")
        for what, wanted in (("context", context), ("docker", docker)):
            if earlier.get(what, wanted) != wanted:  # what lessons have made there would be forgotten
                raise NotSupported(
                    f"The course {name!r} is attached to {earlier[what]!r} already.",
                    "Run `labs down` first, or choose another course: `labs --name NAME up --context ...`.",
                )
        copy = copy_of_context(context, kubeconfig) if needs_copy else None
        record.settings |= {"context": context, "docker": docker, "registry": registry}
        if copy is not None:
            seat = Seat.of_kubeconfig(copy)
            record.settings["seat"] = asdict(seat) if seat else None
        state.write(record)
        if copy is not None:
            state.write_file("kubeconfig", copy)
        state.make_folder("lessons", mode=0o700)
        return cls(state)

    @property
    def label(self) -> str:
        """Others may attach to the same cluster, with a course of the same name."""
        return f"{self.name}-{self.record.id}"

    def up(self, reporter: Reporter) -> None:
        """See that both answer and that the base images are there.

        Args:
            reporter: shows each step.

        Raises:
            LabsError: one of them does not; then nothing new is kept.
        """
        is_new = not self.nodes
        try:
            tasks: dict[str, Task] = {"cluster": ((), self._reach_cluster)}
            if self.has_docker:
                tasks |= {
                    "Docker Engine": ((), self._reach_docker),
                    "base images in Docker": (("Docker Engine",), self._load_docker),
                }
            if not self.seat:  # a workshop's nodes have them from its instructor
                tasks["base images on the nodes"] = (tuple(tasks), self._load_nodes)
            run_tasks(tasks, reporter)
        except BaseException:
            if is_new:
                self.state.remove()
            raise

    def prepare(self, reporter: Reporter) -> None:
        """Nothing is to be fetched or built: both are there already."""

    def halt(self) -> None:
        """Nothing is stopped: those who run both may need them for something else."""

    def _reach_cluster(self, step: Step) -> None:
        self._kubectl.run("get", "--raw=/version")
        if not self.seat and not self._kubectl.may("create", "namespaces"):
            raise NotSupported(
                f"In the cluster of {self.context!r} you may not create namespaces, which every lesson does.",
                "Ask its administrator, or choose a cluster of your own (kind, minikube, Docker Desktop).",
            )
        self.nodes = [node["metadata"]["name"] for node in self._kubectl.nodes()]
        self.record.settings["nodes"] = self.nodes
        self.state.write(self.record)

    def _reach_docker(self, step: Step) -> None:
        connect_docker(self.docker_host).close()

    def _load_docker(self, step: Step) -> None:
        with closing(connect_docker(self.docker_host)) as client:
            have = {tag for image in client.images.list() for tag in image.tags}
            if have.issuperset(assemble.BASE):
                return
            for archive, tags in tags_by_archive(assemble.base_images(step)).items():
                if not tags <= have:
                    with archive.open("rb") as file:
                        client.images.load(file)

    def _load_nodes(self, step: Step) -> None:
        for tag in self._missing_on_nodes():
            step.update(tag)
            try:
                name = self.load_image(tag)
            except NotSupported as refusal:  # a node reports a new image up to half a minute later
                self._wait_for_images(refusal)
                return
            if name != tag:
                step.reporter.console.print(f"  In this cluster's pods {tag} is named {name}.", highlight=False)

    def _wait_for_images(self, refusal: NotSupported) -> None:
        try:
            wait_for(
                lambda: not self._missing_on_nodes(), timeout=45, what="the nodes to report the images", interval=2
            )
        except Timeout:
            raise refusal from None

    def _missing_on_nodes(self) -> list[str]:
        """Base images that a node does not report to have."""
        have = [
            {
                name.removeprefix("docker.io/")
                for image in node["status"].get("images", [])
                for name in image["names"] or []
            }
            for node in self._kubectl.nodes()
        ]
        return [tag for tag in assemble.BASE if not all(tag in names for names in have)]

    def load_image(self, reference: str) -> str:
        import docker

        if not self.has_docker:
            raise NotSupported(
                f"There is no Docker here that could have an image {reference!r}.",
                "In a workshop without Docker the instructor puts the lessons' images on the nodes.",
            )
        with closing(connect_docker(self.docker_host)) as client:
            try:
                image = client.images.get(reference)
            except docker.errors.ImageNotFound:
                raise EngineError(f"Docker has no image {reference!r}.", "Build it first.") from None
            # who shares a cluster may not put an image on its nodes: another's may have the same name
            containers = [] if self.seat else node_containers(client, self._node_addresses())
            if containers:
                for container in containers:
                    import_into(container, image, reference)
                return reference
            if self.context == "docker-desktop":  # its nodes share Docker's images
                return reference
            if self.registry:
                return self._push(client, image, reference)
        if self.seat:
            raise NotSupported(
                "This workshop has no registry, so an image of yours cannot reach the nodes.",
                "Use the images that the instructor put there: `labs/web:1`, `labs/shell:1`, `labs/python:3`.",
            )
        raise NotSupported(
            f"The cluster of {self.context!r} is neither made of this Docker's containers nor of Docker Desktop.",
            "Name a registry that both reach: `labs up --context NAME --registry HOST:PORT`.",
        )

    def _node_addresses(self) -> dict[str, set[str]]:
        return {
            node["metadata"]["name"]: {each["address"] for each in node["status"].get("addresses", [])}
            for node in self._kubectl.nodes()
        }

    def _push(self, client: docker.DockerClient, image: Image, reference: str) -> str:
        name = f"{self.registry}/{reference}"
        image.tag(name)
        for line in client.images.push(name, stream=True, decode=True):
            if "error" in line:
                raise EngineError(f"{self.registry} did not take {name}: {line['error']}.", "Is the registry up?")
        return name

    def command_folders(self) -> list[Path]:
        return [command_line.helm_folder()]

    def status(self) -> list[Component]:
        docker = [self._probe("docker", self._reach_docker)] if self.has_docker else []
        return [*docker, self._probe("kube-apiserver", self._reach_api)]

    def _probe(self, name: str, reach: Callable[[Step], None]) -> Component:
        try:
            reach(Reporter(quiet=True).begin(name))
        except LabsError as error:
            return Component(name, "failed", detail=error.what)
        return Component(name, "running", detail="not started by the course")

    def _reach_api(self, step: Step) -> None:
        self._kubectl.run("get", "--raw=/readyz")

    def start(self, name: str) -> None:
        raise NotSupported(
            f"The course did not start {name}, so it cannot start or stop it.", "That is for those who run it."
        )

    def stop(self, name: str) -> None:
        self.start(name)

    def kill(self, name: str) -> None:
        self.start(name)

    def logs(self, name: str, lines: int = 50) -> str:
        raise NotSupported(f"The course did not start {name} and has no log of it.", "Those who run it can show one.")

    def remove(self) -> None:
        """Delete the namespaces and Docker's objects with this course's label, and the course's folder."""
        if not self.seat:  # else the namespaces are the instructor's
            remove_namespaces(self._kubectl, self.label, self.folder)
        if self.has_docker:
            remove_containers(self.docker_host, self.label, self.folder)
        self.state.remove()
