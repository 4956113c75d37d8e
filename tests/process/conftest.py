"""The service as its users run it: `python -m app serve` in a process of its own, with the real model."""

import json
import os
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).resolve().parents[2]


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


class Process:
    """`python -m app COMMAND` with the settings given; its output goes to a file, its data beside it."""

    def __init__(self, output: Path, *command: str, **settings: object) -> None:
        self.port = int(str(settings.get("PORT") or free_port()))
        self.url = f"http://127.0.0.1:{self.port}"
        self._output = output
        environment = {
            key: value for key, value in os.environ.items() if key not in ("API_KEY", "API_KEY_FILE", "ENVIRONMENT")
        }
        self.data = output.with_suffix(".data")
        own = {"PORT": str(self.port), "DATA_DIRECTORY": str(self.data)}
        environment |= own | {name: str(value) for name, value in settings.items()}
        with output.open("wb") as file:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "app", *(command or ["serve"])],
                cwd=ROOT,
                env=environment,
                stdout=file,
                stderr=file,
            )

    @property
    def log(self) -> str:
        return self._output.read_text()

    def ready(self) -> "Process":
        """Wait until it is ready, or fail with what it wrote."""
        deadline = time.monotonic() + 60
        while time.monotonic() < deadline and self.process.poll() is None:
            try:
                with urllib.request.urlopen(f"{self.url}/health", timeout=5):
                    return self
            except (urllib.error.URLError, OSError):
                time.sleep(0.02)
        raise AssertionError(f"never ready:\n{self.log}")

    def post(self, path: str, body: Any) -> tuple[int, Any]:
        return self._send("POST", path, body)

    def put(self, path: str, body: Any) -> tuple[int, Any]:
        return self._send("PUT", path, body)

    def _send(self, method: str, path: str, body: Any) -> tuple[int, Any]:
        request = urllib.request.Request(
            self.url + path, json.dumps(body).encode(), {"Content-Type": "application/json"}, method=method
        )
        try:
            with urllib.request.urlopen(request, timeout=120) as response:
                return response.status, json.loads(response.read())
        except urllib.error.HTTPError as error:
            return error.code, json.loads(error.read())

    def end(self) -> int:
        """SIGTERM, unless it has ended; its exit code."""
        if self.process.poll() is None:
            self.process.terminate()
        return self.process.wait(60)


Run = Callable[..., Process]


@pytest.fixture
def run(tmp_path: Path) -> Iterator[Run]:
    """Start processes; those still alive after the test are ended."""
    started: list[Process] = []

    def run(*command: str, **settings: object) -> Process:
        started.append(Process(tmp_path / f"output-{len(started)}.txt", *command, **settings))
        return started[-1]

    yield run
    for process in started:
        if process.process.poll() is None:
            process.process.kill()
            process.process.wait()


@pytest.fixture(scope="session")
def service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Process]:
    """One service with the model of the image, for tests that only ask."""
    process = Process(tmp_path_factory.mktemp("service") / "output.txt").ready()
    yield process
    assert process.end() == 0, process.log
