"""Start, health check and shutdown of the real process: exit codes, messages, and what happens to running requests."""

import json
import re
import shutil
import signal
import socket
import threading
import time
import urllib.request
from pathlib import Path
from typing import Any

import pytest

from tests.process.conftest import ROOT, Process, Run

MODEL = "all-MiniLM-L6-v2"
TEXTS = 60


def long(caller: int) -> dict[str, object]:
    """A request that keeps the encoder busy: equal texts would be encoded once."""
    return {"model": MODEL, "input": [f"{caller} {number} " + "some words " * 80 for number in range(TEXTS)]}


def test_production_without_a_key_does_not_start(run: Run) -> None:
    process = run(ENVIRONMENT="production")
    assert process.process.wait(60) == 1
    assert "ENVIRONMENT=production needs API_KEY" in process.log
    assert "Traceback" not in process.log


def test_a_taken_port_is_named(run: Run) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        process = run(PORT=taken.getsockname()[1], HOST="127.0.0.1")
        assert process.process.wait(60) == 1
        assert f"cannot listen on 127.0.0.1 port {process.port}" in process.log
        assert "Traceback" not in process.log


def test_a_missing_model_ends_the_process_with_the_remedy(run: Run, tmp_path: Path) -> None:
    process = run(MODELS_DIRECTORY=tmp_path)
    assert process.process.wait(60) == 1
    assert f"python -m models {MODEL} --precision int8" in process.log


@pytest.mark.parametrize("file", ["model.onnx", "tokenizer.json"])
def test_an_altered_model_file_ends_the_process(run: Run, tmp_path: Path, file: str) -> None:
    folder = tmp_path / MODEL / "int8"
    shutil.copytree(ROOT / "models" / MODEL / "int8", folder)
    content = bytearray((folder / file).read_bytes())
    content[len(content) // 2] ^= 1
    (folder / file).write_bytes(content)
    process = run(MODELS_DIRECTORY=tmp_path)
    assert process.process.wait(60) == 1
    assert f"{file} is not the file that its card describes" in process.log


def test_the_other_precision_is_one_setting(run: Run) -> None:
    process = run(MODEL_PRECISION="fp32").ready()
    answer = process.post("/v1/embeddings", {"model": MODEL, "input": "a"})
    assert answer[0] == 200
    assert process.end() == 0


def test_the_health_check_follows_the_service(run: Run) -> None:
    process = run().ready()
    check = run("health", PORT=process.port)
    assert check.process.wait(60) == 0
    assert json.loads(check.log)["status"] == "ready"
    assert process.end() == 0
    after = run("health", PORT=process.port)
    assert after.process.wait(60) == 1
    assert "no answer" in after.log


def test_sigterm_lets_running_requests_finish(run: Run) -> None:
    process = run(THREADS=1).ready()
    answers: list[tuple[int, Any]] = []
    callers = [
        threading.Thread(target=lambda body: answers.append(process.post("/v1/embeddings", body)), args=(long(number),))
        for number in range(3)
    ]
    for caller in callers:
        caller.start()
    _until_waiting(process, 2 * TEXTS)  # all three are in
    process.process.send_signal(signal.SIGTERM)
    for caller in callers:
        caller.join()
    assert process.process.wait(60) == 0
    assert [status for status, _ in answers] == [200] * 3
    assert all(len(body["data"]) == TEXTS for _, body in answers)


def test_what_does_not_finish_in_time_is_cut_off_with_the_reason(run: Run) -> None:
    process = run(THREADS=1, SHUTDOWN_TIMEOUT_S=0).ready()
    answers: list[tuple[int, Any]] = []
    caller = threading.Thread(target=lambda: answers.append(process.post("/v1/embeddings", long(0))))
    caller.start()
    _until_waiting(process, 0)
    process.process.send_signal(signal.SIGINT)
    caller.join()
    assert process.process.wait(60) == 0
    ((status, body),) = answers
    assert status == 503
    assert "SHUTDOWN_TIMEOUT_S" in body["error"]["message"]


def test_json_logs_are_json_and_hold_no_text(run: Run) -> None:
    process = run(LOG_FORMAT="json").ready()
    process.post("/v1/embeddings", {"model": MODEL, "input": "a private sentence"})
    assert process.end() == 0
    lines = [json.loads(line) for line in process.log.splitlines()]
    (request,) = [line for line in lines if line.get("route") == "/v1/embeddings"]
    assert (request["method"], request["status"], len(request["request_id"])) == ("POST", 200, 32)
    assert "private" not in process.log


def _until_waiting(process: Process, texts: int) -> None:
    """Until more than so many texts wait for the encoder, and others are in it."""
    deadline = time.monotonic() + 60
    waiting = -1
    while waiting <= texts:
        assert time.monotonic() < deadline, process.log
        with urllib.request.urlopen(f"{process.url}/metrics", timeout=60) as answer:
            found = re.search(r"^vectorspace_queue_texts (\d+)$", answer.read().decode(), re.MULTILINE)
        assert found
        waiting = int(found[1])
