# %% [markdown]
# # Keep data in volumes
#
# The weather store forgets all its readings whenever its container ends. That was bearable on a laptop. Here somebody
# restarts, moves and replaces pods all day, so the store needs a memory that lives longer than they do.
#
# *You will do*: kill the store, and see what it forgets; share files between two containers; look into a node's own files;
# gather settings in one folder; claim storage, throw everything away but the claim, and find the readings again.
#
# *You will learn*
#
# 1. what is lost when: container, pod, claim;
# 2. what an emptyDir survives, and what ends it;
# 3. how containers of one pod share files, and how to limit them;
# 4. what a hostPath shows, and why to avoid it;
# 5. how ConfigMaps and Secrets become files with rights;
# 6. how a pod reads about itself (downwardAPI);
# 7. how to gather all of these in one folder (projected);
# 8. how a claim finds its volume, and what a StorageClass does;
# 9. who may use a volume at the same time, and what that means for updates;
# 10. what becomes of the data when the claim goes.
#
# *You need*: lesson 04, or to know pods and Deployments.
#
# *Time*: about 70 minutes, half an hour of them for the three exercises.

# %% [markdown] tags=["teaching"] minutes=3
# - **Before**: run the cells up to section 1 first; the pod `full` of section 3 needs a minute until it is evicted in
#   section 7.
# - **Cut**: sections 5 to 7 (settings as files) are known in part from lesson 05; of section 10 the volume made by
#   hand. Keep 1, 2, 8 and 9.

# %% tags=["parameters"]
NODE_PORT = 30060  # where the store answers on localhost
TIMEOUT = 120  # seconds to wait for anything

# %%
import docker
from kubernetes import client, config

from labs import open_lab, views
from labs.waiting import wait_for, wait_for_http, wait_for_pods, wait_for_rollout, wait_gone

lab = open_lab("06")
config.load_kube_config()
core, apps, storage = client.CoreV1Api(), client.AppsV1Api(), client.StorageV1Api()

# %% [markdown]
# The store is one of the four programs in the image `weather:1`. Build it and give it to the nodes (about 10 s). A Service
# makes the store answer on localhost, whichever pod is behind it; lesson 07 is about them. (`!` runs a command of the
# terminal; `{NODE_PORT}` is filled in by the notebook.)

# %% setup="ex-06-1 ex-06-2 ex-06-3"
docker.from_env().images.build(path=str(lab.project), tag="weather:1", rm=True, labels=lab.labels)
lab.load_image("weather:1")
# !kubectl create service nodeport store --tcp=8000 --node-port={NODE_PORT} --dry-run=client -o yaml | kubectl apply -f -

# %% [markdown]
# Two helpers speak to it as the producer and the front do: one sends readings, one asks for all that the store has.

# %%
from urllib.request import urlopen


def readings():
    return wait_for_http(f"{lab.url(NODE_PORT)}/readings").split()


def send(*temperatures):
    readings()  # waits until the store answers
    for temperature in temperatures:
        urlopen(f"{lab.url(NODE_PORT)}/readings", data=str(temperature).encode()).close()
    return readings()


# %% [markdown]
# Most fields of a running pod cannot be changed. So a third helper makes the pod again each time: it deletes the one of an
# earlier run and waits until the new one is ready. It takes a dictionary, spelled as in YAML.


# %% setup="ex-06-1"
def start(pod):
    name = pod["metadata"]["name"]
    same = f"metadata.name={name}"
    core.delete_collection_namespaced_pod(lab.namespace, field_selector=same, grace_period_seconds=1)
    wait_gone(lambda: core.read_namespaced_pod(name, lab.namespace), TIMEOUT)
    core.create_namespaced_pod(lab.namespace, pod)
    wait_for_pods(core, lab.namespace, f"app={name}", 1, TIMEOUT)


# %% [markdown] covers="T7.lifetime"
# ## 1. What a container writes ends with it
#
# The store writes its readings to the folder `/data`. An image is read-only, so the runtime puts a thin **writable layer**
# above it, one for each container. There the readings are now.

# %% [markdown] tags=["teaching"] minutes=2
# - **Ask** before `kill 1`: same pod? Same container? Same data? Three votes.

# %% covers="T7.lifetime"
store = {
    "metadata": {"name": "store", "labels": {"app": "store"}},
    "spec": {"containers": [{"name": "store", "image": "weather:1", "args": ["store"]}]},
}
# !kubectl delete deployment store --ignore-not-found --cascade=foreground
start(store)
send(21.5, 22.0)


# %% [markdown]
# Programs crash. Play a crash: `kubectl exec` runs a command inside the container, and `kill 1` there ends process 1, the
# store. Guess first: what will it answer afterwards?


# %%
def state():
    pod = core.read_namespaced_pod("store", lab.namespace)
    status = next(status for status in pod.status.container_statuses if status.name == "store")
    return {"pod": pod.metadata.uid[:8], "container": status.container_id[-8:], "restarts": status.restart_count}


# %% covers="T7.lifetime"
print(before := state())
# !kubectl exec store -- kill 1
wait_for(lambda: state()["restarts"] > before["restarts"], TIMEOUT)
print(state())
readings()

# %% [markdown] covers="T7.lifetime"
# **What happened.** The pod is the same. Its container is not: the kubelet saw a container that had ended, and made
# *another one* from the image, with a new, empty writable layer. "Restart" is a friendly word for "replace". After each
# further crash it first waits, 10 s and then longer.
#
# **Misconception**: *the pod was not deleted, so its files are there*. Files belong to containers, unless you say
# otherwise. You say otherwise with a **volume**.
#
# From Python, `stream` does what `kubectl exec` did. We will need it again:

# %% setup="ex-06-1 ex-06-2 ex-06-3"
from kubernetes.stream import stream


def run_in(pod, container, command):
    words, where = ["sh", "-c", command], (core.connect_get_namespaced_pod_exec, pod, lab.namespace)
    return stream(*where, container=container, command=words, stdout=True, stderr=True).strip()


# %%
print(run_in("store", "store", "id; ls -la /data"))

# %% [markdown] covers="T7.emptydir D1.4"
# ## 2. emptyDir: a folder of the pod's
#
# A volume is a folder that somebody else provides; a container *mounts* it. So it takes two entries:
#
# - `volumes`, in the pod: which folders there are, and of which kind;
# - `volumeMounts`, in a container: which of them it sees, and where.
#
# The simplest kind is `emptyDir`: a new folder, empty at first, which belongs to the **pod**.

# %% [markdown] tags=["teaching"] minutes=3
# - **Ask** the same three questions again, after the crash and after the deletion. Fill in the picture of the life
#   lines as you go.

# %% covers="T7.emptydir D1.4"
store["spec"]["volumes"] = [{"name": "data", "emptyDir": {}}]
store["spec"]["containers"][0]["volumeMounts"] = [{"name": "data", "mountPath": "/data"}]
start(store)
send(21.5, 22.0)

