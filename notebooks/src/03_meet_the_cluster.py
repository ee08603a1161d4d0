# %% [markdown] facts="stops-components default-namespace shared-cluster"
# # Meet the cluster and its objects
#
# The weather pipeline runs in containers, as long as somebody starts them, and starts them again. Kubernetes is that
# somebody. This lesson takes it apart: a handful of ordinary programs and a record of what you want. You will stop each
# program in turn, and see what it was good for.
#
# *You will do*: run the pipeline's front; find every program of the cluster, its memory, its log; write an object in
# YAML, as a dictionary, with `kubectl`; stop the parts one by one; repair a producer that never starts.
#
# *You will learn*
#
# 1. what desired state and a control loop are;
# 2. what each part of the control plane and of a node does;
# 3. the parts of an object;
# 4. three ways to write one, and where to look a field up;
# 5. how the parts work together by watching;
# 6. what labels, selectors, namespaces and owners are for;
# 7. what stops, and what goes on, when a part is stopped.
#
# *You need*: lesson 02, or to know what an image and a container are.
#
# *Time*: about 65 minutes, the three exercises included.

# %% [markdown] tags=["teaching"] minutes=1
# - **Before**: `labs status` all *running*. On an attached cluster section 8 stops nothing; then tell it from the
#   table.
# - **Cut**: section 4, the timeline in section 6, and of section 8 the runtime and kube-proxy. Keep scheduler,
#   controller manager, API server: the last exercise needs the first.

# %% tags=["parameters"]
FRONT_IMAGE = "labs/web:1"

# %%
from kubernetes import client, config

from labs import open_lab, views

lab = open_lab("03")
config.load_kube_config()
core, apps = client.CoreV1Api(), client.AppsV1Api()

# %% [markdown] covers="T4.desired"
# ## 1. Say what, not how
#
# `docker run` is an order: carried out once, then forgotten. When that container ends at three in the morning, nobody
# repeats the order.
#
# Kubernetes takes no orders. It keeps a record of what should be, the **desired state**, and its programs go round
# **control loops** forever: *look, compare, act*. A thermostat works like that: you set 20 °C, not "burn gas for ten
# minutes".
#
# Desired: two copies of the pipeline's front. The first command only writes that wish down as YAML; `apply` means "make
# it so", and is safe to repeat.

# %% [markdown] tags=["teaching"] minutes=3
# - **Show**: `views.cluster` in a tab of its own for the whole lesson; delete the pod while all look at it.
# - **Ask**: was the pod restarted? (No: another name, another address.)

# %% covers="T4.desired" setup="ex-03-2"
FRONTS = 2
# !kubectl create deployment front --image={FRONT_IMAGE} --replicas={FRONTS} --dry-run=client -o yaml | kubectl apply -f -

# %% setup="ex-03-2"
from labs.waiting import wait_for_pods

pods = wait_for_pods(core, lab.namespace, "app=front", FRONTS)
[pod.metadata.name for pod in pods]

# %% [markdown]
# A **pod** is Kubernetes' unit of work: one container, or a few that belong together. The picture below shows who keeps
# whom, and is live: it changes while later cells run. Click a box, or press Enter on it, to see why it is as it is.

# %%
views.cluster(lab)

# %% [markdown]
# Delete one pod, and watch the picture:

# %% covers="T4.desired"
pods = wait_for_pods(core, lab.namespace, "app=front", FRONTS)
core.delete_namespaced_pod(pods[0].metadata.name, lab.namespace, grace_period_seconds=1)
pods = wait_for_pods(core, lab.namespace, "app=front", FRONTS)
[pod.metadata.name for pod in pods]

