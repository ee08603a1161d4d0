# %% [markdown] facts="shared-cluster binder"
# # Roll out Deployments
#
# The pipeline's front runs in the cluster. Now a new version comes out, in the middle of the day, and nobody must notice.
#
# *You will do*: keep three copies of the front alive, take them from version 1 to version 2 and back while they serve,
# free a release that hangs, and try a version on a quarter of the requests.
#
# *You will learn*
#
# 1. how a ReplicationController keeps a number true;
# 2. what a ReplicaSet adds, and what it leaves undone;
# 3. what a Deployment owns, and what it does not;
# 4. how a rolling update goes, and the two numbers that steer it;
# 5. where revisions are kept, and what a rollback does;
# 6. how to make several changes one release;
# 7. what a hanging rollout does to those who use it;
# 8. how to switch all users at once (blue/green);
# 9. how to try a version on a few of them (canary).
#
# *You need*: lesson 03, or to know what a pod, a label and a control loop are.
#
# *Time*: about 60 minutes, the three exercises included.
#
# `labs/web:1` and `labs/web:2` are small web servers that tell their version at `/version`. Here they stand in for every
# part of the pipeline: what counts in this lesson is how a version gets out, not what it does. Cells build on each other;
# if you lost your way, `lab.reset()`, then run from the top.

# %% [markdown] tags=["teaching"] minutes=2
# - **Before**: open `localhost:30040/version` in a browser tab, for section 4.
# - **Cut**: section 1 to its first demonstration, the dry runs in three ways (say once that they agree), section 9.
#   Keep sections 4 and 7, and exercises 1 and 3.

# %% tags=["parameters"]
NODE_PORT = 30040  # where the front answers on localhost
REQUESTS = 40  # how many requests to count
TIMEOUT = 120  # seconds to wait for anything

# %%
from collections import Counter

from kubernetes import client, config

from labs import open_lab, views
from labs.waiting import wait_for, wait_for_http, wait_for_pods, wait_for_rollout, wait_gone

lab = open_lab("04")
config.load_kube_config()
apps, core = client.AppsV1Api(), client.CoreV1Api()


# %% [markdown] covers="T5.history"
# ## 1. ReplicationController: a number kept true
#
# A pod that is deleted, or whose node dies, is gone: nobody makes it again. Yet the front must always answer.
#
# So do not ask for *a pod*. Ask for a **number** of pods and give a **template** to make them from; a control loop does
# the rest. That was the first of Kubernetes' answers, in 2014: the ReplicationController. It counts the pods its
# selector matches. Too few: it makes some. Too many: it deletes some. That is all it does.
#
# The template stays the same through this whole lesson, so it gets a function.


# %% [markdown] tags=["teaching"] minutes=3
# - **Ask** before the pod is deleted: same name afterwards, or another? Same address?


# %% setup="ex-04-1 ex-04-2"
def pod_template(image, **labels):
    container = client.V1Container(name="web", image=image)
    metadata = client.V1ObjectMeta(labels=labels)
    return client.V1PodTemplateSpec(metadata=metadata, spec=client.V1PodSpec(containers=[container]))


# %% covers="T5.history"
controller = client.V1ReplicationController(
    metadata=client.V1ObjectMeta(name="front"),
    spec=client.V1ReplicationControllerSpec(
        replicas=3, selector={"app": "front"}, template=pod_template("labs/web:1", app="front")
    ),
)
core.create_namespaced_replication_controller(lab.namespace, controller)
for pod in wait_for_pods(core, lab.namespace, "app=front", 3, TIMEOUT):
    print(pod.metadata.name, pod.status.phase)

# %% [markdown]
# In YAML the same reads as below. `--dry-run=server` asks the API server what it *would* store, and stores nothing;
# `replace`, because the object exists already. `--out by_yaml` keeps what the cell prints, for `lab.same` to compare. `kubectl` has no generator for this kind any more:
# a sign of its age.

# %% magic_args="--out by_yaml" language="bash"
# kubectl replace --dry-run=server -o yaml -f - <<END
# apiVersion: v1
# kind: ReplicationController
# metadata: {name: front}
# spec:
#   replicas: 3
#   selector: {app: front}
#   template:
#     metadata: {labels: {app: front}}
#     spec:
#       containers:
#       - {name: web, image: "labs/web:1"}
# END

# %%
lab.same(Python=core.read_namespaced_replication_controller("front", lab.namespace), YAML=by_yaml)

# %% [markdown]
# Now delete one pod, as a dying node would, and see who is there a moment later. (`kubectl delete pod NAME` sends the
# same request.)

# %% covers="T5.history"
before = {pod.metadata.name for pod in wait_for_pods(core, lab.namespace, "app=front", 3, TIMEOUT)}
victim = min(before)
core.delete_namespaced_pod(victim, lab.namespace)
after = {pod.metadata.name for pod in wait_for_pods(core, lab.namespace, "app=front", 3, TIMEOUT)}
print("deleted:  ", victim)
print("made again:", *(after - before))
print("untouched:", *sorted(after & before))


