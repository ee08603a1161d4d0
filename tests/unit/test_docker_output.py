"""What a command printed in a container is whole, also when it comes in one packet with the head of the answer."""

from __future__ import annotations

import re
import socket
import struct
import threading
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path

import docker
import pytest

from labs.kube import docker_output

HEAD = (
    b"HTTP/1.1 101 UPGRADED\r\nContent-Type: application/vnd.docker.multiplexed-stream\r\n"
    b"Connection: Upgrade\r\nUpgrade: tcp\r\n\r\n"
)


def frame(text: bytes, stream: int = 1) -> bytes:
    """As Docker sends what a container's program writes to standard output (1) or error (2)."""
    return struct.pack(">BxxxL", stream, len(text)) + text


@pytest.fixture
def daemon(tmp_path) -> Iterator[Callable[..., docker.APIClient]]:
    """``daemon(b"...", b"...")``: a client of a server that answers a question with these packets."""
    clients = []

    def answering(*packets: bytes) -> docker.APIClient:
        path = Path(tmp_path, "docker.sock")
        listener = socket.socket(socket.AF_UNIX)
        listener.bind(str(path))
        listener.listen()

        def serve() -> None:
            with listener, listener.accept()[0] as connection:
                while b"\r\n\r\n" not in connection.recv(65536):
                    pass
                for packet in packets:
                    connection.sendall(packet)
                    sent.wait(0.05)
                connection.shutdown(socket.SHUT_WR)
                while connection.recv(65536):
                    pass

        sent = threading.Event()
        threading.Thread(target=serve, daemon=True).start()
        clients.append(docker.APIClient(base_url=f"unix://{path}", version="1.45", timeout=5))
        return clients[-1]

    yield answering
    for each in clients:
        each.close()


@pytest.fixture(autouse=True)
def mended(monkeypatch) -> None:
    monkeypatch.setattr(docker.APIClient, "_read_from_socket", docker.APIClient._read_from_socket)
    docker_output.mend()


def output(client: docker.APIClient, **options: bool):
    url = client._url("/exec/{0}/start", "x")
    with closing(client), closing(client._post_json(url, data={}, stream=True)) as response:
        found = client._read_from_socket(response, options.pop("stream", False), tty=False, **options)
        return list(found) if not isinstance(found, bytes | tuple) else found


@pytest.mark.parametrize(
    "packets",
    [
        (HEAD + frame(b"all of it\n"),),
        (HEAD, frame(b"all of it\n")),
        (HEAD + frame(b"all "), frame(b"of it\n")),
        (HEAD + frame(b"all of it\n")[:3], frame(b"all of it\n")[3:]),
        (HEAD + frame(b"all of it\n")[:11], frame(b"all of it\n")[11:]),
    ],
    ids=["one packet", "apart", "a frame each", "cut in a frame's head", "cut in a frame"],
)
def test_output_is_whole(daemon, packets):
    assert output(daemon(*packets)) == b"all of it\n"


def test_output_and_errors_apart(daemon):
    client = daemon(HEAD + frame(b"out\n") + frame(b"err\n", 2))
    assert output(client, demux=True) == (b"out\n", b"err\n")


def test_output_as_it_comes(daemon):
    assert output(daemon(HEAD + frame(b"one\n"), frame(b"two\n")), stream=True) == [b"one\n", b"two\n"]


def test_nothing_printed_is_nothing(daemon):
    assert output(daemon(HEAD)) == b""


def test_the_client_still_needs_this(daemon, monkeypatch):
    """When this fails, the client has been mended, and the module can go."""
    monkeypatch.setattr(docker.APIClient, "_read_from_socket", docker.APIClient._read_from_socket.__wrapped__)
    assert output(daemon(HEAD + frame(b"all of it\n"))) == b""


def test_no_client_of_the_course_is_made_without_this():
    made = [
        f"{path}:{number}"
        for path in Path(docker_output.__file__).parents[1].rglob("*.py")
        for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1)
        if re.search(r"docker\.(DockerClient|APIClient)\(", line) and path.name != "docker_output.py"
    ]
    assert made == []
