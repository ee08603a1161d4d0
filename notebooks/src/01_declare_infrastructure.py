# %% [markdown]
# # Declare infrastructure as code
#
# The weather pipeline runs on your laptop. You set it up by hand, long ago, from notes in a wiki. Now a second machine
# must run it too, and nobody knows what exactly runs on the first.
#
# *You will do*: set the pipeline up by hand, by a script, and from a definition; write a control loop of forty lines;
# break what it guards; do the same on Kubernetes; bring a cluster back to its definition; repair broken YAML.
#
# *You will learn*
#
# 1. what is wrong with setting up by hand;
# 2. what a script improves, and what idempotence is;
# 3. what a definition says, and how a program makes it so;
# 4. what drift is, and how a loop repairs it;
# 5. to declare objects to Kubernetes, and to prove that a script gives the same;
# 6. which drift a cluster repairs by itself, and which it does not;
# 7. four kinds of notation: JSON, YAML, XML, languages of their own;
# 8. where YAML surprises;
# 9. to review, take back and repeat infrastructure.
#
# *You need*: Python. No knowledge of containers or Kubernetes.
#
# *Time*: about 70 minutes, the three exercises included.

# %% [markdown] tags=["teaching"] minutes=2
# - **Before**: run the first two code cells yourself: the image takes about 5 s here, more without root.
# - **Cut**, in this order: section 7 (read the table), section 9 (show `git diff` only), exercise 2. Keep section 3
#   whole and exercise 3: its errors are those that they will meet for years.

# %% tags=["parameters"]
TIMEOUT = 120  # seconds to wait for anything

# %%
import docker
from kubernetes import client, config

from labs import open_lab, views
from labs.waiting import wait_for, wait_for_http, wait_for_pods, wait_for_rollout

lab = open_lab("01")
docker_client = docker.from_env()
config.load_kube_config()
apps, core = client.AppsV1Api(), client.CoreV1Api()

# %% [markdown] covers="T2.definition"
# ## 1. By hand
#
# Two parts of the pipeline are enough here: a *store* keeps readings, a *front* shows them. Each runs in a **container**:
# a program packed with all it needs (lesson 02 takes it apart). The wiki says:
#
# > 1. Make a network, `pipeline`.
# > 2. Start a `store` on it.
# > 3. Start a `front` on it, reachable at port 8010.
#
# A container is started from an **image**. First, make that of the pipeline, and a helper that clears the table, so that
# every cell can be run again. (About 5 s.)

# %% [markdown] tags=["teaching"] minutes=3
# - **Ask** before the change to Fahrenheit: which file of yours would tell a colleague of it?
# - **Show**: the page in a browser, `localhost:8010`, before and after.

# %% setup="ex-01-1 ex-01-2 ex-01-3"
docker_client.images.build(path=str(lab.project), tag="weather:1", rm=True, labels=lab.labels)

OURS = {"label": [f"{key}={value}" for key, value in lab.labels.items()]}


def clear():
    """Remove this lesson's containers and networks: a new machine."""
    for container in docker_client.containers.list(all=True, filters=OURS):
        container.remove(force=True)
    for network in docker_client.networks.list(filters=OURS):
        network.remove()


# %% [markdown]
# Now follow the wiki. What the cell does in Python, an administrator types:
#
# ```console
# $ docker network create pipeline
# $ docker run --detach --network pipeline --name store weather:1 store
# $ docker run --detach --network pipeline --name front --publish 8010:8080 weather:1 front
# ```
#
# (`lab.labels` mark what belongs to this lesson.)

# %%
clear()
HERE = {"network": "pipeline", "detach": True, "labels": lab.labels}

docker_client.networks.create("pipeline", check_duplicate=True, labels=lab.labels)
docker_client.containers.run("weather:1", "store", name="store", **HERE)
docker_client.containers.run("weather:1", "front", name="front", ports={"8080/tcp": 8010}, **HERE)
print(wait_for_http(lab.url(8010)))

# %% [markdown]
# It works. (`0 readings, mean unknown`: nothing sends readings yet, and nothing computes a mean. Look at the title and
# the unit.) Some evenings later somebody wants Fahrenheit, quickly. So you log in to the running container and write a
# settings file:
#
# ```console
# $ docker exec --user root front sh -c "mkdir -p /etc/weather; echo fahrenheit > /etc/weather/unit"
# ```

# %%
change = ["sh", "-c", "mkdir -p /etc/weather; echo fahrenheit > /etc/weather/unit"]
docker_client.containers.get("front").exec_run(change, user="root")
print(wait_for_http(lab.url(8010)))

# %% [markdown] covers="T2.definition"
# The wiki was not changed. It seldom is. A year later:
#
# - **Nobody knows what runs.** The only true description of the machine is the machine.
# - **Nobody can repeat it.** The second machine will show Celsius.
# - **Nobody reviewed it**, and nobody can take it back.
#
# Such a machine is called a *snowflake*: no two are alike.
#
# **Infrastructure as Code** means: infrastructure is set up, changed and torn down *through files that a machine reads*,
# and not by hand. The rest of the lesson is about what to write into these files.
#
# ## 2. By script: say how
#
# The first idea is a program in place of the wiki. `set_up` is the three lines from above. Give it a new machine:

# %% [markdown] tags=["teaching"] minutes=3
# - **Ask** before the second `set_up()`: what will happen? Collect three answers. The same before the second title,
#   where most expect the new one.

# %% covers="T2.declarative"
def set_up():
    docker_client.networks.create("pipeline", check_duplicate=True, labels=lab.labels)
    docker_client.containers.run("weather:1", "store", name="store", **HERE)
    docker_client.containers.run("weather:1", "front", name="front", ports={"8080/tcp": 8010}, **HERE)


clear()
set_up()
print(wait_for_http(lab.url(8010)))

# %% [markdown]
# Celsius: what was changed by hand is lost, and that is good to know *today*. The machine can be made again, by anybody.
#
# Now run the script a second time. Perhaps the first run broke off in the middle, or the script runs every night. What
# do you expect?

# %% covers="T2.idempotence"
from docker.errors import APIError

try:
    set_up()
except APIError as error:
    print("It failed:", error.explanation)

