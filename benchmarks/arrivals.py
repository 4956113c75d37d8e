"""A load that does not wait for answers: requests are sent when they are due, however many are under way.

    python -m benchmarks.arrivals < JOB

JOB is JSON (`Job`); the answer is a line that the first request is sent, and JSON on standard output (`Arrived`, its
outcomes as lists). All requests are made and all connections open before the clock starts; most are idle most of the
time, as those of real clients are. One thread, in a process of its own, and as little as can be done for each request:
it has the same processors as the service.
"""

import gc
import heapq
import json
import selectors
import socket
import subprocess
import sys
import time
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass
from itertools import accumulate, count
from pathlib import Path
from typing import NamedTuple

from benchmarks.peers.client import content_length, request_bytes

# Before each text goes a number, so that no two are alike; all are of as many digits, and so of about as many tokens.
FIRST_NUMBER = 100_000
# What an outcome says in place of a status.
NOT_SENT, NO_ANSWER = 0, -1
CHECKOUT = Path(__file__).resolve().parents[1]
RECEIVE_BYTES = 1 << 18
TIMEOUT_S = 120


@dataclass(frozen=True)
class Job:
    """What to send.

    texts        to choose from, in turns; each gets a number before it, so that no two of all requests are alike
    phases       (requests a second, seconds) one after another; of a phase without a rate nothing is due
    connections  what is due while all of them are busy is told as NOT_SENT
    come_back    one in so many of those refused comes back, once, when Retry-After says; 0 for none
    """

    port: int
    path: str
    model: str
    texts: Sequence[str]
    in_request: int
    phases: Sequence[tuple[float, float]]
    connections: int
    come_back: int


class Outcome(NamedTuple):
    """One request: when it was sent, in seconds since the first was due, how long it took, and its answer.

    status         or NOT_SENT: all connections were busy; or NO_ANSWER: the connection ended or nothing came
    retry_after_s  0 where the answer says nothing of it
    attempt        1, and 2 for one that came back
    """

    sent_s: float
    taken_s: float
    status: int
    retry_after_s: float
    attempt: int


class Arrived(NamedTuple):
    """What came of a job. cpu_s: what this client had used of a processor after each second, from the first due on"""

    outcomes: list[Outcome]
    cpu_s: list[float]


def run(job: Job, begun: Callable[[], None] = lambda: None) -> Arrived:
    """Send `job` from a process of its own, and call `begun` as the first request is sent.

    raises  CalledProcessError, where it fails
    """
    command = [sys.executable, "-m", "benchmarks.arrivals"]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, cwd=CHECKOUT) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        with process.stdin as job_in:
            job_in.write(json.dumps(asdict(job)))
        if process.stdout.readline():
            begun()
        said = process.stdout.read()
    if process.returncode:
        raise subprocess.CalledProcessError(process.returncode, command)
    outcomes, cpu_s = json.loads(said)
    return Arrived([Outcome(*each) for each in outcomes], cpu_s)


def due(phases: Sequence[tuple[float, float]]) -> Iterator[float]:
    """When each request is due, in seconds since the first phase began: evenly within a phase."""
    starts = accumulate((seconds for _, seconds in phases), initial=0.0)
    for start_s, (rate_per_s, seconds) in zip(starts, phases, strict=False):
        for number in range(round(rate_per_s * seconds)):
            yield start_s + number / rate_per_s


class Connection:
    """One keep-alive connection; opened again where the server has ended it."""

    def __init__(self, port: int) -> None:
        self._port = port
        self.sent_s, self.attempt, self.busy = 0.0, 1, False
        self.open()

    def open(self) -> None:
        self.socket = socket.create_connection(("127.0.0.1", self._port), timeout=TIMEOUT_S)
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)

    def send(self, request: bytes, now_s: float, attempt: int) -> None:
        self.sent_s, self.attempt, self.busy = now_s, attempt, True
        self._seen, self._missing = b"", -1
        self.socket.sendall(request)

    def receive(self, buffer: bytearray) -> tuple[int, float] | None:
        """Read what has come: (status, Retry-After) once the response is whole. raises ConnectionError"""
        read = self.socket.recv_into(buffer)
        if not read:
            raise ConnectionError("the server hung up")
        if self._missing >= 0:
            self._missing -= read
        else:
            self._seen += buffer[:read]
            head, end, body = self._seen.partition(b"\r\n\r\n")
            if not end:
                return None
            self._answer = int(head[9:12]), float(_field(head, b"retry-after") or 0)
            self._missing = content_length(head) - len(body)
        return None if self._missing else self._answer


