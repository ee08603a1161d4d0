"""Packs a user-mode kernel for machines that must not build it: as a wheel, and as a release file.

The kernel is under the GNU GPL 2: each form says so, holds the licence and the configuration, and names the source.
"""

from __future__ import annotations

import base64
import hashlib
import io
import re
import zipfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from labs.engines.runtime.files import write_at_once
from labs.engines.usermode import prebuilt_kernel
from labs.errors import EngineError, NotSupported

__all__ = ["Published", "describe", "write_release", "write_wheel"]

LICENCE = Path(__file__).with_name("GPL-2.0.txt")
ARCHIVE = "https://snapshot.debian.org/package/linux"  # keeps every version of Debian's source packages
EPOCH = (1980, 1, 1, 0, 0, 0)  # the same kernel gives the same bytes, whenever it is packed
NOTICE = """\
The Linux kernel {version} as one ordinary program (user-mode Linux), which the engine `usermode` of kube-labs runs.

Licence: GNU General Public License, version 2 only. It comes with no warranty.

Source: Debian's source package `linux`, version {debian}, binary package linux-source-{series}:
    {archive}/{debian}/
It was built from that source without a change, with the configuration kernel.config of kube-labs (SHA-256 {digest}...):
    make ARCH=um KCONFIG_ALLCONFIG=kernel.config allnoconfig
    make ARCH=um linux
    strip linux
"""


@dataclass(frozen=True)
class Published:
    """A kernel that may be given away.

    Attributes:
        path: the executable.
        version: of Linux, such as ``7.2.13``.
        debian: the version of Debian's source package, such as ``7.2.13-1``.
    """

    path: Path
    version: str
    debian: str

    @property
    def notice(self) -> str:
        """What it is, its licence, and where its source is."""
        series = ".".join(self.version.split(".")[:2])
        return NOTICE.format(
            version=self.version, debian=self.debian, series=series, archive=ARCHIVE, digest=prebuilt_kernel.digest()
        )


def describe(kernel: Path, debian: str) -> Published:
    """Look at a kernel before it is given away.

    Args:
        kernel: the executable; it is asked for its version and its configuration.
        debian: the version of Debian's source package that it was built from; empty when nobody knows.

    Raises:
        NotSupported: it lacks what the course needs.
        EngineError: its source is not known, or is not that.
    """
    version = prebuilt_kernel.version_of(kernel)
    if not version:
        raise NotSupported(
            f"{kernel} does not run here or lacks what the course needs.", "Remove it, and run `labs kernel` again."
        )
    if not debian:
        raise EngineError(
            f"It is not known which version of Debian's source {kernel} was built from, and its licence wants it told.",
            "Say it with --source; or remove that file and run the command again: what is built now comes with a note.",
        )
    if not re.fullmatch(rf"{re.escape(version)}([-+~][0-9A-Za-z.+~-]*)?", debian):
        raise EngineError(
            f"{kernel} is Linux {version}, which Debian's source {debian} is not.",
            "Name the version it was built from.",
        )
    return Published(kernel, version, debian)


def write_wheel(kernel: Published, folder: Path) -> Path:
    """Write the wheel ``kube_labs_kernel``, which holds the kernel and the digest of its configuration.

    Args:
        kernel: what it holds.
        folder: where to; it is made.

    Returns:
        The wheel.
    """
    program = kernel.path.read_bytes()
    version = f"{kernel.version}+{prebuilt_kernel.digest()}"
    tag = f"py3-none-{_platform(program)}"
    info = f"{prebuilt_kernel.WHEEL}-{version}.dist-info"
    files = {
        f"{prebuilt_kernel.WHEEL}/__init__.py": _module(kernel).encode(),
        f"{prebuilt_kernel.WHEEL}/{prebuilt_kernel.PROGRAM}": program,
        f"{prebuilt_kernel.WHEEL}/kernel.config": prebuilt_kernel.CONFIG.read_bytes(),
        f"{info}/METADATA": _metadata(kernel, version).encode(),
        f"{info}/WHEEL": f"Wheel-Version: 1.0\nGenerator: kube-labs\nRoot-Is-Purelib: false\nTag: {tag}\n".encode(),
        f"{info}/licenses/{LICENCE.name}": LICENCE.read_bytes(),
    }
    folder.mkdir(parents=True, exist_ok=True)
    wheel = folder / f"{prebuilt_kernel.WHEEL}-{version}-{tag}.whl"
    write_at_once(wheel, _zip({**files, f"{info}/RECORD": _record(files, f"{info}/RECORD").encode()}))
    return wheel


