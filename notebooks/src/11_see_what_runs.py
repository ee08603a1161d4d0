# %% [markdown]
# # See what runs
#
# The weather pipeline is in the cluster. Now somebody calls: "the page is
# empty", "it was gone for a minute", "it says something else than
# yesterday". What do you look at, and in which order? And what can the
# cluster notice by itself, before anybody calls?
#
# *You will do*: give programs probes, and see what a wrong one does; read
# logs, events and measurements; look into a pod with tools of your own;
# repair a Deployment whose faults only these tools show.
#
# *You will learn*
#
# 1. what readiness, liveness and startup probes do, and what they cost
#    when they are wrong;
# 2. how long it takes until a probe acts;
# 3. how to find the right log, also that of a container that is gone;
# 4. what events and `kubectl top` tell;
# 5. how to go inside: `exec`, `cp`, `port-forward`, `debug`;
# 6. a path that leads to any fault.
#
# *You need*: lessons 04 and 07, or to know pods, Deployments and Services.
#
# *Time*: about 70 minutes, the three exercises included.

# %% [markdown] tags=["teaching"] minutes=2
# - **Before**: ask who has restarted a program "because that usually
#   helps". A liveness probe does this, day and night.
# - **Cut**: the node in section 6, then `-f` in section 4. Keep section 2
#   and exercise 3.

# %% tags=["parameters"]
TIMEOUT = 120  # seconds to wait for anything

# %%
import subprocess

import docker
from kubernetes import client, config

from labs import open_lab, views
from labs.waiting import wait_for_http, wait_for_rollout

lab = open_lab("11")
config.load_kube_config()
core, apps = client.CoreV1Api(), client.AppsV1Api()

# %% [markdown]
# The pipeline is one image with four programs: a **producer** sends
# temperatures to the **store**, a **worker** computes their mean, a
# **front** shows them. The container's argument says which program runs.
# Build the image, and give it to the nodes (about 5 s):

# %% setup="ex-11-1 ex-11-2 ex-11-3"
docker.from_env().images.build(path=str(lab.project), tag="weather:1", rm=True, labels=lab.labels)
IMAGE = lab.load_image("weather:1")

# %% [markdown] covers="D3.2"
# ## 1. Readiness: may requests come?
#
# Without a probe, a container counts as ready as soon as its process runs.
# That is too early, and says nothing of later. So the kubelet can ask. A
# **readiness probe** decides one thing: does the pod get requests from its
# Services?
#
# The front has a path for that, `/ready`: it answers *200* if it can reach
# its store, else *503*. Two fronts with a readiness probe, and a Service;
# the store is not there yet. (`$1` is what `-s` hands to the cell.)

# %% [markdown] tags=["teaching"] minutes=5
# - **Ask** before the pods are shown: how often were they restarted?
#   (Never: that is the point.)
# - **Show** the Service's `Endpoints` before and after.

# %% magic_args="-s {IMAGE}" language="bash" covers="D3.2"
# kubectl delete pod/store service/store --ignore-not-found --grace-period=1
# kubectl create service clusterip front --tcp=80:8080 --dry-run=client -o yaml | kubectl apply -f -
# kubectl replace --force --grace-period=1 -f - <<END
# apiVersion: apps/v1
# kind: Deployment
# metadata: {name: front, labels: {app: front}}
# spec:
#   replicas: 2
#   selector: {matchLabels: {app: front}}
#   template:
#     metadata: {labels: {app: front}}
#     spec: {shareProcessNamespace: true, terminationGracePeriodSeconds: 1, containers: [{name: front, image: "$1", args: [front],
#       readinessProbe: {httpGet: {path: /ready, port: 8080}, periodSeconds: 2, failureThreshold: 1}}]}
# END

# %% language="bash" covers="D3.2"
# timeout 60 bash -c 'until kubectl get events --field-selector reason=Unhealthy 2>/dev/null | grep -q "statuscode: 503"; do sleep 1; done'
# kubectl get pods -l app=front
# kubectl describe service front | grep Endpoints
# kubectl get events --field-selector reason=Unhealthy | tail -n 1

# %% [markdown] covers="D3.2"
# **What happened.** They run (`Running`), but are not ready (`0/1`). So the
# Service has no endpoints, and nobody gets an error page from them. And:
# `RESTARTS` is 0. A readiness probe **never restarts anything**. It asks
# for as long as the container runs, here every 2 s, and when the answer is
# good again, the requests come back:

# %% magic_args="-s {IMAGE}" language="bash" covers="D3.2"
# kubectl delete pod/store service/store --ignore-not-found --grace-period=1
# kubectl run store --image=$1 --port=8000 --expose -- store
# kubectl wait pods -l app=front --for=condition=Ready --timeout=60s
# kubectl describe service front | grep Endpoints

