"""Lesson 15's checks: the reference solutions and other right ones pass, wrong ones get the words that help."""

from __future__ import annotations

import pytest

from labs import checks
from tests.checks.learner import apply, assert_told, judge_wrong, other_namespace, sh, without_api_server

pytestmark = pytest.mark.engine

ALL = ("ex-15-1", "ex-15-2", "ex-15-3")
OWN_CELLS = {"ex-15-2": ["page.yaml <<END", "blue/kustomization.yaml <<END"], "ex-15-3": ["helm install harbour"]}
"""What makes an exercise's start again, by a text in each cell."""


class World:
    """The lesson before an exercise."""

    def __init__(self, cells) -> None:
        self.cells, self.lab = cells, cells.open()
        for exercise_id in ALL:
            cells.set_up(exercise_id)
        self.folder = self.lab.folder
        self.other = other_namespace(self.lab)

    def begin(self, exercise_id: str) -> None:
        if exercise_id == "ex-15-1":
            sh(f"""helm uninstall market shop --ignore-not-found
helm uninstall market -n {self.other} --ignore-not-found
kubectl delete deployment,service,configmap market-noticeboard --ignore-not-found --grace-period=1""")
        elif exercise_id == "ex-15-2":
            sh("kubectl delete deployment,service,configmap page page-green page-text --ignore-not-found")
            self.cells.set_up(exercise_id, OWN_CELLS[exercise_id])
        else:
            self.cells.set_up(exercise_id, OWN_CELLS[exercise_id])

    def filled(self, script: str) -> str:
        return script.replace("FOLDER", str(self.folder)).replace("OTHER", self.other)

    def run(self, exercise_id: str, script: str) -> checks.Verdict:
        self.begin(exercise_id)
        sh(self.filled(script), timeout=120)
        return checks.run(exercise_id, self.lab)

    def run_wrong(self, exercise_id: str, script: str, words: list[str]) -> checks.Verdict:
        self.begin(exercise_id)
        sh(self.filled(script), timeout=120)
        return judge_wrong(self.lab, lambda: checks.run(exercise_id, self.lab), words)


@pytest.fixture(scope="module")
def world(cells_of):
    return World(cells_of("15"))


# Exercise 1: the market
SET = "--set text='Fish today',replicas=3 --set-string 'env[0].name=STALL,env[0].value=12'"
OLD = f"helm install market town/noticeboard --version 0.1.0 {SET}\n"
NEW = f"helm upgrade market town/noticeboard --version 0.2.0 {SET}\n"
FILE = """cat > FOLDER/market.yaml <<END
text: Fish today
replicas: 3
env: [{name: STALL, value: "12"}]
END
"""
JSON = """--set-json '{"text": "Fish today", "replicas": 3, "env": [{"name": "STALL", "value": "12"}]}'"""

# Exercise 2: green
GREEN = """cat > FOLDER/site/green/kustomization.yaml <<'END'
resources: [../base]
nameSuffix: -green
labels: [{pairs: {track: green}, includeSelectors: true}]
images: [{name: labs/web, newTag: "2"}]
replicas: [{name: page, count: 3}]
configMapGenerator: [{name: page-text, behavior: merge, literals: [index.html=Good evening]}]
patches:
- patch: |
    {apiVersion: apps/v1, kind: Deployment, metadata: {name: page}, spec: {template: {spec: {containers: [
      {name: web, resources: {requests: {memory: 32Mi}}}]}}}}
END
"""
APPLY = "kubectl apply -k FOLDER/site/green\n"
DOOR = "sed -i s/blue/green/ FOLDER/site/door/service.yaml\nkubectl apply -k FOLDER/site/door\n"
BY_PATCHES = """cat > FOLDER/site/green/kustomization.yaml <<'END'
apiVersion: kustomize.config.k8s.io/v1beta1
kind: Kustomization
resources: [../base]
nameSuffix: -green
commonLabels: {track: green}
configMapGenerator: [{name: page-text, behavior: replace, files: [index.html]}]
generatorOptions: {disableNameSuffixHash: true}
patches:
- target: {kind: Deployment, name: page}
  patch: |
    - {op: add, path: /spec/replicas, value: 3}
    - {op: replace, path: /spec/template/spec/containers/0/image, value: "labs/web:2"}
    - {op: add, path: /spec/template/spec/containers/0/resources, value: {requests: {memory: "33554432"}}}
END
echo "Good evening" > FOLDER/site/green/index.html
"""
DOOR_PATCH = """cat > FOLDER/site/door/kustomization.yaml <<'END'
resources: [service.yaml]
patches: [{target: {kind: Service}, patch: "- {op: replace, path: /spec/selector, value: {track: green}}"}]
END
kubectl apply -k FOLDER/site/door
"""
WITH_PREFIX = GREEN.replace("nameSuffix: -green", "namePrefix: green-")
WITHOUT_SELECTOR = GREEN.replace("includeSelectors: true", "includeTemplates: true")
JSON_MISSED = GREEN.partition("patches:")[0] + (
    """patches:
- target: {kind: Deployment, name: page-green}
  patch: |
    - {op: add, path: /spec/template/spec/containers/0/resources, value: {requests: {memory: 32Mi}}}
END
"""
)

