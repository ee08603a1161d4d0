"""A learner, as the tests of checks need one: runs the cells of a lesson, and types into a terminal."""

from __future__ import annotations

import subprocess
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from IPython.core.interactiveshell import InteractiveShell
from traitlets.config import Config

from labs import checks
from labs.checks import core
from labs.curriculum import lessons
from labs.session import cleanup


def sh(script: str, timeout: float = 60) -> str:
    """Run what a learner would type into a terminal.

    Args:
        script: lines of bash; the first one that fails ends it.
        timeout: limit, in seconds.

    Returns:
        What it printed, on both streams.
    """
    done = subprocess.run(
        ["bash", "-e"],
        input=script,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=timeout,
        check=False,
    )
    assert done.returncode == 0, done.stdout
    return done.stdout


def apply(manifest: str) -> str:
    """The command that applies a manifest."""
    return f"kubectl apply -f - <<'END'\n{manifest.strip()}\nEND\n"


HELPER = '{"name": "helper", "image": "labs/shell:1", "command": ["sleep", "infinity"]}'
SIDECARS = """{"op": "add", "path": "/spec/template/spec/initContainers", "value": [
  {"name": "before", "image": "labs/shell:1", "command": ["true"]},
  {"name": "beside", "image": "labs/shell:1", "restartPolicy": "Always", "command": ["sleep", "infinity"]}]},
"""


def helped(name: str, kubectl: str = "kubectl", *, more: bool = False) -> str:
    """The command that puts a container before the first one of a Deployment, which no check may mind.

    Args:
        name: the Deployment's.
        kubectl: with its options, such as ``-n``.
        more: whether it gets an init container and a native sidecar, too.
    """
    return f"""{kubectl} patch deployment {name} --type=json -p '[
{{"op": "add", "path": "/spec/template/spec/containers/0", "value": {HELPER}}},
{SIDECARS if more else ""}{{"op": "add", "path": "/spec/template/spec/terminationGracePeriodSeconds", "value": 1}}]'
"""


def other_namespace(lab: Any) -> str:
    """A further namespace of the lesson, where wrong answers put things; other lessons' checks do not look there."""
    name = f"{lab.namespace}-other"
    cleanup.ensure_namespace(lab.clients.core, name, lab._namespace_labels)
    return name


_API = {"deployment": "apps", "replica_set": "apps", "job": "batch"}
_OWN = {"config_map": "metadata.name!=kube-root-ca.crt"}  # what Kubernetes keeps in every namespace


def remove(lab: Any, *kinds: str, namespace: str = "", **chosen: Any) -> None:
    """Delete objects, without the third of a second that each `kubectl` costs; what they own ends by itself.

    Args:
        lab: the lesson's lab.
        kinds: as the client's methods call them: ``"deployment"``, ``"config_map"``.
        namespace: the lesson's own when empty.
        chosen: such as ``label_selector`` or ``grace_period_seconds``; all of the namespace when not given.
    """
    for kind in kinds:
        api = getattr(lab.clients, _API.get(kind, "core"))
        own = {"field_selector": _OWN[kind]} if kind in _OWN else {}
        delete = getattr(api, f"delete_collection_namespaced_{kind}")
        delete(namespace or lab.namespace, propagation_policy="Background", **{**own, **chosen})


def is_quiet(lab: Any) -> bool:
    """Whether nothing in the lesson's namespaces is still to come or to go: a check sees later what it sees now."""
    core_api, apps, batch = lab.clients.core, lab.clients.apps, lab.clients.batch
    names = [item.metadata.name for item in core_api.list_namespace().items]
    for name in (name for name in names if name == lab.namespace or name.startswith(f"{lab.namespace}-")):
        sets = {item.metadata.uid for item in apps.list_namespaced_replica_set(name).items}
        for pod in core_api.list_namespaced_pod(name).items:
            owner = next(iter(pod.metadata.owner_references or []), None)
            if pod.metadata.deletion_timestamp and owner and owner.kind == "ReplicaSet" and owner.uid not in sets:
                continue  # of the answer before
            is_ready = any(c.type == "Ready" and c.status == "True" for c in pod.status.conditions or [])
            if pod.metadata.deletion_timestamp or not (is_ready or pod.status.phase == "Succeeded"):
                return False
        for item in apps.list_namespaced_deployment(name).items:
            status, wanted = item.status, item.spec.replicas
            counts = (status.replicas or 0, status.updated_replicas or 0, status.available_replicas or 0)
            if (status.observed_generation or 0) < item.metadata.generation or counts != (wanted,) * 3:
                return False
        if any(not job.status.completion_time for job in batch.list_namespaced_job(name).items):
            return False
        if any(c.status.phase != "Bound" for c in core_api.list_namespaced_persistent_volume_claim(name).items):
            return False
    return True


