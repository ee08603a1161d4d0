"""The checks of the first drill."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

from labs.checks.context import ScopedContext
from labs.checks.core import clients, expect, found, settle
from labs.checks.facts import ANY, Kept, Stated, states
from labs.checks.readers.as_made import declared_world, expect_as_made
from labs.checks.readers.configuration import mounts, variables
from labs.checks.readers.containers import Program, container_of, port_number, probe_path
from labs.checks.readers.pod_containers import log_of, run_in_ready
from labs.checks.readers.pods import is_ready, reasons
from labs.checks.readers.quantities import is_amount
from labs.checks.readers.services import answer, expect_selected, node_port_service
from labs.checks.readers.settings import keys_of, value_of
from labs.checks.readers.stated import expect_container, expect_type
from labs.checks.readers.workloads import (
    deployment,
    expect_image,
    expect_replicas,
    expect_rolled_out,
    labels_text,
    pod_labels,
)

__all__: list[str] = []  # the tasks name their checks

OLD, NEW, SHELL = "labs/web:1", "labs/web:2", "labs/shell:1"
WEB = Program(OLD, name="web")
KEEPER, FEEDER, GATE = (Program(SHELL, "sleep", name) for name in ("keeper", "feeder", "gate"))
WRITES = "sh -c 'while true; do date >> /shared/log; sleep 1; done'"
LOOP = r"\b(?:while|until|for)\b(?=.*\bdate\b)(?=.*>>\s*[\"']?/shared/log(?![\w./-]))(?=.*\bsleep\s+1s?(?![\w.]))"
WORLD = Path(__file__).with_name("world.yaml")


@states(
    Stated("Pod", "courier"),
    Stated("Pod", "courier", "containers.name", "writer", ("scribe",)),
    Stated("Pod", "courier", "containers.name", "reader", ("lector",)),
    Stated("Pod", "courier", "containers.image", "labs/shell:1", ("labs/web:1",)),
    Stated("Pod", "courier", "volumeMounts.mountPath", "/shared", ("/share",)),
    Stated(
        "Pod",
        "courier",
        "containers.command",
        "while true; do date >> /shared/log; sleep 1; done",
        (
            "while true; do date >> /shared/logs; sleep 1; done",
            "while true; do date >> /shared/log; sleep 10; done",
            "while true; do uptime >> /shared/log; sleep 1; done",
        ),
    ),
    Stated("Pod", "courier", "containers.command", "/shared/log", ("/shared/logs",)),
    Stated("Pod", "courier", "containers.command", "-F", ("-f",)),
)
def check_courier_passing(context: ScopedContext) -> None:
    pod = _pod(context, "courier")
    running = {c.name: c for c in [*(pod.spec.init_containers or []), *pod.spec.containers]}
    expect(
        {"writer", "reader"} <= running.keys(),
        expected="the containers writer and reader in the Pod courier",
        observed=", ".join(running),
        try_=f"`kubectl get pod courier -n {context.namespace} -o yaml` shows them.",
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
    command = " ".join([*(running["reader"].command or []), *(running["reader"].args or [])])
    expect(
        re.search(r"\btail\s+-F\s+[\"']?/shared/log\b", command),
        expected="the container reader to run `tail -F /shared/log`",
        observed=f"`{command}`" if command else "the image's own program",
        try_=f"`kubectl get pod courier -n {context.namespace} -o yaml`; `tail --help` tells `-f` from `-F`.",
    )
    expect_container(running["reader"], "the container reader", image=SHELL)
    expect_container(running["writer"], "the container writer", image=SHELL, runs=WRITES, pattern=LOOP)
    _expect_ready(context, "courier")
    settle(lambda: _expect_dates_logged(context, pod))


def _expect_dates_logged(context: ScopedContext, pod: Any) -> bool:
    """What the writer writes arrives in the reader's log: its last line is one of `date`."""
    text = log_of(context, pod, "reader", tail_lines=1).strip()
    expect(
        re.search(r"\d\d:\d\d:\d\d", text) and not text.startswith("tail:"),
        expected="lines of `date` in the log of the container reader",
        observed=repr(text[:80]) if text else "none",
        try_=f"`kubectl exec -n {context.namespace} courier -c writer -- tail /shared/log` shows what is written.",
    )
    return True


