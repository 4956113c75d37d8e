"""Ten times more than the service can do, for a minute: what is answered, what is refused, and how it is after.

    python -m benchmarks.overload [--workload sentences] [--in-request 16] [--times 10] [--image IMAGE] [--quick]

First the capacity: as many texts a second as clients get that wait for their answers. Then requests that come when they
are due, whatever becomes of those before, over 3000 connections: a tenth of the capacity, ten times the capacity, and a
tenth again. What is offered is texts: of large requests, or of long texts, fewer are refused, each for the price of a
small one. A refusal says when to come back (`Retry-After`); one in a hundred of those refused does, at that moment.

The client has the service's processors, and so has whatever refuses. How much of the throughput that takes in any case
is measured too: the capacity, while a server that does nothing but refuse is sent what would be refused. That, and the
capacity, are measured before and after, since a shared machine is not the same all the time.
"""

import math
import socket
import subprocess
import sys
import threading
import time
import urllib.request
from bisect import bisect_left, bisect_right
from collections import Counter
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import replace
from functools import partial
from itertools import count
from pathlib import Path
from statistics import mean, median
from tempfile import TemporaryDirectory
from typing import NamedTuple

from app.settings import Settings
from benchmarks import arrivals
from benchmarks.arrivals import NOT_SENT, Job, Outcome
from benchmarks.peers import environments, peers, processes
from benchmarks.peers.figures import percentile
from benchmarks.peers.servers import MODEL, READY_WITHIN_S, Running
from benchmarks.peers.texts import LENGTHS, Texts
from benchmarks.soak import service
from benchmarks.store.report import Figure, NotMeasured, load, parser, table, tell

WORKLOAD, IN_REQUEST, TEXTS = "sentences", 16, 4000
LONGEST_TOKENS = 240  # of the 256 that the model reads: each text gets a number in front, so that no two are alike
# What `python -m benchmarks` measures: the fewer and the shorter the texts of a request, the more refusals (0015).
LOADS = (("sentences", 16), ("sentences", 64), ("mixed", 16))
CAPACITY_CLIENTS, CONNECTIONS = 32, 3000
# At the most, for the requests of a load before it is sent.
LOAD_IS_MADE_S = 10.0
TIMES, CALM = 10.0, 0.1
# One in so many of those refused: few, so that what comes back is no second overload.
COME_BACK = 100
# A median of a second that is this much above the one before the overload is back.
BACK = 1.5
# Throughput holds where it does not give way while the overload lasts: its least sixth, by the mean of all.
SIXTHS, FLAT = 6, 0.8
# `Retry-After` is honest where nine of ten are told the time that the queue takes within a factor of two.
HONEST = 2.0
# The share of the capacity with which the queue is emptied afterwards, beside what still comes.
EMPTIED = 0.9
FAILURES, UNSENT = "failures other than 429", "not sent, all connections waiting"


class Times(NamedTuple):
    """Seconds of each part, and how many times the capacity is offered."""

    capacity: float
    before: float
    overload: float
    after: float
    offered: float = TIMES


FULL, QUICK = Times(20, 10, 60, 30), Times(3, 2, 5, 10)


class Watch:
    """The service's memory in MB, and how long `GET /health` took, once a second while the block runs."""

    def __init__(self, running: Running) -> None:
        self._running = running
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._sample)
        self.samples_mb: list[float] = []
        self.health: list[tuple[float, float]] = []  # when it was asked, in seconds since `begin`, and how long it took
        self.began_s = math.inf

    def begin(self) -> None:
        self.began_s = time.perf_counter()

    def __enter__(self) -> "Watch":
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._ended.set()
        self._thread.join()

    def _sample(self) -> None:
        while not self._ended.is_set():
            self.samples_mb.append(self._running.memory_mb())
            asked_s = time.perf_counter()
            with urllib.request.urlopen(f"http://127.0.0.1:{self._running.port}/health", timeout=READY_WITHIN_S):
                self.health.append((asked_s - self.began_s, time.perf_counter() - asked_s))
            self._ended.wait(1)


class Run(NamedTuple):
    """What one run has found.

    capacities  texts a second, measured before and after
    beside      the same while another server refuses, before and after
    outcomes    in the order of their sending
    health      when it was asked for, and how long it took
    client_s    what the client had used of a processor after each second
    *_mb        memory of the service
    """

    in_request: int
    capacities: tuple[float, float]
    beside: tuple[float, float]
    times: Times
    outcomes: Sequence[Outcome]
    health: Sequence[tuple[float, float]]
    client_s: Sequence[float]
    before_mb: float
    peak_mb: float
    after_mb: float

    @property
    def capacity(self) -> float:
        return mean(self.capacities)

    @property
    def overload(self) -> tuple[float, float]:
        """When it began and ended, in seconds since the first request was due."""
        return self.times.before, self.times.before + self.times.overload


