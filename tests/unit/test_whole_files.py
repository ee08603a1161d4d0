"""Files of the cache and of a course's folder: whole or not there, one copy of each program, names with spaces."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import pytest

from labs.engines.cluster.images import archive_files, assemble
from labs.engines.cluster.images.archive import LayerBuilder
from labs.engines.host.namespace_machine import NamespaceMachine
from labs.engines.runtime.command import run
from labs.engines.runtime.files import write_at_once
from labs.engines.runtime.processes import Processes
from labs.engines.runtime.state import Record, State
from labs.errors import EngineError


def test_full_disk_leaves_the_old_file(tmp_path, monkeypatch):
    file = tmp_path / "note.json"
    write_at_once(file, "old")

    def full(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(OSError, match="No space"):
        write_at_once(file, "new")
    assert file.read_text() == "old"
    assert list(tmp_path.iterdir()) == [file]


@pytest.fixture
def other_disk(tmp_path, monkeypatch) -> Path:
    """A folder whose files cannot be linked to from elsewhere."""
    folder = tmp_path / "other-disk"
    folder.mkdir()
    link = os.link

    def refuse(source, target):
        if Path(source).parent == folder:
            raise OSError(18, "Invalid cross-device link")
        link(source, target)

    monkeypatch.setattr(os, "link", refuse)
    return folder


def test_names_of_one_program_share_one_copy(tmp_path, other_disk, monkeypatch):
    bundle = other_disk / "bundle"
    bundle.write_bytes(b"program")
    targets = [tmp_path / "etcd", tmp_path / "kube-apiserver"]
    for target in targets:
        archive_files.link_or_copy(bundle, target)
    assert targets[0].samefile(targets[1])
    monkeypatch.setattr(shutil, "copy2", None)
    archive_files.link_or_copy(bundle, targets[0])  # no second copy


def test_new_version_replaces_a_copy(tmp_path, other_disk):
    target = tmp_path / "etcd"
    for content in (b"old", b"newer"):
        (other_disk / content.decode()).write_bytes(content)
        archive_files.link_or_copy(other_disk / content.decode(), target)
        assert target.read_bytes() == content
    assert len([file for file in tmp_path.iterdir() if file.is_file()]) == 2


def test_program_is_linked_where_it_can_be(tmp_path):
    source, target = tmp_path / "source", tmp_path / "target"
    source.write_bytes(b"program")
    archive_files.link_or_copy(source, target)
    assert target.samefile(source)


def test_folders_with_spaces_reach_a_machine(tmp_path):
    binds = [(Path("/a b"), "/var/lib/x y", "ro")]
    state, record = State(tmp_path), Record(name="trial")
    machine = NamespaceMachine(
        "node1", record=record, state=state, processes=Processes(state, record.id), binds=binds, init=Path("/tini")
    )
    read = (
        'tab=$(printf "\\t"); printf "%s\\n" "$MACHINE_BINDS" | while IFS=$tab read -r s t m; do echo "$s|$t|$m"; done'
    )
    assert run(["sh", "-c", read], env=machine._env(tmp_path, {})) == "/a b|/var/lib/x y|ro\n"


@pytest.mark.parametrize("python", ["python3.11", "python3.13"])
def test_image_of_python_has_the_systems(python):
    layer = LayerBuilder()
    for name in ("usr/bin/python3", f"usr/bin/{python}", "usr/share/python3.9"):
        layer.file(name, b"")
    assert assemble._interpreter(layer) == python
    with pytest.raises(EngineError):
        assemble._interpreter(LayerBuilder())