# %% [markdown]
# The same in YAML. `--dry-run=server` asks the API server what it *would* store; in the namespace `default`, because here
# the name is taken. (`%%bash` runs the cell in a shell; `--out` keeps what it prints.)

# %% magic_args="--out by_yaml" language="bash"
# kubectl create -n default --dry-run=server -o yaml -f - <<END
# apiVersion: v1
# kind: Pod
# metadata: {name: store, labels: {app: store}}
# spec:
#   containers:
#   - name: store
#     image: weather:1
#     args: [store]
#     volumeMounts: [{name: data, mountPath: /data}]
#   volumes: [{name: data, emptyDir: {}}]
# END

# %% [markdown]
# `kubectl run` has no option for volumes. In the exam you print its YAML into a file (`--dry-run=client -o yaml`), and add
# the two entries. In one line they are a patch:

# %% magic_args="--out by_kubectl" language="bash"
# kubectl run store --image=weather:1 --labels=app=store -n default --dry-run=server -o yaml \
#   --override-type=strategic --overrides='{"spec": {"volumes": [{"name": "data", "emptyDir": {}}], "containers":
#     [{"name": "store", "volumeMounts": [{"name": "data", "mountPath": "/data"}]}]}}' -- store

# %%
by_python = core.read_namespaced_pod("store", lab.namespace)
lab.same(by_python, by_kubectl, by_yaml, ignore=("metadata.namespace",))

# %% [markdown]
# `lab.same` compares what the three ask for. Now the same crash as before. Guess again:

# %% covers="T7.emptydir T7.lifetime"
print(before := state())
# !kubectl exec store -- kill 1
wait_for(lambda: state()["restarts"] > before["restarts"], TIMEOUT)
print(state())
readings()

# %% [markdown] covers="T7.emptydir T7.lifetime"
# **What happened.** Another container, the same folder: the readings are there. **Misconception**: *an emptyDir dies with
# the container*. It does not; its name says only how it begins. It ends with the **pod**. So delete the pod and make it
# again, from the same dictionary:

# %% covers="T7.emptydir T7.lifetime"
print(state())
start(store)
print(state())
readings()

# %% [markdown] covers="T7.lifetime T7.survival"
# Same name, another uid: another pod, and a new, empty folder. A Deployment does just that at every update, and whenever
# a node is lost. For data that must survive *pods*, something must live outside of them: that is section 8.
#
# <img alt="Four life lines. The container's writable layer ends when the container ends, and the next container has a new
# one. An emptyDir goes on through that, and ends when the pod is deleted. A claimed volume goes on through both, and
# ends when the claim is deleted, if its class says Delete. A hostPath goes on through all: it is the node's."
# width="660" src="data:image/svg+xml,<svg xmlns='http://www.w3.org/2000/svg' viewBox='0 0 660 260'
#  font-family='sans-serif' font-size='14'>
#  <rect width='660' height='260' rx='8' fill='white'/>
#  <g stroke='dimgray' stroke-dasharray='5 4'><path d='M260 40 V245 M360 40 V245 M470 40 V245 M590 40 V245'/></g>
#  <g text-anchor='middle' fill='dimgray' font-size='13'><text x='260' y='28'>container ends</text>
#  <text x='360' y='28'>pod replaced</text> <text x='470' y='28'>last pod deleted</text>
#  <text x='590' y='28'>claim deleted</text></g>
#  <g text-anchor='end'><text x='150' y='73'>writable layer</text> <text x='150' y='123'>emptyDir</text>
#  <text x='150' y='173'>claimed volume</text> <text x='150' y='223'>hostPath</text></g>
#  <g fill='lightsalmon' stroke='indianred'><rect x='165' y='55' width='93' height='26' rx='5'/>
#  <rect x='263' y='55' width='95' height='26' rx='5'/> <rect x='363' y='55' width='105' height='26' rx='5'/></g>
#  <g fill='aliceblue' stroke='steelblue'><rect x='165' y='105' width='193' height='26' rx='5'/>
#  <rect x='363' y='105' width='105' height='26' rx='5'/></g>
#  <rect x='165' y='155' width='423' height='26' rx='5' fill='honeydew' stroke='seagreen'/>
#  <rect x='165' y='205' width='485' height='26' rx='5' fill='gainsboro' stroke='dimgray'/></svg>">
#
# What becomes of a claimed volume at the end is the class's `reclaimPolicy`: `Delete`, as drawn, or `Retain` (section
# 10). A `hostPath` (section 4) is the node's: no pod ends it, and no pod takes it along to another node.

# %% [markdown] covers="T7.emptydir D1.4"
# ## 3. One folder, several containers
#
# What use is a folder that ends with the pod? Scratch files, caches, and above all: **sharing**. Containers of one pod
# have each their own files; a volume that both mount is in both.
#
# Next to the store, put a reporter that prints every new reading: a *sidecar*. It needs no network and no code in the
# store, and it may only read. Each mounts the folder where it likes:

# %% [markdown] tags=["teaching"] minutes=3
# - **Ask**: which of the two containers starts first, and would a Job end?
# - **Ask** before both are filled with 3 MB: which of the two limits bites? (One at once, one a minute later.)

# %% covers="T7.emptydir D1.4"
mount = {"name": "data", "mountPath": "/in", "readOnly": True}
tail = ["tail", "-F", "/in/readings"]
reporter = {"name": "reporter", "image": "labs/shell:1", "command": tail, "volumeMounts": [mount]}
store["spec"]["containers"] = [store["spec"]["containers"][0], reporter]
start(store)
send(18.0, 18.5)

# %%
wait_for(lambda: "18.5" in core.read_namespaced_pod_log("store", lab.namespace, container="reporter"), TIMEOUT)
# !kubectl logs store --container reporter
print(run_in("store", "reporter", "echo 99 >> /in/readings"))

# %% [markdown] covers="T7.emptydir"
# **What happened.** `tail` complained once that the file was not there yet, then printed what the store wrote. Writing was
# refused: `readOnly` belongs to the mount, so each container can have other rights.

# %% [markdown] covers="D1.3"
# ### Init containers and native sidecars
#
# Here the reporter is one of the `containers`: neither waits for the other to be ready, both are told to end at the
# same time, and in a Job a reporter that never ends would keep the Job from completing.
#
# **Init containers** come first, one after the other, each to its end. One with `restartPolicy: Always` is a **native
# sidecar**: the next container does not wait for its end, only for its start; it goes on beside the others, is
# restarted when it ends, may have probes, and is told to end last. No Job waits for it.
#
# ```yaml
# initContainers:
# - {name: prepare, image: ..., command: ...}          # must end well before the next one starts
# - {name: reporter, image: ..., restartPolicy: Always}  # goes on
# containers:
# - {name: store, image: ...}
# ```

