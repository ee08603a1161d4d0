# %% [markdown] facts="shared-cluster"
# # Put containers together
#
# Each program of the weather pipeline has had a pod to itself. But some
# programs need a helper close by: one that prepares a file before they
# start, one that carries their readings on, one that knows the way to a
# store that they cannot reach by themselves.
#
# *You will do*: let a front wait for its store; set helpers beside a
# program, and find out in which order all of them start and end; lead a
# program through a proxy that knows its password; repair a pod in which
# three containers stand in each other's way.
#
# *You will learn*
#
# 1. what init containers do, and what `Init:0/1` tells you;
# 2. how a sidecar shares files with a program;
# 3. what a native sidecar does better, above all in a Job;
# 4. who starts first, and who ends last;
# 5. what containers of a pod share, and what happens when two of them
#    want the same port;
# 6. what an ambassador and an adapter are;
# 7. how one container sees the processes of another;
# 8. when two pods are the better choice.
#
# *You need*: lessons 04 and 05, or to know pods, Deployments, Services and
# Secrets. Lesson 06 explains the `emptyDir` that is used here.
#
# *Time*: about 70 minutes, the three exercises included.

# %% [markdown] tags=["teaching"] minutes=3
# - **Before**: the image takes about 5 s; ask meanwhile what a program
#   that starts before its database should do.
# - **Cut**: section 6 (processes), then the adapter in section 5. Keep
#   sections 1 and 3 and exercise 3.

# %% tags=["parameters"]
TIMEOUT = 120  # seconds to wait for anything

# %%
import docker
from kubernetes import client, config

from labs import open_lab, views
from labs.waiting import wait_for, wait_for_pods, wait_for_rollout

lab = open_lab("10")
config.load_kube_config()
core = client.CoreV1Api()

# %% [markdown]
# The pipeline is one image with four programs: a **producer** sends
# temperatures to the **store**, a **worker** computes their mean, a
# **front** shows them. The container's argument says which program runs.
# Build the image, and give it to the nodes (about 5 s):

# %% setup="ex-10-1 ex-10-2 ex-10-3"
docker.from_env().images.build(path=str(lab.project), tag="weather:1", rm=True, labels=lab.labels)
IMAGE = lab.load_image("weather:1")

# %% [markdown] covers="D1.3"
# ## 1. Init containers: first this, then that
#
# Pods start in no particular order. A front that is up before its store
# answers *503*, and it may need a file that somebody has to write first.
# You could put both into the front's own program. But then its image needs
# tools and rights that it never needs again.
#
# So a pod has a second list beside `containers`: **`initContainers`**.
#
# - They run **one after the other**, in the order of the list.
# - Each must **end**, with exit code 0, before the next one starts.
# - Only when all have ended do the `containers` start, all at once.
#
# They may have another image, and other rights. What they leave in a
# shared volume is what the others find.

# %% [markdown] tags=["teaching"] minutes=7
# - **Ask** at `Init:0/2`: which of the two runs, and what does it wait
#   for? Let them find the command that tells (`logs -c`).
# - **Show**: leave the timeline on the projector while the store starts.

# %% [markdown] covers="D1.3"
# **Exam tip.** No generator of `kubectl` makes a second container. Let it
# write the pod with one, into a file, and add the rest in the editor. The
# list `initContainers` stands beside `containers`, at the same depth:

# %% magic_args="-s {lab.folder} {IMAGE}" language="bash" covers="D1.3"
# kubectl run front --image=$2 --dry-run=client -o yaml -- front > $1/front.yaml
# cat $1/front.yaml

# %% [markdown]
# Here is the result of such an edit. `wait` asks until the store answers;
# `page` writes a page into an `emptyDir`, where the front looks for one.
# (`replace --force` removes a pod of that name first: most fields of a pod
# cannot be changed. `$1` is what `-s` hands to the cell.)

# %% magic_args="-s {IMAGE}" language="bash" covers="D1.3"
# kubectl replace --force --grace-period=1 -f - <<END
# apiVersion: v1
# kind: Pod
# metadata: {name: front}
# spec:
#   volumes: [{name: site, emptyDir: {}}]
#   initContainers:
#   - {name: wait, image: "labs/shell:1", command: [sh, -c, "until curl -sSf http://store:8000/healthz; do sleep 1; done"]}
#   - {name: page, image: "labs/shell:1", command: [sh, -c, "echo '<h1>Garden</h1> {count} readings' > /site/page.html"],
#      volumeMounts: [{name: site, mountPath: /site}]}
#   containers:
#   - {name: front, image: "$1", args: [front], volumeMounts: [{name: site, mountPath: /etc/weather}]}
# END

# %% [markdown]
# There is no store yet. Guess what `kubectl get` shows, then ask:

# %% language="bash" covers="D1.3"
# kubectl wait pod front --for=jsonpath='{.status.initContainerStatuses[0].state.running.startedAt}' --timeout=60s
# kubectl get pod front
# kubectl logs front
# kubectl logs front -c wait --tail=2

# %% [markdown] covers="D1.3"
# **What happened.** The first of two init containers runs, so none has
# ended: `Init:0/2`. Without `-c`, `kubectl logs` asks the container
# `front`, which has not started. Name the one you mean.
#
# | STATUS | means |
# |---|---|
# | `Pending` | no node has the pod yet |
# | `Init:0/2` | none of two init containers has ended; the first one runs |
# | `Init:Error` | one has ended with another exit code than 0 |
# | `Init:CrashLoopBackOff` | it did so more than once; the kubelet waits before the next try |
# | `PodInitializing` | all have ended; the containers are being made |
# | `Running` | the containers run |
#
# In all rows but the last the pod's *phase* is `Pending`.
#
# This timeline tells who does what for the front, line by line:

