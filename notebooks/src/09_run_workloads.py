# %% [markdown] facts="shared-cluster"
# # Run work that ends, and work on every node
#
# The programs of the weather pipeline never end, and a Deployment is made
# for such programs: what ends is started again. Not all work is like that.
# A summary is made each night, and then it is over. Readings that came late
# are sent once. Every node needs a station of its own. And two stores want
# two memories, not one.
#
# *You will do*: run a summary once, and let three others fail; send six
# days of readings with three pods at a time; plan work for the night and
# run it by hand; put a station on every node; give two stores a name and a
# memory each.
#
# *You will learn*
#
# 1. why a Deployment cannot run work that ends;
# 2. what a Job is, and what becomes of it afterwards;
# 3. what a Job does when its pods fail;
# 4. how several pods share the work;
# 5. how a CronJob makes Jobs, and in which time zone;
# 6. how a DaemonSet finds its nodes;
# 7. what a StatefulSet gives to each pod, and what it leaves behind;
# 8. which of the five to choose.
#
# *You need*: lesson 04, or to know Deployments; for section 7 also claims
# (lesson 06) and headless Services (lesson 07).
#
# *Time*: about 80 minutes, the three exercises included.

# %% [markdown] tags=["teaching"] minutes=2
# - **Before**: run the cells up to section 1; the CronJob `tick` needs a minute until section 5 looks at it.
# - **Cut**: the three failures of section 3 can be shown by you; of section 7 the partition. Keep sections 2, 5 and 8,
#   and exercises 1 and 2.

# %% tags=["parameters"]
TIMEOUT = 120  # seconds to wait for anything

# %%
from functools import partial

import docker
from kubernetes import client, config

from labs import open_lab, views
from labs.waiting import wait_for, wait_for_pods, wait_gone

lab = open_lab("09")
config.load_kube_config()
core, apps, batch = client.CoreV1Api(), client.AppsV1Api(), client.BatchV1Api()

# %% [markdown]
# The pipeline's image first (about 10 s). Then the store, as in lesson 07: a
# Deployment, and a Service that gives it the name `store`. (`-s {IMAGE}`
# hands the image's name to the script, as `$1`.)

# %% setup="ex-09-2 ex-09-3"
docker.from_env().images.build(path=str(lab.project), tag="weather:1", rm=True, labels=lab.labels)
IMAGE = lab.load_image("weather:1")

# %% magic_args="-s {IMAGE}" language="bash" setup="ex-09-2"
# kubectl apply -f - <<END
# apiVersion: apps/v1
# kind: Deployment
# metadata: {name: store}
# spec:
#   selector: {matchLabels: {app: store}}
#   template:
#     metadata: {labels: {app: store}}
#     spec:
#       containers:
#       - {name: store, image: "$1", args: [store],
#          readinessProbe: {httpGet: {path: /healthz, port: 8000}, periodSeconds: 1}}
# END

# %% language="bash" setup="ex-09-2"
# kubectl expose deployment store --port=8000 --dry-run=client -o yaml | kubectl apply -f -
# kubectl rollout status deployment/store

# %% [markdown]
# Give the store some readings. The last line asks for something to happen
# each minute: section 5 will look at what came of it, and by then some
# minutes will have passed.

# %% language="bash"
# for reading in 18.5 23.5 21.0; do
#   kubectl exec deployment/store -- wget -qO- --post-data=$reading localhost:8000/readings
# done
# kubectl create cronjob tick --image=labs/shell:1 --schedule="* * * * *" --dry-run=client -o yaml -- date |
#   kubectl apply -f -

# %% [markdown] covers="D1.2"
# ## 1. A Deployment does not let work end
#
# The summary is one line of Python: it asks the store for all readings, and
# prints how many there are, the lowest and the highest. It takes a moment,
# and then it is done.
#
# Run it in the only way you know so far. Guess first: what will `kubectl get
# pods` say of a program that did its work well?

# %% [markdown] tags=["teaching"] minutes=3
# - **Ask** before the cell: *Completed*, *Running*, or something else? Nearly all say *Completed*.

# %%
SUMMARY = "from client import lines; r = sorted(map(float, lines('readings'))); print(len(r), 'from', r[0], 'to', r[-1])"

# %% covers="D1.2"
# !kubectl create deployment summary --image={IMAGE} -- python3 -c "{SUMMARY}"


def waiting():
    pods = core.list_namespaced_pod(lab.namespace, label_selector="app=summary").items
    states = [status.state.waiting for pod in pods for status in pod.status.container_statuses or []]
    return [state.reason for state in states if state]


wait_for(lambda: "CrashLoopBackOff" in waiting(), TIMEOUT)
# !kubectl get pods -l app=summary
# !kubectl logs deployment/summary

# %% [markdown] covers="D1.2"
# **What happened.** The program ended well, with status 0. But the pods of a
# Deployment have `restartPolicy: Always`, and no other is allowed. So the
# kubelet starts the container again, and waits longer each time. It calls
# the waiting `CrashLoopBackOff`, though nothing crashed. The summary is made
# again and again, and nobody can tell when the work is done.
#
# **Misconception**: *Always means: until it has succeeded*. It means always.

# %%
# !kubectl delete deployment summary

# %% [markdown] covers="D1.2"
# ## 2. A Job runs to the end
#
# A **Job** makes a pod, and watches until one has ended well. If its pod
# fails, it makes another; if its node is lost, too. When the work is done,
# the Job is `Complete`, and starts nothing any more.
#
# `kubectl` has a generator for it. What follows `--` is the command:

# %% [markdown] tags=["teaching"] minutes=5
# - **Ask** before the patch of the image: will the Job run again with the new image?
# - **Show**: `kubectl get jobs,pods --watch` in a terminal while the Job runs.

