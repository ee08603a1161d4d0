# %% [markdown]
# # Package a release
#
# The weather pipeline is a handful of manifests by now. A colleague wants
# it as well, with another title. A second one wants the newest version,
# and back if it is bad. Copies of YAML files are no answer: tomorrow they
# all differ, and nobody knows which one runs.
#
# *You will do*: install, upgrade and roll back a stranger's package; write
# a package for the pipeline; make variants of plain manifests; repair a
# release that stuck half way.
#
# *You will learn*
#
# 1. what a chart, a release and a revision are;
# 2. how values come into a release, and how an upgrade loses them;
# 3. where Helm keeps what it knows, and what changes behind its back do;
# 4. how to write a small chart, and to read a large one;
# 5. how Kustomize builds variants without any template;
# 6. why a ConfigMap's name ends in letters that nobody typed;
# 7. how to choose between the two, and do blue/green with either.
#
# *You need*: lessons 04 and 05, or to know Deployments, Services and
# ConfigMaps.
#
# *Time*: about 90 minutes, the three exercises included.

# %% [markdown] tags=["teaching"] minutes=3
# - **Before**: run `labs enable helm` once on each machine; the command is
#   fetched over the network the first time.
# - **Cut**: the registry in section 4, then section 6. Keep the lost
#   values in section 2 and exercise 3.

# %% tags=["parameters"]
TIMEOUT = 120  # seconds to wait for anything

# %%
import base64
import gzip
import json

import docker
from kubernetes import client, config

from labs import open_lab
from labs.waiting import wait_for_http

lab = open_lab("15")
config.load_kube_config()
core = client.CoreV1Api()
engine, folder = docker.from_env(), lab.folder

# %% setup="ex-15-1 ex-15-2 ex-15-3" covers="D2.3"
# !labs enable helm
# !helm version --short

# %% [markdown]
# Whatever Helm keeps of its own, repositories and downloads, goes into the
# course's folder here. If you use Helm at work, nothing of that is touched.

# %% [markdown] covers="D2.3"
# ## 1. A stranger's package
#
# A **chart** is a package: templates of manifests, and default values for
# the gaps in them. A **repository** is nothing but a web server with some
# charts (`.tgz` files) and a list of them, `index.yaml`.
#
# The large public ones are on the internet, and nothing here leads there.
# So this cell makes one, in a container: the repository of a small town,
# with two versions of the chart `noticeboard`. (Whoever writes charts does
# just this. You need not look at it now.)

# %% [markdown] tags=["teaching"] minutes=8
# - **Ask**: what must a repository be able to do? (Serve two kinds of
#   files. That is all.)
# - **Show** `show values` next to `get values`: what can be set, what was.

# %% setup="ex-15-1" magic_args="-s {folder}/town {lab.project}/charts" language="bash"
# mkdir -p $1 && cd $1
# helm package $2/noticeboard --version 0.1.0 --app-version 1
# helm package $2/noticeboard --version 0.2.0 --app-version 2
# helm repo index . --url http://localhost:8050
# printf 'FROM labs/shell:1\nCOPY *.tgz index.yaml /charts/\nCMD ["httpd", "-f", "-p", "80", "-h", "/charts"]\n' > Dockerfile

# %% setup="ex-15-1"
engine.images.build(path=str(folder / "town"), tag="town-charts:1", rm=True, labels=lab.labels)
for old in engine.containers.list(all=True, filters={"name": "^/town-charts$"}):
    old.remove(force=True)
engine.containers.run("town-charts:1", name="town-charts", ports={"80/tcp": 8050}, labels=lab.labels, detach=True)
wait_for_http("http://localhost:8050/index.yaml", expect="noticeboard", timeout=TIMEOUT)[:14]

# %% [markdown] covers="D2.3"
# From here on you are the town's customer. Three commands come before every
# installation: *add* the repository, *update* your copy of its list,
# *search* in it:

# %% setup="ex-15-1" language="bash" covers="D2.3"
# helm repo add town http://localhost:8050 --force-update
# helm repo update
# helm search repo town --versions

# %% [markdown] covers="D2.3"
# **Misconception**: "`APP VERSION` is the version." There are two. The
# **chart version** numbers the package, and `--version` means this one. The
# **app version** is what the maker says of the program inside, and no more
# than a text.
#
# What can be set in this chart? Never install what you have not read:

# %% language="bash" covers="D2.3"
# helm show chart town/noticeboard --version 0.1.0
# echo ---
# helm show values town/noticeboard --version 0.1.0

# %% language="bash" covers="D2.3"
# helm uninstall square --ignore-not-found
# helm install square town/noticeboard --version 0.1.0 --set text="Market on Friday",replicas=2 --wait --timeout 60s
# kubectl get deployments,services,configmaps -l app.kubernetes.io/instance=square

# %% [markdown] covers="D2.3"
# **What happened.** Helm filled the values into the templates and applied
# the result. What came of it is a **release**, called `square`, in the
# namespace that `kubectl` uses, too. `--wait` stays until pods are ready;
# without it, *deployed* only means that the API server took the objects.
#
# The text below `NOTES` is the chart's own, for its user. All of it can be
# asked again later:

# %% language="bash" covers="D2.3"
# helm list
# helm get values square
# helm get notes square
# helm get manifest square | grep -E "^kind|^  name:|image:|replicas:"

# %% [markdown] covers="D2.3"
# Another name is another release: the same chart can be there ten times, in
# one namespace or in many. `--namespace` chooses one, `--create-namespace`
# makes it first. **Exam tip.** `helm list` shows *one* namespace. `-A`
# shows all, and is the first thing to type when a release "is not there":

