# %% [markdown]
# # Prepare for the CKAD exam
#
# You know the objects. In the exam you must make them fast, by hand, in a terminal, on a cluster that you have never
# seen. That is a skill of its own, and it is trained like one: short, often, against a clock.
#
# *You will do*: measure what generators save, lose a task by a wrong namespace, find four faults of the weather pipeline
# against the clock, make a plan with dates, and take a drill of ten tasks in 30 minutes.
#
# *You will learn*
#
# 1. what the exam is and what it grades;
# 2. whether to take the CKA first, when to book, how to use the simulator;
# 3. how to be fast with `kubectl`: aliases, completion, `explain`, generators;
# 4. how to be in the right namespace;
# 5. how to look, wait, replace and delete quickly;
# 6. why your own project is the best exercise ground;
# 7. how to spend two hours on 17 tasks;
# 8. a three-week plan, and what to do the day before;
# 9. where you stand: the first drill.
#
# *You need*: lessons 02 to 07, or to know Deployments, Services, ConfigMaps, Secrets and volumes.
#
# *Time*: about 110 minutes: 45 to read and try, 35 for three exercises, 30 for the drill.

# %% [markdown] tags=["teaching"] minutes=2
# - **Before**: everybody has a terminal with `labs shell 08` open. Ask who has booked; the lesson is another one for
#   them.
# - **Cut**: sections 2, 7 and 8 can be read. With one hour: section 3 to the generators, exercises 1 and 3. The drill
#   needs its half hour unbroken: give it as homework rather than shorten it.

# %% tags=["parameters"]
EXAM_DAY = ""  # such as "2027-03-01"; empty: in three weeks
PLAN_BEGINS = ""  # such as "2027-02-09"; empty: the day of your first solved exercise

# %%
import random
import tomllib
from datetime import date, timedelta
from pathlib import Path

from kubernetes import client, config

import labs
from labs import checks, open_lab

lab = open_lab("08")
config.load_kube_config()
core, batch = client.CoreV1Api(), client.BatchV1Api()

# %% [markdown] covers="T1.exam"
# ## 1. What the exam is
#
# | | |
# |---|---|
# | time | 2 hours |
# | tasks | 15 to 20, each with its weight; all in a terminal, none multiple choice |
# | to pass | 66 % |
# | result | within 24 hours |
# | included | one retake, two simulator sessions |
# | open | the Kubernetes documentation and blog, Helm's documentation |
#
# What is graded is the **resulting state** of the clusters. A program looks at it when the time is over: this Service has
# these endpoints, that file holds this line. Nobody reads how you did it. So it is with this course's checks: you have
# met the exam's examiner in every lesson.
#
# Versions, prices and rules change: look at the official page before you book, and the week before you sit.

# %% [markdown] tags=["teaching"] minutes=3
# - **Ask**: who reads how you did it? (Nobody: only the state counts.)
# - **Say** that rules and prices change; open the official page on the projector.

# %% [markdown] covers="T1.exam"
# The public curriculum (v1.35) has five domains:
#
# | | domain | weight | here |
# |---|---|---|---|
# | D1 | Application Design and Build | 20 % | lessons 02, 06, 09, 10, 14 |
# | D2 | Application Deployment | 20 % | lessons 04, 15 |
# | D3 | Observability and Maintenance | 15 % | lessons 03, 07, 11, 16 |
# | D4 | Environment, Configuration and Security | 25 % | lessons 05, 12, 13, 14, 16 |
# | D5 | Services and Networking | 20 % | lessons 07, 17 |
#
# A table of lessons flatters. Ask instead which items have an *exercise* in this course. The curriculum is a file, and each
# check names the items that it covers:

# %% covers="T1.exam"
curriculum = tomllib.loads((Path(labs.__file__).parent / "curriculum/curriculum.toml").read_text())
practised = {}
for check in checks.all_checks():
    for item in check.covers:
        practised.setdefault(item, set()).add(check.id.split("-")[1])
for item, content in curriculum.items():
    if item.startswith("D"):
        print(f"{item}  {content['title'][:70]:<70}  {' '.join(sorted(practised.get(item, {'-'})))}")

# %% [markdown] covers="T1.exam"
# *What happened*: each item has exercises; the numbers are their lessons. **An exercise once solved is not yet a skill**:
# the exam gives seven minutes to a task. Come back to those that took you longer.
#
# ## 2. CKA first? When to book?
#
# CKAD asks you to run applications *in* a cluster; CKA, to run the cluster *itself*: install it with kubeadm, upgrade
# it, make its control plane highly available, repair that and the nodes. (A backup of etcd was once its best known
# task. Its curriculum has not named it since 2025, but a broken etcd is still the CKA's business, never the CKAD's.)
# They share the terminal, the rules, and the middle: workloads, Services, storage, debugging.
#
# The API shows the border. Some kinds live in namespaces, others belong to the cluster:

# %% [markdown] tags=["teaching"] minutes=3
# - **Ask** each: do you run clusters, or run on them?

# %% language="bash" covers="T1.cka"
# echo "in namespaces:      $(kubectl api-resources --namespaced=true -o name | wc -l) kinds"
# echo "of the cluster:     $(kubectl api-resources --namespaced=false -o name | wc -l) kinds, such as"
# kubectl api-resources --namespaced=false -o name | grep -E '^(nodes|persistentvolumes|certificates|clusterroles|storage)'

# %% [markdown] covers="T1.cka"
# A CKAD candidate works almost only in the first group.
#
# - **CKA first** if you will also care for clusters, or if you learn best from the inside out: after lesson 03 its
#   troubleshooting is no wall, and what it asks about workloads counts again in the CKAD. With it behind you, three weeks
#   for the CKAD are enough.
# - **CKAD first** if you write applications: the narrower exam. Its difficulty is the clock.
#
# Neither requires the other.

# %% [markdown] covers="T1.booking"
# **Booking.** An exam that is bought is sat later: you choose the day. So buy when it is cheap, and that is once a year, on
# Cyber Monday (the Monday after Thanksgiving), when the price is about halved. Bought exams usually stay valid for twelve
# months; check that on the day.
#
# Book a date *before* you feel ready: three weeks ahead is far enough to learn and near enough to begin.

# %% covers="T1.booking"
def cyber_monday(year):
    november = date(year, 11, 1)
    first_thursday = november + timedelta(days=(3 - november.weekday()) % 7)
    return first_thursday + timedelta(weeks=3, days=4)


today = date.today()
sale = min(day for day in (cyber_monday(today.year), cyber_monday(today.year + 1)) if day >= today)
exam = date.fromisoformat(EXAM_DAY) if EXAM_DAY else today + timedelta(days=20)
print(f"next sale:  {sale:%A %d %B %Y}, in {(sale - today).days} days; sit until about {sale + timedelta(days=365)}")
print(f"your exam:  {exam:%A %d %B %Y}; the plan's first day is {exam - timedelta(days=20)}")

# %% [markdown] covers="T1.booking"
# **The simulator.** Two sessions come with the exam. Their tasks are harder than the exam's, and a session stays open for
# about a day and a half. Use the first as an examination: two hours, no help; then spend the rest of it on what you missed. Use the
# second a few days before the exam. Do not save them up: a session teaches most while there is time to learn.
#
# **The retake** costs nothing more. That is no reason to sit unprepared, but a good one not to be afraid.

# %% [markdown] covers="T1.speed"
# ## 3. Fast with kubectl
#
# Two hours for 17 tasks: seven minutes each, reading included. Typing is not the slow part; typing *again* is.
#
# Each task of the exam begins with `ssh` to a host of its own. There the alias `k` and completion are set up. What
# *you* set, such as `$do` below, is known to that one shell on that one host, and is gone on the next. So it must pay
# within the task: a variable does if you need it twice. Otherwise type the flags; your fingers should know them anyway.
# (A script needs the `shopt` line to know aliases; a terminal does not. `%%bash` runs a cell as a script.)

# %% [markdown] tags=["teaching"] minutes=12
# - **Show**: type in a terminal, with mistakes, and let TAB repair them. Do not run this section from cells only.
# - **Ask** before the table of generators: which kinds have none?
# - **Ask** before the three deletions: how long does each take? And what does `--force` cost?

# %% language="bash" covers="T1.speed T1.generators"
# shopt -s expand_aliases
# alias k=kubectl
# export do="--dry-run=client -o yaml"
# export now="--grace-period=0 --force"
# k run probe --image=labs/shell:1 $do -- sleep infinity

# %% [markdown] covers="T1.speed T1.generators"
# *What happened*: nothing was made. `--dry-run=client` builds the object and stops; `-o yaml` prints it. With `> probe.yaml`
# behind it you have a manifest without a typing error in it.
#
# **Completion** is the second hand: press TAB after `k get dep`, after `-n `, after `deployment/`. It asks the *cluster*, so it
# knows the names of namespaces and pods; they are long and easily mistyped. What TAB asks, you can ask, too:

# %% language="bash" covers="T1.speed"
# kubectl __complete create dep 2>/dev/null
# kubectl __complete get pods -n kube- 2>/dev/null
# kubectl __complete get pods -n kube-system "" 2>/dev/null

# %% [markdown] covers="T1.speed"
# The terminal for the exercises: in JupyterLab, *File → New → Terminal*, and there `labs shell 08`. In the shell that it
# opens, `kubectl` knows this lesson's cluster and namespace, and `k` and completion are there as in the exam. It is an
# ordinary shell with a kubeconfig of its own:

# %% covers="T1.speed T1.namespaces" language="bash"
# labs shell 08 kubectl config view --minify | grep -E 'namespace|name:'

# %% [markdown] covers="T1.speed"
# **`explain`** is the documentation that needs no browser. With `--recursive` it is an outline of the fields; you seldom
# need more than the names and the indentation. How long does it take?

