# %% [markdown]
# # Say who may do what
#
# Until now you were allowed everything: your `kubectl` comes with a
# certificate that opens every door of the cluster. Programs and colleagues
# should get less, and what they get should be written down.
#
# *You will do*: make a user out of a certificate; give her a few rights and
# ask the API server what she may; let a pod ask the API itself; set rules
# that a request must keep even when its sender has the right; repair a
# program that is refused for five different reasons.
#
# *You will learn*
#
# 1. how the API server knows who asks;
# 2. how Role and RoleBinding give rights, and how to read them back;
# 3. one ClusterRole for many namespaces, and what a ClusterRoleBinding does;
# 4. what a ServiceAccount is, and how its token reaches a pod;
# 5. what happens after a right was found: admission, policies, Pod Security;
# 6. how to read a 403.
#
# *You need*: lesson 04, or to know pods, Deployments and namespaces.
#
# *Time*: about 80 minutes, the three exercises included.

# %% [markdown] tags=["teaching"] minutes=2
# - **Before**: nothing to fetch; section 1 wants the program `openssl` on
#   each machine.
# - **Cut**: the certificate's making in section 1, then the policy in
#   section 5. Keep the pod that asks, and exercise 3.

# %% tags=["parameters"]
TIMEOUT = 60  # seconds to wait for anything

# %%
import docker
from kubernetes import client, config

from labs import open_lab
from labs.waiting import wait_for

lab = open_lab("13")
config.load_kube_config()
core, rbac = client.CoreV1Api(), client.RbacAuthorizationV1Api()

# %% [markdown]
# The pipeline's **store** runs here, and a **front** as a Deployment. A
# second namespace, the *town*, stands for another team; it has a `visitor`.

# %% setup="ex-13-1 ex-13-2 ex-13-3"
docker.from_env().images.build(path=str(lab.project), tag="weather:1", rm=True, labels=lab.labels)
IMAGE, TOWN, YARD = lab.load_image("weather:1"), f"{lab.namespace}-town", f"{lab.namespace}-yard"
mine = core.read_namespace(lab.namespace).metadata.labels
marks = " ".join(f"{key}={value}" for key, value in mine.items() if key != "kubernetes.io/metadata.name")
# !kubectl create namespace {TOWN} --dry-run=client -o yaml | kubectl label -f - --local -o yaml {marks} | kubectl apply -f -
# !kubectl create namespace {YARD} --dry-run=client -o yaml | kubectl label -f - --local -o yaml {marks} | kubectl apply -f -

# %% magic_args="-s {IMAGE} {TOWN}" language="bash" setup="ex-13-1 ex-13-2 ex-13-3"
# kubectl get pod store >/dev/null 2>&1 || kubectl run store --image=$1 -- store
# kubectl apply -f - <<END
# {apiVersion: apps/v1, kind: Deployment, metadata: {name: front}, spec: {selector: {matchLabels: {app: front}}, template: {
#   metadata: {labels: {app: front}}, spec: {containers: [{name: front, image: "$1", args: [front]}]}}}}
# END
# kubectl get pod -n $2 visitor >/dev/null 2>&1 || kubectl run visitor -n $2 --image=labs/shell:1 -- sleep infinity
# kubectl wait pod store --for=condition=Ready --timeout=60s
# kubectl rollout status deployment/front --timeout=60s
# kubectl wait pod -n $2 visitor --for=condition=Ready --timeout=60s

# %% [markdown] covers="D4.2"
# ## 1. Who asks?
#
# The API server asks three questions of each request, in this order:
#
# 1. **Authentication**: who are you?
# 2. **Authorization**: may you do this?
# 3. **Admission**: is *what* you send fine with us? (Section 5.)
#
# So who are you? `whoami` asks the API server, and the answer comes from
# your client certificate:

# %% [markdown] tags=["teaching"] minutes=8
# - **Ask**: where is the list of users? (Nowhere. There is no object for a
#   user; whoever shows a good certificate is the one whose name is in it.)
# - **Draw** the three gates on the board, and come back to them at each 403.

# %% language="bash" covers="D4.2"
# kubectl auth whoami
# kubectl config view --raw --minify --flatten -o jsonpath='{.users[0].user.client-certificate-data}' \
#   | base64 -d | openssl x509 -noout -subject

# %% [markdown] covers="D4.2"
# **What happened.** The name of the user is the certificate's **CN**, its
# groups are the **O** in it. Kubernetes keeps no list of users: it trusts
# any certificate that its own authority has signed.
#
# The group `system:masters` may do everything, by a rule that nobody can
# take away. That is why no right was ever missing in this course.

# %% [markdown] covers="D4.2"
# Now make a colleague, *ada*. She makes a key and a request with her name in
# it. The request goes to the cluster as an object, a
# **CertificateSigningRequest**, and somebody with the right approves it:

# %% magic_args="-s {lab.folder} {lab.namespace}-ada" language="bash" covers="D4.2"
# cd "$1"
# openssl genrsa -out ada.key 2048 2>/dev/null
# openssl req -new -key ada.key -subj "/O=weather/CN=ada" -out ada.csr
# kubectl delete csr $2 --ignore-not-found
# kubectl apply -f - <<END
# apiVersion: certificates.k8s.io/v1
# kind: CertificateSigningRequest
# metadata: {name: $2}
# spec: {request: $(base64 -w0 ada.csr), signerName: kubernetes.io/kube-apiserver-client, expirationSeconds: 86400, usages: [client auth]}
# END

