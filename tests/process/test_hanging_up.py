"""A client that hangs up takes its texts along, those that are not yet encoded."""

import json
import re
import time
import urllib.request

import pytest

from tests.process.conftest import Process, Run
from tests.process.streams import raw

MODEL, TEXTS = "all-MiniLM-L6-v2", 300
LONG = [f"{number} " + "another long text " * 60 for number in range(TEXTS)]


def metric(process: Process, name: str) -> int:
    with urllib.request.urlopen(f"{process.url}/metrics", timeout=60) as answer:
        found = re.search(rf"^vectorspace_{name} (\d+)$", answer.read().decode(), re.MULTILINE)
    assert found
    return int(found[1])


def waited_for(process: Process, name: str, wanted: bool) -> None:
    """Until a metric is above 0, or is not."""
    deadline = time.monotonic() + 60
    while (metric(process, name) > 0) != wanted:
        assert time.monotonic() < deadline, process.log


@pytest.mark.parametrize(
    ("path", "body"),
    [("/v1/embeddings", {"model": MODEL, "input": LONG}), ("/embed", {"inputs": LONG})],
)
def test_what_a_client_that_left_had_asked_for_is_dropped(run: Run, path: str, body: dict[str, object]) -> None:
    process = run(THREADS=1).ready()
    sent = json.dumps(body).encode()
    head = f"POST {path} HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: {len(sent)}\r\n\r\n"
    with raw(process, head.encode() + sent):
        waited_for(process, "encoded_texts_total", True)
    waited_for(process, "queue_texts", False)
    assert metric(process, "encoded_texts_total") < TEXTS / 2
    status, answer = process.post("/v1/embeddings", {"model": MODEL, "input": "still there"})
    assert status == 200, answer
    assert process.end() == 0
    assert "Traceback" not in process.log
    assert f"POST {path} no response" in process.log
