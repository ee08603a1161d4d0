"""A learner's session: `Lab` points both clients at the course, and gives hints, checks and a way back.

Nothing outside the kernel's process is changed: neither the user's kubeconfig nor their environment.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from labs import checks
from labs.curriculum import lessons
from labs.display import say, show, show_last_traceback, table
from labs.engines.base import Engine
from labs.engines.runtime.component import Component
from labs.engines.runtime.files import make_readable
from labs.engines.runtime.image_reference import with_tag
from labs.errors import LabsError, NotRunning
from labs.explain import explain
from labs.kube import object_diff
from labs.kube.clients import Clients
from labs.progress import store
from labs.session import hints, progress_report, resetting
from labs.session.kernel_environment import set_environment, wait_for_startup, write_kubeconfig
from labs.session.starting_point import going_on_in, run_cells

__all__ = ["Lab"]

_ROUTES = ("Python", "kubectl", "YAML")
_WITHOUT_KUBERNETES = ("docker", "registry", "ports")


class Lab:
    """One lesson on one engine; `labs.session.opening.open_lab` makes it.

    Attributes:
        lesson: such as ``"04"``.
        engine: the engine (`labs.engines.base.Engine`).
        namespace: the lesson's namespace, such as ``lab-04``.
        labels: for Docker calls (``labels=``) and for PersistentVolumes, so that `reset` finds what the lesson made.
        uses_kubernetes: False when the lab was opened with ``kubernetes=False``.
    """

    def __init__(self, lesson: str, engine: Engine, namespace: str, *, uses_kubernetes: bool = True) -> None:
        self.lesson, self.engine, self.namespace, self.uses_kubernetes = lesson, engine, namespace, uses_kubernetes
        self.labels = {"labs.course": engine.label, "labs.lesson": lesson}
        self._hints_shown: dict[str, int] = {}
        self._last_causes: dict[str, str] = {}
        self._clients: tuple[int, Clients] | None = None
        self._copied = 0

    def __repr__(self) -> str:
        return f"Lab({self.lesson!r}, course={self.engine.name!r}, namespace={self.namespace!r})"

    @property
    def kubeconfig(self) -> Path:
        """The lesson's own kubeconfig: the course's, with the lesson's namespace as the default."""
        return self.engine.folder / "lessons" / self.lesson / "kubeconfig"

    @property
    def folder(self) -> Path:
        """A folder for the lesson's own files, such as a Dockerfile; `reset` and `cleanup` remove it."""
        folder = self.kubeconfig.with_name("files")
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        return folder

    @property
    def project(self) -> Path:
        """The folder of the side project that the lessons carry to Kubernetes: programs and a Dockerfile."""
        folder = lessons.root() / "notebooks" / "weather"
        make_readable(folder)  # images are built of it
        return folder

    @property
    def clients(self) -> Clients:
        """The clients that checks and `reset` use; cells make their own. They follow a course that was set up again."""
        version = self._refresh_kubeconfig()
        if self._clients is None or self._clients[0] != version:
            self._clients = version, Clients(self.engine.docker_host, self.kubeconfig)
        return self._clients[1]

    def components(self) -> list[Component]:
        """What of the engine the lesson needs, and its state."""
        return [c for c in self.engine.status() if self.uses_kubernetes or c.name in _WITHOUT_KUBERNETES]

    def check(self, check_id: str) -> None:
        """Check an exercise against live state, and show the verdict.

        Where finding a cause is the exercise, the cause is shown when it was the same the time before.

        Args:
            check_id: such as ``"ex-04-1"``.

        Raises:
            NotYet: it is not solved yet.
            CouldNotCheck: the engine could not be asked.
            LabsError: there is no such exercise, or it is another lesson's.
        """
        if (belongs_to := checks.find(check_id).id.split("-")[1]) != self.lesson:
            todo = f"`labs check {check_id}` in a terminal checks it from anywhere."
            raise LabsError(f"{check_id} belongs to lesson {belongs_to}, and this is lesson {self.lesson}.", todo)
        verdict = checks.run(check_id, self)
        progress_report.checked(self, verdict)
        if (symptom := checks.find(check_id).symptom) and verdict.status == checks.NOT_YET:
            before, self._last_causes[check_id] = self._last_causes.get(check_id), verdict.expected
            verdict = verdict if before == verdict.expected else verdict.without_cause(symptom)
        show(verdict)
        error = verdict.error()
        if error:
            error.one_line = f"{check_id} {verdict.status}: {error.what}"  # the verdict above has said the rest
            raise error
        try:
            store.record(check_id)
        except (LabsError, OSError) as error:
            say(f"Your progress could not be saved: {error}")

    def hint(self, exercise_id: str) -> None:
        """Show the next hint for an exercise; after the last one, the last one again.

        Args:
            exercise_id: such as ``"ex-04-1"``.

        Raises:
            LabsError: there is no such exercise.
        """
        number = self._hints_shown[exercise_id] = self._hints_shown.get(exercise_id, 0) + 1
        show(hints.hint(exercise_id, number, self.engine.seat))

    def solution(self, exercise_id: str) -> None:
        """Show the reference solution of an exercise; other ways may be as good.

        Args:
            exercise_id: such as ``"ex-04-1"``.

        Raises:
            LabsError: there is no such exercise.
        """
        show(hints.solution(exercise_id, self.engine.seat))

    def same(self, *things: Any, ignore: tuple[str, ...] = (), **named: Any) -> None:
        """Prove that objects ask for the same, however they were made.

        What the API server sets (status, uid, resourceVersion, managedFields, cluster IP and the like) does not count.

        Args:
            things: client models, dictionaries, YAML or JSON text, or what ``out = !kubectl get ... -o yaml`` gives.
                Three are called Python, kubectl and YAML, in this order.
            ignore: paths to leave out, such as ``("metadata.name",)``.
            named: more objects, each by what to call it.

        Raises:
            LabsError: they differ; the message names the first fields.
        """
        names = _ROUTES if len(things) == len(_ROUTES) else [f"object {i}" for i in range(1, len(things) + 1)]
        all_things: Mapping[str, Any] = dict(zip(names, things, strict=True)) | named
        specs = object_diff.compare(all_things, ignore)
        title = f"{' = '.join(specs)}: same ({object_diff.count_fields(next(iter(specs.values())))} fields)"
        show(table(object_diff.overview(all_things, specs), ("made by", "kind", "name", "fields"), title=title))

    def load_image(self, reference: str) -> str:
        """Give an image of Docker to every node, so that pods can use it; as ``kind load docker-image`` does.

        Args:
            reference: such as ``"my-app:1"``; without a tag it means ``latest``, as everywhere in Docker.

        Returns:
            The name that pods must use: the same, or another where the cluster pulls it from a registry.

        Raises:
            EngineError: Docker has no such image, or a node refused it.
        """
        image = with_tag(reference)
        say(f"Copying {image} from Docker to {', '.join(self.engine.nodes)} ...")
        name = self.engine.load_image(image)
        say("Done: pods can use it." if name == reference else f"Done: pods can use it as {name}.")
        if name == image and name.endswith(":latest"):
            say("Kubernetes pulls `latest` each time, unless the container says `imagePullPolicy: IfNotPresent`.")
        return name

    def url(self, port: int) -> str:
        """The address of a published container port or a NodePort.

        Args:
            port: its number.
        """
        if self.engine.seat and port >= 30000:
            return f"http://{self.engine.seat.address}:{self.port(port)}"
        return f"http://localhost:{port}"

    def port(self, node_port: int) -> int:
        """The node port to use for one that the lesson names: the same, or in a workshop one's own."""
        return self.engine.seat.port(node_port) if self.engine.seat else node_port

    def hide_name(self, hidden: bool = True) -> None:
        """In a workshop, show the instructor your seat's number instead of your name, in the room and in reports.

        Args:
            hidden: False shows it again.

        Raises:
            LabsError: this is no workshop.
        """
        progress_report.hide_name(self, hidden)
        say("Your instructor sees your seat's number now." if hidden else "Your instructor sees your name again.")

    def reset(self, to: str = "") -> None:
        """Bring the lesson to its start, or to where an exercise starts.

        All that the lesson made is removed, and its namespace is made again; then, for an exercise, the cells that it
        builds on are run in this notebook.

        Removed are the lesson's namespace with all that is in it, CustomResourceDefinitions of a group that begins with
        its name, PersistentVolumes that carry `labels` or that its claims left behind, and Docker containers, networks,
        volumes and images that carry `labels`. Components that the lesson stopped are started first. Nothing else is
        touched.

        Args:
            to: an exercise of this lesson, such as ``"ex-04-3"``; empty for the lesson's start.

        Raises:
            NotRunning: the engine does not answer.
            LabsError: the namespace belongs to somebody else, there is no such exercise, or one of its cells failed.
            Timeout: the namespace was not deleted in time.
        """
        cells = resetting.setup_cells(self, to) if to else []
        self.cleanup()
        if self.uses_kubernetes:
            resetting.ensure_namespace(self)
        if not to:
            say(f"Lesson {self.lesson} is at its start. Run it from the first cell.")
            return
        say(f"Running the {len(cells)} cells that {to} builds on ...")
        with going_on_in(self.lesson, self.namespace):
            for line in run_cells(cells):
                say(line)
        say(f"{to} can begin: go on at its heading.")

    def cleanup(self) -> None:
        """Remove all that the lesson made, as `reset` does, and leave it so.

        Raises:
            NotRunning: the engine does not answer.
            LabsError: the namespace belongs to somebody else.
            Timeout: the namespace was not deleted in time.
        """
        self._hints_shown.clear()
        self._last_causes.clear()
        resetting.clean_up(self)

    def traceback(self) -> None:
        """Show the full traceback of the last error."""
        show_last_traceback()

    @property
    def _namespace_labels(self) -> dict[str, str]:
        return {"labs/course": self.engine.label, "labs/lesson": self.lesson}

    def enter(self) -> None:
        """Point this process at the course, and make the namespace.

        Raises:
            NotRunning: the API server does not answer.
            LabsError: the namespace belongs to somebody else.
        """
        if self.uses_kubernetes:
            wait_for_startup(self.engine)
        has_cluster = self._refresh_kubeconfig()
        set_environment(self.engine, self.kubeconfig)
        if not self.uses_kubernetes:
            return
        if not has_cluster:
            raise NotRunning(
                "Kubernetes is not up yet.",
                "It may still be starting: `labs status` in a terminal tells, `labs up` starts it.",
            )
        try:
            resetting.ensure_namespace(self)
        except LabsError:
            raise
        except Exception as error:
            explanation = explain(error)
            if explanation and explanation.fault:
                raise NotRunning(explanation.what, explanation.todo) from error
            raise

    def _refresh_kubeconfig(self) -> int:
        """Copy the course's kubeconfig if it has changed, and return its version; 0 while there is none."""
        try:
            version = self.engine.kubeconfig.stat().st_mtime_ns
        except FileNotFoundError:
            return 0
        if not self.kubeconfig.exists() or version != self._copied:
            write_kubeconfig(self.engine, self.kubeconfig, self.namespace if self.uses_kubernetes else None)
            self._copied = version
        return version
