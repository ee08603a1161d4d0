"""A real JupyterLab, as `labs lab` starts it, that leaves the user's files alone."""

from __future__ import annotations

import json
import os
import secrets
import shutil
import socket
import subprocess
import urllib.request
from pathlib import Path
from typing import Any

import psutil

from labs.curriculum import lessons
from labs.jupyter import command
from labs.waiting import wait_for

__all__ = ["Server"]


class Server:
    """JupyterLab on a copy of the notebooks.

    Attributes:
        url: its address, with a slash at the end and without the token.
        token: what a request must carry.
        folder: the folder that it serves.
    """

    def __init__(self, home: Path) -> None:
        """Start it, and return when it answers. Args: ``home``, an empty folder for all that it writes."""
        self.folder = home / "notebooks"
        root = lessons.root()
        shutil.copytree(root / "notebooks", self.folder, ignore=shutil.ignore_patterns(".ipynb_checkpoints"))
        with socket.create_server(("127.0.0.1", 0)) as free:
            port = free.getsockname()[1]
        self.token = secrets.token_hex(16)
        self.url = f"http://127.0.0.1:{port}/"
        self._log = home / "jupyter.log"
        own = {
            "IPYTHONDIR": home / "ipython",
            "JUPYTER_CONFIG_DIR": home / "config",  # the user's settings and workspaces are in there, too
            "JUPYTER_DATA_DIR": home / "data",  # the kernel is found beside Python
            "JUPYTER_RUNTIME_DIR": home / "runtime",
            "JUPYTER_TOKEN": self.token,
            "LABS_PROGRESS": home / "progress.json",
            "LABS_ROOT": root,
            **command.environment(),
        }
        argv = command.command(self.folder)
        # exposed as JupyterLab's own tests have it, to ask what its screen does not say
        argv += ["--no-browser", f"--port={port}", "--ServerApp.port_retries=0", "--expose-app-in-browser"]
        with self._log.open("w") as log:
            self._process = subprocess.Popen(
                argv,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                env={**os.environ, **{key: str(value) for key, value in own.items()}},
                start_new_session=True,
            )
        try:
            wait_for(self._answers, 120, what="JupyterLab", state=self.log)
        except BaseException:
            self.close()
            raise

    def log(self) -> str:
        """The end of what it has written."""
        return self._log.read_text(errors="replace")[-3000:]

    def ask(self, path: str, method: str = "GET", body: Any = None) -> Any:
        """Ask its REST API. Args: ``path``, such as ``api/sessions``; ``body``, for JSON."""
        data = None if body is None else json.dumps(body).encode()
        headers = {"Authorization": f"token {self.token}", "Content-Type": "application/json"}
        request = urllib.request.Request(self.url + path, data, headers, method=method)
        opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
        with opener.open(request, timeout=30) as answer:
            text = answer.read()
        return json.loads(text) if text else None

    def end_sessions(self) -> None:
        """End every kernel and terminal, whichever way they were started."""
        for kind, key in (("sessions", "id"), ("kernels", "id"), ("terminals", "name")):
            for one in self.ask(f"api/{kind}"):
                self.ask(f"api/{kind}/{one[key]}", "DELETE")

    def close(self) -> None:
        """End it with all that it has started."""
        try:
            family = [psutil.Process(self._process.pid)]
            family += family[0].children(recursive=True)
        except psutil.NoSuchProcess:
            family = []
        self._process.terminate()
        try:
            self._process.wait(20)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        _, alive = psutil.wait_procs(family, timeout=5)  # kernels have process groups of their own
        for process in alive:
            process.kill()

    def _answers(self) -> bool:
        assert self._process.poll() is None, f"JupyterLab ended: {self.log()}"
        try:
            return bool(self.ask("api/status"))
        except OSError:  # it does not listen yet
            return False
