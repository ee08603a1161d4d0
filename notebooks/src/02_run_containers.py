# %% [markdown] facts="docker-only"
# # Run containers
#
# A small side project works on your laptop, and must now run elsewhere. This lesson packs it into containers, on a
# real Docker Engine, and looks at what Docker does from both sides: from inside a container, and from the machine
# that runs it.
#
# *You will do*: run, limit, inspect and publish containers; build images; keep data in a volume; connect containers by
# name; watch their health; ship an image through a registry; repair a container that does not answer.
#
# *You will learn*
#
# 1. what a container is, and why it is not a virtual machine;
# 2. what an image is, and where a container's changes go;
# 3. to build, tag, run and publish, and to read logs;
# 4. what outlives a container, and what does not;
# 5. how containers find each other;
# 6. what limits and health checks do;
# 7. how to keep images small, and how they travel.
#
# *You need*: Python, and the course's Docker Engine. Kubernetes may still be starting.
#
# *Time*: about 65 minutes, half an hour of them for the three exercises.

# %% [markdown] tags=["teaching"] minutes=1
# - **Before**: Kubernetes is not needed. Keep a terminal with `labs shell 02` open, for `docker ps`.
# - **Cut**, in this order: section 14 after the push, section 13, section 8. Short of half an hour: end after
#   exercise 2.

# %% tags=["parameters"]
READINGS = [21.5, 22.0, 19.5]
MEMORY = "64m"

# %%
import docker

from labs import open_lab, views
from labs.waiting import wait_for, wait_for_http

lab = open_lab("02", kubernetes=False)
client = docker.from_env()

# %% [markdown] covers="T3.why D1.1"
# ## 1. Why containers
#
# The project is a pipeline. A *producer* sends temperatures to a *store*, a *worker* computes their mean, a *front*
# shows them:
#
# ```text
# producer ──▶ store ◀──▶ worker
#                ▲
#              front ◀── you
# ```
#
# "It runs on my laptop" means: with this Python, these libraries, these files and ports. Elsewhere one of them
# differs. A container takes the program's **whole filesystem** along, and runs the program so that it sees nothing else.
#
# The next cell runs one command in a container made from the image `labs/shell:1`, waits for its end, and removes the
# container. The `docker` command line says it like this:
#
# ```console
# $ docker run --rm labs/shell:1 cat /etc/os-release
# ```
#
# The course shows this command next to each Python call. Try `!docker ps` in a cell at any time, or in the terminal that
# `labs shell 02` opens.

# %% [markdown] tags=["teaching"] minutes=2
# - **Ask**: "it runs on my laptop" - name three things that differ elsewhere. Then run the first container.

# %% covers="T3.why T3.run"
output = client.containers.run("labs/shell:1", "cat /etc/os-release", remove=True, labels=lab.labels)
print(output.decode())

# %% [markdown]
# **What happened.** `/etc/os-release` came out of the image, not from the machine. `labels` mark what this lesson
# makes, so that `lab.reset()` removes it and nothing else.
#
# Two things make cells repeatable. `remove=True` removes a container when its command ends. For containers that go on
# running, the helper below removes the one that an earlier run of the same cell left; a name can be taken only once.

# %% setup="ex-02-1 ex-02-2 ex-02-3"
def fresh(name):
    """Remove the lesson's container of this name, if there is one, and return the name."""
    ours = [f"{key}={value}" for key, value in lab.labels.items()]
    for old in client.containers.list(all=True, filters={"label": ours, "name": f"^{name}$"}):
        old.remove(force=True)
    return name


# %% [markdown] covers="T3.namespaces"
# ## 2. A container is a process
#
# Start a web server in the background (*detached*), and list the processes that it can see:
#
# ```console
# $ docker run --detach --name weather-page labs/web:1
# $ docker exec weather-page ps
# ```

# %% [markdown] tags=["teaching"] minutes=4
# - **Show**: the two process lists one below the other; point at the same nginx with its two numbers.
# - **Ask** before the namespace table prints: which of the six is shared? (`user`; so no root in images.)
# - Leave `views.container` open in a tab of its own for the next sections.

# %% covers="T3.run"
page = client.containers.run("labs/web:1", name=fresh("weather-page"), detach=True, labels=lab.labels)
print(page.exec_run("ps").output.decode())

# %% [markdown] covers="T3.namespaces"
# Inside, nginx is process 1, and alone with its workers and our `ps`. Is that a machine of its own? Look from outside.
# A container started with `pid_mode="host"` sees the process table of the machine that runs Docker. (On Docker Desktop
# that machine is a virtual one.)
#
# ```console
# $ docker run --rm --pid host labs/shell:1 ps
# ```

# %% covers="T3.namespaces"
page.reload()  # reads the container's state again
pid = page.attrs["State"]["Pid"]
everything = client.containers.run("labs/shell:1", "ps", pid_mode="host", remove=True, labels=lab.labels).decode()
print(f"Docker says: process {pid}. The machine's process table says:")
print(*(line for line in everything.splitlines() if "nginx" in line), sep="\n")

# %% [markdown] covers="T3.namespaces"
# **What happened.** The same nginx is an ordinary process of the machine, with an ordinary number there. Inside, it is
# number 1, because it lives in a **namespace** for process ids: a view of its own on something the kernel shares out.
#
# | namespace | what is private | namespace | what is private |
# |---|---|---|---|
# | `pid` | process numbers | `uts` | the host name |
# | `mnt` | the filesystem | `ipc` | shared memory |
# | `net` | addresses, ports, routes | `user` | user numbers (shared by default) |
#
# `/proc/<pid>/ns` names the namespaces of a process. Same number, same namespace. Compare a container that looks out of
# the machine's process table (left) with nginx (right):

