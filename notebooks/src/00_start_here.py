# %% [markdown] facts="docker-only stops-components"
# # Start here
#
# In this course nothing is simulated. Behind this page run a real Docker Engine and a real Kubernetes cluster, yours to
# use, to break and to repair.
#
# It tells one story. You have a small side project, a weather pipeline: a *producer* sends temperatures to a *store*, a
# *worker* computes their mean, a *front* shows them. It runs on your laptop. Lesson by lesson, you bring it to where it
# runs without you.
#
# *You will do*: look at the engines, solve three small exercises, kill a part of the course and bring it back.
#
# *You will learn*
#
# 1. what runs where, and how much memory it takes;
# 2. how to reach both engines, from Python and on a command line;
# 3. how exercises, hints, checks, solutions and reset work;
# 4. what to do when something has ended;
# 5. where your progress is kept, and what this course cannot do.
#
# *You need*: Python. No knowledge of containers.
#
# *Time*: about 15 minutes, the three exercises included.

# %% [markdown] tags=["teaching"] minutes=1
# - **Before**: `labs prepare` the day before, `labs up` on every machine before the doors open; on Binder, have all
#   press the badge ten minutes early.
# - **Cut**: sections 6 and 7 can be read at home, except on Binder: there read out when a session ends. Never cut
#   exercises 1 and 3: anyone who has failed a check and repaired the course once asks you less for the rest of the day.

# %% tags=["parameters"]
GREETING = "hello"

# %% [markdown]
# ## 1. Open the lesson
#
# Run a cell with **Shift+Enter**, from the top down. This one opens the lesson: from here on, Docker and Kubernetes in
# this notebook mean the course's own engines. Whatever else you have on this machine is left alone.

# %%
from labs import open_lab

lab = open_lab("00", kubernetes=False)

# %% [markdown]
# (`kubernetes=False`, because Docker is up first. The cluster may still be starting.)
#
# ## 2. What runs where
#
# A line that starts with `!` runs in a shell, as in a terminal. The command `labs` looks after the engines:

# %% [markdown] tags=["teaching"] minutes=2
# - **Ask** before the cell runs: how many programs is "a cluster", and how much memory do they take? Write guesses on
#   the board.
# - **Show**: `labs status` in a terminal beside the notebook; leave it open all day. Numbers are missing on an
#   attached cluster: say so before somebody thinks that it is broken.

# %%
# !labs status

# %% [markdown]
# Each line is a program on this machine, started for this course. How much memory do they take? On engines that the
# course did not start, numbers are missing: those programs run elsewhere.

# %%
for part in lab.engine.status():
    memory = f"{part.memory >> 20:5} MB" if part.memory else ""
    print(f"{part.name:26}{part.state:10}{memory}")

# %% [markdown]
# Programs that share memory each count it, so the sum is more than what is really used.
#
# | part | what it is |
# |---|---|
# | `docker` | Docker Engine: builds images, runs containers (lesson 02) |
# | `registry` | a place to push images to, `localhost:5000` |
# | `etcd`, `kube-...` | Kubernetes' control plane (lesson 03) |
# | `containerd`, `kubelet`, `kube-proxy` | one Kubernetes node, `node1` |
# | `network`, `ports` | a network of the course's own, and what makes published ports answer on `localhost` |
# | `kernel` | on a machine without root rights: the Linux kernel in which Docker and the node run, one ordinary process |
#
# Is the machine fit for all this? `labs doctor` says what is there, what is missing, and which command repairs it. Ask it
# first when something is odd.

# %%
# !labs doctor

# %% [markdown]
# ## 3. Two engines, three ways
#
# The course speaks to both engines as everybody does: `docker` and `kubernetes` in Python, `docker` and `kubectl` on a
# command line, and YAML files. Cells mix them, by five devices of Jupyter's:
#
# | in a cell | does |
# |---|---|
# | `!kubectl get pods` | runs a command in a shell |
# | `!echo {NAME}` | the same, with the Python variable `NAME` filled in |
# | `lines = !kubectl get pods` | keeps what it prints, as a list of lines |
# | `%%bash`, on the first line | the whole cell is a shell script; with `--out text`, what it prints is kept in `text` |
# | `%%writefile PATH`, on the first line | writes the rest of the cell into a file |
#
# (After `!`, `{{` becomes `{`. Where a command itself needs `{{...}}`, use `%%bash`.)
#
# First Docker:

