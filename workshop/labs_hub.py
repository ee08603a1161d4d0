"""What JupyterHub gets for a workshop: access codes to log in with, and a kubeconfig of their own for each pod.

The chart puts this file beside its own configuration, see `values.yaml`. The hub's image has no `labs`, so names that
both must know are written down here once more; a test compares them with `labs.workshop`. A user's name is their
learner's id.
"""

from __future__ import annotations

import re
from hmac import compare_digest
from pathlib import Path
from typing import Any

from jupyterhub.auth import Authenticator
from tornado.web import HTTPError

__all__ = ["AccessCodes", "give_kubeconfig", "secret_of"]

ID = re.compile(r"[a-z0-9]([a-z0-9-]*[a-z0-9])?")
CODES = Path("/etc/labs-codes")  # where the hub has the Secret with all codes; a file for each learner
MOUNTED = "/etc/labs"  # where a learner's pod has its kubeconfig
KUBECONFIG = "kubeconfig"


def secret_of(learner: str) -> str:
    """The Secret with a learner's kubeconfig. Args: ``learner``, the id."""
    return f"labs-kubeconfig-{learner}"


def code_of(learner: str) -> str:
    """A learner's access code; empty where nobody is called so. Args: ``learner``, what somebody typed as their id."""
    file = CODES / learner
    # a name that is no id could name another file, or by a dash at its end another learner's Secret
    return file.read_text(encoding="utf-8") if ID.fullmatch(learner) and file.is_file() else ""


class AccessCodes(Authenticator):
    """Log in with an id and an access code, from the `codes.csv` that `labs workshop provision` has written."""

    async def authenticate(self, handler: Any, data: dict[str, str]) -> str | None:
        """The learner's id, or None. Args: ``handler``, unused; ``data``, the log-in form's."""
        name = self.normalize_username(data["username"].strip())
        code = code_of(name)
        given = data["password"].strip().lower()
        return name if code and compare_digest(code.encode(), given.encode()) else None


def give_kubeconfig(spawner: Any) -> None:
    """The hook before a pod is made: mount the learner's kubeconfig, and nobody else's.

    Args:
        spawner: the `kubespawner.KubeSpawner`.

    Raises:
        HTTPError: the user has no place in the workshop; the page says so.
    """
    learner = spawner.user.name
    if not code_of(learner):
        refusal = HTTPError(403, f"{learner} is not on the roster")
        refusal.jupyterhub_message = f"{learner} is not on the workshop's roster. Ask your instructor."
        raise refusal
    secret = {
        "secretName": secret_of(learner),
        "items": [{"key": KUBECONFIG, "path": KUBECONFIG}],
        "defaultMode": 0o440,
    }
    # new collections: the present ones are the configuration's, which all learners' spawners share
    spawner.volumes = _with(spawner.volumes, {"name": "labs-kubeconfig", "secret": secret})
    mount = {"name": "labs-kubeconfig", "mountPath": MOUNTED, "readOnly": True}
    spawner.volume_mounts = _with(spawner.volume_mounts, mount)
    spawner.environment = {**spawner.environment, "LABS_ATTACH_KUBECONFIG": f"{MOUNTED}/{KUBECONFIG}"}
    # with the kubeconfig the pod has all the rights that it needs
    spawner.automount_service_account_token = False


def _with(items: list | dict, one: dict[str, Any]) -> list | dict:
    """These and one more, which replaces what has its name. The chart gives lists or, since 4.3, dictionaries."""
    if isinstance(items, dict):
        return {**items, one["name"]: one}
    return [*(item for item in items if item["name"] != one["name"]), one]