# %% language="bash" covers="T1.speed"
# TIMEFORMAT="%1R s"
# { time kubectl explain deployment.spec.strategy --recursive | tail -n 7; } 2>&1

# %% [markdown] covers="T1.generators"
# ### Generators
#
# A generator is a command that writes the object for you. Which kinds have one, and which not? Compare what
# `kubectl create` offers with what a candidate needs:

# %% language="bash" covers="T1.generators"
# offered=$(kubectl create --help | sed -n '/Available Commands/,/^$/p' | awk 'NR > 1 {print $1}')
# for kind in deployment job cronjob configmap secret service ingress serviceaccount role rolebinding quota \
#     pod hpa persistentvolumeclaim persistentvolume networkpolicy daemonset statefulset; do
#   case $kind in
#     pod) how="kubectl run";;
#     hpa) how="kubectl autoscale";;
#     *) grep -qx $kind <<< "$offered" && how="kubectl create $kind" || how="-  (documentation)";;
#   esac
#   printf '%-22s %s\n' $kind "$how"
# done

# %% [markdown] covers="T1.generators"
# For the last rows, search the kind in the Kubernetes documentation, and copy the first example. Know *beforehand* which
# page has it.
#
# How much does a generator save? Count characters: typed against got. (In the function, `"${@:1:2}"` are the first two words.
# Options go *before* `--`: what follows is the container's command.)

# %% language="bash" covers="T1.generators"
# measure() {
#   got=$(kubectl "${@:1:2}" --dry-run=client -o yaml "${@:3}"); typed="k $1 $2 \$do"
#   for word in "${@:3}"; do [[ $word = *[\ \*]* ]] && word="'$word'"; typed+=" $word"; done
#   printf '%4d typed %5d got   %s\n' ${#typed} ${#got} "$typed"
# }
# measure create deployment front --image=labs/web:1 --replicas=3
# measure create service nodeport front --tcp=80:80 --node-port=30080
# measure create job tally --image=labs/shell:1 -- seq 1 5
# measure create cronjob tick --image=labs/shell:1 --schedule="*/5 * * * *" -- date
# measure create configmap feed --from-literal=unit=celsius
# measure create secret generic door --from-literal=token=sesame
# measure create role reader --verb=get,list --resource=pods
# measure create ingress front --rule="weather.example/*=front:80"
# measure create quota small --hard=pods=10,requests.memory=1Gi

# %% [markdown]
# (`$do` counts as three characters; on a host where you have not set it, add 21.) Not the characters alone: also the
# `apiVersion`, the selector that must match, the seven levels of a CronJob. Nothing to remember, nothing to mistype.
#
# Take the **Job**, a pod that runs once to its end. Python, `kubectl` and YAML as ever; `lab.same` proves that they agree:

# %%
container = {"name": "tally", "image": "labs/shell:1", "command": ["seq", "1", "5"]}
template = {"spec": {"containers": [container], "restartPolicy": "Never"}}
job = {"metadata": {"name": "tally"}, "spec": {"template": template}}
by_python = batch.create_namespaced_job(lab.namespace, job, dry_run="All")

# %%
# by_kubectl = !kubectl create job tally --image=labs/shell:1 --dry-run=server -o yaml -- seq 1 5

# %% magic_args="--out by_yaml" language="bash"
# kubectl create --dry-run=server -o yaml -f - <<END
# apiVersion: batch/v1
# kind: Job
# metadata: {name: tally}
# spec:
#   template:
#     spec:
#       restartPolicy: Never
#       containers:
#       - {name: tally, image: "labs/shell:1", command: [seq, "1", "5"]}
# END

# %%
lab.same(by_python, by_kubectl, by_yaml)

# %% [markdown] covers="T1.generators"
# ### Generate, edit, apply
#
# What a generator cannot say (a probe, a volume, a second container) is edited into its output. In the exam: `> front.yaml`,
# then `vim front.yaml`. Here `sed` edits, so that the cell can run by itself: a readiness probe under the image's line.

# %% language="bash" covers="T1.generators"
# kubectl delete deployment,service front --ignore-not-found
# kubectl create deployment front --image=labs/web:1 --replicas=2 --dry-run=client -o yaml |
#   sed 's|^\( *\)- image: .*|&\n\1  readinessProbe: {httpGet: {path: /healthz, port: 80}}|' |
#   kubectl apply -f -
# kubectl expose deployment front --port=80
# kubectl rollout status deployment/front | tail -n 1

# %% [markdown] covers="T1.speed"
# `vim` and YAML fight over one thing: the TAB key. YAML forbids tab characters, and nobody sees them:

# %% language="bash" covers="T1.speed"
# printf 'apiVersion: v1\nkind: Pod\nmetadata:\n\tname: probe\n' | kubectl create --dry-run=client -f - || true

