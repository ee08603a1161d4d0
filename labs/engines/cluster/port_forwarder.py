"""Published container ports, NodePorts and the registry on this host's 127.0.0.1; all but the last under their numbers.

A daemon of its own: ``python -m labs.engines.cluster.port_forwarder FOLDER``. It follows Docker's events and
Kubernetes' Services, and passes each TCP connection on; nothing in the host's firewall is needed
or changed. UDP is not passed on. As it follows the Services anyway, it also gives those of type LoadBalancer their
addresses.
"""

from __future__ import annotations

import asyncio
import ctypes
import http.client
import json
import os
import socket
import ssl
import sys
import threading
import traceback
from collections.abc import Callable, Coroutine
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

from labs.engines.cluster import load_balancer
from labs.engines.cluster.docker_engine import REGISTRY_PORT
from labs.engines.cluster.followed import ask_json, follow
from labs.engines.cluster.name_server import NoSuchName
from labs.engines.runtime.component import Component
from labs.engines.runtime.local_ports import read_local_ports
from labs.engines.runtime.unix_http import UnixConnection

__all__ = ["COMPONENT", "CONFIG", "REGISTRY_HERE", "STATE", "main", "with_detail"]

COMPONENT = "ports"
CONFIG = "ports.json"
STATE = "run/ports.state"
CLONE_NEWNET = 0x40000000
REGISTRY_HERE = 25000
"""The registry's port on localhost: 5000 is where many programs that learners write listen."""
BLOCK = 1 << 16
RETRY = 2  # seconds
NAMES = 53  # the port of name servers
Connection = tuple[asyncio.StreamReader, asyncio.StreamWriter]
Dial = Callable[[], Coroutine[Any, Any, Connection]]


