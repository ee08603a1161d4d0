"""A Dockerfile whose lines the classic builder would leave out is refused; every other one goes to Docker as it is."""

from __future__ import annotations

import io

import docker
import pytest
from docker.api.build import BuildApiMixin
from docker.errors import BuildError

from labs.explain import explain
from labs.session.classic_builder import guard_builds, heredoc_in

HEREDOC = "FROM labs/shell:1\nRUN <<EOF\necho one > /one\nEOF\n"


@pytest.mark.parametrize(
    ("dockerfile", "found"),
    [
        (HEREDOC, "RUN <<EOF"),
        (HEREDOC.replace("\n", "\r\n"), "RUN <<EOF"),
        ("FROM a\nrun <<-'END' sh -x\n\techo\n\tEND\n", "RUN <<END"),
        ("FROM a\nCOPY <<x.txt <<y /to/\nabc\nx.txt\nd\ny\n", "COPY <<x.txt"),
        ("FROM a\nRUN set -e && \\\n  cat <<EOF > /x\nabc\nEOF\n", "RUN <<EOF"),
        ("FROM a\nONBUILD RUN <<EOF\na\nEOF", "RUN <<EOF"),
        ("FROM a\nRUN python3 <<EOF\nprint(1)\nEOF\nRUN true", "RUN <<EOF"),
    ],
)
def test_lines_that_stand_below_their_instruction(dockerfile, found):
    assert heredoc_in(dockerfile) == found


@pytest.mark.parametrize(
    "dockerfile",
    [
        "",
        "FROM a\nRUN echo $((1<<3)) && x=$((1 << n))\n",
        "FROM a\nRUN cat <<<text\n",
        "FROM a\nRUN echo 'a <<b c'\n",  # no such line below
        "FROM a\n# RUN <<EOF\n# EOF\nRUN true\n",
        "FROM a\nLABEL a=<<EOF\nEOF\n",
        "FROM a\nCOPY x /x\nRUN mkdir /data && \\\n chown 1000 /data\n",
    ],
)
def test_lines_that_do_not(dockerfile):
    assert heredoc_in(dockerfile) == ""


@pytest.fixture
def sent(monkeypatch) -> list:
    """What went on to the client's own method, of which nothing goes to a Docker; the guard is gone afterwards."""
    calls: list = []

    def build(self, *args, **kwargs):
        calls.append((args, kwargs))
        raise docker.errors.APIError("sent")

    monkeypatch.setattr(BuildApiMixin, "build", build)
    guard_builds()
    return calls


@pytest.fixture
def client():
    made = docker.DockerClient(base_url="unix:///nowhere.sock", version="1.41")
    yield made
    made.close()


def test_a_build_of_a_folder_is_refused_in_the_clients_own_words(sent, client, tmp_path):
    (tmp_path / "Dockerfile").write_text(HEREDOC)
    with pytest.raises(BuildError) as caught:
        client.images.build(path=str(tmp_path), tag="mine:1")
    found = explain(caught.value)
    assert "does not know `RUN <<EOF`" in found.what
    assert "`!docker build --tag NAME FOLDER`" in found.todo
    with pytest.raises(BuildError):
        client.api.build(str(tmp_path))
    assert sent == []


@pytest.mark.parametrize("text", [HEREDOC.encode(), HEREDOC])
def test_a_dockerfile_by_itself_as_well(sent, client, text):
    with pytest.raises(BuildError):
        client.images.build(fileobj=io.BytesIO(text) if isinstance(text, bytes) else io.StringIO(text))
    assert sent == []


def test_all_others_go_on_as_they_are(sent, client, tmp_path):
    (tmp_path / "Dockerfile").write_text(HEREDOC)
    (tmp_path / "other").write_text("FROM labs/shell:1\n")
    file = io.BytesIO(b"FROM labs/shell:1\n")
    context = io.BytesIO(HEREDOC.encode())
    for options in (
        {"path": str(tmp_path), "dockerfile": "other", "tag": "mine:1"},
        {"path": str(tmp_path / "nothere")},
        {"path": "https://example.org/x.git"},
        {"fileobj": file},
        {"fileobj": context, "custom_context": True},
    ):
        with pytest.raises(docker.errors.APIError, match="sent"):
            client.images.build(**options)
        assert sent.pop() == ((), options)
    assert (file.tell(), context.tell()) == (0, 0)


def test_it_is_put_before_the_client_once(sent):
    first = BuildApiMixin.build
    guard_builds()
    assert BuildApiMixin.build is first
