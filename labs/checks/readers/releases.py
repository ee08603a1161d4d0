"""What checks read of Helm's releases: each revision is a Secret in the namespace, which holds all that Helm knows."""

from __future__ import annotations

import base64
import gzip
import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from labs.checks.context import CheckContext
from labs.checks.core import clients, expect
from labs.checks.readers.kustomizations import expect_applied
from labs.checks.readers.namespaces import elsewhere
from labs.errors import NotYet
from labs.waiting import http_status

__all__ = ["Release", "expect_as_released", "expect_chart", "expect_values", "history", "read_release", "release"]

SHOWN = 220  # characters of a description


@dataclass(frozen=True)
class Release:
    """One revision of a release.

    Attributes:
        name: the release's.
        revision: its number.
        status: such as ``deployed``, ``failed`` or ``pending-upgrade``.
        description: Helm's words, such as the error of a failed upgrade.
        chart: the chart's name.
        chart_version: the package's, not the program's.
        given: the values that somebody has set.
        values: those in force: the chart's defaults, and over them what was set.
        manifest: what the templates gave, YAML.
    """

    name: str
    revision: int
    status: str
    description: str
    chart: str
    chart_version: str
    given: Mapping[str, Any]
    values: Mapping[str, Any]
    manifest: str

    @property
    def label(self) -> str:
        """The chart as ``helm list`` shows it: ``noticeboard-0.1.0``."""
        return f"{self.chart}-{self.chart_version}"


def read_release(packed: str) -> Release:
    """A revision, from the ``release`` in its Secret's data: base64 of Kubernetes and of Helm, gzip, JSON.

    Args:
        packed: as the API server hands it out.

    Raises:
        ValueError: it is something else.
    """
    try:
        content = base64.b64decode(base64.b64decode(packed))
        record = json.loads(gzip.decompress(content) if content[:2] == b"\x1f\x8b" else content)
        chart, given = record.get("chart") or {}, record.get("config") or {}
        described = chart.get("metadata") or {}
        return Release(
            name=record["name"],
            revision=record["version"],
            status=record["info"]["status"],
            description=record["info"].get("description") or "",
            chart=described.get("name") or "",
            chart_version=described.get("version") or "",
            given=given,
            values=_merged(chart.get("values") or {}, given),
            manifest=record.get("manifest") or "",
        )
    except (OSError, EOFError, KeyError, TypeError, AttributeError) as error:
        raise ValueError("this is no release of Helm's") from error


def _merged(defaults: Mapping[str, Any], given: Mapping[str, Any]) -> dict[str, Any]:
    """Mappings are merged, all else is replaced, and null takes a default away (Helm's docs, "Values Files")."""
    merged = dict(defaults)
    for key, value in given.items():
        before = merged.get(key)
        if value is None:
            merged.pop(key, None)
        elif isinstance(value, Mapping) and isinstance(before, Mapping):
            merged[key] = _merged(before, value)
        else:
            merged[key] = value
    return merged


def history(lab: CheckContext, name: str) -> list[Release]:
    """All revisions of a release that Helm has kept in the lesson's namespace, the oldest first.

    Args:
        lab: the lesson's lab.
        name: the release's.
    """
    secrets = clients(lab).core.list_namespaced_secret(lab.namespace, label_selector=f"owner=helm,name={name}").items
    revisions = []
    for secret in secrets:
        try:
            revisions.append(read_release((secret.data or {}).get("release", "")))
        except ValueError:  # somebody's own Secret with Helm's labels
            continue
    return sorted(revisions, key=lambda each: each.revision)


def release(lab: CheckContext, name: str, try_: str = "") -> Release:
    """The newest revision of a release, which must be deployed.

    Args:
        lab: the lesson's lab.
        name: the release's.
        try_: what to try when there is none anywhere.

    Raises:
        NotYet: there is none in the lesson's namespace, and the verdict says where else; or its status is another.
    """
    expected = f"a release {name} in the namespace {lab.namespace}"
    revisions = history(lab, name)
    if not revisions:
        places = _places(lab, name)
        if any(place != lab.namespace for place, _ in places):
            where = next(place for place, _ in places if place != lab.namespace)
            todo = f"`helm uninstall {name} -n {where}`, then install it again with `-n {lab.namespace}`."
            raise NotYet(expected, f"none there, but one in the namespace {where}", todo)
        others = sorted({other for place, other in places if place == lab.namespace})
        raise NotYet(
            expected,
            f"none, but {', '.join(others)}" if others else "none",
            try_ or "`helm list -A` lists the releases of all namespaces.",
        )
    newest = revisions[-1]
    if newest.status != "deployed":
        raise NotYet(
            f"the release {name} to be deployed",
            f"its newest revision, {newest.revision}, has the status {newest.status}: {_end_of(newest.description)}",
            _todo(newest.status, name),
        )
    return newest


