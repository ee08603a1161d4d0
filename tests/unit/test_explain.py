"""What a learner reads instead of a traceback."""

from __future__ import annotations

import http.server
import json
import subprocess
import threading
import urllib.request

import docker
import pytest
import requests
import urllib3
import yaml
from docker.errors import APIError, BuildError, ContainerError, DockerException, ImageNotFound
from kubernetes import client, config, dynamic, utils, watch
from kubernetes.client.exceptions import ApiException
from kubernetes.stream import portforward, stream
from kubernetes.utils import FailToCreateError

from labs.engines.cluster.images import assemble
from labs.errors import LabsError, NotYet
from labs.explain import EXPLAINED, explain, of_docker
from labs.waiting import wait_for_pods


def raised(function, *arguments, **options):
    """The exception that a call raises, with its traceback."""
    with pytest.raises(BaseException) as caught:  # noqa: PT011
        function(*arguments, **options)
    return caught.value


@pytest.fixture
def api_server():
    """A real HTTP server that refuses everything, with the Status object that the test sets."""

    class Handler(http.server.BaseHTTPRequestHandler):
        def answer(self):
            self.rfile.read(int(self.headers.get("Content-Length", 0)))
            body = running.answer if isinstance(running.answer, bytes) else json.dumps(running.answer).encode()
            self.send_response(running.status)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        do_GET = do_POST = do_PATCH = do_DELETE = answer

        def log_message(self, *_):
            pass

    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler) as running:
        thread = threading.Thread(target=running.serve_forever, args=(0.01,))
        thread.start()
        yield running
        running.shutdown()
        thread.join()


@pytest.fixture
def refused(api_server):
    """What the Kubernetes client raises for a refusal, in words."""

    def refused(status, message="", reason="", *, name="web", kind="deployments", causes=(), body=None):
        configuration = client.Configuration()
        configuration.host = f"http://127.0.0.1:{api_server.server_port}"
        details = {"name": name, "group": "apps", "kind": kind, "causes": list(causes)} if kind else {}
        answer = {"kind": "Status", "status": "Failure", "message": message, "reason": reason, "details": details}
        api_server.status, api_server.answer = status, answer if body is None else body
        api = client.AppsV1Api(client.ApiClient(configuration))
        return explain(raised(api.read_namespaced_deployment, "web", "lab-04"))

    return refused


def test_404(refused):
    found = refused(404, 'deployments.apps "web" not found', "NotFound")
    assert found.what == 'Not found: deployment "web" in namespace lab-04.'
    assert "`kubectl get deployments -n lab-04`" in found.todo
    assert not found.fault


def test_404_of_the_namespace(refused):
    found = refused(404, 'namespaces "lab-04" not found', "NotFound", name="lab-04", kind="namespaces")
    assert found.what == 'Not found: namespace "lab-04".'
    assert "lab.reset()" in found.todo


def test_404_of_a_resource_that_does_not_exist(refused):
    assert refused(404, "the server could not find the requested resource", "NotFound", kind="").what == (
        "Not found: the server could not find the requested resource."
    )
    assert "404 page not found" in refused(404, body=b"404 page not found\n").what


def test_409_of_a_cell_that_was_run_twice(refused):
    found = refused(409, 'deployments.apps "web" already exists', "AlreadyExists")
    assert found.what == 'Already exists: deployment "web" in namespace lab-04.'
    assert "run twice" in found.todo
    assert "`kubectl delete deployment web -n lab-04`" in found.todo


def test_409_of_a_quota_that_is_counted(refused):
    message = 'Operation cannot be fulfilled on resourcequotas "workshop": the object has been modified; please apply'
    found = refused(409, message, "Conflict")
    assert "busy counting" in found.what
    assert found.todo == "Run it again."


def test_409_of_an_old_copy(refused):
    message = 'Operation cannot be fulfilled on deployments.apps "web": the object has been modified; please apply'
    assert "has changed since it was read" in refused(409, message, "Conflict").what


