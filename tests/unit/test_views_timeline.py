"""The timeline: sentences of events, causes before effects within one second, and one row for what two traces tell."""

from __future__ import annotations

import itertools

import pytest

from labs.errors import LabsError
from labs.views.framework.resource_names import parse_name
from labs.views.timeline_view.event_wording import component, describe_event, lane_of, writer
from labs.views.timeline_view.fact import Fact
from labs.views.timeline_view.object_history import ObjectHistory
from labs.views.timeline_view.ordering import in_order, rows_of

numbers = itertools.count()
SCALED = "Scaled up replica set front-1 from 0 to 1"


def at(second: int) -> str:
    return f"2026-01-01T10:00:{second:02}Z"


def meta(name: str, owner: tuple[str, str] | None = None, second: int = 0, **more) -> dict:
    owners = [{"kind": owner[0], "name": owner[1], "uid": f"uid-{owner[1]}", "controller": True}] if owner else []
    manager = {"manager": "kube-controller-manager" if owner else "kubectl-create", "operation": "Update"}
    return {
        "name": name,
        "uid": f"uid-{name}",
        "resourceVersion": str(next(numbers)),
        "creationTimestamp": at(second),
        "ownerReferences": owners,
        "managedFields": [{**manager, "time": at(second), "fieldsV1": {}}],
        **more,
    }


def event(kind: str, name: str, reason: str, message: str = "", who: str = "kubelet", *, second=0, **more) -> dict:
    return {
        "metadata": {"uid": f"event-{next(numbers)}", "creationTimestamp": at(second)},
        "involvedObject": {"kind": kind, "name": name, "uid": f"uid-{name}", **more.pop("involved", {})},
        "reason": reason,
        "message": message,
        "source": {"component": who, "host": "node1"},
        "firstTimestamp": at(second),
        "lastTimestamp": at(second),
        **more,
    }


def pod(
    name: str, owner: tuple[str, str] | None = None, *, ready: int | None = None, second: int = 0, **status
) -> dict:
    conditions = [
        {"type": "PodScheduled", "status": "True", "lastTransitionTime": at(second)},
        {"type": "Initialized", "status": "True", "lastTransitionTime": at(second)},
        {
            "type": "Ready",
            "status": "False" if ready is None else "True",
            "reason": "ContainersNotReady",
            "lastTransitionTime": at(ready or second),
        },
    ]
    return {
        "metadata": meta(name, owner, second),
        "spec": {"nodeName": "node1", "containers": [{"name": "web", "image": "i"}]},
        "status": {"phase": "Running", "conditions": conditions, **status},
    }


def history_of(name: str, events=(), now: float = 0, **things) -> ObjectHistory:
    told = ObjectHistory(parse_name(name))
    told.update(things, events, now)
    return told


def told(of: ObjectHistory) -> list[tuple[str, str, str]]:
    return [(row["who"], row["did"], row["about"]) for row in rows_of(of.facts.values())["rows"]]


@pytest.mark.parametrize(
    ("text", "kind"),
    [
        ("deploy/front", "Deployment"),
        ("pods/front", "Pod"),
        ("deployment.apps/front", "Deployment"),
        ("SVC/a", "Service"),
    ],
)
def test_names_are_kubectls(text, kind):
    assert parse_name(text).kind == kind


@pytest.mark.parametrize("text", ["front", "pod/", "house/front", "a/b/c", ""])
def test_other_names_are_refused_with_a_word(text):
    with pytest.raises(LabsError):
        parse_name(text)


@pytest.mark.parametrize(
    ("reason", "message", "did"),
    [
        ("Scheduled", "Successfully assigned a/b to node1", "assigned it to node1"),
        ("Pulled", 'Container image "labs/web:1" already present on machine', "found image labs/web:1 on the node"),
        ("Pulled", 'Successfully pulled image "x:1" in 2.5s (2.5s including waiting)', "pulled image x:1 in 2.5s"),
        ("Unhealthy", "Readiness probe failed: HTTP probe failed with statuscode: 404", "readiness probe failed"),
        (
            "Killing",
            "Container web failed liveness probe, will be restarted",
            "ends container: its liveness probe failed",
        ),
        ("BackOff", "Back-off restarting failed container", "waits before it starts the container again"),
        ("BackOff", 'Back-off pulling image "x"', "waits before it pulls the image again"),
        ("ScalingReplicaSet", "Scaled up replica set front-1 from 0 to 2", "scaled it from 0 to 2"),
        ("FailedScheduling", "0/1 nodes are available", "found no node for it"),
        ("NobodyKnowsThis", "hm", "nobody knows this: hm"),
        ("NobodyKnowsThis", "", "nobody knows this"),
    ],
)
def test_events_are_plain_sentences(reason, message, did):
    assert describe_event(event("Pod", "a", reason, message)).did == did


