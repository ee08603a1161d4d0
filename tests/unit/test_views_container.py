"""The container view's words, figures and pairs, from plain dictionaries as Docker sends them."""

from __future__ import annotations

import os

import pytest

from labs.views.container_view import namespaces
from labs.views.container_view.state import exit_in_words, health_of, mounts_of, networks_of, ports_of, state_of
from labs.views.container_view.stats import add_traces, cpu_percent, limits_of, memory_used, usage_of

MIB = 2**20


def attrs(status: str = "running", **state) -> dict:
    return {
        "Id": "6a738e2461dc" * 5,
        "State": {"Status": status, "ExitCode": 0, "OOMKilled": False, "Error": "", **state},
    }


@pytest.mark.parametrize(
    ("given", "mark", "word", "why"),
    [
        (attrs(), "good", "running", ""),
        (attrs("paused"), "wait", "paused", "frozen"),
        (attrs("created"), "wait", "created, never started", ""),
        (attrs("created", Error="port is already allocated"), "bad", "created, never started", "port is already"),
        (attrs("exited"), "done", "exited with code 0", "success"),
        (attrs("exited", ExitCode=1), "bad", "exited with code 1", "log may say more"),
        (attrs("exited", ExitCode=137, OOMKilled=True), "bad", "code 137 (OOM-killed)", "more memory than its limit"),
        (attrs("exited", ExitCode=137), "bad", "exited with code 137", "SIGKILL"),
        (attrs("restarting", ExitCode=3), "bad", "restarting; it exited with code 3", "error"),
        (attrs(OOMKilled=True), "good", "running", "killed one of its processes"),
        (attrs(Health={"Status": "starting"}), "wait", "not checked yet", ""),
        (attrs(Health={"Status": "unhealthy"}), "bad", "running, unhealthy", ""),
        (attrs(Health={"Status": "healthy"}), "good", "running, healthy", ""),
        (attrs("removing"), "gone", "removing", ""),
    ],
)
def test_state_in_words(given, mark, word, why):
    said = state_of(given)
    assert said.mark == mark
    assert word in said.word
    assert why in said.why


@pytest.mark.parametrize(
    ("code", "word"),
    [(139, "SIGSEGV"), (130, "SIGINT"), (143, "SIGTERM"), (127, "not found"), (126, "executed"), (255, "")],
)
def test_exit_codes(code, word):
    assert word in exit_in_words(code)


def test_health_tells_the_last_probe():
    log = [{"ExitCode": 0, "Output": ""}, {"ExitCode": 1, "Output": "wget: error\n 502  Bad ☃\n"}]
    said = health_of(attrs(Health={"Status": "unhealthy", "FailingStreak": 2, "Log": log}))
    assert said == "unhealthy; last probe: exit code 1, wget: error 502 Bad ☃; 2 failed in a row"
    assert health_of(attrs()) == ""
    assert "no probe has ended yet" in health_of(attrs(Health={"Status": "starting", "Log": None}))


def sample(total: int, system: int, before: tuple[int, int] | None = None, **memory) -> dict:
    old = {"cpu_usage": {"total_usage": before[0]}, "system_cpu_usage": before[1]} if before else {"cpu_usage": {}}
    return {
        "cpu_stats": {"cpu_usage": {"total_usage": total}, "system_cpu_usage": system, "online_cpus": 2},
        "precpu_stats": old,
        "memory_stats": memory,
        "pids_stats": {"current": 2},
    }


def test_cpu_percent_is_that_of_dockers_command_line():
    assert cpu_percent(sample(500, 2000, (0, 0))) is None  # the first sample has no sample before it
    assert cpu_percent(sample(500, 3000, (100, 1000))) == pytest.approx(40)
    assert cpu_percent(sample(100, 3000, (100, 1000))) == 0
    without = sample(500, 3000, (100, 1000))
    del without["cpu_stats"]["online_cpus"]
    without["cpu_stats"]["cpu_usage"]["percpu_usage"] = [1, 2, 3, 4]
    assert cpu_percent(without) == pytest.approx(80)
    assert cpu_percent({}) is None


@pytest.mark.parametrize(
    ("stats", "used"),
    [
        ({"total_inactive_file": 30, "inactive_file": 5}, 70),  # cgroup v1
        ({"inactive_file": 40}, 60),  # cgroup v2
        ({"inactive_file": 100}, 100),
        ({}, 100),
    ],
)
def test_memory_leaves_out_the_cache(stats, used):
    assert memory_used({"memory_stats": {"usage": 100, "stats": stats}}) == used


def test_memory_that_nobody_counts():
    assert memory_used({"memory_stats": {}}) is None
    assert usage_of({}, attrs())[0]["value"] == "not measured"