# %% [markdown] covers="T5.history"
# **What happened.** No pod was "restarted". The loop counted two, wanted three, and made one from the template: new name,
# new address. The other two never noticed.
#
# ## 2. ReplicaSet: the same loop, a better selector
#
# A ReplicationController can only ask for `app` *equal to* `front`. Soon people wanted "`app` is one of these", "`tier`
# exists". The ReplicaSet is the same loop with such a selector.
#
# The selector matters more than it seems: by it alone the loop finds pods, and one that it finds without an owner, it
# adopts. Prove it: delete the controller but keep its pods (`kubectl delete rc front --cascade=orphan`), then let a ReplicaSet find them.
# In the lists below, `(ending)` marks a pod that was deleted and has up to 30 s to stop; it no longer counts.


# %% [markdown] tags=["teaching"] minutes=4
# - **Ask** at *What do you expect of the three running pods?*: vote between "all new", "one by one", "nothing".
#   Few vote for "nothing", and that is it.
# - **Show**: the list of owners after the adoption: same pods, another owner.


# %%
def show_pods(selector):
    for pod in core.list_namespaced_pod(lab.namespace, label_selector=selector).items:
        owners = [f"{owner.kind} {owner.name}" for owner in pod.metadata.owner_references or []]
        ending = " (ending)" if pod.metadata.deletion_timestamp else ""
        print(pod.metadata.name, pod.spec.containers[0].image, "owned by", *(owners or ["nobody"]), ending)


# %%
core.delete_namespaced_replication_controller("front", lab.namespace, propagation_policy="Orphan")
wait_gone(lambda: core.read_namespaced_replication_controller("front", lab.namespace), TIMEOUT)
show_pods("app=front")

# %% covers="T5.history"
either = client.V1LabelSelectorRequirement(key="app", operator="In", values=["front", "entrance"])
replica_set = client.V1ReplicaSet(
    metadata=client.V1ObjectMeta(name="front"),
    spec=client.V1ReplicaSetSpec(
        replicas=3,
        selector=client.V1LabelSelector(match_expressions=[either]),
        template=pod_template("labs/web:1", app="front"),
    ),
)
apps.create_namespaced_replica_set(lab.namespace, replica_set)
wait_for(lambda: apps.read_namespaced_replica_set("front", lab.namespace).status.ready_replicas == 3, TIMEOUT)
show_pods("app=front")

# %% [markdown]
# The same three pods, same names: the ReplicaSet *adopted* them and made none. In YAML:

# %% magic_args="--out by_yaml" language="bash"
# kubectl replace --dry-run=server -o yaml -f - <<END
# apiVersion: apps/v1
# kind: ReplicaSet
# metadata: {name: front}
# spec:
#   replicas: 3
#   selector:
#     matchExpressions:
#     - {key: app, operator: In, values: [front, entrance]}
#   template:
#     metadata: {labels: {app: front}}
#     spec: {containers: [{name: web, image: "labs/web:1"}]}
# END

# %%
lab.same(Python=apps.read_namespaced_replica_set("front", lab.namespace), YAML=by_yaml)


# %% [markdown] covers="T5.history"
# ### What a ReplicaSet leaves undone
#
# Version 2 is out. Change the image in the template, and wait until the controller has *seen* the change
# (`observedGeneration` catches up). What do you expect of the three running pods?


# %% setup="ex-04-1 ex-04-3"
def new_image(image):
    return {"spec": {"template": {"spec": {"containers": [{"name": "web", "image": image}]}}}}


# %% covers="T5.history"
changed = apps.patch_namespaced_replica_set("front", lab.namespace, new_image("labs/web:2"))
wait_for(
    lambda: apps.read_namespaced_replica_set("front", lab.namespace).status.observed_generation
    >= changed.metadata.generation,
    TIMEOUT,
)
show_pods("app=front")

# %% [markdown]
# Nothing. The loop counts pods; it does not compare them with the template, which is a cookie cutter: cutting a new one
# changes no cookie. Only the next pod comes out new. Delete one and look:

# %%
core.delete_namespaced_pod(wait_for_pods(core, lab.namespace, "app=front", 3, TIMEOUT)[0].metadata.name, lab.namespace)
wait_for_pods(core, lab.namespace, "app=front", 3, TIMEOUT)
show_pods("app=front")

# %% [markdown] covers="T5.history D2.2"
# So an update by hand is: change the template, delete one pod, wait until its successor is ready, delete the next, and
# remember the old template in case version 2 is bad. Tedious, and easy to get wrong at night. It is a loop again, and
# it got a kind of its own.
#
# ## 3. Deployment: a loop over ReplicaSets
#
# A **Deployment** takes the same number and template, and makes a ReplicaSet. When the template changes, it makes a
# *second* ReplicaSet and moves the number over, pod by pod. The old one stays at zero: that is the way back.
#
# Clear the table first.

# %% [markdown] tags=["teaching"] minutes=3
# - **Ask**: who owns the pods? Let somebody follow the owner references on the projector.

# %%
# !kubectl delete replicaset front --ignore-not-found --cascade=foreground

# %% covers="T5.history D2.2"
deployment = client.V1Deployment(
    metadata=client.V1ObjectMeta(name="front", labels={"app": "front"}),
    spec=client.V1DeploymentSpec(
        replicas=3,
        selector=client.V1LabelSelector(match_labels={"app": "front"}),
        template=pod_template("labs/web:1", app="front"),
    ),
)
apps.create_namespaced_deployment(lab.namespace, deployment)
print(wait_for_rollout(apps, "front", lab.namespace, TIMEOUT).status.available_replicas, "available")

# %% [markdown]
# `kubectl` has a generator for this one. With `--dry-run=client -o yaml` it prints the manifest and asks nobody: the
# quickest way to a YAML file, in the exam too.