# %% covers="D1.2"
# !kubectl delete job summary --ignore-not-found
# !kubectl create job summary --image={IMAGE} -- python3 -c "{SUMMARY}"
# !kubectl wait --for=condition=Complete job/summary --timeout=60s
# !kubectl get jobs,pods -l job-name=summary
# !kubectl logs job/summary

# %% [markdown] covers="D1.2"
# **What happened.** The pod is `Completed`, and stays, so that you can read
# its log. Its name is the Job's and five letters. The Job gave it the label
# `job-name`, and owns it: delete the Job, and its pods go too.

# %% [markdown]
# **Two minutes.** With one line, in a terminal (`labs shell 09` there) or in
# a cell of your own, after a `!`: make a Job `clock`, image `labs/shell:1`,
# that runs `date`. Then run this cell:

# %%
clocks = batch.list_namespaced_job(lab.namespace, field_selector="metadata.name=clock").items
print("Done." if any(job.status.succeeded for job in clocks) else "Not yet: no Job clock has ended well.")

# %% [markdown] covers="D1.2"
# Here is what the generator wrote. Compare it with a Deployment: there is no
# selector (a Job makes its own), and `restartPolicy` is there.

# %% covers="D1.2"
# !kubectl create job summary --image={IMAGE} --dry-run=client -o yaml -- date

# %% [markdown] covers="D1.2"
# `Always` is refused in a Job, and without any `restartPolicy` you would get
# it: this line is forgotten most often. The next cell tries that, and also
# to change the image of the Job that is done:

# %% language="bash" covers="D1.2"
# kubectl create job wrong --image=labs/shell:1 --dry-run=client -o yaml -- date |
#   sed '/restartPolicy/d' | kubectl create -f - || true
# echo
# kubectl set image job/summary summary=labs/shell:1 2>&1 | grep -o 'field is immutable'

# %% [markdown] covers="D1.2"
# **What happened.** Both were refused. A Job's template cannot be changed:
# it says what *was* done. So delete the Job and make it again.
#
# **Exam tip**: with the manifest in a file, `kubectl replace --force -f
# job.yaml` does both.
#
# ### What stays, and how long
#
# A Job that is done stays until somebody deletes it. In a year, a Job each
# night makes 365 of them. `ttlSecondsAfterFinished` lets it go by itself: so
# many seconds after its end, well or not, with its pods and their logs. This
# field may be set later, too:

# %% covers="D1.2"
# !kubectl patch job summary --patch 'spec: {{ttlSecondsAfterFinished: 1}}'
wait_gone(lambda: batch.read_namespaced_job("summary", lab.namespace), TIMEOUT)
# !kubectl get jobs,pods -l job-name=summary

# %% [markdown] covers="D1.2"
# ## 3. When the work fails
#
# A program that fails ends with another status than 0. Who tries again, and
# how often?
#
# | field | says | default |
# |---|---|---|
# | `restartPolicy: Never` | each try is a new pod; the failed ones stay, with their logs | |
# | `restartPolicy: OnFailure` | the kubelet starts the container again in the same pod | |
# | `backoffLimit` | how often to try *again*, before the Job gives up | 6 |
# | `activeDeadlineSeconds` | how long the whole Job may take; stronger than the limit | none |
# | `podFailurePolicy` | what a certain exit status means: give up at once, or do not count it | none |
#
# Between two tries the Job waits: 10 s, then 20, then 40, and so on. This
# function makes a Job from a shell command; `more` are fields of the Job:

# %% [markdown] tags=["teaching"] minutes=6
# - **Ask** for each of the three before they run: how many pods, and how long until it has failed?
# - **Show**: the timeline of `retry`: the ten seconds are the Job's own.

# %% setup="ex-09-3"
def run_job(name, command, **more):
    """Make a Job with one container of labs/shell:1, or make it again."""
    options = {"field_selector": f"metadata.name={name}", "propagation_policy": "Foreground"}
    batch.delete_collection_namespaced_job(lab.namespace, **options)
    wait_gone(lambda: batch.read_namespaced_job(name, lab.namespace), TIMEOUT)
    shell = {"name": "shell", "image": "labs/shell:1", "command": ["sh", "-c", command]}
    pod = {"restartPolicy": "Never", "terminationGracePeriodSeconds": 1, "containers": [shell]}
    spec = {"template": {"spec": pod}} | more
    batch.create_namespaced_job(lab.namespace, {"metadata": {"name": name}, "spec": spec})


# %% [markdown]
# Three Jobs fail, each in its own way. `retry` cannot find its store and may
# try once more. `hopeless` was given a station that does not exist (status
# 3): trying again is of no use. `endless` hangs.

# %% covers="D1.2"
run_job("retry", "echo no store; exit 1", backoffLimit=1)
rule = {"action": "FailJob", "onExitCodes": {"operator": "In", "values": [3]}}
run_job("hopeless", "echo no such station; exit 3", podFailurePolicy={"rules": [rule]})
run_job("endless", "sleep 1000", activeDeadlineSeconds=3)

# %%
views.timeline(lab, "job/retry")


# %% [markdown]
# A Job says how it ended in its conditions, and why:


# %% setup="ex-09-3"
def ending(name):
    conditions = batch.read_namespaced_job(name, lab.namespace).status.conditions or []
    return next((f"{c.type}: {c.reason}" for c in conditions if c.type in ("Complete", "Failed")), None)


# %% covers="D1.2 D3.5"
for name in ("hopeless", "endless", "retry"):
    print(f"{name:9}", wait_for(partial(ending, name), TIMEOUT))
# !kubectl get pods -l 'job-name in (retry, hopeless, endless)'
# !kubectl logs -l job-name=retry --prefix

