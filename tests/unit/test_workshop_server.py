"""What a workshop's server is made of: codes, the list, accounts, what the proxy passes on."""

from __future__ import annotations

import os
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from labs.errors import LabsError
from labs.workshop.hub.accounts import Workshop
from labs.workshop.hub.machine import closed_folders
from labs.workshop.hub.server import nodes_for
from labs.workshop.room.access_codes import Attempts, is_code, new_code


@pytest.fixture
def workshop(tmp_path, monkeypatch) -> Workshop:
    monkeypatch.setenv("LABS_STATE", str(tmp_path))
    return Workshop("class")


@pytest.mark.parametrize(("learners", "there", "nodes"), [(3, 1, 1), (9, 1, 2), (30, 1, 4), (53, 1, 4), (3, 2, 2)])
def test_a_class_has_nodes_enough_and_keeps_those_that_it_has(learners, there, nodes):
    assert nodes_for(learners, there) == nodes


def test_a_code_is_known_however_it_is_typed():
    code = new_code()
    assert is_code(f" {code.upper().replace('-', ' ')} ", code)
    assert not is_code(code[:-1], code)
    assert not is_code("", code)
    assert not is_code("é", code)


def test_who_guesses_waits_and_nobody_else():
    attempts = Attempts(at_most=2, seconds=60)
    for _ in range(2):
        assert not attempts.too_many("anna", "10.0.0.1")
        attempts.failed("anna", "10.0.0.1")
    assert attempts.too_many("anna", "10.0.0.1")
    assert not attempts.too_many("anna", "10.0.0.2")
    assert not attempts.too_many("ben", "10.0.0.1")


def test_a_wrong_code_is_forgotten():
    attempts = Attempts(at_most=1, seconds=-1)
    attempts.failed("anna", "10.0.0.1")
    attempts.failed("ben", "10.0.0.1")
    assert not attempts.too_many("anna", "10.0.0.1")
    assert len(attempts._failed) == 1


def test_who_has_a_seat_keeps_it(workshop):
    first = workshop.invite(["anna", "ben"], ["mia"])
    assert [account.number for account in first.values()] == [1, 2, 3]
    assert first["mia"].admin
    second = workshop.invite(["cleo", "ben"])
    assert second["ben"] == first["ben"]
    assert second["cleo"].number == 4, "anna's user id is not given to another"
    assert set(workshop.accounts()) == {"cleo", "ben"}
    again = workshop.invite(["anna"])["anna"]
    assert again.number == 1
    assert again.code not in ("", first["anna"].code)


def test_seats_share_no_user_id(workshop):
    accounts = list(workshop.invite([f"l{i}" for i in range(100)]).values())
    ends = sorted((account.first_user, account.first_user + 65536) for account in accounts)
    assert all(end <= begin for (_, end), (begin, _) in pairwise(ends))
    assert ends[-1][1] < 1 << 31
    with pytest.raises(LabsError):
        workshop.invite([f"l{i}" for i in range(101)])


def test_codes_are_nobodys_to_read(workshop):
    workshop.invite(["anna"])
    assert os.stat(workshop.folder / "accounts.json").st_mode & 0o077 == 0


def test_a_closed_folder_is_found(tmp_path):
    inner = tmp_path / "closed/programs/python"
    inner.mkdir(parents=True)
    (tmp_path / "closed").chmod(0o700)
    assert tmp_path / "closed" in closed_folders([inner]) or closed_folders([inner])[0] in tmp_path.parents


def test_the_proxy_says_for_whom_and_ends_the_connection():
    rewritten = pytest.importorskip("labs.workshop.hub.proxy").rewritten
    head = b"GET /hub/ HTTP/1.1\r\nHost: class.example\r\nConnection: keep-alive\r\nX-Forwarded-For: 10.1.1.1\r\n\r\n"
    lines = rewritten(head, "10.0.0.9").split(b"\r\n")
    assert lines[:2] == [b"GET /hub/ HTTP/1.1", b"Host: class.example"]
    forwarded = [line for line in lines if line.startswith(b"X-Forwarded-For")]
    assert forwarded[-1] == b"X-Forwarded-For: 10.0.0.9", "the hub believes the last one"
    assert b"Connection: close" in lines
    assert b"Connection: keep-alive" not in lines
    assert lines[-2:] == [b"", b""]


@given(st.lists(st.binary(max_size=30).filter(lambda line: b"\r" not in line and b"\n" not in line), max_size=8))
def test_the_proxy_outlives_any_head(lines):
    rewritten = pytest.importorskip("labs.workshop.hub.proxy").rewritten
    assert rewritten(b"\r\n".join([b"GET / HTTP/1.1", *lines, b"", b""]), "::1").endswith(b"\r\n\r\n")
