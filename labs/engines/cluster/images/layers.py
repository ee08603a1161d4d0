"""Layers of container images, of the files in Debian packages."""

from __future__ import annotations

import io
import posixpath
import subprocess
import tarfile
from collections.abc import Sequence
from pathlib import Path

from labs.engines.cluster.images.archive import LayerBuilder
from labs.errors import EngineError

__all__ = ["FILES", "add_files", "base_layer", "layer_above"]

FILES = Path(__file__).with_name("files")
MERGED = ("bin", "sbin", "lib", "lib64", "lib32", "libx32")  # links into usr/, as Debian has them
LEFT_OUT = (
    "usr/share/doc/", "usr/share/man/", "usr/share/locale/", "usr/share/info/", "usr/share/lintian/", "usr/share/bug/",
    "usr/share/i18n/", "usr/lib/x86_64-linux-gnu/gconv/", "lib/systemd/", "usr/lib/systemd/", "etc/init.d/",
    "usr/share/perl5/", "var/lib/dpkg/", "usr/share/bash-completion/", "usr/lib/tmpfiles.d/",
)  # fmt: skip
NEWER, NEWER_PLACE = ("wget",), "usr/lib/kube-labs/busybox"
"""`wget -T` of Debian 12's busybox dies of a segmentation fault. The shell stays: the newer one takes its own programs
before those on PATH."""
NOT_NEEDED = {
    "debconf", "dpkg", "tar", "gcc-12-base", "readline-common", "iproute2", "libbpf1", "libelf1", "libcap2-bin",
    "libnginx-mod-http-echo", "openssl", "libdb5.3", "libnsl2", "libtirpc-common", "libxtables12",
}  # fmt: skip


def base_layer(debs: Sequence[Path], newer: bytes = b"") -> bytes:
    """The layer that all others lie on: the C library, busybox, certificates.

    Args:
        debs: the packages of it.
        newer: a busybox for the names in `NEWER`; empty where the package's own serves for all.
    """
    layer = LayerBuilder()
    for name in MERGED:
        layer.directory(f"usr/{name}")
        layer.link(name, f"usr/{name}")
    for name in ("dev", "etc", "proc", "sys", "run", "root", "home", "srv", "var/log", "usr/local/bin"):
        layer.directory(name)
    layer.directory("tmp", 0o1777)
    layer.directory("var/tmp", 0o1777)
    certificates = []
    for deb in _wanted(debs):
        for info, content in _files(deb):
            if info.name.startswith("usr/share/ca-certificates/"):
                certificates.append((info.name, content))
            else:
                _copy(layer, info, content)
    layer.file("etc/ssl/certs/ca-certificates.crt", b"".join(content for _, content in sorted(certificates)))
    add_files(layer, FILES / "base")
    if newer:
        layer.file(NEWER_PLACE, newer, 0o755)
        for applet in NEWER:
            layer.link(f"usr/bin/{applet}", f"/{NEWER_PLACE}")
    for applet in (FILES / "applets.txt").read_text(encoding="utf-8").split():
        if f"usr/bin/{applet}" not in layer:
            layer.link(f"usr/bin/{applet}", "busybox")
    return layer.to_tar()


def add_files(layer: LayerBuilder, folder: Path) -> None:
    """Add the course's own files; those in a folder `bin` are programs, whatever umask the course was cloned with.

    Args:
        layer: what they are added to.
        folder: which becomes the root.
    """
    for path in sorted(p for p in folder.rglob("*") if p.is_file()):
        name = path.relative_to(folder).as_posix()
        layer.file(name, path.read_bytes(), 0o755 if "/bin/" in name else 0o644)


def layer_above(below: Sequence[Path], debs: Sequence[Path]) -> LayerBuilder:
    """A layer of what packages bring that lower layers have not.

    Args:
        below: the packages of those.
        debs: all packages.
    """
    layer = LayerBuilder()
    for deb in _wanted(debs):
        if deb not in below:
            for info, content in _files(deb):
                _copy(layer, info, content)
    return layer


def _wanted(debs: Sequence[Path]) -> list[Path]:
    return [deb for deb in debs if deb.name.split("_")[0] not in NOT_NEEDED]


def _files(deb: Path) -> list[tuple[tarfile.TarInfo, bytes]]:
    """The files of a package, with paths as they are on a merged-/usr system."""
    done = subprocess.run(["dpkg-deb", "--fsys-tarfile", deb], capture_output=True, check=False)
    if done.returncode:
        deb.unlink(missing_ok=True)
        raise EngineError(f"The package {deb.name} is damaged.", "`labs up` fetches it again.")
    found = []
    with tarfile.open(fileobj=io.BytesIO(done.stdout)) as archive:
        for info in archive:
            file = archive.extractfile(info) if info.isreg() else None
            content = file.read() if file else b""
            info.name = _merged(info.name)
            if info.islnk():
                info.linkname = _merged(info.linkname)
            if info.name and not f"{info.name}/".startswith(LEFT_OUT):
                found.append((info, content))
    return found


def _merged(path: str) -> str:
    path = posixpath.normpath(path).lstrip("./")
    return f"usr/{path}" if path.split("/")[0] in MERGED else path


def _copy(layer: LayerBuilder, info: tarfile.TarInfo, content: bytes) -> None:
    if info.isreg():
        layer.file(info.name, content, info.mode)
    elif info.issym():
        layer.link(info.name, info.linkname)
    elif info.islnk():
        layer.hard_link(info.name, info.linkname)
    elif info.isdir() and info.name not in layer and info.name not in {f"usr/{name}" for name in MERGED}:
        layer.directory(info.name, info.mode)
