"""The image view's reading of histories, layers and build logs, from what real builders have said."""

from __future__ import annotations

import itertools

import pytest

from labs.views.framework.units import size_in_words
from labs.views.image_view.build_log import entries, in_words, steps_of
from labs.views.image_view.layers import ImageLayer, line_of, share, stack

HASH = "e1317c81ccd487ca8924f2a24ff095b1dd8fffdc7f90adc0d5bd8f7333298443"


@pytest.mark.parametrize(
    ("created_by", "line"),
    [
        ('/bin/sh -c #(nop)  CMD ["python3" "-u" "/app/x.py"]', 'CMD ["python3", "-u", "/app/x.py"]'),
        ("/bin/sh -c #(nop)  LABEL labs.course=views", "LABEL labs.course=views"),
        (f"/bin/sh -c #(nop) COPY file:{HASH} in /app/x.py ", "COPY (a file) /app/x.py"),
        (f"/bin/sh -c #(nop) ADD multi:{HASH} in / ", "ADD (files) /"),
        ("/bin/sh -c mkdir /data   &&\tchown 1000 /data", "RUN mkdir /data && chown 1000 /data"),
        ("|2 A=b VERSION=1 2 /bin/sh -c make", "RUN make"),
        ("RUN /bin/sh -c pip install flask # buildkit", "RUN pip install flask"),
        ("RUN |1 A=b /bin/sh -c make # buildkit", "RUN make"),
        ("/bin/bash -o pipefail -c a | b", "RUN a | b"),
        ("COPY x.py /app/x.py # buildkit", "COPY x.py /app/x.py"),
        ("WORKDIR /app", "WORKDIR /app"),
        ("base: libc6, busybox", "base: libc6, busybox"),
        ("/bin/sh -c echo ☃ > /schnee", "RUN echo ☃ > /schnee"),
        ("", ""),
    ],
)
def test_history_is_cleaned(created_by, line):
    assert line_of(created_by) == line


def entry(created_by: str, size: int = 0, **more) -> dict:
    return {"CreatedBy": created_by, "Size": size, "Id": "<missing>", "Tags": None, "Comment": "", **more}


def test_layers_of_no_size_get_their_digest():
    history = [  # newest first
        entry('/bin/sh -c #(nop)  CMD ["sh"]'),
        entry(f"/bin/sh -c #(nop) COPY file:{HASH} in /app/x.py ", 9),
        entry("/bin/sh -c mkdir /data"),
        entry("/bin/sh -c #(nop)  ENV A=1"),
        entry("base", 100, Id="sha256:1", Tags=["labs/base:1"]),
    ]
    layers = stack(history, ["a", "b", "c"])
    assert [layer.digest for layer in layers] == ["a", "", "b", "c", ""]
    assert layers[0].images == ["labs/base:1"]
    assert layers[0].id == "sha256:1"


def test_run_that_changed_nothing_gets_no_layer():
    history = [entry("/bin/sh -c true"), entry("base", 5)]
    assert [layer.digest for layer in stack(history, ["a"])] == ["a", ""]


def test_more_layers_than_history_does_not_fail():
    assert [layer.digest for layer in stack([entry("base", 5)], ["a", "b"])] == ["a"]


def test_shared_layers_are_marked_from_the_base_up():
    one = [ImageLayer("base", 100, "a"), ImageLayer("ENV", 0), ImageLayer("x", 10, "x"), ImageLayer("same", 7, "s")]
    two = [ImageLayer("base", 100, "a"), ImageLayer("y", 20, "y"), ImageLayer("same", 7, "s")]
    said = share({"one": one, "two": two})
    assert one[0].shared == two[0].shared == ["one", "two"]
    assert not one[3].shared  # the same files above another layer are kept twice
    assert said == [
        "They share 1 layer (100 B), kept on disk only once.",
        "One by one the images are 244 B; together they take 144 B on disk, 100 B less.",
    ]


def test_nothing_shared_is_said_and_one_image_shares_with_nobody():
    assert "share no layer" in share({"one": [ImageLayer("a", 1, "a")], "two": [ImageLayer("b", 1, "b")]})[0]
    assert share({"one": [ImageLayer("a", 1, "a")]}) == []


@pytest.mark.parametrize(
    ("size", "said"),
    [(0, "0 B"), (999, "999 B"), (1000, "1.0 kB"), (15_903_111, "15.9 MB"), (2_345_678_901, "2.35 GB")],
)
def test_sizes(size, said):
    assert size_in_words(size) == said


def stream(*lines: str) -> list[dict]:
    return [{"stream": f"{line}\n"} for line in lines]


