"""The node's programs: dockerd, containerd, runc, iptables, CNI plugins and an init.

They come from the system's folders, which a machine of the course sees as well, when all are there and Docker is
current; else from Debian packages unpacked into the cache: Docker's own of a newer Debian, the rest of this release.
"""

from __future__ import annotations

import shutil
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

from labs.engines.programs import debian_packages, docker_programs, system_programs
from labs.engines.programs.docker_programs import DockerUnavailable
from labs.engines.runtime.command import run
from labs.engines.runtime.reporter import Step
from labs.errors import CommandFailed, EngineError

__all__ = ["INITS", "Tools", "find_tools", "system_tools", "unpacked_tools"]

PROGRAMS = ("dockerd", "containerd", "containerd-shim-runc-v2", "ctr", "iptables", "ps")
"""The last is what `docker top` asks."""
FOR_A_DISK = ("mkfs.ext4", "e2fsck")
INITS = ("tini-static", "docker-init", "tini")
BESIDE_DOCKER = ("containernetworking-plugins", "iptables", "tini", "iproute2", "e2fsprogs", "procps")
PACKAGES = ("docker.io", "containerd", "runc", "crun", *BESIDE_DOCKER)
"""All of this release, Docker included: what serves where no newer one can be had, and what `usermode` begins with."""
WITHOUT_DOCKER = ("runc", *BESIDE_DOCKER, "libsystemd0")
"""What a Docker of a newer Debian lacks; the last is a library of its."""
CNI_FOLDERS = (Path("/usr/lib/cni"), Path("/opt/cni/bin"))
CNI_PLUGINS = ("ptp", "portmap", "host-local", "loopback")
SYSTEM_PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
IN_MACHINE = "/opt/kube-labs"
DOCKER_IN_MACHINE = "/opt/kube-labs-docker"
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
        docker: the folder with Docker's own programs that a machine sees as /opt/kube-labs-docker; None where they are
            among the others.
        why_old: why Docker is the one of this system's release although that is old; empty where it is not.
    """

    prefix: Path | None
    init: Path
    cni: str
    env: dict[str, str]
    runtime: str
    docker: Path | None = None
    why_old: str = ""

    @property
    def folders(self) -> list[tuple[Path, str]]:
        """Each folder of ours, and where a machine must see it."""
        places = ((self.prefix, IN_MACHINE), (self.docker, DOCKER_IN_MACHINE))
        return [(folder, place) for folder, place in places if folder]

    @property
    def binds(self) -> list[tuple[Path, str, str]]:
        """The same as what a machine must see of this system."""
        return [(folder, place, "ro") for folder, place in self.folders]

    def outside(self) -> dict[str, str]:
        """The environment in which the programs run on this system itself."""
        env = dict(self.env)
        for folder, place in self.folders:
            env = {key: value.replace(f"{place}/", f"{folder}/") for key, value in env.items()}
        return env


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
    docker, why_old = (None, "") if own_kernel else _current_docker(step)
    with debian_packages.lock():
        prefix = unpacked_tools(with_docker=docker is None)
        if prefix is None:
            prefix = _unpack(PACKAGES, step)
        if not own_kernel and not (prefix / OWN_BIN / "iptables").is_symlink():
            _link_iptables(prefix)
        if docker and not (init := prefix / OWN_BIN / "docker-init").is_symlink():
            init.symlink_to("../usr/bin/tini-static")  # what `docker run --init` starts; Docker looks for this name
    return _tools_in(prefix, _runtime(own_kernel), docker, why_old)


def _current_docker(step: Step) -> tuple[Path | None, str]:
    """The folder with Docker's own programs, or why there is none; with one, the rest of the tools is there as well."""
    if docker_programs.is_packaged():
        return None, f"{docker_programs.VARIABLE} says `packaged`"

    def rest() -> Path:
        with debian_packages.lock():
            return unpacked_tools(with_docker=False) or _unpack(WITHOUT_DOCKER, step)

    # two processors unpack, and one waits for the network while the other is at it
    with ThreadPoolExecutor(1) as pool:
        tree = pool.submit(rest)
        try:
            found = docker_programs.ensure(
                docker_programs.ENGINE,
                step,
                env=lambda: {"PATH": SYSTEM_PATH, "LD_LIBRARY_PATH": _paths(debian_packages.libraries(tree.result()))},
                patient=unpacked_tools(with_docker=True) is not None,
            )
        except DockerUnavailable as error:
            tree.result()  # whoever has no package source at all hears that
            return None, error.what.rstrip(".")
        tree.result()
    return found, ""


