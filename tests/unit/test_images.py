"""Image archives: the same bytes from the same files, a format that Docker reads, an image under all its names."""

from __future__ import annotations

import hashlib
import io
import json
import tarfile
from pathlib import Path
from types import SimpleNamespace

import pytest

from labs.engines.attached import engine as attached
from labs.engines.cluster.docker_engine import DockerEngine
from labs.engines.cluster.images import assemble
from labs.engines.cluster.images.archive import ImageSpec, LayerBuilder, read_layers, write
from labs.engines.cluster.images.layers import NEWER_PLACE
from labs.engines.cluster.node import CTR, IMPORT, Node
from labs.engines.runtime.reporter import Reporter
from labs.engines.runtime.state import State

PYTHON, ALIAS = "labs/python:3", "labs/python:3.11"


def layer(order=("b", "a")) -> bytes:
    made = LayerBuilder()
    for name in order:
        made.file(f"etc/{name}", name.encode())
    made.link("bin", "usr/bin")
    return made.to_tar()


def test_a_layer_does_not_depend_on_the_order_in_which_it_was_filled():
    assert layer(("a", "b")) == layer(("b", "a"))


def test_a_layer_has_the_folders_above_its_files():
    with tarfile.open(fileobj=io.BytesIO(layer())) as archive:
        assert archive.getnames() == ["bin", "etc", "etc/a", "etc/b"]
        assert {info.uid for info in archive} == {0}


def test_what_is_added_last_wins():
    made = LayerBuilder()
    made.file("etc/motd", b"old")
    made.file("etc/motd", b"new")
    with tarfile.open(fileobj=io.BytesIO(made.to_tar())) as archive:
        assert archive.extractfile("etc/motd").read() == b"new"


def test_an_archive_has_the_digests_that_its_manifest_claims(tmp_path):
    for name in ("a.tar", "b.tar"):
        write(tmp_path / name, ImageSpec("trial:1", (layer(),), ("files",), {"Cmd": ["sh"]}))
    assert (tmp_path / "a.tar").read_bytes() == (tmp_path / "b.tar").read_bytes()
    with tarfile.open(tmp_path / "a.tar") as archive:
        (entry,) = json.load(archive.extractfile("manifest.json"))
        config = archive.extractfile(entry["Config"]).read()
        content = archive.extractfile(entry["Layers"][0]).read()
    assert entry["RepoTags"] == ["trial:1"]
    assert entry["Config"] == f"{hashlib.sha256(config).hexdigest()}.json"
    assert json.loads(config)["rootfs"]["diff_ids"] == [f"sha256:{hashlib.sha256(content).hexdigest()}"]


def tags_in(archive: Path) -> list[str]:
    """The names that an archive gives its image."""
    with tarfile.open(archive) as opened:
        (entry,) = json.load(opened.extractfile("manifest.json"))
    return entry["RepoTags"]


def test_an_alias_changes_only_the_names(tmp_path):
    one, two = tmp_path / "a.tar", tmp_path / "b.tar"
    write(one, ImageSpec("trial:1", (layer(),), ("files",)))
    write(two, ImageSpec("trial:1", (layer(),), ("files",), aliases=("old:1",)))
    assert (tags_in(one), tags_in(two)) == (["trial:1"], ["trial:1", "old:1"])
    with tarfile.open(one) as first, tarfile.open(two) as second:  # the files' names are the digests
        assert first.getnames() == second.getnames()


def test_images_share_their_layers_and_leave_out_what_another_archive_has(tmp_path):
    below, above = layer(("a",)), layer(("b",))
    images = [ImageSpec(f"trial:{number}", (below, above), ("below", "above")) for number in (1, 2)]
    write(tmp_path / "all.tar", *images)
    write(tmp_path / "rest.tar", *images, without=[below])
    with tarfile.open(tmp_path / "all.tar") as whole, tarfile.open(tmp_path / "rest.tar") as rest:
        layers = [name for name in whole.getnames() if name.endswith("/layer.tar")]
        assert len(layers) == 2
        assert set(whole.getnames()) - set(rest.getnames()) == {sha(below), f"{sha(below)}/layer.tar"}
        tags = [entry["RepoTags"] for entry in json.load(rest.extractfile("manifest.json"))]
    assert tags == [["trial:1"], ["trial:2"]]
    assert read_layers(tmp_path / "all.tar") == (below, above)