BASE = ("Step 1/4 : FROM labs/python:3", " ---> 1d5ffb91ffb3")
PARTLY = stream(
    *BASE,
    *("Step 2/4 : RUN mkdir /data", " ---> Using cache", " ---> 42ca9e3e8b02"),
    *("Step 3/4 : COPY x.py /app/x.py", " ---> d22d3ce906ee"),
    *("Step 4/4 : USER 1000", " ---> Running in 764dcdfac07c", "Removing intermediate container 764dcdfac07c"),
    *(" ---> 07afc8a35217", "Successfully built 07afc8a35217"),
)


def test_steps_of_a_build():
    steps = steps_of(PARTLY)
    assert [step.verdict for step in steps] == ["from", "cached", "ran", "ran"]
    assert [step.image for step in steps] == ["1d5ffb91ffb3", "42ca9e3e8b02", "d22d3ce906ee", "07afc8a35217"]
    said = " ".join(in_words(steps))
    assert "Of the 3 steps besides FROM, which names the base, 1 came from the cache." in said
    assert "step 3 of 4, COPY x.py /app/x.py: a file that it copies has changed" in said
    assert "all of them ran again" in said


def test_everything_cached_and_nothing_built():
    log = stream(*BASE, "Step 2/2 : USER 1000", " ---> Using cache", " ---> 42ca9e3e8b02")
    assert in_words(steps_of(log)) == [
        "All steps came from the cache: neither a line nor a copied file has changed since an earlier build."
    ]
    assert in_words(steps_of([])) == []


def test_failed_step_is_told():
    log = [*stream(*BASE, "Step 2/3 : RUN false", " ---> Running in 764dcdfac07c"), {"error": "returned 1"}]
    assert steps_of(log)[-1].verdict == "failed"
    assert in_words(steps_of(log))[-1] == "The build failed at step 2, RUN false."


def test_stages_are_counted():
    log = stream(
        *BASE, "Step 2/4 : RUN a", " ---> Using cache", "Step 3/4 : FROM labs/web:1", "Step 4/4 : COPY --from=build a b"
    )
    assert [step.stage for step in steps_of(log)] == [0, 0, 1, 1]
    assert "out of the other stage" in " ".join(in_words(steps_of(log)))


def test_log_of_buildkit():
    text = """\
#4 [1/3] FROM docker.io/library/alpine@sha256:aa
#4 DONE 0.0s
#5 [2/3] RUN mkdir /data
#5 CACHED
#6 [3/3] COPY x.py /app/
#6 DONE 0.1s
"""
    assert [(step.line, step.verdict) for step in steps_of(entries(text))] == [
        ("FROM docker.io/library/alpine@sha256:aa", "from"),
        ("RUN mkdir /data", "cached"),
        ("COPY x.py /app/", "ran"),
    ]


def test_log_of_buildkit_that_names_cached_steps_in_any_order():
    text = """\
#6 [2/4] RUN mkdir /data
#6 CACHED

#7 [4/4] RUN python3 -m compileall /app
#7 ...

#5 [1/4] FROM docker.io/labs/python:3
#5 DONE 0.0s

#8 [3/4] COPY x.py /app/
#8 DONE 0.1s

#7 [4/4] RUN python3 -m compileall /app
#7 0.574 Listing '/app'...
#7 DONE 0.6s
"""
    steps = steps_of(entries(text))
    assert [(step.number, step.line.split()[0], step.verdict) for step in steps] == [
        (1, "FROM", "from"),
        (2, "RUN", "cached"),
        (3, "COPY", "ran"),
        (4, "RUN", "ran"),
    ]
    assert (
        "The first that did not: step 3 of 4, COPY x.py /app/: a file that it copies has changed" in in_words(steps)[1]
    )


def test_log_of_buildkit_that_names_a_later_stage_first():
    text = """\
#5 [stage-1 1/2] FROM docker.io/labs/web:1
#6 [build 1/2] FROM docker.io/labs/python:3
#7 [build 2/2] RUN make
#7 ERROR: process "/bin/sh -c make" did not complete successfully: exit code: 127
"""
    steps = steps_of(entries(text))
    assert [(step.stage, step.line, step.verdict) for step in steps] == [
        (0, "FROM docker.io/labs/python:3", "from"),
        (0, "RUN make", "failed"),
        (1, "FROM docker.io/labs/web:1", "from"),
    ]
    assert in_words(steps)[-1] == "The build failed at step 2, RUN make."


def test_reading_a_log_leaves_the_clients_generator_unread():
    log = itertools.tee(iter(PARTLY))[0]  # what docker-py returns
    assert entries(log) == PARTLY
    assert list(log) == PARTLY
    assert entries(None) == []
