# %% [markdown]
# # Share the machine
#
# The store, the producer and the front of the weather pipeline run on one
# node, and so do many other pods. How much of it may each of them have, and
# who is hurt when there is not enough? So far nobody has said.
#
# *You will do*: ask for CPU and memory, and for too much of both; divide a
# namespace's share; let the number of pods follow the load; protect pods
# from being evicted; repair a Deployment that is refused its pods.
#
# *You will learn*
#
# 1. what the scheduler does with a request;
# 2. what the kernel does with a limit: it brakes, or it kills;
# 3. which pods are the first to go, and why;
# 4. how a LimitRange fills in what a container does not say;
# 5. how a ResourceQuota counts, and where its refusal hides;
# 6. how a HorizontalPodAutoscaler decides, and on what it depends;
# 7. how a PodDisruptionBudget says no.
#
# *You need*: lesson 04, or to know Deployments and ReplicaSets.
#
# *Time*: about 85 minutes, the three exercises included.

# %% [markdown] tags=["teaching"] minutes=3
# - **Before**: `kubectl top nodes` must have an answer on each machine.
# - **Cut**: the resize in section 3, then priority in section 6. Keep
#   section 5's silent Deployment and exercise 3.

# %% tags=["parameters"]
TIMEOUT = 240  # seconds to wait for anything

# %%
import docker
from kubernetes import client, config

from labs import open_lab
from labs.waiting import wait_for

lab = open_lab("12")
config.load_kube_config()
core, apps = client.CoreV1Api(), client.AppsV1Api()

# %% setup="ex-12-1 ex-12-2 ex-12-3"
docker.from_env().images.build(path=str(lab.project), tag="weather:1", rm=True, labels=lab.labels)
IMAGE = lab.load_image("weather:1")

# %% [markdown] covers="D4.4"
# ## 1. Requests: what the scheduler counts
#
# A **request** says how much a container needs. The scheduler adds up the
# requests of all pods on a node, and places a new pod only where its own
# still fit. It looks at nothing else, and never at what is really used.
#
# Here is a store with a modest request, and `big`, which wants 64 CPUs:

# %% [markdown] tags=["teaching"] minutes=7
# - **Ask** before the events: the node is nearly idle. Will a pod that asks
#   for 64 CPUs and sleeps be started?
# - **Draw** a node as a box with two bars: what is asked for, what is used.

# %% magic_args="-s {IMAGE}" language="bash" covers="D4.4"
# kubectl delete pod store big --ignore-not-found --grace-period=1
# kubectl apply -f - <<END
# {apiVersion: v1, kind: List, items: [
# {apiVersion: v1, kind: Pod, metadata: {name: store, labels: {app: store}}, spec: {containers: [
#   {name: store, image: "$1", args: [store], resources: {requests: {cpu: 100m, memory: 64Mi}}}]}},
# {apiVersion: v1, kind: Pod, metadata: {name: big}, spec: {containers: [
#   {name: big, image: "labs/shell:1", command: [sleep, infinity], resources: {requests: {cpu: "64"}}}]}}]}
# END
# kubectl wait pod store --for=condition=Ready --timeout=60s

# %% language="bash" covers="D4.4"
# kubectl wait pod big --for=jsonpath='{.status.conditions[?(@.type=="PodScheduled")].status}'=False --timeout=60s
# kubectl get pods
# kubectl describe pod big | tail -n 3

# %% [markdown] covers="D4.4"
# **What happened.** `Pending`, and among the events `Insufficient cpu`. The
# pod waits until a node has room, with memory it would be the same. A
# container's request is fixed once it is made (section 3 has an exception).
#
# | written | means |
# |---|---|
# | `cpu: 1`, `"1"`, `1000m` | one CPU for the whole time |
# | `cpu: 100m` | a tenth of one; `0.1` is the same |
# | `memory: 64Mi` | 64 · 1024 · 1024 bytes |
# | `memory: 64M` | 64 000 000 bytes, 5 % less |
# | `memory: 100m` | a tenth of **one byte**, with a warning only |
#
# **Misconception**: *"`m` is mega."* It is milli, for memory as well.

# %% [markdown]
# `describe node` has both lists: each pod with its requests and limits, and
# below it the sums. `kubectl top` tells what is used:

# %% language="bash" covers="D4.4"
# kubectl delete pod big --grace-period=1
# kubectl describe node | sed -n '/^Allocated resources/,/ephemeral/p'
# timeout 90 bash -c 'until kubectl top pod store >/dev/null 2>&1; do sleep 2; done'
# kubectl top pod store
# kubectl top nodes

# %% [markdown]
# The same as a picture, for all CPUs of all nodes. `#` is requested, `=` may
# be used by limits:

