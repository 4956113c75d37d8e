"""JSON in: what orjson says, but that no integer becomes another number."""

import json

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.exact_json import loads

integers = st.integers() | st.integers(2**63 - 3, 2**64 + 3) | st.integers(-(2**64) - 3, -(2**63) + 3)
scalars = st.none() | st.booleans() | integers | st.floats(allow_nan=False, allow_infinity=False)
texts = st.text(st.characters(codec="utf-8")) | st.integers().map(str)
values = st.recursive(scalars | texts, lambda inner: st.lists(inner) | st.dictionaries(texts, inner))


@given(values)
def test_every_value_comes_back_as_it_was_and_of_its_type(value: object) -> None:
    found = loads(json.dumps(value).encode())
    assert found == value
    assert repr(found) == repr(value)  # 1 equals 1.0, and True equals 1


@pytest.mark.parametrize("text", [str(2**64 + 1), str(-(2**63) - 1), str(10**40), f'{{"a": [{2**64 + 1}]}}'])
def test_orjson_alone_would_give_another_number(text: str) -> None:
    assert loads(text.encode()) == json.loads(text) != orjson.loads(text)


@pytest.mark.parametrize(
    "raw",
    [
        b"",
        b"{",
        b"NaN",
        b'"\\ud800"',
        b'"\xff"',
        b"1" + b"0" * 5000,
        b"[" * 1025 + b"]" * 1025,
        b"[" * 1000 + str(2**64).encode() + b"]" * 1000,
    ],
)
def test_what_cannot_be_read_is_a_json_error(raw: bytes) -> None:
    with pytest.raises(orjson.JSONDecodeError):
        loads(raw)


def test_as_many_levels_as_orjson_takes() -> None:
    assert loads(b"[" * 1024 + b"]" * 1024)


def test_a_fraction_is_none_of_them() -> None:
    """Vectors are full of long ones: they are not read a second time."""
    assert loads(b"[0.0123456789012345678901, 1e300, 12345678901234567890.5]") == [
        0.0123456789012345678901,
        1e300,
        12345678901234567890.5,
    ]
