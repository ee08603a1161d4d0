"""A workshop in a cluster. The cluster holds all there is to know of it, so another machine can go on with it."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from kubernetes import client
from kubernetes.client.exceptions import ApiException

from labs.engines.seat import MANAGED_BY, Seat
from labs.errors import LabsError
from labs.waiting import wait_for
from labs.workshop.room import hub_secrets, manifests
from labs.workshop.room.cluster import Cluster, translate_errors
from labs.workshop.room.learner_kubeconfig import learner_kubeconfig
from labs.workshop.room.members import Member, members_of
from labs.workshop.room.roster import Learner
from labs.workshop.room.rules import Rules
from labs.workshop.room.seats import assign_seats, require_free_names, seat_numbered

__all__ = ["Glance", "Room"]

WORKERS = 8  # requests at a time: enough to keep an API server busy, few enough for it to answer learners meanwhile


class Room:
    """One workshop.

    Args:
        cluster: the one that holds it.
        name: the workshop's, which is also its namespace.
    """

    def __init__(self, cluster: Cluster, name: str) -> None:
        if not name.replace("-", "").isalnum() or name != name.lower() or not name[0].isalpha() or len(name) > 15:
            raise LabsError(
                f"{name!r} is no name for a workshop.", "Take up to 15 of a-z, 0-9 and -, a letter first: `k8s-101`."
            )
        self.cluster, self.name = cluster, name

    # what Views and others ask of a lab

    @property
    def clients(self) -> Any:
        return self.cluster.clients

    @property
    def kubeconfig(self) -> Path:
        return self.cluster.kubeconfig

    @property
    def namespace(self) -> str:
        return self.name

    # what an instructor does

    def provision(self, learners: list[Learner], rules: Rules, began: Callable[[str], None] = lambda _: None) -> None:
        """Give every learner what is theirs; who has it already keeps it, with all they made.

        Args:
            learners: from `labs.workshop.room.roster.read_roster`.
            rules: the room's.
            began: called with each learner's name when their turn has come; from threads.

        Raises:
            LabsError: there are too few seats, or names are taken, or the cluster refused.
        """
        with translate_errors("be set up"):
            known = {member.learner.id: member for member in self._read_members()}
            seats = assign_seats(self.name, learners, rules, known)
            require_free_names(self.clients.core, self.name, seats.values(), rules.lessons)
            for thing in (*manifests.cluster_objects(), *manifests.room_objects(self.name, asdict(rules))):
                self.cluster.apply(thing)
            networks = self._pod_networks()

            def give(learner: Learner) -> None:
                began(learner.name)
                seat, before = seats[learner.id], known[learner.id].lessons if learner.id in known else []
                lessons = sorted({*before, *rules.lessons})
                for thing in manifests.learner_objects(learner, seat, lessons, rules.quota, networks):
                    self.cluster.apply(thing)

            self._all(give, learners)

    def members(self) -> list[Member]:
        """The learners, by their seats.

        Raises:
            LabsError: there is no such workshop.
        """
        with translate_errors("be read"):
            found = self._read_members()
        if not found:
            raise self._unknown()
        return found

    def rules(self) -> Rules:
        """What was chosen when the workshop was provisioned last.

        Raises:
            LabsError: there is no such workshop.
        """
        with translate_errors("be read"):
            try:
                found = self.clients.core.read_namespaced_config_map(manifests.RULES, self.name)
            except ApiException as error:
                if error.status != 404:
                    raise
                raise self._unknown() from error
        return Rules(**json.loads(found.data[manifests.RULES]))

    def seat(self, learner: str, rules: Rules | None = None) -> Seat:
        """A learner's seat.

        Args:
            learner: the id or the name.
            rules: the room's; the usual ones when not given.

        Raises:
            LabsError: nobody is called so.
        """
        return self.seat_of(self.member(learner), rules or Rules())

    def seat_of(self, member: Member, rules: Rules) -> Seat:
        """The seat that a learner was given."""
        return seat_numbered(self.name, member.learner.id, member.number, rules)

    def member(self, learner: str) -> Member:
        """One learner; takes and raises what `seat` does."""
        members = self.members()
        for member in members:
            if learner in (member.learner.id, member.learner.name):
                return member
        known = ", ".join(member.learner.id for member in members)
        raise LabsError(f"Nobody in the workshop {self.name!r} is called {learner!r}.", f"There are: {known}.")

    def glance(self, learner: str, lesson: str) -> Glance:
        """A learner's namespace for the views.

        Args:
            learner: the id or the name.
            lesson: such as ``"04"``.
        """
        return Glance(self.clients, self.kubeconfig, self.seat(learner).namespace(lesson))

    def kubeconfig_of(self, seat: Seat, rules: Rules, hours: float) -> tuple[str, datetime]:
        """A kubeconfig for one learner, with a token that expires.

        Args:
            seat: the learner's.
            rules: the room's.
            hours: how long it is to be good for; the cluster may give less.

        Returns:
            The file's text, and when its token expires.
        """
        wanted = client.V1TokenRequestSpec(audiences=[], expiration_seconds=max(int(hours * 3600), 600))
        request = client.AuthenticationV1TokenRequest(spec=wanted)
        with translate_errors("give an access token"):
            core = self.clients.core
            status = core.create_namespaced_service_account_token(seat.learner, self.name, request).status
        text = learner_kubeconfig(self.cluster.text, seat, rules, status.token)
        return text, status.expiration_timestamp

    def reset(self, learner: str, lessons: Iterable[str] = ()) -> Iterator[str]:
        """Make a learner's namespaces again, empty; their progress stays. Yields what is done, a sentence each.

        Args:
            learner: the id or the name.
            lessons: only these; all of the learner's by default.
        """
        member, rules = self.member(learner), self.rules()
        seat = self.seat_of(member, rules)
        chosen = [lesson for lesson in member.lessons if not lessons or lesson in lessons]
        names = [seat.namespace(lesson) for lesson in chosen]
        with translate_errors("be reset"):
            self._delete_namespaces(names)
            yield f"Removed {', '.join(names) or 'nothing'}."
            things = manifests.learner_objects(member.learner, seat, member.lessons, rules.quota, self._pod_networks())
            for thing in things:
                self.cluster.apply(thing)
        yield f"{member.learner.name} starts again in {', '.join(chosen) or 'no lesson'}."

    def remove(self) -> int:
        """Remove the workshop with everything in it; return how many namespaces went. Nothing else is touched."""
        with translate_errors("be removed"):
            spaces = self.clients.core.list_namespace(label_selector=self._ours).items
            rbac = client.RbacAuthorizationV1Api(self.clients.api)
            for binding in rbac.list_cluster_role_binding(label_selector=self._ours).items:
                self.cluster.delete("ClusterRoleBinding", binding.metadata.name)
            hub_secrets.remove(self.cluster, self._ours)
            self._delete_namespaces([space.metadata.name for space in spaces])
            ours = ",".join(f"{key}={value}" for key, value in MANAGED_BY.items())
            if not self.clients.core.list_namespace(label_selector=ours).items:  # no other workshop needs these
                for thing in manifests.cluster_objects():
                    self.cluster.delete(thing["kind"], thing["metadata"]["name"])
        return len(spaces)

    def _unknown(self) -> LabsError:
        return LabsError(f"There is no workshop {self.name!r} in this cluster.", "`labs workshop provision` makes one.")

    @property
    def _ours(self) -> str:
        return ",".join(f"{k}={v}" for k, v in {**MANAGED_BY, "labs/workshop": self.name}.items())

    def _read_members(self) -> list[Member]:
        """The learners; none before the first provisioning.

        Any other error is raised: a cluster that did not answer must not look like one without learners, whose seats
        could be given away.
        """
        maps = self.clients.core.list_namespaced_config_map(self.name, label_selector=self._ours).items
        return members_of(self.clients.api.sanitize_for_serialization(maps))

    def _pod_networks(self) -> list[str]:
        nodes = self.clients.api.sanitize_for_serialization(self.clients.core.list_node())["items"]
        networks = {network for node in nodes for network in node["spec"].get("podCIDRs") or []}
        return sorted(network for network in networks if ":" not in network)

    def _delete_namespaces(self, names: list[str]) -> None:
        core = self.clients.core
        for name in names:
            try:
                core.delete_namespace(name)
                core.delete_collection_namespaced_pod(name, grace_period_seconds=1)
            except ApiException as error:
                if error.status != 404:
                    raise

        def left() -> list[str]:
            return [
                n.metadata.name
                for n in core.list_namespace(label_selector=self._ours).items
                if n.metadata.name in names
            ]

        wait_for(
            lambda: not left(),
            timeout=60 + 5 * len(names),
            what=f"{len(names)} namespaces to be deleted",
            hint="`kubectl describe namespace` says what holds one; the command can be repeated.",
            state=lambda: ", ".join(left()[:3]),
            interval=1,
        )

    @staticmethod
    def _all(work: Callable[[Learner], None], learners: list[Learner]) -> None:
        with ThreadPoolExecutor(WORKERS) as pool:
            jobs = [pool.submit(work, learner) for learner in learners]
            try:
                for job in jobs:
                    job.result()
            except BaseException:
                pool.shutdown(cancel_futures=True)
                raise


@dataclass(frozen=True)
class Glance:
    """One namespace of a learner's, for the views: ``views.cluster(room.glance("ada", "04"))``."""

    clients: Any
    kubeconfig: Path
    namespace: str
