"""The image as Railway runs it: its port, its health check, its volumes of root, its smallest plan, its SIGTERM."""

import json
import re
import time
import tomllib
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.container.image import load
from tests.container.image.conftest import StartContainer, fresh_volume
from tests.container.image.engine import Container
from tests.container.image.test_container import STATUS, UID
from tests.process.wide import WIDE

ROOT = Path(__file__).resolve().parents[3]
DEPLOY = tomllib.loads((ROOT / "railway.toml").read_text())["deploy"]
KEY = "a-key-of-this-test"
PORT = 9123
# RAILWAY_RUN_UID=0 starts the container as root, whatever its image says; the capabilities are the engine's usual ones.
AS_ON_RAILWAY = (
    "--user", "0", "--env", f"PORT={PORT}", "--publish", f"127.0.0.1::{PORT}",
    "--env", "ENVIRONMENT=production", "--env", f"API_KEY={KEY}",
)  # fmt: skip
# The Free plan, without swap: half a gigabyte of memory and one CPU.
SMALLEST_PLAN = ("--memory", "512m", "--memory-swap", "512m", "--cpus", "1")
PEAK = """
import pathlib, re
status = pathlib.Path('/proc/1/status').read_text()
files = ('/sys/fs/cgroup/memory.peak', '/sys/fs/cgroup/memory/memory.max_usage_in_bytes')
found = [int(path.read_text()) for path in map(pathlib.Path, files) if path.exists()]
print(int(re.search(r'VmHWM:\\s+(\\d+)', status)[1]) * 1024, *found)
"""


@pytest.fixture
def roots_volume(start: StartContainer) -> Iterator[tuple[str, ...]]:
    """A volume of root's, with a file of root's in it; removed after each test, and its containers with it."""
    with fresh_volume() as name:
        options = ("--volume", f"{name}:/data")
        prepare = "import os; os.chown('/data', 0, 0); open('/data/old', 'w').write('kept'); os.chmod('/data', 0o755)"
        start("--user", "0", "--entrypoint", "python", *options, command=("-c", prepare)).wait_exit()
        yield options


def client(container: Container) -> load.Client:
    return load.Client(container.url(), KEY)


@pytest.mark.parametrize("ipv6", [True, False])
def test_listens_on_the_port_that_the_platform_names(start: StartContainer, ipv6: bool) -> None:
    """On IPv6, which older private networks are alone, and on IPv4; and where the kernel has no IPv6, on IPv4."""
    container = start(*AS_ON_RAILWAY, "--sysctl", f"net.ipv6.conf.all.disable_ipv6={int(not ipv6)}")
    container.wait_ready()
    for address in ("127.0.0.1", "::1") if ipv6 else ("127.0.0.1",):
        code = f"import socket; socket.create_connection(({address!r}, {PORT})).close(); print('open')"
        assert container.python(code) == "open"


def test_answers_the_health_check_of_the_platform_without_a_key(start: StartContainer) -> None:
    container = start(*AS_ON_RAILWAY)
    container.wait_ready()
    caller = load.Client(container.url(), "no key at all")
    status, body = caller.ask("GET", DEPLOY["healthcheckPath"], host="healthcheck.railway.app")
    assert (status, json.loads(body)["status"]) == (200, "ready")
    assert caller.ask("GET", "/v1/models")[0] == 401


def test_a_volume_of_roots_changes_hands(start: StartContainer, roots_volume: tuple[str, ...]) -> None:
    """What was there and what is written; and the process has no way back."""
    container = start(
        *AS_ON_RAILWAY, *roots_volume, "--read-only",
        "--cap-drop", "ALL", "--cap-add", "CHOWN", "--cap-add", "SETUID", "--cap-add", "SETGID",
        "--cap-add", "DAC_OVERRIDE",
    )  # fmt: skip
    container.wait_ready()
    assert client(container).ask("PUT", "/v1/collections/notes")[0] in (200, 201)
    assert container.python(STATUS).split() == [str(UID), "0" * 16]
    walk = "import os; print(*{(os.lstat(os.path.join(f, n)).st_uid, os.lstat(os.path.join(f, n)).st_gid)"
    walk += " for f, folders, files in os.walk('/data') for n in ['.', *folders, *files]})"
    assert container.python(walk) == str((UID, UID))
    assert container.python("print(open('/data/old').read())") == "kept"
    assert container.python("import os; print('ledger.sqlite' in os.listdir('/data'))") == "True"


