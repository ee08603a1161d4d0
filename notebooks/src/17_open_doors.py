# %% [markdown]
# # Open a door, build walls
#
# So far each program of the weather pipeline that users should see had a
# node port of its own, and every pod could speak to every other. Both are
# too simple for real life: users want one address with names and paths, and
# a store has no business with strangers.
#
# *You will do*: put one front door before the pipeline, with host names,
# paths and a certificate; build walls around its pods, and test each with
# real connections; repair a site that nobody can reach.
#
# *You will learn*
#
# 1. what an Ingress is, and why it needs a controller;
# 2. how host and path choose a Service, and what 404 and 503 tell you;
# 3. how TLS takes its certificate from a Secret;
# 4. how NetworkPolicies deny everything, and allow some of it again;
# 5. one list item or two: a small dash with large consequences;
# 6. how to limit where a pod may go, without losing DNS;
# 7. how to find out which policy stops a connection.
#
# *You need*: lessons 04, 05 and 07, or to know pods, labels, Secrets and
# Services.
#
# *Time*: about 80 minutes, the three exercises included.

# %% [markdown] tags=["teaching"] minutes=3
# - **Before**: run the first cells once on each machine; the controller is
#   fetched over the network the first time.
# - **Cut**: section 3 (TLS), then the port in section 5. Keep section 5's
#   two list items and exercise 3.

# %% tags=["parameters"]
TIMEOUT = 120  # seconds to wait for anything

# %%
import docker
from kubernetes import client, config

from labs import open_lab
from labs.waiting import wait_for

lab = open_lab("17")
config.load_kube_config()
core, networking = client.CoreV1Api(), client.NetworkingV1Api()

# %% [markdown]
# Here is the pipeline again: a **store**, a **producer** that sends it
# temperatures, a **front** that shows them. The store has a helper beside
# it, which offers metrics at port 9100. First the image:

# %% setup="ex-17-1 ex-17-2 ex-17-3"
docker.from_env().images.build(path=str(lab.project), tag="weather:1", rm=True, labels=lab.labels)
IMAGE = lab.load_image("weather:1")

# %% [markdown]
# Then the pods, each with a label `app`, and two Services. (About 10 s. The
# cell removes what is there first, so it can be run again.)

# %% magic_args="-s {IMAGE}" language="bash" setup="ex-17-1 ex-17-2 ex-17-3"
# kubectl delete pod store front producer --ignore-not-found --grace-period=1
# kubectl apply -f - <<END
# {apiVersion: v1, kind: Pod, metadata: {name: store, labels: {app: store}}, spec: {containers: [
#   {name: store, image: "$1", args: [store], ports: [{containerPort: 8000}]},
#   {name: metrics, image: "labs/shell:1", command: [sh, -c, "echo 1 > /tmp/hostname; httpd -f -p 9100 -h /tmp"]}]}}
# END
# kubectl run front --image=$1 --labels=app=front -- front
# kubectl run producer --image=$1 --labels=app=producer -- producer
# kubectl create service clusterip store --tcp=8000 --dry-run=client -o yaml | kubectl apply -f -
# kubectl create service clusterip front --tcp=80:8080 --dry-run=client -o yaml | kubectl apply -f -
# kubectl wait pod store front producer --for=condition=Ready --timeout=60s

# %% [markdown] covers="D5.3"
# ## 1. One door for many programs
#
# A node port is a door without a sign: a number above 30000, one for each
# Service. What users want is `https://weather.example/readings`. A Service
# cannot offer that, since it knows addresses and ports, but neither host
# names nor paths: those stand inside the HTTP request.
#
# An **Ingress** is an object with rules: *requests for this host and this
# path go to that Service*. By itself it does nothing. An **Ingress
# controller**, a web server that runs in the cluster, reads all Ingress
# objects and acts on them. A cluster has none until somebody installs one,
# and so it is here. This cell starts Traefik:

# %% [markdown] tags=["teaching"] minutes=6
# - **Ask**: which object so far was also "stored, and nothing happened"
#   until something read it? (A Service of type LoadBalancer, where no cloud reads it.)

# %% setup="ex-17-1 ex-17-2 ex-17-3" covers="D5.3"
# !labs enable ingress

# %% language="bash" covers="D5.3"
# kubectl get ingressclasses
# kubectl get ingressclass nginx -o jsonpath='{.metadata.annotations}{"\n"}'
# kubectl get pods,services --namespace ingress

# %% [markdown] covers="D5.3"
# **What happened.** The controller is a Deployment like any other, in a
# namespace of its own, and *it* has the one node port that users come in
# by: 32760 (and 32763 for HTTPS).
#
# A cluster may have several controllers. An **IngressClass** is the name of
# one, and an Ingress chooses it by `ingressClassName`. A class that is
# marked as the default is filled in where an Ingress names none.
#
# (A newer set of objects for the same purpose, the Gateway API, needs a
# controller of its own; it is not part of this engine.)

