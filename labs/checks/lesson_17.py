"""Checks of lesson 17, Ingress and NetworkPolicies: what comes through is tried, by real requests."""

from __future__ import annotations

import base64
import re
import ssl
from collections.abc import Callable
from typing import Any

from labs.checks.context import CheckContext
from labs.checks.core import check, expect, settle
from labs.checks.facts import Kept, Stated, states
from labs.checks.readers.as_made import expect_as_made
from labs.checks.readers.ingresses import NOBODY, Reply, answered, expect_rule, ingress
from labs.checks.readers.namespaces import here
from labs.checks.readers.policies import EGRESS, INGRESS, policies_text
from labs.checks.readers.traffic import Attempt, expect_traffic
from labs.errors import NotYet

GARDEN, HARBOUR = "garden.localhost", "harbour.localhost"
STORE_PORT, METRICS, FRONT_PORT = 8000, 9100, 8080
READINGS = re.compile(r"\d+ readings")
NUMBERS = re.compile(r"[-0-9.\s]*")
MADE = "The lesson's cells make it; run them again."


@states(
    Stated("Ingress", "garden"),
    Stated("Ingress", "garden", "rules.host", "garden.localhost", ("gardens.localhost",)),
    Stated("Ingress", "garden", "tls.secretName", "garden-tls", ("weather-tls",)),
    Stated("Secret", "garden-tls"),
    Kept("Service", "front", {"spec": {"selector": {"app": "store"}}}),
    Kept("Service", "store", {"spec": {"selector": {"app": "front"}}}),
)
@check(
    "ex-17-1",
    title="The garden's door, by host and path, with a certificate",
    covers=("D5.3",),
    why="The controller chose by host and path, the most exact path first, and took the certificate from the Secret.",
)
def check_garden_opened(lab: CheckContext) -> None:
    item = ingress(lab, "garden")
    _expect_services(lab, front=(80, FRONT_PORT), store=(STORE_PORT, STORE_PORT))
    look = "`kubectl describe ingress garden` shows where each path leads."

    def answers(path: str, what: str, fits: Callable[[Reply], Any]) -> None:
        def state() -> bool:
            reply = answered(lab, GARDEN, path, tls=True)
            if not fits(reply):
                expect_rule(lab, item, GARDEN, path, reply)
                if not reply.status:
                    raise _walled(lab, "store" if path == "/readings" else "front", f"{what} at https://{GARDEN}{path}")
                observed = f"{reply}{_kind_of(item, path)}"
                raise NotYet(f"{what} at https://{GARDEN}{path}", observed, look)
            return True

        settle(state)

    answers("/", "the front's page", lambda r: r.status == 200 and READINGS.search(r.body))
    answers("/readings", "the store's numbers", lambda r: r.status == 200 and NUMBERS.fullmatch(r.body))
    answers("/readings/today", "the front's own 404", lambda r: r.status == 404 and "there is no" in r.body)
    expect(
        any(rule.host == GARDEN for rule in item.spec.rules or []),
        expected=f"a rule for the host {GARDEN} in the Ingress garden",
        observed=f"no rule for {GARDEN}",
        try_=look,
    )
    _expect_certificate(lab, item)


@states(
    Stated("NetworkPolicy", "store", "ports.port", 8000, (9100,), is_name_stated=False),
    Stated("NetworkPolicy", "store", "podSelector.matchLabels.role", "reader", ("readers",), is_name_stated=False),
)
@check(
    "ex-17-2",
    title="Walls around the store and its producer",
    covers=("D5.1",),
    why="Policies list who may come; whom none of them lists is dropped, and so is what the producer may not ask for.",
)
def check_store_walled(lab: CheckContext) -> None:
    town = f"{lab.namespace}-town"
    _expect_labels(lab, {"store": "app", "front": "app", "producer": "app"})
    may = [
        Attempt("front", "store", STORE_PORT),
        Attempt("producer", "store", STORE_PORT, is_by_name=True),
        Attempt("reader", "store", STORE_PORT, town),
    ]
    may_not = [
        Attempt("guest", "store", STORE_PORT),
        Attempt("visitor", "store", STORE_PORT, town),
        Attempt("front", "store", METRICS),
        Attempt("reader", "store", METRICS, town),
        Attempt("producer", "store", METRICS),
        Attempt("producer", "front", FRONT_PORT, wall=EGRESS),
    ]
    expect_traffic(lab, may, may_not)