def test_container_is_named_where_the_event_names_it():
    started = event("Pod", "a", "Started", "Container started", involved={"fieldPath": "spec.containers{web}"})
    assert describe_event(started).did == "started container web"


def test_components_and_writers_have_names():
    assert component(event("Pod", "a", "Started")) == "kubelet node1"
    assert component({"reportingComponent": "default-scheduler"}) == "scheduler"
    assert writer("OpenAPI-Generator") == "Python client"
    assert writer("kubectl-client-side-apply") == "kubectl apply"
    assert writer("kubectl", "scale") == "kubectl scale"
    assert writer("kubelet") == ""
    lanes = ["kubectl apply", "deployment controller", "replicaset controller", "scheduler", "kubelet n", "API server"]
    assert [lane_of(who) for who in lanes] == sorted(lane_of(who) for who in lanes)


@pytest.mark.parametrize("fraction", ["000000", "000001", "000012", "512345", "999999"])
def test_ties_are_in_the_order_of_cause_and_effect(fraction):
    front, behind = ("Deployment", "front"), ("ReplicaSet", "front-1")
    events = [
        event("Pod", "front-1-a", "Started", "Container started", involved={"fieldPath": "spec.containers{web}"}),
        event("Pod", "front-1-a", "Created", "Container created", involved={"fieldPath": "spec.containers{web}"}),
        event("Pod", "front-1-a", "Pulled", 'Container image "i" already present on machine'),
        event("Pod", "front-1-a", "Scheduled", "assigned n/front-1-a to node1", "default-scheduler")
        | {"eventTime": f"2026-01-01T10:00:00.{fraction}Z"},
        event("ReplicaSet", "front-1", "SuccessfulCreate", "Created pod: front-1-a", "replicaset-controller"),
        event(
            "Deployment",
            "front",
            "ScalingReplicaSet",
            "Scaled up replica set front-1 from 0 to 1",
            "deployment-controller",
        ),
    ]
    piece = {
        "metadata": meta("front-x", ("Service", "front"), labels={"kubernetes.io/service-name": "front"}),
        "endpoints": [{"targetRef": {"uid": "uid-front-1-a"}, "conditions": {"ready": True}}],
    }
    seen = history_of(
        "deploy/front",
        events,
        deployments=[{"metadata": meta("front")}],
        replicasets=[{"metadata": meta("front-1", front)}],
        pods=[pod("front-1-a", behind, ready=0)],
        endpointslices=[piece],
    )
    assert [did for _, did, _ in told(seen)] == [
        "created", "created", "scaled it from 0 to 1", "created", "assigned it to node1", "found image i on the node",
        "created container web", "started container web", "reports it ready", "sends it requests to Service front",
    ]  # fmt: skip
    assert [who for who, *_ in told(seen)][:4] == [
        "kubectl create", "deployment controller", "deployment controller", "replicaset controller",
    ]  # fmt: skip
    assert {row["second"] for row in rows_of(seen.facts.values())["rows"]} == {0}


def test_late_in_a_second_stays_before_the_next_one():
    scheduled = event("Pod", "a", "Scheduled", "assigned n/a to node1", "default-scheduler")
    events = [
        scheduled | {"eventTime": "2026-01-01T10:00:00.999999Z"},
        *(event("Pod", "a", reason) for reason in ("Pulled", "Created", "Started")),
        event("Pod", "b", "Killing", second=1),
    ]
    facts = [fact for name in "ab" for fact in history_of(f"pod/{name}", events, pods=[pod("a")]).facts.values()]
    assert [fact.name for _, fact in in_order(facts)][-1] == "b"


