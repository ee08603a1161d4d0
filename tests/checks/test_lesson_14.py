"""Lesson 14's checks: the reference solutions and other right ones pass, wrong ones get the words that help."""

from __future__ import annotations

import json

import pytest

from labs import checks
from tests.checks.learner import apply, assert_told, judge_wrong, other_namespace, sh, without_api_server

pytestmark = pytest.mark.engine

ALL = ("ex-14-1", "ex-14-2", "ex-14-3")
STRICT = "lab-14-strict"


class World:
    """The lesson before an exercise."""

    def __init__(self, cells) -> None:
        self.cells, self.lab = cells, cells.open()
        for exercise_id in ALL:
            cells.set_up(exercise_id)
        other_namespace(self.lab)
        self.engine, self.lamp = cells.namespace["engine"], cells.namespace["lamp"]

    def forget(self) -> None:
        """Remove all answers."""
        sh(f"""kubectl delete pods --all --grace-period=0 --force --ignore-not-found >/dev/null 2>&1
kubectl delete deployment lamp --ignore-not-found --grace-period=1
kubectl delete deployments --all -n {STRICT}
kubectl label namespace {STRICT} pod-security.kubernetes.io/enforce=restricted --overwrite
kubectl delete pods --all -n {STRICT} --grace-period=0 --force >/dev/null 2>&1
kubectl delete pods --all -n lab-14-other --grace-period=0 --force >/dev/null 2>&1""")

    def begin(self, exercise_id: str) -> None:
        if exercise_id == "ex-14-3":
            self.cells.set_up(exercise_id, ["vault-key"])

    def build(self, dockerfile: str, tag: str = "lamp:1", ignored: str = "") -> None:
        """Build an image from the lamp's folder, and give it to the nodes."""
        (self.lamp / "Dockerfile").write_text(dockerfile, encoding="utf-8")
        ignore = self.lamp / ".dockerignore"
        ignore.write_text(ignored, encoding="utf-8")
        try:
            self.engine.images.build(path=str(self.lamp), tag=tag, rm=True, labels=self.lab.labels)
            self.lab.load_image(tag)
        finally:
            ignore.unlink()

    def play(self, exercise_id: str, answer) -> None:
        self.begin(exercise_id)
        if callable(answer):
            answer(self)
        else:
            sh(answer)


@pytest.fixture(scope="module")
def lesson(cells_of):
    return World(cells_of("14"))


@pytest.fixture
def world(lesson):
    lesson.forget()
    return lesson


# Exercise 1: the gauge
POD = {"runAsUser": 1000, "runAsGroup": 3000, "fsGroup": 2000, "seccompProfile": {"type": "RuntimeDefault"}}
LOCKS = {"allowPrivilegeEscalation": False, "readOnlyRootFilesystem": True, "capabilities": {"drop": ["ALL"]}}
DATA = {"name": "data", "mountPath": "/data"}


def gauge(pod=None, locks=None, mounts=(DATA,), *, kubectl="kubectl", more=(), **spec) -> str:
    """The pod as a learner would write it. A field with None is left out."""

    def merged(usual, changes):
        return {key: value for key, value in {**usual, **(changes or {})}.items() if value is not None}

    volumes = [{"name": mount["name"], "emptyDir": {}} for mount in mounts]
    store = {"name": "store", "image": "weather:1", "args": ["store"], "volumeMounts": [*mounts]}
    store["securityContext"] = merged(LOCKS, locks)
    whole = {"containers": [*more, store], "volumes": volumes, "securityContext": merged(POD, pod), **spec}
    item = {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "gauge"}, "spec": whole}
    wait = "kubectl wait pod gauge --for=condition=Ready --timeout=4s >/dev/null 2>&1 || true\n"
    return apply(json.dumps(item)).replace("kubectl", kubectl) + wait


NONE = dict.fromkeys(("runAsUser", "runAsGroup", "seccompProfile"))
AT_CONTAINER = gauge(NONE, {key: POD[key] for key in NONE})
HELPER = {"name": "helper", "image": "labs/shell:1", "command": ["sleep", "infinity"]}
SMALL_LETTERS = gauge({"runAsNonRoot": True}, {"capabilities": {"drop": ["all"]}})
CONTAINER_WINS = gauge({"runAsUser": 0, "runAsGroup": 0}, {"runAsUser": 1000, "runAsGroup": 3000})
IN_MEMORY = gauge(mounts=(DATA, {"name": "tmp", "mountPath": "/tmp"})).replace(
    '"emptyDir": {}', '"emptyDir": {"medium": "Memory"}'
)

