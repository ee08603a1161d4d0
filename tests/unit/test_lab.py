"""A learner's session, as far as it goes without an engine; the rest is in tests/engines/test_lab.py."""

from __future__ import annotations

import base64
import os
import subprocess
import sys
from dataclasses import dataclass, field
from pathlib import Path

import kubernetes.config.kube_config
import nbformat
import pytest
import yaml
from IPython.core.interactiveshell import InteractiveShell
from nbclient import NotebookClient
from nbformat.v4 import new_code_cell, new_notebook

from labs import checks
from labs.checks import registry
from labs.engines.runtime.image_reference import with_tag
from labs.errors import CouldNotCheck, LabsError, NotRunning, NotYet
from labs.progress import store
from labs.session import lab, opening
from labs.session.kernel_environment import set_environment, write_kubeconfig

KUBECONFIG = {
    "apiVersion": "v1",
    "kind": "Config",
    "current-context": "other",
    "contexts": [
        {"name": "other", "context": {"cluster": "a", "user": "a", "namespace": "kept"}},
        {"name": "course", "context": {"cluster": "b", "user": "b"}},
    ],
    "clusters": [{"name": "b", "cluster": {"server": "https://127.0.0.1:1"}}],
    "users": [{"name": "b", "user": {}}],
}


@dataclass
class Engine:
    """What the lab reads of an engine."""

    folder: Path
    kubeconfig: Path
    name: str = "default"
    kind: str = "host"
    label: str = "default"
    docker_host: str = "unix:///nowhere/docker.sock"
    has_docker: bool = True
    seat: None = None
    context: str = "course"
    nodes: list[str] = field(default_factory=lambda: ["node1", "node2"])
    local_addresses: list[str] = field(default_factory=list)
    loaded: list[str] = field(default_factory=list)

    def command_folders(self):
        return []

    def local_ports(self):
        return None

    def load_image(self, reference):
        self.loaded.append(reference)
        return reference

    def status(self):
        return []


@pytest.fixture
def engine(tmp_path):
    kubeconfig = tmp_path / "kubeconfig"
    kubeconfig.write_text(yaml.safe_dump(KUBECONFIG))
    return Engine(tmp_path / "state", kubeconfig)


@pytest.fixture
def session(engine, project, monkeypatch, tmp_path):
    """A lab on no engine, with the sample lesson."""
    monkeypatch.setenv("LABS_PROGRESS", str(tmp_path / "progress.json"))
    return lab.Lab("94", engine, "lab-94", uses_kubernetes=False)


@pytest.fixture
def environment(monkeypatch):
    """Whatever the test does to the environment is undone."""
    for name in ("DOCKER_HOST", "KUBECONFIG", "KUBECACHEDIR", "PATH", "NO_PROXY", "no_proxy"):
        monkeypatch.setenv(name, os.environ.get(name, ""))
    module = kubernetes.config.kube_config
    monkeypatch.setattr(module, "KUBE_CONFIG_DEFAULT_LOCATION", module.KUBE_CONFIG_DEFAULT_LOCATION)


def test_a_reset_to_an_exercise_goes_on_in_the_namespace_that_the_lab_was_opened_with(
    engine, project, environment, monkeypatch
):
    engine.has_docker = False
    monkeypatch.setattr(opening.engines, "current", lambda: engine)
    shell = InteractiveShell.instance()
    try:
        for own in ("mine", None):
            opening.open_lab("94", namespace=own, kubernetes=False, quiet=True).reset(to="ex-94-1")
            assert shell.user_ns["lab"].namespace == (own or "lab-94")
        assert opening.open_lab("94", kubernetes=False, quiet=True).namespace == "lab-94"
    finally:
        InteractiveShell.clear_instance()


def test_importing_the_package_imports_no_client():
    clients = ("docker", "kubernetes", "IPython")
    code = f"import sys, labs; print(labs.__version__, *[name for name in {clients} if name in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.split() == [__import__("labs").__version__]