# %% covers="D1.3"
views.timeline(lab, "pod/front")

# %% [markdown]
# Now start the store, with a Service (`--expose`), and look at the lines
# that are added above. (About 5 s.)

# %% magic_args="-s {IMAGE}" language="bash" covers="D1.3"
# kubectl delete pod/store service/store --ignore-not-found --grace-period=1
# kubectl run store --image=$1 --port=8000 --expose -- store
# kubectl wait pod front --for=condition=Ready --timeout=60s
# kubectl exec front -c front -- sh -c 'until wget -qO- localhost:8080 2>/dev/null; do sleep 0.5; done'

# %% [markdown] covers="D1.3"
# **What happened.** `wait` ended as soon as the store answered, then `page`
# wrote the page, then the front started and found it. Its own program knows
# nothing of all this.
#
# And when an init container **fails**? This one always does. (About 5 s.)

# %% language="bash" covers="D1.3"
# kubectl replace --force --grace-period=1 -f - <<END
# apiVersion: v1
# kind: Pod
# metadata: {name: moody}
# spec:
#   initContainers: [{name: fetch, image: "labs/shell:1", command: [sh, -c, "echo no such page; exit 3"]}]
#   containers: [{name: main, image: "labs/shell:1", command: [sleep, infinity]}]
# END

# %% language="bash" covers="D1.3"
# kubectl wait pod moody --for=jsonpath='{.status.initContainerStatuses[0].state.waiting.reason}'=CrashLoopBackOff --timeout=60s
# kubectl get pod moody
# kubectl logs moody -c fetch
# kubectl describe pod moody | grep -A 3 "Last State"

# %% [markdown] covers="D1.3"
# **What happened.** It is tried again: at once, then after 10 s, 20, 40,
# up to five minutes, for as long as the pod is there. (With `restartPolicy: Never` the
# pod fails at once.) `main` never starts. Three things to keep in mind:
#
# - An init container may run **more than once**. Write it so that this does
#   no harm.
# - It has no readiness and no liveness probe: its end is the answer.
# - Nothing of `containers` runs yet. So it can wait for *other* pods, never
#   for its own.

# %% language="bash"
# kubectl delete pod moody front --ignore-not-found --grace-period=1

# %% [markdown]
# For the exercise there is a store `depot`, which is switched off: its
# Deployment asks for no pods. (Run the cell again to have it so.)

# %% magic_args="-s {IMAGE}" language="bash" setup="ex-10-1"
# kubectl create service clusterip depot --tcp=8000 --dry-run=client -o yaml | kubectl apply -f -
# kubectl replace --force --grace-period=1 -f - <<END
# apiVersion: apps/v1
# kind: Deployment
# metadata: {name: depot}
# spec:
#   replicas: 0
#   selector: {matchLabels: {app: depot}}
#   template:
#     metadata: {labels: {app: depot}}
#     spec: {containers: [{name: store, image: "$1", args: [store]}]}
# END

# %% [markdown] tags=["exercise"] exercise="ex-10-1"
# ### Exercise 1: a desk that opens after its depot
#
# *Goal*: a pod `desk` with a container `front` (image `weather:1`, args
# `front` and `--store=http://depot:8000`). Before it starts, one or two
# init containers, of any image,
#
# - wait until `http://depot:8000/healthz` answers;
# - write a file `page.html` with `<h1>Desk</h1> {count} readings` into an
#   emptyDir, which `front` sees as `/etc/weather`.
#
# *Constraint*: only init containers wait and write.
#
# *Done when* `kubectl exec desk -c front -- wget -qO- localhost:8080` shows
# your page. Make the pod first, and look at what it waits for; then set
# `depot` to 1 replica (`kubectl scale`).

# %% [markdown] tags=["teaching"] minutes=9 exercise="ex-10-1"
# - **Say**: first the pod, then `scale`. Those who scale first see
#   nothing wait.
# - **Mistakes**
#   - `sleep 20` in place of asking: *no init container asks depot*;
#   - it asks once, so it fails and is retried: fine, and slower;
#   - the page's volume in one of the two only: *page.html is not there*;
#   - depot never scaled: *Init:0/2*;
#   - `restartPolicy: Always` copied along: *is a sidecar: the next container
#     does not wait for its end*.

# %% [markdown] tags=["hint"] exercise="ex-10-1"
# The front of section 1 is nearly this. What is different: three names, a
# page, and an argument that tells the front where its store is.

# %% [markdown] tags=["hint"] exercise="ex-10-1"
# `kubectl run desk --image=weather:1 --dry-run=client -o yaml -- front
# --store=http://depot:8000 > desk.yaml` writes most of it. Rename the
# container to `front`, then add `initContainers`, `volumes`, and in each
# container that writes or reads the page, `volumeMounts`.

# %% [markdown] tags=["hint"] exercise="ex-10-1"
# `initContainers: [{name: wait, image: "labs/shell:1", command: [sh, -c,
# "until curl -sSf http://depot:8000/healthz; do sleep 1; done"]}, {name:
# page, image: "labs/shell:1", command: [sh, -c, "echo '<h1>Desk</h1>
# {count} readings' > /site/page.html"], volumeMounts: [{name: site,
# mountPath: /site}]}]`. Then `kubectl scale deployment depot --replicas=1`.

