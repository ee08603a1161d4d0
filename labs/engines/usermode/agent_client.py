"""The way into a user-mode kernel: what runs there is started, looked at and ended through one socket."""

from __future__ import annotations

import base64
import http.client
import json
import time
from collections.abc import Mapping, Sequence
from datetime import datetime
from pathlib import Path
from typing import Any

from labs.engines.runtime.component import Component
from labs.engines.runtime.unix_http import UnixConnection
from labs.engines.runtime.user_folders import cache_folder
from labs.errors import CommandFailed, EngineError
from labs.waiting import wait_for

__all__ = ["AgentClient"]

LOGS = "/run/labs/log"
"""Where the guest sees the folder of its daemons' logs."""


class AgentClient:
    """The daemons of a guest, told and asked through its agent (`go/cmd/guest-agent`).

    Args:
        folder: the guest's, with the agent's socket, its token, and the logs.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.socket = folder / "agent.sock"

    def answers(self) -> bool:
        """Whether the agent answers."""
        try:
            self.call("GET", "/daemons", timeout=2)
        except (EngineError, OSError, http.client.HTTPException):
            return False
        return True

    def run(
        self, argv: Sequence[str | Path], *, env: Mapping[str, str], input: bytes | None = None, timeout: float = 60
    ) -> str:
        """Run a program in the guest to its end, and return what it printed.

        Raises:
            CommandFailed
        """
        arguments = [str(word) for word in argv]
        body = {"argv": arguments, "env": dict(env), "seconds": timeout}
        if input is not None:
            body["input"] = base64.b64encode(input).decode()
        done = self.call("POST", "/run", body, timeout=timeout + 10)
        if done["code"]:
            raise CommandFailed(arguments, done["code"], f"{done['output']}\n{done['errors']}")
        return done["output"]

    def spawn(self, component: str, argv: Sequence[str | Path], *, env: Mapping[str, str]) -> int:
        """Start a daemon in the guest unless it runs; return its process id there."""
        arguments = [str(word) for word in argv]
        log = f"{LOGS}/{self.log(component).name}"
        return self.call("POST", "/start", {"name": component, "argv": arguments, "env": dict(env), "log": log})["pid"]

    def component(self, name: str) -> Component:
        """The state of a daemon; its ``pid`` counts in the guest."""
        return self.components([name])[0]

    def components(self, names: Sequence[str]) -> list[Component]:
        """The states of daemons."""
        try:
            daemons = {each["name"]: each for each in self.call("GET", "/daemons", timeout=5)}
        except (EngineError, OSError, http.client.HTTPException):
            return [
                Component(name, "stopped", log=self.log(name), detail="the guest does not answer") for name in names
            ]
        found = []
        for name in names:
            each = daemons.get(name, {"state": "stopped", "pid": None, "argv": ()})
            detail = "ended by itself" if each["state"] == "failed" else ""
            pid = each["pid"] if each["state"] == "running" else None
            memory = each["memory"] if pid else None
            found.append(Component(name, each["state"], pid, each["argv"], self.log(name), detail, memory))
        return found

    def started_at(self, name: str) -> float:
        """When a daemon was started, in seconds of the epoch; 0 when it never was."""
        for each in self.call("GET", "/daemons"):
            if each["name"] == name:
                return datetime.fromisoformat(each["started"]).timestamp()
        return 0.0

    def stop(self, name: str, *, timeout: float = 10) -> None:
        """Ask a daemon to end; kill it when it has not after ``timeout`` seconds."""
        self.call("POST", "/stop", {"name": name, "seconds": timeout}, timeout=timeout + 10)

    def kill(self, name: str) -> None:
        """End a daemon as a crash does."""
        pid = self.component(name).pid
        if pid:
            self.run(["/bin/sh", "-c", f"kill -KILL {pid}"], env={})
            wait_for(lambda: self.component(name).state != "running", timeout=5, what=f"{name} to end", interval=0.05)

    def check_alive(self, name: str) -> None:
        """Raise EngineError with the last words of a daemon that has ended."""
        if self.component(name).state != "running":
            last_lines = self.tail(name, 3) or "it wrote nothing"
            raise EngineError(f"{name} ended while starting: {last_lines}", f"`labs logs {name}` shows all it wrote.")

    def archive_path_inside(self, archive: Path) -> str | None:
        """Where the guest sees an image archive of the cache: read from there, it need not come through the agent."""
        return f"/run/images/{archive.name}" if archive.parent == cache_folder() / "images" else None

    def offer(self, name: str, script: str) -> None:
        """Put a program into the guest's PATH; it lies in memory, so this system is not changed."""
        put = f"cat > /usr/local/sbin/{name} && chmod 755 /usr/local/sbin/{name}"
        self.run(["/bin/sh", "-c", put], env={"PATH": "/usr/bin:/bin"}, input=script.encode())

    def log(self, name: str) -> Path:
        """The file that a daemon writes to, on the host."""
        return self.folder / "log" / f"{name.replace('/', '-')}.log"

    def tail(self, name: str, lines: int) -> str:
        """The last lines of a daemon's log."""
        try:
            return "\n".join(self.log(name).read_text(encoding="utf-8", errors="replace").splitlines()[-lines:])
        except FileNotFoundError:
            return ""

    def call(self, method: str, path: str, body: Any = None, *, timeout: float = 30) -> Any:
        """Ask the agent.

        Raises:
            EngineError: it refuses.
            OSError: it does not answer.
        """
        connection = UnixConnection(str(self.socket), timeout=timeout)
        try:
            token = (self.folder / "token").read_text(encoding="utf-8")
            # the guest's clock stands still while this machine sleeps; its agent sets it by ours
            headers = {"Authorization": f"Bearer {token}", "Labs-Time": f"{time.time():.6f}"}
            connection.request(method, path, None if body is None else json.dumps(body), headers)
            answer = connection.getresponse()
            text = answer.read()
        except FileNotFoundError as error:
            raise EngineError("The user-mode kernel does not run.", "`labs up` starts it.") from error
        finally:
            connection.close()
        if answer.status != 200:
            raise EngineError(f"The guest refused {path}: {text.decode(errors='replace').strip()}")
        return json.loads(text)
