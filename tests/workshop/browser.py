"""What a learner's browser does, without one: sign in, wait for the server, run code in a kernel."""

from __future__ import annotations

import json
import uuid
from itertools import pairwise
from urllib.parse import urlsplit

import requests
import websocket

from labs.waiting import wait_for

__all__ = ["Browser", "Kernel"]

PROTOCOL = "v1.kernel.websocket.jupyter.org"


class Browser:
    """One learner's. Args: ``address``, of the hub."""

    def __init__(self, address: str) -> None:
        self.address = address.rstrip("/")
        self.name = ""
        self.session = requests.Session()
        self.session.trust_env = False

    def sign_in(self, name: str, code: str) -> int:
        """Fill in the form; return the status of what comes."""
        self.name = name.strip().lower()
        self.session.get(f"{self.address}/hub/login", timeout=30)
        form = {"username": name, "password": code, "_xsrf": self._xsrf("/hub/")}
        answer = self.session.post(f"{self.address}/hub/login?next=/hub/home", data=form, timeout=30)
        return answer.status_code

    def open_server(self, timeout: float = 120) -> None:
        """Have the learner's own server started, and wait until it lets its owner in."""
        url = f"{self.address}/hub/api/users/{self.name}/server"
        answer = self.session.post(url, json={}, headers={"X-XSRFToken": self._xsrf("/hub/")}, timeout=120)
        assert answer.ok or "already running" in answer.text, answer.text

        def open_page() -> bool:
            page = self.get("/lab")  # by way of the hub, which says who this is
            return page.status_code == 200 and urlsplit(page.url).path.startswith(f"/user/{self.name}/")

        wait_for(open_page, timeout=timeout, what=f"{self.name}'s server", interval=1)

    def get(self, path: str, whose: str = "") -> requests.Response:
        """Ask a learner's server. Args: ``whose``, when it is not one's own."""
        return self.session.get(f"{self.address}/user/{whose or self.name}{path}", timeout=30)

    def new_kernel(self) -> Kernel:
        """Start a kernel."""
        server = f"/user/{self.name}"
        token = self._xsrf(f"{server}/")
        answer = self.session.post(
            f"{self.address}{server}/api/kernels",
            json={"name": "python3"},
            headers={"X-XSRFToken": token},
            timeout=60,
        )
        answer.raise_for_status()
        return Kernel(self, answer.json()["id"])

    def connect(self, kernel_id: str) -> Kernel:
        """Connect to a kernel that runs."""
        return Kernel(self, kernel_id)

    def close_server(self) -> None:
        """Have the learner's own server ended, and wait until it has."""
        url, headers = f"{self.address}/hub/api/users/{self.name}/server", {"X-XSRFToken": self._xsrf("/hub/")}
        answer = self.session.delete(url, headers=headers, timeout=120)
        assert answer.ok, answer.text
        user = f"{self.address}/hub/api/users/{self.name}"
        wait_for(lambda: not self.session.get(user, timeout=30).json()["servers"], timeout=60, what="the server to end")

    def _xsrf(self, path: str) -> str:
        return next((c.value for c in self.session.cookies if c.name == "_xsrf" and c.path == path), "")


class Kernel:
    """A kernel, connected to as JupyterLab connects. Args: ``browser``, its owner's; ``kernel_id``."""

    def __init__(self, browser: Browser, kernel_id: str) -> None:
        self.browser, self.id = browser, kernel_id
        where = urlsplit(browser.address)
        url = f"{browser.address}/user/{browser.name}/api/kernels/{kernel_id}/channels"
        request = requests.Request("GET", url)
        cookies = browser.session.prepare_request(request).headers.get("Cookie", "")
        self.socket = websocket.create_connection(
            url.replace("http", "ws", 1),
            cookie=cookies,
            origin=f"{where.scheme}://{where.netloc}",
            subprotocols=[PROTOCOL],
            timeout=120,
        )
        self.protocol = self.socket.getsubprotocol()

    def run(self, code: str) -> str:
        """Run code, and return what it printed; the error's name and words when it raised."""
        number = uuid.uuid4().hex
        header = {"msg_id": number, "msg_type": "execute_request", "username": "", "session": "s", "version": "5.3"}
        content = {"code": code, "silent": False, "store_history": False, "allow_stdin": False}
        self.socket.send_binary(_packed("shell", [header, {}, {}, content]))
        printed = ""
        while True:
            channel, (message, parent, _, body) = _unpacked(self.socket.recv())
            if parent.get("msg_id") != number:
                continue
            if message["msg_type"] == "stream":
                printed += body["text"]
            elif message["msg_type"] == "error":
                printed += f"{body['ename']}: {body['evalue']}"
            elif channel == "iopub" and message["msg_type"] == "status" and body["execution_state"] == "idle":
                return printed


def _packed(channel: str, parts: list[dict]) -> bytes:
    """A message in Jupyter's second WebSocket protocol: offsets, the channel, the parts."""
    blobs = [channel.encode(), *(json.dumps(part).encode() for part in parts)]
    offset = 8 * (len(blobs) + 2)
    offsets = [offset]
    for blob in blobs:
        offset += len(blob)
        offsets.append(offset)
    return b"".join([len(offsets).to_bytes(8, "little"), *(o.to_bytes(8, "little") for o in offsets), *blobs])


def _unpacked(message: bytes) -> tuple[str, list[dict]]:
    count = int.from_bytes(message[:8], "little")
    offsets = [int.from_bytes(message[8 * i : 8 * i + 8], "little") for i in range(1, count + 1)]
    blobs = [message[start:end] for start, end in pairwise(offsets)]
    return blobs[0].decode(), [json.loads(blob) for blob in blobs[1:5]]