# %% [markdown] covers="T4.desired T4.plane T4.node"
# **What happened.** There are two again, and one name is new. Nobody repeated an order: a loop looked (one pod),
# compared (two desired) and acted. The new pod is not the old one restarted; it is another one, with another name and
# another address. That is why the rest of Kubernetes does not rely on the names of a Deployment's pods.
#
# ## 2. The parts are ordinary programs
#
# <img alt="kubectl and Python talk to kube-apiserver alone. So do kube-scheduler, kube-controller-manager, kubelet and
# kube-proxy. Only kube-apiserver talks to etcd. On the node, the kubelet tells the container runtime to run pods."
# width="660" src="data:image/svg+xml,<svg xmlns='http://www.w3.org/2000/svg' viewBox='0 0 660 300'
#  font-family='sans-serif' font-size='14' text-anchor='middle'>
#  <rect width='660' height='300' rx='8' fill='white'/>
#  <rect x='10' y='70' width='420' height='220' rx='8' fill='aliceblue' stroke='steelblue'/>
#  <rect x='450' y='70' width='200' height='220' rx='8' fill='honeydew' stroke='seagreen'/>
#  <text x='85' y='90' font-weight='bold'>control plane</text> <text x='490' y='90' font-weight='bold'>node</text>
#  <g fill='none' stroke='dimgray' stroke-width='1.5'>
#  <path d='M220 42 V140 M120 160 H160 M280 160 H480 M190 180 V235 M250 180 V235 M280 172 L480 213
#  M560 228 V248'/></g>
#  <g fill='white' stroke='black'> <rect x='130' y='12' width='180' height='30' rx='15'/>
#  <rect x='30' y='140' width='90' height='40' rx='5'/> <rect x='160' y='140' width='120' height='40' rx='5'/>
#  <rect x='30' y='235' width='190' height='36' rx='5'/> <rect x='235' y='235' width='150' height='36' rx='5'/>
#  <rect x='480' y='142' width='140' height='34' rx='5'/> <rect x='480' y='202' width='140' height='26' rx='5'/>
#  <rect x='480' y='248' width='140' height='30' rx='5'/></g>
#  <text x='220' y='32'>you: kubectl, Python</text> <text x='75' y='165'>etcd</text>
#  <text x='220' y='165'>kube-apiserver</text> <text x='125' y='258'>kube-controller-manager</text>
#  <text x='310' y='258'>kube-scheduler</text> <text x='550' y='164'>kube-proxy</text>
#  <text x='550' y='220'>kubelet</text> <text x='550' y='268'>container runtime</text></svg>">
#
# | part | its one job |
# |---|---|
# | `etcd` | keeps the record: a database of objects |
# | `kube-apiserver` | the only door to it; who asks is checked, what is asked is checked |
# | `kube-controller-manager` | some forty control loops; one makes pods for you |
# | `kube-scheduler` | chooses a node for each pod that has none |
# | `kubelet` | runs the pods of its node, and reports |
# | container runtime | makes the containers (here: containerd) |
# | `kube-proxy` | leads a Service's address to its pods |

# %% [markdown] tags=["teaching"] minutes=3
# - **Show**: draw the picture from memory, and let the room name each box. Then compare.
# - **Ask**: which line does not end at the API server?

# %% [markdown] covers="T4.plane T4.node"
# Every line of the picture but one ends at the API server: the kubelet also commands the runtime of its own node. (And
# for `kubectl logs` and `exec` the API server calls the kubelet.) Each part watches the record, and writes back what
# it did.
#
# They are programs like yours, with a process number and some memory. On a cluster that the course did not start,
# numbers are missing below: those processes live elsewhere.

# %% covers="T4.plane T4.node T4.stopped"
parts = {part.name: part for part in lab.engine.status()}
for name, part in parts.items():
    memory = f"{part.memory >> 20} MB" if part.memory else ""
    print(f"{name:26}{part.state:10}{part.pid or '':>8}{memory:>8}")

# %% [markdown]
# (`docker`, `registry`, `network` and `ports` are the course's, not Kubernetes' own.) Look at one from close by: how was the
# scheduler started, and what did it write last?

# %% covers="T4.stopped"
scheduler = parts.get("kube-scheduler")
if scheduler:
    print(*scheduler.argv, sep="\n")
else:
    print("Not started by the course. Its pod may be here: kubectl get pods -n kube-system")

# %% covers="T4.stopped"
from labs.errors import NotSupported

try:
    print(lab.engine.logs("kube-scheduler", lines=4))
except NotSupported as refusal:
    print(refusal, "Try: kubectl logs -n kube-system -l component=kube-scheduler --tail=4")

# %% [markdown] covers="T4.object"
# **What happened.** An ordinary command line, an ordinary log. The kubeconfig among the arguments is a client's, like
# yours: the scheduler is one more user of the API, with few rights. Anyone who can debug a program can debug Kubernetes.
#
# ## 3. The parts of an object
#
# Whatever Kubernetes stores is an **object**. Most are built like this:
#
# | part | says | written by |
# |---|---|---|
# | `apiVersion`, `kind` | which type, in which version | you |
# | `metadata` | name, namespace, labels, owners | you, and the server |
# | `spec` | what should be | you; a few fields others, as the scheduler writes a pod's node |
# | `status` | what is, as last seen | controllers, and the kubelet |
#
# The first two rows are in every object. Those on which a loop works have a `spec`, most also a `status`. A ConfigMap
# has neither: it only keeps `data`, and so does a Secret; a Role keeps `rules`. Find the parts in the front:

# %% [markdown] tags=["teaching"] minutes=2
# - **Ask** at the tree: what of this did *you* write? Count lines.

# %% covers="T4.object"
# !kubectl get deployment front -o yaml

# %% [markdown] covers="T4.object"
# You wrote a few lines; the server filled in defaults (`strategy`, `restartPolicy`, ...), and controllers the `status`.
# The same as a tree to fold and unfold, what others than you wrote in grey:

# %% covers="T4.object"
views.tree(lab, "deployment/front")

# %% [markdown]
# Python has the same parts. A `generation` counts changes of the spec; `observed_generation` says which of them the
# status knows of. When they differ, the status is old news.

# %% covers="T4.object"
front = apps.read_namespaced_deployment("front", lab.namespace)
print(front.api_version, front.kind, front.metadata.name)
print("desired: ", front.spec.replicas, "replicas, generation", front.metadata.generation)
print("observed:", front.status.ready_replicas, "ready,    generation", front.status.observed_generation)

# %% [markdown] covers="D3.3"
# ## 4. Where to look things up
#
# Nobody knows all fields by heart. The API server describes itself: every kind it knows, and every field of each. Both
# commands are allowed in the exam for application developers (CKAD, lesson 08), and quicker than a search.

# %% [markdown] tags=["teaching"] minutes=1
# - **Show**: `kubectl explain` in a terminal. Have everybody find one field alone: what is `minReadySeconds`?

# %% covers="D3.3"
# !kubectl api-resources --api-group=apps

# %% covers="D3.3"
# !kubectl explain deployment.spec.replicas

# %% [markdown]
# `kubectl` does not bring this knowledge along: it asks the server, as any client can.

# %%
for resource in apps.get_api_resources().resources:
    print(resource.name, resource.kind, resource.namespaced)

# %% [markdown] covers="T4.object"
# ## 5. Three ways to write an object
#
# The front needs an address that stays while pods come and go: a **Service** (lesson 07 is about them). Its `selector`
# says for which pods; `nodePort` opens a port on every node.
#
# First in YAML, the form that is kept in version control and reviewed:

# %% [markdown] tags=["teaching"] minutes=3
# - **Ask**: when would you take which? Collect one occasion for each. Then: which field replaces `CMD`?

# %% language="bash" covers="T4.object" setup="ex-03-2"
# kubectl apply -f - <<END
# apiVersion: v1
# kind: Service
# metadata:
#   name: front
#   labels: {app: front}
# spec:
#   type: NodePort
#   selector: {app: front}
#   ports:
#   - {port: 80, targetPort: 80, protocol: TCP, nodePort: 30030}
# END

# %% setup="ex-03-2"
from labs.waiting import wait_for_http

wait_for_http(lab.url(30030))

# %% [markdown]
# Second as a dictionary in Python. `dry_run="All"` has the server do everything except store it: check rights, check
# fields, fill in defaults. Under another name, since `front` is taken:

# %% covers="T4.object"
service = {
    "apiVersion": "v1",
    "kind": "Service",
    "metadata": {"name": "front-python", "labels": {"app": "front"}},
    "spec": {
        "type": "NodePort",
        "selector": {"app": "front"},
        "ports": [{"port": 80, "targetPort": 80, "protocol": "TCP"}],
    },
}
from_python = core.create_namespaced_service(lab.namespace, service, dry_run="All")

# %% [markdown]
# Third by a generator of `kubectl`, the quickest of the three. It reads the labels off the Deployment:

# %% covers="T4.object"
# from_kubectl = !kubectl expose deployment front --name=front-kubectl --type=NodePort --port=80 --target-port=80 --dry-run=server -o yaml
# from_yaml = !kubectl get service front -o yaml
lab.same(from_python, from_kubectl, from_yaml, ignore=("metadata.name",))

# %% [markdown]
# **What happened.** Names and chosen ports apart, three ways give one object: `kubectl` and Python both turn what you
# give them into JSON and send it to the same address. Choose by occasion: a generator for speed, YAML to keep, Python
# when a program decides.

