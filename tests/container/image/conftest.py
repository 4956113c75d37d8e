"""Containers of the image under test, each removed at the end whatever happens.

VECTORSPACE_IMAGE names the image (default vectorspace:latest), DOCKER the client (default: the one on the PATH). A
missing engine or image is a failure: these tests were asked for.
"""

import io
import json
import os
import tarfile
import tempfile
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from tests.container.image.engine import Container, docker

StartContainer = Callable[..., Container]


@pytest.fixture(scope="session")
def image() -> str:
    """Name of the image under test."""
    name = os.environ.get("VECTORSPACE_IMAGE", "vectorspace:latest")
    done = docker("image", "inspect", name, check=False)
    if done.returncode:
        pytest.fail(f"no image {name}: {done.stderr.strip()}. Build it with `make image`", pytrace=False)
    return name


@pytest.fixture(scope="session")
def layers(image: str) -> Iterator[list[tarfile.TarFile]]:
    """The image's layers in memory, lowest first."""
    with tempfile.TemporaryDirectory() as folder:
        archive = Path(folder) / "image.tar"
        docker("save", "--output", str(archive), image)
        with tarfile.open(archive) as saved:

            def read(name: str) -> io.BytesIO:
                file = saved.extractfile(name)
                assert file is not None
                return io.BytesIO(file.read())

            manifest = json.load(read("manifest.json"))[0]
            yield [tarfile.open(fileobj=read(name)) for name in manifest["Layers"]]  # noqa: SIM115  in memory


@pytest.fixture(scope="session")
def config(image: str) -> dict[str, Any]:
    """What the image says about itself: user, command, labels and so on."""
    found: list[dict[str, Any]] = json.loads(docker("image", "inspect", image).stdout)
    result: dict[str, Any] = found[0]["Config"]
    return result


@pytest.fixture(scope="module")
def start(image: str) -> Iterator[StartContainer]:
    """Start containers: `start(*options, command=())`; they are removed when the module is done."""
    names: list[str] = []

    def run(*options: str, command: tuple[str, ...] = ()) -> Container:
        name = f"vectorspace-test-{uuid.uuid4().hex[:12]}"
        names.append(name)
        docker("run", "--detach", "--name", name, *options, image, *command)
        return Container(name)

    yield run
    for name in names:
        docker("rm", "--force", "--volumes", name, check=False)


@contextmanager
def fresh_volume() -> Iterator[str]:
    """A named volume; at the end it is removed, and first the containers that hold it."""
    name = f"vectorspace-test-{uuid.uuid4().hex[:12]}"
    docker("volume", "create", name)
    try:
        yield name
    finally:
        holders = docker("ps", "--all", "--quiet", "--filter", f"volume={name}").stdout.split()
        if holders:
            docker("rm", "--force", *holders)
        docker("volume", "rm", name)


@pytest.fixture(scope="module")
def volume() -> Iterator[str]:
    """A volume for all of a module."""
    with fresh_volume() as name:
        yield name