# %% covers="D4.4"
from kubernetes.utils import parse_quantity

cpus = float(sum(parse_quantity(node.status.allocatable["cpu"]) for node in core.list_node().items))


def bars():
    pods = [p for p in core.list_pod_for_all_namespaces().items if p.status.phase == "Running"]
    for kind, sign in (("requests", "#"), ("limits", "=")):
        stated = [getattr(c.resources, kind) or {} for p in pods for c in p.spec.containers]
        total = float(sum(parse_quantity(each.get("cpu", 0)) for each in stated))
        print(f"{kind:9}[{sign * round(50 * total / cpus):<50}] {total:.2f} of {cpus:g} CPUs")


bars()

# %% [markdown] covers="D4.4"
# ## 2. Limits: what the kernel enforces
#
# A **limit** says how much a container may have at most. The kubelet writes
# it into the container's control group, and the *kernel* enforces it. CPU
# and memory differ here: time can be given out later, memory cannot.
#
# `busy` counts as fast as it can and may have 5 % of a CPU. `greedy` takes
# 40 MB and may have 32 Mi:

# %% [markdown] tags=["teaching"] minutes=9
# - **Ask**: which of the two will be restarted?
# - **Say**: a brake and a knife. That is the whole difference.

# %% language="bash" covers="D4.4"
# kubectl delete pod busy greedy --ignore-not-found --grace-period=1
# kubectl apply -f - <<END
# {apiVersion: v1, kind: List, items: [
# {apiVersion: v1, kind: Pod, metadata: {name: busy}, spec: {containers: [{name: busy, image: "labs/shell:1",
#   command: [sh, -c, "while :; do :; done"], resources: {limits: {cpu: 50m}}}]}},
# {apiVersion: v1, kind: Pod, metadata: {name: greedy}, spec: {containers: [{name: greedy, image: "labs/python:3",
#   command: [python3, -c, "import signal; x = b'x' * 40000000; signal.pause()"], resources: {limits: {memory: 32Mi}}}]}}]}
# END
# kubectl wait pod busy --for=condition=Ready --timeout=60s
# kubectl wait pod greedy --for=jsonpath='{.status.containerStatuses[0].lastState.terminated.reason}'=OOMKilled --timeout=60s

# %% language="bash" covers="D4.4"
# kubectl exec busy -- sh -c 'cat /sys/fs/cgroup/cpu.stat || cat /sys/fs/cgroup/cpu/cpu.stat' 2>/dev/null
# kubectl get pod busy greedy
# kubectl get pod greedy -o jsonpath='{.status.containerStatuses[0].lastState}{"\n"}'

# %% [markdown] covers="D4.4"
# **What happened.** Time is given out in periods of 100 ms. `nr_throttled`
# counts those in which `busy` had used up its 5 ms and had to stand still.
# It is never killed, only slow. No event tells you.
#
# `greedy` was killed by the kernel: reason `OOMKilled`, exit code 137 (128
# plus signal 9). It is started again, and again. Its log says nothing, since
# nobody can say goodbye at a signal 9. The reason is in `lastState`.
#
# **Exam tip.** `kubectl set resources` writes both into a Deployment. `-c`
# names one container; without it, all of them are changed. The next cell
# also shows what the server refuses:

# %% magic_args="-s {IMAGE}" language="bash" covers="D4.4"
# kubectl delete pod busy greedy --grace-period=1
# kubectl create deployment front --image=$1 --dry-run=client -o yaml | kubectl apply -f -
# kubectl set resources deployment front --requests=cpu=2 --limits=cpu=1 || true
# kubectl set resources deployment front --requests=cpu=50m,memory=32Mi --limits=cpu=100m,memory=64Mi
# kubectl get deployment front -o jsonpath='{.spec.template.spec.containers[0].resources}{"\n"}'

# %% [markdown]
# **Two minutes.** Give the front a memory limit of 96Mi, and leave all else
# as it is. Then run this cell:

# %% language="bash"
# kubectl rollout status deployment/front --timeout=60s
# kubectl get deployment front -o jsonpath='{.spec.template.spec.containers[0].resources}{"\n"}'

# %% [markdown] covers="D4.4"
# ## 3. Who goes first
#
# Requests can be kept, as long as nobody uses more than its own. If a node
# runs out of memory all the same, somebody has to go. The **QoS class** helps
# to decide that. Nobody sets it: it follows from requests and limits.

# %% [markdown] tags=["teaching"] minutes=7
# - **Ask** for each pod's class before the table is printed. Most are wrong
#   at `limited`.