@states(
    Stated("Ingress", "harbour"),
    Stated("Ingress", "harbour", "rules.host", "harbour.localhost", ("harbor.localhost",)),
    Kept("NetworkPolicy", "harbour-deny", {"spec": {"policyTypes": ["Ingress"]}}),
    Kept("Service", "harbour-front", {"spec": {"selector": {"app": "front"}}}),
    Kept("Service", "harbour-store", {"spec": {"selector": {"app": "store"}}}),
)
@check(
    "ex-17-3",
    title="The harbour, open at its door and nowhere else",
    covers=("D5.1", "D5.3"),
    why="The Ingress names the Service's port, the policy the pod's; names need port 53, and one item more is one way "
    "in more.",
    symptom="harbour.localhost does not show the page, or somebody comes in who should not",
)
def check_harbour_opened(lab: CheckContext) -> None:
    item, town = ingress(lab, "harbour"), f"{lab.namespace}-town"
    _expect_denied(lab)
    _expect_labels(lab, {"harbour-store": "app", "harbour-front": "app"})
    _expect_services(lab, **{"harbour-front": (80, FRONT_PORT), "harbour-store": (STORE_PORT, STORE_PORT)})
    settle(lambda: _expect_page(lab, item))
    may_not = [
        Attempt("guest", "harbour-store", STORE_PORT),
        Attempt("visitor", "harbour-store", STORE_PORT, town),
        Attempt("guest", "harbour-front", FRONT_PORT, stated_port=FRONT_PORT),
        Attempt("visitor", "harbour-front", FRONT_PORT, town, stated_port=FRONT_PORT),
        Attempt("harbour-front", "store", STORE_PORT, wall=EGRESS),
        Attempt("harbour-front", "front", FRONT_PORT, wall=EGRESS),
    ]
    expect_traffic(lab, [Attempt("harbour-front", "harbour-store", STORE_PORT, is_by_name=True)], may_not)


def _walled(lab: CheckContext, name: str, expected: str) -> NotYet:
    """A right rule, and no answer: what shuts the door behind it."""
    pod = here(lab, "pod", name, called=f"the pod {name}", try_=MADE)
    return NotYet(
        expected,
        f"no answer; {policies_text(lab, pod, INGRESS)}",
        "Walls of a later section shut this door as well: `kubectl delete networkpolicies --all`, then check again.",
    )


def _kind_of(item: Any, path: str) -> str:
    """The rule for `/readings`, where it is a prefix and should not be, as the end of a sentence."""
    entries = [p for rule in item.spec.rules or [] for p in (rule.http.paths if rule.http else [])]
    kinds = [p.path_type for p in entries if (p.path or "/") != "/" and path.startswith(p.path)]
    return f"; its path has pathType: {', '.join(kinds)}" if kinds else ""


def _expect_certificate(lab: CheckContext, item: Any) -> None:
    """What the door shows for the garden is what is in the Secret, and made for this host."""
    called = "a Secret garden-tls"
    secret = here(lab, "secret", "garden-tls", called=called, try_="`kubectl create secret tls --help`")
    expect(
        secret.type == "kubernetes.io/tls",
        expected="a Secret garden-tls of the type kubernetes.io/tls",
        observed=f"it is of the type {secret.type}",
        try_="`kubectl create secret tls` makes one; a Secret's type cannot be changed, so delete it first.",
    )
    named = [(entry.secret_name, entry.hosts or []) for entry in item.spec.tls or []]
    expect(
        any(name == "garden-tls" and GARDEN in hosts for name, hosts in named),
        expected=f"tls in the Ingress garden, with the host {GARDEN} and the Secret garden-tls",
        observed="; ".join(f"{name} for {', '.join(hosts) or 'no host'}" for name, hosts in named) or "no tls",
        try_="`kubectl explain ingress.spec.tls`",
    )
    kept = base64.b64decode((secret.data or {}).get("tls.crt", ""))
    expect(
        GARDEN.encode() in _der(kept),
        expected=f"a certificate for {GARDEN} in the Secret garden-tls",
        observed="another one",
        try_="Section 3 has made two pairs of files; `garden.crt` is the right one.",
    )

    def state() -> bool:
        return expect(
            answered(lab, GARDEN, tls=True).certificate == _der(kept),
            expected=f"the Secret's certificate for {GARDEN} at the door",
            observed="another one, such as the controller makes up itself",
            try_="Do `tls.crt` and `tls.key` in the Secret belong together?",
        )

    settle(state)


