"""No setting of the learner's leaks into a lesson: not from the environment, not from files in the home folder."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import tempfile
import threading
from collections.abc import Sequence
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from socketserver import ThreadingUnixStreamServer
from types import SimpleNamespace

import docker
import docker.auth
import docker.utils.config
import kubernetes
import pytest
from IPython.utils._process_posix import ProcessHandler
from IPython.utils.process import getoutput

from labs.cli import shell
from labs.engines.programs import command_line
from labs.kube import kubectl
from labs.session.kernel_environment import set_environment
from tests.other_work import SETTINGS, write_home


@pytest.fixture(params=["anna", "김 안나의 집"])
def home(request, monkeypatch, tmp_path) -> Path:
    """A learner's home folder with settings for other work."""
    folder = tmp_path / request.param
    write_home(folder)
    monkeypatch.setenv("HOME", str(folder))
    monkeypatch.setenv("KUBECONFIG", f"{folder}/.kube/one:{folder}/.kube/two")
    monkeypatch.delenv("DOCKER_CONFIG", raising=False)
    for name, value in SETTINGS.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setattr(kubernetes.config.kube_config, "KUBE_CONFIG_DEFAULT_LOCATION", "")
    return folder


def open_lesson(folder: Path, docker_host: str = "unix:///nowhere/docker.sock", commands: Sequence[Path] = ()) -> Path:
    """Make this process a lesson's, with its files in a folder; gives its kubeconfig."""
    kubeconfig = folder / "lessons/04/kubeconfig"
    engine = SimpleNamespace(docker_host=docker_host, command_folders=lambda: list(commands), local_addresses=[])
    set_environment(engine, kubeconfig)
    return kubeconfig


def test_settings_of_the_environment_are_gone(home):
    kubeconfig = open_lesson(home / "course")
    assert not {*SETTINGS} & {*os.environ}
    assert os.environ["KUBECONFIG"] == str(kubeconfig)
    assert os.environ["HOME"] == str(home)


def test_docker_s_own_settings_are_not_read(home):
    assert docker.utils.config.load_general_config()["credsStore"] == "no-such-helper"
    open_lesson(home / "course")
    assert {*docker.utils.config.load_general_config()} == {"auths", "cliPluginsExtraDirs"}
    assert not docker.auth.load_config().creds_store
    own = json.loads(Path(os.environ["DOCKER_CONFIG"], "config.json").read_text(encoding="utf-8"))
    assert own == {"auths": {}, "cliPluginsExtraDirs": [str(home / ".docker/cli-plugins")]}
    assert (home / ".docker/config.json").exists()


def test_docker_s_settings_are_written_once_and_for_the_owner_only(home):
    open_lesson(home / "course")
    file = Path(os.environ["DOCKER_CONFIG"], "config.json")
    assert (file.stat().st_mode & 0o777, file.parent.stat().st_mode & 0o777) == (0o600, 0o700)
    file.write_text('{"auths": {"learner.example": {}}}', encoding="utf-8")  # by `docker login` in a lesson's shell
    open_lesson(home / "course")
    assert "learner.example" in file.read_text(encoding="utf-8")


def test_plugins_are_those_that_came_with_docker(home, tmp_path, monkeypatch):
    for name in ("old", "new"):
        program = tmp_path / name / "usr/bin/docker"
        (tmp_path / name / command_line.PLUGINS).mkdir(parents=True)
        program.parent.mkdir()
        program.write_text("#!/bin/sh\n")
        program.chmod(0o755)
        open_lesson(home / "course", commands=[program.parent])
        assert shutil.which("docker") == str(program)
        file = Path(os.environ["DOCKER_CONFIG"], "config.json")
        own = json.loads(file.read_text(encoding="utf-8"))
        assert own["cliPluginsExtraDirs"] == [
            str(tmp_path / name / command_line.PLUGINS)
        ]  # and none of the home folder's
        assert own["auths"] == ({} if name == "old" else {"learner.example": {}})
        file.write_text(json.dumps({**own, "auths": {"learner.example": {}}}), encoding="utf-8")


class Docker(BaseHTTPRequestHandler):
    """Answers as Docker does when it is asked for its version."""

    def do_GET(self) -> None:
        body = b'{"ApiVersion": "1.44", "Version": "trial"}'
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        pass


