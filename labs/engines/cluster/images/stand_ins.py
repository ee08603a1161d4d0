"""Images under the names that everyone types: Debian's programs, standing in for what a public registry has."""

from __future__ import annotations

import hashlib
import json
import tarfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from filelock import FileLock

from labs.engines.cluster.images.archive import ImageSpec, LayerBuilder, read_layers, write
from labs.engines.cluster.images.archive_files import archive_mark
from labs.engines.cluster.images.assemble import BASE_PACKAGES, base_images, config
from labs.engines.cluster.images.layers import FILES, add_files, layer_above
from labs.engines.programs import debian_packages
from labs.engines.runtime.files import write_at_once
from labs.engines.runtime.reporter import Step
from labs.engines.runtime.user_folders import cache_folder

__all__ = ["StandIn", "listed", "stand_ins"]

RECIPE = 1  # raise it when an image changes while the base images do not
LABEL = "kube-labs/stands-in"
PACKAGES = {
    "bash": ["bash"],
    "httpd": ["apache2-bin", "media-types"],
    "memcached": ["memcached"],
    "perl": ["perl"],
    "redis": ["redis-server", "redis-tools"],
}
"""Debian packages, by the layer that they make."""
NO_LIBRARIES = ("libperl", "libpam", "libfile-", "libnumber-", "libtext-", "libsemanage", "libsepol", "libaudit",
                "libicu", "libxml2", "libgdbm")  # fmt: skip
"""How packages begin that a server does without: it drags them along for what sets it up on a whole system."""


@dataclass(frozen=True)
class StandIn:
    """An image that answers for others.

    Attributes:
        names: the repositories, as a mirror of docker.io is asked for them, such as ``library/nginx``.
        program: what is in it, as its users call it.
        package: the Debian package that it comes from.
        layers: names of layers, from the lowest up.
        settings: Docker's configuration of the image.
        users: lines of /etc/passwd that it has besides the usual ones.
        folders: that any user may write into.
    """

    names: tuple[str, ...]
    program: str
    package: str
    layers: tuple[str, ...]
    settings: Mapping[str, object]
    users: tuple[str, ...] = ()
    folders: tuple[str, ...] = ()


NGINX = {**config(["nginx", "-g", "daemon off;"], ports=["80/tcp"]), "StopSignal": "SIGQUIT"}
NGINX_USER = "nginx:x:101:101:nginx user:/nonexistent:/usr/sbin/nologin"
NGINX_FOLDERS = ("var/cache/nginx", "var/lib/nginx")
IMAGES = (
    StandIn(("library/busybox",), "busybox", "busybox", ("base",), config(["sh"])),
    StandIn(("library/alpine",), "busybox", "busybox", ("base",), config(["sh"])),
    StandIn(("library/debian", "library/ubuntu"), "bash", "bash", ("base", "shell", "bash"), config(["bash"])),
    StandIn(("curlimages/curl",), "curl", "curl", ("base", "shell"),
            {**config([]), "Entrypoint": ["curl"], "User": "100"},
            ("curl_user:x:100:101::/home/curl_user:/sbin/nologin",)),
    StandIn(("library/nginx",), "nginx", "nginx-light", ("base", "shell", "nginx", "files/nginx"), NGINX,
            (NGINX_USER,), NGINX_FOLDERS),
    StandIn(("nginxinc/nginx-unprivileged",), "nginx", "nginx-light",
            ("base", "shell", "nginx", "files/nginx", "files/unprivileged"),
            {**NGINX, "User": "101", "ExposedPorts": {"8080/tcp": {}}}, (NGINX_USER,), NGINX_FOLDERS),
    StandIn(("library/httpd",), "httpd", "apache2-bin", ("base", "httpd", "files/httpd"),
            {**config(["httpd-foreground"], ports=["80/tcp"]), "WorkingDir": "/usr/local/apache2",
             "StopSignal": "SIGWINCH"}),
    StandIn(("library/memcached",), "memcached", "memcached", ("base", "memcached"),
            {**config(["memcached"], ports=["11211/tcp"]), "User": "11211"},
            ("memcache:x:11211:11211::/home/memcache:/bin/sh",)),
    StandIn(("library/perl",), "perl", "perl", ("base", "perl"), config(["perl", "-de0"])),
    StandIn(("library/python",), "python", "python3-minimal", ("base", "python"), config(["python3"])),
    StandIn(("library/redis",), "redis", "redis-server", ("base", "redis"),
            {**config(["redis-server", "--protected-mode", "no"], ports=["6379/tcp"]), "WorkingDir": "/data",
             "Volumes": {"/data": {}}}, folders=("data",)),
)  # fmt: skip


