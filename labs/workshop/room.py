"""A workshop in a cluster. The cluster holds all there is to know of it, so another machine can go on with it."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any

import yaml
from kubernetes import client
from kubernetes.client.exceptions import ApiException

from labs.errors import LabsError
from labs.waiting import wait_for
from labs.workshop import hub_secrets, objects, reporting
from labs.workshop.cluster import Cluster, told
from labs.workshop.roster import Learner
from labs.workshop.seat import SEATS, Seat

__all__ = ["Glance", "Place", "Room", "Rules", "places_of"]

WORKERS = 8  # requests at a time: enough to keep an API server busy, few enough for it to answer learners meanwhile


@dataclass(frozen=True)
class Rules:
    """What an instructor chooses for a room.

    Attributes:
        lessons: such as ``["03", "04"]``.
        quota: as `labs.workshop.objects.QUOTA`.
        address: where the cluster's node ports answer.
        registry: where learners push images; empty where there is none.
        server: the API server's address as learners reach it; empty for the instructor's own.
    """

    lessons: list[str] = field(default_factory=lambda: list(objects.LESSONS))
    quota: dict[str, str] = field(default_factory=lambda: dict(objects.QUOTA))
    address: str = "localhost"
    registry: str = ""
    server: str = ""


@dataclass(frozen=True)
class Place:
    """A learner as the cluster knows them.

    Attributes:
        learner: who.
        number: their seat's, from 1.
        lessons: those they have namespaces for.
        report: what `labs.workshop.reporting` has written; empty before the first lesson was opened.
    """

    learner: Learner
    number: int
    lessons: list[str]
    report: dict[str, Any]

    @property
    def shown(self) -> str:
        """What an instructor is shown: the name, or the seat's number where the learner wants it so."""
        return f"seat {self.number}" if self.report.get("hidden") else self.learner.name