class Forwarder:
    """The listeners on 127.0.0.1.

    Args:
        folder: the course's.
        config: what the engine wrote into ports.json.
    """

    def __init__(self, folder: Path, config: dict[str, Any]) -> None:
        self.folder, self.config = folder, config
        self.wanted: dict[str, dict[int, Dial]] = {"docker": {}, "kubernetes": {}, "registry": {}}
        self.servers: dict[int, asyncio.Server] = {}
        self.problems: dict[int, str] = {}
        self.name_server: asyncio.BaseTransport | None = None
        self.names_problem = ""
        self.changing = asyncio.Lock()
        enter = self._enter_docker if "docker_pid" in config else None
        self.inside = ThreadPoolExecutor(1, initializer=enter)  # its one thread lives in Docker's network

    def _enter_docker(self) -> None:
        descriptor = os.open(f"/proc/{self.config['docker_pid']}/ns/net", os.O_RDONLY)
        if ctypes.CDLL(None, use_errno=True).setns(descriptor, CLONE_NEWNET):
            raise OSError(ctypes.get_errno(), "setns")
        os.close(descriptor)

    async def enter(self) -> None:
        """Have the thread that connects for others enter Docker's network; raise what keeps it from that."""
        await asyncio.get_running_loop().run_in_executor(self.inside, int)

    async def to_docker(self, address: str, port: int) -> Connection:
        """Connect to a published port from within Docker's network, where bindings to 127.0.0.1 answer too."""
        if "agent" in self.config:
            return await self.through_agent(address, port)
        loop = asyncio.get_running_loop()
        connection = await loop.run_in_executor(self.inside, lambda: socket.create_connection((address, port), 5))
        connection.setblocking(False)
        return await asyncio.open_connection(sock=connection)

    async def to_nodes(self, port: int) -> Connection:
        """Connect to a NodePort on the first node that answers."""
        error: OSError = OSError("no node")
        for node in self.config["nodes"]:
            dial = self.through_agent if "agent" in self.config else asyncio.open_connection
            try:
                return await asyncio.wait_for(dial(node, port), 5)
            except OSError as reason:
                error = reason
        raise error

    async def through_agent(self, address: str, port: int) -> Connection:
        """Connect by way of the program in the guest that connects for others."""
        reader, writer = await asyncio.open_unix_connection(self.config["agent"])
        writer.write(f"CONNECT {address}:{port} HTTP/1.1\r\nHost: {address}:{port}\r\n\r\n".encode())
        answer = await asyncio.wait_for(reader.readuntil(b"\r\n\r\n"), 15)
        if b" 200 " not in answer.splitlines()[0]:
            writer.close()
            raise ConnectionRefusedError(f"{address}:{port}")
        return reader, writer

    async def update(self, source: str, dials: dict[int, Dial]) -> None:
        """Listen on what ``source`` wants now, and stop listening on what it no longer wants."""
        self.wanted[source] = dials
        async with self.changing:
            await self._listen()

    async def retry(self) -> None:
        """Take the ports that another program has left meanwhile; forever."""
        while True:
            await asyncio.sleep(RETRY)
            if self.problems or self.names_problem or (self.name_server and self.name_server.is_closing()):
                async with self.changing:
                    await self._listen()

    async def serve_names(self) -> None:
        """Answer containers' questions about the outside, where the engine gives an address to do so."""
        if "name_server" not in self.config or (self.name_server and not self.name_server.is_closing()):
            return
        try:
            loop = asyncio.get_running_loop()
            address = (self.config["name_server"], NAMES)
            self.name_server, _ = await loop.create_datagram_endpoint(NoSuchName, address)
            self.names_problem = ""
        except OSError as error:  # another program's name server may listen on every address
            self.names_problem = error.strerror or str(error)

    async def _listen(self) -> None:
        await self.serve_names()
        wanted = {**self.wanted["registry"], **self.wanted["kubernetes"], **self.wanted["docker"]}
        for port in [p for p in self.servers if p not in wanted]:
            self.servers.pop(port).close()
        for port in wanted:
            if port in self.servers:
                continue
            try:
                self.servers[port] = await asyncio.start_server(self._handler(port), "127.0.0.1", port)
                self.problems.pop(port, None)
            except OSError as error:
                self.problems[port] = error.strerror or str(error)
        self.problems = {port: problem for port, problem in self.problems.items() if port in wanted}
        asked = self.wanted["kubernetes"].keys() | self.wanted["docker"].keys()
        state = {  # nobody asked for the registry's: another course may have it
            "listening": sorted(self.servers.keys() & asked),
            "docker": sorted(self.wanted["docker"]),
            "problems": {port: problem for port, problem in self.problems.items() if port in asked},
            "names_problem": self.names_problem,
        }
        temporary = self.folder / f"{STATE}.part"
        with suppress(OSError):  # a full disk does not end the forwarding
            temporary.write_text(json.dumps(state), encoding="utf-8")
            temporary.replace(self.folder / STATE)

    def _handler(self, port: int) -> Callable[[asyncio.StreamReader, asyncio.StreamWriter], Coroutine[Any, Any, None]]:
        async def handle(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            dial = next((dials[port] for dials in self.wanted.values() if port in dials), None)
            if dial is None:  # no longer wanted
                writer.transport.abort()
                return
            try:
                far_reader, far_writer = await dial()
            except Exception:  # refused there: refused here
                writer.transport.abort()
                return
            try:
                await asyncio.gather(_pump(reader, far_writer), _pump(far_reader, writer), return_exceptions=True)
            finally:  # an end of what is sent closes one direction only
                far_writer.close()
                writer.close()

        return handle

    def watch_docker(self, loop: asyncio.AbstractEventLoop) -> None:
        """Follow Docker's events in a thread of its own."""

        def listed() -> None:
            dials: dict[int, Dial] = {}
            for container in ask_json(UnixConnection(self.config["docker_socket"]), "/containers/json"):
                for port in container["Ports"]:
                    if port.get("PublicPort") and port["Type"] == "tcp" and ":" not in port.get("IP", ""):
                        address = port["IP"] if port["IP"] not in ("", "0.0.0.0") else "127.0.0.1"
                        number = port["PublicPort"]
                        dials[number] = partial(self.to_docker, address, number)
            asyncio.run_coroutine_threadsafe(self.update("docker", dials), loop).result()

        filters = "%7B%22type%22%3A%5B%22container%22%2C%22network%22%5D%7D"  # {"type":["container","network"]}
        follow(lambda: UnixConnection(self.config["docker_socket"]), f"/events?filters={filters}", listed)

    def watch_kubernetes(self, loop: asyncio.AbstractEventLoop) -> None:
        """Follow the Services in a thread of its own."""

        def connect() -> http.client.HTTPConnection:
            # read each time: the forwarder serves Docker's ports before there is a control plane with certificates
            trust = ssl.create_default_context(cafile=self.config["ca"])
            trust.load_cert_chain(self.config["certificate"], self.config["key"])
            return http.client.HTTPSConnection(self.config["api"], context=trust, timeout=60)

        addresses = load_balancer.pool(self.config["load_balancer"]) if "load_balancer" in self.config else []

        def listed() -> None:
            dials: dict[int, Dial] = {}
            services = ask_json(connect(), "/api/v1/services")["items"]
            for service in services:
                for port in service["spec"].get("ports", []):
                    if port.get("nodePort") and port.get("protocol") == "TCP":
                        dials[port["nodePort"]] = partial(self.to_nodes, port["nodePort"])
            asyncio.run_coroutine_threadsafe(self.update("kubernetes", dials), loop).result()
            for name, address in load_balancer.missing(services, addresses).items():
                try:
                    load_balancer.tell(connect, name, address)
                except OSError as error:  # tried again with the next change, or when the stream ends
                    print(f"no address for the Service {'/'.join(name)}: {error}", file=sys.stderr, flush=True)

        follow(connect, "/api/v1/services?watch=1&timeoutSeconds=45", listed)


def _watch(watch: Callable[[asyncio.AbstractEventLoop], None], loop: asyncio.AbstractEventLoop) -> None:
    """Run what never ends by itself. Should it end, all of the forwarder does: half of one would count as running."""
    try:
        watch(loop)
    except BaseException:
        traceback.print_exc()
    finally:
        os._exit(1)


async def _pump(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    try:
        while data := await reader.read(BLOCK):
            writer.write(data)
            await writer.drain()
        writer.write_eof()
    except (OSError, RuntimeError):
        writer.transport.abort()


def with_detail(component: Component, folder: Path) -> Component:
    """The forwarder with what it says of itself; any other component as it is.

    Args:
        folder: the course's.
    """
    if component.name != COMPONENT or component.state != "running":
        return component
    ports = read_local_ports(component, folder / STATE)
    if ports is None:
        return component
    details = [f"localhost:{port} is taken by another program" for port in ports.problems]
    if ports.names_problem:
        details.append(f"containers wait for names of the outside, which nobody refuses: {ports.names_problem}")
    if not details and ports.listening:
        details = [f"localhost:{', '.join(map(str, sorted(ports.listening)))}"]
    return replace(component, detail="; ".join(details))


async def _serve(folder: Path) -> None:
    with suppress(OSError):
        (folder / STATE).unlink(missing_ok=True)  # what an earlier process had is not this one's
    forwarder = Forwarder(folder, json.loads((folder / CONFIG).read_text(encoding="utf-8")))
    loop = asyncio.get_running_loop()
    await forwarder.enter()
    await forwarder.update("registry", {REGISTRY_HERE: partial(forwarder.to_docker, "127.0.0.1", REGISTRY_PORT)})
    for watch in (forwarder.watch_docker, forwarder.watch_kubernetes):
        threading.Thread(target=_watch, args=(watch, loop), daemon=True).start()
    await forwarder.retry()


def main() -> None:
    """Forward until killed."""
    asyncio.run(_serve(Path(sys.argv[1])))


if __name__ == "__main__":
    main()
