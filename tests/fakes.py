"""Parts that stand in for real ones where a test is about something else. None of them is used by the service."""

import hashlib
import re
import threading
from array import array
from collections.abc import Callable, Sequence

import numpy as np

from app.embedding.embedder import Cut, Embeddings, Role
from app.embedding.encoder import F32
from app.embedding.passages import Offsets, Span, split
from app.embedding.registry import Card, FileEntry, Prompts
from app.embedding.tokenizer import Side, Token
from app.errors import EmptyText, TextTooLong

DIMENSION = 8


def card(**changes: object) -> Card:
    values: dict[str, object] = {
        "card_version": 1,
        "name": "fake-model",
        "origin": "nobody/fake-model",
        "revision": "1",
        "licence": "CC0-1.0",
        "dimension": DIMENSION,
        "max_tokens": 16,
        "pooling": "mean",
        "normalised": True,
        "precision": "fp32",
        "pad_token_id": 0,
        "prompts": Prompts(),
        "files": {
            "model.onnx": FileEntry(sha256="0" * 64, bytes=0),
            "tokenizer.json": FileEntry(sha256="0" * 64, bytes=0),
        },
    }
    return Card.model_validate(values | changes)


def unit(key: str) -> F32:
    """A vector of length 1 that depends on `key` alone: (DIMENSION,) float32."""
    digest = np.frombuffer(hashlib.sha256(key.encode("utf-8", "surrogatepass")).digest(), np.uint8)
    vector = digest[:DIMENSION].astype(np.float32) - np.float32(127.5)
    return np.asarray(vector / np.linalg.norm(vector), np.float32)


class WordTokenizer:
    """A tokenizer whose tokens are words, with no special tokens around them."""

    def __init__(self, max_tokens: int) -> None:
        self.max_tokens = max_tokens

    def counts(self, texts: Sequence[str]) -> list[int]:
        return [len(text.split()) for text in texts]

    def offsets(self, text: str) -> Offsets:
        words = [match.span() for match in re.finditer(r"\S+", text)]
        return Offsets(array("i", [start for start, _ in words]), array("i", [end for _, end in words]))


class FakeEmbedder:
    """An embedder whose words are its tokens. `failure`, when set, is raised instead of an answer.

    full                 is raised where more than `room` texts ask whether they could wait
    observer             is given every result, as the real embedder's is
    roles, sides, urgent, texts  what it was asked to embed, call by call and text by text
    """

    def __init__(self, failure: Exception | None = None, observer: Callable[[Embeddings], None] | None = None) -> None:
        self._observer = observer
        self.card = card()
        self.made_at_unix_s = 1_700_000_000
        self.failure = failure
        self.full: Exception | None = None
        self.room = 0
        self.roles: list[Role | None] = []
        self.sides: list[Side] = []
        self.urgent: list[bool] = []
        self.texts: list[str] = []

    async def embed(
        self,
        texts: Sequence[str],
        *,
        role: Role | None = "passage",
        truncate: bool = False,
        side: Side = "right",
        urgent: bool = False,
    ) -> Embeddings:
        if self.failure is not None:
            raise self.failure
        self.roles.append(role)
        self.sides.append(side)
        self.urgent.append(urgent)
        self.texts += texts
        limit, tokens, cuts = self.card.max_tokens, 0, []
        for index, text in enumerate(texts):
            if not text:
                raise EmptyText(index)
            count = len(text.split())
            if count > limit and not truncate:
                raise TextTooLong(index, count, limit)
            if count > limit:
                cuts.append(Cut(index, count, limit))
            tokens += min(count, limit)
        made = Embeddings(np.stack([unit(text) for text in texts]), tokens, tuple(cuts), waited_s=0.25, took_s=0.5)
        if self._observer is not None:
            self._observer(made)
        return made

    def refuse_full(self, texts: int) -> None:
        if self.full is not None and texts > self.room:
            raise self.full

    async def split(self, texts: Sequence[str]) -> list[list[Span]]:
        return split(texts, WordTokenizer(self.card.max_tokens))

    async def tokenize(
        self, texts: Sequence[str], *, role: Role | None = None, special: bool = True
    ) -> list[list[Token]]:
        """A word's id is its length; "[CLS]" opens a text."""
        found: list[list[Token]] = []
        for index, text in enumerate(self.card.prompts.before(role) + text if text else "" for text in texts):
            if not text:
                raise EmptyText(index)
            words = [(match.start(), match.end()) for match in re.finditer(r"\S+", text)]
            opening = [Token(1, "[CLS]", True, None, None)] if special else []
            found.append(opening + [Token(b - a, text[a:b], False, a, b) for a, b in words])
        return found


class FakeEncoder:
    """One vector a sequence, made of its ids alone. Records its batches, and which were alone.

    It can be held back, and can be made to fail.
    """

    def __init__(self) -> None:
        self.dimension = DIMENSION
        self.batches: list[list[list[int]]] = []
        self.alone: list[bool] = []
        self.failure: BaseException | None = None
        self.open = threading.Event()
        self.open.set()
        self.entered = threading.Event()

    def encode(self, batch: Sequence[Sequence[int]], *, alone: bool = False) -> F32:
        self.alone.append(alone)
        self.entered.set()
        assert self.open.wait(10), "the test never let the encoder go on"
        self.batches.append([list(ids) for ids in batch])
        if self.failure is not None:
            raise self.failure
        return np.stack([self.vector(ids) for ids in batch])

    @staticmethod
    def vector(ids: Sequence[int]) -> F32:
        return unit(" ".join(map(str, ids)))