# %% [markdown] covers="T1.speed"
# Two settings end that: `et` (expand tabs to spaces), `sw=2 ts=2` (two of them). In vim, type `:set et sw=2 ts=2`, or
# before vim:
#
#     echo 'set et sw=2 ts=2' >> ~/.vimrc
#
# That file, too, is one host's: where the next task's has none, do it again.
#
# Four keys pay their way in vim: `V` with `>` or `<` (move lines right or left), `dd` (delete a line), `:set paste` (paste
# without new indentation), `u` (undo).
#
# And for what exists already, you need no editor at all. The next cell changes image, environment, resources, labels and
# number, one command each. (`autoscale` is the same for a HorizontalPodAutoscaler.)

# %% language="bash" covers="T1.generators"
# kubectl set image deployment/front web=labs/web:2
# kubectl set env deployment/front MOTTO=sun
# kubectl set resources deployment/front --requests=cpu=10m,memory=16Mi --limits=memory=64Mi
# kubectl label deployment front tier=web --overwrite
# kubectl annotate deployment front owner=me --overwrite
# kubectl scale deployment front --replicas=3
# kubectl rollout status deployment/front | tail -n 1

# %% [markdown] covers="T1.speed"
# *What happened*: three of the six changed the pods' template, so three rollouts began (lesson 04: pause joins them).
#
# Six answers came back, one a line. **Read each one.** A refused command in the middle of a paste is easy to miss, and then
# the task is half done, which mostly counts as not done.
#
# ### Look, wait, replace, delete

# %% language="bash" covers="T1.speed"
# kubectl get deployment front -o wide
# kubectl get pods -l app=front --show-labels --sort-by=.metadata.creationTimestamp
# kubectl get deployment front -o jsonpath='{.spec.template.spec.containers[*].image}{"\n"}'
# kubectl get pods -l app=front -o custom-columns=POD:.metadata.name,IMAGE:.spec.containers[*].image

# %% [markdown] covers="T1.speed"
# `kubectl wait` ends when the condition holds: better than looking again and again, and the next command in a paste finds
# what it needs.
#
# Most of a *pod* cannot be changed: make a new one. `replace --force` deletes and creates in one step. Watch `apply` refuse the
# same change:

# %% language="bash" covers="T1.speed T1.generators"
# kubectl delete pod probe --ignore-not-found --now
# make() { kubectl run probe --image=labs/shell:1 --dry-run=client -o yaml "$@"; }
# make -- sleep infinity | kubectl apply -f -
# kubectl wait --for=condition=Ready pod/probe --timeout=60s
# make -- sleep 1000 | kubectl apply -f - 2>&1 | head -n 1 | cut -c 1-76
# make -- sleep 1000 | kubectl replace --force --grace-period=0 -f - 2>/dev/null
# kubectl wait --for=condition=Ready pod/probe --timeout=60s

# %% [markdown] covers="T1.speed"
# **Deleting** takes time because the container gets 30 seconds to end, and `sleep` does not listen. Three ways, measured
# (about 10 s; `time` prints the seconds):

# %% language="bash" covers="T1.speed"
# TIMEFORMAT="   %1R s"
# for how in "--grace-period=5" "--now" "--force --grace-period=0"; do
#   kubectl get pod probe >/dev/null 2>&1 || kubectl run probe --image=labs/shell:1 -- sleep infinity >/dev/null
#   kubectl wait --for=condition=Ready pod/probe --timeout=60s >/dev/null
#   echo "$how"; { time kubectl delete pod probe $how; } 2>&1
# done

# %% [markdown] covers="T1.speed"
# *What happened*: `--now` gives the container one second; the cluster's own work comes on top. `--force` waits for nobody, and its warning names the price: the object is gone at
# once, but nobody has confirmed that the *process* is. For a database with one writer that can cost data. In the exam, on a
# pod that you are about to replace: use it. At work: do not.
#
# ## 4. The right namespace
#
# A task in the wrong namespace is worth nothing: the examiner looks where the task said. It is the dearest slip there is,
# because everything *looks* right.
#
# Make a second namespace, with the same labels as this lesson's own, so that the lesson can remove it again:

# %% [markdown] tags=["teaching"] minutes=4
# - **Ask** at the empty list: is there no Deployment, or do I look in the wrong drawer?

# %% covers="T1.namespaces" setup="ex-08-1 ex-08-2 ex-08-3"
NIGHT = f"{lab.namespace}-night"
mine = core.read_namespace(lab.namespace).metadata.labels
marks = " ".join(f"{key}={value}" for key, value in mine.items() if key != "kubernetes.io/metadata.name")
# !kubectl create namespace {NIGHT} --dry-run=client -o yaml | kubectl label -f - --local -o yaml {marks} | kubectl apply -f -

# %% [markdown] covers="T1.namespaces"
# **Misconception**: *"`kubectl get` shows nothing, so there is nothing."* Look for the Deployment `front` in three ways:

# %% language="bash" covers="T1.namespaces"
# kubectl get deployments -n lab-08-night
# kubectl get deployments
# kubectl get deployments --all-namespaces | grep -E '^NAMESPACE|front'

# %% [markdown] covers="T1.namespaces"
# Without `-n`, a command means the namespace of the current **context**: a line in the kubeconfig. It can be changed for all
# commands to come, with two dangers: you forget to change it back, and each task starts with another one.
#
# This changes only the lesson's own kubeconfig, and changes it back:

# %% language="bash" covers="T1.namespaces"
# here=$(kubectl config view --minify -o jsonpath='{..namespace}')
# kubectl config set-context --current --namespace=lab-08-night
# kubectl create configmap where --from-literal=made=night --dry-run=server -o jsonpath='{.metadata.namespace}{"\n"}'
# kubectl config set-context --current --namespace="$here"
# kubectl config get-contexts

# %% [markdown] covers="T1.namespaces"
# Which habit is best? **Write `-n NAMESPACE` into every command**, right after `k`: `k -n lab-08-night get pods`. It is visible, it
# survives a copy, and arrow-up brings it back.
#
# The same goes for the cluster. Each task begins with a line to copy: the host to `ssh` to, where `kubectl` knows the
# task's cluster. Copy it first, always, even if it looks like the one before; and leave a host with `exit` before the
# next: you cannot go from one host to another. (Older notes have `kubectl config use-context ...` here.)
#
# A manifest can hold a namespace of its own. When it contradicts `-n`, `kubectl` refuses, luckily:

# %% language="bash" covers="T1.namespaces"
# kubectl -n lab-08-night create configmap where --from-literal=made=night --dry-run=client -o yaml |
#   kubectl -n default apply -f - || true

# %% [markdown] tags=["exercise"] exercise="ex-08-1"
# ### Exercise 1: three objects, no YAML
#
# **Goal**: in the namespace `lab-08-night`:
#
# - a Deployment `gate` with the image `labs/web:2` and 2 replicas;
# - a Service `gate` that leads from node port 30081 and its own port 80 to port 80 of these pods;
# - a Job `tally` with the image `labs/shell:1` that runs `seq 1 5`.
#
# **Constraint**: generators only; you write no YAML. Look at the clock before and after: 3 minutes is good. **Done when**
# localhost:30081 answers and the Job is complete.
#
# Use the terminal, as in the exam; or the answer cell, which is a script (`%%bash`). Remove that line and it is Python.

# %% [markdown] tags=["teaching"] minutes=10 exercise="ex-08-1"
# - **Show**: a clock on the projector. Three minutes is good; ask for times, then let the quickest type it again for
#   all.
# - **Mistakes**
#   - `-n` forgotten: *none there, but one in the namespace lab-08*. In the exam: no points;
#   - `expose`, which cannot choose a node port: *node port none*;
#   - `--tcp=80:8080`: *the pods' port 8080*;
#   - a command mistyped: *the Job tally complete*.

# %% [markdown] tags=["hint"] exercise="ex-08-1"
# Three commands that begin with `kubectl create`. Which of them can set a node port? `kubectl create service --help`.

# %% [markdown] tags=["hint"] exercise="ex-08-1"
# `kubectl expose` cannot set the number of a node port; `kubectl create service nodeport` can, and it selects the pods with
# `app=` and its own name. `kubectl create deployment` gives its pods that label.

# %% [markdown] tags=["hint"] exercise="ex-08-1"
# `k -n lab-08-night create deployment gate --image=... --replicas=2`; `... create service nodeport gate --tcp=80:80 --node-port=30081`;
# `... create job tally --image=labs/shell:1 -- seq 1 5`.

# %% tags=["answer"] exercise="ex-08-1" language="bash"
# ### BEGIN SOLUTION
# kubectl -n lab-08-night create deployment gate --image=labs/web:2 --replicas=2
# kubectl -n lab-08-night create service nodeport gate --tcp=80:80 --node-port=30081
# kubectl -n lab-08-night create job tally --image=labs/shell:1 -- seq 1 5
# kubectl -n lab-08-night wait --for=condition=Complete job/tally --timeout=60s
# ### END SOLUTION

# %% tags=["check"]
lab.check("ex-08-1")

# %% [markdown] covers="T1.namespaces"
# ### The slip
#
# A colleague has solved a task, in a hurry, without `-n`. The next cell is what they typed.

# %% language="bash" covers="T1.namespaces" setup="ex-08-2"
# for name in board desk; do
#   kubectl delete deployment,configmap $name --ignore-not-found
#   kubectl -n lab-08-night delete deployment,configmap $name --ignore-not-found
#   kubectl create deployment $name --image=labs/web:1
# done
# kubectl create configmap board --from-literal=TITLE=Day
# kubectl set env deployment/board --from=configmap/board