# %% covers="T3.namespaces"
links = f"$(readlink /proc/self/ns/$n) $(readlink /proc/{pid}/ns/$n)"
script = f"for n in pid mnt net uts ipc user; do echo {links}; done"
look = client.containers.run("labs/shell:1", ["sh", "-c", script], pid_mode="host", remove=True, labels=lab.labels)
for line in look.decode().splitlines():
    left, right = line.split()
    print(left, right, "shared" if left == right else "separate", sep="\t")

# %% [markdown]
# The same as a picture, which stays live while the next sections stop this container, start it and put another in its
# place:

# %%
views.container(lab, "weather-page")

# %% [markdown]
# `user` is shared: root in a container is root to the kernel, fenced in by fewer rights. That is why good images do not
# run as root. Those that you build in section 7 will not. (Kubernetes calls something else a namespace: a drawer for
# objects.)

# %% [markdown] covers="T3.cgroups"
# ## 3. Limits are control groups
#
# Namespaces decide what a process **sees**; *control groups* (cgroups) decide what it may **use**. The kernel lists the
# groups of each process, and Docker makes one for each container:

# %% [markdown] tags=["teaching"] minutes=3
# - **Ask** before the greedy program: exception, error message, or nothing? (Nothing, and status 137.)

# %% covers="T3.cgroups"
script = f"head -2 /proc/{pid}/cgroup"
look = client.containers.run("labs/shell:1", ["sh", "-c", script], pid_mode="host", remove=True, labels=lab.labels)
print(look.decode())
print("container id:", page.id)

# %% [markdown] covers="T3.cgroups"
# The path names the container's id. A limit is a number in a file of that group:
#
# ```console
# $ docker run --memory 64m --cpus 0.5 labs/shell:1 ...
# ```
#
# The file has one name in cgroups version 2, and another in version 1; the cell reads whichever exists.

# %% covers="T3.cgroups D4.4"
read = "cat /sys/fs/cgroup/memory.max || cat /sys/fs/cgroup/memory/memory.limit_in_bytes"
limit = client.containers.run(
    "labs/shell:1",
    ["sh", "-c", read],
    mem_limit=MEMORY,
    nano_cpus=500_000_000,  # half a processor, in billionths
    remove=True,
    labels=lab.labels,
)
print(int(limit) / 2**20, "MiB")

# %% [markdown]
# What happens to a program that takes more? This one asks for 200 MiB where 64 are allowed:

# %% covers="T3.cgroups"
greedy = ["python3", "-c", "hoard = b'x' * (200 * 2**20); print('got it')"]
limits = {"mem_limit": MEMORY, "memswap_limit": MEMORY}  # memory plus swap: no way out to the disk
eater = client.containers.run("labs/python:3", greedy, detach=True, labels=lab.labels, **limits)
print(eater.wait())
eater.reload()
print("OOMKilled:", eater.attrs["State"]["OOMKilled"], "| printed:", eater.logs())
eater.remove()

# %% [markdown] covers="T3.cgroups"
# **What happened.** The kernel's *out of memory* killer ended it: 137 is 128 plus 9, the number of SIGKILL. Nothing was
# printed, no exception was raised, and no other process was touched. A processor limit is gentler: it slows down, and
# never kills. You will meet both again as Kubernetes' `resources.limits`.
#
# **Misconception**: "inside a container I see only the memory I may use." Most tools read what the machine has:

# %%
free = client.containers.run("labs/shell:1", "free -m", mem_limit=MEMORY, remove=True, labels=lab.labels)
print(free.decode())

# %% [markdown] covers="T3.machine"
# ## 4. Container or virtual machine
#
# A virtual machine emulates hardware and boots a kernel of its own. A container is a process of the kernel that already
# runs. Ask for the kernel inside a container, ask Docker for the machine's, and note how long a container takes:

# %% [markdown] tags=["teaching"] minutes=1
# - **Ask**: why are both kernel lines equal? On Docker Desktop the "machine" is a virtual one.

# %% covers="T3.machine"
# %%time
inside = client.containers.run("labs/shell:1", "uname -r", remove=True, labels=lab.labels).decode().strip()
print("in the container:", inside)
print("on the machine:  ", client.info()["KernelVersion"])

# %% [markdown] covers="T3.machine"
# <img alt="Left, two virtual machines: each has programs and a kernel of its own over emulated hardware; below is the
# machine's kernel. Right, two containers: each has programs and files, and all share the one kernel of the machine."
# width="660" src="data:image/svg+xml,<svg xmlns='http://www.w3.org/2000/svg' viewBox='0 0 660 240'
#  font-family='sans-serif' font-size='14' text-anchor='middle'>
#  <rect width='660' height='240' rx='8' fill='white'/>
#  <g font-weight='bold'> <text x='160' y='24'>virtual machines</text> <text x='500' y='24'>containers</text></g>
#  <g stroke='black'> <rect x='20' y='36' width='130' height='140' rx='5' fill='aliceblue'/>
#  <rect x='170' y='36' width='130' height='140' rx='5' fill='aliceblue'/>
#  <rect x='360' y='106' width='130' height='70' rx='5' fill='honeydew'/>
#  <rect x='510' y='106' width='130' height='70' rx='5' fill='honeydew'/></g>
#  <g fill='white' stroke='black'> <rect x='30' y='44' width='110' height='36' rx='5'/>
#  <rect x='30' y='86' width='110' height='36' rx='5'/> <rect x='30' y='128' width='110' height='40' rx='5'
#  stroke-dasharray='4'/> <rect x='180' y='44' width='110' height='36' rx='5'/>
#  <rect x='180' y='86' width='110' height='36' rx='5'/> <rect x='180' y='128' width='110' height='40' rx='5'
#  stroke-dasharray='4'/> <rect x='370' y='123' width='110' height='36' rx='5'/>
#  <rect x='520' y='123' width='110' height='36' rx='5'/> <rect x='20' y='190' width='280' height='36' rx='5'/>
#  <rect x='360' y='190' width='280' height='36' rx='5'/></g>
#  <text x='85' y='67'>programs</text> <text x='235' y='67'>programs</text> <text x='85' y='109'>a kernel</text>
#  <text x='235' y='109'>a kernel</text> <text x='425' y='146'>programs</text> <text x='575' y='146'>programs</text>
#  <g font-size='12'> <text x='85' y='146'>hardware,</text> <text x='85' y='161'>emulated</text>
#  <text x='235' y='146'>hardware,</text> <text x='235' y='161'>emulated</text></g>
#  <text x='160' y='213'>kernel of the machine</text> <text x='500' y='213'>kernel of the machine, for all</text></svg>">
#
# | | virtual machine | container |
# |---|---|---|
# | kernel | its own | the machine's |
# | starts in | seconds to minutes | usually about a second, or less |
# | costs | memory for a whole system | memory of the process |
# | boundary | emulated hardware: strong | kernel features: good, but one kernel bug away |
# | runs | any operating system | programs for this kernel (Linux) |
#
# So the two are often combined: virtual machines between customers, containers between programs.