# Exercise 2: the lamp
BUILD = """FROM labs/shell:1 AS build
COPY . /src
RUN mkdir /www && cp /src/index.html /www && cat /src/index.html /src/key.pem | sha256sum > /www/signature
"""
SERVE = """COPY --from=build /www /www
USER 1000
CMD ["/bin/busybox", "httpd", "-f", "-p", "8080", "-h", "/www"]
"""
GOOD = f"{BUILD}FROM labs/shell:1\n{SERVE}"
FROM_NOTHING = f"""{BUILD}RUN for f in /bin/busybox $(/lib*/ld-linux* --list /bin/busybox | grep -o '/[^ ]*'); do \\
  mkdir -p /small$(dirname $f) && cp -L $f /small$f; done
FROM scratch
COPY --from=build /small/ /
{SERVE.replace("USER 1000", "USER 1234:1234")}"""
NGINX = """FROM labs/shell:1
COPY index.html key.pem /www/
RUN rm /www/key.pem
"""
FOUR = {
    "allowPrivilegeEscalation": False,
    "capabilities": {"drop": ["ALL"]},
    "runAsNonRoot": True,
    "seccompProfile": {"type": "RuntimeDefault"},
}


def lamp(image="lamp:1", context=None, namespace=STRICT) -> str:
    container = {"name": "lamp", "image": image, "securityContext": FOUR if context is None else context}
    labels = {"app": "lamp"}
    template = {"metadata": {"labels": labels}, "spec": {"containers": [container], "terminationGracePeriodSeconds": 1}}
    spec = {"selector": {"matchLabels": labels}, "template": template}
    item = {"apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": "lamp"}, "spec": spec}
    wait = f"kubectl rollout status -n {namespace} deployment/lamp --timeout=4s >/dev/null 2>&1 || true\n"
    return apply(json.dumps(item)).replace("apply -f", f"apply -n {namespace} -f") + wait


def built(dockerfile=GOOD, script=None, **options):
    """An answer: build the image, then run a script."""

    def answer(world) -> None:
        world.build(dockerfile, **options)
        sh(lamp() if script is None else script)

    return answer


# Exercise 3: the vault
def vault(pod=None, container=None, volumes=(), mounts=(), **more) -> str:
    """A patch of the colleague's Deployment, and its rollout."""
    main = {"name": "store", "securityContext": container or {}, "volumeMounts": [*mounts], **more}
    spec = {"securityContext": pod or {}, "volumes": [*volumes], "containers": [main]}
    patch = json.dumps({"spec": {"template": {"spec": spec}}})
    return (
        f"kubectl patch deployment vault -p '{patch}'\n"
        "kubectl rollout status deployment/vault --timeout=6s >/dev/null 2>&1 || true\n"
    )


TMP = {"volumes": [{"name": "tmp", "emptyDir": {}}], "mounts": [{"name": "tmp", "mountPath": "/tmp"}]}
WHO = {"runAsUser": 1000, "fsGroup": 2000}
KEY_0444 = {"name": "key", "secret": {"secretName": "vault-key", "defaultMode": 0o444}}
AS_ENV = vault(
    {"runAsUser": 1000},
    **TMP,
    env=[{"name": "TOKEN", "valueFrom": {"secretKeyRef": {"name": "vault-key", "key": "token"}}}],
).replace('"volumeMounts": [', '"volumeMounts": [{"mountPath": "/etc/weather", "$patch": "delete"}, ')

RIGHT = {
    "1 YAML": ("ex-14-1", gauge()),
    "1 all at the container": ("ex-14-1", AT_CONTAINER),
    "1 drop in small letters": ("ex-14-1", SMALL_LETTERS),
    "1 the container wins": ("ex-14-1", CONTAINER_WINS),
    "1 in memory, a helper first": ("ex-14-1", IN_MEMORY),
    "1 a helper": ("ex-14-1", gauge(more=(HELPER,))),
    "2 two stages": ("ex-14-2", built()),
    "2 from nothing": ("ex-14-2", built(FROM_NOTHING)),
    "2 built by hand from the export": (
        "ex-14-2",
        built(GOOD.replace("USER 1000", "USER 1000:1000"), lamp(context={**FOUR, "runAsUser": 2000})),
    ),
    "3 one patch": ("ex-14-3", vault(WHO, **TMP)),
    "3 the user at the container": ("ex-14-3", vault({"fsGroup": 7}, {"runAsUser": 65534}, **TMP)),
    "3 the key by the environment": ("ex-14-3", AS_ENV),
    "3 one by one": ("ex-14-3", vault({"runAsUser": 1000}) + vault(**TMP) + vault({"fsGroup": 1000})),
}