def write_release(kernel: Published, folder: Path) -> list[Path]:
    """Write the kernel as a file to be downloaded, its checksum, and its notice with the licence.

    Args:
        kernel: what it is.
        folder: where to; it is made. Its address is what ``LABS_KERNEL_RELEASE`` or the catalog names.

    Returns:
        The files.
    """
    folder.mkdir(parents=True, exist_ok=True)
    program = kernel.path.read_bytes()
    name = prebuilt_kernel.release_name()
    files = [folder / name, folder / f"{name}.sha256", folder / f"{name}.txt"]
    write_at_once(files[0], program)
    files[0].chmod(0o755)
    write_at_once(files[1], f"{hashlib.sha256(program).hexdigest()}  {name}\n")
    settings, licence = (file.read_text(encoding="utf-8") for file in (prebuilt_kernel.CONFIG, LICENCE))
    write_at_once(files[2], f"{kernel.notice}\nkernel.config:\n\n{settings}\n{licence}")
    return files


def _platform(program: bytes) -> str:
    """The wheel's platform: with the GNU C library that the kernel asks for, so that pip refuses it where it is older.

    No other library is needed. A program that asks for none may run on any Linux.
    """
    found = re.findall(rb"(?<=\0)GLIBC_(\d+)\.(\d+)(?:\.\d+)?(?=\0)", program)
    if not found:
        return "linux_x86_64"
    major, minor = max((int(major), int(minor)) for major, minor in found)
    return f"manylinux_{major}_{minor}_x86_64"


def _module(kernel: Published) -> str:
    return f'''\
"""The kernel of kube-labs' engine `usermode`: Linux, under the GNU GPL 2. The metadata tell where its source is."""

from pathlib import Path

EXECUTABLE = Path(__file__).with_name("{prebuilt_kernel.PROGRAM}")
VERSION = "{kernel.version}"
CONFIG = "{prebuilt_kernel.digest()}"  # the first digits of the SHA-256 of kernel.config
SOURCE = "{kernel.debian}"  # the version of Debian's source package `linux`
'''


def _metadata(kernel: Published, version: str) -> str:
    return f"""\
Metadata-Version: 2.4
Name: {prebuilt_kernel.WHEEL.replace("_", "-")}
Version: {version}
Summary: The user-mode Linux kernel of kube-labs, built from Debian's linux {kernel.debian}
License-Expression: GPL-2.0-only
License-File: {LICENCE.name}
Project-URL: Source, {ARCHIVE}/{kernel.debian}/
Classifier: Operating System :: POSIX :: Linux
Requires-Python: >=3.11
Description-Content-Type: text/plain

{kernel.notice}"""


def _record(files: Mapping[str, bytes], itself: str) -> str:
    lines = []
    for name, content in files.items():
        checksum = base64.urlsafe_b64encode(hashlib.sha256(content).digest()).rstrip(b"=").decode()
        lines.append(f"{name},sha256={checksum},{len(content)}")
    return "\n".join([*lines, f"{itself},,", ""])


def _zip(files: Mapping[str, bytes]) -> bytes:
    """A zip file with one date and plain rights; only the kernel may be executed."""
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w", zipfile.ZIP_DEFLATED, compresslevel=9) as archive:
        for name, content in files.items():
            entry = zipfile.ZipInfo(name, EPOCH)
            entry.compress_type = zipfile.ZIP_DEFLATED
            entry.create_system = 3  # Unix, whose rights follow
            entry.external_attr = (0o100755 if name.endswith(f"/{prebuilt_kernel.PROGRAM}") else 0o100644) << 16
            archive.writestr(entry, content, compresslevel=9)
    return stream.getvalue()