# %%
# by_kubectl = !kubectl create deployment front --image=labs/web:1 --replicas=3 --dry-run=client -o yaml | kubectl replace --dry-run=server -o yaml -f -

# %% magic_args="--out by_yaml" language="bash"
# kubectl replace --dry-run=server -o yaml -f - <<END
# apiVersion: apps/v1
# kind: Deployment
# metadata: {name: front, labels: {app: front}}
# spec:
#   replicas: 3
#   selector: {matchLabels: {app: front}}
#   template:
#     metadata: {labels: {app: front}}
#     spec:
#       containers:
#       - {name: web, image: "labs/web:1"}
# END

# %%
lab.same(apps.read_namespaced_deployment("front", lab.namespace), by_kubectl, by_yaml)

# %% [markdown]
# ### "A Deployment owns its pods"?
#
# Most people believe so. Every object names its owner in `metadata.ownerReferences`; follow them up from each pod.

# %%
for pod in core.list_namespaced_pod(lab.namespace, label_selector="app=front").items:
    owner = pod.metadata.owner_references[0]
    above = apps.read_namespaced_replica_set(owner.name, lab.namespace).metadata.owner_references[0]
    print(f"Pod {pod.metadata.name}  <-  {owner.kind} {owner.name}  <-  {above.kind} {above.name}")


# %% [markdown] covers="T5.rolling D2.2"
# It owns ReplicaSets; they own pods. Three loops, each with one worry: the kubelet keeps a pod's containers running,
# the ReplicaSet keeps the number, the Deployment decides which ReplicaSet gets which number.
#
# <img alt="After an update the Deployment front owns two ReplicaSets. The old one, of web:1, has 0 replicas and stays as
# the way back. The new one, of web:2, has 3 replicas and owns three pods, whose containers the kubelet keeps running."
# width="660" src="data:image/svg+xml,<svg xmlns='http://www.w3.org/2000/svg' viewBox='0 0 660 230'
#  font-family='sans-serif' font-size='14' text-anchor='middle'>
#  <rect width='660' height='230' rx='8' fill='white'/>
#  <g fill='none' stroke='dimgray' stroke-width='1.5'>
#  <path d='M150 105 L230 70 M150 125 L230 160 M430 150 L500 124 M430 162 H500 M430 174 L500 200'/>
#  <path d='M430 65 H500' stroke-dasharray='4'/></g>
#  <g stroke='black'> <rect x='20' y='90' width='130' height='50' rx='5' fill='aliceblue'/>
#  <rect x='230' y='35' width='200' height='60' rx='5' fill='white' stroke-dasharray='4'/>
#  <rect x='230' y='132' width='200' height='60' rx='5' fill='honeydew'/></g>
#  <g fill='white' stroke='black'> <rect x='500' y='108' width='140' height='30' rx='15'/>
#  <rect x='500' y='147' width='140' height='30' rx='15'/> <rect x='500' y='186' width='140' height='30' rx='15'/></g>
#  <g font-size='12' fill='dimgray'> <text x='85' y='20'>which number for which</text>
#  <text x='330' y='20'>how many pods</text> <text x='570' y='20'>containers running</text>
#  <text x='570' y='69'>no pod</text></g>
#  <text x='85' y='120'>Deployment</text> <text x='330' y='60'>ReplicaSet, web:1</text>
#  <text x='330' y='82' font-size='13'>replicas: 0, the way back</text> <text x='330' y='157'>ReplicaSet, web:2</text>
#  <text x='330' y='179' font-size='13'>replicas: 3</text> <text x='570' y='128'>pod</text> <text x='570' y='167'>pod</text>
#  <text x='570' y='206'>pod</text></svg>">
#
# The odd part of the names is a hash of the template (label `pod-template-hash`): it keeps the ReplicaSets of one
# Deployment from counting each other's pods.
#
# ## 4. Rolling update
#
# Those who use the front should notice nothing. Give them an address first: a Service sends each new connection to one
# of the ready pods its selector matches. Lesson 07 takes it apart; here it is our window.

# %% [markdown] tags=["teaching"] minutes=7
# - **Show**: the rollout view in a tab of its own (*Create New View for Cell Output*), then the update. Do not talk
#   while it runs.
# - **Ask** before the restart with `maxSurge: 0`: how many dots at most, how many full ones at least?

# %%
service = client.V1Service(
    metadata=client.V1ObjectMeta(name="front", labels={"app": "front"}),
    spec=client.V1ServiceSpec(
        type="NodePort",
        selector={"app": "front"},
        ports=[client.V1ServicePort(port=80, node_port=NODE_PORT)],
    ),
)
core.create_namespaced_service(lab.namespace, service)
print("version", wait_for_http(f"{lab.url(NODE_PORT)}/version"))

# %%
# by_kubectl = !kubectl expose deployment front --port=80 --type=NodePort --dry-run=client -o yaml | kubectl replace --dry-run=server -o yaml -f -

# %% magic_args="--out by_yaml" language="bash"
# kubectl replace --dry-run=server -o yaml -f - <<END
# apiVersion: v1
# kind: Service
# metadata: {name: front, labels: {app: front}}
# spec:
#   type: NodePort
#   selector: {app: front}
#   ports: [{port: 80}]
# END

# %%
lab.same(core.read_namespaced_service("front", lab.namespace), by_kubectl, by_yaml)


