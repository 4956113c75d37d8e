"""What every store does, one behaviour at a time, on documents made by hand."""

import itertools
import math
import random
import threading
from collections import Counter
from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace

import numpy as np
import pytest

from app.errors import (
    CollectionNotFound,
    DocumentNotFound,
    InvalidCursor,
    InvalidDocument,
    LimitPassed,
    SpaceMismatch,
    TooManyCollections,
)
from app.pipeline.vectors import LONGEST, SHORTEST
from app.store.chroma.store import ChromaStore
from app.store.filters import parse
from app.store.store import (
    ALL_PARTS,
    Distance,
    Document,
    Metadata,
    Mode,
    Part,
    Passage,
    Query,
    Space,
    Store,
    default_mode,
)
from tests.store.opening import PLANE, document, random_documents, vector

# Every mode; those that rank words only where a store does.
MODES = ["semantic", *(pytest.param(mode, marks=pytest.mark.wants("words")) for mode in ("keyword", "hybrid"))]
EAST, NORTH, WEST = vector(1, 0, 0, 0), vector(0, 1, 0, 0), vector(-1, 0, 0, 0)


@pytest.fixture
def animals(store: Store) -> Store:
    store.create_collection("animals", PLANE, {"of": "tests"})
    store.upsert(
        "animals",
        [
            document("cat", "the cat sleeps. the cat purrs.", EAST, NORTH, metadata={"legs": 4, "wild": False}),
            document("crow", "a crow flies", NORTH, metadata={"legs": 2, "wild": True}),
            document("fish", "a fish swims, and sleeps", WEST, metadata={"legs": 0, "wild": True}),
        ],
    )
    return store


def found(store: Store, mode: Mode, **query: object) -> list[str]:
    hits = store.search("animals", Query(mode, **query))  # type: ignore[arg-type]
    return [hit.document.document.id for hit in hits]


def test_totals_follow_every_write(animals: Store) -> None:
    def counts() -> tuple[int, int, int]:
        totals = animals.totals()
        return totals.collections, totals.documents, totals.passages

    assert counts() == (1, 3, 4)
    animals.create_collection("more", PLANE, {})
    animals.upsert("more", [document(str(i), "text", EAST) for i in range(20)])
    animals.upsert("animals", [document("cat", "a cat", WEST)])
    assert counts() == (2, 23, 23)
    animals.delete_documents("animals", ids=["crow"])
    assert counts() == (2, 22, 22)
    animals.delete_collection("more")
    assert counts() == (1, 2, 2)


@pytest.mark.wants("bytes")
def test_totals_say_how_many_bytes(store: Store) -> None:
    store.create_collection("more", PLANE, {})
    # Of chance, since a database may keep what repeats itself in less room.
    texts = ["".join(random.Random(i).choices("abcdefgh ", k=10_000)) for i in range(20)]
    before = store.totals().bytes
    store.upsert("more", [document(str(i), text, EAST) for i, text in enumerate(texts)])
    after = store.totals().bytes
    assert before is not None
    assert after is not None
    assert after >= before + sum(map(len, texts))
    assert store.totals(size=False) == replace(store.totals(), bytes=None)


def test_a_collection_remembers_its_space(store: Store) -> None:
    made, new = store.create_collection("a", PLANE, {"k": [1, {"x": None}]})
    assert (made.name, made.space, made.metadata, made.documents, made.passages) == (
        "a",
        PLANE,
        {"k": [1, {"x": None}]},
        0,
        0,
    )
    assert new
    assert store.create_collection("a", PLANE, {}) == (made, False)
    for other, what in (
        (Space("b", 4), "model"),
        (Space("model-a", 5), "dimension"),
        (Space("model-a", 4, "dot"), "distance"),
    ):
        with pytest.raises(SpaceMismatch, match=what):
            store.create_collection("a", other, {})


def test_collections_are_limited_listed_and_deleted(store: Store) -> None:
    for name in "hgfedcba":
        store.create_collection(name, PLANE, {})
    with pytest.raises(TooManyCollections, match="8"):
        store.create_collection("i", PLANE, {})
    store.delete_collection("c")
    assert [each.name for each in store.collections()] == list("abdefgh")
    with pytest.raises(CollectionNotFound, match="'c'"):
        store.delete_collection("c")


