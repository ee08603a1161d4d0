"""Errors of the Kubernetes client, and of the API server behind it."""

from __future__ import annotations

import difflib
import json
import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from kubernetes import client
from kubernetes.client.exceptions import ApiException, OpenApiException
from kubernetes.config import ConfigException
from kubernetes.utils import FailToCreateError
from urllib3.exceptions import LocationValueError

from labs.explain.base import AGAIN, REOPEN, Explainer, Explanation, frames_of, package_of, raised_by, sentence

__all__ = ["EXPLAINERS", "no_cluster"]


@dataclass(frozen=True)
class _Answer:
    """The Status object with which the API server refuses a request, and the namespace that was asked."""

    message: str
    reason: str
    kinds: str
    name: str
    namespace: str
    causes: list[dict[str, str]]

    @classmethod
    def of(cls, error: ApiException) -> _Answer:
        body = error.body.decode(errors="replace") if isinstance(error.body, bytes) else error.body
        try:
            status = json.loads(body or "")
        except (TypeError, ValueError):
            status = None
        if not isinstance(status, dict):
            status = {"message": (body or "").strip()}
        details = status.get("details") or {}
        kinds = details.get("kind") or ""
        return cls(
            message=sentence(status.get("message") or str(error.reason or f"status {error.status}")),
            reason=status.get("reason") or "",
            kinds=kinds,
            name=details.get("name") or "",
            namespace="" if kinds == "namespaces" else _namespace(error),
            causes=[cause for cause in details.get("causes") or [] if cause.get("message")],
        )

    @property
    def kind(self) -> str:
        """The kind in the singular, as in ``kubectl get deployment web``."""
        for plural, singular in (("ies", "y"), ("sses", "ss"), ("s", "")):
            if self.kinds.endswith(plural):
                return self.kinds.removesuffix(plural) + singular
        return self.kinds

    @property
    def thing(self) -> str:
        """Such as ``deployment "web" in namespace lab-04``; empty when the answer is about no object."""
        where = f" in namespace {self.namespace}" if self.namespace else ""
        return f'{self.kind} "{self.name}"{where}' if self.kinds and self.name else ""

    @property
    def flag(self) -> str:
        return f" -n {self.namespace}" if self.namespace else ""


# How websocket-client words the refusal of `kubernetes.stream`: status, headers, body.
_HANDSHAKE = re.compile(r"Handshake status (\d+) .*? -\+-\+- .* -\+-\+- (.*)", re.DOTALL)
_NO_CONNECTION = re.compile(
    r"Connection refused|Connection reset|Connection to remote host was lost|timed out|Broken pipe|No route to host"
    r"|EOF occurred|already closed|Name or service not known|Network is unreachable|^\[Errno \d+\]|_ssl\.c"
)
_NO_KUBELET = re.compile(r"error dialing backend|https://[^\s/]+:10250/")


def _api(error: ApiException) -> Explanation:
    if not error.status:
        return _stream(error)
    answer = _Answer.of(error)
    if error.status in _BY_STATUS:
        return _BY_STATUS[error.status](answer)
    if error.status >= 500 and _NO_KUBELET.search(answer.message):
        return Explanation("The API server does not reach the kubelet of the pod's node.", AGAIN, fault=True)
    if error.status >= 500:
        return Explanation(f"The API server failed: {answer.message}", AGAIN, fault=True)
    return Explanation(answer.message)


def _stream(error: ApiException) -> Explanation:
    """An error of ``kubernetes.stream`` (exec, attach, port-forward), which wraps what the websocket raised."""
    reason = str(error.reason)
    if refused := _HANDSHAKE.match(reason):
        body = "" if refused[2] == "None" else refused[2]
        inner = ApiException(status=int(refused[1]), body=body).with_traceback(error.__traceback__)
        if "container not found" in body:
            return _bad_request(_Answer.of(inner))
        return _api(inner)
    if reason == "url is invalid":  # it is a path without a host
        return no_cluster()
    if "Handshake" in reason or "-+-+-" in reason:
        return Explanation("The API server did not open a connection to the container.", AGAIN, fault=True)
    if _NO_CONNECTION.search(reason):
        return Explanation("The API server does not answer.", AGAIN, fault=True)
    return Explanation(sentence(reason))


def _bad_request(answer: _Answer) -> Explanation:
    if re.search("waiting to start|not yet ready|container not found", answer.message):
        return Explanation(answer.message, f"`kubectl get pods{answer.flag}` shows its state; try again when it runs.")
    return Explanation(f"Not understood: {answer.message}", "`kubectl explain` describes every field and its type.")


def _unauthorized(_: _Answer) -> Explanation:
    return Explanation("The API server does not know who is asking (401 Unauthorized).", REOPEN, fault=True)


def _forbidden(answer: _Answer) -> Explanation:
    message = answer.message
    if "being terminated" in message:
        return Explanation(f"Refused: {message}", "The namespace is going: `lab.reset()` makes the lesson's own again.")
    if "exceeded quota" in message:
        return Explanation(f"Refused: {message}", f"`kubectl describe quota{answer.flag}` shows what is used.")
    if "PodSecurity" in message:
        return Explanation(f"Refused: {message}", "The namespace's Pod Security level forbids it.")
    return Explanation(f"Not allowed: {message}", f"`kubectl auth can-i --list{answer.flag}` shows what is allowed.")


