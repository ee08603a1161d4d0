"""Which of Debian's kernel sources is built from: the catalog's, or what is there in its place, which is said."""

from __future__ import annotations

import pytest

from labs.engines.programs import catalog
from labs.engines.usermode import kernel_source
from labs.errors import EngineError

OLDEST = (6, 16)
MADISON = """\
linux-source-7.2 |   7.2.14-1 | http://deb.debian.org/debian sid/main amd64 Packages
linux-source-7.2 |   7.2.13-1 | http://deb.debian.org/debian sid/main amd64 Packages
linux-source-7.10 | 7.10.1-1 | http://deb.debian.org/debian sid/main amd64 Packages
linux-source-6.1 | 6.1.99-1 | http://deb.debian.org/debian sid/main amd64 Packages
"""


@pytest.fixture
def offers(tmp_path, monkeypatch) -> list[tuple[str, str]]:
    names = "".join(f"linux-source-{series} - Linux kernel source\n" for series in ("7.2", "7.10", "6.1"))
    monkeypatch.setattr(kernel_source, "mirror", lambda: "http://deb.debian.org/debian")

    def apt(argv: list[str], **_: object) -> str:
        return names if "search" in argv else MADISON if "madison" in argv else ""

    monkeypatch.setattr(kernel_source, "run", apt)
    return kernel_source.offered(tmp_path)


def test_what_debian_has_is_read(offers):
    assert offers == [
        ("linux-source-7.2", "7.2.14-1"),
        ("linux-source-7.2", "7.2.13-1"),
        ("linux-source-7.10", "7.10.1-1"),
        ("linux-source-6.1", "6.1.99-1"),
    ]


@pytest.mark.parametrize(
    ("wanted", "name", "version"),
    [
        ("7.2.13-1", "linux-source-7.2", "7.2.13-1"),
        ("7.2.9-1", "linux-source-7.2", "7.2.14-1"),
        ("7.3.4-1", "linux-source-7.10", "7.10.1-1"),
        ("6.1.98-1", "linux-source-7.10", "7.10.1-1"),  # its series is too old
    ],
)
def test_the_catalogs_source_comes_first_then_its_series_then_the_newest(offers, wanted, name, version):
    assert kernel_source.choose(offers, wanted, OLDEST) == (name, version)


def test_nothing_new_enough_is_refused():
    with pytest.raises(EngineError, match=r"no kernel source of version 6\.16 or newer"):
        kernel_source.choose([("linux-source-6.1", "6.1.99-1")], "7.2.13-1", OLDEST)


def test_another_source_than_the_catalogs_is_told(monkeypatch):
    monkeypatch.setattr(catalog, "kernel_source", lambda: "7.2.13-1")
    assert kernel_source.replacement("7.2.13-1") == ""
    assert kernel_source.replacement("7.2.14-1") == (
        "Debian's archive does not have Linux 7.2.13-1 any more, so the kernel is built from 7.2.14-1, "
        "the newest of the same series."
    )
    assert kernel_source.replacement("7.10.1-1").endswith("built from 7.10.1-1, the newest there is.")
