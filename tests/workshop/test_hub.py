"""A class on one server: everybody's own, nobody else's, and nothing lost when the hub ends."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from labs.waiting import wait_for
from labs.workshop.hub.server import HUB, PROXY
from tests.conftest import labs
from tests.workshop.browser import PROTOCOL, Browser

pytestmark = pytest.mark.engine

CONTAINERS = """
import docker
engine = docker.from_env()
engine.containers.run("labs/web:1", detach=True, name="web-{name}", ports={{"80/tcp": 8021}})
print([container.name for container in engine.containers.list()])
"""
ASK = """
import time, urllib.request
for _ in range(50):
    try:
        print(urllib.request.urlopen("http://localhost:{port}/version", timeout=5).read().decode())
        break
    except OSError as error:
        last = error
        time.sleep(0.2)
else:
    print(last)
"""
POD = """
from kubernetes import client, config
config.load_kube_config()
core = client.CoreV1Api()
meta = {{"name": "web", "labels": {{"app": "web"}}}}
spec = {{"containers": [{{"name": "web", "image": "{image}"}}]}}
core.create_namespaced_pod("{name}", {{"metadata": meta, "spec": spec}})
port = {{"port": 80, "nodePort": {port}}}
core.create_namespaced_service("{name}", {{"metadata": meta,
    "spec": {{"type": "NodePort", "selector": meta["labels"], "ports": [port]}}}})
"""
FILL = """
import subprocess
started = []
try:
    for _ in range(3000):
        started.append(subprocess.Popen(["sleep", "300"]))
except OSError as error:
    print(type(error).__name__, len(started))
for one in started:
    one.kill()
for one in started:
    one.wait()
"""

FILL_DISK = """
try:
    with open("big", "wb") as file:
        while True:
            file.write(b"x" * (1 << 20))
except OSError as error:
    print(error)