# %% language="bash" covers="D4.4"
# kubectl delete pod none some limited one-of-two --ignore-not-found --grace-period=1
# pod() { echo "{apiVersion: v1, kind: Pod, metadata: {name: $1}, spec: {containers: [$2]}}" | kubectl apply -f -; }
# C='image: "labs/shell:1", command: [sleep, infinity], resources:'
# L='{limits: {cpu: 20m, memory: 16Mi}}'
# pod none "{name: a, $C {}}"
# pod some "{name: a, $C {requests: {memory: 16Mi}}}"
# pod limited "{name: a, $C $L}"
# pod one-of-two "{name: a, $C $L}, {name: b, $C {}}"
# kubectl get pods none some limited one-of-two -o custom-columns='POD:.metadata.name,CLASS:.status.qosClass,REQUESTS:.spec.containers[*].resources.requests'

# %% [markdown] covers="D4.4"
# **What happened.**
#
# | class | when | goes |
# |---|---|---|
# | `BestEffort` | no container says anything | first |
# | `Burstable` | something is said | if it uses more than it asked for |
# | `Guaranteed` | *each* container has limits for CPU *and* memory, and requests equal to them | last |
#
# `limited` states no requests, and yet has some: **where only a limit is
# given, the request is set to the same.** And `one-of-two` is `Burstable`:
# its second container says nothing.

# %% [markdown] covers="D4.4"
# A Deployment's new resources mean new pods. A *single* pod can be changed
# while it runs, by its subresource `resize`. (`resizePolicy` in a container
# says whether it must be restarted for that.)

# %% language="bash" covers="D4.4"
# kubectl wait pod limited --for=condition=Ready --timeout=60s
# NEW='{"requests": {"cpu": "40m", "memory": "32Mi"}, "limits": {"cpu": "40m", "memory": "32Mi"}}'
# kubectl patch pod limited --subresource resize -p "{\"spec\": {\"containers\": [{\"name\": \"a\", \"resources\": $NEW}]}}"
# kubectl wait pod limited --for=jsonpath='{.status.containerStatuses[0].resources.limits.memory}'=32Mi --timeout=60s
# kubectl get pod limited -o jsonpath='{.status.qosClass}, {.status.containerStatuses[0].restartCount} restarts{"\n"}'
# kubectl delete pod none some limited one-of-two --grace-period=1

# %% [markdown] covers="D4.4"
# **What happened.** More memory, and no restart. The class stays for a
# pod's whole life: a change that would alter it is refused.
#
# For the exercise, two Deployments that say nothing yet:

# %% magic_args="-s {IMAGE}" language="bash" setup="ex-12-1"
# kubectl delete deployment gauge sender --ignore-not-found
# kubectl apply -f - <<END
# {apiVersion: v1, kind: List, items: [
# {apiVersion: apps/v1, kind: Deployment, metadata: {name: gauge}, spec: {selector: {matchLabels: {app: gauge}}, template: {
#   metadata: {labels: {app: gauge}}, spec: {containers: [{name: store, image: "$1", args: [store]},
#   {name: metrics, image: "labs/shell:1", command: [sleep, infinity]}]}}}},
# {apiVersion: apps/v1, kind: Deployment, metadata: {name: sender}, spec: {selector: {matchLabels: {app: sender}}, template: {
#   metadata: {labels: {app: sender}}, spec: {containers: [{name: producer, image: "$1", args: [producer]}]}}}}]}
# END

# %% [markdown] tags=["exercise"] exercise="ex-12-1"
# ### Exercise 1: as much as they need
#
# *Goal*
#
# - The pod of the Deployment `gauge` is `Guaranteed`: its container `store`
#   has 100m of CPU and 64Mi of memory, its container `metrics` 50m and 32Mi.
# - The container `producer` of the Deployment `sender` asks for 50m of CPU
#   and 32Mi of memory. It may have 128Mi of memory at most, and as much CPU
#   as is left over.
#
# *Constraint*: the containers stay, with image `weather:1` or `labs/shell:1`.
#
# *Done when* both are rolled out, and `status.qosClass` of their pods says
# `Guaranteed` and `Burstable`.

# %% [markdown] tags=["teaching"] minutes=8 exercise="ex-12-1"
# - **Mistakes**
#   - one of two containers: *metrics asks for no cpu*;
#   - `64M`: *asks for 64M of memory*;
#   - `memory: 64m`: *thousandths of a byte*;
#   - a CPU limit for the sender: *no limit of cpu*;
#   - requests only: *its class is Burstable*.

# %% [markdown] tags=["hint"] exercise="ex-12-1"
# Which four values does `Guaranteed` want of each container? And what does
# *as much as is left over* mean for a limit?

# %% [markdown] tags=["hint"] exercise="ex-12-1"
# `kubectl set resources deployment gauge -c store --limits=...` changes one
# container. Where requests are missing, they become equal to the limits.