# %% [markdown] covers="D5.3"
# ## 2. Hosts and paths
#
# **Exam tip.** `kubectl create ingress` writes all of it. A rule reads
# `HOST/PATH=SERVICE:PORT`; a `*` at the path's end makes it a prefix. The
# port is the *Service's*, not the pod's:

# %% [markdown] tags=["teaching"] minutes=8
# - **Ask** before the 503: the Service is there, the pods are there. What
#   else can be wrong?
# - **Show** `describe ingress` after each fault: one of them it finds
#   itself, the other only you can.

# %% language="bash" covers="D5.3"
# kubectl create ingress weather --dry-run=client -o yaml \
#   --rule="weather.localhost/*=front:80" --rule="weather.localhost/readings=store:8000" | kubectl apply -f -
# kubectl wait ingress weather --for=jsonpath='{.status.loadBalancer.ingress[0].ip}' --timeout=60s
# kubectl get ingress weather
# kubectl get ingress weather -o jsonpath='{.spec}{"\n"}'

# %% [markdown]
# Now come as a user does. A browser sends the name that you typed as the
# header `Host`. `ask` does the same, without a need for such a name in DNS:

# %% setup="ex-17-1 ex-17-3"
import http.client


def ask(host, path="/"):
    door = http.client.HTTPConnection("localhost", 32760, timeout=5)
    try:
        door.request("GET", path, headers={"Host": host})
        reply = door.getresponse()
        print(f"{host}{path}: {reply.status} {' '.join(reply.read().decode().split())[-60:]}")
    except OSError:
        print(f"{host}{path}: no answer")


# %% covers="D5.3"
ask("weather.localhost")
ask("weather.localhost", "/readings")
ask("weather.localhost", "/readings/today")
ask("other.localhost")

# %% [markdown] covers="D5.3"
# **What happened.** One door, one host name, two programs. `/readings` went
# to the store, all else to the front. (In a browser, open
# `http://weather.localhost:32760`.)
#
# | `pathType` | `/readings` matches |
# |---|---|
# | `Exact` | `/readings` only |
# | `Prefix` | `/readings`, `/readings/`, `/readings/today`, not `/readingsold` |
# | `ImplementationSpecific` | what the controller says |
#
# The longest match wins, and of equals `Exact`, wherever it stands in the
# list. The path is handed on as it is: the front was asked for `/readings/today`, does not
# know it, and so *its own* 404 came back. The last 404 was the controller's:
# no rule is about `other.localhost`.

# %% [markdown] covers="D5.3"
# Here is a colleague's Ingress, with two faults. **Read before you ask**:
# `describe` shows each rule with the pods behind it. Which host will work?

# %% language="bash" covers="D5.3"
# kubectl create ingress faulty --dry-run=client -o yaml --rule="one.localhost/*=front:80" \
#   --rule="two.localhost/*=frnt:80" --rule="three.localhost/*=front:8080" | kubectl apply -f -
# kubectl wait ingress faulty --for=jsonpath='{.status.loadBalancer.ingress[0].ip}' --timeout=60s
# kubectl describe ingress faulty

# %% covers="D5.3"
for host in ("one.localhost", "two.localhost", "three.localhost"):
    ask(host)

# %% [markdown] covers="D5.3"
# **What happened.** `describe` said `services "frnt" not found`. For the
# third host it lists nobody, `front:8080 ()`: the Service `front` has no
# port 8080, that is the *pod's*. (Where a Service's port has no name,
# `describe` lists the pods all the same. So compare the number with
# `kubectl get service front`.)
#
# | answer | from whom | look at |
# |---|---|---|
# | 404 `page not found` | the controller: no rule matches | host, path, class |
# | 404 in other words | the program behind it | the path that it gets |
# | 503 `no available server` | the controller: a rule, but nobody behind it | Service's name and port, ready pods |
# | 503 or 500 in other words | the program | its log |
# | none, or 502, 504 | the pod cannot be reached | `targetPort`, policies (section 7) |
#
# The words are Traefik's; the numbers are much the same everywhere.

# %% [markdown]
# **Two minutes.** Repair the colleague's two rules, in a terminal
# (`labs shell 17` there) or in a cell of your own, after a `!`. `kubectl edit
# ingress faulty` is one way. Then run this cell; 200 is what you want:

# %%
ask("two.localhost")
ask("three.localhost")

# %% [markdown] covers="D5.3"
# A **default backend** answers what no rule matches. And some mistakes the
# API server refuses at once, such as a path without its `pathType`, or the
# API group that old pages on the web still show:

# %% language="bash" covers="D5.3"
# kubectl delete ingress faulty
# kubectl create ingress rest --default-backend=front:80 --dry-run=client -o yaml | kubectl apply -f -
# kubectl wait ingress rest --for=jsonpath='{.status.loadBalancer.ingress[0].ip}' --timeout=60s
# BACKEND='backend: {service: {name: front, port: {number: 80}}}'
# SPEC="metadata: {name: old}, spec: {rules: [{http: {paths: [{path: /, $BACKEND}]}}]}"
# echo "{apiVersion: networking.k8s.io/v1, kind: Ingress, $SPEC}" | kubectl apply -f - || true
# echo "{apiVersion: extensions/v1beta1, kind: Ingress, $SPEC}" | kubectl apply -f - || true

# %%
ask("other.localhost")

# %% language="bash"
# kubectl delete ingress rest

# %% [markdown] covers="D5.3"
# ## 3. TLS: the door gets a certificate
#
# For HTTPS the controller needs a certificate and its key. They come in a
# Secret of type `kubernetes.io/tls`, **in the Ingress's namespace**. The
# connection is encrypted up to the controller, which opens it to read host
# and path, and goes on in plain HTTP to the pods.
#
# In the exam the two files are there. Here Python signs them itself, one
# pair for each of two hosts:

# %% [markdown] tags=["teaching"] minutes=5
# - **Ask**: who can read the request between controller and pod? Is that
#   fine? (Often; if not, the pod needs TLS as well.)

# %% setup="ex-17-1"
import datetime

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

for site in ("weather", "garden"):
    key, host = ec.generate_private_key(ec.SECP256R1()), f"{site}.localhost"
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, host)])
    begin = datetime.datetime.now(datetime.UTC) - datetime.timedelta(days=1)
    made = x509.CertificateBuilder(name, name, key.public_key(), 1, begin, begin + datetime.timedelta(days=90))
    made = made.add_extension(x509.SubjectAlternativeName([x509.DNSName(host)]), False).sign(key, hashes.SHA256())
    pem, plain = serialization.Encoding.PEM, serialization.NoEncryption()
    (lab.folder / f"{site}.crt").write_bytes(made.public_bytes(pem))
    (lab.folder / f"{site}.key").write_bytes(key.private_bytes(pem, serialization.PrivateFormat.PKCS8, plain))

# %% magic_args="-s {lab.folder}" language="bash" covers="D5.3"
# kubectl create secret tls weather-tls --cert=$1/weather.crt --key=$1/weather.key --dry-run=client -o yaml | kubectl apply -f -
# kubectl create ingress weather --dry-run=client -o yaml \
#   --rule="weather.localhost/*=front:80,tls=weather-tls" --rule="weather.localhost/readings=store:8000" | kubectl apply -f -
# kubectl get ingress weather -o jsonpath='{.spec.tls}{"\n"}'

# %% [markdown]
# A client says the host's name *before* anything is encrypted (SNI), so that
# the controller can choose the certificate. Ask for two names:

# %% covers="D5.3"
import socket
import ssl


def certificate(host):
    anything = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    anything.check_hostname, anything.verify_mode = False, ssl.CERT_NONE
    with socket.create_connection(("localhost", 32763), 5) as door:
        with anything.wrap_socket(door, server_hostname=host) as encrypted:
            return x509.load_der_x509_certificate(encrypted.getpeercert(True)).subject.rfc4514_string()


wait_for(lambda: "weather" in certificate("weather.localhost"), TIMEOUT)
print(certificate("weather.localhost"))
print(certificate("other.localhost"))
ask("weather.localhost")

# %% [markdown] covers="D5.3"
# **What happened.** For `weather.localhost` came the Secret's certificate,
# for the other name one that the controller made up. If you see that one,
# host, `tls.hosts` or Secret do not fit together. (A browser warns of both:
# nobody whom it knows has signed them.) And plain HTTP is now answered with
# 308: *come again by HTTPS*.
#
# From a terminal: `curl -k --resolve weather.localhost:32763:127.0.0.1
# https://weather.localhost:32763/`, where `-k` means *whoever signed it*.

# %% [markdown] tags=["exercise"] exercise="ex-17-1"
# ### Exercise 1: the garden's door
#
# *Goal*: an Ingress `garden` for the host `garden.localhost`. Every path
# leads to the Service `front`, port 80; the path `/readings`, and that one
# exactly, to the Service `store`, port 8000. HTTPS uses the certificate in
# `garden.crt` and `garden.key` (in `lab.folder`), from a Secret
# `garden-tls`.
#
# *Constraint*: pods and Services stay as they are.
#
# *Done when* `https://garden.localhost:32763` shows the front's page,
# `/readings` the store's numbers, and `/readings/today` the front's 404.

# %% [markdown] tags=["teaching"] minutes=8 exercise="ex-17-1"
# - **Mistakes**
#   - the pod's port in place of the Service's: *front has the port 80*;
#   - `/readings*`: *pathType: Prefix*;
#   - a host with a slip: *no rule for garden.localhost*;
#   - the Secret made with `generic`: *of the type Opaque*;
#   - in another namespace: *but one in the namespace*.

