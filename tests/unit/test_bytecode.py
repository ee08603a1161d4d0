"""An image's Python compiles its standard library, where it runs."""

from __future__ import annotations

import sys

import pytest

from labs.engines.cluster.images.archive import LayerBuilder
from labs.engines.cluster.images.bytecode import compiled

LOADER = f"""#!/bin/sh
unset PYTHONHOME  # that of this system's Python is where it always is
while [ "$1" != -m ]; do shift; done
exec {sys.executable} "$@"
"""


def layer(loader: str | None) -> bytes:
    """A Python whose loader is a script, which lets this system's Python do the work."""
    files = LayerBuilder()
    files.file("usr/lib/python3.99/words.py", b"WORDS = 1\n")
    files.file("usr/lib/python3.99/test/never.py", b"")
    if loader is not None:
        files.file("usr/lib64/ld-linux-x86-64.so.2", loader.encode(), 0o755)
    return files.to_tar()


def test_modules_are_compiled_but_those_that_nobody_imports(tmp_path):
    (tmp_path / ".compile-of-a-command-that-was-killed/usr").mkdir(parents=True)
    found = compiled((layer(LOADER),), "python3.99", tmp_path)
    assert list(found) == [f"usr/lib/python3.99/__pycache__/words.{sys.implementation.cache_tag}.pyc"]
    assert b"/usr/lib/python3.99/words.py" in next(iter(found.values()))
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("loader", [None, "#!/bin/sh\necho wrong machine\nexit 1\n"])
def test_image_without_a_python_that_runs_here_stays_as_it_is(tmp_path, loader):
    assert compiled((layer(loader),), "python3.99", tmp_path) == {}