# %% tags=["answer"] exercise="ex-10-1"
### BEGIN SOLUTION
ask = "until curl -sSf http://depot:8000/healthz; do sleep 1; done"
write = "echo '<h1>Desk</h1> {count} readings' > /site/page.html"
wait = {"name": "wait", "image": "labs/shell:1", "command": ["sh", "-c", ask]}
page = {"name": "page", "image": "labs/shell:1", "command": ["sh", "-c", write]}
page["volumeMounts"] = [{"name": "site", "mountPath": "/site"}]
front = {"name": "front", "image": IMAGE, "args": ["front", "--store=http://depot:8000"]}
front["volumeMounts"] = [{"name": "site", "mountPath": "/etc/weather"}]
spec = {"initContainers": [wait, page], "containers": [front], "volumes": [{"name": "site", "emptyDir": {}}]}
core.create_namespaced_pod(lab.namespace, {"metadata": {"name": "desk", "labels": {"app": "desk"}}, "spec": spec})
client.AppsV1Api().patch_namespaced_deployment_scale("depot", lab.namespace, {"spec": {"replicas": 1}})
ready = wait_for_pods(core, lab.namespace, "app=desk", 1, TIMEOUT)
### END SOLUTION

# %% tags=["check"]
lab.check("ex-10-1")

# %% [markdown] covers="D1.3"
# ## 2. A sidecar: a helper that stays
#
# The store keeps its readings in a file, and prints only who asked. You
# want each reading in a log, where your tools look, without a change to the
# store. A second container in the pod can do that: it reads the file from a
# shared `emptyDir`, and prints what is new. Such a helper, which goes on
# beside the program, is called a **sidecar**; this one is a *log shipper*.
#
# The classic way lists it under `containers`:

# %% [markdown] tags=["teaching"] minutes=5
# - **Ask** before the Job: when does it complete? Almost everybody says
#   "when `tally` ends".
# - **Say** the words in the STATUS column aloud: the pod says *NotReady*,
#   and means *half of me has ended*.

# %% magic_args="-s {IMAGE}" language="bash" covers="D1.3"
# kubectl replace --force --grace-period=1 -f - <<END
# apiVersion: v1
# kind: Pod
# metadata: {name: store, labels: {run: store}}
# spec:
#   volumes: [{name: data, emptyDir: {}}]
#   containers:
#   - {name: store, image: "$1", args: [store], volumeMounts: [{name: data, mountPath: /data}]}
#   - name: shipper
#     image: labs/shell:1
#     command: [tail, -F, /in/readings]
#     volumeMounts: [{name: data, mountPath: /in, readOnly: true}]
# END

# %% [markdown]
# A producer lets real temperatures flow. Look at both containers' logs, at
# first of one, then of all, with names in front:

# %% magic_args="-s {IMAGE}" language="bash" covers="D1.3"
# kubectl delete pod producer --ignore-not-found --grace-period=1
# kubectl run producer --image=$1 -- producer
# kubectl wait pod store producer --for=condition=Ready --timeout=60s
# kubectl exec store -c shipper -- sh -c 'until [ -s /in/readings ]; do sleep 1; done'
# kubectl get pod store
# kubectl logs store -c shipper --tail=2
# kubectl logs store --all-containers --prefix --tail=2

# %% [markdown] covers="D1.3"
# **What happened.** `READY 2/2` counts containers: a pod is ready when all
# of them are. `logs`, `exec` and `cp` take `-c NAME`; without it they take
# the first of `containers`, and say so. Each container is restarted by
# itself, and none waits for another: with two `containers` there is **no
# order**.
#
# That has a price where something has to end. A Job writes three lines, and
# a shipper prints them. When is the Job complete?

# %%
# %%writefile {lab.folder}/tally.yaml
apiVersion: batch/v1
kind: Job
metadata: {name: tally}
spec:
  template:
    spec:
      restartPolicy: Never
      terminationGracePeriodSeconds: 2
      volumes: [{name: out, emptyDir: {}}]
      containers:
      - {name: tally, image: "labs/shell:1", command: [sh, -c, "seq 3 > /out/log"], volumeMounts: [{name: out, mountPath: /out}]}
      - {name: shipper, image: "labs/shell:1", command: [tail, -F, /out/log], volumeMounts: [{name: out, mountPath: /out}]}

# %% magic_args="-s {lab.folder}" language="bash" covers="D1.3"
# kubectl replace --force --grace-period=1 -f $1/tally.yaml
# ENDED='{.status.containerStatuses[?(@.name=="tally")].state.terminated.reason}'
# kubectl wait job tally --for=jsonpath='{.status.active}'=1 --timeout=60s
# kubectl wait pod -l job-name=tally --for=jsonpath="$ENDED"=Completed --timeout=60s
# kubectl get job tally
# kubectl get pods -l job-name=tally

# %% [markdown] covers="D1.3"
# **What happened.** `tally` has done its work, `shipper` goes on forever,
# and so does the Job: `0/1`. A pod has ended only when all its
# `containers` have. Before native sidecars, people let the helper look for
# a file that says *the end*, or killed it from the other container.

# %% [markdown] covers="D1.3"
# ## 3. Native sidecars
#
# An entry of `initContainers` with **`restartPolicy: Always`** is a
# *native sidecar*:
#
# | | init container | native sidecar | classic sidecar |
# |---|---|---|---|
# | stands in | `initContainers` | `initContainers` | `containers` |
# | the next one starts | when it has **ended** | when it has **started** | at the same time |
# | goes on beside the program | no | yes | yes |
# | a Job waits for its end | yes | **no** | yes |
# | is told to end | | **after** the program | with the program |
#
# *Started* means that its process runs. With a **`startupProbe`** it means
# that the probe has succeeded: then the next container finds a helper that
# works.
#
# The same Job; only the shipper's line has moved up, and got one field:

