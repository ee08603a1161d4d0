"""Checks of lesson 15, Helm and Kustomize: what runs, and the release as Helm keeps it."""

from __future__ import annotations

from typing import Any

from labs.checks.context import CheckContext
from labs.checks.core import check, clients, expect, settle
from labs.checks.facts import Kept, Stated, states
from labs.checks.readers.containers import Program
from labs.checks.readers.endpoints import expect_behind, expect_leads
from labs.checks.readers.kustomizations import expect_applied, rendered, rendered_one
from labs.checks.readers.namespaces import here
from labs.checks.readers.quantities import is_amount
from labs.checks.readers.releases import expect_as_released, expect_chart, expect_values, history, release
from labs.checks.readers.services import service
from labs.checks.readers.workloads import deployment, expect_image, expect_ready, expect_rolled_out
from labs.errors import NotYet
from labs.waiting import http_status

WEB_2 = Program("labs/web:2")
STALL = [{"name": "STALL", "value": "12"}]
EVENING, MORNING = "Good evening", "Good morning"


@states(
    Stated("Deployment", "market-noticeboard"),
    Stated("Deployment", "market-noticeboard", "spec.replicas", 3),
    Stated("Deployment", "market-noticeboard", "containers.image", "labs/web:2"),
    Stated("Deployment", "market-noticeboard", "env.name", "STALL"),
    Stated("Deployment", "market-noticeboard", "env.value", "12"),
)
@check(
    "ex-15-1",
    title="The market's board, upgraded with all its values",
    covers=("D2.3",),
    why="An upgrade takes the values that it is given, so the same file belongs to each; quotes make a text of 12.",
)
def check_market_released(lab: CheckContext) -> None:
    item = release(lab, "market", "`helm install market town/noticeboard --version 0.1.0 ...`")
    expect_chart(item, "noticeboard", "0.2.0")
    todo = "An upgrade with `--set` or `-f` forgets what was set the time before; `helm get values market` tells."
    expect_values(item, {"text": "Fish today", "replicas": 3, "env": STALL}, todo)
    revisions = history(lab, "market")
    expect(
        revisions[0].revision > 1 or any(each.chart_version == "0.1.0" for each in revisions),
        expected="a revision with the chart version 0.1.0 in the history of market, before the one with 0.2.0",
        observed="; ".join(f"{each.revision}: {each.label}" for each in revisions),
        try_="`helm history market` shows them. Uninstall it, and install 0.1.0 first.",
    )
    expect_as_released(lab, item)
    live = deployment(lab, "market-noticeboard")
    expect_image(live, "labs/web:2", "The chart takes its appVersion, unless the value `image.tag` says otherwise.")
    expect_rolled_out(lab, "market-noticeboard")
    _expect_page(lab, "market-noticeboard", "Fish today")


@states(
    Stated("Deployment", "page-green"),
    Stated("Deployment", "page-green", "containers.image", "labs/web:2", ("labs/web:1",)),
    Stated("Deployment", "page-green", "spec.replicas", 3),
    Stated("Deployment", "page-green", "matchLabels.track", "green", ("blue",)),
    Stated("Deployment", "page-green", "requests.memory", "32Mi", ("64Mi",)),
    Stated("Service", "page"),
    Kept("Deployment", "page-blue", {"spec": {"replicas": 1}}),
)
@check(
    "ex-15-2",
    title="Green beside blue, by overlays",
    covers=("D2.4", "D2.1"),
    why="Both colours come from one base, and each says what is different; the Service's selector is the switch.",
)
def check_green_opened(lab: CheckContext) -> None:
    site = lab.folder / "site"
    blue = rendered(lab, site / "blue", "site/blue")
    _expect_blue(lab, blue)
    green = rendered(lab, site / "green", "site/green")
    _expect_green(green, rendered_one(green, "Deployment", "page-green", "site/green"))
    _expect_applied(lab, green, "site/green")
    expect_rolled_out(lab, "page-green")
    live = deployment(lab, "page-green")
    door = rendered(lab, site / "door", "site/door")
    rendered_one(door, "Service", "page", "site/door")
    leads = service(lab, "page")
    expect_leads(lab, leads, live, 80, 80)
    _expect_applied(lab, door, "site/door")
    expect_behind(lab, leads, 3)
    _expect_page(lab, "page", EVENING)
    _expect_page(lab, "page", "2", "version")


