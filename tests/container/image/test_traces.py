"""The image that sends traces, built with OTEL=1: its spans arrive."""

import os
import socket
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.api.otlp import Receiver
from tests.container.image.conftest import StartContainer

ROOT = Path(__file__).resolve().parents[3]


@pytest.fixture(scope="module")
def image() -> str:
    """What the usual build has made is in the builder's cache."""
    client = os.environ.get("DOCKER") or "docker"
    tag = "vectorspace:traces-test"
    command = [client, "build", "-f", "Dockerfile.alpine", "--build-arg", "OTEL=1", "-t", tag, "."]
    done = subprocess.run(command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, timeout=1800)
    assert done.returncode == 0, done.stdout[-3000:]
    return tag


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    receiver = Receiver()
    yield receiver
    receiver.close()


def test_its_spans_arrive(start: StartContainer, image: str, receiver: Receiver) -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    endpoint = f"OTEL_EXPORTER_OTLP_ENDPOINT={receiver.url}"
    container = start("--network", "host", "--env", f"PORT={port}", "--env", endpoint)
    container.wait_ready()
    assert container.stop() == 0  # what is not sent yet is sent before the end
    assert "GET /health" in {span.name for span in receiver.spans}
