"""The node's programs: dockerd, containerd, runc, iptables, CNI plugins and an init.

They come from the system's folders, which a machine of the course sees as well, when all are there; else from Debian
packages unpacked into the cache.
"""

from __future__ import annotations

import shutil
from dataclasses import dataclass
from pathlib import Path

from labs.engines.programs import debian_packages, system_programs
from labs.engines.runtime.command import run
from labs.engines.runtime.reporter import Step
from labs.errors import CommandFailed, EngineError

__all__ = ["INITS", "Tools", "find_tools", "system_tools", "unpacked_tools"]

PROGRAMS = ("dockerd", "containerd", "containerd-shim-runc-v2", "ctr", "iptables", "ps")
"""The last is what `docker top` asks."""
FOR_A_DISK = ("mkfs.ext4", "e2fsck")
INITS = ("tini-static", "docker-init", "tini")
PACKAGES = (
    "docker.io",
    "containerd",
    "runc",
    "crun",
    "containernetworking-plugins",
    "iptables",
    "tini",
    "iproute2",
    "e2fsprogs",
    "procps",
)
CNI_FOLDERS = (Path("/usr/lib/cni"), Path("/opt/cni/bin"))
CNI_PLUGINS = ("ptp", "portmap", "host-local", "loopback")
SYSTEM_PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
IN_MACHINE = "/opt/kube-labs"
OWN_BIN = "labs-bin"


@dataclass(frozen=True)
class Tools:
    """Where the programs are.

    Attributes:
        prefix: the folder that a machine sees as /opt/kube-labs, or None when the system has all of them.
        init: a small init program, as a machine sees it.
        cni: the CNI plugins' folder, as a machine sees it.
        env: the environment that the programs need in a machine.
        runtime: what starts containers, ``runc`` or ``crun``, as a machine sees it.
    """

    prefix: Path | None
    init: Path
    cni: str
    env: dict[str, str]
    runtime: str

    def outside(self) -> dict[str, str]:
        """The environment in which the programs run on this system itself."""
        if self.prefix is None:
            return dict(self.env)
        return {key: value.replace(IN_MACHINE, str(self.prefix)) for key, value in self.env.items()}


def find_tools(step: Step, *, own_kernel: bool = False) -> Tools:
    """Find the programs, or fetch them.

    Args:
        step: reports how far it is.
        own_kernel: they will run on a kernel of the course's own, so this system's need not serve them.

    Raises:
        NotSupported: this system lacks what they are made of.
        EngineError: they could not be fetched, or this kernel does not serve them.
    """
    if not own_kernel:
        system_programs.ensure(system_programs.FOR_MACHINES, step)
    if own := system_tools(own_kernel=own_kernel):
        return own
    with debian_packages.lock():
        prefix = unpacked_tools()
        if prefix is None:
            step.update("fetching packages")
            prefix = debian_packages.unpack_programs("the node's programs", PACKAGES, "tools")
            debian_packages.note_unpacked("programs", PACKAGES, prefix)
        if not own_kernel and not (prefix / OWN_BIN / "iptables").is_symlink():
            _link_iptables(prefix)
    return _tools_in(prefix, _runtime(own_kernel))


def system_tools(*, own_kernel: bool = False) -> Tools | None:
    """The programs in this system's own folders, when all are there; takes what `find_tools` takes."""
    runtime = _runtime(own_kernel)
    programs = (*PROGRAMS, runtime, *(FOR_A_DISK if own_kernel else ()))
    which = {name: shutil.which(name, path=SYSTEM_PATH) for name in programs + INITS}
    cni = next((f for f in CNI_FOLDERS if all((f / plugin).exists() for plugin in CNI_PLUGINS)), None)
    init = next((which[name] for name in INITS if which[name]), None)
    if not all(which[name] for name in programs) or not cni or not init:
        return None
    return Tools(None, Path(init), str(cni), {"PATH": SYSTEM_PATH, "LANG": "C.UTF-8"}, which[runtime])


def _runtime(own_kernel: bool) -> str:
    """What starts containers. Where each program that is started costs, it is the one without a Go runtime."""
    return "crun" if own_kernel else "runc"


def unpacked_tools() -> Path | None:
    """The folder in the cache that holds the programs, or None."""
    return debian_packages.unpacked("programs", PACKAGES)


def _tools_in(prefix: Path, runtime: str) -> Tools:
    libraries = [path.relative_to(prefix) for path in debian_packages.libraries(prefix)]
    folders = [OWN_BIN, "usr/sbin", "usr/bin", "sbin", "bin"]
    return Tools(
        prefix=prefix,
        init=Path(IN_MACHINE) / "usr/bin/tini-static",
        cni=f"{IN_MACHINE}/usr/lib/cni",
        env={
            "PATH": ":".join([*(f"{IN_MACHINE}/{f}" for f in folders), SYSTEM_PATH]),
            "LD_LIBRARY_PATH": ":".join(f"{IN_MACHINE}/{library}" for library in libraries),
            "XTABLES_LIBDIR": ":".join(f"{IN_MACHINE}/{library}/xtables" for library in libraries),
            "LANG": "C.UTF-8",
        },
        runtime=next(f"{IN_MACHINE}/{f}/{runtime}" for f in ("usr/sbin", "usr/bin") if (prefix / f / runtime).exists()),
    )


def _link_iptables(prefix: Path) -> None:
    """Make the names that Debian's alternatives would make, for the first backend that this kernel serves."""
    libraries = sorted((prefix / "usr/lib").glob("*-linux-gnu*"))
    env = {
        "PATH": SYSTEM_PATH,
        "LD_LIBRARY_PATH": ":".join(str(library) for library in libraries),
        "XTABLES_LIBDIR": ":".join(f"{library}/xtables" for library in libraries),
    }
    unshare, problems = system_programs.find_program("unshare"), []
    for backend in ("nft", "legacy"):
        program = prefix / f"usr/sbin/xtables-{backend}-multi"
        rule = "-t nat -A POSTROUTING -m comment --comment trial -j MASQUERADE"
        try:
            run([unshare, "--net", "--", program, "iptables", *rule.split()], env=env, timeout=20)
        except CommandFailed as error:
            problems.append(error.what)
            continue
        folder = prefix / OWN_BIN
        folder.mkdir(exist_ok=True)
        for family in ("iptables", "ip6tables"):
            for suffix in ("", "-save", "-restore"):
                link = folder / f"{family}{suffix}"
                link.unlink(missing_ok=True)
                link.symlink_to(f"../usr/sbin/xtables-{backend}-multi")
        return
    raise EngineError(f"iptables does not work on this kernel: {problems[0]}", "`labs doctor` tells what is missing.")
