"""Filters as SQL over the ledger's `fields`, where each scalar at the top of a document's metadata has a row."""

from collections.abc import Iterable, Mapping
from typing import Any

from app.store.checks import refuse_great_integers, valid
from app.store.filters import All, Compares, Either, Equals, Filter, Not, Scalar

Value = int | float | str | bytes
Condition = tuple[str, list[object]]

# SQLite puts every number before every text, and every text before every blob: bounds that keep a comparison inside one
# kind, and inside one range of the table's key. https://www.sqlite.org/datatype3.html#comparisons
FIRST_TEXT = "''"
AFTER_TEXTS = "x''"
WORDS = {"$gt": ">", "$gte": ">=", "$lt": "<", "$lte": "<="}


def fields(id: str, metadata: Mapping[str, Any]) -> list[tuple[str, Value]]:
    """The rows that a document's metadata makes: (name, value). Lists, objects, null and NaN equal nothing: no row.

    raises  InvalidDocument, where an integer is greater than a filter's may be
    """
    refuse_great_integers(id, metadata)
    rows: list[tuple[str, Value]] = []
    for name, value in metadata.items():
        if isinstance(value, bool):
            rows.append((name, _bool(value)))
        elif isinstance(value, int | str) or (isinstance(value, float) and value == value):
            rows.append((name, value))
    return rows


def translate(filter: Filter, collection: int) -> Condition:
    """A condition on the column `documents.key`, under the alias d, and its parameters."""
    match filter:
        case Equals(name, values):
            marks = ", ".join(_mark(value) for value in values)
            return _among(collection, name, f"value IN ({marks})", [_value(value) for value in values])
        case Compares(name, order, value):
            bounds = f"value {WORDS[order]} {_mark(value)}"
            if isinstance(value, str):
                bounds += f" AND value >= {FIRST_TEXT} AND value < {AFTER_TEXTS}"
            else:
                bounds += f" AND value < {FIRST_TEXT}"
            return _among(collection, name, bounds, [_value(value)])
        case Not(part):
            sql, parameters = translate(part, collection)
            return f"NOT ({sql})", parameters
        case All(parts):
            return _join(" AND ", "1", parts, collection)
        case Either(parts):
            return _join(" OR ", "0", parts, collection)


def _among(collection: int, name: str, bounds: str, values: list[object]) -> Condition:
    sql = f"d.key IN (SELECT document FROM fields WHERE collection = ? AND name = {_mark(name)} AND {bounds})"  # noqa: S608  only marks
    return sql, [collection, _value(name), *values]


def _join(word: str, empty: str, parts: Iterable[Filter], collection: int) -> Condition:
    conditions = [translate(part, collection) for part in parts]
    sql = word.join(f"({sql})" for sql, _ in conditions) or empty
    return sql, [parameter for _, parameters in conditions for parameter in parameters]


def _mark(value: Scalar) -> str:
    """Half a surrogate pair, which no document has, comes as bytes: it is compared like any text then, not refused."""
    return "?" if _encodable(value) else "CAST(? AS TEXT)"


def _value(value: Scalar) -> object:
    if isinstance(value, bool):
        return _bool(value)
    return value if _encodable(value) or not isinstance(value, str) else value.encode("utf-8", "surrogatepass")


def _encodable(value: Scalar) -> bool:
    return not isinstance(value, str) or valid(value)


def _bool(value: bool) -> bytes:
    return b"\x01" if value else b"\x00"
