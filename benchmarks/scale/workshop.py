"""One simulated workshop from its provisioning to its end, measured."""

from __future__ import annotations

import random
import sched
import threading
import time
from collections.abc import Callable, Iterable
from concurrent.futures import Future, ThreadPoolExecutor, as_completed
from dataclasses import dataclass, field

from benchmarks.scale.api import METADATA, Api, Watch
from benchmarks.scale.figures import Figure, times
from benchmarks.scale.learner import LABEL, PROGRESS, REPLICAS, SENT, LearnerObjects
from benchmarks.scale.phase import Part
from benchmarks.scale.simulation import Simulation
from labs.engines.runtime.reporter import Step
from labs.errors import Timeout
from labs.waiting import wait_for

__all__ = ["Plan", "SimulatedWorkshop"]

CHECKS = 3
"""How often an active learner's progress is written in a lesson."""
LISTS = 5  # seconds between two of one kind
ALL_PROGRESS = f"/api/v1/configmaps?labelSelector={LABEL}%3D{PROGRESS}"
KINDS = {
    "namespaces": "api/v1",
    "pods": "api/v1",
    "configmaps": "api/v1",
    "secrets": "api/v1",
    "serviceaccounts": "api/v1",
    "events": "api/v1",
    "endpointslices": "apis/discovery.k8s.io/v1",
    "deployments": "apis/apps/v1",
    "replicasets": "apis/apps/v1",
}


@dataclass(frozen=True)
class Plan:
    """What is simulated.

    Attributes:
        learners: how many have a namespace.
        working: how many of them have a Deployment and what belongs to it.
        active: how many of those roll out and check during the lesson.
        lesson: how long that takes, in seconds.
        workers: how many requests are sent at once.
        patience: how long to wait for the cluster after each part, in seconds.
        rest: how long nobody asks anything after the lesson, in seconds.
    """

    learners: int
    working: int
    active: int
    lesson: float = 60
    workers: int = 8
    patience: float = 600
    rest: float = 20


@dataclass
class Rollouts:
    """What the watch of all Deployments has told."""

    complete: dict[str, int] = field(default_factory=dict)
    """The newest generation that is rolled out, by namespace."""
    began: dict[str, float] = field(default_factory=dict)
    wanted: dict[str, int] = field(default_factory=dict)
    seconds: dict[str, float] = field(default_factory=dict)
    lock: threading.Lock = field(default_factory=threading.Lock)

    def on_deployment(self, item: dict) -> None:
        """Take a Deployment as it now is."""
        status, namespace = item.get("status", {}), item["metadata"]["namespace"]
        counts = (status.get(name, 0) for name in ("replicas", "updatedReplicas", "availableReplicas"))
        if all(count == REPLICAS for count in counts):
            with self.lock:
                self.complete[namespace] = status["observedGeneration"]
                self._note(namespace)

    def expect(self, namespace: str, generation: int, began: float) -> None:
        """Wait for a Deployment's generation, which was asked for at ``began``."""
        with self.lock:
            self.began[namespace], self.wanted[namespace] = began, generation
            self._note(namespace)

    def _note(self, namespace: str) -> None:
        if namespace not in self.seconds and self.complete.get(namespace, 0) >= self.wanted.get(namespace, 1 << 60):
            self.seconds[namespace] = time.monotonic() - self.began[namespace]