# %% [markdown] covers="D3.2"
# Four ways to ask, and the numbers that each probe has:
#
# | | good is | |
# |---|---|---|
# | `httpGet: {path, port}` | a status from 200 to 399 | |
# | `tcpSocket: {port}` | a connection | says that somebody listens, no more |
# | `exec: {command}` | exit code 0 | runs in the container: needs the program there |
# | `grpc: {port}` | `SERVING` | for programs that speak gRPC's health protocol |
#
# | | default | |
# |---|---|---|
# | `periodSeconds` | 10 | from one question to the next |
# | `timeoutSeconds` | 1 | no answer by then: a failure |
# | `failureThreshold` | 3 | so many failures in a row, and the probe acts |
# | `successThreshold` | 1 | so many successes, and all is well again |
# | `initialDelaySeconds` | 0 | before the first question |
#
# So it acts after about **`periodSeconds` × `failureThreshold`**: 30 s,
# if you set nothing. A `port` may be a number or a port's name.

# %% [markdown] covers="D3.2"
# ## 2. Liveness: would a restart help?
#
# A **liveness probe** decides something else: is the container killed and
# started again? That helps a program that hangs. It helps in *no other
# case*. The most frequent mistake is to let it ask the same as the
# readiness probe:

# %% [markdown] tags=["teaching"] minutes=6
# - **Ask** before the store is deleted: what happens to the fronts? Note
#   the answers; most expect "not ready".
# - **Say**: with a hundred fronts and a database that is slow for a
#   minute, this probe makes an outage out of a delay.

# %% language="bash" covers="D3.2"
# kubectl patch deployment front -p '{"spec": {"template": {"spec": {"containers": [{"name": "front",
#   "livenessProbe": {"httpGet": {"path": "/ready", "port": 8080}, "periodSeconds": 2}}]}}}}'
# kubectl rollout status deployment front --timeout=60s | tail -n 1

# %% language="bash" covers="D3.2"
# kubectl delete pod store --grace-period=1 --ignore-not-found
# COUNTS='{.items[*].status.containerStatuses[0].restartCount}'
# timeout 60 bash -c "until kubectl get pods -l app=front -o jsonpath='$COUNTS' | grep -q [1-9]; do sleep 1; done"
# kubectl get pods -l app=front
# kubectl get events --field-selector reason=Killing | grep liveness | tail -n 1

# %% [markdown] covers="D3.2"
# **What happened.** The *store* is away, and the *fronts* are killed for it,
# again and again, after some time with the pauses of `CrashLoopBackOff`.
# They were not to blame, and no restart brings the store back. **A
# liveness probe asks the program about itself, never about others.** The
# front's path for that is `/healthz`:

# %% magic_args="-s {IMAGE}" language="bash" covers="D3.2"
# kubectl run store --image=$1 --port=8000 -- store
# kubectl patch deployment front -p '{"spec": {"template": {"spec": {"containers": [{"name": "front",
#   "livenessProbe": {"httpGet": {"path": "/healthz", "port": 8080}, "periodSeconds": 2}}]}}}}'
# kubectl rollout status deployment front --timeout=90s | tail -n 1

# %% [markdown] covers="D3.2"
# Now a case in which it helps. A program that hangs still runs, so nothing
# else notices. The signal `STOP` freezes a front. (That works on any
# process but number 1, so the template has `shareProcessNamespace`, from
# lesson 10.) Who will do something about it? About 10 s:

# %% language="bash" covers="D3.2"
# POD=$(kubectl get pods -l app=front --sort-by=.metadata.creationTimestamp -o jsonpath='{.items[-1:].metadata.name}')
# kubectl exec $POD -- sh -c 'kill -STOP $(pidof python3)'
# kubectl wait pod $POD --for=jsonpath='{.status.containerStatuses[0].restartCount}'=1 --timeout=60s

# %% language="bash" covers="D3.2"
# POD=$(kubectl get pods -l app=front --sort-by=.metadata.creationTimestamp -o jsonpath='{.items[-1:].metadata.name}')
# kubectl wait pod $POD --for=condition=Ready --timeout=60s
# kubectl get pod $POD
# kubectl events --for pod/$POD | grep -E "Unhealthy|Killing"

# %% [markdown] covers="D3.2"
# **What happened.** No answer within `timeoutSeconds`, three times in a row;
# then *Killing*, a new start of the container in the **same pod**, on the
# same node, with the same address. The readiness probe had taken it out of
# the Service before (`failureThreshold: 1`): first no requests, then a
# restart. Keep that order.
#
# **Misconception**: *a liveness probe makes a program reliable.* A program
# that crashes is restarted anyway, without any probe. The probe is for one
# that hangs, and adds a risk of its own.

# %% [markdown] covers="D3.2"
# ## 3. Startup: is it up yet?
#
# This archive reads its files first, for 10 s, and only then listens. Its
# liveness probe gives it 2 × 2 s. Guess what `kubectl get` shows after a
# while:

# %% [markdown] tags=["teaching"] minutes=5
# - **Ask**: why not simply `initialDelaySeconds: 60`? (A quick start waits
#   for nothing, a slow one is still killed, and nobody knows the number.)
# - **Draw** three bars over time: startup until its first success, then
#   readiness and liveness side by side.