def _der(pem: bytes) -> bytes:
    """The first certificate of a file; empty when there is none."""
    end = "-----END CERTIFICATE-----"
    try:
        return ssl.PEM_cert_to_DER_cert(f"{pem.decode().strip().partition(end)[0]}{end}")
    except ValueError:
        return b""


def _expect_services(lab: CheckContext, **ports: tuple[int, int]) -> None:
    for name, (port, target) in ports.items():
        entry = {"name": f"{port}-{target}" if port != target else str(port), "port": port, "targetPort": target}
        metadata = {"name": name, "labels": {"app": name}}
        spec = {"type": "ClusterIP", "selector": {"app": name}, "ports": [{**entry, "protocol": "TCP"}]}
        expect_as_made(lab, {"apiVersion": "v1", "kind": "Service", "metadata": metadata, "spec": spec}, MADE)


def _expect_labels(lab: CheckContext, pods: dict[str, str]) -> None:
    """The pods carry the labels that the brief names."""
    for name, key in pods.items():
        pod = here(lab, "pod", name, called=f"the pod {name}", try_=MADE)
        labels = pod.metadata.labels or {}
        expect(
            labels.get(key) == name,
            expected=f"the label {key}={name} of the pod {name} as it was",
            observed=f"{key}={labels.get(key, '')}",
            try_="Policies choose by labels; leave those of the pods alone.",
        )


# Exercise 3
def _expect_denied(lab: CheckContext) -> None:
    """The policy that denies all is as the lesson's cell makes it."""
    called, keep = "a NetworkPolicy harbour-deny", "Keep it as it is: allow what is missing by the others."
    spec = here(lab, "network_policy", "harbour-deny", api="networking", called=called, try_=keep).spec
    labels = (spec.pod_selector and spec.pod_selector.match_labels) or {}
    is_kept = labels == {"site": "harbour"} and not (spec.pod_selector.match_expressions or spec.ingress or spec.egress)
    expect(
        is_kept and set(spec.policy_types or []) == {INGRESS, EGRESS},
        expected="the NetworkPolicy harbour-deny as it was: all pods of the site, both directions, no rules",
        observed=f"it selects {labels or 'others'}, for {', '.join(spec.policy_types or [])}, with "
        f"{len(spec.ingress or []) + len(spec.egress or [])} rules",
        try_=keep,
    )


def _expect_page(lab: CheckContext, item: Any) -> bool:
    reply = answered(lab, HARBOUR)
    if reply.status == 200 and reply.body.startswith("Harbour:") and READINGS.search(reply.body):
        return True
    if reply.status == 404 or NOBODY in reply.body:
        expect_rule(lab, item, HARBOUR, "/", reply)
    if not reply.status and answered(lab, HARBOUR, "/hostname").status != 200:
        front = here(lab, "pod", "harbour-front", called="the pod harbour-front", try_=MADE)
        raise NotYet(
            f"the front's page at http://{HARBOUR}",
            f"no answer within 4 s: nobody reaches the front; {policies_text(lab, front, INGRESS)}",
            "Whom must it let in, and at which port does the *pod* listen?",
        )
    if not reply.status or reply.status == 503:  # the front waits for its store, and so does who asks
        expect_traffic(lab, [Attempt("harbour-front", "harbour-store", STORE_PORT, is_by_name=True)], [])
    raise NotYet(
        f"the front's page at http://{HARBOUR}",
        str(reply),
        "`kubectl describe ingress harbour`, and `kubectl logs harbour-front --tail=2`.",
    )