# %% [markdown] covers="T4.object"
# ### What runs: `command` and `args`
#
# An image says what to run, by `ENTRYPOINT` and `CMD` (lesson 02). A container in a pod may replace either. Mind the
# names: `command` is not `CMD`.
#
# | you give | runs | with `kubectl run NAME --image=I` |
# |---|---|---|
# | nothing | the image's `ENTRYPOINT` and `CMD` | |
# | `args` | its `ENTRYPOINT`, then your `args` | `-- ARGS` |
# | `command` | your `command` alone; its `CMD` no longer counts | `--command -- COMMAND` |
# | both | your `command`, then your `args` | |
#
# (In `kubectl create deployment`, `job` and `cronjob`, what follows `--` is the `command`.)
#
# Both are lists of words, and there is no shell: anyone who wants `while`, `|` or `>` starts one, as `sh -c "..."`.

# %% [markdown] tags=["exercise"] exercise="ex-03-1"
# ### Exercise 1: the worker
#
# *Goal*: a Deployment `worker` that keeps two pods running. Image `labs/shell:1`, command
# `sh -c "while true; do date; sleep 5; done"`. Each **pod** carries two labels: `app: worker` and `pipeline: weather`.
#
# *Constraint*: in the lesson's namespace; write it in whichever way you like.
#
# *Done when* two pods with both labels are ready, and the Deployment keeps them.

# %% [markdown] tags=["teaching"] minutes=9 exercise="ex-03-1"
# - **Mistakes**
#   - the second label on the Deployment only: *one with app=worker*;
#   - pods labelled by hand: *the pods got theirs by hand*;
#   - the loop without `sh -c`: *executable file not found*;
#   - `kubectl run` in place of a Deployment: *a Deployment worker in the namespace lab-03*;
#   - made in `default`: *one in the namespace default*.

# %% [markdown] tags=["hint"] exercise="ex-03-1"
# A Deployment holds a description of the pods that it makes. `kubectl explain deployment.spec.template` shows where.

# %% [markdown] tags=["hint"] exercise="ex-03-1"
# Labels stand in three places: on the Deployment itself, in its `selector`, and in `spec.template.metadata`. Pods get
# those of the template. `kubectl create deployment worker ... --dry-run=client -o yaml` writes most of it for you.

# %% [markdown] tags=["hint"] exercise="ex-03-1"
# `spec: {replicas: 2, selector: {matchLabels: {app: worker}}, template: {metadata: {labels: {app: worker, pipeline:
# weather}}, spec: {containers: [{name: worker, image: "labs/shell:1", command: [sh, -c, "while ..."]}]}}}`. From
# Python, `kubernetes.utils.create_from_dict(client.ApiClient(), body, namespace=lab.namespace)` sends a dictionary.

# %% tags=["answer"] exercise="ex-03-1"
### BEGIN SOLUTION
from kubernetes import utils

command = ["sh", "-c", "while true; do date; sleep 5; done"]
pod = {"containers": [{"name": "worker", "image": "labs/shell:1", "command": command}]}
labels = {"app": "worker", "pipeline": "weather"}
template = {"metadata": {"labels": labels}, "spec": pod}
spec = {"replicas": 2, "selector": {"matchLabels": {"app": "worker"}}, "template": template}
worker = {"apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": "worker"}, "spec": spec}
made = utils.create_from_dict(client.ApiClient(), worker, namespace=lab.namespace, apply=True)
### END SOLUTION

# %% tags=["check"]
lab.check("ex-03-1")

# %% [markdown] covers="T4.plane"
# ## 6. A relay of watchers
#
# If no part calls another, how does the next one know that it is its turn? It **watches**: one request whose answer
# never ends, a line for each change. Ask for a third front, and watch the pods for three seconds, from the version of
# the record that came before:

# %% [markdown] tags=["teaching"] minutes=4
# - **Ask** at each line of the watch: who wrote that?
# - **Show**: scale in a terminal while the timeline is on the projector.

# %%
from kubernetes import watch


def follow(since, seconds, selector=""):
    """Print what happens to the lesson's pods after a version of the record."""
    where = {"label_selector": selector, "resource_version": since, "timeout_seconds": seconds}
    for event in watch.Watch().stream(core.list_namespaced_pod, lab.namespace, **where):
        pod = event["object"]
        print(event["type"], pod.metadata.name, "node:", pod.spec.node_name, pod.status.phase)


# %% covers="T4.plane T4.desired"
since = core.list_namespaced_pod(lab.namespace).metadata.resource_version
apps.patch_namespaced_deployment_scale("front", lab.namespace, {"spec": {"replicas": FRONTS + 1}})
follow(since, seconds=3, selector="app=front")