# %% magic_args="-s {IMAGE}" language="bash" covers="D3.2"
# kubectl replace --force --grace-period=1 -f - <<END
# apiVersion: v1
# kind: Pod
# metadata: {name: archive}
# spec:
#   terminationGracePeriodSeconds: 1
#   containers:
#   - {name: store, image: "$1", command: [sh, -c, "echo reading the files; sleep 10; exec python3 -u /app/store.py"],
#      livenessProbe: {httpGet: {path: /healthz, port: 8000}, periodSeconds: 2, failureThreshold: 2}}
# END

# %% language="bash" covers="D3.2"
# kubectl wait pod archive --for=jsonpath='{.status.containerStatuses[0].restartCount}'=1 --timeout=60s
# kubectl get pod archive
# kubectl logs archive --previous
# kubectl events --for pod/archive | grep -E "Unhealthy|Killing"

# %% [markdown] covers="D3.2"
# **What happened.** *Connection refused* (it does not listen yet), twice,
# then *Killing*. It will never be up. Nothing is wrong with the program.
#
# A **startup probe** holds the two others back until it has succeeded
# once. It may be patient, for it is asked at the start only; after that,
# the liveness probe may be strict:
#
# | | begins | when it fails |
# |---|---|---|
# | `startupProbe` | first; ends with its first success | the container is restarted |
# | `readinessProbe` | then, until the end | no requests |
# | `livenessProbe` | then, until the end | the container is restarted |

# %% magic_args="-s {IMAGE}" language="bash" covers="D3.2"
# kubectl replace --force --grace-period=1 -f - <<END
# apiVersion: v1
# kind: Pod
# metadata: {name: archive}
# spec:
#   terminationGracePeriodSeconds: 1
#   containers:
#   - {name: store, image: "$1", command: [sh, -c, "echo reading the files; sleep 10; exec python3 -u /app/store.py"],
#      startupProbe: {httpGet: {path: /healthz, port: 8000}, periodSeconds: 1, failureThreshold: 60},
#      livenessProbe: {httpGet: {path: /healthz, port: 8000}, periodSeconds: 2, failureThreshold: 2}}
# END
# kubectl wait pod archive --for=condition=Ready --timeout=60s
# kubectl get pod archive

# %% [markdown] covers="D3.2"
# **What happened.** Up after 10 s, not after 60: the first success counts.
# And a pod without a readiness probe, but with a startup probe, is ready
# only after that.
#
# **Exam tip.** No generator of `kubectl` writes a probe. Find an example
# in the documentation (search *probes*), and the fields with `kubectl
# explain pod.spec.containers.livenessProbe`. Probes of a Deployment can be
# changed in place (`kubectl edit`); those of a pod cannot.

# %% [markdown]
# For the exercise there is a store `depot` that starts slowly, too:

# %% magic_args="-s {IMAGE}" language="bash" setup="ex-11-1"
# kubectl create service clusterip depot --tcp=8000 --dry-run=client -o yaml | kubectl apply -f -
# kubectl replace --force --grace-period=1 -f - <<END
# apiVersion: apps/v1
# kind: Deployment
# metadata: {name: depot}
# spec:
#   selector: {matchLabels: {app: depot}}
#   template:
#     metadata: {labels: {app: depot}}
#     spec:
#       terminationGracePeriodSeconds: 1
#       containers:
#       - {name: store, image: "$1", command: [sh, -c, "sleep 5; exec python3 -u /app/store.py"]}
# END

# %% [markdown] tags=["exercise"] exercise="ex-11-1"
# ### Exercise 1: three probes for the depot
#
# *Goal*: give the container `store` of the Deployment `depot` three probes.
# All of them ask `/healthz` at port 8000. They see to it that
#
# - a start may take a minute, and is given up after two minutes at most;
# - a store that does not answer gets no requests after ten seconds at most;
# - a store that hangs is killed and started again, after half a minute at
#   most, and not before 15 seconds.
#
# *Constraint*: image (`weather:1`) and command stay. No
# `initialDelaySeconds`: nobody knows how long a start takes.
#
# *Done when* the new pod of `depot` is ready, without a restart.

# %% [markdown] tags=["teaching"] minutes=9 exercise="ex-11-1"
# - **Say**: first write down three products of period and threshold.
# - **Mistakes**
#   - the front's port: *asks port 8080*;
#   - liveness only: *no readinessProbe*;
#   - a delay in place of a startup probe: *no startupProbe*;
#   - defaults for readiness: *30 s*, where ten were asked for;
#   - a timeout longer than the period: *timeoutSeconds 10*.

# %% [markdown] tags=["hint"] exercise="ex-11-1"
# Which of the three probes does what? The table of section 3 says it. How
# long each takes to act is `periodSeconds` × `failureThreshold`.

# %% [markdown] tags=["hint"] exercise="ex-11-1"
# `kubectl edit deployment depot`, and three keys beside `image`, each with
# `httpGet`, `periodSeconds` and `failureThreshold`. For a start of one to
# two minutes: 2 s × 45, for example.

