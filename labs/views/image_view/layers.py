"""The layers of images: which line of a Dockerfile made each, which are shared, and what that saves."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import Any

from labs.views.framework.units import size_in_words

__all__ = ["ImageLayer", "line_of", "share", "stack"]

NO_OPERATION = re.compile(r"^/bin/sh -c #\(nop\)\s*")
BUILD_ARGUMENTS = re.compile(r"^\|\d+ (?:.*? )??(?=/bin/(?:ba)?sh -)")
SHELL = re.compile(r"^/bin/(?:ba)?sh (?:-o pipefail )?-c ")
HASHED = re.compile(r"\b(file|dir|multi):[0-9a-f]{16,64} in ")
CONTENT = {"file": "(a file)", "dir": "(a folder)", "multi": "(files)"}
METADATA = {
    *("ARG", "CMD", "ENTRYPOINT", "ENV", "EXPOSE", "HEALTHCHECK", "LABEL", "MAINTAINER", "ONBUILD", "SHELL"),
    *("STOPSIGNAL", "USER", "VOLUME"),
}
MAKES_FILES = {"ADD", "COPY", "RUN"}


@dataclass
class ImageLayer:
    """One entry of an image's history.

    Attributes:
        line: the Dockerfile's line, as far as the history keeps it.
        size: in bytes.
        digest: the layer's, as in RootFS; empty for an entry that changed no file.
        images: the names of the image that ends here, such as the base image.
        id: of that image; empty where Docker does not know it any more.
        shared: names of the shown images that have this layer in this place, when they are several.
    """

    line: str
    size: int
    digest: str = ""
    images: list[str] = field(default_factory=list)
    id: str = ""
    shared: list[str] = field(default_factory=list)


def line_of(created_by: str) -> str:
    """The Dockerfile's line for what the history calls ``CreatedBy``, of the classic builder or of BuildKit."""
    text = " ".join(created_by.split())
    text, is_buildkit = text.removesuffix(" # buildkit"), text.endswith(" # buildkit")
    if NO_OPERATION.match(text):
        text = NO_OPERATION.sub("", text)
        text = HASHED.sub(lambda found: f"{CONTENT[found[1]]} ", text)
    else:
        words = text.removeprefix("RUN ") if is_buildkit or text.startswith("RUN ") else text
        bare = SHELL.sub("", BUILD_ARGUMENTS.sub("", words))
        if bare != words or text.startswith("RUN "):
            text = f"RUN {bare}"
    if re.match(r"(CMD|ENTRYPOINT|SHELL|VOLUME) \[", text):
        text = text.replace('" "', '", "')  # the history leaves the commas out
    return text.strip()


def stack(history: list[dict[str, Any]], digests: list[str]) -> list[ImageLayer]:
    """An image's layers from the bottom up, those entries among them that made no layer.

    Args:
        history: as ``image.history()`` returns it, newest first.
        digests: the image's ``RootFS`` ``Layers``. The API does not say which entry made which: an entry with a size
            made one for certain, and of the others those that may change files, as many as there are layers left.
    """
    layers = [_layer(entry) for entry in reversed(history)]
    made = {i for i, layer in enumerate(layers) if layer.size}
    for may in (MAKES_FILES, {"WORKDIR"}, None):
        for i, layer in enumerate(layers):
            word = layer.line.split(maxsplit=1)[0].upper() if layer.line else ""
            likely = word in may if may else word not in METADATA
            if likely and i not in made and len(made) < len(digests):
                made.add(i)
    for i, digest in zip(sorted(made), digests, strict=False):
        layers[i].digest = digest
    return layers


def _layer(entry: dict[str, Any]) -> ImageLayer:
    identity = entry.get("Id", "")
    return ImageLayer(
        line_of(entry.get("CreatedBy") or entry.get("Comment") or ""),
        entry.get("Size") or 0,
        images=[tag for tag in entry.get("Tags") or [] if not tag.startswith("<none>")],
        id="" if identity == "<missing>" else identity,
    )


def share(stacks: dict[str, list[ImageLayer]]) -> list[str]:
    """Mark the layers that images have in common, and say what that saves.

    On disk a layer is kept once for images that are alike up to it, the base first; the same files above other layers
    are kept again, though a registry keeps and sends them once.

    Args:
        stacks: images by name, each as `stack` returns it; their ``shared`` is set.

    Returns:
        Sentences.
    """
    owners: dict[tuple[str, ...], list[str]] = {}
    chains: dict[str, list[tuple[str, ...]]] = {}
    for name, layers in stacks.items():
        chain: tuple[str, ...] = ()
        chains[name] = []
        for layer in layers:
            chain = (*chain, layer.digest) if layer.digest else chain
            chains[name].append(chain)
            if layer.digest:
                owners.setdefault(chain, []).append(name)
    sizes: dict[tuple[str, ...], int] = {}
    for name, layers in stacks.items():
        for layer, chain in zip(layers, chains[name], strict=True):
            if layer.digest:
                layer.shared = owners[chain] if len(owners[chain]) > 1 else []
                sizes[chain] = layer.size
    if len(stacks) < 2:
        return []
    common = [chain for chain, names in owners.items() if len(names) > 1]
    if not common:
        return ["These images share no layer: each is kept whole."]
    together = sum(layer.size for layers in stacks.values() for layer in layers)
    once = sum(sizes.values())
    count = f"{len(common)} layer" + ("s" if len(common) > 1 else "")
    saved = f"One by one the images are {size_in_words(together)}; together they take {size_in_words(once)} on disk"
    return [
        f"They share {count} ({size_in_words(sum(sizes[chain] for chain in common))}), kept on disk only once.",
        f"{saved}, {size_in_words(together - once)} less.",
    ]