# Exercise 3: the harbour
FREE = "helm rollback harbour 1\n"
SPACES = """sed -i 's/labels" . | indent 8/labels" . | nindent 8/' FOLDER/harbour/templates/deployment.yaml\n"""
SELECTOR = "sed -i /version/d FOLDER/harbour/templates/_helpers.tpl\n"
TAG = "sed -i 's/2.1/2/' FOLDER/harbour.yaml\n"
UPGRADE = "helm upgrade harbour FOLDER/harbour -f FOLDER/harbour.yaml\n"

RIGHT = {
    "1 a file each time": (
        "ex-15-1",
        FILE
        + """helm install market town/noticeboard --version 0.1.0 -f FOLDER/market.yaml
helm upgrade market town/noticeboard -f FOLDER/market.yaml""",
    ),
    "1 values reused, from files": (
        "ex-15-1",
        f"""helm upgrade --install market FOLDER/town/noticeboard-0.1.0.tgz {JSON}
helm upgrade market FOLDER/town/noticeboard-0.2.0.tgz --reuse-values""",
    ),
    "1 after a failure and a rollback": (
        "ex-15-1",
        OLD
        + """helm upgrade market town/noticeboard --reset-then-reuse-values --set 'env[0].value=12' || true
helm rollback market 1
helm upgrade market town/noticeboard --reset-then-reuse-values --set-string 'replicas=3,image.tag=2' --set podLabels.a=b
kubectl label deployment market-noticeboard more=yes""",
    ),
    "1 values later": (
        "ex-15-1",
        "helm install market town/noticeboard --version 0.1.0\nhelm upgrade market town/noticeboard --version 0.2.0\n"
        + NEW,
    ),
    "2 by patches, fixed name": ("ex-15-2", BY_PATCHES + APPLY + DOOR_PATCH),
    "2 one word at the door": (
        "ex-15-2",
        GREEN.replace("32Mi", "0.03125Gi") + APPLY + DOOR + "kubectl rollout restart deployment page-green",
    ),
    "2 rendered, then applied": (
        "ex-15-2",
        GREEN
        + "kubectl kustomize FOLDER/site/green | kubectl apply -f -\nkubectl delete -k FOLDER/site/door\n"
        + DOOR
        + "kubectl label service page more=yes",
    ),
    "3 step by step": ("ex-15-3", FREE + SPACES + SELECTOR + TAG + UPGRADE),
    "3 the pending revision's Secret deleted": (
        "ex-15-3",
        "kubectl delete secret sh.helm.release.v1.harbour.v2\n"
        + SPACES
        + SELECTOR
        + UPGRADE.replace("\n", " --set image.tag=2 --force-conflicts --wait --timeout 60s\n"),
    ),
    "3 the selector written out": (
        "ex-15-3",
        FREE
        + TAG
        + SPACES
        + r"""cd FOLDER/harbour/templates
NAME=app.kubernetes.io/name INSTANCE=app.kubernetes.io/instance
sed -i "/matchLabels:/ {n; s|.*|      $NAME: harbour\n      $INSTANCE: harbour|}" deployment.yaml
sed -i "/selector:/ {n; s|.*|    $INSTANCE: harbour|}" service.yaml
"""
        + UPGRADE,
    ),
}

