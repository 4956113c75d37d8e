"""Embedding models of an OpenAI-compatible service, named `openai/…`: asked in batches, their answers checked."""

import asyncio
from base64 import b64decode
from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

import numpy as np

from app.embedding.cache import VectorCache, key_of, salt_of, vector_of
from app.embedding.embedder import Cut, Embeddings, Role
from app.embedding.encoder import F32
from app.embedding.estimate import EstimatingTokenizer
from app.embedding.passages import Span, split
from app.embedding.remote import MAX_TOKENS, PREFIX, card_of
from app.embedding.tokenizer import Side, Token
from app.errors import EmptyText, InvalidInput, RemoteFailed, TextTooLong, UnsupportedDimension
from app.remote.client import RemoteClient
from app.remote.retries import Retries

# OpenAI's limits on a request are 300,000 tokens and 2,048 texts; other services take fewer texts.
# https://platform.openai.com/docs/api-reference/embeddings/create
REQUEST_TOKENS, REQUEST_TEXTS = 300_000, 128
# In estimated tokens: a passage is as long as a local model's, since one that is longer is harder to find.
PASSAGE_TOKENS = 256
# An import can wait for a limit on tokens a minute, which is what such services have.
RETRIES = Retries(most=5, backoff_s=1.0, longest_s=60.0)


class Made(NamedTuple):
    """vectors (texts, length) float32, each of length 1; tokens: as the service counted them."""

    vectors: F32
    tokens: int


class OpenAIEmbedder:
    """The embedder over one model at one length. Queries that `cache` knows are not asked for again."""

    def __init__(self, client: RemoteClient, model: str, dimension: int, cache: VectorCache) -> None:
        self.card = card_of(model, dimension)
        self.made_at_unix_s = 0
        self._client = client
        self._cache = cache
        self._salt = salt_of(self.card.revision)
        self._shortened = False  # whether the model has another length of its own, and gives this one where asked
        self._reading = EstimatingTokenizer(MAX_TOKENS)

    async def embed(
        self,
        texts: Sequence[str],
        *,
        role: Role | None = "passage",
        truncate: bool = False,
        side: Side = "right",
        urgent: bool = False,
    ) -> Embeddings:
        """Nothing waits here, and so none are more `urgent` than others.

        raises  EmptyText; TextTooLong, in estimated tokens; RemoteFailed
        """
        read, cuts = self._read(texts, truncate)
        if role == "query" and len(read) == 1:
            return await self._query(read[0], cuts)
        deadline_s = self._client.deadline_s()
        vectors, tokens = list[F32](), 0
        for batch in _batches(read):
            made = await self._made(batch, deadline_s)
            vectors.append(made.vectors)
            tokens += made.tokens
        whole = np.concatenate(vectors) if vectors else np.zeros((0, self.card.dimension), np.float32)
        return Embeddings(whole, tokens, cuts)

    def refuse_full(self, texts: int) -> None:
        """Nothing waits here: the service says itself what is too much."""

    async def split(self, texts: Sequence[str]) -> list[list[Span]]:
        return await asyncio.to_thread(split, texts, EstimatingTokenizer(PASSAGE_TOKENS))

    async def tokenize(
        self, texts: Sequence[str], *, role: Role | None = None, special: bool = True
    ) -> list[list[Token]]:
        raise InvalidInput(f"the vocabulary of {self.card.name} is not here", param="model")

    def _read(self, texts: Sequence[str], truncate: bool) -> tuple[list[str], tuple[Cut, ...]]:
        read, cuts = list[str](), list[Cut]()
        for index, text in enumerate(texts):
            if not text:
                raise EmptyText(index)
            end = self._reading.cut(text).end
            if end < len(text):
                (tokens,) = self._reading.counts([text])
                if not truncate:
                    raise TextTooLong(index, tokens, MAX_TOKENS)
                cuts.append(Cut(index, tokens, MAX_TOKENS))
            read.append(text[:end])
        return read, tuple(cuts)

    async def _query(self, text: str, cuts: tuple[Cut, ...]) -> Embeddings:
        key = key_of(text, salt=self._salt)
        if (known := self._cache.get(key)) is not None:
            return Embeddings(vector_of(known)[np.newaxis], known.tokens, cuts)
        made = await self._made([text], self._client.deadline_s())
        self._cache.put(key, made.vectors[0], made.tokens)
        return Embeddings(made.vectors, made.tokens, cuts)

    async def _made(self, texts: Sequence[str], deadline_s: float) -> Made:
        wanted = self.card.dimension
        # Of this call: another may find out while it is under way.
        shortened = self._shortened
        made = await ask(self._client, self.card.name, texts, wanted if shortened else None, deadline_s)
        if not shortened and made.vectors.shape[1] != wanted:
            made = await ask(self._client, self.card.name, texts, wanted, deadline_s)
            self._shortened = made.vectors.shape[1] == wanted
        if (found := made.vectors.shape[1]) != wanted:
            raise RemoteFailed("malformed", f"{self.card.name} gave vectors of {found} dimensions, and not of {wanted}")
        return made