def measure(workload: str, in_request: int, times: Times, reference: str = "") -> Run:
    """Of this checkout's service, or of that of the image `reference`. raises  NotMeasured"""
    supply = Texts.of_docstrings(peers.OUR_MODEL / "tokenizer.json", LONGEST_TOKENS, seed=23)
    with service(reference) as running, refusing() as refuses:
        capacity = _capacity(running, supply, workload, in_request, times.capacity)
        print(f"overload: capacity {capacity:.0f} texts/s", file=sys.stderr, flush=True)
        rate = capacity / in_request
        refused = Job(refuses, running.speech.path, MODEL, supply.take(workload, TEXTS), in_request, [], CONNECTIONS, 0)
        beside = partial(_beside, running, supply, workload, refused, (times.offered - 1) * rate, times.capacity)
        left = beside()
        print(f"overload: {left:.0f} beside a server that refuses", file=sys.stderr, flush=True)
        phases = [(CALM * rate, times.before), (times.offered * rate, times.overload), (CALM * rate, times.after)]
        texts = supply.take(workload, TEXTS)
        job = Job(running.port, running.speech.path, MODEL, texts, in_request, phases, CONNECTIONS, COME_BACK)
        before_mb = running.memory_mb()
        with Watch(running) as watch:
            arrived = arrivals.run(job, watch.begin)
        after_mb = running.memory_mb()
        left_again = beside()
        again = _capacity(running, supply, workload, in_request, times.capacity)
        return Run(
            in_request,
            (capacity, again),
            (left, left_again),
            times,
            sorted(arrived.outcomes),
            watch.health,
            arrived.cpu_s,
            before_mb,
            max(watch.samples_mb),
            after_mb,
        )


def _capacity(running: Running, supply: Texts, workload: str, in_request: int, seconds: float) -> float:
    """Texts a second that clients get that wait for their answers, after a warm-up of a fifth of the time."""
    least, texts_per_s = CAPACITY_CLIENTS * 2, 4000  # more than any two processors have been seen to do
    numbers = count(arrivals.FIRST_NUMBER)

    def requests(seconds: float) -> list[list[str]]:
        requests_at_most = max(least, round(texts_per_s * seconds / in_request))
        return [
            [f"{next(numbers)} {text}" for text in supply.take(workload, in_request)] for _ in range(requests_at_most)
        ]

    running.load(requests(seconds / 5), CAPACITY_CLIENTS, least, seconds / 5)
    done = running.load(requests(seconds), CAPACITY_CLIENTS, least, seconds)
    return done.requests * in_request / done.elapsed_s


@contextmanager
def refusing() -> Iterator[int]:
    """The port of a server that does nothing but refuse. raises NotMeasured, where it does not start"""
    port = processes.free_port()
    with TemporaryDirectory() as scratch:
        log = Path(scratch) / "refusing.log"
        command: list[str | Path] = [environments.service_environment(), peers.PROGRAMS / "refusing.py", str(port)]
        process = processes.start(command, {}, log, Path(scratch))
        try:
            _wait_for(port, process, log)
            yield port
        finally:
            processes.end(process)


def _wait_for(port: int, process: "subprocess.Popen[bytes]", log: Path) -> None:
    deadline = time.monotonic() + READY_WITHIN_S
    while time.monotonic() < deadline and process.poll() is None:
        try:
            socket.create_connection(("127.0.0.1", port), timeout=1).close()
        except OSError:
            time.sleep(0.01)
        else:
            return
    raise NotMeasured(f"the server that refuses did not start: {log.read_text(errors='replace')[-300:]}")


def _beside(running: Running, supply: Texts, workload: str, refused: Job, rate_per_s: float, seconds: float) -> float:
    """`_capacity`, while `refused` comes so many times a second.

    raises  NotMeasured, where it ended too early, or was not refused
    """
    job = replace(refused, phases=[(rate_per_s, 1.5 * seconds + LOAD_IS_MADE_S)])
    begun = threading.Event()
    with ThreadPoolExecutor(1) as pool:
        arriving = pool.submit(arrivals.run, job, begun.set)
        while not begun.wait(1) and not arriving.done():
            pass
        left = _capacity(running, supply, workload, refused.in_request, seconds)
        early = arriving.done()
        answers = Counter(each.status for each in arriving.result().outcomes)
    if early or set(answers) != {429}:
        raise NotMeasured(f"what was to be refused: ended too early: {early}; answers: {dict(answers)}")
    return left