# %% magic_args="-s {lab.namespace}-park" language="bash" covers="D2.3"
# helm upgrade --install park town/noticeboard --namespace $1 --create-namespace --set text="Mind the ducks" | head -n 5
# helm list
# helm list -A
# helm uninstall park --namespace $1
# kubectl delete namespace $1 --wait=false

# %% [markdown] covers="D2.3"
# **What happened.** `upgrade --install` installs what is not there and
# upgrades what is: the form for scripts. `uninstall` removes the release
# with its objects, but not the namespace.
#
# ## 2. Upgrade, and back
#
# The text is old. `upgrade` makes the next **revision** of the release,
# with the same chart or with a newer one. Guess first: how many pods does
# the board have after this?

# %% [markdown] tags=["teaching"] minutes=10
# - **Ask** before the first upgrade: how many pods? Count the hands.
# - **Show** `helm get values square --revision 1` and `--revision 2`.
# - **Say**: two of the people in this room will lose values at work.

# %% language="bash" covers="D2.3"
# helm upgrade square town/noticeboard --version 0.2.0 --set text="Market on Sunday" --wait --timeout 60s | head -n 6
# helm get values square
# kubectl get deployment square-noticeboard -o wide

# %% [markdown] covers="D2.3"
# **What happened.** One pod: `replicas=2` is gone. An upgrade that sets any
# value begins with the *chart's defaults* and forgets what you set the last time.
# This is how Helm users lose settings.
#
# | | begins with |
# |---|---|
# | nothing set | the values of the last time |
# | `--set`, `-f` | the chart's defaults |
# | `--reuse-values` | all values of the last revision, the *old* chart's defaults included |
# | `--reset-then-reuse-values` | the new chart's defaults, then what you set the last time |
#
# Better than any flag: keep your values in a **file**, in version control,
# and give it each time. A later `-f` overrides an earlier one, and `--set`
# overrides them all:

# %%
# %%writefile {folder}/square.yaml
text: Market on Sunday
replicas: 2
env:
- name: YEAR
  value: "2026"

# %% magic_args="-s {folder}" language="bash" covers="D2.3"
# helm upgrade square town/noticeboard --version 0.2.0 -f $1/square.yaml --wait --timeout 60s | grep REVISION
# helm get values square
# helm history square

# %% [markdown] covers="D2.3"
# **What happened.** Three revisions; the newest is `deployed`, those before
# are `superseded`. Now the same on the command line. `env` is a *list* of
# mappings: `env[0].name`. And the value only *looks* like a number:

# %% language="bash" covers="D2.3"
# helm upgrade square town/noticeboard --version 0.2.0 --reuse-values --set 'env[0].name=YEAR,env[0].value=2027' || true
# helm list

# %% [markdown] covers="D2.3"
# **What happened.** `--set` guesses types: `2027` is a number, `true` is a
# boolean, and an environment variable takes neither. Templates hand over
# what they get; the API server refused. `--set-string` guesses nothing. In
# a file, quotes do the same.
#
# And the release is `failed` now. It is still there, and so are its pods:
# only the last attempt failed. Go back to a good revision:

# %% language="bash" covers="D2.3"
# helm rollback square 3 --wait
# helm history square | cut -c1-120

# %% [markdown] covers="D2.3"
# **What happened.** A rollback goes *forward*: revision 5 is a copy of
# revision 3. Without a number it takes the revision before, **even one that
# never worked**. So look at `STATUS` first.
#
# A pod that does not start is no error for Helm, unless it waits. With
# `--rollback-on-failure` it waits, and goes back by itself. (Helm 3, which
# the exam may have, calls this `--atomic`; `--help` tells.)

# %% language="bash" covers="D2.3"
# helm upgrade square town/noticeboard --reuse-values --set image.tag=9 --rollback-on-failure --timeout 8s 2>&1 | tail -n 2
# helm history square --max 2 | cut -c1-120

# %% [markdown]
# **Two minutes.** The board needs three pods, and text and `YEAR` must
# stay. Upgrade it, in a terminal (`labs shell 15` there) or in a cell of
# your own, after a `!`. Then look here; `3`, the text and `YEAR` is what
# you want:

# %% language="bash"
# helm get values square
# kubectl get deployment square-noticeboard

# %% [markdown] covers="D2.3"
# ## 3. What Helm knows, and what it does not
#
# Helm has no server and no database. Each revision is a **Secret in the
# release's namespace**: chart, values and manifests, packed. Unpack one:

# %% [markdown] tags=["teaching"] minutes=6
# - **Ask**: who may read a password that was given with `--set`? (Anyone
#   who may read Secrets there.)
# - **Ask** before the conflict: who is right, the chart or the live object?

# %% covers="D2.3"
secrets = core.list_namespaced_secret(lab.namespace, label_selector="owner=helm,name=square").items
newest = max(secrets, key=lambda secret: int(secret.metadata.labels["version"]))
print(newest.type, newest.metadata.name, newest.metadata.labels["status"])
packed = base64.b64decode(base64.b64decode(newest.data["release"]))  # by Helm, and by Kubernetes
record = json.loads(gzip.decompress(packed))
print(list(record), record["version"], record["info"]["status"], record["config"])

# %% [markdown] covers="D2.3"
# So a release survives the machine that you installed it from. And nothing
# watches the objects afterwards: Helm only acts when you call it. What if
# somebody changes one by hand? Let a colleague scale:

# %% magic_args="-s {folder}" language="bash" covers="D2.3"
# kubectl scale deployment square-noticeboard --replicas=5
# helm get values square | grep replicas
# helm status square | grep ^STATUS
# helm upgrade square town/noticeboard -f $1/square.yaml || true

# %% [markdown] covers="D2.3"
# **What happened.** `helm list` and `get values` tell what the *release*
# says, not what is live. The upgrade then met a field that somebody else
# owns now, and refused. `--force-conflicts` means: the chart is right.
#
# That is Helm 4, which applies on the server. Helm 3 compares old manifest,
# new manifest and live object itself, and **silently undoes** the change.
# Either way: change the values, never the live object.

# %% magic_args="-s {folder}" language="bash" covers="D2.3"
# helm upgrade square town/noticeboard -f $1/square.yaml --force-conflicts --wait --timeout 60s | grep STATUS
# kubectl get deployment square-noticeboard

# %% [markdown] covers="D2.3"
# At the end, `uninstall`. It removes the history as well, unless you say
# `--keep-history`:

# %% language="bash" covers="D2.3"
# helm uninstall square --keep-history
# helm list --all-namespaces --uninstalled
# kubectl get deployments
# helm uninstall square

# %% [markdown] tags=["exercise"] exercise="ex-15-1"
# ### Exercise 1: the market's board
#
# *Goal*: a release `market` of the chart `town/noticeboard`. Install
# version 0.1.0 first, then upgrade the release to 0.2.0. In the end its
# values are
#
# - `text`: `Fish today`;
# - `replicas`: 3;
# - `env`: one variable, `STALL`, with the value `12`.
#
# *Constraint*: Helm alone makes and changes the objects.
#
# *Done when* `helm list` shows `market` as deployed, with
# `noticeboard-0.2.0`, and `kubectl get deployment market-noticeboard`
# shows 3 of 3 pods, with the image `labs/web:2`.

# %% [markdown] tags=["teaching"] minutes=9 exercise="ex-15-1"
# - **Mistakes**
#   - values given at the installation only: *the value text*;
#   - no quotes around 12: *the status failed*;
#   - scaled by hand: *market-noticeboard as the release has it*;
#   - in another namespace: *none there, but one in the namespace*;
#   - 0.2.0 at once: *a revision with the chart version 0.1.0*.

# %% [markdown] tags=["hint"] exercise="ex-15-1"
# A values file makes both commands short. Section 2 has one with an
# environment variable.

# %% [markdown] tags=["hint"] exercise="ex-15-1"
# `helm install NAME CHART --version ... -f FILE`, then `helm upgrade` with
# the same file. In the file, quotes make a text of a number.

# %% [markdown] tags=["hint"] exercise="ex-15-1"
# `helm install market town/noticeboard --version 0.1.0 --set
# text="Fish today",replicas=3 --set-string
# 'env[0].name=STALL,env[0].value=12'`, then `helm upgrade market
# town/noticeboard --version 0.2.0 --reset-then-reuse-values`.

# %% tags=["answer"] exercise="ex-15-1"
### BEGIN SOLUTION
values = {"text": "Fish today", "replicas": 3, "env": [{"name": "STALL", "value": "12"}]}
(folder / "market.yaml").write_text(json.dumps(values))  # JSON is YAML, too
# !helm install market town/noticeboard --version 0.1.0 -f {folder}/market.yaml
# !helm upgrade market town/noticeboard --version 0.2.0 -f {folder}/market.yaml --wait
### END SOLUTION

# %% tags=["check"]
lab.check("ex-15-1")

# %% [markdown] covers="D2.3"
# ## 4. A chart of your own
#
# First read the stranger's. `pull --untar` brings the files:

# %% [markdown] tags=["teaching"] minutes=9
# - **Ask**: which lines of the stranger's Deployment are Kubernetes, which
#   are Helm?
# - **Draw** the dot: `.Values` at the top, the program inside of `range`,
#   `$` is always the top.

# %% magic_args="-s {folder}" language="bash" covers="D2.3"
# rm -rf $1/pulled
# helm pull town/noticeboard --version 0.1.0 --untar --untardir $1/pulled
# cd $1/pulled/noticeboard && find . -type f
# cat templates/_helpers.tpl
# sed -n "6,32p" templates/deployment.yaml

# %% [markdown] covers="D2.3"
# | | |
# |---|---|
# | `{{ .Values.text }}` | a value; `.Release.Name`, `.Release.Namespace`, `.Chart.AppVersion` are there, too |
# | `default X`, `quote` | X for what is empty; with quotes around it |
# | `{{- ` and ` -}}` | remove the white space before, or after |
# | `toYaml . \| nindent 8` | a whole piece of YAML, on a new line, 8 spaces in |
# | `with`, `if`, `range` ... `end` | if there is one; for each one |
# | `include "NAME" .` | a named piece from `_helpers.tpl` |
#
# Templates make **text**, and know nothing of YAML. So most faults are
# spaces: one `nindent` too small, and a label is a field of something else.
#
# Now a chart for the pipeline. (`helm create NAME` would write a large
# example; four files are enough.) Which programs there are is a value:

# %% setup="ex-15-3"
for name in ("weather/templates", "site/base", "site/night", "site/blue", "site/green", "site/door", "plain"):
    (folder / name).mkdir(parents=True, exist_ok=True)
engine.images.build(path=str(lab.project), tag="weather:1", rm=True, labels=lab.labels)
IMAGE = lab.load_image("weather:1")

# %%
# %%writefile {folder}/weather/Chart.yaml
apiVersion: v2
name: weather
description: A store, a producer, a front
version: 0.1.0
appVersion: "1"