"""


def test_only_the_own_code_opens(room):
    accounts = room.workshop.accounts()
    assert Browser(room.address).sign_in("anna", accounts["ben"].code) == 403
    assert Browser(room.address).sign_in("anna", "") == 403
    assert Browser(room.address).sign_in("nobody", accounts["ben"].code) == 403
    assert Browser(room.address).sign_in("Anna ", accounts["anna"].code.upper().replace("-", " ")) == 200


def test_who_guesses_has_to_wait(room):
    statuses = [Browser(room.address).sign_in("mia", f"wrong-{i}") for i in range(9)]
    assert statuses[0] == 403
    assert statuses[-1] == 429


def test_each_has_a_docker_and_a_localhost_of_their_own(room):
    anna, ben = room.kernel("anna"), room.kernel("ben")
    assert anna.protocol == PROTOCOL
    assert anna.run(CONTAINERS.format(name="anna")).strip() == "['web-anna']"
    assert ben.run(CONTAINERS.format(name="ben")).strip() == "['web-ben']"
    for kernel in (anna, ben):
        assert kernel.run(ASK.format(port=8021)).strip() == "1"


def test_a_folder_of_the_home_is_built(room):
    """Its owner, as Docker is told, must be somebody whom the machine knows."""
    anna = room.kernel("anna")
    words = anna.run(
        "import docker, os\n"
        "os.makedirs('context', exist_ok=True)\n"
        "open('context/Dockerfile', 'w').write('FROM labs/shell:1\\nCOPY . /mine\\nRUN id -u > /who\\n')\n"
        "engine = docker.from_env()\n"
        "engine.images.build(path='context', tag='context:1')\n"
        "print(os.getuid(), engine.containers.run('context:1', ['cat', '/who'], remove=True).decode())"
    )
    assert words.split() == ["1000", "0"]


def test_root_in_a_container_is_nobody_on_the_server(room):
    anna = room.kernel("anna")
    words = anna.run(
        "import docker\n"
        "print(docker.from_env().containers.run('labs/shell:1', ['sh', '-c', "
        "'cat /host/etc/shadow; touch /host/usr/x; mknod /x b 254 0; echo 7 > /proc/sys/kernel/panic'], "
        "privileged=True, pid_mode='host', volumes={'/': {'bind': '/host', 'mode': 'rw'}}, "
        "remove=True, stderr=True).decode())"
    )
    assert words.count("denied") + words.count("not permitted") >= 4, words


def test_a_neighbour_is_out_of_reach(room):
    anna, ben = room.at_work("anna"), room.at_work("ben")
    kernel = anna.new_kernel()
    account, workshop = room.workshop.account("ben"), room.workshop
    home, learners = workshop.home(account), workshop.engine.folder / "learners"
    for path in (home, home / "00_start_here.ipynb", learners / "ben/docker/run/docker.sock"):
        assert path.exists()
        said = kernel.run(f"import os; os.stat({str(path / 'x')!r})")  # a disk mounted later is not there at all
        assert "PermissionError" in said or "FileNotFoundError" in said, path
    # neither processes, nor their environment: none but one's own are there
    assert (
        kernel.run("import subprocess; print(subprocess.getoutput('ps axo user='))").count(str(account.user)[:9]) == 0
    )
    reach = "import socket; socket.create_connection(({!r}, {}), timeout=3)"
    address = workshop.engine.network.address(100 + account.number)
    assert "Error" in kernel.run(reach.format(address, 8888))
    assert "Error" in kernel.run(reach.format(address, 8021))
    assert anna.get("/lab", whose="ben").status_code in (403, 404)
    assert ben.get("/lab").status_code == 200


def test_own_image_reaches_the_cluster_and_answers_on_localhost(room):
    anna = room.kernel("anna")
    name = anna.run(
        "from labs import engines\n"
        "import docker\n"
        "docker.from_env().images.get('labs/web:2').tag('mine:1')\n"
        "print(engines.current().load_image('mine:1'))"
    ).strip()
    assert name.endswith(":5000/anna/mine:1"), name
    assert anna.run(POD.format(name="class-anna-04", image=name, port=30999)) == ""
    assert anna.run(ASK.format(port=30999)).strip() == "2"
    assert "Forbidden" in anna.run(POD.format(name="class-ben-04", image=name, port=30998))


def test_a_lesson_opens_as_it_does_alone(room):
    """With everybody's own node ports in the notebook, the hints and the addresses."""
    ben = room.kernel("ben")
    assert "NODE_PORT = 30140" in ben.run("print(open('04_roll_out_deployments.ipynb').read())")
    words = ben.run(
        "from labs import open_lab\nlab = open_lab('04')\nprint(lab.url(30041))\n"
        "lab.clients.core.create_namespaced_config_map(lab.namespace, {'metadata': {'name': 'mine'}})\nlab.reset()"
    )
    assert "namespace class-ben-04" in words
    assert "http://localhost:30141" in words
    assert "Lesson 04 is at its start" in words
    listed = labs("workshop", "list", "--own", "--workshop", "class", name=room.workshop.name)
    assert "ben" in listed.stdout, listed.stdout


def test_no_pod_is_root_on_the_server(room):
    anna = room.kernel("anna")
    pod = POD.format(name="class-anna-04", image="labs/web:1", port=30997)
    privileged = pod.replace('"image"', '"securityContext": {"privileged": True}, "image"')
    assert "violates PodSecurity" in anna.run(privileged)
    volume = '{"volumes": [{"name": "host", "hostPath": {"path": "/"}}], "containers"'
    assert "violates PodSecurity" in anna.run(pod.replace('{"containers"', volume))


def test_the_instructor_may_look_in(room):
    room.at_work("anna")
    mia = Browser(room.address)
    # from another address than who has guessed above, as a web server in front would tell
    mia.session.headers["X-Forwarded-For"] = "203.0.113.7"
    assert mia.sign_in("mia", room.workshop.account("mia").code) == 200
    assert mia.get("/lab", whose="anna").status_code == 200


def test_a_fork_bomb_ends_at_the_limit(room):
    anna, ben = room.kernel("anna"), room.kernel("ben")
    kind, number = anna.run(FILL).split()
    assert kind == "BlockingIOError"
    assert int(number) < 1024
    assert ben.run("print(6 * 7)").strip() == "42"


