"""Definition files, as the real kubectl reads them; the API server only says which kinds there are."""

from __future__ import annotations

import json
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import SimpleNamespace

import pytest

from labs.checks.readers.manifests import declared_in
from labs.errors import CouldNotCheck, NotYet

KINDS = {"ConfigMap": ("v1", "configmaps"), "Deployment": ("apps/v1", "deployments")}
CONFIG_MAP = "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: settings}\n"


def resources(group: str) -> dict:
    found = [
        {"name": plural, "singularName": kind.lower(), "namespaced": True, "kind": kind, "verbs": ["create", "get"]}
        for kind, (version, plural) in KINDS.items()
        if version == group
    ]
    return {"kind": "APIResourceList", "groupVersion": group, "resources": found}


APPS = {"groupVersion": "apps/v1", "version": "v1"}
GROUPS = [{"name": "apps", "versions": [APPS], "preferredVersion": APPS}]
ANSWERS = {
    "/api": {"kind": "APIVersions", "versions": ["v1"]},
    "/apis": {"kind": "APIGroupList", "apiVersion": "v1", "groups": GROUPS},
    "/api/v1": resources("v1"),
    "/apis/apps/v1": resources("apps/v1"),
}


class Discovery(BaseHTTPRequestHandler):
    def do_GET(self):
        found = ANSWERS.get(self.path.partition("?")[0])
        body = json.dumps(found or {"kind": "Status", "apiVersion": "v1", "status": "Failure", "code": 404}).encode()
        self.send_response(200 if found else 404)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_):
        pass


@pytest.fixture(scope="module")
def server():
    with ThreadingHTTPServer(("127.0.0.1", 0), Discovery) as listening:
        threading.Thread(target=listening.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{listening.server_port}"
        listening.shutdown()


def lab_at(folder, address):
    config = {
        "apiVersion": "v1",
        "kind": "Config",
        "clusters": [{"name": "c", "cluster": {"server": address}}],
        "users": [{"name": "u", "user": {}}],
        "contexts": [{"name": "c", "context": {"cluster": "c", "user": "u", "namespace": "lab-01"}}],
        "current-context": "c",
    }
    (folder / "kubeconfig").write_text(json.dumps(config), encoding="utf-8")
    there = SimpleNamespace(core=SimpleNamespace(read_namespace=lambda _: None))
    return SimpleNamespace(kubeconfig=folder / "kubeconfig", namespace="lab-01", clients=there)


@pytest.fixture
def read(server, tmp_path):
    """``read(text)``: what a file with this text, or these bytes, declares."""

    def read(text: str | bytes, name: str = "store.yaml"):
        (tmp_path / name).write_bytes(text if isinstance(text, bytes) else text.encode())
        return declared_in(lab_at(tmp_path, server), tmp_path / name)

    return read


def test_what_pyyaml_reads_otherwise(read):
    found = read(f"{CONFIG_MAP}data: {{OPEN: 12:30, SIGN: =, COUNT: 5}}\n")
    assert found["ConfigMap settings"]["data"] == {"OPEN": "12:30", "SIGN": "=", "COUNT": 5}


def test_a_list_and_several_documents(read):
    listed = "apiVersion: v1\nkind: List\nitems:\n- {apiVersion: v1, kind: ConfigMap, metadata: {name: one}}\n"
    listed += "- {apiVersion: apps/v1, kind: Deployment, metadata: {name: two, namespace: default}}\n"
    found = read(f"{listed}---\n{CONFIG_MAP}---\n# nothing\n")
    assert list(found) == ["ConfigMap one", "Deployment two", "ConfigMap settings"]
    places = [item["metadata"]["namespace"] for item in found.values()]
    assert places == ["lab-01", "default", "lab-01"]


def test_json_with_tabs(read):
    text = json.dumps({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "settings"}}, indent="\t")
    assert list(read(text)) == ["ConfigMap settings"]


def test_a_comment_in_another_encoding(read):
    assert list(read("# 한국어\n".encode("cp949") + CONFIG_MAP.encode())) == ["ConfigMap settings"]


def test_a_file_without_objects(read):
    assert read("# nothing\n---\n") == {}


@pytest.mark.parametrize(
    ("text", "expected", "observed"),
    [
        (f"{CONFIG_MAP}---\n{CONFIG_MAP}data:\n\tUNIT: celsius\n", "YAML in store.yaml", r"'\\t' that.*\(line 9\)"),
        ("hello\n", "objects in store.yaml", "hello"),
        ("- a\n- b\n", "objects in store.yaml", "a.*b"),
        ("apiVersion: v1\nkind: ConfigMap\nmetadata: hello\n", "objects in store.yaml", "hello"),
        ("apiVersion: v1\nkind: ConfigMap\nmetadata: {}\n", "objects in store.yaml", "ConfigMap"),
        ("apiVersion: v1\nkind: Deployment\nmetadata: {name: a}\n", "the API server takes", "no matches for kind"),
        ("{a: =, b: [\n", "YAML in store.yaml", "line"),
    ],
)
def test_what_kubectl_does_not_understand(read, text, expected, observed):
    with pytest.raises(NotYet, match=observed) as refused:
        read(text)
    assert expected in refused.value.expected
    assert refused.value.try_


def test_no_file(server, tmp_path):
    with pytest.raises(NotYet, match=r"a file store\.yaml in `folder`; observed no file store\.yaml"):
        declared_in(lab_at(tmp_path, server), tmp_path / "store.yaml")


def test_no_api_server_is_no_wrong_answer(tmp_path):
    (tmp_path / "store.yaml").write_text(CONFIG_MAP)
    with pytest.raises(CouldNotCheck, match="did not answer"):
        declared_in(lab_at(tmp_path, "http://127.0.0.1:1"), tmp_path / "store.yaml")
