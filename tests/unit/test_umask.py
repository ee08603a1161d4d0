"""A umask of 077, which some companies set for all: user 1000 of an image still reads what was put into it."""

from __future__ import annotations

import io
import os
import stat
import subprocess
import sys
import tarfile
from pathlib import Path
from types import SimpleNamespace

import docker.utils.build
import kubernetes
import pytest

from labs.curriculum import lessons
from labs.engines.cluster.images import assemble, layers
from labs.engines.cluster.images.archive import ImageSpec, LayerBuilder, write
from labs.engines.runtime.files import make_readable
from labs.session.kernel_environment import set_environment
from labs.session.lab import Lab

CHANGED = ("DOCKER_HOST", "KUBECONFIG", "KUBECACHEDIR", "PATH", "NO_PROXY", "no_proxy")


@pytest.fixture
def private():
    """This process lets nobody else read what it writes."""
    before = os.umask(0o077)
    yield
    os.umask(before)


@pytest.fixture
def opened(private, monkeypatch, tmp_path):
    """A lesson was opened in this process."""
    for name in CHANGED:
        monkeypatch.setenv(name, os.environ.get(name, ""))
    monkeypatch.setattr(kubernetes.config.kube_config, "KUBE_CONFIG_DEFAULT_LOCATION", "")
    engine = SimpleNamespace(docker_host="unix:///nowhere.sock", command_folders=list, local_addresses=[])
    set_environment(engine, tmp_path / "lesson/kubeconfig")


def mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


def modes(archive: bytes | Path | io.IOBase) -> dict[str, int]:
    """Of each file and folder in an archive."""
    if isinstance(archive, Path):
        archive = archive.read_bytes()
    stream = io.BytesIO(archive) if isinstance(archive, bytes) else archive
    with tarfile.open(fileobj=stream) as opened:
        return {info.name: info.mode for info in opened if not info.issym()}


def is_open(modes: dict[str, int]) -> bool:
    return bool(modes) and all(mode & 0o004 for mode in modes.values())


def test_layers_have_modes_of_their_own(private, tmp_path):
    (tmp_path / "file").write_text("text", encoding="utf-8")
    layer = LayerBuilder()
    layer.file("app/program.py", (tmp_path / "file").read_bytes())
    assert modes(layer.to_tar()) == {"app": 0o755, "app/program.py": 0o644}


def test_base_images_have_modes_of_their_own(private, tmp_path):
    base = layers.base_layer([], b"newer")
    web = assemble._web(base, LayerBuilder().to_tar(), "1")
    assert is_open(modes(base))
    assert all(is_open(modes(layer)) for layer in web.layers if modes(layer))
    write(tmp_path / "image.tar", ImageSpec("labs/trial:1", web.layers, web.comments))
    assert is_open(modes(tmp_path / "image.tar"))


def test_what_a_cell_writes_into_a_build_context(opened, tmp_path):
    context = tmp_path / "store"
    context.mkdir()
    (context / "store.py").write_text("pass\n", encoding="utf-8")
    subprocess.run([sys.executable, "-c", f"open({str(context / 'more.py')!r}, 'w').close()"], check=True)
    assert mode(context) == 0o755
    with docker.utils.build.tar(str(context)) as sent:
        assert modes(sent) == {"store.py": 0o644, "more.py": 0o644}


def test_a_lessons_folder_stays_private(opened, tmp_path):
    lab = Lab("94", SimpleNamespace(folder=tmp_path / "state", label="trial"), "lab-94")
    assert mode(lab.folder) == 0o700


@pytest.mark.parametrize(("before", "after"), [(0o022, 0o022), (0o002, 0o002), (0o027, 0o022), (0o077, 0o022)])
def test_a_usual_umask_stays_as_it_is(opened, tmp_path, before, after):
    os.umask(before)
    set_environment(
        SimpleNamespace(docker_host="unix:///nowhere.sock", command_folders=list, local_addresses=[]),
        tmp_path / "kubeconfig",
    )
    assert os.umask(0o022) == after


def test_a_project_that_was_cloned_under_such_a_umask(private, monkeypatch, tmp_path):
    weather = tmp_path / "notebooks/weather"
    weather.mkdir(parents=True)
    (weather / "front.py").write_text("pass\n", encoding="utf-8")
    (weather / "run").touch(mode=0o700)
    assert (mode(weather), mode(weather / "front.py")) == (0o700, 0o600)
    monkeypatch.setattr(lessons, "root", lambda: tmp_path)
    project = Lab("94", SimpleNamespace(folder=tmp_path / "state", label="trial"), "lab-94").project
    with docker.utils.build.tar(str(project)) as sent:
        assert modes(sent) == {"front.py": 0o644, "run": 0o744}
    assert mode(weather) == 0o755


def test_a_project_that_may_not_be_changed_is_left_as_it_is(private, monkeypatch, tmp_path):
    (tmp_path / "file").touch()
    (tmp_path / "link").symlink_to("/nowhere")

    def refuse(*_: object, **__: object) -> None:
        raise PermissionError

    monkeypatch.setattr(Path, "chmod", refuse)
    make_readable(tmp_path)
    assert mode(tmp_path / "file") == 0o600
