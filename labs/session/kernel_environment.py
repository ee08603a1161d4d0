"""Pointing this process, and the programs it starts, at the course: nothing of the user's is read or written."""

from __future__ import annotations

import base64
import hashlib
import json
import os
import shlex
import shutil
import sys
from contextlib import suppress
from pathlib import Path
from typing import Any

import kubernetes.config.kube_config
import yaml

from labs.curriculum.lessons import docker_lessons
from labs.display import say
from labs.engines.base import Engine
from labs.engines.programs import command_line
from labs.errors import NotRunning, Timeout
from labs.waiting import wait_for

__all__ = ["environment_lines", "set_environment", "wait_for_startup", "write_kubeconfig"]

_HELM = ("CONFIG", "CACHE", "DATA")
"""Helm's folders, each named by a variable: repositories, what it has fetched from them, plugins."""
_SET = (
    "DOCKER_HOST",
    "DOCKER_CONFIG",
    "KUBECONFIG",
    "KUBECACHEDIR",
    "KUBERC",
    *(f"HELM_{folder}_HOME" for folder in _HELM),
    "NO_PROXY",
    "no_proxy",
)
# What else changes what a lesson's commands do; each is a user's setting for other work than the course.
_OF_USER = (
    "DOCKER_CONTEXT",  # the command line would follow it rather than DOCKER_HOST
    # another builder than the lessons'
    "DOCKER_BUILDKIT",
    "BUILDKIT_HOST",
    "BUILDX_BUILDER",
    "BUILDX_CONFIG",
    # no image without a signature, which the course's have not
    "DOCKER_CONTENT_TRUST",
    "DOCKER_CONTENT_TRUST_SERVER",
    "DOCKER_DEFAULT_PLATFORM",  # images for another processor; the Python client follows it as well
    "DOCKER_CUSTOM_HEADERS",  # for somebody's proxy in front of another Docker
    "KUBECTL_KUBERC",  # switches kuberc on in kubectl 1.33
    "KUBECTL_EXTERNAL_DIFF",  # `kubectl diff` would print something else
    # another cluster or namespace for helm than kubectl's
    "HELM_KUBECONTEXT",
    "HELM_NAMESPACE",
    "HELM_KUBEAPISERVER",
    "HELM_KUBETOKEN",
    "HELM_KUBECAFILE",
    "HELM_KUBEASUSER",
    "HELM_KUBEASGROUPS",
    "HELM_KUBEINSECURE_SKIP_TLS_VERIFY",
    "HELM_KUBETLS_SERVER_NAME",
    "HELM_DRIVER",  # keeps releases elsewhere than in Secrets of the namespace
    # a file or folder of Helm's outside of its three
    "HELM_REPOSITORY_CONFIG",
    "HELM_REPOSITORY_CACHE",
    "HELM_CONTENT_CACHE",
    "HELM_REGISTRY_CONFIG",
    "HELM_PLUGINS",
    "PIP_USER",  # a virtual environment refuses `pip install --user`
)
_OF_OTHER_DOCKER = ("DOCKER_TLS", "DOCKER_TLS_VERIFY", "DOCKER_CERT_PATH", "DOCKER_API_VERSION")


def wait_for_startup(engine: Engine, timeout: float = 60) -> None:
    """Let a `labs up` that is at work finish the nodes.

    Args:
        engine: the engine.
        timeout: limit, in seconds.

    Raises:
        NotRunning: the nodes will not come, since a part has failed; or it takes longer, and the message tells how far
            it is.
    """

    def usable() -> bool:
        startup = engine.startup()
        if startup and (why := startup.why_not("nodes")) and not _cluster_runs(engine):
            raise NotRunning(
                f"Kubernetes is not there, because a part failed. {why}",
                f"`labs up` in a terminal goes on where it stopped; {docker_lessons()} need only Docker.",
            )
        return startup is None or not startup.running or startup.kubernetes_works

    if usable():
        return
    say("Kubernetes is still starting; this cell waits for it.")
    try:
        wait_for(usable, timeout=timeout, what="Kubernetes")
    except Timeout:
        raise NotRunning(
            f"Kubernetes is still starting: {engine.startup()}.",
            f"{docker_lessons().capitalize()} need only Docker; run this cell again when `labs status` shows the "
            "cluster running.",
        ) from None


def _cluster_runs(engine: Engine) -> bool:
    """Whether there is a cluster although its start has failed, as when a node became ready too late."""
    needed = [part for part in engine.status() if part.name == "kube-apiserver" or part.name.startswith("kubelet/")]
    return all(part.state == "running" for part in needed)


def write_kubeconfig(engine: Engine, path: Path, namespace: str | None) -> None:
    """Write a copy of the course's kubeconfig, readable by its owner only.

    Args:
        engine: the engine.
        path: where to; replaced in one step.
        namespace: the default namespace of the course's context; when None, the one that the copy has already, if any.
    """
    namespace = namespace or _namespace_in(path, engine.context)
    content = yaml.safe_load(engine.kubeconfig.read_text(encoding="utf-8"))
    content["current-context"] = engine.context
    for context in content["contexts"]:
        if context["name"] == engine.context and namespace:
            context["context"]["namespace"] = namespace
    path.parent.mkdir(parents=True, exist_ok=True)
    _keep_keys_as_files(content, path.with_name("keys"))
    _write(path, yaml.safe_dump(content).encode())