def longest_wait_s(texts_per_s: float) -> float:
    """How long a text may wait by the service's limits, where so many are encoded."""
    limits = Settings.model_fields
    return min(float(limits["max_queue_s"].default), float(limits["max_queue_texts"].default) / texts_per_s)


def overtaken(outcomes: Sequence[Outcome], in_request: int, within: tuple[float, float]) -> list[int]:
    """Texts answered from each accepted request's coming to its answer, its own among them: in seconds, how long one
    waits follows the host's other work."""
    accepted = [each for each in outcomes if each.status == 200]
    ends = sorted(each.sent_s + each.taken_s for each in accepted)
    return [
        in_request * (bisect_right(ends, each.sent_s + each.taken_s) - bisect_right(ends, each.sent_s))
        for each in accepted
        if each.attempt == 1 and within[0] <= each.sent_s < within[1]
    ]


def sixths(ends_s: Sequence[float], within: tuple[float, float]) -> list[float]:
    """How many ended in each of SIXTHS parts of the time `within`, by their mean."""
    begin_s, end_s = within
    part_s = (end_s - begin_s) / SIXTHS
    parts = Counter(math.floor((end - begin_s) / part_s) for end in ends_s if begin_s <= end < end_s)
    return [parts[number] * SIXTHS / max(1, parts.total()) for number in range(SIXTHS)]


def can_be_refused(in_request: int) -> bool:
    """Whether all connections hold more texts than may wait: with a text a request they do not."""
    return CONNECTIONS * in_request > int(Settings.model_fields["max_queue_texts"].default)


def back_after_s(outcomes: Sequence[Outcome], end_s: float, before_s: float) -> float:
    """Seconds after `end_s` until a second's median latency is at most BACK × `before_s`; infinite where never."""
    after = [each for each in outcomes if each.sent_s >= end_s and each.status == 200 and each.attempt == 1]
    for second in range(math.ceil(max((each.sent_s for each in after), default=end_s) - end_s)):
        taken = [each.taken_s for each in after if second <= each.sent_s - end_s < second + 1]
        if taken and median(taken) <= BACK * before_s:
            return float(second)
    return math.inf


def told_by_taken(outcomes: Sequence[Outcome], within: tuple[float, float]) -> list[float]:
    """For each refusal, `Retry-After` by the time that the queue took: that of who was let in at the time."""
    accepted = [each for each in outcomes if each.status == 200]
    sent = [each.sent_s for each in accepted]
    ratios = []
    for each in outcomes:
        if each.status == 429 and within[0] <= each.sent_s < within[1]:
            near = accepted[bisect_left(sent, each.sent_s - 0.5) : bisect_right(sent, each.sent_s + 0.5)]
            if near:
                ratios.append(each.retry_after_s / median(one.taken_s for one in near))
    return ratios


