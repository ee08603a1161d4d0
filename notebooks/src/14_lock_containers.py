# %% [markdown]
# # Lock a container down
#
# The weather pipeline runs. One day somebody finds a hole in one of its
# programs, and sends it a command in place of a temperature. What can that
# stranger do from inside the container? Whatever the container may do. So
# let it do little.
#
# *You will do*: play the stranger. Each attack works first; then you take
# away the right that it needs, and it does not work any more.
#
# *You will learn*
#
# 1. what root in a container can do, and how to run as somebody else;
# 2. what capabilities are, and how to drop them;
# 3. how a program becomes root, and how to forbid it;
# 4. a read-only root filesystem, and a filter for system calls;
# 5. who may read a volume;
# 6. which field stands at the pod, and which at the container;
# 7. what opens all of it again: `privileged`, `hostPath`, `hostPID`;
# 8. what is in an image, and what should not be.
#
# *You need*: lessons 02 and 04, or to know images, pods and Deployments.
#
# *Time*: about 90 minutes, the three exercises included.

# %% [markdown] tags=["teaching"] minutes=3
# - **Before**: ask who has ever written `privileged: true` "to get it
#   running".
# - **Cut**: section 8 from the layers on, then section 7. Keep the table of
#   attacks and exercise 3.

# %% tags=["parameters"]
TIMEOUT = 60  # seconds to wait for a pod

# %%
import io
import json
import subprocess
import tarfile

import docker
from kubernetes import client, config

from labs import open_lab

lab = open_lab("14")
config.load_kube_config()
core, apps, engine = client.CoreV1Api(), client.AppsV1Api(), docker.from_env()

# %% [markdown]
# A colleague has packed the pipeline's programs into an image of his own,
# `beacon:1`. Two of its lines are bad habits: it runs as root, and it has a
# program `fixer` that makes anybody root (more of it in section 3). In
# `beacon:2` he has read that root is bad, and names a user. (About 15 s.)

# %% setup="ex-14-1 ex-14-2 ex-14-3"
BEACON = """FROM weather:1
USER root
RUN cp "$(readlink -f /usr/bin/python3)" /usr/local/bin/fixer && chmod 4755 /usr/local/bin/fixer
RUN echo "keeper:x:1000:1000::/:/bin/sh" >> /etc/passwd
USER 0
"""
options = {"rm": True, "labels": lab.labels}
engine.images.build(path=str(lab.project), tag="weather:1", **options)
engine.images.build(fileobj=io.BytesIO(BEACON.encode()), tag="beacon:1", **options)
engine.images.build(fileobj=io.BytesIO(b"FROM beacon:1\nUSER keeper\n"), tag="beacon:2", **options)
WEATHER, OPEN, NAMED = [lab.load_image(name) for name in ("weather:1", "beacon:1", "beacon:2")]

# %% [markdown] covers="D4.8"
# ## 1. Root, fenced in
#
# A pod that says nothing about security, as most do:

# %% [markdown] tags=["teaching"] minutes=6
# - **Ask** before the table: which of the six will work?
# - **Say**: nobody has done anything wrong here. These are the defaults.

# %% magic_args="-s {OPEN}" language="bash" covers="D4.8"
# kubectl replace --force --grace-period=1 -f - <<END
# {apiVersion: v1, kind: Pod, metadata: {name: open}, spec: {containers: [
#   {name: main, image: "$1", args: [store]}]}}
# END

# %% language="bash" covers="D4.8"
# kubectl wait pod open --for=condition=Ready --timeout=60s
# kubectl exec open -- id

# %% [markdown]
# Now you are the stranger. `attack` tries six things in a pod and prints
# which of them worked:

# %%
ATTACKS = {
    "change a program": "touch /app/store.py",
    "give a file away": "touch /dev/shm/x && chown 1234 /dev/shm/x",
    "send forged packets": "ping -c 1 -W 1 127.0.0.1",
    "become root": "test $(id -u) = 0 || fixer -c 'import os; os.setuid(0)'",
    "bring tools along": "touch /tmp/tool",
    "make namespaces": "unshare -U true",
}

# %%
def attack(pod):
    for what, command in ATTACKS.items():
        run = ["kubectl", "exec", pod, "--", "sh", "-c", command]
        done = subprocess.run(run, capture_output=True, timeout=TIMEOUT, check=False)
        print(f"{what:22} {'refused' if done.returncode else 'WORKED'}")


# %% covers="D4.8"
attack("open")

# %% [markdown] covers="D4.8"
# **What happened.** All of it works. Root in a container is the *same user
# number 0* as root on the node. What keeps it inside are the namespaces and
# a shorter list of rights. A fault in the kernel, or one careless volume,
# and it is root on the node.
#
# The process's rights stand in `/proc/1/status`. These lines are what this
# lesson is about:

# %% language="bash" covers="D4.8"
# kubectl exec open -- grep -E "^(Uid|Gid|Groups|CapEff|CapBnd|NoNewPrivs|Seccomp):" /proc/1/status

