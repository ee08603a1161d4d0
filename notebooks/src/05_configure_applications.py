# %% [markdown] facts="shared-cluster"
# # Configure applications
#
# The weather pipeline runs in the cluster. Now it must run twice: in a garden that measures in celsius, and on a roof
# that measures in fahrenheit. And its store must not take readings from strangers. None of that is worth a new image.
#
# *You will do*: give one image two settings; keep settings, a whole web page and a password in the cluster; change them
# while programs run, and see who notices; read a Secret out of the database; repair a sensor that a colleague set up.
#
# *You will learn*
#
# 1. why settings do not belong in an image;
# 2. what a ConfigMap is, and how its values become environment variables;
# 3. how they become arguments;
# 4. how they become files;
# 5. which changes reach a running program, and when;
# 6. what happens when a ConfigMap is missing;
# 7. why an unchangeable ConfigMap makes releases safer;
# 8. what a Secret is, and how base64 goes wrong;
# 9. what a Secret protects, and what it does not.
#
# *You need*: lesson 04, or to know what a Deployment and a rollout are.
#
# *Time*: about 65 minutes, the three exercises included.

# %% [markdown] tags=["teaching"] minutes=2
# - **Before**: the image takes about 5 s to build and load; run it while you tell the story of garden and roof.
# - **Cut**: section 7 after the patch is refused, the table of Secret types, section 3. Keep section 5, which is what
#   everybody gets wrong, and exercise 3.

# %% tags=["parameters"]
NODE_PORT = 30050  # where the front answers on localhost
TOKEN = "sunny-4711"  # what opens the store
TIMEOUT = 120  # seconds to wait for anything

# %%
import json
import time

import docker
from kubernetes import client, config

from labs import open_lab, views
from labs.explain import explain
from labs.waiting import wait_for, wait_for_http, wait_for_pods, wait_for_rollout

lab = open_lab("05")
config.load_kube_config()
apps, core = client.AppsV1Api(), client.CoreV1Api()

# %% [markdown]
# The pipeline is one image with four programs: a **producer** sends temperatures to the **store**, a **worker**
# computes their mean, a **front** shows it. The container's argument says which program runs. Build the image, and give
# it to the nodes (about 5 s):

# %% setup="ex-05-1 ex-05-2 ex-05-3"
docker.from_env().images.build(path=str(lab.project), tag="weather:1", rm=True, labels=lab.labels)
IMAGE = lab.load_image("weather:1")

# %% [markdown] covers="T6.outside"
# ## 1. Settings do not belong in the image
#
# Suppose the unit stood in the program. Then garden and roof need two images: built twice, tested twice, and never
# quite the same. A password in an image is worse: anyone who can pull the image can read it.
#
# So build **once**, and give each place its settings when the program **starts**. Our programs look for a setting, such
# as `unit`, in four places, in this order, and take the first that has it:
#
# | place | looks like |
# |---|---|
# | an argument | `--unit=fahrenheit` |
# | a file | `/etc/weather/unit` |
# | the environment | `UNIT=fahrenheit` |
# | a default | in the program |
#
# This lesson fills the first three. `run(program, name)` makes or changes a Deployment of one program. The program is
# also the container's argument; to call the Deployment otherwise, give a name. What else you name goes into the
# container as it is.


# %% [markdown] tags=["teaching"] minutes=4
# - **Ask**: who may change a title if it stands in the Deployment? (Those who may change programs.)
# - **Draw** the four places in their order; the exercises need it.


# %% setup="ex-05-1 ex-05-2 ex-05-3"
def run(program, name=None, volumes=None, wait=True, **container):
    """Make or replace a Deployment of a program; the other arguments are fields of its container."""
    name = name or program
    labels = {"app": name}
    pod = {"containers": [{"name": program, "image": IMAGE, "args": [program]} | container], "volumes": volumes}
    spec = {"selector": {"matchLabels": labels}, "template": {"metadata": {"labels": labels}, "spec": pod}}
    body = {"apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": name, "labels": labels}, "spec": spec}
    try:
        apps.replace_namespaced_deployment(name, lab.namespace, body)
    except client.exceptions.NotFoundException:
        apps.create_namespaced_deployment(lab.namespace, body)
    if wait:
        wait_for_rollout(apps, name, lab.namespace, TIMEOUT)


# %% setup="ex-05-2 ex-05-3"
def last_line(name, word):
    """The last line that a program wrote, as soon as it holds a word."""

    def line():
        pod = wait_for_pods(core, lab.namespace, f"app={name}", 1, TIMEOUT)[0].metadata.name
        written = core.read_namespaced_pod_log(pod, lab.namespace, tail_lines=1)
        return word in written and written.strip()

    return wait_for(line, TIMEOUT, what=f"{word!r} in the log of {name}")


# %% [markdown]
# Two stations, one image. The settings stand in the Deployment, as `docker run --env` would give them. (`!` runs a
# command of the terminal, and `x = !command` keeps what it prints; Python's `{NAMES}` are filled in.)

# %% covers="T6.outside"
run("store")
# !kubectl create service clusterip store --tcp=8000 --dry-run=client -o yaml | kubectl apply -f -
run("producer", "station-garden", env=[{"name": "STATION", "value": "garden"}])
run("producer", "station-roof", env=[{"name": "STATION", "value": "roof"}, {"name": "UNIT", "value": "fahrenheit"}])
for station in ("station-garden", "station-roof"):
    print(last_line(station, "sent"))
# !kubectl get pods -l "app in (station-garden, station-roof)" -o custom-columns="POD:.metadata.name,IMAGE:.status.containerStatuses[0].imageID"

# %% [markdown] covers="T6.outside"
# **What happened.** One image, to the byte; two behaviours. And already a mess: both stations send to one store, one in
# celsius, one in fahrenheit, so the mean is nonsense. The unit is *one* decision, written in two Deployments. Worse:
#
# - anyone who changes a title must be allowed to change Deployments, and so programs;
# - the Deployments of test and production differ, so what you tested is not what you run.
#
# Kubernetes has an object that holds nothing but settings: the **ConfigMap**. Clear the table for it.

# %%
# !kubectl delete deployment station-garden station-roof store --ignore-not-found
run("store")

