"""The numbers of the queue and the model are in the units that their names say: seconds, and no more than went by."""

import re
import time
import urllib.request

from tests.process.conftest import Process

MODEL = "all-MiniLM-L6-v2"
TEXTS, TIMES = 8, 20


def sums(process: Process) -> dict[str, float]:
    with urllib.request.urlopen(f"{process.url}/metrics", timeout=60) as answer:
        text = answer.read().decode()
    found = re.findall(r"^(\w+_(?:sum|count|total))(?:\{\})? ([0-9.e+-]+)$", text, re.MULTILINE)
    return {name: float(value) for name, value in found}


def test_no_text_waited_and_no_batch_took_longer_than_the_requests_did(service: Process) -> None:
    before, began_s = sums(service), time.monotonic()
    for number in range(TIMES):
        texts = [f"text {number} of {place}" for place in range(TEXTS)]
        assert service.post("/v1/embeddings", {"model": MODEL, "input": texts})[0] == 200
    took_s = time.monotonic() - began_s
    after = sums(service)
    grown = {name: after[name] - before[name] for name in after}
    assert grown["vectorspace_encoded_texts_total"] == TEXTS * TIMES
    assert grown["vectorspace_queue_wait_seconds_count"] == TEXTS * TIMES
    assert 0 < grown["vectorspace_queue_wait_seconds_sum"] < TEXTS * took_s
    # A request has four batches at most, side by side on as many processors.
    assert took_s / 50 < grown["vectorspace_batch_seconds_sum"] < 4 * took_s
    assert TIMES <= grown["vectorspace_batch_texts_count"] <= 4 * TIMES
    assert grown["vectorspace_batch_texts_sum"] == TEXTS * TIMES