# %% [markdown] covers="D1.2 D3.5"
# **What happened.** `retry` has two pods: the first try, and one more after
# ten seconds. `hopeless` has one, although six more tries were allowed: its
# policy knows status 3. `endless` has none: at the deadline its pod was
# deleted, and the log with it.
#
# `podFailurePolicy` needs `restartPolicy: Never`. Its second use is a rule
# with `action: Ignore` for the condition `DisruptionTarget`: a pod that was
# evicted, or whose node was drained, does not count as a failure.
#
# **Exam tip**: *why did the Job fail?* Three looks: its conditions (`kubectl
# describe job`), the pods by `-l job-name=`, their logs.

# %% [markdown]
# **Two minutes.** With one line: remove the three Jobs that failed. Then run
# this cell, and see what went with them.

# %%
failed = [job.metadata.name for job in batch.list_namespaced_job(lab.namespace).items if job.status.failed]
print("Done." if not failed else f"Not yet: {', '.join(failed)}")
# !kubectl get pods -l 'job-name in (retry, hopeless, endless)'

# %% [markdown] covers="D1.2"
# ## 4. Many hands
#
# The station on the lake was cut off for six days. Its readings are still
# there, and must be sent, each day's by a pod of its own. Several pods may
# do that at a time:
#
# - `completions`: how many pods must end well in all;
# - `parallelism`: how many run at a time;
# - `completionMode: Indexed`: each pod gets a number of its own, from 0, in
#   the variable `JOB_COMPLETION_INDEX`. A pod that fails is made again with
#   *its* number.
#
# Without an index all pods are alike, and must find out by themselves what
# is left to do, from a queue for instance.

# %% [markdown] tags=["teaching"] minutes=4
# - **Draw** six boxes and three hands before the cell; ask which boxes are open after two seconds.
# - **Say**: more hands than the store can bear is a way to break the store.

# %% covers="D1.2"
send = "sleep 1; wget -qO- --post-data=1$JOB_COMPLETION_INDEX.5 store:8000/readings"
run_job("backfill", send, completions=6, parallelism=3, completionMode="Indexed")

# %%
views.timeline(lab, "job/backfill")

# %% covers="D1.2"
wait_for(partial(ending, "backfill"), TIMEOUT)
INDEX = "DAY:.metadata.labels.batch\\.kubernetes\\.io/job-completion-index"
TIMES = "STARTED:.status.startTime,ENDED:.status.containerStatuses[0].state.terminated.finishedAt"
# !kubectl get pods -l job-name=backfill --sort-by=.status.startTime -o custom-columns='{INDEX},{TIMES}'
# !kubectl get job backfill -o jsonpath='{{.status.completedIndexes}}{{"\n"}}'
# !kubectl exec deployment/store -- wget -qO- localhost:8000/readings | tail -n 6 | sort | xargs

# %% [markdown] covers="D1.2"
# **What happened.** Three pods began at once; whenever one ended, the next
# number got its pod. All six days are in the store, in no certain order.
#
# `parallelism` can be changed while the Job runs, and `suspend: true` ends
# its pods until you take it back.
#
# **Misconception**: *six completions, so each day was sent exactly once*. A
# Job promises **at least** once. A node may be lost after the readings were
# sent and before anyone heard of it; then that day is sent again. So write
# work that can be repeated without harm.

# %% [markdown] tags=["exercise"] exercise="ex-09-1"
# ### Exercise 1: count the stations
#
# *Goal*: a Job `census` with the image `labs/shell:1` visits five stations,
# two at a time. It is indexed: each of its pods prints the number of its
# station, `station 0` to `station 4`.
#
# *Constraint*: it gives up after 3 more tries, or when it has taken 60
# seconds; and 3600 seconds after its end it goes by itself.
#
# *Done when* the Job is complete, and the logs of its pods show all five
# stations.

# %% [markdown] tags=["teaching"] minutes=9 exercise="ex-09-1"
# - **Ask**: which of the fields does the generator write? (None.) So: generate, edit, apply.
# - **Mistakes**
#   - the fields one level too deep, in the pod's: *completions: 5*;
#   - not indexed, so that the variable is empty: *an indexed Job*;
#   - parallelism left out: *parallelism: 2*;
#   - edited after it was made: *cannot be changed*;
#   - `$JOB_COMPLETION_INDEX` without a shell: *station $JOB_COMPLETION_INDEX*.

# %% [markdown] tags=["hint"] exercise="ex-09-1"
# `kubectl create job census --image=labs/shell:1 --dry-run=client -o yaml --
# sh -c '...' > census.yaml` writes the frame. Where do the six other fields
# belong: to the Job, or to the pod?

# %% [markdown] tags=["hint"] exercise="ex-09-1"
# To the Job: they stand beside `template`. `kubectl explain job.spec` has
# their names. A variable is filled in by a shell, so the command is `sh -c
# '...'`, in single quotes.

# %% [markdown] tags=["hint"] exercise="ex-09-1"
# `spec: {completions: 5, parallelism: 2, completionMode: Indexed,
# backoffLimit: 3, activeDeadlineSeconds: 60, ttlSecondsAfterFinished: 3600,
# template: ...}`, and the command `[sh, -c, "echo station
# $JOB_COMPLETION_INDEX"]`.

# %% tags=["answer"] exercise="ex-09-1" language="bash"
# ### BEGIN SOLUTION
# kubectl apply -f - <<'END'
# apiVersion: batch/v1
# kind: Job
# metadata: {name: census}
# spec:
#   {completions: 5, parallelism: 2, completionMode: Indexed,
#   backoffLimit: 3, activeDeadlineSeconds: 60, ttlSecondsAfterFinished: 3600,
#   template: {spec: {restartPolicy: Never, containers: [
#     {name: shell, image: "labs/shell:1", command: [sh, -c, "echo station $JOB_COMPLETION_INDEX"]}]}}}
# END
# kubectl wait --for=condition=Complete job/census --timeout=60s
# ### END SOLUTION

# %% tags=["check"]
lab.check("ex-09-1")