def test_unknown_names_of_the_package():
    with pytest.raises(ImportError):
        from labs import nothing  # noqa: F401


@pytest.mark.parametrize("lesson", ["4", "004", "", "lab", "ex-04-1", "٠٤"])
def test_malformed_lessons(lesson):
    with pytest.raises(LabsError, match="is no lesson"):
        opening.open_lab(lesson)


def test_no_course(tmp_path, monkeypatch, environment):
    monkeypatch.setenv("LABS_STATE", str(tmp_path))
    monkeypatch.setenv("LABS_NAME", "none")
    with pytest.raises(NotRunning, match="labs up"):
        opening.open_lab("04")


def test_labels_tell_course_and_lesson(session):
    assert session.labels == {"labs.course": "default", "labs.lesson": "94"}
    assert repr(session) == "Lab('94', course='default', namespace='lab-94')"
    assert session.url(8020) == "http://localhost:8020"


def test_kubeconfig_is_a_private_copy(engine, tmp_path):
    before = engine.kubeconfig.read_bytes()
    copy = tmp_path / "lessons" / "94" / "kubeconfig"
    for _ in range(2):
        write_kubeconfig(engine, copy, "lab-94")
    found = yaml.safe_load(copy.read_text())
    assert found["current-context"] == "course"
    assert [c["context"].get("namespace") for c in found["contexts"]] == ["kept", "lab-94"]
    assert copy.stat().st_mode & 0o777 == 0o600
    assert engine.kubeconfig.read_bytes() == before
    assert [path.name for path in copy.parent.iterdir()] == ["kubeconfig"]


def test_keys_lie_beside_the_kubeconfig_and_no_client_copies_them(engine, tmp_path, monkeypatch):
    """The Python client copies keys that are in a kubeconfig to the folder for temporary files, and a killed kernel
    leaves them there."""
    known = yaml.safe_load(engine.kubeconfig.read_text())
    data = base64.b64encode(b"a key").decode()
    known["clusters"] = [
        {"name": "one", "cluster": {"server": "https://127.0.0.1:1", "certificate-authority-data": data}}
    ]
    known["users"] = [{"name": "me", "user": {"client-certificate-data": data, "client-key-data": data}}]
    known["contexts"][1]["context"] |= {"cluster": "one", "user": "me"}
    engine.kubeconfig.write_text(yaml.safe_dump(known))
    temporary = tmp_path / "tmp"
    temporary.mkdir()
    monkeypatch.setattr("tempfile.tempdir", str(temporary))
    for _ in range(2):
        write_kubeconfig(engine, tmp_path / "copy/kubeconfig", "lab-94")
    kubernetes.config.new_client_from_config(config_file=str(tmp_path / "copy/kubeconfig"))
    files = list((tmp_path / "copy/keys").iterdir())
    assert [(file.read_bytes(), file.stat().st_mode & 0o777) for file in files] == [(b"a key", 0o600)] * 3
    assert list(temporary.iterdir()) == []


def test_kubeconfig_without_a_namespace(engine, tmp_path):
    write_kubeconfig(engine, tmp_path / "copy", None)
    assert "namespace" not in yaml.safe_load((tmp_path / "copy").read_text())["contexts"][1]["context"]


def test_kubeconfig_keeps_its_namespace(session, engine):
    """Lesson 00 opens with a cluster at last; a terminal, or its first cell again, opens it without."""
    lab.Lab("94", engine, "lab-94")._refresh_kubeconfig()
    for _ in range(2):
        session._refresh_kubeconfig()
        context = yaml.safe_load(session.kubeconfig.read_text())["contexts"][1]["context"]
        assert context["namespace"] == "lab-94"
        session = lab.Lab("94", engine, "lab-94", uses_kubernetes=False)