# %% [markdown] tags=["hint"] exercise="ex-12-1"
# `--limits=cpu=100m,memory=64Mi` with `-c store`, `--limits=cpu=50m,memory=32Mi`
# with `-c metrics`. For `sender`: `--requests=cpu=50m,memory=32Mi
# --limits=memory=128Mi`.

# %% tags=["answer"] exercise="ex-12-1"
### BEGIN SOLUTION
def give(deployment, **containers):
    entries = [{"name": name, "resources": resources} for name, resources in containers.items()]
    change = {"spec": {"template": {"spec": {"containers": entries}}}}
    apps.patch_namespaced_deployment(deployment, lab.namespace, change)


def fixed(**amounts):
    return {"requests": amounts, "limits": amounts}


give("gauge", store=fixed(cpu="100m", memory="64Mi"), metrics=fixed(cpu="50m", memory="32Mi"))
give("sender", producer={"requests": {"cpu": "50m", "memory": "32Mi"}, "limits": {"memory": "128Mi"}})
### END SOLUTION

# %% tags=["check"]
lab.check("ex-12-1")

# %% [markdown] covers="D4.3"
# ## 4. A LimitRange fills in, and refuses
#
# Who runs a cluster cannot trust that everybody states requests. A
# **LimitRange** does it for a namespace. It holds defaults, and a minimum
# and a maximum, for each *container*. To try it, we make a second namespace,
# the *quay*:

# %% [markdown] tags=["teaching"] minutes=7
# - **Ask**: the pod states nothing. Where will you see what it got?
# - **Say**: it acts when a pod is created, and never on pods that are there.

# %% covers="D4.3"
QUAY = f"{lab.namespace}-quay"
mine = core.read_namespace(lab.namespace).metadata.labels
marks = " ".join(f"{key}={value}" for key, value in mine.items() if key != "kubernetes.io/metadata.name")
# !kubectl create namespace {QUAY} --dry-run=client -o yaml | kubectl label -f - --local -o yaml {marks} | kubectl apply -f -

# %% magic_args="-s {QUAY}" language="bash" covers="D4.3"
# kubectl delete deployment,pod,quota --all -n $1 --grace-period=1
# kubectl apply -n $1 -f - <<END
# apiVersion: v1
# kind: LimitRange
# metadata: {name: bounds}
# spec:
#   limits:
#   - type: Container
#     defaultRequest: {cpu: 50m, memory: 32Mi}
#     default: {cpu: 200m, memory: 64Mi}
#     min: {cpu: 10m}
#     max: {memory: 128Mi}
# END

# %% magic_args="-s {QUAY}" language="bash" covers="D4.3"
# kubectl run plain -n $1 --image=labs/shell:1 -- sleep infinity
# kubectl get pod plain -n $1 -o jsonpath='{.spec.containers[0].resources}{"\n"}'
# for AMOUNTS in 'limits: {memory: 256Mi}' 'requests: {cpu: 5m}' 'requests: {memory: 100Mi}'; do
#   C="{name: a, image: 'labs/shell:1', resources: {$AMOUNTS}}"
#   echo "{apiVersion: v1, kind: Pod, metadata: {name: no}, spec: {containers: [$C]}}" | kubectl apply -n $1 -f - || true
# done

# %% [markdown] covers="D4.3"
# **What happened.** `plain` said nothing, and its spec now has all four
# values: `default` is the default *limit*. Then came three refusals: above
# the maximum; below the minimum; and a request above a limit that is not
# even written in the pod, the default of 64Mi.
#
# `kubectl describe limitrange` shows all bounds. Nothing creates one: learn
# the form above, or take it from the documentation.

# %% [markdown] covers="D4.3"
# ## 5. A ResourceQuota counts
#
# A LimitRange looks at one container. A **ResourceQuota** limits the *sum*
# of a namespace: of requests, of limits, or of objects.

# %% [markdown] tags=["teaching"] minutes=9
# - **Ask** before the Deployment: *created*, it says. Is anything running?
# - **Show** the three places in order: Deployment, ReplicaSet, events.

# %% magic_args="-s {QUAY}" language="bash" covers="D4.3"
# kubectl delete limitrange bounds -n $1 --ignore-not-found
# kubectl create quota share -n $1 --hard=requests.cpu=200m,limits.memory=200Mi,pods=3,configmaps=2 --dry-run=client -o yaml | kubectl apply -f -
# kubectl wait quota share -n $1 --for=jsonpath='{.status.used.pods}'=1 --timeout=60s
# kubectl describe quota share -n $1