# %% [markdown] covers="T2.declarative T2.idempotence"
# **What happened.** The script is **imperative**: it says *how*, step by step, and each step takes for granted what the
# world looks like. The second time, the world is another one.
#
# A program that may be run again, and then changes nothing more, is **idempotent**. *Set the thermostat to 20 °C* is
# idempotent, *two degrees warmer* is not.
#
# A script becomes idempotent by asking before each step:

# %% covers="T2.idempotence"
def set_up_once(title):
    there = {c.name for c in docker_client.containers.list(all=True, filters=OURS)}
    if "pipeline" not in {n.name for n in docker_client.networks.list(filters=OURS)}:
        docker_client.networks.create("pipeline", check_duplicate=True, labels=lab.labels)
    if "store" not in there:
        docker_client.containers.run("weather:1", "store", name="store", **HERE)
    if "front" not in there:
        command = ["front", f"--title={title}"]
        docker_client.containers.run("weather:1", command, name="front", ports={"8080/tcp": 8010}, **HERE)


clear()
set_up_once("Weather")
set_up_once("Weather")
print(wait_for_http(lab.url(8010)))

# %% [markdown]
# Twice, and no error. Is all well? The page is to get another title. Change the argument, run it again:

# %%
set_up_once("Lake weather")
print(wait_for_http(lab.url(8010)))

# %% [markdown]
# The old title.
#
# **Misconception**: "It runs twice, so it is fine." The script asks *is there a front?*, not *is it the
# front that I want?* To notice, it would need one more `if` for the title, for the unit, the image, the port; one for a
# container that has stopped; one for a part that is no longer wanted. Each change of the pipeline means more of them.
#
# All these `if`s have one shape: *look* at what is, *compare* it with what should be, *act* on the difference. So write
# that once, and keep what should be as data.
#
# ## 3. By definition: say what
#
# In YAML, `key: value` makes a dictionary, indentation puts one into another, `[a, b]` is a list. `%%writefile` writes the
# cell into a file. Start with a new machine again. (The network stays a step of its own, to keep our program short.)

# %% [markdown] tags=["teaching"] minutes=6
# - **Show**: change `pipeline.yaml` in JupyterLab's editor, then only `plan(definition())`. Let the room predict each
#   `+`, `-`, `~`.
# - **Ask**: where in `apply` does it say that a title may change? (Nowhere.)

# %% setup="ex-01-1 ex-01-2 ex-01-3"
clear()
docker_client.networks.create("pipeline", check_duplicate=True, labels=lab.labels)
folder = lab.folder
path = folder / "pipeline.yaml"

# %% covers="T2.definition T2.declarative"
# %%writefile {folder}/pipeline.yaml
store:
  image: weather:1
  command: [store]
front:
  image: weather:1
  command: [front, --title=Weather]
  ports: {8080/tcp: 8010}

# %% [markdown] covers="T2.declarative"
# No verb in it: no *create*, no *if*. It does not say *how*, it says *what* there should be. That is **declarative**.
#
# A program must now make it so. First the two sides: what should be, read from the file, and what is, as Docker tells.
# Both give dictionaries of the same shape, so they can be compared.

# %%
import yaml


def definition():
    """What should be."""
    parts = yaml.safe_load(path.read_text())
    return {name: {"ports": {}, "running": True} | part for name, part in parts.items()}


definition()

# %%
def look():
    """What is."""
    world = {}
    for container in docker_client.containers.list(all=True, filters=OURS, ignore_removed=True):
        told, published = container.attrs["Config"], container.attrs["HostConfig"]["PortBindings"] or {}
        world[container.name] = {
            "image": told["Image"],
            "command": told["Cmd"],
            "ports": {inside: int(outside[0]["HostPort"]) for inside, outside in published.items()},
            "running": container.status == "running",
        }
    return world


look()

# %% [markdown] covers="T2.definition"
# Then compare. `plan` changes nothing, it only tells what is to be done: `+` make, `-` remove, `~` replace, because it
# differs. Every tool of this trade has such a plan; look at it before you act.

# %%
def plan(wanted):
    """What to do, so that what is becomes what should be."""
    world, steps = look(), []
    for name in sorted(world.keys() | wanted.keys()):
        if name not in world:
            steps.append(("+", name))
        elif name not in wanted:
            steps.append(("-", name))
        elif world[name] != wanted[name]:
            steps.append(("~", name))
    return steps


plan(definition())

# %% [markdown]
# Nothing is there, so both are to be made. Last, act:

# %% covers="T2.definition"
def apply(wanted, tell=print):
    """Make it so."""
    for sign, name in plan(wanted):
        tell(f"{sign} {name}")
        if sign in "-~":
            docker_client.containers.get(name).remove(force=True)
        if sign in "+~":
            part = wanted[name]
            docker_client.containers.run(part["image"], part["command"], name=name, ports=part["ports"], **HERE)


apply(definition())
print(wait_for_http(lab.url(8010)))

# %% [markdown] covers="T2.idempotence"
# Again, and once more. Nothing is printed, because nothing is to be done: idempotent, without one `if` about fronts.

# %% covers="T2.idempotence"
apply(definition())
apply(definition())
plan(definition())

# %% [markdown]
# Now **change** the definition: another title, and a *producer*, which sends readings. You do not say what follows from
# that. The plan does:

# %% covers="T2.definition"
# %%writefile {folder}/pipeline.yaml
store:
  image: weather:1
  command: [store]
front:
  image: weather:1
  command: [front, --title=Lake weather]
  ports: {8080/tcp: 8010}
producer:
  image: weather:1
  command: [producer, --station=lake]

# %%
before = docker_client.containers.get("store").id
apply(definition())
page = "Lake weather: 0 readings"
wait_for(lambda: page not in wait_for_http(lab.url(8010), expect="Lake"), TIMEOUT, what="the first reading")
print(wait_for_http(lab.url(8010), expect="Lake"))
print("The store is the same container:", docker_client.containers.get("store").id == before)

# %% [markdown] covers="T2.definition"
# Only what differs was touched, and the page counts what the producer sends. **Remove** a part by deleting its lines
# (here: all from `producer:` on), and **tear down** everything by declaring nothing:

# %% covers="T2.definition"
path.write_text(path.read_text().partition("producer:")[0])
apply(definition())
print("--- nothing is wanted:")
apply({})

# %% [markdown] covers="T2.definition"
# Set up, change, tear down: one file, one program, no manual. And the whole is back as quickly. (All but the readings:
# they were in the store's container and went with it. A definition brings back programs, not data: see lesson 06.)

