"""strain MODEL TEXTS: 24 threads share a session while others write to a store and query it; print what came of it.

Work is counted, not timed. Every answer is compared with the one that a single thread got before.
"""

import json
import random
import sys
import tempfile
import threading
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import numpy as np

from tests.container.musl.programs.batches import batches, run, session, token_ids
from tests.container.musl.programs.stores import open_store
from tests.container.musl.programs.vectors import noise

EMBEDDERS, RUNS = 24, 60
WRITERS, WRITES, ROWS = 3, 40, 25
READERS, READS = 3, 150
DIMENSION = 64

model, texts = map(Path, sys.argv[1:])
network = session(model, 2)
feeds = batches(token_ids(model, texts, 96), 4)
expected = [run(network, feed) for feed in feeds]
notes = open_store(tempfile.mkdtemp()).create_collection("notes")
notes.add(ids=["first"], embeddings=np.ones((1, DIMENSION), np.float32))
counts: Counter[str] = Counter()
failures: list[str] = []
lock = threading.Lock()


def count(what: str) -> None:
    with lock:
        counts[what] += 1


def embed(number: int) -> None:
    order = random.Random(number)
    for turn in range(RUNS):
        which = order.randrange(len(feeds))
        count("equal" if run(network, feeds[which]) == expected[which] else "DIFFERENT")
        if turn % 6 == 0:  # and an exception from deep inside, on this thread, while the others run on
            try:
                network.run(None, {name: ids * 10**9 for name, ids in feeds[which].items()})
                count("NOT REFUSED")
            except Exception:
                count("refused")


def write(number: int) -> None:
    order = random.Random(number)
    for turn in range(WRITES):
        ids = [f"{number}-{turn}-{row}" for row in range(ROWS)]
        notes.upsert(
            ids=ids,
            embeddings=noise(order, ROWS, DIMENSION),
            metadatas=[{"turn": turn}] * ROWS,
        )
        count("written")


def read(number: int) -> None:
    order = random.Random(100 + number)
    for turn in range(READS):
        found = notes.query(query_embeddings=noise(order, 2, DIMENSION), n_results=3)
        count("answered" if len(found["ids"]) == 2 else "UNANSWERED")
        if turn % 10 == 0:
            try:
                notes.query(query_embeddings=np.ones((1, DIMENSION + 1), np.float32))
                count("NOT REFUSED")
            except Exception:
                count("refused")


def guarded(work: Callable[[int], None], number: int) -> None:
    try:
        work(number)
    except Exception as error:
        failures.append(f"{work.__name__}: {type(error).__name__}: {error}")


work = [(embed, EMBEDDERS), (write, WRITERS), (read, READERS)]
threads = [threading.Thread(target=guarded, args=(f, number)) for f, times in work for number in range(times)]
for thread in threads:
    thread.start()
for thread in threads:
    thread.join()
expected_counts = {
    "equal": EMBEDDERS * RUNS,
    "written": WRITERS * WRITES,
    "answered": READERS * READS,
    "refused": EMBEDDERS * RUNS // 6 + READERS * READS // 10,
}
rows = 1 + WRITERS * WRITES * ROWS
print(json.dumps({"counts": counts, "expected": expected_counts, "failures": failures, "rows": [notes.count(), rows]}))
