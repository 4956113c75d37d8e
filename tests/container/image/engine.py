"""The Docker engine, through its command line, and a container that it runs."""

import json
import os
import shutil
import subprocess
import time
import urllib.error
import urllib.request
from dataclasses import dataclass
from typing import Any

import pytest

READY_WITHIN_S = 60
LOCKED = ("--read-only", "--cap-drop", "ALL", "--security-opt", "no-new-privileges", "--network", "none")


def docker(*arguments: str, check: bool = True, timeout_s: float = 120) -> subprocess.CompletedProcess[str]:
    """Run the Docker client; a failure carries what it said."""
    client = os.environ.get("DOCKER") or shutil.which("docker")
    if client is None:
        pytest.fail("no docker client: put docker on the PATH or name it in DOCKER", pytrace=False)
    done = subprocess.run([client, *arguments], capture_output=True, text=True, timeout=timeout_s)
    if check and done.returncode:
        pytest.fail(f"docker {' '.join(arguments)}\n{done.stdout}{done.stderr}", pytrace=False)
    return done


@dataclass(frozen=True)
class Container:
    """A container that was started in the background."""

    name: str

    def inspect(self) -> dict[str, Any]:
        found: list[dict[str, Any]] = json.loads(docker("inspect", self.name).stdout)
        return found[0]

    def exec(self, *command: str, user: str | None = None, check: bool = True) -> subprocess.CompletedProcess[str]:
        """Run a command in the container, as its own user unless another is named."""
        as_user = ("--user", user) if user else ()
        return docker("exec", *as_user, self.name, *command, check=check)

    def python(self, code: str) -> str:
        """What a Python program prints when it runs in the container."""
        return self.exec("python", "-c", code).stdout.strip()

    def logs(self) -> str:
        done = docker("logs", self.name, check=False)
        return done.stdout + done.stderr

    def wait_ready(self) -> dict[str, Any]:
        """Ask the image's own health check until it says ready; returns the body of /health."""
        deadline = time.monotonic() + READY_WITHIN_S
        while time.monotonic() < deadline:
            answer = self.exec("python", "-m", "app", "health", check=False)
            if answer.returncode == 0:
                health: dict[str, Any] = json.loads(answer.stdout)
                return health
            if not self.inspect()["State"]["Running"]:
                break
        pytest.fail(f"{self.name} is not ready after {READY_WITHIN_S} s:\n{self.logs()}", pytrace=False)

    def wait_answer(self) -> None:
        """Ask /health through the published port until it answers 200."""
        deadline = time.monotonic() + READY_WITHIN_S
        url = self.url() + "/health"
        while time.monotonic() < deadline:
            try:
                with urllib.request.urlopen(url, timeout=5):
                    return
            except (urllib.error.URLError, ConnectionError):
                time.sleep(0.005)  # the time between two questions; what is waited for is the answer
        pytest.fail(f"{self.name} does not answer after {READY_WITHIN_S} s:\n{self.logs()}", pytrace=False)

    def wait_exit(self) -> int:
        """Wait until the container ends by itself; returns its exit code."""
        return int(docker("wait", self.name).stdout)

    def url(self) -> str:
        """Address of the only port that was published, as by `--publish 127.0.0.1::8000`, on this machine."""
        return "http://" + docker("port", self.name).stdout.split()[-1]

    def post(self, path: str, body: object) -> Any:
        request = urllib.request.Request(
            self.url() + path, json.dumps(body).encode(), {"Content-Type": "application/json"}
        )
        with urllib.request.urlopen(request, timeout=30) as response:
            return json.load(response)

    def stop(self, within_s: int = 30) -> int:
        """Send the stop signal, kill after `within_s` seconds; returns the exit code."""
        docker("stop", "--time", str(within_s), self.name)
        code: int = self.inspect()["State"]["ExitCode"]
        return code