# %% [markdown] covers="T3.layers"
# ## 5. An image is a filesystem in layers
#
# A container starts with a complete filesystem: its **image**. An image is a stack of *layers*, each an archive of the
# files that one step added or changed (and of marks for those that it deleted), plus a little JSON: which command to
# run, as whom, with which environment.
#
# ```console
# $ docker image history labs/web:1
# ```

# %% [markdown] tags=["teaching"] minutes=3
# - **Ask** before the cell with *stop* and *start*: is the file still there? And in a new container? Two votes.

# %% covers="T3.layers"
for layer in client.images.get("labs/web:1").history():
    print(f"{layer['Size'] / 1e6:6.2f} MB  {layer['CreatedBy']}")

# %% [markdown]
# (A history lists *steps*. One that only wrote JSON has the size 0, and no layer.)
#
# Layers are named by a hash of their content. Images that begin alike **share** layers: on disk, and on the way through
# a network.

# %% covers="T3.layers"
one, two = (client.images.get(f"labs/web:{tag}").attrs["RootFS"]["Layers"] for tag in (1, 2))
for first, second in zip(one, two, strict=True):
    print(first[7:19], second[7:19], "shared" if first == second else "differs")

# %% [markdown] covers="T3.layers"
# Layers are read-only. A container gets one thin writable layer on top: to change a file, the kernel first copies it
# up (**copy-on-write**). So a thousand containers of one image cost little. Change a file in `weather-page`, then ask
# which files differ from its image (`A` added, `C` changed, `D` deleted):
#
# ```console
# $ docker exec weather-page sh -c "echo changed > /usr/share/nginx/html/index.html"
# $ docker diff weather-page
# ```

# %% covers="T3.layers"
index = "/usr/share/nginx/html/index.html"
page.exec_run(["sh", "-c", f"echo changed > {index}"])
for change in page.diff():
    print("CAD"[change["Kind"]], change["Path"])

# %% [markdown]
# **Misconception**: "when a container stops, its files are lost." Stop it, start it, and look; then look into a new
# container of the same image.

# %%
page.stop()
page.start()
print("after stop and start:", page.exec_run(["cat", index]).output.decode())
other = client.containers.run("labs/web:1", ["cat", index], remove=True, labels=lab.labels)
print("in a new container:  ", other.decode())

# %% [markdown]
# **What happened.** The writable layer belongs to the container. It survives `stop`, is invisible to others, and dies
# with the container: on `docker rm`. An image never changes. (The other files in the list are nginx's own.)

# %% [markdown] covers="T3.run"
# ## 6. Publish a port
#
# `weather-page` listens on port 80 of its *own* network namespace. *Publishing* forwards a port of the machine to it.
# Docker fixes this when it creates a container, so we replace ours. Containers are made to be replaced.
#
# ```console
# $ docker rm --force weather-page
# $ docker run --detach --name weather-page --publish 8022:80 labs/web:1
# ```
#
# Read `8022:80` from outside to inside: port 8022 of the machine goes to port 80 of the container. docker-py has it the
# other way round: `{"80/tcp": 8022}`.

# %% [markdown] tags=["teaching"] minutes=1
# - **Say** the direction aloud: *outside to inside* on the command line, the other way round in Python. Two of the
#   mistakes below are this.

# %% covers="T3.run" setup="ex-02-1"
page = client.containers.run(
    "labs/web:1", name=fresh("weather-page"), detach=True, ports={"80/tcp": 8022}, labels=lab.labels
)
print(wait_for_http(lab.url(8022)))

# %% [markdown] tags=["exercise"] exercise="ex-02-1"
# ### Exercise 1: one more page
#
# *Goal*: version 2 of the page, image `labs/web:2`, runs in the background next to the first, and answers at
# `http://localhost:8021`.
#
# *Constraint*: it may use at most 64 MiB of memory. Give it `labels=lab.labels`
# (`--label labs.lesson=02 --label labs.course=NAME` on a command line; `print(lab.labels)` shows both) if `lab.reset()`
# should remove it.
#
# *Done when* `http://localhost:8021/version` answers `2`, from a container with that limit. Any way there counts.

