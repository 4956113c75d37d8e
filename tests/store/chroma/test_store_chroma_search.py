"""Search where Chroma cannot be asked for all of it."""

import numpy as np
import pytest

from app.errors import InvalidFilter, ModeUnsupported
from app.store.filters import parse
from app.store.store import Document, Mode, Query
from tests.store.chroma.versions import Opening
from tests.store.opening import PLANE, document, vector


def fan(count: int, passages: int = 1) -> list[Document]:
    """000, 001, …, each farther from the east than the one before."""
    angles = np.linspace(0, 3, count)
    return [
        document(
            f"{i:03}",
            f"text {i}",
            *[vector(float(np.cos(angle)), float(np.sin(angle)), 0, 0)] * passages,
            metadata={"s": f"{i:03}"},
        )
        for i, angle in enumerate(angles)
    ]


def test_a_filter_that_chroma_cannot_be_asked_for_is_read_on_for(
    url: str, open_store: Opening, monkeypatch: pytest.MonkeyPatch
) -> None:
    store = open_store(url)
    store.create_collection("c", PLANE, {})
    store.upsert("c", fan(200))
    query = Query("semantic", vector=vector(1, 0, 0, 0), filter=parse({"s": {"$gte": "180"}}), limit=5)
    found = [hit.document.document.id for hit in store.search("c", query)]
    assert found == ["180", "181", "182", "183", "184"]
    monkeypatch.setattr("app.store.chroma.searching.MOST_SEEN", 50)
    with pytest.raises(InvalidFilter, match="among the 64 documents that were looked at it leaves 0"):
        store.search("c", query)


def test_documents_of_many_passages_hide_no_others(url: str, open_store: Opening) -> None:
    store = open_store(url)
    store.create_collection("c", PLANE, {})
    store.upsert("c", fan(6, passages=100))
    hits = store.search("c", Query("semantic", vector=vector(1, 0, 0, 0), limit=5))
    assert [hit.document.document.id for hit in hits] == ["000", "001", "002", "003", "004"]


@pytest.mark.parametrize("mode", ["keyword", "hybrid"])
def test_words_are_refused_by_name(url: str, open_store: Opening, mode: Mode) -> None:
    store = open_store(url)
    store.create_collection("c", PLANE, {})
    with pytest.raises(ModeUnsupported, match=f"{mode} ranks by words") as refused:
        store.search("c", Query(mode, "text", vector(1, 0, 0, 0)))
    assert refused.value.param == "mode"
