"""Sixteen clients search while an import runs into the same collection, over HTTP against the real service.

    python -m benchmarks.store.mixed [--documents 3000] [--quick] [--json]

The collection is filled by an import that nobody disturbs; then the clients search it by themselves; then they search
it, each as fast as it is answered, for as long as a second import of as many other texts takes. The clients are threads
of this process, and the machine's processors are theirs as well: what a service alone would reach is more.
"""

import http.client
import json
import random
import threading
import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np

from benchmarks.store import english, opening, report
from benchmarks.store.report import Figure
from tests.process.conftest import Process

CLIENTS, SEED, WORDS_ASKED = 16, 13, 6
SEARCHES_ALONE = 40
NAME = "/v1/collections/mixed"


class Clients:
    """CLIENTS threads that search until they are stopped, or so many times each."""

    def __init__(self, port: int, queries: list[str]) -> None:
        self._port = port
        self._queries = queries
        self._stopped = threading.Event()
        self._pool = ThreadPoolExecutor(CLIENTS)
        self.taken_ms: list[float] = []
        self.answers: Counter[str] = Counter()
        self.elapsed_s = 0.0

    def run(self, times: int | None = None) -> "Clients":
        """Search until `stop`, for None; returns at once then."""
        self._started_s = time.perf_counter()
        self._running = [self._pool.submit(self._search, client, times) for client in range(CLIENTS)]
        return self

    def stop(self) -> "Clients":
        self._stopped.set()
        return self.wait()

    def wait(self) -> "Clients":
        for each in self._running:
            each.result()
        self.elapsed_s = time.perf_counter() - self._started_s
        self._pool.shutdown()
        return self

    def _search(self, client: int, times: int | None) -> None:
        choose = random.Random(client)
        connection = http.client.HTTPConnection("127.0.0.1", self._port, timeout=120)
        done = 0
        while not self._stopped.is_set() and (times is None or done < times):
            body = json.dumps({"query": choose.choice(self._queries)})
            started = time.perf_counter()
            try:
                connection.request("POST", f"{NAME}/search", body, {"Content-Type": "application/json"})
                response = connection.getresponse()
                response.read()
                answer = str(response.status)
            except (OSError, http.client.HTTPException) as error:
                answer = type(error).__name__
                connection.close()
            self.taken_ms.append(1000 * (time.perf_counter() - started))
            self.answers[answer] += 1
            done += 1
        connection.close()

    @property
    def failed(self) -> int:
        """Requests that got neither an answer nor 429, which asks the client to come back later."""
        return sum(count for answer, count in self.answers.items() if answer not in ("200", "429"))

    def figures(self, when: str) -> list[Figure]:
        half, most = np.percentile(self.taken_ms, [50, 99])
        told = ", ".join(f"{count} × {answer}" for answer, count in sorted(self.answers.items()))
        return [
            Figure(f"search {when}: p50 [ms]", float(half), told),
            Figure(f"search {when}: p99 [ms]", float(most)),
            Figure(f"search {when} [1/s]", len(self.taken_ms) / self.elapsed_s),
        ]


def send(port: int, body: bytes) -> dict[str, Any]:
    """Import `body`, and the summary that comes at the end."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=600)
    connection.request("POST", f"{NAME}/import", body, {"Content-Type": "application/x-ndjson"})
    summary: dict[str, Any] = json.loads(connection.getresponse().read().splitlines()[-1])["summary"]
    connection.close()
    assert summary["complete"]
    assert not summary["refused"]
    return summary


def settle(port: int) -> None:
    """Wait until the index holds everything."""
    while True:
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
        connection.request("GET", "/health")
        index = json.loads(connection.getresponse().read())["store"]["index"]
        connection.close()
        if index["state"] == "ready" and not index["behind"]:
            return
        time.sleep(0.2)


def measure(documents: int) -> list[Figure]:
    texts = english.texts(2 * documents, SEED)
    queries = [" ".join(text.split()[:WORDS_ASKED]) for text in texts]
    first, second = texts[:documents], texts[documents:]
    with TemporaryDirectory() as directory:
        process = Process(Path(directory) / "service.txt", LOG_LEVEL="warning")
        try:
            process.ready()
            connection = http.client.HTTPConnection("127.0.0.1", process.port, timeout=60)
            connection.request("PUT", NAME, "{}", {"Content-Type": "application/json"})
            assert connection.getresponse().status == 201
            connection.close()
            undisturbed = send(process.port, opening.ndjson(first, "a"))
            settle(process.port)
            alone = Clients(process.port, queries).run(SEARCHES_ALONE).wait()
            beside = Clients(process.port, queries).run()
            disturbed = send(process.port, opening.ndjson(second, "b"))
            beside.stop()
        finally:
            process.end()
    rates = [summary["rate_per_s"] for summary in (undisturbed, disturbed)]
    return [
        *alone.figures("without an import"),
        *beside.figures("beside an import"),
        Figure("searches that failed", alone.failed + beside.failed, "429 is none", bar=0, at_least=False),
        Figure("import alone [documents/s]", rates[0]),
        Figure(f"import beside {CLIENTS} searching clients [documents/s]", rates[1]),
    ]


def main() -> None:
    parser = report.parser(__doc__)
    parser.add_argument("--documents", type=int, help="in each of the two imports")
    given = parser.parse_args()
    documents = given.documents or (300 if given.quick else 2500)
    title = f"{CLIENTS} clients and an import of {documents} documents"
    report.tell(title, lambda: measure(documents), as_json=given.json)


if __name__ == "__main__":
    main()