# %% [markdown]
# **What happened.** One pod, several hands. (The kubelet reports several times, so some lines look alike: only the
# status behind them differs.)
#
# 1. `ADDED`, node `None`: the ReplicaSets' loop in the controller manager saw "three desired, two there", and made it.
# 2. A node: the scheduler saw a pod without one, and wrote a name into it.
# 3. `Running`: the kubelet of that node saw a pod with its name on it, started it, and reported on the way.
#
# `kubectl get pods --watch` shows the same. And this is the relay as a picture, from what every hand left in the record:
# fields with their writer, events, conditions. What is red or amber says why, at a click.

# %% covers="T4.plane"
views.timeline(lab, "deployment/front")

# %% [markdown]
# Back to two; as a rule, the youngest pod goes first:

# %%
# !kubectl scale deployment front --replicas={FRONTS}

# %% [markdown] covers="T4.labels"
# ## 7. Labels bind, owners keep
#
# **Labels** are keys with values that you stick on objects; a **selector** is a question about them. Services,
# Deployments and you find pods that way, never by name. (The third front may still be listed, as `Terminating` or
# `Completed`: it is ending.)

# %% [markdown] tags=["teaching"] minutes=3
# - **Ask**: a pod matches the selector, and is owned by somebody else. Does the Service send it requests? Does the
#   ReplicaSet count it? (Yes; no.)

# %% covers="T4.labels"
# !kubectl get pods --show-labels
# !kubectl get pods --selector "app in (front, worker), pipeline!=weather" -o name

# %% [markdown] covers="T4.owners"
# A selector finds; it does not say to whom a pod belongs. That is what **owner references** are for. Follow them up:

# %% covers="T4.owners"
pod = wait_for_pods(core, lab.namespace, "app=front", FRONTS)[0]
owner = pod.metadata.owner_references[0]
replica_set = apps.read_namespaced_replica_set(owner.name, lab.namespace)
print(pod.metadata.name, "←", owner.kind, owner.name)
for owner in replica_set.metadata.owner_references:
    print(replica_set.metadata.name, "←", owner.kind, owner.name)

# %% [markdown] covers="T4.owners"
# A Deployment does not own pods. It owns a **ReplicaSet**, which owns the pods; lesson 04 shows what the one in between
# is good for. When an owner is deleted, a loop called the garbage collector deletes what it owned:

# %% covers="T4.owners"
# !kubectl create deployment trial --image={FRONT_IMAGE}
# !kubectl get replicaset,pod --selector app=trial -o name
# !kubectl delete deployment trial --cascade=foreground
# !kubectl get replicaset,pod --selector app=trial -o name

# %% [markdown] covers="T4.namespaces T4.owners"
# A ReplicaSet goes by both: it counts the pods that it owns, **adopts** an orphan that its selector matches, and **lets
# go** of a pod that no longer matches.
#
# A **namespace**, last, is a drawer: in each, a name may be taken once for each kind, and most requests look into one.
# A second Service `front` is refused here and fine next door (only asked, not made):

# %% covers="T4.namespaces"
# !kubectl create service clusterip front --tcp=80 --dry-run=server
# !kubectl create service clusterip front --tcp=80 --dry-run=server --namespace=default

# %% [markdown] covers="T4.namespaces"
# Nodes, and namespaces themselves, lie in no drawer: `kubectl api-resources --namespaced=false` lists such kinds.

# %% [markdown] tags=["exercise"] exercise="ex-03-2"
# ### Exercise 2: out of service
#
# One of the front's pods answers strangely. You want it to go on running, so that you can look into it at leisure, but
# without visitors, and with a healthy pod in its place.
#
# *Goal*: one pod that the front's ReplicaSet made runs on **without an owner**, while the Deployment `front` has its two
# pods.
#
# *Constraint*: delete nothing, and leave the Deployment as it is.
#
# *Done when* there are three pods of the front's making, two owned and one free, and the Service `front` does not lead to
# the free one. (If you free another, as a second run of your cell does, that is as good.)

# %% [markdown] tags=["teaching"] minutes=8 exercise="ex-03-2"
# - **Mistakes**
#   - a label added, none changed: *each owned by a ReplicaSet*;
#   - the pod deleted: the same verdict, and the lesson's question again: what is a selector?
#   - a pod made by hand: *that no ReplicaSet ever made*;
#   - `pod-template-hash` taken off: free, but the Service still finds it: *does not lead to a pod without an owner*.
#     The best wrong answer; show it.

