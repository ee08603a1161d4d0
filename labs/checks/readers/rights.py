"""Who may do what, as the API server decides it; and which Role or binding is the reason."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from labs.checks.context import CheckContext
from labs.checks.core import clients
from labs.errors import NotYet

__all__ = ["Right", "Subject", "expect_may", "expect_may_not", "is_allowed"]

ACCOUNT, USER, GROUP = "ServiceAccount", "User", "Group"


@dataclass(frozen=True)
class Subject:
    """Who asks.

    Attributes:
        name: a user's, or a ServiceAccount's.
        namespace: a ServiceAccount's; empty for a user.
        certified: groups that a user's certificate names.
    """

    name: str
    namespace: str = ""
    certified: tuple[str, ...] = ()

    @property
    def user(self) -> str:
        """The name by which the API server knows them."""
        return f"system:serviceaccount:{self.namespace}:{self.name}" if self.namespace else self.name

    @property
    def groups(self) -> list[str]:
        """The groups that the API server puts them into."""
        mine = ["system:serviceaccounts", f"system:serviceaccounts:{self.namespace}"] if self.namespace else []
        return [*mine, *self.certified, "system:authenticated"]

    def __str__(self) -> str:
        return f"the ServiceAccount {self.name} of {self.namespace}" if self.namespace else f"the user {self.name}"


@dataclass(frozen=True)
class Right:
    """What is asked for.

    Attributes:
        verb: such as ``list``.
        resource: such as ``pods`` or ``pods/log``.
        namespace: where.
        group: the API group; empty for the core group.
        name: of one object.
    """

    verb: str
    resource: str
    namespace: str
    group: str = ""
    name: str = ""

    @property
    def what(self) -> str:
        """``get pods/log of store``, ``get configmaps/report``."""
        name = f" of {self.name}" if "/" in self.resource else f"/{self.name}"
        return f"{self.verb} {self.resource}{name if self.name else ''}"

    def __str__(self) -> str:
        return f"{self.what} in {self.namespace}"


def is_allowed(lab: CheckContext, who: Subject, right: Right) -> bool:
    """Whether the API server would let them (a SubjectAccessReview)."""
    from kubernetes import client

    resource, _, subresource = right.resource.partition("/")
    asked = {
        "verb": right.verb,
        "group": right.group,
        "resource": resource,
        "subresource": subresource,
        "namespace": right.namespace,
        "name": right.name,
    }
    review = {"spec": {"user": who.user, "groups": who.groups, "resourceAttributes": asked}}
    api = client.AuthorizationV1Api(clients(lab).api)
    return bool(api.create_subject_access_review(review).status.allowed)


def expect_may(lab: CheckContext, who: Subject, *rights: Right) -> None:
    """They have all these rights. Raises NotYet, which says what of Role and binding does not fit."""
    for right in rights:
        if not is_allowed(lab, who, right):
            observed, try_ = _lack(lab, who, right)
            raise NotYet(f"{who} may {right}", observed, try_)


def expect_may_not(lab: CheckContext, who: Subject, *rights: Right) -> None:
    """They have none of these rights. Raises NotYet, which names the binding that gives one."""
    for right in rights:
        if is_allowed(lab, who, right):
            given = [b for b in _bindings(lab, right.namespace) if _names(b, who) and _grants(lab, b, right)]
            source = f"; given by the {_text(given[0])}" if given else ""
            wide = (
                " A ClusterRoleBinding counts in every namespace." if given and not given[0].metadata.namespace else ""
            )
            raise NotYet(
                f"that {who} may not {right}",
                f"{who} may {right}{source}",
                f"Give no more than the exercise asks for, and take the rest away.{wide}",
            )


def _bindings(lab: CheckContext, namespace: str) -> list[Any]:
    """All bindings that count in a namespace, those of the whole cluster last."""
    rbac = clients(lab).rbac
    return [*rbac.list_namespaced_role_binding(namespace).items, *rbac.list_cluster_role_binding().items]


def _text(binding: Any) -> str:
    """``RoleBinding x (Role y)``, and where it counts."""
    place = binding.metadata.namespace
    kind = f"RoleBinding {binding.metadata.name}" if place else f"ClusterRoleBinding {binding.metadata.name}"
    where = f" in {place}" if place else ", which counts in every namespace"
    return f"{kind} ({binding.role_ref.kind} {binding.role_ref.name}){where}"


def _names(binding: Any, who: Subject) -> bool:
    """Whether a binding is about them, directly or by a group."""
    for subject in binding.subjects or []:
        if subject.kind == GROUP and subject.name in who.groups:
            return True
        if subject.kind == USER and subject.name == who.user:
            return True
        account = (subject.kind, subject.name, subject.namespace)
        if who.namespace and account == (ACCOUNT, who.name, who.namespace):
            return True
    return False


def _rules(lab: CheckContext, binding: Any) -> list[Any] | None:
    """The rules that a binding gives; None where its Role is not there."""
    from kubernetes.client.exceptions import ApiException

    rbac, ref = clients(lab).rbac, binding.role_ref
    try:
        if ref.kind == "ClusterRole":
            return rbac.read_cluster_role(ref.name).rules or []
        return rbac.read_namespaced_role(ref.name, binding.metadata.namespace).rules or []
    except ApiException as error:
        if error.status == 404:
            return None
        raise


def _grants(lab: CheckContext, binding: Any, right: Right) -> bool:
    return any(not _misfit(rule, right) for rule in _rules(lab, binding) or [])


def _misfit(rule: Any, right: Right) -> list[str]:
    """Which parts of a rule do not fit a right: ``resource``, ``group``, ``verb``, ``name``."""
    resources, subresource = rule.resources or [], right.resource.partition("/")[2]
    fits = {
        "resource": bool({"*", right.resource, f"*/{subresource}" if subresource else "*"} & set(resources)),
        "group": bool({"*", right.group} & set(rule.api_groups or [])),
        "verb": bool({"*", right.verb} & set(rule.verbs or [])),
        "name": not rule.resource_names or right.name in rule.resource_names,
    }
    return [part for part, is_fit in fits.items() if not is_fit]


def _lack(lab: CheckContext, who: Subject, right: Right) -> tuple[str, str]:
    """Why they may not: what was observed, and what to try."""
    about = [b for b in _bindings(lab, right.namespace) if _names(b, who) and b.metadata.namespace]
    if not about:
        return _unbound(lab, who, right)
    tried = [(binding, _rules(lab, binding)) for binding in about]
    for binding, rules in tried:
        if rules is None:
            ref = binding.role_ref
            place = f" in {binding.metadata.namespace}" if ref.kind == "Role" else ""
            return (
                f"the RoleBinding {binding.metadata.name} gives the {ref.kind} {ref.name}, and there is none{place}",
                "A Role must lie in the binding's namespace; what a binding gives cannot be changed, so make it again.",
            )
    near = sorted(
        (
            (len(bad), bad, binding, rule)
            for binding, rules in tried
            for rule in rules or []
            if (bad := _misfit(rule, right))
        ),
        key=lambda found: ("resource" in found[1], found[0]),
    )
    named = ", ".join(f"{b.role_ref.kind} {b.role_ref.name}" for b in about)
    if not near or "resource" in near[0][1]:
        has = sorted({r for _, rules in tried for rule in rules or [] for r in rule.resources or []})
        observed = f"the {named} has no rule for {right.what}; its resources: {', '.join(has) or 'none'}"
        return (
            observed,
            "A subresource is written with a slash, such as `pods/log`, in a rule by itself or beside the other.",
        )
    _, bad, binding, rule = near[0]
    role = f"the {binding.role_ref.kind} {binding.role_ref.name}"
    if "group" in bad:
        groups = ", ".join(g or '""' for g in rule.api_groups or [])
        return (
            f'{role} has {right.resource} for the API group {groups}, not for "{right.group}"',
            "`kubectl api-resources` shows each resource's group; that of pods and ConfigMaps is empty.",
        )
    if "verb" in bad:
        verbs = ", ".join(rule.verbs or [])
        return (
            f"{role} has no rule for {right.what}; it has: {verbs}",
            "`kubectl describe role` shows verbs and resources.",
        )
    names = ", ".join(rule.resource_names)
    return f"{role} has {right.resource} for the names {names} only", "Look at its `resourceNames`."


def _unbound(lab: CheckContext, who: Subject, right: Right) -> tuple[str, str]:
    """No binding of the namespace names them: which one comes near?"""
    rbac = clients(lab).rbac
    for binding in rbac.list_namespaced_role_binding(right.namespace).items:
        for subject in binding.subjects or []:
            called = (
                f"the RoleBinding {binding.metadata.name} in {right.namespace} names the {subject.kind} {subject.name}"
            )
            if subject.name != who.name:
                continue
            if subject.kind == ACCOUNT and who.namespace:
                return (
                    f"{called} of the namespace {subject.namespace or '(none)'}, not {who.namespace}",
                    "A binding names an account by the account's own namespace: "
                    f"`--serviceaccount={who.namespace}:{who.name}`.",
                )
            if subject.kind != (ACCOUNT if who.namespace else USER):
                return (
                    f"{called}, and that is not {who}",
                    "`kubectl create rolebinding` takes `--user=NAME`, or `--serviceaccount=NAMESPACE:NAME`.",
                )
    lesson = [right.namespace, who.namespace, lab.namespace, f"{lab.namespace}-town", "default"]
    for place in dict.fromkeys(name for name in lesson[1:] if name and name != right.namespace):
        for binding in rbac.list_namespaced_role_binding(place).items:
            if _names(binding, who):
                return (
                    f"no RoleBinding in {right.namespace} names {who}; the RoleBinding {binding.metadata.name} "
                    f"counts in {place} only",
                    "A RoleBinding gives the rights of its own namespace, wherever the account is.",
                )
    roles = [role.metadata.name for role in rbac.list_namespaced_role(right.namespace).items]
    return (
        f"no RoleBinding in {right.namespace} names {who}; Roles there: {', '.join(roles) or 'none'}",
        "A Role is a list without an owner; `kubectl create rolebinding` gives it to somebody.",
    )
