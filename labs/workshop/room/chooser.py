"""Look over a learner's shoulder: choose one and a lesson, and see their namespace live."""

from __future__ import annotations

from typing import Any

import ipywidgets

from labs import views
from labs.workshop.room.room import Room

__all__ = ["chooser"]


def chooser(room: Room) -> ipywidgets.Widget:
    """Two menus, learner and lesson, and below them the chosen namespace as `labs.views.cluster` shows it.

    Args:
        room: the workshop.

    Raises:
        LabsError: there is no such workshop.
    """
    members = {member.learner.id: member for member in room.members()}
    who = ipywidgets.Dropdown(
        options=[("choose a learner", ""), *((member.shown, one) for one, member in members.items())],
        description="Learner",
    )
    lesson = ipywidgets.Dropdown(description="Lesson")
    shown = ipywidgets.VBox()

    def offer(change: Any) -> None:
        member = members.get(change["new"])
        lesson.unobserve(look, "value")  # each of the next lines changes it
        lesson.options = member.lessons if member else []
        opened = member.report.get("lesson") if member else None
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
