"""A workshop on a real cluster: what learners get, and that none can read or harm what is another's."""

from __future__ import annotations

import json
import sys
import time
from pathlib import Path

import pytest

from labs.session.progress_report import KEY
from labs.waiting import wait_for
from tests.engines.courses import Course, is_plain

pytestmark = [pytest.mark.engine, pytest.mark.timeout(240)]
ROSTER = "name\nAda Lovelace\n李雷\n"
OTHER = "room-learner-3a4732-04"


class Person(Course):
    """A learner on a machine of their own, who has nothing but a kubeconfig."""

    def __init__(self, name: str, file: Path, folder: Path) -> None:
        mine = {"LABS_STATE": str(folder / "state"), "LABS_PROGRESS": str(folder / "progress.json")}
        super().__init__(name, HOME=str(folder), KUBECONFIG=str(file), DOCKER_HOST="", **mine)
        self.file = file

    def join(self) -> None:
        self.must("up", "--quiet", "--context", "workshop", "--kubeconfig", str(self.file), "--docker", "none")

    def asks(self, *arguments: str, input: str = "") -> str:
        """What kubectl answers, whether it did it or refused."""
        from labs.kube.kubectl import kubectl

        done = self.run(kubectl(), f"--kubeconfig={self.file}", *arguments, input=input)
        return done.stdout


@pytest.fixture(scope="module")
def workshop(course, tmp_path_factory):
    """``workshop("list")`` runs a command of an instructor's; its folder has the roster and the kubeconfigs."""
    here, folder = Course(course.name), tmp_path_factory.mktemp("workshop")
    (folder / "roster.csv").write_text(ROSTER, encoding="utf-8")

    def run(command: str, *arguments: str):
        return here.labs("workshop", command, "--own", "--workshop", "room", *arguments)

    def must(command: str, *arguments: str) -> str:
        done = run(command, *arguments)
        assert done.returncode == 0, done.stdout
        return done.stdout

    run.folder, run.must = folder, must
    run.provision = ["--learners", str(folder / "roster.csv"), "--out", str(folder / "out"), "--lessons", "04"]
    must("provision", *run.provision)
    yield run
    must("remove", "--yes")


@pytest.fixture(scope="module")
def ada(workshop):
    person = Person("ada", workshop.folder / "out/ada-lovelace.kubeconfig", workshop.folder / "ada")
    (workshop.folder / "ada").mkdir()
    person.join()
    yield person
    person.must("down")


@pytest.fixture(scope="module")
def lei(workshop):
    return Person("lei", workshop.folder / "out/learner-3a4732.kubeconfig", workshop.folder)


def test_a_lesson_in_a_given_namespace(workshop, ada, here):
    """Opening, checking, hints with the learner's own ports, a way back; and the instructor sees it."""
    done = ada.labs("check", "ex-04-1")
    assert done.returncode == 1
    assert "room-ada-lovelace-04" in done.stdout
    program = (
        'from labs import open_lab; lab = open_lab("04"); print(lab.url(30041)); lab.solution("ex-04-2")\n'
        'lab.clients.core.create_namespaced_config_map(lab.namespace, {"metadata": {"name": "mine"}}); lab.reset()'
    )
    done = ada.run(sys.executable, "-c", program)
    assert done.returncode == 0, done.stdout
    assert "http://localhost:30091" in done.stdout
    assert "node_port=30091" in done.stdout
    assert "your instructor sees" in done.stdout
    assert "mine" not in ada.asks("get", "configmaps")
    left = json.loads(ada.asks("get", "resourcequota,limitrange,networkpolicy", "-o", "json"))["items"]
    assert len(left) == 5  # three quotas and two more: a reset leaves the instructor's objects alone
    listed = workshop.must("list")
    assert "Ada Lovelace" in listed
    report = json.loads(here.kubectl("get", "configmap", "-n", "room", "progress-ada-lovelace", "-o", "json"))
    told = json.loads(report["data"][KEY])
    assert told["lesson"] == "04"
    assert told["exercises"]["ex-04-1"]["status"] == "not yet"