# %% [markdown] tags=["exercise"] exercise="ex-08-2"
# ### Exercise 2: move it
#
# **Goal**: the Deployment `board` and the ConfigMap `board` belong to the namespace `lab-08-night`. There the ConfigMap's `TITLE`
# is to be `Night`, and the Deployment is to run 2 replicas of `labs/web:2`.
#
# **Constraint**: do not write the Deployment from scratch: take what is there, edit, create. Leave the Deployment `desk` where it is.
# **Done when** both are ready there, and nothing called `board` is left in `lab-08`.

# %% [markdown] tags=["teaching"] minutes=13 exercise="ex-08-2"
# - **Mistakes**
#   - the originals left: *the Deployment and the ConfigMap*;
#   - the Deployment moved, what it reads not: *a ConfigMap board in the namespace lab-08-night*;
#   - the ConfigMap changed after the pods had started: *observed TITLE=Day*;
#   - the value typed in: *TITLE written into the Deployment*;
#   - `desk` deleted with the rest: *a Deployment desk*.

# %% [markdown] tags=["hint"] exercise="ex-08-2"
# No command moves an object. Get its YAML, change it, create it in the other namespace, delete the first one.

# %% [markdown] tags=["hint"] exercise="ex-08-2"
# `kubectl get deployment board -o yaml > board.yaml`. The lines `namespace:`, `resourceVersion:` and `uid:` are the
# server's: the first is wrong now, the second stops a `create`, the third is another object's. What does the Deployment
# read, and is that in the other namespace?

# %% [markdown] tags=["hint"] exercise="ex-08-2"
# `sed -i '/namespace:/d; /resourceVersion:/d; /uid:/d' board.yaml`, then change `replicas` and the image in it, then
# `kubectl -n lab-08-night create -f board.yaml`. The ConfigMap is quicker by its generator. At the end,
# `kubectl delete deployment,configmap board`.

# %% tags=["answer"] exercise="ex-08-2" language="bash"
# ### BEGIN SOLUTION
# kubectl get deployment board -o yaml |
#   sed '/namespace:/d; /resourceVersion:/d; /uid:/d; s/replicas: 1/replicas: 2/; s/web:1/web:2/' |
#   kubectl -n lab-08-night create -f -
# kubectl -n lab-08-night create configmap board --from-literal=TITLE=Night
# kubectl delete deployment,configmap board
# kubectl -n lab-08-night rollout status deployment/board
# ### END SOLUTION

# %% tags=["check"]
lab.check("ex-08-2")

# %% [markdown] covers="T1.project"
# ## 5. Your project is the exercise ground
#
# Toy objects teach commands. A project teaches *why*: it must be reachable, keep its data, survive a bad release, and it
# breaks in ways that no book lists. The weather pipeline was ours; take one of your own, as small, and move it step by
# step as the lessons did. After each lesson: the same step, there, from memory.
#
# And break it on purpose. A good part of the exam is finding out why something does not run. Look in this order; it takes a
# minute:
#
# | ask | it tells |
# |---|---|
# | `kubectl get pods,services` | state, READY, RESTARTS |
# | `kubectl describe pod NAME` | events: image, mounts, probes, scheduling |
# | `kubectl logs NAME [-c CONTAINER] [--previous]` | what the program itself says |
# | `kubectl get endpointslices` | which pods a Service finds (also those that are not ready), and which port |
# | `kubectl exec NAME -- wget -qO- URL` | what the pod reaches |

# %% [markdown] tags=["teaching"] minutes=3
# - **Ask** everyone for one program of their own, small, that could be moved. Write the names up.

# %% [markdown] covers="T1.project"
# Now the pipeline: image, store, front, and two Services. Somebody has put it into the cluster, and the page at
# localhost:30082 does not come. (The manifest is a file; if you read it, you rob yourself of the exercise.)

# %% covers="T1.project" setup="ex-08-3"
import docker

docker.from_env().images.build(path=str(lab.project), tag="weather:1", rm=True, labels=lab.labels)
image = lab.load_image("weather:1")
broken = Path(labs.__file__).parent / "exam" / "broken_pipeline.yaml"
# !kubectl delete deployment,service store front --ignore-not-found
# !sed 's|@image@|{image}|' {broken} | kubectl apply -f -

# %% [markdown] tags=["exercise"] exercise="ex-08-3"
# ### Exercise 3: four faults, five minutes
#
# **Goal**: the page at localhost:30082 shows the number of readings (0 is fine: no producer runs). The image is
# `weather:1`; the store listens on port 8000, the front on 8080. Four faults, in two of the four objects.
#
# **Constraint**: repair, do not make it again; the front keeps its readiness probe, GET `/ready`. Tools: `kubectl edit` in the
# terminal; in a cell `kubectl patch`, or `get -o yaml > file`, edit, `apply -f file`. Look at the clock before and after.
# **Done when** both Deployments are ready and the page comes.

