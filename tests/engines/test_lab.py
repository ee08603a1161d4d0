"""A learner's session on the real engines: namespace, checks, reset, and a whole lesson in a real kernel."""

from __future__ import annotations

import os
import subprocess
import sys

import docker
import kubernetes.config.kube_config
import nbformat
import pytest
from kubernetes import client, config
from kubernetes.client.exceptions import ApiException
from nbclient import NotebookClient

from labs import checks, open_lab
from labs.authoring import notebooks
from labs.errors import LabsError, NotRunning
from labs.explain import explain
from labs.waiting import wait_for, wait_for_rollout, wait_gone
from tests.engines.courses import LABS

pytestmark = pytest.mark.engine

LESSON = """\
# %% [markdown]
# # Run a thing

# %% tags=["parameters"]
REPLICAS = 2

# %%
from labs import open_lab

lab = open_lab("93")

# %%
from kubernetes import client, config

config.load_kube_config()
apps = client.AppsV1Api()

# %%
from labs.checks import check, clients, expect, found


@check("ex-93-1", title="A Deployment with two replicas", covers=("T5",), why="Two were asked for.")
def check_deployment_made(lab):
    read = lambda: clients(lab).apps.read_namespaced_deployment("web", lab.namespace)
    deployment = found(read, expected='a Deployment "web"')
    expect(deployment.spec.replicas == 2, expected="2 replicas", observed=str(deployment.spec.replicas))

# %%
# !kubectl get deployments

# %% [markdown] tags=["exercise"] exercise="ex-93-1"
# Make it.

# %% [markdown] tags=["hint"] exercise="ex-93-1"
# Make it with kubectl.

# %% tags=["answer"] exercise="ex-93-1"
### BEGIN SOLUTION
# !kubectl create deployment web --image=labs/web:1 --replicas={REPLICAS}
### END SOLUTION

# %% tags=["check"]
lab.check("ex-93-1")

# %%
made = client.V1Deployment(
    metadata=client.V1ObjectMeta(name="same", labels={"app": "same"}),
    spec=client.V1DeploymentSpec(
        selector=client.V1LabelSelector(match_labels={"app": "same"}),
        template=client.V1PodTemplateSpec(
            metadata=client.V1ObjectMeta(labels={"app": "same"}),
            spec=client.V1PodSpec(containers=[client.V1Container(name="web", image="labs/web:1")]),
        ),
    ),
)
python = apps.create_namespaced_deployment(lab.namespace, made, dry_run="All")
kubectl = !kubectl create deployment same --image=labs/web:1 --dry-run=server -o yaml
lab.same(Python=python, kubectl=kubectl)

# %%
lab.cleanup()
"""


@pytest.fixture
def environment(monkeypatch, course, tmp_path):
    """What a lab does to this process is undone."""
    for name in ("DOCKER_HOST", "KUBECONFIG", "KUBECACHEDIR", "PATH", "NO_PROXY", "no_proxy", "LABS_NAME"):
        monkeypatch.setenv(name, os.environ.get(name, ""))
    monkeypatch.setenv("LABS_NAME", course.name)
    monkeypatch.setenv("LABS_PROGRESS", str(tmp_path / "progress.json"))
    module = kubernetes.config.kube_config
    monkeypatch.setattr(module, "KUBE_CONFIG_DEFAULT_LOCATION", module.KUBE_CONFIG_DEFAULT_LOCATION)


@pytest.fixture
def lab(environment):
    """An open lab, cleaned up afterwards."""
    opened = open_lab("93")
    yield opened
    opened.cleanup()


def make_deployment(lab, name="web", replicas=1):
    labels = {"app": name}
    container = client.V1Container(name="web", image="labs/web:1")
    body = client.V1Deployment(
        metadata=client.V1ObjectMeta(name=name),
        spec=client.V1DeploymentSpec(
            replicas=replicas,
            selector=client.V1LabelSelector(match_labels=labels),
            template=client.V1PodTemplateSpec(
                metadata=client.V1ObjectMeta(labels=labels), spec=client.V1PodSpec(containers=[container])
            ),
        ),
    )
    return lab.clients.apps.create_namespaced_deployment(lab.namespace, body)


def test_both_clients_and_kubectl_mean_the_course(lab):
    assert docker.from_env().ping()
    config.load_kube_config()
    assert [node.metadata.name for node in client.CoreV1Api().list_node().items] == lab.engine.nodes
    command = ["kubectl", "config", "view", "--minify", "-o", "jsonpath={..namespace}"]
    assert subprocess.run(command, capture_output=True, check=True).stdout == b"lab-93"
    namespace = client.CoreV1Api().read_namespace("lab-93")
    assert namespace.metadata.labels["app.kubernetes.io/managed-by"] == "labs"
    assert namespace.metadata.labels["labs/course"] == lab.engine.label


