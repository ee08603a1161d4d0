"""Checks of lesson 11: probes, logs, measurements, and a repair that needs all of them."""

from __future__ import annotations

import re
from typing import Any

from labs.checks.context import CheckContext
from labs.checks.core import check, clients, expect, settle
from labs.checks.facts import Kept, Stated, states
from labs.checks.readers.containers import Program, command_text, container_of, is_image, pod_spec, runs
from labs.checks.readers.namespaces import here
from labs.checks.readers.pod_containers import log_of, run_in
from labs.checks.readers.pods import is_ready, reasons
from labs.checks.readers.probes import expect_acts_within, expect_asks, expect_startup
from labs.checks.readers.starting import newest_pods
from labs.checks.readers.workloads import deployment, expect_image, expect_ready, expect_rolled_out, live_pods, name_of
from labs.errors import NotYet

IMAGE = "weather:1"
STORE, FRONT = Program(IMAGE, "store", "store"), Program(IMAGE, "front", "front", is_default=True)
KEEPER = Program(IMAGE, "keeper", "keeper")
KINDS = ("startupProbe", "readinessProbe", "livenessProbe")
STATIONS, KEYS = ("east", "north", "west"), ("station", "last-words", "logbook")
SIGNAL, ENTRY = re.compile(r"signal ([0-9a-f]{8})"), re.compile(r"\b[0-9a-f]{8}\b")
MADE = "The cell above the exercise makes it again."
AGAIN = "`kubectl create configmap findings ... --dry-run=client -o yaml | kubectl apply -f -` writes it again."


@states(
    Stated("Deployment", "depot"),
    Stated("Deployment", "depot", "containers.image", IMAGE),
    Stated("Deployment", "depot", "startupProbe.httpGet.port", 8000, (8080,)),
    Stated("Deployment", "depot", "readinessProbe.httpGet.path", "/healthz", ("/health",)),
    Stated("Deployment", "depot", "startupProbe.failureThreshold", 45, (10, 300), "a minute"),
    Stated("Deployment", "depot", "readinessProbe.failureThreshold", 2, (3,), "ten seconds"),
    Stated("Deployment", "depot", "livenessProbe.failureThreshold", 3, (6, 1), "half a minute"),
)
@check(
    "ex-11-1",
    title="A slow store with three probes",
    covers=("D3.2",),
    why="The startup probe is patient once; after it the readiness probe is quick, and the liveness probe slower.",
)
def check_depot_probed(lab: CheckContext) -> None:
    depot = deployment(lab, "depot", MADE)
    expect_image(depot, IMAGE)
    store = container_of(depot, STORE)
    _expect_slow(store, "depot")
    for kind in KINDS:
        probe = expect_asks(pod_spec(depot), store, kind, 8000, ("/healthz",))
        expect(
            not probe.initial_delay_seconds,
            expected=f"a {kind} of {store.name} without a delay",
            observed=f"initialDelaySeconds: {probe.initial_delay_seconds}",
            try_="A startup probe holds the two others back for as long as a start really takes.",
        )
    expect_startup(store, least=60, most=120)
    expect_acts_within(store, "readinessProbe", most=10, deed="gets no requests")
    expect_acts_within(store, "livenessProbe", most=30, least=15, deed="is restarted")
    expect_rolled_out(lab, "depot")
    _expect_no_restart(lab, "depot")


@states(
    Stated("ConfigMap", "findings"),
    Kept("Pod", "east", {"metadata": {"labels": {"app": "ship"}}}),
)
@check(
    "ex-11-2",
    title="The heavy station, its last words and its logbook",
    covers=("D3.3", "D3.4"),
    why="kubectl top measured, --previous had the run before the restart, and the file came from the right container.",
)
def check_findings_written(lab: CheckContext) -> None:
    findings = here(
        lab,
        "config_map",
        "findings",
        called="a ConfigMap findings",
        try_="The brief has a command that makes it from files.",
    )
    data = {**(findings.data or {}), **dict.fromkeys(findings.binary_data or {}, "(bytes)")}
    lacking = [key for key in KEYS if not data.get(key, "").strip()]
    expect(
        not lacking,
        expected=f"the keys {', '.join(KEYS)} in the ConfigMap findings",
        observed=f"nothing under {' and '.join(lacking)}; its keys: {', '.join(data) or 'none'}",
        try_=f"`--from-file=KEY=FILE` chooses the key. {AGAIN}",
    )
    stations = _stations(lab)
    heavy = max(STATIONS, key=lambda name: _ballast(stations[name]))
    told = data["station"].strip().removeprefix("pod/")
    expect(
        told == heavy,
        expected="in `station` the pod that takes most memory",
        observed=repr(told[:40]),
        try_=f"`kubectl top pods -l app=station --sort-by=memory`; new pods are measured after half a minute. {AGAIN}",
    )
    _expect_last_words(lab, stations, heavy, data["last-words"])
    _expect_logbook(lab, stations, heavy, data["logbook"])


