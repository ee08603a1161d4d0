"""Whether two objects ask for the same."""

from __future__ import annotations

import json
from copy import deepcopy

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st
from kubernetes import client

from labs.errors import LabsError
from labs.kube.object_diff import as_dict, compare, count_fields, differences, spec_of

WRITTEN = """
apiVersion: apps/v1
kind: Deployment
metadata: {name: web, labels: {app: web}}
spec:
  replicas: 3
  selector: {matchLabels: {app: web}}
  template:
    metadata: {labels: {app: web}}
    spec:
      containers:
      - {name: web, image: "labs/web:1", resources: {}}
"""


def model() -> client.V1Deployment:
    labels = {"app": "web"}
    return client.V1Deployment(
        api_version="apps/v1",
        kind="Deployment",
        metadata=client.V1ObjectMeta(name="web", labels=labels),
        spec=client.V1DeploymentSpec(
            replicas=3,
            selector=client.V1LabelSelector(match_labels=labels),
            template=client.V1PodTemplateSpec(
                metadata=client.V1ObjectMeta(labels=labels),
                spec=client.V1PodSpec(containers=[client.V1Container(name="web", image="labs/web:1")]),
            ),
        ),
    )


def from_server() -> dict:
    """What a server adds to it, as a cluster answered."""
    found = yaml.safe_load(WRITTEN)
    found["metadata"] |= {
        "uid": "8f0c",
        "resourceVersion": "311",
        "generation": 1,
        "creationTimestamp": "2026-01-01T00:00:00Z",
        "managedFields": [{"manager": "kubectl"}],
        "annotations": {
            "deployment.kubernetes.io/revision": "1",
            "kubectl.kubernetes.io/last-applied-configuration": "{}",
        },
    }
    found["spec"]["template"]["metadata"]["creationTimestamp"] = None
    found["status"] = {"replicas": 3, "observedGeneration": 1}
    return found


def test_model_dictionary_text_and_lines_are_one():
    lines = json.dumps(from_server(), indent=2).splitlines()  # what IPython's `out = !kubectl get ... -o json` gives
    specs = compare({"Python": model(), "kubectl": lines, "YAML": WRITTEN, "dict": from_server()})
    assert list(specs) == ["Python", "kubectl", "YAML", "dict"]
    assert count_fields(specs["Python"]) == 9
    assert all(spec == specs["Python"] for spec in specs.values())


def test_what_is_compared_is_not_changed():
    found = from_server()
    before = deepcopy(found)
    spec_of(found)
    assert found == before


def test_the_first_fields_that_differ_are_named():
    other = yaml.safe_load(WRITTEN)
    other["spec"]["replicas"] = 2
    other["spec"]["template"]["spec"]["containers"][0]["image"] = "labs/web:2"
    with pytest.raises(LabsError) as caught:
        compare({"Python": model(), "YAML": other})
    assert caught.value.what == (
        "Python and YAML differ in 2 fields: spec.replicas: 3 / 2; "
        "spec.template.spec.containers[0].image: 'labs/web:1' / 'labs/web:2'."
    )


def test_many_differences_are_counted_not_listed():
    a = {"kind": "ConfigMap", "data": {str(k): "a" for k in range(9)}}
    b = {"kind": "ConfigMap", "data": {str(k): "b" for k in range(9)}}
    with pytest.raises(LabsError, match=r"differ in 9 fields: data\.0.*; and 6 more\."):
        compare({"a": a, "b": b})


def test_one_difference_is_singular_and_long_values_are_cut():
    with pytest.raises(LabsError, match=r"differ in 1 field: data\.x: '.{30,}\.\.\. / \(none\)\."):
        compare({"a": {"data": {"x": "long " * 20, "y": "1"}}, "b": {"data": {"y": "1"}}})


def test_ignored_paths():
    a, b = yaml.safe_load(WRITTEN), yaml.safe_load(WRITTEN)
    b["metadata"]["name"] = "other"
    with pytest.raises(LabsError, match=r"metadata\.name"):
        compare({"a": a, "b": b})
    compare({"a": a, "b": b}, ignore=("metadata.name", "spec.nothing.here"))


@pytest.mark.parametrize(
    ("other", "todo"),
    [
        ({"kind": "ConfigMap", "metadata": {"name": "web"}}, "another object: run the cell that makes it"),
        ({"kind": "Deployment", "metadata": {"name": "wep"}}, "another object: run the cell that makes it"),
        ({"kind": "Deployment", "metadata": {"name": "web"}}, "until they ask for the same"),
    ],
)
def test_another_object_is_told_from_another_content(other, todo):
    with pytest.raises(LabsError) as caught:
        compare({"Python": model(), "YAML": other})
    assert todo in caught.value.todo