# %% magic_args="-s {QUAY}" language="bash" covers="D4.3"
# kubectl delete configmap one two -n $1 --ignore-not-found
# kubectl create configmap one -n $1
# kubectl create configmap two -n $1 || true
# kubectl run more -n $1 --image=labs/shell:1 -- sleep infinity || true

# %% [markdown] covers="D4.3"
# **What happened.** `exceeded quota` says what you asked for, what is used,
# what is allowed. (Each namespace has a ConfigMap `kube-root-ca.crt`; it
# counts as well.)
#
# The pod was refused for another reason: `must specify limits.memory,
# requests.cpu`. **A quota of a resource makes it compulsory**, as it could not
# be counted otherwise. A LimitRange with defaults is the usual remedy.
#
# All that was said to you directly. But who hears it if a ReplicaSet asks?

# %% magic_args="-s {QUAY}" language="bash" covers="D4.3"
# kubectl create deployment quiet -n $1 --image=labs/shell:1 --replicas=3 --dry-run=client -o yaml -- sleep infinity \
#   | kubectl set resources -f - --local -o yaml --limits=cpu=80m,memory=32Mi | kubectl apply -n $1 -f -
# kubectl wait deployment quiet -n $1 --for=condition=ReplicaFailure --timeout=60s
# kubectl get deployment,replicaset,pods -n $1

# %% magic_args="-s {QUAY}" language="bash" covers="D4.3"
# kubectl get deployment quiet -n $1 -o jsonpath='{.status.conditions[?(@.type=="ReplicaFailure")].message}{"\n"}'
# kubectl describe replicaset -n $1 | tail -n 2
# kubectl get events -n $1 --field-selector reason=FailedCreate -o custom-columns=FROM:.involvedObject.kind,SAID:.message | tail -n 1

# %% [markdown] covers="D4.3"
# **What happened.** The Deployment was *created*, and `get pods` shows too
# few pods and no error. There is no pod whose events could tell: **it was
# refused before it existed.** The ReplicaSet was told, and tells it in its
# events; the Deployment repeats it in its condition `ReplicaFailure`.
#
# **Misconception**: *"Raise the quota, and it comes up at once."* The
# ReplicaSet tries again at growing intervals, so it may take minutes.
#
# **And a rollout** needs room for one pod more than the replicas, as long
# as the old ones run. If a quota has none, it stops half-way: scale down
# first, or allow `maxUnavailable: 1`.

# %% [markdown]
# **Two minutes.** 200m, and `plain` has 50m of it. How much CPU may each of
# the three pods have? (The quota of pods is a second obstacle.) Give the
# Deployment what fits, scale it to what fits, then run this cell:

# %% magic_args="-s {QUAY}" language="bash"
# kubectl get deployment quiet -n $1
# kubectl describe quota share -n $1 | tail -n 5

# %% [markdown] covers="D2.2"
# ## 6. As many pods as it takes
#
# A **HorizontalPodAutoscaler** (HPA) changes `replicas` by what is measured.
# *Target: 50 % CPU* means 50 % of the **request**, on average. It computes
#
# `wanted = present × measured / target`, rounded up.
#
# The front requests 50m and may use 100m, twice that. A `crowd` of visitors
# begins at once:

# %% [markdown] tags=["teaching"] minutes=9
# - **Ask**: the front uses 100m at most and requests 50m. At a target of
#   50 %, how many pods? (200 % / 50 % = 4.)
# - **Show** `kubectl get hpa front --watch` in a terminal meanwhile.

# %% language="bash" covers="D2.2"
# kubectl set resources deployment front --requests=cpu=50m,memory=32Mi --limits=cpu=100m,memory=96Mi
# kubectl create service clusterip front --tcp=80:8080 --dry-run=client -o yaml | kubectl apply -f -
# kubectl delete pod crowd --ignore-not-found --grace-period=1
# kubectl run crowd --image=labs/shell:1 -- sh -c 'while :; do wget -qO- http://front/healthz; done'
# kubectl delete hpa front --ignore-not-found
# kubectl autoscale deployment front --cpu=50% --min=1 --max=4
# kubectl get hpa front

# %% [markdown] covers="D2.2"
# `<unknown>`: nothing is measured yet, which is normal for half a minute. It
# stays so if a container of the pod has **no CPU request**: 50 % of nothing is
# nothing. Then `describe hpa` says `FailedGetResourceMetric`.
#
# Use the time for priority. If a pod finds no room, the scheduler looks for
# pods of *lower* priority and removes them: **preemption**. A PriorityClass
# is a name for a number; a pod's `priorityClassName` chooses one:

# %% language="bash" covers="D4.3"
# kubectl get priorityclasses
# kubectl get pods -A -o custom-columns=POD:.metadata.name,PRIORITY:.spec.priority,CLASS:.spec.priorityClassName,POLICY:.spec.preemptionPolicy