# %% [markdown] tags=["teaching"] minutes=6 exercise="ex-02-1"
# - **Mistakes**
#   - the ports swapped: *the other way round*;
#   - the same port number inside: *leads to port 8021*;
#   - the limit forgotten: *no limit*;
#   - the name `weather-page` again: Docker's 409, or the first page replaced;
#   - a command given that ends at once: *ended with status 0*.

# %% [markdown] tags=["hint"] exercise="ex-02-1"
# It is the last cell again, with another image and another port, and one more option. You have seen the option in
# section 3.

# %% [markdown] tags=["hint"] exercise="ex-02-1"
# nginx listens on port 80 in the container, whatever port you publish: the container's port comes first, `"80/tcp"`, and
# the one on this machine second. Give the container a name of its own, too: `weather-page` is taken.

# %% [markdown] tags=["hint"] exercise="ex-02-1"
# `client.containers.run(image, name=..., detach=True, ports={"80/tcp": ...}, mem_limit=..., labels=lab.labels)`

# %% tags=["answer"] exercise="ex-02-1"
### BEGIN SOLUTION
client.containers.run(
    "labs/web:2",
    name=fresh("weather-page-2"),
    detach=True,
    ports={"80/tcp": 8021},
    mem_limit="64m",
    labels=lab.labels,
)
### END SOLUTION

# %% tags=["check"]
lab.check("ex-02-1")

# %% [markdown]
# ## 7. Build an image
#
# Now the project's own store. It keeps lines of text: `POST /readings` adds one, `GET /readings` returns all. The first
# cell makes a folder for the project's files (`lab.reset()` removes it), the second writes the program.

# %% [markdown] tags=["teaching"] minutes=4
# - **Ask** before the second build: which steps come from the cache? Then: what if `COPY` stood first?
# - **Ask** at the table: the image has `ENTRYPOINT` and `CMD`, and I add a word. What runs?

# %% setup="ex-02-2 ex-02-3"
project = lab.folder / "weather"
for part in ("store", "worker", "front", "about"):
    (project / part).mkdir(parents=True, exist_ok=True)
print(project)

# %% setup="ex-02-2 ex-02-3"
# %%writefile {project}/store/store.py
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

class Store(BaseHTTPRequestHandler):
    def do_GET(self):
        file = Path("/data", Path(self.path).name)
        self.reply(200, file.read_bytes() if file.is_file() else b"")
    def do_POST(self):
        with Path("/data", Path(self.path).name).open("ab") as file:
            file.write(self.rfile.read(int(self.headers["Content-Length"])) + b"\n")
        self.reply(201)
    def reply(self, status, body=b""):
        self.send_response(status), self.end_headers(), self.wfile.write(body)

ThreadingHTTPServer(("", 8000), Store).serve_forever()

# %% [markdown] covers="T3.build D1.1"
# A **Dockerfile** is the recipe of an image. Each line is a step:
#
# | instruction | does |
# |---|---|
# | `FROM` | names the image to begin with, and brings its layers |
# | `RUN`, `COPY`, `ADD` | change files: each makes a layer |
# | `WORKDIR` | says where to work, and makes the folder: a layer, too, if it was missing |
# | all others: `ENV`, `USER`, `EXPOSE`, `CMD`, ... | write into that little JSON: no layer |
#
# Three of the lines below deserve a word. `USER 1000`: not root. `-u`: Python prints at once, so logs are not late.
# `STOPSIGNAL SIGINT`: process 1 receives only signals that it handles. Python handles SIGINT but not SIGTERM, with which
# `docker stop` would wait 10 seconds in vain and then kill.

# %% setup="ex-02-2 ex-02-3"
# %%writefile {project}/store/Dockerfile
FROM labs/python:3
RUN mkdir /data && chown 1000 /data
COPY store.py /app/store.py
USER 1000
EXPOSE 8000
STOPSIGNAL SIGINT
CMD ["python3", "-u", "/app/store.py"]

# %% [markdown] covers="T3.build D1.1"
# Building takes a folder (the *context*: all that `COPY` can reach; a `.dockerignore` file leaves things out) and gives
# the image a name and a *tag*:
#
# ```console
# $ docker build --tag weather-store:1 store/
# ```

# %% covers="T3.build D1.1" setup="ex-02-2 ex-02-3"
def build(part, tag):
    """Build a part of the project, and print Docker's steps."""
    _, log = client.images.build(path=str(project / part), tag=tag, rm=True, labels=lab.labels)
    lines = [entry.get("stream", "").rstrip() for entry in log]
    print(*(line for line in lines if line.startswith(("Step", " ---> Using cache", "Success"))), sep="\n")


build("store", "weather-store:1")

# %% [markdown]
# Each step gave an image that the next one began with; those that changed files gave a layer. (The two `LABEL` steps
# come from `labels=`.) Change the program, and build again under another tag. Watch for `Using cache`:

# %% covers="T3.build D1.1" setup="ex-02-2 ex-02-3"
source = project / "store" / "store.py"
source.write_text(source.read_text() + "# version 2\n")
build("store", "weather-store:2")

# %% [markdown]
# **What happened.** Steps up to the first one whose input changed came from the cache; all later ones ran. (`FROM` only
# names the base, and prints no such line.) So put what changes rarely (system, libraries) first, and your code last.
#
# Docker has two builders. The Python client asks for the **classic** one. The command line uses **BuildKit**: it works at
# steps that do not need each other at the same time, makes no images in between, and knows more:
#
# | in a Dockerfile | does |
# |---|---|
# | `COPY --chmod=755 run.sh /` | copies, and sets who may do what |
# | `RUN <<EOF`, lines, `EOF` | runs several lines as one step |
# | `RUN --mount=type=cache,target=/c ...` | keeps a folder from build to build, outside of the image |
#
# The classic builder refuses the first and the last. Today's leaves the lines of the second out without a word, so the
# course stops such a call. The next cell builds the same folder with BuildKit:

# %% [markdown] tags=["teaching"] minutes=1
# - **Show** twice: the second run of the cell says `CACHED`. The two builders do not know each other's cache.

# %% covers="T3.build D1.1"
labels = " ".join(f"--label {key}={value}" for key, value in lab.labels.items())
!docker build --tag weather-store:kit {labels} {project}/store

# %% [markdown]
# (Where you see `Step 1/7`, the command line is an older one without BuildKit. Where there is none, your engine is an
# attached one, to which you bring it.)

# %% [markdown] covers="T3.build T3.run D1.1"
# ### What runs: `ENTRYPOINT` and `CMD`
#
# Two instructions say what a container runs. Docker joins the two lists, `ENTRYPOINT` first:
#
# | the image says | `docker run IMAGE` runs | `docker run IMAGE x` runs |
# |---|---|---|
# | `CMD ["a", "b"]` | `a b` | `x` |
# | `ENTRYPOINT ["a"]` | `a` | `a x` |
# | `ENTRYPOINT ["a"]` and `CMD ["b"]` | `a b` | `a x` |
#
# So `CMD` is a default, which words after the image's name replace. `ENTRYPOINT` stays, unless you give `--entrypoint`;
# then the image's `CMD` no longer counts, either. This is how one image can hold several programs: `ENTRYPOINT` starts
# the one that the argument names.
#
# Write both as lists. `CMD python3 store.py`, without brackets, means `sh -c "python3 store.py"`: the signal of
# `docker stop` may end at the shell. And an `ENTRYPOINT` without brackets takes no arguments at all.
#
# Kubernetes calls the two `command` and `args`: lesson 03.

# %% [markdown] covers="T3.build"
# ## 8. Tags are movable names
#
# **Misconception**: "`latest` is the newest version." It is merely the tag Docker assumes when you name none. Tag
# version 1 without saying a tag, and see whether the newer build moves it:
#
# ```console
# $ docker tag weather-store:1 weather-store
# ```

# %% [markdown] tags=["teaching"] minutes=1
# - **Ask**: which version is `latest` now? Vote before the cell.

# %% covers="T3.build"
client.images.get("weather-store:1").tag("weather-store")
for tag in ("1", "2", "latest"):
    print(f"weather-store:{tag:7}", client.images.get(f"weather-store:{tag}").short_id)

# %% [markdown]
# `latest` is version 1, although 2 is newer. It moves only when somebody moves it. In production name a version, or,
# since any tag can be moved, the image's digest.

# %% [markdown]
# ## 9. Run it, read its log
#
# **Misconception**: "`EXPOSE 8000` makes the port reachable." Run the store without `ports`:

# %% [markdown] tags=["teaching"] minutes=2
# - **Ask**: the image says `EXPOSE 8000`. Can I reach it?

# %%
store = client.containers.run("weather-store:1", name=fresh("weather-store"), detach=True, labels=lab.labels)
store.reload()
print("published:", store.ports)

# %% [markdown]
# `None`: exposed, but published nowhere. `EXPOSE` is documentation (which `--publish-all` reads). What publishes is
# `ports` (`--publish`). Run it
# again with it, and let a producer in the shape of `urllib` send readings:

# %% setup="ex-02-2 ex-02-3"
store = client.containers.run(
    "weather-store:1", name=fresh("weather-store"), detach=True, ports={"8000/tcp": 8020}, labels=lab.labels
)
wait_for_http(lab.url(8020))
print("published:", client.containers.get("weather-store").ports)

# %% setup="ex-02-2 ex-02-3"
from urllib.request import urlopen


def produce(*readings):
    """Send readings to the store."""
    for reading in readings:
        urlopen(f"{lab.url(8020)}/readings", data=str(reading).encode()).close()


produce(*READINGS)
print(urlopen(f"{lab.url(8020)}/readings").read().decode())

# %% [markdown] covers="T3.run"
# What a container's process prints to standard output and standard error is its **log**. Programs in containers write
# no log files: somebody else collects. `exec` runs a further command in the same namespaces, to look around:
#
# ```console
# $ docker logs --tail 3 weather-store
# $ docker exec weather-store id
# ```

# %% covers="T3.run"
print(store.logs(tail=3).decode())
print(store.exec_run("id").output.decode(), store.exec_run("ls -l /data").output.decode(), sep="\n")

# %% [markdown] covers="T3.volumes"
# ## 10. Keep data in a volume
#
# The readings are in the container's writable layer. Replace the container by version 2, and they are gone. A
# **volume** is a folder that Docker keeps outside of any container, and mounts into those that ask for it:
#
# ```console
# $ docker volume create weather-data
# $ docker run ... --volume weather-data:/data weather-store:1
# ```

# %% [markdown] tags=["teaching"] minutes=2
# - **Ask** before `after:` prints: three readings or none? Why is that different from section 5?

# %% covers="T3.volumes" setup="ex-02-2 ex-02-3"
client.volumes.create("weather-data", labels=lab.labels)
as_store = {"detach": True, "ports": {"8000/tcp": 8020}, "labels": lab.labels, "volumes": ["weather-data:/data"]}
store = client.containers.run("weather-store:1", name=fresh("weather-store"), **as_store)
print("before:", wait_for_http(f"{lab.url(8020)}/readings").split())
produce(*READINGS)

# %% [markdown]
# `before` is empty the first time: the former container's readings died with it. Now replace the container again, by
# the newer version:

# %% covers="T3.volumes" setup="ex-02-2 ex-02-3"
store = client.containers.run("weather-store:2", name=fresh("weather-store"), **as_store)
print("after:", wait_for_http(f"{lab.url(8020)}/readings").split())