def test_memory_ends_at_the_limit(room):
    group = room.workshop.engine.record.id
    limits = [*Path("/sys/fs/cgroup").glob(f"**/labs-{group}/learner-anna/memory.limit_in_bytes")]
    limits += Path("/sys/fs/cgroup").glob(f"**/labs-{group}/learner-anna/memory.max")
    assert [int(file.read_text()) for file in limits] == [1536 << 20]


def taken(folder: Path) -> int:
    """Bytes that a folder takes on this machine's disk, sparse files as what they hold; others write there, too."""
    done = subprocess.run(["du", "-sxB1", folder], stdout=subprocess.PIPE, text=True, encoding="utf-8", check=False)
    return int(done.stdout.split()[0])


def test_a_full_disk_is_the_learners_own(room):
    browser, ben = room.at_work("anna"), room.kernel("ben")
    before = taken(room.workshop.folder)
    said = browser.new_kernel().run(FILL_DISK)
    assert "No space left on device" in said
    assert taken(room.workshop.folder) - before < 1 << 30
    assert ben.run("print(open('mine', 'w').write('x' * 10_000_000))").strip() == "10000000"
    browser.close_server()
    browser.open_server()  # there is room kept back for it
    kernel = browser.new_kernel()
    assert kernel.run("import os\nos.remove('big')\nprint(open('mine', 'w').write('x'))").strip() == "1"
    assert "web-anna" in kernel.run(
        "import docker\nprint([c.name for c in docker.from_env().containers.list(all=True)])"
    )


def test_a_kernel_outlives_hub_and_proxy(room):
    browser = room.at_work("ben")
    kernel = browser.new_kernel()
    kernel.run("kept = 41")
    processes = room.workshop.engine.processes
    before = processes.component(HUB).pid
    processes.kill(HUB)
    assert kernel.run("print(kept + 1)").strip() == "42"  # meanwhile, on the same connection
    wait_for(lambda: processes.component(HUB).pid not in (None, before), timeout=60, what="another hub")
    again = wait_for(lambda: reconnected(room, kernel.id), timeout=60, what="the way to the kernel")
    assert again.run("print(kept + 1)").strip() == "42"
    before = processes.component(PROXY).pid
    processes.kill(PROXY)
    wait_for(lambda: processes.component(PROXY).pid not in (None, before), timeout=60, what="another proxy")
    again = wait_for(lambda: reconnected(room, kernel.id), timeout=60, what="the way to the kernel")
    assert again.run("print(kept + 1)").strip() == "42"


def reconnected(room, kernel_id: str):
    """A connection to the kernel, as soon as hub and proxy are back."""
    try:
        return room.at_work("ben").connect(kernel_id)
    except (OSError, AssertionError):  # requests' errors are such as well
        return None


def test_work_is_not_overwritten(room):
    browser = room.at_work("anna")
    browser.new_kernel().run(
        "open('00_start_here.ipynb', 'w').write('mine'); import os; os.remove('06_keep_data.ipynb')"
    )
    browser.close_server()
    browser.open_server()
    kernel = browser.new_kernel()
    assert kernel.run("print(open('00_start_here.ipynb').read())").strip() == "mine"
    assert kernel.run("import os; print(os.path.exists('06_keep_data.ipynb'))").strip() == "True"


def test_a_home_cannot_lead_the_server_astray(room):
    """The hub writes into homes with the learner's rights only, so a link in one leads nowhere."""
    browser = room.at_work("anna")
    target = room.workshop.folder / "accounts.json"
    before = target.read_bytes()
    browser.new_kernel().run(
        "import os, shutil\n"
        "shutil.rmtree('.labs/default')\n"
        f"os.symlink({str(room.workshop.folder)!r}, '.labs/default')\n"
        "os.remove('07_connect_services.ipynb')\n"
        f"os.symlink({str(room.workshop.folder / 'new')!r}, '07_connect_services.ipynb')"
    )
    browser.close_server()
    with pytest.raises(AssertionError):
        browser.open_server()
    assert target.read_bytes() == before
    assert not (room.workshop.folder / "new").exists()
    assert not (room.workshop.folder / "course.json").exists()
    (room.workshop.home(room.workshop.account("anna")) / ".labs/default").unlink()
