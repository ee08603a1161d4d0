"""Checks of lesson 10, several containers in a pod."""

from __future__ import annotations

import re
from base64 import b64encode
from typing import Any

from labs.checks.context import CheckContext
from labs.checks.core import check, clients, expect, settle
from labs.checks.facts import Kept, Stated, states
from labs.checks.readers.as_made import expect_as_made, one_container
from labs.checks.readers.containers import (
    Program,
    command_text,
    container_of,
    is_image,
    pod_spec,
    runs,
    working_containers,
)
from labs.checks.readers.init_containers import (
    expect_initialised,
    expect_native,
    expect_startup_probe,
    expect_waits_for,
    names_text,
    still_initialising,
    waiting_for,
)
from labs.checks.readers.namespaces import here
from labs.checks.readers.ownership import owners_of_pods
from labs.checks.readers.pod_containers import log_of, run_in
from labs.checks.readers.pods import is_ready, reasons
from labs.checks.readers.volumes import kind_of, mounted, read_pod
from labs.checks.readers.workloads import deployment, expect_image, expect_ready, expect_rolled_out, name_of, pods_of
from labs.errors import NotYet

IMAGE, SHELL, PROXY = "weather:1", "labs/shell:1", "labs/web:1"
STORE, FRONT = Program(IMAGE, "store", "store"), Program(IMAGE, "front", "front", is_default=True)
FOLDER, PAGE = "/etc/weather", "<h1>Desk</h1>"
TOKEN, SENT = "harbour-42", ("18.0", "18.5", "19.0")
LOCAL = re.compile(r"(localhost|127\.0\.0\.1|\[::1\]):9000\b")
THEIRS = "Leave the other team's store alone; run the cells that make it again."
AGAIN = "A Job's pods cannot be changed: correct the file, and `kubectl replace --force -f` makes the Job again."


@states(
    Stated("Pod", "desk"),
    Stated("Pod", "desk", "containers.image", "weather:1", ("labs/web:1",)),
    Stated("Pod", "desk", "containers.args", "--store=http://depot:8000", ("--store=http://store:8000",)),
    Stated("Pod", "desk", "containers.volumeMounts.mountPath", "/etc/weather", ("/etc/wether",)),
    Stated("Deployment", "depot", "spec.replicas", 1, (0,)),
)
@check(
    "ex-10-1",
    title="A front that starts when its store answers and its page is written",
    covers=("D1.3",),
    why="Init containers run to their end, one after the other, before any of the containers starts.",
)
def check_desk_prepared(lab: CheckContext) -> None:
    depot = deployment(lab, "depot", "The cell above the exercise makes it.")
    desk = read_pod(lab, "desk")
    front = container_of(desk, FRONT)
    expect(
        is_image(front.image, IMAGE),
        expected=f"a container of the pod desk with the image {IMAGE}",
        observed=front.image,
        try_="`kubectl run desk --image=... --dry-run=client -o yaml -- front ...` writes the pod to begin with.",
    )
    expect_waits_for(desk, "depot", "http://depot:8000/healthz")
    volume, _ = mounted(desk.spec, "the pod desk", front.name, FOLDER)
    expect(
        kind_of(volume) == "emptyDir",
        expected=f"an emptyDir at {FOLDER} of the front, for the page",
        observed=f"the volume {volume.name} is of the kind {kind_of(volume)}",
        try_="An init container leaves the page there, not a ConfigMap.",
    )
    more = "" if depot.spec.replicas else "; depot is at 0 replicas"
    expect_initialised(lab, "desk", more)
    settle(lambda: _expect_page(lab, front.name))
    _expect_store_told(lab, front)
    _expect_waited(lab, depot)


@states(
    Stated("Job", "survey"),
    Stated("Job", "survey", "containers.image", "labs/shell:1", ("labs/web:1",)),
    Stated("Job", "survey", "initContainers.image", "labs/web:1", ("labs/shell:1",)),
    Stated("Job", "survey", "startupProbe.httpGet.port", 9000, (9001,)),
    Stated("Job", "survey", "spec.restartPolicy", "Never", ("OnFailure",)),
    Kept("Deployment", "vault", {"spec": {"replicas": 2}}),
    Kept("Secret", "vault", {"data": {"token": "aGFyYm91cg=="}}),
)
@check(
    "ex-10-2",
    title="A Job that sends through an ambassador, and completes",
    covers=("D1.3",),
    why="The native sidecar answered before the sender started, and the Job did not wait for its end.",
)
def check_survey_completed(lab: CheckContext) -> None:
    job = here(
        lab,
        "job",
        "survey",
        api="batch",
        called="a Job survey",
        try_="`kubectl create job survey --image=... --dry-run=client -o yaml -- ...` writes the outside of it.",
    )
    _expect_vault_kept(lab)
    spec = pod_spec(job)
    gate = _ambassador(spec)
    expect_native(gate, spec, before="sender", again=AGAIN)
    expect_startup_probe(gate, 9000, again=AGAIN)
    sender = _sender(spec)
    _expect_told_only_localhost(sender)
    expect(
        spec.restart_policy == "Never",
        expected="restartPolicy: Never in the Job's pod",
        observed=f"restartPolicy: {spec.restart_policy}",
        try_=f"It stands beside `containers`. {AGAIN}",
    )
    pod = _expect_complete(lab, job)
    _expect_arrived(lab, pod, gate)