@states(
    Stated("PersistentVolumeClaim", "readings"),
    Stated("PersistentVolumeClaim", "readings", "requests.storage", "50Mi", ("50M", "100Mi")),
    Stated("PersistentVolumeClaim", "readings", "spec.accessModes", "ReadWriteOnce", ("ReadWriteMany",)),
    Stated("Pod", "keeper"),
    Stated("Pod", "keeper", "containers.image", "labs/shell:1"),
    Stated("Pod", "keeper", "containers.command", "infinity", ("100000",)),
    Stated("Pod", "keeper", "volumeMounts.mountPath", "/data", ("/date",)),
)
def check_keeper_mounted(context: ScopedContext) -> None:
    claim = found(
        lambda: clients(context).core.read_namespaced_persistent_volume_claim("readings", context.namespace),
        expected=f"a PersistentVolumeClaim readings in the namespace {context.namespace}",
        try_="`kubectl get pvc -A` lists all.",
    )
    asked = (claim.spec.resources.requests or {}).get("storage"), ",".join(claim.spec.access_modes)
    expect(
        is_amount(asked[0], "50Mi") and asked[1] == "ReadWriteOnce",
        expected="a claim for 50Mi, ReadWriteOnce",
        observed=", ".join(map(str, asked)),
        try_="A claim's request cannot be made smaller: delete it and make it again.",
    )
    pod = _pod(context, "keeper")
    volume = _volume_at(pod.spec, container_of(pod, KEEPER), "/data")
    source = volume and volume.persistent_volume_claim
    expect(
        source and source.claim_name == "readings",
        expected="the claim readings at /data in the Pod keeper",
        observed="no volume there" if volume is None else f"the volume {volume.name}, which is not this claim",
        try_="A volume names a claim under `persistentVolumeClaim.claimName`.",
    )
    keepers = [c for c in pod.spec.containers if _volume_at(pod.spec, c, "/data") is volume]
    keeper = next((c for c in keepers if c.image.endswith(SHELL)), keepers[0])
    expect_container(keeper, "the container of the Pod keeper", image=SHELL, runs="sleep infinity")
    _expect_ready(context, "keeper")


@states(
    Stated("Deployment", "page"),
    Stated("Deployment", "page", "containers.image", "labs/web:1", ("labs/web:2",), ""),
    Stated("Deployment", "page", "env.value", "sun", ("rain",), ""),
    Stated("Deployment", "page", "spec.replicas", 2, (1, 3), ""),
)
def check_page_rolled_back(context: ScopedContext) -> None:
    page = deployment(context, "page")
    expect_image(page, OLD, f"`kubectl rollout history -n {context.namespace} deployment/page` lists the revisions.")
    motto = {e.name: e.value for e in container_of(page, WEB).env or []}.get("MOTTO")
    expect(
        motto == "sun",
        expected="all of the former revision: MOTTO=sun, too",
        observed=f"its image, and MOTTO={motto}",
        try_="A revision is the whole template; `kubectl rollout --help` lists what brings one back.",
    )
    expect_replicas(page, 2)
    expect_rolled_out(context, "page")


@states(
    Kept("Service", "api", {"spec": {"selector": {"app": "api", "track": "stable"}}}),
    Stated("Deployment", "api"),
    Stated("Deployment", "api", "spec.replicas", 3, (4, 2), ""),
    Stated("Deployment", "api", "containers.image", "labs/web:1"),
    Stated("Deployment", "api-canary"),
    Stated("Deployment", "api-canary", "containers.image", "labs/web:2"),
    Stated("Deployment", "api-canary", "spec.replicas", 1, (2,), ""),
    Stated("Deployment", "api-canary", "labels.app", "api", ("apis",), ""),
)
def check_canary_served(context: ScopedContext) -> None:
    served = expect_as_made(
        context, declared_world(WORLD, "Service", "api"), "It was not to be changed: bring it back."
    )
    for name, image, count in (("api", OLD, 3), ("api-canary", NEW, 1)):
        item = deployment(context, name)
        expect_image(item, image)
        expect_replicas(item, count)
        expect_selected(served, item)
        expect_rolled_out(context, name)


