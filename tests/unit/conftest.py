"""Fixtures of the unit tests."""

import platform
import sys
from pathlib import Path

import pytest

from labs.engines.usermode import ready
from tests.unit.sample_lesson import write_lesson


@pytest.fixture
def project(tmp_path, monkeypatch):
    """A project folder with the sample lesson, 94, in it."""
    write_lesson(tmp_path)
    monkeypatch.setenv("LABS_ROOT", str(tmp_path))
    return tmp_path


@pytest.fixture
def kernels(tmp_path, monkeypatch) -> Path:
    """A machine with no kernel and no compiler; gives its cache's folder of kernels."""
    if platform.machine() != "x86_64":
        pytest.skip("a user-mode kernel is x86-64 only")
    for name in ("LABS_KERNEL", "LABS_KERNEL_RELEASE", "LABS_NO_DOWNLOAD"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("LABS_CACHE", str(tmp_path / "cache"))
    monkeypatch.setenv("PATH", str(tmp_path / "bin"))
    monkeypatch.setenv("no_proxy", "127.0.0.1")
    for folder in ("bin", "cache/kernel"):
        (tmp_path / folder).mkdir(parents=True)
    monkeypatch.delitem(sys.modules, ready.WHEEL, raising=False)
    yield tmp_path / "cache/kernel"
    sys.modules.pop(ready.WHEEL, None)