def test_a_lesson_that_the_workshop_does_not_hold(ada):
    done = ada.run(sys.executable, "-c", 'from labs import open_lab; open_lab("05")')
    assert "There is no namespace room-ada-lovelace-05 for you" in done.stdout


def test_images_stay_with_the_instructor(ada):
    done = ada.labs("load", "labs/web:1")
    assert done.returncode == 2
    assert "There is no Docker here" in done.stdout
    assert is_plain(done.stdout)


@pytest.mark.parametrize(
    "words",
    [
        f"get pods -n {OTHER}",
        f"get secrets -n {OTHER}",
        f"get configmap -n {OTHER} kube-root-ca.crt",
        f"logs -n {OTHER} any",
        f"exec -n {OTHER} any -- true",
        f"delete pods --all -n {OTHER}",
        f"create configmap planted -n {OTHER}",
        f"delete namespace {OTHER}",
        "get namespaces",
        "get pods -A",
        "get configmaps -n room",
        "get configmap -n room progress-learner-3a4732",
        "patch configmap -n room progress-learner-3a4732 -p {}",
        "create token learner-3a4732 -n room",
        "get secrets -n kube-system",
        "create namespace mine",
        "delete namespace room-ada-lovelace-04",
        "delete resourcequota workshop",
        'patch resourcequota workshop -p {"spec":{"hard":{"pods":"900"}}}',
        "delete limitrange workshop",
        "delete rolebinding workshop",
        "create rolebinding more --clusterrole=cluster-admin --serviceaccount=room:ada-lovelace",
        "create clusterrolebinding more --clusterrole=cluster-admin --serviceaccount=room:ada-lovelace",
        "label namespace room-ada-lovelace-04 pod-security.kubernetes.io/enforce=privileged --overwrite",
        "get nodes --as=system:admin",
        "cordon node1",
        "get --raw /api/v1/nodes/node1/proxy/pods",
        "debug node/node1 --image=labs/shell:1",
    ],
)
def test_a_learner_can_neither_read_nor_harm_what_is_not_theirs(workshop, ada, words):
    answer = ada.asks(*words.split(" "))
    assert "orbidden" in answer, answer


SPEC = {"containers": [{"name": "c", "image": "labs/shell:1", "command": ["sleep", "600"]}]}


@pytest.mark.parametrize(
    ("spec", "words"),
    [
        ({"volumes": [{"name": "v", "hostPath": {"path": "/"}}]}, "hostPath volumes"),
        ({"hostNetwork": True}, "host namespaces"),
        ({"hostPID": True}, "host namespaces"),
        ({"containers": [{**SPEC["containers"][0], "securityContext": {"privileged": True}}]}, "privileged"),
        ({"containers": [{**SPEC["containers"][0], "resources": {"limits": {"memory": "8Gi"}}}]}, "maximum memory"),
    ],
)
def test_no_pod_reaches_the_node(ada, spec, words):
    pod = {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "escape"}, "spec": SPEC | spec}
    answer = ada.asks("apply", "-f", "-", input=json.dumps(pod))
    assert "orbidden" in answer
    assert words in answer


def test_no_service_takes_others_traffic(ada):
    service = {
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": {"name": "thief"},
        "spec": {"ports": [{"port": 443}], "externalIPs": ["10.96.0.1"]},
    }
    wait_for(lambda: "externalIPs could take" in ada.asks("apply", "-f", "-", input=json.dumps(service)), 20)


def test_a_fork_bomb_has_an_end(ada):
    """The kernel refuses more processes than this in one container; memory may end it before."""
    limit = "cat /sys/fs/cgroup/pids/pids.max 2>/dev/null || cat /sys/fs/cgroup/pids.max"
    ada.asks("run", "bomb", "--image=labs/shell:1", "--restart=Never", "--", "sh", "-c", limit)
    wait_for(lambda: ada.asks("logs", "bomb").strip() == "2000", 60, state=lambda: ada.asks("logs", "bomb"))
    ada.asks("delete", "pod", "bomb", "--grace-period=1")


