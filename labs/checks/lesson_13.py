"""Checks of lesson 13, who may do what: the API server is asked, and so are the pods, which ask it themselves."""

from __future__ import annotations

import re
from typing import Any

from labs.checks.context import CheckContext
from labs.checks.core import check, expect, settle
from labs.checks.facts import Stated, states
from labs.checks.readers.containers import Program, container_of
from labs.checks.readers.namespaces import here
from labs.checks.readers.pod_containers import log_of, run_in
from labs.checks.readers.pods import is_ready, reasons
from labs.checks.readers.rights import Right, Subject, expect_may, expect_may_not
from labs.checks.readers.starting import newest_pods
from labs.checks.readers.workloads import deployment, expect_rolled_out, name_of

SHELL = Program("labs/shell:1")
MOUNT = "/var/run/secrets/kubernetes.io/serviceaccount"
READ = ("get", "list", "watch")
CHANGE = ("create", "update", "patch", "delete", "deletecollection")
MADE = "The lesson's cells make it; run them again."


@states(Stated("ServiceAccount", "reporter"))
@check(
    "ex-13-1",
    title="A reporter and a colleague",
    covers=("D4.2",),
    why="A binding gives a Role to a user by the name, to an account by its namespace and name; nobody else has it.",
)
def check_rights_given(lab: CheckContext) -> None:
    space, places = lab.namespace, (f"{lab.namespace}-town", "default")
    _account(lab, "reporter")
    reporter, ada = Subject("reporter", space), Subject("ada", certified=("weather",))

    def state() -> bool:
        expect_may(lab, reporter, *(Right(verb, "pods", space) for verb in READ), Right("get", "pods/log", space))
        expect_may(lab, ada, *(Right(verb, "deployments", space, "apps") for verb in READ))
        for who in (reporter, ada):
            expect_may_not(lab, who, *_changes("pods", space), *_changes("deployments", space, "apps"))
            expect_may_not(lab, who, *_reads("secrets", space), *_reads("configmaps", space))
            for place in places:
                expect_may_not(lab, who, *_reads("pods", place), *_reads("deployments", place, "apps"))
        expect_may_not(lab, reporter, *_reads("deployments", space, "apps"), Right("create", "pods/exec", space))
        expect_may_not(lab, ada, *_reads("pods", space), Right("get", "pods/log", space))
        return True

    settle(state)


@states(
    Stated("Pod", "watchman"),
    Stated("Pod", "quiet"),
    Stated("ServiceAccount", "watchman"),
)
@check(
    "ex-13-2",
    title="A watchman with a token, and a quiet pod without",
    covers=("D4.2", "D4.7"),
    why="A binding gives the rights of its own namespace, to an account of any; a pod is its account from its start.",
)
def check_watchman_asks(lab: CheckContext) -> None:
    space, town = lab.namespace, f"{lab.namespace}-town"
    _account(lab, "watchman")
    watchman = Subject("watchman", space)

    def state() -> bool:
        pod, quiet = _pod(lab, "watchman"), _pod(lab, "quiet")
        expect_may(lab, watchman, Right("get", "configmaps", space, name="stations"), Right("list", "pods", town))
        _expect_mounted(lab, pod, "watchman")
        wanted = {
            f"{space}/configmaps/stations": "200",
            f"{town}/pods": "200",
            f"{space}/configmaps/prices": "403",
            f"{space}/pods": "403",
        }
        _expect_answers(lab, pod, wanted)
        expect_may_not(lab, watchman, *_reads("configmaps", space, name="prices"), *_changes("configmaps", space))
        expect_may_not(
            lab, watchman, Right("list", "configmaps", space), *_reads("secrets", space), *_reads("pods", space)
        )
        expect_may_not(lab, watchman, *_changes("pods", town), *_reads("configmaps", town), *_reads("secrets", town))
        expect_may_not(lab, watchman, *_reads("pods", "default"), *_reads("configmaps", "default"))
        there = run_in(lab, "quiet", container_of(quiet, SHELL).name, f"ls {MOUNT} 2>&1 | tr '\\n' ' '")
        expect(
            "token" not in there.split(),
            expected="no token in the pod quiet",
            observed=f"its {MOUNT} has: {there}",
            try_="`kubectl explain pod.spec.automountServiceAccountToken`; it is read when a pod is made.",
        )
        return True

    settle(state)


