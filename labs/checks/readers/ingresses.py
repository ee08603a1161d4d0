"""What checks read of Ingresses: what is answered at the controller's door, and what in an Ingress explains it."""

from __future__ import annotations

import http.client
import socket
import ssl
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

from labs.checks.context import CheckContext
from labs.checks.core import clients
from labs.checks.readers.local_ports import address, expect_ports_forwarded
from labs.checks.readers.namespaces import here
from labs.errors import CouldNotCheck, NotYet
from labs.waiting import http_status

__all__ = ["CONTROLLER", "HTTP", "HTTPS", "NOBODY", "Reply", "answered", "expect_rule", "ingress"]

HTTP, HTTPS, CONTROLLER = 32760, 32763, "ingress"
NOBODY = "no available server"
"""The controller's words for a rule whose Service has nobody behind it."""
SECONDS = 4
START = "`labs enable ingress` starts it; then check again."


@dataclass(frozen=True)
class Reply:
    """What came back at the door.

    Attributes:
        status: the HTTP status; 0 when nothing came.
        body: the beginning of it.
        certificate: the server's, DER; empty without TLS.
    """

    status: int = 0
    body: str = ""
    certificate: bytes = b""

    def __str__(self) -> str:
        return f"status {self.status}: {' '.join(self.body.split())[-80:]}" if self.status else "no answer"


def ingress(lab: CheckContext, name: str) -> Any:
    """An Ingress that the exercise asks for. Raises NotYet, which says where else there is one."""
    try_ = f"`kubectl get ingresses -n {lab.namespace}` lists yours."
    return here(lab, "ingress", name, api="networking", called=f"an Ingress {name}", try_=try_)


def answered(lab: CheckContext, host: str, path: str = "/", *, tls: bool = False) -> Reply:
    """What the Ingress controller answers for a host and a path, as a user of this machine gets it.

    Raises:
        CouldNotCheck: no controller runs here, or another course has its port.
    """
    place = _door(lab, HTTPS if tls else HTTP)
    try:
        return _fetched(place, host, path, tls)
    except (OSError, http.client.HTTPException):
        expect_ports_forwarded(lab, HTTPS if tls else HTTP)
        _expect_controller(lab)
        return Reply()


def _fetched(place: tuple[str, int], host: str, path: str, tls: bool) -> Reply:
    connection = http.client.HTTPConnection(*place, timeout=SECONDS)
    try:
        connection.sock = socket.create_connection(place, SECONDS)
        certificate = b""
        if tls:
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
            context.check_hostname, context.verify_mode = False, ssl.CERT_NONE  # nobody here knows who signed it
            connection.sock = secure = context.wrap_socket(connection.sock, server_hostname=host)
            certificate = secure.getpeercert(True) or b""
        connection.request("GET", path, headers={"Host": host})
        reply = connection.getresponse()
        return Reply(reply.status, reply.read(4000).decode(errors="replace"), certificate)
    finally:
        connection.close()


def _door(lab: CheckContext, port: int) -> tuple[str, int]:
    if not lab.engine.is_managed:
        raise CouldNotCheck(
            "Where the Ingress controller of this cluster answers, the course does not know.",
            "Do this exercise on the course's own engine, where `labs enable ingress` starts one.",
        )
    base = address(lab, port, namespace=CONTROLLER)
    if base is None:
        raise CouldNotCheck("No Ingress controller runs here, so nobody acts on an Ingress.", START)
    parts = urlsplit(base)
    return parts.hostname or "localhost", parts.port or port


def _expect_controller(lab: CheckContext) -> None:
    try:
        found = clients(lab).apps.read_namespaced_deployment(CONTROLLER, CONTROLLER)
    except Exception as error:
        if http_status(error) != 404:
            raise
        found = None
    if not found or not found.status.available_replicas:
        raise CouldNotCheck("The Ingress controller is not ready, so nobody acts on an Ingress.", START)


def expect_rule(lab: CheckContext, item: Any, host: str, path: str, reply: Reply) -> None:
    """A host and a path lead to a port of a Service; else the verdict says which step of the way is missing.

    Args:
        lab: the lesson's lab.
        item: the Ingress.
        host: the host that the brief names.
        path: the path that was asked.
        reply: what came.

    Raises:
        NotYet: a step is missing.
    """
    name, seen = item.metadata.name, f"{host}{path}: {reply}"
    look = f"`kubectl describe ingress {name}` shows each rule and who is behind it."
    classes = [c.metadata.name for c in clients(lab).networking.list_ingress_class().items]
    if item.spec.ingress_class_name not in classes:
        raise NotYet(
            f"the Ingress {name} with a class that there is ({', '.join(classes)})",
            f"ingressClassName: {item.spec.ingress_class_name or 'none'}; {seen}",
            "`kubectl get ingressclasses`",
        )
    rules = [rule for rule in item.spec.rules or [] if rule.host == host]
    if not rules:
        hosts = ", ".join(rule.host or "any host" for rule in item.spec.rules or []) or "none"
        raise NotYet(f"a rule for the host {host} in the Ingress {name}", f"no rule for {host}, but for {hosts}", look)
    for entry in (entry for rule in rules for entry in (rule.http.paths if rule.http else [])):
        if entry.path and entry.path != "/" and not path.startswith(entry.path):
            continue
        _expect_backend(lab, name, entry, seen)


def _expect_backend(lab: CheckContext, name: str, entry: Any, seen: str) -> None:
    backend = entry.backend.service
    if backend is None:
        return
    port = backend.port.number or backend.port.name
    try:
        service = clients(lab).core.read_namespaced_service(backend.name, lab.namespace)
    except Exception as error:
        if http_status(error) != 404:
            raise
        raise NotYet(
            f"a Service behind the path {entry.path} of the Ingress {name}",
            f"there is no Service {backend.name}; {seen}",
            "`kubectl get services` lists those that there are; an Ingress sees its own namespace only.",
        ) from error
    ports = [p.port for p in service.spec.ports or []] + [p.name for p in service.spec.ports or []]
    if port not in ports:
        numbers = ", ".join(str(p.port) for p in service.spec.ports or [])
        raise NotYet(
            f"a port of the Service {backend.name} behind the path {entry.path} of the Ingress {name}",
            f"port {port}, but the Service {backend.name} has the port {numbers}; {seen}",
            "An Ingress names the Service's port, never the pod's.",
        )