# %% [markdown] covers="T6.properties D4.5"
# ## 2. ConfigMap: single properties
#
# A ConfigMap maps keys to texts. It has no `spec` and no `status`, only `data`: no loop works on it, it just lies there
# until a pod names it.

# %% [markdown] tags=["teaching"] minutes=5
# - **Ask** before `INTERVAL: 5` is sent: number or text? And at `env` one level too high: error, warning, silence?
# - **Show**: `/settings` in a browser at `localhost:30050/settings`; reload it through the lesson.

# %% covers="T6.properties D4.5"
# !kubectl delete configmap settings --ignore-not-found
body = client.V1ConfigMap(
    metadata=client.V1ObjectMeta(name="settings"), data={"TITLE": "Garden", "UNIT": "fahrenheit"}
)
settings_map = core.create_namespaced_config_map(lab.namespace, body)

# %% [markdown]
# With `kubectl`, and in YAML. `--out` keeps a cell's output under a name. `--dry-run=server` asks what *would* be
# stored; `replace` makes that possible for what exists. `lab.same` compares.

# %% magic_args="--out by_kubectl" language="bash" covers="T6.properties"
# kubectl create configmap settings --from-literal=TITLE=Garden --from-literal=UNIT=fahrenheit --dry-run=client -o yaml |
#     kubectl replace --dry-run=server -o yaml -f -

# %% magic_args="--out by_yaml" language="bash"
# kubectl replace --dry-run=server -o yaml -f - <<END
# apiVersion: v1
# kind: ConfigMap
# metadata: {name: settings}
# data:
#   TITLE: Garden
#   UNIT: fahrenheit
# END

# %%
lab.same(settings_map, by_kubectl, by_yaml)

# %% [markdown]
# Keys map to **texts**, and YAML is eager to see other things. An interval of 5 seconds:

# %% language="bash"
# kubectl create --dry-run=server -f - <<END || true
# apiVersion: v1
# kind: ConfigMap
# metadata: {name: interval}
# data: {INTERVAL: 5}
# END

# %% [markdown]
# **What happened.** `5` is a number, `"5"` a text. The same goes for `true`, `yes`, `no` and `1.0`: quote them all.
# `--from-literal` quotes for you.
#
# ### As environment variables
#
# So far nobody uses the ConfigMap. Start the front, and ask it for its settings and where each came from:


# %%
def settings(word=""):
    """What the front's /settings says, as soon as it holds a word."""
    return json.loads(wait_for_http(f"{lab.url(NODE_PORT)}/settings", expect=word))


# %%
run("front")
# !kubectl create service nodeport front --tcp=80:8080 --node-port={NODE_PORT} --dry-run=client -o yaml | kubectl apply -f -
settings("default")

# %% [markdown] covers="T6.environment"
# A container's `env` can take a value **from** a key of a ConfigMap. The variable's name and the key need not be the
# same.
#
# `kubectl set env --from` writes that, for every key unless `--keys` names some. It makes the variable's name of the key
# in **capitals**.

# %% covers="T6.environment"
# by_kubectl = !kubectl set env deployment/front --from=configmap/settings --keys=TITLE --dry-run=server -o yaml

# %% magic_args="--out by_yaml" language="bash" covers="T6.environment"
# kubectl patch deployment front --dry-run=server -o yaml --patch '
# spec:
#   template:
#     spec:
#       containers:
#       - name: front
#         env:
#         - {name: TITLE, valueFrom: {configMapKeyRef: {name: settings, key: TITLE}}}'


# %% covers="T6.environment D4.5"
def from_map(variable, key, name="settings"):
    return {"name": variable, "valueFrom": {"configMapKeyRef": {"name": name, "key": key}}}


run("front", env=[from_map("TITLE", "TITLE")])
lab.same(apps.read_namespaced_deployment("front", lab.namespace), by_kubectl, by_yaml)
settings("environment")

# %% [markdown]
# In YAML, mind the depth: `env` belongs to a *container*. Put one level higher, into the pod's `spec`:

# %% language="bash"
# kubectl patch deployment front --dry-run=server --patch 'spec: {template: {spec: {env: [{name: UNIT, value: kelvin}]}}}'

# %% [markdown] covers="T6.environment"
# `no change`: a field that the server does not know is dropped. `kubectl patch` warns, `kubectl apply` refuses; some
# other clients say nothing.
#
# Key by key is exact, and long. `envFrom` takes **all** keys, each as a variable of that very name. The producer gets
# the same ConfigMap, so the unit is decided in one place:

# %% covers="T6.environment"
everything = [{"configMapRef": {"name": "settings"}}]
run("worker")
run("producer", envFrom=everything, env=[{"name": "STATION", "value": "garden"}])
print(last_line("producer", "sent"))
# !kubectl exec deployment/producer -- sh -c "env | grep -E 'TITLE|UNIT|STATION'"

# %% [markdown] covers="T6.environment"
# | | `env` with `valueFrom` | `envFrom` |
# |---|---|---|
# | takes | one key | all keys |
# | may rename | yes | no (only a `prefix`) |
# | a key is missing | the container does not start | nobody notices |
# | both name a variable | `env` wins | |
#
# `TITLE` came along though the producer has no title: harmless here, surprising when a key is called `PATH`. And
# names matter: `envFrom` keeps them as they are, so a key `unit` becomes a variable `unit`, and our programs read `UNIT`.

# %% [markdown] covers="T6.arguments"
# ## 3. As arguments
#
# Many programs read neither environment nor files, only their command line. Kubernetes replaces `$(NAME)` in `args` and
# `command` by the variable of that name, before the container starts. No shell is involved: the brackets are round, and
# `$NAME` means nothing.

# %% [markdown] tags=["teaching"] minutes=1
# - **Ask**: there is no `UNITS`. Does the container start?

# %% covers="T6.arguments"
run("front", envFrom=everything, args=["front", "--title=The $(TITLE)", "--unit=$(UNITS)"])
settings("argument")

# %% magic_args="--out by_yaml" language="bash" covers="T6.arguments"
# kubectl patch deployment front --dry-run=server -o yaml --patch '
# spec:
#   template:
#     spec:
#       containers:
#       - name: front
#         args: [front, "--title=The $(TITLE)", "--unit=$(UNITS)"]'