# %%
apply(definition())
print(wait_for_http(lab.url(8010)))

# %% [markdown] covers="T2.drift T2.reconciliation"
# ## 4. Drift, and the loop that repairs it
#
# A definition says how things should be. The world does not read it. Programs crash, disks fill, colleagues help. When
# what is departs from what should be, that is **drift**.
#
# Three kinds at once: a part is removed, another one stops, and somebody tries something out and forgets it. (The first
# line puts everything in order, so that you may run the cell again.)

# %% [markdown] tags=["teaching"] minutes=5
# - **Ask** before the third drift, the change inside the container: will the plan show it? Vote. It is empty, and
#   this is the moment of the section.
# - **Show** the loop last: remove a container in a terminal while it runs.

# %% covers="T2.drift"
apply(definition())
docker_client.containers.get("store").remove(force=True)
docker_client.containers.get("front").stop()
docker_client.containers.run("weather:1", "producer", name="test", **HERE)
plan(definition())

# %% [markdown]
# The plan shows drift, and `apply` repairs it. It is the same program: whether *you* changed the file or *the world*
# changed behind it, the difference is all that counts.

# %% covers="T2.drift"
apply(definition())
print(wait_for_http(lab.url(8010)))

# %% [markdown] covers="T2.drift"
# And the evening change of section 1, made inside a running container?

# %% covers="T2.drift"
docker_client.containers.get("front").exec_run(change, user="root")
print(wait_for_http(lab.url(8010)))
print("plan:", plan(definition()))

# %% [markdown] covers="T2.drift"
# Fahrenheit, and an empty plan. **A program sees only the drift it looks for**, and `look` does not read files inside
# containers. No tool looks at everything.
#
# So there is a rule of the trade: never change what runs, *replace* it. What was replaced has no past.

# %%
docker_client.containers.get("front").remove(force=True)
apply(definition())
print(wait_for_http(lab.url(8010)))

# %% [markdown] covers="T2.reconciliation"
# ### Forever
#
# So far, somebody must run `apply`. Let a program do it, all the time: *look, compare, act*, and again. This is called
# **reconciliation**, and the program a *control loop* or *controller*.
#
# <img alt="A circle. What should be, the definition, and what is, the world, both go into compare. From compare an
# arrow, act, leads to the world. It goes round forever." width="560"
# src="data:image/svg+xml,<svg xmlns='http://www.w3.org/2000/svg' viewBox='0 0 560 190'
#  font-family='sans-serif' font-size='14' text-anchor='middle'>
#  <rect width='560' height='190' rx='8' fill='white'/>
#  <defs><marker id='tip' viewBox='0 0 10 10' refX='9' refY='5' markerWidth='7' markerHeight='7' orient='auto'>
#  <path d='M0 0 L10 5 L0 10 z' fill='dimgray'/></marker></defs>
#  <g fill='none' stroke='dimgray' stroke-width='1.5' marker-end='url(%23tip)'>
#  <path d='M160 95 H218'/><path d='M390 125 C 350 175 330 150 308 122'/><path d='M308 68 C 330 40 350 15 390 62'/></g>
#  <rect x='10' y='65' width='150' height='60' rx='8' fill='aliceblue' stroke='steelblue'/>
#  <rect x='220' y='67' width='110' height='56' rx='28' fill='white' stroke='black'/>
#  <rect x='390' y='55' width='160' height='80' rx='8' fill='honeydew' stroke='seagreen'/>
#  <text x='85' y='91' font-weight='bold'>what should be</text><text x='85' y='111'>definition</text>
#  <text x='275' y='100'>compare</text>
#  <text x='470' y='91' font-weight='bold'>what is</text><text x='470' y='111'>the world</text>
#  <text x='345' y='26'>act</text><text x='345' y='176'>look</text></svg>">
#
# A controller may fail (perhaps Docker is still busy removing). It does not mind: the next round comes.

# %% covers="T2.reconciliation"
from contextlib import suppress
from threading import Event, Thread


def reconcile(over, log):
    while not over.wait(0.5):  # twice a second, until it is over
        with suppress(APIError):
            apply(definition(), log.append)


# %% [markdown]
# Start it in the background, remove both containers by hand, and wait until the plan is empty. *You* do not call `apply`:

# %% covers="T2.reconciliation"
over, log = Event(), []
loop = Thread(target=reconcile, args=(over, log))
loop.start()
try:
    for name in ("front", "store"):
        docker_client.containers.get(name).remove(force=True)
    wait_for(lambda: not plan(definition()), TIMEOUT, what="the loop to repair it")
finally:
    over.set()
    loop.join()
print(*log, sep="\n")
print(wait_for_http(lab.url(8010)))

# %% [markdown]
# **What happened.** The loop noticed, and made both again. Nobody told it what had happened: it does not repair *events*,
# it compares *states*. That is why it also repairs what happened while it was not running.
#
# Clear the table; the rest of the lesson is on Kubernetes. A cluster keeps images of its own, on each of its machines
# (*nodes*; ours is `node1`), so first copy ours there.

# %% setup="ex-01-1 ex-01-2 ex-01-3"
loaded = lab.load_image("weather:1")

# %%
apply({})
clear()

# %% [markdown] covers="T2.reconciliation T2.same"
# ## 5. The same, as a product
#
# Forty lines make a toy: one machine, one kind of thing, and it ends with this notebook. **Kubernetes** is this loop,
# grown up: a *record* of what should be, a server in front of it (the API server), and dozens of loops, each with its own
# kind of object. Two kinds are enough today:
#
# | kind | says what should be |
# |---|---|
# | **ConfigMap** | settings, under names |
# | **Deployment** | so many copies of this container, always |
#
# A copy runs in a **pod**: think "container" until lesson 03.
#
# There are scripts for Kubernetes, too. `kubectl`, its command, has a verb for each step. (A line that starts with `!`
# runs in a shell. The first one clears the table.)

# %% [markdown] tags=["teaching"] minutes=6
# - **Ask** at `created`, then `unchanged`: where have we seen this? (Two calls of our own `apply`.)
# - **Say**: "pod" means "container" until lesson 03. Do not explain it now.

# %% covers="T2.same T2.declarative"
# !kubectl delete deployment/front configmap/settings --ignore-not-found
# !kubectl create configmap settings --from-literal=TITLE=Weather
# !kubectl create deployment front --image=weather:1 --replicas=2
# !kubectl set env deployment/front --from=configmap/settings

