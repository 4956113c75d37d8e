"""Whatever is asked, a parser either answers or refuses by a named error of the service: nothing else comes out."""

import json
import sqlite3
from typing import Any

import orjson
from hypothesis import given, settings
from hypothesis import strategies as st

from app.embedding.passages import split
from app.errors import InvalidFilter, InvalidInput, VectorSpaceError
from app.pipeline.drafts import Rules, from_json
from app.pipeline.formats.media_types import reader_for
from app.store import keyword
from app.store.filters import matches, parse
from tests.fakes import WordTokenizer

# Anything that JSON can hold and more (lone surrogates, NaN), the words that mean something here among it.
WORDS = ["$eq", "$ne", "$gt", "$gte", "$lt", "$lte", "$in", "$nin", "$and", "$or", "$not", "$", "", "k", "text", "id"]
WORDS += ["metadata", "vector", "passages", "start", "end", "key", "\0", "\ud800", "../..", "%00", "NaN"]
words = st.sampled_from(WORDS) | st.text(st.characters(), max_size=8)
scalars = (
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.sampled_from([2**63, -(2**63) - 1, 10**400, 1e308])
    | words
)
values = st.recursive(
    scalars, lambda inner: st.lists(inner, max_size=4) | st.dictionaries(words, inner, max_size=4), max_leaves=20
)
metadata = st.dictionaries(st.text(max_size=3) | st.just("k"), values, max_size=4)


@settings(max_examples=300)
@given(values, metadata)
def test_filters(value: Any, found: dict[str, Any]) -> None:
    try:
        filter_ = parse(value)
    except InvalidFilter:
        return
    if filter_ is not None:
        assert matches(filter_, found) in (True, False)


plain = st.text(st.characters(exclude_categories=["Cs"]), max_size=8)  # as JSON and UTF-8 have it
spans = st.fixed_dictionaries({"start": scalars, "end": scalars, "vector": values}, optional={"key": plain})
records = st.fixed_dictionaries(
    {},
    optional={
        "text": plain | values,
        "id": plain | st.none(),
        "metadata": st.dictionaries(plain, st.recursive(plain | st.floats() | st.integers(), st.lists)) | values,
        "vector": values | st.lists(st.floats() | st.integers()),
        "passages": values | st.lists(spans, max_size=2),
    },
)


@settings(max_examples=300)
@given(values | records)
def test_records(value: Any) -> None:
    """As an import has them: what its JSON reader lets through is refused, or kept and written again."""
    rules = Rules(max_metadata_bytes=1000, max_metadata_depth=4)
    try:
        draft = from_json(orjson.loads(json.dumps(value)), "1").with_id(from_content=True)
        rules.check(draft, "1")
    except orjson.JSONDecodeError:
        return
    except InvalidInput as error:
        str(error).encode("utf-8", "backslashreplace")
        return
    orjson.dumps({"id": draft.id, "text": draft.text, "metadata": dict(draft.metadata)})


@settings(max_examples=200)
@given(st.lists(values.filter(lambda value: _is_json(value)), max_size=5), st.binary(max_size=20))
def test_ndjson(rows: list[Any], noise: bytes) -> None:
    reader = reader_for("application/x-ndjson", 10_000)
    raw = b"\n".join([*map(orjson.dumps, rows), noise, b""])
    try:
        items = [*reader.feed(raw), *reader.end()]
    except VectorSpaceError:
        return
    # No line is passed over in silence, but empty ones.
    assert len(items) <= raw.count(b"\n") + 1


@settings(max_examples=300)
@given(st.text(st.characters(), max_size=200) | st.lists(words, max_size=20).map(" ".join))
def test_keyword_queries_are_expressions_that_sqlite_takes(text: str) -> None:
    expression = keyword.expression(tokens) if (tokens := keyword.query_tokens(text)) else None
    if expression is None:
        return
    with_table = _full_text()
    with_table.execute("SELECT count(*) FROM words WHERE words MATCH ?", [expression]).fetchone()
    with_table.execute("INSERT INTO words VALUES (?)", [keyword.document_text(text)])
    assert with_table.execute("SELECT count(*) FROM words WHERE words MATCH ?", [expression]).fetchone() == (1,)
    with_table.rollback()


@settings(max_examples=300)
@given(st.lists(st.text(max_size=60), min_size=1, max_size=3))
def test_passages_are_within_their_text(texts: list[str]) -> None:
    for text, spans in zip(texts, split(texts, WordTokenizer(4)), strict=True):
        assert all(0 <= span.start <= span.end <= len(text) for span in spans)


_table: list[sqlite3.Connection] = []


def _full_text() -> sqlite3.Connection:
    if not _table:
        _table.append(sqlite3.connect(":memory:"))
        _table[0].execute("CREATE VIRTUAL TABLE words USING fts5(tokens, content='', tokenize='ascii')")
    return _table[0]


def _is_json(value: Any) -> bool:
    try:
        orjson.dumps(value)
    except orjson.JSONEncodeError:
        return False
    return True