def test_a_deleted_collection_leaves_nothing(animals: Store) -> None:
    animals.delete_collection("animals")
    made, new = animals.create_collection("animals", Space("model-a", 4, "dot"), {})
    assert new
    assert made.documents == 0
    assert found(animals, default_mode(animals), text="cat", vector=EAST) == []
    assert animals.vectors("model-a", [b"a crow flies/0"]) == {}


@pytest.mark.parametrize("space", [PLANE, Space("model-b", 3)])
def test_what_was_made_for_a_collection_does_not_go_into_one_made_anew(animals: Store, space: Space) -> None:
    old = animals.collection("animals")
    animals.upsert("animals", [document("bee", "a bee", EAST)], made_for=old)
    assert animals.search("animals", Query("semantic", vector=EAST), made_for=old)
    animals.delete_collection("animals")
    new, _ = animals.create_collection("animals", space, {})
    assert new.key != old.key
    with pytest.raises(CollectionNotFound, match="'animals'"):
        animals.upsert("animals", [document("cat", "the cat sleeps", EAST)], made_for=old)
    with pytest.raises(CollectionNotFound, match="'animals'"):
        animals.search("animals", Query(default_mode(animals), "cat", EAST), made_for=old)
    assert animals.collection("animals").documents == 0
    animals.upsert("animals", [document("cat", "the cat sleeps", EAST[: space.dimension])], made_for=new)
    query = Query("semantic", vector=EAST[: space.dimension])
    now = animals.collection("animals")
    assert [hit.document.document.id for hit in animals.search("animals", query, made_for=now)] == ["cat"]


@pytest.mark.parametrize("sampled", [False, True])
def test_what_is_being_read_does_not_go_on_in_a_collection_made_anew(store: Store, sampled: bool) -> None:
    """It has nothing of another: all of the collection as it was, or it ends."""

    def fill(text: str) -> None:
        store.create_collection("animals", PLANE, {})
        store.upsert("animals", [document(f"d{number:03}", text, EAST) for number in range(250)])

    fill("old")
    read = store.sample("animals", 250).documents if sampled else store.export("animals")
    texts = [next(read).document.text]
    store.delete_collection("animals")
    fill("new")
    with suppress(CollectionNotFound):
        texts += [stored.document.text for stored in read]
    assert set(texts) == {"old"}


def test_writes_beside_a_collection_made_anew_go_into_the_one_they_were_made_for(store: Store) -> None:
    done = threading.Event()
    store.create_collection("animals", PLANE, {})

    def write_for_ever() -> None:
        for number in itertools.count():
            if done.is_set():
                return
            with suppress(CollectionNotFound):
                found = store.collection("animals")
                made = document(f"d{number % 5}", "text", np.ones(found.space.dimension, np.float32))
                store.upsert("animals", [replace(made, metadata={"made_for": found.key})], made_for=found)

    writers = [threading.Thread(target=write_for_ever) for _ in range(2)]
    for writer in writers:
        writer.start()
    try:
        for dimension in [3, 4] * 5:
            while not store.collection("animals").documents:
                assert all(writer.is_alive() for writer in writers)
            store.delete_collection("animals")
            store.create_collection("animals", Space("model-a", dimension), {})
    finally:
        done.set()
        for writer in writers:
            writer.join()
    kept = {each.document.metadata["made_for"] for each in store.export("animals")}
    assert kept <= {store.collection("animals").key}


@pytest.mark.parametrize("ask", ["collection", "delete_collection", "documents", "export"])
def test_an_absent_collection_is_named(store: Store, ask: str) -> None:
    with pytest.raises(CollectionNotFound, match="nowhere"):
        getattr(store, ask)("nowhere")
    with pytest.raises(CollectionNotFound, match="nowhere"):
        store.sample("nowhere", 10)
    with pytest.raises(CollectionNotFound, match="nowhere"):
        store.search("nowhere", Query("keyword", "x"))


def test_documents_come_back_as_they_went_in(animals: Store) -> None:
    cat = animals.document("animals", "cat", vectors=True).document
    assert (cat.text, cat.metadata) == ("the cat sleeps. the cat purrs.", {"legs": 4, "wild": False})
    assert [(p.start, p.end, p.key) for p in cat.passages] == [
        (0, 15, b"the cat sleeps. the cat purrs./0"),
        (15, 30, b"the cat sleeps. the cat purrs./15"),
    ]
    np.testing.assert_array_equal([p.vector for p in cat.passages], [EAST, NORTH])
    assert animals.document("animals", "cat").document.passages == ()
    with pytest.raises(DocumentNotFound, match="'dog'"):
        animals.document("animals", "dog")