# %% magic_args="-s {lab.folder} {lab.namespace}-ada" language="bash" covers="D4.2"
# cd "$1"
# kubectl certificate approve $2
# kubectl wait csr $2 --for=jsonpath='{.status.certificate}' --timeout=30s
# kubectl get csr $2
# kubectl get csr $2 -o jsonpath='{.status.certificate}' | base64 -d > ada.crt
# kubectl delete csr $2

# %% [markdown]
# A kubeconfig of her own: your file, with her certificate in the place of
# yours.

# %% magic_args="-s {lab.folder}" language="bash" covers="D4.2"
# cd "$1"
# kubectl config view --raw --minify --flatten > ada.yaml
# kubectl --kubeconfig=ada.yaml config set-credentials ada --client-certificate=ada.crt --client-key=ada.key --embed-certs
# kubectl --kubeconfig=ada.yaml config set-context --current --user=ada
# kubectl --kubeconfig=ada.yaml auth whoami
# kubectl --kubeconfig=ada.yaml get pods || true

# %% [markdown] covers="D4.2"
# **What happened.** The API server *knows* her (no 401), and she may do
# nothing (403, `Forbidden`). Read the message once slowly; it names all that
# a rule needs: **who**, which **verb**, which **resource**, in which **API
# group** (`""` is the core group), in which **namespace**.
#
# A certificate cannot be taken back before it expires. What can be taken
# back are the rights of its name.

# %% [markdown] covers="D4.2"
# ## 2. A Role and a RoleBinding
#
# A **Role** is a list of rights, without anybody who has them. A
# **RoleBinding** gives one Role to users, groups or ServiceAccounts. Both
# lie in a namespace and count there only. There are only rights; nothing
# forbids. What no rule allows is refused.

# %% [markdown] tags=["teaching"] minutes=10
# - **Ask** before the logs: she may read pods. Is a log a part of a pod?
# - **Show** `kubectl describe role`, beside the 403 of before.
# - **Say**: rights add up; no line takes one away.

# %% magic_args="-s {lab.folder}" language="bash" covers="D4.2"
# kubectl create role pod-reader --verb=get,list --resource=pods --dry-run=client -o yaml | kubectl apply -f -
# kubectl create rolebinding ada-reads --role=pod-reader --user=ada --dry-run=client -o yaml | kubectl apply -f -
# kubectl describe role pod-reader
# ADA="kubectl --kubeconfig=$1/ada.yaml"
# $ADA get pods
# $ADA logs store || true
# $ADA delete pod store || true
# timeout 3 $ADA get pods --watch-only || true

# %% [markdown] covers="D4.2"
# **What happened.** She sees pods, and three things are refused:
#
# - the log is a **subresource** and stands in a rule by itself: `pods/log`.
#   (So do `pods/exec` and `deployments/scale`.)
# - `delete` is another verb;
# - so is `watch`, which `kubectl get -w` and nearly every program want
#   beside `get` (one, by its name) and `list` (all of them).
#
# **Exam tip.** You need no second user to try it. `--as` lets an
# administrator ask *as if* he were somebody else, and `auth can-i` asks for
# the verdict alone:

# %% language="bash" covers="D4.2"
# kubectl auth can-i list pods --as=ada
# kubectl auth can-i get pods --subresource=log --as=ada || true
# kubectl auth can-i list deployments.apps --as=ada || true
# kubectl auth can-i --list --as=ada | grep -v '\[/'

# %% [markdown] covers="D4.2"
# **Misconception**: *a rule for `deployments` is a rule for Deployments*. A
# rule has `apiGroups`, too, and Deployments are in the group `apps`. `kubectl
# create role` looks the group up; a YAML file written by hand does not, and
# nothing warns you. Here the first Role looks right and gives nothing:

# %% language="bash" covers="D4.2"
# kubectl apply -f - <<END
# {apiVersion: rbac.authorization.k8s.io/v1, kind: Role, metadata: {name: by-hand},
#  rules: [{apiGroups: [""], resources: [deployments], verbs: [list]}]}
# END
# kubectl create rolebinding by-hand --role=by-hand --user=bob --dry-run=client -o yaml | kubectl apply -f -
# kubectl auth can-i list deployments.apps --as=bob || true
# kubectl api-resources --api-group=apps
# kubectl create role by-hand --verb=list --resource=deployments --dry-run=client -o yaml | kubectl apply -f -
# kubectl auth can-i list deployments.apps --as=bob

# %% [markdown] covers="D4.2"
# **`resourceNames`** narrows a rule down to objects by name. It suits `get`,
# `update`, `patch` and `delete`. It cannot narrow `create` (there is no name
# yet), and for `list` the request itself has to ask for the one name:

# %% language="bash" covers="D4.2"
# kubectl create role one-map --verb=get,list --resource=configmaps --resource-name=stations --dry-run=client -o yaml | kubectl apply -f -
# kubectl create rolebinding one-map --role=one-map --user=bob --dry-run=client -o yaml | kubectl apply -f -
# kubectl auth can-i get configmaps/stations --as=bob
# kubectl auth can-i get configmaps/prices --as=bob || true
# kubectl auth can-i list configmaps --as=bob || true

# %% [markdown]
# **Two minutes.** Give ada what she lacks to follow the store's log: change
# the Role `pod-reader`, not the binding (`kubectl edit role pod-reader`, or
# `create role` again with two `--resource`). This cell should then print a
# log, or nothing if the store has said nothing, and no 403:

# %% magic_args="-s {lab.folder}" language="bash"
# kubectl --kubeconfig=$1/ada.yaml logs store --tail=2 || true

# %% [markdown] covers="D4.2"
# ## 3. One ClusterRole, one namespace or all
#
# A **ClusterRole** is the same list of rights, kept outside of namespaces.
# Where it counts, the *binding* says:
#
# | list of rights | bound by | counts |
# |---|---|---|
# | Role | RoleBinding | in this namespace |
# | ClusterRole | RoleBinding | in the binding's namespace |
# | ClusterRole | ClusterRoleBinding | in all namespaces, and for what is in none |
#
# Each cluster has `view`, `edit` and `admin`, made for the second row:

# %% [markdown] tags=["teaching"] minutes=6
# - **Ask** at each row of the table below: which object gave this `yes`?
# - **Say**: a ClusterRoleBinding is the mistake that nobody notices, because
#   everything works.

# %% magic_args="-s {TOWN} {lab.namespace}-nodes" language="bash" covers="D4.2"
# kubectl create rolebinding ada-views -n $1 --clusterrole=view --user=ada --dry-run=client -o yaml | kubectl apply -f -
# kubectl create clusterrole $2 --verb=get,list --resource=nodes --dry-run=client -o yaml | kubectl apply -f -
# kubectl create clusterrolebinding $2 --clusterrole=$2 --user=ada --dry-run=client -o yaml | kubectl apply -f -

# %% [markdown]
# Who may do what now? The API server tells, by the same question that
# `kubectl auth can-i --as` asks, a **SubjectAccessReview**:


# %% setup="ex-13-1 ex-13-3"
def may(user, verb, resource, namespace="", group=""):
    asked = {"verb": verb, "resource": resource, "namespace": namespace, "group": group}
    review = client.V1SubjectAccessReview(spec={"user": user, "resourceAttributes": asked})
    return client.AuthorizationV1Api().create_subject_access_review(review).status.allowed


def who_may(*users):
    what = [("list", "pods", ""), ("delete", "pods", ""), ("list", "deployments", "apps"), ("list", "secrets", "")]
    for user in users:
        for place in (lab.namespace, TOWN, "default"):
            found = [f"{verb} {resource}" for verb, resource, group in what if may(user, verb, resource, place, group)]
            print(f"{user:12} {place:14} {', '.join(found) or '-'}")


# %% covers="D4.2"
who_may("ada", "bob")
print("nodes:", may("ada", "list", "nodes"))

# %% [markdown] covers="D4.2"
# **What happened.** `view` gave ada the town, all of it but its Secrets, and
# nothing of `default`. Nodes lie in no namespace, so a Role cannot name
# them, and only a ClusterRoleBinding can give them.
#
# Had `view` been given by a ClusterRoleBinding, she would read every
# namespace of the cluster. Ask for that only when you mean it.

# %% [markdown]
# Clean up, since rights add up: what stays would count in the exercise.

# %% magic_args="-s {TOWN} {lab.namespace}-nodes" language="bash"
# kubectl delete rolebindings ada-reads by-hand one-map --ignore-not-found
# kubectl delete roles pod-reader by-hand one-map --ignore-not-found
# kubectl delete rolebinding ada-views -n $1 --ignore-not-found
# kubectl delete clusterrolebinding/$2 clusterrole/$2 --ignore-not-found

# %% [markdown] tags=["exercise"] exercise="ex-13-1"
# ### Exercise 1: a reporter and a colleague
#
# *Goal*, in the lesson's namespace:
#
# - a ServiceAccount `reporter`, which may get, list and watch pods, and read
#   their logs;
# - the user `ada` may get, list and watch Deployments.
#
# *Constraint*: nothing more than that for either of them, and nothing in
# another namespace. What you call Roles and bindings is up to you.
#
# *Done when* `kubectl auth can-i watch deployments.apps --as=ada` says yes,
# `kubectl auth can-i get pods --subresource=log
# --as=system:serviceaccount:lab-13:reporter` too, and both say no to
# `delete pods` and to `list secrets`.

# %% [markdown] tags=["teaching"] minutes=8 exercise="ex-13-1"
# - **Mistakes**
#   - `pods/log` forgotten: *no rule for get pods/log*;
#   - `watch` forgotten: *no rule for watch*;
#   - `apiGroups: [""]` for Deployments: *for the API group*;
#   - `--user=reporter`: *names the User reporter*;
#   - a ClusterRoleBinding: *in every namespace*.