class Room:
    """One workshop. Args: ``cluster``; ``name``, the workshop's, which is also its namespace."""

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
            learners: from `labs.workshop.roster.read_roster`.
            rules: the room's.
            began: called with each learner's name when their turn has come; from threads.

        Raises:
            LabsError: there are too few seats, or names are taken, or the cluster refused.
        """
        with told("be set up"):
            known = {place.learner.id: place for place in self._read_places()}
            seats = self._seats(learners, rules, known)
            self._see_that_names_are_free(seats.values(), rules.lessons)
            for thing in (*objects.cluster_objects(), *objects.room_objects(self.name, asdict(rules))):
                self.cluster.apply(thing)
            networks = self._pod_networks()

            def give(learner: Learner) -> None:
                began(learner.name)
                seat, before = seats[learner.id], known[learner.id].lessons if learner.id in known else []
                lessons = sorted({*before, *rules.lessons})
                for thing in objects.learner_objects(learner, seat, lessons, rules.quota, networks):
                    self.cluster.apply(thing)

            self._all(give, learners)

    def places(self) -> list[Place]:
        """The learners, by their seats. Raises LabsError where there is no such workshop."""
        with told("be read"):
            found = self._read_places()
        if not found:
            raise self._unknown()
        return found

    def rules(self) -> Rules:
        """What was chosen when the workshop was provisioned last. Raises LabsError where there is no such workshop."""
        with told("be read"):
            try:
                found = self.clients.core.read_namespaced_config_map(objects.RULES, self.name)
            except ApiException as error:
                if error.status != 404:
                    raise
                raise self._unknown() from error
        return Rules(**json.loads(found.data[objects.RULES]))

    def seat(self, learner: str, rules: Rules | None = None) -> Seat:
        """A learner's seat. Args: ``learner``, the id or the name. Raises LabsError when nobody is called so."""
        return self.seat_of(self.place(learner), rules or Rules())

    def seat_of(self, place: Place, rules: Rules) -> Seat:
        """The seat that a learner was given."""
        return self._seat(place.learner.id, place.number, rules)

    def place(self, learner: str) -> Place:
        """One learner. Args and Raises: as `seat`."""
        places = self.places()
        for place in places:
            if learner in (place.learner.id, place.learner.name):
                return place
        known = ", ".join(place.learner.id for place in places)
        raise LabsError(f"Nobody in the workshop {self.name!r} is called {learner!r}.", f"There are: {known}.")

    def glance(self, learner: str, lesson: str) -> Glance:
        """A learner's namespace for the views. Args: ``learner``, the id or the name; ``lesson``, such as ``"04"``."""
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
        with told("give an access token"):
            core = self.clients.core
            status = core.create_namespaced_service_account_token(seat.learner, self.name, request).status
        own = yaml.safe_load(self.cluster.text)
        cluster = {**own["clusters"][0]["cluster"], **({"server": rules.server} if rules.server else {})}
        context = {
            "cluster": "workshop",
            "user": seat.learner,
            "namespace": seat.namespace(rules.lessons[0]),
            "extensions": [seat.as_extension()],
        }
        config = {
            "apiVersion": "v1",
            "kind": "Config",
            "clusters": [{"name": "workshop", "cluster": cluster}],
            "users": [{"name": seat.learner, "user": {"token": status.token}}],
            "contexts": [{"name": "workshop", "context": context}],
            "current-context": "workshop",
        }
        return yaml.safe_dump(config, allow_unicode=True), status.expiration_timestamp

    def reset(self, learner: str, lessons: Iterable[str] = ()) -> Iterator[str]:
        """Make a learner's namespaces anew, empty; their progress stays. Yields what is done, a sentence each.

        Args:
            learner: the id or the name.
            lessons: only these; all of the learner's by default.
        """
        place, rules = self.place(learner), self.rules()
        seat = self.seat_of(place, rules)
        chosen = [lesson for lesson in place.lessons if not lessons or lesson in lessons]
        names = [seat.namespace(lesson) for lesson in chosen]
        with told("be reset"):
            self._delete_namespaces(names)
            yield f"Removed {', '.join(names) or 'nothing'}."
            things = objects.learner_objects(place.learner, seat, place.lessons, rules.quota, self._pod_networks())
            for thing in things:
                self.cluster.apply(thing)
        yield f"{place.learner.name} begins anew in {', '.join(chosen) or 'no lesson'}."

    def remove(self) -> int:
        """Remove the workshop with everything in it; return how many namespaces went. Nothing else is touched."""
        with told("be removed"):
            spaces = self.clients.core.list_namespace(label_selector=self._ours).items
            rbac = client.RbacAuthorizationV1Api(self.clients.api)
            for binding in rbac.list_cluster_role_binding(label_selector=self._ours).items:
                self.cluster.delete("ClusterRoleBinding", binding.metadata.name)
            hub_secrets.remove(self.cluster, self._ours)
            self._delete_namespaces([space.metadata.name for space in spaces])
            ours = ",".join(f"{key}={value}" for key, value in objects.MANAGED_BY.items())
            if not self.clients.core.list_namespace(label_selector=ours).items:  # no other workshop needs these
                for thing in objects.cluster_objects():
                    self.cluster.delete(thing["kind"], thing["metadata"]["name"])
        return len(spaces)

    def _unknown(self) -> LabsError:
        return LabsError(f"There is no workshop {self.name!r} in this cluster.", "`labs workshop provision` makes one.")

    @property
    def _ours(self) -> str:
        return ",".join(f"{k}={v}" for k, v in {**objects.MANAGED_BY, "labs/workshop": self.name}.items())

    def _read_places(self) -> list[Place]:
        """The learners; none before the first provisioning. Whatever else goes wrong is raised: a cluster that did not
        answer must not look like one without learners, whose seats could be given away."""
        maps = self.clients.core.list_namespaced_config_map(self.name, label_selector=self._ours).items
        return places_of(self.clients.api.sanitize_for_serialization(maps))

    def _seats(self, learners: list[Learner], rules: Rules, known: dict[str, Place]) -> dict[str, Seat]:
        """Everybody keeps the seat they have; who comes new gets the first free one."""
        taken = {one: place.number for one, place in known.items()}
        free = iter(number for number in range(1, SEATS + 1) if number not in taken.values())
        seats = {}
        for learner in learners:
            number = taken.get(learner.id) or next(free, 0)
            if not number:
                raise LabsError(
                    f"One cluster has seats for {SEATS} learners: the lessons' node ports are used up then.",
                    "Share the roster out over several clusters.",
                )
            seats[learner.id] = self._seat(learner.id, number, rules)
        return seats

    def _seat(self, learner: str, number: int, rules: Rules) -> Seat:
        registry = f"{rules.registry}/{learner}" if rules.registry else ""
        return Seat(self.name, learner, number, rules.address, registry)

    def _see_that_names_are_free(self, seats: Iterable[Seat], lessons: list[str]) -> None:
        existing = {n.metadata.name: n.metadata.labels or {} for n in self.clients.core.list_namespace().items}
        wanted = {self.name: "", **{seat.namespace(lesson): seat.learner for seat in seats for lesson in lessons}}
        for name, learner in wanted.items():
            if len(name) > 63:
                raise LabsError(f"The namespace {name!r} would be longer than 63 characters.", "Give a shorter id.")
            marks = {**objects.MANAGED_BY, "labs/workshop": self.name, **({"labs/learner": learner} if learner else {})}
            if name in existing and not marks.items() <= existing[name].items():
                raise LabsError(
                    f"The cluster has a namespace {name!r} that is not this workshop's, so nothing was made.",
                    "Choose another name: `--workshop NAME`.",
                )

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


def places_of(maps: list[dict[str, Any]]) -> list[Place]:
    """The learners whose ConfigMaps these are, by their seats. Args: ``maps``, plain data; others are passed over."""
    found = []
    for item in maps:
        notes, labels = item["metadata"].get("annotations") or {}, item["metadata"].get("labels") or {}
        if objects.NUMBER in notes and "labs/learner" in labels:
            who = Learner(labels["labs/learner"], notes.get(objects.NAME, ""))
            report = reporting.read((item.get("data") or {}).get(reporting.KEY))
            found.append(Place(who, int(notes[objects.NUMBER]), notes.get(objects.GIVEN, "").split(), report))
    return sorted(found, key=lambda place: place.number)


@dataclass(frozen=True)
class Glance:
    """One namespace of a learner's, for the views: ``views.cluster(room.glance("ada", "04"))``."""

    clients: Any
    kubeconfig: Path
    namespace: str