# %% [markdown] covers="D4.8"
# ## 2. Somebody else
#
# Three fields say who runs in the container:
#
# | field | meaning |
# |---|---|
# | `runAsUser: 1000` | this user, whatever the image says |
# | `runAsGroup: 3000` | this group; without it, 0 where the image does not know the user |
# | `runAsNonRoot: true` | a question, not a change: start only if it is not root |
#
# The last one first. A pod of the same image that must not be root:

# %% [markdown] tags=["teaching"] minutes=7
# - **Ask**: `runAsNonRoot` is there, so as whom does it run?
# - **Show** the two messages next to each other: what does the kubelet know
#   of a name?

# %% magic_args="-s {OPEN} {NAMED}" language="bash" covers="D4.8"
# kubectl replace --force --grace-period=1 -f - <<END
# {apiVersion: v1, kind: List, items: [
# {apiVersion: v1, kind: Pod, metadata: {name: asked}, spec: {securityContext: {runAsNonRoot: true}, containers: [
#   {name: main, image: "$1", args: [store]}]}},
# {apiVersion: v1, kind: Pod, metadata: {name: named}, spec: {securityContext: {runAsNonRoot: true}, containers: [
#   {name: main, image: "$2", args: [store]}]}}]}
# END

# %% language="bash" covers="D4.8"
# timeout 60 sh -c 'until [ "$(kubectl get pods asked named | grep -c CreateContainerConfigError)" = 2 ]; do sleep 1; done'
# kubectl get pods asked named -o jsonpath='{range .items[*]}{.status.containerStatuses[0].state.waiting.message}{"\n"}{end}'

# %% [markdown] covers="D4.8"
# **What happened.** The kubelet refuses both, before anything runs. The
# first image would run as root. The second has `USER keeper`, a *name*: what
# number that is stands in a file in the image, and the kubelet does not look
# into images. So in a Dockerfile write `USER 1000`, and not a name.
#
# **Misconception**: *"`runAsNonRoot: true` makes it run as another user."*
# It only asks. `runAsUser` (or a number in the image) makes it so:

# %% magic_args="-s {OPEN}" language="bash" covers="D4.8"
# kubectl delete pod asked named --grace-period=1
# kubectl replace --force --grace-period=1 -f - <<END
# {apiVersion: v1, kind: Pod, metadata: {name: user}, spec: {
#   securityContext: {runAsUser: 1000, runAsGroup: 3000, runAsNonRoot: true},
#   containers: [{name: main, image: "$1", args: [store]}]}}
# END

# %% language="bash" covers="D4.8"
# kubectl wait pod user --for=condition=Ready --timeout=60s
# kubectl exec user -- id

# %% covers="D4.8"
attack("user")

# %% [markdown] covers="D4.8"
# **What happened.** Three attacks fail now. But `fixer` is still a way back
# to root, and anyone who is root again can do all six.
#
# **Two minutes.** As whom does `weather:1` run, if a pod says nothing? Make
# one (`kubectl run plain --image=weather:1 -- store`), and look with `id`.
# Which file made it so?

# %% [markdown] covers="D4.8"
# ## 3. Capabilities, and the way back to root
#
# Root's might is divided into 41 **capabilities**: `CHOWN` gives files away,
# `NET_RAW` forges packets, `SYS_ADMIN` mounts, and much else. A container
# gets 14 of them. `CapEff` is the set in force, one bit each:

# %% [markdown] tags=["teaching"] minutes=9
# - **Draw** a ring of 41 keys: the container's root has 14 of them, a user
#   none, `drop: [ALL]` throws the ring away.
# - **Ask** before the pod `added`: user 1000, and `CHOWN` added. Can it?

# %%
NAMES = """CHOWN DAC_OVERRIDE DAC_READ_SEARCH FOWNER FSETID KILL SETGID SETUID SETPCAP LINUX_IMMUTABLE
NET_BIND_SERVICE NET_BROADCAST NET_ADMIN NET_RAW IPC_LOCK IPC_OWNER SYS_MODULE SYS_RAWIO SYS_CHROOT SYS_PTRACE
SYS_PACCT SYS_ADMIN SYS_BOOT SYS_NICE SYS_RESOURCE SYS_TIME SYS_TTY_CONFIG MKNOD LEASE AUDIT_WRITE AUDIT_CONTROL
SETFCAP MAC_OVERRIDE MAC_ADMIN SYSLOG WAKE_ALARM BLOCK_SUSPEND AUDIT_READ PERFMON BPF CHECKPOINT_RESTORE""".split()

# %%
def capabilities(pod, kind="CapEff"):
    run = ["kubectl", "exec", pod, "--", "grep", kind, "/proc/1/status"]
    mask = int(subprocess.run(run, capture_output=True, text=True, check=True).stdout.split()[1], 16)
    print(f"{pod} {kind}: {' '.join(n for bit, n in enumerate(NAMES) if mask >> bit & 1) or 'none'}")


# %% covers="D4.8"
capabilities("open")
capabilities("user")
capabilities("user", "CapBnd")

# %% [markdown] covers="D4.8"
# **What happened.** The user has none in force. But the *bounding set*,
# what it could ever get, still has 14: that is what `fixer` uses.
#
# Drop all, and add what the program needs. `bare` is root without
# capabilities, `giver` root with one, `added` the user 1000 with the same one:

# %% magic_args="-s {OPEN}" language="bash" covers="D4.8"
# for line in "bare 0 []" "giver 0 [CHOWN]" "added 1000 [CHOWN]"; do
# set -- "$1" $line
# kubectl replace --force --grace-period=1 -f - <<END
# {apiVersion: v1, kind: Pod, metadata: {name: $2, labels: {show: caps}}, spec: {containers: [{name: main, image: "$1", args: [store],
#   securityContext: {runAsUser: $3, capabilities: {drop: [ALL], add: $4}}}]}}
# END
# done

# %% language="bash" covers="D4.8"
# kubectl wait pods -l show=caps --for=condition=Ready --timeout=60s
# for pod in bare giver added; do
#   echo "$pod: $(kubectl exec $pod -- sh -c 'touch /tmp/x; chown 1234 /tmp/x 2>&1 && echo given away')"
# done

# %% covers="D4.8"
for pod in ("bare", "giver", "added"):
    capabilities(pod)
capabilities("added", "CapBnd")

# %% [markdown] covers="D4.8"
# **What happened.** Root without capabilities is weak: it cannot even give
# its own file away. With `add: [CHOWN]` it can.
#
# **Misconception**: *"An added capability works for any user."* For a user
# other than root, Kubernetes puts it into the bounding set only: `added` may
# not. Such a program needs root (with this one capability), or must do
# without.
#
# **Exam tip.** `drop: ["ALL"]`, in capital letters, and names without
# `CAP_`. `all` drops as well, but the level `restricted` (section 6) refuses
# it. `CAP_CHOWN` is taken without a word, and does nothing here.
#
# The classic `NET_BIND_SERVICE`, for ports below 1024, is rarely needed:
# containerd and Docker let every user of a container open them.

# %% [markdown] covers="D4.8"
# Now `fixer`. It is a **setuid** program: the `s` in its mode says *run me
# as my owner*, and that is root. `sudo`, `su` and `mount` are such programs.
# `allowPrivilegeEscalation: false` sets the process's flag `no_new_privs`:
# no program that it starts may have more rights than it has.

# %% magic_args="-s {OPEN}" language="bash" covers="D4.8"
# kubectl replace --force --grace-period=1 -f - <<END
# {apiVersion: v1, kind: Pod, metadata: {name: fixed}, spec: {containers: [{name: main, image: "$1", args: [store],
#   securityContext: {runAsUser: 1000, allowPrivilegeEscalation: false}}]}}
# END

# %% language="bash" covers="D4.8"
# kubectl wait pod fixed --for=condition=Ready --timeout=60s
# for pod in user fixed; do
#   kubectl exec $pod -- sh -c 'ls -l /usr/local/bin/fixer; grep NoNewPrivs /proc/1/status'
#   kubectl exec $pod -- fixer -c 'import os; os.setuid(0); os.system("id")' 2>&1 | grep -E "uid|Error"
# done

# %% [markdown] covers="D4.8"
# **What happened.** The file is the same, the `s` is still there, but it
# does not count any more.
#
# ## 4. Nothing to write, less to ask
#
# Two more. `readOnlyRootFilesystem: true` mounts the image read-only, so a
# stranger cannot change programs or leave tools. But programs write, too:
# logs, caches, `/tmp`.

# %% [markdown] tags=["teaching"] minutes=8
# - **Ask**: the pod crashes. What does the log say, and what is the cheap
#   way out? (Not that one.)

# %% magic_args="-s {OPEN}" language="bash" covers="D4.8"
# kubectl replace --force --grace-period=1 -f - <<END
# {apiVersion: v1, kind: Pod, metadata: {name: sealed}, spec: {restartPolicy: Never, containers: [{name: main, image: "$1",
#   command: [sh, -c, "date > /tmp/started && exec python3 -u /app/store.py"],
#   securityContext: {readOnlyRootFilesystem: true}}]}}
# END
# kubectl wait pod sealed --for=jsonpath='{.status.phase}'=Failed --timeout=60s

# %% language="bash" covers="D4.8"
# kubectl logs sealed

# %% [markdown] covers="D4.8"
# The answer is never `readOnlyRootFilesystem: false`, but a volume for the
# one folder that the program needs: an `emptyDir`. (Not over `/app`: a
# volume **hides** what the image has there, the program included.) The
# store also writes to `/data`.
#
# And **seccomp**: a filter for system calls. `RuntimeDefault` is
# containerd's list, which refuses some fifty that a usual program never
# needs: `unshare`, `mount`, `keyctl`, ... Docker sets its own without being
# asked, Kubernetes only if you say so. Both together:

# %% magic_args="-s {OPEN}" language="bash" covers="D4.8"
# kubectl replace --force --grace-period=1 -f - <<END
# {apiVersion: v1, kind: Pod, metadata: {name: sealed}, spec: {
#   securityContext: {seccompProfile: {type: RuntimeDefault}},
#   volumes: [{name: tmp, emptyDir: {}}, {name: data, emptyDir: {}}],
#   containers: [{name: main, image: "$1", command: [sh, -c, "date > /tmp/started && exec python3 -u /app/store.py"],
#     volumeMounts: [{name: tmp, mountPath: /tmp}, {name: data, mountPath: /data}],
#     securityContext: {runAsUser: 1000, readOnlyRootFilesystem: true, allowPrivilegeEscalation: false}}]}}
# END
# kubectl wait pod sealed --for=condition=Ready --timeout=60s

# %% language="bash" covers="D4.8"
# kubectl exec sealed -- grep -E "NoNewPrivs|Seccomp:" /proc/1/status

# %% covers="D4.8"
attack("sealed")

# %% [markdown] covers="D4.8"
# **What happened.** `Seccomp: 2` means: a filter is in force. `unshare` is
# refused, which is good to know, since many of the kernel's faults were
# reached that way. What is left is `/tmp`: the program needs it, so the
# stranger has it, too. (`emptyDir: {sizeLimit: 10Mi}` at least bounds it.)
#
# AppArmor and SELinux are further filters, set by `appArmorProfile` and
# `seLinuxOptions`. They are part of the node's kernel, and this engine has
# switched AppArmor off, so the course cannot show them.

# %% [markdown] tags=["exercise"] exercise="ex-14-1"
# ### Exercise 1: a locked gauge
#
# *Goal*: a pod `gauge` that runs the store: image `weather:1`, argument
# `store`. It runs as user 1000 and group 3000. It has no capabilities, not
# even in its bounding set; no program in it may gain rights; its root
# filesystem is read-only; the runtime's seccomp filter is in force.
#
# *Constraint*: it must work. The store writes to `/data`, which is a
# volume (`emptyDir`). The volume's files get the group 2000: you have not
# seen that field yet, `kubectl explain pod.spec.securityContext` has it.
#
# *Done when* a reading that is sent to the store is stored, and
# `/proc/1/status` shows the locks.

# %% [markdown] tags=["teaching"] minutes=8 exercise="ex-14-1"
# - **Mistakes**
#   - `capabilities` at the pod, with a warning only: *CapBnd*;
#   - no volume at `/data`: *Read-only file system*;
#   - `allowPrivilegeEscalation` forgotten: *NoNewPrivs: 0*;
#   - no `runAsGroup`: *in the group 3000*;
#   - a volume over `/app`: *store ended with status*.

# %% [markdown] tags=["hint"] exercise="ex-14-1"
# Start from the last pod of section 4, and go through the brief word by
# word. A pod's `securityContext` cannot be changed later: delete the pod,
# and make it again.

# %% [markdown] tags=["hint"] exercise="ex-14-1"
# At the pod: `runAsUser`, `runAsGroup`, `fsGroup`, `seccompProfile`. At the
# container: `capabilities`, `allowPrivilegeEscalation`,
# `readOnlyRootFilesystem`.

# %% [markdown] tags=["hint"] exercise="ex-14-1"
# `securityContext: {runAsUser: 1000, runAsGroup: 3000, fsGroup: 2000,
# seccompProfile: {type: RuntimeDefault}}` at the pod; at the container
# `securityContext: {allowPrivilegeEscalation: false, readOnlyRootFilesystem:
# true, capabilities: {drop: [ALL]}}` and a mount of an `emptyDir` at `/data`.

# %% tags=["answer"] exercise="ex-14-1"
### BEGIN SOLUTION
locked = {"allowPrivilegeEscalation": False, "readOnlyRootFilesystem": True, "capabilities": {"drop": ["ALL"]}}
store = {"name": "store", "image": WEATHER, "args": ["store"], "securityContext": locked}
store["volumeMounts"] = [{"name": "data", "mountPath": "/data"}]
spec = {"containers": [store], "volumes": [{"name": "data", "emptyDir": {}}]}
spec["securityContext"] = {"runAsUser": 1000, "runAsGroup": 3000, "runAsNonRoot": True, "fsGroup": 2000}
spec["securityContext"]["seccompProfile"] = {"type": "RuntimeDefault"}
made = core.create_namespaced_pod(lab.namespace, {"metadata": {"name": "gauge"}, "spec": spec})
### END SOLUTION

# %% tags=["check"]
lab.check("ex-14-1")

# %% [markdown] covers="D4.8"
# ## 5. Who may read a volume
#
# A Secret's files belong to root, and a careful colleague gives them the
# mode `0400`: readable by the owner only. The program runs as 1000. So?

# %% [markdown] tags=["teaching"] minutes=6
# - **Ask** before `fsGroup` is there: which cheap way out comes to mind?
#   (0444: then every process in the container may read the key.)

# %% magic_args="-s {OPEN}" language="bash" covers="D4.8"
# kubectl create secret generic door-key --from-literal=token=sesame --dry-run=client -o yaml | kubectl apply -f -
# for line in "outside {runAsUser: 1000}" "member {runAsUser: 1000, fsGroup: 2000, supplementalGroups: [4000]}"; do
# kubectl replace --force --grace-period=1 -f - <<END
# {apiVersion: v1, kind: Pod, metadata: {name: ${line%% *}, labels: {show: group}}, spec: {securityContext: ${line#* },
#   volumes: [{name: key, secret: {secretName: door-key, defaultMode: 0400}}], containers: [{name: main, image: "$1",
#   args: [store], volumeMounts: [{name: key, mountPath: /etc/weather}]}]}}
# END
# done

