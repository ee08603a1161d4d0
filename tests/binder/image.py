"""The image of a Binder session, built by the project's own dockerd from its own Dockerfile, without a network."""

from __future__ import annotations

import shutil
import subprocess
import sys
import tarfile
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import docker
from packaging.requirements import Requirement

from labs.engines import packages
from labs.engines.state import cache_folder

__all__ = ["TAG", "build"]

TAG, BASE = "labs-test/binder:1", "labs-test/debian:1"
ROOT = Path(__file__).parents[2]
SYSTEM = (
    *("base-files", "base-passwd", "bash", "coreutils", "dash", "debianutils", "findutils", "gawk", "grep", "gzip"),
    *("hostname", "libc-bin", "libstdc++6", "login", "mount", "passwd", "sed", "tar", "util-linux"),
    *("ca-certificates", "curl", "git", "iproute2", "make", "procps", "python3", "python3-venv", "tini"),
)
"""What debian:bookworm-slim has, as far as it matters here, and what the Dockerfile would add to it."""
PYTHON = "3.11.2"  # of Debian 12
PREPARED = ("bin", "disks", "images", "kernel", "packages")
BROWSER = "packages/chromium-"
"""What the tests in a browser have in the cache begins so; a session has no use for it."""
LEFT_OUT = ("packages/archives", "packages/lists", "packages/apt", "packages/empty-status")


def build(client: docker.DockerClient, note) -> None:
    """Build the image, with what is in the cache already.

    Args:
        client: of the Docker Engine.
        note: is given each line that the build says.
    """
    if not client.images.list(BASE):
        with _system() as archive:
            client.api.import_image_from_file(str(archive), repository=BASE.partition(":")[0], tag="1")
    with _context() as context:
        for line in client.api.build(
            fileobj=context, custom_context=True, dockerfile="binder/Dockerfile", tag=TAG, buildargs={"BASE": BASE},
            rm=True, forcerm=True, decode=True,
        ):  # fmt: skip
            note(line.get("stream", line.get("error", "")).rstrip())
            if "error" in line:
                raise AssertionError(line["error"])


@contextmanager
def _system() -> Iterator[Path]:
    """A Debian root as an archive: its packages, unpacked."""
    packages.fetch_lists("a base image")
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder) / "root"
        for name in ("bin", "sbin", "lib", "lib64"):
            (root / "usr" / name).mkdir(parents=True)
            (root / name).symlink_to(f"usr/{name}")
        for deb in packages.download(SYSTEM, whole=True):
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
def _context() -> Iterator:
    """What the build sees: this project's files, the cache, and wheels of what it installs."""
    with tempfile.TemporaryDirectory() as folder, tempfile.TemporaryFile() as file:
        wheels = Path(folder)
        lock = wheels / "requirements.lock"
        lock.write_text(_locked())
        pip = [sys.executable, "-m", "pip", "download", "--quiet", "--dest", wheels, "--only-binary", ":all:"]
        pip += ["--python-version", PYTHON, "--implementation", "cp", "--no-deps"]
        subprocess.run([*pip, "--require-hashes", "-r", lock], check=True)
        subprocess.run([*pip, "setuptools>=77"], check=True)
        with tarfile.open(fileobj=file, mode="w", format=tarfile.PAX_FORMAT) as archive:
            listed = ["git", "ls-files", "--cached", "--others", "--exclude-standard"]
            for name in subprocess.run(listed, cwd=ROOT, capture_output=True, text=True, check=True).stdout.split("\n"):
                if name and (ROOT / name).exists():
                    archive.add(ROOT / name, name)
            archive.add(wheels, "binder/prepared/wheels")
            for name in PREPARED:
                if (cache_folder() / name).exists():
                    archive.add(cache_folder() / name, f"binder/prepared/cache/{name}", filter=_wanted)
        file.seek(0)
        yield file


def _locked() -> str:
    """The lines of requirements.lock that count for the base's Python; pip would take those of the one it runs on."""
    requirements = (ROOT / "requirements.lock").read_text().replace("\\\n", " ").splitlines()
    environment = {"python_version": PYTHON[:4], "python_full_version": PYTHON}
    kept = []
    for line in requirements:
        requirement = line.partition(" --hash")[0]
        if line[:1].isalnum():
            marker = Requirement(requirement).marker
            if marker is None or marker.evaluate(environment):
                kept.append(line.replace(requirement.partition(" ;")[2], "").replace(" ;", ""))
    return "\n".join(kept)


def _wanted(info: tarfile.TarInfo) -> tarfile.TarInfo | None:
    name = info.name.removeprefix("binder/prepared/cache/")
    return None if name in LEFT_OUT or name.startswith(BROWSER) else info
