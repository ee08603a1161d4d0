"""What a course could leave behind on this machine, and who listens on it."""

from __future__ import annotations

import json
import os
import re
import socket
import subprocess
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

from labs.engines.programs.node_tools import find_tools
from labs.engines.runtime.processes import MARK
from labs.engines.runtime.reporter import Reporter
from labs.engines.runtime.state import SYSTEM_STATE, list_courses
from labs.engines.runtime.user_folders import cache_folder

KERNEL = ("vm/overcommit_memory", "vm/panic_on_oom", "kernel/panic", "kernel/panic_on_oops", "kernel/keys/root_maxkeys",
          "net/ipv4/ip_forward", "net/netfilter/nf_conntrack_max")  # fmt: skip
LISTEN = "0A"


def snapshot(course: str) -> dict[str, list[str]]:
    """Everything that a course could change on this machine outside the cache.

    Args:
        course: what belongs to other courses and workshops, which come and go meanwhile, is left out.
    """
    ids = {state.recover().id for state in list_courses() if state.folder.name != course}
    # `.NAME.lock` and `NAME.workshop` lie beside the folder of a course NAME
    others = {path.name.strip(".").partition(".")[0] for path in SYSTEM_STATE.glob("*/*")} - {course}
    processes = [(pid, told) for pid, told in _processes() if not any(one in told for one in ids)]
    found = {
        "mounts": Path("/proc/self/mounts").read_text().splitlines(),
        "processes": [f"{pid} {told}" for pid, told in processes if told],
        # of courses alone: browsers have some, too
        "network namespaces": list({_link(pid, "ns/net") for pid, told in processes if told} - {""}),
        "links and addresses": _addresses(),
        "routes": _routes(),
        "firewall": _firewall(),
        "cgroups": [str(path) for top in ("", "*/") for path in Path("/sys/fs/cgroup").glob(f"{top}labs-*")],
        "folders": _folders(),
        "kernel": [f"{name}={_read(Path('/proc/sys', name))}" for name in KERNEL],
    }
    theirs = re.compile("|".join([*ids, *(rf"/\.?{re.escape(name)}(\.\w+)*(/|\s|$)" for name in others)]) or "$^")
    return {kind: sorted(line for line in lines if not theirs.search(line)) for kind, lines in found.items()}


def differences(before: dict[str, list[str]], after: dict[str, list[str]]) -> dict[str, list[str]]:
    """What is only in one of two snapshots: a line with ``-`` is gone, one with ``+`` is new.

    Processes and their namespaces that are gone do not count: an earlier test's course was still ending when the first
    snapshot was taken.
    """
    ending = ("processes", "network namespaces")
    gone = {kind: set(before[kind]) - set(after[kind]) for kind in before if kind not in ending}
    new = {kind: set(after[kind]) - set(before[kind]) for kind in before}
    changed = {
        kind: [f"- {line}" for line in sorted(gone.get(kind, ()))] + [f"+ {line}" for line in sorted(new[kind])]
        for kind in before
    }
    return {kind: lines for kind, lines in changed.items() if lines}


def listening() -> Iterator[tuple[int, str]]:
    """Process and address of every TCP server in this machine's own network namespace."""
    servers = {}
    for family, file in ((socket.AF_INET, "tcp"), (socket.AF_INET6, "tcp6")):
        for line in Path("/proc/net", file).read_text().splitlines()[1:]:
            words = line.split()
            if words[3] == LISTEN:
                packed = b"".join(
                    part[::-1] for part in re.findall(b"....", bytes.fromhex(words[1].split(":")[0]), re.S)
                )
                servers[f"socket:[{words[9]}]"] = socket.inet_ntop(family, packed)
    for pid in _pids():
        with suppress(OSError):
            for descriptor in Path(f"/proc/{pid}/fd").iterdir():
                with suppress(OSError):
                    if (target := os.readlink(descriptor)) in servers:
                        yield pid, servers[target]


def _pids() -> list[int]:
    return [int(path.name) for path in Path("/proc").iterdir() if path.name.isdigit()]


def _processes() -> Iterator[tuple[int, str]]:
    """Every process, and why it belongs to a course: its mark, its cgroup, its program; nothing when it does not."""
    folders = (str(SYSTEM_STATE), str(cache_folder()))
    for pid in _pids():
        marks = [word for word in _read(Path(f"/proc/{pid}/environ")).split("\0") if word.startswith(MARK)]
        cgroups = re.findall(r"/labs-\w+", _read(Path(f"/proc/{pid}/cgroup")))
        program = _link(pid, "exe")
        yield pid, " ".join([*marks, *cgroups[:1], *([program] if program.startswith(folders) else [])])


def _read(path: Path) -> str:
    try:
        return path.read_text(errors="replace").strip()
    except OSError:  # a process that has ended meanwhile; a setting that this kernel lacks
        return ""


def _link(pid: int, name: str) -> str:
    try:
        return os.readlink(f"/proc/{pid}/{name}")
    except OSError:
        return ""


def _ip(*arguments: str) -> list[dict]:
    return json.loads(subprocess.run(["ip", "-json", *arguments], capture_output=True, check=True).stdout)


def _addresses() -> list[str]:
    return [f"{e.get('ifname')} {[i.get('local') for i in e.get('addr_info', [])]}" for e in _ip("address") if e]


def _routes() -> list[str]:
    return [
        " ".join(str(entry.get(key, "")) for key in ("type", "dst", "gateway", "dev", "table"))
        for version in ("-4", "-6")
        for entry in _ip(version, "route", "show", "table", "all")
    ]


def _folders() -> list[str]:
    top = [SYSTEM_STATE] if SYSTEM_STATE.exists() else []
    return [str(path) for path in [*top, *SYSTEM_STATE.glob("*"), *SYSTEM_STATE.glob("*/*")]]


def _firewall() -> list[str]:
    """The rules, without the counters."""
    prefix = find_tools(Reporter(quiet=True).begin("tools")).prefix
    program, env = "iptables-save", dict(os.environ)
    if prefix:
        program = str(prefix / "labs-bin/iptables-save")
        env["LD_LIBRARY_PATH"] = ":".join(str(path) for path in (prefix / "usr/lib").glob("*-linux-gnu*"))
    rules = subprocess.run([program], env=env, capture_output=True, text=True, check=True).stdout
    return [re.sub(r" \[\d+:\d+\]$", "", line) for line in rules.splitlines() if not line.startswith("#")]