# %% [markdown] covers="D1.2"
# ## 5. A CronJob makes Jobs
#
# The summary is wanted each night at half past two. A **CronJob** is a clock
# with a template for Jobs: at each time of its schedule it makes a Job, and
# the Job does the rest.
#
# | minute | hour | day | month | weekday | means |
# |---|---|---|---|---|---|
# | `30` | `2` | `*` | `*` | `*` | each day at 02:30 |
# | `*/15` | `*` | `*` | `*` | `*` | every 15 minutes |
# | `0` | `9` | `*` | `*` | `1-5` | at 9 on working days |
# | `0` | `0` | `1` | `*` | `*` | on the first of each month |

# %% [markdown] tags=["teaching"] minutes=8
# - **Ask** before the zone: half past two, by whose clock? Then: what happens in the night when clocks change?
# - **Draw** the three levels, CronJob, Job, pod; hand out the fields on cards.

# %% covers="D1.2"
# !kubectl create cronjob nightly --image={IMAGE} --schedule="30 2 * * *" -- python3 -c "{SUMMARY}"
# !kubectl get cronjobs

# %% [markdown] covers="D1.2"
# Go down this tree to the container, and count the levels called `spec`.
# There are three: the CronJob's, the Job's (in `jobTemplate`), and the pod's
# (in `template`). Most mistakes with CronJobs are a field at the wrong
# level.

# %% covers="D1.2"
views.tree(lab, "cronjob/nightly")

# %% [markdown] covers="D1.2"
# These fields belong to the first level:
#
# | field | says | default |
# |---|---|---|
# | `timeZone` | whose clock, such as `Europe/Berlin` | the control plane's, mostly UTC |
# | `concurrencyPolicy` | while the last Job runs: `Allow` a second, `Forbid` it (it is left out), `Replace` the first | `Allow` |
# | `startingDeadlineSeconds` | how late a Job may still start | no limit |
# | `suspend` | make no Jobs until further notice | `false` |
# | `successfulJobsHistoryLimit` | how many Jobs that ended well to keep | 3 |
# | `failedJobsHistoryLimit` | how many failed ones | 1 |
#
# `backoffLimit` and `activeDeadlineSeconds` belong to the second,
# `restartPolicy` to the third. Now set some, and give a zone that there is
# not:

# %% language="bash" covers="D1.2"
# kubectl patch cronjob nightly --patch 'spec: {timeZone: Europe/Berlin, successfulJobsHistoryLimit: 1}'
# kubectl patch cronjob nightly --patch 'spec: {timeZone: Berlin}' || true
# kubectl get cronjob nightly

# %% [markdown] covers="D1.2"
# ### Now, not at night
#
# Would it work? You need not wait until half past two. `kubectl create job
# --from` makes a Job from the CronJob's template, now:

# %% covers="D1.2"
# !kubectl delete job now-1 now-2 --ignore-not-found
# !kubectl create job now-1 --from=cronjob/nightly
# !kubectl wait --for=condition=Complete job/now-1 --timeout=60s
# !kubectl logs job/now-1
print(batch.read_namespaced_job("now-1", lab.namespace).metadata.owner_references[0].kind, "owns it.")

# %% [markdown] covers="D1.2"
# The CronJob owns it, so this Job counts in its history as well, and that
# keeps only one that ended well (`successfulJobsHistoryLimit: 1`). Make a
# second one, and see which of the two is left:

# %% covers="D1.2"
# !kubectl create job now-2 --from=cronjob/nightly
wait_gone(lambda: batch.read_namespaced_job("now-1", lab.namespace), TIMEOUT)
# !kubectl get jobs

# %% [markdown] covers="D1.2"
# **What happened.** The older one is gone, with its pod and its log.
#
# What became of `tick`, which was to run each minute? Its timeline shows the
# chain: the CronJob's controller makes a Job, the Job's makes a pod, and the
# scheduler and the kubelet do what they always do. (If you were very quick,
# the next cell waits until the minute is full.)

# %% covers="D1.2"
def ticks():
    jobs = batch.list_namespaced_job(lab.namespace).items
    owned = [job for job in jobs for owner in job.metadata.owner_references or [] if owner.name == "tick"]
    return [job.metadata.name for job in owned if job.status.succeeded]


print(*wait_for(ticks, TIMEOUT))
views.timeline(lab, "cronjob/tick")

# %% [markdown] covers="D1.2"
# The number in such a name is the planned minute, counted since 1970: so
# the controller does not make the same Job twice. But it may be late, and
# now and then a run is left out, or two run at once. Again: write work that
# can be repeated without harm.
#
# **Misconception**: *suspend stops what is running*. A suspended CronJob
# only makes no new Jobs. What runs goes on, and you may still make one by
# hand.
#
# **Two minutes.** With one line: let `tick` make no more Jobs, but keep it.
# (There is no command for it; `kubectl patch` or `kubectl edit`.)

# %%
tick = batch.read_namespaced_cron_job("tick", lab.namespace)
print("Done." if tick.spec.suspend else "Not yet: tick makes a Job each minute.")

# %% [markdown] covers="D1.2"
# ## 6. A DaemonSet is on every node
#
# Each node gets a station, which measures where that node stands. With a
# Deployment you would count the nodes, write `replicas`, and hope that the
# scheduler puts one on each. A **DaemonSet** has no `replicas`: the number
# of nodes is the number of pods. A node that joins gets one, unasked; a node
# that leaves takes its own along.
#
# That is how log collectors, network plugins, kube-proxy and drivers get
# onto nodes.
#
# **Exam tip**: there is no generator. Generate a Deployment, change `kind`,
# and delete `replicas`, `strategy` and `status`.

# %% [markdown] tags=["teaching"] minutes=6
# - **Show**: with an engine of your own, `labs up --nodes 2` in a terminal while the class reads; then `labs load weather:1`.
# - **Ask** at 0 of 0: is this an error? Who would tell you?