def _field(head: bytes, name: bytes) -> bytes:
    """The value of the field `name`, which is given in lower case, as the service sends it; empty where it is not."""
    _, _, after = head.partition(b"\r\n" + name + b": ")
    return after.partition(b"\r\n")[0]


class Arrivals:
    """One run of a job."""

    def __init__(self, job: Job) -> None:
        self._job = job
        self._numbers = count(FIRST_NUMBER)
        self._due = list(due(job.phases))
        self._requests = [self._request() for _ in self._due]
        # All connections are used in turns: the one that was answered last goes to the other end.
        self._idle = deque(Connection(job.port) for _ in range(job.connections))
        self._selector = selectors.DefaultSelector()
        for connection in self._idle:
            self._selector.register(connection.socket, selectors.EVENT_READ, connection)
        self._returns: list[float] = []
        self._refused = 0
        self._busy = 0
        self._outcomes: list[Outcome] = []

    def run(self) -> Arrived:
        buffer = bytearray(RECEIVE_BYTES)
        waiting = zip(self._due, self._requests, strict=True)
        following = next(waiting, None)
        started_s, cpu_s = time.perf_counter(), [time.process_time()]
        last_s = 0.0
        while following is not None or self._returns or self._busy:
            now_s = time.perf_counter() - started_s
            while now_s >= len(cpu_s):
                cpu_s.append(time.process_time())
            while following is not None and following[0] <= now_s:
                self._send(following[1], now_s, 1)
                following = next(waiting, None)
            while self._returns and self._returns[0] <= now_s:
                heapq.heappop(self._returns)
                self._send(self._request(), now_s, 2)
            soonest = min(now_s + 1 if following is None else following[0], *self._returns[:1], now_s + 1)
            for key, _ in self._selector.select(max(0.0, soonest - now_s)):
                last_s = time.perf_counter() - started_s
                self._receive(key.data, buffer, last_s)
            if self._busy and now_s - last_s > TIMEOUT_S:
                self._outcomes += [Outcome(now_s, 0.0, NO_ANSWER, 0.0, 1)] * self._busy
                break
        return Arrived(self._outcomes, [each - cpu_s[0] for each in cpu_s])

    def _request(self) -> bytes:
        texts = self._job.texts
        numbers = [next(self._numbers) for _ in range(self._job.in_request)]
        body = {"model": self._job.model, "input": [f"{number} {texts[number % len(texts)]}" for number in numbers]}
        return request_bytes(self._job.path, json.dumps(body))

    def _send(self, request: bytes, now_s: float, attempt: int) -> None:
        if not self._idle:
            self._outcomes.append(Outcome(now_s, 0.0, NOT_SENT, 0.0, attempt))
            return
        connection = self._idle.popleft()
        connection.send(request, now_s, attempt)
        self._busy += 1

    def _receive(self, connection: Connection, buffer: bytearray, now_s: float) -> None:
        try:
            answer = connection.receive(buffer)
        except OSError:
            self._open_again(connection)
            answer = (NO_ANSWER, 0.0) if connection.busy else None
        if answer is None:
            return
        status, retry_after_s = answer
        self._busy -= 1
        connection.busy = False
        self._idle.append(connection)
        taken_s = now_s - connection.sent_s
        self._outcomes.append(Outcome(connection.sent_s, taken_s, status, retry_after_s, connection.attempt))
        if status == 429 and connection.attempt == 1 and self._job.come_back:
            self._refused += 1
            if self._refused % self._job.come_back == 0:
                heapq.heappush(self._returns, now_s + retry_after_s)

    def _open_again(self, connection: Connection) -> None:
        self._selector.unregister(connection.socket)
        connection.socket.close()
        connection.open()
        self._selector.register(connection.socket, selectors.EVENT_READ, connection)


if __name__ == "__main__":
    arrivals = Arrivals(Job(**json.load(sys.stdin)))
    gc.freeze()
    gc.disable()
    print("sending", flush=True)
    print(json.dumps(arrivals.run()))