# %% [markdown] covers="T7.emptydir"
# ### Limits
#
# An emptyDir lies on the node's disk, or, with `medium: Memory`, in memory, where it counts against the container's memory
# limit. `sizeLimit` keeps it small. What "keeps" means, depends; fill one of each with 3 MB:

# %% covers="T7.emptydir"
volumes = [
    {"name": "memory", "emptyDir": {"medium": "Memory", "sizeLimit": "1Mi"}},
    {"name": "disk", "emptyDir": {"sizeLimit": "1Mi"}},
]
mounts = [{"name": name, "mountPath": f"/{name}"} for name in ("memory", "disk")]
shell = {"name": "shell", "image": "labs/shell:1", "command": ["sleep", "infinity"], "volumeMounts": mounts}
start({"metadata": {"name": "full", "labels": {"app": "full"}}, "spec": {"containers": [shell], "volumes": volumes}})
for name in ("memory", "disk"):
    print(run_in("full", "shell", f"head -c 3000000 /dev/zero > /{name}/file; ls -s /{name}; df -h /{name}"))

# %% [markdown] covers="T7.emptydir"
# **What happened.** In memory, the filesystem itself has that size, and refuses (`head` calls it an I/O error). On disk, the write went through. Is the
# limit only a word, then? The kubelet measures, now and then. We will look again after section 7.

# %% [markdown] tags=["exercise"] exercise="ex-06-1"
# ### Exercise 1: a buffer that survives a crash
#
# *Goal*: a pod `buffer` with two containers that share an emptyDir: `store` (image `weather:1`, args `store`) keeps its
# readings there, and `reader` (image `labs/shell:1`, command `sleep infinity`) sees them as `/inbox/readings`.
#
# *Constraint*: `reader` must not be able to write there. No other kind of volume.
#
# *Done when* you have sent a reading, then ended the store's container, it runs again, and both containers still show the
# reading. One way to send:
#
# ```console
# $ kubectl exec buffer -c store -- wget -qO- --post-data=21.5 localhost:8000/readings
# ```
#
# (*Connection refused*: the store is still starting; try again. After each further crash the kubelet waits, 10 s and then
# longer; `NotReady` or `CrashLoopBackOff` means that. `kubectl delete pod buffer --grace-period=1` lets you start again.)

# %% [markdown] tags=["teaching"] minutes=10 exercise="ex-06-1"
# - **Mistakes**
#   - sent after the crash: *older than its container*; the order is the exercise;
#   - no crash at all: *0 restarts of store*;
#   - the reader may write: *reader may write in /inbox*;
#   - two volumes, one for each: *store mounts d, reader mounts e*;
#   - several crashes in a row: the kubelet waits longer each time. Let them delete the pod.

# %% [markdown] tags=["hint"] exercise="ex-06-1"
# One entry under `volumes`, two under `volumeMounts`. Where does the store write, and where should the reader see it?

# %% [markdown] tags=["hint"] exercise="ex-06-1"
# The store's mount is `/data`, the reader's is `/inbox` with `readOnly: true`; both name the same volume. To end the
# store's container, end its process 1, as section 1 did; `-c store` says in which container.

# %% [markdown] tags=["hint"] exercise="ex-06-1"
# `volumes: [{name: data, emptyDir: {}}]`; in `store` `volumeMounts: [{name: data, mountPath: /data}]`; in `reader`
# `volumeMounts: [{name: data, mountPath: /inbox, readOnly: true}]`. Then send, then `kubectl exec buffer -c store -- kill 1`.

# %% tags=["answer"] exercise="ex-06-1"
### BEGIN SOLUTION
import subprocess

keeper = {"name": "store", "image": "weather:1", "args": ["store"]}
keeper["volumeMounts"] = [{"name": "data", "mountPath": "/data"}]
reader = {"name": "reader", "image": "labs/shell:1", "command": ["sleep", "infinity"]}
reader["volumeMounts"] = [{"name": "data", "mountPath": "/inbox", "readOnly": True}]
spec = {"containers": [keeper, reader], "volumes": [{"name": "data", "emptyDir": {}}]}
start({"metadata": {"name": "buffer", "labels": {"app": "buffer"}}, "spec": spec})
send_one = "wget -qO- --post-data=21.5 localhost:8000/readings"
wait_for(lambda: run_in("buffer", "store", send_one) == "stored", TIMEOUT)
subprocess.run(["kubectl", "exec", "buffer", "-c", "store", "--", "kill", "1"], check=False)
print(run_in("buffer", "reader", "cat /inbox/readings"))
### END SOLUTION

# %% tags=["check"]
lab.check("ex-06-1")

# %% [markdown] covers="T7.hostpath"
# ## 4. hostPath: the node's own files
#
# Where *is* an emptyDir? In a folder of the node's, which the kubelet makes for each pod. A `hostPath` volume shows a pod
# any folder or file of its node, so it can show us that one. `type` says what must be there (`Directory`, `File`;
# `DirectoryOrCreate` makes it). We only look:

# %% [markdown] tags=["teaching"] minutes=2
# - **Ask** after the count of tokens: would you allow this in a cluster with several teams?

# %% covers="T7.hostpath"
paths = {"pods": "/var/lib/kubelet/pods", "system": "/etc/os-release"}
volumes = [{"name": name, "hostPath": {"path": path}} for name, path in paths.items()]
mounts = [{"name": name, "mountPath": f"/node/{name}", "readOnly": True} for name in paths]
shell = {"name": "shell", "image": "labs/shell:1", "command": ["sleep", "infinity"], "volumeMounts": mounts}
start({"metadata": {"name": "spy", "labels": {"app": "spy"}}, "spec": {"containers": [shell], "volumes": volumes}})
print(run_in("spy", "shell", "head -n 1 /etc/os-release /node/system"))

# %% covers="T7.hostpath T7.lifetime"
uid = core.read_namespaced_pod("store", lab.namespace).metadata.uid
print(run_in("spy", "shell", f"cat /node/pods/{uid}/volumes/*/data/readings"))
print(run_in("spy", "shell", "ls /node/pods/*/volumes/*/*/token | wc -l"), "tokens of pods on this node")

# %% [markdown] covers="T7.hostpath"
# **What happened.** The pod's uid is in the folder's name: that is why an emptyDir ends with the pod. And the spy, from
# inside a container, read another pod's data, and could read the token of every pod of the node (on the course's node,
# also most files of your machine; what it writes does not reach them). That is why many clusters forbid
# `hostPath` (Pod Security level `baseline`).
#
# The second trouble: the scheduler knows nothing of it. On its next node the pod finds that node's files. So `hostPath` is
# for programs that are *about* the node, such as log collectors. It is no memory for your data.

# %% [markdown] covers="T7.configured"
# ## 5. ConfigMap and Secret as files
#
# Lesson 05 mounted settings as files: a `configMap` or `secret` volume is a folder with one file for each key. Two fields
# give more control:
#
# - `items` picks keys, and says under which path each appears;
# - `defaultMode` sets the files' rights (and `mode`, in an item, those of one file).
#
# A token should be readable by its owner only. The store runs as user 1000:

# %% [markdown] tags=["teaching"] minutes=2
# - **Ask**: the file belongs to root with mode 0400. Can user 1000 read it? What would *you* change?

# %% covers="T7.configured" language="bash"
# kubectl create configmap settings --from-literal=si=kelvin --from-literal=us=fahrenheit --dry-run=client -o yaml | kubectl apply -f -
# kubectl create secret generic door --from-literal=token=open-sesame --dry-run=client -o yaml | kubectl apply -f -

# %% covers="T7.configured"
volumes = [
    {"name": "settings", "configMap": {"name": "settings", "items": [{"key": "si", "path": "unit"}]}},
    {"name": "door", "secret": {"secretName": "door", "defaultMode": 0o400}},
]
mounts = [{"name": "settings", "mountPath": "/etc/weather"}, {"name": "door", "mountPath": "/etc/door"}]
keeper = {"name": "store", "image": "weather:1", "args": ["store"], "volumeMounts": mounts}
safe = {"metadata": {"name": "safe", "labels": {"app": "safe"}}, "spec": {"containers": [keeper], "volumes": volumes}}
start(safe)
print(run_in("safe", "store", "id -u; cd /etc; ls -lL weather door; cat weather/unit; echo; cat door/token"))

# %% [markdown] covers="T7.configured"
# **What happened.** Of two keys one is there, as `unit`. But the token belongs to root, and is for root alone. User 1000
# is refused. Do not open it to everybody: the pod's `fsGroup` gives the files of its volumes to a group, and puts the
# containers into it.

# %% covers="T7.configured"
safe["spec"]["securityContext"] = {"fsGroup": 1000}
start(safe)
print(run_in("safe", "store", "id; ls -lL /etc/door; cat /etc/door/token"))

# %% [markdown]
# Group 1000 may read it now, others may not. Remember `fsGroup` whenever a program that is not root says *Permission
# denied* about a volume. It helps for the pod's own volumes, as here, and for most disks. A `hostPath` and network
# folders such as NFS keep their rights; so do claims that are folders of the node, as this course's.
#
# In YAML write `defaultMode: 0400`, with the leading zero. JSON knows no such numbers, so `kubectl get -o yaml` shows 256.

# %% [markdown] covers="T7.downward"
# ## 6. downwardAPI: a pod reads about itself
#
# Which node am I on? What is my memory limit? A program could ask the API server; then it would need an address, a
# client and rights. The **downward API** hands the answers down: as environment variables (`fieldRef`,
# `resourceFieldRef`), or as files in a `downwardAPI` volume. Here the first way and the second:

# %% [markdown] tags=["teaching"] minutes=2
# - **Ask** before the label changes: variable or file, which follows?

# %% covers="T7.downward"
stage, node = {"fieldPath": "metadata.labels['stage']"}, {"fieldPath": "spec.nodeName"}
limit = {"containerName": "shell", "resource": "limits.memory", "divisor": "1Mi"}
items = [{"path": "labels", "fieldRef": {"fieldPath": "metadata.labels"}}, {"path": "memory", "resourceFieldRef": limit}]
shell = {
    "name": "shell",
    "image": "labs/shell:1",
    "command": ["sleep", "infinity"],
    "resources": {"limits": {"memory": "64Mi"}},
    "env": [{"name": "STAGE", "valueFrom": {"fieldRef": stage}}, {"name": "NODE", "valueFrom": {"fieldRef": node}}],
    "volumeMounts": [{"name": "about", "mountPath": "/about"}],
}
spec = {"containers": [shell], "volumes": [{"name": "about", "downwardAPI": {"items": items}}]}
start({"metadata": {"name": "card", "labels": {"app": "card", "stage": "test"}}, "spec": spec})

# %% covers="T7.downward"
SHOW = "echo NODE=$NODE STAGE=$STAGE; tail /about/*"
print(run_in("card", "shell", SHOW))

# %% [markdown]
# A pod's labels may change while it runs. Which of the two will notice?

# %% covers="T7.downward"
# !kubectl label pod card stage=live --overwrite
wait_for(lambda: "live" in run_in("card", "shell", "cat /about/labels"), TIMEOUT)
print(run_in("card", "shell", SHOW))

# %% [markdown] covers="T7.downward"
# **What happened.** The file followed, the variable did not: a process gets its environment once, when it starts. That is
# the same rule as for ConfigMaps. All labels or annotations at once can only be files. (`kubectl explain
# pod.spec.volumes.downwardAPI.items.fieldRef` tells which fields there are.)

# %% [markdown] covers="T7.projected"
# ## 7. projected: several sources, one folder
#
# At one path, only one volume can be mounted. The front wants all its settings in `/etc/weather`, and they come from a
# ConfigMap, a Secret and the pod itself. A `projected` volume lays several `sources` into one folder. (This time in YAML;
# `replace --force` deletes what is there, and makes it again.)

# %% [markdown] tags=["teaching"] minutes=3
# - **Show**: `ls` of the folder that every pod has. Ask what a stranger in the pod could do with the token.

# %% covers="T7.projected" language="bash"
# kubectl replace --force --grace-period=1 -f - <<END
# apiVersion: v1
# kind: Pod
# metadata: {name: front, labels: {app: front}}
# spec:
#   containers: [{name: front, image: "weather:1", args: [front], volumeMounts: [{name: all, mountPath: /etc/weather}]}]
#   volumes:
#   - {name: all, projected: {sources: [
#       {configMap: {name: settings, items: [{key: us, path: unit}]}},
#       {secret: {name: door}},
#       {downwardAPI: {items: [{path: title, fieldRef: {fieldPath: metadata.namespace}}]}},
#       {serviceAccountToken: {path: pass, audience: store, expirationSeconds: 600}}]}}
# END

# %% covers="T7.projected"
wait_for_pods(core, lab.namespace, "app=front", 1, TIMEOUT)
print(run_in("front", "front", "ls /etc/weather"))
ask = "wget -qO- localhost:8080/settings"
print(wait_for(lambda: "title" in (answer := run_in("front", "front", ask)) and answer, TIMEOUT))

# %% [markdown] covers="T7.projected"
# `title` and `unit` come from files, though nobody made a ConfigMap with just these. The fourth source, `pass`, is a token
# of the pod's ServiceAccount, good for one audience and ten minutes; the kubelet renews it in time.
#
# You have seen such a folder before: *every* pod gets one, unasked. Look what was added to `front`:

# %% covers="T7.projected"
added = core.read_namespaced_pod("front", lab.namespace).spec.volumes[-1]
for source in added.projected.sources:
    print(next(kind for kind, value in source.to_dict().items() if value))
print(run_in("front", "front", "ls /var/run/secrets/kubernetes.io/serviceaccount"))

