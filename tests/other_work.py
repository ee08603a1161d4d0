"""What learners have set for other work than the course: in their environment, home folder and on their machine."""

from __future__ import annotations

import json
import os
import shlex
import shutil
import subprocess
from pathlib import Path

from labs.curriculum import lessons

__all__ = ["KUBERC", "SETTINGS", "Machine", "write_home"]

SETTINGS = {
    "DOCKER_BUILDKIT": "0",
    "DOCKER_CONTENT_TRUST": "1",
    "DOCKER_DEFAULT_PLATFORM": "linux/arm64",
    "DOCKER_CONTEXT": "desktop-linux",
    "DOCKER_API_VERSION": "1.24",
    "DOCKER_TLS_VERIFY": "1",
    "BUILDX_BUILDER": "elsewhere",
    "KUBECTL_KUBERC": "true",
    "KUBECTL_EXTERNAL_DIFF": "meld",
    "HELM_NAMESPACE": "other",
    "HELM_DRIVER": "memory",
    "HELM_REPOSITORY_CONFIG": "/nowhere/repositories.yaml",
    "PIP_USER": "1",
}
"""Environment variables, each of which changes what a lesson's commands do."""

KUBERC = """\
apiVersion: kubectl.config.k8s.io/v1beta1
kind: Preference
aliases:
- name: mine
  command: version
  options: [{name: client, default: "true"}]
defaults:
- command: get
  options: [{name: output, default: json}]
- command: apply
  options: [{name: dry-run, default: server}]
- command: delete
  options: [{name: interactive, default: "true"}]
"""

LOCALES = ("LANG", "LC_ALL", "LC_CTYPE", "PYTHONUTF8", "PYTHONIOENCODING", "PYTHONCOERCECLOCALE")


def write_home(folder: Path) -> None:
    """Fill a home folder with settings of Docker's, kubectl's and the shell's.

    Args:
        folder: need not exist.
    """
    (folder / ".docker/cli-plugins").mkdir(parents=True)
    settings = {
        "credsStore": "no-such-helper",
        "credHelpers": {"localhost:5000": "no-such-helper"},
        "proxies": {"default": {"httpProxy": "http://proxy.example:3128"}},
        "HttpHeaders": {"X-Meta": "other"},
        "currentContext": "other",
    }
    (folder / ".docker/config.json").write_text(json.dumps(settings), encoding="utf-8")
    (folder / ".kube").mkdir()
    (folder / ".kube/kuberc").write_text(KUBERC, encoding="utf-8")
    for name in ("one", "two"):
        (folder / ".kube" / name).write_text(f"current-context: {name}\n", encoding="utf-8")
    (folder / ".bashrc").write_text(
        "export DOCKER_HOST=tcp://elsewhere:2375 KUBECONFIG=~/.kube/one:~/.kube/two DOCKER_BUILDKIT=0 PATH=/nowhere\n"
        "export DOCKER_CONFIG=~/.docker\numask 077\n",
        encoding="utf-8",
    )


class Machine:
    """A learner's machine on which everything is set for other work, and a clone of this project on it.

    HOME is not set, the system's list of users names a home folder with Korean letters and a shell that refuses; files
    are made for their owner only; the folder for temporary files is a small disk; the locale is not UTF-8.

    Args:
        folder: an empty one for all of it.
        uid: whose machine it is.
        locale: the locale's settings.
        encoding: in which names of files are written.

    Attributes:
        home: the learner's home folder.
        clone: where they have cloned the project.
        mounts: lines of a shell script, to be run as root in a mount namespace, that make the machine.
    """

    def __init__(self, folder: Path, uid: int, locale: dict[str, str], encoding: str = "utf-8") -> None:
        self.home, self.clone = (
            folder / os.fsdecode(name.encode(encoding))
            for name in ("김 안나의 집", "김 안나의 집/내 강의 (2027)/kube labs")
        )
        self._temporary, self._locale = folder / "tmp of 8 MB", locale
        write_home(self.home)
        self._clone_project()
        users = folder / "passwd"
        known = Path("/etc/passwd").read_text(encoding="utf-8").splitlines()
        others = [line for line in known if line.split(":")[2] != str(uid)]
        lines = [f"anna:x:{uid}:{uid}::{self.home}:/usr/sbin/nologin", *others, ""]
        users.write_bytes(os.fsencode("\n".join(lines)))
        self._temporary.mkdir()
        subprocess.run(["chown", "-R", f"{uid}:{uid}", self.home], check=True)
        self.mounts = (
            f"mount --bind {shlex.quote(str(users))} /etc/passwd\n"
            f"mount -t tmpfs -o size=8m,uid={uid},mode=700 tmpfs {shlex.quote(str(self._temporary))}\n"
        )

    def _clone_project(self) -> None:
        """As `git clone` does under a umask of 077."""
        root = lessons.root()
        generated = shutil.ignore_patterns("__pycache__", ".ipynb_checkpoints")
        for name in ("labs", "notebooks"):
            shutil.copytree(root / name, self.clone / name, ignore=generated)
        for path in (self.clone, *self.clone.rglob("*")):
            path.chmod(path.stat().st_mode & 0o700)

    def environment(self, of_course: dict[str, str]) -> dict[str, str]:
        """The learner's environment.

        Args:
            of_course: what the course itself needs of one, such as LABS_NAME.
        """
        gone = {"HOME", "DOCKER_CONFIG", *LOCALES}
        return {
            **{name: value for name, value in of_course.items() if name not in gone},
            **SETTINGS,
            **self._locale,
            "DOCKER_BUILDKIT": "1",
            "DOCKER_HOST": "tcp://192.0.2.1:2375",  # for documentation: nobody is there (RFC 5737)
            "KUBECONFIG": f"{self.home}/.kube/one:{self.home}/.kube/two",
            "SHELL": "/usr/sbin/nologin",
            "TMPDIR": str(self._temporary),
            "PYTHONPATH": str(self.clone),
            "LABS_PROGRESS": str(self.home / "progress.json"),
        }

    def close_home(self) -> None:
        """Let nobody write into the home folder, with the clone in it."""
        home = shlex.quote(str(self.home))
        self.mounts += f"mount --bind {home} {home}\nmount -o remount,bind,ro {home}\n"

    def command(self, *argv: str | Path, folder: Path | None = None) -> list[str]:
        """A command line, as it is typed there. Args: ``argv``; ``folder``, in which; not given, the notebooks'."""
        into = shlex.quote(str(folder or self.clone / "notebooks"))
        return ["sh", "-c", f'umask 077 && cd {into} && exec "$@"', "sh", *(str(word) for word in argv)]
