"""Functions and programs of the lessons, where an error would show a learner something that is not so."""

from __future__ import annotations

import ast
import os
import socket
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

from labs.curriculum.lessons import lesson
from labs.waiting import wait_for, wait_for_http

WEATHER = Path(__file__).parents[2] / "notebooks" / "weather"


def functions_of(number: str, *names: str, **world) -> dict:
    """Functions that a lesson's cells define, with other globals in place of the lesson's own."""
    code = [cell.source for cell in lesson(number).notebook.cells if cell.cell_type == "code"]
    for source in code:
        if any(f"def {name}(" in source for name in names):
            tree = ast.parse(source)
            tree.body = [node for node in tree.body if isinstance(node, ast.FunctionDef) and node.name in names]
            exec(compile(tree, f"lesson {number}", "exec"), world)
    return world


def revision(number: int, image: str, ready: int, pods: int) -> SimpleNamespace:
    """A ReplicaSet as the client gives it."""
    container = SimpleNamespace(image=image)
    return SimpleNamespace(
        metadata=SimpleNamespace(annotations={"deployment.kubernetes.io/revision": str(number)}),
        spec=SimpleNamespace(template=SimpleNamespace(spec=SimpleNamespace(containers=[container]))),
        status=SimpleNamespace(ready_replicas=ready, replicas=pods),
    )


class Rollout:
    """A rollout of one pod that goes a step further between any two requests; the Deployment learns of it last."""

    STEPS = ((1, 1, 0, 0), (1, 1, 0, 1), (1, 1, 1, 1), (0, 0, 1, 1))  # ready and all pods: old, then new

    def __init__(self) -> None:
        self.asked = 0

    def step(self) -> tuple[int, int, int, int]:
        self.asked += 1
        return self.STEPS[min(self.asked, len(self.STEPS)) - 1]

    def list_namespaced_replica_set(self, *_, **__) -> SimpleNamespace:
        old_ready, old, new_ready, new = self.step()
        return SimpleNamespace(items=[revision(1, "web:1", old_ready, old), revision(2, "web:2", new_ready, new)])

    def read_namespaced_deployment(self, *_) -> SimpleNamespace:
        old_ready, old, new_ready, new = self.step()
        return SimpleNamespace(
            metadata=SimpleNamespace(generation=2),
            spec=SimpleNamespace(replicas=1),
            status=SimpleNamespace(
                observed_generation=2,
                updated_replicas=new,
                replicas=old + new,
                available_replicas=old_ready + new_ready,
            ),
        )


def test_the_last_line_of_a_watched_rollout_is_how_it_ended(capsys):
    lab = SimpleNamespace(namespace="lab-04")
    world = functions_of("04", "picture", "watch_rollout", apps=Rollout(), lab=lab, wait_for=wait_for, TIMEOUT=5)
    world["watch_rollout"]()
    last = capsys.readouterr().out.splitlines()[-1]
    assert last.split() == ["1:", "web:1", "2:", "web:2", "\N{BLACK CIRCLE}"]


def free_port() -> int:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return listener.getsockname()[1]


def test_the_front_counts_what_a_producer_sends(tmp_path):
    store, front = free_port(), free_port()
    shared = f"--store=http://127.0.0.1:{store}"
    commands = {
        "store": [f"--port={store}", f"--data={tmp_path}"],
        "front": [f"--port={front}", shared, "--title=Lake weather"],
    }
    bare = {name: value for name, value in os.environ.items() if not name.lower().endswith("_proxy")}
    running = []

    def start(program: str, *words: str) -> None:
        argv = [sys.executable, "-u", WEATHER / f"{program}.py", *words]
        running.append(subprocess.Popen(argv, env=bare, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL))

    try:
        for program, words in commands.items():
            start(program, *words)
        page = f"http://127.0.0.1:{front}/"
        assert wait_for_http(page) == "Lake weather: 0 readings, mean unknown celsius\n"
        start("producer", shared, "--interval=0.1")
        wait_for(lambda: "Lake weather: 0 readings" not in wait_for_http(page, expect="Lake"), 30)
    finally:
        for process in running:
            process.kill()
            process.wait()
