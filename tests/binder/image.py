"""The image of a Binder session, built by the project's own dockerd from its own Dockerfile."""

from __future__ import annotations

import shutil
import subprocess
import tarfile
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import docker

from labs.engines.cluster import ingress
from labs.engines.programs import debian_packages
from labs.engines.runtime.user_folders import cache_folder
from tests.wheels import ROOT, files, wheels

__all__ = ["LIMITS", "TAG", "build", "build_from_nothing"]

TAG, BASE = "labs-test/binder:1", "labs-test/debian:1"
LIMITS = {
    "user": "1000",
    "cap_drop": ["ALL"],
    "security_opt": ["no-new-privileges"],
    "mem_limit": "1600m",  # of the 2 GB there, so that a learner's own work finds room
    "memswap_limit": "1600m",
    "nano_cpus": 10**9,
    "network_mode": "none",
}
"""Less than mybinder.org gives."""
SYSTEM = (
    *("base-files", "base-passwd", "bash", "coreutils", "dash", "debianutils", "findutils", "gawk", "grep", "gzip"),
    *("hostname", "libc-bin", "libstdc++6", "login", "mount", "passwd", "sed", "tar", "util-linux"),
    *("ca-certificates", "curl", "git", "iproute2", "make", "procps", "python3", "python3-venv", "tini"),
)
"""What debian:bookworm-slim has, as far as it matters here, and what the Dockerfile would add to it."""
PYTHON = "3.11.2"  # of Debian 12
PREPARED = ("bin", "disks", "images", "kernel", "packages", ingress.folder().name)
NOT_OF_SESSIONS = ("packages/chromium-", "packages/docker-engine-")
"""What the tests in a browser and the engine `host` have in the cache begins so; a session has no use for it."""
LEFT_OUT = (
    "packages/archives",
    "packages/lists",
    "packages/apt",
    "packages/empty-status",
    "packages/docker-suite",
)


def build(client: docker.DockerClient, note) -> None:
    """Build the image without a network, with what is in the cache already.

    Args:
        client: of the Docker Engine.
        note: is given each line that the build says.
    """
    if not client.images.list(BASE):
        with _system() as archive:
            client.api.import_image_from_file(str(archive), repository=BASE.partition(":")[0], tag="1")
    _build(client, note, BASE, prepared=True)


def build_from_nothing(client: docker.DockerClient, base: str, note) -> None:
    """Build the image as mybinder.org does: all is fetched, and built. Args: as `build`; ``base``, the base image."""
    _build(client, note, base, prepared=False, network_mode="host")


def _build(client: docker.DockerClient, note, base: str, *, prepared: bool, **options: str) -> None:
    with _context(prepared=prepared) as context:
        for line in client.api.build(
            fileobj=context, custom_context=True, dockerfile="binder/Dockerfile", tag=TAG, buildargs={"BASE": base},
            rm=True, forcerm=True, decode=True, **options,
        ):  # fmt: skip
            note(line.get("stream", line.get("error", "")).rstrip())
            if "error" in line:
                raise AssertionError(line["error"])


@contextmanager
def _system() -> Iterator[Path]:
    """A Debian root as an archive: its packages, unpacked."""
    debian_packages.fetch_lists("a base image")
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder) / "root"
        for name in ("bin", "sbin", "lib", "lib64"):
            (root / "usr" / name).mkdir(parents=True)
            (root / name).symlink_to(f"usr/{name}")
        for deb in debian_packages.download(SYSTEM, whole=True):
            with subprocess.Popen(["dpkg-deb", "--fsys-tarfile", deb], stdout=subprocess.PIPE) as source:
                subprocess.run(["tar", "-x", "--keep-directory-symlink", "-C", root], stdin=source.stdout, check=True)
        for name in ("passwd", "group"):
            shutil.copyfile(root / f"usr/share/base-passwd/{name}.master", root / f"etc/{name}")
        (root / "etc/shadow").touch()
        for name in ("dev", "proc", "sys", "run", "home", "opt", "usr/local/bin", "usr/local/sbin"):
            (root / name).mkdir(parents=True, exist_ok=True)
        for name in ("tmp", "var/tmp"):
            (root / name).chmod(0o1777)
        archive = Path(folder) / "root.tar"
        subprocess.run(["tar", "-cf", archive, "--numeric-owner", "-C", root, "."], check=True)
        yield archive


@contextmanager
def _context(*, prepared: bool) -> Iterator:
    """What the build sees: this project's files; if ``prepared``, the cache, and wheels of what it installs."""
    with tempfile.TemporaryFile() as file:
        with tarfile.open(fileobj=file, mode="w", format=tarfile.PAX_FORMAT) as archive:
            for name in files():
                archive.add(ROOT / name, name)
            if prepared:
                archive.add(wheels(PYTHON), "binder/prepared/wheels")
            for name in PREPARED if prepared else ():
                if (cache_folder() / name).exists():
                    archive.add(cache_folder() / name, f"binder/prepared/cache/{name}", filter=_wanted)
        file.seek(0)
        yield file


def _wanted(info: tarfile.TarInfo) -> tarfile.TarInfo | None:
    name = info.name.removeprefix("binder/prepared/cache/")
    return None if name in LEFT_OUT or name.startswith(NOT_OF_SESSIONS) else info
