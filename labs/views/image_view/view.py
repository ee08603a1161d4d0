"""The image view: images as stacks of layers, what they share, and what a build took from the cache."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime
from pathlib import Path
from typing import Any

from labs.views.framework.context import ViewContext
from labs.views.framework.docker_watch import DockerFeed
from labs.views.framework.units import size_in_words
from labs.views.framework.view import View
from labs.views.image_view import build_log
from labs.views.image_view.layers import ImageLayer, share, stack

__all__ = ["ImageView", "image"]

VERDICTS = {"cached": "from the cache", "ran": "ran again", "failed": "failed", "from": "names the base"}


def image(
    lab: ViewContext, *names: Any, log: Iterable[Any] | None = None, stages: Mapping[str, Any] | None = None
) -> ImageView:
    """Show images as stacks of layers, each with its size and the Dockerfile's line, and which layers they share; live.

    Args:
        lab: the lesson, from `open_lab`.
        names: one image or several: ``"weather:1"``, or what ``client.images`` returns.
        log: the log of the build of the first of them, as ``client.images.build`` returns it or as a list. It tells
            which steps came from the cache.
        stages: images of the stages that the first image was copied out of, by the stage's name, such as
            ``{"build": "weather:build"}``.

    Raises:
        ValueError: no image is named.
    """
    if not names:
        raise ValueError('Name an image: views.image(lab, "weather:1").')
    by_stage = {stage: _name(of) for stage, of in (stages or {}).items()}
    return ImageView(lab, [_name(of) for of in names], build_log.entries(log), by_stage)


class ImageView(View):
    """See `image`."""

    FOLDER = Path(__file__).parent
    TITLE = "Image"

    def __init__(self, lab: ViewContext, names: list[str], log: list[Any], stages: dict[str, str]) -> None:
        """Begin, with what `image` takes: names as text, and the log as a list."""
        self._context = lab
        self._names = list(dict.fromkeys([*names, *stages.values()]))
        self._steps = build_log.steps_of(log)
        self._stages = stages
        super().__init__(lab, f"Image {', '.join(self._names)}")

    def begin(self) -> None:
        self._feed = _Images(self._context, self.changed, self._names, getattr(self, "_feed", None))
        self.hold("docker", self._feed)

    def draw(self) -> dict[str, Any]:
        if not self._feed.is_filled:
            return dict(self.picture)
        found, moved = self._feed.found, self._feed.moved
        stacks = {name: stack(of["history"], of["digests"]) for name, of in found.items() if of}
        shared = share(stacks)
        steps = {step.image[:12]: step for step in self._steps if step.image}
        built = {self._names[0], *self._stages.values()}  # what the log is about
        images = [
            self._image(name, found.get(name), stacks.get(name, []), steps if name in built else {}, moved)
            for name in self._names
        ]
        first = images[0]
        marked = {row["step"] for row in first["rows"] if row["step"]}
        elsewhere = [step for step in self._steps if step.number not in marked and step.verdict != "from"]
        if steps and not marked:
            elsewhere = []
        if steps and not marked and not first["gone"]:
            shared.append(f"The log is of another build than {first['name']} is now.")
        return {
            "summary": "; ".join(f"{i['name']}: {i['word']}" for i in images),
            "images": images,
            "widest": max((row["size"] for i in images for row in i["rows"]), default=0),
            "notes": [*shared, *self._compared(images)],
            "build": build_log.in_words(self._steps),
            "elsewhere": [
                {"number": step.number, "line": step.line, "verdict": step.verdict, "word": VERDICTS[step.verdict]}
                for step in elsewhere
            ],
        }

    def _image(
        self,
        name: str,
        found: dict[str, Any] | None,
        layers: list[ImageLayer],
        steps: dict[str, Any],
        moved: dict[str, str],
    ) -> dict[str, Any]:
        if not found:
            word = "gone" if name in moved else "there is no such image"
            return {"name": name, "size": 0, "word": word, "why": moved.get(name, ""), "gone": True, "rows": []}
        rows = []
        for layer in reversed(layers):
            step = steps.get(layer.id.removeprefix("sha256:")[:12]) if layer.id else None
            is_own = step is not None and step.verdict != "from"
            others = [tag for tag in layer.images if tag != name]
            rows.append(
                {
                    "line": step.line if step and is_own else layer.line or "(no line is known)",
                    "size": layer.size,
                    "size_text": size_in_words(layer.size),
                    "digest": layer.digest,
                    "id": layer.id,
                    "images": others if layer is not layers[-1] else [],
                    "shared": layer.shared,
                    "verdict": step.verdict if step and is_own else "",
                    "word": VERDICTS[step.verdict] if step and is_own else "",
                    "step": step.number if step and is_own else 0,
                }
            )
        count = sum(bool(row["digest"]) for row in rows)
        word = f"{size_in_words(found['size'])} in {count} layer{'' if count == 1 else 's'}"
        stage = next((stage for stage, of in self._stages.items() if of == name), "")
        return {
            "name": name,
            "size": found["size"],
            "word": word,
            "why": moved.get(name, ""),
            "stage": stage,
            "gone": False,
            "rows": rows,
        }

    def _compared(self, images: list[dict[str, Any]]) -> list[str]:
        """The first image's size against that of the others; of a multi-stage build, what stayed behind."""
        first, *others = images
        sentences = []
        for other in others:
            if first["gone"] or other["gone"]:
                continue
            less = other["size"] - first["size"]
            share_of = abs(less) * 100 // (other["size"] or 1)
            if other.get("stage") and less > 0:
                ends = f"{size_in_words(less)} ({share_of} %) stayed behind in it, and need not be shipped"
                sentences.append(f"Stage {other['stage']} ({other['name']}) is {size_in_words(other['size'])}: {ends}.")
            elif less:
                word = f"({share_of or '< 1'} %) {'smaller' if less > 0 else 'larger'}"
                sentences.append(f"{first['name']} is {size_in_words(abs(less))} {word} than {other['name']}.")
            else:
                sentences.append(f"{first['name']} is as large as {other['name']}.")
        return sentences

    def to_text(self, picture: dict[str, Any]) -> str:
        lines = [*picture["notes"], *picture["build"]]
        for image in picture["images"]:
            stage = f", stage {image['stage']}" if image.get("stage") else ""
            why = f" ({image['why']})" if image["why"] else ""
            lines.append(f"{image['name']}{stage}: {image['word']}{why}" + (", top first:" if image["rows"] else ""))
            lines += [_row(row, image["name"]) for row in image["rows"]]
        if picture["elsewhere"]:
            lines.append("steps that are no layer of this image:")
            lines += [f"  step {s['number']}  {s['line']}  [{s['word']}]" for s in picture["elsewhere"]]
        return "\n".join(lines)


