"""What all views share: a picture that travels to the browser, its text form, and a life of its own."""

from __future__ import annotations

from datetime import datetime
from functools import cache
from pathlib import Path
from typing import Any, ClassVar

import anywidget
import traitlets

from labs.views.framework import painter
from labs.views.framework.context import ViewContext
from labs.views.framework.watch import Subscription, subscribe

__all__ = ["View"]

FRAMEWORK = Path(__file__).parent
FIRST = 5  # seconds that the cell waits for a first picture


class View(anywidget.AnyWidget):
    """A live picture. A subclass names its folder, subscribes to what it shows, and draws.

    A picture is plain data (dictionaries, lists, texts, numbers) that the front end turns into what one sees. It is
    made in a thread; a view never prints, and blocks a cell for its first picture only.

    Attributes:
        picture: what is shown.
        text: the same in words.
        notice: why the picture is not live, as a sentence; empty while it is.
        live: False once the view was closed.
        name: the widget's own id, by which its front end finds out whether the kernel still has it.
    """

    FOLDER: ClassVar[Path]  # where its `picture.js` lies and, if it has one, its `style.css`
    TITLE: ClassVar[str]

    picture = traitlets.Dict().tag(sync=True)
    text = traitlets.Unicode().tag(sync=True)
    notice = traitlets.Unicode().tag(sync=True)
    title = traitlets.Unicode().tag(sync=True)
    live = traitlets.Bool(True).tag(sync=True)
    name = traitlets.Unicode().tag(sync=True)

    def __init__(self, lab: ViewContext | None = None, title: str = "") -> None:
        """Begin.

        Args:
            lab: whose clients are used; None for a view that follows nothing in a cluster.
            title: what the view shows.
        """
        self._lab = lab
        self._subscriptions: dict[str, Subscription] = {}
        self._seen_by: set[str] = set()
        self._begun = False
        self._esm, self._css = _code(self.FOLDER), _style(self.FOLDER)
        super().__init__(title=title or self.TITLE)
        self.name = self.model_id or ""
        self.on_msg(self._on_message)
        painter.opened_in_cell(self)
        self._resume()
        for subscription in self._subscriptions.values():
            subscription.wait(FIRST)
        self.paint()

    # for subclasses

    def begin(self) -> None:
        """Subscribe to what the view shows; called again when it is shown again after nobody saw it."""

    def end(self) -> None:
        """Let go of what `begin` took, subscriptions apart."""

    def draw(self) -> dict[str, Any]:
        """The picture as it is now. Called from a thread, and by the cell once."""
        raise NotImplementedError

    def draw_stale(self, picture: dict[str, Any]) -> dict[str, Any]:
        """The last picture, with what still changes in it while the cluster or Docker is unreachable: here, nothing.

        Args:
            picture: it stays as it is.
        """
        return picture

    def to_text(self, picture: dict[str, Any]) -> str:
        """A picture as text.

        Args:
            picture: as `draw` returned it.
        """
        raise NotImplementedError

    def follow(self, resource: str, *, key: str = "", namespace: str = "", fields: str = "") -> None:
        """Watch a resource (`labs.views.framework.watch.subscribe`); `objects` gives its objects from then on."""
        assert self._lab is not None, "a view without a lab has no cluster to follow"
        self._subscriptions[key or resource] = subscribe(
            self._lab, resource, self.changed, namespace=namespace, fields=fields
        )

    def hold(self, key: str, source: Any) -> None:
        """Show what another source than the cluster tells.

        Args:
            key: what the view calls it.
            source: with what a `Subscription` offers for all: ``problem``, ``wait`` and ``close``.
        """
        self._subscriptions[key] = source

    def objects(self, key: str) -> list[dict[str, Any]]:
        """The objects of a resource that the view follows, ordered by name; shared, so not to be changed."""
        return self._subscriptions[key].items()

    def is_filled(self, *keys: str) -> bool:
        """Whether lists were read since the view was begun; before, an empty one says nothing.

        Args:
            keys: of the lists, as for `objects`; without any, all that the view follows.
        """
        subscriptions = [self._subscriptions.get(key) for key in keys or list(self._subscriptions)]
        return all(subscription is not None and subscription.is_filled for subscription in subscriptions)

    def changed(self) -> None:
        """Ask for a new picture; returns at once, from any thread."""
        painter.request(self)

    # for everybody

    def paint(self) -> None:
        """Draw the picture again, and send it if it has changed."""
        if not self.live:
            return
        try:
            problem = next((s.problem for s in list(self._subscriptions.values()) if s.problem), "")
            if problem:
                self.notice = f"Not live: {problem}. It goes on by itself."
            last = self.picture
            picture = self.draw_stale(last) if problem and last else self.draw()
            if picture != self.picture:
                text = self.to_text(picture)
                with self.hold_sync():
                    self.picture, self.text = picture, text
            if not problem:
                self.notice = ""
        except Exception as error:  # a picture that cannot be drawn must not end the painter
            self.notice = f"This could not be drawn ({type(error).__name__}: {error})."

    def close(self) -> None:
        """Stop watching. The last picture stays where it is shown."""
        if not self.live:
            return
        self._pause()
        self.notice = f"Closed at {datetime.now():%H:%M:%S}. Run the cell again to see what is now."
        self.live = False

    def __str__(self) -> str:
        return "\n".join([self.title, *([self.notice] if self.notice else []), self.text])

    __repr__ = __str__

    def _repr_mimebundle_(self, **_: Any) -> tuple[dict[str, Any], dict[str, Any]]:
        bundle, metadata = super()._repr_mimebundle_() or ({}, {})
        return {**bundle, "text/plain": str(self)}, metadata

    def _on_message(self, _widget: Any, message: Any, _buffers: Any) -> None:
        """A browser shows the view, or no longer does: what nobody sees is not watched.

        A tab that is closed says so; for one whose browser crashed, the view goes on until the kernel ends.
        """
        match message:
            case {"shown": str(place)}:
                self._seen_by.add(place)
                if self.live:
                    self._resume()
                    self.changed()
            case {"hidden": str(place)}:
                self._seen_by.discard(place)
                if not self._seen_by:
                    self._pause()

    def _resume(self) -> None:
        if not self._begun:
            self._begun = True
            self.begin()

    def _pause(self) -> None:
        if not self._begun:
            return
        self._begun = False
        subscriptions, self._subscriptions = self._subscriptions, {}
        for subscription in subscriptions.values():
            subscription.close()
        self.end()
        painter.forget(self)


@cache
def _code(folder: Path) -> str:
    """A front end's code as one module: the library, what all views share, and the view's own part."""
    library = (FRAMEWORK / "vendor" / "htm-preact.js").read_text(encoding="utf-8")
    kit, own = (file.read_text(encoding="utf-8") for file in (FRAMEWORK / "kit.js", folder / "picture.js"))
    return (
        "const htmPreact = (() => { const exports = {}; const module = { exports };\n"
        f"{library}\nreturn module.exports; }})();\n{kit}\n{own}\nexport default {{ render: renderer(Picture) }};\n"
    )


@cache
def _style(folder: Path) -> str:
    """What all views share, and the view's own part, if it has one."""
    files = (FRAMEWORK / "kit.css", folder / "style.css")
    return "\n".join(file.read_text(encoding="utf-8") for file in files if file.is_file())