# %% [markdown] tags=["hint"] exercise="ex-03-2"
# By what does a ReplicaSet recognise its pods? `kubectl get replicaset --show-labels -o wide` shows the selector too.

# %% [markdown] tags=["hint"] exercise="ex-03-2"
# A pod's labels may be changed while it runs. A ReplicaSet lets go of a pod that its selector no longer matches.

# %% [markdown] tags=["hint"] exercise="ex-03-2"
# `kubectl label pod NAME app=front-suspect --overwrite`, or `core.patch_namespaced_pod(NAME, lab.namespace, {"metadata":
# {"labels": {"app": "front-suspect"}}})`.

# %% tags=["answer"] exercise="ex-03-2"
suspect = core.list_namespaced_pod(lab.namespace, label_selector="app=front").items[0].metadata.name
### BEGIN SOLUTION
freed = core.patch_namespaced_pod(suspect, lab.namespace, {"metadata": {"labels": {"app": "front-suspect"}}})
### END SOLUTION

# %% tags=["check"]
lab.check("ex-03-2")

# %% [markdown] covers="T4.stopped"
# ## 8. Stop the parts, one by one
#
# Now the experiment that tells what each part is for: stop it, and see what no longer happens. Before each cell, **say
# what you expect**.
#
# The helper starts the part again when its block ends, whatever happens in between. On a cluster that the course did not
# start, it says that it may not, and the cell goes on with everything running.

# %% [markdown] tags=["teaching"] minutes=16
# - **Ask** before *every* cell: what will no longer happen, and what goes on? Write it into an empty copy of the
#   table at the end of the section; correct it with what was seen.
# - **Show**: `labs status` in a terminal while a part is stopped.
# - The etcd cell takes about 15 s: announce it.

# %%
from contextlib import contextmanager, suppress


@contextmanager
def stopped(name):
    """A block during which a part of the cluster does not run."""
    try:
        try:
            lab.engine.stop(name)
            print(f"--- {name} is stopped")
        except NotSupported as refusal:
            print(f"--- {refusal} What follows is a cluster with all its parts.")
        yield
    finally:
        with suppress(NotSupported):
            lab.engine.start(name)


# %% [markdown]
# ### The scheduler
#
# A pod for a trial, while nobody chooses nodes:

# %% covers="T4.stopped T4.plane"
# !kubectl delete pod trial --ignore-not-found --grace-period=1
since = core.list_namespaced_pod(lab.namespace).metadata.resource_version
with stopped("kube-scheduler"):
#     !kubectl run trial --image={FRONT_IMAGE}
    follow(since, seconds=3, selector="run=trial")
#     !kubectl describe pod trial | tail -n 1

# %%
wait_for_pods(core, lab.namespace, "run=trial", 1)[0].spec.node_name

# %% [markdown] covers="T4.stopped T4.plane"
# **What happened.** The API server stored the pod at once; it stayed `Pending`, node `None`, and had no events: nobody
# had looked at it. Remember that pair, *Pending and no events*. A scheduler that looks and finds no place leaves an event
# which says so. Back again, it caught up: nothing was lost, since the wish is in the record, not in a message that had to
# be received.
#
# ### The controller manager
#
# Delete both fronts, and wish for something new:

# %% covers="T4.stopped T4.plane"
# !kubectl delete deployment late --ignore-not-found
with stopped("kube-controller-manager"):
#     !kubectl delete pod --selector app=front --grace-period=1
#     !kubectl create deployment late --image={FRONT_IMAGE}
#     !kubectl get deployment front late
#     !kubectl get replicaset,pod --selector "app in (front, late)"

# %%
wait_for_pods(core, lab.namespace, "app in (front, late)", FRONTS + 1)
# !kubectl get deployment front late

# %% [markdown] covers="T4.node T4.stopped"
# **What happened.** The front's pods were gone and not replaced; `late` had no ReplicaSet. And yet `front` was said to be
# 2 of 2 ready! A `status` is what a controller wrote last. With nobody to write, it lies. Pods are the truth.
#
# ### The kubelet
#
# The node's own agent. `front` is the old hand here, `trial` the newcomer:

# %% covers="T4.node T4.stopped"
# !kubectl delete pod trial --ignore-not-found --grace-period=1
since = core.list_namespaced_pod(lab.namespace).metadata.resource_version
with stopped(f"kubelet/{lab.engine.nodes[0]}"):
#     !kubectl run trial --image={FRONT_IMAGE}
    follow(since, seconds=3, selector="run=trial")
    print(wait_for_http(lab.url(30030)))

