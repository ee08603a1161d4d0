# %% [markdown]
# # Extend Kubernetes
#
# The weather pipeline has grown: stations at the harbour, on the hill, on
# the roof. Each is a Deployment, and whoever adds one copies thirty lines
# of YAML. It would be nicer to say what you mean: *a station at the harbour,
# with two sensors*, and to have a cluster that knows what that is.
#
# *You will do*: teach the cluster a new kind of object, with rules of its
# own; bring old manifests to the versions of today; write an operator in
# Python that acts on the new kind, run it in a pod, and repair a bad
# release of one.
#
# *You will learn*
#
# 1. how to ask a cluster which kinds, groups and versions it serves;
# 2. how a CustomResourceDefinition adds a kind;
# 3. how its schema refuses, fills in and removes;
# 4. how API versions age, and how to follow them;
# 5. what a controller is, and how to write one;
# 6. which rights it needs in the cluster, and how to find what it lacks.
#
# *You need*: lessons 04 and 05, or to know Deployments, labels and images.
#
# *Time*: about 90 minutes, the three exercises included.

# %% [markdown] tags=["teaching"] minutes=3
# - **Before**: run the cells up to section 2 once on each machine, so that
#   the image is built.
# - **Cut**: the watch in section 3 and section 4's conversion. Keep section 5
#   and exercise 3.

# %% tags=["parameters"]
TIMEOUT = 60  # seconds to wait for anything

# %%
import docker
from kubernetes import client, config

from labs import open_lab
from labs.waiting import wait_for

lab = open_lab("16")
config.load_kube_config()
core, apps, custom = client.CoreV1Api(), client.AppsV1Api(), client.CustomObjectsApi()
extensions = client.ApiextensionsV1Api()
GROUP = f"{lab.namespace}.weather.example"  # an API group that nobody else uses

# %% [markdown] covers="D3.1 D4.1"
# ## 1. What the API server offers
#
# All that `kubectl` can do, the API server lists. Each line is a
# **resource**: the name that you type, its short name, the **group** and
# **version** that serve it, and the **kind** that a manifest says.

# %% [markdown] tags=["teaching"] minutes=7
# - **Ask**: where have you seen `apps/v1` and `v1` so far? Why does `v1` have
#   no group? (Pods, Services and the like are older than groups.)

# %% language="bash" covers="D3.1"
# kubectl api-resources | head -n 8
# kubectl api-resources --api-group=apps
# kubectl api-resources --namespaced=false | head -n 5

# %% language="bash" covers="D3.1"
# kubectl api-versions | head -n 12

# %% [markdown] covers="D3.1"
# **What happened.** A manifest's `apiVersion` is `GROUP/VERSION`; the oldest
# group has no name, so `v1` stands alone. Some groups serve two versions:
# `autoscaling/v1` and `autoscaling/v2` are two views of the same objects.
#
# **Exam tip.** `kubectl explain` is the one manual that always fits the
# cluster before you. A path goes down into the fields, `--recursive` shows
# all of them without words, `--api-version` chooses between two versions:

# %% language="bash" covers="D3.1"
# kubectl explain cronjob.spec.jobTemplate | head -n 8
# kubectl explain ingress.spec.rules.http.paths.backend --recursive
# kubectl explain hpa.spec.metrics --api-version=autoscaling/v1 || true

# %% [markdown]
# **Misconception**: "explain shows an example." It shows what is *allowed*.
# The last answer says so as well: version 1 has no field `metrics`.
#
# **Two minutes.** Which group serves the kind `PodDisruptionBudget`, what is
# its short name, and which of `minAvailable` and `maxUnavailable` may be a
# percentage? Ask the cluster, in a terminal (`labs shell 16` there) or here:

# %% language="bash"
# kubectl api-resources --api-group=policy

# %% [markdown] covers="D4.1"
# ## 2. A new kind
#
# A **CustomResourceDefinition** (CRD) is an object that says: *from now on
# there is this kind as well*. The API server then stores, lists, watches and
# protects it as any other, at once and without a restart.
#
# Four names belong to it: the group, the kind (`Station`, for manifests),
# the plural (`stations`, for addresses and `kubectl get`), and for your
# fingers a short one. The CRD's own name is always `PLURAL.GROUP`.
#
# A CRD lies in no namespace: it changes the whole cluster. So this lesson's
# group begins with your namespace, and two learners do not meet.

# %% [markdown] tags=["teaching"] minutes=8
# - **Draw** plural, group, version and name into one address:
#   `/apis/GROUP/v1/namespaces/NS/stations/harbour`.
# - **Ask**: who would have to agree to a new kind in a real cluster?

# %% magic_args="-s {GROUP}" language="bash" setup="ex-16-2 ex-16-3" covers="D4.1"
# kubectl apply -f - <<END
# apiVersion: apiextensions.k8s.io/v1
# kind: CustomResourceDefinition
# metadata: {name: stations.$1}
# spec:
#   group: $1
#   scope: Namespaced
#   names: {kind: Station, plural: stations, singular: station, shortNames: [stn], categories: [weather]}
#   versions:
#   - {name: v1, served: true, storage: true, schema: {openAPIV3Schema: {type: object, properties: {
#       spec: {type: object, properties: {place: {type: string}}}}}}}
# END
# kubectl wait crd stations.$1 --for=condition=Established --timeout=30s

# %% magic_args="-s {GROUP}" language="bash" covers="D4.1"
# kubectl api-resources --api-group=$1
# kubectl explain station.spec --api-version=$1/v1
# kubectl apply -f - <<END
# {apiVersion: $1/v1, kind: Station, metadata: {name: harbour}, spec: {place: Old Harbour}}
# END
# kubectl get stn
# kubectl describe station harbour | tail -n 5

# %% [markdown] covers="D4.1"
# **What happened.** `kubectl` had never heard of stations and knows all
# about them now, `explain` included. What you made is a **custom resource**.
# `stn` is quick. In a cluster where two groups have stations,
# `stations.GROUP` is the name that is always right. `kubectl get weather`
# lists all kinds of the *category* `weather`.
#
# The address is as for any other object. Python has no class for a kind that
# was made a minute ago, so it takes the parts one by one and gives
# dictionaries back:

# %% covers="D4.1"
PLACE = (GROUP, "v1", lab.namespace, "stations")
station = custom.get_namespaced_custom_object(*PLACE, "harbour")
print(station["metadata"]["uid"][:8], station["spec"])

# %% [markdown] covers="D4.1"
# The **dynamic client** asks the server first, as `kubectl` does, and then
# offers any kind as an object with `get`, `create`, `patch`, `delete`:

# %% covers="D4.1"
from kubernetes.dynamic import DynamicClient

stations = DynamicClient(client.ApiClient()).resources.get(api_version=f"{GROUP}/v1", kind="Station")
for item in stations.get(namespace=lab.namespace).items:
    print(item.kind, item.metadata.name, item.spec.place)

# %% [markdown] covers="D4.1"
# ## 3. Rules: what is refused, filled in, removed
#
# So far a station without a place is fine, and so is one with minus three
# sensors. The **schema** is where a kind says what it wants. It is checked
# when something is *stored*, so nobody downstream has to be careful:
#
# | in the schema | does |
# |---|---|
# | `type`, `enum`, `minimum`, `pattern` | refuses other values |
# | `required` | refuses what lacks the field |
# | `default` | fills the field in |
# | `x-kubernetes-validations` | refuses by a rule in CEL, with *your* message |
#
# **CEL** is a small language for conditions. `self` is the value to which the
# rule is attached, so a rule at `spec` can compare two fields, and `oldSelf`
# is what was there before.

# %% [markdown] tags=["teaching"] minutes=8
# - **Ask** before the refusals: which of these does the API server notice,
#   and which does `kubectl`?
# - **Show** the pruned field: the one fault that nobody reports.

# %% setup="ex-16-2 ex-16-3" covers="D4.1"
number = {"type": "integer", "minimum": 1}
unmoved = {"rule": "self == oldSelf", "message": "a station does not move"}
fields = {
    "place": {"type": "string", "minLength": 1, "x-kubernetes-validations": [unmoved]},
    "unit": {"type": "string", "enum": ["celsius", "fahrenheit"], "default": "celsius"},
    "sensors": {**number, "maximum": 5, "default": 1},
    "interval": {**number, "default": 5},
}
rule = {"rule": "self.sensors <= self.interval", "message": "one reading a second: sensors may not exceed interval"}
spec = {"type": "object", "required": ["place"], "properties": fields, "x-kubernetes-validations": [rule]}

# %% [markdown] covers="D4.1"
# Three more things belong to a good kind: **columns** for `kubectl get`, a
# **status** that is a resource of its own, and here `scale`, so that
# `kubectl scale` works:

# %% setup="ex-16-2 ex-16-3" covers="D4.1"
status = {"type": "object", "properties": {"ready": {"type": "integer"}}}
schema = {"type": "object", "required": ["spec"], "properties": {"spec": spec, "status": status}}
columns = [
    {"name": "Place", "type": "string", "jsonPath": ".spec.place"},
    {"name": "Sensors", "type": "integer", "jsonPath": ".spec.sensors"},
    {"name": "Ready", "type": "integer", "jsonPath": ".status.ready"},
]
scale = {"specReplicasPath": ".spec.sensors", "statusReplicasPath": ".status.ready"}
version = {"name": "v1", "served": True, "storage": True, "schema": {"openAPIV3Schema": schema}}
version |= {"additionalPrinterColumns": columns, "subresources": {"status": {}, "scale": scale}}

crd = extensions.patch_custom_resource_definition(f"stations.{GROUP}", {"spec": {"versions": [version]}})
print(crd.metadata.name, "has", len(columns), "columns")

# %% [markdown]
# The definition is taken into service within a second or so. Then: two
# stations that are fine, and four that are not.

# %% setup="ex-16-3"
wait_for(lambda: "status.ready" in str(extensions.read_custom_resource_definition(f"stations.{GROUP}").spec), TIMEOUT)
probe = {"apiVersion": f"{GROUP}/v1", "kind": "Station", "metadata": {"name": "probe"}, "spec": {"place": "Probe"}}


def knows_defaults():
    made = custom.create_namespaced_custom_object(GROUP, "v1", lab.namespace, "stations", probe, dry_run="All")
    return "unit" in made["spec"]


print("It knows its defaults:", wait_for(knows_defaults, TIMEOUT))

# %% magic_args="-s {GROUP}" language="bash" covers="D4.1"
# station() { echo "{apiVersion: $GROUP/v1, kind: Station, metadata: {name: $1}, spec: {$2}}" | kubectl apply -f - || true; }
# GROUP=$1
# station harbour "place: Old Harbour, sensors: 2"
# station hill "place: West Hill, unit: fahrenheit"
# station roof "unit: kelvin"
# station roof "place: Roof, sensors: 4, interval: 2"
# station harbour "place: New Harbour"
# station roof "place: Roof, sensor: 2"
# kubectl get stations

# %% [markdown] covers="D4.1"
# **What happened.** `kelvin` was refused twice over, by `enum` and by
# `required`. Two rules in CEL spoke in our own words. And the last one,
# `sensor` for `sensors`, was refused by the server because `kubectl` asks it
# to be strict about unknown fields.
#
# Not every client asks. Here is the same slip from Python:

# %% covers="D4.1"
slip = {**probe, "metadata": {"name": "roof"}, "spec": {"place": "Roof", "sensor": 2}}
made = custom.create_namespaced_custom_object(*PLACE, slip, dry_run="All")
print(made["spec"])

# %% [markdown] covers="D4.1"
# **What happened.** No error, and no `sensor`: a field that the schema does
# not know is **pruned**, dropped before the object is stored. The defaults
# are there, so it even looks healthy. (`field_validation="Strict"` makes
# Python as careful as `kubectl`.)
#
# The same happens when the *schema* has the slip. A property that stands one
# level too high, beside `spec` and not below its `properties`, is a field that
# no manifest will ever reach.
#
# Now the status. It belongs to the program that looks after the object; the
# spec belongs to you. Watch who can write what:

# %% language="bash" covers="D4.1"
# kubectl patch station harbour --type=merge -p '{"status": {"ready": 7}}'
# kubectl get station harbour -o jsonpath='status: {.status}{"\n"}'