# %% [markdown]
# To see a rollout you must look often. `picture` draws the Deployment's ReplicaSets, one dot a pod: ● ready, ○ not yet.
# `watch_rollout` draws every change until the rollout is over, by the same rule as `kubectl rollout status`.


# %%
def picture():
    sets = apps.list_namespaced_replica_set(lab.namespace, label_selector="app=front").items
    by_revision = {int(s.metadata.annotations["deployment.kubernetes.io/revision"]): s for s in sets}
    for revision, s in sorted(by_revision.items()):
        ready, all_pods = s.status.ready_replicas or 0, s.status.replicas
        pods = "●" * ready + "○" * (all_pods - ready)
        yield f"{revision}: {s.spec.template.spec.containers[0].image} {pods:6}"


# %%
def watch_rollout():
    seen = [""]

    def over():
        found = apps.read_namespaced_deployment("front", lab.namespace)
        line = "  ".join(picture())  # read after it, so that the last line shows how it ended
        if line != seen[-1]:
            seen.append(line)
            print(line)
        wanted, status = found.spec.replicas, found.status
        is_new = status.observed_generation == found.metadata.generation
        return is_new and status.updated_replicas == status.replicas == status.available_replicas == wanted

    wait_for(over, TIMEOUT, what="the rollout", hint="`kubectl get pods` shows what hangs.", interval=0.05)


# %% [markdown]
# And a picture that lives on while later cells run: above, each ReplicaSet's pods over time, hatched until they are
# ready; below, what a visitor gets, again and again. Right-click it and choose *Create New View for Cell Output* to
# keep it in sight.

# %%
rollout = views.rollout(lab, "front", url=f"{lab.url(NODE_PORT)}/version")
rollout

# %% [markdown]
# Ask first, in three ways, what a new image would give; nothing is stored.

# %%
# by_kubectl = !kubectl set image deployment/front web=labs/web:2 --dry-run=server -o yaml

# %% magic_args="--out by_yaml" language="bash"
# kubectl patch deployment front --dry-run=server -o yaml --patch '
# spec:
#   template:
#     spec:
#       containers:
#       - {name: web, image: "labs/web:2"}'

# %%
by_python = apps.patch_namespaced_deployment("front", lab.namespace, new_image("labs/web:2"), dry_run="All")
lab.same(by_python, by_kubectl, by_yaml)

# %% [markdown]
# Now in earnest. It is the patch that changed nothing for the ReplicaSet:

# %% covers="T5.rolling D2.2"
apps.patch_namespaced_deployment("front", lab.namespace, new_image("labs/web:2"))
watch_rollout()
print("version", wait_for_http(f"{lab.url(NODE_PORT)}/version", expect="2"))

# %% covers="T5.rolling D2.2"
print(rollout)

# %% [markdown] covers="T5.rolling D2.2"
# **What happened.** Revision 2 got one pod; when that was ready, revision 1 lost one; and so on. Count the dots: never
# fewer than three ●, never more than four in all. Two fields of `spec.strategy.rollingUpdate` set these limits:
#
# | field | limit | default | of 3 |
# |---|---|---|---|
# | `maxUnavailable` | at least `replicas - maxUnavailable` pods available | 25 %, rounded **down** | 0 |
# | `maxSurge` | at most `replicas + maxSurge` pods in all, those that are ending not counted | 25 %, rounded **up** | 1 |
#
# In the picture the solid part stays above the dotted line, and all of it under the dashed one. A red ✖ below, if you have
# one, is a request that was cut off: a pod that is told to end stops listening at once, and the nodes hear of it a moment
# later. Programs that must not lose one wait before they stop (`lifecycle.preStop`).
#
# Slow and safe, or quick and cheap: that is the choice. (`strategy: {type: Recreate}` ends all old pods first: for
# programs of which two versions must never meet.)

# %% [markdown] covers="T5.rolling"
# Suppose the node has no room for a fourth pod. Then trade: no surge, two may be missing. And roll out the *same* version
# once more, with new pods: `kubectl rollout restart` only writes the time into the template's annotations, which makes
# it a new template.

# %% covers="T5.rolling"
limits = {"maxSurge": 0, "maxUnavailable": 2}
apps.patch_namespaced_deployment("front", lab.namespace, {"spec": {"strategy": {"rollingUpdate": limits}}})
# !kubectl rollout restart deployment/front
watch_rollout()

# %% [markdown] covers="T5.revisions D2.2"
# Never more than three dots now, and down to one ●. Note also what the first of the two changes did *not* do: `strategy`
# is no part of the template, so no rollout began.
#
# ## 5. Revisions and the way back
#
# Each template had its ReplicaSet, and the old ones are still there, at zero pods, with a number: the revision. That is
# the whole history; nothing else is written down anywhere. `revisionHistoryLimit` (default 10) says how many are kept.

# %% [markdown] tags=["teaching"] minutes=3
# - **Ask** after the undo: which number has the old version now? (Not 1.) What is an undo, then?

# %% covers="T5.revisions D2.2"
print(*picture(), sep="\n")
# !kubectl rollout history deployment/front
# !kubectl get replicasets -l app=front -o wide

# %% [markdown]
# Version 2 was a mistake: back to revision 1. (Without `--to-revision`, to the one before.)

# %% covers="T5.revisions D2.2"
# !kubectl rollout undo deployment/front --to-revision=1
watch_rollout()
# !kubectl rollout history deployment/front