@states(
    Stated("Deployment", "beacon"),
    Stated("Deployment", "beacon", "containers.args", "store", ("worker",)),
    Stated("Deployment", "beacon", "containers.args", "front", ("worker",)),
    Stated("Deployment", "beacon", "containers.command", "/in/readings", ("/in/reading",), "the store's file"),
)
@check(
    "ex-10-3",
    title="The beacon, repaired",
    covers=("D1.3",),
    why="Nothing waits for what starts after it, each program has a port of its own, and both mount one volume.",
    symptom="the pod of beacon is not ready, or not in the way that its brief asks for",
)
def check_beacon_repaired(lab: CheckContext) -> None:
    beacon = deployment(lab, "beacon", "Keep it. The cell above the exercise makes it.")
    expect_image(beacon, IMAGE)
    store, front = container_of(beacon, STORE), container_of(beacon, FRONT)
    journal = max(
        working_containers(pod_spec(beacon)), key=lambda c: ("readings" in command_text(c), c.name == "journal")
    )
    _expect_three(beacon, store, front, journal)
    _expect_started(lab, beacon)
    pod = next((pod for pod in pods_of(lab, beacon) if is_ready(pod)), None)
    pod = expect(pod, expected="a ready pod of beacon", observed="none", try_="`kubectl get deployment beacon`")
    readings = settle(lambda: _readings(lab, pod, store))
    settle(lambda: _expect_shown(lab, pod, front, readings))
    settle(lambda: _expect_journal(lab, pod, journal, store, readings))


def _values(container: Any) -> list[str]:
    """The values that stand in a container's environment."""
    return [variable.value for variable in container.env or [] if variable.value]


# Exercise 1
def _expect_page(lab: CheckContext, front: str) -> bool:
    said = run_in(lab, "desk", front, f"ls {FOLDER}; wget -qO- localhost:8080 2>&1")
    expect(
        "page.html" in said.split(),
        expected=f"a file page.html in {FOLDER} of the front",
        observed=f"page.html is not there, but {' '.join(said.splitlines()[:-1])[:60] or 'nothing'}",
        try_="The init container that writes it and `front` must mount one volume, each where it likes.",
    )
    expect(
        PAGE in said,
        expected=f"the front to show your page, with {PAGE}",
        observed=repr(said.splitlines()[-1][:80]),
        try_="`kubectl exec desk -c front -- cat /etc/weather/page.html` shows what was written.",
    )
    expect(
        re.search(r"</h1>\D*\d+ readings", said),
        expected="the page to say how many readings there are",
        observed=repr(said[said.index(PAGE) :][:80]),
        try_="`{count}` in the page becomes their number; a shell leaves these brackets alone in quotes.",
    )
    return True


def _expect_store_told(lab: CheckContext, front: Any) -> None:
    said = run_in(lab, "desk", front.name, "wget -qO- localhost:8080/settings 2>&1")
    store = re.search(r'"store": "([^"]*)"', said)
    expect(
        "//depot:8000" in said,
        expected="the front to ask its store at http://depot:8000",
        observed=f"it asks {store[1] if store else said[-80:]!r}",
        try_="What stands behind `--` of `kubectl run` becomes the container's args. Make the pod again.",
    )