# %% language="bash" covers="D4.8"
# kubectl wait pods -l show=group --for=condition=Ready --timeout=60s
# for pod in outside member; do
#   kubectl exec $pod -- sh -c 'id; ls -lL /etc/weather; cat /etc/weather/token; echo' 2>&1
# done

# %% [markdown] covers="D4.8"
# **What happened.** `fsGroup: 2000` does two things: the processes are in
# the group 2000, and the volume's files are given to it, readable for it
# (see the mode). `supplementalGroups` does the first only: for files that
# belong to a group already.
#
# `fsGroup` works for `emptyDir`, Secrets, ConfigMaps and most claims, not
# for `hostPath`. It is a field of the **pod**: volumes are the pod's.

# %% [markdown] covers="D4.8"
# ## 6. Pod or container? And a namespace that insists
#
# | at the pod only | at both | at the container only |
# |---|---|---|
# | `fsGroup`, `supplementalGroups`, `sysctls` | `runAsUser`, `runAsGroup`, `runAsNonRoot`, `seccompProfile` | `capabilities`, `privileged`, `allowPrivilegeEscalation`, `readOnlyRootFilesystem` |
#
# Where both say something, the **container** wins. **Exam tip.** Nobody
# keeps that table in mind; `kubectl explain` does:

# %% [markdown] tags=["teaching"] minutes=6
# - **Say**: an old `kubectl`, a Helm chart or `--validate=warn` only warns,
#   and the pod runs without the lock that its YAML shows.

# %% language="bash" covers="D4.8"
# kubectl explain pod.spec.securityContext | grep -oE "^  [a-zA-Z]+.<" | tr -d "<\t\n"; echo
# kubectl explain pod.spec.containers.securityContext | grep -oE "^  [a-zA-Z]+.<" | tr -d "<\t\n"; echo

# %% language="bash" covers="D4.8"
# POD='{apiVersion: v1, kind: Pod, metadata: {name: misplaced}, spec: {securityContext: {capabilities: {drop: [ALL]}},
#   containers: [{name: main, image: "labs/shell:1", securityContext: {fsGroup: 2000}}]}}'
# echo "$POD" | kubectl apply --dry-run=server -f - || true
# echo "$POD" | kubectl apply --dry-run=server --validate=warn -f -

# %% [markdown] covers="D4.8"
# **What happened.** `kubectl` refuses unknown fields by default. With
# `--validate=warn` it warns, and **the field is dropped**: the pod would run
# without any lock.
#
# Nobody should depend on everybody's memory. A namespace can insist: its
# label `pod-security.kubernetes.io/enforce` names a level, and what does not
# keep it is refused. (Lesson 13 is about admission.)

# %% setup="ex-14-2" covers="D4.8"
STRICT = f"{lab.namespace}-strict"
mine = core.read_namespace(lab.namespace).metadata.labels
kept = {key: value for key, value in mine.items() if key != "kubernetes.io/metadata.name"}
marks = " ".join(f"{key}={value}" for key, value in {**kept, "pod-security.kubernetes.io/enforce": "restricted"}.items())
# !kubectl create namespace {STRICT} --dry-run=client -o yaml | kubectl label -f - --local -o yaml {marks} | kubectl apply -f -

# %% magic_args="-s {STRICT} {WEATHER}" language="bash" covers="D4.8"
# kubectl run loose --image=$2 -n $1 --dry-run=server || true

# %% [markdown] covers="D4.8"
# **What happened.** The refusal is a list of what `restricted` demands, and
# the names of the fields: four of this lesson's six locks. (It says nothing
# of the read-only root filesystem, and of `fsGroup`.)

# %% [markdown] covers="D4.8"
# ## 7. The doors that open everything
#
# Three fields undo all of the above, and they are what a stranger hopes for.
# `hostPath` mounts a folder of the **node**, `hostPID` shows all of its
# processes, `privileged: true` gives all 41 capabilities, all devices, and
# no filter.

# %% [markdown] tags=["teaching"] minutes=6
# - **Ask**: whose passwords are these? (The pods of section 5. This one has no
#   right to read Secrets whatsoever.)

# %% magic_args="-s {OPEN}" language="bash" covers="D4.8"
# kubectl replace --force --grace-period=1 -f - <<END
# {apiVersion: v1, kind: Pod, metadata: {name: danger}, spec: {hostPID: true, volumes: [{name: node, hostPath: {path: /var/lib/kubelet}}],
#   containers: [{name: main, image: "$1", args: [store], securityContext: {privileged: true},
#   volumeMounts: [{name: node, mountPath: /node, readOnly: true}]}]}}
# END