# %%
# %%writefile {folder}/weather/values.yaml
image: weather:1
title: Weather
programs:
  store: {port: 8000}
  front: {port: 8080, replicas: 2}
  producer: {settings: {interval: 2, station: roof}}

# %%
# %%writefile {folder}/weather/templates/_helpers.tpl
{{- define "weather.labels" -}}
release: {{ .Release.Name }}
{{- end }}

# %%
# %%writefile {folder}/weather/templates/services.yaml
{{- range $name, $program := .Values.programs }}
{{- if $program.port }}
---
apiVersion: v1
kind: Service
metadata: {name: {{ $.Release.Name }}-{{ $name }}}
spec:
  selector:
    app: {{ $name }}
    {{- include "weather.labels" $ | nindent 4 }}
  ports: [{port: {{ $program.port }}}]
{{- end }}
{{- end }}

# %% [markdown] covers="D2.3"
# Inside of `range`, the dot is the program; `$` is still the top, so that
# `$.Release.Name` works there. Names begin with the release's name: so the
# chart can be installed twice.

# %%
# %%writefile {folder}/weather/templates/programs.yaml
{{- range $name, $program := .Values.programs }}
---
apiVersion: apps/v1
kind: Deployment
metadata: {name: {{ $.Release.Name }}-{{ $name }}}
spec:
  replicas: {{ $program.replicas | default 1 }}
  selector: {matchLabels: {app: {{ $name }}, release: {{ $.Release.Name }}}}
  template:
    metadata: {labels: {app: {{ $name }}, release: {{ $.Release.Name }}}}
    spec:
      containers:
      - {{- include "weather.container" (list $ $name $program) | nindent 8 }}
{{- end }}

# %% [markdown] covers="D2.3"
# The container is a named piece of its own, which gets three things in a
# list:

# %%
# %%writefile -a {folder}/weather/templates/_helpers.tpl
{{- define "weather.container" -}}
{{- $top := index . 0 }}{{ $name := index . 1 }}{{ $program := index . 2 -}}
name: {{ $name }}
image: {{ $top.Values.image | quote }}
args: [{{ $name }}]
env:
- {name: STORE, value: "http://{{ $top.Release.Name }}-store:8000"}
- {name: TITLE, value: {{ $top.Values.title | quote }}}
{{- range $key, $value := $program.settings }}
- {name: {{ upper $key }}, value: {{ $value | quote }}}
{{- end }}
{{- end }}

# %% [markdown]
# And the words for its user:

# %%
# %%writefile {folder}/weather/templates/NOTES.txt
{{ .Values.title }} is at {{ .Release.Name }}-front:{{ .Values.programs.front.port }}, from {{ len .Values.programs }} programs.

# %% [markdown] covers="D2.3"
# Before the cluster sees it: `lint` reads the chart, `template` shows what
# comes out, and `--dry-run=server` asks the API server as well.

# %% magic_args="-s {folder}/weather {IMAGE}" language="bash" covers="D2.3"
# helm lint $1
# helm template lake $1 --set image=$2,title=Lake --show-only templates/programs.yaml | tail -n 26

# %% magic_args="-s {folder}/weather {IMAGE}" language="bash" covers="D2.3"
# helm upgrade --install lake $1 --set image=$2,title=Lake --wait --timeout 90s | tail -n 3
# helm upgrade --install hill $1 --set image=$2,title=Hill,programs.producer.settings.unit=fahrenheit --wait --timeout 90s | tail -n 1
# kubectl get deployments -l '!app.kubernetes.io/name'
# kubectl exec deployment/hill-front -- python3 -c 'import urllib.request as u; print(u.urlopen("http://lake-front:8080").read().decode())'

# %% [markdown] covers="D2.3"
# **What happened.** One chart, two pipelines, side by side. A value deep
# inside (`programs.producer.settings.unit`) was *added* to what the chart
# has there: mappings are merged, **lists are replaced as a whole**. That is
# why the programs are a mapping.
#
# **Misconception**: "`default 1` fills in what is not set." It fills in what
# is *empty*, and 0 counts as empty. Look:

# %% magic_args="-s {folder}/weather" language="bash" covers="D2.3"
# helm template lake $1 --set programs.front.replicas=0 | grep -E "^metadata|replicas"

# %% [markdown] covers="D2.3"
# The chart goes to others as one file. An **OCI registry**, the place for
# images, takes charts as well: no `repo add`, the address is enough.
# (`--plain-http`, since the course's registry has no certificate. On an
# attached cluster there may be none, and this cell only packs the chart.)

# %%
REGISTRY = lab.engine.local_registry or ""

# %% magic_args="-s {folder} {REGISTRY}" language="bash" covers="D2.3"
# cd $1 && helm package weather
# if [ -z "$2" ]; then echo "No registry that this machine reaches: nothing to push to."; exit 0; fi
# helm push weather-0.1.0.tgz oci://$2/charts --plain-http
# helm show chart oci://$2/charts/weather --version 0.1.0 --plain-http

# %% [markdown]
# **Two minutes.** A second title: give the front an environment variable
# `UNIT`, from a new value `unit` that is `celsius` unless somebody sets it.
# (One line in `_helpers.tpl`, one in `values.yaml`; JupyterLab's editor
# will do: the folder is `print(folder)`.) Then run this cell; two lines
# with `kelvin` are what you want, or more:

# %% magic_args="-s {folder}/weather" language="bash"
# helm template lake $1 --set unit=kelvin | grep -i -A1 kelvin || true

# %% language="bash" covers="D2.3"
# helm uninstall lake hill

