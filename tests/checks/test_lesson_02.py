"""Lesson 02's checks: the reference solutions and other right ones pass, wrong ones get the words that help."""

from __future__ import annotations

import json
import socket

import pytest

from labs import checks
from labs.checks import settle
from labs.waiting import wait_for

pytestmark = pytest.mark.engine

STORE = {"STORE": "http://weather-store:8000"}
WORKER = """\
FROM labs/python:3
COPY worker.py /srv/
USER 1000
STOPSIGNAL SIGINT
CMD ["python3", "-u", "/srv/worker.py"]
"""


class World:
    """The lesson before an exercise, and the shortest ways to answer it rightly and wrongly."""

    def __init__(self, cells) -> None:
        self.cells, self.made = cells, []
        self.lab = cells.open()
        for k in (1, 2, 3):
            cells.set_up(f"ex-02-{k}")
        self.client = cells.namespace["client"]
        self.project = cells.namespace["project"]
        self.forget()

    def start(self, image: str, name: str = "probe", **options):
        """Start a container; without the lesson's labels, as on a command line."""
        self.forget(name)
        container = self.client.containers.run(image, name=name, detach=True, **options)
        self.made.append(name)
        return container

    def page(self, image="labs/web:2", inside=80, outside=8021, mem_limit="64m", **options):
        return self.start(image, ports={f"{inside}/tcp": outside}, mem_limit=mem_limit, **options)

    def build_worker(self, dockerfile=WORKER):
        (self.project / "worker" / "Dockerfile").write_text(dockerfile)
        return self.client.images.build(
            path=str(self.project / "worker"), tag="weather-worker:1", rm=True, labels=self.lab.labels
        )[0]

    def worker(self, image="weather-worker:1", environment=STORE, network="weather-net", mem_limit="128m", **options):
        return self.start(image, environment=environment, network=network, mem_limit=mem_limit, **options)

    def front(self, inside=8080, environment=STORE, network="weather-net", **options):
        ports = {f"{inside}/tcp": 8025}
        return self.start("weather-front:1", environment=environment, network=network, ports=ports, **options)

    def section_12(self) -> None:
        """Write, build and start the first front again."""
        self.cells.set_up("ex-02-3", only=("{project}/front/", 'build("front"'))

    def forget(self, *names: str) -> None:
        """Remove the containers of all answers, or the named ones."""
        answers = ("weather-page-2", "weather-worker", "weather-front-2", *self.made)
        for container in self.client.containers.list(all=True, ignore_removed=True):
            if container.name in (names or answers):
                container.remove(force=True)


@pytest.fixture(scope="module")
def lesson(cells_of):
    world = World(cells_of("02"))
    yield world
    world.forget()


@pytest.fixture
def world(lesson):
    lesson.forget()
    return lesson


def verdict(world: World, k: int) -> checks.Verdict:
    return checks.run(f"ex-02-{k}", world.lab)


def expect_words(found, words: str) -> None:
    """A verdict of "not yet" that has all of these words, separated by ``|``."""
    assert found.status == "not yet", found
    assert [word for word in words.split("|") if word not in str(found)] == [], found
    assert found.try_, "there is one thing to look at"


@pytest.mark.parametrize("k", [1, 2, 3])
def test_reference_passes(world, k):
    world.cells.solve(f"ex-02-{k}")
    assert verdict(world, k).passed, verdict(world, k)


RIGHT_PAGES = {
    "another name, less memory, half a processor": lambda w: w.page(mem_limit="32m", nano_cpus=500_000_000),
    "only on loopback, a restart policy": lambda w: w.start(
        "labs/web:2", ports={"80/tcp": ("127.0.0.1", 8021)}, mem_limit="64m", restart_policy={"Name": "always"}
    ),
    "the limit was set later": lambda w: w.page(mem_limit=None).update(mem_limit="64m", memswap_limit="128m"),
}
WRONG_PAGES = {
    "nothing done": (lambda w: None, "port 8021|no container publishes it|docker ps"),
    "no limit": (lambda w: w.page(mem_limit=None), "at most 64 MiB|no limit"),
    "too much": (lambda w: w.page(mem_limit="640m"), "at most 64 MiB|640 MiB"),
    "version 1": (lambda w: w.page("labs/web:1"), "answer 2|'1'"),
    "wrong port inside": (
        lambda w: w.page(inside=8021),
        "an answer from http://localhost:8021|leads to port 8021|EXPOSE",
    ),
    "the other way round": (
        lambda w: w.page(inside=8021, outside=8024),
        "container probe publishes its port 8021 as 8024|the other way round",
    ),
    "wrong port outside": (lambda w: w.page(outside=8024), "port 8021|no container publishes it"),
    "stopped": (lambda w: w.page().stop(), "running container|ended with status 0|docker logs probe"),
    "ended at once": (lambda w: w.page(command="nginx -v").wait(), "ended with status 0"),
}


@pytest.mark.parametrize("answer", RIGHT_PAGES.values(), ids=RIGHT_PAGES)
def test_other_right_pages_pass(world, answer):
    answer(world)
    assert verdict(world, 1).passed, verdict(world, 1)


