"""JSON whose integers stay integers, so that what is too great for a store is seen, and refused."""

import json
import re
from typing import Any

import orjson

# An integer's first 19 digits, be it within a text: then it is read again, which costs little. Not those of a fraction.
_great = re.compile(rb"(?<![0-9.])[1-9][0-9]{18}")


def loads(raw: bytes) -> Any:
    """As orjson reads it, but that an integer beyond 64 bits does not become the float next to it, another number.

    raises  orjson.JSONDecodeError, also where such an integer stands beside more levels than the interpreter takes, or
            has more digits
    source  https://github.com/ijl/orjson: integers are of 64 bits; what is larger is read as a float
    """
    value = orjson.loads(raw)
    if _great.search(raw) is None:
        return value
    try:
        return json.loads(raw)
    except (RecursionError, ValueError) as error:
        raise orjson.JSONDecodeError(f"beside or within an integer beyond 64 bits: {error}", "", 0) from None
