"""Checks of lesson 06, volumes."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from labs.checks.context import CheckContext
from labs.checks.core import check, expect, settle
from labs.checks.facts import Stated, states
from labs.checks.readers.containers import Program, container_of, statuses_of, working_containers
from labs.checks.readers.pod_containers import run_in
from labs.checks.readers.pods import is_ready, reasons
from labs.checks.readers.stated import expect_container
from labs.checks.readers.volumes import (
    expect_asked_for,
    expect_claim_mounted,
    expect_claim_named,
    kind_of,
    mounted,
    read_claim,
    read_pod,
)
from labs.checks.readers.workloads import deployment, expect_image, expect_replicas, expect_rolled_out, name_of, pods_of

IMAGE = "weather:1"
STORE = Program(IMAGE, "store")
DATA = "/data"  # where the store keeps its readings


@states(
    Stated("Pod", "buffer"),
    Stated("Pod", "buffer", "containers.image", "weather:1", ("labs/shell:1",)),
    Stated("Pod", "buffer", "containers.image", "labs/shell:1", ("weather:1",)),
    Stated("Pod", "buffer", "containers.args", "store", ("front",)),
    Stated("Pod", "buffer", "containers.command", "infinity", ("100000",)),
    Stated("Pod", "buffer", "volumeMounts.mountPath", "/inbox", ("/in", "/data")),
    Stated("Pod", "buffer", "volumeMounts.readOnly", True, (False,), "not be able to write"),
    Stated("Pod", "buffer", "containers.name", "store", ("keeper",)),
    Stated("Pod", "buffer", "containers.name", "reader", ("lector",)),
)
@check(
    "ex-06-1",
    title="A pod whose containers share readings that survive a crash",
    covers=("T7", "D1.4"),
    why="The folder belongs to the pod: the store's new container found it as the old one had left it.",
)
def check_buffer_shared(lab: CheckContext) -> None:
    pod = read_pod(lab, "buffer")
    names = {container.name for container in working_containers(pod.spec)}
    expect(
        {"store", "reader"} <= names,
        expected="two containers in the pod buffer, store and reader",
        observed=f"its containers: {', '.join(sorted(names))}",
        try_="`spec.containers` is a list; each entry begins with `- name:`.",
    )
    volume, _ = mounted(pod.spec, "the pod buffer", "store", DATA)
    seen, _ = mounted(pod.spec, "the pod buffer", "reader", "/inbox")
    expect(
        kind_of(volume) == "emptyDir",
        expected=f"an emptyDir at {DATA} of the container store",
        observed=f"the volume {volume.name} is of the kind {kind_of(volume)}",
        try_="`kubectl explain pod.spec.volumes` lists the kinds.",
    )
    expect(
        seen.name == volume.name,
        expected="one volume that both containers mount",
        observed=f"two: store mounts {volume.name}, reader mounts {seen.name}",
        try_="Two mounts share a folder when they give the same volume's name.",
    )
    reader = next(container for container in working_containers(pod.spec) if container.name == "reader")
    mounts = [mount for mount in reader.volume_mounts if mount.name == volume.name]
    writable = [m.mount_path for m in mounts if not m.read_only]
    expect(
        not writable,
        expected=f"{'mounts' if len(mounts) > 1 else 'a mount'} of reader's through which it cannot write",
        observed=f"reader may write in {' and '.join(writable)}",
        try_="`kubectl explain pod.spec.containers.volumeMounts` lists what a mount can say.",
    )
    status = settle(lambda: _running_again(lab))
    stated = {"store": {"image": IMAGE}, "reader": {"image": "labs/shell:1", "runs": "sleep infinity"}}
    for container in working_containers(pod.spec):
        if container.name in stated:
            expect_container(container, f"the container {container.name}", **stated[container.name])
    data = _expect_readings(lab, name_of(pod), "store", since=status.state.running.started_at, than="its container")
    expect(
        run_in(lab, name_of(pod), "reader", "cat /inbox/readings") == data,
        expected=f"/inbox/readings of reader to hold what the store answers ({_short(data)})",
        observed="something else",
        try_="`kubectl exec buffer -c reader -- ls -l /inbox` shows what reader sees.",
    )


@states(
    Stated("PersistentVolumeClaim", "archive"),
    Stated("PersistentVolumeClaim", "archive", "requests.storage", "200Mi", ("199Mi", "200M")),
    Stated("PersistentVolumeClaim", "archive", "spec.accessModes", "ReadWriteOnce", ("ReadOnlyMany",), "for one node"),
    Stated("Deployment", "archive"),
    Stated("Deployment", "archive", "containers.image", "weather:1"),
    Stated("Deployment", "archive", "containers.args", "store", ("front",)),
    Stated("Deployment", "archive", "spec.replicas", 1, (2, 0), "one pod"),
    Stated("Deployment", "archive", "strategy.type", "Recreate", ("RollingUpdate",), "not even in an"),
    Stated("Deployment", "archive", "volumeMounts.mountPath", "/data", ("/date",), ""),
)
@check(
    "ex-06-2",
    title="An archive that remembers, whatever becomes of its pods",
    covers=("T7", "D1.4"),
    why="The readings belong to the claim's volume; a new pod only mounts it, after the old one has let it go.",
)
def check_archive_kept(lab: CheckContext) -> None:
    archive = deployment(lab, "archive")
    expect_image(archive, IMAGE)
    expect_replicas(archive, 1)
    expect_claim_mounted(lab, archive, DATA, STORE)
    claim = read_claim(lab, "archive")
    _expect_one_at_a_time(archive, claim)
    expect_asked_for(lab, claim, "200Mi")
    _expect_kept(lab, archive)


@states(
    Stated("PersistentVolumeClaim", "logbook"),
    Stated("PersistentVolumeClaim", "logbook", "requests.storage", "50Mi", ("20Mi", "100Mi"), "size"),
    Stated("Deployment", "logbook"),
    Stated("Deployment", "logbook", "volumeMounts.mountPath", "/data", ("/date",), ""),
)
@check(
    "ex-06-3",
    title="The logbook's memory, repaired",
    covers=("T7", "D1.4"),
    why="The pod names a claim that exists, the claim a class that exists, and the mount is where the store writes.",
    symptom="a reading sent to logbook does not outlive its pod, on the claim as it was",
)
def check_logbook_repaired(lab: CheckContext) -> None:
    logbook = deployment(lab, "logbook", "The cell above the exercise makes it.")
    expect_image(logbook, IMAGE)
    expect_replicas(logbook, 1)
    expect_claim_named(lab, logbook, more=reasons(pods_of(lab, logbook)))
    claim = read_claim(lab, "logbook")
    expect_asked_for(lab, claim, "50Mi")
    _expect_size_kept(claim, "50Mi")
    expect_claim_mounted(lab, logbook, DATA, STORE)
    _expect_kept(lab, logbook)


def _expect_size_kept(claim: Any, size: str) -> None:
    from kubernetes.utils import parse_quantity

    asked = claim.spec.resources.requests["storage"]
    expect(
        parse_quantity(asked) == parse_quantity(size),
        expected=f"the claim {name_of(claim)} of its size, {size}",
        observed=asked,
        try_="Its size was to stay as it is: delete the claim and make it again.",
    )


def _running_again(lab: CheckContext) -> Any:
    """The state of the buffer's store, which has been started more than once."""
    pod = read_pod(lab, "buffer")
    working = {container.name for container in working_containers(pod.spec)}
    statuses = {status.name: status for status in statuses_of(pod) if status.name in working}
    expect(
        is_ready(pod),
        expected="the pod buffer with both containers running",
        observed=f"{pod.status.phase}{reasons([pod])}",
        try_="`kubectl describe pod buffer` shows what it waits for.",
    )
    restarts = statuses["store"].restart_count
    others = sum(status.restart_count for name, status in statuses.items() if name != "store")
    expect(
        restarts >= 1,
        expected="the container store ended and started again",
        observed=f"0 restarts of store{f', {others} of another container' if others else ''}",
        try_="Section 1 ends a container's process 1; with two containers, say which.",
    )
    return statuses["store"]


