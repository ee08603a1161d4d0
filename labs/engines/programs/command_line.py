"""What a learner types in: the command `docker` with its plugins, what completes its words, and Helm for who wants it.

On the engines that come with the course `docker` is the course's own, beside them in the cache; the machine's is taken
where it is as new. Nothing here is needed to start an engine, so a machine that cannot have it goes on without.
"""

from __future__ import annotations

import os
import shutil
import time
from pathlib import Path

from labs.engines.programs import binaries, catalog, debian_packages, docker_programs, node_tools
from labs.engines.programs.docker_programs import COMMAND, PLUGINS, DockerUnavailable
from labs.engines.runtime.reporter import Step
from labs.engines.runtime.user_folders import cache_folder
from labs.errors import EngineError, LabsError

__all__ = ["HELM", "completion", "docker_folder", "ensure", "ensure_helm", "helm_folder", "plugin_folders"]

HELM = "helm"

SYSTEM_PLUGINS = tuple(
    Path(top, "docker/cli-plugins") for top in ("/usr/local/lib", "/usr/local/libexec", "/usr/lib", "/usr/libexec")
)
"""Where every `docker` looks for plugins."""
OF_RELEASE = "labs-commands"
"""The folder with `docker` alone, in the tools of this system's release: the others there are not for a learner."""
COMPLETION = ("bash-completion",)


def ensure(step: Step) -> None:
    """Fetch what is missing; say in a sentence what cannot be had.

    Args:
        step: reports how far it is.
    """
    if not _has_own():
        try:
            docker_programs.ensure(COMMAND, step, patient=True)
        except DockerUnavailable as error:
            if not docker_programs.is_packaged():
                lacking = "without `docker compose` and BuildKit" if docker_folder() else "missing"
                step.reporter.say(f"  The command `docker` is {lacking}: {error.what}")
    with debian_packages.lock("completion"):
        missed = cache_folder() / "packages" / "completion-missed"
        if completion() or (missed.exists() and time.time() - missed.stat().st_mtime < docker_programs.DAY):
            return
        step.update("fetching bash-completion")
        try:
            tree = debian_packages.unpack_programs("completion in terminals", COMPLETION, "completion")
        except LabsError:  # words are typed out, then
            missed.touch()
        else:
            debian_packages.note_unpacked("completion", COMPLETION, tree)


def ensure_helm(step: Step) -> None:
    """Fetch Helm, or build it: one lesson in twenty wants it, and a build takes minutes, so who wants it asks for it.

    Args:
        step: reports how far it is.

    Raises:
        EngineError: it can neither be downloaded nor built.
    """
    binaries.ensure([HELM], step)


def helm_folder() -> Path:
    """The folder that Helm is in once it was fetched, for PATH: a terminal that is open already finds it then."""
    return binaries.folder_of(catalog.item_of(HELM))


def docker_folder() -> Path | None:
    """The folder with the course's `docker`, for PATH; None where the machine's serves, or there is none."""
    if _has_own():
        return None
    if tree := docker_programs.find(COMMAND):
        return tree / "usr/bin"
    release = node_tools.unpacked_tools()
    if release is None or not (release / "usr/bin/docker").exists():
        return None
    folder = release / OF_RELEASE
    try:
        if not (folder / "docker").exists():
            folder.mkdir(exist_ok=True)
            folder.chmod(0o755)  # learners of a workshop are other users, whatever our umask
            (folder / "docker").symlink_to("../usr/bin/docker")
    except OSError:  # root has filled the cache
        return folder if (folder / "docker").exists() else None
    return folder


def plugin_folders() -> list[Path]:
    """Where the plugins of the `docker` on PATH lie, if they came with it and it would not look there by itself."""
    docker = shutil.which("docker")
    if docker is None:
        return []
    beside = Path(docker).resolve().parents[2] / PLUGINS
    return [beside] if beside.is_dir() and beside not in SYSTEM_PLUGINS else []


def completion() -> Path | None:
    """The script that bash reads to complete words, of the course's own packages; None where they are not there."""
    tree = debian_packages.unpacked("completion", COMPLETION)
    script = tree / "usr/share/bash-completion/bash_completion" if tree else None
    return script if script and script.exists() else None


def _has_own() -> bool:
    """Whether this machine has a current `docker` of its own, with its plugins."""
    paths = os.environ.get("PATH", os.defpath).split(os.pathsep)
    cache = cache_folder()
    others = [path for path in paths if not Path(path).is_relative_to(cache)]  # ours may be on PATH already
    docker = shutil.which("docker", path=os.pathsep.join(others))
    names = [Path(place).name for place in COMMAND.programs if PLUGINS in place]
    if docker is None or not all(any((folder / name).exists() for folder in SYSTEM_PLUGINS) for name in names):
        return False
    try:
        return docker_programs.is_current("docker", docker_programs.reported(docker))
    except EngineError:
        return False