@pytest.mark.usefixtures("impatient")
@pytest.mark.parametrize(("answer", "words"), WRONG_PAGES.values(), ids=WRONG_PAGES)
def test_wrong_pages_are_told(world, answer, words):
    answer(world)
    expect_words(verdict(world, 1), words)


def test_worker_needs_its_image(world):
    if world.client.images.list(name="weather-worker:1"):
        world.client.images.remove("weather-worker:1", force=True)
    expect_words(verdict(world, 2), "an image weather-worker:1|none|docker build")


@pytest.fixture
def worker_image(world):
    """The image is built, and the store has no mean from an earlier worker."""
    world.cells.namespace["store"].exec_run("rm -f /data/means")
    return world.build_worker()


def on_default_network_by_address(world):
    """No name is needed where the address is known: another way there."""
    world.cells.namespace["store"].reload()
    networks = world.cells.namespace["store"].attrs["NetworkSettings"]["Networks"]
    world.worker(environment={"STORE": f"http://{networks['weather-net']['IPAddress']}:8000"})


def user_given_at_run(world):
    world.build_worker(WORKER.replace("USER 1000\n", ""))
    world.worker(user="1000:1000")


def as_root(world):
    world.build_worker(WORKER.replace("USER 1000\n", ""))
    world.worker()


RIGHT_WORKERS = {
    "another path in the image, another name": lambda w: w.worker(),
    "by address": on_default_network_by_address,
    "user given at run": user_given_at_run,
    "by the image's id, restarting": lambda w: w.worker(
        w.client.images.get("weather-worker:1").id, restart_policy={"Name": "always"}
    ),
}
WRONG_WORKERS = {
    "only built": (lambda w: None, "running container of weather-worker:1|none was started"),
    "as root": (as_root, "does not run as root|container probe runs as root|USER"),
    "no limit": (lambda w: w.worker(mem_limit=None), "at most 128 MiB|no limit"),
    "no STORE": (lambda w: w.worker(environment={}).wait(), "ended with status 1|KeyError: 'STORE'|docker logs probe"),
    "localhost": (
        lambda w: w.worker(environment={"STORE": "http://localhost:8000"}).wait(),
        "ended with status 1|Connection refused|`localhost` is the container itself",
    ),
    "localhost, the published port": (
        lambda w: w.worker(environment={"STORE": "http://localhost:8020"}).wait(),
        "ended with status 1|Connection refused|`localhost` is the container itself",
    ),
    "no network": (
        lambda w: w.worker(network="bridge").wait(),
        "ended with status 1|on the network bridge|Which network knows the name",
    ),
    "no URL": (
        lambda w: w.worker(environment={"STORE": "weather-store:8000"}).wait(),
        "ended with status 1|`STORE` is weather-store:8000|begins with `http://`",
    ),
    "a program that is not there": (
        lambda w: w.worker(command="python3 /nowhere.py").wait(),
        "ended with status 2|No such file|docker logs probe",
    ),
    "the published port": (
        lambda w: w.worker(environment={"STORE": "http://weather-store:8020"}).wait(),
        "ended with status 1|Connection refused",
    ),
    "not the worker": (
        lambda w: w.worker(command="tail -f /dev/null", init=True),
        "means to be|no mean at all|weather-net",
    ),
}


@pytest.mark.usefixtures("worker_image")
@pytest.mark.parametrize("answer", RIGHT_WORKERS.values(), ids=RIGHT_WORKERS)
def test_other_right_workers_pass(world, answer):
    answer(world)
    assert verdict(world, 2).passed, verdict(world, 2)


@pytest.mark.usefixtures("impatient", "worker_image")
@pytest.mark.parametrize(("answer", "words"), WRONG_WORKERS.values(), ids=WRONG_WORKERS)
def test_wrong_workers_are_told(world, answer, words):
    answer(world)
    expect_words(verdict(world, 2), words)


IDLE_WORKERS = {
    "asleep": (lambda w: w.worker(command="sleep 1000", init=True), "to ask container weather-store|docker top probe"),
    "on the default network": (
        lambda w: w.worker(network="bridge", command="sleep 1000", init=True),
        "on the network weather-net|container probe is on bridge",
    ),
}


@pytest.fixture
def earlier_mean(world, worker_image):
    """The right mean is in the store: an earlier worker's."""
    world.worker()
    settle(lambda: verdict(world, 2).passed, 30)
    world.forget("probe")


@pytest.mark.usefixtures("earlier_mean", "impatient")
@pytest.mark.parametrize(("answer", "words"), IDLE_WORKERS.values(), ids=IDLE_WORKERS)
def test_an_earlier_workers_mean_is_no_answer(world, answer, words):
    answer(world)
    expect_words(verdict(world, 2), words)


@pytest.mark.usefixtures("earlier_mean")
def test_a_worker_that_finds_the_right_mean_passes(world):
    world.worker()
    assert verdict(world, 2).passed, verdict(world, 2)


def connected_later(world):
    front = world.front(network="bridge")
    world.client.networks.get("weather-net").connect(front)