def test_422(refused):
    message = 'Deployment.apps "web" is invalid: spec.replicas: Invalid value: -1: must be greater than or equal to 0'
    cause = {"reason": "FieldValueInvalid", "message": "Invalid value: -1: must be >= 0", "field": "spec.replicas"}
    found = refused(422, message, "Invalid", kind="Deployment", causes=[cause])
    assert found.what == (
        'Not valid: Deployment "web" in namespace lab-04: spec.replicas: Invalid value: -1: must be >= 0.'
    )
    assert found.todo == "`kubectl explain Deployment.spec.replicas` describes the field."


def test_422_field_paths_lose_their_indexes(refused):
    cause = {"message": "Required value", "field": "spec.template.spec.containers[0].image"}
    found = refused(422, "no", "Invalid", kind="Deployment", causes=[cause])
    assert "`kubectl explain Deployment.spec.template.spec.containers.image`" in found.todo


@pytest.mark.parametrize(
    ("message", "word"),
    [
        ('deployments.apps "web" is forbidden: User "a" cannot get resource "deployments"', "kubectl auth can-i"),
        ('pods "web" is forbidden: exceeded quota: small, requested: pods=1', "kubectl describe quota -n lab-04"),
        ('pods "web" is forbidden: violates PodSecurity "restricted:latest": runAsNonRoot', "Pod Security"),
        ("unable to create new content in namespace lab-04 because it is being terminated", "lab.reset()"),
    ],
)
def test_403(refused, message, word):
    found = refused(403, message, "Forbidden")
    assert message in found.what
    assert word in found.todo


def test_400(refused):
    found = refused(400, "json: cannot unmarshal string into Go struct field of type int32", "BadRequest", kind="")
    assert found.what.startswith("Not understood: json: cannot unmarshal")
    starting = refused(400, 'container "web" in pod "a" is waiting to start: ContainerCreating', "BadRequest", kind="")
    assert "kubectl get pods" in starting.todo


@pytest.mark.parametrize("status", [401, 429, 500, 503])
def test_faults(refused, status):
    assert refused(status, "no", "").fault


def test_an_answer_that_is_no_status_object(refused):
    assert refused(500, body=b"[]").what == "The API server failed: []."


@pytest.mark.parametrize(
    ("reason", "what"),
    [
        (
            "Handshake status 404 Not Found -+-+- {'audit-id': '1'} -+-+- "
            '{"kind":"Status","message":"pods not found","details":{"name":"web","kind":"pods"}}',
            'Not found: pod "web".',
        ),
        ('Handshake status 500 Internal Server Error -+-+- {} -+-+- container not found ("c")', "container not found"),
        (
            "Handshake status 500 Internal Server Error -+-+- {} -+-+- etcd is gone",
            "The API server failed: etcd is gone.",
        ),
        (
            "Handshake status 500 Internal Server Error -+-+- {} -+-+- "
            '{"kind":"Status","message":"error dialing backend: dial tcp 10.9.0.2:10250: connect: connection refused"}',
            "The API server does not reach the kubelet of the pod's node.",
        ),
        ("Handshake status 503 Service Unavailable -+-+- {} -+-+- None", "The API server failed: status 503."),
        ("Handshake status 200 OK", "The API server did not open a connection to the container."),
        ("[Errno 111] Connection refused", "The API server does not answer."),
        ("[Errno 104] Connection reset by peer", "The API server does not answer."),
        ("Connection to remote host was lost.", "The API server does not answer."),
        ("EOF occurred in violation of protocol (_ssl.c:2427)", "The API server does not answer."),
        ("odd", "odd."),
    ],
)
def test_errors_of_exec_come_through_a_websocket(reason, what):
    assert explain(ApiException(status=0, reason=reason)).what.startswith(what)


@pytest.mark.parametrize(
    ("inner", "what"),
    [("[Errno 113] No route to host", "No answer: No route to host."), ("odd", "No answer: MaxRetryError.")],
)
def test_what_a_pool_of_connections_holds_is_not_told(inner, what):
    pool = urllib3.HTTPSConnectionPool("10.9.0.1", 6443)
    inner = urllib3.exceptions.NewConnectionError(urllib3.connection.HTTPSConnection("10.9.0.1"), inner)
    assert explain(urllib3.exceptions.MaxRetryError(pool, "/api", inner)).what == what


