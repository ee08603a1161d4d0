"""Checks of lesson 14, security contexts and images: what a container may do is read inside of it, and tried."""

from __future__ import annotations

import base64
import hashlib
import re
from typing import Any

from labs.checks.context import CheckContext, ScopedContext
from labs.checks.core import check, clients, expect, settle
from labs.checks.facts import Kept, Stated, states
from labs.checks.readers.containers import Program, command_text, container_of, is_image, pod_spec, runs
from labs.checks.readers.image_layers import image_called, traces_of
from labs.checks.readers.locks import expect_locked, expect_no_host, is_non_root_asked, last_error, rights_in
from labs.checks.readers.namespaces import here
from labs.checks.readers.pod_containers import log_of, run_in
from labs.checks.readers.pods import is_ready, reasons
from labs.checks.readers.starting import newest_pods
from labs.checks.readers.volumes import mounted
from labs.checks.readers.workloads import deployment, expect_image, expect_ready, expect_rolled_out, name_of, pods_of
from labs.errors import CouldNotCheck, NotYet
from labs.waiting import http_status

WEATHER, BEACON = "weather:1", "beacon:2"
STORE, VAULT, LAMP = Program(WEATHER, "store", "store"), Program(BEACON, "store", "store"), Program("lamp:1")
USER, GROUP, FILES = 1000, 3000, 2000
KEY, TOKEN = b"lamp-key-4711", "/etc/weather/token"
MEGABYTES = 30
LEVEL = "pod-security.kubernetes.io/enforce"
AGAIN = "A pod's `securityContext` is fixed once it is made: delete the pod, and make it again."
EDIT = "`kubectl edit deployment vault` changes it."
MADE = "The cell above the exercise makes it again."


@states(
    Stated("Pod", "gauge"),
    Stated("Pod", "gauge", "containers.image", WEATHER),
    Stated("Pod", "gauge", "securityContext.runAsUser", USER, (1001,)),
    Stated("Pod", "gauge", "securityContext.runAsGroup", GROUP, (3001,)),
    Stated("Pod", "gauge", "securityContext.fsGroup", FILES, (2001,)),
)
@check(
    "ex-14-1",
    title="A store with all locks, which works",
    covers=("D4.8",),
    why="Each lock takes one right away, and the volume gives the program the one folder that it needs.",
)
def check_gauge_locked(lab: CheckContext) -> None:
    pod = settle(lambda: _started(lab, "gauge"))
    store = container_of(pod, STORE)
    expect(
        is_image(store.image, WEATHER) and runs(store, STORE),
        expected=f"a container of gauge that runs the store of {WEATHER}",
        observed=f"{store.image} with `{command_text(store) or 'no argument'}`",
        try_=f"The image's argument says which program runs: `args: [store]`. {AGAIN}",
    )
    expect_no_host(pod.spec, "the pod gauge")
    try:
        _expect_gauge(lab, pod, store)
    except CouldNotCheck:  # a container that ends at once counts as ready for a moment
        if why := settle(lambda: reasons([here(lab, "pod", "gauge", called="a pod gauge", try_=AGAIN)])):
            raise _not_started("gauge", why) from None
        raise


def _expect_gauge(lab: CheckContext, pod: Any, store: Any) -> None:
    """The locks of exercise 1 are shut, and the store works."""
    where = f"the container {store.name} of gauge"
    rights = rights_in(lab, "gauge", store.name)
    expect_locked(rights, where)
    expect(
        rights.uid == USER,
        expected=f"{where} as user {USER}",
        observed=f"user {rights.uid}",
        try_=f"`runAsUser`. {AGAIN}",
    )
    expect(
        rights.gid == GROUP,
        expected=f"{where} in the group {GROUP}",
        observed=f"group {rights.gid}",
        try_=f"Without `runAsGroup` it is what the image says, or 0. {AGAIN}",
    )
    settle(lambda: _expect_kept(lab, pod, store))
    mounted(pod.spec, "the pod gauge", store.name, "/data")
    group = run_in(lab, "gauge", store.name, "stat -c %g /data")
    expect(
        group == str(FILES) and FILES in {rights.gid, *rights.groups},
        expected=f"the volume at /data with the group {FILES}",
        observed=f"group {group}",
        try_=f"One field of the *pod's* `securityContext` gives volumes to a group. {AGAIN}",
    )


