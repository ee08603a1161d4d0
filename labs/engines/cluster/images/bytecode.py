"""An image's Python with its standard library compiled.

A container's user may not write beside the library, so each start would compile what it imports: 0.3 s of CPU.
"""

from __future__ import annotations

import io
import logging
import shutil
import subprocess
import tarfile
import tempfile
from collections.abc import Sequence
from pathlib import Path

__all__ = ["compiled"]

LEFT_OUT = r"/(lib2to3|distutils|idlelib|test|tests|ensurepip|config-[^/]*)/"  # what no container of a lesson imports
log = logging.getLogger(__name__)


def compiled(layers: Sequence[bytes], interpreter: str, folder: Path) -> dict[str, bytes]:
    """The compiled modules of an image's Python, made by that Python itself.

    Args:
        layers: the image's, as tar archives, from the lowest up.
        interpreter: its Python below usr/bin, such as ``python3.11``.
        folder: where to unpack them for the moment; programs can be run from there, and nobody else compiles meanwhile.

    Returns:
        Each file's content by its path in the image. Nothing where that Python does not run on this system: the image
        works without, and its programs start later.
    """
    for left in folder.glob(".compile-*"):  # of a command that was killed
        shutil.rmtree(left, ignore_errors=True)
    with tempfile.TemporaryDirectory(dir=folder, prefix=".compile-") as name:
        root = Path(name)
        for layer in layers:
            with tarfile.open(fileobj=io.BytesIO(layer)) as archive:
                archive.extraction_filter = getattr(tarfile, "tar_filter", None)  # Debian 12's Python has none yet
                archive.extractall(root)
        library = root / "usr/lib" / interpreter
        loader = next(root.glob("usr/lib*/ld-linux*.so.*"), None)
        if loader is None:
            return {}
        argv: list[str | Path] = [loader, "--library-path", ":".join(map(str, root.glob("usr/lib/*-linux-gnu")))]
        argv += [root / "usr/bin" / interpreter, "-m", "compileall", "-q"]
        argv += ["-x", LEFT_OUT, "-s", root, "-p", "/", library]
        done = subprocess.run(argv, env={"PYTHONHOME": f"{root}/usr"}, capture_output=True, check=False)
        if done.returncode:
            words = (done.stderr or done.stdout).decode(errors="replace").strip()
            log.warning("the image's Python does not compile here: %s", words[-300:])
        return {str(path.relative_to(root)): path.read_bytes() for path in sorted(library.rglob("*.pyc"))}