@states(
    Stated("File", "error.txt"),
)
def check_error_written(context: ScopedContext) -> None:
    file = Path(context.folder, "error.txt")
    wanted = f"ERROR {context.facts['code']}: station 7 is silent"
    text = file.read_text(encoding="utf-8", errors="replace").strip() if file.is_file() else None
    expect(
        text == wanted,
        expected=f"the line with ERROR, alone, in {file}",
        observed="no such file" if text is None else f"{len(text.splitlines())} lines: {text[:80]!r}",
        try_=f"`kubectl logs -n {context.namespace} feed -c CONTAINER` shows one log; `grep` keeps lines with a word.",
    )


@states(
    Stated("Deployment", "mirror"),
    Stated("Deployment", "mirror", "httpGet.path", "/healthz", ("/", "/health")),
    Stated("Deployment", "mirror", "httpGet.port", 80, (8080,)),
    Stated("Deployment", "mirror", "readinessProbe.periodSeconds", 5, (10, 1)),
)
def check_mirror_probed(context: ScopedContext) -> None:
    mirror = deployment(context, "mirror")
    container = container_of(mirror, WEB)
    probe = container.readiness_probe
    get = probe and probe.http_get
    expect(
        get,
        expected="a readiness probe by HTTP in the Deployment mirror",
        observed="one of another kind" if probe else "none",
        try_="`kubectl explain deployment.spec.template.spec.containers.readinessProbe.httpGet`",
    )
    expect(
        (probe_path(get), port_number(get.port, [container]), probe.period_seconds) == ("/healthz", 80, 5),
        expected="GET /healthz on port 80 every 5 seconds",
        observed=f"GET {get.path} on port {get.port} every {probe.period_seconds} seconds",
        try_=f"`kubectl edit -n {context.namespace} deployment mirror` changes it.",
    )
    expect_rolled_out(context, "mirror")


@states(
    Stated("ConfigMap", "feed"),
    Stated("ConfigMap", "feed", "data.UNIT", "celsius", ("Celsius",)),
    Stated("ConfigMap", "feed", "data.INTERVAL", "5", ("50",)),
    Stated("Deployment", "feeder"),
)
def check_feeder_configured(context: ScopedContext) -> None:
    data = found(
        lambda: clients(context).core.read_namespaced_config_map("feed", context.namespace).data,
        expected=f"a ConfigMap feed in the namespace {context.namespace}",
        try_="`kubectl get configmaps -A` lists all.",
    )
    expect(
        (data or {}) == {"UNIT": "celsius", "INTERVAL": "5"},
        expected="UNIT=celsius and INTERVAL=5 in the ConfigMap feed",
        observed=labels_text(data),
        try_=f"`kubectl describe -n {context.namespace} configmap feed` shows its data.",
    )
    feeder = deployment(context, "feeder")
    sources = variables(context, feeder, FEEDER)
    from_map = {name for name, source in sources.items() if (source.kind, source.name) == ("ConfigMap", "feed")}
    expect(
        set(data) <= from_map,
        expected="UNIT and INTERVAL from the ConfigMap feed in the container of feeder",
        observed=", ".join(sorted(from_map)) or "no variable from it",
        try_=f"`kubectl set env -n {context.namespace} deployment/feeder --list` shows where its variables come from.",
    )
    expect_rolled_out(context, "feeder")
    seen = run_in_ready(context, feeder, "env", FEEDER).split()
    expect(
        {"UNIT=celsius", "INTERVAL=5"} <= set(seen),
        expected="UNIT=celsius and INTERVAL=5 in the environment of the running container",
        observed=", ".join(line for line in seen if line.startswith(("UNIT=", "INTERVAL="))) or "neither",
        try_="A container reads a ConfigMap's variables when it starts.",
    )


