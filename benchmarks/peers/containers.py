"""Our service in the image, started as its users start it, on the host's network so that both sides use loopback."""

import os
import shutil
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import pytest

from benchmarks.peers.servers import OPENAI, Running, Server
from benchmarks.store.report import NotMeasured
from tests.container.image.engine import docker


@dataclass(frozen=True)
class Image:
    """An image that can be run. size_mb: what it takes of the disk, its model included"""

    name: str
    reference: str
    size_mb: float
    revision: str


def image(name: str, reference: str) -> Image:
    """raises  NotMeasured, without a Docker client or without the image"""
    try:
        size = docker("image", "inspect", reference, "--format", "{{.Size}}").stdout
        label = '{{index .Config.Labels "org.opencontainers.image.revision"}}'
        revision = docker("image", "inspect", reference, "--format", label).stdout.strip()
    except pytest.fail.Exception as error:
        raise NotMeasured(str(error).strip().splitlines()[-1]) from None
    return Image(name, reference, int(size) / 1e6, revision)


class Contained(Running):
    """A container that has answered its first request; it is removed at the end. settings: beside the image's own"""

    def __init__(self, image: Image, scratch: Path, settings: Mapping[str, str] | None = None) -> None:
        client = os.environ.get("DOCKER") or shutil.which("docker")
        assert client is not None  # `image` has asked it
        self._container = f"vectorspace-peers-{os.getpid()}"

        def command(port: int) -> list[str]:
            own = {"PORT": port, "HOST": "127.0.0.1", "LOG_LEVEL": "warning"} | dict(settings or {})
            options = [word for key, value in own.items() for word in ("--env", f"{key}={value}")]
            start = [client, "run", "--rm", "--name", self._container, "--network", "host"]
            return [*start, *options, image.reference]

        super().__init__(Server(image.name, command, OPENAI, []), scratch)

    @property
    def _root(self) -> int:
        pid = int(docker("inspect", "--format", "{{.State.Pid}}", self._container).stdout)
        if not Path(f"/proc/{pid}").exists():
            raise NotMeasured("the container's processes are not of this machine: no memory can be read")
        return pid

    def end(self) -> None:
        super().end()
        docker("rm", "--force", self._container, check=False)
