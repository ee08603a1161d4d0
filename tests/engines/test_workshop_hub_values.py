"""A workshop on JupyterHub, on a real cluster: KubeSpawner makes a learner's pod by the hub's own hook and values."""

from __future__ import annotations

import base64
import csv
import json

import pytest

from labs.waiting import wait_for
from tests.engines.courses import Course, is_plain
from tests.hub import hub_module, manifest, values

pytestmark = [pytest.mark.engine, pytest.mark.timeout(240)]
HUB, WORKSHOP = "labs-test-hub", "hall"
ADA, LEI = "ada-lovelace", "learner-3a4732"

PROGRAM = """
import base64, json, re, ssl, urllib.error, urllib.request
from pathlib import Path
text = Path("/etc/labs/kubeconfig").read_text()
word = lambda name: re.search(rf"\\\\b{name}: (\\\\S+)", text)[1]
context = ssl.create_default_context(cadata=base64.b64decode(word("certificate-authority-data")).decode())
def ask(path):
    request = urllib.request.Request(word("server") + path, headers={"Authorization": "Bearer " + word("token")})
    try:
        return urllib.request.urlopen(request, context=context, timeout=20).status
    except urllib.error.HTTPError as error:
        return error.code
print(json.dumps({
    "files": sorted(path.name for path in Path("/etc/labs").iterdir() if not path.name.startswith("..")),
    "account": Path("/var/run/secrets/kubernetes.io/serviceaccount").exists(),
    **{path: ask(path) for path in %r},
}))
"""


@pytest.fixture(scope="module")
def hub(course, tmp_path_factory):
    """``hub("extend")`` runs a command of an instructor's; its namespace is as careful as a hub's can be."""
    here, folder = Course(course.name), tmp_path_factory.mktemp("hub")
    (folder / "roster.csv").write_text("name\nAda Lovelace\n李雷\n", encoding="utf-8")
    here.kubectl("create", "namespace", HUB)
    here.kubectl("label", "namespace", HUB, "pod-security.kubernetes.io/enforce=baseline")

    def run(command: str, *arguments: str):
        return here.labs("workshop", command, "--own", "--workshop", WORKSHOP, *arguments)

    def must(command: str, *arguments: str) -> str:
        done = run(command, *arguments)
        assert done.returncode == 0, done.stdout
        return done.stdout

    def codes() -> dict[str, str]:
        with (folder / "out/codes.csv").open(encoding="utf-8") as file:
            return {row["id"]: row["code"] for row in csv.DictReader(file)}

    run.must, run.codes, run.folder = must, codes, folder
    run.out = ["--out", str(folder / "out")]
    run.provision = ["--learners", str(folder / "roster.csv"), "--lessons", "04", *run.out]
    run.provision += ["--server", "https://kubernetes.default.svc"]
    must("provision", *run.provision, "--secrets", HUB)
    yield run
    run("remove", "--yes")
    here.kubectl("delete", "namespace", HUB, "--wait=false")


@pytest.fixture(scope="module", autouse=True)
def codes(hub):
    """What the hub has mounted: the Secret's keys as files."""
    folder = hub.folder / "codes"
    folder.mkdir()
    for learner, code in hub.codes().items():
        (folder / learner).write_text(code)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(hub_module(), "CODES", folder)
        yield folder


def secrets(here) -> dict[str, dict]:
    found = json.loads(here.kubectl("get", "secrets", "-n", HUB, "-o", "json"))["items"]
    return {item["metadata"]["name"]: item for item in found}


def test_what_the_hub_gets(hub, here):
    found = secrets(here)
    assert sorted(found) == ["labs-access-codes", f"labs-kubeconfig-{ADA}", f"labs-kubeconfig-{LEI}"]
    assert list(found[f"labs-kubeconfig-{ADA}"]["data"]) == ["kubeconfig"]
    stored = {key: base64.b64decode(code).decode() for key, code in found["labs-access-codes"]["data"].items()}
    assert stored == hub.codes()
    assert {path.name for path in (hub.folder / "out").iterdir()} == {"codes.csv"}


def test_new_kubeconfigs_leave_the_codes_alone(hub, here):
    codes, before = hub.codes(), secrets(here)[f"labs-kubeconfig-{ADA}"]["data"]
    hub.must("extend", *hub.out, "--secrets", HUB)
    assert hub.codes() == codes
    assert secrets(here)[f"labs-kubeconfig-{ADA}"]["data"] != before


@pytest.mark.parametrize(
    ("namespace", "said"),
    [(WORKSHOP, "a workshop's own"), (f"{WORKSHOP}-{ADA}-04", "a workshop's own"), ("no", "has no")],
)
def test_a_namespace_that_is_no_hubs(hub, namespace, said):
    done = hub("provision", *hub.provision, "--secrets", namespace)
    assert done.returncode == 2
    assert said in done.stdout
    assert is_plain(done.stdout)


@pytest.mark.parametrize("profile", ["cluster", "own"])
def test_the_cluster_takes_the_pod(here, profile):
    """Every field of it, at the Pod Security level `baseline`."""
    pod = json.dumps(manifest(ADA, HUB, profile=profile))
    assert "created" in here.kubectl("create", "--dry-run=server", "-n", HUB, "-f", "-", input=pod)


def test_the_cluster_takes_the_network_policy(here):
    spec = {"podSelector": {}, "policyTypes": ["Egress"], "egress": values()["singleuser"]["networkPolicy"]["egress"]}
    policy = {"apiVersion": "networking.k8s.io/v1", "kind": "NetworkPolicy", "metadata": {"name": "a"}, "spec": spec}
    said = here.kubectl("create", "--dry-run=server", "-n", HUB, "-f", "-", input=json.dumps(policy))
    assert "created" in said


def test_a_pod_has_its_learners_rights_and_no_others(here):
    """The real pod, with an image of the course's in place of the one that is built for a hub."""
    mine, others = (f"/api/v1/namespaces/{WORKSHOP}-{who}-04/pods" for who in (ADA, LEI))
    hubs = f"/api/v1/namespaces/{HUB}/secrets/labs-kubeconfig-{LEI}"
    program = PROGRAM.replace("\\\\", "\\") % ([mine, others, hubs],)
    what = {"image": "labs/python:3", "cmd": ["python3", "-c", program], "volumes": [], "volume_mounts": []}
    pod = manifest(ADA, HUB, **what, cpu_guarantee=0.01, mem_guarantee="16M")
    here.kubectl("create", "-n", HUB, "-f", "-", input=json.dumps(pod))
    name = pod["metadata"]["name"]

    def phase() -> str:
        return here.kubectl("get", "pod", "-n", HUB, name, "-o", "jsonpath={.status.phase}").strip()

    wait_for(lambda: phase() in ("Succeeded", "Failed"), timeout=90, what="the program in the pod", state=phase)
    said = here.kubectl("logs", "-n", HUB, name)
    assert json.loads(said) == {"files": ["kubeconfig"], "account": False, mine: 200, others: 403, hubs: 403}


def test_removing_the_workshop_takes_the_secrets(hub, here):
    hub.must("remove", "--yes")
    assert not secrets(here)
    assert "Active" in here.kubectl("get", "namespace", HUB)
