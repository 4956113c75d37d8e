"""VectorSpace beside its peers: every peer started in each round, then cell after cell through all of them, in turns.

    python -m benchmarks peers [--peer-rounds 3] [--image IMAGE] [--only PEER] [--quick]

All peers of a round are up at once and idle but for the one that is asked, so that two figures of one cell are seconds
apart and a busy spell of the machine falls on all; each cell changes who goes first. Texts are new for each cell and
the same for all peers. Before the clock starts, each peer's vectors are held against ours. What is held against the
limits comes last, the other peers ended, ours and the limits in turns: a busy spell is longer than a load, and larger
than what the bar leaves.
"""

import argparse
import http.client
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from itertools import count
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import pytest

from benchmarks.peers import peers, processes, tables
from benchmarks.peers.client import BadResponse, Load
from benchmarks.peers.containers import Contained, Image, image
from benchmarks.peers.figures import BASE64, IMAGE, LIMITS, OURS, OWN, Cell, Resources, Round, Taken, percentile
from benchmarks.peers.libraries import Library, Loaded
from benchmarks.peers.peers import Peer
from benchmarks.peers.servers import OPENAI_BASE64, Running
from benchmarks.peers.texts import LENGTHS, Texts
from benchmarks.store.report import NotMeasured

MAX_TOKENS = 256
LEAST_S, QUICK_LEAST_S = 0.8, 0.3
# Of each workload that is held against the limit, in each round.
LIMIT_S, QUICK_LIMIT_S = 90.0, 0.0
LEAST_COSINE = 0.98
# What can go wrong with a peer.
FAILURES = (
    NotMeasured,
    BadResponse,
    OSError,
    ValueError,
    http.client.HTTPException,
    subprocess.SubprocessError,
    pytest.fail.Exception,
)
CHECKED_TEXTS = 8  # of each workload

# Sizes are such that the slowest takes a few seconds: 64 × 32 texts of 256 tokens would take a peer a minute.
CELLS = (
    Cell("words", 32, 1, 512, 1536),
    Cell("words", 32, 8, 512, 3072),
    Cell("words", 32, 64, 2048, 4096),
    Cell("sentences", 32, 1, 512, 4096),
    Cell("sentences", 32, 8, 512, 4096),
    Cell("sentences", 32, 64, 2048, 8192),
    Cell("128 tokens", 32, 1, 128, 1024),
    Cell("128 tokens", 32, 8, 256, 1024),
    Cell("256 tokens", 32, 1, 96, 512),
    Cell("256 tokens", 32, 8, 256, 512),
    Cell("mixed", 32, 1, 128, 2048),
    Cell("mixed", 32, 8, 256, 2048),
    Cell("words", 1, 1, 100, 1000),
    Cell("sentences", 1, 1, 100, 2000),
    Cell("sentences", 1, 8, 256, 4096),
    Cell("sentences", 1, 64, 256, 4096),
    Cell("128 tokens", 1, 1, 40, 500),
    Cell("256 tokens", 1, 1, 25, 250),
    Cell("mixed", 1, 1, 60, 1000),
    Cell("mixed", 1, 8, 128, 2048),
    Cell("mixed", 1, 64, 128, 2048),
)
# The limit: a full service against ONNX Runtime with all texts at hand. Peers would take minutes.
LIMIT_CELLS = (Cell("128 tokens", 32, 64, 2048, 2048), Cell("mixed", 32, 64, 2048, 4096))
QUICK = {("sentences", 32, 8), ("128 tokens", 32, 8), ("mixed", 32, 8), ("sentences", 1, 1), ("mixed", 32, 64)}


def add_options(options: "argparse._ActionsContainer") -> None:
    options.add_argument("--peer-rounds", type=int, default=3, help="rounds of the peers' part (default: %(default)s)")
    options.add_argument("--only", action="append", metavar="PEER", help="these peers alone, beside our own service")


def run(*, quick: bool, rounds: int, reference: str, only: Sequence[str] | None = None) -> tuple[list[str], int]:
    """Tables, in Markdown, and how many bars were missed or peers not measured. Says on stderr how far it is.

    reference  of the image
    only       these peers alone, beside our service
    """
    processes.end_on_sigterm()
    reasons: dict[str, str] = {}
    found: dict[str, Peer | Image] = {}
    makers = dict[str, Callable[[], Peer | Image]](peers.PEERS) | {IMAGE: lambda: image(IMAGE, reference)}
    for name, make in makers.items():
        if only and name not in (OURS, *only):
            continue
        try:
            found[name] = make()
        except NotMeasured as reason:
            reasons[name] = str(reason)
    done: list[Round] = []
    if OURS in found:
        with TemporaryDirectory() as scratch:
            for number in range(1 if quick else rounds):
                print(f"peers: round {number + 1} of {1 if quick else rounds}", file=sys.stderr, flush=True)
                done.append(OneRound(found, reasons, Path(scratch), number, quick=quick).run())
    return tables.report(found, reasons, done, quick=quick)


