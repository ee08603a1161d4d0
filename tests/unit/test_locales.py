"""Locales that are not UTF-8: the command ends in no traceback, and files are UTF-8 all the same."""

from __future__ import annotations

import ast
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from labs.jupyter import command as jupyter_command

ROOT = Path(__file__).parents[2]
SOURCES = ("labs", "benchmarks", "versions", "setup")
PRINT = "from labs.cli.streams import print_everywhere; print_everywhere(); print({text})"
LOCALES = {
    "C": {"LC_ALL": "C"},
    "POSIX": {"LC_ALL": "POSIX"},
    "C as it is, without Python's help": {"LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"},
    "ascii": {"PYTHONIOENCODING": "ascii"},
    "EUC-KR": {"PYTHONIOENCODING": "euc_kr"},
}


def environment(tmp_path: Path, settings: dict[str, str]) -> dict[str, str]:
    """A machine of its own whose folders have Korean names, and these settings."""
    names = ("LANG", "LC_ALL", "LC_CTYPE", "PYTHONUTF8", "PYTHONIOENCODING", "PYTHONCOERCECLOCALE")
    own = {"LABS_CACHE": f"{tmp_path}/캐시 폴더", "LABS_STATE": f"{tmp_path}/상태", "LABS_KERNEL_RELEASE": ""}
    return {**{k: v for k, v in os.environ.items() if k not in names}, **own, **settings}


def run(argv: list[str], env: dict[str, str]) -> subprocess.CompletedProcess[bytes]:
    return subprocess.run(argv, env=env, capture_output=True, check=False, timeout=120)


@pytest.fixture(scope="session")
def eucs(tmp_path_factory) -> dict[str, str]:
    """The locale ko_KR.eucKR, made here if the system can."""
    folder = tmp_path_factory.mktemp("locales")
    if not shutil.which("localedef"):
        pytest.skip("there is no localedef")
    run(["localedef", "--no-archive", "-i", "ko_KR", "-f", "EUC-KR", f"{folder}/ko_KR.eucKR"], {**os.environ})
    if not (folder / "ko_KR.eucKR/LC_CTYPE").exists():
        pytest.skip("this system cannot make ko_KR.eucKR")
    return {"LOCPATH": str(folder), "LC_ALL": "ko_KR.eucKR"}


def doctor(env: dict[str, str]) -> None:
    """Whether the command said all that it has to say."""
    done = run([sys.executable, "-m", "labs.cli", "doctor"], env)
    printed = done.stdout.decode("latin-1") + done.stderr.decode("latin-1")
    assert done.returncode in (0, 3), printed
    assert "Traceback" not in printed
    assert "unexpected" not in printed
    assert "limit" in printed


@pytest.mark.parametrize("case", LOCALES)
def test_doctor_and_a_locale(tmp_path, case):
    doctor(environment(tmp_path, LOCALES[case]))


def test_doctor_and_a_korean_locale(tmp_path, eucs):
    env = environment(tmp_path, eucs)
    used = run([sys.executable, "-c", "import locale; print(locale.getencoding())"], env).stdout
    assert used.strip().lower().replace(b"_", b"-") == b"euc-kr"
    doctor(env)


@pytest.mark.parametrize("arguments", [["progress"], ["check", "ex-99-9"], ["notes", "02"]])
def test_other_commands_and_a_locale_of_ascii(tmp_path, arguments):
    env = environment(tmp_path, {**LOCALES["ascii"], "LABS_PROGRESS": f"{tmp_path}/진도.json"})
    done = run([sys.executable, "-m", "labs.cli", *arguments], env)
    printed = (done.stdout + done.stderr).decode("ascii")
    assert printed.strip()
    assert "Traceback" not in printed
    assert "unexpected" not in printed


@pytest.mark.parametrize(
    ("encoding", "text", "printed"),
    [
        ("ascii", "✓ ok → no ✗", b"+ ok -> no x"),
        ("ascii", "한", rb"\ud55c"),
        ("euc_kr", "✓ 한", b"+ \xc7\xd1"),
        ("utf-8", "✓ 한", "✓ 한".encode()),
        ("utf-8", "a \udcff file", b"a \xff file"),  # a name that is no text
    ],
)
def test_what_is_printed_for_a_character(encoding, text, printed):
    done = run([sys.executable, "-c", PRINT.format(text=ascii(text))], {**os.environ, "PYTHONIOENCODING": encoding})
    assert (done.stdout.strip(), done.stderr) == (printed, b"")


def test_jupyterlab_and_its_cells_open_files_as_utf_8(tmp_path):
    env = {**environment(tmp_path, LOCALES["C as it is, without Python's help"]), **jupyter_command.environment()}
    (tmp_path / "file").write_text("한", encoding="utf-8")
    code = f"print(ascii(open({str(tmp_path / 'file')!r}).read()))"
    assert run([sys.executable, "-c", code], env).stdout.strip() == rb"'\ud55c'"


def without_encoding(source: str) -> list[int]:
    """The lines of calls that read or write text in whatever encoding the locale has."""
    found = []
    for node in ast.walk(ast.parse(source)):
        if not isinstance(node, ast.Call):
            continue
        named = {each.arg: each.value for each in node.keywords}
        modes = [each.value for each in [*node.args, named.get("mode")] if isinstance(each, ast.Constant)]
        is_text = not any(isinstance(mode, str) and re.fullmatch(r"[rwax]?\+?b\+?", mode) for mode in modes)
        match node.func:
            case ast.Attribute(attr="read_text" | "write_text"):
                suspicious = True
            case ast.Attribute(attr="run" | "Popen" | "check_output", value=ast.Name(id="subprocess")):
                suspicious = bool({"text", "universal_newlines"} & set(named))
            case ast.Name(id="open") | ast.Attribute(attr="fdopen"):
                suspicious = is_text
            case ast.Attribute(attr="open", value=ast.Name(id="tarfile")):
                continue
            case ast.Attribute(attr="open"):
                suspicious = is_text and any(re.fullmatch(r"[rwax]\+?t?", str(mode)) for mode in modes)
            case _:
                continue
        if suspicious and not {"encoding", None} & set(named):
            found.append(node.lineno)
    return found


@pytest.mark.parametrize(
    ("line", "is_found"),
    [
        ("path.read_text()", True),
        ("path.read_text(errors='replace')", True),
        ("path.write_text(text)", True),
        ("open(path)", True),
        ("path.open('w')", True),
        ("os.fdopen(3, 'w')", True),
        ("subprocess.run(argv, text=True)", True),
        ("path.read_text(encoding='utf-8')", False),
        ("path.open('rb')", False),
        ("open(path, 'r+b')", False),
        ("tarfile.open(path, mode='w')", False),
        ("os.fdopen(3, mode='wb')", False),
        ("subprocess.run(argv, encoding='utf-8')", False),
        ("subprocess.run(argv)", False),
    ],
)
def test_calls_that_name_no_encoding(line, is_found):
    assert without_encoding(line) == ([1] if is_found else [])


def test_every_file_is_opened_with_an_encoding():
    files = [file for place in SOURCES for file in (ROOT / place).rglob("*.py")]
    assert len(files) > 200
    found = {str(file.relative_to(ROOT)): without_encoding(file.read_text(encoding="utf-8")) for file in files}
    assert {name: lines for name, lines in found.items() if lines} == {}
