"""Steps from format to format: all of them or none."""

import sqlite3
from collections.abc import Iterator

import pytest

from app.store.embedded.ledger.schema import STEPS, Step, found_format, migrate


@pytest.fixture
def connection() -> Iterator[sqlite3.Connection]:
    connection = sqlite3.connect(":memory:", isolation_level=None)
    yield connection
    connection.close()


def add_colour(connection: sqlite3.Connection) -> None:
    connection.execute("ALTER TABLE notes ADD COLUMN colour TEXT NOT NULL DEFAULT 'blue'")


def fail(connection: sqlite3.Connection) -> None:
    connection.execute("DELETE FROM notes")
    raise RuntimeError("half way")


def test_an_empty_file_takes_every_step(connection: sqlite3.Connection) -> None:
    migrate(connection)
    assert found_format(connection) == len(STEPS)


def test_an_older_file_takes_the_steps_that_it_lacks(connection: sqlite3.Connection) -> None:
    migrate(connection)
    connection.execute("INSERT INTO notes VALUES ('a', 'b')")
    later: tuple[Step, ...] = (*STEPS, add_colour)
    for _ in range(2):
        migrate(connection, later)
        assert found_format(connection) == len(later)
        assert connection.execute("SELECT * FROM notes").fetchall() == [("a", "b", "blue")]


def test_a_step_that_fails_leaves_everything_as_it_was(connection: sqlite3.Connection) -> None:
    migrate(connection)
    connection.execute("INSERT INTO notes VALUES ('a', 'b')")
    with pytest.raises(RuntimeError, match="half way"):
        migrate(connection, (*STEPS, add_colour, fail))
    assert found_format(connection) == len(STEPS)
    assert connection.execute("SELECT * FROM notes").fetchall() == [("a", "b")]