@states(
    Stated("Deployment", "almanac"),
    Stated("Deployment", "almanac", "containers.image", IMAGE),
    Stated("Deployment", "almanac", "startupProbe.failureThreshold", 60, (5,), "half a minute"),
    Stated("Deployment", "almanac", "livenessProbe.failureThreshold", 3, (60,), "ten seconds"),
    Stated("Deployment", "almanac", "readinessProbe.httpGet.port", 8080, (8000,)),
    Stated("Deployment", "almanac", "readinessProbe.httpGet.path", "/ready", ("/healthz",)),
)
@check(
    "ex-11-3",
    title="The almanac, repaired",
    covers=("D3.2", "D3.5"),
    why="The start has a probe of its own, readiness asks the front, and the front's store stood in a mounted file.",
    symptom="the pod of almanac does not stay up, or is ready without a page, or would be",
)
def check_almanac_repaired(lab: CheckContext) -> None:
    almanac = deployment(lab, "almanac", f"Keep it. {MADE}")
    expect_image(almanac, IMAGE)
    store, front, spec = container_of(almanac, STORE), container_of(almanac, FRONT), pod_spec(almanac)
    both = runs(store, STORE) and is_image(store.image, IMAGE) and runs(front, FRONT) and is_image(front.image, IMAGE)
    expect(
        both and store is not front,
        expected=f"store and front as two containers of almanac, with the image {IMAGE}",
        observed=f"`{command_text(store)[:60]}` and `{command_text(front)[:60]}`",
        try_=f"Keep both. {MADE}",
    )
    _expect_slow(store, "almanac")
    expect_asks(spec, store, "livenessProbe", 8000)
    expect_acts_within(store, "livenessProbe", most=10, deed="is restarted")
    expect_asks(spec, store, "startupProbe", 8000, connection=True)
    expect_startup(store, least=30)
    expect_asks(spec, front, "readinessProbe", 8080, ("/ready", "/"))
    _expect_up(lab, front)
    _expect_no_restart(lab, "almanac")
    settle(lambda: _expect_page(lab, front, store))


def _expect_slow(store: Any, name: str) -> None:
    """The program is still the one that starts slowly: the brief does not let it be made quick."""
    text = command_text(store)
    expect(
        "sleep" in text and runs(store, STORE),
        expected=f"the store of {name} with its command, which starts slowly",
        observed=f"`{text[:80] or 'no command'}`",
        try_=f"Keep the command: it stands for a start that takes its time. {MADE}",
    )


def _expect_no_restart(lab: CheckContext, name: str) -> None:
    """No container of the newest ready pod was started again."""
    expect_ready(lab, name, 1, at_least=True)
    ready = [pod for pod in newest_pods(lab, deployment(lab, name)) if is_ready(pod)]
    counts = {s.name: s.restart_count for pod in ready for s in pod.status.container_statuses or [] if s.restart_count}
    expect(
        not counts,
        expected=f"a pod of {name} without a restart",
        observed=", ".join(f"{container} was restarted {count} times" for container, count in counts.items()),
        try_=f"`kubectl describe pod` tells why, among the events. Repaired since? `kubectl rollout restart "
        f"deployment/{name}` makes a new pod.",
    )


# Exercise 2
def _stations(lab: CheckContext) -> dict[str, Any]:
    pods = {name_of(pod): pod for pod in live_pods(lab, "app=station")}
    lacking = [name for name in STATIONS if name not in pods]
    expect(
        not lacking,
        expected="the pods east, north and west, as they were made",
        observed=f"no {' and no '.join(lacking)} with the label app=station",
        try_="Leave the stations alone; run the cells above the exercise again.",
    )
    return pods


def _ballast(pod: Any) -> int:
    env = container_of(pod, KEEPER).env or []
    return next((int(variable.value) for variable in env if variable.name == "BALLAST"), 0)