# %% [markdown]
# The last line says: take the setting `TITLE` from the ConfigMap. Keep what the server stored (`x = !command` keeps what
# a command prints), then run the script a second time:

# %% covers="T2.idempotence"
# by_kubectl = !kubectl get deployment front -o yaml
# !kubectl create configmap settings --from-literal=TITLE=Weather
# !kubectl create deployment front --image=weather:1 --replicas=2

# %% [markdown]
# *Already exists*: *create* is an order, as in section 2. The same script in Python. Take the objects away first:

# %% covers="T2.same"
# !kubectl delete deployment/front configmap/settings --ignore-not-found
settings = {"metadata": {"name": "settings"}, "data": {"TITLE": "Weather"}}
core.create_namespaced_config_map(lab.namespace, settings)

title = {"name": "TITLE", "valueFrom": {"configMapKeyRef": {"name": "settings", "key": "TITLE"}}}
container = {"name": "weather", "image": "weather:1", "env": [title]}
template = {"metadata": {"labels": {"app": "front"}}, "spec": {"containers": [container]}}
spec = {"replicas": 2, "selector": {"matchLabels": {"app": "front"}}, "template": template}
front = {"metadata": {"name": "front", "labels": {"app": "front"}}, "spec": spec}
by_python = apps.create_namespaced_deployment(lab.namespace, front)

# %% [markdown] covers="T2.declarative T2.same"
# And now by definition. Two files in one folder. `apiVersion` and `kind` say what it is, `metadata` how it is called, the
# rest what should be.
#
# The Deployment makes pods from its `template`. `labels` are keys with values, stuck on objects; by its `selector` the
# Deployment knows its pods again, so both must agree. (The selector is fixed once the Deployment exists: to change it,
# delete the Deployment and apply again.)

# %% setup="ex-01-1"
cluster = folder / "cluster"
cluster.mkdir(exist_ok=True)

# %% covers="T2.same" setup="ex-01-1"
# %%writefile {folder}/cluster/settings.yaml
apiVersion: v1
kind: ConfigMap
metadata:
  name: settings
data:
  TITLE: Weather

# %% covers="T2.same" setup="ex-01-1"
# %%writefile {folder}/cluster/front.yaml
apiVersion: apps/v1
kind: Deployment
metadata: {name: front, labels: {app: front}}
spec:
  replicas: 2
  selector: {matchLabels: {app: front}}
  template:
    metadata: {labels: {app: front}}
    spec:
      containers:
      - name: weather
        image: weather:1
        env:
        - {name: TITLE, valueFrom: {configMapKeyRef: {name: settings, key: TITLE}}}

# %% [markdown]
# (`- ` begins an item of a list. `{...}` on one line says the same as indented lines.)
#
# `kubectl apply` sends it: *make it so*. `kubectl delete` with the same folder tears it down; here, what the script has left.

# %% covers="T2.same T2.idempotence"
# !kubectl delete -f {cluster} --ignore-not-found
# !kubectl apply -f {cluster}
print("--- a second time:")
# !kubectl apply -f {cluster}

# %% [markdown] covers="T2.same"
# `created`, then `unchanged`: idempotent. One command for the first time and for every later time.
#
# Is it the same Deployment? `lab.same` compares all that was asked for, field by field, and fails when one differs:

# %% covers="T2.same"
# by_yaml = !kubectl get deployment front -o yaml
lab.same(by_python, by_kubectl, by_yaml)

# %%
wait_for_rollout(apps, "front", lab.namespace, TIMEOUT)
# !kubectl get -f {cluster}
# !kubectl exec deployment/front -- env | grep TITLE

# %% [markdown] covers="T2.declarative T2.same"
# **What happened.** Two scripts and a definition gave the same object. The difference lies in what is left on *your* side:
# after a script, a list of orders that once worked; after `apply`, a file that says what should be now.
#
# (`kubectl get -f FOLDER` shows what became of it. The setting has arrived: `env` in the pod says so.)

# %% [markdown] tags=["exercise"] exercise="ex-01-1" covers="T2.definition T2.idempotence"
# ### Exercise 1: declare the store
#
# *Goal*: a file `store.yaml` in `folder` (where a terminal's `labs shell 01` begins) declares two objects (a line `---`
# between them), and the cluster has them:
#
# - a ConfigMap `store-settings` with `DATA` set to `/tmp`;
# - a Deployment `store` that keeps **1** pod of `weather:1` running, with `args: [store]` (the image holds several
#   programs). Its pods take `DATA` from the ConfigMap, and carry **two** labels, `app: store` and `tier: data`.
#
# *Constraint*: declared, not ordered: whatever is in the cluster came there by `kubectl apply`.
#
# *Done when* the pod runs, and one more `kubectl apply` of the file would change nothing.

# %% [markdown] tags=["teaching"] minutes=9 exercise="ex-01-1"
# - **Ask** after eight minutes: who has read the whole error? The path in it is the answer.
# - **Mistakes**
#   - written, never sent: *a Deployment store in the namespace lab-01*;
#   - made by `kubectl create`: *made by an order (kubectl-create)*;
#   - `env` beside `containers`: *unknown field "spec.template.spec.env"*;
#   - the second label on the Deployment: *not those of the Deployment*;
#   - no `---`: *only Deployment store*;
#   - the value typed again in place of the reference: *written into the Deployment store*.

# %% [markdown] tags=["hint"] exercise="ex-01-1"
# `front.yaml` and `settings.yaml` above are nearly it. A line `---` separates two objects in one file. A cell that begins
# with `%%writefile {folder}/store.yaml` writes the file.

# %% [markdown] tags=["hint"] exercise="ex-01-1"
# `args` stands beside `image`, with the same indentation. The pods' labels are those in `template.metadata.labels`; the
# selector must match them (one of the two is enough). Then `!kubectl apply -f {folder}/store.yaml`, and once more.

# %% [markdown] tags=["hint"] exercise="ex-01-1"
# Copy `front.yaml`. Change the name, `replicas: 1`, `selector: {matchLabels: {app: store}}`, `metadata: {labels: {app:
# store, tier: data}}` in the template, `args: [store]`, and in `env` the name and the key `DATA` and `name:
# store-settings`. Before it, the ConfigMap and a line `---`.