# %% [markdown] tags=["teaching"] minutes=6
# - **Draw** the picture's bars one by one, and let the room say which
#   comes next, before the timeline shows it.
# - **Ask**: what if `warm` had no `startupProbe`? (`beside` would start as
#   soon as the process of `warm` runs.)

# %%
# %%writefile {lab.folder}/tally.yaml
apiVersion: batch/v1
kind: Job
metadata: {name: tally}
spec:
  template:
    spec:
      restartPolicy: Never
      terminationGracePeriodSeconds: 2
      volumes: [{name: out, emptyDir: {}}]
      initContainers:
      - {name: shipper, restartPolicy: Always, image: "labs/shell:1", command: [tail, -F, /out/log], volumeMounts: [{name: out, mountPath: /out}]}
      containers:
      - {name: tally, image: "labs/shell:1", command: [sh, -c, "seq 3 > /out/log"], volumeMounts: [{name: out, mountPath: /out}]}

# %% magic_args="-s {lab.folder}" language="bash" covers="D1.3"
# kubectl replace --force --grace-period=1 -f $1/tally.yaml
# kubectl wait job tally --for=condition=Complete --timeout=60s
# kubectl get pods -l job-name=tally
# kubectl logs job/tally -c shipper

# %% [markdown] covers="D1.3"
# **What happened.** The Job is complete: it waited for `tally` alone. Only
# then was `shipper` told to end. That gave it time to print what was left.
# (`tail` does not listen to the signal, so it was killed after the two
# seconds of `terminationGracePeriodSeconds`. How a sidecar ends does not
# count against the Job.)
#
# **Misconception**: *a sidecar is a helper under `containers`*. That was
# true for years, and both ways still work. But where order matters, or an
# end, only the native one is right.
#
# **Exam tip.** `restartPolicy` now stands in two places: once for the pod,
# and once, always `Always`, in the sidecar. `kubectl explain
# pod.spec.initContainers.restartPolicy` has the words.

# %% [markdown] covers="D1.3"
# ### Who starts first, who ends last
#
# <img alt="Five bars over time. The init container first ends before the sidecar warm starts. When the startup probe of warm
# has succeeded, the sidecar beside starts, then main. When the pod is deleted, main ends first, then beside, and warm last."
# width="640" src="data:image/svg+xml,<svg xmlns='http://www.w3.org/2000/svg' viewBox='0 0 640 210'
#  font-family='sans-serif' font-size='14'>
#  <rect width='640' height='210' rx='8' fill='white'/>
#  <g stroke='dimgray' stroke-dasharray='5 4'><path d='M400 34 V195'/></g>
#  <text x='400' y='24' text-anchor='middle' fill='dimgray' font-size='13'>pod deleted</text>
#  <g text-anchor='end'><text x='100' y='62'>first</text> <text x='100' y='102'>warm</text>
#  <text x='100' y='142'>beside</text> <text x='100' y='182'>main</text></g>
#  <rect x='115' y='45' width='65' height='26' rx='5' fill='lightsalmon' stroke='indianred'/>
#  <g fill='aliceblue' stroke='steelblue'><rect x='185' y='85' width='440' height='26' rx='5'/>
#  <rect x='255' y='125' width='300' height='26' rx='5'/></g>
#  <rect x='265' y='165' width='220' height='26' rx='5' fill='honeydew' stroke='seagreen'/>
#  <path d='M255 85 V111' stroke='steelblue'/>
#  <text x='192' y='103' font-size='13'>probe</text> <text x='262' y='103' font-size='13'>sidecar, ends last</text>
#  <text x='262' y='143' font-size='13'>sidecar</text> <text x='272' y='183' font-size='13'>program, ends first</text>
#  <text x='187' y='62' font-size='13'>init container</text></svg>">
#
# A pod `line` with one of each. Its containers do nothing but take their
# time: two seconds to come up, two seconds to end. The timeline waits for
# it:

# %% covers="D1.3"
order = views.timeline(lab, "pod/line")
order

# %% language="bash" covers="D1.3"
# STAY='[sh, -c, "trap \"sleep 2; exit 0\" TERM; sleep 2; touch /tmp/up; sleep infinity & wait"]'
# kubectl replace --force --grace-period=1 -f - <<END
# apiVersion: v1
# kind: Pod
# metadata: {name: line}
# spec:
#   initContainers:
#   - {name: first, image: "labs/shell:1", command: [sleep, "2"]}
#   - {name: warm, restartPolicy: Always, image: "labs/shell:1", command: $STAY,
#      startupProbe: {exec: {command: [test, -f, /tmp/up]}, periodSeconds: 1}}
#   - {name: beside, restartPolicy: Always, image: "labs/shell:1", command: $STAY}
#   containers:
#   - {name: main, image: "labs/shell:1", command: $STAY}
# END

# %% [markdown]
# See how the start goes on above. When all run, delete the pod (about 15 s
# for both), and read who ended when:

# %% covers="D1.3"
# !kubectl wait pod line --for=condition=Ready --timeout=60s
# !kubectl get pod line
# !kubectl delete pod line
wait_for(lambda: "is deleted" in str(order), TIMEOUT, what="the timeline to see the end")
print(order)

