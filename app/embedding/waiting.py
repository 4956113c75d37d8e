"""The texts that wait, and which of them go into a batch together. Pure: no threads, no clock of its own."""

from bisect import bisect_left, insort
from collections import OrderedDict
from dataclasses import dataclass, field
from typing import Generic, TypeVar

# What a batch costs before its first token, in tokens: 1.05 ms against 56 µs a token (benchmarks/engine/batch_cost.py).
BATCH_COSTS_TOKENS = 20

W = TypeVar("W")


@dataclass(eq=False, slots=True)
class Entry(Generic[W]):
    """One text: its token ids, when it came (seconds, monotonic), and who wants its vector."""

    ids: tuple[int, ...]
    since_s: float = 0.0
    wanted_by: list[W] = field(default_factory=list)

    @property
    def length(self) -> int:
        return len(self.ids)


class Waiting(Generic[W]):
    """Entries in order of arrival and, at the same time, by length. Not thread-safe.

    Adding and removing cost the logarithm of how many lengths there are, taking a batch costs what is in it: neither
    grows with how many wait.
    """

    def __init__(self) -> None:
        self._arrivals: OrderedDict[Entry[W], None] = OrderedDict()
        self._by_length: dict[int, OrderedDict[Entry[W], None]] = {}
        self._lengths: list[int] = []
        self.tokens = 0

    def __len__(self) -> int:
        return len(self._arrivals)

    def __contains__(self, entry: Entry[W]) -> bool:
        return entry in self._arrivals

    def add(self, entry: Entry[W]) -> None:
        if (same := self._by_length.get(entry.length)) is None:
            same = self._by_length[entry.length] = OrderedDict()
            insort(self._lengths, entry.length)
        same[entry] = self._arrivals[entry] = None
        self.tokens += entry.length

    def remove(self, entry: Entry[W]) -> None:
        """raises  KeyError where it does not wait"""
        del self._arrivals[entry]
        self.tokens -= entry.length
        same = self._by_length[entry.length]
        del same[entry]
        if not same:
            del self._by_length[entry.length]
            del self._lengths[bisect_left(self._lengths, entry.length)]

    def clear(self) -> list[Entry[W]]:
        """Take out all of them, the oldest first."""
        entries = list(self._arrivals)
        for entry in entries:
            self.remove(entry)
        return entries

    def take(self, max_batch_tokens: int) -> list[Entry[W]]:
        """Take out the next batch: the oldest entry, and those nearest to it in length.

        Padding counts: rows × longest stays within `max_batch_tokens`, but for a text that alone is longer, and the
        padding is never more than what a second batch would cost. Among texts of one length the oldest come along.
        Empty where nothing waits.
        """
        if not self._arrivals:
            return []
        batch = [oldest := next(iter(self._arrivals))]
        self.remove(oldest)
        shortest = longest = oldest.length
        tokens = oldest.length

        def fits(longest: int, length: int) -> bool:
            padded = (len(batch) + 1) * longest
            return padded <= max_batch_tokens and padded - tokens - length <= BATCH_COSTS_TOKENS

        while True:
            # The nearest lengths on both sides; what has been used up is no longer there.
            below = bisect_left(self._lengths, shortest + 1) - 1
            above = bisect_left(self._lengths, longest + (longest == oldest.length))
            down = self._lengths[below] if below >= 0 and fits(longest, self._lengths[below]) else None
            up = self._lengths[above] if above < len(self._lengths) else None
            if up is not None and not fits(up, up):
                up = None
            if down is not None and (up is None or oldest.length - down <= up - oldest.length):
                length = shortest = down
            elif up is not None:
                length = longest = up
            else:
                return batch
            entry = next(iter(self._by_length[length]))
            self.remove(entry)
            batch.append(entry)
            tokens += length