@pytest.mark.parametrize("damaged", ["", "[]", "a: b: c", "contexts: [{name: course}]", "contexts: []"])
def test_kubeconfig_that_is_damaged_is_written_anew(session, damaged):
    session.kubeconfig.parent.mkdir(parents=True)
    session.kubeconfig.write_text(damaged)
    session._refresh_kubeconfig()
    assert "namespace" not in yaml.safe_load(session.kubeconfig.read_text())["contexts"][1]["context"]


def test_environment_means_the_course(engine, environment, monkeypatch, tmp_path):
    monkeypatch.setenv("DOCKER_TLS_VERIFY", "1")
    monkeypatch.setenv("PATH", "/usr/bin")
    monkeypatch.setenv("NO_PROXY", "example.org")
    write_kubeconfig(engine, tmp_path / "copy", "lab-94")
    for _ in range(2):
        set_environment(engine, tmp_path / "copy")
    assert os.environ["DOCKER_HOST"] == engine.docker_host
    assert os.environ["KUBECACHEDIR"] == str(tmp_path / "kubectl-cache")  # kubectl's own would be in the user's ~/.kube
    assert "DOCKER_TLS_VERIFY" not in os.environ
    assert os.environ["PATH"].split(os.pathsep) == [str(Path(sys.prefix) / "bin"), "/usr/bin"]
    assert os.environ["NO_PROXY"] == "example.org,localhost,127.0.0.1,::1"
    kubernetes.config.load_kube_config()  # reads the course's, though the client was imported long before
    _, active = kubernetes.config.list_kube_config_contexts()
    assert active == {"name": "course", "context": {"cluster": "b", "user": "b", "namespace": "lab-94"}}


def test_clients_follow_a_course_that_was_set_up_anew(session, engine):
    before = session.clients
    assert session.clients is before
    changed = {**KUBECONFIG, "clusters": [{"name": "b", "cluster": {"server": "https://127.0.0.1:2"}}]}
    engine.kubeconfig.write_text(yaml.safe_dump(changed))
    os.utime(engine.kubeconfig, ns=(1, 1))
    assert session.clients is not before
    assert session.clients.api.configuration.host == "https://127.0.0.1:2"


def test_a_remote_docker_keeps_its_certificates(engine, environment, monkeypatch, tmp_path):
    monkeypatch.setenv("DOCKER_CERT_PATH", "/certs")
    engine.docker_host = "tcp://docker.example:2376"
    set_environment(engine, tmp_path / "kubeconfig")
    assert os.environ["DOCKER_CERT_PATH"] == "/certs"


def test_hints_come_one_after_the_other(session, capsys):
    for _ in range(4):
        session.hint("ex-94-1")
    assert capsys.readouterr().out.splitlines() == [
        "Hint 1 of 3: It is a number.",
        "(Run the cell again for more.)",
        "Hint 2 of 3: It is more than two.",
        "(Run the cell again for more.)",
        *["Hint 3 of 3: It is less than four.", '(`lab.solution("ex-94-1")` shows the solution.)'] * 2,
    ]


def test_solution(session, capsys):
    session.solution("ex-94-1")
    assert capsys.readouterr().out == "values = [1, 2]\nthing = sum(values)\nthing\n"


@pytest.mark.parametrize("method", ["hint", "solution", "check"])
def test_unknown_exercises(session, method):
    with pytest.raises(LabsError, match="ex-94-7"):
        getattr(session, method)("ex-94-7")


@pytest.fixture
def outcome(monkeypatch):
    """Registers ex-94-1; what is put into the list is raised by it."""
    monkeypatch.setattr(registry, "_registry", {})
    errors = []

    @checks.check("ex-94-1", title="A thing", covers=("T1",), why="Things are.")
    def check_thing_made(lab):
        if errors:
            raise errors[0]

    return errors


def test_a_passed_check_is_shown_and_remembered(session, outcome, capsys):
    session.check("ex-94-1")
    assert capsys.readouterr().out == "✔ ex-94-1 passed: A thing\n  why       Things are.\n"
    assert list(store.load()) == ["ex-94-1"]