# %% [markdown] covers="D1.3"
# **What happened.** Up: the list from top to bottom, and `beside` only when
# the probe of `warm` had succeeded. Down: `main` first, then the sidecars
# from the bottom to the top. So a proxy is there from the first request of
# a program to the last.
#
# All of it must fit into the pod's one `terminationGracePeriodSeconds`
# (30): if `main` takes it all, the sidecars are killed right after.
# `READY` said `3/3`: sidecars count, init containers do not.
#
# For a small step at the same moments you need no container: a command in
# `lifecycle.postStart` or `lifecycle.preStop` of the program itself runs
# right after its start, or before its end (lesson 07 has a `preStop`).

# %% [markdown]
# **Your turn, two minutes.** In a terminal (File, New, Terminal; there
# `labs shell 10`), with one `kubectl` line each:
#
# 1. print what the store's *shipper* wrote in the last five seconds;
# 2. print the names of the init containers of the pod of `tally`.
#
# Then run the next cell, and compare.

# %% language="bash" covers="D1.3"
# kubectl logs store -c shipper --since=5s
# kubectl get pods -l job-name=tally -o jsonpath='{.items[*].spec.initContainers[*].name}'

# %% [markdown] covers="D1.3"
# ## 4. One network for all
#
# Containers of a pod have one address, and one **localhost**. They reach
# each other without a Service and without the network; others reach all of
# them by the pod's address.

# %% [markdown] tags=["teaching"] minutes=7
# - **Ask** before the pod `crowd`: does the API server refuse it?
# - **Say** at the ambassador: where is the token now, and who can use it?
#   (Anyone who reaches the pod's port 9000. Let them find that.)

# %% language="bash" covers="D1.3"
# kubectl exec store -c shipper -- sh -c 'hostname -i; curl -sS localhost:8000/readings | tail -n 1'
# kubectl exec store -c store -- hostname -i

# %% [markdown]
# So they also share **ports**. Two web servers, which both want port 80
# (about 10 s):

# %% language="bash" covers="D1.3"
# kubectl replace --force --grace-period=1 -f - <<END
# apiVersion: v1
# kind: Pod
# metadata: {name: crowd}
# spec:
#   containers:
#   - {name: one, image: "labs/web:1"}
#   - {name: two, image: "labs/web:2"}
# END

# %% language="bash" covers="D1.3"
# kubectl wait pod crowd --for=jsonpath='{.status.containerStatuses[?(@.name=="two")].state.waiting.reason}'=CrashLoopBackOff --timeout=60s
# kubectl get pod crowd
# kubectl logs crowd --all-containers --prefix | grep -m 1 "already in use"

# %% [markdown] covers="D1.3"
# **What happened.** Nobody refused it: what a program will listen on, the
# API server cannot know. The one that came second found the *address in
# use*, ended, and will be restarted forever. One container of several in
# `CrashLoopBackOff`, and *Address already in use* in its log: that is a
# port conflict. Give one of them another port, by its own settings.
#
# ### Ambassador: a proxy that knows the way
#
# Another team runs a store `vault`. It takes readings only with a token.
# Our producer is to send there, but must know neither the address nor the
# token. So a proxy comes into its pod, an **ambassador**: the producer
# speaks to `localhost:9000`, and the ambassador passes it on. First the
# vault, as the other team made it:

# %% language="bash"
# kubectl delete pod crowd --ignore-not-found --grace-period=1

# %% magic_args="-s {IMAGE}" language="bash" setup="ex-10-2"
# kubectl create secret generic vault --from-literal=token=harbour-42 --dry-run=client -o yaml | kubectl apply -f -
# kubectl create service clusterip vault --tcp=8000 --dry-run=client -o yaml | kubectl apply -f -
# kubectl apply -f - <<END
# apiVersion: apps/v1
# kind: Deployment
# metadata: {name: vault}
# spec:
#   selector: {matchLabels: {app: vault}}
#   template:
#     metadata: {labels: {app: vault}}
#     spec: {containers: [{name: store, image: "$1", args: [store],
#       env: [{name: TOKEN, valueFrom: {secretKeyRef: {name: vault, key: token}}}]}]}
# END

# %% [markdown]
# The ambassador is the web server nginx, with a few lines of configuration.
# They hold the token, so they go into a Secret, `gate`:

# %% magic_args="-s {lab.folder}" language="bash" setup="ex-10-2"
# cat > $1/nginx.conf <<END
# events {}
# http {
#   access_log /dev/stdout;
#   server {
#     listen 9000;
#     location / {
#       proxy_pass http://vault:8000;
#       proxy_set_header Authorization "Bearer harbour-42";
#     }
#   }
# }
# END
# kubectl create secret generic gate --from-file=$1/nginx.conf --dry-run=client -o yaml | kubectl apply -f -

# %% magic_args="-s {IMAGE}" language="bash" covers="D1.3"
# kubectl replace --force --grace-period=1 -f - <<END
# apiVersion: v1
# kind: Pod
# metadata: {name: station}
# spec:
#   volumes: [{name: conf, secret: {secretName: gate}}]
#   initContainers:
#   - {name: gate, restartPolicy: Always, image: "labs/web:1", command: [nginx, -c, /etc/gate/nginx.conf, -g, daemon off;],
#      startupProbe: {httpGet: {path: /healthz, port: 9000}, periodSeconds: 1, failureThreshold: 60},
#      volumeMounts: [{name: conf, mountPath: /etc/gate}]}
#   containers:
#   - {name: producer, image: "$1", args: [producer, "--store=http://localhost:9000", --station=harbour]}
# END