# %% language="bash" covers="D4.1"
# kubectl patch station harbour --subresource=status --type=merge -p '{"status": {"ready": 2}, "spec": {"sensors": 5}}'
# kubectl get station harbour
# kubectl scale station harbour --replicas=3
# kubectl get station harbour

# %% [markdown] covers="D4.1"
# **What happened.** The first patch said `no change`, and the status stayed as it
# was: with the **status subresource**, a write to the object
# ignores `status`. The second went to `/status` and changed that *only*; the
# five sensors were ignored. So a user cannot claim to be ready, and a
# program cannot change what the user wants.
#
# Custom resources can be watched, too. A watch is one long answer: a line
# for each change. That is what all controllers live on. (What is there
# already comes first, as `ADDED`.)

# %% covers="D4.1"
import datetime

from kubernetes import watch

for change in watch.Watch().stream(custom.list_namespaced_custom_object, *PLACE, timeout_seconds=3):
    seen = change["object"]["metadata"]
    print(change["type"], seen["name"], seen.get("labels", ""))
    if (change["type"], seen["name"]) == ("ADDED", "hill"):
        now = datetime.datetime.now().strftime("%H-%M-%S")
        custom.patch_namespaced_custom_object(*PLACE, "hill", {"metadata": {"labels": {"seen-at": now}}})

# %% [markdown] tags=["exercise"] exercise="ex-16-1"
# ### Exercise 1: a kind of your own
#
# *Goal*: a CustomResourceDefinition `alarms` in your group (the CRD is called
# `alarms.lab-16.weather.example`) for the namespaced kind `Alarm`, short name
# `alm`, version `v1`. In its `spec`:
#
# - `station`, a text, and `above`, an integer; both are required;
# - `level`, one of `info`, `warning`, `page`; `warning` if nothing is said;
# - `below`, an integer that may be left out. If it is there, it must be
#   smaller than `above`; else the message says `below must be less than
#   above`.
#
# The `status`, with a boolean `firing`, is a subresource. `kubectl get alarms`
# has a column `ABOVE`.
#
# *Done when* `kubectl` takes right alarms, and refuses wrong ones in those
# words.

# %% [markdown] tags=["teaching"] minutes=11 exercise="ex-16-1"
# - **Mistakes**
#   - fields beside `properties`: *spec.station is dropped*;
#   - no subresource: *a status that is written apart*;
#   - `self.below < self.above` alone: *no such key: below*;
#   - a wrong jsonPath: *the column ABOVE shows*.

# %% [markdown] tags=["hint"] exercise="ex-16-1"
# `kubectl get crd stations.lab-16.weather.example -o yaml` is a model that
# works. What is different: names, fields, one column, one rule.

# %% [markdown] tags=["hint"] exercise="ex-16-1"
# A rule at the level of `spec` sees both numbers. In CEL, `has(self.below)`
# says whether a field is there, `!` is *not*, and `||` is *or*. `required`
# is a list beside `properties`.

# %% [markdown] tags=["hint"] exercise="ex-16-1"
# `x-kubernetes-validations: [{rule: "!has(self.below) || self.below <
# self.above", message: below must be less than above}]`, `subresources:
# {status: {}}`, `additionalPrinterColumns: [{name: Above, type: integer,
# jsonPath: .spec.above}]`.

# %% tags=["answer"] exercise="ex-16-1"
### BEGIN SOLUTION
order = {"rule": "!has(self.below) || self.below < self.above", "message": "below must be less than above"}
level = {"type": "string", "enum": ["info", "warning", "page"], "default": "warning"}
said = {"station": {"type": "string"}, "above": {"type": "integer"}, "below": {"type": "integer"}, "level": level}
wants = {"type": "object", "required": ["station", "above"], "properties": said, "x-kubernetes-validations": [order]}
states = {"type": "object", "properties": {"firing": {"type": "boolean"}}}
whole = {"type": "object", "required": ["spec"], "properties": {"spec": wants, "status": states}}
first = {"name": "v1", "served": True, "storage": True, "schema": {"openAPIV3Schema": whole}}
first["subresources"] = {"status": {}}
first["additionalPrinterColumns"] = [{"name": "Above", "type": "integer", "jsonPath": ".spec.above"}]
names = {"kind": "Alarm", "plural": "alarms", "singular": "alarm", "shortNames": ["alm"]}
definition = {"group": GROUP, "scope": "Namespaced", "names": names, "versions": [first]}
made = extensions.create_custom_resource_definition({"metadata": {"name": f"alarms.{GROUP}"}, "spec": definition})
### END SOLUTION

# %% tags=["check"]
lab.check("ex-16-1")

# %% [markdown] covers="D3.1"
# ## 4. How versions age
#
# APIs change. A version begins as `v1alpha1`, off by default and free to go;
# becomes `v1beta1`, and at last `v1`. The **deprecation policy** in two
# sentences: a stable version is not removed within the same major release of
# Kubernetes; a beta version is served for at least nine months or three releases after
# it was declared deprecated. Until then each request gets a **warning**, and
# afterwards an error.
#
# Manifests on the web are often older than that:

# %% [markdown] tags=["teaching"] minutes=9
# - **Ask**: the message says "no matches for kind". Is the kind gone? (No:
#   this group and version do not serve it.)
# - **Show** the second message: the version is right, the fields are not.

# %% language="bash" covers="D3.1"
# PATHS='paths: [{path: /, backend: {serviceName: front, servicePort: 80}}]'
# old() { echo "{apiVersion: $1, kind: $2, metadata: {name: old}, spec: {$3}}" | kubectl apply -f - --dry-run=server || true; }
# old batch/v1beta1 CronJob 'schedule: "@daily"'
# old policy/v1beta1 PodDisruptionBudget 'minAvailable: 1'
# old extensions/v1beta1 Ingress "rules: [{http: {$PATHS}}]"
# old networking.k8s.io/v1 Ingress "rules: [{http: {$PATHS}}]"