# %%
# by_kubectl = !kubectl get deployment front -o yaml
lab.same(apps.read_namespaced_deployment("front", lab.namespace), by_kubectl, by_yaml)

# %% [markdown] covers="T6.arguments"
# **What happened.** `$(TITLE)` was filled in. There is no variable `UNITS`, and nothing complained: the text stayed as
# it was. When a program tells you about `$(SOMETHING)`, look for a typing error. (`$$(TITLE)` keeps a `$(TITLE)` on
# purpose. `kubectl` has no command that changes `args`: `kubectl edit`, `patch` or `apply`.)

# %% [markdown] tags=["exercise"] exercise="ex-05-1"
# ### Exercise 1: a front for the roof
#
# **Goal**: a second front, with its own settings, from the same image. A ConfigMap `roof` with the title `Roof` and the
# unit `fahrenheit`; a Deployment `roof` (image `weather:1`; without arguments it runs the front) that gets both
# as **environment variables**; a Service `roof` of type NodePort, port 80, the pods' port 8080, node port 30051.
#
# **Constraint**: title and unit stand in the ConfigMap only, not in the Deployment.
#
# **Done when** `localhost:30051/settings` tells `Roof (environment)` and `fahrenheit (environment)`.

# %% [markdown] tags=["teaching"] minutes=8 exercise="ex-05-1"
# - **Mistakes**
#   - keys in small letters with `envFrom`: *title: Weather (default)*;
#   - the values typed into the Deployment: *written into the Deployment*;
#   - the name mistyped: *configmap "rooof" not found*;
#   - the ConfigMap corrected, the pod not restarted: *the pod started before*;
#   - `-- front` after `kubectl create deployment`, which makes a command of it: *executable file not found*;
#   - `--tcp=80`: *the pods' port 80*.

# %% [markdown] tags=["hint"] exercise="ex-05-1"
# Three objects, one after the other. Which names must the variables have for the program to find them? The table in
# section 1 tells.

# %% [markdown] tags=["hint"] exercise="ex-05-1"
# `kubectl create configmap`, `kubectl create deployment roof --image=weather:1`, `kubectl set env ... --from=...`,
# `kubectl create service nodeport roof --tcp=80:8080 ...`. Or `run("front", "roof", ...)` for the Deployment.

# %% [markdown] tags=["hint"] exercise="ex-05-1"
# `kubectl create configmap roof --from-literal=TITLE=Roof --from-literal=UNIT=fahrenheit`, then `kubectl set env
# deployment/roof --from=configmap/roof` and `kubectl create service nodeport roof --tcp=80:8080 --node-port=30051`.

# %% tags=["answer"] exercise="ex-05-1"
### BEGIN SOLUTION
from kubernetes import utils

api = client.ApiClient()
roof = {"name": "roof"}
values = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": roof, "data": {"TITLE": "Roof", "UNIT": "fahrenheit"}}
utils.create_from_dict(api, values, namespace=lab.namespace, apply=True)
run("front", "roof", envFrom=[{"configMapRef": {"name": "roof"}}])
port = {"port": 80, "targetPort": 8080, "nodePort": 30051}
spec = {"type": "NodePort", "selector": {"app": "roof"}, "ports": [port]}
service = {"apiVersion": "v1", "kind": "Service", "metadata": roof, "spec": spec}
made = utils.create_from_dict(api, service, namespace=lab.namespace, apply=True)
### END SOLUTION

# %% tags=["check"]
lab.check("ex-05-1")

# %% [markdown] covers="T6.files"
# ## 4. A whole file
#
# A value may be as long as a file: an nginx configuration, a list of rules, a page. The front fills in a page's
# `{words}` if it finds one at `/etc/weather/page.html`. Write one (`%%writefile` puts a cell into a file; `lab.folder`
# is the lesson's own):

# %% [markdown] tags=["teaching"] minutes=3
# - **Ask**: what becomes of files that the image had in that folder?

# %%
# %%writefile {lab.folder}/page.html
<h1>{title}</h1>
<p>{count} readings, mean {mean} {unit}</p>

# %% [markdown]
# `--from-file` makes the file's name the key and its text the value. In YAML, `|` starts a text of several lines. (`-s`
# hands a value of Python's to the cell, as `$1`.)

# %% covers="T6.files"
# !kubectl delete configmap page --ignore-not-found
body = {"metadata": {"name": "page"}, "data": {"page.html": (lab.folder / "page.html").read_text()}}
page = core.create_namespaced_config_map(lab.namespace, body)

# %% magic_args="--out by_kubectl -s {lab.folder}" language="bash" covers="T6.files"
# kubectl create configmap page --from-file=$1/page.html --dry-run=client -o yaml |
#     kubectl replace --dry-run=server -o yaml -f -

# %% magic_args="--out by_yaml" language="bash" covers="T6.files"
# kubectl replace --dry-run=server -o yaml -f - <<END
# apiVersion: v1
# kind: ConfigMap
# metadata: {name: page}
# data:
#   page.html: |
#     <h1>{title}</h1>
#     <p>{count} readings, mean {mean} {unit}</p>
# END

# %%
lab.same(page, by_kubectl, by_yaml)

# %% [markdown] covers="T6.mounted"
# Into the pod it comes in two steps, as always with files: the **pod** has a *volume* made of the ConfigMap, and a
# **container** *mounts* it at a path. Each key becomes a file in that folder. (`kubectl` has no generator for either.)

# %% covers="T6.mounted"
volume = {"name": "pages", "configMap": {"name": "page"}}
run("front", envFrom=everything, volumes=[volume], volumeMounts=[{"name": "pages", "mountPath": "/etc/weather"}])
print(wait_for_http(lab.url(NODE_PORT), expect="<h1>"))
# !kubectl exec deployment/front -- ls /etc/weather

# %% magic_args="--out by_yaml" language="bash" covers="T6.mounted"
# kubectl patch deployment front --dry-run=server -o yaml --patch '
# spec:
#   template:
#     spec:
#       volumes:
#       - {name: pages, configMap: {name: page}}
#       containers:
#       - {name: front, volumeMounts: [{name: pages, mountPath: /etc/weather}]}'