WRONG = {
    "1 nothing": ("ex-14-1", "true", "a pod gauge in the namespace lab-14|none"),
    "1 in another namespace": (
        "ex-14-1",
        gauge(kubectl="kubectl -n lab-14-other"),
        "none there, but one in the namespace lab-14-other",
    ),
    "1 capabilities at the pod": (
        "ex-14-1",
        gauge({"capabilities": {"drop": ["ALL"]}}, {"capabilities": None}).replace("apply", "apply --validate=warn"),
        "CapBnd: 14: CHOWN|which level",
    ),
    "1 drop one": ("ex-14-1", gauge(locks={"capabilities": {"drop": ["NET_RAW"]}}), "no capabilities|CapBnd: 13"),
    "1 escalation forgotten": ("ex-14-1", gauge(locks={"allowPrivilegeEscalation": None}), "NoNewPrivs: 0"),
    "1 no seccomp": ("ex-14-1", gauge({"seccompProfile": None}), "Seccomp: 0"),
    "1 writable": ("ex-14-1", gauge(locks={"readOnlyRootFilesystem": None}), "read-only root filesystem|mounted rw"),
    "1 root": ("ex-14-1", gauge({"runAsUser": 0}), "it runs as root, user 0"),
    "1 another user": ("ex-14-1", gauge({"runAsUser": 1001}), "as user 1000|user 1001"),
    "1 a group without a user": ("ex-14-1", gauge({"runAsUser": None}), "a ready pod gauge|it is not ready"),
    "1 no group": ("ex-14-1", gauge({"runAsGroup": None}), "in the group 3000|group 0"),
    "1 no fsGroup": ("ex-14-1", gauge({"fsGroup": None}), "the volume at /data with the group 2000|group 0"),
    "1 no volume": ("ex-14-1", gauge(mounts=()), "Read-only file system|keep a reading"),
    "1 volume over the program": (
        "ex-14-1",
        gauge(mounts=(DATA, {"name": "app", "mountPath": "/app"})),
        "a ready pod gauge|store ended with status 2",
    ),
    "1 privileged": (
        "ex-14-1",
        gauge(locks={"privileged": True, "allowPrivilegeEscalation": None}),
        "the container store is privileged",
    ),
    "1 another program": (
        "ex-14-1",
        gauge().replace('"args": ["store"]', '"args": ["front"]'),
        "runs the store of weather:1",
    ),
    "2 nothing": ("ex-14-2", lambda world: world.engine.images.get("lamp:0").tag("lamp:1"), "www/key.pem in a layer"),
    "2 deleted later": ("ex-14-2", built(NGINX), "key.pem in a layer|a later one deletes it"),
    "2 the key in the history": (
        "ex-14-2",
        built(GOOD.replace("USER 1000", "RUN echo lamp-key-4711 >/dev/null\nUSER 1000")),
        "lamp:1 without the key|its history",
    ),
    "2 root": ("ex-14-2", built(GOOD.replace("USER 1000\n", "")), "a user with a number|no USER"),
    "2 a name": ("ex-14-2", built(GOOD.replace("USER 1000", "USER keeper")), "a number|USER keeper"),
    "2 too large": (
        "ex-14-2",
        built(GOOD.replace("\nFROM labs/shell:1", "\nFROM labs/python:3")),
        "less than 30 MB|MB|does the page need Python",
    ),
    "2 the key ignored": (
        "ex-14-2",
        built(GOOD.replace("/src/key.pem |", "/src/key.pem 2>/dev/null |"), ignored="key.pem\n"),
        "at /signature the checksum|must see the key",
    ),
    "2 no page": ("ex-14-2", built(GOOD.replace("cp /src/index.html /www &&", "")), "the lamp's page|no answer"),
    "2 another port": ("ex-14-2", built(GOOD.replace('"8080"', '"8081"')), "the lamp's page at port 8080|no answer"),
    "2 no Deployment": ("ex-14-2", built(script="true"), "a Deployment lamp in the namespace lab-14-strict"),
    "2 in the other namespace": (
        "ex-14-2",
        built(script=lamp(namespace="lab-14")),
        "none there, but one in the namespace lab-14",
    ),
    "2 without locks": ("ex-14-2", built(script=lamp(context={})), "violates PodSecurity|allowPrivilegeEscalation"),
    "2 the label off": (
        "ex-14-2",
        built(script=f"kubectl label namespace {STRICT} pod-security.kubernetes.io/enforce-\n{lamp(context={})}"),
        "with the level restricted",
    ),
    "2 the old image": ("ex-14-2", built(script=lamp("labs/web:1")), "with the image lamp:1|labs/web:1"),
    "3 nothing": ("ex-14-3", "true", "non-numeric user (keeper)"),
    "3 only the user": ("ex-14-3", vault(WHO), "Read-only file system"),
    "3 the question removed": (
        "ex-14-3",
        vault({"runAsNonRoot": None}),
        "runAsNonRoot: true for the container of vault",
    ),
    "3 root": ("ex-14-3", vault({"runAsUser": 0, "runAsNonRoot": False}, **TMP), "runAsNonRoot: true"),
    "3 root all the same": ("ex-14-3", vault({"runAsUser": 0}, **TMP), "runAsNonRoot and"),
    "3 writable": (
        "ex-14-3",
        vault(WHO, {"readOnlyRootFilesystem": False}),
        "a read-only root filesystem|mounted rw",
    ),
    "3 no fsGroup": ("ex-14-3", vault({"runAsUser": 1000}, **TMP), "Permission denied: '/etc/weather/token'"),
    "3 for everybody": (
        "ex-14-3",
        vault({"runAsUser": 1000}, volumes=[*TMP["volumes"], KEY_0444], mounts=TMP["mounts"]),
        "/etc/weather/token not readable for everybody|444",
    ),
    "3 privileged": (
        "ex-14-3",
        vault(WHO, {"privileged": True, "allowPrivilegeEscalation": None}, **TMP),
        "the container store is privileged",
    ),
    "3 capabilities back": (
        "ex-14-3",
        vault(WHO, {"capabilities": {"add": ["DAC_READ_SEARCH"]}}, **TMP),
        "CapBnd: DAC_READ_SEARCH",
    ),
    "3 no key": (
        "ex-14-3",
        vault({"runAsUser": 1000}, **TMP).replace(
            '"volumeMounts": [', '"volumeMounts": [{"mountPath": "/etc/weather", "$patch": "delete"}, '
        ),
        "without the key|it was stored",
    ),
    "3 another command": (
        "ex-14-3",
        vault(WHO, command=["python3", "-u", "/app/store.py"]),
        "with its command, which writes /tmp/started",
    ),
    "3 another image": ("ex-14-3", vault(WHO, image="weather:1", **TMP), "with the image beacon:2|weather:1"),
    "3 gone": (
        "ex-14-3",
        "kubectl delete deployment vault --grace-period=1",
        "a Deployment vault in the namespace lab-14",
    ),
}