# %% [markdown]
# A token, the cluster's CA certificate and the namespace: all that a program needs to speak to the API server as itself.
# (`automountServiceAccountToken: false` leaves it out.)

# %% [markdown]
# One thing is left open: the pod `full` of section 3, which wrote 3 MB into a folder with a limit of 1 MiB. The kubelet
# measures about once a minute; if you were quick, this takes that long:

# %% covers="T7.emptydir"
full = wait_for(
    lambda: (pod := core.read_namespaced_pod("full", lab.namespace)).status.phase == "Failed" and pod, TIMEOUT
)
print(full.status.reason, "-", full.status.message)

# %% [markdown] covers="T7.emptydir"
# Too large on disk: the whole pod is **evicted**, its folder with it. Nothing starts it again; a Deployment would make
# another.

# %% [markdown] covers="T7.claims T7.classes D1.4"
# ## 8. A claim: storage that outlives pods
#
# Three objects, because three different people know three different things:
#
# | object | written by | says |
# |---|---|---|
# | **PersistentVolumeClaim** (PVC) | you, in your namespace | "I need 100 MiB, for one node" |
# | **StorageClass** | those who run the cluster | "this kind of storage is made by that program" |
# | **PersistentVolume** (PV) | that program, the *provisioner* | "this piece of storage exists, and is yours" |
#
# So your manifests name no disks, and work in any cluster. Which classes are here?

# %% [markdown] tags=["teaching"] minutes=6
# - **Draw** claim, class, volume, and who writes each. Ask why *Pending* is no fault here.
# - **Show**: `kubectl get pvc,pv --watch` in a terminal while the consumer starts.

# %% covers="T7.classes"
for found in storage.list_storage_class().items:
    default = (found.metadata.annotations or {}).get("storageclass.kubernetes.io/is-default-class") == "true"
    print(found.metadata.name, "(default)" if default else "", "- made by", found.provisioner)
    print("  binds:", found.volume_binding_mode, "| when the claim goes:", found.reclaim_policy)
    print("  may grow:", bool(found.allow_volume_expansion))

# %% [markdown] covers="T7.claims"
# Claim some. Without `storageClassName` a claim gets the default class. (`kubectl` has no generator for claims: copy one
# from the documentation, which is open to you in the exam. First, clear the table.)

# %% covers="T7.claims D1.4" language="bash"
# kubectl delete pod/store deployment/store pvc/readings --ignore-not-found --grace-period=1
# kubectl apply -f - <<END
# apiVersion: v1
# kind: PersistentVolumeClaim
# metadata: {name: readings}
# spec:
#   accessModes: [ReadWriteOnce]
#   resources: {requests: {storage: 100Mi}}
# END

# %% covers="T7.claims"
spec = {"accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": "100Mi"}}}
claim = {"metadata": {"name": "readings-python"}, "spec": spec}
by_python = core.create_namespaced_persistent_volume_claim(lab.namespace, claim, dry_run="All")
# by_yaml = !kubectl get pvc readings -o yaml
lab.same(Python=by_python, YAML=by_yaml, ignore=("metadata.name",))


# %%
def events_of(claim):
    uid = core.read_namespaced_persistent_volume_claim(claim, lab.namespace).metadata.uid
    items = core.list_namespaced_event(lab.namespace, field_selector=f"involvedObject.uid={uid}").items
    return [f"{event.reason}: {event.message[:80]}" for event in items]


# %% covers="T7.claims T7.classes"
print(*wait_for(lambda: events_of("readings"), TIMEOUT), sep="\n")
CLAIM = "NAME:.metadata.name,STATUS:.status.phase,CLASS:.spec.storageClassName,VOLUME:.spec.volumeName"
# !kubectl get pvc readings -o custom-columns={CLAIM}

# %% [markdown] covers="T7.classes"
# (`custom-columns` chooses what `get` shows.)
#
# **What happened.** Nothing yet: the claim is *Pending*, and nothing is wrong. `WaitForFirstConsumer` means: where to make
# the volume is decided when a pod needs it, so that it is made where that pod can run. (With `Immediate` it would be made
# now, perhaps out of the pod's reach.)
#
# Here is who did what for the claim, as a timeline that goes on by itself. It also tells of the pods that use the claim.

# %% covers="T7.claims T7.classes"
views.timeline(lab, "pvc/readings")

# %% [markdown] covers="T7.claims"
# So bring a consumer, and watch who waits for whom. In a Deployment the two entries stand in the template.

# %% covers="T7.claims" language="bash"
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
#       - {name: store, image: "weather:1", args: [store], volumeMounts: [{name: data, mountPath: /data}],
#          readinessProbe: {httpGet: {path: /healthz, port: 8000}, periodSeconds: 1}}
#       volumes: [{name: data, persistentVolumeClaim: {claimName: readings}}]
# END

# %% covers="T7.claims T7.classes"
wait_for_rollout(apps, "store", lab.namespace, TIMEOUT)
print(*events_of("readings"), sep="\n")


# %% [markdown]
# About five seconds. The timeline has the order: the scheduler chose a node and waited, the provisioner made a volume
# there, claim and volume were **bound** to each other, and only then was the pod assigned, and started. Look at both sides.

# %% covers="T7.claims"
# !kubectl get pvc readings -o custom-columns={CLAIM}
volume_name = core.read_namespaced_persistent_volume_claim("readings", lab.namespace).spec.volume_name
# !kubectl describe pv {volume_name}

# %% [markdown] covers="T7.claims"
# One claim, one volume: a volume is never shared out. And note: it *is* a folder of one node, as in section 4. The
# difference: the volume says on which node it lies, and the scheduler reads that. You need not know; your manifest
# stays the same where volumes come from a network.
#
# ### Does it keep?
#
# Send readings, then delete the pod, then the whole Deployment:

# %%
def pod_name():
    return wait_for_pods(core, lab.namespace, "app=store", 1, TIMEOUT)[0].metadata.name


# %% covers="T7.survival"
print(pod_name(), send(21.5, 22.0))
core.delete_collection_namespaced_pod(lab.namespace, label_selector="app=store", grace_period_seconds=1)
print(pod_name(), readings())

# %% covers="T7.survival"
# !kubectl get deployment store -o yaml | kubectl replace --force -f -
print(pod_name(), readings())

# %% [markdown] covers="T7.survival T7.lifetime"
# **What happened.** Other pods, even another Deployment, same readings. The store has its memory: it belongs to nobody who
# runs, only to the claim.
#
# ### What is *not* promised
#
# You asked for 100 MiB. What did you get? And can you have more? (In a `!` line, `{{` is a plain `{`.)

# %% covers="T7.classes"
print(run_in(pod_name(), "store", "df -h /data"))
# !kubectl patch pvc readings --patch 'spec: {{resources: {{requests: {{storage: 200Mi}}}}}}'

