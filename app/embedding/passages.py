"""Cut texts into passages that the model reads whole: on sentence ends, with overlap, in the model's own tokens.

A text that fits the model's window is one passage. A longer one is cut where a sentence ends; where none ends in reach,
at a line's end, then at a blank, and last between any two tokens, so that a script without blanks is cut as well.
Neighbours share about `OVERLAP` of a window, so that what stands at a cut is read in context once.
"""

import re
from array import array
from bisect import bisect_left
from collections.abc import Iterator, Sequence
from itertools import pairwise
from typing import NamedTuple, Protocol

import numpy as np

OVERLAP = 0.15
# A passage is at least this part of a window, unless it is the last: a cut further back would leave crumbs.
LEAST = 1 / 3
# More characters than this are taken as too long without counting their tokens first.
LONG_CHARACTERS = 100_000
# Characters in the texts that are counted at once: a token takes some 150 bytes while the call runs.
COUNTED_AT_ONCE = 200_000

# For `sentences`, in bytes of UTF-8: less is a fragment, more is a text without marks.
FRAGMENT_BYTES, SENTENCE_BYTES = 15, 500

FORBIDDEN, BETWEEN_TOKENS, BLANK, LINE_END, SENTENCE_END = range(5)
BLANKS = re.compile(r"\s+")
PARAGRAPH = re.compile(r"\n[^\S\n]*\n")
# A line break before what begins an item or a heading.
ITEM = re.compile(r"\n[^\S\n]*(?=(?:[-*+•#]|\d{1,3}[.)])\s)")
# Marks of scripts that set no blank after a sentence need none.
UNSPACED = re.compile(r"""[。！？｡．។៕]+[)\]」』”’"'）】》]*""")
# The others end a sentence before a blank, and not before a small letter, as an abbreviation's dot. Each run of marks
# matches whatever follows, and possessively, so that a megabyte of dots is read once.
SPACED = re.compile(r"""[.!?…؟۔।॥။։]++[)\]}"'»”’]*+(\s*+)([a-z]?)""")


class Span(NamedTuple):
    """A part of a text, [start, end) in characters (Unicode code points)."""

    start: int
    end: int


class Offsets(NamedTuple):
    """Of each token of a text the characters [start, end) that it stands for, as 4-byte integers."""

    starts: "array[int]"
    ends: "array[int]"


class OffsetTokenizer(Protocol):
    """What cutting needs of a tokenizer."""

    max_tokens: int

    def counts(self, texts: Sequence[str]) -> list[int]:
        """Tokens of each text, special tokens included."""

    def offsets(self, text: str) -> Offsets:
        """Where in `text` its tokens are, special tokens left out."""


def split(texts: Sequence[str], tokenizer: OffsetTokenizer, prompt: str = "") -> list[list[Span]]:
    """The passages of each text: at least one, in order, and every character that is no blank is in one of them.

    Each passage has at most `tokenizer.max_tokens` tokens with `prompt` before it and the special tokens around it. The
    one exception is a single character that is more than that by itself.
    """
    short = [index for index, text in enumerate(texts) if len(text) <= LONG_CHARACTERS]
    counts = dict(zip(short, _counts([texts[index] for index in short], tokenizer, prompt), strict=True))
    (around,) = _counts([""], tokenizer, prompt)
    room = max(1, tokenizer.max_tokens - around)
    return [
        [Span(0, len(text))]
        if counts.get(index, tokenizer.max_tokens + 1) <= tokenizer.max_tokens
        else _cut(text, tokenizer, prompt, room)
        for index, text in enumerate(texts)
    ]


def sentences(text: str) -> list[Span]:
    """The sentences of `text`, in order, without the blanks around them; every other character is in one of them.

    Items of a list are sentences. One that ends after a word or two, as an abbreviation does, goes with the next; one
    that is longer than `SENTENCE_BYTES` is cut at its lines.
    """
    ends = [(place, level) for level, place in _ends(text) if level >= LINE_END]
    ends += [(match.end(), SENTENCE_END) for match in ITEM.finditer(text)]
    found, start, lines = list[Span](), 0, list[int]()
    for place, level in [*sorted(ends), (len(text), SENTENCE_END)]:
        size = len(text[start:place].encode())
        if level == LINE_END:
            lines.append(place)
        elif size >= FRAGMENT_BYTES or place == len(text):
            cuts = [line for line in lines if start < line < place] if size > SENTENCE_BYTES else []
            found += [Span(*pair) for pair in pairwise([start, *cuts, place])]
            start, lines = place, []
    return [span for span in _trimmed(text, iter(found)) if text[span.start : span.end].strip()]