def test_scaled_after_created_also_where_no_time_is_exact():
    """The scheduler may come seconds later, and then nothing in the first second is exact."""
    front, behind = ("Deployment", "front"), ("ReplicaSet", "front-1")
    events = [
        event("ReplicaSet", "front-1", "SuccessfulCreate", "Created pod: front-1-a", "replicaset-controller"),
        event("Deployment", "front", "ScalingReplicaSet", SCALED, "deployment-controller"),
    ]
    seen = history_of(
        "deploy/front",
        events,
        deployments=[{"metadata": meta("front")}],
        replicasets=[{"metadata": meta("front-1", front)}],
        pods=[{"metadata": meta("front-1-a", behind), "status": {}}],
    )
    assert told(seen) == [
        ("kubectl create", "created", "Deployment front"),
        ("deployment controller", "created", "ReplicaSet front-1"),
        ("deployment controller", "scaled it from 0 to 1", "ReplicaSet front-1"),
        ("replicaset controller", "created", "Pod front-1-a"),
    ]
    assert rows_of(seen.facts.values())["rows"][0]["second"] == 0


def test_claim_and_the_pod_that_uses_it():
    node = "volume.kubernetes.io/selected-node"
    claim = {"metadata": meta("data", annotations={node: "node1"}), "spec": {"volumeName": "pvc-1"}}
    chosen = {"f:metadata": {"f:annotations": {f"f:{node}": {}}}}
    claim["metadata"]["managedFields"] += [
        {"manager": "kube-scheduler", "time": at(5), "fieldsV1": chosen},
        {"manager": "kube-controller-manager", "time": at(9), "fieldsV1": {"f:spec": {"f:volumeName": {}}}},
    ]
    kind, made = "PersistentVolumeClaim", "rancher.io/local-path_local-path-provisioner-6c_2c4d"
    events = [
        event(kind, "data", "ProvisioningSucceeded", "Successfully provisioned volume pvc-1", made, second=9),
        event(kind, "data", "Provisioning", "External provisioner is provisioning", made, second=5),
        event(kind, "data", "ExternalProvisioning", "Waiting for a volume", "persistentvolume-controller", second=5),
        event(kind, "data", "WaitForFirstConsumer", "waiting for first", "persistentvolume-controller"),
        event("Pod", "store-1", "Scheduled", "assigned n/store-1 to node1", "default-scheduler", second=9)
        | {"eventTime": "2026-01-01T10:00:09.000002Z"},
    ]
    user = {"metadata": meta("store-1", ("ReplicaSet", "store"), 5), "status": {}}
    user["spec"] = {"volumes": [{"name": "d", "persistentVolumeClaim": {"claimName": "data"}}, {"name": "tmp"}]}
    seen = history_of("pvc/data", events, persistentvolumeclaims=[claim], pods=[user, pod("stranger")])
    assert told(seen) == [
        ("kubectl create", "created", f"{kind} data"),
        ("persistentvolume controller", "waits for a pod that uses it", f"{kind} data"),
        ("replicaset controller", "created", "Pod store-1"),
        ("scheduler", "chose node1, where the pod that uses it is to run", f"{kind} data"),
        ("persistentvolume controller", "waits for the provisioner to make a volume", f"{kind} data"),
        ("provisioner rancher.io/local-path", "makes a volume for it", f"{kind} data"),
        ("provisioner rancher.io/local-path", "made a volume for it", f"{kind} data"),
        ("persistentvolume controller", "bound it to its volume", f"{kind} data"),
        ("scheduler", "assigned it to node1", "Pod store-1"),
    ]


def test_event_and_condition_that_tell_the_same_are_one():
    events = [
        event("Pod", "a", "Scheduled", "assigned n/a to node1", "default-scheduler"),
        event("Pod", "a", "Started", "Container started", second=1, involved={"fieldPath": "spec.containers{web}"}),
    ]
    running = [{"name": "web", "state": {"running": {"startedAt": at(1)}}}]
    seen = history_of("pod/a", events, pods=[pod("a", ready=1, containerStatuses=running)])
    assert told(seen) == [
        ("kubectl create", "created", "Pod a"),
        ("scheduler", "assigned it to node1", "Pod a"),
        ("kubelet node1", "started container web", "Pod a"),
        ("kubelet node1", "reports it ready", "Pod a"),
    ]