# %% [markdown] tags=["hint"] exercise="ex-11-1"
# `startupProbe: {httpGet: {path: /healthz, port: 8000}, periodSeconds: 2,
# failureThreshold: 45}`, `readinessProbe` the same with 5 and 2,
# `livenessProbe` the same with 10 and 3.

# %% tags=["answer"] exercise="ex-11-1"
### BEGIN SOLUTION
ask = {"httpGet": {"path": "/healthz", "port": 8000}}
store = {"name": "store"}
store["startupProbe"] = {**ask, "periodSeconds": 2, "failureThreshold": 45}
store["readinessProbe"] = {**ask, "periodSeconds": 5, "failureThreshold": 2}
store["livenessProbe"] = {**ask, "periodSeconds": 10, "failureThreshold": 3}
apps.patch_namespaced_deployment("depot", lab.namespace, {"spec": {"template": {"spec": {"containers": [store]}}}})
depot = wait_for_rollout(apps, "depot", lab.namespace, TIMEOUT)
### END SOLUTION

# %% tags=["check"]
lab.check("ex-11-1")

# %% [markdown] covers="D3.4"
# ## 4. Logs: what a program says
#
# A container's log is what its program prints, on both streams. The kubelet
# keeps it in a file on the node for as long as the pod is there. A
# producer makes the store talk:

# %% [markdown] tags=["teaching"] minutes=5
# - **Ask** at the crashed sampler: where are the words of the run before?
# - **Say**: logs go with their pod. What must stay, a collector carries
#   away (lesson 10's shipper, or a DaemonSet from lesson 09).

# %% magic_args="-s {IMAGE}" language="bash" covers="D3.4"
# kubectl delete pod producer --ignore-not-found --grace-period=1
# kubectl run producer --image=$1 -- producer
# kubectl wait pod store producer --for=condition=Ready --timeout=60s
# timeout 60 bash -c 'until kubectl logs producer | grep -q ": sent"; do sleep 1; done'

# %% language="bash" covers="D3.4"
# kubectl logs store --tail=2
# kubectl logs store --since=2s
# kubectl logs -l app=front --prefix --tail=1
# timeout 3 kubectl logs -f producer --tail=1 || true

# %% [markdown] covers="D3.4"
# **What happened.** The last two lines; those of the last two seconds; one
# line of each pod with a label, and from which it came (`--prefix`). `-f`
# goes on until you stop it, here after three seconds.
#
# And of a container that has ended? A pod with two containers, one of
# which gives up at once:

# %% language="bash" covers="D3.4"
# kubectl replace --force --grace-period=1 -f - <<END
# apiVersion: v1
# kind: Pod
# metadata: {name: buoy}
# spec:
#   terminationGracePeriodSeconds: 1
#   containers:
#   - {name: radio, image: "labs/shell:1", command: [sh, -c, "echo on the air; sleep infinity"]}
#   - {name: sampler, image: "labs/shell:1", command: [sh, -c, "date; echo battery at 3 percent; exit 3"]}
# END

# %% language="bash" covers="D3.4"
# kubectl wait pod buoy --for=jsonpath='{.status.containerStatuses[?(@.name=="sampler")].restartCount}'=1 --timeout=60s
# kubectl logs buoy
# kubectl logs buoy -c sampler --previous
# kubectl get pod buoy -o jsonpath='{.status.containerStatuses[?(@.name=="sampler")].lastState.terminated}'

# %% [markdown] covers="D3.4"
# **What happened.** Without `-c` you got the *first* container's log, where
# all is well. `--previous` (`-p`) is the log of the run **before** the
# last restart; its exit code stands in `lastState`. The kubelet keeps one
# such run, not more.
#
# **Misconception**: *the log is empty, so nothing happened.* Perhaps it is
# that of another container, or of the new run. `--all-containers --prefix`
# shows all.
#
# **Exam tip.** "Write the log into a file" is meant literally: `kubectl
# logs buoy -c sampler > /opt/answer.txt`, and look into the file after it.

# %% [markdown] covers="D3.3"
# ## 5. Events and measurements: what the cluster says
#
# A log is what the program says. **Events** are what scheduler, kubelet and
# controllers say *about* it: not placed, image not found, probe failed,
# killed. `describe` ends with an object's own; `kubectl events` has all,
# in order. They are deleted after an hour.

# %% [markdown] tags=["teaching"] minutes=5
# - **Ask**: a program writes nothing and dies of its memory limit. Who
#   knows? (`lastState.terminated.reason`: `OOMKilled`.)
# - **Show** `kubectl top` twice, 15 s apart: it is no live picture.

# %% language="bash" covers="D3.3"
# kubectl events --for pod/buoy | tail -n 3
# kubectl get events --field-selector type=Warning --sort-by=.lastTimestamp | tail -n 3
# kubectl get events --field-selector involvedObject.name=archive,reason=Started -o custom-columns=WHEN:.lastTimestamp,WHO:.source.component,WHAT:.message