# %% [markdown] covers="D3.1"
# **What happened.** Three times nobody serves that group and version.
# ("Ensure CRDs are installed" is `kubectl`'s guess.) The fourth has the
# right version and the *fields of the old one*: a new version is often also
# a new shape. Work in this order:
#
# 1. `kubectl api-resources | grep -i KIND` says which group and version;
# 2. change `apiVersion`, then `kubectl apply --dry-run=server`;
# 3. `kubectl explain` the place that the error names.
#
# | old | now | what moved |
# |---|---|---|
# | `extensions/v1beta1` Ingress | `networking.k8s.io/v1` | `serviceName: a` is `service: {name: a}`; `pathType` is required |
# | `extensions/v1beta1` Deployment | `apps/v1` | `selector` is required |
# | `autoscaling/v2beta1` HorizontalPodAutoscaler | `autoscaling/v2` | numbers stand below `target` |
# | `batch/v1beta1` CronJob | `batch/v1` | nothing |
# | `policy/v1beta1` PodDisruptionBudget | `policy/v1` | nothing |
#
# (`kubectl convert`, a plugin of its own, rewrites files for versions that
# the cluster still serves. It is not installed here, nor in the exam.)

# %% [markdown] covers="D3.1 D4.1"
# To see the time *before* the removal, age a kind of your own. The stations
# get a second version, served and deprecated. Exactly one version is
# **stored**, whichever one was written:

# %% setup="ex-16-2" covers="D3.1 D4.1"
outlived = f"{GROUP}/v1alpha1 Station is deprecated; use {GROUP}/v1"
alpha = {**version, "name": "v1alpha1", "storage": False, "deprecated": True, "deprecationWarning": outlived}
crd = extensions.patch_custom_resource_definition(f"stations.{GROUP}", {"spec": {"versions": [version, alpha]}})
print([(v.name, "stored" if v.storage else "served") for v in crd.spec.versions], crd.spec.conversion.strategy)


def serves_alpha():
    group = next(g for g in client.ApisApi().get_api_versions().groups if g.name == GROUP)
    return any(v.version == "v1alpha1" for v in group.versions)


print("It serves v1alpha1:", wait_for(serves_alpha, TIMEOUT))

# %% magic_args="-s {GROUP}" language="bash" covers="D3.1 D4.1"
# OLD="{apiVersion: $1/v1alpha1, kind: Station, metadata: {name: roof}, spec: {place: Roof}}"
# echo "$OLD" | kubectl apply -f -
# kubectl get station roof -o jsonpath='{.apiVersion}{"\n"}'
# kubectl get stations.v1alpha1.$1 roof -o jsonpath='{.apiVersion}{"\n"}'
# kubectl get crd stations.$1 -o jsonpath='stored: {.status.storedVersions}{"\n"}'
# echo "$OLD" | kubectl apply -f - --warnings-as-errors || echo "so this ended with $?"

# %% [markdown] covers="D3.1"
# **What happened.** It worked, with a warning. The same object is then shown
# in either version: with the conversion `None`, only the `apiVersion` is
# written otherwise. (Versions of different shape need a webhook that
# converts.) With `--warnings-as-errors` the command still does its work, and
# ends with an error code: this is for scripts that check manifests.
#
# **Read warnings.** They are the only notice that you get before the version
# is gone.

# %% [markdown]
# A colleague has kept this file since 2019:

# %% setup="ex-16-2"
# %%writefile {lab.folder}/old.yaml
{apiVersion: extensions/v1beta1, kind: Deployment, metadata: {name: board}, spec: {replicas: 2,
  template: {metadata: {labels: {app: board}}, spec: {containers: [{name: board, image: "labs/web:1"}]}}}}
---
{apiVersion: extensions/v1beta1, kind: Ingress, metadata: {name: board}, spec: {rules: [
  {host: board.localhost, http: {paths: [{path: /today, backend: {serviceName: board, servicePort: 8080}}]}}]}}
---
{apiVersion: autoscaling/v2beta1, kind: HorizontalPodAutoscaler, metadata: {name: board}, spec: {
  scaleTargetRef: {apiVersion: extensions/v1beta1, kind: Deployment, name: board}, minReplicas: 2, maxReplicas: 4,
  metrics: [{type: Resource, resource: {name: cpu, targetAverageUtilization: 70}}]}}
---
{apiVersion: batch/v1beta1, kind: CronJob, metadata: {name: report}, spec: {schedule: "0 6 * * *", jobTemplate: {spec: {
  template: {spec: {restartPolicy: Never, containers: [{name: report, image: "labs/shell:1", command: [date]}]}}}}}}

# %% [markdown] tags=["exercise"] exercise="ex-16-2"
# ### Exercise 2: a file for today
#
# *Goal*: `current.yaml`, beside `old.yaml` in `lab.folder`, says the same in
# versions that this cluster serves, and is applied:
#
# - the Deployment `board`, two pods with the label `app: board`;
# - the Ingress `board`: at `board.localhost`, `/today` and all below it go to
#   the Service `board`, port 8080 (that Service is somebody else's work);
# - the HorizontalPodAutoscaler `board` for that Deployment: two to four pods,
#   70 percent of the CPU;
# - the CronJob `report`, every day at six;
# - one thing more: a Station `beach`, of the place `East Beach`.
#
# *Constraint*: no deprecated version. `kubectl apply --warnings-as-errors -f`
# of the file has nothing to complain of.

# %% [markdown] tags=["teaching"] minutes=11 exercise="ex-16-2"
# - **Mistakes**
#   - only the versions changed: *unknown field*;
#   - a Deployment without a selector: *spec.selector*;
#   - the target still `extensions/v1beta1`: *scaleTargetRef of apps/v1*;
#   - the Station of `v1alpha1`: *is deprecated*;
#   - the file right, and not applied: *a Deployment board in the namespace*.

# %% [markdown] tags=["hint"] exercise="ex-16-2"
# One object at a time: change `apiVersion`, ask `kubectl apply
# --dry-run=server -f current.yaml`, and let the message lead you.
# `print(lab.folder)` shows where the files are.

# %% [markdown] tags=["hint"] exercise="ex-16-2"
# The table in section 4 says what moved. `kubectl explain
# hpa.spec.metrics.resource.target` and `kubectl explain
# ingress.spec.rules.http.paths --recursive` show the new shape.

# %% [markdown] tags=["hint"] exercise="ex-16-2"
# `selector: {matchLabels: {app: board}}`; `{path: /today, pathType: Prefix,
# backend: {service: {name: board, port: {number: 8080}}}}`; `target: {type:
# Utilization, averageUtilization: 70}`, and `apiVersion: apps/v1` in
# `scaleTargetRef` as well.