# %% language="bash" covers="D1.3"
# kubectl wait pod station --for=condition=Ready --timeout=60s
# kubectl wait pod station --for=jsonpath='{.status.containerStatuses[0].started}'=true
# kubectl exec station -c gate -- sh -c 'until wget -qO- localhost:9000/readings | grep -q .; do sleep 1; done'
# kubectl logs station -c producer --tail=2
# kubectl logs station -c gate | grep POST | tail -n 1

# %% [markdown] covers="D1.3"
# **What happened.** The producer has no token, and the vault took its
# readings: the ambassador had added it. The `startupProbe` asks *through*
# the ambassador, so the producer starts only when the whole way is open.
# (`failureThreshold: 60` gives it a minute; when the probe fails more often
# than that, the kubelet restarts the container.)
#
# What it does not protect: port 9000 listens on the pod's address, so
# *every pod* that connects to it uses the token, too. `listen
# 127.0.0.1:9000` would shut that. Then the kubelet cannot ask from outside
# either, and the probe must be an `exec`.

# %% [markdown] tags=["exercise"] exercise="ex-10-2"
# ### Exercise 2: a survey through the ambassador
#
# *Goal*: a Job `survey` that sends three readings to the other team's
# `vault`, and completes. Its container `sender` (image `labs/shell:1`)
# runs
#
# ```console
# $ sh -c 'for t in 18.0 18.5 19.0; do curl -sSf -d $t localhost:9000/readings || exit 1; done'
# ```
#
# An ambassador beside it (image `labs/web:1`, set up by the Secret `gate`)
# is a native sidecar. A `startupProbe` at port 9000 sees to it that it
# answers before `sender` starts.
#
# *Constraint*: `sender` knows neither the token nor the vault. Leave
# `vault` alone. In the Job, no pod restarts: `restartPolicy: Never`.
#
# *Done when* the Job is complete, and the vault has the three readings.

# %% [markdown] tags=["teaching"] minutes=12 exercise="ex-10-2"
# - **Mistakes**
#   - the ambassador under `containers`: *ends only when all of
#     them have*;
#   - `restartPolicy: Always` forgotten: *must end before sender starts*;
#   - a `readinessProbe` instead: *a readinessProbe does not hold the next
#     container back*;
#   - the vault asked directly: *localhost:9000*, then 401;
#   - the Job corrected with `apply`: the API server refuses it (`field is
#     immutable`); `replace --force` makes it again.

# %% [markdown] tags=["hint"] exercise="ex-10-2"
# The Job of section 3 and the pod of this section, put together. Which
# parts of the pod `station` stay as they are?

# %% [markdown] tags=["hint"] exercise="ex-10-2"
# `kubectl create job survey --image=labs/shell:1 --dry-run=client -o yaml
# -- sh -c '...' > survey.yaml` writes the outside and the sender. Into
# `spec.template.spec` go `volumes` and `initContainers` of `station`.

# %% [markdown] tags=["hint"] exercise="ex-10-2"
# In `spec.template.spec`: `restartPolicy: Never`, `volumes: [{name: conf,
# secret: {secretName: gate}}]`, then the seven words of `station`'s `gate`
# (name, restartPolicy, image, command, startupProbe, volumeMounts) under
# `initContainers`, and `sender` under `containers`. If the Job is there
# already: `kubectl replace --force -f survey.yaml`.

# %% tags=["answer"] exercise="ex-10-2"
### BEGIN SOLUTION
conf = {"name": "conf", "secret": {"secretName": "gate"}}
gate = {"name": "gate", "restartPolicy": "Always", "image": "labs/web:1"}
gate["command"] = ["nginx", "-c", "/etc/gate/nginx.conf", "-g", "daemon off;"]
gate["startupProbe"] = {"httpGet": {"path": "/healthz", "port": 9000}, "periodSeconds": 1, "failureThreshold": 60}
gate["volumeMounts"] = [{"name": "conf", "mountPath": "/etc/gate"}]
send = "for t in 18.0 18.5 19.0; do curl -sSf -d $t localhost:9000/readings || exit 1; done"
sender = {"name": "sender", "image": "labs/shell:1", "command": ["sh", "-c", send]}
pod = {"restartPolicy": "Never", "volumes": [conf], "initContainers": [gate], "containers": [sender]}
batch = client.BatchV1Api()
batch.create_namespaced_job(lab.namespace, {"metadata": {"name": "survey"}, "spec": {"template": {"spec": pod}}})
done = wait_for(lambda: batch.read_namespaced_job("survey", lab.namespace).status.succeeded, TIMEOUT)
### END SOLUTION

# %% tags=["check"]
lab.check("ex-10-2")

# %% [markdown] covers="D1.3"
# ## 5. Adapter: the same, in another form
#
# Your monitoring asks each program for numbers, in a form of its own: a
# name, a space, a value. The store has one reading a line. An **adapter**
# beside it turns one into the other, and the store stays as it is:

# %% [markdown] tags=["teaching"] minutes=3
# - **Ask**: shipper, ambassador, adapter: which direction does each work
#   in? (Out of a file; out to others; others in to us.)

# %% magic_args="-s {IMAGE}" language="bash" covers="D1.3"
# kubectl replace --force --grace-period=1 -f - <<END
# apiVersion: v1
# kind: Pod
# metadata: {name: store, labels: {run: store}}
# spec:
#   volumes: [{name: data, emptyDir: {}}]
#   initContainers:
#   - {name: adapter, restartPolicy: Always, image: "labs/shell:1", command: [sh, -c, "httpd -p 9100 -h /tmp; while sleep 1;
#      do curl -s localhost:8000/readings | tail -n 1 | sed 's/^/weather_celsius /' > /tmp/metrics; done"]}
#   containers:
#   - {name: store, image: "$1", args: [store], volumeMounts: [{name: data, mountPath: /data}]}
#   - {name: shipper, image: "labs/shell:1", command: [tail, -F, /in/readings], volumeMounts: [{name: data, mountPath: /in}]}
# END