# %% [markdown] covers="D2.4"
# ## 5. Kustomize: variants without templates
#
# A template is no YAML until it is filled in. **Kustomize** goes the other
# way. A **base** is plain manifests that work as they are; an **overlay**
# says what is different. It is part of `kubectl`: nothing to install, no
# release, no history.

# %% [markdown] tags=["teaching"] minutes=11
# - **Ask**: where is the loop in Kustomize, where the `if`? (There is none.
#   That is the point, and the limit.)
# - **Show** the two renders beside each other: base, night.

# %%
# %%writefile {folder}/site/base/page.yaml
apiVersion: apps/v1
kind: Deployment
metadata: {name: page}
spec:
  selector: {matchLabels: {app: page}}
  template:
    metadata: {labels: {app: page}}
    spec:
      containers: [{name: web, image: "labs/web:1", volumeMounts: [{name: text, mountPath: /usr/share/nginx/html}]}]
      volumes: [{name: text, configMap: {name: page-text}}]

# %%
# %%writefile {folder}/site/base/kustomization.yaml
resources: [page.yaml]
configMapGenerator:
- name: page-text
  literals: [index.html=Good morning]

# %%
# %%writefile {folder}/site/night/kustomization.yaml
resources: [../base]
namePrefix: night-
labels:
- pairs: {site: night}
  includeSelectors: true
images: [{name: labs/web, newTag: "2"}]
replicas: [{name: page, count: 2}]
configMapGenerator:
- name: page-text
  behavior: merge
  literals: [index.html=Good night]

# %% [markdown] covers="D2.4"
# `kubectl kustomize` renders and changes nothing, like `helm template`. Then
# `-k FOLDER` takes the place of `-f FILE`, in `apply`, `diff`, `delete`, `get`:

# %% magic_args="-s {folder}/site" language="bash" covers="D2.4"
# kubectl kustomize $1/night
# kubectl apply -k $1/night
# kubectl rollout status deployment/night-page --timeout=60s

# %% [markdown] covers="D2.4"
# **What happened.** The prefix went onto all names, *and* into all places
# that refer to them: the volume names the ConfigMap by its new name.
# (`labels` with `includeSelectors` reaches selectors and templates as well;
# older files have `commonLabels` for that.)
#
# The ConfigMap's name ends in a hash of its content. A text in a ConfigMap
# that changes replaces no pod, as lesson 05 has shown. Here, another
# text is another name, so another template, so a **rollout**:

# %% magic_args="-s {folder}/site/night" language="bash" covers="D2.4"
# sed -i 's/Good night/Sleep well/' $1/kustomization.yaml
# kubectl diff -k $1 | grep '^[+-] ' || true
# kubectl apply -k $1
# kubectl rollout status deployment/night-page --timeout=60s
# kubectl get configmaps,replicasets -l site=night

# %% [markdown] covers="D2.4"
# **What happened.** Two ConfigMaps: `apply` deletes nothing, and so
# `rollout undo` still finds the old text. `generatorOptions:
# {disableNameSuffixHash: true}` takes the hash away, and with it the
# rollout: pods go on with what they have read. The same goes for a
# `secretGenerator`.
#
# For everything that has no field of its own there are **patches**. A
# *strategic* one is a piece of the manifest. A *JSON 6902* one is a list of
# steps, and names its target:

# %%
# %%writefile -a {folder}/site/night/kustomization.yaml
patches:
- patch: |
    apiVersion: apps/v1
    kind: Deployment
    metadata: {name: page}
    spec: {template: {spec: {terminationGracePeriodSeconds: 1}}}
- target: {kind: Deployment, name: page}
  patch: |
    - {op: add, path: /spec/template/spec/containers/0/env, value: [{name: LAMP, value: "on"}]}

# %% magic_args="-s {folder}/site/night" language="bash" covers="D2.4"
# kubectl apply -k $1
# kubectl get deployment night-page -o jsonpath='{.spec.template.spec.containers[0].env} {.spec.template.spec.terminationGracePeriodSeconds}{"\n"}'

# %% [markdown] covers="D2.4"
# A patch names the object **as the base calls it**, without prefix. What
# comes of the other name depends on the kind of patch. And two more things
# that everybody does once; read what `kubectl` says to each:

# %% magic_args="-s {folder}/site" language="bash" covers="D2.4"
# rm -rf $1/wrong && cp -r $1/night $1/wrong && cd $1/wrong
# sed -i 's/target: {kind: Deployment, name: page}/target: {kind: Deployment, name: night-page}/' kustomization.yaml
# echo "1. LAMP: $(kubectl kustomize . | grep -c LAMP)"
# sed -i 's/metadata: {name: page}/metadata: {name: night-page}/' kustomization.yaml
# echo "2. $(kubectl kustomize . 2>&1)"
# echo "3. $(kubectl apply -f . 2>&1)"
# cd ../base && echo "4. $(kubectl create -f page.yaml 2>&1); pod: $(kubectl get deployment page -o jsonpath='{.spec.template.spec.volumes[0].configMap.name}')"
# kubectl delete -f page.yaml

# %% [markdown] covers="D2.4"
# **What happened.**
#
# 1. A JSON patch whose target is not found does *nothing*, without a word.
# 2. A strategic one is refused.
# 3. A kustomization is no object: `apply -f` does not understand it.
# 4. The base's manifest, applied by itself, asks for a ConfigMap
#    `page-text`, which nobody makes: the pod would wait for ever.
#
# The fifth makes no noise either: a file that `resources` does not name is
# not there. After each change, **render first**.

