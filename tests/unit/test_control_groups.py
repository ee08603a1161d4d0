"""What `labs doctor` reads of cgroups, in made-up trees of version 1, of version 2 and of both at once."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from types import SimpleNamespace

import pytest

from labs.engines.doctor import host, report
from labs.engines.doctor.finding import MISSING, OK, REMARK
from labs.engines.runtime import memory

GB = 1 << 30
NO_LIMIT = "9223372036854771712\n"  # as v1 writes it
V1 = ("cpu", "cpuacct", "cpuset", "memory", "devices", "freezer", "pids")


def table(numbers: Mapping[str, int]) -> str:
    """/proc/cgroups, with the number of each controller's hierarchy."""
    rows = [f"{name}\t{number}\t1\t1" for name, number in numbers.items()]
    return "\n".join(["#subsys_name\thierarchy\tnum_cgroups\tenabled", *rows, ""])


@pytest.fixture
def tree(tmp_path, monkeypatch):
    """Makes a machine with 8 GB free out of files: of its /sys/fs/cgroup, its /proc/cgroups and /proc/self/cgroup."""
    groups = tmp_path / "sys/fs/cgroup"
    groups.mkdir(parents=True)
    monkeypatch.setattr(memory, "CGROUPS", groups)
    monkeypatch.setattr(memory, "OWN_GROUPS", tmp_path / "self_cgroup")
    monkeypatch.setattr(memory.psutil, "virtual_memory", lambda: SimpleNamespace(available=8 * GB))
    monkeypatch.setattr(host, "UNIFIED", groups / "cgroup.controllers")
    monkeypatch.setattr(host, "HIERARCHIES", tmp_path / "cgroups")

    def make(files: Mapping[str, str], own: str = "", hierarchies: str = "") -> None:
        for name, text in files.items():
            (groups / name).parent.mkdir(parents=True, exist_ok=True)
            (groups / name).write_text(text, encoding="utf-8")
        for name, text in (("self_cgroup", own), ("cgroups", hierarchies)):
            if text:
                (tmp_path / name).write_text(text, encoding="utf-8")

    return make


MEMORY = {
    "v1": ({"memory/memory.limit_in_bytes": NO_LIMIT}, "4:memory:/\n1:name=systemd:/\n", 8),
    "v1, in a container": ({"memory/memory.limit_in_bytes": f"{2 * GB}\n"}, "4:memory:/docker/0123\n", 2),
    "v1, in a group": ({"memory/user/memory.limit_in_bytes": f"{3 * GB}"}, "2:cpu:/\n4:hugetlb,memory:/user/a:b\n", 3),
    "v2: the topmost group has no memory.max": ({"cgroup.controllers": "cpu memory pids"}, "0::/\n", 8),
    "v2 without a limit": ({"user.slice/memory.max": "max\n"}, "0::/user.slice/session.scope\n", 8),
    "v2, in a container": ({"memory.max": f"{GB}\n"}, "0::/\n", 1),
    "v2, outside of what a container sees": ({"memory.max": f"{GB}\n", "0123/memory.max": "1"}, "0::/../0123\n", 1),
    "v2, in a group": ({"a/memory.max": f"{4 * GB}", "a/b/memory.max": f"{5 * GB}"}, "0::/a/b\n", 4),
    "both": (
        {"memory/memory.limit_in_bytes": NO_LIMIT, "unified/cgroup.controllers": "", "memory/a/memory.max": "1"},
        "4:memory:/a\n0::/a\n",
        8,
    ),
    "both, v2 has the limit": ({"unified/a/memory.max": f"{6 * GB}\n"}, "1:name=systemd:/a\n0::/a\n", 6),
    "no cgroups at all": ({}, "", 8),
    "files that are not understood": ({"memory.max": "", "memory": "a file"}, "\n0\nnonsense\n", 8),
}


@pytest.mark.parametrize("case", MEMORY)
def test_free_memory_and_limits(tree, case):
    files, own, gigabytes = MEMORY[case]
    tree(files, own)
    assert memory.available_memory() == gigabytes * GB


CONTROLLERS = {
    "v1": ({}, table(dict.fromkeys(V1, 3)), OK, "v1 with cpu, cpuacct, cpuset, devices, freezer, memory, pids"),
    "v1 without memory": ({}, table({**dict.fromkeys(V1, 3), "memory": 0}), MISSING, "v1, without memory"),
    "v2": ({"cgroup.controllers": "cpuset cpu memory pids"}, table(dict.fromkeys(V1, 0)), OK, "v2 with cpu, memory"),
    "v2 and a kernel without v1": ({"cgroup.controllers": "cpu memory pids"}, "", OK, "v2 with cpu, memory, pids"),
    "v2 of which a part is handed on": ({"cgroup.controllers": "memory pids"}, "", MISSING, "v2, without cpu"),
    "both": ({"unified/cgroup.controllers": ""}, table(dict.fromkeys(V1, 3)), OK, "v1 with cpu"),
    "no cgroups at all": ({}, "", MISSING, "can be read: limits would not hold"),
}


@pytest.mark.parametrize("case", CONTROLLERS)
def test_controllers(tree, case):
    files, hierarchies, level, words = CONTROLLERS[case]
    tree(files, hierarchies=hierarchies)
    (found,) = host._cgroups()
    assert (found.level, found.subject) == (level, "cgroups")
    assert words in found.observed
    assert bool(found.todo) == (level == MISSING)


@pytest.mark.parametrize(("text", "is_told"), [(None, True), ("0\n", True), ("", True), ("10000\n", False)])
def test_kernel_may_make_no_user_namespaces(monkeypatch, tmp_path, text, is_told):
    file: Path = tmp_path / "max_user_namespaces"
    if text is not None:
        file.write_text(text, encoding="utf-8")
    monkeypatch.setattr(report, "USER_NAMESPACES", file)
    found = [finding for finding in report._workshop() if "user namespaces" in finding.observed]
    assert [finding.level for finding in found] == [REMARK] * is_told
