"""Documents as they come in, before they are cut and embedded, and what makes one acceptable."""

import hashlib
import math
import unicodedata
import uuid
from base64 import b64decode
from binascii import Error as NotBase64
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from itertools import chain
from typing import Any

import numpy as np
import orjson

from app.errors import InvalidDocument, InvalidInput
from app.store.filters import MAX_INTEGER
from app.store.store import F32, Metadata, Passage

MAX_ID_CHARACTERS = 512
HOLDS_VALUES = (list, dict)


@dataclass(frozen=True)
class Draft:
    """A document that somebody wants kept.

    vector    (any length,) float32: the whole text's, given by the caller in place of one that the model would make
    passages  vectors given passage by passage, as an export has them
    """

    text: str = ""
    id: str | None = None
    metadata: Metadata = field(default_factory=dict)
    vector: F32 | None = None
    passages: tuple[Passage, ...] = ()

    @property
    def brings_vectors(self) -> bool:
        return self.vector is not None or bool(self.passages)

    def with_id(self, *, from_content: bool) -> "Draft":
        """Itself where it has an id; else with a random one, or one that the same content always gets."""
        if self.id is not None:
            return self
        return replace(self, id=self._digest() if from_content else uuid.uuid4().hex)

    def _digest(self) -> str:
        vectors = [self.vector.tobytes().hex()] if self.vector is not None else []
        vectors += [f"{each.start}:{each.end}:{each.vector.tobytes().hex()}" for each in self.passages]
        content = orjson.dumps([self.text, dict(self.metadata), vectors], option=orjson.OPT_SORT_KEYS)
        return hashlib.blake2b(content, digest_size=16).hexdigest()


@dataclass(frozen=True)
class Rules:
    """How large a document's metadata may be."""

    max_metadata_bytes: int
    max_metadata_depth: int

    def check(self, draft: Draft, which: str) -> None:
        """raises  InvalidDocument, with `which` document it is and what is wrong with it"""
        if draft.id is not None:
            _check_id(draft.id, which)
        if not draft.brings_vectors and not draft.text.strip():
            raise InvalidDocument(which, "its text is empty, and it brings no vector")
        if "\0" in draft.text:
            raise InvalidDocument(which, "its text holds the character U+0000, which no store keeps")
        try:
            self.check_metadata(draft.metadata)
        except InvalidInput as error:
            raise InvalidDocument(which, str(error)) from None
        for passage in draft.passages:
            if not 0 <= passage.start <= passage.end <= len(draft.text):
                span = f"[{passage.start}, {passage.end})"
                raise InvalidDocument(which, f"a passage {span} lies outside its {len(draft.text)} characters")

    def check_metadata(self, metadata: Metadata) -> None:
        """Whether metadata can be kept, a document's or a collection's. raises InvalidInput"""
        for key in metadata:
            if why := why_no_key(key):
                raise _wrong(f"its metadata has the key {key[:80]!r}: {why}")
        with suppress(TypeError):  # levels or integers that orjson does not take, which is seen below
            size = len(orjson.dumps(dict(metadata)))
            if size > self.max_metadata_bytes:
                limit = f"{self.max_metadata_bytes} (MAX_METADATA_BYTES)"
                raise _wrong(f"its metadata has {size} bytes as JSON and may have {limit}")
        _check_values(metadata, self.max_metadata_depth)


def why_no_key(name: str) -> str:
    """Why metadata can have no key of this name; empty where it can."""
    if not name or name.startswith("$"):
        return "a key is not empty and starts with no $"
    return "no store keeps the character U+0000" if "\0" in name else ""