def test_a_thousand_pods_are_as_many_as_the_quota(ada):
    ada.asks("create", "deployment", "many", "--image=labs/shell:1", "--replicas=1000", "--", "sleep", "600")

    def pods() -> int:
        return len(json.loads(ada.asks("get", "pods", "-o", "json"))["items"])

    wait_for(lambda: pods() >= 25, 60, what="pods up to the quota", state=pods)
    time.sleep(2)
    assert pods() == 25
    assert "exceeded quota" in ada.asks("describe", "replicaset")
    ada.asks("delete", "deployment", "many", "--grace-period=1")


def test_doing_it_again_keeps_seats_and_work(workshop, ada, lei):
    lei.asks("create", "configmap", "work")
    workshop.must("provision", *workshop.provision)
    assert "work" in lei.asks("get", "configmaps")
    with (workshop.folder / "roster.csv").open("a", encoding="utf-8") as file:
        file.write("Newcomer\n")
    workshop.must("provision", *workshop.provision)
    rows = [line for line in workshop.must("list").splitlines() if "│" in line]
    assert ["1" in rows[0], "2" in rows[1], "Newcomer" in rows[2]] == [True] * 3


def test_what_was_chosen_is_kept(workshop, here):
    """A reset and new kubeconfigs keep to what was chosen at the last provisioning, without being told again."""
    chosen = ["--pods", "7", "--registry", "images.example:5000"]
    workshop.must("provision", *workshop.provision, *chosen)
    workshop.must("reset", "李雷")
    hard = here.kubectl("get", "resourcequota", "-n", OTHER, "workshop", "-o", "jsonpath={.spec.hard.pods}")
    assert hard == "7"
    again = workshop.folder / "again"
    workshop.must("extend", "--out", str(again))
    assert "registry: images.example:5000/ada-lovelace" in (again / "ada-lovelace.kubeconfig").read_text()
    workshop.must("provision", *workshop.provision)


def test_reset_makes_a_learner_begin_anew(workshop, lei, here):
    lei.asks("create", "configmap", "work")
    workshop.must("reset", "李雷")
    assert "work" not in lei.asks("get", "configmaps")
    assert "pods" in lei.asks("get", "resourcequota")
    done = workshop("reset", "Nobody")
    assert done.returncode == 2
    assert "Nobody" in done.stdout


def test_a_cluster_has_to_be_named(here):
    done = here.labs("workshop", "list")
    assert done.returncode == 2
    assert "--context NAME" in done.stdout


def test_a_namespace_of_somebody_else_is_left_alone(workshop, here, tmp_path):
    here.kubectl("create", "namespace", "other")
    try:
        done = here.labs("workshop", "provision", "--own", "--workshop", "other", *workshop.provision)
        assert done.returncode == 2
        assert "'other' that is not this workshop's" in done.stdout
        assert "other-ada-lovelace-04" not in here.kubectl("get", "namespaces")
    finally:
        here.kubectl("delete", "namespace", "other", "--wait=false")


def test_an_instructor_without_rights_is_told(workshop, ada, here, tmp_path):
    named = ["--context", "workshop", "--kubeconfig", str(ada.file), "--workshop", "mine"]
    done = here.labs("workshop", "provision", *named, *workshop.provision[:2], "--out", str(tmp_path))
    assert done.returncode == 2
    assert is_plain(done.stdout)
    assert "The workshop could not be set up" in done.stdout


def test_the_evening_before_tells_of_a_quota_that_is_too_small(here, tmp_path):
    options = ["--lessons", "04", "--pods", "2", "--patience", "10", "--out", str(tmp_path)]
    done = here.labs("workshop", "rehearse", "--own", *options)
    assert done.returncode == 1, done.stdout
    assert "2/2" in done.stdout
    assert "Waited 10 s" in done.stdout
    assert "rehearsal-rehearsal-04" not in here.kubectl("get", "namespaces")


@pytest.mark.slow
@pytest.mark.timeout(600)
def test_simulated_learners_work_through_a_lesson_at_once(here):
    done = here.labs("workshop", "load", "--own", "--learners", "3", "--lessons", "04", "--think", "0.5", timeout=560)
    assert done.returncode == 0, done.stdout
    assert "cells / checks" in done.stdout