@states(
    Stated("Deployment", "lamp"),
    Stated("Deployment", "lamp", "containers.image", "lamp:1", ("lamp:0",)),
)
@check(
    "ex-14-2",
    title="A small image without its key, in a strict namespace",
    covers=("D1.1", "D4.8"),
    why="Only what the last stage copies is in the image, and the namespace let in what has the four locks.",
)
def check_lamp_built(lab: CheckContext) -> None:
    strict = f"{lab.namespace}-strict"
    place = ScopedContext(lab, strict, {})
    image = image_called(lab, "lamp:1")
    traces = traces_of(image, KEY)
    expect(
        not traces,
        expected="lamp:1 without the key",
        observed=" and ".join(traces[:3]),
        try_="What a layer has it keeps, also when a later one deletes it. Which stage needs the key?",
    )
    user = image.attrs["Config"].get("User") or ""
    expect(
        re.fullmatch(r"0*[1-9]\d*(:\w+)?", user),
        expected="lamp:1 to run as a user with a number, not root",
        observed=f"USER {user}" if user else "no USER, which is root",
        try_="The kubelet does not look names up: write a number.",
    )
    size = image.attrs["Size"] / 1e6
    expect(
        size < MEGABYTES,
        expected=f"lamp:1 with less than {MEGABYTES} MB",
        observed=f"{size:.0f} MB",
        try_="The last `FROM` decides what is left: does the page need Python?",
    )
    lamp = deployment(place, "lamp", f"`kubectl get deployments -n {strict}` lists yours.")
    level = (clients(lab).core.read_namespace(strict).metadata.labels or {}).get(LEVEL)
    expect(
        level == "restricted",
        expected=f"the namespace {strict} with the level restricted",
        observed=f"{LEVEL}={level or ''}",
        try_="The cell of section 6 that makes it sets the label again. What does the template lack?",
    )
    expect_image(lamp, "lamp:1")
    _expect_let_in(place, lamp)
    settle(lambda: _expect_served(place, lamp))


@states(
    Stated("Deployment", "vault"),
    Stated("Deployment", "vault", "containers.image", BEACON, ("beacon:1",)),
    Kept("Deployment", "vault", {"spec": {"template": {"spec": {"hostPID": True}}}}),
)
@check(
    "ex-14-3",
    title="The vault, open for its owner only",
    covers=("D4.8",),
    why="A number for the user, a folder to write to and a group for the key: each is the smallest right that helps.",
    symptom="vault does not do its work, or has more rights than it may have",
)
def check_vault_opened(lab: CheckContext) -> None:
    vault = deployment(lab, "vault", f"Keep it. {MADE}")
    expect_image(vault, BEACON)
    store, spec = container_of(vault, VAULT), pod_spec(vault)
    expect(
        runs(store, VAULT) and "/tmp/started" in command_text(store),
        expected="the container of vault with its command, which writes /tmp/started and runs the store",
        observed=f"`{command_text(store)[:80] or 'no command'}`",
        try_=f"Keep the command: it stands for any program that writes a file. {MADE}",
    )
    expect_no_host(spec, "the Deployment vault")
    expect(
        is_non_root_asked(spec, store),
        expected="runAsNonRoot: true for the container of vault, as it was",
        observed="it is gone, so an image that runs as root would start",
        try_="Keep the question, and give it an answer: which user is it?",
    )
    _expect_up(lab, store)
    pod = _newest(lab)
    expect_locked(rights_in(lab, name_of(pod), store.name), f"the container {store.name} of vault", EDIT)
    settle(lambda: _expect_opened(lab, store))
    _expect_key_hidden(lab, store)


def _started(lab: CheckContext, name: str) -> Any:
    pod = here(lab, "pod", name, called=f"a pod {name}", try_=f"`kubectl get pods -n {lab.namespace}` lists yours.")
    if not is_ready(pod):
        raise _not_started(name, reasons([pod]))
    return pod


def _not_started(name: str, why: str) -> NotYet:
    return NotYet(
        f"a ready pod {name}",
        f"it is not ready{why}",
        f"The end of `kubectl describe pod {name}` and `kubectl logs {name}` say why. {AGAIN}",
    )


def _sent(lab: CheckContext, pod: Any, container: str, header: str = "") -> str:
    """What the store answers to a reading."""
    more = f"--header 'Authorization: Bearer {header}'" if header else ""
    return run_in(lab, name_of(pod), container, f"wget -qO- {more} --post-data=21 localhost:8000/probe 2>&1")


def _expect_kept(lab: CheckContext, pod: Any, store: Any) -> bool:
    said = _sent(lab, pod, store.name)
    return expect(
        said == "stored",
        expected=f"the store of {name_of(pod)} to keep a reading that is sent to port 8000",
        observed=last_error(lab, pod, store.name) or repr(said[-80:]),
        try_="The program needs a folder that it may write to. Which one, and what gives it to it?",
    )


