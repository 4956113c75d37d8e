"""Filters as SQL over `documents.fields`: a document's scalars at the top of its metadata, as jsonb.

Equality is containment, which an index answers. Order compares jsonb with jsonb among numbers, and UTF-8 bytes, which
stand in the order of the code points, among texts. No condition is ever NULL, so that NOT means what it says.

source  https://www.postgresql.org/docs/current/datatype-json.html
"""

import json
from collections.abc import Iterable, Mapping
from typing import Any

from app.store.checks import refuse_great_integers, valid
from app.store.filters import All, Compares, Either, Equals, Filter, Not, Scalar
from app.store.postgres.parameters import Parameters

WORDS = {"$gt": ">", "$gte": ">=", "$lt": "<", "$lte": "<="}
# Beyond it a float's shortest text is another number than the float: it is written out.
EXACT = 2.0**53
# jsonb has no infinity: more than any float stands for it.
INFINITE = "1e400"


def fields(id: str, metadata: Mapping[str, Any]) -> str:
    """What filters see of a document's metadata. Lists, objects, null and NaN equal nothing: they are left out.

    raises  InvalidDocument, where an integer is greater than a filter's may be
    """
    refuse_great_integers(id, metadata)
    kept = (
        (name, value)
        for name, value in metadata.items()
        if isinstance(value, bool | int | str) or (isinstance(value, float) and value == value)
    )
    return _object(kept)


def translate(filter: Filter, parameters: Parameters) -> str:
    """A condition on the column `fields`, under the alias d; its values are added to `parameters`."""
    match filter:
        case Equals(name, values):
            return _join(" OR ", "false", [_equals(name, value, parameters) for value in values])
        case Compares(name, order, value):
            return _compares(name, WORDS[order], value, parameters)
        case Not(part):
            return f"NOT ({translate(part, parameters)})"
        case All(parts):
            return _join(" AND ", "true", [translate(part, parameters) for part in parts])
        case Either(parts):
            return _join(" OR ", "false", [translate(part, parameters) for part in parts])


def _equals(name: str, value: Scalar, parameters: Parameters) -> str:
    if not keepable(name) or (isinstance(value, str) and not keepable(value)):
        return "false"
    return f"d.fields @> {parameters.add(_object([(name, value)]))}::jsonb"


def _compares(name: str, word: str, value: str | int | float, parameters: Parameters) -> str:
    if not keepable(name):
        return "false"
    found = f"d.fields -> {parameters.add(name)}::text"
    if isinstance(value, str):
        mark = parameters.add(value.encode("utf-8", "surrogatepass"))
        kind, order = "string", f"convert_to(({found}) #>> '{{}}', 'UTF8') {word} {mark}::bytea"
    else:
        kind, order = "number", f"({found}) {word} {parameters.add(_scalar(value))}::jsonb"
    return f"CASE WHEN jsonb_typeof({found}) = '{kind}' THEN {order} ELSE false END"


def _join(word: str, empty: str, conditions: Iterable[str]) -> str:
    return word.join(f"({condition})" for condition in conditions) or empty


def keepable(text: str) -> bool:
    """What no document has: half a surrogate pair, and U+0000, which PostgreSQL does not keep."""
    return valid(text) and "\0" not in text


def _object(pairs: Iterable[tuple[str, Scalar]]) -> str:
    return "{" + ",".join(f"{json.dumps(name, ensure_ascii=False)}:{_scalar(value)}" for name, value in pairs) + "}"


def _scalar(value: Scalar) -> str:
    if isinstance(value, float):
        if abs(value) == float("inf"):
            return INFINITE if value > 0 else f"-{INFINITE}"
        return str(int(value)) if abs(value) >= EXACT else repr(value)
    return json.dumps(value, ensure_ascii=False)