# %% [markdown] tags=["teaching"] minutes=2
# - **Show**: the same question three times, `core.list_node()`, `!kubectl get nodes`, and `labs shell 00` in a
#   terminal.
# - **Ask**: what does `labels=lab.labels` buy us? (`lab.reset()` removes ours and nothing else.)
# - If the cell says that the cluster is still starting: go on to exercise 1, it needs Docker only.

# %% setup="ex-00-1 ex-00-2 ex-00-3"
import docker

docker_client = docker.from_env()
docker_client.version()["Version"]

# %%
output = docker_client.containers.run("labs/shell:1", ["echo", GREETING], remove=True, labels=lab.labels)
print(output.decode())

# %% [markdown]
# **What happened.** Docker started a container from the image `labs/shell:1`, ran one command in it, gave us what it
# printed, and removed the container. `labels=lab.labels` marks what belongs to this lesson, so that it can be found again.
#
# Now Kubernetes. Open the lesson once more, this time with the cluster; should it still be starting, the cell tells you
# so, and you try again in a moment.

# %% setup="ex-00-2 ex-00-3"
lab = open_lab("00")

# %% setup="ex-00-2 ex-00-3"
from kubernetes import client, config

config.load_kube_config()
core = client.CoreV1Api()
[node.metadata.name for node in core.list_node().items]

# %%
# !kubectl get nodes

# %% [markdown]
# **What happened.** Python and `kubectl` asked the same question of the same server. The lesson has a **namespace** of its
# own, `lab-00`: a drawer that holds only what this lesson makes. (Linux has namespaces, too, and they are something else:
# lesson 02.)

# %% [markdown] tags=["exercise"] exercise="ex-00-1"
# ## 4. How an exercise works
#
# An exercise has a goal, a constraint, and says when it is done. You write in the cell that says *your answer*; the cell
# below checks.
#
# ### Exercise 1: a first container
#
# *Goal*: a container named `hello-00`, from the image `labs/shell:1`, that has printed `hello from a container`.
#
# *Constraint*: leave it there when it has ended, so that it can be looked at. Give it `labels=lab.labels`
# (`--label labs.lesson=00 --label labs.course=NAME` on a command line; `print(lab.labels)` shows both) if `lab.reset()`
# should remove it.
#
# *Done when* the check says *passed*.
#
# This first time, **fail on purpose**: run the check before you answer, and read its verdict. Then take a hint.

# %% [markdown] tags=["teaching"] minutes=3 exercise="ex-00-1"
# - **Show**: your own failed verdict, on the projector. Failing first is the point.
# - **Mistakes**
#   - nothing done, or `remove=True` copied from the demonstration: *a container named hello-00*, and none is there;
#   - the command shortened to `echo hello`: *what it printed*;
#   - a second try with the name taken: Docker's 409; the verdict's tip is *remove(force=True)*.

# %% [markdown] tags=["hint"] exercise="ex-00-1"
# The cell in section 3 runs a container that prints something. What must be different? It is removed, and has no name.

# %% [markdown] tags=["hint"] exercise="ex-00-1"
# `containers.run` takes `name=`. Without `remove=True` the container stays. A name can be taken once:
# `docker_client.containers.get("hello-00").remove(force=True)` frees it.

# %% [markdown] tags=["hint"] exercise="ex-00-1"
# `docker_client.containers.run("labs/shell:1", ["echo", "hello from a container"], name="hello-00", labels=lab.labels)`

# %% tags=["answer"] exercise="ex-00-1"
### BEGIN SOLUTION
words = ["echo", "hello from a container"]
printed = docker_client.containers.run("labs/shell:1", words, name="hello-00", labels=lab.labels)
### END SOLUTION

