"""A filter means in SQL what it means in `filters.matches`."""

import math
import sqlite3
from typing import Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from app.errors import InvalidDocument
from app.store.embedded.ledger.sql_filters import fields, translate
from app.store.filters import MAX_INTEGER, ORDERS, All, Compares, Either, Equals, Filter, Not, matches

# Names and texts that SQL, JSON or a path in JSON would have to quote.
NAMES = ["a", "", "a.b", '"', "'", "$", "a\x00b", "é", "[0]", "\\"]
TEXTS = ["", "a", "A", "b", "a\x00", "a\x00b", "1", "true", "é", "\uffff", "😀", "'", '"']
NUMBERS = [0, 1, -1, 2**53, 2**53 + 1, MAX_INTEGER, -MAX_INTEGER, 0.0, -0.0, 1.0, 0.5, 2.0**53, 2.0**63, 1e308, -1e-308]

names = st.sampled_from(NAMES)
texts = st.sampled_from(TEXTS) | st.text(max_size=3)
numbers = st.sampled_from(NUMBERS) | st.integers(-3, 3) | st.floats(allow_nan=False, allow_infinity=False)
scalars = st.booleans() | numbers | texts
values = scalars | st.none() | st.just(math.inf) | st.just(math.nan) | st.lists(scalars, max_size=2)
half = st.just("\ud800")

conditions: st.SearchStrategy[Filter] = st.one_of(
    st.builds(Equals, names, st.lists(scalars | half, min_size=1, max_size=3).map(tuple)),
    st.builds(Compares, names | half, st.sampled_from(ORDERS), numbers | texts | half),
)
filters: st.SearchStrategy[Filter] = st.recursive(
    conditions,
    lambda parts: st.one_of(
        st.builds(Not, parts),
        st.builds(All, st.lists(parts, max_size=3).map(tuple)),
        st.builds(Either, st.lists(parts, max_size=3).map(tuple)),
    ),
    max_leaves=6,
)


def kept(metadata: list[dict[str, Any]]) -> sqlite3.Connection:
    """One document for each, their places in the list are their keys; and a neighbour in another collection."""
    connection = sqlite3.connect(":memory:", isolation_level=None)
    connection.execute("CREATE TABLE documents (key INTEGER PRIMARY KEY)")
    connection.execute(
        "CREATE TABLE fields (collection INTEGER NOT NULL, name TEXT NOT NULL, value NOT NULL, "
        "document INTEGER NOT NULL, PRIMARY KEY (collection, name, value, document)) WITHOUT ROWID"
    )
    for key, each in enumerate(metadata):
        connection.execute("INSERT INTO documents VALUES (?)", (key,))
        rows = [(1, name, value, key) for name, value in fields("x", each)]
        connection.executemany("INSERT INTO fields VALUES (?, ?, ?, ?)", rows)
    return connection


@settings(max_examples=300)
@given(st.lists(st.dictionaries(names, values, max_size=4), max_size=4), filters)
@example([{"a": True}, {"a": 1}, {"a": "true"}], Equals("a", (1.0,)))
@example([{"a": 2**53}, {"a": 2**53 + 1}], Compares("a", "$gt", 2.0**53))
@example([{"a": "z"}, {"a": 9}, {"a": True}], Compares("a", "$gt", "a"))
@example([{"a": "\U0001f600"}, {"a": "\uffff"}], Compares("a", "$gt", "\ud800"))
def test_sql_passes_what_matches_does(metadata: list[dict[str, Any]], filter: Filter) -> None:
    connection = kept(metadata)
    condition, parameters = translate(filter, 1)
    sql = f"SELECT d.key FROM documents d WHERE {condition} ORDER BY d.key"  # noqa: S608
    found = [key for (key,) in connection.execute(sql, parameters)]
    connection.close()
    assert found == [key for key, each in enumerate(metadata) if matches(filter, each)]


@pytest.mark.parametrize("value", [2**63, -(2**63), 10**30])
def test_an_integer_that_no_filter_could_name_is_refused(value: int) -> None:
    with pytest.raises(InvalidDocument, match="metadata 'n': an integer may be 9223372036854775807"):
        fields("x", {"n": value})
    assert fields("x", {"deep": {"n": value}}) == []