# %% [markdown] tags=["hint"] exercise="ex-17-1"
# Sections 2 and 3 have nearly the same commands. What is different: a name,
# a host, a Secret.

# %% [markdown] tags=["hint"] exercise="ex-17-1"
# Two commands: `kubectl create secret tls`, then `kubectl create ingress`
# with two `--rule`. A `*` at the end of a path makes it a prefix, none makes
# it exact. `print(lab.folder)` shows where the files are.

# %% [markdown] tags=["hint"] exercise="ex-17-1"
# `kubectl create secret tls garden-tls --cert=.../garden.crt
# --key=.../garden.key`, then `kubectl create ingress garden
# --rule="garden.localhost/*=front:80,tls=garden-tls"
# --rule="garden.localhost/readings=store:8000"`.

# %% tags=["answer"] exercise="ex-17-1"
### BEGIN SOLUTION
files = {"tls.crt": "garden.crt", "tls.key": "garden.key"}
texts = {key: (lab.folder / name).read_text() for key, name in files.items()}
secret = {"metadata": {"name": "garden-tls"}, "type": "kubernetes.io/tls", "stringData": texts}
core.create_namespaced_secret(lab.namespace, secret)


def leads(path, kind, service, port):
    return {"path": path, "pathType": kind, "backend": {"service": {"name": service, "port": {"number": port}}}}


paths = [leads("/", "Prefix", "front", 80), leads("/readings", "Exact", "store", 8000)]
spec = {"rules": [{"host": "garden.localhost", "http": {"paths": paths}}]}
spec["tls"] = [{"hosts": ["garden.localhost"], "secretName": "garden-tls"}]
made = networking.create_namespaced_ingress(lab.namespace, {"metadata": {"name": "garden"}, "spec": spec})
### END SOLUTION

# %% tags=["check"]
lab.check("ex-17-1")

# %% [markdown] covers="D5.1"
# ## 4. Walls: deny everything, then allow
#
# Inside the cluster every pod reaches every other, in all namespaces. Let
# us see. A `guest` joins the pipeline, and a second namespace, the *town*,
# has a `reader` and a `visitor`:

# %% [markdown] tags=["teaching"] minutes=7
# - **Ask** before the first policy: all four get an answer. Who of them
#   should?
# - **Say**: a policy is a list of who may. There is no line that forbids.

# %% setup="ex-17-2 ex-17-3"
TOWN = f"{lab.namespace}-town"
mine = core.read_namespace(lab.namespace).metadata.labels
marks = " ".join(f"{key}={value}" for key, value in mine.items() if key != "kubernetes.io/metadata.name")
# !kubectl create namespace {TOWN} --dry-run=client -o yaml | kubectl label -f - --local -o yaml {marks} | kubectl apply -f -

# %% magic_args="-s {TOWN}" language="bash" setup="ex-17-2 ex-17-3"
# kubectl delete pod guest --ignore-not-found --grace-period=1
# kubectl delete pod -n $1 reader visitor --ignore-not-found --grace-period=1
# kubectl run guest --image=labs/shell:1 --labels=role=reader -- sleep infinity
# kubectl run reader -n $1 --image=labs/shell:1 --labels=role=reader -- sleep infinity
# kubectl run visitor -n $1 --image=labs/shell:1 -- sleep infinity
# kubectl wait pod guest --for=condition=Ready --timeout=60s
# kubectl wait pod -n $1 reader visitor --for=condition=Ready --timeout=60s

# %% [markdown]
# Note the labels: the `guest` here and the `reader` in town both carry
# `role=reader`. This function lets four pods ask the store, by its address:

# %% setup="ex-17-2 ex-17-3"
import subprocess

ASKING = {"front": lab.namespace, "guest": lab.namespace, "reader": TOWN, "visitor": TOWN}


def who_reaches(port=8000):
    address = core.read_namespaced_pod("store", lab.namespace).status.pod_ip
    for name, namespace in ASKING.items():
        command = ["kubectl", "exec", "-n", namespace, name, "--", "timeout", "2", "wget", "-qO-", f"{address}:{port}/hostname"]
        done = subprocess.run(command, capture_output=True, check=False)
        print(f"{name:8} {'an answer' if done.returncode == 0 else 'no answer'}")


# %% covers="D5.1"
who_reaches()

# %% [markdown] covers="D5.1"
# A **NetworkPolicy** selects pods of its own namespace (`podSelector`; `{}`
# is all of them) and says for which directions it speaks (`policyTypes`).
# As soon as any policy selects a pod for `Ingress`, only what some policy
# lists may come in. This one lists nothing:

# %% covers="D5.1"
deny = {"apiVersion": "networking.k8s.io/v1", "kind": "NetworkPolicy", "metadata": {"name": "deny"}}
deny["spec"] = {"podSelector": {}, "policyTypes": ["Ingress"]}
networking.delete_collection_namespaced_network_policy(lab.namespace)
networking.create_namespaced_network_policy(lab.namespace, deny)
who_reaches()

