# %% [markdown] facts="stops-components"
# # Connect pods with Services
#
# The weather pipeline runs in pods, and each program must find the next: the front and the producer need the store. A
# pod's address is of no use for that. It changes with every new pod.
#
# *You will do*: lose the store and find it again by name; turn a pod unready and watch its node's network rules change;
# open the front to the outside; follow a broken chain from end to end; empty a node while visitors come.
#
# *You will learn*
#
# 1. why the addresses of pods are not enough;
# 2. what a Service is, and how it finds its pods;
# 3. who decides which pods get requests;
# 4. what kube-proxy writes into a node, and what it does not do;
# 5. how a NodePort leads in from outside;
# 6. what the other kinds of Services are for;
# 7. two ways in which a program finds a Service;
# 8. five questions that find any fault;
# 9. how to drain a node without losing a request.
#
# *You need*: lesson 04, or to know what a Deployment and a label are.
#
# *Time*: about 80 minutes, the three exercises included.

# %% [markdown] tags=["teaching"] minutes=4
# - **Before**: section 9 adds a node on the engine `host`: about 20 s and some memory. Without root there is one
#   node: tell it from the text.
# - **Cut**: section 6 to LoadBalancer and headless, environment variables in section 7, the dry runs. Keep 2, 3, 8;
#   if time is very short, drop exercise 2 and do exercise 3 together.

# %% tags=["parameters"]
NODE_PORT = 30070  # where `web` answers on localhost
FRONT_PORT = 30074  # where the front does, in section 9
REQUESTS = 40  # how many requests to count
TIMEOUT = 120  # seconds to wait for anything

# %%
import http.client
import subprocess
import urllib.request
from collections import Counter
from contextlib import contextmanager, suppress

import docker
from kubernetes import client, config, utils

from labs import open_lab, views
from labs.errors import NotSupported
from labs.waiting import wait_for, wait_for_http, wait_for_pods, wait_for_rollout

lab = open_lab("07")
config.load_kube_config()
core, apps, discovery = client.CoreV1Api(), client.AppsV1Api(), client.DiscoveryV1Api()

# %% [markdown]
# Build the pipeline's image, as in lesson 02, and give it to the nodes.

# %% setup="ex-07-1 ex-07-2 ex-07-3"
docker.from_env().images.build(path=str(lab.project), tag="weather:1", rm=True, labels=lab.labels)
IMAGE = lab.load_image("weather:1")


# %% [markdown]
# Two helpers. `apply` does what `kubectl apply` does: make the object, or change the one that is there. `run` makes a
# Deployment; its pods carry the labels `app`, for the program, and `pipeline`.


# %% setup="ex-07-1 ex-07-2 ex-07-3"
def apply(body):
    where = {"namespace": lab.namespace, "apply": True, "force_conflicts": True}
    utils.create_from_dict(client.ApiClient(), body, **where)


# %% setup="ex-07-1 ex-07-2 ex-07-3"
def run(name, *args, image=IMAGE, replicas=1, pipeline="weather", wait=True, **more):
    """Make a Deployment, or change it to this; `more` goes into its container."""
    container = {"name": name, "image": image, "args": list(args), **more}
    pod = {"metadata": {"labels": {"app": name, "pipeline": pipeline}}, "spec": {"containers": [container]}}
    spec = {"replicas": replicas, "selector": {"matchLabels": {"app": name}}, "template": pod}
    metadata = {"name": name, "labels": {"app": name}}
    apply({"apiVersion": "apps/v1", "kind": "Deployment", "metadata": metadata, "spec": spec})
    if wait:
        wait_for_rollout(apps, name, lab.namespace, TIMEOUT)


# %% [markdown]
# Most requests of this lesson are made inside the cluster. So put somebody there: a pod `visitor`, which does nothing
# until we say so.

# %% language="bash" setup="ex-07-1 ex-07-2 ex-07-3"
# kubectl apply -f - <<END
# apiVersion: v1
# kind: Pod
# metadata: {name: visitor}
# spec:
#   terminationGracePeriodSeconds: 1
#   containers:
#   - {name: shell, image: "labs/shell:1", command: [tail, -f, /dev/null]}
# END
# kubectl wait pod visitor --for=condition=Ready


# %% setup="ex-07-1 ex-07-2 ex-07-3"
def ask(url, times=1):
    """What the visitor gets from a URL, line by line; each time over a new connection."""
    wget = f"wget -nv -O- -t 1 -T 3 --content-on-error {url} 2>/tmp/why || tail -n 1 /tmp/why"
    command = ["kubectl", "exec", "visitor", "--", "sh", "-c", f"for i in $(seq {times}); do {wget}; done"]
    return subprocess.run(command, capture_output=True, text=True, check=False).stdout.splitlines()


# %% [markdown] covers="T8.why"
# ## 1. The address of a pod is not enough
#
# Every pod has an address of its own, and every other pod can reach it. So the simplest way to connect the front with
# the store: look up the store's address and give it to the front.

# %% [markdown] tags=["teaching"] minutes=2
# - **Ask** before the pod is deleted: what will the front say? Run it, and leave the 503 on the screen.

# %% covers="T8.why" setup="ex-07-2"
run("store", "store")
address = wait_for_pods(core, lab.namespace, "app=store", 1, TIMEOUT)[0].status.pod_ip
run("front", "front", f"--store=http://{address}:8000")
front = wait_for_pods(core, lab.namespace, "app=front", 1, TIMEOUT)[0].status.pod_ip
wait_for(lambda: "readings" in str(ask(f"http://{front}:8080")), TIMEOUT, what="the front's page")
print(*ask(f"http://{front}:8080"))

# %% [markdown]
# It works. (`mean unknown`: the worker, which computes it, does not run in this lesson. Look at the number of readings.)
# Now the store's pod goes, as pods do: a new version, a node that dies, somebody's `kubectl delete`. Its
# Deployment makes another. **What will the front say?** (about 5 s. To see it again
# later, run the cell above first: from section 2 on the front is wired by name.)

# %% covers="T8.why"
# !kubectl delete pod --selector app=store
pod = wait_for_pods(core, lab.namespace, "app=store", 1, TIMEOUT)[0]
wait_for(lambda: "503" in str(ask(f"http://{front}:8080")), TIMEOUT, what="the front to notice")
print("The store was at", address, "and is at", pod.status.pod_ip)
print(*ask(f"http://{front}:8080"), sep="\n")

# %% [markdown] covers="T8.why"
# **What happened.** The Deployment kept its promise: one store runs. But it is *another pod*, at another address, and
# nobody told the front, which answers 503. Three reasons why addresses of pods are not enough:
#
# - they change with every pod;
# - three replicas have three of them: which one to give?
# - a pod has its address before its program is ready to answer.
#
# ## 2. A Service: a name and an address that stay
#
# A **Service** is an object that says: *this name and this address stand for all pods with these labels*. Pods come and
# go behind it; those in front of it never know.
#
# Its default type is `ClusterIP`: it gets one virtual address inside the cluster.

