"""The kubeconfig with which a learner reaches the cluster of a workshop."""

from __future__ import annotations

import yaml

from labs.engines.seat import Seat
from labs.workshop.room.rules import Rules

__all__ = ["learner_kubeconfig"]


def learner_kubeconfig(own: str, seat: Seat, rules: Rules, token: str) -> str:
    """A learner's kubeconfig, as the file's text.

    Args:
        own: the instructor's kubeconfig, of whose first cluster it is.
        seat: the learner's.
        rules: the room's.
        token: of the learner's service account.
    """
    cluster = yaml.safe_load(own)["clusters"][0]["cluster"]
    context = {
        "cluster": "workshop",
        "user": seat.learner,
        "namespace": seat.namespace(rules.lessons[0]),
        "extensions": [seat.as_extension()],
    }
    config = {
        "apiVersion": "v1",
        "kind": "Config",
        "clusters": [
            {"name": "workshop", "cluster": {**cluster, **({"server": rules.server} if rules.server else {})}}
        ],
        "users": [{"name": seat.learner, "user": {"token": token}}],
        "contexts": [{"name": "workshop", "context": context}],
        "current-context": "workshop",
    }
    return yaml.safe_dump(config, allow_unicode=True)