# %% [markdown] covers="D5.1"
# **What happened.** Nobody comes in, and nobody is told so: the packets are
# dropped, and the client waits until it gives up. That is how you recognise
# a wall. A wrong port says *connection refused* at once.
#
# (The policy says "Ingress" and has nothing to do with the object Ingress.
# In policies the word means *inward*, and egress *outward*.)
#
# Now allow the front. There is no generator for policies: copy from the
# documentation, or keep this form in your head.

# %% language="bash" covers="D5.1"
# kubectl apply -f - <<END
# apiVersion: networking.k8s.io/v1
# kind: NetworkPolicy
# metadata: {name: to-store}
# spec:
#   podSelector: {matchLabels: {app: store}}
#   policyTypes: [Ingress]
#   ingress:
#   - from:
#     - podSelector: {matchLabels: {app: front}}
# END

# %% covers="D5.1"
who_reaches()

# %% [markdown] covers="D5.1"
# **What happened.** Two policies select the store, and they **add up**:
# what one of them allows is allowed. Their order does not matter, and none
# can take back what another gives.
#
# **Misconception**: *"`ingress: []` and `ingress: [{}]` are the same."* The
# first is an empty list of rules: nobody. The second has one rule, without
# conditions: everybody.
#
# And the answer to an allowed request? The store may always reply on a
# connection that was let in: a policy is about who *opens* it.

# %% [markdown]
# **Two minutes.** The producer is walled off, too. Let it in: by a change of
# `to-store`, or by a policy of your own. Then look whether it sends:

# %%
# !kubectl logs producer --tail=1

# %% [markdown] covers="D5.1"
# ## 5. One list item, or two
#
# The town's `reader` should read, too. The list `from` says *who*, and each
# of its items is one way in. **In** an item, conditions hold together;
# **between** items, one is enough. Here are two items. Who gets in?

# %% [markdown] tags=["teaching"] minutes=7
# - **Ask** for a vote before each `who_reaches()`. Most are wrong at the
#   first one; do not warn them.
# - **Draw** two doors with one lock each, beside one door with two locks.

# %% magic_args="-s {TOWN}" language="bash" covers="D5.1"
# kubectl apply -f - <<END
# apiVersion: networking.k8s.io/v1
# kind: NetworkPolicy
# metadata: {name: town-to-store}
# spec:
#   podSelector: {matchLabels: {app: store}}
#   policyTypes: [Ingress]
#   ingress:
#   - from:
#     - namespaceSelector: {matchLabels: {kubernetes.io/metadata.name: $1}}
#     - podSelector: {matchLabels: {role: reader}}
# END

# %% covers="D5.1"
who_reaches()

# %% [markdown] covers="D5.1"
# **What happened.** Everybody in town, *or* any reader **of this
# namespace**: a `podSelector` alone looks in the policy's own namespace. So
# both the visitor and the guest came in.
#
# Take one dash away, and it is one item with two conditions. A port is
# added at the same time. Who gets in now?

# %% magic_args="-s {TOWN}" language="bash" covers="D5.1"
# kubectl apply -f - <<END
# apiVersion: networking.k8s.io/v1
# kind: NetworkPolicy
# metadata: {name: town-to-store}
# spec:
#   podSelector: {matchLabels: {app: store}}
#   policyTypes: [Ingress]
#   ingress:
#   - from:
#     - namespaceSelector: {matchLabels: {kubernetes.io/metadata.name: $1}}
#       podSelector: {matchLabels: {role: reader}}
#     ports: [{port: 8000}]
# END

# %% covers="D5.1"
who_reaches()
print("\nat port 9100:")
who_reaches(9100)

# %% [markdown] covers="D5.1"
# **What happened.** Of the town the reader only, and at port 8000 only. At
# 9100, the metrics, the front still gets an answer: its policy `to-store`
# names no port, and so means all of them.
#
# - `ports` are the **pod's** ports, not the Service's.
# - `from` and `ports` of one rule hold together; rules add up.
# - A namespace is chosen by its **labels**. Each has
#   `kubernetes.io/metadata.name`.

# %% [markdown] covers="D5.1"
# ## 6. Where a pod may go
#
# `Egress` works likewise, with `to` in place of `from`. A guest that may
# speak to the store alone:

# %% [markdown] tags=["teaching"] minutes=6
# - **Ask**: the rule allows exactly what the guest wants. Why does it hang?
#   Let them find the difference between name and address.

# %% language="bash" covers="D5.1"
# kubectl delete networkpolicies --all
# kubectl apply -f - <<END
# apiVersion: networking.k8s.io/v1
# kind: NetworkPolicy
# metadata: {name: guest-out}
# spec:
#   podSelector: {matchLabels: {role: reader}}
#   policyTypes: [Egress]
#   egress:
#   - to:
#     - podSelector: {matchLabels: {app: store}}
# END

