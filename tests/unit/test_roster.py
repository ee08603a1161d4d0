"""A roster as spreadsheets and registration forms give it, good and bad."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from labs.errors import LabsError
from labs.workshop.room.roster import LONGEST, Learner, id_of, read_roster


@pytest.fixture
def read(tmp_path):
    def read(content: str | bytes) -> list[Learner]:
        path = tmp_path / "roster.csv"
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
        return read_roster(path)

    return read


@pytest.mark.parametrize(
    "content",
    [
        "name\nAda Lovelace\nJosé Núñez\n",
        "Ada Lovelace\nJosé Núñez\n",  # without a header
        "\ufeffName;Mail\r\nAda Lovelace;a@x\r\n\r\n;\r\nJosé Núñez;j@x\r\n",  # a spreadsheet's
        "mail\tfull name\na@x\tAda  Lovelace\nj@x\tJose\u0301 Nu\u0301n\u0303ez\n",  # letters with loose accents
        'name,group\n"Ada Lovelace",1\n"José Núñez",2',
    ],
)
def test_forms_of_a_roster(read, content):
    assert read(content) == [Learner("ada-lovelace", "Ada Lovelace"), Learner("jose-nunez", "José Núñez")]


def test_ids_of_the_instructors_own(read):
    assert read("name,id\nAda,one\nAda,two\n") == [Learner("one", "Ada"), Learner("two", "Ada")]


@pytest.mark.parametrize(
    ("content", "words"),
    [
        ("", "names nobody"),
        ("name\n\n", "names nobody"),
        ("first,last\nAda,Lovelace\n", "no column `name`"),
        ("name\nAda\nBob\nada\n", r"Ada \(line 2\) and ada \(line 4\) would share the id 'ada'"),
        ("name\nJosé\nJose\n", "would share the id 'jose'"),
        ("name,mail\n,a@x\nAda,b@x\n", "line 2 has no name"),
        ("name,id\nAda,not ok!\n", "line 2: the id 'not ok!'"),
        (f"name,id\nAda,{'x' * 41}\n", "line 2: the id"),
        ("name\nJosé\n".encode("latin-1"), "is not UTF-8"),
    ],
)
def test_what_is_wrong_is_said_with_its_lines(read, content, words):
    with pytest.raises(LabsError, match=words) as caught:
        read(content)
    assert caught.value.todo


def test_no_such_file(tmp_path):
    with pytest.raises(LabsError, match="cannot be read"):
        read_roster(tmp_path / "nowhere.csv")


@given(st.text(min_size=1).filter(lambda name: name.strip()))
def test_every_name_gives_a_part_of_a_namespaces_name(name):
    one = id_of(name)
    assert re.fullmatch(r"[a-z0-9]([a-z0-9-]*[a-z0-9])?", one)
    assert len(one) <= LONGEST
    assert id_of(name) == one


def test_names_in_other_scripts_and_very_long_ones_stay_apart():
    assert id_of("李雷") != id_of("韩梅梅")
    assert id_of("A" * 80 + " one") != id_of("A" * 80 + " two")
