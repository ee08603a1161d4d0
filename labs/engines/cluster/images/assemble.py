"""The course's base images and what they are made of."""

from __future__ import annotations

import io
import json
import posixpath
import re
import subprocess
import tarfile
from collections.abc import Sequence
from pathlib import Path

from filelock import FileLock

from labs.engines.cluster.images.archive import ImageSpec, LayerBuilder, write
from labs.engines.cluster.images.bytecode import compiled
from labs.engines.programs import binaries, catalog, debian_packages
from labs.engines.runtime.files import write_at_once
from labs.engines.runtime.reporter import Step
from labs.engines.runtime.user_folders import cache_folder
from labs.errors import EngineError

__all__ = ["BASE", "base_images", "program_image", "system_images"]

PYTHON = "labs/python:3"  # whichever Python 3 the system's packages bring
OLD_PYTHON = "labs/python:3.11"  # its former name, in learners' own Dockerfiles: an alias for one release
BASE = ("labs/shell:1", "labs/web:1", "labs/web:2", PYTHON, OLD_PYTHON)
"""What lessons build on; in Docker and in every node."""

SYSTEM_RECIPE = 2  # the same for the images of the engines' programs
RECIPE = 4  # raise it when an image changes while its packages and programs do not
FILES = Path(__file__).with_name("files")
MERGED = ("bin", "sbin", "lib", "lib64", "lib32", "libx32")  # links into usr/, as Debian has them
LEFT_OUT = (
    "usr/share/doc/", "usr/share/man/", "usr/share/locale/", "usr/share/info/", "usr/share/lintian/", "usr/share/bug/",
    "usr/share/i18n/", "usr/lib/x86_64-linux-gnu/gconv/", "lib/systemd/", "usr/lib/systemd/", "etc/init.d/",
    "usr/share/perl5/", "var/lib/dpkg/", "usr/share/bash-completion/", "usr/lib/tmpfiles.d/",
)  # fmt: skip
NOT_NEEDED = {
    "debconf", "dpkg", "tar", "gcc-12-base", "readline-common", "iproute2", "libbpf1", "libelf1", "libcap2-bin",
    "libnginx-mod-http-echo", "openssl", "libdb5.3", "libnsl2", "libtirpc-common", "libxtables12",
}  # fmt: skip
PATH = "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"


def base_images(step: Step) -> dict[str, Path]:
    """Archives of the base images in the cache, made where they are missing, by their tags; aliases are among these."""
    folder = cache_folder() / "images"
    folder.mkdir(parents=True, exist_ok=True)
    note = folder / f"base-{RECIPE}.json"
    with FileLock(folder / ".base.lock"):
        paths = {tag: folder / name for tag, name in _read(note).items()}
        if paths and all(path.exists() for path in paths.values()):
            return paths
        debian_packages.fetch_lists("its base images")
        step.update("fetching packages", 0.1)
        sets = {
            "base": ["busybox", "ca-certificates", "netbase"],
            "shell": ["curl", "wget"],
            "web": ["nginx-light"],
            "python": ["python3-minimal", "libpython3-stdlib"],
        }
        debs = {name: debian_packages.download(names, whole=True) for name, names in sets.items()}
        step.update("assembling", 0.5)
        base = _base_layer(debs["base"])
        shell, web, python = (_layer_above(debs["base"], debs[name]) for name in ("shell", "web", "python"))
        interpreter = _interpreter(python)
        for name in ("python3", "python"):
            python.link(f"usr/bin/{name}", interpreter)
        for module, content in compiled((base, python.to_tar()), interpreter, folder).items():
            python.file(module, content)
        images = [
            ImageSpec("labs/shell:1", (base, shell.to_tar()), ("base: libc6, busybox", "curl, wget"), _config(["sh"])),
            *(_web(base, web.to_tar(), version) for version in ("1", "2")),
            ImageSpec(PYTHON, (base, python.to_tar()), ("base: libc6, busybox", interpreter),
                  _config(["python3"], env=["PYTHONUNBUFFERED=1"]), aliases=(OLD_PYTHON,)),
        ]  # fmt: skip
        paths = {}
        for image in images:
            path = folder / f"{image.tag.replace('/', '-').replace(':', '-')}.tar"
            write(image, path)
            paths |= dict.fromkeys(image.tags, path)
        write_at_once(note, json.dumps({tag: path.name for tag, path in paths.items()}))
        return paths


def _read(note: Path) -> dict[str, str]:
    try:
        return json.loads(note.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}


def _interpreter(layer: LayerBuilder) -> str:
    """The Python that the packages brought, such as ``python3.11``; which one it is depends on the system."""
    found = [name for path in layer if re.fullmatch(r"python3\.\d+", name := path.removeprefix("usr/bin/"))]
    if not found:
        raise EngineError("The system's packages hold no Python for the image labs/python.", "Run `labs up` again.")
    return found[0]


def system_images(programs: Sequence[str]) -> dict[str, Path]:
    """Archives of images that hold one of the engines' programs each, by their tags; the programs must exist."""
    return dict(_system_image(program) for program in programs)


def _system_image(program: str) -> tuple[str, Path]:
    item = catalog.item_of(program)
    source = binaries.find(program)
    if source is None:
        raise EngineError(f"The program {program} is missing.", "`labs up` builds it.")
    # programs of one executable share the layer that holds it, on the disk and in memory
    shared = sum(other.go == item.go for other in catalog.items().values()) > 1
    file, entry = (item.go, [f"/{item.go}", program]) if shared else (program, [f"/{program}"])
    return program_image(program, item.version, source, file, entry)


