"""What belongs to an answer beside its objects: an older version before, and deeds that the brief asks for after it."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Play:
    """How the objects of an exercise's answer are played.

    Attributes:
        first: a value in the objects and what stands there in a first version, which is rolled out before.
        after: a script that the learner runs afterwards; where it fails, the check says what is missing.
        acts: the answer is a deed, not objects: the reference solution is run as it is.
        forms: names of forms that are another meaning here, and why.
        files: the lesson's files that declare the objects, and the kinds in each.
    """

    first: tuple[str, str] | None = None
    after: str = ""
    acts: bool = False
    forms: dict[str, str] | None = None
    files: dict[str, tuple[str, ...]] | None = None


UNTIL = "for i in $(seq 60); do {} && break; sleep 0.25; done\n"
SEND = UNTIL.format("kubectl exec {} -c {} -- wget -qO- --post-data=21.5 localhost:8000/readings 2>/dev/null")
NAME = (
    "$(kubectl get {} -o jsonpath='{{range {}}}{{.name}} {{.image}}{{\"\\n\"}}{{end}}'"
    " | grep weather | cut -d' ' -f1 | head -n 1)"
)


def _sent_and_deleted(name: str) -> str:
    """A reading is sent to the Deployment's store, and its pod deleted; the next one is waited for."""
    container = NAME.format(f"deployment {name}", ".spec.template.spec.containers[*]")
    return f"""kubectl rollout status deployment/{name} --timeout=30s
{SEND.format(f"deployment/{name}", container)}
kubectl delete pods -l app={name} --grace-period=1
kubectl rollout status deployment/{name} --timeout=30s
"""


BUFFER = NAME.format("pod buffer", ".spec.containers[*]")
PLAYS = {
    "ex-01-1": Play(files={"store.yaml": ("ConfigMap", "Deployment")}),
    "ex-01-2": Play(acts=True),
    "ex-01-3": Play(files={"worker/settings.yaml": ("ConfigMap",), "worker/worker.yaml": ("Deployment",)}),
    "ex-03-2": Play(acts=True),
    "ex-04-1": Play(first=("labs/web:2", "labs/web:1")),
    "ex-04-3": Play(forms={"ports by name": "the pods that run would have to be replaced by yesterday's version, too"}),
    "ex-06-1": Play(
        after=f"""kubectl wait --for=condition=Ready pod/buffer --timeout=30s
{SEND.format("buffer", BUFFER)}
kubectl exec buffer -c {BUFFER} -- kill 1
{UNTIL.format("kubectl get pod buffer -o jsonpath='{.status.containerStatuses[*].restartCount}' | grep -q 1")}
kubectl wait --for=condition=Ready pod/buffer --timeout=30s
""",
    ),
    "ex-06-2": Play(after=_sent_and_deleted("archive")),
    "ex-06-3": Play(after=_sent_and_deleted("logbook")),
    "ex-10-3": Play(
        after=f"kubectl rollout status deployment/beacon --timeout=60s\n{SEND.format('deployment/beacon', 'store')}"
    ),
    "ex-11-2": Play(acts=True),  # what it finds is another thing each time the stations are made
}


def play_of(exercise_id: str) -> Play:
    """How an exercise's answer is played."""
    return PLAYS.get(exercise_id, Play())