@states(
    Stated("Deployment", "harbour-noticeboard"),
    Stated("Deployment", "harbour-noticeboard", "spec.replicas", 3),
    Stated("Deployment", "harbour-noticeboard", "containers.image", "labs/web:2", ("labs/web:1",)),
    Kept("ConfigMap", "harbour-log", {"data": {"entry": "something else"}}),
)
@check(
    "ex-15-3",
    title="The harbour's release, deployed again",
    covers=("D2.3",),
    why="A rollback frees what is pending; a template is text, a selector cannot change, and Helm believes any tag.",
    symptom="the release harbour is not deployed as the brief asks, or not all of its pods are ready",
)
def check_harbour_freed(lab: CheckContext) -> None:
    board = "harbour-noticeboard"
    item = release(lab, "harbour", "The lesson's cells make it; run them again.")
    folder = "The chart is in the folder `harbour`, its values are in `harbour.yaml`: `helm upgrade`."
    expect_chart(item, "harbour", "0.2.0", folder)
    expect_values(item, {"text": "High tide at 9", "replicas": 3})
    live = deployment(lab, board, "The release has one; `helm get manifest harbour`.")
    _expect_not_made_again(lab, live)
    _expect_kept_history(lab)
    expect_image(live, "labs/web:2", "`helm get values harbour`: which tag is set, and is there such an image?")
    expect_as_released(lab, item)
    expect_ready(lab, board, 3)
    expect_rolled_out(lab, board)
    _expect_page(lab, board, "High tide at 9")


def _expect_page(lab: CheckContext, name: str, wanted: str, path: str = "") -> None:
    """What a Service's pods answer, asked by the API server, as ``kubectl get --raw .../proxy/`` does."""
    item = service(lab, name)
    port = item.spec.ports[0].port
    ask = clients(lab).core.connect_get_namespaced_service_proxy_with_path

    def state() -> bool:
        try:
            seen = ask(f"{name}:{port}", lab.namespace, path or "index.html").strip()
        except Exception as error:
            if http_status(error) not in {404, 502, 503, 504}:
                raise
            seen = f"status {http_status(error)}"
        return expect(
            seen == wanted,
            expected=f"{wanted!r} from the Service {name}, at /{path}",
            observed=repr(seen[:80]),
            try_="Do its pods have the text, and are they ready? `kubectl describe service` shows who is behind it.",
        )

    settle(state)


# Exercise 2
def _expect_applied(lab: CheckContext, objects: dict[str, dict[str, Any]], called: str) -> None:
    expect_applied(
        lab,
        objects.values(),
        called,
        where="the files",
        gone=f"{called} gives one: `kubectl apply -k` applies a kustomization, `-f` does not.",
        try_="Change the files, then `kubectl apply -k`; `kubectl diff -k` says nothing when they agree.",
    )


def _expect_blue(lab: CheckContext, blue: dict[str, dict[str, Any]]) -> None:
    """Base and overlay of the colour before give what they gave, and it runs."""
    item = rendered_one(blue, "Deployment", "page-blue", "site/blue")
    spec = item["spec"]["template"]["spec"]
    web: dict[str, Any] = next((c for c in spec["containers"] if c.get("name") == "web"), {})
    texts = _texts(blue, spec)
    seen = [
        web.get("image"),
        item["spec"].get("replicas"),
        item["spec"]["selector"].get("matchLabels", {}).get("track"),
        texts,
        web.get("resources") or None,
    ]
    expect(
        seen == ["labs/web:1", 2, "blue", MORNING, None],
        expected=f"the Deployment page-blue as it was: labs/web:1, 2 pods, track blue, {MORNING!r}, no requests",
        observed="site/blue gives {}, {} pods, track {}, {!r}, {}".format(*seen[:4], seen[4] or "no requests"),
        try_="`site/base` and `site/blue` stay as they are: what is different belongs into `site/green`. "
        "Run the two cells before the exercise to have them back.",
    )
    _expect_applied(lab, blue, "site/blue")
    expect_ready(lab, "page-blue", 2)