@states(Stated("ServiceAccount", "keeper"), Stated("Deployment", "keeper"))
@check(
    "ex-13-3",
    title="The keeper, let in with least rights",
    covers=("D4.2", "D4.7"),
    why="Account, binding and Role each had to agree with the request, in namespace, verb, subresource and group.",
    symptom="the keeper does not get all its answers, or somebody has rights who should not",
)
def check_keeper_allowed(lab: CheckContext) -> None:
    space, town = lab.namespace, f"{lab.namespace}-town"
    _account(lab, "keeper")
    keeper = Subject("keeper", space)
    allowed = (
        Right("list", "pods", space),
        Right("get", "pods/log", space, name="store"),
        Right("patch", "configmaps", space, name="report"),
    )

    def rights() -> bool:
        expect_may(lab, keeper, *allowed)
        expect_may_not(lab, keeper, *_changes("pods", space), Right("create", "pods/exec", space))
        expect_may_not(lab, keeper, *_reads("secrets", space), *_reads("configmaps", space, name="keeper-program"))
        expect_may_not(
            lab, keeper, Right("list", "configmaps", space), Right("delete", "configmaps", space, name="report")
        )
        expect_may_not(lab, keeper, Right("patch", "configmaps", space, name="keeper-program"))
        for place in (town, "default"):
            expect_may_not(lab, keeper, *_reads("pods", place), *_reads("configmaps", place))
        others = [Subject("default", town), Subject("keeper", town), Subject("default", space)]
        for other in (*others, Subject("nobody-in-particular")):
            expect_may_not(lab, other, *allowed)
        return True

    workload = deployment(lab, "keeper")
    settle(lambda: _expect_token(lab, workload))
    settle(rights)
    expect_rolled_out(lab, "keeper")
    settle(lambda: _expect_logged(lab, workload))


def _changes(resource: str, namespace: str, group: str = "") -> list[Right]:
    return [Right(verb, resource, namespace, group) for verb in CHANGE]


def _reads(resource: str, namespace: str, group: str = "", name: str = "") -> list[Right]:
    verbs = ("get",) if name else READ
    return [Right(verb, resource, namespace, group, name) for verb in verbs]


def _account(lab: CheckContext, name: str) -> Any:
    return here(
        lab,
        "service_account",
        name,
        called=f"a ServiceAccount {name}",
        try_="`kubectl create serviceaccount` makes one; a binding does not.",
    )


def _pod(lab: CheckContext, name: str) -> Any:
    """A pod of the exercise, ready, and of the right account. Raises NotYet."""
    pod = here(lab, "pod", name, called=f"a pod {name}", try_="`kubectl run --help` has `--overrides`; or write YAML.")
    account = pod.spec.service_account_name
    expect(
        account == "watchman",
        expected=f"the pod {name} to run as the ServiceAccount watchman",
        observed=f"it runs as {account}",
        try_="A pod's account is fixed when it is made: delete the pod and make it again, with `serviceAccountName`.",
    )
    expect(
        is_ready(pod),
        expected=f"the pod {name} to be ready",
        observed=f"it is not{reasons([pod])}",
        try_=f"`kubectl describe pod {name}` shows why.",
    )
    return pod