# %% [markdown] covers="D3.3"
# Plain `kubectl get events` is in *no* order, hence `--sort-by`. Repeated
# events are one line with a count: `3s (x5 over 20s)`.
#
# How much do they use? **metrics-server** asks each kubelet every 15
# seconds; `kubectl top` shows its last answer. For a new pod there is none
# yet, so this cell waits (up to a minute):

# %% language="bash" covers="D3.3"
# timeout 90 bash -c 'until kubectl top pod producer >/dev/null 2>&1; do sleep 2; done'
# kubectl top pods --sort-by=memory
# kubectl top pods -l app=front --containers
# kubectl top nodes

# %% [markdown] covers="D3.3"
# **What happened.** `7m` are 7 thousandths of a CPU, `10Mi` is memory in
# use. This is what *is used*, not what was asked for: requests and limits
# stand in the pod's spec, and `describe node` adds them up.
#
# **Exam tip.** "Which pod uses most CPU" is `kubectl top pods
# --sort-by=cpu`, with `-l` or `-A` if asked for. The biggest is on top.

# %% [markdown]
# **Your turn, two minutes.** In a terminal (File, New, Terminal; there
# `labs shell 11`), with one `kubectl` line each:
#
# 1. print the warnings about the pod `archive` only;
# 2. print the last line of every container of `buoy`.
#
# Then run the next cell, and compare.

# %% language="bash" covers="D3.3 D3.4"
# kubectl events --for pod/archive --types=Warning
# kubectl logs buoy --all-containers --prefix --tail=1

# %% [markdown]
# For the next exercise, three stations at sea. Their program:

# %% setup="ex-11-2"
# %%writefile {lab.folder}/keeper.py
import os, pathlib, signal, sys, uuid

signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
book, code = pathlib.Path("/data/logbook"), uuid.uuid4().hex[:8]
if not book.exists():
    book.write_text(f"log {uuid.uuid4().hex[:8]}\n")
    sys.exit(f"no logbook, signal {code}")
ballast = b"x" * int(os.environ["BALLAST"])
print(f"at sea, signal {code}", flush=True)
signal.pause()

# %% [markdown]
# One of them, by chance, takes a lot of memory. (Run both cells again to
# have new stations. The exercise needs `kubectl top`: allow it half a
# minute.)

# %% magic_args="-s {IMAGE} {lab.folder}" language="bash" setup="ex-11-2"
# kubectl create configmap keeper --from-file=$2/keeper.py --dry-run=client -o yaml | kubectl apply -f -
# HEAVY=$(shuf -n 1 -e east north west)
# for NAME in east north west; do
# BALLAST=1; [ $NAME = $HEAVY ] && BALLAST=60000000
# kubectl replace --force --grace-period=1 -f - <<END
# {apiVersion: v1, kind: Pod, metadata: {name: $NAME, labels: {app: station}}, spec: {terminationGracePeriodSeconds: 2,
#   volumes: [{name: data, emptyDir: {}}, {name: keeper, configMap: {name: keeper}}], containers: [
#   {name: radio, image: "labs/shell:1", command: [sh, -c, "echo calling, signal 00000000; sleep infinity"]},
#   {name: keeper, image: "$1", command: [python3, -u, /station/keeper.py], env: [{name: BALLAST, value: "$BALLAST"}],
#    volumeMounts: [{name: data, mountPath: /data}, {name: keeper, mountPath: /station}]}]}}
# END
# done

# %% [markdown] tags=["exercise"] exercise="ex-11-2"
# ### Exercise 2: the heavy station
#
# *Goal*: a ConfigMap `findings` with three keys:
#
# - `station`: which of `east`, `north` and `west` takes most memory;
# - `last-words`: what its container `keeper` wrote *before* it was
#   restarted;
# - `logbook`: the content of the file `/data/logbook` of that container.
#
# *Constraint*: leave the stations alone.
#
# *Done when* the ConfigMap has all three. One way: bring the two texts
# into files, then
#
# ```console
# $ kubectl create configmap findings --from-literal=station=NAME --from-file=last-words=FILE --from-file=logbook=FILE
# ```

# %% [markdown] tags=["teaching"] minutes=10 exercise="ex-11-2"
# - **Say** when `top` has no answer yet: it comes after half a minute.
# - **Mistakes**
#   - the log of now: *is what it writes since its restart*;
#   - the first container's log: *is what the container radio writes*;
#   - the file of another station: *that of the pod*;
#   - CPU in place of memory: *takes most memory*.

# %% [markdown] tags=["hint"] exercise="ex-11-2"
# Three questions, three tools: `kubectl top`, `kubectl logs`, `kubectl cp`
# (or `exec` with `cat`). Each pod has two containers: name the one you
# mean.

# %% [markdown] tags=["hint"] exercise="ex-11-2"
# `kubectl top pods -l app=station --sort-by=memory`. `kubectl logs NAME -c
# keeper --previous > words`. `kubectl cp --help` has examples; `-c` names
# the container.

# %% [markdown] tags=["hint"] exercise="ex-11-2"
# With the station's name in `S`: `kubectl logs $S -c keeper --previous >
# words; kubectl cp $S:/data/logbook book -c keeper; kubectl create
# configmap findings --from-literal=station=$S --from-file=last-words=words
# --from-file=logbook=book`

