"""How the hub starts a learner's server, and finds it again by the course's own records."""

from __future__ import annotations

import asyncio
import os
import sys
from functools import cached_property
from pathlib import Path

from jupyterhub.spawner import Spawner

from labs.jupyter import FOLDER
from labs.workshop.hub.accounts import Workshop
from labs.workshop.hub.learner_server import JUPYTER_PORT, LearnerServer
from labs.workshop.hub.machine import ResourceLimits

__all__ = ["LearnerSpawner"]

STARTING = asyncio.Semaphore(max(2, os.cpu_count() or 2))
"""Servers that start at a time. When a class signs in at once, the first must not wait for the last."""


class LearnerSpawner(Spawner):
    """One learner's server. A hub that is restarted finds it as before: nothing is kept in memory."""

    @cached_property
    def learner_server(self) -> LearnerServer:
        """Where it runs."""
        workshop = Workshop()
        settings = workshop.settings()
        return LearnerServer(
            workshop, workshop.account(self.user.name), ResourceLimits(settings["memory"], settings["processes"])
        )

    async def start(self) -> tuple[str, int]:
        """Start it, and return where it listens.

        Raises:
            LabsError
        """
        self.ip, self.port = self.learner_server.address, JUPYTER_PORT
        async with STARTING:
            await asyncio.to_thread(self.learner_server.prepare)
            await asyncio.to_thread(self.learner_server.start, *self._command())
            await asyncio.to_thread(self.learner_server.wait_started)
        return self.ip, self.port

    def _command(self) -> tuple[dict[str, str], list[str]]:
        program = Path(sys.executable).with_name("jupyterhub-singleuser")
        argv = [sys.executable, str(program), f"--LabApp.app_settings_dir={FOLDER}", *self.get_args()]
        argv.append('--ServerApp.terminado_settings={"shell_command": ["bash"]}')  # a login shell would forget PATH
        path = f"{program.parent}{os.pathsep}{os.defpath}"
        return {**self.get_env(), "PATH": path}, argv

    async def poll(self) -> int | None:
        """None while it runs."""
        return None if await asyncio.to_thread(lambda: self.learner_server.runs) else 0

    async def stop(self, now: bool = False) -> None:
        """End it.

        Args:
            now: without giving it time; it gets three seconds at most.
        """
        await asyncio.to_thread(self.learner_server.stop)