# %% tags=["answer"] exercise="ex-16-2"
### BEGIN SOLUTION
import subprocess

text = (lab.folder / "old.yaml").read_text(encoding="utf-8")
for old, new in {
    "extensions/v1beta1, kind: Deployment": "apps/v1, kind: Deployment",
    "replicas: 2,\n  template": "replicas: 2, selector: {matchLabels: {app: board}},\n  template",
    "extensions/v1beta1, kind: Ingress": "networking.k8s.io/v1, kind: Ingress",
    "path: /today, ": "path: /today, pathType: Prefix, ",
    "serviceName: board, servicePort: 8080": "service: {name: board, port: {number: 8080}}",
    "targetAverageUtilization: 70": "target: {type: Utilization, averageUtilization: 70}",
    "beta1": "",
}.items():
    text = text.replace(old, new)
beach = f"{{apiVersion: {GROUP}/v1, kind: Station, metadata: {{name: beach}}, spec: {{place: East Beach}}}}"
(lab.folder / "current.yaml").write_text(f"{text}---\n{beach}\n", encoding="utf-8")
done = subprocess.run(["kubectl", "apply", "--warnings-as-errors", "-f", lab.folder / "current.yaml"], check=True)
### END SOLUTION

# %% tags=["check"]
lab.check("ex-16-2")

# %% [markdown] covers="D4.1"
# ## 5. A definition does nothing
#
# You have four stations. How many pods send readings? None: a CRD gives you
# *storage with rules*. What makes a Deployment do something is a
# **controller**, a program that watches Deployments and makes ReplicaSets.
# All controllers are the same loop:
#
# 1. **observe**: what is wanted, and what is there?
# 2. **compare**;
# 3. **act** on the difference, and write down what you found: the status.
#
# A controller for a custom kind, with the knowledge how to run one
# particular program, is called an **operator**. You write one now, in
# Python, with **kopf**, a library that does the watching and the repeating.

# %% [markdown] tags=["teaching"] minutes=10
# - **Ask**: what should happen when somebody deletes the Deployment? When
#   the operator was off while a station was made?
# - **Say**: it never asks "what happened?", always "what is missing?"

# %% [markdown] covers="D4.1"
# First, what a station *becomes*: a Deployment of producers. Its
# **ownerReferences** say whose it is. When the owner is deleted, the cluster
# removes what it owns; the operator has nothing to do with that.

# %% setup="ex-16-3"
folder = lab.folder / "operator"
folder.mkdir(exist_ok=True)

# %% setup="ex-16-3" covers="D4.1"
# %%writefile {folder}/child.py
def deployment(station, image):
    """What a station becomes: a Deployment of producers, one for each sensor."""
    name, spec, uid = station["metadata"]["name"], station["spec"], station["metadata"]["uid"]
    owner = {"apiVersion": station["apiVersion"], "kind": station["kind"], "name": name, "uid": uid, "controller": True}
    labels = {"station": name}
    env = {"STATION": name, "UNIT": spec["unit"], "INTERVAL": str(spec["interval"])}
    producer = {"name": "producer", "image": image, "args": ["producer"]}
    producer["env"] = [{"name": key, "value": value} for key, value in env.items()]
    template = {"metadata": {"labels": labels}, "spec": {"containers": [producer], "terminationGracePeriodSeconds": 1}}
    wanted = {"replicas": spec["sensors"], "selector": {"matchLabels": labels}, "template": template}
    metadata = {"name": f"station-{name}", "labels": labels, "ownerReferences": [owner]}
    return {"apiVersion": "apps/v1", "kind": "Deployment", "metadata": metadata, "spec": wanted}

# %% [markdown]
# Second, how it speaks to the API server. That is HTTP with JSON, and any
# language can do it. In a pod, kopf finds the ServiceAccount's token;
# here, your kubeconfig. (An operator may also use the client that you know;
# this one stays small.)

# %% setup="ex-16-3"
# %%writefile {folder}/api.py
import json, kopf, urllib.error, urllib.request as web

@kopf.on.login()
def log_in(**more):
    return kopf.login_with_service_account(**more) or kopf.login_with_kubeconfig(**more)

def call(method, path, body=None, kind="application/apply-patch+yaml"):
    login = log_in(settings=kopf.OperatorSettings())
    opener = web.build_opener(web.ProxyHandler({}), web.HTTPSHandler(context=login.as_ssl_context()))
    headers = {**login.as_http_headers(), "Content-Type": kind}
    try:
        return json.load(opener.open(web.Request(login.server + path, json.dumps(body).encode(), headers, method=method), timeout=10))
    except urllib.error.HTTPError as error:
        said = json.load(error)["message"]
        raise LookupError(said) if error.code == 404 else kopf.TemporaryError(said, delay=3)

# %% [markdown] covers="D4.1"
# Third, the operator itself. `make` is called for each station that there is
# when it starts, for each new one and each change. Its request is a
# **server-side apply**: *let it be so*, whether the Deployment is there or
# not. Doing it twice does no harm, and that is what makes a controller
# robust. `look` is called whenever something happens to such a Deployment:

# %% setup="ex-16-3" covers="D4.1"
# %%writefile {folder}/keeping.py
import os, api, child, kopf
GROUP, IMAGE = os.environ["GROUP"], os.environ["IMAGE"]

@kopf.on.startup()
def set_up(settings, **_):
    settings.peering.standalone = settings.scanning.disabled = True
    settings.posting.enabled = False
    settings.persistence.progress_storage = kopf.AnnotationsProgressStorage()

@kopf.on.resume(GROUP, "v1", "stations")
@kopf.on.create(GROUP, "v1", "stations")
@kopf.on.update(GROUP, "v1", "stations")
def make(body, namespace, **_):
    path = f"/apis/apps/v1/namespaces/{namespace}/deployments/station-{body['metadata']['name']}"
    api.call("PATCH", path + "?fieldManager=station-operator&force=true", child.deployment(body, IMAGE))

# %% setup="ex-16-3" covers="D4.1"
# %%writefile {folder}/main.py
import api, kopf
from keeping import GROUP, make