def _expect_last_words(lab: CheckContext, stations: dict[str, Any], heavy: str, told: str) -> None:
    """The code in the words is that of the run before the restart; others are told what they are."""
    code = SIGNAL.search(told) or ENTRY.search(told)
    words = settle(lambda: {name: _previous(lab, stations[name]) for name in STATIONS})
    seen = code[code.lastindex or 0] if code else ""
    expected = f"in `last-words` what the container keeper of {heavy} wrote before its restart"
    try_ = f"`kubectl logs --help` has an option for the run before, and one for the container. {AGAIN}"
    expect(seen, expected=expected, observed=repr(told.strip()[:60]), try_=try_)
    pod = stations[heavy]
    if seen in words[heavy]:
        return
    if seen in log_of(lab, pod, container_of(pod, KEEPER).name):
        meaning = "that is what it writes since its restart"
    elif others := [name for name in STATIONS if seen in words[name]]:
        meaning = f"that is of the pod {others[0]}"
    elif any(seen in log_of(lab, pod, c.name) for c in pod.spec.containers):
        meaning = "that is what the container radio writes"
    else:
        meaning = "no station wrote that; were they made again?"
    expect(False, expected=expected, observed=f"{told.strip()[:60]!r}: {meaning}", try_=try_)


def _previous(lab: CheckContext, pod: Any) -> str:
    """What the container wrote in the run before. Raises NotYet as long as there was none."""
    text = log_of(lab, pod, container_of(pod, KEEPER).name, previous=True)
    return expect(
        text,
        expected=f"a restarted keeper in the pod {name_of(pod)}",
        observed=f"none yet{reasons([pod])}",
        try_="`kubectl get pods -l app=station`, and check again.",
    )


def _expect_logbook(lab: CheckContext, stations: dict[str, Any], heavy: str, told: str) -> None:
    books = {
        name: run_in(lab, name, container_of(pod, KEEPER).name, "cat /data/logbook").strip()
        for name, pod in stations.items()
    }
    others = [name for name in STATIONS if name != heavy and books[name] == told.strip()]
    more = f": that of the pod {others[0]}" if others else ""
    expect(
        told.strip() == books[heavy],
        expected=f"in `logbook` the content of /data/logbook in the container keeper of {heavy}",
        observed=f"{told.strip()[:60]!r}{more}",
        try_=f"`kubectl cp --help`: the pod's name stands before the colon, `-c` names the container. {AGAIN}",
    )


# Exercise 3
def _expect_up(lab: CheckContext, front: Any) -> None:
    """The pods are ready; else the verdict tells what the front says about its store."""
    try:
        expect_rolled_out(lab, "almanac")
    except NotYet as late:
        pods = [pod for pod in newest_pods(lab, deployment(lab, "almanac")) if pod.status.phase == "Running"]
        running = [s.name for pod in pods[-1:] for s in pod.status.container_statuses or [] if s.state.running]
        if front.name not in running:
            raise
        asks, _ = _store_of(lab, name_of(pods[-1]), front)
        raise NotYet(
            late.expected,
            f"{late.observed}; the front asks {asks}" if asks else late.observed,
            "`kubectl exec deploy/almanac -c front -- wget -qO- localhost:8080/settings` tells where each setting "
            "comes from.",
        ) from late


def _store_of(lab: CheckContext, pod: str, front: Any) -> tuple[str, str]:
    said = run_in(lab, pod, front.name, "wget -qO- localhost:8080/settings 2>&1")
    found = re.search(r'"store": "([^"]*)"', said)
    return (found[1] if found else "", said)


def _expect_page(lab: CheckContext, front: Any, store: Any) -> bool:
    """The front shows a page, and it was the store beside it that was asked."""
    pods = [pod for pod in newest_pods(lab, deployment(lab, "almanac")) if is_ready(pod)]
    pod = expect(pods, expected="a ready pod of almanac", observed="none", try_="`kubectl get pods -l app=almanac`")[-1]
    asks, said = _store_of(lab, name_of(pod), front)
    page = run_in(lab, name_of(pod), front.name, "wget -qO- localhost:8080 2>&1")
    expect(
        page and "error" not in page and "refused" not in page,
        expected="the front to show a page at port 8080",
        observed=repr((page or said)[-80:]),
        try_="`kubectl logs deploy/almanac -c front` shows its port and what it answers.",
    )
    lines = clients(lab).core.read_namespaced_pod_log(
        name_of(pod), lab.namespace, container=store.name, since_seconds=10
    )
    expect(
        "GET /readings" in lines,
        expected="the front to ask the store beside it, at http://localhost:8000",
        observed=f"it asks {asks or 'another'}",
        try_="Where does that come from? `/settings` says it in brackets.",
    )
    return True