# %% tags=["check"]
lab.check("ex-00-1")

# %% [markdown]
# A verdict is one of three:
#
# | verdict | means |
# |---|---|
# | ✔ passed | done; *why* says why it worked |
# | ✘ not yet | *expected*, *observed*, and one thing to *try* |
# | ⚠ could not check | an engine did not answer; nothing is said about your answer |
#
# Checks look at what **is**, never at your code: any way to the goal is right, also a terminal (*File → New → Terminal*).
# There, `labs shell 00` opens a shell in which `kubectl` and `docker` mean lesson 00.
# `lab.solution("ex-00-1")` shows one way when you want to compare. `lab.reset()` brings a lesson to its start: it removes
# what the lesson made, and nothing else.

# %% [markdown] tags=["exercise"] exercise="ex-00-2"
# ### Exercise 2: a first Kubernetes object
#
# A **ConfigMap** holds settings under names.
#
# *Goal*: a ConfigMap `settings` in the lesson's namespace, with `unit` set to `celsius` and `station` set to anything you
# like.
#
# *Constraint*: none. `kubectl create configmap --help` has examples; Python and YAML are as good.
#
# *Done when* both settings are in it.

# %% [markdown] tags=["teaching"] minutes=2 exercise="ex-00-2"
# - **Ask** those who are done: which of the three ways did you take? Have two neighbours with different ways compare.
# - **Mistakes**
#   - made in a terminal without `labs shell`: *none there, but one in the namespace default*;
#   - a typing error in the name: *only setings*;
#   - one setting forgotten: *named station*.

# %% [markdown] tags=["hint"] exercise="ex-00-2"
# `!kubectl create configmap NAME --from-literal=KEY=VALUE` in a cell does it, with one `--from-literal` for each setting.

# %% [markdown] tags=["hint"] exercise="ex-00-2"
# In Python, `core.create_namespaced_config_map(lab.namespace, {...})`; the dictionary has `metadata` with the name, and
# `data`. To do it over, `!kubectl delete configmap settings` first.

# %% [markdown] tags=["hint"] exercise="ex-00-2"
# `!kubectl create configmap settings --from-literal=unit=celsius --from-literal=station=roof`

# %% tags=["answer"] exercise="ex-00-2"
### BEGIN SOLUTION
settings = {"metadata": {"name": "settings"}, "data": {"unit": "celsius", "station": "roof"}}
made = core.create_namespaced_config_map(lab.namespace, settings)
### END SOLUTION

# %% tags=["check"]
lab.check("ex-00-2")

# %% [markdown]
# ## 5. When something has ended
#
# Programs crash, laptops sleep, somebody kills the wrong process. The course expects that. Kill one of its parts, a
# harmless one, the hard way:

# %% [markdown] tags=["teaching"] minutes=1
# - **Ask**: who will start the registry again? Wait for "Kubernetes". (Nobody: the course's own parts are no pods.)

# %% setup="ex-00-3"
from labs.errors import NotSupported

try:
    lab.engine.kill("registry")
except NotSupported as reason:
    print(reason)

# %%
# !labs status

# %% [markdown]
# *failed* means: it ended, and nobody had asked it to. Nothing starts it again by itself, so that you can look first:
# `labs logs registry` shows what a part wrote last. (One that is killed like this writes nothing at its end: what you see
# there is from its start, and not the cause.)

# %% [markdown] tags=["exercise"] exercise="ex-00-3"
# ### Exercise 3: repair the course
#
# *Goal*: every part of the course runs again.
#
# *Constraint*: stop nothing for it. Your ConfigMap is to survive.
#
# *Done when* the check says so. (On engines that the course did not start, all may be well already.)

# %% [markdown] tags=["teaching"] minutes=1 exercise="ex-00-3"
# - **Mistakes**
#   - looking only, or starting another part: *registry stopped*. Send them to the last line of `labs status`.
# - **Say**: from now on, the answer to "the API server does not answer" is `labs up`.