# %% [markdown] covers="T5.revisions"
# **What happened.** No new ReplicaSet. The first one was scaled up again, and its revision changed from 1 to 4: a rollback
# is one more step forward, to an old template. Try `--to-revision=1` again and `kubectl` finds no such revision.
#
# The API has no "undo". `kubectl` reads the old ReplicaSet's template and puts it into the Deployment; so can you. In
# YAML, you apply the former version of the file, from version control.

# %% covers="T5.revisions"
sets = apps.list_namespaced_replica_set(lab.namespace, label_selector="app=front").items
template = next(s.spec.template for s in sets if s.spec.template.spec.containers[0].image == "labs/web:1")
template.metadata.labels.pop("pod-template-hash")
put_back = [{"op": "replace", "path": "/spec/template", "value": template}]
by_python = apps.patch_namespaced_deployment("front", lab.namespace, put_back, dry_run="All")

# %% magic_args="--out by_yaml" language="bash"
# kubectl replace --dry-run=server -o yaml -f - <<END
# apiVersion: apps/v1
# kind: Deployment
# metadata: {name: front, labels: {app: front}}
# spec:
#   replicas: 3
#   selector: {matchLabels: {app: front}}
#   strategy: {rollingUpdate: {maxSurge: 0, maxUnavailable: 2}}
#   template:
#     metadata: {labels: {app: front}}
#     spec: {containers: [{name: web, image: "labs/web:1"}]}
# END

# %%
# by_kubectl = !kubectl get deployment front -o yaml
lab.same(by_python, by_kubectl, by_yaml)

# %% [markdown] tags=["exercise"] exercise="ex-04-1"
# ### Exercise 1: release the store
#
# The pipeline's store needs the same care. **Goal**: a Deployment `store` in this lesson's namespace, started with
# `labs/web:1` and then updated to `labs/web:2`. **Constraint**: 4 replicas, and set so that during any update at least
# 4 pods are available and at most 5 exist. **Done when** 4 pods of version 2 are ready, and version 1 is still one
# `kubectl rollout undo` away.
#
# Use whichever route you like: Python, `kubectl`, YAML, here or in a terminal.

# %% [markdown] tags=["teaching"] minutes=8 exercise="ex-04-1"
# - **Ask**: why did three pods need no limits, and four do? (Rounding.)
# - **Mistakes**
#   - the default limits: *at least 3 available*;
#   - started with version 2, so there is no way back: *labs/web:1 in the history*;
#   - the tag written `v2`: *labs/web:v2*;
#   - paused and forgotten: *the rollout is paused*;
#   - restarted after the update: *from revision 3 to 2, that is labs/web:2*.

# %% [markdown] tags=["hint"] exercise="ex-04-1"
# Two steps: create with version 1, wait, then change one field. What keeps version 1 in reach is what the Deployment
# made for it.

# %% [markdown] tags=["hint"] exercise="ex-04-1"
# The two limits are `maxUnavailable` and `maxSurge` under `spec.strategy.rollingUpdate`. The defaults, 25 % of 4, allow
# one pod to be missing: too many. Rounding is why it was different with 3.

# %% [markdown] tags=["hint"] exercise="ex-04-1"
# `kubectl create deployment store --image=labs/web:1 --replicas=4`, then patch `maxSurge: 1, maxUnavailable: 0`, then
# `kubectl set image deployment/store web=labs/web:2` once `kubectl rollout status deployment/store` is content.

# %% tags=["answer"] exercise="ex-04-1"
### BEGIN SOLUTION
store = client.V1Deployment(
    metadata=client.V1ObjectMeta(name="store"),
    spec=client.V1DeploymentSpec(
        replicas=4,
        selector=client.V1LabelSelector(match_labels={"app": "store"}),
        strategy={"rollingUpdate": {"maxSurge": 1, "maxUnavailable": 0}},
        template=pod_template("labs/web:1", app="store"),
    ),
)
apps.create_namespaced_deployment(lab.namespace, store)
wait_for_rollout(apps, "store", lab.namespace, TIMEOUT)
apps.patch_namespaced_deployment("store", lab.namespace, new_image("labs/web:2"))
print(wait_for_rollout(apps, "store", lab.namespace, TIMEOUT).status.updated_replicas, "pods of version 2")
### END SOLUTION

# %% tags=["check"]
lab.check("ex-04-1")

# %% [markdown] covers="T5.pause"
# ## 6. Pause: several changes, one release
#
# Each change of the template starts a rollout at once. A new image *and* its new setting, made one after the other, would
# be two rollouts, and for a while the new program would run with the old setting. Pause first: then no change of the
# *template* starts a rollout, and one that is under way stops where it is.
#
# All else goes on: a lost pod is replaced, and a paused Deployment can be scaled. (`kubectl rollout undo` and `restart`
# are refused until you resume.)

# %% [markdown] tags=["teaching"] minutes=2
# - **Ask**: two `set` commands, no pause: how many revisions?

# %% covers="T5.pause"
# !kubectl rollout pause deployment/front
# by_kubectl = !kubectl get deployment front -o yaml

# %% magic_args="--out by_yaml" language="bash"
# kubectl patch deployment front --dry-run=server -o yaml --patch 'spec: {paused: true}'

# %%
by_python = apps.patch_namespaced_deployment("front", lab.namespace, {"spec": {"paused": True}}, dry_run="All")
lab.same(by_python, by_kubectl, by_yaml)