def test_expired_events_and_deleted_objects_stay():
    events = [event("Pod", "a", "Pulled", 'Container image "i" already present on machine')]
    seen = history_of("pod/a", events, pods=[pod("a")])
    before = told(seen)
    seen.update({"pods": []}, [], 1767261700.0)
    assert seen.state == "deleted"
    gone = [("somebody", "deleted it", "Pod a"), ("API server", "removed it from the record", "Pod a")]
    assert told(seen) == [*before, *gone]


def test_object_deleted_before_anybody_looked_is_told_by_its_events():
    seen = history_of("pod/a", [event("Pod", "a", "Killing", "Stopping container web")], pods=[])
    assert seen.state == "deleted"
    assert told(seen) == [("kubelet node1", "ends container", "Pod a")]


def test_nothing_yet_then_made():
    seen = history_of("pod/a", [], pods=[])
    assert (seen.state, told(seen)) == ("absent", [])
    seen.update({"pods": [pod("a")]}, [], 0)
    assert seen.state == "here"


def test_repeated_trouble_has_a_first_and_a_last_row():
    failed = event("Pod", "a", "Unhealthy", "Readiness probe failed: 404", type="Warning", count=18)
    rows = rows_of(history_of("pod/a", [failed | {"lastTimestamp": at(15)}], pods=[pod("a")]).facts.values())["rows"]
    first, last = (row for row in rows if row["did"] == "readiness probe failed")
    assert (first["second"], first["mark"], first["again"]) == (0, "bad", "")
    assert (last["second"], last["mark"], last["again"]) == (15, "bad", "the 18th time")
    assert last["detail"][0]["text"] == "Readiness probe failed: 404"


def test_probe_that_failed_until_the_program_was_up_is_no_failure():
    failed = event("Pod", "a", "Unhealthy", "Readiness probe failed: refused", type="Warning", second=1)
    rows = rows_of(history_of("pod/a", [failed], pods=[pod("a", ready=2)]).facts.values())["rows"]
    assert [row["mark"] for row in rows if row["did"] == "readiness probe failed"] == ["wait"]


def test_probe_that_fails_while_the_pod_ends_is_no_failure():
    ending = pod("a", ready=2)
    ending["metadata"] |= {"deletionTimestamp": at(39), "deletionGracePeriodSeconds": 30}
    failed = event("Pod", "a", "Unhealthy", "Readiness probe failed: refused", type="Warning", second=9)
    rows = rows_of(history_of("pod/a", [failed], pods=[ending]).facts.values())["rows"]
    assert [row["mark"] for row in rows if row["did"] == "readiness probe failed"] == ["wait"]


def ending(name: str, second: int = 9, grace: int = 30, owner=None, **more) -> dict:
    """A pod that was deleted at a second."""
    one = pod(name, owner, ready=2, **more)
    one["metadata"] |= {"deletionTimestamp": at(second + grace), "deletionGracePeriodSeconds": grace}
    return one


def test_asking_to_delete_comes_before_what_it_causes():
    failed = event("Pod", "a", "Unhealthy", "Readiness probe failed: refused", type="Warning", second=9)
    one = ending("a")
    one["status"]["conditions"][2] |= {"status": "False", "lastTransitionTime": at(9)}
    did = [(who, did) for who, did, _ in told(history_of("pod/a", [failed], pods=[one]))]
    asked = did.index(("somebody", "asked to delete it; it has 30 s to end"))
    assert asked < did.index(("kubelet node1", "readiness probe failed"))
    assert asked < did.index(("kubelet node1", "reports it not ready"))


def replica_set(name: str = "set", **more) -> dict:
    return {"metadata": meta(name, ("Deployment", "front"), **more), "spec": {}, "status": {}}


@pytest.mark.parametrize(
    ("things", "events", "who"),
    [
        ({"replicasets": [replica_set()]}, [], "somebody or a controller"),
        ({"replicasets": []}, [], "garbage collector"),
        ({"replicasets": [replica_set(deletionTimestamp=at(9))]}, [], "garbage collector"),
        ({"replicasets": [replica_set()]}, [("SuccessfulDelete", "Deleted pod: a")], "replicaset controller"),
    ],
)
def test_who_deleted_a_pod_of_a_replicaset(things, events, who):
    seen = history_of("rs/set", pods=[pod("a", ("ReplicaSet", "set"))], replicasets=[replica_set()])
    heard = [event("ReplicaSet", "set", *words, who="replicaset-controller", second=9) for words in events]
    seen.update({"pods": [ending("a", owner=("ReplicaSet", "set"))], **things}, heard, 0)
    assert [row[0] for row in told(seen) if "delete" in row[1] and row[2] == "Pod a"] == [who]