# %% [markdown] covers="T7.classes"
# **What happened.** This provisioner only makes a folder on the node's disk. It shows the whole disk, enforces no size,
# and lives and dies with that node. Sizes are kept where a volume is a disk of its own, as clouds give. And a claim can
# grow (never shrink) only if its class says `allowVolumeExpansion: true`. Ask what your class does, before you trust it.

# %% [markdown] covers="T7.claims"
# ## 9. Who may use it at the same time
#
# | access mode | short | who may mount it |
# |---|---|---|
# | `ReadWriteOnce` | RWO | one **node** |
# | `ReadOnlyMany` | ROX | many nodes, for reading |
# | `ReadWriteMany` | RWX | many nodes (network storage) |
# | `ReadWriteOncePod` | RWOP | one **pod** in the whole cluster |
#
# **Misconception**: *ReadWriteOnce means that one pod uses it*. Ask for two pods of the store. A volume of one node draws
# both there:

# %% [markdown] tags=["teaching"] minutes=4
# - **Ask**: ReadWriteOnce, two pods: does the second start? Most say no.

# %% covers="T7.claims"
# !kubectl scale deployment store --replicas=2
for pod in wait_for_pods(core, lab.namespace, "app=store", 2, TIMEOUT):
    print(pod.metadata.name, pod.spec.node_name, run_in(pod.metadata.name, "store", "cat /data/readings").split())
# !kubectl scale deployment store --replicas=1

# %% [markdown]
# Two pods, one node, one folder, and both may write. Our store only adds lines; a database that believes itself alone
# would ruin its files. RWOP would have kept the second pod Pending. An access mode that the provisioner cannot give
# (here RWX) leaves the claim Pending, with an event that says so.
#
# ### Why updates need thought
#
# A rolling update starts the new pod before it ends the old one: for a while there are two. Watch it here, and count
# it below. The signs under the pods are requests for the readings: a circle was answered, a red cross was not.

# %% covers="T7.claims"
views.rollout(lab, "store", url=f"{lab.url(NODE_PORT)}/readings")


# %%
def most_at_once():
    """Watch the store's update until it is over: the largest number of its pods that ran at the same time."""
    counts = []

    def over():
        pods = core.list_namespaced_pod(lab.namespace, label_selector="app=store").items
        counts.append(sum(pod.status.phase == "Running" for pod in pods))  # also those that are ending
        now = apps.read_namespaced_deployment("store", lab.namespace)
        is_new = now.status.observed_generation == now.metadata.generation
        return is_new and len(pods) == now.status.updated_replicas == now.status.available_replicas == 1

    wait_for(over, TIMEOUT, what="the update", interval=0.05)
    return max(counts)


# %% covers="T7.claims"
rolling = {"spec": {"strategy": {"type": "RollingUpdate"}}}  # the default; the next cell changes it
apps.patch_namespaced_deployment("store", lab.namespace, rolling)
most_at_once()  # the second pod of the last experiment goes
# !kubectl rollout restart deployment/store
print("RollingUpdate:", most_at_once(), "at once")

# %% covers="T7.claims"
recreate = {"spec": {"strategy": {"type": "Recreate", "rollingUpdate": None}}}
apps.patch_namespaced_deployment("store", lab.namespace, recreate)
# !kubectl rollout restart deployment/store
print("Recreate:", most_at_once(), "at once")

# %% [markdown] covers="T7.claims"
# On one node, two programs write at once. With several nodes and network disks it is worse: the new pod may start on
# another node, cannot get the volume before the old pod gives it back, and the old pod waits for the new one. Nobody
# moves.
#
# `strategy: {type: Recreate}` ends the old pod first. The price is a short silence: the red crosses in the picture.
# (`kubectl patch deployment store
# --patch 'spec: {strategy: {type: Recreate, rollingUpdate: null}}'` is the same patch; `null` takes out the limits of the
# former strategy, with which it is refused. For several copies, each with a
# claim of its own, there are StatefulSets: lesson 09.)

# %% [markdown] tags=["exercise"] exercise="ex-06-2"
# ### Exercise 2: the archive
#
# *Goal*: a Deployment `archive`, one pod, image `weather:1`, args `store`, that keeps its readings on a claim `archive`.
#
# *Constraint*: the claim asks for at least 200Mi of the cluster's default class, for one node. At no time, not even in an
# update, may two pods have it.
#
# *Done when* you have sent a reading, then deleted the pod, and its successor still has the reading. One way to send:
#
# ```console
# $ kubectl exec deployment/archive -- wget -qO- --post-data=21.5 localhost:8000/readings
# ```
#
# (*Connection refused*: it is still starting; try again.)

# %% [markdown] tags=["teaching"] minutes=11 exercise="ex-06-2"
# - **Mistakes**
#   - the strategy forgotten: *ends the old pod before*; `maxSurge: 0` is not enough, either;
#   - `200M` for `200Mi`: *at least 200Mi*;
#   - a class invented: *there is local-path*;
#   - the mount at another path: *d is mounted at /date*;
#   - a reading sent, the pod not deleted: *older than its pod*.

# %% [markdown] tags=["hint"] exercise="ex-06-2"
# Two objects: a claim and a Deployment that uses it. The files of section 8 are nearly all; one field of the Deployment
# is from section 9.

# %% [markdown] tags=["hint"] exercise="ex-06-2"
# `kubectl create deployment archive --image=weather:1 --dry-run=client -o yaml > archive.yaml` writes most. Add `args`
# (what stands after `--` would become `command`), the volume, the mount where the store writes, and the strategy.

# %% [markdown] tags=["hint"] exercise="ex-06-2"
# Claim: `accessModes: [ReadWriteOnce]`, `resources: {requests: {storage: 200Mi}}`, no `storageClassName`. Template:
# `volumes: [{name: data, persistentVolumeClaim: {claimName: archive}}]`, mounted at `/data`. Deployment: `strategy: {type:
# Recreate}`. Then send, then `kubectl delete pod -l app=archive`.

# %% tags=["answer"] exercise="ex-06-2"
### BEGIN SOLUTION
spec = {"accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": "200Mi"}}}
claim = {"metadata": {"name": "archive"}, "spec": spec}
made = core.create_namespaced_persistent_volume_claim(lab.namespace, claim)
keeper = {"name": "store", "image": "weather:1", "args": ["store"]}
keeper["volumeMounts"] = [{"name": "data", "mountPath": "/data"}]
volume = {"name": "data", "persistentVolumeClaim": {"claimName": "archive"}}
template = {"metadata": {"labels": {"app": "archive"}}, "spec": {"containers": [keeper], "volumes": [volume]}}
spec = {"selector": {"matchLabels": {"app": "archive"}}, "strategy": {"type": "Recreate"}, "template": template}
apps.create_namespaced_deployment(lab.namespace, {"metadata": {"name": "archive"}, "spec": spec})
pod = wait_for_pods(core, lab.namespace, "app=archive", 1, TIMEOUT)[0].metadata.name
send_one = "wget -qO- --post-data=21.5 localhost:8000/readings"
wait_for(lambda: run_in(pod, "store", send_one) == "stored", TIMEOUT)
gone = core.delete_namespaced_pod(pod, lab.namespace, grace_period_seconds=1)
### END SOLUTION