# %% language="bash" covers="D1.3"
# kubectl wait pod store --for=condition=Ready --timeout=60s
# kubectl exec store -c adapter -- sh -c 'until [ -s /tmp/metrics ]; do sleep 1; done'
# kubectl exec station -c gate -- wget -qO- http://$(kubectl get pod store -o jsonpath='{.status.podIP}'):9100/metrics

# %% [markdown] covers="D1.3"
# **What happened.** Somebody in another pod asked port 9100 of the store's
# pod, and got the form that Prometheus, a widely used monitoring system,
# reads. The three names say what a helper is *for*; how it is written
# down is the same:
#
# | pattern | the helper | here |
# |---|---|---|
# | sidecar | adds something to the program | shipper |
# | ambassador | speaks for it to the outside | gate |
# | adapter | shows it to the outside in another form | adapter |
#
# **Exam tip.** Tasks seldom name a pattern. They say what a second
# container does and which file or port it shares. Look for the shared
# thing first: a volume, or `localhost`.

# %% [markdown] covers="D1.3"
# ## 6. Shared processes
#
# One thing containers of a pod do *not* share, unless you say so:
# processes. With **`shareProcessNamespace: true`** each container sees
# those of all others, and may signal them if its user may. This is how a
# helper makes a program read its settings again, and how you look into a
# program whose image has no tools. Here, a web server and a shell:

# %% [markdown] tags=["teaching"] minutes=3
# - **Ask** before `ps`: which process is number 1? (Neither container's
#   own: `pause`, which holds the pod's namespaces.)

# %% language="bash" covers="D1.3"
# kubectl replace --force --grace-period=1 -f - <<END
# apiVersion: v1
# kind: Pod
# metadata: {name: glass}
# spec:
#   shareProcessNamespace: true
#   terminationGracePeriodSeconds: 1
#   containers:
#   - {name: web, image: "labs/web:1"}
#   - {name: helper, image: "labs/shell:1", command: [sleep, infinity]}
# END
# kubectl wait pod glass --for=condition=Ready --timeout=60s
# kubectl exec glass -c helper -- ps -o pid,user,args

# %% [markdown]
# The helper tells the web server to read its configuration again (`HUP`).
# And it can do more than you may like: under `/proc/NUMBER/root` are the
# files that a process sees. It tries that for both of nginx's processes.

# %% language="bash" covers="D1.3"
# kubectl exec glass -c helper -- killall -HUP nginx
# kubectl exec glass -c helper -- sh -c 'for p in $(pidof nginx); do ls /proc/$p/root/usr/share/nginx/html; done'
# kubectl logs glass -c web | grep -m 1 reconfiguring

# %% [markdown] covers="D1.3"
# **What happened.** A signal and a look at files, across containers. (The
# worker runs as `nobody`, so the helper, which is `root`, was denied; the
# master is `root` as well.) Two warnings:
#
# - Process 1 is now `pause`. A program that insists on being number 1
#   does not work like this.
# - What a container keeps from the others, such as a token in its
#   environment, they may now read if they run as the same user.

# %% [markdown] covers="D1.3"
# ## 7. Together, or apart?
#
# A pod is **one** thing to Kubernetes: placed on one node, scaled,
# updated and deleted as a whole.
#
# | put them together when | keep them apart when |
# |---|---|
# | one is of no use without the other | each makes sense alone |
# | they share files, or `localhost` | a Service and its name suffice |
# | they start and end together | one is updated far more often |
# | there is one helper **for each** copy | you want three fronts, but one store |
#
# So front and store stay two Deployments: with three copies of a common
# pod you would have three stores, each with a third of the readings.
#
# **What it costs.** The scheduler looks for a node that has room for the
# *sum* of what all containers and native sidecars request (or for the
# largest init container, if that is more), and the pod's QoS class is
# `Guaranteed` only if *each* of its containers has limits equal to its
# requests.

# %% [markdown] tags=["teaching"] minutes=3
# - **Ask** each pair: front and store? A database and its backup? A
#   program and the proxy that encrypts for it? Let them argue with the
#   table's rows.

# %% covers="D1.3"
# !kubectl get pods -o 'custom-columns=POD:.metadata.name,QOS:.status.qosClass,INIT:.spec.initContainers[*].name,CONTAINERS:.spec.containers[*].name'

# %% [markdown]
# The last exercise starts from a colleague's work. (Run the cell again to
# have the mess back.)

# %% magic_args="-s {IMAGE}" language="bash" setup="ex-10-3"
# kubectl replace --force --grace-period=1 -f - <<END
# {apiVersion: apps/v1, kind: Deployment, metadata: {name: beacon}, spec: {
#   selector: {matchLabels: {app: beacon}}, template: {metadata: {labels: {app: beacon}}, spec: {
#     terminationGracePeriodSeconds: 1,
#     volumes: [{name: data, emptyDir: {}}, {name: tmp, emptyDir: {}}],
#     initContainers: [{name: wait, image: "labs/shell:1",
#       command: [sh, -c, "until curl -sSf localhost:8000/healthz; do sleep 1; done"]}],
#     containers: [
#     {name: store, image: "$1", args: [store], volumeMounts: [{name: data, mountPath: /data}]},
#     {name: front, image: "$1", args: [front, "--store=http://localhost:8000", "--port=8000"]},
#     {name: journal, image: "labs/shell:1", command: [tail, -F, /in/readings],
#      volumeMounts: [{name: tmp, mountPath: /in}]}]}}}}
# END