# %% tags=["answer"] exercise="ex-01-1"
### BEGIN SOLUTION
store_yaml = """\
apiVersion: v1
kind: ConfigMap
metadata: {name: store-settings}
data: {DATA: /tmp}
---
""" + (cluster / "front.yaml").read_text().replace("front", "store").replace("TITLE", "DATA").replace(
    "name: settings", "name: store-settings"
).replace("replicas: 2", "replicas: 1").replace(
    "    metadata: {labels: {app: store}}", "    metadata: {labels: {app: store, tier: data}}"
).replace("image: weather:1\n", "image: weather:1\n        args: [store]\n")
(folder / "store.yaml").write_text(store_yaml)
# !kubectl apply -f {folder}/store.yaml
### END SOLUTION

# %% tags=["check"]
lab.check("ex-01-1")

# %% [markdown] covers="T2.drift T2.reconciliation"
# ## 6. Drift in a cluster
#
# The plan is called `kubectl diff`. Change the file first, one copy more, and ask. Lines with `-` are what is, lines with
# `+` what would be. (`generation` is the server's own count of changes. `kubectl diff` calls the program `diff`; the `%env`
# line tells it to leave out the unchanged lines around each difference.)

# %% [markdown] tags=["teaching"] minutes=8
# - **Ask** before `kubectl scale`: who repairs this? Most say "the cluster". Then draw two columns, *file and
#   record*, *record and world*, and leave them up.
# - **Show**: `kubectl get pods --watch` in a terminal while the pod is deleted.

# %% covers="T2.drift"
front_yaml = cluster / "front.yaml"
front_yaml.write_text(front_yaml.read_text().replace("replicas: 2", "replicas: 3"))
# %env KUBECTL_EXTERNAL_DIFF=diff --unified=0
# !kubectl diff -f {cluster}

# %%
# !kubectl apply -f {cluster}
wait_for_rollout(apps, "front", lab.namespace, TIMEOUT)
# !kubectl get deployment front

# %% [markdown]
# A picture of record and world, which changes while later cells run. Each box under *Pods* is one copy; one that is
# *ending* was told to stop, and is gone within half a minute. (What stands between Deployment and pods: lesson 04.)

# %%
views.cluster(lab)

# %% [markdown]
# *First drift*: a pod disappears, as when its machine dies. Watch the boxes of `front`; nobody applies anything.

# %% covers="T2.drift T2.reconciliation"
before = {pod.metadata.name for pod in wait_for_pods(core, lab.namespace, "app=front", 3, TIMEOUT)}
victim = min(before)
core.delete_namespaced_pod(victim, lab.namespace, grace_period_seconds=1)
after = {pod.metadata.name for pod in wait_for_pods(core, lab.namespace, "app=front", 3, TIMEOUT)}
print("removed:  ", victim)
print("made again:", *(after - before))

# %% [markdown]
# The cluster repaired it by itself. *Second drift*: a colleague changes the number of copies in the Deployment, and the
# title in the ConfigMap. Guess: what does the cluster do about it? Will the boxes come back?

# %% covers="T2.drift"
# !kubectl scale deployment front --replicas=1
changed = core.patch_namespaced_config_map("settings", lab.namespace, {"data": {"TITLE": "Sun, always"}})
wait_for_rollout(apps, "front", lab.namespace, TIMEOUT)
# !kubectl get deployment front
# !kubectl get configmap settings -o jsonpath='{.data}'

# %% [markdown] covers="T2.drift T2.declarative"
# It obeyed: one copy, and another title in the record. (The pod that runs read its title when it started: lesson 05.)
#
# **Misconception**: "declarative means that the cluster reads my file." It has never seen your file.
# `apply` *copied* it into the record; the colleague changed the record; the loops follow the record.
#
# So there are two differences, and two loops:
#
# | difference | who repairs it |
# |---|---|
# | record and world | the cluster's loops, at once, forever |
# | your file and record | the one who runs `kubectl apply` |
#
# The second shows in the plan, and is repaired by one more `apply`:

# %% covers="T2.drift"
# !kubectl diff -f {cluster}
# !kubectl apply -f {cluster}
wait_for_rollout(apps, "front", lab.namespace, TIMEOUT)
# !kubectl get deployment front

# %% [markdown] covers="T2.reconciliation"
# (Programs such as Argo CD and Flux run the second loop, too: they apply a folder of version control again and again.
# That is called *GitOps*.)
#
# ### What `apply` leaves alone
#
# *Third drift*: somebody **adds** something. A setting that your file does not mention, and an object that no file does:

# %% covers="T2.drift"
changed = core.patch_namespaced_config_map("settings", lab.namespace, {"data": {"DEBUG": "1"}})
# !kubectl delete configmap trial --ignore-not-found
# !kubectl create configmap trial --from-literal=TITLE=Trial
print("--- diff:")
# !kubectl diff -f {cluster}
print("--- apply:")
# !kubectl apply -f {cluster}
# !kubectl get configmap settings trial

# %% [markdown] covers="T2.drift"
# `diff` is empty, and both are still there: your file says nothing about them, and others may own what you do not mention.
#
# The same holds for what you *delete* from a folder: `apply` does not remove it from the cluster, as our own little
# program did. Remove it with `kubectl delete`. To find such leftovers, give all that belongs together one label, and list
# by it: `kubectl get deployments,configmaps -l LABEL=VALUE`.
#
# (A key deleted from a file *is* removed: `apply` keeps what it sent last in the annotation `last-applied-configuration`
# of the object, so it can tell "no longer" from "never".)

# %% [markdown] covers="T2.declarative"
# ### `create`, `apply`, `replace`
#
# Three verbs that take a file. Two of them are orders:

# %% covers="T2.declarative T2.idempotence"
# !kubectl create -f {cluster}/settings.yaml
# !kubectl apply -f {cluster}/settings.yaml
# !kubectl replace -f {cluster}/settings.yaml --save-config
# !kubectl get configmap settings -o yaml | grep -A 2 ^data

# %% [markdown] covers="T2.declarative"
# | verb | object is there | object is not there |
# |---|---|---|
# | `create -f` | error `AlreadyExists` | makes it |
# | `replace -f` | puts yours in its place (`DEBUG` is gone) | error `NotFound` |
# | `apply -f` | changes what your file says | makes it |
#
# Only `apply` does not need to know beforehand. (`--save-config` keeps the annotation that the next `apply` wants.)
#
# The exercise needs three measuring stations. One template, three copies; `part-of: stations` is on all of them.