@kopf.on.event("apps", "v1", "deployments", labels={"station": kopf.PRESENT})
def look(type, body, namespace, **_):
    path = f"/apis/{GROUP}/v1/namespaces/{namespace}/stations/{body['metadata']['labels']['station']}"
    try:
        if type == "DELETED":
            make(api.call("GET", path), namespace)
        status = {"ready": body.get("status", {}).get("readyReplicas", 0)}
        api.call("PATCH", path + "/status", {"status": status}, "application/merge-patch+json")
    except LookupError:
        pass  # the station is gone, so nobody wants its Deployment back

# %% [markdown]
# It needs the image of the pipeline, which the stations will run, and a store that takes their readings:

# %% setup="ex-16-3"
docker.from_env().images.build(path=str(lab.project), tag="weather:1", rm=True, labels=lab.labels)
IMAGE = lab.load_image("weather:1")

# %% magic_args="-s {IMAGE}" language="bash"
# kubectl run store --image=$1 --port=8000 --expose --dry-run=client -o yaml -- store | kubectl apply -f -

# %% [markdown] covers="D4.1"
# An operator is a program like any other, so it may run right here, in a
# thread of this notebook. (What a thread says goes to a file. Else it would
# land below whatever cell runs at the time.)

# %% covers="D4.1"
import asyncio
import logging
import os
import runpy
import sys
import threading

import kopf

sys.path.insert(0, str(folder))
os.environ.update(GROUP=GROUP, IMAGE=IMAGE)
log = logging.getLogger("kopf")
log.propagate, log.handlers[:] = False, [logging.FileHandler(folder / "log", "w")]
log.setLevel("INFO")

# %% covers="D4.1"
globals().get("stop", threading.Event()).set()  # one that runs already, if this cell is run again
ready, stop = threading.Event(), threading.Event()
kopf.set_default_registry(kopf.OperatorRegistry())  # forget the handlers of an earlier run
for name in ("api", "child", "keeping"):
    sys.modules.pop(name, None)
runpy.run_path(str(folder / "main.py"))
work = kopf.operator(namespaces=[lab.namespace], ready_flag=ready, stop_flag=stop)
threading.Thread(target=asyncio.run, args=[work], daemon=True).start()
print("It runs:", ready.wait(TIMEOUT))


# %% covers="D4.1"
def names(items):
    return sorted(item.metadata.name for item in items)


def children():
    return names(apps.list_namespaced_deployment(lab.namespace, label_selector="station").items)


wait_for(lambda: len(children()) == len(stations.get(namespace=lab.namespace).items), TIMEOUT)
print(children())

# %% language="bash" covers="D4.1"
# kubectl wait deployments -l station --for=condition=Available --timeout=60s
# kubectl get stations,deployments

# %% [markdown] covers="D4.1"
# **What happened.** Nobody told the operator about the stations of sections 3
# and 4. It *listed* them when it began (`on.resume`), and made what was
# missing. The column `READY` has numbers now: `look` writes the status.
#
# Now the three things that a controller is good for. It **heals**:

# %% language="bash" covers="D4.1"
# kubectl delete deployment station-harbour
# kubectl wait deployment station-harbour --for=create --timeout=30s
# kubectl get deployment station-harbour

# %% [markdown] covers="D4.1"
# It **follows** what you want, and it **cleans up**: of the Deployment nobody
# says that it should go, except its `ownerReferences`.

# %% language="bash" covers="D4.1"
# kubectl scale station harbour --replicas=1
# kubectl wait deployment station-harbour --for=jsonpath='{.spec.replicas}'=1 --timeout=30s
# kubectl get deployment station-harbour -o jsonpath='{.metadata.ownerReferences[0].kind} {.metadata.ownerReferences[0].name}{"\n"}'

# %% language="bash" covers="D4.1"
# kubectl delete station hill
# kubectl wait deployment station-hill --for=delete --timeout=30s && echo "the Deployment is gone, too"
# kubectl logs deployment/station-roof --tail=2

# %% covers="D4.1"
print("\n".join((folder / "log").read_text(encoding="utf-8").splitlines()[:4]), "\n...")

# %% [markdown]
# **Two minutes.** Make a station `cliff` that measures in Fahrenheit, by
# `kubectl` and a manifest of four lines, and look at the last line of its
# producer's log: a number above 50. Then delete the station. This is what
# you have at the moment:

# %% language="bash"
# kubectl get stations

# %% [markdown] covers="D4.1"
# **Misconception**: "an operator must be there when an object is deleted." It
# may ask for that, with a **finalizer**: a name in the object's `metadata`
# that keeps it until the operator takes the name away. If the operator is
# gone, such an object *hangs* in deletion, and its namespace with it. This
# operator has none: owner references are enough. Stop it here, for it
# is going to move:

# %% setup="ex-16-3" covers="D4.1"
import threading

globals().get("stop", threading.Event()).set()

# %% [markdown] covers="D4.1"
# ## 6. The operator moves into the cluster
#
# In your notebook it ends with your notebook, and it may do whatever *you*
# may. In a pod it is always there, with an account of its own.
#
# First an image. `pip install kopf` in a Dockerfile would need the network at
# each build. So here the build gets what is installed already: kopf, what
# kopf needs, and what that needs. Only `.py` files are copied: the
# libraries have faster parts in machine code, and do without.

# %% [markdown] tags=["teaching"] minutes=7
# - **Ask** before the Role: which calls does the operator make? List them;
#   each is a rule.
# - **Say**: 403 in an operator's log is the first thing to look for.

# %% setup="ex-16-3"
from importlib import metadata

from packaging.requirements import Requirement


def needed(name, found):
    """A package, and all that it needs, also on an older Python."""
    if name not in found:
        found.add(name)
        for part in map(Requirement, metadata.requires(name) or []):
            if part.marker is None or part.marker.evaluate({"python_version": "3.11", "extra": ""}):
                needed(part.name.lower().replace("_", "-"), found)
    return found


packages = needed("kopf", set())
print(*sorted(packages))

# %% setup="ex-16-3"
import shutil

for package in packages:
    for file in metadata.files(package):
        if file.suffix == ".py" and ".." not in file.parts:
            target = folder / "lib" / file
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(file.locate(), target)

