"""What a filter becomes in Chroma's words lets through at least what the filter does, as a real server judges it."""

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from app.store.chroma.where import LONGEST_NAME, LONGEST_TEXT, fields, widened
from app.store.filters import All, Compares, Either, Equals, Filter, Not, matches, parse
from app.store.library import chromadb
from tests.store.opening import chroma_server

NAMES = ["n", "s", "chroma:document", "vectorspace:x", "$and", "é" * LONGEST_NAME]
long = "x" * LONGEST_TEXT
scalars = st.one_of(
    st.booleans(),
    st.integers(-2, 2),
    st.sampled_from([0.5, -0.0, 1e-300, 1.7e308, 2**53, 2**53 + 1, -(2**63) + 1, 2**63 - 1, float(2**53)]),
    st.sampled_from(["", "a", "b", "é", "1", "true", "\0", long, f"{long}y", long[1:]]),
)
kept = scalars | st.none() | st.lists(st.integers(), max_size=1) | st.sampled_from([float("inf"), float("nan")])
metadatas = st.dictionaries(st.sampled_from(NAMES), kept, max_size=4)
names = st.sampled_from(NAMES)
numbers_and_texts = scalars.filter(lambda value: not isinstance(value, bool))
conditions = st.one_of(
    st.builds(Equals, names, st.lists(scalars, min_size=1, max_size=3).map(tuple)),
    st.builds(Compares, names, st.sampled_from(["$gt", "$gte", "$lt", "$lte"]), numbers_and_texts),
)
filters: st.SearchStrategy[Filter] = st.recursive(
    conditions,
    lambda inner: st.one_of(
        st.builds(Not, inner),
        st.builds(All, st.lists(inner, min_size=1, max_size=3).map(tuple)),
        st.builds(Either, st.lists(inner, min_size=1, max_size=3).map(tuple)),
    ),
    max_leaves=5,
)


@pytest.fixture(scope="module")
def collection() -> object:
    url = chroma_server().url(chroma_server().database())
    database = url.rpartition("=")[2]
    client = chromadb.HttpClient("127.0.0.1", chroma_server().port, database=database)
    return client.create_collection("where", embedding_function=None)


@settings(max_examples=60, deadline=None, suppress_health_check=list(HealthCheck))
@given(documents=st.lists(metadatas, min_size=1, max_size=12), asked=st.lists(filters, min_size=1, max_size=6))
def test_nothing_that_matches_is_left_out(
    collection: chromadb.Collection, documents: list[dict[str, object]], asked: list[Filter]
) -> None:
    names = [str(number) for number in range(len(documents))]
    # An upsert merges: what an earlier example left would stay.
    collection.delete(where={"all": True})
    collection.upsert(
        ids=names,
        embeddings=np.zeros((len(documents), 1), np.float32),
        metadatas=[{**fields(each), "all": True} for each in documents],
    )
    for each_filter in asked:
        where = widened(each_filter)
        if where is not None:
            found = set(collection.get(where=where, include=[])["ids"])
            assert found >= {name for name, each in zip(names, documents, strict=True) if matches(each_filter, each)}


@pytest.mark.parametrize(
    ("filter", "where"),
    [
        ({"lang": "de"}, {"lang": {"$in": ["de"]}}),
        ({"lang": {"$nin": ["de", "fr"]}}, {"lang": {"$nin": ["de", "fr"]}}),
        ({"year": {"$gte": 2020, "$lt": 2024}}, {"$and": [{"year": {"$gte": 2020.0}}, {"year": {"$lt": 2024.0}}]}),
        ({"lang": {"$in": ["de", 1]}}, {"$or": [{"lang": {"$in": ["de"]}}, {"lang": {"$in": [1.0]}}]}),
        ({"$or": [{"a": 1}, {"b": {"$gt": "x"}}]}, None),
        ({"$and": [{"a": True}, {"b": {"$gt": "x"}}]}, {"a": {"$in": [True]}}),
    ],
)
def test_what_chroma_is_asked_for(filter: object, where: object) -> None:
    parsed = parse(filter)
    assert parsed is not None
    assert widened(parsed) == where
