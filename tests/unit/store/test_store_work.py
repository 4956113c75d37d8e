"""How much work a change or a query is for the ledger: in statements, steps and characters, never in seconds."""

import sqlite3
import tracemalloc
from collections.abc import Iterator

import pytest

from app.store.embedded.ledger import catalogue, contents, keyword_index
from app.store.embedded.ledger.catalogue import Row
from app.store.embedded.ledger.columns import MOST_PARAMETERS
from app.store.embedded.ledger.schema import migrate
from app.store.filters import Equals, Filter, Not
from app.store.store import Document, Passage
from tests.store.opening import PLANE, document, vector

EAST = vector(1, 0, 0, 0)
EVEN = Equals("even", (True,))


@pytest.fixture
def connection() -> Iterator[sqlite3.Connection]:
    """An empty ledger."""
    connection = sqlite3.connect(":memory:", isolation_level=None)
    migrate(connection)
    yield connection
    connection.close()


def kept(connection: sqlite3.Connection, name: str, documents: list[Document]) -> Row:
    """A new collection with these documents."""
    row, _ = catalogue.create(connection, name, PLANE, {}, 8)
    contents.upsert(connection, row, contents.prepare(documents))
    return row


def numbered(count: int) -> list[Document]:
    """d0, d1, …, of one passage each."""
    return [document(f"d{i}", "a word", EAST, metadata={"even": i % 2 == 0}) for i in range(count)]


def left(connection: sqlite3.Connection) -> list[str]:
    return [each for (each,) in connection.execute("SELECT id FROM documents ORDER BY key")]


def statements_of_deleting(connection: sqlite3.Connection, row: Row, ids: list[str], filter: Filter) -> list[str]:
    statements: list[str] = []
    connection.set_trace_callback(statements.append)
    contents.delete(connection, row, ids, filter)
    connection.set_trace_callback(None)
    return statements


@pytest.mark.parametrize("there", [False, True], ids=["nobody's", "of documents that the filter leaves out"])
def test_looking_for_ids_takes_no_statement_for_each(connection: sqlite3.Connection, there: bool) -> None:
    row = kept(connection, "a", numbered(2000))
    ids = [f"d{i}" if there else f"nobody{i}" for i in range(1, 2000, 2)]
    statements = statements_of_deleting(connection, row, ids, EVEN)
    # Those that find them, and the one that counts what is left.
    assert len(statements) == len(ids) / MOST_PARAMETERS + 1
    assert not any("fields" in statement for statement in statements)
    assert len(left(connection)) == 2000


@pytest.mark.parametrize("filter", [EVEN, Not(EVEN), None], ids=["even", "odd", "all"])
def test_of_many_ids_those_are_deleted_that_the_filter_matches(
    connection: sqlite3.Connection, filter: Filter | None
) -> None:
    count = 2 * MOST_PARAMETERS + 3
    documents = numbered(count)
    row, _ = kept(connection, "a", documents), kept(connection, "b", documents)
    ids = [f"d{i}" for i in range(count)]
    wanted = {EVEN: ids[::2], Not(EVEN): ids[1::2], None: ids}[filter]
    assert contents.delete(connection, row, [*ids, *ids, "nobody", "\ud800"], filter) == len(wanted)
    assert left(connection) == [*(each for each in ids if each not in wanted), *ids]
    assert catalogue.find(connection, "a").collection.documents == count - len(wanted)
    assert catalogue.find(connection, "b").collection.documents == count


@pytest.mark.parametrize("by_id", [True, False], ids=["by id", "by filter"])
def test_texts_are_deleted_one_at_a_time(connection: sqlite3.Connection, by_id: bool) -> None:
    characters, count = 200_000, 30
    texts = [Document(f"d{i}", "x" * characters, {"even": True}, (Passage(0, 9, EAST),)) for i in range(count)]
    row = kept(connection, "a", texts)
    tracemalloc.start()
    deleted = contents.delete(connection, row, [f"d{i}" for i in range(count)] if by_id else None, EVEN)
    _, most = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert deleted == count
    assert most < 3 * characters


@pytest.mark.parametrize("filter", [EVEN, Not(EVEN)], ids=["even", "odd"])
def test_a_search_by_words_leaves_the_neighbours_alone(connection: sqlite3.Connection, filter: Filter) -> None:
    def steps() -> int:
        """Of SQLite's machine."""
        count = 0

        def step() -> None:
            nonlocal count
            count += 1

        connection.set_progress_handler(step, 1)
        found = keyword_index.find(connection, row.key, ["word"], 100, filter)
        connection.set_progress_handler(None, 0)
        assert len(found) == 5
        return count

    row = kept(connection, "a", numbered(10))
    alone = steps()
    kept(connection, "b", numbered(2000))
    assert steps() <= alone
