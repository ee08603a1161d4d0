"""A relay in front of Docker's socket, so that a test can take Docker away without stopping it for others."""

from __future__ import annotations

import socket
import threading
from contextlib import suppress
from pathlib import Path
from urllib.parse import urlsplit

__all__ = ["Relay"]


class Relay:
    """Use it in a ``with`` statement. Attribute ``docker_host``: its address, for a client."""

    def __init__(self, path: Path, docker_host: str) -> None:
        """Args: ``path``, of its socket; ``docker_host``, of the real Docker."""
        self.docker_host = f"unix://{path}"
        self._path, self._target = path, docker_host
        self._flows = threading.Event()
        self._flows.set()
        self._sockets: list[socket.socket] = []

    def __enter__(self) -> Relay:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.thaw()
        self.stop()

    def start(self) -> None:
        """Listen."""
        listener = socket.socket(socket.AF_UNIX)
        listener.bind(str(self._path))
        listener.listen()
        self._sockets.append(listener)
        threading.Thread(target=self._accept, args=(listener,), daemon=True).start()

    def stop(self) -> None:
        """Cut every connection, and listen no more: what a client sees when dockerd ends."""
        self._path.unlink(missing_ok=True)
        sockets, self._sockets = self._sockets, []
        for one in sockets:
            with suppress(OSError):
                one.shutdown(socket.SHUT_RDWR)
            one.close()

    def freeze(self) -> None:
        """Keep connections, accept new ones, and pass nothing on."""
        self._flows.clear()

    def thaw(self) -> None:
        """Go on."""
        self._flows.set()

    def _accept(self, listener: socket.socket) -> None:
        with suppress(OSError):
            while True:
                client, _ = listener.accept()
                docker = self._connect()
                self._sockets += [client, docker]
                for pair in ((client, docker), (docker, client)):
                    threading.Thread(target=self._pass_on, args=pair, daemon=True).start()

    def _connect(self) -> socket.socket:
        url = urlsplit(self._target)
        if url.scheme == "unix":
            docker = socket.socket(socket.AF_UNIX)
            docker.connect(url.path)
            return docker
        return socket.create_connection((url.hostname, url.port))

    def _pass_on(self, source: socket.socket, sink: socket.socket) -> None:
        with suppress(OSError):
            while data := source.recv(65536):
                self._flows.wait()
                sink.sendall(data)
        with suppress(OSError):
            sink.shutdown(socket.SHUT_RDWR)