# %% [markdown] tags=["exercise"] exercise="ex-10-3"
# ### Exercise 3: repair the beacon
#
# "Three containers, each of them works alone. Together they do not even
# start." *Goal*: in the one pod of the Deployment `beacon`, the store
# answers at port 8000 and the front, at port 8080, shows the store's
# readings; `journal` prints each of them in its log.
#
# *Constraint*: keep the Deployment `beacon`, and the three containers in
# one pod. `journal` goes on reading the store's file.
#
# *Done when* you have sent a reading, the front counts it, and the log of
# `journal` shows it. One way to send:
#
# ```console
# $ kubectl exec deploy/beacon -c store -- wget -qO- --post-data=21.5 localhost:8000/readings
# ```
#
# There is more than one fault, and repairing one uncovers the next. The
# last one makes no noise.

# %% [markdown] tags=["teaching"] minutes=10 exercise="ex-10-3"
# - **Ask** whenever somebody is stuck: which container is it, and what
#   does *its* log say?
# - **Mistakes**
#   - they look at `kubectl logs` without `-c`: *wait has not ended*;
#   - the store's port changed too: *the store to answer at port 8000*;
#   - it runs, and all go home: *store mounts data and journal mounts
#     tmp*;
#   - split into two pods: *three containers in the pod of beacon*.

# %% [markdown] tags=["hint"] exercise="ex-10-3"
# `kubectl get pods -l app=beacon` tells how far the start has come. Then
# ask the container that is next in the order: `kubectl logs
# deploy/beacon -c NAME`.

# %% [markdown] tags=["hint"] exercise="ex-10-3"
# Whom does `wait` wait for, and when does that one start? Which port does
# the front ask for, and who has it? Which volume does each container
# mount? (`kubectl edit deployment beacon` changes all of it.)

# %% [markdown] tags=["hint"] exercise="ex-10-3"
# Take `wait` away (or make `store` a native sidecar above it). Take
# `--port=8000` away from the front: its default is 8080. Let `journal`
# mount the volume `data`. Then send a reading.

# %% tags=["answer"] exercise="ex-10-3"
### BEGIN SOLUTION
import subprocess

apps = client.AppsV1Api()
front = {"name": "front", "args": ["front", "--store=http://localhost:8000"]}
journal = {"name": "journal", "volumeMounts": [{"mountPath": "/in", "name": "data"}]}
spec = {"initContainers": None, "containers": [front, journal]}
changed = apps.patch_namespaced_deployment("beacon", lab.namespace, {"spec": {"template": {"spec": spec}}})
wait_for_rollout(apps, "beacon", lab.namespace, TIMEOUT)
name = wait_for_pods(core, lab.namespace, "app=beacon", 1, TIMEOUT)[0].metadata.name
send = ["kubectl", "exec", name, "-c", "store", "--", "wget", "-qO-", "--post-data=21.5", "localhost:8000/readings"]
sent = wait_for(lambda: not subprocess.run(send, check=False).returncode, TIMEOUT)
### END SOLUTION

# %% tags=["check"]
lab.check("ex-10-3")

# %% [markdown]
# ## Recap
#
# 1. **Init containers** run one after the other, each to its end, before
#    all `containers`. `Init:0/2`: none of two has ended.
# 2. A **sidecar** goes on beside the program, and reads its files from a
#    volume that both mount.
# 3. A **native sidecar** is an init container with `restartPolicy: Always`.
#    A Job does not wait for it.
# 4. **Up** from top to bottom, a `startupProbe` holds the next one back;
#    **down** the program first, then the sidecars from bottom to top.
# 5. One address, one **localhost**: the second one at a port gets *Address
#    already in use*.
# 6. An **ambassador** speaks to the outside for a program, an **adapter**
#    shows it in another form.
# 7. `shareProcessNamespace` shares **processes**, and with them much else.
# 8. **Together** only what starts, ends, moves and multiplies together.
#
# | to do | `kubectl` |
# |---|---|
# | a pod to add containers to | `run NAME --image=I --dry-run=client -o yaml -- ARGS > pod.yaml` |
# | a Job likewise | `create job NAME --image=I --dry-run=client -o yaml -- COMMAND > job.yaml` |
# | one container's log | `logs POD -c NAME`, after a crash with `--previous` |
# | all logs | `logs POD --all-containers --prefix` |
# | a command in one | `exec POD -c NAME -- COMMAND` |
# | why does it not start | `describe pod POD`: *Init Containers* come first |
# | make a pod again | `replace --force -f pod.yaml` |

# %% [markdown] tags=["teaching"] minutes=2
# - **Ask**: a program, its log shipper, its database, a job that fills the
#   database once. Which of the lists does each belong to?

# %% [markdown]
# **In practice**: service meshes put an ambassador into every pod, and log
# collectors run once a node as a DaemonSet, which is cheaper than a
# shipper in each pod. Prefer native sidecars for new work; give each a
# `startupProbe` and requests of its own. Let a program try again by itself
# when its store is away: an init container helps at the start, and never
# later.
#
# **Next**: the course page says which lesson comes next for you; lesson 08
# has the plan for the exam.
#
# ## Clean up

# %%
lab.cleanup()