def figures(run: Run) -> list[Figure]:
    begin_s, end_s = run.overload
    before, after = run.capacities
    first = [each for each in run.outcomes if each.attempt == 1]
    calm = [each.taken_s for each in first if each.sent_s < begin_s and each.status == 200]
    during = [each for each in first if begin_s <= each.sent_s < end_s]
    answered = [each for each in run.outcomes if each.status == 200]
    ends = [each.sent_s + each.taken_s for each in answered]
    parts = sixths(ends, run.overload)
    in_time = sum(begin_s <= end < end_s for end in ends)
    held = in_time * run.in_request / run.times.overload / run.capacity
    accepted = [each.taken_s for each in during if each.status == 200]
    refused = [each for each in during if each.status == 429]
    left = mean(run.beside) / run.capacity
    wait_s = longest_wait_s(held * run.capacity)
    may_wait = wait_s * held * run.capacity + run.in_request
    texts = percentile(overtaken(run.outcomes, run.in_request, run.overload), 99)
    came_back = [each for each in run.outcomes if each.attempt == 2]
    later = [each.status == 200 for each in came_back if each.sent_s >= end_s + 1]
    meanwhile = [each.status == 200 for each in came_back if each.sent_s < end_s]
    failed = Counter(each.status for each in run.outcomes if each.status not in (200, 429, NOT_SENT))
    unsent = sum(each.status == NOT_SENT for each in during)
    told = told_by_taken(run.outcomes, run.overload)
    client = (run.client_s[round(end_s)] - run.client_s[round(begin_s)]) / run.times.overload
    back_s = back_after_s(run.outcomes, end_s, median(calm))
    health_ms = [1000 * took_s for at_s, took_s in run.health if begin_s <= at_s < end_s]
    refusal_ms = [1000 * each.taken_s for each in refused]
    return [
        Figure(
            "capacity [texts/s]",
            run.capacity,
            f"{before:.0f} before, {after:.0f} after; {CAPACITY_CLIENTS} clients with {run.in_request} texts a request",
        ),
        Figure("offered / capacity", len(during) * run.in_request / run.times.overload / run.capacity),
        Figure("answered during overload / capacity", held, f"{in_time} requests"),
        Figure("its least sixth / its mean", min(parts), ", ".join(f"{each:.2f}" for each in parts), FLAT),
        Figure(
            "capacity beside a server that does nothing but refuse / capacity",
            left,
            f"{run.beside[0]:.0f} before, {run.beside[1]:.0f} after: what its refusals and the client leave",
        ),
        Figure("answered during overload / that", held / left),
        Figure("the client, of one core", client, "which the service did not have"),
        Figure(FAILURES, failed.total(), str(dict(failed) or "none"), 0, at_least=False),
        Figure("refused", len(refused) / len(during), f"{len(refused)} of {len(during)}"),
        Figure(
            UNSENT,
            unsent / len(during),
            f"{unsent} of {len(during)}",
            0 if can_be_refused(run.in_request) else None,
            at_least=False,
        ),
        Figure("a refusal, p50 [ms]", *_middle(refusal_ms)),
        Figure(
            "accepted, p99 [s]",
            percentile(accepted, 99),
            f"p50 {median(accepted):.2f}, most {max(accepted):.2f}; the limits allow {wait_s:.2f} s of waiting",
            float(Settings.model_fields["max_queue_s"].default),
            at_least=False,
        ),
        Figure(
            "texts answered from a request's coming to its answer, p99 / texts that may wait",
            texts / may_wait,
            f"{texts:.0f} of {may_wait:.0f}",
        ),
        Figure("Retry-After / time the queue took", median(told) if told else math.nan),
        Figure("the same, p5", _percentile(told, 5), "", 1 / HONEST if told else None),
        Figure("the same, p95", _percentile(told, 95), "", HONEST if told else None, at_least=False),
        Figure("came back as told, during: accepted", _share(meanwhile), f"of {len(meanwhile)}"),
        Figure("came back as told, after: accepted", _share(later), f"of {len(later)}", 0.95 if later else None),
        Figure("`/health` during, p50 [ms]", *_middle(health_ms)),
        Figure("latency before, p50 [ms]", 1000 * median(calm), f"p99 {1000 * percentile(calm, 99):.0f}"),
        Figure(
            f"latency is back at {BACK} × after [s]",
            back_s,
            "the queue must empty first, beside a tenth of the capacity and who comes back",
            math.ceil(wait_s / EMPTIED / (1 - CALM - (run.times.offered - 1) / COME_BACK)) + 1,
            at_least=False,
        ),
        Figure("memory before [MB]", run.before_mb),
        Figure("memory, most [MB]", run.peak_mb, f"{CONNECTIONS} connections"),
        Figure("memory after [MB]", run.after_mb),
    ]


def _middle(values_ms: Sequence[float]) -> tuple[float, str]:
    return (median(values_ms), f"p99 {percentile(values_ms, 99):.0f}") if values_ms else (math.nan, "none")


def _percentile(values: Sequence[float], wanted: float) -> float:
    return percentile(values, wanted) if values else math.nan


def _share(accepted: Sequence[bool]) -> float:
    return sum(accepted) / len(accepted) if accepted else math.nan


def run(*, quick: bool) -> tuple[str, int]:
    """A table for each of LOADS, in Markdown, and how many bars were missed; with `quick`, only failures count."""
    shown, missed = [f"load average before: {load()}"], 0
    for workload, in_request in LOADS:
        try:
            found = figures(measure(workload, in_request, QUICK if quick else FULL))
        except NotMeasured as reason:
            return f"**NOT MEASURED.** {reason}", 1
        missed += sum(each.met is False and (not quick or each.name in (FAILURES, UNSENT)) for each in found)
        shown += [table(_title(workload, in_request, TIMES), found), f"load average after: {load()}"]
    return "\n\n".join(shown), missed


def _title(workload: str, in_request: int, times: float) -> str:
    return f"{times:g} times the capacity, {workload}, {in_request} in a request"


def main() -> None:
    options = parser(__doc__)
    options.add_argument("--workload", choices=LENGTHS, default=WORKLOAD)
    options.add_argument("--in-request", type=int, default=IN_REQUEST)
    options.add_argument("--times", type=float, default=TIMES, help="of the capacity, offered during the overload")
    options.add_argument("--image", default="", help="a container of this image in place of the checkout's service")
    given = options.parse_args()
    times = (QUICK if given.quick else FULL)._replace(offered=given.times)
    measured = partial(measure, given.workload, given.in_request, times, given.image)
    tell(_title(given.workload, given.in_request, given.times), lambda: figures(measured()), as_json=given.json)


if __name__ == "__main__":
    main()