# %%
trial = wait_for_pods(core, lab.namespace, "run=trial", 1)[0]
print(trial.spec.node_name, trial.status.phase)

# %% [markdown]
# **What happened.** The scheduler gave the new pod a node, and nobody there picked it up. The old pods went on answering:
# containers are processes of the node, not children of the kubelet.
#
# A kubelet also reports that its node lives. When that stays out for 20 s here (50 s by default), the node is called
# `NotReady`, its pods are taken out of Services, and five minutes later replaced elsewhere.
#
# ### The container runtime
#
# Where the kubelet only tells, the runtime does. Again old hand and newcomer:

# %% covers="T4.node T4.stopped"
# !kubectl delete pod trial --ignore-not-found --grace-period=1
with stopped(f"containerd/{lab.engine.nodes[0]}"):
#     !kubectl run trial --image={FRONT_IMAGE}
#     !kubectl wait pod trial --for=condition=Ready --timeout=3s
    print(wait_for_http(lab.url(30030)))

# %% [markdown]
# **What happened.** No new container, and the old ones do not care: each hangs on a small process of its own (a *shim*),
# so that the runtime may be replaced under running containers.
#
# ### kube-proxy
#
# It writes into the node's firewall how a Service's address leads to its pods. A second Service, meanwhile:

# %% covers="T4.node T4.stopped"
from labs.errors import Timeout

# !kubectl delete service second --ignore-not-found
with stopped(f"kube-proxy/{lab.engine.nodes[0]}"):
#     !kubectl create service nodeport second --tcp=80 --node-port=30031
#     !kubectl set selector service second app=front
    for port in (30030, 30031):
        try:
            print(port, wait_for_http(lab.url(port), timeout=2))
        except Timeout as error:
            print(port, error.what)

# %%
wait_for_http(lab.url(30031))

# %% [markdown] covers="T4.stopped"
# **What happened.** The old Service answered, the new one did not: kube-proxy writes rules, and the kernel carries the
# traffic. No byte of yours ever passes through kube-proxy, whatever its name says.
#
# ### The API server
#
# The only door. With it shut, is the application down? (Some seconds.)

# %% covers="T4.plane T4.stopped"
from labs.explain import explain

with stopped("kube-apiserver"):
#     !kubectl get pods
    try:
        core.list_namespaced_pod(lab.namespace)
    except Exception as error:
        print("Python:", explain(error).what)
    print("The front:", wait_for_http(lab.url(30030)))

# %% [markdown]
# **What happened.** You were locked out, and every control loop with you: nothing could be changed, healed or scaled.
# And the front answered. A cluster without its control plane is not down, it is **frozen**: it serves as it did, until
# something breaks that nobody will repair.
#
# When a cell of yours says *The API server does not answer*, this is why; `labs status` in a terminal shows it.
#
# ### etcd
#
# The API server keeps nothing itself. Without its database it runs, and cannot serve (about 15 seconds):

# %% covers="T4.plane T4.stopped"
with stopped("etcd"):
#     !kubectl get --raw /readyz/etcd --request-timeout=8s
#     !kubectl create configmap proof --dry-run=server --request-timeout=3s
    print("The front:", wait_for_http(lab.url(30030)))

# %%
# !kubectl delete pod trial --ignore-not-found --grace-period=1
# !kubectl run trial --image={FRONT_IMAGE}
wait_for_pods(core, lab.namespace, "run=trial", 1)[0].status.phase

# %% [markdown] covers="T4.stopped"
# **What happened.** Frozen again, and then, with a new pod, well again. All that the cluster *is* lies in etcd: every other part could be thrown away and
# restarted, as you just did. That is why a cluster's backup is a backup of etcd.
#
# | stopped | what no longer happens | what goes on |
# |---|---|---|
# | scheduler | new pods get no node | all pods |
# | controller manager | nothing is replaced or scaled; status grows old | all pods |
# | kubelet | no pod starts or ends on its node; in time, NotReady | its containers |
# | runtime | no container starts on its node | its containers |
# | kube-proxy | changes of Services do not arrive at its node | known Services |
# | API server, etcd | nothing changes | all that runs |