# %% [markdown] tags=["teaching"] minutes=7
# - **Ask** before `create service clusterip shop`: error, warning, or nothing? Then: how would you notice?
# - **Show**: the EndpointSlice after each change. Say "slice" at every fault from here on: it is question 3 of
#   section 8.

# %% covers="T8.clusterip" setup="ex-07-2"
# !kubectl delete service store --ignore-not-found
service = client.V1Service(
    metadata=client.V1ObjectMeta(name="store", labels={"app": "store"}),
    spec=client.V1ServiceSpec(selector={"app": "store"}, ports=[client.V1ServicePort(port=8000)]),
)
made = core.create_namespaced_service(lab.namespace, service)
print(made.spec.type, made.spec.cluster_ip, "port", made.spec.ports[0].port)

# %% [markdown] covers="D5.2"
# With `kubectl`, `expose` reads the labels off a Deployment. (`x = !command` keeps what a command prints;
# `--dry-run=client` only prints the manifest, `replace --dry-run=server` asks the server what it would store.)

# %% covers="D5.2"
# by_kubectl = !kubectl expose deployment store --port=8000 --dry-run=client -o yaml | kubectl replace --dry-run=server -o yaml -f -

# %% magic_args="--out by_yaml" language="bash"
# kubectl replace --dry-run=server -o yaml -f - <<END
# apiVersion: v1
# kind: Service
# metadata: {name: store, labels: {app: store}}
# spec:
#   selector: {app: store}
#   ports: [{port: 8000}]
# END

# %%
lab.same(core.read_namespaced_service("store", lab.namespace), by_kubectl, by_yaml)

# %% [markdown]
# (`%%bash --out` keeps what the cell printed; `lab.same` compares what the three ask for.)
#
# Now wire by *name*. `http://store:8000` is the default of the pipeline's programs, so they need no setting at all. The
# front gets a Service too, and a producer starts.

# %% covers="T8.clusterip"
run("front", "front")
run("producer", "producer", "--station=harbour")
# !kubectl expose deployment front --port=80 --target-port=8080 --dry-run=client -o yaml | kubectl apply -f -
wait_for(lambda: "readings" in str(ask("http://front")), TIMEOUT, what="the front's page")
print(*ask("http://front"))

# %% [markdown]
# The same accident as before: the store's pod goes.

# %% covers="T8.clusterip"
# !kubectl delete pod --selector app=store
pod = wait_for_pods(core, lab.namespace, "app=store", 1, TIMEOUT)[0]
wait_for(lambda: "readings" in str(ask("http://front")), TIMEOUT, what="the front's page")
print("store, the pod:    ", pod.status.pod_ip)
print("store, the Service:", core.read_namespaced_service("store", lab.namespace).spec.cluster_ip)
print(*ask("http://front"))


# %% [markdown] covers="T8.clusterip"
# **What happened.** The pod's address is new, the Service's is not, and neither front nor producer was touched. (There
# are few readings: they were in the pod. Lesson 06 keeps them.)
#
# ### Who is behind it?
#
# A Service's `selector` is a question: which pods carry these labels? A loop in the controller manager asks it whenever
# a pod changes, and writes the answer down in an object of its own: the **EndpointSlice**. For a Service that is more
# than one pod, three copies of a small web server stand in for the front: `labs/web` tells its name at `/hostname`. The
# probe is for section 3.


# %% covers="T8.endpoints"
probe = {"httpGet": {"path": "/index.html", "port": "http"}, "periodSeconds": 1, "failureThreshold": 1}
ports = [{"name": "http", "containerPort": 80}]
run("web", image="labs/web:1", replicas=3, ports=ports, readinessProbe=probe)
# !kubectl expose deployment web --port=80 --target-port=http --dry-run=client -o yaml | kubectl apply -f -
# !kubectl get endpointslices --selector kubernetes.io/service-name=web


# %%
def behind(service):
    """Who is behind a Service: a line for each address in its EndpointSlices."""
    which = {"label_selector": f"kubernetes.io/service-name={service}"}
    lines = []
    for part in discovery.list_namespaced_endpoint_slice(lab.namespace, **which).items:
        ports = [port.port for port in part.ports or []]
        for one in part.endpoints or []:
            state = "ready" if one.conditions.ready else "unready"
            lines.append(f"{one.addresses[0]} {ports} {one.target_ref.name} {state}")
    return sorted(lines)


# %% [markdown]
# Follow it: one pod fewer, then three again. (A pod that is ending may stay in the list for a moment, as unready.)

# %% covers="T8.endpoints"
for count in (2, 3):
#     !kubectl scale deployment web --replicas={count}
    wait_for(lambda: str(behind("web")).count(" ready") == count, TIMEOUT, what="the EndpointSlice to follow")
    print(*behind("web"), sep="\n")

# %% [markdown] covers="T8.endpoints"
# The Service itself did not change; the slice did. (In old books it is an `Endpoints` object, one for each Service. Slices
# replaced it: with thousands of pods, one object that changes all the time is too much.)
#
# ### A label mismatch makes no noise
#
# `kubectl create service` knows no Deployment, so it guesses: pods with `app=` the Service's own name.

# %% covers="T8.endpoints"
# !kubectl delete service shop --ignore-not-found
# !kubectl create service clusterip shop --tcp=80
# !kubectl get endpointslices --selector kubernetes.io/service-name=shop
wait_for(lambda: "refused" in str(ask("http://shop/hostname")), TIMEOUT, what="the answer")
print("behind shop:", behind("shop"))
print(*ask("http://shop/hostname"))

# %% [markdown]
# **What happened.** No error, no warning, no event: a Service for no pod is a valid wish. The name is known, the address
# is there, and the connection is refused. An *empty slice* is the sign of a selector that matches nothing (or of no pod
# at all). Repair it:

# %% covers="T8.endpoints"
# !kubectl set selector service shop app=web
wait_for(lambda: "web-" in str(ask("http://shop/hostname")), TIMEOUT, what="a pod behind shop")
print(*behind("shop"), sep="\n")
print(*ask("http://shop/hostname"))


# %% [markdown] covers="D5.2"
# ### Four fields called port
#
# | field | in | means |
# |---|---|---|
# | `containerPort` | pod | a note: the program alone decides where it listens. But it can give the port a **name** |
# | `targetPort` | Service | where the pods listen: a number, or such a name; as `port` if left out |
# | `port` | Service | where the Service answers |
# | `nodePort` | Service | where every node answers: section 5 |
#
# With a name, a program may move to another port, and no Service must change. The Service
# `shop`, tried in three ways: right; asked at a port that it does not have; with a wrong `targetPort`. (some seconds)


# %%
def shop(port, target, sign):
    """Give the Service `shop` other ports, and ask it until the answer shows that the change has arrived."""
    change = [{"op": "replace", "path": "/spec/ports", "value": [{"port": port, "targetPort": target}]}]
    core.patch_namespaced_service("shop", lab.namespace, change)
    wait_for(lambda: sign in str(ask(f"http://shop:{port}/hostname")), TIMEOUT, what=f"{sign!r}")
    print(*behind("shop")[:1], "...", *ask(f"http://shop:{port}/hostname"))


