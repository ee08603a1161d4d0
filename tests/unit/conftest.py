"""Fixtures of the unit tests."""

import os
import platform
import sys
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

from labs.engines.usermode import prebuilt_kernel
from tests.unit.sample_lesson import write_lesson

# how fast examples are made tells of the machine's load, not of the code
settings.register_profile("busy", suppress_health_check=[HealthCheck.too_slow], deadline=None)
settings.load_profile("busy")


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
    monkeypatch.delitem(sys.modules, prebuilt_kernel.WHEEL, raising=False)
    yield tmp_path / "cache/kernel"
    sys.modules.pop(prebuilt_kernel.WHEEL, None)


@pytest.fixture(autouse=True)
def _process_settings():
    """Whatever a test does to the environment and the umask of this process is undone."""
    environment, umask = dict(os.environ), os.umask(0o022)
    os.umask(umask)
    yield
    os.umask(umask)
    for name in {*os.environ} - {*environment}:
        del os.environ[name]
    os.environ.update(environment)
