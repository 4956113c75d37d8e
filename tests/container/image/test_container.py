"""What the image does when it runs: locked down, as root, on a root-owned volume, and when it is told to stop."""

import json
import time
from pathlib import Path

import pytest

from tests.container.image.conftest import StartContainer
from tests.container.image.engine import LOCKED, Container

UID = 10001
WEB = Path(__file__).resolve().parents[3] / "app" / "web"
DATA = ("--tmpfs", f"/data:uid={UID},gid={UID},mode=0700")
# Memory of a process tree does not depend on how busy the machine is, so a bound on it is a fair test.
MEMORY_BUDGET_BYTES = 200_000_000
STATUS = """
import pathlib
fields = dict(line.split(':', 1) for line in pathlib.Path('/proc/1/status').read_text().splitlines())
ids = {*fields['Uid'].split(), *fields['Gid'].split(), *fields['Groups'].split()}
print(*sorted(ids), fields['CapEff'].strip())
"""


@pytest.fixture(scope="module")
def locked(start: StartContainer) -> Container:
    """A ready container with nothing but its data directory: no capability, no network, no other writable path."""
    container = start(*LOCKED, *DATA)
    container.wait_ready()
    return container


def test_is_healthy_with_nothing_but_its_data_directory(locked: Container) -> None:
    health = json.loads(locked.exec("python", "-m", "app", "health").stdout)
    assert health["model"]["name"] == "all-MiniLM-L6-v2"


def test_embeds_without_a_network(locked: Container) -> None:
    """Two sentences that mean the same are closer than two that do not; asked from inside, there is no network."""
    code = """
import json, urllib.request
texts = ["A cat sits on the mat.", "There is a kitten on the rug.", "Interest rates rose again."]
request = urllib.request.Request("http://127.0.0.1:8000/v1/embeddings",
    json.dumps({"model": "all-MiniLM-L6-v2", "input": texts}).encode(), {"Content-Type": "application/json"})
rows = [row["embedding"] for row in json.load(urllib.request.urlopen(request))["data"]]
dot = lambda a, b: sum(x * y for x, y in zip(a, b))
print(len(rows[0]), dot(rows[0], rows[0]), dot(rows[0], rows[1]), dot(rows[0], rows[2]))
"""
    dimension, norm, near, far = (float(part) for part in locked.python(code).split())
    assert dimension == 384
    assert norm == pytest.approx(1, abs=1e-5)
    assert near > far + 0.3


def test_serves_its_page_and_all_that_it_loads(locked: Container) -> None:
    code = """
import re, urllib.request
get = lambda path: urllib.request.urlopen("http://127.0.0.1:8000/" + path).read().decode("utf-8", "replace")
seen, waiting = set(), [""]
while waiting:
    found = {"web/" + name for name in re.findall(r'"(?:\\./|web/)([\\w.-]+)"', get(waiting.pop()))}
    waiting += found - seen
    seen |= found
print(*sorted(seen))
"""
    assert set(locked.python(code).split()) == {f"web/{path.name}" for path in WEB.iterdir()} - {"web/index.html"}


def test_runs_as_appuser_without_capabilities(locked: Container) -> None:
    assert locked.python(STATUS).split() == [str(UID), "0" * 16]


def test_writes_nowhere_but_to_its_data_directory(locked: Container) -> None:
    code = """
import os
writable = [path for path, folders, files in os.walk('/') if os.access(path, os.W_OK)
            and not path.startswith(('/proc', '/sys', '/dev'))]
print(writable)
"""
    assert locked.python(code) == "['/data']"


def test_memory_at_rest_is_within_its_budget(locked: Container, capsys: pytest.CaptureFixture[str]) -> None:
    resident = int(
        locked.python(
            "import pathlib; print(sum(int(line.split()[1]) * 1024"
            " for line in pathlib.Path('/proc/1/status').read_text().splitlines() if line.startswith('VmRSS:')))"
        )
    )
    with capsys.disabled():
        print(f"\nresident memory at rest: {resident / 1e6:.0f} MB (budget {MEMORY_BUDGET_BYTES / 1e6:.0f})")
    assert resident < MEMORY_BUDGET_BYTES


def test_start_to_ready_is_printed(start: StartContainer, capsys: pytest.CaptureFixture[str]) -> None:
    """Measured, not judged: how long a start takes depends on what else the machine does.

    From the engine's start of the container until /health first answers 200 through a published port.
    """
    began = time.monotonic()
    container = start(*DATA, "--publish", "127.0.0.1::8000")
    running = time.monotonic()
    container.wait_answer()
    ready = time.monotonic()
    with capsys.disabled():
        print(f"\nstart to ready: {ready - running:.2f} s, and {running - began:.2f} s for the engine before it")
    assert container.stop() == 0


def test_answers_on_its_port_and_ends_cleanly_on_sigterm(start: StartContainer) -> None:
    container = start("--read-only", *DATA, "--publish", "127.0.0.1::8000")
    container.wait_ready()
    answer = container.post("/v1/embeddings", {"model": "all-MiniLM-L6-v2", "input": ["one", "two"]})
    assert [len(row["embedding"]) for row in answer["data"]] == [384, 384]
    assert container.stop() == 0
    state = container.inspect()["State"]
    assert not state["OOMKilled"]
    assert "Traceback" not in container.logs()


def test_started_as_root_without_the_right_to_change_it_says_so(start: StartContainer) -> None:
    container = start("--user", "0", *LOCKED, "--tmpfs", "/data:uid=0,gid=0,mode=0700")
    assert container.wait_exit() != 0
    assert "SETUID" in container.logs()


def test_an_altered_model_is_refused(start: StartContainer, tmp_path: Path) -> None:
    """A file that differs from its card ends the start with a message that names it."""
    altered = tmp_path / "model.onnx"
    altered.write_bytes(b"not the model")
    altered.chmod(0o644)
    path = "/opt/vectorspace/models/all-MiniLM-L6-v2/int8/model.onnx"
    container = start(*LOCKED, *DATA, "--volume", f"{altered}:{path}:ro")
    assert container.wait_exit() != 0
    assert "model.onnx" in container.logs()