# %% language="bash" covers="D4.8"
# kubectl wait pod danger --for=condition=Ready --timeout=60s
# kubectl exec danger -- sh -c 'for file in /node/pods/*/volumes/kubernetes.io~secret/key/token; do cat $file; echo; done'
# kubectl exec danger -- sh -c 'ps | grep -c .; ls /dev | grep -c .; grep CapEff /proc/1/status'
# kubectl exec open -- sh -c 'ps | grep -c .; ls /dev | grep -c .; grep CapEff /proc/1/status'

# %% [markdown] covers="D4.8"
# **What happened.** It read the Secrets of other pods from the node's disk,
# without asking the API server, and sees every process and device.
# **Misconception**: *"`privileged` is the way to repair `permission
# denied`."* It is the way to stop asking. Find the one right that is
# missing. Here is `danger`'s end:

# %% language="bash"
# kubectl delete pod danger --grace-period=1
# kubectl get pods -o custom-columns='NAME:.metadata.name,PRIVILEGED:.spec.containers[*].securityContext.privileged,HOSTPID:.spec.hostPID'

# %% [markdown] covers="D1.1"
# ## 8. What is in the image
#
# What is not in the image cannot be used by a stranger. So: few files, a
# user, no secrets. Start with the files. `docker export` gives all of a
# container's as one archive, and Python reads it, without any scanner:

# %% [markdown] tags=["teaching"] minutes=9
# - **Ask** before the layers: the file is deleted. Is it gone?
# - **Say**: a build argument (`ARG`) is no hiding place either; it stands in
#   `docker history`.

# %% covers="D1.1"
def contents(image):
    container = engine.containers.create(image, ["none"], labels=lab.labels)
    try:
        return tarfile.open(fileobj=io.BytesIO(b"".join(container.export()))).getmembers()
    finally:
        container.remove()

# %% covers="D1.1"
for image in ("beacon:1", "labs/shell:1"):
    members = contents(image)
    print(f"{image}: {engine.images.get(image).attrs['Size'] / 1e6:.0f} MB, {sum(m.isfile() for m in members)} files")
    print("  setuid:", [m.name for m in members if m.isfile() and m.mode & 0o4000])
    print("  tools:", [m.name for m in members if m.name.rpartition("/")[2] in {"curl", "wget", "sh", "perl", "apt"}])

# %% [markdown] covers="D1.1"
# **What happened.** Here is `fixer` again: a scan by file mode finds it. Real
# scanners (Trivy, Grype) read the image's list of packages, Debian's
# `/var/lib/dpkg/status`, and compare it with known faults. The course's base
# images leave that list out to be small, so there is none to read.
#
# Now a **multi-stage build**. The first stage has all tools, the last one
# begins at `scratch`, which is *nothing*, and copies only what runs:

# %% covers="D1.1"
TINY = r"""FROM labs/shell:1 AS build
RUN mkdir /www && echo "a small page" > /www/index.html
RUN for file in /bin/busybox $(/lib*/ld-linux* --list /bin/busybox | grep -o '/[^ ]*'); do \
    mkdir -p "/small$(dirname $file)" && cp -L "$file" "/small$file"; done
FROM scratch
COPY --from=build /small/ /
COPY --from=build /www /www
USER 1000
CMD ["/bin/busybox", "httpd", "-f", "-p", "8080", "-h", "/www"]
"""
engine.images.build(fileobj=io.BytesIO(TINY.encode()), tag="tiny:1", rm=True, labels=lab.labels)

