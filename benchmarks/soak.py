"""The service under mixed load for half an hour: what fails, how long requests take, and whether memory stays flat.

    python -m benchmarks.soak [--minutes 30] [--image IMAGE] [--quick]

Clients of seven kinds work at once, each as fast as it is answered: lone texts and batches of all lengths, documents
written over and over into a collection, searches in it, imports into collections that are then deleted, clients that
hang up in the middle, and health checks. What is kept does not grow, so memory must not either: the median of the last
fifth of the time is held against that of the second, the first being left for warming up. 429 asks a client to come
back and is no failure. Exits with 1 where a bar was missed; with --quick, a minute, only failures count.
"""

import argparse
import http.client
import json
import random
import socket
import sys
import threading
import time
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from statistics import linear_regression, median
from tempfile import TemporaryDirectory

from benchmarks.peers import peers, processes
from benchmarks.peers.containers import Contained, image
from benchmarks.peers.figures import IMAGE, percentile
from benchmarks.peers.servers import MODEL, Running
from benchmarks.peers.texts import LENGTHS, Texts
from benchmarks.store.report import Figure, NotMeasured, load, table

SAMPLE_S, GROWTH = 5.0, 1.05
KEPT, WRITTEN_AT_ONCE, IMPORTED = 2000, 20, 300
# Clients of each kind.
CLIENTS = {"lone text": 3, "32 texts": 2, "write": 1, "search": 2, "import": 1, "hang up": 1, "health": 1}
# Between two requests of those that would else do nothing but this.
PAUSE_S = {"hang up": 0.5, "health": 1.0, "import": 1.0}
FINE = {"200", "201", "204", "429", "hung up"}


