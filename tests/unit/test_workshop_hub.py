"""A workshop on JupyterHub: the values for its chart, and who gets whose kubeconfig."""

from __future__ import annotations

import asyncio
import os
import re
import subprocess
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from labs.workshop.room import hub_secrets, roster
from labs.workshop.room.access_codes import new_code
from tests.hub import FOLDER, hub_module, manifest, spawner, values

NAMES = ["ada", "ada-lovelace", "learner-3a4732"]


@pytest.fixture
def codes(tmp_path, monkeypatch) -> Path:
    """The hub's folder of access codes."""
    monkeypatch.setattr(hub_module(), "CODES", tmp_path)
    for name in NAMES:
        (tmp_path / name).write_text(f"code-of-{name}")
    return tmp_path


def test_the_values_name_what_there_is():
    found = values()["hub"]
    module = hub_module()
    assert Path(found["extraFiles"]["labs"]["mountPath"]).name == "labs_hub.py"
    assert found["config"]["JupyterHub"]["authenticator_class"] == f"labs_hub.{module.AccessCodes.__name__}"
    assert found["extraVolumes"][0]["secret"]["secretName"] == hub_secrets.CODES
    assert found["extraVolumeMounts"][0]["mountPath"] == str(module.CODES)


@given(st.text(min_size=1))
def test_the_hub_and_the_course_call_things_alike(name):
    module, learner = hub_module(), roster.id_of(name)
    assert module.ID.fullmatch(learner)
    assert module.secret_of(learner) == hub_secrets.secret_of(learner)
    assert (module.ID.pattern, module.KUBECONFIG) == (roster.ID.pattern, hub_secrets.KUBECONFIG)


@pytest.mark.parametrize("user", NAMES)
def test_a_pod_has_its_own_kubeconfig_and_no_other(codes, user):
    pod = manifest(user, "jhub")["spec"]
    secrets = [volume["secret"]["secretName"] for volume in pod["volumes"] if volume.get("secret")]
    assert secrets == [f"labs-kubeconfig-{user}"]
    assert pod["automountServiceAccountToken"] is False
    assert not pod.get("serviceAccountName")
    container = pod["containers"][0]
    mount = next(m for m in container["volumeMounts"] if m["name"] == "labs-kubeconfig")
    variables = {item["name"]: item.get("value") for item in container["env"]}
    assert variables["LABS_ATTACH_KUBECONFIG"].startswith(f"{mount['mountPath']}/")
    assert variables["LABS_ENGINES"] == "cluster"


@pytest.mark.parametrize("items", [[{"name": "a"}], {"a": {"name": "a"}}])
def test_one_learner_leaves_nothing_to_the_next(codes, items):
    """The configuration's collections are shared by all spawners, whichever kind of them the chart gives."""
    ada = spawner("ada", "jhub", volumes=items, volume_mounts=items)
    for _ in range(2):  # a server that is started again
        hub_module().give_kubeconfig(ada)
    assert len(items) == 1
    assert len(ada.volumes) == len(ada.volume_mounts) == 2


@pytest.mark.parametrize("user", ["nobody", "ada-", "-ada", "Ada", "../ada", "ada/", "", ".", "ada\n"])
def test_who_is_not_on_the_roster_gets_no_pod(codes, user):
    with pytest.raises(Exception, match="not on the roster") as refusal:
        manifest(user, "jhub")
    assert "Ask your instructor" in refusal.value.jupyterhub_message


def test_a_profile_for_engines_of_ones_own(codes):
    """2 GB is what `usermode` was measured with."""
    container = manifest("ada", "jhub", profile="own")["spec"]["containers"][0]
    assert "own" in [item["value"] for item in container["env"] if item["name"] == "LABS_ENGINES"]
    assert int(container["resources"]["limits"]["memory"]) >= 2 * 1024**3


@pytest.mark.parametrize(
    ("name", "code", "user"),
    [
        ("ada", "code-of-ada", "ada"),
        (" Ada ", " CODE-of-ada ", "ada"),
        ("ada", "code-of-ada-lovelace", None),
        ("ada", "", None),
        ("nobody", "", None),
        ("../codes/ada", "code-of-ada", None),
        ("ada-", "code-of-ada", None),
        ("ada", "code-of-adä", None),
    ],
)
def test_logging_in(codes, name, code, user):
    authenticator = hub_module().AccessCodes()
    assert asyncio.run(authenticator.authenticate(None, {"username": name, "password": code})) == user


@pytest.mark.parametrize(("engines", "command"), [("cluster", "up --context workshop --docker none"), ("own", "up")])
def test_the_image_starts_the_course(tmp_path, engines, command):
    """With the workshop's cluster or engines of one's own; notebooks that a learner has changed stay."""
    programs, told = tmp_path / "bin", tmp_path / "told"
    programs.mkdir()
    for name, text in {
        "labs": f'echo "$@ ${{LABS_ATTACH_KUBECONFIG:-}}" > {told}.new; mv {told}.new {told}',
        "tini": f'while [ ! -e {told} ]; do :; done; pwd; echo "$@"',
    }.items():
        (programs / name).write_text(f"#!/bin/sh\n{text}\n")
        (programs / name).chmod(0o755)
    for place, text in {"notebooks/a": "new", "notebooks/b": "new", "course/notebooks/a": "mine"}.items():
        (tmp_path / place).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / place).write_text(text)
    env = {"HOME": str(tmp_path), "PATH": f"{programs}:{os.environ['PATH']}", "LABS_ENGINES": engines}
    done = subprocess.run(
        [FOLDER / "image/start", "jupyterhub-singleuser", "--a b"],
        env={**env, "LABS_ATTACH_KUBECONFIG": "file"},
        capture_output=True,
        text=True,
        timeout=20,
        check=True,
    )
    assert done.stdout.split("\n")[:2] == [str(tmp_path / "course/notebooks"), "-s -- jupyterhub-singleuser --a b"]
    assert told.read_text().strip() == (f"{command} file" if engines == "cluster" else command)
    assert [(tmp_path / "course/notebooks" / name).read_text() for name in "ab"] == ["mine", "new"]


def test_codes_are_easy_to_read_and_differ():
    made = {new_code(hub_secrets.GROUPS) for _ in range(200)}
    assert len(made) == 200
    assert all(re.fullmatch(r"[2-9a-z]{4}(-[2-9a-z]{4}){2}", code) for code in made)
    assert not set("".join(made)) & set("01ilo")