def test_a_pods_own_story_knows_what_its_replicaset_did():
    heard = [event("ReplicaSet", "set", "SuccessfulDelete", "Deleted pod: a", who="replicaset-controller", second=9)]
    seen = history_of("pod/a", heard, pods=[ending("a", owner=("ReplicaSet", "set"))])
    assert ("replicaset controller", "deleted", "Pod a") in told(seen)


@pytest.mark.parametrize(
    ("reason", "who", "did"),
    [
        ("EvictionByEvictionAPI", "somebody", "asked to evict it, as `kubectl drain` does; it has 30 s to end"),
        ("PreemptionByScheduler", "scheduler", "ends it to make room for a more important pod; it has 30 s to end"),
        ("SomethingNew", "somebody", "asked to delete it; it has 30 s to end"),
    ],
)
def test_a_pod_that_made_room_says_for_whom(reason, who, did):
    one = ending("a")
    one["status"]["conditions"].append({"type": "DisruptionTarget", "status": "True", "reason": reason})
    assert (who, did, "Pod a") in told(history_of("pod/a", pods=[one]))


@pytest.mark.parametrize(
    ("users", "did"),
    [
        (["a"], "keeps it until Pod a, which uses it, has ended"),
        (["a", "b"], "keeps it until Pod a and 1 more, which use it, have ended"),
        ([], "keeps it until no pod uses it"),
    ],
)
def test_a_claim_that_was_deleted_says_what_it_waits_for(users, did):
    volumes = [{"name": "data", "persistentVolumeClaim": {"claimName": "data"}}]
    pods = [pod(name) for name in users]
    for one in pods:
        one["spec"]["volumes"] = volumes
    kept = {"deletionTimestamp": at(9), "finalizers": ["kubernetes.io/pvc-protection"]}
    claim = {"metadata": meta("data", **kept), "spec": {}, "status": {"phase": "Bound"}}
    rows = told(history_of("pvc/data", persistentvolumeclaims=[claim], pods=pods))
    last = [row for row in rows if row[2] == "PersistentVolumeClaim data"][-2:]
    assert [row[:2] for row in last] == [("somebody", "asked to delete it"), ("API server", did)]


@pytest.mark.parametrize(
    ("end", "did", "mark"),
    [
        ({"exitCode": 137, "reason": "OOMKilled"}, "container web ended with exit code 137 (OOMKilled)", "bad"),
        ({"exitCode": 3, "reason": "Error"}, "container web ended with exit code 3", "bad"),
        ({"exitCode": 0, "reason": "Completed"}, "container web ended with exit code 0", "done"),
    ],
)
def test_end_of_a_container_has_its_code(end, did, mark):
    ended = [{"name": "web", "state": {"terminated": {**end, "startedAt": at(1), "finishedAt": at(2)}}}]
    rows = rows_of(history_of("pod/a", pods=[pod("a", containerStatuses=ended)]).facts.values())["rows"]
    assert (rows[-1]["did"], rows[-1]["mark"]) == (did, mark)


def a_state(name: str, started: int, ended: int | None = None) -> dict:
    """The status of a container that runs, or has ended."""
    if ended is None:
        return {"name": name, "state": {"running": {"startedAt": at(started)}}}
    end = {"exitCode": 0, "reason": "Completed", "startedAt": at(started), "finishedAt": at(ended)}
    return {"name": name, "state": {"terminated": end}}


def a_pod_with_init_containers(ended: int | None = None) -> dict:
    """A pod ``web``: `zero` must end, `side` goes on beside `main`; all of it within one second."""
    states = [a_state("zero", 1, 1), a_state("side", 1, ended)]
    one = pod("web", ready=1, initContainerStatuses=states, containerStatuses=[a_state("main", 1, ended)])
    native = {"name": "side", "restartPolicy": "Always"}
    one["spec"] |= {"initContainers": [{"name": "zero"}, native], "containers": [{"name": "main"}]}
    return one