def test_one_object_is_nothing_to_compare():
    with pytest.raises(LabsError, match="nothing to compare"):
        compare({"a": WRITTEN})


def test_an_item_of_a_list_comes_without_kind_and_version():
    item = model()
    item.kind = item.api_version = None
    compare({"Python": item, "YAML": WRITTEN})
    assert as_dict(item)["kind"] == "Deployment"


@pytest.mark.parametrize(
    ("written", "served"),
    [
        (
            {"kind": "Service", "spec": {"ports": [{"port": 80}]}},
            {
                "kind": "Service",
                "spec": {
                    "clusterIP": "10.0.0.7",
                    "clusterIPs": ["10.0.0.7"],
                    "ports": [{"port": 80, "nodePort": 30007}],
                },
            },
        ),
        (
            {"kind": "Pod", "spec": {"containers": [{"name": "a"}]}},
            {
                "kind": "Pod",
                "spec": {
                    "nodeName": "node1",
                    "volumes": [{"name": "kube-api-access-x7k2p", "projected": {}}],
                    "containers": [
                        {"name": "a", "volumeMounts": [{"name": "kube-api-access-x7k2p", "mountPath": "/var"}]}
                    ],
                },
            },
        ),
        (
            {"kind": "Job", "spec": {"template": {"spec": {}}}},
            {
                "kind": "Job",
                "metadata": {"labels": {"controller-uid": "7", "job-name": "a"}},
                "spec": {
                    "selector": {"matchLabels": {"batch.kubernetes.io/controller-uid": "7"}},
                    "template": {"metadata": {"labels": {"batch.kubernetes.io/controller-uid": "7"}}, "spec": {}},
                },
            },
        ),
        (
            {"kind": "PersistentVolumeClaim", "spec": {"accessModes": ["ReadWriteOnce"]}},
            {
                "kind": "PersistentVolumeClaim",
                "metadata": {"annotations": {"pv.kubernetes.io/bind-completed": "yes"}},
                "spec": {"accessModes": ["ReadWriteOnce"], "volumeName": "pvc-1"},
            },
        ),
    ],
    ids=lambda value: value["kind"],
)
def test_what_the_server_chooses_does_not_count(written, served):
    compare({"written": written, "served": served})


@pytest.mark.parametrize(
    ("a", "b"),
    [
        ({"kind": "Service", "spec": {"clusterIP": "None"}}, {"kind": "Service", "spec": {"clusterIP": "10.0.0.7"}}),
        ({"kind": "Pod", "spec": {"volumes": [{"name": "a", "emptyDir": {}}]}}, {"spec": {"volumes": [{"name": "a"}]}}),
        ({"spec": {"podSelector": {}}}, {"spec": {}}),
        ({"spec": {"ingress": [{}]}}, {"spec": {"ingress": []}}),
        ({"metadata": {"annotations": {"mine": "1"}}}, {"metadata": {}}),
        ({"data": {"a": ""}}, {"data": {}}),
        ({"spec": {"replicas": 0}}, {"spec": {}}),
        ({"spec": {"paused": False}}, {"spec": {"paused": True}}),
    ],
)
def test_what_was_asked_for_counts(a, b):
    with pytest.raises(LabsError, match="differ"):
        compare({"a": a, "b": b})


@pytest.mark.parametrize("thing", ["Error from server (NotFound): no", ["- a", "- b"], "", "a: b: c", 7])
def test_what_is_no_object(thing):
    with pytest.raises(LabsError, match="not"):
        as_dict(thing)


PLAIN = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text("abc", min_size=1), inner),
    max_leaves=10,
)


@given(PLAIN)
def test_nothing_differs_from_itself(thing):
    assert list(differences(thing, deepcopy(thing))) == []


@given(PLAIN, PLAIN)
def test_differences_do_not_depend_on_the_order(a, b):
    assert [path for path, *_ in differences(a, b)] == [path for path, *_ in differences(b, a)]


@given(st.dictionaries(st.text("abc", min_size=1), PLAIN))
def test_an_object_asks_for_the_same_as_its_own_json(thing):
    assert spec_of(thing) == spec_of(json.loads(json.dumps(thing)))