def _expect_waited(lab: CheckContext, depot: Any) -> None:
    """The init container that waits did not end before there was any pod of depot, as far as anything tells."""
    desk = read_pod(lab, "desk")
    waiting = {c.name: command_text(c) for c in waiting_for(desk.spec, "depot")}
    states = {s.name: s.state.terminated for s in desk.status.init_container_statuses if s.name in waiting}
    name, end = max(((n, e.finished_at) for n, e in states.items() if e), key=lambda pair: pair[1], default=("", None))
    events = clients(lab).core.list_namespaced_event(lab.namespace, field_selector="reason=SuccessfulCreate").items
    owners = owners_of_pods(lab, depot)
    made = [e.first_timestamp or e.event_time for e in events if e.involved_object.uid in owners]
    made += [pod.metadata.creation_timestamp for pod in pods_of(lab, depot)]
    if end and made:
        expect(
            end >= min(made).replace(microsecond=0),
            expected=f"{name} to end only when depot answers",
            observed=f"it ended at {end:%H:%M:%S}, and depot's pod was made at {min(made):%H:%M:%S}",
            try_=f"Make the pod again while depot is off: does `{waiting[name][:80]}` end although nobody answers?",
        )


# Exercise 2
def _ambassador(spec: Any) -> Any:
    """The container that is the proxy: by its image, and of several the one that asks for the Secret gate."""
    found = [c for c in [*(spec.init_containers or []), *spec.containers] if is_image(c.image, PROXY)]
    volumes = {v.name for v in spec.volumes or [] if "'gate'" in str(v.to_dict())}
    expect(
        found,
        expected=f"an ambassador with the image {PROXY} beside the sender",
        observed=f"the images {', '.join(c.image for c in [*(spec.init_containers or []), *spec.containers])}",
        try_=f"Section 4 has one in the pod `station`. {AGAIN}",
    )
    chosen = max(found, key=lambda c: any(m.name in volumes for m in c.volume_mounts or []))
    expect(
        any(mount.name in volumes for mount in chosen.volume_mounts or []),
        expected=f"{chosen.name} to mount the Secret gate, which sets it up",
        observed=f"its mounts: {', '.join(m.name for m in chosen.volume_mounts or []) or 'none'}",
        try_=f"`volumes` names the Secret, `volumeMounts` the folder in which nginx looks. {AGAIN}",
    )
    return chosen


def _sender(spec: Any) -> Any:
    """The container that sends: of those with its image the one that asks port 9000, if any does."""
    found = [c for c in spec.containers if is_image(c.image, SHELL)]
    expect(
        found,
        expected=f"a container sender with the image {SHELL}",
        observed=f"the images {', '.join(c.image for c in spec.containers)}",
        try_=AGAIN,
    )
    return max(found, key=lambda c: (":9000" in _all_words(c), c.name == "sender"))


def _all_words(container: Any) -> str:
    return " ".join([command_text(container), *_values(container)])


def _expect_told_only_localhost(sender: Any) -> None:
    words = _all_words(sender)
    known = [word for word in (TOKEN, "vault") if word in f"{words} {sender.env} {sender.env_from}"]
    expect(
        LOCAL.search(words) and not known,
        expected=f"{sender.name} to send to localhost:9000, and to know neither token nor vault",
        observed=f"it names {' and '.join(known)}" if known else f"it runs `{words[:80]}`",
        try_=f"The ambassador knows the way; the sender need not. {AGAIN}",
    )


def _expect_complete(lab: CheckContext, job: Any) -> Any:
    """The Job has completed; returned is its pod that did. Raises NotYet, which says what it waits for."""

    def completed() -> Any:
        now = clients(lab).batch.read_namespaced_job("survey", lab.namespace)
        conditions = {c.type: c for c in now.status.conditions or [] if c.status == "True"}
        pods = pods_of(lab, now)
        done = [pod for pod in pods if pod.status.phase == "Succeeded"]
        if "Complete" in conditions and done:
            return done[0]
        failed = conditions.get("Failed")
        why = f"; {failed.message}" if failed else reasons(pods)
        raise NotYet(
            "the Job survey to be complete",
            f"{now.status.succeeded or 0} pods succeeded, {now.status.failed or 0} failed{why}",
            "`kubectl logs job/survey -c NAME` of each container, and `kubectl describe pod -l job-name=survey`.",
        )

    return settle(completed)


def _expect_arrived(lab: CheckContext, pod: Any, gate: Any) -> None:
    """The vault has the readings, and it was the ambassador that passed them on."""
    vault = deployment(lab, "vault", THEIRS)
    found = next((p for p in pods_of(lab, vault) if is_ready(p)), None)
    found = expect(found, expected="a ready pod of vault", observed="none", try_="`kubectl get deployment vault`")
    held = run_in(lab, name_of(found), container_of(found, STORE).name, "cat /data/readings").split()
    lacking = [reading for reading in SENT if reading not in held]
    expect(
        not lacking,
        expected=f"the readings {', '.join(SENT)} in the vault",
        observed=f"no {' and no '.join(lacking)}",
        try_="A loop that goes on after a failed `curl` ends with 0: `|| exit 1`.",
    )
    passed = log_of(lab, pod, gate.name).count("POST /readings")
    expect(
        passed >= len(SENT),
        expected=f"{gate.name} to pass on {len(SENT)} readings",
        observed=f"its log has {passed}",
        try_=f"`kubectl logs job/survey -c {gate.name}` shows what came through it.",
    )