# %% magic_args="-s {IMAGE}" language="bash" covers="D1.2"
# kubectl apply -f - <<END
# apiVersion: apps/v1
# kind: DaemonSet
# metadata: {name: station}
# spec:
#   selector: {matchLabels: {app: station}}
#   template:
#     metadata: {labels: {app: station}}
#     spec:
#       containers:
#       - {name: producer, image: "$1", args: [producer], env: [
#           {name: STATION, valueFrom: {fieldRef: {fieldPath: spec.nodeName}}}]}
# END
# kubectl rollout status daemonset/station

# %% covers="D1.2"
# !kubectl get nodes
# !kubectl get daemonset station
# !kubectl get pods -l app=station -o wide
# !kubectl logs -l app=station --tail=1

# %% [markdown] covers="D1.2"
# **What happened.** As many pods as nodes, and each sends under the name of
# its node. The course has one node unless you asked for more. On the engine
# `host` you can have a second one, in about 20 s; in a terminal:
#
# ```console
# $ labs up --nodes 2 && labs load weather:1
# ```
#
# (`labs load` gives the new node our image.) Run the cell above again: two
# of two, and nobody scaled anything. `labs up --nodes 1` takes the node
# back. Without root, or in a workshop, read on.
#
# ### Which nodes?
#
# *Every node* means: every node that the template fits. A `nodeSelector`
# asks for labels of nodes. This one asks for a label that no node has:

# %%
def select_nodes(labels):
    """Let the DaemonSet ask for nodes with these labels; returned is how many there are."""
    body = {"spec": {"template": {"spec": {"nodeSelector": labels}}}}
    changed = apps.patch_namespaced_daemon_set("station", lab.namespace, body)
    read = partial(apps.read_namespaced_daemon_set, "station", lab.namespace)
    wait_for(lambda: read().status.observed_generation >= changed.metadata.generation, TIMEOUT)
    return read().status.desired_number_scheduled


# %% covers="D1.2"
print("outside:", select_nodes({"place": "outside"}), "of", len(core.list_node().items), "nodes")
# !kubectl get daemonset station
print("anywhere:", select_nodes(None))

# %% [markdown] covers="D1.2"
# **What happened.** 0 of 0, and the DaemonSet is content: no pod is Pending,
# no event complains. When a DaemonSet does nothing, look at `DESIRED` first.
#
# ### Taints and tolerations
#
# A selector is a pod's wish. A **taint** is the opposite, a node's
# objection: *nothing comes here, unless it tolerates this*. Nodes of the
# control plane often have one. The DaemonSet's controller gives its pods
# some **tolerations** itself:

# %% covers="D1.2"
pod = wait_for_pods(core, lab.namespace, "app=station", len(core.list_node().items), TIMEOUT)[0]
for toleration in pod.spec.tolerations:
    print(toleration.effect, toleration.key)
# !kubectl get nodes -o custom-columns='NODE:.metadata.name,TAINTS:.spec.taints[*].key'

# %% [markdown] covers="D1.2"
# So a station stays on a node that is short of memory, does not report, or
# is cordoned (`unschedulable`); and that is why `kubectl drain` asks for
# `--ignore-daemonsets`. It does *not* tolerate taints that people set. In
# the pod's spec, this tolerates one of them:
#
# ```yaml
# tolerations:
# - {key: node-role.kubernetes.io/control-plane, operator: Exists, effect: NoSchedule}
# ```
#
# and `- {operator: Exists}`, without key and effect, tolerates them all.
#
# An update goes node by node: the old pod ends before the new one starts
# (`maxUnavailable: 1`), or, with `updateStrategy: {type: OnDelete}`, when
# you delete it.
#
# **Two minutes.** With one line: let all stations send only every 5 seconds.
# The setting is the variable `INTERVAL`; lesson 04 had the command for a
# Deployment.

# %%
container = apps.read_namespaced_daemon_set("station", lab.namespace).spec.template.spec.containers[0]
print("Done." if any((e.name, e.value) == ("INTERVAL", "5") for e in container.env) else "Not yet: no INTERVAL=5.")

# %% [markdown] tags=["exercise"] exercise="ex-09-2"
# ### Exercise 2: every node, and each night
#
# *Goal*
#
# - A DaemonSet `thermometer`, image `weather:1`, args `producer`, on every
#   node, whatever taints it has. Its variable `STATION` holds the name of
#   the node.
# - A CronJob `report`, image `labs/shell:1`, that runs `wget -qO-
#   store:8000/readings` each day at 02:30 of the time zone `Europe/Berlin`.
#   If the last night's Job still runs, the new one is left out. It keeps 2
#   Jobs that ended well, and 4 that failed.
# - A Job `report-now`, made from that CronJob by hand.
#
# *Constraint*: nothing is suspended.
#
# *Done when* a thermometer is ready on each node, and `report-now` is
# complete.

# %% [markdown] tags=["teaching"] minutes=12 exercise="ex-09-2"
# - **Ask**: which of the three objects has a generator, and which needs a trick?
# - **Mistakes**
#   - the tolerations forgotten; on this node all seems well: *every taint*;
#   - `STATION` typed in: *STATION to be the name of its node*;
#   - hour and minute swapped: *at 02:30 each day*;
#   - `Berlin`, or nothing: *the time zone Europe/Berlin*;
#   - the policy in the Job's spec: *concurrencyPolicy: Forbid*;
#   - the Job made without `--from`: *owned by the CronJob report*.

# %% [markdown] tags=["hint"] exercise="ex-09-2"
# The CronJob and the Job are one command each, and one edit between them.
# For the DaemonSet take section 6's manifest: which line must be added, so
# that no taint keeps it away?

# %% [markdown] tags=["hint"] exercise="ex-09-2"
# `kubectl create cronjob report --image=... --schedule="..." -- wget ...`,
# then `kubectl edit cronjob report`: four fields of section 5's table, all
# on the first level. In the DaemonSet, `tolerations` stands beside
# `containers`.