# %% setup="ex-16-3"
# %%writefile {folder}/Dockerfile
FROM labs/python:3
COPY lib /lib/operator
COPY *.py /app/
RUN chmod -R a+rX /lib/operator /app
ENV PYTHONPATH=/lib/operator LOGNAME=operator
USER 1000
WORKDIR /app
ENTRYPOINT ["python3", "-m", "kopf", "run", "main.py"]

# %% setup="ex-16-3"
image, _ = docker.from_env().images.build(path=str(folder), tag="operator:1", rm=True, labels=lab.labels)
OPERATOR = lab.load_image("operator:1")
print(image.attrs["Size"] // 10**6, "MB")

# %% [markdown] covers="D4.1"
# Then an account and a Deployment. One pod is enough, and two at a time would
# work against each other: `Recreate` ends the old one first.

# %% magic_args="-s {GROUP} {IMAGE} {OPERATOR} {lab.namespace}" language="bash" covers="D4.1"
# kubectl create serviceaccount station-operator --dry-run=client -o yaml | kubectl apply -f -
# kubectl apply -f - <<END
# apiVersion: apps/v1
# kind: Deployment
# metadata: {name: station-operator}
# spec:
#   strategy: {type: Recreate}
#   selector: {matchLabels: {app: station-operator}}
#   template:
#     metadata: {labels: {app: station-operator}}
#     spec: {serviceAccountName: station-operator, terminationGracePeriodSeconds: 2, containers: [{name: operator, image: "$3",
#       args: [--namespace=$4], env: [{name: GROUP, value: $1}, {name: IMAGE, value: "$2"}]}]}
# END
# kubectl rollout status deployment station-operator --timeout=60s

# %% covers="D4.1"
def says(text):
    pods = core.list_namespaced_pod(lab.namespace, label_selector="app=station-operator").items
    logs = [core.read_namespaced_pod_log(pod.metadata.name, lab.namespace) for pod in pods if pod.status.phase == "Running"]
    return [line for line in "\n".join(logs).splitlines() if text in line]


print(wait_for(lambda: says("forbidden"), TIMEOUT)[0].partition("-> ")[2][:190])

# %% [markdown] covers="D4.1"
# **What happened.** The pod is `Running`, and nothing works. A ServiceAccount
# may do nothing until a **Role** says so. The log gives all that you need:
# *who* (`system:serviceaccount:lab-16:station-operator`) may not do *what*
# (`list`) to *which resource* in *which API group*. A Role is a list of such
# sentences, a RoleBinding gives it to somebody:

# %% magic_args="-s {GROUP} {lab.namespace}" language="bash" covers="D4.1"
# kubectl apply -f - <<END
# apiVersion: rbac.authorization.k8s.io/v1
# kind: Role
# metadata: {name: station-operator}
# rules:
# - {apiGroups: [$1], resources: [stations], verbs: [get, list, watch, patch]}
# - {apiGroups: [$1], resources: [stations/status], verbs: [patch]}
# - {apiGroups: [apps], resources: [deployments], verbs: [get, list, watch, create, patch]}
# END
# kubectl create rolebinding station-operator --role=station-operator --serviceaccount=$2:station-operator \
#   --dry-run=client -o yaml | kubectl apply -f -
# kubectl auth can-i patch stations.$1 --subresource=status --as=system:serviceaccount:$2:station-operator
# kubectl rollout restart deployment station-operator
# kubectl rollout status deployment station-operator --timeout=60s

# %% magic_args="-s {GROUP}" language="bash" covers="D4.1"
# kubectl delete deployment station-harbour
# kubectl wait deployment station-harbour --for=create --timeout=30s
# kubectl get stations,deployments

# %% [markdown] covers="D4.1"
# **What happened.** It heals as before, and now it goes on when your laptop is
# closed. `stations/status` is a resource of its own in rules, too. A server-side
# apply of something new needs `patch` *and* `create`.
#
# (Those rights hold in one namespace. An operator for all of them needs a
# ClusterRole. Many operators on the market come with rights to everything;
# read them before you install one.)

# %% [markdown]
# Last, a colleague's work. In release 2, each reading names the station's
# *place*. This is the one file that they have changed:

# %% setup="ex-16-3"
release = lab.folder / "release2"
release.mkdir(exist_ok=True)
dockerfile = "FROM operator:1\nUSER 0\nCOPY child.py /app/\nRUN chmod a+r /app/*\nUSER 1000\n"
written = (release / "Dockerfile").write_text(dockerfile)

# %% setup="ex-16-3"
# %%writefile {release}/child.py
def deployment(station, image):
    """What a station becomes, release 2: its readings name its place."""
    name, spec = station["metadata"]["name"], station["spec"]
    labels = {"station": name}
    env = {"STATION": spec["place"], "UNIT": spec["unit"], "INTERVAL": str(spec["interval"])}
    producer = {"name": "producer", "image": image, "args": ["producer"]}
    producer["env"] = [{"name": key, "value": value} for key, value in env.items()]
    template = {"metadata": {"labels": labels}, "spec": {"containers": [producer], "terminationGracePeriodSeconds": 1}}
    wanted = {"replicas": spec.get("sensor", 1), "selector": {"matchLabels": labels}, "template": template}
    metadata = {"name": f"station-{name}", "labels": labels}
    return {"apiVersion": "apps/v1", "kind": "Deployment", "metadata": metadata, "spec": wanted}

# %% setup="ex-16-3"
docker.from_env().images.build(path=str(release), tag="operator:2", rm=True, labels=lab.labels)
OPERATOR = lab.load_image("operator:2")

# %% magic_args="-s {GROUP} {IMAGE} {OPERATOR} {lab.namespace}" language="bash" setup="ex-16-3"
# kubectl delete stations.$1 --all && kubectl delete deployments -l station
# kubectl apply -f - <<END
# {apiVersion: v1, kind: List, items: [
# {apiVersion: v1, kind: ServiceAccount, metadata: {name: station-operator}},
# {apiVersion: rbac.authorization.k8s.io/v1, kind: Role, metadata: {name: station-operator}, rules: [
#   {apiGroups: [$1], resources: [stations, stations/status], verbs: [get, list, watch, patch]},
#   {apiGroups: [apps], resources: [deployments], verbs: [get, list, watch, create]}]},
# {apiVersion: apps/v1, kind: Deployment, metadata: {name: station-operator}, spec: {strategy: {type: Recreate},
#   selector: {matchLabels: {app: station-operator}}, template: {metadata: {labels: {app: station-operator}},
#   spec: {serviceAccountName: station-operator, terminationGracePeriodSeconds: 2, containers: [{name: operator, image: "$3", args: [--namespace=$4],
#   env: [{name: GROUP, value: $1}, {name: IMAGE, value: "$2"}]}]}}}},
# {apiVersion: $1/v1, kind: Station, metadata: {name: harbour}, spec: {place: Old Harbour, sensors: 2}}]}
# END
# kubectl create rolebinding station-operator --role=station-operator --serviceaccount=$4:station-operator -o yaml --dry-run=client | kubectl apply -f -

# %% [markdown] tags=["exercise"] exercise="ex-16-3"
# ### Exercise 3: repair the release
#
# "It runs, and the harbour has no Deployment." *Goal*: the Deployment
# `station-operator` runs a repaired release 2. For *each* Station there is
# then a Deployment `station-NAME`, with as many pods as the station has
# `sensors`. Its variable `STATION` is the station's place, `UNIT` and
# `INTERVAL` are as the station says. It follows changes, comes back when it
# is deleted, and goes when the station goes. `kubectl get stations` shows how
# many are ready.
#
# *Constraint*: the operator gets the rights that it lacks, and no more: it
# reads no Secrets and makes no pods. The definition of the kind stays.
#
# *Done when* a station that you make, change and delete gets all that.
#
# There are three faults, one in the cluster and two in
# `release2/child.py` (in `lab.folder`). Build the image under a new tag. The
# last fault makes no noise.

# %% [markdown] tags=["teaching"] minutes=14 exercise="ex-16-3"
# - **Ask** whoever is stuck: is the operator silent, does it complain, or
#   does it do the wrong thing?
# - **Mistakes**
#   - `cluster-admin`: *may read Secrets*;
#   - back to release 1: *STATION is probe*;
#   - image built and not loaded or set: *its log says*;
#   - the field `sensor` still read: *1 of 2 replicas*;
#   - it works, and all go home: *is still there after its station*.

# %% [markdown] tags=["hint"] exercise="ex-16-3"
# `kubectl logs deployment/station-operator --tail=3` has the first fault.
# For the others make a station with two sensors, look at its Deployment,
# then delete the station, and look again.

# %% [markdown] tags=["hint"] exercise="ex-16-3"
# Which verb does the Role not have (`kubectl edit role station-operator`)?
# What is the field called in the schema (`kubectl explain station.spec`)?
# Compare `release2/child.py` with `operator/child.py`: what says whose the
# Deployment is?

# %% [markdown] tags=["hint"] exercise="ex-16-3"
# Role: `patch` for `deployments`. In `child.py`: `spec["sensors"]`, and in
# `metadata` the `ownerReferences` with `apiVersion`, `kind`, `name`, `uid` of
# the station. Then build `operator:3`, `lab.load_image("operator:3")`, and
# `kubectl set image deployment/station-operator operator=operator:3`.

# %% tags=["answer"] exercise="ex-16-3"
### BEGIN SOLUTION
right = [{"op": "add", "path": "/rules/1/verbs/-", "value": "patch"}]
role = client.RbacAuthorizationV1Api().patch_namespaced_role("station-operator", lab.namespace, right)

text = (release / "child.py").read_text(encoding="utf-8")
text = text.replace('spec.get("sensor", 1)', 'spec["sensors"]')
owner = '{key: station[key] for key in ("apiVersion", "kind")} | {"name": name, "uid": station["metadata"]["uid"]}'
text = text.replace('"labels": labels}\n    return', f'"labels": labels, "ownerReferences": [{owner}]}}\n    return')
(release / "child.py").write_text(text, encoding="utf-8")

docker.from_env().images.build(path=str(release), tag="operator:3", rm=True, labels=lab.labels)
container = {"name": "operator", "image": lab.load_image("operator:3")}
change = {"spec": {"template": {"spec": {"containers": [container]}}}}
changed = apps.patch_namespaced_deployment("station-operator", lab.namespace, change)
### END SOLUTION

# %% tags=["check"]
lab.check("ex-16-3")

# %% [markdown]
# ## Recap
#
# 1. `api-resources`, `api-versions`, `explain`: the cluster says what it
#    serves. `apiVersion` is group and version.
# 2. A **CRD**, called `PLURAL.GROUP`, adds a kind: storage, addresses,
#    `kubectl`, watches.
# 3. Its **schema** refuses, fills in, and drops what it does not know. The
#    status subresource keeps what is wanted and what is apart.
# 4. Versions are **deprecated** first, with warnings, then removed. A new
#    version may be a new shape: `explain`, then `--dry-run=server`.
# 5. A **controller** observes, compares, acts, again and again. Owner
#    references clean up after it.
# 6. In the cluster it is a Deployment with a **ServiceAccount** and a Role.
#    403 in its log says which rule is missing.
#
# | to do | `kubectl` |
# |---|---|
# | find a kind | `api-resources --api-group=GROUP` |
# | its fields | `explain KIND.spec --recursive --api-version=GROUP/VERSION` |
# | all definitions | `get crds` |
# | a manifest, tried | `apply --dry-run=server --warnings-as-errors -f FILE` |
# | may it? | `auth can-i VERB RESOURCE --as=system:serviceaccount:NS:NAME` |

# %% [markdown] tags=["teaching"] minutes=2
# - **Ask**: a custom resource was made, and nothing happens. What are the
#   three places that you look at?

# %% [markdown]
# **In practice**: look for an existing operator before you write one;
# databases, certificates and backups have good ones. Keep a kind small, and
# give it a schema from the first day: what was stored once must be read for
# years. Write the status, for it is all that users see.
#
# **Next**: the course page says which lesson comes next for you; lesson 08
# has the plan for the exam.
#
# ## Clean up
#
# Definitions lie in no namespace. Those of this lesson's group go with it,
# since the group's name begins with the namespace's; elsewhere
# `kubectl delete crd NAME` removes a definition, **and all objects of its
# kind** in all namespaces.

# %%
globals().get("stop", threading.Event()).set()
lab.cleanup()