# %% setup="ex-01-2"
# %%writefile {folder}/station.yaml
apiVersion: v1
kind: ConfigMap
metadata: {name: NAME, labels: {part-of: stations}}
data: {UNIT: celsius}
---
apiVersion: apps/v1
kind: Deployment
metadata: {name: NAME, labels: {part-of: stations}}
spec:
  selector: {matchLabels: {station: NAME}}
  replicas: 1
  template:
    metadata: {labels: {station: NAME}}
    spec: {containers: [{name: weather, image: "weather:1", args: [producer, --station=NAME]}]}

# %% setup="ex-01-2"
# !kubectl delete deployment,configmap west --ignore-not-found
template = (folder / "station.yaml").read_text()
stations = ["north", "south", "east"]
(folder / "stations.yaml").write_text("---\n".join(template.replace("NAME", name) for name in stations))
# !kubectl apply -f {folder}/stations.yaml
# !kubectl rollout status deployment -l part-of=stations

# %% [markdown]
# The next cell is a night in which three people were helpful. It draws by lot who did what, so that reading it does not
# tell you. (It also notes who was there, for the check. Run the cell above and this one again to have the morning once more.
# Should `apply` then warn of a missing annotation, that is harmless: after `replace --force`, it adds it.)

# %% setup="ex-01-2"
import json
import random

# evening = !kubectl apply -f {folder}/stations.yaml
one, two, three = random.sample(stations, 3)
apps.patch_namespaced_deployment_scale(one, lab.namespace, {"spec": {"replicas": 0}})
core.patch_namespaced_config_map(two, lab.namespace, {"data": {"UNIT": "fahrenheit"}})
core.delete_namespaced_config_map(three, lab.namespace)
maps, deployments = core.list_namespaced_config_map(lab.namespace), apps.list_namespaced_deployment(lab.namespace)
were = {f"ConfigMap {item.metadata.name}": item.metadata.uid for item in maps.items}
were |= {f"Deployment {item.metadata.name}": item.metadata.uid for item in deployments.items}
(folder / "before.json").write_text(json.dumps(were))
(folder / "west.yaml").write_text(template.replace("NAME", "west"))
# !kubectl apply -f {folder}/west.yaml

# %% [markdown] tags=["exercise"] exercise="ex-01-2" covers="T2.drift"
# ### Exercise 2: the morning after
#
# *Goal*: of all that is labelled `part-of: stations`, the cluster has what `stations.yaml` in `folder` declares: no more,
# no less, no other. What the file does not declare is gone.
#
# *Constraint*: the file is right, leave it as it is. Objects that are there and declared stay **the same objects**: change
# them, do not delete them and make them again.
#
# *Done when* `kubectl diff` is empty, every station of the file runs one pod, and no other is left.
#
# First find out what has drifted; then act. (`!cat {folder}/stations.yaml` shows the file.)

# %% [markdown] tags=["teaching"] minutes=6 exercise="ex-01-2"
# - The night is drawn by lot: neighbours have different faults. Let them compare their diffs.
# - **Mistakes**
#   - only applied; the stray objects are still there: *also Deployment west, ConfigMap west*;
#   - the label taken off, so that the list looks right: *Without its label*;
#   - all deleted and made again: *another one of that name*;
#   - the file bent to the cluster: *bring the cluster to the file*.

# %% [markdown] tags=["hint"] exercise="ex-01-2"
# Look before you act: `!kubectl diff -f {folder}/stations.yaml`. And what can `diff` not show?

# %% [markdown] tags=["hint"] exercise="ex-01-2"
# One command repairs all that the file declares. What the file does not declare must be found by the label:
# `!kubectl get deployments,configmaps -l part-of=stations`.

# %% [markdown] tags=["hint"] exercise="ex-01-2"
# `!kubectl apply -f {folder}/stations.yaml`, then `!kubectl delete deployment,configmap west`.

# %% tags=["answer"] exercise="ex-01-2"
### BEGIN SOLUTION
# !kubectl diff -f {folder}/stations.yaml
# !kubectl get deployments,configmaps -l part-of=stations
# !kubectl apply -f {folder}/stations.yaml
# !kubectl delete deployment,configmap west
### END SOLUTION

# %% tags=["check"]
lab.check("ex-01-2")

# %% [markdown] covers="T2.notations"
# ## 7. Notations
#
# A definition is data, so any notation for data will do. Here is the same in three of them:

# %% [markdown] tags=["teaching"] minutes=2
# - **Ask**: why is there an `int` in the XML cell and in no other?

# %% covers="T2.notations"
in_yaml = """
name: front      # YAML has comments
replicas: 2
args: [front, --title=Weather]
"""
in_json = '{"name": "front", "replicas": 2, "args": ["front", "--title=Weather"]}'
in_xml = '<part name="front" replicas="2"><arg>front</arg><arg>--title=Weather</arg></part>'

# %% covers="T2.notations"
from xml.etree import ElementTree

from_yaml, from_json = yaml.safe_load(in_yaml), json.loads(in_json)
part = ElementTree.fromstring(in_xml)
from_xml = {"name": part.get("name"), "replicas": int(part.get("replicas")), "args": [arg.text for arg in part]}
print(from_yaml)
print("same data:", from_yaml == from_json == from_xml)

# %% [markdown] covers="T2.notations"
# | | good | bad | used by |
# |---|---|---|---|
# | **JSON** | every program reads it | no comments | AWS CloudFormation, most web APIs |
# | **YAML** | people read it, comments | section 8 | Kubernetes, Compose, Ansible |
# | **XML** | can be checked against a schema | long; text only: note the `int` above | libvirt (virtual machines) |
# | **a language of its own** (DSL) | fits its subject, can have variables and loops | one more to learn | Terraform, Dockerfile |
#
# JSON is also YAML, with few exceptions. So hand Kubernetes the front in JSON; `unchanged` proves that it is the same:

# %% covers="T2.notations"
print(yaml.safe_load(in_json) == json.loads(in_json))
(folder / "front.json").write_text(json.dumps(yaml.safe_load(front_yaml.read_text())))
# !kubectl apply -f {folder}/front.json

# %% [markdown] covers="T2.notations"
# You have used a language of its own already: the image was built from this **Dockerfile**. It reads like a script, yet
# Docker does not repeat a step whose inputs are unchanged.