# %% tags=["check"]
lab.check("ex-06-2")

# %% [markdown] covers="T7.claims T7.classes"
# ## 10. When the claim goes
#
# Deleting the claim is the dangerous act. First, delete it *while the store runs*:

# %% [markdown] tags=["teaching"] minutes=8
# - **Ask** before `kubectl delete pvc`: gone at once? What holds it?
# - **Ask** at *Released*: why does a new claim of the same name not get it?

# %% covers="T7.claims"
for found in core.list_namespaced_persistent_volume_claim(lab.namespace, field_selector="metadata.name=readings").items:
    volume_name = found.spec.volume_name  # what it has now
# !kubectl delete pvc readings --wait=false --ignore-not-found
DELETED = "NAME:.metadata.name,DELETED:.metadata.deletionTimestamp,WAITS_FOR:.metadata.finalizers"
# !kubectl get pvc readings --ignore-not-found -o custom-columns={DELETED}

# %% [markdown]
# It is marked, and a **finalizer** holds it: a note that somebody must do something first. Here: a pod uses the claim.
# The store goes on. End the pod, and see what becomes of claim and volume (about 10 s; twice *NotFound* is good news):

# %% covers="T7.classes"
# !kubectl delete deployment store --ignore-not-found --cascade=foreground
wait_gone(lambda: core.read_persistent_volume(volume_name), TIMEOUT)
# !kubectl get pvc readings
# !kubectl get pv {volume_name}

# %% [markdown] covers="T7.classes"
# **What happened.** Claim gone, volume gone, folder gone: the class says `reclaimPolicy: Delete`. Anyone who may delete your
# claim (or your namespace!) may delete your data.
#
# The other policy is `Retain`: the volume stays, and somebody must decide. We try it with a volume made **by hand**, as an
# administrator does for storage that is already there. It lies in no namespace, so it carries the labels by which
# `lab.cleanup()` finds it.

# %%
shelf = {
    "metadata": {"name": "labs-06-shelf", "labels": lab.labels},
    "spec": {
        "capacity": {"storage": "1Gi"},
        "accessModes": ["ReadWriteOnce"],
        "storageClassName": "by-hand",
        "persistentVolumeReclaimPolicy": "Retain",
        "hostPath": {"path": "/tmp/labs-06-shelf", "type": "DirectoryOrCreate"},
    },
}

# %% covers="T7.claims"
# !kubectl delete pod/shelf pvc/shelf --ignore-not-found --grace-period=1
# !kubectl delete pv labs-06-shelf --ignore-not-found
made = core.create_persistent_volume(shelf)
VOLUME = "NAME:.metadata.name,SIZE:.spec.capacity.storage,STATUS:.status.phase,CLAIM:.spec.claimRef.name"
# !kubectl get pv labs-06-shelf -o custom-columns={VOLUME}

# %% magic_args="--out by_yaml" language="bash"
# kubectl create --dry-run=server -o yaml -f - <<END
# apiVersion: v1
# kind: PersistentVolume
# metadata: {name: labs-06-shelf-yaml}
# spec:
#   capacity: {storage: 1Gi}
#   accessModes: [ReadWriteOnce]
#   storageClassName: by-hand
#   persistentVolumeReclaimPolicy: Retain
#   hostPath: {path: /tmp/labs-06-shelf, type: DirectoryOrCreate}
# END

# %%
by_python = core.read_persistent_volume("labs-06-shelf")
lab.same(Python=by_python, YAML=by_yaml, ignore=("metadata.name", "metadata.labels"))

# %% [markdown] covers="T7.claims"
# There is no class `by-hand`. Here the name is only a word that claim and volume share: a claim gets a volume with the
# same class name, its access mode, and at least its size. (`create_from_dict` with `apply=True` is `kubectl apply`.)


# %%
from kubernetes import utils

request = {"accessModes": ["ReadWriteOnce"], "storageClassName": "by-hand", "resources": {"requests": {"storage": "1Mi"}}}
shelf_claim = {"apiVersion": "v1", "kind": "PersistentVolumeClaim", "metadata": {"name": "shelf"}, "spec": request}


def claim_shelf():
    utils.create_from_dict(client.ApiClient(), shelf_claim, namespace=lab.namespace, apply=True)
    read = core.read_namespaced_persistent_volume_claim
    wait_for(lambda: read("shelf", lab.namespace).status.phase == "Bound", TIMEOUT)


# %% [markdown]
# A pod reads the note that it finds there, and leaves a new one. (A `hostPath` is tied to a node, so this pod names one.)

# %%
words = "cat /shelf/note || echo nothing here; date > /shelf/note; exec sleep infinity"
shell = {"name": "shell", "image": "labs/shell:1", "command": ["sh", "-c", words]}
shell["volumeMounts"] = [{"name": "shelf", "mountPath": "/shelf"}]
volume = {"name": "shelf", "persistentVolumeClaim": {"claimName": "shelf"}}
node = core.read_namespaced_pod("spy", lab.namespace).spec.node_name
spec = {"nodeName": node, "containers": [shell], "volumes": [volume]}
visitor = {"metadata": {"name": "shelf", "labels": {"app": "shelf"}}, "spec": spec}

# %% covers="T7.claims"
claim_shelf()
start(visitor)
# !kubectl logs shelf
# !kubectl get pv labs-06-shelf -o custom-columns={VOLUME}

# %% [markdown]
# 1 MiB asked, 1 GiB got: it was the smallest that fits. Now the pod and the claim go:

# %% covers="T7.claims"
# !kubectl delete pod/shelf pvc/shelf --grace-period=1 --ignore-not-found
wait_for(lambda: core.read_persistent_volume("labs-06-shelf").status.phase != "Bound", TIMEOUT)
# !kubectl get pv labs-06-shelf -o custom-columns={VOLUME}

# %% [markdown] covers="T7.claims"
# **Released**, not Available: the note is still there, and the volume still remembers *that* claim, by its uid
# (`spec.claimRef`). A new claim of the same name does not get it: it could be a stranger's. Anyone who has looked through
# the data, and decides to give the volume away again, removes the memory:

# %% covers="T7.claims"
if core.read_persistent_volume("labs-06-shelf").status.phase == "Released":
    core.patch_persistent_volume("labs-06-shelf", [{"op": "remove", "path": "/spec/claimRef"}])
claim_shelf()
start(visitor)
# !kubectl logs shelf

# %% [markdown]
# The note is back. (`kubectl patch pv labs-06-shelf --type=json --patch '[{"op": "remove", "path": "/spec/claimRef"}]'`.)
# Tidy up: take the note off the shelf, then remove pod, claim and volume.

