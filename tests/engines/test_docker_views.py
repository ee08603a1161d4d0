"""The views on a Docker that freezes, goes and comes back; what they cost, and that nothing of them stays."""

from __future__ import annotations

import threading
import time
from types import SimpleNamespace

import psutil
import pytest

from labs import views
from labs.session.opening import open_lab
from labs.views.container_view.watch import ContainerFeed
from labs.waiting import wait_for
from tests.engines.relay import Relay

pytestmark = [pytest.mark.engine, pytest.mark.timeout(180)]
NAME = "view-engine-test"


@pytest.fixture(scope="module")
def lab(course):
    lab = open_lab("85", kubernetes=False, quiet=True)
    lab.reset()
    yield lab
    lab.cleanup()


@pytest.fixture(scope="module")
def web(lab):
    return lab.clients.docker.containers.run("labs/web:1", name=NAME, detach=True, labels=lab.labels, mem_limit="64m")


def threads() -> list[str]:
    return [thread.name for thread in threading.enumerate() if thread.name.startswith("watch docker")]


def test_docker_that_goes_freezes_and_returns(lab, web, tmp_path):
    with Relay(tmp_path / "docker.sock", lab.engine.docker_host) as relay:
        elsewhere = SimpleNamespace(clients=SimpleNamespace(docker_host=relay.docker_host), engine=lab.engine)
        view = views.container(elsewhere, NAME)
        wait_for(lambda: "nginx: master" in view.text, 20, state=lambda: view.text)
        relay.stop()
        wait_for(lambda: "Docker does not answer" in view.notice, 20, state=lambda: view.notice)
        assert "nginx: master" in view.text  # the last picture stays
        relay.start()
        wait_for(lambda: not view.notice, 20, state=lambda: view.notice)
        relay.freeze()
        wait_for(lambda: "Docker does not answer" in str(view.notice or view.picture), 60, state=lambda: str(view))
        relay.thaw()
        wait_for(lambda: not view.notice and not view.picture["problem"], 30, state=lambda: str(view))
        view.close()
    wait_for(lambda: not threads(), 10, what="the view's threads to end", state=threads)


def test_idle_views_cost_little_and_end_at_once(lab, web):
    shown = [views.container(lab, NAME), views.image(lab, "labs/web:1")]
    wait_for(lambda: "nginx: master" in shown[0].text, 20)
    process = psutil.Process()
    before, began = process.cpu_times(), time.monotonic()
    threading.Event().wait(10)
    after = process.cpu_times()
    share = (after.user + after.system - before.user - before.system) / (time.monotonic() - began)
    print(f"{share:.1%} of a processor")
    assert share < 0.05
    began = time.monotonic()
    for view in shown:
        view.close()
    assert time.monotonic() - began < 0.2
    wait_for(lambda: not threads(), 5, what="the views' threads to end", state=threads)


def test_without_proc_the_container_is_asked_itself(lab, web, monkeypatch):
    monkeypatch.setattr("labs.views.container_view.namespaces.find_proc", lambda *_: None)
    view = views.container(lab, NAME)
    wait_for(lambda: "nginx: master" in view.text, 20, state=lambda: view.text)
    row = next(line for line in view.text.splitlines() if "nginx: master" in line)
    assert row.split()[1] == "1"
    assert "does not let this notebook read /proc" in view.text
    view.close()


def test_hidden_view_remembers_its_container(lab, web):
    heard = threading.Event()
    feed = ContainerFeed(lab, heard.set, NAME, None)
    feed.wait()
    feed.close()
    again = ContainerFeed(lab, heard.set, NAME, feed)
    again.wait()
    assert again.attrs["Id"] == web.id
    wait_for(lambda: again.sampler and again.sampler.processes, 20)
    again.close()