class OneRound:
    """One round: start all, ask all, end all. A peer that does not start, or dies, is left out of the rest of it."""

    def __init__(
        self, found: dict[str, Peer | Image], reasons: dict[str, str], scratch: Path, number: int, *, quick: bool
    ) -> None:
        self._peers, self._reasons, self._scratch, self._number, self._quick = found, reasons, scratch, number, quick
        self._texts = Texts.of_docstrings(peers.OUR_MODEL / "tokenizer.json", MAX_TOKENS, seed=number)
        self._running: dict[str, Running | Loaded] = {}
        self._round = Round()

    def run(self) -> Round:
        with ExitStack() as stack:
            for name in turned(list(self._peers), self._number):
                with self._excused(name):
                    self._running[name] = started(self._peers[name], self._scratch)
                    stack.callback(self._running[name].end)
            if isinstance(server := self._running.get(OURS), Running):
                self._running[BASE64] = server.speaking(OPENAI_BASE64)
            self._check()
            cells = self._cells()
            for turn, cell in enumerate(cells):
                print(f"peers: load {turn + 1} of {len(cells)}: {cell}", file=sys.stderr, flush=True)
                requests = self._requests(cell)
                for name in turned(list(self._running), turn):
                    if measured(name, cell):
                        with self._excused(name, f"{name}: {cell}"):
                            # The same server: texts that it has seen would come from its cache.
                            self._measure(name, cell, self._requests(cell) if name == BASE64 else requests)
            self._running.pop(BASE64, None)
            # While nobody asks them, some look into their queues: beside that, ours had 0.83 of the limit and not 0.88.
            for name in [each for each in self._running if each not in (OURS, *LIMITS)]:
                self._end(name)
            for cell in cells:
                if cell.workload in tables.OVER_TORCH and (cell.in_request, cell.clients) == tables.LIMIT:
                    self._beside_limits(replace(cell, most=cell.least) if self._quick else cell)
            for name in list(self._running):
                self._end(name)
        return self._round

    def _requests(self, cell: Cell) -> list[list[str]]:
        """New texts, as they are sent."""
        texts = self._texts.take(cell.workload, cell.most)
        return [texts[at : at + cell.in_request] for at in range(0, len(texts), cell.in_request)]

    def _cells(self) -> list[Cell]:
        every = [*CELLS, *LIMIT_CELLS]
        return [each for each in every if each.key in QUICK] if self._quick else every

    def _check(self) -> None:
        """Hold every peer's vectors against ours; the texts, of all lengths, warm the peers as well."""
        texts = [text for workload in LENGTHS for text in self._texts.take(workload, CHECKED_TEXTS)]
        if OURS not in self._running:
            return
        wanted = self._running[OURS].ask(texts)
        for name in list(self._running):
            with self._excused(name):
                self._running[name].ask(texts)
                vectors = self._running[name].ask(texts)
                if vectors.shape != wanted.shape:
                    raise NotMeasured(f"gave vectors of {vectors.shape} for {wanted.shape}")
                lengths = np.linalg.norm(vectors, axis=1) * np.linalg.norm(wanted, axis=1)
                cosine = float(((vectors * wanted).sum(axis=1) / lengths).min())
                if not cosine >= LEAST_COSINE:
                    raise NotMeasured(f"other vectors than ours: cosine {cosine:.3f}, at least {LEAST_COSINE} wanted")

    def _measure(self, name: str, cell: Cell, requests: list[list[str]]) -> None:
        each = self._running[name]
        least_s = QUICK_LEAST_S if self._quick else LEAST_S
        least = -(-cell.least // cell.in_request)
        self._round.taken[name, cell] = taken(cell, each.load(requests, cell.clients, least, least_s))

    def _end(self, name: str) -> None:
        """Write down what it took, and end it."""
        each = self._running.pop(name)
        with self._excused(name):
            self._round.resources[name] = Resources(each.start_s, each.peak_mb(), each.memory_mb())
        each.end()

    def _beside_limits(self, cell: Cell) -> None:
        """Ours and the limits in turns, once at the least and until LIMIT_S are over.

        All texts of the cell each time, several requests a client: a load, and not how it begins and ends.
        """
        print(f"peers: beside the limits: {cell}", file=sys.stderr, flush=True)
        until_s = time.monotonic() + (QUICK_LIMIT_S if self._quick else LIMIT_S)
        for turn in count():
            requests, rates = self._requests(cell), dict[str, float]()
            for name in turned([OURS, *LIMITS], turn):
                if name in self._running:
                    with self._excused(name, f"{name}, in turns: {cell}"):
                        load = self._running[name].load(requests, cell.clients, len(requests), 0)
                        rates[name] = taken(cell, load).texts_per_s
            if OURS not in rates or len(rates) < 2:
                return
            for limit in LIMITS:
                if limit in rates:
                    ratios = self._round.of_limit.setdefault((limit, cell.workload), [])
                    ratios.append(rates[OURS] / rates[limit])
            if time.monotonic() >= until_s:
                return

    @contextmanager
    def _excused(self, name: str, what: str = "") -> Iterator[None]:
        """What goes wrong with a peer is noted as its reason, and is no end of the others, nor of the other cells."""
        try:
            yield
        except FAILURES as error:
            self._reasons[what or name] = str(error)
            if not what or not self._running[name].alive:
                self._running.pop(name, None)


def measured(name: str, cell: Cell) -> bool:
    """Whether a peer gets a cell: the limit is for our own, and base64 for one line of the table each."""
    if name == BASE64:
        return (cell.workload, cell.in_request) == ("sentences", 32)
    return name in OWN or cell not in LIMIT_CELLS


def started(peer: Peer | Image, scratch: Path) -> Running | Loaded:
    """raises  NotMeasured, where it does not answer"""
    if isinstance(peer, Image):
        return Contained(peer, scratch, peers.PATIENT)
    return Loaded(peer, scratch) if isinstance(peer, Library) else Running(peer, scratch)


def taken(cell: Cell, load: Load) -> Taken:
    return Taken(
        load.requests * cell.in_request / load.elapsed_s,
        percentile(load.taken_ms, 50),
        percentile(load.taken_ms, 99),
        load.cpu_s / load.elapsed_s,
    )


def turned(names: list[str], turn: int) -> list[str]:
    """The names, another one first each turn."""
    first = turn % max(1, len(names))
    return names[first:] + names[:first]