@states(
    Stated("Secret", "door"),
    Stated("Secret", "door", "data.token", ANY, ("c2VzYW1l",), "token"),
    Stated("Deployment", "gate"),
    Stated("Deployment", "gate", "volumeMounts.mountPath", "/etc/door", ("/etc/doors",)),
)
def check_gate_locked(context: ScopedContext) -> None:
    value = f"sesame-{context.facts['code']}"
    door = found(
        lambda: clients(context).core.read_namespaced_secret("door", context.namespace),
        expected=f"a Secret door in the namespace {context.namespace}",
        try_="`kubectl get secrets -A` lists all.",
    )
    seen = value_of(door, "token")
    expect(
        seen == value,
        expected=f"token: {value} in the Secret door",
        observed=f"token: {seen}" if seen else f"the keys {', '.join(keys_of(door))}",
        try_="`--from-literal` and `stringData` encode in base64 by themselves.",
    )
    gate = deployment(context, "gate")
    expect_rolled_out(context, "gate")
    volumes = {v.name: v for v in gate.spec.template.spec.volumes or []}
    expect(
        any(mounts(gate, "Secret", "door", GATE)),
        expected="a volume from the Secret door, mounted in the container of gate",
        observed=f"the volumes {', '.join(volumes)}" if volumes else "no volume",
        try_="`kubectl explain deployment.spec.template.spec.volumes.secret`",
    )
    text = run_in_ready(context, gate, "cat /etc/door/token", GATE)
    expect(
        text == value,
        expected=f"{value} in /etc/door/token of the running container",
        observed=text[:80] or "an empty file",
        try_=f"`kubectl exec -n {context.namespace} deploy/gate -- ls -l /etc/door` shows what is there.",
    )


@states(
    Stated("Service", "shop"),
    Stated("Service", "shop", "spec.type", "NodePort", ("LoadBalancer",)),
    Stated("Service", "shop", "ports.port", 8080, (80,)),
    Stated("Service", "shop", "ports.targetPort", 80, (8080,)),
    Stated("Service", "shop", "ports.nodePort", 30083, (30089,)),
    Stated("Service", "shop", "spec.selector", others=("shops",), text=""),
)
def check_shop_exposed(context: ScopedContext) -> None:
    shop = deployment(context, "shop")
    item = node_port_service(context, "shop", port=8080, target=80, node_port=30083, workloads=(shop,))
    expect_type(item, "NodePort")
    expect_selected(item, shop)
    settle(lambda: answer(context, 30083, "/version"))


@states(
    Stated("Service", "search"),
    Stated("Service", "search", "ports.nodePort", 30084, (30089,)),
    Stated("Service", "search", "ports.targetPort", 80, (8080,), ""),
    Stated("Service", "search", "spec.selector", others=("searches",), text=""),
    Kept("Deployment", "search", {"spec": {"replicas": 2}}),
)
def check_search_answering(context: ScopedContext) -> None:
    item = deployment(context, "search")
    expect(
        (pod_labels(item), item.spec.replicas) == ({"app": "search"}, 1),
        expected="the Deployment search as it was",
        observed=f"{item.spec.replicas} pods with {labels_text(pod_labels(item))}",
        try_="Bring it back; only the Service is to be changed.",
    )
    expect_as_made(
        context, declared_world(WORLD, "Deployment", "search"), "Bring it back; only the Service is to be changed."
    )
    served = found(
        lambda: clients(context).core.read_namespaced_service("search", context.namespace),
        expected="the Service search",
        try_="Make it again: node port 30084.",
    )
    expect_selected(served, item)
    settle(
        lambda: answer(
            context, 30084, "/version", f"`kubectl describe -n {context.namespace} service search` shows `TargetPort`."
        )
    )


def _pod(context: ScopedContext, name: str) -> Any:
    return found(
        lambda: clients(context).core.read_namespaced_pod(name, context.namespace),
        expected=f"a Pod {name} in the namespace {context.namespace}",
        try_="`kubectl get pods -A` lists all.",
    )


def _expect_ready(context: ScopedContext, name: str) -> None:
    def state() -> bool:
        pod = _pod(context, name)
        seen = pod.status.phase + reasons([pod])
        expect(
            is_ready(pod),
            expected=f"the Pod {name} Ready",
            observed=seen,
            try_=f"`kubectl describe -n {context.namespace} pod {name}`",
        )
        return True

    settle(state)


def _volume_at(spec: Any, container: Any, path: str) -> Any:
    """The volume that a container has at a path; None when it has none."""
    mounted = next((m.name for m in container.volume_mounts or [] if m.mount_path.rstrip("/") == path), None)
    return next((v for v in spec.volumes or [] if v.name == mounted), None)