# %% covers="D1.1"
print([m.name for m in contents("tiny:1") if m.isfile()], engine.images.get("tiny:1").attrs["Size"] // 1000, "kB")
print(engine.containers.run("tiny:1", ["/bin/busybox", "id"], remove=True).decode())

# %% [markdown] covers="D1.1"
# **What happened.** Five files and 3 MB: a web server, the libraries that it
# needs, and a page. There is no `sh` by name, so `kubectl exec ... -- sh`
# fails (`kubectl debug` with another image helps then). Images without shell
# and package manager are called *distroless*.
#
# Next, **layers**. A colleague needs a key during the build, and is careful
# enough to delete it:

# %% setup="ex-14-2" covers="D1.1"
lamp = lab.folder / "lamp"
lamp.mkdir(exist_ok=True)
(lamp / "index.html").write_text("<h1>The lamp is lit</h1>\n", encoding="utf-8")
(lamp / "key.pem").write_text("lamp-key-4711\n", encoding="utf-8")
(lamp / "Dockerfile").write_text("""FROM labs/python:3
COPY . /www
RUN cat /www/index.html /www/key.pem | sha256sum > /www/signature
RUN rm /www/key.pem
CMD ["python3", "-m", "http.server", "8080", "--directory", "/www"]
""", encoding="utf-8")
engine.images.build(path=str(lamp), tag="lamp:0", rm=True, labels=lab.labels)
print(lamp)

# %% covers="D1.1"
archive = tarfile.open(fileobj=io.BytesIO(b"".join(engine.images.get("lamp:0").save())))
for name in json.load(archive.extractfile("manifest.json"))[0]["Layers"]:
    layer = tarfile.open(fileobj=archive.extractfile(name))
    found = [m for m in layer.getmembers() if m.name.startswith("www/") and m.isfile()]
    print([(m.name, layer.extractfile(m).read()[:14]) for m in found])

# %% [markdown] covers="D1.1"
# **What happened.** The key is in the third layer, for anybody who has the
# image. `rm` only added a layer that says `.wh.key.pem`: *hide it*. A layer
# is never changed.
#
# | where the secret came from | what helps |
# |---|---|
# | `COPY . .` took it along | `.dockerignore`, a file with one pattern a line |
# | the build needs it | a first stage; with BuildKit `RUN --mount=type=secret` |
# | the program needs it | nothing in the image: a Secret, at run time |
#
# The `.dockerignore` keeps a file from the build altogether, also from the
# stage that needs it.

# %% [markdown] tags=["exercise"] exercise="ex-14-2"
# ### Exercise 2: the lamp, small and without its key
#
# *Goal*: in the folder `lamp` (the cell above prints where), change the
# `Dockerfile`, and build the image `lamp:1` from it. Then a Deployment
# `lamp` in the namespace `lab-14-strict`, with that image, and one ready
# pod.
#
# *Constraint*: the page and `/signature` (made at the build from page and
# key, as now) are served at port 8080. The key is in no layer and no line of
# the image's history. The image has less than 30 MB, and runs as a user with
# a number, not root. The namespace keeps its label `restricted`.
#
# *Done when* the pod is ready, and its two files are served. (`labs load
# lamp:1` or `lab.load_image("lamp:1")` gives an image to the nodes; do it
# again after each build, then `kubectl rollout restart`.)

# %% [markdown] tags=["teaching"] minutes=10 exercise="ex-14-2"
# - **Mistakes**
#   - the key deleted, in a later layer: *key.pem in a layer*;
#   - `.dockerignore` takes the key from the build: *signature*;
#   - `USER keeper`: *a number*;
#   - `labs/python:3` at the end: *MB*;
#   - a pod template without the locks: *violates PodSecurity*.

# %% [markdown] tags=["hint"] exercise="ex-14-2"
# Two stages: the first may see the key, the last takes only `/www/index.html`
# and `/www/signature`. Which base image is the last one's?

# %% [markdown] tags=["hint"] exercise="ex-14-2"
# `FROM labs/shell:1` has 25 MB and BusyBox's `httpd`; the section above shows
# a smaller one. If no pod comes, `kubectl describe replicaset -n
# lab-14-strict` tells what the namespace misses in the template.

# %% [markdown] tags=["hint"] exercise="ex-14-2"
# `FROM labs/shell:1 AS build`, `COPY . /src`, `RUN mkdir /www && cp
# /src/index.html /www && cat /src/index.html /src/key.pem | sha256sum >
# /www/signature`, then `FROM labs/shell:1`, `COPY --from=build /www /www`,
# `USER 1000`, `CMD ["busybox", "httpd", "-f", "-p", "8080", "-h", "/www"]`.
# The template: `runAsNonRoot`, `seccompProfile`, `allowPrivilegeEscalation:
# false`, `drop: [ALL]`.

# %% tags=["answer"] exercise="ex-14-2"
### BEGIN SOLUTION
(lamp / "Dockerfile").write_text("""FROM labs/shell:1 AS build
COPY . /src
RUN mkdir /www && cp /src/index.html /www && cat /src/index.html /src/key.pem | sha256sum > /www/signature
FROM labs/shell:1
COPY --from=build /www /www
USER 1000
CMD ["busybox", "httpd", "-f", "-p", "8080", "-h", "/www"]
""", encoding="utf-8")
engine.images.build(path=str(lamp), tag="lamp:1", rm=True, labels=lab.labels)
locks = {"allowPrivilegeEscalation": False, "capabilities": {"drop": ["ALL"]}}
spec = {"containers": [{"name": "lamp", "image": lab.load_image("lamp:1"), "securityContext": locks}]}
spec["securityContext"] = {"runAsNonRoot": True, "seccompProfile": {"type": "RuntimeDefault"}}
template = {"metadata": {"labels": {"app": "lamp"}}, "spec": spec}
body = {"metadata": {"name": "lamp"}, "spec": {"selector": {"matchLabels": {"app": "lamp"}}, "template": template}}
made = apps.create_namespaced_deployment(STRICT, body)
### END SOLUTION

# %% tags=["check"]
lab.check("ex-14-2")

# %% [markdown]
# ## 9. Locked out
#
# Locks are set by people who do not run the program, and then it does not
# run. The same question three times: **which right** is missing, and what
# is the **smallest** way to give it? Here is the colleague's last work.
# (Run the cell again to have the mess back.)

# %% magic_args="-s {NAMED}" language="bash" setup="ex-14-3"
# kubectl create secret generic vault-key --from-literal=token=sesame --dry-run=client -o yaml | kubectl apply -f -
# kubectl replace --force --grace-period=1 -f - <<END
# {apiVersion: apps/v1, kind: Deployment, metadata: {name: vault, labels: {app: vault}}, spec: {selector: {matchLabels: {app: vault}}, template: {
#   metadata: {labels: {app: vault}}, spec: {terminationGracePeriodSeconds: 1,
#   securityContext: {runAsNonRoot: true, seccompProfile: {type: RuntimeDefault}},
#   volumes: [{name: key, secret: {secretName: vault-key, defaultMode: 0400}}, {name: data, emptyDir: {}}],
#   containers: [{name: store, image: "$1", command: [sh, -c, "date > /tmp/started && exec python3 -u /app/store.py"],
#     volumeMounts: [{name: key, mountPath: /etc/weather}, {name: data, mountPath: /data}],
#     securityContext: {readOnlyRootFilesystem: true, allowPrivilegeEscalation: false, capabilities: {drop: [ALL]}}}]}}}}
# END

# %% [markdown] tags=["exercise"] exercise="ex-14-3"
# ### Exercise 3: open the vault for its owner only
#
# *Goal*: the Deployment `vault` has a ready pod, and stores what is sent to
# port 8000 with the key in the Secret `vault-key` (its file is
# `/etc/weather/token` in the pod; a file that is not there means *no key
# needed*). Without the key it answers 401.
#
# *Constraint*: no right comes back. Not root, no capabilities, no program
# that gains rights, a read-only root filesystem, the seccomp filter, no
# `privileged`, no `hostPath`. The key's file is not readable for everybody.
# Image (`beacon:2`), command and `runAsNonRoot` stay.
#
# *Done when* this prints `stored`: `kubectl exec deploy/vault -- wget -qO-
# --header "Authorization: Bearer sesame" --post-data 21
# localhost:8000/readings`
#
# There are three faults, and repairing one uncovers the next.

# %% [markdown] tags=["teaching"] minutes=10 exercise="ex-14-3"
# - **Ask** whenever somebody is stuck: does it not start, does it end, or
#   does it answer with an error?
# - **Mistakes**
#   - `runAsNonRoot` removed, or user 0: *root*;
#   - the root filesystem writable again: *read-only*;
#   - mode 0444: *readable for everybody*;
#   - `privileged: true`: *privileged*;
#   - the Secret's mount removed: *without the key*.

# %% [markdown] tags=["hint"] exercise="ex-14-3"
# `kubectl describe pod -l app=vault` for the first fault, `kubectl logs
# deploy/vault` for the other two. Sections 2, 4 and 5 have one each.

# %% [markdown] tags=["hint"] exercise="ex-14-3"
# The image names its user, and the kubelet wants a number. The command
# writes to `/tmp`. The key's file belongs to root, mode 0400: which field
# gives a volume's files to a group?

# %% [markdown] tags=["hint"] exercise="ex-14-3"
# `kubectl edit deployment vault`: at the pod's `securityContext` add
# `runAsUser: 1000` and `fsGroup: 2000`; add a volume `{name: tmp, emptyDir:
# {}}`, and mount it at `/tmp`.

# %% tags=["answer"] exercise="ex-14-3"
### BEGIN SOLUTION
mounts = [{"name": "tmp", "mountPath": "/tmp"}]
change = {
    "securityContext": {"runAsUser": 1000, "fsGroup": 2000},
    "volumes": [{"name": "tmp", "emptyDir": {}}],
    "containers": [{"name": "store", "volumeMounts": mounts}],
}
made = apps.patch_namespaced_deployment("vault", lab.namespace, {"spec": {"template": {"spec": change}}})
### END SOLUTION

# %% tags=["check"]
lab.check("ex-14-3")

# %% [markdown]
# ## Recap
#
# 1. **Root** in a container is the node's user 0. `runAsUser`, or a number
#    in the image, changes it; `runAsNonRoot` only asks.
# 2. **Capabilities** are root's might in 41 parts. Drop `ALL`, add by need;
#    for another user than root an added one does nothing.
# 3. **`allowPrivilegeEscalation: false`**: setuid programs gain nothing.
# 4. **`readOnlyRootFilesystem`** needs an `emptyDir` where the program
#    writes; **seccomp** `RuntimeDefault` refuses what nobody needs.
# 5. **`fsGroup`** gives a volume's files to a group, and the processes too.
# 6. **Pod or container**: the container wins; `kubectl explain` knows where.
# 7. **`privileged`, `hostPath`, `hostPID`** open all of it.
# 8. **Images**: few files, a numeric `USER`, and a secret in no layer.
#
# | to see | look at |
# |---|---|
# | who | `kubectl exec POD -- id` |
# | what it may | `/proc/1/status`: `CapEff`, `CapBnd`, `NoNewPrivs`, `Seccomp` |
# | why it does not start | `kubectl describe pod` |
# | why it ends | `kubectl logs`, `--previous` |

# %% [markdown] tags=["teaching"] minutes=2
# - **Ask**: which of the locks costs a usual program nothing? (All but the
#   read-only root filesystem.)

# %% [markdown]
# **In practice**: begin each new workload with all locks, and open by need;
# the other way round nobody ever does it. Put the level `restricted` on the
# namespaces of your own programs. Build images from small bases, again and
# again, since faults are found in old ones. Scan them where they are pushed.
#
# **Next**: the course page says which lesson comes next for you; lesson 17
# builds walls around pods in the network.
#
# ## Clean up

# %%
lab.cleanup()
