"""The tree: who set a field, old and new values, several objects side by side, and Secrets that stay secret."""

from __future__ import annotations

from copy import deepcopy

import pytest

from labs.errors import LabsError
from labs.views.tree_view.model import ABSENT, asked_and_is, grow, masked, set_by
from labs.views.tree_view.view import TreeView, tree

DEPLOYMENT = {
    "apiVersion": "apps/v1",
    "kind": "Deployment",
    "metadata": {
        "name": "front",
        "uid": "u",
        "resourceVersion": "1",
        "generation": 2,
        "managedFields": [{"manager": "m"}],
    },
    "spec": {
        "replicas": 3,
        "progressDeadlineSeconds": 600,
        "template": {"spec": {"containers": [{"name": "web", "image": "i:1", "imagePullPolicy": "IfNotPresent"}]}},
    },
    "status": {"observedGeneration": 2, "readyReplicas": 2, "updatedReplicas": 3},
}
SECRET = {"kind": "Secret", "metadata": {"name": "key"}, "data": {"password": "aHVudGVyMg=="}}


def nodes(root: dict) -> dict[str, dict]:
    found = {root["id"]: root}
    for child in root["below"]:
        found |= nodes(child)
    return found


def test_fields_are_told_apart_by_who_set_them():
    by = set_by(DEPLOYMENT)
    assert by["metadata.uid"] == by["metadata.managedFields"] == "server"
    assert by["spec.progressDeadlineSeconds"] == "default"
    assert by["spec.template.spec.containers[web].imagePullPolicy"] == "default"
    assert "spec.replicas" not in by
    assert "metadata.name" not in by


def test_default_that_was_written_is_no_default():
    applied = deepcopy(DEPLOYMENT)
    applied["metadata"]["annotations"] = {
        "kubectl.kubernetes.io/last-applied-configuration": '{"spec": {"progressDeadlineSeconds": 600}}'
    }
    assert "spec.progressDeadlineSeconds" not in set_by(applied)


def test_what_is_asked_for_stands_beside_what_is():
    pairs = {pair["what"]: pair for pair in asked_and_is(DEPLOYMENT)}
    assert (pairs["replicas"]["asked"], pairs["replicas"]["is"], pairs["replicas"]["mark"]) == ("3", "2 ready", "wait")
    assert pairs["changes asked for (generation)"]["mark"] == "good"


def test_rollout_that_hangs_is_not_as_asked_for():
    hangs = {**DEPLOYMENT, "status": {"readyReplicas": 3, "updatedReplicas": 3, "unavailableReplicas": 1}}
    assert next(asked_and_is(hangs)) == {"what": "replicas", "asked": "3", "is": "3 ready, 1 not", "mark": "wait"}


@pytest.mark.parametrize("kind", ["Job", "DaemonSet", "PersistentVolumeClaim", "Pod", "Service", "StatefulSet"])
def test_kinds_without_a_status_yet_can_be_drawn(kind):
    assert tree(None, {"kind": kind, "metadata": {"name": "x"}, "spec": {}}).text


@pytest.mark.parametrize(
    ("state", "told"),
    [
        ({"running": {"startedAt": "x"}}, "running, not ready"),
        ({"waiting": {"reason": "ImagePullBackOff"}}, "waiting: ImagePullBackOff"),
        ({"terminated": {"reason": "OOMKilled"}}, "terminated: OOMKilled"),
        ({}, "not made yet"),
    ],
)
def test_container_is_as_its_status_says(state, told):
    pod = {"kind": "Pod", "metadata": {"name": "p"}, "spec": {"containers": [{"name": "web", "image": "i"}]}}
    pod["status"] = {"containerStatuses": [{"name": "web", "state": state}]}
    assert [(pair["what"], pair["is"]) for pair in asked_and_is(pod)] == [("container web", told)]


def test_items_of_lists_are_matched_by_name():
    old = {"env": [{"name": "A", "value": "1"}, {"name": "B", "value": "2"}]}
    new = {"env": [{"name": "B", "value": "3"}, {"name": "A", "value": "1"}, {"name": "C", "value": "4"}]}
    found = nodes(grow([old, new]))
    assert found["env[B].value"]["texts"] == ['"2"', '"3"']
    assert found["env[B].value"]["differs"]
    assert not found["env[A].value"]["differs"]
    assert found["env[C]"]["texts"] == [None, ""]