def test_a_kubelet_that_is_down():
    url = "https://10.9.0.2:10250/containerLogs/lab-05/sensor/sensor?tailLines=1"
    message = f'Get "{url}": dial tcp 10.9.0.2:10250: connect: connection refused'
    explanation = explain(ApiException(status=500, reason=message))
    assert (explanation.fault, explanation.what) == (
        True,
        "The API server does not reach the kubelet of the pod's node.",
    )


def test_several_from_one_file():
    inner = ApiException(status=409, reason="Conflict")
    assert explain(FailToCreateError([inner])) == explain(inner)


def test_an_api_server_that_does_not_answer():
    configuration = client.Configuration()
    configuration.host, configuration.retries = "http://127.0.0.1:1", 0
    error = raised(client.CoreV1Api(client.ApiClient(configuration)).list_node)
    found = explain(error)
    assert (found.what, found.fault) == ("The API server does not answer.", True)
    assert "`labs up`" in found.todo


def test_docker_that_does_not_answer(tmp_path):
    for error in (
        raised(docker.DockerClient, base_url=f"unix://{tmp_path}/none.sock"),
        raised(docker.DockerClient(base_url=f"unix://{tmp_path}/none.sock", version="1.41").ping),
    ):
        found = explain(error)
        assert (found.what, found.fault) == ("Docker does not answer.", True)


def test_somebody_elses_port():
    for error in (raised(urllib.request.urlopen, "http://127.0.0.1:1/"), raised(requests.get, "http://127.0.0.1:1/")):
        found = explain(error)
        assert (found.what, found.fault) == ("No answer: Connection refused.", False)


@pytest.mark.parametrize(
    ("call", "what"),
    [
        (
            lambda: client.V1DeploymentSpec(replica=3, selector=client.V1LabelSelector(), template={}),
            "V1DeploymentSpec: it has no `replica` (did you mean `replicas`?).",
        ),
        (lambda: client.V1Container(image="labs/web:1"), "V1Container: `name` is missing."),
        (lambda: client.V1ObjectMeta(name=3), "V1ObjectMeta: `name`: input should be a valid string."),
    ],
)
def test_models_that_the_client_refuses(call, what):
    error = raised(call)
    if not hasattr(error, "errors"):
        pytest.skip("this version of the client does not check")
    assert explain(error).what == what


def test_arguments_that_the_client_refuses():
    error = raised(client.AppsV1Api(client.ApiClient(client.Configuration())).read_namespaced_deployment, "web")
    assert "namespace" in explain(error).what


def docker_error(kind, status, explanation):
    response = requests.Response()
    response.status_code = status
    return kind("refused", response=response, explanation=explanation)


def test_a_container_name_in_use():
    message = 'Conflict. The container name "/web" is already in use by container "3f2a". You have to remove it.'
    found = explain(docker_error(APIError, 409, message))
    assert found.what == "Already exists: container 'web'."
    assert "client.containers.get('web').remove(force=True)" in found.todo


@pytest.mark.parametrize(
    "message",
    [
        "driver failed programming external connectivity on endpoint web: Bind for 0.0.0.0:8020 failed: port is "
        "already allocated",
        "failed to bind host port for 0.0.0.0:8020:172.17.0.2:80/tcp: address already in use: :8020: bind: address "
        "already in use",
    ],
)
def test_a_port_in_use(message):
    assert explain(docker_error(APIError, 500, message)).what == "Port 8020 is already taken."


def test_an_image_that_is_neither_there_nor_can_be_pulled():
    message = 'Get "https://registry.example/v2/": dial tcp: lookup registry.example: connection refused'
    found = explain(docker_error(APIError, 500, message))
    assert found.what == "Docker has no image of this name, and no registry answers that it could be pulled from."
    assert not found.fault