# %% [markdown] tags=["hint"] exercise="ex-13-1"
# Two subjects with different rights: two Roles, two bindings. The account
# has to exist first (`kubectl create serviceaccount`).

# %% [markdown] tags=["hint"] exercise="ex-13-1"
# `kubectl create role` takes `--resource=pods,pods/log`. A binding names an
# account as `--serviceaccount=NAMESPACE:NAME`, a user as `--user=NAME`.

# %% [markdown] tags=["hint"] exercise="ex-13-1"
# `kubectl create role reads-logs --verb=get,list,watch
# --resource=pods,pods/log`, `kubectl create rolebinding reads-logs
# --role=reads-logs --serviceaccount=lab-13:reporter`; then the same for
# `--resource=deployments` with `--user=ada`.


# %% tags=["answer"] exercise="ex-13-1"
### BEGIN SOLUTION
core.create_namespaced_service_account(lab.namespace, {"metadata": {"name": "reporter"}})
reporter = {"kind": "ServiceAccount", "name": "reporter", "namespace": lab.namespace}
ada, read = {"kind": "User", "name": "ada"}, ["get", "list", "watch"]
logs = {"apiGroups": [""], "resources": ["pods", "pods/log"], "verbs": read}
deployments = {"apiGroups": ["apps"], "resources": ["deployments"], "verbs": read}
for name, subject, rule in (("reads-logs", reporter, logs), ("sees-deployments", ada, deployments)):
    meta = {"metadata": {"name": name}}
    rbac.create_namespaced_role(lab.namespace, {**meta, "rules": [rule]})
    to = {"apiGroup": "rbac.authorization.k8s.io", "kind": "Role", "name": name}
    rbac.create_namespaced_role_binding(lab.namespace, {**meta, "roleRef": to, "subjects": [subject]})
### END SOLUTION

# %% tags=["check"]
lab.check("ex-13-1")

# %% [markdown] covers="D4.7"
# ## 4. A pod asks the API
#
# A person has a certificate; a program in a pod has a **ServiceAccount**.
# This is a real object, in a namespace. Each namespace has one called
# `default`, and a pod that names none runs as that one:

# %% [markdown] tags=["teaching"] minutes=10
# - **Ask**: who filled in `serviceAccountName` and the volume? (Admission;
#   section 5 comes back to it.)
# - **Show** the payload of the token: it is signed, not encrypted.

# %% language="bash" covers="D4.7"
# kubectl get serviceaccounts
# kubectl get pod store -o jsonpath='{.spec.serviceAccountName}{"\n"}{.spec.volumes[0].projected.sources}{"\n"}'
# kubectl create serviceaccount caller --dry-run=client -o yaml | kubectl apply -f -
# kubectl get pod caller >/dev/null 2>&1 || kubectl run caller --image=labs/shell:1 \
#   --overrides='{"spec": {"serviceAccountName": "caller"}}' -- sleep infinity
# kubectl wait pod caller --for=condition=Ready --timeout=60s
# kubectl exec caller -- ls /var/run/secrets/kubernetes.io/serviceaccount

# %% [markdown] covers="D4.7"
# The volume is put together of three things: a **token** that says who the
# pod is, the **certificate** of the authority, by which the pod knows that
# the API server is the real one, and the pod's namespace. Kubernetes'
# address has a name in DNS. This is all that a program needs:

# %% magic_args="-s {lab.folder}" language="bash" covers="D4.2 D4.7"
# cat > "$1/ask.sh" <<'END'
# cd /var/run/secrets/kubernetes.io/serviceaccount
# curl -sS --cacert ca.crt -H "Authorization: Bearer $(cat token)" https://kubernetes.default.svc/api/v1/namespaces/$(cat namespace)/$1 |
#   grep -E '^  "(message|code)"|^        "name"'
# END
# kubectl exec -i caller -- sh -c 'cat > /tmp/ask' < "$1/ask.sh"
# kubectl exec caller -- sh /tmp/ask pods

# %% [markdown] covers="D4.2 D4.7"
# **What happened.** 403: known, without a right. The full name of the
# account stands in the message: `system:serviceaccount:NAMESPACE:NAME`. Use
# it after `--as`; to a binding you say `--serviceaccount=NAMESPACE:NAME`.

# %% magic_args="-s {lab.namespace}" language="bash" covers="D4.2 D4.7"
# kubectl create role lists-pods --verb=list --resource=pods --dry-run=client -o yaml | kubectl apply -f -
# kubectl create rolebinding lists-pods --role=lists-pods --serviceaccount=$1:caller --dry-run=client -o yaml | kubectl apply -f -
# kubectl auth can-i list pods --as=system:serviceaccount:$1:caller
# kubectl exec caller -- sh /tmp/ask pods

# %% [markdown] covers="D4.7"
# **What happened.** Names of pods in place of a 403, in the same pod, with
# the same token: rights are looked up at each request. The *account* of a
# pod, on the other hand, is fixed when it is made; another account means
# another pod.
#
# And who says that the account must live here? A binding gives the rights of
# *its* namespace to an account of *any*. Let the caller list the town's pods:

# %% magic_args="-s {lab.namespace} {TOWN}" language="bash" covers="D4.2 D4.7"
# kubectl create role lists-pods -n $2 --verb=list --resource=pods --dry-run=client -o yaml | kubectl apply -f -
# kubectl create rolebinding lists-pods -n $2 --role=lists-pods --serviceaccount=$1:caller --dry-run=client -o yaml | kubectl apply -f -
# kubectl exec caller -- sh /tmp/ask ../$2/pods

# %% [markdown] covers="D4.7"
# ### The token
#
# `kubectl create token` asks for one for you. It is a text in three parts;
# the middle one can be read by anybody:

# %% covers="D4.7"
import base64
import json

# asked = !kubectl create token caller --duration=10m --audience=https://kubernetes.default.svc.cluster.local
middle = asked[0].split(".")[1]
claims = json.loads(base64.urlsafe_b64decode(middle + "=" * (-len(middle) % 4)))
print(claims["sub"], "for", claims["aud"], "lives", claims["exp"] - claims["iat"], "s")

# %% [markdown] covers="D4.7"
# **What happened.** The token says who (`sub`), for whom (`aud`, the
# **audience**; another program must not take it) and until when. The one in
# a pod is also *bound* to that pod: it ends with it. The kubelet renews the
# file in time, so programs read it again now and then.
#
# **Misconception**: *`kubectl --token=...` makes me that account*. Beside a
# client certificate it is not looked at:

# %% magic_args="-s {lab.folder}" language="bash" covers="D4.7"
# TOKEN=$(kubectl create token caller)
# kubectl auth whoami --token=$TOKEN | grep Username
# cd "$1"
# kubectl config view --raw --minify --flatten > caller.yaml
# kubectl --kubeconfig=caller.yaml config set-credentials caller --token=$TOKEN
# kubectl --kubeconfig=caller.yaml config set-context --current --user=caller
# kubectl --kubeconfig=caller.yaml auth whoami | grep Username

# %% [markdown] covers="D4.7"
# **Most programs never ask the API.** They need no token, and a token that
# is not there cannot be stolen. `automountServiceAccountToken: false` may
# stand in the pod or in the ServiceAccount; the pod's word counts more.
#
# (An account can also carry `imagePullSecrets`, which its pods then get, as
# in lesson 05.)

# %% language="bash" covers="D4.7"
# kubectl delete pod silent --ignore-not-found --grace-period=1
# kubectl run silent --image=labs/shell:1 --overrides='{"spec": {"automountServiceAccountToken": false}}' -- sleep infinity
# kubectl wait pod silent --for=condition=Ready --timeout=60s
# kubectl exec silent -- ls /var/run/secrets/kubernetes.io/serviceaccount || true

# %% [markdown]
# **Two minutes.** Let the caller see the front's Deployment as well: change
# the Role `lists-pods` here. Names of Deployments are what you want from
# this cell; think of the group:

# %% magic_args="-s {lab.namespace}" language="bash"
# kubectl exec caller -- sh /tmp/ask ../../../../apis/apps/v1/namespaces/$1/deployments

# %% [markdown]
# For the exercise there are two ConfigMaps:

# %% language="bash" setup="ex-13-2"
# kubectl create configmap stations --from-literal=north=on --from-literal=south=off --dry-run=client -o yaml | kubectl apply -f -
# kubectl create configmap prices --from-literal=reading=3 --dry-run=client -o yaml | kubectl apply -f -

# %% [markdown] tags=["exercise"] exercise="ex-13-2"
# ### Exercise 2: the watchman
#
# *Goal*: a pod `watchman` (image `labs/shell:1`, it may just sleep) that
# runs as a ServiceAccount `watchman` of the lesson's namespace, with its
# token mounted as usual. This account may
#
# - get the ConfigMap `stations` here, and no other one;
# - list the pods of the namespace `lab-13-town`.
#
# And a pod `quiet` of the same image, which runs as `watchman`, too, and has
# no token.
#
# *Constraint*: no right beyond these two.
#
# *Done when* a request from inside of `watchman` gets `stations` and the
# town's pods, and 403 for the ConfigMap `prices` and for the pods here.

# %% [markdown] tags=["teaching"] minutes=10 exercise="ex-13-2"
# - **Mistakes**
#   - the account's namespace, with `-n lab-13-town` in mind: *of the namespace lab-13-town*;
#   - the binding made here: *counts in lab-13 only*;
#   - no `resourceNames`: *403 for lab-13/configmaps/prices*;
#   - the pod made before its account was named: *runs as default*;
#   - the token switched off in the account: *no token*.

# %% [markdown] tags=["hint"] exercise="ex-13-2"
# Two Roles with two bindings, in two namespaces, for one account. Which
# namespace does each have to be in?

# %% [markdown] tags=["hint"] exercise="ex-13-2"
# `--resource-name=stations` narrows down the first Role. The second Role and
# its binding lie in the town; the binding names the account by *its*
# namespace. `quiet` gets one line more in its `spec` than `watchman`.

# %% [markdown] tags=["hint"] exercise="ex-13-2"
# `kubectl create rolebinding watchman -n lab-13-town --role=watchman
# --serviceaccount=lab-13:watchman`. In the pods' `spec`:
# `serviceAccountName: watchman`, and for `quiet` also
# `automountServiceAccountToken: false`.