def test_docker_behind_a_socket_in_such_a_home(home):
    folder = Path(tempfile.mkdtemp(prefix="한 글 "))  # a socket's whole path may have 108 bytes
    try:
        with ThreadingUnixStreamServer(f"{folder}/docker.sock", Docker) as server:
            threading.Thread(target=server.serve_forever, daemon=True).start()
            open_lesson(home / "course", f"unix://{folder}/docker.sock")
            client = docker.from_env()
            assert client.version()["Version"] == "trial"
            assert client.api._proxy_configs.http is None  # which containers would be given
            client.close()
            server.shutdown()
    finally:
        shutil.rmtree(folder)


@pytest.mark.parametrize("run", ["lesson", "course"])
def test_kubectl_takes_no_notice_of_a_kuberc(home, run):
    command = [kubectl.kubectl(), "mine"]
    assert subprocess.run(command, capture_output=True, check=False, env=os.environ.copy()).returncode == 0
    if run == "lesson":
        open_lesson(home / "course")
    env = os.environ.copy() if run == "lesson" else kubectl.direct()
    done = subprocess.run(command, capture_output=True, check=False, env=env, encoding="utf-8")
    assert (done.returncode, 'unknown command "mine"' in done.stderr) == (1, True)


def test_kubectl_reads_one_kubeconfig(home):
    kubeconfig = open_lesson(home / "course")
    kubeconfig.write_text("current-context: course\n", encoding="utf-8")
    command = [kubectl.kubectl(), "config", "current-context"]
    done = subprocess.run(command, capture_output=True, check=True, encoding="utf-8")
    assert done.stdout.strip() == "course"


@pytest.mark.parametrize("value", ["/usr/sbin/nologin", "/bin/false", "/usr/bin/fish", "/nowhere/bash", ""])
def test_a_shell_that_cannot_run_lessons_commands(monkeypatch, tmp_path, value):
    monkeypatch.setenv("SHELL", value)
    open_lesson(tmp_path)
    assert os.environ["SHELL"] == shutil.which("bash")
    assert ProcessHandler().sh == shutil.which("bash")  # of `!`, and below of `lines = !`
    assert getoutput("echo hello").strip() == "hello"


@pytest.mark.parametrize("value", ["/bin/bash", "/bin/sh"])
def test_a_usual_shell_stays(monkeypatch, tmp_path, value):
    monkeypatch.setenv("SHELL", value)
    open_lesson(tmp_path)
    assert os.environ["SHELL"] == value


def test_no_shell_stays_none(monkeypatch, tmp_path):
    monkeypatch.delenv("SHELL", raising=False)
    open_lesson(tmp_path)
    assert "SHELL" not in os.environ


def test_no_home(monkeypatch, tmp_path):
    for name in ("HOME", "KUBECONFIG", "DOCKER_CONFIG"):
        monkeypatch.delenv(name, raising=False)
    kubeconfig = open_lesson(tmp_path)
    kubeconfig.write_text("current-context: course\n", encoding="utf-8")
    command = [kubectl.kubectl(), "config", "current-context"]
    assert subprocess.run(command, capture_output=True, check=True).stdout.strip() == b"course"
    assert docker.utils.config.load_general_config()["auths"] == {}


def test_no_home_of_which_the_system_knows(monkeypatch, tmp_path):
    def unknown() -> Path:
        raise RuntimeError("Could not determine home directory.")

    monkeypatch.setattr(Path, "home", unknown)
    open_lesson(tmp_path)
    assert json.loads(Path(os.environ["DOCKER_CONFIG"], "config.json").read_text(encoding="utf-8")) == {"auths": {}}


def test_shell_of_a_lesson_is_the_lessons_whatever_the_start_up_file_sets(home):
    kubeconfig = open_lesson(home / "course's folder")
    start = home / "start"
    start.write_text(shell.start_file("lab-04"), encoding="utf-8")
    names = ("DOCKER_HOST", "KUBECONFIG", "DOCKER_CONFIG", "KUBERC", "DOCKER_BUILDKIT-unset", "PATH")
    asked = "umask; printf '%s\\n' " + " ".join(f'"${{{name}}}"' for name in names)
    done = subprocess.run(
        [shutil.which("bash"), "--rcfile", str(start), "-i", "-c", asked],
        env={**os.environ, "LABS_PATH": os.environ["PATH"]},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        check=True,
        encoding="utf-8",
    )
    told = done.stdout.splitlines()
    assert told[0] == "0022"
    assert told[1:6] == [
        "unix:///nowhere/docker.sock",
        str(kubeconfig),
        str(kubeconfig.with_name("docker-config")),
        "off",
        "unset",
    ]
    assert told[6].startswith(str(Path(sys.prefix) / "bin"))