def stand_ins(step: Step) -> list[Path]:
    """The archive in the cache that all of them are in, made where it is missing; behind it, those that it needs.

    Args:
        step: reports how far it is.

    Returns:
        The archive, and the base images whose layers it leaves out.

    Raises:
        EngineError: a package could not be fetched.
    """
    below = base_images(step)
    digest = hashlib.sha256(repr((RECIPE, [(tag, archive_mark(path)) for tag, path in below.items()])).encode())
    path = cache_folder() / "images" / f"stand-ins-{digest.hexdigest()[:12]}.tar"
    with FileLock(path.with_name(".stand-ins.lock")):
        if not path.exists():
            layers, versions = _layers(below, step)
            step.update("assembling", 0.8)
            known = [layers[name] for name in ("base", "shell", "nginx", "python")]
            write(path, *(_image(each, layers, versions) for each in IMAGES), without=known)
            write_at_once(path.with_suffix(".json"), json.dumps(_described(path)))
            for old in path.parent.glob("stand-ins-*"):
                if old.stem != path.stem:
                    old.unlink()
    return [path, *(below[tag] for tag in ("labs/shell:1", "labs/web:1", "labs/python:3"))]


def listed() -> dict[str, str]:
    """What the archive in the cache holds, each as a sentence, by repository; empty where none was made yet."""
    found = sorted((cache_folder() / "images").glob("stand-ins-*.json"), key=lambda file: file.stat().st_mtime)
    return json.loads(found[-1].read_text(encoding="utf-8")) if found else {}


def _layers(below: Mapping[str, Path], step: Step) -> tuple[dict[str, bytes], dict[str, str]]:
    """The layers by their names, those of the base images among them, and the versions of the packages in them."""
    debian_packages.fetch_lists("its images")
    step.update("fetching packages", 0.1)
    base, shell = read_layers(below["labs/shell:1"])
    layers = {"base": base, "shell": shell, "nginx": read_layers(below["labs/web:1"])[1]}
    layers["python"] = read_layers(below["labs/python:3"])[1]
    known = debian_packages.download([*BASE_PACKAGES, "nginx-light", "python3-minimal", "curl"], whole=True)
    under = debian_packages.download(BASE_PACKAGES, whole=True)
    for name, packages in PACKAGES.items():
        debs = debian_packages.download(packages, whole=True)
        known += debs
        layers[name] = layer_above(under, [deb for deb in debs if _is_needed(deb.name, packages)]).to_tar()
    for folder in ("nginx", "unprivileged", "httpd"):
        layer = LayerBuilder()
        add_files(layer, FILES / folder)
        for name in ("access.log", "error.log") if folder == "nginx" else ():
            layer.link(f"var/log/nginx/{name}", f"/dev/{'stdout' if name == 'access.log' else 'stderr'}")
        layers[f"files/{folder}"] = layer.to_tar()
    versions = {deb.name.split("_")[0]: deb.name.split("_")[1].replace("%3a", ":") for deb in known}
    return layers, versions


def _is_needed(deb: str, packages: Sequence[str]) -> bool:
    """Whether a package is one of these, a part of one, or a library for them."""
    if deb.startswith((*packages, *(f"lib{name}" for name in packages))):
        return True
    return deb.startswith("lib") and not deb.startswith(NO_LIBRARIES)


def _image(item: StandIn, layers: Mapping[str, bytes], versions: Mapping[str, str]) -> ImageSpec:
    what = f"Debian's {item.program} {versions.get(item.package, '')}".rstrip()
    for_whom = " and ".join(f"docker.io/{name}" for name in item.names)
    used, comments = [layers[name] for name in item.layers], list(item.layers)
    extra = _own(item)
    if extra:
        used.append(extra)
        comments.append("users")
    settings = dict(item.settings)
    settings["Labels"] = {
        "org.opencontainers.image.vendor": "kube-labs",
        "org.opencontainers.image.description": f"{what}, standing in for {for_whom}",
        LABEL: what,
    }
    tags = tuple(f"{name}:latest" for name in item.names)
    return ImageSpec(tags[0], tuple(used), tuple(comments), settings, aliases=tags[1:])


def _own(item: StandIn) -> bytes:
    """The layer with the users of an image, and the folders that it needs; empty where it needs none."""
    layer = LayerBuilder()
    if item.users:
        for file, lines in (("passwd", item.users), ("group", _groups(item.users))):
            usual = (FILES / "base/etc" / file).read_text(encoding="utf-8")
            layer.file(f"etc/{file}", (usual + "\n".join(lines) + "\n").encode())
    for folder in item.folders:
        layer.directory(folder, 0o777)
    return layer.to_tar() if list(layer) else b""


def _groups(users: Sequence[str]) -> list[str]:
    return [f"{words[0]}:x:{words[3]}:" for words in (user.split(":") for user in users)]


def _described(path: Path) -> dict[str, str]:
    with tarfile.open(path) as archive:

        def read(name: str) -> Any:
            file = archive.extractfile(name)
            assert file is not None
            return json.loads(file.read())

        found: dict[str, str] = {}
        for image in read("manifest.json"):
            what = read(image["Config"])["config"]["Labels"][LABEL]
            found |= {tag.partition(":")[0]: what for tag in image["RepoTags"]}
    return found