# %% [markdown]
# **Two minutes.** Make a third variant in `site/wrong`, which has `noon-`
# as its prefix and one pod, and repair its patches. Then run this cell; the
# names with `noon-`, and `1 configured by LAMP` are what you want:

# %% magic_args="-s {folder}/site" language="bash"
# kubectl kustomize $1/wrong 2>&1 | grep -E "^  name:|replicas:|^error" || true
# echo "$(kubectl kustomize $1/wrong 2>/dev/null | grep -c LAMP) configured by LAMP"

# %% magic_args="-s {folder}/site" language="bash" covers="D2.4"
# kubectl delete -k $1/night
# kubectl get configmaps

# %% [markdown] covers="D2.4"
# **What happened.** `delete -k` renders again, and deletes what comes out
# *now*. The ConfigMap of the old text stayed behind. Kustomize keeps no
# books; Helm would have known.
#
# ## 6. The same release, both ways
#
# What `helm template` prints is plain YAML, so it can be a base. That is
# useful for a stranger's chart that has no value for what you need:

# %% [markdown] tags=["teaching"] minutes=5
# - **Ask**: who deletes the objects that a new version no longer has? (Helm
#   does, Kustomize does not.)

# %% magic_args="-s {folder}/plain" language="bash" covers="D2.3 D2.4"
# cd $1
# helm template gate town/noticeboard --version 0.2.0 --set text=Closed > all.yaml
# printf 'resources: [all.yaml]\nlabels: [{pairs: {owner: gardeners}}]\n' > kustomization.yaml
# printf 'patches: [{target: {kind: Deployment}, patch: "- {op: add, path: /spec/minReadySeconds, value: 2}"}]\n' >> kustomization.yaml
# kubectl apply -k . && kubectl get deployment -l owner=gardeners && helm list
# kubectl delete -k .

# %% [markdown] covers="D2.3 D2.4"
# | | Helm | Kustomize |
# |---|---|---|
# | for | strangers, who know the values only | your own manifests, in a few variants |
# | what is written | templates, with loops and conditions | YAML that works as it is |
# | keeps | releases: revisions, values, rollback | nothing; your version control does |
# | what is no longer in it | is deleted at the upgrade | stays |
# | a changed ConfigMap | an annotation `checksum/...`, if the chart has one | the hash |
# | needs | the command `helm` | `kubectl` |
#
# Many use both: others' programs by Helm, their own by Kustomize.

# %% [markdown] covers="D2.1"
# ## 7. Two versions at once
#
# Lesson 04 did canary and blue/green by hand. With a chart, a **canary** is
# a second release with few pods. What both share is one Service of your
# own, whose selector names what both have in common:

# %% [markdown] tags=["teaching"] minutes=5
# - **Ask**: whose label does the Service use, so that both releases are in?
#   Which label would leave the canary out?

# %% language="bash" covers="D2.1 D2.3"
# helm upgrade --install most town/noticeboard --version 0.1.0 --set replicas=3,podLabels.site=plaza --wait --timeout 60s | grep STATUS
# helm upgrade --install few town/noticeboard --version 0.2.0 --set podLabels.site=plaza --wait --timeout 60s | grep STATUS
# kubectl create service clusterip boards --tcp=80 --dry-run=client -o yaml | kubectl apply -f -
# kubectl set selector service boards site=plaza
# kubectl run guest --image=labs/shell:1 -- sleep infinity
# kubectl wait pod guest --for=condition=Ready --timeout=60s
# kubectl exec guest -- sh -c 'for i in $(seq 20); do curl -s -m 2 boards/version; done' | sort | uniq -c

# %% [markdown] covers="D2.1"
# **What happened.** About one answer in four came from version 2. Is it
# good, `helm upgrade most --version 0.2.0` and uninstall `few`; is it bad,
# uninstall `few` at once.
#
# **Blue/green** is the same with a Service that names *one* of the two. With
# Kustomize each colour is an overlay (`nameSuffix: -blue`, a label `track`
# in its selectors), and the Service is a folder of its own: another colour
# in its selector is the switch. That is the next exercise.

# %% language="bash" covers="D2.1 D2.3"
# helm uninstall most few
# kubectl delete service/boards pod/guest --grace-period=1

# %% [markdown]
# A site with its blue version, as a colleague has left it: `base`, `blue`
# and `door`, and nothing in `green`.

# %% setup="ex-15-2" magic_args="-s {folder}/site" language="bash"
# rm -rf $1 && mkdir -p $1/base $1/blue $1/green $1/door && cd $1
# cat > base/page.yaml <<END
# apiVersion: apps/v1
# kind: Deployment
# metadata: {name: page}
# spec:
#   selector: {matchLabels: {app: page}}
#   template:
#     metadata: {labels: {app: page}}
#     spec: {terminationGracePeriodSeconds: 1, volumes: [{name: text, configMap: {name: page-text}}], containers: [
#       {name: web, image: "labs/web:1", volumeMounts: [{name: text, mountPath: /usr/share/nginx/html}]}]}
# END
# printf 'resources: [page.yaml]\nconfigMapGenerator: [{name: page-text, literals: [index.html=Good morning]}]\n' > base/kustomization.yaml

# %% setup="ex-15-2" magic_args="-s {folder}/site" language="bash"
# cd $1 && cat > blue/kustomization.yaml <<END
# resources: [../base]
# nameSuffix: -blue
# labels: [{pairs: {track: blue}, includeSelectors: true}]
# replicas: [{name: page, count: 2}]
# END
# cat > door/kustomization.yaml <<END
# resources: [service.yaml]
# END
# echo '{apiVersion: v1, kind: Service, metadata: {name: page}, spec: {selector: {app: page, track: blue}, ports: [{port: 80}]}}' > door/service.yaml
# kubectl apply -k blue && kubectl apply -k door
# kubectl rollout status deployment/page-blue --timeout=60s