# %%
lab.same(Python=apps.read_namespaced_deployment("front", lab.namespace), YAML=by_yaml)

# %% [markdown] covers="T6.files T6.mounted"
# **What happened.** A new page without a new image. Three things to know:
#
# - A mount **hides** what the image had in that folder. Mount into a folder of its own.
# - The files are read-only.
# - A ConfigMap holds at most **1 MiB**: it lies in etcd, and every watcher gets it whole. (Bytes that are no text go
#   into `binaryData`, in base64; `--from-file` sees to that.)
#
# See the limit:

# %% covers="T6.files"
# !head -c 1100000 /dev/zero | tr '\0' x > {lab.folder}/large.txt
# !kubectl create configmap large --from-file={lab.folder}/large.txt --dry-run=server

# %% [markdown] covers="T6.updates"
# ## 5. Which updates arrive, and when
#
# <img alt="A ConfigMap leads to a running container in three ways. Environment variables and arguments are copied once,
# when the container starts. Files of a mounted folder are replaced by the kubelet within about a minute."
# width="620" src="data:image/svg+xml,<svg xmlns='http://www.w3.org/2000/svg' viewBox='0 0 620 190'
#  font-family='sans-serif' font-size='14' text-anchor='middle'>
#  <rect width='620' height='190' rx='8' fill='white'/>
#  <rect x='15' y='70' width='130' height='50' rx='6' fill='aliceblue' stroke='steelblue'/>
#  <text x='80' y='92' font-weight='bold'>ConfigMap</text><text x='80' y='110'>or Secret</text>
#  <rect x='390' y='10' width='220' height='170' rx='6' fill='honeydew' stroke='seagreen'/>
#  <text x='500' y='30' font-weight='bold'>running container</text>
#  <g fill='white' stroke='black'> <rect x='400' y='42' width='200' height='34' rx='5'/>
#  <rect x='400' y='88' width='200' height='34' rx='5'/> <rect x='400' y='134' width='200' height='34' rx='5'/></g>
#  <text x='500' y='64'>environment, arguments</text> <text x='500' y='110'>file by subPath</text>
#  <text x='500' y='156'>files of a folder</text>
#  <g fill='none' stroke-width='2'> <path d='M145 85 L400 59' stroke='firebrick' stroke-dasharray='6 5'/>
#  <path d='M145 95 L400 105' stroke='firebrick' stroke-dasharray='6 5'/>
#  <path d='M145 108 L400 151' stroke='seagreen'/></g>
#  <text x='275' y='58' fill='firebrick'>copied once, at the start</text>
#  <text x='260' y='160' fill='seagreen'>kept up to date</text></svg>">
#
# Somebody edits the ConfigMap. What does the front, which runs all the while, get to know? Guess before you go on.
#
# Let it take **one** ConfigMap in three ways: the title by environment, the unit as a file of a mounted folder, and the
# unit once more as a single file. `items` chooses keys and names the files; `subPath` mounts one file alone.

# %% [markdown] tags=["teaching"] minutes=5
# - **Ask** *before* the change: title, unit in the folder, unit by `subPath`: which follows? Three votes; write them
#   up, and tick them off.
# - **Show**: reload `/settings` until the unit turns (about 10 s here, up to 90 elsewhere). Use the wait for the
#   `..data` link.

# %% covers="T6.updates"
before = {"data": {"TITLE": "Garden", "UNIT": "fahrenheit"}}
core.patch_namespaced_config_map("settings", lab.namespace, before)
volume = {"name": "live", "configMap": {"name": "settings", "items": [{"key": "UNIT", "path": "unit"}]}}
folder = {"name": "live", "mountPath": "/etc/weather"}
single = {"name": "live", "mountPath": "/srv/unit", "subPath": "unit"}
run("front", env=[from_map("TITLE", "TITLE")], volumes=[volume], volumeMounts=[folder, single])
settings("file")

# %% [markdown]
# Now change both keys. (`kubectl edit configmap settings` opens an editor; in the exam, the quickest.) First ask, three
# ways, what would be stored:

# %% magic_args="--out by_yaml" language="bash"
# kubectl replace --dry-run=server -o yaml -f - <<END
# apiVersion: v1
# kind: ConfigMap
# metadata: {name: settings}
# data: {TITLE: Greenhouse, UNIT: kelvin}
# END

# %% magic_args="--out by_kubectl" language="bash"
# kubectl patch configmap settings --dry-run=server -o yaml --patch 'data: {TITLE: Greenhouse, UNIT: kelvin}'

# %% covers="T6.updates"
change = {"data": {"TITLE": "Greenhouse", "UNIT": "kelvin"}}
changed = time.monotonic()
lab.same(core.patch_namespaced_config_map("settings", lab.namespace, change), by_kubectl, by_yaml)
settings()

# %% [markdown] covers="T6.updates"
# Nothing, yet. While you wait, look at how the kubelet lays such a folder out:

# %% covers="T6.mounted"
# !kubectl exec deployment/front -- ls -lA /etc/weather

# %% [markdown]
# `unit` is a link into `..data`, which is a link to a folder with a time in its name. For an update the kubelet writes
# a new folder, then turns `..data` over in one step: a program never sees half of the old and half of the new.
#
# Measure when that is (on the course's own cluster about 10 seconds, elsewhere up to 90; `kubectl annotate pod -l app=front
# hurry=yes` in a terminal cuts it short, as any change of the pod makes the kubelet look at once):

# %% covers="T6.updates"
wait_for(lambda: "kelvin" in settings()["unit"], TIMEOUT, what="the file to change")
print(f"{time.monotonic() - changed:.0f} s after the change:")
settings()

# %% [markdown] covers="T6.updates"
# **What happened.** The file changed; the title did not, and never will.
#
# **Misconception**: *environment variables follow their ConfigMap.* They do not. A process gets its environment when it
# starts, as a copy; no one can change it from outside. The same goes for arguments.
#
# A kubelet looks at each pod about once a minute (the course's, every 10 seconds: its `syncFrequency`), and its knowledge
# of the ConfigMap may be a little old too. So "files change within a minute or two" is all that you may rely on. And the program must *read* the file again: ours does,
# many read once.
#
# What about the single file?

