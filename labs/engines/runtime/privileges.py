"""Root's rights: who has them, and how a command gets them."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Sequence

from labs.engines.runtime.user_folders import cache_folder
from labs.errors import NotSupported

__all__ = ["as_root", "refusal", "require_root", "sudo"]

KEPT = (
    "LABS_NAME",
    "LABS_STATE",
    "LABS_CACHE",
    "LABS_NO_DOWNLOAD",
    "LABS_DOCKERD",
    "LANG",
    "PATH",
    "TERM",
    "DOCKER_HOST",
    "KUBECONFIG",
    *("http_proxy", "https_proxy", "no_proxy", "all_proxy", "HTTP_PROXY", "HTTPS_PROXY", "NO_PROXY", "ALL_PROXY"),
    *("SSL_CERT_FILE", "SSL_CERT_DIR", "GOPROXY", "GOSUMDB", "GOPRIVATE", "GOENV"),
)
"""What sudo would forget of the user's environment: the course's own settings, and the way to the internet. pip's
settings (PIP_*) are kept as well."""


def require_root(module: str = "labs.cli") -> None:
    """Go on as root: nothing to do when we are, else start this command again under a sudo that asks no password.

    Args:
        module: what this command is, for ``python -m``.

    Raises:
        NotSupported: we are not root and cannot become it, or this is not Linux.
    """
    command = [sys.executable, "-m", module, *sys.argv[1:]]
    argv = as_root(command)
    if argv != command:
        sys.stdout.flush()
        os.execv(argv[0], argv)


def as_root(argv: list[str]) -> list[str]:
    """A command with root's rights: as it is when we are root.

    Raises:
        NotSupported
    """
    if not sys.platform.startswith("linux"):
        raise NotSupported(
            "The engines run on Linux only.",
            "Attach to Docker Desktop, kind or minikube: `labs up --context NAME --docker HOST`.",
        )
    return argv if os.geteuid() == 0 else sudo(argv)


def refusal() -> str:
    """Why sudo does not make this user root without a password, as the end of a sentence; empty when it does."""
    program = shutil.which("sudo")
    if program is None:
        return "there is no sudo"
    done = subprocess.run(
        [program, "-n", "true"],
        capture_output=True,
        encoding="utf-8",
        errors="replace",
        check=False,
        env={**os.environ, "LC_ALL": "C"},  # its messages are compared by their words
    )
    if done.returncode == 0:
        return ""
    message = next((line.strip() for line in done.stderr.splitlines() if line.strip()), f"status {done.returncode}")
    return f"sudo asks for a password ({message})" if "password" in message else f"sudo refuses ({message})"


def sudo(argv: Sequence[str]) -> list[str]:
    """A command with root's rights, without asking for a password.

    Raises:
        NotSupported: there is no sudo, or it would ask.
    """
    if why := refusal():
        raise NotSupported(
            f"The engine `host` needs root's rights: you are not root, and {why}.",
            "Run `sudo -v` first, or use `labs up --engine usermode`, which needs none.",
        )
    settings = [f"{key}={value}" for key, value in os.environ.items() if key in KEPT or key.startswith("PIP_")]
    if "XDG_CACHE_HOME" in os.environ and "LABS_CACHE" not in os.environ:
        settings.append(f"LABS_CACHE={cache_folder()}")
    return [shutil.which("sudo") or "sudo", "-n", *settings, *argv]