# %% [markdown] tags=["exercise"] exercise="ex-15-2"
# ### Exercise 2: green beside blue
#
# *Goal*: an overlay `site/green` on `site/base`, applied. It gives a
# Deployment `page-green`
#
# - with the image `labs/web:2` and 3 pods;
# - with the label `track: green` on its pods and in its selector;
# - that shows the text `Good evening` (a generated ConfigMap);
# - whose container `web` requests `32Mi` of memory, which is in no other
#   overlay.
#
# Then lead the Service `page` to the green pods, all and only these, by a
# change in `site/door`.
#
# *Constraint*: `base` and `blue` stay as they are, and blue's two pods run
# on: they are the way back.
#
# *Done when* the Service answers with the text and version 2, and `kubectl
# diff -k` of all three folders says nothing.

# %% [markdown] tags=["teaching"] minutes=10 exercise="ex-15-2"
# - **Mistakes**
#   - `apply -f` on the folder: *of site/green in the namespace*;
#   - labels without `includeSelectors`: *track: green in the selector of page-green*;
#   - the patch's target with the suffix: *memory: 32Mi requested*;
#   - the Service patched live: *as site/door has it*;
#   - the base changed: *the Deployment page-blue as it was*.

# %% [markdown] tags=["hint"] exercise="ex-15-2"
# `site/blue` has half of it. What is different: colour, count, image, text,
# memory. Each has a field of its own in a kustomization, but for the last.

# %% [markdown] tags=["hint"] exercise="ex-15-2"
# Section 5's `night` shows `images`, `replicas`, the generator with
# `behavior: merge`, and a patch with the base's name of the Deployment. In
# `site/door/service.yaml` one word changes.

# %% [markdown] tags=["hint"] exercise="ex-15-2"
# `resources: [../base]`, `nameSuffix: -green`, `labels` as blue has them,
# `images: [{name: labs/web, newTag: "2"}]`, `replicas: [{name: page, count:
# 3}]`, `configMapGenerator` with `behavior: merge`, and a patch for
# `metadata: {name: page}` with `containers: [{name: web, resources:
# {requests: {memory: 32Mi}}}]`. Then `kubectl apply -k` for both folders.

# %% tags=["answer"] exercise="ex-15-2"
### BEGIN SOLUTION
container = [{"name": "web", "resources": {"requests": {"memory": "32Mi"}}}]
patch = {"apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": "page"}}
patch["spec"] = {"template": {"spec": {"containers": container}}}
text = {"name": "page-text", "behavior": "merge", "literals": ["index.html=Good evening"]}
green = {"resources": ["../base"], "nameSuffix": "-green", "configMapGenerator": [text]}
green["labels"] = [{"pairs": {"track": "green"}, "includeSelectors": True}]
green["images"] = [{"name": "labs/web", "newTag": "2"}]
green["replicas"] = [{"name": "page", "count": 3}]
green["patches"] = [{"patch": json.dumps(patch)}]
(folder / "site/green/kustomization.yaml").write_text(json.dumps(green))  # JSON is YAML, too
door = folder / "site/door/service.yaml"
door.write_text(door.read_text().replace("blue", "green"))
# !kubectl apply -k {folder}/site/green && kubectl rollout status deployment/page-green
# !kubectl apply -k {folder}/site/door
### END SOLUTION

# %% tags=["check"]
lab.check("ex-15-2")

# %% [markdown] covers="D2.3"
# ## 8. A release that is stuck
#
# When Helm is killed half way, nobody is left to write *failed* or
# *deployed* into the last revision. It stays `pending-upgrade`, and Helm
# takes it for an upgrade that is still at work: it refuses every further
# one. `helm list` shows it in Helm 4; in Helm 3 only `helm list --all` or
# `--pending` does.
#
# The way out is `helm rollback` to a revision that worked.
#
# | it says | it means |
# |---|---|
# | `another operation ... is in progress` | pending: see above |
# | `YAML parse error on FILE` | a template's spaces; `helm template --debug` shows the text |
# | `nil pointer evaluating` | a value that is not there |
# | `field is immutable` | a change that no upgrade can make, such as another selector |
# | `expected string, got` | a number or boolean without quotes |
# | `context deadline exceeded` | `--wait` has waited: look at the pods |

# %% [markdown] tags=["teaching"] minutes=3
# - **Ask**: is the old version still serving while the release is pending?
#   (Yes: look at the pods, not at Helm.)

# %% [markdown]
# Here is a colleague's release, with its chart in the folder `harbour`. "I
# upgraded to 0.2.0, it hung, and I closed the laptop. Then I tidied the
# chart a little." (Run the two cells again to have the mess back. About 15 s.)

# %% setup="ex-15-3" magic_args="-s {folder} {lab.project}/charts" language="bash"
# helm uninstall harbour --ignore-not-found --wait
# rm -rf $1/harbour && cp -r $2/noticeboard $1/harbour && cd $1
# sed -i 's/^name: .*/name: harbour/; s/^description: .*/description: When the tide is high/' harbour/Chart.yaml
# helm install harbour harbour --set text="Low tide at 3" --wait --timeout 60s | grep STATUS
# kubectl delete configmap harbour-log --ignore-not-found
# kubectl create configmap harbour-log --from-literal=entry="installed"
# sed -i 's/^version: .*/version: 0.2.0/; s/^appVersion: .*/appVersion: "2"/' harbour/Chart.yaml
# printf 'text: High tide at 9\nreplicas: 3\nimage:\n  tag: "2.1"\n' > harbour.yaml
# timeout -s KILL 5 helm upgrade harbour harbour -f harbour.yaml --wait || true
# sed -i '/instance:/a app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}' harbour/templates/_helpers.tpl
# sed -i 's/labels" . | nindent 8/labels" . | indent 8/' harbour/templates/deployment.yaml