def from_json(value: object, which: str) -> Draft:
    """A draft from a record of an import: {"text", "id"?, "metadata"?, "vector"? or "passages"?}.

    raises  InvalidDocument, naming the field
    """
    if not isinstance(value, Mapping):
        raise InvalidDocument(which, "it is not a JSON object")
    known = {"text", "id", "metadata", "vector", "passages"}
    if unknown := sorted(set(value) - known):
        raise InvalidDocument(which, f"{unknown[0][:80]!r} is no field of a document: put your own under metadata")
    text, given_id, metadata = value.get("text", ""), value.get("id"), value.get("metadata")
    if not isinstance(text, str):
        raise InvalidDocument(which, "text is not a text")
    if given_id is not None and not isinstance(given_id, str):
        raise InvalidDocument(which, "id is not a text")
    if metadata is None:
        metadata = {}
    if not isinstance(metadata, dict):
        raise InvalidDocument(which, "metadata is not an object")
    vector = value.get("vector")
    passages = value.get("passages", [])
    if not isinstance(passages, list):
        raise InvalidDocument(which, "passages is not a list")
    return Draft(
        text,
        given_id,
        metadata,
        None if vector is None else vector_from(vector, which),
        tuple(_passage(each, which) for each in passages),
    )


def vector_from(value: object, which: str) -> F32:
    """A vector from a list of numbers, or from base64 of little-endian float32. raises InvalidDocument"""
    if isinstance(value, str):
        try:
            return np.frombuffer(b64decode(value, validate=True), "<f4").astype(np.float32)
        except (NotBase64, ValueError):
            raise InvalidDocument(which, "its vector is not base64 of float32 numbers") from None
    if not isinstance(value, Sequence) or not {*map(type, value)} <= {int, float}:  # true is no number
        raise InvalidDocument(which, "its vector is not a list of numbers")
    with np.errstate(over="ignore"):  # what is too large for float32 becomes infinite, and is refused as such
        return np.asarray(value, np.float64).astype(np.float32)


def _passage(value: object, which: str) -> Passage:
    fields = value if isinstance(value, Mapping) else {}
    start, end, key = fields.get("start"), fields.get("end"), fields.get("key", "")
    if type(start) is not int or type(end) is not int or not isinstance(key, str) or "vector" not in fields:
        raise InvalidDocument(which, "a passage needs start, end and vector")
    try:
        return Passage(start, end, vector_from(fields["vector"], which), bytes.fromhex(key))
    except ValueError:
        raise InvalidDocument(which, "a passage's key is not hexadecimal") from None


def _check_id(id: str, which: str) -> None:
    if not 1 <= len(id) <= MAX_ID_CHARACTERS:
        raise InvalidDocument(which, f"its id has {len(id)} characters, and 1 to {MAX_ID_CHARACTERS} are allowed")
    if any(unicodedata.category(character) in ("Cc", "Cs") for character in id):
        raise InvalidDocument(which, "its id holds a control character")
    if id in (".", ".."):
        raise InvalidDocument(
            which,
            f"its id is {id!r}, which clients take out of an address: what is to read or delete it would name "
            "something else. POST …/documents/delete deletes those that are kept already",
        )


def _wrong(reason: str) -> InvalidInput:
    return InvalidInput(reason, param="metadata")


def _check_values(metadata: Metadata, levels: int) -> None:
    """Level by level, one loop for all of a level: what fills a request with empty lists has millions of values."""
    objects: list[Metadata | list[Any]] = [metadata]
    for _ in range(levels):
        parts = (each if isinstance(each, list) else chain(each, each.values()) for each in objects)
        values = list(chain.from_iterable(parts))
        objects = [value for value in values if isinstance(value, HOLDS_VALUES)]
        for value in values:
            if not isinstance(value, HOLDS_VALUES):
                _check(value)
        if not objects:
            return
    raise _wrong(f"its metadata is deeper than {levels} levels (MAX_METADATA_DEPTH)")


def _check(value: object) -> None:
    """raises  InvalidInput, where no store keeps it"""
    if isinstance(value, str):
        if "\0" in value:
            raise _wrong("its metadata holds the character U+0000, which no store keeps")
    elif isinstance(value, float):
        if not math.isfinite(value):
            raise _wrong(f"its metadata holds {value}, which is not a finite number")
    elif isinstance(value, int) and abs(value) > MAX_INTEGER:
        raise _wrong(f"its metadata holds an integer beyond ±{MAX_INTEGER}: send it as a text")
