"""What is built is what the catalog names: refused by its go.mod before, and by what it holds and tells after."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import pytest

from labs.engines.programs import binaries, catalog, go_build, go_modules
from labs.engines.runtime.reporter import Reporter
from labs.errors import EngineError

KUBERNETES = catalog.CatalogItem(
    "kubernetes",
    "1.37.2",
    ("kube-apiserver", "kubelet"),
    go="kube-bundle",
    version_flag="--version",
    go_module="k8s.io/kubernetes",
    go_siblings={r"k8s\.io/[^/]+": "v0.{minor}.{patch}"},
)
GO_MOD = """\
module kube-labs/engines

go 1.26.4

require k8s.io/kubernetes v1.37.2

require (
\tk8s.io/api v0.37.2 // indirect
\tk8s.io/kubelet v0.0.0 // indirect
\tk8s.io/klog/v2 v2.140.0 // indirect
\tk8s.io/utils v0.0.0-20260626114624-be93311217bd // indirect
\tsigs.k8s.io/yaml v1.6.0 // indirect
)

replace k8s.io/api => k8s.io/api v0.37.2

replace (
\tk8s.io/kubelet => k8s.io/kubelet v0.37.2
)
"""


def test_go_mod_of_one_release_has_no_mismatch():
    assert go_modules.mismatches(KUBERNETES, go_modules.pinned(GO_MOD)) == []


@pytest.mark.parametrize(
    ("text", "other", "words"),
    [
        ("kubernetes v1.37.2", "kubernetes v1.37.1", ["k8s.io/kubernetes v1.37.1 instead of v1.37.2"]),
        ("api v0.37.2 //", "api v0.37.1 //", ["k8s.io/api v0.37.1 instead of v0.37.2"]),
        ("k8s.io/kubelet v0.37.2", "k8s.io/kubelet v0.37.1", ["k8s.io/kubelet v0.37.1 instead of v0.37.2"]),
        ("require k8s.io/kubernetes v1.37.2", "", ["no k8s.io/kubernetes, whose version it is"]),
        ("kubernetes v1.37.2", "kubernetes v0.0.0-20260101000000-be93311217bd",
         ["k8s.io/kubernetes v0.0.0-20260101000000-be93311217bd instead of v1.37.2"]),
    ],
)  # fmt: skip
def test_each_kind_of_line_is_compared(text, other, words):
    assert text in GO_MOD
    assert go_modules.mismatches(KUBERNETES, go_modules.pinned(GO_MOD.replace(text, other))) == words


def test_module_without_a_go_mod_of_its_own_counts_as_the_version_it_is():
    docker = catalog.items()["dockerd"]
    assert go_modules.mismatches(docker, [(docker.go_module, f"v{docker.version}+incompatible")]) == []


@pytest.mark.parametrize("name", list(catalog.builds()))
def test_the_courses_go_mods_make_what_the_catalog_names(name):
    go_modules.require_catalog_modules(catalog.builds()[name])


@pytest.fixture
def bundle(tmp_path, monkeypatch) -> catalog.Build:
    """A build with a go.mod of its own, in the place of the catalog's, and a cache without anything."""
    (tmp_path / "go").mkdir()
    (tmp_path / "go/go.mod").write_text(GO_MOD)
    build = catalog.Build("kube-bundle", "./cmd/kube-bundle", "", tmp_path)
    monkeypatch.setattr(catalog, "items", lambda: {"kubernetes": KUBERNETES})
    monkeypatch.setattr(catalog, "builds", lambda: {"kube-bundle": build})
    monkeypatch.setenv("LABS_CACHE", str(tmp_path / "cache"))
    monkeypatch.setenv("LABS_NO_DOWNLOAD", "1")
    monkeypatch.setenv("PATH", "/usr/bin:/bin")
    return build


def script(path: Path, text: str) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(f"#!/bin/sh\n{text}\n")
    path.chmod(0o755)
    return path