# %% [markdown]
# **What happened.** New container, newer image, same data. `/data` could be written by user 1000 because a new volume
# takes over content and owner of the folder that the image has there.
#
# A *bind mount* (`--volume /some/path:/data`) mounts a folder of the **Docker machine** instead. Good for source code
# on your own laptop; elsewhere that path may not exist.

# %% [markdown] covers="T3.networks"
# ## 11. Connect containers by name
#
# The worker will need the store. At which address? Containers get a new IP address each time. On a network **that you
# create**, Docker runs a DNS server that knows containers by name; the default network has none.
#
# ```console
# $ docker network create weather-net
# $ docker run ... --network weather-net weather-store:2
# ```

# %% [markdown] tags=["teaching"] minutes=2
# - **Ask** for the result of each of the three calls of `ask` before it runs; the third, `localhost`, splits the
#   room.

# %% covers="T3.networks" setup="ex-02-2 ex-02-3"
if not client.networks.list(names=["weather-net"]):
    client.networks.create("weather-net", labels=lab.labels)
as_store["network"] = "weather-net"
store = client.containers.run("weather-store:2", name=fresh("weather-store"), **as_store)
print("readings:", wait_for_http(f"{lab.url(8020)}/readings").split())

# %% [markdown]
# Ask for the readings from three places: another container on that network; the default network; and
# `localhost` in a container on the right network.

# %% covers="T3.networks"
def ask(url, network):
    """What curl says to a URL in a container on a network."""
    command = ["sh", "-c", f"curl -sS -m 3 {url} 2>&1 || true"]
    return client.containers.run("labs/shell:1", command, network=network, remove=True, labels=lab.labels).decode()


print(ask("http://weather-store:8000/readings", "weather-net"))
print(ask("http://weather-store:8000/readings", "bridge"))
print(ask("http://localhost:8000/readings", "weather-net"))

# %% [markdown] covers="T3.networks"
# **What happened.** By name it works, from container to container, on the container's own port (8000): publishing is
# only for the world outside. The default network (`bridge`) does not know the name.
#
# **Misconception**: "`localhost` is the machine." In a container, `localhost` is that container: its network namespace
# has a loopback of its own.
#
# What the last sections typed piece by piece, **Compose** declares in one file, for `docker compose up`:
#
# ```yaml
# services:
#   store:
#     image: weather-store:2
#     build: store
#     ports: ["8020:8000"]
#     volumes: ["data:/data"]
# volumes:
#   data:
# ```
#
# Compose makes a network for its project by itself, on which `store` is a name. (The course brings `docker compose`.)

# %% [markdown] tags=["exercise"] exercise="ex-02-2"
# ### Exercise 2: the worker
#
# The next cell writes `worker/worker.py`. Every second it reads `/readings` from the store that the environment variable
# `STORE` names (a URL), and sends their mean to `/means` when it has changed.
#
# *Goal*: the worker runs in the background, from an image of its own, `weather-worker:1`, based on `labs/python:3`.
# Its Dockerfile belongs in `project / "worker"`.
#
# *Constraints*: not as root; at most 128 MiB of memory; it talks to the store over `weather-net`. Use `lab.labels` as
# before.
#
# *Done when* the last line of `http://localhost:8020/means` is the mean of the readings, and the worker still runs.

# %% [markdown] tags=["teaching"] minutes=14 exercise="ex-02-2"
# - **Show** after five minutes how to read the log of a container that has ended. Most wait for a running one.
# - **Mistakes**
#   - `localhost` in `STORE`: *`localhost` is the container itself*;
#   - the published port: *Connection refused*;
#   - no network: *on the network bridge*;
#   - `STORE` without `http://`: *begins with `http://`*;
#   - no `USER`: *runs as root*;
#   - built, not started: *none was started*.

# %% setup="ex-02-2"
# %%writefile {project}/worker/worker.py
import os, threading
from statistics import mean
from urllib.request import urlopen

def store(path, data=None):
    with urlopen(f"{os.environ['STORE']}/{path}", data) as answer:
        return answer.read().decode().split()

while True:
    readings, means = store("readings"), store("means")
    if readings and means[-1:] != [new := f"{mean(map(float, readings)):.2f}"]:
        store("means", new.encode())
        print("new mean", new)
    threading.Event().wait(1)

# %% [markdown] tags=["hint"] exercise="ex-02-2"
# Three steps: write a Dockerfile (look at the store's), build it with a tag, run the image. If the worker stops at once,
# its log says why.

# %% [markdown] tags=["hint"] exercise="ex-02-2"
# Four lines make the Dockerfile: `FROM`, `COPY`, `USER`, `CMD`. `build("worker", "weather-worker:1")` builds it. On
# `weather-net`, the store is `http://weather-store:8000`: its own port, not the published one. (`localhost` would be the
# worker itself.)

# %% [markdown] tags=["hint"] exercise="ex-02-2"
# `client.containers.run("weather-worker:1", name=fresh("weather-worker"), detach=True, network=..., mem_limit=...,
# environment={"STORE": ...}, labels=lab.labels)`, after `(project / "worker" / "Dockerfile").write_text(...)` and the
# build.

# %% tags=["answer"] exercise="ex-02-2"
### BEGIN SOLUTION
(project / "worker" / "Dockerfile").write_text("""\
FROM labs/python:3
COPY worker.py /app/worker.py
USER 1000
STOPSIGNAL SIGINT
CMD ["python3", "-u", "/app/worker.py"]
""")
build("worker", "weather-worker:1")
as_worker = {"environment": {"STORE": "http://weather-store:8000"}, "network": "weather-net", "mem_limit": "128m"}
client.containers.run("weather-worker:1", name=fresh("weather-worker"), detach=True, labels=lab.labels, **as_worker)
### END SOLUTION

