"""Image archives: the same bytes from the same files, and a format that Docker reads."""

from __future__ import annotations

import hashlib
import io
import json
import tarfile

from labs.engines.images.archive import Image, Layer, write


def layer(order=("b", "a")) -> bytes:
    made = Layer()
    for name in order:
        made.file(f"etc/{name}", name.encode())
    made.link("bin", "usr/bin")
    return made.bytes()


def test_a_layer_does_not_depend_on_the_order_in_which_it_was_filled():
    assert layer(("a", "b")) == layer(("b", "a"))


def test_a_layer_has_the_folders_above_its_files():
    with tarfile.open(fileobj=io.BytesIO(layer())) as archive:
        assert archive.getnames() == ["bin", "etc", "etc/a", "etc/b"]
        assert {info.uid for info in archive} == {0}


def test_what_is_added_last_wins():
    made = Layer()
    made.file("etc/motd", b"old")
    made.file("etc/motd", b"new")
    with tarfile.open(fileobj=io.BytesIO(made.bytes())) as archive:
        assert archive.extractfile("etc/motd").read() == b"new"


def test_an_archive_has_the_digests_that_its_manifest_claims(tmp_path):
    write(Image("trial:1", (layer(),), ("files",), {"Cmd": ["sh"]}), tmp_path / "a.tar")
    write(Image("trial:1", (layer(),), ("files",), {"Cmd": ["sh"]}), tmp_path / "b.tar")
    assert (tmp_path / "a.tar").read_bytes() == (tmp_path / "b.tar").read_bytes()
    with tarfile.open(tmp_path / "a.tar") as archive:
        (entry,) = json.load(archive.extractfile("manifest.json"))
        config = archive.extractfile(entry["Config"]).read()
        content = archive.extractfile(entry["Layers"][0]).read()
    assert entry["RepoTags"] == ["trial:1"]
    assert entry["Config"] == f"{hashlib.sha256(config).hexdigest()}.json"
    assert json.loads(config)["rootfs"]["diff_ids"] == [f"sha256:{hashlib.sha256(content).hexdigest()}"]
