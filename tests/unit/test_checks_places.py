"""Where else an object of the wanted name is, as checks tell it."""

from __future__ import annotations

from types import SimpleNamespace

import pytest

from labs.checks.readers import namespaces


@pytest.mark.parametrize(
    ("namespace", "found", "told"),
    [
        ("lab-04", ["default"], ["default"]),
        ("lab-04", ["lab-07", "kube-public"], ["kube-public"]),  # another lesson's own of that name is no hint
        ("lab-08-night", ["lab-08", "lab-07"], ["lab-08"]),
        ("lab-08", ["lab-08-night"], ["lab-08-night"]),
        ("room-ada-04", ["room-ada-05"], ["room-ada-05"]),
    ],
)
def test_other_lessons_do_not_count(monkeypatch, namespace, found, told):
    items = [SimpleNamespace(metadata=SimpleNamespace(namespace=place)) for place in found]
    core = SimpleNamespace(list_config_map_for_all_namespaces=lambda **_: SimpleNamespace(items=items))
    monkeypatch.setattr(namespaces, "clients", lambda _: SimpleNamespace(core=core))
    assert namespaces.elsewhere(SimpleNamespace(namespace=namespace), "config_map", "settings") == told
