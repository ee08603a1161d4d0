"""A control plane of its own whose nodes are KWOK's: objects in the API server, and nothing that runs."""

from __future__ import annotations

import re
import time
import urllib.request
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import psutil

from benchmarks.scale.api import Api
from benchmarks.scale.learner import node
from labs.engines.cluster.control_plane import COMPONENTS, ControlPlane
from labs.engines.cluster.control_plane_flags import HEALTH_PORTS, Site
from labs.engines.programs import binaries, catalog
from labs.engines.runtime.component import Component
from labs.engines.runtime.reporter import Step
from labs.engines.runtime.state import State
from labs.engines.usermode.engine import UsermodeEngine
from labs.engines.usermode.guest import HOST
from labs.waiting import wait_for

__all__ = ["PODS", "Simulation", "Snapshot"]

KWOK = "kwok"
CATALOG = Path(__file__).with_name("catalog.toml")
LEASES = "--node-lease-duration-seconds=40"  # as a kubelet's; without them a node is lost after the grace period
PODS = 110
"""How many pods a node takes, as a kubelet does by default."""
PATIENT = "--node-monitor-grace-period=50s"
"""Kubernetes' own; the course's is shorter, for a lesson."""


@dataclass(frozen=True)
class Snapshot:
    """What was used up to a moment, in seconds: processor time by component, and the machine's."""

    at: float
    seconds: dict[str, float]
    machine: float

    def cores_since(self, earlier: Snapshot) -> dict[str, float]:
        """How many cores each component used on average; ``others`` is all else on this machine."""
        passed = self.at - earlier.at
        used = {name: (value - earlier.seconds.get(name, 0)) / passed for name, value in self.seconds.items()}
        return {**used, "others": max(0.0, (self.machine - earlier.machine) / passed - sum(used.values()))}


class Simulation:
    """A cluster of fake nodes. It is a course of its own, which `labs down` removes should this be killed.

    Args:
        state: the course's folder.
        name: the course's name.
        flags: further ones of the components, by name.
    """

    def __init__(self, state: State, name: str, flags: Mapping[str, Sequence[str]]) -> None:
        # `usermode` without its guest: a control plane of ordinary processes on ports of their own
        self.engine = UsermodeEngine.create(state, name=name)
        self.processes, self.state = self.engine.processes, state
        self.ports = self.engine.record.settings["ports"]
        patient = (PATIENT, *flags.get("kube-controller-manager", ()))
        site = Site(
            address="127.0.0.1",
            inside=HOST,
            node=lambda index: f"10.127.0.{index}",
            ports=self.ports,
            flags={**flags, "kube-controller-manager": patient},
        )
        self.plane = ControlPlane(state, self.processes, site, [])

    def start(self, step: Step) -> None:
        """Start everything.

        Raises:
            LabsError
        """
        catalog.add(CATALOG)
        programs = binaries.ensure([*COMPONENTS, KWOK], step)
        self.plane.issue(KWOK)
        for component in COMPONENTS:
            step.update(component)
            self.plane.start_component(component, programs)
            if component == "kube-apiserver":
                self.plane.wait_ready()
        for component in HEALTH_PORTS:
            self.plane.wait_listening(component)
        stages = Path(__file__).with_name("stages.yaml")
        argv: list[str | Path] = [
            programs[KWOK],
            f"--kubeconfig={self.plane.kubeconfig}",
            f"--config={stages}",
            "--manage-all-nodes",
            LEASES,
        ]
        self.processes.start(KWOK, argv, env={"HOME": str(self.state.make_folder(KWOK))})

    def add_nodes(self, api: Api, count: int, step: Step) -> None:
        """Make nodes, and wait until each is Ready and the controllers are at work.

        Raises:
            LabsError
        """
        for index in range(count):
            api.send("POST", "/api/v1/nodes", node(index, PODS))

        def ready() -> bool:
            self.processes.check_alive(KWOK)
            found = api.send("GET", "/api/v1/nodes")["items"]
            done = sum(c["type"] == "Ready" and c["status"] == "True" for n in found for c in _conditions(n))
            step.update(f"{done} of {count} nodes Ready", done / count)
            return done == count and api.count("namespaces/default/serviceaccounts") > 0

        wait_for(ready, timeout=120, what="the fake nodes to be Ready", hint=f"{self.processes.log(KWOK)} shows why.")

    def remove(self) -> None:
        """End everything and delete the course's folder."""
        self.engine.remove()

    # -- what it takes --------------------------------------------------------------------------------------------

    def components(self) -> list[Component]:
        """Every component, KWOK's included."""
        return [self.processes.component(name) for name in (*COMPONENTS, KWOK)]

    def snapshot(self) -> Snapshot:
        """What was used up to now, this process included."""
        seconds = {"this client": _seconds(psutil.Process())}
        for each in self.components():
            with suppress(psutil.Error, OSError):
                seconds[each.name] = _seconds(psutil.Process(each.pid))
        times = psutil.cpu_times()
        return Snapshot(time.monotonic(), seconds, sum(times) - times.idle - times.iowait - times.guest)

    def memory(self) -> dict[str, tuple[float, float]]:
        """Megabytes of each component: its proportional set size now, and the most that was resident."""
        found = {}
        for each in self.components():
            if not each.pid:
                continue
            if most := re.search(r"VmHWM:\s+(\d+)", Path(f"/proc/{each.pid}/status").read_text(encoding="utf-8")):
                found[each.name] = psutil.Process(each.pid).memory_full_info().pss / 2**20, int(most[1]) / 1024
        return found

    def database(self) -> tuple[float, float]:
        """Megabytes of etcd's file, and of what is in use of them."""
        url = f"http://127.0.0.1:{self.ports['etcd-metrics']}/metrics"
        direct = urllib.request.build_opener(urllib.request.ProxyHandler({}))
        with direct.open(url, timeout=30) as answer:
            found = _parse(answer.read().decode())
        names = ("etcd_mvcc_db_total_size_in_bytes", "etcd_mvcc_db_total_size_in_use_in_bytes")
        size, in_use = (found[name] / 2**20 for name in names)
        return size, in_use

    def metrics(self, api: Api) -> dict[str, float]:
        """What the controller manager, the scheduler and the API server tell of themselves.

        The first two's names have the component before them.
        """
        import urllib3

        found: dict[str, float] = {}
        for component in HEALTH_PORTS:
            own = self.plane.folder / f"{component}.crt"  # which it signed itself
            with urllib3.PoolManager(ca_certs=str(own), cert_file=api.files[0], key_file=api.files[1]) as pool:
                answer = pool.request("GET", f"https://127.0.0.1:{self.ports[component]}/metrics", timeout=30)
            found |= {f"{component} {name}": value for name, value in _parse(answer.data.decode()).items()}
        return found | _parse("\n".join(line.decode() for line in api.lines("/metrics")))


def _conditions(item: dict) -> list[dict]:
    return item["status"].get("conditions", [])


def _seconds(process: psutil.Process) -> float:
    times = process.cpu_times()
    return times.user + times.system


def _parse(text: str) -> dict[str, float]:
    """Prometheus' text format as numbers, by name and labels."""
    lines = (line.rpartition(" ") for line in text.splitlines() if line and not line.startswith("#"))
    return {name: float(value) for name, _, value in lines}