def _expect_one_at_a_time(workload: Any, claim: Any) -> None:
    strategy = workload.spec.strategy
    surge = strategy.rolling_update.max_surge if strategy.rolling_update else 0
    no_surge = str(surge).rstrip("%") == "0"
    enforced = claim.spec.access_modes == ["ReadWriteOncePod"] and no_surge
    late = ": the new pod may start while the old one is still ending" if no_surge else ""
    expect(
        strategy.type == "Recreate" or enforced,
        expected=f"an update of {name_of(workload)} that ends the old pod before it starts the new one",
        observed=f"the strategy {strategy.type} (maxSurge {surge}){late}",
        try_="`kubectl explain deployment.spec.strategy`",
    )


def _expect_kept(lab: CheckContext, workload: Any) -> None:
    """The store runs, can write, and has readings that are older than its pod. Raises NotYet."""
    expect_rolled_out(lab, name_of(workload))
    pod = max(pods_of(lab, workload), key=lambda pod: (is_ready(pod), pod.metadata.creation_timestamp))
    container = container_of(pod, STORE).name
    rights = run_in(lab, name_of(pod), container, f"[ -w {DATA} ] || {{ id; ls -ld {DATA}; }}")
    expect(
        not rights,
        expected=f"the store to be allowed to write in {DATA}",
        observed=f"it is not ({'; '.join(rights.split(chr(10)))})",
        try_="Section 5 tells how the files of a volume get to a group.",
    )
    _expect_readings(lab, name_of(pod), container, since=pod.metadata.creation_timestamp, than="its pod")


def _expect_readings(lab: CheckContext, pod: str, container: str, *, since: datetime, than: str) -> str:
    """The store answers with readings that are older than what runs now; returned are the readings. Raises NotYet."""
    send = f"`kubectl exec {pod} -c {container} -- wget -qO- --post-data=21.5 localhost:8000/readings` sends one."

    def answer() -> str:
        ask = "timeout 3 wget -qO- localhost:8000/readings && echo ok"
        text = run_in(lab, pod, container, ask)
        expect(
            text.endswith("ok"),
            expected=f"the store in {pod} to answer on port 8000",
            observed="no answer",
            try_="`kubectl logs` shows what the container runs; `args` says which of the four programs.",
        )
        return text.removesuffix("ok").strip() or "nothing"

    data = settle(answer)
    expect(data != "nothing", expected=f"readings in the store of {pod}", observed="it has none", try_=send)
    stamps = run_in(lab, pod, container, f"stat -c %Y {DATA} {DATA}/readings").split()
    # A folder's time is when a file in it was made, a file's when it was last written: the older one counts.
    written = min(datetime.fromtimestamp(int(stamp), UTC) for stamp in stamps)
    expect(
        written <= since,
        expected=f"readings that are older than {than}",
        observed=f"written at {written:%H:%M:%S}, and {than} started at {since:%H:%M:%S}",
        try_=f"First send, then end {than.removeprefix('its ')}, then look whether they are still there. Check again.",
    )
    return data


def _short(data: str) -> str:
    lines = data.split()
    return ", ".join(lines[:3]) + (", ..." if len(lines) > 3 else "")