# %% language="bash" covers="D5.1"
# IP=$(kubectl get pod store -o jsonpath='{.status.podIP}')
# kubectl exec guest -- curl -sS -m 3 http://$IP:8000/healthz
# kubectl exec guest -- curl -sS -m 3 http://store:8000/healthz || true

# %% [markdown] covers="D5.1"
# **What happened.** By address it works, by name it does not: the question
# to DNS goes to a pod in `kube-system`, and that is not on the list. This is
# the most frequent mistake with egress. Allow port 53, in UDP and TCP:

# %% language="bash" covers="D5.1"
# kubectl patch networkpolicy guest-out --type=json -p '[{"op": "add", "path": "/spec/egress/-",
#   "value": {"ports": [{"port": 53, "protocol": "UDP"}, {"port": 53, "protocol": "TCP"}]}}]'
# kubectl exec guest -- curl -sS -m 3 http://store:8000/healthz
# kubectl exec guest -- curl -sS -m 3 http://front/healthz || true

# %% [markdown] covers="D5.1"
# **What happened.** The name leads to the store again, and the front stays
# out of reach. A rule without `to` means: to anybody, at these ports.
#
# `ipBlock` takes addresses in place of labels, for what is not a pod:
# `ipBlock: {cidr: 10.0.0.0/8, except: [10.1.0.0/16]}`.
#
# A connection must be allowed **twice**: by the egress policies of who
# opens it, and by the ingress policies of who is asked.

# %% [markdown]
# **Two minutes.** Let the guest reach the front as well, and only there
# where its *pod* listens. Then run this cell; `ok` is what you want:

# %% language="bash"
# kubectl exec guest -- curl -sS -m 3 http://front/healthz || true

# %% [markdown]
# Before the exercise, tear down all walls:

# %%
# !kubectl delete networkpolicies --all

# %% [markdown] tags=["exercise"] exercise="ex-17-2"
# ### Exercise 2: walls around the store
#
# *Goal*: NetworkPolicies, as many as you like and called as you like, so that
#
# - the store is reached at port 8000 by the pods `app=front` and
#   `app=producer`, and by pods `role=reader` of the namespace `lab-17-town`;
# - by nobody else, and at no other port. Beware of the `guest`;
# - the `producer` itself reaches the store at port 8000, by its name, and
#   nothing else.
#
# *Constraint*: only policies. Pods and Services keep their labels.
#
# *Done when* `who_reaches()` has an answer for front and reader only, and
# `kubectl logs producer --tail=1` says that readings are sent.

# %% [markdown] tags=["teaching"] minutes=11 exercise="ex-17-2"
# - **Mistakes**
#   - two items for the town: *stand in two list items*;
#   - no DNS: *by its name it does not*;
#   - no port: *at port 9100*;
#   - `ingress: [{}]`: *a rule without from*;
#   - `deny` forgotten, selector misspelt: *no policy selects store*.

# %% [markdown] tags=["hint"] exercise="ex-17-2"
# Two policies are enough. Which pod does each select, and in which
# direction does it speak?

# %% [markdown] tags=["hint"] exercise="ex-17-2"
# One selects `app: store`, for Ingress: one rule with three items under
# `from` and one port. The other selects `app: producer`, for Egress: one
# rule to the store, one for DNS.

# %% [markdown] tags=["hint"] exercise="ex-17-2"
# `from: [{podSelector: {matchLabels: {app: front}}}, {podSelector:
# {matchLabels: {app: producer}}}, {namespaceSelector: {matchLabels:
# {kubernetes.io/metadata.name: lab-17-town}}, podSelector: {matchLabels:
# {role: reader}}}]` with `ports: [{port: 8000}]`. For the producer:
# `egress: [{to: [{podSelector: {matchLabels: {app: store}}}], ports: [{port:
# 8000}]}, {ports: [{port: 53, protocol: UDP}, {port: 53, protocol: TCP}]}]`.

# %% tags=["answer"] exercise="ex-17-2"
### BEGIN SOLUTION
def pods(**labels):
    return {"podSelector": {"matchLabels": labels}}


def policy(name, **spec):
    networking.create_namespaced_network_policy(lab.namespace, {"metadata": {"name": name}, "spec": spec})


town = {"namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": TOWN}}}
port = [{"port": 8000}]
came = [{"from": [pods(app="front"), pods(app="producer"), {**town, **pods(role="reader")}], "ports": port}]
goes = [{"to": [pods(app="store")], "ports": port}, {"ports": [{"port": 53, "protocol": p} for p in ("UDP", "TCP")]}]
policy("store", **pods(app="store"), policyTypes=["Ingress"], ingress=came)
policy("producer", **pods(app="producer"), policyTypes=["Egress"], egress=goes)
### END SOLUTION

