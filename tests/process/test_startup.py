"""SIGTERM and SIGKILL at each moment of start-up: it ends, and the next start has everything that was kept."""

import json
import os
import signal
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.process.conftest import ROOT, Process, Run, free_port
from tests.process.streams import kept

DOCUMENTS = 2500  # more than are scanned: the index is opened as well
STEPS = 8
# SQLite takes it away when the last connection, of whatever process, is closed.
LOG = "ledger.sqlite-wal"
# Granian is one of the first of some hundred modules that `serve` imports.
IMPORTING = "granian.constants"


@pytest.fixture(scope="module")
def filled(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, float]:
    """A data directory, and the seconds that the service took to be ready on it."""
    folder = tmp_path_factory.mktemp("filled")
    first = Process(folder / "first.txt", DATA_DIRECTORY=folder / "data").ready()
    kept(first, "a", DOCUMENTS)
    assert first.end() == 0, first.log
    started_s = time.monotonic()
    second = Process(folder / "second.txt", DATA_DIRECTORY=folder / "data").ready()
    ready_s = time.monotonic() - started_s
    assert second.end() == 0, second.log
    return folder / "data", ready_s


def has_everything(process: Process) -> None:
    """It is ready, finds all that was kept, and ends in order."""
    process.ready()
    with urllib.request.urlopen(f"{process.url}/v1/collections/a/export", timeout=60) as answer:
        ids = {json.loads(line).get("id") for line in answer.read().splitlines()}
    assert ids == {None} | {f"d{i}" for i in range(DOCUMENTS)}
    body = {"mode": "semantic", "vector": [1, 7], "limit": 1}
    status, found = process.post("/v1/collections/a/search", body)
    assert (status, len(found["hits"])) == (200, 1)
    assert process.end() == 0, process.log


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGKILL])
def test_a_signal_at_each_step_of_the_start(run: Run, filled: tuple[Path, float], number: signal.Signals) -> None:
    """The steps are spread over the time that a start takes; whatever each of them meets must hold."""
    data, ready_s = filled
    for step in range(STEPS):
        process = run(DATA_DIRECTORY=data)
        time.sleep(ready_s * step / STEPS)
        process.process.send_signal(number)
        ended = process.process.wait(60)
        if number == signal.SIGKILL:
            assert ended == -signal.SIGKILL
        else:
            # Before Python has run the first lines of ours the kernel ends it.
            assert ended == 0 or (ended == -signal.SIGTERM and not process.log), (step, process.log)
        assert "Traceback" not in process.log
    last = run(DATA_DIRECTORY=data)
    has_everything(last)
    assert not (data / LOG).exists(), last.log


def while_importing(process: Process) -> bool:
    return IMPORTING in process.log


def when_listening(process: Process) -> bool:
    return "listens on port" in process.log


def when_not_ready(process: Process) -> bool:
    try:
        with urllib.request.urlopen(f"{process.url}/health", timeout=60):
            raise AssertionError("it was ready before it could be asked")
    except urllib.error.HTTPError as error:
        return error.code == 503
    except OSError:
        return False


def when_ready(process: Process) -> bool:
    return " ready" in process.log


MOMENTS = [while_importing, when_listening, when_not_ready, when_ready]
Moment = Callable[[Process], bool]


def started_until(run: Run, moment: Moment, data: Path) -> Process:
    # Each import is a line on stderr.
    more = {"PYTHONPROFILEIMPORTTIME": "1"} if moment is while_importing else {}
    process = run(DATA_DIRECTORY=data, **more)
    deadline = time.monotonic() + 60
    while not moment(process):
        assert time.monotonic() < deadline, process.log
        assert process.process.poll() is None, process.log
    return process


@pytest.mark.parametrize("moment", MOMENTS)
def test_sigkill_at_a_moment_of_the_start_loses_nothing(run: Run, filled: tuple[Path, float], moment: Moment) -> None:
    data, _ = filled
    process = started_until(run, moment, data)
    process.process.kill()
    assert process.process.wait(60) == -signal.SIGKILL
    has_everything(run(DATA_DIRECTORY=data))


@pytest.mark.parametrize("moment", MOMENTS)
@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGKILL])
def test_a_first_start_that_is_ended_leaves_a_directory_that_the_next_one_takes(
    run: Run, tmp_path: Path, moment: Moment, number: signal.Signals
) -> None:
    process = started_until(run, moment, tmp_path / "new")
    process.process.send_signal(number)
    assert process.process.wait(60) == (0 if number == signal.SIGTERM else -signal.SIGKILL), process.log
    process = run(DATA_DIRECTORY=tmp_path / "new").ready()
    kept(process, "a", 1)
    assert process.end() == 0, process.log


@pytest.mark.parametrize("moment", MOMENTS)
def test_sigterm_at_a_moment_of_the_start_ends_it_in_order(
    run: Run, filled: tuple[Path, float], moment: Moment
) -> None:
    data, _ = filled
    process = started_until(run, moment, data)
    process.process.send_signal(signal.SIGTERM)
    assert process.process.wait(60) == 0, process.log
    assert "Traceback" not in process.log
    assert "could not shut down in order" not in process.log
    assert not (data / LOG).exists(), process.log
    has_everything(run(DATA_DIRECTORY=data))


# The command, in a process that looks at itself as soon as it is ready.
LOOKING = """
import gc, os, signal, sys, threading, time, urllib.request
from app.__main__ import main

def look():
    while True:
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{os.environ['PORT']}/health", timeout=5):
                break
        except OSError:
            time.sleep(0.02)
    print("collected:", gc.isenabled(), gc.get_threshold()[0], gc.get_freeze_count() > 50_000, flush=True)
    os.kill(os.getpid(), signal.SIGTERM)

threading.Thread(target=look, daemon=True).start()
sys.exit(main(["serve"]))
"""


def test_the_garbage_collector_rests_while_everything_is_loaded_and_no_longer(tmp_path: Path) -> None:
    environment = os.environ | {"PORT": str(free_port()), "DATA_DIRECTORY": str(tmp_path / "data")}
    done = subprocess.run(
        [sys.executable, "-c", LOOKING], cwd=ROOT, env=environment, capture_output=True, text=True, timeout=60
    )
    assert "collected: True 10000 True" in done.stdout, done.stderr
    assert done.returncode == 0