# %%
# !kubectl exec shelf -- rm -f /shelf/note
# !kubectl delete pod/shelf pvc/shelf --ignore-not-found --grace-period=1
# !kubectl delete pv labs-06-shelf --ignore-not-found

# %% [markdown]
# The last exercise starts from a mess, which the next two cells make: somebody gave a logbook a memory. (Run both again to
# have the mess back.)

# %% language="bash" setup="ex-06-3"
# kubectl delete deployment/logbook pvc/logbook --ignore-not-found --grace-period=1
# kubectl apply -f - <<END
# apiVersion: v1
# kind: PersistentVolumeClaim
# metadata: {name: logbook}
# spec:
#   accessModes: [ReadWriteOnce]
#   storageClassName: fast
#   resources: {requests: {storage: 50Mi}}
# END

# %% language="bash" setup="ex-06-3"
# kubectl apply -f - <<END
# apiVersion: apps/v1
# kind: Deployment
# metadata: {name: logbook}
# spec:
#   strategy: {type: Recreate}
#   selector: {matchLabels: {app: logbook}}
#   template:
#     metadata: {labels: {app: logbook}}
#     spec:
#       containers:
#       - {name: store, image: "weather:1", args: [store], volumeMounts: [{name: data, mountPath: /date}]}
#       volumes: [{name: data, persistentVolumeClaim: {claimName: logbok}}]
# END

# %% [markdown] tags=["exercise"] exercise="ex-06-3"
# ### Exercise 3: repair the logbook
#
# "My pod is Pending. And when I tried it without the claim, it forgot everything." *Goal*: the Deployment `logbook` keeps
# its readings on the claim `logbook`.
#
# *Constraint*: the claim's name and size stay as they are; you may delete it and make it again. No new class.
#
# *Done when* the claim is bound, you have sent a reading, then deleted the pod, and its successor still has the reading.
#
# There is more than one fault, and repairing one uncovers the next. One of them makes no error at all: look where the data
# go.

# %% [markdown] tags=["teaching"] minutes=9 exercise="ex-06-3"
# - **Mistakes**
#   - only the name repaired: *there is local-path*; a claim's class cannot be changed, so it is made again;
#   - only the class: *the claim logbok*;
#   - it runs, and all seems well: *data is mounted at /date*. The fault without an error: ask where the data go;
#   - an emptyDir in its place: *its volumes are of the kind emptyDir*.

# %% [markdown] tags=["hint"] exercise="ex-06-3"
# Ask down the chain what each waits for: `kubectl describe pod`, then `kubectl describe pvc`; and when the pod runs: where
# does the store write, and what is mounted there?

# %% [markdown] tags=["hint"] exercise="ex-06-3"
# A pod names a claim that must exist, letter by letter. A claim names a class that must exist: `kubectl get
# storageclasses`. A claim's class cannot be changed. And a mount with a mistyped path is a new, unused folder.

# %% [markdown] tags=["hint"] exercise="ex-06-3"
# Delete the claim and make it without `storageClassName`. `kubectl edit deployment logbook`: `claimName: logbook`,
# `mountPath: /data`. Then `kubectl exec deployment/logbook -- wget -qO- --post-data=21.5 localhost:8000/readings`, then
# `kubectl delete pod -l app=logbook`.

# %% tags=["answer"] exercise="ex-06-3"
### BEGIN SOLUTION
core.delete_namespaced_persistent_volume_claim("logbook", lab.namespace)
wait_gone(lambda: core.read_namespaced_persistent_volume_claim("logbook", lab.namespace), TIMEOUT)
spec = {"accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": "50Mi"}}}
core.create_namespaced_persistent_volume_claim(lab.namespace, {"metadata": {"name": "logbook"}, "spec": spec})
volume = {"name": "data", "persistentVolumeClaim": {"claimName": "logbook"}}
keeper = {"name": "store", "volumeMounts": [{"name": "data", "mountPath": "/data"}, {"$patch": "replace"}]}
template = {"spec": {"volumes": [volume], "containers": [keeper]}}
apps.patch_namespaced_deployment("logbook", lab.namespace, {"spec": {"template": template}})
wait_for_rollout(apps, "logbook", lab.namespace, TIMEOUT)
pod = wait_for_pods(core, lab.namespace, "app=logbook", 1, TIMEOUT)[0].metadata.name
send_one = "wget -qO- --post-data=21.5 localhost:8000/readings"
wait_for(lambda: run_in(pod, "store", send_one) == "stored", TIMEOUT)
gone = core.delete_namespaced_pod(pod, lab.namespace, grace_period_seconds=1)
### END SOLUTION

# %% tags=["check"]
lab.check("ex-06-3")

# %% [markdown]
# ## Recap
#
# 1. **Lifetimes**: a container's files end with it, a pod's folder with the pod, a claim's volume with the claim
#    or later.
# 2. An **emptyDir** survives its containers, not its pod.
# 3. Mounts of one volume **share** files, each with its path and rights; `sizeLimit` refuses or evicts. Native
#    sidecars start first and end last.
# 4. A **hostPath** shows the node's files: for programs about the node.
# 5. **ConfigMap, Secret**: `items` choose; `defaultMode` and `fsGroup` decide who reads.
# 6. **downwardAPI**: a pod about itself; files follow changes, variables do not.
# 7. **projected**: several sources, one folder; every pod has one with its token.
# 8. A **claim** asks, a **class** says who makes it, a **volume** is what was made.
# 9. **ReadWriteOnce** is one node, not one pod; `Recreate` never runs two.
# 10. **Delete** removes the data with the claim; **Retain** keeps them, and somebody must decide.
#
# | to do | `kubectl` |
# |---|---|
# | a pod to add volumes to | `run NAME --image=I --dry-run=client -o yaml -- ARGS > pod.yaml` |
# | look a field up | `explain pod.spec.volumes.projected.sources` |
# | why is it Pending | `describe pod NAME`, `describe pvc NAME`, `get storageclass` |
# | what is mounted | `exec POD -c CONTAINER -- df -h`, `describe pod NAME` |
# | what belongs to what | `get pvc,pv` |
# | keep a volume's data | `patch pv NAME -p 'spec: {persistentVolumeReclaimPolicy: Retain}'` |

# %% [markdown] tags=["teaching"] minutes=2
# - **Ask** for the four questions to a class (see *in practice*), and who could answer them for their cluster at
#   work.

# %% [markdown]
# **In practice**: keep data out of pods where you can (a database that others run), and on claims where you cannot. Before
# you trust a class, ask four questions: does it outlive a node, is the size kept, can it grow, what happens when the claim
# goes? A volume is no backup: it keeps your mistakes, too. Set `Retain` on what you would miss.
#
# **Next**: lesson 07 gives the pods an address that lasts as long as a claim does.
#
# ## Clean up

# %%
lab.cleanup()