# %% [markdown] tags=["teaching"] minutes=12 exercise="ex-08-3"
# - **Say**: those who open the manifest rob themselves. Clock on.
# - **Mistakes**
#   - stopped at the second fault or the third: *front runs but is not ready*; send them to the events, then to the
#     page asked from inside;
#   - another image that is not there: *weather:3*;
#   - the probe changed until it is content: *GET /healthz*.

# %% [markdown] tags=["hint"] exercise="ex-08-3"
# One at a time: each fault hides the next. `kubectl get pods` first; then the events at the end of `kubectl describe pod`.

# %% [markdown] tags=["hint"] exercise="ex-08-3"
# When the image is right: the events name the address that the probe asks; compare its port with the front's. When that
# is right, the front says itself what it misses: ask its page from inside, `kubectl exec deploy/front -- wget -qO- localhost:8080`,
# or read its settings at `/settings`.

# %% [markdown] tags=["hint"] exercise="ex-08-3"
# Image: `weather:1`. Probe: port 8080. Argument: `--store=http://store:8000`. And the Service `store` sends to port 8080 of a pod
# that listens on 8000: its `targetPort`. `kubectl edit` for each.

# %% tags=["answer"] exercise="ex-08-3" language="bash"
# ### BEGIN SOLUTION
# kubectl set image deployment/front front=weather:1
# kubectl patch deployment front --type=json --patch '[
#   {op: replace, path: /spec/template/spec/containers/0/readinessProbe/httpGet/port, value: 8080},
#   {op: replace, path: /spec/template/spec/containers/0/args/1, value: "--store=http://store:8000"}]'
# kubectl patch service store --type=json --patch '[{op: replace, path: /spec/ports/0/targetPort, value: 8000}]'
# kubectl rollout status deployment/front --timeout=60s
# ### END SOLUTION

# %% tags=["check"]
lab.check("ex-08-3")

# %% [markdown] covers="T1.time"
# ## 6. Two hours, 17 tasks
#
# Seven minutes a task on average; but the tasks are not average, and their weights do not follow their lengths. So pass
# **twice**:
#
# 1. Read a task. Do you see the way at once? Do it. If not, or if it has taken eight minutes: flag it, note one line, go on.
# 2. Then the flagged ones, the heaviest first. Last ten minutes: no new task; look at states once more.
#
# Is that worth it? Let us throw dice: 1000 exams of 17 tasks, each task of weight 3 to 9 and 3 to 17 minutes long (two
# hours do not suffice for all). One candidate works from the first to the last, the other leaves what is long for later.

# %% [markdown] tags=["teaching"] minutes=4
# - **Ask** before the dice: how much does the order alone bring? Take bets in per cent.

# %% covers="T1.time"
def percent(tasks, minutes=120):
    reached = 0
    for weight, length in tasks:
        minutes -= length
        reached += weight if minutes >= 0 else 0
    return 100 * reached / sum(weight for weight, _ in tasks)


random.seed(8)
exams = [[(random.randint(3, 9), random.randint(3, 17)) for _ in range(17)] for _ in range(1000)]
for name, order in {"in order": None, "short ones first": lambda task: task[1] > 8}.items():
    scores = [percent(exam if order is None else sorted(exam, key=order)) for exam in exams]
    print(f"{name:<16}  {sum(scores) / 1000:3.0f} % on average; {sum(s >= 66 for s in scores) / 10:3.0f} % pass")

# %% [markdown] covers="T1.time"
# *What happened*: the same tasks, the same knowledge, the same speed. Only the order differs. (The dice are ours; the exam's
# weights are not.)
#
# Also from the clock's view:
#
# - **Leave no task empty**: one may have several checks. Make what you are sure of. (In our drill it is all or nothing.)
# - **Check each task by its effect** before you leave it: `curl`, `logs`, `rollout status`. Ten seconds.
# - **The documentation is slow.** Search for the kind, copy the example, close it.
#
# ## 7. Three weeks
#
# What is learned once is forgotten in days; what is *recalled* after three and after seven days stays. So each exercise of
# this course comes back twice, from memory: `labs reset 04` in a terminal, then the exercises, without the text.
#
# The plan below is made of the lessons that are there and of your progress file:

# %% [markdown] tags=["teaching"] minutes=3
# - **Ask** all to set `EXAM_DAY`, and to say their first day aloud.

# %% covers="T1.plan"
from labs.progress.study_plan import show_plan

show_plan(begin=PLAN_BEGINS)

# %% covers="T1.plan"
from labs import views

views.progress()

# %% [markdown] covers="T1.plan T1.before"
# An hour a day suffices. Days without a lesson belong to your project. Drills and simulator sessions come from day 13 on;
# after each, work on the domain that lost most, not on the one you like.
#
# ## 8. The day before, and the day
#
# *The day before*: one easy drill, no new matter. Clear desk and room: nothing on the walls or the table that can be read.
# Run the system check of the exam's browser (a browser of its own, PSI's, with a remote desktop in it: one screen, smaller
# than you are used to). Passport or identity card: the name as in the booking. Sleep.
#
# *The day*: be there 30 minutes early; the check-in takes photographs of the room. Water in a clear bottle. First minute:
# look round the terminal.

