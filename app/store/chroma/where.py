"""Filters as Chroma's `where`, which is asked for what may match; of the document, `filters.matches` says what does.

`where` has its own ways: texts have no order, great numbers are rounded, Chroma Cloud refuses long keys and texts. So a
filter becomes a wider one, never a narrower: it saves reading, and decides nothing. None is everything.

source  https://docs.trychroma.com/docs/querying-collections/metadata-filtering
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from app.store.checks import valid
from app.store.filters import All, Compares, Either, Equals, Filter, Not, Scalar

Where = dict[str, Any]

# Names of the record's own fields begin so.
OURS = "vectorspace:"
# Chroma Cloud's greatest key, in bytes. A longer one has no field, and a filter by it reads everything.
LONGEST_NAME = 36
# Characters that a field has of a text: an index over whole texts would cost more than it saves.
LONGEST_TEXT = 256
# From here on two integers can be one float.
INEXACT = 2.0**53
GREATEST = math.nextafter(math.inf, 0)
NARROWER = {"$gt": "$gte", "$lt": "$lte"}


def has_field(name: str) -> bool:
    """Whether a key at the top of the metadata has a field in Chroma."""
    reserved = name.startswith((OURS, "chroma:", "$", "#"))
    return bool(name) and not reserved and valid(name) and len(name.encode()) <= LONGEST_NAME


def fields(metadata: Mapping[str, Any]) -> dict[str, Scalar]:
    """What `where` sees of a document's metadata: scalars at its top. NaN equals nothing, and is left out."""
    return {
        name: _field(value)
        for name, value in metadata.items()
        if has_field(name) and isinstance(value, bool | int | float | str) and value == value
    }


def _field(value: Scalar) -> Scalar:
    if isinstance(value, bool):
        return value
    if isinstance(value, str):
        return value[:LONGEST_TEXT]
    return max(-GREATEST, min(GREATEST, float(value)))


@dataclass(frozen=True)
class Wide:
    """where: None for everything; exact: whether it is the filter itself, so that its opposite may be asked for."""

    where: Where | None
    exact: bool


EVERYTHING = Wide(None, False)


def widened(filter: Filter) -> Where | None:
    """Matches at least what the filter does."""
    return _widen(filter).where


def _widen(filter: Filter) -> Wide:
    match filter:
        case Equals(name, values):
            return _equals(name, values)
        case Compares(name, order, value):
            return _compares(name, order, value)
        case Not(part):
            return _not(part)
        case All(parts):
            wide = [_widen(part) for part in parts]
            known = [each.where for each in wide if each.where is not None]
            return Wide(_joined("$and", known), all(each.exact for each in wide))
        case Either(parts):
            wide = [_widen(part) for part in parts]
            known = [each.where for each in wide if each.where is not None]
            if len(known) < len(wide):
                return EVERYTHING
            return Wide(_joined("$or", known), all(each.exact for each in wide))


def _not(part: Filter) -> Wide:
    match part:
        case Not(inner):
            return _widen(inner)
        case All(parts):
            return _widen(Either(tuple(Not(each) for each in parts)))
        case Either(parts):
            return _widen(All(tuple(Not(each) for each in parts)))
        case Equals(name, values) if _widen(part).exact:
            return Wide(_joined("$and", _among(name, "$nin", values)), True)
        case _:
            # The opposite of a comparison holds for other kinds as well, and for nothing at all.
            return EVERYTHING


def _equals(name: str, values: tuple[Scalar, ...]) -> Wide:
    if not has_field(name) or not all(valid(value) for value in values if isinstance(value, str)):
        return EVERYTHING
    return Wide(_joined("$or", _among(name, "$in", values)), all(_is_whole(value) for value in values))


def _among(name: str, word: str, values: tuple[Scalar, ...]) -> list[Where]:
    """One condition for each kind: Chroma takes no list of several."""
    kinds: dict[type, list[Scalar]] = {}
    for value in map(_field, values):
        kinds.setdefault(type(value), []).append(value)
    return [{name: {word: some}} for some in kinds.values()]


def _is_whole(value: Scalar) -> bool:
    """Whether nothing else has the same field."""
    if isinstance(value, bool):
        return True
    if isinstance(value, str):
        return len(value) < LONGEST_TEXT
    return abs(value) < INEXACT


def _compares(name: str, order: str, value: str | int | float) -> Wide:
    if isinstance(value, str) or not has_field(name):
        return EVERYTHING
    if not _is_whole(value):
        return Wide({name: {NARROWER.get(order, order): _field(value)}}, False)
    return Wide({name: {order: _field(value)}}, True)


def _joined(word: str, conditions: list[Where]) -> Where | None:
    if len(conditions) < 2:
        return conditions[0] if conditions else None
    return {word: conditions}
