"""Where the programs of the weather pipeline get their settings: nothing is written into the image."""

import os
import sys
from pathlib import Path

FOLDER = Path("/etc/weather")  # one file a setting, as a mounted ConfigMap or Secret has them


def setting(name, default=""):
    """A setting's value, and where it comes from: an argument, a file (read again each time), the environment."""
    argument = f"--{name}="
    for word in sys.argv[1:]:
        if word.startswith(argument):
            return word.removeprefix(argument), "argument"
    if (FOLDER / name).is_file():
        return (FOLDER / name).read_text().strip(), "file"
    if name.upper() in os.environ:
        return os.environ[name.upper()], "environment"
    return default, "default"


def value(name, default=""):
    """A setting's value alone."""
    return setting(name, default)[0]
