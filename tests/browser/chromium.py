"""Chromium: this system's, else Debian's package unpacked into the course's cache.

``python -m tests.browser.chromium`` puts it there.
"""

from __future__ import annotations

import os
import shutil
from dataclasses import dataclass, field
from pathlib import Path

from labs.engines.programs import debian_packages
from labs.engines.runtime.files import write_at_once

__all__ = ["Program", "find", "named"]

NAMES = ("chromium", "chromium-browser", "google-chrome")
PACKAGED = "packaged"
PACKAGES = ("chromium", "fonts-dejavu-core", "fontconfig-config")
FONTS = """\
<?xml version="1.0"?>
<!DOCTYPE fontconfig SYSTEM "urn:fontconfig:fonts.dtd">
<fontconfig>
  <dir>{tree}/usr/share/fonts</dir>
  <cachedir>{tree}/font-cache</cachedir>
  <alias><family>sans-serif</family><prefer><family>DejaVu Sans</family></prefer></alias>
  <alias><family>serif</family><prefer><family>DejaVu Serif</family></prefer></alias>
  <alias><family>monospace</family><prefer><family>DejaVu Sans Mono</family></prefer></alias>
</fontconfig>
"""


@dataclass(frozen=True)
class Program:
    """A browser that can be started. Attributes: ``path``, the program; ``env``, the environment that it needs."""

    path: Path
    env: dict[str, str] = field(default_factory=lambda: dict(os.environ))


def named() -> str:
    """What the user has named: a program, or ``packaged`` for the one from Debian's package; else nothing."""
    return os.environ.get("LABS_CHROMIUM", "")


def find() -> Program:
    """The browser that $LABS_CHROMIUM names, else the first one on PATH, else Debian's.

    Raises:
        NotSupported: there is none, and this system has no means to unpack one.
        EngineError: the packages could not be fetched.
    """
    if named() != PACKAGED:
        for name in [named()] if named() else NAMES:
            found = shutil.which(name)
            if found:
                return Program(Path(found))
        assert not named(), f"LABS_CHROMIUM names {named()}, which is no program."
    with debian_packages.lock():
        return _program_in(debian_packages.unpacked("chromium", PACKAGES) or _unpack())


def _unpack() -> Path:
    debian_packages.fetch_lists("a browser for its tests")
    debs = [deb for deb in debian_packages.download(PACKAGES, whole=True) if _is_wanted(deb)]
    tree = debian_packages.unpack(debs, "chromium")
    debian_packages.note_unpacked("chromium", PACKAGES, tree)
    return tree


def _is_wanted(deb: Path) -> bool:
    """Whether a package is the browser, a library or a font. The C library must be the one that the system's own loader
    belongs to."""
    name = deb.name.split("_")[0]
    return name.startswith(("chromium", "font", "lib", "zlib")) and not name.startswith(("libc6", "libperl", "libpam"))


def _program_in(tree: Path) -> Program:
    fonts = tree / "fonts.conf"
    write_at_once(fonts, FONTS.format(tree=tree))  # again each time: the cache may have been moved
    folders = [tree / "usr/lib/chromium"]
    for part in ("usr/lib", "lib"):
        for folder in sorted((tree / part).glob("*-linux-gnu*")):
            # where some packages keep what only they load
            folders += [folder, folder / "nss", folder / "pulseaudio"]
    own = {
        "FONTCONFIG_FILE": fonts,
        "LD_LIBRARY_PATH": os.pathsep.join(map(str, folders)),
        "XDG_DATA_DIRS": tree / "usr/share",
    }
    return Program(tree / "usr/lib/chromium/chromium", {**os.environ, **{key: str(own[key]) for key in own}})


if __name__ == "__main__":
    print(f"The tests' browser: {find().path}")
