"""Start, health check and shutdown of the real process: exit codes, messages, and what happens to running requests."""

import http.client
import json
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import threading
import time
import urllib.request
from contextlib import suppress
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.process.conftest import ROOT, Process, Run
from tests.process.streams import ImportStream, hung_export, kept, ndjson

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


@pytest.mark.parametrize("file", ["model.onnx", "model.onnx_data", "tokenizer.json"])
def test_an_altered_model_file_ends_the_process(run: Run, tmp_path: Path, file: str) -> None:
    folder = tmp_path / MODEL / "int8"
    shutil.copytree(ROOT / "models" / MODEL / "int8", folder)
    content = bytearray((folder / file).read_bytes())
    content[len(content) // 2] ^= 1
    (folder / file).write_bytes(content)
    process = run(MODELS_DIRECTORY=tmp_path)
    assert process.process.wait(60) == 1
    assert f"{file} is not the file that its card describes" in process.log


def test_a_card_of_another_dimension_ends_the_process(run: Run, tmp_path: Path) -> None:
    """Before it is ready, and not at the first text."""
    folder = tmp_path / MODEL / "int8"
    shutil.copytree(ROOT / "models" / MODEL / "int8", folder)
    card = folder / "card.json"
    card.write_text(card.read_text().replace('"dimension": 384', '"dimension": 383'))
    process = run(MODELS_DIRECTORY=tmp_path)
    assert process.process.wait(60) == 1
    assert (
        "model.onnx is not the file that its card describes: expected vectors of 383 numbers, found 384" in process.log
    )


def test_the_log_says_what_computes_the_model(run: Run) -> None:
    """Our operators where the CPU has what they need, and by one setting ONNX Runtime alone: near each other."""
    vectors = []
    for setting, said in (("auto", r"with our operators \(avx(512|2)\)$"), ("off", "alone$")):
        process = run(KERNELS=setting).ready()
        status, answer = process.post("/v1/embeddings", {"model": MODEL, "input": "A cat sleeps on the sofa."})
        assert status == 200
        vectors.append(np.array(answer["data"][0]["embedding"]))
        assert process.end() == 0
        assert re.search(f"{MODEL} int8 is computed by ONNX Runtime {said}", process.log, re.MULTILINE), process.log
    assert 0.99 < vectors[0] @ vectors[1] < 1 - 1e-9


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


@pytest.mark.parametrize(
    ("host", "place"),
    [
        ("", "127.0.0.1"),
        ("::", "127.0.0.1"),
        ("0.0.0.0", "127.0.0.1"),
        ("127.0.0.2", "127.0.0.2"),
        ("::1", "[::1]"),
    ],
)
def test_the_health_check_asks_where_the_service_listens(run: Run, host: str, place: str) -> None:
    process = run(HOST=host)
    process.url = f"http://{place}:{process.port}"
    process.ready()
    check = run("health", HOST=host, PORT=process.port)
    assert check.process.wait(60) == 0, check.log
    assert json.loads(check.log)["status"] == "ready"
    assert process.end() == 0


def test_the_health_check_is_light() -> None:
    """It is run every few seconds. Beside the standard library it has the errors that a command may end in."""
    program = "import sys; from app.__main__ import main; main(['health']); print(*sys.modules, file=sys.stderr)"
    own = os.environ | {"PORT": "1", "HOST": "127.0.0.1"}
    done = subprocess.run(
        [sys.executable, "-c", program], cwd=ROOT, env=own, capture_output=True, text=True, timeout=60
    )
    named = done.stderr.splitlines()[-1].split()
    assert {name for name in named if name.startswith("app")} == {"app", "app.__main__", "app.errors", "app.probe"}
    assert {name.split(".")[0] for name in named} & {"pydantic", "pydantic_settings", "fastapi", "numpy"} == set()


def test_sigterm_lets_running_requests_finish(run: Run) -> None:
    process = run(THREADS=1, SHUTDOWN_TIMEOUT_S=300).ready()  # a busy machine may need more than the default
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
    assert process.process.wait(320) == 0
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


def test_more_signals_change_nothing(run: Run) -> None:
    process = run(THREADS=1).ready()
    answers: list[tuple[int, Any]] = []
    caller = threading.Thread(target=lambda: answers.append(process.post("/v1/embeddings", long(0))))
    caller.start()
    _until_waiting(process, 0)
    for number in (signal.SIGTERM, signal.SIGTERM, signal.SIGINT):
        process.process.send_signal(number)
    caller.join()
    assert process.process.wait(60) == 0
    assert [status for status, _ in answers] == [200]
    assert process.log.count("shutting down") == 1


def test_shutdown_goes_in_order(run: Run, tmp_path: Path) -> None:
    """Nobody new comes in, who is in gets all of it, and then the ledger is closed: its log is in the file."""
    data = tmp_path / "data"
    process = run(DATA_DIRECTORY=data).ready()
    kept(process, "a", 0)
    with ImportStream(process, "a") as importing:
        importing.send(ndjson(range(300)))
        importing.lines_until("progress")
        process.process.send_signal(signal.SIGTERM)
        _until_refused(process)
        assert (data / "ledger.sqlite-wal").exists()
        importing.send(ndjson(range(300, 310)))
        importing.finish()
        summary = importing.lines_until("summary")[-1]["summary"]
    assert (summary["complete"], summary["done"]) == (True, 310)
    assert process.process.wait(60) == 0, process.log
    assert not (data / "ledger.sqlite-wal").exists()
    after = run(DATA_DIRECTORY=data).ready()
    with urllib.request.urlopen(f"{after.url}/v1/collections/a/export", timeout=60) as answer:
        assert len(answer.read().splitlines()) == 1 + 310


def test_streams_that_hang_are_cut_at_the_limit(run: Run) -> None:
    process = run(SHUTDOWN_TIMEOUT_S=1).ready()
    kept(process, "large", 2000)
    kept(process, "a", 0)
    data = process.data
    assert (data / "ledger.sqlite-wal").exists()
    with hung_export(process, "large"), ImportStream(process, "a") as importing:
        importing.send(ndjson(range(10)))
        importing.lines_until("progress")
        assert process.end() == 0, process.log
    assert "cutting off 2 running requests: cut off: the service shuts down and 1 s (SHUTDOWN_TIMEOUT_S)" in process.log
    assert "leaving connections whose clients do not read" in process.log
    assert "could not shut down in order" not in process.log
    assert "Traceback" not in process.log
    assert not (data / "ledger.sqlite-wal").exists()  # it was closed all the same


@pytest.mark.parametrize("what", ["truncated", "removed"])
def test_a_model_file_that_changes_under_the_running_service(run: Run, tmp_path: Path, what: str) -> None:
    """What runs goes on, and the next start says what is wrong. What is mapped stays, removed or not."""
    folder = tmp_path / MODEL / "int8"
    shutil.copytree(ROOT / "models" / MODEL / "int8", folder)
    process = run(MODELS_DIRECTORY=tmp_path, CACHE_MB=0).ready()
    before = process.post("/v1/embeddings", {"model": MODEL, "input": "a cat"})
    for file in ("model.onnx", "model.onnx_data", "tokenizer.json"):
        if what == "removed":
            (folder / file).unlink()
        elif file != "model.onnx_data":
            with (folder / file).open("r+b") as opened:
                opened.truncate(100)
    assert process.post("/v1/embeddings", {"model": MODEL, "input": "a dog"})[0] == 200
    assert process.post("/v1/embeddings", {"model": MODEL, "input": "a cat"}) == before
    assert before[0] == 200
    assert process.end() == 0, process.log
    _refused_at_the_next_start(run, tmp_path, "is missing: make it with" if what == "removed" else "expected")


def test_weights_that_are_written_to_under_the_running_service_end_it(run: Run, tmp_path: Path) -> None:
    """They are mapped into memory: no vector is answered that might not be of the model that was checked."""
    folder = tmp_path / MODEL / "int8"
    shutil.copytree(ROOT / "models" / MODEL / "int8", folder)
    process = run(MODELS_DIRECTORY=tmp_path, CACHE_MB=0).ready()
    assert process.post("/v1/embeddings", {"model": MODEL, "input": "a cat"})[0] == 200
    with (folder / "model.onnx_data").open("r+b") as opened:
        opened.write(b"another model's")
    status, answer = process.post("/v1/embeddings", {"model": MODEL, "input": "a cat"})
    assert (status, answer["error"]["code"]) == (500, "encoder_failed")
    assert process.process.wait(60) == 1
    said = "model.onnx_data was written to while it was in use: a model is replaced as a whole, by another folder"
    assert f"the service ends: {folder}/{said}" in process.log
    assert "Traceback" not in process.log
    _refused_at_the_next_start(run, tmp_path, "model.onnx_data is not the file that its card describes")


def test_weights_that_are_cut_short_under_the_running_service_end_it(run: Run, tmp_path: Path) -> None:
    """By SIGBUS, where what is gone is read, or by our own look at the file: nothing wrong is answered either way."""
    folder = tmp_path / MODEL / "int8"
    shutil.copytree(ROOT / "models" / MODEL / "int8", folder)
    process = run(MODELS_DIRECTORY=tmp_path, CACHE_MB=0).ready()
    os.truncate(folder / "model.onnx_data", 100)
    with suppress(ConnectionError, http.client.HTTPException):
        assert process.post("/v1/embeddings", {"model": MODEL, "input": "a cat"})[0] == 500
    assert process.process.wait(60) in (1, -signal.SIGBUS)
    _refused_at_the_next_start(run, tmp_path, "model.onnx_data is not the file that its card describes")


def _refused_at_the_next_start(run: Run, models: Path, said: str) -> None:
    after = run(MODELS_DIRECTORY=models)
    assert after.process.wait(60) == 1
    assert said in after.log
    assert "Traceback" not in after.log


def test_json_logs_are_json_and_hold_no_text(run: Run) -> None:
    process = run(LOG_FORMAT="json").ready()
    process.post("/v1/embeddings", {"model": MODEL, "input": "a private sentence"})
    assert process.end() == 0
    lines = [json.loads(line) for line in process.log.splitlines()]
    (request,) = [line for line in lines if line.get("route") == "/v1/embeddings"]
    assert (request["method"], request["status"], len(request["request_id"])) == ("POST", 200, 32)
    assert "private" not in process.log


def _until_refused(process: Process) -> None:
    """Until nobody new can connect; fails where the process ends before."""
    while True:
        assert process.process.poll() is None, process.log
        try:
            socket.create_connection(("127.0.0.1", process.port), 60).close()
        except (ConnectionRefusedError, ConnectionResetError):  # the latter as the listener closes
            return


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