# %% [markdown] covers="D4.3"
# Yours have 0, and what keeps the cluster alive has two thousand million. A
# class with `preemptionPolicy: Never` waits at the head of the queue, and
# removes nobody. (We do not try preemption here: it would remove the pods of
# whoever else works on this node.)
#
# Now look at the HPA again. The cell waits for a second pod:

# %% covers="D2.2"
autoscaling = client.AutoscalingV2Api()


def seen():
    return autoscaling.read_namespaced_horizontal_pod_autoscaler("front", lab.namespace).status


wait_for(lambda: (seen().desired_replicas or 0) > 1, TIMEOUT, what="a second front")
# !kubectl get hpa front
# !kubectl describe hpa front | tail -n 5

# %% [markdown] covers="D2.2"
# **What happened.** 200 % of the request is four times the target, so four
# pods are wanted (or fewer, if the machine is too busy for such a crowd). If
# the load ends, it goes down again only after five minutes of calm; see
# `behavior` in `kubectl explain hpa.spec`.
#
# **Misconception**: *"I scale it by hand as well."* The HPA undoes that.
# Nor should a manifest that you apply again state `replicas`.

# %% language="bash"
# kubectl delete pod crowd --grace-period=1
# kubectl delete hpa front
# kubectl scale deployment front --replicas=2

# %% [markdown] covers="D4.3"
# ## 7. Not all at once
#
# A node has to be repaired, so somebody runs `kubectl drain`. That marks the
# node as closed, and then **evicts** its pods: it asks the API server, pod by
# pod, *may this one go?* A **PodDisruptionBudget** (PDB) is what answers.

# %% [markdown] tags=["teaching"] minutes=6
# - **Ask**: `kubectl delete pod`: does a PDB stop it? (No. It is asked by
#   evictions only, and nothing stops a node that breaks.)

# %% language="bash" covers="D4.3"
# kubectl rollout status deployment/front --timeout=120s
# kubectl create pdb front --selector=app=front --min-available=2 --dry-run=client -o yaml | kubectl apply -f -
# kubectl wait pdb front --for=jsonpath='{.status.currentHealthy}'=2 --timeout=60s
# kubectl get pdb front

# %% [markdown]
# `ALLOWED DISRUPTIONS` is 0. Python evicts as `drain` does (no other command
# of `kubectl` can):

# %% covers="D4.3"
def evict():
    pods = core.list_namespaced_pod(lab.namespace, label_selector="app=front").items
    name = next(p.metadata.name for p in pods if not p.metadata.deletion_timestamp)
    try:
        core.create_namespaced_pod_eviction(name, lab.namespace, {"metadata": {"name": name}})
        print(f"{name} may go")
    except client.ApiException as refused:
        print(refused.status, refused.body[:300])


evict()

# %% language="bash" covers="D4.3"
# kubectl scale deployment front --replicas=3
# kubectl wait pdb front --for=jsonpath='{.status.disruptionsAllowed}'=1 --timeout=120s
# kubectl get pdb front

# %% covers="D4.3"
evict()

# %% [markdown] covers="D4.3"
# **What happened.** With two pods, `minAvailable: 2` allows nothing: 429,
# *too many requests, try later*. `drain` would try again every five seconds,
# forever. A PDB that equals the replicas blocks every repair. With a third
# pod one may go, and the Deployment replaces it.
#
# `maxUnavailable: 1` says the same for any number of pods. Both take
# percentages, **rounded up**. (A drain would close this node to everybody
# on it, so we leave it at that. It is undone by `kubectl uncordon`.)

# %% magic_args="-s {IMAGE}" language="bash" setup="ex-12-2"
# kubectl delete pdb front --ignore-not-found
# kubectl delete deployment page --ignore-not-found
# kubectl create deployment page --image=$1

# %% [markdown] tags=["exercise"] exercise="ex-12-2"
# ### Exercise 2: a page that grows
#
# *Goal*, for the Deployment `page` of the cell above:
#
# - its container requests 100m of CPU;
# - a HorizontalPodAutoscaler `page` keeps it between 2 and 5 pods, so that
#   they use 60 % of their CPU request on average;
# - a PodDisruptionBudget, called as you like, lets **one** of its pods go at
#   a time, no more and no fewer, with 2 pods as with 5. It covers no other
#   pods.
#
# *Constraint*: the container goes on with the image `weather:1`.
#
# *Done when* two pods of `page` run (the HPA takes care of that), and
# `kubectl get pdb` shows 1 under `ALLOWED DISRUPTIONS`.