# %% covers="D5.2"
shop(8888, "http", "web-")
print("and asked at port 80:", *ask("http://shop:80/hostname"))
shop(8888, 81, "refused")

# %% [markdown] covers="D5.2"
# **What happened.** With a wrong `targetPort` the slice is *full* and the connection refused all the same: Kubernetes does
# not know where a program listens. And a port that no Service has is nobody's: *Network is unreachable*, or a time-out.
#
# ## 3. Readiness decides
#
# That a container runs does not mean that it can serve. A **readiness probe** asks the pod, again and again; only while
# the answer is good does the pod get requests. A *liveness* probe is another matter: it restarts the container.
#
# Here is the namespace as it is now, and as it changes: an arrow is a pod that the Service sends requests to.

# %% [markdown] tags=["teaching"] minutes=3
# - **Show**: `views.cluster` while the page is taken away; the arrow breaks, the pod stays.
# - **Ask**: restarts? (0. A liveness probe would have.)

# %%
views.cluster(lab)

# %% [markdown]
# The probe of `web` asks for `/index.html` each second. Take this page away from one of the three (`{unready}` puts
# Python's value into the command), and watch its arrow above, and the last lines here: who notices, and who acts?

# %% covers="T8.readiness"
views.timeline(lab, "service/web")

# %% covers="T8.readiness D3.2"
page = "/usr/share/nginx/html/index.html"
unready = min(pod.metadata.name for pod in core.list_namespaced_pod(lab.namespace, label_selector="app=web").items)
# !kubectl exec {unready} -- mv {page} /tmp/page
wait_for(lambda: "unready" in str(behind("web")), TIMEOUT, what="a pod to turn unready")
# !kubectl get pods --selector app=web
print(*behind("web"), sep="\n")

# %% covers="T8.readiness D3.2"
wait_for(lambda: unready not in ask("http://web/hostname", REQUESTS), TIMEOUT, what="the requests to go elsewhere")
Counter(ask("http://web/hostname", REQUESTS))

# %% [markdown] covers="T8.readiness D3.2"
# **What happened.** The pod stays, with its address, and its restart count stays 0; its arrow turned into a broken line. The
# kubelet, which asks the probe, reported `Ready: False`; the endpoint slice controller took the pod out of those that get
# requests; they go to the other two. Nobody saw an error.
#
# It is still `Running`, and answers those who ask it directly. And as soon as the probe is content, it is back:

# %% covers="T8.readiness"
# !kubectl exec {unready} -- mv /tmp/page {page}
wait_for_pods(core, lab.namespace, "app=web", 3, TIMEOUT)
wait_for(lambda: unready in ask("http://web/hostname", REQUESTS), TIMEOUT, what="the pod to serve again")
Counter(ask("http://web/hostname", REQUESTS))

# %% [markdown] covers="T8.rules"
# ## 4. kube-proxy's rules on the node
#
# Who carries a request from the Service's address to a pod? No process of that name is in its way.
#
# <img alt="Before any request: the Service's selector and the pods' readiness give the EndpointSlice; kube-proxy on each
# node reads it and writes rules into the kernel. For a request: the visitor asks DNS for the address, then connects; the
# kernel's rules replace the Service's address by that of one ready pod." width="660" src="data:image/svg+xml,<svg
#  xmlns='http://www.w3.org/2000/svg' viewBox='0 0 660 270' font-family='sans-serif' font-size='14' text-anchor='middle'>
#  <rect width='660' height='270' rx='8' fill='white'/>
#  <rect x='10' y='34' width='640' height='66' rx='8' fill='aliceblue' stroke='steelblue'/>
#  <rect x='10' y='130' width='640' height='130' rx='8' fill='honeydew' stroke='seagreen'/>
#  <g text-anchor='start' font-weight='bold'> <text x='14' y='24'>when something changes</text>
#  <text x='14' y='122'>at each new connection</text></g>
#  <g fill='none' stroke='dimgray' stroke-width='1.5'> <path d='M140 67 H196 M328 67 H392 M460 84 V170 M78 182 V152
#  M138 196 H376 M520 186 L566 166 M520 200 L566 208'/> <path d='M196 67 l-8 -4 v8 z M392 67 l-8 -4 v8 z M460 170 l-4 -8
#  h8 z M376 196 l-8 -4 v8 z M566 166 l-9 0 l4 8 z M566 208 l-8 -5 l-1 8 z' fill='dimgray'/></g>
#  <g fill='white' stroke='black'> <rect x='20' y='50' width='120' height='34' rx='5'/>
#  <rect x='196' y='50' width='132' height='34' rx='5'/> <rect x='392' y='50' width='136' height='34' rx='5'/>
#  <rect x='26' y='180' width='112' height='34' rx='15'/> <rect x='376' y='170' width='144' height='50' rx='5'/>
#  <rect x='566' y='144' width='72' height='28' rx='5'/> <rect x='566' y='194' width='72' height='28' rx='5'/>
#  <rect x='566' y='228' width='72' height='26' rx='5' stroke-dasharray='4'/></g>
#  <text x='80' y='72'>Service</text> <text x='262' y='72'>EndpointSlice</text> <text x='460' y='72'>kube-proxy</text>
#  <text x='168' y='59' font-size='12'>selector</text> <text x='168' y='84' font-size='12'>readiness</text> <text x='590' y='72' font-size='12'>on every node</text>
#  <text x='82' y='202'>visitor</text> <text x='448' y='192'>rules in the</text> <text x='448' y='209'>node's kernel</text>
#  <text x='110' y='150' font-size='13'>DNS: name to address</text> <text x='256' y='189' font-size='13'>to the Service's
#  address</text> <text x='602' y='163'>pod</text> <text x='602' y='213'>pod</text> <text x='602' y='246'
#  font-size='12'>not ready</text></svg>">
#
# **kube-proxy** runs on every node. It watches Services and slices, and writes rules into the kernel's network filter.
# Then it waits for the next change.

# %% [markdown] tags=["teaching"] minutes=6
# - **Ask** before kube-proxy is stopped: do requests arrive? Almost nobody says yes.
# - **Ask**: why does ping fail? Then make them promise not to test a Service with it.
# - Read the rules aloud from above; skip the chains' hashes.

# %% [markdown]
# To see the rules you must be on the node. `kubectl debug node/NAME` starts a pod there that shares the node's network and
# sees its files under `/host`; the profile `sysadmin` gives it the rights. `chroot /host` then runs the node's own
# programs.

# %% covers="T8.rules"
node = core.read_namespaced_pod("visitor", lab.namespace).spec.node_name
DEBUG = "app.kubernetes.io/managed-by=kubectl-debug"
# !kubectl delete pods --selector {DEBUG} --grace-period=1
# !kubectl debug node/{node} --profile=sysadmin --image=labs/shell:1 -- tail -f /dev/null
# !kubectl wait pods --selector {DEBUG} --for=condition=Ready --timeout=20s


