"""A part of a simulated workshop: what it took in time, processor, waiting."""

from __future__ import annotations

import time

from benchmarks.scale.api import Api
from benchmarks.scale.figures import Figure, mean_since, slowest_queues, times
from benchmarks.scale.simulation import Simulation

__all__ = ["Part"]

COMPONENTS = ("kube-controller-manager", "kube-scheduler")
LIMITER = " rest_client_rate_limiter_duration_seconds"
QUOTA = "apiserver_admission_controller_admission_duration_seconds", '{name="ResourceQuota",operation="CREATE"'


class Part:
    """A part of the workshop, measured from its begin to its end.

    Args:
        name: as it stands in the table.
        simulation, api: what is measured.
        figures: where to put it.
    """

    def __init__(self, name: str, simulation: Simulation, api: Api, figures: list[Figure]) -> None:
        self.name, self.simulation, self.api, self.figures = name, simulation, api, figures

    def __enter__(self) -> Part:
        self.before, self.metrics = self.simulation.snapshot(), self.simulation.metrics(self.api)
        self.api.samples.clear()
        self.began = time.monotonic()
        return self

    def passed(self) -> float:
        """Seconds since it began."""
        return time.monotonic() - self.began

    def note(self, what: str, text: str, number: float) -> None:
        """Keep one number."""
        self.figures.append(Figure(self.name, what, text, {"value": number}))

    def times(self, *names: str) -> None:
        """Keep how long answers took, and how large the last one was where that says something."""
        for name in names:
            figure = times(self.name, name, self.api.samples.get(name, []))
            size = self.api.received.get(name, 0)
            text = f"{figure.value}, {size / 2**20:.2f} MB" if name.startswith("LIST") else figure.value
            self.figures.append(Figure(self.name, name, text, {**figure.numbers, "bytes": size}))

    def __exit__(self, *_: object) -> None:
        cores = self.simulation.snapshot().cores_since(self.before)
        text = ", ".join(f"{name} {value:.2f}" for name, value in cores.items())
        self.figures.append(Figure(self.name, "cores used", text, cores))
        after = self.simulation.metrics(self.api)
        slow = slowest_queues(self.metrics, after)
        text = ", ".join(f"{name} {value:.2f} s" for name, value in slow.items())
        self.figures.append(Figure(self.name, "work waits in the queue of", text, slow))
        for component in COMPONENTS:
            count, wait = mean_since(self.metrics, after, component + LIMITER)
            text = f"each of {count:,.0f} requests by {wait * 1000:.0f} ms"
            self.figures.append(Figure(self.name, f"{component} holds back", text, {"count": count, "wait": wait}))
        name = "apiserver_flowcontrol_rejected_requests_total"
        rejected = sum(v for k, v in after.items() if k.startswith(name)) - sum(
            v for k, v in self.metrics.items() if k.startswith(name)
        )
        self.note("turned away by priority and fairness", f"{rejected:.0f}", rejected)
        count, wait = mean_since(self.metrics, after, *QUOTA)
        text = f"{wait * 1000:.0f} ms of each of {count:,.0f} creations"
        self.figures.append(Figure(self.name, "admission by quota takes", text, {"count": count, "wait": wait}))