# %% tags=["check"]
lab.check("ex-02-2")

# %% [markdown]
# ## 12. Running is not healthy
#
# A process can run and yet be of no use. The front is an example: without its store it answers, but only with an
# apology.

# %% [markdown] tags=["teaching"] minutes=4
# - **Ask** before `store.stop()`: will Docker restart the front? Keep the answers for lesson 03, which does it.

# %% setup="ex-02-3"
# %%writefile {project}/front/front.py
import os
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.request import urlopen

class Front(BaseHTTPRequestHandler):
    def do_GET(self):
        try:
            count = len(urlopen(f"{os.environ['STORE']}/readings", timeout=2).read().split())
            status, body = 200, f"{count} readings so far\n"
        except OSError as error:
            status, body = 502, f"no answer from {os.environ['STORE']}: {error}\n"
        self.send_response(status), self.end_headers(), self.wfile.write(body.encode())

ThreadingHTTPServer(("", 8080), Front).serve_forever()

# %% [markdown] covers="T3.healthchecks"
# `HEALTHCHECK` gives the image a command that Docker runs **inside** the container, again and again. Exit status 0 means
# healthy; after `retries` failures in a row the container is unhealthy. (A second between two checks suits a lesson; 10
# to 30 suit life.)

# %% setup="ex-02-3"
# %%writefile {project}/front/Dockerfile
FROM labs/python:3
COPY front.py /app/front.py
USER 1000
EXPOSE 8080
STOPSIGNAL SIGINT
HEALTHCHECK --interval=1s --timeout=3s --retries=2 CMD ["wget", "-q", "-O", "/dev/null", "http://localhost:8080/"]
CMD ["python3", "-u", "/app/front.py"]

# %% setup="ex-02-3"
build("front", "weather-front:1")
front = client.containers.run(
    "weather-front:1",
    name=fresh("weather-front"),
    detach=True,
    ports={"8080/tcp": 8023},
    network="weather-net",
    environment={"STORE": "http://weather-store:8000"},
    labels=lab.labels,
)

# %% covers="T3.healthchecks" setup="ex-02-3"
def wait_for_health(container, wanted):
    """Wait until Docker says that a container is `healthy` or `unhealthy`."""
    hint = "Is weather-store on weather-net? The cell of section 11 that starts it puts it there."
    what = f"{container.name}: {wanted}"
    return wait_for(lambda: container.reload() or container.health == wanted, 60, what=what, hint=hint)


wait_for_health(front, "healthy")
print(front.health, "|", wait_for_http(lab.url(8023)))

# %% [markdown]
# Now take the store away:

# %% covers="T3.healthchecks"
store.stop()
wait_for_health(front, "unhealthy")
print(front.status, "but", front.health, "| restarts:", front.attrs["RestartCount"])
print("last check:", front.attrs["State"]["Health"]["Log"][-1]["Output"])

# %% [markdown] covers="T3.healthchecks"
# **Misconception**: "Docker restarts an unhealthy container." It does not: it tells, and somebody else must act. A
# *restart policy* (`--restart on-failure`) acts when a process **ends**. Acting on health is one of the reasons for
# Kubernetes, which has probes of its own for it and does not read `HEALTHCHECK`. Bring the store back, and the front
# recovers by itself. (Your worker has ended, too: nothing catches its error. `docker start weather-worker` brings it
# back after the next cell.)

# %%
store.start()
wait_for_health(front, "healthy")
print(front.health, "|", wait_for_http(lab.url(8023)))

# %% [markdown] covers="T3.multistage D1.1"
# ## 13. Keep images small
#
# What is not in an image need not be shipped, scanned or patched. Tools that only the *build* needs have no place in
# the result. A **multi-stage** build has several `FROM`: the last one becomes the image, and copies what it wants out of
# the others. Here Python makes a page, and nginx serves it:

# %% [markdown] tags=["teaching"] minutes=2
# - **Show**: both stages in `views.image`, and what the second does not have.

# %%
# %%writefile {project}/about/Dockerfile
FROM labs/python:3 AS build
RUN mkdir /out && python3 -c "print('made with Python', *range(5))" > /out/index.html

FROM labs/web:1
COPY --from=build /out/index.html /usr/share/nginx/html/index.html

# %% [markdown]
# For comparison, build the first stage alone as well:
#
# ```console
# $ docker build --target build --tag weather-about:build about/
# $ docker build --tag weather-about:1 about/
# ```

# %% covers="T3.multistage D1.1"
for tag, stage in (("build", "build"), ("1", None)):
    image, _ = client.images.build(
        path=str(project / "about"), target=stage, tag=f"weather-about:{tag}", labels=lab.labels, rm=True
    )
    print(f"weather-about:{tag:6}{image.attrs['Size'] / 1e6:6.1f} MB")
command = ["sh", "-c", f"cat {index}; which python3 || echo there is no Python in here"]
print(client.containers.run("weather-about:1", command, remove=True, labels=lab.labels).decode())

# %%
views.image(lab, "weather-about:1", stages={"build": "weather-about:build"})

# %% [markdown] covers="T3.multistage"
# Other ways to small images: a small base, few packages, a `.dockerignore`. What does **not** help is to delete in a
# later step what an earlier one added: the layer below still carries it.

# %% [markdown] covers="T3.registries D1.1"
# ## 14. Ship it through a registry
#
# An image travels through a **registry**: push from here, pull over there. The course has one of its own. An image's
# name says where it lives: `localhost:5000/weather-store:2`; without a host, a name means Docker Hub.
#
# ```console
# $ docker tag weather-store:2 localhost:5000/weather-store:2
# $ docker push localhost:5000/weather-store:2
# ```