# %% [markdown]
# Two changes while it is paused, and what becomes of them:

# %% covers="T5.pause"
# !kubectl set env deployment/front MODE=fast
# !kubectl set image deployment/front web=labs/web:2
print(*picture(), sep="\n")

# %% covers="T5.pause"
apps.patch_namespaced_deployment("front", lab.namespace, {"spec": {"paused": False}})
watch_rollout()

# %% [markdown]
# **What happened.** One new revision holds both changes, and no pod ever ran with only one of them. `kubectl rollout resume`
# is the same patch. One patch with both changes would have done it too: an API call is one change, however large.
#
# ## 7. A rollout that hangs
#
# Somebody mistypes the version. Guess first: what do the front's users see, and how does it end?
#
# `progressDeadlineSeconds` (default 600) is how long a rollout may go without progress until the Deployment says so.
# We take 10.

# %% [markdown] tags=["teaching"] minutes=3
# - **Ask** before the cell: what do users see, and how does it end? "It rolls back" is the usual answer; write it up,
#   strike it out after the cell. It takes about 10 s.

# %% covers="T5.rolling D3.5"
patch = new_image("labs/web:3")
patch["spec"] |= {"progressDeadlineSeconds": 10, "strategy": {"rollingUpdate": {"maxSurge": 1, "maxUnavailable": 0}}}
apps.patch_namespaced_deployment("front", lab.namespace, patch)
# !kubectl rollout status deployment/front

# %% [markdown] covers="D3.5"
# `kubectl rollout status` gave up with an error, which is what fails a release script. Now the three places to look:
# Deployment, ReplicaSets, pods.

# %% covers="D3.5"
for condition in apps.read_namespaced_deployment("front", lab.namespace).status.conditions:
    print(f"{condition.type} = {condition.status}: {condition.reason}")
print(*picture(), sep="\n")
# !kubectl get pods -l app=front

# %% [markdown]
# And the picture of section 4 once more. Look for the hatched pod that never turns solid, press the red line to read why,
# and see who answers meanwhile.

# %% covers="T5.rolling D3.5"
rollout

# %%
print("version", wait_for_http(f"{lab.url(NODE_PORT)}/version"))

# %% [markdown] covers="T5.rolling"
# **What happened.** The new pod cannot get its image, so it is never ready; with `maxUnavailable: 0` no old pod may go
# before a new one is ready. The users see version 2, all three pods of it. The rolling update protected them.
#
# **Misconception**: "Kubernetes rolls a failed rollout back." It does not. `Progressing = False` is only a report;
# the Deployment goes on trying until you change something. Rolling back is your decision, or your release tool's.

# %%
# !kubectl rollout undo deployment/front
# !kubectl rollout status deployment/front
print(*picture(), sep="\n")


# %% [markdown] covers="T5.bluegreen D2.1"
# ## 8. Blue/green: switch all users at once
#
# In a rolling update both versions answer for a while. Sometimes that must not be; and sometimes you want to try the new
# version in its real place before anyone sees it.
#
# Run both, in two Deployments. The Service's selector decides who is *live*. Start with a clean table, and let both
# kinds of pods carry `app: front` and a colour. (Some seconds; up to a minute on a slow machine.)

# %% [markdown] tags=["teaching"] minutes=3
# - **Show**: `answers()` before and after the one-field patch; then switch back, twice, quickly.

# %% covers="T5.bluegreen D2.1"
# !kubectl delete deployment front --ignore-not-found
for color, image in {"blue": "labs/web:1", "green": "labs/web:2"}.items():
    labels = {"app": "front", "color": color}
    spec = client.V1DeploymentSpec(
        replicas=3, selector=client.V1LabelSelector(match_labels=labels), template=pod_template(image, **labels)
    )
    metadata = client.V1ObjectMeta(name=f"front-{color}", labels=labels)
    apps.create_namespaced_deployment(lab.namespace, client.V1Deployment(metadata=metadata, spec=spec))
wait_for_pods(core, lab.namespace, "app=front", 6, TIMEOUT)
# !kubectl get deployments -l app=front -o wide


# %% [markdown] covers="T5.bluegreen"
# Each Deployment selects by *both* labels. With `app: front` alone the selectors would overlap: owner references keep
# the pods apart, but an orphan could be adopted by either, and anyone who counts by selector would count both.
#
# First blue is live; then count who answers.


# %%
def answers():
    url = f"{lab.url(NODE_PORT)}/version"
    return Counter(f"version {wait_for_http(url).strip()}" for _ in range(REQUESTS))


# %% covers="T5.bluegreen D2.1"
core.patch_namespaced_service("front", lab.namespace, {"spec": {"selector": {"color": "blue"}}})
wait_for(lambda: len(answers()) == 1, TIMEOUT, what="one version to answer")
print(answers())

# %% covers="T5.bluegreen D2.1"
core.patch_namespaced_service("front", lab.namespace, {"spec": {"selector": {"color": "green"}}})
wait_for(lambda: answers() == {"version 2": REQUESTS}, TIMEOUT, what="green to answer alone")
print(answers())

# %% [markdown]
# One field changed, and all requests went over. The way back is as short, as long as blue still runs: that is what
# blue/green costs, twice the pods. The three ways to switch:

# %%
# by_kubectl = !kubectl set selector service front app=front,color=green --dry-run=server -o yaml

# %% magic_args="--out by_yaml" language="bash"
# kubectl patch service front --dry-run=server -o yaml --patch 'spec: {selector: {color: green}}'

