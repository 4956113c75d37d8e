"""Numbers that Prometheus reads: counters, gauges and histograms, and the text that they are written in.

Written by hand since it is this little (docs/decisions/0013-engine.md). Whoever counts holds a lock of its own, whoever
reads does not: a histogram may be read between its sum and its count.
source  https://prometheus.io/docs/instrumenting/exposition_formats/ (text, version 0.0.4)
"""

from bisect import bisect_left
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from itertools import accumulate
from typing import Literal, Protocol

MEDIA_TYPE = "text/plain; version=0.0.4; charset=utf-8"

SECONDS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0)


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
        yield from self.samples({})

    def samples(self, labels: Mapping[str, str]) -> Iterator[str]:
        """The same without HELP and TYPE, each line with `labels`."""
        count = 0
        for bound, count in zip((*self._bounds, "+Inf"), accumulate(self._counts), strict=True):
            yield f"{self._name}_bucket{_braced({**labels, 'le': str(bound)})} {count}"
        yield f"{self._name}_sum{_braced(labels)} {self._sum}"
        yield f"{self._name}_count{_braced(labels)} {count}"


class Counters:
    """Counters of one name, one for each combination of values that `names` had. The caller keeps those few."""

    def __init__(self, name: str, help: str, names: Sequence[str]) -> None:
        self._name, self._help, self._names = name, help, names
        self._counts: defaultdict[tuple[str, ...], int] = defaultdict(int)

    def add(self, *values: str, amount: int = 1) -> None:
        """An amount of 0 shows the counter before it counts, so that its first increase is seen as one."""
        self._counts[values] += amount

    def lines(self) -> Iterator[str]:
        yield from _head(self._name, "counter", self._help)
        for values, count in sorted(self._counts.items()):
            yield f"{self._name}{_braced(dict(zip(self._names, values, strict=True)))} {count}"


class Histograms:
    """Histograms of one name, one for each value that `label` had. The caller keeps those few."""

    def __init__(self, name: str, help: str, bounds: Sequence[float], label: str) -> None:
        self._name, self._help, self._bounds, self._label = name, help, bounds, label
        self._by_value: dict[str, Histogram] = {}

    def observe(self, label: str, value: float) -> None:
        self.of(label).observe(value)

    def of(self, label: str) -> Histogram:
        """The one for `label`, shown from now on."""
        if (histogram := self._by_value.get(label)) is None:
            histogram = self._by_value[label] = Histogram(self._name, self._help, self._bounds)
        return histogram

    def lines(self) -> Iterator[str]:
        yield from _head(self._name, "histogram", self._help)
        for value, histogram in sorted(self._by_value.items()):
            yield from histogram.samples({self._label: value})


class States:
    """One gauge for each of `states`: 1 for the one that holds, 0 for the others."""

    def __init__(self, name: str, help: str, label: str, states: Sequence[str], state: str) -> None:
        self._name, self._help, self._label, self._states, self._state = name, help, label, states, state

    def lines(self) -> Iterator[str]:
        yield from _head(self._name, "gauge", self._help)
        for state in self._states:
            yield f"{self._name}{_braced({self._label: state})} {int(state == self._state)}"


class Info:
    """Always 1: what it says is in its labels."""

    def __init__(self, name: str, help: str, labels: Mapping[str, str]) -> None:
        self._name, self._help, self._labels = name, help, labels

    def lines(self) -> Iterator[str]:
        yield from _head(self._name, "gauge", self._help)
        yield f"{self._name}{_braced(self._labels)} 1"


def text_of(metrics: Sequence[Metric]) -> str:
    return "".join(f"{line}\n" for metric in metrics for line in metric.lines())


def _head(name: str, kind: str, help: str) -> Iterator[str]:
    yield f"# HELP {name} {help}"
    yield f"# TYPE {name} {kind}"


def _braced(labels: Mapping[str, str]) -> str:
    pairs = ",".join(f'{name}="{_escaped(value)}"' for name, value in labels.items())
    return f"{{{pairs}}}" if pairs else ""


def _escaped(value: str) -> str:
    return value.replace("\\", r"\\").replace('"', r"\"").replace("\n", r"\n")
