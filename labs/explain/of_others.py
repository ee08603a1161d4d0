"""Connections that fail, YAML that does not parse, commands that fail, names that are not defined."""

from __future__ import annotations

import http.client
import re
import subprocess
import urllib.error

import requests.exceptions
import urllib3.exceptions
import yaml

from labs.explain.base import AGAIN, REOPEN, Explainer, Explanation, frames_of, package_of, raised_by, sentence
from labs.explain.of_kubernetes import no_cluster

__all__ = ["EXPLAINERS"]

_REASON = re.compile(
    r"Connection refused|timed out|Name or service not known|Connection reset by peer|Broken pipe|No route to host"
    r"|Network is unreachable|Remote end closed connection|EOF occurred"
)
_INNARDS = re.compile(r"Connection(?:Pool)?\(| object at 0x|Caused by")  # a library's own words for what it holds


def _connection(error: BaseException) -> Explanation:
    """A connection that failed: the client through which it went shows whose."""
    raiser = raised_by(error)
    if raiser == "docker":
        return Explanation("Docker does not answer.", AGAIN, fault=True)
    if raiser == "kubernetes":
        if "CERTIFICATE_VERIFY_FAILED" in str(error):
            return Explanation("The API server's certificate is not the one this session knows.", REOPEN, fault=True)
        if isinstance(error, urllib3.exceptions.MaxRetryError) and _is_unset(error.pool):
            return no_cluster()
        return Explanation("The API server does not answer.", AGAIN, fault=True)
    if isinstance(error, urllib.error.HTTPError):
        return Explanation(f"{error.url} answered with status {error.code} {error.reason}.")
    text = str(getattr(error, "reason", None) or error)
    reason = _REASON.search(text)
    if not reason and _INNARDS.search(text):
        text = ""
    todo = "Is the container or pod behind that port running and ready, and is the port the right one?"
    return Explanation(sentence(f"No answer: {reason[0] if reason else text or type(error).__name__}"), todo)


def _is_unset(pool: urllib3.connectionpool.ConnectionPool) -> bool:
    """Whether it leads where the client looks, before its version 37, when nobody has told it of any cluster."""
    return (getattr(pool, "scheme", ""), pool.host, pool.port or 80) == ("http", "localhost", 80)


def _yaml(error: yaml.YAMLError) -> Explanation:
    mark, problem = getattr(error, "problem_mark", None), getattr(error, "problem", None) or str(error)
    where = f"line {mark.line + 1}, column {mark.column + 1}: " if mark else ""
    todo = "Compare the indentation with the lines around it; use spaces, no tabs."
    return Explanation(sentence(f"Not YAML: {where}{problem}"), todo)


def _command(error: subprocess.CalledProcessError) -> Explanation:
    return Explanation(f"The command ended with status {error.returncode}.", "What it printed says why.")


def _name(error: NameError) -> Explanation | None:
    modules = [module for module, _ in frames_of(error)]
    if not error.name or not modules or package_of(modules[-1]) != "__main__":
        return None  # a fault of a library's, not of the cell's
    todo = "A cell above defines it, or it is misspelt: run the cells from the top down, in order."
    return Explanation(f"`{error.name}` is not defined.", todo)


EXPLAINERS: list[Explainer] = [
    (urllib3.exceptions.HTTPError, _connection),
    (requests.exceptions.RequestException, _connection),
    (http.client.HTTPException, _connection),
    (urllib.error.URLError, _connection),
    (ConnectionError, _connection),
    (TimeoutError, _connection),
    (yaml.YAMLError, _yaml),
    (subprocess.CalledProcessError, _command),
    (NameError, _name),
]