def test_containers_start_in_turn_within_one_second():
    started = [
        event("Pod", "web", "Started", second=1, involved={"fieldPath": f"spec.containers{{{name}}}"})
        for name in ("main", "side", "zero")
    ]
    steps = [did for _, did, _ in told(history_of("pod/web", started, pods=[a_pod_with_init_containers()]))]
    assert steps[2:] == [
        "started container zero",
        "container zero ended with exit code 0",
        "started container side",
        "started container main",
        "reports it ready",
    ]


def test_containers_end_in_the_opposite_order_within_one_second():
    of = history_of("pod/web", pods=[a_pod_with_init_containers()])
    leaving = a_pod_with_init_containers(ended=5)
    leaving["metadata"] |= {"deletionTimestamp": at(5), "deletionGracePeriodSeconds": 1, "resourceVersion": "x"}
    of.update({"pods": [leaving]}, [], 0)
    ends = [did.split()[1] for _, did, _ in told(of) if "ended" in did]
    assert ends == ["zero", "main", "side"]


def test_change_that_was_watched_tells_old_and_new():
    before = {"metadata": meta("front"), "spec": {"replicas": 2}}
    scaled = {"manager": "kubectl", "operation": "Update", "subresource": "scale", "fieldsV1": {}}
    after = {"metadata": meta("front"), "spec": {"replicas": 3}}
    after["metadata"]["managedFields"].append(scaled)
    seen = history_of("deploy/front", deployments=[before], pods=[])
    seen.update({"deployments": [after]}, [], 1767261605.0)
    assert told(seen)[-1] == ("kubectl scale", "changed replicas from 2 to 3", "Deployment front")


def test_apply_tells_the_field_that_it_changed():
    before = {"metadata": meta("front", annotations={"kubectl.kubernetes.io/last-applied-configuration": "1"})}
    after = {"metadata": meta("front", annotations={"kubectl.kubernetes.io/last-applied-configuration": "2"})}
    applied = {"manager": "kubectl-client-side-apply", "time": at(5), "fieldsV1": {}}
    after["metadata"]["managedFields"].append(applied)
    seen = history_of("deploy/front", deployments=[{**before, "spec": {"replicas": 2}}])
    seen.update({"deployments": [{**after, "spec": {"replicas": 3}}]}, [], 0)
    assert told(seen)[-1] == ("kubectl apply", "changed replicas from 2 to 3", "Deployment front")


def test_change_is_the_newest_writers():
    before = {"metadata": meta("m"), "data": {"a": "1", "b": "1"}}
    after = {"metadata": meta("m"), "data": {"a": "2", "b": "1"}}
    after["metadata"]["managedFields"][0]["fieldsV1"] = {"f:data": {"f:b": {}}}  # it has lost a field
    patched = {"manager": "kubectl-patch", "time": at(5), "fieldsV1": {"f:data": {"f:a": {}}}}
    after["metadata"]["managedFields"].append(patched)
    seen = history_of("cm/m", configmaps=[before])
    after |= {"apiVersion": "v1", "kind": "ConfigMap"}  # which the items of a list lack
    for _ in range(2):
        seen.update({"configmaps": [after]}, [], 1767261605.0)
    assert told(seen)[1:] == [("kubectl patch", "changed a from 1 to 2", "ConfigMap m")]


def test_job_that_somebody_makes_from_a_cronjob_is_theirs():
    job = {"metadata": meta("c-now", ("CronJob", "c"))}
    job["metadata"]["managedFields"][0]["manager"] = "kubectl-create"
    done = {"conditions": [{"type": "Complete", "status": "True", "lastTransitionTime": at(3)}]}
    events = [event("Job", "c-now", "Completed", "Job completed", "job-controller", second=3)]
    seen = history_of("job/c-now", events, jobs=[{**job, "status": done}])
    assert told(seen) == [("kubectl create", "created", "Job c-now"), ("job controller", "completed it", "Job c-now")]


@pytest.mark.parametrize("word", ["create", "Create"])
def test_statefulset_names_its_pods(word):
    made = event("StatefulSet", "s", "SuccessfulCreate", f"{word} Pod s-0 in StatefulSet s successful")
    assert describe_event(made).about == ("Pod", "s-0")


def test_liveness_that_failed_is_a_failure_though_the_pod_is_ready_again():
    failed = event("Pod", "a", "Unhealthy", "Liveness probe failed: 404", type="Warning", second=1)
    rows = rows_of(history_of("pod/a", [failed], pods=[pod("a", ready=9)]).facts.values())["rows"]
    assert [row["mark"] for row in rows if row["did"] == "liveness probe failed"] == ["bad"]