def _not_found(answer: _Answer) -> Explanation:
    if answer.kinds == "namespaces":
        return Explanation(f"Not found: {answer.thing}.", "If it is the lesson's own, `lab.reset()` makes it again.")
    if answer.thing:
        todo = f"Was the cell that creates it run? `kubectl get {answer.kinds}{answer.flag}` lists what is there."
        return Explanation(f"Not found: {answer.thing}.", todo)
    return Explanation(f"Not found: {answer.message}", "`kubectl api-resources` lists what this API server knows.")


def _conflict(answer: _Answer) -> Explanation:
    if answer.reason == "AlreadyExists":
        delete = f"kubectl delete {answer.kind} {answer.name}{answer.flag}"
        todo = f"Was the cell run twice? `{delete}` removes it, `lab.reset()` brings the lesson to its start."
        return Explanation(f"Already exists: {answer.thing}.", todo)
    if 'on resourcequotas "' in answer.message:  # it gives up after some tries while controllers count there, too
        return Explanation("The API server was busy counting for the namespace's quota, and refused.", "Run it again.")
    if "object has been modified" in answer.message:
        return Explanation(f"Conflict: {answer.thing} has changed since it was read.", "Read it again, then change it.")
    return Explanation(f"Conflict: {answer.message}")


def _invalid(answer: _Answer) -> Explanation:
    if not answer.causes:
        return Explanation(f"Not valid: {answer.message}")
    problems = [f"{c['field']}: {c['message']}" if c.get("field") else c["message"] for c in answer.causes]
    what = sentence(f"Not valid: {answer.thing or answer.kind}: {'; '.join(problems[:3])}")
    field = re.sub(r"\[[^]]*\]", "", answer.causes[0].get("field") or "")
    todo = f"`kubectl explain {answer.kind}.{field}` describes the field." if field and answer.kind else ""
    if "port is already allocated" in what:
        todo = "Was the cell run twice, or does another Service use this port? `kubectl get services -A` tells."
    return Explanation(what, todo)


def _too_many(answer: _Answer) -> Explanation:
    return Explanation(f"Too many requests: {answer.message}", "Wait a little, then run this cell again.", fault=True)


_BY_STATUS: dict[int, Callable[[_Answer], Explanation]] = {
    400: _bad_request,
    401: _unauthorized,
    403: _forbidden,
    404: _not_found,
    409: _conflict,
    422: _invalid,
    429: _too_many,
}


def _several(error: FailToCreateError) -> Explanation | None:
    """``kubernetes.utils.create_from_yaml`` collects what went wrong with each object."""
    return _api(error.api_exceptions[0]) if error.api_exceptions else None


def _validation(error: ValueError) -> Explanation | None:
    """The client checks what it is given against the API's types, with pydantic, before it asks the server."""
    if str(error).startswith("Host value  should start with") and raised_by(error) == "kubernetes":
        return no_cluster()  # kubernetes.dynamic found the host empty
    title = str(getattr(error, "title", ""))
    if not hasattr(error, "errors") or not re.match(r"V\d|\w+Api\.", title):
        return None
    problems = [_problem(title, problem) for problem in error.errors(include_url=False, include_input=False)]
    more = f"; and {len(problems) - 3} more" if len(problems) > 3 else ""
    return Explanation(f"{title}: {'; '.join(problems[:3])}{more}.", f"`help(client.{title})` tells what it takes.")


def _problem(title: str, problem: dict[str, Any]) -> str:
    path = ".".join(str(part) for part in problem["loc"])
    if problem["type"] in {"missing", "missing_argument"}:
        return f"`{path}` is missing"
    if problem["type"] in {"extra_forbidden", "no_such_attribute", "unexpected_keyword_argument"}:
        fields = getattr(getattr(client, title, None), "model_fields", {})
        close = difflib.get_close_matches(path, fields, n=1)
        return f"it has no `{path}`" + (f" (did you mean `{close[0]}`?)" if close else "")
    return f"`{path}`: {problem['msg'][:1].lower()}{problem['msg'][1:]}"


def _config(error: ConfigException) -> Explanation:
    return Explanation(sentence(f"kubeconfig: {error}"), "Run the cell with `open_lab(...)` first; it sets KUBECONFIG.")


def no_cluster() -> Explanation:
    """What a client means that was made before anything told it where the API server is."""
    return Explanation(
        "The Kubernetes client does not know the cluster yet: `config.load_kube_config()` was not called before.",
        "Run `from kubernetes import config` and `config.load_kube_config()`, then make the client again.",
    )


def _location(error: LocationValueError) -> Explanation | None:
    """An address without a host, which is the client's when it knows none."""
    return no_cluster() if raised_by(error) == "kubernetes" else None


def _client(error: OpenApiException) -> Explanation:
    return Explanation(sentence(str(error)))


def _namespace(error: BaseException) -> str:
    """The namespace of the call that failed: an argument of the client's method."""
    for module, variables in frames_of(error):
        if package_of(module) == "kubernetes" and isinstance(variables.get("namespace"), str):
            return variables["namespace"]
    return ""


EXPLAINERS: list[Explainer] = [
    (ApiException, _api),
    (FailToCreateError, _several),
    (ConfigException, _config),
    (OpenApiException, _client),
    (LocationValueError, _location),
    (ValueError, _validation),
]