# %% [markdown] tags=["hint"] exercise="ex-09-2"
# `tolerations: [{operator: Exists}]`. Schedule `30 2 * * *`; `timeZone:
# Europe/Berlin`, `concurrencyPolicy: Forbid`, `successfulJobsHistoryLimit:
# 2`, `failedJobsHistoryLimit: 4`. Then `kubectl create job report-now
# --from=cronjob/report`.

# %% tags=["answer"] exercise="ex-09-2"
### BEGIN SOLUTION
node = {"name": "STATION", "valueFrom": {"fieldRef": {"fieldPath": "spec.nodeName"}}}
producer = {"name": "producer", "image": IMAGE, "args": ["producer"], "env": [node]}
pod = {"tolerations": [{"operator": "Exists"}], "containers": [producer]}
template = {"metadata": {"labels": {"app": "thermometer"}}, "spec": pod}
spec = {"selector": {"matchLabels": {"app": "thermometer"}}, "template": template}
apps.create_namespaced_daemon_set(lab.namespace, {"metadata": {"name": "thermometer"}, "spec": spec})
# !kubectl create cronjob report --image=labs/shell:1 --schedule="30 2 * * *" -- wget -qO- store:8000/readings
report = {"timeZone": "Europe/Berlin", "concurrencyPolicy": "Forbid"}
report |= {"successfulJobsHistoryLimit": 2, "failedJobsHistoryLimit": 4}
batch.patch_namespaced_cron_job("report", lab.namespace, {"spec": report})
# !kubectl create job report-now --from=cronjob/report
# !kubectl wait --for=condition=Complete job/report-now --timeout=60s
### END SOLUTION

# %% tags=["check"]
lab.check("ex-09-2")

# %% [markdown] covers="D1.2 D1.4"
# ## 7. A StatefulSet: each pod is somebody
#
# The readings of ten years do not fit into one store. Two will share them,
# each with a half of its own. The pods of a Deployment cannot do that: they
# are alike, get their names by chance, and share one claim.
#
# A **StatefulSet** gives each pod a number, and to each number
#
# - a **name** that stays: `archive-0`, `archive-1`;
# - a **claim** of its own, made from `volumeClaimTemplates`;
# - a **name in DNS**, by way of a headless Service that `serviceName` names.
#
# The pods start in order, each when the one before is ready. The Service
# first (the generator takes `--clusterip=None`), and a timeline that waits:

# %% [markdown] tags=["teaching"] minutes=9
# - **Ask** before pod 1 is deleted: same name? Same address? Same readings?
# - **Ask** before the scaling: what happens to the claim of the pod that goes? Most say it goes too.
# - **Show**: `kubectl get pods -l app=archive --watch` during the start and the update.

# %% covers="D1.2"
# !kubectl create service clusterip archive --clusterip=None --tcp=8000 --dry-run=client -o yaml | kubectl apply -f -
views.timeline(lab, "statefulset/archive")

# %% magic_args="-s {IMAGE}" language="bash" covers="D1.2 D1.4"
# kubectl apply -f - <<END
# apiVersion: apps/v1
# kind: StatefulSet
# metadata: {name: archive}
# spec:
#   serviceName: archive
#   replicas: 2
#   selector: {matchLabels: {app: archive}}
#   template:
#     metadata: {labels: {app: archive}}
#     spec: {containers: [{name: store, image: "$1", args: [store], volumeMounts: [{name: data, mountPath: /data}]}]}
#   volumeClaimTemplates:
#   - {metadata: {name: data}, spec: {accessModes: [ReadWriteOnce], resources: {requests: {storage: 20Mi}}}}
# END

# %% covers="D1.2"
# !kubectl rollout status statefulset/archive
CLAIM = "NAME:.metadata.name,STATUS:.status.phase,ASKED:.spec.resources.requests.storage"
# !kubectl get pods -l app=archive
# !kubectl get pvc -l app=archive -o custom-columns={CLAIM}

# %% [markdown] covers="D1.2"
# **What happened.** The timeline has the order: `archive-0` with its claim,
# and only when it was ready, `archive-1`. (`podManagementPolicy: Parallel`
# does without the waiting.)
#
# Now send a reading to each of them: by name, since they are not alike. A
# name is `POD.SERVICE`, and in full
# `archive-0.archive.NAMESPACE.svc.cluster.local`. It works only inside the
# cluster, so the pod of the Deployment `store` asks for us.

# %% covers="D1.2"
import subprocess


def ask(host, path="readings", *options):
    """What a store answers to a pod that calls it by its name."""
    wget = ["kubectl", "exec", "deployment/store", "--", "wget", "-qO-", *options, f"http://{host}:8000/{path}"]
    run = partial(subprocess.run, wget, capture_output=True, text=True, check=False)
    return " ".join(wait_for(lambda: run().stdout, TIMEOUT, what=f"an answer of {host}").split())


# %% covers="D1.2"
for number in (0, 1):
    print(ask(f"archive-{number}.archive", "readings", f"--post-data=2{number}.5"), end=" in ")
    print(ask(f"archive-{number}.archive", "hostname"))

# %% [markdown]
# **Two minutes.** With one line: send `archive-0` one more reading, 19.5.
# You may do it inside that pod: the lesson's first cells did it in the
# store's.

# %%
print("Done." if "19.5" in ask("archive-0.archive") else "Not yet: archive-0 has no 19.5.")

# %% [markdown] covers="D1.2"
# Then `archive-1` is lost, as pods are. Guess: which of name, uid and
# readings are the same afterwards?


# %% covers="D1.2 D1.4"
def who(name):
    wait_for_pods(core, lab.namespace, "app=archive", 2, TIMEOUT)
    uid = core.read_namespaced_pod(name, lab.namespace).metadata.uid
    return f"{name}, uid {uid[:8]}, has {ask(f'{name}.archive')}"