def as_the_lesson_left_it(world):
    cells = world.cells.namespace
    world.start("weather-front:1", "weather-front-2", ports={"80/tcp": 8025}, labels=cells["lab"].labels)


NO_HEALTH = {"test": ["NONE"]}
RIGHT_FRONTS = {
    "another name": lambda w: w.front(),
    "connected later": connected_later,
}
WRONG_FRONTS = {
    "nothing done": (as_the_lesson_left_it, "an answer from http://localhost:8025|leads to port 80|EXPOSE"),
    "removed": (lambda w: None, "port 8025|no container publishes it"),
    "localhost": (
        lambda w: w.front(environment={"STORE": "http://localhost:8000"}),
        "status 502|`localhost` is the container itself",
    ),
    "default network": (
        lambda w: w.front(network="bridge"),
        "http://localhost:8025|on the network bridge|Which network",
    ),
    "the store's published port": (
        lambda w: w.front(environment={"STORE": "http://weather-store:8020"}),
        "status 502|the port the store's own",
    ),
    "default network, by an address": (
        lambda w: w.front(network="bridge", environment={"STORE": "http://172.17.0.1:8020"}),
        "http://localhost:8025|on the network bridge|the address http://172.17.0.1:8020. Which network",
    ),
    "no STORE": (lambda w: w.front(environment={}), "`STORE`, which is not set"),
    "health check switched off": (lambda w: w.front(healthcheck=NO_HEALTH), "healthy|without a health check"),
    "another image": (lambda w: w.start("labs/web:1", ports={"80/tcp": 8025}), "weather-front:1|labs/web:1"),
}


@pytest.mark.parametrize("answer", RIGHT_FRONTS.values(), ids=RIGHT_FRONTS)
def test_other_right_fronts_pass(world, answer):
    answer(world)
    assert verdict(world, 3).passed, verdict(world, 3)


@pytest.mark.usefixtures("impatient")
@pytest.mark.parametrize(("answer", "words"), WRONG_FRONTS.values(), ids=WRONG_FRONTS)
def test_wrong_fronts_are_told(world, answer, words):
    answer(world)
    expect_words(verdict(world, 3), words)


def first_front_remade(world):
    world.forget("weather-front")
    world.start("weather-front:1", "weather-front", environment=STORE, network="weather-net", ports={"8080/tcp": 8025})
    world.made.remove("weather-front")  # the lesson's own


def image_rebuilt(world):
    folder = world.project / "front"
    program, recipe = (folder / "front.py").read_text(), (folder / "Dockerfile").read_text()
    (folder / "front.py").write_text(program.replace("8080", "80"))
    (folder / "Dockerfile").write_text(recipe.replace("USER 1000\n", "").replace("8080", "80"))
    world.client.images.build(path=str(folder), tag="weather-front:1", rm=True, labels=world.lab.labels)
    world.front(inside=80)


@pytest.mark.parametrize(
    ("answer", "words"),
    [
        (first_front_remade, "weather-front as it was|no container publishes a port 8080 as 8023|section 12"),
        (image_rebuilt, "weather-front:1 as it was|another build of it than container weather-front|section 12"),
    ],
)
def test_what_was_to_be_left_alone(world, answer, words):
    answer(world)
    try:
        expect_words(verdict(world, 3), words)
    finally:
        world.section_12()
    world.front()
    assert verdict(world, 3).passed, verdict(world, 3)


def test_the_store_was_to_be_left_alone(world):
    other = world.client.networks.create("zz-other", labels=world.lab.labels)
    other.connect("weather-store")
    world.front()
    try:
        expect_words(verdict(world, 3), "weather-store as it was|is on weather-net, zz-other|section 11")
    finally:
        other.disconnect("weather-store")
        other.remove()
    assert verdict(world, 3).passed, verdict(world, 3)


def test_a_worker_on_another_base_is_told(world):
    found = world.build_worker(WORKER.replace("FROM labs/python:3", "FROM labs/shell:1"))
    world.worker(found.id, command="tail -f /dev/null", init=True)
    expect_words(verdict(world, 2), "based on labs/python:3|other layers|FROM")


def test_verdict_of_a_pass_is_the_same_each_time(world):
    world.page()
    first, second = (json.dumps(verdict(world, 1).as_dict()) for _ in range(2))
    assert first == second


def test_a_port_that_another_program_has_is_no_wrong_answer(world):
    ports = world.lab.engine.local_ports
    wait_for(lambda: 8021 not in ports().listening, what="the port of the answer before to be free")
    with socket.create_server(("127.0.0.1", 8021)):
        world.page()
        found = verdict(world, 1)
    assert found.status == "could not check", found
    assert "Another program, or another course, has localhost:8021" in str(found), found
    assert verdict(world, 1).passed, "the course takes the port as soon as it is free"


@pytest.mark.alone
def test_stopped_engine_is_no_wrong_answer(lesson, course):
    course.stop("docker")
    try:
        found = [verdict(lesson, k) for k in (1, 2, 3)]
    finally:
        course.start("docker")
    for one in found:
        assert one.status == "could not check", one
        assert "Docker does not answer" in str(one), one