# %% covers="T6.updates"
# !kubectl exec deployment/front -- sh -c "grep . /etc/weather/unit /srv/unit"

# %% [markdown] covers="T6.updates"
# A `subPath` mount is the old file itself, without the links: it stays as it was as long as the container runs. Many
# fall for that.
#
# To bring the change to all three, replace the pods. `kubectl rollout restart` does it as gently as any rollout:

# %% covers="T6.updates"
# !kubectl rollout restart deployment/front
# !kubectl rollout status deployment/front
print(settings("Greenhouse"))
# !kubectl exec deployment/front -- cat /srv/unit

# %% [markdown] covers="T6.updates"
# **Misconception**: *changing a ConfigMap restarts the pods that use it.* You just saw that it does not. That is a
# decision, and one you make:
#
# | taken as | a change arrives |
# |---|---|
# | environment, arguments, `subPath` | with the next start of the container |
# | folder | within a minute or two, if the program reads again |

# %% [markdown]
# ## 6. When it is missing
#
# Objects may be created in any order, and names be mistyped. What does a pod do whose ConfigMap is not there?

# %% [markdown] tags=["teaching"] minutes=3
# - **Ask**: the Deployment first, the ConfigMap later: does somebody have to start the pod again?

# %%
# !kubectl delete configmap late --ignore-not-found
# !kubectl delete deployment late --ignore-not-found --cascade=foreground
run("front", "late", wait=False, env=[from_map("TITLE", "TITLE", name="late")])


def state(name):
    pods = core.list_namespaced_pod(lab.namespace, label_selector=f"app={name}").items
    return next((s.state.waiting for pod in pods for s in pod.status.container_statuses or []), None)


wait_for(lambda: state("late") and state("late").reason == "CreateContainerConfigError", TIMEOUT)
print(state("late").message)
# !kubectl get pods -l app=late

# %% [markdown] covers="D4.5"
# **What happened.** The pod has a node, and the image is there; only the container cannot be made, for want of its
# settings. `kubectl describe pod` says the same among its events. Where to look:
#
# | what is wrong | the pod shows |
# |---|---|
# | `env` or `envFrom` names no ConfigMap | `CreateContainerConfigError`, `configmap "x" not found` |
# | `env` names no key | `CreateContainerConfigError`, `couldn't find key` |
# | a volume's ConfigMap is missing | `ContainerCreating` forever; events say `FailedMount` |
# | the ConfigMap is in another namespace | the same as missing: a pod sees its own namespace only |
#
# Who is stuck, and who is not? This timeline tells what each part of the cluster did for `late`, one line for each
# step. Look for the red line, and for who wrote it; press it to read the cluster's own words.

# %% covers="D4.5"
views.timeline(lab, "deployment/late")

# %% [markdown] covers="D4.5"
# All others have done their part; only the kubelet tries again and again. Nobody gives up. Create the ConfigMap now, do
# nothing else (10 to 20 s), and see which steps are added:

# %% covers="D4.5"
# !kubectl create configmap late --from-literal=TITLE=Late
wait_for_rollout(apps, "late", lab.namespace, TIMEOUT)
# !kubectl get pods -l app=late

# %% [markdown]
# A setting that may be absent is marked `optional: true`; then the program's default counts.

# %%
# !kubectl delete configmap late
perhaps = {"name": "TITLE", "valueFrom": {"configMapKeyRef": {"name": "late", "key": "TITLE", "optional": True}}}
run("front", "late", env=[perhaps])
# !kubectl exec deployment/late -- env | grep TITLE || echo "no variable TITLE"
# !kubectl delete deployment late

# %% [markdown] covers="T6.immutable"
# ## 7. Unchangeable, and with a version in its name
#
# A ConfigMap that many pods share can be broken for all of them with one wrong edit, at once or, worse, pod by pod as
# each restarts. And after a `rollout undo` the *old* program meets the *new* settings: the Deployment's history knows
# only the ConfigMap's name.
#
# Both faults have one cure: never change a ConfigMap, make another. `immutable: true` holds you to it.

# %% [markdown] tags=["teaching"] minutes=3
# - **Ask**: you undo a rollout. Which settings does the old program get?

# %% covers="T6.immutable"
# !kubectl delete configmap title-1 title-2 --ignore-not-found
for number, title in enumerate(("Garden", "Orchard"), start=1):
    metadata = client.V1ObjectMeta(name=f"title-{number}")
    body = client.V1ConfigMap(metadata=metadata, data={"TITLE": title}, immutable=True)
    title_map = core.create_namespaced_config_map(lab.namespace, body)

# %% magic_args="--out by_yaml" language="bash"
# kubectl replace --dry-run=server -o yaml -f - <<END
# apiVersion: v1
# kind: ConfigMap
# metadata: {name: title-2}
# immutable: true
# data: {TITLE: Orchard}
# END

# %% covers="T6.immutable"
# by_kubectl = !kubectl get configmap title-2 -o yaml
lab.same(title_map, by_kubectl, by_yaml)
try:
    core.patch_namespaced_config_map("title-2", lab.namespace, {"data": {"TITLE": "Jungle"}})
except client.exceptions.ApiException as error:
    print(explain(error).what)
# !kubectl patch configmap title-2 --patch "immutable: false"

# %% [markdown] covers="T6.immutable"
# It cannot be changed, and cannot be made changeable again: only deleted. (`kubectl create` has no flag for it;
# `kubectl patch configmap NAME --patch "immutable: true"` closes one that exists. The kubelets need not watch it any
# more, which spares the API server work.)
#
# So a change of settings is: a new ConfigMap, then its name in the template. That makes it a *rollout*, with all its
# care, and with a history:

# %% covers="T6.immutable"
for number, title in enumerate(("Garden", "Orchard"), start=1):
    run("front", envFrom=[{"configMapRef": {"name": f"title-{number}"}}])
    print(f"title-{number}:", settings(title)["title"])
# !kubectl rollout undo deployment/front
# !kubectl rollout status deployment/front
print("undone: ", settings("Garden")["title"])

# %% [markdown] covers="T6.immutable"
# **What happened.** The rollback brought the old *settings* back, because the old template names the old ConfigMap.
# Tools such as Kustomize and Helm do it for you: they put a hash of the content into the name, or into an annotation of
# the template, so that a change of the content is a change of the template.