def _expect_green(green: dict[str, dict[str, Any]], item: dict[str, Any]) -> None:
    """What the overlay gives, before anything is applied: a verdict names the field of a kustomization."""
    spec, template = item["spec"], item["spec"]["template"]
    containers = template["spec"]["containers"]
    web = next((c for c in containers if c.get("name") == "web"), containers[0])

    def must(right: Any, expected: str, observed: Any, try_: str) -> None:
        expect(right, expected=f"{expected}, from site/green", observed=str(observed or "none"), try_=try_)

    must(
        web.get("image", "").removeprefix("docker.io/") == "labs/web:2",
        "the image labs/web:2 in page-green",
        web.get("image"),
        "`images` in the overlay takes the name of the base's image, and a `newTag`.",
    )
    must(
        spec.get("replicas") == 3,
        "3 pods of page-green",
        spec.get("replicas"),
        "`replicas` in the overlay takes the base's name of the Deployment.",
    )
    labels = template.get("metadata", {}).get("labels") or {}
    must(labels.get("track") == "green", "the label track: green on the pods of page-green", labels, "`labels`")
    selected = spec.get("selector", {}).get("matchLabels") or {}
    must(
        selected.get("track") == "green",
        "track: green in the selector of page-green",
        selected,
        "`includeSelectors: true`. A selector cannot be changed: delete the Deployment before you apply again.",
    )
    requests = (web.get("resources") or {}).get("requests") or {}
    must(
        is_amount(requests.get("memory"), "32Mi"),
        "memory: 32Mi requested by the container web of page-green",
        requests.get("memory") or "no request",
        "A patch names the object as the base calls it; a JSON patch whose target is not found does nothing.",
    )
    must(
        _texts(green, template["spec"]) == EVENING,
        f"the text {EVENING!r} in the ConfigMap that page-green mounts",
        _texts(green, template["spec"]),
        "`configMapGenerator` with the base's name, and `behavior: merge` or `replace`.",
    )


def _texts(objects: dict[str, dict[str, Any]], pod: dict[str, Any]) -> str:
    """The page in the ConfigMaps that a pod mounts, among what a kustomization gives."""
    names = [(volume.get("configMap") or {}).get("name") for volume in pod.get("volumes") or []]
    found = [objects.get(f"ConfigMap {name}", {}).get("data") or {} for name in names if name]
    return next((data["index.html"].strip() for data in found if "index.html" in data), "")


# Exercise 3
def _expect_not_made_again(lab: CheckContext, live: Any) -> None:
    """The Deployment is the one of the first installation: the colleague's log was written right after it."""
    log = here(
        lab,
        "config_map",
        "harbour-log",
        called="the ConfigMap harbour-log",
        try_="The brief says that it stays: it tells how old the rest is. Run the two cells again.",
    )
    made, noted = live.metadata.creation_timestamp, log.metadata.creation_timestamp
    expect(
        made <= noted and (log.data or {}).get("entry") == "installed",
        expected="the Deployment harbour-noticeboard of the first installation, and harbour-log as it was",
        observed=f"it was made again, {int((made - noted).total_seconds())} s after the log"
        if made > noted
        else f"the log says {(log.data or {}).get('entry')!r}",
        try_="Uninstalling takes the board down. Run the two cells again, and repair it without.",
    )


def _expect_kept_history(lab: CheckContext) -> None:
    first = history(lab, "harbour")[0]
    if first.revision == 1 and first.chart_version != "0.1.0":
        raise NotYet(
            "revision 1 of harbour with the chart harbour-0.1.0",
            f"{first.label}: the history begins again",
            "Uninstalling removes the history. Run the two cells again, and repair it without.",
        )