WRONG = {
    "1 nothing": ("ex-15-1", "true", "a release market in the namespace lab-15|none"),
    "1 another name": (
        "ex-15-1",
        OLD.replace("market", "shop"),
        "a release market in the namespace lab-15|none, but|shop",
    ),
    "1 another namespace": (
        "ex-15-1",
        (OLD + NEW).replace("market town", "market -n OTHER town"),
        "none there, but one in the namespace lab-15-other|helm uninstall market -n lab-15-other",
    ),
    "1 not upgraded": ("ex-15-1", OLD, "the chart noticeboard-0.2.0|noticeboard-0.1.0, in revision 1"),
    "1 0.2.0 at once": (
        "ex-15-1",
        NEW.replace("upgrade", "install"),
        "a revision with the chart version 0.1.0|1: noticeboard-0.2.0",
    ),
    "1 values lost": (
        "ex-15-1",
        OLD + "helm upgrade market town/noticeboard --set replicas=3",
        "the value text of the release market: Fish today|the chart's default: nobody has set it|forgets",
    ),
    "1 a number": (
        "ex-15-1",
        OLD + NEW.replace("--set-string", "--set").replace("\n", " || true\n"),
        "the status failed|expected string",
    ),
    "1 an image that is not there": (
        "ex-15-1",
        OLD + NEW.replace("\n", " --set image.tag=0.2.0\n"),
        "the image labs/web:2|labs/web:0.2.0",
    ),
    "1 scaled by hand": (
        "ex-15-1",
        OLD + NEW + "kubectl scale deployment market-noticeboard --replicas=2",
        "the Deployment market-noticeboard as the release has it|spec.replicas: 2, in the release 3",
    ),
    "1 an object gone": (
        "ex-15-1",
        OLD + NEW + "kubectl delete service market-noticeboard",
        "the Service market-noticeboard of the release|none",
    ),
    "1 uninstalled": (
        "ex-15-1",
        OLD + NEW + "helm uninstall market --keep-history",
        "the status uninstalled|Its history was kept",
    ),
    "1 by kubectl": (
        "ex-15-1",
        f"helm template market town/noticeboard {SET} | kubectl apply -f -",
        "a release market in the namespace lab-15",
    ),
    "2 nothing": ("ex-15-2", "true", "a kustomization in site/green|unable to find one of"),
    "2 not applied": ("ex-15-2", GREEN + DOOR, "of site/green in the namespace lab-15|kubectl apply -k"),
    "2 applied as a file": (
        "ex-15-2",
        GREEN + "kubectl apply -f FOLDER/site/green || true\n",
        "of site/green in the namespace lab-15|none",
    ),
    "2 a prefix": ("ex-15-2", WITH_PREFIX + APPLY, "a Deployment page-green from site/green|Deployment green-page"),
    "2 selectors forgotten": (
        "ex-15-2",
        WITHOUT_SELECTOR + APPLY + DOOR,
        "track: green in the selector of page-green|includeSelectors",
    ),
    "2 a JSON patch that finds nothing": (
        "ex-15-2",
        JSON_MISSED + APPLY + DOOR,
        "memory: 32Mi requested by the container web of page-green|no request|as the base calls it",
    ),
    "2 a patch with the suffix": (
        "ex-15-2",
        GREEN.replace("metadata: {name: page}", "metadata: {name: page-green}"),
        "renders|no resource matches strategic merge patch",
    ),
    "2 the image by hand": (
        "ex-15-2",
        GREEN.replace("images:", "#") + APPLY + "kubectl set image deployment/page-green web=labs/web:2\n" + DOOR,
        "the image labs/web:2 in page-green, from site/green|labs/web:1",
    ),
    "2 scaled by hand": (
        "ex-15-2",
        GREEN + APPLY + DOOR + "kubectl scale deployment page-green --replicas=2\n",
        "the Deployment page-green as site/green has it|spec.replicas: 2, in the files 3",
    ),
    "2 the base's text changed": (
        "ex-15-2",
        GREEN + APPLY + DOOR + "sed -i 's/morning/evening/' FOLDER/site/base/kustomization.yaml",
        "the Deployment page-blue as it was|Good evening",
    ),
    "2 blue gone": (
        "ex-15-2",
        GREEN + APPLY + DOOR + "kubectl delete deployment page-blue",
        "the Deployment page-blue of site/blue",
    ),
    "2 the door still blue": ("ex-15-2", GREEN + APPLY, "the Service page|track=blue"),
    "2 the door to both": (
        "ex-15-2",
        GREEN + APPLY + "sed -i 's/, track: blue//' FOLDER/site/door/service.yaml\nkubectl apply -k FOLDER/site/door\n",
        "to lead to the pods of page-green only|page-blue",
    ),
    "2 the door by hand": (
        "ex-15-2",
        GREEN + APPLY + "kubectl set selector service page app=page,track=green",
        "the Service page as site/door has it|kubectl apply -k",
    ),
    "3 nothing": ("ex-15-3", "true", "the status pending-upgrade|Nobody works at it any more"),
    "3 rolled back, and home": ("ex-15-3", FREE, "the chart harbour-0.2.0|harbour-0.1.0, in revision 3"),
    "3 the template as it is": (
        "ex-15-3",
        FREE + UPGRADE.replace("\n", " || true\n"),
        "the chart harbour-0.2.0|harbour-0.1.0",
    ),
    "3 the selector as it is": (
        "ex-15-3",
        FREE + SPACES + TAG + UPGRADE.replace("\n", " || true\n"),
        "the status failed|field is immutable",
    ),
    "3 the tag as it is": (
        "ex-15-3",
        FREE + SPACES + SELECTOR + UPGRADE,
        "the image labs/web:2|labs/web:2.1|is there such an image",
    ),
    "3 the file forgotten": (
        "ex-15-3",
        FREE + SPACES + SELECTOR + UPGRADE.replace("-f FOLDER/harbour.yaml", "--set replicas=3"),
        "the value text of the release harbour: High tide at 9|nobody has set it",
    ),
    "3 the town's chart": (
        "ex-15-3",
        "helm uninstall harbour\n"
        "helm install harbour town/noticeboard --version 0.2.0 --set text='High tide at 9',replicas=3",
        "the release harbour of the chart harbour|the chart noticeboard",
    ),
    "3 installed again": (
        "ex-15-3",
        SPACES + SELECTOR + TAG + "helm uninstall harbour --wait\n" + UPGRADE.replace("upgrade", "install"),
        "of the first installation|it was made again",
    ),
    "3 the Deployment deleted": (
        "ex-15-3",
        FREE + SPACES + TAG + "kubectl delete deployment harbour-noticeboard\n" + UPGRADE,
        "of the first installation|it was made again",
    ),
    "3 the log gone": (
        "ex-15-3",
        FREE + SPACES + SELECTOR + TAG + UPGRADE + "kubectl delete configmap harbour-log",
        "the ConfigMap harbour-log",
    ),
    "3 live, by hand": (
        "ex-15-3",
        FREE
        + SPACES
        + SELECTOR
        + TAG
        + UPGRADE
        + apply("{apiVersion: v1, kind: ConfigMap, metadata: {name: harbour-noticeboard}, data: {index.html: Storm}}"),
        "the ConfigMap harbour-noticeboard as the release has it",
    ),
}


@pytest.mark.parametrize("exercise_id", ALL)
def test_reference_solution_passes(world, exercise_id):
    world.begin(exercise_id)
    world.cells.solve(exercise_id)
    verdict = checks.run(exercise_id, world.lab)
    assert verdict.passed, verdict


@pytest.mark.parametrize(("exercise_id", "script"), RIGHT.values(), ids=RIGHT)
def test_right_answers_pass(world, exercise_id, script):
    verdict = world.run(exercise_id, script)
    assert verdict.passed, verdict


@pytest.mark.parametrize(("exercise_id", "script", "words"), WRONG.values(), ids=WRONG)
def test_wrong_answers_get_the_words_that_help(world, exercise_id, script, words):
    told = words.split("|")
    verdict = world.run_wrong(exercise_id, script, told)
    assert_told(verdict, told)


@pytest.mark.slow  # as in 00 and 03; who lost it many times asks again after up to a minute only
@pytest.mark.alone
def test_api_server_down_is_no_wrong_answer(course, world):
    with without_api_server(course):
        verdicts = [checks.run(exercise_id, world.lab) for exercise_id in ALL]
    assert [verdict.status for verdict in verdicts] == ["could not check"] * 3, verdicts