def _row(row: dict[str, Any], name: str) -> str:
    size = row["size_text"] if row["digest"] else "no layer"
    marks = [row["word"]] if row["word"] else []
    marks += [f"shared with {', '.join(n for n in row['shared'] if n != name)}"] if row["shared"] else []
    marks += [f"is {', '.join(row['images'])}"] if row["images"] else []
    return f"  {size:>9}  {row['line']}" + (f"  [{'; '.join(marks)}]" if marks else "")


def _name(image: Any) -> str:
    """An image's name. Args: ``image``, a name, or an image of docker-py."""
    return image if isinstance(image, str) else (image.tags or [image.id])[0]


class _Images(DockerFeed):
    """Some images by name, as they are now.

    Attributes:
        found: each image, or None.
        moved: what became of names.
    """

    EVENTS = {"type": ["image"]}  # noqa: RUF012  (a constant, declared so by the base class)

    def __init__(self, lab: ViewContext, on_change: Any, names: list[str], before: _Images | None) -> None:
        """Begin.

        Args:
            lab: as of the base class.
            on_change: as of the base class.
            names: the images'.
            before: what the view knew when it was hidden.
        """
        self.found: dict[str, dict[str, Any] | None] = {}
        self.moved: dict[str, str] = dict(before.moved) if before else {}
        self._context = lab
        self._names = names
        self._ids: dict[str, str] = dict(before._ids) if before else {}
        super().__init__(lab, on_change)

    def concerns(self, event: dict[str, Any]) -> bool:
        return event.get("Action") in {"build", "delete", "import", "load", "pull", "tag", "untag"}

    def read(self, client: Any) -> None:
        from docker.errors import ImageNotFound

        found: dict[str, dict[str, Any] | None] = {}
        for name in self._names:
            try:
                one = client.images.get(name)
                found[name] = {
                    "id": one.id,
                    "size": one.attrs["Size"],
                    "digests": (one.attrs.get("RootFS") or {}).get("Layers") or [],
                    "history": one.history(),
                }
            except ImageNotFound:
                found[name] = None
            self._note(name, found[name])
        self.found = found

    def _note(self, name: str, found: dict[str, Any] | None) -> None:
        """Note when a name has come to mean another image, or none."""
        before, now = self._ids.get(name), found["id"] if found else ""
        if before is not None and before != now:
            at = f"{datetime.now():%H:%M:%S}"
            short = before.removeprefix("sha256:")[:12]
            if not now:
                self.moved[name] = f"removed at {at}; it was {short}"
            elif before:
                self.moved[name] = f"the name was moved at {at}; before, it meant {short}"
            else:
                self.moved[name] = f"here since {at}"
        self._ids[name] = now