# %%
def on_node(*command):
    """Run a program of the node, and return the lines that it prints; none if it cannot be run."""
    windows = core.list_namespaced_pod(lab.namespace, label_selector=DEBUG).items
    if not windows:
        return []
    argv = ["kubectl", "exec", windows[0].metadata.name, "--", "chroot", "/host", *command]
    return subprocess.run(argv, capture_output=True, text=True, check=False).stdout.splitlines()


# %% covers="T8.rules"
def rules(service):
    """kube-proxy's rules for a Service, in the order of their steps, without comments."""
    mine = [line for line in on_node("iptables-save", "-t", "nat") if f'"{lab.namespace}/{service}' in line]
    for step in ("-A KUBE-SERVICES", "-A KUBE-SVC", "DNAT"):
        for line in mine:
            if step in line and "KUBE-MARK-MASQ" not in line:
                before, _, after = line.partition("-m comment --comment ")
                yield before + after.split('" ', 1)[1]
    if not mine:
        yield "This node shows no iptables rules: its kube-proxy works in another way, or we may not look."


print(*rules("web"), sep="\n")

# %% [markdown] covers="T8.rules"
# Read them from above; `-j` means "jump to":
#
# 1. **`KUBE-SERVICES`**: a packet *to* the Service's address and port jumps to the Service's own chain, `KUBE-SVC-...`.
# 2. **`KUBE-SVC-...`**: throw dice. A third jumps to the first pod's chain; of those left, half to the second; what is
#    then left, to the third. So each gets a third.
# 3. **`KUBE-SEP-...`** (*service endpoint*): `DNAT`, replace the destination by the pod's address and port.
#
# The kernel remembers its choice for the rest of the connection. (Left out: rules that make answers come back the same
# way.)
#
# Now turn one pod unready again. **Which lines will go, and which number will change?**

# %% covers="T8.rules T8.readiness"
# !kubectl exec {unready} -- mv {page} /tmp/page
wait_for(lambda: "unready" in str(behind("web")), TIMEOUT, what="a pod to turn unready")
wait_for(lambda: unready not in ask("http://web/hostname", REQUESTS), TIMEOUT, what="the rules to change")
print(*rules("web"), sep="\n")

# %% covers="T8.rules"
# !kubectl exec {unready} -- mv /tmp/page {page}
wait_for_pods(core, lab.namespace, "app=web", 3, TIMEOUT)
wait_for(lambda: unready in ask("http://web/hostname", REQUESTS), TIMEOUT, what="the rules to change back")
print(*rules("web"), sep="\n")

# %% [markdown] covers="T8.rules"
# **What happened.** Two lines less: the unready pod has no rule, so no packet can go there, and the first probability
# became one half. With the pod ready again all is as before. That is all there is to "load balancing" here.
#
# **Misconception**: *a Service is a proxy, a process that passes requests on, by name.* Three experiments. First: does
# anybody have the Service's address? Look at the node's network interfaces, then ping.

# %% covers="T8.rules"
cluster_ip = core.read_namespaced_service("web", lab.namespace).spec.cluster_ip
interfaces = on_node("ip", "address") or ["unknown"]
print("interfaces of the node with", cluster_ip, ":", sum(cluster_ip in line for line in interfaces))
# !kubectl exec visitor -- ping -c 1 -W 1 {cluster_ip} | grep packets
print("/version says:", *ask(f"http://{cluster_ip}/version"))


# %% [markdown]
# Nobody has it, so nobody answers a ping (the exit code 1 is ping's): the rules speak of TCP port 80 alone. And no name
# was needed: names are DNS's business (section 7). So **never test a Service with ping**.
#
# Second: stop kube-proxy and ask on.


# %%
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


# %% covers="T8.rules"
with stopped(f"kube-proxy/{node}"):
    print(Counter(ask("http://web/hostname", REQUESTS)))

# %% [markdown] covers="T8.nodeport"
# Every request arrived. No byte ever passes through kube-proxy; only news about pods would not have reached the rules.
#
# The third experiment needs a door to the outside.
#
# ## 5. NodePort: a door on every node
#
# A ClusterIP means something inside the cluster only. With `type: NodePort` the Service answers, in addition, at one port
# of **every** node, between 30000 and 32767. Chosen by you, or for you. In this course that is also `localhost`.

# %% [markdown] tags=["teaching"] minutes=3
# - **Ask** before the kept connection: will twelve requests reach three pods?

# %% covers="T8.nodeport"
to_node_port = {"spec": {"type": "NodePort", "ports": [{"port": 80, "nodePort": NODE_PORT}]}}
by_python = core.patch_namespaced_service("web", lab.namespace, to_node_port)
print(wait_for_http(f"{lab.url(NODE_PORT)}/hostname"))
# !kubectl get service web

# %% covers="D5.2"
# by_kubectl = !kubectl expose deployment web --type=NodePort --port=80 --target-port=http --dry-run=client -o yaml | kubectl replace --dry-run=server -o yaml -f -

# %% magic_args="--out by_yaml" language="bash"
# kubectl replace --dry-run=server -o yaml -f - <<END
# apiVersion: v1
# kind: Service
# metadata: {name: web, labels: {app: web}}
# spec:
#   type: NodePort
#   selector: {app: web}
#   ports: [{port: 80, targetPort: http}]
# END

# %%
lab.same(by_python, by_kubectl, by_yaml)

# %% [markdown] covers="T8.nodeport"
# In `PORT(S)`, `80:30070/TCP` reads: 80 at the ClusterIP, 30070 at the nodes. `kubectl expose` cannot choose the node port;
# YAML, `kubectl patch` and `kubectl create service nodeport --node-port=` can.
#
# Now the third experiment. Twelve requests, first each over a new connection, then all over one that is kept open, as
# browsers, database clients and gRPC do.

# %% covers="T8.rules T8.nodeport"
print("new connections:", *(wait_for_http(f"{lab.url(NODE_PORT)}/hostname").strip()[-5:] for _ in range(12)))
connection = http.client.HTTPConnection("localhost", NODE_PORT, timeout=5)
answers = []
for _ in range(12):
    connection.request("GET", "/hostname")
    answers.append(connection.getresponse().read().decode().strip()[-5:])
print("one connection: ", *answers)

# %% [markdown]
# **What happened.** The dice are thrown once for each **connection**. New connections go to a random pod, often the same
# one twice: it is not "round robin". Requests on a kept connection all go to one pod, however many others you add. So
# after scaling up, old clients may load old pods only. (`sessionAffinity: ClientIP` is the opposite wish: all
# connections of one client to one pod.)
#
# The first exercise is about a second pipeline, in a garden. Its store and its producer run; the producer does not find
# the store. (Run the cell again to have this start back.)

