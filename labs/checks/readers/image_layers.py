"""What is in an image on Docker Engine: in each of its layers, whatever later ones hide."""

from __future__ import annotations

import io
import json
import tarfile
from typing import TYPE_CHECKING

from labs.checks.context import CheckContext
from labs.checks.core import clients, found

if TYPE_CHECKING:
    from docker.models.images import Image

__all__ = ["image_called", "traces_of"]


def image_called(lab: CheckContext, reference: str) -> Image:
    """An image that the exercise asks for. Raises NotYet when Docker has none of this name."""
    return found(
        lambda: clients(lab).docker.images.get(reference),
        expected=f"an image {reference} in Docker",
        try_=f"`docker images` lists yours; `docker build -t {reference} FOLDER` makes it.",
    )


def traces_of(image: Image, secret: bytes) -> list[str]:
    """Where a secret stands in an image: ``www/key.pem in a layer``, ``its history``; empty when nowhere.

    Args:
        image: the image. Each of its layers is read as a whole.
        secret: what to look for, as bytes.
    """
    traces = []
    with tarfile.open(fileobj=io.BytesIO(b"".join(image.save()))) as archive:
        for name in json.loads(_read(archive, "manifest.json"))[0]["Layers"]:
            with tarfile.open(fileobj=io.BytesIO(_read(archive, name))) as layer:
                files = [member for member in layer if member.isfile()]
                traces += [f"{m.name} in a layer" for m in files if secret in _read(layer, m)]
    told = secret.decode(errors="replace")
    if told in json.dumps(image.history()):
        traces.append("its history")
    if told in json.dumps(image.attrs.get("Config")):
        traces.append("its settings")
    return traces


def _read(archive: tarfile.TarFile, member: str | tarfile.TarInfo) -> bytes:
    file = archive.extractfile(member)
    return file.read() if file else b""