# %% tags=["answer"] exercise="ex-11-2"
### BEGIN SOLUTION
import subprocess

script = """
timeout 100 bash -c 'until [ $(kubectl top pods -l app=station --no-headers 2>/dev/null | wc -l) = 3 ]; do sleep 2; done'
timeout 60 bash -c 'until kubectl top pods -l app=station | grep -q "[5-9].Mi"; do sleep 2; done'
S=$(kubectl top pods -l app=station --sort-by=memory --no-headers | awk 'NR == 1 {print $1}')
kubectl logs $S -c keeper --previous > words
kubectl cp $S:/data/logbook book -c keeper
kubectl create configmap findings --from-literal=station=$S --from-file=last-words=words --from-file=logbook=book
"""
done = subprocess.run(["bash", "-c", script], cwd=lab.folder, check=True, capture_output=True)
### END SOLUTION

# %% tags=["check"]
lab.check("ex-11-2")

# %% [markdown] covers="D3.5"
# ## 6. Go inside
#
# Log and events do not tell what a program *sees*: its files, its
# settings, its network. Four ways in:
#
# | | |
# |---|---|
# | `exec POD -c C -- COMMAND` | runs a program of the container's image |
# | `cp POD:/path file -c C` | brings a file out, or in (needs `tar` there) |
# | `port-forward POD_OR_SERVICE 8011:80` | a port of the pod, on your machine |
# | `debug` | a container of your own, beside it |

# %% [markdown] tags=["teaching"] minutes=6
# - **Ask** before `debug`: and if an image has no shell?
# - **Say**: an ephemeral container is never removed from its pod, and has
#   no probes, no ports, no restart.

# %% magic_args="-s {lab.folder}" language="bash" covers="D3.5"
# kubectl exec store -- sh -c 'id -u; wc -l < /data/readings'
# kubectl cp store:/data/readings $1/readings
# tail -n 1 $1/readings

# %% [markdown] covers="D3.5"
# `port-forward` needs no Service and no node port: the API server carries
# the bytes. With a Service's name it takes *one* of its pods. (`:80` lets
# it choose a free port here. In a terminal it runs until Ctrl-C.)

# %% covers="D3.5"
forward = ["kubectl", "port-forward", "service/front", ":80"]
with subprocess.Popen(forward, stdout=subprocess.PIPE, text=True) as running:
    port = running.stdout.readline().split(":")[1].split()[0]
    print(wait_for_http(f"http://127.0.0.1:{port}/settings", timeout=TIMEOUT))
    running.terminate()

# %% [markdown] covers="D3.5"
# `/settings` says what the front *really* uses, and where each setting
# comes from. That is often another thing than what the YAML seems to say.
#
# When the image has no tools, bring your own. An **ephemeral container**
# joins a pod that runs; with `--target` it sees that container's
# processes, and through `/proc/1/root` its files:

# %% language="bash" covers="D3.5"
# kubectl replace --force --grace-period=1 -f - <<END
# {apiVersion: v1, kind: Pod, metadata: {name: glass}, spec: {terminationGracePeriodSeconds: 1, containers: [{name: web, image: "labs/web:1"}]}}
# END
# kubectl wait pod glass --for=condition=Ready --timeout=60s

# %% language="bash" covers="D3.5"
# kubectl get pod glass -o jsonpath='{.spec.ephemeralContainers[*].name}' | grep lens || \
# kubectl debug glass -c lens --image=labs/shell:1 --target=web --profile=general -- sh -c 'ps -o pid,args; ls /proc/1/root/etc/nginx; curl -sS localhost'
# kubectl wait pod glass --for=jsonpath='{.status.ephemeralContainerStatuses[0].state.terminated.exitCode}'=0 --timeout=60s
# kubectl logs glass -c lens

# %% [markdown] covers="D3.5"
# **What happened.** The shell of another image looked at nginx's processes
# and files, and spoke to it by `localhost`. The pod was not restarted. (At
# a terminal you would add `-it` and have a shell.) If the program crashes
# at once, nothing is there to join: `kubectl debug POD --copy-to=NEW
# --container=web -- sleep infinity` makes a copy that does nothing, for
# you to look around.
#
# And the machine itself? On a **node**, `debug` starts a pod that shares
# its network and processes, and has its files under `/host`:

# %% language="bash" covers="D3.5"
# MADE=app.kubernetes.io/managed-by=kubectl-debug
# kubectl delete pods -l $MADE --grace-period=1 >/dev/null
# NODE=$(kubectl get pod store -o jsonpath='{.spec.nodeName}')
# kubectl debug node/$NODE --image=labs/shell:1 --profile=general -- sh -c 'ls -d /host/var/log/pods/*_store_*; ps -o comm | grep -c ^containerd-shim'
# kubectl wait pods -l $MADE --for=jsonpath='{.status.phase}'=Succeeded --timeout=60s
# kubectl logs -l $MADE
# kubectl delete pods -l $MADE --grace-period=1

