"""The ledger's write-ahead log stays short, whoever reads meanwhile."""

import threading
from pathlib import Path

import pytest

from app.store.embedded.ledger import ledger
from app.store.embedded.ledger.ledger import FILE, Ledger

MEGABYTE = 2**20


@pytest.fixture
def written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Ledger:
    monkeypatch.setattr(ledger, "MAX_LOG_BYTES", MEGABYTE)
    return Ledger(tmp_path)


def write(written: Ledger) -> int:
    """A quarter of a megabyte; what the log then has."""
    with written.writing() as connection:
        connection.execute("INSERT OR REPLACE INTO notes VALUES ('test', ?)", ("x" * (MEGABYTE // 4),))
    return written.path.with_name(f"{FILE}-wal").stat().st_size


def test_it_is_emptied_under_readers_that_follow_one_another_without_a_gap(written: Ledger) -> None:
    ended = threading.Event()
    turn = threading.Semaphore(1)  # of whom one begins before the other ends

    def read() -> None:
        while not ended.is_set():
            with written.reading() as connection:
                connection.execute("SELECT count(*) FROM notes").fetchone()
                turn.release()
                turn.acquire()

    readers = [threading.Thread(target=read) for _ in range(2)]
    for reader in readers:
        reader.start()
    try:
        longest = max(write(written) for _ in range(60))
    finally:
        ended.set()
        turn.release(2)
        for reader in readers:
            reader.join()
    assert longest < 3 * MEGABYTE
    written.close()


def test_under_one_that_takes_long_nothing_fails_and_afterwards_it_is_emptied(
    written: Ledger, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(ledger, "EMPTYING_MS", 10)
    with written.reading() as connection:
        connection.execute("SELECT count(*) FROM notes").fetchone()
        assert max(write(written) for _ in range(20)) > 3 * MEGABYTE
    assert min(write(written) for _ in range(10)) < MEGABYTE
    written.close()
