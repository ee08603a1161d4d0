"""Look over a learner's shoulder: choose one and a lesson, and see their namespace live."""

from __future__ import annotations

from typing import Any

import ipywidgets

from labs import views
from labs.workshop.room import Room

__all__ = ["chooser"]


def chooser(room: Room) -> ipywidgets.Widget:
    """Two menus, learner and lesson, and below them the chosen namespace as `labs.views.cluster` shows it.

    Args:
        room: the workshop.

    Raises:
        LabsError: there is no such workshop.
    """
    places = {place.learner.id: place for place in room.places()}
    who = ipywidgets.Dropdown(
        options=[("choose a learner", ""), *((place.shown, one) for one, place in places.items())],
        description="Learner",
    )
    lesson = ipywidgets.Dropdown(description="Lesson")
    shown = ipywidgets.VBox()

    def offer(change: Any) -> None:
        place = places.get(change["new"])
        lesson.unobserve(look, "value")  # each of the next lines changes it
        lesson.options = place.lessons if place else []
        opened = place.report.get("lesson") if place else None
        if opened in lesson.options:
            lesson.value = opened
        lesson.observe(look, "value")
        look()

    def look(_: Any = None) -> None:
        before, chosen = shown.children, (who.value, lesson.value)
        shown.children = [views.cluster(room.glance(*chosen))] if all(chosen) else []
        for view in before:
            view.close()

    who.observe(offer, "value")
    lesson.observe(look, "value")
    return ipywidgets.VBox([ipywidgets.HBox([who, lesson]), shown])