def test_an_upsert_replaces(animals: Store) -> None:
    animals.upsert("animals", [document("cat", "lost", WEST), document("cat", "a dog barks", WEST)])
    collection = animals.collection("animals")
    assert (collection.documents, collection.passages) == (3, 3)
    assert found(animals, "semantic", vector=EAST, min_score=0.5) == []
    assert animals.documents("animals", filter=parse({"legs": 4})).documents == []
    assert animals.vectors("model-a", [b"the cat sleeps. the cat purrs./0"]) == {}


@pytest.mark.wants("words")
def test_an_upsert_replaces_words(animals: Store) -> None:
    animals.upsert("animals", [document("cat", "lost", WEST), document("cat", "a dog barks", WEST)])
    assert found(animals, "keyword", text="purrs") == []
    assert found(animals, "keyword", text="barks") == ["cat"]


def test_what_cannot_be_kept_changes_nothing(animals: Store) -> None:
    for bad, why in (
        (Document("\ud800", "x"), "its id"),
        (Document("x", "a\udfff"), "its text holds half a surrogate pair at character 1"),
        (Document("x", "x", {"k": "\ud800"}), "its metadata"),
        (Document("x", "x", {"k": 2**63}), "integer"),
    ):
        with pytest.raises(InvalidDocument, match=why):
            animals.upsert("animals", [document("good", "good", EAST), bad])
    assert animals.collection("animals").documents == 3


def test_unchanged_compares_kinds(animals: Store) -> None:
    cat = animals.document("animals", "cat").document
    others = [
        Document("cat", cat.text + "!", cat.metadata),
        Document("cat", cat.text, {"legs": 4, "wild": 0}),
        Document("dog", cat.text, cat.metadata),
        Document("\ud800", cat.text, cat.metadata),
    ]
    assert animals.unchanged("animals", [cat, *others]) == [True, False, False, False, False]
    assert animals.unchanged("animals", [Document("cat", cat.text, {"wild": False, "legs": 4})]) == [True]


def test_unchanged_compares_passages_where_they_are_brought(animals: Store) -> None:
    cat = animals.document("animals", "cat", vectors=True).document
    first, second = cat.passages

    def brought(*passages: Passage, name: str = "cat") -> Document:
        return Document(name, cat.text, cat.metadata, passages)

    same = [brought(), brought(first, second), brought(first, replace(second, key=b"another"))]
    others = [
        brought(first),
        brought(second, first),
        brought(first, second, second),
        brought(first, replace(second, end=29)),
        brought(first, replace(second, vector=vector(0, 1, 0, 1e-7))),
        brought(first, second, name="dog"),
        brought(first, second, name="\ud800"),
    ]
    assert animals.unchanged("animals", [*same, *others]) == [True] * len(same) + [False] * len(others)
    assert animals.unchanged("animals", []) == []


def test_unchanged_while_a_document_comes_and_goes(animals: Store) -> None:
    """One that is gone in the middle of it is a changed one, and nothing that is raised."""
    kept = [animals.document("animals", name, vectors=True).document for name in ("cat", "crow")]
    done = threading.Event()

    def come_and_go() -> None:
        while not done.is_set():
            animals.delete_documents("animals", ids=["crow"])
            animals.upsert("animals", [kept[1]])

    writer = threading.Thread(target=come_and_go)
    writer.start()
    try:
        for _ in range(30):
            cat, crow = animals.unchanged("animals", kept)
            assert cat
            assert crow in (True, False)
    finally:
        done.set()
        writer.join()
    assert animals.unchanged("animals", kept) == [True, True]


def test_vectors_are_found_by_what_was_embedded(animals: Store) -> None:
    animals.create_collection("other", Space("model-b", 4), {})
    animals.upsert("other", [Document("x", "x", {}, (Passage(0, 1, WEST, b"here"), Passage(0, 1, WEST)))])
    known = animals.vectors("model-a", [b"a crow flies/0", b"here", b"", b"a crow flies/0"])
    assert list(known) == [b"a crow flies/0"]
    np.testing.assert_array_equal(known[b"a crow flies/0"], NORTH)
    assert list(animals.vectors("model-b", [b"here"])) == [b"here"]