@pytest.mark.parametrize(
    ("config", "limits"),
    [
        ({"Memory": 64 * MIB, "NanoCpus": 500_000_000, "PidsLimit": 50}, (64 * MIB, 0.5, 50)),
        ({"CpuQuota": 150_000, "CpuPeriod": 100_000, "PidsLimit": None}, (0, 1.5, 0)),
        ({"CpuQuota": 50_000, "CpuPeriod": 0, "PidsLimit": -1}, (0, 0.5, 0)),
        ({"CpuQuota": -1}, (0, 0, 0)),
        ({}, (0, 0, 0)),
    ],
)
def test_limits(config, limits):
    assert tuple(limits_of({"HostConfig": config}).values()) == limits


def test_bars_have_share_and_mark():
    limited = {"HostConfig": {"Memory": 64 * MIB, "NanoCpus": 500_000_000}}
    memory, cpu, pids = usage_of(sample(500, 3000, (100, 1000), usage=63 * MIB, stats={}), limited, peak=64 * MIB)
    assert (memory["value"], memory["limit"], memory["mark"], memory["peak"]) == ("63 MiB", "64 MiB", "bad", 1)
    assert (cpu["share"], cpu["mark"]) == (0.8, "wait")
    assert (pids["share"], pids["limit"]) == (None, "no limit")


def test_throttling_is_told():
    one = sample(500, 3000, (100, 1000))
    one["cpu_stats"]["throttling_data"] = {"periods": 20, "throttled_periods": 9}
    one["precpu_stats"]["throttling_data"] = {"periods": 10, "throttled_periods": 2}
    assert "slowed down in 7 of 10 periods" in usage_of(one, {})[1]["value"]


def whose(config: dict, numbers=None) -> dict[str, str]:
    return {row["kind"]: row["whose"] for row in namespaces.namespaces({"HostConfig": config}, numbers)}


def test_namespaces_as_docker_was_told():
    said = whose(
        {"PidMode": "host", "NetworkMode": "container:6a738e2461dc3623", "IpcMode": "private", "CgroupnsMode": "host"}
    )
    assert said["pid"] == said["cgroup"] == said["user"] == "shared with the machine"
    assert said["net"] == "shared with container 6a738e2461dc"
    assert said["mnt"] == said["uts"] == said["ipc"] == "its own"


def test_numbers_decide_where_there_are_some():
    numbers = dict.fromkeys(namespaces.MEANING, (1, 1)) | {"net": (2, 1)}
    said = whose({"NetworkMode": "default"}, numbers)
    assert said["net"] == "its own"
    assert said["mnt"] == "shared with the machine"


def test_proc_is_trusted_only_when_it_knows_the_container():
    assert namespaces.find_proc("0" * 64, os.getpid(), None) is None
    assert namespaces.find_proc("0" * 64, 2**30, os.getpid()) is None


def test_tables_of_ps_and_their_pairs():
    host = namespaces.table_of(
        {
            "Titles": ["UID", "PID", "PPID", "CMD"],
            "Processes": [["nobody", "947", "916", "nginx: worker"], ["root", "916", "896", "nginx: master -g off"]],
        }
    )
    assert [row["pid"] for row in host] == [916, 947]
    listed = namespaces.table_of_text(
        "PID   USER     COMMAND\n    1 root     nginx: master -g off\n    8 nobody   nginx: worker\n"
    )
    assert [row["inner"] for row in namespaces.pair(host, None, listed)] == [1, 8]
    assert [row["inner"] for row in namespaces.pair(host, {916: 1, 947: 7}, [])] == [1, 7]
    assert [row["inner"] for row in namespaces.pair(host, None, [])] == [None, None]
    assert namespaces.table_of({}) == namespaces.table_of_text("") == []


def test_ports_networks_and_mounts():
    given = {
        **attrs(),
        "NetworkSettings": {
            "Ports": {"80/tcp": [{"HostIp": "0.0.0.0", "HostPort": "8022"}], "443/tcp": None},
            "Networks": {"net": {"IPAddress": "172.18.0.2", "Aliases": ["store", "6a738e2461dc"]}, "none": {}},
        },
        "Mounts": [{"Type": "volume", "Name": "data", "Destination": "/data", "RW": False}],
        "HostConfig": {"Tmpfs": {"/tmp": ""}},
    }
    assert ports_of(given) == ["0.0.0.0:8022 → 80/tcp", "443/tcp: exposed, published nowhere"]
    assert networks_of(given) == ["net: 172.18.0.2, known as store", "none: no address"]
    assert mounts_of(given) == ["volume data → /data, read-only", "tmpfs (in memory) → /tmp"]


def test_traces_tell_of_the_minute_before_the_last_sample():
    def sample(size: int) -> dict:
        return {"memory_stats": {"usage": size, "stats": {}}, "pids_stats": {"current": 1}}

    past = [(100.0, sample(1)), (150.0, sample(20)), (200.0, sample(30))]
    limited = {"HostConfig": {"Memory": 64}}
    memory, cpu, pids = usage_of(past[-1][1], limited)
    add_traces([memory, cpu, pids], past, limited)
    assert memory["trace"] == [[50.0, 20], [0.0, 30]]
    assert memory["trace_top"] == 64
    assert cpu["trace"] == []
    assert [value for _, value in pids["trace"]] == [1, 1]
    assert pids["trace_top"] > 1
