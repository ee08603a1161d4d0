"""Errors of the Docker client, and of the Docker Engine behind it."""

from __future__ import annotations

import re
from typing import Any

import docker
from docker.errors import APIError, BuildError, ContainerError, DockerException, ImageNotFound

from labs.explain.base import AGAIN, Explainer, Explanation, frames_of, package_of, sentence

__all__ = ["BASE_IMAGES", "EXPLAINERS"]

BASE_IMAGES = frozenset({"labs/shell:1", "labs/web:1", "labs/web:2", "labs/python:3", "labs/python:3.11"})
"""The images that the course puts into Docker when it starts."""
_NAME_TAKEN = re.compile(r'name "/?([^"]+)" is already in use')
_PORT_TAKEN = re.compile(r":(\d+) failed: port is already allocated|:(\d+): bind: address already in use")
_NO_PROGRAM = re.compile(r'exec: "([^"]+)": (?:executable file not found|stat |no such file)')
_NO_REGISTRY = re.compile(r'(?:Get|Head) "https?://\S+": (?:dial tcp|net/http|context deadline|x509|EOF)')
_NO_PACKAGES = re.compile(r"(?:pip3?|apt|apt-get|apk): not found|No module named pip|Could not resolve|name resolution")
_NO_IMAGE = re.compile(r"[Nn]o such image: ([^\s:]+(?::[\w.-]+)?)")
_FROM = re.compile(r"FROM (\S+)")
# BuildKit's words, in place of the classic builder's
_NO_FILE = re.compile(
    r'(?:failed to compute cache key: )?failed to calculate checksum of ref \S+: "/?([^"]+)": not found'
)
_NO_SOURCE = re.compile(r"failed to resolve source metadata for (?:docker\.io/(?:library/)?)?(\S+):")
# What to do about words of Docker's; {client} is what the learner calls the client.
_TODO = (
    (r"network \S+ not found", "Was the cell that creates it run? `{client}.networks.list()` shows what is there."),
    (r"[Nn]o such container", "`{client}.containers.list(all=True)` shows what is there, what has ended included."),
    (r"[Nn]o such volume", "`{client}.volumes.list()` shows what is there."),
    (r"unknown instruction", "Each line of a Dockerfile begins with FROM, RUN, COPY, USER, CMD or the like."),
    (r"Cannot locate specified Dockerfile", "The folder given as `path` needs a file named `Dockerfile`."),
    (r"Minimum memory limit|specify the units", "A limit without a unit is a number of bytes; `64m` is 64 MiB."),
    (r"invalid characters for a local volume", "Names have no spaces; a folder of Docker's machine begins with `/`."),
    (
        r"(?:COPY|ADD) (?:failed|found no)",
        "COPY reaches only files in the folder given as `path`, none that `.dockerignore` leaves out. Is it there, and "
        "spelled so?",
    ),
    (
        r"asks for the classic builder",
        "`!docker build --tag NAME FOLDER` in a cell builds with BuildKit, which does; or write one RUN, its commands "
        "joined with `&&`.",
    ),
    (
        r"option requires BuildKit",
        "`{client}.images.build` asks for the classic builder; `!docker build --tag NAME FOLDER` in a cell builds with "
        "BuildKit.",
    ),
    (
        r"no BuildKit frontend",
        "Leave the line `# syntax=...` out: Docker's own BuildKit knows what this course shows.",
    ),
)
_BUILT = "`labs status` in a terminal tells whether it is still being built or has ended; then run this cell again."
_COLOURS = re.compile(r"\x1b\[[0-9;]*m")


def _image_not_found(error: ImageNotFound) -> Explanation:
    text = _text(error)
    if found := _NO_IMAGE.search(text):
        name = found[1].rstrip(".")
        if own := _own_image(name):
            return own
        text = f"No such image: {name}."  # Docker says it twice
    todo = f"Was the cell that builds or tags it run? `{_client_name(error)}.images.list()` shows what is there."
    return Explanation(f"Docker: {text}", todo)


def _own_image(name: str) -> Explanation | None:
    """One of the course's own that is not there, after ``docker system prune -a``, say; None for any other image."""
    if name not in BASE_IMAGES:
        return None
    what = (
        f"Docker has no image {name} any more, which is the course's own: `docker system prune -a` removes all images"
    )
    todo = "`labs up` in a terminal brings the course's own back; those that you built, their cells build again."
    return Explanation(f"{what} that no container uses.", todo)