def test_documents_are_listed_in_pages(animals: Store) -> None:
    first = animals.documents("animals", limit=2)
    assert [each.document.id for each in first.documents] == ["cat", "crow"]
    second = animals.documents("animals", limit=2, cursor=first.cursor)
    assert ([each.document.id for each in second.documents], second.cursor) == (["fish"], None)
    wild = animals.documents("animals", filter=parse({"wild": True}), limit=1)
    assert [each.document.id for each in wild.documents] == ["crow"]
    rest = animals.documents("animals", filter=parse({"wild": True}), limit=1, cursor=wild.cursor)
    assert ([each.document.id for each in rest.documents], rest.cursor) == (["fish"], None)


def test_a_page_ends_where_its_bytes_do(store: Store) -> None:
    store.create_collection("animals", PLANE, {})
    texts = {"a": "é" * 50, "b": "x" * 82, "c": "y" * 300, "d": "z", "e": "z"}
    store.upsert("animals", [document(name, text, EAST, metadata={"n": 1}) for name, text in texts.items()])

    def pages(max_bytes: int | None, limit: int = 10) -> list[str]:
        found, cursor = [], None
        while True:
            page = store.documents("animals", cursor=cursor, limit=limit, max_bytes=max_bytes)
            assert all(each.document.text == texts[each.document.id] for each in page.documents)
            assert all(each.document.metadata == {"n": 1} for each in page.documents)
            found.append("".join(each.document.id for each in page.documents))
            cursor = page.cursor
            if cursor is None:
                return found

    # Bytes of UTF-8, and 7 of metadata.
    assert pages(100 + 7 + 82 + 7) == ["ab", "c", "de"]
    assert pages(100 + 7 + 82 + 7 - 1) == ["a", "b", "c", "de"]
    assert pages(1) == ["a", "b", "c", "d", "e"]
    assert pages(None) == pages(10_000) == ["abcde"]
    assert pages(10_000, limit=2) == ["ab", "cd", "e"]


def test_a_search_reads_what_it_is_to_include(animals: Store) -> None:
    def told(*include: Part) -> list[tuple[str, Metadata, str, int, int]]:
        hits = animals.search("animals", Query("semantic", vector=EAST, include=frozenset(include), limit=2))
        kept = [(hit.document.document, hit) for hit in hits]
        return [(each.text, each.metadata, hit.passage, hit.start, hit.end) for each, hit in kept]

    cat, crow = {"legs": 4, "wild": False}, {"legs": 2, "wild": True}
    assert told() == [("", {}, "", 0, 15), ("", {}, "", 0, 12)]
    assert told("text")[1] == ("a crow flies", {}, "", 0, 12)
    assert told("metadata") == [("", cat, "", 0, 15), ("", crow, "", 0, 12)]
    assert told("passage")[0] == ("", {}, "the cat sleeps.", 0, 15)
    assert told(*ALL_PARTS)[0] == ("the cat sleeps. the cat purrs.", cat, "the cat sleeps.", 0, 15)


@pytest.mark.parametrize("include", ["text", "passage", "metadata"])
def test_a_search_that_finds_too_much_is_refused(store: Store, include: Part) -> None:
    store.create_collection("animals", PLANE, {})
    text, metadata = "ü" * 50, {"k": "x" * 92}
    store.upsert("animals", [document(name, text, EAST, metadata=metadata) for name in "abc"])

    def search(query: Query) -> int:
        return len(store.search("animals", query))

    fits = Query("semantic", vector=EAST, include=frozenset((include,)), max_bytes=300)
    assert search(fits) == 3
    with pytest.raises(LimitPassed, match=r"300, and at most 299 are allowed \(MAX_ANSWER_BYTES\): lower limit, or"):
        search(replace(fits, max_bytes=299))
    assert search(replace(fits, max_bytes=299, limit=2)) == 2
    assert search(replace(fits, max_bytes=299, min_score=1.5)) == 0
    assert search(replace(fits, max_bytes=900, include=ALL_PARTS)) == 3
    with pytest.raises(LimitPassed):
        search(replace(fits, max_bytes=899, include=ALL_PARTS))
    assert search(replace(fits, max_bytes=1, include=frozenset())) == 3