# %% [markdown] covers="T6.secret D4.6"
# ## 8. Secret: the same, for what others must not read
#
# The store takes readings from anyone who reaches it. Give it a **token**, a password for programs: without it, a POST is
# answered with 401.
#
# A **Secret** is built like a ConfigMap and used like one. In `data` its values are in **base64**, a spelling of bytes
# in 64 harmless letters, so that keys and certificates survive in YAML. `stringData` takes plain text, and the server
# writes it into `data`.

# %% [markdown] tags=["teaching"] minutes=4
# - **Show**: decode the three spellings with `od -c` on the projector; let the room find the line end.

# %% covers="D4.6"
# !kubectl delete secret store --ignore-not-found
body = client.V1Secret(metadata=client.V1ObjectMeta(name="store"), string_data={"token": TOKEN})
secret = core.create_namespaced_secret(lab.namespace, body)
secret.data

# %% magic_args="--out by_kubectl -s {TOKEN}" language="bash" covers="D4.6"
# kubectl create secret generic store --from-literal=token=$1 --dry-run=client -o yaml |
#     kubectl replace --dry-run=server -o yaml -f -

# %% magic_args="--out by_yaml -s {TOKEN}" language="bash" covers="D4.6"
# kubectl replace --dry-run=server -o yaml -f - <<END
# apiVersion: v1
# kind: Secret
# metadata: {name: store}
# stringData: {token: $1}
# END

# %%
lab.same(secret, by_kubectl, by_yaml)

# %% [markdown] covers="D4.6"
# The store takes it as a file, the producer from its environment. Two spellings differ from a ConfigMap's: a volume
# says `secret: {secretName: ...}`, a variable `secretKeyRef`. First only the store:

# %% covers="D4.6 T6.secret"
volume = {"name": "token", "secret": {"secretName": "store"}}
run("store", volumes=[volume], volumeMounts=[{"name": "token", "mountPath": "/etc/weather"}])
run("producer")
print(last_line("producer", "401"))

# %% magic_args="--out by_yaml" language="bash"
# kubectl patch deployment producer --dry-run=server -o yaml --patch '
# spec:
#   template:
#     spec:
#       containers:
#       - name: producer
#         env:
#         - {name: TOKEN, valueFrom: {secretKeyRef: {name: store, key: token}}}'

# %% covers="D4.6"
# 2>/dev/null hides the warning that the key token becomes the variable TOKEN
# by_kubectl = !kubectl set env deployment/producer --from=secret/store --dry-run=server -o yaml 2>/dev/null

# %% covers="D4.6"
run("producer", env=[{"name": "TOKEN", "valueFrom": {"secretKeyRef": {"name": "store", "key": "token"}}}])
lab.same(apps.read_namespaced_deployment("producer", lab.namespace), by_kubectl, by_yaml)
print(last_line("producer", ": sent"))

# %% [markdown] covers="D4.6"
# ### base64, twice or with a line too many
#
# You know that a Secret holds base64, so you encode the value; and `kubectl` encodes it once more. Or you encode by
# hand, and with the value the end of the line that `echo` adds. What would the program get?

# %% magic_args="-s {TOKEN}" language="bash" covers="D4.6"
# show() { kubectl create secret generic trial "$@" --dry-run=client -o jsonpath='{.data.token}' | base64 -d | od -An -c; }
# echo "right:"; show --from-literal=token="$1"
# echo "twice:"; show --from-literal=token="$(echo -n "$1" | base64)"
# echo "with the end of a line:"; show --from-literal=token="$(echo "$1")"$'\n'

# %% [markdown]
# **What happened.** Each is a valid Secret, so nobody complains until a login fails. When it does, decode what is
# stored, **once**, and look at every character, as `od -c` shows them.
#
# | you give | to | encode it yourself? |
# |---|---|---|
# | plain text | `--from-literal`, `--from-file`, `stringData` | no |
# | base64 | `data` | yes: `echo -n VALUE`, then `base64` |

# %% [markdown] covers="T6.secret"
# ## 9. What a Secret protects, and what it does not
#
# **Misconception**: *a Secret is encrypted.* Anyone may undo base64; it has no key:

# %% [markdown] tags=["teaching"] minutes=4
# - **Ask** before etcd's files are searched: encrypted or not? Then the better question: what is it good for?
# - **Show**: the three `can-i` lines.

# %% language="bash" covers="T6.secret"
# kubectl get secret store -o jsonpath='{.data.token}' | base64 -d

# %% [markdown] covers="T6.secret"
# Perhaps it is encrypted where it is kept? Search etcd's own files. (On a cluster that the course did not start, they
# lie elsewhere, and none is searched here.)

# %% covers="T6.secret"
from pathlib import Path

etcd = next((part for part in lab.engine.status() if part.name == "etcd"), None)
folders = [word.partition("=")[2] for word in getattr(etcd, "argv", None) or () if word.startswith("--data-dir=")]
files = [path for folder in folders for path in Path(folder).rglob("*") if path.is_file()]
for path in files:
    print(path.name, "holds the token" if TOKEN.encode() in path.read_bytes() else "")

# %% [markdown] covers="T6.secret"
# **What happened.** There it is, in plain letters: a backup of etcd is a copy of all passwords. An administrator can
# have the API server encrypt Secrets before it stores them (*encryption at rest*); many managed clusters do, plain
# Kubernetes does not until told.
#
# What is it good for, then? For being a **different kind**: rights are given by kind. Kubernetes' own role `view` reads
# nearly everything in a namespace. Give it to a `reader`, and ask what that person may do:

# %% covers="T6.secret D4.6"
# !kubectl create rolebinding reader --clusterrole=view --user=reader --dry-run=client -o yaml | kubectl apply -f -
# !kubectl auth can-i get configmaps --as=reader
# !kubectl auth can-i get deployments --as=reader
# !kubectl auth can-i get secrets --as=reader

# %% [markdown] covers="T6.secret"
# So a password in a ConfigMap, or as a plain `value` in a Deployment, is open to everyone who may look. In a Secret it
# is not. And it stays out of sight elsewhere:

# %% covers="T6.secret"
# !kubectl describe pod -l app=producer | grep -A 1 Environment:
# !kubectl describe secret store | tail -n 1
# !kubectl exec deployment/store -- grep /etc/weather /proc/mounts

# %% [markdown] covers="T6.secret"
# The pod's description holds a name, not the value; `describe secret` counts bytes; and the mounted file lies in a
# `tmpfs`, in the node's memory, so it never comes to the node's disk.
#
# It does **not** protect from those who
#
# - may `exec` into the pod (next cell), or **create pods** in the namespace: a pod may mount any Secret there;
# - read what the program prints: an error report often lists the whole environment. So prefer files for passwords;
# - read your repository: a Secret's YAML in git is the password in git.

# %% covers="T6.secret"
# !kubectl exec deployment/producer -- env | grep TOKEN

# %% [markdown] covers="D4.6"
# A Secret has a `type`, which the server checks for the keys that it needs. `Opaque` (made by `generic`) means:
# anything.
#
# | `kubectl create secret` | `type` | keys | for |
# |---|---|---|---|
# | `generic` | `Opaque` | yours | passwords, tokens |
# | `docker-registry` | `kubernetes.io/dockerconfigjson` | `.dockerconfigjson` | pulling images (`imagePullSecrets`) |
# | `tls` | `kubernetes.io/tls` | `tls.crt`, `tls.key` | certificates |

# %% language="bash" covers="D4.6"
# kubectl create secret docker-registry pull --docker-server=registry.example --docker-username=me --docker-password=x \
#     --dry-run=server -o yaml | grep -E "type|json"

# %% covers="D4.6"
# !kubectl create secret generic half --type=kubernetes.io/tls --from-literal=tls.crt=x --dry-run=server

# %% [markdown]
# Two cells for the next exercise: an archive, that is a second store, with its own producer (`archivist`) and front
# (`gate`), all without settings. (About 5 s. Run them again to have them so.)

# %% setup="ex-05-2"
there = "--store=http://archive:8000"
run("store", "archive")
run("producer", "archivist", args=["producer", there])
run("front", "gate", args=["front", there])

# %% language="bash" setup="ex-05-2"
# kubectl create service nodeport archive --tcp=8000 --node-port=30052 --dry-run=client -o yaml | kubectl apply -f -
# kubectl create service nodeport gate --tcp=80:8080 --node-port=30053 --dry-run=client -o yaml | kubectl apply -f -

# %% [markdown] tags=["exercise"] exercise="ex-05-2"
# ### Exercise 2: close the archive
#
# Anyone may write to the archive, and its front has no page. **Goal**:
#
# 1. A Secret `archive` with a key `token`; you choose the value. `archive` reads it as a mounted **file**
#    (`/etc/weather/token`), `archivist` in whichever way you like.
# 2. A ConfigMap `gate` with a file `page.html` that holds `<h1>Archive</h1>` and `{count}`; `gate` shows it.
#
# **Constraint**: keep the three Deployments; the token's value stands in the Secret only. (`run` replaces the whole
# container: name `args` again.)
#
# **Done when** a POST to `localhost:30052/readings` without token gives 401, the archivist's readings still
# arrive, and `localhost:30053` shows your page.

# %% [markdown] tags=["teaching"] minutes=12 exercise="ex-05-2"
# - **Say**: Secret and ConfigMap first, then one Deployment at a time, with a look at the log after each.
# - **Mistakes**
#   - `run` without `args`, so the store is forgotten: *it asks http://store:8000*;
#   - the token by environment in the archive: *mounts the Secret at no path*;
#   - mounted at the file in place of the folder: *mounts the ConfigMap at /etc/weather/page.html*;
#   - `echo` without `-n`: *without spaces and ends of lines*;
#   - another key or file name: *a key token*, *its keys: index.html*.

# %% [markdown] tags=["hint"] exercise="ex-05-2"
# Make the Secret and the ConfigMap first, then change the Deployments one at a time; `kubectl logs
# deployment/archivist` tells whether the archive takes its readings. Sections 4 and 8 have all the pieces.

# %% [markdown] tags=["hint"] exercise="ex-05-2"
# `archive` and `gate` each need a volume and a mount at the folder `/etc/weather`, one of `secret`, one of `configMap`.
# `archivist` needs a variable `TOKEN`: `kubectl set env ... --from=secret/archive`.

# %% [markdown] tags=["hint"] exercise="ex-05-2"
# `run("store", "archive", volumes=[{"name": "token", "secret": {"secretName": "archive"}}], volumeMounts=[{"name":
# "token", "mountPath": "/etc/weather"}])`, and for `gate` the same with `"configMap": {"name": "gate"}` and
# `args=["front", there]`.

# %% tags=["answer"] exercise="ex-05-2"
### BEGIN SOLUTION
from kubernetes import utils

api = client.ApiClient()
word = {"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "archive"}, "stringData": {"token": "old-papers"}}
text = {"page.html": "<h1>Archive</h1><p>{count} readings</p>"}
gate_page = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "gate"}, "data": text}
for body in (word, gate_page):
    utils.create_from_dict(api, body, namespace=lab.namespace, apply=True)
mount = [{"name": "files", "mountPath": "/etc/weather"}]
run("store", "archive", volumes=[{"name": "files", "secret": {"secretName": "archive"}}], volumeMounts=mount)
token = {"name": "TOKEN", "valueFrom": {"secretKeyRef": {"name": "archive", "key": "token"}}}
run("producer", "archivist", args=["producer", there], env=[token])
page_volume = {"name": "files", "configMap": {"name": "gate"}}
run("front", "gate", args=["front", there], volumes=[page_volume], volumeMounts=mount)
### END SOLUTION

# %% tags=["check"]
lab.check("ex-05-2")

# %% [markdown]
# The last exercise starts from somebody else's work. Another team runs the store `tower`, which needs a token. A
# colleague has written the settings of a sensor for it, and the sensor's Deployment. (Run the three cells again to have
# the mess back.)

# %% language="bash" setup="ex-05-3"
# keep() { kubectl create "$@" --dry-run=client -o yaml | kubectl apply -f -; }
# kubectl delete configmap/sensor-name configmap/sensor-names configmap/sensor-files secret/sensor --ignore-not-found
# keep service nodeport tower --tcp=8000 --node-port=30054
# keep secret generic tower --from-literal=token=harbour-42
# keep configmap sensor-names --from-literal=STATION=north
# keep configmap sensor-files --from-literal=unit=fahrenheit
# keep secret generic sensor --from-literal=token=aGFyYm91ci00Mg==