def _places(lab: CheckContext, name: str) -> list[tuple[str, str]]:
    """Namespace and name of the releases of this name elsewhere, and of all in the lesson's namespace."""
    core = clients(lab).core
    own = core.list_namespaced_secret(lab.namespace, label_selector="owner=helm").items
    found = [(lab.namespace, secret.metadata.labels.get("name", "")) for secret in own]
    try:
        items = core.list_secret_for_all_namespaces(label_selector=f"owner=helm,name={name}").items
    except Exception as error:
        if http_status(error) == 403:  # a shared cluster: nobody may look everywhere
            return found
        raise
    secrets = {item.metadata.name for item in items}
    return found + [(place, name) for secret in secrets for place in elsewhere(lab, "secret", secret)]


def _end_of(description: str) -> str:
    """Helm's words: a long error has its cause at the end."""
    return description if len(description) <= SHOWN else f"... {description[-SHOWN:].partition(' ')[2]}"


def _todo(status: str, name: str) -> str:
    if status.startswith("pending"):
        return f"Nobody works at it any more. `helm history {name}`: which revision has worked? `helm rollback --help`"
    if status == "uninstalled":
        return f"Its history was kept: `helm history {name}`. `helm rollback` brings a revision back."
    return f"`helm history {name}` shows what each revision came to. What does this message complain of?"


def expect_chart(item: Release, chart: str, version: str, try_: str = "") -> None:
    """A release is of a chart, in a version. Raises NotYet."""
    expect(
        item.chart == chart,
        expected=f"the release {item.name} of the chart {chart}",
        observed=f"the chart {item.chart or 'without a name'}",
        try_=try_ or "`helm list` shows each release's chart.",
    )
    expect(
        item.chart_version == version,
        expected=f"the release {item.name} with the chart {chart}-{version}",
        observed=f"{item.label}, in revision {item.revision}",
        try_=try_ or "`--version` chooses the chart's version; `helm search repo --versions` lists them.",
    )


def expect_values(item: Release, wanted: Mapping[str, Any], try_: str = "") -> None:
    """Values in force in a release, whoever set them; `3` and `"3"` are the same text, and so the same here.

    Args:
        item: the release.
        wanted: the values, by their names at the top.
        try_: what to try when one is another.

    Raises:
        NotYet: one of them is another.
    """
    for key, value in wanted.items():
        seen = item.values.get(key)
        origin = "" if key in item.given else ", the chart's default: nobody has set it in this revision"
        expect(
            _text(seen) == _text(value),
            expected=f"the value {key} of the release {item.name}: {_shown(value)}",
            observed=f"{_shown(seen)}{origin}",
            try_=try_ or f"`helm get values {item.name}` shows what was set; `--help` of `helm upgrade` has `-f`.",
        )


def _text(value: Any) -> str:
    if isinstance(value, Mapping):
        return json.dumps({key: _text(part) for key, part in value.items()}, sort_keys=True)
    if isinstance(value, list):
        return json.dumps([_text(part) for part in value])
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    return str(value).strip()


def _shown(value: Any) -> str:
    return "none" if value is None else value if isinstance(value, str) else json.dumps(value)


def expect_as_released(lab: CheckContext, item: Release) -> None:
    """The live objects are those of the release: none is gone, none was changed behind Helm's back.

    Args:
        lab: the lesson's lab.
        item: the release.

    Raises:
        NotYet: one is gone or different; the verdict names the first fields.
    """
    import yaml

    expect_applied(
        lab,
        [declared for declared in yaml.safe_load_all(item.manifest) if declared],
        "the release",
        where="the release",
        gone=f"`helm get manifest {item.name}` shows its objects; an upgrade makes what is gone.",
        try_="Was it changed by hand? Set the value and upgrade; `--force-conflicts` then takes the field back.",
    )