def sha(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


def test_a_newer_busybox_serves_for_what_is_broken_in_the_systems_own(base):
    with tarfile.open(fileobj=io.BytesIO(read_layers(base["labs/shell:1"])[0])) as opened:
        assert opened.extractfile(NEWER_PLACE).read() == b"newer"
        assert [opened.getmember(f"usr/bin/{name}").linkname for name in ("wget", "sh")] == [
            f"/{NEWER_PLACE}",
            "busybox",
        ]
        assert opened.getmember("usr/bin/printenv").mode == 0o755  # whatever umask this was cloned with


def python_layer(below, debs) -> LayerBuilder:
    made = LayerBuilder()
    made.file("usr/bin/python3.13", b"")
    return made


@pytest.fixture
def base(tmp_path, monkeypatch) -> dict[str, Path]:
    """The base images, made of no packages but a Python."""
    monkeypatch.setenv("LABS_CACHE", str(tmp_path / "cache"))
    monkeypatch.setattr(assemble.debian_packages, "fetch_lists", lambda purpose: None)
    monkeypatch.setattr(assemble.debian_packages, "download", lambda names, whole: [])
    monkeypatch.setattr(assemble, "layer_above", python_layer)
    monkeypatch.setattr(assemble.busybox, "newer", lambda: b"newer")
    return assemble.base_images(Reporter(quiet=True).begin("base images"))


def test_base_image_of_python_has_its_former_name_too(base):
    assert tags_in(base[PYTHON]) == [PYTHON, ALIAS]
    assert base[ALIAS] == base[PYTHON]


def test_base_images_have_all_their_names_in_their_archives(base, monkeypatch):
    assert set(base) == set(assemble.BASE) == {tag for archive in base.values() for tag in tags_in(archive)}
    monkeypatch.delattr(assemble.debian_packages, "download")  # the second time they are in the cache
    assert assemble.base_images(Reporter(quiet=True).begin("base images")) == base


class Docker:
    """A Docker that has the images which were loaded."""

    def __init__(self):
        self.images, self.have, self.loaded = self, set(), []

    def list(self):
        return [SimpleNamespace(tags=sorted(self.have))]

    def close(self):
        pass

    def load(self, file):
        self.loaded.append(tags_in(Path(file.name)))
        self.have.update(self.loaded[-1])


def own_docker(docker, archives, tmp_path, monkeypatch):
    state = State(tmp_path / "course")
    state.make_folder("docker")
    monkeypatch.setattr(DockerEngine, "client", lambda self: docker)
    machine = SimpleNamespace(archive_path_inside=lambda archive: None)
    return lambda: DockerEngine(machine, state, tools=None, dns="").load(archives)


def attached_docker(docker, archives, tmp_path, monkeypatch):
    monkeypatch.setattr(attached, "connect_docker", lambda host: docker)
    engine = SimpleNamespace(docker_host="")
    return lambda: attached.AttachedEngine._load_docker(engine, Reporter(quiet=True).begin("base images in Docker"))


@pytest.mark.parametrize("loading", [own_docker, attached_docker])
def test_docker_gets_each_archive_once_and_again_when_a_name_is_gone(loading, base, tmp_path, monkeypatch):
    docker = Docker()
    load = loading(docker, base, tmp_path, monkeypatch)
    load()
    assert docker.have == set(assemble.BASE)
    assert len(docker.loaded) == len(set(base.values()))
    docker.loaded.clear()
    load()
    assert docker.loaded == []
    docker.have.remove(ALIAS)
    load()
    assert docker.loaded == [[PYTHON, ALIAS]]


def test_the_registry_is_told_of_an_archive_once_and_keeps_no_older_one(tmp_path):
    state = State(tmp_path / "course")
    state.make_folder("docker/bin")
    machine = SimpleNamespace(archive_path_inside=lambda archive: None)
    docker, archives = DockerEngine(machine, state, tools=None, dns=""), []
    for name in ("stand-ins-1.tar", "stand-ins-2.tar", "labs-shell-1.tar"):
        archives.append(tmp_path / name)
        archives[-1].write_text(name, encoding="utf-8")
    first, second, below = archives
    pointer = state.folder / "docker/bin/stand-ins"
    docker.offer([first, below])
    written = pointer.stat().st_mtime_ns
    docker.offer([first, below])
    assert pointer.stat().st_mtime_ns == written
    docker.offer([second, below])
    assert pointer.read_text().split() == [f"/opt/kube-labs-bin/{each.name}" for each in (second, below)]
    assert {file.name for file in pointer.parent.glob("*.tar")} == {second.name, below.name}


def test_node_gets_each_archive_once_and_again_when_a_name_is_gone(base, tmp_path):
    have, imported = set(), []

    def run(argv, **options):
        if argv[: len(CTR) + 2] == [*CTR, "images", "list"]:
            return "\n".join(f"docker.io/{tag}" for tag in have)
        assert argv[:-1] == [*IMPORT]
        imported.append(tags_in(argv[-1]))
        have.update(imported[-1])
        return ""

    machine = SimpleNamespace(run=run, archive_path_inside=lambda archive: archive)
    node = Node(1, machine, State(tmp_path / "course"), network=None, tools=SimpleNamespace(env={}))
    node.state.make_folder("nodes/node1")
    node.import_images(base)
    assert have == set(assemble.BASE)
    assert len(imported) == len(set(base.values()))
    imported.clear()
    node.import_images(base)
    assert imported == []
    have.remove(ALIAS)
    node.import_images(base)
    assert imported == [[PYTHON, ALIAS]]