def _expect_vault_kept(lab: CheckContext) -> None:
    """The other team's store and its Secret are as the lesson's cell makes them."""
    token = {"token": b64encode(TOKEN.encode()).decode()}
    expect_as_made(lab, {"kind": "Secret", "metadata": {"name": "vault"}, "data": token}, THEIRS)
    vault = deployment(lab, "vault", THEIRS)
    expect_image(vault, IMAGE, THEIRS)
    container = {"name": "store", "image": container_of(vault, STORE).image, "args": ["store"]}
    container["env"] = [{"name": "TOKEN", "valueFrom": {"secretKeyRef": {"name": "vault", "key": "token"}}}]
    expect_as_made(lab, one_container("vault", {"app": "vault"}, container), THEIRS)


# Exercise 3
def _expect_three(beacon: Any, store: Any, front: Any, journal: Any) -> None:
    """Store, front and journal are three containers of the one pod. Raises NotYet."""
    is_there = {
        "store": is_image(store.image, IMAGE) and runs(store, STORE),
        "front": is_image(front.image, IMAGE) and runs(front, FRONT),
        "journal": "readings" in command_text(journal),
    }
    lacking = [name for name, there in is_there.items() if not there]
    expect(
        not lacking,
        expected="store, front and journal as three containers in the pod of beacon",
        observed=f"no {' and no '.join(lacking)}; there are {names_text(working_containers(pod_spec(beacon)))}",
        try_="Keep the three containers in one pod, each with its program.",
    )


def _expect_started(lab: CheckContext, beacon: Any) -> None:
    """The pods of beacon are ready; else the verdict says which init container does not end. Raises NotYet."""
    try:
        expect_rolled_out(lab, "beacon")
        expect_ready(lab, "beacon", 1, at_least=True)  # what crashes at once has counted as ready for a moment
    except NotYet:
        pods = sorted(pods_of(lab, beacon), key=lambda pod: pod.metadata.creation_timestamp)
        for name, said in still_initialising(lab, pods[-1]) if pods else ():
            raise NotYet(
                "a ready pod of beacon",
                f"Init: {name} has not ended; its log ends with {said!r}",
                f"Whom does {name} ask, and when is that container started?",
            ) from None
        raise


def _readings(lab: CheckContext, pod: Any, store: Any) -> list[str]:
    said = run_in(lab, name_of(pod), store.name, "wget -qO- localhost:8000/readings && echo ok")
    expect(
        said.endswith("ok"),
        expected="the store to answer at port 8000",
        observed=f"no answer: {said[:80]!r}",
        try_="`kubectl logs deploy/beacon -c store` shows the port that it listens on.",
    )
    readings = said.removesuffix("ok").split()
    expect(
        readings,
        expected="a reading in the store of beacon",
        observed="it has none",
        try_="The brief shows a way to send one. A new pod begins with an empty store.",
    )
    return readings


def _expect_shown(lab: CheckContext, pod: Any, front: Any, readings: list[str]) -> bool:
    said = run_in(lab, name_of(pod), front.name, "wget -qO- localhost:8080 2>&1")
    counted = re.search(r"(\d+) readings", said)
    expect(
        counted,
        expected="the front to answer at port 8080 with the number of readings",
        observed=repr(said[-80:]),
        try_="`kubectl logs deploy/beacon -c front` shows its port; its args say which store it asks.",
    )
    assert counted
    expect(
        int(counted[1]) >= len(readings),
        expected=f"the front to count the {len(readings)} readings of the store beside it",
        observed=f"{counted[1]} readings",
        try_="Which store does it ask? Look at its args.",
    )
    return True


def _expect_journal(lab: CheckContext, pod: Any, journal: Any, store: Any, readings: list[str]) -> bool:
    lines = log_of(lab, pod, journal.name).split()
    told = " and ".join(
        f"{name} mounts {', '.join(m.name for m in c.volume_mounts or [] if 'kube-api' not in m.name) or 'nothing'}"
        for name, c in (("store", store), ("journal", journal))
    )
    expect(
        set(readings) <= set(lines),
        expected=f"the log of {journal.name} to show each reading, such as {readings[-1]}",
        observed=f"it does not; {told}",
        try_=f"`kubectl logs deploy/beacon -c {journal.name}` says what it looks for.",
    )
    return True