# %% covers="T2.notations"
print((lab.project / "Dockerfile").read_text())

# %% [markdown] covers="T2.notations"
# **Terraform** declares machines, networks and databases of many clouds, in a language called HCL. It is shown here only,
# not run: this course has no cloud.
#
# ```text
# variable "title" { default = "Weather" }
#
# resource "docker_container" "front" {
#   name    = "front"
#   image   = "weather:1"
#   command = ["front", "--title=${var.title}"]
# }
# ```
#
# `terraform plan`, `terraform apply` and `terraform destroy` do what our `plan`, `apply` and `apply({})` did. It notes what
# it made in a *state file*, so it knows what to remove; we asked Docker for our label instead.

# %% [markdown] covers="T2.notations"
# ## 8. Where YAML surprises
#
# YAML is pleasant to read, and guesses types. You will write it all your Kubernetes life, so meet its traps today.
#
# **Indentation is meaning.** Two blanks more or less, and a line belongs to something else:

# %% [markdown] tags=["teaching"] minutes=5
# - **Ask** before the cell with six values: which are text? Hands up for each line; nobody gets all six.
# - **Show**: the tab, with your editor's blanks made visible.

# %% covers="T2.notations"
print(yaml.safe_load("container:\n  image: weather:1\n  env: [TITLE]"))
print(yaml.safe_load("container:\n  image: weather:1\nenv: [TITLE]"))

# %% [markdown]
# Both are valid YAML. Only one who knows what a container is can object: here, the API server.

# %%
wrong = folder / "wrong.yaml"
wrong.write_text(front_yaml.read_text().replace("        env:", "      env:").replace("        - {", "      - {"))
# !kubectl create --dry-run=server -f {wrong}

# %% [markdown]
# `unknown field "spec.template.spec.env"` tells the place, by its path: `env` was found in the pod's `spec`, and belongs
# to the container. (`--dry-run=server` asks what the server would do, and stores nothing.)
#
# **Text or not?** Which of these values are text?

# %% covers="T2.notations"
values = """
country: no
version: 1.10
weekend: 010
time: 12:30
release: 1.25.3
quoted: "no"
"""
for key, value in yaml.safe_load(values).items():
    print(f"{key:10}{value!r:10}{type(value).__name__}")

# %% [markdown] covers="T2.notations"
# Norway is `False`, version 1.10 became 1.1, 010 is octal, and half past twelve is 750 (minutes, base 60). Only the last two
# are text.
#
# A ConfigMap's values must be text. What do `kubectl` and the server make of the same? Three ConfigMaps, not stored:

# %% language="bash"
# kubectl create --dry-run=server -f - <<END
# {apiVersion: v1, kind: ConfigMap, metadata: {name: first}, data: {country: no}}
# ---
# {apiVersion: v1, kind: ConfigMap, metadata: {name: second}, data: {version: 1.10}}
# ---
# {apiVersion: v1, kind: ConfigMap, metadata: {name: third}, data: {time: 12:30}}
# END
# true

# %% [markdown]
# Two are refused: `cannot unmarshal bool` (or `number`) `into ... of type string`. That is how this mistake looks; read it
# as "quote the value". The third went through: for `kubectl`, 12:30 is text. **Two programs read the same YAML
# differently.** Quoting ends the argument.
#
# A refusal is the lucky case. Where a number is expected, a wrong one is taken (`sed` changes the line on its way):

# %% covers="T2.notations"
# !sed 's/replicas: .*/replicas: 010/' {front_yaml} | kubectl apply --dry-run=server -o yaml -f - | grep -m 1 '  replicas:'

# %% [markdown]
# Eight. Two more: a key that stands **twice** (the last one wins, silently, in both programs), and a **tab**, which is
# forbidden in indentation:

# %%
print(yaml.safe_load("replicas: 3\nimage: weather:1\nreplicas: 1"))
try:
    yaml.safe_load("spec:\n\treplicas: 3")
except yaml.YAMLError as error:
    print(error)

# %% [markdown]
# Rules that keep you out of trouble:
#
# - blanks only, two for each level; have your editor show them;
# - quote every text that could be a number, a date or a yes: `"1.10"`, `"on"`, `"no"`;
# - ask before you act: `kubectl apply --dry-run=server -f FILE`;
# - read an error's *line* (YAML) or *path* (`spec.template...`, Kubernetes), repair that, ask again.
#
# For the last exercise, a colleague has typed the *worker*'s definition on a phone:

# %% setup="ex-01-3"
broken = folder / "worker"
broken.mkdir(exist_ok=True)
# !kubectl delete deployment/worker configmap/worker-settings --ignore-not-found

# %% setup="ex-01-3"
# %%writefile {folder}/worker/settings.yaml
apiVersion: v1
kind: ConfigMap
metadata: {name: worker-settings}
data:
  INTERVAL: 5
  QUIET: on

# %% setup="ex-01-3"
# %%writefile {folder}/worker/worker.yaml
apiVersion: apps/v1
kind: Deployment
metadata: {name: worker}
spec:
  replicas: "2"
  selector: {matchLabels: {app: worker}}
  template:
    metadata: {labels: {app: workers}}
    spec:
      containers:
      - name: weather
        image: weather:1
	args: [worker]
      envFrom: [{configMapRef: {name: worker-settings}}]

# %% [markdown] tags=["exercise"] exercise="ex-01-3" covers="T2.notations"
# ### Exercise 3: repair the worker's definition
#
# *Goal*: `kubectl apply -f` of the folder `worker` (in `folder`) makes a Deployment `worker` with two running pods. They
# have two settings in their environment, from the ConfigMap: `INTERVAL`, the text `5`, and `QUIET`, the text `on`.
# (`envFrom`: every key of the ConfigMap becomes a setting of a **container**.)
#
# *Constraint*: repair what is wrong, keep what was meant: names, the label `app: worker`, values.
#
# *Done when* both pods run, with both settings.
#
# There are six faults; `kubectl apply` shows one or two at a time. The quickest way: copy the two cells above below, repair
# them, run them, apply.

# %% [markdown] tags=["teaching"] minutes=9 exercise="ex-01-3"
# - **Say** at the start: six faults, one or two shown at a time. Repair one, send, read. Do not stare at the file.
# - **Mistakes**
#   - unquoted numbers: *cannot unmarshal number into*; the other way round: *cannot unmarshal string into*;
#   - the selector bent to the mistyped label: *app=workers*;
#   - `"on"` written as `"true"`: *QUIET: 'on'*;
#   - the line that makes trouble thrown out: *no INTERVAL*;
#   - repaired, not sent: *have they been*.