# %% [markdown] tags=["teaching"] minutes=9 exercise="ex-12-2"
# - **Mistakes**
#   - `minAvailable: 1`: *of 3 pods it lets 2 go*;
#   - `minAvailable: 2`: *of 2 pods it lets 0 go*;
#   - a selector that matches nothing: *covers no pod of page*;
#   - no CPU request: *requests.cpu: none*;
#   - the HPA on another target: *the target Deployment gauge*.

# %% [markdown] tags=["hint"] exercise="ex-12-2"
# Three commands, one for each item of the list. All three stand in this
# lesson in a similar form.

# %% [markdown] tags=["hint"] exercise="ex-12-2"
# `kubectl set resources`, `kubectl autoscale deployment`, `kubectl create
# pdb`. How many may go, if at least one must stay, of five? Is there another
# option than `--min-available`?

# %% [markdown] tags=["hint"] exercise="ex-12-2"
# `kubectl set resources deployment page --requests=cpu=100m`, `kubectl
# autoscale deployment page --min=2 --max=5 --cpu=60%`, `kubectl create pdb page
# --selector=app=page --max-unavailable=1`.

# %% tags=["answer"] exercise="ex-12-2"
### BEGIN SOLUTION
container = {"name": "weather", "resources": {"requests": {"cpu": "100m"}}}
change = {"spec": {"template": {"spec": {"containers": [container]}}}}
apps.patch_namespaced_deployment("page", lab.namespace, change)

target = {"apiVersion": "apps/v1", "kind": "Deployment", "name": "page"}
cpu = {"name": "cpu", "target": {"type": "Utilization", "averageUtilization": 60}}
spec = {"scaleTargetRef": target, "minReplicas": 2, "maxReplicas": 5, "metrics": [{"type": "Resource", "resource": cpu}]}
hpa = {"metadata": {"name": "page"}, "spec": spec}
client.AutoscalingV2Api().create_namespaced_horizontal_pod_autoscaler(lab.namespace, hpa)

budget = {"maxUnavailable": 1, "selector": {"matchLabels": {"app": "page"}}}
pdb = {"metadata": {"name": "page"}, "spec": budget}
made = client.PolicyV1Api().create_namespaced_pod_disruption_budget(lab.namespace, pdb)
### END SOLUTION

# %% tags=["check"]
lab.check("ex-12-2")

# %% [markdown]
# ## 8. Nothing comes up
#
# The *bay* is a namespace with a quota and a LimitRange, both called `bay`.
# A `lighthouse` has run there for years. A colleague has added a Deployment
# `buoys`: a store, and a `keeper` that holds 40 MB in memory. (Run the two
# cells again to have the mess back.)

# %% setup="ex-12-3"
BAY = f"{lab.namespace}-bay"
mine = core.read_namespace(lab.namespace).metadata.labels
marks = " ".join(f"{key}={value}" for key, value in mine.items() if key != "kubernetes.io/metadata.name")
# !kubectl create namespace {BAY} --dry-run=client -o yaml | kubectl label -f - --local -o yaml {marks} | kubectl apply -f -
# !kubectl delete -n {BAY} deployment,quota,limitrange,pod --all --grace-period=1

# %% magic_args="-s {IMAGE} {BAY}" language="bash" setup="ex-12-3"
# kubectl apply -n $2 -f - <<END
# {apiVersion: v1, kind: List, items: [
# {apiVersion: v1, kind: LimitRange, metadata: {name: bay}, spec: {limits: [{type: Container, max: {memory: 128Mi},
#   defaultRequest: {cpu: 300m, memory: 32Mi}, default: {memory: 32Mi}}]}},
# {apiVersion: v1, kind: ResourceQuota, metadata: {name: bay}, spec: {hard: {requests.cpu: 700m, limits.memory: 800Mi, pods: "6"}}},
# {apiVersion: v1, kind: Pod, metadata: {name: lighthouse}, spec: {containers: [{name: lighthouse, image: "labs/shell:1",
#   command: [sleep, infinity], resources: {requests: {cpu: 100m}, limits: {memory: 64Mi}}}]}},
# {apiVersion: apps/v1, kind: Deployment, metadata: {name: buoys}, spec: {replicas: 3, selector: {matchLabels: {app: buoys}},
#   template: {metadata: {labels: {app: buoys}}, spec: {containers: [
#   {name: store, image: "$1", args: [store], resources: {requests: {cpu: 50m, memory: 32Mi}, limits: {memory: 256Mi}}},
#   {name: keeper, image: "$1", command: [python3, -c, "import signal; x = b'x' * 40000000; signal.pause()"]}]}}}}]}
# END
# kubectl get deployment,pods -n $2