class Soak:
    """The clients, what they were answered, and the memory that was seen meanwhile."""

    def __init__(self, port: int, memory_mb: Callable[[], float]) -> None:
        self._port, self._memory_mb = port, memory_mb
        self._texts = Texts.of_docstrings(peers.OUR_MODEL / "tokenizer.json", 256, seed=17)
        self._lock = threading.Lock()
        self._stopped = threading.Event()
        self.answers: Counter[tuple[str, str]] = Counter()
        self.taken_ms: defaultdict[str, list[float]] = defaultdict(list)
        self.memory: list[tuple[float, float]] = []  # seconds since the start, MB

    def run(self, seconds: float) -> None:
        self._call("write", "PUT", "/v1/collections/kept", b"{}")
        work = {
            "lone text": self._lone,
            "32 texts": self._many,
            "write": self._write,
            "search": self._search,
            "import": self._import,
            "hang up": self._hang_up,
            "health": self._health,
        }
        threads = [
            threading.Thread(target=self._repeat, args=(kind, work[kind], random.Random(f"{kind} {number}")))
            for kind, count in CLIENTS.items()
            for number in range(count)
        ]
        started_s = time.monotonic()
        for thread in threads:
            thread.start()
        try:
            while (elapsed_s := time.monotonic() - started_s) < seconds:
                self.memory.append((elapsed_s, self._memory_mb()))
                time.sleep(min(SAMPLE_S, seconds - elapsed_s))
        finally:
            self._stopped.set()
            for thread in threads:
                thread.join()

    def _repeat(self, kind: str, work: Callable[[random.Random], None], choose: random.Random) -> None:
        while not self._stopped.is_set():
            work(choose)
            self._stopped.wait(PAUSE_S.get(kind, 0))

    def _lone(self, choose: random.Random) -> None:
        self._embed("lone text", choose, 1)

    def _many(self, choose: random.Random) -> None:
        self._embed("32 texts", choose, 32)

    def _embed(self, kind: str, choose: random.Random, count: int) -> None:
        form = choose.choice(["float", "base64"])
        body = {"model": MODEL, "encoding_format": form, "input": self._take(choose.choice(list(LENGTHS)), count)}
        self._call(kind, "POST", "/v1/embeddings", json.dumps(body).encode())

    def _write(self, choose: random.Random) -> None:
        texts = self._take("mixed", WRITTEN_AT_ONCE)
        documents = [{"id": f"d{choose.randrange(KEPT)}", "text": text, "metadata": {"n": 1}} for text in texts]
        self._call("write", "POST", "/v1/collections/kept/documents", json.dumps({"documents": documents}).encode())

    def _search(self, choose: random.Random) -> None:
        mode = choose.choice(["semantic", "keyword", "hybrid"])
        body = {"query": self._take("sentences", 1)[0], "mode": mode}
        self._call("search", "POST", "/v1/collections/kept/search", json.dumps(body).encode())

    def _import(self, choose: random.Random) -> None:
        name = f"/v1/collections/imported-{choose.randrange(3)}"
        lines = [json.dumps({"text": text}) for text in self._take("mixed", IMPORTED)]
        self._call("import", "PUT", name, b"{}")
        kind = "application/x-ndjson"
        answer = self._call("import", "POST", f"{name}/import", "\n".join(lines).encode(), kind)
        if answer and not json.loads(answer.splitlines()[-1]).get("summary", {}).get("complete"):
            self._note("import", "not complete", None)
        self._call("import", "DELETE", name, b"")

    def _hang_up(self, choose: random.Random) -> None:
        body = json.dumps({"model": MODEL, "input": self._take("256 tokens", 8)}).encode()
        head = (
            f"POST /v1/embeddings HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: {len(body)}"
        )
        sent = choose.choice([len(body) // 2, len(body)])  # in the middle of sending, or while it is being answered
        try:
            with socket.create_connection(("127.0.0.1", self._port), timeout=60) as connection:
                connection.sendall(head.encode() + b"\r\n\r\n" + body[:sent])
                time.sleep(choose.uniform(0, 0.2))
        except OSError as error:
            self._note("hang up", type(error).__name__, None)
        else:
            self._note("hang up", "hung up", None)

    def _health(self, _: random.Random) -> None:
        self._call("health", "GET", "/health", b"")

    def _take(self, workload: str, count: int) -> list[str]:
        with self._lock:
            return self._texts.take(workload, count)

    def _call(self, kind: str, method: str, path: str, body: bytes, content: str = "application/json") -> bytes:
        """The body of the answer, where it was a success."""
        connection = http.client.HTTPConnection("127.0.0.1", self._port, timeout=300)
        started_s = time.perf_counter()
        try:
            connection.request(method, path, body, {"Content-Type": content})
            response = connection.getresponse()
            data = response.read()
            answer, wait = str(response.status), response.getheader("Retry-After")
        except (OSError, http.client.HTTPException) as error:
            answer, wait, data = type(error).__name__, None, b""
        finally:
            connection.close()
        self._note(kind, answer, 1000 * (time.perf_counter() - started_s))
        if answer == "429":
            self._stopped.wait(min(5.0, float(wait or 1)))
        elif answer not in FINE:
            print(f"{kind}: {answer}: {data[:300]!r}", file=sys.stderr, flush=True)
        return data if answer.startswith("2") else b""

    def _note(self, kind: str, answer: str, taken_ms: float | None) -> None:
        with self._lock:
            self.answers[kind, answer] += 1
            if taken_ms is not None:
                self.taken_ms[kind].append(taken_ms)


def fifth(samples: Sequence[tuple[float, float]], number: int) -> float:
    """The median of the samples' second values in the `number`th fifth, 0 to 4."""
    at = [len(samples) * edge // 5 for edge in (number, number + 1)]
    return median(value for _, value in samples[at[0] : max(at[1], at[0] + 1)])


def slope_per_hour(samples: Sequence[tuple[float, float]]) -> float:
    """MB an hour over the last three fifths, by least squares."""
    times, values = zip(*samples[len(samples) * 2 // 5 :], strict=True)
    return 3600 * linear_regression(times, values).slope


def figures(soak: Soak) -> list[Figure]:
    failed = sum(count for (_, answer), count in soak.answers.items() if answer not in FINE)
    quarters = [soak.memory[min(len(soak.memory) - 1, len(soak.memory) * quarter // 4)][1] for quarter in range(5)]
    marks = ", ".join(f"{value:.0f}" for value in quarters)
    growth = fifth(soak.memory, 4) / fifth(soak.memory, 1)
    return [
        Figure("requests that failed", failed, "429 is none", bar=0, at_least=False),
        Figure("memory: last fifth / second fifth", growth, f"MB at each quarter: {marks}", GROWTH, at_least=False),
        Figure("memory's slope over the last three fifths [MB/h]", slope_per_hour(soak.memory)),
        Figure("memory, most [MB]", max(value for _, value in soak.memory), f"{len(soak.memory)} samples"),
    ]


def requests_table(soak: Soak) -> str:
    lines = ["| requests | answers | p50 [ms] | p99 [ms] |", "|---|---|---|---|"]
    for kind in CLIENTS:
        told = ", ".join(f"{count} × {answer}" for (of, answer), count in sorted(soak.answers.items()) if of == kind)
        taken = soak.taken_ms[kind]
        times = [f"{percentile(taken, percent):.1f}" if taken else "–" for percent in (50, 99)]
        lines.append(f"| {kind} | {told} | {' | '.join(times)} |")
    return "\n".join(lines)


@contextmanager
def service(reference: str = "") -> Iterator[Running]:
    """Our service with its defaults and an empty store: this checkout's, or that of an image. raises NotMeasured"""
    with TemporaryDirectory() as scratch:
        if reference:
            running: Running = Contained(image(IMAGE, reference), Path(scratch))
        else:
            running = Running(peers.ours(), Path(scratch))
        try:
            yield running
        finally:
            running.end()


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--minutes", type=float, default=30)
    parser.add_argument("--image", default="", help="a container of this image in place of the checkout's service")
    parser.add_argument("--quick", action="store_true", help="one minute: does it run, not how well")
    given = parser.parse_args()
    processes.end_on_sigterm()
    minutes = 1.0 if given.quick else given.minutes
    print(f"load average at the start: {load()}\n", flush=True)
    try:
        with service(given.image) as running:
            soak = Soak(running.port, running.memory_mb)
            soak.run(60 * minutes)
    except NotMeasured as reason:
        print(f"soak: not measured: {reason}", file=sys.stderr)
        return 1
    found = figures(soak)
    print(requests_table(soak))
    print(f"\n{table(f'{minutes:g} minutes of mixed load', found)}\n\nload average at the end: {load()}")
    judged = found[:1] if given.quick else found
    return int(any(figure.met is False for figure in judged))


if __name__ == "__main__":
    sys.exit(main())
