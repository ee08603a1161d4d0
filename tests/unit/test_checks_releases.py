"""What checks read of Helm's releases: the record in a Secret, and the values in force."""

from __future__ import annotations

import base64
import gzip
import json
from types import SimpleNamespace
from typing import Any

import pytest

from labs.checks.readers.releases import Release, expect_chart, expect_values, history, read_release, release
from labs.errors import NotYet


def packed(*, compressed: bool = True, **changed: Any) -> str:
    """A revision as Kubernetes hands it out."""
    record = {
        "name": "market",
        "version": 2,
        "info": {"status": "deployed", "description": "Upgrade complete"},
        "chart": {
            "metadata": {"name": "noticeboard", "version": "0.2.0"},
            "values": {"text": "Nothing", "replicas": 1, "image": {"repository": "labs/web", "tag": "1"}},
        },
        "config": {"replicas": 3, "image": {"tag": None}},
        "manifest": "---\nkind: Service\n",
        **changed,
    }
    content = json.dumps(record).encode()
    return base64.b64encode(base64.b64encode(gzip.compress(content) if compressed else content)).decode()


def lab_with(*revisions: str, elsewhere: str = "") -> Any:
    """A lab whose namespace has some revisions of a release."""
    secrets = [SimpleNamespace(data={"release": each}, metadata=SimpleNamespace(labels={})) for each in revisions]
    there = SimpleNamespace(metadata=SimpleNamespace(name="sh.helm.release.v1.market.v1", namespace=elsewhere))

    def everywhere(**chosen: str) -> Any:
        return SimpleNamespace(items=[there] if elsewhere else [])

    core = SimpleNamespace(
        list_namespaced_secret=lambda namespace, **chosen: SimpleNamespace(items=secrets),
        list_secret_for_all_namespaces=everywhere,
    )
    return SimpleNamespace(namespace="lab-15", clients=SimpleNamespace(core=core))


@pytest.mark.parametrize("compressed", [True, False])
def test_a_record_is_read(compressed):
    seen = read_release(packed(compressed=compressed))
    assert (seen.name, seen.revision, seen.status, seen.label) == ("market", 2, "deployed", "noticeboard-0.2.0")
    assert seen.manifest == "---\nkind: Service\n"


def test_values_in_force_are_defaults_and_over_them_what_was_set():
    values = read_release(packed()).values
    assert values == {"text": "Nothing", "replicas": 3, "image": {"repository": "labs/web"}}


@pytest.mark.parametrize("wrong", ["", "aGVsbG8=", base64.b64encode(base64.b64encode(b"[1]")).decode()])
def test_what_is_no_release_is_an_error(wrong):
    with pytest.raises(ValueError, match=r"."):
        read_release(wrong)


def test_revisions_are_in_order_and_others_secrets_are_left_out():
    lab = lab_with(packed(version=10), packed(version=9), "", "aGVsbG8=")
    assert [each.revision for each in history(lab, "market")] == [9, 10]


@pytest.mark.parametrize(
    ("status", "words"),
    [
        ("pending-upgrade", "Nobody works at it any more"),
        ("failed", "shows what each revision came to"),
        ("uninstalled", "Its history was kept"),
    ],
)
def test_a_release_that_is_not_deployed_is_told(status, words):
    lab = lab_with(packed(), packed(version=3, info={"status": status, "description": "why"}))
    with pytest.raises(NotYet, match=f"revision, 3, has the status {status}: why.*{words}"):
        release(lab, "market")


def test_a_release_elsewhere_is_told():
    with pytest.raises(NotYet, match="none there, but one in the namespace default"):
        release(lab_with(elsewhere="default"), "market")


def a_release() -> Release:
    return read_release(packed())


def test_values_are_compared_as_texts():
    expect_values(a_release(), {"replicas": "3", "text": "Nothing"})
    with pytest.raises(NotYet, match="replicas of the release market: 2"):
        expect_values(a_release(), {"replicas": 2})
    with pytest.raises(NotYet, match="Nothing, the chart's default: nobody has set it in this revision"):
        expect_values(a_release(), {"text": "Fish"})


def test_the_charts_name_and_version_are_told():
    expect_chart(a_release(), "noticeboard", "0.2.0")
    with pytest.raises(NotYet, match=r"the chart noticeboard-0\.1\.0.*noticeboard-0\.2\.0, in revision 2"):
        expect_chart(a_release(), "noticeboard", "0.1.0")
    with pytest.raises(NotYet, match="of the chart harbour"):
        expect_chart(a_release(), "harbour", "0.2.0")