def test_opening_twice_keeps_what_is_there(lab):
    make_deployment(lab)
    assert open_lab("93").clients.apps.read_namespaced_deployment("web", "lab-93")


def test_reset_removes_what_the_lesson_made_and_nothing_else(lab):
    make_deployment(lab)
    wait_for_rollout(lab.clients.apps, "web", lab.namespace)
    engine = lab.clients.docker
    other = engine.containers.create("labs/shell:1", ["sleep", "60"], name="labs-test-other")
    try:
        engine.containers.run("labs/shell:1", ["sleep", "60"], detach=True, labels=lab.labels, name="labs-test-mine")
        engine.networks.create("labs-test-mine", labels=lab.labels)
        engine.volumes.create("labs-test-mine", labels=lab.labels)
        committed = other.commit("labs-test-mine", tag="1", changes=[f"LABEL {k}={v}" for k, v in lab.labels.items()])
        committed.tag("labs-test-mine", "2")
        lab.reset()
        ours = {"label": [f"{k}={v}" for k, v in lab.labels.items()]}
        assert engine.containers.list(all=True, filters=ours) == []
        assert engine.networks.list(filters=ours) == []
        assert engine.volumes.list(filters=ours) == []
        assert engine.images.list(filters=ours) == []
        assert engine.images.get("labs/shell:1")
        assert engine.containers.get("labs-test-other")
    finally:
        other.remove(force=True)
    assert lab.clients.core.read_namespace("lab-93").status.phase == "Active"
    assert lab.clients.apps.list_namespaced_deployment("lab-93").items == []
    make_deployment(lab)  # usable at once


def test_reset_leaves_what_something_else_uses_and_says_so(lab, capsys):
    engine = lab.clients.docker
    engine.volumes.create("labs-test-used", labels=lab.labels)
    other = engine.containers.create("labs/shell:1", ["true"], volumes=["labs-test-used:/data"])
    try:
        lab.reset()
        assert "Left: the volume labs-test-used" in capsys.readouterr().out
        assert engine.volumes.get("labs-test-used")
    finally:
        other.remove(force=True)
    lab.reset()
    assert "Removed 1 volume." in capsys.readouterr().out


def test_reset_after_the_learner_deleted_the_namespace(lab):
    lab.clients.core.delete_namespace("lab-93")
    lab.reset()
    make_deployment(lab)


def test_opening_while_the_namespace_is_being_deleted_waits(lab):
    make_deployment(lab)
    lab.clients.core.delete_namespace("lab-93")
    make_deployment(open_lab("93"))


def test_cleanup_leaves_no_namespace_and_may_be_repeated(lab):
    lab.cleanup()
    lab.cleanup()
    with pytest.raises(ApiException, match="404"):
        lab.clients.core.read_namespace("lab-93")


@pytest.mark.parametrize("labels", [{}, {"app.kubernetes.io/managed-by": "labs", "labs/course": "someone-elses"}])
def test_a_namespace_that_is_not_ours_is_left_alone(environment, course, labels):
    core = open_lab("92", quiet=True).clients.core
    open_lab("92").cleanup()
    core.create_namespace(client.V1Namespace(metadata=client.V1ObjectMeta(name="lab-92", labels=labels)))
    try:
        with pytest.raises(LabsError, match="so it is left alone"):
            open_lab("92")
        assert open_lab("92", namespace="my-lab-92").namespace == "my-lab-92"
        open_lab("92", namespace="my-lab-92").cleanup()
        assert core.read_namespace("lab-92").status.phase == "Active"
    finally:
        core.delete_namespace("lab-92")
        wait_gone(lambda: core.read_namespace("lab-92"), what="the namespace lab-92 to go")


def test_what_the_api_server_refuses_reads_well(lab):
    make_deployment(lab)
    with pytest.raises(ApiException) as caught:
        make_deployment(lab)
    assert explain(caught.value).what == 'Already exists: deployment "web" in namespace lab-93.'
    with pytest.raises(ApiException) as caught:
        lab.clients.apps.patch_namespaced_deployment("web", lab.namespace, {"spec": {"replicas": -1}})
    assert "spec.replicas: Invalid value: -1" in explain(caught.value).what
    assert "kubectl explain Deployment.spec.replicas" in explain(caught.value).todo
    with pytest.raises(ApiException) as caught:
        lab.clients.core.read_namespaced_pod("nothing", lab.namespace)
    assert explain(caught.value).what == 'Not found: pod "nothing" in namespace lab-93.'


