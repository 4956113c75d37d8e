"""Filters on metadata, in Chroma's and Mongo's words, with one meaning for every store and every search mode.

    {"lang": "de"}                                  equal, the same as {"lang": {"$eq": "de"}}
    {"year": {"$gte": 2020, "$lt": 2024}}           several conditions on a field all hold
    {"$or": [{"lang": {"$in": ["de", "fr"]}}, …]}   combined

A field is a key at the top of the metadata. Numbers compare by value, 1 equals 1.0; true and false are no numbers;
texts compare with texts only, by code point. A field that is absent, or of another kind, equals nothing: `$ne` and
`$nin` hold for it, every other condition fails.

source  https://docs.trychroma.com/docs/querying-collections/metadata-filtering
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

from app.errors import InvalidFilter

Scalar = str | int | float | bool
Order = Literal["$gt", "$gte", "$lt", "$lte"]
ORDERS: tuple[Order, ...] = ("$gt", "$gte", "$lt", "$lte")
MAX_DEPTH = 8
MAX_CONDITIONS = 100
MAX_INTEGER = 2**63 - 1


@dataclass(frozen=True)
class Equals:
    """The field's value is one of `values`."""

    field: str
    values: tuple[Scalar, ...]


@dataclass(frozen=True)
class Compares:
    """The field's value is of the same kind as `value` and stands in this order to it."""

    field: str
    order: Order
    value: str | int | float


@dataclass(frozen=True)
class Not:
    part: "Filter"


@dataclass(frozen=True)
class All:
    parts: tuple["Filter", ...]


@dataclass(frozen=True)
class Either:
    parts: tuple["Filter", ...]


Filter = Equals | Compares | Not | All | Either


def parse(value: object) -> Filter | None:
    """The filter that a request's JSON describes; None for {}.

    raises  InvalidFilter, naming the word or the value that cannot be understood, and the limit that was passed
    """
    if not isinstance(value, Mapping):
        raise InvalidFilter(f"a filter is an object, not {_kind(value)}")
    if not value:
        return None
    counted = _Counter()
    return _object(value, 1, counted)


class _Counter:
    def __init__(self) -> None:
        self.conditions = 0

    def add(self, count: int) -> None:
        self.conditions += count
        if self.conditions > MAX_CONDITIONS:
            raise InvalidFilter(f"a filter may hold {MAX_CONDITIONS} values, this one holds more")


def _object(value: Mapping[str, object], depth: int, counted: _Counter) -> Filter:
    if depth > MAX_DEPTH:
        raise InvalidFilter(f"a filter may be {MAX_DEPTH} levels deep, this one is deeper")
    if not value:
        raise InvalidFilter("an empty object stands where a condition should")
    parts: list[Filter] = []
    for key, content in value.items():
        if key in ("$and", "$or"):
            parts.append(_combination(key, content, depth, counted))
        elif key.startswith("$"):
            raise InvalidFilter(f"{key} stands where a field should: known there are $and and $or")
        else:
            parts += _conditions(key, content, counted)
    return parts[0] if len(parts) == 1 else All(tuple(parts))


def _combination(word: str, content: object, depth: int, counted: _Counter) -> Filter:
    if not isinstance(content, list) or not content:
        raise InvalidFilter(f"{word} takes a list of at least one filter, not {_kind(content)}")
    parts = []
    for part in content:
        if not isinstance(part, Mapping):
            raise InvalidFilter(f"{word} takes filters, not {_kind(part)}")
        parts.append(_object(part, depth + 1, counted))
    return All(tuple(parts)) if word == "$and" else Either(tuple(parts))


def _conditions(field: str, content: object, counted: _Counter) -> list[Filter]:
    if not isinstance(content, Mapping):
        counted.add(1)
        return [Equals(field, (_scalar(field, content),))]
    if not content:
        raise InvalidFilter(f"{field}: an empty object stands where a condition should")
    return [_condition(field, word, value, counted) for word, value in content.items()]


def _condition(field: str, word: str, value: object, counted: _Counter) -> Filter:
    match word:
        case "$eq" | "$ne":
            counted.add(1)
            equal = Equals(field, (_scalar(field, value),))
            return equal if word == "$eq" else Not(equal)
        case "$in" | "$nin":
            if not isinstance(value, list) or not value:
                raise InvalidFilter(f"{field}: {word} takes a list of at least one value, not {_kind(value)}")
            counted.add(len(value))
            among = Equals(field, tuple(_scalar(field, each) for each in value))
            return among if word == "$in" else Not(among)
        case "$gt" | "$gte" | "$lt" | "$lte":
            counted.add(1)
            scalar = _scalar(field, value)
            if isinstance(scalar, bool):
                raise InvalidFilter(f"{field}: {word} takes a number or a text, not {_kind(value)}")
            return Compares(field, word, scalar)
        case _:
            known = "$eq, $ne, $gt, $gte, $lt, $lte, $in, $nin"
            raise InvalidFilter(f"{field}: {word} is not known; known are {known}")


def _scalar(field: str, value: object) -> Scalar:
    if isinstance(value, bool | str):
        return value
    if isinstance(value, int):
        if abs(value) > MAX_INTEGER:
            raise InvalidFilter(f"{field}: an integer may be {MAX_INTEGER} at most")
        return value
    if isinstance(value, float):
        if not math.isfinite(value):
            raise InvalidFilter(f"{field}: {value} is not a number to compare with")
        return value
    raise InvalidFilter(f"{field}: a value is a text, a number, true or false, not {_kind(value)}")


def _kind(value: object) -> str:
    if value is None:
        return "null"
    names: dict[type, str] = {bool: "true or false", str: "a text", int: "a number", float: "a number"}
    if isinstance(value, list):
        return "a list" if value else "an empty one"
    return names.get(type(value), "an object")


def matches(filter: Filter, metadata: Mapping[str, Any]) -> bool:
    """Whether metadata passes: the meaning that every store's own translation must keep."""
    match filter:
        case Equals(field, values):
            return field in metadata and any(_equal(metadata[field], value) for value in values)
        case Compares(field, order, value):
            return field in metadata and _ordered(metadata[field], order, value)
        case Not(part):
            return not matches(part, metadata)
        case All(parts):
            return all(matches(part, metadata) for part in parts)
        case Either(parts):
            return any(matches(part, metadata) for part in parts)


def _sort(value: object) -> str | None:
    """The kind within which values compare."""
    if isinstance(value, bool):
        return "bool"
    if isinstance(value, int | float):
        return "number"
    return "text" if isinstance(value, str) else None


def _equal(found: object, value: Scalar) -> bool:
    return _sort(found) == _sort(value) and found == value


def _ordered(found: Any, order: Order, value: str | int | float) -> bool:
    if _sort(found) != _sort(value):
        return False
    match order:
        case "$gt":
            return bool(found > value)
        case "$gte":
            return bool(found >= value)
        case "$lt":
            return bool(found < value)
        case "$lte":
            return bool(found <= value)
