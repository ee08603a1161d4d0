"""Proxies, a sudo, a umask, a locale and settings that are not the usual ones."""

from __future__ import annotations

import errno
import io
import os
import platform
import stat
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

import kubernetes
import pytest

from labs.engines import background, choice, lifecycle
from labs.engines.host import trial
from labs.engines.runtime import privileges, unexpected_errors
from labs.engines.runtime.reporter import Reporter
from labs.engines.runtime.state import State
from labs.engines.runtime.user_folders import cache_folder
from labs.errors import NotSupported
from labs.kube import kubectl
from labs.session.kernel_environment import set_environment

PROXY = "http://proxy.example:3128"


def test_no_proxy_leads_to_the_courses_own_cluster(monkeypatch, tmp_path):
    for name in ("DOCKER_HOST", "KUBECONFIG", "KUBECACHEDIR", "PATH", "DOCKER_CONTEXT"):
        monkeypatch.setenv(name, os.environ.get(name, "other"))
    for name in ("NO_PROXY", "no_proxy"):
        monkeypatch.setenv(name, "example.com")
    module = kubernetes.config.kube_config
    monkeypatch.setattr(module, "KUBE_CONFIG_DEFAULT_LOCATION", "")
    engine = SimpleNamespace(
        docker_host="tcp://elsewhere:2375", command_folders=list, local_addresses=["10.213.7.1", "10.213.7.0/24"]
    )
    set_environment(engine, tmp_path / "kubeconfig")
    for name in ("NO_PROXY", "no_proxy"):
        assert os.environ[name] == "example.com,localhost,127.0.0.1,::1,10.213.7.1,10.213.7.0/24"
    assert "DOCKER_CONTEXT" not in os.environ  # it would win over DOCKER_HOST


def test_kubectl_goes_to_the_courses_cluster_directly(monkeypatch):
    monkeypatch.setenv("HTTPS_PROXY", PROXY)
    assert kubectl.direct()["NO_PROXY"] == "*"


def test_sudo_keeps_the_way_to_the_internet(monkeypatch, tmp_path):
    monkeypatch.setenv("https_proxy", PROXY)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    monkeypatch.delenv("LABS_CACHE", raising=False)
    monkeypatch.setattr(privileges.shutil, "which", lambda name: f"/usr/bin/{name}")
    monkeypatch.setattr(privileges.subprocess, "run", lambda *_, **__: SimpleNamespace(returncode=0))
    command = privileges.sudo(["labs", "up"])
    assert f"https_proxy={PROXY}" in command
    assert f"LABS_CACHE={cache_folder()}" in command
    assert command[-2:] == ["labs", "up"]


@pytest.fixture
def started(monkeypatch, tmp_path):
    """What is started in the background, by a user who is not root but may become it."""
    monkeypatch.setenv("LABS_STATE", str(tmp_path / "state"))
    monkeypatch.setenv("LABS_CACHE", str(tmp_path / "cache"))
    monkeypatch.setenv("LABS_NAME", "trial")
    monkeypatch.setattr(privileges.os, "geteuid", lambda: 1000)
    monkeypatch.setattr(privileges, "sudo", lambda argv: ["sudo", *argv])
    monkeypatch.setattr(choice, "refusal", str)
    monkeypatch.setattr(privileges.os, "execv", lambda *_: pytest.fail("this very process went on as root"))
    monkeypatch.setattr(privileges.sys, "platform", "linux")
    monkeypatch.setattr(trial, "attempt", trial.Trial)
    commands = []

    def start(argv, **_):
        commands.append(argv)
        return SimpleNamespace(poll=lambda: 0)

    monkeypatch.setattr(background.subprocess, "Popen", start)
    return commands


def test_only_the_engines_are_started_as_root(started):
    background.up_in_background()
    assert started == [["sudo", sys.executable, "-m", "labs.cli", "--name", "trial", "up"]]


def test_root_that_may_make_no_namespaces_does_without(started, monkeypatch):
    """As root in a container is."""
    refused = trial.Trial("namespaces", "unshare: unshare failed: Operation not permitted")
    monkeypatch.setattr(trial, "attempt", lambda: refused)
    background.up_in_background()
    assert started == [[sys.executable, "-m", "labs.cli", "--name", "trial", "up"]]


def test_nobody_becomes_root_for_an_attached_course(started, tmp_path):
    state = State(tmp_path / "state/trial")
    state.make_folder(".")
    (state.folder / State.RECORD).write_text('{"name": "trial", "engine": "attached"}')
    background.up_in_background()
    assert started == [[sys.executable, "-m", "labs.cli", "--name", "trial", "up"]]