@pytest.mark.parametrize("cursor", ["=", "*", "é", "Zg==", "_w", "\ud800", "Zh"])
def test_a_cursor_that_no_listing_gave(animals: Store, cursor: str) -> None:
    with pytest.raises(InvalidCursor):
        animals.documents("animals", cursor=cursor)


def test_documents_are_deleted_by_id_and_by_filter(animals: Store) -> None:
    assert animals.delete_documents("animals", ids=["cat", "dog", "cat", "\ud800"], filter=parse({"legs": 2})) == 0
    assert animals.delete_documents("animals", ids=["cat", "dog", "cat"]) == 1
    assert animals.delete_documents("animals", filter=parse({"wild": True})) == 2
    collection = animals.collection("animals")
    assert (collection.documents, collection.passages) == (0, 0)
    assert found(animals, default_mode(animals), text="cat crow fish", vector=EAST) == []


@pytest.mark.parametrize(
    ("distance", "scores"), [("cosine", [1, 0, -1]), ("dot", [2, 0, -2]), ("euclidean", [-1, -(5**0.5), -3])]
)
def test_semantic_search_ranks_documents_by_their_best_passage(
    store: Store, distance: Distance, scores: list[float]
) -> None:
    store.create_collection("animals", Space("m", 4, distance), {})
    store.upsert(
        "animals", [document("a", "ab", WEST, NORTH), document("b", "ab", NORTH, EAST), document("c", "c", WEST)]
    )
    hits = store.search("animals", Query("semantic", vector=2 * EAST))
    assert [hit.document.document.id for hit in hits] == ["b", "a", "c"]
    assert [(hit.start, hit.end) for hit in hits] == [(1, 2), (1, 2), (0, 1)]
    np.testing.assert_allclose([hit.score for hit in hits], scores, rtol=1e-6)
    assert [hit.semantic.score for hit in hits if hit.semantic] == [hit.score for hit in hits]
    assert hits[0].semantic is not None
    assert hits[0].semantic.rank == 1
    assert hits[0].keyword is None


@pytest.mark.wants("words")
def test_hybrid_search_says_what_made_a_place(animals: Store) -> None:
    crow, *rest = animals.search("animals", Query("hybrid", "crow", NORTH))
    assert crow.document.document.id == "crow"
    assert crow.semantic is not None
    assert crow.keyword is not None
    assert crow.keyword.rank == 1
    assert crow.keyword.score > 0
    assert 0.9 < crow.score <= 1
    assert {hit.document.document.id for hit in rest} == {"cat", "fish"}
    assert all(hit.keyword is None and hit.score <= 0.5 for hit in rest)


@pytest.mark.parametrize("mode", MODES)
def test_filters_mean_the_same_in_every_mode(animals: Store, mode: Mode) -> None:
    query = {"text": "sleeps cat crow fish", "vector": EAST}
    assert set(found(animals, mode, filter=parse({"wild": True}), **query)) == {"crow", "fish"}
    assert found(animals, mode, filter=parse({"legs": {"$gt": 3}}), **query) == ["cat"]
    assert found(animals, mode, filter=parse({"wild": 1}), **query) == []


@pytest.mark.parametrize("mode", MODES)
def test_pages_of_a_search_make_the_whole(animals: Store, mode: Mode) -> None:
    query = {"text": "sleeps cat crow fish", "vector": EAST}
    whole = found(animals, mode, limit=10, **query)
    assert len(whole) == 3
    assert [found(animals, mode, limit=1, offset=i, **query) for i in range(4)] == [[each] for each in whole] + [[]]


@pytest.mark.wants("words")
def test_pages_of_a_long_hybrid_search_make_the_whole(store: Store) -> None:
    """Of more documents than are fused, some with several passages, some with one of the words."""
    choose, numbers = random.Random(0), np.random.default_rng(0)
    documents = []
    for i in range(400):
        text = f"word{i % 60} " * 4 + ("rare " if choose.random() < 0.3 else "dull ") * choose.randint(1, 3)
        vectors = numbers.standard_normal((choose.randint(1, 3), 4)).astype(np.float32)
        documents.append(document(f"d{i:03}", text, *vectors, metadata={"even": i % 2 == 0}))
    store.create_collection("animals", PLANE, {})
    store.upsert("animals", documents)

    def part(limit: int, offset: int) -> list[tuple[str, int, int, float, object, object]]:
        hits = store.search("animals", Query("hybrid", "rare word7", EAST, limit=limit, offset=offset))
        return [
            (hit.document.document.id, hit.start, hit.end, hit.score, hit.semantic, hit.keyword and hit.keyword.rank)
            for hit in hits
        ]

    whole = part(1000, 0)
    assert sorted(str(found[0]) for found in whole) == [each.id for each in documents]
    scores = [score for _, _, _, score, _, _ in whole]
    assert scores == sorted(scores, reverse=True)
    for limit in (10, 37, 150):
        assert [hit for offset in range(0, 400, limit) for hit in part(limit, offset)] == whole