def go_that_makes(path: Path, *, linked: str = "v1.37.2", says: str = "Kubernetes v1.37.2") -> Path:
    """A Go which makes a program that holds one version, and tells one."""
    return script(
        path,
        f"""\
case "$1" in
  list) echo fmt ;;
  build)
    while [ "$1" != -o ]; do shift; done
    printf '#!/bin/sh\\n[ "${{0##*/}}" = kube-apiserver ] && echo {says}\\n' > "$2" ;;
  version)
    printf '%s: go1.26.8\\n\\tpath\\tkube-labs/engines\\n\\tmod\\tkube-labs/engines\\t(devel)\\t\\n' "$3"
    printf '\\tdep\\tk8s.io/kubernetes\\t{linked}\\th1:x=\\n'
    printf '\\tdep\\tk8s.io/kubelet\\tv0.0.0\\n\\t=>\\tk8s.io/kubelet\\tv0.37.2\\th1:x=\\n' ;;
esac""",
    )


def make(monkeypatch, go: Path) -> Path:
    monkeypatch.setattr(go_build, "ensure_go", lambda step: go)
    monkeypatch.setattr(go_build, "NEEDED_BYTES", 0)
    return binaries.ensure(["kube-apiserver"], Reporter(quiet=True).begin("programs"))["kube-apiserver"]


def cached(tmp_path: Path) -> list[str]:
    return [path.name for path in (tmp_path / "cache/bin").rglob("*") if path.is_file() and path.suffix != ".lock"]


def test_program_of_the_catalogs_version_is_cached(bundle, tmp_path, monkeypatch):
    assert make(monkeypatch, go_that_makes(tmp_path / "go-program")).exists()
    assert "kube-bundle-1.37.2" in cached(tmp_path)


def test_go_mod_of_another_version_is_refused_before_anything_is_built(bundle, tmp_path, monkeypatch):
    bundle.go_mod.write_text(GO_MOD.replace("37.2", "37.1"))
    with pytest.raises(EngineError, match=r"v1\.37\.1 instead of v1\.37\.2, .* and 1 more, and the catalog") as no:
        make(monkeypatch, script(tmp_path / "go-program", "exit 9"))
    assert "`make version NAME=kubernetes VERSION=1.37.2`" in no.value.todo
    assert not cached(tmp_path)


@pytest.mark.parametrize(
    ("made", "words"),
    [
        ({"linked": "v1.37.1"}, "kube-bundle was built with k8s.io/kubernetes v1.37.1 instead of v1.37.2."),
        ({"says": "Kubernetes v1.37.1"}, "kube-apiserver was built and does not tell version 1.37.2."),
        ({"says": "Kubernetes v1.37.20"}, "kube-apiserver was built and does not tell version 1.37.2."),
    ],
)
def test_program_of_another_version_is_not_kept(bundle, tmp_path, monkeypatch, made, words):
    with pytest.raises(EngineError) as no:
        make(monkeypatch, go_that_makes(tmp_path / "go-program", **made))
    assert no.value.what == words
    assert not cached(tmp_path)


def test_program_that_does_not_run_is_not_kept(bundle, tmp_path, monkeypatch):
    go = go_that_makes(tmp_path / "go-program")
    script(go, go.read_text().replace("echo Kubernetes", "exit 3; echo"))
    with pytest.raises(EngineError, match="kube-bundle was built and does not run here"):
        make(monkeypatch, go)
    assert not cached(tmp_path)


def test_another_patch_version_on_path_will_do(tmp_path):
    program = script(tmp_path / "kube-apiserver", "echo Kubernetes v1.37.1")
    assert go_modules.reports(program, KUBERNETES, minor=True)
    assert not go_modules.reports(program, KUBERNETES)
    other = dataclasses.replace(KUBERNETES, version="1.3.7")
    assert not go_modules.reports(program, other, minor=True)