def _cut(text: str, tokenizer: OffsetTokenizer, prompt: str, room: int) -> list[Span]:
    """Passages of at most `room` tokens as they stand in `text`; those that have more by themselves are cut again.

    A part of a word can be more tokens alone than in its word, so that only counting again tells.
    """
    spans = _trimmed(text, _plan(text, tokenizer.offsets(text), room))
    counts = _counts([text[start:end] for start, end in spans], tokenizer, prompt)
    done = []
    for span, count in zip(spans, counts, strict=True):
        if count <= tokenizer.max_tokens or span.end - span.start == 1:
            done.append(span)
            continue
        part = text[span.start : span.end]
        if len(spans) > 1:
            again = _cut(part, tokenizer, prompt, max(1, room * 2 // 3))
        else:  # no place between two tokens: by characters
            middle = len(part) // 2
            halves = ((0, part[:middle]), (middle, part[middle:]))
            again = [
                Span(start + shift, end + shift)
                for shift, half in halves
                for start, end in _cut(half, tokenizer, prompt, room)
            ]
        done += [Span(start + span.start, end + span.start) for start, end in again]
    return done


def _plan(text: str, offsets: Offsets, room: int) -> Iterator[Span]:
    """Spans of at most `room` tokens each, where the places to cut allow it."""
    count = len(offsets.starts)
    places = _places(text, offsets)
    least, overlap = max(1, int(room * LEAST)), int(room * OVERLAP)
    first, start = 0, 0
    while count - first > room:
        cut = _best(places, first + least, first + room, latest=True)
        if cut is None:
            cut = _best(places, first + 1, first + least, latest=True) or _next(places, first + room)
        if cut is None:
            break
        yield Span(start, offsets.starts[cut])
        following = _best(places, max(first + 1, cut - overlap), cut - 1, latest=False)
        first = cut if following is None else following
        start = offsets.starts[first]
    yield Span(start, len(text))


def _places(text: str, offsets: Offsets) -> bytearray:
    """For each token, how good a place the one before it is to cut at: FORBIDDEN to SENTENCE_END."""
    starts, ends = (np.asarray(each, np.intc) for each in offsets)
    # Several tokens may stand for one character, which cannot be cut.
    apart = (starts[1:] >= ends[:-1]) & (starts[1:] > starts[:-1])
    places = bytearray(1) + (apart * np.uint8(BETWEEN_TOKENS)).tobytes()
    for level, place in _ends(text):
        index = bisect_left(offsets.starts, place)
        if 0 < index < len(starts) and places[index] and offsets.ends[index - 1] <= place:
            places[index] = max(places[index], level)
    return places


def _ends(text: str) -> Iterator[tuple[int, int]]:
    """Where something ends in `text`, (level, character after it), in any order."""
    for match in BLANKS.finditer(text):
        yield LINE_END if "\n" in match[0] else BLANK, match.end()
    for pattern in (PARAGRAPH, UNSPACED):
        for match in pattern.finditer(text):
            yield SENTENCE_END, match.end()
    for match in SPACED.finditer(text):
        if match[1] and not match[2]:
            yield SENTENCE_END, match.end()


def _best(places: bytearray, low: int, high: int, *, latest: bool) -> int | None:
    """The best place in [low, high]; of equal ones the latest or the earliest."""
    for level in range(SENTENCE_END, FORBIDDEN, -1):
        found = places.rfind(level, low, high + 1) if latest else places.find(level, low, high + 1)
        if found >= 0:
            return found
    return None


def _next(places: bytearray, after: int) -> int | None:
    return next((index for index in range(after + 1, len(places)) if places[index]), None)


def _trimmed(text: str, spans: Iterator[Span]) -> list[Span]:
    """Without the blanks at their ends; spans of nothing but blanks are left out, unless it is all there is."""
    done = []
    for start, end in spans:
        part = text[start:end]
        if content := part.strip():
            begin = start + len(part) - len(part.lstrip())
            done.append(Span(begin, begin + len(content)))
    return done or [Span(0, len(text))]


def _counts(texts: Sequence[str], tokenizer: OffsetTokenizer, prompt: str) -> list[int]:
    """Tokens of each text with `prompt` before it, special tokens included."""
    counts, some, characters = list[int](), list[str](), 0
    for text in texts:
        some.append(prompt + text)
        characters += len(text)
        if characters >= COUNTED_AT_ONCE:
            counts += tokenizer.counts(some)
            some, characters = [], 0
    return counts + tokenizer.counts(some)
