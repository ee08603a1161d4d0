"""The hub of a workshop without its chart: what `workshop/values.yaml` comes to in KubeSpawner's configuration."""

from __future__ import annotations

import asyncio
import importlib.util
import sys
from functools import cache
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any
from unittest.mock import patch

import yaml
from kubernetes_asyncio.client import ApiClient
from kubespawner import KubeSpawner
from traitlets.config import Config

__all__ = ["FOLDER", "hub_module", "manifest", "spawner", "values"]

FOLDER = Path(__file__).parents[1] / "workshop"
TRAITS = {
    "cmd": "cmd",
    "default_url": "defaultUrl",
    "start_timeout": "startTimeout",
    "profile_list": "profileList",
    "cpu_guarantee": "cpu.guarantee",
    "cpu_limit": "cpu.limit",
    "mem_guarantee": "memory.guarantee",
    "mem_limit": "memory.limit",
}
"""KubeSpawner's settings that the chart takes as they are from `singleuser`."""


def values() -> dict[str, Any]:
    """What the file holds."""
    return yaml.safe_load((FOLDER / "values.yaml").read_text(encoding="utf-8"))


@cache
def hub_module() -> ModuleType:
    """`labs_hub.py`, imported under the name that it has in the hub."""
    spec = importlib.util.spec_from_file_location("labs_hub", FOLDER / "labs_hub.py")
    module = sys.modules["labs_hub"] = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def spawner(user: str, namespace: str, *, profile: str = "", **more: Any) -> KubeSpawner:
    """A user's spawner, configured as the chart's hub does it.

    Args:
        user: the name.
        namespace: the hub's.
        profile: which of the list is chosen; the default one without it.
        more: settings that replace those of the values.
    """
    found, c = values(), Config()
    hub_module()
    for trait, path in TRAITS.items():
        value = found["singleuser"]
        for word in path.split("."):
            value = value[word]
        c.KubeSpawner[trait] = value
    # the chart's own
    c.KubeSpawner.update({"uid": 1000, "fs_gid": 100, "namespace": namespace, "allow_privilege_escalation": False})
    image = found["singleuser"]["image"]
    c.KubeSpawner.image = f"{image['name']}:{image['tag']}"
    if found["singleuser"]["storage"]["type"] == "dynamic":
        claim = {"name": "volume", "persistentVolumeClaim": {"claimName": "claim-{user_server}"}}
        c.KubeSpawner.volumes = [claim]
        c.KubeSpawner.volume_mounts = [{"name": "volume", "mountPath": found["singleuser"]["storage"]["homeMountPath"]}]
    for name, settings in found["hub"]["config"].items():
        c[name].update(settings)
    for text in found["hub"]["extraConfig"].values():
        exec(compile(text, "extraConfig", "exec"), {"c": c})
    c.KubeSpawner.update(more)
    who = SimpleNamespace(name=user, id=1, url=f"/user/{user}/", escaped_name=user)
    hub = SimpleNamespace(
        public_host="", url="http://hub:8081/hub/", base_url="/hub/", api_url="http://hub:8081/hub/api"
    )
    with patch("kubespawner.spawner.load_config"), patch("kubespawner.spawner.shared_client"):  # it asks no cluster
        made = KubeSpawner(_mock=True, config=c, user=who, hub=hub)
    made.user_options = {"profile": profile} if profile else {}
    return made


def manifest(user: str, namespace: str, **options: Any) -> dict[str, Any]:
    """The pod that the hub would make, after its hook, as plain data. Args and options: as `spawner`."""

    async def made() -> dict[str, Any]:
        one = spawner(user, namespace, **options)
        one.run_pre_spawn_hook()
        await one.load_user_options()
        async with ApiClient() as api:
            return api.sanitize_for_serialization(await one.get_pod_manifest())

    return asyncio.run(made())