def _api(error: APIError) -> Explanation:
    text = _text(error)
    if name := _NAME_TAKEN.search(text):
        remove = f"{_client_name(error)}.containers.get({name[1]!r}).remove(force=True)"
        return Explanation(f"Already exists: container {name[1]!r}.", f"Was the cell run twice? `{remove}` removes it.")
    if port := _PORT_TAKEN.search(text):
        todo = "Remove the container that holds it, or publish another port."
        return Explanation(f"Port {port[1] or port[2]} is already taken.", todo)
    if _NO_REGISTRY.search(text):
        return _no_registry(error)
    if program := _NO_PROGRAM.search(text):
        return Explanation(f"The image has no program {program[1]!r}.", "Is the command spelled right?")
    if error.is_server_error() and not error.explanation:
        return Explanation(f"Docker: {text}", AGAIN, fault=True)
    return Explanation(f"Docker: {text}", _todo(text, error))


def _no_registry(error: APIError) -> Explanation:
    name = _image_name(error)
    if name.startswith("localhost:"):  # the course's own, which a first start builds
        host = name.partition("/")[0]
        return Explanation(f"No registry answers at {host}, so {name} cannot be pulled.", _BUILT, fault=True)
    if own := _own_image(name):
        return own
    what = f"Docker has no image {name}, and no registry answers that it could be pulled from."
    todo = f"Is the name right? Was its cell run? `{_client_name(error)}.images.list()` shows what is there."
    return Explanation(what, todo)


def _container(error: ContainerError) -> Explanation:
    # the client's types know of neither: what a container printed is bytes, and a command may be a list
    printed: Any = error.stderr
    command: Any = error.command
    output = printed.decode(errors="replace") if isinstance(printed, bytes) else str(printed or "")
    last = next((line.strip() for line in reversed(output.splitlines()) if line.strip()), "it printed no error")
    command = " ".join(command) if isinstance(command, list) else command
    what = f"The container of {error.image} ended with status {error.exit_status}: {last}"
    return Explanation(sentence(what), f"Its command was `{command}`." if command else "")


def _build(error: BuildError) -> Explanation:
    entries: Any = list(error.build_log)
    error.build_log = entries  # it was an iterator: what has been read from that is lost
    log = "".join(entry.get("stream", "") for entry in entries if isinstance(entry, dict))
    lines = [line for line in _COLOURS.sub("", log).splitlines() if line.strip() and not line.startswith(" --->")]
    message = _plain(str(error.msg))
    todo = _todo(message, error) or "Repair that step of the Dockerfile, then build again."
    if _NO_REGISTRY.search(message):
        named = _NO_SOURCE.findall(message) or _FROM.findall("\n".join(lines))
        if own := _own_image(named[-1] if named else ""):
            return own
        message = f"there is no image {named[-1] if named else 'of this name'}, and no registry answers to pull it from"
        todo = f"Is the name after FROM right? `{_client_name(error)}.images.list()` shows what is there."
    elif _NO_PACKAGES.search("\n".join([message, *lines[-5:]])):
        todo = "The course's images have no package manager, its containers no way to the internet: use what is there."
    what = "\n".join([sentence(f"The build failed: {message}"), *(f"  | {line}" for line in lines[-5:])])
    return Explanation(what, todo)


def _plain(message: str) -> str:
    """The message with BuildKit's way to say that a file or a frontend is missing put into plain words."""
    if (found := _NO_SOURCE.search(message)) and found[1].startswith("docker/dockerfile"):
        return f"there is no BuildKit frontend {found[1]}, for which the line `# syntax=` asks, and no registry answers"
    return _NO_FILE.sub(lambda found: f"COPY found no {found[1]!r} in the build's folder", message)


def _todo(text: str, error: BaseException) -> str:
    found = next((todo for pattern, todo in _TODO if re.search(pattern, text)), "")
    return found.format(client=_client_name(error)) if found else ""


def _other(error: DockerException) -> Explanation:
    text = sentence(_plain(str(error)))
    if "server API version" in text or "Connection aborted" in text:
        return Explanation("Docker does not answer.", AGAIN, fault=True)
    return Explanation(f"Docker: {text}", _todo(text, error))


def _text(error: APIError) -> str:
    return sentence(_plain(str(error.explanation or error)))


def _client_name(error: BaseException) -> str:
    """What the learner calls the Docker client, so that a suggestion can be typed as it is."""
    for module, _ in frames_of(error):
        if package_of(module) == "__main__":
            for name, value in module.items():
                if isinstance(value, docker.DockerClient) and not name.startswith("_"):
                    return name
    return "client"


def _image_name(error: BaseException) -> str:
    """The image that was to be pulled: an argument of the client's method."""
    for module, variables in frames_of(error):
        if package_of(module) == "docker" and isinstance(variables.get("repository"), str):
            tag = variables.get("tag")
            return f"{variables['repository']}:{tag}" if tag else variables["repository"]
    return "of this name"


EXPLAINERS: list[Explainer] = [
    (ImageNotFound, _image_not_found),
    (APIError, _api),
    (ContainerError, _container),
    (BuildError, _build),
    (DockerException, _other),
]