# %% setup="ex-07-1"
run("garden-store", "store", pipeline="garden")
# !kubectl delete deployment,service garden-front --ignore-not-found
# !kubectl delete service garden-store --ignore-not-found
url = {"name": "STORE", "value": "http://garden-store:8000"}
run("garden-producer", "producer", pipeline="garden", env=[url])
pod = wait_for_pods(core, lab.namespace, "app=garden-producer", 1, TIMEOUT)[0].metadata.name
wait_for(lambda: core.read_namespaced_pod_log(pod, lab.namespace), TIMEOUT, what="the producer's first words")
# !kubectl logs deployment/garden-producer --tail=1

# %% [markdown] tags=["exercise"] exercise="ex-07-1"
# ### Exercise 1: connect the garden
#
# **Goal**: the garden's front shows its readings at `localhost:30071`. Needed: a Service `garden-store`; a Deployment
# `garden-front` (image `weather:1`, argument `front`: `args`, not `command`), which listens on port 8080 and reads the store's URL from
# `STORE`; a Service `garden-front` in front of it.
#
# **Constraint**: wire by name; no address of a pod or a Service in any setting. Leave the two Deployments that run.
#
# **Done when** `localhost:30071` shows the page with at least one reading of the garden's.

# %% [markdown] tags=["teaching"] minutes=10 exercise="ex-07-1"
# - **Mistakes**
#   - a label guessed: *its selector is app=garden*;
#   - the whole garden selected: *pipeline=garden matches garden-producer too*;
#   - `--port=80` for the store: *to answer at port 8000*;
#   - `--tcp=80`, which leads to port 80 of the pods: *targetPort 80*;
#   - `expose` without a type: *its type is ClusterIP*;
#   - a command in place of `args`: *a ready pod of garden-front*.

# %% [markdown] tags=["hint"] exercise="ex-07-1"
# From back to front: a Service for the store, then the front, then a Service for the front. After the first one, the
# producer's log (`kubectl logs deployment/garden-producer --tail=1`) must change. Which type of Service can be reached
# from `localhost`?

# %% [markdown] tags=["hint"] exercise="ex-07-1"
# The store listens on port 8000: `kubectl expose deployment garden-store --port=8000`. The front needs the same `STORE`
# as the producer; `kubectl set env deployment/garden-front STORE=...` sets it. To choose a node port: `kubectl create
# service nodeport`, or YAML.

# %% [markdown] tags=["hint"] exercise="ex-07-1"
# `run("garden-front", "front", env=[{"name": "STORE", "value": "http://garden-store:8000"}])`, then
# `kubectl create service nodeport garden-front --tcp=80:8080 --node-port=30071`, whose guess of a selector,
# `app=garden-front`, is right here.

# %% tags=["answer"] exercise="ex-07-1"
### BEGIN SOLUTION
run("garden-front", "front", env=[{"name": "STORE", "value": "http://garden-store:8000"}])
inner = {"selector": {"app": "garden-store"}, "ports": [{"port": 8000}]}
outer = {"selector": {"app": "garden-front"}, "ports": [{"port": 80, "targetPort": 8080, "nodePort": 30071}]}
for name, spec in {"garden-store": inner, "garden-front": {"type": "NodePort", **outer}}.items():
    apply({"apiVersion": "v1", "kind": "Service", "metadata": {"name": name}, "spec": spec})
### END SOLUTION

# %% tags=["check"]
lab.check("ex-07-1")

# %% [markdown] covers="T8.loadbalancer"
# ## 6. The other kinds
#
# ### LoadBalancer: a NodePort, and a wish to a cloud
#
# Users do not type port 30070 of some node. With `type: LoadBalancer`, a Service has a ClusterIP, a NodePort, and a
# third wish: that somebody puts a load balancer with a public address in front of the nodes. That somebody is a
# controller of the cloud where the cluster runs. The course's engine plays that part, if it runs as root.

# %% [markdown] tags=["teaching"] minutes=6
# - **Ask** before the last line: what would `EXTERNAL-IP` be where no cloud hears the wish? (`<pending>`, for good.)
# - **Show**: both `nslookup` answers, one below the other.

# %% covers="T8.loadbalancer"
# !kubectl delete service web-public --ignore-not-found
# !kubectl expose deployment web --name=web-public --type=LoadBalancer --port=80
# !kubectl wait service web-public --for=jsonpath='{.status.loadBalancer.ingress[0].ip}' --timeout=5s
# !kubectl get service web-public
# !curl -s -m 5 http://$(kubectl get service web-public -o jsonpath='{.status.loadBalancer.ingress[0].ip}')/version

# %% [markdown] covers="T8.loadbalancer"
# **What happened.** `EXTERNAL-IP` is the address that the Service got, and the page answered there, at the Service's
# own port. Only this machine, containers and pods reach it; a cloud's is reached from everywhere, after a minute. In
# Python and YAML it is one word: the `type`.
#
# Do you see `<pending>`, and a wait that ended without success? Then nobody hears the wish: so it is without root's
# rights, and on most clusters of one's own. That is no error; ClusterIP and NodePort work meanwhile.

# %% [markdown] covers="T8.headless"
# ### Headless: all addresses instead of one
#
# Sometimes you do not want *any* pod but *each*: the copies of a database, a client that balances by itself. With
# `clusterIP: None` there is no virtual address and no rule; the name leads to all ready pods. Without a rule nobody
# translates ports either: ask it at the pods' own port. (`port` is only written down.)

# %% covers="T8.headless"
# !kubectl expose deployment web --name=web-each --cluster-ip=None --port=80 --dry-run=client -o yaml | kubectl apply -f -
# by_kubectl = !kubectl get service web-each -o yaml
spec = client.V1ServiceSpec(cluster_ip="None", selector={"app": "web"}, ports=[client.V1ServicePort(port=80)])
metadata = client.V1ObjectMeta(name="web-each", labels={"app": "web"})
each = client.V1Service(metadata=metadata, spec=spec)
by_python = core.replace_namespaced_service("web-each", lab.namespace, each, dry_run="All")

# %% magic_args="--out by_yaml" language="bash"
# kubectl replace --dry-run=server -o yaml -f - <<END
# apiVersion: v1
# kind: Service
# metadata: {name: web-each, labels: {app: web}}
# spec: {clusterIP: None, selector: {app: web}, ports: [{port: 80}]}
# END

# %%
lab.same(by_python, by_kubectl, by_yaml)

# %% [markdown]
# Ask DNS for both, by their full names (section 7 explains them):

# %% covers="T8.headless"
# !kubectl exec visitor -- nslookup web.{lab.namespace}.svc.cluster.local
# !kubectl exec visitor -- nslookup web-each.{lab.namespace}.svc.cluster.local

# %% [markdown] covers="T8.headless T8.externalname"
# One address that no pod has; then three that pods have. StatefulSets build on it: each of their pods gets a name (lesson 09).
#
# ### ExternalName: a second name, nothing more
#
# The archive is not in the cluster but at `archive.example.com`. Programs should not know that: next year it moves in.
# (`kubectl` tries it in another namespace, `-n default`, because the name is taken here.)

