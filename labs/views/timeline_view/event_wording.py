"""Who did what: the cluster's events, managers and components in plain words."""

from __future__ import annotations

import re
from datetime import datetime
from typing import Any, NamedTuple

__all__ = [
    "EventDescription",
    "component",
    "container_of",
    "controller_of",
    "describe_event",
    "lane_of",
    "seconds",
    "writer",
]

CLIENT, UNKNOWN = "client", "others"
# The ways that a wish takes through a cluster, from left to right.
_LANES = (
    (CLIENT, r"kubectl.*|Python client|a client|somebody.*"),
    ("controllers of controllers", r"(deployment|cronjob) controller"),
    (
        "controllers",
        r".*(replicaset|replication|statefulset|daemonset|daemon|job|persistentvolume|taint) controller"
        r"|(pod )?garbage collector",
    ),
    ("scheduler", r"scheduler"),
    ("provisioner", r"provisioner .*"),
    ("kubelet", r"kubelet.*"),
    ("endpoints", r"endpoint ?slice controller"),
)
_PLANE = {"kube-controller-manager", "kube-scheduler", "kubelet"}


class EventDescription(NamedTuple):
    """An event in words.

    Attributes:
        step: what kind of step it is, for order and for merging, such as ``started``; empty if it tells nothing new.
        did: a phrase, such as ``started container web``.
        about: kind and name of another object than the event's own that it is about; else None.
    """

    step: str
    did: str
    about: tuple[str, str] | None = None


def seconds(text: str | None) -> float:
    """A time of the API as seconds since 1970; 0 for none."""
    return datetime.fromisoformat(text.replace("Z", "+00:00")).timestamp() if text else 0.0


def writer(manager: str, subresource: str = "") -> str:
    """Who wrote fields, in words; empty for the control plane and the kubelet, which other traces tell of better.

    Args:
        manager: as in ``managedFields``.
        subresource: such as ``scale``.
    """
    if manager in _PLANE:
        return ""
    if manager == "OpenAPI-Generator":  # the agent that the Python client gives
        return "Python client"
    if manager == "kubectl-client-side-apply":
        return "kubectl apply"
    if manager == "kubectl" and subresource:
        return f"kubectl {subresource}"
    return re.sub(r"^kubectl-", "kubectl ", manager)


def controller_of(kind: str) -> str:
    """The controller that makes what an object of this kind owns."""
    return {"Service": "endpoint slice controller"}.get(kind, f"{kind.lower()} controller")


def component(event: dict[str, Any]) -> str:
    """Who reports an event, such as ``kubelet node1``."""
    source = event.get("source") or {}
    name = event.get("reportingComponent") or source.get("component") or UNKNOWN
    if name == "kubelet":
        return f"kubelet {source.get('host') or event.get('reportingInstance', '')}".strip()
    if name == "default-scheduler":
        return "scheduler"
    if "/" in name:  # a third-party program, such as `rancher.io/local-path_its-pod_its-uid`
        return f"provisioner {name.partition('_')[0]}" if "rovision" in event.get("reason", "") else name
    return name.replace("endpointslice", "endpoint-slice").replace("-", " ")


def lane_of(who: str) -> int:
    """A component's place from left to right: from the client by way of the controllers to the kubelet and beyond."""
    return next((i for i, (_, names) in enumerate(_LANES) if re.fullmatch(names, who)), len(_LANES))


def describe_event(event: dict[str, Any]) -> EventDescription:
    """An event as a phrase that goes with "the kubelet ..." and the like; its message stays one click away."""
    reason, message = event.get("reason", ""), (event.get("message") or "").strip()
    container = container_of(event)
    for wanted, pattern, step, phrase in _PHRASES:
        if reason == wanted and (found := re.search(pattern, message)):
            parts = [part or "" for part in found.groups()]
            did = phrase.format(*[p.lower() if p.istitle() else p for p in parts], c=container and f" {container}")
            if step in {"created", "deleted"}:
                return EventDescription(step, step, ("Pod" if "job" not in message[:12].lower() else "Job", parts[0]))
            return EventDescription(step.format(*parts), did, ("ReplicaSet", parts[0]) if step == "scaled" else None)
    words = re.sub(r"(?<=[a-z])(?=[A-Z])", " ", reason).lower()
    return EventDescription(f"event {reason}", f"{words}{f': {message}' if 0 < len(message) <= 60 else ''}")