# %% tags=["answer"] exercise="ex-13-2" language="bash"
# ### BEGIN SOLUTION
# HERE=$(kubectl config view --minify -o jsonpath='{..namespace}')
# kubectl create serviceaccount watchman
# kubectl create role one-map --verb=get --resource=configmaps --resource-name=stations
# kubectl create rolebinding one-map --role=one-map --serviceaccount=$HERE:watchman
# kubectl create role town-pods -n $HERE-town --verb=list --resource=pods
# kubectl create rolebinding town-pods -n $HERE-town --role=town-pods --serviceaccount=$HERE:watchman
# kubectl run watchman --image=labs/shell:1 --overrides='{"spec": {"serviceAccountName": "watchman"}}' -- sleep infinity
# kubectl run quiet --image=labs/shell:1 \
#   --overrides='{"spec": {"serviceAccountName": "watchman", "automountServiceAccountToken": false}}' -- sleep infinity
# ### END SOLUTION

# %% tags=["check"]
lab.check("ex-13-2")

# %% [markdown] covers="D4.2"
# ## 5. After the right: admission
#
# A request with a right is not stored yet. **Admission** comes between:
# first plugins that may *change* the object, then those that may only
# *refuse* it. You have seen the first kind at work: nobody wrote
# `serviceAccountName: default` into the store's pod. A **LimitRange** works
# the same way (in a namespace of its own, the *yard*):

# %% [markdown] tags=["teaching"] minutes=8
# - **Ask**: you are `system:masters`. Are you refused here? (Yes: this is no
#   question of rights.)
# - **Say**: a policy of the yard's does not touch any other namespace.

# %% magic_args="-s {YARD}" language="bash" covers="D4.2"
# kubectl label namespace $1 pod-security.kubernetes.io/enforce- pod-security.kubernetes.io/warn-
# kubectl apply -n $1 -f - <<END
# {apiVersion: v1, kind: LimitRange, metadata: {name: small}, spec: {limits: [
#   {type: Container, defaultRequest: {cpu: 20m}, default: {memory: 64Mi}, max: {memory: 256Mi}}]}}
# END
# kubectl run -n $1 plain --image=labs/shell:1 --dry-run=server -o jsonpath='{.spec.containers[0].resources}{"\n"}'
# kubectl run -n $1 large --image=labs/shell:1 --dry-run=server \
#   --overrides='{"spec": {"containers": [{"name": "large", "image": "labs/shell:1", "resources": {"limits": {"memory": "1Gi"}}}]}}' || true

# %% [markdown] covers="D4.2"
# Rules of your own are a **ValidatingAdmissionPolicy**: a condition in the
# language CEL, and a message. A binding says where it counts; here, in the
# yard alone.

# %% magic_args="-s {YARD}" language="bash" covers="D4.2"
# kubectl apply -f - <<END
# apiVersion: admissionregistration.k8s.io/v1
# kind: ValidatingAdmissionPolicy
# metadata: {name: $1-owner}
# spec:
#   matchConstraints: {resourceRules: [{apiGroups: [""], apiVersions: [v1], operations: [CREATE], resources: [pods]}]}
#   validations: [{expression: "has(object.metadata.labels) && 'owner' in object.metadata.labels", message: "Each pod needs a label owner."}]
# ---
# apiVersion: admissionregistration.k8s.io/v1
# kind: ValidatingAdmissionPolicyBinding
# metadata: {name: $1-owner}
# spec: {policyName: $1-owner, validationActions: [Deny],
#   matchResources: {namespaceSelector: {matchLabels: {kubernetes.io/metadata.name: $1}}}}
# END

# %% [markdown]
# A new policy takes a moment until the API server uses it. So wait until a
# pod without the label is refused (nothing is stored: `dry_run`):


# %% covers="D4.2"
def refusal(**labels):
    pod = {
        "metadata": {"name": "tried", "labels": labels},
        "spec": {"containers": [{"name": "a", "image": "labs/shell:1"}]},
    }
    try:
        core.create_namespaced_pod(YARD, pod, dry_run="All")
    except client.ApiException as error:
        return json.loads(error.body)["message"]
    return ""


wait_for(refusal, TIMEOUT)
print(refusal())
print(refusal(owner="ada") or "accepted")

# %% [markdown] covers="D4.2"
# **Pod Security** is such a gate that every cluster has. Labels of a
# namespace switch it on: `enforce` refuses, `warn` accepts with a warning.
# `baseline` forbids what reaches for the node; `restricted` also wants
# pods to give up what they do not need (lesson 14 is about that).

# %% magic_args="-s {YARD}" language="bash" covers="D4.2"
# kubectl delete validatingadmissionpolicybinding/$1-owner validatingadmissionpolicy/$1-owner
# kubectl label namespace $1 --overwrite pod-security.kubernetes.io/enforce=baseline pod-security.kubernetes.io/warn=restricted
# kubectl run -n $1 plain --image=labs/shell:1 --labels=owner=ada --dry-run=server
# kubectl run -n $1 root --image=labs/shell:1 --labels=owner=ada --dry-run=server \
#   --privileged || true