# %% covers="T8.externalname"
archive = client.V1Service(
    metadata=client.V1ObjectMeta(name="archive", labels={"app": "archive"}),
    spec=client.V1ServiceSpec(type="ExternalName", external_name="archive.example.com"),
)
# !kubectl delete service archive --ignore-not-found
by_python = core.create_namespaced_service(lab.namespace, archive)
# by_kubectl = !kubectl create service externalname archive --external-name=archive.example.com -n default --dry-run=server -o yaml

# %% magic_args="--out by_yaml" language="bash"
# kubectl replace --dry-run=server -o yaml -f - <<END
# apiVersion: v1
# kind: Service
# metadata: {name: archive, labels: {app: archive}}
# spec: {type: ExternalName, externalName: archive.example.com}
# END

# %%
lab.same(by_python, by_kubectl, by_yaml, ignore=("metadata.namespace", "spec.selector"))

# %% [markdown]
# (`kubectl` adds a selector, which means nothing here.) What DNS makes of it:

# %% covers="T8.externalname"
# !kubectl exec visitor -- nslookup -type=cname archive.{lab.namespace}.svc.cluster.local
print(*ask("http://archive"))

# %% [markdown] covers="T8.externalname"
# DNS answers with a `CNAME`: "look for that name instead". No address, no port, no rule, no pod. The second step fails
# here: the name is made up, and the course's pods have no internet. With a real name, mind two things: the other side sees the name `archive` in the
# request, and TLS certificates are for the real name.
#
# ### A Service without selector
#
# Leave the selector out, and nobody writes a slice; so you may. Addresses from anywhere will do: a database on an old
# machine. (Here a pod stands in for it.) The label says whose slice it is.

# %% covers="T8.endpoints"
elsewhere = wait_for_pods(core, lab.namespace, "app=web", 3, TIMEOUT)[0].status.pod_ip
metadata = {"name": "old-machine"}
apply({"apiVersion": "v1", "kind": "Service", "metadata": metadata, "spec": {"ports": [{"port": 80}]}})
labels = {"kubernetes.io/service-name": "old-machine"}
part = {"addressType": "IPv4", "ports": [{"port": 80}], "endpoints": [{"addresses": [elsewhere]}]}
metadata = {"name": "old-machine-1", "labels": labels}
apply({"apiVersion": "discovery.k8s.io/v1", "kind": "EndpointSlice", "metadata": metadata, **part})
wait_for(lambda: "web" in str(ask("http://old-machine/hostname")), TIMEOUT, what="an answer from elsewhere")
print(*ask("http://old-machine/hostname"))

# %% [markdown]
# Such a Service is in every cluster: the API server itself, which is no pod.

# %%
# !kubectl describe service kubernetes --namespace default | grep -E "Selector|IP:|Port:|Endpoints"

# %% [markdown] covers="T8.environment"
# ## 7. How a program finds a Service
#
# ### By environment variables
#
# When a container starts, the kubelet gives it the address and port of every Service in its namespace, as variables.
# *When it starts*: order matters. Two pods, one before and one after a Service is made:

# %% [markdown] tags=["teaching"] minutes=3
# - **Ask**: why does `kubernetes` fail and `kubernetes.default` not?

# %% covers="T8.environment"
# !kubectl delete service/cellar pod/before pod/after --ignore-not-found --grace-period=1
# !kubectl run before --image=labs/shell:1 --command -- tail -f /dev/null
# !kubectl wait pod before --for=condition=Ready
# !kubectl create service clusterip cellar --tcp=8000
# !kubectl run after --image=labs/shell:1 --command -- tail -f /dev/null
# !kubectl wait pod after --for=condition=Ready

# %% covers="T8.environment"
for pod in ("before", "after"):
    print(f"{pod}:")
#     !kubectl exec {pod} -- env | grep CELLAR_SERVICE

# %% [markdown] covers="T8.environment"
# `before` knows nothing of the cellar as long as its container runs: a process's environment is set once. Nor do
# variables reach other namespaces. They are the old way. (They can even do harm: a Service called `store` sets
# `STORE_PORT`, in every pod. `enableServiceLinks: false` in the pod's spec turns them off.)

# %% [markdown] covers="T8.dns"
# ### By DNS
#
# Every Service has a name in the cluster's DNS, at once, for all pods, old and new:
#
# | you write | works |
# |---|---|
# | `web` | in the Service's own namespace |
# | `web.lab-07` | everywhere in the cluster |
# | `web.lab-07.svc.cluster.local` | the same, in full |
#
# Short names work because of each pod's `/etc/resolv.conf`: the resolver tries the name with each `search` ending.

# %% covers="T8.dns"
# !kubectl exec visitor -- cat /etc/resolv.conf

# %%
LOOK_UP = """
import socket, sys
for name in sys.argv[1:]:
    try:
        print(f"{name:40}", socket.gethostbyname(name))
    except OSError as error:
        print(f"{name:40}", error)
"""

# %% covers="T8.dns"
names = f"web web.{lab.namespace} web.{lab.namespace}.svc.cluster.local kubernetes kubernetes.default"
# !kubectl exec deployment/front -- python3 -c '{LOOK_UP}' {names}

# %% [markdown] covers="T8.dns"
# **What happened.** `kubernetes` is a Service in the namespace `default`. From here its short name means
# `kubernetes.lab-07`, which does not exist; with its namespace it is found. The other way round it is the same: a pod of
# another namespace must say `web.lab-07`. Forgetting this is the usual reason of a failed "name resolution".
#
# The DNS server (CoreDNS) is an ordinary pod behind an ordinary Service: its ClusterIP is the `nameserver` line.

# %% covers="T8.dns"
# !kubectl get service,endpointslices --namespace kube-system --selector k8s-app=kube-dns

# %% [markdown] tags=["exercise"] exercise="ex-07-2"
# ### Exercise 2: two doors to the forecast
#
# Visitors want *a* copy of the forecast's front, the monitoring wants *each*. **Goal**: a Deployment `forecast`, three
# replicas of `weather:1 front` (it finds the `store` of section 2 by itself), and two Services for its pods:
#
# - `forecast`: type NodePort, port 80, node port 30072;
# - `forecast-each`: headless, port 80.
#
# **Constraint**: a pod gets requests only while `/ready` at its port 8080 answers 200 (it does while the front reaches its
# store). Both Services name the pods' port by
# its **name**, `http`. Neither Service leads to any other pod.
#
# **Done when** three ready pods are behind each Service, and `localhost:30072` answers.

# %% [markdown] tags=["teaching"] minutes=11 exercise="ex-07-2"
# - **Mistakes**
#   - no probe, or another path: *no readiness probe*, *it asks for /ready.html*;
#   - the number in place of the name: *by its name, http*;
#   - the headless one with an address: *without an address of its own*; it *cannot be changed*, so it is made again;
#   - `kubectl create service` and its guess: *its selector is app=forecast-each*;
#   - all of the pipeline selected: *pipeline=weather matches front, store too*.

# %% [markdown] tags=["hint"] exercise="ex-07-2"
# Write the Deployment first, and wait until its pods are ready. Where does a port get its name, and who asks `/ready`?
# Compare with `web`: `kubectl get deployment web -o yaml`.