def _keep_keys_as_files(content: dict, folder: Path) -> None:
    """Put certificates and keys into files of their own.

    Of those in a kubeconfig the Python client makes copies in the folder for temporary files, which stay there when a
    kernel is killed.

    Args:
        content: a kubeconfig; changed.
        folder: where to.
    """
    entries = [each.get(kind) for kind in ("cluster", "user") for each in content.get(f"{kind}s") or []]
    for entry in filter(None, entries):
        for field in [name for name in entry if name.endswith("-data")]:
            value = base64.b64decode(entry.pop(field))
            file = folder / f"{field.removesuffix('-data')}-{hashlib.sha256(value).hexdigest()[:12]}.pem"
            folder.mkdir(mode=0o700, exist_ok=True)
            _write(file, value)
            entry[field.removesuffix("-data")] = str(file.absolute())


def _write(path: Path, content: bytes) -> None:
    """Write a file that only its owner reads, in one step."""
    draft = path.with_name(f"{path.name}.{os.getpid()}")
    with open(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "wb") as file:
        file.write(content)
    draft.replace(path)


def _namespace_in(path: Path, context: str) -> str | None:
    """The default namespace that a kubeconfig gives to a context: a terminal may not take it from an open notebook."""
    try:
        contexts = yaml.safe_load(path.read_text(encoding="utf-8"))["contexts"]
        return next(c["context"].get("namespace") for c in contexts if c["name"] == context)
    except (OSError, ValueError, yaml.YAMLError, LookupError, TypeError, AttributeError, StopIteration):
        return None


def set_environment(engine: Engine, kubeconfig: Path) -> None:
    """Make Docker's and Kubernetes' clients and command lines mean the course's engines, by the course's settings.

    Args:
        engine: the engine.
        kubeconfig: what KUBECONFIG must name. It need not exist: then it means no cluster, never the user's own.
    """
    os.umask(os.umask(0o022) & ~0o055)  # Docker keeps a file's mode, and users of images must read what cells write
    programs = [str(Path(sys.prefix) / "bin"), *map(str, engine.command_folders())]
    paths = [path for path in os.environ.get("PATH", os.defpath).split(os.pathsep) if path not in programs]
    os.environ["PATH"] = os.pathsep.join([*programs, *paths])
    os.environ["DOCKER_HOST"] = engine.docker_host
    os.environ["DOCKER_CONFIG"] = str(_docker_settings(kubeconfig.with_name("docker-config")))
    os.environ["KUBECONFIG"] = str(kubeconfig)
    os.environ["KUBECACHEDIR"] = str(kubeconfig.with_name("kubectl-cache"))  # else ~/.kube/cache, which `down` leaves
    for folder in _HELM:
        os.environ[f"HELM_{folder}_HOME"] = str(kubeconfig.with_name(f"helm-{folder.lower()}"))
    os.environ["KUBERC"] = "off"  # the user's kuberc gives kubectl's commands other names and other defaults
    # The Python client reads KUBECONFIG once, when it is imported.
    kubernetes.config.kube_config.KUBE_CONFIG_DEFAULT_LOCATION = str(kubeconfig)
    for name in _OF_USER:
        os.environ.pop(name, None)
    if engine.docker_host.startswith("unix://"):
        for name in _OF_OTHER_DOCKER:
            os.environ.pop(name, None)
    if "SHELL" in os.environ:  # it runs what stands behind `!` in a cell, and without it IPython takes sh
        os.environ["SHELL"] = _usual_shell(os.environ["SHELL"])
    here = ("localhost", "127.0.0.1", "::1", *engine.local_addresses)
    for name in ("NO_PROXY", "no_proxy"):  # published ports and the course's cluster are not behind a proxy
        hosts = [host for host in os.environ.get(name, "").split(",") if host]
        os.environ[name] = ",".join([*hosts, *(h for h in here if h not in hosts)])


def environment_lines() -> str:
    """What `set_environment` has set, as lines for a POSIX shell whose start-up file may have set something else."""
    lines = [f"export {name}={shlex.quote(os.environ[name])}" for name in _SET if name in os.environ]
    absent = [name for name in (*_OF_USER, *_OF_OTHER_DOCKER) if name not in os.environ]
    return "\n".join([*lines, f"unset {' '.join(absent)}"])


def _docker_settings(folder: Path) -> Path:
    """A folder for Docker's clients instead of ~/.docker, which may name a credential helper, proxies or a context.

    The file must be there: without one, the Python client looks into the home folder all the same. What a
    `docker login` has written into it stays; where the plugins are may change with the course's programs.
    """
    file = folder / "config.json"
    try:
        before = json.loads(file.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        before = None
    content: dict[str, Any] = {"auths": {}, **(before if isinstance(before, dict) else {})}
    content.pop("cliPluginsExtraDirs", None)
    if plugins := _docker_plugins():
        content["cliPluginsExtraDirs"] = [str(folder) for folder in plugins]
    if content != before:
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        _write(file, json.dumps(content).encode())
    return folder


def _docker_plugins() -> list[Path]:
    """Where `docker` finds its plugins, besides the system's folders: those that came with the one on PATH, if any."""
    if ours := command_line.plugin_folders():
        return ours
    with suppress(RuntimeError, OSError):  # nobody knows where the home folder is, or it is closed to us
        plugins = Path.home() / ".docker" / "cli-plugins"
        if plugins.is_dir():  # programs, not settings: Docker Desktop has what `docker build` needs there
            return [plugins]
    return []


def _usual_shell(shell: str) -> str:
    """The shell itself if lessons' commands mean the same to it as to sh, and it runs any; else bash, else sh."""
    if Path(shell).name in ("bash", "dash", "sh") and shutil.which(shell):
        return shell
    return shutil.which("bash") or "/bin/sh"
