"""What a command printed in a container, whole: the Python client of Docker loses its beginning now and then.

The client reads the head of the daemon's answer through a buffer, and what follows from the socket below it. Where both
arrive at once, as on a busy machine, what has already been read ahead stays in the buffer: `exec_run` returns nothing,
or the output without its beginning (docker-py 7.1, ``APIClient._get_raw_response_socket``).
"""

from __future__ import annotations

import functools
import os
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import docker

__all__ = ["connect", "mend"]


def connect(docker_host: str, timeout: int) -> docker.DockerClient:
    """A Docker client that reads output whole. Every client of the course's own is made here.

    Args:
        docker_host: as in ``DOCKER_HOST``; it is asked for its version at once.
        timeout: of each call, in seconds.

    Raises:
        docker.errors.DockerException: Docker does not answer.
    """
    import docker  # slow to import, and not needed by most commands

    mend()
    return docker.DockerClient(base_url=docker_host, timeout=timeout)


def mend() -> None:
    """Have the client of this process read what it has read ahead before it reads on."""
    import docker

    client: Any = docker.APIClient
    original = client._read_from_socket
    if hasattr(original, "__wrapped__"):
        return

    @functools.wraps(original)
    def read(self: Any, response: Any, *args: Any, **kwargs: Any) -> Any:
        ahead = _read_ahead(response)
        if not ahead:
            return original(self, response, *args, **kwargs)
        mended = _Reader(self, ahead)
        return original(mended, response, *args, **kwargs)

    client._read_from_socket = read


class _Reader:
    """A client whose next raw socket begins with what was read ahead. Args: ``client``; ``ahead``."""

    def __init__(self, client: Any, ahead: bytes) -> None:
        self._client, self._ahead = client, ahead

    def _get_raw_response_socket(self, response: Any) -> _Socket:
        return _Socket(self._client._get_raw_response_socket(response), self._ahead)


class _Socket:
    """A socket that is read from after some bytes. Args: ``below``; ``ahead``, the bytes."""

    def __init__(self, below: Any, ahead: bytes) -> None:
        self._below, self._ahead = below, ahead
        self._ready = os.open(os.devnull, os.O_RDONLY)

    def fileno(self) -> int:
        """What the client waits for to be readable: at once, as long as there are bytes."""
        return self._ready if self._ahead else int(self._below.fileno())

    def recv(self, size: int) -> bytes:
        if not self._ahead:
            return os.read(self._below.fileno(), size)
        data, self._ahead = self._ahead[:size], self._ahead[size:]
        return data

    def __del__(self) -> None:
        os.close(self._ready)


def _read_ahead(response: Any) -> bytes:
    """What the buffer over an answer's socket holds, without waiting for more; empty where there is no such buffer."""
    try:
        buffered = response.raw._fp.fp
        below = buffered.raw._sock
    except AttributeError:  # another transport
        return b""
    patience = below.gettimeout()
    below.settimeout(0)
    try:
        return bytes(buffered.peek())
    finally:
        below.settimeout(patience)