# %%
to_green = {"spec": {"selector": {"color": "green"}}}
lab.same(core.patch_namespaced_service("front", lab.namespace, to_green, dry_run="All"), by_kubectl, by_yaml)

# %% [markdown] covers="T5.canary D2.1"
# ## 9. Canary: let a few requests try it
#
# Miners took a canary along: it noticed bad air first. Give the new version a small share of the real requests, watch
# its errors, then widen or withdraw.
#
# A Service picks one of the ready pods it selects, at random, for each connection. So the share is a matter of *counting
# pods*: three of version 1, one of version 2, and a selector that matches all four. `None` removes `color` from the selector.

# %% [markdown] tags=["teaching"] minutes=2
# - **Ask** for a bet on the count of version 2 in 40 requests. Run the cell twice: it is dice.

# %% covers="T5.canary D2.1"
apps.patch_namespaced_deployment_scale("front-green", lab.namespace, {"spec": {"replicas": 1}})
wait_for_pods(core, lab.namespace, "app=front,color=green", 1, TIMEOUT)
core.patch_namespaced_service("front", lab.namespace, {"spec": {"selector": {"color": None}}})
wait_for(lambda: len(answers()) == 2, TIMEOUT, what="both versions to answer")
print(answers())

# %% [markdown] covers="T5.canary"
# About a quarter; each request is a throw of dice. The finest share is one pod in all: for 1 % this way you need a hundred
# pods. (A Gateway can: an `HTTPRoute` gives each of its Services a weight. An Ingress has no such field; some
# controllers take an annotation of their own for it.)
#
# The three ways to scale:

# %%
# !kubectl scale deployment front-green --replicas=1
# by_kubectl = !kubectl get deployment front-green -o yaml

# %% magic_args="--out by_yaml" language="bash"
# kubectl patch deployment front-green --dry-run=server -o yaml --patch 'spec: {replicas: 1}'

# %%
one = {"spec": {"replicas": 1}}
by_python = apps.patch_namespaced_deployment("front-green", lab.namespace, one, dry_run="All")
lab.same(by_python, by_kubectl, by_yaml)

# %% [markdown] tags=["exercise"] exercise="ex-04-2"
# ### Exercise 2: a canary for the worker
#
# **Goal**: the worker's version 2 takes a quarter of the requests. Deployments `worker-stable` (3 replicas of
# `labs/web:1`) and `worker-canary` (1 replica of `labs/web:2`), and a Service `worker` of type NodePort, port 80, node
# port 30041, in front of both. **Constraint**: neither Deployment's selector matches the other's pods. **Done when**
# requests to `localhost:30041/version` are answered by both versions.

# %% [markdown] tags=["teaching"] minutes=9 exercise="ex-04-2"
# - **Draw**: two Deployments, one Service, four pods; ask which label each arrow needs.
# - **Mistakes**
#   - `kubectl create deployment` twice, no label in common: *a label that the templates of both Deployments have in
#     common*;
#   - the shared label alone as selector: *matches the pods of worker-canary too*; a selector cannot be changed, so
#     the Deployment is made again;
#   - the Service selects one of the two: *select the pods of worker-canary*;
#   - `targetPort: 8080`: *the pods' port 8080*.

# %% [markdown] tags=["hint"] exercise="ex-04-2"
# The pods need one label that they share and one that tells them apart. Which of the two objects should look at which
# label?

# %% [markdown] tags=["hint"] exercise="ex-04-2"
# The Service selects by the shared label only; each Deployment by its own (or by both). `kubectl create deployment`
# gives just one label, `app: worker-stable`: write the manifest with `--dry-run=client -o yaml` and add to it.

# %% [markdown] tags=["hint"] exercise="ex-04-2"
# Pod labels `{app: worker, track: stable}` and `{app: worker, track: canary}`, in the selector and in the template of each
# Deployment; Service with `selector: {app: worker}`, `type: NodePort`, `ports: [{port: 80, nodePort: 30041}]`.

# %% tags=["answer"] exercise="ex-04-2"
### BEGIN SOLUTION
for track, image, replicas in (("stable", "labs/web:1", 3), ("canary", "labs/web:2", 1)):
    labels = {"app": "worker", "track": track}
    spec = client.V1DeploymentSpec(
        replicas=replicas, selector=client.V1LabelSelector(match_labels=labels), template=pod_template(image, **labels)
    )
    metadata = client.V1ObjectMeta(name=f"worker-{track}")
    apps.create_namespaced_deployment(lab.namespace, client.V1Deployment(metadata=metadata, spec=spec))
port = client.V1ServicePort(port=80, node_port=30041)
spec = client.V1ServiceSpec(type="NodePort", selector={"app": "worker"}, ports=[port])
core.create_namespaced_service(lab.namespace, client.V1Service(metadata=client.V1ObjectMeta(name="worker"), spec=spec))
print(len(wait_for_pods(core, lab.namespace, "app=worker", 4, TIMEOUT)), "pods ready")
### END SOLUTION

# %% tags=["check"]
lab.check("ex-04-2")

# %% [markdown]
# The last exercise starts from a mess. The next two cells make it: the producer as it was yesterday, and what a tired
# colleague applied at night. (Run them again to have the mess back.)