# %% [markdown] covers="D3.5"
# **What happened.** Here is where the kubelet keeps the store's log, and
# the number of `containerd-shim` processes, one for each pod on the node.
# `kubectl` does not remove such a debugging pod: do it yourself. Anyone
# who may make one can read all that is on the node; so clusters that
# several people share refuse it.

# %% [markdown] covers="D3.5"
# ## 7. A path to any fault
#
# Go from the outside to the inside, and read *before* you change anything:
#
# | ask | what it tells |
# |---|---|
# | `get pods` | `STATUS`, `READY`, `RESTARTS`: which of the rows below |
# | `describe pod`, `events` | why it is not placed, not pulled, not ready, killed |
# | `logs -c`, `logs -p` | what the program says, and said before it ended |
# | `describe service`: *Endpoints* | do requests reach it? |
# | `exec`, `port-forward`, `debug` | what the program sees |
#
# | you see | look at |
# |---|---|
# | `Pending` | events: the scheduler, or a claim |
# | `ImagePullBackOff` | events: the image's name |
# | `CreateContainerConfigError` | events: a ConfigMap or Secret |
# | `CrashLoopBackOff` | `logs -p`, and the exit code |
# | `RESTARTS` grows, exit code 137 or 143 | events: a liveness probe; `OOMKilled` |
# | `Running`, but `0/1` | events: a readiness probe |
# | all is well, and nobody answers | Endpoints, then the ports |
# | all answers, but wrongly | what the program *sees*: `exec` |

# %% [markdown] tags=["teaching"] minutes=6
# - **Ask** for each of the four pods, before anybody types: which row is
#   it, so which command comes next?

# %% [markdown]
# Try the path on four pods that do not work, each for another reason:

# %% magic_args="-s {IMAGE}" language="bash" covers="D3.5"
# kubectl delete pods -l case --grace-period=1 >/dev/null
# kubectl apply -f - <<END
# {apiVersion: v1, kind: List, items: [
# {apiVersion: v1, kind: Pod, metadata: {name: pier, labels: {case: "1"}}, spec: {containers: [{name: c, image: "labs/web:1", resources: {requests: {cpu: 900}}}]}},
# {apiVersion: v1, kind: Pod, metadata: {name: dock, labels: {case: "2"}}, spec: {containers: [{name: c, image: "labs/web:9"}]}},
# {apiVersion: v1, kind: Pod, metadata: {name: lock, labels: {case: "3"}}, spec: {containers: [{name: c, image: "labs/web:1", envFrom: [{secretRef: {name: tokens}}]}]}},
# {apiVersion: v1, kind: Pod, metadata: {name: crane, labels: {case: "4"}}, spec: {restartPolicy: Never, containers: [{name: c, image: "$1",
#    command: [python3, -c, "b'x' * 90000000"], resources: {limits: {memory: 32Mi}}}]}}]}
# END
# kubectl wait pod crane --for=jsonpath='{.status.phase}'=Failed --timeout=60s

# %% [markdown]
# **Your turn, two minutes.** `kubectl get pods -l case` in a terminal; then
# find, for each of them, the sentence that says why. Where does it stand
# for `crane`? Then run the next cell, and compare.

# %% language="bash" covers="D3.3 D3.5"
# timeout 60 bash -c 'until kubectl get pods -l case | grep -qE "ErrImagePull|ImagePullBackOff"; do sleep 1; done'
# kubectl get pods -l case
# for POD in pier dock lock; do kubectl events --for pod/$POD --types=Warning | grep -m 1 -oE "Insufficient cpu|Failed to pull image [^:]*:[^:]*|secret .*"; done
# kubectl get pod crane -o jsonpath='{.status.containerStatuses[0].state.terminated}'

# %% [markdown] covers="D3.5"
# **What happened.** The scheduler spoke of `pier`, the kubelet of `dock` and
# `lock`. No event says why `crane` ended, and its log is empty: the kernel
# killed it at its memory limit. That stands in the container's state,
# *OOMKilled*, exit code 137 (128 + 9, the signal `KILL`).
#
# The timeline puts events and states into one order. Who did what for the
# archive, and when?

# %% covers="D3.5"
views.timeline(lab, "pod/archive")

# %% language="bash"
# kubectl delete pods -l case --grace-period=1

# %% [markdown]
# The last exercise starts from a colleague's work. (Run the cell again to
# have the mess back.)

# %% magic_args="-s {IMAGE}" language="bash" setup="ex-11-3"
# kubectl create configmap almanac --from-literal=title=Almanac --from-literal=store=http://attic:8000 --dry-run=client -o yaml | kubectl apply -f -
# kubectl replace --force --grace-period=1 -f - <<END
# {apiVersion: apps/v1, kind: Deployment, metadata: {name: almanac}, spec: {
#   selector: {matchLabels: {app: almanac}}, template: {metadata: {labels: {app: almanac}}, spec: {
#     terminationGracePeriodSeconds: 1, volumes: [{name: conf, configMap: {name: almanac}}],
#     containers: [
#     {name: store, image: "$1", command: [sh, -c, "echo reading; sleep 8; exec python3 -u /app/store.py"],
#      livenessProbe: {httpGet: {path: /healthz, port: 8000}, periodSeconds: 1, failureThreshold: 3}},
#     {name: front, image: "$1", args: [front], env: [{name: STORE, value: "http://localhost:8000"}],
#      volumeMounts: [{name: conf, mountPath: /etc/weather}],
#      readinessProbe: {httpGet: {path: /ready, port: 8000}, periodSeconds: 1}}]}}}}
# END