@pytest.mark.parametrize("error", [NotYet("a", "b", "c"), CouldNotCheck("a", "b")], ids=lambda e: type(e).__name__)
def test_other_verdicts_are_shown_and_raised(session, outcome, capsys, error):
    outcome.append(error)
    with pytest.raises(type(error)):
        session.check("ex-94-1")
    assert "ex-94-1" in capsys.readouterr().out
    assert store.load() == {}


def test_the_cause_of_a_repair_is_told_when_it_is_checked_again(session, monkeypatch, capsys):
    """Each new cause again: else pressing Check would replace all looking."""
    monkeypatch.setattr(registry, "_registry", {})
    causes = iter(["a pod", "a pod", "a Service", "a pod", "a pod"])

    @checks.check("ex-94-1", title="The sensor, repaired", covers=("T1",), symptom="no pod sends")
    def check_sensor_repaired(lab):
        raise NotYet(next(causes), "none", "Look.")

    told = []
    for _ in range(5):
        with pytest.raises(NotYet) as error:
            session.check("ex-94-1")
        out = capsys.readouterr().out
        told.append("Look for the cause yourself" not in out)
        assert told[-1] != ("no pod sends" in out)
        assert ("none" in str(error.value)) == told[-1]
    assert told == [False, True, False, False, True]
    assert error.value.expected == "a pod"


def test_progress_that_cannot_be_saved_does_not_spoil_a_pass(session, outcome, capsys):
    store.path().write_text("damaged")
    session.check("ex-94-1")
    assert "Your progress could not be saved" in capsys.readouterr().out


def test_same(session, capsys):
    found = {"kind": "ConfigMap", "metadata": {"name": "a"}, "data": {"x": "1"}}
    session.same(found, yaml.safe_dump(found).splitlines(), yaml.safe_dump(found))
    assert capsys.readouterr().out.splitlines() == [
        "Python = kubectl = YAML: same (3 fields)",
        "made by  kind       name  fields",
        "Python   ConfigMap  a     3",
        "kubectl  ConfigMap  a     3",
        "YAML     ConfigMap  a     3",
    ]
    session.same(found, Helm=found)
    assert capsys.readouterr().out.startswith("object 1 = Helm: same")
    with pytest.raises(LabsError, match=r"Python and YAML differ in 1 field: data\.x"):
        session.same(Python=found, YAML={**found, "data": {"x": "2"}})


def test_load_image(session, engine, capsys):
    session.load_image("mine:1")
    assert engine.loaded == ["mine:1"]
    assert "node1, node2" in (said := capsys.readouterr().out)
    assert said.splitlines()[1:] == ["Done: pods can use it."]


def test_load_image_without_a_tag(session, engine, capsys):
    assert session.load_image("mine") == "mine:latest"
    assert engine.loaded == ["mine:latest"]
    assert capsys.readouterr().out.splitlines()[1:] == [
        "Done: pods can use it as mine:latest.",
        "Kubernetes pulls `latest` each time, unless the container says `imagePullPolicy: IfNotPresent`.",
    ]


@pytest.mark.parametrize(
    ("reference", "complete"),
    [
        ("web", "web:latest"),
        ("web:1", "web:1"),
        ("team/web", "team/web:latest"),
        ("localhost:5000/web", "localhost:5000/web:latest"),
        ("localhost:5000/web:1", "localhost:5000/web:1"),
        ("web@sha256:0123", "web@sha256:0123"),
        ("sha256:0123", "sha256:0123"),
    ],
)
def test_names_of_images(reference, complete):
    assert with_tag(reference) == complete


def run_cells(*sources: str, **env: str) -> nbformat.NotebookNode:
    """Run cells in a real kernel, whatever they end with."""
    notebook = new_notebook(cells=[new_code_cell(source) for source in sources])
    NotebookClient(notebook, timeout=60, kernel_name="python3", allow_errors=True).execute(env={**os.environ, **env})
    return notebook


