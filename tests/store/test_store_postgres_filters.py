"""A filter means in PostgreSQL what it means in `filters.matches`."""

import asyncio
import json
import math
from collections.abc import Iterator
from typing import Any

import asyncpg
import pytest
from hypothesis import HealthCheck, assume, example, given, settings
from hypothesis import strategies as st

from app.errors import InvalidDocument
from app.store.filters import MAX_INTEGER, Compares, Equals, Filter, Not, matches
from app.store.postgres.json_filters import fields, translate
from app.store.postgres.parameters import Parameters
from tests.store.opening import cluster
from tests.unit.store.test_store_sql_filters import filters, names, values


class Database:
    """One connection, for as long as the tests run."""

    def __init__(self) -> None:
        self._loop = asyncio.new_event_loop()
        self._connection = self._loop.run_until_complete(asyncpg.connect(cluster().database()))

    def passing(self, metadata: list[dict[str, Any]], filter: Filter) -> list[int]:
        """The places in the list of what the filter lets through."""
        parameters = Parameters([[fields("x", each) for each in metadata]])
        condition = translate(filter, parameters)
        sql = (
            "SELECT d.place - 1 FROM (SELECT given::jsonb AS fields, place "  # noqa: S608
            f"FROM unnest($1::text[]) WITH ORDINALITY AS all_of_them (given, place)) d WHERE {condition} ORDER BY 1"
        )
        found = self._loop.run_until_complete(self._connection.fetch(sql, *parameters.values))
        return [row[0] for row in found]

    def close(self) -> None:
        self._loop.run_until_complete(self._connection.close())
        self._loop.close()


@pytest.fixture(scope="module")
def database() -> Iterator[Database]:
    database = Database()
    yield database
    database.close()


@settings(max_examples=300, deadline=None, suppress_health_check=list(HealthCheck))
@given(st.lists(st.dictionaries(names, values, max_size=4), max_size=4), filters)
@example([{"a": True}, {"a": 1}, {"a": "true"}], Equals("a", (1.0,)))
@example([{"a": 2**53}, {"a": 2**53 + 1}], Compares("a", "$gt", 2.0**53))
@example([{"a": 1234567890123456780}, {"a": 1.2345678901234568e18}], Compares("a", "$gt", 1234567890123456780))
@example([{"a": math.inf}, {"a": -math.inf}, {"a": 1e308}], Compares("a", "$lte", 1e308))
@example([{"a": "z"}, {"a": 9}, {"a": True}], Compares("a", "$gt", "a"))
@example([{"a": "\U0001f600"}, {"a": "\uffff"}], Compares("a", "$gt", "\ud800"))
@example([{}, {"a": None}, {"a": [1]}, {"a": "b"}], Not(Equals("a", ("b",))))
@example([{"a": "b"}, {}], Not(Compares("a", "$gt", "a\0")))
def test_postgres_passes_what_matches_does(database: Database, metadata: list[dict[str, Any]], filter: Filter) -> None:
    assume("\\u0000" not in json.dumps(metadata))  # refused before it gets there
    assert database.passing(metadata, filter) == [key for key, each in enumerate(metadata) if matches(filter, each)]


@pytest.mark.parametrize("words", ["'; DROP TABLE documents_1; --", "\"}' OR true --", "$1", "{}", "%s", "\\"])
def test_words_that_sql_or_json_would_read_are_only_values(database: Database, words: str) -> None:
    metadata = [{words: words}, {"a": "b"}]
    for each in (Equals(words, (words,)), Compares(words, "$gte", words)):
        assert database.passing(metadata, each) == [0]
        assert database.passing(metadata, Not(each)) == [1]


def test_an_integer_that_no_filter_could_name_is_refused() -> None:
    with pytest.raises(InvalidDocument, match=f"metadata 'n': an integer may be {MAX_INTEGER}"):
        fields("x", {"n": MAX_INTEGER + 1})