def _expect_mounted(lab: CheckContext, pod: Any, account: str) -> None:
    """The pod has a token where programs look for it."""
    there = run_in(lab, name_of(pod), container_of(pod, SHELL).name, f"ls {MOUNT} 2>&1 | tr '\\n' ' '")
    expect(
        "token" in there.split(),
        expected=f"a token in the pod {name_of(pod)}",
        observed="there is no token in it",
        try_=f"`automountServiceAccountToken` stands in the pod or in the ServiceAccount {account}; the pod's word "
        "counts more, and a pod gets its token when it is made.",
    )


def _expect_answers(lab: CheckContext, pod: Any, wanted: dict[str, str]) -> None:
    """What the API server answers when a program in the pod asks with its mounted token."""
    header = '-H "Authorization: Bearer $(cat token)"'
    ask = f"curl -sS -m 5 -o /dev/null -w '%{{http_code}} ' --cacert ca.crt {header}"
    root = "https://kubernetes.default.svc/api/v1/namespaces"
    command = f"cd {MOUNT}; " + "; ".join(f"{ask} {root}/{path}" for path in wanted)
    said = run_in(lab, name_of(pod), container_of(pod, SHELL).name, command)
    codes = re.findall(r"\b[0-9]{3}\b", said)
    for (path, code), seen in zip(wanted.items(), [*codes, *["no answer"] * len(wanted)], strict=False):
        expect(
            seen == code,
            expected=f"{code} for {path}, asked from inside of {name_of(pod)}",
            observed=seen if codes else said[-120:] or "no answer",
            try_="401: the token is for another audience. 403: look at the bindings. 200 in place of 403: too much.",
        )


# Exercise 3
def _expect_token(lab: CheckContext, workload: Any) -> bool:
    """The pods that run now are of the account, and have a token."""
    account = workload.spec.template.spec.service_account_name or "default"
    expect(
        account == "keeper",
        expected="the Deployment keeper to run as the ServiceAccount keeper",
        observed=f"its pods run as {account}",
        try_="`kubectl set serviceaccount deployment keeper keeper` changes it.",
    )
    pods = [pod for pod in newest_pods(lab, workload) if is_ready(pod)]
    if not pods:
        expect_rolled_out(lab, "keeper")
    for pod in pods:
        volumes = pod.spec.volumes or []
        tokens = [s for v in volumes if v.projected for s in v.projected.sources or [] if s.service_account_token]
        expect(
            tokens,
            expected="pods of keeper with a token of their account",
            observed=f"{name_of(pod)} has no token",
            try_="Who says so, the Deployment or the ServiceAccount (`automountServiceAccountToken`)? A pod gets its "
            "token when it is made: `kubectl rollout restart deployment/keeper`.",
        )
    return True


def _expect_logged(lab: CheckContext, workload: Any) -> bool:
    """The program is the lesson's, and says that it got three answers."""
    container = container_of(workload, SHELL)
    expect(
        container.command == ["sh", "/program/keeper.sh"] and not container.args,
        expected="the program of keeper as it was: sh /program/keeper.sh",
        observed=" ".join([*(container.command or []), *(container.args or [])]),
        try_=MADE,
    )
    program = here(lab, "config_map", "keeper-program", called="a ConfigMap keeper-program", try_=MADE)
    text = (program.data or {}).get("keeper.sh", "")
    expect(
        all(part in text for part in ("/pods/store/log)", "$API/pods)", "$API/configmaps/report)", "%{http_code}")),
        expected="the program in keeper-program as it was",
        observed="another one",
        try_=MADE,
    )
    pod = expect(
        next(iter(newest_pods(lab, workload)), None),
        expected="a pod of keeper",
        observed="none",
        try_="`kubectl get pods`",
    )
    line = log_of(lab, pod, container_of(pod, SHELL).name, tail_lines=1).strip()
    return expect(
        "pods: 200, log: 200, report: 200" in line,
        expected="`pods: 200, log: 200, report: 200` in the keeper's log",
        observed=line or "no line yet",
        try_="404: is the object there (the pod store, the ConfigMap report)? "
        "403: `kubectl describe rolebinding keeper`.",
    )