@pytest.mark.parametrize("filter", [None, {"even": True}])
def test_pages_of_equal_hits_make_the_whole(store: Store, filter: Metadata | None) -> None:
    """As of a text that hundreds of documents share: an index names some of them, ids say which come first."""
    if isinstance(store, ChromaStore):
        pytest.skip("Chroma's graph names but some of many equal ones, and there is nothing to scan beside it")
    store.create_collection("animals", PLANE, {})
    names = [f"d{i:03}" for i in range(300)]
    random.Random(5).shuffle(names)
    equal = [document(each, "", EAST, metadata={"even": int(each[1:]) % 2 == 0}) for each in names]
    others = [document(f"e{i}", "", vector(1, i + 1, 0, 0), metadata={"even": True}) for i in range(20)]
    store.upsert("animals", [*equal, *others])
    wanted = None if filter is None else parse(filter)
    shown = [
        hit.document.document.id
        for offset in range(0, 400, 10)
        for hit in store.search("animals", Query("semantic", "", EAST, wanted, limit=10, offset=offset))
    ]
    kept = [each for each in sorted(names) if filter is None or int(each[1:]) % 2 == 0]
    assert shown == [*kept, *(f"e{i}" for i in range(20))]


@pytest.mark.parametrize("distance", ["cosine", "dot", "euclidean"])
def test_vectors_of_every_length_that_is_let_in_are_compared(store: Store, distance: Distance) -> None:
    store.create_collection("animals", replace(PLANE, distance=distance), {})
    lengths = [LONGEST, 1e5, 1.0, 1e-5, SHORTEST]
    store.upsert("animals", [document(f"d{length:g}", "", np.float32(length) * EAST) for length in lengths])
    store.upsert("animals", [document(f"north{length:g}", "", np.float32(length) * NORTH) for length in lengths])
    for length in lengths:
        hits = store.search("animals", Query("semantic", "", np.float32(length) * EAST, limit=10))
        assert len(hits) == 10
        assert all(math.isfinite(hit.score) for hit in hits)
        if distance == "cosine":
            assert [hit.score for hit in hits] == pytest.approx([1] * 5 + [0] * 5, abs=1e-5)


@pytest.mark.parametrize("mode", MODES[:2])
def test_equal_hits_come_by_id(store: Store, mode: Mode) -> None:
    store.create_collection("animals", PLANE, {})
    for name in ("b", "d", "a", "c"):
        store.upsert("animals", [document(name, "the same", EAST)])
    assert found(store, mode, text="same", vector=EAST, limit=2) == ["a", "b"]
    assert found(store, mode, text="same", vector=EAST, limit=2, offset=2) == ["c", "d"]


def test_min_score_leaves_out_the_rest(animals: Store) -> None:
    assert found(animals, "semantic", vector=EAST, min_score=0.5) == ["cat"]


@pytest.mark.wants("words")
def test_a_query_without_a_word_finds_no_words(animals: Store) -> None:
    assert found(animals, "keyword", text="...") == []
    assert set(found(animals, "hybrid", text="", vector=EAST)) == {"cat", "crow", "fish"}


@pytest.mark.wants("moment")
def test_an_export_is_of_one_moment(animals: Store) -> None:
    export = animals.export("animals")
    first = next(export)
    animals.delete_documents("animals", ids=["crow", "fish"])
    animals.upsert("animals", [document("bee", "a bee", EAST)])
    assert [each.document.id for each in [first, *export]] == ["cat", "crow", "fish"]
    assert len(first.document.passages) == 2


