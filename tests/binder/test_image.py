"""The image of a Binder session from nothing but binder/Dockerfile and a bare Debian, as mybinder.org builds it."""

from __future__ import annotations

import pytest

from tests.binder import builder, image

pytestmark = [pytest.mark.engine, pytest.mark.outside, pytest.mark.slow, pytest.mark.timeout(7200)]
BASE = "labs-test/bare:1"


def test_image_is_built_from_nothing():
    with builder.engine() as client:
        builder.base_image(client, "bookworm", BASE)
        image.build_from_nothing(client, BASE, lambda line: print(line, flush=True))
        up = ["sh", "-c", "labs up --quiet && labs status"]
        said = client.containers.run(image.TAG, up, entrypoint="", remove=True, **image.LIMITS).decode()
        assert "engine usermode" in said
