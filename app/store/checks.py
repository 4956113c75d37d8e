"""What every store refuses, and when it takes two things for the same. Pure."""

import json
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from app.errors import InvalidDocument, LimitPassed, SpaceMismatch
from app.store.filters import MAX_INTEGER
from app.store.store import Document, Space


def written(metadata: Mapping[str, Any]) -> str:
    """JSON, keys in their order."""
    return json.dumps(metadata, ensure_ascii=False, separators=(",", ":"))


def canonical(metadata: Mapping[str, Any]) -> str:
    """Equal where the metadata is: as objects, True and 1 would be too."""
    return json.dumps(metadata, sort_keys=True)


def same(kept: Document, given: Document) -> bool:
    """Whether text and metadata are equal; where `given` brings passages, their spans and vectors as well.

    kept  with its passages, where `given` brings some
    """
    if kept.text != given.text or canonical(kept.metadata) != canonical(given.metadata):
        return False
    return not given.passages or (
        len(kept.passages) == len(given.passages)
        and all(
            (one.start, one.end) == (other.start, other.end) and np.array_equal(one.vector, other.vector)
            for one, other in zip(kept.passages, given.passages, strict=True)
        )
    )


def valid(text: str) -> bool:
    """Whether it has UTF-8: half a surrogate pair has none, and is in nothing that is kept."""
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True


def latest(documents: Sequence[Document]) -> list[Document]:
    """One for each id, the last where an id comes twice."""
    return list({document.id: document for document in documents}.values())


def refuse_half_pairs(document: Document, metadata: str) -> None:
    """metadata: as it is `written`. raises InvalidDocument, where a text holds half a surrogate pair"""
    for what, text in (("id", document.id), ("text", document.text), ("metadata", metadata)):
        try:
            text.encode()
        except UnicodeEncodeError as error:
            reason = f"its {what} holds half a surrogate pair at character {error.start}"
            raise InvalidDocument(repr(document.id), reason) from None


def refuse_great_integers(id: str, metadata: Mapping[str, Any]) -> None:
    """raises  InvalidDocument, where an integer at the top of the metadata is greater than a filter's may be"""
    for name, value in metadata.items():
        if isinstance(value, int) and abs(value) > MAX_INTEGER:
            raise InvalidDocument(repr(id), f"metadata {name!r}: an integer may be {MAX_INTEGER} at most")


def refuse_other_space(name: str, has: Space, given: Space) -> None:
    """raises  SpaceMismatch, naming the first of model, dimension and distance that differs"""
    for what in ("model", "dimension", "distance"):
        if getattr(has, what) != getattr(given, what):
            raise SpaceMismatch(name, what, getattr(has, what), getattr(given, what))


def size(*texts: str) -> int:
    """Bytes of UTF-8."""
    return sum(len(text.encode()) for text in texts)


def refuse_large_answer(found: int, most: int | None) -> None:
    """found: bytes of the hits that were read, be it not of all of them. raises LimitPassed"""
    if most is not None and found > most:
        what = "bytes of texts and metadata in the hits, as far as they were read"
        remedy = "lower limit, or leave the text out of include"
        raise LimitPassed(what, found, most, "MAX_ANSWER_BYTES", param="limit", remedy=remedy)