class OpenAIModels:
    """All embedding models of one service. cache: keeps vectors of queries."""

    def __init__(self, client: RemoteClient, cache: VectorCache) -> None:
        self._client = client
        self._cache = cache
        self._embedders: dict[tuple[str, int], OpenAIEmbedder] = {}

    def embedder(self, model: str, dimension: int) -> OpenAIEmbedder:
        if (embedder := self._embedders.get((model, dimension))) is None:
            embedder = self._embedders[model, dimension] = OpenAIEmbedder(self._client, model, dimension, self._cache)
        return embedder

    async def dimension_of(self, model: str, wanted: int | None) -> int:
        made = await ask(self._client, model, ["dimension"], wanted, self._client.deadline_s())
        found = int(made.vectors.shape[1])
        if wanted not in (None, found):
            raise UnsupportedDimension(model, wanted or 0, found)
        return found


async def ask(
    client: RemoteClient, model: str, texts: Sequence[str], dimensions: int | None, deadline_s: float
) -> Made:
    """One request.

    dimensions  a length to ask for; None for the model's own
    deadline_s  on the event loop's clock, when the vectors have to be there
    raises      RemoteFailed
    """
    body: dict[str, Any] = {"model": model.removeprefix(PREFIX), "input": list(texts), "encoding_format": "base64"}
    if dimensions is not None:
        body["dimensions"] = dimensions
    answer = await client.post("embeddings", body, RETRIES, deadline_s)
    vectors = _vectors(answer, len(texts))
    prompt, _ = client.used("embeddings", answer.get("usage"))
    return Made(vectors, prompt or 0)


def _vectors(answer: object, count: int) -> F32:
    """(count, length) float32, each of length 1. Services that do not know base64 send numbers. raises RemoteFailed"""
    try:
        rows = answer["data"]  # type: ignore[index]
        by_index = {row.get("index", place): _numbers(row["embedding"]) for place, row in enumerate(rows)}
        vectors = np.stack([by_index[place] for place in range(count)])
    except (KeyError, TypeError, ValueError, AttributeError, IndexError):
        raise RemoteFailed("malformed", f"it did not send a vector for each of {count} texts") from None
    if len(rows) != count or vectors.ndim != 2 or not vectors.shape[1]:
        raise RemoteFailed("malformed", f"it did not send one vector for each of {count} texts")
    lengths = np.linalg.norm(vectors.astype(np.float64), axis=1, keepdims=True)
    if not np.isfinite(lengths).all() or not lengths.all():
        raise RemoteFailed("malformed", "it sent a vector without a direction")
    return np.asarray(vectors / lengths, np.float32)


def _numbers(value: object) -> F32:
    if isinstance(value, str):
        return np.frombuffer(b64decode(value, validate=True), "<f4")
    with np.errstate(over="ignore"):  # what is too large for float32 becomes infinite, and is refused as such
        return np.asarray(value, np.float64).astype(np.float32)


def _batches(texts: Sequence[str]) -> Iterator[list[str]]:
    """In order, each within the limits of one request whatever the texts are."""
    batch, size = list[str](), 0
    for text in texts:
        length = len(text.encode())
        if batch and (len(batch) == REQUEST_TEXTS or size + length > REQUEST_TOKENS):
            yield batch
            batch, size = [], 0
        batch.append(text)
        size += length
    if batch:
        yield batch
