"""The engine `attached`: a cluster and a Docker Engine that somebody else runs and the user has named."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from contextlib import closing
from dataclasses import asdict

from labs.engines import addons
from labs.engines.base import Component, Engine
from labs.engines.contexts import copy_of_context
from labs.engines.images import assemble
from labs.engines.node_containers import import_into, node_containers
from labs.engines.processes import run
from labs.engines.progress import Reporter, Step, Task, run_tasks
from labs.engines.state import Record, State
from labs.errors import CommandFailed, EngineError, LabsError, NotSupported, Timeout
from labs.waiting import wait_for
from labs.workshop.seat import Seat

__all__ = ["NO_DOCKER", "AttachedEngine"]

NO_DOCKER = "none"
DEFAULT_DOCKER = "unix:///var/run/docker.sock"


class AttachedEngine(Engine):
    """Docker and Kubernetes that are not ours.

    Nothing is made in the cluster here; lessons make namespaces that bear the course's label, and remove only those.
    The user's kubeconfig is read once, and a copy that holds nothing but the named context is kept.

    Args:
        state: the course's folder.
        record: its record; read from the folder when not given.
    """

    kind = "attached"

    def __init__(self, state: State, record: Record | None = None) -> None:
        self.record = record or state.read()
        self.folder, self.state, self.name = state, state.folder, self.record.name
        settings = self.record.settings
        self.context: str = settings["context"]
        self.has_docker = settings["docker"] != NO_DOCKER
        # without one, no program may fall back to a Docker that nobody named
        self.docker_host: str = settings["docker"] if self.has_docker else f"unix://{state.folder}/no-docker.sock"
        self.nodes: list[str] = settings["nodes"]
        self.kubeconfig = state.folder / "kubeconfig"
        self.seat = Seat(**settings["seat"]) if settings.get("seat") else None
        self.registry: str | None = settings["registry"] or (self.seat and self.seat.registry) or None

    @classmethod
    def create(
        cls, state: State, *, name: str, context: str, kubeconfig: str, docker: str, registry: str
    ) -> AttachedEngine:
        """Write down what the user named, or take what was named before.

        Args:
            state: the course's folder.
            name: the course's name.
            context: a kubeconfig context.
            kubeconfig: the file that holds it; empty for kubectl's usual places.
            docker: a value for DOCKER_HOST; empty for Docker's default, ``none`` to do without.
            registry: a registry that Docker and the cluster reach under the same name; may be empty.

        Raises:
            LabsError: there is no such context, or nothing was named.
        """
        record = state.read() if state.exists else Record(name=name, engine="attached", settings={"nodes": []})
        known = record.settings
        has_copy = (state.folder / "kubeconfig").exists()
        if has_copy and known.get("context") and not (context or kubeconfig or docker or registry):
            return cls(state)
        needs_copy = bool(context or kubeconfig or not has_copy)
        context = context or known.get("context", "")
        if not context:
            raise NotSupported(
                "No cluster was named, and the course never takes the current context by itself.",
                "Name one: `labs up --context NAME`; `kubectl config get-contexts` lists them.",
            )
        docker = docker or known.get("docker") or os.environ.get("DOCKER_HOST") or DEFAULT_DOCKER
        registry = registry or known.get("registry", "")
        for what, wanted in (("context", context), ("docker", docker)):
            if known.get(what, wanted) != wanted:  # what lessons have made there would be forgotten
                raise NotSupported(
                    f"The course {name!r} is attached to {known[what]!r} already.",
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
        """See that both answer and that the base images are there. Raises LabsError; then nothing new is kept."""
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
                self.folder.remove()
            raise

    def _reach_cluster(self, step: Step) -> None:
        self._kubectl("get", "--raw=/version")
        if not self.seat and not self._may("create", "namespaces"):
            raise NotSupported(
                f"In the cluster of {self.context!r} you may not create namespaces, which every lesson does.",
                "Ask its administrator, or choose a cluster of your own (kind, minikube, Docker Desktop).",
            )
        nodes = json.loads(self._kubectl("get", "nodes", "-o", "json"))["items"]
        self.nodes = [node["metadata"]["name"] for node in nodes]
        self.record.settings["nodes"] = self.nodes
        self.folder.write(self.record)

    def _may(self, verb: str, resource: str) -> bool:
        try:
            return self._kubectl("auth", "can-i", verb, resource).strip() == "yes"
        except CommandFailed:
            return False

    def _reach_docker(self, step: Step) -> None:
        self._docker().close()

    def _load_docker(self, step: Step) -> None:
        with closing(self._docker()) as client:
            have = {tag for image in client.images.list() for tag in image.tags}
            if have.issuperset(assemble.BASE):
                return
            for tag, archive in assemble.base_images(step).items():
                if tag not in have:
                    with archive.open("rb") as file:
                        client.images.load(file)

    def _load_nodes(self, step: Step) -> None:
        for tag in self._missing_on_nodes():
            step.update(tag)
            try:
                name = self.load_image(tag)
            except NotSupported as refusal:  # a node tells of a new image up to half a minute later
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
        nodes = json.loads(self._kubectl("get", "nodes", "-o", "json"))["items"]
        have = [
            {
                name.removeprefix("docker.io/")
                for image in node["status"].get("images", [])
                for name in image["names"] or []
            }
            for node in nodes
        ]
        return [tag for tag in assemble.BASE if not all(tag in names for names in have)]

    def load_image(self, reference: str) -> str:
        import docker

        if not self.has_docker:
            raise NotSupported(
                f"There is no Docker here that could have an image {reference!r}.",
                "In a workshop without Docker the instructor puts the lessons' images on the nodes.",
            )
        with closing(self._docker()) as client:
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
                "Use the images that the instructor put there: `labs/web:1`, `labs/shell:1`, `labs/python:3.11`.",
            )
        raise NotSupported(
            f"The cluster of {self.context!r} is neither made of this Docker's containers nor of Docker Desktop.",
            "Name a registry that both reach: `labs up --context NAME --registry HOST:PORT`.",
        )

    def _node_addresses(self) -> dict[str, set[str]]:
        nodes = json.loads(self._kubectl("get", "nodes", "-o", "json"))["items"]
        return {n["metadata"]["name"]: {a["address"] for a in n["status"].get("addresses", [])} for n in nodes}

    def _push(self, client, image, reference: str) -> str:
        name = f"{self.registry}/{reference}"
        image.tag(name)
        for line in client.images.push(name, stream=True, decode=True):
            if "error" in line:
                raise EngineError(f"{self.registry} did not take {name}: {line['error']}.", "Is the registry up?")
        return name

    def status(self) -> list[Component]:
        docker = [self._probe("docker", self._reach_docker)] if self.has_docker else []
        return [*docker, self._probe("kube-apiserver", self._reach_api)]

    def _probe(self, name: str, reach: Callable[[Step], None]) -> Component:
        try:
            reach(Reporter(quiet=True).began(name))
        except LabsError as error:
            return Component(name, "failed", detail=error.what)
        return Component(name, "running", detail="not started by the course")

    def _reach_api(self, step: Step) -> None:
        self._kubectl("get", "--raw=/readyz")

    def start(self, name: str) -> None:
        raise NotSupported(
            f"The course did not start {name}, so it cannot start or stop it.", "That is for whoever runs it."
        )

    def stop(self, name: str) -> None:
        self.start(name)

    def kill(self, name: str) -> None:
        self.start(name)

    def logs(self, name: str, lines: int = 50) -> str:
        raise NotSupported(f"The course did not start {name} and has no log of it.", "Whoever runs it can show one.")

    def remove(self) -> None:
        """Delete the namespaces and Docker's objects that bear this course's label, and the course's folder."""
        if not self.seat:  # else the namespaces are the instructor's
            self._remove_namespaces()
        if self.has_docker:
            self._remove_docker_objects()
        self.folder.remove()

    def _remove_namespaces(self) -> None:
        try:
            selector = f"app.kubernetes.io/managed-by=labs,labs/course={self.label}"
            self._kubectl("delete", "namespaces", "--selector", selector, "--wait=false")
            if self._may("delete", "persistentvolumes"):  # else no lesson could have made one
                volumes = f"labs.course={self.label}"
                self._kubectl("delete", "persistentvolumes", "--selector", volumes, "--wait=false")
        except LabsError as error:
            raise EngineError(
                f"The lessons' namespaces cannot be removed: {error.what}",
                f"Make the cluster reachable and run `labs down` again; if it is gone for good, delete {self.state}.",
            ) from error

    def _remove_docker_objects(self) -> None:
        from labs import resources

        try:
            with closing(self._docker()) as client:
                list(resources.remove_docker_objects(client, {"labs.course": self.label}))
        except Exception as error:
            raise EngineError(
                f"The lessons' containers cannot be removed: {error}",
                f"Make that Docker reachable and run `labs down` again; if it is gone for good, delete {self.state}.",
            ) from error

    def _docker(self):
        import docker

        try:
            return docker.DockerClient(base_url=self.docker_host, timeout=60)  # asks for the version at once
        except docker.errors.DockerException as error:
            raise EngineError(
                f"No Docker Engine answers at {self.docker_host}: {error}.", "Name it: `labs up --docker HOST`."
            ) from error

    def _kubectl(self, *arguments: str) -> str:
        try:
            return run([*addons.kubectl_for(self.kubeconfig), "--request-timeout=15s", *arguments], timeout=60)
        except CommandFailed as error:
            if "can-i" in arguments:
                raise
            raise EngineError(
                f"The cluster of {self.context!r} does not answer as it should: {error.what}",
                f"See whether `kubectl --context {self.context} get nodes` works.",
            ) from error