# %% covers="D1.2 D1.4"
print(who("archive-1"))
# !kubectl delete pod archive-1
print(who("archive-1"))

# %% [markdown] covers="D1.2 D1.4"
# **What happened.** Another pod, under the same name, with the same claim:
# so the readings are there. Its address is new, but nobody used the old one.
#
# ### What stays when it shrinks
#
# The pod with the highest number goes first. Its claim?

# %% covers="D1.2 D1.4"
# !kubectl scale statefulset archive --replicas=1
wait_gone(lambda: core.read_namespaced_pod("archive-1", lab.namespace), TIMEOUT)
# !kubectl get pods -l app=archive
# !kubectl get pvc -l app=archive -o custom-columns={CLAIM}

# %% covers="D1.2 D1.4"
# !kubectl scale statefulset archive --replicas=2
print(who("archive-1"))

# %% [markdown] covers="D1.2 D1.4"
# **What happened.** The claim stayed, and `archive-1` found it when it came
# back. The claims stay even when you delete the whole StatefulSet, so
# nobody loses data by mistake. It also means that **a claim with a mistake
# in it stays, and is used again**, until you delete it yourself.
#
# (`persistentVolumeClaimRetentionPolicy` can say otherwise, `whenScaled` and
# `whenDeleted`.)
#
# ### Updates go backwards
#
# From the highest number down, one at a time. With `partition: 1` only pods
# from number 1 on get the new template: a canary.

# %% covers="D1.2 D2.2"
partition = "spec: {{updateStrategy: {{rollingUpdate: {{partition: {0}}}}}}}"
# !kubectl patch statefulset archive --patch '{partition.format(1)}'
# !kubectl set env statefulset/archive MODE=new
# !kubectl rollout status statefulset/archive
# !kubectl get pods -l app=archive -L controller-revision-hash

# %% covers="D1.2 D2.2"
# !kubectl patch statefulset archive --patch '{partition.format(0)}'
# !kubectl rollout status statefulset/archive
# !kubectl get pods -l app=archive -L controller-revision-hash

# %% [markdown] covers="D1.2"
# Two revisions first, then one. Only the template, `replicas` and a few more
# fields may be changed; `serviceName` and `volumeClaimTemplates` may not.
# Delete the StatefulSet and make it again: the claims wait.
#
# **Misconception**: *a StatefulSet copies the data from pod to pod*. It does
# not. Each has its own claim; a database must replicate by itself.
#
# **Two minutes.** With one line: a third store in the archive. Then look
# what came with it:

# %%
claims = core.list_namespaced_persistent_volume_claim(lab.namespace, label_selector="app=archive").items
print(*[claim.metadata.name for claim in claims], sep="\n")
print("Done." if len(claims) > 2 else "Not yet: no data-archive-2.")

# %% [markdown]
# The last exercise starts from a mess, which the next three cells make: a
# Service, a vault of two stores, and a Job that was to fill them. (Run all
# three again to have the mess back.)

# %% language="bash" setup="ex-09-3"
# kubectl delete statefulset/vault service/vault --ignore-not-found
# kubectl delete pods,pvc -l app=vault --grace-period=1
# kubectl create service clusterip vault --clusterip=None --tcp=8000

# %% magic_args="-s {IMAGE}" language="bash" setup="ex-09-3"
# kubectl apply -f - <<END
# apiVersion: apps/v1
# kind: StatefulSet
# metadata: {name: vault}
# spec:
#   {serviceName: vaults, replicas: 2, selector: {matchLabels: {app: vault}},
#    template: {metadata: {labels: {app: vault}}, spec: {containers: [
#      {name: store, image: "$1", args: [store], volumeMounts: [{name: data, mountPath: /date}]}]}},
#   volumeClaimTemplates: [{metadata: {name: data},
#    spec: {storageClassName: fast, accessModes: [ReadWriteOnce], resources: {requests: {storage: 20Mi}}}}]}
# END

# %% setup="ex-09-3"
fill = "wget -qO- --post-data=3$JOB_COMPLETION_INDEX.5 http://vault-$JOB_COMPLETION_INDEX.vault:8000/readings"
fill = f"for i in 1 2 3 4 5; do {fill} && exit; sleep 1; done; echo no answer of vault-$JOB_COMPLETION_INDEX.vault; exit 1"
run_job("fill", fill, completions=2, parallelism=2, completionMode="Indexed", backoffLimit=0)
print(wait_for(partial(ending, "fill"), TIMEOUT))

# %% [markdown] tags=["exercise"] exercise="ex-09-3"
# ### Exercise 3: repair the vault
#
# "The Job `fill` failed. In the old cluster it worked, but there the vault
# was empty after each restart."
#
# *Goal*: each of the two stores of the StatefulSet `vault` keeps its
# readings on a claim of its own, and the Job `fill` has sent each of them
# one.
#
# *Constraint*: names, image, the 2 replicas and the 20Mi of each claim stay
# as they are; so does the Service `vault`, and what `fill` runs. What cannot
# be changed may be deleted and made again. No new class.
#
# *Done when* the Job is complete, `vault-0.vault` answers with 30.5,
# `vault-1.vault` with 31.5, and both have it in `/data`, on their claims.
#
# There is more than one fault, and repairing one uncovers the next. The
# last one makes no error at all.

# %% [markdown] tags=["teaching"] minutes=13 exercise="ex-09-3"
# - **Ask** after each find: what does the cluster say *now*? Write the chain on the board: Job, name, pod, claim.
# - **Mistakes**
#   - the class taken out, the old claim left: *the claim data-vault-0 of the class fast*;
#   - `serviceName` not seen, since all pods are ready: *serviceName is vaults*;
#   - the Service renamed instead: *the Service vault in the namespace*;
#   - the mount left: *data is mounted at /date*;
#   - the Job forgotten: *Failed: BackoffLimitExceeded*.