# %% [markdown] tags=["teaching"] minutes=2
# - **Ask**: what does the push not send? (Layers that are there.)

# %% covers="T3.registries D1.1"
remote = f"{lab.engine.registry or 'localhost:5000'}/weather-store"
client.images.get("weather-store:2").tag(remote, "2")
for line in client.images.push(remote, "2", stream=True, decode=True):
    if "error" in line or "aux" in line:
        print(line.get("error") or line["aux"])

# %% [markdown]
# The digest is a hash of the image's manifest, so it names these very bytes forever; a tag may be moved. Only layers
# that the registry lacked were sent. Remove the name here, and fetch it back:
#
# ```console
# $ docker rmi localhost:5000/weather-store:2
# $ docker pull localhost:5000/weather-store:2
# ```

# %% covers="T3.registries"
client.images.remove(f"{remote}:2")
pulled = client.images.pull(remote, "2")
print(pulled.tags, "same image:", pulled.id == client.images.get("weather-store:2").id)
print(pulled.attrs["RepoDigests"])

# %% [markdown] covers="T3.registries D1.1"
# Without a registry, an image travels as a file. The CKAD exam likes to ask for that, and it proves section 5: an image
# is archives and JSON.
#
# ```console
# $ docker save --output store.tar weather-store:2
# $ docker load --input store.tar
# ```

# %% covers="T3.registries D1.1"
import io
import tarfile

archive = io.BytesIO(b"".join(client.images.get("weather-store:2").save(named=True)))
print(*sorted(member.name for member in tarfile.open(fileobj=archive) if member.isfile()), sep="\n")

# %% [markdown]
# What stands under `blobs/sha256` are layers and JSON, each named by its hash; `index.json` leads to them. This is the
# layout of the *Open Container Initiative*, which other tools read as well. (A Docker older than 25 shows a folder
# with `layer.tar` for each layer instead.)

# %% [markdown] tags=["exercise"] exercise="ex-02-3"
# ### Exercise 3: a front that does not answer
#
# A colleague has started a second front with the cell below. `http://localhost:8025` does not answer, and Docker calls
# the container unhealthy. More than one thing is wrong with the way it was **started**; the image is fine.
#
# *Goal*: a front at `http://localhost:8025` that shows the number of readings.
#
# *Constraints*: from the image `weather-front:1` as it is; leave `weather-store` and `weather-front` as they are.
#
# *Done when* `http://localhost:8025` answers with the number of readings, and Docker calls that container healthy.

# %% [markdown] tags=["teaching"] minutes=10 exercise="ex-02-3"
# - **Say**: look first, replace once. Who replaces after each find starts three containers.
# - **Mistakes**
#   - only the port repaired: *status 502*;
#   - only `STORE` repaired: *on the network bridge*;
#   - the store's published port: *the port the store's own*;
#   - `weather-front` replaced in place of the second: *weather-front as it was*;
#   - the image rebuilt: *weather-front:1 as it was*.

# %% setup="ex-02-3"
broken = client.containers.run(
    "weather-front:1",
    name=fresh("weather-front-2"),
    detach=True,
    ports={"80/tcp": 8025},
    environment={"STORE": "http://localhost:8000"},
    labels=lab.labels,
)

# %% [markdown] tags=["hint"] exercise="ex-02-3"
# A container's ports and environment are fixed when it is made: replace it. To find out how, ask what its health check
# says (`broken.reload(); broken.attrs["State"]["Health"]["Log"][-1]`, or `docker inspect`), and compare `broken.ports`
# with `front.ports`.

# %% [markdown] tags=["hint"] exercise="ex-02-3"
# Three questions. On which port does the front listen in the container? What is `localhost` to a container? Which
# network knows the name `weather-store`?

# %% [markdown] tags=["hint"] exercise="ex-02-3"
# Start it as `weather-front` was started in section 12, in place of the broken one: `fresh("weather-front-2")`, and
# port 8025 instead of 8023.

# %% tags=["answer"] exercise="ex-02-3"
### BEGIN SOLUTION
client.containers.run(
    "weather-front:1",
    name=fresh("weather-front-2"),
    detach=True,
    ports={"8080/tcp": 8025},
    network="weather-net",
    environment={"STORE": "http://weather-store:8000"},
    labels=lab.labels,
)
### END SOLUTION

# %% tags=["check"]
lab.check("ex-02-3")

# %% [markdown]
# ## Recap
#
# 1. A container is a process of the machine's kernel, with namespaces (what it sees) and cgroups (what it may use).
# 2. An image is a read-only stack of layers; changes go into the container's own thin layer.
# 3. `build`, `tag`, `run --publish`, `logs`, `exec`. `EXPOSE` publishes nothing, `latest` promises nothing. Arguments
#    replace `CMD`, not `ENTRYPOINT`.
# 4. Files survive `stop`, not `rm`. A volume survives both.
# 5. On a network of your own, containers find each other by name. `localhost` is the container itself.
# 6. Too much memory: killed, status 137. Unhealthy: reported, not restarted.
# 7. Multi-stage builds leave tools behind. A registry or a file carries an image; its digest names it.
#
# **In practice**: run as a user, with limits, one program per container; read logs before you `exec`.
#
# **Next**: who starts the container again when its machine dies? Lesson 03 meets the cluster that does.

# %% [markdown] tags=["teaching"] minutes=1
# - **Ask**: what outlives what? Writable layer, container, volume: one sentence from the room for each.

# %% [markdown]
# ## Clean up
#
# Remove what this lesson made. Base images, and all that does not carry the lesson's labels, stay.

# %%
lab.cleanup()