def test_a_program_that_the_image_does_not_have():
    message = 'OCI runtime create failed: unable to start container process: exec: "nope": executable file not found in'
    assert explain(docker_error(APIError, 400, message)).what == "The image has no program 'nope'."


def test_an_image_that_is_not_there():
    found = explain(docker_error(ImageNotFound, 404, "No such image: mine:1"))
    assert found.what == "Docker: No such image: mine:1."
    assert "images.list()" in found.todo


def test_an_image_that_docker_names_twice():
    found = explain(docker_error(ImageNotFound, 404, "no such image: mine:1: No such image: mine:1"))
    assert found.what == "Docker: No such image: mine:1."


def test_the_courses_own_images_are_those_that_a_start_brings_back():
    assert {*assemble.BASE} == of_docker.BASE_IMAGES


@pytest.mark.parametrize(
    "words", ["No such image: labs/shell:1", "no such image: labs/shell:1: No such image: labs/shell:1"]
)
def test_an_image_of_the_courses_own_that_was_removed(words):
    found = explain(docker_error(ImageNotFound, 404, words))
    assert found.what.startswith("Docker has no image labs/shell:1 any more, which is the course's own: `docker system")
    assert found.todo.startswith("`labs up` in a terminal brings the course's own back")


def test_a_build_from_an_image_of_the_courses_own_that_was_removed():
    log = iter([{"stream": "Step 1/2 : FROM labs/python:3\n"}])
    found = explain(BuildError('Get "https://registry-1.docker.io/v2/": dial tcp: lookup failed', log))
    assert found.what.startswith("Docker has no image labs/python:3 any more")


def test_other_refusals_keep_dockers_words():
    assert explain(docker_error(APIError, 400, "invalid reference format")).what == "Docker: invalid reference format."
    assert explain(DockerException("odd")).what == "Docker: odd."


def test_a_command_that_failed_in_a_container():
    error = ContainerError(None, 127, ["sh", "-c", "nope"], "labs/shell:1", b"\nsh: nope: not found\n")
    found = explain(error)
    assert found.what == "The container of labs/shell:1 ended with status 127: sh: nope: not found."
    assert "`sh -c nope`" in found.todo


def test_a_build_that_failed_shows_its_last_lines():
    log = [{"stream": f"line {k}\n"} for k in range(9)] + [{"stream": "\x1b[91mE: no\x1b[0m\n"}, {"error": "x"}]
    error = BuildError("The command '/bin/sh -c false' returned a non-zero code: 1", iter(log))
    lines = explain(error).what.splitlines()
    assert lines[0] == "The build failed: The command '/bin/sh -c false' returned a non-zero code: 1."
    assert lines[1:] == ["  | line 5", "  | line 6", "  | line 7", "  | line 8", "  | E: no"]
    assert list(error.build_log) == log  # still there for the learner to read


CHECKSUM = 'failed to calculate checksum of ref 2004-2bba::k2sop8: "/nothere": not found'


@pytest.mark.parametrize(
    "message",
    [
        CHECKSUM,
        f"failed to compute cache key: {CHECKSUM}",
        f"failed to build: failed to solve: failed to compute cache key: {CHECKSUM}",
    ],
)
def test_buildkits_words_for_a_missing_file(message):
    found = explain(BuildError(message, iter(())))
    assert "COPY found no 'nothere' in the build's folder." in found.what
    assert "checksum" not in found.what
    assert "COPY reaches only files in the folder" in found.todo
    assert "found no 'nothere'" in explain(docker_error(APIError, 500, message)).what


def test_buildkits_words_for_a_missing_image():
    message = (
        "nothere:1: failed to resolve source metadata for docker.io/library/nothere:1: failed to do request: Head "
        '"https://registry.example/v2/library/nothere/manifests/1": dial tcp: lookup registry.example: refused'
    )
    found = explain(BuildError(message, iter(())))
    assert found.what.startswith("The build failed: there is no image nothere:1, and no registry answers")
    assert "FROM" in found.todo