# %% setup="ex-05-3"
secret_volume = {"name": "token", "secret": {"secretName": "tower"}}
run("store", "tower", volumes=[secret_volume], volumeMounts=[{"name": "token", "mountPath": "/etc/weather"}])

# %% magic_args="-s {IMAGE}" language="bash" setup="ex-05-3"
# kubectl replace --force -f - <<END
# apiVersion: apps/v1
# kind: Deployment
# metadata: {name: sensor}
# spec:
#   selector: {matchLabels: {app: sensor}}
#   template:
#     metadata: {labels: {app: sensor}}
#     spec:
#       volumes: [{name: files, configMap: {name: sensor-files}}]
#       containers: [{name: producer, image: "$1", args: [producer, "--store=http://tower:8000"],
#         env: [{name: TOKEN, valueFrom: {secretKeyRef: {name: sensor, key: TOKEN}}}],
#         envFrom: [{configMapRef: {name: sensor-name}}], volumeMounts: [{name: files, mountPath: /etc/wether}]}]
# END

# %% [markdown] tags=["exercise"] exercise="ex-05-3"
# ### Exercise 3: repair the sensor
#
# "The settings are all there. The sensor does not even start." **Goal**: the Deployment `sensor` sends readings to
# `tower`, as the station `north`, in fahrenheit.
#
# **Constraint**: leave `tower` and its Secret alone. Keep the Deployment `sensor`; station, unit and token stay in
# ConfigMaps and Secrets.
#
# **Done when** the sensor's log ends with a line such as `north: sent 68.4`. In celsius it would be between 15 and 25.
#
# There is more than one fault, and repairing one uncovers the next. Ask the cluster after each step.

# %% [markdown] tags=["teaching"] minutes=9 exercise="ex-05-3"
# - **Ask** half way: what does the log say now that it did not say before?
# - **Mistakes**
#   - the first fault repaired, and there they wait: *couldn't find key TOKEN*;
#   - the token decoded once only: *is in base64 twice*;
#   - the Secret repaired, the pod not restarted: *was changed after the pod had started*;
#   - it sends, and all go home: *which is celsius*. This fault makes no error; say so if somebody is "done".

# %% [markdown] tags=["hint"] exercise="ex-05-3"
# A pod that does not start tells why in its events: `kubectl describe pod -l app=sensor`. One that starts tells the
# rest in its log: `kubectl logs deployment/sensor`. And one fault is so quiet that only the numbers show it.

# %% [markdown] tags=["hint"] exercise="ex-05-3"
# Compare each name in the Deployment, letter by letter, with `kubectl get configmaps,secrets` and with their keys. For
# a 401: decode the sensor's token once, and look at it. For the unit: where do our programs look for files?

# %% [markdown] tags=["hint"] exercise="ex-05-3"
# The ConfigMap is `sensor-names`, the Secret's key is `token`, the folder is `/etc/weather`. The Secret was encoded
# twice: decode what it holds two times, and store that. A variable is a copy: after the Secret, `kubectl rollout
# restart`.

# %% tags=["answer"] exercise="ex-05-3"
### BEGIN SOLUTION
core.patch_namespaced_secret("sensor", lab.namespace, {"stringData": {"token": "harbour-42"}})
sensor = {
    "args": ["producer", "--store=http://tower:8000"],
    "env": [{"name": "TOKEN", "valueFrom": {"secretKeyRef": {"name": "sensor", "key": "token"}}}],
    "envFrom": [{"configMapRef": {"name": "sensor-names"}}],
    "volumeMounts": [{"name": "files", "mountPath": "/etc/weather"}],
}
run("producer", "sensor", volumes=[{"name": "files", "configMap": {"name": "sensor-files"}}], **sensor)
print(last_line("sensor", "sent"))
### END SOLUTION

# %% tags=["check"]
lab.check("ex-05-3")

# %% [markdown]
# ## Recap
#
# 1. **Settings stay out of the image**: one image, many places.
# 2. A **ConfigMap** maps keys to texts. `valueFrom` takes one as a variable, `envFrom` all of them.
# 3. `$(NAME)` puts a variable into **arguments**; an unknown name stays as it is.
# 4. A volume turns keys into **files** of a folder. The limit is 1 MiB.
# 5. **Updates** reach the files of a folder, within a minute or two; nothing else, and nothing restarts by itself.
# 6. A **missing** ConfigMap or key keeps a container from starting until it is there.
# 7. **Immutable**, with a version in the name: a change of settings becomes a rollout, with a way back.
# 8. A **Secret** holds base64 in `data`, takes plain text in `stringData`. Encode once.
# 9. It is **not encrypted**. It is a kind with rights of its own, kept out of descriptions and off the node's disk.
#
# | to do | `kubectl` |
# |---|---|
# | make settings | `create configmap NAME --from-literal=K=V --from-file=PATH` |
# | make a Secret | `create secret generic NAME --from-literal=K=V` |
# | use all keys as variables, in capitals | `set env deployment/D --from=configmap/NAME` (or `secret/NAME`) |
# | read a Secret | `get secret NAME -o jsonpath='{.data.K}'`, then `base64 -d` |
# | change one | `edit configmap NAME`, then `rollout restart deployment/D` |
# | find a field | `explain pod.spec.containers.envFrom` |

# %% [markdown] tags=["teaching"] minutes=2
# - **Ask**: which of the three ways follows a change? If one answer is wrong, show section 5's picture again.

# %% [markdown]
# **In practice**: environment for a few values, files for many and for passwords. Keep ConfigMaps in version control
# beside the Deployment; keep Secrets out of it (Sealed Secrets, SOPS, or an operator that fetches them from a vault).
# Mount with `optional: false`, the default: a pod that does not start is better than one that starts with the wrong
# settings. Let Kustomize or Helm put the hash into names.
#
# **Next**: the store's readings were gone each time it got a new pod. Lesson 06 gives it a volume that stays.
#
# ## Clean up

# %%
lab.cleanup()