# %% language="bash" setup="ex-04-3"
# kubectl create service nodeport producer --tcp=80 --node-port=30042 --dry-run=client -o yaml | kubectl apply -f -
# kubectl set selector service producer app=producer,release=one
# kubectl apply -f - <<END
# apiVersion: apps/v1
# kind: Deployment
# metadata: {name: producer}
# spec:
#   replicas: 3
#   selector: {matchLabels: {app: producer}}
#   template:
#     metadata: {labels: {app: producer, release: one}}
#     spec: {containers: [{name: web, image: "labs/web:1"}]}
# END
# kubectl rollout status deployment/producer

# %% language="bash" setup="ex-04-3"
# kubectl apply -f - <<END
# apiVersion: apps/v1
# kind: Deployment
# metadata: {name: producer}
# spec:
#   replicas: 3
#   paused: true
#   selector: {matchLabels: {app: producer}}
#   template:
#     metadata: {labels: {app: producer, release: two}}
#     spec: {containers: [{name: web, image: "labs/web:v2"}]}
# END

# %% [markdown] tags=["exercise"] exercise="ex-04-3"
# ### Exercise 3: repair the producer's release
#
# "I released the producer's version 2, and nothing happened." **Goal**: version 2 really is out. **Constraint**: keep the
# Deployment; yesterday's version must stay in its history. **Done when** three pods of `labs/web:2` are ready, and
# `localhost:30042/version` answers `2`, and it stays so when a pod is replaced.
#
# There is more than one fault, and repairing one uncovers the next. Do not only read the manifest: look at what the
# cluster says after each step.

# %% [markdown] tags=["teaching"] minutes=9 exercise="ex-04-3"
# - **Ask** after each find: what does the cluster say *now*?
# - **Mistakes**
#   - resumed, and done: *labs/web:v2*;
#   - rolled back, since it works again: *yesterday's version*;
#   - the Service forgotten: *app=producer,release=one*;
#   - the pods labelled by hand: *got it by hand*;
#   - deleted and made again: *labs/web:1 in the history of producer*.

# %% [markdown] tags=["hint"] exercise="ex-04-3"
# Go down the chain: what does the Deployment say about itself, which ReplicaSets are there, what do their pods say? And
# when all pods are well: who sends them requests?

# %% [markdown] tags=["hint"] exercise="ex-04-3"
# A Deployment can be told to start no rollout. An image needs a tag that exists. A Service's selector is compared with
# the labels of the pods that run *now*: `kubectl get pods --show-labels`, `kubectl get service producer -o wide`.

# %% [markdown] tags=["hint"] exercise="ex-04-3"
# `kubectl rollout resume deployment/producer`, then `kubectl set image deployment/producer web=labs/web:2`, then a
# selector for the Service that the new pods match: `kubectl set selector service producer app=producer`.

# %% tags=["answer"] exercise="ex-04-3"
### BEGIN SOLUTION
patch = new_image("labs/web:2")
patch["spec"]["paused"] = False
apps.patch_namespaced_deployment("producer", lab.namespace, patch)
core.patch_namespaced_service("producer", lab.namespace, {"spec": {"selector": {"release": None}}})
print(wait_for_rollout(apps, "producer", lab.namespace, TIMEOUT).status.updated_replicas, "pods of version 2")
### END SOLUTION

# %% tags=["check"]
lab.check("ex-04-3")

# %% [markdown]
# ## Recap
#
# 1. A **ReplicationController** keeps a number of pods: those that its selector matches and nobody else owns.
# 2. A **ReplicaSet** does it with a richer selector. Changing its template changes no running pod.
# 3. A **Deployment** owns ReplicaSets, one a template; they own the pods.
# 4. A **rolling update** moves the number over, between `replicas - maxUnavailable` and `replicas + maxSurge`.
# 5. **History** is the old ReplicaSets. A rollback is a step forward to an old template.
# 6. **Pause** makes several changes of the template one revision; scaling does not wait for it.
# 7. A **rollout that hangs** leaves the old pods serving, reports itself, and waits for you.
# 8. **Blue/green** switches a Service's selector from one Deployment's pods to another's.
# 9. A **canary** shares requests by counting pods.
#
# | to do | `kubectl` |
# |---|---|
# | write a manifest | `create deployment NAME --image=I --replicas=N --dry-run=client -o yaml` |
# | update | `set image deployment/NAME CONTAINER=I`, or `apply -f` the changed file |
# | watch | `rollout status deployment/NAME` |
# | look back, go back | `rollout history`, `rollout undo --to-revision=N` |
# | bundle changes | `rollout pause`, `rollout resume` |
# | scale | `scale deployment NAME --replicas=N` |
# | switch a Service | `set selector service NAME KEY=VALUE` |

# %% [markdown] tags=["teaching"] minutes=2
# - **Ask**: a release hangs on Friday evening. What do you type first? (`rollout status`, then the pods; `undo` is a
#   decision.)

# %% [markdown]
# **In practice**: you will seldom write a ReplicaSet, and never a ReplicationController; you will read ReplicaSets
# whenever a rollout hangs. "Ready" is only as good as the readiness probe, a question that the kubelet asks each pod again
# and again (lesson 07): without one, a rolling update takes "started" for "works", so give every Deployment one. Keep manifests in version control, so that "the former file" exists. Do not
# use `latest`: a tag that moves makes revisions lie.
#
# **Next**: lesson 05 takes the settings, such as `MODE` above, out of the image and out of the Deployment.
#
# ## Clean up

# %%
lab.cleanup()