def errors(notebook):
    return ["\n".join(o.traceback) for cell in notebook.cells for o in cell.outputs if o.output_type == "error"]


def text(cell):
    return "".join(o.get("text", "") for o in cell.outputs)


START = "from labs.display import *; install_error_messages(); quiet_logs()"
REGISTER = """
from labs import checks
from labs.session.lab import Lab
from types import SimpleNamespace
@checks.check("ex-94-1", title="A thing", covers=("T1",), why="Things are.")
def check_thing_made(lab):
    checks.expect(thing == 3, expected="3", observed=str(thing), try_="Add.")
engine = SimpleNamespace(name="default", label="default", nodes=["node1"], docker_host="", folder=None)
engine.seat, engine.has_docker = None, True
lab = Lab("94", engine, "lab-94", uses_kubernetes=False)
"""


def test_in_a_notebook_an_error_is_two_lines(tmp_path):
    found = run_cells(
        "from labs import open_lab\nlab = open_lab('04')",
        "lab.check('ex-04-1')",
        LABS_STATE=str(tmp_path),
        LABS_NAME="none",
    )
    no_course, no_lab = errors(found)
    assert "labs up" in no_course
    assert "Traceback" not in no_course
    assert no_lab.splitlines() == [
        "`lab` is not defined.",
        "  → A cell above defines it, or it is misspelt: run the cells from the top down, in order.",
        "  (line 1 of the cell; lab.traceback() shows where)",
    ]


def test_in_a_notebook_a_check_shows_its_verdict_and_fails_its_cell(project, tmp_path):
    settings = {"LABS_PROGRESS": str(tmp_path / "progress.json")}
    found = run_cells(
        START, REGISTER, "thing = 2", "lab.check('ex-94-1')", "thing = 3", "lab.check('ex-94-1')", **settings
    )
    verdict, error = found.cells[3].outputs
    assert verdict.data["text/plain"].splitlines()[0] == "✘ ex-94-1 not yet: A thing"
    assert "<b>✘ not yet</b>" in verdict.data["text/html"]
    assert (error.ename, error.evalue) == ("NotYet", "expected 3; observed 2. Add.")
    assert error.traceback == ["ex-94-1 not yet: expected 3; observed 2."]
    (passed,) = found.cells[5].outputs
    assert passed.output_type == "display_data"
    assert sorted(passed.data) == ["text/html", "text/plain"]


def test_in_a_notebook_hints_are_markdown(project):
    (hint,) = run_cells(START, REGISTER, "lab.hint('ex-94-1')").cells[2].outputs
    assert hint.data["text/markdown"].startswith("**Hint 1 of 3**\n\nIt is a number.")
    assert hint.data["text/plain"].startswith("Hint 1 of 3: It is a number.")


def test_the_full_traceback_stays_within_reach(project):
    cell = "import yaml\ndef read():\n    return yaml.safe_load('a: b: c')\n\nread()"
    found = run_cells(START, REGISTER, "lab.traceback()", cell, "lab.traceback()", "%tb")
    assert "No cell has ended with an error yet." in text(found.cells[2])
    short, full = errors(found)
    assert short.splitlines()[-1] == "  (line 5 of the cell; lab.traceback() shows where)"
    assert "in read" in text(found.cells[4])
    assert "ScannerError" in full


def test_other_errors_look_as_python_shows_them(project):
    zero, index, syntax = errors(run_cells(START, "1 / 0", "[][1]", "x ="))
    assert "ZeroDivisionError" in zero
    assert "IndexError" in index
    assert "SyntaxError" in syntax


def test_whole_tracebacks_where_the_course_is_tested(project):
    (full,) = errors(run_cells(START, "import yaml\nyaml.safe_load('a: b: c')", LABS_TRACEBACKS="1"))
    assert "Traceback" in full
