"""Nodes that are containers of a Docker which we may use, as those of kind, k3d and minikube are."""

from __future__ import annotations

import io
import tarfile
from collections.abc import Collection, Mapping
from typing import Any

from labs.errors import EngineError

__all__ = ["import_into", "node_containers"]

IMPORT = "ctr --namespace=k8s.io images import"
ARCHIVE = "labs-image.tar"


def node_containers(client: Any, nodes: Mapping[str, Collection[str]]) -> list:
    """The containers that a cluster's nodes are, or none.

    Args:
        client: of the docker package.
        nodes: the addresses of each node by its name. A container of that name that has none of them is a stranger's.
    """
    import docker

    found = []
    for name, addresses in nodes.items():
        try:
            container = client.containers.get(name)
        except docker.errors.NotFound:
            return []
        networks = container.attrs["NetworkSettings"]["Networks"].values()
        own = {network.get(key) for network in networks for key in ("IPAddress", "GlobalIPv6Address")}
        if own.isdisjoint(addresses):
            return []
        found.append(container)
    return found


def import_into(node: Any, image: Any, reference: str) -> None:
    """Import an image into the containerd of a node that is a container, through a file in it.

    Raises:
        EngineError
    """
    data = b"".join(image.save(named=reference))
    stream = io.BytesIO()
    with tarfile.open(fileobj=stream, mode="w") as archive:
        info = tarfile.TarInfo(ARCHIVE)
        info.size = len(data)
        archive.addfile(info, io.BytesIO(data))
    node.put_archive("/root", stream.getvalue())
    script = f"{IMPORT} /root/{ARCHIVE}; status=$?; rm -f /root/{ARCHIVE}; exit $status"
    done = node.exec_run(["sh", "-c", script])
    if done.exit_code:
        printed = done.output.decode(errors="replace").strip().splitlines()
        raise EngineError(f"{node.name} did not take {reference}: {printed[-1] if printed else 'no reason given'}.")
