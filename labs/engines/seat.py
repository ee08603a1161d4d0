"""A learner's place in a workshop: which namespaces and node ports are theirs; it travels in their kubeconfig."""

from __future__ import annotations

import re
from dataclasses import asdict, dataclass
from typing import Any

import yaml

__all__ = ["MANAGED_BY", "SEATS", "Seat"]

EXTENSION = "kube-labs/workshop"
FIRST_PORT, PORTS = 30030, 50  # the node ports that the lessons name: 30030 to 30079
SEATS = (32767 - (FIRST_PORT + PORTS) + 1) // PORTS
"""How many learners one cluster has node ports for."""


@dataclass(frozen=True)
class Seat:
    """A learner's place.

    Attributes:
        workshop: its name, which is also the namespace that holds what belongs to nobody's lesson.
        learner: the learner's id, such as ``ada-lovelace``.
        number: from 1; it decides which node ports are the learner's.
        address: where node ports answer.
        registry: where the learner pushes images that pods are to use; empty where there is none.
    """

    workshop: str
    learner: str
    number: int
    address: str = "localhost"
    registry: str = ""

    def namespace(self, lesson: str) -> str:
        """The learner's namespace for a lesson.

        Args:
            lesson: such as ``"04"``.
        """
        return f"{self.workshop}-{self.learner}-{lesson}"

    @property
    def report(self) -> str:
        """The ConfigMap, in the workshop's namespace, that shows the instructor how the learner gets on."""
        return f"progress-{self.learner}"

    def port(self, port: int) -> int:
        """The learner's node port for one that the lessons name; others are as they are, the learner's own included."""
        return port + PORTS * self.number if FIRST_PORT <= port < FIRST_PORT + PORTS else port

    def personal(self, text: str) -> str:
        """A lesson's text with the learner's node ports.

        Args:
            text: prose or code.
        """
        return re.sub(r"\b30[0-9]{3}\b", lambda found: str(self.port(int(found[0]))), text)

    def as_extension(self) -> dict[str, Any]:
        """What a kubeconfig's context carries, under ``extensions``."""
        return {"name": EXTENSION, "extension": asdict(self)}

    @classmethod
    def of_kubeconfig(cls, text: str) -> Seat | None:
        """The seat in the current context of a kubeconfig; None where there is none.

        Args:
            text: the file's.
        """
        config = yaml.safe_load(text)
        current = config["current-context"]
        context: dict[str, Any] = next((c["context"] for c in config["contexts"] if c["name"] == current), {})
        for item in context.get("extensions") or []:
            if item["name"] == EXTENSION:
                return cls(**item["extension"])
        return None


MANAGED_BY = {"app.kubernetes.io/managed-by": "labs-workshop"}
