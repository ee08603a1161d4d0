"""Kinds that a lesson added: its reset does not stumble over one that nobody can ask for."""

from __future__ import annotations

from types import SimpleNamespace

from labs.session import definitions


def kind(served: bool) -> SimpleNamespace:
    names = SimpleNamespace(plural="stations")
    version = SimpleNamespace(name="v1", served=served)
    spec = SimpleNamespace(group="lab-16.weather.example", versions=[version], names=names, scope="Namespaced")
    return SimpleNamespace(spec=spec)


def test_objects_of_a_kind_without_a_served_version_are_left_to_its_removal(monkeypatch):
    asked = []
    monkeypatch.setattr(definitions, "_objects", lambda custom, *where: asked.append(where) or [])
    definitions.release_objects(None, [kind(served=False), kind(served=True)])
    assert asked == [("lab-16.weather.example", "v1", "stations")]
