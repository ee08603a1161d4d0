"""The figures of a simulated workshop, and what its learners have."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from benchmarks import scale
from benchmarks.scale.figures import mean_since, percentile, slowest_queues, times
from benchmarks.scale.learner import LearnerObjects
from benchmarks.scale.simulation import CATALOG, Snapshot
from benchmarks.scale.workshop import Rollouts
from labs.engines.cluster.control_plane_flags import Site, arguments
from labs.engines.programs import catalog
from labs.errors import LabsError


def test_a_percentile_is_a_value_that_was_measured():
    values = [float(n) for n in range(1, 101)]
    assert (percentile(values, 50), percentile(values, 99), percentile([7.0], 99)) == (50, 99, 7)


def test_times_are_read_in_fitting_units():
    assert times("lesson", "PATCH", [0.004, 0.012, 2.5]).value == "p50 12 ms, p99 2.5 s (3)"
    assert times("lesson", "PATCH", []).value == "none"


def test_the_queues_in_which_work_waited_longest_come_first():
    def queue(name, waited, count):
        start = "kube-controller-manager workqueue_queue_duration_seconds"
        return {f'{start}_sum{{name="{name}"}}': waited, f'{start}_count{{name="{name}"}}': count}

    before = queue("deployment", 1, 10) | queue("endpoint", 5, 5)
    after = queue("deployment", 41, 20) | queue("endpoint", 5, 5) | queue("namespace", 3, 3)
    assert slowest_queues(before, after) == {"deployment": 4.0, "namespace": 1.0}


def test_what_a_component_holds_back_is_counted_over_all_verbs():
    name = "kube-scheduler rest_client_rate_limiter_duration_seconds"
    other = {f'{name}_count{{verb="PUT"}}': 5.0}
    after = {f'{name}_count{{verb="POST"}}': 3.0, f'{name}_count{{verb="GET"}}': 1.0, f'{name}_sum{{verb="POST"}}': 8.0}
    assert mean_since(other, after | other, name) == (4, 2)
    assert mean_since({}, after, name, '{verb="POST"') == (3, 8 / 3)
    assert mean_since({}, after, "kube-controller-manager") == (0, 0)


def test_cores_are_told_apart_from_what_others_use():
    earlier, now = Snapshot(10, {"etcd": 1.0}, 100), Snapshot(20, {"etcd": 3.0, "kwok": 1.0}, 115)
    assert now.cores_since(earlier) == pytest.approx({"etcd": 0.2, "kwok": 0.1, "others": 1.2})


def test_a_rollout_ends_whichever_is_known_first():
    def deployment(generation, available):
        counts = {"replicas": 3, "updatedReplicas": 3, "availableReplicas": available}
        return {"metadata": {"namespace": "a"}, "status": {**counts, "observedGeneration": generation}}

    rollouts = Rollouts()
    rollouts.on_deployment(deployment(1, 3))
    rollouts.expect("a", 2, 0.0)
    rollouts.on_deployment(deployment(2, 2))
    assert not rollouts.seconds
    rollouts.on_deployment(deployment(2, 3))
    assert list(rollouts.seconds) == ["a"]

    rollouts = Rollouts()
    rollouts.on_deployment(deployment(2, 3))  # before the answer to the request that caused it
    rollouts.expect("a", 2, 0.0)
    assert list(rollouts.seconds) == ["a"]


def test_a_learner_has_what_the_workshop_gives():
    provisioned = LearnerObjects(7).provisioned()
    kinds = [path.rsplit("/", 1)[1] for path, _ in provisioned]
    assert kinds == ["namespaces", "resourcequotas", "limitranges", "serviceaccounts", "roles", "rolebindings",
                     "rolebindings", "networkpolicies", "configmaps"]  # fmt: skip
    assert all("/namespaces/learner-00007/" in path for path, _ in provisioned[1:])
    assert len(json.loads(provisioned[-1][1]["data"]["progress.json"])) == 27


def test_flags_are_taken_by_component():
    words = ["etcd:--quota-backend-bytes=1", "kube-scheduler:--kube-api-qps=9", "kube-scheduler:--kube-api-burst=9"]
    wanted = {"etcd": ["--quota-backend-bytes=1"], "kube-scheduler": ["--kube-api-qps=9", "--kube-api-burst=9"]}
    assert scale.flags_of(words) == wanted


def test_flags_come_after_those_that_a_component_has():
    site = Site(address="", inside="", node=str, flags={"etcd": ["--log-level=info"]})
    words = [word for word in arguments("etcd", Path("/x"), site) if word.startswith("--log-level")]
    assert words == ["--log-level=warn", "--log-level=info"]
    assert "--log-level=info" not in arguments("kube-scheduler", Path("/x"), site)


def test_no_course_of_a_learner_needs_the_fake_nodes():
    before = set(catalog.items())
    assert "kwok" not in before
    catalog.add(CATALOG)
    try:
        assert catalog.item_of("kwok").go in catalog.builds()
        assert set(catalog.items()) == before | {"kwok"}
    finally:
        catalog.FILES.remove(CATALOG)
        catalog._raw.cache_clear()


@pytest.mark.parametrize("word", ["--kube-api-qps=9", "kubelet:--v=9", "etcd:v=9"])
def test_a_flag_without_its_component_is_refused(word):
    with pytest.raises(LabsError, match="COMPONENT:--FLAG=VALUE"):
        scale.flags_of([word])