# %% [markdown] tags=["exercise"] exercise="ex-11-3"
# ### Exercise 3: repair the almanac
#
# "It restarts all the time. When it does not, it is ready, and still shows
# nothing." *Goal*: the pod of the Deployment `almanac` stays up; its
# `front`, at port 8080, shows the readings of the `store` beside it, which
# listens at port 8000.
#
# - A start of the store may take half a minute or more.
# - A store that hangs is killed and started again within ten seconds.
# - While the front cannot show readings (`/ready` says so), the pod gets
#   no requests.
#
# *Constraint*: keep the Deployment, both containers, their image
# `weather:1`, and the store's command with its `sleep 8`.
#
# *Done when* a new pod is ready, without a restart, and `kubectl exec
# deploy/almanac -c front -- wget -qO- localhost:8080` shows a page.
#
# There are three faults, and each hides the next.

# %% [markdown] tags=["teaching"] minutes=11 exercise="ex-11-3"
# - **Ask** whenever somebody is stuck: which row of section 7 is it?
# - **Mistakes**
#   - the liveness probe removed: *no livenessProbe*;
#   - made patient instead: *60 s*, where ten were asked for;
#   - ready, and all go home: *asks port 8000*;
#   - `STORE` changed again and again: *http://attic:8000 (file)*.

# %% [markdown] tags=["hint"] exercise="ex-11-3"
# Begin with `kubectl events --for deployment/almanac`, then with the pod's.
# Who kills whom, and how long does that one take to start?

# %% [markdown] tags=["hint"] exercise="ex-11-3"
# Which program answers at the port that the front's readiness probe asks?
# (Both containers share one localhost.) When that is right, why does
# `/ready` say no? `/settings` says where the front has its store from.

# %% [markdown] tags=["hint"] exercise="ex-11-3"
# The store gets a `startupProbe` (1 s × 60); the front's readiness probe
# asks port 8080; the key `store` in the ConfigMap `almanac` is removed or
# set to `http://localhost:8000` (a file wins over the environment; a new
# pod, by `kubectl rollout restart`, sees it at once).

# %% tags=["answer"] exercise="ex-11-3"
### BEGIN SOLUTION
right = {"data": {"store": "http://localhost:8000"}}
core.patch_namespaced_config_map("almanac", lab.namespace, right)
store = {"name": "store", "startupProbe": {"periodSeconds": 1, "failureThreshold": 60}}
store["startupProbe"]["httpGet"] = {"path": "/healthz", "port": 8000}
front = {"name": "front", "readinessProbe": {"httpGet": {"port": 8080}}}
pod = {"containers": [store, front]}
changed = apps.patch_namespaced_deployment("almanac", lab.namespace, {"spec": {"template": {"spec": pod}}})
almanac = wait_for_rollout(apps, "almanac", lab.namespace, TIMEOUT)
### END SOLUTION

# %% tags=["check"]
lab.check("ex-11-3")

# %% [markdown]
# ## Recap
#
# 1. **Readiness** decides about requests, **liveness** about a restart, and
#    **startup** holds both back. A liveness probe asks about the program
#    itself, never about others.
# 2. A probe acts after about `periodSeconds` × `failureThreshold`.
# 3. **Logs**: name the container, and with `--previous` the run before.
# 4. **Events** say what others did to a pod; **`top`** what it uses.
# 5. **Inside**: `exec`, `cp`, `port-forward`; `debug` where the image has
#    no tools, and for a node.
# 6. **Path**: `get`, `describe` and events, logs, endpoints, inside.
#
# | to do | `kubectl` |
# |---|---|
# | the run before | `logs POD -c C --previous` |
# | all of a label | `logs -l app=front --all-containers --prefix --tail=5` |
# | one object's events | `events --for pod/POD --types=Warning` |
# | who takes most | `top pods --sort-by=memory` |
# | a file out of a pod | `cp POD:/path file -c C` |
# | a look without tools | `debug POD -it --image=busybox --target=C` |

# %% [markdown] tags=["teaching"] minutes=1
# - **Ask**: what would you give a store, a Job, a worker without a port as
#   probes? (A Job: none.)

# %% [markdown]
# **In practice**: give each program that serves requests a readiness probe,
# and a liveness probe only if it is known to hang. Let the two differ.
# Send logs and measurements to a place that outlives the pods.
#
# **Next**: the course page says which lesson comes next for you; lesson 08
# has the plan for the exam.
#
# ## Clean up

# %%
lab.cleanup()