def test_a_volume_of_roots_without_root_names_the_remedy(start: StartContainer, roots_volume: tuple[str, ...]) -> None:
    """What an operator sees who forgot RAILWAY_RUN_UID=0: the image's own user, and a folder that it may not write."""
    container = start(*AS_ON_RAILWAY[2:], *roots_volume)
    assert container.wait_exit() == 1
    assert "/data cannot be used: Permission denied" in container.logs()
    assert "Traceback" not in container.logs()


def test_without_a_key_production_does_not_start(start: StartContainer) -> None:
    container = start("--user", "0", "--env", "ENVIRONMENT=production")
    assert container.wait_exit() == 1
    assert "cannot start: ENVIRONMENT=production needs API_KEY" in container.logs()


def test_sigterm_lets_running_requests_finish_within_the_draining_time(
    start: StartContainer, roots_volume: tuple[str, ...]
) -> None:
    """A process that outlives the draining time is killed, and ends with 137."""
    container = start(*AS_ON_RAILWAY, *roots_volume, *SMALLEST_PLAN)
    container.wait_ready()
    caller = client(container)
    # Equal texts would be encoded once.
    words = "some words that take a while to embed " * 30
    texts = [[f"{number} {text} {words}" for text in range(40)] for number in range(4)]
    running = [caller.send("POST", "/v1/embeddings", load.embedding(each)) for each in texts]
    deadline = time.monotonic() + 60
    while waiting(caller) <= 3 * 40:  # until all four are in, and wait or are encoded
        assert time.monotonic() < deadline, container.logs()
    assert container.stop(DEPLOY["drainingSeconds"]) == 0
    answers = [load.received(connection) for connection in running]
    assert [status for status, _ in answers] == [200] * 4
    assert all(len(json.loads(body)["data"]) == 40 for _, body in answers)
    [stopping] = [line for line in container.logs().splitlines() if "shutting down" in line]
    assert json.loads(stopping)["running"] == 4


def waiting(caller: load.Client) -> int:
    """Texts that wait for the encoder."""
    status, body = caller.ask("GET", "/metrics")
    found = re.search(r"^vectorspace_queue_texts (\d+)$", body.decode(), re.MULTILINE)
    assert status == 200
    assert found
    return int(found[1])


def test_the_smallest_plan_bears_the_load(
    start: StartContainer, roots_volume: tuple[str, ...], capsys: pytest.CaptureFixture[str]
) -> None:
    # This is about memory: nobody is to be refused for the time that one CPU takes.
    container = start(*AS_ON_RAILWAY, *roots_volume, *SMALLEST_PLAN, "--env", "MAX_QUEUE_S=600")
    container.wait_ready()
    caller = client(container)
    assert caller.ask("PUT", "/v1/collections/notes")[0] in (200, 201)
    before = container.python(PEAK).split()
    statuses, summary = load.run(caller, "notes")
    assert statuses == {
        ("long", 200): load.LONG_REQUESTS,
        ("wide", 200): load.WIDE_REQUESTS,
        ("search", 200): load.SEARCHES,
        ("import", 200): 1,
    }
    assert (summary["complete"], summary["done"]) == (True, load.DOCUMENTS)
    after = container.python(PEAK).split()
    with capsys.disabled():
        print("\n0.5 GB and one CPU, peaks in MB, at rest and under load:", end=" ")
        for what, rest, peak in zip(("resident", "charged to the container"), before, after, strict=False):
            print(f"{what} {int(rest) / 1e6:.0f} and {int(peak) / 1e6:.0f}", end="; ")
    assert container.stop(DEPLOY["drainingSeconds"]) == 0
    assert not container.inspect()["State"]["OOMKilled"]


def test_the_smallest_plan_bears_bodies_of_very_many_things(
    start: StartContainer, roots_volume: tuple[str, ...]
) -> None:
    container = start(*AS_ON_RAILWAY, *roots_volume, *SMALLEST_PLAN)
    container.wait_ready()
    caller = client(container)
    assert caller.ask("PUT", "/v1/collections/notes")[0] in (200, 201)
    for name, made in WIDE.items():
        path, body = made()
        status, answer = caller.ask("POST", f"/v1/collections/notes{path}", body)
        assert status == 400, f"{name}: {answer[:200]!r}"
    assert caller.ask("POST", "/v1/collections/notes/search", b'{"query": "a"}')[0] == 200
    assert container.stop(DEPLOY["drainingSeconds"]) == 0
    assert not container.inspect()["State"]["OOMKilled"]


def test_a_kill_for_memory_would_be_seen(start: StartContainer) -> None:
    """The other side of the test above: with less than the service needs at rest, the engine says that it killed it."""
    container = start(*AS_ON_RAILWAY, "--memory", "64m", "--memory-swap", "64m")
    assert container.wait_exit() == 137
    assert container.inspect()["State"]["OOMKilled"]
