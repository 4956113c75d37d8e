"""Texts in, vectors and token counts out: the tokenizer and the batcher, joined under the model's limits."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, Protocol

from app.embedding.batcher import Batcher
from app.embedding.encoder import F32
from app.embedding.passages import Span, split
from app.embedding.registry import Card
from app.embedding.tokenizer import Side, TextTokenizer, Token
from app.errors import EmptyText, TextTooLong

Role = Literal["query", "passage"]

# Below this many characters tokenising takes less than handing it to another thread (about 0.1 ms each).
INLINE_CHARACTERS = 1000


@dataclass(frozen=True)
class Cut:
    """A text that was cut: its place in the input, the tokens it had, the tokens that were kept."""

    index: int
    tokens: int
    kept: int


@dataclass(frozen=True)
class Embeddings:
    """vectors (texts, dimension) float32, each of length 1; tokens: how many the model read; cuts: what was cut off."""

    vectors: F32
    tokens: int
    cuts: tuple[Cut, ...] = ()


class Embedder(Protocol):
    """What the interface needs of a model."""

    card: Card
    made_at_unix_s: int

    async def embed(
        self, texts: Sequence[str], *, role: Role | None = "passage", truncate: bool = False, side: Side = "right"
    ) -> Embeddings:
        """Vectors of `texts`, in order.

        role    which of the model's prompts goes before each text; None for no prompt
        side    where `truncate` cuts
        raises  EmptyText; TextTooLong unless `truncate`; QueueFull; EncoderFailed; NotReady
        """

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
    """The embedder over a local model."""

    def __init__(self, card: Card, made_at_unix_s: int, tokenizer: TextTokenizer, batcher: Batcher) -> None:
        self.card = card
        self.made_at_unix_s = made_at_unix_s
        self._tokenizer = tokenizer
        self._batcher = batcher

    async def embed(
        self, texts: Sequence[str], *, role: Role | None = "passage", truncate: bool = False, side: Side = "right"
    ) -> Embeddings:
        prompted = self._prompted(texts, role)
        if sum(map(len, prompted)) <= INLINE_CHARACTERS:
            sequences = self._tokenizer.encode(prompted)
        else:
            sequences = await asyncio.to_thread(self._tokenizer.encode, prompted)
        sequences, cuts = self._fit(sequences, truncate, side)
        # A query is waited for; passages come by the hundred, and their caller can wait a little longer.
        vectors = await self._batcher.embed(sequences, urgent=role == "query")
        return Embeddings(vectors, sum(map(len, sequences)), cuts)

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

    def _fit(self, sequences: list[list[int]], truncate: bool, side: Side) -> tuple[list[list[int]], tuple[Cut, ...]]:
        limit = self._tokenizer.max_tokens
        cuts = tuple(Cut(index, len(ids), limit) for index, ids in enumerate(sequences) if len(ids) > limit)
        if not cuts:
            return sequences, ()
        if not truncate:
            raise TextTooLong(cuts[0].index, cuts[0].tokens, limit)
        return [self._tokenizer.cut(ids, side) for ids in sequences], cuts