# %% [markdown] tags=["hint"] exercise="ex-09-3"
# Go down the chain and ask what each waits for: the Job's log (which name
# does not answer?), the pods, the claims. When all pods run, ask the chain
# once more from the top.

# %% [markdown] tags=["hint"] exercise="ex-09-3"
# A claim names a class that must exist, and stays when its StatefulSet goes.
# The names of pods belong to the Service that `serviceName` names, letter by
# letter. And where does the store write, where is the claim mounted?

# %% [markdown] tags=["hint"] exercise="ex-09-3"
# `kubectl get statefulset vault -o yaml > vault.yaml`; in it `serviceName:
# vault`, `mountPath: /data`, no `storageClassName`. Delete the StatefulSet,
# then its claims (`kubectl delete pvc -l app=vault`), then `kubectl replace
# --force -f vault.yaml`. At last the Job: `kubectl get job fill -o yaml |
# sed '/uid: /d' | kubectl replace --force -f -`.

# %% tags=["answer"] exercise="ex-09-3" language="bash"
# ### BEGIN SOLUTION
# vault=$(kubectl get statefulset vault -o yaml |
#   sed 's/serviceName: vaults/serviceName: vault/; s|mountPath: /date|mountPath: /data|; /storageClassName: fast/d')
# kubectl delete statefulset vault
# kubectl delete pvc -l app=vault
# kubectl replace --force -f - <<< "$vault"
# kubectl rollout status statefulset/vault --timeout=90s
# kubectl get job fill -o yaml | sed '/uid: /d' | kubectl replace --force -f -
# kubectl wait --for=condition=Complete job/fill --timeout=60s
# ### END SOLUTION

# %% tags=["check"]
lab.check("ex-09-3")

# %% [markdown] covers="D1.2"
# ## 8. Which to choose, and why
#
# Ask two questions: *does the work end?* And if not: *are the copies alike?*
#
# | the work | choose | because |
# |---|---|---|
# | goes on, all copies alike | **Deployment** | any pod may take any other's place; updates without a gap |
# | goes on, each copy has its own data or name | **StatefulSet** | name and claim stay with the number; order |
# | goes on, once on each node | **DaemonSet** | the nodes are the number |
# | ends | **Job** | tries again until it has ended well, then stops |
# | ends, and comes again by the clock | **CronJob** | makes a Job at each time |
#
# | | Deployment | StatefulSet | DaemonSet | Job |
# |---|---|---|---|---|
# | number | `replicas` | `replicas` | one a node | `completions`, `parallelism` |
# | names | by chance | numbers | by chance | by chance, or with its index |
# | `restartPolicy` | Always | Always | Always | Never, OnFailure |
# | update | new first, then old | old first, highest number down | old first, node by node | none |
# | generator | yes | no | no | yes |

# %% [markdown] tags=["teaching"] minutes=3
# - **Ask** for a program of their own from each; let the others name the kind.

# %% [markdown] covers="D1.2"
# **Two minutes.** Which kind for each? Decide, then run the next cell.
#
# 1. a web shop's front;
# 2. a backup of the database, each Sunday;
# 3. three copies of a database that replicate among themselves;
# 4. a program that collects the logs of all nodes;
# 5. ten thousand letters, to be sent once;
# 6. workers that take orders from a queue, day and night.

# %%
print("1 Deployment  2 CronJob  3 StatefulSet  4 DaemonSet  5 Job  6 Deployment (it never ends, all are alike)")

# %% [markdown]
# ## Recap
#
# 1. A **Deployment** starts again what has ended, well or not.
# 2. A **Job** runs to the end, and stays for its log, until its `ttl` is
#    over. Its template cannot be changed.
# 3. **Failures**: `backoffLimit` counts tries, the deadline counts seconds, a
#    policy reads exit statuses.
# 4. **Many hands**: `completions`, `parallelism`, and an index for each.
# 5. A **CronJob** makes Jobs by a clock, in a zone; by hand with `--from`.
# 6. A **DaemonSet** is on every node that fits; taints keep it away, unless
#    it tolerates them.
# 7. A **StatefulSet** gives each number a name and a claim that stay.
# 8. Does it **end**? Are the copies **alike**?
#
# | to do | `kubectl` |
# |---|---|
# | a Job | `create job NAME --image=I -- COMMAND` |
# | wait for it, read it | `wait --for=condition=Complete job/NAME`, `logs job/NAME` |
# | its pods, also failed ones | `get pods -l job-name=NAME` |
# | a CronJob | `create cronjob NAME --image=I --schedule="30 2 * * *" -- COMMAND` |
# | run it now | `create job NAME --from=cronjob/NAME` |
# | no more for now | `patch cronjob NAME -p 'spec: {suspend: true}'` |
# | a DaemonSet | `create deployment ... --dry-run=client -o yaml`, edited |
# | a headless Service | `create service clusterip NAME --clusterip=None --tcp=P` |
# | follow an update | `rollout status daemonset/NAME`, `statefulset/NAME` |

# %% [markdown] tags=["teaching"] minutes=1
# - **Ask**: the nightly report is missing this morning. Which three objects do you look at, in which order?

# %% [markdown]
# **In practice**: give every Job a deadline and a `ttl`, and every CronJob a
# zone and a policy; then watch for runs that did *not* happen, since nobody
# complains of them. Before you write a StatefulSet for a database, look
# whether others run it for you, or an operator does: start, order and claims
# are the easy part.
#
# **What you did not see**: a second node, unless you added one, and nodes
# with taints; a CronJob that was late. Our class of volumes is a folder of
# one node, so a pod of the archive can only come back to that node; with
# disks from a network it may go to another.
#
# **Next**: lesson 08 makes you quick with all of it, or its drill quicker,
# if you have been there.
#
# ## Clean up

# %%
lab.cleanup()