def program_image(name: str, version: str, source: Path, file: str, entry: Sequence[str]) -> tuple[str, Path]:
    """An image with one program in it and nothing else, made where the cache has none.

    Args:
        name: of the image, after ``labs/``.
        version: its tag.
        source: the program.
        file: what the program is called in the image's root.
        entry: the command line that starts it there.

    Returns:
        The image's tag, and its archive.
    """
    tag, folder = f"labs/{name}:{version}", cache_folder() / "images"
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"labs-{name}-{version}-{SYSTEM_RECIPE}-{source.stat().st_size}.tar"
    with FileLock(folder / f".{name}.lock"):
        if not path.exists():
            layer = LayerBuilder()
            layer.directory("tmp", 0o1777)
            layer.file(file, source.read_bytes(), 0o755)
            write(ImageSpec(tag, (layer.to_tar(),), (f"{name} {version}",), {"Entrypoint": [*entry]}), path)
    return tag, path


def _config(command: Sequence[str], *, env: Sequence[str] = (), ports: Sequence[str] = ()) -> dict:
    return {
        "Cmd": list(command),
        "Env": [PATH, *env],
        "ExposedPorts": {port: {} for port in ports},
        "Labels": {"org.opencontainers.image.vendor": "kube-labs"},
    }


def _web(base: bytes, nginx: bytes, version: str) -> ImageSpec:
    layer = LayerBuilder()
    for path in sorted(p for p in (FILES / "web").rglob("*") if p.is_file()):
        text = path.read_text(encoding="utf-8").replace("@VERSION@", version)
        layer.file(path.relative_to(FILES / "web").as_posix(), text.encode())
    layer.link("var/log/nginx/access.log", "/dev/stdout")
    layer.link("var/log/nginx/error.log", "/dev/stderr")
    layer.directory("var/lib/nginx", 0o755)
    return ImageSpec(
        f"labs/web:{version}",
        (base, nginx, layer.to_tar()),
        ("base: libc6, busybox", "nginx", f"page and configuration, version {version}"),
        {**_config(["nginx", "-g", "daemon off;"], ports=["80/tcp"]), "StopSignal": "SIGQUIT"},
    )


def _base_layer(debs: Sequence[Path]) -> bytes:
    layer = LayerBuilder()
    for name in MERGED:
        layer.directory(f"usr/{name}")
        layer.link(name, f"usr/{name}")
    for name in ("dev", "etc", "proc", "sys", "run", "root", "home", "srv", "var/log", "usr/local/bin"):
        layer.directory(name)
    layer.directory("tmp", 0o1777)
    layer.directory("var/tmp", 0o1777)
    certificates = []
    for deb in _wanted(debs):
        for info, content in _files(deb):
            if info.name.startswith("usr/share/ca-certificates/"):
                certificates.append((info.name, content))
            else:
                _copy(layer, info, content)
    layer.file("etc/ssl/certs/ca-certificates.crt", b"".join(content for _, content in sorted(certificates)))
    for path in sorted(p for p in (FILES / "base").rglob("*") if p.is_file()):
        layer.file(path.relative_to(FILES / "base").as_posix(), path.read_bytes())
    for applet in (FILES / "applets.txt").read_text(encoding="utf-8").split():
        if f"usr/bin/{applet}" not in layer:
            layer.link(f"usr/bin/{applet}", "busybox")
    return layer.to_tar()


def _layer_above(below: Sequence[Path], debs: Sequence[Path]) -> LayerBuilder:
    layer = LayerBuilder()
    for deb in _wanted(debs):
        if deb not in below:
            for info, content in _files(deb):
                _copy(layer, info, content)
    return layer


def _wanted(debs: Sequence[Path]) -> list[Path]:
    return [deb for deb in debs if deb.name.split("_")[0] not in NOT_NEEDED]


def _files(deb: Path) -> list[tuple[tarfile.TarInfo, bytes]]:
    """The files of a package, with paths as they are on a merged-/usr system."""
    done = subprocess.run(["dpkg-deb", "--fsys-tarfile", deb], capture_output=True, check=False)
    if done.returncode:
        deb.unlink(missing_ok=True)
        raise EngineError(f"The package {deb.name} is damaged.", "`labs up` fetches it again.")
    found = []
    with tarfile.open(fileobj=io.BytesIO(done.stdout)) as archive:
        for info in archive:
            file = archive.extractfile(info) if info.isreg() else None
            content = file.read() if file else b""
            info.name = _merged(info.name)
            if info.islnk():
                info.linkname = _merged(info.linkname)
            if info.name and not f"{info.name}/".startswith(LEFT_OUT):
                found.append((info, content))
    return found


def _merged(path: str) -> str:
    path = posixpath.normpath(path).lstrip("./")
    return f"usr/{path}" if path.split("/")[0] in MERGED else path


def _copy(layer: LayerBuilder, info: tarfile.TarInfo, content: bytes) -> None:
    if info.isreg():
        layer.file(info.name, content, info.mode)
    elif info.issym():
        layer.link(info.name, info.linkname)
    elif info.islnk():
        layer.hard_link(info.name, info.linkname)
    elif info.isdir() and info.name not in layer and info.name not in {f"usr/{name}" for name in MERGED}:
        layer.directory(info.name, info.mode)