# %% language="bash"
# helm history harbour
# kubectl get pods -l app.kubernetes.io/instance=harbour

# %% [markdown] tags=["exercise"] exercise="ex-15-3"
# ### Exercise 3: free the harbour
#
# *Goal*: the release `harbour` is deployed again, with the chart `harbour`
# of version 0.2.0 and the values `text`: `High tide at 9` and `replicas`:
# 3. Its pods have the image `labs/web:2`.
#
# *Constraint*: the board was up all the time, and stays so. Do not uninstall
# the release, and do not delete its Deployment `harbour-noticeboard`. The
# ConfigMap `harbour-log` stays as well.
#
# *Done when* `helm list` says `deployed` and `harbour-0.2.0`, and 3 of 3
# pods are ready and show the text.
#
# There are four faults, in the release, in the chart and in `harbour.yaml`;
# repairing one uncovers the next. The last one makes no noise.

# %% [markdown] tags=["teaching"] minutes=11 exercise="ex-15-3"
# - **Ask** whenever somebody is stuck: who complains now, Helm, the
#   template, the API server, or the kubelet?
# - **Mistakes**
#   - rolled back, and home: *the chart harbour-0.2.0*;
#   - uninstalled and installed: *was made again*;
#   - the Deployment deleted for its selector: *was made again*;
#   - without `--wait`, and not looked: *is there such an image*;
#   - the town's chart taken: *the chart noticeboard*.

# %% [markdown] tags=["hint"] exercise="ex-15-3"
# First the release: `helm history harbour`. Which revision has worked? Then
# upgrade, with the folder and the values file, and read each message to
# its end.

# %% [markdown] tags=["hint"] exercise="ex-15-3"
# `helm template harbour FOLDER --debug` shows the text that is no YAML:
# what stands on a line on which it should not? For the next one, compare
# the selector that it makes with the live one: what was put into
# `_helpers.tpl`, and who includes it?

# %% [markdown] tags=["hint"] exercise="ex-15-3"
# 1. `helm rollback harbour 1`. 2. In `templates/deployment.yaml`, the pod's
# labels need `nindent 8`, which begins a new line. 3. Remove the line with `version` from
# `_helpers.tpl`: a selector cannot change. 4. There is no `labs/web:2.1`;
# take the tag out of `harbour.yaml`. Then `helm upgrade harbour
# .../harbour -f .../harbour.yaml --wait`.

# %% tags=["answer"] exercise="ex-15-3"
### BEGIN SOLUTION
# !helm rollback harbour 1 --wait
template = folder / "harbour/templates/deployment.yaml"
template.write_text((lab.project / "charts/noticeboard/templates/deployment.yaml").read_text())
helpers = folder / "harbour/templates/_helpers.tpl"
helpers.write_text("\n".join(line for line in helpers.read_text().splitlines() if "version" not in line))
# !helm upgrade harbour {folder}/harbour -f {folder}/harbour.yaml --set image.tag=2 --wait
### END SOLUTION

# %% tags=["check"]
lab.check("ex-15-3")

# %% [markdown]
# ## Recap
#
# 1. A **chart** is templates and default values; a **release** is a chart
#    with your values in a namespace; each change is a **revision**.
# 2. An upgrade that sets a value **forgets the others**. Keep a values
#    file, and give it each time. Quotes make a text of a number.
# 3. Helm keeps **Secrets** in the namespace, and watches nothing. What
#    somebody changes by hand is a conflict, or undone.
# 4. Templates make **text**: `nindent`, `quote`, `default` (0 is empty),
#    and `$` for the top. `lint`, `template`, then the cluster.
# 5. **Kustomize**: a base that works, overlays that say the difference.
#    Patches use the base's names.
# 6. The **hash** in a generated name makes a rollout of a new text.
# 7. Helm for strangers and for history, Kustomize for your own variants. A
#    second release is a canary; a selector is the switch.
#
# | to do | |
# |---|---|
# | find a chart | `helm repo add`, `repo update`, `search repo NAME --versions`, `show values` |
# | install or upgrade | `helm upgrade --install NAME CHART --version V -f FILE --set K=V --wait` |
# | what is there | `helm list -A`, `status`, `history`, `get values`, `get manifest` |
# | go back | `helm rollback NAME REVISION` |
# | only render | `helm template`, `kubectl kustomize FOLDER` |
# | apply, compare, remove | `kubectl apply -k`, `diff -k`, `delete -k` |

# %% [markdown] tags=["teaching"] minutes=2
# - **Ask**: three things that an upgrade can lose, or undo, without a word?

# %% [markdown]
# **In practice**: nobody types `helm upgrade` for long. A program in the
# cluster (Argo CD, Flux) reads charts and kustomizations from version
# control, applies them, and undoes what was changed by hand. Pin the chart's
# version, read `helm template` of the new one beside the old one, and treat
# what strangers' charts may do in your cluster as you treat any program.
#
# **Next**: the course page says which lesson comes next for you; lesson 08
# has the plan for the exam.
#
# ## Clean up

# %%
# !helm repo remove town
lab.cleanup()