# %% [markdown] covers="D4.2"
# **What happened.** The plain pod is accepted with a warning, the privileged
# one is refused. This is `Forbidden`, too, and yet no Role could have
# helped.
#
# | the message has | gate | look at |
# |---|---|---|
# | `Unauthorized` (401) | who are you | token, certificate, audience |
# | `User "X" cannot VERB resource` | may you | Roles and bindings for X |
# | `ValidatingAdmissionPolicy`, `violates PodSecurity`, `exceeded quota`, `maximum memory` | is it fine | the namespace's rules |

# %% [markdown]
# **Two minutes.** Raise the yard's `enforce` to `restricted`. What does the
# *plain* pod lack? The answer has four parts:

# %% magic_args="-s {YARD}" language="bash"
# kubectl run -n $1 plain --image=labs/shell:1 --labels=owner=ada --dry-run=server || true

# %% [markdown] covers="D4.2 D4.7"
# ## 6. Read a 403
#
# The message names who, verb, resource, group and namespace. So go through
# them in this order:
#
# 1. **Who** is it? `system:anonymous` has no token;
#    `system:serviceaccount:...:default` means that the pod names no account.
# 2. Which **bindings** name exactly this subject, in *this* namespace?
# 3. Which **Role** do they give, and has it this **verb**, this
#    **resource** (with its `/log`) and this **group**?
# 4. At last: who *else* is named there?
#
# A colleague has written a *keeper*. Every two seconds it lists the pods,
# reads the store's log, and notes the time in a ConfigMap `report`:

# %% [markdown] tags=["teaching"] minutes=4
# - **Say**: repair one thing, look at the log, repair the next one.
# - **Ask** before they begin: what is the least that this program needs?

# %% magic_args="-s {lab.folder}" language="bash" setup="ex-13-3"
# cat > "$1/keeper.sh" <<'END'
# cd /var/run/secrets/kubernetes.io/serviceaccount
# ask() {
#   curl -s -m 5 -o /dev/null -w '%{http_code}' --cacert ca.crt -H "Authorization: Bearer $(cat token)" "$@"
# }
# API=https://kubernetes.default.svc/api/v1/namespaces/$(cat namespace)
# while sleep 2; do
#   [ -r token ] || { echo "no token in $PWD"; continue; }
#   NOTE="{\"data\": {\"time\": \"$(date +%T)\"}}"
#   echo "pods: $(ask $API/pods), log: $(ask $API/pods/store/log), report: $(
#     ask -X PATCH -H 'Content-Type: application/merge-patch+json' -d "$NOTE" $API/configmaps/report)"
# done
# END

# %% magic_args="-s {lab.folder}" language="bash" setup="ex-13-3"
# kubectl create configmap report --from-literal=time=never --dry-run=client -o yaml | kubectl apply -f -
# kubectl create configmap keeper-program --from-file="$1/keeper.sh" --dry-run=client -o yaml | kubectl apply -f -

# %% [markdown]
# (Run these cells again to have the mess back.)

# %% magic_args="-s {lab.namespace} {TOWN}" language="bash" setup="ex-13-3"
# kubectl delete deployment,serviceaccount,role,rolebinding keeper --ignore-not-found
# kubectl apply -f - <<END
# {apiVersion: v1, kind: List, items: [
# {apiVersion: v1, kind: ServiceAccount, metadata: {name: keeper}, automountServiceAccountToken: false},
# {apiVersion: rbac.authorization.k8s.io/v1, kind: Role, metadata: {name: keeper}, rules: [
#   {apiGroups: [""], resources: [pods, pods/logs], verbs: [get]},
#   {apiGroups: [apps], resources: [configmaps], verbs: [get, patch], resourceNames: [report]}]},
# {apiVersion: rbac.authorization.k8s.io/v1, kind: RoleBinding, metadata: {name: keeper},
#  roleRef: {apiGroup: rbac.authorization.k8s.io, kind: Role, name: keeper}, subjects: [
#   {kind: ServiceAccount, name: keeper, namespace: $2},
#   {kind: Group, apiGroup: rbac.authorization.k8s.io, name: "system:serviceaccounts:$2"}]}]}
# END

# %% language="bash" setup="ex-13-3"
# kubectl apply -f - <<END
# {apiVersion: v1, kind: List, items: [
# {apiVersion: apps/v1, kind: Deployment, metadata: {name: keeper}, spec: {selector: {matchLabels: {app: keeper}},
#  template: {metadata: {labels: {app: keeper}}, spec: {serviceAccountName: keeper, terminationGracePeriodSeconds: 1,
#   containers: [{name: keeper, image: "labs/shell:1", command: [sh, /program/keeper.sh], volumeMounts: [{name: p, mountPath: /program}]}],
#   volumes: [{name: p, configMap: {name: keeper-program}}]}}}}]}
# END
# kubectl rollout status deployment/keeper --timeout=60s

