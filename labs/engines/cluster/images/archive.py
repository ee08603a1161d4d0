"""Writes container images as `docker load` and `ctr import` read them, the same bytes from the same files."""

from __future__ import annotations

import hashlib
import io
import json
import tarfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from labs.engines.programs.catalog import architecture
from labs.engines.runtime.files import write_at_once

__all__ = ["ImageSpec", "LayerBuilder", "read_layers", "write"]

CREATED = "2026-01-01T00:00:00Z"
EPOCH = 1767225600  # the same moment


class LayerBuilder:
    """The files of one layer; paths are relative, and what is added last wins."""

    def __init__(self) -> None:
        self._members: dict[str, tuple[tarfile.TarInfo, bytes]] = {}

    def __contains__(self, path: str) -> bool:
        return path in self._members

    def __iter__(self) -> Iterator[str]:
        return iter(self._members)

    def directory(self, path: str, mode: int = 0o755) -> None:
        """Add a folder."""
        self._add(path, tarfile.DIRTYPE, mode)

    def file(self, path: str, content: bytes, mode: int = 0o644) -> None:
        """Add a file, with the folders above it."""
        self._add(path, tarfile.REGTYPE, mode, content=content)

    def link(self, path: str, target: str) -> None:
        """Add a symbolic link."""
        self._add(path, tarfile.SYMTYPE, 0o777, target=target)

    def hard_link(self, path: str, target: str) -> None:
        """Add another name of a file of this layer."""
        self._add(path, tarfile.LNKTYPE, 0o755, target=target)

    def to_tar(self) -> bytes:
        """The layer as a tar archive."""
        stream = io.BytesIO()
        with tarfile.open(fileobj=stream, mode="w", format=tarfile.GNU_FORMAT) as archive:
            # hard links after what they name
            for path in sorted(self._members, key=lambda p: (self._members[p][0].type == tarfile.LNKTYPE, p)):
                info, content = self._members[path]
                archive.addfile(info, io.BytesIO(content) if info.isreg() else None)
        return stream.getvalue()

    def _add(self, path: str, kind: bytes, mode: int, *, content: bytes = b"", target: str = "") -> None:
        parent = path.rpartition("/")[0]
        if parent and parent not in self._members:
            self.directory(parent)
        info = tarfile.TarInfo(path)
        info.type, info.mode, info.size, info.linkname, info.mtime = kind, mode, len(content), target, EPOCH
        self._members[path] = (info, content)


@dataclass(frozen=True)
class ImageSpec:
    """An image: its layers from the lowest up, and how it is run.

    Attributes:
        tag: its name, such as ``labs/web:1``.
        layers: tar archives.
        comments: what each layer is, for ``docker history``.
        config: Docker's image configuration: Cmd, Env, ExposedPorts, ...
        aliases: further names of the same image.
    """

    tag: str
    layers: tuple[bytes, ...]
    comments: tuple[str, ...]
    config: dict = field(default_factory=dict)
    aliases: tuple[str, ...] = ()

    @property
    def tags(self) -> tuple[str, ...]:
        """All its names, its own first."""
        return self.tag, *self.aliases


def write(target: Path, *images: ImageSpec, without: Sequence[bytes] = ()) -> None:
    """Write images as a Docker archive, a layer that they share once; the file appears when it is complete.

    Args:
        target: the file.
        images: what goes into it.
        without: layers that are left out, since who reads the archive has them.
    """
    whole, manifest = LayerBuilder(), []
    for image in images:
        digests = [hashlib.sha256(layer).hexdigest() for layer in image.layers]
        config = json.dumps(
            {
                "architecture": architecture(),
                "os": "linux",
                "created": CREATED,
                "config": image.config,
                "rootfs": {"type": "layers", "diff_ids": [f"sha256:{digest}" for digest in digests]},
                "history": [{"created": CREATED, "created_by": comment} for comment in image.comments],
            },
            sort_keys=True,
        ).encode()
        name = hashlib.sha256(config).hexdigest()
        whole.file(f"{name}.json", config)
        layers = [f"{digest}/layer.tar" for digest in digests]
        for path, layer in zip(layers, image.layers, strict=True):
            if layer not in without:
                whole.file(path, layer)
        manifest.append({"Config": f"{name}.json", "RepoTags": image.tags, "Layers": layers})
    whole.file("manifest.json", json.dumps(manifest).encode())
    write_at_once(target, whole.to_tar())


def read_layers(archive: Path) -> tuple[bytes, ...]:
    """The layers of the first image in an archive that `write` has written, from the lowest up."""
    with tarfile.open(archive) as opened:

        def content(name: str) -> bytes:
            file = opened.extractfile(name)
            assert file is not None
            return file.read()

        return tuple(map(content, json.loads(content("manifest.json"))[0]["Layers"]))