# Exercise 2
def _expect_let_in(place: CheckContext, lamp: Any) -> None:
    """The pods are ready; what the namespace refuses is told in its own words."""
    try:
        expect_rolled_out(place, "lamp")
    except NotYet as late:
        failed = [c.message for c in deployment(place, "lamp").status.conditions or [] if c.type == "ReplicaFailure"]
        if not failed:
            raise
        _, _, told = failed[-1].partition("is forbidden: ")
        raise NotYet(
            late.expected, told or failed[-1], "It names the fields that the template lacks, and where they stand."
        ) from late


def _expect_served(place: CheckContext, lamp: Any) -> bool:
    pods = [pod for pod in pods_of(place, lamp) if is_ready(pod)]
    pod = expect(pods, expected="a ready pod of lamp", observed="none", try_="`kubectl get pods` of the namespace.")[-1]
    page, signature = _fetched(place, pod, "index.html"), _fetched(place, pod, "signature")
    expect(
        b"The lamp is lit" in page,
        expected="the lamp's page at port 8080 of the pod",
        observed=repr(page[:60].decode(errors="replace")) if page else "no answer with status 200",
        try_=f"`kubectl logs -n {place.namespace} deploy/lamp`; does the image hold the page where its server looks?",
    )
    words = signature.decode(errors="replace").split()
    return expect(
        bool(words) and words[0] in {hashlib.sha256(page + KEY + end).hexdigest() for end in (b"\n", b"")},
        expected="at /signature the checksum of page and key",
        observed=" ".join(words)[:24] or "no answer with status 200",
        try_="It is made at the build, from both files: the stage that makes it must see the key. After a new build, "
        "give the image to the nodes again, and restart the rollout.",
    )


def _fetched(place: CheckContext, pod: Any, path: str) -> bytes:
    """A file that a pod serves at port 8080, by way of the API server; empty when it does not."""
    core = clients(place).core
    try:
        reply = core.connect_get_namespaced_pod_proxy_with_path(
            f"{name_of(pod)}:8080", place.namespace, path, _preload_content=False
        )
    except Exception as error:
        status = http_status(error)
        if status == 403:
            raise CouldNotCheck("This cluster does not let the check ask a pod.", "It needs `pods/proxy`.") from error
        if status in {404, 500, 502, 503}:
            return b""
        raise
    return bytes(reply.data)


# Exercise 3
def _newest(lab: CheckContext) -> Any:
    pods = [pod for pod in newest_pods(lab, deployment(lab, "vault")) if is_ready(pod)]
    return expect(pods, expected="a ready pod of vault", observed="none", try_="`kubectl get pods -l app=vault`")[-1]


def _expect_up(lab: CheckContext, store: Any) -> None:
    """The pods are ready; else the verdict has the last words of the program."""
    try:
        expect_rolled_out(lab, "vault")
        expect_ready(lab, "vault", 1, at_least=True)  # one that ends at once is ready for a moment
    except NotYet as late:
        pods = newest_pods(lab, deployment(lab, "vault"))
        said = log_of(lab, pods[-1], store.name, tail_lines=1).strip() if pods else ""
        raise NotYet(late.expected, f"{late.observed}; it says: {said}" if said else late.observed, late.try_) from late


def _expect_opened(lab: CheckContext, store: Any) -> bool:
    pod = _newest(lab)
    without = _sent(lab, pod, store.name)
    secret = here(lab, "secret", "vault-key", called="the Secret vault-key", try_=MADE)
    said = _sent(lab, pod, store.name, base64.b64decode((secret.data or {}).get("token", "")).decode())
    expect(
        said == "stored",
        expected="the store of vault to keep a reading that is sent with the key",
        observed=last_error(lab, pod, store.name) or repr(said[-80:]),
        try_="Whose is the file in question, and who runs there? `kubectl exec deploy/vault -- ls -lL /etc/weather`",
    )
    return expect(
        "401" in without,
        expected="401 for a reading that is sent to vault without the key",
        observed="it was stored" if without == "stored" else repr(without[-80:]),
        try_="Without a key in /etc/weather/token the store takes readings from everybody.",
    )


def _expect_key_hidden(lab: CheckContext, store: Any) -> None:
    mode = run_in(lab, name_of(_newest(lab)), store.name, f"stat -Lc %a {TOKEN}")
    if not mode.isdigit():  # the store has it from elsewhere: it answers 401 and takes the key
        return
    expect(
        not int(mode, 8) & 0o7,
        expected=f"{TOKEN} not readable for everybody",
        observed=f"its mode is {mode}",
        try_="Keep `defaultMode: 0400`: another field gives the volume's files to a group, and the process as well.",
    )