QUICK = 0.3  # seconds


def judge_wrong(
    lab: Any, ask: Callable[[], checks.Verdict], words: Sequence[str], patience: float = 5
) -> checks.Verdict:
    """The verdict on a wrong answer; it need not wait for what cannot come.

    When the check says the right words at once, and nothing is under way that could make the answer right, this is the
    verdict. Else the check gets as long as it takes until what does come has come, on a busy machine.

    Args:
        lab: the lesson's lab.
        ask: judges.
        words: what the verdict must say.
        patience: seconds that live state gets to settle then.
    """
    with core.patience(QUICK):
        verdict = ask()
        told = f"{verdict}\nexpected {verdict.expected}; observed {verdict.observed}"
        if verdict.status == checks.NOT_YET and all(word in told for word in words) and is_quiet(lab):
            return verdict
    with core.patience(patience):
        return ask()


def assert_told(verdict: checks.Verdict, words: Sequence[str]) -> None:
    """A verdict is *not yet*, and says all that a learner is to read there.

    Args:
        verdict: on a wrong answer.
        words: what it must say, in its sentence or beside it.
    """
    text = f"{verdict}\nexpected {verdict.expected}; observed {verdict.observed}"
    assert verdict.status == checks.NOT_YET, verdict
    assert [word for word in words if word not in text] == [], text


def restart_clients(course: Any) -> None:
    """Restart those that would wait up to a minute before they ask an API server again that they have lost."""
    controllers, parts = ("kube-controller-manager", "kube-scheduler"), ("kubelet", "kube-proxy", "network-policies")
    for name in (*controllers, *(f"{part}/node1" for part in parts)):
        course.stop(name)
        course.start(name)
    sh("""kubectl --namespace kube-system rollout restart deployment/coredns
kubectl --namespace kube-system rollout status deployment/coredns --timeout=60s""")


@contextmanager
def without_api_server(course: Any) -> Iterator[None]:
    """A course whose API server is down meanwhile. Args: ``course``, its engine."""
    course.stop("kube-apiserver")
    try:
        yield
    finally:
        course.start("kube-apiserver")
        restart_clients(course)


class Cells:
    """Runs the cells of a lesson's source as a kernel would, magics and all.

    Args:
        number: the lesson, such as ``"02"``.

    Attributes:
        namespace: what the cells have defined.
    """

    def __init__(self, number: str) -> None:
        config = Config()
        config.HistoryManager.enabled = False
        self.shell = InteractiveShell(config=config)
        self.lesson, self.namespace = lessons.lesson(number), self.shell.user_ns
        self._shared: set[str] = set()

    def open(self) -> Any:
        """Run the cells that open the lab, and return it."""
        for source in self.lesson.opening:
            self.run(source)
        return self.namespace["lab"]

    def set_up(self, exercise_id: str, only: Sequence[str] = (), *, shell_lines: bool = True) -> None:
        """Make what an exercise builds on. Cells that others build on as well are run the first time only.

        Args:
            exercise_id: such as ``"ex-02-1"``.
            only: of its cells, those that hold one of these texts.
            shell_lines: whether lines that begin with ``!`` are run.
        """
        others = [source for e in self.lesson.exercise_ids if e != exercise_id for source in self.lesson.setup(e)]
        for source in self.lesson.setup(exercise_id):
            if source in self._shared or (only and not any(text in source for text in only)):
                continue
            if source in others and not only:
                self._shared.add(source)
            lines = [line for line in source.splitlines() if shell_lines or not line.startswith("!")]
            self.run("\n".join(lines))

    def solve(self, exercise_id: str) -> None:
        """Run the reference solution of an exercise."""
        self.run(lessons.exercise(exercise_id).solution)

    def run(self, source: str) -> None:
        """Run one cell."""
        self.shell.run_cell(source).raise_error()