# %% [markdown] tags=["exercise"] exercise="ex-12-3"
# ### Exercise 3: three buoys in the bay
#
# *Goal*: the Deployment `buoys` in the namespace `lab-12-bay` has its 3 pods,
# all ready, and none is started again and again.
#
# *Constraint*: the quota `bay`, the LimitRange `bay` and the pod `lighthouse`
# stay as they are. So do images and commands of the two containers, `store`
# and `keeper`: the keeper needs its 40 MB, and next to no CPU.
#
# *Done when* `kubectl get deployment buoys -n lab-12-bay` shows 3/3, and goes
# on to do so.
#
# There are three faults, and repairing one uncovers the next. A ReplicaSet
# that was refused tries again later and later; a change of the Deployment
# makes a new one.

# %% [markdown] tags=["teaching"] minutes=11 exercise="ex-12-3"
# - **Ask** whoever is stuck: is there a pod at all? If not, who was refused?
# - **Mistakes**
#   - quota or LimitRange raised: *the ResourceQuota bay as it was*;
#   - the lighthouse deleted: *the pod lighthouse*;
#   - scaled to 1: *replicas: 1*;
#   - the keeper's CPU forgotten: *exceeded quota*;
#   - its memory, too: *OOMKilled*;
#   - no memory taken any more: *the keeper with its command*.

# %% [markdown] tags=["hint"] exercise="ex-12-3"
# Section 5 says where the refusal is. Once there are pods, `kubectl get pods
# -n lab-12-bay` has the next word, and `lastState` the third.

# %% [markdown] tags=["hint"] exercise="ex-12-3"
# What does `kubectl describe limitrange` say of the store's limit? What did
# the keeper get, which states nothing (`kubectl get pod -o yaml`)? Add up
# three pods and the lighthouse, and compare with `kubectl describe quota`. If
# a rollout has no room, scale to 0 and back to 3.

# %% [markdown] tags=["hint"] exercise="ex-12-3"
# `kubectl set resources deployment buoys -n lab-12-bay -c store
# --limits=memory=64Mi`, and the same with `-c keeper
# --requests=cpu=20m,memory=64Mi --limits=memory=96Mi`.

# %% tags=["answer"] exercise="ex-12-3"
### BEGIN SOLUTION
store = {"requests": {"cpu": "50m", "memory": "32Mi"}, "limits": {"memory": "64Mi"}}
keeper = {"requests": {"cpu": "20m", "memory": "64Mi"}, "limits": {"memory": "96Mi"}}
both = [{"name": "store", "resources": store}, {"name": "keeper", "resources": keeper}]
change = {"spec": {"template": {"spec": {"containers": both}}}}
patched = apps.patch_namespaced_deployment("buoys", f"{lab.namespace}-bay", change)
### END SOLUTION

# %% tags=["check"]
lab.check("ex-12-3")

# %% [markdown]
# ## Recap
#
# 1. **Requests** are for the scheduler. It adds them up and looks at nothing
#    else. Too much: `Pending`.
# 2. **Limits** are for the kernel. Too much CPU: slow. Too much memory:
#    `OOMKilled`, 137.
# 3. The **QoS class** follows from both, for each container and both
#    resources. `BestEffort` goes first.
# 4. A **LimitRange** fills in and bounds a container, when the pod is made.
# 5. A **ResourceQuota** bounds a namespace's sum. A refused pod does not
#    exist: look at the ReplicaSet.
# 6. An **HPA** measures against the *request*; none, and it stays
#    `<unknown>`.
# 7. A **PDB** answers evictions, and nothing else.
#
# | to do | `kubectl` |
# |---|---|
# | requests and limits | `set resources deployment NAME -c CONTAINER --requests=... --limits=...` |
# | a quota | `create quota NAME --hard=requests.cpu=1,pods=5` |
# | who is refused | `describe replicaset`, `get events` |
# | sums on a node | `describe node NAME` |
# | an HPA | `autoscale deployment NAME --cpu=60% --min=2 --max=5` |
# | a PDB | `create pdb NAME --selector=... --max-unavailable=1` |
# | the fields | `explain pod.spec.containers.resources` |

# %% [markdown] tags=["teaching"] minutes=2
# - **Ask**: a Deployment has 0 of 3 pods and no error. What are the next two
#   commands?

# %% [markdown]
# **In practice**: measure first, then request what a program usually needs,
# and limit memory to what it must never exceed. Many leave the CPU limit
# away: a brake costs time also when the node is idle. Give each team a
# namespace with a quota *and* a LimitRange. And each service with two pods or
# more gets a PDB that allows one.
#
# **Next**: the course page says which lesson comes next for you; lesson 08
# has the plan for the exam.
#
# ## Clean up

# %%
lab.cleanup()
