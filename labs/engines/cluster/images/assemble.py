"""The course's base images and what they are made of."""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from pathlib import Path

from filelock import FileLock

from labs.engines.cluster.images import busybox
from labs.engines.cluster.images.archive import ImageSpec, LayerBuilder, write
from labs.engines.cluster.images.bytecode import compiled
from labs.engines.cluster.images.layers import FILES, base_layer, layer_above
from labs.engines.programs import binaries, catalog, debian_packages
from labs.engines.runtime.files import write_at_once
from labs.engines.runtime.reporter import Step
from labs.engines.runtime.user_folders import cache_folder
from labs.errors import EngineError

__all__ = ["BASE", "BASE_PACKAGES", "DESCRIBED", "base_images", "config", "program_image", "system_images"]

PYTHON = "labs/python:3"  # whichever Python 3 the system's packages bring
OLD_PYTHON = "labs/python:3.11"  # its former name, in learners' own Dockerfiles: an alias for one release
BASE = ("labs/shell:1", "labs/web:1", "labs/web:2", PYTHON, OLD_PYTHON)
"""What lessons build on; in Docker and in every node."""
DESCRIBED = {
    "labs/shell:1": "busybox, curl and GNU wget",
    "labs/web:1, labs/web:2": "nginx, which tells its version at /version",
    PYTHON: "Debian's Python",
}
"""The same for a reader."""

SYSTEM_RECIPE = 2  # the same for the images of the engines' programs
RECIPE = 5  # raise it when an image changes while its packages and programs do not
BASE_PACKAGES = ["busybox", "ca-certificates", "netbase"]
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
            "base": BASE_PACKAGES,
            "shell": ["curl", "wget"],
            "web": ["nginx-light"],
            "python": ["python3-minimal", "libpython3-stdlib"],
        }
        debs = {name: debian_packages.download(names, whole=True) for name, names in sets.items()}
        step.update("assembling", 0.5)
        base = base_layer(debs["base"], busybox.newer())
        shell, web, python = (layer_above(debs["base"], debs[name]) for name in ("shell", "web", "python"))
        interpreter = _interpreter(python)
        for name in ("python3", "python"):
            python.link(f"usr/bin/{name}", interpreter)
        for module, content in compiled((base, python.to_tar()), interpreter, folder).items():
            python.file(module, content)
        images = [
            ImageSpec("labs/shell:1", (base, shell.to_tar()), ("base: libc6, busybox", "curl, wget"), config(["sh"])),
            *(_web(base, web.to_tar(), version) for version in ("1", "2")),
            ImageSpec(PYTHON, (base, python.to_tar()), ("base: libc6, busybox", interpreter),
                  config(["python3"], env=["PYTHONUNBUFFERED=1"]), aliases=(OLD_PYTHON,)),
        ]  # fmt: skip
        paths = {}
        for image in images:
            path = folder / f"{image.tag.replace('/', '-').replace(':', '-')}.tar"
            write(path, image)
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
            write(path, ImageSpec(tag, (layer.to_tar(),), (f"{name} {version}",), {"Entrypoint": [*entry]}))
    return tag, path


def config(command: Sequence[str], *, env: Sequence[str] = (), ports: Sequence[str] = ()) -> dict:
    """Docker's configuration of an image: what it runs, with which environment, and the ports that it names."""
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
        {**config(["nginx", "-g", "daemon off;"], ports=["80/tcp"]), "StopSignal": "SIGQUIT"},
    )