# %% [markdown] tags=["exercise"] exercise="ex-13-3"
# ### Exercise 3: let the keeper in
#
# *Goal*: the Deployment `keeper` runs as the ServiceAccount `keeper` and
# logs `pods: 200, log: 200, report: 200`.
#
# *Constraint*: least rights. The account `keeper` may list pods, read the
# log of `store`, and patch the ConfigMap `report`, all of it in the lesson's
# namespace, and nothing else (`get` for the same objects is fine). **Nobody
# else** gets these rights: no account of `lab-13-town`, nor `default`. The
# program stays as it is.
#
# *Done when* `kubectl logs deployment/keeper --tail=1` shows three times
# 200, and `who_may` shows nothing for the town's accounts.
#
# There are six faults. Five of them you meet one after the other; the last
# one makes no noise.

# %% [markdown] tags=["teaching"] minutes=12 exercise="ex-13-3"
# - **Mistakes**
#   - the account repaired, the pod not made again: *has no token*;
#   - bound to `cluster-admin`: *keeper of lab-13 may not*;
#   - `pods/logs` kept: *no rule for get pods/log*;
#   - it works, and all go home: *may list pods*;
#   - `default` bound as well: *may list pods*.

# %% [markdown] tags=["hint"] exercise="ex-13-3"
# Begin at the first gate: the log says that there is no token. Who switched
# it off, and when does a pod get one? Then read the 403s one by one, with
# `kubectl auth can-i ... --as=system:serviceaccount:lab-13:keeper`.

# %% [markdown] tags=["hint"] exercise="ex-13-3"
# `kubectl describe rolebinding keeper`: which namespace is the account of,
# and who else is there? `kubectl describe role keeper`: compare verbs,
# subresource and group with what the program wants. (A ConfigMap's group is
# the one of pods.)

# %% [markdown] tags=["hint"] exercise="ex-13-3"
# ServiceAccount: `automountServiceAccountToken: true`, then `kubectl rollout
# restart deployment/keeper`. RoleBinding: one subject, namespace `lab-13`.
# Role: `pods` with `get, list`; `pods/log` with `get`; `configmaps` in the
# group `""` with `get, patch` for `report`.

# %% tags=["answer"] exercise="ex-13-3"
### BEGIN SOLUTION
core.patch_namespaced_service_account("keeper", lab.namespace, {"automountServiceAccountToken": True})
rules = [
    {"apiGroups": [""], "resources": ["pods"], "verbs": ["get", "list"]},
    {"apiGroups": [""], "resources": ["pods/log"], "verbs": ["get"]},
    {"apiGroups": [""], "resources": ["configmaps"], "verbs": ["get", "patch"], "resourceNames": ["report"]},
]
rbac.patch_namespaced_role("keeper", lab.namespace, {"rules": rules})
subjects = [{"kind": "ServiceAccount", "name": "keeper", "namespace": lab.namespace}]
rbac.patch_namespaced_role_binding("keeper", lab.namespace, {"subjects": subjects})
# !kubectl rollout restart deployment/keeper && kubectl rollout status deployment/keeper --timeout=60s
### END SOLUTION

# %% tags=["check"]
lab.check("ex-13-3")

# %% [markdown]
# ## Recap
#
# 1. **Who**: a certificate's CN and O, or a ServiceAccount's token.
# 2. A **Role** lists rights, a **RoleBinding** gives them, in its own
#    namespace. Rights add up; nothing forbids.
# 3. The **binding** says where a ClusterRole counts.
# 4. A pod runs as one **ServiceAccount**, from its start to its end; no
#    token where none is needed.
# 5. **Admission** comes after the right, and holds for everybody.
# 6. A **403** names who, verb, resource, group, namespace. Go through them.
#
# | to do | `kubectl` |
# |---|---|
# | who am I | `auth whoami` |
# | may somebody | `auth can-i VERB RESOURCE --as=NAME` |
# | as an account | `--as=system:serviceaccount:NAMESPACE:NAME` |
# | all that somebody may | `auth can-i --list --as=NAME` |
# | a Role | `create role NAME --verb=get,list --resource=pods,pods/log` |
# | give it | `create rolebinding NAME --role=ROLE --serviceaccount=NAMESPACE:NAME` |
# | a token | `create token NAME --duration=10m` |
# | a pod's account | `set serviceaccount deployment NAME ACCOUNT` |

# %% [markdown] tags=["teaching"] minutes=2
# - **Ask**: a pod gets 403 though a Role has the right. Which three names
#   must agree?

# %% [markdown]
# **In practice**: people come by a login service (OIDC) whose groups are
# bound, and nobody signs certificates by hand. Programs get an account each,
# with its own Role in the same repository. Be wary of `*`, of `secrets`, of
# `pods/exec`, and of the right to make pods: who can start a pod as another
# account has that account's rights.
#
# **Next**: the course page says which lesson comes next for you; lesson 08
# has the plan for the exam.
#
# ## Clean up
#
# What lies outside of the lesson's namespaces is removed by name, if a cell
# was skipped:

# %% magic_args="-s {lab.namespace}" language="bash"
# kubectl delete csr/$1-ada clusterrole/$1-nodes clusterrolebinding/$1-nodes --ignore-not-found
# kubectl delete validatingadmissionpolicybinding/$1-yard-owner validatingadmissionpolicy/$1-yard-owner --ignore-not-found

# %%
lab.cleanup()
