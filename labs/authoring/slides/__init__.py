"""A lesson's source as slides: one HTML file that asks no server for anything."""

from labs.authoring.slides.page import deck

__all__ = ["deck"]