def container_of(event: dict[str, Any]) -> str:
    """The name of the container that an event is about; empty where it names none."""
    found = re.search(r"\{(.+)\}", (event.get("involvedObject") or {}).get("fieldPath", ""))
    return found[1] if found else ""


# reason, pattern of the message, step, phrase; the first that fits
_PHRASES = (
    ("Scheduled", r"to (\S+)$", "scheduled", "assigned it to {0}"),
    ("FailedScheduling", r"", "unscheduled", "found no node for it"),
    ("Preempted", r"", "event Preempted", "ended it to make room for a more important pod"),
    ("Pulling", r'image "([^"]+)"', "pulling", "began to pull image {0}"),
    ("Pulled", r'image "([^"]+)" already present', "pulled", "found image {0} on the node"),
    ("Pulled", r'pulled image "([^"]+)" in (\S+)', "pulled", "pulled image {0} in {1}"),
    ("Pulled", r'image "([^"]+)"', "pulled", "pulled image {0}"),
    ("Created", r"", "made", "created container{c}"),
    ("Started", r"", "started", "started container{c}"),
    ("Failed", r"Failed to pull image \"?([^\":\s]+(?::[\w.-]+)?)", "unpulled", "could not pull image {0}"),
    ("Failed", r"Error: (ErrImagePull|ImagePullBackOff)", "", ""),  # another event says which, and why
    ("Failed", r"Error: (\w*(?:configmap|secret).*not found)", "unmade", "could not make container{c}: {0}"),
    ("Failed", r"^Error: ", "unstarted", "could not start container{c}"),
    ("ErrImageNeverPull", r"", "unpulled", "could not pull the image"),
    ("InspectFailed", r"", "unpulled", "could not read the image's name"),
    ("BackOff", r"pulling image", "pull back-off", "waits before it pulls the image again"),
    ("BackOff", r"", "back-off", "waits before it starts the container again"),
    ("Unhealthy", r"^(\w+) probe (failed|errored|warning)", "probe {0}", "{0} probe {1}"),
    ("Killing", r"(?i)failed (\w+) probe", "restarting", "ends container{c}: its {0} probe failed"),
    ("Killing", r"", "killing", "ends container{c}"),
    ("FailedMount", r'volume "?([^"\s]+)"?', "unmounted", "could not mount volume {0}"),
    ("FailedMount", r"", "unmounted", "could not mount a volume"),
    ("FailedCreatePodSandBox", r"", "unsandboxed", "could not make the pod's network"),
    ("FailedPostStartHook", r"", "hook", "postStart hook failed"),
    ("FailedPreStopHook", r"", "hook", "preStop hook failed"),
    ("Evicted", r"", "evicted", "evicted it"),
    ("TaintManagerEviction", r"", "evicted", "evicts it: the node has a taint"),
    ("NodeNotReady", r"", "lost", "its node does not report"),
    ("ScalingReplicaSet", r"replica set (\S+) from (\d+) to (\d+)", "scaled", "scaled it from {1} to {2}"),
    ("ScalingReplicaSet", r"replica set (\S+) to (\d+)", "scaled", "scaled it to {1}"),
    ("SuccessfulCreate", r"(?:Created pod: |Created job |[Cc]reate Pod )(\S+)", "created", ""),
    ("SuccessfulDelete", r"(?:Deleted pod: |Deleted job |[Dd]elete Pod )(\S+)", "deleted", ""),
    ("FailedCreate", r"", "uncreated", "could not create a pod"),
    ("DeploymentRollback", r"", "rollback", "rolled it back"),
    ("Completed", r"", "complete", "completed it"),
    ("BackoffLimitExceeded", r"", "failed", "gave up: too many of its pods failed"),
    ("DeadlineExceeded", r"", "failed", "gave up: it took too long"),
    ("UnexpectedJob", r"", "unexpected", "saw a job that somebody else has made"),
    ("SawCompletedJob", r"", "event SawCompletedJob", "saw a job complete"),
    ("WaitForFirstConsumer", r"", "waits", "waits for a pod that uses it"),
    ("ExternalProvisioning", r"", "volume asked", "waits for the provisioner to make a volume"),
    ("Provisioning", r"", "provisioning", "makes a volume for it"),
    ("ProvisioningSucceeded", r"", "provisioned", "made a volume for it"),
)
