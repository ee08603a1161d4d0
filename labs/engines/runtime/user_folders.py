"""Whose course it is, also under sudo, and the folders in that person's home."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

from platformdirs import user_cache_path

from labs.errors import NotSupported

__all__ = ["APP", "cache_folder", "in_home", "make_cache_folder", "owner", "owner_home"]

APP = "kube-labs"


def cache_folder() -> Path:
    """The folder for what is expensive to make and the same for every course: binaries, packages, images."""
    override = os.environ.get("LABS_CACHE")
    if override:
        return Path(override).expanduser().absolute()  # daemons have other working folders
    if owner()[0] != os.getuid():  # under sudo: the user's cache, not root's
        return in_home("LABS_CACHE", lambda: owner_home() / ".cache" / APP)
    return in_home("LABS_CACHE", lambda: user_cache_path(APP))


def make_cache_folder() -> Path:
    """The folder of `cache_folder`, made if it is not there.

    Raises:
        NotSupported: it cannot be made, as in a home folder that nobody may write.
    """
    folder = cache_folder()
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise NotSupported(
            f"The folder {folder}, for what is fetched and built, cannot be made: {error.strerror}.",
            "Set LABS_CACHE to a folder of yours.",
        ) from error
    return folder


def in_home(variable: str, find: Callable[[], Path]) -> Path:
    """A folder in the user's home.

    Args:
        variable: the environment variable that names another folder, for the message.
        find: what makes the folder's path; it may raise RuntimeError or KeyError.

    Raises:
        NotSupported: it is unknown where the home is, as in some containers.
    """
    try:
        return find()
    except (RuntimeError, KeyError) as error:
        raise NotSupported(
            f"The user {owner()[0]} has no home folder: HOME is not set, and this system does not know that user.",
            f"Set HOME, or {variable} to a folder of yours.",
        ) from error


def owner_home() -> Path:
    """The home folder of the person at the keyboard, also under sudo.

    Raises:
        RuntimeError: nobody knows where it is.
        KeyError: the system does not know the user.
    """
    uid, _ = owner()
    if uid == os.getuid():
        return Path.home()
    import pwd  # does not exist on Windows, where `attached` still works

    return Path(pwd.getpwuid(uid).pw_dir)


def owner() -> tuple[int, int]:
    """The user and group id of the person at the keyboard, also under sudo."""
    if os.getuid() == 0 and os.environ.get("SUDO_UID", "0") != "0":
        return int(os.environ["SUDO_UID"]), int(os.environ.get("SUDO_GID", os.environ["SUDO_UID"]))
    return os.getuid(), os.getgid()