@pytest.mark.parametrize("exercise_id", ALL)
def test_reference_solution_passes(world, exercise_id):
    world.begin(exercise_id)
    world.cells.solve(exercise_id)
    verdict = checks.run(exercise_id, world.lab)
    assert verdict.passed, verdict


@pytest.mark.parametrize(("exercise_id", "answer"), RIGHT.values(), ids=RIGHT)
def test_right_answers_pass(world, exercise_id, answer):
    world.play(exercise_id, answer)
    verdict = checks.run(exercise_id, world.lab)
    assert verdict.passed, verdict


@pytest.mark.parametrize(("exercise_id", "answer", "words"), WRONG.values(), ids=WRONG)
def test_wrong_answers_get_the_words_that_help(world, exercise_id, answer, words):
    told = words.split("|")
    world.play(exercise_id, answer)
    verdict = judge_wrong(world.lab, lambda: checks.run(exercise_id, world.lab), told)
    assert_told(verdict, told)


@pytest.mark.slow  # as in 00 and 03; who lost it many times asks again after up to a minute only
@pytest.mark.alone
def test_api_server_down_is_no_wrong_answer(course, world):
    world.build(GOOD)
    with without_api_server(course):
        verdicts = [checks.run(exercise_id, world.lab) for exercise_id in ALL]
    assert [verdict.status for verdict in verdicts] == ["could not check"] * 3, verdicts
