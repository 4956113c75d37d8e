"""What a store is: the Protocol that every one of them keeps, and the values that go in and out.

A store keeps collections of documents. A document is a text with metadata, cut into passages; each passage has one
vector. Nobody here makes vectors or cuts texts: they come in, and a collection remembers which model made them.

Every method may be called from any thread, blocks until it is done, and leaves nothing half done: a write that returned
survives a kill, one that raised has changed nothing. Only DatabaseAway, which every method of a store in a database may
raise, can leave open whether it has: all writes may be sent again, and then come to the same.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal, Protocol, runtime_checkable

import numpy as np
import numpy.typing as npt

from app.store.filters import Filter

F32 = npt.NDArray[np.float32]
Metadata = Mapping[str, Any]
Distance = Literal["cosine", "dot", "euclidean"]
Mode = Literal["hybrid", "semantic", "keyword"]
Part = Literal["text", "metadata", "passage"]
ALL_PARTS: frozenset[Part] = frozenset(("text", "metadata", "passage"))


@dataclass(frozen=True)
class Space:
    """What a collection's vectors have in common. Fixed for its life.

    model      name of the model that makes the vectors
    dimension  numbers in a vector
    distance   how two vectors are compared: the greater a `Rank`'s score, the nearer
    """

    model: str
    dimension: int
    distance: Distance = "cosine"


@dataclass(frozen=True)
class Collection:
    """A collection as it is now.

    created_at_unix_s    seconds since 1970
    documents, passages  how many it holds
    key                  names it for ever: one that is made later under the same name has another
    """

    name: str
    space: Space
    metadata: Metadata
    created_at_unix_s: float
    documents: int = 0
    passages: int = 0
    key: str = ""


@dataclass(frozen=True)
class Passage:
    """A part of a document's text, [start, end) in characters (Unicode code points), and its vector.

    vector  (dimension,) float32
    key     hash of what was embedded, by which the same text is found again; empty where the vector was given
    """

    start: int
    end: int
    vector: F32
    key: bytes = b""


@dataclass(frozen=True)
class Document:
    """What is kept under an id. `text` may be empty where vectors were given without one."""

    id: str
    text: str
    metadata: Metadata = field(default_factory=dict)
    passages: tuple[Passage, ...] = ()


@dataclass(frozen=True)
class StoredDocument:
    """A document as it is kept; its passages only when they were asked for. updated_at_unix_s: seconds since 1970."""

    document: Document
    updated_at_unix_s: float


@dataclass(frozen=True)
class Page:
    """Some documents, in the order of their ids; `cursor` asks for the ones after them, None where there are none."""

    documents: list[StoredDocument]
    cursor: str | None


@dataclass(frozen=True)
class Query:
    """What is looked for: a `text` in keyword and hybrid mode, a `vector` (dimension,) float32 in semantic and hybrid.

    limit, offset  documents to return, and to leave out before them
    min_score      leave out hits whose `score` is less; None leaves out none
    include        what of a hit is read: its document's text and metadata, and its passage's text
    max_bytes      of what is read so, in all hits, texts as UTF-8 and metadata as JSON; None: any number
    """

    mode: Mode
    text: str = ""
    vector: F32 | None = None
    filter: Filter | None = None
    limit: int = 10
    offset: int = 0
    min_score: float | None = None
    include: frozenset[Part] = ALL_PARTS
    max_bytes: int | None = None


@dataclass(frozen=True)
class Rank:
    """A place in one ranking of passages: `rank` counts from 1; `score` is that ranking's own, the greater the better.

    semantic  cosine: cosine similarity, -1 to 1; dot: the inner product; euclidean: minus the distance
    keyword   BM25 (k1 = 1.2, b = 0.75), above 0; computed by SQLite, or in SQL with the same result
    """

    rank: int
    score: float


@dataclass(frozen=True)
class Hit:
    """A document found: its best passage's span, the score that made its place, and the ranks that made the score.

    document  its text and metadata are empty where the query does not include them
    passage   the best passage's text, [start, end) of the document's; empty where the query does not include it
    score     semantic and keyword: that ranking's score; hybrid: reciprocal rank fusion's, 0 to 1
    semantic, keyword   the places that count: in hybrid mode those among the first 100 passages (`fusion`), or the one
                        by meaning of a document that follows them
    """

    document: StoredDocument
    start: int
    end: int
    score: float
    semantic: Rank | None = None
    keyword: Rank | None = None
    passage: str = ""


IndexCondition = Literal["opening", "ready", "rebuilding", "failed"]


@dataclass(frozen=True)
class IndexState:
    """How the approximate index stands. Search is exact, and slower, for what it does not hold yet.

    behind    changes committed and not yet in the index
    detail    why it is rebuilt or failed; else empty
    rebuilds  times that it was made anew since the store was opened
    """

    state: IndexCondition
    behind: int = 0
    detail: str = ""
    rebuilds: int = 0


@dataclass(frozen=True)
class Totals:
    """What is kept, over all collections.

    bytes  on disk, the index not; the ledger's with its write-ahead log; None where not asked for or unknown
    """

    collections: int
    documents: int
    passages: int
    bytes: int | None


@dataclass(frozen=True)
class Sample:
    """Some of a collection's documents, and which state of it they are of.

    collection  as it was when asked
    version     names the state: every write makes another, and no two states of a collection have the same while this
                store is open
    documents   with their vectors, by id; read as they are asked for, all as of one moment, not before the version's
    """

    collection: Collection
    version: str
    documents: Iterator[StoredDocument]


class Store(Protocol):
    """Collections and documents, kept and found."""

    def create_collection(self, name: str, space: Space, metadata: Metadata) -> tuple[Collection, bool]:
        """The collection, and whether it is new. One that exists is returned as it is when its space is the same.

        raises  SpaceMismatch, naming both; TooManyCollections
        """

    def collection(self, name: str) -> Collection:
        """raises  CollectionNotFound"""

    def collections(self) -> list[Collection]:
        """All of them, by name."""

    def delete_collection(self, name: str) -> None:
        """With everything in it. raises CollectionNotFound"""

    def upsert(self, name: str, documents: Sequence[Document], *, made_for: Collection | None = None) -> None:
        """Keep each document, in place of an older one of the same id: all of them, or none.

        The last one counts where an id comes twice. Vectors are of the collection's dimension and finite: the caller
        has checked.
        made_for  the collection that the caller checked; None takes whichever has the name
        raises    CollectionNotFound, also where another than `made_for` has the name by now; InvalidDocument, where a
                  text or a number cannot be kept; StorageFull
        """

    def vectors(self, model: str, keys: Sequence[bytes]) -> dict[bytes, F32]:
        """Vectors of passages that any collection of this model keeps, by their key; the keys that are known."""

    def unchanged(self, name: str, documents: Sequence[Document]) -> list[bool]:
        """For each document, whether one of the same id, text and metadata is kept; each as of one moment.

        Where a document brings passages, their spans and vectors are compared as well, their keys are not.
        raises  CollectionNotFound
        """

    def document(self, name: str, id: str, *, vectors: bool = False) -> StoredDocument:
        """raises  CollectionNotFound; DocumentNotFound"""

    def documents(
        self,
        name: str,
        *,
        filter: Filter | None = None,
        cursor: str | None = None,
        limit: int = 100,
        max_bytes: int | None = None,
    ) -> Page:
        """Documents by id, without vectors.

        limit, max_bytes  how many documents, and bytes of their texts as UTF-8 and metadata as JSON: the page ends
                          before the one that passes either, and has one at least; None: any number of bytes
        raises            CollectionNotFound; InvalidCursor
        """

    def delete_documents(self, name: str, *, ids: Sequence[str] | None = None, filter: Filter | None = None) -> int:
        """Delete those that have one of the ids and that the filter matches; at least one of the two must be given.

        returns  how many were there
        raises   CollectionNotFound; StorageFull
        """

    def search(self, name: str, query: Query, *, made_for: Collection | None = None) -> list[Hit]:
        """Documents by score, best first; equal ones by id. The order is the same whatever part of it is asked for.

        In hybrid mode the first passages of both rankings are fused; the documents that have none among them follow by
        meaning.
        made_for  the collection that the query's vector was made for; None takes whichever has the name
        raises    CollectionNotFound, also where another than `made_for` has the name by now; LimitPassed, where the
                  hits have more than the query's `max_bytes`
        """

    def export(self, name: str) -> Iterator[StoredDocument]:
        """Every document with its vectors, by id, as of one moment. raises CollectionNotFound"""

    def sample(self, name: str, limit: int) -> Sample:
        """At most `limit` documents, spread over the collection; the same ones as long as nothing is written.

        Nothing is read of a document before it is asked for, so that asking for the version alone costs little.
        raises  CollectionNotFound
        """

    def index_state(self) -> IndexState:
        """How the index stands, over all collections."""

    def totals(self, *, size: bool = True) -> Totals:
        """How much is kept. Asked every few seconds: no document is looked at.

        What another process has written may be missing for a few seconds.
        size  whether the bytes are wanted as well: a database looks at each of its tables for them
        """

    def close(self) -> None:
        """Finish what runs and let go of everything. Calling it twice is fine."""


@runtime_checkable
class MeaningOnly(Protocol):
    """A store that ranks by meaning alone: it raises ModeUnsupported where a query wants words ranked."""

    meaning_only: Literal[True]


def default_mode(store: Store) -> Mode:
    """The mode of a search that names none: both rankings, where the store has both."""
    return "semantic" if isinstance(store, MeaningOnly) else "hybrid"


OnFatal = Callable[[BaseException], None]