def test_a_frontend_that_cannot_be_pulled():
    message = (
        "failed to resolve source metadata for docker.io/docker/dockerfile:1: failed to do request: Head "
        '"https://registry.example/v2/docker/dockerfile/manifests/1": dial tcp: lookup registry.example: refused'
    )
    found = explain(BuildError(message, iter(())))
    assert "no BuildKit frontend docker/dockerfile:1" in found.what
    assert "`# syntax=...`" in found.todo


def test_what_only_buildkit_can_do():
    message = "the --mount option requires BuildKit. Refer to https://docs.example to learn how"
    assert "`!docker build --tag NAME FOLDER`" in explain(BuildError(message, iter(()))).todo


def test_yaml_kubeconfig_and_commands(tmp_path):
    assert explain(raised(yaml.safe_load, "a: b: c")).what == (
        "Not YAML: line 1, column 5: mapping values are not allowed here."
    )
    assert "open_lab" in explain(raised(config.load_kube_config, str(tmp_path / "none"))).todo
    error = raised(subprocess.run, ["false"], check=True)
    assert explain(error).what == "The command ended with status 1."


def test_own_errors_are_their_own_words():
    assert explain(LabsError("What.", "Do.")) == ("What.", "Do.", False)
    assert explain(NotYet("a", "b", "c")).what == "expected a; observed b."


@pytest.mark.parametrize("error", [ValueError("no"), KeyError("k"), ZeroDivisionError(), NameError("x", name="x")])
def test_pythons_own_errors_stay_as_python_shows_them(error):
    assert explain(error) is None


def test_every_explained_type_is_registered_for_notebooks():
    for kind in (LabsError, ApiException, DockerException, NameError, yaml.YAMLError, ValueError):
        assert issubclass(kind, EXPLAINED)


@pytest.mark.filterwarnings("ignore:URLs without a scheme:FutureWarning")
@pytest.mark.parametrize("host", ["", "http://localhost"])  # as the client's versions have it
def test_a_cluster_that_no_configuration_was_loaded_for(monkeypatch, host):
    def refuse(connection):
        raise urllib3.exceptions.NewConnectionError(connection, "[Errno 111] Connection refused")

    monkeypatch.setattr(urllib3.connection.HTTPConnection, "_new_conn", refuse)
    configuration = client.Configuration(host=host)
    configuration.host, configuration.retries = host, 0
    with client.ApiClient(configuration) as api:
        error = raised(client.CoreV1Api(api).list_namespaced_pod, "lab-04")
    explanation = explain(error)
    assert "`config.load_kube_config()` was not called" in explanation.what
    assert "make the client again" in explanation.todo
    assert not explanation.fault
    assert isinstance(error, EXPLAINED)


def test_an_address_without_a_host_that_no_client_of_ours_made():
    assert explain(raised(urllib3.PoolManager().urlopen, "GET", "http://")) is None


@pytest.mark.parametrize(
    "call",
    [
        lambda: stream(
            client.CoreV1Api().connect_get_namespaced_pod_exec, "web", "lab-04", command=["ls"], stdout=True
        ),
        lambda: portforward(client.CoreV1Api().connect_get_namespaced_pod_portforward, "web", "lab-04", ports="80"),
        lambda: list(watch.Watch().stream(client.CoreV1Api().list_namespaced_pod, "lab-04", timeout_seconds=1)),
        lambda: utils.create_from_dict(
            client.ApiClient(), {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "x"}}
        ),
        lambda: dynamic.DynamicClient(client.ApiClient()),
        lambda: wait_for_pods(client.CoreV1Api(), "lab-04", "app=web", 1, 3),
    ],
    ids=["exec", "port-forward", "watch", "utils", "dynamic", "our own waiting"],
)
@pytest.mark.filterwarnings("ignore:URLs without a scheme:FutureWarning")
def test_every_way_to_ask_a_cluster_that_no_configuration_was_loaded_for(monkeypatch, call):
    unset = client.Configuration()
    unset.host = ""
    monkeypatch.setattr(client.Configuration, "_default", unset)
    explanation = explain(raised(call))
    assert "`config.load_kube_config()` was not called" in explanation.what
    assert "make the client again" in explanation.todo