# %% [markdown] tags=["exercise"] exercise="ex-03-3"
# ### Exercise 3: the producer that never starts
#
# The next cell deploys the pipeline's producer. All parts of the cluster run, and yet its pod waits forever.
#
# *Goal*: find out who does not do their work for this pod, and why. Then repair the Deployment `producer`. There may be more
# than one thing wrong with it.
#
# *Constraint*: nodes belong to everybody: leave them as they are.
#
# *Done when* one pod of the Deployment `producer` is ready.

# %% [markdown] tags=["teaching"] minutes=10 exercise="ex-03-3"
# - **Ask** before they begin: *Pending and no events*: which experiment looked like this?
# - **Mistakes**
#   - only the node selector taken out: *no scheduler has looked at it*;
#   - the scheduler repaired, and there they stop: *the scheduler has looked, and found none*;
#   - the node labelled until it fits: *the nodes as they were*;
#   - the Deployment replaced by a pod: *rather than replace it by a pod*.

# %% [markdown] tags=["hint"] exercise="ex-03-3"
# In which state is the pod, and has it got events? `kubectl describe pod --selector app=producer` ends with them. Which
# of the experiments above looked like this?

# %% [markdown] tags=["hint"] exercise="ex-03-3"
# *Pending and no events*: no scheduler has looked. Whom does the pod wait for? Compare `schedulerName` in
# `kubectl get pod --selector app=producer -o yaml` with a front pod's. Once a scheduler looks, read its event, and
# `kubectl get nodes --show-labels`.

# %% [markdown] tags=["hint"] exercise="ex-03-3"
# In `spec.template.spec`, take out `schedulerName` (the default is `default-scheduler`) and `nodeSelector`. With
# `kubectl edit deployment producer` in a terminal, by applying a repaired copy of the YAML, or with
# `apps.patch_namespaced_deployment`; there, `None` takes a field out.

# %% language="bash" covers="D3.5" setup="ex-03-3"
# kubectl apply -f - <<END
# apiVersion: apps/v1
# kind: Deployment
# metadata: {name: producer}
# spec:
#   selector: {matchLabels: {app: producer}}
#   template:
#     metadata: {labels: {app: producer, pipeline: weather}}
#     spec:
#       schedulerName: fast-scheduler
#       nodeSelector: {disk: nvme}
#       containers:
#       - {name: producer, image: "labs/shell:1", command: [tail, -f, /dev/null]}
# END

# %% tags=["answer"] exercise="ex-03-3"
### BEGIN SOLUTION
repaired = {"schedulerName": "default-scheduler", "nodeSelector": None}
changed = apps.patch_namespaced_deployment("producer", lab.namespace, {"spec": {"template": {"spec": repaired}}})
### END SOLUTION

# %% tags=["check"]
lab.check("ex-03-3")

# %% [markdown]
# ## Recap
#
# 1. **Desired state** is a record; **control loops** look, compare and act until the world agrees with it.
# 2. All parts are ordinary programs around one door, `kube-apiserver`; the record lies in `etcd`.
# 3. An object has `apiVersion`, `kind` and `metadata`; most have a `spec` (yours) and a `status` (theirs, and sometimes
#    old), a ConfigMap has `data`. `command` replaces an image's `ENTRYPOINT`, `args` its `CMD`.
# 4. YAML, Python and `kubectl` send the same JSON; `explain` and `api-resources` know every field.
# 5. The parts give each other no orders; they **watch**, and take turns.
# 6. **Selectors** find by **labels**; **owner references** say who belongs to whom, and who goes with whom;
#    **namespaces** keep names apart.
# 7. A cluster without control plane is frozen, not down.

# %% [markdown] tags=["teaching"] minutes=2
# - **Ask**: the API server is down. Is the shop closed? (Frozen, not down.)
# - Have all run the last cells: a part that stays stopped spoils lesson 04.

# %% [markdown]
# **In practice**: when a pod does not run, ask which loop's turn it is. No pod: controller manager (or a quota). Pending,
# no node: scheduler. A node, not running: kubelet or runtime. Running, no answer: Service, kube-proxy. Managed clusters
# run the control plane for you, several of each; the nodes are yours to understand.
#
# **Next**: lesson 04 changes the front's version while visitors come, and takes it back.

# %% [markdown]
# ## Clean up
#
# Is everything up again? What is not, is started; then all that the lesson made is removed. (`lab.reset()` does the same,
# and makes the namespace again.)

# %%
for part in lab.engine.status():
    print(f"{part.name:26}{part.state}")
    if part.state != "running":
        lab.engine.start(part.name)

# %%
lab.cleanup()
