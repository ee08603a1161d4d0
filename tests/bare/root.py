"""A Debian that has what the README asks for and no more, as `debootstrap` makes it; its way to the internet."""

from __future__ import annotations

import hashlib
import os
import re
import shutil
import subprocess
import tempfile
import time
from pathlib import Path

from filelock import FileLock

from labs.engines.programs import debian_packages
from labs.engines.programs.debian_suite import KEYRING
from labs.engines.runtime.command import run
from labs.engines.runtime.user_folders import cache_folder
from labs.engines.usermode.kernel_source import mirror
from labs.errors import NotSupported

__all__ = ["SUITES", "archive", "network", "unpack"]

SUITES = {"bookworm": "Debian 12", "trixie": "Debian 13"}
INCLUDED = ("ca-certificates", "make", "python3", "python3-venv")
"""What the README's "You need" names, beside what every Debian has."""
FRESH = 7 * 24 * 3600
"""Seconds for which an archive serves: a learner's Debian has the updates of this week."""
BUNDLES = ("SSL_CERT_FILE", "PIP_CERT", "REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE")
NETWORK = re.compile(r"(http|https|ftp|all|no)_proxy|PIP_(INDEX_URL|EXTRA_INDEX_URL|TRUSTED_HOST|CERT|DEFAULT_TIMEOUT)"
                     r"|SSL_CERT_(FILE|DIR)|GO(PROXY|SUMDB|NOSUMDB|PRIVATE)", re.I)  # fmt: skip
APT = re.compile(r'Acquire::(https?::|Check-|ForceIPv)\S* "[^"]+";')


def archive(suite: str) -> Path:
    """The root as a tar archive in the cache; it is made, in a minute, when there is none of this week.

    An archive and no folder: `labs up` under sudo gives all files of the cache to the user.

    Args:
        suite: Debian's name of it, such as ``bookworm``.
    """
    digest = hashlib.sha256(" ".join(INCLUDED).encode()).hexdigest()[:8]
    target = cache_folder() / "bare" / f"{suite}-{digest}.tar"
    target.parent.mkdir(parents=True, exist_ok=True)
    with FileLock(target.with_suffix(".lock")):
        if not target.exists() or time.time() - target.stat().st_mtime > FRESH:
            with tempfile.TemporaryDirectory(dir="/var/tmp", prefix="labs-bare-") as folder:
                _bootstrap(suite, Path(folder) / "root")
                draft = target.with_suffix(".part")
                run(["tar", "-cf", draft, "--numeric-owner", "-C", f"{folder}/root", "."], timeout=300)
                draft.rename(target)
    return target


def unpack(suite: str, folder: Path) -> None:
    """Unpack the root into a folder, with this machine's way to the internet: resolver, certificates, settings."""
    folder.mkdir(mode=0o755)
    run(["tar", "-xf", archive(suite), "--numeric-owner", "-C", folder], timeout=300)
    files = ["/etc/resolv.conf", "/etc/hosts", "/etc/pip.conf", *(os.environ.get(name, "") for name in BUNDLES)]
    for file in filter(os.path.isfile, files):
        copy = folder / file.lstrip("/")
        copy.parent.mkdir(parents=True, exist_ok=True)
        copy.unlink(missing_ok=True)
        shutil.copyfile(file, copy)
        copy.chmod(0o644)
    settings = [line for line in run(["apt-config", "dump"]).splitlines() if APT.fullmatch(line)]
    (folder / "etc/apt/apt.conf.d/90network").write_text("".join(f"{line}\n" for line in settings))


def network() -> dict[str, str]:
    """The part of this process's environment that tells the way to the internet."""
    return {name: value for name, value in os.environ.items() if NETWORK.fullmatch(name)}


def _bootstrap(suite: str, root: Path) -> None:
    """Make the root with debootstrap, from its package; it is not installed."""
    tree = _debootstrap()
    keyring = KEYRING if KEYRING.exists() else tree / str(KEYRING).lstrip("/")
    argv = [tree / "usr/sbin/debootstrap", "--variant=minbase", f"--include={','.join(INCLUDED)}"]
    argv += [f"--keyring={keyring}", suite, root]
    try:
        argv.append(mirror())
    except NotSupported:  # Ubuntu: debootstrap knows one
        argv.append("")
    env = {**os.environ, "DEBOOTSTRAP_DIR": str(tree / "usr/share/debootstrap"), "LANG": "C.UTF-8"}
    if not shutil.which("wget"):
        env["PATH"] += f"{os.pathsep}{tree}/usr/bin"
        env["LD_LIBRARY_PATH"] = os.pathsep.join(map(str, debian_packages.libraries(tree)))
    done = subprocess.run(
        [str(word) for word in argv if word], env=env, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
        timeout=900, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout[-3000:]
    for left in [*root.glob("var/cache/apt/archives/*.deb"), *root.glob("var/lib/apt/lists/*_*")]:
        left.unlink()


def _debootstrap() -> Path:
    """debootstrap, the wget that it calls and Debian's keys, unpacked into the cache."""
    names = ("debootstrap", "debian-archive-keyring", "wget")
    with debian_packages.lock("debootstrap"):
        tree = debian_packages.unpacked("debootstrap", names)
        if tree is None:
            tree = debian_packages.unpack_programs("a bare Debian", names, "debootstrap")
            debian_packages.note_unpacked("debootstrap", names, tree)
    return tree
