"""A thread that dies, a warning or a file that nobody closes fails its test, under this project's settings."""

from __future__ import annotations

import tomllib
from pathlib import Path

pytest_plugins = ["pytester"]

FAULTS = {
    "error": "in_thread(lambda: raises(ValueError('broken')))",
    "interrupt": "in_thread(lambda: raises(KeyboardInterrupt()))",
    "fail": "in_thread(lambda: pytest.fail('drawn for nothing'))",
    "skip": "in_thread(lambda: pytest.skip('not here'))",
    "exit": "in_thread(lambda: sys.exit(1))",
    "warning": "warnings.warn('old', DeprecationWarning)",
    "open_file": "open(__file__)",
}

START = """
import sys, threading, warnings
import pytest

def in_thread(work):
    thread = threading.Thread(target=work)
    thread.start()
    thread.join()

def raises(error):
    raise error
"""


def test_what_goes_wrong_aside_of_a_test_fails_it(pytester, monkeypatch):
    monkeypatch.setenv("PYTEST_DISABLE_PLUGIN_AUTOLOAD", "1")
    text = Path(__file__).parents[2].joinpath("pyproject.toml").read_text(encoding="utf-8")
    options = tomllib.loads(text)["tool"]["pytest"]["ini_options"]
    filters = "\n  ".join(options["filterwarnings"])
    pytester.makeini(f"[pytest]\naddopts = {options['addopts']}\nfilterwarnings =\n  {filters}\n")
    tests = [f"def test_{name}():\n    {code}\n\ndef test_after_{name}():\n    pass\n" for name, code in FAULTS.items()]
    pytester.makepyfile("\n".join([START, *tests]))
    done = pytester.runpytest_subprocess()
    done.assert_outcomes(failed=len(FAULTS), passed=len(FAULTS))
    done.stdout.fnmatch_lines_random([f"FAILED *::test_{name} *" for name in FAULTS])
