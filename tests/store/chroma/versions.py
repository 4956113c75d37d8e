"""Documents in numbered versions, and whether what a store has is whole."""

from collections.abc import Callable

import numpy as np

from app.store.chroma.store import ChromaStore
from app.store.store import Document, Query, StoredDocument
from tests.store.gate import Gate
from tests.store.opening import chroma_server, document, vector

IDS = [f"d{i}" for i in range(5)]
Opening = Callable[..., ChromaStore]


def version(number: int) -> list[Document]:
    """All of them, with one to three passages: fewer than the version before every third time."""
    vectors = [vector(number + 1, part, i, 1) for i in range(len(IDS)) for part in range(1 + number % 3)]
    each = np.array(vectors).reshape(len(IDS), -1, 4)
    return [
        document(name, f"text of version {number}", *each[i], metadata={"version": number})
        for i, name in enumerate(IDS)
    ]


def check(found: StoredDocument) -> None:
    """That all of it is of one version."""
    kept = found.document
    expected = next(one for one in version(kept.metadata["version"]) if one.id == kept.id)
    assert kept.text == expected.text
    vectors = [[part.vector.tolist() for part in each.passages] for each in (kept, expected)]
    assert vectors[0] == vectors[1]


def whole(store: ChromaStore) -> list[int]:
    """The versions that the documents have, each of which is all there and found. Of one that is not, an error."""
    found = list(store.export("c"))
    for each in found:
        check(each)
    hits = store.search("c", Query("semantic", vector=vector(1, 1, 1, 1), limit=50))
    assert {hit.document.document.id: hit.document.document.metadata["version"] for hit in hits} == {
        each.document.id: each.document.metadata["version"] for each in found
    }
    return [each.document.metadata["version"] for each in found]


def before(url: str, gate: Gate) -> str:
    """The same database by way of the gate."""
    return url.replace(f":{chroma_server().port}", f":{gate.port}")