def test_a_sample_of_all_is_an_export(animals: Store) -> None:
    sample = animals.sample("animals", 3)
    assert sample.collection == animals.collection("animals")
    sampled, exported = list(sample.documents), list(animals.export("animals"))
    assert [each.document.id for each in sampled] == [each.document.id for each in exported] == ["cat", "crow", "fish"]
    for one, other in zip(sampled, exported, strict=True):
        np.testing.assert_array_equal(
            [passage.vector for passage in one.document.passages],
            [passage.vector for passage in other.document.passages],
        )


def test_a_sample_is_spread_over_the_collection_and_always_the_same(store: Store) -> None:
    store.create_collection("animals", PLANE, {})
    store.upsert("animals", random_documents(1000))

    def sampled(limit: int) -> list[str]:
        return [each.document.id for each in store.sample("animals", limit).documents]

    ids = sampled(100)
    assert ids == sampled(100) == sorted(set(ids))
    assert len(ids) == 100
    assert set(ids) < set(sampled(200))
    hundreds = Counter(int(each.removeprefix("d")) // 100 for each in ids)
    assert len(hundreds) == 10
    assert max(hundreds.values()) < 30


def test_every_write_makes_another_version_and_none_names_two_states(animals: Store) -> None:
    def version() -> str:
        return animals.sample("animals", 1).version

    def recreate() -> None:
        animals.delete_collection("animals")
        animals.create_collection("animals", PLANE, {})

    writes: list[Callable[[], object]] = [
        lambda: animals.upsert("animals", [document("cat", "another cat", EAST, NORTH)]),
        lambda: animals.upsert("animals", [document("cat", "another cat", EAST, NORTH, metadata={"legs": 3})]),
        lambda: animals.upsert("animals", [document("bee", "a bee", WEST)]),
        lambda: animals.delete_documents("animals", ids=["bee"]),
        lambda: animals.upsert("animals", [document("bee", "a bee", WEST)]),
        lambda: animals.delete_documents("animals", filter=parse({"wild": True})),
        recreate,
        lambda: animals.upsert("animals", [document("cat", "the cat sleeps. the cat purrs.", EAST, NORTH)]),
        recreate,
    ]
    states, last = dict[str, list[tuple[str, str, Metadata]]](), version()
    for write in writes:
        write()
        assert version() != last
        last = version()
        kept = [(each.document.id, each.document.text, each.document.metadata) for each in animals.export("animals")]
        assert states.setdefault(last, kept) == kept
        animals.search("animals", Query("semantic", vector=EAST))
        assert animals.delete_documents("animals", ids=["nobody"]) == 0
        assert version() == last


@pytest.mark.wants("moment")
def test_a_sample_is_read_as_of_one_moment(animals: Store) -> None:
    documents = animals.sample("animals", 10).documents
    first = next(documents)
    animals.delete_documents("animals", ids=["crow", "fish"])
    assert [each.document.id for each in (first, *documents)] == ["cat", "crow", "fish"]


def test_everything_is_there_after_opening_again(opened: Callable[[], Store]) -> None:
    store = opened()
    store.create_collection("animals", PLANE, {"k": 1})
    store.upsert("animals", [document("cat", "the cat sleeps", EAST, metadata={"legs": 4})])
    before = store.collection("animals")
    store = opened()
    assert store.collection("animals") == before
    assert found(store, default_mode(store), text="cat", vector=EAST, filter=parse({"legs": 4})) == ["cat"]
    store.close()
    store.close()


@pytest.mark.parametrize("mode", MODES)
def test_a_search_beside_writes_misses_nothing(store: Store, mode: Mode) -> None:
    """Every document is always there, in one version or the next."""
    names = [f"d{i}" for i in range(30)]
    vectors = np.random.default_rng(0).standard_normal((30, 4)).astype(np.float32)
    store.create_collection("animals", PLANE, {})
    done = threading.Event()

    def write(version: int) -> None:
        store.upsert("animals", [document(name, f"text {version}", vectors[i]) for i, name in enumerate(names)])

    def write_for_ever() -> None:
        for version in itertools.count(1):
            if done.is_set():
                return
            write(version)

    write(0)
    writer = threading.Thread(target=write_for_ever)
    writer.start()
    try:
        for _ in range(30):
            hits = store.search("animals", Query(mode, "text", EAST, limit=50))
            assert {hit.document.document.id for hit in hits} == set(names)
            assert all(hit.end == len(hit.document.document.text) for hit in hits)
            scores = [hit.score for hit in hits]
            assert scores == sorted(scores, reverse=True)
    finally:
        done.set()
        writer.join()
