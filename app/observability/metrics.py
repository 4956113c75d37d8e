"""Numbers that Prometheus reads: counters, gauges and histograms, and the text that they are written in.

Written by hand since it is this little (docs/decisions/0013-engine.md). Whoever counts holds a lock of its own, whoever
reads does not: a histogram may be read between its sum and its count.
source  https://prometheus.io/docs/instrumenting/exposition_formats/ (text, version 0.0.4)
"""

from bisect import bisect_left
from collections.abc import Callable, Iterator, Sequence
from itertools import accumulate
from typing import Literal, Protocol

MEDIA_TYPE = "text/plain; version=0.0.4; charset=utf-8"

SECONDS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0)
TEXTS = (1, 2, 4, 8, 16, 32, 64, 128, 256)


class Metric(Protocol):
    def lines(self) -> Iterator[str]:
        """Its lines of the text format, without their ends."""


class Value:
    """A number that somebody else counts, asked for when it is read."""

    def __init__(self, name: str, kind: Literal["counter", "gauge"], help: str, read: Callable[[], float]) -> None:
        self._name, self._kind, self._help, self._read = name, kind, help, read

    def lines(self) -> Iterator[str]:
        yield from _head(self._name, self._kind, self._help)
        yield f"{self._name} {self._read()}"


class Histogram:
    """How many values were at most each of `bounds`, which ascend; and their sum."""

    def __init__(self, name: str, help: str, bounds: Sequence[float]) -> None:
        self._name, self._help, self._bounds = name, help, bounds
        self._counts = [0] * (len(bounds) + 1)
        self._sum = 0.0

    def observe(self, value: float) -> None:
        self._counts[bisect_left(self._bounds, value)] += 1
        self._sum += value

    def lines(self) -> Iterator[str]:
        yield from _head(self._name, "histogram", self._help)
        count = 0
        for bound, count in zip((*self._bounds, "+Inf"), accumulate(self._counts), strict=True):
            yield f'{self._name}_bucket{{le="{bound}"}} {count}'
        yield f"{self._name}_sum {self._sum}"
        yield f"{self._name}_count {count}"


class EncodingMetrics:
    """What the batcher does with texts: its observer. Called under the batcher's lock."""

    def __init__(self) -> None:
        self.texts = self.tokens = self.padding = self.texts_joined = self.requests_refused = 0
        self._batch_texts = Histogram("vectorspace_batch_texts", "Texts in a batch.", TEXTS)
        self._batch_s = Histogram("vectorspace_batch_seconds", "Time that the model took for a batch.", SECONDS)
        self._waited_s = Histogram("vectorspace_queue_wait_seconds", "Time that a text waited for its batch.", SECONDS)

    def encoded(self, lengths: Sequence[int], waited_s: Sequence[float], took_s: float) -> None:
        tokens = sum(lengths)
        self.texts += len(lengths)
        self.tokens += tokens
        self.padding += len(lengths) * max(lengths) - tokens
        self._batch_texts.observe(len(lengths))
        self._batch_s.observe(took_s)
        for waited in waited_s:
            self._waited_s.observe(waited)

    def joined(self, texts: int) -> None:
        self.texts_joined += texts

    def refused(self, texts: int) -> None:
        self.requests_refused += 1

    def metrics(self) -> list[Metric]:
        def counter(name: str, help: str, read: Callable[[], float]) -> Value:
            return Value(f"vectorspace_{name}_total", "counter", help, read)

        return [
            counter("encoded_texts", "Texts that the model encoded.", lambda: self.texts),
            counter("encoded_tokens", "Tokens that the model encoded, padding aside.", lambda: self.tokens),
            counter("padding_tokens", "Padding that the model encoded along with them.", lambda: self.padding),
            counter("joined_texts", "Texts that shared the encoding of an equal one.", lambda: self.texts_joined),
            counter("refused_requests", "Requests refused for a full queue.", lambda: self.requests_refused),
            self._batch_texts,
            self._batch_s,
            self._waited_s,
        ]


def text_of(metrics: Sequence[Metric]) -> str:
    return "".join(f"{line}\n" for metric in metrics for line in metric.lines())


def _head(name: str, kind: str, help: str) -> Iterator[str]:
    yield f"# HELP {name} {help}"
    yield f"# TYPE {name} {kind}"