@pytest.mark.parametrize(
    ("value", "text"),
    [(1, "1"), ("1", '"1"'), (True, "true"), ("True", '"True"'), (None, "null"), ({}, "{}"), ([], "[]"), ("", '""'),
     (["a", 1], "[a, 1]"), ("ü" * 253, "ü" * 253), ("a: b", "a: b")],
)  # fmt: skip
def test_values_read_as_what_they_are(value, text):
    assert grow([value])["texts"] == [text]


def test_absent_is_not_null():
    assert grow([ABSENT, None])["differs"]


def test_secret_shows_lengths_alone():
    shown = tree(None, SECRET)
    assert "(hidden, 7 bytes)" in shown.text
    assert "aHVudGVyMg" not in str(shown.picture)
    assert "hunter2" not in str(shown.picture)


def test_applied_secret_hides_the_copy_in_its_annotation():
    noted = deepcopy(SECRET)
    noted["metadata"]["annotations"] = {"kubectl.kubernetes.io/last-applied-configuration": '{"data": "aHVudGVyMg=="}'}
    assert "aHVudGVyMg" not in str(tree(None, noted).picture)


def test_changed_secret_of_one_length_differs():
    other = {**SECRET, "data": {"password": "aHVudGVyMw=="}}
    assert "they differ in 1 field" in tree(None, before=SECRET, after=other).text
    assert masked(SECRET) == masked(deepcopy(SECRET))


def test_side_by_side_tells_each_difference_once():
    changed = deepcopy(DEPLOYMENT)
    changed["spec"]["replicas"] = 5
    changed["spec"]["template"]["spec"]["containers"].append({"name": "log", "image": "l"})
    changed["status"] = {}
    told = tree(None, before=DEPLOYMENT, after=changed).text.splitlines()
    assert told == [
        "they differ in 2 fields",
        "spec.replicas: before: 3; after: 5",
        "spec.template.spec.containers[log]: before: (none); after: (2 fields)",
    ]


def test_objects_are_called_by_their_place_or_by_the_name_that_they_are_given():
    text = "kind: Pod\nmetadata: {name: a}\nspec: {x: 2}"
    shown = tree(None, {"kind": "Pod", "metadata": {"name": "a"}, "spec": {"x": 1}}, text, YAML=text.splitlines())
    assert shown.text.splitlines()[1] == "spec.x: object 1: 1; object 2: 2; YAML: 2"


def test_left_out_paths_do_not_differ():
    a, b = ({"kind": "Pod", "metadata": {"name": name}} for name in "ab")
    assert tree(None, a, b, ignore=("metadata.name",)).text == "they ask for the same"


def test_default_that_one_spells_out_is_told_apart():
    short = deepcopy(DEPLOYMENT)
    del short["spec"]["progressDeadlineSeconds"]
    assert tree(None, DEPLOYMENT, short).text == "they ask for the same; 1 default written in one only"


def test_alike_objects_say_so():
    assert tree(None, DEPLOYMENT, DEPLOYMENT).text == "they ask for the same"


@pytest.mark.parametrize("things", [(), ("nonsense",), ("house/x",), (3,)])
def test_nothing_to_show_is_said_in_a_sentence(things):
    with pytest.raises(LabsError):
        tree(None, *things)


def test_old_values_stay_while_the_status_follows():
    shown = TreeView(None, masked(DEPLOYMENT))
    scaled = deepcopy(DEPLOYMENT)
    scaled["spec"]["replicas"], scaled["metadata"]["resourceVersion"] = 4, "2"
    shown._update(scaled)
    followed = deepcopy(scaled)
    followed["status"]["readyReplicas"], followed["metadata"]["resourceVersion"] = 4, "3"
    shown._update(followed)
    picture = shown.draw()
    found = nodes(picture["tree"])
    assert found["spec.replicas"]["texts"] == ["3", "4"]
    assert found["status.readyReplicas"]["texts"] == ["2", "4"]
    assert not found["metadata.resourceVersion"]["differs"]
    assert "replicas: 3 → 4" in shown.to_text(picture)


def test_managed_fields_are_not_told():
    assert "managedFields" not in tree(None, DEPLOYMENT).text


def test_summary_tells_wishes_from_what_followed():
    shown = TreeView(None, masked(DEPLOYMENT))
    scaled = deepcopy(masked(DEPLOYMENT))
    scaled["spec"]["replicas"] = 5
    shown._update(scaled)
    assert "spec.replicas changed" in shown.draw()["summary"]
    followed = deepcopy(scaled)
    followed["status"] = {**followed.get("status", {}), "replicas": 5, "unavailableReplicas": 2}
    shown._update(followed)
    assert "and then 2 fields of the cluster's own" in shown.draw()["summary"]
