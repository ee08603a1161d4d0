"""What `labs doctor` says of this machine."""

from __future__ import annotations

import importlib.util

from labs.engines import doctor
from labs.engines.finding import REMARK


def test_a_machine_without_jupyterhub_is_told_what_a_workshop_needs(monkeypatch):
    have = importlib.util.find_spec
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None if name == "jupyterhub" else have(name))
    said = [finding for finding in doctor.examine() if finding.subject == "labs workshop serve"]
    assert (said[0].level, said[0].todo) == (REMARK, "pip install -e '.[workshop]'")


def test_a_machine_with_jupyterhub_is_not():
    assert not any("JupyterHub" in finding.observed for finding in doctor.examine())