# %% tags=["check"]
lab.check("ex-17-2")

# %% [markdown] covers="D5.1 D5.3"
# ## 7. A door in the wall
#
# Behind a wall, the Ingress is of no use: its controller is a pod in another
# namespace, and a stranger to your policies. So deny everything to the
# front, and ask at the door; then let the controller in.

# %% [markdown] tags=["teaching"] minutes=5
# - **Ask**: whose address does the front see, the user's or the
#   controller's? So whom does the policy have to name?

# %% language="bash" covers="D5.1 D5.3"
# kubectl delete networkpolicies --all
# kubectl create ingress weather --rule="weather.localhost/*=front:80" --dry-run=client -o yaml | kubectl apply -f -
# kubectl apply -f - <<END
# apiVersion: networking.k8s.io/v1
# kind: NetworkPolicy
# metadata: {name: front}
# spec: {podSelector: {matchLabels: {app: front}}, policyTypes: [Ingress]}
# END

# %% covers="D5.1 D5.3"
ask("weather.localhost")
door = {"from": [{"namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": "ingress"}}}]}
change = {"spec": {"ingress": [{**door, "ports": [{"port": 8080}]}]}}
networking.patch_namespaced_network_policy("front", lab.namespace, change)
ask("weather.localhost")

# %% [markdown] covers="D5.1"
# **Which policy stops it?** Nothing logs a dropped packet. Ask in this
# order:
#
# 1. Does it **hang**, or is it refused? Only what hangs is a wall.
# 2. Does the **address** work where the name does not? Then it is DNS. (A
#    program that waits for a name keeps its own callers waiting, too.)
# 3. Which policies select who is **asked**, for Ingress? Does one of them
#    list this client, at this (pod's) port?
# 4. Which policies select who **asks**, for Egress?
#
# A policy selects by labels, so put them beside each other:

# %% language="bash" covers="D5.1"
# kubectl get pods --show-labels
# kubectl get networkpolicies
# kubectl describe networkpolicy front

# %% [markdown]
# The last exercise starts from a colleague's work, a site of its own beside
# the pipeline. (Run the two cells again to have the mess back.)

# %% magic_args="-s {IMAGE}" language="bash" setup="ex-17-3"
# kubectl delete networkpolicies --all
# kubectl delete pod harbour-store harbour-front --ignore-not-found --grace-period=1
# kubectl run harbour-store --image=$1 --labels=app=harbour-store,site=harbour -- store
# kubectl run harbour-front --image=$1 --labels=app=harbour-front,site=harbour -- \
#   front --title=Harbour --store=http://harbour-store:8000
# kubectl create service clusterip harbour-store --tcp=8000 --dry-run=client -o yaml | kubectl apply -f -
# kubectl create service clusterip harbour-front --tcp=80:8080 --dry-run=client -o yaml | kubectl apply -f -
# kubectl create ingress harbour --rule="harbour.localhost/*=harbour-front:8080" --dry-run=client -o yaml | kubectl apply -f -
# kubectl wait pod harbour-store harbour-front --for=condition=Ready --timeout=60s

# %% magic_args="-s {lab.namespace}" language="bash" setup="ex-17-3"
# kubectl apply -f - <<END
# {apiVersion: v1, kind: List, items: [
# {apiVersion: networking.k8s.io/v1, kind: NetworkPolicy, metadata: {name: harbour-deny}, spec: {
#   podSelector: {matchLabels: {site: harbour}}, policyTypes: [Ingress, Egress]}},
# {apiVersion: networking.k8s.io/v1, kind: NetworkPolicy, metadata: {name: harbour-door}, spec: {
#   podSelector: {matchLabels: {app: harbour-front}}, policyTypes: [Ingress], ingress: [{ports: [{port: 80}],
#     from: [{namespaceSelector: {matchLabels: {kubernetes.io/metadata.name: ingress}}}]}]}},
# {apiVersion: networking.k8s.io/v1, kind: NetworkPolicy, metadata: {name: harbour-front}, spec: {
#   podSelector: {matchLabels: {app: harbour-front}}, policyTypes: [Egress], egress: [{ports: [{port: 8000}],
#     to: [{podSelector: {matchLabels: {app: harbour-store}}}]}]}},
# {apiVersion: networking.k8s.io/v1, kind: NetworkPolicy, metadata: {name: harbour-store}, spec: {
#   podSelector: {matchLabels: {app: harbour-store}}, policyTypes: [Ingress], ingress: [{ports: [{port: 8000}],
#     from: [{podSelector: {matchLabels: {app: harbour-front}}}, {namespaceSelector: {matchLabels: {kubernetes.io/metadata.name: $1}}}]}]}}]}
# END