def _unpack(names: Sequence[str], step: Step) -> Path:
    """Fetch and unpack packages of this release. The caller holds the lock."""
    step.update("fetching packages")
    prefix = debian_packages.unpack_programs("the node's programs", names, "tools")
    debian_packages.note_unpacked("programs", names, prefix)
    return prefix


def system_tools(*, own_kernel: bool = False) -> Tools | None:
    """The programs in this system's own folders, when all are there; takes what `find_tools` takes.

    A Docker that is older than the catalog asks for does not count, unless the user wants that of the system's release.
    """
    runtime = _runtime(own_kernel)
    programs = (*PROGRAMS, runtime, *(FOR_A_DISK if own_kernel else ()))
    which = {name: shutil.which(name, path=SYSTEM_PATH) for name in programs + INITS}
    cni = next((f for f in CNI_FOLDERS if all((f / plugin).exists() for plugin in CNI_PLUGINS)), None)
    init = next((which[name] for name in INITS if which[name]), None)
    if not all(which[name] for name in programs) or not cni or not init:
        return None
    why_old = ""
    if not own_kernel and (old := _old_docker(which)):  # the engine `usermode` has a dockerd of its own
        if not docker_programs.is_packaged():
            return None
        why_old = f"{docker_programs.VARIABLE} says `packaged`; this system has {old}"
    env = {"PATH": SYSTEM_PATH, "LANG": "C.UTF-8"}
    return Tools(None, Path(init), str(cni), env, which[runtime], why_old=why_old)


def _old_docker(which: Mapping[str, str | None]) -> str:
    """Which of the system's own programs of Docker is too old for the course, or does not start; empty for none."""
    for name in ("dockerd", "containerd"):
        try:
            version = docker_programs.reported(str(which[name]))
        except EngineError as error:
            return error.what
        if not docker_programs.is_current(name, version):
            return f"{name} {version}"
    return ""


def _runtime(own_kernel: bool) -> str:
    """What starts containers. Where each program that is started costs, it is the one without a Go runtime."""
    return "crun" if own_kernel else "runc"


def unpacked_tools(*, with_docker: bool = True) -> Path | None:
    """The folder in the cache that holds the programs, or None.

    Args:
        with_docker: Docker of this system's release must be among them.
    """
    sets = [PACKAGES] if with_docker else [WITHOUT_DOCKER, PACKAGES]
    found = (debian_packages.unpacked("programs", names) for names in sets)
    return next(filter(None, found), None)


def _tools_in(prefix: Path, runtime: str, docker: Path | None, why_old: str) -> Tools:
    libraries = [path.relative_to(prefix) for path in debian_packages.libraries(prefix)]
    folders = [f"{IN_MACHINE}/{f}" for f in (OWN_BIN, "usr/sbin", "usr/bin", "sbin", "bin")]
    if docker:
        folders = [f"{DOCKER_IN_MACHINE}/usr/sbin", f"{DOCKER_IN_MACHINE}/usr/bin", *folders]
    return Tools(
        prefix=prefix,
        init=Path(IN_MACHINE) / "usr/bin/tini-static",
        cni=f"{IN_MACHINE}/usr/lib/cni",
        env={
            "PATH": ":".join([*folders, SYSTEM_PATH]),
            "LD_LIBRARY_PATH": ":".join(f"{IN_MACHINE}/{library}" for library in libraries),
            "XTABLES_LIBDIR": ":".join(f"{IN_MACHINE}/{library}/xtables" for library in libraries),
            "LANG": "C.UTF-8",
        },
        runtime=next(f"{IN_MACHINE}/{f}/{runtime}" for f in ("usr/sbin", "usr/bin") if (prefix / f / runtime).exists()),
        docker=docker,
        why_old=why_old,
    )


def _paths(folders: Sequence[Path]) -> str:
    return ":".join(map(str, folders))


def _link_iptables(prefix: Path) -> None:
    """Make the names that Debian's alternatives would make, for the first backend that this kernel serves."""
    libraries = sorted((prefix / "usr/lib").glob("*-linux-gnu*"))
    env = {
        "PATH": SYSTEM_PATH,
        "LD_LIBRARY_PATH": _paths(libraries),
        "XTABLES_LIBDIR": _paths([library / "xtables" for library in libraries]),
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
