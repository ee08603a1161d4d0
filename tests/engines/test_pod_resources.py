"""What a pod may use: limits that change while it runs, and the quality of service that follows from them."""

from __future__ import annotations

import json

import pytest

from labs.waiting import wait_for, wait_for_pods
from tests.engines.manifests import as_text, pod

pytestmark = pytest.mark.engine

LIMITS = "cat /sys/fs/cgroup/memory/memory.limit_in_bytes /sys/fs/cgroup/memory.max 2>/dev/null; true"


def test_a_limit_changes_while_the_pod_runs(here, core, namespace):
    before = here.pids()
    asked = pod("grows", "labs/shell:1", "sleep 600", restartPolicy="Always")
    small = {"cpu": "50m", "memory": "32Mi"}
    asked["spec"]["containers"][0]["resources"] = {"requests": small, "limits": small}
    here.kubectl("apply", "-n", namespace, "-f", "-", input=as_text(asked))
    started = wait_for_pods(core, namespace, "app=grows", 1, 60)[0]
    assert started.status.qos_class == "Guaranteed"

    big = {"cpu": "80m", "memory": "48Mi"}
    change = {"spec": {"containers": [{"name": "main", "resources": {"requests": big, "limits": big}}]}}
    patch = ("patch", "pod", "grows", "-n", namespace, "--subresource", "resize", "-p", json.dumps(change))
    here.kubectl(*patch)

    def limit() -> str:
        return here.kubectl("exec", "-n", namespace, "grows", "--", "sh", "-c", LIMITS).strip()

    wait_for(lambda: limit() == str(48 << 20), 30, what="the container to have its new limit", state=limit)
    now = core.read_namespaced_pod("grows", namespace).status
    assert now.container_statuses[0].restart_count == 0
    assert now.container_statuses[0].resources.limits["memory"] == "48Mi"
    assert here.pids() == before, "a part of the cluster has ended"