class SimulatedWorkshop:
    """A workshop on a simulation that is up.

    Args:
        simulation: where.
        api: its API server.
        plan: what is done.
        figures: where to put what was measured, part by part.
    """

    def __init__(self, simulation: Simulation, api: Api, plan: Plan, figures: list[Figure]) -> None:
        self.simulation, self.api, self.plan, self.figures = simulation, api, plan, figures
        self.learners = [LearnerObjects(index) for index in range(plan.learners)]
        self.working = self.learners[: plan.working]
        self.rollouts = Rollouts()
        self.lags: list[float] = []
        self.watches: list[Watch] = []

    def provision(self, step: Step) -> None:
        """Make every learner's namespace with what belongs to it.

        Raises:
            LabsError
        """

        def lacking(resource: str, name: str) -> int:
            path = f"/api/v1/{resource}?fieldSelector=metadata.name%3D{name}"
            found = self.api.send("GET", path, what="count", accept=METADATA)["items"]
            return self.api.count("namespaces") - len(found or ())

        with self._part("provision") as part:
            self._each(self.learners, lambda learner: self._post(learner.provisioned()), step)
            part.note("all sent after", f"{part.passed():.1f} s", part.passed())
            self._settle(
                part, lambda: not lacking("serviceaccounts", "default"), "each namespace's account there after"
            )
            late = lacking("configmaps", "kube-root-ca.crt")  # without which a real pod does not start
            part.note("namespaces without kube-root-ca.crt then", f"{late:,}", late)
            part.times(*(what for what in self.api.samples if what.startswith("POST")))

    def begin_work(self, step: Step) -> None:
        """Let those at work make a Deployment and what it needs, all at once.

        Raises:
            LabsError
        """
        deployments = f"/apis/apps/v1/deployments?labelSelector={LABEL}%3Dwork"
        self._watch(deployments, self.rollouts.on_deployment)
        self._watch(ALL_PROGRESS, self._on_progress)

        def ready() -> bool:
            done = len(self.rollouts.complete)
            step.update(f"{done:,} of {self.plan.working:,} Deployments ready", done / self.plan.working)
            return done == self.plan.working

        with self._part("all begin") as part:
            self._each(self.working, lambda learner: self._post(learner.work(), user=learner.user), step)
            part.note("all sent after", f"{part.passed():.1f} s", part.passed())
            self._settle(part, ready, "all Deployments ready after")
            part.times(*(what for what in self.api.samples if what.startswith("POST")))

    def teach(self, step: Step) -> None:
        """Let some learners roll out and write their progress, while an instructor looks at all of it."""
        plan, chance = self.plan, random.Random(1)
        active = chance.sample(self.working, plan.active)
        lesson = sched.scheduler()
        with self._part("lesson") as part, ThreadPoolExecutor(plan.workers) as pool:
            asked: list[Future] = []

            def at(seconds: float, work: Callable, *arguments: object) -> None:
                lesson.enter(seconds, 0, lambda: asked.append(pool.submit(work, *arguments)))

            for learner in active:
                at(chance.uniform(0, plan.lesson), self._roll_out, learner)
                for number in range(CHECKS):
                    at(chance.uniform(0, plan.lesson), self._check, learner, number)
            for seconds in range(0, int(plan.lesson), LISTS):
                at(seconds, self._list, "LIST all progress", "")
                at(seconds + 1, self._list, "LIST all progress, from the cache", "&resourceVersion=0")
                at(seconds + 2, self._list, "LIST all progress, only metadata", "", METADATA)
                lesson.enter(seconds, 1, lambda s=seconds: step.update(f"{s} of {plan.lesson:.0f} s", s / plan.lesson))
            lesson.run()
            for future in as_completed(asked):
                future.result()
            self._settle(part, lambda: len(self.rollouts.seconds) == plan.active, "last rollout ended after")
            part.figures.append(times("lesson", "rollout of 3 replicas", list(self.rollouts.seconds.values())))
            part.times("PATCH progress", "PATCH Deployment", *(w for w in self.api.samples if w.startswith("LIST")))
            part.figures.append(times("lesson", "from a PATCH to its watcher", self.lags))
            again = sum(watch.begun - 1 for watch in self.watches)
            part.note("watches that had to be restarted", str(again), again)
        self._holdings()

    def rest(self, step: Step) -> None:
        """Let nobody ask anything for a while."""
        with self._part("nobody asks"):
            step.update(f"{self.plan.rest:.0f} s")
            time.sleep(self.plan.rest)

    def remove(self, step: Step) -> None:
        """Delete every namespace.

        Raises:
            LabsError
        """
        others, left = self.api.count("namespaces") - self.plan.learners, 0

        def gone() -> bool:
            nonlocal left
            left = self.api.count("namespaces") - others
            step.update(f"{left:,} of {self.plan.learners:,} namespaces left", 1 - left / self.plan.learners)
            return not left

        with self._part("delete") as part:
            paths = [f"/api/v1/namespaces/{learner.namespace}" for learner in self.learners]
            self._each(paths, lambda path: self.api.send("DELETE", path), step)
            part.note("all sent after", f"{part.passed():.1f} s", part.passed())
            self._settle(part, gone, "all namespaces gone after")
            part.note("namespaces left then", f"{left:,}", left)
            part.times("DELETE")

    def close(self) -> None:
        """Watch nothing more."""
        for watch in self.watches:
            watch.end()

    # -- what is asked ------------------------------------------------------------------------------------------------

    def _post(self, wanted: Iterable[tuple[str, dict]], user: str = "") -> None:
        for path, item in wanted:
            self.api.send("POST", path, item, what=f"POST {path.rsplit('/', 1)[1]}", user=user)

    def _check(self, learner: LearnerObjects, number: int) -> None:
        path = learner.path("configmaps", name="progress")
        self.api.send("PATCH", path, learner.solved(number + 1), what="PATCH progress", user=learner.user)

    def _roll_out(self, learner: LearnerObjects) -> None:
        path, began = learner.path("deployments", "apis/apps/v1", "web"), time.monotonic()
        answer = self.api.send("PATCH", path, learner.rollout(2), what="PATCH Deployment", user=learner.user)
        self.rollouts.expect(learner.namespace, answer["metadata"]["generation"], began)

    def _list(self, what: str, query: str, accept: str = "") -> None:
        self.api.send("GET", ALL_PROGRESS + query, what=what, accept=accept)

    def _on_progress(self, item: dict) -> None:
        sent = item["metadata"].get("annotations", {}).get(SENT)
        if sent:
            self.lags.append(time.time() - float(sent))

    def _watch(self, path: str, on_object: Callable[[dict], None]) -> None:
        self.watches.append(Watch(self.api, path, on_object))
        self.watches[-1].start()

    def _each(self, items: list, work: Callable, step: Step) -> None:
        with ThreadPoolExecutor(self.plan.workers) as pool:
            for done, future in enumerate(as_completed([pool.submit(work, item) for item in items]), 1):
                future.result()
                step.update(f"{done:,} of {len(items):,} learners", done / len(items))

    # -- what is measured ---------------------------------------------------------------------------------------------

    def _part(self, name: str) -> Part:
        return Part(name, self.simulation, self.api, self.figures)

    def _settle(self, part: Part, done: Callable[[], bool], what: str) -> None:
        try:
            wait_for(done, timeout=self.plan.patience, what="the cluster", interval=0.5)
            text = f"{part.passed():.1f} s"
        except Timeout:  # is a figure, too
            text = f"not even {part.passed():.0f} s"
        part.note(what, text, part.passed())

    def _holdings(self) -> None:
        counts = {kind: self.api.count(kind, group) for kind, group in KINDS.items()}
        text = ", ".join(f"{count:,} {kind}" for kind, count in counts.items())
        self.figures.append(Figure("holds", "objects", text, counts))
        for name, (pss, most) in self.simulation.memory().items():
            text = f"{pss:,.0f} MB, at most {most:,.0f} MB resident"
            self.figures.append(Figure("holds", name, text, {"pss": pss, "most": most}))
        size, in_use = self.simulation.database()
        text = f"{size:,.0f} MB, {in_use:,.0f} MB of it in use"
        self.figures.append(Figure("holds", "etcd's file", text, {"size": size, "in use": in_use}))