# %% [markdown] tags=["hint"] exercise="ex-01-3"
# `!kubectl apply -f {folder}/worker`. Read the error: a line, a path or a type. Repair that one, run it again. A tab looks
# like blanks: delete the blank space before `args` and type it again.

# %% [markdown] tags=["hint"] exercise="ex-01-3"
# `cannot unmarshal number into ... of type string`: quotes are missing. `string into ... of type int32`: quotes too many.
# `unknown field`: wrong indentation. `selector does not match template labels`: compare the two, letter by letter.

# %% [markdown] tags=["hint"] exercise="ex-01-3"
# `INTERVAL: "5"`, `QUIET: "on"`, `replicas: 2`, `labels: {app: worker}`; `args` and `envFrom` with eight blanks, under
# `image`.

# %% tags=["answer"] exercise="ex-01-3"
### BEGIN SOLUTION
text = (broken / "settings.yaml").read_text()
(broken / "settings.yaml").write_text(text.replace(": 5", ': "5"').replace(": on", ': "on"'))
text = (broken / "worker.yaml").read_text().replace('"2"', "2").replace("workers", "worker")
text = text.replace("\targs", "        args").replace("      envFrom", "        envFrom")
(broken / "worker.yaml").write_text(text)
# !kubectl apply -f {broken}
# !kubectl rollout status deployment worker
### END SOLUTION

# %% tags=["check"]
lab.check("ex-01-3")

# %% [markdown] covers="T2.review"
# ## 9. Review, take back, repeat
#
# A definition is a text file, so all that programmers have for text files works for infrastructure. **Version control**
# first: who changed what, when, and why. (If the command `git` is missing on your machine, the lines below say so, and the
# lesson goes on.)

# %% [markdown] tags=["teaching"] minutes=4
# - **Show**: the one-line diff, and ask the room to approve or reject it. Apply what they approve.

# %% covers="T2.review"
import shutil

shutil.rmtree(cluster / ".git", ignore_errors=True)
git = f"git -C {cluster} -c user.name=me -c user.email=me@example.org -c commit.gpgsign=false"
# !{git} -c init.defaultBranch=main init --quiet
# !{git} add .
# !{git} commit --quiet --message "The front as it runs today"
# !{git} log --oneline

# %% [markdown]
# Somebody proposes a change. What a colleague **reviews** is not a machine, but one line, as it was and as it would be, *before* anything happens:

# %% covers="T2.review"
front_yaml.write_text(front_yaml.read_text().replace("replicas: 3", "replicas: 1"))
# !{git} diff --unified=1

# %% [markdown]
# It looks harmless, is accepted and applied:

# %%
# !{git} commit --quiet --all --message "One copy is enough"
# !kubectl apply -f {cluster}
# !kubectl get deployment front

# %% [markdown]
# It was not enough. The way back is a way forward: a commit that undoes the last one, and `apply`:

# %% covers="T2.review"
# !{git} revert --no-edit HEAD
# !kubectl apply -f {cluster}
# !{git} log --oneline
wait_for_rollout(apps, "front", lab.namespace, TIMEOUT)
# !kubectl get deployment front

# %% [markdown] covers="T2.review"
# Three lines of history tell what happened and what runs.
#
# **Misconception**: "`git revert` brings everything back." It
# brings back *definitions*. Data that a worker has deleted meanwhile is not in them.
#
# And **repeatability**, the second machine we began with. A second cluster would be `kubectl apply --context=OTHER`. Here a
# second **namespace** must do: a drawer of its own in the same cluster, so that names need not differ. It is an object,
# too, and so it can be declared (with this lesson's labels, so that it is cleaned up):

# %% covers="T2.review"
second = f"{lab.namespace}-second"
labels = core.read_namespace(lab.namespace).metadata.labels
labels.pop("kubernetes.io/metadata.name")  # the server's own
namespace = {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": second, "labels": labels}}
(folder / "second.json").write_text(json.dumps(namespace))
# !kubectl apply -f {folder}/second.json

# %% covers="T2.review"
# !kubectl apply -f {cluster} --namespace={second}
wait_for_rollout(apps, "front", second, TIMEOUT)
# !kubectl get deployment front --namespace={second}

# %% [markdown] covers="T2.review"
# The second machine, from the same two files, in seconds, and exactly like the first.
#
# One thing does not belong in version control: **secrets**. Anyone who can read the repository, or any old copy of it, has
# them. Lesson 05 says where they go.

# %% [markdown]
# ## Recap
#
# 1. **By hand**: the machine is its own only description.
# 2. A **script** says how. Idempotent: run twice, same as once.
# 3. A **definition** says what. Look, compare, act: only differences are touched.
# 4. **Drift** is the difference that the world made; **reconciliation** is to repair it, forever. Replace, do not patch.
# 5. Script and declaration make the **same object**; a declaration leaves a file that says what should be.
# 6. The cluster repairs world against *record*; you repair record against *file*. `apply` leaves alone what it never sent.
# 7. **Notations** differ, the data is the same.
# 8. **YAML** guesses types: quote text, indent with two blanks, ask with `--dry-run=server`.
# 9. Files can be **reviewed, reverted and repeated**.
#
# | to do | `kubectl` |
# |---|---|
# | make it so | `apply -f FILE` or `FOLDER` |
# | what would change | `diff -f FILE` |
# | would the server take it | `apply --dry-run=server -f FILE` |
# | tear down | `delete -f FILE` |
# | order, once | `create -f FILE`, `create deployment NAME --image=I` |
# | put in its place | `replace -f FILE`; `replace --force -f FILE` deletes first |
# | an order as a file | `create deployment NAME --image=I --dry-run=client -o yaml` |

# %% [markdown] tags=["teaching"] minutes=2
# - **Ask** for the two differences and who repairs each. If this stays, the lesson worked.

# %% [markdown]
# **In practice**: keep definitions in version control, and let a program apply them, not a person. In the exam be quick
# instead: order (`create`, `scale`, `set`) where a command suffices, and write the file where none does.
#
# **Next**: the pipeline was "packed with all it needs". Lesson 02 takes such a container apart.
#
# ## Clean up

# %%
lab.cleanup()