# %% [markdown] tags=["exercise"] exercise="ex-17-3"
# ### Exercise 3: repair the harbour
#
# "The site is down, and I only made it secure." *Goal*:
# `http://harbour.localhost:32760` shows the page of `harbour-front`, with
# the number of readings in `harbour-store` (0 is a number).
#
# *Constraint*: `harbour-deny` stays as it is, and so do pods and Services.
# The front is reached by the Ingress controller only, the store by the
# front only. The front reaches the store at port 8000 and DNS, nothing else.
#
# *Done when* `ask("harbour.localhost")` shows the page, and the `guest`
# gets no answer from `http://harbour-store:8000`.
#
# There are four faults, and repairing one uncovers the next. The last one
# makes no noise.

# %% [markdown] tags=["teaching"] minutes=11 exercise="ex-17-3"
# - **Ask** whenever somebody is stuck: is it the controller, the front or
#   nobody who answers now?
# - **Mistakes**
#   - `harbour-deny` deleted: *a NetworkPolicy harbour-deny*;
#   - the Service's port in the policy: *no answer within*;
#   - no DNS: *by its name it does not*;
#   - it works, and all go home: *guest reaches it*;
#   - `egress: [{}]` for DNS: *harbour-front reaches it*.

# %% [markdown] tags=["hint"] exercise="ex-17-3"
# Ask at the door after each repair. First the controller answers, then
# nobody does. Later `ask("harbour.localhost", "/hostname")` has an answer,
# which the front gives without its store, and `/` still has none.

# %% [markdown] tags=["hint"] exercise="ex-17-3"
# Which port has the *Service* `harbour-front`, and which one its *pod*? By
# which way does the front find out where `harbour-store` is? How many items
# has `from` in the policy `harbour-store`? (`kubectl edit` changes it all.)

# %% [markdown] tags=["hint"] exercise="ex-17-3"
# Ingress `harbour`: port 80. Policy `harbour-door`: port 8080. Policy
# `harbour-front`: one more rule, `- ports: [{port: 53, protocol: UDP}, {port:
# 53, protocol: TCP}]`. Policy `harbour-store`: remove the item with the
# `namespaceSelector`.

# %% tags=["answer"] exercise="ex-17-3"
### BEGIN SOLUTION
def repair(name, *changes):
    networking.patch_namespaced_network_policy(name, lab.namespace, list(changes))


backend = "/spec/rules/0/http/paths/0/backend/service/port/number"
service_port = [{"op": "replace", "path": backend, "value": 80}]
networking.patch_namespaced_ingress("harbour", lab.namespace, service_port)
repair("harbour-door", {"op": "replace", "path": "/spec/ingress/0/ports/0/port", "value": 8080})
dns = {"ports": [{"port": 53, "protocol": "UDP"}, {"port": 53, "protocol": "TCP"}]}
repair("harbour-front", {"op": "add", "path": "/spec/egress/-", "value": dns})
repair("harbour-store", {"op": "remove", "path": "/spec/ingress/0/from/1"})
### END SOLUTION

# %% tags=["check"]
lab.check("ex-17-3")

# %% [markdown]
# ## Recap
#
# 1. An **Ingress** is a list of rules; a **controller** acts on them, and a
#    class says which one.
# 2. **Host, then path** choose a Service and *its* port. 404: no rule. 503:
#    a rule, and nobody behind it.
# 3. **TLS**: a Secret of type `kubernetes.io/tls` in the same namespace, and
#    the host in `tls.hosts`.
# 4. A **NetworkPolicy** selects pods. What no policy allows them is
#    dropped; policies add up.
# 5. **Within** an item all conditions hold; **between** items one is enough.
# 6. **Egress** needs port 53 as well, or names end.
# 7. It **hangs**: look at ingress of who is asked, then at egress of who
#    asks.
#
# | to do | `kubectl` |
# |---|---|
# | an Ingress | `create ingress NAME --rule="HOST/PATH*=SERVICE:PORT,tls=SECRET"` |
# | its Secret | `create secret tls NAME --cert=FILE --key=FILE` |
# | who is behind it | `describe ingress NAME` |
# | try it | `curl -H "Host: HOST" localhost:PORT` |
# | all policies in words | `describe networkpolicies` |
# | the fields | `explain networkpolicy.spec.ingress.from` |

# %% [markdown] tags=["teaching"] minutes=2
# - **Ask**: a policy allows it, and yet it hangs. What are the three places
#   that you look at?

# %% [markdown]
# **In practice**: begin each namespace with a policy that denies all, and
# allow by need, DNS first. Enforcement is the network plugin's work: with one
# that knows no policies they are stored, and nothing happens. So test a wall
# as you did here, by a connection that must not come through. Certificates
# are renewed by a program such as cert-manager, and never by hand.
#
# **Next**: the course page says which lesson comes next for you; lesson 08
# has the plan for the exam.
#
# ## Clean up
#
# The controller goes on until `labs disable ingress`.

# %%
lab.cleanup()