# %% [markdown] tags=["hint"] exercise="ex-07-2"
# In the container: `ports: [{name: http, containerPort: 8080}]` and a `readinessProbe` with `httpGet`. In both Services:
# `targetPort: http` and the same selector, a label that only the forecast's pods carry. (`pipeline: weather` is on
# others too.)

# %% [markdown] tags=["hint"] exercise="ex-07-2"
# `readinessProbe: {httpGet: {path: /ready, port: http}}`. Services: `spec: {type: NodePort, selector: {app: forecast},
# ports: [{port: 80, targetPort: http, nodePort: 30072}]}` and `spec: {clusterIP: None, selector: {app: forecast}, ports:
# [{port: 80, targetPort: http}]}`.

# %% tags=["answer"] exercise="ex-07-2"
### BEGIN SOLUTION
asks = {"httpGet": {"path": "/ready", "port": "http"}, "periodSeconds": 1}
ports = [{"name": "http", "containerPort": 8080}]
run("forecast", "front", replicas=3, ports=ports, readinessProbe=asks)
port = {"port": 80, "targetPort": "http"}
doors = {
    "forecast": {"type": "NodePort", "ports": [port | {"nodePort": 30072}]},
    "forecast-each": {"clusterIP": "None", "ports": [port]},
}
for name, door in doors.items():
    spec = {"selector": {"app": "forecast"}, **door}
    apply({"apiVersion": "v1", "kind": "Service", "metadata": {"name": name}, "spec": spec})
### END SOLUTION

# %% tags=["check"]
lab.check("ex-07-2")

# %% [markdown] covers="D5.2"
# ## 8. Five questions
#
# "The Service does not work" has few causes. Ask in this order, and stop at the first *no*:
#
# | | question | `kubectl` | else |
# |---|---|---|---|
# | 1 | Are the pods **ready**? | `get pods` | `describe pod`: probe, image, crash |
# | 2 | Do the **labels** match? | `get service NAME -o wide`, `get pods --show-labels` | repair the selector |
# | 3 | Is the **slice** filled? | `get endpointslices` (lists unready pods, too), or `describe service` | back to 1 and 2 |
# | 4 | Are the **ports** right? | `describe service`: `TargetPort`; ask the pod itself | repair `targetPort` |
# | 5 | Is the **name** right? | `run tmp ... -- nslookup`, the client's settings | name, namespace, port |
#
# To recognise what is broken, know what is healthy:

# %% [markdown] tags=["teaching"] minutes=3
# - **Show**: put the five questions on the board, and leave them there for exercise 3. Ask them of `web`, which is
#   well, first.

# %% covers="D5.2"
# !kubectl get pods --selector app=web --show-labels
# !kubectl describe service web | grep -E "^(Name|Selector|Type|Port|TargetPort|NodePort|Endpoints)"

# %% [markdown] covers="D5.2"
# Two habits for the exam. `kubectl port-forward` asks a pod **past** the Service: when this works and the Service does not,
# the Service is at fault. (`port-forward service/web` does so too: it picks one pod and uses no rule.) In a terminal, stop
# it with Ctrl-C.

# %% covers="D5.2"
forward = subprocess.Popen(["kubectl", "port-forward", "deployment/web", "8070:80"], stdout=subprocess.DEVNULL)
print(wait_for_http("http://localhost:8070/hostname"))
forward.terminate()

# %% [markdown]
# And a pod that is gone when it has answered, to ask **through** the Service, from inside. (In a terminal, `-it ... -- sh`
# gives you a shell in it. `sleep 2` lets `kubectl` get hold of the output in time.)

# %% covers="D5.2"
# !kubectl run tmp --rm -i --quiet --restart=Never --image=labs/shell:1 -- sh -c "sleep 2; wget -qO- web/hostname"

# %% [markdown]
# The harbour's pipeline was set up in haste. The next cell does it again (run it again to have the mess back).

# %% setup="ex-07-3"
wrong = {"httpGet": {"path": "/readyz", "port": 8080}, "periodSeconds": 1}
url = {"name": "STORE", "value": "http://harbour-store.harbour:8000"}
run("harbour-store", "store", pipeline="harbour")
run("harbour-producer", "producer", "--store=http://harbour-store:8000", pipeline="harbour")
run("harbour-front", "front", pipeline="harbour", readinessProbe=wrong, env=[url], wait=False)
inner = {"selector": {"app": "harbor-store"}, "ports": [{"port": 8000, "targetPort": 80}]}
outer = {"selector": {"app": "harbour-front"}, "ports": [{"port": 80, "targetPort": 8080, "nodePort": 30073}]}
for name, spec in {"harbour-store": inner, "harbour-front": {"type": "NodePort", **outer}}.items():
    apply({"apiVersion": "v1", "kind": "Service", "metadata": {"name": name}, "spec": spec})

# %% [markdown] tags=["exercise"] exercise="ex-07-3"
# ### Exercise 3: the harbour is silent
#
# **Goal**: `localhost:30073` shows the harbour's page, with readings. The chain is producer → Service `harbour-store` →
# store, and you → Service `harbour-front` → front → Service `harbour-store` → store. There are several faults; repairing
# one uncovers the next. Ask the five questions, from you inwards. (`/ready` answers 200 only when the front reaches its
# store. While a Deployment rolls out there are old and new pods: name the one you ask.)
#
# **Constraint**: keep the names of all objects, and the front's readiness probe: it must ask for `/ready`. No Service may
# lead to pods of another program.
#
# **Done when** the page shows at least one reading.

# %% [markdown] tags=["teaching"] minutes=12 exercise="ex-07-3"
# - **Say**: from you inwards; one answer a question; stop at the first *no*.
# - **Mistakes**
#   - the probe removed, which makes the pod ready and nothing else: *no readiness probe*;
#   - the probe repaired, and there they stop: *looks in the namespace harbour*;
#   - one letter not seen: *app=harbor-store*;
#   - the port left: *targetPort 80*;
#   - the selector made wide enough: *pipeline=harbour matches harbour-front, harbour-producer too*.

# %% [markdown] tags=["hint"] exercise="ex-07-3"
# Question 1 for the front: `kubectl get pods --selector pipeline=harbour`, then `kubectl describe pod --selector
# app=harbour-front`: what does the probe ask for, and which status comes back? With the probe right, the status will be
# another one, and the store is to blame.

# %% [markdown] tags=["hint"] exercise="ex-07-3"
# For `harbour-store`: compare its selector with the pods' labels letter by letter; then its `TargetPort` with the port in
# `kubectl logs deployment/harbour-store`. For the front: in which namespace does its `STORE` look?
# (`kubectl set env deployment/harbour-front --list`)

# %% [markdown] tags=["hint"] exercise="ex-07-3"
# Four: probe path `/ready` (`kubectl edit deployment harbour-front`); `STORE=http://harbour-store:8000` (`kubectl set
# env`); selector `app=harbour-store` (`kubectl set selector`); `targetPort: 8000` (`kubectl edit service harbour-store`).