@pytest.mark.parametrize(
    ("log", "words"),
    [
        ("  ✗ network (0.1 s)\n✗ It broke.\n  → Repair it.\n", "It broke."),
        ("✗ One line.\n", "One line."),
        ("sudo: a password is required\n", "sudo: a password is required"),
        ("", "`labs up` was ended before it had said why."),
    ],
)
def test_why_the_background_command_ended(log, words):
    assert background._last_error(log) == words


def test_daemons_of_other_users_reach_their_folders_whatever_the_umask(tmp_path):
    before = os.umask(0o077)
    try:
        made = State(tmp_path / "a/b/course").make_folder("control-plane/etcd", mode=0o700)
    finally:
        os.umask(before)
    modes = [stat.S_IMODE(folder.stat().st_mode) for folder in (made, *made.parents)[:5]]
    assert modes == [0o700, 0o711, 0o711, 0o755, 0o755]


def test_folders_are_named_for_daemons_that_run_elsewhere(monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("LABS_STATE", "state")
    monkeypatch.setenv("LABS_CACHE", "~/cache of mine")
    assert State.of("trial", system=True).folder == tmp_path / "state/trial"
    assert cache_folder() == Path("~/cache of mine").expanduser()


def test_locale_without_a_check_mark_is_no_failure(monkeypatch):
    stream = io.TextIOWrapper(io.BytesIO(), encoding="latin-1")
    monkeypatch.setattr(sys, "stderr", stream)
    with Reporter() as reporter:
        reporter.begin("network")
        reporter.end("network", None)
    stream.flush()
    assert b"network" in stream.buffer.getvalue()


def test_error_nobody_foresaw_is_told_even_when_its_details_cannot_be_kept(monkeypatch):
    monkeypatch.setenv("LABS_NAME", "not a name")
    monkeypatch.setenv("LABS_CACHE", "/nowhere")
    assert "RuntimeError: it broke" in unexpected_errors.explain_unexpected(RuntimeError("it broke")).what


def test_machine_script_is_a_shells():
    script = Path(lifecycle.__file__).parent / "host" / "namespace_machine.sh"
    subprocess.run(["sh", "-n", script], check=True)


def test_user_of_whom_the_system_knows_no_home():
    """As in a container that is started with a user id of its own."""
    if os.geteuid():
        pytest.skip("only root becomes another user")
    script = (
        "import os; from labs.engines.runtime.user_folders import cache_folder; from labs.errors import NotSupported\n"
        "os.environ.clear(); os.setuid(4321)\n"
        "try: cache_folder()\nexcept NotSupported as error: print(error)"
    )
    said = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True).stdout
    assert said.startswith("The user 4321 has no home folder")
    assert "Set HOME, or LABS_CACHE" in said


@pytest.mark.skipif(platform.machine() != "x86_64", reason="the engine that needs nobody's rights is x86-64 only")
@pytest.mark.parametrize("command", ["up", "prepare"])
def test_home_in_which_no_folder_can_be_made(tmp_path, command):
    """As one on a disk that is mounted read-only, or somebody else's."""
    env = {key: value for key, value in os.environ.items() if not key.startswith(("LABS_", "XDG_"))}
    env |= {"HOME": "/dev/null", "LABS_STATE": str(tmp_path), "LC_ALL": "C"}
    argv = [sys.executable, "-m", "labs.cli", "--name", "trial", command, "--engine", "usermode"]
    done = subprocess.run(argv, env=env, capture_output=True, check=False, encoding="utf-8")
    printed = done.stdout + done.stderr
    assert done.returncode == 2, printed
    assert "for what is fetched and built, cannot be made: Not a directory." in printed
    assert "Set LABS_CACHE to a folder of yours." in printed
    assert len(printed.splitlines()) == 2


def test_jupyterlab_is_not_started_without_a_place_for_what_is_built(started, monkeypatch):
    monkeypatch.setenv("LABS_CACHE", "/dev/null/cache")
    with pytest.raises(NotSupported, match="/dev/null/cache, for what is fetched and built, cannot be made"):
        background.up_in_background()
    assert started == []


def test_disk_that_nobody_may_write_is_told():
    error = OSError(errno.EROFS, "Read-only file system", "/srv/labs/mine")
    told = unexpected_errors.explain_unexpected(error)
    assert told.what == "/srv/labs/mine is on a disk that nobody may write."
    assert "LABS_STATE" in told.todo