def test_changed_secret_stays_secret():
    before = {"metadata": meta("key"), "data": {"password": "b2xk"}}
    after = {"metadata": meta("key"), "data": {"password": "bmV3"}}
    after["metadata"]["managedFields"].append({"manager": "kubectl-patch", "time": at(5), "fieldsV1": {}})
    seen = history_of("secret/key", secrets=[before])
    seen.update({"secrets": [after]}, [], 0)
    assert "b2xk" not in str(rows_of(seen.facts.values()))
    assert "bmV3" not in str(rows_of(seen.facts.values()))


def test_like_steps_of_several_pods_are_one_row():
    behind = ("ReplicaSet", "r")
    seen = history_of(
        "rs/r", replicasets=[{"metadata": meta("r")}], pods=[pod(f"r-{i}", behind, ready=1) for i in range(3)]
    )
    assert told(seen)[1:] == [
        ("replicaset controller", "created", "3 Pods"),
        ("scheduler", "assigned it to node1", "3 Pods"),
        ("kubelet node1", "reports it ready", "3 Pods"),
    ]


def test_wish_without_a_recorded_time_comes_before_its_effect():
    wish = Fact(("w",), 5.4, "kubectl scale", "changed replicas", "Deployment", "d", "d", "changed")
    effect = Fact(
        ("e",), 4, "deployment controller", "scaled it from 2 to 3", "ReplicaSet", "r", "r", "scaled", group="d"
    )
    assert [fact.key for _, fact in in_order([effect, wish])] == [("w",), ("e",)]


def test_service_tells_who_gets_its_requests():
    piece = {
        "metadata": meta("s-x", ("Service", "s"), 2, labels={"kubernetes.io/service-name": "s"}),
        "endpoints": [{"targetRef": {"uid": "uid-a"}, "conditions": {"ready": True}}],
    }
    seen = history_of("svc/s", services=[{"metadata": meta("s")}], endpointslices=[piece], pods=[pod("a", ready=2)])
    piece["metadata"]["managedFields"] = [{"manager": "kube-controller-manager", "time": at(9), "fieldsV1": {}}]
    piece["endpoints"] = []
    seen.update({"services": [{"metadata": meta("s")}], "endpointslices": [piece], "pods": []}, [], 0)
    assert [did for _, did, about in told(seen) if about == "Pod a"] == [
        "reports it ready", "sends it requests to Service s", "sends it no more requests to Service s",
    ]  # fmt: skip


def endpoint_slice(service: str, *pods: str) -> dict:
    labels = {"kubernetes.io/service-name": service}
    targets = [{"targetRef": {"uid": f"uid-{name}"}, "conditions": {"ready": True}} for name in pods]
    return {"metadata": meta(f"{service}-x", ("Service", service), labels=labels), "endpoints": targets}


@pytest.mark.parametrize("pods", [(), ("b",)], ids=["empty", "with a pod"])
def test_service_tells_nothing_of_the_slice_of_another(pods):
    services = [{"metadata": meta("s")}, {"metadata": meta("other")}]
    slices = [endpoint_slice("s", "a"), endpoint_slice("other", *pods)]
    seen = history_of("svc/s", services=services, endpointslices=slices, pods=[pod("a", ready=2), pod("b", ready=2)])
    assert {about for _, _, about in told(seen)} == {"Service s", "EndpointSlice s-x", "Pod a"}


def test_deployment_tells_that_its_last_pod_gets_no_more_requests():
    front, behind = ("Deployment", "front"), ("ReplicaSet", "front-1")
    objects = {"deployments": [{"metadata": meta("front")}], "replicasets": [{"metadata": meta("front-1", front)}]}
    full, empty, foreign = endpoint_slice("s", "a"), endpoint_slice("s"), endpoint_slice("other")
    seen = history_of("deploy/front", pods=[pod("a", behind, ready=2)], endpointslices=[full, foreign], **objects)
    seen.update({**objects, "pods": [], "endpointslices": [empty, foreign]}, [], 0)
    assert [did for _, did, _ in told(seen) if "requests" in did] == [
        "sends it requests to Service s", "sends it no more requests to Service s",
    ]  # fmt: skip
    assert not any("other" in did or "other" in about for _, did, about in told(seen))