# %% tags=["answer"] exercise="ex-07-3"
### BEGIN SOLUTION
good = {"httpGet": {"path": "/ready", "port": 8080}, "periodSeconds": 1}
url = {"name": "STORE", "value": "http://harbour-store:8000"}
inner = {"selector": {"app": "harbour-store"}, "ports": [{"port": 8000, "targetPort": 8000}]}
apply({"apiVersion": "v1", "kind": "Service", "metadata": {"name": "harbour-store"}, "spec": inner})
run("harbour-front", "front", pipeline="harbour", readinessProbe=good, env=[url])
### END SOLUTION

# %% tags=["check"]
lab.check("ex-07-3")

# %% [markdown] covers="D5.2"
# ## 9. Drain a node while visitors come
#
# A node needs a new kernel. Its pods must go, and nobody must notice: all that you learned comes together. For that,
# give the course a second node, and the node our image, which no registry has. (About 20 s. On a cluster that the course
# did not start, we use what is there.)

# %% [markdown] tags=["teaching"] minutes=8
# - **Ask**: which of the three (probe, `preStop`, budget) could we leave out? Take one out and count failures, if
#   there is time.
# - **Show**: drain on the left, `kubectl get pods -o wide --watch` on the right. Adding the node takes about 20 s,
#   draining 15.

# %%
if lab.engine.kind == "host" and len(core.list_node().items) == 1:
    print("Adding a node ...")
#     !labs up --nodes 2 --quiet
#     !labs load {IMAGE}
#     !kubectl label node node2 added-by=lab-07
# !kubectl get nodes
nodes = sorted(node.metadata.name for node in core.list_node().items)
LAST = nodes[-1] if len(nodes) > 1 else None
print(f"To drain: {LAST}" if LAST else "One node only: nothing to drain here. Read on, and skip this section's cells.")

# %% [markdown]
# The front gets four copies, which the scheduler spreads over the nodes, and what it needs for leaving politely:
#
# - a readiness probe: a *new* copy gets no request too early;
# - `preStop: sleep`: an *old* one goes on for 3 s after it was told to end, until all nodes' rules have forgotten it;
# - a **PodDisruptionBudget**: anyone who evicts pods must leave at least three.

# %%
polite = {
    "readinessProbe": {"httpGet": {"path": "/ready", "port": 8080}, "periodSeconds": 1},
    "lifecycle": {"preStop": {"sleep": {"seconds": 3}}},
}
run("front", "front", **polite)
# !kubectl scale deployment front --replicas=4
wait_for_rollout(apps, "front", lab.namespace, TIMEOUT)
# !kubectl create poddisruptionbudget front --selector=app=front --min-available=3 --dry-run=client -o yaml | kubectl apply -f -
# !kubectl get pods --selector app=front -o wide

# %%
front_port = {"spec": {"type": "NodePort", "ports": [{"port": 80, "nodePort": FRONT_PORT}]}}
core.patch_namespaced_service("front", lab.namespace, front_port)
wait_for_http(lab.url(FRONT_PORT), expect="readings")


# %% [markdown]
# Now drain. `kubectl drain` first *cordons* the node (nothing new is placed there), then *evicts* its pods, by way of the
# budget. It refuses when pods of a DaemonSet or data in an `emptyDir` are in its way, until two flags say that you know.
# `--pod-selector` is for this course: only the front moves, whatever else runs there.
#
# Meanwhile we ask for the page without a pause, and count. A request that fails is not repeated. (about 15 s)


# %%
def outcome(url):
    """How one request ends."""
    try:
        with urllib.request.urlopen(url, timeout=5) as answer:
            return answer.status
    except OSError as error:
        return str(error)


# %%
if LAST:
    drain = ["kubectl", "drain", LAST, "--ignore-daemonsets", "--delete-emptydir-data", "--pod-selector=app=front"]
    with subprocess.Popen(drain, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True) as draining:
        seen = Counter()
        while draining.poll() is None:
            seen[outcome(lab.url(FRONT_PORT))] += 1
        print(draining.stdout.read())
    print("answers by status:", dict(seen))
#     !kubectl get nodes
#     !kubectl get pods --selector app=front -o wide

# %% [markdown]
# **What happened.** The first eviction was granted; the second was refused for a while (`Cannot evict pod as it would
# violate the pod's disruption budget`) until a new copy was ready elsewhere. Each leaving pod was taken out of the slice,
# then out of all nodes' rules, and only then ended. Every answer is a 200.
#
# The front has left the node, which is `SchedulingDisabled`: time for the new kernel. Then it may work again; and as this
# course needs one node only, the second goes.

# %%
if LAST:
    print("Taking back", LAST)
#     !kubectl uncordon {LAST}
if core.list_node(label_selector="added-by=lab-07").items:
    print("Removing it from the course ...")
#     !labs up --nodes 1 --quiet
# !kubectl get nodes

# %% [markdown]
# ## Recap
#
# 1. A pod's **address** changes with the pod.
# 2. A **Service** is a name and an address that stay; its selector, by way of **EndpointSlices**, tells who is behind.
# 3. **Readiness** decides who gets requests; it restarts nothing.
# 4. **kube-proxy** writes rules: the Service's address → one of the ready pods, by chance, for each connection.
# 5. A **NodePort** leads in from outside, at every node.
# 6. **LoadBalancer** adds a wish to a cloud; **headless** gives all addresses; **ExternalName** is a second name.
# 7. Programs find Services by **DNS**; environment variables know only what was there when the container started.
# 8. Pods ready? Labels? Slice? Ports? Name?
# 9. **Drain** = cordon and evict; probes, `preStop` and a budget keep visitors from noticing.
#
# | to do | `kubectl` |
# |---|---|
# | Service for a Deployment | `expose deployment NAME --port=80 --target-port=8080` |
# | with a chosen node port | `create service nodeport NAME --tcp=80:8080 --node-port=30070`, then `set selector` |
# | headless | `expose deployment NAME --cluster-ip=None --port=80` |
# | who is behind | `get endpointslices -l kubernetes.io/service-name=NAME` |
# | other pods behind | `set selector service NAME KEY=VALUE` |
# | ask a pod past its Service | `port-forward POD 8070:80` |
# | ask from inside | `run tmp --rm -it --restart=Never --image=I -- wget -qO- NAME` |
# | empty a node, take it back | `drain NODE --ignore-daemonsets`, `uncordon NODE` |

# %% [markdown] tags=["teaching"] minutes=2
# - **Ask** for the five questions in order, without the board.

# %% [markdown]
# **In practice**: give every Deployment a readiness probe, but think before it asks for *other* programs, as our front's
# does: when the store is gone, all fronts are unready at once, and visitors get "connection refused" instead of a kind
# page. Name your ports. Few programs need a NodePort or a LoadBalancer of their own: an Ingress or a Gateway leads many
# names through one. In big clusters kube-proxy may write nftables instead of iptables rules, or something else does its
# work; the idea stays.
#
# **Next**: lesson 08 puts it all together against the clock: the exam.
#
# ## Clean up

# %%
lab.cleanup()