def test_what_docker_refuses_reads_well(lab):
    engine = lab.clients.docker
    engine.containers.create("labs/shell:1", ["true"], name="labs-test-twice", labels=lab.labels)
    with pytest.raises(docker.errors.APIError) as caught:
        engine.containers.create("labs/shell:1", ["true"], name="labs-test-twice", labels=lab.labels)
    assert explain(caught.value).what == "Already exists: container 'labs-test-twice'."
    with pytest.raises(docker.errors.ContainerError) as caught:
        engine.containers.run("labs/shell:1", ["ls", "/nope"], remove=True, labels=lab.labels)
    assert "ended with status" in explain(caught.value).what
    assert "No such file" in explain(caught.value).what


def test_a_stopped_api_server_is_no_verdict_and_reset_starts_it(lab, monkeypatch):
    monkeypatch.setattr("labs.checks.registry._registry", {})

    @checks.check("ex-93-1", title="A pod", covers=("T4",))
    def check_pod_there(lab):
        checks.clients(lab).core.list_namespaced_pod(lab.namespace)

    assert checks.run("ex-93-1", lab).passed
    lab.engine.stop("kube-apiserver")
    try:
        verdict = checks.run("ex-93-1", lab)
        assert (verdict.status, verdict.observed) == ("could not check", "The API server does not answer.")
        with pytest.raises(NotRunning, match="labs up"):
            open_lab("93")
    finally:
        lab.reset()
    wait_for(lambda: checks.run("ex-93-1", lab).passed, timeout=10, what="the check to pass")


@pytest.fixture
def source(environment, tmp_path, monkeypatch):
    """The lesson above in a project folder of its own."""
    source = tmp_path / "notebooks" / "src" / "93_run_thing.py"
    source.parent.mkdir(parents=True)
    source.write_text(LESSON)
    monkeypatch.setenv("LABS_ROOT", str(tmp_path))
    return source


@pytest.fixture
def lesson(source):
    """The lesson above, built and recorded."""
    notebooks.record("93", timeout=120)
    yield source.parents[1]
    open_lab("93", quiet=True).cleanup()


GOES_ON = """
from IPython import get_ipython
from labs import open_lab
lab = open_lab("93", namespace="mine-93", quiet=True)
lab.reset(to="ex-93-1")
shell = get_ipython()
print("again in", shell.user_ns["lab"].namespace)
shell.run_cell("!kubectl config view --minify --output=jsonpath={..namespace}")
lab.cleanup()
"""


def test_a_reset_to_an_exercise_goes_on_in_the_namespace_that_the_lab_was_opened_with(source, here):
    done = here.run(sys.executable, "-c", GOES_ON)
    assert done.returncode == 0, done.stdout
    assert "again in mine-93\nmine-93" in done.stdout, done.stdout


def run_nbval(path):
    options = ["-p", "no:python", "-p", "no:cacheprovider", "-Wdefault", "--nbval-lax", "--nbval-cell-timeout=120"]
    command = [sys.executable, "-m", "pytest", *options, str(path)]
    return subprocess.run(command, capture_output=True, text=True, cwd=path.parent, check=False)


def test_a_lesson_is_recorded_compared_and_left_unsolved(lesson):
    solved_path = lesson / "solutions" / "93_run_thing.ipynb"
    solved = nbformat.read(solved_path, as_version=4)
    (cell,) = [cell for cell in solved.cells if cell.cell_type == "code" and cell.outputs]
    assert cell.outputs[0].data["text/plain"].startswith("✔ ex-93-1 passed")
    assert notebooks.build(check=True) == []

    done = run_nbval(solved_path)
    assert done.returncode == 0, done.stdout
    solved_path.write_text(solved_path.read_text().replace("✔ ex-93-1 passed", "✔ ex-93-1 once passed"))
    done = run_nbval(solved_path)
    assert "Cell outputs differ" in done.stdout

    learner = nbformat.read(lesson / "93_run_thing.ipynb", as_version=4)
    NotebookClient(learner, timeout=120, kernel_name="python3", allow_errors=True).execute()
    failed = {c.source: o for c in learner.cells for o in c.get("outputs", []) if o.output_type == "error"}
    assert list(failed) == ['lab.check("ex-93-1")']
    assert failed['lab.check("ex-93-1")'].evalue == 'expected a Deployment "web"; observed none.'


def test_shell_means_the_lesson(here, engine):
    """A terminal for those who practise kubectl by hand: the lesson's namespace, `k`, the course's Docker."""
    done = here.run(*LABS, "shell", "04", input="k get pods\necho at $DOCKER_HOST\nlabs --help | head -n 2\nexit\n")
    assert "No resources found in lab-04 namespace." in done.stdout
    assert f"at {engine.docker_host}" in done.stdout
    assert "Usage: labs" in done.stdout
    assert done.returncode == 0
    alone = here.run(*LABS, "shell", "04", "kubectl", "config", "view", "--minify", "-o", "jsonpath={..namespace}")
    assert alone.stdout == "lab-04"


def test_shell_of_no_lesson(here):
    done = here.labs("shell", "99")
    assert done.returncode == 2
    assert "There is no lesson '99'." in done.stdout