# %% [markdown] tags=["hint"] exercise="ex-00-3"
# The last line of `labs status` names the command.

# %% [markdown] tags=["hint"] exercise="ex-00-3"
# `labs up` starts whatever does not run, and leaves alone what does. `!labs --help` lists all commands.

# %% [markdown] tags=["hint"] exercise="ex-00-3"
# `!labs up` in a cell, or `labs up` in a terminal. From Python, `lab.engine.start("registry")` starts one part.

# %% tags=["answer"] exercise="ex-00-3"
### BEGIN SOLUTION
import subprocess

done = subprocess.run(["labs", "up", "--quiet"], check=True)
### END SOLUTION

# %% tags=["check"]
lab.check("ex-00-3")

# %% [markdown]
# Remember this one: whenever a cell or a check says that an engine does not answer, `labs up` in a terminal, then run the
# cell again.
#
# ## 6. The way ahead
#
# These are the lessons. Each can be entered on its own, in any order, says what it builds on, and is brought back to its
# start by `lab.reset()`, or by `labs reset 04` in a terminal. Within a lesson, cells build on each other. To go straight to an
# exercise, write `lab.reset(to="ex-04-3")`: it runs the cells that this one builds on.

# %% [markdown] tags=["teaching"] minutes=1
# - **Show**: the course page, and where *Download progress* is.

# %%
from labs.curriculum.lessons import lessons

for lesson in lessons():
    print(lesson.number, lesson.title, sep="  ")

# %% [markdown]
# What you solved is remembered in one small file, and shown below; the picture changes when you solve more. Copy it to take your progress along; `labs progress --merge FILE` adds
# that of another machine.
#
# **On Binder** a session ends ten minutes after the last thing you did in it, and after six hours at the latest; then
# everything in it is gone. So, before you take a break: in the file browser on the left, right-click `progress.json` and
# choose *Download* (and the same for a notebook in which you wrote). Next time, drag the file back to its place. Kubernetes
# objects are quickly made again: `lab.reset()`.

# %%
from labs.progress import store
from labs import views

print(store.path())
views.progress()

# %% [markdown]
# ## 7. What this course cannot do
#
# The engines are real, and their surroundings small:
#
# - **No way to the internet** for containers and pods: nothing is pulled from outside, and `pip install` in a build fails.
# - **Base images** are the course's own: `labs/shell:1`, `labs/web:1`, `labs/web:2`, `labs/python:3`. What you build
#   from them is yours.
# - **UDP ports** are not forwarded to `localhost`; TCP ports are.
# - **Services of type LoadBalancer** get an address that this machine, containers and pods reach, no other; without
#   root rights they stay *pending*.
# - **One machine**: its nodes share disk, memory and fate.
# - **Without root rights** (`labs status` then says *engine usermode*, on Binder always) there is one node, and everything
#   takes two to four times as long: a container about a second, a Deployment's update about ten.
#
# Where a lesson meets one of these limits, it says so.

# %% [markdown] tags=["teaching"] minutes=1
# - **Say** the two that will be asked about: no way to the internet for pods, and one machine.

# %% [markdown]
# ## Recap
#
# 1. `labs status` shows what runs; the engines are ordinary programs on this machine.
# 2. Docker and Kubernetes are reached as anywhere else: Python, command line, YAML.
# 3. Answer, check, read the verdict; `lab.hint`, `lab.solution`, `lab.reset()`.
# 4. `labs up` repairs.
# 5. Progress is one file; limits are known.

# %% [markdown] tags=["teaching"] minutes=1
# - **Ask** one person to say what each of the three verdicts means.

# %% [markdown]
# **In practice**: looking first (`status`, `logs`), then starting what is missing, is what you will do with every cluster
# you ever meet.
#
# **Next**: lesson 01 writes down what should run, instead of typing it. In a hurry for containers? Lesson 02.
#
# ## Clean up
#
# Every lesson ends by removing what it made.

# %%
lab.cleanup()