# %% [markdown] tags=["teaching"] minutes=2
# - **Ask**: who has a room with nothing on the walls, and an identity card with the name as booked?

# %% language="bash" covers="T1.before"
# echo "editor:      $(command -v vim nano vi | head -n 1)"
# echo "completion:  $(kubectl completion bash | wc -l) lines to source"
# echo "client:      $(kubectl version --client | head -n 1)"
# echo "context:     $(kubectl config current-context), namespace $(kubectl config view --minify -o jsonpath='{..namespace}')"

# %% [markdown] covers="T1.time T1.plan"
# ## 9. The first drill
#
# Ten tasks, 30 minutes, weighed as the exam weighs its domains. They are worded like the exam's: terse, and exact. Names,
# numbers and namespaces count, to the letter. All they need was in lessons 02 to 07.
#
# Rules: a terminal, `kubectl`, the Kubernetes documentation; not the lessons. Have the terminal ready:
# `labs shell 08`, which begins in the folder where files belong. Then run the next cell: it sets up three namespaces and
# starts the clock. Run it again to see the tasks and the clock; it
# survives a restart of the kernel.
#
# **Stop here and come back if you have no half hour now.**

# %% [markdown] tags=["teaching"] minutes=35
# - 30 minutes, silent, no lessons open, no help from you; five to begin and to look at the results. Have all run
#   `drill.start()` at the same moment.
# - **Ask** afterwards for the domain that lost most, not for the score. Then `drill.explain` for that one together.

# %% covers="T1.time T1.plan"
from labs.exam.drill import Drill

drill = Drill(lab, "first")
drill.start()

# %% [markdown] covers="T1.time"
# `drill.score()` looks at the state of all ten, whenever you like. The exam has no such button: try to need it only once. It
# says *passed* or *not passed*, as the exam's result does, and not why.

# %% covers="T1.time T1.exam"
drill.score()

# %% [markdown]
# When you are done, or the time is: stop the clock. The best score within the time is kept with your progress. From now on
# `drill.explain(10)` tells what a check expected and what it saw, and `drill.solution(10)` a quick way. Look at every task
# that you missed, and also at those that took you long.

# %%
drill.stop()
drill.explain(10)

# %%
drill.solution(10)

# %% [markdown]
# How quick could it be? The course plays all ten in a new world, with its own solutions, which it does not show (one to
# three minutes, as the old world is deleted first; your score is not touched).

# %%
drill.play()

# %% [markdown]
# *What happened*: the cluster needs seconds for each. All the rest of the half hour is reading, deciding and typing: that is
# what you train.
#
# After `drill.stop()`, `drill.start()` begins again (while the clock runs, `drill.start(restart=True)`): another day, faster.
# Below 66 % now? Normal. Do the domain that lost most again, and come back in three days.

# %% [markdown]
# ## Recap
#
# 1. **The exam** grades the state that it finds: 15 to 20 tasks, 2 hours, 66 %.
# 2. **CKA first** or not: by what you work on. **Buy** in the sale, **book** three weeks ahead, use both simulator sessions.
# 3. **Speed** is generators, completion, `explain`, and no typing twice. What you set on one host is not on the next.
# 4. **Namespaces**: `-n` in every command; the task's first line first.
# 5. **Look, wait, replace**: `describe`, `logs`, `wait`, `replace --force`; `--force` has a price.
# 6. **Your project** breaks like the real thing. Break it yourself.
# 7. **Time**: two passes, the short tasks first.
# 8. **The plan**: each exercise again after three and seven days.
# 9. **The drill** says where you stand, by domain.

# %% [markdown] tags=["teaching"] minutes=4
# - **Ask** each for one date: the exam, or the next drill.

# %% [markdown]
# | to do | `kubectl` |
# |---|---|
# | a manifest from nothing | `create KIND NAME ... --dry-run=client -o yaml`; `run NAME --image=I` for a pod |
# | field names | `explain KIND.spec --recursive` |
# | a Service for pods | `expose deployment NAME --port=P`; `create service nodeport NAME --tcp=P:T --node-port=N` |
# | change what is there | `set image`, `set env`, `set resources`, `label`, `annotate`, `scale`, `edit` |
# | change what cannot be changed | `replace --force -f FILE` |
# | one field only | `get ... -o jsonpath='{.spec...}'` |
# | wait | `wait --for=condition=Ready pod/NAME`, `rollout status deployment/NAME` |
# | where am I | `config current-context`, `config view --minify` |
#
# **In practice**: at work nobody stops the clock. There the manifest is in version control, reviewed and applied; the quick
# commands are for looking, for drafts, and for nights when something is broken.
#
# **Next**: book the date. Then day 1 of the plan; lesson 09 has what a Job and its kin do, where this lesson only made one
# quickly.
#
# ## Clean up

# %%
lab.cleanup()
