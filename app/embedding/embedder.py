"""Texts in, vectors and token counts out: the tokenizer and the batcher, joined under the model's limits."""

import asyncio
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from itertools import chain
from typing import Literal, Protocol

import numpy as np

from app.embedding.batcher import Batcher
from app.embedding.cache import Known, VectorCache, key_of, vector_of
from app.embedding.encoder import F32
from app.embedding.passages import Span, split
from app.embedding.registry import Card
from app.embedding.tokenizer import Read, Side, TextTokenizer, Token
from app.errors import EmptyText, TextTooLong

Role = Literal["query", "passage"]

# Of English text; for texts that are not tokenised yet.
CHARACTERS_PER_TOKEN = 4
# Below this many characters tokenising takes less than handing it to another thread (about 0.1 ms each).
INLINE_CHARACTERS = 1000
# Of more new texts than this at once, the cache keeps those that it has seen before.
FEW_TEXTS = 8


@dataclass(frozen=True)
class Cut:
    """A text that was cut: its place in the input, the tokens it had, the tokens that were kept."""

    index: int
    tokens: int
    kept: int


@dataclass(frozen=True)
class Embeddings:
    """vectors (texts, dimension) float32, each of length 1; tokens: how many the model read; cuts: what was cut off.

    waited_s, took_s  seconds in the queue and in the model, as `batcher.Encoded` has them; 0 where all were known
    """

    vectors: F32
    tokens: int
    cuts: tuple[Cut, ...] = ()
    waited_s: float = 0.0
    took_s: float = 0.0


class Embedder(Protocol):
    """What the interface needs of a model."""

    card: Card
    made_at_unix_s: int

    async def embed(
        self,
        texts: Sequence[str],
        *,
        role: Role | None = "passage",
        truncate: bool = False,
        side: Side = "right",
        urgent: bool = False,
    ) -> Embeddings:
        """Vectors of `texts`, in order.

        role    which of the model's prompts goes before each text; None for no prompt
        side    where `truncate` cuts
        urgent  somebody waits for just these, as for a query, which always is: they go before what is not
        raises  EmptyText; TextTooLong unless `truncate`; QueueFull; EncoderFailed; NotReady
        """

    def refuse_full(self, texts: int) -> None:
        """For whoever has not read its texts yet. raises QueueFull, where so many passages more could not wait"""

    async def split(self, texts: Sequence[str]) -> list[list[Span]]:
        """The passages of each text, each of which `embed` takes whole in the role of a passage."""

    async def tokenize(
        self, texts: Sequence[str], *, role: Role | None = None, special: bool = True
    ) -> list[list[Token]]:
        """The tokens of each text, its role's prompt before it, however long it is.

        special  with the special tokens around it
        raises   EmptyText
        """


class ModelEmbedder:
    """The embedder over a local model. Texts that `cache` knows are neither tokenised nor encoded.

    It gets to know a few new texts at once, as queries are, and of many those that come a second time.

    observer  is given every result, in the task that asked for it
    """

    def __init__(
        self,
        card: Card,
        made_at_unix_s: int,
        tokenizer: TextTokenizer,
        batcher: Batcher,
        cache: VectorCache,
        observer: Callable[[Embeddings], None] | None = None,
    ) -> None:
        self.card = card
        self.made_at_unix_s = made_at_unix_s
        self._tokenizer = tokenizer
        self._batcher = batcher
        self._cache = cache
        self._observer = observer

    async def embed(
        self,
        texts: Sequence[str],
        *,
        role: Role | None = "passage",
        truncate: bool = False,
        side: Side = "right",
        urgent: bool = False,
    ) -> Embeddings:
        prompted = self._prompted(texts, role)
        keys = [key_of(text, side) for text in prompted]
        known = {key: found for key in dict.fromkeys(keys) if (found := self._cache.get(key)) is not None}
        new = {key: text for key, text in zip(keys, prompted, strict=True) if key not in known}
        # A query is waited for; passages come by the hundred, and most callers can wait a little longer.
        urgent = urgent or role == "query"
        read = await self._read(list(new.values()), side, urgent)
        tokens = {key: one.tokens for key, one in zip(new, read, strict=True)}
        tokens |= {key: one.tokens for key, one in known.items()}
        counts = [tokens[key] for key in keys]
        cuts = self._cuts(counts, truncate)
        made = await self._batcher.embed([one.ids for one in read], urgent=urgent)
        for key, vector in zip(new, made.vectors, strict=True):
            if len(new) <= FEW_TEXTS or self._cache.seen(key):
                self._cache.put(key, vector, tokens[key])
        left_out = sum(cut.tokens - cut.kept for cut in cuts)
        vectors = _joined(keys, new, made.vectors, known)
        result = Embeddings(vectors, sum(counts) - left_out, cuts, made.waited_s, made.took_s)
        if self._observer is not None:
            self._observer(result)
        return result

    def refuse_full(self, texts: int) -> None:
        self._batcher.refuse_full(texts)

    async def split(self, texts: Sequence[str]) -> list[list[Span]]:
        prompt = self.card.prompts.passage
        if sum(map(len, texts)) <= INLINE_CHARACTERS:
            return split(texts, self._tokenizer, prompt)
        return await asyncio.to_thread(split, texts, self._tokenizer, prompt)

    async def tokenize(
        self, texts: Sequence[str], *, role: Role | None = None, special: bool = True
    ) -> list[list[Token]]:
        prompted = self._prompted(texts, role)
        if sum(map(len, prompted)) <= INLINE_CHARACTERS:
            return self._tokenizer.tokens(prompted, special=special)
        return await asyncio.to_thread(self._tokenizer.tokens, prompted, special=special)

    def _prompted(self, texts: Sequence[str], role: Role | None) -> Sequence[str]:
        for index, text in enumerate(texts):
            if not text:
                raise EmptyText(index)
        prompt = self.card.prompts.before(role)
        return [prompt + text for text in texts] if prompt else texts

    async def _read(self, texts: Sequence[str], side: Side, urgent: bool) -> list[Read]:
        """raises  QueueFull, where they could not wait afterwards"""
        if not texts:
            return []
        limit = self._tokenizer.max_tokens
        estimate = sum(min(len(text) // CHARACTERS_PER_TOKEN + 1, limit) for text in texts)
        with self._batcher.arriving(len(texts), estimate, urgent=urgent):
            reading, read = self._tokenizer.read(texts, side), list[Read]()
            if sum(map(len, texts)) <= INLINE_CHARACTERS:
                return list(chain.from_iterable(reading))
            # Step by step: a caller who has hung up is worked for no longer.
            while len(read) < len(texts):
                read += await asyncio.to_thread(next, reading)
            return read

    def _cuts(self, counts: Sequence[int], truncate: bool) -> tuple[Cut, ...]:
        limit = self._tokenizer.max_tokens
        cuts = tuple(Cut(index, count, limit) for index, count in enumerate(counts) if count > limit)
        if cuts and not truncate:
            raise TextTooLong(cuts[0].index, cuts[0].tokens, limit)
        return cuts


def _joined(keys: Sequence[bytes], new: Collection[bytes], made: F32, known: Mapping[bytes, Known]) -> F32:
    """The vectors of `keys` in their order: those just `made`, in the order of `new`, and those that were `known`."""
    if len(new) == len(keys):
        return made
    vectors = dict(zip(new, made, strict=True)) | {key: vector_of(one) for key, one in known.items()}
    return np.stack([vectors[key] for key in keys])
