"""The checks of the first drill."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

from labs.checks.configuration import keys_of, mounts, value_of, variables
from labs.checks.containers import run_in_ready
from labs.checks.core import clients, expect, found, settle
from labs.checks.services import answer, expect_selected, node_port_service
from labs.checks.workloads import (
    deployment,
    expect_image,
    expect_replicas,
    expect_rolled_out,
    is_ready,
    labels_text,
    pod_labels,
    reasons,
)
from labs.drills import Place

__all__: list[str] = []  # the tasks name their checks

OLD, NEW = "labs/web:1", "labs/web:2"


def check_courier_passing(place: Place) -> None:
    pod = _pod(place, "courier")
    running = {c.name: c for c in [*(pod.spec.init_containers or []), *pod.spec.containers]}
    expect(
        {"writer", "reader"} <= running.keys(),
        expected="the containers writer and reader in the Pod courier",
        observed=", ".join(running),
        try_=f"`kubectl get pod courier -n {place.namespace} -o yaml` shows them.",
    )
    shared = {name: _volume_at(pod.spec, running[name], "/shared") for name in ("writer", "reader")}
    for name, volume in shared.items():
        expect(
            volume is not None and volume.empty_dir,
            expected=f"an emptyDir at /shared in the container {name}",
            observed="no volume there" if volume is None else f"the volume {volume.name}, of another kind",
            try_="`volumeMounts` of the container names a volume of the Pod's `volumes`.",
        )
    expect(
        shared["writer"].name == shared["reader"].name,
        expected="one volume in both containers",
        observed=f"{shared['writer'].name} in writer, {shared['reader'].name} in reader",
        try_="Name the same volume in both.",
    )
    said = " ".join([*(running["reader"].command or []), *(running["reader"].args or [])])
    expect(
        re.search(r"\btail\s+-F\s+[\"']?/shared/log\b", said),
        expected="the container reader to run `tail -F /shared/log`",
        observed=f"`{said}`" if said else "the image's own program",
        try_=f"`kubectl get pod courier -n {place.namespace} -o yaml`; `tail --help` tells `-f` from `-F`.",
    )
    _expect_ready(place, "courier")
    core = clients(place).core
    settle(
        lambda: (
            expect(
                core.read_namespaced_pod_log("courier", place.namespace, container="reader", tail_lines=5).strip(),
                expected="lines in the log of the container reader",
                observed="none",
                try_=f"`kubectl exec -n {place.namespace} courier -c writer -- tail /shared/log` shows it.",
            )
            or True
        )
    )


def check_keeper_mounted(place: Place) -> None:
    claim = found(
        lambda: clients(place).core.read_namespaced_persistent_volume_claim("readings", place.namespace),
        expected=f"a PersistentVolumeClaim readings in the namespace {place.namespace}",
        try_="`kubectl get pvc -A` lists all.",
    )
    asked = (claim.spec.resources.requests or {}).get("storage"), ",".join(claim.spec.access_modes)
    expect(
        asked == ("50Mi", "ReadWriteOnce"),
        expected="a claim for 50Mi, ReadWriteOnce",
        observed=", ".join(asked),
        try_="A claim's request cannot be made smaller: delete it and make it again.",
    )
    pod = _pod(place, "keeper")
    volume = _volume_at(pod.spec, pod.spec.containers[0], "/data")
    source = volume and volume.persistent_volume_claim
    expect(
        source and source.claim_name == "readings",
        expected="the claim readings at /data in the Pod keeper",
        observed="no volume there" if volume is None else f"the volume {volume.name}, which is not this claim",
        try_="A volume names a claim under `persistentVolumeClaim.claimName`.",
    )
    _expect_ready(place, "keeper")


def check_page_rolled_back(place: Place) -> None:
    page = deployment(place, "page")
    expect_image(page, OLD, f"`kubectl rollout history -n {place.namespace} deployment/page` lists the revisions.")
    motto = {e.name: e.value for e in page.spec.template.spec.containers[0].env or []}.get("MOTTO")
    expect(
        motto == "sun",
        expected="all of the former revision: MOTTO=sun, too",
        observed=f"its image, and MOTTO={motto}",
        try_="A revision is the whole template; `kubectl rollout --help` lists what brings one back.",
    )
    expect_replicas(page, 2)
    expect_rolled_out(place, "page")


def check_canary_served(place: Place) -> None:
    served = clients(place).core.read_namespaced_service("api", place.namespace)
    for name, image, count in (("api", OLD, 3), ("api-canary", NEW, 1)):
        item = deployment(place, name)
        expect_image(item, image)
        expect_replicas(item, count)
        expect_selected(served, item)
        expect_rolled_out(place, name)


def check_error_written(place: Place) -> None:
    file = Path(place.folder, "error.txt")
    wanted = f"ERROR {place.facts['code']}: station 7 is silent"
    text = file.read_text(errors="replace").strip() if file.is_file() else None
    expect(
        text == wanted,
        expected=f"the line with ERROR, alone, in {file}",
        observed="no such file" if text is None else f"{len(text.splitlines())} lines: {text[:80]!r}",
        try_=f"`kubectl logs -n {place.namespace} feed -c CONTAINER` shows one log; `grep` keeps lines with a word.",
    )


def check_mirror_probed(place: Place) -> None:
    mirror = deployment(place, "mirror")
    probe = mirror.spec.template.spec.containers[0].readiness_probe
    get = probe and probe.http_get
    expect(
        get,
        expected="a readiness probe by HTTP in the Deployment mirror",
        observed="one of another kind" if probe else "none",
        try_="`kubectl explain deployment.spec.template.spec.containers.readinessProbe.httpGet`",
    )
    seen = get.path, str(get.port), probe.period_seconds
    expect(
        seen == ("/healthz", "80", 5),
        expected="GET /healthz on port 80 every 5 seconds",
        observed="GET {} on port {} every {} seconds".format(*seen),
        try_=f"`kubectl edit -n {place.namespace} deployment mirror` changes it.",
    )
    expect_rolled_out(place, "mirror")


def check_feeder_configured(place: Place) -> None:
    data = found(
        lambda: clients(place).core.read_namespaced_config_map("feed", place.namespace).data,
        expected=f"a ConfigMap feed in the namespace {place.namespace}",
        try_="`kubectl get configmaps -A` lists all.",
    )
    expect(
        (data or {}) == {"UNIT": "celsius", "INTERVAL": "5"},
        expected="UNIT=celsius and INTERVAL=5 in the ConfigMap feed",
        observed=labels_text(data),
        try_=f"`kubectl describe -n {place.namespace} configmap feed` shows its data.",
    )
    feeder = deployment(place, "feeder")
    sources = variables(place, feeder)
    from_map = {name for name, source in sources.items() if (source.kind, source.name) == ("ConfigMap", "feed")}
    expect(
        set(data) <= from_map,
        expected="UNIT and INTERVAL from the ConfigMap feed in the container of feeder",
        observed=", ".join(sorted(from_map)) or "no variable from it",
        try_=f"`kubectl set env -n {place.namespace} deployment/feeder --list` shows where its variables come from.",
    )
    expect_rolled_out(place, "feeder")
    seen = run_in_ready(place, feeder, "env").split()
    expect(
        {"UNIT=celsius", "INTERVAL=5"} <= set(seen),
        expected="UNIT=celsius and INTERVAL=5 in the environment of the running container",
        observed=", ".join(line for line in seen if line.startswith(("UNIT=", "INTERVAL="))) or "neither",
        try_="A container reads a ConfigMap's variables when it starts.",
    )


def check_gate_locked(place: Place) -> None:
    value = f"sesame-{place.facts['code']}"
    door = found(
        lambda: clients(place).core.read_namespaced_secret("door", place.namespace),
        expected=f"a Secret door in the namespace {place.namespace}",
        try_="`kubectl get secrets -A` lists all.",
    )
    seen = value_of(door, "token")
    expect(
        seen == value,
        expected=f"token: {value} in the Secret door",
        observed=f"token: {seen}" if seen else f"the keys {', '.join(keys_of(door))}",
        try_="`--from-literal` and `stringData` encode in base64 by themselves.",
    )
    gate = deployment(place, "gate")
    expect_rolled_out(place, "gate")
    volumes = {v.name: v for v in gate.spec.template.spec.volumes or []}
    expect(
        any(mounts(gate, "Secret", "door")),
        expected="a volume from the Secret door, mounted in the container of gate",
        observed=f"the volumes {', '.join(volumes)}" if volumes else "no volume",
        try_="`kubectl explain deployment.spec.template.spec.volumes.secret`",
    )
    text = run_in_ready(place, gate, "cat /etc/door/token")
    expect(
        text == value,
        expected=f"{value} in /etc/door/token of the running container",
        observed=text[:80] or "an empty file",
        try_=f"`kubectl exec -n {place.namespace} deploy/gate -- ls -l /etc/door` shows what is there.",
    )


def check_shop_exposed(place: Place) -> None:
    item = node_port_service(place, "shop", port=8080, target=80, node_port=30083)
    expect_selected(item, deployment(place, "shop"))
    settle(lambda: answer(place, 30083, "/version"))


def check_search_answering(place: Place) -> None:
    item = deployment(place, "search")
    expect(
        (pod_labels(item), item.spec.replicas) == ({"app": "search"}, 1),
        expected="the Deployment search as it was",
        observed=f"{item.spec.replicas} pods with {labels_text(pod_labels(item))}",
        try_="Bring it back; only the Service is to be changed.",
    )
    served = found(
        lambda: clients(place).core.read_namespaced_service("search", place.namespace),
        expected="the Service search",
        try_="Make it again: node port 30084.",
    )
    expect_selected(served, item)
    settle(
        lambda: answer(
            place, 30084, "/version", f"`kubectl describe -n {place.namespace} service search` shows `TargetPort`."
        )
    )


def _pod(place: Place, name: str) -> Any:
    return found(
        lambda: clients(place).core.read_namespaced_pod(name, place.namespace),
        expected=f"a Pod {name} in the namespace {place.namespace}",
        try_="`kubectl get pods -A` lists all.",
    )


def _expect_ready(place: Place, name: str) -> None:
    def state() -> bool:
        pod = _pod(place, name)
        seen = pod.status.phase + reasons([pod])
        expect(
            is_ready(pod),
            expected=f"the Pod {name} Ready",
            observed=seen,
            try_=f"`kubectl describe -n {place.namespace} pod {name}`",
        )
        return True

    settle(state)


def _volume_at(spec: Any, container: Any, path: str) -> Any:
    """The volume that a container has at a path; None when it has none."""
    mounted = next((m.name for m in container.volume_mounts or [] if m.mount_path.rstrip("/") == path), None)
    return next((v for v in spec.volumes or [] if v.name == mounted), None)
